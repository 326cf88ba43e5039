//! A cache of the indicators that were found in tokens, and of their verdicts.
//!
//! Logs repeat the same few thousand clients, hosts, pages and browsers. While the instant stays the same,
//! the outcome of a token depends on its bytes alone, so a token that is in the cache is not searched again.
//! Tokens are compared by their bytes and not by their hashes: a false hit would be a wrong answer.
//!
//! A token of up to 56 bytes is stored in its slot, one cache line, together with the position of its
//! outcome. It is compared as seven words, whatever its length, so no branch depends on the length. The slot
//! of a longer token holds the token's hash and the position of its bytes. The memory is bounded; when it is
//! full, the cache is emptied.

use crate::matches::Matches;
use rapsheet_snapshot::hash;
use std::ops::Range;

/// The longest token that is stored in its slot, in bytes: a cache line without the 8 bytes of length and
/// outcome.
const SHORT: usize = 56;
/// How many slots a token may be in. With two, a few hot tokens evicted each other again and again.
const WAYS: usize = 4;
/// The longest token that is cached, in bytes.
const LONG: usize = 504;

/// The key of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenKey {
    /// The bytes of a short token, zero-padded; of a longer one, its hash in the first word.
    words: Words,
    hash: u32,
    /// In bytes; 0 where the token is too long to be cached.
    length: u32,
}

type Words = [u64; SHORT / 8];

/// A cached token and its outcome.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Slot {
    /// Those of the [`TokenKey`]; of a longer token, the second word is the position of its bytes in
    /// [`TokenCache::longs`].
    words: Words,
    /// 0 where the slot is empty.
    length: u32,
    /// A position in [`TokenCache::outcomes`].
    outcome: u32,
}

/// The cache of one thread.
pub(crate) struct TokenCache<L> {
    /// A power of two of them. A token is in the slot that its hash selects, or in one of the [`WAYS`] - 1
    /// slots whose numbers differ from that in the lowest bits only.
    slots: Vec<Slot>,
    /// The bytes of longer tokens.
    longs: Vec<u8>,
    /// Where the indicators of each token are in `pieces`. The first outcome is empty and shared by all tokens
    /// without an indicator.
    outcomes: Vec<Range<usize>>,
    /// The indicators of tokens, each with its offset in the token.
    pieces: Matches<L>,
}

const EMPTY_SLOT: Slot = Slot { words: [0; SHORT / 8], length: 0, outcome: 0 };
/// The words of a token that is too long to be cached. They differ from those of an empty slot, whose
/// length is 0 as well, so that such a token never hits.
const NO_WORDS: Words = [u64::MAX; SHORT / 8];
/// The memory for the bytes of longer tokens, per slot.
const LONG_BYTES: usize = 32;
/// How many slots share the memory of one outcome that is not empty: most tokens have no indicator, and an
/// outcome takes more memory than a slot.
const SLOTS_PER_OUTCOME: usize = 4;

impl TokenKey {
    /// The key of the token of `text` from `start` to `end`.
    #[inline(always)]
    pub(crate) fn of(text: &[u8], start: usize, end: usize) -> TokenKey {
        let length = end - start;
        if length > SHORT {
            return TokenKey::of_long(text, start, end);
        }
        let words = short_words(text.get(start..).unwrap_or(&[]), length);
        TokenKey { words, hash: hash_of_short(&words), length: length as u32 }
    }

    #[inline(never)]
    fn of_long(text: &[u8], start: usize, end: usize) -> TokenKey {
        match text.get(start..end).filter(|token| token.len() <= LONG) {
            None => TokenKey { words: NO_WORDS, hash: 0, length: 0 },
            Some(token) => {
                let hash = hash_of_long(token);
                let words = std::array::from_fn(|at| if at == 0 { hash } else { 0 });
                TokenKey { words, hash: (hash >> 32) as u32, length: token.len() as u32 }
            }
        }
    }
}

impl<L> TokenCache<L> {
    /// A cache of about `memory` bytes, half of them for outcomes.
    pub(crate) fn new(memory: usize) -> TokenCache<L> {
        let slots = (memory / 2 / (size_of::<Slot>() + LONG_BYTES)).max(64).next_power_of_two();
        TokenCache {
            slots: vec![EMPTY_SLOT; slots],
            longs: Vec::new(),
            outcomes: std::iter::once(0..0).collect(),
            pieces: Matches::default(),
        }
    }

    /// The outcome of a token, if it is in the cache: the positions of its indicators in
    /// [`TokenCache::pieces`].
    #[inline(always)]
    pub(crate) fn get(&self, key: &TokenKey, token: &[u8]) -> Option<Range<usize>> {
        if key.length as usize > SHORT {
            return self.get_long(key, token);
        }
        let matches_key = |slot: &&Slot| is_same(&slot.words, &key.words) && slot.length == key.length;
        let slot = self.candidates(key).find(matches_key)?;
        self.outcome(slot)
    }

    #[inline(never)]
    fn get_long(&self, key: &TokenKey, token: &[u8]) -> Option<Range<usize>> {
        let matches_key = |slot: &&Slot| {
            let ([hash, at, ..], [key_hash, ..]) = (slot.words, key.words);
            let bytes = self.longs.get(at as usize..).and_then(|bytes| bytes.get(..token.len()));
            slot.length == key.length && hash == key_hash && bytes == Some(token)
        };
        let slot = self.candidates(key).find(matches_key)?;
        self.outcome(slot)
    }

    /// The slots in which the token may be.
    #[inline]
    fn candidates(&self, key: &TokenKey) -> impl Iterator<Item = &Slot> {
        let first = self.slot_of(key);
        (0..WAYS).filter_map(move |way| self.slots.get(first ^ way))
    }

