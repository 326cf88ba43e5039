//! JSON and text for all outputs that have them, safe to be shown on a terminal, also one that shows what a pipe has passed.
//!
//! Characters that a terminal would act on are written as escapes. That changes no value: a reader of JSON gets the
//! same text.

use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes a value on one line.
pub fn line(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    write(serde_json::to_vec(value)?, out)
}

/// Writes a value on several lines, indented.
pub fn indented(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    write(serde_json::to_vec_pretty(value)?, out)
}

/// Plain ASCII, which most rows are, needs no second look: below DEL, `serde_json` has escaped every control.
fn write(mut text: Vec<u8>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    text.push(b'\n');
    if text.iter().all(|byte| *byte < 0x7f) {
        return out.write_all(&text);
    }
    out.write_all(safe_for_terminals(&text).as_bytes())
}

/// Appends a text as a string, in quotes. Most texts are plain ASCII and are copied.
pub fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(text);
        return out.push(b'"');
    }
    out.pop();
    let text = String::from_utf8_lossy(text);
    // Memory takes it, and a text has no serializer that fails.
    let json = serde_json::to_vec(&text).unwrap_or_default();
    out.extend_from_slice(safe_for_terminals(&json).as_bytes());
}

/// A line of JSON, safe for a terminal. It stays valid JSON: characters that need an escape only occur in
/// strings.
pub fn safe_for_terminals(line: &[u8]) -> String {
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

/// Characters that a terminal acts on, or that change how the text around them is shown: controls (C0, DEL, C1),
/// separators of lines and paragraphs, marks of direction, and characters without a width.
pub fn is_control(character: char) -> bool {
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

/// A text with every control character escaped, line ends included, in the notation of Rust's strings.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_control)
}

/// A text with some characters escaped, in the notation of Rust's strings.
pub fn escaped(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if !is_escaped(character) {
            out.push(character);
        } else if character.is_ascii() {
            let _ = write!(out, "\\x{:02x}", u32::from(character));
        } else {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
        }
    }
    Cow::Owned(out)
}

/// Appends a number in decimal digits.
pub fn push_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    for (at, place) in digits.iter_mut().enumerate().rev() {
        (*place, number, first) = (b'0' + (number % 10) as u8, number / 10, at);
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or(&[]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_acts_on() {
        let mut out = Vec::new();
        line(&["\u{9b}2J\u{202e}\u{7f}é\n"], &mut out).expect("memory takes it");
        indented(&["\u{200b}"], &mut out).expect("memory takes it");
        let text = String::from_utf8(out).expect("text");
        let strings = ["plain", "qu\"ote", "back\\slash", "\u{9b}2J\u{202e}\u{7f}é\n\t", ""];
        for string in strings {
            let (mut one, mut other) = (Vec::new(), Vec::new());
            super::string(string.as_bytes(), &mut one);
            line(&string, &mut other).expect("memory takes it");
            assert_eq!(one, other.strip_suffix(b"\n").expect("a line"), "{string:?}");
        }
        assert_eq!(text, "[\"\\u009b2J\\u202e\\u007fé\\n\"]\n[\n  \"\\u200b\"\n]\n");
    }
}
