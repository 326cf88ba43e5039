//! Thirty-two bytes at a time: which of them are below a number, and what the first of them add up to.
//!
//! The record of a leaf of names is as long. On x86-64 two registers hold it, and every such processor has the
//! instructions; elsewhere, and as what tests compare with, plain loops do the same.
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

/// The sum of the first `count` bytes.
#[inline]
pub(crate) fn sum_of_first(lanes: &Lanes, count: usize) -> usize {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has SSE2.
    return unsafe { sse2::sum_of_first(lanes, count) };
    #[cfg(not(target_arch = "x86_64"))]
    plain::sum_of_first(lanes, count)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::Lanes;

    pub(super) fn less(lanes: &Lanes, bound: u8) -> u32 {
        lanes.iter().rev().fold(0, |mask, lane| mask << 1 | u32::from(*lane < bound))
    }

    pub(super) fn sum_of_first(lanes: &Lanes, count: usize) -> usize {
        lanes.iter().take(count).map(|lane| usize::from(*lane)).sum()
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use super::Lanes;
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_cvtsi128_si64, _mm_loadu_si128,
        _mm_min_epu8, _mm_movemask_epi8, _mm_sad_epu8, _mm_set_epi64x, _mm_set1_epi8, _mm_setzero_si128,
        _mm_srli_si128,
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
    pub(super) fn less(lanes: &Lanes, bound: u8) -> u32 {
        let Some(most) = bound.checked_sub(1) else { return 0 };
        let most = _mm_set1_epi8(most.cast_signed());
        mask(load(lanes).map(|half| _mm_cmpeq_epi8(_mm_min_epu8(half, most), half)))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn sum_of_first(lanes: &Lanes, count: usize) -> usize {
        let count = _mm_set1_epi8(count.min(lanes.len()) as i8);
        let numbers = [
            _mm_set_epi64x(0x0F0E_0D0C_0B0A_0908, 0x0706_0504_0302_0100),
            _mm_set_epi64x(0x1F1E_1D1C_1B1A_1918, 0x1716_1514_1312_1110),
        ];
        let [low, high] = load(lanes);
        let sum = |half, numbers| {
            let sums = _mm_sad_epu8(_mm_and_si128(half, _mm_cmplt_epi8(numbers, count)), _mm_setzero_si128());
            _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_srli_si128::<8>(sums))
        };
        let [first, second] = numbers;
        (sum(low, first) + sum(high, second)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn registers_and_loops_agree(lanes in any::<Lanes>(), few in 0u8..4, byte in any::<u8>(), count in 0usize..40) {
            let narrow = lanes.map(|lane| lane & 3);
            for (lanes, byte) in [(lanes, byte), (narrow, few)] {
                prop_assert_eq!(less(&lanes, byte), plain::less(&lanes, byte));
                prop_assert_eq!(sum_of_first(&lanes, count), plain::sum_of_first(&lanes, count));
            }
        }
    }
}
