//! What a command answers from: the snapshot at a path, and the next one that is published there; or lists of
//! one's own, as a snapshot in memory.

use crate::exit::Failure;
use crate::settings::{Settings, with_remedy};
use rapsheet_snapshot::{Error, ReloadingSnapshot, Snapshot, SnapshotGuard};
use std::ops::Deref;
use std::path::PathBuf;

/// The source of answers.
pub(crate) enum Answers {
    /// The newest snapshot at a path.
    Published(ReloadingSnapshot),
    /// Lists, which were read when the command began.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    Lists(Box<Snapshot>),
}

/// The snapshot that is current; a new one does not replace it while this is held.
pub(crate) enum Current<'a> {
    Published(SnapshotGuard),
    Lists(&'a Snapshot),
}

impl Deref for Current<'_> {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        match self {
            Current::Published(guard) => guard,
            Current::Lists(snapshot) => snapshot,
        }
    }
}

impl Answers {
    /// Reads the lists, or opens and verifies the snapshot where there are none.
    pub(crate) fn open(lists: &[PathBuf], settings: &Settings) -> Result<Answers, Failure> {
        if lists.is_empty() {
            let opened = ReloadingSnapshot::open(&settings.snapshot);
            return opened.map(Answers::Published).map_err(|error| Failure::refused(with_remedy(&error)));
        }
        of_lists(lists, settings)
    }

    /// The current snapshot.
    pub(crate) fn current(&self) -> Current<'_> {
        match self {
            Answers::Published(reloading) => Current::Published(reloading.current()),
            Answers::Lists(snapshot) => Current::Lists(snapshot),
        }
    }

    /// Makes a snapshot current that was published since. Returns whether there is one.
    pub(crate) fn refresh(&self) -> Result<bool, Error> {
        match self {
            Answers::Published(reloading) => reloading.refresh(),
            Answers::Lists(_) => Ok(false),
        }
    }
}

#[cfg(feature = "ingest")]
fn of_lists(lists: &[PathBuf], settings: &Settings) -> Result<Answers, Failure> {
    Ok(Answers::Lists(Box::new(crate::lists::snapshot(lists, settings)?)))
}

/// An edge build has no parsers; its `--list` takes no value.
#[cfg(not(feature = "ingest"))]
fn of_lists(_: &[PathBuf], _: &Settings) -> Result<Answers, Failure> {
    Err(Failure::usage("--list needs a full build of rapsheet"))
}
