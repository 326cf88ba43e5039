//! Comma- and tab-separated values: a header names the columns, and in the former a cell in quotes may hold anything.
//!
//! RFC 4180's quoting, read where it stands: nothing is unquoted, because nothing is taken out of its place.

use super::{REMARKS, Remark, is_wanted, line_len, put};

/// What a table's header says, and whether the block begins with it.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    delimiter: u8,
    names: Vec<Vec<u8>>,
    head: bool,
}

impl Columns {
    /// Reads the header of a table that begins with it.
    pub(super) fn read(delimiter: u8, head: &[u8]) -> Columns {
        let mut columns = Columns { delimiter, names: Vec::new(), head: true };
        let record = head.get(..columns.record_len(head)).unwrap_or(head);
        let record = record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record).trim_ascii_end();
        let mut names = Vec::new();
        columns.each_cell(record, |from, to| {
            let cell = record.get(from..to).unwrap_or(&[]);
            let cell = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell);
            names.push(cell.trim_ascii().to_vec());
        });
        columns.names = names;
        columns
    }

    /// The columns, if this looks like a table: a header of distinct names, and records with as many cells.
    pub(super) fn guess(head: &[u8]) -> Option<Columns> {
        let is_name = |name: &Vec<u8>| {
            let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-. @:/()".contains(byte);
            name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte))
                && name.iter().all(inner)
        };
        b",\t".iter().find_map(|delimiter| {
            let columns = Columns::read(*delimiter, head);
            let mut distinct = columns.names.clone();
            distinct.sort_unstable();
            distinct.dedup();
            let named =
                distinct.len() == columns.names.len() && distinct.len() > 1 && distinct.iter().all(is_name);
            (named && columns.is_followed(head)).then_some(columns)
        })
    }

    /// Whether the record below the header is there and has as many cells.
    fn is_followed(&self, head: &[u8]) -> bool {
        let below = head.get(self.record_len(head)..).unwrap_or(&[]);
        let record = below.get(..self.record_len(below)).unwrap_or(&[]);
        let mut cells = 0;
        self.each_cell(record, |_, _| cells += 1);
        !record.is_empty() && cells == self.names.len()
    }

    /// What holds below the block with the header.
    pub(super) fn below(&self) -> Columns {
        Columns { head: false, ..self.clone() }
    }

    /// Whether the block begins with the header.
    pub(super) fn is_head(&self) -> bool {
        self.head
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.delimiter == b','
    }

    pub(super) fn has_any(&self, fields: &[String]) -> bool {
        self.names.iter().any(|name| is_wanted(name, fields))
    }

    pub(super) fn names(&self) -> String {
        let names: Vec<_> = self.names.iter().map(|name| String::from_utf8_lossy(name)).collect();
        names.join(", ")
    }

    fn record_len(&self, text: &[u8]) -> usize {
        if self.is_quoted() { record_len(text) } else { line_len(text) }
    }

    /// Visits the cells of a record, as it stands there, quotes included.
    fn each_cell(&self, record: &[u8], mut visit: impl FnMut(usize, usize)) {
        let mut start = 0;
        loop {
            let rest = record.get(start..).unwrap_or(&[]);
            let quoted = if self.is_quoted() { quoted_len(rest) } else { 0 };
            let plain = rest.get(quoted..).and_then(|rest| memchr::memchr(self.delimiter, rest));
            let end = plain.map_or(record.len(), |at| start + quoted + at);
            visit(start, end);
            start = end + 1;
            if plain.is_none() {
                return;
            }
        }
    }

    pub(super) fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) {
        let mut start = 0;
        while start < block.len() {
            let rest = block.get(start..).unwrap_or(&[]);
            let end = start + self.record_len(rest);
            let is_header = self.head && start == 0;
            if is_header || fields.is_empty() {
                put(block, start, end, !is_header, out);
            } else {
                self.mask_record(block, start, end, fields, out);
            }
            start = end;
        }
    }

    fn mask_record(&self, block: &[u8], start: usize, end: usize, fields: &[String], out: &mut Vec<u8>) {
        let record = block.get(start..end).unwrap_or(&[]);
        let mut names = self.names.iter();
        let mut put_to = 0;
        self.each_cell(record, |from, to| {
            put(record, put_to, from, false, out);
            put(record, from, to, names.next().is_some_and(|name| is_wanted(name, fields)), out);
            put_to = to;
        });
        put(record, put_to, record.len(), false, out);
    }

    /// The cell of a column, as it stands there.
    pub(super) fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        let wanted = self.names.iter().position(|column| column == name.as_bytes())?;
        let (mut at, mut found) = (0, None);
        self.each_cell(record, |from, to| {
            if at == wanted {
                found = record.get(from..to).map(<[u8]>::to_vec);
            }
            at += 1;
        });
        found
    }

    pub(super) fn annotate(&self, record: &[u8], remark: &Remark<'_>, is_header: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(record);
        let cells = if is_header { REMARKS.map(str::to_owned) } else { remark.cells((" ", "%20"), "") };
        for cell in cells {
            out.push(self.delimiter);
            out.extend_from_slice(self.cell(&cell).as_bytes());
        }
    }

    /// A cell, in quotes where it must be.
    fn cell(&self, text: &str) -> String {
        match self.is_quoted() && text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.replace(['\t', '\n'], " "),
        }
    }
}

/// The length of a cell in quotes; 0 for one without.
fn quoted_len(text: &[u8]) -> usize {
    if text.first() != Some(&b'"') {
        return 0;
    }
    let mut at = 1;
    while let Some(quote) = memchr::memchr(b'"', text.get(at..).unwrap_or(&[])) {
        at += quote + 1;
        if text.get(at) != Some(&b'"') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// The length of a record with its line end: the first one that is not between two quotes.
pub(super) fn record_len(text: &[u8]) -> usize {
    let mut quotes = 0usize;
    for at in memchr::memchr2_iter(b'"', b'\n', text) {
        match text.get(at) {
            Some(b'"') => quotes += 1,
            _ if quotes.is_multiple_of(2) => return at + 1,
            _ => {}
        }
    }
    text.len()
}
