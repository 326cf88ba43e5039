//! Overlapping ranges of different feeds become disjoint ranges, each with everything that covers it.
//!
//! A look-up then finds one range and with it every sighting, however many prefixes cover the address. The
//! algorithm is a sweep line: it keeps the ranges that are open at the current address, and cuts where one
//! begins or ends. At most 129 prefixes cover one address, and a set holds their lengths alone, so that many
//! addresses share it. Arbitrary ranges are different: a hostile list could make thousands of them overlap,
//! with a set of its own at every cut, so ranges beyond a fixed depth are refused and counted.

use crate::merge::{DraftSighting, ResolvedGroup};
use rapsheet_snapshot::AddressRange;
use std::collections::HashMap;

/// How many ranges that are no prefix may cover one address. The ranges of real lists hardly overlap.
pub(crate) const OVERLAP_MAX: usize = 16;

/// A listed range and the group of its claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedRange<N> {
    /// The lowest address.
    pub(crate) first: N,
    /// The highest address.
    pub(crate) last: N,
    /// The number of the group.
    pub(crate) group: u32,
}

/// What was listed of the address space, before ranges have rows in the extent table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DraftExtent {
    /// Not an address.
    None,
    /// A prefix of this length.
    Prefix(u8),
    /// A range that is no prefix.
    Range(u128, u128),
}

/// A record set before its sightings have record numbers.
pub(crate) type DraftSet = Vec<(DraftSighting, DraftExtent)>;

/// Distinct draft sets, numbered in the order of first use, and the number of entries with each.
///
/// There are at most two sets for a row, and [`SizeLimits::rows`](crate::SizeLimits::rows) keeps their
/// numbers below 2^32.
#[derive(Default)]
pub(crate) struct DraftSets {
    /// The sets.
    pub(crate) sets: Vec<(DraftSet, u64)>,
    numbers: HashMap<DraftSet, u32>,
}

impl DraftSets {
    /// The number of a set. Sorts the set.
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

    /// Adds to the number of entries of a set.
    pub(crate) fn add_uses(&mut self, number: u32, entries: u64) {
        if let Some((_, uses)) = self.sets.get_mut(number as usize) {
            *uses += entries;
        }
    }
}

/// An address as a number of its family.
pub(crate) trait AddressNumber: Copy + Ord + Into<u128> {
    /// The next address; `None` after the last one.
    fn next(self) -> Option<Self>;
    /// The address before; itself at the first one.
    fn before(self) -> Self;
    /// The range between two addresses.
    fn range(first: Self, last: Self) -> AddressRange;
}

impl AddressNumber for u32 {
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

impl AddressNumber for u128 {
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

/// A disjoint range and the draft set of everything that covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FlatRange<N> {
    /// The lowest address.
    pub(crate) first: N,
    /// The highest address.
    pub(crate) last: N,
    /// The number of its draft set.
    pub(crate) set: u32,
}

/// The result of [`flatten`].
pub(crate) struct Flattened<N> {
    /// Disjoint ranges, in order. Adjacent ranges with the same set are one range.
    pub(crate) ranges: Vec<FlatRange<N>>,
    /// The groups of the ranges that were refused because [`OVERLAP_MAX`] others cover their first address.
    pub(crate) refused: Vec<u32>,
}

/// Flattens listed ranges, which are sorted by first address; of those with the same one, the widest comes
/// first.
pub(crate) fn flatten<N: AddressNumber>(
    entries: &[ListedRange<N>],
    groups: &[ResolvedGroup],
    drafts: &mut DraftSets,
) -> Flattened<N> {
    let mut sweep = Sweep::new(groups, drafts);
    let mut refused = Vec::new();
    let mut at: Option<N> = None;
    for entry in entries {
        if let Some(at) = at {
            sweep.close_before(at, Some(entry.first));
        }
        if !sweep.open(entry) {
            refused.push(entry.group);
        }
        at = Some(entry.first);
    }
    if let Some(at) = at {
        sweep.close_before(at, None);
    }
    Flattened { ranges: sweep.ranges, refused }
}

fn extent<N: AddressNumber>(entry: &ListedRange<N>) -> DraftExtent {
    match N::range(entry.first, entry.last).prefix_len() {
        Some(length) => DraftExtent::Prefix(length),
        None => DraftExtent::Range(entry.first.into(), entry.last.into()),
    }
}

struct Open<N> {
    last: N,
    group: u32,
    extent: DraftExtent,
}

struct Sweep<'a, N> {
    groups: &'a [ResolvedGroup],
    drafts: &'a mut DraftSets,
    open: Vec<Open<N>>,
    sets: HashMap<Vec<(u32, DraftExtent)>, u32>,
    /// The open ranges as a key of `sets`: a buffer that is reused.
    key: Vec<(u32, DraftExtent)>,
    /// The previous key and its set. Neighbours mostly have the same set.
    last: Option<(Vec<(u32, DraftExtent)>, u32)>,
    ranges: Vec<FlatRange<N>>,
}

