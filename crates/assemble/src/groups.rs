//! Groups of claims about equal keys, and what they resolve to.
//!
//! What a group resolves to depends on its claims alone. Groups of frequent claims are resolved once: a
//! million names that a feed listed before and lists again share one resolution. Rows that state times of
//! their own have claims that hardly another row has, and as many groups as rows. These *rare* groups are not
//! stored. Their numbers lead to their claims, and they are resolved again whenever that is needed, which
//! takes less time than a cache miss and no memory.

use crate::claim::{Claim, ClaimTable, Counts, RetentionPolicy, resolve};
use crate::columns::{claim_of, scope_of};
use crate::place_table::PlaceTable;
use rapsheet_snapshot::hash::spread;
use rapsheet_snapshot::section::times::StoredTimes;
use rapsheet_snapshot::{Assessments, FeedId, ListKind, Scope, Times};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The bit of the numbers of rare groups, and of all that is derived from them.
const RARE: u32 = 1 << 31;
/// The bit, beside [`RARE`], of rare groups of several tags. Without it, the other bits are the tag: claims
/// are numbered in 28 bits, see [`SizeLimits`](crate::SizeLimits).
const SEVERAL: u32 = 1 << 30;

/// Whether this is the number of a rare group, or of a draft set that has one.
#[inline]
pub(crate) fn is_rare(number: u32) -> bool {
    number & RARE != 0
}

/// Whether this is the number of a rare group of one claim.
#[inline]
pub(crate) fn is_one_rare(number: u32) -> bool {
    number & (RARE | SEVERAL) == RARE
}

/// The number of the rare draft set in this place. It differs from the numbers of rare groups of one claim.
#[inline]
pub(crate) fn rare_number(place: u32) -> u32 {
    place | RARE | SEVERAL
}

/// The inverse of [`rare_number`].
#[inline]
pub(crate) fn rare_place(number: u32) -> usize {
    (number & !(RARE | SEVERAL)) as usize
}

/// A sighting without the extent that was listed, which depends on the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftSighting {
    /// The feed.
    pub feed: FeedId,
    /// Block or allow.
    pub list: ListKind,
    /// The scope of a name.
    pub scope: Scope,
    /// The assessments.
    pub assessments: Assessments,
    /// First seen, detected, and the row's own expiry.
    pub times: Times,
}

/// A resolved group of claims.
#[derive(Debug, Default)]
pub(crate) struct ResolvedGroup {
    /// The sightings for the snapshot.
    pub(crate) sightings: Vec<DraftSighting>,
    /// The rows for the state file.
    pub(crate) retained: Vec<DraftSighting>,
    /// The counts of each feed.
    pub(crate) counts: Vec<(FeedId, Counts)>,
}

/// A [`DraftSighting`] in twenty bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PackedSighting {
    times: StoredTimes,
    feed: FeedId,
    assessments: Assessments,
    list: ListKind,
    scope: Scope,
}

impl From<&DraftSighting> for PackedSighting {
    fn from(sighting: &DraftSighting) -> PackedSighting {
        let DraftSighting { feed, list, scope, assessments, times } = *sighting;
        PackedSighting { times: times.into(), feed, assessments, list, scope }
    }
}

impl From<PackedSighting> for DraftSighting {
    #[inline]
    fn from(packed: PackedSighting) -> DraftSighting {
        let PackedSighting { times, feed, assessments, list, scope } = packed;
        DraftSighting { feed, list, scope, assessments, times: times.into() }
    }
}

/// Lists by number, one after another.
#[derive(Debug)]
struct Lists<T> {
    items: Vec<T>,
    /// Where each ends. Items are fewer than rows, which are fewer than 2^30.
    ends: Vec<u32>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Lists { items: Vec::new(), ends: Vec::new() }
    }
}

impl<T> Lists<T> {
    /// Adds a list and returns its number.
    fn push(&mut self, items: impl IntoIterator<Item = T>) -> u32 {
        self.items.extend(items);
        self.end()
    }

