//! Building a snapshot beside the least that anybody does with lists: `zcat | sort -u` of the same lines.

mod common;

use common::{Lists, seconds, spread};
use snapshot::{Section, Snapshot};
use std::path::Path;
use std::process::{Command, Stdio};

const PAIRS: usize = 7;

fn build(lists: &Lists, folder: &Path, previous: &str) {
    let catalog = folder.join("catalog.toml");
    std::fs::write(&catalog, &lists.catalog).expect("a catalogue");
    let status = Command::new(env!("CARGO_BIN_EXE_rapsheet"))
        .args(["build", "--quiet", "--now", "2026-08-23T00:00:00Z", "--previous", previous, "--catalog"])
        .arg(&catalog)
        .arg("--downloads")
        .arg(&lists.folder)
        .arg("--out")
        .arg(folder.join("bench.rap"))
        .status();
    assert!(status.expect("rapsheet runs").success());
}

/// The same lines through the same decompression, sorted; like ours, the result is written to a file.
fn sort(lists: &Lists, folder: &Path) {
    let script =
        format!("zcat -f '{}'/* | LC_ALL=C sort -u > '{}'/sorted", lists.folder.display(), folder.display());
    let status = Command::new("bash").args(["-c", &script]).stdin(Stdio::null()).status();
    assert!(status.expect("bash runs").success());
}

fn main() {
    let lists = Lists::find();
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
    let path = folder.path().join("bench.rap");
    let kept = path.to_string_lossy().into_owned();
    let carried: Vec<f64> = (0..PAIRS).map(|_| seconds(|| build(&lists, folder.path(), &kept))).collect();
    let [_, carried, _] = spread(carried);
    println!(
        "  with every sighting carried from a previous snapshot {carried:.2} s, {:.2} times the first",
        carried / ours
    );
    sizes(&Snapshot::open(&path).expect("a sound snapshot"));
}

fn sizes(snapshot: &Snapshot) {
    let bytes = |sections: &[Section]| {
        sections.iter().map(|section| snapshot.bytes(*section).len()).sum::<usize>() as f64
    };
    let per = |bytes: f64, count: usize| bytes / count.max(1) as f64;
    let names = snapshot.count(Section::NameSets);
    let name_bytes = bytes(&[Section::Names, Section::NameSets, Section::NameTimes]);
    println!("  {names} names, {:.2} bytes each: key, set and times", per(name_bytes, names));
    let (points, spans) = (snapshot.count(Section::V4PointSets), snapshot.count(Section::V4SpanSets));
    let v4 = [
        Section::V4Directory,
        Section::V4Points,
        Section::V4PointSets,
        Section::V4Spans,
        Section::V4SpanSets,
        Section::V4PointTimes,
        Section::V4SpanTimes,
    ];
    let both = per(bytes(&v4), points + spans);
    println!(
        "  {points} IPv4 addresses and {spans} runs of them, {both:.2} bytes each: key, set, times and directory"
    );
    let urls = snapshot.count(Section::UrlSets);
    let url_bytes = per(bytes(&[Section::Urls, Section::UrlSets, Section::UrlTimes]), urls);
    println!("  {urls} URLs, {url_bytes:.2} bytes each; the file has {} bytes", snapshot.byte_len());
}
