//! The type of a token, by its shape alone.

use rapsheet_snapshot::host;

/// What a token is, by its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// A URL, with its scheme or with a path.
    Url,
    /// An address, prefix or range.
    Address,
    /// A name, or what should be one.
    Host,
    /// A path without a host.
    Path,
    /// An e-mail address or a hash.
    Unsupported,
}

/// Types a token by its content.
pub(crate) fn type_of(text: &[u8]) -> TokenType {
    if text.starts_with(b"/") && !text.starts_with(b"//") {
        return TokenType::Path;
    }
    let slash = memchr::memchr(b'/', text);
    let head = slash.and_then(|at| text.get(..at)).unwrap_or(text);
    let numeric = host::ends_in_number(head) || head.iter().filter(|byte| **byte == b':').count() > 1;
    match slash {
        Some(at) if text.get(at + 1..).is_some_and(is_prefix_length) && numeric => TokenType::Address,
        Some(_) => TokenType::Url,
        None if numeric || text.starts_with(b"[") || is_range(text) => TokenType::Address,
        None if text.contains(&b'@') || is_hash(text) => TokenType::Unsupported,
        None if has_scheme(text) => TokenType::Url,
        None => TokenType::Host,
    }
}

fn is_prefix_length(text: &[u8]) -> bool {
    !text.is_empty() && text.len() <= 3 && text.iter().all(u8::is_ascii_digit)
}

/// `javascript:…`: a word, a colon, and no port behind it.
fn has_scheme(text: &[u8]) -> bool {
    let word = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    match text.get(word..) {
        Some([b':', rest @ ..]) => word > 0 && rest.first().is_some_and(|byte| !byte.is_ascii_digit()),
        _ => false,
    }
}

fn is_range(text: &[u8]) -> bool {
    let mut ends = text.splitn(2, |byte| *byte == b'-');
    let is_end = |end: &[u8]| end.contains(&b'.') && end.iter().all(|byte| b"0123456789. ".contains(byte));
    matches!((ends.next(), ends.next()), (Some(first), Some(last)) if is_end(first) && is_end(last))
}

fn is_hash(text: &[u8]) -> bool {
    matches!(text.len(), 32 | 40 | 56 | 64 | 96 | 128) && text.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_a_token_by_its_content() {
        for (text, expected) in [
            ("http://evilpanel.com/a", TokenType::Url),
            ("evilpanel.com/a", TokenType::Url),
            ("209.151.231.90/bo", TokenType::Url),
            ("45.9.20.0/24", TokenType::Address),
            ("2001:980::/32", TokenType::Address),
            ("45.9.20.5", TokenType::Address),
            ("40.90.23.0-40.90.23.255", TokenType::Address),
            ("evil-panel.com", TokenType::Host),
            ("evilpanel.com:443", TokenType::Host),
            ("45.9.20.5:443", TokenType::Host),
            ("user@evilpanel.com", TokenType::Unsupported),
            ("d41d8cd98f00b204e9800998ecf8427e", TokenType::Unsupported),
            ("/gate.php", TokenType::Path),
        ] {
            assert_eq!(type_of(text.as_bytes()), expected, "{text}");
        }
    }
}