    /// Ends a list, whose items are there, and returns its number.
    fn end(&mut self) -> u32 {
        self.ends.push(self.items.len() as u32);
        self.ends.len() as u32 - 1
    }

    #[inline]
    fn get(&self, number: usize) -> &[T] {
        let end = |number: usize| self.ends.get(number).map_or(0, |end| *end as usize);
        let start = number.checked_sub(1).map_or(0, end);
        self.items.get(start..end(number)).unwrap_or(&[])
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn shrink(&mut self) {
        self.items.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// Resolved groups of frequent claims. Their counts are found again when they are asked for, which is once:
/// they would take most of the memory.
///
/// Groups have few different sightings: half a million in a hundred thousand groups are a thousand.
#[derive(Debug, Default)]
struct SharedGroups {
    /// The numbers of the sightings for the snapshot.
    sightings: Lists<u32>,
    /// The numbers of the rows for the state file.
    retained: Lists<u32>,
    /// How many keys have exactly these claims.
    uses: Vec<u32>,
    /// Distinct sightings, and where to find their numbers.
    distinct: Vec<PackedSighting>,
    numbers: PlaceTable,
}

impl SharedGroups {
    /// Adds a group and returns its number.
    fn push(&mut self, resolved: &ResolvedGroup) -> u32 {
        for retained in &resolved.retained {
            let number = self.number(retained);
            self.retained.items.push(number);
        }
        self.retained.end();
        for sighting in &resolved.sightings {
            let number = self.number(sighting);
            self.sightings.items.push(number);
        }
        self.uses.push(0);
        self.sightings.end()
    }

    fn number(&mut self, sighting: &DraftSighting) -> u32 {
        let packed = PackedSighting::from(sighting);
        let mut hasher = DefaultHasher::new();
        packed.hash(&mut hasher);
        let hash = hasher.finish();
        let is_same = |place: u32| self.distinct.get(place as usize) == Some(&packed);
        self.numbers.find(hash, is_same).unwrap_or_else(|| {
            // Fewer than rows, which are fewer than 2^30.
            let number = self.distinct.len() as u32;
            self.distinct.push(packed);
            self.numbers.insert(hash, number);
            number
        })
    }

    /// The sightings with these numbers.
    #[inline]
    fn unpacked(&self, numbers: &[u32]) -> impl Iterator<Item = DraftSighting> {
        let packed = numbers.iter().filter_map(|number| self.distinct.get(*number as usize));
        packed.copied().map(DraftSighting::from)
    }

    /// Frees what only finds the numbers of further sightings.
    fn close(&mut self) {
        self.numbers = PlaceTable::default();
        self.uses = Vec::new();
        self.sightings.shrink();
        self.retained.shrink();
        self.distinct.shrink_to_fit();
    }
}

/// What the groups of all columns are resolved by.
#[derive(Clone, Copy)]
pub(crate) struct ClaimContext<'a> {
    /// The claims, which tags number.
    pub(crate) claims: &'a ClaimTable,
    /// The policies, numbered by feed.
    pub(crate) policies: &'a [RetentionPolicy],
}

/// The groups of one column, numbered in the order of first use.
///
/// There are no more of them than rows, and [`SizeLimits::rows`](crate::SizeLimits::rows) keeps those below
/// 2^30.
pub(crate) struct Groups<'a> {
    context: ClaimContext<'a>,
    of_tag: TagMap,
    /// The tags of groups that have several, the group of each such list, and where to find it.
    tag_lists: Lists<u32>,
    group_of_list: Vec<u32>,
    of_tags: PlaceTable,
    /// The previous key's tags and group. Neighbouring keys mostly have the same claims.
    last: (Vec<u32>, u32),
    /// The groups of frequent claims.
    shared: SharedGroups,
    /// The tags of the rare groups of several tags.
    rare_tags: Lists<u32>,
    /// The counts of each feed, and whether any group has a sighting of it: of rare groups at first, and of all of
    /// them once these are closed.
    counts: Vec<(Counts, bool)>,
    /// Whether some rare group has rows for the state file.
    retains_rare: bool,
    /// A buffer that is reused.
    resolved: ResolvedGroup,
}

const UNRESOLVED: u32 = u32::MAX;

impl<'a> Groups<'a> {
    /// How many ranges that are no prefix may cover one address.
    pub(crate) fn overlaps_max(&self) -> usize {
        self.context.claims.limits().overlaps
    }

