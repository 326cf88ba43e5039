//! Where the records of a table end whose cells may be quoted and then contain line ends (RFC 4180).
//!
//! A quotation mark opens a quoted cell only at the start of one; elsewhere it is text, as for Python's `csv`.
//! A quoted cell with line ends must close within [`CELL_MAX`], before a delimiter or a line end. One that
//! does not runs away: its record ends at its first line end, and the next line begins a record, so one stray
//! mark hides no rows. The answer does not depend on how much of the text was read.

use std::cell::OnceCell;

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
    RunsAway,
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
                    Cell::RunsAway | Cell::Unknown => return line_end(text, mark),
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
                Cell::RunsAway | Cell::Unknown => 0,
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
        // Everything before `plain` is decided, and quoted cells end there; `next` is where marks count again.
        let (mut plain, mut next) = (0, 0);
        for mark in memchr::memchr_iter(b'"', text) {
            if mark < next || !self.opens(text, mark) {
                continue;
            }
            if mark >= from {
                whole.end = last_line_end(text, plain.max(from), mark).or(whole.end);
            }
            match self.cell(text, mark, is_last) {
                Cell::Closed(end) => (plain, next) = (end, end),
                Cell::Unknown => return whole,
                Cell::RunsAway => {
                    whole.runaways.push(mark);
                    next = line_end(text, mark);
                    plain = next.saturating_sub(1);
                }
            }
        }
        whole.end = last_line_end(text, plain.max(from), text.len()).or(whole.end);
        whole
    }

    /// Whether a mark outside of quotes opens a cell.
    fn opens(self, text: &[u8], mark: usize) -> bool {
        match mark.checked_sub(1).and_then(|before| text.get(before)) {
            None | Some(b'\n') => true,
            Some(byte) => *byte == self.delimiter || text.get(..mark) == Some(BYTE_ORDER_MARK),
        }
    }

    /// The cell that a mark opens.
    fn cell(self, text: &[u8], mark: usize, is_last: bool) -> Cell {
        let bound = mark.saturating_add(CELL_MAX);
        let has_lines = OnceCell::new();
        let mut at = mark + 1;
        while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
            at += found + 1;
            match text.get(at) {
                Some(b'"') => at += 1,
                None if !is_last => return Cell::Unknown,
                behind => return self.closed(text.get(mark..at).unwrap_or(&[]), at, behind),
            }
            // A cell on one line may have any length, but it is closed on that line.
            let first = || text.get(mark..bound).is_some_and(|cell| memchr::memchr(b'\n', cell).is_some());
            if at > bound && *has_lines.get_or_init(first) {
                break;
            }
        }
        if is_last || text.len() > bound { Cell::RunsAway } else { Cell::Unknown }
    }

    fn closed(self, cell: &[u8], end: usize, behind: Option<&u8>) -> Cell {
        let is_end = behind.is_none_or(|byte| *byte == self.delimiter || b"\r\n".contains(byte));
        let has_lines = || memchr::memchr(b'\n', cell).is_some();
        if is_end && cell.len() <= CELL_MAX || !has_lines() { Cell::Closed(end) } else { Cell::RunsAway }
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
