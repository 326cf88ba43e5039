//! A hostile publisher, whose signature is sound: no panic, memory and time are bounded, and the old snapshot stays.

use super::host::{Host, Overlay};
use super::publisher::Publisher;
use crate::random::Random;
use crate::test_dir::stderr;
use rapsheet_ship::{Cause, Digest, Folder, Limits, MANIFEST, PublishedDelta};
use std::process::Command;
use std::time::{Duration, Instant};

fn behind(rows: usize) -> (Publisher, Host) {
    let mut publisher = Publisher::with_publications(rows, 1);
    let host = Host::of(&publisher.site(), publisher.now());
    publisher.next();
    (publisher, host)
}

/// Expects that what is signed is refused, soon.
#[track_caller]
fn assert_refused(publisher: &Publisher, host: &Host, context: &str) -> (Cause, String) {
    let (before, began) = (host.bytes(), Instant::now());
    let limits = Limits::new(1 << 24);
    let site = Folder(publisher.site());
    let refused = host.pull_with(&site, publisher.now(), |pull| pull.limits = limits).expect_err(context);
    assert!(host.bytes() == before, "{context}: the old snapshot stays");
    assert!(began.elapsed() < Duration::from_secs(20), "{context}: {:?}", began.elapsed());
    refused
}

/// With the digest that belongs at its end.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let digest = Digest::of(&bytes[..body]);
    bytes.truncate(body);
    bytes.extend(digest.0);
    bytes
}

