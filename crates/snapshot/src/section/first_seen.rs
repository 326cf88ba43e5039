//! When sightings were first seen: a column apart from records, because it grows with the age of a file.
//!
//! Each night some entries are new, so that the entries of an old file have hundreds of different first_seen
//! where all else is the same. In records, these times would multiply record sets with the nights. Here they
//! take about their entropy. A record has a default, which nearly all of its sightings have in a young file.
//! Only an entry with another first_seen has a row: the gap to the row before, and a value for each of its
//! records, in a prefix code. Where defaults would save nothing, every entry has a row, and gaps take no bits.
//!
//! Neighbouring addresses that differ in first_seen alone are one entry, as they are in the first night. Its row
//! then has values for each piece of it.
//!
//! Rows are in groups, and two sloped arrays say where a group begins, so that a look-up decodes a part of one
//! group. At an instant at which everything in the file had been seen, statuses do not depend on the column.

use super::packed::BitWriter;
use super::records::Record;
use super::sloped::{self, Sloped};
use super::value_code::{ValueCode, ValueEncoder};
use crate::column::{Column, ColumnRow, ColumnStore, ColumnWriter};
use crate::column_row;
use crate::error::TooLarge;
use crate::layout::{u32_at, u64_at};
use crate::{Time, Times};
use std::collections::BTreeMap;

/// How many rows a group has. A look-up decodes half of them, and each group takes some three bytes.
const GROUP: usize = 32;
/// A default that is the detect_time of the sighting.
const AS_DETECTED: u32 = u32::MAX;
/// The header of the section of codes: the newest and the oldest first_seen, two counts, and the rows of each part.
const CODES_HEADER_LEN: usize = 32;
/// The header of a column: the length of its stream.
const COLUMN_HEADER_LEN: usize = 8;
/// Zero bytes after a stream, so that the load of the last code stays inside the section.
const TAIL_LEN: usize = 8;
/// How many pieces an entry has at most. A reader rejects more.
pub(crate) const PIECES_MAX: u32 = 1 << 12;
/// How many values a reader decodes to find one entry. Only a forged file has groups of more.
pub(crate) const VALUES_PER_GROUP_MAX: u64 = 1 << 20;

/// One sighting of an entry, for the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    record: u32,
    first_seen: u32,
    detect_time: u32,
}

impl Seen {
    /// A sighting with this record.
    pub fn new(record: u32, times: &Times) -> Seen {
        let (first_seen, detect_time) = (times.first_seen.stored(), times.detect_time.stored());
        Seen { record, first_seen, detect_time }
    }

    fn feed(&self, records: &[Record]) -> u32 {
        records.get(self.record as usize).map_or(0, |record| u32::from(record.feed.0))
    }
}

column_row!(Seen, 3, |seen| [seen.record, seen.first_seen, seen.detect_time], |[
    record,
    first_seen,
    detect_time,
]| Seen {
    record,
    first_seen,
    detect_time
});

/// Collects the entries of a part. Entries, and pieces of entries, whose sightings are equal are of one kind.
#[derive(Debug, Default)]
pub struct SeenPartWriter<'s> {
    entries: ColumnWriter<'s, u32>,
    seen: ColumnWriter<'s, Seen>,
    ends: ColumnWriter<'s, u32>,
    pieces: ColumnWriter<'s, (u32, u32)>,
    wide_ends: ColumnWriter<'s, u32>,
}

/// The bit of an entry that is a range of several addresses.
const WIDE: u32 = 1 << 31;

