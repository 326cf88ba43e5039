//! Scoring a block of log lines: what is listed in it, where, and what is known of it.
//!
//! A block is extracted, asked as one batch, and only what is to be reported is answered in full. Lines are
//! independent of each other, so blocks may be scored in any order and on any thread; each thread has a scorer
//! of its own, whose buffers are kept from block to block.

use crate::answer::{Answer, Judge};
use crate::extract::extract;
use crate::lookup::Hit;
use crate::question::Questions;
use snapshot::Status;

/// Scores blocks for one thread.
pub struct Scorer<'j> {
    judge: &'j Judge<'j>,
    questions: Questions,
    offsets: Vec<usize>,
    hits: Vec<Hit>,
    statuses: Vec<Status>,
}

/// An indicator that was found in a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// Its byte offset in the block.
    pub at: usize,
    /// What is known of it.
    pub answer: Answer,
}

impl<'j> Scorer<'j> {
    /// A scorer that judges as `judge` does.
    pub fn new(judge: &'j Judge<'j>) -> Scorer<'j> {
        let (questions, offsets) = (Questions::new(), Vec::new());
        Scorer { judge, questions, offsets, hits: Vec::new(), statuses: Vec::new() }
    }

    /// Finds the listed indicators of a block of lines, or with `all` every one, in the order of their offsets.
    /// The same indicator twice on a line is reported once, where it first stands.
    pub fn score(&mut self, block: &[u8], all: bool) -> Vec<Scored> {
        self.questions.clear();
        self.offsets.clear();
        extract(block, &mut self.questions, &mut self.offsets);
        self.judge.statuses(&self.questions, &mut self.hits, &mut self.statuses);
        let wanted = |status: Status| all || matches!(status, Status::Blocked | Status::Allowed);
        let asked = self.offsets.iter().zip(&self.statuses).zip(self.questions.list());
        let mut found: Vec<Scored> = asked
            .filter(|((_, status), _)| wanted(**status))
            .map(|((at, _), question)| Scored {
                at: *at,
                answer: self.judge.answer(&self.questions, question),
            })
            .collect();
        found.sort_by_key(|scored| scored.at);
        once_a_line(block, &mut found);
        found
    }
}

/// Drops what was already found on the same line.
fn once_a_line(block: &[u8], found: &mut Vec<Scored>) {
    let (mut line_end, mut seen) = (0, Vec::new());
    found.retain(|scored| {
        if scored.at >= line_end {
            let rest = block.get(scored.at..).unwrap_or(&[]);
            line_end = scored.at + memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            seen.clear();
        }
        let new = !seen.contains(&scored.answer.indicator);
        if new {
            seen.push(scored.answer.indicator.clone());
        }
        new
    });
}
