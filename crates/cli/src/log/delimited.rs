//! Comma-, tab- and blank-separated values: a header names the columns, and in the first a cell in quotes may hold anything.
//!
//! RFC 4180's quoting, read where it stands: nothing is unquoted, because nothing is taken out of its place. Where files
//! were joined, their header recurs; a record that says the same is a header, too.

use super::remark::Cells;
use super::{Annotation, Fields, Kind, Layout, Log, REMARKS, is_wanted, line_len, names_of, put};

/// A row of the table.
pub(super) static CSV: Kind = Kind {
    name: "csv",
    also: &[],
    about: "Comma-separated values below a header",
    tell: |head| Columns::guess(&COMMAS, head),
    begin: |head| Log::new(Columns::read(&COMMAS, head)),
    reshape: None,
};
/// A row of the table.
pub(super) static TSV: Kind = Kind {
    name: "tsv",
    also: &[],
    about: "Tab-separated values below a header",
    tell: |head| Columns::guess(&TABS, head),
    begin: |head| Log::new(Columns::read(&TABS, head)),
    reshape: None,
};

/// How a table is written.
pub(super) struct Style {
    delimiter: u8,
    /// Whether a cell may stand in quotes.
    is_quoted: bool,
    cells: Cells,
}

static COMMAS: Style =
    Style { delimiter: b',', is_quoted: true, cells: Cells { joint: " ", instead: "%20", empty: "" } };
static TABS: Style =
    Style { delimiter: b'\t', is_quoted: false, cells: Cells { joint: " ", instead: "%20", empty: "" } };
/// Words between single blanks, and `-` where there is nothing.
pub(super) static BLANKS: Style =
    Style { delimiter: b' ', is_quoted: false, cells: Cells { joint: ",", instead: "%2C", empty: "-" } };

/// A table, and what its header says.
pub(super) struct Columns {
    style: &'static Style,
    names: Vec<Vec<u8>>,
    /// The header as it stands there; empty where there is none.
    header: Vec<u8>,
}

impl Columns {
    /// Reads the header of a table that begins with it.
    pub(super) fn read(style: &'static Style, head: &[u8]) -> Columns {
        let mut columns = Columns { style, names: Vec::new(), header: Vec::new() };
        let record = text_of(head.get(..columns.record_len(head)).unwrap_or(head));
        let mut names = Vec::new();
        columns.each_cell(record, |from, to| {
            let cell = record.get(from..to).unwrap_or(&[]);
            let cell = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell);
            names.push(cell.trim_ascii().to_vec());
        });
        (columns.names, columns.header) = (names, record.to_vec());
        columns
    }

    /// A table without a header, whose columns everybody knows.
    pub(super) fn known<'n>(style: &'static Style, names: impl Iterator<Item = &'n str>) -> Columns {
        let names = names.map(|name| name.as_bytes().to_vec()).collect();
        Columns { style, names, header: Vec::new() }
    }

    /// Whether this looks like a table: a header of distinct names, and records with as many cells.
    fn guess(style: &'static Style, head: &[u8]) -> bool {
        let is_name = |name: &Vec<u8>| {
            let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-. @:/()".contains(byte);
            name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte))
                && name.iter().all(inner)
        };
        let columns = Columns::read(style, head);
        let mut distinct = columns.names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let named =
            distinct.len() == columns.names.len() && distinct.len() > 1 && distinct.iter().all(is_name);
        named && columns.is_followed(head)
    }

    /// Whether the record below the header is there and has as many cells.
    fn is_followed(&self, head: &[u8]) -> bool {
        let below = head.get(self.record_len(head)..).unwrap_or(&[]);
        let record = below.get(..self.record_len(below)).unwrap_or(&[]);
        !record.is_empty() && self.count(record) == self.names.len()
    }

    fn count(&self, record: &[u8]) -> usize {
        let mut cells = 0;
        self.each_cell(record, |_, _| cells += 1);
        cells
    }

    /// Visits the cells of a record, as it stands there, quotes included.
    fn each_cell(&self, record: &[u8], mut visit: impl FnMut(usize, usize)) {
        let mut start = 0;
        loop {
            let rest = record.get(start..).unwrap_or(&[]);
            let quoted = if self.style.is_quoted { quoted_len(rest) } else { 0 };
            let plain = rest.get(quoted..).and_then(|rest| memchr::memchr(self.style.delimiter, rest));
            let end = plain.map_or(record.len(), |at| start + quoted + at);
            visit(start, end);
            start = end + 1;
            if plain.is_none() {
                return;
            }
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

    /// A cell, in quotes where it must be.
    fn cell(&self, text: &str) -> String {
        match self.style.is_quoted && text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.replace(['\t', '\n'], " "),
        }
    }
}

impl Layout for Columns {
    fn fields(&self) -> Fields<'_> {
        names_of(&self.names)
    }

    fn is_quoted(&self) -> bool {
        self.style.is_quoted
    }

    fn record_len(&self, text: &[u8]) -> usize {
        if self.style.is_quoted { record_len(text) } else { line_len(text) }
    }

    fn is_header(&self, record: &[u8]) -> bool {
        !self.header.is_empty() && text_of(record) == self.header
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        let has_header = || !self.header.is_empty() && memchr::memmem::find(block, &self.header).is_some();
        if fields.is_empty() && !has_header() {
            return false;
        }
        let mut start = 0;
        while start < block.len() {
            let rest = block.get(start..).unwrap_or(&[]);
            let end = start + self.record_len(rest);
            let is_header = self.is_header(block.get(start..end).unwrap_or(&[]));
            if is_header || fields.is_empty() {
                put(block, start, end, !is_header, out);
            } else {
                self.mask_record(block, start, end, fields, out);
            }
            start = end;
        }
        true
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
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

    /// A record that lacks cells gets them first, so that the columns stay in line.
    fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(record);
        if record.is_empty() {
            return;
        }
        let lacking = self.names.len().saturating_sub(self.count(record));
        let cells = match self.is_header(record) {
            true => REMARKS.map(str::to_owned),
            false => remark.cells(&self.style.cells),
        };
        let empty = std::iter::repeat_n(self.style.cells.empty, lacking);
        for cell in empty.chain(cells.iter().map(String::as_str)) {
            out.push(self.style.delimiter);
            out.extend_from_slice(self.cell(cell).as_bytes());
        }
    }
}

/// What a record says, without the mark that some put at the beginning of a file.
fn text_of(record: &[u8]) -> &[u8] {
    record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record).trim_ascii_end()
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
fn record_len(text: &[u8]) -> usize {
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
