//! Parts of a line that several plain formats share: comments, inline comments, quotes, list punctuation.
//!
//! Comment marks are per format, never global: elsewhere `#` begins a URL fragment, a CSS rule or the null
//! address.

use std::str::FromStr;

/// The text of a whole-line comment (`#`, `;` or `//`), or `None`.
pub(crate) fn comment(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b'#' | b';', rest @ ..] | [b'/', b'/', rest @ ..] => Some(strip_marks(rest)),
        _ => None,
    }
}

fn strip_marks(text: &[u8]) -> &[u8] {
    let marks = text.iter().take_while(|byte| matches!(byte, b'#' | b';')).count();
    text.get(marks..).unwrap_or(&[]).trim_ascii()
}

/// The line without an inline comment: from a `#` or `;` that follows a blank.
pub(crate) fn before_comment(line: &[u8]) -> &[u8] {
    let follows_blank = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| line.get(before));
        matches!(before, Some(b' ' | b'\t'))
    };
    match memchr::memchr2_iter(b'#', b';', line).find(follows_blank) {
        Some(at) => line.get(..at).unwrap_or(line).trim_ascii_end(),
        None => line.trim_ascii_end(),
    }
}

/// The token without surrounding quotes and without a trailing `,` or `;`.
pub(crate) fn unwrap(token: &[u8]) -> &[u8] {
    let token = match token {
        [head @ .., b',' | b';'] => head.trim_ascii_end(),
        _ => token,
    };
    match token {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => token,
    }
}

/// Splits a text at the first `mark`, which belongs to neither part.
pub(crate) fn split_once(text: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(mark, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The text before the first `mark`, or all of it where there is none.
pub(crate) fn before(text: &[u8], mark: u8) -> &[u8] {
    split_once(text, mark).map_or(text, |(head, _)| head)
}

/// The words of a text, separated by ASCII whitespace.
pub(crate) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The text inside double quotes, or the text as it is where it has none.
pub(crate) fn unquoted(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(text)
}

/// Whether a text is one decimal digit or more, and nothing else.
pub(crate) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Reads a number; `None` where the text is none, or one that does not fit.
pub(crate) fn number<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The port of `80` or `tcp:80`; `None` for `any`, ranges and 0.
pub(crate) fn port(text: &[u8]) -> Option<u16> {
    let (_, digits) = split_once(text, b':').unwrap_or((&[], text));
    number(digits).filter(|port| *port > 0)
}

/// The first token of a line, up to a blank, and what follows it.
pub(crate) fn first(line: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr2(b' ', b'\t', line).unwrap_or(line.len());
    line.split_at_checked(end).unwrap_or((line, &[]))
}
