//! What a build may replace, what it leaves behind, and what it writes beside the snapshot.

use crate::support::{DAY, Harness, contents, day};
use crate::test_dir::{TestDir, code, stderr};
use rapsheet_ingest::build::{Accept, BuildInput, BuildOutput, Observer, Stage, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ingest::report::FeedReport;
use rapsheet_snapshot::section::origin::FeedState;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

const CATALOG: &str = "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\n";
const BUILD: &[&str] = &["build", "--catalog", "catalog.toml", "--downloads", "downloads"];

fn dir() -> TestDir {
    let dir = TestDir::new();
    dir.write("catalog.toml", CATALOG);
    dir.write("downloads/a.txt", "45.9.20.5\n45.9.20.6\n");
    dir.write("downloads/a.txt.meta.json", r#"{"fetched_at":"2026-11-21T03:00:00Z"}"#);
    dir
}

/// All files of the folder, with their contents.
fn files(dir: &TestDir) -> Vec<(PathBuf, Vec<u8>)> {
    let mut folders = vec![dir.folder.path().to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push((path.clone(), fs::read(path).expect("a file"))),
            }
        }
    }
    files.sort();
    files
}

/// Runs a build that must be refused, and change nothing in the folder.
fn assert_refused(dir: &TestDir, args: &[&str], expected: i32, message: &str) {
    let before = files(dir);
    let output = dir.run(&[BUILD, args].concat());
    let log = stderr(&output);
    assert_eq!(code(&output), expected, "{args:?}: {log}");
    assert!(log.contains(message), "{args:?}: expected `{message}` in: {log}");
    assert!(files(dir) == before, "{args:?} changed a file or left one behind");
}

#[test]
fn out_replaces_nothing_but_a_snapshot() {
    let dir = dir();
    dir.write("notes.log", "Nov 21 10:00:00 host sshd: login from 45.9.20.5\n");
    dir.write("empty", "");
    for previous in [&["--previous", "none"][..], &["--previous", "rapsheet.rap"], &["--replace-newer"], &[]]
    {
        for (out, exit, message) in [
            ("notes.log", 4, "notes.log: this file is no snapshot of rapsheet and is not replaced"),
            ("empty", 4, "empty: this file is no snapshot"),
            ("downloads/a.txt", 2, "belongs to --downloads"),
            ("downloads/a.txt.meta.json", 2, "belongs to --downloads"),
            ("catalog.toml", 2, "belongs to --catalog"),
            ("downloads", 2, "it is a folder; name a file in it"),
            ("downloads/", 2, "it is a folder; name a file in it"),
            ("missing/b.rap", 2, "the folder missing does not exist"),
        ] {
            assert_refused(&dir, &[&["--out", out], previous].concat(), exit, message);
        }
    }
    dir.write("b.rap.state", "my notes");
    assert_refused(&dir, &["--out", "b.rap"], 4, "b.rap.state: this file is no state file");
}

