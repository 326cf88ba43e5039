//! Processes the blocks of the inputs on many threads and writes the results in input order.
//!
//! There is no reader thread and no writer thread. An idle worker reads the next block, processes it, and
//! puts the result into the [`ReorderBuffer`]; if that is the next one in order and no thread is writing, it
//! also writes. So the number of busy threads is the number requested, a block stays in the cache of the core
//! that read it, and no block waits for another thread to wake up.
//!
//! Who waits for whom:
//! - One worker at a time reads, under the lock of the [`StepReader`]. It waits there for room in the budget,
//!   so room is granted in input order: a later block never takes the room that an earlier one needs.
//!   Releasing room does not need this lock, so the blocks in flight finish, and the wait ends.
//! - A worker whose result is large waits for its turn in [`ReorderBuffer::flush_partial`]. All blocks before
//!   its own were read before it and belong to other workers, and the first of those never waits. An *early*
//!   block, one of a later input, is the exception: blocks before it may be unread, so its worker holds the
//!   result and goes on.
//! - An error and a panic close the buffer and the budgets, which ends every wait.
//!
//! Memory: see [`Budgets`].

use crate::budget::Budgets;
use crate::exit::Failure;
pub(crate) use crate::reorder_buffer::Order;
use crate::reorder_buffer::{BlockResult, ReorderBuffer};
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// A block, or the end of an input. Every input has an end, also one without blocks.
pub(crate) struct Step<B> {
    /// The number of the input, and that of the block in it, both counted from 0.
    pub(crate) position: (u64, u64),
    /// Whether an input before it has more blocks.
    pub(crate) early: bool,
    /// The block; `None` at the end of the input.
    pub(crate) block: Option<B>,
}

/// How blocks are read and recycled.
pub(crate) struct Stages<N, S, R> {
    /// Reads the next step into a used buffer, whose contents are overwritten; `None` at the end of all
    /// inputs. Its second argument says whether the step may be early.
    pub(crate) next: N,
    /// Takes the buffer out of a processed block.
    pub(crate) recycle: S,
    /// The size of a block, in bytes.
    pub(crate) size: R,
}

/// Writes a worker's output so far, if it is large, and clears the buffer.
pub(crate) type FlushPartial<'f> = dyn FnMut(&mut Vec<u8>) + 'f;

