//! IPv4: where runs end, in one sorted list, behind a directory of the leading 18 to 20 bits.
//!
//! A run needs two numbers; a sorted list of disjoint runs needs little more than one. Each item is the last
//! address of something: of a single address, of a run that begins where the item before it ended, or of a
//! hole between the two. The first item that is not below an address speaks of it, and one search in one short
//! list finds it. An item is the low bits of the address with its kind in the two lowest bits: two bytes.
//!
//! The directory is a bitmap in cells with running counts, so that an address in an empty bucket, which is the common
//! miss, costs one load. Where a bucket's items start is counted from its cell, which takes two bytes for all but
//! lists so dense that they are nearly a bitmap themselves; those have four. Runs are cut where buckets end. The idea is DXR's (Zec, Rizzo, Mikuc: "DXR: Towards a
//! Billion Routing Lookups per Second in Software", 2012), with runs that are disjoint instead of routes.

use super::addresses::Run;
use super::soon::soon;
use crate::layout::{u16_at, u32_at, u64_at};
use std::ops::Range;

const HEADER_LEN: usize = 8;
const CELL_LEN: usize = 16;
/// The buckets of a cell.
const CELL: usize = 64;
/// The length of an item, in bytes.
pub const END_LEN: usize = 2;
/// How many leading bits number a bucket, at least and at most: the rest must fit an item beside its kind.
const BITS: Range<u8> = 18..21;
/// A bucket more for every so many runs pays.
const RUNS_PER_BUCKET: usize = 1;
/// How many items are searched without asking for them step by step.
const CLOSE: u32 = 32;
/// How many addresses are looked up together.
const LANES: usize = 256;

/// The kinds of items, in their two lowest bits.
const SINGLE: u16 = 0;
const RUN: u16 = 1;
const HOLE: u16 = 2;
const KIND: u16 = 3;

/// The bytes of the sections, and what each item refers to.
#[derive(Default)]
pub struct EndsBytes {
    /// Directory and starts.
    pub starts: Vec<u8>,
    /// The items.
    pub ends: Vec<u8>,
    /// Set and own times of each item; 0 and no own times, [`u32::MAX`], for a hole.
    pub refs: Vec<(u32, u32)>,
    /// How many items are no holes.
    pub runs: usize,
}

/// Lays runs out. They are sorted and disjoint.
pub fn encode(runs: &[Run<u32>]) -> EndsBytes {
    let bits = bits_for(runs.len());
    let shift = 32 - bits;
    let below = (1u32 << shift) - 1;
    let mut out = EndsBytes::default();
    let mut starts: Vec<(u32, u32)> = Vec::new();
    let mut next = 0;
    for run in runs {
        for bucket in run.first >> shift..=run.last >> shift {
            if starts.last().is_none_or(|(last, _)| *last != bucket) {
                starts.push((bucket, out.refs.len() as u32));
                next = 0;
            }
            let low = run.first.max(bucket << shift) & below;
            let high = run.last.min(bucket << shift | below) & below;
            if low == high {
                out.push(low, SINGLE, run);
            } else {
                if low != next {
                    out.push(low - 1, HOLE, &Run { set: 0, own: u32::MAX, ..*run });
                }
                out.push(high, RUN, run);
            }
            next = high + 1;
        }
    }
    out.starts = directory(bits, &starts, out.refs.len());
    out
}

impl EndsBytes {
    fn push(&mut self, low: u32, kind: u16, run: &Run<u32>) {
        self.ends.extend(((low as u16) << 2 | kind).to_le_bytes());
        self.refs.push((run.set, run.own));
        self.runs += usize::from(kind != HOLE);
    }
}

fn bits_for(runs: usize) -> u8 {
    let enough = BITS.clone().find(|bits| runs < RUNS_PER_BUCKET << (bits + 1));
    enough.unwrap_or(BITS.end - 1)
}

