//! From the rows of all feeds to the sections of a file.
//!
//! Addresses, names and URLs share nothing until their draft sets are interned, so they are merged, resolved
//! and indexed in parallel.

use crate::claim::{ClaimTable, Counts, RetentionPolicy};
use crate::columns::{RangeColumn, TextColumn};
use crate::compose::{self, Composer};
use crate::flatten::{self, AddressNumber, DraftExtent, DraftSet, DraftSets, Flattened, ListedRange};
use crate::groups::{ClaimContext, DraftSighting, Groups, is_rare};
use crate::intern::{self, Drafts, Tables};
use crate::merge::{self, RangeCursor, TextCursor};
use crate::run::{RangeRunReader, RangeRunWriter, SortedRun, TextRunReader, TextRunWriter};
use crate::run_set::Rows;
use crate::scratch::Scratch;
use rapsheet_snapshot::section::SortedKeys;
use rapsheet_snapshot::{
    AddressRange, Column, ColumnStore, ColumnWriter, Error, FeedId, Kinds, SectionBytes, TooLarge,
};
use std::collections::HashMap;
use std::fmt;

/// The result of [`assemble`].
#[non_exhaustive]
pub struct Assembly {
    /// Every section but the origin, which the caller adds. None after [`assemble_each`].
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

/// Receives the rows for the next state file: those of the last accepted download of each accumulated feed,
/// also when their sightings have expired.
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

/// Why rows could not be assembled.
#[derive(Debug)]
pub enum AssembleError {
    /// There is more than the format can number.
    TooLarge(TooLarge),
    /// Rows that do not fit the memory could not be written to a file, or read from it.
    Scratch(Error),
}

impl From<TooLarge> for AssembleError {
    fn from(error: TooLarge) -> AssembleError {
        AssembleError::TooLarge(error)
    }
}

impl From<Error> for AssembleError {
    fn from(error: Error) -> AssembleError {
        AssembleError::Scratch(error)
    }
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssembleError::TooLarge(error) => error.fmt(f),
            AssembleError::Scratch(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AssembleError {}

/// Merges rows and lays them out as the sections of a snapshot.
///
/// `policies` are numbered by feed, and `claims` by the tags of the rows. The rows are dropped as soon as
/// they are merged.
///
/// # Errors
/// If there are more claims or rows than the limits of `claims` allow, or more of anything than the format can
/// number; and if rows could not be written to the file of the rows' [`Scratch`], or read from it.
pub fn assemble(
    rows: Rows<'_>,
    claims: &ClaimTable,
    policies: &[RetentionPolicy],
    retained: &mut impl RetainedRows,
) -> Result<Assembly, AssembleError> {
    let mut sections = Vec::new();
    let assembly = assemble_each(rows, claims, policies, retained, &mut |section| sections.push(section))?;
    Ok(Assembly { sections, ..assembly })
}

/// As [`assemble`], and gives away each section as it is made, in no particular order, so that the whole is
/// never in memory.
pub fn assemble_each(
    mut rows: Rows<'_>,
    claims: &ClaimTable,
    policies: &[RetentionPolicy],
    retained: &mut impl RetainedRows,
    finished: &mut dyn FnMut(SectionBytes),
) -> Result<Assembly, AssembleError> {
    rows.sort()?;
    rows.check(&claims.limits())?;
    let scratch = rows.scratch;
    scratch.check()?;
    let mut resolved = resolve_all(rows, ClaimContext { claims, policies });
    scratch.check()?;
    let (v4, v6, names, urls) = &resolved;
    let tables = intern::intern(&[v4, v6, names, urls])?;
    let indexes = compose::indexes(names, urls, scratch, finished);
    // Where reading fails there are too few keys, and the indexes are wrong.
    scratch.check()?;
    indexes?;
    let totals = Totals {
        v4_ranges: v4.flat.ranges.len() as u64,
        v6_ranges: v6.flat.ranges.len() as u64,
        names: names.entry_drafts.len() as u64,
        urls: urls.entry_drafts.len() as u64,
        record_sets: tables.sets.len() as u64,
    };
    let composed = compose_all(&mut resolved, &tables, scratch.columns(), finished);
    // A column that cannot be written is empty, and what was made of it wrong.
    scratch.check()?;
    composed?;
    drop(tables);
    let (v4, v6, names, urls) = &resolved;
    v4.retain(retained);
    v6.retain(retained);
    names.retain(retained, RetainedRows::name);
    urls.retain(retained, RetainedRows::url);
    scratch.check()?;
    Ok(Assembly::new(&resolved, totals))
}

/// Makes the sections of all entries, and frees each part once it is made.
fn compose_all(
    resolved: &mut Resolved<'_>,
    tables: &Tables,
    store: &ColumnStore,
    finished: &mut dyn FnMut(SectionBytes),
) -> Result<(), TooLarge> {
    let (v4, v6, names, urls) = resolved;
    names.free_unless_retained();
    urls.free_unless_retained();
    let mut composer = Composer::new(tables, store, finished)?;
    composer.ipv4(&v4.flat.ranges, v4)?;
    v4.flat.free();
    composer.ipv6(&v6.flat.ranges, v6)?;
    v6.flat.free();
    composer.names(&names.entry_drafts, names)?;
    names.entry_drafts = Column::default();
    composer.urls(&urls.entry_drafts, urls)?;
    composer.finish()
}

type Resolved<'a> = (ResolvedRanges<'a, u32>, ResolvedRanges<'a, u128>, ResolvedTexts<'a>, ResolvedTexts<'a>);

fn resolve_all<'a>(rows: Rows<'a>, context: ClaimContext<'a>) -> Resolved<'a> {
    let scratch = rows.scratch;
    let (columns, runs) = (rows.columns, rows.runs);
    let [mut v4, mut v6, mut names, mut urls] = [const { Vec::new() }; 4];
    let ((mut v4_columns, mut v6_columns), (mut name_columns, mut url_columns)) =
        ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for of_source in columns {
        v4_columns.push(of_source.v4);
        v6_columns.push(of_source.v6);
        name_columns.push(of_source.names);
        url_columns.push(of_source.urls);
    }
    for of_source in runs {
        v4.push(of_source.v4);
        v6.push(of_source.v6);
        names.push(of_source.names);
        urls.push(of_source.urls);
    }
    let ((v4, v6), (names, urls)) = rayon::join(
        || {
            rayon::join(
                || resolve_ranges(v4_columns, v4, scratch, context),
                || resolve_ranges(v6_columns, v6, scratch, context),
            )
        },
        || {
            rayon::join(
                || resolve_texts(name_columns, names, scratch, context),
                || resolve_texts(url_columns, urls, scratch, context),
            )
        },
    );
    (v4, v6, names, urls)
}

impl Assembly {
    fn new(resolved: &Resolved<'_>, totals: Totals) -> Assembly {
        let (v4, v6, names, urls) = resolved;
        let sections = Vec::new();
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
        groups.each_count(|feed, counts, is_listed| {
            self.counts.entry(feed).or_default().add(counts, 1);
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
    let of_group = |group| {
        let mut numbers = Vec::new();
        groups.each_retained(group, |row| numbers.push(retained.number(row, false)));
        numbers
    };
    // Groups are numbered in 32 bits.
    (0..groups.shared_count() as u32).map(of_group).collect()
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

struct ResolvedTexts<'a> {
    scratch: &'a Scratch,
    groups: Groups<'a>,
    /// Each key with the number of its group as its tag.
    entries: SortedRun,
    /// A bit for each entry that has sightings.
    listed: Bits,
    drafts: DraftSets,
    /// The draft set of each key that has sightings, in order: that of a rare group has its number.
    entry_drafts: Column<u32>,
}

/// A list of bits.
#[derive(Default)]
struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.words.last_mut().into_iter().for_each(|word| *word |= u64::from(bit) << (self.len % 64));
        self.len += 1;
    }

    #[inline]
    fn get(&self, at: usize) -> bool {
        self.words.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 != 0)
    }
}

/// Resolves names or URLs, and drops their rows.
fn resolve_texts<'a>(
    columns: Vec<TextColumn>,
    mut runs: Vec<SortedRun>,
    scratch: &'a Scratch,
    context: ClaimContext<'a>,
) -> ResolvedTexts<'a> {
    let mut groups = Groups::new(context);
    let mut drafts = DraftSets::default();
    // The draft set of each shared group, made when the group is.
    let mut draft_of: Vec<Option<u32>> = Vec::new();
    let (mut entries, mut listed) = (TextRunWriter::new(scratch), Bits::default());
    let mut entry_drafts = ColumnWriter::new(scratch.columns());
    let cursors = columns.iter().map(TextCursor::column);
    let cursors = cursors.chain(runs.iter().map(|run| TextCursor::run(run, scratch)));
    merge::each_group(cursors, |key, tags| {
        let group = groups.group(tags);
        entries.push(&key.bytes, group);
        for shared in draft_of.len()..groups.shared_count() {
            // Groups are numbered in 32 bits.
            let shared = shared as u32;
            let member = [(shared, DraftExtent::None)];
            draft_of.push(groups.has_sightings(shared).then(|| drafts.number(&member, &groups)));
        }
        let draft = match is_rare(group) {
            true => groups.has_sightings(group).then_some(group),
            false => draft_of.get(group as usize).copied().flatten(),
        };
        listed.push(draft.is_some());
        draft.into_iter().for_each(|draft| entry_drafts.push(draft));
    });
    scratch.release(columns.iter().map(TextColumn::memory).sum());
    drop(columns);
    runs.iter_mut().for_each(|run| run.free(scratch));
    groups.close();
    drafts.close();
    let entry_drafts = entry_drafts.finish();
    // Merged keys are in order, unless reading failed, which is an error of its own.
    let entries = entries.finish().unwrap_or_default();
    ResolvedTexts { scratch, groups, entries, listed, drafts, entry_drafts }
}

impl Drafts for ResolvedTexts<'_> {
    fn each(&self, visit: &mut dyn FnMut(u32)) {
        self.entry_drafts.iter().for_each(visit);
    }

