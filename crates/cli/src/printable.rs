//! Text that is safe to print on a terminal.
//!
//! Log lines, arguments and feeds may hold anything, including escape sequences and marks that reverse the
//! direction of text. Such characters are printed as escapes, in the notation of Rust's strings.

use rapsheet_json::{escaped, is_control};
use std::borrow::Cow;

pub(crate) use rapsheet_json::{printable as text, safe_for_terminals as json_line};

/// As [`text`], for messages of several lines: line ends stay.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character| is_control(character) && character != '\n')
}

/// A log line, safe for a terminal; tabs stay.
pub(crate) fn log_line(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    escaped(&text, |character| is_control(character) && character != '\t').into_owned()
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
