//! URLs: sorted keys in front-coded blocks, below the top index.
//!
//! A map of the `fst` crate over all keys is as small as this, but takes twenty times as long to build, and a
//! look-up in it touches a dozen cache lines. Here the top index gives a *group* of 64 blocks. *Heads*, the
//! eight bytes of each block's first key after the prefix that all keys of the group share, give the block.
//! The block is searched without being decoded, because each key states how much it shares with the one
//! before. Groups have heads of sixteen bytes, too, so that the top index is walked only where the heads of
//! several groups are equal. A look-up touches the heads, which stay in the cache, and one block.
//!
//! The ordinal of a key is its position in the order of all keys, 32 to a block, and is not stored.

use super::sorted_keys::SortedKeys;
use super::top_index::{TopIndexWriter, separator, shared};
use crate::error::TooLarge;
use crate::fst_map::FstMap;
use crate::layout::{short_word, u32_at, u64_at, u128_at};
use std::cmp::Ordering;
use std::hint::select_unpredictable;

/// How many keys a block holds; the last one may hold fewer.
const BLOCK_KEYS: usize = 32;
/// How many blocks a group holds; the last one may hold fewer.
const GROUP_BLOCKS: usize = 64;
const GROUP_KEYS: usize = BLOCK_KEYS * GROUP_BLOCKS;
const HEADER_LEN: usize = 40;
const HEAD_LEN: usize = 8;
const OFFSET_LEN: usize = 4;
const GROUP_LEN: usize = 24;
/// The longest key, in bytes: what the four bytes of a length in LEB128 hold.
const KEY_MAX: u64 = (1 << 28) - 1;
/// The longest text, and the most shared bytes, in a block of short keys.
const SHORT_MAX: usize = 255;

/// The bytes of sorted, distinct URLs; none without URLs.
pub fn encode(keys: &(impl SortedKeys + ?Sized)) -> Result<Vec<u8>, TooLarge> {
    encode_within(keys, u64::from(u32::MAX))
}

/// As [`encode`], with another limit on the bytes of the blocks.
fn encode_within(keys: &(impl SortedKeys + ?Sized), data_max: u64) -> Result<Vec<u8>, TooLarge> {
    let count = keys.count();
    if count == 0 {
        return Ok(Vec::new());
    }
    TooLarge::fit_u32("URLs", "entries", count)?;
    let mut longest = 0;
    keys.each(|key| longest = longest.max(key.len()));
    TooLarge::check("a URL", "bytes", longest as u64, KEY_MAX)?;
    let mut writer = Writer::new(data_max);
    let (mut group, mut before, mut result) = (Vec::new(), None, Ok(()));
    keys.each(|key| {
        group.push(key.to_vec());
        if group.len() == GROUP_KEYS && result.is_ok() {
            result = writer.group(before.as_deref(), &group);
            before = group.pop();
            group.clear();
        }
    });
    result?;
    if !group.is_empty() {
        writer.group(before.as_deref(), &group)?;
    }
    Ok(writer.finish(count))
}

/// Writes groups of blocks.
struct Writer {
    heads: Vec<u8>,
    offsets: Vec<u8>,
    groups: Vec<u8>,
    prefixes: Vec<u8>,
    data: Vec<u8>,
    top: TopIndexWriter,
    data_max: u64,
}

impl Writer {
    fn new(data_max: u64) -> Writer {
        Writer {
            heads: Vec::new(),
            offsets: vec![0; OFFSET_LEN],
            groups: Vec::new(),
            prefixes: Vec::new(),
            data: Vec::new(),
            top: TopIndexWriter::new(),
            data_max,
        }
    }

