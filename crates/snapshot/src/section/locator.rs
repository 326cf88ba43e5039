//! Where a name stands, by its hash: its spot if the name is listed, and anything if it is not.
//!
//! Whoever asks looks there and sees whether the name is it, so that what a locator says of strangers does no harm. Finding a
//! listed name takes one load, where a search waits for each of its steps: this is what makes hits fast, for some three and a
//! half bytes a name.
//!
//! The spots are not stored. The hash of a name chooses a line of 64 bytes and four of its numbers, which, xored, are the
//! spot: the filter's idea again. A line has twenty-three numbers of 22 bits, or more that are narrower, and some nineteen
//! names. By chance there are more than it can hold: then it says which of its names, by another part of their hashes,
//! *spilled*. Those, one in twenty, are in a fuse structure behind the lines.
//!
//! Two names with one hash cannot both be known. Their spot is one where no name stands, and the spine finds them, which takes
//! longer; nobody else is the slower for them.

use super::fuse::{SHAPE_LEN, Shape, Solved, solve};
use super::leaves::Spot;
use super::lines::{Equations, LINE, NUMBERS, in_lines, line_of, spread};
use super::packed::{self, Bits, Packed};
use super::soon::soon;
use super::suffix::SuffixHash;
use crate::layout::u32_at;

const HEADER_LEN: usize = 64;
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

/// The bytes of a locator of names with their bytes reversed; none where it cannot be made.
pub fn encode(names: &[&[u8]], spots: &[Spot]) -> Vec<u8> {
    if names.is_empty() {
        return Vec::new();
    }
    let hashes = names.iter().map(|name| SuffixHash::of(name).number());
    let mut keys: Vec<(u64, u32)> = hashes.zip(spots.iter().map(|spot| spot.number())).collect();
    keys.sort_unstable();
    keys.dedup_by(|(hash, _), (before, spot)| {
        let are_twins = hash == before;
        *spot = if are_twins { Spot::OF_TWINS.number() } else { *spot };
        are_twins
    });
    let lines = Lines::for_keys(&keys);
    let mut out = Vec::with_capacity(HEADER_LEN + lines.count * LINE);
    for number in [lines.count, lines.width] {
        out.extend((number as u32).to_le_bytes());
    }
    out.resize(HEADER_LEN, 0);
    let mut spilled = Vec::new();
    in_lines(&keys, lines.count).for_each(|names| out.extend(lines.solve(names, &mut spilled)));
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

    /// The numbers of a hash in its line; one that occurs twice does not count.
    #[inline]
    fn places(&self, hash: u64, seed: u8) -> [usize; 4] {
        let spread = spread(hash, seed);
        [16, 28, 40, 52].map(|shift| (((spread >> shift & 0xFFF) * self.slots) >> 12) as usize)
    }

    /// A line that knows these names, but for those that spill, which are as few as may be.
    fn solve(&self, names: &[(u64, u32)], spilled: &mut Vec<(u64, u32)>) -> [u8; LINE] {
        let ways = (0..ALL_SPILLED).flat_map(|parts| (0..SEEDS).map(move |seed| (parts, seed)));
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
        if !kept().all(|(hash, spot)| equations.add(self.places(*hash, seed), *spot)) {
            return None;
        }
        let numbers = equations.numbers();
        Some(self.line_of_numbers(numbers.get(..self.slots as usize)?, seed | parts << 3))
    }

    /// The bytes of a line, with its last six bits.
    fn line_of_numbers(&self, numbers: &[u32], how: u8) -> [u8; LINE] {
        let mut bits = Bits::default();
        numbers.iter().for_each(|number| bits.put((*number).into(), self.width));
        let mut line = [0; LINE];
        line.iter_mut().zip(bits.finish()).for_each(|(place, byte)| *place = byte);
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
            lines: lines.as_chunks().0,
            spilled_shape: Shape::read(spilled_shape),
            spilled: Packed::new(spilled),
        })
    }

    /// Says that a name will be asked.
    #[inline]
    pub fn ask_soon(&self, name: SuffixHash) {
        soon(self.lines, line_of(name.number(), self.lines.len()));
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
        let line = self.lines.get(line_of(hash, self.lines.len()))?;
        let [.., how] = *line;
        let how = how >> 2;
        if is_spilled(hash, how >> 3) {
            return None;
        }
        let places = self.shape.places(hash, how % SEEDS);
        let sum = places.into_iter().fold(0, |sum, place| sum ^ number_at(line, place * self.shape.width));
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
        }
    }

    #[test]
    fn names_of_one_hash_are_told_of() {
        let names = [&b"moc.a"[..], b"moc.b", b"moc.b", b"moc.b", b"moc.c"].map(<[u8]>::to_vec);
        let bytes = located(&names, &[0, 1, 2, 3, 4]);
        let locator = Locator::new(&bytes).expect("a locator");
        let asked = ["moc.a", "moc.b", "moc.c"].map(|name| locator.ask(SuffixHash::of(name.as_bytes())));
        assert_eq!(asked, [Spot::from_number(0), Spot::OF_TWINS, Spot::from_number(4)]);
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
            header in (0u32..7, 0u32..40),
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            hashes in proptest::collection::vec(any::<u64>(), 1..20),
        ) {
            let mut forged = [header.0, header.1].map(u32::to_le_bytes).concat();
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
