//! A prefix code for the bytes of names: frequent ones take three bits, rare ones up to ten.
//!
//! Names are made of some forty bytes, of which a dozen make up most of them, so that their texts take five eighths of what
//! plain bytes would (D. Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952). A question is put into
//! the same code, once, and compared with what is stored, bit by bit and many at a time: equal bits are equal bytes, because
//! no code is the beginning of another. So nothing is unpacked to find a name.
//!
//! Codes are canonical: those of one length are numbered in the order of their bytes. They are stored with their first bit
//! lowest, as they are read.

use super::packed::Bits;
use crate::layout::u64_at;

/// The length of the table of codes, in bytes: two for each byte that there is.
pub(super) const CODES_LEN: usize = 512;
/// The longest code, in bits.
pub(super) const CODE_MAX: u32 = 10;
/// The longest text that is put into code, in bytes.
pub(super) const TEXT_MAX: usize = 255;
/// How many words hold the longest text in code, and one more to read from.
const WORDS: usize = (TEXT_MAX * CODE_MAX as usize).div_ceil(64) + 1;
/// How many bytes are coded together: a word holds the longest codes of so many.
const RUN: usize = 4;
/// Texts take whole units of so many bits, the last of which may be spare and are zero. The code that is all zeros is not
/// shorter, so that spare bits are never taken for a byte.
pub(super) const UNIT: usize = 4;
/// How many bits are compared at a time: what eight bytes give at any offset.
const STEP: usize = 57;

/// The code of each byte: the bits in the lower twelve bits, their number above; 0 for bytes that have no code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes<'a>(&'a [[u8; 2]; 256]);

