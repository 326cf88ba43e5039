//! Many threads, one order: blocks are worked on in parallel, and what comes of them is written in the order
//! in which they were read.
//!
//! There is no reader and no writer beside the workers: whoever has nothing to do reads the next block, works on it, and
//! puts what it made down in its place; whoever finds the next in order ready, and nobody writing, writes it and all that
//! follows. So as many threads as were asked for do all the work, a block stays in the cache of the processor that read
//! it, and no thread waits for another one to wake up. What is in flight has a budget, so a slow output stops the
//! reading, and memory is bounded whatever the input's length, and however long its lines.

use crate::budget::Budget;
use crate::exit::Failure;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many bytes of blocks may be in flight, and for each worker at least.
const IN_FLIGHT: usize = 8 << 20;
/// See [`IN_FLIGHT`].
const IN_FLIGHT_PER_WORKER: usize = 3 << 19;
/// Larger results are not kept: one endless line should not cost its memory for ever, once for every worker.
const BUFFER_MAX: usize = 2 << 20;

/// In what order results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the input.
    OfInput,
    /// That in which they are done.
    AsDone,
}

/// What is done with blocks.
pub(crate) struct Ways<N, S, R> {
    /// Gives the next block, in a buffer whose memory is used again; `None` at the end.
    pub(crate) next: N,
    /// Takes the buffer out of a block that was worked on.
    pub(crate) spent: S,
    /// How many bytes a block has.
    pub(crate) room: R,
}

