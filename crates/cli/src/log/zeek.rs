//! Zeek's tables: comment lines at the top name the separator and the columns.
//!
//! Where logs were joined, another header may follow anywhere, with other columns, so a block is read with
//! the header that holds at its beginning. Headers are always blanked: the path and the times in them are no
//! events.

use super::annotation::CellStyle;
use super::{
    ANNOTATION_NAMES, Annotation, Fields, Kind, Log, RecordFormat, blank, copy_or_blank, is_selected,
    line_len, named_fields,
};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "zeek",
    aliases: &["bro"],
    description: "Zeek logs with their headers",
    detect: |head| head.starts_with(b"#separator "),
    new_log: |_| Log::new(Header::default()),
    reshape: None,
};

/// The cells of an annotation in a Zeek table, whose sets have commas.
static CELLS: CellStyle = CellStyle { separator: ",", escaped_separator: "\\x2c", empty: "-" };

/// A header: how the lines below it are read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    separator: u8,
    columns: Vec<Vec<u8>>,
}

impl Default for Header {
    fn default() -> Header {
        Header { separator: b'\t', columns: Vec::new() }
    }
}

impl Header {
    /// Reads one line of a header. `true` if it names columns.
    fn read(&mut self, line: &[u8]) -> bool {
        let line = line.trim_ascii_end();
        if let Some(text) = line.strip_prefix(b"#separator ") {
            self.separator = separator(text).unwrap_or(b'\t');
        }
        let Some([_, names @ ..]) = line.strip_prefix(b"#fields") else { return false };
        self.columns = names.split(|byte| *byte == self.separator).map(<[u8]>::to_vec).collect();
        true
    }
}

impl RecordFormat for Header {
    fn fields(&self) -> Fields<'_> {
        if self.columns.is_empty() { Fields::Any } else { named_fields(&self.columns) }
    }

    fn headers_recur(&self) -> bool {
        true
    }

    fn updated_by(&self, block: &[u8]) -> Option<Log> {
        header_after(self, block).map(Log::new)
    }

    fn is_header(&self, record: &[u8]) -> bool {
        record.first() == Some(&b'#')
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        if fields.is_empty() {
            return mask_headers(block, out);
        }
        mask(self, block, fields, out);
        true
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        let at = self.columns.iter().position(|column| column == name.as_bytes())?;
        record.split(|byte| *byte == self.separator).nth(at).map(<[u8]>::to_vec)
    }

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        annotate(self, record, annotation, out);
    }
}

/// The separator is written as `\x09`, or as itself.
fn separator(text: &[u8]) -> Option<u8> {
    let Some(hex) = text.strip_prefix(b"\\x") else { return text.first().copied() };
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// The ranges of the header lines of a block, line ends included. Such lines are rare, so this searches for
/// `#` and checks what is before it, instead of visiting every line.
fn header_lines(block: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let begins = |at: &usize| *at == 0 || block.get(at - 1) == Some(&b'\n');
    let starts = memchr::memchr_iter(b'#', block).filter(begins);
    starts.map(|start| (start, start + line_len(block.get(start..).unwrap_or(&[]))))
}

/// The header at the end of a block; `None` where the block has no header lines.
fn header_after(header: &Header, block: &[u8]) -> Option<Header> {
    let mut updated = None;
    for (start, end) in header_lines(block) {
        let line = block.get(start..end).unwrap_or(&[]);
        updated.get_or_insert_with(|| Header::clone(header)).read(line);
    }
    updated
}

/// Replaces `out` with a copy of a block whose headers are blanked out; `false` if there are none: then `out`
/// is empty.
fn mask_headers(block: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    for (start, end) in header_lines(block) {
        copy_or_blank(block, out.len(), start, true, out);
        copy_or_blank(block, start, end, false, out);
    }
    let is_any = !out.is_empty();
    if is_any {
        copy_or_blank(block, out.len(), block.len(), true, out);
    }
    is_any
}

/// Replaces `out` with a copy of a block with everything but `fields` blanked out.
fn mask(header: &Header, block: &[u8], fields: &[String], out: &mut Vec<u8>) {
    out.clear();
    let mut header = header.clone();
    for line in lines(block) {
        if line.first() == Some(&b'#') {
            header.read(line);
            out.extend(line.iter().map(|byte| blank(*byte)));
        } else {
            mask_line(&header, line, fields, out);
        }
    }
}

fn mask_line(header: &Header, line: &[u8], fields: &[String], out: &mut Vec<u8>) {
    let mut columns = header.columns.iter();
    for cell in line.split_inclusive(|byte| *byte == header.separator) {
        if columns.next().is_some_and(|column| is_selected(column, fields)) {
            out.extend_from_slice(cell);
        } else {
            out.extend(cell.iter().map(|byte| blank(*byte)));
        }
    }
}

/// Appends a line with the annotation as more columns; the header lines name them and their types.
fn annotate(header: &Header, line: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    let cells = match line {
        _ if line.starts_with(b"#fields") => ANNOTATION_NAMES.map(str::to_owned),
        _ if line.starts_with(b"#types") => {
            ["count", "count", "set[string]", "set[string]", "set[string]"].map(str::to_owned)
        }
        [b'#', ..] | [] => return,
        _ => annotation.cells(&CELLS),
    };
    for cell in cells {
        out.push(header.separator);
        out.extend_from_slice(cell.as_bytes());
    }
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split_inclusive(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = b"#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\n1\t45.9.20.5\t45.9.20.6\n";

    #[test]
    fn masks_all_but_the_selected_columns_in_place() {
        let mut out = Vec::new();
        mask(&Header::default(), LOG, &["id.resp_h".to_owned()], &mut out);
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
        let header = header_after(&Header::default(), LOG).expect("there is one");
        assert_eq!(header.columns, [b"ts".to_vec(), b"id.orig_h".to_vec(), b"id.resp_h".to_vec()]);
        let mut out = Vec::new();
        mask(&header, b"1\t45.9.20.5\t45.9.20.6", &["id.orig_h".to_owned()], &mut out);
        assert_eq!(out, b"  45.9.20.5\t         ");
        assert!(header_after(&header, b"1\t2\t3\n").is_none());
    }
}
