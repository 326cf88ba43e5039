//! Which suffixes of names are worth looking for: a filter that answers nearly every miss.
//!
//! Most names that are asked are listed nowhere, nor is any ancestor of theirs. A binary fuse filter (T. Graf and D.
//! Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022) gives each suffix of an entry a byte: six bits by
//! which strangers are told, and two that say what it is: *E*, an entry, and *P*, there are entries below it. A name
//! is walked from its last label; where P says no, nothing longer need be asked, and where E says yes, the index is asked,
//! which knows exactly. Each is wrong one time in 128, and only ever by saying yes.

use crate::layout::{u32_at, u64_at};

const HEADER_LEN: usize = 24;
/// The suffix is an entry.
const ENTRY: u8 = 1;
/// There are entries below the suffix.
const PARENT: u8 = 2;
/// The bits by which strangers are told.
const PRINT: u8 = 0b1111_1100;
/// Hashes a chunk of a label into the hash of the labels before it.
const MULTIPLIER: u64 = 0xD6E8_FEB8_6659_FD93;
/// How often another seed is tried before a filter is given up, which happens to no real set of keys.
const SEEDS: u64 = 100;

/// The hash of a suffix, label by label from the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuffixHash(u64);

impl SuffixHash {
    /// The hash of the suffix that is one label longer; the label is reversed, and not empty.
    #[inline]
    pub fn then(self, label: &[u8]) -> SuffixHash {
        let (words, rest) = label.as_chunks::<8>();
        let mut hash = self.0.wrapping_add(label.len() as u64);
        for word in words {
            hash = absorb(hash, u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            hash = absorb(hash, short_word(rest));
        }
        SuffixHash(hash)
    }

    /// The hash of a whole name with its bytes reversed.
    pub fn of(name: &[u8]) -> SuffixHash {
        name.split(|byte| *byte == b'.').fold(SuffixHash::default(), SuffixHash::then)
    }

    /// The byte by which a name is told from the others of its block; independent of what the filter sees.
    #[inline]
    pub fn print(self) -> u8 {
        (self.0 >> 56) as u8
    }
}

#[inline]
fn absorb(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(MULTIPLIER);
    hash ^ hash >> 32
}

/// Up to seven bytes as a number, in loads that do not depend on one another.
#[inline]
pub(super) fn short_word(rest: &[u8]) -> u64 {
    let len = rest.len();
    let byte = |at: usize| rest.get(at).copied().map_or(0, u64::from);
    match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << (8 * (len - 4))
        }
        _ if len == 0 => 0,
        _ => byte(0) | byte(len / 2) << (8 * (len / 2)) | byte(len - 1) << (8 * (len - 1)),
    }
}

/// Spreads the bits of a number over all of it (the finisher of MurmurHash3, A. Appleby).
#[inline]
fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let number = (number ^ number >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    number ^ number >> 33
}

/// Where a filter keeps what it knows of a key: three places, one in each of three neighbouring segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    seed: u64,
    /// The length of a segment: a power of two.
    segment_len: u32,
    /// How many places the first of the three may be in.
    spread: u32,
}

impl Shape {
    fn of(keys: usize, seed: u64) -> Shape {
        let count = keys.max(2) as f64;
        let exponent = (count.ln() / 3.33f64.ln() + 2.25).floor().clamp(2.0, 18.0);
        let segment_len = 1u32 << exponent as u32;
        let factor = (0.875 + 0.25 * 1_000_000f64.ln() / count.ln()).max(1.125);
        let segments = ((count * factor).ceil() as u32).div_ceil(segment_len).saturating_sub(2).max(1);
        Shape { seed, segment_len, spread: segments * segment_len }
    }

    fn len(&self) -> usize {
        self.spread as usize + 2 * self.segment_len as usize
    }

    #[inline]
    fn places(&self, hash: u64) -> [usize; 3] {
        let first = ((u128::from(hash) * u128::from(self.spread)) >> 64) as u32;
        let mask = self.segment_len.wrapping_sub(1);
        let second = first.wrapping_add(self.segment_len) ^ (hash >> 18) as u32 & mask;
        let third = first.wrapping_add(self.segment_len.wrapping_mul(2)) ^ hash as u32 & mask;
        [first as usize, second as usize, third as usize]
    }
}

#[inline]
fn fingerprint(hash: u64) -> u8 {
    (hash ^ hash >> 32) as u8 & PRINT
}

/// Collects the suffixes of sorted names, and makes their filter.
#[derive(Default)]
pub struct SuffixKeys {
    keys: Vec<(u64, u8)>,
    /// The fewest labels that an entry has.
    labels_min: u32,
}

