//! Where a name stands, by its hash: its spot if the name is listed, and anything if it is not.
//!
//! Whoever asks looks there and sees whether the name is it, so that what a locator says of strangers does no harm. Finding a
//! listed name takes three loads that do not wait for each other, where a search waits for each of its steps: this is what
//! makes hits fast, for three bytes a name.

use super::fuse::{SHAPE_LEN, Shape, Solved, solve};
use super::leaves::Spot;
use super::packed::{self, Packed};
use super::suffix::SuffixHash;
use crate::layout::u32_at;

const HEADER_LEN: usize = SHAPE_LEN + 8;

/// The bytes of a locator of names with their bytes reversed; none where it cannot be made.
pub fn encode(names: &[&[u8]], spots: &[Spot]) -> Vec<u8> {
    let hashes = names.iter().map(|name| SuffixHash::of(name).number());
    let keys: Vec<(u64, u32)> = hashes.zip(spots.iter().map(|spot| spot.number())).collect();
    let Some(Solved { shape, numbers, twins }) = solve(&keys) else { return Vec::new() };
    let mut out = Vec::new();
    shape.write(&mut out);
    out.extend((twins as u32).to_le_bytes());
    out.extend(0u32.to_le_bytes());
    out.extend(packed::encode(numbers.iter().map(|number| u64::from(*number))));
    out
}

/// A locator in a file.
#[derive(Clone, Copy, Debug)]
pub struct Locator<'a> {
    shape: Shape,
    twins: u32,
    numbers: Packed<'a>,
}

impl<'a> Locator<'a> {
    /// The locator in these bytes; `None` where they hold none.
    pub fn new(bytes: &'a [u8]) -> Option<Locator<'a>> {
        let (header, numbers) = bytes.split_at_checked(HEADER_LEN)?;
        let twins = u32_at(header, SHAPE_LEN);
        Some(Locator { shape: Shape::read(header), twins, numbers: Packed::new(numbers) })
    }

    /// Whether names share their hash with others, which it does not know.
    #[inline]
    pub fn has_twins(&self) -> bool {
        self.twins > 0
    }

    /// Says that a name will be asked.
    #[inline]
    pub fn ask_soon(&self, name: SuffixHash) {
        let places = self.shape.places(self.shape.hash(name.number()));
        places.into_iter().for_each(|at| self.numbers.get_soon(at));
    }

    /// Where the name with this hash stands, if it is listed.
    #[inline]
    pub fn ask(&self, name: SuffixHash) -> Spot {
        let places = self.shape.places(self.shape.hash(name.number()));
        Spot::from_number(places.into_iter().fold(0, |sum, at| sum ^ self.numbers.get(at) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_and_little_is_taken() {
        let names: Vec<Vec<u8>> = (0..60_000).map(|n| format!("moc.{n:x}").into_bytes()).collect();
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let spots: Vec<Spot> = (0..60_000).map(Spot::from_number).collect();
        let bytes = encode(&names, &spots);
        let locator = Locator::new(&bytes).expect("a locator");
        for (spot, name) in spots.iter().zip(&names) {
            assert_eq!(locator.ask(SuffixHash::of(name)), *spot);
        }
        assert!(!locator.has_twins() && bytes.len() * 8 < names.len() * 20, "{} bytes", bytes.len());
    }

    #[test]
    fn names_of_one_hash_are_told_of() {
        let names = [b"moc.a".as_slice(), b"moc.b", b"moc.b"];
        let bytes = encode(&names, &[0, 1, 2].map(Spot::from_number));
        let locator = Locator::new(&bytes).expect("a locator");
        assert!(locator.has_twins());
        assert_eq!(locator.ask(SuffixHash::of(b"moc.b")).number(), 1, "the first of them is known");
        assert!(Locator::new(&encode(&[], &[])).is_none());
    }
}
