//! Sorting rows of all feeds and nights together, and settling what each group of them comes to.
//!
//! Rows with the same key are neighbours after sorting, whichever feed, file, thread or night they came from,
//! and a settlement depends on the claims of a group alone. Groups with the same claims are therefore settled
//! once: a million names that one feed lists today and listed yesterday are one settlement.

use crate::claim::{Claim, Counts, Plan, settle};
use crate::harvest::{RangeRow, Texts};
use rayon::prelude::*;
use snapshot::{Assessments, FeedId, ListKind, Scope, Times};
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
    /// The settled groups.
    pub(crate) slots: Vec<Slot>,
}

const UNSETTLED: u32 = u32::MAX;

impl<'a> Settler<'a> {
    /// Settles by these claims and plans.
    pub(crate) fn new(claims: &'a [Claim], plans: &'a [Plan]) -> Settler<'a> {
        let single = vec![UNSETTLED; claims.len() * 4];
        Settler { claims, plans, single, known: HashMap::new(), slots: Vec::new() }
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
        if let Some(slot) = self.known.get(&*tags) {
            return *slot;
        }
        let slot = self.settle_group(tags);
        self.known.insert((&*tags).into(), slot);
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

/// Sorts rows of texts by key.
pub(crate) fn sort_texts(texts: &mut Texts) {
    let Texts { arena, rows } = texts;
    let arena = arena.as_slice();
    rows.par_sort_unstable_by(|a, b| {
        let tail = |at: u64, len: u32| {
            let end = at as usize + len as usize;
            arena.get((at as usize + 16).min(end)..end).unwrap_or(&[])
        };
        let shorter_first = || a.len.cmp(&b.len);
        a.head.cmp(&b.head).then_with(|| tail(a.at, a.len).cmp(tail(b.at, b.len))).then_with(shorter_first)
    });
}

/// Sorts rows of addresses: by first address, wider ranges first.
pub(crate) fn sort_ranges<N: Ord + Copy + Send>(rows: &mut [RangeRow<N>]) {
    rows.par_sort_unstable_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)));
}

/// The groups of sorted rows with the same key, as ranges of positions.
pub(crate) fn groups<R>(rows: &[R], same: impl Fn(&R, &R) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let first = rows.get(start)?;
        let tail = rows.get(start + 1..).unwrap_or(&[]);
        let width = 1 + tail.iter().take_while(|row| same(first, row)).count();
        let group = start..start + width;
        start += width;
        Some(group)
    })
}
