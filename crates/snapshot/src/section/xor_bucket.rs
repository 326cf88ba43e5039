//! Buckets of 64 bytes that map hashes to values without storing the hashes.
//!
//! A bucket is an array of small numbers. A hash selects some of them, and their xor is the value of the
//! hash. Each stored hash is therefore one linear equation over GF(2), and a bucket is small enough for
//! Gaussian elimination to find numbers that satisfy all of its equations. A bucket fills one cache line, so
//! a look-up reads one line. The filter and the locator of names are made of such buckets (compare P.
//! Dillinger and S. Walzer, "Ribbon filter: practically smaller than Bloom and Xor", 2021).

use crate::hash;

/// The length of a bucket, in bytes.
pub(super) const BUCKET_LEN: usize = 64;
/// How many numbers a bucket has at most: the equations are bit masks of one word.
pub(super) const NUMBERS_MAX: usize = u64::BITS as usize;

/// The bucket of a hash, out of `count`. Sorted hashes have sorted buckets.
#[inline]
pub(super) fn bucket_of(hash: u64, count: usize) -> usize {
    scale(hash, count as u64) as usize
}

/// Maps a hash to `0..end` in proportion: the upper half of the product (D. Lemire, "Fast random integer
/// generation in an interval", 2019).
#[inline]
pub(super) fn scale(hash: u64, end: u64) -> u64 {
    ((u128::from(hash) * u128::from(end)) >> 64) as u64
}

/// A hash combined with the seed of its bucket: its upper bits depend on all bits of both.
#[inline]
pub(super) fn seeded(hash: u64, seed: u8) -> u64 {
    hash::spread(hash ^ u64::from(seed))
}

/// Divides sorted hashes among `count` buckets, hash by hash.
pub(super) struct BucketWriter<T> {
    count: usize,
    /// The bucket whose hashes come now.
    bucket: usize,
    own: Vec<(u64, T)>,
}

impl<T> BucketWriter<T> {
    /// Before the first hash.
    pub(super) fn new(count: usize) -> BucketWriter<T> {
        BucketWriter { count, bucket: 0, own: Vec::new() }
    }

    /// Adds a hash. `write` is called with those of each bucket before its own.
    #[inline]
    pub(super) fn push(&mut self, hash: (u64, T), write: &mut impl FnMut(&[(u64, T)])) {
        self.write_to(bucket_of(hash.0, self.count), write);
        self.own.push(hash);
    }

    /// Calls `write` with the hashes of all buckets that are left.
    pub(super) fn finish(mut self, write: &mut impl FnMut(&[(u64, T)])) {
        self.write_to(self.count, write);
    }

    fn write_to(&mut self, end: usize, write: &mut impl FnMut(&[(u64, T)])) {
        while self.bucket < end {
            write(&self.own);
            self.own.clear();
            self.bucket += 1;
        }
    }
}

/// A system of linear equations over GF(2), in echelon form: each row is keyed by its lowest position.
pub(super) struct Gf2System([(u64, u32); NUMBERS_MAX]);

impl Gf2System {
    /// A system without equations.
    pub(super) fn new() -> Gf2System {
        Gf2System([(0, 0); NUMBERS_MAX])
    }

    /// Adds an equation: the numbers at these positions xor to `value`. A position that occurs twice cancels
    /// out. Returns `false` if the equation contradicts the others.
    pub(super) fn add(&mut self, positions: impl IntoIterator<Item = usize>, value: u32) -> bool {
        self.add_mask(positions.into_iter().fold(0, |mask, position| mask ^ 1 << position), value)
    }

    fn add_mask(&mut self, mut mask: u64, mut value: u32) -> bool {
        // Position 64, of an empty mask, has no row: the equation then holds or not by its value alone.
        while let Some(row) = self.0.get_mut(mask.trailing_zeros() as usize) {
            if row.0 == 0 {
                *row = (mask, value);
                return true;
            }
            (mask, value) = (mask ^ row.0, value ^ row.1);
        }
        value == 0
    }

    /// Numbers that satisfy all equations, by back substitution. Free numbers are zero.
    pub(super) fn solution(&self) -> [u32; NUMBERS_MAX] {
        let mut numbers = [0; NUMBERS_MAX];
        for (at, (mask, value)) in self.0.iter().enumerate().rev() {
            // All positions but the lowest, which is the row's own.
            let (mut others, mut number) = (mask & mask.wrapping_sub(1), *value);
            while others != 0 {
                number ^= numbers.get(others.trailing_zeros() as usize).copied().unwrap_or(0);
                others &= others - 1;
            }
            numbers.iter_mut().skip(at).take(1).for_each(|place| *place = number);
        }
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn solutions_satisfy_every_accepted_equation(
            equations in proptest::collection::vec((any::<u64>(), any::<u32>()), 0..90),
            truth in proptest::array::uniform32(any::<u32>()),
        ) {
            let sum = |numbers: &[u32], mask: u64| {
                let chosen = numbers.iter().enumerate().filter(|(at, _)| mask >> at & 1 != 0);
                chosen.fold(0, |sum, (_, number)| sum ^ number)
            };
            let mut system = Gf2System::new();
            let accepted: Vec<_> =
                equations.iter().filter(|(mask, value)| system.add_mask(*mask, *value)).collect();
            let numbers = system.solution();
            for (mask, value) in &equations {
                let is_accepted = accepted.contains(&&(*mask, *value));
                prop_assert_eq!(sum(&numbers, *mask) == *value, is_accepted);
            }
            let mut consistent = Gf2System::new();
            let masks = equations.iter().map(|(mask, _)| *mask & 0xFFFF_FFFF);
            for (mask, value) in masks.map(|mask| (mask, sum(&truth, mask))) {
                prop_assert!(consistent.add_mask(mask, value), "consistent equations never contradict");
                prop_assert_eq!(sum(&consistent.solution(), mask), value);
            }
        }
    }
}
