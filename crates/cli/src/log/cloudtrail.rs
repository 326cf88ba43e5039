//! AWS CloudTrail: a file is one document, `{"Records":[{…},{…}]}`, usually on one line; each element is a
//! record.
//!
//! A document may be larger than memory, so it is not parsed as a whole. While it is read, it becomes lines,
//! byte for byte: the comma behind an element and the brace that ends the document become line ends, and a
//! line end becomes a form feed, which JSON never contains. The result is JSON with an object a line; offsets
//! are those of the document, line numbers count records, and printing a record restores its bytes. Any
//! other log passes unchanged. A document that turns out to be malformed has no line ends from that point on,
//! and is searched as text.

use super::{Annotation, ByteReader, Fields, Kind, Log, RecordFormat, json};
use std::io::{self, Read};
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "cloudtrail",
    aliases: &[],
    description: "AWS CloudTrail documents",
    detect: |head| begins(head) == Begins::AsDocument,
    // Lines of objects are accepted under this name, too.
    new_log: |head| {
        if begins(head) == Begins::AsDocument { Log::new(CloudTrail) } else { (json::KIND.new_log)(head) }
    },
    reshape: Some(reshape),
};

/// The beginning of a document; white space is allowed between any two parts.
const PARTS: [&[u8]; 4] = [b"{", b"\"Records\"", b":", b"["];
/// How many bytes are held until it is known whether the log is a document.
const HELD_MAX: usize = 4 << 10;
/// The byte that replaces a line end.
const FORM_FEED: u8 = b'\x0c';

/// Whether a text begins like a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    AsDocument,
    Otherwise,
    /// The text is too short to decide.
    Undecided,
}

fn begins(text: &[u8]) -> Begins {
    match prefix_len(text) {
        Ok(Some(_)) => Begins::AsDocument,
        Ok(None) => Begins::Undecided,
        Err(()) => Begins::Otherwise,
    }
}

/// The length of the text before the first element; `Ok(None)` where the text ends before it, `Err` for no
/// document.
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

/// Rewrites a log that is a document, so that each record is a line.
pub(super) fn reshape(inner: ByteReader) -> ByteReader {
    Box::new(LineSplitter { inner, held: Vec::new(), read_to: 0, content: Content::Undetermined })
}

struct LineSplitter {
    inner: ByteReader,
    /// The bytes that were read to detect the content, and how many of them were passed on.
    held: Vec<u8>,
    read_to: usize,
    content: Content,
}

enum Content {
    Undetermined,
    Other,
    Document(ElementWalk),
}

impl Read for LineSplitter {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Content::Undetermined = self.content {
            self.detect()?;
        }
        let held = self.held.get(self.read_to..).unwrap_or(&[]);
        let read = if held.is_empty() { self.inner.read(out)? } else { (&*held).read(out)? };
        self.read_to += if held.is_empty() { 0 } else { read };
        if let Content::Document(walk) = &mut self.content {
            walk.reshape(out.get_mut(..read).unwrap_or(&mut []));
        }
        Ok(read)
    }
}

impl LineSplitter {
    /// Reads until the content is known.
    fn detect(&mut self) -> io::Result<()> {
        let mut seen = begins(&self.held);
        while seen == Begins::Undecided && self.held.len() < HELD_MAX {
            let have = self.held.len();
            self.held.resize(have + HELD_MAX, 0);
            let read = self.inner.read(self.held.get_mut(have..).unwrap_or(&mut []));
            self.held.truncate(have + read.as_ref().map_or(0, |read| *read));
            if read? == 0 {
                break;
            }
            seen = begins(&self.held);
        }
        self.content = if seen == Begins::AsDocument {
            Content::Document(ElementWalk::default())
        } else {
            Content::Other
        };
        Ok(())
    }
}

/// The state of a reader of documents, one after the other.
#[derive(Default)]
struct ElementWalk {
    state: State,
    /// The nesting inside an element.
    depth: u64,
    is_string: bool,
    is_escaped: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Before the first element. Which bytes of [`PARTS`] were read is not checked again.
    #[default]
    Before,
    /// An element may begin.
    Between,
    Element,
    /// Behind an element.
    Behind,
    /// Behind the last element.
    Closing,
    /// The document is malformed.
    Lost,
}

impl ElementWalk {
    fn reshape(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.step(*byte);
        }
    }

    /// The replacement of a byte.
    fn step(&mut self, byte: u8) -> u8 {
        if self.state == State::Element {
            self.element(byte);
            return if byte == b'\n' { FORM_FEED } else { byte };
        }
        if byte.is_ascii_whitespace() {
            return if byte == b'\n' { FORM_FEED } else { byte };
        }
        let (state, becomes) = match (self.state, byte) {
            (State::Before, b'[') => (State::Between, byte),
            (State::Before, _) if is_of_prefix(byte) => (State::Before, byte),
            (State::Between, b'{') => {
                self.depth = 1;
                (State::Element, byte)
            }
            (State::Between | State::Behind, b']') => (State::Closing, byte),
            (State::Behind, b',') => (State::Between, b'\n'),
            (State::Closing, b'}') => (State::Before, b'\n'),
            _ => (State::Lost, byte),
        };
        self.state = state;
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
                    self.state = if byte == b'}' { State::Behind } else { State::Lost };
                }
            }
            _ => {}
        }
    }
}

/// Whether a byte may come before the first element.
fn is_of_prefix(byte: u8) -> bool {
    b"{:\xef\xbb\xbf\"".contains(&byte) || b"Records".contains(&byte)
}

struct CloudTrail;

impl CloudTrail {
    /// The range of the element in a record.
    fn element(record: &[u8]) -> Option<Range<usize>> {
        let start = element_at(record);
        let length = json::value_len(record.get(start..)?)?;
        Some(start..start + length)
    }
}

/// The offset of the element in a record; the first record contains the beginning of the document, too.
fn element_at(record: &[u8]) -> usize {
    let start = prefix_len(record).ok().flatten().unwrap_or(0);
    let blanks = record.iter().skip(start).take_while(|byte| byte.is_ascii_whitespace()).count();
    start + blanks
}

impl RecordFormat for CloudTrail {
    fn fields(&self) -> Fields<'_> {
        Fields::Any
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        json::mask(block, fields, element_at, out)
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        json::field(record.get(CloudTrail::element(record)?)?, name)
    }

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        let Some(element) = CloudTrail::element(record) else { return out.extend_from_slice(record) };
        out.extend_from_slice(record.get(..element.start).unwrap_or(&[]));
        json::annotate(record.get(element.clone()).unwrap_or(&[]), annotation, out);
        out.extend_from_slice(record.get(element.end..).unwrap_or(&[]));
    }

    /// The line end was a comma behind an element, or a brace behind the last bracket.
    fn restore(&self, record: &mut [u8]) {
        if let [body @ .., end @ b'\n'] = record {
            *end = if body.trim_ascii_end().ends_with(b"]") { b'}' } else { b',' };
        }
        record.iter_mut().filter(|byte| **byte == FORM_FEED).for_each(|byte| *byte = b'\n');
    }

    /// The element, on one line.
    fn standalone(&self, record: &[u8]) -> Option<Vec<u8>> {
        let element = CloudTrail::element(record).and_then(|element| record.get(element)).unwrap_or(record);
        let plain = |byte: &u8| if *byte == FORM_FEED || *byte == b'\n' { b' ' } else { *byte };
        Some(element.trim_ascii().iter().map(plain).collect())
    }
}
