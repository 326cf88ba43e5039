//! Who is connected, what each connection waits for, and since when.
//!
//! No request has a timer of its own. A connection notes what it waits for, and once a tick all of them are looked at:
//! one that has waited too long is closed. When all slots are taken, the one that has waited longest for its client makes
//! room, so that clients which hold connections without using them keep none from others.

use crate::limits::{EVICTED_AFTER, Limits, ticks};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The next request.
    Idle = 0,
    /// The rest of the headers.
    Header = 1,
    /// The body.
    Body = 2,
    /// Its answer, which this program owes.
    Answer = 3,
    /// The client, which does not read.
    Stall = 4,
    /// The client, which has its last answer and has not closed yet.
    Linger = 5,
}

/// One connection.
pub(crate) struct Slot {
    phase: AtomicU8,
    /// The tick at which the phase began.
    since: AtomicU64,
    /// Whether all of the answer has been handed to hyper.
    is_answered: AtomicBool,
    /// The tick at which the request took shared room, and one; 0 where it has none.
    holds_since: AtomicU64,
    close: Notify,
    clock: Arc<AtomicU64>,
}

impl Slot {
    fn new(clock: &Arc<AtomicU64>) -> Slot {
        Slot {
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(clock.load(Relaxed)),
            is_answered: AtomicBool::new(false),
            holds_since: AtomicU64::new(0),
            close: Notify::new(),
            clock: Arc::clone(clock),
        }
    }

    pub(crate) fn is(&self, phase: Phase) -> bool {
        self.phase.load(Relaxed) == phase as u8
    }

    /// Begins to wait for something. Waiting on for the same does not begin anew.
    pub(crate) fn enter(&self, phase: Phase) {
        if self.phase.swap(phase as u8, Relaxed) != phase as u8 {
            self.since.store(self.clock.load(Relaxed), Relaxed);
        }
    }

    /// A request has come.
    pub(crate) fn begin(&self) {
        self.is_answered.store(false, Relaxed);
        self.holds_since.store(0, Relaxed);
        self.enter(Phase::Answer);
    }

    /// The request has taken shared room, which it holds until its answer is read.
    pub(crate) fn hold_room(&self) {
        self.holds_since.store(self.clock.load(Relaxed) + 1, Relaxed);
    }

    /// The whole answer has been handed over; it may not be written yet.
    pub(crate) fn answered(&self) {
        self.is_answered.store(true, Relaxed);
    }

    /// All that was handed over has been written.
    pub(crate) fn flushed(&self) {
        let is_writing = self.is(Phase::Answer) || self.is(Phase::Stall);
        if is_writing && self.is_answered.load(Relaxed) {
            self.enter(Phase::Idle);
        }
    }

    /// Completes when the connection is to be closed.
    pub(crate) async fn closing(&self) {
        self.close.notified().await;
    }

    fn waited(&self, now: u64) -> u64 {
        now.saturating_sub(self.since.load(Relaxed))
    }

    fn is_overdue(&self, now: u64, limits: &Limits) -> bool {
        let limit = match self.phase.load(Relaxed) {
            0 => limits.idle_time,
            1 => limits.header_time,
            2 => limits.body_time,
            4 => limits.stall_time,
            5 => limits.linger_time,
            _ => return false,
        };
        self.waited(now) > ticks(limit)
    }
}

/// All connections.
pub(crate) struct Slots {
    limits: Limits,
    clock: Arc<AtomicU64>,
    taken: Mutex<Vec<Arc<Slot>>>,
}

impl Slots {
    pub(crate) fn new(limits: Limits) -> Slots {
        Slots { limits, clock: Arc::new(AtomicU64::new(0)), taken: Mutex::new(Vec::new()) }
    }

