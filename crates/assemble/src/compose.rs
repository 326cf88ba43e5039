//! The sections of a file, from the merged contents.

use crate::flatten::FlatRange;
use crate::groups::is_rare;
use crate::intern::{Drafts, PartSets, Tables};
use rapsheet_snapshot::section::first_seen::{self, SeenPart};
use rapsheet_snapshot::section::leaves::{self, EncodedLeaves};
use rapsheet_snapshot::section::suffix::SuffixSeed;
use rapsheet_snapshot::section::times::StoredConfirmation;
use rapsheet_snapshot::section::{RangeEntry, SortedKeys};
use rapsheet_snapshot::section::{
    exceptions, filter, ipv4, ipv6, locator, packed, records, times, url_blocks, url_filter,
};
use rapsheet_snapshot::{AddressRange, LISTED_MAX, Part, Section, SectionBytes, TooLarge};
use std::collections::HashMap;

/// What an entry refers to: its final set, and the number by which its draft sets are found.
type Reference = (u32, u32);

/// The number of a gap between ranges of IPv4, which has no draft set.
const GAP: u32 = u32::MAX;

/// The merged contents of a snapshot.
pub(crate) struct Contents<'a> {
    /// Disjoint IPv4 ranges.
    pub(crate) v4: &'a [FlatRange<u32>],
    /// Disjoint IPv6 ranges.
    pub(crate) v6: &'a [FlatRange<u128>],
    /// The draft set of each name, in order.
    pub(crate) names: &'a [u32],
    /// The draft set of each URL, in order.
    pub(crate) urls: &'a [u32],
    /// The draft sets of each part.
    pub(crate) drafts: [&'a dyn Drafts; 4],
}

/// The position of the draft sets of IPv4 addresses in [`Contents::drafts`] and [`Tables::parts`].
pub(crate) const V4: usize = 0;
/// The position of the draft sets of IPv6 addresses.
pub(crate) const V6: usize = 1;
/// The position of the draft sets of names.
pub(crate) const NAMES: usize = 2;
/// The position of the draft sets of URLs.
pub(crate) const URLS: usize = 3;

/// All sections but the origin.
pub(crate) fn sections(
    contents: &Contents<'_>,
    tables: &Tables,
    indexes: Vec<SectionBytes>,
) -> Result<Vec<SectionBytes>, TooLarge> {
    let Tables { shared_times, records, sets, extents, .. } = tables;
    let mut out = vec![
        SectionBytes::new(Section::SharedTimes, shared_times.len(), times::encode_shared(shared_times)?),
        SectionBytes::new(Section::Records, records.len(), records::encode(records)?),
        SectionBytes::new(Section::Sets, sets.len(), records::encode_sets(sets)?),
        SectionBytes::new(Section::Extents, extents.len(), records::encode_extents(extents)?),
    ];
    let mut references = References::new(tables, &contents.drafts);
    out.extend(v4_sections(contents.v4, &mut references)?);
    out.extend(v6_sections(contents.v6, &mut references)?);
    for (part, draft_part, drafts) in
        [(Part::Names, NAMES, contents.names), (Part::Urls, URLS, contents.urls)]
    {
        let mut set_of = set_of(tables, draft_part);
        let of_part: Vec<Reference> = drafts.iter().map(|draft| (set_of(*draft), *draft)).collect();
        references.add(part, draft_part, of_part, &Pieces::None)?;
    }
    out.extend(references.finish()?);
    out.extend(indexes);
    Ok(out)
}

/// The sections that find names and URLs.
pub(crate) fn indexes(
    names: &impl SortedKeys,
    urls: &impl SortedKeys,
) -> Result<Vec<SectionBytes>, TooLarge> {
    let seed = seed_of(names);
    let encode_others = || (filter::encode(names, seed), url_blocks::encode(urls), url_filter::encode(urls));
    let ((filter, url_blocks, url_filter), name_leaves) =
        rayon::join(encode_others, || name_leaves(names, seed));
    let (leaves, locator) = name_leaves?;
    Ok(vec![
        SectionBytes::new(Section::NameFilter, names.count(), filter?),
        SectionBytes::new(Section::NameLocator, names.count(), locator),
        SectionBytes::new(Section::NameLeaves, names.count(), leaves),
        SectionBytes::new(Section::UrlBlocks, urls.count(), url_blocks?),
        SectionBytes::new(Section::UrlFilter, urls.count(), url_filter?),
    ])
}

/// The seed of all hashes of names.
fn seed_of(names: &impl SortedKeys) -> SuffixSeed {
    let mut seed = SuffixSeed::default();
    names.each(|name| seed = seed.plus(SuffixSeed::of(&[name])));
    seed
}

