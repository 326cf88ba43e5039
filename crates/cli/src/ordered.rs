//! Many threads, one order: blocks are worked on in parallel, and what comes of them is written in the order
//! of the inputs and of the blocks in them.
//!
//! There is no reader and no writer beside the workers: whoever has nothing to do reads the next block, works on it, and
//! puts what it made down in its place; whoever finds the next in order ready, and nobody writing, writes it and all that
//! follows. So as many threads as were asked for do all the work, a block stays in the cache of the processor that read
//! it, and no thread waits for another one to wake up. What is in flight has a budget, so a slow output stops the
//! reading, and memory is bounded whatever the input's length, and however long its lines.
//!
//! There may be several inputs, and a block of a later one may be read while an earlier one has none ready. What is made of
//! it is held until its turn, for which it has room of its own.

use crate::budget::Budget;
use crate::exit::Failure;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many bytes of blocks may be in flight, and for each worker at least.
const IN_FLIGHT: usize = 8 << 20;
/// See [`IN_FLIGHT`].
const IN_FLIGHT_PER_WORKER: usize = 3 << 19;
/// How many bytes may be held that came of later inputs while an earlier one still had to give.
const EARLY: usize = 4 << 20;
/// What a block of a later input may take; with less room none is read.
const EARLY_BLOCK: usize = 1 << 20;
/// What it costs to hold a result, beside its bytes.
const HELD: usize = 128;
/// What is longer is written before the rest of it is made.
const MADE_MAX: usize = 1 << 20;
/// What a result is taken to have before there was one.
const USUAL: usize = 2 << 20;
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

/// A block, or the end of an input, and where it stands. Every input has an end, also one that has no blocks.
pub(crate) struct Step<B> {
    /// The number of the input, and that of the block in it, both counted from 0.
    pub(crate) place: (u64, u64),
    /// Whether an input before it has more to give.
    pub(crate) early: bool,
    /// The block; `None` at the end of the input.
    pub(crate) block: Option<B>,
}

/// What is done with blocks.
pub(crate) struct Ways<N, S, R> {
    /// Gives the next block, in a buffer whose memory is used again; `None` at the end of all inputs. It is told whether
    /// there is room for what comes of later inputs.
    pub(crate) next: N,
    /// Takes the buffer out of a block that was worked on.
    pub(crate) spent: S,
    /// How many bytes a block has.
    pub(crate) room: R,
}

/// Has what a worker made so far written before the rest is made, if it is much.
pub(crate) type Ease<'e> = dyn FnMut(&mut Vec<u8>) + 'e;

