//! Any bytes as a delta or a slim file with a sound digest, as a hostile publisher makes them: refused, or the snapshot
//! that they state.
//!
//! By the first byte, modulo 4: the rest is a delta; or patches of a sound delta, three bytes each (a little-endian
//! offset and the new byte); or a slim file; or patches of a sound one. The digest at the end is mended. What uses more
//! time or memory than it should is found by the limits of a run.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rapsheet_assemble::Scratch;
use rapsheet_fuzz::{SAMPLE, SHIPPED};
use rapsheet_ship::{Limits, SnapshotId, delta, slim};
use rapsheet_snapshot::Snapshot;
use std::sync::LazyLock;

const LIMITS: Limits = Limits::new(1 << 20);
const DIGEST: usize = blake3::OUT_LEN;

static BEFORE: LazyLock<Snapshot> =
    LazyLock::new(|| Snapshot::from_bytes(rapsheet_fuzz::GOLDEN.to_vec()).expect("the golden file is sound"));
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    let (sound_delta, sound_slim) = &*SHIPPED;
    match kind % 4 {
        0 => apply(sealed(rest.to_vec())),
        1 => apply(sealed(patched(sound_delta, rest))),
        2 => unpack(sealed(rest.to_vec())),
        _ => unpack(sealed(patched(sound_slim, rest))),
    }
});

fn apply(bytes: Vec<u8>) {
    let Ok(image) = delta::apply(&BEFORE, &bytes, &LIMITS, &Scratch::unlimited()) else { return };
    let stated = delta::header(&bytes, &LIMITS).expect("it was applied").to;
    let made = Snapshot::from_bytes(image.to_bytes()).expect("its checksums are made with it");
    assert_eq!(SnapshotId::of(&made), stated);
}

fn unpack(bytes: Vec<u8>) {
    let target = FOLDER.path().join("x.rap");
    let Ok((file, id)) = slim::apply(&mut bytes.as_slice(), &target, &LIMITS) else { return };
    let made = std::fs::read(file.temporary_path()).expect("the file");
    assert_eq!((*blake3::hash(&made).as_bytes(), made.len() as u64), (id.hash, id.byte_len));
    assert!(made.len() as u64 <= LIMITS.snapshot_len);
    // A publisher may state what is not sound; what the sample gives is.
    assert!(made != SAMPLE.0 || Snapshot::from_bytes(made).is_ok());
}

/// With the digest of its bytes at the end.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some((body, digest)) = bytes.split_last_chunk_mut::<DIGEST>() {
        *digest = *blake3::hash(body).as_bytes();
    }
    bytes
}

fn patched(sound: &[u8], patches: &[u8]) -> Vec<u8> {
    let mut file = sound.to_vec();
    for patch in patches.as_chunks::<3>().0 {
        let [low, high, byte] = *patch;
        let at = usize::from(u16::from_le_bytes([low, high])) % file.len();
        file[at] = byte;
    }
    file
}