/// Processes all blocks and writes the results to `out` in `order`. `worker` makes one function per thread,
/// which may own scratch buffers; the function appends the result of a block to a buffer, and may flush that
/// now and then.
pub(crate) fn run<B, W, N>(
    stages: Stages<N, impl Fn(B) -> Vec<u8> + Sync, impl Fn(&B) -> usize + Sync>,
    (threads, order): (usize, Order),
    worker: impl Fn() -> W + Sync,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure>
where
    N: FnMut(Vec<u8>, bool) -> Option<Step<B>> + Send,
    W: FnMut(&B, &mut Vec<u8>, &mut FlushPartial<'_>),
{
    let Stages { next, recycle, size } = stages;
    let budgets = Budgets::new(threads);
    let (reader, buffers) = (Mutex::new(StepReader { next, ended: false }), Buffers::default());
    let results = ReorderBuffer::new(out, &budgets, order);
    let work = || {
        let mut process = worker();
        let _close = CloseOnPanic(&results);
        loop {
            let read = lock(&reader).next(&buffers, &size, &budgets);
            let Some((Step { position, early, block }, room)) = read else { break };
            let Some(block) = block else {
                results.insert(position, BlockResult::end_of_input());
                continue;
            };
            let (mut bytes, mut held) = (results.buffer(), Vec::new());
            process(&block, &mut bytes, &mut |bytes| {
                results.flush_partial(position, early, bytes, &mut held);
            });
            buffers.put(recycle(block));
            results.insert(position, results.pack((held, bytes), room, early));
        }
    };
    thread::scope(|scope| {
        // Where the system refuses a thread, fewer workers do the same work; this thread is one of them.
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
    results.finish()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the results when a worker panics: the others must not wait for a result that never comes.
struct CloseOnPanic<'l, 'b, 'o>(&'l ReorderBuffer<'b, 'o>);

impl Drop for CloseOnPanic<'_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

/// Reads the inputs step by step, for one thread at a time.
struct StepReader<N> {
    next: N,
    ended: bool,
}

impl<B, N: FnMut(Vec<u8>, bool) -> Option<Step<B>>> StepReader<N> {
    /// The next step and the room it holds; `None` at the end, and when the budgets are closed.
    fn next(
        &mut self,
        buffers: &Buffers,
        size: &impl Fn(&B) -> usize,
        budgets: &Budgets,
    ) -> Option<(Step<B>, usize)> {
        if self.ended {
            return None;
        }
        // Stays set where this returns early or panics.
        self.ended = true;
        let step = (self.next)(buffers.take_largest(), budgets.has_early_room())?;
        let room = match &step.block {
            Some(block) => budgets.acquire(step.early, size(block))?,
            None => 0,
        };
        self.ended = false;
        Some((step, room))
    }
}

/// The buffers of processed blocks. The largest is used first: endless lines then make as many large buffers
/// as are in flight at once, and not one for each worker.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    fn take_largest(&self) -> Vec<u8> {
        let mut spare = lock(&self.0);
        let largest = spare.iter().enumerate().max_by_key(|(_, buffer)| buffer.capacity());
        largest.map(|(at, _)| at).map_or_else(Vec::new, |at| spare.remove(at))
    }

    fn put(&self, buffer: Vec<u8>) {
        lock(&self.0).push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reorder_buffer::PARTIAL_LEN;
    use std::io;
    use std::time::Duration;

    /// The numbers as blocks of one input.
    fn steps(mut numbers: impl FnMut() -> Option<u64>) -> impl FnMut(Vec<u8>, bool) -> Option<Step<u64>> {
        let mut block = 0..;
        move |_, _| {
            numbers().zip(block.next()).map(|(number, block)| Step {
                position: (0, block),
                early: false,
                block: Some(number),
            })
        }
    }

    fn numbers(
        count: u64,
        threads: usize,
        order: Order,
        out: &mut (dyn Write + Send),
    ) -> Result<(), Failure> {
        let mut left = 0..count;
        let next = steps(|| left.next());
        let worker = || {
            |number: &u64, out: &mut Vec<u8>, _: &mut FlushPartial<'_>| {
                thread::sleep(Duration::from_micros(number * 7919 % 300));
                let _ = writeln!(out, "{number}");
            }
        };
        run(Stages { next, recycle: |_| Vec::new(), size: |_: &u64| 1 << 20 }, (threads, order), worker, out)
    }

    #[test]
    fn writes_in_input_order_at_any_number_of_threads() {
        let expected: String = (0..200).map(|number| format!("{number}\n")).collect();
        for threads in [1, 2, 7] {
            let mut out = Vec::new();
            numbers(200, threads, Order::OfInput, &mut out).expect("memory takes it");
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    /// Three inputs with `BLOCKS` blocks each, read from the last to the first as long as early blocks are
    /// allowed.
    #[test]
    fn holds_results_of_later_inputs_until_their_turn() {
        const BLOCKS: u64 = 60;
        for (threads, length) in [(1, 1), (2, 700_000), (7, 40_000)] {
            let mut given = [0; 3];
            let mut early = 0;
            let next = |_, early_allowed: bool| {
                let first = given.iter().position(|given| *given <= BLOCKS)?;
                let later = given.iter().rposition(|given| *given <= BLOCKS).filter(|_| early_allowed);
                let input = later.unwrap_or(first);
                let position = (input as u64, given[input]);
                given[input] += 1;
                early += usize::from(input > first);
                Some(Step {
                    position,
                    early: input > first,
                    block: (position.1 < BLOCKS).then_some(position),
                })
            };
            let worker = || {
                |position: &(u64, u64), out: &mut Vec<u8>, flush_partial: &mut FlushPartial<'_>| {
                    let _ = writeln!(out, "{position:?} {}", "x".repeat(length));
                    flush_partial(out);
                }
            };
            let stages = Stages { next, recycle: |_| Vec::new(), size: |_: &(u64, u64)| 1 << 19 };
            let mut out = Vec::new();
            run(stages, (threads, Order::OfInput), worker, &mut out).expect("memory takes it");
            let written: Vec<&str> = std::str::from_utf8(&out).expect("text").lines().collect();
            let positions = (0..3).flat_map(|input| (0..BLOCKS).map(move |block| (input, block)));
            assert_eq!(written.len(), 180);
            assert!(
                written
                    .iter()
                    .zip(positions)
                    .all(|(line, position)| line.starts_with(&format!("{position:?} ")))
            );
            let most = if length > 100_000 { 30 } else { 122 };
            assert!((2..=most).contains(&early), "{early} of {length} bytes");
        }
    }

    /// Keeps the bytes, and the length of the longest write.
    #[derive(Default)]
    struct Measured(Vec<u8>, usize);

    impl Write for Measured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.extend_from_slice(bytes);
            self.1 = self.1.max(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writes_a_large_result_before_the_rest_is_made() {
        for (threads, inputs) in [(1, 1), (1, 3), (2, 1), (3, 3), (7, 2)] {
            let mut steps = (0..9_u64).map(|at| Step {
                position: (at % inputs, at / inputs),
                early: at % inputs > 0,
                block: (at / inputs < 9 / inputs).then_some((at % inputs, at / inputs)),
            });
            let mut ends =
                (0..inputs).map(|input| Step { position: (input, 9 / inputs), early: false, block: None });
            let next = |_, _| steps.by_ref().find(|step| step.block.is_some()).or_else(|| ends.next());
            let worker = || {
                |position: &(u64, u64), out: &mut Vec<u8>, flush_partial: &mut FlushPartial<'_>| {
                    for row in 0..40_000 {
                        let _ = writeln!(out, "{position:?} {row:0100}");
                        flush_partial(out);
                    }
                }
            };
            let stages = Stages { next, recycle: |_| Vec::new(), size: |_: &(u64, u64)| 1 << 19 };
            let mut out = Measured::default();
            run(stages, (threads, Order::OfInput), worker, &mut out).expect("memory takes it");
            let positions = (0..inputs).flat_map(|input| (0..9 / inputs).map(move |block| (input, block)));
            let rows =
                positions.flat_map(|position| (0..40_000).map(move |row| format!("{position:?} {row:0100}")));
            assert!(std::str::from_utf8(&out.0).expect("text").lines().eq(rows), "{threads} {inputs}");
            assert!(out.1 < 2 * PARTIAL_LEN, "{} bytes at once", out.1);
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
    fn a_closed_output_stops_the_workers() {
        for order in [Order::OfInput, Order::AsDone] {
            let result = numbers(u64::MAX, 3, order, &mut Closed);
            assert!(matches!(result, Err(Failure::OutputClosed)), "{result:?}");
        }
    }

    #[test]
    fn a_panic_in_a_worker_ends_the_others() {
        let worker =
            || |number: &u64, _: &mut Vec<u8>, _: &mut FlushPartial<'_>| assert!(*number != 50, "on purpose");
        let mut left = 0..u64::MAX;
        let stages = Stages { next: steps(|| left.next()), recycle: |_| Vec::new(), size: |_: &u64| 1 << 20 };
        let run = || run(stages, (3, Order::OfInput), worker, &mut Vec::new());
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err());
    }

    /// Publishes the number of bytes written at each flush.
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
    fn flushes_all_results_before_waiting_for_the_next_block() {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let mut left = 0..20;
        let next = steps(|| {
            let next = left.next();
            let mut waits = 0;
            while next.is_some_and(|next| seen.load(std::sync::atomic::Ordering::SeqCst) < next) {
                thread::sleep(Duration::from_millis(1));
                waits += 1;
                assert!(waits < 10_000, "the results of earlier blocks are held back");
            }
            next.map(|next| next as u64)
        });
        let worker = || |_: &u64, out: &mut Vec<u8>, _: &mut FlushPartial<'_>| out.push(b'x');
        let stages = Stages { next, recycle: |_| Vec::new(), size: |_: &u64| 1 };
        run(stages, (3, Order::OfInput), worker, &mut Watched(0, &seen)).expect("it is written");
    }
}
