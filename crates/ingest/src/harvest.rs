//! What a build keeps of the entries that a scribe hands on: columns, ready to be sorted.
//!
//! Millions of rows differ in their key and share everything else, so a row is a key and the number of a
//! *claim*; the claims of a block are few, except in feeds whose rows state their own times.

use crate::report::REJECTS_MAX;
use crate::scribe::{Details, Key, Place, Sink, Skip, Warnings};
use crate::transcript;
use rapsheet_snapshot::{AddressRange, Assessments, ListKind, ParseError, Scope, Time, hash};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What a row of a download states, apart from its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stated {
    /// Block or allow.
    pub(crate) list: ListKind,
    /// The row's assessments; empty where it states none.
    pub(crate) assessments: Assessments,
    /// The row's first-seen time.
    pub(crate) first_seen: Option<Time>,
    /// The row's last-seen time.
    pub(crate) last_seen: Option<Time>,
    /// The row's own end.
    pub(crate) expires: Option<Time>,
}

impl Stated {
    fn content(&self) -> u64 {
        let time = |time: Option<Time>| time.map_or(1, |time| time.unix().unsigned_abs());
        let times = [self.first_seen, self.last_seen, self.expires].map(time);
        let said = u64::from(self.assessments.bits()) << 1 | self.list as u64;
        times.iter().fold(hash::mix(said), |sum, time| hash::mix(sum ^ time))
    }
}

fn folded(number: u128) -> u64 {
    hash::mix(number as u64) ^ (number >> 64) as u64
}

fn hashed(key: &[u8], sort: u64) -> u64 {
    hash::bytes(sort << 32, key)
}

/// A row of names: the key's first sixteen bytes beside its place, so that sorting rarely looks further.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRow {
    /// The first sixteen bytes of the key, as a big-endian number.
    pub(crate) head: u128,
    /// Where the key begins in the arena.
    pub(crate) at: u64,
    /// The length of the key, in bytes.
    pub(crate) len: u32,
    /// The claim, with the scope in its two low bits.
    pub(crate) tag: u32,
}

/// A row of addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RangeRow<N> {
    /// The lowest address.
    pub(crate) first: N,
    /// The highest address.
    pub(crate) last: N,
    /// The claim, with the scope (exact) in its two low bits.
    pub(crate) tag: u32,
}

/// Keys that are texts (names with their bytes reversed, URLs), with their arena.
#[derive(Default)]
pub(crate) struct Texts {
    /// The bytes of all keys.
    pub(crate) arena: Vec<u8>,
    /// The rows.
    pub(crate) rows: Vec<TextRow>,
    /// Where each sorted run of rows ends.
    pub(crate) runs: Vec<usize>,
    /// Keys of the first run that were added again, a list for each run.
    pub(crate) again: Vec<Vec<Again>>,
    /// How far the first run was followed by the keys that were added again.
    followed: usize,
}

/// A key of the first run that an earlier night has, too: a quarter of the memory of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    /// The row of the first run.
    pub(crate) row: u32,
    /// The claim, with the scope in its two low bits.
    pub(crate) tag: u32,
}

/// Rows of addresses.
pub(crate) struct Ranges<N> {
    /// The rows.
    pub(crate) rows: Vec<RangeRow<N>>,
    /// Where each sorted run of rows ends.
    pub(crate) runs: Vec<usize>,
}

impl<N> Default for Ranges<N> {
    fn default() -> Ranges<N> {
        Ranges { rows: Vec::new(), runs: Vec::new() }
    }
}

impl<N: Ord + Copy + Send> Ranges<N> {
    /// Takes over all rows of other ranges, whose claims count from `claim_base` here.
    fn append(&mut self, other: &Ranges<N>, claim_base: u32) {
        let shift = claim_base << 2;
        self.rows.extend(other.rows.iter().map(|row| RangeRow { tag: row.tag + shift, ..*row }));
    }

