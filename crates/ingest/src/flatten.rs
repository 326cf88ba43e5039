//! Overlapping ranges of different feeds become disjoint runs, each with everything that covers it.
//!
//! One look-up then finds one run and with it every sighting, however many prefixes cover the address. The
//! sweep keeps the ranges that are open at the current address; where one begins or ends, a run is cut.
//! Prefixes of one address are at most 128, and a set knows them by length alone, so they share their sets. A
//! hostile list of arbitrary ranges could make every run carry thousands of them, each a set of its own, so ranges
//! beyond a fixed depth are refused and counted.

use crate::merge::{Slot, Statement};
use rapsheet_snapshot::AddressRange;
use std::collections::HashMap;

/// How many ranges that are no prefix may cover one address, at most. Real lists hardly overlap themselves.
pub(crate) const RANGES_MAX: usize = 16;

/// A settled range: what was listed, and the slot of what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layer<N> {
    /// The lowest address.
    pub(crate) first: N,
    /// The highest address.
    pub(crate) last: N,
    /// The slot.
    pub(crate) slot: u32,
}

/// What was listed of the address space, before ranges have rows in the extent table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Listed {
    /// Not an address.
    Nothing,
    /// A prefix of this length.
    Prefix(u8),
    /// A range that is no prefix.
    Range(u128, u128),
}

/// A set as it is while times are still spelt out: what is said, and of what extent.
pub(crate) type DraftSet = Vec<(Statement, Listed)>;

/// Distinct draft sets, numbered as they are first met, with how many entries have each.
#[derive(Default)]
pub(crate) struct Drafts {
    /// The sets.
    pub(crate) sets: Vec<(DraftSet, u64)>,
    numbers: HashMap<DraftSet, u32>,
}

impl Drafts {
    /// The number of a set, which is put in order.
    pub(crate) fn number(&mut self, mut set: DraftSet) -> u32 {
        set.sort_unstable();
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let number = self.sets.len() as u32;
        self.numbers.insert(set.clone(), number);
        self.sets.push((set, 0));
        number
    }

    /// Counts entries of a set.
    pub(crate) fn count(&mut self, number: u32, entries: u64) {
        if let Some((_, uses)) = self.sets.get_mut(number as usize) {
            *uses += entries;
        }
    }
}

/// An address as a number of its family.
pub(crate) trait Number: Copy + Ord + Into<u128> {
    /// The next address; `None` behind the last one.
    fn next(self) -> Option<Self>;
    /// The address before; itself before the first one.
    fn before(self) -> Self;
    /// The range between two addresses.
    fn range(first: Self, last: Self) -> AddressRange;
}

impl Number for u32 {
    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }

    fn before(self) -> u32 {
        self.saturating_sub(1)
    }

    fn range(first: u32, last: u32) -> AddressRange {
        AddressRange::V4 { first, last }
    }
}

impl Number for u128 {
    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }

    fn before(self) -> u128 {
        self.saturating_sub(1)
    }

    fn range(first: u128, last: u128) -> AddressRange {
        AddressRange::V6 { first, last }
    }
}

/// A disjoint run and the draft set of all that covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlatRun<N> {
    /// The lowest address.
    pub(crate) first: N,
    /// The highest address.
    pub(crate) last: N,
    /// The number of its draft set.
    pub(crate) set: u32,
}

/// What flattening gave.
pub(crate) struct Flattened<N> {
    /// Disjoint runs, in order. Neighbours with the same set are one run.
    pub(crate) runs: Vec<FlatRun<N>>,
    /// Slots of layers that lay too deep and were refused.
    pub(crate) refused: Vec<u32>,
}

/// Flattens layers, which are sorted by first address and, from there, widest first.
pub(crate) fn flatten<N: Number>(layers: &[Layer<N>], slots: &[Slot], drafts: &mut Drafts) -> Flattened<N> {
    let mut sweep = Sweep::new(slots, drafts);
    let mut refused = Vec::new();
    let mut at: Option<N> = None;
    for layer in layers {
        if let Some(at) = at {
            sweep.close_before(at, Some(layer.first));
        }
        if !sweep.open(layer) {
            refused.push(layer.slot);
        }
        at = Some(layer.first);
    }
    if let Some(at) = at {
        sweep.close_before(at, None);
    }
    Flattened { runs: sweep.runs, refused }
}

fn listed<N: Number>(layer: &Layer<N>) -> Listed {
    match N::range(layer.first, layer.last).prefix_len() {
        Some(length) => Listed::Prefix(length),
        None => Listed::Range(layer.first.into(), layer.last.into()),
    }
}

struct Open<N> {
    last: N,
    slot: u32,
    listed: Listed,
}

struct Sweep<'a, N> {
    slots: &'a [Slot],
    drafts: &'a mut Drafts,
    open: Vec<Open<N>>,
    sets: HashMap<Vec<(u32, Listed)>, u32>,
    /// What is open, as a key of `sets`: a buffer that is kept.
    key: Vec<(u32, Listed)>,
    /// The last key and its set: neighbours are mostly alike.
    last: Option<(Vec<(u32, Listed)>, u32)>,
    runs: Vec<FlatRun<N>>,
}

