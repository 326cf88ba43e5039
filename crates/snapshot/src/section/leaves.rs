//! The leaves of names: front-coded names in a prefix code, in two cache lines each.
//!
//! A *leaf* has 128 bytes: the ordinal of its first name, where the text of each name ends, how many bits
//! each name shares with the one before, and the texts. It holds as many names as fit, some seventeen. A name
//! in a given slot is compared with a query from its end to its beginning: first its own text, then the text
//! of the last name before it that shares fewer bits, and so on, until one shares nothing. All lengths are in
//! bits of the code: the query is encoded once, and nothing is decoded. Where the locator gives the slot, a
//! look-up waits for one leaf. The top index maps any key to its group of leaves, for the names whose slot
//! the locator does not have.
//!
//! The ordinal of a name is its position in the order of all names, with their bytes reversed.

use super::prefetch::prefetch;
use super::prefix_code::{
    self, CODES_LEN, Codes, DecodedText, Decoder, EncodedText, TEXT_MAX, TextWriter, UNIT,
};
use super::simd;
use super::sorted_keys::SortedKeys;
use super::suffix::SuffixSeed;
use super::top_index::{TopIndexWriter, separator, shared};
use crate::column::{Column, ColumnStore, ColumnWriter};
use crate::column_row;
use crate::error::TooLarge;
use crate::fst_map::FstMap;
use crate::layout::{u16_at, u32_at, u64_at};
use std::cmp::Ordering;
use std::ops::Range;

/// The length of a leaf, in bytes.
const LEAF_LEN: usize = 128;
/// How many names a leaf holds at most: their shared bits are compared thirty-two bytes at a time.
const NAMES_MAX: usize = 31;
/// How many leaves a group of the top index holds; the last one may hold fewer.
const GROUP_LEAVES: usize = 16;
const HEADER_LEN: usize = 64;
/// Where the header has the seed of all hashes of names.
const SEED_AT: usize = 32;
/// Where the numbers of a leaf begin: after the ordinal.
const NUMBERS_AT: usize = 4;
/// How many shared bits are counted at most: the count is a byte.
const SHARE_MAX: usize = 255;
/// How many units a byte has.
const UNITS: usize = 8 / UNIT;
/// Zeros after the texts, so that the last of them can be read in words.
const TAIL_LEN: usize = 8;

/// Where a name is stored: the number of its leaf, and its position in the leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeafSlot(u32);

impl LeafSlot {
    /// No name is in this slot. The locator returns it for names whose slots it does not store, because
    /// several names have the same hash or a bucket had no room; the top index finds them.
    pub(crate) const HASH_COLLISION: LeafSlot = LeafSlot(NAMES_MAX as u32);
    const POSITION_BITS: u32 = NAMES_MAX.count_ones();
    /// How many leaves a slot can number.
    const LEAVES_MAX: usize = 1 << (32 - LeafSlot::POSITION_BITS);

    /// The slot of a position in a leaf, of which there are at most [`LeafSlot::LEAVES_MAX`].
    fn new(leaf: usize, position: usize) -> LeafSlot {
        LeafSlot((leaf as u32) << LeafSlot::POSITION_BITS | position as u32)
    }

    /// The slot with this number.
    #[inline]
    pub(crate) fn from_number(number: u32) -> LeafSlot {
        LeafSlot(number)
    }

    /// The number that the locator stores.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn leaf(self) -> usize {
        (self.0 >> LeafSlot::POSITION_BITS) as usize
    }

    #[inline]
    fn position(self) -> usize {
        self.0 as usize & NAMES_MAX
    }
}

column_row!(LeafSlot, 1, |slot| [slot.0], |[number]| LeafSlot(number));

/// A leaf as a row of a column.
#[derive(Clone, Copy, Debug)]
pub struct LeafRow([u32; LEAF_LEN / 4]);

column_row!(LeafRow, 32, |row| row.0, |words| LeafRow(words));