/// Gets blocks until there are none, calls a worker's function on each of them, and writes what they make to `out` in
/// order. `worker` makes one function per thread, which may keep scratch. It puts what it makes into a buffer, and may
/// ease that now and then.
pub(crate) fn run<B, W, N>(
    ways: Ways<N, impl Fn(B) -> Vec<u8> + Sync, impl Fn(&B) -> usize + Sync>,
    (threads, order): (usize, Order),
    worker: impl Fn() -> W + Sync,
    out: &mut (dyn Write + Send),
) -> Result<(), Failure>
where
    N: FnMut(Vec<u8>, bool) -> Option<Step<B>> + Send,
    W: FnMut(&B, &mut Vec<u8>, &mut Ease<'_>),
{
    let Ways { next, spent, room } = ways;
    let budgets = Budgets::new(threads);
    let (input, buffers) = (Mutex::new(Input { next, ended: false }), Buffers::default());
    let outlet = Outlet {
        queue: Mutex::default(),
        turned: Condvar::new(),
        out: Mutex::new(out),
        budgets: &budgets,
        order,
    };
    let work = || {
        let mut work = worker();
        // Where one of them panics, the others must not wait for what it never puts down.
        let _closed = CloseOnPanic(&outlet);
        loop {
            let read = lock(&input).next(&buffers, &room, &budgets);
            let Some((Step { place, early, block }, room)) = read else { break };
            let Some(block) = block else {
                outlet.put(place, Made { is_end: true, ..Made::default() });
                continue;
            };
            let (mut bytes, mut held) = (outlet.buffer(), Vec::new());
            work(&block, &mut bytes, &mut |bytes| outlet.ease(place, early, bytes, &mut held));
            buffers.give_back(spent(block));
            outlet.put(place, outlet.made((held, bytes), room, early));
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

/// Room for what is in flight of the input whose turn it is, and for what was done of later ones. The first is waited
/// for. The second is not: whoever reads would sit on what the first needs to become free.
///
/// A block is given the room of its result as well as one can tell, which is what the last one took; when there is a
/// result, it has what it takes.
struct Budgets {
    in_turn: Budget,
    early: Budget,
    /// How many bytes the last result took.
    usual: AtomicUsize,
}

impl Budgets {
    fn new(threads: usize) -> Budgets {
        let in_turn = Budget::new(IN_FLIGHT.max(threads * IN_FLIGHT_PER_WORKER));
        Budgets { in_turn, early: Budget::new(EARLY), usual: AtomicUsize::new(USUAL) }
    }

    fn has_early_room(&self) -> bool {
        self.early.has_room(EARLY_BLOCK.max(self.usual.load(Ordering::Relaxed)))
    }

    /// Takes room for a block of so many bytes and what is made of it. Returns how much that is; `None` where nobody needs
    /// anything any more.
    fn take_for(&self, early: bool, block: usize) -> Option<usize> {
        let room = block.max(self.usual.load(Ordering::Relaxed));
        let is_open = if early { self.early.overdraw(room) } else { self.in_turn.take(room) };
        is_open.then_some(room)
    }

    /// Gives the room of a block back, and takes that of its result without waiting: nobody can do without it.
    fn change(&self, early: bool, room: usize, held: usize) {
        self.usual.store(held, Ordering::Relaxed);
        let budget = if early { &self.early } else { &self.in_turn };
        budget.overdraw(held);
        budget.give(room);
    }

    fn give(&self, early: bool, bytes: usize) {
        let budget = if early { &self.early } else { &self.in_turn };
        budget.give(bytes);
    }

    fn close(&self) {
        self.in_turn.close();
        self.early.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct CloseOnPanic<'l, 'b, 'o>(&'l Outlet<'b, 'o>);

impl Drop for CloseOnPanic<'_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

/// Where blocks come from, for one thread at a time.
struct Input<N> {
    next: N,
    ended: bool,
}

impl<B, N: FnMut(Vec<u8>, bool) -> Option<Step<B>>> Input<N> {
    /// The next step and the room it took; `None` at the end, and where nobody needs anything any more. Room is waited for here, in the order
    /// of the input: otherwise a later block could have what an earlier one waits for.
    fn next(
        &mut self,
        buffers: &Buffers,
        room: &impl Fn(&B) -> usize,
        budgets: &Budgets,
    ) -> Option<(Step<B>, usize)> {
        if self.ended {
            return None;
        }
        self.ended = true;
        let step = (self.next)(buffers.largest(), budgets.has_early_room())?;
        let taken = match &step.block {
            Some(block) => budgets.take_for(step.early, room(block))?,
            None => 0,
        };
        self.ended = false;
        Some((step, taken))
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

/// What was made of a block.
#[derive(Default)]
struct Made {
    /// What was made first, where it was much and had to be held.
    held: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    /// The room that it takes, and whether that is room for what is early.
    room: usize,
    early: bool,
    /// Whether its buffer is used again; of one that was copied out of a buffer, that one is.
    is_kept: bool,
    /// Whether it is the end of an input instead.
    is_end: bool,
}

/// Where what was made goes.
struct Outlet<'b, 'o> {
    queue: Mutex<Queue>,
    /// Told when nobody writes any more: it may be the turn of one that has much.
    turned: Condvar,
    /// For whoever took it upon itself to write, and so never waited for.
    out: Mutex<&'o mut (dyn Write + Send)>,
    budgets: &'b Budgets,
    order: Order,
}

/// What was made and not written yet.
#[derive(Default)]
struct Queue {
    ready: BTreeMap<(u64, u64), Made>,
    /// The place of what is to be written next.
    next: (u64, u64),
    is_writing: bool,
    /// Whether nothing is written any more.
    is_closed: bool,
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
        let ((input, block), made) = first.remove_entry();
        self.next = if made.is_end { (input + 1, 0) } else { (input, block + 1) };
        Some(made)
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

    /// What was made of a block that took so much room. It may have to be held for long: what is early, or much shorter than
    /// its buffer, is held without the rest of it, which others can use.
    fn made(&self, (held, mut bytes): (Vec<Vec<u8>>, Vec<u8>), room: usize, early: bool) -> Made {
        let is_copied = early || bytes.len() < bytes.capacity() / 2;
        if is_copied {
            let exact = bytes.as_slice().to_vec();
            lock(&self.queue).give_back(std::mem::replace(&mut bytes, exact));
        }
        let taken = HELD + held.iter().map(Vec::capacity).sum::<usize>() + bytes.capacity();
        self.budgets.change(early, room, taken);
        Made { held, bytes, room: taken, early, is_kept: !is_copied, is_end: false }
    }

    /// Puts down what was made of a block, and writes what can be written, unless somebody does.
    fn put(&self, place: (u64, u64), made: Made) {
        let mut queue = lock(&self.queue);
        queue.ready.insert(place, made);
        if std::mem::replace(&mut queue.is_writing, true) {
            return;
        }
        let written = self.write(queue);
        self.check(written);
    }

    /// Writes what was made so far of a block, if that is much, and waits until that is its turn. What is early is `held`
    /// instead: it may be all that the workers have, and then its turn would never come.
    fn ease(&self, place: (u64, u64), early: bool, bytes: &mut Vec<u8>, held: &mut Vec<Vec<u8>>) {
        if bytes.len() < MADE_MAX {
            return;
        }
        let is_turn = |queue: &Queue| self.order == Order::AsDone || queue.next == place;
        let mut queue = lock(&self.queue);
        if early && (!is_turn(&queue) || !held.is_empty()) {
            drop(queue);
            held.push(bytes.as_slice().to_vec());
            return bytes.clear();
        }
        let must_wait = |queue: &mut Queue| !queue.is_closed && (queue.is_writing || !is_turn(queue));
        queue = self.turned.wait_while(queue, must_wait).unwrap_or_else(PoisonError::into_inner);
        if !queue.is_closed {
            queue.is_writing = true;
            drop(queue);
            let written = lock(&self.out).write_all(bytes);
            self.check(written.and_then(|()| self.write(lock(&self.queue))));
        }
        bytes.clear();
    }

    /// After an error, nobody writes any more, and nobody waits for room that nobody gives back.
    fn check(&self, written: io::Result<()>) {
        if let Err(error) = written {
            lock(&self.queue).failed = Some(error);
            self.close();
        }
    }

    /// Lets everybody go who waits.
    fn close(&self) {
        lock(&self.queue).is_closed = true;
        self.turned.notify_all();
        self.budgets.close();
    }

    /// Writes until nothing is ready; then whoever watches a live log sees what there is.
    fn write<'q>(&'q self, mut queue: MutexGuard<'q, Queue>) -> io::Result<()> {
        let (mut out, mut flushed) = (lock(&self.out), false);
        loop {
            let made = queue.pop(self.order);
            if made.is_none() && flushed {
                queue.is_writing = false;
                self.turned.notify_all();
                return Ok(());
            }
            drop(queue);
            let Some(made) = made else {
                (flushed, queue) = (out.flush().map(|()| true)?, lock(&self.queue));
                continue;
            };
            made.held.iter().try_for_each(|bytes| out.write_all(bytes))?;
            out.write_all(&made.bytes)?;
            self.budgets.give(made.early, made.room);
            (flushed, queue) = (false, lock(&self.queue));
            if made.is_kept {
                queue.give_back(made.bytes);
            }
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

    /// The numbers as blocks of one input.
    fn steps(mut numbers: impl FnMut() -> Option<u64>) -> impl FnMut(Vec<u8>, bool) -> Option<Step<u64>> {
        let mut block = 0..;
        move |_, _| {
            numbers().zip(block.next()).map(|(number, block)| Step {
                place: (0, block),
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
            |number: &u64, made: &mut Vec<u8>, _: &mut Ease<'_>| {
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

    /// Three inputs of so many blocks, given from the last to the first as long as there is room, and a block each.
    #[test]
    fn what_later_inputs_give_early_is_held_until_its_turn() {
        const BLOCKS: u64 = 60;
        for (threads, length) in [(1, 1), (2, 700_000), (7, 40_000)] {
            let mut given = [0; 3];
            let mut was_early = 0;
            let next = |_, may_be_early: bool| {
                let first = given.iter().position(|given| *given <= BLOCKS)?;
                let later = given.iter().rposition(|given| *given <= BLOCKS).filter(|_| may_be_early);
                let input = later.unwrap_or(first);
                let place = (input as u64, given[input]);
                given[input] += 1;
                was_early += usize::from(input > first);
                Some(Step { place, early: input > first, block: (place.1 < BLOCKS).then_some(place) })
            };
            let worker = || {
                |place: &(u64, u64), made: &mut Vec<u8>, ease: &mut Ease<'_>| {
                    let _ = writeln!(made, "{place:?} {}", "x".repeat(length));
                    ease(made);
                }
            };
            let ways = Ways { next, spent: |_| Vec::new(), room: |_: &(u64, u64)| 1 << 19 };
            let mut out = Vec::new();
            run(ways, (threads, Order::OfInput), worker, &mut out).expect("memory takes it");
            let written: Vec<&str> = std::str::from_utf8(&out).expect("text").lines().collect();
            let places = (0..3).flat_map(|input| (0..BLOCKS).map(move |block| (input, block)));
            assert_eq!(written.len(), 180);
            assert!(written.iter().zip(places).all(|(line, place)| line.starts_with(&format!("{place:?} "))));
            let most = if length > 100_000 { 30 } else { 122 };
            assert!((2..=most).contains(&was_early), "{was_early} of {length} bytes");
        }
    }

    /// Keeps what is written, and how much at most was written at a time.
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
    fn much_of_a_block_is_written_before_the_rest_is_made() {
        for (threads, inputs) in [(1, 1), (1, 3), (2, 1), (3, 3), (7, 2)] {
            let mut steps = (0..9_u64).map(|at| Step {
                place: (at % inputs, at / inputs),
                early: at % inputs > 0,
                block: (at / inputs < 9 / inputs).then_some((at % inputs, at / inputs)),
            });
            let mut ends =
                (0..inputs).map(|input| Step { place: (input, 9 / inputs), early: false, block: None });
            let next = |_, _| steps.by_ref().find(|step| step.block.is_some()).or_else(|| ends.next());
            let worker = || {
                |place: &(u64, u64), made: &mut Vec<u8>, ease: &mut Ease<'_>| {
                    for row in 0..40_000 {
                        let _ = writeln!(made, "{place:?} {row:0100}");
                        ease(made);
                    }
                }
            };
            let ways = Ways { next, spent: |_| Vec::new(), room: |_: &(u64, u64)| 1 << 19 };
            let mut out = Measured::default();
            run(ways, (threads, Order::OfInput), worker, &mut out).expect("memory takes it");
            let places = (0..inputs).flat_map(|input| (0..9 / inputs).map(move |block| (input, block)));
            let rows = places.flat_map(|place| (0..40_000).map(move |row| format!("{place:?} {row:0100}")));
            assert!(std::str::from_utf8(&out.0).expect("text").lines().eq(rows), "{threads} {inputs}");
            assert!(out.1 < 2 * MADE_MAX, "{} bytes at once", out.1);
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
        let worker =
            || |number: &u64, _: &mut Vec<u8>, _: &mut Ease<'_>| assert!(*number != 50, "on purpose");
        let mut left = 0..u64::MAX;
        let ways = Ways { next: steps(|| left.next()), spent: |_| Vec::new(), room: |_: &u64| 1 << 20 };
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
        let next = steps(|| {
            let next = left.next();
            let mut looks = 0;
            while next.is_some_and(|next| seen.load(std::sync::atomic::Ordering::SeqCst) < next) {
                thread::sleep(Duration::from_millis(1));
                looks += 1;
                assert!(looks < 10_000, "what was made of the blocks before is held back");
            }
            next.map(|next| next as u64)
        });
        let worker = || |_: &u64, made: &mut Vec<u8>, _: &mut Ease<'_>| made.push(b'x');
        let ways = Ways { next, spent: |_| Vec::new(), room: |_: &u64| 1 };
        run(ways, (3, Order::OfInput), worker, &mut Watched(0, &seen)).expect("it is written");
    }
}
