//! Addresses: sorted, disjoint runs behind a directory on the top 16 bits.
//!
//! The directory is a bitmap of the 65,536 possible values of the top 16 bits, in cells of one cache line's
//! quarter that also hold a running count: an address whose /16 is empty, which is the common miss, costs one
//! load from 16 KiB that stays in the first-level cache. Only non-empty /16s have a row, so a small snapshot
//! stays small. Inside its /16 an IPv4 address is its low half: two bytes. Single addresses, the great
//! majority, stand apart from runs, which need both ends. Runs are cut at /16 borders.

use crate::layout::{u16_at, u32_at, u64_at, u128_at};
use std::ops::Range;

const CELLS: usize = 1024;
const CELL_LEN: usize = 16;
const ROW_LEN: usize = 8;
/// The length of the low half of a single IPv4 address, in bytes.
pub const POINT_LEN: usize = 2;
/// The length of an IPv4 run, in bytes.
pub const SPAN_V4_LEN: usize = 4;
/// The length of an IPv6 run, in bytes.
pub const SPAN_V6_LEN: usize = 32;

/// A run of addresses with its set and the place of its own times, as the writer takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<N> {
    /// The lowest address.
    pub first: N,
    /// The highest address.
    pub last: N,
    /// The number of its record set.
    pub set: u32,
    /// Where its own times begin in the writer's list, if its set has records with own times.
    pub own: u32,
}

/// Counts the items of each /16 while they are written in order.
#[derive(Default)]
struct DirectoryBuilder {
    rows: Vec<(u16, u32, u32)>,
}

impl DirectoryBuilder {
    /// Notes that the next item belongs to `top`; `points` and `spans` are the counts before it.
    fn at(&mut self, top: u16, points: usize, spans: usize) {
        if self.rows.last().is_none_or(|(last, ..)| *last != top) {
            self.rows.push((top, points as u32, spans as u32));
        }
    }

    fn finish(self, points: usize, spans: usize) -> Vec<u8> {
        let mut cells = vec![(0u64, 0u32); CELLS];
        for (top, ..) in &self.rows {
            if let Some((bits, _)) = cells.get_mut(usize::from(*top) / 64) {
                *bits |= 1 << (top % 64);
            }
        }
        let mut before = 0;
        for (bits, rank) in &mut cells {
            *rank = before;
            before += bits.count_ones();
        }
        let mut out = Vec::with_capacity(CELLS * CELL_LEN + (self.rows.len() + 1) * ROW_LEN);
        for (bits, rank) in cells {
            out.extend(bits.to_le_bytes());
            out.extend(rank.to_le_bytes());
            out.extend([0; 4]);
        }
        let ends = std::iter::once((points as u32, spans as u32));
        for (points, spans) in self.rows.iter().map(|(_, points, spans)| (*points, *spans)).chain(ends) {
            out.extend(points.to_le_bytes());
            out.extend(spans.to_le_bytes());
        }
        out
    }
}

/// A directory in a file.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a> {
    cells: &'a [u8],
    rows: &'a [u8],
}

impl<'a> Directory<'a> {
    /// The directory in these bytes.
    pub fn new(bytes: &'a [u8]) -> Directory<'a> {
        let (cells, rows) = bytes.split_at_checked(CELLS * CELL_LEN).unwrap_or_default();
        Directory { cells, rows }
    }

    /// The points and the spans of the /16 with these top bits; `None` where it is empty.
    #[inline]
    pub fn slots(&self, top: u16) -> Option<(Range<usize>, Range<usize>)> {
        let cell = usize::from(top) / 64 * CELL_LEN;
        let bits = u64_at(self.cells, cell);
        let bit = 1u64 << (top % 64);
        if bits & bit == 0 {
            return None;
        }
        let rank = u32_at(self.cells, cell + 8) + (bits & (bit - 1)).count_ones();
        let row = self.rows.get(rank as usize * ROW_LEN..)?.first_chunk::<{ 2 * ROW_LEN }>()?;
        let at = |at| u32_at(row, at) as usize;
        Some((at(0)..at(8), at(4)..at(12)))
    }

    /// The top halves that hold entries, in order.
    pub fn tops(&self) -> impl Iterator<Item = u16> + use<'a> {
        let cells = self.cells;
        (0..=u16::MAX)
            .filter(move |top| u64_at(cells, usize::from(*top) / 64 * CELL_LEN) >> (top % 64) & 1 == 1)
    }
}

