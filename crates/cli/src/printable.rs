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
            // Beyond the first plane JSON knows only pairs.
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
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

/// Characters that a terminal acts on, or that change how the text around them is shown: controls (C0, DEL, C1),
/// separators of lines and paragraphs, marks of direction, and characters without a width.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
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
        for hidden in [
            '\u{7f}',
            '\u{85}',
            '\u{61c}',
            '\u{200b}',
            '\u{200e}',
            '\u{2028}',
            '\u{2067}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            let word = format!("a{hidden}b");
            assert!(
                !text(&word).contains(hidden) && !log_line(word.as_bytes()).contains(hidden),
                "{hidden:?}"
            );
            let json = json_line(format!("\"{word}\"").as_bytes());
            assert!(!json.contains(hidden), "{hidden:?}");
            assert_eq!(serde_json::from_str::<String>(&json).ok(), Some(word), "the same value");
        }
    }
}