    /// Appends a group of keys, given the key before them.
    fn group(&mut self, before: Option<&[u8]>, keys: &[Vec<u8>]) -> Result<(), TooLarge> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let firsts: Vec<&[u8]> = keys.iter().copied().step_by(BLOCK_KEYS).collect();
        let shared = shared_by_all(&firsts);
        let separator = separator(before, firsts.first().unwrap_or(&&[][..]));
        self.top.begin(separator);
        self.groups.extend(wide_head_of(separator).to_le_bytes());
        self.groups
            .extend(TooLarge::fit_u32("URLs", "bytes of prefixes", self.prefixes.len())?.to_le_bytes());
        // At most KEY_MAX.
        self.groups.extend((shared.len() as u32).to_le_bytes());
        self.prefixes.extend_from_slice(shared);
        for (block, first) in keys.chunks(BLOCK_KEYS).zip(&firsts) {
            self.heads.extend(head_of(first.get(shared.len()..).unwrap_or(&[])).to_le_bytes());
            encode_block(block, &mut self.data);
            TooLarge::check("URLs", "bytes in blocks", self.data.len() as u64, self.data_max)?;
            self.offsets.extend((self.data.len() as u32).to_le_bytes());
        }
        Ok(())
    }

    fn finish(self, count: usize) -> Vec<u8> {
        let Writer { heads, offsets, groups, prefixes, data, top, .. } = self;
        let top = top.finish();
        let mut out = Vec::with_capacity(HEADER_LEN + heads.len() + offsets.len() + top.len() + data.len());
        out.extend((count as u64).to_le_bytes());
        // Fewer blocks and groups than keys, whose number fits.
        out.extend(((heads.len() / HEAD_LEN) as u32).to_le_bytes());
        out.extend(((groups.len() / GROUP_LEN) as u32).to_le_bytes());
        for part in [&top, &prefixes, &data] {
            out.extend((part.len() as u64).to_le_bytes());
        }
        for part in [&heads, &offsets, &groups, &top, &prefixes, &data] {
            out.extend_from_slice(part);
        }
        out
    }
}

/// The longest common prefix of sorted texts.
fn shared_by_all<'k>(sorted: &[&'k [u8]]) -> &'k [u8] {
    match (sorted.first(), sorted.last()) {
        (Some(first), Some(last)) => first.get(..shared(first, last)).unwrap_or(&[]),
        _ => &[],
    }
}

/// The first eight bytes of a text as a number, in the same order.
#[inline]
fn head_of(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk).swap_bytes(),
        None => short_word(text).swap_bytes(),
    }
}

/// The first sixteen bytes of a text as a number, in the same order.
#[inline]
fn wide_head_of(text: &[u8]) -> u128 {
    u128::from(head_of(text)) << 64 | u128::from(head_of(text.get(8..).unwrap_or(&[])))
}

/// Appends a block. A block of short keys has all numbers before all texts, a byte each, so that a search
/// skips texts: the count of keys, how many bytes each shares with the one before, how many follow, and these
/// bytes. A block with a long key begins with a zero and has the two numbers of each key before its text, in
/// LEB128.
fn encode_block(keys: &[&[u8]], out: &mut Vec<u8>) {
    let before = std::iter::once(&[][..]).chain(keys.iter().copied());
    let parts: Vec<(usize, &[u8])> = before
        .zip(keys)
        .map(|(before, key)| {
            let shared = shared(before, key).min(SHORT_MAX);
            (shared, key.get(shared..).unwrap_or(&[]))
        })
        .collect();
    let is_short = parts.iter().all(|(_, rest)| rest.len() <= SHORT_MAX);
    if is_short {
        out.push(keys.len() as u8);
        out.extend(parts.iter().map(|(shared, _)| *shared as u8));
        out.extend(parts.iter().map(|(_, rest)| rest.len() as u8));
        parts.iter().for_each(|(_, rest)| out.extend_from_slice(rest));
    } else {
        out.push(0);
        for (shared, rest) in parts {
            push_number(out, shared);
            push_number(out, rest.len());
            out.extend_from_slice(rest);
        }
    }
}

fn push_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The URLs in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UrlBlocks<'a> {
    count: u64,
    heads: &'a [[u8; HEAD_LEN]],
    offsets: &'a [[u8; OFFSET_LEN]],
    groups: &'a [[u8; GROUP_LEN]],
    top_index: FstMap<'a>,
    prefixes: &'a [u8],
    data: &'a [u8],
    /// Whether the lengths in the header add up to the section.
    is_whole: bool,
}