/// The bytes of cells and starts, given the buckets that hold anything, each with its first item.
fn directory(bits: u8, buckets: &[(u32, u32)], ends: usize) -> Vec<u8> {
    let mut cells = vec![[0; CELL_LEN]; (1 << bits) / CELL];
    let mut starts = Vec::with_capacity(buckets.len());
    let cell_of = |bucket: u32| bucket as usize / CELL;
    let groups: Vec<&[(u32, u32)]> = buckets.chunk_by(|(a, _), (b, _)| cell_of(*a) == cell_of(*b)).collect();
    let nexts = groups.iter().skip(1).filter_map(|group| group.first()).map(|(_, start)| *start);
    for (group, end) in groups.iter().zip(nexts.chain([ends as u32])) {
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

/// IPv4 runs in a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends<'a> {
    shift: u32,
    /// The bits below the bucket.
    below: u32,
    cells: &'a [[u8; CELL_LEN]],
    /// Two bytes each, or four.
    starts: &'a [u8],
    wide: bool,
    ends: &'a [[u8; END_LEN]],
}

impl<'a> Ends<'a> {
    /// The runs in these sections; none where the directory has a width that cannot be.
    pub fn new(starts: &'a [u8], ends: &'a [u8]) -> Ends<'a> {
        let header = starts;
        let bits = header.first().copied().filter(|bits| BITS.contains(bits));
        let halves = |bits: u8| starts.get(HEADER_LEN..)?.split_at_checked((1 << bits) / CELL * CELL_LEN);
        let Some((bits, (cells, starts))) = bits.and_then(|bits| Some((bits, halves(bits)?))) else {
            return Ends::default();
        };
        let (cells, ends, wide) = (cells.as_chunks().0, ends.as_chunks().0, header.get(1) == Some(&4));
        let shift = 32 - u32::from(bits);
        Ends { shift, below: (1 << shift) - 1, cells, starts, wide, ends }
    }

    /// Whether there is a directory at all.
    #[inline]
    pub fn is_present(&self) -> bool {
        !self.cells.is_empty()
    }

    /// The ordinal of the run that covers an address.
    #[inline]
    pub fn find(&self, address: u32) -> Option<u32> {
        let (place, is_there) = self.place_of(address);
        let items = if is_there { self.items_of(place)? } else { return None };
        let key = self.key(address);
        let ends = self.ends.get(items.clone())?;
        let at = ends.partition_point(|end| u16::from_le_bytes(*end) < key);
        let covers = covers(u16::from_le_bytes(*ends.get(at)?), key);
        covers.then_some((items.start + at) as u32)
    }

    /// Visits the runs that cover addresses, with the position of each address, in order: what one look-up waits for
    /// overlaps with the others. `told` hears of runs before they are visited.
    #[inline]
    pub fn each_of(&self, addresses: &[u32], told: impl Fn(u32), mut visit: impl FnMut(usize, u32)) {
        for (group, addresses) in addresses.chunks(LANES).enumerate() {
            self.each_of_lanes(addresses, &told, |lane, ordinal| visit(group * LANES + lane, ordinal));
        }
    }

    /// Stage by stage, and every stage for all that are left; each says what the next one will read.
    #[inline]
    fn each_of_lanes(&self, addresses: &[u32], told: impl Fn(u32), mut visit: impl FnMut(usize, u32)) {
        let mut held = [0u16; LANES];
        let held = self.held_of(addresses, &mut held);
        let mut lanes = [Lane::default(); LANES];
        let count = held.len();
        for (lane, at) in lanes.iter_mut().zip(held) {
            let address = addresses.get(usize::from(*at)).copied().unwrap_or(0);
            *lane = Lane { place: self.place_of(address).0, key: self.key(address), at: *at };
            self.items_soon(lane.place);
        }
        let lanes = lanes.get_mut(..count).unwrap_or_default();
        for lane in &mut *lanes {
            let items = self.items_of(lane.place).unwrap_or_default();
            lane.place = Place { first: items.start as u32, rank: items.end as u32 };
        }
        self.narrow(lanes);
        let mut found = 0;
        for at in 0..count {
            let Some(Lane { place: Place { first, rank: end }, key, at }) = lanes.get(at).copied() else {
                break;
            };
            let ends = self.ends.get(first as usize..end as usize).unwrap_or_default();
            let after = ends.partition_point(|end| u16::from_le_bytes(*end) < key);
            let is_covered = ends.get(after).is_some_and(|end| covers(u16::from_le_bytes(*end), key));
            let ordinal = first + after as u32;
            if let Some(lane) = lanes.get_mut(found) {
                *lane = Lane { place: Place { first: ordinal, rank: 0 }, key, at };
            }
            if is_covered {
                told(ordinal);
            }
            found += usize::from(is_covered);
        }
        for Lane { place, at, .. } in lanes.get(..found).unwrap_or_default() {
            visit(usize::from(*at), place.first);
        }
    }

    /// The positions of the addresses whose buckets hold anything.
    #[inline]
    fn held_of<'l>(&self, addresses: &[u32], held: &'l mut [u16; LANES]) -> &'l [u16] {
        for address in addresses {
            soon(self.cells, (address >> self.shift) as usize / CELL);
        }
        let mut count = 0;
        for (at, address) in addresses.iter().enumerate() {
            held.get_mut(count).into_iter().for_each(|place| *place = at as u16);
            count += usize::from(self.holds_any(*address));
        }
        held.get(..count).unwrap_or_default()
    }

    /// Halves the items of all lanes, a step of each after the other, until those of each stand close together and are on
    /// their way: the steps of one wait for memory, and so they wait together.
    #[inline]
    fn narrow(&self, lanes: &mut [Lane]) {
        let mut wide = [0u16; LANES];
        let mut count = 0;
        for (at, lane) in lanes.iter().enumerate() {
            self.lane_soon(lane);
            wide.get_mut(count).into_iter().for_each(|place| *place = at as u16);
            count += usize::from(lane.is_wide());
        }
        while count > 0 {
            let mut kept = 0;
            for turn in 0..count {
                let Some(at) = wide.get(turn).copied() else { break };
                let Some(lane) = lanes.get_mut(usize::from(at)) else { break };
                let middle = lane.middle();
                let is_below = self.ends.get(middle).is_some_and(|end| u16::from_le_bytes(*end) < lane.key);
                lane.halve(middle as u32, is_below);
                self.lane_soon(lane);
                wide.get_mut(kept).into_iter().for_each(|place| *place = at);
                kept += usize::from(lane.is_wide());
            }
            count = kept;
        }
    }

    /// Says what will be asked for of the items that are left to a lane: the one in the middle, or all, which stand in one
    /// line of the cache or in two.
    #[inline]
    fn lane_soon(&self, lane: &Lane) {
        let Place { first, rank: end } = lane.place;
        if lane.is_wide() {
            return soon(self.ends, lane.middle());
        }
        soon(self.ends, first as usize);
        soon(self.ends, end as usize - usize::from(end > first));
    }

    /// Says that the items of a bucket will be asked for.
    #[inline]
    fn items_soon(&self, place: Place) {
        soon(self.starts, place.rank as usize * if self.wide { 4 } else { 2 });
    }

    /// Whether an item is a hole, and so no entry.
    pub fn is_hole(&self, ordinal: u32) -> bool {
        self.ends.get(ordinal as usize).is_some_and(|end| u16::from_le_bytes(*end) & KIND == HOLE)
    }

    /// Visits the runs that touch `first..=last`, in order.
    pub fn each(&self, first: u32, last: u32, mut visit: impl FnMut(u32, u32, u32)) {
        if !self.is_present() {
            return;
        }
        for bucket in first >> self.shift..=last >> self.shift {
            let base = bucket << self.shift;
            let (place, is_there) = self.place_of(base);
            let Some(items) = self.items_of(place).filter(|_| is_there) else { continue };
            self.each_of_bucket(items, |low, high, ordinal| {
                if first <= base | high && base | low <= last {
                    visit(base | low, base | high, ordinal);
                }
            });
        }
    }

    fn each_of_bucket(&self, items: Range<usize>, mut visit: impl FnMut(u32, u32, u32)) {
        let mut next = 0;
        for ordinal in items {
            let Some(end) = self.ends.get(ordinal).map(|end| u16::from_le_bytes(*end)) else { return };
            let low = u32::from(end >> 2);
            match end & KIND {
                SINGLE => visit(low, low, ordinal as u32),
                RUN => visit(next, low, ordinal as u32),
                _ => {}
            }
            next = low + 1;
        }
    }

    /// Whether the bucket of an address holds anything.
    #[inline]
    fn holds_any(&self, address: u32) -> bool {
        let bucket = (address >> self.shift) as usize;
        self.cells.get(bucket / CELL).is_some_and(|cell| u64_at(cell, 0) >> (bucket % CELL) & 1 != 0)
    }

    /// The place of the bucket of an address, and whether it holds anything.
    #[inline]
    fn place_of(&self, address: u32) -> (Place, bool) {
        let bucket = (address >> self.shift) as usize;
        let Some(cell) = self.cells.get(bucket / CELL) else { return (Place::default(), false) };
        let (bitmap, bit) = (u64_at(cell, 0), 1u64 << (bucket % CELL));
        let rank = u32_at(cell, 8).wrapping_add((bitmap & (bit - 1)).count_ones());
        (Place { first: u32_at(cell, 12), rank }, bitmap & bit != 0)
    }

    /// The items of a bucket.
    #[inline]
    fn items_of(&self, place: Place) -> Option<Range<usize>> {
        let first = place.first as usize;
        if self.wide {
            let pair = self.starts.get(place.rank as usize * 4..)?;
            return Some(first + u32_at(pair, 0) as usize..first + u32_at(pair, 4) as usize);
        }
        let pair = self.starts.get(place.rank as usize * 2..)?.first_chunk::<4>()?;
        Some(first + usize::from(u16_at(pair, 0))..first + usize::from(u16_at(pair, 2)))
    }

    /// What items of the bucket are compared with.
    #[inline]
    fn key(&self, address: u32) -> u16 {
        ((address & self.below) << 2) as u16
    }
}

