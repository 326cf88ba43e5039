//! A reader for maps that the `fst` crate writes, which survives any bytes.
//!
//! The crate's own reader panics on damaged bytes, and a snapshot may be opened without a look at its
//! checksums. This reader implements the two operations that snapshots need: the value of the greatest key
//! that is not greater than a query, and a walk over all keys. Tests compare it with the crate.
//!
//! Version 3 of the format: u64 3, u64 0, states, u64 number of keys, u64 address of the root, u32 checksum.
//! The address of a state is the offset of its *last* byte, and a state is read downwards from there. Address
//! 0 is the state that is final and has no transitions. The top two bits of the last byte are the kind of the
//! state:
//! - `11`: one transition, without output, to the state that ends just below this one. The low six bits are
//!   the position of its byte in [`COMMON`], counted from 1; 0 means that the byte is stored below.
//! - `10`: one transition. The byte as above, a byte with two sizes (high half: address, low half: output),
//!   the address, the output.
//! - `0f`: a state that is final if *f* is set. The low six bits are the number of transitions; 0 means that
//!   it is in the byte below, where 1 means 256. Then the byte with the two sizes; with more than 32
//!   transitions, 256 bytes with the number of the transition for each byte, or a number not less than the
//!   count; the bytes, the addresses and the outputs of the transitions, the first transition of each list on
//!   top; for a final state, its own output.
//!
//! Addresses are stored as distances below the lowest byte of the state; 0 is address 0. The value of a key
//! is the sum of the outputs along its path and of the last state's own output. Each address must lie below
//! the one before, so that every walk ends.

use crate::layout::u64_at;

/// The bytes that a state may name by a six-bit number instead of storing them, most frequent first.
const COMMON: &[u8; 63] = b"te/oasripcnw.hlm-du012g=:bf3y5&_4v9678k%?xCDASFIBEjPTzRNM+LOqHG";
/// The address of the state that is final and has no transitions.
const EMPTY: usize = 0;
/// The bytes after the states: the number of keys, the root's address, a checksum.
const FOOT_LEN: usize = 20;
/// States with more transitions than this have a table of 256 instead of a list to search.
const LIST_MAX: usize = 32;

/// A map from keys to numbers in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FstMap<'a> {
    data: &'a [u8],
    root: usize,
}

/// A position of a walk: a state, and the sum of the outputs on the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    state: usize,
    output: u64,
}

/// A decoded state. `end` is its lowest byte, from which transition addresses count down.
#[derive(Clone, Copy)]
struct State {
    transitions: usize,
    inputs_at: usize,
    addresses_at: usize,
    outputs_at: usize,
    index_at: Option<usize>,
    address_len: usize,
    output_len: usize,
    end: usize,
    single: Option<u8>,
    next_is_neighbour: bool,
}

