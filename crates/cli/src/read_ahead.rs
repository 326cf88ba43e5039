//! Reading ahead on a thread of its own: for what takes long to come, as what must be unpacked does.
//!
//! The thread fills buffers and hands them over; whoever reads copies out of them and gives them back. So many are filled
//! ahead that the thread seldom waits, and so few that they take little memory and stay in a cache. Who has several such
//! readers can ask which of them has something to give.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// The length of a buffer, in bytes.
const BUFFER_LEN: usize = 256 << 10;
/// With so many filled, a block can be cut without waiting, or nearly so.
const READY: usize = 3;
/// More than can ever be filled: what is counted where nothing comes any more, and so nothing has to be waited for.
const ENDED: usize = 1 << 20;

/// A buffer and how many bytes of it were filled: none at the end.
type Filled = (Vec<u8>, usize);

/// A reader whose source is read ahead.
pub(crate) struct ReadAhead {
    filled: Receiver<io::Result<Filled>>,
    empty: Sender<Vec<u8>>,
    /// How many are filled and were not taken.
    stock: Arc<AtomicUsize>,
    current: Filled,
    at: usize,
    ended: bool,
}

impl ReadAhead {
    /// Reads `source` ahead, so many buffers. The thread ends with the source, or when nobody wants the rest.
    pub(crate) fn new(source: impl Read + Send + 'static, buffers: usize) -> io::Result<ReadAhead> {
        let (hand_over, filled) = sync_channel(buffers.max(READY));
        let (empty, returned) = channel();
        let stock = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&stock);
        thread::Builder::new().spawn(move || fill(source, &hand_over, &returned, &counted))?;
        Ok(ReadAhead { filled, empty, stock, current: (Vec::new(), 0), at: 0, ended: false })
    }

    /// Tells at any time whether reading a block would have to wait.
    pub(crate) fn readiness(&self) -> impl Fn() -> bool + Send + 'static {
        let stock = Arc::clone(&self.stock);
        move || stock.load(Ordering::Relaxed) >= READY
    }
}

fn fill(
    mut source: impl Read,
    hand_over: &SyncSender<io::Result<Filled>>,
    returned: &Receiver<Vec<u8>>,
    stock: &AtomicUsize,
) {
    loop {
        let mut buffer = returned.try_recv().unwrap_or_default();
        buffer.resize(BUFFER_LEN, 0);
        let read = match source.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other,
        };
        let is_last = !matches!(read, Ok(1..));
        // Counted before it is handed over: it may be taken, and counted off, at once.
        stock.fetch_add(if is_last { ENDED } else { 1 }, Ordering::Relaxed);
        if hand_over.send(read.map(|count| (buffer, count))).is_err() || is_last {
            return;
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.current.1 && !self.ended {
            // The end is said, too: a thread that died is not taken for one that was done.
            let died = |_| io::Error::other("reading ahead ended early");
            let next = self.filled.recv().map_err(died).flatten().inspect_err(|_| self.ended = true)?;
            self.stock.fetch_sub(1, Ordering::Relaxed);
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

    /// Gives its bytes a few at a time, is interrupted now and then, and fails at the end.
    struct Troubled(Vec<u8>, usize);

    impl Read for Troubled {
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
    fn what_is_read_ahead_is_what_is_there_and_then_the_error() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
        let mut ahead = ReadAhead::new(Troubled(bytes.clone(), 0), 8).expect("a thread");
        let mut read = Vec::new();
        let error = ahead.read_to_end(&mut read).expect_err("it is cut off");
        assert_eq!(error.to_string(), "cut off");
        assert_eq!(ahead.read(&mut [0]).expect("it is over"), 0);
        assert!(read == bytes);
    }

    /// Dies in the middle.
    struct Mortal(usize);

    impl Read for Mortal {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            assert!(self.0 < 3, "on purpose");
            Ok(out.len())
        }
    }

    #[test]
    fn half_of_it_is_never_taken_for_all_of_it() {
        let mut ahead = ReadAhead::new(Mortal(0), 8).expect("a thread");
        assert!(ahead.read_to_end(&mut Vec::new()).is_err());
        let mut ahead = ReadAhead::new(io::empty(), 8).expect("a thread");
        assert_eq!(ahead.read_to_end(&mut Vec::new()).expect("it is empty"), 0);
    }

    #[test]
    fn it_is_ready_with_some_buffers_and_at_the_end() {
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
        assert!(becomes(&is_ready), "that it ends needs no waiting");
        let silent = ReadAhead::new(io::empty(), 3).expect("a thread").readiness();
        assert!(becomes(&silent), "that it is empty needs no waiting");
    }

    #[test]
    fn nobody_has_to_read_to_the_end() {
        let mut ahead = ReadAhead::new(io::repeat(7), 8).expect("a thread");
        let mut some = [0; 1000];
        ahead.read_exact(&mut some).expect("bytes");
        assert_eq!(some, [7; 1000]);
    }
}
