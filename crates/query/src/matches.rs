//! The indicators that a scorer found, in buffers that are reused.
//!
//! A log of any length is scored in a bounded amount of memory and without an allocation for each match: the
//! texts of all indicators are in one buffer, and what providers say of them is shared.

use crate::listing::{Listed, Listing};
use crate::verdict::Verdict;
use rapsheet_snapshot::{Status, Time};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::rc::Rc;

/// An indicator that a scorer found in a block.
///
/// ```
/// # use rapsheet_query::{MatchFilter, Scorer, Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// for found in Scorer::new(&searcher, MatchFilter::Listed, 1 << 20).score(b"a\nfrom=45.9.20.5\n").iter() {
///     println!("line {}, byte {}: {}", found.line + 1, found.at, found.indicator);
/// }
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Match<'m, L = Listing> {
    /// Its byte offset in the block.
    pub at: usize,
    /// The number of line ends before it in the block.
    pub line: usize,
    /// The indicator in canonical form.
    pub indicator: &'m str,
    /// The type of the indicator: `ipv4`, `ipv6`, `domain` or `url`.
    pub type_word: &'static str,
    /// What providers say of it, as far as the scorer was [asked](crate::Detail).
    pub listing: &'m L,
    /// The earliest `first_seen` of the sightings that have the overall status.
    pub first_seen: Option<Time>,
    /// The latest `detect_time` of those sightings.
    pub detect_time: Option<Time>,
}

impl<L: AsRef<Listing>> Match<'_, L> {
    /// The overall status.
    pub fn status(&self) -> Status {
        self.listing.as_ref().status
    }
}

/// A match, whose text is in the buffer of its [`Matches`].
#[derive(Debug)]
struct Entry<L> {
    at: usize,
    line: usize,
    text: Range<usize>,
    type_word: &'static str,
    listed: Listed<L>,
}

/// Matches in a block, in the order of their offsets.
#[derive(Debug)]
pub struct Matches<L = Listing> {
    list: Vec<Entry<L>>,
    texts: Vec<u8>,
}

/// Some of the matches in a block, borrowed.
#[derive(Debug)]
pub struct MatchSlice<'m, L = Listing> {
    list: &'m [Entry<L>],
    texts: &'m [u8],
}

/// A derived implementation would need `L: Default`.
impl<L> Default for Matches<L> {
    fn default() -> Matches<L> {
        Matches { list: Vec::new(), texts: Vec::new() }
    }
}

/// A derived implementation would need `L: Clone`.
impl<L> Clone for MatchSlice<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for MatchSlice<'_, L> {}

impl<L> Matches<L> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them.
    pub fn as_slice(&self) -> MatchSlice<'_, L> {
        MatchSlice { list: &self.list, texts: &self.texts }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Match<'_, L>> {
        self.as_slice().iter()
    }

    /// Moves all of another's matches behind these, and keeps both buffers.
    pub fn append(&mut self, other: &mut Matches<L>) {
        let shift = self.texts.len();
        self.texts.append(&mut other.texts);
        self.list.extend(
            other
                .list
                .drain(..)
                .map(|entry| Entry { text: entry.text.start + shift..entry.text.end + shift, ..entry }),
        );
    }

    /// Adds a match with what a verdict says.
    pub fn push(&mut self, at: usize, line: usize, verdict: &Verdict)
    where
        L: From<Listing>,
    {
        let listed = Listed {
            listing: Rc::new(L::from(Listing::from(verdict))),
            first_seen: verdict.deciding().map(|source| source.first_seen).min(),
            detect_time: verdict.deciding().map(|source| source.detect_time).max(),
        };
        self.add(at, line, verdict.indicator.as_bytes(), verdict.type_word, listed);
    }

    /// Adds a match whose indicator, in canonical form, is `text`.
    pub(crate) fn add(
        &mut self,
        at: usize,
        line: usize,
        text: &[u8],
        type_word: &'static str,
        listed: Listed<L>,
    ) {
        let start = self.texts.len();
        self.texts.extend_from_slice(text);
        self.list.push(Entry { at, line, text: start..self.texts.len(), type_word, listed });
    }

    /// Adds a match that has this position and all else of another one.
    pub(crate) fn add_copy(&mut self, at: usize, line: usize, other: &Matches<L>, nth: usize) {
        if let Some(entry) = other.list.get(nth) {
            let text = other.texts.get(entry.text.clone()).unwrap_or(&[]);
            self.add(at, line, text, entry.type_word, entry.listed.clone());
        }
    }

    /// The offset of a match in its block.
    pub(crate) fn offset(&self, nth: usize) -> usize {
        self.list.get(nth).map_or(0, |entry| entry.at)
    }

    /// Puts the text of the last match, which is ASCII, into lower case.
    pub(crate) fn lower_last(&mut self) {
        if let Some(text) = self.list.last().and_then(|entry| self.texts.get_mut(entry.text.clone())) {
            text.make_ascii_lowercase();
        }
    }

    /// Keeps the matches for which `keep` returns `true`.
    pub fn retain(&mut self, mut keep: impl FnMut(&Match<'_, L>) -> bool) {
        let texts = self.texts.as_slice();
        self.list.retain(|entry| keep(&entry.view(texts)));
    }

    /// Changes the offset and the line of each match; the order must stay.
    pub fn map_positions(&mut self, mut map: impl FnMut(&mut usize, &mut usize)) {
        self.list.iter_mut().for_each(|entry| map(&mut entry.at, &mut entry.line));
    }

    /// Removes all matches.
    pub fn clear(&mut self) {
        self.list.clear();
        self.texts.clear();
    }

    /// Removes the first `count` matches.
    pub fn remove_first(&mut self, count: usize) {
        let count = count.min(self.list.len());
        self.list.drain(..count);
        if self.list.is_empty() {
            self.texts.clear();
        } else if count > self.list.len() {
            // Texts of removed matches never take more than half of the buffer for long.
            let texts = std::mem::take(&mut self.texts);
            for entry in &mut self.list {
                let start = self.texts.len();
                self.texts.extend_from_slice(texts.get(entry.text.clone()).unwrap_or(&[]));
                entry.text = start..self.texts.len();
            }
        }
    }

    /// Moves the matches from an offset on to the end of another's.
    pub(crate) fn move_from(&mut self, at: usize, others: &mut Matches<L>) {
        let first = self.list.partition_point(|entry| entry.at < at);
        for entry in self.list.drain(first..) {
            let text = self.texts.get(entry.text).unwrap_or(&[]);
            others.add(entry.at, entry.line, text, entry.type_word, entry.listed);
        }
    }

    /// Sorts by offset. Matches at one offset stay in their order.
    pub(crate) fn sort(&mut self) {
        // Keys of different kinds are looked up at different times.
        if !self.list.is_sorted_by_key(|entry| entry.at) {
            // Texts are in the order of the matches. A stable sort would allocate.
            self.list.sort_unstable_by_key(|entry| (entry.at, entry.text.start));
        }
    }

    /// Removes matches whose indicator occurs earlier on the same line.
    pub(crate) fn dedup_lines(&mut self) {
        if self.list.is_sorted_by(|one, next| one.line < next.line) {
            return;
        }
        let (texts, list) = (self.texts.as_slice(), &mut self.list);
        let text = |entry: &Entry<L>| texts.get(entry.text.clone()).unwrap_or(&[]);
        let mut kept = 0;
        let mut start = 0;
        while let Some(line) = list.get(start).map(|one| one.line) {
            let rest = list.get(start..).unwrap_or(&[]);
            let end = start + rest.iter().take_while(|one| one.line == line).count();
            let (first, mut seen) = (kept, HashSet::<&[u8]>::new());
            for at in start..end {
                let Some(one) = list.get(at) else { break };
                let is_new = match list.get(first..kept) {
                    Some(others) if end - start <= COMPARED_MAX => {
                        others.iter().all(|other| text(other) != text(one))
                    }
                    _ => seen.insert(text(one)),
                };
                if is_new {
                    list.swap(kept, at);
                    kept += 1;
                }
            }
            start = end;
        }
        list.truncate(kept);
    }
}

