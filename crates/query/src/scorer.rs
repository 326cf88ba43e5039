//! Scoring: which indicators are in a block of log lines, where, and what their verdicts are.
//!
//! A block is cut into tokens. Tokens that are in the cache are answered from it. The others are read for
//! keys, which are looked up in batches; most lead nowhere, and then the token is done. Where providers list
//! something, its listing is made. Tokens that are not plain go through [`crate::extract`], the plain
//! implementation, with which tests compare all of this.
//!
//! Lines are independent of each other, so blocks may be scored in any order and on any thread. Each thread
//! has a scorer of its own. Its cache is kept from block to block, and affects nothing but the time that a
//! block takes.

use crate::batch::Batch;
use crate::cache_policy::{CachePolicy, TokenCounts, Use};
use crate::extract::extract_token;
use crate::keys::{Keys, NOT_CACHED, Place};
use crate::listing::{Listed, Listing, Listings};
use crate::lookup::{Hit, HitKind};
use crate::matches::{Matches, Reported};
use crate::searcher::Searcher;
use crate::token_cache::{TokenCache, TokenKey};
use crate::token_reader::{Numbered, read_tokens};
use crate::tokenizer::{Token, Tokenizer};
use rapsheet_snapshot::{Kinds, Status};

/// The number of pending keys or questions from which on they are looked up.
const PENDING_MAX: usize = 512;
/// After how many windows pending keys are looked up although they are few. Until then their tokens are not
/// in the cache, and are read again wherever they occur.
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

/// How much the matches of a scorer say. What is not asked for is not looked at, which saves up to half of the
/// time where many indicators are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// The status. The listing has no provider and no assessment.
    Status,
    /// The listing, but no times.
    Listing,
    /// All.
    Times,
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
/// let first = found.iter().next().expect("one");
/// assert_eq!((found.len(), first.line, first.at), (1, 1, 25));
/// assert_eq!((first.indicator, first.status()), ("45.9.20.5", Status::Blocked));
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
pub struct Scorer<'s, L = Listing> {
    filter: MatchFilter,
    cache: TokenCache<L>,
    policy: CachePolicy,
    /// Scratch for the tokenizer.
    tokens: Vec<Token>,
    /// The tokens of a window that are not in the cache.
    new_tokens: Vec<Numbered>,
    /// Of these, the ones that are not plain.
    others: Vec<Numbered>,
    /// Tokens that will be cached once they are looked up.
    pending: Vec<Token>,
    keys: Keys,
    questions: Questions,
    resolver: Resolver<'s, L>,
    reported: Reported,
    /// Matches of the block, and those after a part of it.
    found: [Matches<L>; 2],
}

/// Questions of tokens that are not plain, and the place of each.
#[derive(Default)]
struct Questions {
    batch: Batch,
    places: Vec<Place>,
    /// Scratch for the extraction.
    offsets: Vec<usize>,
}

/// Turns hits into matches.
struct Resolver<'s, L> {
    searcher: &'s Searcher<'s>,
    filter: MatchFilter,
    detail: Detail,
    listings: Listings<L>,
    /// The matches of tokens that will be cached: the number of the token, and that of the match.
    of_tokens: Vec<(u32, usize)>,
    /// URLs that may be listed.
    urls: Vec<Place>,
}

impl<'s> Scorer<'s> {
    /// A scorer that evaluates as `searcher` does, with a cache of about `memory` bytes.
    pub fn new(searcher: &'s Searcher<'s>, filter: MatchFilter, memory: usize) -> Scorer<'s> {
        Scorer::with_listings(searcher, filter, memory)
    }
}