impl<'s> SeenPartWriter<'s> {
    /// Without entries.
    pub fn new(store: &'s ColumnStore) -> SeenPartWriter<'s> {
        SeenPartWriter {
            entries: ColumnWriter::new(store),
            seen: ColumnWriter::new(store),
            ends: ColumnWriter::new(store),
            pieces: ColumnWriter::new(store),
            wide_ends: ColumnWriter::new(store),
        }
    }

    /// Makes room for so many ordinals and kinds, most of which have one sighting: vectors that double would take
    /// up to twice as much.
    pub fn reserve(&mut self, ordinals: usize, kinds: usize) {
        self.entries.reserve_exact(ordinals);
        self.ends.reserve_exact(kinds);
        self.seen.reserve_exact(kinds);
    }

    /// Adds a kind and returns its number. The sightings are in the order of the entry's set.
    pub fn add_kind(&mut self, seen: impl IntoIterator<Item = Seen>) -> Result<u32, TooLarge> {
        seen.into_iter().for_each(|seen| self.seen.push(seen));
        self.ends.push(TooLarge::fit_u32("first-seen", "sightings", self.seen.len())?);
        TooLarge::check("first-seen", "kinds of entries", self.ends.len() as u64, u64::from(WIDE - 1))?;
        Ok(self.ends.len() as u32 - 1)
    }

    /// Adds the next ordinal: a name, a URL, or a single address.
    pub fn push(&mut self, kind: u32) {
        self.entries.push(kind);
    }

    /// Adds the next ordinal: a range of several addresses. Its first piece begins at 0.
    pub fn push_range(&mut self, pieces: impl IntoIterator<Item = (u32, u32)>) -> Result<(), TooLarge> {
        self.entries.push(self.wide_ends.len() as u32 | WIDE);
        pieces.into_iter().for_each(|piece| self.pieces.push(piece));
        self.wide_ends.push(TooLarge::fit_u32("first-seen", "pieces", self.pieces.len())?);
        Ok(())
    }

    /// Adds the next ordinal, which is no entry.
    pub fn push_gap(&mut self) {
        self.entries.push(u32::MAX);
    }

    /// All entries.
    pub fn finish(self) -> SeenPart {
        let SeenPartWriter { entries, seen, ends, pieces, wide_ends } = self;
        let (entries, seen, ends) = (entries.finish(), seen.finish(), ends.finish());
        SeenPart { entries, seen, ends, pieces: pieces.finish(), wide_ends: wide_ends.finish() }
    }
}

/// The entries of a part, for the encoder.
#[derive(Debug, Default)]
pub struct SeenPart {
    /// The kind of each ordinal; with [`WIDE`], the number of a range of several addresses.
    entries: Column<u32>,
    seen: Column<Seen>,
    /// Where the sightings of each kind end.
    ends: Column<u32>,
    /// The pieces of ranges of several addresses: where each begins in its range, and its kind.
    pieces: Column<(u32, u32)>,
    /// Where the pieces of each such range end.
    wide_ends: Column<u32>,
}

impl SeenPart {
    fn kind(&self, kind: u32) -> impl ExactSizeIterator<Item = Seen> + Clone + '_ {
        slice(&self.seen, &self.ends, kind)
    }

    /// The pieces of an entry, and whether it is a range of several addresses.
    fn pieces_of(&self, entry: u32) -> (bool, impl Iterator<Item = (u32, u32)> + Clone) {
        let is_wide = entry & WIDE != 0 && entry != u32::MAX;
        let pieces = is_wide.then(|| slice(&self.pieces, &self.wide_ends, entry & !WIDE));
        let single = (entry & WIDE == 0).then_some((0, entry));
        (is_wide, single.into_iter().chain(pieces.into_iter().flatten()))
    }

    /// How many entries and pieces are of each kind, of the entries that `is_counted`.
    fn uses(&self, is_counted: impl Fn(u32) -> bool) -> Vec<u32> {
        // Entries and pieces are numbered in 32 bits each.
        let mut uses = vec![0u32; self.ends.len()];
        for entry in self.entries.iter().filter(|entry| is_counted(*entry)) {
            for (_, kind) in self.pieces_of(entry).1 {
                uses.get_mut(kind as usize).into_iter().for_each(|uses| *uses = uses.saturating_add(1));
            }
        }
        uses
    }

    /// The sightings of each kind, and how many entries and pieces are of it.
    fn kinds<'p>(&'p self, uses: &'p [u32]) -> impl Iterator<Item = (impl Iterator<Item = Seen>, u64)> {
        (0..).zip(uses).map(|(kind, uses)| (self.kind(kind), u64::from(*uses)))
    }
}

/// The items of a list of lists, given where each ends.
fn slice<'s, T: ColumnRow>(
    items: &'s Column<T>,
    ends: &'s Column<u32>,
    number: u32,
) -> impl ExactSizeIterator<Item = T> + Clone + 's {
    let end = |number: usize| ends.get(number).map_or(0, |end| end as usize);
    let start = (number as usize).checked_sub(1).map_or(0, end);
    items.range(start, end(number as usize))
}

/// The sections.
#[derive(Debug)]
pub struct EncodedFirstSeen {
    /// The section of codes.
    pub codes: Vec<u8>,
    /// The column of each part, and how many rows it has.
    pub columns: Vec<(Vec<u8>, usize)>,
}

/// How often pairs of numbers occur.
#[derive(Default)]
struct PairCounts {
    counts: Vec<((u32, u32), u64)>,
    /// How many counts there may be before equal pairs are joined.
    limit: usize,
}

impl PairCounts {
    fn add(&mut self, pair: (u32, u32), count: u64) {
        if self.counts.len() >= self.limit {
            self.join();
            // Where no pairs are equal, the memory is what this bounds: it grows by half, and not to double.
            self.limit = (self.counts.len() + self.counts.len() / 2).max(1 << 16);
            self.counts.reserve_exact(self.limit - self.counts.len());
        }
        self.counts.push((pair, count));
    }

    fn join(&mut self) {
        self.counts.sort_unstable();
        self.counts.dedup_by(|(pair, count), (kept, sum)| {
            let is_same = pair == kept;
            *sum += if is_same { *count } else { 0 };
            is_same
        });
    }

