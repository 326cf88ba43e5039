//! The sections of a file, from the merged contents.

use crate::flatten::FlatRange;
use crate::groups::is_rare;
use crate::intern::{Drafts, PartSets, Tables};
use rapsheet_snapshot::section::RangeEntry;
use rapsheet_snapshot::section::leaves::{self, EncodedLeaves};
use rapsheet_snapshot::section::suffix::SuffixSeed;
use rapsheet_snapshot::section::times::StoredTimes;
use rapsheet_snapshot::section::{
    exceptions, filter, ipv4, ipv6, locator, packed, records, times, url_blocks, url_filter,
};
use rapsheet_snapshot::{Part, Section, SectionBytes, TooLarge};
use rayon::prelude::*;

/// What an entry refers to: its final set, and its draft set, by which its own times are found.
type Reference = (u32, u32);

/// The draft set of a gap between ranges of IPv4, which has none.
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
    let (sections, exceptions) = (Vec::new(), Vec::new());
    let mut references = References { tables, drafts: &contents.drafts, sections, exceptions };
    out.extend(v4_sections(contents.v4, &mut references)?);
    out.extend(v6_sections(contents.v6, &mut references)?);
    for (part, draft_part, drafts) in
        [(Part::Names, NAMES, contents.names), (Part::Urls, URLS, contents.urls)]
    {
        let mut set_of = set_of(tables, draft_part);
        let of_part = drafts.iter().map(|draft| (set_of(*draft), *draft)).collect();
        references.add(part, draft_part, of_part)?;
    }
    out.extend(references.finish()?);
    out.extend(indexes);
    Ok(out)
}

/// The sections that find names and URLs.
pub(crate) fn indexes(names: &[&[u8]], urls: &[&[u8]]) -> Result<Vec<SectionBytes>, TooLarge> {
    let seed = seed_of(names);
    let encode_others = || (filter::encode(names, seed), url_blocks::encode(urls), url_filter::encode(urls));
    let ((filter, url_blocks, url_filter), name_leaves) =
        rayon::join(encode_others, || name_leaves(names, seed));
    let (leaves, locator) = name_leaves?;
    Ok(vec![
        SectionBytes::new(Section::NameFilter, names.len(), filter?),
        SectionBytes::new(Section::NameLocator, names.len(), locator),
        SectionBytes::new(Section::NameLeaves, names.len(), leaves),
        SectionBytes::new(Section::UrlBlocks, urls.len(), url_blocks?),
        SectionBytes::new(Section::UrlFilter, urls.len(), url_filter?),
    ])
}

/// The seed of all hashes of names.
fn seed_of(names: &[&[u8]]) -> SuffixSeed {
    let seeds = names.par_chunks(SEED_CHUNK).map(SuffixSeed::of);
    seeds.reduce(SuffixSeed::default, SuffixSeed::plus)
}

/// How many names one thread adds to the seed at a time.
const SEED_CHUNK: usize = 1 << 14;

/// The leaves that hold the names, and the locator of names in them.
fn name_leaves(names: &[&[u8]], seed: SuffixSeed) -> Result<(Vec<u8>, Vec<u8>), TooLarge> {
    let EncodedLeaves { section, slots } = leaves::encode(names, seed)?;
    Ok((section, locator::encode(names, &slots, seed)?))
}

/// The final set of each entry of a part, which are asked for in order.
fn set_of(tables: &Tables, part: usize) -> impl FnMut(u32) -> u32 {
    let mut sets = tables.parts.get(part).map(PartSets::in_order);
    move |draft| sets.as_mut().map_or(0, |sets| sets(draft))
}

fn with_sets<N: Copy>(ranges: &[FlatRange<N>], tables: &Tables, part: usize) -> Vec<RangeEntry<N>> {
    let mut set_of = set_of(tables, part);
    ranges
        .iter()
        .map(|range| RangeEntry {
            first: range.first,
            last: range.last,
            set: set_of(range.set),
            own: range.set,
        })
        .collect()
}

fn v4_sections(
    ranges: &[FlatRange<u32>],
    references: &mut References<'_>,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = ipv4::encode(&with_sets(ranges, references.tables, V4))?;
    let items = bytes.references.len();
    references.add(Part::Ipv4, V4, bytes.references)?;
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
    let bytes = ipv6::encode(&with_sets(ranges, references.tables, V6))?;
    let items = bytes.references.len();
    references.add(Part::Ipv6, V6, bytes.references)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv6Index, items, bytes.index),
        SectionBytes::new(Section::Ipv6Ranges, items, bytes.ranges),
    ])
}

/// The sections of set numbers and own times of all parts.
struct References<'a> {
    tables: &'a Tables,
    drafts: &'a [&'a dyn Drafts; 4],
    sections: Vec<SectionBytes>,
    exceptions: Vec<(u16, Vec<(u32, u32)>)>,
}

impl References<'_> {
    /// Adds the set numbers of a part's entries, and the column of their own times.
    fn add(&mut self, part: Part, draft_part: usize, entries: Vec<Reference>) -> Result<(), TooLarge> {
        if entries.is_empty() {
            return Ok(());
        }
        TooLarge::fit_u32("indicators of one kind", "entries", entries.len())?;
        let count = entries.len();
        let divided = exceptions::divide(&entries.iter().map(|(set, _)| *set).collect::<Vec<u32>>())?;
        if !divided.exceptions.is_empty() {
            self.exceptions.push((part.sets().id(), divided.exceptions));
        }
        let packed = packed::encode(divided.packed.into_iter())?;
        let rows = self.own_times(draft_part, &entries);
        drop(entries);
        self.sections.push(SectionBytes::new(part.sets(), count, packed));
        self.sections.push(SectionBytes::new(part.times(), rows.len(), times::encode_column(&rows)?));
        Ok(())
    }

    /// The own times of a part's entries, with the ordinal of each.
    fn own_times(&self, part: usize, entries: &[Reference]) -> Vec<(u32, StoredTimes)> {
        let Some(drafts) = self.drafts.get(part) else { return Vec::new() };
        let (mut rows, mut content, mut own) = (Vec::new(), Vec::new(), Vec::new());
        let mut read = |draft: u32, own: &mut Vec<StoredTimes>| {
            drafts.content(draft, &mut content);
            self.tables.own_times(&content, own);
        };
        let mut shared = vec![Vec::new(); drafts.shared_count()];
        (0..).zip(&mut shared).for_each(|(draft, own)| read(draft, own));
        // The caller has checked that ordinals fit 32 bits.
        for (ordinal, (_, draft)) in (0..).zip(entries).filter(|(_, (_, draft))| *draft != GAP) {
            let own = if is_rare(*draft) {
                own.clear();
                read(*draft, &mut own);
                &own
            } else {
                shared.get(*draft as usize).unwrap_or(&own)
            };
            rows.extend(own.iter().map(|times| (ordinal, *times)));
        }
        rows
    }

    fn finish(mut self) -> Result<Vec<SectionBytes>, TooLarge> {
        if !self.exceptions.is_empty() {
            let rows = self.exceptions.iter().map(|(_, rows)| rows.len()).sum();
            let bytes = exceptions::encode(&self.exceptions)?;
            self.sections.push(SectionBytes::new(Section::SetExceptions, rows, bytes));
        }
        Ok(self.sections)
    }
}
