//! Prefetching: asking for a cache line before it is read.
//!
//! A load that misses the cache stalls everything after it once a few hundred instructions wait; a prefetch
//! does not. Look-ups in batches therefore first prefetch what all of them will read, and then read it.
//! Results never depend on it. On processors other than x86-64 it does nothing.
#![allow(unsafe_code)]

/// Prefetches the item at `at`, if there is one.
#[inline]
pub fn prefetch<T>(items: &[T], at: usize) {
    let Some(item) = items.get(at) else { return };
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults, and every x86-64 processor has the instruction.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_past_the_end_are_ignored() {
        for at in [0, 2, 3, usize::MAX] {
            prefetch(&[1u8, 2, 3], at);
            prefetch::<u64>(&[], at);
        }
    }
}
