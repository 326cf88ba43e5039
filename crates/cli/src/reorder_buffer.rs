//! Puts the results of many workers into input order, and lets one of them at a time write.
//!
//! A worker inserts the result of its block. If no thread is writing, it becomes the writer: it writes the
//! next result in order and all that follow it, flushes, and stops when the next one is missing. Inserting
//! never waits, so a worker always returns to reading. The output has a lock of its own, which only the
//! current writer takes, so results are inserted while one is written.
//!
//! Only [`ReorderBuffer::flush_partial`] waits, for the turn of its own block; `parallel` says why that ends.

use crate::budget::Budgets;
use crate::exit::Failure;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A partial result of this length, in bytes, is written before the worker goes on, or held if it is early.
pub(crate) const PARTIAL_LEN: usize = 1 << 20;
/// What a held result costs beside its bytes.
const RESULT_OVERHEAD: usize = 128;
/// Larger result buffers are freed and not reused: one endless line must not cost its memory in every worker
/// for the rest of the run.
const BUFFER_MAX: usize = 2 << 20;

/// The order in which results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// That of the input.
    OfInput,
    /// That in which they are done.
    AsDone,
}

/// The result of a block, or the end of an input.
#[derive(Default)]
pub(crate) struct BlockResult {
    /// Partial results of an early block, which come before `bytes`.
    held: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    /// The room that it holds, and in which budget.
    room: usize,
    early: bool,
    /// Whether the buffer of `bytes` is reused after writing; false for an exact copy, whose buffer went back
    /// already.
    is_reused: bool,
    is_end: bool,
}

impl BlockResult {
    /// The end of an input.
    pub(crate) fn end_of_input() -> BlockResult {
        BlockResult { is_end: true, ..BlockResult::default() }
    }
}

/// Results that wait for their turn, and the output.
pub(crate) struct ReorderBuffer<'b, 'o> {
    queue: Mutex<Queue>,
    /// Notified when a writer stops: it may be the turn of a worker with a partial result.
    writer_stopped: Condvar,
    out: Mutex<&'o mut (dyn Write + Send)>,
    budgets: &'b Budgets,
    order: Order,
}

#[derive(Default)]
struct Queue {
    ready: BTreeMap<(u64, u64), BlockResult>,
    /// The position of the next result in input order.
    next: (u64, u64),
    is_writing: bool,
    /// Whether nothing is written any more, after an error or a panic.
    is_closed: bool,
    error: Option<io::Error>,
    /// Empty buffers with memory to reuse.
    spare: Vec<Vec<u8>>,
}

impl Queue {
    /// Takes the next result to write, if it is there.
    fn pop(&mut self, order: Order) -> Option<BlockResult> {
        let first = self.ready.first_entry()?;
        if order == Order::OfInput && *first.key() != self.next {
            return None;
        }
        let ((input, block), result) = first.remove_entry();
        self.next = if result.is_end { (input + 1, 0) } else { (input, block + 1) };
        Some(result)
    }

    fn put_spare(&mut self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= BUFFER_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }
}

