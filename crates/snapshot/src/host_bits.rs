//! The bytes of a short text as bits: what a name or an address is told by, without a loop over its bytes.
//!
//! A text of at most 64 bytes, which nearly every host is, fits a word a class: bit `n` is for byte `n`. What
//! a loop would decide byte by byte are then a few operations on words, and no branch depends on a byte.

use crate::layout::{short_word, u64_at};
use crate::section::simd::{self, HostMasks};

/// The longest text whose bytes fit the bits of a word.
pub const BITS_MAX: usize = 64;

/// The classes of the bytes of a text, a bit for each byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostBits {
    /// All bytes of the text.
    pub all: u64,
    /// Letters of either case.
    pub letters: u64,
    /// Decimal digits.
    pub digits: u64,
    /// Dots.
    pub dots: u64,
    /// Capital letters.
    pub capitals: u64,
    /// Hyphens.
    pub hyphens: u64,
    /// Underscores.
    pub underscores: u64,
    /// The digit zero.
    pub zeros: u64,
}

impl HostBits {
    /// The classes of a text; `None` where it has more than [`BITS_MAX`] bytes.
    #[inline]
    pub fn of(text: &[u8]) -> Option<HostBits> {
        let len = text.len();
        let mut bits = HostBits { all: low_bits(len)?, ..HostBits::default() };
        let (chunks, rest) = text.as_chunks::<16>();
        let mut at = 0;
        for chunk in chunks {
            bits.add(simd::host_masks(words(chunk)), at);
            at += 16;
        }
        // The last bytes are read together with some before them, whose bits are set already.
        match (text.last_chunk::<16>(), text.last_chunk::<8>()) {
            _ if rest.is_empty() => {}
            (Some(last), _) => bits.add(simd::host_masks(words(last)), len - 16),
            (None, Some(last)) => {
                let both = simd::host_masks([u64_at(text, 0), u64::from_le_bytes(*last)]);
                bits.add(both.half(0), 0);
                bits.add(both.half(8), len - 8);
            }
            (None, None) => bits.add(simd::host_masks([short_word(text), 0]), 0),
        }
        Some(bits)
    }

    #[inline]
    fn add(&mut self, masks: HostMasks, at: usize) {
        self.letters |= u64::from(masks.letters) << at;
        self.digits |= u64::from(masks.digits) << at;
        self.dots |= u64::from(masks.dots) << at;
        self.capitals |= u64::from(masks.capitals) << at;
        self.hyphens |= u64::from(masks.hyphens) << at;
        self.underscores |= u64::from(masks.underscores) << at;
        self.zeros |= u64::from(masks.zeros) << at;
    }
}

impl HostMasks {
    /// The masks of eight of the bytes, from bit `from` on.
    #[inline]
    fn half(self, from: u32) -> HostMasks {
        let half = |mask: u32| mask >> from & 0xFF;
        HostMasks {
            letters: half(self.letters),
            digits: half(self.digits),
            dots: half(self.dots),
            capitals: half(self.capitals),
            hyphens: half(self.hyphens),
            underscores: half(self.underscores),
            zeros: half(self.zeros),
        }
    }
}

/// The two little-endian words of sixteen bytes.
#[inline]
pub(crate) fn words(chunk: &[u8; 16]) -> [u64; 2] {
    [u64_at(chunk, 0), u64_at(chunk, 8)]
}

/// A word whose lowest bits are set; `None` for more than it has.
#[inline]
fn low_bits(count: usize) -> Option<u64> {
    match count {
        0 => Some(0),
        1..=BITS_MAX => Some(u64::MAX >> (BITS_MAX - count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_by_one(text: &[u8], holds: impl Fn(u8) -> bool) -> u64 {
        text.iter().rev().fold(0, |mask, byte| mask << 1 | u64::from(holds(*byte)))
    }

    proptest! {
        #[test]
        fn bits_agree_with_a_loop(text in "[a-fA-FxX0-9.:_/-]{0,66}|.{0,20}") {
            let text = text.as_bytes();
            let expected = HostBits {
                all: one_by_one(text, |_| true),
                letters: one_by_one(text, |byte| byte.is_ascii_alphabetic()),
                digits: one_by_one(text, |byte| byte.is_ascii_digit()),
                dots: one_by_one(text, |byte| byte == b'.'),
                capitals: one_by_one(text, |byte| byte.is_ascii_uppercase()),
                hyphens: one_by_one(text, |byte| byte == b'-'),
                underscores: one_by_one(text, |byte| byte == b'_'),
                zeros: one_by_one(text, |byte| byte == b'0'),
            };
            prop_assert_eq!(HostBits::of(text), (text.len() <= BITS_MAX).then_some(expected));
        }
    }
}