impl LeafRow {
    /// The leaf of these bytes, of which there are LEAF_LEN.
    fn new(bytes: &[u8]) -> LeafRow {
        let mut words = [0; LEAF_LEN / 4];
        words.iter_mut().enumerate().for_each(|(at, word)| *word = u32_at(bytes, at * 4));
        LeafRow(words)
    }
}

/// The encoded names.
#[derive(Debug, Default)]
pub struct EncodedLeaves {
    /// The bytes of the section up to the first leaf.
    pub head: Vec<u8>,
    /// The leaves.
    pub leaves: Column<LeafRow>,
    /// The bytes of the section after the last leaf.
    pub tail: Vec<u8>,
    /// The slot of each name, in order.
    pub slots: Column<LeafSlot>,
}

impl EncodedLeaves {
    /// The bytes of the section.
    pub fn section(&self) -> Vec<u8> {
        [&self.head, self.leaves.as_ref(), &self.tail].concat()
    }
}

/// Encodes sorted, distinct names with their bytes reversed.
pub fn encode(names: &(impl SortedKeys + ?Sized), seed: SuffixSeed) -> Result<EncodedLeaves, TooLarge> {
    encode_with(names, seed, &ColumnStore::memory())
}

/// As [`encode`], with the slots in a column of this store.
pub fn encode_with(
    names: &(impl SortedKeys + ?Sized),
    seed: SuffixSeed,
    store: &ColumnStore,
) -> Result<EncodedLeaves, TooLarge> {
    encode_within(names, seed, store, LeafSlot::LEAVES_MAX)
}

/// As [`encode_with`], with another limit on the number of leaves.
fn encode_within(
    names: &(impl SortedKeys + ?Sized),
    seed: SuffixSeed,
    store: &ColumnStore,
    leaves_max: usize,
) -> Result<EncodedLeaves, TooLarge> {
    let count = names.count();
    if count == 0 {
        return Ok(EncodedLeaves::default());
    }
    TooLarge::fit_u32("names", "entries", count)?;
    let frequencies = Frequencies::of(names);
    TooLarge::check("a name", "bytes", frequencies.longest as u64, TEXT_MAX as u64)?;
    let table = prefix_code::encode(&frequencies.counts);
    let mut writer = Writer::new(&table, count, store);
    let mut result = Ok(());
    names.each(|name| {
        if result.is_ok() {
            result = writer.push(name);
        }
    });
    result?;
    writer.end_leaf();
    let Writer { leaves, long, slots, count: leaf_count, top, .. } = writer;
    // Slots that wrapped are never returned.
    TooLarge::check("names", "leaves", leaf_count as u64, leaves_max as u64)?;
    let top = top.finish();
    let numbers = [count, leaf_count, top.len(), long.len()].map(|number| number as u64);
    let mut head: Vec<u8> = numbers.into_iter().chain([seed.number()]).flat_map(u64::to_le_bytes).collect();
    head.resize(HEADER_LEN, 0);
    head.extend_from_slice(&table);
    let mut tail = top;
    tail.extend_from_slice(&long);
    tail.resize(tail.len() + TAIL_LEN, 0);
    Ok(EncodedLeaves { head, leaves: leaves.finish(), tail, slots: slots.finish() })
}

/// How often each byte occurs in the texts, approximately. Every byte that occurs has a count, and so a code.
struct Frequencies {
    counts: [u64; 256],
    /// The length of the longest name, in bytes.
    longest: usize,
}

impl Frequencies {
    fn of(names: &(impl SortedKeys + ?Sized)) -> Frequencies {
        let mut all = Frequencies { counts: [0; 256], longest: 0 };
        let (mut before, mut at) = (Vec::new(), 0usize);
        names.each(|name| {
            let own = shared(&before, name);
            all.count(name.get(own..).unwrap_or(&[]));
            // The first name of each leaf is stored whole. Where leaves begin depends on the code, so every
            // sixteenth name is counted instead.
            if at.is_multiple_of(16) {
                all.count(name);
            }
            all.longest = all.longest.max(name.len());
            before.truncate(own);
            before.extend_from_slice(name.get(own..).unwrap_or(&[]));
            at += 1;
        });
        all
    }

