//! Scoring: which indicators are in a block of log lines, where, and what their verdicts are.
//!
//! A block is cut into tokens. Tokens that are in the cache are answered from it; the others are searched for
//! indicators, which are looked up in batches. Only matches that are reported get a full verdict.
//!
//! Lines are independent of each other, so blocks may be scored in any order and on any thread. Each thread
//! has a scorer of its own. Its cache is kept from block to block, and affects nothing but the time that a
//! block takes. [`crate::extract`] is the plain implementation that tests compare the scorer with.

use crate::batch::Batch;
use crate::extract::extract_token;
use crate::match_info::MatchInfo;
use crate::searcher::Searcher;
use crate::token_cache::{Piece, TokenCache, TokenKey};
use crate::tokenizer::{Token, Tokenizer};
use rapsheet_snapshot::Status;
use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

/// The number of pending questions from which on they are looked up.
const QUESTIONS_MAX: usize = 512;
/// After how many windows pending questions are looked up although they are few. Until then their tokens are
/// not in the cache, and are searched again wherever they occur.
const WINDOWS_MAX: usize = 8;

/// The number of matches from which on [`Scorer::score_in_parts`] calls its visitor.
const PART: usize = 1024;

/// Which indicators a scorer reports.
///
/// ```
/// # use rapsheet_query::{MatchFilter, Scorer, Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// let count = |filter| Scorer::new(&searcher, filter, 1 << 20).score(b"10.0.0.1 45.9.20.5").len();
/// assert_eq!((count(MatchFilter::Listed), count(MatchFilter::All)), (1, 2));
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MatchFilter {
    /// Those that are listed at the searcher's instant.
    Listed,
    /// Those that match an entry of the snapshot, whether or not it is live at the searcher's instant.
    InSnapshot,
    /// All.
    All,
}

/// Finds indicators in log lines, for one thread.
///
/// ```
/// # use rapsheet_query::{MatchFilter, Scorer, Searcher, Snapshot, Status};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// let mut scorer = Scorer::new(&searcher, MatchFilter::Listed, 1 << 20);
/// let found = scorer.score(b"10.0.0.1 GET /index.html\n45.9.20.5 GET /wp-login.php\n");
/// assert_eq!((found.len(), found[0].line, found[0].at), (1, 1, 25));
/// assert_eq!((&*found[0].info.indicator, found[0].info.status), ("45.9.20.5", Status::Blocked));
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
pub struct Scorer<'s, I = MatchInfo> {
    searcher: &'s Searcher<'s>,
    filter: MatchFilter,
    cache: TokenCache<I>,
    /// Scratch for the tokenizer.
    tokens: Vec<Token>,
    /// Tokens that were searched for indicators, in the order of their questions.
    pending: Vec<PendingToken>,
    /// The questions of the pending tokens.
    batch: Batch,
    /// The offset of each question in the block.
    offsets: Vec<usize>,
    reported: Reported,
    counts: TokenCounts,
}

/// How many tokens a scorer found, for the benchmark: a figure says little without the share that the cache
/// answered.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// All of them.
    pub all: u64,
    /// Those that were not in the cache, and were searched.
    pub searched: u64,
}

/// A token that was searched for indicators, and the positions of its questions in the batch.
struct PendingToken {
    token: Token,
    questions: Range<usize>,
}

/// An indicator that a scorer found in a block.
///
/// ```
/// # use rapsheet_query::{MatchFilter, Scorer, Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// for found in Scorer::new(&searcher, MatchFilter::Listed, 1 << 20).score(b"a\nfrom=45.9.20.5\n") {
///     println!("line {}, byte {}: {}", found.line + 1, found.at, found.info.indicator);
/// }
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Match<I = MatchInfo> {
    /// Its byte offset in the block.
    pub at: usize,
    /// The number of line ends before it in the block.
    pub line: usize,
    /// The verdict on it, in short; shared by all matches of the same indicator.
    pub info: Rc<I>,
}

impl<'s> Scorer<'s> {
    /// A scorer that evaluates as `searcher` does, with a cache of about `memory` bytes.
    pub fn new(searcher: &'s Searcher<'s>, filter: MatchFilter, memory: usize) -> Scorer<'s> {
        Scorer::with_info(searcher, filter, memory)
    }
}

