//! Grouping the rows of equal keys, and resolving each distinct group of claims once.
//!
//! Merging sorted runs brings rows with the same key together, whichever feed, file or thread they come from.
//! What a group resolves to depends on its claims alone, so equal groups share one resolution: a million
//! names that a feed listed before and lists again are resolved once.

use crate::claim::{Claim, Counts, RetentionPolicy, resolve};
use crate::columns::{Repeat, claim_of, scope_of};
use rapsheet_snapshot::{Assessments, FeedId, ListKind, Scope, Times};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

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
#[derive(Default)]
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

/// Resolves groups of claims, each distinct group once.
///
/// Groups are numbered in the order of first use. There are no more groups than rows, and
/// [`SizeLimits::rows`](crate::SizeLimits::rows) keeps those below 2^32.
pub(crate) struct Resolver<'a> {
    claims: &'a [Claim],
    policies: &'a [RetentionPolicy],
    /// The group of each single tag.
    of_tag: Vec<u32>,
    of_tags: HashMap<Box<[u32]>, u32>,
    /// The previous key's tags and group. Neighbouring keys mostly have the same claims.
    last: (Vec<u32>, u32),
    /// The groups.
    pub(crate) groups: Vec<ResolvedGroup>,
}

const UNRESOLVED: u32 = u32::MAX;

impl<'a> Resolver<'a> {
    /// A resolver for rows whose tags number `claims`; `policies` are numbered by feed.
    pub(crate) fn new(claims: &'a [Claim], policies: &'a [RetentionPolicy]) -> Resolver<'a> {
        let of_tag = vec![UNRESOLVED; claims.len() * 4];
        let last = (Vec::new(), UNRESOLVED);
        Resolver { claims, policies, of_tag, of_tags: HashMap::new(), last, groups: Vec::new() }
    }

    /// The number of the group with these tags. Sorts the tags.
    pub(crate) fn group(&mut self, tags: &mut [u32]) -> u32 {
        let number = match tags {
            [tag] => self.group_of_one(*tag),
            _ => self.group_of_many(tags),
        };
        if let Some(group) = self.groups.get_mut(number as usize) {
            group.uses += 1;
        }
        number
    }

    fn group_of_one(&mut self, tag: u32) -> u32 {
        match self.of_tag.get(tag as usize) {
            Some(&number) if number != UNRESOLVED => number,
            _ => {
                let number = self.resolve_group(&[tag]);
                if let Some(known) = self.of_tag.get_mut(tag as usize) {
                    *known = number;
                }
                number
            }
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
        let number = self.resolve_group(tags);
        self.of_tags.insert(tags.into(), number);
        number
    }

    fn resolve_group(&mut self, tags: &[u32]) -> u32 {
        let mut claims: Vec<(Scope, Claim)> = tags.iter().filter_map(|tag| self.claim(*tag)).collect();
        claims.sort_by_key(|(scope, claim)| (claim.feed, claim.list, *scope));
        let mut group = ResolvedGroup::default();
        for of_feed in claims
            .chunk_by(|(a_scope, a), (b_scope, b)| (a.feed, a.list, a_scope) == (b.feed, b.list, b_scope))
        {
            self.resolve_feed(of_feed, &mut group);
        }
        self.groups.push(group);
        self.groups.len() as u32 - 1
    }

    fn claim(&self, tag: u32) -> Option<(Scope, Claim)> {
        self.claims.get(claim_of(tag)).map(|claim| (scope_of(tag), *claim))
    }

    /// Resolves one feed's claims, which have the same list kind and scope.
    fn resolve_feed(&self, of_feed: &[(Scope, Claim)], group: &mut ResolvedGroup) {
        let Some((scope, Claim { feed, list, .. })) = of_feed.first().copied() else { return };
        let Some(policy) = self.policies.get(usize::from(feed.0)) else { return };
        let claims: Vec<Claim> = of_feed.iter().map(|(_, claim)| *claim).collect();
        let resolved = resolve(policy, &claims);
        let draft = |times, assessments| DraftSighting { feed, list, scope, assessments, times };
        group.sightings.extend(resolved.sighting.map(|(times, assessments)| draft(times, assessments)));
        group.retained.extend(resolved.retained.map(|times| draft(times, Assessments::EMPTY)));
        group.counts.push((feed, resolved.counts));
    }
}

/// Sorted runs of rows, which are merged while they are visited. Rows are never moved.
pub(crate) struct SortedRuns<'r, R> {
    rows: &'r [R],
    /// The rows of each run that are not yet visited.
    rest: Vec<Range<usize>>,
    /// The repeats of each run that are not yet visited.
    repeats: Vec<&'r [Repeat]>,
}

impl<'r, R> SortedRuns<'r, R> {
    /// Runs that end at `run_ends`, and further claims about keys of the first run.
    pub(crate) fn new(rows: &'r [R], run_ends: &[usize], repeats: &'r [Vec<Repeat>]) -> SortedRuns<'r, R> {
        let starts = std::iter::once(0).chain(run_ends.iter().copied());
        let rest = starts.zip(run_ends).map(|(start, end)| start..*end).collect();
        SortedRuns { rows, rest, repeats: repeats.iter().map(Vec::as_slice).collect() }
    }

    /// Visits the groups of rows with equal keys, in order: one of the rows, and the tags of all.
    pub(crate) fn each_group(
        mut self,
        order: impl Fn(&R, &R) -> Ordering,
        tag: impl Fn(&R) -> u32,
        mut visit: impl FnMut(&R, &mut Vec<u32>),
    ) {
        let mut tags = Vec::new();
        let rows = self.rows;
        let head = |run: &Range<usize>| rows.get(run.clone()).and_then(<[R]>::first);
        while let Some(first) = self.rest.iter().filter_map(head).min_by(|a, b| order(a, b)) {
            tags.clear();
            for run in &mut self.rest {
                while let Some(row) = head(run).filter(|row| order(row, first) == Ordering::Equal) {
                    tags.push(tag(row));
                    run.start += 1;
                }
            }
            self.take_repeats(&mut tags);
            visit(first, &mut tags);
        }
    }

    /// Adds the tags of the repeats whose rows of the first run have been visited.
    fn take_repeats(&mut self, tags: &mut Vec<u32>) {
        // Rows are fewer than 2^32: see `SizeLimits::rows`.
        let visited = self.rest.first().map_or(0, |run| run.start as u32);
        for list in &mut self.repeats {
            while let Some((repeat, rest)) = list.split_first().filter(|(repeat, _)| repeat.row < visited) {
                tags.push(repeat.tag);
                *list = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_sorted_runs_and_repeats_group_by_group() {
        let rows = [(1, 10), (1, 11), (4, 12), (1, 20), (3, 21), (4, 22), (9, 30)];
        let repeat = |row, tag| Repeat { row, tag };
        let repeats = [vec![repeat(0, 40), repeat(2, 41)], vec![repeat(2, 50)]];
        let order = |a: &(u32, u32), b: &(u32, u32)| a.0.cmp(&b.0);
        let runs = SortedRuns::new(&rows, &[3, 6, 7], &repeats);
        let mut groups = Vec::new();
        runs.each_group(order, |row| row.1, |row, tags| groups.push((row.0, tags.clone())));
        let expected = [(1, vec![10, 11, 20, 40]), (3, vec![21]), (4, vec![12, 22, 41, 50]), (9, vec![30])];
        assert_eq!(groups, expected);
    }
}