    fn count(&mut self, text: &[u8]) {
        for byte in text {
            self.counts.iter_mut().skip(usize::from(*byte)).take(1).for_each(|count| *count += 1);
        }
    }
}

/// Writes leaves, name by name.
struct Writer<'c> {
    codes: Codes<'c>,
    leaves: ColumnWriter<'c, LeafRow>,
    /// The bytes of the last leaf.
    leaf: Vec<u8>,
    /// Texts of names that do not fit a leaf.
    long: Vec<u8>,
    /// The slot of each name.
    slots: ColumnWriter<'c, LeafSlot>,
    /// How many leaves have begun.
    count: usize,
    top: TopIndexWriter,
    /// The name before.
    before: Vec<u8>,
    /// The names of the last leaf: where the text of each ends, how many bits it shares, and the texts.
    ends: Vec<usize>,
    shares: Vec<u8>,
    texts: TextWriter,
}

impl<'c> Writer<'c> {
    /// Without leaves; so many names will come.
    fn new(table: &'c [u8], names: usize, store: &'c ColumnStore) -> Writer<'c> {
        let mut slots = ColumnWriter::new(store);
        slots.reserve_exact(names);
        Writer {
            codes: Codes::new(table),
            leaves: ColumnWriter::new(store),
            leaf: Vec::with_capacity(LEAF_LEN),
            long: Vec::new(),
            slots,
            count: 0,
            top: TopIndexWriter::new(),
            before: Vec::new(),
            ends: Vec::new(),
            shares: Vec::new(),
            texts: TextWriter::default(),
        }
    }

    /// Appends a name, to the last leaf where it fits.
    fn push(&mut self, name: &[u8]) -> Result<(), TooLarge> {
        if !self.ends.is_empty() && !self.fits(name) {
            self.end_leaf();
        }
        if self.ends.is_empty() {
            self.begin_leaf(name);
            if !self.fits(name) {
                self.long(name)?;
            }
        }
        self.before.clear();
        self.before.extend_from_slice(name);
        Ok(())
    }

    /// Adds a name to the last leaf, if it fits.
    fn fits(&mut self, name: &[u8]) -> bool {
        let (share, bits) = if self.ends.is_empty() { (0, 0) } else { self.share(name) };
        let text = name.get(share..).unwrap_or(&[]);
        let units = self.codes.bits(text).div_ceil(UNIT) + self.texts.units();
        let names = self.ends.len() + 1;
        if names > NAMES_MAX || begin(names) + units >= LEAF_LEN * UNITS {
            return false;
        }
        self.slots.push(LeafSlot::new(self.count - 1, self.ends.len()));
        self.texts.push(self.codes, text);
        self.ends.push(units);
        self.shares.push(bits as u8);
        true
    }

    /// Begins a leaf with this name, and a group with every sixteenth leaf.
    fn begin_leaf(&mut self, name: &[u8]) {
        if self.count.is_multiple_of(GROUP_LEAVES) {
            self.top.begin(separator((self.count > 0).then_some(&self.before), name));
        }
        self.count += 1;
        // As many as names, which fit 32 bits.
        self.leaf.clear();
        self.leaf.extend((self.slots.len() as u32).to_le_bytes());
    }

    /// Completes the last leaf, but for one of a long name, which is complete.
    fn end_leaf(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let begin = begin(self.ends.len());
        // `fits` keeps every end below LEAF_LEN * UNITS, which is 256.
        self.leaf.extend([0].iter().chain(&self.ends).map(|units| (begin + units) as u8));
        self.leaf.append(&mut self.shares);
        self.leaf.extend(std::mem::take(&mut self.texts).finish());
        self.leaf.resize(LEAF_LEN, 0);
        self.leaves.push(LeafRow::new(&self.leaf));
        self.ends.clear();
    }

    /// How much a name shares with the one before, in bytes and in bits.
    fn share(&self, name: &[u8]) -> (usize, usize) {
        let common = name.get(..shared(&self.before, name)).unwrap_or(&[]);
        let mut bits = self.codes.bits(common);
        for (end, byte) in common.iter().enumerate().rev() {
            if bits <= SHARE_MAX {
                return (end + 1, bits);
            }
            bits -= self.codes.bits(std::slice::from_ref(byte));
        }
        (0, 0)
    }

    /// Completes a leaf of one long name: that it has no others, where its text begins, and how many units it
    /// takes.
    fn long(&mut self, name: &[u8]) -> Result<(), TooLarge> {
        self.slots.push(LeafSlot::new(self.count - 1, 0));
        let mut bits = TextWriter::default();
        bits.push(self.codes, name);
        self.leaf.push(begin(0) as u8);
        self.leaf.extend(TooLarge::fit_u32("long names", "bytes", self.long.len())?.to_le_bytes());
        // At most 255 bytes of ten bits each, so that 16 bits hold the units.
        self.leaf.extend((bits.units() as u16).to_le_bytes());
        self.long.extend(bits.finish());
        self.leaf.resize(LEAF_LEN, 0);
        self.leaves.push(LeafRow::new(&self.leaf));
        Ok(())
    }
}

