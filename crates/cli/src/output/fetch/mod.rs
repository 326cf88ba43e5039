//! What `fetch` prints and writes: a table for people, a report and metrics for programs.

mod metrics;
mod report;
mod table;

pub(crate) use metrics::metrics;
pub(crate) use report::report;
pub(crate) use table::{dry_run, failures, summary};

use rapsheet_fetch::Outcome;
use rapsheet_snapshot::Time;
use std::path::Path;

/// A run, as it is printed.
pub(crate) struct Results<'a> {
    /// The folder of downloads.
    pub(crate) downloads: &'a Path,
    /// When it was.
    pub(crate) at: Time,
    /// How long it took, in seconds.
    pub(crate) seconds: f64,
    /// What servers were verified with.
    pub(crate) tls_roots: &'a str,
    /// The proxy, if there is one.
    pub(crate) proxy: Option<&'a str>,
    /// A row for each feed.
    pub(crate) outcomes: &'a [Outcome],
    /// What else went wrong.
    pub(crate) warnings: &'a [String],
}

impl Results<'_> {
    fn count(&self, state: rapsheet_fetch::Verb) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.state == state).count()
    }

    fn sum(&self, bytes: fn(&Outcome) -> Option<u64>) -> u64 {
        let fetched = |outcome: &&Outcome| outcome.state == rapsheet_fetch::Verb::Fetched;
        self.outcomes.iter().filter(fetched).filter_map(bytes).sum()
    }
}