    /// Without groups.
    pub(crate) fn new(context: ClaimContext<'a>) -> Groups<'a> {
        Groups {
            context,
            of_tag: TagMap::default(),
            tag_lists: Lists::default(),
            group_of_list: Vec::new(),
            of_tags: PlaceTable::default(),
            last: (Vec::new(), UNRESOLVED),
            shared: SharedGroups::default(),
            rare_tags: Lists::default(),
            counts: vec![Default::default(); context.policies.len()],
            retains_rare: false,
            resolved: ResolvedGroup::default(),
        }
    }

    /// The number of the group with these tags. Sorts the tags.
    pub(crate) fn group(&mut self, tags: &mut [u32]) -> u32 {
        if tags.iter().any(|tag| self.context.claims.is_rare(claim_of(*tag))) {
            return self.rare_group(tags);
        }
        let number = match tags {
            [tag] => self.group_of_one(*tag),
            _ => self.group_of_many(tags),
        };
        // Rows are fewer than 2^30.
        self.shared.uses.get_mut(number as usize).into_iter().for_each(|uses| *uses += 1);
        number
    }

    /// Counts what the groups resolved to, and frees what finds the groups of further keys: there are none.
    pub(crate) fn close(&mut self) {
        let mut resolved = std::mem::take(&mut self.resolved);
        let of_tag = std::mem::take(&mut self.of_tag);
        for (tag, number) in of_tag.iter() {
            self.count(&[tag], number, &mut resolved);
        }
        let (lists, groups) = (std::mem::take(&mut self.tag_lists), std::mem::take(&mut self.group_of_list));
        for (list, number) in groups.iter().enumerate() {
            self.count(lists.get(list), *number, &mut resolved);
        }
        self.of_tags = PlaceTable::default();
        self.rare_tags.shrink();
        self.shared.close();
    }

    /// Counts what a group of frequent claims resolved to.
    fn count(&mut self, tags: &[u32], number: u32, resolved: &mut ResolvedGroup) {
        let uses = self.shared.uses.get(number as usize).map_or(0, |uses| u64::from(*uses));
        self.context.resolve(tags, resolved);
        add_counts(&mut self.counts, resolved, uses);
    }

    fn group_of_one(&mut self, tag: u32) -> u32 {
        match self.of_tag.get(tag) {
            UNRESOLVED => {
                let number = self.resolve_shared(&[tag]);
                self.of_tag.set(tag, number);
                number
            }
            number => number,
        }
    }

    fn group_of_many(&mut self, tags: &mut [u32]) -> u32 {
        tags.sort_unstable();
        if self.last.0 != tags {
            self.last.1 = self.find_or_resolve(tags);
            self.last.0.clear();
            self.last.0.extend_from_slice(tags);
        }
        self.last.1
    }

    fn find_or_resolve(&mut self, tags: &[u32]) -> u32 {
        let hash = tags.iter().fold(0, |hash, tag| spread(hash ^ u64::from(*tag)));
        let list = self.of_tags.find(hash, |list| self.tag_lists.get(list as usize) == tags);
        if let Some(number) = list.and_then(|list| self.group_of_list.get(list as usize)) {
            return *number;
        }
        let number = self.resolve_shared(tags);
        self.of_tags.insert(hash, self.tag_lists.push(tags.iter().copied()));
        self.group_of_list.push(number);
        number
    }

    fn resolve_shared(&mut self, tags: &[u32]) -> u32 {
        self.context.resolve(tags, &mut self.resolved);
        self.shared.push(&self.resolved)
    }

    /// The number of a rare group. Its counts are added here, because it is met once.
    fn rare_group(&mut self, tags: &mut [u32]) -> u32 {
        tags.sort_unstable();
        let mut resolved = std::mem::take(&mut self.resolved);
        self.context.resolve(tags, &mut resolved);
        add_counts(&mut self.counts, &resolved, 1);
        self.retains_rare |= !resolved.retained.is_empty();
        self.resolved = resolved;
        if let [tag] = tags {
            return RARE | *tag;
        }
        RARE | SEVERAL | self.rare_tags.push(tags.iter().copied())
    }

    /// What a rare group of several claims resolves to.
    fn resolve_several(&self, number: u32) -> ResolvedGroup {
        let mut resolved = ResolvedGroup::default();
        self.context.resolve(self.rare_tags.get((number & !(RARE | SEVERAL)) as usize), &mut resolved);
        resolved
    }

    /// Appends the sightings of a group. A rare one is resolved again.
    pub(crate) fn sightings(&self, number: u32, out: &mut Vec<DraftSighting>) {
        if !is_rare(number) {
            out.extend(self.shared.unpacked(self.shared.sightings.get(number as usize)));
        } else if is_one_rare(number) {
            out.extend(self.context.resolve_one(number & !RARE).and_then(|resolved| resolved.sighting));
        } else {
            out.extend(self.resolve_several(number).sightings);
        }
    }

    /// Whether a group has sightings.
    pub(crate) fn has_sightings(&self, number: u32) -> bool {
        if !is_rare(number) {
            return !self.shared.sightings.get(number as usize).is_empty();
        }
        if !is_one_rare(number) {
            return !self.resolve_several(number).sightings.is_empty();
        }
        self.context.resolve_one(number & !RARE).is_some_and(|resolved| resolved.sighting.is_some())
    }

    /// Visits the rows for the state file of a group.
    pub(crate) fn each_retained(&self, number: u32, mut visit: impl FnMut(&DraftSighting)) {
        if !is_rare(number) {
            let numbers = self.shared.retained.get(number as usize);
            self.shared.unpacked(numbers).for_each(|row| visit(&row));
        } else if is_one_rare(number) {
            let resolved = self.context.resolve_one(number & !RARE);
            resolved.and_then(|resolved| resolved.retained).iter().for_each(visit);
        } else {
            self.resolve_several(number).retained.iter().for_each(visit);
        }
    }

    /// Whether some group has rows for the state file.
    pub(crate) fn retains(&self) -> bool {
        self.retains_rare || !self.shared.retained.items.is_empty()
    }

    /// How many groups of frequent claims there are. They are numbered from 0.
    pub(crate) fn shared_count(&self) -> usize {
        self.shared.sightings.len()
    }

    /// Visits the counts of each feed, and whether there is a sighting of it. The groups are closed.
    pub(crate) fn each_count(&self, mut visit: impl FnMut(FeedId, &Counts, bool)) {
        for (feed, (counts, is_listed)) in (0..).map(FeedId).zip(&self.counts) {
            if *counts != Counts::default() {
                visit(feed, counts, *is_listed);
            }
        }
    }
}

/// Adds the counts of a group that so many keys have.
fn add_counts(sums: &mut [(Counts, bool)], resolved: &ResolvedGroup, uses: u64) {
    for (feed, counts) in &resolved.counts {
        let sum = sums.get_mut(usize::from(feed.0));
        sum.into_iter().for_each(|(sum, _)| sum.add(counts, uses));
    }
    for sighting in &resolved.sightings {
        let seen = sums.get_mut(usize::from(sighting.feed.0));
        seen.into_iter().for_each(|(_, seen)| *seen = true);
    }
}

/// What the one claim of a rare group resolves to.
struct ResolvedClaim {
    sighting: Option<DraftSighting>,
    retained: Option<DraftSighting>,
    counts: (FeedId, Counts),
}

impl ClaimContext<'_> {
    fn claim(&self, tag: u32) -> Option<(Scope, Claim)> {
        self.claims.get(claim_of(tag)).map(|claim| (scope_of(tag), claim))
    }

