//! The transducer above sorted keys that stand in groups: from any key to the group that would hold it.
//!
//! One key in some hundreds is in it, and of these only so much as tells a group from the one before, so that it is small and
//! quickly built.

/// The shortest text that is not greater than the key at `at`, and greater than all keys before it.
pub(super) fn separator<'k>(keys: &[&'k [u8]], at: usize) -> &'k [u8] {
    match (at.checked_sub(1).and_then(|before| keys.get(before)), keys.get(at)) {
        (Some(before), Some(first)) => first.get(..shared(before, first) + 1).unwrap_or(first),
        _ => &[],
    }
}

/// The transducer from separator to group, of all groups but the first; each begins with the key at its start.
pub(super) fn encode(keys: &[&[u8]], starts: &[usize]) -> Vec<u8> {
    let mut builder = fst::raw::Builder::memory();
    for (group, start) in (0u64..).zip(starts).skip(1) {
        if builder.insert(separator(keys, *start), group).is_err() {
            debug_assert!(false, "keys are sorted and distinct");
        }
    }
    builder.into_inner().unwrap_or_default()
}

/// How many bytes two texts begin with alike.
pub(super) fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::automaton::Automaton;

    #[test]
    fn every_key_is_led_to_its_group() {
        let mut keys: Vec<String> = (0..5000).map(|n| format!("moc.{:x}", n * 7919 % 65_537)).collect();
        keys.sort();
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let starts: Vec<usize> = (0..keys.len()).step_by(100).collect();
        let bytes = encode(&keys, &starts);
        let spine = Automaton::new(&bytes);
        for (at, key) in keys.iter().enumerate() {
            assert_eq!(spine.floor(key, 255).unwrap_or(0), at as u64 / 100);
        }
    }
}
