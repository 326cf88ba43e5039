//! Why a snapshot could not be shipped, or what came is refused.

use rapsheet_assemble::AssembleError;
use rapsheet_assemble::SnapshotId;
use rapsheet_snapshot::{Error, TooLarge};
use std::{fmt, io};

/// A delta or a slim file could not be written, or is refused.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShipError {
    /// The system reported an error.
    Io {
        /// The operation, as a sentence needs it: "writing the delta".
        doing: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The bytes are no delta or slim file, or not a sound one.
    Malformed {
        /// What they should be: "delta", "slim file".
        what: &'static str,
        /// What the format requires.
        expected: String,
        /// What there is.
        found: String,
    },
    /// The delta leads from another snapshot than the one at hand.
    OtherSnapshot {
        /// The snapshot that it leads from.
        expected: SnapshotId,
        /// The one at hand.
        found: SnapshotId,
    },
    /// A snapshot cannot be read.
    Snapshot(Error),
    /// There is more than the format can number.
    TooLarge(TooLarge),
}

impl ShipError {
    pub(crate) fn malformed(
        what: &'static str,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> ShipError {
        ShipError::Malformed { what, expected: expected.to_string(), found: found.to_string() }
    }

    /// A delta has something that leads nowhere.
    pub(crate) fn unsound(found: &'static str) -> ShipError {
        ShipError::malformed("delta", "what leads to the new snapshot", found)
    }
}

impl fmt::Display for ShipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShipError::Io { doing, source } => write!(f, "{doing} failed: {source}"),
            ShipError::Malformed { what, expected, found } => {
                write!(f, "not a sound {what}: expected {expected}, found {found}; ")?;
                write!(f, "fetch it again, or take the whole snapshot")
            }
            ShipError::OtherSnapshot { expected, found } => {
                write!(f, "the delta leads from the snapshot with {expected}, and this one has {found}; ")?;
                write!(f, "take another delta, or the whole snapshot")
            }
            ShipError::Snapshot(error) => error.fmt(f),
            ShipError::TooLarge(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ShipError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ShipError::Io { source, .. } => Some(source),
            ShipError::Snapshot(error) => Some(error),
            ShipError::TooLarge(error) => Some(error),
            ShipError::Malformed { .. } | ShipError::OtherSnapshot { .. } => None,
        }
    }
}

impl From<TooLarge> for ShipError {
    fn from(error: TooLarge) -> ShipError {
        ShipError::TooLarge(error)
    }
}

impl From<Error> for ShipError {
    fn from(error: Error) -> ShipError {
        ShipError::Snapshot(error)
    }
}

impl From<AssembleError> for ShipError {
    fn from(error: AssembleError) -> ShipError {
        match error {
            AssembleError::TooLarge(error) => ShipError::TooLarge(error),
            AssembleError::Scratch(error) => ShipError::Snapshot(error),
        }
    }
}
