//! IPv6: sorted ranges, below a static B+ tree of the upper halves of their last addresses.
//!
//! Listed addresses cluster in few prefixes, so that a directory of leading bits would have few, long
//! buckets. The upper halves of addresses differ, except for the few ranges within one /64. The lowest
//! *level* of the tree has one upper half for each range, and each level above has one key for every eight
//! keys of the level below. A look-up reads one cache line of eight keys on each level, and the number of
//! levels is fixed, so that the cache misses of look-ups in a batch overlap and no branch is mispredicted. It
//! is the layout without pointers of P. Khuong and P. Morin ("Array Layouts for Comparison-Based Searching",
//! 2015).

use super::prefetch::prefetch;
use super::range_entry::RangeEntry;
use crate::error::TooLarge;
use crate::layout::{u64_at, u128_at};
use std::ops::ControlFlow;

/// How many keys a node has.
const NODE: usize = 8;
const KEY_LEN: usize = 8;
const NODE_LEN: usize = NODE * KEY_LEN;
/// The length of a range, in bytes.
pub(crate) const RANGE_LEN: usize = 32;
/// How many addresses are looked up together.
const BATCH: usize = 128;
/// More levels than 2^32 ranges need, which is 11.
const LEVELS_MAX: usize = 12;

/// The bytes of the sections, and the references of each range.
#[derive(Debug, Default)]
pub struct EncodedIpv6 {
    /// The tree, highest level first.
    pub index: Vec<u8>,
    /// The first and the last address of each range.
    pub ranges: Vec<u8>,
    /// Set and own times of each range.
    pub references: Vec<(u32, u32)>,
}

/// Encodes sorted, disjoint ranges.
pub fn encode(ranges: &[RangeEntry<u128>]) -> Result<EncodedIpv6, TooLarge> {
    TooLarge::fit_u32("IPv6 ranges", "ranges", ranges.len())?;
    let mut out = EncodedIpv6::default();
    for range in ranges {
        out.ranges.extend(range.first.to_le_bytes());
        out.ranges.extend(range.last.to_le_bytes());
        out.references.push((range.set, range.own));
    }
    let mut levels = vec![ranges.iter().map(|range| (range.last >> 64) as u64).collect::<Vec<u64>>()];
    while let Some(above) = levels.last().filter(|below| below.len() > NODE).map(|below| level_above(below)) {
        levels.push(above);
    }
    for level in levels.iter().rev() {
        let padded = level.len().next_multiple_of(NODE);
        let keys = level.iter().copied().chain(std::iter::repeat(u64::MAX)).take(padded);
        out.index.extend(keys.flat_map(u64::to_le_bytes));
    }
    Ok(out)
}

/// The last key of each node.
fn level_above(below: &[u64]) -> Vec<u64> {
    below.chunks(NODE).filter_map(|node| node.last()).copied().collect()
}

/// The ranges of IPv6 addresses in a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ipv6Index<'a> {
    /// The nodes of each level, highest level first.
    levels: [&'a [[u8; NODE_LEN]]; LEVELS_MAX],
    count: usize,
    ranges: &'a [[u8; RANGE_LEN]],
}

