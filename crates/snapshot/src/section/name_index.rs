//! The index of names: finds a name and its listed ancestors.
//!
//! The filter rejects most misses, the locator gives the slot of a listed name, and the leaves hold the
//! names. Without filter and locator, the leaves and their top index give the same answers, but slower.

use super::filter::{Filter, Membership};
use super::leaves::{LeafSlot, Leaves};
use super::locator::Locator;
use super::prefix_code::EncodedText;
use super::suffix::{Suffix, SuffixHash, SuffixSeed};
use std::ops::Range;

/// The index of names in a file.
#[derive(Clone, Copy, Debug)]
pub struct NameIndex<'a> {
    filter: Option<Filter<'a>>,
    locator: Option<Locator<'a>>,
    leaves: Option<Leaves<'a>>,
    seed: SuffixSeed,
}

/// A suffix of a name of a batch.
#[derive(Clone, Copy, Default)]
struct Query {
    /// The position of the name.
    at: usize,
    suffix: Suffix,
    hash: SuffixHash,
}

/// A suffix that the filter did not reject.
#[derive(Clone, Copy, Default)]
struct Candidate {
    /// The position of the name.
    at: usize,
    end: usize,
    hash: SuffixHash,
    /// Its slot, if it is an entry; `None` until the locator has answered.
    slot: Option<LeafSlot>,
    /// Its ordinal, if it is an entry.
    ordinal: Option<u32>,
}

/// How many candidates are resolved together.
const BATCH: usize = 128;
/// How many names are looked up together.
const NAMES: usize = BATCH / 2;
/// Fewer names are looked up one by one: initializing a batch costs more than it saves.
const FEW: usize = 4;

impl<'a> NameIndex<'a> {
    /// The index in the bytes of its three sections. Filter and locator may be missing.
    pub fn new(filter: &'a [u8], locator: &'a [u8], leaves: &'a [u8]) -> NameIndex<'a> {
        let leaves = Leaves::new(leaves);
        let seed = leaves.as_ref().map_or(SuffixSeed::default(), Leaves::seed);
        NameIndex { filter: Filter::new(filter, seed), locator: Locator::new(locator), leaves, seed }
    }

    /// The filter, the locator and the leaves, unless the bytes of one are missing or invalid.
    pub(crate) fn parts(&self) -> Option<(&Filter<'a>, &Locator<'a>, &Leaves<'a>)> {
        Some((self.filter.as_ref()?, self.locator.as_ref()?, self.leaves.as_ref()?))
    }

    /// The leaves, unless their bytes are invalid.
    pub(crate) fn leaves(&self) -> Option<&Leaves<'a>> {
        self.leaves.as_ref()
    }

    /// Visits the entries that are `name` (reversed) or an ancestor of it, shortest first, with the length
    /// and the ordinal of each.
    #[inline]
    pub fn each_covering(&self, name: &[u8], mut visit: impl FnMut(usize, u32)) {
        let Some(leaves) = &self.leaves else { return };
        self.each_candidate(name, |suffix, hash| {
            let found = match &self.locator {
                Some(locator) => resolve(leaves, locator, name, suffix.end, hash),
                None => leaves.get(name.get(..suffix.end).unwrap_or(name)),
            };
            found.into_iter().for_each(|ordinal| visit(suffix.end, ordinal));
        });
    }

    /// Visits the suffixes that may be entries, shortest first.
    ///
    /// While one bucket of the filter is loading, it prefetches what may be read next: the bucket of the
    /// locator, in case the suffix is an entry, and both buckets of the next longer suffix. For misses this
    /// is wasted but delays nothing; listed names are found in a tenth less time.
    #[inline]
    fn each_candidate(&self, name: &[u8], mut visit: impl FnMut(Suffix, SuffixHash)) {
        let Some(filter) = &self.filter else {
            let all =
                std::iter::successors(Some(Suffix::last_label(name, self.seed)), |suffix| suffix.next(name));
            return all.for_each(|suffix| visit(suffix, suffix.hash(name)));
        };
        let prefetched = |suffix: Suffix| {
            let hash = suffix.hash(name);
            filter.prefetch(hash);
            self.locator.iter().for_each(|locator| locator.prefetch(hash));
            (suffix, hash)
        };
        let mut next = filter.first_suffix(name).map(prefetched);
        while let Some((suffix, hash)) = next {
            let longer = suffix.next(name).map(prefetched);
            let membership = filter.lookup(hash);
            if membership.may_be_entry() {
                visit(suffix, hash);
            }
            next = longer.filter(|_| membership.may_be_parent());
        }
    }

