//! From the rows of all feeds to the sections of a file.
//!
//! Addresses, names and URLs share nothing until their draft sets are interned, so they are merged, resolved
//! and indexed in parallel.

use crate::claim::{Claim, ClaimTable, Counts, RetentionPolicy};
use crate::columns::{Columns, RangeColumn, RangeRow, TextColumn, TextRow};
use crate::compose::{self, Contents};
use crate::flatten::{self, AddressNumber, DraftExtent, DraftSets, Flattened, ListedRange};
use crate::intern;
use crate::merge::{DraftSighting, ResolvedGroup, Resolver, SortedRuns};
use rapsheet_snapshot::{AddressRange, FeedId, Kinds, SectionBytes, TooLarge};
use std::collections::HashMap;

/// The result of [`assemble`].
#[non_exhaustive]
pub struct Assembly {
    /// Every section but the origin, which the caller adds.
    pub sections: Vec<SectionBytes>,
    /// The counts of each feed.
    pub counts: HashMap<FeedId, Counts>,
    /// How many sightings of each feed were refused because too many ranges overlap there.
    pub overlap_refused: HashMap<FeedId, u64>,
    /// The kinds of indicators that each feed lists. Both address families are one kind.
    pub kinds: HashMap<FeedId, Kinds>,
    /// How much the sections hold.
    pub totals: Totals,
}

/// How much a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Disjoint IPv4 ranges.
    pub v4_ranges: u64,
    /// Disjoint IPv6 ranges.
    pub v6_ranges: u64,
    /// Names.
    pub names: u64,
    /// URLs.
    pub urls: u64,
    /// Distinct record sets.
    pub record_sets: u64,
}

/// Receives the rows for the next state file: those of the last accepted download of each accumulated feed, also
/// when their sightings have expired.
///
/// Every sighting is numbered first; then the methods are called with the keys of each kind, in order, each
/// with the numbers of its sightings. `()` keeps nothing.
pub trait RetainedRows {
    /// Gives a sighting a number. An equal sighting gets an equal number.
    fn number(&mut self, sighting: &DraftSighting) -> u64;
    /// Keeps a range with the sighting of this number.
    fn range(&mut self, range: AddressRange, number: u64);
    /// Keeps a name, with its bytes reversed.
    fn name(&mut self, reversed: &[u8], number: u64);
    /// Keeps a URL.
    fn url(&mut self, url: &[u8], number: u64);
}

impl RetainedRows for () {
    fn number(&mut self, _: &DraftSighting) -> u64 {
        0
    }

    fn range(&mut self, _: AddressRange, _: u64) {}

    fn name(&mut self, _: &[u8], _: u64) {}

    fn url(&mut self, _: &[u8], _: u64) {}
}

/// Merges sorted rows and lays them out as the sections of a snapshot.
///
/// `policies` are numbered by feed, and `claims` by the tags of the rows. Rows that no
/// [`finish_run`](Columns::finish_run) has sorted are left out. The rows are dropped as soon as they are
/// merged.
///
/// # Errors
/// [`TooLarge`] if there are more claims or rows than the limits of `claims` allow, or more of anything than
/// the format can number.
pub fn assemble(
    columns: Columns,
    claims: &ClaimTable,
    policies: &[RetentionPolicy],
    retained: &mut impl RetainedRows,
) -> Result<Assembly, TooLarge> {
    columns.check(&claims.limits())?;
    let resolved = resolve_all(columns, claims.as_slice(), policies);
    let (v4, v6, names, urls) = &resolved;
    let tables = intern::intern(&[&v4.drafts, &v6.drafts, &names.drafts, &urls.drafts])?;
    let (name_keys, url_keys) = (names.keys(), urls.keys());
    let indexes = compose::indexes(&name_keys, &url_keys)?;
    let contents = Contents {
        v4: &v4.flat.ranges,
        v6: &v6.flat.ranges,
        names: &names.entry_drafts,
        urls: &urls.entry_drafts,
    };
    let totals = Totals {
        v4_ranges: v4.flat.ranges.len() as u64,
        v6_ranges: v6.flat.ranges.len() as u64,
        names: name_keys.len() as u64,
        urls: url_keys.len() as u64,
        record_sets: tables.sets.len() as u64,
    };
    let sections = compose::sections(&contents, &tables, indexes)?;
    v4.retain(retained);
    v6.retain(retained);
    names.retain(retained, RetainedRows::name);
    urls.retain(retained, RetainedRows::url);
    Ok(Assembly::new(&resolved, sections, totals))
}