    /// A slot for a new connection; `None` where there is no room, and none that waits for its client.
    pub(crate) fn take(&self) -> Option<Arc<Slot>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = Arc::new(Slot::new(&self.clock));
        if taken.len() < self.limits.connections {
            taken.push(Arc::clone(&slot));
            return Some(slot);
        }
        let now = self.clock.load(Relaxed);
        let waits =
            |other: &&mut Arc<Slot>| !other.is(Phase::Answer) && other.waited(now) > ticks(EVICTED_AFTER);
        let longest = taken.iter_mut().filter(waits).max_by_key(|other| other.waited(now))?;
        longest.close.notify_one();
        *longest = Arc::clone(&slot);
        Some(slot)
    }

    /// Gives a slot back. One that has made room for another is gone already.
    pub(crate) fn give_back(&self, slot: &Arc<Slot>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = taken.iter().position(|other| Arc::ptr_eq(other, slot)) {
            taken.swap_remove(at);
        }
    }

    /// How many connections there are.
    pub(crate) fn count(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Lets time pass, and closes what has waited too long.
    pub(crate) fn tick(&self) {
        let now = self.clock.fetch_add(1, Relaxed) + 1;
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken
            .iter()
            .filter(|slot| slot.is_overdue(now, &self.limits))
            .for_each(|slot| slot.close.notify_one());
    }

    /// Closes all connections that rest between two requests.
    pub(crate) fn close_idle(&self) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.iter().filter(|slot| slot.is(Phase::Idle)).for_each(|slot| slot.close.notify_one());
    }

    /// Closes the connection that has held shared room for longest, whatever it waits for, to make room for another one: a
    /// client that reads a byte a second waits for nothing long.
    pub(crate) fn close_longest_holder(&self) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.load(Relaxed) + 1;
        let held = |slot: &Arc<Slot>| match slot.holds_since.load(Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        };
        let longest =
            taken.iter().filter(|slot| held(slot) > ticks(EVICTED_AFTER)).max_by_key(|slot| held(slot));
        if let Some(longest) = longest {
            longest.close.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(connections: usize) -> Slots {
        Slots::new(Limits { connections, ..Limits::default() })
    }

    #[test]
    fn the_one_that_waits_longest_makes_room() {
        let slots = slots(2);
        let first = slots.take().expect("room");
        slots.tick();
        let second = slots.take().expect("room");
        assert!(slots.take().is_none(), "both have just come");
        (0..=ticks(EVICTED_AFTER)).for_each(|_| slots.tick());
        second.begin();
        let third = slots.take().expect("the first one makes room");
        assert_eq!(slots.count(), 2);
        slots.give_back(&first);
        assert_eq!(slots.count(), 2, "it is gone already");
        slots.give_back(&third);
        assert_eq!(slots.count(), 1);
    }

    #[test]
    fn a_connection_is_overdue_by_what_it_waits_for() {
        let slots = slots(9);
        let limits = Limits::default();
        let slot = slots.take().expect("room");
        for (phase, limit) in [
            (Phase::Idle, limits.idle_time),
            (Phase::Header, limits.header_time),
            (Phase::Body, limits.body_time),
            (Phase::Stall, limits.stall_time),
            (Phase::Linger, limits.linger_time),
        ] {
            slot.enter(Phase::Answer);
            slot.enter(phase);
            let began = slot.since.load(Relaxed);
            assert!(!slot.is_overdue(began + ticks(limit), &limits), "{phase:?}");
            assert!(slot.is_overdue(began + ticks(limit) + 1, &limits), "{phase:?}");
        }
        slot.enter(Phase::Answer);
        assert!(!slot.is_overdue(u64::MAX, &limits), "what this program owes has no limit");
    }

    #[test]
    fn an_answer_ends_when_it_is_written() {
        let slot = slots(1).take().expect("room");
        slot.begin();
        slot.flushed();
        assert!(slot.is(Phase::Answer), "a part of it");
        slot.answered();
        assert!(slot.is(Phase::Answer));
        slot.flushed();
        assert!(slot.is(Phase::Idle));
    }
}