    fn content(&self, draft: u32, out: &mut DraftSet) {
        if is_rare(draft) {
            out.clear();
            let mut sightings = Vec::new();
            self.groups.sightings(draft, &mut sightings);
            out.extend(sightings.into_iter().map(|sighting| (sighting, DraftExtent::None)));
            out.sort_unstable();
        } else {
            self.drafts.content(draft, &self.groups, out);
        }
    }

    fn shared_count(&self) -> usize {
        self.drafts.len()
    }
}

/// The keys that have sightings.
impl SortedKeys for ResolvedTexts<'_> {
    fn count(&self) -> usize {
        self.entry_drafts.len()
    }

    fn each(&self, mut visit: impl FnMut(&[u8])) {
        let mut rows = TextRunReader::new(&self.entries, self.scratch);
        for at in 0.. {
            if !rows.advance() {
                break;
            }
            if self.listed.get(at) {
                visit(&rows.key);
            }
        }
    }
}

impl ResolvedTexts<'_> {
    /// Frees the keys, unless the state file keeps some.
    fn free_unless_retained(&mut self) {
        if !self.groups.retains() {
            self.entries.free(self.scratch);
        }
    }

    fn retain<R: RetainedRows>(&self, retained: &mut R, add: impl Fn(&mut R, &[u8], u64)) {
        let numbers = retained_numbers(&self.groups, retained);
        let mut rows = TextRunReader::new(&self.entries, self.scratch);
        while rows.advance() {
            let add = |retained: &mut R, number| add(retained, &rows.key, number);
            each_retained(&self.groups, &numbers, rows.tag, retained, add);
        }
    }
}

