//! The suffixes of a name, from its last label on, and a hash of each.
//!
//! Names have their bytes reversed, so that a suffix of a name is a prefix of its bytes; it ends before a dot
//! or at the end of the name. Most look-ups are misses, and this file is most of what a miss costs: it finds
//! dots sixteen bytes at a time, and hashes a suffix with one multiplication for every sixteen bytes.
//!
//! The hash is a folded multiplication (Wang Yi's wyhash), xored with its factors so that a factor of zero
//! does not erase the other one. The last eight bytes of a suffix are read as one word, even if that reads
//! some bytes twice: this needs no mask. It begins from a seed that all names of the file give, so that the
//! writer of one list cannot prepare names with equal hashes. Where such names occur all the same, look-ups
//! of these names are slower, and of no others.

use super::simd;
use crate::hash::{self, fold_with_factors};
use crate::layout::{short_word, u64_at};

/// The bytes that are hashed together.
const BLOCK: usize = 16;
/// How many bytes a word has.
const WORD: usize = 8;
/// Constants of the file format: the initial state before the seed, and what is xored to the second word of a
/// block and multiplied with the length. No name contains such bytes.
const INITIAL: u64 = 0x9FB2_1C65_1E98_DF25;
pub(super) const SECOND: u64 = 0xD6E8_FEB8_6659_FD93;
const LENGTH: u64 = 0xC2B2_AE3D_27D4_EB4F;

/// The state from which all hashes of a file begin: it depends on every name in the file.
///
/// With a state that is public and the same in every file, a list could hold any number of names with one
/// hash, which the locator cannot tell apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuffixSeed(u64);

impl SuffixSeed {
    /// The seed of names, or of some of them: see [`SuffixSeed::plus`].
    pub fn of(names: &[&[u8]]) -> SuffixSeed {
        SuffixSeed(names.iter().fold(0, |sum, name| sum.wrapping_add(hash::bytes(SEED_OF_NAMES, name))))
    }

    /// The seed of the names of both. It does not depend on their order, so that threads may share the work.
    #[must_use]
    pub const fn plus(self, other: SuffixSeed) -> SuffixSeed {
        SuffixSeed(self.0.wrapping_add(other.0))
    }

    /// The seed that a file states.
    pub(super) const fn from_number(number: u64) -> SuffixSeed {
        SuffixSeed(number)
    }

    /// The number that a file stores.
    pub(super) const fn number(self) -> u64 {
        self.0
    }

    /// The state of a hash before the first block.
    #[inline]
    pub(super) const fn initial(self) -> u64 {
        INITIAL ^ self.0
    }
}

/// Keeps the seed apart from other sums of hashes of the same names.
const SEED_OF_NAMES: u64 = 7;

/// The hash of a suffix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SuffixHash(pub(super) u64);

impl SuffixHash {
    /// The hash of a whole name with its bytes reversed.
    pub(super) fn of(name: &[u8], seed: SuffixSeed) -> SuffixHash {
        let blocks = name.as_chunks::<BLOCK>().0.iter();
        let before = blocks.fold(seed.initial(), |before, block| absorb(before, words(block, 0)));
        Suffix { end: name.len(), before, ends: 0 }.hash(name)
    }

    /// The hash as a number.
    #[inline]
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// A suffix of a name, and the state from which the next longer one follows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suffix {
    /// How many bytes the suffix has.
    pub(crate) end: usize,
    /// The hash of all whole blocks before its end.
    before: u64,
    /// A mask of the bytes that end longer suffixes in the block that this one ends in.
    ends: u64,
}

impl Suffix {
    /// The last label of a name.
    #[inline]
    pub(crate) fn last_label(name: &[u8], seed: SuffixSeed) -> Suffix {
        match ends_in(name, 0) {
            0 => Suffix::after(name, 0, seed.initial()),
            ends => Suffix::at(0, ends, seed.initial()),
        }
    }

    /// The suffix that is one label longer; `None` for the longest one, which is the name.
    #[inline(always)]
    pub(crate) fn next(self, name: &[u8]) -> Option<Suffix> {
        if self.end >= name.len() {
            return None;
        }
        Some(match self.ends {
            0 => Suffix::after(name, self.block(), self.before),
            ends => Suffix::at(self.block(), ends, self.before),
        })
    }

    /// The shortest suffix that ends in a block after this one.
    #[inline]
    fn after(name: &[u8], mut block: usize, mut before: u64) -> Suffix {
        loop {
            (before, block) = (absorb(before, words(name, block)), block + BLOCK);
            let ends = ends_in(name, block);
            if ends != 0 {
                return Suffix::at(block, ends, before);
            }
        }
    }

    /// The suffix that ends at the lowest bit of `ends`.
    #[inline]
    fn at(block: usize, ends: u64, before: u64) -> Suffix {
        Suffix { end: block + ends.trailing_zeros() as usize, before, ends: ends & (ends - 1) }
    }

    /// The offset of the block in which it ends.
    #[inline]
    fn block(&self) -> usize {
        self.end - self.end % BLOCK
    }

    /// Its first eight bytes, zeros after its end.
    #[inline]
    pub(crate) fn head(&self, name: &[u8]) -> u64 {
        let head = if name.len() < WORD { short_word(name) } else { u64_at(name, 0) };
        if self.end < WORD { head & ((1 << (8 * self.end)) - 1) } else { head }
    }

    /// Its hash.
    #[inline]
    pub(crate) fn hash(&self, name: &[u8]) -> SuffixHash {
        let suffix = name.get(..self.end).unwrap_or(name);
        let (first, last) = match suffix.last_chunk() {
            Some(last) => (u64_at(suffix, self.block().min(self.end - WORD)), u64::from_le_bytes(*last)),
            None => (short_word(suffix), 0),
        };
        let length = (self.end as u64).wrapping_mul(LENGTH);
        SuffixHash(fold_with_factors(first ^ self.before, last ^ SECOND.wrapping_add(length)))
    }
}

