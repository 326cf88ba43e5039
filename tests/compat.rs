//! The golden file: the snapshot of a small build, kept in the repository so that a change of the format
//! shows.
//!
//! To bless a new golden file, after a deliberate change of the format before the first release, run
//! `RAPSHEET_BLESS=1 cargo test --test rapsheet compat` and commit `tests/golden/v1.rap`. After the first
//! release golden files are added, never replaced: a new format gets a new version and a new file, and old
//! files must stay readable.

use crate::damage::{long_names, small_snapshot};
use crate::support::day;
use crate::test_dir::{TestDir, code, stderr};
use rapsheet_query::Searcher;
use rapsheet_snapshot::{Snapshot, Status};
use std::path::PathBuf;

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.rap")
}

/// Blesses first, so that one run both writes the file and tests it.
fn golden_bytes() -> Vec<u8> {
    if std::env::var_os("RAPSHEET_BLESS").is_some() {
        std::fs::create_dir_all(golden().parent().expect("a folder")).expect("a folder");
        std::fs::write(golden(), small_snapshot()).expect("a golden file");
    }
    std::fs::read(golden()).expect("the golden file")
}

#[test]
fn the_golden_file_gives_the_same_answers() {
    let snapshot = Snapshot::from_bytes(golden_bytes()).expect("the golden file is valid");
    snapshot.verify_references().expect("its references are valid");
    let searcher = Searcher::new(&snapshot, day(1));
    for (question, status, sources) in [
        ("45.9.20.5", Status::Blocked, &["45.9.20.5", "45.9.20.0/24"][..]),
        ("45.9.30.200", Status::Blocked, &["45.9.30.4-45.9.31.9"]),
        ("45.9.31.10", Status::Unknown, &[]),
        ("2a06:e480::7", Status::Blocked, &["2a06:e480::7", "2a06:e480::/32"]),
        ("a.www.evilpanel.com", Status::Blocked, &["www.evilpanel.com", "evilpanel.com"]),
        ("http://panel.net/a", Status::Blocked, &["panel.net", "http://panel.net/a"]),
        ("http://other.example/b", Status::Unknown, &[]),
        ("h77.evil.com", Status::Blocked, &["h77.evil.com"]),
    ] {
        let answer = searcher.lookup(question).expect("a question");
        let matched: Vec<&str> = answer.sources.iter().map(|source| source.matched.as_str()).collect();
        assert_eq!((answer.status, matched.as_slice()), (status, sources), "{question}");
    }
    for name in long_names() {
        let answer = searcher.lookup(format!("www.{}", &name[4..])).expect("a question");
        assert_eq!(answer.status, Status::Unknown, "{name} with its first bytes changed");
        assert_eq!(searcher.lookup(&name).expect("a question").status, Status::Blocked, "{name}");
    }
    let later = Searcher::new(&snapshot, day(16));
    assert_eq!(later.lookup("45.9.20.5").expect("a question").status, Status::Failed, "expired, and stale");
}

#[test]
fn the_writer_still_writes_the_golden_file() {
    let same = golden_bytes() == small_snapshot();
    assert!(same, "the bytes of the file changed; the head of this test says how to bless them");
}

#[test]
fn development_files_are_rejected_with_the_remedy() {
    let mut bytes = golden_bytes();
    let dir = TestDir::new();
    for magic in [b"\x89RAP\r\n\x1a\n", b"\x89RPS\r\n\x1a\n"] {
        bytes[..8].copy_from_slice(magic);
        dir.write("old.rap", &bytes);
        for args in [&["lookup", "45.9.20.5"][..], &["verify"], &["info"]] {
            let output = dir.run(&[&["--snapshot", "old.rap"], args].concat());
            assert_eq!(code(&output), 4, "{args:?}");
            let message = stderr(&output);
            assert!(message.contains("made before the first release: build anew"), "{message}");
        }
    }
}