    /// All pairs, sorted, with their counts.
    fn finish(mut self) -> Vec<((u32, u32), u64)> {
        self.join();
        self.counts
    }
}

/// The bits that values with these counts take in an ideal code.
fn entropy(counts: impl Iterator<Item = u64> + Clone) -> f64 {
    let all = counts.clone().sum::<u64>() as f64;
    counts.filter(|count| *count > 0).map(|count| count as f64 * (all / count as f64).log2()).sum()
}

/// The default of each record: the most frequent first_seen of its sightings, or their detect_time where that
/// is more frequent.
fn defaults(records: usize, parts: &[SeenPart]) -> Vec<u32> {
    let (mut pairs, mut as_detected) = (PairCounts::default(), vec![0u64; records]);
    for part in parts {
        for (seen, uses) in part.kinds(&part.uses(|_| true)) {
            for seen in seen {
                pairs.add((seen.record, seen.first_seen), uses);
                let is_same = seen.first_seen == seen.detect_time;
                let count = as_detected.get_mut(seen.record as usize);
                count.into_iter().for_each(|count| *count += if is_same { uses } else { 0 });
            }
        }
    }
    let mut defaults: Vec<(u64, u32)> = vec![(0, AS_DETECTED); records];
    for ((record, first_seen), count) in pairs.finish() {
        if let Some(best) = defaults.get_mut(record as usize)
            && count > best.0
        {
            *best = (count, first_seen);
        }
    }
    let choose =
        |((count, default), same): (&(u64, u32), u64)| if same > *count { AS_DETECTED } else { *default };
    defaults.iter().zip(as_detected).map(choose).collect()
}

/// The number of bits of a gap, which are coded, and those below the highest, which follow.
fn gap_class(gap: u32) -> (u32, u64, usize) {
    let class = 32 - gap.leading_zeros();
    let below = class.saturating_sub(1);
    (class, u64::from(gap) & !(u64::MAX << below), below as usize)
}

/// How often each number occurs.
type Counts = BTreeMap<u32, u64>;

fn entropy_of(counts: &Counts) -> f64 {
    entropy(counts.values().copied())
}

/// The rows of a part, and how often each number in them occurs.
struct Rows<'p> {
    part: &'p SeenPart,
    /// Which kinds have rows. An entry has one if any of its pieces has.
    has_row: Vec<bool>,
    /// Whether any row has a value.
    has_values: bool,
    /// The classes of gaps.
    gaps: Counts,
    /// How many pieces ranges have, and how far apart these begin.
    pieces: Counts,
    distances: Counts,
    /// What they take in ideal codes.
    bits: f64,
}

