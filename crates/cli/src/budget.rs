//! How many bytes of blocks and results are held at once, by all threads together.
//!
//! [`Budget::acquire`] is the only call that waits, and it does so only while other bytes are held: a single
//! block that is larger than the whole budget passes alone, so a waiting thread always depends on bytes that
//! another thread releases. [`Budget::close`] ends every wait, for errors and panics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The budget of blocks in their turn, in bytes, and the least for each worker.
const IN_TURN: usize = 8 << 20;
/// See [`IN_TURN`].
const IN_TURN_PER_WORKER: usize = 3 << 19;
/// The budget of early blocks and their results, in bytes.
const EARLY: usize = 4 << 20;
/// The least room with which an early block is read, in bytes.
const EARLY_BLOCK: usize = 1 << 20;
/// The estimated size of the first result, in bytes.
const FIRST_RESULT: usize = 2 << 20;

/// Two budgets: one for blocks of the input whose turn it is, one for *early* blocks, those of later inputs.
///
/// A block acquires room before its result is known, so it acquires the larger of its own size and the size
/// of the last result; when the result is there, the room is exchanged for the result's size. The first
/// budget is waited for, so a slow output stops the reading. The second is not: a thread that waited there
/// would hold the lock under which the blocks are read whose turn it is. Instead no early block is read while
/// it is full.
///
/// Bound: the first budget, the second, and for each worker one block and one result beyond them.
pub(crate) struct Budgets {
    in_turn: Budget,
    early: Budget,
    /// The size of the last result, in bytes.
    last_result: AtomicUsize,
}

impl Budgets {
    /// The budgets of so many workers.
    pub(crate) fn new(threads: usize) -> Budgets {
        let in_turn = Budget::new(IN_TURN.max(threads * IN_TURN_PER_WORKER));
        Budgets { in_turn, early: Budget::new(EARLY), last_result: AtomicUsize::new(FIRST_RESULT) }
    }

    /// Whether an early block may be read.
    pub(crate) fn has_early_room(&self) -> bool {
        self.early.has_room(EARLY_BLOCK.max(self.last_result.load(Ordering::Relaxed)))
    }

    /// Acquires room for a block and its result, and returns how much; `None` when the budgets are closed.
    pub(crate) fn acquire(&self, early: bool, block: usize) -> Option<usize> {
        let room = block.max(self.last_result.load(Ordering::Relaxed));
        let is_open = if early { self.early.acquire_beyond_limit(room) } else { self.in_turn.acquire(room) };
        is_open.then_some(room)
    }

    /// Exchanges the room of a block for that of its result, without waiting: the result exists already.
    pub(crate) fn exchange(&self, early: bool, room: usize, result: usize) {
        self.last_result.store(result, Ordering::Relaxed);
        let budget = self.budget(early);
        budget.acquire_beyond_limit(result);
        budget.release(room);
    }

    /// Releases the room of a result.
    pub(crate) fn release(&self, early: bool, room: usize) {
        self.budget(early).release(room);
    }

    /// Ends every wait, now and later.
    pub(crate) fn close(&self) {
        self.in_turn.close();
        self.early.close();
    }

    const fn budget(&self, early: bool) -> &Budget {
        if early { &self.early } else { &self.in_turn }
    }
}

/// A limit, and how much of it is held.
struct Budget {
    limit: usize,
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default)]
struct State {
    held: usize,
    is_closed: bool,
}

impl Budget {
    /// A budget of `limit` bytes.
    fn new(limit: usize) -> Budget {
        Budget { limit, state: Mutex::default(), released: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `bytes` fit, and holds them. `false` when the budget is closed.
    fn acquire(&self, bytes: usize) -> bool {
        let is_full =
            |state: &mut State| !state.is_closed && state.held > 0 && state.held + bytes > self.limit;
        let mut state =
            self.released.wait_while(self.state(), is_full).unwrap_or_else(PoisonError::into_inner);
        state.held += bytes;
        !state.is_closed
    }

    /// Whether `bytes` fit now.
    fn has_room(&self, bytes: usize) -> bool {
        self.state().held + bytes <= self.limit
    }

    /// Holds `bytes` without waiting, also beyond the limit. `false` when the budget is closed.
    fn acquire_beyond_limit(&self, bytes: usize) -> bool {
        let mut state = self.state();
        state.held += bytes;
        !state.is_closed
    }

    /// Releases `bytes`.
    fn release(&self, bytes: usize) {
        let mut state = self.state();
        state.held = state.held.saturating_sub(bytes);
        self.released.notify_all();
    }

    /// Ends every wait, now and later.
    fn close(&self) {
        self.state().is_closed = true;
        self.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn admits_a_limit_or_one_larger_block_alone() {
        let budget = Budget::new(10);
        assert!(budget.acquire(100), "larger than the limit, and alone");
        thread::scope(|scope| {
            let waits = scope.spawn(|| budget.acquire(6) && budget.acquire(4));
            assert!(!budget.has_room(1));
            budget.release(100);
            assert!(waits.join().expect("it ends"));
            assert!(!budget.has_room(1) && budget.acquire_beyond_limit(1));
            let waits = scope.spawn(|| budget.acquire(1));
            budget.close();
            assert!(!waits.join().expect("it ends"));
        });
    }
}
