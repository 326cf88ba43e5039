//! SIMD kernels: which of thirty-two bytes are below a number, and which of sixteen bytes equal one.
//!
//! A leaf of names has up to thirty-two numbers, and names are hashed in blocks of sixteen bytes. On x86-64
//! both kernels use SSE2, which every such processor has. Elsewhere, and as the reference in tests, plain
//! loops do the same.
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

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::Bytes32;

    pub(super) fn equal(words: [u64; 2], byte: u8) -> u32 {
        let bytes = words.into_iter().rev().flat_map(u64::to_be_bytes);
        bytes.fold(0, |mask, own| mask << 1 | u32::from(own == byte))
    }

    pub(super) fn less(bytes: &Bytes32, bound: u8) -> u32 {
        bytes.iter().rev().fold(0, |mask, own| mask << 1 | u32::from(*own < bound))
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::Bytes32;
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_set_epi64x,
        _mm_set1_epi8,
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
        let bits = |half| _mm_movemask_epi8(half).cast_unsigned();
        bits(low) | bits(high) << 16
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn equal([low, high]: [u64; 2], byte: u8) -> u32 {
        let bytes = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()))).cast_unsigned()
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
}
