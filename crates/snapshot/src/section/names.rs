//! Finding names and their ancestors, and URLs, in whichever index a file has.
//!
//! Since format 1 with sections 36, 37 and 43, a filter answers misses and blocks hold the keys; files of before have
//! transducers over all keys (32 and 40), which are still read.

use super::blocks::{BLOCK_KEYS, Blocks};
use super::filter::{Filter, Said, SuffixHash};
use super::lanes::Lanes;
use super::tries::Tries;

/// The index of names, or of URLs, in a file.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    filter: Option<Filter<'a>>,
    blocks: Blocks<'a>,
    /// A byte of the hash of each key, by block.
    prints: &'a [Lanes],
    tries: Tries<'a>,
}

/// The bytes of the sections that an index is in, of which older and newer files have different ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyBytes<'a> {
    /// The filter.
    pub filter: &'a [u8],
    /// The blocks.
    pub blocks: &'a [u8],
    /// The prints of the keys.
    pub prints: &'a [u8],
    /// Transducers over all keys, in older files.
    pub tries: &'a [u8],
}

/// The prints of names with their bytes reversed, filled up to whole blocks.
pub fn encode_prints<'k>(names: impl Iterator<Item = &'k [u8]>) -> Vec<u8> {
    let mut prints: Vec<u8> = names.map(|name| SuffixHash::of(name).print()).collect();
    prints.resize(prints.len().next_multiple_of(BLOCK_KEYS), 0);
    prints
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
        let label = label_of(name.get(start..).filter(|_| self.end < name.len())?);
        Some(Step { end: start + label.len(), labels: self.labels + 1, hash: self.hash.then(label), ..self })
    }

    /// So many labels from the beginning.
    #[inline]
    fn first(at: u32, name: &[u8], labels: u32) -> Option<Step> {
        let mut step = Step { at, ..Step::default() };
        while step.labels < labels.max(1) {
            step = step.next(name)?;
        }
        Some(step)
    }
}

/// A suffix that may be an entry.
#[derive(Clone, Copy, Default)]
struct Candidate {
    step: Step,
    /// The group that holds it, if any does.
    group: Option<usize>,
    /// The block that holds it, if any does.
    block: Option<u32>,
}

/// How many candidates wait for their blocks at a time.
const BATCH: usize = 128;
/// How many names are looked up together.
const NAMES: usize = BATCH / 2;

impl<'a> Keys<'a> {
    /// The index in the bytes of its sections.
    pub fn new(bytes: KeyBytes<'a>) -> Keys<'a> {
        let blocks = Blocks::new(bytes.blocks);
        let prints = bytes.prints.as_chunks().0;
        let prints =
            if prints.len() as u64 == blocks.len().div_ceil(BLOCK_KEYS as u64) { prints } else { &[] };
        Keys { filter: Filter::new(bytes.filter), blocks, prints, tries: Tries::new(bytes.tries) }
    }

    /// The ordinal of exactly this key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<u32> {
        if self.blocks.is_empty() { self.tries.get(key) } else { self.blocks.get(key) }
    }

    /// Visits the entries that are `name` (reversed) or an ancestor of it, shortest first, with the length of each
    /// and its ordinal.
    #[inline]
    pub fn each_covering(&self, name: &[u8], mut visit: impl FnMut(usize, u32)) {
        if self.blocks.is_empty() {
            return self.tries.each_covering(name, visit);
        }
        self.each_candidate(name, |step| {
            let suffix = name.get(..step.end).unwrap_or(name);
            let found = self.blocks.locate(suffix).and_then(|block| self.find(block, suffix, step.hash));
            found.into_iter().for_each(|ordinal| visit(step.end, ordinal));
        });
    }

    /// The ordinal of a key in a block.
    #[inline]
    fn find(&self, block: u32, key: &[u8], hash: SuffixHash) -> Option<u32> {
        match self.prints.get(block as usize) {
            Some(prints) => self.blocks.find_printed(block, prints, hash.print(), key),
            None => self.blocks.find(block, key),
        }
    }

