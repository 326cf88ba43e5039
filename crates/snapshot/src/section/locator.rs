//! Where a name stands, by its hash: its spot if the name is listed, and anything if it is not.
//!
//! Whoever asks looks there and sees whether the name is it, so that what a locator says of strangers does no harm. Finding a
//! listed name takes one load, where a search waits for each of its steps: this is what makes hits fast, for some three and a half
//! bytes a name.
//!
//! The spots are not stored. The hash of a name chooses a line of 64 bytes and four of the twenty-three numbers in it, which,
//! xored, are the spot; numbers that make this true for all names of a line are found by elimination. It is the filter's idea
//! again. Some nineteen names share a line, and by chance it is more than a line can hold: then the line says which of its
//! names, by another part of their hashes, *spilled*. Those, one in twenty, are in a fuse structure behind the lines.

use super::equations::{Equations, NUMBERS};
use super::fuse::{SHAPE_LEN, Shape, Solved, solve};
use super::leaves::Spot;
use super::packed::{self, Packed};
use super::soon::soon;
use super::suffix::SuffixHash;
use crate::layout::u32_at;

const HEADER_LEN: usize = 64;
/// The length of a line, in bytes.
const LINE: usize = 64;
/// The bits of a line that hold numbers; six bits say how.
const NUMBER_BITS: usize = 8 * LINE - 6;
/// The narrowest and the widest number, in bits: no line has more than can be solved, and a word holds any wherever it begins.
const WIDTH_MIN: usize = NUMBER_BITS.div_ceil(NUMBERS);
const WIDTH_MAX: usize = 32;
/// How many seeds a line may choose from.
const SEEDS: u8 = 8;
/// How many parts names fall into, and so many of them may spill; all where it is one less.
const PARTS: u64 = 8;
const ALL_SPILLED: u8 = 7;
/// Spreads a hash to four numbers of its line.
const PLACER: u64 = 0x9E37_79B9_7F4A_7C15;

/// The bytes of a locator of names with their bytes reversed; none where it cannot be made.
pub fn encode(names: &[&[u8]], spots: &[Spot]) -> Vec<u8> {
    if names.is_empty() {
        return Vec::new();
    }
    let hashes = names.iter().map(|name| SuffixHash::of(name).number());
    let mut keys: Vec<(u64, u32)> = hashes.zip(spots.iter().map(|spot| spot.number())).collect();
    keys.sort_unstable();
    let count = keys.len();
    keys.dedup_by_key(|(hash, _)| *hash);
    let lines = Lines::for_keys(&keys);
    let mut out = Vec::with_capacity(HEADER_LEN + lines.count * LINE);
    for number in [lines.count, lines.width, count - keys.len()] {
        out.extend((number as u32).to_le_bytes());
    }
    out.resize(HEADER_LEN, 0);
    let (mut rest, mut spilled) = (keys.as_slice(), Vec::new());
    for line in 0..lines.count {
        let (mine, others) = rest.split_at(rest.partition_point(|(hash, _)| lines.line_of(*hash) <= line));
        rest = others;
        out.extend(lines.solve(mine, &mut spilled));
    }
    if spilled.is_empty() {
        return out;
    }
    let Some(Solved { shape, numbers, .. }) = solve(&spilled) else { return Vec::new() };
    shape.write(&mut out);
    out.extend(packed::encode(numbers.iter().map(|number| u64::from(*number))));
    out
}

/// How names and their numbers lie in lines.
#[derive(Clone, Copy, Debug)]
struct Lines {
    count: usize,
    /// The width of a number, in bits.
    width: usize,
    /// How many numbers a line has.
    slots: u64,
}

impl Lines {
    fn new(count: usize, width: usize) -> Lines {
        let width = width.clamp(WIDTH_MIN, WIDTH_MAX);
        Lines { count, width, slots: (NUMBER_BITS / width) as u64 }
    }

    /// Lines that are filled to five sixths on average: more would spill too many.
    fn for_keys(keys: &[(u64, u32)]) -> Lines {
        let largest = keys.iter().map(|(_, spot)| *spot).max().unwrap_or(0);
        let lines = Lines::new(0, (32 - largest.leading_zeros()) as usize);
        Lines { count: (keys.len() * 6).div_ceil(lines.slots as usize * 5), ..lines }
    }

