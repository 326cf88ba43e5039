//! Names in leaves: front-coded, their texts in a prefix code, in two cache lines each.
//!
//! A *leaf* is 128 bytes: the ordinal of its first name, where the text of each name ends, how many bits it shares with the
//! name before, and the texts. As many names go into a leaf as fit, some seventeen. The name in a given place is compared with
//! a question from its end to its beginning: its own text, then that of the last name before it that shares less, and so on
//! to one that shares nothing. All is counted in bits of the code: a question is put into code once, and its bytes are not
//! looked at again. With a locator that gives the place, all that finding a name waits for is one leaf. A transducer, the
//! *spine*, leads from any key to its group of leaves; it serves where there is no locator, and is what the locator is compared
//! with.
//!
//! An ordinal is the number of a name in the order of all, with their bytes reversed.

use super::code::{self, CODES_LEN, Coded, Codes, Decoder, TEXT_MAX, Text, Texts, UNIT};
use super::lanes;
use super::soon::soon;
use super::spine::{self, shared};
use crate::automaton::Automaton;
use crate::layout::{u16_at, u32_at, u64_at};
use std::cmp::Ordering;

/// The length of a leaf, in bytes.
const LEAF_LEN: usize = 128;
/// How many names a leaf holds at most: their numbers are read thirty-two bytes at a time.
const NAMES_MAX: usize = 31;
/// How many leaves a group of the spine holds; the last one may hold fewer.
const GROUP_LEAVES: usize = 16;
const HEADER_LEN: usize = 64;
/// Where a leaf has its numbers: behind the ordinal.
const NUMBERS_AT: usize = 4;
/// How many bits a name shares at most, as a byte counts them.
const SHARE_MAX: usize = 255;
/// How many units a byte has.
const UNITS: usize = 8 / UNIT;
/// Zeros behind the texts, so that the last of them can be read in words.
const TAIL_LEN: usize = 8;

/// Where a name stands: the number of its leaf, and its place there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot(u32);

impl Spot {
    /// Where names of one hash are said to stand. None does; the spine finds them.
    pub const OF_TWINS: Spot = Spot(NAMES_MAX as u32);
    const PLACE_BITS: u32 = NAMES_MAX.count_ones();

    fn new(leaf: usize, place: usize) -> Option<Spot> {
        let leaf = u32::try_from(leaf).ok().filter(|leaf| leaf >> (32 - Spot::PLACE_BITS) == 0)?;
        Some(Spot(leaf << Spot::PLACE_BITS | place as u32))
    }

    /// The spot with this number.
    #[inline]
    pub fn from_number(number: u32) -> Spot {
        Spot(number)
    }

    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }

    #[inline]
    fn leaf(self) -> usize {
        (self.0 >> Spot::PLACE_BITS) as usize
    }

    #[inline]
    fn place(self) -> usize {
        self.0 as usize & NAMES_MAX
    }
}

/// Names, laid out.
pub struct LeafBytes {
    /// The section.
    pub section: Vec<u8>,
    /// Where each name stands, in their order.
    pub spots: Vec<Spot>,
}

/// Lays sorted, distinct names out, with their bytes reversed. `None` where one is longer than names are, or where there are
/// too many.
pub fn encode(names: &[&[u8]]) -> Option<LeafBytes> {
    let table = code::encode(&occurrences(names));
    let mut writer =
        Writer { codes: Codes::new(&table), leaves: Vec::new(), long: Vec::new(), starts: Vec::new() };
    let (mut rest, mut spots) = (names, Vec::with_capacity(names.len()));
    while !rest.is_empty() {
        let leaf = writer.starts.len();
        let taken = writer.leaf(rest, spots.len() as u32)?;
        writer.starts.push(spots.len());
        for place in 0..taken {
            spots.push(Spot::new(leaf, place)?);
        }
        rest = rest.get(taken..)?;
    }
    let groups: Vec<usize> = writer.starts.iter().copied().step_by(GROUP_LEAVES).collect();
    let spine = spine::encode(names, &groups);
    let mut section = Vec::with_capacity(writer.leaves.len() + spine.len() + writer.long.len() + 1024);
    for number in [names.len(), writer.starts.len(), spine.len(), writer.long.len()] {
        section.extend((number as u64).to_le_bytes());
    }
    section.resize(HEADER_LEN, 0);
    for part in [&table, &writer.leaves, &spine, &writer.long] {
        section.extend_from_slice(part);
    }
    section.resize(section.len() + TAIL_LEN, 0);
    Some(LeafBytes { section, spots })
}

