//! Many threads, one order: blocks are worked on in parallel, and what comes of them is written in the order
//! in which they were read.
//!
//! A ticket for each block goes to the writer in reading order, the block itself to whichever worker is free;
//! the writer waits for each ticket in turn. What is in flight has a budget, so a slow output stops the reader, and
//! memory is bounded whatever the input's length, and however long its lines.

use crate::budget::Budget;
use crate::exit::Failure;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many bytes of blocks may be in flight, and for each worker at least.
const IN_FLIGHT: usize = 8 << 20;
/// See [`IN_FLIGHT`].
const IN_FLIGHT_PER_WORKER: usize = 3 << 19;
/// Larger buffers are not used again: one endless line should not cost its memory for ever.
const BUFFER_MAX: usize = 2 << 20;

/// In what order results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the input.
    OfInput,
    /// That in which they are done.
    AsDone,
}

/// What was made of a block, and the room that the block took.
type Made = (Vec<u8>, usize);

/// A block, its room, and the place where what comes of it is awaited.
type Job<B> = (B, usize, Sender<Made>);

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
pub(crate) fn run<B, W>(
    ways: Ways<
        impl FnMut(Vec<u8>) -> Option<B> + Send,
        impl Fn(B) -> Vec<u8> + Sync,
        impl Fn(&B) -> usize + Send,
    >,
    (threads, order): (usize, Order),
    worker: impl Fn() -> W + Sync,
    out: &mut dyn Write,
) -> Result<(), Failure>
where
    B: Send,
    W: FnMut(&B, &mut Vec<u8>),
{
    let Ways { mut next, spent, room } = ways;
    let budget = &Budget::new(IN_FLIGHT.max(threads * IN_FLIGHT_PER_WORKER));
    let (to_workers, jobs) = channel::<Job<B>>();
    let (to_writer, tickets) = channel::<Receiver<Made>>();
    let (give_back, returned) = channel::<Vec<u8>>();
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        let reader = thread::Builder::new().spawn_scoped(scope, move || {
            let mut door = None;
            while let Some(block) = next(returned.try_recv().unwrap_or_default()) {
                let room = room(&block);
                if !budget.take(room)
                    || to_workers.send((block, room, result_of(order, &mut door, &to_writer))).is_err()
                {
                    break;
                }
            }
        });
        // Fewer workers than were asked for do the same work.
        let start =
            || thread::Builder::new().spawn_scoped(scope, || work(&jobs, worker(), &spent, &give_back));
        let workers = (0..threads.max(1)).map_while(|_| start().ok()).count();
        let written = match (reader, workers) {
            (Err(_), _) | (_, 0) => Err(Failure::unfinished("no thread could be started")),
            _ => write(&tickets, budget, out).map_err(Failure::from),
        };
        // After an error the reader must not wait for room that nobody gives back.
        budget.close();
        written
    })
}

/// Where what comes of a block goes: through a ticket of its own, or, where nobody minds the order, through the door that
/// the first ticket opened.
fn result_of(
    order: Order,
    door: &mut Option<Sender<Made>>,
    to_writer: &Sender<Receiver<Made>>,
) -> Sender<Made> {
    if let (Order::AsDone, Some(door)) = (order, &*door) {
        return door.clone();
    }
    let (result, ticket) = channel();
    // Where the writer is gone, the budget is closed, too.
    let _ = to_writer.send(ticket);
    *door = (order == Order::AsDone).then(|| result.clone());
    result
}

fn work<B, W: FnMut(&B, &mut Vec<u8>)>(
    jobs: &Mutex<Receiver<Job<B>>>,
    mut worker: W,
    spent: &impl Fn(B) -> Vec<u8>,
    give_back: &Sender<Vec<u8>>,
) {
    // The lock is held while waiting for a job, not while working on it; hence the closure.
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((block, room, result)) = next() {
        let mut made = Vec::new();
        worker(&block, &mut made);
        // Nobody waits any more where the output was closed, and nobody reads where the input has ended.
        let _ = result.send((made, room));
        let buffer = spent(block);
        if buffer.capacity() <= BUFFER_MAX {
            let _ = give_back.send(buffer);
        }
    }
}

/// Writes what comes through each ticket until it is closed, ticket by ticket, until the reader stops.
fn write(tickets: &Receiver<Receiver<Made>>, budget: &Budget, out: &mut dyn Write) -> io::Result<()> {
    while let Some(ticket) = next_of(tickets, out)? {
        while let Some((made, room)) = next_of(&ticket, out)? {
            out.write_all(&made)?;
            budget.give(room);
        }
    }
    Ok(())
}

/// What comes next. Where nothing is waiting, whoever watches a live log sees what there is.
fn next_of<T>(queue: &Receiver<T>, out: &mut dyn Write) -> io::Result<Option<T>> {
    if let Ok(next) = queue.try_recv() {
        return Ok(Some(next));
    }
    out.flush()?;
    Ok(queue.recv().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn numbers(count: u64, threads: usize, order: Order, out: &mut dyn Write) -> Result<(), Failure> {
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
}