/// The leaves that hold the names, and the locator of names in them.
fn name_leaves(names: &impl SortedKeys, seed: SuffixSeed) -> Result<(Vec<u8>, Vec<u8>), TooLarge> {
    let EncodedLeaves { section, slots } = leaves::encode(names, seed)?;
    Ok((section, locator::encode(names, &slots, seed)?))
}

/// The final set of each entry of a part, which are asked for in order.
fn set_of(tables: &Tables, part: usize) -> impl FnMut(u32) -> u32 {
    let mut sets = tables.parts.get(part).map(PartSets::in_order);
    move |draft| sets.as_mut().map_or(0, |sets| sets(draft))
}

fn v4_sections(
    ranges: &[FlatRange<u32>],
    references: &mut References<'_>,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let mut joined = JoinedRanges::new(ranges, references.tables)?;
    // Sixteen bytes an entry, which nothing needs after this.
    let entries = std::mem::take(&mut joined.entries);
    let bytes = ipv4::encode(&entries)?;
    drop(entries);
    let items = bytes.references.len();
    let pieces = Pieces::Joined { joined: &joined, are_ranges: bytes.are_ranges().collect() };
    references.add(Part::Ipv4, V4, bytes.references, &pieces)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv4Directory, bytes.ranges, bytes.directory),
        SectionBytes::new(Section::Ipv4Ends, items, bytes.ends),
    ])
}

fn v6_sections(
    ranges: &[FlatRange<u128>],
    references: &mut References<'_>,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let mut set_of = set_of(references.tables, V6);
    let entry = |range: &FlatRange<u128>| {
        let FlatRange { first, last, set } = *range;
        RangeEntry { first, last, set: set_of(set), own: set }
    };
    let bytes = ipv6::encode(&ranges.iter().map(entry).collect::<Vec<_>>())?;
    let items = bytes.references.len();
    references.add(Part::Ipv6, V6, bytes.references, &Pieces::None)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv6Index, items, bytes.index),
        SectionBytes::new(Section::Ipv6Ranges, items, bytes.ranges),
    ])
}

/// The ranges of IPv4, where neighbours that differ in first_seen alone are one entry. So there are hardly more
/// entries in an old file than in a first one.
struct JoinedRanges<'a> {
    ranges: &'a [FlatRange<u32>],
    /// Each with the position of its first range.
    entries: Vec<RangeEntry<u32>>,
    /// The position after the last range of each entry, by that of its first one.
    ends: HashMap<u32, u32>,
}

/// Entries that are joined do not cross a multiple of this. Buckets begin at such multiples, and ranges are cut
/// where buckets end.
const BLOCK: u32 = 1 << 12;

impl<'a> JoinedRanges<'a> {
    fn new(ranges: &'a [FlatRange<u32>], tables: &Tables) -> Result<JoinedRanges<'a>, TooLarge> {
        TooLarge::fit_u32("IPv4 ranges", "ranges", ranges.len())?;
        let mut finest: HashMap<u32, Option<u8>> = HashMap::new();
        let mut set_of = set_of(tables, V4);
        let mut joined =
            JoinedRanges { ranges, entries: Vec::with_capacity(ranges.len()), ends: HashMap::new() };
        for (at, range) in (0u32..).zip(ranges) {
            let set = set_of(range.set);
            if let Some(before) = joined.entries.last_mut()
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
            joined.entries.push(RangeEntry { first: range.first, last: range.last, set, own: at });
        }
        Ok(joined)
    }

    /// The ranges of an entry.
    fn of(&self, own: u32) -> &[FlatRange<u32>] {
        let end = self.ends.get(&own).copied().unwrap_or(own + 1);
        self.ranges.get(own as usize..end as usize).unwrap_or(&[])
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
            Pieces::Joined { joined, .. } => joined.of(own).first().map_or(GAP, |range| range.set),
        }
    }

