//! IPv4: the ends of ranges in one sorted list, with a directory of the leading 18 to 20 bits.
//!
//! A range has two ends, but a sorted list of disjoint ranges takes little more than one number for each. An
//! item is a single address, or the last address of a range that begins directly after the item before, or
//! that of a gap between two ranges. The first item that is not below an address decides, and one search in
//! one short list finds it. An item is the low bits of the address with its kind in the two lowest bits: two
//! bytes.
//!
//! The directory is a bitmap of non-empty *buckets*, in cells with running counts. An address in an empty
//! bucket, the common miss, costs one load. Where the items of a bucket begin is stored in two bytes,
//! relative to its cell; lists so dense that they are nearly bitmaps use four. Ranges are cut where buckets
//! end. The idea is that of DXR (M. Zec, L. Rizzo, M. Mikuc, "DXR: Towards a Billion Routing Lookups per
//! Second in Software", 2012), with disjoint ranges instead of routes.

use super::prefetch::prefetch;
use super::range_entry::RangeEntry;
use crate::error::TooLarge;
use crate::layout::{u16_at, u32_at, u64_at};
use std::ops::{ControlFlow, Range};

const HEADER_LEN: usize = 8;
const CELL_LEN: usize = 16;
/// The buckets of a cell.
const CELL: usize = 64;
/// The length of an item, in bytes.
pub(crate) const ITEM_LEN: usize = 2;
/// How many leading bits number a bucket. The others must fit an item, together with its kind.
const BITS: Range<u8> = 18..21;
/// The number of ranges for each bucket above which a directory of more buckets pays off.
const RANGES_PER_BUCKET: usize = 1;
/// So many items are searched without prefetching each step: they are in a cache line or two.
const NEAR: u32 = 32;
/// How many addresses are looked up together.
const BATCH: usize = 256;

/// The kinds of items, in their two lowest bits: a single address, a range, a gap.
const SINGLE: u16 = 0;
const RANGE: u16 = 1;
const GAP: u16 = 2;
const KIND: u16 = 3;

/// The bytes of the sections.
#[derive(Debug, Default)]
pub struct EncodedIpv4 {
    /// The directory.
    pub directory: Vec<u8>,
    /// The items.
    pub ends: Vec<u8>,
    /// How many items are not gaps.
    pub ranges: usize,
}

/// Encodes sorted, disjoint ranges.
pub fn encode(ranges: &[RangeEntry<u32>]) -> Result<EncodedIpv4, TooLarge> {
    encode_each(ranges.iter().copied(), |_, _| {})
}

/// As [`encode`], for ranges that are not in memory. Visits the references of all items: set and own times; for
/// a gap 0 and [`u32::MAX`], which is no own times.
pub fn encode_each(
    ranges: impl ExactSizeIterator<Item = RangeEntry<u32>>,
    refer: impl FnMut(u32, u32),
) -> Result<EncodedIpv4, TooLarge> {
    encode_within(ranges, refer, u64::from(u32::MAX))
}

/// As [`encode`], with another limit on the number of items.
fn encode_within(
    ranges: impl ExactSizeIterator<Item = RangeEntry<u32>>,
    mut refer: impl FnMut(u32, u32),
    items_max: u64,
) -> Result<EncodedIpv4, TooLarge> {
    let bits = bits_for(ranges.len());
    let shift = 32 - bits;
    let below = (1u32 << shift) - 1;
    let mut out = EncodedIpv4::default();
    // Gaps and the cuts where buckets end add an eighth, more or less: vectors that double would take twice as much.
    let items = ranges.len() + ranges.len() / 4;
    out.ends.reserve_exact(items * ITEM_LEN);
    let mut starts: Vec<(u32, u32)> = Vec::new();
    let mut next = 0;
    for range in ranges {
        for bucket in range.first >> shift..=range.last >> shift {
            if starts.last().is_none_or(|(last, _)| *last != bucket) {
                starts.push((bucket, out.items() as u32));
                next = 0;
            }
            let low = range.first.max(bucket << shift) & below;
            let high = range.last.min(bucket << shift | below) & below;
            if low == high {
                out.push(low, SINGLE, &range, &mut refer);
            } else {
                if low != next {
                    let gap = RangeEntry { set: 0, own: u32::MAX, ..range };
                    out.push(low - 1, GAP, &gap, &mut refer);
                }
                out.push(high, RANGE, &range, &mut refer);
            }
            next = high + 1;
        }
        // One range adds at most two items for each of 2^20 buckets. Numbers that wrapped are never returned.
        TooLarge::check("IPv4 ranges", "items", out.items() as u64, items_max)?;
    }
    out.directory = directory(bits, &starts, out.items());
    Ok(out)
}

