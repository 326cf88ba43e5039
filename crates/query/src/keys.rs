//! Keys: addresses, names and URLs that were read from a log and wait to be looked up together.
//!
//! A key is the least that a look-up needs: a number, a name in the index's own form, a hash. Most keys are
//! in no list, and for them nothing else is ever made: no text is copied, no canonical form stored.

use crate::lookup::{Hit, HitKind};
use rapsheet_snapshot::{Address, Index};
use std::ops::Range;

/// Where a key stands in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The byte offset of the indicator.
    pub(crate) at: usize,
    /// How many lines end before it.
    pub(crate) line: usize,
    /// Its length in bytes.
    pub(crate) len: u32,
    /// The number of its token among those that will be cached; [`NOT_CACHED`] for others.
    pub(crate) token: u32,
    /// Whether the indicator is a URL and the key its host.
    pub(crate) is_host: bool,
}

impl Place {
    /// The bytes of the indicator.
    pub(crate) fn range(&self) -> Range<usize> {
        self.at..self.at + self.len as usize
    }
}

/// See [`Place::token`].
pub(crate) const NOT_CACHED: u32 = u32::MAX;

/// The longest name that becomes a key, in bytes. Longer ones are questions.
pub(crate) const NAME_LEN: usize = 64;
/// How many names are looked up together.
const NAMES: usize = 256;

/// Keys by kind, in buffers that are reused.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// Names in lower case with their bytes reversed, as the index holds them.
    names: Vec<[u8; NAME_LEN]>,
    /// The length of each name, and its place.
    name_places: Vec<(usize, Place)>,
    addresses: Vec<u32>,
    address_places: Vec<Place>,
    /// The hashes of URLs, and their places.
    urls: Vec<(u64, Place)>,
    hits: Vec<Hit>,
}

/// How many keys of each kind there were.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    names: usize,
    addresses: usize,
    urls: usize,
}

impl Keys {
    /// The number of keys of the largest kind.
    pub(crate) fn len(&self) -> usize {
        self.names.len().max(self.addresses.len()).max(self.urls.len())
    }

    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        Mark { names: self.names.len(), addresses: self.addresses.len(), urls: self.urls.len() }
    }

    /// Removes the keys since a mark.
    pub(crate) fn truncate(&mut self, mark: Mark) {
        self.names.truncate(mark.names);
        self.name_places.truncate(mark.names);
        self.addresses.truncate(mark.addresses);
        self.address_places.truncate(mark.addresses);
        self.urls.truncate(mark.urls);
    }

    /// Whether an address was added since a mark.
    #[inline(always)]
    pub(crate) fn has_more_addresses(&self, mark: Mark) -> bool {
        self.addresses.len() > mark.addresses
    }

    /// Whether the last URL ends at this offset of the text.
    #[inline(always)]
    pub(crate) fn ends_at(&self, end: usize) -> bool {
        self.urls.last().is_some_and(|(_, place)| place.range().end == end)
    }

    /// Removes all keys and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.truncate(Mark { names: 0, addresses: 0, urls: 0 });
    }

    #[inline(always)]
    pub(crate) fn push_address(&mut self, number: u32, place: Place) {
        self.addresses.push(number);
        self.address_places.push(place);
    }

    /// Adds a name of at most [`NAME_LEN`] ASCII characters, which ends at `end` of a text.
    #[inline(always)]
    pub(crate) fn push_name(&mut self, text: &[u8], end: usize, len: usize, place: Place) {
        let own = text.get(..end).unwrap_or(text);
        match own.last_chunk() {
            Some(window) => self.push_reversed(window, len),
            None => self.push_first(own, len),
        }
        self.name_places.push((len, place));
    }

    /// Adds the last `len` bytes of a window of the text.
    #[inline(always)]
    fn push_reversed(&mut self, window: &[u8; NAME_LEN], len: usize) {
        const HALF: usize = NAME_LEN / 2;
        let mut name = [0; NAME_LEN];
        let (first, second) = name.split_at_mut(HALF);
        let (before, last) = window.split_at(HALF);
        // Always half of the room: a loop over as many words as the name has costs more.
        reverse_in_lower_case(last, first);
        if len > HALF {
            reverse_in_lower_case(before, second);
        }
        self.names.push(name);
    }

    /// Adds a name near the beginning of a text.
    #[cold]
    fn push_first(&mut self, own: &[u8], len: usize) {
        let mut window = [b' '; NAME_LEN];
        window.iter_mut().rev().zip(own.iter().rev()).for_each(|(place, byte)| *place = *byte);
        self.push_reversed(&window, len);
    }

    #[inline(always)]
    pub(crate) fn push_url(&mut self, hash: u64, place: Place) {
        self.urls.push((hash, place));
    }

    /// Looks all keys up. Calls `visit` with the place of each key that has hits, and its hits: for addresses
    /// in their order, then for names in theirs.
    pub(crate) fn find(&mut self, index: &Index<'_>, mut visit: impl FnMut(Place, &[Hit])) {
        let Keys { names, name_places, addresses, address_places, hits, .. } = self;
        index.lookup_ipv4_batch(addresses, |at, entry| {
            let number = addresses.get(at).copied().unwrap_or(0);
            let hit = Hit { question: at as u32, entry, kind: HitKind::Address(Address::V4(number)) };
            address_places.get(at).iter().for_each(|place| visit(**place, &[hit]));
        });
        for (names, places) in names.chunks(NAMES).zip(name_places.chunks(NAMES)) {
            hits.clear();
            find_names(index, names, places, hits);
            for hits in hits.chunk_by(|one, next| one.question == next.question) {
                let place = hits.first().and_then(|hit| places.get(hit.question as usize));
                place.iter().for_each(|(_, place)| visit(*place, hits));
            }
        }
    }

    /// Calls `visit` with the place of each URL that may be listed.
    pub(crate) fn find_urls(&self, index: &Index<'_>, mut visit: impl FnMut(Place)) {
        for (hash, _) in &self.urls {
            index.prefetch_url(*hash);
        }
        for (hash, place) in &self.urls {
            if index.may_list_url(*hash) {
                visit(*place);
            }
        }
    }
}

