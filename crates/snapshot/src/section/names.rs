//! Finding names and their ancestors, and URLs, in whichever index a file has.
//!
//! A filter answers misses, a locator says where a name stands if it is listed, and leaves hold the names (44, 45 and 46).
//! Older files have other leaves (39), which their spine leads to. URLs stand in blocks (43), as names of still older files do
//! (37); the oldest have transducers over all keys (32 and 40).

use super::blocks::Blocks;
use super::code::Coded;
use super::filter::{Filter, Said};
use super::leaves::{Leaves, Spot};
use super::locator::Locator;
use super::suffix::{Suffix, SuffixHash};
use super::tries::Tries;
use std::ops::Range;

/// The index of names, or of URLs, in a file.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    filter: Option<Filter<'a>>,
    locator: Option<Locator<'a>>,
    leaves: Option<Leaves<'a>>,
    blocks: Blocks<'a>,
    tries: Tries<'a>,
}

/// The bytes of the sections that an index is in, of which older and newer files have different ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyBytes<'a> {
    /// The filter.
    pub filter: &'a [u8],
    /// The locator.
    pub locator: &'a [u8],
    /// The leaves.
    pub leaves: &'a [u8],
    /// Leaves, in older files.
    pub byte_leaves: &'a [u8],
    /// The blocks.
    pub blocks: &'a [u8],
    /// Transducers over all keys, in older files.
    pub tries: &'a [u8],
}

/// A suffix of one of the names that are asked.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// The position of the name.
    at: usize,
    suffix: Suffix,
    hash: SuffixHash,
}

/// A suffix that may be an entry.
#[derive(Clone, Copy, Default)]
struct Candidate {
    /// The position of the name.
    at: usize,
    end: usize,
    hash: SuffixHash,
    /// Where it stands if it is one; `None` as long as that is not known.
    spot: Option<Spot>,
    /// The ordinal that it turned out to have.
    ordinal: Option<u32>,
}

/// How many candidates wait for their leaves at a time.
const BATCH: usize = 128;
/// How many names are looked up together.
const NAMES: usize = BATCH / 2;
/// Fewer names are looked up one by one: room for a batch has to be made, too.
const FEW: usize = 4;

impl<'a> Keys<'a> {
    /// The index in the bytes of its sections.
    pub fn new(bytes: KeyBytes<'a>) -> Keys<'a> {
        let leaves = Leaves::new(bytes.leaves);
        Keys {
            filter: Filter::new(bytes.filter),
            locator: leaves.and_then(|_| Locator::new(bytes.locator)),
            leaves: leaves.or_else(|| Leaves::older(bytes.byte_leaves)),
            blocks: Blocks::new(bytes.blocks),
            tries: Tries::new(bytes.tries),
        }
    }

    /// The ordinal of exactly this key, by its order.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<u32> {
        match &self.leaves {
            Some(leaves) => leaves.get(key),
            None if self.blocks.is_empty() => self.tries.get(key),
            None => self.blocks.get(key),
        }
    }

    /// Visits the entries that are `name` (reversed) or an ancestor of it, shortest first, with the length of each
    /// and its ordinal.
    #[inline]
    pub fn each_covering(&self, name: &[u8], mut visit: impl FnMut(usize, u32)) {
        if self.leaves.is_none() && self.blocks.is_empty() {
            return self.tries.each_covering(name, visit);
        }
        self.each_candidate(name, |suffix, hash| {
            let found = match (&self.leaves, &self.locator) {
                (Some(leaves), Some(locator)) => look_up(leaves, locator, name, suffix.end, hash),
                _ => self.get(name.get(..suffix.end).unwrap_or(name)),
            };
            found.into_iter().for_each(|ordinal| visit(suffix.end, ordinal));
        });
    }