impl EncodedIpv4 {
    /// Whether each item is a range, of two or more addresses.
    pub fn are_ranges(&self) -> impl Iterator<Item = bool> {
        self.ends.as_chunks().0.iter().map(|end| u16::from_le_bytes(*end) & KIND == RANGE)
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.ends.len() / ITEM_LEN
    }

    fn push(&mut self, low: u32, kind: u16, range: &RangeEntry<u32>, refer: &mut impl FnMut(u32, u32)) {
        // `low` has at most 14 bits: the first 18 or more number the bucket.
        self.ends.extend(((low as u16) << 2 | kind).to_le_bytes());
        refer(range.set, range.own);
        self.ranges += usize::from(kind != GAP);
    }
}

fn bits_for(ranges: usize) -> u8 {
    let enough = BITS.clone().find(|bits| ranges < RANGES_PER_BUCKET << (bits + 1));
    enough.unwrap_or(BITS.end - 1)
}

/// The bytes of the directory, given the non-empty buckets, each with its first item, and the number of
/// items.
fn directory(bits: u8, buckets: &[(u32, u32)], items: usize) -> Vec<u8> {
    let mut cells = vec![[0; CELL_LEN]; (1 << bits) / CELL];
    // At most 2^20 buckets, and one end for each cell.
    let mut starts = Vec::with_capacity(buckets.len());
    let cell_of = |bucket: u32| bucket as usize / CELL;
    let groups: Vec<&[(u32, u32)]> = buckets.chunk_by(|(a, _), (b, _)| cell_of(*a) == cell_of(*b)).collect();
    let nexts = groups.iter().skip(1).filter_map(|group| group.first()).map(|(_, start)| *start);
    for (group, end) in groups.iter().zip(nexts.chain([items as u32])) {
        let Some((bucket, first)) = group.first().copied() else { continue };
        let bitmap = group.iter().fold(0u64, |bits, (bucket, _)| bits | 1 << (*bucket as usize % CELL));
        let cell = [bitmap, u64::from(first) << 32 | starts.len() as u64].map(u64::to_le_bytes);
        cells
            .get_mut(cell_of(bucket))
            .iter_mut()
            .for_each(|place| place.copy_from_slice(cell.as_flattened()));
        starts.extend(group.iter().map(|(_, start)| start - first).chain([end - first]));
    }
    let width = if starts.iter().all(|start| u16::try_from(*start).is_ok()) { 2 } else { 4 };
    let mut out = vec![bits, width, 0, 0, 0, 0, 0, 0];
    out.extend(cells.as_flattened());
    out.extend(starts.iter().flat_map(|start| start.to_le_bytes().into_iter().take(width.into())));
    out
}

/// The ranges of IPv4 addresses in a file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ipv4Index<'a> {
    shift: u32,
    /// The bits below the bucket.
    below: u32,
    cells: &'a [[u8; CELL_LEN]],
    /// Two bytes each, or four.
    starts: &'a [u8],
    wide: bool,
    ends: &'a [[u8; ITEM_LEN]],
}

