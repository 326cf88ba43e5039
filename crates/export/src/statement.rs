//! What all live sightings of one entry say together, decided as a look-up decides it: any block wins over an
//! allow.

use crate::{Options, RestrictedFeed, licence};
use rapsheet_snapshot::{Assessments, FeedId, FeedRecord, ListKind, Sighting, Snapshot, Time};

/// What feeds say of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement {
    /// Whether it is blocked or, with no live block, allowed.
    pub list: ListKind,
    /// The assessments of the feeds that say so.
    pub assessments: Assessments,
    /// How many providers say so.
    pub providers: u16,
    /// When the first of them listed it.
    pub first_seen: Time,
    /// When one of them last confirmed it.
    pub detect_time: Time,
    /// When the last of them ends.
    pub expires: Time,
    /// The feeds that say so, in their order in the snapshot.
    pub feeds: Vec<FeedId>,
}

impl Statement {
    /// What one feed says of an entry that it lists since `first_seen`, and until `expires`.
    #[doc(hidden)]
    pub fn of_feed(
        list: ListKind,
        assessments: Assessments,
        (first_seen, expires): (Time, Time),
    ) -> Statement {
        let feeds = vec![FeedId(0)];
        Statement { list, assessments, providers: 1, first_seen, detect_time: first_seen, expires, feeds }
    }

    /// For how many seconds it still holds.
    pub fn seconds_left(&self, now: Time) -> u64 {
        u64::try_from(self.expires.unix().saturating_sub(now.unix())).unwrap_or(0)
    }
}

/// What an export must know of a feed.
struct Feed {
    retention_seconds: i64,
    /// The position of its provider among all.
    provider: u16,
    /// Whether it was chosen.
    is_chosen: bool,
    /// Whether its licence keeps it out.
    is_restricted: bool,
}

/// Decides what the sightings of an entry say together.
pub(crate) struct Judge {
    feeds: Vec<Feed>,
    now: Time,
    assessments: Assessments,
    min_providers: u16,
}

impl Judge {
    pub(crate) fn new(snapshot: &Snapshot, options: &Options) -> Judge {
        let feeds = &snapshot.origin().feeds;
        let mut providers: Vec<&str> = feeds.iter().map(|feed| feed.provider.as_str()).collect();
        providers.sort_unstable();
        providers.dedup();
        let chosen =
            |at: usize| options.feeds.as_ref().is_none_or(|chosen| chosen.get(at).copied().unwrap_or(false));
        let row = |(at, feed): (usize, &rapsheet_snapshot::FeedRecord)| Feed {
            retention_seconds: feed.retention_seconds,
            // Feeds are numbered in 16 bits, so their providers fit.
            provider: providers.binary_search(&feed.provider.as_str()).unwrap_or(0) as u16,
            is_chosen: chosen(at),
            is_restricted: !options.include_restricted && licence::forbids_redistribution(&feed.licence),
        };
        Judge {
            feeds: feeds.iter().enumerate().map(row).collect(),
            now: options.now,
            assessments: options.assessments,
            min_providers: options.min_providers,
        }
    }

    /// What is live of a chosen feed. The rest says nothing.
    pub(crate) fn live(&self, sighting: &Sighting) -> bool {
        let feed = self.feeds.get(usize::from(sighting.feed.0));
        feed.is_some_and(|feed| feed.is_chosen && sighting.times.live(self.now, feed.retention_seconds))
    }

    /// Whether only the licence of its feed keeps a live sighting out.
    pub(crate) fn is_restricted(&self, sighting: &Sighting) -> bool {
        self.feeds.get(usize::from(sighting.feed.0)).is_some_and(|feed| feed.is_restricted)
    }

    /// Whether a live sighting has a chosen assessment. Allowlisted entries need none.
    pub(crate) fn is_wanted(&self, sighting: &Sighting) -> bool {
        self.assessments.is_empty()
            || sighting.list == ListKind::Allow
            || self.assessments.bits() & sighting.assessments.bits() != 0
    }