impl<'a> FstMap<'a> {
    /// The map in these bytes; one without keys where they are not a map.
    pub(crate) fn new(bytes: &'a [u8]) -> FstMap<'a> {
        let foot = bytes.len().saturating_sub(FOOT_LEN);
        let root = usize::try_from(u64_at(bytes, foot + 8)).unwrap_or(EMPTY);
        let sound = bytes.len() > FOOT_LEN && root < foot && root != EMPTY;
        FstMap { data: if sound { bytes } else { &[] }, root: if sound { root } else { EMPTY } }
    }

    /// The start of every walk; `None` in a map without keys.
    fn start(&self) -> Option<Position> {
        (self.root != EMPTY).then_some(Position { state: self.root, output: 0 })
    }

    /// The value of the key that ends here, if one does.
    #[inline]
    fn value(&self, at: Position) -> Option<u64> {
        if at.state == EMPTY {
            return Some(at.output);
        }
        if self.byte(at.state)? & 0b1100_0000 != 0b0100_0000 {
            return None;
        }
        let state = self.state(at.state)?;
        let output = if state.output_len == 0 { 0 } else { self.number(state.end, state.output_len)? };
        Some(at.output.wrapping_add(output))
    }

    /// The value of the greatest key that is not greater than `key`. No key is longer than `longest` bytes; a
    /// forged map may have paths as long as itself, and the bound keeps a look-up from walking them.
    pub(crate) fn floor(&self, key: &[u8], longest: usize) -> Option<u64> {
        let mut at = self.start()?;
        let mut below = None;
        let mut shorter = self.value(at);
        for byte in key {
            let Some(state) = self.state(at.state) else { break };
            if let Some(nth) = self.below(&state, *byte) {
                (below, shorter) = (self.follow(at, &state, nth), None);
            }
            match self.find(&state, *byte).and_then(|nth| self.follow(at, &state, nth)) {
                Some(next) => at = next,
                None => return shorter.or_else(|| self.greatest(below?, longest)),
            }
            if let Some(value) = self.value(at) {
                (below, shorter) = (None, Some(value));
            }
        }
        shorter.or_else(|| self.greatest(below?, longest))
    }

    /// The value of the greatest key after a position; `None` after more than `longest` transitions.
    fn greatest(&self, mut at: Position, longest: usize) -> Option<u64> {
        for _ in 0..=longest {
            let Some(state) = self.state(at.state).filter(|state| state.transitions > 0) else {
                return self.value(at);
            };
            at = self.follow(at, &state, state.transitions - 1)?;
        }
        None
    }

    /// The last transition whose byte is below this one.
    fn below(&self, state: &State, byte: u8) -> Option<usize> {
        let smaller = match state.single {
            Some(single) => usize::from(single < byte),
            None => {
                let inputs = self.data.get(state.addresses_at..state.inputs_at)?;
                inputs.iter().filter(|input| **input < byte).count()
            }
        };
        smaller.checked_sub(1)
    }

    /// Visits every key in order with its value. Returns `false` if it gave up after `steps_max` transitions:
    /// a forged map may have exponentially many paths.
    pub(crate) fn each(&self, steps_max: u64, mut visit: impl FnMut(&[u8], u64)) -> bool {
        let mut key = Vec::new();
        let Some(start) = self.start() else { return true };
        let mut stack = vec![(start, 0usize)];
        let mut steps = 0;
        if let Some(value) = self.value(start) {
            visit(&key, value);
        }
        while let Some((at, nth)) = stack.pop() {
            let Some((byte, next)) = self.nth(at, nth) else {
                key.pop();
                continue;
            };
            steps += 1;
            if steps > steps_max {
                return false;
            }
            stack.push((at, nth + 1));
            key.push(byte);
            stack.push((next, 0));
            if let Some(value) = self.value(next) {
                visit(&key, value);
            }
        }
        true
    }

    fn nth(&self, from: Position, nth: usize) -> Option<(u8, Position)> {
        let state = self.state(from.state)?;
        if nth >= state.transitions {
            return None;
        }
        let byte = match state.single {
            Some(byte) => byte,
            None => self.byte(state.inputs_at.wrapping_sub(nth + 1))?,
        };
        Some((byte, self.follow(from, &state, nth)?))
    }

    #[inline]
    fn byte(&self, at: usize) -> Option<u8> {
        self.data.get(at).copied()
    }

    /// A little-endian number of up to eight bytes. A footer follows the states, so that eight bytes can be
    /// loaded at once.
    #[inline]
    fn number(&self, at: usize, len: usize) -> Option<u64> {
        let bytes = self.data.get(at..)?;
        let word = u64::from_le_bytes(*bytes.first_chunk()?);
        Some(if len >= 8 { word } else { word & ((1 << (8 * len)) - 1) })
    }

    #[inline]
    fn state(&self, address: usize) -> Option<State> {
        if address == EMPTY {
            return None;
        }
        let head = self.byte(address)?;
        match head >> 6 {
            0b11 => self.state_with_neighbour(address, head),
            0b10 => self.state_with_one(address, head),
            _ => self.state_with_any(address, head),
        }
    }

    /// One transition, without output, to the state that ends just below this one.
    #[inline]
    fn state_with_neighbour(&self, address: usize, head: u8) -> Option<State> {
        let (byte, end) = self.single_input(address, head)?;
        Some(State { end, next_is_neighbour: true, ..State::with_single(byte) })
    }

    /// One transition, with an address and perhaps an output.
    #[inline]
    fn state_with_one(&self, address: usize, head: u8) -> Option<State> {
        let (byte, at) = self.single_input(address, head)?;
        let sizes_at = at.checked_sub(1)?;
        let (address_len, output_len) = split_sizes(self.byte(sizes_at)?)?;
        let end = sizes_at.checked_sub(address_len + output_len)?;
        Some(State {
            address_len,
            output_len,
            addresses_at: sizes_at,
            outputs_at: sizes_at - address_len,
            end,
            ..State::with_single(byte)
        })
    }

    /// The byte of a state with one transition, and the address below its input byte, if it stores one.
    #[inline]
    fn single_input(&self, address: usize, head: u8) -> Option<(u8, usize)> {
        match usize::from(head & 0b0011_1111).checked_sub(1) {
            Some(common) => Some((*COMMON.get(common)?, address)),
            None => {
                let below = address.checked_sub(1)?;
                Some((self.byte(below)?, below))
            }
        }
    }

    /// Any number of transitions; the only kind that can be final.
    #[inline]
    fn state_with_any(&self, address: usize, head: u8) -> Option<State> {
        let is_final = head & 0b0100_0000 != 0;
        let (transitions, at) = match usize::from(head & 0b0011_1111) {
            0 => {
                let below = address.checked_sub(1)?;
                let stated = usize::from(self.byte(below)?);
                (if stated == 1 { 256 } else { stated }, below)
            }
            stated => (stated, address),
        };
        let sizes_at = at.checked_sub(1)?;
        let (address_len, output_len) = split_sizes(self.byte(sizes_at)?)?;
        let index_len = if transitions > LIST_MAX { 256 } else { 0 };
        let inputs_at = sizes_at.checked_sub(index_len)?;
        let addresses_at = inputs_at.checked_sub(transitions)?;
        let outputs_at = addresses_at.checked_sub(transitions * address_len)?;
        let outputs = transitions + usize::from(is_final);
        let end = outputs_at.checked_sub(outputs * output_len)?;
        Some(State {
            transitions,
            inputs_at,
            addresses_at,
            outputs_at,
            index_at: (index_len > 0).then_some(inputs_at),
            address_len,
            output_len,
            end,
            single: None,
            next_is_neighbour: false,
        })
    }

    #[inline]
    fn find(&self, state: &State, byte: u8) -> Option<usize> {
        if let Some(single) = state.single {
            return (single == byte).then_some(0);
        }
        if let Some(index) = state.index_at {
            let nth = usize::from(self.byte(index + usize::from(byte))?);
            return (nth < state.transitions).then_some(nth);
        }
        let inputs = self.data.get(state.addresses_at..state.inputs_at)?;
        inputs.iter().rposition(|input| *input == byte).map(|at| state.transitions - at - 1)
    }

    #[inline]
    fn follow(&self, from: Position, state: &State, nth: usize) -> Option<Position> {
        if state.next_is_neighbour {
            return Some(Position { state: state.end.checked_sub(1)?, output: from.output });
        }
        let address_at = state.addresses_at.checked_sub((nth + 1) * state.address_len)?;
        let below = usize::try_from(self.number(address_at, state.address_len)?).ok()?;
        let next = if below == 0 { EMPTY } else { state.end.checked_sub(below)? };
        let output = if state.output_len == 0 {
            0
        } else {
            self.number(state.outputs_at.checked_sub((nth + 1) * state.output_len)?, state.output_len)?
        };
        (next < from.state).then_some(Position { state: next, output: from.output.wrapping_add(output) })
    }
}

impl State {
    #[inline]
    fn with_single(byte: u8) -> State {
        State {
            transitions: 1,
            inputs_at: 0,
            addresses_at: 0,
            outputs_at: 0,
            index_at: None,
            address_len: 0,
            output_len: 0,
            end: 0,
            single: Some(byte),
            next_is_neighbour: false,
        }
    }
}

/// The widths of addresses and outputs, from the byte that packs them.
#[inline]
fn split_sizes(byte: u8) -> Option<(usize, usize)> {
    let (address_len, output_len) = (usize::from(byte >> 4), usize::from(byte & 0b1111));
    (address_len <= 8 && output_len <= 8).then_some((address_len, output_len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn build(keys: &BTreeMap<Vec<u8>, u64>) -> Vec<u8> {
        let mut builder = fst::raw::Builder::memory();
        for (key, value) in keys {
            builder.insert(key, *value).expect("sorted");
        }
        builder.into_inner().expect("in memory")
    }

    fn assert_reads(keys: &BTreeMap<Vec<u8>, u64>) {
        let bytes = build(keys);
        let map = FstMap::new(&bytes);
        let mut seen = BTreeMap::new();
        assert!(map.each(1 << 20, |key, value| assert!(seen.insert(key.to_vec(), value).is_none())));
        assert_eq!(&seen, keys);
        for (key, value) in keys {
            assert_eq!(map.floor(key, 18), Some(*value));
            let mut longer = key.clone();
            longer.push(b'!');
            for near in [&longer, key, &key[..key.len() / 2], &key[key.len().min(1)..]] {
                let below = keys.range(..=near.to_vec()).next_back();
                assert_eq!(map.floor(near, 18), below.map(|(_, value)| *value));
            }
        }
    }

    #[test]
    fn walks_are_no_longer_than_the_longest_key() {
        let bytes = build(&[(vec![b'a'; 300], 7)].into());
        let map = FstMap::new(&bytes);
        assert_eq!((map.floor(b"b", 300), map.floor(b"b", 255)), (Some(7), None));
        assert_eq!(map.floor(&[b'a'; 300], 300), Some(7));
    }

    #[test]
    fn empty_maps_and_wide_states_are_read() {
        assert_reads(&BTreeMap::new());
        assert_reads(&(0..=255u8).map(|byte| (vec![byte], u64::from(byte) * 3)).collect());
        assert_reads(&(0..=255u8).map(|byte| (vec![b'x', byte, b'y'], u64::MAX - u64::from(byte))).collect());
    }

    proptest::proptest! {
        #[test]
        fn reads_what_the_fst_crate_writes(
            keys in proptest::collection::btree_map("[a-e.ü]{0,9}", 0u64..1 << 50, 0..300),
        ) {
            assert_reads(&keys.into_iter().map(|(key, value)| (key.into_bytes(), value)).collect());
        }

        #[test]
        fn damage_never_panics(at in 0usize..4000, bit in 0u8..8, cut in 0usize..4000) {
            let keys: BTreeMap<Vec<u8>, u64> =
                (0..300u64).map(|n| (format!("moc.{:x}.www", n * 7919).into_bytes(), n)).collect();
            let mut bytes = build(&keys);
            let len = bytes.len();
            bytes[at % len] ^= 1 << bit;
            for bytes in [&bytes[..], &bytes[..cut % len]] {
                let map = FstMap::new(bytes);
                keys.keys().for_each(|key| { let _ = map.floor(key, 255); });
                map.each(100_000, |_, _| {});
            }
        }
    }
}
