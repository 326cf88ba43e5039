//! Reads a source ahead on a thread of its own, for sources that are slow because they are decompressed.
//!
//! The thread fills buffers and sends them through a bounded channel; the reader copies out of them and
//! returns them for reuse. The thread waits when the channel is full, the reader when it is empty, and either
//! ends when the other is gone. Memory: the buffers in the channel, one that is read and one that is filled,
//! of 256 KiB each. [`ReadAhead::readiness`] says whether a read would wait.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// The length of a buffer, in bytes.
const BUFFER_LEN: usize = 256 << 10;
/// A reader with so many filled buffers counts as ready: they hold more than one block.
const READY: usize = 3;
/// Added to the count at the end of a source: larger than any number of buffers, so an ended reader is always
/// ready.
const ENDED: usize = 1 << 20;

/// A buffer and its number of valid bytes: 0 at the end of the source.
type Filled = (Vec<u8>, usize);

/// A reader of a source that is read ahead.
pub(crate) struct ReadAhead {
    filled: Receiver<io::Result<Filled>>,
    empty: Sender<Vec<u8>>,
    /// The number of filled buffers in the channel.
    available: Arc<AtomicUsize>,
    current: Filled,
    at: usize,
    ended: bool,
}

impl ReadAhead {
    /// Reads `source` ahead by so many buffers. The thread ends with the source, or when the reader is
    /// dropped.
    pub(crate) fn new(source: impl Read + Send + 'static, buffers: usize) -> io::Result<ReadAhead> {
        let (send_filled, filled) = sync_channel(buffers.max(READY));
        let (empty, returned) = channel();
        let available = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&available);
        thread::Builder::new().spawn(move || fill(source, &send_filled, &returned, &counted))?;
        Ok(ReadAhead { filled, empty, available, current: (Vec::new(), 0), at: 0, ended: false })
    }

    /// A function that returns whether a block can be read without waiting. It may outlive the reader.
    pub(crate) fn readiness(&self) -> impl Fn() -> bool + Send + 'static {
        let available = Arc::clone(&self.available);
        move || available.load(Ordering::Relaxed) >= READY
    }
}

fn fill(
    mut source: impl Read,
    send_filled: &SyncSender<io::Result<Filled>>,
    returned: &Receiver<Vec<u8>>,
    available: &AtomicUsize,
) {
    loop {
        let mut buffer = returned.try_recv().unwrap_or_default();
        buffer.resize(BUFFER_LEN, 0);
        let read = match source.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other,
        };
        let is_last = !matches!(read, Ok(1..));
        // Counted before sending: the reader may take the buffer, and subtract it, at once.
        available.fetch_add(if is_last { ENDED } else { 1 }, Ordering::Relaxed);
        if send_filled.send(read.map(|count| (buffer, count))).is_err() || is_last {
            return;
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.1 && !self.ended {
            // A thread that panicked sends no end, so its closed channel is an error and not an end.
            let died = |_| io::Error::other("the thread that decompresses it ended early");
            let next = self.filled.recv().map_err(died).flatten().inspect_err(|_| self.ended = true)?;
            self.available.fetch_sub(1, Ordering::Relaxed);
            self.ended = next.1 == 0;
            self.at = 0;
            let _ = self.empty.send(std::mem::replace(&mut self.current, next).0);
        }
        let (buffer, length) = &self.current;
        let count = buffer.get(self.at..*length).unwrap_or(&[]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a few bytes at a time, is interrupted now and then, and fails at the end.
    struct Failing(Vec<u8>, usize);

    impl Read for Failing {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 % 5 {
                0 => Err(io::ErrorKind::Interrupted.into()),
                _ if self.0.is_empty() => Err(io::Error::other("cut off")),
                few => {
                    let count = (few * 70_001).min(self.0.len()).min(out.len());
                    out[..count].copy_from_slice(&self.0[..count]);
                    self.0.drain(..count);
                    Ok(count)
                }
            }
        }
    }

    #[test]
    fn reads_all_bytes_and_then_the_error() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
        let mut ahead = ReadAhead::new(Failing(bytes.clone(), 0), 8).expect("a thread");
        let mut read = Vec::new();
        let error = ahead.read_to_end(&mut read).expect_err("it is cut off");
        assert_eq!(error.to_string(), "cut off");
        assert_eq!(ahead.read(&mut [0]).expect("it is over"), 0);
        assert!(read == bytes);
    }

    /// Panics at the third read.
    struct Panicking(usize);

    impl Read for Panicking {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            assert!(self.0 < 3, "on purpose");
            Ok(out.len())
        }
    }

    #[test]
    fn a_panic_in_the_thread_is_an_error() {
        let mut ahead = ReadAhead::new(Panicking(0), 8).expect("a thread");
        assert!(ahead.read_to_end(&mut Vec::new()).is_err());
        let mut ahead = ReadAhead::new(io::empty(), 8).expect("a thread");
        assert_eq!(ahead.read_to_end(&mut Vec::new()).expect("it is empty"), 0);
    }

    #[test]
    fn is_ready_with_enough_buffers_and_at_the_end() {
        let becomes = |is_ready: &dyn Fn() -> bool| {
            (0..10_000).any(|_| {
                is_ready() || {
                    thread::sleep(std::time::Duration::from_millis(1));
                    false
                }
            })
        };
        let mut ahead = ReadAhead::new(io::repeat(7).take(4 * BUFFER_LEN as u64), 3).expect("a thread");
        let is_ready = ahead.readiness();
        assert!(becomes(&is_ready), "there are three buffers");
        ahead.read_exact(&mut vec![0; 4 * BUFFER_LEN]).expect("bytes");
        assert!(becomes(&is_ready), "the end is there");
        let empty = ReadAhead::new(io::empty(), 3).expect("a thread").readiness();
        assert!(becomes(&empty), "the end of an empty source is there");
    }

    #[test]
    fn may_be_dropped_before_the_end() {
        let mut ahead = ReadAhead::new(io::repeat(7), 8).expect("a thread");
        let mut some = [0; 1000];
        ahead.read_exact(&mut some).expect("bytes");
        assert_eq!(some, [7; 1000]);
    }
}
