//! Sorted keys, as encoders visit them.
//!
//! The encoders of names and URLs visit all keys several times and in order, and none of them by number. Keys
//! therefore need not be in memory as texts: a build has them front-coded, or in a file.

/// Sorted, distinct keys.
pub trait SortedKeys: Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// Visits them in order.
    fn each(&self, visit: impl FnMut(&[u8]));
}

impl SortedKeys for [&[u8]] {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self, visit: impl FnMut(&[u8])) {
        self.iter().copied().for_each(visit);
    }
}

impl SortedKeys for Vec<&[u8]> {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self, visit: impl FnMut(&[u8])) {
        self.as_slice().each(visit);
    }
}
