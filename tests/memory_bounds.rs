//! Memory bounds of `parse` and `score` on endless lines, unclosed documents and dense logs.
//!
//! `parse` names what it could not read, and reads the lines after it. Its bound is on the resident memory of
//! the process; that of `score` is on its anonymous memory, which excludes the mapped snapshot. Both are read
//! from `/proc`, so that these tests are skipped on other systems than Linux.

use crate::files::gzip;
use crate::fresh_logs::{Listed, kinds};
use crate::process::memory;
use crate::test_dir::TestDir;
use rapsheet_ingest::format::{FORMATS, Format, Shape};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

/// The bound of `parse`, in KiB of resident memory.
const PARSE_BOUND: u64 = 132 << 10;
/// The bound of `score`, in KiB of anonymous memory.
const SCORE_BOUND: u64 = 64 << 10;
/// More than the bound of `parse`, in blocks of 1 MiB.
const OVER_BOUND: usize = 140;
/// 1 GB, in blocks of 1 MiB.
const GIGABYTE: usize = 954;

/// How many rows of the output are kept.
const ROWS: usize = 8;

/// The result of a run of `parse`.
struct ParseOutcome {
    rows: Vec<Value>,
    code: Option<i32>,
    peak: u64,
}

/// Parses `blocks` MiB of repeated `unit`, then two valid lines.
fn parse_stream(dir: &TestDir, id: &str, unit: &str, blocks: usize) -> ParseOutcome {
    let mut command = dir.command(&["parse", "--format", id, "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child process");
    let mut input = child.stdin.take().expect("a pipe");
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let block = unit.repeat((1 << 20) / unit.len());
    let writer = thread::spawn(move || {
        // A format that refuses the file closes the pipe.
        let written = (0..blocks).try_for_each(|_| input.write_all(block.as_bytes()));
        let _ = written.and_then(|()| input.write_all(b"\n45.9.20.5\nevilpanel.com\n"));
    });
    // All output is read, so that the program does not block.
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
    writer.join().expect("a finished writer");
    let text = reader.join().expect("a finished reader");
    let rows = text.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    ParseOutcome { rows, code: child.wait().expect("an exit status").code(), peak }
}

/// The peak of a row of `/proc/<process>/status` in KiB, sampled until the process ends. Between fork and
/// exec the row is that of this process, so that the sampling begins when the process runs another program.
fn peak_memory(child: &mut Child, row: &str) -> u64 {
    let id = child.id().to_string();
    let program = format!("/proc/{id}/exe");
    let this = std::env::current_exe().expect("this program");
    let mut peak = 0;
    while child.try_wait().expect("a child process").is_none() {
        if fs::read_link(&program).is_ok_and(|program| program == this) {
            continue;
        }
        peak = peak.max(memory(&id, row).unwrap_or(0));
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
    matches!(format.shape, Shape::Lines(_) | Shape::Ordered(_) | Shape::TwoPass(_))
}

/// The format stays within the bound, and names what it could not read.
fn check_format(dir: &TestDir, format: &Format, unit: &str, blocks: usize) {
    let run = parse_stream(dir, format.id, unit, blocks);
    assert!(run.peak > 0 && run.peak < PARSE_BOUND, "{} on {unit:?}: {} KiB", format.id, run.peak);
    assert!(matches!(run.code, Some(0 | 4)), "{} on {unit:?}: {:?}", format.id, run.code);
    let named = run.rows.iter().any(|row| row["reason"].is_string());
    assert!(named, "{} on {unit:?} names no reason: {:?}", format.id, run.rows);
    if has_lines(format) {
        assert_eq!(
            (&run.rows[0]["reason"], run.rows[0]["line"].as_u64()),
            (&Value::from("too-long"), Some(1)),
            "{}",
            format.id
        );
        let lines: Vec<u64> = run.rows.iter().filter_map(|row| row["line"].as_u64()).collect();
        assert_eq!(lines, [1, 2, 3], "{}: the lines after the long line are read", format.id);
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

/// Publishes a snapshot of `count` names, each listed by three providers, and returns the names.
fn snapshot_of_names_in_three_feeds(dir: &TestDir, count: usize) -> Vec<String> {
    let names: Vec<String> = (0..count).map(|at| format!("{:x}-listed.example.net", at * 7_919)).collect();
    let feed = |id: &str| {
        dir.write(&format!("downloads/{id}.txt"), names.join("\n"));
        format!(
            "[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nformat = \"plain-domain\"\nfile = \"{id}.txt\"\n\
             assessment = [\"phishing\"]\n[feed.guard]\nallow_never_block = true\n"
        )
    };
    dir.write("catalog.toml", ["one", "two", "three"].map(feed).concat());
    let args = ["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "rapsheet.rap"];
    assert_eq!(dir.run(&args).status.code(), Some(0));
    names
}

/// Writes logs full of listed names: gzip files, a file of distinct URLs, and a single line.
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
    let few = names.get(..5000).expect("more than that");
    for kind in kinds() {
        let listed = Listed { names: few, ..Listed::default() };
        dir.write(&format!("fresh/{}", kind.file), kind.make(8000, listed));
    }
}

#[test]
fn scoring_dense_logs_stays_within_the_memory_bound() {
    if skipped() {
        return;
    }
    let dir = TestDir::new();
    write_dense_logs(&dir, &snapshot_of_names_in_three_feeds(&dir, 260_000));
    let runs: [&[&str]; 9] = [
        &["logs"],
        &["--output", "annotated", "--unordered", "logs"],
        &["--all", "urls.log"],
        &["line.log"],
        &["--output", "annotated", "line.log"],
        &["--output", "lines", "fresh"],
        &["--all", "fresh"],
        &["--all", "--output", "annotated", "--unordered", "fresh"],
        &["--defanged", "--summary", "fresh"],
    ];
    for threads in ["2", "8"] {
        for args in runs {
            let mut command = dir.command(&[&["score", "--threads", threads], args].concat());
            let mut child = command.stdout(Stdio::null()).spawn().expect("a child process");
            let peak = peak_memory(&mut child, "RssAnon");
            assert!(child.wait().expect("an exit status").success());
            assert!(peak > 0 && peak < SCORE_BOUND, "{args:?} at {threads} threads: {peak} KiB");
        }
    }
}

/// The peak memory of a build of a feed of `rows` rows, each with times of its own, in bytes.
fn peak_of_dated_rows(rows: u32) -> u64 {
    let dir = TestDir::new();
    let row = |at: u32| {
        let (minute, second) = (at / 60 % 60, at % 60);
        let (day, hour) = (at / 86_400 % 28 + 1, at / 3600 % 24);
        let address = (45 << 24 | 9 << 16) + at * 3;
        let [a, b, c, d] = std::net::Ipv4Addr::from(address).octets();
        format!(
            "{a}.{b}.{c}.{d},2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}Z,2027-01-{day:02}T{hour:02}:{second:02}:{minute:02}Z\n"
        )
    };
    let text: String =
        std::iter::once("value,first_seen,expires\n".to_owned()).chain((0..rows).map(row)).collect();
    dir.write("downloads/a.csv", text);
    dir.write(
        "catalog.toml",
        "[[feed]]\nid = \"a\"\nprovider = \"one.example\"\nformat = \"csv\"\nmode = \"accumulated\"\nfile = \"a.csv\"\n\
         retention = \"400d\"\n[feed.options]\nvalue = \"value\"\nfirst_seen = \"first_seen\"\nexpires = \"expires\"\n\
         [feed.guard]\nnew_coverage_above = \"100%\"\ncoverage_above = \"100%\"\n",
    );
    let args = ["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "new.rap"];
    let mut command = dir.command(&[&args[..], &["--now", "2026-11-29T00:00:00Z"]].concat());
    let mut child = command.stdout(Stdio::null()).spawn().expect("a child process");
    let peak = peak_memory(&mut child, "VmHWM");
    let code = child.wait().expect("an exit status").code();
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    peak * 1024
}

#[test]
fn a_row_with_times_of_its_own_takes_a_hundred_bytes() {
    if skipped() {
        return;
    }
    let (few, many) = (20_000, 620_000);
    let (base, peak) = (peak_of_dated_rows(few), peak_of_dated_rows(many));
    let each = peak.saturating_sub(base) / u64::from(many - few);
    assert!(each <= 100, "{each} bytes a row: {base} and {peak} in all");
}

#[test]
fn a_feed_that_does_not_fit_the_memory_is_held_and_the_others_are_published() {
    let dir = TestDir::new();
    let list =
        |count: u32, of: &str| -> String { (0..count).map(|at| format!("h{at:x}.{of}.com\n")).collect() };
    dir.write("downloads/small.txt", list(300, "evilsmall"));
    dir.write("downloads/large.txt", list(60_000, "evillarge"));
    dir.write("downloads/other.txt", list(500, "evilother"));
    let feed = |id: &str| {
        format!("[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nformat = \"plain-domain\"\n")
    };
    dir.write("catalog.toml", ["small", "large", "other"].map(feed).concat());
    let build = |more: &[&str]| {
        let args = [
            "build",
            "--catalog",
            "catalog.toml",
            "--downloads",
            "downloads",
            "--out",
            "new.rap",
            "--previous",
        ];
        let output = dir.run(&[&args[..], &["none", "--report", "report.json"], more].concat());
        let report: Value = serde_json::from_str(&dir.read("report.json")).expect("a report");
        let states: Vec<String> = report["feeds"]
            .as_array()
            .expect("feeds")
            .iter()
            .map(|feed| format!("{} {}{}", feed["id"], feed["state"], feed["reason"]).replace('"', ""))
            .collect();
        (output.status.code(), states, fs::read(dir.path("new.rap")).expect("a snapshot"))
    };
    let (code, states, _) = build(&[]);
    assert_eq!((code, states.join(", ").as_str()), (Some(0), "large ok, other ok, small ok"));
    let (code, states, bytes) = build(&["--max-memory", "2M"]);
    assert_eq!((code, states.join(", ").as_str()), (Some(3), "large heldmemory, other ok, small ok"));
    for threads in ["1", "3"] {
        assert!(
            build(&["--max-memory", "2M", "--threads", threads]).2 == bytes,
            "the same at {threads} threads"
        );
    }
    for bad in ["2", "many", "1X", "99999999999999999999G"] {
        let args = [
            "build",
            "--catalog",
            "catalog.toml",
            "--downloads",
            "downloads",
            "--out",
            "new.rap",
            "--max-memory",
            bad,
        ];
        assert_eq!(dir.run(&args).status.code(), Some(2), "{bad}");
    }
}
