//! What a feed stated about a key, and at which builds.
//!
//! A feed that confirms its list dates all of its rows anew with each build. So a row whose detect_time is
//! the usual one of its feed says only that, and stays the same while it holds.

use rapsheet_assemble::{Fields, Row};
use rapsheet_snapshot::{Assessments, Extent, FeedId, ListKind, Scope, Sighting, Time, Times};

/// What a feed stated about a key. Times are as the snapshot stores them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Statement {
    /// The number of the feed in the history.
    pub(crate) feed: u16,
    pub(crate) list: ListKind,
    pub(crate) scope: Scope,
    pub(crate) assessments: u16,
    pub(crate) first_seen: u32,
    /// When it was last confirmed; `None` if that was at the usual date of the feed.
    pub(crate) detect_time: Option<u32>,
    pub(crate) expiry: Option<u32>,
}

/// What of a statement must differ for two of one key to be stated at once.
pub(crate) type Identity = (u16, ListKind, Scope);

/// The date at which a feed confirmed most of its rows, by the number of the feed; `None` where there is
/// none.
pub(crate) type Dates = [Option<u32>];

/// The date of a feed.
pub(crate) fn date_of(dates: &Dates, feed: u16) -> Option<u32> {
    dates.get(usize::from(feed)).copied().flatten()
}

impl Statement {
    /// The statement of a row whose feed has this number in the history.
    pub(crate) fn of(row: &Row, feed: u16, dates: &Dates) -> Statement {
        let Fields { assessments, first_seen, detect_time, expiry } = row.fields;
        let is_usual = date_of(dates, feed) == Some(detect_time);
        Statement {
            feed,
            list: row.list,
            scope: row.scope,
            assessments,
            first_seen,
            detect_time: (!is_usual).then_some(detect_time),
            expiry,
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        (self.feed, self.list, self.scope)
    }

    /// The sighting at a build with these dates, where the feed has this number; `None` where the dates lack
    /// one.
    pub(crate) fn sighting(&self, feed: FeedId, dates: &Dates) -> Option<Sighting> {
        let detect_time = self.detect_time.or_else(|| date_of(dates, self.feed))?;
        let times = Times {
            first_seen: Time::from_stored(self.first_seen),
            detect_time: Time::from_stored(detect_time),
            row_expiry: self.expiry.map(Time::from_stored),
        };
        Some(Sighting {
            feed,
            list: self.list,
            scope: self.scope,
            extent: Extent::None,
            assessments: Assessments::from_bits(self.assessments),
            times,
        })
    }
}

/// A statement, and the first and the last build at which it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) statement: Statement,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// What became of a key during a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyHistory {
    /// The first build at which something else was stated than at the one before. What was stated until then,
    /// an older segment tells.
    pub(crate) changed: u32,
    /// What was stated from then on, sorted.
    pub(crate) versions: Vec<Version>,
}

impl KeyHistory {
    /// What was stated at a build that is not before the change. What held at the last build of the segment,
    /// which is given, held afterwards.
    pub(crate) fn statements(&self, build: u32, last: u32) -> impl Iterator<Item = &Statement> {
        let build = build.min(last);
        let held =
            self.versions.iter().filter(move |version| (version.first..=version.last).contains(&build));
        held.map(|version| &version.statement)
    }

    /// Continues with what became of the key during a later segment. `last` is the last build of the segment
    /// before.
    pub(crate) fn append(&mut self, later: &KeyHistory, last: u32) {
        for version in self.versions.iter_mut().filter(|version| version.last == last) {
            version.last = later.changed.saturating_sub(1);
        }
        for version in &later.versions {
            let before = self.versions.iter_mut().find(|before| {
                before.statement == version.statement && before.last.checked_add(1) == Some(version.first)
            });
            match before {
                Some(before) => before.last = version.last,
                None => self.versions.push(*version),
            }
        }
    }

    /// Lets what held at one build hold until a later one.
    pub(crate) fn extend(&mut self, from: u32, to: u32) {
        self.versions.iter_mut().filter(|version| version.last == from).for_each(|version| version.last = to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(first_seen: u32) -> Statement {
        Statement {
            feed: 1,
            list: ListKind::Block,
            scope: Scope::Exact,
            assessments: 1,
            first_seen,
            detect_time: None,
            expiry: None,
        }
    }

    fn history(changed: u32, versions: &[(u32, u32, u32)]) -> KeyHistory {
        let version = |(seen, first, last): &(u32, u32, u32)| Version {
            statement: statement(*seen),
            first: *first,
            last: *last,
        };
        KeyHistory { changed, versions: versions.iter().map(version).collect() }
    }

    #[test]
    fn what_continues_is_one_version() {
        let mut all = history(2, &[(1, 2, 4), (2, 3, 3)]);
        all.append(&history(7, &[(1, 7, 9)]), 4);
        assert_eq!(all, history(2, &[(1, 2, 9), (2, 3, 3)]));
        all.append(&history(11, &[(2, 12, 13)]), 9);
        assert_eq!(all, history(2, &[(1, 2, 10), (2, 3, 3), (2, 12, 13)]));
        all.extend(13, 20);
        assert_eq!(all.statements(20, 20).count(), 1);
        assert_eq!(all.statements(11, 20).count(), 0);
        assert_eq!(all.statements(99, 20).map(|held| held.first_seen).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_usual_date_is_not_stated() {
        let fields = Fields { assessments: 4, first_seen: 5, detect_time: 9, expiry: Some(70) };
        let row = Row { feed: 8, list: ListKind::Allow, scope: Scope::Tree, fields };
        let usual = Statement::of(&row, 1, &[None, Some(9)]);
        assert_eq!(
            (usual.detect_time, Statement::of(&row, 0, &[None, Some(9)]).detect_time),
            (None, Some(9))
        );
        let later = usual.sighting(FeedId(3), &[None, Some(20)]).expect("a date");
        assert_eq!((later.feed, later.times.detect_time), (FeedId(3), Time::from_stored(20)));
        assert_eq!(usual.sighting(FeedId(3), &[Some(20)]), None);
    }
}
