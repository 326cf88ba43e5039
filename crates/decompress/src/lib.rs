//! Streaming decompression of lists and logs.
//!
//! [`Reader`] finds the compression by content: publishers rename files, mirrors unpack them, and the
//! extension of a URL proves little. gzip and Zstandard are always compiled in; `xz` and `bz2` are features,
//! which an edge build leaves out. Archives (zip, tar) and character sets are not handled here; [`Container`]
//! only recognises a zip.
//!
//! Memory does not grow with the input. [`Limits`] cap the size of the output and its ratio to the input, so
//! that no download can exhaust the machine. An [`Error`] travels inside [`std::io::Error`], and
//! [`Error::of`] takes it back out, so that callers can distinguish damaged data from a failing
//! disk.
//!
//! ```
//! use rapsheet_decompress::{Limits, Reader};
//! use std::io::Read;
//!
//! let mut text = String::new();
//! let mut reader = Reader::new(&b"45.9.20.5\n"[..], Limits::default())?;
//! reader.read_to_string(&mut text)?;
//! assert_eq!(text, "45.9.20.5\n");
//! # Ok::<(), std::io::Error>(())
//! ```

mod container;
mod error;
mod limits;
mod lookahead;
mod members;
mod memory;

pub use container::{Container, MAGIC_LEN};
pub use error::{DamageReader, Error};
pub use limits::{Consumed, CountingReader, LimitedReader, Limits};
pub use members::TrailingBytes;
pub use memory::{MEMORY_HEAD_LEN, memory_needed};

use members::Members;
use std::io::{self, BufReader, Cursor, Read};

/// What the xz decoder may allocate; `xz -9` needs 65 MiB.
#[cfg(feature = "xz")]
const XZ_MEMORY: u64 = 256 << 20;
/// The buffer in front of each decoder.
const INPUT_BUFFER: usize = 64 << 10;

/// The decompressed bytes of a stream; plain input passes through.
pub struct Reader {
    text: LimitedReader<Box<dyn Read + Send>>,
    trailing: TrailingBytes,
}

impl Reader {
    /// Reads the first [`MAGIC_LEN`] bytes of `source` and opens the decoder that they require.
    ///
    /// # Errors
    /// The source cannot be read, or it is in a container that this build does not read
    /// ([`Error::Unsupported`]).
    pub fn new(mut source: impl Read + Send + 'static, limits: Limits) -> Result<Reader, Error> {
        let head = Container::head_of(&mut source)?;
        Reader::with_head(head, source, limits)
    }

    /// As [`Reader::new`], where the first bytes, `head`, were read already.
    ///
    /// # Errors
    /// As for [`Reader::new`].
    pub fn with_head(
        head: Vec<u8>,
        source: impl Read + Send + 'static,
        limits: Limits,
    ) -> Result<Reader, Error> {
        let container = Container::of(&head);
        let (counted, consumed) = CountingReader::new(Cursor::new(head).chain(source));
        let trailing = TrailingBytes::default();
        let decoder: Box<dyn Read + Send> = match container {
            Container::Plain => Box::new(BufReader::with_capacity(INPUT_BUFFER, counted)),
            _ => Box::new(Members::new(container, counted, trailing.clone())?),
        };
        Ok(Reader { text: LimitedReader::new(decoder, limits, consumed), trailing })
    }

    /// What is remarkable about the stream, once it was read to its end.
    pub fn trailing(&self) -> &TrailingBytes {
        &self.trailing
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.text.read(buffer)
    }
}

#[cfg(test)]
mod tests;