    /// As [`NameIndex::each_covering`], for many names at once, in no particular order, with the position of
    /// each name. `prefetch` gets each ordinal some time before `visit` does.
    pub fn lookup_batch(
        &self,
        names: &[&[u8]],
        prefetch: impl Fn(u32),
        mut visit: impl FnMut(u32, usize, u32),
    ) {
        let NameIndex { filter, leaves, locator, .. } = self;
        let (Some(filter), Some(leaves), Some(locator), FEW..) = (filter, leaves, locator, names.len())
        else {
            for (at, name) in (0..).zip(names) {
                self.each_covering(name, |end, ordinal| visit(at, end, ordinal));
            }
            return;
        };
        let mut batch = Batch::new(filter, leaves, locator, names);
        for first in (0..names.len()).step_by(NAMES) {
            batch.filter(first..names.len().min(first + NAMES), &prefetch, &mut visit);
        }
        batch.resolve(&prefetch, &mut visit);
    }

    /// Visits every name in order with its ordinal. Returns `false` if a leaf cannot be read.
    pub fn each(&self, visit: impl FnMut(&[u8], u32)) -> bool {
        self.leaves.as_ref().is_none_or(|leaves| leaves.each(visit))
    }

    /// As [`NameIndex::each`], for one of several parts of the names.
    pub fn each_in(&self, part: usize, parts: usize, mut visit: impl FnMut(&[u8], u32)) -> bool {
        let Some(leaves) = &self.leaves else { return true };
        let start =
            |part: usize| (leaves.leaf_count() as u128 * part as u128 / parts.max(1) as u128) as usize;
        leaves.each_in(start(part)..start(part + 1), |key, ordinal, _| visit(key, ordinal))
    }
}

/// The ordinal of the first `end` bytes of a name, if they are an entry. Not inlined, because most walks
/// never call it.
#[inline(never)]
fn resolve(
    leaves: &Leaves<'_>,
    locator: &Locator<'_>,
    name: &[u8],
    end: usize,
    hash: SuffixHash,
) -> Option<u32> {
    let slot = locator.lookup(hash);
    leaves.prefetch(slot);
    resolve_slot(leaves, name.get(..end)?, slot, &mut EncodedText::new())
}

/// The ordinal of a suffix that is in this slot or not listed, or that only the top index can find.
#[inline]
fn resolve_slot(
    leaves: &Leaves<'_>,
    suffix: &[u8],
    slot: LeafSlot,
    encoded: &mut EncodedText,
) -> Option<u32> {
    if slot == LeafSlot::HASH_COLLISION {
        return leaves.get(suffix);
    }
    leaves.encode(suffix, encoded);
    leaves.get_at(slot, encoded)
}

/// Names that are looked up together, so that their cache misses overlap. The filter is read for one suffix
/// of each name, then for the next longer suffix of each name that may have a listed one. When many
/// candidates are waiting, their slots are looked up, and then their leaves are read.
struct Batch<'k, 'a> {
    filter: &'k Filter<'a>,
    leaves: &'k Leaves<'a>,
    locator: &'k Locator<'a>,
    names: &'k [&'k [u8]],
    queries: [Query; NAMES],
    candidates: [Candidate; BATCH],
    /// How many candidates are waiting.
    waiting: usize,
    encoded: EncodedText,
}