impl SuffixKeys {
    /// The keys of names with their bytes reversed.
    pub fn of<'k>(names: impl Iterator<Item = &'k [u8]>) -> SuffixKeys {
        let mut all = SuffixKeys { keys: Vec::new(), labels_min: u32::MAX };
        let mut before: &[u8] = &[];
        for name in names {
            all.add(name, before.iter().zip(name).take_while(|(a, b)| a == b).count());
            before = name;
        }
        all.keys.sort_unstable();
        all.keys.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 |= if same { later.1 } else { 0 };
            same
        });
        all
    }

    /// Adds a name, which shares so many bytes with the name before, and hence the parents that end within them.
    fn add(&mut self, name: &[u8], shared: usize) {
        let (mut hash, mut labels, mut end) = (SuffixHash::default(), 0, 0);
        for label in name.split(|byte| *byte == b'.') {
            hash = hash.then(label);
            labels += 1;
            end += label.len();
            if end == name.len() {
                self.keys.push((hash.0, ENTRY));
            } else if end >= shared {
                self.keys.push((hash.0, PARENT));
            }
            end += 1;
        }
        self.labels_min = self.labels_min.min(labels);
    }

    /// The bytes of the filter; none where there is nothing to be filtered, or where it cannot be made.
    pub fn encode(&self) -> Vec<u8> {
        let seeds = (1..=SEEDS).map(mixed);
        let made = seeds.map(|seed| Shape::of(self.keys.len(), seed)).find_map(|shape| {
            let fingerprints = fill(&shape, &self.keys)?;
            Some((shape, fingerprints))
        });
        let Some((shape, fingerprints)) = made.filter(|_| !self.keys.is_empty()) else { return Vec::new() };
        let mut out = Vec::with_capacity(HEADER_LEN + fingerprints.len());
        out.extend(shape.seed.to_le_bytes());
        out.extend(shape.segment_len.to_le_bytes());
        out.extend(shape.spread.to_le_bytes());
        out.extend(self.labels_min.to_le_bytes());
        out.extend(0u32.to_le_bytes());
        out.extend_from_slice(&fingerprints);
        out
    }
}

/// Gives every place a byte so that the three of each key make its fingerprint and say what it is; `None` with an unlucky
/// seed.
///
/// A place that only one key has is that key's own, whatever the others do; the key is taken away, and places of its
/// others become some other key's own. When all keys are gone, they are given their bytes in the opposite order.
fn fill(shape: &Shape, keys: &[(u64, u8)]) -> Option<Vec<u8>> {
    let mut hashes: Vec<(u64, u8)> =
        keys.iter().map(|(key, what)| (mixed(key.wrapping_add(shape.seed)), *what)).collect();
    // In the order of their first places, so that neighbours in time are neighbours in memory.
    hashes.sort_unstable();
    let mut places: Vec<Place> = vec![Place::default(); shape.len()];
    for (hash, what) in &hashes {
        for (nth, at) in shape.places(*hash).into_iter().enumerate() {
            places.get_mut(at)?.add(*hash, nth, *what);
        }
    }
    let alone = (0u32..).zip(&places).filter(|(_, place)| place.count == 1);
    let mut alone: Vec<u32> = alone.map(|(at, _)| at).collect();
    let mut order: Vec<Place> = Vec::with_capacity(hashes.len());
    while let Some(at) = alone.pop() {
        let own = *places.get(at as usize)?;
        if own.count != 1 {
            continue;
        }
        order.push(own);
        for (nth, at) in shape.places(own.hashes).into_iter().enumerate() {
            let place = places.get_mut(at)?;
            place.remove(own.hashes, nth, own.what);
            if place.count == 1 {
                alone.push(at as u32);
            }
        }
    }
    if order.len() != hashes.len() {
        return None;
    }
    let mut bytes = vec![0u8; shape.len()];
    for Place { hashes: hash, which, what, .. } in order.into_iter().rev() {
        let at = shape.places(hash);
        let others = at.iter().zip(0..).filter(|(_, nth)| *nth != which).filter_map(|(at, _)| bytes.get(*at));
        let byte = others.fold(fingerprint(hash) | what, |sum, other| sum ^ other);
        *bytes.get_mut(*at.get(usize::from(which))?)? = byte;
    }
    Some(bytes)
}

/// Which keys have a place: how many, and all of them xored together; of one key, that is what it is.
#[derive(Clone, Copy, Default)]
struct Place {
    hashes: u64,
    count: u32,
    /// Which of the key's three places it is.
    which: u8,
    /// What the key is.
    what: u8,
}