/// How often each byte occurs in what names do not share with those before them.
fn occurrences(names: &[&[u8]]) -> [u64; 256] {
    let mut occurs = [0; 256];
    let mut before: &[u8] = &[];
    for name in names {
        for byte in name.get(shared(before, name)..).unwrap_or(&[]) {
            occurs.iter_mut().skip(usize::from(*byte)).take(1).for_each(|times| *times += 1);
        }
        before = name;
    }
    // The first name of a leaf shares nothing, and what it would have shared is made of the same bytes.
    names.iter().step_by(16).flat_map(|name| name.iter()).for_each(|byte| {
        occurs.iter_mut().skip(usize::from(*byte)).take(1).for_each(|times| *times += 1);
    });
    occurs
}

struct Writer<'c> {
    codes: Codes<'c>,
    leaves: Vec<u8>,
    /// Texts that no leaf has room for.
    long: Vec<u8>,
    /// The first name of each leaf.
    starts: Vec<usize>,
}

impl Writer<'_> {
    /// Puts as many names into a leaf as fit. Returns how many.
    fn leaf(&mut self, names: &[&[u8]], ordinal: u32) -> Option<usize> {
        let (mut ends, mut shares, mut texts) = (Vec::new(), Vec::new(), Texts::default());
        let mut before: &[u8] = &[];
        for name in names.iter().take(NAMES_MAX) {
            let (share, bits) = if ends.is_empty() { (0, 0) } else { self.share(before, name)? };
            let text = name.get(share..)?;
            let units = self.codes.bits(text)?.div_ceil(UNIT) + texts.units();
            if begin(ends.len() + 1) + units >= LEAF_LEN * UNITS || name.len() > TEXT_MAX {
                break;
            }
            texts.push(self.codes, text)?;
            ends.push(units);
            shares.push(bits as u8);
            before = name;
        }
        let end = self.leaves.len() + LEAF_LEN;
        self.leaves.extend(ordinal.to_le_bytes());
        let begin = begin(ends.len());
        self.leaves.extend([0].iter().chain(&ends).map(|units| (begin + units) as u8));
        if ends.is_empty() {
            self.long(names.first()?)?;
        } else {
            self.leaves.extend(shares);
            self.leaves.extend(texts.finish());
        }
        self.leaves.resize(end, 0);
        Some(ends.len().max(1))
    }

    /// How much a name shares with the one before, in bytes and in bits.
    fn share(&self, before: &[u8], name: &[u8]) -> Option<(usize, usize)> {
        let common = name.get(..shared(before, name))?;
        let mut bits = self.codes.bits(common)?;
        for (end, byte) in common.iter().enumerate().rev() {
            if bits <= SHARE_MAX {
                return Some((end + 1, bits));
            }
            bits -= self.codes.bits(std::slice::from_ref(byte))?;
        }
        Some((0, 0))
    }

    /// A leaf of one name says where its text is, and how many units that takes.
    fn long(&mut self, name: &[u8]) -> Option<()> {
        let mut bits = Texts::default();
        bits.push(self.codes, name).filter(|()| name.len() <= TEXT_MAX)?;
        self.leaves.extend(u32::try_from(self.long.len()).ok()?.to_le_bytes());
        self.leaves.extend((bits.units() as u16).to_le_bytes());
        self.long.extend(bits.finish());
        Some(())
    }
}

/// Where the texts of a leaf of so many names begin, in units.
#[inline]
fn begin(names: usize) -> usize {
    (NUMBERS_AT + 1 + 2 * names) * UNITS
}

