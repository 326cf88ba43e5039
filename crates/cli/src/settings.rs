//! What holds for a whole run: the snapshot's path, the instant, threads, verbosity.

use crate::args::Global;
use crate::color::{Color, When};
use crate::exit::{Failure, print_stderr};
use rapsheet_snapshot::{Error, Snapshot, Time};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

/// The global flags with their defaults resolved.
pub(crate) struct Settings {
    /// The snapshot that commands read.
    pub(crate) snapshot: PathBuf,
    /// Whether an argument names it, and not the environment or the default.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    pub(crate) snapshot_is_named: bool,
    /// The present instant.
    pub(crate) now: Time,
    /// The clock, unless `--now` gives the instant.
    clock: Option<fn() -> Time>,
    /// The number of worker threads.
    pub(crate) threads: usize,
    /// Whether stderr gets only errors.
    pub(crate) quiet: bool,
    /// Whether stderr gets details.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    pub(crate) verbose: bool,
    /// Whether stdout is coloured.
    pub(crate) color: Color,
    /// When progress is shown.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    pub(crate) progress: When,
}

impl Settings {
    /// Resolves defaults; `clock` tells the present where `--now` gives no other.
    pub(crate) fn new(global: Global, snapshot_is_named: bool, clock: fn() -> Time) -> Settings {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Settings {
            snapshot: global.snapshot,
            snapshot_is_named,
            now: global.now.unwrap_or_else(clock),
            clock: global.now.is_none().then_some(clock),
            threads: global.threads.map_or_else(cores, usize::from),
            quiet: global.quiet,
            verbose: global.verbose,
            color: Color::of_stdout(global.color),
            progress: global.progress,
        }
    }

    /// The present instant, which moves unless `--now` gives it.
    pub(crate) fn instant(&self) -> Time {
        self.clock.map_or(self.now, |clock| clock())
    }

    /// The instant that `--now` gives.
    #[cfg(feature = "remote")]
    pub(crate) fn given_now(&self) -> Option<Time> {
        self.clock.is_none().then_some(self.now)
    }

    /// The clock, for what outlives the settings.
    #[cfg(feature = "serve")]
    pub(crate) fn clock(&self) -> impl Fn() -> Time + Send + Sync + 'static {
        let (now, clock) = (self.now, self.clock);
        move || clock.map_or(now, |clock| clock())
    }

    /// Opens the snapshot and verifies every checksum.
    pub(crate) fn open(&self) -> Result<Snapshot, Failure> {
        self.open_at(&self.snapshot)
    }

    /// Opens the snapshot at another path, and verifies every checksum.
    pub(crate) fn open_at(&self, path: &Path) -> Result<Snapshot, Failure> {
        Snapshot::open(path).map_err(|error| Failure::unopened(&error, with_remedy(&error)))
    }

    /// Prints a message on stderr that is no error, unless `--quiet`.
    pub(crate) fn note(&self, message: &str) {
        if !self.quiet {
            print_stderr(message);
        }
    }
}

/// The message of an error, with what to do where there is no snapshot.
pub(crate) fn with_remedy(error: &Error) -> String {
    match error {
        Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => format!(
            "{}: no such file; build a snapshot with `rapsheet build`, or name one with --snapshot",
            path.display()
        ),
        Error::Io { .. } => format!("{error}; name another with --snapshot"),
        _ => error.to_string(),
    }
}
