//! Names and URLs: sorted keys in front-coded blocks, below a small transducer.
//!
//! A transducer over all keys is as small as this, but takes twenty times as long to build, and finding one key in it
//! touches a dozen cache lines all over the file. So the transducer only leads to a *group* of 64 blocks; the group's
//! *heads*, eight bytes of each block's first key behind what all of them share, lead to the block; and the block is
//! walked without being unpacked, because each key says how much it shares with the one before it. A look-up touches
//! the transducer and the heads, which stay in the cache, and one block.
//!
//! An ordinal is the place of a key in the order of all: 32 to a block, so nothing need be stored for it.

use crate::automaton::Automaton;
use crate::layout::{u32_at, u64_at};
use std::cmp::Ordering;
use std::ops::Range;

/// How many keys a block holds; the last one may hold fewer.
pub const BLOCK_KEYS: usize = 32;
/// How many blocks a group holds; the last one may hold fewer.
pub const GROUP_BLOCKS: usize = 64;
const HEADER_LEN: usize = 40;
const HEAD_LEN: usize = 8;
const OFFSET_LEN: usize = 4;
const GROUP_LEN: usize = 8;

/// Lays sorted, distinct keys out. `None` where the blocks would exceed four gigabytes.
pub fn encode(keys: &[&[u8]]) -> Option<Vec<u8>> {
    let blocks: Vec<&[&[u8]]> = keys.chunks(BLOCK_KEYS).collect();
    let (mut heads, mut offsets, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    let (mut prefixes, mut data) = (Vec::new(), Vec::new());
    for group in blocks.chunks(GROUP_BLOCKS) {
        let firsts: Vec<&[u8]> = group.iter().filter_map(|block| block.first().copied()).collect();
        let shared = shared_by_all(&firsts);
        groups.extend((prefixes.len() as u32).to_le_bytes());
        groups.extend((shared.len() as u32).to_le_bytes());
        prefixes.extend_from_slice(shared);
        for (block, first) in group.iter().zip(&firsts) {
            heads.extend(head_of(first.get(shared.len()..).unwrap_or(&[])).to_le_bytes());
            offsets.extend(u32::try_from(data.len()).ok()?.to_le_bytes());
            encode_block(block, &mut data);
        }
    }
    offsets.extend(u32::try_from(data.len()).ok()?.to_le_bytes());
    let spine = encode_spine(keys);
    let mut out = Vec::with_capacity(HEADER_LEN + heads.len() + offsets.len() + spine.len() + data.len());
    out.extend((keys.len() as u64).to_le_bytes());
    out.extend((blocks.len() as u32).to_le_bytes());
    out.extend(((groups.len() / GROUP_LEN) as u32).to_le_bytes());
    for part in [&spine, &prefixes, &data] {
        out.extend((part.len() as u64).to_le_bytes());
    }
    for part in [&heads, &offsets, &groups, &spine, &prefixes, &data] {
        out.extend_from_slice(part);
    }
    Some(out)
}

/// What all of some sorted texts begin with.
fn shared_by_all<'k>(sorted: &[&'k [u8]]) -> &'k [u8] {
    match (sorted.first(), sorted.last()) {
        (Some(first), Some(last)) => first.get(..shared(first, last)).unwrap_or(&[]),
        _ => &[],
    }
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The first eight bytes of a text as a number that orders as they do.
#[inline]
fn head_of(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(chunk) => chunk.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        None => (0..8).fold(0, |sum, at| sum << 8 | text.get(at).copied().map_or(0, u64::from)),
    }
}

/// The transducer from the shortest text that tells a group from the one before to the group's number.
fn encode_spine(keys: &[&[u8]]) -> Vec<u8> {
    let step = BLOCK_KEYS * GROUP_BLOCKS;
    let mut builder = fst::raw::Builder::memory();
    for at in (step..keys.len()).step_by(step) {
        let (Some(before), Some(first)) = (keys.get(at - 1), keys.get(at)) else { continue };
        let separator = first.get(..shared(before, first) + 1).unwrap_or(first);
        if builder.insert(separator, (at / step) as u64).is_err() {
            debug_assert!(false, "keys are sorted and distinct");
        }
    }
    builder.into_inner().unwrap_or_default()
}

fn encode_block(keys: &[&[u8]], out: &mut Vec<u8>) {
    let mut before: &[u8] = &[];
    for key in keys {
        let shared = shared(before, key);
        let rest = key.get(shared..).unwrap_or(&[]);
        push_number(out, shared);
        push_number(out, rest.len());
        out.extend_from_slice(rest);
        before = key;
    }
}

