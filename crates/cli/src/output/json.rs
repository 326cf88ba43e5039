//! JSON for all outputs that have it, safe to be shown on a terminal, also one that shows what a pipe has passed.
//!
//! Characters that a terminal would act on are written as escapes. That changes no value: a reader of JSON gets the
//! same text.

use crate::printable;
use serde::Serialize;
use std::io::{self, Write};

/// Writes a value on one line.
pub(crate) fn line(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    write(serde_json::to_vec(value)?, out)
}

/// Writes a value on several lines, indented.
pub(crate) fn indented(value: &impl Serialize, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    write(serde_json::to_vec_pretty(value)?, out)
}

/// Plain ASCII, which most rows are, needs no second look: below DEL, `serde_json` has escaped every control.
fn write(mut text: Vec<u8>, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    text.push(b'\n');
    if text.iter().all(|byte| *byte < 0x7f) {
        return out.write_all(&text);
    }
    out.write_all(printable::json_line(&text).as_bytes())
}

/// Appends a text as a string, in quotes. Most texts are plain ASCII and are copied.
pub(crate) fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    if text.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        out.extend_from_slice(text);
        return out.push(b'"');
    }
    out.pop();
    let text = String::from_utf8_lossy(text);
    // Memory takes it, and a text has no serializer that fails.
    let json = serde_json::to_vec(&text).unwrap_or_default();
    out.extend_from_slice(printable::json_line(&json).as_bytes());
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
