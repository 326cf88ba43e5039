//! From the rows of all feeds to the sections of a file.
//!
//! Addresses, names and URLs share nothing until their draft sets are interned, so they are merged, resolved
//! and indexed in parallel.

use crate::claim::{ClaimTable, Counts, RetentionPolicy};
use crate::columns::{Columns, RangeColumn, RangeRow, TextColumn, TextRow};
use crate::compose::{self, Contents};
use crate::flatten::{self, AddressNumber, DraftExtent, DraftSet, DraftSets, Flattened, ListedRange};
use crate::groups::{ClaimContext, ClaimUses, DraftSighting, Groups, is_rare};
use crate::intern::{self, Drafts};
use crate::merge::SortedRuns;
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
/// The methods are called with the keys of each kind, in order, each with the numbers of its sightings, which
/// were given before. `()` keeps nothing.
pub trait RetainedRows {
    /// Gives a sighting a number. An equal sighting should get an equal number, unless it is rare: then
    /// hardly another row has it, and remembering it costs more than it saves.
    fn number(&mut self, sighting: &DraftSighting, is_rare: bool) -> u64;
    /// Keeps a range with the sighting of this number.
    fn range(&mut self, range: AddressRange, number: u64);
    /// Keeps a name, with its bytes reversed.
    fn name(&mut self, reversed: &[u8], number: u64);
    /// Keeps a URL.
    fn url(&mut self, url: &[u8], number: u64);
}

impl RetainedRows for () {
    fn number(&mut self, _: &DraftSighting, _: bool) -> u64 {
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
    let uses = ClaimUses::of(&columns, claims);
    let mut resolved = resolve_all(columns, ClaimContext { claims, uses: &uses, policies });
    let (v4, v6, names, urls) = &resolved;
    let tables = intern::intern(&[v4, v6, names, urls])?;
    let indexes = compose::indexes(&names.keys(), &urls.keys())?;
    let contents = Contents {
        v4: &v4.flat.ranges,
        v6: &v6.flat.ranges,
        names: &names.entry_drafts,
        urls: &urls.entry_drafts,
        drafts: [v4, v6, names, urls],
    };
    let totals = Totals {
        v4_ranges: v4.flat.ranges.len() as u64,
        v6_ranges: v6.flat.ranges.len() as u64,
        names: names.entry_drafts.len() as u64,
        urls: urls.entry_drafts.len() as u64,
        record_sets: tables.sets.len() as u64,
    };
    let sections = compose::sections(&contents, &tables, indexes)?;
    drop(tables);
    resolved.0.flat.free();
    resolved.1.flat.free();
    let (v4, v6, names, urls) = &resolved;
    v4.retain(retained);
    v6.retain(retained);
    names.retain(retained, RetainedRows::name);
    urls.retain(retained, RetainedRows::url);
    Ok(Assembly::new(&resolved, sections, totals))
}

type Resolved<'a> = (ResolvedRanges<'a, u32>, ResolvedRanges<'a, u128>, ResolvedTexts<'a>, ResolvedTexts<'a>);

fn resolve_all(columns: Columns, context: ClaimContext<'_>) -> Resolved<'_> {
    let Columns { names, urls, v4, v6 } = columns;
    let ((v4, v6), (names, urls)) = rayon::join(
        || rayon::join(|| resolve_ranges(v4, context), || resolve_ranges(v6, context)),
        || rayon::join(|| resolve_texts(names, context), || resolve_texts(urls, context)),
    );
    (v4, v6, names, urls)
}

impl Assembly {
    fn new(resolved: &Resolved<'_>, sections: Vec<SectionBytes>, totals: Totals) -> Assembly {
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

    fn add_groups(&mut self, groups: &Groups<'_>, kind: Kinds) {
        groups.each_count(|feed, counts, uses, is_listed| {
            self.counts.entry(feed).or_default().add(counts, uses);
            if is_listed {
                let kinds = self.kinds.entry(feed).or_default();
                *kinds = kinds.union(kind);
            }
        });
    }

    fn add_refused(&mut self, groups: &Groups<'_>, refused: &[u32]) {
        let mut sightings = Vec::new();
        for number in refused {
            sightings.clear();
            groups.sightings(*number, &mut sightings);
            for sighting in &sightings {
                *self.overlap_refused.entry(sighting.feed).or_default() += 1;
            }
        }
    }
}

/// The numbers of the sightings that each group of frequent claims retains.
fn retained_numbers(groups: &Groups<'_>, retained: &mut impl RetainedRows) -> Vec<Vec<u64>> {
    let numbers = groups.shared().iter();
    numbers.map(|group| group.retained.iter().map(|row| retained.number(row, false)).collect()).collect()
}

/// Visits the numbers of the sightings that the group of a key retains.
fn each_retained<R: RetainedRows>(
    groups: &Groups<'_>,
    numbers: &[Vec<u64>],
    group: u32,
    retained: &mut R,
    add: impl Fn(&mut R, u64),
) {
    if is_rare(group) {
        return groups.each_retained(group, |row| {
            let number = retained.number(row, true);
            add(retained, number);
        });
    }
    let numbers = numbers.get(group as usize).map_or(&[][..], Vec::as_slice);
    numbers.iter().for_each(|number| add(retained, *number));
}

/// A key of the arena and the number of its group.
struct TextEntry {
    at: u64,
    len: u32,
    group: u32,
}

struct ResolvedTexts<'a> {
    arena: Vec<u8>,
    groups: Groups<'a>,
    entries: Vec<TextEntry>,
    drafts: DraftSets,
    /// The draft set of each key that has sightings, in order: that of a rare group has its number.
    entry_drafts: Vec<u32>,
}

/// Resolves names or URLs, and drops their rows.
fn resolve_texts(texts: TextColumn, context: ClaimContext<'_>) -> ResolvedTexts<'_> {
    let TextColumn { arena, rows, run_ends, repeats, .. } = texts;
    let mut groups = Groups::new(context);
    let mut entries: Vec<TextEntry> = Vec::new();
    let order = |a: &TextRow, b: &TextRow| TextColumn::order(&arena, a, b);
    let tag = |row: &TextRow| row.tag;
    SortedRuns::new(&rows, &run_ends, &repeats).each_group(order, tag, |row, tags| {
        entries.push(TextEntry { at: row.at, len: row.len, group: groups.group(tags) });
    });
    drop((rows, repeats));
    let mut drafts = DraftSets::default();
    let draft_of: Vec<Option<u32>> =
        groups.shared().iter().map(|group| draft_of_group(&group.sightings, &mut drafts)).collect();
    let of_group = |number: u32| match is_rare(number) {
        true => groups.has_sightings(number).then_some(number),
        false => draft_of.get(number as usize).copied().flatten(),
    };
    let entry_drafts = entries.iter().filter_map(|entry| of_group(entry.group)).collect();
    ResolvedTexts { arena, groups, entries, drafts, entry_drafts }
}

/// The draft set of a group; `None` for a group without sightings.
fn draft_of_group(sightings: &[DraftSighting], drafts: &mut DraftSets) -> Option<u32> {
    let set = || sightings.iter().map(|sighting| (*sighting, DraftExtent::None)).collect();
    (!sightings.is_empty()).then(|| drafts.number(set()))
}

impl Drafts for ResolvedTexts<'_> {
    fn each(&self, visit: &mut dyn FnMut(u32)) {
        self.entry_drafts.iter().for_each(|draft| visit(*draft));
    }

    fn content(&self, draft: u32, out: &mut DraftSet) {
        out.clear();
        if is_rare(draft) {
            let mut sightings = Vec::new();
            self.groups.sightings(draft, &mut sightings);
            out.extend(sightings.into_iter().map(|sighting| (sighting, DraftExtent::None)));
            out.sort_unstable();
        } else {
            out.extend_from_slice(self.drafts.sets.get(draft as usize).map_or(&[], Vec::as_slice));
        }
    }

    fn shared_count(&self) -> usize {
        self.drafts.sets.len()
    }
}

impl ResolvedTexts<'_> {
    /// The keys that have sightings, in order.
    fn keys(&self) -> Vec<&[u8]> {
        let listed = self.entries.iter().filter(|entry| self.groups.has_sightings(entry.group));
        listed.map(|entry| self.key(entry)).collect()
    }

    fn key(&self, entry: &TextEntry) -> &[u8] {
        let at = entry.at as usize;
        self.arena.get(at..at + entry.len as usize).unwrap_or(&[])
    }

    fn retain<R: RetainedRows>(&self, retained: &mut R, add: impl Fn(&mut R, &[u8], u64)) {
        let numbers = retained_numbers(&self.groups, retained);
        for entry in &self.entries {
            let add = |retained: &mut R, number| add(retained, self.key(entry), number);
            each_retained(&self.groups, &numbers, entry.group, retained, add);
        }
    }
}

struct ResolvedRanges<'a, N> {
    groups: Groups<'a>,
    entries: Vec<ListedRange<N>>,
    flat: Flattened<N>,
}

