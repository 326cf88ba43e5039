//! Tables whose columns are named by comment lines, which begin with `#`.
//!
//! Where logs were joined, another header may follow anywhere, with other columns, so a block is read with
//! the header that holds at its beginning. Headers are always blanked: the path and the times in them are no
//! events.

use super::annotation::{CellStyle, push_disowned};
use super::{
    Annotation, Fields, Log, RecordFormat, blank, copy_or_blank, is_selected, line_len, named_fields,
    timestamp,
};
use std::ops::Range;

/// How a kind writes its headers and cells.
pub(super) struct Style {
    /// Reads one line of a header.
    pub(super) read: fn(&mut Header, &[u8]),
    /// What is added to a line of a header; `None` where it has no cells.
    pub(super) added: fn(&[u8]) -> Option<[&'static str; 5]>,
    /// Whether cells may be quoted, and a record with tabs is separated by them.
    pub(super) is_quoted: bool,
    /// The cells of an annotation.
    pub(super) cells: CellStyle,
}

/// A header: how the lines below it are read.
#[derive(Clone)]
pub(super) struct Header {
    style: &'static Style,
    pub(super) separator: u8,
    pub(super) columns: Vec<Vec<u8>>,
    /// The date of records that have a clock and no date.
    pub(super) date: Option<Vec<u8>>,
}

impl Header {
    /// The beginning of a log, before its header.
    pub(super) fn new(style: &'static Style) -> Header {
        Header { style, separator: b'\t', columns: Vec::new(), date: None }
    }

    /// The separator of a line.
    fn separator_of(&self, line: &[u8]) -> u8 {
        let has_tabs = self.style.is_quoted && memchr::memchr(b'\t', line).is_some();
        if has_tabs { b'\t' } else { self.separator }
    }

    /// The ranges of the cells of a line, without the separators between them.
    fn cells<'l>(&self, line: &'l [u8]) -> impl Iterator<Item = Range<usize>> + use<'l> {
        let (separator, is_quoted) = (self.separator_of(line), self.style.is_quoted);
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let start = next?;
            let rest = line.get(start..).unwrap_or(&[]);
            let quoted = if is_quoted && rest.first() == Some(&b'"') {
                let close = rest.get(1..).and_then(|rest| memchr::memchr(b'"', rest));
                close.map_or(0, |close| close + 2)
            } else {
                0
            };
            let plain = rest.get(quoted..).and_then(|rest| memchr::memchr(separator, rest));
            let end = plain.map_or(line.len(), |at| start + quoted + at);
            next = plain.map(|_| end + 1);
            Some(start..end)
        })
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
        let position = |name: &[u8]| self.columns.iter().position(|column| column == name);
        let Some(at) = position(name.as_bytes()) else {
            let is_missing = name == "date" && position(b"time").is_some();
            return self.date.clone().filter(|_| is_missing);
        };
        let cell = self.cells(record).nth(at)?;
        record.get(cell).map(<[u8]>::to_vec)
    }

    fn zone(&self, record: &[u8]) -> Option<Vec<u8>> {
        let name = timestamp::zone_of(&self.columns)?;
        self.field(record, std::str::from_utf8(name).ok()?)
    }

    /// The annotation is in its columns: missing cells are filled up, and cells beyond the header's follow
    /// it.
    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        let is_header = self.is_header(record);
        let added = match (self.style.added)(record) {
            Some(names) => names.map(str::to_owned),
            None if is_header || record.is_empty() => return out.extend_from_slice(record),
            None => annotation.cells(&self.style.cells),
        };
        let separator = self.separator_of(record);
        let known = if is_header { 0 } else { self.columns.len() };
        let (count, end) = self.cells(record).fold((0, record.len()), |(count, end), cell| {
            (count + 1, if count + 1 == known { cell.end } else { end })
        });
        let (own, beyond) = record.split_at_checked(end).unwrap_or((record, &[]));
        if is_header {
            push_disowned(own, out);
        } else {
            out.extend_from_slice(own);
        }
        let empty = std::iter::repeat_n(self.style.cells.empty, known.saturating_sub(count));
        for cell in empty.chain(added.iter().map(String::as_str)) {
            out.push(separator);
            out.extend_from_slice(cell.as_bytes());
        }
        out.extend_from_slice(beyond);
    }
}

/// The ranges of the header lines of a block, line ends included. Such lines are rare, so this searches for
/// `#` and checks what is before it, instead of visiting every line.
fn header_lines(block: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let begins = |at: &usize| *at == 0 || block.get(at - 1) == Some(&b'\n');
    let starts = memchr::memchr_iter(b'#', block).filter(begins);
    starts.map(|start| (start, start + line_len(block.get(start..).unwrap_or(&[]))))
}

/// The header at the end of a block; `None` where the block has no header lines.
pub(super) fn header_after(header: &Header, block: &[u8]) -> Option<Header> {
    let mut updated = None;
    for (start, end) in header_lines(block) {
        let line = block.get(start..end).unwrap_or(&[]);
        let updated = updated.get_or_insert_with(|| Header::clone(header));
        (header.style.read)(updated, line);
    }
    updated
}

/// Replaces `out` with a copy of a block whose headers are blanked out; `false` if there are none: then `out`
/// is empty.
pub(super) fn mask_headers(block: &[u8], out: &mut Vec<u8>) -> bool {
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
pub(super) fn mask(header: &Header, block: &[u8], fields: &[String], out: &mut Vec<u8>) {
    out.clear();
    let mut header = header.clone();
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'#') {
            (header.style.read)(&mut header, line);
            out.extend(line.iter().map(|byte| blank(*byte)));
        } else {
            mask_line(&header, line, fields, out);
        }
    }
}

fn mask_line(header: &Header, line: &[u8], fields: &[String], out: &mut Vec<u8>) {
    let mut copied_to = 0;
    for (column, cell) in header.columns.iter().zip(header.cells(line)) {
        if is_selected(column, fields) {
            copy_or_blank(line, copied_to, cell.start, false, out);
            copy_or_blank(line, cell.start, cell.end, true, out);
            copied_to = cell.end;
        }
    }
    copy_or_blank(line, copied_to, line.len(), false, out);
}
