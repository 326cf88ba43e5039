//! Rows of keys in columns, ready to be sorted.
//!
//! Millions of rows differ in their key and share everything else, so a row is a key and a *tag*: the number
//! of a [`Claim`](crate::Claim) and a scope. Rows are added in any order and sorted in place; those that do not fit
//! the memory become a [`RunSet`](crate::RunSet).

use rapsheet_snapshot::section::prefetch::prefetch;
use rapsheet_snapshot::{AddressRange, Scope, TooLarge};
use rayon::prelude::*;

/// A row of names or URLs, in 24 bytes. It holds the first twelve bytes of the key, so that sorting rarely reads
/// the arena.
#[derive(Clone, Copy, Debug)]
pub struct TextRow {
    /// The first eight bytes of the key, as a big-endian number.
    head: u64,
    /// The offset of the key in the arena, and in the low [`LEN_BITS`] its length.
    place: u64,
    /// The four bytes after the head.
    next: u32,
    /// The claim and the scope: see [`tag`].
    pub tag: u32,
}

/// How many bits of a place are the length of a key. A download has no entry longer than a line, which is cut at
/// a mebibyte.
const LEN_BITS: u32 = 24;
const LEN_MAX: usize = (1 << LEN_BITS) - 1;
/// The bytes of a key that its row holds.
const HEAD: usize = 12;
/// How many rows ahead of the one that is visited the arena is asked for.
const AHEAD: usize = 12;

impl TextRow {
    #[inline]
    fn at(&self) -> usize {
        (self.place >> LEN_BITS) as usize
    }

    #[inline]
    fn len(&self) -> usize {
        self.place as usize & LEN_MAX
    }
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
    arena: Vec<u8>,
    /// The rows.
    rows: Vec<TextRow>,
    /// The length of a key that does not fit a row.
    oversized: Option<usize>,
}

/// Rows of addresses of one family.
pub struct RangeColumn<N> {
    /// The rows.
    pub(crate) rows: Vec<RangeRow<N>>,
}

impl<N> Default for RangeColumn<N> {
    fn default() -> RangeColumn<N> {
        RangeColumn { rows: Vec::new() }
    }
}

impl<N> RangeColumn<N> {
    /// How many bytes of memory the rows take.
    pub(crate) fn memory(&self) -> u64 {
        size_of_val(self.rows.as_slice()) as u64
    }

    /// All rows.
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

    /// Sorts the rows: by first address, wider ranges first.
    pub(crate) fn sort(&mut self) {
        self.rows.par_sort_unstable_by(|a, b| a.first.cmp(&b.first).then(b.last.cmp(&a.last)));
    }
}

impl TextColumn {
    /// Adds a key, given as an iterator over its bytes.
    #[inline]
    pub fn push(&mut self, key: impl Iterator<Item = u8>, tag: u32) {
        let at = self.arena.len();
        self.arena.extend(key);
        let key = self.arena.get(at..).unwrap_or(&[]);
        if key.len() > LEN_MAX {
            self.oversized = Some(key.len());
            return;
        }
        let (head, next) = head_of(key);
        self.rows.push(TextRow { head, place: (at as u64) << LEN_BITS | key.len() as u64, next, tag });
    }

    /// All rows.
    #[inline]
    pub fn rows(&self) -> &[TextRow] {
        &self.rows
    }

    /// The bytes of a row's key.
    #[inline]
    pub fn key(&self, row: &TextRow) -> &[u8] {
        key_in(&self.arena, row)
    }

    /// How many bytes of memory the rows take.
    pub(crate) fn memory(&self) -> u64 {
        (self.arena.len() + size_of_val(self.rows.as_slice())) as u64
    }

