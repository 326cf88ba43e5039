//! What a token gave the last time it was met.
//!
//! A log says the same few thousand things over and over: the same clients, hosts, pages and browsers. What a token
//! gives depends on its bytes alone while the instant of the judgement stays the same, so a token that was met lately is
//! not looked into again. Tokens are told apart by their bytes, not by their hashes: a memory that errs would be worse
//! than none. A token of up to fifty-six bytes stands in its slot, one line of the cache, beside what it gave, and is
//! compared as seven words, the same for every length; so nothing waits for a guess of how long it is. Of a longer one the
//! slot has the hash, and where its bytes are. The memory is bounded, and when it is full it begins anew.

use crate::known::Known;
use rapsheet_snapshot::hash;
use std::rc::Rc;

/// How many bytes a token has that stands in its slot.
const SHORT: usize = 56;
/// In how many places a token is looked for. With two, a few hot ones drove each other out for ever.
const PLACES: usize = 4;
/// Longer tokens are not remembered.
const LONG: usize = 504;

/// Something that a token gave: where it stands in the token, and what is known of it.
pub(crate) type Piece = (u32, Rc<Known>);

/// A token, as it is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Print {
    /// The bytes of a short token, zeros behind them; of a longer one, its hash.
    words: Words,
    hash: u32,
    /// 0 where the token is too long to be remembered.
    length: u32,
}

type Words = [u64; SHORT / 8];

/// A token and what it gave.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    /// As those of a [`Print`]; of a longer token, the second one says where its bytes are.
    words: Words,
    /// 0 where there is no token.
    length: u32,
    outcome: u32,
}

/// The memory of one thread.
pub(crate) struct Recall {
    /// A token stands where its hash says, or, where a newer one does, in one of the three places around.
    slots: Vec<Slot>,
    /// The bytes of longer tokens.
    longs: Vec<u8>,
    /// What tokens gave; the first is nothing.
    outcomes: Vec<Vec<Piece>>,
}

const NO_SLOT: Slot = Slot { words: [0; SHORT / 8], length: 0, outcome: 0 };
/// The words of a token that is too long to be remembered: a slot without a token has others.
const NO_WORDS: Words = [u64::MAX; SHORT / 8];
/// How much of the memory is for the bytes of longer tokens, for each slot.
const LONG_BYTES: usize = 32;
/// For how many slots one outcome is kept, which takes more memory than they do.
const SLOTS_PER_OUTCOME: usize = 4;

impl Recall {
    /// A memory of about so many bytes, half of it for what was found.
    pub(crate) fn new(memory: usize) -> Recall {
        let slots = (memory / 2 / (size_of::<Slot>() + LONG_BYTES)).max(64).next_power_of_two();
        Recall { slots: vec![NO_SLOT; slots], longs: Vec::new(), outcomes: vec![Vec::new()] }
    }

    /// How the token of a text from `start` to `end` is looked for.
    #[inline(always)]
    pub(crate) fn print(text: &[u8], start: usize, end: usize) -> Print {
        let length = end - start;
        if length > SHORT {
            return Recall::print_long(text, start, end);
        }
        let words = short_words(text.get(start..).unwrap_or(&[]), length);
        Print { words, hash: hash_of_short(&words), length: length as u32 }
    }

    #[inline(never)]
    fn print_long(text: &[u8], start: usize, end: usize) -> Print {
        match text.get(start..end).filter(|token| token.len() <= LONG) {
            None => Print { words: NO_WORDS, hash: 0, length: 0 },
            Some(token) => {
                let hash = hash_of_long(token);
                let words = std::array::from_fn(|at| if at == 0 { hash } else { 0 });
                Print { words, hash: (hash >> 32) as u32, length: token.len() as u32 }
            }
        }
    }

    /// What the token gave, if it was met lately.
    #[inline(always)]
    pub(crate) fn get(&self, print: &Print, token: &[u8]) -> Option<&[Piece]> {
        if print.length as usize > SHORT {
            return self.get_long(print, token);
        }
        let is_it = |slot: &&Slot| is_same(&slot.words, &print.words) && slot.length == print.length;
        let slot = self.places(print).find(is_it)?;
        self.outcome(slot)
    }

    #[inline(never)]
    fn get_long(&self, print: &Print, token: &[u8]) -> Option<&[Piece]> {
        let is_it = |slot: &&Slot| {
            let ([hash, at, ..], [wanted, ..]) = (slot.words, print.words);
            let bytes = self.longs.get(at as usize..).and_then(|bytes| bytes.get(..token.len()));
            slot.length == print.length && hash == wanted && bytes == Some(token)
        };
        let slot = self.places(print).find(is_it)?;
        self.outcome(slot)
    }

    #[inline]
    fn places(&self, print: &Print) -> impl Iterator<Item = &Slot> {
        let first = self.place(print);
        (0..PLACES).filter_map(move |turn| self.slots.get(first ^ turn))
    }

    #[inline]
    fn outcome(&self, slot: &Slot) -> Option<&[Piece]> {
        if slot.outcome == 0 {
            return Some(&[]);
        }
        self.outcomes.get(slot.outcome as usize).map(Vec::as_slice)
    }

