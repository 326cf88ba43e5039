//! What is shipped arrives as it was: byte for byte, by every path, or not at all.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

mod world;

use rapsheet_assemble::Scratch;
use rapsheet_ship::{Limits, ShipError, delta, recomposed, slim};
use rapsheet_snapshot::Snapshot;
use std::path::{Path, PathBuf};
use world::{Random, World};

fn delta_of(from: &Snapshot, to: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    delta::write(from, to, &mut out).expect("sound snapshots");
    out
}

fn apply(from: &Snapshot, delta: &[u8]) -> Result<Vec<u8>, ShipError> {
    let image = delta::apply(from, delta, &Limits::default(), &Scratch::unlimited())?;
    Ok(image.to_bytes())
}

fn slim_of(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Vec::new();
    slim::write(snapshot, &mut out).expect("writing to memory");
    out
}

fn unpack(slim: &[u8]) -> Result<Vec<u8>, ShipError> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, _) = slim::apply(&mut &slim[..], &folder.path().join("x.rap"), &Limits::default())?;
    Ok(std::fs::read(file.temporary_path()).expect("the file"))
}

fn assert_same(found: &[u8], expected: &Snapshot, what: std::fmt::Arguments<'_>) {
    assert!(found == expected.file_bytes(), "{what}");
}

/// The smallest snapshots that are at hand without a builder.
fn golden() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let files = std::fs::read_dir(folder).expect("the folder of golden files");
    files
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|e| e == "rap"))
        .collect()
}

#[test]
fn golden_files_are_made_anew_from_their_rows() {
    let empty = World::new(1, 0).snapshot();
    for path in golden() {
        let snapshot = Snapshot::open(&path).expect("a sound file");
        let made = recomposed(&snapshot, &Scratch::unlimited()).expect("a sound file").to_bytes();
        assert_same(&made, &snapshot, format_args!("{}", path.display()));
        assert_same(&unpack(&slim_of(&snapshot)).expect("sound"), &snapshot, format_args!("slim"));
        for (from, to) in [(&empty, &snapshot), (&snapshot, &empty), (&snapshot, &snapshot)] {
            assert_same(&apply(from, &delta_of(from, to)).expect("sound"), to, format_args!("delta"));
        }
    }
}

#[test]
fn all_paths_lead_to_the_publishers_file() {
    follow_worlds(0..15);
}

#[test]
#[ignore = "a thousand pairs take minutes"]
fn all_paths_of_a_thousand_pairs_lead_to_the_publishers_file() {
    follow_worlds(15..265);
}

/// Four days of each world: one by one at several numbers of threads, all at once, and as slim files.
fn follow_worlds(seeds: std::ops::Range<u64>) {
    let pools = [1, 2, 8]
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads"));
    for seed in seeds {
        let mut world = World::new(seed, [0, 3, 40, 400][seed as usize % 4]);
        let first = world.snapshot();
        let mut chained = first.file_bytes().to_vec();
        let mut before = world.snapshot();
        for day in 0..4 {
            world.pass();
            let now = world.snapshot();
            let made = recomposed(&now, &Scratch::unlimited()).expect("sound").to_bytes();
            assert_same(&made, &now, format_args!("seed {seed}, day {day}: made anew"));
            let daily = delta_of(&before, &now);
            let held = Snapshot::from_bytes(chained).expect("sound");
            for pool in &pools {
                let found = pool.install(|| apply(&held, &daily)).expect("a sound delta");
                assert_same(&found, &now, format_args!("seed {seed}, day {day}: a day"));
            }
            chained = apply(&held, &daily).expect("a sound delta");
            let squashed = apply(&first, &delta_of(&first, &now)).expect("a sound delta");
            assert_same(&squashed, &now, format_args!("seed {seed}, day {day}: all days"));
            let unpacked = unpack(&slim_of(&now)).expect("a sound slim file");
            assert_same(&unpacked, &now, format_args!("seed {seed}, day {day}: slim"));
            before = now;
        }
    }
}

/// Each bit is another one, the file ends early, or has a byte more: `read` accepts none of it.
fn assert_refuses_damage(sound: &[u8], mut read: impl FnMut(&[u8]) -> bool) {
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut bytes = sound.to_vec();
            bytes[at] ^= 1 << bit;
            assert!(!read(&bytes), "bit {bit} of byte {at} of {} is another one", sound.len());
        }
        assert!(!read(&sound[..at]), "{at} of {} bytes", sound.len());
    }
    assert!(!read(&[sound, &[0]].concat()), "a byte more");
    assert!(read(sound));
}

#[test]
fn damage_is_refused() {
    let mut world = World::new(3, 40);
    let before = world.snapshot();
    world.pass();
    let now = world.snapshot();
    assert_refuses_damage(&delta_of(&before, &now), |bytes| apply(&before, bytes).is_ok());
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("x.rap");
    let unpack = |mut bytes: &[u8]| slim::apply(&mut bytes, &target, &Limits::default()).is_ok();
    assert_refuses_damage(&slim_of(&now), unpack);
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0, "nothing is left");
}

/// Sets the digest at the end of a file, as a hostile publisher does.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - blake3::OUT_LEN;
    let digest = blake3::hash(&bytes[..body]);
    bytes.truncate(body);
    bytes.extend(digest.as_bytes());
    bytes
}

#[test]
fn forged_files_with_a_sound_digest_are_refused() {
    let mut world = World::new(9, 400);
    let before = world.snapshot();
    (0..3).for_each(|_| world.pass());
    let now = world.snapshot();
    let (delta, slim) = (delta_of(&before, &now), slim_of(&now));
    let mut random = Random::new(11);
    for round in 0..1500 {
        for (sound, is_delta) in [(&delta, true), (&slim, false)] {
            let mut bytes = sound.clone();
            for _ in 0..=random.below(4) {
                let at = random.below((bytes.len() - blake3::OUT_LEN) as u64) as usize;
                bytes[at] = random.next() as u8;
            }
            if bytes == *sound {
                continue;
            }
            let bytes = sealed(bytes);
            let result = if is_delta { apply(&before, &bytes) } else { unpack(&bytes) };
            // What is not looked at may differ: then the snapshot is the publisher's all the same.
            if let Ok(found) = result {
                assert_same(&found, &now, format_args!("round {round}"));
            }
        }
    }
}

#[test]
fn a_delta_from_another_snapshot_is_refused() {
    let (one, other, third) =
        (World::new(1, 9).snapshot(), World::new(2, 9).snapshot(), World::new(3, 9).snapshot());
    let error = apply(&third, &delta_of(&one, &other)).expect_err("another snapshot");
    assert!(matches!(error, ShipError::OtherSnapshot { .. }), "{error}");
    assert!(error.to_string().contains("take another delta"), "{error}");
}

#[test]
fn snapshots_beyond_the_limit_are_refused() {
    let (before, now) = (World::new(1, 9).snapshot(), World::new(2, 90).snapshot());
    let limits = Limits::new(now.byte_len() - 1);
    let delta = delta_of(&before, &now);
    let refused = delta::apply(&before, &delta, &limits, &Scratch::unlimited()).err().expect("too long");
    assert!(refused.to_string().contains("at most"), "{refused}");
    let folder = tempfile::tempdir().expect("a folder");
    let slim = slim_of(&now);
    let refused = slim::apply(&mut &slim[..], &folder.path().join("x"), &limits).err().expect("too long");
    assert!(refused.to_string().contains("at most"), "{refused}");
}
