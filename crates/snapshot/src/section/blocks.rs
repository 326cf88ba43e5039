//! Names and URLs: sorted keys in front-coded blocks, below a small transducer.
//!
//! A transducer over all keys is as small as this, but takes twenty times as long to build, and finding one key in it
//! touches a dozen cache lines all over the file. So the transducer, the *spine*, only leads to a *group* of 64 blocks;
//! *heads*, eight bytes of each block's first key behind what all of the group share, lead to the block; and the block is
//! walked without being unpacked, because each key says how much it shares with the one before it. Groups have heads, too,
//! of sixteen bytes, so that the spine is only walked where the heads of several groups are equal. A look-up touches
//! the heads, which stay in the cache, and one block.
//!
//! An ordinal is the place of a key in the order of all: 32 to a block, so nothing need be stored for it.

use super::filter::short_word;
use super::lanes::{self, Lanes};
use crate::automaton::Automaton;
use crate::layout::{u32_at, u64_at, u128_at};
use std::cmp::Ordering;
use std::hint::select_unpredictable;
use std::ops::Range;

/// How many keys a block holds; the last one may hold fewer.
pub const BLOCK_KEYS: usize = 32;
/// How many blocks a group holds; the last one may hold fewer.
pub const GROUP_BLOCKS: usize = 64;
const HEADER_LEN: usize = 40;
const HEAD_LEN: usize = 8;
const OFFSET_LEN: usize = 4;
const GROUP_LEN: usize = 24;

/// Lays sorted, distinct keys out. `None` where the blocks would exceed four gigabytes.
pub fn encode(keys: &[&[u8]]) -> Option<Vec<u8>> {
    let blocks: Vec<&[&[u8]]> = keys.chunks(BLOCK_KEYS).collect();
    let (mut heads, mut offsets, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    let (mut prefixes, mut data) = (Vec::new(), Vec::new());
    for (at, group) in blocks.chunks(GROUP_BLOCKS).enumerate() {
        let firsts: Vec<&[u8]> = group.iter().filter_map(|block| block.first().copied()).collect();
        let shared = shared_by_all(&firsts);
        groups.extend(wide_head_of(separator(keys, at)).to_le_bytes());
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
        Some(chunk) => u64::from_le_bytes(*chunk).swap_bytes(),
        None => short_word(text).swap_bytes(),
    }
}

/// The first sixteen bytes of a text as a number that orders as they do.
#[inline]
fn wide_head_of(text: &[u8]) -> u128 {
    u128::from(head_of(text)) << 64 | u128::from(head_of(text.get(8..).unwrap_or(&[])))
}

/// The shortest text that tells a group from the one before: not greater than its first key, and greater than all keys
/// before it.
fn separator<'k>(keys: &[&'k [u8]], group: usize) -> &'k [u8] {
    let at = group * BLOCK_KEYS * GROUP_BLOCKS;
    match (at.checked_sub(1).and_then(|before| keys.get(before)), keys.get(at)) {
        (Some(before), Some(first)) => first.get(..shared(before, first) + 1).unwrap_or(first),
        _ => &[],
    }
}

/// The transducer from separator to group, of all groups but the first.
fn encode_spine(keys: &[&[u8]]) -> Vec<u8> {
    let groups = keys.len().div_ceil(BLOCK_KEYS * GROUP_BLOCKS);
    let mut builder = fst::raw::Builder::memory();
    for group in 1..groups {
        if builder.insert(separator(keys, group), group as u64).is_err() {
            debug_assert!(false, "keys are sorted and distinct");
        }
    }
    builder.into_inner().unwrap_or_default()
}

/// A block whose keys are all short has its numbers together, a byte each, so that they can be looked through without
/// touching the texts: the count, what each key shares with the one before, how many bytes follow, and these. A block
/// with a long key begins with a zero and has its numbers before each text.
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

