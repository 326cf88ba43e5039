//! The sections of a file, from the merged contents.

use crate::flatten::FlatRange;
use crate::intern::{FinalSet, Tables};
use rapsheet_snapshot::section::RangeEntry;
use rapsheet_snapshot::section::leaves::{self, EncodedLeaves};
use rapsheet_snapshot::section::{
    exceptions, filter, ipv4, ipv6, locator, packed, records, times, url_blocks,
};
use rapsheet_snapshot::{Part, Section, SectionBytes, Times, TooLarge};

/// What an entry refers to: its final set, and its draft set, under which its own times are found.
type Reference = (u32, u32);

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
}

/// The position of the draft sets of IPv4 addresses in [`Tables::of_drafts`].
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
    let mut references = References::default();
    out.extend(v4_sections(contents.v4, tables, &mut references)?);
    out.extend(v6_sections(contents.v6, tables, &mut references)?);
    for (part, draft_part, drafts) in
        [(Part::Names, NAMES, contents.names), (Part::Urls, URLS, contents.urls)]
    {
        let of_part = drafts.iter().map(|draft| reference(tables, draft_part, *draft)).collect();
        references.add(part, draft_part, of_part, tables)?;
    }
    out.extend(references.finish()?);
    out.extend(indexes);
    Ok(out)
}

/// The sections that find names and URLs.
pub(crate) fn indexes(names: &[&[u8]], urls: &[&[u8]]) -> Result<Vec<SectionBytes>, TooLarge> {
    let ((filter, url_blocks), name_leaves) =
        rayon::join(|| (filter::encode(names), url_blocks::encode(urls)), || name_leaves(names));
    let (leaves, locator) = name_leaves?;
    Ok(vec![
        SectionBytes::new(Section::NameFilter, names.len(), filter?),
        SectionBytes::new(Section::NameLocator, names.len(), locator),
        SectionBytes::new(Section::NameLeaves, names.len(), leaves),
        SectionBytes::new(Section::UrlBlocks, urls.len(), url_blocks?),
    ])
}

/// The leaves that hold the names, and the locator of names in them.
fn name_leaves(names: &[&[u8]]) -> Result<(Vec<u8>, Vec<u8>), TooLarge> {
    let EncodedLeaves { section, slots } = leaves::encode(names)?;
    Ok((section, locator::encode(names, &slots)?))
}

fn final_set(tables: &Tables, part: usize, draft: u32) -> Option<&FinalSet> {
    tables.of_drafts.get(part)?.get(draft as usize)
}

fn reference(tables: &Tables, part: usize, draft: u32) -> Reference {
    (final_set(tables, part, draft).map_or(0, |(set, _)| *set), draft)
}

fn with_sets<N: Copy>(ranges: &[FlatRange<N>], tables: &Tables, part: usize) -> Vec<RangeEntry<N>> {
    ranges
        .iter()
        .map(|range| {
            let (set, own) = reference(tables, part, range.set);
            RangeEntry { first: range.first, last: range.last, set, own }
        })
        .collect()
}

fn v4_sections(
    ranges: &[FlatRange<u32>],
    tables: &Tables,
    references: &mut References,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = ipv4::encode(&with_sets(ranges, tables, V4))?;
    let items = bytes.references.len();
    references.add(Part::Ipv4, V4, bytes.references, tables)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv4Directory, bytes.ranges, bytes.directory),
        SectionBytes::new(Section::Ipv4Ends, items, bytes.ends),
    ])
}

fn v6_sections(
    ranges: &[FlatRange<u128>],
    tables: &Tables,
    references: &mut References,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if ranges.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = ipv6::encode(&with_sets(ranges, tables, V6))?;
    let items = bytes.references.len();
    references.add(Part::Ipv6, V6, bytes.references, tables)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv6Index, items, bytes.index),
        SectionBytes::new(Section::Ipv6Ranges, items, bytes.ranges),
    ])
}

/// The sections of set numbers and own times of all parts.
#[derive(Default)]
struct References {
    sections: Vec<SectionBytes>,
    exceptions: Vec<(u16, Vec<(u32, u32)>)>,
}

impl References {
    /// Adds the set numbers of a part's entries, and the column of their own times.
    fn add(
        &mut self,
        part: Part,
        draft_part: usize,
        entries: Vec<Reference>,
        tables: &Tables,
    ) -> Result<(), TooLarge> {
        if entries.is_empty() {
            return Ok(());
        }
        TooLarge::fit_u32("indicators of one kind", "entries", entries.len())?;
        let sets: Vec<u32> = entries.iter().map(|(set, _)| *set).collect();
        let divided = exceptions::divide(&sets)?;
        if !divided.exceptions.is_empty() {
            self.exceptions.push((part.sets().id(), divided.exceptions));
        }
        let own =
            |draft: u32| final_set(tables, draft_part, draft).map_or(&[][..], |(_, own)| own.as_slice());
        // The check above keeps ordinals within 32 bits.
        let rows: Vec<(u32, Times)> = (0..)
            .zip(&entries)
            .flat_map(|(ordinal, (_, draft))| own(*draft).iter().map(move |times| (ordinal, *times)))
            .collect();
        let packed = packed::encode(divided.packed.into_iter())?;
        self.sections.push(SectionBytes::new(part.sets(), sets.len(), packed));
        self.sections.push(SectionBytes::new(part.times(), rows.len(), times::encode_column(&rows)?));
        Ok(())
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
