//! Scoring a block of log lines: what is listed in it, where, and what is known of it.
//!
//! A block is cut into tokens, those that were met lately are recalled, and the others are looked into and asked in
//! batches; only what is to be reported is answered in full. Lines are independent of each other, so blocks may be scored
//! in any order and on any thread; each thread has a scorer of its own, whose memory goes from block to block and
//! changes nothing but the time that they take. [`crate::extract`], byte by byte and without memory, is what all of it is
//! compared with.

use crate::answer::Judge;
use crate::extract::extract_token;
use crate::known::Known;
use crate::lookup::Hit;
use crate::marks::{Token, Tokens};
use crate::question::Questions;
use crate::recall::{Piece, Recall};
use rapsheet_snapshot::Status;
use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;

/// How many questions are asked at once.
const ASKED: usize = 512;
/// After how many windows those are asked that wait, though they are few: until then, whatever they stand for is looked
/// into wherever it stands again.
const WINDOWS_MAX: usize = 8;

/// How much is found before those who asked are told.
const TOLD: usize = 1024;

/// What a scorer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// What is listed at the instant of the judge.
    Listed,
    /// What is in the snapshot at all, whether or not it is live at that instant.
    Known,
    /// Every indicator.
    All,
}

/// Scores blocks for one thread.
pub struct Scorer<'j> {
    judge: &'j Judge<'j>,
    report: Report,
    recall: Recall,
    tokens: Vec<Token>,
    waiting: Vec<Waiting>,
    questions: Questions,
    offsets: Vec<usize>,
    hits: Vec<Hit>,
    statuses: Vec<Status>,
    told: Told,
}

/// A token that was looked into, and the questions that it gave.
struct Waiting {
    token: Token,
    questions: Range<usize>,
}

/// An indicator that was found in a block.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Its byte offset in the block.
    pub at: usize,
    /// How many lines end before it in the block.
    pub line: usize,
    /// What is known of it.
    pub known: Rc<Known>,
}

impl<'j> Scorer<'j> {
    /// A scorer that judges as `judge` does. It remembers what it met lately in about `memory` bytes.
    pub fn new(judge: &'j Judge<'j>, report: Report, memory: usize) -> Scorer<'j> {
        Scorer {
            judge,
            report,
            recall: Recall::new(memory),
            tokens: Vec::new(),
            waiting: Vec::new(),
            questions: Questions::new(),
            offsets: Vec::new(),
            hits: Vec::new(),
            statuses: Vec::new(),
            told: Told::default(),
        }
    }

    /// Finds the indicators of a block of lines that are to be reported, in the order of their offsets. The same
    /// indicator twice on a line is reported once, where it first stands.
    pub fn score(&mut self, block: &[u8]) -> Vec<Scored> {
        let mut all = Vec::new();
        self.score_in_parts(block, |mut found, _| all.append(&mut found));
        all
    }

    /// As [`Scorer::score`], some thousand at a time, so that what is known of all of them need not be held at once: `tell`
    /// is called with what was found since the last time, and with the offset up to which that is all. It is a line end
    /// where one is near, and at last the end of the block.
    pub fn score_in_parts(&mut self, block: &[u8], mut tell: impl FnMut(Vec<Scored>, usize)) {
        let mut found = Vec::new();
        let (mut windows, mut list) = (Tokens::new(block), std::mem::take(&mut self.tokens));
        let (mut waited, mut searched) = (0, 0);
        while let Some(tokens) = windows.next_window(&mut list) {
            self.window(block, tokens, &mut found);
            waited = if self.waiting.is_empty() { 0 } else { waited + 1 };
            let is_much = found.len() >= TOLD;
            if waited >= WINDOWS_MAX || self.questions.list().len() >= ASKED || is_much {
                self.ask(block, &mut found);
                waited = 0;
            }
            if is_much {
                let read = windows.read();
                let line_end = memchr::memrchr(b'\n', block.get(searched..read).unwrap_or(&[]));
                let end = line_end.map_or(read, |at| searched + at + 1);
                let others = self.told.pass(&mut found, end, line_end.is_none());
                tell(std::mem::replace(&mut found, others), end);
                searched = read;
            }
        }
        self.ask(block, &mut found);
        self.tokens = list;
        self.told.pass(&mut found, usize::MAX, false);
        tell(found, block.len());
    }

    /// Recalls the tokens of a window, or looks into them.
    fn window(&mut self, block: &[u8], tokens: &[Token], found: &mut Vec<Scored>) {
        for token in tokens {
            let print = Recall::print(block, token.start, token.end);
            let bytes = block.get(token.start..token.end).unwrap_or(&[]);
            match self.recall.get(&print, bytes) {
                Some([]) => {}
                Some(pieces) => found.extend(pieces.iter().map(|piece| scored(token, piece))),
                None => self.look_into(block, token),
            }
        }
    }

    /// Apart, so that what most tokens go through stays short.
    #[inline(never)]
    fn look_into(&mut self, block: &[u8], token: &Token) {
        let before = self.questions.list().len();
        extract_token(block, token.start, token.end, &mut self.questions, &mut self.offsets);
        self.waiting.push(Waiting { token: *token, questions: before..self.questions.list().len() });
    }

    /// Asks what the waiting tokens gave, and remembers it.
    fn ask(&mut self, block: &[u8], found: &mut Vec<Scored>) {
        self.judge.statuses(&self.questions, &mut self.hits, &mut self.statuses);
        let mut waiting = std::mem::take(&mut self.waiting);
        for Waiting { token, questions } in waiting.drain(..) {
            let pieces: Vec<Piece> = questions
                .filter(|at| self.is_wanted(*at))
                .filter_map(|at| {
                    let answer = self.judge.answer(&self.questions, self.questions.list().get(at)?);
                    let offset = self.offsets.get(at)? - token.start;
                    Some((offset as u32, Rc::new(Known::new(answer))))
                })
                .collect();
            found.extend(pieces.iter().map(|piece| scored(&token, piece)));
            let print = Recall::print(block, token.start, token.end);
            self.recall.put(&print, block.get(token.start..token.end).unwrap_or(&[]), pieces);
        }
        self.waiting = waiting;
        self.questions.clear();
        self.offsets.clear();
    }

    /// Whether a question is to be reported.
    fn is_wanted(&self, at: usize) -> bool {
        match self.report {
            Report::All => true,
            Report::Known => self.hits.binary_search_by_key(&at, |hit| hit.question as usize).is_ok(),
            Report::Listed => self
                .statuses
                .get(at)
                .is_some_and(|status| matches!(status, Status::Blocked | Status::Allowed)),
        }
    }
}

