//! Laying the merged night out as the sections of a file.

use crate::flatten::FlatRun;
use crate::intern::Tables;
use rapsheet_snapshot::section::RangeEntry;
use rapsheet_snapshot::section::leaves::{self, EncodedLeaves};
use rapsheet_snapshot::section::{
    exceptions, filter, ipv4, ipv6, locator, packed, records, times, url_blocks,
};
use rapsheet_snapshot::{Part, Section, SectionBytes, Times, TooLarge};

/// An entry as a part's arrays need it: its final set, and its draft set, which knows its own times.
type Reference = (u32, u32);

/// The merged contents of a snapshot.
pub(crate) struct Contents<'a> {
    /// IPv4 runs.
    pub(crate) v4: &'a [FlatRun<u32>],
    /// IPv6 runs.
    pub(crate) v6: &'a [FlatRun<u128>],
    /// The draft set of each name, in order.
    pub(crate) names: &'a [u32],
    /// The draft set of each URL, in order.
    pub(crate) urls: &'a [u32],
}

/// The position of each part's draft sets in [`Tables::of_drafts`]: one for each family, one for texts.
pub(crate) const V4: usize = 0;
/// See [`V4`].
pub(crate) const V6: usize = 1;
/// See [`V4`].
pub(crate) const NAMES: usize = 2;
/// See [`V4`].
pub(crate) const URLS: usize = 3;

/// The sections of everything but origin.
pub(crate) fn sections(
    contents: &Contents<'_>,
    tables: &Tables,
    indexes: Vec<SectionBytes>,
) -> Result<Vec<SectionBytes>, TooLarge> {
    let mut out = vec![
        SectionBytes::new(Section::SharedTimes, tables.runs.len(), times::encode_shared(&tables.runs)?),
        SectionBytes::new(Section::Records, tables.records.len(), records::encode(&tables.records)?),
        SectionBytes::new(Section::Sets, tables.sets.len(), records::encode_sets(&tables.sets)?),
        SectionBytes::new(Section::Extents, tables.extents.len(), records::encode_extents(&tables.extents)?),
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

/// What names and URLs are found by.
pub(crate) fn indexes(names: &[&[u8]], urls: &[&[u8]]) -> Result<Vec<SectionBytes>, TooLarge> {
    let located = || {
        let EncodedLeaves { section, slots } = leaves::encode(names)?;
        Ok((section, locator::encode(names, &slots)?))
    };
    let ((filter, blocks), located) =
        rayon::join(|| (filter::encode(names), url_blocks::encode(urls)), located);
    let (leaves, locator) = located?;
    Ok(vec![
        SectionBytes::new(Section::NameFilter, names.len(), filter?),
        SectionBytes::new(Section::NameLocator, names.len(), locator),
        SectionBytes::new(Section::NameLeaves, names.len(), leaves),
        SectionBytes::new(Section::UrlBlocks, urls.len(), blocks?),
    ])
}

fn reference(tables: &Tables, part: usize, draft: u32) -> Reference {
    let finals = tables.of_drafts.get(part).and_then(|finals| finals.get(draft as usize));
    (finals.map_or(0, |(set, _)| *set), draft)
}

fn to_runs<N: Copy>(runs: &[FlatRun<N>], tables: &Tables, part: usize) -> Vec<RangeEntry<N>> {
    runs.iter()
        .map(|run| {
            let (set, own) = reference(tables, part, run.set);
            RangeEntry { first: run.first, last: run.last, set, own }
        })
        .collect()
}

fn v4_sections(
    runs: &[FlatRun<u32>],
    tables: &Tables,
    references: &mut References,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = ipv4::encode(&to_runs(runs, tables, V4))?;
    let items = bytes.references.len();
    references.add(Part::Ipv4, V4, bytes.references, tables)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv4Directory, bytes.ranges, bytes.directory),
        SectionBytes::new(Section::Ipv4Ends, items, bytes.ends),
    ])
}

fn v6_sections(
    runs: &[FlatRun<u128>],
    tables: &Tables,
    references: &mut References,
) -> Result<Vec<SectionBytes>, TooLarge> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = ipv6::encode(&to_runs(runs, tables, V6))?;
    let spans = bytes.references.len();
    references.add(Part::Ipv6, V6, bytes.references, tables)?;
    Ok(vec![
        SectionBytes::new(Section::Ipv6Index, spans, bytes.index),
        SectionBytes::new(Section::Ipv6Ranges, spans, bytes.ranges),
    ])
}

/// What the entries of all parts refer to.
#[derive(Default)]
struct References {
    sections: Vec<SectionBytes>,
    exceptions: Vec<(u16, Vec<(u32, u32)>)>,
}

impl References {
    /// The set numbers of a part's entries, and the side column of their own times.
    fn add(
        &mut self,
        part: Part,
        drafts: usize,
        entries: Vec<Reference>,
        tables: &Tables,
    ) -> Result<(), TooLarge> {
        if entries.is_empty() {
            return Ok(());
        }
        let sets: Vec<u32> = entries.iter().map(|(set, _)| *set).collect();
        let divided = exceptions::divide(&sets)?;
        if !divided.exceptions.is_empty() {
            self.exceptions.push((part.sets().id(), divided.exceptions));
        }
        let own = |draft: u32| {
            let finals = tables.of_drafts.get(drafts).and_then(|finals| finals.get(draft as usize));
            finals.map_or(&[][..], |(_, own)| own.as_slice())
        };
        let rows: Vec<(u32, Times)> = (0..)
            .zip(&entries)
            .flat_map(|(ordinal, (_, draft))| own(*draft).iter().map(move |times| (ordinal, *times)))
            .collect();
        self.sections.push(SectionBytes::new(
            part.sets(),
            sets.len(),
            packed::encode(divided.packed.into_iter())?,
        ));
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
