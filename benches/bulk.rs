//! A build of millions of lines, compared with `sort -u` of the same text: time, and memory beside the bytes of the
//! text.
//!
//! Half of the lines are names and half addresses, in two lists each, in no order; one in twenty of the second list
//! of a kind is also in the first. The lines are in canonical form, so that `sort -u` leaves exactly what the
//! snapshot must hold.

use super::common::{self, Random, seconds, spread};
use rapsheet_snapshot::{AddressRange, Snapshot, Time};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::UNIX_EPOCH;

const PAIRS: usize = 3;
const TOP_LEVEL: [&str; 8] = ["com", "net", "org", "info", "ru", "de", "xyz", "top"];
/// The lists, and the format of each.
const LISTS: [(&str, &str); 4] = [
    ("names-0", "plain-domain"),
    ("names-1", "plain-domain"),
    ("addresses-0", "plain-ip"),
    ("addresses-1", "plain-ip"),
];

pub(crate) fn run(lines: u64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let bytes = write_lists(folder, lines / 4);
    println!("build of {lines} lines, half names, half addresses: {:.0} MB of text", megabytes(bytes));
    sort(folder);
    let now = now();
    let build = |more: &[&str]| build(folder, &now, more);
    build(&[]);
    check_counts(folder);
    let plain = fs::read(folder.join("bulk.rap")).expect("a snapshot");
    let pairs: Vec<(f64, f64)> =
        (0..PAIRS).map(|_| (seconds(|| _ = build(&[])), seconds(|| sort(folder)))).collect();
    let [low, middle, high] = spread(pairs.iter().map(|(ours, theirs)| ours / theirs).collect());
    let [_, ours, _] = spread(pairs.iter().map(|(ours, _)| *ours).collect());
    let [_, theirs, _] = spread(pairs.iter().map(|(_, theirs)| *theirs).collect());
    println!(
        "  rapsheet build {ours:.1} s, sort -u {theirs:.1} s; ratio {middle:.2} ({low:.2} to {high:.2}, {PAIRS} pairs)"
    );
    for bound in [None, Some(bytes), Some(bytes / 4)] {
        let bound = bound.map(|bytes| bytes.to_string());
        let more: Vec<&str> = bound.iter().flat_map(|bound| ["--max-memory", bound.as_str()]).collect();
        let mut peak = 0;
        let time = seconds(|| peak = build(&more));
        let is_same = fs::read(folder.join("bulk.rap")).expect("a snapshot") == plain;
        assert!(is_same, "the same bytes with {more:?}");
        let times = peak as f64 / bytes as f64;
        let about = if more.is_empty() { "no bound".to_owned() } else { more.join(" ") };
        println!("  {about}: {:.0} MB at its peak, {times:.2} times the text; {time:.1} s", megabytes(peak));
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Writes the lists and their catalogue. Returns the bytes of all lists.
fn write_lists(folder: &Path, each: u64) -> u64 {
    fs::create_dir(folder.join("lists")).expect("a folder");
    let mut catalog = String::new();
    for (list, (name, format)) in (0u64..).zip(LISTS) {
        let file = File::create(folder.join("lists").join(format!("{name}.txt"))).expect("a list");
        let mut out = BufWriter::with_capacity(1 << 20, file);
        for line in 0..each {
            let is_repeated = list % 2 == 1 && line % 20 == 0;
            let number = if is_repeated { line * 7 % each } else { line + list % 2 * each };
            let mut random = Random::new((list / 2) << 40 | number);
            match list / 2 {
                0 => writeln!(out, "{}", name_of(&mut random)),
                _ => writeln!(out, "{}", address_of(&mut random)),
            }
            .expect("written");
        }
        out.flush().expect("written");
        catalog.push_str(&format!(
            "[[feed]]\nid = \"{name}\"\nprovider = \"{name}.example\"\nfile = \"{name}.txt\"\nformat = \"{format}\"\n\
             [feed.guard]\nallow_never_block = true\nnew_coverage_above = \"100%\"\ncoverage_above = \"100%\"\n"
        ));
    }
    fs::write(folder.join("catalog.toml"), catalog).expect("a catalogue");
    let lists = fs::read_dir(folder.join("lists")).expect("a folder");
    lists.map(|list| list.expect("a list").metadata().expect("its length").len()).sum()
}

fn name_of(random: &mut Random) -> String {
    let mut name = if random.below(3) == 0 { format!("h{}.", random.below(1000)) } else { String::new() };
    for _ in 0..8 + random.below(9) {
        name.push(char::from(b'a' + random.below(26) as u8));
    }
    let top = TOP_LEVEL.get(random.below(TOP_LEVEL.len() as u64) as usize).expect("below the length");
    format!("{name}{}.{top}", random.below(10))
}

/// An address of a part of the space in which nothing is set aside.
fn address_of(random: &mut Random) -> std::net::Ipv4Addr {
    let [d, c, b, _] = (random.below(1 << 24) as u32).to_le_bytes();
    std::net::Ipv4Addr::new(11 + random.below(80) as u8, b, c, d)
}

/// The instant of all builds, so that they make the same bytes.
fn now() -> String {
    let since = UNIX_EPOCH.elapsed().expect("a clock after 1970");
    Time::from_unix(since.as_secs() as i64).to_string()
}

fn sort(folder: &Path) {
    let script = format!("cd '{}' && LC_ALL=C sort -u lists/* > sorted", folder.display());
    let status = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).status();
    assert!(status.expect("bash runs").success());
}

/// Builds, and returns the peak resident memory in bytes; 0 on other systems than Linux.
fn build(folder: &Path, now: &str, more: &[&str]) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rapsheet"))
        .args(["build", "--quiet", "--previous", "none", "--catalog", "catalog.toml", "--downloads", "lists"])
        .args(["--out", "bulk.rap", "--now", now])
        .args(more)
        .current_dir(folder)
        .spawn()
        .expect("rapsheet runs");
    let id = child.id().to_string();
    let mut peak = 0;
    while child.try_wait().expect("a child process").is_none() {
        peak = peak.max(common::memory(&id, "VmHWM").unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(child.wait().expect("an exit status").success());
    peak * 1024
}

/// The snapshot holds as many names and addresses as `sort -u` left.
fn check_counts(folder: &Path) {
    let sorted = BufReader::new(File::open(folder.join("sorted")).expect("the sorted text"));
    let (mut names, mut addresses) = (0u64, 0u64);
    for line in sorted.lines() {
        let is_name = line.expect("text").ends_with(|last: char| last.is_ascii_alphabetic());
        if is_name { names += 1 } else { addresses += 1 }
    }
    let snapshot = Snapshot::open(folder.join("bulk.rap")).expect("a valid snapshot");
    let (mut found_names, mut found_addresses) = (0u64, 0u64);
    assert!(snapshot.index().each_name(|_, _| found_names += 1));
    let all = AddressRange::V4 { first: 0, last: u32::MAX };
    snapshot.index().each_address(all, |range, _| {
        if let AddressRange::V4 { first, last } = range {
            found_addresses += u64::from(last - first) + 1;
        }
    });
    assert_eq!((found_names, found_addresses), (names, addresses), "as many as sort -u leaves");
    println!("  {names} names and {addresses} addresses, as sort -u has them");
}