impl<'a> UrlBlocks<'a> {
    /// Reads the header; there are no blocks where its numbers do not fit the bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> UrlBlocks<'a> {
        UrlBlocks::read(bytes).unwrap_or(UrlBlocks {
            count: 0,
            heads: &[],
            offsets: &[],
            groups: &[],
            top_index: FstMap::new(&[]),
            prefixes: &[],
            data: &[],
            is_whole: true,
        })
    }

    fn read(bytes: &'a [u8]) -> Option<UrlBlocks<'a>> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_LEN)?;
        let (blocks, groups) = (u32_at(header, 8) as usize, u32_at(header, 12) as usize);
        let mut take = |len: usize| {
            let (part, behind) = rest.split_at_checked(len)?;
            rest = behind;
            Some(part)
        };
        let stated = |at: usize| usize::try_from(u64_at(header, at)).ok();
        let heads = take(blocks.checked_mul(HEAD_LEN)?)?.as_chunks().0;
        let offsets = take((blocks + 1).checked_mul(OFFSET_LEN)?)?.as_chunks().0;
        let groups = take(groups.checked_mul(GROUP_LEN)?)?.as_chunks().0;
        let top_index = FstMap::new(take(stated(16)?)?);
        let (prefixes, data) = (take(stated(24)?)?, take(stated(32)?)?);
        let (count, is_whole) = (u64_at(header, 0), rest.is_empty());
        Some(UrlBlocks { count, heads, offsets, groups, top_index, prefixes, data, is_whole })
    }

    /// Whether there are none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The ordinal of exactly this key.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<u32> {
        let block = self.block_in_group(self.group(key)?, key)?;
        self.find(block, key)
    }

    /// The last group whose separator is not greater than the key: by heads, and by the top index where they
    /// are equal.
    #[inline]
    fn group(&self, key: &[u8]) -> Option<usize> {
        let head = wide_head_of(key);
        let upper_head = (head >> 64) as u64;
        let after = partition_point(self.groups.len(), |at| {
            // Two halves compare without a branch; one comparison of 128 bits compiles to a branch.
            let (lower, upper) = self.groups.get(at).map_or((0, 0), |row| (u64_at(row, 0), u64_at(row, 8)));
            (upper < upper_head) | ((upper == upper_head) & (lower <= head as u64))
        });
        let last = after.checked_sub(1)?;
        match self.groups.get(last) {
            Some(row) if u128_at(row, 0) == head => {
                usize::try_from(self.top_index.floor(key, usize::MAX).unwrap_or(0)).ok()
            }
            _ => Some(last),
        }
    }

    /// The block of a group that holds the key, if any does: the last one whose first key is not greater.
    #[inline]
    fn block_in_group(&self, group: usize, key: &[u8]) -> Option<u32> {
        let row = self.groups.get(group)?;
        let prefix = self.prefixes.get(u32_at(row, 16) as usize..)?.get(..u32_at(row, 20) as usize)?;
        let heads = self.heads_of(group);
        let after = match key.get(..prefix.len()).unwrap_or(key).cmp(prefix) {
            Ordering::Less => 0,
            Ordering::Greater => heads.len(),
            Ordering::Equal => self.blocks_not_after(group * GROUP_BLOCKS, heads, prefix.len(), key),
        };
        u32::try_from(group * GROUP_BLOCKS + after.checked_sub(1)?).ok()
    }

    #[inline]
    fn heads_of(&self, group: usize) -> &'a [[u8; HEAD_LEN]] {
        let start = group.saturating_mul(GROUP_BLOCKS);
        self.heads.get(start..(start + GROUP_BLOCKS).min(self.heads.len())).unwrap_or(&[])
    }

    /// How many blocks of a group begin at or before the key. The group begins with the block `start`, and
    /// its prefix has `shared` bytes.
    #[inline]
    fn blocks_not_after(&self, start: usize, heads: &[[u8; HEAD_LEN]], shared: usize, key: &[u8]) -> usize {
        let head = head_of(key.get(shared..).unwrap_or(&[]));
        let after = heads.partition_point(|other| u64::from_le_bytes(*other) <= head);
        let last = after.checked_sub(1).and_then(|last| heads.get(last));
        // A key that ends within its head has no other key with the same one.
        if last.is_none_or(|last| u64_at(last, 0) != head) || key.len() < shared + HEAD_LEN {
            return after;
        }
        let before = heads.get(..after).unwrap_or(heads).partition_point(|other| u64_at(other, 0) < head);
        // Of blocks with the head of the key, their first keys decide.
        before
            + partition_point(after - before, |nth| {
                self.first_key(start + before + nth).is_some_and(|first| first <= key)
            })
    }

    fn block(&self, block: usize) -> Option<&'a [u8]> {
        let at = |at: usize| self.offsets.get(at).map(|offset| u32_at(offset, 0) as usize);
        self.data.get(at(block)?..at(block + 1)?)
    }

    /// The first key of a block, which shares nothing with the one before.
    fn first_key(&self, block: usize) -> Option<&'a [u8]> {
        match Block::open(self.block(block)?)? {
            Block::Short(short) => short.rest(0, 0),
            Block::Long(mut cursor) => cursor.next().map(|(_, key)| key),
        }
    }

    /// The ordinal of the key in this block.
    #[inline]
    fn find(&self, block: u32, key: &[u8]) -> Option<u32> {
        let place = match Block::open(self.block(block as usize)?)? {
            Block::Short(short) => short.find(key)?,
            Block::Long(cursor) => cursor.find(key)?,
        };
        block.checked_mul(BLOCK_KEYS as u32)?.checked_add(place)
    }

    /// Whether the lengths in the header add up to the section, and the first block begins and the last one
    /// ends where the data do.
    pub(crate) fn is_whole(&self) -> bool {
        let end = |offset: Option<&[u8; OFFSET_LEN]>| offset.map_or(0, |offset| u32_at(offset, 0) as usize);
        self.is_whole && end(self.offsets.first()) == 0 && end(self.offsets.last()) == self.data.len()
    }

    /// Visits every key in order with its ordinal. Returns `false` if a block cannot be read.
    pub(crate) fn each(&self, mut visit: impl FnMut(&[u8], u32)) -> bool {
        let mut key = Vec::new();
        let mut seen = 0;
        for block in 0..self.heads.len() {
            let Some(block_bytes) = self.block(block).and_then(Block::open) else { return false };
            let mut ordinal = (block * BLOCK_KEYS) as u32;
            key.clear();
            let whole = block_bytes.each(|shared, rest| {
                key.truncate(shared);
                key.extend_from_slice(rest);
                visit(&key, ordinal);
                (ordinal, seen) = (ordinal.wrapping_add(1), seen + 1);
            });
            if !whole {
                return false;
            }
        }
        seen == self.count
    }
}

