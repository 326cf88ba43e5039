//! Many threads, one order: blocks are worked on in parallel, and what comes of them is written in the order
//! in which they were read.
//!
//! A ticket for each block goes to the writer in reading order, the block itself to whichever worker is free;
//! the writer waits for each ticket in turn. Both queues are bounded, so a slow output stops the reader, and
//! memory is a fixed number of blocks whatever the input's length.

use crate::exit::Failure;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// How many blocks may wait per worker: enough that a slow block does not stop the others.
const WAITING_PER_WORKER: usize = 3;
/// More workers than these share the places of these, so that memory stays modest.
const WAITING_MAX: usize = 32;

/// In what order results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the input.
    OfInput,
    /// That in which they are done.
    AsDone,
}

/// A block and the place where what comes of it is awaited.
type Job<B> = (B, SyncSender<Vec<u8>>);

/// Runs `next` on this program's behalf until it gives nothing, a worker's function on each thing that it gives,
/// and writes what they make to `out` in order. `worker` makes one function per thread, which may keep scratch.
/// `next` is handed buffers of blocks that were worked on, through `spent`, to use their memory again.
pub(crate) fn run<B, W>(
    mut next: impl FnMut(Vec<u8>) -> Option<B> + Send,
    spent: impl Fn(B) -> Vec<u8> + Sync,
    (threads, order): (usize, Order),
    worker: impl Fn() -> W + Sync,
    out: &mut dyn Write,
) -> Result<(), Failure>
where
    B: Send,
    W: FnMut(&B, &mut Vec<u8>),
{
    let waiting = threads.clamp(1, WAITING_MAX) * WAITING_PER_WORKER;
    let (to_workers, jobs) = sync_channel::<Job<B>>(waiting);
    let (to_writer, tickets) = sync_channel::<Receiver<Vec<u8>>>(waiting);
    // Where nobody minds the order, all results come through one door.
    let (to_door, door) = sync_channel::<Vec<u8>>(waiting);
    let (give_back, returned) = channel::<Vec<u8>>();
    let (jobs, closed) = (Mutex::new(jobs), &AtomicBool::new(false));
    thread::scope(|scope| {
        let reader = thread::Builder::new().spawn_scoped(scope, move || {
            while let Some(block) = next(returned.try_recv().unwrap_or_default()) {
                if closed.load(Ordering::Relaxed) {
                    break;
                }
                let result = match order {
                    Order::OfInput => {
                        let (result, ticket) = sync_channel(1);
                        if to_writer.send(ticket).is_err() {
                            break;
                        }
                        result
                    }
                    Order::AsDone => to_door.clone(),
                };
                if to_workers.send((block, result)).is_err() {
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
            _ => match order {
                Order::OfInput => write_in_order(&tickets, out),
                Order::AsDone => write_as_done(&door, out),
            }
            .map_err(Failure::from),
        };
        // After an error the reader finds nobody to hand its tickets to, and stops; or it is told.
        drop((tickets, door));
        closed.store(true, Ordering::Relaxed);
        written
    })
}

fn work<B, W: FnMut(&B, &mut Vec<u8>)>(
    jobs: &Mutex<Receiver<Job<B>>>,
    mut worker: W,
    spent: &impl Fn(B) -> Vec<u8>,
    give_back: &Sender<Vec<u8>>,
) {
    // The lock is held while waiting for a job, not while working on it; hence the closure.
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((block, result)) = next() {
        let mut made = Vec::new();
        worker(&block, &mut made);
        // Nobody waits any more where the output was closed, and nobody reads where the input has ended.
        let _ = result.send(made);
        let _ = give_back.send(spent(block));
    }
}

/// Writes until the reader stops.
fn write_in_order(tickets: &Receiver<Receiver<Vec<u8>>>, out: &mut dyn Write) -> io::Result<()> {
    loop {
        let ticket = match tickets.try_recv() {
            Ok(ticket) => ticket,
            Err(_) => {
                // Nothing is waiting: whoever watches a live log sees what there is.
                out.flush()?;
                let Ok(ticket) = tickets.recv() else { return Ok(()) };
                ticket
            }
        };
        let made = ticket.recv().map_err(|_| io::Error::other("a worker died"))?;
        out.write_all(&made)?;
    }
}

/// Writes until nobody makes anything any more.
fn write_as_done(door: &Receiver<Vec<u8>>, out: &mut dyn Write) -> io::Result<()> {
    loop {
        let made = match door.try_recv() {
            Ok(made) => made,
            Err(_) => {
                out.flush()?;
                let Ok(made) = door.recv() else { return Ok(()) };
                made
            }
        };
        out.write_all(&made)?;
    }
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
        run(next, |_| Vec::new(), (threads, order), worker, out)
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
