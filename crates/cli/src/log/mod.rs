//! The kinds of log: which fields their records have, where a record ends, and how a verdict is added to one.
//!
//! A kind is a row of [`KINDS`] and a file of its own, which detects logs of the kind, locates fields and
//! times, and annotates records. Two rules hold for all of them:
//! - Bytes never move. Fields that are not searched are blanked in a copy of the block, byte for byte, so the
//!   scorer needs no columns or keys, and every offset that it reports is one of the log.
//! - An annotated record is the record with something added; every other byte stays as it was.

use crate::quoted::QuotedRecords;
use rapsheet_snapshot::Time;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

mod alb;
mod annotation;
mod asa;
mod bind;
mod cef;
mod cloudtrail;
mod combined;
mod delimited;
mod dnsmasq;
mod haproxy;
mod headed;
mod json;
mod keyvalue;
mod leef;
mod pairs;
mod paloalto;
mod positional;
mod squid;
mod suricata;
mod syslog;
mod text;
mod timestamp;
mod unbound;
mod vpcflow;
mod w3c;
mod windows_dns;
mod zeek;

use annotation::ANNOTATION_NAMES;
pub(crate) use annotation::Annotation;
pub(crate) use timestamp::Stated;

/// Every kind, in the order of the help.
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
    &w3c::KIND,
    &windows_dns::KIND,
    &unbound::KIND,
    &dnsmasq::KIND,
    &suricata::KIND,
    &haproxy::KIND,
    &asa::KIND,
    &paloalto::KIND,
    &cef::KIND,
    &leef::KIND,
    &keyvalue::KIND,
];

/// The kinds that can be detected. A kind whose logs another kind would accept, too, comes before it.
static DETECTION_ORDER: &[&Kind] = &[
    &zeek::KIND,
    &cloudtrail::KIND,
    &json::KIND,
    &alb::KIND,
    &vpcflow::KIND,
    &squid::KIND,
    &combined::KIND,
    &w3c::KIND,
    &cef::KIND,
    &leef::KIND,
    &suricata::KIND,
    &bind::KIND,
    &unbound::KIND,
    &dnsmasq::KIND,
    &haproxy::KIND,
    &asa::KIND,
    &paloalto::KIND,
    &keyvalue::KIND,
    &windows_dns::KIND,
    &syslog::KIND,
    &delimited::CSV,
    &delimited::TSV,
];

/// Stands for the kind that is detected from the beginning of a log; text, if none is.
static AUTO: Kind = Kind {
    name: "auto",
    aliases: &[],
    description: "Detect it from the beginning of the log",
    detect: |_| false,
    new_log: |head| {
        let kind = DETECTION_ORDER.iter().copied().find(|kind| (kind.detect)(head)).unwrap_or(&text::KIND);
        (kind.new_log)(head)
    },
    reshape: Some(cloudtrail::reshape),
};

/// One row of the table of kinds.
pub(crate) struct Kind {
    /// The value of `--input`.
    pub(crate) name: &'static str,
    /// Other accepted values of `--input`.
    pub(crate) aliases: &'static [&'static str],
    /// One line for the help.
    pub(crate) description: &'static str,
    /// Whether a log with this beginning is of this kind.
    detect: fn(&[u8]) -> bool,
    /// Reads the header, if the kind has one, from the beginning of a log.
    new_log: fn(&[u8]) -> Log,
    /// Wraps the bytes of a log so that each record is a line. It keeps their number, so offsets stay valid.
    reshape: Option<fn(ByteReader) -> ByteReader>,
}

/// Reads the bytes of a log.
pub(crate) type ByteReader = Box<dyn Read + Send>;

impl Kind {
    /// Whether logs of this kind have no fields.
    pub(crate) fn is_text(&self) -> bool {
        self.name == text::KIND.name
    }

    /// Whether a log of this kind is one document, which cannot be read before it is complete.
    pub(crate) fn is_document(&self) -> bool {
        self.name == cloudtrail::KIND.name
    }

    /// As many bytes, in which each record is a line.
    pub(crate) fn reshaped(&self, bytes: ByteReader) -> ByteReader {
        match self.reshape {
            Some(reshape) => reshape(bytes),
            None => bytes,
        }
    }
}

/// The fields of the records of a log.
enum Fields<'l> {
    /// Records have none.
    None,
    /// Not known yet, or each record has its own.
    Any,
    /// Every record has these.
    Named(Vec<Cow<'l, str>>),
}

/// How the records of a log are read and annotated, at the beginning of a block. Records are passed without
/// their line ends.
trait RecordFormat: Send + Sync {
    fn fields(&self) -> Fields<'_>;

