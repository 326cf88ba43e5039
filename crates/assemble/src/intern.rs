//! From draft sets to the tables of the file: shared times, records, sets and extents, each distinct row
//! once.
//!
//! Times that many entries share become rows of the table of shared times. Times that few entries have would
//! make every set unique, so they go into a column, and their records refer to it ([`TimesRef::Own`]). Sets
//! are numbered by use, all else in the order of first use, part by part. That order depends on the sorted
//! keys alone, so any number of threads produces the same bytes.

use crate::flatten::{DraftExtent, DraftSet, DraftSets};
use rapsheet_snapshot::section::records::{Extent, Record, TimesRef};
use rapsheet_snapshot::{Times, TooLarge};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Times of at least so many sightings are shared.
const SHARED_MIN: u64 = 16;
/// While there are no more distinct times than this, all are shared.
const SHARED_MAX: usize = 4096;

/// Distinct values, numbered in the order of first use.
struct Interner<T> {
    /// What the values are, for the error if there are too many.
    what: &'static str,
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    fn new(what: &'static str) -> Interner<T> {
        Interner { what, values: Vec::new(), numbers: HashMap::new() }
    }

    fn number(&mut self, value: &T) -> Result<u32, TooLarge> {
        if let Some(number) = self.numbers.get(value) {
            return Ok(*number);
        }
        let number = TooLarge::fit_u32(self.what, "rows", self.values.len())?;
        self.values.push(value.clone());
        self.numbers.insert(value.clone(), number);
        Ok(number)
    }
}

/// The tables of a snapshot.
pub(crate) struct Tables {
    /// Shared times.
    pub(crate) shared_times: Vec<Times>,
    /// Records.
    pub(crate) records: Vec<Record>,
    /// Sets of records.
    pub(crate) sets: Vec<Vec<u32>>,
    /// Ranges that are no prefix.
    pub(crate) extents: Vec<(u128, u128)>,
    /// For each part, for each of its draft sets: the final set, and the own times of its records in set
    /// order.
    pub(crate) of_drafts: Vec<Vec<FinalSet>>,
}

/// The number of a set, and the own times of its records in set order.
pub(crate) type FinalSet = (u32, Vec<Times>);

/// Makes the tables from the draft sets of all parts.
pub(crate) fn intern(parts: &[&DraftSets]) -> Result<Tables, TooLarge> {
    let mut interners = Interners::new(shared_times(parts))?;
    let mut of_drafts = Vec::with_capacity(parts.len());
    for drafts in parts {
        let finals = drafts.sets.iter().map(|(set, _)| interners.set(set));
        of_drafts.push(finals.collect::<Result<Vec<FinalSet>, TooLarge>>()?);
    }
    let Interners { shared_times, records, sets, extents, .. } = interners;
    let sets = number_by_use(sets.values, parts, &mut of_drafts)?;
    Ok(Tables { shared_times, records: records.values, sets, extents: extents.values, of_drafts })
}

struct Interners {
    shared_times: Vec<Times>,
    numbers_of_times: HashMap<Times, u32>,
    records: Interner<Record>,
    sets: Interner<Vec<u32>>,
    extents: Interner<(u128, u128)>,
}

impl Interners {
    fn new(shared_times: Vec<Times>) -> Result<Interners, TooLarge> {
        TooLarge::fit_u32("shared times", "rows", shared_times.len())?;
        let numbers_of_times = shared_times.iter().copied().zip(0..).collect();
        let (records, sets) = (Interner::new("records"), Interner::new("record sets"));
        let extents = Interner::new("ranges that are no prefix");
        Ok(Interners { shared_times, numbers_of_times, records, sets, extents })
    }

    fn set(&mut self, draft: &DraftSet) -> Result<FinalSet, TooLarge> {
        let members = draft.iter().map(|(sighting, extent)| {
            let extent = match extent {
                DraftExtent::None => Extent::None,
                DraftExtent::Prefix(length) => Extent::Prefix(*length),
                DraftExtent::Range(first, last) => Extent::Range(self.extents.number(&(*first, *last))?),
            };
            let times =
                self.numbers_of_times.get(&sighting.times).map_or(TimesRef::Own, |at| TimesRef::Shared(*at));
            let (feed, list, scope) = (sighting.feed, sighting.list, sighting.scope);
            let assessments = sighting.assessments;
            Ok((Record { feed, list, scope, extent, assessments, times }, sighting.times))
        });
        let mut members = members.collect::<Result<Vec<(Record, Times)>, TooLarge>>()?;
        members.sort_unstable();
        let numbers = members.iter().map(|(record, _)| self.records.number(record));
        let numbers = numbers.collect::<Result<Vec<u32>, TooLarge>>()?;
        let is_own = |(record, _): &&(Record, Times)| record.times == TimesRef::Own;
        let own = members.iter().filter(is_own).map(|(_, times)| *times).collect();
        Ok((self.sets.number(&numbers)?, own))
    }
}

/// Renumbers sets, the most used first, so that few bits name the set of nearly every entry.
fn number_by_use(
    sets: Vec<Vec<u32>>,
    parts: &[&DraftSets],
    of_drafts: &mut [Vec<FinalSet>],
) -> Result<Vec<Vec<u32>>, TooLarge> {
    TooLarge::fit_u32("record sets", "sets", sets.len())?;
    let mut uses: Vec<(u64, u32, Vec<u32>)> =
        sets.into_iter().zip(0..).map(|(set, number)| (0, number, set)).collect();
    for (drafts, finals) in parts.iter().zip(&*of_drafts) {
        for ((_, entries), (set, _)) in drafts.sets.iter().zip(finals) {
            uses.get_mut(*set as usize).iter_mut().for_each(|(uses, ..)| *uses += entries);
        }
    }
    uses.sort_by_key(|(uses, number, _)| (Reverse(*uses), *number));
    let mut new_numbers = vec![0; uses.len()];
    for ((_, old, _), new) in uses.iter().zip(0u32..) {
        new_numbers.get_mut(*old as usize).iter_mut().for_each(|number| **number = new);
    }
    for (set, _) in of_drafts.iter_mut().flatten() {
        *set = new_numbers.get(*set as usize).copied().unwrap_or(*set);
    }
    Ok(uses.into_iter().map(|(.., set)| set).collect())
}

/// The times that get a row in the table of shared times, in order.
fn shared_times(parts: &[&DraftSets]) -> Vec<Times> {
    let mut uses: BTreeMap<Times, u64> = BTreeMap::new();
    for (set, entries) in parts.iter().flat_map(|drafts| &drafts.sets) {
        for (sighting, _) in set {
            *uses.entry(sighting.times).or_default() += entries;
        }
    }
    let all = uses.len() <= SHARED_MAX;
    uses.into_iter().filter(|(_, uses)| all || *uses >= SHARED_MIN).map(|(times, _)| times).collect()
}
