//! Snapshots of earlier versions, kept for ever: they must go on being read, and must say what they said.
//!
//! Golden files are added, never edited. A change of the format adds a file; a change of the writer that alters
//! the bytes of the newest one without a new version is a mistake, and this is where it shows.

use crate::damage::{long_names, small_snapshot};
use crate::support::day;
use rapsheet_query::Searcher;
use rapsheet_snapshot::{Snapshot, Status};
use std::path::PathBuf;

fn golden() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of golden files")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rap"))
        .collect();
    files.sort();
    files
}

#[test]
fn no_golden_file_was_lost() {
    assert_eq!(golden().len(), 7, "golden files are added, never removed; count the new one here");
}

#[test]
fn every_golden_file_says_what_it_said() {
    for path in golden() {
        let snapshot = Snapshot::open(&path).expect("a golden file opens");
        snapshot.verify_references().expect("a golden file makes sense");
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
            assert_eq!(
                (answer.status, matched.as_slice()),
                (status, sources),
                "{}: {question}",
                path.display()
            );
        }
        if path == *golden().last().expect("a golden file") {
            for name in long_names() {
                let answer = searcher.lookup(&format!("www.{}", &name[4..])).expect("a question");
                assert_eq!(answer.status, Status::Unknown, "{name} with its first bytes changed");
                assert_eq!(searcher.lookup(&name).expect("a question").status, Status::Blocked, "{name}");
            }
        }
        let later = Searcher::new(&snapshot, day(16));
        assert_eq!(
            later.lookup("45.9.20.5").expect("a question").status,
            Status::Failed,
            "expired, and stale"
        );
    }
}

#[test]
fn the_writer_still_writes_the_newest_golden_file() {
    let newest = golden().pop().expect("a golden file");
    let bytes = small_snapshot();
    if std::env::var_os("RAPSHEET_BLESS").is_some() {
        let fresh = newest.with_file_name("new.rap");
        std::fs::write(&fresh, &bytes).expect("a file to look at");
    }
    let same = std::fs::read(&newest).expect("a golden file") == bytes;
    assert!(same, "the format changed: raise its version, keep {} and add a new file", newest.display());
}
