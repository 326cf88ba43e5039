//! Values by the hashes of their keys, without the keys: three places for each key, whose numbers, xored, are its value.
//!
//! A binary fuse structure (T. Graf and D. Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022) takes an
//! eighth more places than there are keys. A stranger gets a number, too, so whoever asks must be able to tell.

use crate::layout::{u32_at, u64_at};

/// How many bytes state a shape.
pub(super) const SHAPE_LEN: usize = 16;
/// How often another seed is tried before a structure is given up, which happens to no set of distinct keys.
const SEEDS: u64 = 100;

/// Spreads the bits of a number over all of it (the finisher of MurmurHash3, A. Appleby).
#[inline]
pub(super) fn mixed(number: u64) -> u64 {
    let number = (number ^ number >> 33).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let number = (number ^ number >> 33).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    number ^ number >> 33
}

/// Where the three places of a key are: one in each of three neighbouring segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
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

    /// The shape that begins these bytes.
    pub(super) fn read(bytes: &[u8]) -> Shape {
        Shape { seed: u64_at(bytes, 0), segment_len: u32_at(bytes, 8), spread: u32_at(bytes, 12) }
    }

    /// Puts its bytes down.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.seed.to_le_bytes());
        out.extend(self.segment_len.to_le_bytes());
        out.extend(self.spread.to_le_bytes());
    }

    fn len(&self) -> usize {
        self.spread as usize + 2 * self.segment_len as usize
    }

    /// The hash by which a key has its places.
    #[inline]
    pub(super) fn hash(&self, key: u64) -> u64 {
        mixed(key.wrapping_add(self.seed))
    }

    /// The places of a hash.
    #[inline]
    pub(super) fn places(&self, hash: u64) -> [usize; 3] {
        let first = ((u128::from(hash) * u128::from(self.spread)) >> 64) as u32;
        let mask = self.segment_len.wrapping_sub(1);
        let second = first.wrapping_add(self.segment_len) ^ (hash >> 18) as u32 & mask;
        let third = first.wrapping_add(self.segment_len.wrapping_mul(2)) ^ hash as u32 & mask;
        [first as usize, second as usize, third as usize]
    }
}

/// The numbers of all places for keys with their values.
pub(super) struct Solved {
    pub(super) shape: Shape,
    pub(super) numbers: Vec<u32>,
}

/// Finds the numbers for distinct keys; `None` where there are none, and where no seed will do.
pub(super) fn solve(keys: &[(u64, u32)]) -> Option<Solved> {
    let seeds = (1..=SEEDS).map(mixed).take(if keys.is_empty() { 0 } else { usize::MAX });
    seeds.map(|seed| Shape::of(keys.len(), seed)).find_map(|shape| {
        let mut hashed: Vec<(u64, u32)> =
            keys.iter().map(|(key, value)| (shape.hash(*key), *value)).collect();
        // In the order of their first places, so that neighbours in time are neighbours in memory.
        hashed.sort_unstable();
        Some(Solved { numbers: fill(&shape, hashed)?, shape })
    })
}

/// Gives every place a number so that the three of each key make its value; `None` with an unlucky seed.
///
/// A place that only one key has is that key's own, whatever the others do; the key is taken away, and places of its
/// others become some other key's own. When all keys are gone, they are given their numbers in the opposite order.
fn fill(shape: &Shape, hashed: Vec<(u64, u32)>) -> Option<Vec<u32>> {
    let mut places: Vec<Place> = vec![Place::default(); shape.len()];
    for (hash, value) in &hashed {
        for (nth, at) in shape.places(*hash).into_iter().enumerate() {
            places.get_mut(at)?.add(*hash, nth, *value)?;
        }
    }
    let count = hashed.len();
    drop(hashed);
    let alone = (0u32..).zip(&places).filter(|(_, place)| place.count == 1);
    let mut alone: Vec<u32> = alone.map(|(at, _)| at).collect();
    let mut order: Vec<Place> = Vec::with_capacity(count);
    while let Some(at) = alone.pop() {
        let own = *places.get(at as usize)?;
        if own.count != 1 {
            continue;
        }
        order.push(own);
        for (nth, at) in shape.places(own.hashes).into_iter().enumerate() {
            let place = places.get_mut(at)?;
            place.remove(own.hashes, nth, own.values);
            if place.count == 1 {
                alone.push(at as u32);
            }
        }
    }
    if order.len() != count {
        return None;
    }
    let mut numbers = vec![0; shape.len()];
    for Place { hashes: hash, which, values: value, .. } in order.into_iter().rev() {
        let at = shape.places(hash);
        let others =
            at.iter().zip(0..).filter(|(_, nth)| *nth != which).filter_map(|(at, _)| numbers.get(*at));
        let number = others.fold(value, |sum, other| sum ^ other);
        *numbers.get_mut(*at.get(usize::from(which))?)? = number;
    }
    Some(numbers)
}

/// Which keys have a place: how many, and all of them xored together; of one key, that is what it is.
#[derive(Clone, Copy, Default)]
struct Place {
    hashes: u64,
    values: u32,
    count: u16,
    /// Which of the key's three places it is.
    which: u8,
}

impl Place {
    /// `None` where more keys crowd than any seed that will do makes them.
    fn add(&mut self, hash: u64, nth: usize, value: u32) -> Option<()> {
        self.toggle(hash, nth, value);
        self.count = self.count.checked_add(1)?;
        Some(())
    }

    fn remove(&mut self, hash: u64, nth: usize, value: u32) {
        self.toggle(hash, nth, value);
        self.count = self.count.wrapping_sub(1);
    }

    fn toggle(&mut self, hash: u64, nth: usize, value: u32) {
        self.hashes ^= hash;
        self.which ^= nth as u8;
        self.values ^= value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_value() {
        for count in [1u32, 2, 3, 10, 1000, 100_000] {
            let keys: Vec<(u64, u32)> = (0..count).map(|at| (mixed(u64::from(at)), at * 7)).collect();
            let Solved { shape, numbers } = solve(&keys).expect("keys");
            for (key, value) in &keys {
                let places = shape.places(shape.hash(*key));
                assert_eq!(places.iter().fold(0, |sum, at| sum ^ numbers[*at]), *value);
            }
            assert!(count < 10_000 || numbers.len() < count as usize * 13 / 10, "{} places", numbers.len());
            let mut bytes = Vec::new();
            shape.write(&mut bytes);
            assert_eq!((Shape::read(&bytes), bytes.len()), (shape, SHAPE_LEN));
        }
    }

    #[test]
    fn nothing_has_no_places() {
        assert!(
            solve(&[]).is_none() && solve(&[(5, 1), (5, 2)]).is_none(),
            "and no seed tells a key from itself"
        );
    }
}
