//! Lines whose fields stand in known places, between blanks, quotes and brackets.
//!
//! A kind says how one line is read, and all else follows: what is blanked out, what a field holds. A line that is not
//! of the kind has no fields, and says when it happened as any text does. Fields may lie in others: the URL of a request
//! in the request.

use super::{Annotation, Fields, Layout, Log, blank, first_line, is_wanted, line_len, text, timestamp};
use rapsheet_snapshot::Time;
use std::borrow::Cow;
use std::ops::Range;

/// How lines of a kind are read.
pub(super) struct Lines {
    /// The names of the fields.
    pub(super) fields: &'static [&'static str],
    /// Visits the fields of a line; `None` where it is not of this kind.
    pub(super) read: Read,
}

/// Visits the fields of a line: the name and the place of each.
pub(super) type Read = fn(&[u8], &mut Visit<'_>) -> Option<()>;
/// Takes the name and the place of a field.
pub(super) type Visit<'v> = dyn FnMut(&'static str, Range<usize>) + 'v;

impl Lines {
    /// A log of such lines.
    pub(super) fn log(&'static self) -> Log {
        Log::new(self)
    }

    /// Whether the first line of a log is such a line.
    pub(super) fn tell(&self, head: &[u8]) -> bool {
        (self.read)(first_line(head), &mut |_, _| {}).is_some()
    }
}

impl Layout for &'static Lines {
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
                    (is_wanted(name.as_bytes(), fields), line.get(at), out.get_mut(place))
                {
                    to.copy_from_slice(from);
                }
            };
            if (self.read)(line, &mut copy).is_none() {
                // What was read before the line turned out to be of another kind is blanked out again.
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

    fn times(&self) -> &'static [&'static str] {
        &[]
    }

    fn time_of_line(&self, record: &[u8], now: Time) -> Option<Time> {
        timestamp::of_line(record, now)
    }

    fn annotate(&self, record: &[u8], remark: &Annotation<'_>, out: &mut Vec<u8>) {
        text::annotate(record, remark, out);
    }
}

/// Walks along a line.
pub(super) struct Cursor<'l> {
    line: &'l [u8],
    at: usize,
}

impl<'l> Cursor<'l> {
    /// Begins at a byte of a line.
    pub(super) fn new(line: &'l [u8], at: usize) -> Cursor<'l> {
        Cursor { line, at }
    }

    /// What lies ahead.
    pub(super) fn rest(&self) -> &'l [u8] {
        self.line.get(self.at..).unwrap_or(&[])
    }

    /// What lies ahead, behind any blanks; `None` at the end.
    pub(super) fn remainder(&mut self) -> Option<Range<usize>> {
        self.blanks();
        (self.at < self.line.len()).then_some(self.at..self.line.len())
    }

    fn blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| **byte == b' ').count();
    }

    /// Passes over a mark that must be there.
    pub(super) fn mark(&mut self, mark: &[u8]) -> Option<()> {
        self.rest().starts_with(mark).then(|| self.at += mark.len())
    }

    /// Goes on to where `end` is, and returns what lies before it.
    pub(super) fn until(&mut self, end: u8) -> Option<Range<usize>> {
        let length = memchr::memchr(end, self.rest())?;
        self.at += length;
        Some(self.at - length..self.at)
    }

    /// The next word between blanks.
    pub(super) fn word(&mut self) -> Option<Range<usize>> {
        self.blanks();
        let length = memchr::memchr(b' ', self.rest()).unwrap_or(self.rest().len());
        self.at += length;
        (length > 0).then_some(self.at - length..self.at)
    }

    /// What stands between the next two quotation marks, of which those behind a backslash are none.
    pub(super) fn quoted(&mut self) -> Option<Range<usize>> {
        self.blanks();
        self.mark(b"\"")?;
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

    /// A word, or what stands between quotation marks.
    pub(super) fn cell(&mut self) -> Option<Range<usize>> {
        self.blanks();
        if self.rest().first() == Some(&b'"') { self.quoted() } else { self.word() }
    }
}

/// The method, the URL and the protocol of a request. Whoever speaks no HTTP sends something else.
pub(super) fn request(line: &[u8], at: &Range<usize>, visit: &mut Visit<'_>) {
    let mut cursor = Cursor::new(line.get(..at.end).unwrap_or(line), at.start);
    for name in ["method", "url", "protocol"] {
        let Some(word) = cursor.word() else { return };
        visit(name, word);
    }
}
