//! Sloped arrays: numbers that rise about evenly, such as where each block of a stream begins.
//!
//! A straight line from the first number to the last predicts each of them, and a packed array has what they
//! are above it. Numbers that rise by the same amount each time take no bits.

use super::packed::{self, Packed};
use crate::error::TooLarge;
use crate::layout::u64_at;

const HEADER_LEN: usize = 16;
/// How many bits of the slope are behind the point.
const POINT: u32 = 16;

/// The bytes of an array of numbers below 2^40 that never fall.
pub(super) fn encode(numbers: &[u64]) -> Result<Vec<u8>, TooLarge> {
    let (first, last) = (numbers.first().copied().unwrap_or(0), numbers.last().copied().unwrap_or(0));
    TooLarge::check("sloped array", "as the largest number", last, (1 << 40) - 1)?;
    let steps = (numbers.len() as u64).saturating_sub(1).max(1);
    let slope = ((last - first) << POINT) / steps;
    let above: Vec<i64> = (0..)
        .zip(numbers)
        .map(|(at, number)| number.wrapping_sub(on_line(at, slope)).cast_signed())
        .collect();
    let base = above.iter().min().copied().unwrap_or(0);
    let mut out = [base.cast_unsigned(), slope].map(u64::to_le_bytes).concat();
    // Neither the numbers nor the line is below 0 or beyond the last number.
    out.extend(packed::encode(above.iter().map(|above| (above - base).cast_unsigned()))?);
    Ok(out)
}

fn on_line(at: u64, slope: u64) -> u64 {
    at.wrapping_mul(slope) >> POINT
}

/// A sloped array in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sloped<'a> {
    base: u64,
    slope: u64,
    above: Packed<'a>,
}

impl<'a> Sloped<'a> {
    /// Reads the header.
    pub(super) fn new(bytes: &'a [u8]) -> Sloped<'a> {
        let above = Packed::new(bytes.get(HEADER_LEN..).unwrap_or(&[]));
        Sloped { base: u64_at(bytes, 0), slope: u64_at(bytes, 8), above }
    }

    /// The number at `at`; an arbitrary one past the end, and in a forged array.
    #[inline]
    pub(super) fn get(&self, at: usize) -> u64 {
        self.base.wrapping_add(on_line(at as u64, self.slope)).wrapping_add(self.above.get(at))
    }

    /// The bytes that an array of `count` numbers takes.
    pub(super) fn byte_len(&self, count: usize) -> usize {
        self.above.byte_len(count).saturating_add(HEADER_LEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn arrays_read_back(steps in proptest::collection::vec(0u64..1 << 32, 0..200), shift in 0u32..32) {
            let numbers: Vec<u64> = steps
                .iter()
                .scan(9, |sum, step| {
                    *sum += step >> shift;
                    Some(*sum)
                })
                .collect();
            let bytes = encode(&numbers).expect("below 2^40");
            let array = Sloped::new(&bytes);
            proptest::prop_assert_eq!(array.byte_len(numbers.len()), bytes.len());
            for (at, number) in numbers.iter().enumerate() {
                proptest::prop_assert_eq!(array.get(at), *number);
            }
        }
    }

    #[test]
    fn even_steps_take_no_bits() {
        let numbers: Vec<u64> = (0..1000).map(|at| 5 + 32 * at).collect();
        assert_eq!(encode(&numbers).expect("few").len(), HEADER_LEN + 16);
    }

    #[test]
    fn larger_numbers_are_too_large() {
        assert!(encode(&[0, 1 << 40]).is_err());
    }
}
