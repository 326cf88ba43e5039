//! What can go wrong with a snapshot file, in words that end with the remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A snapshot that could not be read or written.
#[derive(Debug)]
pub enum Error {
    /// The system refused.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, for a sentence: "opening", "syncing".
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a sound snapshot.
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// The contents do not fit the format's limits.
    TooMuch(&'static str),
}

/// What is wrong with a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The part of the file: a section's name, `header`, `section table` or `padding`.
    pub part: &'static str,
    /// Where the part begins, as a byte offset of the file.
    pub offset: u64,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What a person can do.
    pub remedy: &'static str,
}

/// The remedy for every kind of damage: the file is a product, its sources are elsewhere.
pub const REBUILD: &str = "rebuild it, or copy it again from where it was built";

impl Damage {
    /// Damage whose remedy is to build or copy the file again.
    pub fn new(
        part: &'static str,
        offset: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Damage {
        Damage { part, offset, expected: expected.to_string(), found: found.to_string(), remedy: REBUILD }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage { part, offset, expected, found, remedy } = self;
        write!(f, "{part} at byte {offset}: expected {expected}, found {found}; {remedy}")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, doing, source } => write!(f, "{}: {doing} failed: {source}", path.display()),
            Error::Refused { path, damage } => {
                write!(f, "{}: not a sound snapshot: {damage}", path.display())
            }
            Error::TooMuch(what) => write!(f, "the snapshot format cannot hold this: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
