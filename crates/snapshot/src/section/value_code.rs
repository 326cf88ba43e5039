//! A prefix code of 32-bit values, for columns whose values repeat: frequent values take few bits.
//!
//! The code is a canonical Huffman code (D. Huffman, 1952): the counts of codes of each length and the values
//! in the order of their codes say all. A value that occurs alone takes no bits. Values too infrequent for a
//! row of the table share one code, the escape, which the value itself follows at a fixed width.

use super::packed::BitWriter;
use crate::layout::{u16_at, u32_at, u64_at};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The longest code, in bits: with the 32 bits of an escaped value it fits the 56 of one load.
const LENGTH_MAX: usize = 23;
/// The least value of the table that is not there, its width, the number of values; and a count for each length.
const HEAD_LEN: usize = 8 + (LENGTH_MAX + 1) * 2;
/// A value that occurs less often is escaped: a row of the table would take more than it saves.
const FREQUENT_MIN: u64 = 3;
/// More values would not fit a cache, and hardly save bits.
const VALUES_MAX: usize = 4096;
/// The row of the table that stands for all values without a row. No value of a column is as large.
const ESCAPE: u32 = u32::MAX;

/// The code of one value.
#[derive(Clone, Copy, Debug)]
struct Row {
    value: u32,
    bits: u64,
    length: usize,
}

/// Writes values.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueEncoder {
    /// Sorted by value.
    rows: Vec<Row>,
    /// The least escaped value, and the bits that hold all of them above it.
    base: u32,
    width: usize,
}

impl ValueEncoder {
    /// A code for values with these frequencies, which are sorted by value and positive.
    pub(super) fn new(frequencies: &[(u32, u64)]) -> ValueEncoder {
        let mut by_use: Vec<(Reverse<u64>, u32)> =
            frequencies.iter().map(|(value, count)| (Reverse(*count), *value)).collect();
        by_use.sort_unstable();
        let is_few = by_use.len() <= 2;
        let frequent = by_use.iter().take_while(|(count, _)| is_few || count.0 >= FREQUENT_MIN).count();
        let escaped = by_use.split_off(frequent.min(VALUES_MAX));
        let mut symbols: Vec<(u32, u64)> = by_use.iter().map(|(count, value)| (*value, count.0)).collect();
        let least = escaped.iter().map(|(_, value)| *value).min().unwrap_or(0);
        let most = escaped.iter().map(|(_, value)| *value).max().unwrap_or(0);
        if !escaped.is_empty() {
            symbols.push((ESCAPE, escaped.iter().map(|(count, _)| count.0).sum()));
        }
        symbols.sort_unstable();
        let rows = canonical(&symbols);
        ValueEncoder { rows, base: least, width: (32 - (most - least).leading_zeros()) as usize }
    }

    /// Appends the code of a value, which occurs in the frequencies.
    pub(super) fn put(&self, value: u32, out: &mut BitWriter) {
        let find = |value: u32| {
            let at = self.rows.binary_search_by_key(&value, |row| row.value);
            at.ok().and_then(|at| self.rows.get(at))
        };
        if let Some(row) = find(value) {
            out.put(row.bits, row.length);
        } else if let Some(row) = find(ESCAPE) {
            out.put(row.bits, row.length);
            out.put(u64::from(value - self.base), self.width);
        }
    }

    /// The table that a reader needs.
    pub(super) fn table(&self) -> Vec<u8> {
        let mut out = self.base.to_le_bytes().to_vec();
        // A width of at most 32, and at most VALUES_MAX + 1 values.
        out.extend((self.width as u16).to_le_bytes());
        out.extend((self.rows.len() as u16).to_le_bytes());
        for length in 0..=LENGTH_MAX {
            let count = self.rows.iter().filter(|row| row.length == length).count();
            out.extend((count as u16).to_le_bytes());
        }
        let mut rows: Vec<&Row> = self.rows.iter().collect();
        rows.sort_by_key(|row| (row.length, row.value));
        out.extend(rows.iter().flat_map(|row| row.value.to_le_bytes()));
        out
    }
}

/// The canonical code of values with these weights, in their order.
fn canonical(symbols: &[(u32, u64)]) -> Vec<Row> {
    let mut weights: Vec<u64> = symbols.iter().map(|(_, weight)| *weight).collect();
    let mut lengths = lengths_of(&weights);
    // Halving the weights flattens them until no code is too long.
    while lengths.iter().any(|length| *length > LENGTH_MAX) {
        weights.iter_mut().for_each(|weight| *weight = *weight / 2 + 1);
        lengths = lengths_of(&weights);
    }
    let mut rows: Vec<Row> = symbols
        .iter()
        .zip(lengths)
        .map(|((value, _), length)| Row { value: *value, bits: 0, length })
        .collect();
    let (mut next, mut longest) = (0u64, 0);
    let mut order: Vec<&mut Row> = rows.iter_mut().collect();
    order.sort_by_key(|row| (row.length, row.value));
    for row in order {
        next <<= row.length - longest;
        longest = row.length;
        // The first bit of a code is written, and read, first.
        row.bits = next.reverse_bits().checked_shr(64 - row.length as u32).unwrap_or(0);
        next += 1;
    }
    rows
}

