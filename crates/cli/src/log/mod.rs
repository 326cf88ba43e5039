//! The kinds of log: which fields they have, where a record ends, and how a verdict is added to one.
//!
//! What is not to be looked into is blanked out in a copy of the block, byte for byte. So the scorer knows nothing of
//! columns and keys, and every offset that it reports is that of the log. An annotated record is the record with
//! something added, and every other byte as it was.

use crate::args::LogKind;
use snapshot::Time;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

mod delimited;
mod json;
mod moment;
mod text;
mod zeek;

use delimited::Columns;

/// What is known of a log where a block of it begins.
#[derive(Clone, Debug)]
pub(crate) enum Log {
    /// Lines of text.
    Text,
    /// JSON, an object a line.
    Json,
    /// Comma- or tab-separated values below a header.
    Delimited(Arc<Columns>),
    /// A table of zeek's.
    Zeek(Arc<zeek::Header>),
}

/// What is added to a record.
#[derive(Debug, Default)]
pub(crate) struct Remark<'a> {
    /// The number of the status; none where the record has no indicator that is reported.
    pub(crate) status: Option<u8>,
    /// How many providers list an indicator of the record.
    pub(crate) detected_by: usize,
    /// What they say of them, each word once.
    pub(crate) assessments: Vec<&'static str>,
    /// The indicators, in order.
    pub(crate) indicators: Vec<&'a str>,
    /// The providers, by name.
    pub(crate) providers: Vec<&'a str>,
}

/// The names of the columns that are added to a table, and of the keys that are added to a line of text.
pub(crate) const REMARKS: [&str; 5] = [
    "rapsheet_status",
    "rapsheet_detected_by",
    "rapsheet_assessments",
    "rapsheet_indicators",
    "rapsheet_providers",
];

impl Remark<'_> {
    /// The cells of [`REMARKS`], lists joined by `joint`, which stands as `instead` where it is part of a word, and
    /// `empty` for what there is none of.
    fn cells(&self, (joint, instead): (&str, &str), empty: &str) -> [String; 5] {
        let list = |words: &[&str]| match words {
            [] => empty.to_owned(),
            words => words.iter().map(|word| word.replace(joint, instead)).collect::<Vec<_>>().join(joint),
        };
        [
            self.status.map_or(empty.to_owned(), |status| status.to_string()),
            self.detected_by.to_string(),
            list(&self.assessments),
            list(&self.indicators),
            list(&self.providers),
        ]
    }
}

impl Log {
    /// What a log is, as it was called or by its beginning.
    pub(crate) fn of(kind: LogKind, head: &[u8]) -> Log {
        match kind {
            LogKind::Text => Log::Text,
            LogKind::Jsonl => Log::Json,
            LogKind::Csv => Log::Delimited(Arc::new(Columns::read(b',', head))),
            LogKind::Tsv => Log::Delimited(Arc::new(Columns::read(b'\t', head))),
            LogKind::Zeek => Log::Zeek(Arc::default()),
            LogKind::Auto if zeek::is_zeek(head) => Log::Zeek(Arc::default()),
            LogKind::Auto if json::is_json(head) => Log::Json,
            LogKind::Auto => {
                Columns::guess(head).map_or(Log::Text, |columns| Log::Delimited(Arc::new(columns)))
            }
        }
    }

    /// Whether a record may go on behind the end of a line, within quotes.
    pub(crate) fn is_quoted(&self) -> bool {
        matches!(self, Log::Delimited(columns) if columns.is_quoted())
    }

    /// What holds below a block; `None` where nothing changes.
    pub(crate) fn after(&self, block: &[u8]) -> Option<Log> {
        match self {
            Log::Zeek(header) => zeek::header_after(header, block).map(Log::Zeek),
            Log::Delimited(columns) if columns.is_head() => Some(Log::Delimited(Arc::new(columns.below()))),
            _ => None,
        }
    }