/// A bucket: the first item of its cell, and the rank of its own start.
#[derive(Clone, Copy, Default)]
struct Place {
    first: u32,
    rank: u32,
}

/// An address on its way through the stages: a bucket, then a range of items, then one item.
#[derive(Clone, Copy, Default)]
struct Lane {
    place: Place,
    key: u16,
    at: u16,
}

impl Lane {
    /// The item in the middle of those that are left.
    #[inline]
    fn middle(&self) -> usize {
        self.place.first.midpoint(self.place.rank) as usize
    }

    /// Whether more are left than stand in a line of the cache.
    #[inline]
    fn is_wide(&self) -> bool {
        self.place.rank.saturating_sub(self.place.first) > CLOSE
    }

    /// Leaves what is behind the middle, or the middle and what is before it: the first item that is not below the key stays,
    /// if there is one.
    #[inline]
    fn halve(&mut self, middle: u32, is_below: bool) {
        let Place { first, rank } = &mut self.place;
        *first = if is_below { middle + 1 } else { *first };
        *rank = if is_below { *rank } else { middle + 1 };
    }
}

/// Whether the first item that is not below a key covers it.
#[inline]
fn covers(end: u16, key: u16) -> bool {
    (end == key) | (end & KIND == RUN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(first: u32, last: u32) -> Run<u32> {
        Run { first, last, set: 0, own: 0 }
    }

    fn all_of(ends: Ends<'_>) -> Vec<(u32, u32)> {
        let mut seen = Vec::new();
        ends.each(0, u32::MAX, |first, last, _| seen.push((first, last)));
        seen
    }

    #[test]
    fn runs_are_cut_at_buckets_and_found() {
        let runs = [run(5, 5), run(6, 9), run(0x3FF0, 0xC001), run(u32::MAX - 1, u32::MAX)];
        let bytes = encode(&runs);
        let ends = Ends::new(&bytes.starts, &bytes.ends);
        let covered = |address: u32| runs.iter().any(|run| run.first <= address && address <= run.last);
        for address in (0..0x2_0000).chain(u32::MAX - 9..=u32::MAX) {
            assert_eq!(ends.find(address).is_some(), covered(address), "{address:x}");
        }
        let cut = [(5, 5), (6, 9), (0x3FF0, 0x3FFF), (0x4000, 0x7FFF), (0x8000, 0xBFFF), (0xC000, 0xC001)];
        assert_eq!(all_of(ends), [&cut[..], &[(u32::MAX - 1, u32::MAX)]].concat());
        assert_eq!(bytes.runs, 7);
    }

    #[test]
    fn more_runs_have_more_buckets() {
        assert_eq!([0, 1 << 19, 1 << 20, 1 << 30].map(bits_for), [18, 19, 20, 20]);
    }

    #[test]
    fn dense_lists_have_wide_starts() {
        let runs: Vec<Run<u32>> = (0..1 << 17).map(|at| run(at * 2, at * 2)).collect();
        let bytes = encode(&runs);
        assert_eq!(bytes.starts.get(1), Some(&4));
        let ends = Ends::new(&bytes.starts, &bytes.ends);
        assert!((0..1 << 18).all(|at| ends.find(at).is_some() == (at % 2 == 0)));
        let asked: Vec<u32> = (0..1 << 18).map(|at| at * 7919 % (1 << 18)).collect();
        let mut found = vec![None; asked.len()];
        ends.each_of(&asked, |_| {}, |at, ordinal| found[at] = Some(ordinal));
        assert!(asked.iter().zip(found).all(|(address, found)| found == ends.find(*address)));
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        for starts in [&[][..], &[18], &[99; 64], &[18, 0, 0, 0, 0, 0, 0, 0]] {
            let ends = Ends::new(starts, &[]);
            assert_eq!((ends.find(1), all_of(ends)), (None, Vec::new()));
            ends.each_of(&[1, 2], |_| unreachable!(), |_, _| unreachable!());
        }
    }

    proptest! {
        #[test]
        fn batches_find_what_single_look_ups_find(
            borders in proptest::collection::btree_set(0u32..200_000, 0..400),
            asked in proptest::collection::vec(0u32..210_000, 0..300),
        ) {
            let borders: Vec<u32> = borders.into_iter().collect();
            let runs: Vec<Run<u32>> = borders.as_chunks::<2>().0.iter().map(|[a, b]| run(*a, *b - (b - a) / 2)).collect();
            let bytes = encode(&runs);
            let ends = Ends::new(&bytes.starts, &bytes.ends);
            let covered = |address: u32| runs.iter().any(|run| run.first <= address && address <= run.last);
            let mut found = vec![None; asked.len()];
            ends.each_of(&asked, |_| {}, |at, ordinal| found[at] = Some(ordinal));
            for (address, found) in asked.iter().zip(found) {
                prop_assert_eq!(found, ends.find(*address));
                prop_assert_eq!(found.is_some(), covered(*address));
                prop_assert!(found.is_none_or(|ordinal| !ends.is_hole(ordinal)));
            }
        }
    }
}