impl<'a> Codes<'a> {
    /// The codes in a table; no byte has one where it is too short.
    pub(super) fn new(table: &'a [u8]) -> Codes<'a> {
        Codes(table.as_chunks().0.first_chunk().unwrap_or(&[[0; 2]; 256]))
    }

    /// The bits of a byte's code, and how many; none for a byte without a code.
    #[inline]
    fn of(&self, byte: u8) -> (u64, u32) {
        let row = self.0.get(usize::from(byte)).map_or(0, |row| u16::from_le_bytes(*row));
        (u64::from(row & 0xFFF), u32::from(row >> 12))
    }

    /// How many bits a text takes; `None` if a byte of it has no code.
    pub(super) fn bits(&self, text: &[u8]) -> Option<usize> {
        text.iter().map(|byte| Some(self.of(*byte).1 as usize).filter(|length| *length > 0)).sum()
    }

    /// How many bytes of a text take so many bits; `None` if these end within a byte.
    pub(super) fn bytes(&self, text: &[u8], bits: usize) -> Option<usize> {
        let (mut taken, mut bytes) = (0, 0);
        while taken < bits {
            taken += self.of(*text.get(bytes)?).1 as usize;
            bytes += 1;
        }
        Some(bytes).filter(|_| taken == bits)
    }

    /// Whether every text in this code can be read again, but for texts that have bytes without a code, where up to `spare`
    /// bits behind them are zeros.
    pub(super) fn are_sound(&self, spare: usize) -> bool {
        let rows = (0..=255).map(|byte| self.of(byte)).filter(|(_, length)| *length > 0);
        let mut taken = vec![false; 1 << CODE_MAX];
        for (bits, length) in rows {
            if length > CODE_MAX || bits >> length != 0 || bits == 0 && length as usize <= spare {
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
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if longest < UNIT as u32 {
        lengths.iter_mut().filter(|length| **length > 0).for_each(|length| *length = UNIT as u32);
    }
    let mut rows = [[0; 2]; 256];
    let mut next = 0u16;
    // The longest first, so that one of them is all zeros.
    for length in (1..=CODE_MAX).rev() {
        for (row, _) in rows.iter_mut().zip(&lengths).filter(|(_, own)| **own == length) {
            let bits = next.reverse_bits() >> (16 - length);
            *row = (bits | (length as u16) << 12).to_le_bytes();
            next += 1;
        }
        next = next.div_ceil(2);
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
pub(super) struct Texts(Bits);

impl Texts {
    /// How many units there are.
    pub(super) fn units(&self) -> usize {
        self.0.len() / UNIT
    }

    /// Puts a text behind the others, and zeros that fill its last unit; `None` if a byte of it has no code.
    pub(super) fn push(&mut self, codes: Codes<'_>, text: &[u8]) -> Option<()> {
        for byte in text {
            let (bits, length) = Some(codes.of(*byte)).filter(|(_, length)| *length > 0)?;
            self.0.put(bits, length as usize);
        }
        self.0.put(0, self.0.len().next_multiple_of(UNIT) - self.0.len());
        Some(())
    }

    /// Their bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}

/// A text in code, to be compared with stored ones.
///
/// It is written and read in whole words: a load of bytes that several stores wrote waits until all of them are through.
pub(super) struct Coded {
    /// The code, and zeros behind it.
    words: [u64; WORDS],
    /// How many bits there are; `None` if a byte has no code.
    len: Option<usize>,
}

impl Coded {
    /// Room for a text.
    #[inline]
    pub(super) fn new() -> Coded {
        Coded { words: [0; WORDS], len: None }
    }

    /// Puts a text into code, if it has at most [`TEXT_MAX`] bytes.
    #[inline]
    pub(super) fn set(&mut self, codes: Codes<'_>, text: &[u8]) {
        let (runs, rest) = text.as_chunks::<RUN>();
        let (mut len, mut pending) = (0, 0);
        let mut are_known = text.len() <= TEXT_MAX;
        let mut put = |run: Run| {
            let (word, filled) = (len / 64, len % 64);
            let full = pending | run.bits << filled;
            if let Some(place) = self.words.get_mut(word) {
                *place = full;
            }
            len += run.len;
            // What of the run did not fit, if the word is full.
            pending = if len / 64 == word { full } else { run.bits >> 1 >> (63 - filled) };
            are_known &= run.are_known;
        };
        runs.iter().for_each(|run| put(Run::of(codes, run)));
        put(Run::of(codes, rest));
        // Whoever compares units may read three bits more.
        if let Some(last) = self.words.get_mut(len / 64..).and_then(<[u64]>::first_chunk_mut) {
            *last = [pending, 0];
        }
        self.len = Some(len).filter(|_| are_known);
    }

    /// How many bits there are; `None` if a byte has no code.
    #[inline]
    pub(super) fn len(&self) -> Option<usize> {
        self.len
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

/// The code of up to four bytes.
struct Run {
    bits: u64,
    len: usize,
    are_known: bool,
}

impl Run {
    #[inline]
    fn of(codes: Codes<'_>, text: &[u8]) -> Run {
        let mut run = Run { bits: 0, len: 0, are_known: true };
        for byte in text {
            let (bits, len) = codes.of(*byte);
            run.are_known &= len > 0;
            run.bits |= bits << run.len;
            run.len += len as usize;
        }
        run
    }
}

/// A text that is read: at most [`TEXT_MAX`] bytes, whatever a forged file says.
pub(super) struct Text {
    bytes: [u8; TEXT_MAX],
    len: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; TEXT_MAX], len: 0 }
    }
}

impl Text {
    /// Its bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Takes all bytes away.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Leaves so many bytes; `None` where it has fewer.
    pub(super) fn truncate(&mut self, len: usize) -> Option<()> {
        self.len = Some(len).filter(|len| *len <= self.len)?;
        Some(())
    }

    /// Puts a byte behind the others; `None` where there is no room.
    #[inline]
    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }
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

    /// Puts the text that takes so many bits from bit `at` of `stored` on behind `out`, without its spare bits; `false` if no
    /// text does.
    pub(super) fn read(&self, stored: &[u8], at: usize, bits: usize, out: &mut Text) -> bool {
        let mut left = bits;
        while left > 0 {
            let next = bits_at(stored, at + bits - left) as usize % (1 << CODE_MAX);
            let (byte, length) = self.table.get(next).copied().unwrap_or((0, 0));
            if usize::from(length) > left {
                return left < UNIT && next.is_multiple_of(1 << left);
            }
            if length == 0 || out.push(byte).is_none() {
                return false;
            }
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
        assert_eq!([0, 1, 2].map(|byte| codes.of(byte).1), [1, 2, 3]);
        assert!((0..40).all(|byte| (1..=CODE_MAX).contains(&codes.of(byte).1)) && codes.are_sound(UNIT - 1));
        assert_eq!(codes.of(40), (0, 0));
        let table = encode(&[7; 256]);
        assert!((0..=255).all(|byte| Codes::new(&table).of(byte).1 == 8));
        for few in [&b"aaa"[..], b"aab", b"abcdefgh"] {
            let table = table_for(&[few.to_vec()]);
            let codes = Codes::new(&table);
            assert!(
                few.iter().all(|byte| codes.of(*byte).1 == UNIT as u32),
                "none could be taken for spare bits"
            );
            assert!(codes.are_sound(UNIT - 1));
        }
    }

    #[test]
    fn unsound_codes_are_told() {
        let sound = table_for(&[b"aabbcdefgh".to_vec()]);
        assert!(Codes::new(&sound).are_sound(UNIT - 1));
        let forged = |row: u16| {
            let mut table = sound.clone();
            table[..2].copy_from_slice(&row.to_le_bytes());
            Codes::new(&table).are_sound(UNIT - 1)
        };
        let of_a = Codes::new(&sound).of(b'a');
        assert!(!forged(of_a.0 as u16 | (of_a.1 as u16) << 12), "two bytes have one code");
        assert!(!forged(1 << 12) && !forged(3 << 12), "spare bits could be a byte");
        assert!(!forged(11 << 12) && !forged(2 << 12 | 0x800), "more bits than codes have");
    }

    proptest! {
        #[test]
        fn texts_are_compared_and_read_as_what_they_are(
            texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=TEXT_MAX), 1..6),
            plain in proptest::collection::vec(proptest::collection::vec(b'a'..b'n', 0..=TEXT_MAX), 1..6),
            few in proptest::collection::vec(proptest::collection::vec(b'a'..b'd', 0..9), 1..6),
            other in proptest::collection::vec(any::<u8>(), 1..30),
        ) {
            for texts in [texts, plain, few] {
                let table = table_for(&texts);
                let codes = Codes::new(&table);
                let (decoder, mut coded, mut bits) = (Decoder::new(codes), Coded::new(), Texts::default());
                let ends: Vec<usize> = texts.iter().map(|text| {
                    bits.push(codes, text).expect("known bytes");
                    bits.units() * UNIT
                }).collect();
                let mut stored = bits.finish();
                stored.resize(stored.len() + 8, 0);
                let mut at = 0;
                for (text, end) in texts.iter().zip(ends) {
                    coded.set(codes, text);
                    let len = coded.len().expect("known bytes");
                    prop_assert_eq!((codes.bits(text), len.next_multiple_of(UNIT)), (Some(len), end - at));
                    let half = codes.bits(&text[..text.len() / 2]).expect("known bytes");
                    prop_assert_eq!(codes.bytes(text, half), Some(text.len() / 2));
                    prop_assert_eq!(codes.bytes(text, len + 1), None);
                    prop_assert!(coded.is_at(&stored, at, 0, end - at) && coded.is_at(&stored, at + half, half, len - half));
                    let mut read = Text::default();
                    prop_assert!(decoder.read(&stored, at, end - at, &mut read));
                    prop_assert_eq!(read.bytes(), text.as_slice());
                    for other in texts.iter().chain([&other]) {
                        coded.set(codes, other);
                        let Some(len) = coded.len() else { continue };
                        let is_beginning = other.len() <= text.len() && text[..other.len()] == other[..];
                        prop_assert!(len > end - at || coded.is_at(&stored, at, 0, len) == is_beginning);
                        let is_it = len.next_multiple_of(UNIT) == end - at && coded.is_at(&stored, at, 0, end - at);
                        prop_assert_eq!(is_it, other == text, "spare bits are no bytes");
                    }
                    at = end;
                }
            }
        }
    }
}