impl Place {
    fn add(&mut self, hash: u64, nth: usize, what: u8) {
        self.toggle(hash, nth, what);
        self.count += 1;
    }

    fn remove(&mut self, hash: u64, nth: usize, what: u8) {
        self.toggle(hash, nth, what);
        self.count = self.count.wrapping_sub(1);
    }

    fn toggle(&mut self, hash: u64, nth: usize, what: u8) {
        self.hashes ^= hash;
        self.which ^= nth as u8;
        self.what ^= what;
    }
}

/// What a filter says of a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said(u8);

impl Said {
    /// Nobody was asked yet.
    pub const NOTHING: Said = Said(0);
    /// There is nobody to ask.
    pub const ANYTHING: Said = Said(ENTRY | PARENT);

    /// Whether the suffix may be an entry.
    #[inline]
    pub fn may_be_entry(self) -> bool {
        self.0 & ENTRY != 0
    }

    /// Whether the suffix may have entries below it.
    #[inline]
    pub fn may_be_parent(self) -> bool {
        self.0 & PARENT != 0
    }
}

/// A filter in a file.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    shape: Shape,
    labels_min: u32,
    bytes: &'a [u8],
}

impl<'a> Filter<'a> {
    /// The filter in these bytes; `None` where they hold none.
    pub fn new(bytes: &'a [u8]) -> Option<Filter<'a>> {
        let (header, bytes) = bytes.split_at_checked(HEADER_LEN)?;
        let shape =
            Shape { seed: u64_at(header, 0), segment_len: u32_at(header, 8), spread: u32_at(header, 12) };
        Some(Filter { shape, labels_min: u32_at(header, 16), bytes })
    }

    /// The fewest labels that an entry has.
    #[inline]
    pub fn labels_min(&self) -> u32 {
        self.labels_min
    }

    /// What may be said of a suffix.
    #[inline]
    pub fn ask(&self, suffix: SuffixHash) -> Said {
        let hash = mixed(suffix.0.wrapping_add(self.shape.seed));
        let bytes = self.shape.places(hash).map(|at| self.bytes.get(at).copied().unwrap_or(0));
        let said = bytes.iter().fold(fingerprint(hash), |sum, byte| sum ^ byte);
        if said & PRINT == 0 { Said(said) } else { Said(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(names: &[Vec<u8>]) -> Vec<u8> {
        SuffixKeys::of(names.iter().map(Vec::as_slice)).encode()
    }

    fn hash(name: &[u8]) -> SuffixHash {
        SuffixHash::of(name)
    }

    #[test]
    fn nothing_that_is_there_is_ever_denied() {
        for count in [1, 2, 3, 10, 1000, 50_000] {
            let names: Vec<Vec<u8>> =
                (0..count).map(|n| format!("moc.{:x}.{n}", n % 977).into_bytes()).collect();
            let bytes = filter(&names);
            let filter = Filter::new(&bytes).expect("a filter");
            assert_eq!(filter.labels_min(), 3);
            for name in &names {
                assert!(filter.ask(hash(name)).may_be_entry());
                let parent = name.iter().rposition(|byte| *byte == b'.').map_or(&[][..], |dot| &name[..dot]);
                assert!(filter.ask(hash(parent)).may_be_parent() && filter.ask(hash(b"moc")).may_be_parent());
            }
        }
    }

    #[test]
    fn little_is_wrongly_said_to_be_there() {
        let names: Vec<Vec<u8>> = (0..20_000).map(|n| format!("moc.{n:x}").into_bytes()).collect();
        let bytes = filter(&names);
        let filter = Filter::new(&bytes).expect("a filter");
        let strangers = (0..20_000).map(|n| format!("ten.{n:x}"));
        let wrong = strangers.filter(|name| filter.ask(hash(name.as_bytes())).may_be_entry()).count();
        assert!(wrong < 300, "{wrong} of 20,000, and one in 128 is what it costs");
        assert!(bytes.len() * 8 < (names.len() + 1) * 11, "{} bytes", bytes.len());
    }

    #[test]
    fn labels_and_their_borders_count() {
        let all = [
            "moc.live",
            "mocl.ive",
            "moc.liv.e",
            "moclive",
            "moc.livf",
            "moc.lived",
            "a",
            "ab",
            "abc",
            "abcdefg",
        ];
        let hashes: std::collections::HashSet<u64> = all.iter().map(|name| hash(name.as_bytes()).0).collect();
        assert_eq!(hashes.len(), all.len());
        for len in 1..8 {
            let text = &b"abcdefg"[..len];
            let plain = text.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            assert_eq!(short_word(text), plain, "{len}");
        }
    }
}