    /// Whether a feed is written.
    pub(crate) fn is_exported(&self, feed: usize) -> bool {
        self.feeds.get(feed).is_some_and(|feed| feed.is_chosen && !feed.is_restricted)
    }

    /// The exported feeds of which nothing newer is known than what they last listed. Those that never had a download
    /// have nothing that could be old.
    pub(crate) fn stale(&self, snapshot: &Snapshot) -> Vec<String> {
        let feeds = snapshot.origin().feeds.iter().enumerate();
        let is_stale = |feed: &FeedRecord| feed.traits().update_time.is_some() && feed.is_stale(self.now);
        let stale = feeds.filter(|(at, feed)| self.is_exported(*at) && is_stale(feed));
        stale.map(|(_, feed)| feed.id.clone()).collect()
    }

    /// The feeds that were chosen, and that their licence keeps out.
    pub(crate) fn restricted(&self, snapshot: &Snapshot) -> Vec<RestrictedFeed> {
        let feeds = snapshot.origin().feeds.iter().zip(&self.feeds);
        let restricted = feeds.filter(|(_, row)| row.is_chosen && row.is_restricted);
        restricted
            .map(|(feed, _)| RestrictedFeed { feed: feed.id.clone(), licence: feed.licence.clone() })
            .collect()
    }

    /// What live sightings say together; `None` if nothing of it is written, or too few providers agree on a
    /// block. Also a block that is not written keeps an entry from becoming an exception.
    pub(crate) fn statement(&self, live: &[Sighting]) -> Option<Statement> {
        self.joint(live, |sighting| self.is_wanted(sighting) && !self.is_restricted(sighting))
    }

    /// Whether something would be written if no licence kept a feed out.
    pub(crate) fn says_anything(&self, live: &[Sighting]) -> bool {
        self.joint(live, |sighting| self.is_wanted(sighting)).is_some()
    }

    /// Whether something is left out, so that an entry which is not written may be a block.
    pub(crate) fn leaves_out(&self) -> bool {
        let is_restricted = self.feeds.iter().any(|feed| feed.is_chosen && feed.is_restricted);
        is_restricted || !self.assessments.is_empty() || self.min_providers > 1
    }

    fn joint(&self, live: &[Sighting], is_written: impl Fn(&Sighting) -> bool) -> Option<Statement> {
        let is_blocked = live.iter().any(|sighting| sighting.list == ListKind::Block);
        let list = if is_blocked { ListKind::Block } else { ListKind::Allow };
        let mut agreeing =
            live.iter().filter(|sighting| sighting.list == list && is_written(sighting)).peekable();
        let first = agreeing.peek()?;
        let mut statement = Statement {
            list,
            assessments: Assessments::EMPTY,
            providers: 0,
            first_seen: first.times.first_seen,
            detect_time: first.times.detect_time,
            expires: self.now,
            feeds: Vec::new(),
        };
        let mut providers: Vec<u16> = Vec::new();
        for sighting in agreeing {
            let Some(feed) = self.feeds.get(usize::from(sighting.feed.0)) else { continue };
            let times = &sighting.times;
            statement.assessments = statement.assessments.union(sighting.assessments);
            statement.first_seen = statement.first_seen.min(times.first_seen);
            statement.detect_time = statement.detect_time.max(times.detect_time);
            statement.expires = statement.expires.max(times.expires(feed.retention_seconds));
            statement.feeds.push(sighting.feed);
            providers.push(feed.provider);
        }
        statement.feeds.sort_unstable();
        statement.feeds.dedup();
        providers.sort_unstable();
        providers.dedup();
        statement.providers = u16::try_from(providers.len()).unwrap_or(u16::MAX);
        (!is_blocked || statement.providers >= self.min_providers).then_some(statement)
    }
}
