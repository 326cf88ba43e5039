//! Rows of keys in columns, ready to be sorted and merged.
//!
//! Millions of rows differ in their key and share everything else, so a row is a key and a *tag*: the number
//! of a [`Claim`](crate::Claim) and a scope. Rows are added in batches; [`Columns::finish_run`] sorts a batch
//! into a *sorted run*. Runs are never merged in memory: [`assemble`](crate::assemble) merges them while it
//! visits them.

use crate::limits::SizeLimits;
use rapsheet_snapshot::{AddressRange, Scope, TooLarge};
use rayon::prelude::*;
use std::cmp::Ordering;

/// A row of names or URLs. The row holds the first sixteen bytes of the key, so that sorting rarely reads the
/// arena.
#[derive(Clone, Copy, Debug)]
pub struct TextRow {
    /// The first sixteen bytes of the key, as a big-endian number.
    pub(crate) head: u128,
    /// The offset of the key in the arena.
    pub(crate) at: u64,
    /// The length of the key, in bytes.
    pub(crate) len: u32,
    /// The claim and the scope: see [`tag`].
    pub tag: u32,
}

/// A row of addresses.
#[derive(Clone, Copy, Debug)]
pub struct RangeRow<N> {
    /// The lowest address.
    pub first: N,
    /// The highest address.
    pub last: N,
    /// The claim and the scope, which is exact: see [`tag`].
    pub tag: u32,
}

/// Text keys (names with their bytes reversed, or URLs) and the arena that holds them.
#[derive(Default)]
pub struct TextColumn {
    /// The bytes of all keys.
    pub(crate) arena: Vec<u8>,
    /// The rows.
    pub(crate) rows: Vec<TextRow>,
    /// The end of each sorted run of rows.
    pub(crate) run_ends: Vec<usize>,
    /// Keys of the first run that were added again, a list for each run.
    pub(crate) repeats: Vec<Vec<Repeat>>,
    /// The row of the first run that the next sorted key is compared with.
    cursor: usize,
    /// The length of a key that does not fit a row.
    oversized: Option<usize>,
}

/// A further claim about a key of the first run. It takes a quarter of the memory of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeat {
    /// The row of the first run.
    pub(crate) row: u32,
    /// The claim and the scope.
    pub(crate) tag: u32,
}

/// Rows of addresses of one family.
pub struct RangeColumn<N> {
    /// The rows.
    pub(crate) rows: Vec<RangeRow<N>>,
    /// The end of each sorted run of rows.
    pub(crate) run_ends: Vec<usize>,
}

impl<N> Default for RangeColumn<N> {
    fn default() -> RangeColumn<N> {
        RangeColumn { rows: Vec::new(), run_ends: Vec::new() }
    }
}

impl<N> RangeColumn<N> {
    /// All rows: run after run, each in order, then what was added since.
    #[inline]
    pub fn rows(&self) -> &[RangeRow<N>] {
        &self.rows
    }
}

impl<N: Ord + Copy + Send> RangeColumn<N> {
    /// Appends all rows of another column. Their claims are numbered from `claim_base` here.
    fn append(&mut self, other: &RangeColumn<N>, claim_base: u32) {
        let shift = claim_base << SCOPE_BITS;
        self.rows.extend(other.rows.iter().map(|row| RangeRow { tag: row.tag + shift, ..*row }));
    }

    /// The order of rows: by first address, wider ranges first.
    #[inline]
    pub(crate) fn order(a: &RangeRow<N>, b: &RangeRow<N>) -> Ordering {
        a.first.cmp(&b.first).then(b.last.cmp(&a.last))
    }

    fn finish_run(&mut self) {
        finish_run(&mut self.rows, &mut self.run_ends, RangeColumn::order);
    }

    fn shift_tags(&mut self, shift: u32) {
        unsorted(&mut self.rows, &self.run_ends).iter_mut().for_each(|row| row.tag += shift);
    }
}

/// The rows that were added since the last run was finished.
fn unsorted<'r, R>(rows: &'r mut [R], run_ends: &[usize]) -> &'r mut [R] {
    rows.get_mut(run_ends.last().copied().unwrap_or(0)..).unwrap_or_default()
}

/// Sorts the rows that were added since the last run into a run of their own.
fn finish_run<R: Send>(rows: &mut [R], run_ends: &mut Vec<usize>, order: impl Fn(&R, &R) -> Ordering + Sync) {
    let end = rows.len();
    let added = unsorted(rows, run_ends);
    // Rows of a snapshot or a state file arrive in order.
    if !added.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
        added.par_sort_unstable_by(order);
    }
    run_ends.push(end);
}