/// The lengths of Huffman's codes: the two lightest groups are joined until one is left, and each time the
/// codes of all their members get a bit longer. A single value has a code of no bits.
fn lengths_of(weights: &[u64]) -> Vec<usize> {
    // A group is a number: that of a value, or from `weights.len()` on that of a pair of groups.
    let mut parents = vec![0; (2 * weights.len()).saturating_sub(1)];
    let mut groups: BinaryHeap<Reverse<(u64, usize)>> =
        weights.iter().zip(0..).map(|(weight, group)| Reverse((*weight, group))).collect();
    let mut next = weights.len();
    while let (Some(Reverse((a, left))), Some(Reverse((b, right)))) = (groups.pop(), groups.pop()) {
        for child in [left, right] {
            parents.get_mut(child).into_iter().for_each(|parent| *parent = next);
        }
        groups.push(Reverse((a + b, next)));
        next += 1;
    }
    let mut depths = vec![0usize; parents.len()];
    // A pair has a greater number than its members, so that its depth is known before theirs.
    for (group, parent) in parents.iter().enumerate().rev().skip(1) {
        let depth = depths.get(*parent).copied().unwrap_or(0) + 1;
        depths.get_mut(group).into_iter().for_each(|own| *own = depth);
    }
    depths.truncate(weights.len());
    depths
}

/// The code of a table in a file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ValueCode<'a> {
    head: &'a [u8],
    values: &'a [[u8; 4]],
}

impl<'a> ValueCode<'a> {
    /// The code of the table that `bytes` begin with; one that reads no value where they are too short.
    pub(super) fn new(bytes: &'a [u8]) -> ValueCode<'a> {
        let Some((head, rest)) = bytes.split_at_checked(HEAD_LEN) else { return ValueCode::default() };
        let values = rest.as_chunks().0.get(..usize::from(u16_at(head, 6))).unwrap_or_default();
        ValueCode { head, values }
    }

    /// How many bytes the table takes.
    pub(super) fn byte_len(&self) -> usize {
        self.head.len() + self.values.len() * 4
    }

    /// Reads the value at a bit of `stream`. Returns it and the bit behind it; `None` where no code begins
    /// there.
    #[inline]
    pub(super) fn read(&self, stream: &[u8], at: u64) -> Option<(u32, u64)> {
        let bits = u64_at(stream, usize::try_from(at / 8).ok()?) >> (at % 8);
        // Codes of a length are numbers in a row, from `first` on; `before` is how many codes are shorter.
        let (mut code, mut first, mut before) = (0usize, 0usize, 0usize);
        for length in 0..=LENGTH_MAX {
            let count = usize::from(u16_at(self.head, 8 + 2 * length));
            if code < first + count {
                // A forged table may have more codes of a length than there are.
                let place = before + code.checked_sub(first)?;
                let value = u32::from_le_bytes(*self.values.get(place)?);
                let end = at.checked_add(length as u64)?;
                return if value == ESCAPE { self.escaped(stream, end) } else { Some((value, end)) };
            }
            (first, before) = ((first + count) << 1, before + count);
            code = code << 1 | (bits >> length & 1) as usize;
        }
        None
    }

    #[cold]
    fn escaped(&self, stream: &[u8], at: u64) -> Option<(u32, u64)> {
        let width = u32::from(u16_at(self.head, 4)).min(32);
        let above = u64_at(stream, usize::try_from(at / 8).ok()?) >> (at % 8) & ((1 << width) - 1);
        // A forged table may have sums beyond 32 bits; they saturate.
        let value = u32_at(self.head, 0).saturating_add(u32::try_from(above).unwrap_or(u32::MAX));
        Some((value.min(ESCAPE - 1), at.checked_add(u64::from(width))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn frequencies(values: &[u32]) -> Vec<(u32, u64)> {
        let mut counts = BTreeMap::new();
        values.iter().for_each(|value| *counts.entry(*value).or_default() += 1);
        counts.into_iter().collect()
    }

    fn written(values: &[u32]) -> (Vec<u8>, Vec<u8>, usize) {
        let encoder = ValueEncoder::new(&frequencies(values));
        let mut bits = BitWriter::default();
        values.iter().for_each(|value| encoder.put(*value, &mut bits));
        let len = bits.len();
        let mut stream = bits.finish();
        stream.resize(stream.len() + 8, 0);
        (encoder.table(), stream, len)
    }

    fn read_back(values: &[u32]) -> usize {
        let (table, stream, len) = written(values);
        let (code, mut at) = (ValueCode::new(&table), 0);
        assert_eq!(code.byte_len(), table.len());
        for value in values {
            let (read, end) = code.read(&stream, at).expect("a value");
            assert_eq!(read, *value);
            at = end;
        }
        assert_eq!(at, len as u64);
        len
    }

    #[test]
    fn one_value_takes_no_bits_and_frequent_ones_few() {
        assert_eq!(read_back(&[7; 90]), 0);
        let skewed: Vec<u32> = (0..14u32).flat_map(|value| vec![value; 1 << value]).collect();
        assert!(read_back(&skewed) < 2 * skewed.len() + 20);
    }

    #[test]
    fn codes_are_never_too_long() {
        // Weights that grow as Fibonacci's numbers do give the longest codes.
        let (mut a, mut b) = (1u64, 1u64);
        let weights: Vec<(u32, u64)> = (0..60)
            .map(|value| {
                (a, b) = (b, a + b);
                (value, a + FREQUENT_MIN)
            })
            .collect();
        let encoder = ValueEncoder::new(&weights);
        assert!(encoder.rows.len() == 60 && encoder.rows.iter().all(|row| row.length <= LENGTH_MAX));
    }

    #[test]
    fn bytes_that_are_no_code_read_no_value() {
        assert!(ValueCode::new(&[]).read(&[0; 8], 0).is_none());
        assert!(ValueCode::new(&[255; 60]).read(&[255; 8], 0).is_none());
        assert!(ValueCode::new(&[0; 200]).read(&[255; 8], u64::MAX).is_none());
    }

    proptest! {
        #[test]
        fn values_read_back(
            few in proptest::collection::vec(0u32..9, 1..400),
            all in proptest::collection::vec(0u32..u32::MAX, 0..60),
        ) {
            read_back(&few);
            read_back(&[few, all].concat());
        }
    }
}
