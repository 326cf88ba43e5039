//! Building a snapshot, compared with `zcat | sort -u` over the same lines.
//!
//! With the argument `bulk`, 50 million lines or as many as follow it: `cargo bench --bench build -- bulk 5000000`.

#[path = "bulk.rs"]
mod bulk;
mod common;

use common::{Lists, seconds, spread};
use rapsheet_snapshot::{Section, Snapshot};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PAIRS: usize = 7;

fn build(lists: &Lists, folder: &Path, previous: &str) {
    assert!(started(lists, folder, previous).wait().expect("an exit status").success());
}

fn started(lists: &Lists, folder: &Path, previous: &str) -> Child {
    let catalog = folder.join("catalog.toml");
    std::fs::write(&catalog, &lists.catalog).expect("a catalogue");
    Command::new(env!("CARGO_BIN_EXE_rapsheet"))
        .args(["build", "--quiet", "--now", "2026-08-23T00:00:00Z", "--previous", previous, "--catalog"])
        .arg(&catalog)
        .arg("--downloads")
        .arg(&lists.folder)
        .arg("--out")
        .arg(folder.join("bench.rap"))
        .spawn()
        .expect("rapsheet runs")
}

/// The peak resident memory of a build in megabytes; 0 on other systems than Linux.
fn peak_megabytes(lists: &Lists, folder: &Path, previous: &str) -> f64 {
    let mut child = started(lists, folder, previous);
    let id = child.id().to_string();
    let mut peak = 0;
    while child.try_wait().expect("a child process").is_none() {
        peak = peak.max(common::memory(&id, "VmHWM").unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    peak as f64 / 1024.0
}

/// Decompresses and sorts the same lines, into a file.
fn sort(lists: &Lists, folder: &Path) {
    let script =
        format!("zcat -f '{}'/* | LC_ALL=C sort -u > '{}'/sorted", lists.folder.display(), folder.display());
    let status = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).status();
    assert!(status.expect("bash runs").success());
}

fn main() {
    println!("{}", common::machine());
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let Some((_, count)) = arguments.split_first().filter(|(word, _)| *word == "bulk") {
        let count = count.first().map_or(50_000_000, |count| count.parse().expect("a number of lines"));
        return bulk::run(count);
    }
    let mut lists = Lists::find();
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("build: {}", lists.about);
    build(&lists, folder.path(), "none");
    sort(&lists, folder.path());
    let pairs: Vec<(f64, f64)> = (0..PAIRS)
        .map(|_| (seconds(|| build(&lists, folder.path(), "none")), seconds(|| sort(&lists, folder.path()))))
        .collect();
    let [low, middle, high] = spread(pairs.iter().map(|(ours, theirs)| ours / theirs).collect());
    let [_, ours, _] = spread(pairs.iter().map(|(ours, _)| *ours).collect());
    let [_, theirs, _] = spread(pairs.iter().map(|(_, theirs)| *theirs).collect());
    println!(
        "  rapsheet build {ours:.2} s, zcat | sort -u {theirs:.2} s; ratio {middle:.2} ({low:.2} to {high:.2}, {PAIRS} pairs)"
    );
    rebuild(&lists, folder.path());
    lists.catalog = lists.catalog.replace("[[feed]]\n", "[[feed]]\nmode = \"accumulated\"\n");
    println!("the same lists as accumulated feeds, with a state file:");
    build(&lists, folder.path(), "none");
    rebuild(&lists, folder.path());
    sizes(&Snapshot::open(folder.path().join("bench.rap")).expect("a valid snapshot"));
}

/// The cost of keeping every sighting of a previous snapshot.
fn rebuild(lists: &Lists, folder: &Path) {
    let before = folder.join("before.rap");
    for suffix in ["", ".state"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(name(&folder.join("bench.rap")), name(&before)).expect("a copy");
    }
    let before = before.to_string_lossy().into_owned();
    let pairs: Vec<(f64, f64)> = (0..PAIRS)
        .map(|_| {
            let first = seconds(|| build(lists, folder, "none"));
            (first, seconds(|| build(lists, folder, &before)))
        })
        .collect();
    let [low, middle, high] = spread(pairs.iter().map(|(first, again)| again / first).collect());
    let [_, seconds, _] = spread(pairs.iter().map(|(_, again)| *again).collect());
    println!(
        "  with every sighting kept from a previous snapshot {seconds:.2} s; {middle:.2} times the first \
         ({low:.2} to {high:.2}, {PAIRS} pairs)"
    );
    let memory = ["none", &before].map(|previous| peak_megabytes(lists, folder, previous));
    let [first, again] = memory;
    println!("  memory at its peak {again:.0} MB, {:.2} times the {first:.0} MB of the first", again / first);
}

fn sizes(snapshot: &Snapshot) {
    let bytes = |sections: &[Section]| {
        sections.iter().map(|section| snapshot.bytes(*section).len()).sum::<usize>() as f64
    };
    let per = |bytes: f64, count: usize| bytes / count.max(1) as f64;
    let names = snapshot.count(Section::NameSets);
    let name_bytes = bytes(&[
        Section::NameFilter,
        Section::NameLocator,
        Section::NameLeaves,
        Section::NameSets,
        Section::NameTimes,
        Section::NameFirstSeen,
    ]);
    println!("  {names} names, {:.2} bytes each: key, filter, set and times", per(name_bytes, names));
    let ranges = snapshot.count(Section::Ipv4Directory);
    let v4 = [
        Section::Ipv4Directory,
        Section::Ipv4Ends,
        Section::Ipv4Sets,
        Section::Ipv4Times,
        Section::Ipv4FirstSeen,
    ];
    let each = per(bytes(&v4), ranges);
    println!("  {ranges} IPv4 ranges, {each:.2} bytes each: key, set, times and directory");
    let urls = snapshot.count(Section::UrlSets);
    let url_bytes =
        per(bytes(&[Section::UrlBlocks, Section::UrlSets, Section::UrlTimes, Section::UrlFirstSeen]), urls);
    println!("  {urls} URLs, {url_bytes:.2} bytes each; the file has {} bytes", snapshot.byte_len());
}