impl<'p> Rows<'p> {
    fn new(part: &'p SeenPart, records: &[Record], has_row: Vec<bool>) -> Rows<'p> {
        let [gaps, pieces, distances] = [const { Counts::new() }; 3];
        let mut rows = Rows { part, has_row, has_values: false, gaps, pieces, distances, bits: 0.0 };
        // The values are counted again for the codes: with millions of them, keeping the counts takes more memory
        // than all else.
        let mut counts = PairCounts::default();
        rows.count_values(records, &mut counts);
        let values = counts.finish();
        rows.has_values = !values.is_empty();
        let of_feeds = values.chunk_by(|((a, _), _), ((b, _), _)| a == b);
        let of_values = of_feeds.map(|values| entropy(values.iter().map(|(_, count)| *count))).sum::<f64>();
        drop(values);
        let (mut gaps, mut pieces, mut distances, mut extra) =
            (Counts::new(), Counts::new(), Counts::new(), 0);
        rows.each(|row, gap, entry| {
            if row % GROUP != 0 {
                let (class, _, below) = gap_class(gap);
                *gaps.entry(class).or_default() += 1;
                extra += below;
            }
            let (is_wide, of_entry) = part.pieces_of(entry);
            if is_wide {
                *pieces.entry(of_entry.clone().count() as u32).or_default() += 1;
                for (distance, _) in distances_of(of_entry).skip(1) {
                    *distances.entry(distance).or_default() += 1;
                }
            }
        });
        let of_places = [&gaps, &pieces, &distances].map(entropy_of).iter().sum::<f64>();
        Rows { gaps, pieces, distances, bits: of_values + of_places + extra as f64, ..rows }
    }

    /// Rows for entries that differ from their defaults, or for all entries, whatever takes fewer bits.
    fn of(part: &'p SeenPart, records: &[Record], defaults: &[u32]) -> Rows<'p> {
        let is_default = |seen: &Seen| match defaults.get(seen.record as usize) {
            Some(&AS_DETECTED) => seen.first_seen == seen.detect_time,
            default => default == Some(&seen.first_seen),
        };
        let kinds = (0..part.ends.len() as u32).map(|kind| !part.kind(kind).all(|seen| is_default(&seen)));
        let few = Rows::new(part, records, kinds.collect());
        if !few.has_values || few.has_row.iter().all(|has_row| *has_row) {
            return few;
        }
        let all = Rows::new(part, records, vec![true; part.ends.len()]);
        if all.bits < few.bits { all } else { few }
    }

    /// Counts the values of rows, by feed.
    fn count_values(&self, records: &[Record], counts: &mut PairCounts) {
        let uses = self.part.uses(|entry| self.is_row(entry));
        for (seen, uses) in self.part.kinds(&uses).filter(|(_, uses)| *uses > 0) {
            seen.for_each(|seen| counts.add((seen.feed(records), seen.first_seen), uses));
        }
    }

    fn is_row(&self, entry: u32) -> bool {
        let has_row = |(_, kind): (u32, u32)| self.has_row.get(kind as usize).copied().unwrap_or(false);
        self.part.pieces_of(entry).1.any(has_row)
    }

    /// Visits the rows: the number of each, how many ordinals are between it and the one before, and its entry.
    fn each(&self, mut visit: impl FnMut(usize, u32, u32)) {
        let mut next = 0;
        let rows = (0u32..).zip(self.part.entries.iter()).filter(|(_, entry)| self.is_row(*entry));
        for (row, (ordinal, entry)) in rows.enumerate() {
            visit(row, ordinal - next, entry);
            next = ordinal + 1;
        }
    }

    /// The bytes of the column, and how many rows it has.
    fn encode(&self, records: &[Record], codes: &[ValueEncoder]) -> Result<(Vec<u8>, usize), TooLarge> {
        let [gaps, pieces, distances] = [&self.gaps, &self.pieces, &self.distances].map(|counts| {
            ValueEncoder::new(&counts.iter().map(|(value, count)| (*value, *count)).collect::<Vec<_>>())
        });
        let (mut bits, mut ordinals, mut offsets) = (BitWriter::default(), Vec::new(), Vec::new());
        let (mut count, mut next, mut values, mut values_most) = (0, 0, 0, 0);
        self.each(|row, gap, entry| {
            next += u64::from(gap);
            if row % GROUP == 0 {
                ordinals.push(next);
                offsets.push(bits.len() as u64);
                values = 0;
            } else {
                let (class, below, width) = gap_class(gap);
                gaps.put(class, &mut bits);
                bits.put(below, width);
            }
            let (is_wide, of_entry) = self.part.pieces_of(entry);
            if is_wide {
                pieces.put(of_entry.clone().count() as u32, &mut bits);
            }
            for (at, (distance, kind)) in distances_of(of_entry).enumerate() {
                if at > 0 {
                    distances.put(distance, &mut bits);
                }
                let seen = self.part.kind(kind);
                values += seen.len() as u64;
                for seen in seen {
                    let code = codes.get(seen.feed(records) as usize);
                    code.into_iter().for_each(|code| code.put(seen.first_seen, &mut bits));
                }
            }
            values_most = values.max(values_most);
            (count, next) = (count + 1, next + 1);
        });
        TooLarge::check("first-seen", "sightings of neighbours", values_most, VALUES_PER_GROUP_MAX)?;
        if count == 0 {
            return Ok((Vec::new(), 0));
        }
        let mut out = (bits.len() as u64).to_le_bytes().to_vec();
        out.extend([gaps, pieces, distances].iter().flat_map(ValueEncoder::table));
        out.extend(sloped::encode(&ordinals)?);
        out.extend(sloped::encode(&offsets)?);
        out.extend(bits.finish());
        out.resize(out.len() + TAIL_LEN, 0);
        Ok((out, count))
    }
}

/// How far each piece begins behind the one before, and its kind.
fn distances_of(pieces: impl Iterator<Item = (u32, u32)>) -> impl Iterator<Item = (u32, u32)> {
    pieces.scan(0, |before, (offset, kind)| {
        let distance = offset - *before;
        *before = offset;
        Some((distance, kind))
    })
}

/// The bytes of the section of codes and of the columns of all parts.
pub fn encode(records: &[Record], parts: &[SeenPart]) -> Result<EncodedFirstSeen, TooLarge> {
    if records.is_empty() {
        return Ok(EncodedFirstSeen { codes: Vec::new(), columns: vec![(Vec::new(), 0); parts.len()] });
    }
    let defaults = defaults(records.len(), parts);
    let rows: Vec<Rows<'_>> = parts.iter().map(|part| Rows::of(part, records, &defaults)).collect();
    let feeds = records.iter().map(|record| usize::from(record.feed.0) + 1).max().unwrap_or(0);
    let mut values: Vec<Vec<(u32, u64)>> = vec![Vec::new(); feeds];
    let mut pairs = PairCounts::default();
    rows.iter().for_each(|rows| rows.count_values(records, &mut pairs));
    for ((feed, value), count) in pairs.finish() {
        values.get_mut(feed as usize).into_iter().for_each(|values| values.push((value, count)));
    }
    let encoders: Vec<ValueEncoder> = values.iter().map(|values| ValueEncoder::new(values)).collect();
    let used = || parts.iter().flat_map(|part| part.seen.iter()).map(|seen| seen.first_seen);
    let [newest, oldest] = [used().max(), used().min()].map(Option::unwrap_or_default);
    let counts = [records.len(), feeds].map(|count| count as u32);
    let columns = rows.iter().map(|rows| rows.encode(records, &encoders)).collect::<Result<Vec<_>, _>>()?;
    let mut header = vec![newest, oldest, counts[0], counts[1]];
    // Ordinals fit 32 bits, and so do rows.
    header.extend(columns.iter().map(|(_, rows)| *rows as u32));
    header.resize(CODES_HEADER_LEN / 4, 0);
    let mut codes: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
    codes.extend(defaults.iter().flat_map(|default| default.to_le_bytes()));
    let (mut tables, mut ends) = (Vec::new(), vec![0]);
    for (encoder, values) in encoders.iter().zip(&values) {
        if !values.is_empty() {
            tables.extend(encoder.table());
        }
        ends.push(TooLarge::fit_u32("first-seen", "bytes of tables", tables.len())?);
    }
    codes.extend(ends.into_iter().flat_map(u32::to_le_bytes));
    codes.extend(tables);
    Ok(EncodedFirstSeen { codes, columns })
}

/// The section of codes in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenCodes<'a> {
    newest: u32,
    oldest: u32,
    rows: [u32; 4],
    defaults: &'a [[u8; 4]],
    /// Where the table of each feed begins, and the end of the last one.
    offsets: &'a [[u8; 4]],
    tables: &'a [u8],
}

impl<'a> SeenCodes<'a> {
    /// Reads the header.
    pub(crate) fn new(bytes: &'a [u8]) -> SeenCodes<'a> {
        let [newest, oldest, records, feeds] = [0, 4, 8, 12].map(|at| u32_at(bytes, at));
        let rows = [16, 20, 24, 28].map(|at| u32_at(bytes, at));
        let rest = bytes.get(CODES_HEADER_LEN..).unwrap_or(&[]);
        let split = |bytes: &'a [u8], count: usize| {
            let (numbers, rest) = bytes.split_at_checked(count.saturating_mul(4)).unwrap_or_default();
            (numbers.as_chunks().0, rest)
        };
        let (defaults, rest) = split(rest, records as usize);
        let (offsets, tables) = split(rest, (feeds as usize).saturating_add(1));
        SeenCodes { newest, oldest, rows, defaults, offsets, tables }
    }

