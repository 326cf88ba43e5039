//! Lines of text, without fields. An annotation is appended as ` key=value` words; a line without one stays
//! as it is.
//!
//! The author of a line must not be able to write an annotation: `rapsheet_` that the line itself has is
//! written as `rapsheet%5F`, so every `rapsheet_status=` of the output is ours.

use super::annotation::{CellStyle, push_disowned};
use super::timestamp::{self, Stated};
use super::{ANNOTATION_NAMES, Annotation, Fields, Kind, Log, RecordFormat};
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

    fn time_of_line(&self, record: &[u8], now: Time) -> Stated {
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
    push_disowned(line, out);
    if annotation.status.is_none() {
        return;
    }
    for (name, cell) in ANNOTATION_NAMES.iter().zip(annotation.cells(&WORDS)) {
        out.extend_from_slice(format!(" {name}=").as_bytes());
        // A URL may hold the name, too.
        push_disowned(cell.as_bytes(), out);
    }
}