    /// How rows are ordered: by first address, wider ranges first.
    pub(crate) fn order(a: &RangeRow<N>, b: &RangeRow<N>) -> Ordering {
        a.first.cmp(&b.first).then(b.last.cmp(&a.last))
    }

    fn seal(&mut self) {
        seal(&mut self.rows, &mut self.runs, Ranges::order);
    }
}

/// The rows that were added since the last run.
fn added<'r, R>(rows: &'r mut [R], runs: &[usize]) -> &'r mut [R] {
    rows.get_mut(runs.last().copied().unwrap_or(0)..).unwrap_or_default()
}

/// Makes a sorted run of the rows that were added since the last one.
fn seal<R: Send>(rows: &mut [R], runs: &mut Vec<usize>, order: impl Fn(&R, &R) -> Ordering + Sync) {
    let end = rows.len();
    let added = added(rows, runs);
    // What comes from an earlier night comes in order.
    if !added.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
        added.par_sort_unstable_by(order);
    }
    runs.push(end);
}

impl Texts {
    /// Adds a key, given as an iterator over its bytes.
    pub(crate) fn push(&mut self, key: impl Iterator<Item = u8>, tag: u32) {
        let at = self.arena.len();
        self.arena.extend(key);
        let key = self.arena.get(at..).unwrap_or(&[]);
        self.rows.push(TextRow { head: head_of(key), at: at as u64, len: key.len() as u32, tag });
    }

    /// Adds a key of an earlier night. They come in order, and most of them stand in the first run, whose bytes are
    /// then theirs too.
    pub(crate) fn push_again(&mut self, key: &[u8], tag: u32) {
        let end = self.runs.first().copied().unwrap_or(0);
        let head = head_of(key);
        while let Some(row) = self.rows.get(self.followed).filter(|_| self.followed < end) {
            let tail = || self.key(row).get(16..).unwrap_or(&[]).cmp(key.get(16..).unwrap_or(&[]));
            match row.head.cmp(&head).then_with(tail).then_with(|| row.len.cmp(&(key.len() as u32))) {
                Ordering::Less => self.followed += 1,
                Ordering::Equal => {
                    let again = Again { row: self.followed as u32, tag };
                    return self.again.last_mut().into_iter().for_each(|list| list.push(again));
                }
                Ordering::Greater => break,
            }
        }
        self.push(key.iter().copied(), tag);
    }

    /// The bytes of a row's key.
    #[inline]
    pub(crate) fn key(&self, row: &TextRow) -> &[u8] {
        let at = row.at as usize;
        self.arena.get(at..at + row.len as usize).unwrap_or(&[])
    }

    /// How rows are ordered: by their keys.
    #[inline]
    pub(crate) fn order(arena: &[u8], a: &TextRow, b: &TextRow) -> Ordering {
        let tail = |row: &TextRow| {
            let end = row.at as usize + row.len as usize;
            arena.get((row.at as usize + 16).min(end)..end).unwrap_or(&[])
        };
        let tails = || if a.at == b.at { Ordering::Equal } else { tail(a).cmp(tail(b)) };
        a.head.cmp(&b.head).then_with(tails).then_with(|| a.len.cmp(&b.len))
    }

    fn rebase(&mut self, shift: u32) {
        added(&mut self.rows, &self.runs).iter_mut().for_each(|row| row.tag += shift);
        self.again.last_mut().into_iter().flatten().for_each(|again| again.tag += shift);
    }

    fn seal(&mut self) {
        let Texts { arena, rows, runs, again, followed } = self;
        let arena = arena.as_slice();
        *followed = 0;
        again.push(Vec::new());
        seal(rows, runs, |a, b| Texts::order(arena, a, b));
        if runs.len() == 1 {
            self.repack();
        }
    }

