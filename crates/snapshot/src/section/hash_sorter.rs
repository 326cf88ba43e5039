//! Hashes of keys, in order, with what belongs to each.
//!
//! Where memory is scarce, hashes wait in files: those of each of several even shares of their space in a file of
//! their own. A share is then sorted in memory, and the shares follow each other. So keys are visited once, whatever
//! memory there is; to visit them again for each share would take longer than all else that encoders do.

use super::xor_bucket::bucket_of;
use crate::column::{Column, ColumnRow, ColumnStore, ColumnWriter};

/// A hash, or a hash with something.
pub(super) trait HashRow: ColumnRow + Ord {
    /// The hash, which orders rows first.
    fn hash(self) -> u64;
}

impl HashRow for u64 {
    #[inline]
    fn hash(self) -> u64 {
        self
    }
}

impl HashRow for (u64, u32) {
    #[inline]
    fn hash(self) -> u64 {
        self.0
    }
}

/// How many bytes of a share are sorted in memory, more or less.
const SHARE_BYTES: usize = 2 << 20;
/// How many shares there are at most: each has a file, and a buffer.
const SHARES_MAX: usize = 32;

/// Collects rows of hashes.
pub(super) struct HashSorter<'s, T: HashRow> {
    store: &'s ColumnStore,
    /// In memory, rows as they are.
    rows: Vec<T>,
    /// In files, the rows of each share.
    shares: Vec<ColumnWriter<'s, T>>,
}

impl<'s, T: HashRow> HashSorter<'s, T> {
    /// Without rows, of which so many are expected.
    pub(super) fn new(store: &'s ColumnStore, expected: usize) -> HashSorter<'s, T> {
        if store.is_memory() {
            return HashSorter { store, rows: Vec::with_capacity(expected), shares: Vec::new() };
        }
        let shares = expected.saturating_mul(size_of::<T::Bytes>()) / SHARE_BYTES + 1;
        let shares = (0..shares.min(SHARES_MAX)).map(|_| ColumnWriter::new(store)).collect();
        HashSorter { store, rows: Vec::new(), shares }
    }

    /// Adds a row.
    #[inline]
    pub(super) fn push(&mut self, row: T) {
        match self.shares.len() {
            0 => self.rows.push(row),
            shares => {
                let share = self.shares.get_mut(bucket_of(row.hash(), shares));
                share.into_iter().for_each(|share| share.push(row));
            }
        }
    }

    /// All rows in order, after `merge` has made one of those that have the same hash.
    pub(super) fn sorted(self, merge: impl Fn(&mut Vec<T>)) -> SortedHashes<T> {
        let sort = |mut rows: Vec<T>| {
            rows.sort_unstable();
            merge(&mut rows);
            rows
        };
        let mut stored = ColumnWriter::new(self.store);
        for share in self.shares {
            let share = share.finish();
            let rows = share.iter().collect();
            drop(share);
            sort(rows).into_iter().for_each(|row| stored.push(row));
        }
        SortedHashes { rows: sort(self.rows), stored: stored.finish() }
    }
}

/// Rows in the order of their hashes.
pub(super) struct SortedHashes<T: HashRow> {
    rows: Vec<T>,
    stored: Column<T>,
}

impl<T: HashRow> SortedHashes<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len() + self.stored.len()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        // One of both is empty.
        self.rows.iter().copied().chain(self.stored.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::mix;

    #[test]
    fn rows_are_sorted_and_merged_wherever_they_are() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = ColumnStore::files(folder.path().join("x.rap"));
        let memory = ColumnStore::memory();
        for count in [0usize, 1, 1000, 600_000] {
            let rows = || (0..count as u64).map(|number| (mix(number / 2), number as u32));
            let mut expected: Vec<(u64, u32)> = rows().filter(|(_, number)| number % 2 == 0).collect();
            expected.sort_unstable();
            for store in [&memory, &files] {
                let mut sorter = HashSorter::new(store, count);
                rows().for_each(|row| sorter.push(row));
                assert!(count < 600_000 || sorter.shares.len() == if store.is_memory() { 0 } else { 4 });
                let sorted = sorter.sorted(|rows| rows.dedup_by_key(|(hash, _)| *hash));
                assert_eq!(sorted.len(), expected.len());
                assert!(sorted.iter().eq(expected.iter().copied()), "{count} rows");
                store.check().expect("room");
            }
        }
    }
}