/// The longest text, and the most that is shared, in a block of short keys.
const SHORT_MAX: usize = 255;

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
        self.among(self.group(key)?, key)
    }

    /// The last group whose separator is not greater than the key. Heads decide it, and the spine where they are equal.
    #[inline]
    pub fn group(&self, key: &[u8]) -> Option<usize> {
        let head = wide_head_of(key);
        let upper_head = (head >> 64) as u64;
        let after = passed(self.groups.len(), |at| {
            // In halves, which compile to flags; the comparison of the whole compiles to a branch.
            let (lower, upper) = self.groups.get(at).map_or((0, 0), |row| (u64_at(row, 0), u64_at(row, 8)));
            (upper < upper_head) | ((upper == upper_head) & (lower <= head as u64))
        });
        let last = after.checked_sub(1)?;
        match self.groups.get(last) {
            Some(row) if u128_at(row, 0) == head => usize::try_from(self.spine.floor(key).unwrap_or(0)).ok(),
            _ => Some(last),
        }
    }

    /// The block of a group that holds the key, if any does: the last one whose first key is not greater.
    #[inline]
    pub fn among(&self, group: usize, key: &[u8]) -> Option<u32> {
        let row = self.groups.get(group)?;
        let prefix = self.prefixes.get(u32_at(row, 16) as usize..)?.get(..u32_at(row, 20) as usize)?;
        let heads = self.heads_of(group);
        let behind = match key.get(..prefix.len()).unwrap_or(key).cmp(prefix) {
            Ordering::Less => 0,
            Ordering::Greater => heads.len(),
            Ordering::Equal => self.passed(group * GROUP_BLOCKS, heads, prefix.len(), key),
        };
        u32::try_from(group * GROUP_BLOCKS + behind.checked_sub(1)?).ok()
    }

    #[inline]
    fn heads_of(&self, group: usize) -> &'a [[u8; HEAD_LEN]] {
        let start = group.saturating_mul(GROUP_BLOCKS);
        self.heads.get(start..(start + GROUP_BLOCKS).min(self.heads.len())).unwrap_or(&[])
    }

    /// How many blocks of a group begin at or before the key.
    #[inline]
    fn passed(&self, start: usize, heads: &[[u8; HEAD_LEN]], shared: usize, key: &[u8]) -> usize {
        let head = head_of(key.get(shared..).unwrap_or(&[]));
        let after = heads.partition_point(|other| u64::from_le_bytes(*other) <= head);
        let last = after.checked_sub(1).and_then(|last| heads.get(last));
        // A key that ends within its head has no other key with the same one.
        if last.is_none_or(|last| u64_at(last, 0) != head) || key.len() < shared + HEAD_LEN {
            return after;
        }
        let before = heads.get(..after).unwrap_or(heads).partition_point(|other| u64_at(other, 0) < head);
        // Of blocks with the head of the key, their first keys decide.
        let tied: Range<usize> = start + before..start + after;
        before + partition(tied, |block| self.first_key(block).is_some_and(|first| first <= key))
    }

    /// Asks for the memory of a group's heads without waiting for it.
    #[inline]
    pub fn touch_group(&self, group: usize) -> u8 {
        let heads = self.heads_of(group).iter().step_by(64 / HEAD_LEN);
        heads.filter_map(|head| head.first()).fold(0, |sum, byte| sum ^ byte)
    }

    /// Asks for the memory of a block's offset without waiting for it.
    #[inline]
    pub fn touch_offset(&self, block: u32) -> u8 {
        self.offsets.get(block as usize).and_then(|offset| offset.first()).copied().unwrap_or(0)
    }

    fn block(&self, block: usize) -> Option<&'a [u8]> {
        let at = |at: usize| self.offsets.get(at).map(|offset| u32_at(offset, 0) as usize);
        self.data.get(at(block)?..at(block + 1)?)
    }

    /// Asks for the memory of a block without waiting for it: a byte of each of its first cache lines.
    #[inline]
    pub fn touch(&self, block: u32) -> u8 {
        let bytes = self.block(block as usize).unwrap_or(&[]);
        [0, 64, 128, 192].iter().filter_map(|at| bytes.get(*at)).fold(0, |sum, byte| sum ^ byte)
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
    pub fn find(&self, block: u32, key: &[u8]) -> Option<u32> {
        let place = match Block::open(self.block(block as usize)?)? {
            Block::Short(short) => short.find(key)?,
            Block::Long(cursor) => cursor.find(key)?,
        };
        block.checked_mul(BLOCK_KEYS as u32)?.checked_add(place)
    }

    /// The ordinal of the key in this block, where its keys have prints: only keys with the same print are looked at.
    #[inline]
    pub fn find_printed(&self, block: u32, prints: &Lanes, print: u8, key: &[u8]) -> Option<u32> {
        let start = u32_at(self.offsets.get(block as usize)?, 0) as usize;
        let Some(numbers) = Numbers::open(self.data, start) else { return self.find(block, key) };
        let mut left = lanes::equal(prints, print);
        while left != 0 {
            let place = left.trailing_zeros();
            if numbers.is_at(place as usize, key) {
                return block.checked_mul(BLOCK_KEYS as u32)?.checked_add(place);
            }
            left &= left - 1;
        }
        None
    }

    /// Visits every key in order with its ordinal. `false` if a block cannot be read, which no sound file has.
    pub fn each(&self, mut visit: impl FnMut(&[u8], u32)) -> bool {
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

/// How many of `count` positions hold, where those that hold come first. It takes the same steps whatever holds, and never
/// branches on it: half of such branches are guessed wrong, and each costs more than the step.
#[inline]
fn passed(count: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut left) = (0, count);
    while left > 0 {
        let half = left.div_ceil(2);
        low = select_unpredictable(holds(low + half - 1), low + half, low);
        left -= half;
    }
    low
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

/// A block, opened.
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
        if *count == 0 {
            return Some(Block::Long(Cursor { rest }));
        }
        let (shared, rest) = rest.split_at_checked(usize::from(*count))?;
        let (lengths, texts) = rest.split_at_checked(usize::from(*count))?;
        Some(Block::Short(Short { shared, lengths, texts }))
    }

    /// Visits what each key shares with the one before, and what follows. `false` if the block does not end where its
    /// keys do.
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
                while let Some((shared, rest)) = cursor.next() {
                    visit(shared, rest);
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

    /// The place of a key. A key that shares more with the one before than was matched differs from what is looked for
    /// where that one did, and is passed over; one that shares less is already greater.
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
            let passed =
                self.shared.get(begin..)?.iter().take_while(|shared| usize::from(**shared) > matched).count();
            at += self
                .lengths
                .get(place..begin + passed)?
                .iter()
                .map(|length| usize::from(*length))
                .sum::<usize>();
            place = begin + passed;
            if usize::from(*self.shared.get(place)?) < matched {
                return None;
            }
        }
    }
}

