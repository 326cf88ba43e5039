//! Escapes that log writers put into text.
//!
//! | escape | written by |
//! |---|---|
//! | `\n`, `\t`, `\r`, `\b`, `\f` | JSON: control characters |
//! | `\u0026` | JSON: a UTF-16 unit, four hex digits |
//! | `\/` | JSON: a slash |
//! | `\x22` | nginx, Zeek: a byte, two hex digits |
//! | `%2F` | URLs: a byte, two hex digits |
//!
//! A line that is embedded in another, as container runtimes do it, has its backslashes doubled, perhaps more
//! than once. So any number of backslashes counts as one.

use crate::tokenizer::is_edge;

/// The end of the escape at the beginning of the word from `start` to `end`; `start` if there is none.
///
/// Words contain no backslash and no percent sign, so that of the escape is just before `start`.
#[inline]
pub(crate) fn escape_end(text: &[u8], start: usize, end: usize) -> usize {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    match before {
        Some(b'\\') => start + escape_len(text.get(start..end).unwrap_or(&[])),
        Some(b'%') if is_punctuation(text.get(start..end.min(start + 2))) => start + 2,
        _ => start,
    }
}

/// The length of an escape without its backslash; 0 if there is none.
fn escape_len(text: &[u8]) -> usize {
    match text.first() {
        Some(b'n' | b't' | b'r' | b'b' | b'f') => 1,
        Some(b'x') if is_hex(text.get(1..3), 2) => 3,
        Some(b'u') if is_hex(text.get(1..5), 4) => 5,
        _ => 0,
    }
}

/// Whether two hex digits stand for an ASCII byte that is no letter or digit. Writers do not escape letters
/// and digits. The first bytes of `%de.example.com` are a name: 0xDE is not ASCII.
fn is_punctuation(digits: Option<&[u8]>) -> bool {
    let text =
        digits.filter(|digits| is_hex(Some(digits), 2)).and_then(|digits| std::str::from_utf8(digits).ok());
    let byte = text.and_then(|text| u8::from_str_radix(text, 16).ok());
    byte.is_some_and(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric())
}

fn is_hex(digits: Option<&[u8]>, width: usize) -> bool {
    digits.is_some_and(|digits| digits.len() == width && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A URL without its escapes, and the number of bytes of `text` that it takes. The URL ends before an escape
/// for an edge, such as `\n`. Escapes for letters, digits, `.` and `:` stay as they are: writers
/// do not make them.
pub(crate) fn unescaped(text: &[u8]) -> (Vec<u8>, usize) {
    let (mut plain, mut at) = (Vec::with_capacity(text.len()), 0);
    while let Some(byte) = text.get(at) {
        let slashes = text.iter().skip(at).take_while(|byte| **byte == b'\\').count();
        if slashes == 0 {
            plain.push(*byte);
            at += 1;
            continue;
        }
        let behind = text.get(at + slashes..).unwrap_or(&[]);
        let length = escape_len(behind);
        match value_of(behind.get(..length).unwrap_or(&[])) {
            Some(byte) if is_edge(byte) => break,
            Some(byte) => plain.push(byte),
            None if matches!(behind.first(), Some(b'/')) => {}
            None if behind.is_empty() => break,
            None => plain.extend_from_slice(text.get(at..at + slashes + length).unwrap_or(&[])),
        }
        at += slashes + length;
    }
    (plain, at)
}

/// The ASCII byte that an escape without its backslash stands for; `None` for letters, digits, `.` and `:`.
fn value_of(escape: &[u8]) -> Option<u8> {
    match escape {
        [] => None,
        // Which control character it is does not matter: all are edges.
        [_] => Some(b'\n'),
        [_, digits @ ..] => {
            let value = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            let is_punctuation =
                |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b".:".contains(byte);
            u8::try_from(value).ok().filter(is_punctuation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_backslashes_counts_as_one() {
        for (text, plain, width) in [
            (r"http://a/b", "http://a/b", 10),
            (r"a\/b\\/c\u0026d\\\u003de", "a/b/c&d=e", 24),
            (r"a\nb", "a", 1),
            (r"a\u0022b", "a", 1),
            (r"a\x20", "a", 1),
            (r"a\u0041\p\", r"a\u0041\p", 9),
            ("a\\u00e9", "a\\u00e9", 7),
        ] {
            let (found, found_width) = unescaped(text.as_bytes());
            assert_eq!((String::from_utf8_lossy(&found).as_ref(), found_width), (plain, width), "{text}");
        }
    }

    #[test]
    fn finds_the_end_of_each_kind_of_escape() {
        for (text, start, end) in [
            (r"\nx", 1, 2),
            (r"\x22x", 1, 4),
            (r"\x2", 1, 1),
            (r"\u00e9x", 1, 6),
            ("%2Fx", 1, 3),
            ("%zz", 1, 1),
            ("%de.example.com", 1, 1),
            ("nx", 0, 0),
        ] {
            assert_eq!(escape_end(text.as_bytes(), start, text.len()), end, "{text}");
        }
    }
}