impl<'k, 'a> Batch<'k, 'a> {
    fn new(
        filter: &'k Filter<'a>,
        leaves: &'k Leaves<'a>,
        locator: &'k Locator<'a>,
        names: &'k [&'k [u8]],
    ) -> Batch<'k, 'a> {
        let (queries, candidates) = ([Query::default(); NAMES], [Candidate::default(); BATCH]);
        let encoded = EncodedText::new();
        Batch { filter, leaves, locator, names, queries, candidates, waiting: 0, encoded }
    }

    /// Filters up to [`NAMES`] names, and resolves candidates when many are waiting.
    #[inline]
    fn filter(
        &mut self,
        names: Range<usize>,
        prefetch: &impl Fn(u32),
        visit: &mut impl FnMut(u32, usize, u32),
    ) {
        let mut count = 0;
        for at in names {
            let Some(name) = self.names.get(at) else { break };
            if let Some(suffix) = self.filter.first_suffix(name) {
                self.push_query(&mut count, at, name, suffix);
            }
        }
        while count > 0 {
            if self.waiting > BATCH - NAMES {
                self.resolve(prefetch, visit);
            }
            count = self.filter_queries(count);
        }
    }

    /// Adds a suffix to the queries of the next round.
    #[inline]
    fn push_query(&mut self, count: &mut usize, at: usize, name: &[u8], suffix: Suffix) {
        let hash = suffix.hash(name);
        self.filter.prefetch(hash);
        if let Some(place) = self.queries.get_mut(*count) {
            *place = Query { at, suffix, hash };
            *count += 1;
        }
    }

    /// Filters the first `count` queries, and replaces them by the next longer suffixes that may be listed.
    /// Returns how many those are.
    #[inline]
    fn filter_queries(&mut self, count: usize) -> usize {
        let mut kept = 0;
        for nth in 0..count.min(NAMES) {
            let Some(Query { at, suffix, hash }) = self.queries.get(nth).copied() else { break };
            let membership = self.filter.lookup(hash);
            if membership == Membership::NONE {
                continue;
            }
            if membership.may_be_entry()
                && let Some(place) = self.candidates.get_mut(self.waiting)
            {
                *place = Candidate { at, end: suffix.end, hash, slot: None, ordinal: None };
                self.waiting += 1;
            }
            if membership.may_be_parent()
                && let Some(name) = self.names.get(at)
                && let Some(longer) = suffix.next(name)
            {
                self.push_query(&mut kept, at, name, longer);
            }
        }
        kept
    }

    /// Looks up all waiting candidates.
    #[inline]
    fn resolve(&mut self, prefetch: &impl Fn(u32), visit: &mut impl FnMut(u32, usize, u32)) {
        let Batch { leaves, locator, names, candidates, encoded, .. } = self;
        let waiting = candidates.get_mut(..std::mem::take(&mut self.waiting)).unwrap_or_default();
        for candidate in &*waiting {
            locator.prefetch(candidate.hash);
        }
        for candidate in &mut *waiting {
            candidate.slot = locator.lookup_first(candidate.hash);
            match candidate.slot {
                Some(slot) => leaves.prefetch(slot),
                None => locator.prefetch_second(candidate.hash),
            }
        }
        for candidate in waiting.iter_mut().filter(|candidate| candidate.slot.is_none()) {
            let slot = locator.lookup_second(candidate.hash);
            leaves.prefetch(slot);
            candidate.slot = Some(slot);
        }
        for candidate in &mut *waiting {
            let suffix = names.get(candidate.at).and_then(|name| name.get(..candidate.end)).unwrap_or(&[]);
            candidate.ordinal = resolve_slot(leaves, suffix, candidate.slot.unwrap_or_default(), encoded);
            candidate.ordinal.iter().for_each(|ordinal| prefetch(*ordinal));
        }
        for Candidate { at, end, ordinal, .. } in &*waiting {
            ordinal.iter().for_each(|ordinal| visit(*at as u32, *end, *ordinal));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::suffix::{SECOND, absorb};
    use super::super::{filter, leaves, locator};
    use super::*;
    use crate::column::ColumnStore;
    use proptest::prelude::*;

    const SEED: SuffixSeed = SuffixSeed::from_number(1 << 40 | 5);

    /// Names of 80 bytes that all have the same hash under [`SEED`]: the factors of each block but the last
    /// may be swapped.
    fn names_of_one_hash() -> Vec<Vec<u8>> {
        let [first, second] = [b"moc-seve", b"ral-same"].map(|word| u64::from_le_bytes(*word));
        let name = |which: u32| {
            let (mut state, mut name) = (SEED.initial(), Vec::new());
            for block in 0..5 {
                let other = SECOND ^ state;
                let words =
                    if which >> block & 1 == 0 { [first, second] } else { [second ^ other, first ^ other] };
                state = absorb(state, words);
                name.extend(words.map(u64::to_le_bytes).concat());
            }
            name
        };
        (0..16).map(name).filter(|name| !name.contains(&b'.')).collect()
    }

    #[test]
    fn names_with_one_hash_are_distinguished() {
        let all = names_of_one_hash();
        assert!(
            all.len() > 8
                && all.iter().all(|name| SuffixHash::of(name, SEED) == SuffixHash::of(&all[0], SEED))
        );
        let others = all.iter().skip(1).filter(|name| {
            let seed = SuffixSeed::of(&[name.as_slice()]);
            SuffixHash::of(name, seed) == SuffixHash::of(&all[0], seed)
        });
        assert_eq!(others.count(), 0, "prepared for one seed, they are of no use under another");
        let mut listed: Vec<Vec<u8>> = all.iter().take(4).cloned().collect();
        listed.extend((0..500).map(|n| format!("moc.{n}").into_bytes()));
        listed.sort();
        let keys: Vec<&[u8]> = listed.iter().map(Vec::as_slice).collect();
        let encoded = leaves::encode(&keys, SEED).expect("short");
        let (leaves, slots) = (encoded.section(), encoded.slots);
        let filter = filter::encode(&keys, SEED, &ColumnStore::memory()).expect("few");
        let locator = locator::encode(&keys, &slots, SEED, &ColumnStore::memory()).expect("few");
        let index = NameIndex::new(&filter, &locator, &leaves);
        let names: Vec<Vec<u8>> = all.iter().map(|name| [name, &b".www"[..]].concat()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let mut found = Vec::new();
        index.lookup_batch(&names, |_| {}, |at, end, ordinal| found.push((at, end, keys[ordinal as usize])));
        found.sort_unstable();
        let expected = (0..).zip(&all).take(4).map(|(at, name)| (at, name.len(), name.as_slice()));
        assert_eq!(found, expected.collect::<Vec<_>>(), "names that are not listed are not found");
    }

    proptest! {
        /// Also without filter, without locator, and by the top index alone.
        #[test]
        fn covering_entries_are_found(
            entries in proptest::collection::btree_set("[a-b]{1,2}(\\.[a-c]{1,9}){0,3}", 1..80),
            queries in proptest::collection::vec("[a-b]{1,2}(\\.[a-c]{1,9}){0,4}", 1..40),
        ) {
            let keys: Vec<&[u8]> = entries.iter().map(|entry| entry.as_bytes()).collect();
            let filter = filter::encode(&keys, SEED, &ColumnStore::memory()).expect("few");
            let encoded = leaves::encode(&keys, SEED).expect("short");
            let (leaves, slots) = (encoded.section(), encoded.slots);
            let locator = locator::encode(&keys, &slots, SEED, &ColumnStore::memory()).expect("few");
            let collisions =
                locator::encode(&keys, &keys.iter().map(|_| LeafSlot::HASH_COLLISION).collect(), SEED, &ColumnStore::memory()).expect("few");
            for (filter, locator) in [
                (&filter[..], &locator[..]),
                (&filter, &collisions),
                (&filter, &[]),
                (&[], &locator),
                (&[], &[]),
            ] {
                let index = NameIndex::new(filter, locator, &leaves);
                let names: Vec<&[u8]> = queries.iter().chain(&entries).map(|name| name.as_bytes()).collect();
                let mut batched = vec![Vec::new(); names.len()];
                index.lookup_batch(&names, |_| {}, |at, end, _| batched[at as usize].push(end));
                let mut batched = batched.into_iter();
                for name in queries.iter().chain(&entries) {
                    let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
                    let expected: Vec<usize> = ends.filter(|end| entries.contains(&name[..*end])).collect();
                    let mut found = Vec::new();
                    index.each_covering(name.as_bytes(), |end, ordinal| {
                        assert_eq!(keys[ordinal as usize], &name.as_bytes()[..end]);
                        found.push(end);
                    });
                    prop_assert_eq!(&found, &expected);
                    let mut batched = batched.next().unwrap_or_default();
                    batched.sort_unstable();
                    prop_assert_eq!(batched, expected);
                }
            }
        }
    }

    #[test]
    fn an_index_without_bytes_finds_nothing() {
        let index = NameIndex::new(&[], &[], &[]);
        index.each_covering(b"moc.a", |_, _| unreachable!());
        assert!(index.each(|_, _| unreachable!()));
    }
}
