//! Detects the format of a file.
//!
//! The lines of the first megabyte vote: a format is chosen by the share of lines that fit its syntax, the most
//! special syntax first. No single line decides, wherever it is, unless it is the header that a format requires
//! and the other lines agree with it; what stands in a comment counts only for formats that are known by their
//! comments. Of a document, the root element or the keys decide, not the texts in it.
//!
//! A guess comes with its evidence, so that a person can check it. A catalogue should name its formats: if a
//! publisher changes the syntax, the feed should fail rather than follow.

mod keys;
mod line;
mod rules;
mod sample;

use crate::download::refusal::FileRefusal;
use crate::format::{self, Format, Shape};
use rules::RULES;
use sample::Sample;

/// A detected format and the evidence for it.
#[derive(Clone, Debug)]
pub struct Guess {
    /// The format.
    pub format: &'static Format,
    /// The evidence, as a sentence for a person.
    pub why: String,
}

/// The detected format, if the given one is `auto`.
pub(crate) fn detect(format: &'static Format, head: &[u8]) -> Result<Option<Guess>, FileRefusal> {
    match format.shape {
        // The caller has refused HTML; an empty file is refused as what it is.
        Shape::Sniffed if head.trim_ascii().is_empty() => Err(FileRefusal::Empty),
        Shape::Sniffed => match guess(head) {
            None if Sample::new(head).data.is_empty() => Err(FileRefusal::Empty),
            guess => guess.map(Some).ok_or(FileRefusal::NoData),
        },
        _ => Ok(None),
    }
}

/// Guesses the format of a file from its beginning.
///
/// ```
/// let guess = rapsheet_ingest::format::sniff::guess(b"0.0.0.0 a.example\n0.0.0.0 b.example\n");
/// assert_eq!(guess.expect("a list").format.id, "hosts");
/// ```
pub fn guess(head: &[u8]) -> Option<Guess> {
    let sample = Sample::new(head);
    let (id, why) = RULES.iter().find_map(|(id, rule)| Some((*id, rule(&sample)?)))?;
    Some(Guess { format: format::find(id)?, why })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FORMATS;

    fn detected(text: &str) -> &'static str {
        guess(text.as_bytes()).map_or("nothing", |guess| guess.format.id)
    }

    #[test]
    fn names_a_format_in_every_rule() {
        for (id, _) in RULES {
            assert!(format::find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn detects_plain_lists() {
        for (text, id) in [
            ("# list\n45.9.20.5\n45.9.20.0/24\n", "plain-ip"),
            ("45.9.20.5 # scanner\n45.9.20.6 # scanner\n", "plain-ip-annotated"),
            ("45.9.20.5-45.9.20.9\n45.9.21.0/255.255.255.0\n", "ip-range"),
            ("evilpanel.com\nevilpanel[.]net\n", "plain-domain"),
            ("*.evilpanel.com\n*.evilpanel.net\n", "domain-wildcard"),
            ("http://evilpanel.com/a\nevilpanel.net/b\n", "url-list"),
            ("1,goodpanel.com\n2,good.example.com\n", "toplist-csv"),
            ("\"2026-08-01\",\"45.9.20.5\",\"x\"\n", "csv"),
            ("We saw hxxp://evilpanel[.]com there, and no more.\n", "freetext"),
            ("# nothing\n", "nothing"),
            ("lorem ipsum dolor\nsit amet\n", "nothing"),
        ] {
            assert_eq!(detected(text), id, "{text}");
        }
    }

    #[test]
    fn detects_each_format_by_its_own_example() {
        // One line does not distinguish these formats from a plainer one with the same lines.
        const SHARED: &[(&str, &str)] = &[
            ("netset", "plain-ip"),
            ("maltrail", "plain-ip"),
            ("squidguard", "plain-domain"),
            ("ndjson", "json"),
        ];
        let mut wrong = Vec::new();
        // A format without a rule is never detected, so its example may look like any other.
        let has_rule = |format: &&&Format| RULES.iter().any(|(id, _)| *id == format.id);
        for format in FORMATS.iter().filter(has_rule) {
            let shared = SHARED.iter().find(|(id, _)| *id == format.id);
            let expected = shared.map_or(format.id, |(_, plainer)| plainer);
            let found = detected(format.example);
            if found != expected {
                wrong.push(format!("{}: detected as {found}: {}", format.id, format.example));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
