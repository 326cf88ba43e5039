//! The lines of a server's answer. All of a line must be as a server of `rapsheet serve` writes it: what is
//! understood in part is no verdict.

use rapsheet_json::{Directory, Named};
use rapsheet_query::{Overlap, Source, Verdict};
use rapsheet_snapshot::{Assessment, Assessments, FeedId, Status, Time};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// The fewest bytes of a question that a server repeats, where it repeats only its beginning.
const REPEATED_MIN: usize = 80;

/// One line of an answer.
pub(super) enum Row {
    /// The question is not answered.
    Refused {
        /// The word for the reason.
        word: String,
        /// A sentence.
        message: Option<String>,
    },
    /// An answer.
    Answer(Answer),
}

/// What all lines have.
#[derive(Deserialize)]
struct Head {
    input: String,
    error: Option<String>,
    message: Option<String>,
}

/// A line that is an answer.
#[derive(Deserialize)]
pub(super) struct Answer {
    indicator: String,
    #[serde(rename = "type")]
    type_word: TypeWord,
    status: Number,
    verdict: String,
    detected_by: usize,
    failed: usize,
    at: Instant,
    sources: Vec<RowSource>,
}

/// A sighting, or a provider without one.
#[derive(Deserialize)]
struct RowSource {
    provider: String,
    status: Number,
    update_time: Option<Instant>,
    feed: Option<String>,
    assessments: Option<Vec<Word>>,
    matched: Option<String>,
    overlap: Option<OverlapWord>,
    first_seen: Option<Instant>,
    detect_time: Option<Instant>,
    expires: Option<Instant>,
    stale: Option<bool>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "u8")]
struct Number(Status);

#[derive(Clone, Copy)]
struct TypeWord(&'static str);

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Instant(Time);

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct Word(Assessment);

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct OverlapWord(Overlap);

impl TryFrom<u8> for Number {
    type Error = String;

    fn try_from(number: u8) -> Result<Number, String> {
        let all = [Status::Allowed, Status::Blocked, Status::Failed, Status::Unknown];
        let status = all.into_iter().find(|status| status.number() == number);
        status.map(Number).ok_or_else(|| format!("expected a status of 0, 1, 3 or 5, found {number}"))
    }
}

/// By hand: what is derived would borrow from the line.
impl<'de> Deserialize<'de> for TypeWord {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TypeWord, D::Error> {
        let text = String::deserialize(from)?;
        let word = ["ipv4", "ipv6", "domain", "url"].into_iter().find(|word| *word == text);
        let wrong = || D::Error::custom(format_args!("expected ipv4, ipv6, domain or url, found `{text}`"));
        word.map(TypeWord).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Instant, String> {
        let time = Time::parse_rfc3339(&text);
        time.map(Instant).ok_or_else(|| format!("expected a time in RFC 3339, found `{text}`"))
    }
}

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Word, String> {
        let word = Assessment::parse(&text);
        word.map(Word).ok_or_else(|| format!("expected an assessment, found `{text}`"))
    }
}

impl TryFrom<String> for OverlapWord {
    type Error = String;

    fn try_from(text: String) -> Result<OverlapWord, String> {
        let word = [Overlap::Covers, Overlap::Within].into_iter().find(|overlap| overlap.word() == text);
        word.map(OverlapWord).ok_or_else(|| format!("expected the overlap covers or within, found `{text}`"))
    }
}

/// Reads a line, which answers `asked`; as of `at`, where that was asked for.
///
/// # Errors
/// What was expected, and what was found.
pub(super) fn read(line: &[u8], asked: &str, at: Option<Time>) -> Result<Row, String> {
    let head: Head = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if !repeats(&head.input, asked) {
        return Err(format!("expected the answer to `{asked}`, found that to `{}`", head.input));
    }
    if let Some(word) = head.error {
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase());
        let wrong = || format!("expected a word in `error`, found `{word}`");
        return if is_word { Ok(Row::Refused { word, message: head.message }) } else { Err(wrong()) };
    }
    let answer: Answer = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    answer.check(at)?;
    Ok(Row::Answer(answer))
}

/// Whether a server repeats a question. It may cut a long one.
fn repeats(input: &str, asked: &str) -> bool {
    let start = input.trim_end_matches(['…', '.', '\u{fffd}']);
    input == asked || start.len() >= REPEATED_MIN && asked.starts_with(start)
}