impl TextColumn {
    /// Adds a key, given as an iterator over its bytes.
    #[inline]
    pub fn push(&mut self, key: impl Iterator<Item = u8>, tag: u32) {
        let at = self.arena.len();
        self.arena.extend(key);
        let key = self.arena.get(at..).unwrap_or(&[]);
        match u32::try_from(key.len()) {
            Ok(len) => self.rows.push(TextRow { head: head_of(key), at: at as u64, len, tag }),
            Err(_) => self.oversized = Some(key.len()),
        }
    }

    /// Adds a key; the keys of one run that are added so are in order. A key that the first run has, too,
    /// takes eight bytes.
    pub fn push_sorted(&mut self, key: &[u8], tag: u32) {
        let first_run = self.run_ends.first().copied().unwrap_or(0);
        let head = head_of(key);
        while let Some(row) = self.rows.get(..first_run).and_then(|rows| rows.get(self.cursor)) {
            let tail = || self.key(row).get(16..).unwrap_or(&[]).cmp(key.get(16..).unwrap_or(&[]));
            let length = || (row.len as usize).cmp(&key.len());
            match row.head.cmp(&head).then_with(tail).then_with(length) {
                Ordering::Less => self.cursor += 1,
                Ordering::Equal => {
                    // A first run of more rows than a number holds exceeds `SizeLimits::rows`, and is an
                    // error there.
                    let repeat = Repeat { row: self.cursor as u32, tag };
                    return self.repeats.last_mut().into_iter().for_each(|list| list.push(repeat));
                }
                Ordering::Greater => break,
            }
        }
        self.push(key.iter().copied(), tag);
    }

    /// The bytes of all keys.
    pub fn memory(&self) -> usize {
        self.arena.len()
    }

    /// All rows: run after run, each in order, then what was added since.
    #[inline]
    pub fn rows(&self) -> &[TextRow] {
        &self.rows
    }

    /// The bytes of a row's key.
    #[inline]
    pub fn key(&self, row: &TextRow) -> &[u8] {
        let at = row.at as usize;
        self.arena.get(at..at + row.len as usize).unwrap_or(&[])
    }

    /// The order of rows: by their keys.
    #[inline]
    pub(crate) fn order(arena: &[u8], a: &TextRow, b: &TextRow) -> Ordering {
        let tail = |row: &TextRow| {
            let end = row.at as usize + row.len as usize;
            arena.get((row.at as usize + 16).min(end)..end).unwrap_or(&[])
        };
        let tails = || if a.at == b.at { Ordering::Equal } else { tail(a).cmp(tail(b)) };
        a.head.cmp(&b.head).then_with(tails).then_with(|| a.len.cmp(&b.len))
    }

    fn shift_tags(&mut self, shift: u32) {
        unsorted(&mut self.rows, &self.run_ends).iter_mut().for_each(|row| row.tag += shift);
        self.repeats.last_mut().into_iter().flatten().for_each(|repeat| repeat.tag += shift);
    }

    fn finish_run(&mut self) {
        let TextColumn { arena, rows, run_ends, repeats, cursor, .. } = self;
        let arena = arena.as_slice();
        *cursor = 0;
        repeats.push(Vec::new());
        finish_run(rows, run_ends, |a, b| TextColumn::order(arena, a, b));
        if run_ends.len() == 1 {
            self.compact_arena();
        }
    }

    /// Puts the bytes of the first run in the order of its rows, and stores equal keys once. Otherwise every
    /// later pass over the rows would miss the cache at each row.
    fn compact_arena(&mut self) {
        let mut compact: Vec<u8> = Vec::with_capacity(self.arena.len());
        let mut last = 0;
        for row in &mut self.rows {
            let key = self.arena.get(row.at as usize..(row.at + u64::from(row.len)) as usize).unwrap_or(&[]);
            if compact.get(last..) != Some(key) {
                last = compact.len();
                compact.extend_from_slice(key);
            }
            row.at = last as u64;
        }
        self.arena = compact;
    }

    /// Appends all rows of another column. Their claims are numbered from `claim_base` here.
    fn append(&mut self, other: &TextColumn, claim_base: u32) {
        let base = self.arena.len() as u64;
        self.arena.extend_from_slice(&other.arena);
        self.oversized = self.oversized.or(other.oversized);
        let shift = claim_base << SCOPE_BITS;
        let moved = |row: &TextRow| TextRow { at: row.at + base, tag: row.tag + shift, ..*row };
        self.rows.extend(other.rows.iter().map(moved));
    }

    fn check(&self, what: &'static str, limits: &SizeLimits) -> Result<(), TooLarge> {
        TooLarge::fit_u32("the longest key", "bytes", self.oversized.unwrap_or(0))?;
        TooLarge::check(what, "rows", self.rows.len() as u64, limits.rows)
    }
}