impl<'s, I: From<MatchInfo> + AsRef<MatchInfo>> Scorer<'s, I> {
    /// As [`Scorer::new`], but each indicator in the cache is kept as the caller's own type, which wraps a
    /// [`MatchInfo`] and may hold what the caller derives from it.
    pub fn with_info(searcher: &'s Searcher<'s>, filter: MatchFilter, memory: usize) -> Scorer<'s, I> {
        Scorer {
            searcher,
            filter,
            cache: TokenCache::new(memory),
            tokens: Vec::new(),
            pending: Vec::new(),
            batch: Batch::new(),
            offsets: Vec::new(),
            reported: Reported::default(),
            counts: TokenCounts::default(),
        }
    }

    /// The tokens so far.
    #[doc(hidden)]
    pub fn token_counts(&self) -> TokenCounts {
        self.counts
    }

    /// The matches in a block of lines, in the order of their offsets. An indicator that occurs several times
    /// on a line is reported once, at its first occurrence.
    pub fn score(&mut self, block: &[u8]) -> Vec<Match<I>> {
        let mut all = Vec::new();
        self.score_in_parts(block, |mut found, _| all.append(&mut found));
        all
    }

    /// As [`Scorer::score`], but calls `visit` with about a thousand matches at a time, so that not all of
    /// them are in memory at once. The second argument is the offset up to which the matches are complete:
    /// the end of a line where there is one near, and in the last call the end of the block.
    pub fn score_in_parts(&mut self, block: &[u8], mut visit: impl FnMut(Vec<Match<I>>, usize)) {
        let mut found = Vec::new();
        let (mut tokenizer, mut list) = (Tokenizer::new(block), std::mem::take(&mut self.tokens));
        // The number of windows since a token became pending, and the offset up to which line ends were
        // searched.
        let (mut windows, mut searched) = (0, 0);
        while let Some(tokens) = tokenizer.next_window(&mut list) {
            self.score_tokens(block, tokens, &mut found);
            windows = if self.pending.is_empty() { 0 } else { windows + 1 };
            let is_part = found.len() >= PART;
            if windows >= WINDOWS_MAX || self.batch.len() >= QUESTIONS_MAX || is_part {
                self.resolve_pending(block, &mut found);
                windows = 0;
            }
            if is_part {
                let read = tokenizer.bytes_read();
                let line_end = memchr::memrchr(b'\n', block.get(searched..read).unwrap_or(&[]));
                let end = line_end.map_or(read, |at| searched + at + 1);
                let others = self.reported.split_part(&mut found, end, line_end.is_none());
                visit(std::mem::replace(&mut found, others), end);
                searched = read;
            }
        }
        self.resolve_pending(block, &mut found);
        self.tokens = list;
        self.reported.split_part(&mut found, usize::MAX, false);
        visit(found, block.len());
    }

    /// Answers the tokens of a window from the cache; the others become pending.
    fn score_tokens(&mut self, block: &[u8], tokens: &[Token], found: &mut Vec<Match<I>>) {
        self.counts.all += tokens.len() as u64;
        for token in tokens {
            let key = TokenKey::of(block, token.start, token.end);
            let bytes = block.get(token.start..token.end).unwrap_or(&[]);
            match self.cache.get(&key, bytes) {
                Some([]) => {}
                Some(pieces) => found.extend(pieces.iter().map(|piece| match_of(token, piece))),
                None => self.search(block, token),
            }
        }
    }

    /// Searches a token for indicators. Not inlined, so that the loop over cached tokens stays short.
    #[inline(never)]
    fn search(&mut self, block: &[u8], token: &Token) {
        self.counts.searched += 1;
        let before = self.batch.len();
        extract_token(block, token.start, token.end, &mut self.batch.questions, &mut self.offsets);
        self.pending.push(PendingToken { token: *token, questions: before..self.batch.len() });
    }

    /// Looks up the questions of the pending tokens, and caches their outcomes.
    fn resolve_pending(&mut self, block: &[u8], found: &mut Vec<Match<I>>) {
        self.searcher.statuses(&mut self.batch);
        let mut pending = std::mem::take(&mut self.pending);
        for PendingToken { token, questions } in pending.drain(..) {
            let pieces: Vec<Piece<I>> = questions
                .filter(|at| self.is_reported(*at))
                .filter_map(|at| {
                    let verdict = self.searcher.verdict(self.batch.questions.get(at)?);
                    let offset = self.offsets.get(at)? - token.start;
                    Some((offset as u32, Rc::new(I::from(MatchInfo::from(verdict)))))
                })
                .collect();
            found.extend(pieces.iter().map(|piece| match_of(&token, piece)));
            let key = TokenKey::of(block, token.start, token.end);
            self.cache.put(&key, block.get(token.start..token.end).unwrap_or(&[]), pieces);
        }
        self.pending = pending;
        self.batch.clear();
        self.offsets.clear();
    }

    /// Whether the filter admits the question at this position.
    fn is_reported(&self, at: usize) -> bool {
        let Batch { hits, statuses, .. } = &self.batch;
        match self.filter {
            MatchFilter::All => true,
            MatchFilter::InSnapshot => hits.binary_search_by_key(&at, |hit| hit.question as usize).is_ok(),
            MatchFilter::Listed => {
                statuses.get(at).is_some_and(|status| matches!(status, Status::Blocked | Status::Allowed))
            }
        }
    }
}

