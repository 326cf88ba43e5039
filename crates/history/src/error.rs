//! Why a history could not be read or written. Each message names the file and the remedy.

use rapsheet_assemble::{AssembleError, SnapshotId};
use rapsheet_snapshot::{Error, Time, TooLarge};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A history could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The system reported an error.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operation, as a sentence needs it: "reading".
        doing: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// There is no history.
    Missing(PathBuf),
    /// The manifest is not one, or not whole.
    Manifest {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A snapshot or a segment cannot be read or written.
    Snapshot(Error),
    /// There is more than a segment can number.
    TooLarge(TooLarge),
    /// The snapshot is not newer than the last one.
    OutOfOrder {
        /// The folder.
        path: PathBuf,
        /// When the last snapshot of the history was built.
        last: Time,
        /// When this one was built.
        built_at: Time,
        /// Which one it is.
        id: SnapshotId,
    },
    /// Another process writes to the history.
    Busy(PathBuf),
}

impl HistoryError {
    pub(crate) fn io(path: &Path, doing: &'static str, source: io::Error) -> HistoryError {
        HistoryError::Io { path: path.to_owned(), doing, source }
    }

    pub(crate) fn manifest(
        path: &Path,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> HistoryError {
        HistoryError::Manifest {
            path: path.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryError::Io { path, doing, source } => {
                write!(f, "{}: {doing} failed: {source}", path.display())
            }
            HistoryError::Missing(path) => {
                let remedy = "`rapsheet build --history` begins one";
                write!(f, "{}: there is no history; {remedy}", path.display())
            }
            HistoryError::Manifest { path, expected, found } => {
                let remedy = "copy it back from a backup, or begin a history in another folder";
                write!(f, "{}: expected {expected}, found {found}; {remedy}", path.display())
            }
            HistoryError::Snapshot(error) => error.fmt(f),
            HistoryError::TooLarge(error) => write!(f, "the history is too large: {error}"),
            HistoryError::OutOfOrder { path, last, built_at, id } => {
                let remedy = "a history grows at its end alone: import older snapshots into another folder";
                let path = path.display();
                write!(
                    f,
                    "{path}: the last snapshot was built at {last}, and this one, {id}, at {built_at}; {remedy}"
                )
            }
            HistoryError::Busy(path) => {
                write!(f, "{}: another process writes to this history; wait for it to end", path.display())
            }
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HistoryError::Io { source, .. } => Some(source),
            HistoryError::Snapshot(error) => Some(error),
            HistoryError::TooLarge(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for HistoryError {
    fn from(error: Error) -> HistoryError {
        HistoryError::Snapshot(error)
    }
}

impl From<TooLarge> for HistoryError {
    fn from(error: TooLarge) -> HistoryError {
        HistoryError::TooLarge(error)
    }
}

impl From<AssembleError> for HistoryError {
    fn from(error: AssembleError) -> HistoryError {
        match error {
            AssembleError::TooLarge(error) => HistoryError::TooLarge(error),
            AssembleError::Scratch(error) => HistoryError::Snapshot(error),
        }
    }
}
