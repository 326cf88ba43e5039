//! Lines: what ends one, what surrounds one, and how many there are.
//!
//! A line ends at LF, CR LF or a lone CR; the last line needs no end. Blanks of every kind that publishers
//! leave at the edges are trimmed, inside a token they are an error.

use rapsheet_snapshot::host_bits::{BITS_MAX, equal_bits};
use std::ops::Range;

/// The longest line that is read, in bytes; a longer one is rejected as `too-long`.
pub(crate) const LINE_MAX: usize = 64 << 10;

/// The longest record that spans lines, in bytes: a field in quotes may hold line ends. It is what Python's
/// `csv` reads by default, and what a scan of logs allows.
pub(crate) const RECORD_MAX: usize = 128 << 10;

/// The lines of a block, without their ends, as ranges of it.
pub(crate) fn split(block: &[u8]) -> Split<'_> {
    let has_returns = memchr::memchr(b'\r', block).is_some();
    Split { block, start: 0, has_returns, ends: 0, base: 0, next: 0 }
}

/// See [`split`]. Where no line ends in a CR, 64 bytes at a time are searched for line ends: most lines are
/// so short that a search for each of them costs more than the bytes do.
pub(crate) struct Split<'b> {
    block: &'b [u8],
    /// Where the next line begins.
    start: usize,
    has_returns: bool,
    /// The line ends in the 64 bytes from `base` on that have not been passed.
    ends: u64,
    base: usize,
    /// Where the next 64 bytes begin.
    next: usize,
}

impl Split<'_> {
    /// The offset of the next LF; `None` where only bytes without one are left.
    #[inline]
    fn next_end(&mut self) -> Option<usize> {
        while self.ends == 0 {
            let rest = self.block.get(self.next..).filter(|rest| !rest.is_empty())?;
            self.ends = match rest.first_chunk::<BITS_MAX>() {
                Some(bytes) => equal_bits(bytes, b'\n'),
                None => rest.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(*byte == b'\n')),
            };
            (self.base, self.next) = (self.next, self.next + BITS_MAX);
        }
        let end = self.base + self.ends.trailing_zeros() as usize;
        self.ends &= self.ends - 1;
        Some(end)
    }

    /// The next line where lines may end in CR, too.
    fn next_with_returns(&mut self) -> Option<Range<usize>> {
        let rest = self.block.get(self.start..).filter(|rest| !rest.is_empty())?;
        let width = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = self.start..self.start + width;
        let crlf = rest.get(width..width + 2) == Some(b"\r\n");
        self.start += width + 1 + usize::from(crlf);
        Some(line)
    }
}

impl Iterator for Split<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        if self.has_returns {
            return self.next_with_returns();
        }
        let end = match self.next_end() {
            Some(end) => end,
            None if self.start < self.block.len() => self.block.len(),
            None => return None,
        };
        let line = self.start..end;
        self.start = end + 1;
        Some(line)
    }
}

/// The lines of a block, each without blanks at its edges (see [`trim`]).
pub(crate) fn trimmed(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    split(block).filter_map(|at| Some(trim(block.get(at)?)))
}

/// The number of line ends in a text.
pub(crate) fn count_ends(text: &[u8]) -> u64 {
    let feeds = memchr::memchr_iter(b'\n', text).count();
    let lone = memchr::memchr_iter(b'\r', text).filter(|at| text.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

/// The line without blanks at its edges: ASCII blanks, no-break spaces, zero-width marks and soft hyphens.
pub(crate) fn trim(line: &[u8]) -> &[u8] {
    let is_graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if is_graphic(line.first()) && is_graphic(line.last()) {
        return line;
    }
    let line = line.trim_ascii();
    let wide_edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte >= 0x80);
    if !wide_edge(line.first()) && !wide_edge(line.last()) {
        return line;
    }
    trim_wide(line)
}

fn trim_wide(line: &[u8]) -> &[u8] {
    let invisible = |character: char| {
        character.is_ascii_whitespace()
            || matches!(character, '\u{A0}' | '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}')
    };
    std::str::from_utf8(line).map_or(line, |text| text.trim_matches(invisible).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_every_kind_of_line_end() {
        let block = b"a\nb\r\nc\rd\n\ne";
        let lines: Vec<&[u8]> = split(block).map(|range| &block[range]).collect();
        assert_eq!(lines, [b"a".as_slice(), b"b", b"c", b"d", b"", b"e"]);
        assert_eq!(count_ends(block), 5);
        assert_eq!(split(b"").count(), 0);
    }

    proptest::proptest! {
        #[test]
        fn both_searches_split_alike(text in "[a\n]{0,300}|(a{0,80}\n?){0,6}") {
            let lines: Vec<Range<usize>> = split(text.as_bytes()).collect();
            let mut slow = split(text.as_bytes());
            slow.has_returns = true;
            proptest::prop_assert_eq!(slow.collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn trims_edges_only() {
        assert_eq!(trim("\u{a0}\u{200b} evil.com\t\u{feff}".as_bytes()), b"evil.com");
        assert_eq!(trim("evil\u{200b}.com".as_bytes()), "evil\u{200b}.com".as_bytes());
        assert_eq!(trim(b" \xff "), b"\xff");
    }
}