/// Resolves addresses of one family, and drops their rows.
fn resolve_ranges<N: AddressNumber + Send>(
    ranges: RangeColumn<N>,
    context: ClaimContext<'_>,
) -> ResolvedRanges<'_, N> {
    let RangeColumn { rows, run_ends } = ranges;
    let mut groups = Groups::new(context);
    let mut entries: Vec<ListedRange<N>> = Vec::new();
    let tag = |row: &RangeRow<N>| row.tag;
    SortedRuns::new(&rows, &run_ends, &[]).each_group(RangeColumn::order, tag, |row, tags| {
        entries.push(ListedRange { first: row.first, last: row.last, group: groups.group(tags) });
    });
    drop(rows);
    let listed = entries.iter().filter(|entry| groups.has_sightings(entry.group));
    let flat: Flattened<N> = flatten::flatten(listed.copied(), &groups);
    ResolvedRanges { groups, entries, flat }
}

impl<N: AddressNumber> Drafts for ResolvedRanges<'_, N> {
    fn each(&self, visit: &mut dyn FnMut(u32)) {
        self.flat.ranges.iter().for_each(|range| visit(range.set));
    }

    fn content(&self, draft: u32, out: &mut DraftSet) {
        self.flat.content(draft, &self.groups, out);
    }

    fn shared_count(&self) -> usize {
        self.flat.drafts.sets.len()
    }
}

impl<N: AddressNumber> ResolvedRanges<'_, N> {
    fn retain<R: RetainedRows>(&self, retained: &mut R) {
        let numbers = retained_numbers(&self.groups, retained);
        for entry in &self.entries {
            let add = |retained: &mut R, number| retained.range(N::range(entry.first, entry.last), number);
            each_retained(&self.groups, &numbers, entry.group, retained, add);
        }
    }
}