/// A derived implementation would need `I: Clone`.
impl<I> Clone for Match<I> {
    fn clone(&self) -> Match<I> {
        Match { at: self.at, line: self.line, info: self.info.clone() }
    }
}

impl<I: AsRef<MatchInfo>> Match<I> {
    fn info(&self) -> &MatchInfo {
        (*self.info).as_ref()
    }
}

/// The match of an indicator in a token.
#[inline]
fn match_of<I>(token: &Token, (at, info): &Piece<I>) -> Match<I> {
    Match { at: token.start + *at as usize, line: token.line, info: info.clone() }
}

/// The indicators that were already reported on the line that continues in the next part. They are identified
/// by hashes of 128 bits, because a line may be endless.
#[derive(Default)]
struct Reported(HashSet<(u64, u64)>);

/// The capacity beyond which the memory of [`Reported`] is freed after the line.
const REPORTED_KEPT: usize = 1 << 12;

impl Reported {
    /// Sorts the matches before `end` and removes repetitions on a line; splits off the matches from `end`
    /// on, unsorted. Where the line `continues` after `end`, the part holds no other line.
    fn split_part<I: AsRef<MatchInfo>>(
        &mut self,
        found: &mut Vec<Match<I>>,
        end: usize,
        continues: bool,
    ) -> Vec<Match<I>> {
        // Matches of pending tokens come after those of later tokens that were in the cache.
        if !found.is_sorted_by_key(|one| one.at) {
            found.sort_by_key(|one| one.at);
        }
        let rest = found.split_off(found.partition_point(|one| one.at < end));
        dedup_lines(found);
        if !self.0.is_empty() {
            let first = found.first().map(|one| one.line);
            found.retain(|one| Some(one.line) != first || !self.0.contains(&one.info().hashes()));
        }
        if continues {
            self.0.extend(found.iter().map(|one| one.info().hashes()));
        } else if self.0.capacity() > REPORTED_KEPT {
            self.0 = HashSet::new();
        } else {
            self.0.clear();
        }
        rest
    }
}

/// Up to how many matches of a line are compared with each other; those of a line with more are put into a
/// set.
const COMPARED_MAX: usize = 16;

/// Removes matches whose indicator occurs earlier on the same line.
fn dedup_lines<I: AsRef<MatchInfo>>(found: &mut Vec<Match<I>>) {
    let mut kept = 0;
    let mut start = 0;
    while let Some(line) = found.get(start).map(|one| one.line) {
        let rest = found.get(start..).unwrap_or(&[]);
        let end = start + rest.iter().take_while(|one| one.line == line).count();
        let (first, mut seen) = (kept, HashSet::<Box<str>>::new());
        for at in start..end {
            let Some(one) = found.get(at) else { break };
            let is_new = match found.get(first..kept) {
                Some(others) if end - start <= COMPARED_MAX => {
                    others.iter().all(|other| !other.info().is_same_indicator(one.info()))
                }
                _ => seen.insert(one.info().indicator.clone()),
            };
            if is_new {
                found.swap(kept, at);
                kept += 1;
            }
        }
        start = end;
    }
    found.truncate(kept);
}
