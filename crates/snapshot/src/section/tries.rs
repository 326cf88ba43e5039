//! Names and URLs: transducers from key to ordinal, cut into shards that are built side by side.
//!
//! Payload is never stored in a transducer: an ordinal costs 1.35 bytes a key, a set number 3.4, because it
//! breaks the sharing of suffixes. Building runs at a million keys a second whatever one does, so the keys are
//! cut into shards, always at the same places for the same keys. Names are held with their bytes reversed, and
//! a shard never begins between a name and the names below it: its bound is a *stem*, the last label and one
//! byte of the label before it, which every name shares with all its ancestors of two labels or more.

use crate::automaton::{Automaton, Position};
use crate::layout::{u32_at, u64_at};
use std::ops::Range;

/// How many keys a shard holds, at least, before it may be cut.
pub const SHARD_KEYS: usize = 1 << 16;
const HEADER_LEN: usize = 8;
const ROW_LEN: usize = 32;

/// What keys of a section may be separated: names, which have ancestors, or URLs, which have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Names with their bytes reversed.
    Name,
    /// Canonical URLs.
    Url,
}

impl KeyKind {
    /// The beginning of a key by which shards are told apart.
    pub fn stem(self, key: &[u8]) -> &[u8] {
        let width = match self {
            KeyKind::Name => key.iter().position(|byte| *byte == b'.').map_or(key.len(), |dot| dot + 2),
            KeyKind::Url => key.len(),
        };
        key.get(..width.min(key.len())).unwrap_or(key)
    }
}

/// Cuts sorted keys into shards: ranges of positions.
pub fn cut<'k>(kind: KeyKind, count: usize, key: impl Fn(usize) -> &'k [u8]) -> Vec<Range<usize>> {
    let mut shards = Vec::new();
    let mut start = 0;
    for at in 1..count {
        if at - start >= SHARD_KEYS && kind.stem(key(at)) != kind.stem(key(at - 1)) {
            shards.push(start..at);
            start = at;
        }
    }
    if start < count {
        shards.push(start..count);
    }
    shards
}

/// One shard's transducer, built from its sorted, distinct keys; ordinals count from the shard's first key.
pub fn encode_shard<'k>(keys: impl Iterator<Item = &'k [u8]>) -> Vec<u8> {
    let mut builder = fst::raw::Builder::memory();
    for (ordinal, key) in keys.enumerate() {
        if builder.insert(key, ordinal as u64).is_err() {
            debug_assert!(false, "keys are sorted and distinct");
        }
    }
    builder.into_inner().unwrap_or_default()
}

/// A shard with its bound and the ordinal of its first key.
pub struct Shard {
    /// The stem of its first key.
    pub bound: Vec<u8>,
    /// The ordinal of its first key.
    pub first: u64,
    /// Its transducer.
    pub bytes: Vec<u8>,
}

/// The bytes of a section of shards: a row each, their bounds, their transducers.
pub fn encode(shards: &[Shard]) -> Vec<u8> {
    let bounds_at = HEADER_LEN + shards.len() * ROW_LEN;
    let bounds_len: usize = shards.iter().map(|shard| shard.bound.len()).sum();
    let mut bound_at = bounds_at;
    let mut bytes_at = bounds_at + bounds_len;
    let total = bytes_at + shards.iter().map(|shard| shard.bytes.len()).sum::<usize>();
    let mut out = Vec::with_capacity(total);
    out.extend((shards.len() as u64).to_le_bytes());
    for shard in shards {
        out.extend(shard.first.to_le_bytes());
        out.extend((bytes_at as u64).to_le_bytes());
        out.extend((shard.bytes.len() as u64).to_le_bytes());
        out.extend((bound_at as u32).to_le_bytes());
        out.extend((shard.bound.len() as u32).to_le_bytes());
        bound_at += shard.bound.len();
        bytes_at += shard.bytes.len();
    }
    shards.iter().for_each(|shard| out.extend_from_slice(&shard.bound));
    shards.iter().for_each(|shard| out.extend_from_slice(&shard.bytes));
    out
}

/// A section of shards in a file.
#[derive(Clone, Copy, Debug)]
pub struct Tries<'a> {
    bytes: &'a [u8],
    rows: &'a [[u8; ROW_LEN]],
}

/// One shard of a file.
#[derive(Clone, Copy, Debug)]
struct OpenShard<'a> {
    first: u64,
    automaton: Automaton<'a>,
}

impl<'a> Tries<'a> {
    /// The shards in these bytes.
    pub fn new(bytes: &'a [u8]) -> Tries<'a> {
        let rows = bytes.get(HEADER_LEN..).unwrap_or(&[]).as_chunks().0;
        let count = usize::try_from(u64_at(bytes, 0)).unwrap_or(0);
        Tries { bytes, rows: rows.get(..count).unwrap_or(&[]) }
    }

    fn slice(&self, at: usize, len: usize) -> &'a [u8] {
        self.bytes.get(at..).and_then(|rest| rest.get(..len)).unwrap_or(&[])
    }

