//! The project's bit mixers, in one place.
//!
//! Hashes in files depend on these functions, so a change of any constant here is a change of the file
//! format. None of them is secret: an adversary can choose keys that collide. Callers must stay correct when
//! keys collide, and may only become slower.

/// 2^64 divided by the golden ratio, the multiplier of Fibonacci hashing (D. Knuth, "The Art of Computer
/// Programming", volume 3, section 6.4).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Multiplies by a constant: the *upper* bits of the result depend on all bits of the number.
#[inline]
pub const fn spread(number: u64) -> u64 {
    number.wrapping_mul(GOLDEN)
}

/// A permutation of the 64-bit numbers in which every bit of the result depends on every bit of the number
/// (the finalizer of MurmurHash3, A. Appleby).
#[inline]
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let number = (number ^ number >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    number ^ number >> 33
}

/// Both halves of a product, xored (the folded multiplication of Wang Yi's wyhash). A factor of zero gives
/// zero, whatever the other is; see `fold_with_factors`.
#[inline]
pub const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

/// [`fold`], xored with both factors, so that a factor of zero does not erase the other one.
#[inline]
pub(crate) const fn fold_with_factors(a: u64, b: u64) -> u64 {
    fold(a, b) ^ a ^ b
}

/// A hash of bytes: eight at a time, then one by one, then mixed. For tables in memory and digests of lists;
/// names in the file have their own hash.
pub fn bytes(seed: u64, text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let state = words.iter().fold(mix(seed ^ (text.len() as u64) << 48), |state, word| {
        spread(state ^ u64::from_le_bytes(*word)).rotate_left(29)
    });
    mix(rest.iter().fold(state, |state, byte| state.rotate_left(8) ^ u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn different_numbers_have_different_mixes() {
        let mixes: BTreeSet<u64> = (0..10_000).map(mix).collect();
        assert_eq!(mixes.len(), 10_000);
        let upper: BTreeSet<u64> = mixes.iter().map(|mix| mix >> 56).collect();
        let lower: BTreeSet<u64> = mixes.iter().map(|mix| mix & 0xFF).collect();
        assert_eq!([upper.len(), lower.len()], [256, 256]);
    }

    #[test]
    fn a_zero_factor_erases_nothing() {
        assert_eq!((fold(0, 5), fold_with_factors(0, 5), fold_with_factors(7, 0)), (0, 5, 7));
    }

    #[test]
    fn every_byte_and_the_length_count() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        let mut seen = BTreeSet::new();
        for length in 0..text.len() {
            assert!(seen.insert(bytes(0, &text[..length])) && seen.insert(bytes(1, &text[..length])));
            for at in 0..length {
                let mut other = text[..length].to_vec();
                other[at] ^= 1;
                assert!(seen.insert(bytes(0, &other)), "byte {at} of {length}");
            }
        }
    }
}
