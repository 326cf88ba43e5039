//! Lines: what ends one, what surrounds one, and how many there are.
//!
//! A line ends at LF, CR LF or a lone CR; the last line needs no end. Blanks of every kind that publishers
//! leave at the edges are trimmed, inside a token they are an error.

use std::ops::Range;

/// The longest line that is read, in bytes; a longer one is rejected as `too-long`.
pub(crate) const LINE_MAX: usize = 64 << 10;

/// The longest record that spans lines, in bytes: a field in quotes may hold line ends. It is what Python's
/// `csv` reads by default, and what a scan of logs allows.
pub(crate) const RECORD_MAX: usize = 128 << 10;

/// The lines of a block, without their ends, as ranges of it.
pub(crate) fn split(block: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let has_returns = memchr::memchr(b'\r', block).is_some();
    std::iter::from_fn(move || {
        let rest = block.get(start..).filter(|rest| !rest.is_empty())?;
        let end = if has_returns { memchr::memchr2(b'\n', b'\r', rest) } else { memchr::memchr(b'\n', rest) };
        let width = end.unwrap_or(rest.len());
        let line = start..start + width;
        let crlf = rest.get(width..width + 2) == Some(b"\r\n");
        start += width + 1 + usize::from(crlf);
        Some(line)
    })
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

    #[test]
    fn trims_edges_only() {
        assert_eq!(trim("\u{a0}\u{200b} evil.com\t\u{feff}".as_bytes()), b"evil.com");
        assert_eq!(trim("evil\u{200b}.com".as_bytes()), "evil\u{200b}.com".as_bytes());
        assert_eq!(trim(b" \xff "), b"\xff");
    }
}
