//! A range coder of adaptive bits: what is likely takes a small part of a bit.
//!
//! The same functions write and read. A [`Coder`] is given a bit and returns one: the [`Encoder`] the same
//! bit, which it wrote, the [`Decoder`] the bit that it read, whatever it was given. So what is coded is
//! described once, and both directions agree.

/// A prediction of a bit: the upper 22 bits are the share of ones, the lower ten how many bits it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bit(u32);

const COUNT_BITS: u32 = 10;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;
const SHARE_BITS: u32 = 22;
/// The share that a coder takes has sixteen bits.
const CODED_BITS: u32 = 16;

/// The bits of a share of 4,096, as models of texts take it.
const SHARE_OF_4096_BITS: u32 = 12;

/// How much of the distance to the bit that came a share moves, in 65,536ths: the more bits were seen, the
/// less.
const RATES: [u32; 1 << COUNT_BITS] = {
    let mut rates = [0; 1 << COUNT_BITS];
    let mut count = 0;
    while count < rates.len() {
        #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler")]
        {
            rates[count] = (1 << 17) / (2 * count as u32 + 3);
        }
        count += 1;
    }
    rates
};

impl Default for Bit {
    /// Half of the bits are ones, and none was seen.
    fn default() -> Bit {
        Bit(1 << (SHARE_BITS - 1 + COUNT_BITS))
    }
}

impl Bit {
    /// How many bits were seen, as far as they are counted.
    #[inline]
    pub(crate) fn count(self) -> u32 {
        self.0 & COUNT_MAX
    }

    /// A prediction of so many ones in 4,096.
    #[inline]
    pub(crate) fn of_share(share: u32) -> Bit {
        Bit(share << (32 - SHARE_OF_4096_BITS))
    }

    /// How many of 4,096 are ones.
    #[inline]
    pub(crate) fn share_of_4096(self) -> u32 {
        self.0 >> (32 - SHARE_OF_4096_BITS)
    }

    /// The share of ones, as a coder takes it: never none and never all.
    #[inline]
    fn share(self) -> u32 {
        (self.0 >> (32 - CODED_BITS)).clamp(1, (1 << CODED_BITS) - 1)
    }

    /// Learns a bit.
    #[inline]
    pub(crate) fn learn(&mut self, bit: bool) {
        let (share, count) = (self.0 >> COUNT_BITS, self.count());
        let rate = RATES.get(count as usize).copied().unwrap_or(0);
        let goal = if bit { (1 << SHARE_BITS) - 1 } else { 0 };
        let step = ((i64::from(goal) - i64::from(share)) * i64::from(rate)) >> 16;
        // Between the share and the goal.
        let share = (i64::from(share) + step) as u32;
        self.0 = share << COUNT_BITS | (count + 1).min(COUNT_MAX);
    }
}

/// Writes bits, or reads them.
pub(crate) trait Coder {
    /// Codes a bit with this prediction, which does not learn from it.
    fn predicted(&mut self, prediction: Bit, bit: bool) -> bool;

    /// Codes the lowest bits of a number, each of which is as likely one as zero.
    fn raw(&mut self, number: u128, bits: u32) -> u128;

    /// Whether bits were read that are not there: what was read since then means nothing.
    #[inline]
    fn is_past_end(&self) -> bool {
        false
    }

    /// Codes a bit, and learns it.
    #[inline]
    fn bit(&mut self, model: &mut Bit, bit: bool) -> bool {
        let bit = self.predicted(*model, bit);
        model.learn(bit);
        bit
    }
}

/// Codes nothing: models learn what it is given.
#[derive(Debug)]
pub(crate) struct Silent;

impl Coder for Silent {
    #[inline]
    fn predicted(&mut self, _: Bit, bit: bool) -> bool {
        bit
    }

    fn raw(&mut self, number: u128, _: u32) -> u128 {
        number
    }
}

/// The range is at least this: the state of a coder is four bytes.
const RANGE_MIN: u32 = 1 << 24;

/// Writes bits.
#[derive(Debug)]
pub(crate) struct Encoder {
    out: Vec<u8>,
    low: u64,
    range: u32,
    /// The last byte that a carry can still change, and how many bytes of all ones follow it.
    cache: u8,
    ones: u64,
    is_first: bool,
}

impl Encoder {
    /// Without bits.
    pub(crate) fn new() -> Encoder {
        Encoder { out: Vec::new(), low: 0, range: u32::MAX, cache: 0, ones: 0, is_first: true }
    }

    fn shift(&mut self) {
        let carry = (self.low >> 32) as u8;
        if self.low < 0xFF00_0000 || carry != 0 {
            // Nothing comes before the first byte, so that no carry reaches it.
            if !self.is_first {
                self.out.push(self.cache.wrapping_add(carry));
            }
            self.is_first = false;
            for _ in 0..std::mem::take(&mut self.ones) {
                self.out.push(0xFF_u8.wrapping_add(carry));
            }
            self.cache = (self.low >> 24) as u8;
        } else {
            self.ones += 1;
        }
        self.low = (self.low & 0x00FF_FFFF) << 8;
    }

    /// How many bits of information were written.
    pub(crate) fn bits(&self) -> f64 {
        let written = self.out.len() as u64 + self.ones + u64::from(!self.is_first);
        8.0 * written as f64 + 32.0 - f64::from(self.range).log2()
    }

