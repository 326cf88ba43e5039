//! Bytes that are hashed on their way.

use rapsheet_assemble::SnapshotId;
use std::io::{self, Read, Write};

/// Passes bytes on, in either direction, and hashes them.
pub(crate) struct Hashed<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl<T> Hashed<T> {
    /// Before the first byte.
    pub(crate) fn new(inner: T) -> Hashed<T> {
        Hashed { inner, hasher: blake3::Hasher::new() }
    }

    /// What bytes were passed on, given how many.
    pub(crate) fn id(&self, byte_len: u64) -> SnapshotId {
        SnapshotId { hash: *self.hasher.finalize().as_bytes(), byte_len }
    }

    /// Where bytes come from or go to, and the hash of those that did.
    pub(crate) fn finish(self) -> (T, blake3::Hash) {
        (self.inner, self.hasher.finalize())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..length).unwrap_or(&[]));
        Ok(length)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..length).unwrap_or(&[]));
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
