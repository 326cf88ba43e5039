//! Ids made of names: UUIDs of version 5 (RFC 9562), which are the beginning of a SHA-1.

use std::fmt;

/// The namespace of our ids: made at random, once.
const NAMESPACE: [u8; 16] =
    [0x6f, 0x0d, 0x52, 0xc1, 0x1d, 0x0e, 0x4b, 0x7a, 0x9a, 0x53, 0xe4, 0x0c, 0x27, 0x8b, 0x91, 0xd5];

/// A UUID.
pub(super) struct Uuid([u8; 16]);

impl Uuid {
    /// The id of a name.
    pub(super) fn of(name: &str) -> Uuid {
        Uuid::in_namespace(NAMESPACE, name)
    }

    fn in_namespace(namespace: [u8; 16], name: &str) -> Uuid {
        let [a, b, c, d, _] = sha1(&[&namespace, name.as_bytes()].concat());
        let bits = [a, b, c, d].into_iter().fold(0u128, |bits, word| bits << 32 | u128::from(word));
        let bits = bits & !(0xf << 76 | 0b11 << 62) | 5 << 76 | 0b10 << 62;
        // A byte each, the highest first.
        Uuid(std::array::from_fn(|at| (bits >> (120 - 8 * at)) as u8))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

/// SHA-1 (RFC 3174). It names, and protects nothing.
fn sha1(text: &[u8]) -> [u32; 5] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let bits = text.len() as u64 * 8;
    let mut padded = text.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend((0..8).rev().map(|at| (bits >> (8 * at)) as u8));
    for block in padded.as_chunks::<64>().0 {
        state = mixed(state, block);
    }
    state
}

fn mixed(state: [u32; 5], block: &[u8; 64]) -> [u32; 5] {
    // The last 16 words of the schedule, in a ring.
    let mut words = [0u32; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    }
    let [mut a, mut b, mut c, mut d, mut e] = state;
    for round in 0..80 {
        let [word, _, third, .., ninth, _, _, _, _, last, _, _] = words;
        let (mix, constant) = match round / 20 {
            0 => (b & c | !b & d, 0x5a82_7999u32),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6),
        };
        let next = a.rotate_left(5).wrapping_add(mix).wrapping_add(e).wrapping_add(constant);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next.wrapping_add(word));
        words.rotate_left(1);
        if let Some(newest) = words.last_mut() {
            *newest = (word ^ third ^ ninth ^ last).rotate_left(1);
        }
    }
    let [h0, h1, h2, h3, h4] = state;
    [h0.wrapping_add(a), h1.wrapping_add(b), h2.wrapping_add(c), h3.wrapping_add(d), h4.wrapping_add(e)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_ids_of_the_standards() {
        let hex = |text: &[u8]| sha1(text).map(|word| format!("{word:08x}")).concat();
        assert_eq!(hex(b""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!(hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hex(&[b'a'; 1_000_000]), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
        // RFC 9562, appendix A.4.
        let dns = 0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8u128;
        let namespace = std::array::from_fn(|at| (dns >> (120 - 8 * at)) as u8);
        let id = Uuid::in_namespace(namespace, "www.example.com");
        assert_eq!(id.to_string(), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    }
}
