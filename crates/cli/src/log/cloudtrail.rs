//! AWS CloudTrail: a document a file, `{"Records":[{…},{…}]}`, mostly all on one line; each of its elements is a record.
//!
//! Nobody can hold such a document, so it is made into lines while it is read, byte for byte: the comma behind an element
//! becomes a line end, and so does the brace that ends the document; a line end becomes a form feed, which no JSON has.
//! From there on it is JSON with an object a line, offsets are those of the document, lines are counted by records, and
//! whoever prints a record turns its bytes back. What is no such document passes as it is; what begins as one and goes
//! wrong has no line ends from there on, and is looked into as text.

use super::{Annotation, Fields, Kind, Layout, Log, Source, json};
use std::io::{self, Read};
use std::ops::Range;

/// The row of the table.
pub(super) static KIND: Kind = Kind {
    name: "cloudtrail",
    also: &[],
    about: "AWS CloudTrail, documents of records",
    tell: |head| begins(head) == Begins::Yes,
    // What is no document is objects, a line each.
    begin: |head| if begins(head) == Begins::Yes { Log::new(CloudTrail) } else { (json::KIND.begin)(head) },
    reshape: Some(reshape),
};

/// How a document begins, with white space between any two parts.
const PARTS: [&[u8]; 4] = [b"{", b"\"Records\"", b":", b"["];
/// How much white space may stand before it is seen what a document is.
const HELD_MAX: usize = 4 << 10;
/// What a line end becomes.
const FEED: u8 = b'\x0c';

/// Whether a text begins as a document does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// It does, and goes on behind these bytes.
    Yes,
    No,
    /// It is too short to say.
    Perhaps,
}

fn begins(text: &[u8]) -> Begins {
    match prefix_len(text) {
        Ok(Some(_)) => Begins::Yes,
        Ok(None) => Begins::Perhaps,
        Err(()) => Begins::No,
    }
}

/// The length of what stands before the first element; `None` where the text ends before.
fn prefix_len(text: &[u8]) -> Result<Option<usize>, ()> {
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for part in PARTS {
        rest = rest.trim_ascii_start();
        match rest.strip_prefix(part) {
            Some(behind) => rest = behind,
            None if part.starts_with(rest) => return Ok(None),
            None => return Err(()),
        }
    }
    Ok(Some(text.len() - rest.len()))
}

/// Makes lines of a document, if a source is one.
pub(super) fn reshape(source: Source) -> Source {
    Box::new(Lines { source, held: Vec::new(), given: 0, shape: Shape::Unseen })
}

struct Lines {
    source: Source,
    /// What was read to see what it is, and how much of that was given.
    held: Vec<u8>,
    given: usize,
    shape: Shape,
}

enum Shape {
    /// Nobody looked yet.
    Unseen,
    /// It is something else.
    Other,
    Document(Walk),
}

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Shape::Unseen = self.shape {
            self.look()?;
        }
        let held = self.held.get(self.given..).unwrap_or(&[]);
        let read = if held.is_empty() { self.source.read(out)? } else { (&*held).read(out)? };
        self.given += if held.is_empty() { 0 } else { read };
        if let Shape::Document(walk) = &mut self.shape {
            walk.reshape(out.get_mut(..read).unwrap_or(&mut []));
        }
        Ok(read)
    }
}

impl Lines {
    /// Reads until it is seen what the source is.
    fn look(&mut self) -> io::Result<()> {
        let mut seen = begins(&self.held);
        while seen == Begins::Perhaps && self.held.len() < HELD_MAX {
            let have = self.held.len();
            self.held.resize(have + HELD_MAX, 0);
            let read = self.source.read(self.held.get_mut(have..).unwrap_or(&mut []));
            self.held.truncate(have + read.as_ref().map_or(0, |read| *read));
            if read? == 0 {
                break;
            }
            seen = begins(&self.held);
        }
        self.shape = if seen == Begins::Yes { Shape::Document(Walk::default()) } else { Shape::Other };
        Ok(())
    }
}