    /// Whether the tables follow one another and end the section, and there is a default for each record.
    pub(crate) fn is_whole(&self, records: usize) -> bool {
        let mut end = 0;
        let ends = self.offsets.iter().map(|bytes| u32::from_le_bytes(*bytes) as usize);
        let are_tables = ends.zip(0..).all(|(offset, feed)| {
            let is_next = offset == end;
            let next = self.offsets.get(feed + 1).map_or(offset, |bytes| u32::from_le_bytes(*bytes) as usize);
            end += if next == offset { 0 } else { self.code(feed as u16).byte_len() };
            is_next
        });
        self.defaults.len() == records && are_tables && end == self.tables.len()
    }

    /// How many rows the column of a part has.
    pub(crate) fn rows(&self, part: usize) -> usize {
        self.rows.get(part).map_or(0, |rows| *rows as usize)
    }

    /// The newest first_seen of the file.
    #[inline]
    pub(crate) fn newest(&self) -> Time {
        Time::from_stored(self.newest)
    }

    /// The oldest first_seen of the file.
    pub(crate) fn oldest(&self) -> Time {
        Time::from_stored(self.oldest)
    }

    /// The default of a record, given the detect_time of the sighting.
    #[inline]
    pub(crate) fn default(&self, record: u32, detect_time: Time) -> Option<Time> {
        match u32::from_le_bytes(*self.defaults.get(record as usize)?) {
            AS_DETECTED => Some(detect_time),
            first_seen => Some(Time::from_stored(first_seen)),
        }
    }

    /// Whether each default that is a time of its own is among the times that the header states.
    pub(crate) fn has_sound_defaults(&self) -> bool {
        let mut defaults = self.defaults.iter().map(|bytes| u32::from_le_bytes(*bytes));
        defaults.all(|default| default == AS_DETECTED || (self.oldest..=self.newest).contains(&default))
    }

    #[inline]
    fn code(&self, feed: u16) -> ValueCode<'a> {
        let offset = self.offsets.get(usize::from(feed)).map_or(u32::MAX, |bytes| u32::from_le_bytes(*bytes));
        ValueCode::new(self.tables.get(offset as usize..).unwrap_or(&[]))
    }

    /// Reads a value of a feed's sighting, and where the next one begins.
    #[inline]
    pub(crate) fn read(&self, feed: u16, stream: &[u8], at: u64) -> Option<(Time, u64)> {
        let (value, end) = self.code(feed).read(stream, at)?;
        Some((Time::from_stored(value), end))
    }
}

