//! Which feeds `--feed` names: one by its id, or all that a pattern of ids, a provider, an assessment or a kind of
//! list selects.

use crate::exit::Failure;
use rapsheet_ingest::catalog::{self, Catalog, Feed, IdPattern};
use rapsheet_snapshot::{Assessment, ListKind};
use std::collections::BTreeSet;

/// The feeds that the command line chooses.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// The ids of all of them, in the order of the catalogue; `None` where it chooses none, which means all.
    pub(crate) ids: Option<Vec<String>>,
    /// The ids of those that were named one by one.
    pub(crate) named: Vec<String>,
}

impl Choice {
    /// Finds the enabled feeds that the values of `--feed` select, each of them at least one.
    ///
    /// # Errors
    /// A value selects no feed, or only disabled ones, or cannot be read.
    pub(crate) fn of(values: &[String], catalog: &Catalog) -> Result<Choice, Failure> {
        let mut choice = Choice::default();
        let mut chosen = BTreeSet::new();
        for value in values {
            let selector = Selector::parse(value).map_err(|error| failure(value, &error))?;
            let found = selector.enabled(catalog).map_err(|error| failure(value, &error))?;
            if selector.is_id() {
                choice.named.extend(found.iter().map(|feed| feed.id.clone()));
            }
            chosen.extend(found.into_iter().map(|feed| feed.id.as_str()));
        }
        let ids = catalog.feeds.iter().map(|feed| &feed.id).filter(|id| chosen.contains(id.as_str()));
        choice.ids = (!values.is_empty()).then(|| ids.cloned().collect());
        Ok(choice)
    }
}

fn failure(value: &str, error: &str) -> Failure {
    Failure::usage(format_args!("--feed {value}: {error}"))
}

/// What one `--feed` says.
enum Selector {
    Id(IdPattern),
    Provider(IdPattern),
    Assessment(Assessment),
    List(ListKind),
}

impl Selector {
    fn parse(value: &str) -> Result<Selector, String> {
        // An id has no colon.
        let Some((key, value)) = value.split_once(':') else {
            return IdPattern::parse(value).map(Selector::Id);
        };
        match key {
            "provider" => {
                IdPattern::parse_as(value, "a provider or a pattern such as `*.gov`").map(Selector::Provider)
            }
            "assessment" => assessment(value).map(Selector::Assessment),
            "list" => list(value).map(Selector::List),
            _ => {
                let expected = "expected an id or a pattern of ids, provider:PATTERN, assessment:WORD, list:block or \
                                list:allow";
                Err(format!("{expected}; there is no `{}:`", key.escape_debug()))
            }
        }
    }

    fn is_id(&self) -> bool {
        matches!(self, Selector::Id(pattern) if pattern.is_id())
    }

    fn selects(&self, feed: &Feed) -> bool {
        match self {
            Selector::Id(pattern) => pattern.matches(&feed.id),
            Selector::Provider(pattern) => pattern.matches(&feed.provider),
            Selector::Assessment(assessment) => feed.assessment.iter().any(|own| own == *assessment),
            Selector::List(list) => feed.list == *list,
        }
    }

    /// The enabled feeds that it selects, at least one.
    fn enabled<'c>(&self, catalog: &'c Catalog) -> Result<Vec<&'c Feed>, String> {
        let found: Vec<&Feed> = catalog.feeds.iter().filter(|feed| self.selects(feed)).collect();
        let enabled: Vec<&Feed> = found.iter().copied().filter(|feed| feed.enabled).collect();
        match (found.as_slice(), enabled.is_empty()) {
            ([], _) => Err(self.no_such_feed(catalog)),
            (found, true) => {
                let ids: Vec<&str> = found.iter().map(|feed| feed.id.as_str()).collect();
                let remedy = "set enabled = true there, or in an [[override]]";
                Err(format!("disabled in the catalogue: {}; {remedy}", ids.join(", ")))
            }
            (_, false) => Ok(enabled),
        }
    }

    /// Says that it selects nothing, and what is near.
    fn no_such_feed(&self, catalog: &Catalog) -> String {
        let feeds = catalog.feeds.iter();
        match self {
            Selector::Id(pattern) => {
                let near = near(pattern.text(), feeds.map(|feed| feed.id.as_str()));
                format!("no feed of the catalogue is called so; {near}")
            }
            Selector::Provider(pattern) => {
                let near = near(pattern.text(), feeds.map(|feed| feed.provider.as_str()));
                format!("no feed of the catalogue has this provider; {near}")
            }
            Selector::Assessment(_) => {
                let all: BTreeSet<&str> =
                    feeds.flat_map(|feed| feed.assessment.iter().map(Assessment::word)).collect();
                let all: Vec<&str> = all.into_iter().collect();
                format!("no feed of the catalogue has this assessment; there are {}", all.join(", "))
            }
            Selector::List(_) => "no feed of the catalogue is of this kind".to_owned(),
        }
    }
}