fn push_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A section of blocks in a file.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    count: u64,
    heads: &'a [[u8; HEAD_LEN]],
    offsets: &'a [[u8; OFFSET_LEN]],
    groups: &'a [[u8; GROUP_LEN]],
    spine: Automaton<'a>,
    prefixes: &'a [u8],
    data: &'a [u8],
}

impl<'a> Blocks<'a> {
    /// The blocks in these bytes; none where they do not fit together.
    pub fn new(bytes: &'a [u8]) -> Blocks<'a> {
        Blocks::read(bytes).unwrap_or(Blocks {
            count: 0,
            heads: &[],
            offsets: &[],
            groups: &[],
            spine: Automaton::new(&[]),
            prefixes: &[],
            data: &[],
        })
    }

    fn read(bytes: &'a [u8]) -> Option<Blocks<'a>> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_LEN)?;
        let (blocks, groups) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
        let mut take = |len: usize| {
            let (part, behind) = rest.split_at_checked(len)?;
            rest = behind;
            Some(part)
        };
        let stated = |at: usize| usize::try_from(u64_at(header, at)).ok();
        Some(Blocks {
            count: u64_at(header, 0),
            heads: take(blocks.checked_mul(HEAD_LEN)?)?.as_chunks().0,
            offsets: take((blocks + 1).checked_mul(OFFSET_LEN)?)?.as_chunks().0,
            groups: take(groups.checked_mul(GROUP_LEN)?)?.as_chunks().0,
            spine: Automaton::new(take(stated(16)?)?),
            prefixes: take(stated(24)?)?,
            data: take(stated(32)?)?,
        })
    }

    /// The number of keys that it says it has.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// The ordinal of exactly this key.
    #[inline]
    pub fn get(&self, key: &[u8]) -> Option<u32> {
        let block = self.locate(key)?;
        self.find(block, key)
    }

    /// The block that holds the key, if any does.
    #[inline]
    pub fn locate(&self, key: &[u8]) -> Option<u32> {
        let group = self.spine.floor(key).map_or(Some(0), |group| usize::try_from(group).ok())?;
        let row = self.groups.get(group)?;
        let prefix = self.prefixes.get(u32_at(row, 0) as usize..)?.get(..u32_at(row, 4) as usize)?;
        let start = group * GROUP_BLOCKS;
        let heads = self.heads.get(start..(start + GROUP_BLOCKS).min(self.heads.len()))?;
        let at = match key.get(..prefix.len()).unwrap_or(key).cmp(prefix) {
            Ordering::Less => 0,
            Ordering::Greater => heads.len(),
            Ordering::Equal => self.among(start, heads, prefix.len(), key),
        };
        u32::try_from(start + at.checked_sub(1)?).ok()
    }

    /// How many blocks of a group begin at or before the key.
    #[inline]
    fn among(&self, start: usize, heads: &[[u8; HEAD_LEN]], shared: usize, key: &[u8]) -> usize {
        let head = head_of(key.get(shared..).unwrap_or(&[]));
        let after = heads.partition_point(|other| u64_at(other, 0) <= head);
        let before = heads.get(..after).unwrap_or(heads).partition_point(|other| u64_at(other, 0) < head);
        // A key that ends within its head has no other key with the same one.
        if before == after || key.len() < shared + HEAD_LEN {
            return after;
        }
        // Of blocks with the head of the key, their first keys decide.
        let tied: Range<usize> = start + before..start + after;
        before + partition(tied, |block| self.first_key(block).is_some_and(|first| first <= key))
    }

    fn block(&self, block: usize) -> Option<&'a [u8]> {
        let at = |at: usize| self.offsets.get(at).map(|offset| u32_at(offset, 0) as usize);
        self.data.get(at(block)?..at(block + 1)?)
    }

    /// The first key of a block, which shares nothing with the one before.
    fn first_key(&self, block: usize) -> Option<&'a [u8]> {
        let mut cursor = Cursor { rest: self.block(block)? };
        let (_, key) = cursor.next()?;
        Some(key)
    }

    /// The ordinal of the key in this block.
    #[inline]
    pub fn find(&self, block: u32, key: &[u8]) -> Option<u32> {
        let mut cursor = Cursor { rest: self.block(block as usize)? };
        let mut matched = 0;
        for place in 0..BLOCK_KEYS as u32 {
            let (shared, rest) = cursor.next()?;
            match shared.cmp(&matched) {
                // It differs from the key where the one before did.
                Ordering::Greater => {}
                Ordering::Less => return None,
                Ordering::Equal => {
                    let wanted = key.get(matched..)?;
                    let more = shared_words(rest, wanted);
                    matched += more;
                    match (rest.get(more), wanted.get(more)) {
                        (None, None) => return (block * BLOCK_KEYS as u32).checked_add(place),
                        (Some(byte), Some(other)) if byte > other => return None,
                        (Some(_), None) => return None,
                        _ => {}
                    }
                }
            }
        }
        None
    }

    /// Visits every key in order with its ordinal. `false` if a block cannot be read, which no sound file has.
    pub fn each(&self, mut visit: impl FnMut(&[u8], u32)) -> bool {
        let mut key = Vec::new();
        let mut seen = 0;
        for block in 0..self.heads.len() {
            let Some(bytes) = self.block(block) else { return false };
            let mut cursor = Cursor { rest: bytes };
            let mut ordinal = (block * BLOCK_KEYS) as u32;
            key.clear();
            while let Some((shared, rest)) = cursor.next() {
                key.truncate(shared);
                key.extend_from_slice(rest);
                visit(&key, ordinal);
                (ordinal, seen) = (ordinal.wrapping_add(1), seen + 1);
            }
            if !cursor.rest.is_empty() {
                return false;
            }
        }
        seen == self.count
    }
}