/// Up to how many matches of a line are compared with each other; those of a line with more are put into a
/// set.
const COMPARED_MAX: usize = 16;

impl<L> Entry<L> {
    #[inline]
    fn view<'m>(&'m self, texts: &'m [u8]) -> Match<'m, L> {
        // Canonical forms are ASCII.
        let text = texts.get(self.text.clone()).and_then(|text| std::str::from_utf8(text).ok());
        let Listed { listing, first_seen, detect_time } = &self.listed;
        Match {
            at: self.at,
            line: self.line,
            indicator: text.unwrap_or_default(),
            type_word: self.type_word,
            listing,
            first_seen: *first_seen,
            detect_time: *detect_time,
        }
    }
}

impl<'m, L> MatchSlice<'m, L> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Match<'m, L>> + use<'m, L> {
        let MatchSlice { list, texts } = *self;
        list.iter().map(move |entry| entry.view(texts))
    }

    /// The positions alone, offset and line, which is faster than [`MatchSlice::iter`].
    pub fn positions(&self) -> impl Iterator<Item = (usize, usize)> + use<'m, L> {
        self.list.iter().map(|entry| (entry.at, entry.line))
    }

    /// How many are before an offset of the block.
    pub fn count_before(&self, at: usize) -> usize {
        self.list.partition_point(|entry| entry.at < at)
    }

    /// The first `count`, and the others.
    #[must_use]
    pub fn split_at(self, count: usize) -> (MatchSlice<'m, L>, MatchSlice<'m, L>) {
        let (first, others) = self.list.split_at_checked(count).unwrap_or((self.list, &[]));
        let slice = |list| MatchSlice { list, texts: self.texts };
        (slice(first), slice(others))
    }
}

/// The indicators that were already reported on the line that continues in the next part. They are identified
/// by hashes of 128 bits, because a line may be endless. 64 bits would not do: who can find two names that
/// collide could hide one behind the other.
#[derive(Default)]
pub(crate) struct Reported(HashSet<(u64, u64)>);

/// The capacity beyond which the memory of [`Reported`] is freed after the line.
const REPORTED_KEPT: usize = 1 << 12;

impl Reported {
    /// Sorts the matches before `end` and removes repetitions on a line; moves the matches from `end` on to
    /// `others`, unsorted. Where the line `continues` after `end`, the part holds no other line.
    pub(crate) fn split_part<L>(
        &mut self,
        found: &mut Matches<L>,
        end: usize,
        continues: bool,
        others: &mut Matches<L>,
    ) {
        found.sort();
        found.move_from(end, others);
        found.dedup_lines();
        if !self.0.is_empty() {
            let first = found.list.first().map(|one| one.line);
            let texts = found.texts.as_slice();
            found.list.retain(|one| Some(one.line) != first || !self.0.contains(&hashes(one, texts)));
        }
        if continues {
            self.0.extend(found.list.iter().map(|one| hashes(one, &found.texts)));
        } else if self.0.capacity() > REPORTED_KEPT {
            self.0 = HashSet::new();
        } else {
            self.0.clear();
        }
    }
}

fn hashes<L>(entry: &Entry<L>, texts: &[u8]) -> (u64, u64) {
    let text = texts.get(entry.text.clone()).unwrap_or(&[]);
    let first = hash_of(&text);
    (first, hash_of(&(first, text)))
}

fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