    /// Puts the bytes of the first run in the order of its rows, and equal keys into one place: everything that walks
    /// the rows from here on would miss the cache at every row otherwise.
    fn repack(&mut self) {
        let mut packed: Vec<u8> = Vec::with_capacity(self.arena.len());
        let mut last = 0;
        for row in &mut self.rows {
            let key = self.arena.get(row.at as usize..(row.at + u64::from(row.len)) as usize).unwrap_or(&[]);
            if packed.get(last..) != Some(key) {
                last = packed.len();
                packed.extend_from_slice(key);
            }
            row.at = last as u64;
        }
        self.arena = packed;
    }

    /// Takes over all rows of another arena, whose claims count from `claim_base` here.
    pub(crate) fn append(&mut self, other: &Texts, claim_base: u32) {
        let base = self.arena.len() as u64;
        self.arena.extend_from_slice(&other.arena);
        let moved = |row: &TextRow| TextRow { at: row.at + base, tag: row.tag + (claim_base << 2), ..*row };
        self.rows.extend(other.rows.iter().map(moved));
    }
}

fn head_of(key: &[u8]) -> u128 {
    match key.first_chunk::<16>() {
        Some(chunk) => be(*chunk),
        None => {
            let mut padded = [0; 16];
            padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            be(padded)
        }
    }
}

/// Big-endian, because that is the order of texts.
#[allow(clippy::big_endian_bytes)]
fn be(bytes: [u8; 16]) -> u128 {
    u128::from_be_bytes(bytes)
}

/// A claim's number with a scope in its low bits.
pub(crate) fn tag(claim: u32, scope: Scope) -> u32 {
    claim << 2 | scope as u32
}

/// The scope in a tag.
pub(crate) fn scope_of(tag: u32) -> Scope {
    match tag & 3 {
        0 => Scope::Exact,
        1 => Scope::Tree,
        _ => Scope::Subdomains,
    }
}

/// A rejected line.
pub(crate) struct Rejected {
    /// Where it stands.
    pub(crate) place: Place,
    /// Why.
    pub(crate) why: ParseError,
    /// Its text, cut off.
    pub(crate) text: String,
}

/// The rows of one block, or of everything.
#[derive(Default)]
pub(crate) struct Columns {
    /// Names, reversed.
    pub(crate) names: Texts,
    /// URLs.
    pub(crate) urls: Texts,
    /// IPv4.
    pub(crate) v4: Ranges<u32>,
    /// IPv6.
    pub(crate) v6: Ranges<u128>,
}

impl Columns {
    /// Takes over all rows of another block, whose claims count from `claim_base` here.
    pub(crate) fn append(&mut self, other: &Columns, claim_base: u32) {
        self.names.append(&other.names, claim_base);
        self.urls.append(&other.urls, claim_base);
        self.v4.append(&other.v4, claim_base);
        self.v6.append(&other.v6, claim_base);
    }

    /// The four sorts of rows apart, so that each can be added to on a thread of its own.
    pub(crate) fn split(self) -> [Columns; 4] {
        let Columns { names, urls, v4, v6 } = self;
        [
            Columns { v4, ..Columns::default() },
            Columns { v6, ..Columns::default() },
            Columns { names, ..Columns::default() },
            Columns { urls, ..Columns::default() },
        ]
    }

    /// The four sorts of rows together again.
    pub(crate) fn joined([v4, v6, names, urls]: [Columns; 4]) -> Columns {
        Columns { v4: v4.v4, v6: v6.v6, names: names.names, urls: urls.urls }
    }

    /// Lets the claims of the rows that were added since the last run count from `claim_base`.
    pub(crate) fn rebase(&mut self, claim_base: u32) {
        let shift = claim_base << 2;
        let Columns { names, urls, v4, v6 } = self;
        names.rebase(shift);
        urls.rebase(shift);
        added(&mut v4.rows, &v4.runs).iter_mut().for_each(|row| row.tag += shift);
        added(&mut v6.rows, &v6.runs).iter_mut().for_each(|row| row.tag += shift);
    }

