//! Any bytes as a state file: a build takes it or refuses it, and what it builds is sound.
//!
//! An even first byte: the rest is the file. An odd one: the rest is patches of a sound file, three bytes each (a
//! little-endian offset and the new byte). The checksum at the end is mended.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_fuzz::{Feeds, SAMPLE};
use rapsheet_snapshot::Snapshot;
use std::sync::LazyLock;

static FEEDS: LazyLock<Feeds> = LazyLock::new(Feeds::new);

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let mut file = if kind % 2 == 0 { rest.to_vec() } else { patched(rest) };
    if let Some((body, checksum)) = file.split_last_chunk_mut::<4>() {
        *checksum = crc32fast::hash(body).to_le_bytes();
    }
    if let Some(built) = FEEDS.build(Some(&file)) {
        let snapshot = Snapshot::from_bytes(built.image.to_bytes()).expect("a sound snapshot");
        snapshot.verify_references().expect("sound references");
    }
});

fn patched(patches: &[u8]) -> Vec<u8> {
    let mut file = SAMPLE.1.clone();
    for patch in patches.as_chunks::<3>().0 {
        let [low, high, byte] = *patch;
        let at = usize::from(u16::from_le_bytes([low, high])) % file.len();
        file[at] = byte;
    }
    file
}