/// Gets blocks until there are none, calls a worker's function on each of them, and writes what they make to `out` in
/// order. `worker` makes one function per thread, which may keep scratch.
pub(crate) fn run<B, W, N>(
    ways: Ways<N, impl Fn(B) -> Vec<u8> + Sync, impl Fn(&B) -> usize + Sync>,
    (threads, order): (usize, Order),
    worker: impl Fn() -> W + Sync,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure>
where
    N: FnMut(Vec<u8>) -> Option<B> + Send,
    W: FnMut(&B, &mut Vec<u8>),
{
    let Ways { next, spent, room } = ways;
    let budget = Budget::new(IN_FLIGHT.max(threads * IN_FLIGHT_PER_WORKER));
    let (input, buffers) = (Mutex::new(Input { next, count: 0, ended: false }), Buffers::default());
    let outlet = Outlet { queue: Mutex::default(), out: Mutex::new(out), budget: &budget, order };
    let work = || {
        let mut work = worker();
        // Where one of them panics, the others must not wait for what it never puts down.
        let _closed = CloseOnPanic(&budget);
        loop {
            let read = lock(&input).next(&buffers, &room, &budget);
            let Some((number, block)) = read else { break };
            let mut made = outlet.buffer();
            work(&block, &mut made);
            let room = room(&block);
            buffers.give_back(spent(block));
            outlet.put(number, (made, room));
        }
    };
    thread::scope(|scope| {
        // Fewer workers than were asked for do the same work; this thread is one of them.
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    outlet.end()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct CloseOnPanic<'b>(&'b Budget);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

/// Where blocks come from, for one thread at a time.
struct Input<N> {
    next: N,
    /// How many blocks were read.
    count: u64,
    ended: bool,
}

impl<B, N: FnMut(Vec<u8>) -> Option<B>> Input<N> {
    /// The next block and its place in the output; `None` at the end, and where nobody needs anything any more. Room is
    /// waited for here, in the order of the input: otherwise a later block could have what an earlier one waits for.
    fn next(&mut self, buffers: &Buffers, room: &impl Fn(&B) -> usize, budget: &Budget) -> Option<(u64, B)> {
        if self.ended {
            return None;
        }
        self.ended = true;
        let block = (self.next)(buffers.largest())?;
        if !budget.take(room(&block)) {
            return None;
        }
        self.ended = false;
        let number = self.count;
        self.count += 1;
        Some((number, block))
    }
}

/// The buffers of blocks that were worked on. The largest is used first, so that endless lines make as many large ones as
/// are in flight at once, and not one for every worker.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn largest(&self) -> Vec<u8> {
        let mut spare = lock(&self.0);
        let largest = spare.iter().enumerate().max_by_key(|(_, buffer)| buffer.capacity());
        largest.map(|(at, _)| at).map_or_else(Vec::new, |at| spare.remove(at))
    }

    fn give_back(&self, buffer: Vec<u8>) {
        lock(&self.0).push(buffer);
    }
}

/// What was made of a block, and the room that the block took.
type Made = (Vec<u8>, usize);

/// Where what was made goes.
struct Outlet<'b, 'o> {
    queue: Mutex<Queue>,
    /// For whoever took it upon itself to write, and so never waited for.
    out: Mutex<&'o mut (dyn Write + Send)>,
    budget: &'b Budget,
    order: Order,
}

/// What was made and not written yet.
#[derive(Default)]
struct Queue {
    ready: BTreeMap<u64, Made>,
    /// The number of the block that is to be written next.
    next: u64,
    is_writing: bool,
    failed: Option<io::Error>,
    /// Buffers whose memory is used again.
    spare: Vec<Vec<u8>>,
}

impl Queue {
    /// What is to be written now.
    fn pop(&mut self, order: Order) -> Option<Made> {
        let first = self.ready.first_entry()?;
        if order == Order::OfInput && *first.key() != self.next {
            return None;
        }
        self.next += 1;
        Some(first.remove())
    }

    fn give_back(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= BUFFER_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

impl Outlet<'_, '_> {
    fn buffer(&self) -> Vec<u8> {
        lock(&self.queue).spare.pop().unwrap_or_default()
    }

    /// Puts down what was made of a block, and writes what can be written, unless somebody does.
    fn put(&self, number: u64, made: Made) {
        let mut queue = lock(&self.queue);
        queue.ready.insert(number, made);
        if std::mem::replace(&mut queue.is_writing, true) {
            return;
        }
        if let Err(error) = self.write(queue) {
            // Nobody writes any more, and nobody waits for room that nobody gives back.
            lock(&self.queue).failed = Some(error);
            self.budget.close();
        }
    }

    /// Writes until nothing is ready; then whoever watches a live log sees what there is.
    fn write<'q>(&'q self, mut queue: MutexGuard<'q, Queue>) -> io::Result<()> {
        let (mut out, mut flushed) = (lock(&self.out), false);
        loop {
            let made = queue.pop(self.order);
            if made.is_none() && flushed {
                queue.is_writing = false;
                return Ok(());
            }
            drop(queue);
            let Some((made, room)) = made else {
                (flushed, queue) = (out.flush().map(|()| true)?, lock(&self.queue));
                continue;
            };
            out.write_all(&made)?;
            self.budget.give(room);
            (flushed, queue) = (false, lock(&self.queue));
            queue.give_back(made);
        }
    }

    fn end(self) -> Result<(), Failure> {
        let queue = self.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        queue.failed.map_or(Ok(()), |error| Err(Failure::from(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn numbers(
        count: u64,
        threads: usize,
        order: Order,
        out: &mut (dyn Write + Send),
    ) -> Result<(), Failure> {
        let mut left = 0..count;
        let next = |_| left.next();
        let worker = || {
            |number: &u64, made: &mut Vec<u8>| {
                thread::sleep(Duration::from_micros(number * 7919 % 300));
                let _ = writeln!(made, "{number}");
            }
        };
        run(Ways { next, spent: |_| Vec::new(), room: |_: &u64| 1 << 20 }, (threads, order), worker, out)
    }

    #[test]
    fn order_is_kept_at_any_number_of_threads() {
        let expected: String = (0..200).map(|number| format!("{number}\n")).collect();
        for threads in [1, 2, 7] {
            let mut out = Vec::new();
            numbers(200, threads, Order::OfInput, &mut out).expect("memory takes it");
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_output_stops_the_reader() {
        for order in [Order::OfInput, Order::AsDone] {
            let result = numbers(u64::MAX, 3, order, &mut Closed);
            assert!(matches!(result, Err(Failure::OutputClosed)), "{result:?}");
        }
    }

    #[test]
    fn a_worker_that_panics_does_not_leave_the_others_waiting() {
        let worker = || |number: &u64, _: &mut Vec<u8>| assert!(*number != 50, "on purpose");
        let mut left = 0..u64::MAX;
        let ways = Ways { next: |_| left.next(), spent: |_| Vec::new(), room: |_: &u64| 1 << 20 };
        let run = || run(ways, (3, Order::OfInput), worker, &mut Vec::new());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    }

    /// Says how much was written whenever it is flushed.
    struct Watched<'w>(usize, &'w std::sync::atomic::AtomicUsize);

    impl Write for Watched<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.1.store(self.0, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        }
    }

    #[test]
    fn all_that_was_made_is_seen_before_the_next_block_is_waited_for() {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let mut left = 0..20;
        let next = |_| {
            let next = left.next();
            let mut looks = 0;
            while next.is_some_and(|next| seen.load(std::sync::atomic::Ordering::SeqCst) < next) {
                thread::sleep(Duration::from_millis(1));
                looks += 1;
                assert!(looks < 10_000, "what was made of the blocks before is held back");
            }
            next
        };
        let worker = || |_: &usize, made: &mut Vec<u8>| made.push(b'x');
        let ways = Ways { next, spent: |_| Vec::new(), room: |_: &usize| 1 };
        run(ways, (3, Order::OfInput), worker, &mut Watched(0, &seen)).expect("it is written");
    }
}
