//! The W3C's extended log format: IIS, CloudFront, Blue Coat. `#Fields:` names the columns; `-` is an empty
//! cell, and IIS writes `+` for a blank within one.
//!
//! A record is separated by tabs if it has one, and by blanks otherwise: CloudFront's header has blanks and
//! its records have tabs. The time is in two columns, `date` and `time`, in UTC; without the first, the date
//! is that of `#Date:`.

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
/// The line of a header that says when the log began.
const DATE: &[u8] = b"#Date:";
/// How many lines a header may have before it.
const HEADER_LINES: usize = 16;

fn detect(head: &[u8]) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').take(HEADER_LINES);
    head.starts_with(b"#") && lines.by_ref().take_while(|line| line.starts_with(b"#")).any(is_fields)
}

fn is_fields(line: &[u8]) -> bool {
    value_of(line, FIELDS).is_some()
}

/// What follows the name of a line of a header.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (begin, value) = line.split_at_checked(name.len())?;
    begin.eq_ignore_ascii_case(name).then_some(value)
}

fn read(header: &mut Header, line: &[u8]) {
    if let Some(value) = value_of(line, DATE) {
        let date = value.trim_ascii().split(u8::is_ascii_whitespace).next();
        header.date = date.map(<[u8]>::to_vec);
    } else if let Some(value) = value_of(line, FIELDS) {
        let names = value.split(u8::is_ascii_whitespace);
        header.columns = names.filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
        header.separator = b' ';
    }
}