/// Where the first_seen of an entry's sightings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeenPlace {
    /// They are the defaults of its records.
    Defaults,
    /// From this bit of the stream on.
    Row(u64),
}

/// A position in a column. To continue from it is cheap where ordinals rise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeenCursor {
    row: usize,
    /// Entries from this one up to that of the row, without it, have no row.
    low: u32,
    ordinal: u32,
    /// Where the values of the row begin.
    at: u64,
    /// The ordinal of the first row of the next group.
    next: u64,
}

/// The column of a part in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenColumn<'a> {
    count: usize,
    bits: u64,
    gaps: ValueCode<'a>,
    pieces: ValueCode<'a>,
    distances: ValueCode<'a>,
    ordinals: Sloped<'a>,
    offsets: Sloped<'a>,
    stream: &'a [u8],
    len: usize,
}

impl<'a> SeenColumn<'a> {
    /// Reads the headers of a column of `count` rows.
    pub(crate) fn new(bytes: &'a [u8], count: usize) -> SeenColumn<'a> {
        let groups = count.div_ceil(GROUP);
        let mut len = COLUMN_HEADER_LEN;
        let [gaps, pieces, distances] = [(); 3].map(|()| {
            let code = ValueCode::new(bytes.get(len..).unwrap_or(&[]));
            len += code.byte_len();
            code
        });
        let mut next = || {
            let array = Sloped::new(bytes.get(len..).unwrap_or(&[]));
            len = len.saturating_add(array.byte_len(groups));
            array
        };
        let (ordinals, offsets) = (next(), next());
        let (bits, stream) = (u64_at(bytes, 0), bytes.get(len..).unwrap_or(&[]));
        let of_stream = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
        let len = len.saturating_add(of_stream).saturating_add(TAIL_LEN);
        SeenColumn { count, bits, gaps, pieces, distances, ordinals, offsets, stream, len }
    }

    /// How many bytes it takes, by its headers.
    pub(crate) fn byte_len(&self) -> usize {
        if self.count == 0 { 0 } else { self.len }
    }

    /// The rows one after another.
    pub(crate) fn stream(&self) -> &'a [u8] {
        self.stream
    }

    /// Where the first_seen of an entry are. `skip` gives the end of the values of another entry, which begin at
    /// a bit of the stream. `None` in a forged column.
    #[inline]
    pub(crate) fn find(
        &self,
        cursor: &mut SeenCursor,
        ordinal: u32,
        mut skip: impl FnMut(u32, u64) -> Option<u64>,
    ) -> Option<SeenPlace> {
        if self.count == 0 || !self.seek(cursor, ordinal) {
            return Some(SeenPlace::Defaults);
        }
        while cursor.ordinal < ordinal {
            if cursor.row + 1 == self.count || (cursor.row + 1).is_multiple_of(GROUP) {
                return Some(SeenPlace::Defaults);
            }
            let end = skip(cursor.ordinal, cursor.at)?;
            let (gap, at) = self.gap(end)?;
            cursor.low = cursor.ordinal.checked_add(1)?;
            cursor.ordinal = cursor.low.checked_add(gap)?;
            (cursor.row, cursor.at) = (cursor.row + 1, at);
        }
        Some(if cursor.ordinal == ordinal { SeenPlace::Row(cursor.at) } else { SeenPlace::Defaults })
    }

    /// Moves the cursor to the group that could have a row of the entry, unless it is there. Returns `false` if
    /// the entry is before all rows.
    fn seek(&self, cursor: &mut SeenCursor, ordinal: u32) -> bool {
        let target = u64::from(ordinal);
        if cursor.low <= ordinal && target < cursor.next {
            return true;
        }
        let groups = self.count.div_ceil(GROUP);
        let next = cursor.row / GROUP + 1;
        let is_in_next = cursor.next <= target && cursor.next > 0;
        let group = match is_in_next && (next + 1 >= groups || target < self.ordinals.get(next + 1)) {
            true => next,
            false => match self.groups_up_to(target, groups).checked_sub(1) {
                Some(group) => group,
                None => return false,
            },
        };
        let low = u32::try_from(self.ordinals.get(group)).unwrap_or(u32::MAX);
        let next = if group + 1 < groups { self.ordinals.get(group + 1) } else { u64::MAX };
        *cursor = SeenCursor { row: group * GROUP, low, ordinal: low, at: self.offsets.get(group), next };
        low <= ordinal
    }

