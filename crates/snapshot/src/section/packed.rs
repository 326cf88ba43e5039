//! Packed arrays: numbers at the fewest bits that hold the largest, each readable with one unaligned load.
//!
//! The first of eight header bytes is the width. Eight zero bytes follow the data, so that the load of the
//! last number stays inside the section.

use super::prefetch::prefetch;
use crate::error::TooLarge;
use crate::layout::u64_at;

const HEADER_LEN: usize = 8;
const TAIL_LEN: usize = 8;
/// The widest number, in bits: with an offset of seven bits it still fits the eight bytes of one load.
const WIDTH_MAX: u8 = 40;

/// The bytes of a packed array.
pub fn encode(values: impl ExactSizeIterator<Item = u64> + Clone) -> Result<Vec<u8>, TooLarge> {
    let largest = values.clone().max().unwrap_or(0);
    TooLarge::check("packed array", "as the largest number", largest, (1 << WIDTH_MAX) - 1)?;
    // At most WIDTH_MAX.
    let width = 64 - largest.leading_zeros();
    let mut out = vec![width as u8];
    out.resize(HEADER_LEN, 0);
    let mut bits = BitWriter::default();
    values.for_each(|value| bits.put(value, width as usize));
    out.extend(bits.finish());
    out.resize(out.len() + TAIL_LEN, 0);
    Ok(out)
}

/// Writes numbers one after another, from the lowest bit of each byte on.
#[derive(Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    filled: usize,
}

impl BitWriter {
    /// Appends a number of `width` bits, at most 56.
    pub(super) fn put(&mut self, number: u64, width: usize) {
        // At most seven bits are pending, so that 56 more fit the word.
        self.pending |= number << self.filled;
        self.filled += width;
        while self.filled >= 8 {
            self.bytes.extend(self.pending.to_le_bytes().first());
            (self.pending, self.filled) = (self.pending >> 8, self.filled - 8);
        }
    }

    /// How many bits were written.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.filled
    }

    /// The bytes; the last one is padded with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.extend(self.pending.to_le_bytes().first());
        }
        self.bytes
    }
}

/// A packed array in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    data: &'a [u8],
    width: usize,
    mask: u64,
}

impl<'a> Packed<'a> {
    /// Reads the header. An invalid width makes every number zero.
    pub(crate) fn new(bytes: &'a [u8]) -> Packed<'a> {
        let width = bytes.first().copied().filter(|width| *width <= WIDTH_MAX).unwrap_or(0);
        let data = bytes.get(HEADER_LEN..).unwrap_or(&[]);
        Packed { data, width: usize::from(width), mask: (1 << width) - 1 }
    }

    /// The number at `at`; zero past the end.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> u64 {
        let bit = at.wrapping_mul(self.width);
        u64_at(self.data, bit / 8) >> (bit % 8) & self.mask
    }

    /// Prefetches the number at `at`.
    #[inline]
    pub(crate) fn prefetch(&self, at: usize) {
        prefetch(self.data, at.wrapping_mul(self.width) / 8);
    }

    /// The largest number that the width allows.
    #[inline]
    pub(crate) fn largest(&self) -> u64 {
        self.mask
    }

    /// Whether its numbers take no bits, so that its length does not bound how many there are.
    pub(crate) fn is_without_bits(&self) -> bool {
        self.width == 0
    }

    /// The bytes that an array of `count` numbers takes, header and tail included.
    pub(crate) fn byte_len(&self, count: usize) -> usize {
        count.saturating_mul(self.width).div_ceil(8).saturating_add(HEADER_LEN + TAIL_LEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn arrays_read_back(values in proptest::collection::vec(0u64..1 << 40, 0..200), shift in 0u32..40) {
            let values: Vec<u64> = values.into_iter().map(|value| value >> shift).collect();
            let bytes = encode(values.iter().copied()).expect("at most 40 bits");
            let packed = Packed::new(&bytes);
            proptest::prop_assert_eq!(bytes.len(), packed.byte_len(values.len()));
            for (at, value) in values.iter().enumerate() {
                proptest::prop_assert_eq!(packed.get(at), *value);
            }
        }
    }

    #[test]
    fn wider_numbers_are_too_large() {
        assert!(encode([1, (1 << 40) - 1].into_iter()).is_ok());
        assert_eq!(encode([1, 1 << 40].into_iter()).map_err(|error| error.size), Err(1 << 40));
    }
}