/// How many of the first `count` positions hold, where those that hold come first. A binary search without
/// branches: half of its branches would be mispredicted, and each would cost more than the step.
#[inline]
fn partition_point(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut left) = (0, count);
    while left > 0 {
        let half = left.div_ceil(2);
        low = select_unpredictable(holds(low + half - 1), low + half, low);
        left -= half;
    }
    low
}

/// The length of the longest common prefix of two texts, eight bytes at a time.
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

/// A block.
enum Block<'a> {
    /// All keys are short.
    Short(Short<'a>),
    /// Some key is long.
    Long(Cursor<'a>),
}

impl<'a> Block<'a> {
    #[inline]
    fn open(bytes: &'a [u8]) -> Option<Block<'a>> {
        let (count, rest) = bytes.split_first()?;
        if usize::from(*count) > BLOCK_KEYS {
            return None;
        }
        if *count == 0 {
            return Some(Block::Long(Cursor { rest }));
        }
        let (shared, rest) = rest.split_at_checked(usize::from(*count))?;
        let (lengths, texts) = rest.split_at_checked(usize::from(*count))?;
        Some(Block::Short(Short { shared, lengths, texts }))
    }

    /// Visits for each key how many bytes it shares with the one before, and its text. Returns `false` if the
    /// block does not end where its keys do.
    fn each(self, mut visit: impl FnMut(usize, &[u8])) -> bool {
        match self {
            Block::Short(Short { shared, lengths, mut texts }) => {
                for (shared, length) in shared.iter().zip(lengths) {
                    let Some((rest, behind)) = texts.split_at_checked(usize::from(*length)) else {
                        return false;
                    };
                    visit(usize::from(*shared), rest);
                    texts = behind;
                }
                texts.is_empty()
            }
            Block::Long(mut cursor) => {
                // More keys, or longer shared parts, would let the keys of a forged block take the square of
                // its length.
                for _ in 0..BLOCK_KEYS {
                    match cursor.next().filter(|(shared, _)| *shared <= SHORT_MAX) {
                        Some((shared, rest)) => visit(shared, rest),
                        None => break,
                    }
                }
                cursor.rest.is_empty()
            }
        }
    }
}

/// A block of short keys: the numbers of all, and then the texts.
struct Short<'a> {
    shared: &'a [u8],
    lengths: &'a [u8],
    texts: &'a [u8],
}

impl<'a> Short<'a> {
    /// The text of a key, which begins at `at`.
    #[inline]
    fn rest(&self, place: usize, at: usize) -> Option<&'a [u8]> {
        self.texts.get(at..)?.get(..usize::from(*self.lengths.get(place)?))
    }

    /// The position of a key. A stored key that shares more bytes with the one before than the query does
    /// differs from the query where that one did, and is skipped; one that shares fewer is greater than the
    /// query.
    #[inline]
    fn find(&self, key: &[u8]) -> Option<u32> {
        let (mut place, mut at, mut matched) = (0usize, 0usize, 0usize);
        loop {
            let rest = self.rest(place, at)?;
            let wanted = key.get(matched..)?;
            let more = shared_words(rest, wanted);
            matched += more;
            match (rest.get(more), wanted.get(more)) {
                (None, None) => return Some(place as u32),
                (Some(byte), Some(other)) if byte > other => return None,
                (Some(_), None) => return None,
                _ => {}
            }
            let begin = place + 1;
            let skipped =
                self.shared.get(begin..)?.iter().take_while(|shared| usize::from(**shared) > matched).count();
            at += self
                .lengths
                .get(place..begin + skipped)?
                .iter()
                .map(|length| usize::from(*length))
                .sum::<usize>();
            place = begin + skipped;
            if usize::from(*self.shared.get(place)?) < matched {
                return None;
            }
        }
    }
}

