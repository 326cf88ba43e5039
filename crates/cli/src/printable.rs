//! Text that may go to a terminal: what others wrote must not steer it.
//!
//! Log lines, arguments and feeds hold whatever their authors liked, escape sequences and text that runs
//! backwards included. Such characters are shown as what they are, in the notation of Rust's strings.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every character escaped that would steer a terminal, line ends included.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, steers)
}

/// As [`text`], for messages of several lines: line ends stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| steers(character) && character != '\n')
}

/// The bytes of a log line as text that may go to a terminal; tabs stay.
pub(crate) fn log_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    escaped(&text, |character| steers(character) && character != '\t').into_owned()
}

/// A line of JSON as it may go to a terminal, and it is JSON still: what is left to escape stands in strings.
pub(crate) fn json_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) && character != '\n' {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

fn escaped(text: &str, steers: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if !steers(character) {
            out.push(character);
        } else if character.is_ascii() {
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        } else {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        }
    }
    Cow::Owned(out)
}

/// Control characters, line and paragraph separators, and marks that reverse the direction of text.
fn steers(character: char) -> bool {
    let reverses =
        matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || reverses || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(text("plain é"), "plain é");
        assert_eq!(text("a\x1b[31m\u{9b}2J\r\n\u{202e}"), "a\\x1b[31m\\u{9b}2J\\x0d\\x0a\\u{202e}");
        assert_eq!(lines("a\nb\x07"), "a\nb\\x07");
        assert_eq!(json_line("[\"\u{9b}\u{202e}\u{7f}é\"]".as_bytes()), "[\"\\u009b\\u202e\\u007fé\"]");
        assert_eq!(log_line(b"a\tb\xff\x1b"), "a\tb\u{fffd}\\x1b");
    }
}
