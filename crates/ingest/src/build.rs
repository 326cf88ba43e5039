//! The night, in one readable function.

use crate::catalog::Catalog;
use crate::report::{FeedReport, RejectRow, Report};
use snapshot::{Image, Snapshot, Time};
use std::path::Path;

/// What a night starts from.
pub struct Night<'a> {
    /// Which feeds there are.
    pub catalog: &'a Catalog,
    /// The folder that they were downloaded to.
    pub downloads: &'a Path,
    /// The snapshot of the night before, if there was one.
    pub previous: Option<&'a Snapshot>,
    /// The rows of the last accepted downloads of accumulated feeds, if they are known.
    pub state: Option<&'a Snapshot>,
    /// The instant of the build.
    pub now: Time,
    /// Named in the snapshot as its writer.
    pub generator: &'a str,
}

/// The stages of a night after the feeds were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading downloads.
    Read,
    /// Carrying yesterday over.
    Carry,
    /// Sorting and merging.
    Merge,
    /// Laying out sections.
    Encode,
}

/// Watches a night; called from many threads.
pub trait Watcher: Sync {
    /// A stage begins; `of` is the number of feeds to read in [`Stage::Read`].
    fn stage(&self, stage: Stage, of: usize);
    /// So many bytes of a feed were read, after decompression.
    fn bytes(&self, count: u64);
    /// A feed was read, or could not be; its counts of accepted indicators are not known yet.
    fn feed(&self, report: &FeedReport);
}

/// Nobody watches.
pub struct Unwatched;

impl Watcher for Unwatched {
    fn stage(&self, _: Stage, _: usize) {}
    fn bytes(&self, _: u64) {}
    fn feed(&self, _: &FeedReport) {}
}

/// What a night came to.
pub struct Built {
    /// The snapshot, to be published.
    pub image: Image,
    /// The rows of accumulated feeds, to be published beside it first.
    pub state: Image,
    /// What happened.
    pub report: Report,
    /// Rejected lines, by feed and line, capped by [`crate::report::REJECTS_MAX`] a feed.
    pub rejects: Vec<RejectRow>,
}

/// Builds one night.
pub fn build(_night: &Night<'_>, _watcher: &dyn Watcher) -> Result<Built, snapshot::Error> {
    Err(snapshot::Error::TooMuch("not yet"))
}
