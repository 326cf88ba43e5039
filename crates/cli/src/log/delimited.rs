//! Comma-, tab- and blank-separated values below a header that names the columns. Cells with commas may be
//! quoted (RFC 4180).
//!
//! Cells are located, not unquoted, because bytes must not move: this is why the `csv` crate is not used.
//! Where files were joined, the header recurs: a record that equals it is a header, too.

use super::annotation::{CellStyle, push_disowned};
use super::timestamp::{self, Stated};
use super::{
    ANNOTATION_NAMES, Annotation, Fields, Kind, Log, RecordFormat, copy_or_blank, is_selected, line_len,
    named_fields,
};
use crate::quoted::QuotedRecords;
use rapsheet_snapshot::Time;
use std::net::{IpAddr, SocketAddr};

/// The row of this kind.
pub(super) static CSV: Kind = Kind {
    name: "csv",
    aliases: &[],
    description: "Comma-separated values below a header",
    detect: |head| Columns::looks_like_table(&COMMAS, head),
    new_log: |head| Log::new(Columns::of_table(&COMMAS, head)),
    reshape: None,
};
/// The row of this kind.
pub(super) static TSV: Kind = Kind {
    name: "tsv",
    aliases: &[],
    description: "Tab-separated values below a header",
    detect: |head| Columns::looks_like_table(&TABS, head),
    new_log: |head| Log::new(Columns::of_table(&TABS, head)),
    reshape: None,
};

/// How a table is written: delimiter, quotes, and the cells of an annotation.
pub(super) struct Dialect {
    delimiter: u8,
    /// Whether a cell may be quoted.
    is_quoted: bool,
    cells: CellStyle,
}

static COMMAS: Dialect = Dialect {
    delimiter: b',',
    is_quoted: true,
    cells: CellStyle { separator: " ", escaped_separator: "%20", empty: "" },
};
static TABS: Dialect = Dialect {
    delimiter: b'\t',
    is_quoted: false,
    cells: CellStyle { separator: " ", escaped_separator: "%20", empty: "" },
};
/// Words between single blanks, with `-` for an empty cell.
pub(super) static BLANKS: Dialect = Dialect {
    delimiter: b' ',
    is_quoted: false,
    cells: CellStyle { separator: ",", escaped_separator: "%2C", empty: "-" },
};

/// A table: its dialect and its columns.
pub(super) struct Columns {
    dialect: &'static Dialect,
    names: Vec<Vec<u8>>,
    /// The bytes of the header; empty without one.
    header: Vec<u8>,
}

impl Columns {
    /// Reads the header at the beginning of a table.
    pub(super) fn read(dialect: &'static Dialect, head: &[u8]) -> Columns {
        let mut columns = Columns { dialect, names: Vec::new(), header: Vec::new() };
        let record = trimmed(head.get(..columns.record_len(head)).unwrap_or(head));
        let mut names = Vec::new();
        columns.each_cell(record, |from, to| {
            let cell = record.get(from..to).unwrap_or(&[]);
            let cell = cell.strip_prefix(b"\"").and_then(|cell| cell.strip_suffix(b"\"")).unwrap_or(cell);
            names.push(cell.trim_ascii().to_vec());
        });
        (columns.names, columns.header) = (names, record.to_vec());
        columns
    }

    /// As [`Columns::read`]; a table whose first record is plainly none has no header and no names.
    fn of_table(dialect: &'static Dialect, head: &[u8]) -> Columns {
        let columns = Columns::read(dialect, head);
        if columns.names.iter().any(|name| is_value(name)) {
            return Columns { dialect, names: Vec::new(), header: Vec::new() };
        }
        columns
    }

