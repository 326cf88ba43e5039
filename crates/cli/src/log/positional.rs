//! Lines whose fields have known positions between blanks, quotes and brackets.
//!
//! A kind provides one function that reads a line; masking, field access and annotation follow from it. A
//! line that is not of the kind has no fields, and its time is found as in any text. Fields may overlap: the
//! URL of a request is part of the request.

use super::timestamp::{self, Stated};
use super::{Annotation, Fields, Log, RecordFormat, blank, first_line, is_selected, line_len, text};
use rapsheet_snapshot::Time;
use std::borrow::Cow;
use std::ops::Range;

/// How the lines of a kind are read.
pub(super) struct LineFormat {
    /// The names of the fields.
    pub(super) fields: &'static [&'static str],
    /// Visits the fields of a line; `None` where the line is not of this kind.
    pub(super) read: ReadFields,
    /// Fields of addresses and ports without brackets. With its port an IPv6 address reads as another one
    /// (`2001:db8::5:80`), so the colon before the port is blanked.
    pub(super) with_ports: &'static [&'static str],
    /// Lists the bytes of a line that are searched as others.
    pub(super) edit: Option<Edit>,
    /// The time of a line.
    pub(super) time: fn(&[u8], Time) -> Stated,
}

/// Takes a line, the offset of its first byte, and the list of offsets and their bytes.
pub(super) type Edit = fn(&[u8], usize, &mut Vec<(usize, u8)>);

/// Calls a visitor with the name and the range of each field of a line.
pub(super) type ReadFields = fn(&[u8], &mut VisitField<'_>) -> Option<()>;
/// Takes the name and the range of a field.
pub(super) type VisitField<'v> = dyn FnMut(&'static str, Range<usize>) + 'v;

impl LineFormat {
    /// Lines without fields, whose first time is theirs.
    pub(super) const DEFAULT: LineFormat =
        LineFormat { fields: &[], read: |_, _| None, with_ports: &[], edit: None, time: timestamp::of_line };

    /// A log of these lines.
    pub(super) fn log(&'static self) -> Log {
        Log::new(self)
    }

    /// Whether the first line of a log is of this kind.
    pub(super) fn detect(&self, head: &[u8]) -> bool {
        self.is_line(first_line(head))
    }

    /// Whether one of the first lines of a log is of this kind: others may come before it.
    pub(super) fn detect_below(&self, head: &[u8], lines: usize) -> bool {
        head.split(|byte| *byte == b'\n').take(lines).any(|line| self.is_line(first_line(line)))
    }

    fn is_line(&self, line: &[u8]) -> bool {
        (self.read)(line, &mut |_, _| {}).is_some()
    }

    /// The bytes of a block that are searched as others.
    fn edits(&self, block: &[u8]) -> Vec<(usize, u8)> {
        let (mut edits, mut start) = (Vec::new(), 0);
        if self.edit.is_none() && self.with_ports.is_empty() {
            return edits;
        }
        while start < block.len() {
            let rest = block.get(start..).unwrap_or(&[]);
            let line = first_line(rest);
            if let Some(edit) = self.edit {
                edit(line, start, &mut edits);
            }
            if !self.with_ports.is_empty() {
                self.blank_ports(line, start, &mut edits);
            }
            start += line_len(rest);
        }
        edits
    }

    /// Blanks the colons between IPv6 addresses without brackets and their ports.
    fn blank_ports(&self, line: &[u8], start: usize, edits: &mut Vec<(usize, u8)>) {
        let mut ports = Vec::new();
        let is_whole = (self.read)(line, &mut |name, cell| {
            if !self.with_ports.contains(&name) {
                return;
            }
            let mut cursor = Cursor::new(line.get(..cell.end).unwrap_or(line), cell.start);
            while let Some(word) = cursor.word() {
                let text = line.get(word.clone()).unwrap_or(&[]);
                let is_v6 = text.first() != Some(&b'[') && memchr::memchr_iter(b':', text).count() > 1;
                if is_v6 {
                    ports.push((start + without_port(line, &word).end, b' '));
                }
            }
        });
        if is_whole.is_some() {
            edits.append(&mut ports);
        }
    }

    /// Appends a copy of a block with everything but `fields` blanked out.
    fn copy_fields(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) {
        out.extend(block.iter().map(|byte| blank(*byte)));
        let mut start = 0;
        while start < block.len() {
            let rest = block.get(start..).unwrap_or(&[]);
            let line = first_line(rest);
            let mut copy = |name: &'static str, at: Range<usize>| {
                let place = start + at.start..start + at.end;
                if let (true, Some(from), Some(to)) =
                    (is_selected(name.as_bytes(), fields), line.get(at), out.get_mut(place))
                {
                    to.copy_from_slice(from);
                }
            };
            if (self.read)(line, &mut copy).is_none() {
                // Fields may have been copied before the reader found that the line is of another kind.
                let line = out.get_mut(start..start + line.len()).unwrap_or(&mut []);
                line.iter_mut().for_each(|byte| *byte = blank(*byte));
            }
            start += line_len(rest);
        }
    }
}

