//! Lines whose fields have known positions between blanks, quotes and brackets.
//!
//! A kind provides one function that reads a line; masking, field access and annotation follow from it. A
//! line that is not of the kind has no fields, and its time is found as in any text. Fields may overlap: the
//! URL of a request is part of the request.

use super::{
    Annotation, Fields, Log, RecordFormat, blank, first_line, is_selected, line_len, text, timestamp,
};
use rapsheet_snapshot::Time;
use std::borrow::Cow;
use std::ops::Range;

/// How the lines of a kind are read.
pub(super) struct LineFormat {
    /// The names of the fields.
    pub(super) fields: &'static [&'static str],
    /// Visits the fields of a line; `None` where the line is not of this kind.
    pub(super) read: ReadFields,
}

/// Calls a visitor with the name and the range of each field of a line.
pub(super) type ReadFields = fn(&[u8], &mut VisitField<'_>) -> Option<()>;
/// Takes the name and the range of a field.
pub(super) type VisitField<'v> = dyn FnMut(&'static str, Range<usize>) + 'v;

impl LineFormat {
    /// A log of these lines.
    pub(super) fn log(&'static self) -> Log {
        Log::new(self)
    }

    /// Whether the first line of a log is of this kind.
    pub(super) fn detect(&self, head: &[u8]) -> bool {
        (self.read)(first_line(head), &mut |_, _| {}).is_some()
    }
}

impl RecordFormat for &'static LineFormat {
    fn fields(&self) -> Fields<'_> {
        Fields::Named(self.fields.iter().map(|name| Cow::Borrowed(*name)).collect())
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        if fields.is_empty() {
            return false;
        }
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

    fn time_of_line(&self, record: &[u8], now: Time) -> Option<Time> {
        timestamp::of_line(record, now)
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
