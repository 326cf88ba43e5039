//! Parts of a line that several plain formats share: comments, inline comments, quotes, list punctuation.
//!
//! Comment marks are per format, never global: elsewhere `#` begins a URL fragment, a CSS rule or the null address.

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

/// The first token of a line, up to a blank, and what follows it.
pub(crate) fn first(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    line.split_at_checked(end).unwrap_or((line, &[]))
}