    /// How records end that may contain line ends between quotes.
    fn quoted(&self) -> Option<QuotedRecords> {
        None
    }

    /// Visits the keys of a record, in a log of lines that have keys of their own and are not JSON.
    fn each_key(&self, _record: &[u8], _visit: &mut dyn FnMut(&[u8])) {}

    /// Whether another header may follow, with other fields.
    fn headers_recur(&self) -> bool {
        false
    }

    /// The log at the end of a block; `None` where the block changes nothing.
    fn updated_by(&self, _block: &[u8]) -> Option<Log> {
        None
    }

    /// The length of the first record, with its line end.
    fn record_len(&self, text: &[u8]) -> usize {
        line_len(text)
    }

    /// Whether a record is a header or another comment, and no event.
    fn is_header(&self, _record: &[u8]) -> bool {
        false
    }

    /// Appends a copy of a block with everything but `fields` blanked out, and always without headers.
    /// `false` if nothing is to be blanked: then nothing was appended.
    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool;

    /// The bytes of a field of a record, quotes included.
    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>>;

    /// The zone of a record's time, in a field of its own.
    fn zone(&self, record: &[u8]) -> Option<Vec<u8>> {
        timestamp::ZONE_SPELLINGS.iter().find_map(|name| self.field(record, name))
    }

    /// The fields that may hold a record's time, the likeliest first.
    fn time_fields(&self) -> &'static [&'static str] {
        &timestamp::FIELDS
    }

    /// The time that a record states outside of [`RecordFormat::time_fields`].
    fn time_of_line(&self, _record: &[u8], _now: Time) -> Stated {
        Stated::Nothing
    }

    /// Appends a record and its annotation.
    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>);

    /// Undoes [`Kind::reshape`] in a record with its line end.
    fn restore(&self, _record: &mut [u8]) {}

    /// A record as a line of its own, where it is not one already.
    fn standalone(&self, _record: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// A log, at the beginning of one of its blocks.
#[derive(Clone)]
pub(crate) struct Log(Arc<dyn RecordFormat>);

impl Log {
    fn new(format: impl RecordFormat + 'static) -> Log {
        Log(Arc::new(format))
    }

    /// The log of a kind that begins with `head`.
    pub(crate) fn of(kind: &Kind, head: &[u8]) -> Log {
        (kind.new_log)(head)
    }

    /// As [`Log::of`], for lines that were not reshaped: a document on one line is a JSON object.
    pub(crate) fn of_lines(kind: &Kind, head: &[u8]) -> Log {
        if (cloudtrail::KIND.detect)(head) { Log::of(&json::KIND, head) } else { Log::of(kind, head) }
    }

    /// How records end that may contain line ends between quotes.
    pub(crate) fn quoted(&self) -> Option<QuotedRecords> {
        self.0.quoted()
    }

    /// Whether another header may follow, with other fields.
    pub(crate) fn headers_recur(&self) -> bool {
        self.0.headers_recur()
    }

    /// The log at the end of a block; `None` where the block changes nothing.
    pub(crate) fn updated_by(&self, block: &[u8]) -> Option<Log> {
        self.0.updated_by(block)
    }

    /// The fields that every record has, none for a log without fields; `None` where each record has its own, or
    /// the header has not been read.
    pub(crate) fn field_names(&self) -> Option<Vec<String>> {
        match self.0.fields() {
            Fields::Any => None,
            Fields::None => Some(Vec::new()),
            Fields::Named(names) => Some(names.into_iter().map(Cow::into_owned).collect()),
        }
    }

    /// Visits the keys of a record, in a log of lines that have keys of their own and are not JSON.
    pub(crate) fn each_key(&self, record: &[u8], visit: &mut dyn FnMut(&[u8])) {
        self.0.each_key(record, visit);
    }

    /// Replaces `out` with a copy of a block with everything but `fields` blanked out, and always without
    /// headers. `false` if nothing is to be blanked: then `out` is empty, and the block itself is searched.
    pub(crate) fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        out.clear();
        self.0.mask(block, fields, out)
    }

    /// Calls `visit` with the start and the end of each record of a part of a block, line end included.
    pub(crate) fn each_record(&self, block: &[u8], part: Range<usize>, mut visit: impl FnMut(usize, usize)) {
        let (block, mut start) = (block.get(..part.end).unwrap_or(block), part.start);
        while start < block.len() {
            let length = self.0.record_len(block.get(start..).unwrap_or(&[]));
            visit(start, start + length);
            start += length;
        }
    }

    /// Whether a record is a header or another comment, and no event.
    pub(crate) fn is_header(&self, record: &[u8]) -> bool {
        self.0.is_header(record)
    }

    /// When a record happened: by the field of this name, or by the fields and lines of its kind. A field
    /// with a time that is not understood decides, too: no other time is taken for it.
    pub(crate) fn time(&self, record: &[u8], field: Option<&str>, now: Time) -> Stated {
        let names = field.as_ref().map_or(self.0.time_fields(), std::slice::from_ref);
        let cells = names.iter().filter_map(|name| self.0.field(record, name));
        let mut stated = cells.map(|cell| match self.time_of_cell(record, &cell, now) {
            Stated::Nothing if field.is_some() && !is_empty_cell(&cell) => Stated::Unclear,
            stated => stated,
        });
        let by_field = stated.find(|stated| *stated != Stated::Nothing).unwrap_or(Stated::Nothing);
        by_field.or_else(|| self.0.time_of_line(record, now))
    }

    /// The time of a cell; a date and its clock may be in fields of their own.
    fn time_of_cell(&self, record: &[u8], cell: &[u8], now: Time) -> Stated {
        let first_of = |names: &[&str], fits: fn(&[u8]) -> bool| {
            let cells = names.iter().filter_map(|name| self.0.field(record, name));
            cells.into_iter().find(|other| fits(other) || other == b"-")
        };
        let zone = || self.0.zone(record).filter(|zone| !is_empty_cell(zone));
        if timestamp::is_clock(cell) {
            let date = first_of(&timestamp::DATES, timestamp::is_date);
            return date
                .map_or(Stated::Unclear, |date| timestamp::of_parts(&date, cell, zone().as_deref(), now));
        }
        let clock = timestamp::is_date(cell).then(|| first_of(&timestamp::CLOCKS, timestamp::is_clock));
        match clock.flatten() {
            Some(clock) => timestamp::of_parts(cell, &clock, zone().as_deref(), now),
            None => timestamp::of_field_in(cell, zone, now),
        }
    }

    /// Appends a record and its annotation to `out`.
    pub(crate) fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        let (before, (body, end)) = (out.len(), record.split_at(body_len(record)));
        self.0.annotate(body, annotation, out);
        out.extend_from_slice(end);
        self.0.restore(out.get_mut(before..).unwrap_or(&mut []));
    }

    /// As [`Log::annotate`], for outputs without the records around it: the record becomes a line of its own.
    pub(crate) fn annotate_standalone(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        let Some(standalone) = self.0.standalone(record) else {
            return self.annotate(record, annotation, out);
        };
        json::annotate(&standalone, annotation, out);
        out.push(b'\n');
    }

    /// A line without the lines around it; a record of a document becomes an object on one line.
    pub(crate) fn standalone_line<'l>(&self, line: &'l [u8]) -> Cow<'l, [u8]> {
        self.0.standalone(line).map_or(Cow::Borrowed(line), Cow::Owned)
    }
}