type Resolved = (ResolvedRanges<u32>, ResolvedRanges<u128>, ResolvedTexts, ResolvedTexts);

fn resolve_all(columns: Columns, claims: &[Claim], policies: &[RetentionPolicy]) -> Resolved {
    let Columns { names, urls, v4, v6 } = columns;
    let ((v4, v6), (names, urls)) = rayon::join(
        || rayon::join(|| resolve_ranges(v4, claims, policies), || resolve_ranges(v6, claims, policies)),
        || rayon::join(|| resolve_texts(names, claims, policies), || resolve_texts(urls, claims, policies)),
    );
    (v4, v6, names, urls)
}

impl Assembly {
    fn new(resolved: &Resolved, sections: Vec<SectionBytes>, totals: Totals) -> Assembly {
        let (v4, v6, names, urls) = resolved;
        let (counts, overlap_refused, kinds) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut assembly = Assembly { sections, counts, overlap_refused, kinds, totals };
        assembly.add_groups(&v4.groups, Kinds::ADDRESS);
        assembly.add_groups(&v6.groups, Kinds::ADDRESS);
        assembly.add_groups(&names.groups, Kinds::NAME);
        assembly.add_groups(&urls.groups, Kinds::URL);
        assembly.add_refused(&v4.groups, &v4.flat.refused);
        assembly.add_refused(&v6.groups, &v6.flat.refused);
        assembly
    }

    fn add_groups(&mut self, groups: &[ResolvedGroup], kind: Kinds) {
        for group in groups {
            for (feed, counts) in &group.counts {
                self.counts.entry(*feed).or_default().add(counts, group.uses);
            }
            for sighting in &group.sightings {
                let kinds = self.kinds.entry(sighting.feed).or_default();
                *kinds = kinds.union(kind);
            }
        }
    }

    fn add_refused(&mut self, groups: &[ResolvedGroup], refused: &[u32]) {
        let of_groups = refused.iter().filter_map(|number| groups.get(*number as usize));
        for sighting in of_groups.flat_map(|group| &group.sightings) {
            *self.overlap_refused.entry(sighting.feed).or_default() += 1;
        }
    }
}

fn has_sightings(groups: &[ResolvedGroup], number: u32) -> bool {
    groups.get(number as usize).is_some_and(|group| !group.sightings.is_empty())
}

/// The numbers of the sightings that each group retains.
fn retained_numbers(groups: &[ResolvedGroup], retained: &mut impl RetainedRows) -> Vec<Vec<u64>> {
    let mut numbers = |group: &ResolvedGroup| group.retained.iter().map(|row| retained.number(row)).collect();
    groups.iter().map(&mut numbers).collect()
}

/// A key of the arena and the number of its group.
struct TextEntry {
    at: u64,
    len: u32,
    group: u32,
}

struct ResolvedTexts {
    arena: Vec<u8>,
    groups: Vec<ResolvedGroup>,
    entries: Vec<TextEntry>,
    drafts: DraftSets,
    /// The draft set of each key that has sightings, in order.
    entry_drafts: Vec<u32>,
}

