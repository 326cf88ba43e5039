//! From draft sets to the tables of the file: shared times, records, sets and extents, each distinct row
//! once.
//!
//! Confirmations that many entries share become rows of the table of shared times. Those that few entries have
//! would make every set unique, so they go into a column, and their records refer to it ([`TimesRef::Own`]).
//! When a sighting was first seen is in no record: each night would add as many sets again. Sets are numbered by
//! use, all else in the order of first use, part by part. That order depends on the sorted keys alone, so any
//! number of threads produces the same bytes.

use crate::flatten::{DraftExtent, DraftSet};
use crate::groups::is_rare;
use rapsheet_snapshot::section::first_seen::Seen;
use rapsheet_snapshot::section::records::{Extent, Record, TimesRef};
use rapsheet_snapshot::section::times::StoredConfirmation;
use rapsheet_snapshot::{Confirmation, Times, TooLarge};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// The draft sets of the entries of one part.
pub(crate) trait Drafts {
    /// Visits the draft set of each entry, in order.
    fn each(&self, visit: &mut dyn FnMut(u32));
    /// The sightings of a draft set, sorted, in place of what `out` holds.
    fn content(&self, draft: u32, out: &mut DraftSet);
    /// How many draft sets are not rare. These are numbered from 0.
    fn shared_count(&self) -> usize;
}

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
    pub(crate) shared_times: Vec<Confirmation>,
    /// Records.
    pub(crate) records: Vec<Record>,
    /// Sets of records.
    pub(crate) sets: Vec<Vec<u32>>,
    /// Ranges that are no prefix.
    pub(crate) extents: Vec<(u128, u128)>,
    /// The sets of the entries of each part.
    pub(crate) parts: Vec<PartSets>,
    references: RecordReferences,
    record_numbers: HashMap<Record, u32>,
}

/// The sets of the entries of one part.
pub(crate) struct PartSets {
    /// The set of each draft set that is not rare.
    shared: Vec<u32>,
    /// The set of each entry whose draft set is rare, in order.
    rare: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

impl PartSets {
    /// The sets of entries, which are asked for in order with the draft set of each.
    pub(crate) fn in_order(&self) -> impl FnMut(u32) -> u32 {
        let mut rare = self.rare.iter();
        move |draft| match is_rare(draft) {
            true => rare.next().copied().unwrap_or(0),
            false => self.shared.get(draft as usize).copied().unwrap_or(0),
        }
    }
}

impl Tables {
    /// The length of the longest prefix that a set lists; `None` where its entries have times of their own.
    pub(crate) fn finest_prefix(&self, set: u32) -> Option<u8> {
        let numbers = self.sets.get(set as usize).map_or(&[][..], Vec::as_slice);
        let records = numbers.iter().filter_map(|number| self.records.get(*number as usize));
        records.clone().all(|record| record.times != TimesRef::Own).then(|| {
            let lengths =
                records.map(|record| if let Extent::Prefix(length) = record.extent { length } else { 0 });
            lengths.max().unwrap_or(0)
        })
    }

    /// Appends the own confirmations of the records of a draft set, and when each of them was first seen, in the
    /// order of its set.
    pub(crate) fn times(&self, content: &DraftSet, own: &mut Vec<StoredConfirmation>, seen: &mut Vec<Seen>) {
        for (record, times) in self.references.members(content) {
            if record.times == TimesRef::Own {
                own.push(times.confirmation().into());
            }
            let number = self.record_numbers.get(&record).copied().unwrap_or(0);
            seen.push(Seen::new(number, &times));
        }
    }
}

/// Makes the tables from the draft sets of all parts.
pub(crate) fn intern(parts: &[&dyn Drafts]) -> Result<Tables, TooLarge> {
    let mut interners = Interners::new(shared_times(parts))?;
    let mut part_sets = Vec::with_capacity(parts.len());
    for drafts in parts {
        part_sets.push(interners.part(*drafts)?);
    }
    let Interners { shared_times, references, records, sets, uses } = interners;
    let sets = number_by_use(sets.values, &uses, &mut part_sets)?;
    let extents = references.extents.values.clone();
    let Interner { values: records, numbers: record_numbers, .. } = records;
    Ok(Tables { shared_times, records, sets, extents, parts: part_sets, references, record_numbers })
}

/// What records refer to, by value.
struct RecordReferences {
    times: HashMap<Confirmation, u32>,
    extents: Interner<(u128, u128)>,
}

impl RecordReferences {
    /// Numbers the ranges of a draft set that are no prefix.
    fn add_extents(&mut self, draft: &DraftSet) -> Result<(), TooLarge> {
        for (_, extent) in draft {
            if let DraftExtent::Range(first, last) = extent {
                self.extents.number(&(*first, *last))?;
            }
        }
        Ok(())
    }

