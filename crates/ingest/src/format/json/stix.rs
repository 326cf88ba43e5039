//! `stix`: bundles of STIX 2.0 and 2.1, pages of TAXII, and bare patterns.
//!
//! An indicator is a pattern with a time of validity. Observables are facts and no verdicts unless the feed says so
//! (option `observables`). An object may come in several versions, of which the last modified counts, wherever it
//! stands.

use super::document::{self, Origin};
use super::node::{self, Kind, Raw};
use super::pattern::{self, Meaning};
use super::{Format, Head, OpenError, Shape};
use crate::format::role;
use crate::lines;

use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use rapsheet_snapshot::{Assessment, Assessments, Kinds, ParseError, Time};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "stix",
    about: "STIX 2 bundles, TAXII pages, or one pattern a line",
    example: r#"{"type":"bundle","objects":[{"type":"indicator","pattern":"[ipv4-addr:value = '192.0.2.7']"}]}"#,
    kinds: Kinds::ALL,
    options: &[OptionRow {
        key: "observables",
        about: "addresses, names and URLs that are no indicators: `skip` (default) or `take`",
    }],
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(options: &Options, whole: Head<'_>, scribe: &mut Scribe<'_>) -> Result<(), OpenError> {
    let takes_observables = options.takes("observables")?;
    let bare = whole.bytes.trim_ascii_start();
    if matches!(bare, [b'[', second, ..] if second.is_ascii_alphabetic()) {
        patterns(whole.bytes, scribe);
        return Ok(());
    }
    document::each(whole.bytes, scribe, |value, origin, scribe| match node::member(value, "objects") {
        Some(objects) => {
            let versions = Versions::of(objects);
            node::elements(objects, |one| object(one, &versions, takes_observables, origin, scribe));
        }
        None if node::kind(value) == Kind::Array => {
            let versions = Versions::of(value);
            node::elements(value, |one| object(one, &versions, takes_observables, origin, scribe));
        }
        None => object(value, &Versions::default(), takes_observables, origin, scribe),
    })?;
    Ok(())
}

/// One pattern a line.
fn patterns(text: &[u8], scribe: &mut Scribe<'_>) {
    for at in lines::split(text) {
        let line = lines::trim(text.get(at.clone()).unwrap_or(&[]));
        if !line.is_empty() {
            scribe.record_at(at.start);
            take(&String::from_utf8_lossy(line), &Details::NONE, scribe);
        }
    }
}

/// The last modification of every indicator that comes in several versions, by a hash of its id: a bundle may hold
/// millions of them, and hardly any comes twice.
#[derive(Default)]
struct Versions {
    newest: HashMap<u64, i64>,
    hasher: RandomState,
}

impl Versions {
    fn of(objects: Raw<'_>) -> Versions {
        let mut versions = Versions::default();
        let mut once = HashSet::new();
        each_indicator(objects, |one| {
            let id = versions.id(one);
            if !once.insert(id) {
                versions.newest.insert(id, i64::MIN);
            }
        });
        drop(once);
        let mut newest = std::mem::take(&mut versions.newest);
        each_indicator(objects, |one| {
            if let Some(newest) = newest.get_mut(&versions.id(one)) {
                *newest = (*newest).max(modified(one));
            }
        });
        Versions { newest, ..versions }
    }

    fn id(&self, one: Raw<'_>) -> u64 {
        self.hasher.hash_one(node::text_of(one, "id").as_ref())
    }

    fn is_outdated(&self, one: Raw<'_>) -> bool {
        self.newest.get(&self.id(one)).is_some_and(|newest| modified(one) < *newest)
    }
}

fn each_indicator<'a>(objects: Raw<'a>, mut visit: impl FnMut(Raw<'a>)) {
    node::elements(objects, |one| {
        if node::text_of(one, "type") == "indicator" {
            visit(one);
        }
    });
}

/// When a version was made, in seconds; far back where it does not say.
fn modified(one: Raw<'_>) -> i64 {
    node::time_of(one, "modified").map_or(i64::MIN, Time::unix)
}