    /// Visits the suffixes that may be entries, shortest first.
    ///
    /// While one line of the filter is waited for, what may be asked next is on its way, too: where the suffix stands, in case
    /// it is an entry, and all of this for the suffix that is one label longer. Of strangers that is in vain, and nobody waits
    /// for it; listed names are found in a tenth less time.
    #[inline]
    fn each_candidate(&self, name: &[u8], mut visit: impl FnMut(Suffix, SuffixHash)) {
        let Some(filter) = &self.filter else {
            let all = std::iter::successors(Some(Suffix::last_label(name)), |suffix| suffix.next(name));
            return all.for_each(|suffix| visit(suffix, suffix.hash(name)));
        };
        let announced = |suffix: Suffix| {
            let hash = suffix.hash(name);
            filter.ask_soon(hash);
            self.locator.iter().for_each(|locator| locator.ask_soon(hash));
            (suffix, hash)
        };
        let mut next = filter.first_asked(name).map(announced);
        while let Some((suffix, hash)) = next {
            let longer = suffix.next(name).map(announced);
            let said = filter.ask(hash);
            if said.may_be_entry() {
                visit(suffix, hash);
            }
            next = longer.filter(|_| said.may_be_parent());
        }
    }

    /// The same as [`Keys::each_covering`] for many names at once, in no order: `visit` is told the position of the name, too.
    /// Where there is time for that, `told` hears of ordinals before they are visited.
    pub fn each_covering_of(
        &self,
        names: &[&[u8]],
        told: impl Fn(u32),
        mut visit: impl FnMut(u32, usize, u32),
    ) {
        let Keys { filter, leaves, locator, .. } = self;
        let (Some(filter), Some(leaves), Some(locator), FEW..) = (filter, leaves, locator, names.len())
        else {
            for (at, name) in (0..).zip(names) {
                self.each_covering(name, |end, ordinal| visit(at, end, ordinal));
            }
            return;
        };
        let mut batch = Batch::new(filter, leaves, locator, names);
        for first in (0..names.len()).step_by(NAMES) {
            batch.ask(first..names.len().min(first + NAMES), &told, &mut visit);
        }
        batch.settle(&told, &mut visit);
    }

    /// Visits every key in order with its ordinal, and says whether the walk came to its end. A walk over older files
    /// is cut off after `steps_max` transitions.
    pub fn each(&self, steps_max: u64, visit: impl FnMut(&[u8], u32)) -> bool {
        match &self.leaves {
            Some(leaves) => leaves.each(visit),
            None if self.blocks.is_empty() => self.tries.each(steps_max, visit),
            None => self.blocks.each(visit),
        }
    }

    /// Whether a name is found at its ordinal: the filter lets it through, the locator knows where it stands, and the spine
    /// leads there, too.
    pub fn leads_to(&self, name: &[u8], ordinal: u32) -> bool {
        let mut found = None;
        self.each_covering(name, |end, ordinal| {
            found = if end == name.len() { Some(ordinal) } else { found }
        });
        let spot = self.locator.as_ref().map(|locator| locator.ask(SuffixHash::of(name)));
        found == Some(ordinal)
            && match (&self.leaves, spot.filter(|spot| *spot != Spot::OF_TWINS)) {
                (Some(leaves), Some(spot)) => leaves.is_led_to(name, spot),
                _ => self.get(name) == Some(ordinal),
            }
    }
}

/// The ordinal of the first `end` bytes of a name, if they are an entry. Kept apart from the walk, which mostly needs none
/// of this.
#[inline(never)]
fn look_up(
    leaves: &Leaves<'_>,
    locator: &Locator<'_>,
    name: &[u8],
    end: usize,
    hash: SuffixHash,
) -> Option<u32> {
    let spot = locator.ask(hash);
    leaves.look_soon(spot);
    settled(leaves, name.get(..end)?, spot, &mut Coded::new())
}

/// The ordinal of a suffix, which stands where the locator said or nowhere, but for names of one hash.
#[inline]
fn settled(leaves: &Leaves<'_>, suffix: &[u8], spot: Spot, coded: &mut Coded) -> Option<u32> {
    if spot == Spot::OF_TWINS {
        return leaves.get(suffix);
    }
    leaves.code(suffix, coded);
    leaves.at(spot, coded)
}

