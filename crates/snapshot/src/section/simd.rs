//! SIMD kernels: which of thirty-two bytes are below a number, which of sixteen bytes equal one, and in which
//! classes sixteen bytes of a text are.
//!
//! A leaf of names has up to thirty-two numbers, and names are hashed and classified in blocks of sixteen
//! bytes. On x86-64 all kernels use SSE2, which every such processor has. Elsewhere, and as the reference in
//! tests, plain loops do the same.
#![allow(unsafe_code)]

/// The bytes that [`less`] compares.
pub(crate) type Bytes32 = [u8; 32];

/// A mask of the bytes that are less than `bound`, the first byte in the lowest bit.
#[inline]
pub(crate) fn less(bytes: &Bytes32, bound: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE2.
    return unsafe { sse2::less(bytes, bound) };
    #[cfg(not(target_arch = "x86_64"))]
    plain::less(bytes, bound)
}

/// A mask of the bytes of two little-endian words that equal `byte`, the first byte in the lowest bit.
#[inline]
pub(crate) fn equal(words: [u64; 2], byte: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE2.
    return unsafe { sse2::equal(words, byte) };
    #[cfg(not(target_arch = "x86_64"))]
    plain::equal(words, byte)
}

/// Masks of sixteen bytes, the first byte in the lowest bit. The first three share no bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostMasks {
    /// Letters of either case.
    pub(crate) letters: u32,
    /// Decimal digits.
    pub(crate) digits: u32,
    /// Dots.
    pub(crate) dots: u32,
    /// Capital letters.
    pub(crate) capitals: u32,
    /// Hyphens.
    pub(crate) hyphens: u32,
    /// Underscores.
    pub(crate) underscores: u32,
    /// The digit zero.
    pub(crate) zeros: u32,
}

/// The bytes of two little-endian words that can be part of a name or of an IPv4 address, by class.
#[inline]
pub(crate) fn host_masks(words: [u64; 2]) -> HostMasks {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE2.
    return unsafe { sse2::host_masks(words) };
    #[cfg(not(target_arch = "x86_64"))]
    plain::host_masks(words)
}

/// Masks of sixteen bytes of a URL, the first byte in the lowest bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UrlMasks {
    /// Bytes that a canonical URL does not hold, or that a reader may give a meaning: blanks, control
    /// characters, non-ASCII bytes, and `#` `(` `)` `*` `+` `,` `[` `\` `]` `^` `{`.
    pub(crate) special: u32,
    /// What ends the host and port: `/` and `?`.
    pub(crate) ends: u32,
}