/// Walks the keys of a block with a long key: how much each shares with the one before, and what follows.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let (shared, len) = (self.number()?, self.number()?);
        let (key, behind) = self.rest.split_at_checked(len)?;
        self.rest = behind;
        Some((shared, key))
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in [0, 7, 14, 21] {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= usize::from(byte & 0x7F) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// The position of a key.
    fn find(mut self, key: &[u8]) -> Option<u32> {
        let mut current = Vec::new();
        for place in 0..BLOCK_KEYS as u32 {
            let (shared, rest) = self.next()?;
            current.truncate(shared);
            current.extend_from_slice(rest);
            match current.as_slice().cmp(key) {
                Ordering::Less => {}
                Ordering::Equal => return Some(place),
                Ordering::Greater => return None,
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
        let blocks = UrlBlocks::new(&bytes);
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
    fn keys_with_long_common_prefixes_are_found() {
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
    fn blocks_with_long_keys_are_read() {
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
            let blocks = UrlBlocks::new(&bytes);
            let _ = (blocks.get(key.as_bytes()), blocks.each(|_, _| {}));
        }
    }

    #[test]
    fn no_bytes_hold_no_keys() {
        assert_eq!(UrlBlocks::new(&[]).get(b"moc.a"), None);
        assert!(UrlBlocks::new(&[]).each(|_, _| unreachable!()));
    }

    #[test]
    fn a_key_beyond_the_limit_is_an_error() {
        let long = vec![0; 1 << 28];
        assert_eq!(encode(&vec![&long[..]]).map_err(|error| error.limit), Err(KEY_MAX));
    }

    #[test]
    fn too_many_bytes_are_an_error() {
        let keys: Vec<String> = (0..200).map(|n| format!("http://evil.com/{n:03}")).collect();
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let data = u64_at(&encode(&keys).expect("small"), 32);
        assert!(encode_within(&keys, data).is_ok());
        assert_eq!(encode_within(&keys, data - 1).map_err(|error| error.size), Err(data));
    }
}