    /// The same for many names at once, in no order: `visit` is told the position of the name, too. What one look-up
    /// waits for overlaps with its neighbours': the filter is asked for one suffix of each name, and then for one more of
    /// those that may have a longer one; the blocks of all candidates are found and touched, and only then read.
    pub fn each_covering_of(&self, names: &[&[u8]], mut visit: impl FnMut(u32, usize, u32)) {
        let Some(filter) = self.filter.as_ref().filter(|_| !self.blocks.is_empty()) else {
            for (at, name) in (0..).zip(names) {
                self.each_covering(name, |end, ordinal| visit(at, end, ordinal));
            }
            return;
        };
        for (base, names) in (0u32..).step_by(NAMES).zip(names.chunks(NAMES)) {
            let mut waiting = Waiting::new(self, base, names);
            let mut steps = [Step::default(); NAMES];
            let firsts =
                (base..).zip(names).filter_map(|(at, name)| Step::first(at, name, filter.labels_min()));
            let mut count = firsts.zip(&mut steps).map(|(first, step)| *step = first).count();
            while count > 0 {
                let asked = steps.get_mut(..count).unwrap_or_default();
                count = waiting.ask(filter, asked, &mut visit);
            }
            waiting.settle(&mut visit);
        }
    }

    /// Visits the suffixes that may be entries, shortest first.
    #[inline]
    fn each_candidate(&self, name: &[u8], mut visit: impl FnMut(Step)) {
        let labels_min = self.filter.as_ref().map_or(1, Filter::labels_min);
        let mut next = Step::first(0, name, labels_min);
        while let Some(step) = next {
            let said = self.filter.as_ref().map_or(Said::ANYTHING, |filter| filter.ask(step.hash));
            if said.may_be_entry() {
                visit(step);
            }
            next = if said.may_be_parent() { step.next(name) } else { None };
        }
    }

    /// Asks for the memory of a block's offset and prints without waiting for it.
    #[inline]
    fn touch(&self, block: u32) -> u8 {
        let print = self.prints.get(block as usize).and_then(|prints| prints.first());
        self.blocks.touch_offset(block) ^ print.copied().unwrap_or(0)
    }

    /// Visits every key in order with its ordinal, and says whether the walk came to its end. A walk over older files
    /// is cut off after `steps_max` transitions.
    pub fn each(&self, steps_max: u64, visit: impl FnMut(&[u8], u32)) -> bool {
        if self.blocks.is_empty() { self.tries.each(steps_max, visit) } else { self.blocks.each(visit) }
    }

    /// Whether the filter would let the walk come as far as this name, and take it for an entry that has its print.
    pub fn is_let_through(&self, name: &[u8], ordinal: u32) -> bool {
        let mut found = self.filter.is_none();
        self.each_candidate(name, |step| found |= step.end == name.len());
        let print = self.prints.as_flattened().get(ordinal as usize);
        found && print.is_none_or(|print| *print == SuffixHash::of(name).print())
    }
}

/// Names that are looked up together, and those of their suffixes that wait for their blocks.
struct Waiting<'w, 'a> {
    keys: &'w Keys<'a>,
    /// The position of the first name.
    base: u32,
    names: &'w [&'w [u8]],
    candidates: [Candidate; BATCH],
    count: usize,
}