/// Reads the beginning of a file, enough to detect its kind; empty where the file cannot be read.
pub(crate) fn read_head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_LEN).read_to_end(&mut head));
    head.truncate(if read.is_ok() { head.len() } else { 0 });
    head
}

/// The length of the beginning of a file, in bytes.
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

/// The blank that replaces a byte: line ends stay, so that lines keep their numbers.
fn blank(byte: u8) -> u8 {
    if byte == b'\n' { b'\n' } else { b' ' }
}

/// Appends `from..to` of a block, or as many blanks.
fn copy_or_blank(block: &[u8], from: usize, to: usize, is_selected: bool, out: &mut Vec<u8>) {
    let bytes = block.get(from..to).unwrap_or(&[]);
    if is_selected {
        out.extend_from_slice(bytes);
    } else {
        out.extend(bytes.iter().map(|byte| blank(*byte)));
    }
}

/// Whether a cell is one of the ways in which logs write no value.
fn is_empty_cell(cell: &[u8]) -> bool {
    [b"".as_slice(), b"-", b"\"\"", b"\"-\"", b"null", b"(empty)"].contains(&cell.trim_ascii())
}

fn is_selected(name: &[u8], fields: &[String]) -> bool {
    fields.iter().any(|field| field.as_bytes() == name)
}

fn named_fields(names: &[Vec<u8>]) -> Fields<'_> {
    Fields::Named(names.iter().map(|name| String::from_utf8_lossy(name)).collect())
}

#[cfg(test)]
mod tests;