/// How leaves say where their texts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// Where each text ends, in units, and how many bits it shares.
    Ends,
    /// In older files: how long each is, in units of two bits, and how many bytes it shares.
    Lengths,
}

/// A section of leaves in a file.
#[derive(Clone, Copy, Debug)]
pub struct Leaves<'a> {
    layout: Layout,
    count: u64,
    codes: Codes<'a>,
    leaves: &'a [[u8; LEAF_LEN]],
    /// The leaves and what follows them, so that the end of the last one can be read in words.
    data: &'a [u8],
    spine: Automaton<'a>,
    long: &'a [u8],
}

impl<'a> Leaves<'a> {
    /// The leaves in these bytes; `None` where they hold none.
    pub fn new(bytes: &'a [u8]) -> Option<Leaves<'a>> {
        Leaves::laid_out(Layout::Ends, bytes)
    }

    /// Leaves as they are in older files. A locator says nothing of them.
    pub fn older(bytes: &'a [u8]) -> Option<Leaves<'a>> {
        Leaves::laid_out(Layout::Lengths, bytes)
    }

    fn laid_out(layout: Layout, bytes: &'a [u8]) -> Option<Leaves<'a>> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_LEN)?;
        let mut take = |length: usize| {
            let (part, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(part)
        };
        let stated = |at: usize| usize::try_from(u64_at(header, at)).ok();
        let codes = Codes::new(take(CODES_LEN)?);
        let data = bytes.get(HEADER_LEN + CODES_LEN..)?;
        // Bits of it are counted, too.
        let leaves = take(stated(8)?.checked_mul(LEAF_LEN * 8)? / 8)?.as_chunks().0;
        let spine = Automaton::new(take(stated(16)?)?);
        let long = take(stated(24)?.checked_add(TAIL_LEN)?)?;
        Some(Leaves { layout, count: u64_at(header, 0), codes, leaves, data, spine, long })
    }

    /// The number of names that it says it has.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Puts a question into the code of the leaves.
    #[inline]
    pub(super) fn code(&self, name: &[u8], coded: &mut Coded) {
        coded.set(self.codes, name);
    }

    #[inline]
    fn leaf(&self, at: usize) -> Option<Leaf<'a>> {
        let bytes = self.leaves.get(at)?;
        let first = usize::from(*bytes.get(NUMBERS_AT)?);
        let names = match self.layout {
            Layout::Ends => first.saturating_sub(begin(0)) / (2 * UNITS),
            Layout::Lengths => first,
        };
        let Leaves { layout, codes, data, long, .. } = *self;
        Some(Leaf { layout, bytes, names: names.min(NAMES_MAX), codes, data, start: at * LEAF_LEN, long })
    }

    /// Says that a spot will be looked at.
    #[inline]
    pub(super) fn look_soon(&self, spot: Spot) {
        let start = spot.leaf().saturating_mul(LEAF_LEN);
        soon(self.data, start);
        soon(self.data, start.saturating_add(LEAF_LEN / 2));
    }

    /// The ordinal of a question, if it stands there.
    #[inline]
    pub(super) fn at(&self, spot: Spot, question: &Coded) -> Option<u32> {
        let (leaf, len) = (self.leaf(spot.leaf())?, question.len()?);
        let is_there = match leaf.names {
            0 => spot.place() == 0 && leaf.is_long(question, len),
            names => spot.place() < names && leaf.is_at(spot.place(), question, len),
        };
        is_there.then(|| leaf.ordinal().wrapping_add(spot.place() as u32))
    }

    /// The group of the spine that would hold a name.
    fn group(&self, name: &[u8]) -> Option<usize> {
        usize::try_from(self.spine.floor(name, TEXT_MAX).unwrap_or(0)).ok()
    }

    /// Whether the spine leads a name to the group of its spot.
    pub fn is_led_to(&self, name: &[u8], spot: Spot) -> bool {
        self.group(name) == Some(spot.leaf() / GROUP_LEAVES)
    }

    /// The ordinal of exactly this name, by the spine.
    pub fn get(&self, name: &[u8]) -> Option<u32> {
        let first = self.group(name)?.checked_mul(GROUP_LEAVES)?;
        let (decoder, mut key) = (Decoder::new(self.codes), Text::default());
        let (mut low, mut high) = (first, first.checked_add(GROUP_LEAVES)?.min(self.leaves.len()));
        while low < high {
            let middle = low + (high - low) / 2;
            key.clear();
            self.leaf(middle).filter(|leaf| leaf.read(0, &decoder, &mut key))?;
            (low, high) = if key.bytes() <= name { (middle + 1, high) } else { (low, middle) };
        }
        let mut found = None;
        self.leaf(low.checked_sub(1)?)?.each(&decoder, |key, ordinal| match key.cmp(name) {
            Ordering::Less => true,
            order => {
                found = (order == Ordering::Equal).then_some(ordinal);
                false
            }
        })?;
        found
    }

    /// Visits every name in order with its ordinal. `false` if a leaf cannot be read, which no sound file has.
    pub fn each(&self, mut visit: impl FnMut(&[u8], u32)) -> bool {
        let decoder = Decoder::new(self.codes);
        self.codes.are_sound(self.layout.unit() - 1)
            && (0..self.leaves.len()).filter_map(|at| self.leaf(at)).all(|leaf| {
                let all = leaf.each(&decoder, |key, ordinal| {
                    visit(key, ordinal);
                    true
                });
                all.is_some()
            })
    }
}

/// A leaf, open to look at any of its names.
#[derive(Clone, Copy)]
struct Leaf<'a> {
    layout: Layout,
    bytes: &'a [u8; LEAF_LEN],
    /// How many names it holds; 0 if it holds one that is long.
    names: usize,
    codes: Codes<'a>,
    /// The bytes of all leaves, and where those of this one begin.
    data: &'a [u8],
    start: usize,
    /// All long texts.
    long: &'a [u8],
}