/// What a token gave, at its place.
#[inline]
fn scored(token: &Token, (at, known): &Piece) -> Scored {
    Scored { at: token.start + *at as usize, line: token.line, known: known.clone() }
}

/// What was told already of the line that is being read, where that was too much to be told at its end. Indicators are
/// told apart by hashes of 128 bits.
#[derive(Default)]
struct Told(HashSet<(u64, u64)>);

/// Beyond so many, the memory is given back.
const TOLD_KEPT: usize = 1 << 12;

impl Told {
    /// Puts what was found before `end` in order, each once a line, and returns the rest, which is not looked at yet. A
    /// line that `goes_on` behind `end` is the only one that there is.
    fn pass(&mut self, found: &mut Vec<Scored>, end: usize, goes_on: bool) -> Vec<Scored> {
        if !found.is_sorted_by_key(|scored| scored.at) {
            found.sort_by_key(|scored| scored.at);
        }
        let rest = found.split_off(found.partition_point(|scored| scored.at < end));
        once_a_line(found);
        if !self.0.is_empty() {
            let first = found.first().map(|scored| scored.line);
            found.retain(|scored| Some(scored.line) != first || !self.0.contains(&scored.known.hashes()));
        }
        if goes_on {
            self.0.extend(found.iter().map(|scored| scored.known.hashes()));
        } else if self.0.capacity() > TOLD_KEPT {
            self.0 = HashSet::new();
        } else {
            self.0.clear();
        }
        rest
    }
}

/// How many indicators of a line are compared one with another; those of a longer line are told apart by hash.
const COMPARED: usize = 16;

/// Drops what was already found on the same line.
fn once_a_line(found: &mut Vec<Scored>) {
    let mut kept = 0;
    let mut start = 0;
    while let Some(line) = found.get(start).map(|scored| scored.line) {
        let rest = found.get(start..).unwrap_or(&[]);
        let end = start + rest.iter().take_while(|scored| scored.line == line).count();
        let (first, mut seen) = (kept, HashSet::<Box<str>>::new());
        for at in start..end {
            let Some(scored) = found.get(at) else { break };
            let is_new = match found.get(first..kept) {
                Some(others) if end - start <= COMPARED => {
                    others.iter().all(|other| !other.known.is_of_same(&scored.known))
                }
                _ => seen.insert(scored.known.indicator.clone()),
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
