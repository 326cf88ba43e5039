//! The sections of a file, from the merged contents.

use crate::flatten::FlatRange;
use crate::groups::is_rare;
use crate::intern::{Drafts, PartSets, Tables};
use crate::scratch::Scratch;
use rapsheet_snapshot::section::first_seen::{self, SeenPart, SeenPartWriter};
use rapsheet_snapshot::section::leaves::{self, EncodedLeaves};
use rapsheet_snapshot::section::suffix::SuffixSeed;
use rapsheet_snapshot::section::times::{OwnTimes, StoredConfirmation};
use rapsheet_snapshot::section::{RangeEntry, SortedKeys};
use rapsheet_snapshot::section::{
    exceptions, filter, ipv4, ipv6, locator, packed, records, times, url_blocks, url_filter,
};
use rapsheet_snapshot::{
    AddressRange, Column, ColumnStore, ColumnWriter, LISTED_MAX, Part, Section, SectionBytes, TooLarge,
};
use std::collections::HashMap;

/// What an entry refers to: its final set, and the number by which its draft sets are found.
type Reference = (u32, u32);

/// The number of a gap between ranges of IPv4, which has no draft set.
const GAP: u32 = u32::MAX;

/// The position of the draft sets of IPv4 addresses in [`Tables::parts`].
pub(crate) const V4: usize = 0;
/// The position of the draft sets of IPv6 addresses.
pub(crate) const V6: usize = 1;
/// The position of the draft sets of names.
pub(crate) const NAMES: usize = 2;
/// The position of the draft sets of URLs.
pub(crate) const URLS: usize = 3;

/// Makes the sections that find names and URLs.
pub(crate) fn indexes<N: SortedKeys, U: SortedKeys>(
    names: &N,
    urls: &U,
    scratch: &Scratch,
    finished: &mut dyn FnMut(SectionBytes),
) -> Result<(), TooLarge> {
    let (seed, hashes) = (seed_of(names), scratch.hashes(names.count()));
    let encode_others =
        || (filter::encode(names, seed, hashes), url_blocks::encode(urls), url_filter::encode(urls, hashes));
    let ((filter, url_blocks, url_filter), name_leaves) =
        rayon::join(encode_others, || leaves_and_locator(names, seed, scratch));
    let (leaves, locator) = name_leaves?;
    finished(leaves);
    let mut add = |section, count, bytes| finished(SectionBytes::new(section, count, bytes));
    add(Section::NameFilter, names.count(), filter?);
    add(Section::NameLocator, names.count(), locator);
    add(Section::UrlBlocks, urls.count(), url_blocks?);
    add(Section::UrlFilter, urls.count(), url_filter?);
    Ok(())
}

/// The seed of all hashes of names.
fn seed_of(names: &impl SortedKeys) -> SuffixSeed {
    let mut seed = SuffixSeed::default();
    names.each(|name| seed = seed.plus(SuffixSeed::of(&[name])));
    seed
}

/// The leaves that hold the names, and the locator of names in them.
fn leaves_and_locator(
    names: &impl SortedKeys,
    seed: SuffixSeed,
    scratch: &Scratch,
) -> Result<(SectionBytes, Vec<u8>), TooLarge> {
    let EncodedLeaves { head, leaves, tail, slots } = leaves::encode_with(names, seed, scratch.columns())?;
    let section = SectionBytes::new(Section::NameLeaves, names.count(), head).with_rest(leaves, tail);
    Ok((section, locator::encode(names, &slots, seed, scratch.hashes(names.count()))?))
}

/// The final set of each entry of a part, which are asked for in order.
fn set_of(tables: &Tables, part: usize) -> impl FnMut(u32) -> u32 {
    let mut sets = tables.parts.get(part).map(PartSets::in_order);
    move |draft| sets.as_mut().map_or(0, |sets| sets(draft))
}

/// The ranges of IPv4, where neighbours that differ in first_seen alone are one entry. So there are hardly
/// more entries in an old file than in a first one.
struct JoinedRanges<'a> {
    ranges: &'a Column<FlatRange<u32>>,
    tables: &'a Tables,
    /// The position after the last range of each entry that has several, by that of its first one.
    ends: HashMap<u32, u32>,
    /// How many entries there are.
    count: usize,
}

