//! The figures of each feed, and of each pair of feeds.

use crate::ages::Ages;
use crate::cover::{self, Cover, CoverShare};
use crate::feeds::{Feeds, Position};
use crate::walk::{Lister, Visitor, walk};
use crate::{LedgerError, Options};
use rapsheet_snapshot::{FeedId, Snapshot, Time};
use std::collections::HashMap;

/// How many numbers all combinations of feeds may take together, at two bytes each.
const COMBINATIONS_MAX: usize = 32 << 20;
/// What a combination takes beside its feeds, in such numbers.
const COMBINATION_OVERHEAD: usize = 24;

/// What each feed lists, and what it shares with the others.
///
/// ```
/// # use rapsheet_ledger::{Ledger, Options};
/// # use rapsheet_snapshot::Snapshot;
/// let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// let ledger = Ledger::of(&snapshot, &Options::new(snapshot.built_at()))?;
/// for feed in ledger.feeds() {
///     println!("{:?}: {} entries, {} of them in no other feed", feed.feed, feed.entries, feed.unique);
/// }
/// assert!(ledger.indicators() > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Ledger {
    feeds: Vec<FeedFigures>,
    /// The entries of each feed that each feed covers, row by row.
    pairs: Vec<u64>,
    indicators: u64,
    addresses: u64,
    /// How many indicators each combination of feeds covers.
    combinations: HashMap<Box<[Position]>, u64>,
}

/// The figures of one feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedFigures {
    /// The feed.
    pub feed: FeedId,
    /// How many indicators it lists.
    pub entries: u64,
    /// How many of them no other feed covers.
    pub unique: u64,
    /// How many IPv4 addresses its entries cover, each counted once.
    pub addresses: u64,
    /// How many of them no other feed covers.
    pub addresses_unique: u64,
    /// The median of `now - first_seen`, in seconds, rounded down to the hour; `None` if it lists nothing.
    pub median_age_seconds: Option<i64>,
}

impl Ledger {
    /// Counts what is live.
    ///
    /// # Errors
    /// The snapshot is corrupt, or the chosen feeds are too many.
    pub fn of(snapshot: &Snapshot, options: &Options) -> Result<Ledger, LedgerError> {
        let feeds = Feeds::new(snapshot, options)?;
        let mut counters = Counters::new(&feeds);
        walk(snapshot, &feeds, &mut counters)?;
        if counters.combination_len > COMBINATIONS_MAX {
            return Err(LedgerError::TooManyCombinations(counters.ledger.combinations.len()));
        }
        let Counters { mut ledger, ages, .. } = counters;
        for (feed, ages) in ledger.feeds.iter_mut().zip(ages) {
            feed.median_age_seconds = ages.median();
        }
        Ok(ledger)
    }

    /// The figures of each feed that is compared, in the order of the snapshot.
    pub fn feeds(&self) -> &[FeedFigures] {
        &self.feeds
    }

    /// How many distinct indicators the feeds list together. The same name with another scope is another
    /// indicator.
    pub fn indicators(&self) -> u64 {
        self.indicators
    }

    /// How many IPv4 addresses the feeds cover together.
    pub fn addresses(&self) -> u64 {
        self.addresses
    }

    /// How many entries of one feed another one covers; both by their positions in [`Ledger::feeds`].
    pub fn overlap(&self, feed: usize, other: usize) -> u64 {
        let is_feed = other < self.feeds.len();
        is_feed.then(|| self.pairs.get(feed * self.feeds.len() + other)).flatten().copied().unwrap_or(0)
    }

    /// Chooses feeds, one after another, each time the one that covers most of what is not covered yet, until
    /// they cover the share of all indicators. This is greedy: there may be a smaller set.
    pub fn cover(&self, share: CoverShare) -> Cover {
        let entries: Vec<u64> = self.feeds.iter().map(|feed| feed.entries).collect();
        cover::choose(&self.combinations, &entries, self.indicators, share)
    }
}

/// Counts what a walk visits.
struct Counters {
    ledger: Ledger,
    ages: Vec<Ages>,
    now: Time,
    /// What the combinations take, in numbers of two bytes.
    combination_len: usize,
}

impl Counters {
    fn new(feeds: &Feeds) -> Counters {
        let figures = |feed: &FeedId| FeedFigures {
            feed: *feed,
            entries: 0,
            unique: 0,
            addresses: 0,
            addresses_unique: 0,
            median_age_seconds: None,
        };
        let ledger = Ledger {
            feeds: feeds.ids().iter().map(figures).collect(),
            pairs: vec![0; feeds.len() * feeds.len()],
            indicators: 0,
            addresses: 0,
            combinations: HashMap::new(),
        };
        let ages = vec![Ages::default(); feeds.len()];
        Counters { ledger, ages, now: feeds.now(), combination_len: 0 }
    }

    /// Counts a combination of feeds. Past the limit new ones are left out, and there will be no ledger.
    fn combination(&mut self, covering: &[Position], count: u64) {
        if let Some(sum) = self.ledger.combinations.get_mut(covering) {
            return add(sum, count);
        }
        if self.combination_len <= COMBINATIONS_MAX {
            self.combination_len += covering.len() + COMBINATION_OVERHEAD;
            self.ledger.combinations.insert(covering.into(), count);
        }
    }
}

impl Visitor for Counters {
    fn indicators(&mut self, listers: &[Lister], covering: &[Position], count: u64) {
        self.combination(covering, count);
        let ledger = &mut self.ledger;
        add(&mut ledger.indicators, count);
        for lister in listers {
            let feed = usize::from(lister.feed);
            if let (Some(figures), Some(ages)) = (ledger.feeds.get_mut(feed), self.ages.get_mut(feed)) {
                add(&mut figures.entries, count);
                add(&mut figures.unique, if covering.len() == 1 { count } else { 0 });
                ages.add(self.now.unix().saturating_sub(lister.first_seen.unix()), count);
            }
            let row = feed * ledger.feeds.len();
            for other in covering {
                ledger.pairs.get_mut(row + usize::from(*other)).into_iter().for_each(|sum| add(sum, count));
            }
        }
    }

    fn addresses(&mut self, covering: &[Position], count: u64) {
        add(&mut self.ledger.addresses, count);
        for feed in covering {
            if let Some(figures) = self.ledger.feeds.get_mut(usize::from(*feed)) {
                add(&mut figures.addresses, count);
                add(&mut figures.addresses_unique, if covering.len() == 1 { count } else { 0 });
            }
        }
    }
}

/// Adds to a sum, which a forged snapshot may make as large as it can be.
fn add(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}