    fn resolve_one(&self, tag: u32) -> Option<ResolvedClaim> {
        let (scope, claim) = self.claim(tag)?;
        self.resolve_feed(scope, &[claim])
    }

    /// Resolves a group into an empty or used one.
    fn resolve(&self, tags: &[u32], group: &mut ResolvedGroup) {
        let ResolvedGroup { sightings, retained, counts, .. } = group;
        sightings.clear();
        retained.clear();
        counts.clear();
        let mut add = |resolved: ResolvedClaim| {
            sightings.extend(resolved.sighting);
            retained.extend(resolved.retained);
            counts.push(resolved.counts);
        };
        if let [tag] = tags {
            return self.resolve_one(*tag).into_iter().for_each(add);
        }
        let mut claims: Vec<(Scope, Claim)> = tags.iter().filter_map(|tag| self.claim(*tag)).collect();
        claims.sort_by_key(|(scope, claim)| (claim.feed, claim.list, *scope));
        for of_feed in claims
            .chunk_by(|(a_scope, a), (b_scope, b)| (a.feed, a.list, a_scope) == (b.feed, b.list, b_scope))
        {
            let Some((scope, _)) = of_feed.first() else { continue };
            let claims: Vec<Claim> = of_feed.iter().map(|(_, claim)| *claim).collect();
            self.resolve_feed(*scope, &claims).into_iter().for_each(&mut add);
        }
    }

