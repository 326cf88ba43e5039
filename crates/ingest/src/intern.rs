//! From draft sets to the tables of the file: runs, records, sets and extents, each distinct row once.
//!
//! Times that many entries share become runs; times that few share would make every set unique, so their
//! records say "own times" and the times move to side columns. Sets are numbered by use and
//! everything else in the order of first use, part by part, which depends on nothing but the sorted keys: any
//! thread count gives the same bytes.

use crate::flatten::{Drafts, Listed};
use rapsheet_snapshot::Times;
use rapsheet_snapshot::section::records::{Extent, Record, When};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Times used by at least so many sightings are shared.
const SHARED_MIN: u64 = 16;
/// While there are no more distinct times than this, all are shared.
const SHARED_MAX: usize = 4096;

/// Distinct values, numbered as they are first met.
struct Numbered<T> {
    list: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn new() -> Numbered<T> {
        Numbered { list: Vec::new(), numbers: HashMap::new() }
    }

    fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.list.push(value.clone());
        self.numbers.insert(value.clone(), number);
        number
    }
}

/// The tables of a snapshot.
pub(crate) struct Tables {
    /// Shared times.
    pub(crate) runs: Vec<Times>,
    /// Records.
    pub(crate) records: Vec<Record>,
    /// Sets of records.
    pub(crate) sets: Vec<Vec<u32>>,
    /// Ranges that are no prefix.
    pub(crate) extents: Vec<(u128, u128)>,
    /// For each part, for each of its draft sets: the final set, and the own times of its records in set order.
    pub(crate) of_drafts: Vec<Vec<(u32, Vec<Times>)>>,
}

/// Makes the tables of the draft sets of all parts.
pub(crate) fn intern(parts: &[&Drafts]) -> Tables {
    let runs = shared_times(parts);
    let run_of: HashMap<Times, u32> = runs.iter().zip(0..).map(|(times, at)| (*times, at)).collect();
    let mut records = Numbered::new();
    let mut sets = Numbered::new();
    let mut extents = Numbered::new();
    let mut of_drafts = Vec::with_capacity(parts.len());
    for drafts in parts {
        let mut finals = Vec::with_capacity(drafts.sets.len());
        for (set, _) in &drafts.sets {
            let mut members: Vec<(Record, Times)> = set
                .iter()
                .map(|(said, listed)| {
                    let extent = match listed {
                        Listed::Nothing => Extent::None,
                        Listed::Prefix(length) => Extent::Prefix(*length),
                        Listed::Range(first, last) => Extent::Range(extents.number(&(*first, *last))),
                    };
                    let when = run_of.get(&said.times).map_or(When::Own, |run| When::Shared(*run));
                    let (feed, list, scope) = (said.feed, said.list, said.scope);
                    let assessments = said.assessments;
                    (Record { feed, list, scope, extent, assessments, when }, said.times)
                })
                .collect();
            members.sort_unstable();
            let numbers: Vec<u32> = members.iter().map(|(record, _)| records.number(record)).collect();
            let is_own = |(record, _): &&(Record, Times)| record.when == When::Own;
            let own = members.iter().filter(is_own).map(|(_, times)| *times).collect();
            finals.push((sets.number(&numbers), own));
        }
        of_drafts.push(finals);
    }
    let sets = by_use(sets.list, parts, &mut of_drafts);
    Tables { runs, records: records.list, sets, extents: extents.list, of_drafts }
}

/// Numbers sets anew, those of most entries first, so that few bits name the set of nearly every entry.
fn by_use(sets: Vec<Vec<u32>>, parts: &[&Drafts], of_drafts: &mut [Vec<(u32, Vec<Times>)>]) -> Vec<Vec<u32>> {
    let mut uses: Vec<(u64, u32, Vec<u32>)> =
        sets.into_iter().zip(0..).map(|(set, at)| (0, at, set)).collect();
    for (drafts, finals) in parts.iter().zip(&*of_drafts) {
        for ((_, entries), (set, _)) in drafts.sets.iter().zip(finals) {
            uses.get_mut(*set as usize).iter_mut().for_each(|(uses, ..)| *uses += entries);
        }
    }
    uses.sort_by_key(|(uses, at, _)| (Reverse(*uses), *at));
    let mut numbers = vec![0; uses.len()];
    for ((_, before, _), now) in uses.iter().zip(0u32..) {
        numbers.get_mut(*before as usize).iter_mut().for_each(|number| **number = now);
    }
    for (set, _) in of_drafts.iter_mut().flatten() {
        *set = numbers.get(*set as usize).copied().unwrap_or(*set);
    }
    uses.into_iter().map(|(.., set)| set).collect()
}

/// The times that become runs, in order.
fn shared_times(parts: &[&Drafts]) -> Vec<Times> {
    let mut uses: BTreeMap<Times, u64> = BTreeMap::new();
    for (set, entries) in parts.iter().flat_map(|drafts| &drafts.sets) {
        for (said, _) in set {
            *uses.entry(said.times).or_default() += entries;
        }
    }
    let all = uses.len() <= SHARED_MAX;
    uses.into_iter().filter(|(_, uses)| all || *uses >= SHARED_MIN).map(|(times, _)| times).collect()
}
