//! Look-ups: from questions to the entries of the index that match them.
//!
//! Batches are the primary form, because the cache misses of a look-up (a filter line, a directory line, a
//! leaf) overlap with those of others only in a batch.

use crate::question::{HostRef, Item, Questions};
use rapsheet_snapshot::{Address, Entry, Index, Sighting, hash_of_url};

/// One entry that matches one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The position of the question.
    pub question: u32,
    /// The entry.
    pub entry: Entry,
    /// What of the question the entry matches.
    pub kind: HitKind,
}

/// What of a question an entry matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitKind {
    /// This address lies in the entry's range.
    Address(Address),
    /// The last `width` bytes of the name are the entry's name.
    Name {
        /// The length of the entry's name, in bytes.
        width: u16,
        /// Whether the name in question is a proper descendant of the entry's.
        below: bool,
    },
    /// The whole URL, with its scheme or without.
    Url {
        /// Whether the list names it without a scheme.
        schemeless: bool,
    },
}

impl HitKind {
    /// Whether the name in question is a proper descendant of the entry's.
    pub fn is_below(self) -> bool {
        matches!(self, HitKind::Name { below: true, .. })
    }
}

/// The sightings of what a hit found.
pub(crate) fn sightings<'a>(index: &Index<'a>, hit: &Hit) -> impl Iterator<Item = Sighting> + use<'a> {
    // What names and URLs have of the entry does not depend on the address.
    let address = if let HitKind::Address(address) = hit.kind { address } else { Address::V6(0) };
    index.sightings_of(hit.entry, address)
}

/// Finds every entry for every question. Hits are in the order of the questions; those of one question are in
/// no order. Questions of ranges have no hits, because what overlaps them is found by a walk and not by a
/// look-up; see [`Searcher::verdict`](crate::Searcher::verdict).
pub(crate) fn find_many(index: &Index<'_>, questions: &Questions, hits: &mut Vec<Hit>) {
    let mut names: KeyBatch<&[u8]> = KeyBatch::new();
    let mut v4: KeyBatch<u32> = KeyBatch::new();
    let mut v6: KeyBatch<u128> = KeyBatch::new();
    for (at, item) in (0u32..).zip(questions.items()) {
        match item {
            Item::Name(name) if names.push(questions.bytes(&name.reversed), at) => {
                names.find(index, hits);
            }
            Item::Address(Address::V4(number)) if v4.push(*number, at) => v4.find(index, hits),
            Item::Address(Address::V6(number)) if v6.push(*number, at) => v6.find(index, hits),
            Item::Name(_) | Item::Address(_) => {}
            item => find(index, questions, item, at, hits),
        }
    }
    names.find(index, hits);
    v4.find(index, hits);
    v6.find(index, hits);
    hits.sort_unstable_by_key(|hit| hit.question);
}

/// How many keys of one kind are looked up together.
const KEYS_MAX: usize = 256;

/// Keys of one kind that are looked up together once there are [`KEYS_MAX`] of them.
struct KeyBatch<K> {
    keys: [K; KEYS_MAX],
    questions: [u32; KEYS_MAX],
    count: usize,
}

impl<K: Copy + Default> KeyBatch<K> {
    fn new() -> KeyBatch<K> {
        KeyBatch { keys: [K::default(); KEYS_MAX], questions: [0; KEYS_MAX], count: 0 }
    }

    /// Adds the key of a question. Returns whether the batch is full and must be looked up.
    #[inline]
    fn push(&mut self, key: K, question: u32) -> bool {
        if let (Some(slot), Some(at)) = (self.keys.get_mut(self.count), self.questions.get_mut(self.count)) {
            (*slot, *at) = (key, question);
            self.count += 1;
        }
        self.count == KEYS_MAX
    }

    /// Empties the batch. Returns its keys, and the questions, of which the first ones belong to the keys.
    fn take(&mut self) -> (&[K], &[u32]) {
        let count = std::mem::take(&mut self.count);
        (self.keys.get(..count).unwrap_or(&[]), &self.questions)
    }
}

impl KeyBatch<&[u8]> {
    fn find(&mut self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        let (names, questions) = self.take();
        index.lookup_names_batch(names, |at, width, entry| {
            let length = names.get(at as usize).map_or(0, |name| name.len());
            // A name has at most 253 bytes, so its width fits.
            let kind = HitKind::Name { width: width as u16, below: width < length };
            push_hit(questions, at as usize, entry, kind, hits);
        });
    }
}

impl KeyBatch<u32> {
    fn find(&mut self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        let (addresses, questions) = self.take();
        index.lookup_ipv4_batch(addresses, |at, entry| {
            let address = addresses.get(at).copied().unwrap_or(0);
            push_hit(questions, at, entry, HitKind::Address(Address::V4(address)), hits);
        });
    }
}

impl KeyBatch<u128> {
    fn find(&mut self, index: &Index<'_>, hits: &mut Vec<Hit>) {
        let (addresses, questions) = self.take();
        index.lookup_ipv6_batch(addresses, |at, entry| {
            let address = addresses.get(at).copied().unwrap_or(0);
            push_hit(questions, at, entry, HitKind::Address(Address::V6(address)), hits);
        });
    }
}

#[inline]
fn push_hit(questions: &[u32], at: usize, entry: Entry, kind: HitKind, hits: &mut Vec<Hit>) {
    let question = questions.get(at).copied().unwrap_or(0);
    hits.push(Hit { question, entry, kind });
}

/// Finds every entry for one question. A question of a range has no hits; see [`find_many`].
#[inline]
pub(crate) fn find(index: &Index<'_>, questions: &Questions, item: &Item, at: u32, hits: &mut Vec<Hit>) {
    match item {
        Item::Address(address) => find_address(index, *address, at, hits),
        Item::Range(_) => {}
        Item::Name(name) => find_name(index, questions.bytes(&name.reversed), at, hits),
        Item::Url { text, schemeless, host } => {
            let bare = questions.bytes(schemeless);
            if index.may_list_url(hash_of_url(bare)) {
                find_url(index, questions.bytes(text), false, at, hits);
                // The text of a question that has no scheme is its schemeless text.
                if text != schemeless {
                    find_url(index, bare, true, at, hits);
                }
            }
            match host {
                HostRef::Address(address) => find_address(index, *address, at, hits),
                HostRef::Name(name) => find_name(index, questions.bytes(&name.reversed), at, hits),
            }
        }
    }
}

#[inline]
fn find_address(index: &Index<'_>, address: Address, question: u32, hits: &mut Vec<Hit>) {
    if let Some(entry) = index.address(address) {
        hits.push(Hit { question, entry, kind: HitKind::Address(address) });
    }
}

#[inline]
fn find_name(index: &Index<'_>, reversed: &[u8], question: u32, hits: &mut Vec<Hit>) {
    index.each_covering_name(reversed, |width, entry| {
        // A name has at most 253 bytes, so its width fits.
        let kind = HitKind::Name { width: width as u16, below: width < reversed.len() };
        hits.push(Hit { question, entry, kind });
    });
}

#[inline]
fn find_url(index: &Index<'_>, url: &[u8], schemeless: bool, question: u32, hits: &mut Vec<Hit>) {
    if let Some(entry) = index.url(url) {
        hits.push(Hit { question, entry, kind: HitKind::Url { schemeless } });
    }
}