impl<'a> Ipv6Index<'a> {
    /// The ranges in these sections; none where the tree does not fit them.
    pub fn new(index: &'a [u8], ranges: &'a [u8]) -> Ipv6Index<'a> {
        let ranges = ranges.as_chunks().0;
        let mut lengths = [0; LEVELS_MAX];
        let (mut keys, mut count) = (ranges.len(), 0);
        for length in &mut lengths {
            *length = keys.div_ceil(NODE);
            count += 1;
            if keys <= NODE {
                break;
            }
            keys = *length;
        }
        let mut rest = index.as_chunks().0;
        if rest.is_empty() || lengths.iter().sum::<usize>() != rest.len() {
            return Ipv6Index::default();
        }
        let mut levels = [&[][..]; LEVELS_MAX];
        for (level, length) in levels.iter_mut().zip(lengths.iter().take(count).rev()) {
            (*level, rest) = rest.split_at_checked(*length).unwrap_or_default();
        }
        Ipv6Index { levels, count, ranges }
    }

    /// The ordinal of the range that covers an address.
    #[inline]
    pub fn get(&self, address: u128) -> Option<u32> {
        let upper = (address >> 64) as u64;
        let mut at = 0;
        for level in self.levels.iter().take(self.count) {
            at = descend(level, at, upper);
        }
        self.resolve(at, address)
    }

    /// Visits the ranges that cover addresses, in order, with the position of each address. Descends level by
    /// level with all addresses; each level prefetches the next one.
    #[inline]
    pub fn lookup_batch(&self, addresses: &[u128], mut visit: impl FnMut(usize, u32)) {
        let levels = self.levels.get(..self.count).unwrap_or_default();
        for (group, addresses) in addresses.chunks(BATCH).enumerate() {
            let mut places = [0; BATCH];
            for (level, below) in levels.iter().zip(levels.iter().skip(1)) {
                for (at, address) in places.iter_mut().zip(addresses) {
                    *at = descend(level, *at, (address >> 64) as u64);
                    prefetch(below, *at);
                }
            }
            if let Some(level) = levels.last() {
                for (at, address) in places.iter_mut().zip(addresses) {
                    *at = descend(level, *at, (address >> 64) as u64);
                    prefetch(self.ranges, *at);
                }
            }
            for (nth, (at, address)) in places.iter().zip(addresses).enumerate() {
                if let Some(ordinal) = self.resolve(*at, *address) {
                    visit(group * BATCH + nth, ordinal);
                }
            }
        }
    }

    /// From the first range whose last address has no lower upper half, to the range that covers the address.
    #[inline]
    fn resolve(&self, at: usize, address: u128) -> Option<u32> {
        let range = self.ranges.get(at)?;
        let at = match u128_at(range, 16) < address {
            // More than one range ends in this /64.
            true => self.first_not_below(at + 1, address),
            false => at,
        };
        let covers = u128_at(self.ranges.get(at)?, 0) <= address;
        covers.then_some(at as u32)
    }

    /// The first range from `at` on whose last address is not below an address. It is near, so this is an
    /// exponential search: it doubles its step until it is too far, and then bisects.
    fn first_not_below(&self, at: usize, address: u128) -> usize {
        let is_below = |range: &[u8; RANGE_LEN]| u128_at(range, 16) < address;
        let mut step = 1;
        while self.ranges.get(at + step).is_some_and(is_below) {
            step *= 2;
        }
        let near = self.ranges.get(at..).unwrap_or(&[]);
        at + near.get(..step).unwrap_or(near).partition_point(is_below)
    }

    /// Visits the ranges that overlap `first..=last`, in order.
    pub fn each(
        &self,
        first: u128,
        last: u128,
        mut visit: impl FnMut(u128, u128, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let start = self.ranges.partition_point(|range| u128_at(range, 16) < first);
        for (at, range) in self.ranges.iter().enumerate().skip(start) {
            let (low, high) = (u128_at(range, 0), u128_at(range, 16));
            if last < low {
                break;
            }
            visit(low, high, at as u32)?;
        }
        ControlFlow::Continue(())
    }
}

/// The position, on the level below, of the first key that is not lower.
#[inline]
fn descend(level: &[[u8; NODE_LEN]], node: usize, upper: u64) -> usize {
    let Some(keys) = level.get(node) else { return usize::MAX };
    // Counts instead of searching: eight comparisons without a branch.
    let lower: usize = (0..NODE).map(|at| usize::from(u64_at(keys, at * KEY_LEN) < upper)).sum();
    node * NODE + lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(ranges: &[(u128, u128)]) -> EncodedIpv6 {
        let range = |(first, last): &(u128, u128)| RangeEntry { first: *first, last: *last, set: 0, own: 0 };
        encode(&ranges.iter().map(range).collect::<Vec<_>>()).expect("few")
    }

    #[test]
    fn no_bytes_hold_no_ranges() {
        for index in [&[][..], &[0; 64], &[0; 63]] {
            assert_eq!(Ipv6Index::new(index, &[]).get(1), None);
        }
        let bytes = encoded(&[(5, 9)]);
        assert_eq!(Ipv6Index::new(&[], &bytes.ranges).get(7), None, "a tree that does not fit");
        assert_eq!(Ipv6Index::new(&bytes.index, &bytes.ranges).get(7), Some(0));
    }

    proptest! {
        /// Few upper halves, so that many ranges share one.
        #[test]
        fn single_and_batched_lookups_find_every_range(
            borders in proptest::collection::btree_set((0u64..6, 0u64..400), 0..700),
            addresses in proptest::collection::vec((0u64..6, 0u64..400), 0..200),
        ) {
            let number = |(upper, lower): &(u64, u64)| u128::from(*upper) << 64 | u128::from(*lower);
            let borders: Vec<u128> = borders.iter().map(number).collect();
            let ranges: Vec<(u128, u128)> = borders.as_chunks::<2>().0.iter().map(|[a, b]| (*a, *b)).collect();
            let bytes = encoded(&ranges);
            let index = Ipv6Index::new(&bytes.index, &bytes.ranges);
            for address in addresses.iter().map(number).chain(borders.iter().copied()).chain([u128::MAX]) {
                let covers = ranges.iter().position(|(first, last)| *first <= address && address <= *last);
                prop_assert_eq!(index.get(address), covers.map(|at| at as u32));
                let mut batched = None;
                index.lookup_batch(&[0, address], |at, ordinal| batched = if at == 1 { Some(ordinal) } else { batched });
                prop_assert_eq!(batched, index.get(address));
            }
            let mut seen = Vec::new();
            let _ = index.each(0, u128::MAX, |first, last, _| {
                seen.push((first, last));
                ControlFlow::Continue(())
            });
            prop_assert_eq!(seen, ranges);
        }
    }
}