/// Resolves names or URLs, and drops their rows.
fn resolve_texts(texts: TextColumn, claims: &[Claim], policies: &[RetentionPolicy]) -> ResolvedTexts {
    let TextColumn { arena, rows, run_ends, repeats, .. } = texts;
    let mut resolver = Resolver::new(claims, policies);
    let mut entries: Vec<TextEntry> = Vec::new();
    let order = |a: &TextRow, b: &TextRow| TextColumn::order(&arena, a, b);
    let tag = |row: &TextRow| row.tag;
    SortedRuns::new(&rows, &run_ends, &repeats).each_group(order, tag, |row, tags| {
        entries.push(TextEntry { at: row.at, len: row.len, group: resolver.group(tags) });
    });
    drop((rows, repeats));
    let groups = resolver.groups;
    let mut drafts = DraftSets::default();
    let draft_of: Vec<Option<u32>> = groups.iter().map(|group| draft_of_group(group, &mut drafts)).collect();
    let of_group = |number: u32| draft_of.get(number as usize).copied().flatten();
    let entry_drafts = entries.iter().filter_map(|entry| of_group(entry.group)).collect();
    ResolvedTexts { arena, groups, entries, drafts, entry_drafts }
}

/// The draft set of a group, counted for every key of the group; `None` for a group without sightings.
fn draft_of_group(group: &ResolvedGroup, drafts: &mut DraftSets) -> Option<u32> {
    if group.sightings.is_empty() {
        return None;
    }
    let set = group.sightings.iter().map(|sighting| (*sighting, DraftExtent::None)).collect();
    let number = drafts.number(set);
    drafts.add_uses(number, group.uses);
    Some(number)
}

impl ResolvedTexts {
    /// The keys that have sightings, in order.
    fn keys(&self) -> Vec<&[u8]> {
        let listed = self.entries.iter().filter(|entry| has_sightings(&self.groups, entry.group));
        listed.map(|entry| self.key(entry)).collect()
    }

    fn key(&self, entry: &TextEntry) -> &[u8] {
        let at = entry.at as usize;
        self.arena.get(at..at + entry.len as usize).unwrap_or(&[])
    }

    fn retain<R: RetainedRows>(&self, retained: &mut R, add: impl Fn(&mut R, &[u8], u64)) {
        let numbers = retained_numbers(&self.groups, retained);
        for entry in &self.entries {
            let rows = numbers.get(entry.group as usize).map_or(&[][..], Vec::as_slice);
            rows.iter().for_each(|number| add(retained, self.key(entry), *number));
        }
    }
}

struct ResolvedRanges<N> {
    groups: Vec<ResolvedGroup>,
    entries: Vec<ListedRange<N>>,
    drafts: DraftSets,
    flat: Flattened<N>,
}

/// Resolves addresses of one family, and drops their rows.
fn resolve_ranges<N: AddressNumber + Send>(
    ranges: RangeColumn<N>,
    claims: &[Claim],
    policies: &[RetentionPolicy],
) -> ResolvedRanges<N> {
    let RangeColumn { rows, run_ends } = ranges;
    let mut resolver = Resolver::new(claims, policies);
    let mut entries: Vec<ListedRange<N>> = Vec::new();
    let tag = |row: &RangeRow<N>| row.tag;
    SortedRuns::new(&rows, &run_ends, &[]).each_group(RangeColumn::order, tag, |row, tags| {
        entries.push(ListedRange { first: row.first, last: row.last, group: resolver.group(tags) });
    });
    drop(rows);
    let groups = resolver.groups;
    let is_listed = |entry: &&ListedRange<N>| has_sightings(&groups, entry.group);
    let listed: Vec<ListedRange<N>> = entries.iter().filter(is_listed).copied().collect();
    let mut drafts = DraftSets::default();
    let flat: Flattened<N> = flatten::flatten(&listed, &groups, &mut drafts);
    ResolvedRanges { groups, entries, drafts, flat }
}

impl<N: AddressNumber> ResolvedRanges<N> {
    fn retain(&self, retained: &mut impl RetainedRows) {
        let numbers = retained_numbers(&self.groups, retained);
        for entry in &self.entries {
            let rows = numbers.get(entry.group as usize).map_or(&[][..], Vec::as_slice);
            rows.iter().for_each(|number| retained.range(N::range(entry.first, entry.last), *number));
        }
    }
}
