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

    /// In how many parts their hashes are to be sorted. Each part is two visits of all keys, and all but the part is
    /// not in memory. The encoded bytes are the same.
    fn parts(&self) -> usize {
        1
    }
}

impl SortedKeys for [&[u8]] {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self, visit: impl FnMut(&[u8])) {
        self.iter().copied().for_each(visit);
    }
}

/// Keys that ask for parts, for tests.
#[cfg(test)]
pub(super) struct InParts<'k>(pub(super) &'k [&'k [u8]], pub(super) usize);

#[cfg(test)]
impl SortedKeys for InParts<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn each(&self, visit: impl FnMut(&[u8])) {
        self.0.each(visit);
    }

    fn parts(&self) -> usize {
        self.1
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
