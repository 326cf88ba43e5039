//! From sightings to statuses: what is live at an instant, and what that makes of each provider and of all.
//!
//! Millions of entries share a few thousand record sets, and at one instant a set always says the same. So a
//! set is judged once, when it is first met, and a look-up's expiry test is one load. Sets with times of
//! their own are the exception: their entries are judged one by one, just as exactly.

use crate::lookup::{Hit, Matched};
use rapsheet_snapshot::section::records::When;
use rapsheet_snapshot::{FeedId, Index, Kinds, ListKind, Scope, Snapshot, Status, Time};
use std::sync::atomic::{AtomicU8, Ordering};

/// What a set says at the instant of its [`Verdicts`], as bits; 0 is "not judged yet".
mod bit {
    pub(super) const JUDGED: u8 = 1;
    pub(super) const SELF_BLOCK: u8 = 2;
    pub(super) const SELF_ALLOW: u8 = 4;
    pub(super) const BELOW_BLOCK: u8 = 8;
    pub(super) const BELOW_ALLOW: u8 = 16;
    pub(super) const OWN_TIMES: u8 = 32;
}

/// A provider: all its feeds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, written as a host.
    pub name: String,
    /// When the newest download of any of its feeds was retrieved.
    pub update_time: Option<Time>,
    /// The kinds of indicator that its feeds list.
    pub kinds: Kinds,
    /// The kinds for which a feed of it is failed, held or stale.
    pub stale_kinds: Kinds,
}

/// The instant of a judgement, and everything that holds for all questions at it.
pub struct Verdicts {
    at: Time,
    sets: Vec<AtomicU8>,
    retentions: Vec<i64>,
    stale: Vec<bool>,
    provider_of: Vec<u16>,
    providers: Vec<Provider>,
    /// The status of what nobody lists, by the bits of the kinds that were asked.
    unlisted: [Status; 16],
}

impl Verdicts {
    /// Prepares to judge a snapshot at an instant. Costs a little per feed, and nothing per entry.
    pub fn new(snapshot: &Snapshot, at: Time) -> Verdicts {
        let feeds = &snapshot.origin().feeds;
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
            provider_of.push(at as u16);
        }
        let sets = std::iter::repeat_with(|| AtomicU8::new(0)).take(snapshot.index().set_count()).collect();
        let retentions = feeds.iter().map(|feed| feed.retention_seconds).collect();
        let unlisted = std::array::from_fn(|bits| unlisted(&providers, Kinds::from_bits(bits as u8)));
        Verdicts { at, sets, retentions, stale, provider_of, providers, unlisted }
    }

    /// The instant.
    pub fn at(&self) -> Time {
        self.at
    }

    /// The providers, by name.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The position of a feed's provider.
    pub fn provider_of(&self, feed: FeedId) -> usize {
        self.provider_of.get(usize::from(feed.0)).copied().map_or(0, usize::from)
    }

    /// A feed's retention, in seconds.
    pub fn retention_seconds(&self, feed: FeedId) -> i64 {
        self.retentions.get(usize::from(feed.0)).copied().unwrap_or(0)
    }

    /// Whether a feed is failed, held or stale.
    pub fn is_stale(&self, feed: FeedId) -> bool {
        self.stale.get(usize::from(feed.0)).copied().unwrap_or(false)
    }

    /// Whether an entry blocks, and whether it allows, what a hit asked of it.
    #[inline]
    pub fn of_hit(&self, index: &Index<'_>, hit: &Hit) -> (bool, bool) {
        let set = index.set_of(hit.entry);
        let Some(cell) = self.sets.get(set as usize) else { return (false, false) };
        let mut bits = cell.load(Ordering::Relaxed);
        if bits == 0 {
            bits = self.judge(index, set);
            cell.store(bits, Ordering::Relaxed);
        }
        if bits & bit::OWN_TIMES != 0 {
            return self.judge_entry(index, hit);
        }
        match hit.matched.is_below() {
            false => (bits & bit::SELF_BLOCK != 0, bits & bit::SELF_ALLOW != 0),
            true => (bits & bit::BELOW_BLOCK != 0, bits & bit::BELOW_ALLOW != 0),
        }
    }

    fn judge(&self, index: &Index<'_>, set: u32) -> u8 {
        let mut bits = bit::JUDGED;
        for record in index.records_of(set) {
            let When::Shared(row) = record.when else { return bit::JUDGED | bit::OWN_TIMES };
            let retention = self.retention_seconds(record.feed);
            if index.shared_times(row).is_some_and(|times| times.live(self.at, retention)) {
                bits |= bits_of(record.list, record.scope);
            }
        }
        bits
    }

    fn judge_entry(&self, index: &Index<'_>, hit: &Hit) -> (bool, bool) {
        let (mut block, mut allow) = (false, false);
        for sighting in index.sightings(hit.entry) {
            let live = sighting.times.live(self.at, self.retention_seconds(sighting.feed));
            if live && sighting.scope.covers(hit.matched.is_below()) {
                block |= sighting.list == ListKind::Block;
                allow |= sighting.list == ListKind::Allow;
            }
        }
        (block, allow)
    }

    /// The overall status of a question of these kinds that some live sighting blocks or allows, or none does.
    #[inline]
    pub fn overall(&self, kinds: Kinds, block: bool, allow: bool) -> Status {
        match (block, allow) {
            (true, _) => Status::Blocked,
            (false, true) => Status::Allowed,
            (false, false) => {
                self.unlisted.get(usize::from(kinds.bits())).copied().unwrap_or(Status::Unknown)
            }
        }
    }
}

/// The status of what nobody lists: failed if every provider that could list it is.
fn unlisted(providers: &[Provider], kinds: Kinds) -> Status {
    let mut applicable = providers.iter().filter(|provider| provider.kinds.meets(kinds)).peekable();
    let failed = applicable.peek().is_some() && applicable.all(|provider| provider.stale_kinds.meets(kinds));
    if failed { Status::Failed } else { Status::Unknown }
}

impl Matched {
    /// Whether the name that was asked lies below the entry's.
    pub fn is_below(self) -> bool {
        matches!(self, Matched::Name { below: true, .. })
    }
}

impl Provider {
    fn named(name: &str) -> Provider {
        Provider { name: name.to_owned(), update_time: None, kinds: Kinds::NONE, stale_kinds: Kinds::NONE }
    }

    fn add(&mut self, kinds: Kinds, update_time: Option<Time>, stale: bool) {
        self.kinds = self.kinds.union(kinds);
        self.update_time = self.update_time.max(update_time);
        if stale {
            self.stale_kinds = self.stale_kinds.union(kinds);
        }
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
