//! Damaged and lost files: what is known is answered, and what is not is a gap. No answer is wrong.

#![allow(clippy::indexing_slicing, reason = "an index out of bounds fails the test")]

mod archive;

use archive::world::Random;
use archive::{Archive, add};
use rapsheet_assemble::Scratch;
use rapsheet_history::{Appended, History, compact};
use rapsheet_query::{Searcher, Verdict};
use rapsheet_snapshot::{Status, Time};
use std::fs;
use std::path::{Path, PathBuf};

const BUILDS: usize = 12;

/// A history of a week and some builds, and its answers.
struct Store {
    archive: Archive,
    dir: tempfile::TempDir,
    instants: Vec<Time>,
    answers: Vec<(Vec<Verdict>, Vec<Verdict>)>,
}

impl Store {
    fn new(seed: u64) -> Store {
        let archive = Archive::new(seed, 16, BUILDS);
        let dir = tempfile::tempdir().expect("a folder");
        for (number, snapshot) in archive.snapshots.iter().enumerate() {
            let previous = number.checked_sub(1).map(|before| &archive.snapshots[before]);
            assert!(matches!(add(dir.path(), previous, snapshot), Appended::Added(_)));
        }
        assert_eq!(compact(dir.path(), &Scratch::unlimited()).expect("compacted").len(), 1);
        let instants: Vec<Time> = archive.instants(&mut Random::new(seed)).into_iter().step_by(3).collect();
        let mut store = Store { archive, dir, instants, answers: Vec::new() };
        store.answers = store.answers(&History::open(store.path()).expect("a history"));
        store
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn answers(&self, history: &History) -> Vec<(Vec<Verdict>, Vec<Verdict>)> {
        let answers = |at: &Time| {
            let questions = &self.archive.questions;
            (history.known_at(*at).verdicts(questions), history.at(*at).verdicts(questions))
        };
        self.instants.iter().map(answers).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path()).expect("a folder");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|file| !file.ends_with("lock"));
        files.sort();
        files
    }

    /// What is answered is as before, or a gap. Returns whether all is as before.
    fn compare(&self, history: &History) -> bool {
        let mut is_same = true;
        for ((known, listed), (known_before, listed_before)) in
            self.answers(history).iter().zip(&self.answers)
        {
            for (answer, before) in known.iter().zip(known_before) {
                let is_gap = answer.status == Status::Failed && answer.sources.is_empty();
                is_same &= answer == before;
                assert!(answer == before || is_gap, "{answer:?} where it was {before:?}");
            }
            for (answer, before) in listed.iter().zip(listed_before) {
                let texts = |verdict: &Verdict| -> Vec<String> {
                    let text = |source: &rapsheet_query::Source| {
                        format!(
                            "{} {:?} {} {}",
                            source.matched, source.scope, source.first_seen, source.detect_time
                        )
                    };
                    verdict.sources.iter().map(text).collect()
                };
                let (found, all) = (texts(answer), texts(before));
                is_same &= answer == before;
                let is_gap = answer.status == Status::Failed || answer.failed > 0 || found == all;
                assert!(found.iter().all(|text| all.contains(text)), "{found:?} where it was {all:?}");
                assert!(is_gap, "{answer:?} where it was {before:?}");
            }
        }
        is_same
    }
}

#[test]
fn changed_bits_and_cuts_are_found() {
    let store = Store::new(3);
    let mut random = Random::new(9);
    for file in store.files() {
        let bytes = fs::read(&file).expect("a file");
        for _ in 0..60 {
            let (at, mut changed) = (random.below(bytes.len() as u64) as usize, bytes.clone());
            match random.below(4) {
                0 => changed.truncate(at),
                1 => changed.push(0),
                _ => changed[at] ^= 1 << random.below(8),
            }
            fs::write(&file, &changed).expect("written");
            if let Ok(history) = History::open(store.path()) {
                // Rows are not verified, and may be anything: no panic is all that can be asked.
                store.answers(&history);
            }
            match History::open_verified(store.path()) {
                Err(error) => assert!(error.to_string().contains("manifest"), "{error}"),
                Ok(history) => {
                    assert_eq!(history.lost().len(), 1);
                    assert!(file.ends_with(&history.lost()[0].file));
                    store.compare(&history);
                }
            }
        }
        fs::write(&file, &bytes).expect("written");
    }
    assert!(store.compare(&History::open_verified(store.path()).expect("whole again")));
}

#[test]
fn a_lost_segment_is_a_gap_until_the_next_build() {
    let store = Store::new(4);
    for (number, file) in store.files().into_iter().filter(|file| !file.ends_with("manifest")).enumerate() {
        let kept = fs::read(&file).expect("a file");
        fs::remove_file(&file).expect("removed");
        let history = History::open(store.path()).expect("the others");
        let lost = history.lost();
        assert_eq!(lost.len(), 1, "file {number}");
        assert!(!store.compare(&history));
        let gone = history.known_at(lost[0].built_at.1);
        assert!(gone.is_gap());
        assert_eq!(gone.lookup("192.0.2.7").expect("an address").status, Status::Failed);
        fs::write(&file, &kept).expect("written");
    }
    let last = store.files().into_iter().rev().find(|file| !file.ends_with("manifest")).expect("a segment");
    fs::remove_file(last).expect("removed");
    let later = Archive::new(4, 16, BUILDS + 1);
    let (before, now) = (&later.snapshots[BUILDS - 1], &later.snapshots[BUILDS]);
    let Appended::Added(segment) = add(store.path(), Some(before), now) else { panic!("it is new") };
    assert!(segment.is_base);
    let history = History::open(store.path()).expect("a history");
    let found = history.known_at(now.built_at()).verdicts(&later.questions);
    let expected: Vec<Verdict> = Searcher::new(now, now.built_at()).verdicts(&later.questions).collect();
    assert_eq!(found, expected);
    assert!(history.known_at(now.built_at().plus(-1)).is_gap());
}

#[test]
fn readers_go_on_while_files_are_joined() {
    let archive = Archive::new(8, 30, 8);
    let dir = tempfile::tempdir().expect("a folder");
    archive.snapshots.iter().for_each(|snapshot| drop(add(dir.path(), None, snapshot)));
    let history = History::open(dir.path()).expect("a history");
    let at = archive.snapshots[6].built_at();
    let before = history.known_at(at).verdicts(&archive.questions);
    let done = compact(dir.path(), &Scratch::unlimited()).expect("compacted");
    assert_eq!((done.len(), done[0].from.len()), (1, 7));
    assert!(done[0].from.iter().all(|file| !dir.path().join(&file.file).exists()));
    assert_eq!(history.known_at(at).verdicts(&archive.questions), before);
    assert_eq!(compact(dir.path(), &Scratch::unlimited()).expect("nothing to do"), []);
}
