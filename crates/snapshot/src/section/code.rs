//! A prefix code for the bytes of names: frequent ones take three bits, rare ones up to ten.
//!
//! Names are made of some forty bytes, of which a dozen make up most of them, so that their texts take five eighths of what
//! plain bytes would (D. Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952). A question is put into
//! the same code, once, and compared with what is stored, bit by bit and many at a time: equal bits are equal bytes, because
//! no code is the beginning of another. So nothing is unpacked to find a name.
//!
//! Codes are canonical: those of one length are numbered in the order of their bytes. They are stored with their first bit
//! lowest, as they are read.

use crate::layout::u64_at;

/// The length of the table of codes, in bytes: two for each byte that there is.
pub(super) const CODES_LEN: usize = 512;
/// The longest code, in bits.
pub(super) const CODE_MAX: u32 = 10;
/// The longest text that is put into code, in bytes.
pub(super) const TEXT_MAX: usize = 255;
/// How many words hold the longest text in code, and one more to read from.
const WORDS: usize = (TEXT_MAX * CODE_MAX as usize).div_ceil(64) + 1;
/// The lengths of texts are counted in so many bits, the last of which may be spare: no code is as short, so that a text is
/// never taken for one that ends with a spare bit.
pub(super) const UNIT: usize = 2;
/// How many bits are compared at a time: what eight bytes give at any offset.
const STEP: usize = 57;

/// The code of each byte: the bits in the lower twelve bits, their number above; 0 for bytes that have no code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes<'a>(&'a [[u8; 2]]);

impl<'a> Codes<'a> {
    /// The codes in a table.
    pub(super) fn new(table: &'a [u8]) -> Codes<'a> {
        Codes(table.as_chunks().0)
    }

    /// The bits of a byte's code, and how many; none for a byte without a code.
    #[inline]
    fn of(&self, byte: u8) -> (u64, u32) {
        let row = self.0.get(usize::from(byte)).map_or(0, |row| u16::from_le_bytes(*row));
        (u64::from(row & 0xFFF), u32::from(row >> 12))
    }

    /// How many units a text takes; `None` if a byte of it has no code.
    pub(super) fn units(&self, text: &[u8]) -> Option<usize> {
        let lengths = text.iter().map(|byte| Some(self.of(*byte).1 as usize).filter(|length| *length > 0));
        Some(lengths.sum::<Option<usize>>()?.div_ceil(UNIT))
    }

    /// Whether every text in this code can be read again, but for texts that have bytes without a code.
    pub(super) fn are_sound(&self) -> bool {
        let rows = (0..=255).map(|byte| self.of(byte)).filter(|(_, length)| *length > 0);
        let mut taken = vec![false; 1 << CODE_MAX];
        for (bits, length) in rows {
            if length < UNIT as u32 || length > CODE_MAX || bits >> length != 0 {
                return false;
            }
            for place in taken.iter_mut().skip(bits as usize).step_by(1 << length) {
                if std::mem::replace(place, true) {
                    return false;
                }
            }
        }
        true
    }
}

/// The table of codes for bytes that occur so often.
pub(super) fn encode(occurs: &[u64; 256]) -> Vec<u8> {
    let mut lengths = [0u32; 256];
    let mut weights = *occurs;
    // Flatter weights give shorter codes; equal ones give eight bits.
    loop {
        lengths.fill(0);
        lengths_of(&weights, &mut lengths);
        if lengths.iter().all(|length| *length <= CODE_MAX) {
            break;
        }
        weights.iter_mut().filter(|weight| **weight > 0).for_each(|weight| *weight = *weight / 2 + 1);
    }
    for length in lengths.iter_mut().filter(|length| **length > 0) {
        *length = (*length).max(UNIT as u32);
    }
    let mut rows = [[0; 2]; 256];
    let mut next = 0u16;
    for length in 1..=CODE_MAX {
        next <<= 1;
        for (row, _) in rows.iter_mut().zip(&lengths).filter(|(_, own)| **own == length) {
            let bits = next.reverse_bits() >> (16 - length);
            *row = (bits | (length as u16) << 12).to_le_bytes();
            next += 1;
        }
    }
    rows.concat()
}

/// The length of each byte's code: the two lightest are put under one, again and again, and each time all below are a bit
/// further down.
fn lengths_of(weights: &[u64; 256], lengths: &mut [u32; 256]) {
    let mut groups: Vec<(u64, Vec<u8>)> = (0..=255)
        .zip(weights)
        .filter(|(_, weight)| **weight > 0)
        .map(|(byte, weight)| (*weight, vec![byte]))
        .collect();
    if let [(_, only)] = groups.as_slice() {
        only.iter().for_each(|byte| deepen(lengths, *byte));
    }
    while groups.len() > 1 {
        // Few groups, sorted anew each time: this happens once for a file. Sorting is stable, so equal weights keep
        // their order and the codes are the same on every machine.
        groups.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let lightest = groups.split_off(groups.len() - 2);
        lightest.iter().flat_map(|(_, bytes)| bytes).for_each(|byte| deepen(lengths, *byte));
        let weight = lightest.iter().map(|(weight, _)| weight).sum();
        groups.push((weight, lightest.into_iter().flat_map(|(_, bytes)| bytes).collect()));
    }
}

fn deepen(lengths: &mut [u32; 256], byte: u8) {
    lengths.iter_mut().skip(usize::from(byte)).take(1).for_each(|length| *length += 1);
}

/// Texts in code, one behind the other.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    filled: u32,
}