impl<'a, N: AddressNumber> Sweep<'a, N> {
    fn new(groups: &'a [ResolvedGroup], drafts: &'a mut DraftSets) -> Sweep<'a, N> {
        let (open, sets, key) = (Vec::new(), HashMap::new(), Vec::new());
        Sweep { groups, drafts, open, sets, key, last: None, ranges: Vec::new() }
    }

    /// Opens a range, unless too many ranges are open where it begins.
    fn open(&mut self, entry: &ListedRange<N>) -> bool {
        let extent = extent(entry);
        let is_range = |extent: &DraftExtent| matches!(extent, DraftExtent::Range(..));
        let is_refused = is_range(&extent)
            && self.open.iter().filter(|open| is_range(&open.extent)).count() >= OVERLAP_MAX;
        if !is_refused {
            self.open.push(Open { last: entry.last, group: entry.group, extent });
        }
        !is_refused
    }

    /// Emits the disjoint ranges from `at` up to `end` (excluded; `None` is the end of the address space),
    /// and closes the listed ranges that end there.
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
        if let Some(range) = self.ranges.last_mut()
            && range.set == set
            && range.last.next() == Some(first)
        {
            range.last = last;
            return;
        }
        self.drafts.add_uses(set, 1);
        self.ranges.push(FlatRange { first, last, set });
    }

    /// The draft set of everything that is open.
    fn open_set(&mut self) -> u32 {
        self.key.clear();
        self.key.extend(self.open.iter().map(|open| (open.group, open.extent)));
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
        let sightings = |(group, extent): &(u32, DraftExtent)| {
            let sightings = self.groups.get(*group as usize).map_or(&[][..], |group| &group.sightings);
            sightings.iter().map(|sighting| (*sighting, *extent)).collect::<DraftSet>()
        };
        let set = self.drafts.number(self.key.iter().flat_map(sightings).collect());
        self.sets.insert(self.key.clone(), set);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapsheet_snapshot::{Assessments, FeedId, ListKind, Scope, Time, Times};

    fn group(feed: u16) -> ResolvedGroup {
        let at = Time::from_unix(1_780_000_000);
        let times = Times { first_seen: at, detect_time: at, row_expiry: None };
        let sighting = DraftSighting {
            feed: FeedId(feed),
            list: ListKind::Block,
            scope: Scope::Exact,
            assessments: Assessments::EMPTY,
            times,
        };
        ResolvedGroup { sightings: vec![sighting], ..ResolvedGroup::default() }
    }

    proptest::proptest! {
        #[test]
        fn keeps_every_entry_that_covers_an_address(
            listed in proptest::collection::vec((0u32..600, 0u32..40, 0u16..4), 0..40),
        ) {
            let groups: Vec<ResolvedGroup> = (0..4).map(group).collect();
            let entry = |(first, width, feed): &(u32, u32, u16)| {
                ListedRange { first: *first, last: first + width, group: u32::from(*feed) }
            };
            let mut entries: Vec<ListedRange<u32>> = listed.iter().map(entry).collect();
            entries.sort_by_key(|entry| (entry.first, std::cmp::Reverse(entry.last), entry.group));
            entries.dedup();
            let covers = |entry: &&ListedRange<u32>, at: u32| entry.first <= at && at <= entry.last;
            let depth = |at: u32| entries.iter().filter(|entry| covers(entry, at)).count();
            proptest::prop_assume!((0..700).map(depth).max() <= Some(OVERLAP_MAX));
            let mut drafts = DraftSets::default();
            let flat = flatten(&entries, &groups, &mut drafts);
            proptest::prop_assert!(flat.ranges.windows(2).all(|pair| pair[0].last < pair[1].first));
            for address in 0..700u32 {
                let mut expected: Vec<(u16, DraftExtent)> = entries
                    .iter()
                    .filter(|entry| covers(entry, address))
                    .map(|entry| (entry.group as u16, extent(entry)))
                    .collect();
                expected.sort_unstable();
                let range = flat.ranges.iter().find(|range| range.first <= address && address <= range.last);
                let found: Vec<(u16, DraftExtent)> = range.map_or(Vec::new(), |range| {
                    let set = &drafts.sets[range.set as usize].0;
                    set.iter().map(|(sighting, extent)| (sighting.feed.0, *extent)).collect()
                });
                proptest::prop_assert_eq!(found, expected, "address {}", address);
            }
        }
    }

    #[test]
    fn bounds_the_overlap_of_arbitrary_ranges() {
        let groups = [group(0)];
        let entries: Vec<ListedRange<u32>> =
            (0..200_000).map(|first| ListedRange { first, last: 400_001, group: 0 }).collect();
        let mut drafts = DraftSets::default();
        let flat = flatten(&entries, &groups, &mut drafts);
        let accepted = entries.len() - flat.refused.len();
        assert!(
            (OVERLAP_MAX..OVERLAP_MAX + 20).contains(&accepted),
            "prefixes are not limited, ranges are: {accepted}"
        );
        assert!(drafts.sets.iter().all(|(set, _)| set.len() < OVERLAP_MAX + 20));
    }

    #[test]
    fn reaches_both_ends_of_the_address_space() {
        let groups = [group(0)];
        let entries = [
            ListedRange { first: 0, last: u32::MAX, group: 0 },
            ListedRange { first: u32::MAX, last: u32::MAX, group: 0 },
        ];
        let flat = flatten(&entries, &groups, &mut DraftSets::default());
        let ends: Vec<(u32, u32)> = flat.ranges.iter().map(|range| (range.first, range.last)).collect();
        assert_eq!(ends, [(0, u32::MAX - 1), (u32::MAX, u32::MAX)]);
    }
}
