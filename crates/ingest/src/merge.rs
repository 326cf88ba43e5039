//! Bringing rows of all feeds and nights together, and settling what each group of them comes to.
//!
//! Rows with the same key meet when sorted runs are merged, whichever feed, file, thread or night they came from,
//! and a settlement depends on the claims of a group alone. Groups with the same claims are therefore settled
//! once: a million names that one feed lists today and listed yesterday are one settlement.

use crate::claim::{Claim, Counts, Plan, settle};
use crate::harvest::Again;
use rapsheet_snapshot::{Assessments, FeedId, ListKind, Scope, Times};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

/// What a feed says of an indicator in the new snapshot, apart from what it listed of the address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Statement {
    /// The feed.
    pub(crate) feed: FeedId,
    /// Block or allow.
    pub(crate) list: ListKind,
    /// The reach of a name.
    pub(crate) scope: Scope,
    /// How bad.
    pub(crate) assessments: Assessments,
    /// Since when and until when.
    pub(crate) times: Times,
}

/// A settled group of claims: what it states, what is to be remembered of it, how it counts.
#[derive(Default)]
pub(crate) struct Slot {
    /// What the snapshot will say.
    pub(crate) statements: Vec<Statement>,
    /// What the state file will remember.
    pub(crate) remember: Vec<Statement>,
    /// The numbers of each feed.
    pub(crate) counts: Vec<(FeedId, Counts)>,
    /// How many keys have exactly these claims.
    pub(crate) uses: u64,
}

/// Settles groups of claims, each distinct group once.
pub(crate) struct Settler<'a> {
    claims: &'a [Claim],
    plans: &'a [Plan],
    single: Vec<u32>,
    known: HashMap<Box<[u32]>, u32>,
    /// The group before, and its slot: neighbours mostly have the same claims.
    last: (Vec<u32>, u32),
    /// The settled groups.
    pub(crate) slots: Vec<Slot>,
}

const UNSETTLED: u32 = u32::MAX;

impl<'a> Settler<'a> {
    /// Settles by these claims and plans.
    pub(crate) fn new(claims: &'a [Claim], plans: &'a [Plan]) -> Settler<'a> {
        let single = vec![UNSETTLED; claims.len() * 4];
        let last = (Vec::new(), UNSETTLED);
        Settler { claims, plans, single, known: HashMap::new(), last, slots: Vec::new() }
    }

    /// The slot of a group of rows, given their tags, which are put in order.
    pub(crate) fn slot(&mut self, tags: &mut [u32]) -> u32 {
        let slot = match tags {
            [tag] => self.slot_of_one(*tag),
            _ => self.slot_of_many(tags),
        };
        if let Some(slot) = self.slots.get_mut(slot as usize) {
            slot.uses += 1;
        }
        slot
    }

    fn slot_of_one(&mut self, tag: u32) -> u32 {
        match self.single.get(tag as usize) {
            Some(&slot) if slot != UNSETTLED => slot,
            _ => {
                let slot = self.settle_group(&[tag]);
                if let Some(single) = self.single.get_mut(tag as usize) {
                    *single = slot;
                }
                slot
            }
        }
    }

    fn slot_of_many(&mut self, tags: &mut [u32]) -> u32 {
        tags.sort_unstable();
        if self.last.0 != tags {
            self.last.1 = self.find_or_settle(tags);
            self.last.0.clear();
            self.last.0.extend_from_slice(tags);
        }
        self.last.1
    }

    fn find_or_settle(&mut self, tags: &[u32]) -> u32 {
        if let Some(slot) = self.known.get(tags) {
            return *slot;
        }
        let slot = self.settle_group(tags);
        self.known.insert(tags.into(), slot);
        slot
    }

    fn settle_group(&mut self, tags: &[u32]) -> u32 {
        let mut claims: Vec<(Scope, Claim)> = tags.iter().filter_map(|tag| self.claim(*tag)).collect();
        claims.sort_by_key(|(scope, claim)| (claim.feed, claim.list, *scope));
        let mut slot = Slot::default();
        for group in claims
            .chunk_by(|(a_scope, a), (b_scope, b)| (a.feed, a.list, a_scope) == (b.feed, b.list, b_scope))
        {
            self.settle_feed(group, &mut slot);
        }
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }

    fn claim(&self, tag: u32) -> Option<(Scope, Claim)> {
        let scope = [Scope::Exact, Scope::Tree, Scope::Subdomains].get(tag as usize & 3)?;
        self.claims.get(tag as usize >> 2).map(|claim| (*scope, *claim))
    }

    /// Settles one feed's claims, which share list side and scope.
    fn settle_feed(&self, group: &[(Scope, Claim)], slot: &mut Slot) {
        let Some((scope, Claim { feed, list, .. })) = group.first().copied() else { return };
        let Some(plan) = self.plans.get(usize::from(feed.0)) else { return };
        let claims: Vec<Claim> = group.iter().map(|(_, claim)| *claim).collect();
        let settled = settle(plan, &claims);
        let statement = |times, assessments| Statement { feed, list, scope, assessments, times };
        slot.statements.extend(settled.sighting.map(|(times, assessments)| statement(times, assessments)));
        slot.remember.extend(settled.remember.map(|times| statement(times, Assessments::EMPTY)));
        slot.counts.push((feed, settled.counts));
    }
}

/// Rows in sorted runs, which are merged as they are walked, and never moved.
pub(crate) struct Runs<'r, R> {
    rows: &'r [R],
    /// What is left of each run.
    rest: Vec<Range<usize>>,
    /// What is left of the keys of the first run that were added again.
    again: Vec<&'r [Again]>,
}

impl<'r, R> Runs<'r, R> {
    /// Rows whose runs end at `ends`.
    pub(crate) fn new(rows: &'r [R], ends: &[usize], again: &'r [Vec<Again>]) -> Runs<'r, R> {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let rest = starts.zip(ends).map(|(start, end)| start..*end).collect();
        Runs { rows, rest, again: again.iter().map(Vec::as_slice).collect() }
    }

    /// Visits the groups of rows with the same key, in order, with one of the rows and the tags of all.
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
            self.tags_again(&mut tags);
            visit(first, &mut tags);
        }
    }

    /// The tags of the rows that the first run has been walked past.
    fn tags_again(&mut self, tags: &mut Vec<u32>) {
        let walked = self.rest.first().map_or(0, |run| run.start as u32);
        for list in &mut self.again {
            while let Some((again, rest)) = list.split_first().filter(|(again, _)| again.row < walked) {
                tags.push(again.tag);
                *list = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_merged_group_by_group() {
        let rows = [(1, 10), (1, 11), (4, 12), (1, 20), (3, 21), (4, 22), (9, 30)];
        let mut groups = Vec::new();
        let again =
            [vec![Again { row: 0, tag: 40 }, Again { row: 2, tag: 41 }], vec![Again { row: 2, tag: 50 }]];
        let order = |a: &(u32, u32), b: &(u32, u32)| a.0.cmp(&b.0);
        let runs = Runs::new(&rows, &[3, 6, 7], &again);
        runs.each_group(order, |row| row.1, |row, tags| groups.push((row.0, tags.clone())));
        let expected = [(1, vec![10, 11, 20, 40]), (3, vec![21]), (4, vec![12, 22, 41, 50]), (9, vec![30])];
        assert_eq!(groups, expected);
    }
}
