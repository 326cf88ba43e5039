//! Which suffixes of names are worth looking for: a filter that answers nearly every miss with one cache line.
//!
//! Most names that are asked are listed nowhere, nor is any ancestor of theirs. The filter gives each suffix of an entry a
//! byte: six bits by which strangers are told, and two that say what it is: *E*, an entry, and *P*, there are entries below
//! it. A name is walked from its last label; where P says no, nothing longer need be asked, and where E says yes, the index
//! is asked, which knows exactly. Each is wrong one time in a hundred, and only ever by saying yes.
//!
//! The bytes are not stored, and neither are the suffixes. The hash of a suffix chooses a line of 64 bytes and four places in
//! it, whose bytes, xored, are the byte of the suffix. Forty-four suffixes share a line, and sixty-three bytes that make all of
//! their equations true are found by elimination, under the first of 255 seeds that allows it; the seed is the last byte. It
//! is the idea of ribbon and fuse filters (P. Dillinger and S. Walzer, "Ribbon filter: practically smaller than Bloom and
//! Xor", 2021), kept within a line: over a quarter more bytes than a fuse filter, and a third of its cache misses.
//!
//! Few entries are a last label alone, and every name would be asked for its own for their sake. So the header tells which
//! last labels they may be; with all others, a name is first asked for a suffix of as many labels as another entry has.

use super::lines::{Equations, LINE, in_lines, line_of, share_of, spread};
use super::soon::soon;
use super::suffix::{Suffix, SuffixHash};
use crate::layout::u32_at;

const HEADER_LEN: usize = 64;
/// Where the header has a bit for each last label that may be an entry, by how it begins.
const LASTS_AT: usize = 16;
/// How many such bits there are.
const LASTS: u64 = 8 * (HEADER_LEN - LASTS_AT) as u64;
/// Where a line has its seed.
const SEED_AT: usize = LINE - 1;
/// How many suffixes share a line on average: more would leave too many lines without a solution.
const SUFFIXES: usize = 44;
/// The seed of a line whose suffixes no seed could tell: it says yes to everything.
const SATURATED: u8 = 255;
/// The suffix is an entry.
const ENTRY: u8 = 1;
/// There are entries below the suffix.
const PARENT: u8 = 2;
/// The bits by which strangers are told.
const PRINT: u8 = 0b1111_1100;

/// Collects the suffixes of sorted names, and makes their filter.
#[derive(Default)]
pub struct SuffixKeys {
    /// The hash of each suffix, and what it is.
    keys: Vec<(u64, u8)>,
    /// The fewest labels that an entry has.
    labels_min: u32,
    /// How the entries begin that are a last label.
    lasts: Vec<u64>,
    /// The fewest labels of the others.
    others_min: u32,
}

impl SuffixKeys {
    /// The keys of names with their bytes reversed.
    pub fn of<'k>(names: impl Iterator<Item = &'k [u8]>) -> SuffixKeys {
        let mut all = SuffixKeys { labels_min: u32::MAX, others_min: u32::MAX, ..SuffixKeys::default() };
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
        let last = Suffix::last_label(name);
        let mut labels = 0;
        for suffix in std::iter::successors(Some(last), |suffix| suffix.next(name)) {
            labels += 1;
            if suffix.end == name.len() {
                self.keys.push((suffix.hash(name).number(), ENTRY));
            } else if suffix.end >= shared {
                self.keys.push((suffix.hash(name).number(), PARENT));
            }
        }
        self.labels_min = self.labels_min.min(labels);
        if labels == 1 {
            self.lasts.push(last.head(name));
        } else {
            self.others_min = self.others_min.min(labels);
        }
    }

    /// The bytes of the filter; none where there is nothing to be filtered.
    pub fn encode(&self) -> Vec<u8> {
        if self.keys.is_empty() {
            return Vec::new();
        }
        let lines = self.keys.len().div_ceil(SUFFIXES);
        let mut out = Vec::with_capacity(HEADER_LEN + lines * LINE);
        out.extend((lines as u32).to_le_bytes());
        out.extend(self.labels_min.to_le_bytes());
        out.extend(self.others_min.to_le_bytes());
        out.resize(HEADER_LEN, 0);
        for at in self.lasts.iter().map(|last| bit_of_last(*last)) {
            out.get_mut(LASTS_AT + at / 8).into_iter().for_each(|byte| *byte |= 1 << (at % 8));
        }
        in_lines(&self.keys, lines).for_each(|suffixes| out.extend(solve(suffixes)));
        out
    }
}

/// The bit of a last label, by how it begins.
#[inline]
fn bit_of_last(head: u64) -> usize {
    share_of(spread(head, 0), LASTS) as usize
}

/// The places of a hash in its line; one that occurs twice does not count.
#[inline]
fn places(hash: u64, seed: u8) -> [usize; 4] {
    let spread = spread(hash, seed);
    [40, 46, 52, 58].map(|shift| (spread >> shift) as usize % LINE)
}

#[inline]
fn fingerprint(hash: u64) -> u8 {
    (hash >> 8) as u8 & PRINT
}

/// A line that says of these suffixes what they are.
fn solve(suffixes: &[(u64, u8)]) -> [u8; LINE] {
    let seeds = (0..SATURATED).take(if suffixes.len() < LINE { usize::MAX } else { 0 });
    seeds.filter_map(|seed| solve_with(suffixes, seed)).next().unwrap_or([SATURATED; LINE])
}