/// Names that are looked up together, so that what one of them waits for overlaps with what its neighbours wait for: the
/// filter is asked for one suffix of some names, and then for one more of those that may have a longer one; when many candidates
/// wait, where all of them stand is found, and only then read.
struct Batch<'k, 'a> {
    filter: &'k Filter<'a>,
    leaves: &'k Leaves<'a>,
    locator: &'k Locator<'a>,
    names: &'k [&'k [u8]],
    asked: [Asked; NAMES],
    candidates: [Candidate; BATCH],
    /// How many candidates wait.
    waiting: usize,
    coded: Coded,
}

impl<'k, 'a> Batch<'k, 'a> {
    fn new(
        filter: &'k Filter<'a>,
        leaves: &'k Leaves<'a>,
        locator: &'k Locator<'a>,
        names: &'k [&'k [u8]],
    ) -> Batch<'k, 'a> {
        let (asked, candidates) = ([Asked::default(); NAMES], [Candidate::default(); BATCH]);
        Batch { filter, leaves, locator, names, asked, candidates, waiting: 0, coded: Coded::new() }
    }

    /// Asks the filter for up to [`NAMES`] names, and looks up candidates when there are many.
    #[inline]
    fn ask(&mut self, names: Range<usize>, told: &impl Fn(u32), visit: &mut impl FnMut(u32, usize, u32)) {
        let mut count = 0;
        for at in names {
            let Some(name) = self.names.get(at) else { break };
            if let Some(suffix) = self.filter.first_asked(name) {
                self.ask_next(&mut count, at, name, suffix);
            }
        }
        while count > 0 {
            if self.waiting > BATCH - NAMES {
                self.settle(told, visit);
            }
            count = self.hear(count);
        }
    }

    /// Adds a suffix to those that will be asked next.
    #[inline]
    fn ask_next(&mut self, count: &mut usize, at: usize, name: &[u8], suffix: Suffix) {
        let hash = suffix.hash(name);
        self.filter.ask_soon(hash);
        if let Some(place) = self.asked.get_mut(*count) {
            *place = Asked { at, suffix, hash };
            *count += 1;
        }
    }

    /// Hears what the filter says of so many suffixes, and puts those in their places that are a label longer and may be more.
    /// Returns how many those are.
    #[inline]
    fn hear(&mut self, count: usize) -> usize {
        let mut kept = 0;
        for nth in 0..count.min(NAMES) {
            let Some(Asked { at, suffix, hash }) = self.asked.get(nth).copied() else { break };
            let said = self.filter.ask(hash);
            if said == Said::NOTHING {
                continue;
            }
            if said.may_be_entry()
                && let Some(place) = self.candidates.get_mut(self.waiting)
            {
                *place = Candidate { at, end: suffix.end, hash, spot: None, ordinal: None };
                self.waiting += 1;
            }
            if said.may_be_parent()
                && let Some(name) = self.names.get(at)
                && let Some(longer) = suffix.next(name)
            {
                self.ask_next(&mut kept, at, name, longer);
            }
        }
        kept
    }

    /// Looks up all that wait.
    #[inline]
    fn settle(&mut self, told: &impl Fn(u32), visit: &mut impl FnMut(u32, usize, u32)) {
        let Batch { leaves, locator, names, candidates, coded, .. } = self;
        let waiting = candidates.get_mut(..std::mem::take(&mut self.waiting)).unwrap_or_default();
        for candidate in &*waiting {
            locator.ask_soon(candidate.hash);
        }
        for candidate in &mut *waiting {
            candidate.spot = locator.ask_line(candidate.hash);
            match candidate.spot {
                Some(spot) => leaves.look_soon(spot),
                None => locator.ask_spilled_soon(candidate.hash),
            }
        }
        for candidate in waiting.iter_mut().filter(|candidate| candidate.spot.is_none()) {
            let spot = locator.ask_spilled(candidate.hash);
            leaves.look_soon(spot);
            candidate.spot = Some(spot);
        }
        for candidate in &mut *waiting {
            let suffix = names.get(candidate.at).and_then(|name| name.get(..candidate.end)).unwrap_or(&[]);
            candidate.ordinal = settled(leaves, suffix, candidate.spot.unwrap_or_default(), coded);
            candidate.ordinal.iter().for_each(|ordinal| told(*ordinal));
        }
        for Candidate { at, end, ordinal, .. } in &*waiting {
            ordinal.iter().for_each(|ordinal| visit(*at as u32, *end, *ordinal));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::SuffixKeys;
    use super::super::suffix::{BEGINNING, SECOND, absorb};
    use super::super::{blocks, leaves, locator};
    use super::*;
    use proptest::prelude::*;

    /// Names of 80 bytes that all have one hash: each block but the last may have its factors the other way round.
    fn of_one_hash() -> Vec<Vec<u8>> {
        let [first, second] = [b"moc-seve", b"ral-same"].map(|word| u64::from_le_bytes(*word));
        let name = |which: u32| {
            let (mut state, mut name) = (BEGINNING, Vec::new());
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
    fn names_of_one_hash_are_told_apart() {
        let all = of_one_hash();
        assert!(all.len() > 8 && all.iter().all(|name| SuffixHash::of(name) == SuffixHash::of(&all[0])));
        let mut listed: Vec<Vec<u8>> = all.iter().take(4).cloned().collect();
        listed.extend((0..500).map(|n| format!("moc.{n}").into_bytes()));
        listed.sort();
        let keys: Vec<&[u8]> = listed.iter().map(Vec::as_slice).collect();
        let leaves::LeafBytes { section: leaves, spots } = leaves::encode(&keys).expect("short");
        let (filter, locator) =
            (SuffixKeys::of(keys.iter().copied()).encode(), locator::encode(&keys, &spots));
        let index = Keys::new(KeyBytes {
            filter: &filter,
            locator: &locator,
            leaves: &leaves,
            ..KeyBytes::default()
        });
        assert!((0..).zip(&keys).all(|(ordinal, key)| index.leads_to(key, ordinal)));
        let asked: Vec<Vec<u8>> = all.iter().map(|name| [name, &b".www"[..]].concat()).collect();
        let asked: Vec<&[u8]> = asked.iter().map(Vec::as_slice).collect();
        let mut found = Vec::new();
        index.each_covering_of(
            &asked,
            |_| {},
            |at, end, ordinal| found.push((at, end, keys[ordinal as usize])),
        );
        found.sort_unstable();
        let expected = (0..).zip(&all).take(4).map(|(at, name)| (at, name.len(), name.as_slice()));
        assert_eq!(found, expected.collect::<Vec<_>>(), "and those that are not listed are not found");
    }

    proptest! {
        #[test]
        fn covering_entries_are_those_that_anybody_would_find(
            entries in proptest::collection::btree_set("[a-b]{1,2}(\\.[a-c]{1,9}){0,3}", 1..80),
            questions in proptest::collection::vec("[a-b]{1,2}(\\.[a-c]{1,9}){0,4}", 1..40),
        ) {
            let keys: Vec<&[u8]> = entries.iter().map(|entry| entry.as_bytes()).collect();
            let (blocks, filter) = (blocks::encode(&keys).expect("small"), SuffixKeys::of(keys.iter().copied()).encode());
            let leaves::LeafBytes { section: leaves, spots } = leaves::encode(&keys).expect("short");
            let locator = locator::encode(&keys, &spots);
            let twins = locator::encode(&keys, &vec![Spot::OF_TWINS; keys.len()]);
            let newest = KeyBytes { filter: &filter, locator: &locator, leaves: &leaves, ..KeyBytes::default() };
            for bytes in [
                newest,
                KeyBytes { locator: &twins, ..newest },
                KeyBytes { locator: &[], ..newest },
                KeyBytes { filter: &[], ..newest },
                KeyBytes { filter: &[], locator: &[], ..newest },
                KeyBytes { filter: &filter, blocks: &blocks, ..KeyBytes::default() },
                KeyBytes { blocks: &blocks, ..KeyBytes::default() },
            ] {
                let index = Keys::new(bytes);
                prop_assert!((0..).zip(&keys).all(|(ordinal, key)| index.leads_to(key, ordinal)));
                let asked: Vec<&[u8]> = questions.iter().chain(&entries).map(|name| name.as_bytes()).collect();
                let mut batched = vec![Vec::new(); asked.len()];
                index.each_covering_of(&asked, |_| {}, |at, end, _| batched[at as usize].push(end));
                let mut batched = batched.into_iter();
                for name in questions.iter().chain(&entries) {
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
}
