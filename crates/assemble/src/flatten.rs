//! Overlapping ranges of different feeds become disjoint ranges, each with everything that covers it.
//!
//! A look-up then finds one range and with it every sighting, however many prefixes cover the address. The
//! algorithm is a sweep line: it keeps the ranges that are open at the current address, and cuts where one
//! begins or ends. At most 129 prefixes cover one address, and a set holds their lengths alone, so that many
//! addresses share it. Arbitrary ranges are different: a hostile list could make thousands of them overlap,
//! with a set of its own at every cut, so ranges beyond a fixed depth are refused and counted.

use crate::groups::{DraftSighting, Groups, is_one_rare, is_rare, rare_number, rare_place};
use rapsheet_snapshot::{AddressRange, LISTED_MAX};
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

/// Distinct draft sets, numbered in the order of first use.
///
/// There are at most two sets for a row, and [`SizeLimits::rows`](crate::SizeLimits::rows) keeps their
/// numbers below 2^31.
#[derive(Default)]
pub(crate) struct DraftSets {
    /// The sets.
    pub(crate) sets: Vec<DraftSet>,
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
        self.sets.push(set);
        number
    }
}

/// Draft sets that have a rare group, by place. They are not compared with each other, and take twelve bytes
/// each. That of one address that one claim lists is not here: its number is that of the group.
#[derive(Default)]
pub(crate) struct RareSets {
    /// The group and the extent of each member.
    members: Vec<(u32, u32)>,
    /// Where the members of each set end.
    ends: Vec<u32>,
    /// The ranges that are no prefix.
    ranges: Vec<(u128, u128)>,
}

/// An extent in four bytes is a prefix length below this number; from it on, the place of a range.
const RANGES_FROM: u32 = 256;

impl RareSets {
    fn push(&mut self, members: &[(u32, DraftExtent)]) -> u32 {
        for (group, extent) in members {
            let packed = match extent {
                DraftExtent::None => RANGES_FROM - 1,
                DraftExtent::Prefix(length) => u32::from(*length),
                DraftExtent::Range(first, last) => {
                    self.ranges.push((*first, *last));
                    // Fewer than members, of which there are fewer than 2^31.
                    RANGES_FROM - 1 + self.ranges.len() as u32
                }
            };
            self.members.push((*group, packed));
        }
        self.ends.push(self.members.len() as u32);
        rare_number(self.ends.len() as u32 - 1)
    }

    /// Removes a set if it is the last one.
    fn pop(&mut self, number: u32) {
        if !is_one_rare(number) && rare_place(number) + 1 == self.ends.len() {
            self.ends.pop();
            self.members.truncate(self.ends.last().map_or(0, |end| *end as usize));
        }
    }

    fn members(&self, number: u32) -> impl Iterator<Item = (u32, DraftExtent)> {
        let at = rare_place(number);
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        let members = self.members.get(start..end(at)).unwrap_or(&[]);
        members.iter().map(|(group, packed)| (*group, self.extent(*packed)))
    }

    fn extent(&self, packed: u32) -> DraftExtent {
        let range = packed.checked_sub(RANGES_FROM).and_then(|at| self.ranges.get(at as usize));
        match (range, u8::try_from(packed)) {
            (Some((first, last)), _) => DraftExtent::Range(*first, *last),
            (None, Ok(length)) if u32::from(length) < RANGES_FROM - 1 => DraftExtent::Prefix(length),
            _ => DraftExtent::None,
        }
    }
}

/// An address as a number of its family.
pub(crate) trait AddressNumber: Copy + Ord + Into<u128> {
    /// The length of the prefix that is one address.
    const BITS: u8;
    /// The next address; `None` after the last one.
    fn next(self) -> Option<Self>;
    /// The address before; itself at the first one.
    fn before(self) -> Self;
    /// The range between two addresses.
    fn range(first: Self, last: Self) -> AddressRange;
    /// The address in the low bits of a number.
    fn from_low_bits(number: u128) -> Self;
}

impl AddressNumber for u32 {
    const BITS: u8 = 32;

    fn next(self) -> Option<u32> {
        self.checked_add(1)
    }

    fn before(self) -> u32 {
        self.saturating_sub(1)
    }