    fn bound(&self, row: &[u8; ROW_LEN]) -> &'a [u8] {
        self.slice(u32_at(row, 24) as usize, u32_at(row, 28) as usize)
    }

    fn open(&self, row: &[u8; ROW_LEN]) -> OpenShard<'a> {
        let number = |at| usize::try_from(u64_at(row, at)).unwrap_or(usize::MAX);
        OpenShard { first: u64_at(row, 0), automaton: Automaton::new(self.slice(number(8), number(16))) }
    }

    /// The shard that holds `key` and its ancestors, if any shard does.
    #[inline]
    fn shard(&self, key: &[u8]) -> Option<OpenShard<'a>> {
        let after = self.rows.partition_point(|row| self.bound(row) <= key);
        self.rows.get(after.checked_sub(1)?).map(|row| self.open(row))
    }

    /// The ordinal of exactly this key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<u32> {
        let shard = self.shard(key)?;
        shard.ordinal(shard.automaton.get(key)?)
    }

    /// Visits the entries that are `name` (reversed) or an ancestor of it, shortest first, with the length of
    /// each and its ordinal.
    #[inline]
    pub fn each_covering(&self, name: &[u8], mut visit: impl FnMut(usize, u32)) {
        let Some(shard) = self.shard(name) else { return };
        let Some(mut at) = shard.automaton.start() else { return };
        for (width, byte) in name.iter().enumerate() {
            if *byte == b'.' {
                shard.report(at, width, &mut visit);
            }
            let Some(next) = shard.automaton.step(at, *byte) else { return };
            at = next;
        }
        shard.report(at, name.len(), &mut visit);
    }

    /// Visits every key in order with its ordinal, and says whether the walk came to its end; see
    /// [`Automaton::each`] for the bound.
    pub fn each(&self, steps_max: u64, mut visit: impl FnMut(&[u8], u32)) -> bool {
        self.rows.iter().all(|row| {
            let shard = self.open(row);
            shard.automaton.each(steps_max, |key, value| {
                if let Some(ordinal) = shard.ordinal(value) {
                    visit(key, ordinal);
                }
            })
        })
    }
}

impl OpenShard<'_> {
    fn ordinal(&self, value: u64) -> Option<u32> {
        u32::try_from(self.first.checked_add(value)?).ok()
    }

    #[inline]
    fn report(&self, at: Position, width: usize, visit: &mut impl FnMut(usize, u32)) {
        if let Some(ordinal) = self.automaton.value(at).and_then(|value| self.ordinal(value)) {
            visit(width, ordinal);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(kind: KeyKind, keys: &[&[u8]], cuts: &[Range<usize>]) -> Vec<u8> {
        let shards: Vec<Shard> = cuts
            .iter()
            .map(|range| Shard {
                bound: kind.stem(keys[range.start]).to_vec(),
                first: range.start as u64,
                bytes: encode_shard(keys[range.clone()].iter().copied()),
            })
            .collect();
        encode(&shards)
    }

    #[test]
    fn covering_entries_are_found_on_label_borders_across_shards() {
        let keys: [&[u8]; 5] =
            [b"gro.elpmaxe", b"moc.a", b"moc.elpmaxe", b"moc.elpmaxe-a", b"moc.elpmaxe.www"];
        let bytes = section(KeyKind::Name, &keys, &[0..1, 1..2, 2..5]);
        let tries = Tries::new(&bytes);
        let covering = |name: &[u8]| {
            let mut seen = Vec::new();
            tries.each_covering(name, |width, ordinal| seen.push((width, ordinal)));
            seen
        };
        assert_eq!(covering(b"moc.elpmaxe.www.x"), [(11, 2), (15, 4)]);
        assert_eq!(covering(b"moc.elpmaxe-ab"), []);
        assert_eq!(covering(b"moc.a.b"), [(5, 1)]);
        assert_eq!(covering(b"gro.elpmaxe"), [(11, 0)]);
        assert_eq!(
            (tries.get(b"moc.elpmaxe-a"), tries.get(b"moc.el"), tries.get(b"")),
            (Some(3), None, None)
        );
        let mut all = Vec::new();
        assert!(tries.each(1000, |key, ordinal| all.push((key.to_vec(), ordinal))));
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|(key, ordinal)| keys[*ordinal as usize] == key));
    }

    #[test]
    fn shards_are_cut_at_stems_only() {
        let names: Vec<String> = (0..3 * SHARD_KEYS).map(|n| format!("moc.{:07x}", n)).collect();
        let cuts = cut(KeyKind::Name, names.len(), |at| names[at].as_bytes());
        assert_eq!(cuts.len(), 1, "all share the stem `moc.0`");
        let cuts = cut(KeyKind::Url, names.len(), |at| names[at].as_bytes());
        assert_eq!(cuts, [0..SHARD_KEYS, SHARD_KEYS..2 * SHARD_KEYS, 2 * SHARD_KEYS..3 * SHARD_KEYS]);
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(Tries::new(&[]).get(b"moc.a"), None);
        Tries::new(&[0; 8]).each_covering(b"moc.a", |_, _| unreachable!());
    }
}
