//! Finding names and their ancestors, and URLs, in whichever index a file has.
//!
//! A filter answers misses, a locator says where a name stands if it is listed, and leaves hold the names (31, 35 and 39).
//! URLs stand in blocks (43), as names of older files do (37); still older ones have transducers over all keys (32 and 40).

use super::blocks::Blocks;
use super::code::Coded;
use super::filter::{Filter, Said, SuffixHash};
use super::leaves::{Leaves, Spot};
use super::locator::Locator;
use super::tries::Tries;

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
    /// The blocks.
    pub blocks: &'a [u8],
    /// Transducers over all keys, in older files.
    pub tries: &'a [u8],
}

/// How far a name has been walked: the length of a suffix of so many labels, and its hash.
#[derive(Clone, Copy, Default)]
struct Step {
    /// The position of the name.
    at: u32,
    end: usize,
    labels: u32,
    hash: SuffixHash,
}

impl Step {
    /// One label further; `None` behind the last one.
    #[inline]
    fn next(self, name: &[u8]) -> Option<Step> {
        let start = if self.labels == 0 { 0 } else { self.end + 1 };
        let (hash, end) = self.hash.over(name, Some(start).filter(|_| self.end < name.len())?);
        Some(Step { end, labels: self.labels + 1, hash, ..self })
    }

    /// The shortest suffix of a name that need be asked.
    #[inline]
    fn first(at: u32, name: &[u8], filter: Option<&Filter<'_>>) -> Option<Step> {
        let mut step = Step { at, ..Step::default() }.next(name)?;
        let labels = filter.map_or(1, |filter| filter.labels_from(step.hash));
        while step.labels < labels {
            step = step.next(name)?;
        }
        Some(step)
    }
}

/// A suffix that may be an entry.
#[derive(Clone, Copy, Default)]
struct Candidate {
    step: Step,
    /// Where it stands if it is one.
    spot: Spot,
    /// The ordinal that it turned out to have.
    ordinal: Option<u32>,
}

/// How many candidates wait for their leaves at a time.
const BATCH: usize = 128;
/// How many names are looked up together.
const NAMES: usize = BATCH / 2;

