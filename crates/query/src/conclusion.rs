//! From sightings, wherever they were found, to a verdict: in one snapshot, or in a history of many.

use crate::evaluator::Evaluator;
use crate::lookup::HitKind;
use crate::question::{Item, Question, name_of};
use crate::verdict::{Overlap, Source, Verdict, specificity};
use rapsheet_snapshot::{AddressRange, Index, ListKind, Scope, Sighting, Status, Time};

/// A sighting that was found for a question.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// The sighting. Its extent is not read.
    pub sighting: Sighting,
    /// What of the question it matches.
    pub matched: Matched,
}

/// The entry that a question matches, as a part of the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Matched {
    /// This range covers the address, or overlaps the range in question.
    Range(AddressRange),
    /// The last `width` bytes of the name.
    Name {
        /// How many.
        width: u16,
    },
    /// The whole URL, with its scheme or without.
    Url {
        /// Whether the list names it without a scheme.
        schemeless: bool,
    },
}

impl Matched {
    /// What a hit in one snapshot matches; `None` in a forged file.
    pub fn of(index: &Index<'_>, kind: HitKind, sighting: &Sighting) -> Option<Matched> {
        Some(match kind {
            HitKind::Address(address) => Matched::Range(index.listed(sighting.extent, address)?),
            HitKind::Name { width, .. } => Matched::Name { width },
            HitKind::Url { schemeless } => Matched::Url { schemeless },
        })
    }

    /// The text of the entry, and how specific it is.
    fn text(self, question: Question<'_>, scope: Scope) -> Option<(String, u128)> {
        let Question { questions, item } = question;
        match self {
            Matched::Range(listed) => Some((listed.to_string(), specificity(&listed))),
            Matched::Name { width } => {
                let text = questions.bytes(&name_of(item)?.text);
                let name = text.get(text.len().checked_sub(usize::from(width))?..)?;
                let star = if scope == Scope::Subdomains { "*." } else { "" };
                Some((format!("{star}{}", String::from_utf8_lossy(name)), u128::from(width)))
            }
            Matched::Url { schemeless } => {
                let Item::Url { text, schemeless: bare, .. } = item else { return None };
                let text = questions.bytes(if schemeless { bare } else { text });
                Some((String::from_utf8_lossy(text).into_owned(), u128::MAX))
            }
        }
    }
}

impl Evaluator {
    /// The verdict on a question for which these sightings were found, and no others. Those that are not live
    /// do not count.
    pub fn verdict(&self, question: Question<'_>, found: impl IntoIterator<Item = Found>) -> Verdict {
        let at = self.at();
        let source = |found: Found| match (question.item, found.matched) {
            (Item::Range(range), Matched::Range(listed)) => {
                self.overlapping(range, &listed, &found.sighting, at)
            }
            _ => self.found(question, &found, at),
        };
        self.sorted(question, found.into_iter().filter_map(source).collect(), at)
    }

    /// The row of what was found; `None` where it is not live.
    pub(crate) fn found(&self, question: Question<'_>, found: &Found, at: Time) -> Option<Source> {
        let (matched, specificity) = found.matched.text(question, found.sighting.scope)?;
        self.source(&found.sighting, matched, specificity, at)
    }

    /// The row of a sighting whose range overlaps the one in question; `None` where it is not live.
    pub(crate) fn overlapping(
        &self,
        range: &AddressRange,
        listed: &AddressRange,
        sighting: &Sighting,
        at: Time,
    ) -> Option<Source> {
        let overlap = Some(if listed.covers(range) { Overlap::Covers } else { Overlap::Within });
        let source = self.source(sighting, listed.to_string(), specificity(listed), at)?;
        Some(Source { overlap, ..source })
    }

    /// The row of a sighting; `None` where the sighting is not live.
    fn source(&self, sighting: &Sighting, matched: String, specificity: u128, at: Time) -> Option<Source> {
        let retention = self.retention_seconds(sighting.feed);
        sighting.times.live(at, retention).then(|| Source {
            feed: sighting.feed,
            provider: self.provider_of(sighting.feed),
            status: match sighting.list {
                ListKind::Block => Status::Blocked,
                ListKind::Allow => Status::Allowed,
            },
            assessments: sighting.assessments,
            matched,
            scope: sighting.scope,
            first_seen: sighting.times.first_seen,
            detect_time: sighting.times.detect_time,
            expires: sighting.times.expires(retention),
            stale: self.is_stale(sighting.feed),
            overlap: None,
            specificity,
        })
    }

    /// The verdict with these rows, which it sorts. Equal ones stay in their order.
    pub(crate) fn sorted(&self, question: Question<'_>, mut sources: Vec<Source>, at: Time) -> Verdict {
        sources.sort_by(|a, b| {
            let key = |source: &Source| (source.provider, source.feed);
            key(a).cmp(&key(b)).then(b.specificity.cmp(&a.specificity)).then(a.matched.cmp(&b.matched))
        });
        self.conclude(question, sources, at)
    }

    /// The verdict: the status of each provider follows from the sightings, and the overall one from those.
    fn conclude(&self, question: Question<'_>, sources: Vec<Source>, at: Time) -> Verdict {
        let kinds = question.item.kinds();
        let unlisted = self.providers().iter().map(|provider| provider.unlisted(kinds));
        let mut providers: Vec<Status> = unlisted.collect();
        for source in &sources {
            if let Some(status) = providers.get_mut(source.provider) {
                *status = match (*status, source.status) {
                    (Status::Blocked, _) | (_, Status::Blocked) => Status::Blocked,
                    _ => Status::Allowed,
                };
            }
        }
        let count = |of: Status| providers.iter().filter(|status| **status == of).count();
        let (detected_by, allowed_by) = (count(Status::Blocked), count(Status::Allowed));
        Verdict {
            indicator: question.text(),
            type_word: question.type_word(),
            status: self.overall(kinds, detected_by > 0, allowed_by > 0),
            detected_by,
            failed: count(Status::Failed),
            at,
            sources,
            providers,
        }
    }

    /// The overall status of a question for which these sightings were found, of which those count that are
    /// live at an instant. Whether a feed is stale is decided at the evaluator's own.
    pub fn status(
        &self,
        question: Question<'_>,
        found: impl IntoIterator<Item = Sighting>,
        at: Time,
    ) -> Status {
        let (mut block, mut allow) = (false, false);
        for sighting in found {
            let retention = self.retention_seconds(sighting.feed);
            let is_live = sighting.times.live(at, retention);
            block |= is_live && sighting.list == ListKind::Block;
            allow |= is_live && sighting.list == ListKind::Allow;
        }
        self.decided(question, block, allow)
    }

    /// The overall status of a question, given whether a live sighting blocks it and whether one allows it.
    #[inline]
    pub fn decided(&self, question: Question<'_>, block: bool, allow: bool) -> Status {
        self.overall(question.item.kinds(), block, allow)
    }
}

/// Whether two ranges share an address.
pub fn overlaps(a: &AddressRange, b: &AddressRange) -> bool {
    match (*a, *b) {
        (AddressRange::V4 { first, last }, AddressRange::V4 { first: from, last: to }) => {
            first <= to && from <= last
        }
        (AddressRange::V6 { first, last }, AddressRange::V6 { first: from, last: to }) => {
            first <= to && from <= last
        }
        _ => false,
    }
}