/// How many of the first positions of a range hold, where those that hold come first.
fn partition(range: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low - range.start
}

/// How many bytes two texts begin with alike, eight at a time.
#[inline]
fn shared_words(a: &[u8], b: &[u8]) -> usize {
    let mut at = 0;
    while let (Some(left), Some(right)) = (chunk_at(a, at), chunk_at(b, at)) {
        let differ = left ^ right;
        if differ != 0 {
            return at + (differ.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + shared(a.get(at..).unwrap_or(&[]), b.get(at..).unwrap_or(&[]))
}

#[inline]
fn chunk_at(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// Walks the keys of a block: how much each shares with the one before, and what follows.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    #[inline]
    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let (shared, len) = (self.number()?, self.number()?);
        let (key, behind) = self.rest.split_at_checked(len)?;
        self.rest = behind;
        Some((shared, key))
    }

    #[inline]
    fn number(&mut self) -> Option<usize> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if *first < 0x80 { Some(usize::from(*first)) } else { self.long_number(*first) }
    }

    #[cold]
    fn long_number(&mut self, first: u8) -> Option<usize> {
        let mut number = usize::from(first & 0x7F);
        for shift in [7, 14, 21] {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= usize::from(byte & 0x7F) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(keys: Vec<String>) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = keys.into_iter().map(String::into_bytes).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn assert_sound(keys: &[Vec<u8>]) {
        let texts: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let bytes = encode(&texts).expect("small");
        let blocks = Blocks::new(&bytes);
        for (ordinal, key) in (0..).zip(keys) {
            assert_eq!(blocks.get(key), Some(ordinal), "{}", String::from_utf8_lossy(key));
            for near in [[key.as_slice(), b"a"].concat(), key.get(1..).unwrap_or(&[]).to_vec()] {
                let expected = keys.binary_search(&near).ok().map(|at| at as u32);
                assert_eq!(blocks.get(&near), expected, "{}", String::from_utf8_lossy(&near));
            }
        }
        let mut all = Vec::new();
        assert!(blocks.each(|key, ordinal| all.push((key.to_vec(), ordinal))));
        assert!(all.iter().map(|(key, _)| key).eq(keys));
        assert!(all.iter().map(|(_, ordinal)| *ordinal).eq(0..keys.len() as u32));
    }

    #[test]
    fn many_keys_with_long_shared_beginnings_are_found() {
        let keys = (0..20_000)
            .map(|n| match n % 3 {
                0 => format!("moc.topsgolb.{:x}", n * 7919),
                1 => format!("ved.segap.{n}"),
                _ => format!("{}.{n:o}", ["moc", "ten", "zyx"][n % 7 % 3]),
            })
            .collect();
        assert_sound(&sorted(keys));
    }

    #[test]
    fn long_keys_have_long_numbers() {
        let long = "x".repeat(300);
        assert_sound(&sorted((0..100).map(|n| format!("http://evil.com/{long}/{n}{long}")).collect()));
    }

    proptest! {
        #[test]
        fn any_keys_are_found(keys in proptest::collection::vec("[a-c.]{1,12}", 1..300)) {
            assert_sound(&sorted(keys));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400), key in "[a-c.]{0,9}") {
            let blocks = Blocks::new(&bytes);
            let _ = (blocks.get(key.as_bytes()), blocks.each(|_, _| {}));
        }
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(Blocks::new(&[]).get(b"moc.a"), None);
        assert!(Blocks::new(&[]).each(|_, _| unreachable!()));
    }
}