    /// Resolves one feed's claims, which have the same list kind and scope.
    fn resolve_feed(&self, scope: Scope, claims: &[Claim]) -> Option<ResolvedClaim> {
        let Claim { feed, list, .. } = *claims.first()?;
        let resolved = resolve(self.policies.get(usize::from(feed.0))?, claims);
        let draft = |times, assessments| DraftSighting { feed, list, scope, assessments, times };
        Some(ResolvedClaim {
            sighting: resolved.sighting.map(|(times, assessments)| draft(times, assessments)),
            retained: resolved.retained.map(|times| draft(times, Assessments::EMPTY)),
            counts: (feed, resolved.counts),
        })
    }
}

/// The groups of single tags: a table in pages, of which only those of frequent claims exist.
#[derive(Default)]
struct TagMap(Vec<Box<[u32]>>);

/// How many tags a page has.
const PAGE: usize = 1 << 10;

impl TagMap {
    #[inline]
    fn get(&self, tag: u32) -> u32 {
        let page = self.0.get(tag as usize / PAGE);
        page.and_then(|page| page.get(tag as usize % PAGE)).copied().unwrap_or(UNRESOLVED)
    }

    /// The tags that have a number, each with it.
    fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let tags =
            self.0.iter().zip(0u32..).flat_map(|(page, at)| page.iter().copied().zip(at * PAGE as u32..));
        tags.filter(|(number, _)| *number != UNRESOLVED).map(|(number, tag)| (tag, number))
    }

    fn set(&mut self, tag: u32, number: u32) {
        let (page, place) = (tag as usize / PAGE, tag as usize % PAGE);
        if self.0.len() <= page {
            self.0.resize_with(page + 1, Box::default);
        }
        if let Some(page) = self.0.get_mut(page) {
            if page.is_empty() {
                *page = vec![UNRESOLVED; PAGE].into_boxed_slice();
            }
            page.iter_mut().skip(place).take(1).for_each(|known| *known = number);
        }
    }
}