/// A mask of the bytes of a block that end a suffix: dots, and the end of the name.
#[inline]
fn ends_in(name: &[u8], block: usize) -> u64 {
    let rest = name.get(block..).unwrap_or(&[]);
    if rest.len() >= BLOCK {
        return simd::equal(words(name, block), b'.').into();
    }
    let last = name.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    let dots = match name.len() {
        BLOCK.. => simd::equal([u64_at(name, name.len() - BLOCK), last], b'.') >> (BLOCK - rest.len()),
        WORD.. => {
            let dots = simd::equal([u64_at(name, 0), last], b'.');
            dots & 0xFF | dots >> WORD << (name.len() - WORD)
        }
        _ => simd::equal([short_word(name), 0], b'.'),
    };
    u64::from(dots | 1 << rest.len())
}

/// The two words of a block; zeros where the text ends before it does.
#[inline]
fn words(text: &[u8], block: usize) -> [u64; 2] {
    let bytes: Option<&[u8; BLOCK]> = text.get(block..).and_then(<[u8]>::first_chunk);
    bytes.map_or([0; 2], |bytes| [u64_at(bytes, 0), u64_at(bytes, WORD)])
}

/// The state after one more block.
#[inline]
pub(super) fn absorb(before: u64, [first, second]: [u64; 2]) -> u64 {
    fold_with_factors(first ^ before, second ^ SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: SuffixSeed = SuffixSeed(0x0123_4567_89AB_CDEF);

    /// Where the suffixes of a name end, and their hashes.
    fn walked(name: &[u8]) -> Vec<(usize, SuffixHash)> {
        let suffixes =
            std::iter::successors(Some(Suffix::last_label(name, SEED)), |suffix| suffix.next(name));
        suffixes.map(|suffix| (suffix.end, suffix.hash(name))).collect()
    }

    proptest! {
        #[test]
        fn suffixes_end_at_every_dot(name in "[a-c]{0,20}(\\.[a-c]{0,20}){0,6}") {
            let name = name.as_bytes();
            let ends = (0..=name.len()).filter(|end| name.get(*end).is_none_or(|byte| *byte == b'.'));
            let plain: Vec<_> = ends.map(|end| (end, SuffixHash::of(&name[..end], SEED))).collect();
            prop_assert_eq!(walked(name), plain);
            for (end, _) in walked(name) {
                let head = name[..end].iter().take(8).rev().fold(0, |head, byte| head << 8 | u64::from(*byte));
                prop_assert_eq!(Suffix { end, before: 0, ends: 0 }.head(name), head);
            }
        }
    }

    /// The hash as FORMAT.md specifies it, independent of the code above.
    fn reference(name: &[u8], seed: u64) -> u64 {
        const S: u64 = 0xD6E8_FEB8_6659_FD93;
        let fold = |x: u64, y: u64| {
            let product = u128::from(x) * u128::from(y);
            (product as u64) ^ (product >> 64) as u64 ^ x ^ y
        };
        let word =
            |at: usize| name[at..at + 8].iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
        let (e, mut state) = (name.len(), 0x9FB2_1C65_1E98_DF25 ^ seed);
        for block in (0..e / 16).map(|nth| nth * 16) {
            state = fold(state ^ word(block), word(block + 8) ^ S);
        }
        let (x, y) = match e {
            0..8 => (name.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0),
            _ => (word((e / 16 * 16).min(e - 8)), word(e - 8)),
        };
        fold(state ^ x, y ^ S.wrapping_add((e as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)))
    }

    #[test]
    fn hashes_are_what_the_documentation_says() {
        let name: Vec<u8> = (0..=255u8).cycle().map(|byte| byte.wrapping_mul(167)).take(255).collect();
        for len in 0..=name.len() {
            let name = &name[..len];
            assert_eq!(SuffixHash::of(name, SEED).number(), reference(name, SEED.0), "{len} bytes");
        }
        let examples = ["moc", "moc.live", "moc.elpmaxe.www", "moc.elpmaxe.a.very.long.name.of.some.blocks"];
        for example in examples {
            let row = format!("| `{example}` | {:016x} |", SuffixHash::of(example.as_bytes(), SEED).number());
            assert!(include_str!("../../FORMAT.md").contains(&row), "FORMAT.md should have the row {row}");
        }
    }

    #[test]
    fn every_byte_and_every_length_counts() {
        let name: Vec<u8> = (b'a'..=b'z').cycle().take(70).collect();
        let mut seen = std::collections::BTreeSet::new();
        for len in 0..name.len() {
            let text = &name[..len];
            assert!(seen.insert(SuffixHash::of(text, SEED)), "{len} bytes");
            for at in 0..len {
                let mut other = text.to_vec();
                other[at] ^= 1;
                assert!(seen.insert(SuffixHash::of(&other, SEED)), "byte {at} of {len}");
            }
        }
        let same = (0..70).map(|len| SuffixHash::of(&vec![b'a'; len], SEED));
        assert_eq!(same.collect::<std::collections::BTreeSet<_>>().len(), 70);
    }

    #[test]
    fn a_zero_factor_erases_nothing() {
        // The words of the block are such that one factor is zero, then the other.
        let first = (0..9u64).map(|other| absorb(INITIAL, [INITIAL, other]));
        let second = (0..9u64).map(|other| absorb(INITIAL, [other, SECOND]));
        assert_eq!(first.chain(second).collect::<std::collections::BTreeSet<_>>().len(), 18);
    }
}
