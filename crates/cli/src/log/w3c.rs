//! The W3C's extended log format: IIS, CloudFront, Blue Coat. `#Fields:` names the columns; `-` is an empty
//! cell, and IIS writes `+` for a blank within one.
//!
//! A record is separated by tabs if it has one, and by blanks otherwise: CloudFront's header has blanks and
//! its records have tabs. The time is in two columns, `date` and `time`, in UTC.

use super::annotation::CellStyle;
use super::headed::{Header, Style};
use super::{ANNOTATION_NAMES, Kind, Log};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "w3c",
    aliases: &["iis", "cloudfront"],
    description: "W3C extended logs: IIS, CloudFront",
    detect,
    new_log: |_| Log::new(Header::new(&STYLE)),
    reshape: None,
};

static STYLE: Style = Style {
    read,
    added: |line| is_fields(line).then_some(ANNOTATION_NAMES),
    is_quoted: true,
    cells: CellStyle { separator: ",", escaped_separator: "%2C", empty: "-" },
};
/// The line of a header that names the columns.
const FIELDS: &[u8] = b"#Fields:";
/// How many lines a header may have before it.
const HEADER_LINES: usize = 16;

fn detect(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').take(HEADER_LINES);
    head.starts_with(b"#") && lines.by_ref().take_while(|line| line.starts_with(b"#")).any(is_fields)
}

fn is_fields(line: &[u8]) -> bool {
    line.get(..FIELDS.len()).is_some_and(|name| name.eq_ignore_ascii_case(FIELDS))
}

fn read(header: &mut Header, line: &[u8]) {
    if is_fields(line) {
        let names = line.get(FIELDS.len()..).unwrap_or(&[]).split(u8::is_ascii_whitespace);
        header.columns = names.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
        header.separator = b' ';
    }
}
