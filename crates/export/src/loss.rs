//! What a format could not say, by kind and feed, with examples.

use crate::indicator::Indicator;
use rapsheet_snapshot::{FeedId, Snapshot};
use serde::Serialize;

/// How many examples there are of each kind and feed.
const EXAMPLES_MAX: usize = 3;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LossKind {
    /// An address, in a format of names.
    Address,
    /// A name, in a format of addresses.
    Name,
    /// A URL, or its scheme.
    Url,
    /// The names below a name, or a name of which only those below are listed.
    Scope,
    /// An allowlisted entry, in a format without exceptions.
    Exception,
    /// When an entry ends.
    Time,
    /// What the syntax has no way to write.
    Syntax,
    /// An entry beyond the limit.
    MaxEntries,
    /// An entry of a feed whose licence forbids redistribution.
    Restricted,
}

impl LossKind {
    /// All kinds, in the order of their discriminants.
    const ALL: [LossKind; 9] = [
        LossKind::Address,
        LossKind::Name,
        LossKind::Url,
        LossKind::Scope,
        LossKind::Exception,
        LossKind::Time,
        LossKind::Syntax,
        LossKind::MaxEntries,
        LossKind::Restricted,
    ];

    /// Its word in reports.
    pub const fn word(self) -> &'static str {
        match self {
            LossKind::Address => "address",
            LossKind::Name => "name",
            LossKind::Url => "url",
            LossKind::Scope => "scope",
            LossKind::Exception => "exception",
            LossKind::Time => "time",
            LossKind::Syntax => "syntax",
            LossKind::MaxEntries => "max-entries",
            LossKind::Restricted => "restricted",
        }
    }
}

/// What was lost of one kind.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct KindLoss {
    /// The kind.
    pub kind: LossKind,
    /// How many entries lost it. Neighbouring addresses that are listed alike are one entry.
    pub count: u64,
    /// The feeds that list them, in their order in the snapshot.
    pub feeds: Vec<FeedLoss>,
}

/// What was lost of one kind and feed.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct FeedLoss {
    /// The id of the feed.
    pub feed: String,
    /// How many entries of it lost this.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// A count, and the first of what was counted.
#[derive(Clone, Default)]
struct Count {
    count: u64,
    examples: Vec<String>,
}

/// Counts losses.
#[derive(Default)]
pub(crate) struct Losses {
    totals: [u64; LossKind::ALL.len()],
    /// A row for each feed so far that lost anything, a cell for each kind.
    feeds: Vec<[Count; LossKind::ALL.len()]>,
}

impl Losses {
    /// Counts one entry of these feeds.
    pub(crate) fn add(&mut self, kind: LossKind, feeds: &[FeedId], indicator: &Indicator<'_>) {
        if let Some(total) = self.totals.get_mut(kind as usize) {
            *total += 1;
        }
        for feed in feeds {
            let feed = usize::from(feed.0);
            if self.feeds.len() <= feed {
                self.feeds.resize_with(feed + 1, Default::default);
            }
            let Some(of_kind) = self.feeds.get_mut(feed).and_then(|row| row.get_mut(kind as usize)) else {
                continue;
            };
            of_kind.count += 1;
            if of_kind.examples.len() < EXAMPLES_MAX {
                of_kind.examples.push(indicator.to_string());
            }
        }
    }

    /// The kinds of which anything was lost.
    pub(crate) fn by_kind(&self, snapshot: &Snapshot) -> Vec<KindLoss> {
        let count = |kind: LossKind| self.totals.get(kind as usize).copied().unwrap_or(0);
        let loss = |kind| KindLoss { kind, count: count(kind), feeds: self.by_feed(kind, snapshot) };
        self.kinds().map(loss).collect()
    }

    /// The kinds of which anything was lost, without what.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = LossKind> {
        LossKind::ALL.into_iter().zip(self.totals).filter(|(_, count)| *count > 0).map(|(kind, _)| kind)
    }

    fn by_feed(&self, kind: LossKind, snapshot: &Snapshot) -> Vec<FeedLoss> {
        let of_kind = |(feed, row): (&rapsheet_snapshot::FeedRecord, &[Count; LossKind::ALL.len()])| {
            let Count { count, examples } = row.get(kind as usize)?.clone();
            (count > 0).then(|| FeedLoss { feed: feed.id.clone(), count, examples })
        };
        snapshot.origin().feeds.iter().zip(&self.feeds).filter_map(of_kind).collect()
    }
}