/// The bytes of the IPv4 sections, and the set of each item by ordinal.
#[derive(Default)]
pub struct V4Bytes {
    /// The directory.
    pub directory: Vec<u8>,
    /// Low halves of single addresses.
    pub points: Vec<u8>,
    /// Low halves of runs.
    pub spans: Vec<u8>,
    /// Set and own times of each single address.
    pub point_refs: Vec<(u32, u32)>,
    /// Set and own times of each run.
    pub span_refs: Vec<(u32, u32)>,
}

/// Lays IPv4 runs out. They are sorted and disjoint.
pub fn encode_v4(runs: &[Run<u32>]) -> V4Bytes {
    let mut out = V4Bytes::default();
    let mut directory = DirectoryBuilder::default();
    for run in runs {
        for top in run.first >> 16..=run.last >> 16 {
            directory.at(top as u16, out.point_refs.len(), out.span_refs.len());
            let low = run.first.max(top << 16) as u16;
            let high = run.last.min(top << 16 | 0xFFFF) as u16;
            if low == high {
                out.points.extend(low.to_le_bytes());
                out.point_refs.push((run.set, run.own));
            } else {
                out.spans.extend(low.to_le_bytes());
                out.spans.extend(high.to_le_bytes());
                out.span_refs.push((run.set, run.own));
            }
        }
    }
    out.directory = directory.finish(out.point_refs.len(), out.span_refs.len());
    out
}

/// The bytes of the IPv6 sections, and the set of each run by ordinal.
#[derive(Default)]
pub struct V6Bytes {
    /// The directory.
    pub directory: Vec<u8>,
    /// Both ends of each run.
    pub spans: Vec<u8>,
    /// Set and own times of each run.
    pub refs: Vec<(u32, u32)>,
}

/// Lays IPv6 runs out. They are sorted and disjoint.
pub fn encode_v6(runs: &[Run<u128>]) -> V6Bytes {
    let mut out = V6Bytes::default();
    let mut directory = DirectoryBuilder::default();
    for run in runs {
        for top in run.first >> 112..=run.last >> 112 {
            directory.at(top as u16, 0, out.refs.len());
            let low = run.first.max(top << 112);
            let high = run.last.min(top << 112 | u128::MAX >> 16);
            out.spans.extend(low.to_le_bytes());
            out.spans.extend(high.to_le_bytes());
            out.refs.push((run.set, run.own));
        }
    }
    out.directory = directory.finish(0, out.refs.len());
    out
}

/// What an IPv4 look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundV4 {
    /// A single address, by ordinal.
    Point(u32),
    /// A run, by ordinal.
    Span(u32),
}

/// IPv4 addresses in a file.
#[derive(Clone, Copy, Debug)]
pub struct V4<'a> {
    directory: Directory<'a>,
    points: &'a [[u8; POINT_LEN]],
    spans: &'a [[u8; SPAN_V4_LEN]],
}

impl<'a> V4<'a> {
    /// The addresses in these sections.
    pub fn new(directory: &'a [u8], points: &'a [u8], spans: &'a [u8]) -> V4<'a> {
        V4 { directory: Directory::new(directory), points: points.as_chunks().0, spans: spans.as_chunks().0 }
    }

    /// The item that covers an address.
    #[inline]
    pub fn find(&self, address: u32) -> Option<FoundV4> {
        let (points, spans) = self.directory.slots((address >> 16) as u16)?;
        let low = address as u16;
        let of_16 = self.points.get(points.clone()).unwrap_or(&[]);
        let at = of_16.partition_point(|point| u16::from_le_bytes(*point) < low);
        if of_16.get(at).is_some_and(|point| u16::from_le_bytes(*point) == low) {
            return Some(FoundV4::Point((points.start + at) as u32));
        }
        let of_16 = self.spans.get(spans.clone()).unwrap_or(&[]);
        let at = of_16.partition_point(|span| u16_at(span, 0) <= low).checked_sub(1)?;
        let covers = of_16.get(at).is_some_and(|span| low <= u16_at(span, 2));
        covers.then_some(FoundV4::Span((spans.start + at) as u32))
    }

    /// All items that touch `first..=last`, in order of address within each /16, as runs of addresses.
    pub fn each(&self, first: u32, last: u32, mut visit: impl FnMut(u32, u32, FoundV4)) {
        for top in self.directory.tops() {
            let base = u32::from(top) << 16;
            if base | 0xFFFF < first || last < base {
                continue;
            }
            self.each_of_16(top, |low, high, found| {
                if first <= base | high && base | low <= last {
                    visit(base | low, base | high, found);
                }
            });
        }
    }

    /// The items of one /16, points and spans merged in order.
    fn each_of_16(&self, top: u16, mut visit: impl FnMut(u32, u32, FoundV4)) {
        let Some((points, spans)) = self.directory.slots(top) else { return };
        let point = |at: usize| {
            let low = u32::from(u16::from_le_bytes(*self.points.get(at)?));
            Some((low, low, FoundV4::Point(at as u32)))
        };
        let span = |at: usize| {
            let span = self.spans.get(at)?;
            Some((u32::from(u16_at(span, 0)), u32::from(u16_at(span, 2)), FoundV4::Span(at as u32)))
        };
        let mut points = points.map_while(point).peekable();
        let mut spans = spans.map_while(span).peekable();
        loop {
            let point_first = match (points.peek(), spans.peek()) {
                (None, None) => return,
                (Some(point), Some(span)) => point.0 <= span.0,
                (point, None) => point.is_some(),
                (None, Some(_)) => false,
            };
            let next = if point_first { points.next() } else { spans.next() };
            if let Some((low, high, found)) = next {
                visit(low, high, found);
            }
        }
    }
}

/// IPv6 addresses in a file.
#[derive(Clone, Copy, Debug)]
pub struct V6<'a> {
    directory: Directory<'a>,
    spans: &'a [[u8; SPAN_V6_LEN]],
}

