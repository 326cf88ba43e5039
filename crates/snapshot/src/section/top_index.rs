//! The top index: a map of the `fst` crate from separators to groups of sorted keys.
//!
//! It maps any key to the group that would hold it. A group has hundreds of keys or more, and a separator is
//! only as long as it must be to differ from the group before, so that the map is small and quickly built.

/// The shortest text that is not greater than the key `first`, and greater than the key before it. Before the first
/// of all keys, `before` is `None`.
pub(super) fn separator<'k>(before: Option<&[u8]>, first: &'k [u8]) -> &'k [u8] {
    before.map_or(&[], |before| first.get(..shared(before, first) + 1).unwrap_or(first))
}

/// Makes the map from separator to group, of all groups but the first. Keys are sorted and distinct.
///
/// It cannot fail: separators of sorted, distinct keys rise, and the writer is memory. Were keys unsorted,
/// separators would be missing, and the verification of references before publication would reject the file.
pub(super) struct TopIndexWriter {
    builder: fst::raw::Builder<Vec<u8>>,
    groups: u64,
}

impl TopIndexWriter {
    /// A map without groups.
    pub(super) fn new() -> TopIndexWriter {
        TopIndexWriter { builder: fst::raw::Builder::memory(), groups: 0 }
    }

    /// Begins the next group, with this separator.
    pub(super) fn begin(&mut self, separator: &[u8]) {
        if self.groups > 0 && self.builder.insert(separator, self.groups).is_err() {
            debug_assert!(false, "keys are sorted and distinct");
        }
        self.groups += 1;
    }

    /// The bytes of the map.
    pub(super) fn finish(self) -> Vec<u8> {
        self.builder.into_inner().unwrap_or_default()
    }
}

/// The length of the longest common prefix of two texts.
pub(super) fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fst_map::FstMap;

    #[test]
    fn every_key_is_mapped_to_its_group() {
        let mut keys: Vec<String> = (0..5000).map(|n| format!("moc.{:x}", n * 7919 % 65_537)).collect();
        keys.sort();
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let mut writer = TopIndexWriter::new();
        for at in (0..keys.len()).step_by(100) {
            writer.begin(separator(at.checked_sub(1).map(|before| keys[before]), keys[at]));
        }
        let bytes = writer.finish();
        let map = FstMap::new(&bytes);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(map.floor(key, 255).unwrap_or(0), at as u64 / 100);
        }
    }
}
