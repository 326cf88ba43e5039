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

/// A bound that the lists of [`write_large_lists`] do not fit, by far.
const SMALL: &str = "2M";

/// Writes lists of all kinds of indicators, of which some accumulate and some state times of their own, and their
/// catalogue. The first `skipped` entries of each are left out, and as many follow the last.
fn write_large_lists(dir: &TestDir, skipped: u32) {
    let mut catalog = String::new();
    let mut list = |id: &str, format: &str, more: &str, text: String| {
        dir.write(&format!("downloads/{id}.txt"), text);
        let feed = format!(
            "[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nformat = \"{format}\"\nfile = \"{id}.txt\"\n{more}\n"
        );
        catalog.push_str(&feed);
    };
    let names = |from: u32, count: u32| -> String {
        let name = |at: u32| format!("h{:x}.evil{}.com\n", at.wrapping_mul(40_503), at % 977);
        (from + skipped..from + skipped + count).map(name).collect()
    };
    list("names", "plain-domain", "", names(0, 150_000));
    list("more-names", "plain-domain", "mode = \"accumulated\"", names(100_000, 150_000));
    let address = |at: u32| std::net::Ipv4Addr::from(0x2D09_0000 + at.wrapping_mul(7919) % 4_000_000);
    let guard = "[feed.guard]\nnew_coverage_above = \"100%\"\ncoverage_above = \"100%\"";
    let addresses: Vec<String> = (skipped..150_000 + skipped)
        .map(|at| format!("{}{}\n", address(at), if at % 50 == 0 { "/28" } else { "" }))
        .collect();
    list("addresses", "netset", guard, addresses.concat());
    let v6: Vec<String> =
        (skipped..20_000 + skipped).map(|at| format!("2a01:4f8:{:x}::{:x}\n", at % 4096, at)).collect();
    list("v6", "netset", "mode = \"accumulated\"", v6.concat());
    let urls: Vec<String> =
        (skipped..30_000 + skipped).map(|at| format!("http://evil{}.com/{at}/gate\n", at % 997)).collect();
    list("urls", "url-list", "", urls.concat());
    let dated =
        |at: u32| format!("d{at:x}.dated.net,2026-11-{:02}T{:02}:{:02}:00Z\n", at % 20 + 1, at % 24, at % 60);
    let dated: Vec<String> = (skipped..20_000 + skipped).map(dated).collect();
    let options = "mode = \"accumulated\"\n[feed.options]\nvalue = \"value\"\nfirst_seen = \"first_seen\"";
    list("dated", "csv", options, format!("value,first_seen\n{}", dated.concat()));
    dir.write("catalog.toml", catalog);
}

const LARGE_BUILD: [&str; 5] = ["build", "--catalog", "catalog.toml", "--downloads", "downloads"];

/// Builds from the large lists, and returns the bytes of the snapshot and of the state file, and how many bytes were
/// in a temporary file.
fn build_large(dir: &TestDir, previous: &str, more: &[&str]) -> (Vec<u8>, Vec<u8>, u64) {
    let args = ["--out", "new.rap", "--previous", previous, "--report", "report.json"];
    let output = dir.run(&[&LARGE_BUILD[..], &args, more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&dir.read("report.json")).expect("a report");
    let read = |name: &str| fs::read(dir.path(name)).expect("a file");
    (read("new.rap"), read("new.rap.state"), report["spilled_bytes"].as_u64().expect("a number"))
}

/// The files in the folder, but for those that belong there.
fn leftovers(dir: &TestDir) -> Vec<String> {
    let names =
        fs::read_dir(dir.path(".")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.contains(".tmp-")).collect()
}

#[test]
fn rows_beyond_the_memory_go_to_a_file_and_change_nothing() {
    let dir = TestDir::new();
    write_large_lists(&dir, 0);
    let (snapshot, state, spilled) = build_large(&dir, "none", &[]);
    assert_eq!(spilled, 0);
    for threads in ["1", "2"] {
        let bounded = build_large(&dir, "none", &["--max-memory", SMALL, "--threads", threads]);
        assert!(bounded.2 > 4_000_000, "{} bytes at {threads} threads", bounded.2);
        assert!((&bounded.0, &bounded.1) == (&snapshot, &state), "the same at {threads} threads");
        assert_eq!(leftovers(&dir), [""; 0]);
    }
    // The next night, with what is carried over.
    dir.write("before.rap", &snapshot);
    dir.write("before.rap.state", &state);
    write_large_lists(&dir, 700);
    let (snapshot, state, _) = build_large(&dir, "before.rap", &[]);
    for threads in ["1", "2"] {
        let bounded = build_large(&dir, "before.rap", &["--max-memory", SMALL, "--threads", threads]);
        assert!(bounded.2 > 4_000_000, "{} bytes at {threads} threads", bounded.2);
        assert!((&bounded.0, &bounded.1) == (&snapshot, &state), "the same at {threads} threads");
    }
    for bad in ["2", "many", "1X", "99999999999999999999G"] {
        let output = dir.run(&[&LARGE_BUILD[..], &["--out", "new.rap", "--max-memory", bad]].concat());
        assert_eq!(output.status.code(), Some(2), "{bad}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_rows_ends_the_build_with_5_and_a_remedy() {
    let dir = TestDir::new();
    write_large_lists(&dir, 0);
    dir.write("new.rap", "");
    fs::remove_file(dir.path("new.rap")).expect("removed");
    for threads in ["1", "2"] {
        // No file may grow beyond a mebibyte: as on a full disk, a write fails.
        let script = format!("ulimit -f 1024; exec \"$0\" \"$@\" --now {}", crate::sample::NOW);
        let mut command = std::process::Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_rapsheet")]).args(LARGE_BUILD);
        command.args(["--out", "new.rap", "--max-memory", SMALL, "--threads", threads]);
        let output = command.current_dir(dir.path(".")).stdin(Stdio::null()).output().expect("it runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{message}");
        assert!(message.contains("make room there, or build with a larger --max-memory"), "{message}");
        assert!(message.contains("nothing was published") && !dir.path("new.rap").exists(), "{message}");
        assert_eq!(leftovers(&dir), [""; 0]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_file_of_rows_has_no_name_and_goes_with_the_process() {
    let dir = TestDir::new();
    write_large_lists(&dir, 0);
    for threads in ["1", "2"] {
        let mut command =
            dir.command(&[&LARGE_BUILD[..], &["--out", "new.rap", "--max-memory", SMALL]].concat());
        command.args(["--threads", threads]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a child process");
        let descriptors = format!("/proc/{}/fd", child.id());
        let is_open = || {
            let links = fs::read_dir(&descriptors).into_iter().flatten().flatten();
            links
                .filter_map(|link| fs::read_link(link.path()).ok())
                .any(|to| to.to_string_lossy().ends_with("(deleted)"))
        };
        while !is_open() {
            assert_eq!(child.try_wait().expect("a child process"), None, "it has had such a file");
        }
        assert_eq!(leftovers(&dir), [""; 0], "while it builds");
        let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        assert!(!child.wait().expect("an exit status").success());
        assert_eq!(leftovers(&dir), [""; 0], "after SIGTERM");
        assert!(!dir.path("new.rap").exists());
    }
}
