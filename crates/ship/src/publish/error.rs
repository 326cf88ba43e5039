//! Why a snapshot was not published.

use crate::error::ShipError;
use rapsheet_snapshot::Error;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// A snapshot that was not published. What was published before stays whole.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The name of the channel is none.
    Channel(String),
    /// The snapshot is not sound, or cannot be read.
    Snapshot(Error),
    /// A file could not be written.
    Write(Error),
    /// A file of the publication could not be made.
    Ship {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<ShipError>,
    },
    /// A file of an earlier publication is not what was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was expected, what was found, and the remedy.
        why: String,
    },
    /// The manifest could not be signed.
    Signing(String),
    /// The system reported an error.
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl PublishError {
    /// What makes an error of the system one of a file.
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> PublishError + '_ {
        |source| PublishError::Io { path: path.to_owned(), source }
    }

    /// What makes an error one of a file that could not be made.
    pub(super) fn ship(path: &Path) -> impl Fn(ShipError) -> PublishError + '_ {
        |source| PublishError::Ship { path: path.to_owned(), source: Box::new(source) }
    }

    /// A file of an earlier publication that is not what was written.
    pub(super) fn damaged(path: &Path, why: impl fmt::Display) -> PublishError {
        PublishError::Damaged { path: path.to_owned(), why: why.to_string() }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Channel(name) => write!(
                f,
                "expected the name of a channel, of letters, digits, `-`, `_` and `.`, found `{name}`"
            ),
            PublishError::Snapshot(error) | PublishError::Write(error) => error.fmt(f),
            PublishError::Ship { path, source } => write!(f, "{}: {source}", path.display()),
            PublishError::Damaged { path, why } => write!(f, "{}: {why}", path.display()),
            PublishError::Signing(why) => write!(f, "signing the manifest failed: {why}"),
            PublishError::Io { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for PublishError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            PublishError::Snapshot(error) | PublishError::Write(error) => Some(error),
            PublishError::Ship { source, .. } => Some(source.as_ref()),
            PublishError::Io { source, .. } => Some(source),
            PublishError::Channel(_) | PublishError::Damaged { .. } | PublishError::Signing(_) => None,
        }
    }
}

impl From<Error> for PublishError {
    fn from(error: Error) -> PublishError {
        PublishError::Write(error)
    }
}