    /// The records of a draft set whose extents are numbered, sorted, with the times of each.
    fn members(&self, draft: &DraftSet) -> Vec<(Record, Times)> {
        let member = |(sighting, extent): &(crate::DraftSighting, DraftExtent)| {
            let extent = match extent {
                DraftExtent::None => Extent::None,
                DraftExtent::Prefix(length) => Extent::Prefix(*length),
                DraftExtent::Range(first, last) => {
                    Extent::Range(self.extents.numbers.get(&(*first, *last)).copied().unwrap_or(0))
                }
            };
            let shared = self.times.get(&sighting.times.confirmation());
            let times = shared.map_or(TimesRef::Own, |at| TimesRef::Shared(*at));
            let (feed, list, scope) = (sighting.feed, sighting.list, sighting.scope);
            let assessments = sighting.assessments;
            (Record { feed, list, scope, extent, assessments, times }, sighting.times)
        };
        let mut members: Vec<(Record, Times)> = draft.iter().map(member).collect();
        members.sort_unstable();
        members
    }
}

struct Interners {
    shared_times: Vec<Confirmation>,
    references: RecordReferences,
    records: Interner<Record>,
    sets: Interner<Vec<u32>>,
    /// How many entries have each set.
    uses: Vec<u64>,
}

impl Interners {
    fn new(shared_times: Vec<Confirmation>) -> Result<Interners, TooLarge> {
        TooLarge::fit_u32("shared times", "rows", shared_times.len())?;
        let times = shared_times.iter().copied().zip(0..).collect();
        let (records, sets) = (Interner::new("records"), Interner::new("record sets"));
        let references = RecordReferences { times, extents: Interner::new("ranges that are no prefix") };
        Ok(Interners { shared_times, references, records, sets, uses: Vec::new() })
    }

    /// The sets of the entries of a part.
    fn part(&mut self, drafts: &dyn Drafts) -> Result<PartSets, TooLarge> {
        let mut sets = PartSets { shared: vec![UNKNOWN; drafts.shared_count()], rare: Vec::new() };
        let (mut content, mut result) = (Vec::new(), Ok(()));
        drafts.each(&mut |draft| {
            if result.is_ok() {
                result = self.entry(drafts, draft, &mut content, &mut sets);
            }
        });
        result.map(|()| sets)
    }

    fn entry(
        &mut self,
        drafts: &dyn Drafts,
        draft: u32,
        content: &mut DraftSet,
        sets: &mut PartSets,
    ) -> Result<(), TooLarge> {
        let known = if is_rare(draft) { None } else { sets.shared.get(draft as usize).copied() };
        let set = match known.filter(|set| *set != UNKNOWN) {
            Some(set) => set,
            None => {
                drafts.content(draft, content);
                self.set(content)?
            }
        };
        if is_rare(draft) {
            sets.rare.push(set);
        } else if let Some(known) = sets.shared.get_mut(draft as usize) {
            *known = set;
        }
        if self.uses.len() <= set as usize {
            self.uses.resize(set as usize + 1, 0);
        }
        self.uses.get_mut(set as usize).into_iter().for_each(|uses| *uses += 1);
        Ok(())
    }

    fn set(&mut self, draft: &DraftSet) -> Result<u32, TooLarge> {
        self.references.add_extents(draft)?;
        let members = self.references.members(draft);
        let numbers = members.iter().map(|(record, _)| self.records.number(record));
        let numbers = numbers.collect::<Result<Vec<u32>, TooLarge>>()?;
        self.sets.number(&numbers)
    }
}

/// Renumbers sets, the most used first, so that few bits name the set of nearly every entry.
fn number_by_use(
    sets: Vec<Vec<u32>>,
    uses: &[u64],
    parts: &mut [PartSets],
) -> Result<Vec<Vec<u32>>, TooLarge> {
    TooLarge::fit_u32("record sets", "sets", sets.len())?;
    let mut uses: Vec<(u64, u32, Vec<u32>)> =
        uses.iter().zip(0..).zip(sets).map(|((uses, number), set)| (*uses, number, set)).collect();
    uses.sort_by_key(|(uses, number, _)| (Reverse(*uses), *number));
    let mut new_numbers = vec![0; uses.len()];
    for ((_, old, _), new) in uses.iter().zip(0u32..) {
        new_numbers.get_mut(*old as usize).iter_mut().for_each(|number| **number = new);
    }
    for set in parts.iter_mut().flat_map(|part| part.shared.iter_mut().chain(&mut part.rare)) {
        *set = new_numbers.get(*set as usize).copied().unwrap_or(*set);
    }
    Ok(uses.into_iter().map(|(.., set)| set).collect())
}

/// The confirmations that get a row in the table of shared times, in order.
fn shared_times(parts: &[&dyn Drafts]) -> Vec<Confirmation> {
    let mut uses: BTreeMap<StoredConfirmation, u64> = BTreeMap::new();
    // Of rare sets, nearly every sighting has times of its own.
    let mut rare: Vec<StoredConfirmation> = Vec::new();
    let mut content = Vec::new();
    for drafts in parts {
        let mut entries = vec![0u64; drafts.shared_count()];
        drafts.each(&mut |draft| {
            if is_rare(draft) {
                drafts.content(draft, &mut content);
                rare.extend(
                    content
                        .iter()
                        .map(|(sighting, _)| StoredConfirmation::from(sighting.times.confirmation())),
                );
            } else {
                entries.get_mut(draft as usize).into_iter().for_each(|entries| *entries += 1);
            }
        });
        for (draft, entries) in (0..).zip(entries) {
            drafts.content(draft, &mut content);
            for (sighting, _) in &content {
                *uses.entry(sighting.times.confirmation().into()).or_default() += entries;
            }
        }
    }
    rare.par_sort_unstable();
    let runs = || rare.chunk_by(|a, b| a == b);
    let is_new = |run: &&[StoredConfirmation]| run.first().is_some_and(|times| !uses.contains_key(times));
    let all = uses.len() + runs().filter(is_new).count() <= SHARED_MAX;
    for run in runs() {
        let Some(times) = run.first() else { continue };
        let known = uses.get(times).copied().unwrap_or(0);
        if all || known + run.len() as u64 >= SHARED_MIN {
            uses.insert(*times, known + run.len() as u64);
        }
    }
    uses.into_iter().filter(|(_, uses)| all || *uses >= SHARED_MIN).map(|(times, _)| times.into()).collect()
}