    /// Remembers what a token gave.
    pub(crate) fn put(&mut self, print: &Print, token: &[u8], pieces: Vec<Piece>) {
        // What stood twice among the tokens that waited is known by now.
        if print.length == 0 || self.get(print, token).is_some() {
            return;
        }
        if self.outcomes.len() > self.slots.len() / SLOTS_PER_OUTCOME
            || self.longs.len() + LONG > self.slots.len() * LONG_BYTES
        {
            self.slots.fill(NO_SLOT);
            self.longs.clear();
            self.outcomes.truncate(1);
        }
        let outcome = if pieces.is_empty() { 0 } else { self.outcomes.len() as u32 };
        if outcome > 0 {
            self.outcomes.push(pieces);
        }
        let mut slot = Slot { words: print.words, length: print.length, outcome };
        if let ([_, at, ..], true) = (&mut slot.words, token.len() > SHORT) {
            *at = self.longs.len() as u64;
            self.longs.extend_from_slice(token);
        }
        // The newest stands first, and drives the others one place further.
        let first = self.place(print);
        for turn in 0..PLACES {
            let Some(place) = self.slots.get_mut(first ^ turn) else { return };
            std::mem::swap(place, &mut slot);
            if slot.length == 0 {
                return;
            }
        }
    }

    #[inline]
    fn place(&self, print: &Print) -> usize {
        print.hash as usize & (self.slots.len() - 1)
    }
}

/// So many ones, then so many zeros: from which a mask of every length can be read.
const ONES_AND_ZEROS: [u8; 2 * SHORT] = {
    let mut bytes = [0; 2 * SHORT];
    let (ones, _) = bytes.split_at_mut(SHORT);
    let mut left = ones;
    while let [first, rest @ ..] = left {
        *first = 0xFF;
        left = rest;
    }
    bytes
};

/// The first `length` bytes of a text as words, zeros behind them.
#[inline]
fn short_words(text: &[u8], length: usize) -> Words {
    let mask = ONES_AND_ZEROS.get(SHORT - length..).and_then(<[u8]>::first_chunk::<SHORT>);
    let (Some(bytes), Some(mask)) = (text.first_chunk::<SHORT>(), mask) else {
        return words_at_the_end(text, length);
    };
    let (bytes, mask) = (words_of(bytes), words_of(mask));
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0) & mask.get(at).copied().unwrap_or(0))
}

/// The same where the text ends before the words do.
#[cold]
fn words_at_the_end(text: &[u8], length: usize) -> Words {
    let mut padded = [0; SHORT];
    padded.iter_mut().zip(text.iter().take(length)).for_each(|(place, byte)| *place = *byte);
    words_of(&padded)
}

#[inline]
fn words_of(bytes: &[u8; SHORT]) -> Words {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)))
}

/// Whether words are equal, without a call for each token and without asking where they differ.
#[inline]
fn is_same(one: &Words, other: &Words) -> bool {
    one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

const SALTS: [u64; 2] = [0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB];

/// Two words as one, by multiplication (Wang Yi, wyhash).
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    hash::fold(a ^ SALTS[0], b ^ SALTS[1])
}

/// Four products that do not wait for each other.
#[inline]
fn hash_of_short(&[a, b, c, d, e, f, g]: &Words) -> u32 {
    let sum =
        fold(a, b) ^ fold(c, d.rotate_left(7)) ^ fold(e, f.rotate_left(14)) ^ g.wrapping_mul(SALTS[0] | 1);
    (sum >> 32) as u32 ^ sum as u32
}

fn hash_of_long(token: &[u8]) -> u64 {
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    let (pairs, _) = token.as_chunks::<16>();
    pairs.iter().chain(token.last_chunk()).fold(token.len() as u64, |sum, pair| match pair.as_chunks() {
        ([low, high], _) => fold(sum ^ word(low), word(high)),
        _ => sum,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_bytes_are_recalled() {
        let mut recall = Recall::new(4096);
        let tokens: Vec<Vec<u8>> =
            (0..2000u32).map(|n| format!("token-{n}-{}", "x".repeat(n as usize % 90)).into_bytes()).collect();
        let print = |token: &[u8]| Recall::print(token, 0, token.len());
        let mut recalled = 0;
        for token in tokens.iter().chain(&tokens) {
            recalled += usize::from(recall.get(&print(token), token).is_some());
            recall.put(&print(token), token, Vec::new());
            assert!(recall.get(&print(token), token).is_some_and(<[Piece]>::is_empty), "just met");
            for other in
                [token[1..].to_vec(), [token.as_slice(), b"!"].concat(), [b"!", &token[1..]].concat()]
            {
                let like_it = Print { hash: print(token).hash, ..print(&other) };
                assert!(recall.get(&like_it, &other).is_none(), "the same hash is not enough");
            }
        }
        assert!(recalled < 200, "{recalled}: a small memory forgets");
        assert_eq!(Recall::print(&[b'x'; 600], 0, 600).length, 0);
    }

    #[test]
    fn what_stands_around_a_token_does_not_matter() {
        let text = b"a.example \xff\xffb.example.org\xff".repeat(9);
        for (start, end) in [(0, 9), (10, 25), (30, 86), (text.len() - 14, text.len())] {
            let alone = Recall::print(&text[start..end], 0, end - start);
            let inside = Recall::print(&text, start, end);
            assert_eq!((alone.words, alone.hash), (inside.words, inside.hash), "{start} {end}");
        }
    }
}
