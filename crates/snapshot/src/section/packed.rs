//! Arrays of small numbers at the fewest bits that hold the largest, each readable by one unaligned load.
//!
//! Eight bytes of header hold the width; eight zero bytes follow the data, so that the load of the last
//! number stays inside the section. Widths up to 40 bits are supported.

use super::soon::soon;
use crate::layout::u64_at;

const HEADER_LEN: usize = 8;
const TAIL_LEN: usize = 8;
const WIDTH_MAX: u8 = 40;

/// The bytes of a packed array.
pub fn encode(values: impl ExactSizeIterator<Item = u64> + Clone) -> Vec<u8> {
    let largest = values.clone().max().unwrap_or(0);
    let width = 64 - largest.leading_zeros();
    let mut out = vec![0; HEADER_LEN];
    if let Some(first) = out.first_mut() {
        *first = u8::try_from(width).unwrap_or(WIDTH_MAX);
    }
    let mut bits = Bits::default();
    values.for_each(|value| bits.put(value, width as usize));
    out.extend(bits.finish());
    out.resize(out.len() + TAIL_LEN, 0);
    out
}

/// Numbers one behind the other, from the lowest bit of each byte on.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    filled: usize,
}

impl Bits {
    /// Puts a number of so many bits, at most 56, behind the others.
    pub(super) fn put(&mut self, number: u64, width: usize) {
        self.pending |= number << self.filled;
        self.filled += width;
        while self.filled >= 8 {
            self.bytes.extend(self.pending.to_le_bytes().first());
            (self.pending, self.filled) = (self.pending >> 8, self.filled - 8);
        }
    }

    /// How many bits there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.filled
    }

    /// The bytes, the last one filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.extend(self.pending.to_le_bytes().first());
        }
        self.bytes
    }
}

/// A packed array in a file.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    data: &'a [u8],
    width: usize,
    mask: u64,
}

impl<'a> Packed<'a> {
    /// Reads the header. A width that cannot be makes every number zero.
    pub fn new(bytes: &'a [u8]) -> Packed<'a> {
        let width = bytes.first().copied().filter(|width| *width <= WIDTH_MAX).unwrap_or(0);
        let data = bytes.get(HEADER_LEN..).unwrap_or(&[]);
        Packed { data, width: usize::from(width), mask: (1 << width) - 1 }
    }

    /// The number at `at`; zero past the end.
    #[inline]
    pub fn get(&self, at: usize) -> u64 {
        let bit = at.wrapping_mul(self.width);
        u64_at(self.data, bit / 8) >> (bit % 8) & self.mask
    }

    /// Says that the number at `at` will be read.
    #[inline]
    pub fn get_soon(&self, at: usize) {
        soon(self.data, at.wrapping_mul(self.width) / 8);
    }

    /// The largest number that the width allows.
    #[inline]
    pub fn largest(&self) -> u64 {
        self.mask
    }

    /// The bytes that an array of `count` numbers takes, header and tail included.
    pub fn byte_len(&self, count: usize) -> usize {
        HEADER_LEN + count.saturating_mul(self.width).div_ceil(8) + TAIL_LEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_goes_in_comes_out(values in proptest::collection::vec(0u64..1 << 40, 0..200), shift in 0u32..40) {
            let values: Vec<u64> = values.into_iter().map(|value| value >> shift).collect();
            let bytes = encode(values.iter().copied());
            let packed = Packed::new(&bytes);
            proptest::prop_assert_eq!(bytes.len(), packed.byte_len(values.len()));
            for (at, value) in values.iter().enumerate() {
                proptest::prop_assert_eq!(packed.get(at), *value);
            }
        }
    }
}
