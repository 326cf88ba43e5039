//! The kinds of log: which fields they have, where a record ends, and how a verdict is added to one.
//!
//! A kind is a row of [`KINDS`] and a file of its own, which says by what it is told, where its fields and times stand,
//! and how a record is annotated. What is not to be looked into is blanked out in a copy of the block, byte for byte. So
//! the scorer knows nothing of columns and keys, and every offset that it reports is that of the log. An annotated record
//! is the record with something added, and every other byte as it was.

use rapsheet_snapshot::Time;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

mod alb;
mod bind;
mod cloudtrail;
mod combined;
mod delimited;
mod json;
mod moment;
mod placed;
mod remark;
mod squid;
mod syslog;
mod text;
mod vpcflow;
mod zeek;

pub(crate) use remark::Annotation;
use remark::REMARKS;

/// Every kind, in the order in which people are shown them.
pub(crate) static KINDS: &[&Kind] = &[
    &AUTO,
    &text::KIND,
    &delimited::CSV,
    &delimited::TSV,
    &json::KIND,
    &zeek::KIND,
    &combined::KIND,
    &syslog::KIND,
    &bind::KIND,
    &squid::KIND,
    &vpcflow::KIND,
    &alb::KIND,
    &cloudtrail::KIND,
];

/// The kinds that can be told, those first that others might be taken for.
static TOLD: &[&Kind] = &[
    &zeek::KIND,
    &cloudtrail::KIND,
    &json::KIND,
    &alb::KIND,
    &vpcflow::KIND,
    &squid::KIND,
    &combined::KIND,
    &bind::KIND,
    &syslog::KIND,
    &delimited::CSV,
    &delimited::TSV,
];

/// Whichever kind a log begins like.
static AUTO: Kind = Kind {
    name: "auto",
    also: &[],
    about: "Whichever its beginning looks like",
    tell: |_| false,
    begin: |head| {
        let told = TOLD.iter().copied().find(|kind| (kind.tell)(head)).unwrap_or(&text::KIND);
        (told.begin)(head)
    },
    reshape: Some(cloudtrail::reshape),
};

/// One row of the table of kinds.
pub(crate) struct Kind {
    /// The word of `--input`.
    pub(crate) name: &'static str,
    /// What else people call it.
    pub(crate) also: &'static [&'static str],
    /// What it is, for help.
    pub(crate) about: &'static str,
    /// Whether a log begins like one of this kind.
    tell: fn(&[u8]) -> bool,
    /// The log of this kind that begins so.
    begin: fn(&[u8]) -> Log,
    /// Makes lines of what has none, byte for byte.
    reshape: Option<fn(Source) -> Source>,
}

/// What a log is read from.
pub(crate) type Source = Box<dyn Read + Send>;

/// The kind that goes by this word.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name || kind.also.contains(&name))
}

impl Kind {
    /// Whether logs of this kind never have fields.
    pub(crate) fn is_text(&self) -> bool {
        self.name == text::KIND.name
    }

    /// Whether it is a document, which has no end until it is whole.
    pub(crate) fn is_document(&self) -> bool {
        self.name == cloudtrail::KIND.name
    }

    /// What is read of a log of this kind: as many bytes, and each record on a line.
    pub(crate) fn reshaped(&self, source: Source) -> Source {
        match self.reshape {
            Some(reshape) => reshape(source),
            None => source,
        }
    }
}

/// What a log says of the fields of its records.
enum Fields<'l> {
    /// There are none.
    None,
    /// Nobody knows yet, or each record has its own.
    Any,
    /// These, by name.
    Named(Vec<Cow<'l, str>>),
}

/// What a kind of log knows, where a block of it begins. Records come without their line ends.
trait Layout: Send + Sync {
    fn fields(&self) -> Fields<'_>;

    /// Whether a record may go on behind the end of a line, within quotes.
    fn is_quoted(&self) -> bool {
        false
    }

    /// Whether another header may come, with other fields.
    fn headers_recur(&self) -> bool {
        false
    }

    /// What holds below a block; `None` where nothing changes.
    fn after(&self, _block: &[u8]) -> Option<Log> {
        None
    }

    /// The length of the first record with its line end.
    fn record_len(&self, text: &[u8]) -> usize {
        line_len(text)
    }

    /// Whether a record names columns, or says something else of the whole log.
    fn is_header(&self, _record: &[u8]) -> bool {
        false
    }

    /// Puts what is to be looked into of a block, and blanks for the rest; `false` if that is all of it, and nothing was
    /// put.
    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool;

    /// A field of a record, as it stands there.
    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>>;

