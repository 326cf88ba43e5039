//! From sightings to statuses: which sightings are live at an instant, and the statuses that follow.
//!
//! Millions of entries share a few thousand record sets, and at one instant a set always evaluates to the
//! same bits. So a set is evaluated the first time a look-up finds it, and from then on the expiry test of a
//! look-up is one load. Sets with times of their own are the exception: their entries are evaluated one by
//! one.

use crate::lookup::{Hit, sightings};
use rapsheet_snapshot::section::records::TimesRef;
use rapsheet_snapshot::{FeedId, Index, Kinds, ListKind, Origin, Scope, Snapshot, Status, Time};
use std::sync::atomic::{AtomicU8, Ordering};

/// The bits of an evaluated set. 0 means "not evaluated yet".
mod bit {
    pub(super) const EVALUATED: u8 = 1;
    /// A live record blocks the name itself (or the address, or the URL).
    pub(super) const SELF_BLOCK: u8 = 2;
    pub(super) const SELF_ALLOW: u8 = 4;
    /// A live record blocks names below.
    pub(super) const BELOW_BLOCK: u8 = 8;
    pub(super) const BELOW_ALLOW: u8 = 16;
    /// What decides belongs to the entry and not to the set, so the entry must be evaluated: times of its own, or
    /// when it was first seen.
    pub(super) const OWN_TIMES: u8 = 32;
}

/// A provider: all its feeds together.
///
/// ```
/// # use rapsheet_query::{Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// for provider in Searcher::new(&snapshot, now).providers() {
///     println!("{}: {:?}", provider.name, provider.update_time);
/// }
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provider {
    /// Its name, written as a host.
    pub name: String,
    /// When the newest download of any of its feeds was retrieved.
    pub update_time: Option<Time>,
    /// The kinds of indicator that its feeds list.
    pub(crate) kinds: Kinds,
    /// The kinds for which one of its feeds is failed, held or stale.
    pub(crate) stale_kinds: Kinds,
}

/// An instant, and what holds for every question at it.
pub struct Evaluator {
    at: Time,
    /// Whether every sighting of the snapshot had been seen by then, so that none is too new to be live.
    all_seen: bool,
    /// The bits of each set. Threads may evaluate the same set at once; they store the same bits, so relaxed
    /// order is enough.
    sets: Vec<AtomicU8>,
    /// Of each feed, in seconds.
    retentions: Vec<i64>,
    /// Whether each feed is failed, held or stale.
    stale: Vec<bool>,
    /// When each feed is stale from, and the kinds of indicator that it lists.
    freshness: Vec<(Option<Time>, Kinds)>,
    /// The position in `providers` of each feed's provider.
    provider_of: Vec<u16>,
    providers: Vec<Provider>,
    /// The status of an indicator that no feed lists, by the bits of the question's kinds.
    unlisted: Unlisted,
}

/// The status of an indicator that no feed lists, by the bits of the question's kinds.
pub(crate) type Unlisted = [Status; 16];

impl Evaluator {
    /// Prepares to evaluate a snapshot at an instant. The cost is per feed, and one zeroed byte per set.
    pub(crate) fn new(snapshot: &Snapshot, at: Time) -> Evaluator {
        let index = snapshot.index();
        let sets = std::iter::repeat_with(|| AtomicU8::new(0)).take(index.set_count()).collect();
        let all_seen = at >= index.newest_first_seen();
        Evaluator { sets, all_seen, ..Evaluator::of_origin(snapshot.origin(), at) }
    }

