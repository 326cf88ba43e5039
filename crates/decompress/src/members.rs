//! A file of several compressed members, one after another, read as one text: what `cat a.gz b.gz` makes, log
//! rotation and parallel compressors.
//!
//! What follows the last member is read as `zcat` reads it. Zero bytes are padding, of tapes and of blocks of
//! a disk, and pass in silence. Anything else is no data: it is remarked and skipped, because the text before
//! it has proved its checksum. A member that is cut or damaged is an error, also where only its first bytes
//! are there.

use crate::lookahead::Lookahead;
use crate::{Container, DamageReader, Error, MAGIC_LEN};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a decoder remarks about a stream that it read to its end. It may be asked from another thread.
#[derive(Clone, Debug, Default)]
pub struct TrailingBytes(Arc<AtomicU64>);

impl TrailingBytes {
    /// How many bytes behind the last member are no data of its compression; 0 for none.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds what another stream of the same download has.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// A sentence for people; `None` for none.
    pub fn note(&self) -> Option<String> {
        let count = self.count();
        (count > 0).then(|| {
            let bytes = if count == 1 { "byte" } else { "bytes" };
            let (are, were) = if count == 1 { ("is", "was") } else { ("are", "were") };
            format!(
                "{count} {bytes} behind the compressed data {are} no part of it and {were} not read; all before was"
            )
        })
    }
}

/// The text of all members.
pub(crate) struct Members<R> {
    container: Container,
    /// The member that is read; `None` behind the last one.
    current: Option<DamageReader<Member<R>>>,
    trailing: TrailingBytes,
}

/// One member.
enum Member<R> {
    Gzip(Box<flate2::bufread::GzDecoder<Lookahead<R>>>),
    Zstd(zstd::Decoder<'static, Lookahead<R>>),
    #[cfg(feature = "xz")]
    Xz(liblzma::bufread::XzDecoder<Lookahead<R>>),
    #[cfg(feature = "bz2")]
    Bzip2(bzip2::bufread::BzDecoder<Lookahead<R>>),
}

impl<R: Read> Members<R> {
    /// Reads a stream in this container, whose decoder this build has.
    pub(crate) fn new(container: Container, source: R, trailing: TrailingBytes) -> Result<Members<R>, Error> {
        let member = Member::open(container, Lookahead::new(source))?;
        Ok(Members { container, current: Some(DamageReader::new(member)), trailing })
    }

    /// Opens the next member, if there is one.
    fn open_next(&mut self, mut source: Lookahead<R>) -> io::Result<()> {
        let padding = source.skip_zeros()?;
        let head = source.peek(MAGIC_LEN)?;
        if head.is_empty() {
            return Ok(());
        }
        if Container::of(head) == self.container || self.container.may_begin(head) {
            let member = Member::open(self.container, source)?;
            self.current = Some(DamageReader::new(member));
            return Ok(());
        }
        let garbage = source.skip_all()?;
        self.trailing.add(padding + garbage);
        Ok(())
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(member) = &mut self.current {
            let count = member.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if let Some(member) = self.current.take() {
                self.open_next(member.into_inner().into_source())?;
            }
        }
        Ok(0)
    }
}

impl<R: Read> Member<R> {
    fn open(container: Container, source: Lookahead<R>) -> Result<Member<R>, Error> {
        let damaged = |error: io::Error| Error::Damaged(error.to_string());
        Ok(match container {
            Container::Gzip => Member::Gzip(Box::new(flate2::bufread::GzDecoder::new(source))),
            Container::Zstd => {
                Member::Zstd(zstd::Decoder::with_buffer(source).map_err(damaged)?.single_frame())
            }
            #[cfg(feature = "xz")]
            Container::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(crate::XZ_MEMORY, 0);
                let stream = stream.map_err(|error| damaged(error.into()))?;
                Member::Xz(liblzma::bufread::XzDecoder::new_stream(source, stream))
            }
            #[cfg(feature = "bz2")]
            Container::Bzip2 => Member::Bzip2(bzip2::bufread::BzDecoder::new(source)),
            #[allow(unreachable_patterns, reason = "which formats are left depends on the features")]
            other => return Err(Error::Unsupported(other.name())),
        })
    }

    fn into_source(self) -> Lookahead<R> {
        match self {
            Member::Gzip(decoder) => decoder.into_inner(),
            Member::Zstd(decoder) => decoder.finish(),
            #[cfg(feature = "xz")]
            Member::Xz(decoder) => decoder.into_inner(),
            #[cfg(feature = "bz2")]
            Member::Bzip2(decoder) => decoder.into_inner(),
        }
    }
}

impl<R: Read> Read for Member<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Member::Gzip(decoder) => decoder.read(buffer),
            Member::Zstd(decoder) => decoder.read(buffer),
            #[cfg(feature = "xz")]
            Member::Xz(decoder) => decoder.read(buffer),
            #[cfg(feature = "bz2")]
            Member::Bzip2(decoder) => decoder.read(buffer),
        }
    }
}
