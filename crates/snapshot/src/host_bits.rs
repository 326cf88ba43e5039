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
    /// The classes of a text; `None` where it has more than [`BITS_MAX`] bytes. Classes that the caller does not
    /// look at are not computed: this is always inlined.
    #[inline(always)]
    pub fn of(text: &[u8]) -> Option<HostBits> {
        let len = text.len();
        let mut bits = HostBits { all: low_bits(len)?, ..HostBits::default() };
        let Some(last) = len.checked_sub(16) else {
            bits.add(simd::host_masks(short_words(text)), 0);
            return Some(bits);
        };
        let mut at = 0;
        loop {
            bits.add(simd::host_masks([u64_at(text, at), u64_at(text, at + 8)]), at);
            if at == last {
                return Some(bits);
            }
            // The last bytes are read together with some before them, whose bits are set already.
            at = (at + 16).min(last);
        }
    }

    /// The bits of the first bytes of the text, fewer than it has.
    #[inline(always)]
    pub fn first(&self, count: usize) -> HostBits {
        let all = low_bits(count).unwrap_or(u64::MAX) & self.all;
        HostBits {
            all,
            letters: self.letters & all,
            digits: self.digits & all,
            dots: self.dots & all,
            capitals: self.capitals & all,
            hyphens: self.hyphens & all,
            underscores: self.underscores & all,
            zeros: self.zeros & all,
        }
    }

    /// Where the first byte is that neither a name nor a dotted quad has: the port, prefix length or path after
    /// a host. The length of the text where there is none.
    #[inline]
    pub fn host_end(&self) -> usize {
        let of_hosts = self.letters | self.digits | self.dots | self.hyphens | self.underscores;
        (!of_hosts).trailing_zeros() as usize
    }

    #[inline(always)]
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

/// Fewer than sixteen bytes as little-endian words, with zeros after them.
#[inline(always)]
fn short_words(text: &[u8]) -> [u64; 2] {
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let beyond = 8 * (16 - text.len() as u32);
            [u64::from_le_bytes(*first), u64::from_le_bytes(*last).checked_shr(beyond).unwrap_or(0)]
        }
        _ => [short_word(text), 0],
    }
}

/// The bytes of a block that equal one byte, a bit for each.
#[inline]
pub fn equal_bits(block: &[u8; BITS_MAX], byte: u8) -> u64 {
    let (chunks, _) = block.as_chunks::<16>();
    chunks.iter().rev().fold(0, |bits, chunk| bits << 16 | u64::from(simd::equal(words(chunk), byte)))
}

/// The two little-endian words of sixteen bytes.
#[inline]
pub(crate) fn words(chunk: &[u8; 16]) -> [u64; 2] {
    [u64_at(chunk, 0), u64_at(chunk, 8)]
}

/// A word whose lowest bits are set; `None` for more than it has.
#[inline(always)]
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
        fn bits_of_a_block_agree_with_a_loop(block in proptest::array::uniform32(0u8..4)) {
            let block: [u8; 64] = std::array::from_fn(|at| block[at % 32] + (at / 32) as u8);
            prop_assert_eq!(equal_bits(&block, 2), one_by_one(&block, |byte| byte == 2));
        }

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
            let is_of_hosts = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
            let end = text.iter().take_while(|byte| is_of_hosts(byte)).count();
            if text.len() <= BITS_MAX {
                prop_assert_eq!(expected.host_end(), end);
                prop_assert_eq!(Some(expected.first(end)), HostBits::of(&text[..end]));
            }
        }
    }
}
