//! What each provider has to do with a question: who could answer it, and who cannot.

use crate::snapshots::View;
use rapsheet_query::{Status, Verdict};
use rapsheet_snapshot::Kinds;
use std::collections::{BTreeSet, HashMap};

/// Providers, by what they have to do with a question.
#[derive(Default)]
pub(crate) struct Providers<'a> {
    /// How many list it.
    listing: usize,
    /// Whose data is missing or too old.
    pub(crate) missing: Vec<&'a str>,
    /// Who does not list it.
    pub(crate) not_listing: Vec<&'a str>,
    /// Whose feeds are of other kinds.
    pub(crate) other_kinds: Vec<&'a str>,
}

impl<'a> Providers<'a> {
    pub(crate) fn of(verdict: &Verdict, view: &'a View) -> Providers<'a> {
        let mut found = Providers::default();
        let of_kinds = of_kinds(kinds(verdict), view);
        for (provider, status) in view.directory.providers.iter().zip(&verdict.providers) {
            let name = provider.name.as_str();
            match status {
                Status::Failed => found.missing.push(name),
                Status::Unknown if of_kinds.contains(name) => found.not_listing.push(name),
                Status::Unknown => found.other_kinds.push(name),
                Status::Blocked | Status::Allowed => found.listing += 1,
            }
        }
        found
    }

    /// How many could list it.
    pub(crate) fn applicable(&self) -> usize {
        self.listing + self.missing.len() + self.not_listing.len()
    }
}

/// The providers with a feed of one of the kinds.
fn of_kinds(kinds: Kinds, view: &View) -> BTreeSet<&str> {
    let feeds = view.snapshot.origin().feeds.iter();
    let applies = feeds.filter(|feed| feed.traits().kinds.intersects(kinds));
    applies.map(|feed| feed.provider.as_str()).collect()
}

/// How many providers could list a question, for many questions: they are counted once for each kind.
#[derive(Default)]
pub(crate) struct Applicable(HashMap<Kinds, usize>);

impl Applicable {
    pub(crate) fn to(&mut self, verdict: &Verdict, view: &View) -> usize {
        let kinds = kinds(verdict);
        *self.0.entry(kinds).or_insert_with(|| of_kinds(kinds, view).len())
    }
}

/// What a question is one of, for a sentence about many.
pub(crate) fn plural(verdict: &Verdict) -> &'static str {
    match verdict.type_word {
        "ipv4" => "IPv4 addresses",
        "ipv6" => "IPv6 addresses",
        "domain" => "names",
        _ => "URLs or their hosts",
    }
}

/// The kinds that a feed must list to answer this question.
pub(crate) fn kinds(verdict: &Verdict) -> Kinds {
    let host = |text: &str| {
        let host = text.split_once("://").map_or(text, |(_, rest)| rest);
        match host.as_bytes().first() {
            Some(b'[') => Kinds::IPV6,
            // No top-level domain begins with a digit, and what is left is no address.
            _ if host.split(['/', ':', '?']).next().is_some_and(ends_in_digit) => Kinds::IPV4,
            _ => Kinds::NAME,
        }
    };
    match verdict.type_word {
        "ipv4" => Kinds::IPV4,
        "ipv6" => Kinds::IPV6,
        "domain" => Kinds::NAME,
        _ => Kinds::URL.union(host(&verdict.indicator)),
    }
}

fn ends_in_digit(host: &str) -> bool {
    host.ends_with(|last: char| last.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapsheet_query::Time;

    #[test]
    fn the_kinds_of_a_url_are_those_of_its_host_too() {
        let mut verdict = Verdict::empty(Time::from_unix(0));
        for (type_word, indicator, expected) in [
            ("ipv4", "45.9.20.5", Kinds::IPV4),
            ("domain", "evil-one.com", Kinds::NAME),
            ("url", "http://45.9.20.5:8080/x", Kinds::URL.union(Kinds::IPV4)),
            ("url", "http://45.9.20.5?x", Kinds::URL.union(Kinds::IPV4)),
            ("url", "http://[2001:980::1]/", Kinds::URL.union(Kinds::IPV6)),
            ("url", "http://evil-one.com/9", Kinds::URL.union(Kinds::NAME)),
        ] {
            (verdict.type_word, verdict.indicator) = (type_word, indicator.to_owned());
            assert_eq!(kinds(&verdict), expected, "{indicator}");
        }
    }
}