/// A full block of short keys, open to look at any of them.
struct Numbers<'a> {
    shared: &'a Lanes,
    lengths: &'a Lanes,
    /// The data of all blocks, and where the texts of this one begin.
    data: &'a [u8],
    texts: usize,
}

impl<'a> Numbers<'a> {
    #[inline]
    fn open(data: &'a [u8], start: usize) -> Option<Numbers<'a>> {
        let (count, rest) = data.get(start..)?.split_first()?;
        if usize::from(*count) != BLOCK_KEYS {
            return None;
        }
        let (shared, rest) = rest.split_first_chunk()?;
        let lengths = rest.first_chunk()?;
        Some(Numbers { shared, lengths, data, texts: start + 1 + 2 * BLOCK_KEYS })
    }

    /// Whether the key stands in this place. Its last bytes do, and those that it shares with the key before stand where
    /// the last key before it has them that shares less, and so on up to a key that shares none.
    #[inline]
    fn is_at(&self, mut place: usize, key: &[u8]) -> bool {
        let number = |lanes: &Lanes, at: usize| lanes.get(at).copied().map_or(0, usize::from);
        let mut end = key.len();
        if number(self.shared, place) + number(self.lengths, place) != end {
            return false;
        }
        loop {
            let from = number(self.shared, place);
            let text = self.texts + lanes::sum_of_first(self.lengths, place);
            if from > end || !is_same(self.data, text, key, from, end - from) {
                return false;
            }
            if from == 0 {
                return true;
            }
            let before = lanes::less(self.shared, from as u8) & ((1 << place) - 1);
            let Some(last) = before.checked_ilog2() else { return false };
            (place, end) = (last as usize, from);
            if number(self.shared, place) + number(self.lengths, place) < end {
                return false;
            }
        }
    }
}

/// Whether `length` bytes are the same in both texts, each from its own place.
#[inline]
fn is_same(a: &[u8], mut a_at: usize, b: &[u8], mut b_at: usize, mut length: usize) -> bool {
    while length > 8 {
        if word_at(a, a_at) != word_at(b, b_at) {
            return false;
        }
        (a_at, b_at, length) = (a_at + 8, b_at + 8, length - 8);
    }
    let differ = word_at(a, a_at) ^ word_at(b, b_at);
    length == 0 || differ << (64 - 8 * length) == 0
}

/// The eight bytes at `at`; zeros where the text ends before.
#[inline]
fn word_at(text: &[u8], at: usize) -> u64 {
    if let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk) {
        return u64::from_le_bytes(*word);
    }
    let rest = text.len().saturating_sub(at);
    match text.last_chunk::<8>() {
        Some(word) if rest > 0 => u64::from_le_bytes(*word) >> (8 * (8 - rest)),
        _ => text.get(at..).unwrap_or(&[]).iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
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

    /// The place of a key.
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
