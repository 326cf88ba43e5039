//! What a build keeps of the entries that a scribe hands on: columns, ready to be sorted.
//!
//! Millions of rows differ in their key and share everything else, so a row is a key and the number of a
//! *claim*; the claims of a block are few, except in feeds whose rows state their own times.

use crate::report::REJECTS_MAX;
use crate::scribe::{Details, Key, Place, Sink, Skip, Warnings};
use crate::transcript;
use snapshot::{AddressRange, Assessments, ListKind, Refusal, Scope, Time};
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
}

impl Texts {
    /// Adds a key, given as an iterator over its bytes.
    pub(crate) fn push(&mut self, key: impl Iterator<Item = u8>, tag: u32) {
        let at = self.arena.len();
        self.arena.extend(key);
        let key = self.arena.get(at..).unwrap_or(&[]);
        self.rows.push(TextRow { head: head_of(key), at: at as u64, len: key.len() as u32, tag });
    }

    /// The bytes of a row's key.
    #[inline]
    pub(crate) fn key(&self, row: &TextRow) -> &[u8] {
        let at = row.at as usize;
        self.arena.get(at..at + row.len as usize).unwrap_or(&[])
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

/// A rejected line.
pub(crate) struct Rejected {
    /// Where it stands.
    pub(crate) place: Place,
    /// Why.
    pub(crate) why: Refusal,
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
    pub(crate) v4: Vec<RangeRow<u32>>,
    /// IPv6.
    pub(crate) v6: Vec<RangeRow<u128>>,
}

impl Columns {
    /// Takes over all rows of another block, whose claims count from `claim_base` here.
    pub(crate) fn append(&mut self, other: &Columns, claim_base: u32) {
        self.names.append(&other.names, claim_base);
        self.urls.append(&other.urls, claim_base);
        let shift = claim_base << 2;
        self.v4.extend(other.v4.iter().map(|row| RangeRow { tag: row.tag + shift, ..*row }));
        self.v6.extend(other.v6.iter().map(|row| RangeRow { tag: row.tag + shift, ..*row }));
    }

    /// Adds a range of either family.
    pub(crate) fn push_range(&mut self, range: AddressRange, tag: u32) {
        match range {
            AddressRange::V4 { first, last } => self.v4.push(RangeRow { first, last, tag }),
            AddressRange::V6 { first, last } => self.v6.push(RangeRow { first, last, tag }),
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

    fn reject(&mut self, place: Place, why: Refusal, text: &[u8]) {
        if self.rejects.len() < REJECTS_MAX {
            self.rejects.push(Rejected { place, why, text: transcript::quoted(text) });
        }
    }
}
