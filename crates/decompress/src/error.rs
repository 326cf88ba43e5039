//! What can go wrong with a stream, and how that passes through [`std::io::Read`].

use std::fmt;
use std::io::{self, Read};

/// Why a stream cannot be read to its end. What was read before the error is incomplete, and must not be
/// taken for the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The source cannot be read; what the system reports.
    Unreadable(String),
    /// The compressed data is damaged or truncated; what the decoder reports.
    Damaged(String),
    /// The output is larger than [`Limits::bytes`](crate::Limits::bytes).
    TooLarge(u64),
    /// The output is more than [`Limits::ratio`](crate::Limits::ratio) times the input.
    Bomb(u64),
    /// This build does not read this container; its name.
    Unsupported(&'static str),
}

impl Error {
    /// The error that an [`io::Error`] of this crate carries.
    pub fn of(error: &io::Error) -> Option<&Error> {
        error.get_ref()?.downcast_ref()
    }

    /// The error that an [`io::Error`] carries; any other error is one of the system.
    pub(crate) fn from_io(error: &io::Error) -> Error {
        Error::of(error).cloned().unwrap_or_else(|| Error::Unreadable(error.to_string()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreadable(why) => write!(f, "the file cannot be read: {why}"),
            Error::Damaged(why) => write!(f, "the compressed data is damaged or cut off: {why}"),
            Error::TooLarge(limit) => write!(f, "it is larger than {limit} bytes when decompressed"),
            Error::Bomb(ratio) => write!(f, "it decompresses to more than {ratio} times its size"),
            Error::Unsupported(name) => {
                write!(f, "it is packed with {name}, which this build of rapsheet does not read")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// A decoder whose own errors mean that the data is damaged. Errors that carry an [`Error`] already, such as
/// those of [`CountingReader`](crate::CountingReader), pass unchanged.
pub struct DamageReader<D>(D);

impl<D> DamageReader<D> {
    /// Wraps a decoder.
    pub fn new(decoder: D) -> DamageReader<D> {
        DamageReader(decoder)
    }

    /// The decoder.
    pub fn into_inner(self) -> D {
        self.0
    }
}

impl<D: Read> Read for DamageReader<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match Error::of(&error) {
            None if error.kind() != io::ErrorKind::Interrupted => Error::Damaged(error.to_string()).into(),
            _ => error,
        })
    }
}