/// Where the texts of a leaf of so many names begin, in units from the beginning of the leaf.
#[inline]
fn begin(names: usize) -> usize {
    (NUMBERS_AT + 1 + 2 * names) * UNITS
}

/// The leaves of names in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaves<'a> {
    codes: Codes<'a>,
    leaves: &'a [[u8; LEAF_LEN]],
    /// The leaves and all that follows them, so that the end of the last one can be read in words.
    data: &'a [u8],
    top_index: FstMap<'a>,
    seed: SuffixSeed,
    long: &'a [u8],
    /// The count of names that the header states.
    names: u64,
    /// Whether nothing follows the long texts.
    is_whole: bool,
}

impl<'a> Leaves<'a> {
    /// Reads the header; `None` where the bytes are not leaves.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Leaves<'a>> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_LEN)?;
        let mut take = |length: usize| {
            let (part, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(part)
        };
        let stated = |at: usize| usize::try_from(u64_at(header, at)).ok();
        let codes = Codes::new(take(CODES_LEN)?);
        let data = bytes.get(HEADER_LEN + CODES_LEN..)?;
        // Positions in the leaves are counted in bits, too, and must not overflow.
        let leaves = take(stated(8)?.checked_mul(LEAF_LEN * 8)? / 8)?.as_chunks().0;
        let top_index = FstMap::new(take(stated(16)?)?);
        let long = take(stated(24)?.checked_add(TAIL_LEN)?)?;
        let names = u64_at(header, 0);
        let seed = SuffixSeed::from_number(u64_at(header, SEED_AT));
        Some(Leaves { codes, leaves, data, top_index, seed, long, names, is_whole: rest.is_empty() })
    }

    /// The seed of all hashes of names.
    pub(crate) fn seed(&self) -> SuffixSeed {
        self.seed
    }

    /// Whether the header states this count of names, and lengths that add up to the section.
    pub(crate) fn is_whole(&self, names: u64) -> bool {
        self.is_whole && self.names == names
    }

    /// How many leaves there are.
    pub(crate) fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// Encodes a query for [`Leaves::get_at`].
    #[inline]
    pub(super) fn encode(&self, name: &[u8], encoded: &mut EncodedText) {
        encoded.set(self.codes, name);
    }

