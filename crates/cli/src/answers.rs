//! What a command answers from: the snapshot at a path, for a command that lives long also the next one that is
//! published there; or lists of one's own, as a snapshot in memory.

use crate::exit::Failure;
use crate::settings::{Settings, with_remedy};
use rapsheet_snapshot::{Error, ReloadingSnapshot, Snapshot, SnapshotGuard};
use std::ops::Deref;
use std::path::PathBuf;

/// The source of answers.
pub(crate) enum Answers {
    /// The newest snapshot at a path.
    Newest(Box<ReloadingSnapshot>),
    /// One snapshot.
    Fixed(Box<Snapshot>),
}

/// The snapshot that is current; a new one does not replace it while this is held.
pub(crate) enum Current<'a> {
    Newest(SnapshotGuard),
    Fixed(&'a Snapshot),
}

impl Deref for Current<'_> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        match self {
            Current::Newest(guard) => guard,
            Current::Fixed(snapshot) => snapshot,
        }
    }
}

impl Answers {
    /// For a command that ends with its input: reads the lists, or opens the snapshot where there are none.
    pub(crate) fn open(lists: &[PathBuf], settings: &Settings) -> Result<Answers, Failure> {
        let snapshot = if lists.is_empty() { settings.open()? } else { of_lists(lists, settings)? };
        Ok(Answers::Fixed(Box::new(snapshot)))
    }

    /// For a command that waits for questions or lines: as [`Answers::open`], and renewed by [`Answers::refresh`].
    pub(crate) fn follow(lists: &[PathBuf], settings: &Settings) -> Result<Answers, Failure> {
        if !lists.is_empty() {
            return Answers::open(lists, settings);
        }
        let opened = ReloadingSnapshot::open(&settings.snapshot);
        opened
            .map(|opened| Answers::Newest(Box::new(opened)))
            .map_err(|error| Failure::unopened(&error, with_remedy(&error)))
    }

    /// The current snapshot.
    pub(crate) fn current(&self) -> Current<'_> {
        match self {
            Answers::Newest(reloading) => Current::Newest(reloading.current()),
            Answers::Fixed(snapshot) => Current::Fixed(snapshot),
        }
    }

    /// Makes a snapshot current that was published since. Returns whether there is one.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        match self {
            Answers::Newest(reloading) => reloading.refresh(),
            Answers::Fixed(_) => Ok(false),
        }
    }
}

#[cfg(feature = "ingest")]
fn of_lists(lists: &[PathBuf], settings: &Settings) -> Result<Snapshot, Failure> {
    crate::lists::snapshot(lists, settings)
}

/// An edge build has no parsers; its `--list` takes no value.
#[cfg(not(feature = "ingest"))]
fn of_lists(_: &[PathBuf], _: &Settings) -> Result<Snapshot, Failure> {
    Err(Failure::usage("--list needs a full build of rapsheet"))
}
