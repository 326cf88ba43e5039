//! What can go wrong with a snapshot file. Each message names the file, the place and the remedy.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A snapshot could not be read or written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The system reported an error.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operation, as a sentence needs it: "opening", "syncing".
        doing: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The file is not a valid snapshot.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        corruption: Corruption,
    },
    /// The contents exceed a limit of the file format.
    TooLarge(TooLarge),
}

/// What is wrong with a file's bytes, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Corruption {
    /// The part of the file: the name of a section, `header`, `section table` or `padding`.
    pub part: &'static str,
    /// Where the part begins, as a byte offset in the file.
    pub offset: u64,
    /// What the format requires there.
    pub expected: String,
    /// What the file has there.
    pub found: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The usual remedy: a snapshot is derived data and can be built again.
const REBUILD: &str = "rebuild it, or copy it again from where it was built";

impl Corruption {
    /// A corruption whose remedy is to build or copy the file again.
    pub(crate) fn new(
        part: &'static str,
        offset: u64,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Corruption {
        Corruption { part, offset, expected: expected.to_string(), found: found.to_string(), remedy: REBUILD }
    }

    /// The same with another remedy.
    #[must_use]
    pub(crate) fn with_remedy(self, remedy: &'static str) -> Corruption {
        Corruption { remedy, ..self }
    }
}

/// A part of a snapshot is larger than the file format can hold.
///
/// ```
/// use rapsheet_snapshot::TooLarge;
///
/// let error = TooLarge::check("names", "entries", 1 << 32, u64::from(u32::MAX)).unwrap_err();
/// assert_eq!(error.to_string(), "names: 4,294,967,296 entries, the format holds 4,294,967,295");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLarge {
    /// What is too large: "names".
    pub what: &'static str,
    /// What it is counted in: "entries", "bytes".
    pub unit: &'static str,
    /// How many there are.
    pub size: u64,
    /// How many the format holds.
    pub limit: u64,
}

impl TooLarge {
    /// An error if `size` exceeds `limit`.
    pub fn check(what: &'static str, unit: &'static str, size: u64, limit: u64) -> Result<(), TooLarge> {
        if size > limit { Err(TooLarge { what, unit, size, limit }) } else { Ok(()) }
    }

    /// `size` as the 32-bit number that the file stores.
    pub fn fit_u32(what: &'static str, unit: &'static str, size: usize) -> Result<u32, TooLarge> {
        let (size, limit) = (size as u64, u64::from(u32::MAX));
        u32::try_from(size).map_err(|_| TooLarge { what, unit, size, limit })
    }
}

/// A number with commas between thousands.
struct Thousands(u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            small @ 0..1000 => write!(f, "{small}"),
            large => write!(f, "{},{:03}", Thousands(large / 1000), large % 1000),
        }
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, limit) = (Thousands(self.size), Thousands(self.limit));
        write!(f, "{}: {size} {}, the format holds {limit}", self.what, self.unit)
    }
}

impl std::error::Error for TooLarge {}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Corruption { part, offset, expected, found, remedy } = self;
        write!(f, "{part} at byte {offset}: expected {expected}, found {found}; {remedy}")
    }
}

impl std::error::Error for Corruption {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, doing, source } => write!(f, "{}: {doing} failed: {source}", path.display()),
            Error::Corrupt { path, corruption } => {
                write!(f, "{}: not a valid snapshot: {corruption}", path.display())
            }
            Error::TooLarge(too_large) => write!(f, "the snapshot is too large: {too_large}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Corrupt { corruption, .. } => Some(corruption),
            Error::TooLarge(too_large) => Some(too_large),
        }
    }
}

impl From<TooLarge> for Error {
    fn from(too_large: TooLarge) -> Error {
        Error::TooLarge(too_large)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_group_thousands() {
        let text = |size| Thousands(size).to_string();
        assert_eq!([0, 999, 1000, 1_000_007].map(text), ["0", "999", "1,000", "1,000,007"]);
    }

    #[test]
    fn sizes_beyond_the_limit_are_errors() {
        assert_eq!(TooLarge::check("names", "entries", 5, 5), Ok(()));
        assert!(TooLarge::check("names", "entries", 6, 5).is_err());
        assert_eq!(TooLarge::fit_u32("names", "entries", 7), Ok(7));
        assert!(TooLarge::fit_u32("names", "entries", 1 << 32).is_err());
    }
}
