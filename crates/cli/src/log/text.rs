//! Lines of text: a remark is words behind the line, as `key=value`, and a line without one stays as it is.

use super::remark::Cells;
use super::{Annotation, Fields, Kind, Layout, Log, REMARKS, timestamp};
use rapsheet_snapshot::Time;

/// The row of the table.
pub(super) static KIND: Kind = Kind {
    name: "text",
    also: &[],
    about: "Lines of text, without fields",
    tell: |_| true,
    begin: |_| Log::new(Text),
    reshape: None,
};

struct Text;

impl Layout for Text {
    fn fields(&self) -> Fields<'_> {
        Fields::None
    }

    fn mask(&self, _: &[u8], _: &[String], _: &mut Vec<u8>) -> bool {
        false
    }

    fn field(&self, _: &[u8], _: &str) -> Option<Vec<u8>> {
        None
    }

    fn time_of_line(&self, record: &[u8], now: Time) -> Option<Time> {
        timestamp::of_line(record, now)
    }

    fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        annotate(record, remark, out);
    }
}

/// How a remark is written between blanks.
pub(super) static WORDS: Cells = Cells { joint: ",", instead: "%2C", empty: "-" };

/// Puts a line and its remark.
pub(super) fn annotate(line: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    if remark.status.is_none() {
        return;
    }
    for (name, cell) in REMARKS.iter().zip(remark.cells(&WORDS)) {
        out.extend_from_slice(format!(" {name}={cell}").as_bytes());
    }
}
