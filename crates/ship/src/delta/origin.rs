//! The origin section, which travels as it is: compressed, given that of the earlier snapshot.

use crate::error::ShipError;
use std::io;

/// How hard it is compressed.
const LEVEL: i32 = 19;

/// Bytes as a zstd frame, given bytes that are like them.
pub(super) fn compressed(bytes: &[u8], like: &[u8]) -> Result<Vec<u8>, ShipError> {
    let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, like).map_err(compressing)?;
    compressor.compress(bytes).map_err(compressing)
}

fn compressing(source: io::Error) -> ShipError {
    ShipError::Io { doing: "compressing", source }
}

/// The inverse of [`compressed`].
pub(super) fn decompressed(frame: &[u8], like: &[u8], length: u64) -> Result<Vec<u8>, ShipError> {
    let wrong = |found: &dyn std::fmt::Display| {
        ShipError::malformed("delta", "an origin of the stated length", found)
    };
    let length = usize::try_from(length).map_err(|_| wrong(&"more"))?;
    let mut decompressor = zstd::bulk::Decompressor::with_dictionary(like).map_err(|error| wrong(&error))?;
    let bytes = decompressor.decompress(frame, length).map_err(|error| wrong(&error))?;
    if bytes.len() == length { Ok(bytes) } else { Err(wrong(&format_args!("{} bytes", bytes.len()))) }
}