    fn range(first: u32, last: u32) -> AddressRange {
        AddressRange::V4 { first, last }
    }

    #[inline]
    fn from_low_bits(number: u128) -> u32 {
        number as u32
    }
}

impl AddressNumber for u128 {
    const BITS: u8 = 128;

    fn next(self) -> Option<u128> {
        self.checked_add(1)
    }

    fn before(self) -> u128 {
        self.saturating_sub(1)
    }

    fn range(first: u128, last: u128) -> AddressRange {
        AddressRange::V6 { first, last }
    }

    #[inline]
    fn from_low_bits(number: u128) -> u128 {
        number
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
    /// The draft sets of frequent groups alone.
    pub(crate) drafts: DraftSets,
    /// The other draft sets.
    pub(crate) rare: RareSets,
}

impl<N: AddressNumber> Flattened<N> {
    /// Frees all but the groups that were refused.
    pub(crate) fn free(&mut self) {
        (self.ranges, self.drafts, self.rare) = (Vec::new(), DraftSets::default(), RareSets::default());
    }

    /// The sightings of a draft set, sorted.
    pub(crate) fn content(&self, set: u32, groups: &Groups<'_>, out: &mut DraftSet) {
        out.clear();
        if is_one_rare(set) {
            sightings_of(std::iter::once((set, DraftExtent::Prefix(N::BITS))), groups, out);
        } else if is_rare(set) {
            sightings_of(self.rare.members(set), groups, out);
        } else {
            out.extend_from_slice(self.drafts.sets.get(set as usize).map_or(&[], Vec::as_slice));
        }
    }
}

/// Appends the sightings of groups with their extents, and sorts them.
fn sightings_of(members: impl Iterator<Item = (u32, DraftExtent)>, groups: &Groups<'_>, out: &mut DraftSet) {
    let mut sightings = Vec::new();
    for (group, extent) in members {
        sightings.clear();
        groups.sightings(group, &mut sightings);
        out.extend(sightings.iter().map(|sighting| (*sighting, extent)));
    }
    out.sort_unstable();
}

/// Flattens listed ranges, which are sorted by first address; of those with the same one, the widest comes
/// first.
pub(crate) fn flatten<N: AddressNumber>(
    entries: impl Iterator<Item = ListedRange<N>>,
    groups: &Groups<'_>,
) -> Flattened<N> {
    let mut sweep = Sweep::new(groups);
    let mut refused = Vec::new();
    let mut at: Option<N> = None;
    for entry in entries {
        if let Some(at) = at {
            sweep.close_before(at, Some(entry.first));
        }
        if !sweep.open(&entry) {
            refused.push(entry.group);
        }
        at = Some(entry.first);
    }
    if let Some(at) = at {
        sweep.close_before(at, None);
    }
    sweep.flat.refused = refused;
    // The ranges stay until all is encoded.
    sweep.flat.ranges.shrink_to_fit();
    sweep.flat
}

fn extent<N: AddressNumber>(entry: &ListedRange<N>) -> DraftExtent {
    match N::range(entry.first, entry.last).prefix_len() {
        Some(length) => DraftExtent::Prefix(length),
        None => DraftExtent::Range(entry.first.into(), entry.last.into()),
    }
}

/// Whether an entry of this range holds no more prefixes of one length than a reader visits.
fn holds_few(range: AddressRange, open: &[(u32, DraftExtent)]) -> bool {
    open.iter().all(|(_, extent)| match extent {
        DraftExtent::Prefix(length) => range.prefix_count(*length).is_some_and(|count| count <= LISTED_MAX),
        _ => true,
    })
}

struct Open<N> {
    last: N,
    group: u32,
    extent: DraftExtent,
}

struct Sweep<'a, N> {
    groups: &'a Groups<'a>,
    open: Vec<Open<N>>,
    sets: HashMap<Vec<(u32, DraftExtent)>, u32>,
    /// The open ranges as a key of `sets`: a buffer that is reused.
    key: Vec<(u32, DraftExtent)>,
    /// The previous key and its set. Neighbours mostly have the same set.
    last: Option<(Vec<(u32, DraftExtent)>, u32)>,
    flat: Flattened<N>,
}

