//! Texts that are made once and printed many times.
//!
//! Answers to a million questions have a few hundred texts: of a provider and its words, of a feed and its times. Each
//! is kept under the numbers that it is made of. The memory is bounded, because entries may have times of their own:
//! when it is full, it is emptied.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

/// How many texts are kept.
const TEXTS_MAX: usize = 1 << 14;

/// Texts by what they are made of.
pub struct Interned<K> {
    /// Where each text is in `texts`.
    places: HashMap<K, Range<usize>>,
    /// All texts, one after another.
    texts: Vec<u8>,
}

impl<K: Hash + Eq> Default for Interned<K> {
    fn default() -> Interned<K> {
        Interned::new()
    }
}

impl<K: Hash + Eq> Interned<K> {
    /// None yet.
    pub fn new() -> Interned<K> {
        Interned { places: HashMap::new(), texts: Vec::new() }
    }

    /// Appends the text of a key to `out`; `make` makes one that is not there yet.
    pub fn append<Q: Hash + Eq + ToOwned<Owned = K> + ?Sized>(
        &mut self,
        key: &Q,
        out: &mut Vec<u8>,
        make: impl FnOnce(&mut Vec<u8>),
    ) where
        K: Borrow<Q>,
    {
        if let Some(text) = self.places.get(key).and_then(|place| self.texts.get(place.clone())) {
            return out.extend_from_slice(text);
        }
        if self.places.len() >= TEXTS_MAX {
            self.places.clear();
            self.texts.clear();
        }
        let start = self.texts.len();
        make(&mut self.texts);
        out.extend_from_slice(self.texts.get(start..).unwrap_or(&[]));
        self.places.insert(key.to_owned(), start..self.texts.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_once_and_forgotten_when_there_are_too_many() {
        let (mut interned, mut out, mut made) = (Interned::<usize>::new(), Vec::new(), 0);
        for key in [1, 2, 1, 2].into_iter().chain(0..TEXTS_MAX + 5).chain([TEXTS_MAX + 4]) {
            interned.append(&key, &mut out, |text| {
                made += 1;
                text.extend(format!("{key};").bytes());
            });
        }
        assert!(out.starts_with(b"1;2;1;2;0;1;2;3;") && out.ends_with(b"16388;16388;"));
        assert_eq!(made, TEXTS_MAX + 5, "each once, although two were made early");
        assert!(interned.places.len() < 10 && interned.texts.len() < 100);
    }
}