    #[inline]
    fn leaf(&self, at: usize) -> Option<Leaf<'a>> {
        let bytes = self.leaves.get(at)?;
        let first = usize::from(*bytes.get(NUMBERS_AT)?);
        let names = first.saturating_sub(begin(0)) / (2 * UNITS);
        let Leaves { codes, data, long, .. } = *self;
        Some(Leaf { bytes, names: names.min(NAMES_MAX), codes, data, start: at * LEAF_LEN, long })
    }

    /// Prefetches the leaf of a slot.
    #[inline]
    pub(super) fn prefetch(&self, slot: LeafSlot) {
        let start = slot.leaf().saturating_mul(LEAF_LEN);
        prefetch(self.data, start);
        prefetch(self.data, start.saturating_add(LEAF_LEN / 2));
    }

    /// The ordinal of a query, if it is the name in this slot.
    #[inline]
    pub(super) fn get_at(&self, slot: LeafSlot, query: &EncodedText) -> Option<u32> {
        let (leaf, len) = (self.leaf(slot.leaf())?, query.len()?);
        let is_equal = match leaf.names {
            0 => slot.position() == 0 && leaf.is_long(query, len),
            names => slot.position() < names && leaf.is_at(slot.position(), query, len),
        };
        is_equal.then(|| leaf.ordinal().wrapping_add(slot.position() as u32))
    }

    /// The group of leaves that would hold a name, by the top index.
    fn group(&self, name: &[u8]) -> Option<usize> {
        usize::try_from(self.top_index.floor(name, TEXT_MAX).unwrap_or(0)).ok()
    }

    /// The ordinal of exactly this name, by the top index alone.
    pub(crate) fn get(&self, name: &[u8]) -> Option<u32> {
        let first = self.group(name)?.checked_mul(GROUP_LEAVES)?;
        let (decoder, mut key) = (Decoder::new(self.codes), DecodedText::default());
        let (mut low, mut high) = (first, first.checked_add(GROUP_LEAVES)?.min(self.leaves.len()));
        while low < high {
            let middle = low + (high - low) / 2;
            key.clear();
            self.leaf(middle).filter(|leaf| leaf.read(0, &decoder, &mut key))?;
            (low, high) = if key.bytes() <= name { (middle + 1, high) } else { (low, middle) };
        }
        let mut found = None;
        self.leaf(low.checked_sub(1)?)?.each(&decoder, |key, ordinal| match key.cmp(name) {
            Ordering::Less => true,
            order => {
                found = (order == Ordering::Equal).then_some(ordinal);
                false
            }
        })?;
        found
    }

    /// Visits every name in order with its ordinal. Returns `false` if a leaf cannot be read.
    pub(crate) fn each(&self, mut visit: impl FnMut(&[u8], u32)) -> bool {
        self.each_in(0..self.leaves.len(), |key, ordinal, _| visit(key, ordinal))
    }

    /// As [`Leaves::each`], for the names of some leaves, with the slot of each.
    pub(crate) fn each_in(
        &self,
        mut leaves: Range<usize>,
        mut visit: impl FnMut(&[u8], u32, LeafSlot),
    ) -> bool {
        let decoder = Decoder::new(self.codes);
        self.codes.are_sound(UNIT - 1)
            && leaves.all(|at| {
                let Some(leaf) = self.leaf(at) else { return true };
                let all = leaf.each(&decoder, |key, ordinal| {
                    let position = ordinal.wrapping_sub(leaf.ordinal());
                    visit(key, ordinal, LeafSlot::new(at, position as usize));
                    true
                });
                all.is_some()
            })
    }

    /// Whether the top index maps every key to its group: it has a separator for each group but the first,
    /// and each separator is greater than the last name of the group before, and not greater than the first
    /// name of its group.
    pub(crate) fn has_sound_top_index(&self) -> bool {
        let decoder = Decoder::new(self.codes);
        let (mut next, mut sound) = (1, true);
        let steps_max = (self.leaves.len() as u64).saturating_mul(TEXT_MAX as u64).saturating_add(1);
        let is_whole = self.top_index.each(steps_max, |separator, group| {
            sound &= group == next && self.separates(next as usize * GROUP_LEAVES, separator, &decoder);
            next += 1;
        });
        is_whole && sound && next == self.leaves.len().div_ceil(GROUP_LEAVES).max(1) as u64
    }

    /// Whether a text is greater than all names of the leaf before, and not greater than the first name of a
    /// leaf.
    fn separates(&self, leaf: usize, separator: &[u8], decoder: &Decoder) -> bool {
        let (mut is_above, mut is_below) = (true, false);
        let before = leaf.checked_sub(1).and_then(|before| self.leaf(before)).and_then(|leaf| {
            leaf.each(decoder, |name, _| {
                is_above &= name < separator;
                true
            })
        });
        let own = self.leaf(leaf).and_then(|leaf| {
            leaf.each(decoder, |name, _| {
                is_below = separator <= name;
                false
            })
        });
        before.is_some() && own.is_some() && is_above && is_below
    }
}