    /// Why none of `fields` can be found in this log; `None` if one can, or if nobody knows yet.
    pub(crate) fn complaint(&self, fields: &[String]) -> Option<String> {
        let missing = |names: String| Some(format!("no such field; it has {names}"));
        match self {
            _ if fields.is_empty() => None,
            Log::Text => {
                Some("--field needs a log with fields, and this one has none; see --input".to_owned())
            }
            Log::Delimited(columns) if !columns.has_any(fields) => missing(columns.names()),
            Log::Zeek(header) if !header.names().is_empty() && !header.has_any(fields) => {
                missing(header.names())
            }
            _ => None,
        }
    }

    /// Puts what is to be looked into of a block into `out`, blanks for the rest; `false` if that is all of it, and
    /// nothing was put.
    pub(crate) fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        out.clear();
        match self {
            Log::Zeek(header) if !fields.is_empty() || zeek::has_header(block) => {
                zeek::mask(header, block, fields, out);
            }
            Log::Delimited(columns) if !fields.is_empty() || columns.is_head() => {
                columns.mask(block, fields, out);
            }
            Log::Json if !fields.is_empty() => json::mask(block, fields, out),
            _ => return false,
        }
        true
    }

    /// Visits the records of a block: where each begins, and where it ends with its line end.
    pub(crate) fn each_record(&self, block: &[u8], mut visit: impl FnMut(usize, usize)) {
        let mut start = 0;
        while start < block.len() {
            let rest = block.get(start..).unwrap_or(&[]);
            let length = if self.is_quoted() { delimited::record_len(rest) } else { line_len(rest) };
            visit(start, start + length);
            start += length;
        }
    }

    /// Whether a record names columns, or says something else of the whole log.
    pub(crate) fn is_header(&self, record: &[u8], at_head: bool) -> bool {
        match self {
            Log::Delimited(columns) => at_head && columns.is_head(),
            Log::Zeek(_) => record.first() == Some(&b'#'),
            Log::Text | Log::Json => false,
        }
    }

    /// When a record happened, by the field of this name, or by one that is called like a time.
    pub(crate) fn time(&self, record: &[u8], field: Option<&str>, now: Time) -> Option<Time> {
        let names: &[&str] = field.as_ref().map_or(moment::FIELDS.as_slice(), std::slice::from_ref);
        let mut cells = names.iter().filter_map(|name| match self {
            Log::Text => None,
            Log::Json => json::field(record, name),
            Log::Delimited(columns) => columns.field(record, name),
            Log::Zeek(header) => zeek::field(header, record, name),
        });
        match self {
            Log::Text => moment::of_line(record, now),
            _ => cells.find_map(|cell| moment::of_field(&cell)),
        }
    }

    /// Puts a record and its remark into `out`. `at_head` is whether it is the first of the log.
    pub(crate) fn annotate(&self, record: &[u8], remark: &Remark<'_>, at_head: bool, out: &mut Vec<u8>) {
        let (body, end) = record.split_at(body_len(record));
        match self {
            Log::Text => text::annotate(body, remark, out),
            Log::Json => json::annotate(body, remark, out),
            Log::Delimited(columns) => columns.annotate(body, remark, at_head && columns.is_head(), out),
            Log::Zeek(header) => zeek::annotate(header, body, remark, out),
        }
        out.extend_from_slice(end);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn remark() -> Remark<'static> {
        Remark {
            status: Some(1),
            detected_by: 2,
            assessments: vec!["botnet", "scanner"],
            indicators: vec!["45.9.20.5"],
            providers: vec!["a.example", "b.example"],
        }
    }

    fn annotated(log: &Log, block: &[u8]) -> String {
        let mut out = Vec::new();
        log.each_record(block, |start, end| {
            let remark = if block[start..end].contains(&b'5') { remark() } else { Remark::default() };
            log.annotate(&block[start..end], &remark, start == 0, &mut out);
        });
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_kind_is_annotated_in_its_own_way() {
        let cases: &[(LogKind, &str, &str)] = &[
            (
                LogKind::Text,
                "a 5\r\nb\n",
                "a 5 rapsheet_status=1 rapsheet_detected_by=2 rapsheet_assessments=botnet,scanner rapsheet_indicators=45.9.20.5 rapsheet_providers=a.example,b.example\r\nb\n",
            ),
            (
                LogKind::Jsonl,
                "{\"a\":5} \n{}\n[1]\n",
                "{\"a\":5,\"rapsheet\":{\"status\":1,\"detected_by\":2,\"assessments\":[\"botnet\",\"scanner\"],\"indicators\":[\"45.9.20.5\"],\"providers\":[\"a.example\",\"b.example\"]}} \n{\"rapsheet\":{\"status\":null,\"detected_by\":0,\"assessments\":[],\"indicators\":[],\"providers\":[]}}\n[1]\n",
            ),
            (
                LogKind::Csv,
                "ip,note\r\n\"5\",\"two\nlines\"\r\nx,\n",
                "ip,note,rapsheet_status,rapsheet_detected_by,rapsheet_assessments,rapsheet_indicators,rapsheet_providers\r\n\"5\",\"two\nlines\",1,2,botnet scanner,45.9.20.5,a.example b.example\r\nx,,,0,,,\n",
            ),
            (
                LogKind::Zeek,
                "#separator \\x09\n#fields\tip\n#types\taddr\n5\nx\n#close\n",
                "#separator \\x09\n#fields\tip\trapsheet_status\trapsheet_detected_by\trapsheet_assessments\trapsheet_indicators\trapsheet_providers\n#types\taddr\tcount\tcount\tset[string]\tset[string]\tset[string]\n5\t1\t2\tbotnet,scanner\t45.9.20.5\ta.example,b.example\nx\t-\t0\t-\t-\t-\n#close\n",
            ),
        ];
        for (kind, block, expected) in cases {
            assert_eq!(annotated(&Log::of(*kind, block.as_bytes()), block.as_bytes()), *expected, "{kind:?}");
        }
    }

    #[test]
    fn kinds_are_told_by_their_beginnings() {
        for (head, expected) in [
            ("#separator \\x09\n", "zeek"),
            ("{\"a\":1}\n{\"a\":2}\n", "json"),
            ("time,src_ip,dst\n1,2,3\n", "delimited"),
            ("time\tsrc_ip\n1\t2\n", "delimited"),
            ("45.9.20.5 - - [x] \"GET\"\n", "text"),
            ("Nov 23 host a, b, c\n", "text"),
            ("", "text"),
        ] {
            let found = match Log::of(LogKind::Auto, head.as_bytes()) {
                Log::Text => "text",
                Log::Json => "json",
                Log::Delimited(_) => "delimited",
                Log::Zeek(_) => "zeek",
            };
            assert_eq!(found, expected, "{head}");
        }
    }

    #[test]
    fn only_what_was_asked_for_is_left_and_nothing_moves() {
        let cases: &[(LogKind, &str, &str, &str)] = &[
            (LogKind::Csv, "b", "a,b\n1,\"2,\n3\"\n4,5,6\n", "   \n  \"2,\n3\"\n  5  \n"),
            (LogKind::Tsv, "a", "a\tb\n1\t\"2\n", " \t \n1   \n"),
            (
                LogKind::Jsonl,
                "x.ip",
                "{\"x\":{\"ip\":\"1\"},\"ip\":2}\n{\"x.ip\":[3,4]}\n",
                "           \"1\"         \n        [3,4] \n",
            ),
            (
                LogKind::Jsonl,
                "a",
                "{\"a\":\"1\\\"2\",\"b\":{\"a\":3}}\nno json\n",
                "     \"1\\\"2\"             \n       \n",
            ),
        ];
        for (kind, field, block, expected) in cases {
            let mut out = Vec::new();
            assert!(Log::of(*kind, block.as_bytes()).mask(
                block.as_bytes(),
                &[(*field).to_owned()],
                &mut out
            ));
            let expected = expected.replace('\t', " ");
            assert_eq!(String::from_utf8_lossy(&out).replace('\t', " "), expected, "{kind:?} {block}");
        }
    }
}