/// A walk through documents, one after the other.
#[derive(Default)]
struct Walk {
    place: Place,
    /// How deep in an element.
    depth: u64,
    is_string: bool,
    is_escaped: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before the first element, with what was met of [`PARTS`], byte by byte.
    #[default]
    Before,
    /// Where an element may begin.
    Between,
    Element,
    /// Behind an element.
    Behind,
    /// Behind the last one.
    Closing,
    /// In what is no document.
    Lost,
}

impl Walk {
    fn reshape(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.step(*byte);
        }
    }

    /// What a byte becomes.
    fn step(&mut self, byte: u8) -> u8 {
        if self.place == Place::Element {
            self.element(byte);
            return if byte == b'\n' { FEED } else { byte };
        }
        if byte.is_ascii_whitespace() {
            return if byte == b'\n' { FEED } else { byte };
        }
        let (place, becomes) = match (self.place, byte) {
            (Place::Before, b'[') => (Place::Between, byte),
            (Place::Before, _) if is_of_prefix(byte) => (Place::Before, byte),
            (Place::Between, b'{') => {
                self.depth = 1;
                (Place::Element, byte)
            }
            (Place::Between | Place::Behind, b']') => (Place::Closing, byte),
            (Place::Behind, b',') => (Place::Between, b'\n'),
            (Place::Closing, b'}') => (Place::Before, b'\n'),
            _ => (Place::Lost, byte),
        };
        self.place = place;
        becomes
    }

    fn element(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = self.is_string,
            b'"' => self.is_string = !self.is_string,
            _ if self.is_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.place = if byte == b'}' { Place::Behind } else { Place::Lost };
                }
            }
            _ => {}
        }
    }
}

/// Whether a byte may stand before the first element.
fn is_of_prefix(byte: u8) -> bool {
    b"{:\xef\xbb\xbf\"".contains(&byte) || b"Records".contains(&byte)
}

struct CloudTrail;

impl CloudTrail {
    /// Where the element of a record stands.
    fn element(record: &[u8]) -> Option<Range<usize>> {
        let start = element_at(record);
        let length = json::value_len(record.get(start..)?)?;
        Some(start..start + length)
    }
}

/// Where an element begins: behind the beginning of its document, if that is there.
fn element_at(record: &[u8]) -> usize {
    let start = prefix_len(record).ok().flatten().unwrap_or(0);
    let blanks = record.iter().skip(start).take_while(|byte| byte.is_ascii_whitespace()).count();
    start + blanks
}

impl Layout for CloudTrail {
    fn fields(&self) -> Fields<'_> {
        Fields::Any
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        json::mask(block, fields, element_at, out)
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        json::field(record.get(CloudTrail::element(record)?)?, name)
    }

    fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        let Some(element) = CloudTrail::element(record) else { return out.extend_from_slice(record) };
        out.extend_from_slice(record.get(..element.start).unwrap_or(&[]));
        json::annotate(record.get(element.clone()).unwrap_or(&[]), remark, out);
        out.extend_from_slice(record.get(element.end..).unwrap_or(&[]));
    }

    /// Behind an element there was a comma, and behind the last bracket a brace.
    fn restore(&self, record: &mut [u8]) {
        if let [body @ .., end @ b'\n'] = record {
            *end = if body.trim_ascii_end().ends_with(b"]") { b'}' } else { b',' };
        }
        record.iter_mut().filter(|byte| **byte == FEED).for_each(|byte| *byte = b'\n');
    }

    /// The element, on one line.
    fn alone(&self, record: &[u8]) -> Option<Vec<u8>> {
        let element = CloudTrail::element(record).and_then(|element| record.get(element)).unwrap_or(record);
        let plain = |byte: &u8| if *byte == FEED || *byte == b'\n' { b' ' } else { *byte };
        Some(element.trim_ascii().iter().map(plain).collect())
    }
}
