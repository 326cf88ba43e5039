//! Decompression (stand-in until it is merged).

use crate::refused::FileRefusal;
use std::io::{self, Read, Seek};

/// Caps.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// Bytes of output.
    pub bytes: u64,
    /// Output to input.
    pub ratio: u64,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps { bytes: 1 << 30, ratio: 500 }
    }
}

/// Opens a file, decompressing by content.
pub fn open<S: Read + Seek + Send + 'static>(
    source: S,
    _: Caps,
) -> Result<Box<dyn Read + Send>, FileRefusal> {
    Ok(Box::new(source))
}

/// Opens a pipe, decompressing by content.
pub fn open_stream<S: Read + Send + 'static>(
    source: S,
    _: Caps,
) -> Result<Box<dyn Read + Send>, FileRefusal> {
    Ok(Box::new(source))
}

/// The refusal that a read error carries.
pub fn refusal(error: &io::Error) -> FileRefusal {
    FileRefusal::Unreadable(error.to_string())
}

/// What the first bytes of decoded text say against it.
pub fn kind_of(_head: &[u8]) -> Option<FileRefusal> {
    None
}
