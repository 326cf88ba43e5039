//! What holds for a whole run: the snapshot's path, the instant, threads, how much to say.

use crate::args::Global;
use crate::color::{Color, When};
use crate::exit::{Failure, tell};
use rapsheet_snapshot::{Error, Snapshot, Time};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

/// The global flags, decided.
pub(crate) struct Setting {
    /// The snapshot that commands read.
    pub(crate) snapshot: PathBuf,
    /// The instant.
    pub(crate) now: Time,
    /// How many threads work.
    pub(crate) threads: usize,
    /// Whether only errors are told.
    pub(crate) quiet: bool,
    /// Whether details are told too.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    pub(crate) verbose: bool,
    /// Colour of what goes to stdout.
    pub(crate) color: Color,
    /// Whether progress is shown.
    #[cfg_attr(not(feature = "ingest"), allow(dead_code))]
    pub(crate) progress: When,
}

impl Setting {
    /// Decides what the flags left open; `clock` is the instant where no `--now` names another.
    pub(crate) fn new(global: Global, clock: Time) -> Setting {
        let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Setting {
            snapshot: global.snapshot,
            now: global.now.unwrap_or(clock),
            threads: global.threads.map_or_else(cores, usize::from),
            quiet: global.quiet,
            verbose: global.verbose,
            color: Color::of_stdout(global.color),
            progress: global.progress,
        }
    }

    /// Opens the snapshot, every byte verified.
    pub(crate) fn open(&self) -> Result<Snapshot, Failure> {
        Snapshot::open(&self.snapshot).map_err(|error| Failure::refused(with_remedy(&error)))
    }

    /// Says something that is no error, unless people asked for quiet.
    pub(crate) fn note(&self, message: &str) {
        if !self.quiet {
            tell(message);
        }
    }
}

fn with_remedy(error: &Error) -> String {
    match error {
        Error::Io { .. } => format!("{error}; build one with `rapsheet build`, or name one with --snapshot"),
        _ => error.to_string(),
    }
}
