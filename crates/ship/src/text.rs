//! Texts, byte by byte, each bit predicted by the bytes before it.
//!
//! A bit has a prediction by each of several contexts: the last one, two, three, four and six bytes, and the whole
//! label so far. The logarithms of their odds are added up with weights, which learn whom to trust (M. Mahoney,
//! "Adaptive Weighing of Context Models for Lossless Data Compression", 2005). Contexts share tables by their hashes;
//! two that collide predict each other's bits badly, and nothing else happens.
//! Both sides learn the texts of the earlier snapshot first, so that the first new text is predicted as well
//! as the last.

use crate::coder::{Bit, Coder, Silent};
use rapsheet_snapshot::hash::spread;

/// The end of a text. No name and no URL has this byte.
const END: u8 = 0;
/// How many bytes the contexts have.
const ORDERS: [u32; 5] = [1, 2, 3, 4, 6];
/// How many bytes of a label are looked at before the first byte that is coded: a text can be long, and forged.
const LABEL_MAX: usize = 64;
/// How many contexts predict a bit: those bytes, and all of the label or segment so far.
const CONTEXTS: usize = ORDERS.len() + 1;
/// How many bits of a hash choose a line of a table. Twice the tables would save one byte of a hundred.
const LINE_BITS: u32 = 14;
/// The predictions of half a byte after one context are in one line of memory, so that a table is waited for twice a
/// byte and not eight times.
const LINE: usize = 16;
/// The weight that each prediction has at first.
const WEIGHT: i32 = (1 << 16) * 3 / 10;
/// The largest weight, and the least one with the other sign.
const WEIGHT_MAX: i32 = 1 << 20;
/// How fast weights learn.
const RATE: i32 = 10;

/// Where a context has its predictions of half a byte.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    line: usize,
    /// What the number of a bit is xored with: contexts that share a line mostly do not share its bits.
    turn: usize,
}

impl Place {
    #[inline]
    fn of(hash: u64) -> Place {
        let hash = spread(hash);
        Place { line: (hash >> (64 - LINE_BITS)) as usize, turn: (hash >> (60 - LINE_BITS)) as usize % LINE }
    }
}

/// What precedes a byte, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
struct Contexts {
    /// The last eight bytes, of which the last one is lowest.
    last: u64,
    label: u64,
}

/// The context of an empty label.
const NO_LABEL: u64 = CONTEXTS as u64;

impl Contexts {
    /// After these bytes.
    fn after(text: &[u8]) -> Contexts {
        let looked_at = text.get(text.len().saturating_sub(LABEL_MAX)..).unwrap_or(text);
        let mut contexts = Contexts { last: 0, label: NO_LABEL };
        looked_at.iter().for_each(|byte| contexts.push(*byte));
        contexts
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        self.last = self.last << 8 | u64::from(byte);
        self.label = match byte {
            b'.' | b'/' | b'-' => NO_LABEL,
            _ => spread(self.label ^ u64::from(byte)),
        };
    }

    /// A hash of each context.
    #[inline]
    fn hashes(self) -> [u64; CONTEXTS] {
        let mut hashes = [self.label; CONTEXTS];
        for ((number, order), hash) in (1u64..).zip(ORDERS).zip(&mut hashes) {
            let last = self.last & ((1 << (8 * order)) - 1);
            *hash = spread(last << 8 | number);
        }
        hashes
    }
}

/// Predicts the bytes of texts.
#[derive(Debug)]
pub(crate) struct TextModel {
    /// The bits of the contexts.
    tables: [Vec<[Bit; LINE]>; CONTEXTS],
    /// What the predictions weigh, by how many of them are met.
    weights: [[i32; CONTEXTS]; CONTEXTS + 1],
    /// The logarithm of the odds of each share of 4,096.
    odds: Vec<i16>,
}

impl Default for TextModel {
    fn default() -> TextModel {
        TextModel {
            tables: [0; CONTEXTS].map(|_| vec![[Bit::default(); LINE]; 1 << LINE_BITS]),
            weights: [[WEIGHT; CONTEXTS]; CONTEXTS + 1],
            odds: odds_of_shares(),
        }
    }
}