/// Changes some bytes, or takes some out, or doubles some.
fn mutated(sound: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = sound[..sound.len() - 32].to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => drop(bytes.drain(at..(at + 1 + random.below(20) as usize).min(bytes.len() - 1).max(at))),
            _ => {
                let copy = bytes[at..(at + 30).min(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    bytes.extend([0; 32]);
    sealed(bytes)
}

#[test]
fn garbage_that_is_signed() {
    let (publisher, host) = behind(40);
    let mut random = Random::new(3);
    for length in [0, 1, 8, 31, 32, 33, 56, 100, 1000, 100_000] {
        let garbage: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        publisher.forge_file("delta", &garbage);
        publisher.forge_file("full", &garbage);
        let (cause, text) = assert_refused(&publisher, &host, &format!("{length} bytes"));
        assert_eq!(cause, Cause::Damaged, "{text}");
    }
}

/// A delta that was changed and signed leads to the newest snapshot by itself, or the whole file does.
#[test]
fn changed_deltas_that_are_signed() {
    let (publisher, host) = behind(200);
    let site = publisher.site();
    let (delta, mut random) = (publisher.read(&publisher.manifest().deltas[0].file.path), Random::new(5));
    let mut refused = 0;
    for round in 0..150 {
        let other = Host::new();
        super::publisher::copy_folder(&host.path("."), &other.path("."));
        publisher.forge_file("delta", &mutated(&delta, &mut random));
        let began = Instant::now();
        let pulled = other.pull(&Folder(site.clone()), publisher.now()).expect("the whole file is sound");
        assert!(other.bytes() == Some(publisher.bytes()), "round {round}");
        assert!(began.elapsed() < Duration::from_secs(20), "round {round}");
        refused += usize::from(pulled.fallback.is_some());
        let full = publisher.manifest().full.path;
        if round % 5 == 0 && pulled.fallback.is_some() {
            let origin = Overlay::new(&site).without(&full);
            host.pull(&origin, publisher.now()).expect_err("nothing is sound");
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn changed_whole_files_that_are_signed() {
    let (publisher, host) = behind(200);
    publisher.forge(|manifest| manifest.deltas.clear());
    let (full, mut random) = (publisher.read(&publisher.manifest().full.path), Random::new(7));
    for round in 0..150 {
        let forged = mutated(&full, &mut random);
        publisher.forge_file("full", &forged);
        if forged != full {
            assert_refused(&publisher, &host, &format!("round {round}"));
        }
    }
}

/// One whole file that states so many bytes of snapshot, and is one zstd frame of `blocks` times 128 KiB of zeros.
fn bomb(snapshot: u64, blocks: usize) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    // A window of 128 KiB; blocks of one byte that repeats (RFC 8878, 3.1.1).
    let mut frame = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    for block in (0..blocks).rev() {
        let header = BLOCK << 3 | 1 << 1 | u32::from(block == 0);
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    let mut bytes = b"\x89RSZ\r\n\x1a\n\x01\0\0\0\x01\0\0\0".to_vec();
    bytes.extend([0; 32]);
    bytes.extend(snapshot.to_le_bytes());
    for number in [0, snapshot, frame.len() as u64] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(frame);
    bytes.extend([0; 32]);
    sealed(bytes)
}

/// A gibibyte of zeros in a few kilobytes; more than the host takes, or more than is stated.
#[test]
fn a_whole_file_that_grows_without_end() {
    let (publisher, host) = behind(40);
    publisher.forge(|manifest| manifest.deltas.clear());
    for (states, manifest_states, says) in [
        (1 << 30, 1 << 30, "at most 16777216 bytes"),
        (1 << 20, 1 << 20, "longer"),
        (1 << 20, 1 << 10, "at most 1024 bytes"),
        (u64::MAX, u64::MAX, "at most 16777216 bytes"),
    ] {
        publisher.forge_file("full", &bomb(states, 8192));
        publisher.forge(|manifest| manifest.snapshot.bytes = manifest_states);
        let (cause, text) = assert_refused(&publisher, &host, says);
        let states_too_much = manifest_states > 16 << 20;
        assert_eq!(cause, if states_too_much { Cause::Manifest } else { Cause::Damaged }, "{text}");
        assert!(text.contains(says), "{text}");
    }
}

/// What comes out has the length that was signed.
#[test]
fn a_length_that_is_not_that_of_the_snapshot() {
    let (publisher, host) = behind(40);
    publisher.forge(|manifest| {
        manifest.deltas.clear();
        manifest.snapshot.bytes += 1;
    });
    let (cause, text) = assert_refused(&publisher, &host, "bytes, found");
    assert_eq!(cause, Cause::Unsound, "{text}");
}

/// The program, with so much address space that a host would not miss.
#[test]
fn memory_is_bounded() {
    let (publisher, host) = behind(40);
    let before = host.bytes();
    let delta = publisher.read(&publisher.manifest().deltas[0].file.path);
    let mut random = Random::new(11);
    for round in 0..6 {
        publisher.forge_file("full", &bomb(1 << 20, 8192));
        publisher.forge_file("delta", &mutated(&delta, &mut random));
        let site = publisher.site();
        let pull = host.command(site.to_str().expect("UTF-8"), publisher.now());
        let mut command = Command::new("sh");
        command.arg("-c").arg("ulimit -v 600000; exec \"$0\" \"$@\"").arg(pull.get_program());
        command.args(pull.get_args()).args(["--max-memory", "64M", "--threads", "1"]);
        let output = command.current_dir(host.path(".")).output().expect("it runs");
        assert_eq!(output.status.code(), Some(4), "round {round}: {}", stderr(&output));
        assert!(host.bytes() == before);
    }
}

#[test]
fn manifests_that_are_signed_and_none() {
    let (publisher, host) = behind(40);
    let text = String::from_utf8(publisher.read(MANIFEST)).expect("text");
    let digest = publisher.manifest().snapshot.blake3.to_string();
    let cases = [
        String::new(),
        "null".to_owned(),
        "[".repeat(200_000),
        format!("{{\"a\":{}", "[".repeat(200_000)),
        "{\"product\":\"rapsheet snapshot\",\"version\":1}".to_owned(),
        text.replace("\"bytes\": ", "\"bytes\": -"),
        text.replace("\"bytes\": ", "\"bytes\": 1e400, \"x\": "),
        text.replace("\"bytes\": ", "\"bytes\": 99999999999999999999"),
        text.replace("\"generation\": ", "\"generation\": \"x\", \"y\": "),
        text.replace(&digest, &digest[1..]),
        text.replace(&digest, &digest.replace(|c: char| c.is_ascii_digit(), "z")),
        text.replace("\"expires\": \"2", "\"expires\": \"9999999"),
        text.replace("\"channel\"", "\"channel\": \"x\", \"channel\""),
    ];
    for case in cases {
        publisher.forge_bytes(case.as_bytes());
        let start: String = case.chars().take(60).collect();
        let (cause, text) = assert_refused(&publisher, &host, &start);
        assert_eq!(cause, Cause::Manifest, "{start}: {text}");
    }
    publisher.forge_bytes(&[b' '; 300 << 10]);
    let (cause, text) = assert_refused(&publisher, &host, "300 KiB");
    assert!(cause == Cause::Unreachable && text.contains("at most 262144 bytes"), "{text}");
}

/// As many deltas as a manifest holds, in circles, each for nothing.
#[test]
fn ways_without_end() {
    let (publisher, host) = behind(40);
    let here = host.accepted().snapshot;
    publisher.forge(|manifest| {
        let (to, file) = (manifest.snapshot.blake3, manifest.full.clone());
        let id = |at: u32| if at == 0 { here } else { Digest::of(&at.to_le_bytes()) };
        let edge = |from, to, bytes| {
            let mut file = file.clone();
            (file.bytes, file.path) = (bytes, "x".to_owned());
            PublishedDelta { from, to, to_bytes: 1, file }
        };
        // Backwards, so that each round of a search finds one of them.
        let steps = (0..500).rev().map(|at| edge(id(at), if at == 499 { to } else { id(at + 1) }, 0));
        manifest.deltas = steps.collect();
    });
    let began = Instant::now();
    let pulled = host.pull(&Folder(publisher.site()), publisher.now()).expect("the whole file is sound");
    assert!(pulled.fallback.is_some() && began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(host.bytes() == Some(publisher.bytes()));
    host.assert_tidy("after a way of 500 deltas");
}