impl<'a> Ipv4Index<'a> {
    /// The ranges in these sections; none where the directory is invalid.
    pub(crate) fn new(directory: &'a [u8], ends: &'a [u8]) -> Ipv4Index<'a> {
        let bits = directory.first().copied().filter(|bits| BITS.contains(bits));
        let halves = |bits: u8| directory.get(HEADER_LEN..)?.split_at_checked((1 << bits) / CELL * CELL_LEN);
        let Some((bits, (cells, starts))) = bits.and_then(|bits| Some((bits, halves(bits)?))) else {
            return Ipv4Index::default();
        };
        let (cells, ends, wide) = (cells.as_chunks().0, ends.as_chunks().0, directory.get(1) == Some(&4));
        let shift = 32 - u32::from(bits);
        Ipv4Index { shift, below: (1 << shift) - 1, cells, starts, wide, ends }
    }

    /// The ordinal of the range that covers an address.
    #[inline]
    pub(crate) fn get(&self, address: u32) -> Option<u32> {
        let (bucket, is_there) = self.bucket_of(address);
        let items = if is_there { self.items_of(bucket)? } else { return None };
        let key = self.key(address);
        let ends = self.ends.get(items.clone())?;
        let at = ends.partition_point(|end| u16::from_le_bytes(*end) < key);
        let covers = covers(u16::from_le_bytes(*ends.get(at)?), key);
        covers.then_some((items.start + at) as u32)
    }

    /// Visits the ranges that cover addresses, in order, with the position of each address. The cache misses
    /// of the look-ups overlap. `prefetch_set` gets each ordinal some time before `visit` does.
    #[inline]
    pub(crate) fn lookup_batch(
        &self,
        addresses: &[u32],
        prefetch_set: impl Fn(u32),
        mut visit: impl FnMut(usize, u32),
    ) {
        for (group, addresses) in addresses.chunks(BATCH).enumerate() {
            self.lookup_group(addresses, &prefetch_set, |at, ordinal| visit(group * BATCH + at, ordinal));
        }
    }

    /// Looks up at most [`BATCH`] addresses, stage by stage; each stage prefetches what the next one reads.
    #[inline]
    fn lookup_group(&self, addresses: &[u32], prefetch_set: impl Fn(u32), mut visit: impl FnMut(usize, u32)) {
        let mut listed = [0u16; BATCH];
        let listed = self.in_buckets(addresses, &mut listed);
        let mut probes = [Probe::default(); BATCH];
        let count = listed.len();
        for (probe, at) in probes.iter_mut().zip(listed) {
            let address = addresses.get(usize::from(*at)).copied().unwrap_or(0);
            *probe = Probe { bucket: self.bucket_of(address).0, key: self.key(address), at: *at };
            self.prefetch_starts(probe.bucket);
        }
        let probes = probes.get_mut(..count).unwrap_or_default();
        for probe in &mut *probes {
            let items = self.items_of(probe.bucket).unwrap_or_default();
            probe.bucket = Bucket { first: items.start as u32, rank: items.end as u32 };
        }
        self.narrow(probes);
        let mut found = 0;
        for at in 0..count {
            let Some(Probe { bucket: Bucket { first, rank: end }, key, at }) = probes.get(at).copied() else {
                break;
            };
            let ends = self.ends.get(first as usize..end as usize).unwrap_or_default();
            let after = ends.partition_point(|end| u16::from_le_bytes(*end) < key);
            let is_covered = ends.get(after).is_some_and(|end| covers(u16::from_le_bytes(*end), key));
            let ordinal = first + after as u32;
            if let Some(probe) = probes.get_mut(found) {
                *probe = Probe { bucket: Bucket { first: ordinal, rank: 0 }, key, at };
            }
            if is_covered {
                prefetch_set(ordinal);
            }
            found += usize::from(is_covered);
        }
        for Probe { bucket, at, .. } in probes.get(..found).unwrap_or_default() {
            visit(usize::from(*at), bucket.first);
        }
    }

    /// The positions of the addresses whose buckets are not empty.
    #[inline]
    fn in_buckets<'l>(&self, addresses: &[u32], listed: &'l mut [u16; BATCH]) -> &'l [u16] {
        for address in addresses {
            prefetch(self.cells, (address >> self.shift) as usize / CELL);
        }
        let mut count = 0;
        for (at, address) in addresses.iter().enumerate() {
            listed.get_mut(count).into_iter().for_each(|place| *place = at as u16);
            count += usize::from(self.has_bucket(*address));
        }
        listed.get(..count).unwrap_or_default()
    }

    /// Halves the items of all probes, one step of each in turn, until those of each are close together and
    /// prefetched. Each step of a probe waits for memory, and the waits of different probes overlap.
    #[inline]
    fn narrow(&self, probes: &mut [Probe]) {
        let mut wide = [0u16; BATCH];
        let mut count = 0;
        for (at, probe) in probes.iter().enumerate() {
            self.prefetch_probe(probe);
            wide.get_mut(count).into_iter().for_each(|place| *place = at as u16);
            count += usize::from(probe.is_wide());
        }
        while count > 0 {
            let mut kept = 0;
            for turn in 0..count {
                let Some(at) = wide.get(turn).copied() else { break };
                let Some(probe) = probes.get_mut(usize::from(at)) else { break };
                let middle = probe.middle();
                let is_below = self.ends.get(middle).is_some_and(|end| u16::from_le_bytes(*end) < probe.key);
                probe.halve(middle as u32, is_below);
                self.prefetch_probe(probe);
                wide.get_mut(kept).into_iter().for_each(|place| *place = at);
                kept += usize::from(probe.is_wide());
            }
            count = kept;
        }
    }

    /// Prefetches what the next step of a probe reads: the middle item, or all items, which are in one or two
    /// cache lines.
    #[inline]
    fn prefetch_probe(&self, probe: &Probe) {
        let Bucket { first, rank: end } = probe.bucket;
        if probe.is_wide() {
            return prefetch(self.ends, probe.middle());
        }
        prefetch(self.ends, first as usize);
        prefetch(self.ends, end as usize - usize::from(end > first));
    }

    /// Prefetches the starts of a bucket.
    #[inline]
    fn prefetch_starts(&self, bucket: Bucket) {
        prefetch(self.starts, bucket.rank as usize * if self.wide { 4 } else { 2 });
    }

    /// Whether an item is a gap, and so no entry.
    pub(crate) fn is_gap(&self, ordinal: u32) -> bool {
        self.ends.get(ordinal as usize).is_some_and(|end| u16::from_le_bytes(*end) & KIND == GAP)
    }

    /// Whether an item is a range, of two or more addresses.
    #[inline]
    pub(crate) fn is_range(&self, ordinal: u32) -> bool {
        self.ends.get(ordinal as usize).is_some_and(|end| u16::from_le_bytes(*end) & KIND == RANGE)
    }

    /// Visits the ranges that overlap `first..=last`, in order, until a visit breaks off.
    pub(crate) fn each(
        &self,
        first: u32,
        last: u32,
        mut visit: impl FnMut(u32, u32, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.cells.is_empty() {
            return ControlFlow::Continue(());
        }
        let mut visited = 0;
        for bucket in first >> self.shift..=last >> self.shift {
            let base = bucket << self.shift;
            let (bucket, is_there) = self.bucket_of(base);
            let Some(items) = self.items_of(bucket).filter(|_| is_there) else { continue };
            // Buckets have their items one after another. In a forged directory each may claim all of them.
            if items.start < visited {
                break;
            }
            visited = items.end;
            self.each_of_bucket(items, |low, high, ordinal| {
                match first <= base | high && base | low <= last {
                    true => visit(base | low, base | high, ordinal),
                    false => ControlFlow::Continue(()),
                }
            })?;
        }
        ControlFlow::Continue(())
    }

    /// Whether the buckets have all items, one bucket's after another's, and every start is used.
    pub(crate) fn is_contiguous(&self) -> bool {
        let (mut next, mut starts) = (0, 0);
        for (at, cell) in self.cells.iter().enumerate() {
            let bitmap = u64_at(cell, 0);
            for bit in (0..CELL).filter(|bit| bitmap >> bit & 1 != 0) {
                // At most 2^20 buckets.
                let (bucket, _) = self.bucket_of(((at * CELL + bit) as u32) << self.shift);
                let begins = starts + (bitmap & ((1 << bit) - 1)).count_ones() as usize;
                match self.items_of(bucket) {
                    Some(items)
                        if items.start == next && items.end > next && bucket.rank as usize == begins =>
                    {
                        next = items.end;
                    }
                    _ => return false,
                }
            }
            starts += if bitmap == 0 { 0 } else { bitmap.count_ones() as usize + 1 };
        }
        next == self.ends.len() && self.starts.len() == starts * if self.wide { 4 } else { 2 }
    }

    fn each_of_bucket(
        &self,
        items: Range<usize>,
        mut visit: impl FnMut(u32, u32, u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut next = 0;
        for ordinal in items {
            let Some(end) = self.ends.get(ordinal).map(|end| u16::from_le_bytes(*end)) else { break };
            let low = u32::from(end >> 2);
            match end & KIND {
                SINGLE => visit(low, low, ordinal as u32)?,
                RANGE => visit(next, low, ordinal as u32)?,
                _ => {}
            }
            next = low + 1;
        }
        ControlFlow::Continue(())
    }

    /// Whether the bucket of an address is not empty.
    #[inline]
    fn has_bucket(&self, address: u32) -> bool {
        let bucket = (address >> self.shift) as usize;
        self.cells.get(bucket / CELL).is_some_and(|cell| u64_at(cell, 0) >> (bucket % CELL) & 1 != 0)
    }

    /// The bucket of an address, and whether it is not empty.
    #[inline]
    fn bucket_of(&self, address: u32) -> (Bucket, bool) {
        let bucket = (address >> self.shift) as usize;
        let Some(cell) = self.cells.get(bucket / CELL) else { return (Bucket::default(), false) };
        let (bitmap, bit) = (u64_at(cell, 0), 1u64 << (bucket % CELL));
        let rank = u32_at(cell, 8).wrapping_add((bitmap & (bit - 1)).count_ones());
        (Bucket { first: u32_at(cell, 12), rank }, bitmap & bit != 0)
    }

    /// The items of a bucket.
    #[inline]
    fn items_of(&self, bucket: Bucket) -> Option<Range<usize>> {
        let first = bucket.first as usize;
        if self.wide {
            let pair = self.starts.get(bucket.rank as usize * 4..)?;
            return Some(first + u32_at(pair, 0) as usize..first + u32_at(pair, 4) as usize);
        }
        let pair = self.starts.get(bucket.rank as usize * 2..)?.first_chunk::<4>()?;
        Some(first + usize::from(u16_at(pair, 0))..first + usize::from(u16_at(pair, 2)))
    }

    /// What the items of the bucket of an address are compared with.
    #[inline]
    fn key(&self, address: u32) -> u16 {
        ((address & self.below) << 2) as u16
    }
}

/// A bucket: the first item of its cell, and the position of its start among all starts.
#[derive(Clone, Copy, Default)]
struct Bucket {
    first: u32,
    rank: u32,
}

/// An address between two stages. The two numbers of `bucket` are first its bucket, then the first item that
/// is left and the end of these items, then the item that was found.
#[derive(Clone, Copy, Default)]
struct Probe {
    bucket: Bucket,
    key: u16,
    at: u16,
}

impl Probe {
    /// The middle one of the items that are left.
    #[inline]
    fn middle(&self) -> usize {
        self.bucket.first.midpoint(self.bucket.rank) as usize
    }

    /// Whether more than [`NEAR`] items are left.
    #[inline]
    fn is_wide(&self) -> bool {
        self.bucket.rank.saturating_sub(self.bucket.first) > NEAR
    }

    /// Keeps the items after the middle one, or those up to it. The first item that is not below the key is
    /// kept, if there is one.
    #[inline]
    fn halve(&mut self, middle: u32, is_below: bool) {
        let Bucket { first, rank } = &mut self.bucket;
        *first = if is_below { middle + 1 } else { *first };
        *rank = if is_below { *rank } else { middle + 1 };
    }
}

/// Whether the first item that is not below a key covers it.
#[inline]
fn covers(item: u16, key: u16) -> bool {
    (item == key) | (item & KIND == RANGE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(first: u32, last: u32) -> RangeEntry<u32> {
        RangeEntry { first, last, set: 0, own: 0 }
    }

    fn all_of(index: Ipv4Index<'_>) -> Vec<(u32, u32)> {
        let mut seen = Vec::new();
        let _ = index.each(0, u32::MAX, |first, last, _| {
            seen.push((first, last));
            ControlFlow::Continue(())
        });
        seen
    }

    #[test]
    fn ranges_are_cut_where_buckets_end() {
        let ranges = [range(5, 5), range(6, 9), range(0x3FF0, 0xC001), range(u32::MAX - 1, u32::MAX)];
        let bytes = encode(&ranges).expect("few");
        let index = Ipv4Index::new(&bytes.directory, &bytes.ends);
        let covered =
            |address: u32| ranges.iter().any(|range| range.first <= address && address <= range.last);
        for address in (0..0x2_0000).chain(u32::MAX - 9..=u32::MAX) {
            assert_eq!(index.get(address).is_some(), covered(address), "{address:x}");
        }
        let cut = [(5, 5), (6, 9), (0x3FF0, 0x3FFF), (0x4000, 0x7FFF), (0x8000, 0xBFFF), (0xC000, 0xC001)];
        assert_eq!(all_of(index), [&cut[..], &[(u32::MAX - 1, u32::MAX)]].concat());
        assert_eq!(bytes.ranges, 7);
    }

    #[test]
    fn more_ranges_get_more_buckets() {
        assert_eq!([0, 1 << 19, 1 << 20, 1 << 30].map(bits_for), [18, 19, 20, 20]);
    }

    #[test]
    fn dense_lists_have_wide_starts() {
        let ranges: Vec<RangeEntry<u32>> = (0..1 << 17).map(|at| range(at * 2, at * 2)).collect();
        let bytes = encode(&ranges).expect("few");
        assert_eq!(bytes.directory.get(1), Some(&4));
        let index = Ipv4Index::new(&bytes.directory, &bytes.ends);
        assert!((0..1 << 18).all(|at| index.get(at).is_some() == (at % 2 == 0)));
        let addresses: Vec<u32> = (0..1 << 18).map(|at| at * 7919 % (1 << 18)).collect();
        let mut found = vec![None; addresses.len()];
        index.lookup_batch(&addresses, |_| {}, |at, ordinal| found[at] = Some(ordinal));
        assert!(addresses.iter().zip(found).all(|(address, found)| found == index.get(*address)));
    }

    #[test]
    fn no_bytes_hold_no_ranges() {
        for directory in [&[][..], &[18], &[99; 64], &[18, 0, 0, 0, 0, 0, 0, 0]] {
            let index = Ipv4Index::new(directory, &[]);
            assert_eq!((index.get(1), all_of(index)), (None, Vec::new()));
            index.lookup_batch(&[1, 2], |_| unreachable!(), |_, _| unreachable!());
        }
    }

    proptest! {
        #[test]
        fn single_and_batched_lookups_agree(
            borders in proptest::collection::btree_set(0u32..200_000, 0..400),
            addresses in proptest::collection::vec(0u32..210_000, 0..300),
        ) {
            let borders: Vec<u32> = borders.into_iter().collect();
            let ranges: Vec<RangeEntry<u32>> = borders.as_chunks::<2>().0.iter().map(|[a, b]| range(*a, *b - (b - a) / 2)).collect();
            let bytes = encode(&ranges).expect("few");
            let index = Ipv4Index::new(&bytes.directory, &bytes.ends);
            let covered = |address: u32| ranges.iter().any(|range| range.first <= address && address <= range.last);
            let mut found = vec![None; addresses.len()];
            index.lookup_batch(&addresses, |_| {}, |at, ordinal| found[at] = Some(ordinal));
            for (address, found) in addresses.iter().zip(found) {
                prop_assert_eq!(found, index.get(*address));
                prop_assert_eq!(found.is_some(), covered(*address));
                prop_assert!(found.is_none_or(|ordinal| !index.is_gap(ordinal)));
            }
        }
    }

    #[test]
    fn too_many_items_are_an_error() {
        let ranges = [range(5, 9), range(20, 20)];
        assert!(
            encode_within(ranges.iter().copied(), |_, _| {}, 3).is_ok(),
            "a gap, a range and a single address"
        );
        let many = encode_within(ranges.iter().copied(), |_, _| {}, 2);
        assert_eq!(many.map_err(|error| error.size).err(), Some(3));
    }
}
