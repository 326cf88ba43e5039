//! How much may be in flight at once: whoever reads waits until there is room.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Room for so many bytes. A single thing that is larger has room where there is nothing else.
pub(crate) struct Budget {
    limit: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    used: usize,
    closed: bool,
}

impl Budget {
    /// Of so many bytes.
    pub(crate) fn new(limit: usize) -> Budget {
        Budget { limit, state: Mutex::default(), freed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room and takes it. `false` where nobody needs anything any more.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let full = |state: &mut State| !state.closed && state.used > 0 && state.used + bytes > self.limit;
        let mut state = self.freed.wait_while(self.state(), full).unwrap_or_else(PoisonError::into_inner);
        state.used += bytes;
        !state.closed
    }

    /// Whether there is room for so much.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.state().used + bytes <= self.limit
    }

    /// Takes room that there may not be, and does not wait for it. `false` where nobody needs anything any more.
    pub(crate) fn overdraw(&self, bytes: usize) -> bool {
        let mut state = self.state();
        state.used += bytes;
        !state.closed
    }

    /// Gives room back.
    pub(crate) fn give(&self, bytes: usize) {
        let mut state = self.state();
        state.used = state.used.saturating_sub(bytes);
        self.freed.notify_all();
    }

    /// Lets everybody go who waits.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn there_is_room_for_so_much_and_for_one_thing_alone() {
        let budget = Budget::new(10);
        assert!(budget.take(100), "one thing alone");
        thread::scope(|scope| {
            let waits = scope.spawn(|| budget.take(6) && budget.take(4));
            assert!(!budget.has_room(1));
            budget.give(100);
            assert!(waits.join().expect("it ends"));
            assert!(!budget.has_room(1) && budget.overdraw(1));
            let waits = scope.spawn(|| budget.take(1));
            budget.close();
            assert!(!waits.join().expect("it ends"));
        });
    }
}
