//! Keys that are new, each told by its place between two keys that are known.

use crate::coder::{Bit, Coder};
use crate::number::{Numbers, Symbols};
use crate::text::TextModel;
use rapsheet_assemble::{PartKeys, Range, Row, RunSet, Scratch};
use rapsheet_snapshot::{Index, Part};
use std::cmp::Reverse;

/// A coder of the keys of one part of a snapshot.
pub(crate) trait Keys: Sized {
    /// The keys.
    type Of: PartKeys<Key = Self::Key>;
    /// A key.
    type Key: Clone + Default + PartialEq;
    /// The part.
    const PART: Part = <Self::Of as PartKeys>::PART;

    /// A model that has seen the keys of the earlier snapshot. No new keys may have more than so many bytes
    /// together, where they are texts.
    fn new(before: &Index<'_>, bytes: u64) -> Self;

    /// Codes a key that is between two others. An encoder is given the key.
    ///
    /// # Errors
    /// What a decoder reads is no such key.
    fn code(
        &mut self,
        coder: &mut impl Coder,
        between: (Option<&Self::Key>, Option<&Self::Key>),
        key: &Self::Key,
    ) -> Result<Self::Key, &'static str>;

    /// See [`PartKeys::walk`].
    fn walk(index: &Index<'_>, visit: impl FnMut(&Self::Key, &[Row])) -> bool {
        Self::Of::walk(index, visit)
    }

    /// See [`PartKeys::each_group`].
    fn each_group(runs: &[&RunSet], scratch: &Scratch, visit: impl FnMut(&Self::Key, &mut Vec<u32>)) {
        Self::Of::each_group(runs, scratch, visit);
    }
}

/// Why a decoder refuses a key.
const OUT_OF_ORDER: &str = "a key that is not between its neighbours";

/// Ranges of addresses of `BITS` bits.
struct Ranges<const BITS: u32> {
    /// The length of the prefix; the symbol after the longest one stands for a range that is no prefix.
    lengths: Symbols,
    /// How far a prefix is from the key before, in prefixes of its length: for each number of bits that the
    /// distance to the key after has.
    distances: Vec<Numbers>,
    /// How many addresses follow the first one of a range that is no prefix.
    widths: Numbers,
}

impl<const BITS: u32> Ranges<BITS> {
    fn new() -> Ranges<BITS> {
        let distances = vec![Numbers::default(); BITS as usize + 1];
        Ranges { lengths: Symbols::below(BITS as usize + 2), distances, widths: Numbers::default() }
    }

    fn code(
        &mut self,
        coder: &mut impl Coder,
        between: (Option<&Range>, Option<&Range>),
        key: &Range,
    ) -> Result<Range, &'static str> {
        let largest = u128::MAX >> (128 - BITS);
        let shift = self.lengths.code(coder, length_symbol::<BITS>(key));
        // The host bits of a prefix; none of a range that is no prefix.
        let (host, is_prefix) = (BITS.saturating_sub(shift), shift <= BITS);
        let down = |number: u128| number.checked_shr(host).unwrap_or(0);
        let low = down(between.0.map_or(0, |(first, _)| *first));
        let room = down(between.1.map_or(largest, |(first, _)| *first)).saturating_sub(low);
        let model = self.distances.get_mut((128 - room.leading_zeros()) as usize).ok_or(OUT_OF_ORDER)?;
        let distance = model.code(coder, down(key.0).wrapping_sub(low));
        if distance > room {
            return Err(OUT_OF_ORDER);
        }
        let first = (low + distance).checked_shl(host).unwrap_or(0);
        let width = match is_prefix {
            true => u128::MAX.checked_shr(128 - host).unwrap_or(0),
            false => self.widths.code(coder, key.1.wrapping_sub(key.0)),
        };
        let last =
            first.checked_add(width).filter(|last| *last <= largest).ok_or("a range without an end")?;
        let order = |(first, last): &Range| (*first, Reverse(*last));
        let key = (first, last);
        let is_above = between.0.is_none_or(|before| order(before) < order(&key));
        let is_below = between.1.is_none_or(|after| order(&key) < order(after));
        if is_above && is_below { Ok(key) } else { Err(OUT_OF_ORDER) }
    }
}