impl TextModel {
    /// Codes what follows in a text, and appends it: an encoder is given it as `rest`. Returns whether the
    /// text has no more than `limit` bytes then, and was there to its end.
    pub(crate) fn code(
        &mut self,
        coder: &mut impl Coder,
        text: &mut Vec<u8>,
        rest: &[u8],
        limit: usize,
    ) -> bool {
        let (mut rest, mut contexts) = (rest.iter(), Contexts::after(text));
        loop {
            let byte = self.byte(coder, contexts, rest.next().copied().unwrap_or(END));
            if byte == END {
                return true;
            }
            if text.len() >= limit || coder.is_past_end() {
                return false;
            }
            text.push(byte);
            contexts.push(byte);
        }
    }

    /// Learns what follows the first `shared` bytes of a text.
    pub(crate) fn learn(&mut self, text: &[u8], shared: usize) {
        let (before, rest) = text.split_at_checked(shared).unwrap_or_default();
        let mut contexts = Contexts::after(before);
        for byte in rest {
            self.byte(&mut Silent, contexts, *byte);
            contexts.push(*byte);
        }
        self.byte(&mut Silent, contexts, END);
    }

    /// Codes a byte, its upper half first.
    #[inline]
    fn byte(&mut self, coder: &mut impl Coder, contexts: Contexts, byte: u8) -> u8 {
        let hashes = contexts.hashes();
        let high = self.half(coder, hashes.map(Place::of), byte >> 4);
        let low = self.half(coder, hashes.map(|hash| Place::of(hash ^ u64::from(0x10 | high))), byte & 0xF);
        high << 4 | low
    }

    /// Codes half a byte, its highest bit first.
    #[inline]
    fn half(&mut self, coder: &mut impl Coder, places: [Place; CONTEXTS], half: u8) -> u8 {
        let mut node = 1;
        for at in (0..4).rev() {
            let bit = self.bit(coder, places, node, half >> at & 1 != 0);
            node = node << 1 | usize::from(bit);
        }
        node as u8 & 0xF
    }

    /// Codes a bit that is predicted in these places of the tables. Its number is that of the bits before it in its half,
    /// after a leading one.
    #[inline]
    fn bit(&mut self, coder: &mut impl Coder, places: [Place; CONTEXTS], number: usize, bit: bool) -> bool {
        let (mut odds, mut met) = ([0i32; CONTEXTS], 0);
        for ((table, place), odds) in self.tables.iter().zip(places).zip(&mut odds) {
            let line = table.get(place.line);
            let found = line.and_then(|line| line.get(number ^ place.turn)).copied().unwrap_or_default();
            met += usize::from(found.count() > 0);
            *odds = self.odds.get(found.share_of_4096() as usize).copied().map_or(0, i32::from);
        }
        // There are so many that all of them can be met.
        let Some(weights) = self.weights.get_mut(met) else { return bit };
        let sum =
            weights.iter().zip(odds).map(|(weight, odds)| i64::from(*weight) * i64::from(odds)).sum::<i64>();
        // Less than 2^18: six times the largest weight and odds.
        let share = share_of((sum >> 16) as i32);
        let bit = coder.predicted(Bit::of_share(share), bit);
        let error = ((i32::from(bit) << 12) - share as i32) * RATE;
        for (weight, odds) in weights.iter_mut().zip(odds) {
            *weight = (*weight + ((odds * error + 0x8000) >> 16)).clamp(-WEIGHT_MAX, WEIGHT_MAX);
        }
        for (table, place) in self.tables.iter_mut().zip(places) {
            let line = table.get_mut(place.line);
            let found = line.and_then(|line| line.get_mut(number ^ place.turn));
            found.into_iter().for_each(|found| found.learn(bit));
        }
        bit
    }
}

/// The largest logarithm of odds, in 256ths.
const ODDS_MAX: i32 = 2047;
/// The shares of 4,096 at every 128th logarithm from -2,048 on: 4,096 / (1 + exp(-x)), rounded.
const SHARES: [i32; 33] = [
    1, 2, 4, 6, 10, 17, 27, 45, 74, 120, 194, 311, 488, 747, 1102, 1546, 2048, 2550, 2994, 3349, 3608, 3785,
    3902, 3976, 4022, 4051, 4069, 4079, 4086, 4090, 4092, 4094, 4095,
];

