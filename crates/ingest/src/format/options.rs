//! The options of a format: `key = value` pairs from `[feed.options]` of a catalogue or from
//! `--option key=value`.
//!
//! Every value is a text or a list of texts, so that both sources mean the same. A format lists its keys in a
//! table of [`OptionRow`]s. Any other key is an error, because a misspelt option would make a feed be read
//! wrongly.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// One option of a format, for validation and help.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// The key.
    pub key: &'static str,
    /// What it does, and its default.
    pub about: &'static str,
}

/// The options of one feed.
///
/// ```
/// use rapsheet_ingest::format;
/// use rapsheet_ingest::format::options::Options;
///
/// let known = format::find("plain-domain").expect("a format").options;
/// let mut options = Options::default();
/// options.push("wildcard", "strict");
/// assert!(options.check(known).is_ok());
/// options.push("colour", "red");
/// assert_eq!(options.check(known).unwrap_err().key, "colour");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<String, Vec<String>>);

/// An option with an unknown key or a bad value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The key.
    pub key: String,
    /// What was expected, and what was found.
    pub problem: String,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option `{}`: {}", self.key, self.problem)
    }
}

impl std::error::Error for OptionError {}

impl Options {
    /// Adds a value under a key; a second value makes a list.
    pub fn push(&mut self, key: &str, value: &str) {
        self.0.entry(key.to_owned()).or_default().push(value.to_owned());
    }

    /// The last value of a key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|values| values.last()).map(String::as_str)
    }

    /// All values of a key.
    pub fn list(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    /// The value of a key that takes one; a list of values is an error.
    fn single(&self, key: &str) -> Result<Option<&str>, OptionError> {
        match self.list(key) {
            [_, _, ..] => Err(error(key, format!("expected one value, found {}", self.list(key).join(", ")))),
            _ => Ok(self.text(key)),
        }
    }

    /// A `true`/`false` option; `default` where it is absent.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool, OptionError> {
        match self.single(key)? {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(error(key, format!("expected true or false, found `{other}`"))),
        }
    }

    /// An option whose value is one of a few words; `default` where it is absent.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], default: T) -> Result<T, OptionError> {
        let Some(text) = self.single(key)? else { return Ok(default) };
        choose(text, words).map_err(|problem| error(key, problem))
    }

    /// An option that is `take` (`true`) or `skip` (`false`, also where it is absent).
    pub fn takes(&self, key: &str) -> Result<bool, OptionError> {
        self.word(key, &[("skip", false), ("take", true)], false)
    }

    /// An option whose value is a number; `default` where it is absent. `expected` is the number in words,
    /// for the error.
    pub fn number<T: FromStr>(&self, key: &str, expected: &str, default: T) -> Result<T, OptionError> {
        let Some(text) = self.single(key)? else { return Ok(default) };
        text.parse().map_err(|_| error(key, format!("expected {expected}, found `{text}`")))
    }

    /// An option whose value is one byte: a character of ASCII, or `tab`.
    pub fn byte(&self, key: &str) -> Result<Option<u8>, OptionError> {
        match self.single(key)?.map(str::as_bytes) {
            None => Ok(None),
            Some(b"tab" | b"\\t") => Ok(Some(b'\t')),
            Some([byte]) if byte.is_ascii() && *byte != b'"' => Ok(Some(*byte)),
            Some(found) => {
                let found = String::from_utf8_lossy(found);
                Err(error(key, format!("expected one character other than `\"`, or `tab`, found `{found}`")))
            }
        }
    }

    /// The byte that ends an entry like a line end, in lists of one line (option `separator`).
    pub(crate) fn separator(&self) -> Result<Option<u8>, OptionError> {
        self.byte("separator")
    }

    /// Refuses a key that is not in the table.
    pub fn check(&self, rows: &[OptionRow]) -> Result<(), OptionError> {
        let unknown = self.0.keys().find(|key| rows.iter().all(|row| row.key != key.as_str()));
        unknown.map_or(Ok(()), |key| {
            let known: Vec<&str> = rows.iter().map(|row| row.key).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(error(key, format!("unknown here; this format takes: {known}")))
        })
    }
}

/// The value that a word stands for, or an explanation that names the words and the one found.
pub(crate) fn choose<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let known = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    known.ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("expected one of {}, found `{text}`", words.join(", "))
    })
}

/// An error about one key.
pub(crate) fn error(key: &str, problem: String) -> OptionError {
    OptionError { key: key.to_owned(), problem }
}
