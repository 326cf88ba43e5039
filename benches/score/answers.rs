//! That the answers are equal, before any clock runs.

use super::{Bench, LogFile};
use crate::common::is_installed;
use rapsheet_query::extract::extract;
use rapsheet_query::{Batch, MatchFilter, Scorer, Searcher, Status};
use std::collections::BTreeSet;
use std::process::Command;

/// The lines that are compared with `grepcidr`, which takes a part of a second for them and prints them.
const LINES: usize = 100_000;
/// The lines that are compared with the reference.
const SAMPLE: usize = 20_000;

/// The output of the program is the same at one and at two threads; its lines with an address are those that
/// `grepcidr` finds; its rows are those of the reference, which extracts and looks up one at a time.
pub(super) fn check(bench: &Bench, searcher: &Searcher<'_>, text: &[u8]) {
    let whole = bench.write("whole.log", text.len(), text);
    for output in ["lines", "jsonl"] {
        let printed = |threads| printed(bench.score(&whole.path, &["-o", output, "--threads", threads]));
        assert!(printed("1") == printed("2"), "{output}: the same at any number of threads");
    }
    std::fs::remove_file(&whole.path).expect("removed");
    let part = first_lines(text, LINES);
    let log = bench.write("part.log", part.len(), part);
    check_lines(bench, &log, part);
    check_reference(searcher, first_lines(text, SAMPLE));
}

fn check_lines(bench: &Bench, log: &LogFile, text: &[u8]) {
    let rows = printed(bench.score(&log.path, &["--threads", "1"]));
    let (found, by_address) = lines_of_rows(&rows);
    let lines = printed(bench.score(&log.path, &["-o", "lines", "--threads", "1"]));
    assert!(lines == lines_at(text, &found).concat(), "lines are the lines of the rows");
    if !is_installed("grepcidr") {
        return println!("    grepcidr is not installed");
    }
    let theirs = printed(bench.grepcidr(&log.path));
    let ours = lines_at(text, &by_address);
    let count = theirs.split_inclusive(|byte| *byte == b'\n').count();
    assert!(theirs == ours.concat(), "grepcidr finds {count} lines, rapsheet {}", ours.len());
    println!("    grepcidr finds the same {count} lines of the first {}", super::line_count(text));
}

/// The numbers of the lines with a match, and of those with a listed IPv4 address.
fn lines_of_rows(rows: &[u8]) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let (mut all, mut by_address) = (BTreeSet::new(), BTreeSet::new());
    for row in rows.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
        let row: serde_json::Value = serde_json::from_slice(row).expect("an object");
        let line = row.get("line").and_then(serde_json::Value::as_u64).expect("a number");
        all.insert(line);
        if row.get("type").is_some_and(|kind| kind == "ipv4") {
            by_address.insert(line);
        }
    }
    (all, by_address)
}

fn lines_at<'t>(text: &'t [u8], numbers: &BTreeSet<u64>) -> Vec<&'t [u8]> {
    let lines = (1..).zip(text.split_inclusive(|byte| *byte == b'\n'));
    lines.filter(|(number, _)| numbers.contains(number)).map(|(_, line)| line).collect()
}

fn first_lines(text: &[u8], count: usize) -> &[u8] {
    let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let end = ends.map(|(at, _)| at + 1).nth(count - 1);
    text.get(..end.unwrap_or(text.len())).unwrap_or(text)
}

/// The scorer and the reference find the same, each indicator of a line once.
fn check_reference(searcher: &Searcher<'_>, text: &[u8]) {
    let found = Scorer::new(searcher, MatchFilter::Listed, super::CACHE_MEMORY).score(text);
    let found: Vec<(usize, String, Status)> =
        found.iter().map(|one| (one.at, one.indicator.to_string(), one.status())).collect();
    let mut expected = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (mut batch, mut offsets) = (Batch::new(), Vec::new());
        extract(line, &mut batch, &mut offsets);
        let mut rows: Vec<_> =
            searcher.verdicts(&batch).zip(offsets).map(|(answer, at)| (at, answer)).collect();
        rows.sort_by_key(|(at, _)| *at);
        let mut seen = BTreeSet::new();
        for (at, answer) in rows {
            let is_listed = matches!(answer.status, Status::Blocked | Status::Allowed);
            if is_listed && seen.insert(answer.indicator.clone()) {
                expected.push((start + at, answer.indicator, answer.status));
            }
        }
        start += line.len();
    }
    assert!(found == expected, "the scorer finds {} rows, the reference {}", found.len(), expected.len());
}

/// The output of a command.
pub(super) fn printed(mut command: Command) -> Vec<u8> {
    command.stderr(std::process::Stdio::inherit()).output().expect("it runs").stdout
}
