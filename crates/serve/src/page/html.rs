//! HTML as it is put together: only literals of this program are markup, all else is text.

use rapsheet_json::{escaped, is_control};
use std::fmt::{Display, Write};

/// A part of a page.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    /// Markup. It is a literal, so nothing that a client or a feed says can be any.
    pub(crate) fn markup(&mut self, literal: &'static str) -> &mut Html {
        self.0.push_str(literal);
        self
    }

    /// Text, between tags or in a quoted attribute. Characters that are not shown or that turn text around become
    /// visible.
    pub(crate) fn text(&mut self, text: &str) -> &mut Html {
        self.push(&escaped(text, is_control));
        self
    }

    /// Text of several lines, whose ends stay.
    pub(crate) fn lines(&mut self, text: &str) -> &mut Html {
        let is_escaped = |character| is_control(character) && !matches!(character, '\n' | '\t');
        self.push(&escaped(text, is_escaped));
        self
    }

    /// Text as the value of a control of a form. A browser sends it again, so it is what was typed, hidden characters
    /// included; only what HTML cannot hold is replaced.
    pub(crate) fn typed(&mut self, text: &str) -> &mut Html {
        let is_kept = |character| !matches!(character, '\0'..='\x1f') || matches!(character, '\n' | '\t');
        let kept = |character| if is_kept(character) { character } else { char::REPLACEMENT_CHARACTER };
        self.push(&text.chars().map(kept).collect::<String>());
        self
    }

    /// What has a text.
    pub(crate) fn show(&mut self, value: impl Display) -> &mut Html {
        self.text(&value.to_string())
    }

    /// Another part.
    pub(crate) fn part(&mut self, part: &Html) -> &mut Html {
        self.0.push_str(&part.0);
        self
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }

    fn push(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }
}

/// A text that may hold bytes which are none; those become escapes.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Memory takes it.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A message as a sentence: with a large letter and a full stop.
pub(crate) fn sentence(message: &str) -> String {
    let mut rest = message.chars();
    let first = rest.next().map(|first| first.to_ascii_uppercase());
    let end = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    first.into_iter().chain(rest).chain(end.chars()).collect()
}

/// A number with its thousands apart.
pub(crate) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number and what it counts: `1 feed`, `2 feeds`.
pub(crate) fn count(of: usize, one: &str, many: &str) -> String {
    format!("{} {}", number(of), if of == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup_but_literals() {
        let mut html = Html::default();
        html.markup("<p>").text("<b x='\"'>&\u{202e}\x1b\né").markup("</p>");
        assert_eq!(html.0, "<p>&lt;b x=&#39;&quot;&#39;&gt;&amp;\\u{202e}\\x1b\\x0aé</p>");
        let mut html = Html::default();
        html.lines("a\n\u{200b}<");
        assert_eq!(html.0, "a\n\\u{200b}&lt;");
    }

    #[test]
    fn what_is_typed_stays_as_it_is() {
        let mut html = Html::default();
        html.typed("\u{feff}\u{202e}a\tb\nc\0\x1b\r\x7f\u{85}é<\"'&>");
        assert_eq!(
            html.0,
            "\u{feff}\u{202e}a\tb\nc\u{fffd}\u{fffd}\u{fffd}\x7f\u{85}é&lt;&quot;&#39;&amp;&gt;"
        );
    }

    #[test]
    fn bytes_that_are_no_text_stay_visible() {
        assert_eq!(text_of(b"a\xff\xfeb\xc3"), "a\\xff\\xfeb\\xc3");
        assert_eq!(text_of("é".as_bytes()), "é");
    }

    #[test]
    fn numbers_and_messages_are_easy_to_read() {
        assert_eq!(sentence("expected `x`, found none"), "Expected `x`, found none.");
        assert_eq!(sentence("A port."), "A port.");
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(
            (count(1, "feed", "feeds"), count(0, "feed", "feeds")),
            ("1 feed".into(), "0 feeds".into())
        );
    }
}
