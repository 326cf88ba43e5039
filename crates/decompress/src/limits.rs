//! Limits on the output of a stream: on its size, and on its ratio to the input.

use crate::Error;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The ratio is checked from this much output on: a small file of one repeated line compresses very well.
const RATIO_FROM: u64 = 8 << 20;

/// Limits on the output of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of output.
    pub bytes: u64,
    /// Output to input, checked after the first 8 MiB of output.
    pub ratio: u64,
}

impl Limits {
    /// No limits, for trusted input. The numbers are small enough not to overflow where something is added to
    /// them.
    pub const NONE: Limits = Limits { bytes: 1 << 60, ratio: 1 << 30 };
}

/// 1 GiB, and a ratio of 500.
impl Default for Limits {
    fn default() -> Limits {
        Limits { bytes: 1 << 30, ratio: 500 }
    }
}

/// The number of bytes that a decoder has consumed. It is shared, because the counter sits below the decoder
/// and the limit above it.
pub type Consumed = Arc<AtomicU64>;

/// Counts the compressed bytes, and marks the system's errors before a decoder can take them for damage.
pub struct CountingReader<S> {
    source: S,
    consumed: Consumed,
}

impl<S> CountingReader<S> {
    /// Wraps a source; the second value is its count.
    pub fn new(source: S) -> (CountingReader<S>, Consumed) {
        let consumed = Consumed::default();
        (CountingReader { source, consumed: Arc::clone(&consumed) }, consumed)
    }
}

impl<S: Read> Read for CountingReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.source.read(buffer) {
            Ok(count) => {
                self.consumed.fetch_add(count as u64, Ordering::Relaxed);
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(io::Error::new(error.kind(), Error::from_io(&error))),
        }
    }
}

impl<S: Seek> Seek for CountingReader<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

/// Ends with [`Error::TooLarge`] or [`Error::Bomb`] where the output exceeds its [`Limits`].
pub struct LimitedReader<T> {
    output: T,
    limits: Limits,
    consumed: Consumed,
    produced: u64,
}

impl<T> LimitedReader<T> {
    /// Wraps a decoder whose input `consumed` counts.
    pub fn new(output: T, limits: Limits, consumed: Consumed) -> LimitedReader<T> {
        LimitedReader { output, limits, consumed, produced: 0 }
    }

    /// The decoder.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.output
    }

    fn check(&self) -> Result<(), Error> {
        let consumed = self.consumed.load(Ordering::Relaxed).max(1);
        if self.produced > self.limits.bytes {
            return Err(Error::TooLarge(self.limits.bytes));
        }
        if self.produced > RATIO_FROM && self.produced / consumed > self.limits.ratio {
            return Err(Error::Bomb(self.limits.ratio));
        }
        Ok(())
    }
}

impl<T: Read> Read for LimitedReader<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.output.read(buffer)?;
        self.produced = self.produced.saturating_add(count as u64);
        self.check()?;
        Ok(count)
    }
}