    /// As [`Evaluator::new`], for sightings of these feeds that were found elsewhere.
    pub fn of_origin(origin: &Origin, at: Time) -> Evaluator {
        let feeds = &origin.feeds;
        let stale: Vec<bool> = feeds.iter().map(|feed| feed.is_stale(at)).collect();
        let mut names: Vec<&str> = feeds.iter().map(|feed| feed.provider.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut providers: Vec<Provider> = names.iter().map(|name| Provider::named(name)).collect();
        let mut provider_of = Vec::with_capacity(feeds.len());
        for (feed, stale) in feeds.iter().zip(&stale) {
            let at = names.binary_search(&feed.provider.as_str()).unwrap_or(0);
            if let Some(provider) = providers.get_mut(at) {
                provider.add(feed.traits().kinds, feed.traits().update_time, *stale);
            }
            // Fits: there are no more providers than feeds, and a build numbers feeds in 16 bits.
            provider_of.push(at as u16);
        }
        let retentions = feeds.iter().map(|feed| feed.retention_seconds).collect();
        let unlisted = unlisted_of(&providers);
        let freshness = feeds.iter().map(|feed| (feed.fresh_until(), feed.traits().kinds)).collect();
        let (all_seen, sets) = (false, Vec::new());
        Evaluator { at, all_seen, sets, retentions, stale, freshness, provider_of, providers, unlisted }
    }

    /// The instants after which another feed is stale, ascending.
    pub(crate) fn ends_of_freshness(&self) -> Vec<Time> {
        let mut ends: Vec<Time> = self.freshness.iter().filter_map(|(end, _)| *end).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// The statuses of indicators that no feed lists, as of another instant, by the bits of their kinds.
    pub(crate) fn unlisted_at(&self, at: Time) -> Unlisted {
        let mut providers: Vec<Provider> =
            self.providers.iter().map(|one| Provider::named(&one.name)).collect();
        for ((end, kinds), provider) in self.freshness.iter().zip(&self.provider_of) {
            if let Some(provider) = providers.get_mut(usize::from(*provider)) {
                provider.add(*kinds, None, end.is_none_or(|end| at > end));
            }
        }
        unlisted_of(&providers)
    }

    /// Whether every sighting of the snapshot had been seen by the instant.
    pub(crate) fn has_seen_all(&self) -> bool {
        self.all_seen
    }

    /// The instant.
    pub fn at(&self) -> Time {
        self.at
    }

    /// The providers, sorted by name.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The position of a feed's provider.
    pub(crate) fn provider_of(&self, feed: FeedId) -> usize {
        self.provider_of.get(usize::from(feed.0)).copied().map_or(0, usize::from)
    }

    /// How long a sighting of a feed is live after its detect_time, in seconds.
    pub fn retention_seconds(&self, feed: FeedId) -> i64 {
        self.retentions.get(usize::from(feed.0)).copied().unwrap_or(0)
    }

    /// Whether a feed is failed, held or stale.
    pub(crate) fn is_stale(&self, feed: FeedId) -> bool {
        self.stale.get(usize::from(feed.0)).copied().unwrap_or(false)
    }

    /// Whether a live sighting of the hit's entry blocks what was looked up, and whether one allows it.
    #[inline]
    pub fn evaluate_hit(&self, index: &Index<'_>, hit: &Hit) -> (bool, bool) {
        let set = index.set_of(hit.entry);
        let Some(cell) = self.sets.get(set as usize) else { return (false, false) };
        let mut bits = cell.load(Ordering::Relaxed);
        if bits == 0 {
            bits = self.evaluate_set(index, set);
            cell.store(bits, Ordering::Relaxed);
        }
        if bits & bit::OWN_TIMES != 0 {
            return self.evaluate_entry(index, hit);
        }
        match hit.kind.is_below() {
            false => (bits & bit::SELF_BLOCK != 0, bits & bit::SELF_ALLOW != 0),
            true => (bits & bit::BELOW_BLOCK != 0, bits & bit::BELOW_ALLOW != 0),
        }
    }

    /// Whether all entries of a set evaluate to the same: no time belongs to one of them.
    pub(crate) fn has_shared_times(&self, index: &Index<'_>, set: u32) -> bool {
        self.evaluate_set(index, set) & bit::OWN_TIMES == 0
    }

    fn evaluate_set(&self, index: &Index<'_>, set: u32) -> u8 {
        if !self.all_seen {
            return bit::EVALUATED | bit::OWN_TIMES;
        }
        let mut bits = bit::EVALUATED;
        for record in index.records_of(set) {
            let TimesRef::Shared(at) = record.times else { return bit::EVALUATED | bit::OWN_TIMES };
            let retention = self.retention_seconds(record.feed);
            if index.shared_times(at).is_some_and(|times| self.at < times.expires(retention)) {
                bits |= bits_of(record.list, record.scope);
            }
        }
        bits
    }

    fn evaluate_entry(&self, index: &Index<'_>, hit: &Hit) -> (bool, bool) {
        let (mut block, mut allow) = (false, false);
        let mut add = |list: ListKind, scope: Scope, is_live: bool| {
            if is_live && scope.covers(hit.kind.is_below()) {
                block |= list == ListKind::Block;
                allow |= list == ListKind::Allow;
            }
        };
        if self.all_seen {
            for (record, times) in index.confirmations(hit.entry) {
                let retention = self.retention_seconds(record.feed);
                add(record.list, record.scope, self.at < times.expires(retention));
            }
        } else {
            for sighting in sightings(index, hit) {
                let retention = self.retention_seconds(sighting.feed);
                add(sighting.list, sighting.scope, sighting.times.live(self.at, retention));
            }
        }
        (block, allow)
    }

    /// The overall status of a question of these kinds, given whether a live sighting blocks it and whether
    /// one allows it.
    #[inline]
    pub(crate) fn overall(&self, kinds: Kinds, block: bool, allow: bool) -> Status {
        match (block, allow) {
            (true, _) => Status::Blocked,
            (false, true) => Status::Allowed,
            (false, false) => {
                self.unlisted.get(usize::from(kinds.bits())).copied().unwrap_or(Status::Unknown)
            }
        }
    }
}

fn unlisted_of(providers: &[Provider]) -> Unlisted {
    std::array::from_fn(|bits| unlisted(providers, Kinds::from_bits(bits as u8)))
}

/// The status of an indicator that no feed lists: failed if every provider that could list it is.
fn unlisted(providers: &[Provider], kinds: Kinds) -> Status {
    let mut applicable = providers.iter().filter(|provider| provider.kinds.intersects(kinds)).peekable();
    let failed =
        applicable.peek().is_some() && applicable.all(|provider| provider.stale_kinds.intersects(kinds));
    if failed { Status::Failed } else { Status::Unknown }
}

impl Provider {
    fn named(name: &str) -> Provider {
        Provider { name: name.to_owned(), update_time: None, kinds: Kinds::NONE, stale_kinds: Kinds::NONE }
    }

    /// Adds a feed.
    fn add(&mut self, kinds: Kinds, update_time: Option<Time>, stale: bool) {
        self.kinds = self.kinds.union(kinds);
        self.update_time = self.update_time.max(update_time);
        if stale {
            self.stale_kinds = self.stale_kinds.union(kinds);
        }
    }

    /// The status of an indicator of these kinds that the provider does not list.
    pub(crate) fn unlisted(&self, kinds: Kinds) -> Status {
        if self.stale_kinds.intersects(kinds) { Status::Failed } else { Status::Unknown }
    }
}

fn bits_of(list: ListKind, scope: Scope) -> u8 {
    let (at_self, below) = match list {
        ListKind::Block => (bit::SELF_BLOCK, bit::BELOW_BLOCK),
        ListKind::Allow => (bit::SELF_ALLOW, bit::BELOW_ALLOW),
    };
    let mut bits = 0;
    if scope.covers(false) {
        bits |= at_self;
    }
    if scope.covers(true) {
        bits |= below;
    }
    bits
}
