//! Where the records of a table end whose cells may be quoted and then contain line ends (RFC 4180).
//!
//! A quotation mark opens a quoted cell only at the start of one; elsewhere it is text, as for Python's
//! `csv`. A quoted cell with line ends must close within [`CELL_MAX`], before a delimiter or a line end. One
//! that does not runs away: its record ends at its first line end, and the next line begins a record, so one
//! stray mark hides no rows. The answer does not depend on how much of the text was read.

/// The longest quoted cell with line ends, in bytes: what Python's `csv` reads by default.
pub(crate) const CELL_MAX: usize = 128 << 10;
/// A byte order mark, which may precede the first cell.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// How much of a text is searched for its last line end, from the back, before all of it is.
const TAIL_LEN: usize = 64 << 10;

/// Records of cells with this delimiter between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QuotedRecords {
    pub(crate) delimiter: u8,
}

/// The whole records that a text begins with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct WholeRecords {
    /// Where the last one ends; `None` for none.
    pub(crate) end: Option<usize>,
    /// The offsets of the marks that open a cell which runs away.
    pub(crate) runaways: Vec<usize>,
}

/// What follows a mark that opens a cell.
enum Cell {
    /// It closes: the offset behind the closing mark.
    Closed(usize),
    /// It does not; the offset of the mark.
    RunsAway(usize),
    /// The text ends before that is known.
    Unknown,
}

impl QuotedRecords {
    /// The length of the record that a text of whole records begins with, line end included.
    pub(crate) fn record_len(self, text: &[u8]) -> usize {
        let mut at = 0;
        while let Some(mark) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\n', rest)) {
            let mark = at + mark;
            at = match text.get(mark) {
                Some(b'\n') => return mark + 1,
                _ if !self.opens(text, mark) => mark + 1,
                _ => match self.cell(text, mark, true) {
                    Cell::Closed(end) => end,
                    Cell::RunsAway(_) | Cell::Unknown => return line_end(text, mark),
                },
            };
        }
        text.len()
    }

    /// The length of the quoted cell that a cell's text begins with; 0 where its mark opens nothing.
    pub(crate) fn quoted_len(self, text: &[u8]) -> usize {
        match text.first() {
            Some(b'"') => match self.cell(text, 0, true) {
                Cell::Closed(end) => end,
                Cell::RunsAway(_) | Cell::Unknown => 0,
            },
            _ => 0,
        }
    }

    /// The whole records of a text that begins with one. More may follow, unless it is the last text.
    pub(crate) fn whole(self, text: &[u8], is_last: bool) -> WholeRecords {
        let tail = text.len().saturating_sub(TAIL_LEN);
        let near = self.whole_from(text, is_last, tail);
        if near.end.is_some() || tail == 0 { near } else { self.whole_from(text, is_last, 0) }
    }

    /// As [`QuotedRecords::whole`], with an end behind `from` only.
    fn whole_from(self, text: &[u8], is_last: bool, from: usize) -> WholeRecords {
        let mut whole = WholeRecords::default();
        // What is before `plain` is decided, and ends outside of quotes.
        let mut plain = 0;
        loop {
            match self.next_runaway(text, is_last, from, &mut plain, &mut whole.end) {
                Cell::RunsAway(mark) => {
                    whole.runaways.push(mark);
                    // The line end that ends its record is one of those to come.
                    let end = line_end(text, mark);
                    plain = if text.get(end - 1) == Some(&b'\n') { end - 1 } else { end };
                }
                Cell::Unknown => return whole,
                Cell::Closed(_) => break,
            }
        }
        whole.end = last_line_end(text, plain.max(from), text.len()).or(whole.end);
        whole
    }

    /// Walks from `plain` to the next cell that runs away, or whose end is not known, and advances `plain`
    /// and `end` on the way. A table may have a mark at every third byte, so each costs a few instructions.
    fn next_runaway(
        self,
        text: &[u8],
        is_last: bool,
        from: usize,
        plain: &mut usize,
        end: &mut Option<usize>,
    ) -> Cell {
        let start = *plain;
        let (mut open, mut doubled) = (None, None);
        for mark in memchr::memchr_iter(b'"', text.get(start..).unwrap_or(&[])).map(|at| start + at) {
            let Some(opening) = open else {
                if self.opens(text, mark) {
                    if mark >= from {
                        *end = last_line_end(text, (*plain).max(from), mark).or(*end);
                    }
                    open = Some(mark);
                }
                continue;
            };
            if doubled.take() == Some(mark) {
                continue;
            }
            if text.get(mark + 1) == Some(&b'"') {
                doubled = Some(mark + 1);
                continue;
            }
            match self.closed(text, opening, mark + 1, is_last) {
                Cell::Closed(behind) => (*plain, open) = (behind, None),
                other => return other,
            }
        }
        match open {
            Some(opening) if is_last || text.len() > opening + CELL_MAX => Cell::RunsAway(opening),
            Some(_) => Cell::Unknown,
            None => Cell::Closed(text.len()),
        }
    }

    /// Whether a mark outside of quotes opens a cell.
    fn opens(self, text: &[u8], mark: usize) -> bool {
        match mark.checked_sub(1).and_then(|before| text.get(before)) {
            None | Some(b'\n') => true,
            Some(byte) => *byte == self.delimiter || text.get(..mark) == Some(BYTE_ORDER_MARK),
        }
    }

    /// The cell that a mark opens.
    fn cell(self, text: &[u8], opening: usize, is_last: bool) -> Cell {
        let mut at = opening + 1;
        while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
            at += found + 1;
            if text.get(at) == Some(&b'"') {
                at += 1;
            } else {
                return self.closed(text, opening, at, is_last);
            }
        }
        if is_last || text.len() > opening + CELL_MAX { Cell::RunsAway(opening) } else { Cell::Unknown }
    }

    /// The cell between a mark that opens it and the offset behind the next one that is not doubled.
    fn closed(self, text: &[u8], opening: usize, end: usize, is_last: bool) -> Cell {
        let behind = text.get(end);
        if behind.is_none() && !is_last {
            return Cell::Unknown;
        }
        let is_end = behind.is_none_or(|byte| *byte == self.delimiter || b"\r\n".contains(byte));
        let cell = text.get(opening..end).unwrap_or(&[]);
        let has_lines = || memchr::memchr(b'\n', cell).is_some();
        // A cell on one line may have any length, and text behind its end.
        if is_end && cell.len() <= CELL_MAX || !has_lines() {
            Cell::Closed(end)
        } else {
            Cell::RunsAway(opening)
        }
    }
}

