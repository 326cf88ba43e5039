//! What each feed finds in logs, given the indicators that the logs contain.

use crate::feeds::{Feeds, Position};
use crate::{LedgerError, Options};
use rapsheet_query::Searcher;
use rapsheet_snapshot::{ListKind, Snapshot, Status};

/// An indicator, and how often logs contain it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRow<'a> {
    /// The indicator.
    pub indicator: &'a str,
    /// How often it was found.
    pub hits: u64,
}

/// What a feed finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogHits {
    /// How many indicators of the logs it lists.
    pub indicators: u64,
    /// How often they were found.
    pub hits: u64,
    /// How many indicators of the logs it alone lists.
    pub indicators_alone: u64,
    /// How often these were found.
    pub hits_alone: u64,
}

/// Looks indicators of logs up, each as `lookup` does, a URL also by its host. Returns what each feed finds,
/// in the order of [`Ledger::feeds`](crate::Ledger::feeds), and how many of the rows are no indicators.
///
/// # Errors
/// The chosen feeds are too many.
pub fn log_hits<'a>(
    snapshot: &Snapshot,
    options: &Options,
    rows: impl IntoIterator<Item = LogRow<'a>>,
) -> Result<(Vec<LogHits>, u64), LedgerError> {
    let feeds = Feeds::new(snapshot, options)?;
    let searcher = Searcher::new(snapshot, options.now);
    let status = if feeds.list() == ListKind::Block { Status::Blocked } else { Status::Allowed };
    let (mut found, mut unread) = (vec![LogHits::default(); feeds.len()], 0);
    for row in rows {
        let Ok(verdict) = searcher.lookup(row.indicator) else {
            unread += 1;
            continue;
        };
        let sources = verdict.sources.iter().filter(|source| source.status == status);
        let mut listers: Vec<Position> = sources.filter_map(|source| feeds.position(source.feed)).collect();
        listers.sort_unstable();
        listers.dedup();
        for feed in &listers {
            if let Some(hits) = found.get_mut(usize::from(*feed)) {
                hits.add(row.hits, listers.len() == 1);
            }
        }
    }
    Ok((found, unread))
}

impl LogHits {
    fn add(&mut self, hits: u64, is_alone: bool) {
        self.indicators += 1;
        self.hits = self.hits.saturating_add(hits);
        if is_alone {
            self.indicators_alone += 1;
            self.hits_alone = self.hits_alone.saturating_add(hits);
        }
    }
}
