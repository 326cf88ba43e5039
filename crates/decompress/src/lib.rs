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
mod memory;

pub use container::{Container, MAGIC_LEN};
pub use error::{DamageReader, Error};
pub use limits::{Consumed, CountingReader, LimitedReader, Limits};
pub use memory::{MEMORY_HEAD_LEN, memory_needed};

use std::io::{self, BufReader, Cursor, Read};

/// What the xz decoder may allocate; `xz -9` needs 65 MiB.
#[cfg(feature = "xz")]
const XZ_MEMORY: u64 = 256 << 20;
/// The buffer in front of each decoder.
const INPUT_BUFFER: usize = 64 << 10;

/// The decompressed bytes of a stream; plain input passes through.
pub struct Reader(LimitedReader<Box<dyn Read + Send>>);

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
        let decoder = decoder(container, BufReader::with_capacity(INPUT_BUFFER, counted))?;
        Ok(Reader(LimitedReader::new(decoder, limits, consumed)))
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// All decoders here read concatenated streams as one text, as the tools of each format do.
fn decoder<R>(container: Container, input: BufReader<R>) -> Result<Box<dyn Read + Send>, Error>
where
    R: Read + Send + 'static,
{
    let damaged = |error: io::Error| Error::Damaged(error.to_string());
    Ok(match container {
        Container::Gzip => Box::new(DamageReader::new(flate2::bufread::MultiGzDecoder::new(input))),
        Container::Zstd => Box::new(DamageReader::new(zstd::Decoder::with_buffer(input).map_err(damaged)?)),
        #[cfg(feature = "xz")]
        Container::Xz => {
            use liblzma::stream::{CONCATENATED, Stream};
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED);
            let stream = stream.map_err(|error| damaged(error.into()))?;
            Box::new(DamageReader::new(liblzma::bufread::XzDecoder::new_stream(input, stream)))
        }
        #[cfg(feature = "bz2")]
        Container::Bzip2 => Box::new(DamageReader::new(bzip2::bufread::MultiBzDecoder::new(input))),
        Container::Plain => Box::new(input),
        #[allow(unreachable_patterns, reason = "which formats are left depends on the features")]
        other => return Err(Error::Unsupported(other.name())),
    })
}

#[cfg(test)]
mod tests;