/// Offers the names near one that does not exist.
fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    match catalog::near(name, names).as_slice() {
        [] => "`rapsheet feeds` lists them".to_owned(),
        near => format!("near it: {}", near.join(", ")),
    }
}

/// An assessment, also with `_` or `-` for the blank of its word.
fn assessment(word: &str) -> Result<Assessment, String> {
    let spelt = word.replace(['_', '-'], " ");
    let mut all = Assessment::ALL.iter().copied();
    all.find(|assessment| assessment.word() == spelt).ok_or_else(|| {
        let all: Vec<&str> = Assessment::ALL.iter().map(|assessment| assessment.word()).collect();
        format!("expected one of {}; found `{}`", all.join(", "), word.escape_debug())
    })
}

fn list(word: &str) -> Result<ListKind, String> {
    let all = [ListKind::Block, ListKind::Allow];
    all.into_iter()
        .find(|list| list.word() == word)
        .ok_or_else(|| format!("expected block or allow, found `{}`", word.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let feed = |id: &str, more: &str| {
            format!("[[feed]]\nid = '{id}'\nprovider = '{id}.example'\nformat = 'plain-ip'\n{more}\n")
        };
        let text = feed("one", "assessment = ['tor', 'high risk']")
            + &feed("two", "list = 'allow'")
            + &feed("two-more", "assessment = 'tor'")
            + &feed("off", "enabled = false\nassessment = 'spam'");
        Catalog::parse(&text, "c.toml").expect("a sound catalogue")
    }

    fn choose(values: &[&str]) -> Result<Choice, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Choice::of(&values, &catalog()).map_err(|failure| match failure {
            Failure::Message(_, text) => text,
            _ => unreachable!("a choice fails with a message"),
        })
    }

    #[test]
    fn values_of_all_kinds_are_a_union() {
        let rows: [(&[&str], &[&str], &[&str]); 9] = [
            (&["one"], &["one"], &["one"]),
            (&["two*"], &["two", "two-more"], &[]),
            (&["provider:one.example"], &["one"], &[]),
            (&["provider:*.example"], &["one", "two", "two-more"], &[]),
            (&["assessment:tor"], &["one", "two-more"], &[]),
            (&["assessment:high_risk"], &["one"], &[]),
            (&["list:allow"], &["two"], &[]),
            (&["list:block"], &["one", "two-more"], &[]),
            (&["two-more", "list:block", "assessment:tor", "t*"], &["one", "two", "two-more"], &["two-more"]),
        ];
        for (values, ids, named) in rows {
            let choice = choose(values).expect("a choice");
            assert_eq!(choice.ids.expect("some"), ids, "{values:?}");
            assert_eq!(choice.named, named, "{values:?}");
        }
        assert_eq!(choose(&[]).expect("all").ids, None);
    }

    #[test]
    fn what_selects_nothing_is_an_error_with_a_remedy() {
        let rows = [
            ("twoo", "no feed of the catalogue is called so; near it: two"),
            ("x*", "no feed of the catalogue is called so; `rapsheet feeds` lists them"),
            ("tw[", "expected an id or a pattern such as `abuse-*`, found `tw[`"),
            ("off", "disabled in the catalogue: off; set enabled = true"),
            ("provider:one.exampel", "no feed of the catalogue has this provider; near it: one.example"),
            ("provider:", "expected a provider or a pattern such as `*.gov`, found nothing"),
            ("assessment:spam", "disabled in the catalogue: off"),
            ("assessment:botnet", "no feed of the catalogue has this assessment; there are high risk, "),
            ("assessment:awful", "expected one of botnet, malware, phishing"),
            ("list:grey", "expected block or allow, found `grey`"),
            (
                "colour:red",
                "provider:PATTERN, assessment:WORD, list:block or list:allow; there is no `colour:`",
            ),
        ];
        for (value, message) in rows {
            let error = choose(&[value]).expect_err(value);
            assert!(error.starts_with(&format!("--feed {value}: ")) && error.contains(message), "{error}");
        }
    }
}
