//! Groups of claims about equal keys, and what they resolve to.
//!
//! What a group resolves to depends on its claims alone. Groups of frequent claims are resolved once: a
//! million names that a feed listed before and lists again share one resolution. Rows that state times of
//! their own have claims that hardly another row has, and as many groups as rows. These *rare* groups are not
//! stored. Their numbers lead to their claims, and they are resolved again whenever that is needed, which
//! takes less time than a cache miss and no memory.

use crate::claim::{Claim, ClaimTable, Counts, RetentionPolicy, resolve};
use crate::columns::{claim_of, scope_of};
use rapsheet_snapshot::{Assessments, FeedId, ListKind, Scope, Times};
use std::collections::HashMap;

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
    /// The number of keys that have exactly these claims.
    pub(crate) uses: u64,
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
    of_tags: HashMap<Box<[u32]>, u32>,
    /// The previous key's tags and group. Neighbouring keys mostly have the same claims.
    last: (Vec<u32>, u32),
    /// The groups of frequent claims.
    shared: Vec<ResolvedGroup>,
    /// The tags of the rare groups of several tags, and where those of each end.
    rare_tags: Vec<u32>,
    rare_ends: Vec<u32>,
    /// The counts of each feed in rare groups, and whether any of them has a sighting of it.
    rare_counts: Vec<(Counts, bool)>,
    /// Whether some rare group has rows for the state file.
    retains_rare: bool,
    /// A buffer that is reused.
    resolved: ResolvedGroup,
}

const UNRESOLVED: u32 = u32::MAX;

impl<'a> Groups<'a> {
    /// Without groups.
    pub(crate) fn new(context: ClaimContext<'a>) -> Groups<'a> {
        Groups {
            context,
            of_tag: TagMap::default(),
            of_tags: HashMap::new(),
            last: (Vec::new(), UNRESOLVED),
            shared: Vec::new(),
            rare_tags: Vec::new(),
            rare_ends: Vec::new(),
            rare_counts: vec![Default::default(); context.policies.len()],
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
        if let Some(group) = self.shared.get_mut(number as usize) {
            group.uses += 1;
        }
        number
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
        if let Some(number) = self.of_tags.get(tags) {
            return *number;
        }
        let number = self.resolve_shared(tags);
        self.of_tags.insert(tags.into(), number);
        number
    }

    fn resolve_shared(&mut self, tags: &[u32]) -> u32 {
        let mut group = ResolvedGroup::default();
        self.context.resolve(tags, &mut group);
        self.shared.push(group);
        self.shared.len() as u32 - 1
    }

    /// The number of a rare group. Its counts are added here, because it is met once.
    fn rare_group(&mut self, tags: &mut [u32]) -> u32 {
        tags.sort_unstable();
        let mut resolved = std::mem::take(&mut self.resolved);
        self.context.resolve(tags, &mut resolved);
        for (feed, counts) in &resolved.counts {
            let sum = self.rare_counts.get_mut(usize::from(feed.0));
            sum.into_iter().for_each(|(sum, _)| sum.add(counts, 1));
        }
        for sighting in &resolved.sightings {
            let seen = self.rare_counts.get_mut(usize::from(sighting.feed.0));
            seen.into_iter().for_each(|(_, seen)| *seen = true);
        }
        self.retains_rare |= !resolved.retained.is_empty();
        self.resolved = resolved;
        if let [tag] = tags {
            return RARE | *tag;
        }
        self.rare_tags.extend_from_slice(tags);
        // Rows are fewer than 2^30, and so are their tags.
        self.rare_ends.push(self.rare_tags.len() as u32);
        RARE | SEVERAL | (self.rare_ends.len() as u32 - 1)
    }

    /// The tags of a rare group of several.
    fn several_tags(&self, number: u32) -> &[u32] {
        let at = (number & !(RARE | SEVERAL)) as usize;
        let end = |at: usize| self.rare_ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.rare_tags.get(start..end(at)).unwrap_or(&[])
    }

    /// Calls a function with a group, which is resolved again if it is rare.
    fn with_group<T>(&self, number: u32, with: impl FnOnce(&ResolvedGroup) -> T) -> T {
        if !is_rare(number) {
            return with(self.shared.get(number as usize).unwrap_or(&self.resolved));
        }
        let mut resolved = ResolvedGroup::default();
        match number & SEVERAL {
            0 => self.context.resolve(&[number & !RARE], &mut resolved),
            _ => self.context.resolve(self.several_tags(number), &mut resolved),
        }
        with(&resolved)
    }

    /// Appends the sightings of a group.
    pub(crate) fn sightings(&self, number: u32, out: &mut Vec<DraftSighting>) {
        if is_one_rare(number) {
            let resolved = self.context.resolve_one(number & !RARE);
            return out.extend(resolved.and_then(|resolved| resolved.sighting));
        }
        self.with_group(number, |group| out.extend_from_slice(&group.sightings));
    }

    /// Whether a group has sightings.
    pub(crate) fn has_sightings(&self, number: u32) -> bool {
        if is_one_rare(number) {
            return self
                .context
                .resolve_one(number & !RARE)
                .is_some_and(|resolved| resolved.sighting.is_some());
        }
        self.with_group(number, |group| !group.sightings.is_empty())
    }

    /// Visits the rows for the state file of a group.
    pub(crate) fn each_retained(&self, number: u32, visit: impl FnMut(&DraftSighting)) {
        if is_one_rare(number) {
            let resolved = self.context.resolve_one(number & !RARE);
            return resolved.and_then(|resolved| resolved.retained).iter().for_each(visit);
        }
        self.with_group(number, |group| group.retained.iter().for_each(visit));
    }

    /// Whether some group has rows for the state file.
    pub(crate) fn retains(&self) -> bool {
        self.retains_rare || self.shared.iter().any(|group| !group.retained.is_empty())
    }

    /// The groups of frequent claims; their positions are their numbers.
    pub(crate) fn shared(&self) -> &[ResolvedGroup] {
        &self.shared
    }

    /// Visits the counts of each feed, and whether there is a sighting of it.
    pub(crate) fn each_count(&self, mut visit: impl FnMut(FeedId, &Counts, u64, bool)) {
        for group in &self.shared {
            for (feed, counts) in &group.counts {
                let is_listed = group.sightings.iter().any(|sighting| sighting.feed == *feed);
                visit(*feed, counts, group.uses, is_listed);
            }
        }
        for (feed, (counts, is_listed)) in (0..).map(FeedId).zip(&self.rare_counts) {
            if *counts != Counts::default() {
                visit(feed, counts, 1, *is_listed);
            }
        }
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