fn object(
    one: Raw<'_>,
    versions: &Versions,
    takes_observables: bool,
    origin: &Origin,
    scribe: &mut Scribe<'_>,
) {
    let text = |name: &str| node::text_of(one, name);
    scribe.record_at(origin.offset(one));
    match text("type").as_ref() {
        "indicator" => {
            if versions.is_outdated(one) || text("revoked") == "true" {
                return scribe.skip(Skip::Inactive);
            }
            let kind = text("pattern_type");
            if !matches!(kind.as_ref(), "" | "stix") {
                return scribe.skip(Skip::UnsupportedKind);
            }
            take(&text("pattern"), &details(one), scribe);
        }
        "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" if takes_observables => {
            let scope = scribe.rules().scope;
            scribe.any(text("value").trim().as_bytes(), scope, &Details::NONE);
        }
        _ => scribe.skip(Skip::Record),
    }
}

fn details(one: Raw<'_>) -> Details {
    let time = |name: &str| node::time_of(one, name);
    let words = ["indicator_types", "labels"].map(|name| node::member(one, name).map(node::joined));
    let said = words.iter().flatten().map(|text| meant(text)).find(|found| !found.is_empty());
    let assessments = said.unwrap_or_default();
    let is_good = assessments == Assessments::EMPTY.with(Assessment::Trustworthy);
    Details {
        inverted: is_good,
        assessments,
        first_seen: time("valid_from"),
        last_seen: time("modified"),
        expires: time("valid_until"),
        port: None,
    }
}

/// The vocabulary of STIX, then everybody's.
fn meant(words: &str) -> Assessments {
    let one = |word: &str| match word.trim() {
        "anonymization" => Assessments::EMPTY.with(Assessment::Suspicious),
        word => role::category(word.as_bytes(), Assessments::EMPTY),
    };
    words.split(',').map(one).fold(Assessments::EMPTY, Assessments::union)
}

fn take(pattern: &str, details: &Details, scribe: &mut Scribe<'_>) {
    let scope = scribe.rules().scope;
    match pattern::read(pattern) {
        Meaning::Indicators(values) => {
            values.iter().for_each(|value| scribe.any(value.trim().as_bytes(), scope, details));
        }
        Meaning::Unsupported => scribe.skip(Skip::UnsupportedKind),
        Meaning::Pattern => scribe.reject(ParseError::Pattern),
    }
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn bundles_versions_and_observables() {
        let text = r#"{"type":"bundle","objects":[
{"type":"indicator","id":"indicator--1","modified":"2026-08-02T00:00:00Z","valid_from":"2026-08-01T00:00:00Z","valid_until":"2026-12-01T00:00:00Z","indicator_types":["malicious-activity"],"pattern":"[url:value = 'http://evilpanel.com/a']","pattern_type":"stix"},
{"type":"indicator","id":"indicator--1","modified":"2026-08-01T00:00:00Z","pattern":"[url:value = 'http://evilpanel.com/old']"},
{"type":"indicator","id":"indicator--2","revoked":true,"pattern":"[ipv4-addr:value = '45.9.20.5']"},
{"type":"indicator","id":"indicator--3","labels":["benign"],"pattern":"[domain-name:value = 'good.evilpanel.com']"},
{"type":"indicator","id":"indicator--4","pattern_type":"yara","pattern":"rule x {}"},
{"type":"ipv4-addr","value":"45.9.20.6"},{"type":"identity","name":"x"}]}"#;
        let expected = [
            "url http://evilpanel.com/a",
            "SKIP inactive",
            "SKIP inactive",
            "allow domain-tree good.evilpanel.com",
            "SKIP unsupported-kind",
            "SKIP record",
            "SKIP record",
        ];
        assert_eq!(render("stix", &[], text), expected);
        let event = &read_events("stix", &[], text)[0];
        assert_eq!(event.expires.as_deref(), Some("2026-12-01T00:00:00Z"));
        assert_eq!(event.assessments, ["malware"]);
        let taken = render("stix", &[("observables", "take")], text);
        assert_eq!(taken[5], "ip 45.9.20.6");
        assert_eq!(render("stix", &[], "[ipv4-addr:value = '45.9.20.5']\n"), ["ip 45.9.20.5"]);
    }
}
