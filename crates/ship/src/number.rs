//! Numbers in adaptive bits: how many bits a number has is coded bit by bit, and then what follows its
//! highest bit.

use crate::coder::{Bit, Coder};

/// Symbols of a fixed width, highest bit first. Each bit is predicted by those before it.
#[derive(Clone, Debug)]
pub(crate) struct Symbols {
    width: u32,
    bits: Vec<Bit>,
}

impl Symbols {
    /// Symbols of so many bits, at most sixteen.
    pub(crate) fn new(width: u32) -> Symbols {
        Symbols { width, bits: vec![Bit::default(); 1 << width] }
    }

    /// Symbols below `count`, at most 65,536.
    pub(crate) fn below(count: usize) -> Symbols {
        Symbols::new(usize::BITS - count.saturating_sub(1).leading_zeros())
    }

    /// Codes a symbol.
    #[inline]
    pub(crate) fn code(&mut self, coder: &mut impl Coder, symbol: u32) -> u32 {
        let mut node = 1u32;
        for at in (0..self.width).rev() {
            let bit = symbol >> at & 1 != 0;
            let bit = self.bits.get_mut(node as usize).is_some_and(|model| coder.bit(model, bit));
            node = node << 1 | u32::from(bit);
        }
        node ^ 1 << self.width
    }
}

/// How many bits after the highest one are predicted. The others are as likely ones as zeros.
const PREDICTED: u32 = 3;
/// The numbers of bits: 0 to 128.
const LENGTHS: usize = 129;

/// Numbers of up to 128 bits.
#[derive(Clone, Debug)]
pub(crate) struct Numbers {
    lengths: Symbols,
    /// The first bits after the highest one, for each number of bits.
    next: Vec<Bit>,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers { lengths: Symbols::below(LENGTHS), next: vec![Bit::default(); LENGTHS << PREDICTED] }
    }
}

impl Numbers {
    /// Codes a number.
    pub(crate) fn code(&mut self, coder: &mut impl Coder, number: u128) -> u128 {
        // A forged length may be more than 128: of a number, the lowest 128 bits are kept.
        let length = self.lengths.code(coder, 128 - number.leading_zeros()).min(128);
        let Some(below) = length.checked_sub(1) else { return 0 };
        let (mut read, mut node) = (1u128, 1usize);
        let predicted = below.min(PREDICTED);
        for at in (below - predicted..below).rev() {
            let place = (length as usize) << PREDICTED | node;
            let bit = number >> at & 1 != 0;
            let bit = self.next.get_mut(place).is_some_and(|model| coder.bit(model, bit));
            (read, node) = (read << 1 | u128::from(bit), node << 1 | usize::from(bit));
        }
        let rest = below - predicted;
        let low = coder.raw(number, rest) & !(u128::MAX << rest);
        read << rest | low
    }

    /// Codes how far a number of 32 bits is from another one, whichever is greater.
    pub(crate) fn code_near(&mut self, coder: &mut impl Coder, number: u32, near: u32) -> u32 {
        let step = number.wrapping_sub(near).cast_signed();
        // Zigzag: small steps up and down are small numbers.
        let folded = (step << 1 ^ step >> 31).cast_unsigned();
        let folded = self.code(coder, folded.into()) as u32;
        let step = (folded >> 1).cast_signed() ^ -(folded & 1).cast_signed();
        near.wrapping_add(step.cast_unsigned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::{Decoder, Encoder};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back(
            numbers in proptest::collection::vec((proptest::num::u128::ANY, 0u32..128), 0..200),
            near in proptest::collection::vec((0u32.., 0u32..), 0..50),
        ) {
            let numbers: Vec<u128> = numbers.into_iter().map(|(number, shift)| number >> shift).collect();
            let (mut encoder, mut model) = (Encoder::new(), Numbers::default());
            numbers.iter().for_each(|number| _ = model.code(&mut encoder, *number));
            near.iter().for_each(|(a, b)| _ = model.code_near(&mut encoder, *a, *b));
            let bytes = encoder.finish();
            let (mut decoder, mut model) = (Decoder::new(&bytes), Numbers::default());
            for number in &numbers {
                prop_assert_eq!(model.code(&mut decoder, 0), *number);
            }
            for (a, b) in &near {
                prop_assert_eq!(model.code_near(&mut decoder, 0, *b), *a);
            }
            prop_assert!(decoder.is_at_end());
        }

        #[test]
        fn symbols_read_back(symbols in proptest::collection::vec(0u32..300, 0..200)) {
            let (mut encoder, mut model) = (Encoder::new(), Symbols::below(300));
            symbols.iter().for_each(|symbol| _ = model.code(&mut encoder, *symbol));
            let bytes = encoder.finish();
            let (mut decoder, mut model) = (Decoder::new(&bytes), Symbols::below(300));
            for symbol in &symbols {
                prop_assert_eq!(model.code(&mut decoder, 0), *symbol);
            }
        }
    }
}