/// Entries that are joined do not cross a multiple of this. Buckets begin at such multiples, and ranges are
/// cut where buckets end.
const BLOCK: u32 = 1 << 12;

impl<'a> JoinedRanges<'a> {
    fn new(ranges: &'a Column<FlatRange<u32>>, tables: &'a Tables) -> Result<JoinedRanges<'a>, TooLarge> {
        TooLarge::fit_u32("IPv4 ranges", "ranges", ranges.len())?;
        let mut finest: HashMap<u32, Option<u8>> = HashMap::new();
        let mut set_of = set_of(tables, V4);
        let mut joined = JoinedRanges { ranges, tables, ends: HashMap::new(), count: 0 };
        let mut last: Option<RangeEntry<u32>> = None;
        for (at, range) in (0u32..).zip(ranges.iter()) {
            let set = set_of(range.set);
            if let Some(before) = &mut last
                && before.set == set
                && before.last.checked_add(1) == Some(range.first)
                && before.first / BLOCK == range.last / BLOCK
                && finest.entry(set).or_insert_with(|| tables.finest_prefix(set)).is_some_and(|length| {
                    let whole = AddressRange::V4 { first: before.first, last: range.last };
                    whole.prefix_count(length).is_some_and(|count| count <= LISTED_MAX)
                })
            {
                before.last = range.last;
                joined.ends.insert(before.own, at + 1);
                continue;
            }
            last = Some(RangeEntry { first: range.first, last: range.last, set, own: at });
            joined.count += 1;
        }
        Ok(joined)
    }

    /// The entries, each with the position of its first range.
    fn entries(&self) -> impl ExactSizeIterator<Item = RangeEntry<u32>> {
        let (mut set_of, mut at) = (set_of(self.tables, V4), 0u32);
        (0..self.count).map(move |_| {
            let own = at;
            let ranges = self.of(own);
            at = at.saturating_add(ranges.len() as u32);
            // The sets of all ranges are asked for, and those of an entry are equal.
            let (mut set, mut ends) = (0, (0, 0));
            for (nth, range) in self.of(own).enumerate() {
                set = set_of(range.set);
                ends = (if nth == 0 { range.first } else { ends.0 }, range.last);
            }
            RangeEntry { first: ends.0, last: ends.1, set, own }
        })
    }

    /// The ranges of an entry.
    fn of(&self, own: u32) -> impl ExactSizeIterator<Item = FlatRange<u32>> + Clone {
        let end = self.ends.get(&own).copied().unwrap_or(own + 1);
        self.ranges.range(own as usize, end as usize)
    }
}

/// Which draft sets the number in a [`Reference`] stands for.
enum Pieces<'a> {
    /// It is that of the draft set of the whole entry.
    None,
    /// Those of the ranges that were joined.
    Joined {
        joined: &'a JoinedRanges<'a>,
        /// Whether each item is a range of several addresses.
        are_ranges: Vec<bool>,
    },
}

impl Pieces<'_> {
    /// The draft set of an entry's first piece.
    fn first(&self, own: u32) -> u32 {
        match self {
            Pieces::None => own,
            Pieces::Joined { joined, .. } => joined.of(own).next().map_or(GAP, |range| range.set),
        }
    }

    /// Adds an entry, whose draft sets have these kinds.
    fn push(
        &self,
        ordinal: u32,
        own: u32,
        part: &mut SeenPartWriter<'_>,
        mut kind_of: impl FnMut(u32, &mut SeenPartWriter<'_>) -> Result<u32, TooLarge>,
    ) -> Result<(), TooLarge> {
        match self {
            Pieces::Joined { joined, are_ranges } if are_ranges.get(ordinal as usize) == Some(&true) => {
                let ranges = joined.of(own);
                let first = ranges.clone().next().map_or(0, |range| range.first);
                let kinds = ranges.map(|range| Ok((range.first - first, kind_of(range.set, part)?)));
                let kinds = kinds.collect::<Result<Vec<(u32, u32)>, TooLarge>>()?;
                part.push_range(kinds)
            }
            _ => {
                let kind = kind_of(self.first(own), part)?;
                part.push(kind);
                Ok(())
            }
        }
    }
}