    /// How many groups begin at an ordinal, or before it.
    fn groups_up_to(&self, ordinal: u64, groups: usize) -> usize {
        let (mut low, mut high) = (0, groups);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.ordinals.get(middle) <= ordinal { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// Reads a gap, and where the values behind it begin.
    #[inline]
    fn gap(&self, at: u64) -> Option<(u32, u64)> {
        let (class, end) = self.gaps.read(self.stream, at)?;
        let Some(below) = class.checked_sub(1) else { return Some((0, end)) };
        if below > 31 {
            return None;
        }
        let bits = u64_at(self.stream, usize::try_from(end / 8).ok()?) >> (end % 8) & !(u64::MAX << below);
        Some((1 << below | bits as u32, end.checked_add(u64::from(below))?))
    }

    /// Reads how many pieces a range has, and where its first values begin.
    pub(crate) fn pieces(&self, at: u64) -> Option<(u32, u64)> {
        self.pieces.read(self.stream, at).filter(|(count, _)| *count <= PIECES_MAX)
    }

    /// Reads how far a piece begins behind the one before, and where its values begin.
    pub(crate) fn distance(&self, at: u64) -> Option<(u32, u64)> {
        self.distances.read(self.stream, at)
    }

    /// Visits all rows: the ordinal, and where the values begin; the visitor returns where they end. Returns
    /// whether rows are in order, groups begin where the arrays state, and the stream ends after the last row.
    pub(crate) fn each_row(&self, mut visit: impl FnMut(u32, u64) -> Option<u64>) -> bool {
        let (mut end, mut low) = (0, Some(0));
        for row in 0..self.count {
            let group = row / GROUP;
            let (ordinal, at) = if row % GROUP == 0 {
                (u32::try_from(self.ordinals.get(group)).ok(), self.offsets.get(group))
            } else {
                let Some((gap, at)) = self.gap(end) else { return false };
                (low.and_then(|low: u32| low.checked_add(gap)), at)
            };
            let Some(ordinal) = ordinal.filter(|ordinal| low.is_some_and(|low| low <= *ordinal)) else {
                return false;
            };
            let Some(next) = visit(ordinal, at).filter(|_| row % GROUP != 0 || at == end) else {
                return false;
            };
            (end, low) = (next, ordinal.checked_add(1));
        }
        end == self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::records::{Extent, TimesRef};
    use crate::{Assessments, FeedId, ListKind, Scope};
    use proptest::prelude::*;

    /// Where each piece begins and what its records have, and where the row ends.
    type ReadPieces = (Vec<(u32, Vec<Time>)>, u64);

    const BASE: i64 = 1_780_000_000;

    fn record(feed: u16) -> Record {
        let (list, scope, extent) = (ListKind::Block, Scope::Exact, Extent::None);
        Record {
            feed: FeedId(feed),
            list,
            scope,
            extent,
            assessments: Assessments::EMPTY,
            times: TimesRef::Own,
        }
    }

    fn times(first: u32, detect: u32) -> Times {
        let at = |number: u32| Time::from_unix(BASE + i64::from(number));
        Times { first_seen: at(first), detect_time: at(detect), row_expiry: None }
    }

    /// The sightings of one entry: records and first_seen.
    type Sightings = Vec<(u32, u32)>;
    /// The pieces of one entry, each with its offset; a single one where it is no range.
    type Model = Vec<Option<(bool, Vec<(u32, Sightings)>)>>;

    fn part_of(model: &Model) -> SeenPart {
        let mut part = SeenPartWriter::default();
        let kind = |part: &mut SeenPartWriter<'_>, sightings: &Sightings| {
            let seen = sightings.iter().map(|(record, first)| Seen::new(*record, &times(*first, 50)));
            part.add_kind(seen.collect::<Vec<Seen>>()).expect("few")
        };
        for entry in model {
            match entry {
                None => part.push_gap(),
                Some((false, pieces)) => {
                    let kind = kind(&mut part, &pieces[0].1);
                    part.push(kind);
                }
                Some((true, pieces)) => {
                    let kinds: Vec<(u32, u32)> = pieces
                        .iter()
                        .map(|(offset, sightings)| (*offset, kind(&mut part, sightings)))
                        .collect();
                    part.push_range(kinds).expect("few");
                }
            }
        }
        part.finish()
    }

    /// What a reader finds of an entry: the first_seen of each sighting of each piece, and where its row ends.
    fn read(
        codes: &SeenCodes<'_>,
        column: &SeenColumn<'_>,
        entry: &(bool, Vec<(u32, Sightings)>),
        at: u64,
    ) -> Option<ReadPieces> {
        let (count, mut at) = if entry.0 { column.pieces(at)? } else { (1, at) };
        let (mut from, mut found) = (0, Vec::new());
        for piece in 0..count {
            if piece > 0 {
                let (distance, end) = column.distance(at)?;
                (from, at) = (from + distance, end);
            }
            let mut all = Vec::new();
            for (record, _) in &entry.1[0].1 {
                let (first_seen, end) = codes.read(*record as u16 / 2, column.stream(), at)?;
                all.push(first_seen);
                at = end;
            }
            found.push((from, all));
        }
        Some((found, at))
    }

    fn check(models: &[Model]) -> usize {
        let records: Vec<Record> = (0..6).map(|number| record(number / 2)).collect();
        let parts: Vec<SeenPart> = models.iter().map(part_of).collect();
        let encoded = encode(&records, &parts).expect("few");
        let codes = SeenCodes::new(&encoded.codes);
        assert!(codes.is_whole(records.len()) && codes.has_sound_defaults());
        for (model, (bytes, rows)) in models.iter().zip(&encoded.columns) {
            let column = SeenColumn::new(bytes, *rows);
            assert_eq!(column.byte_len(), bytes.len());
            let entry = |ordinal: u32| model[ordinal as usize].as_ref().expect("an entry");
            let skip = |ordinal: u32, at: u64| Some(read(&codes, &column, entry(ordinal), at)?.1);
            assert!(column.each_row(skip));
            let (mut cursor, mut jumping) = (SeenCursor::default(), SeenCursor::default());
            for ordinal in (0..model.len()).filter(|ordinal| model[*ordinal].is_some()) {
                let ordinal = ordinal as u32;
                let expected: Vec<(u32, Vec<Time>)> = entry(ordinal)
                    .1
                    .iter()
                    .map(|(offset, all)| {
                        (*offset, all.iter().map(|(_, first)| times(*first, 0).first_seen).collect())
                    })
                    .collect();
                let other = (ordinal * 7 + 3) % model.len() as u32;
                column.find(&mut jumping, other, skip).expect("sound");
                let places = [
                    column.find(&mut cursor, ordinal, skip),
                    column.find(&mut SeenCursor::default(), ordinal, skip),
                    column.find(&mut jumping, ordinal, skip),
                ];
                for place in places {
                    match place.expect("sound") {
                        SeenPlace::Row(at) => {
                            assert_eq!(read(&codes, &column, entry(ordinal), at).expect("sound").0, expected);
                        }
                        SeenPlace::Defaults => {
                            let detected = times(0, 50).detect_time;
                            let default =
                                |(number, _): &(u32, u32)| codes.default(*number, detected).expect("one");
                            for ((_, found), (_, all)) in expected.iter().zip(&entry(ordinal).1) {
                                assert_eq!(all.iter().map(default).collect::<Vec<Time>>(), *found);
                            }
                        }
                    }
                }
            }
        }
        encoded.columns.iter().map(|(bytes, _)| bytes.len()).sum()
    }

    #[test]
    fn equal_times_take_no_column() {
        let entry = Some((false, vec![(0, vec![(0, 9), (3, 9)])]));
        assert_eq!(check(&[vec![entry; 300], vec![]]), 0);
        let detected = Some((true, vec![(0, vec![(5, 50)])]));
        assert_eq!(check(&[vec![detected; 300]]), 0);
    }

    #[test]
    fn few_other_times_take_about_their_entropy() {
        let one = |first| Some((false, vec![(0, vec![(0, first)])]));
        let model: Model = (0..100_000u32)
            .map(|at| one(if at.wrapping_mul(0x9E37_79B1) >> 24 == 7 { 4 } else { 9 }))
            .collect();
        let other = model.iter().flatten().filter(|(_, pieces)| pieces[0].1[0].1 == 4).count() as f64;
        let share = other / model.len() as f64;
        let entropy =
            -(share * share.log2() + (1.0 - share) * (1.0 - share).log2()) * model.len() as f64 / 8.0;
        let bytes = check(&[model]) as f64;
        assert!(bytes < 1.5 * entropy + 300.0, "{bytes} bytes for an entropy of {entropy}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn columns_read_back(
            entries in proptest::collection::vec((0u32..9, 0u32..6, 1u32..4, 0u32..40, 1u32..5), 0..300),
            spread in 1u32..40,
        ) {
            let model = |shift: u32| -> Model {
                let entry = |(kind, record, count, first, pieces): &(u32, u32, u32, u32, u32)| {
                    let sightings = |at: u32| -> Sightings {
                        let last = (*record + *count).min(6);
                        (*record..last).map(|number| (number, (first + at * 3) % spread)).collect()
                    };
                    match (kind + shift) % 9 {
                        0 => None,
                        1 => Some((true, (0..*pieces).map(|at| (at * (1 + first), sightings(at))).collect())),
                        2 => Some((true, vec![(0, sightings(0))])),
                        _ => Some((false, vec![(0, sightings(1))])),
                    }
                };
                entries.iter().map(entry).collect()
            };
            check(&[model(0), model(4), vec![]]);
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..600), count in 0usize..200, ordinal: u32) {
            let codes = SeenCodes::new(&bytes);
            let column = SeenColumn::new(&bytes, count);
            let skip = |_: u32, at: u64| Some(codes.read(0, column.stream(), at)?.1);
            column.find(&mut SeenCursor::default(), ordinal, skip);
            column.each_row(skip);
            codes.is_whole(count);
        }
    }
}
