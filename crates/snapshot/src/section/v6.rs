//! IPv6: runs in order, below a ladder of the upper halves of their last addresses.
//!
//! Listed addresses crowd in a few prefixes, so leading bits tell little apart; upper halves do, but for the
//! few runs within one /64. The ladder has a rung for every eight entries of the one below, down to one upper
//! half for each run: a look-up reads one cache line of eight a rung, and a fixed number of them, so that
//! look-ups beside each other overlap instead of guessing. It is a static B+ tree without pointers (Khuong and
//! Morin, "Array Layouts for Comparison-Based Searching", 2015), asked as PlanB does (NSDI 2026).

use crate::layout::{u64_at, u128_at};

use super::addresses::{Run, SPAN_V6_LEN};
use super::soon::soon;

const RUNG: usize = 8;
const KEY_LEN: usize = 8;
const RUNG_LEN: usize = RUNG * KEY_LEN;
/// How many addresses are looked up together.
const LANES: usize = 128;
/// More rungs than an address space needs.
const RUNGS_MAX: usize = 12;

/// The bytes of the sections, and what each run refers to.
#[derive(Default)]
pub struct LadderBytes {
    /// The ladder, highest rung first.
    pub ladder: Vec<u8>,
    /// Both ends of each run.
    pub spans: Vec<u8>,
    /// Set and own times of each run.
    pub refs: Vec<(u32, u32)>,
}

/// Lays runs out. They are sorted and disjoint.
pub fn encode(runs: &[Run<u128>]) -> LadderBytes {
    let mut out = LadderBytes::default();
    for run in runs {
        out.spans.extend(run.first.to_le_bytes());
        out.spans.extend(run.last.to_le_bytes());
        out.refs.push((run.set, run.own));
    }
    let mut rungs = vec![runs.iter().map(|run| (run.last >> 64) as u64).collect::<Vec<u64>>()];
    while let Some(above) = rungs.last().filter(|below| below.len() > RUNG).map(|below| rung_above(below)) {
        rungs.push(above);
    }
    for rung in rungs.iter().rev() {
        let padded = rung.len().next_multiple_of(RUNG);
        let keys = rung.iter().copied().chain(std::iter::repeat(u64::MAX)).take(padded);
        out.ladder.extend(keys.flat_map(u64::to_le_bytes));
    }
    out
}

/// The last key of each eight.
fn rung_above(below: &[u64]) -> Vec<u64> {
    below.chunks(RUNG).filter_map(|eight| eight.last()).copied().collect()
}

/// IPv6 runs in a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ladder<'a> {
    /// The rungs, highest first, as eights of keys.
    rungs: [&'a [[u8; RUNG_LEN]]; RUNGS_MAX],
    count: usize,
    spans: &'a [[u8; SPAN_V6_LEN]],
}

