//! The clock: the only place of this crate that reads it.
//!
//! A Python program is an end program, as the command line is: where it names no instant, it means the present. The clock
//! is read once a call, so that all answers of a call are of one instant.

use rapsheet_query::Time;
use std::time::SystemTime;

/// The present.
pub(crate) fn now() -> Time {
    Time::from(SystemTime::now())
}