impl Answer {
    /// Checks what the parts of an answer say of each other.
    fn check(&self, at: Option<Time>) -> Result<(), String> {
        if let Some(at) = at.filter(|at| *at != self.at.0) {
            return Err(format!("expected an answer as of {at}, found one as of {}", self.at.0));
        }
        self.sources.iter().try_for_each(RowSource::check)?;
        let of = |status| self.sources.iter().filter(move |row| row.status.0 == status);
        let blocking: BTreeSet<&str> = of(Status::Blocked).map(|row| row.provider.as_str()).collect();
        if blocking.len() != self.detected_by {
            let (found, expected) = (blocking.len(), self.detected_by);
            return Err(format!("expected {expected} providers that block (`detected_by`), found {found}"));
        }
        let status = self.status.0;
        let is_so = match status {
            Status::Blocked => !blocking.is_empty(),
            Status::Allowed => blocking.is_empty() && of(Status::Allowed).next().is_some(),
            _ => blocking.is_empty() && of(Status::Allowed).next().is_none(),
        };
        if !is_so || status.verdict() != self.verdict {
            let (number, verdict) = (status.number(), &self.verdict);
            return Err(format!("expected a status as its sources say, found {number}, `{verdict}`"));
        }
        Ok(())
    }

    /// The answer. What the directory does not have is added: the server may have taken another snapshot
    /// meanwhile.
    ///
    /// # Errors
    /// There are more feeds than any snapshot has.
    pub(super) fn verdict(&self, directory: &mut Directory) -> Result<Verdict, String> {
        self.sources.iter().for_each(|row| row.add_names(directory));
        if directory.feeds.len() > usize::from(u16::MAX) {
            return Err(format!("expected at most {} feeds, found more", u16::MAX));
        }
        let mut verdict = Verdict::empty(self.at.0);
        verdict.indicator.clone_from(&self.indicator);
        verdict.type_word = self.type_word.0;
        verdict.status = self.status.0;
        (verdict.detected_by, verdict.failed) = (self.detected_by, self.failed);
        verdict.providers = vec![Status::Unknown; directory.providers.len()];
        for row in &self.sources {
            let by_name = |named: &Named| named.name.as_str().cmp(row.provider.as_str());
            let Ok(provider) = directory.providers.binary_search_by(by_name) else { continue };
            if let Some(own) = verdict.providers.get_mut(provider)
                && *own != Status::Blocked
            {
                *own = row.status.0;
            }
            verdict.sources.extend(row.source(directory, provider, verdict.at));
        }
        verdict.sources.sort_by_key(|source| source.provider);
        Ok(verdict)
    }
}

impl RowSource {
    /// A row has a feed with all that belongs to a sighting, or neither.
    fn check(&self) -> Result<(), String> {
        let is_listed = matches!(self.status.0, Status::Blocked | Status::Allowed);
        if is_listed != self.feed.is_some() {
            let number = self.status.0.number();
            return Err(format!("expected a feed for the status 0 or 1 only, found the status {number}"));
        }
        let members = [
            ("assessments", self.assessments.is_some()),
            ("matched", self.matched.is_some()),
            ("first_seen", self.first_seen.is_some()),
            ("detect_time", self.detect_time.is_some()),
            ("expires", self.expires.is_some()),
            ("stale", self.stale.is_some()),
        ];
        match members.iter().find(|(_, is_there)| is_listed && !is_there) {
            Some((name, _)) => Err(format!("missing field `{name}` of a source")),
            None => Ok(()),
        }
    }

    /// Adds names, and what is newer than what the directory has.
    fn add_names(&self, directory: &mut Directory) {
        let update_time = self.update_time.map(|time| time.0);
        let providers = &mut directory.providers;
        match providers.binary_search_by(|other| other.name.cmp(&self.provider)) {
            Ok(at) => {
                if let Some(own) = providers.get_mut(at) {
                    own.update_time = own.update_time.max(update_time);
                }
            }
            Err(at) => providers.insert(at, Named { name: self.provider.clone(), update_time }),
        }
        let Some(id) = &self.feed else { return };
        match directory.feeds.iter_mut().find(|other| other.name == *id) {
            Some(own) => own.update_time = update_time,
            None => directory.feeds.push(Named { name: id.clone(), update_time }),
        }
    }