/// The same with this seed, if it allows it: every suffix is an equation of up to four bytes, and the seed a byte that is known.
fn solve_with(suffixes: &[(u64, u8)], seed: u8) -> Option<[u8; LINE]> {
    let mut equations = Equations::new();
    equations.add([SEED_AT], seed.into());
    let add =
        |(hash, what): &(u64, u8)| equations.add(places(*hash, seed), (fingerprint(*hash) | what).into());
    if !suffixes.iter().all(add) {
        return None;
    }
    Some(equations.numbers().map(|number| number as u8))
}

/// What a filter says of a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said(u8);

impl Said {
    /// It is neither.
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
    labels_min: u32,
    others_min: u32,
    header: &'a [u8; HEADER_LEN],
    lines: &'a [[u8; LINE]],
}

impl<'a> Filter<'a> {
    /// The filter in these bytes; `None` where they hold none.
    pub fn new(bytes: &'a [u8]) -> Option<Filter<'a>> {
        let (header, lines) = bytes.split_first_chunk()?;
        let lines = lines.as_chunks().0;
        let is_whole = lines.len() == u32_at(header, 0) as usize && !lines.is_empty();
        is_whole.then(|| Filter {
            labels_min: u32_at(header, 4),
            others_min: u32_at(header, 8),
            header,
            lines,
        })
    }

    /// The shortest suffix of a name that need be asked; `None` where the whole name need not be.
    #[inline(always)]
    pub fn first_asked(&self, name: &[u8]) -> Option<Suffix> {
        let last = Suffix::last_label(name);
        let is_any = self.labels_min > 1 || self.may_be_last(last.head(name));
        let labels = if is_any { self.labels_min } else { self.others_min };
        match labels {
            0 | 1 => Some(last),
            2 => last.next(name),
            _ => (1..labels).try_fold(last, |suffix, _| suffix.next(name)),
        }
    }

    /// Whether a last label that begins like this may be an entry.
    #[inline]
    fn may_be_last(&self, head: u64) -> bool {
        let at = bit_of_last(head);
        self.header.get(LASTS_AT + at / 8).is_none_or(|byte| byte >> (at % 8) & 1 != 0)
    }

    /// Says that a suffix will be asked.
    #[inline]
    pub fn ask_soon(&self, suffix: SuffixHash) {
        soon(self.lines, line_of(suffix.number(), self.lines.len()));
    }

    /// What may be said of a suffix.
    #[inline]
    pub fn ask(&self, suffix: SuffixHash) -> Said {
        let hash = suffix.number();
        let Some(line) = self.lines.get(line_of(hash, self.lines.len())) else { return Said::ANYTHING };
        let seed = line[SEED_AT];
        if seed == SATURATED {
            return Said::ANYTHING;
        }
        let bytes = places(hash, seed).map(|place| line.get(place).copied().unwrap_or(0));
        let said = bytes.iter().fold(fingerprint(hash), |sum, byte| sum ^ byte);
        Said(if said & PRINT == 0 { said } else { 0 })
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
            let first = |name: &[u8]| filter.first_asked(name).map(|suffix| suffix.end);
            assert_eq!((first(b"moc.ab.cde.f"), first(b"moc.ab")), (Some(10), None));
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
        assert!(wrong < 260, "{wrong} of 20,000, and one in a hundred is what it costs");
        assert!(bytes.len() * 8 < (names.len() + 1) * 12, "{} bytes", bytes.len());
    }

    #[test]
    fn last_labels_are_asked_where_they_may_be_entries() {
        let names = ["eerf", "moc.a.b", "ten.c.d.e", "sgnihtlla"].map(|name| name.as_bytes().to_vec());
        let bytes = filter(&names);
        let filter = Filter::new(&bytes).expect("a filter");
        let asked = |label: &str| {
            let name = format!("{label}.a.b.c");
            filter.first_asked(name.as_bytes()).map_or(0, |suffix| name[..suffix.end].split('.').count())
        };
        assert_eq!([asked("eerf"), asked("sgnihtlla"), asked("moc")], [1, 1, 3]);
        let skipped = (0..1000).filter(|n| asked(&format!("{n:x}")) == 3).count();
        assert!(skipped > 980, "{skipped}");
    }

    #[test]
    fn lines_of_too_many_say_yes() {
        let crowd: Vec<(u64, u8)> = (0..64).map(|at| (SuffixHash(at).number(), ENTRY)).collect();
        assert_eq!(solve(&crowd), [SATURATED; LINE]);
        let bytes =
            [[1u32, 1].map(u32::to_le_bytes).concat(), vec![0; HEADER_LEN - 8], vec![SATURATED; LINE]]
                .concat();
        let filter = Filter::new(&bytes).expect("a filter");
        assert!((0..500).all(|at| filter.ask(SuffixHash(at)) == Said::ANYTHING));
        assert!(Filter::new(&bytes[..bytes.len() - 1]).is_none() && Filter::new(&[0; HEADER_LEN]).is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(
            lines in 0u32..4,
            labels in proptest::array::uniform2(proptest::sample::select(vec![0, 1, 2, 5, u32::MAX])),
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..260),
            name in "[a-z.]{0,40}",
        ) {
            let header = [lines, labels[0], labels[1], 0].map(u32::to_le_bytes).concat();
            let forged = [header, vec![0x55; HEADER_LEN - 16], bytes].concat();
            let whole = &forged[..HEADER_LEN + (forged.len() - HEADER_LEN) / LINE * LINE];
            let filter = Filter::new(whole);
            let asked = filter.as_ref().and_then(|filter| Some((filter, filter.first_asked(name.as_bytes())?)));
            if let Some((filter, suffix)) = asked {
                filter.ask_soon(suffix.hash(name.as_bytes()));
                let _ = filter.ask(suffix.hash(name.as_bytes()));
            }
        }
    }
}