impl<'s, L: From<Listing>> Scorer<'s, L> {
    /// As [`Scorer::new`], but each listing is kept as the caller's own type, which wraps a [`Listing`] and
    /// may hold what the caller derives from it.
    pub fn with_listings(searcher: &'s Searcher<'s>, filter: MatchFilter, memory: usize) -> Scorer<'s, L> {
        Scorer {
            filter,
            cache: TokenCache::new(memory),
            policy: CachePolicy::default(),
            tokens: Vec::new(),
            new_tokens: Vec::new(),
            others: Vec::new(),
            pending: Vec::new(),
            keys: Keys::default(),
            questions: Questions::default(),
            resolver: Resolver {
                searcher,
                filter,
                detail: Detail::Times,
                listings: Listings::new(),
                of_tokens: Vec::new(),
                urls: Vec::new(),
            },
            reported: Reported::default(),
            found: [Matches::default(), Matches::default()],
        }
    }

    /// The same scorer, whose matches say no more than this.
    #[must_use]
    pub fn with_detail(mut self, detail: Detail) -> Scorer<'s, L> {
        self.resolver.detail = detail;
        self
    }

    /// How many tokens it found so far.
    #[doc(hidden)]
    pub fn token_counts(&self) -> TokenCounts {
        self.policy.counts()
    }

    /// The matches in a block of lines, in the order of their offsets. An indicator that occurs several times
    /// on a line is reported once, at its first occurrence.
    pub fn score(&mut self, block: &[u8]) -> Matches<L> {
        let mut all = Matches::default();
        self.score_in_parts(block, |found, _| all.append(found));
        all
    }

    /// As [`Scorer::score`], but calls `visit` with about a thousand matches at a time, so that not all of
    /// them are in memory at once. What `visit` leaves is dropped. The second argument is the offset up to
    /// which the matches are complete: the end of a line where there is one near, and in the last call the
    /// end of the block.
    pub fn score_in_parts(&mut self, block: &[u8], mut visit: impl FnMut(&mut Matches<L>, usize)) {
        let [mut found, mut others] = std::mem::take(&mut self.found);
        let (mut tokenizer, mut list) = (Tokenizer::new(block), std::mem::take(&mut self.tokens));
        // The number of windows since a token became pending, and the offset up to which line ends were
        // searched.
        let (mut windows, mut searched) = (0, 0);
        while let Some(tokens) = tokenizer.next_window(&mut list) {
            self.score_tokens(block, tokens, &mut found);
            windows = if self.is_idle() { 0 } else { windows + 1 };
            let is_part = found.len() >= PART;
            if windows >= WINDOWS_MAX || self.pending_len() >= PENDING_MAX || is_part {
                self.resolve(block, &mut found);
                windows = 0;
            }
            if found.len() >= PART {
                let read = tokenizer.bytes_read();
                let line_end = memchr::memrchr(b'\n', block.get(searched..read).unwrap_or(&[]));
                let end = line_end.map_or(read, |at| searched + at + 1);
                self.resolve(block, &mut found);
                self.reported.split_part(&mut found, end, line_end.is_none(), &mut others);
                visit(&mut found, end);
                found.clear();
                std::mem::swap(&mut found, &mut others);
                searched = read;
            }
        }
        self.resolve(block, &mut found);
        self.tokens = list;
        self.reported.split_part(&mut found, usize::MAX, false, &mut others);
        visit(&mut found, block.len());
        found.clear();
        self.found = [found, others];
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.pending_len() == 0
    }

    fn pending_len(&self) -> usize {
        self.keys.len().max(self.questions.batch.len())
    }

    /// Answers the tokens of a window from the cache, and reads the others.
    fn score_tokens(&mut self, block: &[u8], tokens: &[Token], found: &mut Matches<L>) {
        self.new_tokens.clear();
        for token in tokens {
            let mut number = NOT_CACHED;
            if self.policy.next(block, token) == Use::Cache {
                let key = TokenKey::of(block, token.start, token.end);
                let bytes = block.get(token.start..token.end).unwrap_or(&[]);
                let outcome = self.cache.get(&key, bytes);
                self.policy.looked_up(block, token, outcome.is_some());
                if let Some(outcome) = outcome {
                    if !outcome.is_empty() {
                        self.add_cached(token, outcome, found);
                    }
                    continue;
                }
                number = self.pending.len() as u32;
                self.pending.push(*token);
            }
            self.new_tokens.push((*token, number));
        }
        if !self.new_tokens.is_empty() {
            self.read_new(block);
        }
    }

    #[inline(never)]
    fn add_cached(&mut self, token: &Token, outcome: std::ops::Range<usize>, found: &mut Matches<L>) {
        let pieces = self.cache.pieces();
        outcome.for_each(|nth| found.add_copy(token.start + pieces.offset(nth), token.line, pieces, nth));
    }

    /// Reads tokens for keys and questions. Not inlined, so that the loop over cached tokens stays short.
    #[inline(never)]
    fn read_new(&mut self, block: &[u8]) {
        self.others.clear();
        // Keys that lead nowhere leave nothing to report.
        if self.filter == MatchFilter::All {
            std::mem::swap(&mut self.new_tokens, &mut self.others);
        } else {
            read_tokens(block, &self.new_tokens, &mut self.keys, &mut self.others);
        }
        for (token, number) in &self.others {
            self.questions.extract(block, token, *number);
        }
    }

    /// Looks up all keys and questions, adds the matches, and caches the outcomes of the pending tokens.
    fn resolve(&mut self, block: &[u8], found: &mut Matches<L>) {
        if self.is_idle() {
            return;
        }
        let Scorer { resolver, keys, questions, cache, pending, .. } = self;
        resolver.keys(block, keys, found);
        resolver.urls(block, questions);
        resolver.questions(questions, found);
        resolver.cache(block, pending, found, cache);
        pending.clear();
        keys.clear();
        questions.clear();
    }
}