    /// The line of a hash; hashes in order have lines in order.
    #[inline]
    fn line_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.count as u128) >> 64) as usize
    }

    /// The numbers of a hash in its line; one that occurs twice does not count.
    #[inline]
    fn places(&self, hash: u64, seed: u8) -> [u64; 4] {
        let spread = (hash ^ u64::from(seed)).wrapping_mul(PLACER);
        [16, 28, 40, 52].map(|shift| ((spread >> shift & 0xFFF) * self.slots) >> 12)
    }

    /// A line that knows these names, but for those that spill, which are as few as may be.
    fn solve(&self, names: &[(u64, u32)], spilled: &mut Vec<(u64, u32)>) -> [u8; LINE] {
        let ways = (0..=ALL_SPILLED).flat_map(|parts| (0..SEEDS).map(move |seed| (parts, seed)));
        let solved =
            ways.filter_map(|(parts, seed)| Some((parts, self.solve_with(names, seed, parts)?))).next();
        let (parts, line) = solved.unwrap_or((ALL_SPILLED, [0xFF; LINE]));
        spilled.extend(names.iter().filter(|(hash, _)| is_spilled(*hash, parts)));
        line
    }

    /// The same with this seed and so many parts that spill, if they allow it: every name is an equation of up to four numbers.
    fn solve_with(&self, names: &[(u64, u32)], seed: u8, parts: u8) -> Option<[u8; LINE]> {
        let kept = || names.iter().filter(|(hash, _)| !is_spilled(*hash, parts));
        if kept().count() as u64 > self.slots {
            return None;
        }
        let mut equations = Equations::new();
        for (hash, spot) in kept() {
            let places = self.places(*hash, seed).into_iter().fold(0u64, |mask, place| mask ^ 1 << place);
            if !equations.add(places, *spot) {
                return None;
            }
        }
        let numbers = equations.numbers();
        Some(self.line_of_numbers(numbers.get(..self.slots as usize)?, seed | parts << 3))
    }

    /// The bytes of a line, with its last six bits.
    fn line_of_numbers(&self, numbers: &[u32], how: u8) -> [u8; LINE] {
        let mut line = [0u8; LINE];
        let (mut bytes, mut pending, mut bits) = (line.iter_mut(), 0u64, 0);
        for number in numbers {
            pending |= u64::from(*number) << bits;
            bits += self.width;
            while bits >= 8 {
                bytes.next().into_iter().for_each(|byte| *byte = pending as u8);
                (pending, bits) = (pending >> 8, bits - 8);
            }
        }
        bytes.next().into_iter().for_each(|byte| *byte = pending as u8);
        line.iter_mut().last().into_iter().for_each(|byte| *byte |= how << 2);
        line
    }
}

/// Whether a name is among those that spill, where so many parts do.
#[inline]
fn is_spilled(hash: u64, parts: u8) -> bool {
    parts == ALL_SPILLED || hash % PARTS < u64::from(parts)
}

/// A locator in a file.
#[derive(Clone, Copy, Debug)]
pub struct Locator<'a> {
    shape: Lines,
    mask: u64,
    twins: u32,
    lines: &'a [[u8; LINE]],
    /// Where the names are that their lines had no room for.
    spilled_shape: Shape,
    spilled: Packed<'a>,
}

