//! The questions of a body: many short texts, kept in one buffer.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// Texts, and which of them are no text at all in the JSON that they came in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Texts {
    buffer: Vec<u8>,
    /// Where each ends, and [`NO_STRING`] where it was none.
    ends: Vec<u32>,
}

/// The bit of an end that says that the value was no string. A body is much shorter.
const NO_STRING: u32 = 1 << 31;

impl Texts {
    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// A text, and whether it was a string.
    pub(crate) fn get(&self, at: usize) -> Option<(&[u8], bool)> {
        let end = *self.ends.get(at)?;
        let start =
            at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end & !NO_STRING);
        Some((self.buffer.get(start as usize..(end & !NO_STRING) as usize)?, end & NO_STRING == 0))
    }

    fn push(&mut self, text: &[u8], is_string: bool) {
        self.buffer.extend_from_slice(text);
        // Fits: a body has at most 1 MiB, and no text grows by being read.
        let end = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        self.ends.push(if is_string { end & !NO_STRING } else { end | NO_STRING });
    }

    /// A JSON value: a string's text, or the text of what is none.
    fn push_json(&mut self, json: &str) {
        match serde_json::from_str::<String>(json) {
            Ok(text) => self.push(text.as_bytes(), true),
            Err(_) => self.push(json.as_bytes(), false),
        }
    }

    /// The array under `key` of an object; `None` where the object has none.
    pub(crate) fn of_array(body: &[u8], key: &str) -> Result<Option<Texts>, serde_json::Error> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body)?;
        members.get(key).map(|array| serde_json::from_str(array.get())).transpose()
    }

    /// A text a line: a JSON string, an object with the member `indicator`, or the text itself, as it was typed. Blank lines
    /// are none, and neither is a byte order mark.
    pub(crate) fn of_lines(body: &[u8]) -> Texts {
        let mut texts = Texts::default();
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let lines = || body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        texts.buffer.reserve_exact(body.len());
        texts.ends.reserve_exact(lines().count());
        lines().for_each(|line| texts.push_line(line.strip_suffix(b"\r").unwrap_or(line)));
        texts
    }

    fn push_line(&mut self, line: &[u8]) {
        let json = std::str::from_utf8(line.trim_ascii()).unwrap_or_default();
        match json.as_bytes().first() {
            Some(b'"') if serde_json::from_str::<String>(json).is_ok() => self.push_json(json),
            Some(b'{') => match serde_json::from_str::<Asked<'_>>(json) {
                Ok(asked) => self.push_json(asked.indicator.get()),
                Err(_) => self.push(line, false),
            },
            _ => self.push(line, true),
        }
    }
}

#[derive(serde::Deserialize)]
struct Asked<'a> {
    #[serde(borrow)]
    indicator: &'a RawValue,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Texts, D::Error> {
        deserializer.deserialize_seq(TextsVisitor)
    }
}

struct TextsVisitor;

impl<'de> Visitor<'de> for TextsVisitor {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Texts, A::Error> {
        let mut texts = Texts::default();
        while let Some(value) = array.next_element::<&RawValue>()? {
            texts.push_json(value.get());
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &Texts) -> Vec<(String, bool)> {
        let text = |at| texts.get(at).map(|(text, is)| (String::from_utf8_lossy(text).into_owned(), is));
        (0..texts.count()).filter_map(text).collect()
    }

    fn strings(texts: &[&str]) -> Vec<(String, bool)> {
        texts.iter().map(|text| ((*text).to_owned(), true)).collect()
    }

    #[test]
    fn reads_arrays() {
        let texts = Texts::of_array(br#"{"x":1,"address":["45.9.20.5","\u0061.com",""]}"#, "address");
        assert_eq!(all(&texts.expect("JSON").expect("the key")), strings(&["45.9.20.5", "a.com", ""]));
        let texts =
            Texts::of_array(br#"{"url":[7,"a",null,{"b":[]}]}"#, "url").expect("JSON").expect("the key");
        let found = all(&texts);
        assert_eq!(found.iter().map(|(_, is)| *is).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(found[3].0, "{\"b\":[]}");
        assert_eq!(Texts::of_array(b"{}", "url").expect("JSON"), None);
        for bad in [&b"[]"[..], b"{\"url\":7}", b"{\"url\":[}", b"\xff", b""] {
            assert!(Texts::of_array(bad, "url").is_err(), "{bad:?}");
        }
    }

    #[test]
    fn reads_lines() {
        let body =
            b"\xef\xbb\xbf45.9.20.5\r\n\n \"a.com\"\n{\"indicator\":\"b.com\"}\n{\"x\":1}\n\xff\n \"c.com \n";
        let found = all(&Texts::of_lines(body));
        let expected = strings(&["45.9.20.5", "a.com", "b.com"]);
        assert_eq!(found[..3], expected[..]);
        assert_eq!(found[3], ("{\"x\":1}".to_owned(), false));
        assert_eq!(found[5..], strings(&[" \"c.com "])[..], "no JSON, so as it was typed");
    }
}