/// The share of 4,096 with these odds, on a line between two of [`SHARES`].
#[inline]
fn share_of(odds: i32) -> u32 {
    let above = (odds.clamp(-ODDS_MAX, ODDS_MAX) + ODDS_MAX + 1) as usize;
    let share = |at: usize| SHARES.get(at).copied().unwrap_or(0);
    let (low, high, part) = (share(above / 128), share(above / 128 + 1), (above % 128) as i32);
    (low + (high - low) * part / 128) as u32
}

/// The inverse of [`share_of`]: for each share, the least odds that give it or more.
fn odds_of_shares() -> Vec<i16> {
    let mut all = Vec::with_capacity(4096);
    for odds in -ODDS_MAX..=ODDS_MAX {
        all.resize(all.len().max(share_of(odds) as usize + 1), odds as i16);
    }
    all.resize(4096, ODDS_MAX as i16);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::{Decoder, Encoder};
    use proptest::prelude::*;

    #[test]
    fn what_was_learned_takes_less() {
        let length = |learned: &[&str]| {
            let (mut encoder, mut model) = (Encoder::new(), TextModel::default());
            (0..20).for_each(|_| learned.iter().for_each(|text| model.learn(text.as_bytes(), 0)));
            model.code(&mut encoder, &mut Vec::new(), b"moc.live-ylaer.www", 99);
            encoder.finish().len()
        };
        assert!(length(&["moc.live.www", "moc.ylaer"]) < length(&[]) / 2);
    }

    #[test]
    fn odds_are_those_of_their_shares() {
        let all = odds_of_shares();
        assert_eq!((all.len(), all[2048], all[0], all[4095]), (4096, 0, -2047, 2047));
        assert!(
            all.is_sorted() && (0..4096).all(|share| share_of(all[share].into()) >= share.min(4094) as u32)
        );
    }

    #[test]
    fn weights_stay_within_their_limits() {
        let (mut model, after) = (TextModel::default(), Contexts::after(b"abcdefg"));
        (0..100_000).for_each(|at| _ = model.byte(&mut Silent, after, if at % 700 == 0 { 0 } else { 255 }));
        let weights = model.weights.as_flattened();
        assert!(weights.iter().all(|weight| weight.abs() <= WEIGHT_MAX), "{weights:?}");
    }

    /// A hostile publisher may make texts of megabytes out of a few bytes.
    #[test]
    fn a_long_label_is_looked_at_in_part() {
        let changed = |back: usize| {
            let mut text = vec![b'a'; 100];
            text[100 - back] = b'b';
            Contexts::after(&text).hashes()
        };
        assert_ne!(changed(LABEL_MAX), Contexts::after(&[b'a'; 100]).hashes());
        assert_eq!(changed(LABEL_MAX + 1), Contexts::after(&[b'a'; 100]).hashes());
    }

    #[test]
    fn a_text_ends_with_the_bytes() {
        let (mut decoder, mut model, mut text) = (Decoder::new(&[0; 4]), TextModel::default(), Vec::new());
        assert!(!model.code(&mut decoder, &mut text, &[], usize::MAX), "{text:?}");
        assert!(decoder.is_past_end());
    }

    proptest! {
        #[test]
        fn texts_read_back(texts in proptest::collection::vec("[a-c.]{0,9}", 0..90), shared in 0usize..4) {
            let split = |text: &String| text.len().min(shared);
            let (mut encoder, mut model) = (Encoder::new(), TextModel::default());
            for text in &texts {
                let (before, rest) = text.as_bytes().split_at(split(text));
                prop_assert!(model.code(&mut encoder, &mut before.to_vec(), rest, 9));
                model.learn(text.as_bytes(), shared);
            }
            let bytes = encoder.finish();
            let (mut decoder, mut model) = (Decoder::new(&bytes), TextModel::default());
            for text in &texts {
                let mut read = text.as_bytes()[..split(text)].to_vec();
                prop_assert!(model.code(&mut decoder, &mut read, &[], 9));
                prop_assert_eq!(&read, text.as_bytes());
                model.learn(text.as_bytes(), shared);
            }
        }

        #[test]
        fn no_bytes_make_long_texts(bytes in proptest::collection::vec(0u8.., 0..40)) {
            let (mut decoder, mut model) = (Decoder::new(&bytes), TextModel::default());
            let mut text = Vec::new();
            model.code(&mut decoder, &mut text, &[], 30);
            prop_assert!(text.len() <= 30);
        }
    }
}
