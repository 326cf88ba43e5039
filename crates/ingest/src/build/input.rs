//! What a build starts from, and how it can be watched.

use crate::admission::accept::Accept;
use crate::admission::new_hits::LogIndicators;
use crate::catalog::Catalog;
use crate::report::FeedReport;
use rapsheet_assemble::{Scratch, SizeLimits};
use rapsheet_snapshot::{Snapshot, Time};
use std::path::Path;

/// What a build starts from.
///
/// ```
/// use rapsheet_ingest::build::BuildInput;
/// use rapsheet_ingest::catalog::Catalog;
/// use rapsheet_snapshot::Time;
/// use std::path::Path;
///
/// let catalog = Catalog::parse("", "empty.toml")?;
/// let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("an instant");
/// let mut input = BuildInput::new(&catalog, Path::new("downloads"), now, "my program 1.0");
/// input.allow_older = true;
/// # Ok::<(), rapsheet_ingest::catalog::CatalogError>(())
/// ```
#[non_exhaustive]
pub struct BuildInput<'a> {
    /// Which feeds there are.
    pub catalog: &'a Catalog,
    /// The folder with their downloads.
    pub downloads: &'a Path,
    /// The previous snapshot, whose sightings are carried over.
    pub previous: Option<&'a Snapshot>,
    /// The snapshot that the new one will replace, if that is not the previous one.
    pub replaced: Option<&'a Snapshot>,
    /// The bytes of the state file beside the previous snapshot.
    pub state: Option<&'a [u8]>,
    /// The instant of the build.
    pub now: Time,
    /// Held downloads that an operator accepts.
    pub accept: &'a [Accept],
    /// The feeds to read, by id; `None` for all that are enabled. What the previous snapshot holds of any other
    /// feed stays as it is.
    pub only: Option<&'a [String]>,
    /// Whether so much time may have passed since the previous build that all of it has expired.
    pub allow_gap: bool,
    /// Whether the build may be earlier than the previous one, and take downloads older than that one's.
    pub allow_older: bool,
    /// The indicators of an operator's logs. The report says what the build newly flags among them, and feeds
    /// that flag more than their limit are held. This takes a copy of the new snapshot in memory, and where a
    /// feed is held a second build.
    pub against: Option<&'a LogIndicators>,
    /// How many hits a feed may newly flag whose guards say nothing of it.
    pub max_new_hits: Option<u64>,
    /// Named in the snapshot as its writer.
    pub generator: &'a str,
    /// The largest snapshot to build.
    pub limits: SizeLimits,
    /// How much memory the build may take, in bytes. Rows that do not fit go to a file without a name beside
    /// `spill_near`. What a snapshot needs while it is encoded, and the snapshot itself, are not bounded.
    pub max_memory: u64,
    /// The file beside which rows go that do not fit `max_memory`: that of the snapshot. Without it, all rows stay
    /// in memory.
    pub spill_near: Option<&'a Path>,
}

impl<'a> BuildInput<'a> {
    /// The input of a first build, which has no previous snapshot and accepts no held download.
    pub fn new(catalog: &'a Catalog, downloads: &'a Path, now: Time, generator: &'a str) -> BuildInput<'a> {
        BuildInput {
            catalog,
            downloads,
            previous: None,
            replaced: None,
            state: None,
            now,
            accept: &[],
            only: None,
            allow_gap: false,
            allow_older: false,
            against: None,
            max_new_hits: None,
            generator,
            limits: SizeLimits::default(),
            max_memory: u64::MAX,
            spill_near: None,
        }
    }

    /// Whether a feed is to be read.
    pub(super) fn reads(&self, id: &str) -> bool {
        self.only.is_none_or(|only| only.iter().any(|chosen| chosen == id))
    }

    /// The memory for rows, and where the others go. Rows are most of what a build holds before it encodes them; the
    /// other half is for what is read, and for what the rows become.
    pub(super) fn scratch(&self) -> Scratch {
        match self.spill_near {
            Some(target) => Scratch::new(self.max_memory / 2, target),
            None => Scratch::unlimited(),
        }
    }

    /// The snapshots that neither this build nor its downloads may be older than.
    pub(super) fn predecessors(&self) -> impl Iterator<Item = &'a Snapshot> {
        [self.previous, self.replaced].into_iter().flatten().filter(|_| !self.allow_older)
    }
}

/// The stages of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading downloads.
    Read,
    /// Carrying over the previous snapshot and the state file.
    Carry,
    /// Merging, and composing the snapshot.
    Merge,
}

/// Watches a build. Its methods are called on many threads.
pub trait Observer: Sync {
    /// A stage begins, in a build of so many feeds.
    fn stage_begins(&self, stage: Stage, feeds: usize);
    /// A feed is about to be read.
    fn feed_begins(&self, id: &str);
    /// So many bytes of a feed were read, after decompression.
    fn bytes_read(&self, count: u64);
    /// A feed was read, or could not be. Its counts of accepted indicators are not known yet.
    fn feed_ends(&self, report: &FeedReport);
}

/// Ignores everything.
pub struct NoObserver;

impl Observer for NoObserver {
    fn stage_begins(&self, _: Stage, _: usize) {}
    fn feed_begins(&self, _: &str) {}
    fn bytes_read(&self, _: u64) {}
    fn feed_ends(&self, _: &FeedReport) {}
}