impl Questions {
    /// Adds the questions of a token.
    fn extract(&mut self, block: &[u8], token: &Token, number: u32) {
        self.offsets.clear();
        extract_token(block, token.start, token.end, &mut self.batch.questions, &mut self.offsets);
        let place = |at: &usize| Place { at: *at, line: token.line, token: number, ..Place::default() };
        self.places.extend(self.offsets.iter().map(place));
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.places.clear();
    }
}

impl<L: From<Listing>> Resolver<'_, L> {
    /// Looks keys up, and adds the matches of addresses and names. URLs that may be listed are kept.
    fn keys(&mut self, block: &[u8], keys: &mut Keys, found: &mut Matches<L>) {
        let (index, mut urls) = (self.searcher.index(), std::mem::take(&mut self.urls));
        urls.clear();
        keys.find_urls(index, |place| urls.push(place));
        keys.find(index, |place, hits| {
            if place.is_host {
                urls.push(Place { is_host: false, ..place });
            } else {
                self.key(block, place, hits, found);
            }
        });
        urls.sort_unstable();
        urls.dedup();
        self.urls = urls;
    }

    /// Adds the match of an address or a name, if it is one.
    fn key(&mut self, block: &[u8], place: Place, hits: &[Hit], found: &mut Matches<L>) {
        let is_address = matches!(hits, [Hit { kind: HitKind::Address(_), .. }, ..]);
        let (kinds, word) = if is_address { (Kinds::IPV4, "ipv4") } else { (Kinds::NAME, "domain") };
        let status = self.searcher.status_of_hits(kinds, hits);
        if !self.is_reported(status, hits.len()) {
            return;
        }
        let listed = self.listed(status, kinds, hits);
        let text = block.get(place.range()).unwrap_or(&[]);
        self.add(place, text, word, listed, found);
        if !is_address {
            found.lower_last();
        }
    }

    fn add(
        &mut self,
        place: Place,
        text: &[u8],
        word: &'static str,
        listed: Listed<L>,
        found: &mut Matches<L>,
    ) {
        if place.token != NOT_CACHED {
            self.of_tokens.push((place.token, found.len()));
        }
        found.add(place.at, place.line, text, word, listed);
    }

    fn listed(&mut self, status: Status, kinds: Kinds, hits: &[Hit]) -> Listed<L> {
        match self.detail {
            Detail::Status => self.listings.of_status(status),
            detail => self.listings.of_hits(self.searcher, kinds, hits, detail == Detail::Times),
        }
    }

    /// Makes questions of the URLs that may be listed.
    fn urls(&mut self, block: &[u8], questions: &mut Questions) {
        for place in &self.urls {
            let url = block.get(place.range()).unwrap_or(&[]);
            if questions.batch.questions.push(url).is_ok() {
                questions.places.push(*place);
            }
        }
    }

    /// Looks questions up, and adds the matches.
    fn questions(&mut self, questions: &mut Questions, found: &mut Matches<L>) {
        let Questions { batch, places, .. } = questions;
        self.searcher.statuses(batch);
        let mut rest = batch.hits.as_slice();
        for ((at, status), place) in (0..).zip(&batch.statuses).zip(places.as_slice()) {
            let count = rest.iter().take_while(|hit| hit.question == at).count();
            let (hits, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            if !self.is_reported(*status, hits.len()) {
                continue;
            }
            if let Some(question) = batch.questions.get(at as usize) {
                let listed = self.listed(*status, question.item.kinds(), hits);
                let word = question.type_word();
                question.with_text(|text| self.add(*place, text, word, listed, found));
            }
        }
    }

    /// Whether the filter admits a question with this status and so many hits.
    fn is_reported(&self, status: Status, hits: usize) -> bool {
        match self.filter {
            MatchFilter::All => true,
            MatchFilter::InSnapshot => hits > 0,
            MatchFilter::Listed => matches!(status, Status::Blocked | Status::Allowed),
        }
    }

    /// Caches the outcomes of tokens.
    fn cache(&mut self, block: &[u8], pending: &[Token], found: &Matches<L>, cache: &mut TokenCache<L>) {
        // Sorted by token, and within one by the order of its matches.
        self.of_tokens.sort_unstable();
        let mut rest = self.of_tokens.as_slice();
        for (number, token) in (0..).zip(pending) {
            let count = rest.iter().take_while(|(of, _)| *of == number).count();
            let (own, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            let key = TokenKey::of(block, token.start, token.end);
            let bytes = block.get(token.start..token.end).unwrap_or(&[]);
            cache.put(&key, bytes, token.start, (found, own));
        }
        self.of_tokens.clear();
    }
}
