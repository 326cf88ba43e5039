//! Text that is safe to print on a terminal.
//!
//! Log lines, arguments and feeds may hold anything, including escape sequences and marks that reverse the
//! direction of text. Such characters are printed as escapes, in the notation of Rust's strings.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every control character escaped, line ends included.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// As [`text`], for messages of several lines: line ends stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| is_control(character) && character != '\n')
}

/// A log line, safe for a terminal; tabs stay.
pub(crate) fn log_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    escaped(&text, |character| is_control(character) && character != '\t').into_owned()
}

/// A line of JSON, safe for a terminal. It stays valid JSON: characters that need an escape only occur in
/// strings.
pub(crate) fn json_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_control(character) && character != '\n' {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

fn escaped(text: &str, is_control: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_control) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if !is_control(character) {
            out.push(character);
        } else if character.is_ascii() {
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        } else {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        }
    }
    Cow::Owned(out)
}

/// Control characters, line and paragraph separators, and marks that change the direction of text.
fn is_control(character: char) -> bool {
    let is_direction_mark =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || is_direction_mark || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_controls_a_terminal() {
        assert_eq!(text("plain é"), "plain é");
        assert_eq!(text("a\x1b[31m\u{9b}2J\r\n\u{202e}"), "a\\x1b[31m\\u{9b}2J\\x0d\\x0a\\u{202e}");
        assert_eq!(lines("a\nb\x07"), "a\nb\\x07");
        assert_eq!(json_line("[\"\u{9b}\u{202e}\u{7f}é\"]".as_bytes()), "[\"\\u009b\\u202e\\u007fé\"]");
        assert_eq!(log_line(b"a\tb\xff\x1b"), "a\tb\u{fffd}\\x1b");
    }
}