    #[inline]
    fn outcome(&self, slot: &Slot) -> Option<Range<usize>> {
        if slot.outcome == 0 {
            return Some(0..0);
        }
        self.outcomes.get(slot.outcome as usize).cloned()
    }

    /// The indicators of all tokens, each with its offset in its token.
    #[inline]
    pub(crate) fn pieces(&self) -> &Matches<L> {
        &self.pieces
    }

    /// Caches the outcome of a token that begins at an offset of a block: some of the matches
    /// in the block, by their positions.
    pub(crate) fn put(
        &mut self,
        key: &TokenKey,
        token: &[u8],
        start: usize,
        found: (&Matches<L>, &[(u32, usize)]),
    ) {
        // A token that occurs twice in one batch of pending tokens was put by its first occurrence.
        if key.length == 0 || self.get(key, token).is_some() {
            return;
        }
        if self.outcomes.len().max(self.pieces.len()) > self.slots.len() / SLOTS_PER_OUTCOME
            || self.longs.len() + LONG > self.slots.len() * LONG_BYTES
        {
            self.slots.fill(EMPTY_SLOT);
            self.longs.clear();
            self.outcomes.truncate(1);
            self.pieces.clear();
        }
        let (found, own) = found;
        let outcome = if own.is_empty() { 0 } else { self.outcomes.len() as u32 };
        if outcome > 0 {
            let first = self.pieces.len();
            for (_, nth) in own {
                let offset = found.offset(*nth) - start;
                self.pieces.add_copy(offset, 0, found, *nth);
            }
            self.outcomes.push(first..self.pieces.len());
        }
        let mut slot = Slot { words: key.words, length: key.length, outcome };
        if let ([_, at, ..], true) = (&mut slot.words, token.len() > SHORT) {
            *at = self.longs.len() as u64;
            self.longs.extend_from_slice(token);
        }
        // The newest token takes the first slot, and each of the others moves one slot on; the last one is
        // evicted.
        let first = self.slot_of(key);
        for way in 0..WAYS {
            let Some(place) = self.slots.get_mut(first ^ way) else { return };
            std::mem::swap(place, &mut slot);
            if slot.length == 0 {
                return;
            }
        }
    }

    #[inline]
    fn slot_of(&self, key: &TokenKey) -> usize {
        key.hash as usize & (self.slots.len() - 1)
    }
}

/// [`SHORT`] bytes of ones, then as many zeros. The mask of a token of `n` bytes begins `n` bytes before the
/// zeros.
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

/// The first `length` bytes of a text as words, zero-padded. `length` is at most [`SHORT`].
#[inline]
fn short_words(text: &[u8], length: usize) -> Words {
    let mask = ONES_AND_ZEROS.get(SHORT - length..).and_then(<[u8]>::first_chunk::<SHORT>);
    let (Some(bytes), Some(mask)) = (text.first_chunk::<SHORT>(), mask) else {
        return words_at_text_end(text, length);
    };
    let (bytes, mask) = (words_of(bytes), words_of(mask));
    std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0) & mask.get(at).copied().unwrap_or(0))
}

/// The same, where the text has fewer than [`SHORT`] bytes left.
#[cold]
fn words_at_text_end(text: &[u8], length: usize) -> Words {
    let mut padded = [0; SHORT];
    padded.iter_mut().zip(text.iter().take(length)).for_each(|(place, byte)| *place = *byte);
    words_of(&padded)
}

#[inline]
fn words_of(bytes: &[u8; SHORT]) -> Words {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| words.get(at).map_or(0, |word| u64::from_le_bytes(*word)))
}

/// Whether words are equal, without a call of `memcmp` and without a branch per word.
#[inline]
fn is_same(one: &Words, other: &Words) -> bool {
    one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

/// Two of wyhash's constants, so that words of zeros do not make a factor zero.
const SALTS: [u64; 2] = [0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB];

/// Mixes two words into one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    hash::fold(a ^ SALTS[0], b ^ SALTS[1])
}

/// The four products are independent of each other, so the processor overlaps them. The rotations keep equal
/// pairs of words from cancelling out.
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
    fn a_hit_needs_equal_bytes() {
        let mut cache = TokenCache::<()>::new(4096);
        let tokens: Vec<Vec<u8>> =
            (0..2000u32).map(|n| format!("token-{n}-{}", "x".repeat(n as usize % 90)).into_bytes()).collect();
        let key = |token: &[u8]| TokenKey::of(token, 0, token.len());
        let mut hits = 0;
        for token in tokens.iter().chain(&tokens) {
            hits += usize::from(cache.get(&key(token), token).is_some());
            cache.put(&key(token), token, 0, (&Matches::default(), &[]));
            assert_eq!(cache.get(&key(token), token), Some(0..0), "it was just put");
            for other in
                [token[1..].to_vec(), [token.as_slice(), b"!"].concat(), [b"!", &token[1..]].concat()]
            {
                let same_hash = TokenKey { hash: key(token).hash, ..key(&other) };
                assert!(cache.get(&same_hash, &other).is_none(), "the same hash is not enough");
            }
        }
        assert!(hits < 200, "{hits}: a small cache evicts");
        assert_eq!(TokenKey::of(&[b'x'; 600], 0, 600).length, 0);
    }

    #[test]
    fn a_key_does_not_depend_on_the_surrounding_text() {
        let text = b"a.example \xff\xffb.example.org\xff".repeat(9);
        for (start, end) in [(0, 9), (10, 25), (30, 86), (text.len() - 14, text.len())] {
            let alone = TokenKey::of(&text[start..end], 0, end - start);
            let inside = TokenKey::of(&text, start, end);
            assert_eq!((alone.words, alone.hash), (inside.words, inside.hash), "{start} {end}");
        }
    }
}
