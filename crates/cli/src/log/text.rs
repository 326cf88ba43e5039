//! Lines of text, without fields. An annotation is appended as ` key=value` words; a line without one stays
//! as it is.

use super::annotation::CellStyle;
use super::{ANNOTATION_NAMES, Annotation, Fields, Kind, Log, RecordFormat, timestamp};
use rapsheet_snapshot::Time;

/// The row of the table.
pub(super) static KIND: Kind = Kind {
    name: "text",
    aliases: &[],
    description: "Lines of text, without fields",
    detect: |_| true,
    new_log: |_| Log::new(Text),
    reshape: None,
};

struct Text;

impl RecordFormat for Text {
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

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        annotate(record, annotation, out);
    }
}

/// The cells of an annotation between blanks.
pub(super) static WORDS: CellStyle = CellStyle { separator: ",", escaped_separator: "%2C", empty: "-" };

/// Appends a line and its annotation.
pub(super) fn annotate(line: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    if annotation.status.is_none() {
        return;
    }
    for (name, cell) in ANNOTATION_NAMES.iter().zip(annotation.cells(&WORDS)) {
        out.extend_from_slice(format!(" {name}={cell}").as_bytes());
    }
}