/// One leaf.
#[derive(Clone, Copy)]
struct Leaf<'a> {
    bytes: &'a [u8; LEAF_LEN],
    /// How many names it holds; 0 if it holds one long name.
    names: usize,
    codes: Codes<'a>,
    /// The bytes of all leaves, and where those of this one begin.
    data: &'a [u8],
    start: usize,
    /// All long texts.
    long: &'a [u8],
}

impl Leaf<'_> {
    /// The ordinal of its first name.
    #[inline]
    fn ordinal(&self) -> u32 {
        u32_at(self.bytes, 0)
    }

    /// One of the numbers after the ordinal.
    #[inline]
    fn number(&self, nth: usize) -> usize {
        self.bytes.get(NUMBERS_AT + nth).copied().map_or(0, usize::from)
    }

    /// How many bits a name shares with the one before.
    #[inline]
    fn share(&self, position: usize) -> usize {
        self.number(1 + self.names + position)
    }

    /// The bit of all leaves at which the text of a name begins, and how many bits it takes.
    #[inline]
    fn text(&self, position: usize) -> (usize, usize) {
        let (begin, end) = (self.number(position), self.number(position + 1));
        (self.start * 8 + begin * UNIT, end.saturating_sub(begin) * UNIT)
    }

    /// The last position before this one whose name shares fewer than so many bits.
    #[inline]
    fn last_sharing_less(&self, position: usize, bits: usize) -> Option<usize> {
        let shares = self.bytes.get(NUMBERS_AT + 1 + self.names..).and_then(<[u8]>::first_chunk);
        let less = simd::less(shares.unwrap_or(&[0; 32]), bits as u8);
        (less & ((1 << position) - 1)).checked_ilog2().map(|last| last as usize)
    }

    /// Whether the name in this position is a query of so many bits.
    #[inline]
    fn is_at(&self, mut position: usize, query: &EncodedText, len: usize) -> bool {
        let mut from = self.share(position);
        let (at, taken) = self.text(position);
        // Compares the padding of the last unit, too: in a longer text these bits would not all be zero.
        if from > len
            || taken != (len - from).next_multiple_of(UNIT)
            || !query.is_at(self.data, at, from, taken)
        {
            return false;
        }
        while from > 0 {
            let Some(before) = self.last_sharing_less(position, from) else { return false };
            let (upto, (at, taken)) = (from, self.text(before));
            (position, from) = (before, self.share(before));
            if upto - from > taken || !query.is_at(self.data, at, from, upto - from) {
                return false;
            }
        }
        true
    }

    /// The bit of all long texts at which the text of a long name begins, and how many bits it takes.
    fn long_text(&self) -> (usize, usize) {
        let units = usize::from(u16_at(self.bytes, NUMBERS_AT + 5));
        ((u32_at(self.bytes, NUMBERS_AT + 1) as usize).wrapping_mul(8), units * UNIT)
    }

    #[cold]
    fn is_long(self, query: &EncodedText, len: usize) -> bool {
        let (at, taken) = self.long_text();
        taken == len.next_multiple_of(UNIT) && query.is_at(self.long, at, 0, taken)
    }

    /// Visits its names until `visit` returns `false`. Returns `None` if they cannot be read.
    fn each(&self, decoder: &Decoder, mut visit: impl FnMut(&[u8], u32) -> bool) -> Option<()> {
        let mut key = DecodedText::default();
        for position in 0..self.names.max(1) {
            let ordinal = self.ordinal().wrapping_add(position as u32);
            let shared =
                if self.names == 0 { 0 } else { self.codes.bytes(key.bytes(), self.share(position))? };
            key.truncate(shared)?;
            if !self.read(position, decoder, &mut key) {
                return None;
            }
            if !visit(key.bytes(), ordinal) {
                break;
            }
        }
        Some(())
    }

    /// Appends the text of a name, which is what it does not share, to `key`.
    fn read(&self, position: usize, decoder: &Decoder, key: &mut DecodedText) -> bool {
        match self.names {
            0 => {
                let (at, bits) = self.long_text();
                decoder.read(self.long, at, bits, key)
            }
            _ => {
                let (at, bits) = self.text(position);
                decoder.read(self.data, at, bits, key)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: SuffixSeed = SuffixSeed::from_number(0x0102_0304_0506_0708);

    fn sorted(names: Vec<String>) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = names.into_iter().map(String::into_bytes).collect();
        names.sort();
        names.dedup();
        names
    }

    fn assert_sound(names: &[Vec<u8>]) {
        let texts: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let encoded = encode(&texts, SEED).expect("short names");
        let (section, slots) = (encoded.section(), encoded.slots);
        let leaves = Leaves::new(&section).expect("leaves");
        assert_eq!(slots.len(), names.len());
        let mut encoded = EncodedText::new();
        for (ordinal, name) in names.iter().enumerate() {
            for near in
                [name.clone(), [name.as_slice(), b"a"].concat(), name.get(1..).unwrap_or(&[]).to_vec()]
            {
                let expected = names.binary_search(&near).ok().map(|at| at as u32);
                leaves.encode(&near, &mut encoded);
                assert_eq!(leaves.get(&near), expected, "{}", String::from_utf8_lossy(&near));
                let around = ordinal.saturating_sub(20)..(ordinal + 20).min(names.len());
                for (slot, ordinal) in slots.range(around.start, around.end).zip(around) {
                    let here = expected.filter(|expected| *expected == ordinal as u32);
                    assert_eq!(leaves.get_at(slot, &encoded), here);
                }
            }
        }
        assert!(leaves.has_sound_top_index());
        let mut all = Vec::new();
        assert!(leaves.each(|name, ordinal| all.push((name.to_vec(), ordinal))));
        assert!(all.iter().map(|(name, _)| name).eq(names));
        assert!(all.iter().map(|(_, ordinal)| *ordinal).eq(0..names.len() as u32));
    }

    /// The worked example of FORMAT.md.
    #[test]
    fn the_worked_example_of_the_documentation_holds() {
        let bytes = encode(&vec![&b"moc.live"[..]], SEED).expect("a short name").section();
        let leaf = &bytes[HEADER_LEN + CODES_LEN..];
        assert_eq!(leaf[..11], [0, 0, 0, 0, 14, 22, 0, 106, 8, 194, 78]);
        assert_eq!(leaf[11..LEAF_LEN], [0; LEAF_LEN - 11]);
    }

    #[test]
    fn names_with_long_common_prefixes_are_found() {
        let names = (0..5000)
            .map(|n| match n % 3 {
                0 => format!("moc.topsgolb.{:x}", n * 7919),
                1 => format!("ved.segap.{n}"),
                _ => format!("{}.{n:o}", ["moc", "ten", "zyx"][n % 7 % 3]),
            })
            .collect();
        assert_sound(&sorted(names));
    }

    #[test]
    fn forged_leaves_are_survived() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyz-".repeat(6);
        let names: [&[u8]; 3] = [long.as_bytes(), b"moc.a", b"moc.b"];
        let bytes = encode(&names[..], SEED).expect("short names").section();
        let leaf = |nth: usize| HEADER_LEN + CODES_LEN + nth * LEAF_LEN;
        let forged = |at: usize, with: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + with.len()].copy_from_slice(with);
            bytes
        };
        // Ordinals wrap around at the largest one.
        let last = forged(leaf(1), &[0xFF; 4]);
        let mut ordinals = Vec::new();
        assert!(Leaves::new(&last).expect("leaves").each(|_, ordinal| ordinals.push(ordinal)));
        assert_eq!(ordinals, [0, u32::MAX, 0]);
        assert!(last.len() > leaf(2), "the long name has a leaf of its own");
        // The units of a long name may state more than any name takes.
        let endless = forged(leaf(0) + NUMBERS_AT + 5, &[0xFF; 2]);
        let endless = Leaves::new(&endless).expect("leaves");
        assert!(!endless.each(|_, _| unreachable!("the first leaf cannot be read")));
        assert_eq!((endless.get(long.as_bytes()), endless.get(b"moc.b")), (None, Some(2)));
    }

    #[test]
    fn long_names_have_their_own_leaves() {
        for times in 1..6 {
            let long = "0123456789abcdefghijklmnopqrstuvwxyz-".repeat(times);
            let names = (0..60).flat_map(|n| [format!("moc.{}{n}.{long}", n % 7), format!("moc.{n}")]);
            assert_sound(&sorted(names.collect()));
        }
        let error = encode(&vec![&[b'a'; 256][..]], SEED).expect_err("too long");
        assert_eq!(error.to_string(), "a name: 256 bytes, the format holds 255");
    }

    #[test]
    fn too_many_leaves_are_an_error() {
        let names: Vec<Vec<u8>> = (0..100).map(|n| format!("moc.{n:03}").into_bytes()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let leaves = Leaves::new(&encode(&names, SEED).expect("few").section()).expect("leaves").leaf_count();
        assert!(encode_within(&names, SEED, &ColumnStore::memory(), leaves).is_ok());
        assert_eq!(
            encode_within(&names, SEED, &ColumnStore::memory(), leaves - 1).map_err(|error| error.size).err(),
            Some(leaves as u64)
        );
    }

    proptest! {
        #[test]
        fn any_names_are_found(names in proptest::collection::vec("[a-c.]{1,12}", 1..200)) {
            assert_sound(&sorted(names));
        }

        #[test]
        fn any_bytes_are_survived(
            bytes in proptest::collection::vec(any::<u8>(), 0..700),
            counts in (0u64..40, 0u64..4, 0u64..40, 0u64..40),
            name in "[a-c.]{0,9}",
        ) {
            let header = [counts.0, counts.1, counts.2, counts.3, 0, 0, 0, 0].map(u64::to_le_bytes).concat();
            let bytes = [header, vec![0x31; CODES_LEN], bytes].concat();
            for bytes in [&bytes, &bytes[HEADER_LEN..]] {
                if let Some(leaves) = Leaves::new(bytes) {
                    let mut encoded = EncodedText::new();
                    leaves.encode(name.as_bytes(), &mut encoded);
                    let _ = (leaves.get(name.as_bytes()), leaves.each(|_, _| {}), leaves.has_sound_top_index());
                    for slot in (0..200).map(LeafSlot::from_number) {
                        leaves.prefetch(slot);
                        let _ = leaves.get_at(slot, &encoded);
                    }
                }
            }
        }
    }
}