impl Leaf<'_> {
    /// The ordinal of its first name.
    #[inline]
    fn ordinal(&self) -> u32 {
        u32_at(self.bytes, 0)
    }

    /// A number of the leaf.
    #[inline]
    fn number(&self, nth: usize) -> usize {
        self.bytes.get(NUMBERS_AT + nth).copied().map_or(0, usize::from)
    }

    /// How many bits a name shares with the one before.
    #[inline]
    fn share(&self, place: usize) -> usize {
        self.number(1 + self.names + place)
    }

    /// The bit of all leaves at which the text of a name begins, and how many it takes.
    #[inline]
    fn text(&self, place: usize) -> (usize, usize) {
        let (begin, end) = (self.number(place), self.number(place + 1));
        (self.start * 8 + begin * UNIT, end.saturating_sub(begin) * UNIT)
    }

    /// The last place before this one whose name shares less than so many bits.
    #[inline]
    fn last_sharing_less(&self, place: usize, shared: usize) -> Option<usize> {
        let shares = self.bytes.get(NUMBERS_AT + 1 + self.names..).and_then(<[u8]>::first_chunk);
        let less = lanes::less(shares.unwrap_or(&[0; 32]), shared as u8);
        (less & ((1 << place) - 1)).checked_ilog2().map(|last| last as usize)
    }

    /// Whether the name in this place is a question of so many bits.
    #[inline]
    fn is_at(&self, mut place: usize, question: &Coded, len: usize) -> bool {
        let mut from = self.share(place);
        let (at, taken) = self.text(place);
        // With the spare bits, in which a longer text would not be all zeros.
        if from > len
            || taken != (len - from).next_multiple_of(UNIT)
            || !question.is_at(self.data, at, from, taken)
        {
            return false;
        }
        while from > 0 {
            let Some(before) = self.last_sharing_less(place, from) else { return false };
            let (upto, (at, taken)) = (from, self.text(before));
            (place, from) = (before, self.share(before));
            if upto - from > taken || !question.is_at(self.data, at, from, upto - from) {
                return false;
            }
        }
        true
    }

    /// Where the text of the long name begins among all long texts, in bits, and how many it takes.
    fn long_text(&self) -> (usize, usize) {
        let units = usize::from(u16_at(self.bytes, NUMBERS_AT + 5));
        ((u32_at(self.bytes, NUMBERS_AT + 1) as usize).wrapping_mul(8), units * self.layout.unit())
    }

    #[cold]
    fn is_long(self, question: &Coded, len: usize) -> bool {
        let (at, taken) = self.long_text();
        taken == len.next_multiple_of(UNIT) && question.is_at(self.long, at, 0, taken)
    }

    /// Visits its names while `visit` wants more of them. `None` if they cannot be read.
    fn each(&self, decoder: &Decoder, mut visit: impl FnMut(&[u8], u32) -> bool) -> Option<()> {
        let mut key = Text::default();
        for place in 0..self.names.max(1) {
            let ordinal = self.ordinal().wrapping_add(place as u32);
            key.truncate(self.shared_bytes(place, key.bytes())?)?;
            if !self.read(place, decoder, &mut key) {
                return None;
            }
            if !visit(key.bytes(), ordinal) {
                break;
            }
        }
        Some(())
    }

    /// How many bytes a name shares with the one before, which is this.
    fn shared_bytes(&self, place: usize, before: &[u8]) -> Option<usize> {
        match self.layout {
            _ if self.names == 0 => Some(0),
            Layout::Ends => self.codes.bytes(before, self.share(place)),
            Layout::Lengths => Some(self.share(place)),
        }
    }

    /// Puts what a name does not share behind `key`.
    fn read(&self, place: usize, decoder: &Decoder, key: &mut Text) -> bool {
        let (at, bits) = match self.layout {
            _ if self.names == 0 => self.long_text(),
            Layout::Ends => self.text(place),
            Layout::Lengths => self.older_text(place),
        };
        let texts = if self.names == 0 { self.long } else { self.data };
        decoder.read(texts, at, bits, key)
    }

    /// The bit at which the text of a name begins, and how many it takes, where lengths are stated.
    fn older_text(&self, place: usize) -> (usize, usize) {
        let lengths =
            |places: std::ops::Range<usize>| places.map(|place| self.number(1 + place)).sum::<usize>();
        let begin = (self.start + NUMBERS_AT + 1 + 2 * self.names) * 8;
        let unit = self.layout.unit();
        (begin + lengths(0..place) * unit, lengths(place..place + 1) * unit)
    }
}