/// The length of a prefix of `BITS` bits, or one more than the longest one for another range.
fn length_symbol<const BITS: u32>((first, last): &Range) -> u32 {
    let host = (128 - (first ^ last).leading_zeros()).min(BITS);
    let mask = u128::MAX.checked_shr(128 - host).unwrap_or(0);
    let is_prefix = first & mask == 0 && last & mask == mask;
    if is_prefix { BITS - host } else { BITS + 1 }
}

/// Addresses of one family.
macro_rules! range_keys {
    ($name:ident, $about:literal, $bits:literal) => {
        #[doc = $about]
        pub(crate) struct $name(Ranges<$bits>);

        impl Keys for $name {
            type Of = rapsheet_assemble::$name;
            type Key = Range;

            fn new(_: &Index<'_>, _: u64) -> $name {
                $name(Ranges::new())
            }

            fn code(
                &mut self,
                coder: &mut impl Coder,
                between: (Option<&Range>, Option<&Range>),
                key: &Range,
            ) -> Result<Range, &'static str> {
                self.0.code(coder, between, key)
            }
        }
    };
}

range_keys!(Ipv4Keys, "Addresses of IPv4.", 32);
range_keys!(Ipv6Keys, "Addresses of IPv6.", 128);

/// Every so many keys of the earlier snapshot are learned.
const LEARNED_EACH: usize = 16;
/// How long a key is at most.
const TEXT_MAX: usize = (1 << 24) - 1;

/// Texts in the order of their bytes.
struct Texts {
    model: TextModel,
    /// Whether a key shares more with the key after it than with the one before.
    is_like_next: Bit,
    /// How many bytes more it shares with that one than the two share with each other.
    shared: [Numbers; 2],
    /// How many bytes new keys may still have.
    bytes: u64,
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Texts {
    fn new(bytes: u64) -> Texts {
        Texts { model: TextModel::default(), is_like_next: Bit::default(), shared: Default::default(), bytes }
    }

    /// Learns some of the keys that are visited.
    fn learner(&mut self) -> impl FnMut(&[u8]) {
        let (mut before, mut number) = (Vec::new(), 0);
        move |key| {
            if number % LEARNED_EACH == 0 {
                self.model.learn(key, common(&before, key));
            }
            number += 1;
            before.clear();
            before.extend_from_slice(key);
        }
    }

    fn code(
        &mut self,
        coder: &mut impl Coder,
        between: (Option<&Vec<u8>>, Option<&Vec<u8>>),
        key: &[u8],
    ) -> Result<Vec<u8>, &'static str> {
        let (before, after) =
            (between.0.map_or(&[][..], Vec::as_slice), between.1.map_or(&[][..], Vec::as_slice));
        let (with_before, with_after) = (common(before, key), common(after, key));
        let is_like_next = coder.bit(&mut self.is_like_next, with_after > with_before);
        let (near, with_near) = if is_like_next { (after, with_after) } else { (before, with_before) };
        // A key between two others begins with what these share.
        let least = common(before, after);
        let [like_before, like_after] = &mut self.shared;
        let model = if is_like_next { like_after } else { like_before };
        let more = model.code(coder, with_near.saturating_sub(least) as u128);
        let shared = usize::try_from(more).ok().and_then(|more| least.checked_add(more));
        let shared = shared.and_then(|shared| near.get(..shared)).ok_or(OUT_OF_ORDER)?;
        let limit =
            shared.len().saturating_add(usize::try_from(self.bytes).unwrap_or(usize::MAX)).min(TEXT_MAX);
        let mut text = shared.to_vec();
        let is_whole = self.model.code(coder, &mut text, key.get(shared.len()..).unwrap_or(&[]), limit);
        if !is_whole {
            return Err("a text that ends early, or longer texts than the new snapshot has room for");
        }
        self.bytes -= (text.len() - shared.len()) as u64;
        if text.is_empty() {
            return Err("an empty text");
        }
        let is_above = between.0.is_none_or(|before| *before < text);
        let is_below = between.1.is_none_or(|after| text < *after);
        if is_above && is_below { Ok(text) } else { Err(OUT_OF_ORDER) }
    }
}