/// The bytes of two little-endian words of a URL, by class.
#[inline]
pub(crate) fn url_masks(words: [u64; 2]) -> UrlMasks {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE2.
    return unsafe { sse2::url_masks(words) };
    #[cfg(not(target_arch = "x86_64"))]
    plain::url_masks(words)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::{Bytes32, HostMasks, UrlMasks};

    /// A mask of the bytes of two little-endian words for which `holds`.
    fn mask_of(words: [u64; 2], holds: impl Fn(u8) -> bool) -> u32 {
        let bytes = words.into_iter().rev().flat_map(u64::to_be_bytes);
        bytes.fold(0, |mask, own| mask << 1 | u32::from(holds(own)))
    }

    pub(super) fn host_masks(words: [u64; 2]) -> HostMasks {
        HostMasks {
            letters: mask_of(words, |byte| byte.is_ascii_alphabetic()),
            digits: mask_of(words, |byte| byte.is_ascii_digit()),
            dots: mask_of(words, |byte| byte == b'.'),
            capitals: mask_of(words, |byte| byte.is_ascii_uppercase()),
            hyphens: mask_of(words, |byte| byte == b'-'),
            underscores: mask_of(words, |byte| byte == b'_'),
            zeros: mask_of(words, |byte| byte == b'0'),
        }
    }

    pub(super) fn url_masks(words: [u64; 2]) -> UrlMasks {
        UrlMasks {
            special: mask_of(words, |byte| !byte.is_ascii_graphic() || b"#()*+,[\\]^{".contains(&byte)),
            ends: mask_of(words, |byte| matches!(byte, b'/' | b'?')),
        }
    }

    pub(super) fn equal(words: [u64; 2], byte: u8) -> u32 {
        mask_of(words, |own| own == byte)
    }

    pub(super) fn less(bytes: &Bytes32, bound: u8) -> u32 {
        bytes.iter().rev().fold(0, |mask, own| mask << 1 | u32::from(*own < bound))
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::{Bytes32, HostMasks, UrlMasks};
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8, _mm_sub_epi8,
    };

    /// The two halves.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(bytes: &Bytes32) -> [__m128i; 2] {
        let halves: [*const u8; 2] = [0, 16].map(|at| bytes.as_ptr().wrapping_add(at));
        // SAFETY: each half has sixteen bytes, and the load needs no alignment.
        halves.map(|half| unsafe { _mm_loadu_si128(half.cast()) })
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn mask([low, high]: [__m128i; 2]) -> u32 {
        bits(low) | bits(high) << 16
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn register([low, high]: [u64; 2]) -> __m128i {
        _mm_set_epi64x(high.cast_signed(), low.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn bits(bytes: __m128i) -> u32 {
        _mm_movemask_epi8(bytes).cast_unsigned()
    }

    /// The bytes that equal one byte.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn same(bytes: __m128i, byte: u8) -> __m128i {
        _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()))
    }

    /// The bytes from `first` to `last`.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn between(bytes: __m128i, first: u8, last: u8) -> __m128i {
        let above = _mm_sub_epi8(bytes, _mm_set1_epi8(first.cast_signed()));
        let most = _mm_set1_epi8((last - first).cast_signed());
        _mm_cmpeq_epi8(_mm_min_epu8(above, most), above)
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn equal(words: [u64; 2], byte: u8) -> u32 {
        bits(same(register(words), byte))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn host_masks(words: [u64; 2]) -> HostMasks {
        let bytes = register(words);
        HostMasks {
            letters: bits(between(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), b'a', b'z')),
            digits: bits(between(bytes, b'0', b'9')),
            dots: bits(same(bytes, b'.')),
            capitals: bits(between(bytes, b'A', b'Z')),
            hyphens: bits(same(bytes, b'-')),
            underscores: bits(same(bytes, b'_')),
            zeros: bits(same(bytes, b'0')),
        }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn url_masks(words: [u64; 2]) -> UrlMasks {
        let bytes = register(words);
        // Compared as signed numbers, non-ASCII bytes are below a blank, too.
        let blanks = _mm_cmpgt_epi8(_mm_set1_epi8(0x21), bytes);
        let hash_or_delete = _mm_or_si128(same(bytes, b'#'), same(bytes, 0x7F));
        let round = _mm_or_si128(between(bytes, b'(', b','), same(bytes, b'{'));
        let square = between(bytes, b'[', b'^');
        let special = _mm_or_si128(_mm_or_si128(blanks, hash_or_delete), _mm_or_si128(round, square));
        UrlMasks { special: bits(special), ends: bits(_mm_or_si128(same(bytes, b'/'), same(bytes, b'?'))) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn less(bytes: &Bytes32, bound: u8) -> u32 {
        let Some(most) = bound.checked_sub(1) else { return 0 };
        let most = _mm_set1_epi8(most.cast_signed());
        mask(load(bytes).map(|half| _mm_cmpeq_epi8(_mm_min_epu8(half, most), half)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sse2_agrees_with_plain_loops(bytes in any::<Bytes32>(), few in 0u8..4, byte in any::<u8>()) {
            let narrow = bytes.map(|byte| byte & 3);
            for (bytes, byte) in [(bytes, byte), (narrow, few)] {
                prop_assert_eq!(less(&bytes, byte), plain::less(&bytes, byte));
                let words = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|nth| bytes[at + nth])));
                prop_assert_eq!(equal(words, byte), plain::equal(words, byte));
            }
        }
    }

    #[test]
    fn classes_of_every_byte_agree_with_plain_loops() {
        for byte in 0..=u8::MAX {
            for place in 0..16 {
                let mut bytes = [b'a'; 16];
                bytes[place] = byte;
                let words = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|nth| bytes[at + nth])));
                assert_eq!(host_masks(words), plain::host_masks(words), "{byte} at {place}");
                assert_eq!(url_masks(words), plain::url_masks(words), "{byte} at {place}");
            }
        }
    }
}