    /// The names of the fields that may hold a record's time, the likeliest first.
    fn times(&self) -> &'static [&'static str] {
        &moment::FIELDS
    }

    /// The time that a record states outside of its fields.
    fn time_of_line(&self, _record: &[u8], _now: Time) -> Option<Time> {
        None
    }

    /// Puts a record and its remark.
    fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>);

    /// Gives a record with its end back the bytes that its kind reshaped.
    fn restore(&self, _record: &mut [u8]) {}

    /// A record that is to stand on a line of its own, if it does not as it is.
    fn alone(&self, _record: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// A log where a block of it begins.
#[derive(Clone)]
pub(crate) struct Log(Arc<dyn Layout>);

impl Log {
    fn new(layout: impl Layout + 'static) -> Log {
        Log(Arc::new(layout))
    }

    /// What a log is, as it was called or by its beginning.
    pub(crate) fn of(kind: &Kind, head: &[u8]) -> Log {
        (kind.begin)(head)
    }

    /// As [`Log::of`], for a log that comes line by line and was never reshaped: a document on a line is an object.
    pub(crate) fn of_lines(kind: &Kind, head: &[u8]) -> Log {
        if (cloudtrail::KIND.tell)(head) { Log::of(&json::KIND, head) } else { Log::of(kind, head) }
    }

    /// Whether a record may go on behind the end of a line, within quotes.
    pub(crate) fn is_quoted(&self) -> bool {
        self.0.is_quoted()
    }

    /// Whether another header may come, with other fields.
    pub(crate) fn headers_recur(&self) -> bool {
        self.0.headers_recur()
    }

    /// What holds below a block; `None` where nothing changes.
    pub(crate) fn after(&self, block: &[u8]) -> Option<Log> {
        self.0.after(block)
    }

    /// Why none of `fields` can be found in this log; `None` if one can, or if nobody knows yet.
    pub(crate) fn complaint(&self, fields: &[String]) -> Option<String> {
        match self.0.fields() {
            _ if fields.is_empty() => None,
            Fields::Any => None,
            Fields::None => {
                Some("--field needs a log with fields, and this one has none; see --input".to_owned())
            }
            Fields::Named(names) if names.iter().any(|name| is_wanted(name.as_bytes(), fields)) => None,
            Fields::Named(names) => Some(format!("no such field; it has {}", names.join(", "))),
        }
    }

    /// Puts what is to be looked into of a block into `out`, blanks for the rest; `false` if that is all of it, and
    /// nothing was put.
    pub(crate) fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        out.clear();
        self.0.mask(block, fields, out)
    }

    /// Visits the records of a part of a block: where each begins, and where it ends with its line end.
    pub(crate) fn each_record(&self, block: &[u8], part: Range<usize>, mut visit: impl FnMut(usize, usize)) {
        let (block, mut start) = (block.get(..part.end).unwrap_or(block), part.start);
        while start < block.len() {
            let length = self.0.record_len(block.get(start..).unwrap_or(&[]));
            visit(start, start + length);
            start += length;
        }
    }

    /// Whether a record names columns, or says something else of the whole log.
    pub(crate) fn is_header(&self, record: &[u8]) -> bool {
        self.0.is_header(record)
    }

    /// When a record happened, by the field of this name, or as its kind says it.
    pub(crate) fn time(&self, record: &[u8], field: Option<&str>, now: Time) -> Option<Time> {
        let names = field.as_ref().map_or(self.0.times(), std::slice::from_ref);
        let mut cells = names.iter().filter_map(|name| self.0.field(record, name));
        let stated = cells.find_map(|cell| moment::of_field(&cell, now));
        stated.or_else(|| self.0.time_of_line(record, now))
    }

    /// Puts a record and its remark into `out`.
    pub(crate) fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        let (before, (body, end)) = (out.len(), record.split_at(body_len(record)));
        self.0.annotate(body, remark, out);
        out.extend_from_slice(end);
        self.0.restore(out.get_mut(before..).unwrap_or(&mut []));
    }

    /// As [`Log::annotate`], for a record whose neighbours may be left out.
    pub(crate) fn annotate_alone(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        let Some(alone) = self.0.alone(record) else { return self.annotate(record, remark, out) };
        json::annotate(&alone, remark, out);
        out.push(b'\n');
    }

    /// A line, or a record of a document, as it is shown by itself.
    pub(crate) fn shown<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        self.0.alone(line).map_or(Cow::Borrowed(line), Cow::Owned)
    }
}

/// How a file begins: enough to see what it is. What cannot be read has no beginning.
pub(crate) fn head_of(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_LEN).read_to_end(&mut head));
    head.truncate(if read.is_ok() { head.len() } else { 0 });
    head
}

/// How much of a file is looked at to see what it is.
const HEAD_LEN: u64 = 64 << 10;

/// The length of a line with its end.
fn line_len(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1)
}

/// The first line, without its end.
fn first_line(text: &[u8]) -> &[u8] {
    let line = text.get(..line_len(text)).unwrap_or(text);
    line.get(..body_len(line)).unwrap_or(line)
}

/// The length of a record without its line end.
fn body_len(record: &[u8]) -> usize {
    let body = record.strip_suffix(b"\n").unwrap_or(record);
    body.strip_suffix(b"\r").unwrap_or(body).len()
}

/// A byte that is not to be looked into.
fn blank(byte: u8) -> u8 {
    if byte == b'\n' { b'\n' } else { b' ' }
}

/// Puts `from..to` of a block, or blanks in its place.
fn put(block: &[u8], from: usize, to: usize, is_wanted: bool, out: &mut Vec<u8>) {
    let bytes = block.get(from..to).unwrap_or(&[]);
    if is_wanted {
        out.extend_from_slice(bytes);
    } else {
        out.extend(bytes.iter().map(|byte| blank(*byte)));
    }
}

fn is_wanted(name: &[u8], fields: &[String]) -> bool {
    fields.iter().any(|field| field.as_bytes() == name)
}

fn names_of(names: &[Vec<u8>]) -> Fields<'_> {
    Fields::Named(names.iter().map(|name| String::from_utf8_lossy(name)).collect())
}

#[cfg(test)]
mod tests;