#[inline]
fn head_of(key: &[u8]) -> u128 {
    match key.first_chunk::<16>() {
        Some(chunk) => big_endian(*chunk),
        None => {
            let mut padded = [0; 16];
            padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            big_endian(padded)
        }
    }
}

/// Texts are ordered by their first byte first, as big-endian numbers are.
#[allow(clippy::big_endian_bytes)]
#[inline]
fn big_endian(bytes: [u8; 16]) -> u128 {
    u128::from_be_bytes(bytes)
}

/// The bits of a tag that hold the scope.
const SCOPE_BITS: u32 = 2;

/// A row's tag: the number of its claim, and the scope in the two low bits.
#[inline]
pub fn tag(claim: u32, scope: Scope) -> u32 {
    claim << SCOPE_BITS | scope as u32
}

/// The number of the claim in a tag.
#[inline]
pub fn claim_of(tag: u32) -> usize {
    (tag >> SCOPE_BITS) as usize
}

/// The scope in a tag.
#[inline]
pub fn scope_of(tag: u32) -> Scope {
    match tag & 3 {
        0 => Scope::Exact,
        1 => Scope::Tree,
        _ => Scope::Subdomains,
    }
}

/// Rows of all kinds of keys: those of one block of a download, or those of a whole build.
#[derive(Default)]
pub struct Columns {
    /// Names, with their bytes reversed.
    pub names: TextColumn,
    /// URLs.
    pub urls: TextColumn,
    /// IPv4 addresses.
    pub v4: RangeColumn<u32>,
    /// IPv6 addresses.
    pub v6: RangeColumn<u128>,
}

impl Columns {
    /// Appends all rows of other columns. Their claims are numbered from `claim_base` here.
    pub fn append(&mut self, other: &Columns, claim_base: u32) {
        self.names.append(&other.names, claim_base);
        self.urls.append(&other.urls, claim_base);
        self.v4.append(&other.v4, claim_base);
        self.v6.append(&other.v6, claim_base);
    }

    /// The columns one by one, in the order IPv4, IPv6, names, URLs, so that four threads can add to them.
    pub fn split(self) -> [Columns; 4] {
        let Columns { names, urls, v4, v6 } = self;
        [
            Columns { v4, ..Columns::default() },
            Columns { v6, ..Columns::default() },
            Columns { names, ..Columns::default() },
            Columns { urls, ..Columns::default() },
        ]
    }

    /// Undoes [`Columns::split`].
    pub fn join([v4, v6, names, urls]: [Columns; 4]) -> Columns {
        Columns { v4: v4.v4, v6: v6.v6, names: names.names, urls: urls.urls }
    }

    /// Numbers the claims of the rows that were added since the last run from `claim_base`.
    pub fn shift_claims(&mut self, claim_base: u32) {
        let shift = claim_base << SCOPE_BITS;
        let Columns { names, urls, v4, v6 } = self;
        names.shift_tags(shift);
        urls.shift_tags(shift);
        v4.shift_tags(shift);
        v6.shift_tags(shift);
    }

    /// Sorts the rows that were added since the last call into a run of their own.
    pub fn finish_run(&mut self) {
        let Columns { names, urls, v4, v6 } = self;
        rayon::join(
            || rayon::join(|| v4.finish_run(), || v6.finish_run()),
            || rayon::join(|| names.finish_run(), || urls.finish_run()),
        );
    }

    /// Adds a range of either family.
    #[inline]
    pub fn push_range(&mut self, range: AddressRange, tag: u32) {
        match range {
            AddressRange::V4 { first, last } => self.v4.rows.push(RangeRow { first, last, tag }),
            AddressRange::V6 { first, last } => self.v6.rows.push(RangeRow { first, last, tag }),
        }
    }

    /// Visits the tags of all rows.
    pub(crate) fn each_tag(&self, mut visit: impl FnMut(u32)) {
        let Columns { names, urls, v4, v6 } = self;
        v4.rows.iter().for_each(|row| visit(row.tag));
        v6.rows.iter().for_each(|row| visit(row.tag));
        for texts in [names, urls] {
            texts.rows.iter().for_each(|row| visit(row.tag));
            texts.repeats.iter().flatten().for_each(|repeat| visit(repeat.tag));
        }
    }

    /// An error if some column holds more than the limits allow.
    pub(crate) fn check(&self, limits: &SizeLimits) -> Result<(), TooLarge> {
        self.names.check("names", limits)?;
        self.urls.check("URLs", limits)?;
        TooLarge::check("IPv4 addresses", "rows", self.v4.rows.len() as u64, limits.rows)?;
        TooLarge::check("IPv6 addresses", "rows", self.v6.rows.len() as u64, limits.rows)
    }
}
