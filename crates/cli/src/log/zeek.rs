//! Zeek's tables: a header in comments names the columns, and only some of them may be looked into.
//!
//! What is not to be read is blanked out in a copy of the block, byte for byte. So the scorer knows nothing of
//! tables, and every offset that it reports is that of the log.

use super::remark::Cells;
use super::{Annotation, Fields, Kind, Layout, Log, REMARKS, blank, is_wanted, line_len, names_of, put};

/// The row of the table.
pub(super) static KIND: Kind = Kind {
    name: "zeek",
    also: &["bro"],
    about: "A log of Zeek with its header",
    tell: |head| head.starts_with(b"#separator "),
    begin: |_| Log::new(Header::default()),
    reshape: None,
};

/// How a remark is written in a table of zeek's.
static CELLS: Cells = Cells { joint: ",", instead: "\\x2c", empty: "-" };

/// What a header says of the lines below it.
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
    /// Reads one line of a header. `true` where it names columns.
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

impl Layout for Header {
    fn fields(&self) -> Fields<'_> {
        if self.columns.is_empty() { Fields::Any } else { names_of(&self.columns) }
    }

    fn headers_recur(&self) -> bool {
        true
    }

    fn after(&self, block: &[u8]) -> Option<Log> {
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

    fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        annotate(self, record, remark, out);
    }
}

/// The separator is written as `\x09`, or as itself.
fn separator(text: &[u8]) -> Option<u8> {
    let Some(hex) = text.strip_prefix(b"\\x") else { return text.first().copied() };
    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// Where the lines of a block stand that belong to a header, with their ends. Hardly any line does, and so the byte that
/// such a line begins with is looked for, and not where lines begin.
fn header_lines(block: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let begins = |at: &usize| *at == 0 || block.get(at - 1) == Some(&b'\n');
    let starts = memchr::memchr_iter(b'#', block).filter(begins);
    starts.map(|start| (start, start + line_len(block.get(start..).unwrap_or(&[]))))
}

/// The header that holds below `block`, if there is any in it.
fn header_after(header: &Header, block: &[u8]) -> Option<Header> {
    let mut after = None;
    for (start, end) in header_lines(block) {
        let line = block.get(start..end).unwrap_or(&[]);
        after.get_or_insert_with(|| Header::clone(header)).read(line);
    }
    after
}

/// Puts a copy of `block` without its headers into `out`; `false` if there are none, and nothing was put.
fn mask_headers(block: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    for (start, end) in header_lines(block) {
        put(block, out.len(), start, true, out);
        put(block, start, end, false, out);
    }
    let is_any = !out.is_empty();
    if is_any {
        put(block, out.len(), block.len(), true, out);
    }
    is_any
}

/// Puts a copy of `block` into `out` in which only the `fields` are left.
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
        if columns.next().is_some_and(|column| is_wanted(column, fields)) {
            out.extend_from_slice(cell);
        } else {
            out.extend(cell.iter().map(|byte| blank(*byte)));
        }
    }
}

/// Puts a line with the remark as columns more; headers name them and their types.
fn annotate(header: &Header, line: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    let cells = match line {
        _ if line.starts_with(b"#fields") => REMARKS.map(str::to_owned),
        _ if line.starts_with(b"#types") => {
            ["count", "count", "set[string]", "set[string]", "set[string]"].map(str::to_owned)
        }
        [b'#', ..] | [] => return,
        _ => remark.cells(&CELLS),
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
    fn only_the_fields_are_left_and_nothing_moves() {
        let mut out = Vec::new();
        mask(&Header::default(), LOG, &["id.resp_h".to_owned()], &mut out);
        assert_eq!(out.len(), LOG.len());
        assert!(out.ends_with(b"\n            45.9.20.6\n"), "{}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn headers_are_blanked_wherever_they_stand_and_nothing_moves() {
        let mut out = Vec::new();
        assert!(mask_headers(LOG, &mut out));
        assert!(out.len() == LOG.len() && out.ends_with(b"\n1\t45.9.20.5\t45.9.20.6\n"));
        assert!(out.starts_with(b"     "));
        assert!(mask_headers(b"1\t#2#\n#close\t2\n#\n3\n#x", &mut out));
        assert_eq!(out, b"1\t#2#\n        \n \n3\n  ");
        assert!(!mask_headers(b"1\t#2#\n", &mut out) && out.is_empty());
    }

    #[test]
    fn a_header_holds_for_the_blocks_below_it() {
        let header = header_after(&Header::default(), LOG).expect("there is one");
        assert_eq!(header.columns, [b"ts".to_vec(), b"id.orig_h".to_vec(), b"id.resp_h".to_vec()]);
        let mut out = Vec::new();
        mask(&header, b"1\t45.9.20.5\t45.9.20.6", &["id.orig_h".to_owned()], &mut out);
        assert_eq!(out, b"  45.9.20.5\t         ");
        assert!(header_after(&header, b"1\t2\t3\n").is_none());
    }
}
