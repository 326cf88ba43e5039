//! The prefix code of names: frequent bytes take three bits, infrequent ones up to ten.
//!
//! Names consist of some forty different bytes, and a dozen of them make up most of the text, so that a
//! Huffman code (D. Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952) takes five
//! eighths of the bytes. A query is encoded once and compared with stored texts, many bits at a time. Because
//! no code is a prefix of another one, equal bits are equal bytes, and a look-up decodes nothing.
//!
//! The code is canonical: codes of one length are numbered in the order of their bytes. Codes are stored with
//! their first bit lowest, as they are read.

use super::packed::BitWriter;
use crate::layout::u64_at;

/// The length of the table of codes, in bytes: two for each of the 256 bytes.
pub(super) const CODES_LEN: usize = 512;
/// The longest code, in bits.
pub(super) const CODE_MAX: u32 = 10;
/// The longest text that is encoded, in bytes.
pub(super) const TEXT_MAX: usize = 255;
/// How many words hold the longest encoded text, and one more so that reads of two words stay inside.
const WORDS: usize = (TEXT_MAX * CODE_MAX as usize).div_ceil(64) + 1;
/// How many bytes are encoded together: their codes fit one word, whatever their lengths.
const CHUNK: usize = 4;
/// Encoded texts take whole units of so many bits, padded with zero bits. The code that is all zeros has at
/// least as many bits, so that padding is never taken for a byte.
pub(super) const UNIT: usize = 4;
/// How many bits are compared at a time: what a load of eight bytes has at any bit offset.
const STEP: usize = 57;

