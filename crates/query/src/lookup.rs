//! Finding: from many questions to the entries that speak of them.
//!
//! The batch is the primary form and the single look-up its wrapper, because everything cold about a look-up
//! (a directory line, a transducer's states) overlaps with its neighbours only in a batch.

use crate::question::{HostRef, Question, Questions};
use snapshot::{Address, Entry, Index};

/// One entry that speaks of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The position of the question.
    pub question: u32,
    /// The entry.
    pub entry: Entry,
    /// What was matched of the question.
    pub matched: Matched,
}

/// What an entry matched of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// This address lies in the entry's run.
    Address(Address),
    /// So many of the name's last bytes are the entry's name; `below` if the question's name is longer.
    Name {
        /// The length of the entry's name.
        width: u16,
        /// Whether the name that was asked lies below the entry's.
        below: bool,
    },
    /// The whole URL, with its scheme or without.
    Url {
        /// Whether the list named it without a scheme.
        schemeless: bool,
    },
}

/// Finds every entry for every question, in the order of the questions; the hits of one question stand in no order.
/// Questions of ranges are not answered here, because what overlaps them is a walk and not a look-up; see
/// [`crate::Judge::answer`].
pub fn find_many(index: &Index<'_>, questions: &Questions, hits: &mut Vec<Hit>) {
    let mut names = Names { reversed: [&[]; NAMES], questions: [0; NAMES], count: 0 };
    for (at, question) in (0u32..).zip(questions.list()) {
        match question {
            Question::Name(name) => {
                names.push(questions.bytes(&name.reversed), at);
                names.flush_if(NAMES, index, hits);
            }
            question => find(index, questions, question, at, hits),
        }
    }
    names.flush_if(1, index, hits);
    hits.sort_unstable_by_key(|hit| hit.question);
}

/// How many names are looked up together: what one waits for overlaps with the others'.
const NAMES: usize = 32;

/// Names that wait to be looked up together.
struct Names<'q> {
    reversed: [&'q [u8]; NAMES],
    questions: [u32; NAMES],
    count: usize,
}

impl<'q> Names<'q> {
    fn push(&mut self, reversed: &'q [u8], question: u32) {
        if let (Some(name), Some(at)) =
            (self.reversed.get_mut(self.count), self.questions.get_mut(self.count))
        {
            (*name, *at) = (reversed, question);
            self.count += 1;
        }
    }

    /// Looks up what waits, if so many do.
    fn flush_if(&mut self, enough: usize, index: &Index<'_>, hits: &mut Vec<Hit>) {
        if self.count < enough {
            return;
        }
        let names = self.reversed.get(..self.count).unwrap_or(&[]);
        let questions = &self.questions;
        index.each_covering_name_of(names, |at, width, entry| {
            let length = names.get(at as usize).map_or(0, |name| name.len());
            let matched = Matched::Name { width: width as u16, below: width < length };
            let question = questions.get(at as usize).copied().unwrap_or(0);
            hits.push(Hit { question, entry, matched });
        });
        self.count = 0;
    }
}

/// Finds every entry for one question.
#[inline]
pub fn find(index: &Index<'_>, questions: &Questions, question: &Question, at: u32, hits: &mut Vec<Hit>) {
    match question {
        Question::Address(address) => find_address(index, *address, at, hits),
        Question::Range(_) => {}
        Question::Name(name) => find_name(index, questions.bytes(&name.reversed), at, hits),
        Question::Url { text, schemeless, host } => {
            find_url(index, questions.bytes(text), false, at, hits);
            if text != schemeless {
                find_url(index, questions.bytes(schemeless), true, at, hits);
            }
            match host {
                HostRef::Address(address) => find_address(index, *address, at, hits),
                HostRef::Name(name) => find_name(index, questions.bytes(&name.reversed), at, hits),
            }
        }
    }
}

#[inline]
fn find_address(index: &Index<'_>, address: Address, question: u32, hits: &mut Vec<Hit>) {
    if let Some(entry) = index.address(address) {
        hits.push(Hit { question, entry, matched: Matched::Address(address) });
    }
}

#[inline]
fn find_name(index: &Index<'_>, reversed: &[u8], question: u32, hits: &mut Vec<Hit>) {
    index.each_covering_name(reversed, |width, entry| {
        let matched = Matched::Name { width: width as u16, below: width < reversed.len() };
        hits.push(Hit { question, entry, matched });
    });
}

#[inline]
fn find_url(index: &Index<'_>, url: &[u8], schemeless: bool, question: u32, hits: &mut Vec<Hit>) {
    if let Some(entry) = index.url(url) {
        hits.push(Hit { question, entry, matched: Matched::Url { schemeless } });
    }
}
