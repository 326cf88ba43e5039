//! Zeek's tables: comment lines at the top name the separator and the columns.

use super::annotation::CellStyle;
use super::headed::{Header, Style};
use super::{ANNOTATION_NAMES, Kind, Log};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "zeek",
    aliases: &["bro"],
    description: "Zeek logs with their headers",
    detect: |head| head.starts_with(b"#separator "),
    new_log: |_| Log::new(Header::new(&STYLE)),
    reshape: None,
};

/// Zeek's sets have commas.
static STYLE: Style = Style {
    read,
    added,
    is_quoted: false,
    cells: CellStyle { separator: ",", escaped_separator: "\\x2c", empty: "-" },
};

/// Reads one line of a header.
fn read(header: &mut Header, line: &[u8]) {
    let line = line.trim_ascii_end();
    if let Some(text) = line.strip_prefix(b"#separator ") {
        header.separator = separator(text).unwrap_or(b'\t');
    }
    if let Some([_, names @ ..]) = line.strip_prefix(b"#fields") {
        header.columns = names.split(|byte| *byte == header.separator).map(<[u8]>::to_vec).collect();
    }
}

/// What is added to the lines of a header that have a cell for each column.
fn added(line: &[u8]) -> Option<[&'static str; 5]> {
    match line {
        _ if line.starts_with(b"#fields") => Some(ANNOTATION_NAMES),
        _ if line.starts_with(b"#types") => {
            Some(["count", "count", "set[string]", "set[string]", "set[string]"])
        }
        _ => None,
    }
}

/// The separator is written as `\x09`, or as itself.
fn separator(text: &[u8]) -> Option<u8> {
    let Some(hex) = text.strip_prefix(b"\\x") else { return text.first().copied() };
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::headed::{header_after, mask, mask_headers};

    const LOG: &[u8] = b"#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n1\t45.9.20.5\t45.9.20.6\n";

    #[test]
    fn masks_all_but_the_selected_columns_in_place() {
        let mut out = Vec::new();
        mask(&Header::new(&STYLE), LOG, &["id.resp_h".to_owned()], &mut out);
        assert_eq!(out.len(), LOG.len());
        assert!(out.ends_with(b"\n            45.9.20.6\n"), "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn blanks_headers_in_place() {
        let mut out = Vec::new();
        assert!(mask_headers(LOG, &mut out));
        assert!(out.len() == LOG.len() && out.ends_with(b"\n1\t45.9.20.5\t45.9.20.6\n"));
        assert!(out.starts_with(b"     "));
        assert!(mask_headers(b"1\t#2#\n#close\t2\n#\n3\n#x", &mut out));
        assert_eq!(out, b"1\t#2#\n        \n \n3\n  ");
        assert!(!mask_headers(b"1\t#2#\n", &mut out) && out.is_empty());
    }

    #[test]
    fn a_header_holds_for_later_blocks() {
        let header = header_after(&Header::new(&STYLE), LOG).expect("there is one");
        assert_eq!(header.columns, [b"ts".to_vec(), b"id.orig_h".to_vec(), b"id.resp_h".to_vec()]);
        let mut out = Vec::new();
        mask(&header, b"1\t45.9.20.5\t45.9.20.6", &["id.orig_h".to_owned()], &mut out);
        assert_eq!(out, b"  45.9.20.5          ");
        assert!(header_after(&header, b"1\t2\t3\n").is_none());
    }
}
