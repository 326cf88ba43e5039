//! Escapes that writers of logs put into text: JSON's (`\n`, `\u0026`, `\/`), nginx's and zeek's (`\x22`), and URLs' (`%2F`).
//!
//! A line that was written into another, as containers do it, has its backslashes twice or four times; any number of them
//! counts as one.

/// Where an escape ends that the run from `start` to `end` begins with; `start` where it begins with none.
///
/// A run has letters and digits alone, so the backslash or the percent sign stands before it.
#[inline]
pub(crate) fn escape_end(text: &[u8], start: usize, end: usize) -> usize {
    let before = start.checked_sub(1).and_then(|at| text.get(at));
    match before {
        Some(b'\\') => start + escape_len(text.get(start..end).unwrap_or(&[])),
        Some(b'%') if is_mark(text.get(start..end.min(start + 2))) => start + 2,
        _ => start,
    }
}

/// The length of an escape behind its backslash; 0 where there is none.
fn escape_len(text: &[u8]) -> usize {
    match text.first() {
        Some(b'n' | b't' | b'r' | b'b' | b'f') => 1,
        Some(b'x') if is_hex(text.get(1..3), 2) => 3,
        Some(b'u') if is_hex(text.get(1..5), 4) => 5,
        _ => 0,
    }
}

/// Whether two digits stand for a byte of ASCII that is no letter or digit: nobody escapes those.
fn is_mark(digits: Option<&[u8]>) -> bool {
    let text =
        digits.filter(|digits| is_hex(Some(digits), 2)).and_then(|digits| std::str::from_utf8(digits).ok());
    let byte = text.and_then(|text| u8::from_str_radix(text, 16).ok());
    byte.is_some_and(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric())
}

fn is_hex(digits: Option<&[u8]>, width: usize) -> bool {
    digits.is_some_and(|digits| digits.len() == width && digits.iter().all(u8::is_ascii_hexdigit))
}

/// A URL without its escapes, and how much of the text it is: it ends before an escape for what no URL has. Escapes for
/// letters, digits and marks between them are nobody's custom, and stay.
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
        match code(behind.get(..length).unwrap_or(&[])) {
            Some(byte) if ends_url(byte) => break,
            Some(byte) => plain.push(byte),
            None if matches!(behind.first(), Some(b'/')) => {}
            None if behind.is_empty() => break,
            None => plain.extend_from_slice(text.get(at..at + slashes + length).unwrap_or(&[])),
        }
        at += slashes + length;
    }
    (plain, at)
}

/// The byte that an escape stands for, if it is an ASCII mark or a control character.
fn code(escape: &[u8]) -> Option<u8> {
    match escape {
        [] => None,
        [_] => Some(b'\n'),
        [_, digits @ ..] => {
            let code = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            let is_mark =
                |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b".:".contains(byte);
            u8::try_from(code).ok().filter(is_mark)
        }
    }
}

/// Whether no URL has such a byte.
fn ends_url(byte: u8) -> bool {
    crate::marks::is_edge(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_backslashes_is_one() {
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
    fn escapes_end_where_their_bytes_do() {
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