impl<'b, 'o> ReorderBuffer<'b, 'o> {
    /// An empty buffer in front of an output.
    pub(crate) fn new(
        out: &'o mut (dyn Write + Send),
        budgets: &'b Budgets,
        order: Order,
    ) -> ReorderBuffer<'b, 'o> {
        ReorderBuffer {
            queue: Mutex::default(),
            writer_stopped: Condvar::new(),
            out: Mutex::new(out),
            budgets,
            order,
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn out(&self) -> MutexGuard<'_, &'o mut (dyn Write + Send)> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An empty buffer for a result.
    pub(crate) fn buffer(&self) -> Vec<u8> {
        self.queue().spare.pop().unwrap_or_default()
    }

    /// Makes a result that holds as little memory as possible, and exchanges the `room` of its block for its
    /// own. A result that may wait for long, or fills less than half of its buffer, is copied, and the buffer
    /// goes to other workers.
    pub(crate) fn pack(
        &self,
        (held, mut bytes): (Vec<Vec<u8>>, Vec<u8>),
        room: usize,
        early: bool,
    ) -> BlockResult {
        let is_copied = early || bytes.len() < bytes.capacity() / 2;
        if is_copied {
            let exact = bytes.as_slice().to_vec();
            self.queue().put_spare(std::mem::replace(&mut bytes, exact));
        }
        let size = RESULT_OVERHEAD + held.iter().map(Vec::capacity).sum::<usize>() + bytes.capacity();
        self.budgets.exchange(early, room, size);
        BlockResult { held, bytes, room: size, early, is_reused: !is_copied, is_end: false }
    }

    /// Adds a result, and writes what is ready unless another thread is writing.
    pub(crate) fn insert(&self, position: (u64, u64), result: BlockResult) {
        let mut queue = self.queue();
        queue.ready.insert(position, result);
        if std::mem::replace(&mut queue.is_writing, true) {
            return;
        }
        let written = self.write_ready(queue);
        self.close_on_error(written);
    }

    /// Writes a partial result if it is large, waiting for the turn of its block, and clears it. That of an
    /// early block is moved to `held` instead: if all workers waited with early blocks, none would read the
    /// blocks before them.
    pub(crate) fn flush_partial(
        &self,
        position: (u64, u64),
        early: bool,
        bytes: &mut Vec<u8>,
        held: &mut Vec<Vec<u8>>,
    ) {
        if bytes.len() < PARTIAL_LEN {
            return;
        }
        let is_turn = |queue: &Queue| self.order == Order::AsDone || queue.next == position;
        let mut queue = self.queue();
        if early && (!is_turn(&queue) || !held.is_empty()) {
            drop(queue);
            held.push(bytes.as_slice().to_vec());
            return bytes.clear();
        }
        let must_wait = |queue: &mut Queue| !queue.is_closed && (queue.is_writing || !is_turn(queue));
        queue = self.writer_stopped.wait_while(queue, must_wait).unwrap_or_else(PoisonError::into_inner);
        if !queue.is_closed {
            queue.is_writing = true;
            drop(queue);
            let written = self.out().write_all(bytes);
            self.close_on_error(written.and_then(|()| self.write_ready(self.queue())));
        }
        bytes.clear();
    }

    /// Keeps the error of a write, and closes: `is_writing` stays set, so no thread writes again.
    fn close_on_error(&self, written: io::Result<()>) {
        if let Err(error) = written {
            self.queue().error = Some(error);
            self.close();
        }
    }

    /// Ends every wait for a turn or for room.
    pub(crate) fn close(&self) {
        self.queue().is_closed = true;
        self.writer_stopped.notify_all();
        self.budgets.close();
    }

    /// Writes until the next result is missing. Flushes before it stops, so that a reader of the output sees
    /// every result so far.
    fn write_ready<'q>(&'q self, mut queue: MutexGuard<'q, Queue>) -> io::Result<()> {
        let (mut out, mut is_flushed) = (self.out(), false);
        loop {
            let result = queue.pop(self.order);
            if result.is_none() && is_flushed {
                queue.is_writing = false;
                self.writer_stopped.notify_all();
                return Ok(());
            }
            // Other workers insert while this one writes or flushes, so the queue is looked at again behind
            // both.
            drop(queue);
            let Some(result) = result else {
                (is_flushed, queue) = (out.flush().map(|()| true)?, self.queue());
                continue;
            };
            result.held.iter().try_for_each(|bytes| out.write_all(bytes))?;
            out.write_all(&result.bytes)?;
            self.budgets.release(result.early, result.room);
            (is_flushed, queue) = (false, self.queue());
            if result.is_reused {
                queue.put_spare(result.bytes);
            }
        }
    }

    /// The error of the output, if there was one.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let queue = self.queue.into_inner().unwrap_or_else(PoisonError::into_inner);
        queue.error.map_or(Ok(()), |error| Err(Failure::from(error)))
    }
}