/// Keys that are texts.
macro_rules! text_keys {
    ($name:ident, $about:literal, $each:ident) => {
        #[doc = $about]
        pub(crate) struct $name(Texts);

        impl Keys for $name {
            type Of = rapsheet_assemble::$name;
            type Key = Vec<u8>;

            fn new(before: &Index<'_>, bytes: u64) -> $name {
                let mut texts = Texts::new(bytes);
                let mut learn = texts.learner();
                // A snapshot that cannot be walked to its end is refused by the walk over its rows.
                before.$each(|key, _| learn(key));
                drop(learn);
                $name(texts)
            }

            fn code(
                &mut self,
                coder: &mut impl Coder,
                between: (Option<&Vec<u8>>, Option<&Vec<u8>>),
                key: &Vec<u8>,
            ) -> Result<Vec<u8>, &'static str> {
                self.0.code(coder, between, key)
            }
        }
    };
}

text_keys!(NameKeys, "Names, with their bytes reversed.", each_name);
text_keys!(UrlKeys, "URLs.", each_url);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::{Decoder, Encoder};
    use proptest::prelude::*;

    /// Writes keys, each between the one before and the one after, and reads them back.
    fn read_back<K: PartialEq + std::fmt::Debug>(
        keys: &[K],
        mut write: impl FnMut(&mut Encoder, (Option<&K>, Option<&K>), &K),
        mut read: impl FnMut(&mut Decoder<'_>, (Option<&K>, Option<&K>)) -> Result<K, &'static str>,
    ) {
        let between = |at: usize| (at.checked_sub(1).and_then(|before| keys.get(before)), keys.get(at + 1));
        let mut encoder = Encoder::new();
        keys.iter().enumerate().for_each(|(at, key)| write(&mut encoder, between(at), key));
        let bytes = encoder.finish();
        let mut decoder = Decoder::new(&bytes);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(read(&mut decoder, between(at)).as_ref(), Ok(key));
        }
        assert!(decoder.is_at_end());
    }

    fn ranges_read_back<const BITS: u32>(keys: Vec<(u128, u32)>) {
        let largest = u128::MAX >> (128 - BITS);
        let range = |(first, host): (u128, u32)| {
            let (first, mask) =
                (first & largest, u128::MAX.checked_shr(128 - host % (BITS + 1)).unwrap_or(0));
            // A prefix, or what is left of one.
            if host % 3 > 0 { (first & !mask, first | mask) } else { (first, first | mask) }
        };
        let mut keys: Vec<Range> = keys.into_iter().map(range).collect();
        keys.sort_unstable_by_key(|(first, last)| (*first, Reverse(*last)));
        keys.dedup();
        let (mut encoder, mut decoder) = (Ranges::<BITS>::new(), Ranges::<BITS>::new());
        read_back(
            &keys,
            |coder, between, key| assert_eq!(encoder.code(coder, between, key).as_ref(), Ok(key)),
            |coder, between| decoder.code(coder, between, &(0, 0)),
        );
    }

    proptest! {
        #[test]
        fn new_ranges_read_back(
            keys in proptest::collection::vec((proptest::num::u128::ANY, 0u32..999), 0..60),
        ) {
            ranges_read_back::<32>(keys.clone());
            ranges_read_back::<128>(keys);
        }

        #[test]
        fn new_texts_read_back(keys in proptest::collection::btree_set("[a-c]{1,6}", 0..60)) {
            let keys: Vec<Vec<u8>> = keys.into_iter().map(String::into_bytes).collect();
            let (mut encoder, mut decoder) = (Texts::new(999), Texts::new(999));
            read_back(
                &keys,
                |coder, between, key| assert_eq!(encoder.code(coder, between, key).as_ref(), Ok(key)),
                |coder, between| decoder.code(coder, between, &[]),
            );
        }

        #[test]
        fn bytes_give_keys_between_their_neighbours_or_none(
            bytes in proptest::collection::vec(0u8.., 0..30),
        ) {
            let (before, after) = ((5, 5), (9, 9));
            let (mut coder, between) = (Decoder::new(&bytes), (Some(&before), Some(&after)));
            let found = Ranges::<32>::new().code(&mut coder, between, &(0, 0));
            let is_between = |(first, last): Range| (5..=9).contains(&first) && last < 1 << 32;
            prop_assert!(found.is_err() || found.is_ok_and(is_between));
            let (before, after) = (b"abc".to_vec(), b"abe".to_vec());
            let (mut coder, between) = (Decoder::new(&bytes), (Some(&before), Some(&after)));
            let found = Texts::new(20).code(&mut coder, between, &[]);
            prop_assert!(found.is_err() || found.is_ok_and(|text| before < text && text < after));
        }
    }
}