/// The range of a cell up to its last colon.
pub(super) fn without_port(line: &[u8], cell: &Range<usize>) -> Range<usize> {
    let colon = line.get(cell.clone()).and_then(|text| memchr::memrchr(b':', text));
    cell.start..colon.map_or(cell.end, |colon| cell.start + colon)
}

/// The range of a cell behind its last colon.
pub(super) fn port(line: &[u8], cell: &Range<usize>) -> Range<usize> {
    let colon = line.get(cell.clone()).and_then(|text| memchr::memrchr(b':', text));
    colon.map_or(cell.end, |colon| cell.start + colon + 1)..cell.end
}

impl RecordFormat for &'static LineFormat {
    fn fields(&self) -> Fields<'_> {
        Fields::Named(self.fields.iter().map(|name| Cow::Borrowed(*name)).collect())
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        let edits = self.edits(block);
        if fields.is_empty() {
            if edits.is_empty() {
                return false;
            }
            out.extend_from_slice(block);
        } else {
            self.copy_fields(block, fields, out);
        }
        for (at, byte) in edits {
            // What was blanked out stays blank.
            if let Some(to) = out.get_mut(at).filter(|to| Some(&**to) == block.get(at)) {
                *to = byte;
            }
        }
        true
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        let mut found = None;
        (self.read)(record, &mut |field, at| {
            if field == name {
                found = record.get(at).map(<[u8]>::to_vec);
            }
        })?;
        found
    }

    fn time_fields(&self) -> &'static [&'static str] {
        &[]
    }

    fn time_of_line(&self, record: &[u8], now: Time) -> Stated {
        (self.time)(record, now)
    }

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        text::annotate(record, annotation, out);
    }
}

/// Reads a line from left to right.
pub(super) struct Cursor<'l> {
    line: &'l [u8],
    at: usize,
}

impl<'l> Cursor<'l> {
    /// Begins at a byte of a line.
    pub(super) fn new(line: &'l [u8], at: usize) -> Cursor<'l> {
        Cursor { line, at }
    }

    /// The unread part of the line.
    pub(super) fn rest(&self) -> &'l [u8] {
        self.line.get(self.at..).unwrap_or(&[])
    }

    /// The range of the unread part without leading blanks; `None` at the end.
    pub(super) fn remainder(&mut self) -> Option<Range<usize>> {
        self.skip_blanks();
        (self.at < self.line.len()).then_some(self.at..self.line.len())
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| **byte == b' ').count();
    }

    /// Skips `expected`; `None` where something else comes next.
    pub(super) fn skip_exact(&mut self, expected: &[u8]) -> Option<()> {
        self.rest().starts_with(expected).then(|| self.at += expected.len())
    }

    /// The range before the next `end`, which stays unread.
    pub(super) fn until(&mut self, end: u8) -> Option<Range<usize>> {
        let length = memchr::memchr(end, self.rest())?;
        self.at += length;
        Some(self.at - length..self.at)
    }

    /// The next word between blanks.
    pub(super) fn word(&mut self) -> Option<Range<usize>> {
        self.skip_blanks();
        let length = memchr::memchr(b' ', self.rest()).unwrap_or(self.rest().len());
        self.at += length;
        (length > 0).then_some(self.at - length..self.at)
    }

    /// The range between the next two quotation marks; one behind a backslash is none.
    pub(super) fn quoted(&mut self) -> Option<Range<usize>> {
        self.skip_blanks();
        self.skip_exact(b"\"")?;
        let start = self.at;
        loop {
            self.at += memchr::memchr2(b'"', b'\\', self.rest())?;
            if self.line.get(self.at) == Some(&b'"') {
                self.at += 1;
                return Some(start..self.at - 1);
            }
            self.at += 2;
        }
    }

    /// A word, or the range between quotation marks.
    pub(super) fn word_or_quoted(&mut self) -> Option<Range<usize>> {
        self.skip_blanks();
        if self.rest().first() == Some(&b'"') { self.quoted() } else { self.word() }
    }
}

/// Visits the method, the URL and the protocol of a request. A client that does not speak HTTP sends fewer
/// words.
pub(super) fn request(line: &[u8], at: &Range<usize>, visit: &mut VisitField<'_>) {
    let mut cursor = Cursor::new(line.get(..at.end).unwrap_or(line), at.start);
    for name in ["method", "url", "protocol"] {
        let Some(word) = cursor.word() else { return };
        visit(name, word);
    }
}