impl Layout {
    /// How many bits texts are counted in.
    #[inline]
    fn unit(self) -> usize {
        match self {
            Layout::Ends => UNIT,
            Layout::Lengths => 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(names: Vec<String>) -> Vec<Vec<u8>> {
        let mut names: Vec<Vec<u8>> = names.into_iter().map(String::into_bytes).collect();
        names.sort();
        names.dedup();
        names
    }

    fn assert_sound(names: &[Vec<u8>]) {
        let texts: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
        let LeafBytes { section, spots } = encode(&texts).expect("short names");
        let leaves = Leaves::new(&section).expect("leaves");
        assert_eq!((leaves.len(), spots.len()), (names.len() as u64, names.len()));
        let mut coded = Coded::new();
        for (ordinal, name) in names.iter().enumerate() {
            for near in
                [name.clone(), [name.as_slice(), b"a"].concat(), name.get(1..).unwrap_or(&[]).to_vec()]
            {
                let expected = names.binary_search(&near).ok().map(|at| at as u32);
                leaves.code(&near, &mut coded);
                assert_eq!(leaves.get(&near), expected, "{}", String::from_utf8_lossy(&near));
                let around = ordinal.saturating_sub(20)..(ordinal + 20).min(names.len());
                assert!(expected.is_none_or(|at| leaves.is_led_to(&near, spots[at as usize])));
                for (spot, ordinal) in spots[around.clone()].iter().zip(around) {
                    let here = expected.filter(|expected| *expected == ordinal as u32);
                    assert_eq!(leaves.at(*spot, &coded), here);
                }
            }
        }
        let mut all = Vec::new();
        assert!(leaves.each(|name, ordinal| all.push((name.to_vec(), ordinal))));
        assert!(all.iter().map(|(name, _)| name).eq(names));
        assert!(all.iter().map(|(_, ordinal)| *ordinal).eq(0..names.len() as u32));
    }

    /// The worked example of FORMAT.md.
    #[test]
    fn a_leaf_of_one_name_is_what_the_documentation_says() {
        let bytes = encode(&[b"moc.live"]).expect("a short name").section;
        let leaf = &bytes[HEADER_LEN + CODES_LEN..];
        assert_eq!(leaf[..11], [0, 0, 0, 0, 14, 22, 0, 106, 8, 194, 78]);
        assert_eq!(leaf[11..LEAF_LEN], [0; LEAF_LEN - 11]);
    }

    #[test]
    fn many_names_with_long_shared_beginnings_are_found() {
        let names = (0..5000)
            .map(|n| match n % 3 {
                0 => format!("moc.topsgolb.{:x}", n * 7919),
                1 => format!("ved.segap.{n}"),
                _ => format!("{}.{n:o}", ["moc", "ten", "zyx"][n % 7 % 3]),
            })
            .collect();
        assert_sound(&sorted(names));
    }

    #[test]
    fn forged_leaves_are_survived() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyz-".repeat(6);
        let names = [long.as_bytes(), b"moc.a", b"moc.b"];
        let bytes = encode(&names).expect("short names").section;
        let leaf = |nth: usize| HEADER_LEN + CODES_LEN + nth * LEAF_LEN;
        let forged = |at: usize, with: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + with.len()].copy_from_slice(with);
            bytes
        };
        // The last ordinal that there is has none behind it.
        let last = forged(leaf(1), &[0xFF; 4]);
        let mut ordinals = Vec::new();
        assert!(Leaves::new(&last).expect("leaves").each(|_, ordinal| ordinals.push(ordinal)));
        assert_eq!(ordinals, [0, u32::MAX, 0]);
        assert!(last.len() > leaf(2), "the long name has a leaf of its own");
        // No name is as long as the units of a long one could say.
        let endless = forged(leaf(0) + NUMBERS_AT + 5, &[0xFF; 2]);
        let endless = Leaves::new(&endless).expect("leaves");
        assert!(!endless.each(|_, _| unreachable!("the first leaf cannot be read")));
        assert_eq!((endless.get(long.as_bytes()), endless.get(b"moc.b")), (None, Some(2)));
    }

    #[test]
    fn long_names_have_leaves_of_their_own() {
        for times in 1..6 {
            let long = "0123456789abcdefghijklmnopqrstuvwxyz-".repeat(times);
            let names = (0..60).flat_map(|n| [format!("moc.{}{n}.{long}", n % 7), format!("moc.{n}")]);
            assert_sound(&sorted(names.collect()));
        }
        assert!(encode(&[&[b'a'; 256]]).is_none(), "no name is as long");
    }

    proptest! {
        #[test]
        fn any_names_are_found(names in proptest::collection::vec("[a-c.]{1,12}", 1..200)) {
            assert_sound(&sorted(names));
        }

        #[test]
        fn any_bytes_are_survived(
            bytes in proptest::collection::vec(any::<u8>(), 0..700),
            counts in (0u64..40, 0u64..4, 0u64..40, 0u64..40),
            name in "[a-c.]{0,9}",
        ) {
            let header = [counts.0, counts.1, counts.2, counts.3, 0, 0, 0, 0].map(u64::to_le_bytes).concat();
            let bytes = [header, vec![0x31; CODES_LEN], bytes].concat();
            for bytes in [&bytes, &bytes[HEADER_LEN..]] {
                for leaves in [Leaves::new(bytes), Leaves::older(bytes)].into_iter().flatten() {
                    let mut coded = Coded::new();
                    leaves.code(name.as_bytes(), &mut coded);
                    let _ = (leaves.get(name.as_bytes()), leaves.each(|_, _| {}));
                    for spot in (0..200).map(Spot::from_number) {
                        leaves.look_soon(spot);
                        let _ = leaves.at(spot, &coded);
                    }
                }
            }
        }
    }
}