impl<'a> Locator<'a> {
    /// The locator in these bytes; `None` where they hold none.
    pub fn new(bytes: &'a [u8]) -> Option<Locator<'a>> {
        let (header, rest) = bytes.split_at_checked(HEADER_LEN)?;
        let (count, width) = (u32_at(header, 0) as usize, u32_at(header, 4) as usize);
        let shape = Lines::new(count, width);
        let (lines, spilled) = rest.split_at_checked(count.checked_mul(LINE)?)?;
        let (spilled_shape, spilled) = spilled.split_at_checked(SHAPE_LEN).unwrap_or_default();
        Some(Locator {
            shape,
            mask: u64::MAX >> (64 - shape.width),
            twins: u32_at(header, 8),
            lines: lines.as_chunks().0,
            spilled_shape: Shape::read(spilled_shape),
            spilled: Packed::new(spilled),
        })
    }

    /// Whether names share their hash with others, which it does not know.
    #[inline]
    pub fn has_twins(&self) -> bool {
        self.twins > 0
    }

    /// Says that a name will be asked.
    #[inline]
    pub fn ask_soon(&self, name: SuffixHash) {
        soon(self.lines, self.shape.line_of(name.number()));
    }

    /// Where the name with this hash stands, if it is listed.
    #[inline]
    pub fn ask(&self, name: SuffixHash) -> Spot {
        self.ask_line(name).unwrap_or_else(|| self.ask_spilled(name))
    }

    /// The same by its line alone; `None` for a name that has spilled.
    #[inline]
    pub fn ask_line(&self, name: SuffixHash) -> Option<Spot> {
        let hash = name.number();
        let line = self.lines.get(self.shape.line_of(hash))?;
        let [.., how] = *line;
        let how = how >> 2;
        if is_spilled(hash, how >> 3) {
            return None;
        }
        let places = self.shape.places(hash, how % SEEDS);
        let sum =
            places.into_iter().fold(0, |sum, place| sum ^ number_at(line, place as usize * self.shape.width));
        Some(Spot::from_number((sum & self.mask) as u32))
    }

    /// Says that a name that has spilled will be asked.
    #[inline]
    pub fn ask_spilled_soon(&self, name: SuffixHash) {
        let Locator { spilled_shape: shape, spilled, .. } = self;
        shape.places(shape.hash(name.number())).into_iter().for_each(|at| spilled.get_soon(at));
    }

    /// Where a name that has spilled stands.
    #[inline(never)]
    pub fn ask_spilled(&self, name: SuffixHash) -> Spot {
        let Locator { spilled_shape: shape, spilled, .. } = self;
        let places = shape.places(shape.hash(name.number()));
        Spot::from_number(places.into_iter().fold(0, |sum, at| sum ^ spilled.get(at) as u32))
    }
}

/// The number that begins at a bit of a line, and what follows it.
#[inline]
fn number_at(line: &[u8; LINE], bit: usize) -> u64 {
    let byte = (bit / 8).min(LINE - 8);
    let word = line.get(byte..).and_then(<[u8]>::first_chunk).map_or(0, |word| u64::from_le_bytes(*word));
    word >> ((bit - byte * 8) % 64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn located(names: &[Vec<u8>], spots: &[u32]) -> Vec<u8> {
        let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        encode(&names, &spots.iter().copied().map(Spot::from_number).collect::<Vec<_>>())
    }

    fn names(count: u32) -> Vec<Vec<u8>> {
        (0..count).map(|n| format!("moc.{n:x}").into_bytes()).collect()
    }

    #[test]
    fn every_name_is_found_and_little_is_taken() {
        for (count, bits) in [(1, 0), (30, 0), (60_000, 16), (60_000, 22), (5_000, 32)] {
            let names = names(count);
            let spots: Vec<u32> =
                (0..count).map(|n| n.wrapping_mul(0x9E37_79B9) >> (32 - bits.max(1))).collect();
            let bytes = located(&names, &spots);
            let locator = Locator::new(&bytes).expect("a locator");
            let spilled =
                names.iter().filter(|name| locator.ask_line(SuffixHash::of(name)).is_none()).count();
            for (spot, name) in spots.iter().zip(&names) {
                locator.ask_soon(SuffixHash::of(name));
                locator.ask_spilled_soon(SuffixHash::of(name));
                assert_eq!(locator.ask(SuffixHash::of(name)).number(), *spot);
            }
            assert!(spilled * 10 < names.len(), "{spilled} of {count} spilled");
            assert!(
                count < 60_000 || spilled > 0 && bytes.len() * 8 < names.len() * (bits + 7),
                "{} bytes",
                bytes.len()
            );
            assert!(!locator.has_twins());
        }
    }

    #[test]
    fn names_of_one_hash_are_told_of() {
        let names = [&b"moc.a"[..], b"moc.b", b"moc.b"].map(<[u8]>::to_vec);
        let bytes = located(&names, &[0, 1, 2]);
        let locator = Locator::new(&bytes).expect("a locator");
        assert!(locator.has_twins());
        assert_eq!(locator.ask(SuffixHash::of(b"moc.b")).number(), 1, "the first of them is known");
        assert!(Locator::new(&located(&[], &[])).is_none());
    }

    #[test]
    fn lines_of_too_many_let_all_spill() {
        let lines = Lines::new(1, 22);
        let crowd: Vec<(u64, u32)> = (0..300).map(|n| (n * 8 + 7, n as u32)).collect();
        let mut spilled = Vec::new();
        let line = lines.solve(&crowd, &mut spilled);
        assert_eq!(spilled, crowd);
        assert!(is_spilled(u64::MAX, line[LINE - 1] >> 5));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            header in proptest::collection::vec(0u32..40, 3),
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            hashes in proptest::collection::vec(any::<u64>(), 1..20),
        ) {
            let mut forged: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
            forged.resize(HEADER_LEN, 0);
            forged.extend(bytes);
            for bytes in [&forged[..], &forged[..forged.len() / 2]] {
                let Some(locator) = Locator::new(bytes) else { continue };
                for hash in hashes.iter().copied().map(SuffixHash) {
                    locator.ask_soon(hash);
                    locator.ask_spilled_soon(hash);
                    let _ = locator.ask(hash);
                }
            }
        }
    }
}
