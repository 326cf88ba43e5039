//! Laying the merged night out as the sections of a file.

use crate::flatten::FlatRun;
use crate::intern::Tables;
use rayon::prelude::*;
use snapshot::section::addresses::{self, Run};
use snapshot::section::tries::{self, KeyKind, Shard};
use snapshot::section::{packed, records, times};
use snapshot::{Part, Section, SectionBytes, Times};

/// An entry as a part's arrays need it: its final set, and its draft set, which knows its own times.
type Reference = (u32, u32);

/// The merged contents of a snapshot.
pub(crate) struct Contents<'a> {
    /// IPv4 runs.
    pub(crate) v4: &'a [FlatRun<u32>],
    /// IPv6 runs.
    pub(crate) v6: &'a [FlatRun<u128>],
    /// Names, reversed, in order, each with its draft set.
    pub(crate) names: TextEntries<'a>,
    /// URLs, in order, each with its draft set.
    pub(crate) urls: TextEntries<'a>,
}

/// Keys in order, each with its draft set.
#[derive(Clone, Copy)]
pub(crate) struct TextEntries<'a> {
    /// The keys.
    pub(crate) keys: &'a [&'a [u8]],
    /// The draft set of each.
    pub(crate) drafts: &'a [u32],
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
pub(crate) fn sections(contents: &Contents<'_>, tables: &Tables, tries: [Vec<u8>; 2]) -> Vec<SectionBytes> {
    let mut out = vec![
        SectionBytes::new(Section::Runs, tables.runs.len(), times::encode_runs(&tables.runs)),
        SectionBytes::new(Section::Records, tables.records.len(), records::encode(&tables.records)),
        SectionBytes::new(Section::Sets, tables.sets.len(), records::encode_sets(&tables.sets)),
        SectionBytes::new(Section::Extents, tables.extents.len(), records::encode_extents(&tables.extents)),
    ];
    out.extend(v4_sections(contents.v4, tables));
    out.extend(v6_sections(contents.v6, tables));
    let [names, urls] = tries;
    for (part, section, draft_part, entries, bytes) in [
        (Part::Names, Section::Names, NAMES, contents.names, names),
        (Part::Urls, Section::Urls, URLS, contents.urls, urls),
    ] {
        let references = entries.drafts.iter().map(|draft| reference(tables, draft_part, *draft)).collect();
        out.extend(references_of(part, draft_part, references, tables));
        if !entries.keys.is_empty() {
            out.push(SectionBytes::new(section, entries.keys.len(), bytes));
        }
    }
    out
}

/// The transducers of sorted keys, their shards built side by side.
pub(crate) fn tries(kind: KeyKind, keys: &[&[u8]]) -> Vec<u8> {
    let key = |at: usize| keys.get(at).copied().unwrap_or(&[]);
    let shards: Vec<Shard> = tries::cut(kind, keys.len(), key)
        .into_par_iter()
        .map(|range| Shard {
            bound: kind.stem(key(range.start)).to_vec(),
            first: range.start as u64,
            bytes: tries::encode_shard(keys.get(range).unwrap_or(&[]).iter().copied()),
        })
        .collect();
    tries::encode(&shards)
}

fn reference(tables: &Tables, part: usize, draft: u32) -> Reference {
    let finals = tables.of_drafts.get(part).and_then(|finals| finals.get(draft as usize));
    (finals.map_or(0, |(set, _)| *set), draft)
}

fn to_runs<N: Copy>(runs: &[FlatRun<N>], tables: &Tables, part: usize) -> Vec<Run<N>> {
    runs.iter()
        .map(|run| {
            let (set, own) = reference(tables, part, run.set);
            Run { first: run.first, last: run.last, set, own }
        })
        .collect()
}

fn v4_sections(runs: &[FlatRun<u32>], tables: &Tables) -> Vec<SectionBytes> {
    if runs.is_empty() {
        return Vec::new();
    }
    let bytes = addresses::encode_v4(&to_runs(runs, tables, V4));
    let (points, spans) = (bytes.point_refs.len(), bytes.span_refs.len());
    let mut out = vec![
        SectionBytes::new(Section::V4Directory, points + spans, bytes.directory),
        SectionBytes::new(Section::V4Points, points, bytes.points),
        SectionBytes::new(Section::V4Spans, spans, bytes.spans),
    ];
    out.extend(references_of(Part::V4Points, V4, bytes.point_refs, tables));
    out.extend(references_of(Part::V4Spans, V4, bytes.span_refs, tables));
    out
}

fn v6_sections(runs: &[FlatRun<u128>], tables: &Tables) -> Vec<SectionBytes> {
    if runs.is_empty() {
        return Vec::new();
    }
    let bytes = addresses::encode_v6(&to_runs(runs, tables, V6));
    let spans = bytes.refs.len();
    let mut out = vec![
        SectionBytes::new(Section::V6Directory, spans, bytes.directory),
        SectionBytes::new(Section::V6Spans, spans, bytes.spans),
    ];
    out.extend(references_of(Part::V6Spans, V6, bytes.refs, tables));
    out
}

/// The set numbers of a part's entries, and the side column of their own times.
fn references_of(part: Part, drafts: usize, entries: Vec<Reference>, tables: &Tables) -> Vec<SectionBytes> {
    if entries.is_empty() {
        return Vec::new();
    }
    let sets = packed::encode(entries.iter().map(|(set, _)| u64::from(*set)));
    let own = |draft: u32| {
        let finals = tables.of_drafts.get(drafts).and_then(|finals| finals.get(draft as usize));
        finals.map_or(&[][..], |(_, own)| own.as_slice())
    };
    let rows: Vec<(u32, Times)> = (0..)
        .zip(&entries)
        .flat_map(|(ordinal, (_, draft))| own(*draft).iter().map(move |times| (ordinal, *times)))
        .collect();
    vec![
        SectionBytes::new(part.sets(), entries.len(), sets),
        SectionBytes::new(part.times(), rows.len(), times::encode_column(&rows)),
    ]
}
