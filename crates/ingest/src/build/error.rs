//! Why a snapshot could not be built.

use crate::sighting::previous_snapshot::CarryError;
use crate::sighting::state_file::{ReadError, StateError};
use rapsheet_assemble::AssembleError;
use rapsheet_snapshot::{Error, Time, TooLarge};
use std::fmt;

/// Why a snapshot could not be built.
#[derive(Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// The state file cannot be used.
    State(StateError),
    /// The previous snapshot cannot be walked to its end.
    CorruptPrevious,
    /// The contents exceed what a snapshot can hold.
    TooLarge(TooLarge),
    /// Rows that do not fit the memory could not be written to a file, or read from it.
    Spill(Error),
    /// The new snapshot could not be read back, to compare it with logs.
    Unreadable(Error),
    /// The previous snapshot is later than this build.
    ClockBack {
        /// The instant of this build.
        now: Time,
        /// The instant of the previous one.
        before: Time,
    },
    /// Everything that the previous snapshot held would expire at once, and no list confirms the clock.
    ClockAhead {
        /// The instant of this build.
        now: Time,
        /// The instant of the previous one.
        before: Time,
        /// How many sightings would expire.
        sightings: u64,
    },
    /// No download is newer than the one that the previous snapshot holds, and one is older.
    OlderInputs {
        /// A feed whose download is older.
        feed: String,
        /// When the download was retrieved.
        found: Time,
        /// When the download in the snapshot was retrieved.
        last: Time,
    },
}

impl From<TooLarge> for BuildError {
    fn from(error: TooLarge) -> BuildError {
        BuildError::TooLarge(error)
    }
}

impl From<AssembleError> for BuildError {
    fn from(error: AssembleError) -> BuildError {
        match error {
            AssembleError::TooLarge(error) => BuildError::TooLarge(error),
            AssembleError::Scratch(error) => BuildError::Spill(error),
        }
    }
}

impl From<CarryError> for BuildError {
    fn from(error: CarryError) -> BuildError {
        match error {
            CarryError::Corrupt => BuildError::CorruptPrevious,
            CarryError::TooLarge(error) => BuildError::TooLarge(error),
        }
    }
}

impl From<ReadError> for BuildError {
    fn from(error: ReadError) -> BuildError {
        match error {
            ReadError::State(error) => BuildError::State(error),
            ReadError::TooLarge(error) => BuildError::TooLarge(error),
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::State(error) => error.fmt(f),
            BuildError::CorruptPrevious => f.write_str(
                "the previous snapshot cannot be walked to its end: name another with --previous, or start \
                 afresh with `--previous none`",
            ),
            BuildError::TooLarge(error) => {
                write!(f, "the snapshot is too large: {error}; disable a large feed in the catalogue")
            }
            BuildError::Spill(error) => write!(
                f,
                "the rows do not fit --max-memory, and the others could not go to a file: {error}; make room \
                 there, or build with a larger --max-memory"
            ),
            BuildError::Unreadable(error) => {
                write!(f, "the new snapshot could not be read back: {error}; report this")
            }
            BuildError::ClockBack { now, before } => write!(
                f,
                "it is {now}, and the snapshot was built at {before}: did the clock jump back? Set it, or replace \
                 the newer snapshot with --replace-newer"
            ),
            BuildError::ClockAhead { now, before, sightings } => write!(
                f,
                "it is {now}, and the snapshot was built at {before}: all its sightings ({sightings}) would expire at \
                 once, and no list states a time near {now}. Did the clock jump ahead? Set it; or, if so much time \
                 has passed, build with --accept-clock"
            ),
            BuildError::OlderInputs { feed, found, last } => write!(
                f,
                "the downloads are older than the snapshot: {feed} was retrieved at {found}, and the snapshot \
                 holds its download of {last}; fetch them again, or replace the newer snapshot with \
                 --replace-newer"
            ),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::State(error) => Some(error),
            BuildError::TooLarge(error) => Some(error),
            BuildError::Spill(error) | BuildError::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}
