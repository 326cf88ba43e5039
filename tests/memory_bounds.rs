//! No input outgrows a stated bound of memory: lines without an end, documents without a bottom, records without a
//! close. What is wrong is named, and what stands behind it is read where its format has lines.
//!
//! The bound is on the whole process of `rapsheet parse`, and on what `rapsheet score` holds beside the map, as the system
//! sees it, so this runs where the system tells (Linux) and says that it skipped elsewhere.

use crate::files::gzip;
use crate::process::memory;
use crate::test_dir::TestDir;
use rapsheet_ingest::format::{FORMATS, Format, Shape};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

/// The bound, in KiB of resident memory.
const PARSE_BOUND: u64 = 128 << 10;
/// What scoring may take beside the map, in KiB.
const SCORE_BOUND: u64 = 64 << 10;
/// More than the bound, in blocks of 1 MiB.
const OVER_BOUND: usize = 140;
/// A line of 1 GB.
const GIGABYTE: usize = 954;

/// How many rows of a run are looked at.
const ROWS: usize = 8;

/// What a run came to.
struct ParseOutcome {
    rows: Vec<Value>,
    code: Option<i32>,
    peak: u64,
}

/// Reads `blocks` MiB of `unit` over and over, then two good lines, through a format.
fn parse_stream(dir: &TestDir, id: &str, unit: &str, blocks: usize) -> ParseOutcome {
    let mut command = dir.command(&["parse", "--format", id, "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let block = unit.repeat((1 << 20) / unit.len());
    let writer = thread::spawn(move || {
        // A format that refuses the file closes the pipe, which is its right.
        let written = (0..blocks).try_for_each(|_| input.write_all(block.as_bytes()));
        let _ = written.and_then(|()| input.write_all(b"\n45.9.20.5\nevilpanel.com\n"));
    });
    // Whatever comes is drained, and the first few rows are enough.
    let reader = thread::spawn(move || {
        let mut kept = Vec::new();
        for line in output.lines().map(|line| line.expect("text")) {
            if kept.len() < ROWS {
                kept.push(line);
            }
        }
        kept
    });
    let peak = peak_memory(&mut child, "VmHWM");
    writer.join().expect("it writes");
    let text = reader.join().expect("it reads");
    let rows = text.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    ParseOutcome { rows, code: child.wait().expect("it ends").code(), peak }
}

/// The highest resident memory of a process, in KiB, watched until it ends: all of it, or a part, as the system calls it.
/// For a moment after it was started, the system
/// shows the memory of this process as its own; what it runs tells when that is over.
fn peak_memory(child: &mut Child, which: &str) -> u64 {
    let id = child.id().to_string();
    let runs = format!("/proc/{id}/exe");
    let this = std::env::current_exe().expect("this program");
    let mut peak = 0;
    while child.try_wait().expect("it can be waited for").is_none() {
        if fs::read_link(&runs).is_ok_and(|program| program == this) {
            continue;
        }
        peak = peak.max(memory(&id, which).unwrap_or(0));
        thread::sleep(Duration::from_millis(2));
    }
    peak
}

fn skipped() -> bool {
    let skip = !cfg!(target_os = "linux");
    if skip {
        eprintln!("skipped: the memory of a process is read from /proc");
    }
    skip
}

fn has_lines(format: &Format) -> bool {
    matches!(format.shape, Shape::Lines(_) | Shape::Ordered(_) | Shape::Surveyed(_))
}

/// Every format within the bound, with every result named.
fn check_format(dir: &TestDir, format: &Format, unit: &str, blocks: usize) {
    let run = parse_stream(dir, format.id, unit, blocks);
    assert!(run.peak > 0 && run.peak < PARSE_BOUND, "{} on {unit:?}: {} KiB", format.id, run.peak);
    assert!(matches!(run.code, Some(0 | 4)), "{} on {unit:?}: {:?}", format.id, run.code);
    let named = run.rows.iter().any(|row| row["reason"].is_string());
    assert!(named, "{} on {unit:?} says nothing: {:?}", format.id, run.rows);
    if has_lines(format) {
        assert_eq!(
            (&run.rows[0]["reason"], run.rows[0]["line"].as_u64()),
            (&Value::from("too-long"), Some(1)),
            "{}",
            format.id
        );
        let lines: Vec<u64> = run.rows.iter().filter_map(|row| row["line"].as_u64()).collect();
        assert_eq!(lines, [1, 2, 3], "{}: what stands behind the line is read", format.id);
    }
}

#[test]
fn rejects_an_endless_line_and_reads_the_lines_after_it() {
    if skipped() {
        return;
    }
    let dir = TestDir::new();
    for format in FORMATS {
        let long = matches!(format.id, "plain-ip" | "adblock" | "rpz" | "json");
        check_format(&dir, format, "a", if long { GIGABYTE } else { OVER_BOUND });
    }
}

#[test]
fn unclosed_documents_stay_within_the_memory_bound() {
    if skipped() {
        return;
    }
    let dir = TestDir::new();
    let units =
        [("[", 60), ("{\"a\":", 60), ("\"", 60), ("<entry><url>", 60), ("\"x\",", 60), ("[1,1,1,1]", 2)];
    for format in FORMATS.iter().filter(|format| !has_lines(format)) {
        for (unit, blocks) in units {
            let run = parse_stream(&dir, format.id, unit, blocks);
            assert!(run.peak < PARSE_BOUND, "{} on {unit:?}: {} KiB", format.id, run.peak);
            assert!(matches!(run.code, Some(0 | 4)), "{} on {unit:?}: {:?}", format.id, run.code);
        }
    }
}

/// A snapshot of so many names, each listed by three providers, and the names.
fn snapshot_of_names_in_three_feeds(dir: &TestDir, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|at| format!("{:x}-listed.example.net", at * 7_919)).collect();
    let feed = |id: &str| {
        dir.write(&format!("downloads/{id}.txt"), names.join("\n"));
        format!(
            "[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nformat = \"plain-domain\"\nfile = \"{id}.txt\"\n\
             assessment = [\"phishing\"]\n[feed.guard]\nallow_canaries = true\n"
        )
    };
    dir.write("catalog.toml", ["one", "two", "three"].map(feed).concat());
    let args = ["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "rapsheet.rap"];
    assert_eq!(dir.run(&args).status.code(), Some(0));
    names
}

/// Logs that are full of what is listed: in files, some of them packed, in URLs none of which comes twice, and in one line.
fn write_dense_logs(dir: &TestDir, names: &[String]) {
    for (number, names) in names.chunks(names.len() / 12).enumerate() {
        let lines: Vec<String> =
            names.chunks(3).map(|names| format!("GET {} 200\n", names.join(" "))).collect();
        dir.write(&format!("logs/{number:02}.gz"), gzip(lines.concat().as_bytes()));
    }
    let urls: Vec<String> =
        (0..120_000).map(|at| format!("GET http://h{at:x}.example.org/{at}/index.html 200\n")).collect();
    dir.write("urls.log", urls.concat());
    dir.write("line.log", format!("{} 45.9.20.5\n", names.join(" ").repeat(2)));
}

#[test]
fn scoring_dense_logs_stays_within_the_memory_bound() {
    if skipped() {
        return;
    }
    let dir = TestDir::new();
    write_dense_logs(&dir, &snapshot_of_names_in_three_feeds(&dir, 260_000));
    let runs: [&[&str]; 5] = [
        &["logs"],
        &["--output", "annotated", "--unordered", "logs"],
        &["--all", "urls.log"],
        &["line.log"],
        &["--output", "annotated", "line.log"],
    ];
    for threads in ["2", "8"] {
        for args in runs {
            let mut command = dir.command(&[&["score", "--threads", threads], args].concat());
            let mut child = command.stdout(Stdio::null()).spawn().expect("it starts");
            let peak = peak_memory(&mut child, "RssAnon");
            assert!(child.wait().expect("it ends").success());
            assert!(peak > 0 && peak < SCORE_BOUND, "{args:?} at {threads} threads: {peak} KiB");
        }
    }
}