    fn narrow(&mut self) {
        while self.range < RANGE_MIN {
            self.range <<= 8;
            self.shift();
        }
    }

    /// The bytes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        (0..5).for_each(|_| self.shift());
        self.out
    }
}

impl Coder for Encoder {
    #[inline]
    fn predicted(&mut self, prediction: Bit, bit: bool) -> bool {
        let bound = (self.range >> CODED_BITS) * prediction.share();
        if bit {
            self.range = bound;
        } else {
            self.low += u64::from(bound);
            self.range -= bound;
        }
        self.narrow();
        bit
    }

    fn raw(&mut self, number: u128, bits: u32) -> u128 {
        for at in (0..bits).rev() {
            self.range >>= 1;
            if number >> at & 1 == 0 {
                self.low += u64::from(self.range);
            }
            self.narrow();
        }
        number
    }
}

/// Reads bits.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
    code: u32,
    range: u32,
    is_past_end: bool,
}

impl<'a> Decoder<'a> {
    /// Before the first bit.
    pub(crate) fn new(bytes: &'a [u8]) -> Decoder<'a> {
        let mut decoder = Decoder { rest: bytes, code: 0, range: u32::MAX, is_past_end: false };
        (0..4).for_each(|_| decoder.take());
        decoder
    }

    #[inline]
    fn take(&mut self) {
        let byte = match self.rest.split_first() {
            Some((byte, rest)) => {
                self.rest = rest;
                *byte
            }
            None => {
                self.is_past_end = true;
                0
            }
        };
        self.code = self.code << 8 | u32::from(byte);
    }

    #[inline]
    fn widen(&mut self) {
        while self.range < RANGE_MIN {
            self.range <<= 8;
            self.take();
        }
    }

    /// Whether all bytes were read, and no more.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty() && !self.is_past_end
    }
}

impl Coder for Decoder<'_> {
    #[inline]
    fn is_past_end(&self) -> bool {
        self.is_past_end
    }

    #[inline]
    fn predicted(&mut self, prediction: Bit, _: bool) -> bool {
        let bound = (self.range >> CODED_BITS) * prediction.share();
        let bit = self.code < bound;
        if bit {
            self.range = bound;
        } else {
            self.code -= bound;
            self.range -= bound;
        }
        self.widen();
        bit
    }

    fn raw(&mut self, _: u128, bits: u32) -> u128 {
        (0..bits).fold(0, |number, _| {
            self.range >>= 1;
            let bit = self.code < self.range;
            if !bit {
                self.code -= self.range;
            }
            self.widen();
            number << 1 | u128::from(bit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(bits: &[bool]) -> Vec<u8> {
        let (mut encoder, mut model) = (Encoder::new(), Bit::default());
        for (at, bit) in (0u128..).zip(bits) {
            encoder.bit(&mut model, *bit);
            encoder.raw(at, (at % 9) as u32);
        }
        encoder.finish()
    }

    #[test]
    fn what_is_certain_takes_next_to_nothing() {
        let (mut encoder, mut model) = (Encoder::new(), Bit::default());
        (0..1_000_000).for_each(|_| _ = encoder.bit(&mut model, false));
        assert!(encoder.finish().len() < 80);
    }

    #[test]
    fn rare_bits_take_their_entropy() {
        let (mut encoder, mut model) = (Encoder::new(), Bit::default());
        let mut state = 1u64;
        let mut ones = 0;
        for _ in 0..1_000_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let bit = (state >> 40).is_multiple_of(50);
            ones += usize::from(bit);
            encoder.bit(&mut model, bit);
        }
        // H(0.02) is 0.1414 bits.
        let (bits, bytes, ideal) = (encoder.bits(), encoder.finish().len(), 1_000_000.0 * 0.1414 / 8.0);
        assert!((bits / 8.0 - bytes as f64).abs() < 6.0, "{bits} bits in {bytes} bytes");
        assert!((bytes as f64) < 1.01 * ideal + 100.0, "{bytes} bytes for {ones} ones, ideally {ideal}");
    }

    proptest! {
        #[test]
        fn bits_read_back_and_fill_their_bytes(
            bits in proptest::collection::vec(proptest::bool::weighted(0.1), 0..3000),
        ) {
            let bytes = written(&bits);
            let (mut decoder, mut model) = (Decoder::new(&bytes), Bit::default());
            for (at, bit) in (0u128..).zip(&bits) {
                prop_assert_eq!(decoder.bit(&mut model, false), *bit);
                let width = (at % 9) as u32;
                prop_assert_eq!(decoder.raw(0, width), at & ((1 << width) - 1));
            }
            prop_assert!(decoder.is_at_end());
        }

        #[test]
        fn any_bytes_can_be_read(bytes in proptest::collection::vec(0u8.., 0..40)) {
            let (mut decoder, mut model) = (Decoder::new(&bytes), Bit::default());
            (0..2000).for_each(|_| _ = decoder.bit(&mut model, true));
            decoder.raw(0, 128);
            let mut more = Decoder::new(&bytes);
            more.raw(0, 8 * 40 + 8);
            prop_assert!(more.is_past_end());
        }
    }
}