impl<'a> Ladder<'a> {
    /// The runs in these sections; none where the ladder does not fit them.
    pub fn new(ladder: &'a [u8], spans: &'a [u8]) -> Ladder<'a> {
        let spans = spans.as_chunks().0;
        let mut lengths = [0; RUNGS_MAX];
        let (mut keys, mut count) = (spans.len(), 0);
        for length in &mut lengths {
            *length = keys.div_ceil(RUNG);
            count += 1;
            if keys <= RUNG {
                break;
            }
            keys = *length;
        }
        let mut rest = ladder.as_chunks().0;
        if rest.is_empty() || lengths.iter().sum::<usize>() != rest.len() {
            return Ladder::default();
        }
        let mut rungs = [&[][..]; RUNGS_MAX];
        for (rung, length) in rungs.iter_mut().zip(lengths.iter().take(count).rev()) {
            (*rung, rest) = rest.split_at_checked(*length).unwrap_or_default();
        }
        Ladder { rungs, count, spans }
    }

    /// Whether there is a ladder at all.
    #[inline]
    pub fn is_present(&self) -> bool {
        self.count > 0
    }

    /// The ordinal of the run that covers an address.
    #[inline]
    pub fn find(&self, address: u128) -> Option<u32> {
        let upper = (address >> 64) as u64;
        let mut at = 0;
        for rung in self.rungs.iter().take(self.count) {
            at = descend(rung, at, upper);
        }
        self.settle(at, address)
    }

    /// Visits the runs that cover addresses, with the position of each address, in order. Rung by rung, and every rung for
    /// all of them; each says what the next one will read.
    #[inline]
    pub fn each_of(&self, addresses: &[u128], mut visit: impl FnMut(usize, u32)) {
        let rungs = self.rungs.get(..self.count).unwrap_or_default();
        for (group, addresses) in addresses.chunks(LANES).enumerate() {
            let mut lanes = [0; LANES];
            for (rung, below) in rungs.iter().zip(rungs.iter().skip(1)) {
                for (at, address) in lanes.iter_mut().zip(addresses) {
                    *at = descend(rung, *at, (address >> 64) as u64);
                    soon(below, *at);
                }
            }
            if let Some(rung) = rungs.last() {
                for (at, address) in lanes.iter_mut().zip(addresses) {
                    *at = descend(rung, *at, (address >> 64) as u64);
                    soon(self.spans, *at);
                }
            }
            for (lane, (at, address)) in lanes.iter().zip(addresses).enumerate() {
                if let Some(ordinal) = self.settle(*at, *address) {
                    visit(group * LANES + lane, ordinal);
                }
            }
        }
    }

    /// From the first run whose last address has no lower upper half, to the run that covers the address.
    #[inline]
    fn settle(&self, at: usize, address: u128) -> Option<u32> {
        let span = self.spans.get(at)?;
        let at = match u128_at(span, 16) < address {
            // More than one run ends in this /64.
            true => self.first_not_below(at + 1, address),
            false => at,
        };
        let covers = u128_at(self.spans.get(at)?, 0) <= address;
        covers.then_some(at as u32)
    }

    /// The first run from `at` on whose last address is not below an address, which is near: steps are doubled until one is
    /// too wide, and then halved.
    fn first_not_below(&self, at: usize, address: u128) -> usize {
        let is_below = |span: &[u8; SPAN_V6_LEN]| u128_at(span, 16) < address;
        let mut step = 1;
        while self.spans.get(at + step).is_some_and(is_below) {
            step *= 2;
        }
        let near = self.spans.get(at..).unwrap_or(&[]);
        at + near.get(..step).unwrap_or(near).partition_point(is_below)
    }

    /// Visits the runs that touch `first..=last`, in order.
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

/// The place, on the rung below, of the first key that is not lower.
#[inline]
fn descend(rung: &[[u8; RUNG_LEN]], eight: usize, upper: u64) -> usize {
    let Some(keys) = rung.get(eight) else { return usize::MAX };
    let lower: usize = (0..RUNG).map(|at| usize::from(u64_at(keys, at * KEY_LEN) < upper)).sum();
    eight * RUNG + lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn laid(runs: &[(u128, u128)]) -> LadderBytes {
        let run = |(first, last): &(u128, u128)| Run { first: *first, last: *last, set: 0, own: 0 };
        encode(&runs.iter().map(run).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        for ladder in [&[][..], &[0; 64], &[0; 63]] {
            assert_eq!(Ladder::new(ladder, &[]).find(1), None);
        }
        let bytes = laid(&[(5, 9)]);
        assert_eq!(Ladder::new(&[], &bytes.spans).find(7), None, "a ladder that does not fit");
        assert_eq!(Ladder::new(&bytes.ladder, &bytes.spans).find(7), Some(0));
    }

    proptest! {
        /// Few upper halves, so that many runs share one.
        #[test]
        fn finds_what_it_holds(
            borders in proptest::collection::btree_set((0u64..6, 0u64..400), 0..700),
            asked in proptest::collection::vec((0u64..6, 0u64..400), 0..200),
        ) {
            let number = |(upper, lower): &(u64, u64)| u128::from(*upper) << 64 | u128::from(*lower);
            let borders: Vec<u128> = borders.iter().map(number).collect();
            let runs: Vec<(u128, u128)> = borders.as_chunks::<2>().0.iter().map(|[a, b]| (*a, *b)).collect();
            let bytes = laid(&runs);
            let ladder = Ladder::new(&bytes.ladder, &bytes.spans);
            for address in asked.iter().map(number).chain(borders.iter().copied()).chain([u128::MAX]) {
                let covers = runs.iter().position(|(first, last)| *first <= address && address <= *last);
                prop_assert_eq!(ladder.find(address), covers.map(|at| at as u32));
                let mut batched = None;
                ladder.each_of(&[0, address], |at, ordinal| batched = if at == 1 { Some(ordinal) } else { batched });
                prop_assert_eq!(batched, ladder.find(address));
            }
            let mut seen = Vec::new();
            ladder.each(0, u128::MAX, |first, last, _| seen.push((first, last)));
            prop_assert_eq!(seen, runs);
        }
    }
}