/// The code of each byte: its bits in the lower twelve bits, how many there are in the upper four; 0 for a
/// byte without a code.
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

    /// How many bits a text takes, without padding. Bytes without a code take none.
    pub(super) fn bits(&self, text: &[u8]) -> usize {
        text.iter().map(|byte| self.of(*byte).1 as usize).sum()
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

    /// Whether the code is a prefix code in which up to `padding` zero bits are never taken for a byte.
    pub(super) fn are_sound(&self, padding: usize) -> bool {
        let rows = (0..=255).map(|byte| self.of(byte)).filter(|(_, length)| *length > 0);
        let mut taken = vec![false; 1 << CODE_MAX];
        for (bits, length) in rows {
            if length > CODE_MAX || bits >> length != 0 || bits == 0 && length as usize <= padding {
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

/// The table of codes for bytes with these frequencies.
pub(super) fn encode(frequencies: &[u64; 256]) -> Vec<u8> {
    let mut lengths = [0u32; 256];
    let mut weights = *frequencies;
    // Halving the weights flattens them until no code is too long; equal weights give eight bits.
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
    // The longest codes come first, so that the code that is all zeros is one of them.
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

/// The length of each byte's code. Huffman's algorithm joins the two lightest groups until one is left; each
/// time, the codes of all their bytes get a bit longer.
fn lengths_of(weights: &[u64; 256], lengths: &mut [u32; 256]) {
    let mut groups: Vec<(u64, Vec<u8>)> = (0..=255)
        .zip(weights)
        .filter(|(_, weight)| **weight > 0)
        .map(|(byte, weight)| (*weight, vec![byte]))
        .collect();
    if let [(_, only)] = groups.as_slice() {
        only.iter().for_each(|byte| lengthen(lengths, *byte));
    }
    while groups.len() > 1 {
        // Sorting anew each time is simple, and cheap enough for 256 groups once a file. The sort is stable,
        // so that equal weights keep their order and the code is the same on every machine.
        groups.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let lightest = groups.split_off(groups.len() - 2);
        lightest.iter().flat_map(|(_, bytes)| bytes).for_each(|byte| lengthen(lengths, *byte));
        let weight = lightest.iter().map(|(weight, _)| weight).sum();
        groups.push((weight, lightest.into_iter().flat_map(|(_, bytes)| bytes).collect()));
    }
}

fn lengthen(lengths: &mut [u32; 256], byte: u8) {
    lengths.iter_mut().skip(usize::from(byte)).take(1).for_each(|length| *length += 1);
}

/// Writes encoded texts one after another.
#[derive(Default)]
pub(super) struct TextWriter(BitWriter);

impl TextWriter {
    /// How many units were written.
    pub(super) fn units(&self) -> usize {
        self.0.len() / UNIT
    }

    /// Appends a text, all of whose bytes have codes, and pads its last unit with zeros.
    pub(super) fn push(&mut self, codes: Codes<'_>, text: &[u8]) {
        for byte in text {
            let (bits, length) = codes.of(*byte);
            debug_assert!(length > 0, "the table has a code for every byte that occurs");
            self.0.put(bits, length as usize);
        }
        self.0.put(0, self.0.len().next_multiple_of(UNIT) - self.0.len());
    }

    /// Their bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}

/// An encoded query, to be compared with stored texts.
///
/// It is written and read in whole words: a load that overlaps several smaller stores would stall until all
/// of them retire.
pub(super) struct EncodedText {
    /// The encoded text, followed by zeros.
    words: [u64; WORDS],
    /// How many bits there are; `None` if a byte has no code.
    len: Option<usize>,
}

impl EncodedText {
    /// An empty buffer.
    #[inline]
    pub(super) fn new() -> EncodedText {
        EncodedText { words: [0; WORDS], len: None }
    }

    /// Encodes a text of at most [`TEXT_MAX`] bytes. The length of a longer one, or of one with a byte that
    /// has no code, is `None`.
    #[inline]
    pub(super) fn set(&mut self, codes: Codes<'_>, text: &[u8]) {
        let (chunks, rest) = text.as_chunks::<CHUNK>();
        let (mut len, mut pending) = (0, 0);
        let mut are_known = text.len() <= TEXT_MAX;
        let mut put = |chunk: Chunk| {
            let (word, filled) = (len / 64, len % 64);
            let full = pending | chunk.bits << filled;
            if let Some(place) = self.words.get_mut(word) {
                *place = full;
            }
            len += chunk.len;
            // If the word is full, the bits of the chunk that did not fit.
            pending = if len / 64 == word { full } else { chunk.bits >> 1 >> (63 - filled) };
            are_known &= chunk.are_known;
        };
        chunks.iter().for_each(|chunk| put(Chunk::of(codes, chunk)));
        put(Chunk::of(codes, rest));
        // Comparisons of whole units read up to three bits more.
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

/// At least the 57 bits from `at` on.
#[inline]
fn bits_at(stored: &[u8], at: usize) -> u64 {
    u64_at(stored, at / 8) >> (at % 8)
}

/// The codes of up to four bytes.
struct Chunk {
    bits: u64,
    len: usize,
    are_known: bool,
}

impl Chunk {
    #[inline]
    fn of(codes: Codes<'_>, text: &[u8]) -> Chunk {
        let mut chunk = Chunk { bits: 0, len: 0, are_known: true };
        for byte in text {
            let (bits, len) = codes.of(*byte);
            chunk.are_known &= len > 0;
            chunk.bits |= bits << chunk.len;
            chunk.len += len as usize;
        }
        chunk
    }
}

/// A decoded text of at most [`TEXT_MAX`] bytes, whatever a forged file states.
pub(super) struct DecodedText {
    bytes: [u8; TEXT_MAX],
    len: usize,
}

impl Default for DecodedText {
    fn default() -> DecodedText {
        DecodedText { bytes: [0; TEXT_MAX], len: 0 }
    }
}

impl DecodedText {
    /// Its bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Removes all bytes.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the first `len` bytes; `None` where it has fewer.
    pub(super) fn truncate(&mut self, len: usize) -> Option<()> {
        self.len = Some(len).filter(|len| *len <= self.len)?;
        Some(())
    }

    /// Appends a byte; `None` where there is no room.
    #[inline]
    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }
}

/// Decodes stored texts.
pub(super) struct Decoder {
    /// Indexed by the next bits: the byte, and the length of its code, or 0 where no code begins like this.
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

    /// Appends the text in `bits` bits from bit `at` of `stored` on to `out`, without its padding. Returns
    /// `false` if they are not a text.
    pub(super) fn read(&self, stored: &[u8], at: usize, bits: usize, out: &mut DecodedText) -> bool {
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
        let mut counts = [0; 256];
        texts.iter().flatten().for_each(|byte| counts[usize::from(*byte)] += 1);
        encode(&counts)
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
                "padding could be taken for a shorter code"
            );
            assert!(codes.are_sound(UNIT - 1));
        }
    }

    #[test]
    fn unsound_codes_are_detected() {
        let sound = table_for(&[b"aabbcdefgh".to_vec()]);
        assert!(Codes::new(&sound).are_sound(UNIT - 1));
        let forged = |row: u16| {
            let mut table = sound.clone();
            table[..2].copy_from_slice(&row.to_le_bytes());
            Codes::new(&table).are_sound(UNIT - 1)
        };
        let of_a = Codes::new(&sound).of(b'a');
        assert!(!forged(of_a.0 as u16 | (of_a.1 as u16) << 12), "two bytes have one code");
        assert!(!forged(1 << 12) && !forged(3 << 12), "padding could be a byte");
        assert!(!forged(11 << 12) && !forged(2 << 12 | 0x800), "more bits than codes have");
    }

    proptest! {
        #[test]
        fn encoded_texts_compare_and_read_back(
            texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..=TEXT_MAX), 1..6),
            plain in proptest::collection::vec(proptest::collection::vec(b'a'..b'n', 0..=TEXT_MAX), 1..6),
            few in proptest::collection::vec(proptest::collection::vec(b'a'..b'd', 0..9), 1..6),
            other in proptest::collection::vec(any::<u8>(), 1..30),
        ) {
            for texts in [texts, plain, few] {
                let table = table_for(&texts);
                let codes = Codes::new(&table);
                let (decoder, mut encoded, mut bits) = (Decoder::new(codes), EncodedText::new(), TextWriter::default());
                let ends: Vec<usize> = texts.iter().map(|text| {
                    bits.push(codes, text);
                    bits.units() * UNIT
                }).collect();
                let mut stored = bits.finish();
                stored.resize(stored.len() + 8, 0);
                let mut at = 0;
                for (text, end) in texts.iter().zip(ends) {
                    encoded.set(codes, text);
                    let len = encoded.len().expect("known bytes");
                    prop_assert_eq!((codes.bits(text), len.next_multiple_of(UNIT)), (len, end - at));
                    let half = codes.bits(&text[..text.len() / 2]);
                    prop_assert_eq!(codes.bytes(text, half), Some(text.len() / 2));
                    prop_assert_eq!(codes.bytes(text, len + 1), None);
                    prop_assert!(encoded.is_at(&stored, at, 0, end - at) && encoded.is_at(&stored, at + half, half, len - half));
                    let mut read = DecodedText::default();
                    prop_assert!(decoder.read(&stored, at, end - at, &mut read));
                    prop_assert_eq!(read.bytes(), text.as_slice());
                    for other in texts.iter().chain([&other]) {
                        encoded.set(codes, other);
                        let Some(len) = encoded.len() else { continue };
                        let is_beginning = other.len() <= text.len() && text[..other.len()] == other[..];
                        prop_assert!(len > end - at || encoded.is_at(&stored, at, 0, len) == is_beginning);
                        let is_it = len.next_multiple_of(UNIT) == end - at && encoded.is_at(&stored, at, 0, end - at);
                        prop_assert_eq!(is_it, other == text, "padding is no byte");
                    }
                    at = end;
                }
            }
        }
    }
}