    /// Adds an entry, whose draft sets have these kinds.
    fn push(
        &self,
        ordinal: u32,
        own: u32,
        part: &mut SeenPart,
        mut kind_of: impl FnMut(u32, &mut SeenPart) -> Result<u32, TooLarge>,
    ) -> Result<(), TooLarge> {
        match self {
            Pieces::Joined { joined, are_ranges } if are_ranges.get(ordinal as usize) == Some(&true) => {
                let ranges = joined.of(own);
                let first = ranges.first().map_or(0, |range| range.first);
                let kinds = ranges.iter().map(|range| Ok((range.first - first, kind_of(range.set, part)?)));
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

/// The sections of set numbers, own times and first_seen of all parts.
struct References<'a> {
    tables: &'a Tables,
    drafts: &'a [&'a dyn Drafts; 4],
    sections: Vec<SectionBytes>,
    exceptions: Vec<(u16, Vec<(u32, u32)>)>,
    seen: [SeenPart; 4],
}

impl<'a> References<'a> {
    fn new(tables: &'a Tables, drafts: &'a [&'a dyn Drafts; 4]) -> References<'a> {
        let (sections, exceptions) = (Vec::new(), Vec::new());
        References { tables, drafts, sections, exceptions, seen: Default::default() }
    }

    /// Adds the set numbers of a part's entries, the column of their own times, and when they were first seen.
    fn add(
        &mut self,
        part: Part,
        draft_part: usize,
        entries: Vec<Reference>,
        pieces: &Pieces<'_>,
    ) -> Result<(), TooLarge> {
        if entries.is_empty() {
            return Ok(());
        }
        TooLarge::fit_u32("indicators of one kind", "entries", entries.len())?;
        let divided = exceptions::divide(&entries.iter().map(|(set, _)| *set).collect::<Vec<u32>>())?;
        if !divided.exceptions.is_empty() {
            self.exceptions.push((part.sets().id(), divided.exceptions));
        }
        let packed = packed::encode(divided.packed.into_iter())?;
        let (rows, count) = (self.times(draft_part, &entries, pieces)?, entries.len());
        drop(entries);
        self.sections.push(SectionBytes::new(part.sets(), count, packed));
        self.sections.push(SectionBytes::new(part.times(), rows.len(), times::encode_column(&rows)?));
        Ok(())
    }

    /// The own times of a part's entries, with the ordinal of each. Keeps when they were first seen.
    fn times(
        &mut self,
        part: usize,
        entries: &[Reference],
        pieces: &Pieces<'_>,
    ) -> Result<Vec<(u32, StoredConfirmation)>, TooLarge> {
        let (Some(drafts), Some(part)) = (self.drafts.get(part), self.seen.get_mut(part)) else {
            return Ok(Vec::new());
        };
        let (mut rows, mut content, mut own, mut seen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut read = |draft: u32, own: &mut Vec<StoredConfirmation>, part: &mut SeenPart| {
            drafts.content(draft, &mut content);
            self.tables.times(&content, own, &mut seen);
            part.add_kind(seen.drain(..))
        };
        let own_kinds = entries.iter().filter(|(_, number)| *number != GAP && is_rare(pieces.first(*number)));
        part.reserve(entries.len(), drafts.shared_count() + own_kinds.count());
        // Kinds are numbered as they are added: that of a shared draft set has its number.
        let mut shared = vec![Vec::new(); drafts.shared_count()];
        for (draft, own) in (0..).zip(&mut shared) {
            read(draft, own, part)?;
        }
        // The caller has checked that ordinals fit 32 bits.
        for (ordinal, (_, number)) in (0u32..).zip(entries) {
            if *number == GAP {
                part.push_gap();
                continue;
            }
            own.clear();
            pieces.push(ordinal, *number, part, |draft, part| match is_rare(draft) {
                // Pieces that were joined have no times of their own, so that these are of the only piece.
                true => read(draft, &mut own, part),
                false => Ok(draft),
            })?;
            let first = pieces.first(*number);
            let own = if is_rare(first) { &own } else { shared.get(first as usize).unwrap_or(&own) };
            rows.extend(own.iter().map(|times| (ordinal, *times)));
        }
        rows.shrink_to_fit();
        Ok(rows)
    }

    /// Adds the sections of first_seen.
    fn first_seen(&mut self) -> Result<(), TooLarge> {
        let records = &self.tables.records;
        let encoded = first_seen::encode(records, &self.seen)?;
        self.sections.push(SectionBytes::new(Section::FirstSeen, records.len(), encoded.codes));
        let parts = [Part::Ipv4, Part::Ipv6, Part::Names, Part::Urls];
        for (part, (column, rows)) in parts.into_iter().zip(encoded.columns) {
            self.sections.push(SectionBytes::new(part.first_seen(), rows, column));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<SectionBytes>, TooLarge> {
        self.first_seen()?;
        if !self.exceptions.is_empty() {
            let rows = self.exceptions.iter().map(|(_, rows)| rows.len()).sum();
            let bytes = exceptions::encode(&self.exceptions)?;
            self.sections.push(SectionBytes::new(Section::SetExceptions, rows, bytes));
        }
        Ok(self.sections)
    }
}