/// Looks up to [`NAMES`] names up, and sorts the hits by name.
fn find_names(index: &Index<'_>, names: &[[u8; NAME_LEN]], places: &[(usize, Place)], hits: &mut Vec<Hit>) {
    let mut texts: [&[u8]; NAMES] = [&[]; NAMES];
    for ((text, name), (len, _)) in texts.iter_mut().zip(names).zip(places) {
        *text = name.get(..*len).unwrap_or(&[]);
    }
    let texts = texts.get(..names.len()).unwrap_or(&[]);
    index.lookup_names_batch(texts, |at, width, entry| {
        let below = texts.get(at as usize).is_some_and(|text| width < text.len());
        // A name has at most 253 bytes, so its width fits.
        hits.push(Hit { question: at, entry, kind: HitKind::Name { width: width as u16, below } });
    });
    hits.sort_unstable_by_key(|hit| hit.question);
}

/// Writes text with its bytes reversed, and ASCII in lower case. A byte beyond ASCII spoils those that are before it in
/// the text, by up to seven bytes.
#[inline(always)]
fn reverse_in_lower_case(text: &[u8], out: &mut [u8]) {
    let words = text.as_chunks::<8>().0.iter().rev();
    for (word, place) in words.zip(out.as_chunks_mut::<8>().0) {
        let word = u64::from_le_bytes(*word).swap_bytes();
        *place = (word | upper_case(word) >> 2).to_le_bytes();
    }
}

/// Bit 7 of each byte that is an upper-case letter.
#[inline(always)]
fn upper_case(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let from_a = word.wrapping_add(ONES * u64::from(0x80 - b'A'));
    let above_z = word.wrapping_add(ONES * u64::from(0x7F - b'Z'));
    from_a & !above_z & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_reversed_in_lower_case() {
        let text = b"x Ab-C_d.Example.ORG y";
        for start in 2..19 {
            let (mut keys, name) = (Keys::default(), &text[start..20]);
            keys.push_name(text, 20, name.len(), Place::default());
            let mut expected = name.to_ascii_lowercase();
            expected.reverse();
            assert_eq!(keys.names[0][..name.len()], expected);
        }
        let mut keys = Keys::default();
        let text = format!("\u{e9}{}A_b@c.example \u{e9}", "x".repeat(90));
        keys.push_name(text.as_bytes(), 105, 50, Place::default());
        assert_eq!(keys.names[0][..13], *b"elpmaxe.c@b_a");
        assert_eq!(keys.names[0][13..50], [b'x'; 37]);
        assert_eq!(keys.len(), 1);
        keys.truncate(Mark { names: 0, addresses: 0, urls: 0 });
        assert_eq!(keys.len(), 0);
    }
}
