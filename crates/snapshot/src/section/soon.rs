//! Asking for memory that will be read soon, so that nobody waits for it then.
//!
//! A load that misses the cache holds up everything behind it as soon as a few hundred instructions wait; a prefetch does
//! not. So look-ups in batches first say what all of them will read, and then read it. Nothing but time depends on it, and
//! where there is no such instruction nothing is done.
#![allow(unsafe_code)]

/// Says that the item at `at` will be read, if there is one.
#[inline]
pub(super) fn soon<T>(items: &[T], at: usize) {
    let Some(item) = items.get(at) else { return };
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing and never faults, and every x86-64 processor has it.
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
    fn what_is_not_there_may_be_asked_for() {
        for at in [0, 2, 3, usize::MAX] {
            soon(&[1u8, 2, 3], at);
            soon::<u64>(&[], at);
        }
    }
}