/// Makes the sections of all entries, part by part, so that what is known of a part can go before the next
/// one.
pub(crate) struct Composer<'a> {
    tables: &'a Tables,
    store: &'a ColumnStore,
    /// Takes sections as they are made.
    finished: &'a mut dyn FnMut(SectionBytes),
    exceptions: Vec<(u16, Vec<(u32, u32)>)>,
    seen: [SeenPart; 4],
}

impl<'a> Composer<'a> {
    /// Makes the sections that all parts share.
    pub(crate) fn new(
        tables: &'a Tables,
        store: &'a ColumnStore,
        finished: &'a mut dyn FnMut(SectionBytes),
    ) -> Result<Composer<'a>, TooLarge> {
        let Tables { shared_times, records, sets, extents, .. } = tables;
        let (exceptions, seen) = (Vec::new(), Default::default());
        let mut composer = Composer { tables, store, finished, exceptions, seen };
        composer.add(Section::SharedTimes, shared_times.len(), times::encode_shared(shared_times)?);
        composer.add(Section::Records, records.len(), records::encode(records)?);
        composer.add(Section::Sets, sets.len(), records::encode_sets(sets)?);
        composer.add(Section::Extents, extents.len(), records::encode_extents(extents)?);
        Ok(composer)
    }

    fn add(&mut self, section: Section, count: usize, bytes: Vec<u8>) {
        (self.finished)(SectionBytes::new(section, count, bytes));
    }

    /// Makes the sections of IPv4 addresses.
    pub(crate) fn ipv4(
        &mut self,
        ranges: &Column<FlatRange<u32>>,
        drafts: &dyn Drafts,
    ) -> Result<(), TooLarge> {
        if ranges.is_empty() {
            return Ok(());
        }
        let joined = JoinedRanges::new(ranges, self.tables)?;
        let mut references = ColumnWriter::new(self.store);
        references.reserve_exact(joined.count + joined.count / 8);
        let bytes = ipv4::encode_each(joined.entries(), |set, own| references.push((set, own)))?;
        let items = bytes.items();
        let pieces = Pieces::Joined { joined: &joined, are_ranges: bytes.are_ranges().collect() };
        self.add(Section::Ipv4Directory, bytes.ranges, bytes.directory);
        self.add(Section::Ipv4Ends, items, bytes.ends);
        self.entries(Part::Ipv4, (V4, drafts), references.finish(), &pieces)
    }

    /// Makes the sections of IPv6 addresses.
    pub(crate) fn ipv6(
        &mut self,
        ranges: &Column<FlatRange<u128>>,
        drafts: &dyn Drafts,
    ) -> Result<(), TooLarge> {
        if ranges.is_empty() {
            return Ok(());
        }
        let mut set_of = set_of(self.tables, V6);
        let entry = |range: FlatRange<u128>| {
            let FlatRange { first, last, set } = range;
            RangeEntry { first, last, set: set_of(set), own: set }
        };
        let bytes = ipv6::encode(&ranges.iter().map(entry).collect::<Vec<_>>())?;
        let items = bytes.references.len();
        self.add(Section::Ipv6Index, items, bytes.index);
        self.add(Section::Ipv6Ranges, items, bytes.ranges);
        let references = bytes.references.into_iter().collect();
        self.entries(Part::Ipv6, (V6, drafts), references, &Pieces::None)
    }

    /// Makes the sections of names, given the draft set of each in order.
    pub(crate) fn names(&mut self, of_entries: &Column<u32>, drafts: &dyn Drafts) -> Result<(), TooLarge> {
        self.texts(Part::Names, (NAMES, drafts), of_entries)
    }

    /// Makes the sections of URLs, given the draft set of each in order.
    pub(crate) fn urls(&mut self, of_entries: &Column<u32>, drafts: &dyn Drafts) -> Result<(), TooLarge> {
        self.texts(Part::Urls, (URLS, drafts), of_entries)
    }

    fn texts(
        &mut self,
        part: Part,
        drafts: (usize, &dyn Drafts),
        of_entries: &Column<u32>,
    ) -> Result<(), TooLarge> {
        let mut set_of = set_of(self.tables, drafts.0);
        let mut entries = ColumnWriter::new(self.store);
        entries.reserve_exact(of_entries.len());
        of_entries.iter().for_each(|draft| entries.push((set_of(draft), draft)));
        self.entries(part, drafts, entries.finish(), &Pieces::None)
    }

    /// Makes the set numbers of a part's entries, and the column of their own times. Keeps when they were
    /// first seen.
    fn entries(
        &mut self,
        part: Part,
        (draft_part, drafts): (usize, &dyn Drafts),
        entries: Column<Reference>,
        pieces: &Pieces<'_>,
    ) -> Result<(), TooLarge> {
        if entries.is_empty() {
            return Ok(());
        }
        TooLarge::fit_u32("indicators of one kind", "entries", entries.len())?;
        let sets = entries.iter().map(|(set, _)| set);
        let divided = exceptions::divide(sets.clone())?;
        if !divided.exceptions.is_empty() {
            self.exceptions.push((part.sets().id(), divided.exceptions));
        }
        let packed = packed::encode(sets.map(|set| u64::from(set.min(divided.mark))))?;
        self.add(part.sets(), entries.len(), packed);
        let rows = self.times((draft_part, drafts), &entries, pieces)?;
        drop(entries);
        self.add(part.times(), rows.len(), times::encode_column(&rows)?);
        Ok(())
    }

    /// The own times of a part's entries, with the ordinal of each. Keeps when they were first seen.
    fn times(
        &mut self,
        (part, drafts): (usize, &dyn Drafts),
        entries: &Column<Reference>,
        pieces: &Pieces<'_>,
    ) -> Result<Column<OwnTimes>, TooLarge> {
        let mut writer = SeenPartWriter::new(self.store);
        let (mut rows, mut own) = (ColumnWriter::new(self.store), Vec::new());
        let (mut content, mut seen) = (Vec::new(), Vec::new());
        let mut read = |draft: u32, own: &mut Vec<StoredConfirmation>, part: &mut SeenPartWriter<'_>| {
            drafts.content(draft, &mut content);
            self.tables.times(&content, own, &mut seen);
            part.add_kind(seen.drain(..))
        };
        let own_kinds = entries.iter().filter(|(_, number)| *number != GAP && is_rare(pieces.first(*number)));
        writer.reserve(entries.len(), drafts.shared_count() + own_kinds.count());
        // Kinds are numbered as they are added: that of a shared draft set has its number.
        let mut shared = vec![Vec::new(); drafts.shared_count()];
        for (draft, own) in (0..).zip(&mut shared) {
            read(draft, own, &mut writer)?;
        }
        // The caller has checked that ordinals fit 32 bits.
        for (ordinal, (_, number)) in (0u32..).zip(entries.iter()) {
            if number == GAP {
                writer.push_gap();
                continue;
            }
            own.clear();
            pieces.push(ordinal, number, &mut writer, |draft, part| match is_rare(draft) {
                // Pieces that were joined have no times of their own, so that these are of the only piece.
                true => read(draft, &mut own, part),
                false => Ok(draft),
            })?;
            let first = pieces.first(number);
            let own = if is_rare(first) { &own } else { shared.get(first as usize).unwrap_or(&own) };
            own.iter().for_each(|times| rows.push((ordinal, *times)));
        }
        if let Some(seen) = self.seen.get_mut(part) {
            *seen = writer.finish();
        }
        Ok(rows.finish())
    }

    /// Makes the sections of first_seen, and that of exceptions, once all parts are made.
    pub(crate) fn finish(mut self) -> Result<(), TooLarge> {
        let records = &self.tables.records;
        let encoded = first_seen::encode(records, &self.seen)?;
        self.add(Section::FirstSeen, records.len(), encoded.codes);
        let parts = [Part::Ipv4, Part::Ipv6, Part::Names, Part::Urls];
        for (part, (column, rows)) in parts.into_iter().zip(encoded.columns) {
            self.add(part.first_seen(), rows, column);
        }
        if !self.exceptions.is_empty() {
            let rows = self.exceptions.iter().map(|(_, rows)| rows.len()).sum();
            let bytes = exceptions::encode(&self.exceptions)?;
            self.add(Section::SetExceptions, rows, bytes);
        }
        Ok(())
    }
}