/// The offset behind the line that holds a byte.
fn line_end(text: &[u8], at: usize) -> usize {
    let end = text.get(at..).and_then(|rest| memchr::memchr(b'\n', rest));
    end.map_or(text.len(), |end| at + end + 1)
}

/// The offset behind the last line end between two offsets.
fn last_line_end(text: &[u8], from: usize, to: usize) -> Option<usize> {
    text.get(from..to).and_then(|part| memchr::memrchr(b'\n', part)).map(|at| from + at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: QuotedRecords = QuotedRecords { delimiter: b',' };

    fn records(text: &str) -> Vec<&str> {
        let (mut records, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (record, others) = rest.split_at(COMMAS.record_len(rest.as_bytes()));
            records.push(record);
            rest = others;
        }
        records
    }

    #[test]
    fn a_mark_opens_only_at_the_start_of_a_cell() {
        for (text, expected) in [
            ("a,b\nc\n", vec!["a,b\n", "c\n"]),
            ("\"a\nb\",c\nd\n", vec!["\"a\nb\",c\n", "d\n"]),
            ("x,\"a\"\"\nb\"\nd\n", vec!["x,\"a\"\"\nb\"\n", "d\n"]),
            ("5\" disk,a\nb\n", vec!["5\" disk,a\n", "b\n"]),
            ("a, \"b\nc\"\n", vec!["a, \"b\n", "c\"\n"]),
            ("a,\"b\nc,d\n", vec!["a,\"b\n", "c,d\n"]),
            ("a,\"b\nc,d \"e\"\nf\n", vec!["a,\"b\n", "c,d \"e\"\n", "f\n"]),
            ("a,\"b\"x,c\nd\n", vec!["a,\"b\"x,c\n", "d\n"]),
            ("\u{feff}\"a\nb\",c\n", vec!["\u{feff}\"a\nb\",c\n"]),
        ] {
            assert_eq!(records(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_cell_that_does_not_close_ends_with_its_line() {
        let rows = "1,2,3\n".repeat(CELL_MAX / 6 + 10);
        for text in [format!("a,\"b\n{rows}"), format!("a,\"b\n{rows}x\",c\n")] {
            let whole = COMMAS.whole(text.as_bytes(), false);
            assert_eq!((whole.end, whole.runaways), (Some(text.len()), vec![2]));
            assert_eq!(records(&text).len(), text.lines().count());
        }
        let short = "a,b\nc,\"d\ne\n";
        assert_eq!(COMMAS.whole(short.as_bytes(), false), WholeRecords { end: Some(4), runaways: vec![] });
        assert_eq!(COMMAS.whole(short.as_bytes(), true).runaways, [6]);
    }

    proptest::proptest! {
        /// Whole records are cut where they end, wherever the text was cut, and at most one is left.
        #[test]
        fn cuts_at_ends_of_records(
            text in "[ab,\"\"\"\n\n]{0,80}", cut in 0usize..80,
        ) {
            let bytes = text.as_bytes();
            let mut ends = vec![0];
            while ends.last().is_some_and(|end| *end < bytes.len()) {
                let end = ends[ends.len() - 1];
                ends.push(end + COMMAS.record_len(&bytes[end..]));
            }
            let part = &bytes[..cut.min(bytes.len())];
            if let Some(end) = COMMAS.whole(part, false).end {
                proptest::prop_assert!(ends.contains(&end), "{text:?} {end} {ends:?}");
            }
            let last_of_records = ends.iter().rev().find(|end| **end > 0 && bytes[**end - 1] == b'\n');
            proptest::prop_assert_eq!(COMMAS.whole(bytes, true).end, last_of_records.copied());
        }
    }
}
