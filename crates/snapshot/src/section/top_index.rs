//! The top index: a map of the `fst` crate from separators to groups of sorted keys.
//!
//! It maps any key to the group that would hold it. A group has hundreds of keys or more, and a separator is
//! only as long as it must be to differ from the group before, so that the map is small and quickly built.

/// The shortest text that is not greater than the key at `at`, and greater than all keys before it.
pub(super) fn separator<'k>(keys: &[&'k [u8]], at: usize) -> &'k [u8] {
    match (at.checked_sub(1).and_then(|before| keys.get(before)), keys.get(at)) {
        (Some(before), Some(first)) => first.get(..shared(before, first) + 1).unwrap_or(first),
        _ => &[],
    }
}

/// The map from separator to group, of all groups but the first. Each group begins with the key at its start;
/// keys are sorted and distinct.
///
/// It cannot fail: separators of sorted, distinct keys rise, and the writer is memory. Were keys unsorted,
/// separators would be missing, and the verification of references before publication would reject the file.
pub(super) fn encode(keys: &[&[u8]], starts: &[usize]) -> Vec<u8> {
    let mut builder = fst::raw::Builder::memory();
    for (group, start) in (0u64..).zip(starts).skip(1) {
        if builder.insert(separator(keys, *start), group).is_err() {
            debug_assert!(false, "keys are sorted and distinct");
        }
    }
    builder.into_inner().unwrap_or_default()
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
        let starts: Vec<usize> = (0..keys.len()).step_by(100).collect();
        let bytes = encode(&keys, &starts);
        let map = FstMap::new(&bytes);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(map.floor(key, 255).unwrap_or(0), at as u64 / 100);
        }
    }
}