    /// Puts what was added since the last time in order: one night's rows are one run, and runs are merged later.
    pub(crate) fn seal(&mut self) {
        let Columns { names, urls, v4, v6 } = self;
        rayon::join(
            || rayon::join(|| v4.seal(), || v6.seal()),
            || rayon::join(|| names.seal(), || urls.seal()),
        );
    }

    /// Adds a range of either family.
    pub(crate) fn push_range(&mut self, range: AddressRange, tag: u32) {
        match range {
            AddressRange::V4 { first, last } => self.v4.rows.push(RangeRow { first, last, tag }),
            AddressRange::V6 { first, last } => self.v6.rows.push(RangeRow { first, last, tag }),
        }
    }
}

/// Collects the entries of one block.
pub(crate) struct Harvest {
    list: ListKind,
    /// The rows, whose claims are positions in `stated`.
    pub(crate) columns: Columns,
    /// What rows state.
    pub(crate) stated: Vec<Stated>,
    /// Rejected lines, up to a cap.
    pub(crate) rejects: Vec<Rejected>,
    numbers: HashMap<Stated, u32>,
    last: Option<(Stated, u32)>,
}

impl Harvest {
    /// An empty harvest of a list of this kind.
    pub(crate) fn new(list: ListKind) -> Harvest {
        Harvest {
            list,
            columns: Columns::default(),
            stated: Vec::new(),
            rejects: Vec::new(),
            numbers: HashMap::new(),
            last: None,
        }
    }

    /// A number that differs when the rows do, in whatever order they come.
    pub(crate) fn content(&self) -> u64 {
        let stated: Vec<u64> = self.stated.iter().map(Stated::content).collect();
        let said = |tag: u32| {
            let said = stated.get(tag as usize >> 2).copied().unwrap_or(0);
            hash::mix(said ^ u64::from(tag & 3))
        };
        let Columns { names, urls, v4, v6 } = &self.columns;
        let texts = [(names, 1), (urls, 2)].into_iter().flat_map(|(texts, sort)| {
            texts.rows.iter().map(move |row| (hashed(texts.key(row), sort), row.tag))
        });
        let v4 =
            v4.rows.iter().map(|row| (hash::mix(u64::from(row.first) << 32 | u64::from(row.last)), row.tag));
        let v6 = v6.rows.iter().map(|row| (folded(row.first) ^ hash::mix(folded(row.last)), row.tag));
        texts.chain(v4).chain(v6).fold(0, |sum, (key, tag)| sum.wrapping_add(hash::mix(key ^ said(tag))))
    }

    /// The number of what a row states. Neighbouring rows mostly state the same.
    fn claim(&mut self, details: &Details) -> u32 {
        let stated = Stated {
            list: if details.inverted { self.list.inverted() } else { self.list },
            assessments: details.assessments,
            first_seen: details.first_seen,
            last_seen: details.last_seen,
            expires: details.expires,
        };
        if let Some((last, number)) = self.last
            && last == stated
        {
            return number;
        }
        let number = *self.numbers.entry(stated).or_insert_with(|| {
            self.stated.push(stated);
            self.stated.len() as u32 - 1
        });
        self.last = Some((stated, number));
        number
    }
}

impl Sink for Harvest {
    fn entry(&mut self, _: Place, key: Key<'_>, details: &Details, _: Warnings) {
        let claim = self.claim(details);
        match key {
            Key::Range(range) => self.columns.push_range(range, tag(claim, Scope::Exact)),
            Key::Name(name, scope) => self.columns.names.push(name.iter().rev().copied(), tag(claim, scope)),
            Key::Url(url) => self.columns.urls.push(url.iter().copied(), tag(claim, Scope::Exact)),
        }
    }

    fn skip(&mut self, _: Place, _: Skip) {}

    fn reject(&mut self, place: Place, why: ParseError, text: &[u8]) {
        if self.rejects.len() < REJECTS_MAX {
            self.rejects.push(Rejected { place, why, text: transcript::quoted(text) });
        }
    }
}