impl<'a, N: Number> Sweep<'a, N> {
    fn new(slots: &'a [Slot], drafts: &'a mut Drafts) -> Sweep<'a, N> {
        let (open, sets, key) = (Vec::new(), HashMap::new(), Vec::new());
        Sweep { slots, drafts, open, sets, key, last: None, runs: Vec::new() }
    }

    /// Opens a layer, unless too many ranges are open where it begins.
    fn open(&mut self, layer: &Layer<N>) -> bool {
        let listed = listed(layer);
        let is_range = |listed: &Listed| matches!(listed, Listed::Range(..));
        let too_deep =
            is_range(&listed) && self.open.iter().filter(|open| is_range(&open.listed)).count() >= RANGES_MAX;
        if !too_deep {
            self.open.push(Open { last: layer.last, slot: layer.slot, listed });
        }
        !too_deep
    }

    /// Emits the runs from `at` up to `end` (excluded; `None` is the end of the space), closing what ends there.
    fn close_before(&mut self, mut at: N, end: Option<N>) {
        while end.is_none_or(|end| at < end) {
            let Some(last) = self.open.iter().map(|open| open.last).min() else { return };
            let last = end.map_or(last, |end| last.min(end.before()));
            self.emit(at, last);
            self.open.retain(|open| open.last > last);
            match last.next() {
                Some(next) => at = next,
                None => return,
            }
        }
    }

    fn emit(&mut self, first: N, last: N) {
        let set = self.open_set();
        if let Some(run) = self.runs.last_mut()
            && run.set == set
            && run.last.next() == Some(first)
        {
            run.last = last;
            return;
        }
        self.drafts.count(set, 1);
        self.runs.push(FlatRun { first, last, set });
    }

    /// The draft set of everything that is open.
    fn open_set(&mut self) -> u32 {
        self.key.clear();
        self.key.extend(self.open.iter().map(|open| (open.slot, open.listed)));
        if let Some((key, set)) = &self.last
            && *key == self.key
        {
            return *set;
        }
        let set = match self.sets.get(&self.key) {
            Some(set) => *set,
            None => self.new_set(),
        };
        let (key, last) = self.last.get_or_insert_default();
        key.clone_from(&self.key);
        *last = set;
        set
    }

    fn new_set(&mut self) -> u32 {
        let statements = |(slot, listed): &(u32, Listed)| {
            let statements = self.slots.get(*slot as usize).map_or(&[][..], |slot| &slot.statements);
            statements.iter().map(|statement| (*statement, *listed)).collect::<DraftSet>()
        };
        let set = self.drafts.number(self.key.iter().flat_map(statements).collect());
        self.sets.insert(self.key.clone(), set);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapsheet_snapshot::{Assessments, FeedId, ListKind, Scope, Time, Times};

    fn slot(feed: u16) -> Slot {
        let at = Time::from_unix(1_780_000_000);
        let times = Times { first_seen: at, detect_time: at, row_expiry: None };
        let statement = Statement {
            feed: FeedId(feed),
            list: ListKind::Block,
            scope: Scope::Exact,
            assessments: Assessments::EMPTY,
            times,
        };
        Slot { statements: vec![statement], ..Slot::default() }
    }

    proptest::proptest! {
        #[test]
        fn every_address_keeps_everything_that_covers_it(
            ranges in proptest::collection::vec((0u32..600, 0u32..40, 0u16..4), 0..40),
        ) {
            let slots: Vec<Slot> = (0..4).map(slot).collect();
            let mut layers: Vec<Layer<u32>> = ranges
                .iter()
                .map(|(first, width, feed)| Layer { first: *first, last: first + width, slot: u32::from(*feed) })
                .collect();
            layers.sort_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)).then(a.slot.cmp(&b.slot)));
            layers.dedup();
            let deepest = (0..700).map(|at| layers.iter().filter(|layer| layer.first <= at && at <= layer.last).count()).max();
            proptest::prop_assume!(deepest <= Some(RANGES_MAX));
            let mut drafts = Drafts::default();
            let flat = flatten(&layers, &slots, &mut drafts);
            proptest::prop_assert!(flat.runs.windows(2).all(|pair| pair[0].last < pair[1].first));
            for address in 0..700u32 {
                let mut expected: Vec<(u16, Listed)> = layers
                    .iter()
                    .filter(|layer| layer.first <= address && address <= layer.last)
                    .map(|layer| (layer.slot as u16, listed(layer)))
                    .collect();
                expected.sort_unstable();
                let run = flat.runs.iter().find(|run| run.first <= address && address <= run.last);
                let found: Vec<(u16, Listed)> = run.map_or(Vec::new(), |run| {
                    drafts.sets[run.set as usize].0.iter().map(|(said, listed)| (said.feed.0, *listed)).collect()
                });
                proptest::prop_assert_eq!(found, expected, "address {}", address);
            }
        }
    }

    #[test]
    fn a_staircase_of_ranges_costs_no_more_than_its_steps() {
        let slots = [slot(0)];
        let layers: Vec<Layer<u32>> =
            (0..200_000).map(|first| Layer { first, last: 400_001, slot: 0 }).collect();
        let mut drafts = Drafts::default();
        let flat = flatten(&layers, &slots, &mut drafts);
        let taken = layers.len() - flat.refused.len();
        assert!((RANGES_MAX..RANGES_MAX + 20).contains(&taken), "prefixes apart, only so many: {taken}");
        assert!(drafts.sets.iter().all(|(set, _)| set.len() < RANGES_MAX + 20));
    }

    #[test]
    fn the_ends_of_the_space_are_reached() {
        let slots = [slot(0)];
        let layers =
            [Layer { first: 0, last: u32::MAX, slot: 0 }, Layer { first: u32::MAX, last: u32::MAX, slot: 0 }];
        let flat = flatten(&layers, &slots, &mut Drafts::default());
        let ends: Vec<(u32, u32)> = flat.runs.iter().map(|run| (run.first, run.last)).collect();
        assert_eq!(ends, [(0, u32::MAX - 1), (u32::MAX, u32::MAX)]);
    }
}
