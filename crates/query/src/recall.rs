//! What a token gave the last time it was met.
//!
//! A log says the same few thousand things over and over: the same clients, hosts, pages and browsers. What a token
//! gives depends on its bytes alone while the instant of the judgement stays the same, so a token that was met lately is
//! not looked into again. Tokens are told apart by their bytes, not by their hashes: a memory that errs would be worse
//! than none. It is bounded, and when it is full it begins anew.

use crate::score::Known;
use std::rc::Rc;

/// Longer tokens are not remembered.
const TOKEN_MAX: usize = 512;
/// How much of the memory is for the bytes of tokens, for each slot.
const BYTES_PER_SLOT: usize = 28;
/// How many tokens that gave something are remembered.
const OUTCOMES_MAX: usize = 8192;

/// Something that a token gave: where it stands in the token, and what is known of it.
pub(crate) type Piece = (u32, Rc<Known>);

/// The hash of a token, by which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Print(u64);

#[derive(Clone, Copy, Default)]
struct Slot {
    hash: u32,
    at: u32,
    /// 0 where there is no token.
    length: u16,
    outcome: u16,
}

/// The memory of one thread.
pub(crate) struct Recall {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
    /// What tokens gave; the first is nothing.
    outcomes: Vec<Vec<Piece>>,
}

impl Recall {
    /// A memory of about so many bytes.
    pub(crate) fn new(memory: usize) -> Recall {
        let slots = (memory / (BYTES_PER_SLOT + size_of::<Slot>())).max(64).next_power_of_two() / 2;
        Recall { slots: vec![Slot::default(); slots], bytes: Vec::new(), outcomes: vec![Vec::new()] }
    }

    /// How a token is looked for; `None` if it is too long to be remembered.
    #[inline]
    pub(crate) fn print(token: &[u8]) -> Option<Print> {
        (token.len() <= TOKEN_MAX).then(|| Print(hash(token)))
    }

    /// What the token gave, if it was met lately.
    #[inline]
    pub(crate) fn get(&self, print: Print, token: &[u8]) -> Option<&[Piece]> {
        let slot = self.slots.get(self.place(print))?;
        if slot.hash != print.0 as u32 || usize::from(slot.length) != token.len() {
            return None;
        }
        let known = self.bytes.get(slot.at as usize..)?.get(..token.len())?;
        if known != token {
            return None;
        }
        self.outcomes.get(usize::from(slot.outcome)).map(Vec::as_slice)
    }

    /// Remembers what a token gave.
    pub(crate) fn put(&mut self, print: Print, token: &[u8], pieces: Vec<Piece>) {
        if self.bytes.len() + token.len() > self.slots.len() * BYTES_PER_SLOT
            || self.outcomes.len() >= OUTCOMES_MAX
        {
            self.slots.fill(Slot::default());
            self.bytes.clear();
            self.outcomes.truncate(1);
        }
        let outcome = if pieces.is_empty() { 0 } else { self.outcomes.len() };
        if outcome > 0 {
            self.outcomes.push(pieces);
        }
        let (at, length) = (self.bytes.len() as u32, token.len() as u16);
        self.bytes.extend_from_slice(token);
        let place = self.place(print);
        if let Some(slot) = self.slots.get_mut(place) {
            *slot = Slot { hash: print.0 as u32, at, length, outcome: outcome as u16 };
        }
    }

    #[inline]
    fn place(&self, print: Print) -> usize {
        (print.0 >> 32) as usize & (self.slots.len() - 1)
    }
}

/// Sixteen bytes at a time, folded by multiplication (Wang Yi, wyhash).
#[inline]
fn hash(token: &[u8]) -> u64 {
    const SALTS: [u64; 2] = [0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB];
    let word = |bytes: &[u8]| bytes.first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let fold = |a: u64, b: u64| {
        let product = u128::from(a ^ SALTS[0]) * u128::from(b ^ SALTS[1]);
        product as u64 ^ (product >> 64) as u64
    };
    let mut sum = token.len() as u64;
    let (pairs, rest) = token.as_chunks::<16>();
    for pair in pairs {
        let (low, high) = pair.split_at(8);
        sum = fold(sum ^ word(low), word(high));
    }
    match (rest.len(), token.last_chunk::<16>()) {
        (0, _) => sum,
        (_, Some(last)) => {
            let (low, high) = last.split_at(8);
            fold(sum ^ word(low), word(high))
        }
        _ => {
            let mut padded = [0; 16];
            padded.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            let (low, high) = padded.split_at(8);
            fold(sum ^ word(low), word(high))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_bytes_are_recalled() {
        let mut recall = Recall::new(4096);
        let tokens: Vec<Vec<u8>> =
            (0..2000u32).map(|n| format!("token-{}-{n}", "x".repeat(n as usize % 60)).into_bytes()).collect();
        let mut recalled = 0;
        for token in tokens.iter().chain(&tokens) {
            let print = Recall::print(token).expect("it is short");
            recalled += usize::from(recall.get(print, token).is_some());
            recall.put(print, token, Vec::new());
            assert!(recall.get(print, token).is_some_and(<[Piece]>::is_empty), "just met");
            let other = [token.as_slice(), b"!"].concat();
            assert!(recall.get(print, &other[1..]).is_none(), "the same hash is not enough");
        }
        assert!(recalled < 200, "{recalled}: a small memory forgets");
        assert!(Recall::print(&[b'x'; 600]).is_none());
    }
}
