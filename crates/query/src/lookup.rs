//! Finding: from many questions to the entries that speak of them.
//!
//! The batch is the primary form and the single look-up its wrapper, because everything cold about a look-up
//! (a directory line, a transducer's states) overlaps with its neighbours only in a batch.

use crate::question::{HostRef, Question, Questions};
use rapsheet_snapshot::{Address, Entry, Index};

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
    let mut names: Waiting<&[u8]> = Waiting::new();
    let mut v4: Waiting<u32> = Waiting::new();
    let mut v6: Waiting<u128> = Waiting::new();
    for (at, question) in (0u32..).zip(questions.list()) {
        match question {
            Question::Name(name) if names.push(questions.bytes(&name.reversed), at) => {
                names.find(index, hits);
            }
            Question::Address(Address::V4(number)) if v4.push(*number, at) => v4.find(index, hits),
            Question::Address(Address::V6(number)) if v6.push(*number, at) => v6.find(index, hits),
            Question::Name(_) | Question::Address(_) => {}
            question => find(index, questions, question, at, hits),
        }
    }
    names.find(index, hits);
    v4.find(index, hits);
    v6.find(index, hits);
    hits.sort_unstable_by_key(|hit| hit.question);
}

/// How many questions of one kind are looked up together: what one waits for overlaps with the others'.
const LANES: usize = 256;

/// Questions of one kind that wait to be looked up together.
struct Waiting<K> {
    keys: [K; LANES],
    questions: [u32; LANES],
    count: usize,
}

impl<K: Copy + Default> Waiting<K> {
    fn new() -> Waiting<K> {
        Waiting { keys: [K::default(); LANES], questions: [0; LANES], count: 0 }
    }

    /// Takes a question, and says whether that is enough to look them up.
    #[inline]
    fn push(&mut self, key: K, question: u32) -> bool {
        if let (Some(lane), Some(at)) = (self.keys.get_mut(self.count), self.questions.get_mut(self.count)) {
            (*lane, *at) = (key, question);
            self.count += 1;
        }
        self.count == LANES
    }

    /// What waits, each with its question.
    fn take(&mut self) -> (&[K], &[u32]) {
        let count = std::mem::take(&mut self.count);
        (self.keys.get(..count).unwrap_or(&[]), &self.questions)
    }
}

impl Waiting<&[u8]> {
    fn find(&mut self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        let (names, questions) = self.take();
        index.lookup_names_batch(names, |at, width, entry| {
            let length = names.get(at as usize).map_or(0, |name| name.len());
            let matched = Matched::Name { width: width as u16, below: width < length };
            push_hit(questions, at as usize, entry, matched, hits);
        });
    }
}

impl Waiting<u32> {
    fn find(&mut self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        let (addresses, questions) = self.take();
        index.lookup_ipv4_batch(addresses, |at, entry| {
            let address = addresses.get(at).copied().unwrap_or(0);
            push_hit(questions, at, entry, Matched::Address(Address::V4(address)), hits);
        });
    }
}

impl Waiting<u128> {
    fn find(&mut self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        let (addresses, questions) = self.take();
        index.lookup_ipv6_batch(addresses, |at, entry| {
            let address = addresses.get(at).copied().unwrap_or(0);
            push_hit(questions, at, entry, Matched::Address(Address::V6(address)), hits);
        });
    }
}

#[inline]
fn push_hit(questions: &[u32], at: usize, entry: Entry, matched: Matched, hits: &mut Vec<Hit>) {
    let question = questions.get(at).copied().unwrap_or(0);
    hits.push(Hit { question, entry, matched });
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
