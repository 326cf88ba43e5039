//! Finding names and their ancestors, and URLs, in whichever index a file has.
//!
//! Since format 1 with sections 36, 37 and 43, a filter answers misses and blocks hold the keys; files of before have
//! transducers over all keys (32 and 40), which are still read.

use super::blocks::Blocks;
use super::filter::{Filter, SuffixHash};
use super::tries::Tries;

/// The index of names, or of URLs, in a file.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    filter: Option<Filter<'a>>,
    blocks: Blocks<'a>,
    tries: Tries<'a>,
}

/// How far a name has been walked: a suffix, its hash, and where the next label begins.
#[derive(Clone, Copy)]
struct Step {
    end: usize,
    labels: u32,
    hash: SuffixHash,
}

/// A suffix that may be an entry.
#[derive(Clone, Copy, Default)]
struct Candidate {
    /// The position of its name.
    at: u32,
    /// The length of the suffix.
    end: usize,
    /// The group that holds it, if any does.
    group: Option<usize>,
    /// The block that holds it, if any does.
    block: Option<u32>,
}

/// How many candidates wait for their blocks at a time.
const BATCH: usize = 64;
/// How many names are looked up together.
const NAMES: usize = BATCH / 2;

impl<'a> Keys<'a> {
    /// The index in the bytes of its sections, of which older and newer files have different ones.
    pub fn new(filter: &'a [u8], blocks: &'a [u8], tries: &'a [u8]) -> Keys<'a> {
        Keys { filter: Filter::new(filter), blocks: Blocks::new(blocks), tries: Tries::new(tries) }
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
        self.each_candidate(name, |end| {
            let suffix = name.get(..end).unwrap_or(name);
            if let Some(ordinal) = self.blocks.get(suffix) {
                visit(end, ordinal);
            }
        });
    }

    /// The same for many names at once, in their order: `visit` is told the position of the name, too. What one look-up
    /// waits for overlaps with its neighbours': first all candidates are collected, then their blocks are found and
    /// touched, and only then read.
    pub fn each_covering_of(&self, names: &[&[u8]], mut visit: impl FnMut(u32, usize, u32)) {
        if self.blocks.is_empty() {
            for (at, name) in (0..).zip(names) {
                self.tries.each_covering(name, |end, ordinal| visit(at, end, ordinal));
            }
            return;
        }
        let mut waiting = [Candidate::default(); BATCH];
        for (base, names) in (0u32..).step_by(NAMES).zip(names.chunks(NAMES)) {
            let mut count = 0;
            for (at, name) in (base..).zip(names) {
                self.each_candidate(name, |end| {
                    if count == BATCH {
                        self.settle(&mut waiting, base, names, &mut visit);
                        count = 0;
                    }
                    if let Some(place) = waiting.get_mut(count) {
                        *place = Candidate { at, end, group: None, block: None };
                        count += 1;
                    }
                });
            }
            self.settle(waiting.get_mut(..count).unwrap_or_default(), base, names, &mut visit);
        }
    }

    /// Visits the ends of the suffixes that may be entries, shortest first.
    #[inline]
    fn each_candidate(&self, name: &[u8], mut visit: impl FnMut(usize)) {
        let Some(filter) = &self.filter else {
            let ends = memchr::memchr_iter(b'.', name);
            return ends.chain([name.len()]).for_each(visit);
        };
        let mut step = Step { end: 0, labels: 0, hash: SuffixHash::default() };
        let mut start = 0;
        loop {
            let rest = name.get(start..).unwrap_or(&[]);
            let label = label_of(rest);
            step = Step { end: start + label.len(), labels: step.labels + 1, hash: step.hash.then(label) };
            let is_last = label.len() == rest.len();
            if step.labels >= filter.labels_min() {
                let said = filter.ask(step.hash);
                if said.may_be_entry() {
                    visit(step.end);
                }
                if is_last || !said.may_be_parent() {
                    return;
                }
            }
            if is_last {
                return;
            }
            start = step.end + 1;
        }
    }

    /// Looks candidates up whose names begin at `base`.
    #[inline]
    fn settle(
        &self,
        waiting: &mut [Candidate],
        base: u32,
        names: &[&[u8]],
        visit: &mut impl FnMut(u32, usize, u32),
    ) {
        let suffix = |candidate: &Candidate| {
            let name = names.get((candidate.at - base) as usize).copied().unwrap_or(&[]);
            name.get(..candidate.end).unwrap_or(name)
        };
        let mut touched = 0u8;
        for candidate in &mut *waiting {
            candidate.group = self.blocks.group(suffix(candidate));
            touched ^= candidate.group.map_or(0, |group| self.blocks.touch_group(group));
        }
        std::hint::black_box(touched);
        for candidate in &mut *waiting {
            candidate.block = candidate.group.and_then(|group| self.blocks.among(group, suffix(candidate)));
            touched ^= candidate.block.map_or(0, |block| self.blocks.touch_offset(block));
        }
        std::hint::black_box(touched);
        for candidate in &*waiting {
            touched ^= candidate.block.map_or(0, |block| self.blocks.touch(block));
        }
        std::hint::black_box(touched);
        for candidate in &*waiting {
            let found = candidate.block.and_then(|block| self.blocks.find(block, suffix(candidate)));
            if let Some(ordinal) = found {
                visit(candidate.at, candidate.end, ordinal);
            }
        }
    }

    /// Visits every key in order with its ordinal, and says whether the walk came to its end. A walk over older files
    /// is cut off after `steps_max` transitions.
    pub fn each(&self, steps_max: u64, visit: impl FnMut(&[u8], u32)) -> bool {
        if self.blocks.is_empty() { self.tries.each(steps_max, visit) } else { self.blocks.each(visit) }
    }

    /// Whether the filter would let the walk come as far as this name, and take it for an entry.
    pub fn is_let_through(&self, name: &[u8]) -> bool {
        let mut found = self.filter.is_none();
        self.each_candidate(name, |end| found |= end == name.len());
        found
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
            for filter in [filter.as_slice(), &[]] {
                let index = Keys::new(filter, &blocks, &[]);
                for name in questions.iter().chain(&entries) {
                    let ends = name.match_indices('.').map(|(at, _)| at).chain([name.len()]);
                    let expected: Vec<usize> = ends.filter(|end| entries.contains(&name[..*end])).collect();
                    let mut found = Vec::new();
                    index.each_covering(name.as_bytes(), |end, ordinal| {
                        assert_eq!(keys[ordinal as usize], &name.as_bytes()[..end]);
                        found.push(end);
                    });
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
