//! Many bytes at a time: which of thirty-two are below a number, and which of sixteen are a given one.
//!
//! The numbers of a leaf of names are as many as the first, and a block of a name is as long as the second. On x86-64 one or
//! two registers hold them, and every such processor has the instructions; elsewhere, and as what tests compare with, plain
//! loops do the same.
#![allow(unsafe_code)]

/// The bytes.
pub(crate) type Lanes = [u8; 32];

/// Which bytes are less than `bound`: a bit each.
#[inline]
pub(crate) fn less(lanes: &Lanes, bound: u8) -> u32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE2.
    return unsafe { sse2::less(lanes, bound) };
    #[cfg(not(target_arch = "x86_64"))]
    plain::less(lanes, bound)
}

/// Which of the sixteen bytes of two words are this one: a bit each, from the first byte on.
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
    use super::Lanes;

    pub(super) fn equal(words: [u64; 2], byte: u8) -> u32 {
        let bytes = words.into_iter().rev().flat_map(u64::to_be_bytes);
        bytes.fold(0, |mask, own| mask << 1 | u32::from(own == byte))
    }

    pub(super) fn less(lanes: &Lanes, bound: u8) -> u32 {
        lanes.iter().rev().fold(0, |mask, lane| mask << 1 | u32::from(*lane < bound))
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::Lanes;
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_set_epi64x,
        _mm_set1_epi8,
    };

    /// The two halves.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load(lanes: &Lanes) -> [__m128i; 2] {
        let halves: [*const u8; 2] = [0, 16].map(|at| lanes.as_ptr().wrapping_add(at));
        // SAFETY: each half has sixteen bytes, and the load asks for no alignment.
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
    pub(super) fn less(lanes: &Lanes, bound: u8) -> u32 {
        let Some(most) = bound.checked_sub(1) else { return 0 };
        let most = _mm_set1_epi8(most.cast_signed());
        mask(load(lanes).map(|half| _mm_cmpeq_epi8(_mm_min_epu8(half, most), half)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn registers_and_loops_agree(lanes in any::<Lanes>(), few in 0u8..4, byte in any::<u8>()) {
            let narrow = lanes.map(|lane| lane & 3);
            for (lanes, byte) in [(lanes, byte), (narrow, few)] {
                prop_assert_eq!(less(&lanes, byte), plain::less(&lanes, byte));
                let words = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|nth| lanes[at + nth])));
                prop_assert_eq!(equal(words, byte), plain::equal(words, byte));
            }
        }
    }
}
