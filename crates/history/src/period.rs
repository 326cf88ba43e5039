//! A part of time.

use rapsheet_snapshot::Time;

/// From an instant to another, which is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its first instant.
    pub start: Time,
    /// The first instant after it.
    pub end: Time,
}
