//! Overlapping ranges of different feeds become disjoint ranges, each with everything that covers it.
//!
//! A look-up then finds one range and with it every sighting, however many prefixes cover the address. The
//! algorithm is a sweep line: it keeps the ranges that are open at the current address, and cuts where one
//! begins or ends. At most 129 prefixes cover one address, and a set holds their lengths alone, so that many
//! addresses share it. Arbitrary ranges are different: a hostile list could make thousands of them overlap,
//! with a set of its own at every cut, so ranges beyond a fixed depth are refused and counted.

use crate::groups::{DraftSighting, Groups, is_one_rare, is_rare, rare_number, rare_place};
use crate::place_table::PlaceTable;
use rapsheet_snapshot::hash::spread;
use rapsheet_snapshot::{AddressRange, Column, ColumnRow, ColumnStore, ColumnWriter, LISTED_MAX, column_row};
use std::hash::{DefaultHasher, Hash, Hasher};

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

/// A group, and what was listed with its claims.
pub(crate) type Member = (u32, DraftExtent);

/// Distinct draft sets, numbered in the order of first use.
///
/// There are at most two sets for a row, and [`SizeLimits::rows`](crate::SizeLimits::rows) keeps their
/// numbers below 2^31. A set is stored as its members, of which a hundred thousand sets have half a million:
/// as sightings they would take twelve times the memory.
#[derive(Default)]
pub(crate) struct DraftSets {
    lists: MemberLists,
    /// The list that each set was first met as.
    list_of: Vec<u32>,
    /// The set of each list.
    set_of: Vec<u32>,
    /// The places of lists of prefixes, by their members: other lists hardly recur.
    by_members: PlaceTable,
    /// The sets, by their sightings.
    by_content: PlaceTable,
    /// Sightings: buffers that are reused.
    buffers: [DraftSet; 2],
}

impl DraftSets {
    /// The number of the set of these members.
    pub(crate) fn number(&mut self, members: &[Member], groups: &Groups<'_>) -> u32 {
        let hash = hash_of_prefixes(members);
        let is_list = |place: u32| self.lists.has_prefixes(place as usize, members);
        if let Some(place) = hash.and_then(|hash| self.by_members.find(hash, is_list)) {
            return self.set_of.get(place as usize).copied().unwrap_or(0);
        }
        let (set, is_new) = self.by_content(members, groups);
        if is_new || hash.is_some() {
            let place = self.lists.push(members);
            self.set_of.push(set);
            self.list_of.extend(is_new.then_some(place));
            hash.into_iter().for_each(|hash| self.by_members.insert(hash, place));
        }
        set
    }

    /// The number of the set with the sightings of these members, and whether it is a new one.
    fn by_content(&mut self, members: &[Member], groups: &Groups<'_>) -> (u32, bool) {
        let [mut content, mut other] = std::mem::take(&mut self.buffers);
        sightings_of(members.iter().copied(), groups, &mut content);
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.by_content.find(hash, |set| {
            self.content(set, groups, &mut other);
            other == content
        });
        self.buffers = [content, other];
        // Fewer than 2^31.
        let set = known.unwrap_or(self.list_of.len() as u32);
        if known.is_none() {
            self.by_content.insert(hash, set);
        }
        (set, known.is_none())
    }

    /// The sightings of a set, sorted, in place of what `out` holds.
    pub(crate) fn content(&self, number: u32, groups: &Groups<'_>, out: &mut DraftSet) {
        let list = self.list_of.get(number as usize).map_or(usize::MAX, |list| *list as usize);
        sightings_of(self.lists.get(list), groups, out);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list_of.len()
    }

    /// Frees what only finds the numbers of further sets: there are none.
    pub(crate) fn close(&mut self) {
        (self.by_members, self.by_content) = (PlaceTable::default(), PlaceTable::default());
        (self.set_of, self.buffers) = (Vec::new(), Default::default());
        self.list_of.shrink_to_fit();
        self.lists.shrink();
    }
}