impl<'w, 'a> Waiting<'w, 'a> {
    fn new(keys: &'w Keys<'a>, base: u32, names: &'w [&'w [u8]]) -> Waiting<'w, 'a> {
        Waiting { keys, base, names, candidates: [Candidate::default(); BATCH], count: 0 }
    }

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
        visit: &mut impl FnMut(u32, usize, u32),
    ) -> usize {
        let mut said = [Said::NOTHING; NAMES];
        said.iter_mut().zip(&*steps).for_each(|(said, step)| *said = filter.ask(step.hash));
        if self.count > BATCH - NAMES {
            self.settle(visit);
        }
        let mut kept = 0;
        for (at, said) in said.iter().enumerate().take(steps.len()) {
            let Some(step) = steps.get(at).copied() else { continue };
            if let Some(place) = self.candidates.get_mut(self.count) {
                *place = Candidate { step, group: None, block: None };
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
    fn settle(&mut self, visit: &mut impl FnMut(u32, usize, u32)) {
        let (keys, base, names) = (self.keys, self.base, self.names);
        let suffix = |step: &Step| {
            let name = names.get((step.at - base) as usize).copied().unwrap_or(&[]);
            name.get(..step.end).unwrap_or(name)
        };
        let waiting = self.candidates.get_mut(..std::mem::take(&mut self.count)).unwrap_or_default();
        let blocks = &keys.blocks;
        let mut touched = 0u8;
        for candidate in &mut *waiting {
            candidate.group = blocks.group(suffix(&candidate.step));
            touched ^= candidate.group.map_or(0, |group| blocks.touch_group(group));
        }
        std::hint::black_box(touched);
        for candidate in &mut *waiting {
            candidate.block = candidate.group.and_then(|group| blocks.among(group, suffix(&candidate.step)));
            touched ^= candidate.block.map_or(0, |block| keys.touch(block));
        }
        std::hint::black_box(touched);
        for candidate in &*waiting {
            touched ^= candidate.block.map_or(0, |block| blocks.touch(block));
        }
        std::hint::black_box(touched);
        for Candidate { step, block, .. } in &*waiting {
            let found = block.and_then(|block| keys.find(block, suffix(step), step.hash));
            found.into_iter().for_each(|ordinal| visit(step.at, step.end, ordinal));
        }
    }
}

/// What stands before the first dot, or everything.
#[inline]
fn label_of(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let dots = u64::from_le_bytes(*word) ^ 0x2E2E_2E2E_2E2E_2E2E;
        let zeros = dots.wrapping_sub(0x0101_0101_0101_0101) & !dots & 0x8080_8080_8080_8080;
        if zeros != 0 {
            return text.get(..at + (zeros.trailing_zeros() / 8) as usize).unwrap_or(text);
        }
        at += 8;
    }
    let tail = text.get(at..).unwrap_or(&[]).iter().position(|byte| *byte == b'.');
    tail.and_then(|dot| text.get(..at + dot)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::{blocks, filter::SuffixKeys};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn labels_end_at_the_first_dot() {
        for text in ["", ".", "a", "a.b", "abcdefgh", "abcdefgh.", "abcdefghijk.l.m", "abcdefg.hijk"] {
            let expected = text.split('.').next().unwrap_or("");
            assert_eq!(label_of(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn covering_entries_are_those_that_anybody_would_find(
            entries in proptest::collection::btree_set("[a-b]{1,2}(\\.[a-c]{1,9}){0,3}", 1..80),
            questions in proptest::collection::vec("[a-b]{1,2}(\\.[a-c]{1,9}){0,4}", 1..40),
        ) {
            let keys: Vec<&[u8]> = entries.iter().map(|entry| entry.as_bytes()).collect();
            let (blocks, filter) = (blocks::encode(&keys).expect("small"), SuffixKeys::of(keys.iter().copied()).encode());
            let prints = encode_prints(keys.iter().copied());
            for (filter, prints) in [(filter.as_slice(), prints.as_slice()), (&filter, &[]), (&[], &prints), (&[], &[])] {
                let index = Keys::new(KeyBytes { filter, blocks: &blocks, prints, tries: &[] });
                let asked: Vec<&[u8]> = questions.iter().chain(&entries).map(|name| name.as_bytes()).collect();
                let mut batched = vec![Vec::new(); asked.len()];
                index.each_covering_of(&asked, |at, end, _| batched[at as usize].push(end));
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