impl Bits {
    /// How many bytes there will be with a text of so many units more.
    pub(super) fn bytes_with(&self, units: usize) -> usize {
        self.bytes.len() + (self.filled as usize + units * UNIT).div_ceil(8)
    }

    /// Puts a text behind the others. Returns how many units it took; `None` if a byte of it has no code.
    pub(super) fn push(&mut self, codes: Codes<'_>, text: &[u8]) -> Option<usize> {
        let mut count = 0;
        for byte in text {
            let (bits, length) = codes.of(*byte);
            if length == 0 {
                return None;
            }
            self.put(bits, length as usize);
            count += length as usize;
        }
        self.put(0, count.next_multiple_of(UNIT) - count);
        Some(count.div_ceil(UNIT))
    }

    fn put(&mut self, bits: u64, length: usize) {
        self.pending |= bits << self.filled;
        self.filled += length as u32;
        while self.filled >= 8 {
            self.bytes.extend(self.pending.to_le_bytes().first());
            (self.pending, self.filled) = (self.pending >> 8, self.filled - 8);
        }
    }

    /// The bytes, the last one filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.filled > 0 {
            self.bytes.extend(self.pending.to_le_bytes().first());
        }
        self.bytes
    }
}

/// A text in code, to be compared with stored ones.
pub(super) struct Coded {
    words: [u64; WORDS],
    /// How many bits the first so many bytes take.
    ends: [u16; TEXT_MAX + 1],
    /// How many bytes have a code, up to the first that has none.
    known: usize,
}

impl Coded {
    /// Room for a text.
    #[inline]
    pub(super) fn new() -> Coded {
        Coded { words: [0; WORDS], ends: [0; TEXT_MAX + 1], known: 0 }
    }

    /// Puts a text into code.
    #[inline]
    pub(super) fn set(&mut self, codes: Codes<'_>, text: &[u8]) {
        let (mut pending, mut total, mut known) = (0u64, 0usize, 0);
        for (byte, end) in text.iter().zip(self.ends.iter_mut().skip(1)) {
            let (bits, length) = codes.of(*byte);
            if length == 0 {
                break;
            }
            let before = total;
            total += length as usize;
            pending |= bits << (before % 64);
            if before / 64 != total / 64 {
                self.words.iter_mut().skip(before / 64).take(1).for_each(|word| *word = pending);
                // What of the code did not fit; nothing where the word ended with it.
                pending = bits >> (64 - before % 64);
            }
            *end = total as u16;
            known += 1;
        }
        self.known = known;
        self.words.iter_mut().skip(total / 64).take(1).for_each(|word| *word = pending);
    }

    /// How many bytes have a code, up to the first that has none.
    #[inline]
    pub(super) fn known(&self) -> usize {
        self.known
    }

    /// How many bits the first `bytes` take.
    #[inline]
    pub(super) fn end(&self, bytes: usize) -> usize {
        self.ends.get(bytes).copied().map_or(0, usize::from)
    }

    /// Whether `count` bits from bit `at` of `stored` are those from bit `from` of the text.
    #[inline]
    pub(super) fn is_at(&self, stored: &[u8], at: usize, from: usize, count: usize) -> bool {
        let mut done = 0;
        while done < count {
            let left = (count - done).min(STEP);
            let differ = bits_at(stored, at + done) ^ self.bits(from + done);
            if differ << (64 - left) != 0 {
                return false;
            }
            done += left;
        }
        true
    }

    /// The bits from `at` on.
    #[inline]
    fn bits(&self, at: usize) -> u64 {
        let word = |at: usize| self.words.get(at).copied().unwrap_or(0);
        let shift = at % 64;
        word(at / 64) >> shift | word(at / 64 + 1) << 1 << (63 - shift)
    }
}