    /// The key in this place of the order, and its tag. Those that follow are prefetched: after sorting, neighbours
    /// lie far apart in the arena.
    #[inline]
    pub(crate) fn row_at(&self, at: usize) -> Option<(&[u8], u32)> {
        let row = self.rows.get(at)?;
        self.rows.get(at + AHEAD).into_iter().for_each(|ahead| prefetch(&self.arena, ahead.at()));
        Some((self.key(row), row.tag))
    }

    /// Sorts the rows by their keys.
    pub(crate) fn sort(&mut self) {
        let arena = self.arena.as_slice();
        let tail = |row: &TextRow| key_in(arena, row).get(HEAD..).unwrap_or(&[]);
        self.rows.par_sort_unstable_by(|a, b| {
            let heads = || (a.head, a.next).cmp(&(b.head, b.next));
            heads().then_with(|| tail(a).cmp(tail(b))).then_with(|| a.len().cmp(&b.len()))
        });
    }

    /// Appends all rows of another column. Their claims are numbered from `claim_base` here.
    fn append(&mut self, other: &TextColumn, claim_base: u32) {
        let base = self.arena.len() as u64;
        self.arena.extend_from_slice(&other.arena);
        self.oversized = self.oversized.or(other.oversized);
        let shift = claim_base << SCOPE_BITS;
        let moved =
            |row: &TextRow| TextRow { place: row.place + (base << LEN_BITS), tag: row.tag + shift, ..*row };
        self.rows.extend(other.rows.iter().map(moved));
    }
}

#[inline]
fn key_in<'a>(arena: &'a [u8], row: &TextRow) -> &'a [u8] {
    let at = row.at();
    arena.get(at..at + row.len()).unwrap_or(&[])
}

/// The first twelve bytes of a key as numbers in the same order; zeros after its end.
#[inline]
fn head_of(key: &[u8]) -> (u64, u32) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = match key.first_chunk::<HEAD>() {
        Some(chunk) => *chunk,
        None => {
            let mut padded = [0; HEAD];
            padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            padded
        }
    };
    (big_endian([a, b, c, d, e, f, g, h]), big_endian([0, 0, 0, 0, i, j, k, l]) as u32)
}

/// Texts are ordered by their first byte first, as big-endian numbers are.
#[allow(clippy::big_endian_bytes)]
#[inline]
fn big_endian(bytes: [u8; 8]) -> u64 {
    u64::from_be_bytes(bytes)
}

/// The bits of a tag that hold the scope.
pub(crate) const SCOPE_BITS: u32 = 2;

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

/// Rows of all kinds of keys: those of one block of a download, or those of many downloads.
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

    /// Numbers the claims of all rows from `claim_base`.
    pub(crate) fn shift_claims(&mut self, claim_base: u32) {
        let shift = claim_base << SCOPE_BITS;
        let Columns { names, urls, v4, v6 } = self;
        for texts in [names, urls] {
            texts.rows.iter_mut().for_each(|row| row.tag += shift);
        }
        v4.rows.iter_mut().for_each(|row| row.tag += shift);
        v6.rows.iter_mut().for_each(|row| row.tag += shift);
    }

    /// Sorts the rows of each kind.
    pub(crate) fn sort(&mut self) {
        let Columns { names, urls, v4, v6 } = self;
        rayon::join(
            || rayon::join(|| v4.sort(), || v6.sort()),
            || rayon::join(|| names.sort(), || urls.sort()),
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

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.names.rows.len() + self.urls.rows.len() + self.v4.rows.len() + self.v6.rows.len()
    }

    /// How many bytes of memory the rows take.
    pub fn memory(&self) -> u64 {
        let Columns { names, urls, v4, v6 } = self;
        names.memory() + urls.memory() + v4.memory() + v6.memory()
    }

    /// An error if a key is too long for a row.
    pub(crate) fn check_keys(&self) -> Result<(), TooLarge> {
        let longest = self.names.oversized.or(self.urls.oversized).unwrap_or(0);
        TooLarge::check("the longest key", "bytes", longest as u64, LEN_MAX as u64)
    }
}
