//! `stix`: bundles of STIX 2.0 and 2.1, pages of TAXII, and files with one pattern per line.
//!
//! `{"type":"bundle","objects":[{"type":"indicator","pattern":"[ipv4-addr:value = '192.0.2.7']"}]}`. An
//! indicator has a pattern (see `pattern.rs`) and a time of validity. Observables such as `ipv4-addr` state
//! that something was seen, not that it is bad, so they count only where the feed says so (option
//! `observables`).
//!
//! A bundle may hold several versions of an object, in any order; only the one that was modified last counts.
//! Indicators of other pattern languages (YARA, Snort) are skipped.

use super::document::{self, TextBase};
use super::node::{self, Kind, Raw};
use super::pattern::{self, Parsed};
use super::{Format, Head, OpenError, Shape};
use crate::download::lines;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::role;
use rapsheet_snapshot::{Assessment, Assessments, Kinds, ListKind, ParseError, Time};
use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

/// The row of the table.
pub(in crate::format) static FORMAT: Format = Format {
    id: "stix",
    about: "STIX 2 bundles, TAXII pages, or one STIX pattern per line",
    example: r#"{"type":"bundle","objects":[{"type":"indicator","pattern":"[ipv4-addr:value = '192.0.2.7']"}]}"#,
    kinds: Kinds::ALL,
    options: &[OptionRow {
        key: "observables",
        about: "addresses, names and URLs that are not in an indicator: `skip` (default) or `take`",
    }],
    shape: Shape::Document(read),
    ..Format::DEFAULT
};

fn read(options: &Options, whole: Head<'_>, normalizer: &mut Normalizer<'_>) -> Result<(), OpenError> {
    let takes_observables = options.takes("observables")?;
    // `[ipv4-addr:…` is a pattern; no JSON array has a letter there, except for `[true`, `[false` and
    // `[null`.
    let text = whole.bytes.trim_ascii_start();
    if matches!(text, [b'[', second, ..] if second.is_ascii_alphabetic()) {
        read_patterns(whole.bytes, normalizer);
        return Ok(());
    }
    document::for_each_value(whole.bytes, normalizer, |value, base, normalizer| {
        let is_array = node::kind(value) == Kind::Array;
        let objects = node::member(value, "objects").or(is_array.then_some(value));
        let reader =
            ObjectReader { versions: objects.map(Versions::of).unwrap_or_default(), takes_observables, base };
        match objects {
            Some(objects) => node::elements(objects, |object| reader.read(object, normalizer)),
            None => reader.read(value, normalizer),
        }
    })?;
    Ok(())
}

/// Reads one pattern per line.
fn read_patterns(text: &[u8], normalizer: &mut Normalizer<'_>) {
    for at in lines::split(text) {
        let line = lines::trim(text.get(at.clone()).unwrap_or(&[]));
        if !line.is_empty() {
            normalizer.record_at(at.start);
            emit_pattern(&String::from_utf8_lossy(line), &Details::NONE, normalizer);
        }
    }
}

/// The time of the last modification of every indicator that occurs more than once, by a hash of its id. A
/// bundle may hold millions of indicators and hardly any twice, so only the repeated ones are kept beyond the
/// first pass.
#[derive(Default)]
struct Versions {
    newest: HashMap<u64, i64>,
    hasher: RandomState,
}

impl Versions {
    fn of(objects: Raw<'_>) -> Versions {
        let mut versions = Versions::default();
        let mut once = HashSet::new();
        for_each_indicator(objects, |indicator| {
            let id = versions.id(indicator);
            if !once.insert(id) {
                versions.newest.insert(id, i64::MIN);
            }
        });
        drop(once);
        let mut newest = std::mem::take(&mut versions.newest);
        for_each_indicator(objects, |indicator| {
            if let Some(newest) = newest.get_mut(&versions.id(indicator)) {
                *newest = (*newest).max(modified(indicator));
            }
        });
        Versions { newest, ..versions }
    }

    fn id(&self, indicator: Raw<'_>) -> u64 {
        self.hasher.hash_one(node::text_of(indicator, "id").as_ref())
    }

    fn is_outdated(&self, indicator: Raw<'_>) -> bool {
        self.newest.get(&self.id(indicator)).is_some_and(|newest| modified(indicator) < *newest)
    }
}

fn for_each_indicator<'a>(objects: Raw<'a>, mut visit: impl FnMut(Raw<'a>)) {
    node::elements(objects, |object| {
        if node::text_of(object, "type") == "indicator" {
            visit(object);
        }
    });
}

/// The time at which a version was modified, in Unix seconds; the earliest possible one where it states none.
fn modified(indicator: Raw<'_>) -> i64 {
    node::time_of(indicator, "modified").map_or(i64::MIN, Time::unix)
}

/// Reads the objects of one bundle.
struct ObjectReader<'b> {
    versions: Versions,
    takes_observables: bool,
    base: &'b TextBase,
}

impl ObjectReader<'_> {
    fn read(&self, object: Raw<'_>, normalizer: &mut Normalizer<'_>) {
        let text = |name: &str| node::text_of(object, name);
        normalizer.record_at(self.base.offset(object));
        match text("type").as_ref() {
            "indicator" => {
                if self.versions.is_outdated(object) || text("revoked") == "true" {
                    return normalizer.skip(Skip::Inactive);
                }
                let kind = text("pattern_type");
                if !matches!(kind.as_ref(), "" | "stix") {
                    return normalizer.skip(Skip::UnsupportedKind);
                }
                let details = details(object, normalizer.rules().list);
                emit_pattern(&text("pattern"), &details, normalizer);
            }
            "ipv4-addr" | "ipv6-addr" | "domain-name" | "url" if self.takes_observables => {
                let scope = normalizer.rules().scope;
                normalizer.any(text("value").trim().as_bytes(), scope, &Details::NONE);
            }
            _ => normalizer.skip(Skip::Record),
        }
    }
}

fn details(indicator: Raw<'_>, list: ListKind) -> Details {
    let time = |name: &str| node::time_of(indicator, name);
    // STIX 2.1 has `indicator_types`, STIX 2.0 had `labels`.
    let words = ["indicator_types", "labels"].map(|name| node::member(indicator, name).map(node::joined));
    let assess = |text: &Cow<'_, str>| role::category(text.as_bytes(), Assessments::EMPTY);
    let found = words.iter().flatten().map(assess).find(|found| !found.is_empty());
    let assessments = found.unwrap_or_default();
    // An indicator that is only `benign` is an exception from a list that blocks.
    let is_good = assessments == Assessments::EMPTY.with(Assessment::Trustworthy);
    Details {
        inverted: is_good && list == ListKind::Block,
        assessments,
        first_seen: time("valid_from"),
        last_seen: time("modified"),
        expires: time("valid_until"),
        port: None,
    }
}

fn emit_pattern(pattern: &str, details: &Details, normalizer: &mut Normalizer<'_>) {
    let scope = normalizer.rules().scope;
    match pattern::parse(pattern) {
        Parsed::Indicators(values) => {
            values.iter().for_each(|value| normalizer.any(value.trim().as_bytes(), scope, details));
        }
        Parsed::Unsupported => normalizer.skip(Skip::UnsupportedKind),
        Parsed::NotIndexable => normalizer.reject(ParseError::Pattern),
    }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_bundles_versions_and_observables() {
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