#[test]
fn a_damaged_snapshot_is_replaced_where_it_is_not_read() {
    let dir = dir();
    let mut bytes = fs::read(dir.path("rapsheet.rap")).expect("a snapshot");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    dir.write("b.rap", &bytes[..bytes.len() - 100]);
    assert_refused(&dir, &["--out", "b.rap"], 4, "not a valid snapshot");
    let output = dir.run(&[BUILD, &["--out", "b.rap", "--previous", "none"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(code(&dir.run(&["--snapshot", "b.rap", "verify"])), 0);
}

#[test]
fn reports_replace_no_download_and_no_snapshot() {
    let dir = dir();
    for flag in ["--report", "--rejects", "--metrics"] {
        for (path, message) in [
            ("downloads/a.txt", "belongs to --downloads"),
            ("downloads/a.txt.meta.json", "belongs to --downloads"),
            ("rapsheet.rap", "it is a snapshot; name another file"),
            ("downloads", "it is a folder"),
            ("missing/report", "the folder missing does not exist"),
        ] {
            assert_refused(&dir, &["--out", "b.rap", flag, path], 2, message);
        }
    }
}

#[test]
fn a_report_is_not_written_into_a_download_that_is_a_folder() {
    let dir = dir();
    let feed = "[[feed]]\nid = \"m\"\nprovider = \"m.example\"\nformat = \"misp-feed\"\nfile = \"m\"\n";
    dir.write("catalog.toml", [CATALOG, feed].concat());
    dir.write("downloads/m/manifest.json", "{}");
    assert_refused(&dir, &["--out", "b.rap", "--report", "downloads/m/report.json"], 2, "--downloads");
}

#[test]
fn a_build_leaves_no_lock_behind() {
    let dir = dir();
    let output = dir.run(&[BUILD, &["--out", "b.rap"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(dir.path("b.rap").exists() && !dir.path("b.rap.lock").exists());
}

/// A pipe without a reader and one whose reader takes nothing hold no build, and are told.
#[cfg(target_os = "linux")]
#[test]
fn pipes_never_hold_a_build() {
    let dir = dir();
    for name in ["alone", "full"] {
        assert!(
            std::process::Command::new("mkfifo").arg(dir.path(name)).status().expect("it runs").success()
        );
    }
    // Opened for both directions, it is a reader that never reads. The first write fills it.
    let mut full = fs::OpenOptions::new().read(true).write(true).open(dir.path("full")).expect("a pipe");
    full.write_all(&[b' '; 1 << 16]).expect("the capacity of a pipe");
    for (name, why) in [("alone", "no program reads this pipe"), ("full", "its reader took nothing")] {
        let output = dir.run(&[BUILD, &["--out", "b.rap", "--report", name, "--metrics", "m.prom"]].concat());
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
        assert_eq!(code(&output), 3, "published, but for a report");
        assert_eq!(code(&dir.run(&["--snapshot", "b.rap", "verify"])), 0);
        assert!(dir.read("m.prom").contains("rapsheet_"), "the other files are written all the same");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_of_a_pipe_gets_the_report() {
    let dir = dir();
    let pipe = dir.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    let reader = std::thread::spawn(move || fs::read(pipe).expect("a report"));
    // The reader opens the pipe in its own time.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let output = dir.run(&[BUILD, &["--out", "b.rap", "--report", "pipe"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&reader.join().expect("read")).expect("JSON");
    assert_eq!(report["feeds"][0]["accepted"], Value::from(2));
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_follows_no_link_to_a_device() {
    let dir = dir();
    std::os::unix::fs::symlink("/dev/null", dir.path("link")).expect("a link");
    assert_refused(&dir, &["--out", "b.rap", "--report", "link"], 2, "it is a link to a device or a pipe");
    // A link to a file is replaced, and what it leads to stays.
    dir.write("kept", "notes");
    std::os::unix::fs::symlink(dir.path("kept"), dir.path("other")).expect("a link");
    assert_eq!(code(&dir.run(&[BUILD, &["--out", "b.rap", "--report", "other"]].concat())), 0);
    assert_eq!((dir.read("kept").as_str(), dir.read("other").starts_with('{')), ("notes", true));
}

#[test]
fn tells_what_accept_does_not_match() {
    let dir = dir();
    let output = dir.run(&[BUILD, &["--out", "b.rap", "--accept", "a=0123456789ab", "-q"]].concat());
    let log = stderr(&output);
    assert!(log.contains("--accept a=0123456789ab matches nothing: its download has the digest"), "{log}");
    fs::remove_file(dir.path("downloads/a.txt")).expect("it was there");
    let log = stderr(&dir.run(&[BUILD, &["--out", "b.rap", "--accept", "a=0123456789ab"]].concat()));
    assert!(log.contains("matches nothing: it has no download that can be read"), "{log}");
}

#[test]
fn an_accept_that_matches_is_not_mentioned() {
    let mut harness = Harness::new(CATALOG);
    let many: String = (0..200).map(|n| format!("45.9.20.{n}\n")).collect();
    harness.download("a.txt", many.as_bytes(), day(0));
    harness.build(day(0));
    harness.download("a.txt", b"45.9.20.5\n", day(1));
    let held = harness.build(day(1));
    let digest = held.report.feeds[0].digest.clone().expect("a digest");
    harness.accept = vec![Accept::parse(&format!("a={digest}")).expect("a digest")];
    let built = harness.build(day(1));
    assert_eq!((built.report.feeds[0].state, built.report.unmatched_accepts.len()), (FeedState::Ok, 0));
}

/// A list has no end mark. One that ends within a line, and is smaller than before, is held.
#[test]
fn holds_a_download_that_was_cut_within_a_line() {
    let list: String = (0..90).map(|n| format!("45.9.20.{n}\n")).collect();
    for (what, before, after, reason) in [
        ("cut within a line", list.clone(), list[..list.len() - 13].to_owned(), Some("cut")),
        ("never had a last line end", list.trim_end().to_owned(), list[..200].trim_end().to_owned(), None),
        ("smaller, and whole", list.clone(), list[..list.len() - 22].to_owned(), None),
        ("larger, without a line end", list.clone(), format!("{list}45.9.21.1"), None),
    ] {
        let mut harness = Harness::new(CATALOG);
        harness.download("a.txt", before.as_bytes(), day(0));
        harness.build(day(0));
        let listed = contents(harness.snapshot());
        harness.download("a.txt", after.as_bytes(), day(1));
        let built = harness.build(day(1));
        let found = &built.report.feeds[0];
        assert_eq!(found.reason, reason.unwrap_or_default(), "{what}: {}", found.reason_text);
        assert_eq!(contents(harness.snapshot()).len() == listed.len() && reason.is_some(), reason.is_some());
    }
}

/// Writes to the download whenever a block of it has been read, so many times.
struct Writer {
    path: PathBuf,
    times: AtomicUsize,
}

impl Observer for Writer {
    fn stage_begins(&self, _: Stage, _: usize) {}

    fn feed_begins(&self, _: &str) {}

    fn feed_ends(&self, _: &FeedReport) {}

    fn bytes_read(&self, _: u64) {
        let left = self.times.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() {
            let mut file = fs::OpenOptions::new().append(true).open(&self.path).expect("a download");
            file.write_all(b"45.9.21.7\n").expect("written");
        }
    }
}

fn build_while_written(times: usize) -> BuildOutput {
    let harness = Harness::new(CATALOG);
    fs::write(harness.path("a.txt"), "45.9.20.5\n").expect("a download");
    let catalog = Catalog::parse(CATALOG, "catalog.toml").expect("a catalogue");
    let now = day(20 * DAY / DAY);
    let writer = Writer { path: harness.path("a.txt"), times: AtomicUsize::new(times) };
    build(&BuildInput::new(&catalog, harness.folder.path(), now, "test"), &writer).expect("a build")
}

#[test]
fn a_download_that_changes_while_it_is_read_is_read_again_and_then_held() {
    let once = build_while_written(1);
    assert_eq!((once.report.feeds[0].state, once.report.feeds[0].accepted), (FeedState::Ok, 2));
    let always = build_while_written(usize::MAX);
    let feed = &always.report.feeds[0];
    assert_eq!((feed.state, feed.reason.as_str(), feed.accepted), (FeedState::Held, "changing", 0));
}
