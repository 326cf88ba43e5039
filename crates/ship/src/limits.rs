//! How much of what comes from outside is accepted.

use std::fmt;

/// The largest snapshot that is accepted. A publisher can be hostile although its signature is sound: the
/// host decides how much memory and disk a snapshot may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The length of the snapshot, in bytes.
    pub snapshot_len: u64,
}

impl Limits {
    /// Snapshots of up to so many bytes.
    pub const fn new(snapshot_len: u64) -> Limits {
        Limits { snapshot_len }
    }
}

impl Default for Limits {
    /// Four gibibytes.
    fn default() -> Limits {
        Limits::new(4 << 30)
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a snapshot of at most {} bytes", self.snapshot_len)
    }
}
