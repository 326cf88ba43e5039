//! A million addresses from a file: `lookup -o tsv` and `-o jsonl`, beside `iprange --common` on the same lists.

use super::{Bench, ROUNDS, answers, print};
use crate::common::{is_installed, time, time_with_input};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

/// Compares the programs on the addresses of a text, one a line.
pub(super) fn lookups(bench: &Bench, text: &[u8]) {
    if !is_installed("iprange") {
        return println!("  iprange is not installed");
    }
    let path = bench.folder.path().join("questions.txt");
    fs::write(&path, text).expect("written");
    let lookup = |output: &str| {
        let mut command = bench.program(&["lookup", "-o", output]);
        command.stdin(File::open(&path).expect("an existing file"));
        command
    };
    let iprange = |args: &[&str]| {
        let mut command = Command::new("iprange");
        command.arg("--common").args(args).arg(&bench.ranges).arg(&path);
        command
    };
    let listed = check(&answers::printed(lookup("tsv")), &answers::printed(iprange(&["-1"])));
    check_rows(&answers::printed(lookup("jsonl")), &path);
    let (mut tsv, mut jsonl) = (Vec::new(), Vec::new());
    let (mut tsv_wall, mut jsonl_wall) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let theirs = time(iprange(&[]));
        let [rows, objects] = ["tsv", "jsonl"]
            .map(|output| time_with_input(lookup(output), File::open(&path).expect("an existing file")));
        tsv.push(rows.processor / theirs.processor);
        jsonl.push(objects.processor / theirs.processor);
        tsv_wall.push(rows.wall / theirs.wall);
        jsonl_wall.push(objects.wall / theirs.wall);
    }
    println!(
        "  lookup, {} addresses, {listed} distinct ones listed; iprange --common finds the same",
        super::line_count(text)
    );
    print("lookup -o tsv, processor time, times that of iprange --common", tsv, 2);
    print("lookup -o jsonl, processor time, times that of iprange --common", jsonl, 2);
    print("lookup -o tsv, wall-clock time, times that of iprange --common", tsv_wall, 2);
    print("lookup -o jsonl, wall-clock time, times that of iprange --common", jsonl_wall, 2);
}

/// The addresses that are listed are those that `iprange` prints. Returns their number.
fn check(rows: &[u8], theirs: &[u8]) -> usize {
    let mut ours = BTreeSet::new();
    for row in rows.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
        let mut cells = row.split(|byte| *byte == b'\t');
        let (input, status) = (cells.next().expect("a cell"), cells.next().expect("a cell"));
        if matches!(status, b"0" | b"1") {
            ours.insert(input);
        }
    }
    let theirs: BTreeSet<&[u8]> =
        theirs.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(ours == theirs, "iprange finds {} addresses, rapsheet {}", theirs.len(), ours.len());
    ours.len()
}

/// There is an object for each line, with its text.
fn check_rows(objects: &[u8], questions: &Path) {
    let questions = fs::read_to_string(questions).expect("text");
    let objects = objects.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
    let mut questions = questions.lines();
    for object in objects {
        let object: serde_json::Value = serde_json::from_slice(object).expect("an object");
        assert_eq!(object.get("input").and_then(serde_json::Value::as_str), questions.next());
    }
    assert_eq!(questions.next(), None, "each line is answered");
}