impl<'a, N: AddressNumber> Sweep<'a, N> {
    fn new(groups: &'a Groups<'a>) -> Sweep<'a, N> {
        let (open, sets, key) = (Vec::new(), HashMap::new(), Vec::new());
        let (drafts, rare) = (DraftSets::default(), RareSets::default());
        let flat = Flattened { ranges: Vec::new(), refused: Vec::new(), drafts, rare };
        Sweep { groups, open, sets, key, last: None, flat }
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
        if let Some(range) = self.flat.ranges.last().copied()
            && range.last.next() == Some(first)
            && holds_few(N::range(range.first, last), &self.key)
            && self.is_same(range.set, set)
        {
            if range.set != set {
                self.forget(set, range.set);
            }
            return self.flat.ranges.iter_mut().next_back().into_iter().for_each(|range| range.last = last);
        }
        self.flat.ranges.push(FlatRange { first, last, set });
    }

    /// Whether two sets hold the same. Those of frequent groups then have the same number.
    fn is_same(&self, a: u32, b: u32) -> bool {
        if a == b || !is_rare(a) && !is_rare(b) {
            return a == b;
        }
        let [mut left, mut right] = [const { Vec::new() }; 2];
        self.flat.content(a, self.groups, &mut left);
        self.flat.content(b, self.groups, &mut right);
        left == right
    }

    /// Uses another set in place of one that holds the same.
    fn forget(&mut self, set: u32, same: u32) {
        if is_rare(set) {
            self.flat.rare.pop(set);
            self.last.iter_mut().for_each(|(_, last)| *last = same);
        }
    }

    /// The draft set of everything that is open, which `key` then holds.
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
            None if self.key.iter().any(|(group, _)| is_rare(*group)) => match self.key.as_slice() {
                [(group, DraftExtent::Prefix(length))] if is_one_rare(*group) && *length == N::BITS => *group,
                key => self.flat.rare.push(key),
            },
            None => self.new_set(),
        };
        let (key, last) = self.last.get_or_insert_default();
        key.clone_from(&self.key);
        *last = set;
        set
    }

    fn new_set(&mut self) -> u32 {
        let mut sightings = Vec::new();
        sightings_of(self.key.iter().copied(), self.groups, &mut sightings);
        let set = self.flat.drafts.number(sightings);
        self.sets.insert(self.key.clone(), set);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::ClaimContext;
    use crate::{Claim, ClaimSource, ClaimTable, RetentionPolicy, SizeLimits, claim_of, tag};
    use rapsheet_snapshot::{Assessments, FeedId, ListKind, Mode, Scope, Time};

    const POLICY: RetentionPolicy = RetentionPolicy {
        mode: Mode::Reset,
        keep_absent: false,
        retention_seconds: 86_400,
        accepted: true,
        update_time: Time::from_unix(1_780_000_000),
        confirmed: Time::from_unix(1_780_000_000),
        list: ListKind::Block,
        assessments: Assessments::EMPTY,
        now: Time::from_unix(1_780_000_000),
    };

    /// Calls a function with groups of one claim each, one for each of four feeds: rare ones, or frequent
    /// ones.
    fn with_groups<T>(is_rare: bool, with: impl FnOnce(&Groups<'_>, [u32; 4]) -> T) -> T {
        let mut claims = ClaimTable::new(SizeLimits::default());
        let tags = [0, 1, 2, 3].map(|feed| {
            let (list, source, assessments) = (ListKind::Block, ClaimSource::Download, Assessments::EMPTY);
            let times = [None; 3];
            let [first_seen, last_seen, expires] = times;
            let claim =
                Claim { feed: FeedId(feed), list, source, assessments, first_seen, last_seen, expires };
            tag(claims.push(claim).expect("few"), Scope::Exact)
        });
        for tag in tags.iter().cycle().take(if is_rare { 4 } else { 80 }) {
            claims.count_use(claim_of(*tag) as u32);
        }
        let mut groups = Groups::new(ClaimContext { claims: &claims, policies: &[POLICY; 4] });
        let numbers = tags.map(|tag| groups.group(&mut [tag]));
        assert_eq!(numbers.map(super::is_rare), [is_rare; 4]);
        with(&groups, numbers)
    }

    proptest::proptest! {
        #[test]
        fn keeps_every_entry_that_covers_an_address(
            listed in proptest::collection::vec((0u32..600, 0u32..40, 0u16..4), 0..40),
            is_rare in proptest::bool::ANY,
        ) {
            let (entries, flat) = with_groups(is_rare, |groups, numbers| {
                let entry = |(first, width, feed): &(u32, u32, u16)| {
                    ListedRange { first: *first, last: first + width, group: numbers[usize::from(*feed)] }
                };
                let mut entries: Vec<ListedRange<u32>> = listed.iter().map(entry).collect();
                entries.sort_by_key(|entry| (entry.first, std::cmp::Reverse(entry.last), entry.group));
                entries.dedup();
                let flat = flatten(entries.iter().copied(), groups);
                let feed = |entry: &ListedRange<u32>| numbers.iter().position(|number| *number == entry.group);
                let entries: Vec<(ListedRange<u32>, usize)> =
                    entries.iter().map(|entry| (*entry, feed(entry).expect("one of them"))).collect();
                let content = |range: &FlatRange<u32>| {
                    let mut set = Vec::new();
                    flat.content(range.set, groups, &mut set);
                    (*range, set)
                };
                (entries, flat.ranges.iter().map(content).collect::<Vec<_>>())
            });
            let covers = |entry: &ListedRange<u32>, at: u32| entry.first <= at && at <= entry.last;
            let depth = |at: u32| entries.iter().filter(|(entry, _)| covers(entry, at)).count();
            proptest::prop_assume!((0..700).map(depth).max() <= Some(OVERLAP_MAX));
            proptest::prop_assert!(flat.windows(2).all(|pair| pair[0].0.last < pair[1].0.first));
            for address in 0..700u32 {
                let mut expected: Vec<(usize, DraftExtent)> = entries
                    .iter()
                    .filter(|(entry, _)| covers(entry, address))
                    .map(|(entry, feed)| (*feed, extent(entry)))
                    .collect();
                expected.sort_unstable();
                let range = flat.iter().find(|(range, _)| range.first <= address && address <= range.last);
                let found: Vec<(usize, DraftExtent)> = range.map_or(Vec::new(), |(_, set)| {
                    set.iter().map(|(sighting, extent)| (usize::from(sighting.feed.0), *extent)).collect()
                });
                proptest::prop_assert_eq!(found, expected, "address {}", address);
            }
        }
    }

    #[test]
    fn bounds_the_overlap_of_arbitrary_ranges() {
        with_groups(false, |groups, [group, ..]| {
            let entries = (0..200_000u32).map(|first| ListedRange { first, last: 400_001, group });
            let flat = flatten(entries, groups);
            let accepted = 200_000 - flat.refused.len();
            assert!(
                (OVERLAP_MAX..OVERLAP_MAX + 20).contains(&accepted),
                "prefixes are not limited, ranges are: {accepted}"
            );
            assert!(flat.drafts.sets.iter().all(|set| set.len() < OVERLAP_MAX + 20));
        });
    }

    #[test]
    fn an_entry_holds_no_more_prefixes_than_a_reader_visits() {
        for is_rare in [false, true] {
            with_groups(is_rare, |groups, [group, ..]| {
                let entries = (0..1000u32).map(|at| ListedRange { first: at + 5, last: at + 5, group });
                let flat = flatten(entries, groups);
                let widths: Vec<u32> = flat.ranges.iter().map(|range| range.last - range.first + 1).collect();
                assert_eq!(widths, [[64; 15].as_slice(), &[40]].concat());
                assert!(flat.ranges.windows(2).all(|pair| pair[0].set == pair[1].set));
            });
        }
    }

    #[test]
    fn reaches_both_ends_of_the_address_space() {
        let flat = with_groups(true, |groups, [group, ..]| {
            let entries = [(0, u32::MAX), (u32::MAX, u32::MAX)];
            flatten(entries.into_iter().map(|(first, last)| ListedRange { first, last, group }), groups)
        });
        let ends: Vec<(u32, u32)> = flat.ranges.iter().map(|range| (range.first, range.last)).collect();
        assert_eq!(ends, [(0, u32::MAX - 1), (u32::MAX, u32::MAX)]);
    }
}