/// The 57 bits from `at` on, at least.
#[inline]
fn bits_at(stored: &[u8], at: usize) -> u64 {
    u64_at(stored, at / 8) >> (at % 8)
}

/// Reads texts in code.
pub(super) struct Decoder {
    /// By the bits that come next: the byte, and the number of bits that it takes, or 0.
    table: [(u8, u8); 1 << CODE_MAX],
}

impl Decoder {
    /// A decoder of these codes.
    pub(super) fn new(codes: Codes<'_>) -> Decoder {
        let mut table = [(0, 0); 1 << CODE_MAX];
        for byte in 0..=255 {
            let (bits, length) = codes.of(byte);
            if length > 0 {
                let places = table.iter_mut().skip(bits as usize).step_by(1 << length.min(CODE_MAX));
                places.for_each(|place| *place = (byte, length as u8));
            }
        }
        Decoder { table }
    }

    /// Puts the text that takes so many units from bit `at` of `stored` on behind `out`; `false` if no text does.
    pub(super) fn read(&self, stored: &[u8], at: usize, units: usize, out: &mut Vec<u8>) -> bool {
        let mut left = units * UNIT;
        while left >= UNIT {
            let bits = bits_at(stored, at + units * UNIT - left) as usize % (1 << CODE_MAX);
            let (byte, length) = self.table.get(bits).copied().unwrap_or((0, 0));
            if length == 0 || usize::from(length) > left {
                return false;
            }
            out.push(byte);
            left -= usize::from(length);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table_for(texts: &[Vec<u8>]) -> Vec<u8> {
        let mut occurs = [0; 256];
        texts.iter().flatten().for_each(|byte| occurs[usize::from(*byte)] += 1);
        encode(&occurs)
    }

    #[test]
    fn frequent_bytes_have_short_codes() {
        let table = encode(&std::array::from_fn(|byte| if byte < 40 { 1 << (40 - byte) } else { 0 }));
        let codes = Codes::new(&table);
        assert_eq!([0, 1, 2].map(|byte| codes.of(byte).1), [2, 2, 3]);
        assert!((0..40).all(|byte| (1..=CODE_MAX).contains(&codes.of(byte).1)) && codes.are_sound());
        assert_eq!(codes.of(40), (0, 0));
        let table = encode(&[7; 256]);
        assert!((0..=255).all(|byte| Codes::new(&table).of(byte).1 == 8));
        let table = table_for(&[b"aaa".to_vec()]);
        assert_eq!(Codes::new(&table).of(b'a'), (0, 2), "a code of no bits could not be told from none");
    }

    #[test]
    fn codes_that_begin_each_other_are_unsound() {
        let mut table = table_for(&[b"aabbcd".to_vec()]);
        assert!(Codes::new(&table).are_sound());
        table.copy_within(usize::from(b'a') * 2..usize::from(b'a') * 2 + 2, 0);
        assert!(!Codes::new(&table).are_sound());
    }

    proptest! {
        #[test]
        fn texts_are_compared_and_read_as_what_they_are(
            texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=TEXT_MAX), 1..6),
            plain in proptest::collection::vec(proptest::collection::vec(b'a'..b'f', 0..=TEXT_MAX), 1..6),
            other in proptest::collection::vec(any::<u8>(), 1..30),
        ) {
            for texts in [texts, plain] {
                let table = table_for(&texts);
                let codes = Codes::new(&table);
                let (decoder, mut coded, mut bits) = (Decoder::new(codes), Coded::new(), Bits::default());
                let units: Vec<usize> = texts.iter().map(|text| bits.push(codes, text).expect("known bytes")).collect();
                let mut stored = bits.finish();
                stored.resize(stored.len() + 8, 0);
                let mut at = 0;
                for (text, units) in texts.iter().zip(units) {
                    coded.set(codes, text);
                    let count = coded.end(text.len());
                    prop_assert_eq!((coded.known(), count.div_ceil(UNIT)), (text.len(), units));
                    prop_assert_eq!(codes.units(text), Some(units));
                    let half = coded.end(text.len() / 2);
                    prop_assert!(coded.is_at(&stored, at, 0, count) && coded.is_at(&stored, at + half, half, count - half));
                    let mut read = Vec::new();
                    prop_assert!(decoder.read(&stored, at, units, &mut read));
                    prop_assert_eq!(&read, text);
                    coded.set(codes, &other);
                    let end = coded.end(other.len());
                    let is_beginning = other.len() <= text.len() && text[..other.len()] == other[..];
                    prop_assert!(coded.known() < other.len() || end > count || coded.is_at(&stored, at, 0, end) == is_beginning);
                    at += units * UNIT;
                }
            }
        }
    }
}