impl<'a> V6<'a> {
    /// The addresses in these sections.
    pub fn new(directory: &'a [u8], spans: &'a [u8]) -> V6<'a> {
        V6 { directory: Directory::new(directory), spans: spans.as_chunks().0 }
    }

    /// The ordinal of the run that covers an address.
    #[inline]
    pub fn find(&self, address: u128) -> Option<u32> {
        let (_, spans) = self.directory.slots((address >> 112) as u16)?;
        let of_16 = self.spans.get(spans.clone()).unwrap_or(&[]);
        let at = of_16.partition_point(|span| u128_at(span, 0) <= address).checked_sub(1)?;
        let covers = of_16.get(at).is_some_and(|span| address <= u128_at(span, 16));
        covers.then_some((spans.start + at) as u32)
    }

    /// All runs that touch `first..=last`, in order.
    pub fn each(&self, first: u128, last: u128, mut visit: impl FnMut(u128, u128, u32)) {
        let start = self.spans.partition_point(|span| u128_at(span, 16) < first);
        for (at, span) in self.spans.iter().enumerate().skip(start) {
            let (low, high) = (u128_at(span, 0), u128_at(span, 16));
            if last < low {
                return;
            }
            visit(low, high, at as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<N>(first: N, last: N) -> Run<N> {
        Run { first, last, set: 0, own: 0 }
    }

    #[test]
    fn v4_finds_points_spans_and_nothing_else() {
        let runs = [run(5, 5), run(7, 9), run(0x0001_FFF0, 0x0003_0001), run(u32::MAX, u32::MAX)];
        let bytes = encode_v4(&runs);
        let v4 = V4::new(&bytes.directory, &bytes.points, &bytes.spans);
        let covered = |address: u32| runs.iter().any(|run| run.first <= address && address <= run.last);
        for address in (0..0x0004_0000).chain([u32::MAX - 1, u32::MAX]) {
            assert_eq!(v4.find(address).is_some(), covered(address), "{address:x}");
        }
        let mut seen = Vec::new();
        v4.each(0, u32::MAX, |first, last, _| seen.push((first, last)));
        assert_eq!(
            seen,
            [
                (5, 5),
                (7, 9),
                (0x1_FFF0, 0x1_FFFF),
                (0x2_0000, 0x2_FFFF),
                (0x3_0000, 0x3_0001),
                (u32::MAX, u32::MAX)
            ]
        );
    }

    #[test]
    fn v6_finds_what_it_holds() {
        let base = 0x2A06_u128 << 112;
        let runs = [run(base + 5, base + 5), run(base + 7, base + (1 << 112) + 3)];
        let bytes = encode_v6(&runs);
        let v6 = V6::new(&bytes.directory, &bytes.spans);
        let covered = |address: u128| runs.iter().any(|run| run.first <= address && address <= run.last);
        for address in [4, 5, 6, 7, 1 << 112, (1 << 112) + 3, (1 << 112) + 4].map(|low| base + low) {
            assert_eq!(v6.find(address).is_some(), covered(address), "{address:x}");
        }
        let mut count = 0;
        v6.each(0, u128::MAX, |_, _, _| count += 1);
        assert_eq!(count, 3, "the second run is cut at the border of its /16");
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(V4::new(&[], &[], &[]).find(1), None);
        assert_eq!(V6::new(&[], &[]).find(1), None);
        V4::new(&[], &[], &[]).each(0, u32::MAX, |_, _, _| unreachable!());
    }
}
