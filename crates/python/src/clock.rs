//! The clock: the only place of this crate that reads it.
//!
//! A Python program is an end program, as the command line is: where it names no instant, it means the present. The clock
//! is read once a call, so that all answers of a call are of one instant. Long calls look at it for signals, too.

use rapsheet_query::Time;
use std::time::{Duration, Instant, SystemTime};

/// The present.
pub(crate) fn now() -> Time {
    Time::from(SystemTime::now())
}

/// How long a call runs between two looks for signals.
const SIGNALS_AFTER: Duration = Duration::from_millis(50);

/// Says when to look for signals.
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Watch {
        Watch(Instant::now())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.elapsed() >= SIGNALS_AFTER
    }
}
