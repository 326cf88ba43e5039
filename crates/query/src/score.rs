//! Scoring a block of log lines: what is listed in it, where, and what is known of it.
//!
//! A block is cut into tokens, those that were met lately are recalled, and the others are looked into and asked in
//! batches; only what is to be reported is answered in full. Lines are independent of each other, so blocks may be scored
//! in any order and on any thread; each thread has a scorer of its own, whose memory goes from block to block and
//! changes nothing but the time that they take. [`crate::extract`], byte by byte and without memory, is what all of it is
//! compared with.

use crate::answer::{Answer, Judge};
use crate::extract::extract_token;
use crate::lookup::Hit;
use crate::marks::Marks;
use crate::question::Questions;
use crate::recall::{Print, Recall};
use snapshot::Status;
use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

/// How many questions are asked at once.
const ASKED: usize = 512;

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
    marks: Marks,
    recall: Recall,
    waiting: Vec<Waiting>,
    questions: Questions,
    offsets: Vec<usize>,
    hits: Vec<Hit>,
    statuses: Vec<Status>,
}

/// A token that was looked into, and the questions that it gave.
struct Waiting {
    token: Range<usize>,
    questions: Range<usize>,
    print: Option<Print>,
}

/// What is known of an indicator.
#[derive(Debug)]
pub struct Known {
    /// The answer.
    pub answer: Answer,
    /// What an output made of the answer, for the next time.
    pub text: OnceCell<Vec<u8>>,
}

/// An indicator that was found in a block.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Its byte offset in the block.
    pub at: usize,
    /// What is known of it.
    pub known: Rc<Known>,
}

impl<'j> Scorer<'j> {
    /// A scorer that judges as `judge` does. It remembers what it met lately in about `memory` bytes.
    pub fn new(judge: &'j Judge<'j>, report: Report, memory: usize) -> Scorer<'j> {
        Scorer {
            judge,
            report,
            marks: Marks::default(),
            recall: Recall::new(memory),
            waiting: Vec::new(),
            questions: Questions::new(),
            offsets: Vec::new(),
            hits: Vec::new(),
            statuses: Vec::new(),
        }
    }

    /// Finds the indicators of a block of lines that are to be reported, in the order of their offsets. The same
    /// indicator twice on a line is reported once, where it first stands.
    pub fn score(&mut self, block: &[u8]) -> Vec<Scored> {
        let mut found = Vec::new();
        let mut marks = std::mem::take(&mut self.marks);
        marks.mark(block);
        for (start, end) in marks.tokens(block) {
            self.token(block, start..end, &mut found);
            if self.questions.list().len() >= ASKED {
                self.ask(block, &mut found);
            }
        }
        self.ask(block, &mut found);
        self.marks = marks;
        found.sort_by_key(|scored| scored.at);
        once_a_line(block, &mut found);
        found
    }

    /// Recalls a token, or looks into it.
    #[inline]
    fn token(&mut self, block: &[u8], token: Range<usize>, found: &mut Vec<Scored>) {
        let bytes = block.get(token.clone()).unwrap_or(&[]);
        let print = Recall::print(bytes);
        if let Some(pieces) = print.and_then(|print| self.recall.get(print, bytes)) {
            let scored = |(at, known): &(u32, Rc<Known>)| Scored {
                at: token.start + *at as usize,
                known: known.clone(),
            };
            return found.extend(pieces.iter().map(scored));
        }
        let before = self.questions.list().len();
        extract_token(block, token.start, token.end, &mut self.questions, &mut self.offsets);
        self.waiting.push(Waiting { token, questions: before..self.questions.list().len(), print });
    }

    /// Asks what the waiting tokens gave, and remembers it.
    fn ask(&mut self, block: &[u8], found: &mut Vec<Scored>) {
        self.judge.statuses(&self.questions, &mut self.hits, &mut self.statuses);
        for Waiting { token, questions, print } in std::mem::take(&mut self.waiting) {
            let pieces: Vec<(u32, Rc<Known>)> = questions
                .filter(|at| self.is_wanted(*at))
                .filter_map(|at| {
                    let answer = self.judge.answer(&self.questions, self.questions.list().get(at)?);
                    let offset = self.offsets.get(at)? - token.start;
                    Some((offset as u32, Rc::new(Known { answer, text: OnceCell::new() })))
                })
                .collect();
            let scored = |(at, known): &(u32, Rc<Known>)| Scored {
                at: token.start + *at as usize,
                known: known.clone(),
            };
            found.extend(pieces.iter().map(scored));
            if let Some(print) = print {
                self.recall.put(print, block.get(token).unwrap_or(&[]), pieces);
            }
        }
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

/// Drops what was already found on the same line.
fn once_a_line(block: &[u8], found: &mut Vec<Scored>) {
    let (mut line_end, mut seen) = (0, Vec::<Rc<Known>>::new());
    found.retain(|scored| {
        if scored.at >= line_end {
            let rest = block.get(scored.at..).unwrap_or(&[]);
            line_end = scored.at + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            seen.clear();
        }
        let is_same = |other: &Rc<Known>| {
            Rc::ptr_eq(other, &scored.known) || other.answer.indicator == scored.known.answer.indicator
        };
        let new = !seen.iter().any(is_same);
        if new {
            seen.push(scored.known.clone());
        }
        new
    });
}