    /// A table without a header, whose columns its kind defines.
    pub(super) fn with_names<'n>(dialect: &'static Dialect, names: impl Iterator<Item = &'n str>) -> Columns {
        let names = names.map(|name| name.as_bytes().to_vec()).collect();
        Columns { dialect, names, header: Vec::new() }
    }

    /// Whether a text looks like a table: a header of distinct names above a record with as many cells.
    fn looks_like_table(dialect: &'static Dialect, head: &[u8]) -> bool {
        let is_name = |name: &Vec<u8>| {
            let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-. @:/()".contains(byte);
            name.first().is_some_and(|byte| byte.is_ascii_alphabetic() || b"_@".contains(byte))
                && name.iter().all(inner)
        };
        let columns = Columns::read(dialect, head);
        let mut distinct = columns.names.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let named =
            distinct.len() == columns.names.len() && distinct.len() > 1 && distinct.iter().all(is_name);
        named && columns.has_matching_record(head)
    }

    /// Whether the record below the header has as many cells.
    fn has_matching_record(&self, head: &[u8]) -> bool {
        let below = head.get(self.record_len(head)..).unwrap_or(&[]);
        let record = below.get(..self.record_len(below)).unwrap_or(&[]);
        !record.is_empty() && self.count(record) == self.names.len()
    }

    fn count(&self, record: &[u8]) -> usize {
        let mut cells = 0;
        self.each_cell(record, |_, _| cells += 1);
        cells
    }

    /// Calls `visit` with the range of each cell of a record, quotes included.
    fn each_cell(&self, record: &[u8], mut visit: impl FnMut(usize, usize)) {
        let mut start = 0;
        loop {
            let rest = record.get(start..).unwrap_or(&[]);
            let quoted = self.quoted().map_or(0, |quoted| quoted.quoted_len(rest));
            let plain = rest.get(quoted..).and_then(|rest| memchr::memchr(self.dialect.delimiter, rest));
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
        let mut copied_to = 0;
        self.each_cell(record, |from, to| {
            copy_or_blank(record, copied_to, from, false, out);
            copy_or_blank(record, from, to, names.next().is_some_and(|name| is_selected(name, fields)), out);
            copied_to = to;
        });
        copy_or_blank(record, copied_to, record.len(), false, out);
    }

    /// A cell as the dialect writes it: quoted where it must be, or with blanks for tabs and line ends.
    fn cell(&self, text: &str) -> String {
        match self.dialect.is_quoted && text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.replace(['\t', '\n'], " "),
        }
    }
}

impl RecordFormat for Columns {
    fn fields(&self) -> Fields<'_> {
        named_fields(&self.names)
    }

    fn quoted(&self) -> Option<QuotedRecords> {
        self.dialect.is_quoted.then_some(QuotedRecords { delimiter: self.dialect.delimiter })
    }

    fn record_len(&self, text: &[u8]) -> usize {
        self.quoted().map_or_else(|| line_len(text), |quoted| quoted.record_len(text))
    }

    fn is_header(&self, record: &[u8]) -> bool {
        !self.header.is_empty() && trimmed(record) == self.header
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
                copy_or_blank(block, start, end, !is_header, out);
            } else {
                self.mask_record(block, start, end, fields, out);
            }
            start = end;
        }
        true
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        let column = self.names.iter().position(|column| column == name.as_bytes())?;
        let (mut at, mut found) = (0, None);
        self.each_cell(record, |from, to| {
            if at == column {
                found = record.get(from..to).map(<[u8]>::to_vec);
            }
            at += 1;
        });
        found
    }

    /// Without a header it is not known which column holds the time.
    fn time_of_line(&self, record: &[u8], now: Time) -> Stated {
        if self.names.is_empty() { timestamp::of_line(record, now) } else { Stated::Nothing }
    }

    fn zone(&self, record: &[u8]) -> Option<Vec<u8>> {
        let name = timestamp::zone_of(&self.names)?;
        self.field(record, std::str::from_utf8(name).ok()?)
    }

    /// The annotation is in its columns: a record with missing cells is filled up first, and cells beyond the
    /// header's follow it. A column of the log that has a name of ours is renamed in the header.
    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        if record.is_empty() {
            return;
        }
        let (mut count, mut end) = (0, record.len());
        self.each_cell(record, |_, to| {
            count += 1;
            end = if count == self.names.len() { to } else { end };
        });
        let is_header = self.is_header(record);
        let (own, beyond) = record.split_at_checked(end).unwrap_or((record, &[]));
        if is_header {
            push_disowned(own, out);
        } else {
            out.extend_from_slice(own);
        }
        let cells = if is_header {
            ANNOTATION_NAMES.map(str::to_owned)
        } else {
            annotation.cells(&self.dialect.cells)
        };
        let empty = std::iter::repeat_n(self.dialect.cells.empty, self.names.len().saturating_sub(count));
        for cell in empty.chain(cells.iter().map(String::as_str)) {
            out.push(self.dialect.delimiter);
            out.extend_from_slice(self.cell(cell).as_bytes());
        }
        out.extend_from_slice(beyond);
    }
}

/// Whether a cell is an address, a time, a URL or a listed-looking name, and so no name of a column. Names of
/// columns have dots, too (`host.name`), so few ends of a name tell.
fn is_value(cell: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(cell) else { return false };
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    let is_name = || {
        let (_, end) = text.rsplit_once('.').unwrap_or_default();
        !text.contains(' ') && ["com", "net", "ru"].contains(&end.to_ascii_lowercase().as_str())
    };
    let has_time = || cell.first().is_some_and(u8::is_ascii_digit) && is_time(cell);
    address.parse::<IpAddr>().is_ok()
        || text.parse::<SocketAddr>().is_ok()
        || text.contains("://")
        || has_time()
        || is_name()
}

fn is_time(cell: &[u8]) -> bool {
    matches!(timestamp::of_field(cell, Time::EARLIEST), Stated::At(_))
}

/// A record without a byte order mark and trailing blanks.
fn trimmed(record: &[u8]) -> &[u8] {
    record.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record).trim_ascii_end()
}