struct ResolvedRanges<'a, N: AddressNumber> {
    scratch: &'a Scratch,
    groups: Groups<'a>,
    /// Each range with the number of its group as its tag; none where the state file keeps none.
    entries: SortedRun,
    flat: Flattened<N>,
}

/// Resolves addresses of one family, and drops their rows.
fn resolve_ranges<'a, N: AddressNumber + Send>(
    columns: Vec<RangeColumn<N>>,
    mut runs: Vec<SortedRun>,
    scratch: &'a Scratch,
    context: ClaimContext<'a>,
) -> ResolvedRanges<'a, N> {
    let mut groups = Groups::new(context);
    let mut entries = RangeRunWriter::new(scratch);
    let cursors = columns.iter().map(|column| RangeCursor::column(column.rows()));
    let cursors = cursors.chain(runs.iter().map(|run| RangeCursor::run(run, scratch)));
    merge::each_group(cursors, |key, tags| {
        let group = groups.group(tags);
        key.iter().for_each(|(first, last)| entries.push(*first, *last, group));
    });
    scratch.release(columns.iter().map(RangeColumn::memory).sum());
    drop(columns);
    runs.iter_mut().for_each(|run| run.free(scratch));
    groups.close();
    let mut entries = entries.finish().unwrap_or_default();
    let mut rows = RangeRunReader::new(&entries, scratch);
    let listed = std::iter::from_fn(|| {
        while rows.advance() {
            if groups.has_sightings(rows.tag) {
                return Some(ListedRange { first: rows.ends.0, last: rows.ends.1, group: rows.tag });
            }
        }
        None
    });
    let flat: Flattened<N> = flatten::flatten(listed, &groups, scratch.columns());
    if !groups.retains() {
        entries.free(scratch);
    }
    ResolvedRanges { scratch, groups, entries, flat }
}

impl<N: AddressNumber> Drafts for ResolvedRanges<'_, N> {
    fn each(&self, visit: &mut dyn FnMut(u32)) {
        self.flat.ranges.iter().for_each(|row| visit(N::of_row(row).set));
    }

    fn content(&self, draft: u32, out: &mut DraftSet) {
        self.flat.content(draft, &self.groups, out);
    }

    fn shared_count(&self) -> usize {
        self.flat.drafts.len()
    }
}

impl<N: AddressNumber> ResolvedRanges<'_, N> {
    fn retain<R: RetainedRows>(&self, retained: &mut R) {
        let numbers = retained_numbers(&self.groups, retained);
        let mut rows = RangeRunReader::new(&self.entries, self.scratch);
        while rows.advance() {
            let (first, last): (N, N) = rows.ends;
            let add = |retained: &mut R, number| retained.range(N::range(first, last), number);
            each_retained(&self.groups, &numbers, rows.tag, retained, add);
        }
    }
}