impl<'a> Keys<'a> {
    /// The index in the bytes of its sections.
    pub fn new(bytes: KeyBytes<'a>) -> Keys<'a> {
        Keys {
            filter: Filter::new(bytes.filter),
            locator: Locator::new(bytes.locator),
            leaves: Leaves::new(bytes.leaves),
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
        if let (Some(leaves), Some(locator)) = (&self.leaves, &self.locator) {
            return self.each_candidate(name, |step| {
                let found = self.look_up(leaves, locator, name, &step);
                found.into_iter().for_each(|ordinal| visit(step.end, ordinal));
            });
        }
        if self.leaves.is_none() && self.blocks.is_empty() {
            return self.tries.each_covering(name, visit);
        }
        self.each_candidate(name, |step| {
            let found = self.get(name.get(..step.end).unwrap_or(name));
            found.into_iter().for_each(|ordinal| visit(step.end, ordinal));
        });
    }

    /// The ordinal of a suffix, if it is an entry. Kept apart from the walk, which mostly needs none of this.
    #[inline(never)]
    fn look_up(&self, leaves: &Leaves<'_>, locator: &Locator<'_>, name: &[u8], step: &Step) -> Option<u32> {
        let spot = locator.ask(step.hash);
        leaves.look_soon(spot);
        let mut coded = Coded::new();
        leaves.code(name.get(..step.end).unwrap_or(name), &mut coded);
        self.settle(leaves, locator, spot, &coded, step, name)
    }

    /// The ordinal of a suffix, which stands where the locator said or nowhere; but of names of one hash it knows only one.
    #[inline]
    fn settle(
        &self,
        leaves: &Leaves<'_>,
        locator: &Locator<'_>,
        spot: Spot,
        coded: &Coded,
        step: &Step,
        name: &[u8],
    ) -> Option<u32> {
        let found = leaves.at(spot, coded, step.end);
        if found.is_none() && locator.has_twins() {
            return leaves.get(name.get(..step.end)?);
        }
        found
    }

    /// The same for many names at once, in no order: `visit` is told the position of the name, too. What one look-up
    /// waits for overlaps with its neighbours': the filter is asked for one suffix of each name, and then for one more of
    /// those that may have a longer one; where all candidates stand is found, and only then read. `told` hears of ordinals before
    /// they are visited.
    pub fn each_covering_of(
        &self,
        names: &[&[u8]],
        told: impl Fn(u32),
        mut visit: impl FnMut(u32, usize, u32),
    ) {
        let (Some(filter), Some(leaves), Some(locator)) = (&self.filter, &self.leaves, &self.locator) else {
            for (at, name) in (0..).zip(names) {
                self.each_covering(name, |end, ordinal| visit(at, end, ordinal));
            }
            return;
        };
        let mut coded = Coded::new();
        for (base, names) in (0u32..).step_by(NAMES).zip(names.chunks(NAMES)) {
            let mut waiting = Waiting {
                keys: self,
                leaves,
                locator,
                base,
                names,
                candidates: [Candidate::default(); BATCH],
                count: 0,
            };
            let mut steps = [Step::default(); NAMES];
            let firsts = (base..).zip(names).filter_map(|(at, name)| Step::first(at, name, Some(filter)));
            let mut count = firsts.zip(&mut steps).map(|(first, step)| *step = first).count();
            while count > 0 {
                let asked = steps.get_mut(..count).unwrap_or_default();
                count = waiting.ask(filter, asked, &mut coded, &told, &mut visit);
            }
            waiting.settle(&mut coded, &told, &mut visit);
        }
    }

    /// Visits the suffixes that may be entries, shortest first.
    #[inline]
    fn each_candidate(&self, name: &[u8], mut visit: impl FnMut(Step)) {
        let mut next = Step::first(0, name, self.filter.as_ref());
        while let Some(step) = next {
            let said = self.filter.as_ref().map_or(Said::ANYTHING, |filter| filter.ask(step.hash));
            if said.may_be_entry() {
                visit(step);
            }
            next = if said.may_be_parent() { step.next(name) } else { None };
        }
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
        found == Some(ordinal)
            && match (&self.leaves, &self.locator) {
                (Some(leaves), Some(locator)) if !locator.has_twins() => {
                    leaves.is_led_to(name, locator.ask(SuffixHash::of(name)))
                }
                _ => self.get(name) == Some(ordinal),
            }
    }
}

/// Names that are looked up together, and those of their suffixes that wait for their leaves.
struct Waiting<'w, 'a> {
    keys: &'w Keys<'a>,
    leaves: &'w Leaves<'a>,
    locator: &'w Locator<'a>,
    /// The position of the first name.
    base: u32,
    names: &'w [&'w [u8]],
    candidates: [Candidate; BATCH],
    count: usize,
}

impl<'w> Waiting<'w, '_> {
    #[inline]
    fn name(&self, step: &Step) -> &'w [u8] {
        self.names.get((step.at - self.base) as usize).copied().unwrap_or(&[])
    }

    /// Asks the filter for a suffix of each name, and keeps the next longer ones that it does not deny. Returns how many
    /// those are.
    #[inline]
    fn ask(
        &mut self,
        filter: &Filter<'_>,
        steps: &mut [Step],
        coded: &mut Coded,
        told: &impl Fn(u32),
        visit: &mut impl FnMut(u32, usize, u32),
    ) -> usize {
        let mut said = [Said::NOTHING; NAMES];
        steps.iter().for_each(|step| filter.ask_soon(step.hash));
        said.iter_mut().zip(&*steps).for_each(|(said, step)| *said = filter.ask(step.hash));
        if self.count > BATCH - NAMES {
            self.settle(coded, told, visit);
        }
        let mut kept = 0;
        for (at, said) in said.iter().enumerate().take(steps.len()) {
            let Some(step) = steps.get(at).copied() else { continue };
            if let Some(place) = self.candidates.get_mut(self.count) {
                *place = Candidate { step, ..Candidate::default() };
                self.count += usize::from(said.may_be_entry());
            }
            let next = if said.may_be_parent() { step.next(self.name(&step)) } else { None };
            if let (Some(next), Some(place)) = (next, steps.get_mut(kept)) {
                *place = next;
                kept += 1;
            }
        }
        kept
    }

    /// Looks up all that wait.
    #[inline]
    fn settle(&mut self, coded: &mut Coded, told: &impl Fn(u32), visit: &mut impl FnMut(u32, usize, u32)) {
        let (keys, leaves, locator, base, names) =
            (self.keys, self.leaves, self.locator, self.base, self.names);
        let waiting = self.candidates.get_mut(..std::mem::take(&mut self.count)).unwrap_or_default();
        for candidate in &*waiting {
            locator.ask_soon(candidate.step.hash);
        }
        for candidate in &mut *waiting {
            candidate.spot = locator.ask(candidate.step.hash);
            leaves.look_soon(candidate.spot);
        }
        for Candidate { step, spot, ordinal } in &mut *waiting {
            let name = names.get((step.at - base) as usize).copied().unwrap_or(&[]);
            leaves.code(name.get(..step.end).unwrap_or(name), coded);
            *ordinal = keys.settle(leaves, locator, *spot, coded, step, name);
            ordinal.iter().for_each(|ordinal| told(*ordinal));
        }
        for Candidate { step, ordinal, .. } in &*waiting {
            ordinal.iter().for_each(|ordinal| visit(step.at, step.end, *ordinal));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::{SuffixKeys, absorb};
    use super::super::{blocks, leaves, locator};
    use super::*;
    use proptest::prelude::*;

    /// Names of sixteen bytes that all have the hash of `name`: what the second word must be for that follows from the first.
    fn of_one_hash(name: [u8; 16], count: u64) -> Vec<Vec<u8>> {
        let words = name.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect::<Vec<_>>();
        let state = absorb(0, words[0]) ^ words[1];
        let others = (0..).map(|other| [words[0] ^ other, state ^ absorb(0, words[0] ^ other)]);
        let names = others.map(|words| words.map(u64::to_le_bytes).concat());
        names.filter(|name| !name.contains(&b'.')).take(count as usize).collect()
    }

    #[test]
    fn names_of_one_hash_are_told_apart() {
        let all = of_one_hash(*b"moc-several-same", 9);
        assert!(all.iter().all(|name| SuffixHash::of(name) == SuffixHash::of(&all[0])));
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
        assert_eq!(found, expected.collect::<Vec<_>>(), "and the five that are not listed are not found");
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
            let mut twins = locator.clone();
            twins[16] = 1;
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