    /// The sighting; `None` where the row has none.
    fn source(&self, directory: &Directory, provider: usize, now: Time) -> Option<Source> {
        let id = self.feed.as_ref()?;
        let feed = directory.feeds.iter().position(|named| named.name == *id)?;
        let mut source = Source::empty(FeedId(u16::try_from(feed).ok()?), provider, now);
        source.status = self.status.0;
        let words = self.assessments.iter().flatten().map(|word| word.0);
        source.assessments = words.fold(Assessments::EMPTY, Assessments::with);
        source.matched = self.matched.clone()?;
        source.first_seen = self.first_seen?.0;
        source.detect_time = self.detect_time?.0;
        source.expires = self.expires?.0;
        source.stale = self.stale?;
        source.overlap = self.overlap.map(|overlap| overlap.0);
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sound() -> Value {
        json!({"input": "45.9.20.5", "indicator": "45.9.20.5", "type": "ipv4", "status": 1, "verdict": "blocklisted",
            "detected_by": 1, "failed": 0, "at": "2026-11-22T00:00:00Z", "sources": [
                {"provider": "bad.example", "feed": "bad-ip", "status": 1, "assessments": ["botnet"],
                 "matched": "45.9.20.5", "first_seen": "2026-11-01T03:00:00Z", "detect_time": "2026-11-20T03:00:00Z",
                 "update_time": "2026-11-20T03:00:00Z", "expires": "2026-12-05T03:00:00Z", "stale": false},
                {"provider": "lost.example", "status": 3, "update_time": null}]})
    }

    fn read_value(value: &Value) -> Result<Row, String> {
        read(value.to_string().as_bytes(), "45.9.20.5", None)
    }

    /// With another value at a path; without the member, where that is null.
    fn changed(path: &str, value: Value) -> Value {
        let mut line = sound();
        let (parent, name) = path.rsplit_once('/').expect("a path");
        let parent = line.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        parent.remove(name).expect("it was there");
        if !value.is_null() {
            parent.insert(name.to_owned(), value);
        }
        line
    }

    #[test]
    fn reads_what_a_server_writes() {
        let Ok(Row::Answer(answer)) = read_value(&sound()) else { panic!("an answer") };
        let mut directory = Directory::default();
        let verdict = answer.verdict(&mut directory).expect("a verdict");
        let names = |all: &[Named]| all.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&directory.providers), ["bad.example", "lost.example"]);
        assert_eq!(names(&directory.feeds), ["bad-ip"]);
        assert_eq!(verdict.providers, [Status::Blocked, Status::Failed]);
        assert_eq!((verdict.status, verdict.sources.len()), (Status::Blocked, 1));
    }

    #[test]
    fn refuses_a_line_without_any_one_of_its_members() {
        for name in
            ["input", "indicator", "type", "status", "verdict", "detected_by", "failed", "at", "sources"]
        {
            let error = read_value(&changed(&format!("/{name}"), Value::Null)).err().expect(name);
            assert!(error.contains(&format!("missing field `{name}`")), "{error}");
        }
        for name in
            ["provider", "status", "assessments", "matched", "first_seen", "detect_time", "expires", "stale"]
        {
            let error = read_value(&changed(&format!("/sources/0/{name}"), Value::Null)).err().expect(name);
            assert!(error.contains(&format!("missing field `{name}`")), "{error}");
        }
        assert!(read_value(&changed("/sources/0/feed", Value::Null)).is_err());
    }

    #[test]
    fn refuses_what_is_not_understood() {
        for (path, value, expected) in [
            ("/status", json!(2), "expected a status of 0, 1, 3 or 5, found 2"),
            ("/status", json!("1"), "invalid type"),
            ("/status", json!(5), "expected a status as its sources say, found 5"),
            ("/verdict", json!("allowlisted"), "found 1, `allowlisted`"),
            ("/type", json!("ip"), "found `ip`"),
            ("/detected_by", json!(0), "expected 0 providers that block"),
            ("/at", json!("yesterday"), "found `yesterday`"),
            ("/sources", json!([]), "found 0"),
            ("/sources/0/status", json!(9), "found 9"),
            ("/sources/0/status", json!(5), "found the status 5"),
            ("/sources/0/assessments", json!(["nice"]), "found `nice`"),
            ("/sources/0/expires", json!("never"), "found `never`"),
            ("/input", json!("45.9.20.6"), "expected the answer to `45.9.20.5`, found that to `45.9.20.6`"),
        ] {
            let error = read_value(&changed(path, value)).err().expect(path);
            assert!(error.contains(expected), "{path}: {error}");
        }
        let mut line = sound();
        line["sources"][0]["overlap"] = json!("around");
        assert!(read_value(&line).is_err_and(|error| error.contains("found `around`")));
        let line = sound().to_string();
        let other = read(line.as_bytes(), "45.9.20.5", Time::parse_rfc3339("2026-11-23T00:00:00Z"));
        assert!(other.is_err_and(|error| error.contains("found one as of 2026-11-22T00:00:00Z")));
        for line in ["", "{}", "[]", "null", "<html>", "{\"input\":\"45.9.20.5\"}"] {
            assert!(read(line.as_bytes(), "45.9.20.5", None).is_err(), "{line}");
        }
    }

    #[test]
    fn reads_errors() {
        let line = json!({"input": "45.9.20.5", "error": "too-wide", "message": "too much"});
        let Ok(Row::Refused { word, message }) = read_value(&line) else { panic!("an error") };
        assert_eq!((word.as_str(), message.as_deref()), ("too-wide", Some("too much")));
        for word in ["", "a b", "\u{1b}[31m"] {
            assert!(read_value(&json!({"input": "45.9.20.5", "error": word})).is_err(), "{word}");
        }
    }

    #[test]
    fn a_long_question_may_be_cut() {
        let long = "x".repeat(100);
        assert!(repeats(&long, &long) && repeats(&"x".repeat(80), &long));
        assert!(repeats(&format!("{}…", "x".repeat(90)), &long));
        assert!(!repeats("x", &long) && !repeats("", &long) && !repeats(&"y".repeat(90), &long));
        assert!(!repeats(&"x".repeat(101), &long));
    }
}