/// A hash of members that are all prefixes; `None` for others.
fn hash_of_prefixes(members: &[Member]) -> Option<u64> {
    members.iter().try_fold(0, |hash, (group, extent)| match extent {
        DraftExtent::Prefix(length) => Some(spread(hash ^ (u64::from(*group) << 8 | u64::from(*length)))),
        _ => None,
    })
}

/// Lists of members, by place, in eight bytes a member.
#[derive(Default)]
struct MemberLists {
    /// The group and the extent of each member.
    members: Vec<(u32, u32)>,
    /// Where the members of each list end.
    ends: Vec<u32>,
    /// The ranges that are no prefix.
    ranges: Vec<(u128, u128)>,
}

/// An extent in four bytes is a prefix length below this number; from it on, the place of a range.
const RANGES_FROM: u32 = 256;
/// No extent, in four bytes.
const NO_EXTENT: u32 = RANGES_FROM - 1;

impl MemberLists {
    /// Adds a list, and returns its place.
    fn push(&mut self, members: &[Member]) -> u32 {
        for (group, extent) in members {
            let packed = match extent {
                DraftExtent::None => NO_EXTENT,
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
        self.ends.len() as u32 - 1
    }

    /// Whether a list has these members, which are prefixes.
    fn has_prefixes(&self, at: usize, members: &[Member]) -> bool {
        let same = |(stored, member): (&(u32, u32), &Member)| {
            stored.0 == member.0 && member.1 == DraftExtent::Prefix(stored.1 as u8) && stored.1 < NO_EXTENT
        };
        let stored = self.packed(at);
        stored.len() == members.len() && stored.iter().zip(members).all(same)
    }

    fn shrink(&mut self) {
        self.members.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.ranges.shrink_to_fit();
    }

    /// Removes the last list.
    fn pop(&mut self) {
        self.ends.pop();
        self.members.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    fn packed(&self, at: usize) -> &[(u32, u32)] {
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.members.get(start..end(at)).unwrap_or(&[])
    }

    fn get(&self, at: usize) -> impl Iterator<Item = Member> {
        self.packed(at).iter().map(|(group, packed)| (*group, self.extent(*packed)))
    }

    fn extent(&self, packed: u32) -> DraftExtent {
        let range = packed.checked_sub(RANGES_FROM).and_then(|at| self.ranges.get(at as usize));
        match (range, u8::try_from(packed)) {
            (Some((first, last)), _) => DraftExtent::Range(*first, *last),
            (None, Ok(length)) if packed < NO_EXTENT => DraftExtent::Prefix(length),
            _ => DraftExtent::None,
        }
    }
}

/// Draft sets that have a rare group, by place. They are not compared with each other. That of one address
/// that one claim lists is not here: its number is that of the group.
#[derive(Default)]
pub(crate) struct RareSets(MemberLists);

impl RareSets {
    fn push(&mut self, members: &[Member]) -> u32 {
        rare_number(self.0.push(members))
    }

    /// Removes a set if it is the last one.
    fn pop(&mut self, number: u32) {
        if !is_one_rare(number) && rare_place(number) + 1 == self.0.ends.len() {
            self.0.pop();
        }
    }

    fn members(&self, number: u32) -> impl Iterator<Item = Member> {
        self.0.get(rare_place(number))
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

    /// A disjoint range in a column.
    type Row: ColumnRow + std::fmt::Debug;
    /// The row of a range.
    fn row(range: FlatRange<Self>) -> Self::Row;
    /// The range of a row.
    fn of_row(row: Self::Row) -> FlatRange<Self>;
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

    type Row = FlatRange<u32>;

    #[inline]
    fn row(range: FlatRange<u32>) -> FlatRange<u32> {
        range
    }

    #[inline]
    fn of_row(row: FlatRange<u32>) -> FlatRange<u32> {
        row
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

    type Row = FlatRange<u128>;

    #[inline]
    fn row(range: FlatRange<u128>) -> FlatRange<u128> {
        range
    }

    #[inline]
    fn of_row(row: FlatRange<u128>) -> FlatRange<u128> {
        row
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

column_row!(FlatRange<u32>, 3, |range| [range.first, range.last, range.set], |[first, last, set]| {
    FlatRange { first, last, set }
});
column_row!(
    FlatRange<u128>,
    9,
    |range| {
        let ([a, b, c, d], [e, f, g, h]) = (words_of(range.first), words_of(range.last));
        [a, b, c, d, e, f, g, h, range.set]
    },
    |[a, b, c, d, e, f, g, h, set]| FlatRange {
        first: of_words([a, b, c, d]),
        last: of_words([e, f, g, h]),
        set
    }
);

/// An address in words, the lowest first.
fn words_of(address: u128) -> [u32; 4] {
    [0, 32, 64, 96].map(|shift| (address >> shift) as u32)
}

fn of_words(words: [u32; 4]) -> u128 {
    words.iter().rev().fold(0, |address, word| address << 32 | u128::from(*word))
}

/// The result of [`flatten`].
pub(crate) struct Flattened<N: AddressNumber> {
    /// Disjoint ranges, in order. Adjacent ranges with the same set are one range.
    pub(crate) ranges: Column<N::Row>,
    /// The groups of the ranges that were refused because as many others as the limit allows cover their first address.
    pub(crate) refused: Vec<u32>,
    /// The draft sets of frequent groups alone.
    pub(crate) drafts: DraftSets,
    /// The other draft sets.
    pub(crate) rare: RareSets,
}

impl<N: AddressNumber> Flattened<N> {
    /// Frees all but the groups that were refused.
    pub(crate) fn free(&mut self) {
        (self.ranges, self.drafts, self.rare) =
            (Column::default(), DraftSets::default(), RareSets::default());
    }

    /// The sightings of a draft set, sorted.
    pub(crate) fn content(&self, set: u32, groups: &Groups<'_>, out: &mut DraftSet) {
        if is_one_rare(set) {
            sightings_of(std::iter::once((set, DraftExtent::Prefix(N::BITS))), groups, out);
        } else if is_rare(set) {
            sightings_of(self.rare.members(set), groups, out);
        } else {
            self.drafts.content(set, groups, out);
        }
    }
}

/// The sightings of groups with their extents, sorted, in place of what `out` holds.
fn sightings_of(members: impl Iterator<Item = Member>, groups: &Groups<'_>, out: &mut DraftSet) {
    out.clear();
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
    store: &ColumnStore,
) -> Flattened<N> {
    let mut sweep = Sweep::new(groups, store);
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
    sweep.finish(refused)
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

struct Sweep<'a, N: AddressNumber> {
    groups: &'a Groups<'a>,
    open: Vec<Open<N>>,
    /// The open ranges: a buffer that is reused.
    key: Vec<Member>,
    /// Those of the previous set, and the set. Neighbours mostly have the same.
    last: Option<(Vec<Member>, u32)>,
    /// The disjoint ranges but the last one, which may still grow.
    ranges: ColumnWriter<'a, N::Row>,
    last_range: Option<FlatRange<N>>,
    /// All else of the result.
    flat: Flattened<N>,
}

impl<'a, N: AddressNumber> Sweep<'a, N> {
    fn new(groups: &'a Groups<'a>, store: &'a ColumnStore) -> Sweep<'a, N> {
        let (drafts, rare) = (DraftSets::default(), RareSets::default());
        let flat = Flattened { ranges: Column::default(), refused: Vec::new(), drafts, rare };
        let (open, key, ranges) = (Vec::new(), Vec::new(), ColumnWriter::new(store));
        Sweep { groups, open, key, last: None, ranges, last_range: None, flat }
    }

    fn finish(mut self, refused: Vec<u32>) -> Flattened<N> {
        self.last_range.into_iter().for_each(|range| self.ranges.push(N::row(range)));
        self.flat.drafts.close();
        self.flat.rare.0.shrink();
        Flattened { ranges: self.ranges.finish(), refused, ..self.flat }
    }

    /// Opens a range, unless too many ranges are open where it begins.
    fn open(&mut self, entry: &ListedRange<N>) -> bool {
        let extent = extent(entry);
        let is_range = |extent: &DraftExtent| matches!(extent, DraftExtent::Range(..));
        let is_refused = is_range(&extent)
            && self.open.iter().filter(|open| is_range(&open.extent)).count() >= self.groups.overlaps_max();
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
        if let Some(range) = self.last_range
            && range.last.next() == Some(first)
            && holds_few(N::range(range.first, last), &self.key)
            && self.is_same(range.set, set)
        {
            if range.set != set {
                self.forget(set, range.set);
            }
            self.last_range = Some(FlatRange { last, ..range });
            return;
        }
        let before = self.last_range.replace(FlatRange { first, last, set });
        before.into_iter().for_each(|range| self.ranges.push(N::row(range)));
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
        let set = match self.key.as_slice() {
            [(group, DraftExtent::Prefix(length))] if is_one_rare(*group) && *length == N::BITS => *group,
            key if key.iter().any(|(group, _)| is_rare(*group)) => self.flat.rare.push(key),
            key => self.flat.drafts.number(key, self.groups),
        };
        let (key, last) = self.last.get_or_insert_default();
        key.clone_from(&self.key);
        *last = set;
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::ClaimContext;
    use crate::limits::OVERLAP_MAX;
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
                let flat = flatten(entries.iter().copied(), groups, &ColumnStore::memory());
                let feed = |entry: &ListedRange<u32>| numbers.iter().position(|number| *number == entry.group);
                let entries: Vec<(ListedRange<u32>, usize)> =
                    entries.iter().map(|entry| (*entry, feed(entry).expect("one of them"))).collect();
                let content = |range: FlatRange<u32>| {
                    let mut set = Vec::new();
                    flat.content(range.set, groups, &mut set);
                    (range, set)
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
            let flat = flatten(entries, groups, &ColumnStore::memory());
            let accepted = 200_000 - flat.refused.len();
            assert!(
                (OVERLAP_MAX..OVERLAP_MAX + 20).contains(&accepted),
                "prefixes are not limited, ranges are: {accepted}"
            );
            let mut sets = (0..flat.drafts.len())
                .map(|set| flat.drafts.lists.get(flat.drafts.list_of[set] as usize).count());
            assert!(sets.all(|members| members < OVERLAP_MAX + 20));
        });
    }

    #[test]
    fn an_entry_holds_no_more_prefixes_than_a_reader_visits() {
        for is_rare in [false, true] {
            with_groups(is_rare, |groups, [group, ..]| {
                let entries = (0..1000u32).map(|at| ListedRange { first: at + 5, last: at + 5, group });
                let flat = flatten(entries, groups, &ColumnStore::memory());
                let widths: Vec<u32> = flat.ranges.iter().map(|range| range.last - range.first + 1).collect();
                assert_eq!(widths, [[64; 15].as_slice(), &[40]].concat());
                assert!(
                    flat.ranges
                        .iter()
                        .all(|range| Some(range.set) == flat.ranges.get(0).map(|first| first.set))
                );
            });
        }
    }

    #[test]
    fn reaches_both_ends_of_the_address_space() {
        let flat = with_groups(true, |groups, [group, ..]| {
            let entries = [(0, u32::MAX), (u32::MAX, u32::MAX)];
            flatten(
                entries.into_iter().map(|(first, last)| ListedRange { first, last, group }),
                groups,
                &ColumnStore::memory(),
            )
        });
        let ends: Vec<(u32, u32)> = flat.ranges.iter().map(|range| (range.first, range.last)).collect();
        assert_eq!(ends, [(0, u32::MAX - 1), (u32::MAX, u32::MAX)]);
    }
}
