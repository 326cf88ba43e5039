//! Deterministic costs of entries and look-ups: bytes, allocations, instructions and private memory.
//!
//! Benchmarks measure times. These bounds hold on every machine. Callgrind counts instructions in a child
//! process, with and without the look-ups; where Valgrind is not installed, that test is skipped.

use crate::fresh_logs::{DAILY, Listed};
use crate::process::memory;
use crate::support::{Harness, Random, day};
use crate::test_dir::TestDir;
use rapsheet_query::{Batch, MatchFilter, Scorer, Searcher};
use rapsheet_snapshot::section::name_index::NameIndex;
use rapsheet_snapshot::{Address, Index, ReloadingSnapshot, Section, Snapshot};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

const CATALOG: &str = r#"
[guard]
coverage_above = "100%"
new_coverage_above = "100%"

[[feed]]
id = "names"
provider = "names.example"
file = "names.txt"
format = "plain-domain"
mode = "reset"

[[feed]]
id = "ips"
provider = "ips.example"
file = "ips.txt"
format = "plain-ip"
mode = "reset"
"#;

const ENTRIES: usize = 100_000;
/// Parts of the made-up names, which share prefixes and suffixes as real names do.
const SYLLABLES: [&str; 16] = [
    "shop", "bank", "log", "in", "pay", "mail", "secure", "up", "date", "al", "ex", "ta", "ro", "mi", "web",
    "net",
];
const ROOTS: [&str; 8] = ["com", "com", "com", "net", "org", "top", "xyz", "co.uk"];

struct TestData {
    harness: Harness,
    /// The bytes of the snapshot.
    file: Vec<u8>,
    names: Vec<String>,
    addresses: Vec<u32>,
}

fn data() -> TestData {
    let mut random = Random::new(11);
    let mut names = BTreeSet::new();
    while names.len() < ENTRIES {
        let mut name: String = (0..2 + random.below(3)).map(|_| *random.pick(&SYLLABLES)).collect();
        name += &format!("{}.{}", random.below(100), random.pick(&ROOTS));
        names.insert(name);
    }
    // Half of the addresses are clustered, as listed addresses are.
    let mut addresses = BTreeSet::new();
    while addresses.len() < ENTRIES {
        let root = 0x2D00_0000 + (random.below(200) as u32) * 0x0001_0000;
        let clustered = root + random.below(1 << 11) as u32;
        let scattered = 0x2000_0000 + random.below(0x4000_0000) as u32;
        addresses.insert(if random.one_in(2) { clustered } else { scattered });
    }
    let mut harness = Harness::new(CATALOG);
    let names: Vec<String> = names.into_iter().collect();
    let addresses: Vec<u32> = addresses.into_iter().collect();
    let lines =
        |texts: &mut dyn Iterator<Item = String>| texts.fold(String::new(), |all, text| all + &text + "\n");
    harness.download("names.txt", lines(&mut names.iter().cloned()).as_bytes(), day(0));
    let dotted = addresses.iter().map(|address| Address::V4(*address).to_string());
    harness.download("ips.txt", lines(&mut { dotted }).as_bytes(), day(0));
    let file = harness.build(day(0)).image.to_bytes();
    TestData { harness, file, names, addresses }
}

/// Addresses and reversed names, every other one of them listed.
fn questions(data: &TestData) -> (Vec<u32>, Vec<Vec<u8>>) {
    let mut random = Random::new(12);
    let addresses =
        data.addresses.iter().step_by(10).flat_map(|address| [*address, random.next() as u32]).collect();
    let mut random = Random::new(13);
    let reversed = |name: String| name.bytes().rev().collect();
    let unlisted = |random: &mut Random| format!("{:x}.{}", random.next(), random.pick(&ROOTS));
    let listed = data.names.iter().step_by(10).cloned();
    let names = listed.flat_map(|name| [name, unlisted(&mut random)]).map(reversed).collect();
    (addresses, names)
}

fn count_hits(index: &Index<'_>, addresses: &[u32], names: &[&[u8]]) -> usize {
    let mut hits = 0;
    for address in addresses {
        hits += usize::from(index.address(Address::V4(*address)).is_some());
    }
    names.iter().for_each(|name| index.each_covering_name(name, |_, _| hits += 1));
    index.lookup_ipv4_batch(addresses, |_, entry| hits += usize::from(index.set_of(entry) < u32::MAX));
    index.lookup_names_batch(names, |_, _, _| hits += 1);
    hits
}

#[test]
fn bytes_per_entry_are_bounded() {
    let data = data();
    let snapshot = data.harness.snapshot();
    let each = |sections: &[Section]| {
        let bytes: usize = sections.iter().map(|section| snapshot.bytes(*section).len()).sum();
        bytes as f64 / ENTRIES as f64
    };
    let names = each(&[Section::NameFilter, Section::NameLocator, Section::NameLeaves, Section::NameSets]);
    let v4 = each(&[Section::Ipv4Directory, Section::Ipv4Ends, Section::Ipv4Sets]);
    println!("{names:.2} bytes a name, {v4:.2} bytes an address");
    assert!((8.0..10.5).contains(&names), "{names:.2} bytes a name");
    assert!((2.5..4.0).contains(&v4), "{v4:.2} bytes an address");
}

#[test]
fn lookups_do_not_allocate() {
    let data = data();
    let (addresses, names) = questions(&data);
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let index = data.harness.snapshot().index();
    let mut found = 0;
    let cost = allocation_counter::measure(|| found = count_hits(&index, &addresses, &names));
    assert!(found >= ENTRIES / 10 * 4, "{found}: each listed key is looked up twice");
    println!("{} allocations in look-ups that found {found}", cost.count_total);
    assert_eq!(cost.count_total, 0, "{} bytes", cost.bytes_total);
    let searcher = Searcher::new(data.harness.snapshot(), day(0));
    let mut batch = Batch::new();
    let mut look_up = || {
        batch.clear();
        for (name, address) in data.names.iter().zip(&data.addresses).take(1000) {
            assert!(batch.push(name.as_bytes()).is_ok());
            batch.push_address(Address::V4(*address));
        }
        searcher.statuses(&mut batch);
    };
    look_up();
    let cost = allocation_counter::measure(look_up);
    assert_eq!(cost.count_total, 0, "{} bytes after the buffers have grown", cost.bytes_total);
}

#[test]
fn top_index_lookups_do_not_allocate() {
    let data = data();
    let (_, names) = questions(&data);
    // Without filter and locator, the top index finds every name.
    let index = NameIndex::new(&[], &[], data.harness.snapshot().bytes(Section::NameLeaves));
    let mut found = 0;
    let cost = allocation_counter::measure(|| {
        names.iter().for_each(|name| index.each_covering(name, |_, _| found += 1));
    });
    assert!(found >= ENTRIES / 10, "{found}: every other name is listed");
    assert_eq!(cost.count_total, 0, "{} bytes", cost.bytes_total);
}

/// The child process of the tests below: opens a snapshot and looks up its keys, in so many rounds.
#[test]
#[ignore = "run as a child process by other tests"]
fn lookup_child_process() {
    let Some(path) = std::env::var_os("RAPSHEET_COSTS") else { return };
    let rounds: usize = std::env::var("RAPSHEET_ROUNDS").expect("rounds").parse().expect("a number");
    let kind = std::env::var("RAPSHEET_KIND").expect("a kind");
    let snapshot = Snapshot::open_trusted(Path::new(&path)).expect("a valid snapshot");
    let index = snapshot.index();
    let keys = fs::read_to_string(Path::new(&path).with_extension("keys")).expect("keys");
    let (mut addresses, mut names) = (Vec::new(), Vec::new());
    for line in keys.lines() {
        match line.parse::<u32>() {
            Ok(address) => addresses.push(address),
            Err(_) => names.push(line.as_bytes()),
        }
    }
    let mut found = 0;
    for _ in 0..rounds {
        match kind.as_str() {
            "address" => addresses.iter().for_each(|address| {
                found += usize::from(index.address(Address::V4(*address)).is_some());
            }),
            "name" => names.iter().for_each(|name| index.each_covering_name(name, |_, _| found += 1)),
            "address, batch" => index.lookup_ipv4_batch(&addresses, |_, _| found += 1),
            _ => index.lookup_names_batch(&names, |_, _, _| found += 1),
        }
    }
    assert!(rounds == 0 || found > 0);
    println!("RssAnon: {}", memory("self", "RssAnon").unwrap_or(0));
}

/// Runs this program again with [`lookup_child_process`] as its only test.
fn run_child(command: &mut Command, path: &Path, kind: &str, rounds: usize) -> String {
    let rounds = rounds.to_string();
    let output = command
        .args(["costs::lookup_child_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs([("RAPSHEET_ROUNDS", rounds.as_str()), ("RAPSHEET_KIND", kind)])
        .env("RAPSHEET_COSTS", path)
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Writes the snapshot and the keys to look up.
fn publish(data: &TestData, path: &Path) -> usize {
    fs::write(path, &data.file).expect("written");
    let (addresses, names) = questions(data);
    let names = names.iter().map(|name| String::from_utf8_lossy(name).into_owned());
    let lines: Vec<String> = addresses.iter().map(u32::to_string).chain(names).collect();
    fs::write(path.with_extension("keys"), lines.join("\n")).expect("written");
    addresses.len()
}

#[test]
fn instructions_per_lookup_are_bounded() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let data = data();
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("costs.rap");
    let questions = publish(&data, &path);
    let count = |kind: &str, rounds: usize| -> u64 {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        valgrind.arg(std::env::current_exe().expect("this program"));
        let printed = run_child(&mut valgrind, &path, kind, rounds);
        let total = printed.lines().find_map(|line| line.split("Collected :").nth(1)).expect("a count");
        total.trim().parse().expect("a number")
    };
    for (kind, most) in [("address", 230), ("address, batch", 320), ("name", 950), ("name, batch", 1100)] {
        let each = (count(kind, 3) - count(kind, 1)) / (2 * questions as u64);
        println!("{each} instructions a look-up of kind `{kind}`");
        assert!((10..most).contains(&each), "{each} instructions a look-up of kind `{kind}`");
    }
}

/// The child process of the test below: scores a text once.
#[test]
#[ignore = "run as a child process by another test"]
fn score_child_process() {
    let Some(path) = std::env::var_os("RAPSHEET_COSTS") else { return };
    let text = fs::read(std::env::var_os("RAPSHEET_TEXT").expect("a text")).expect("a text");
    let snapshot = Snapshot::open_trusted(Path::new(&path)).expect("a valid snapshot");
    let searcher = Searcher::new(&snapshot, day(0));
    let mut scorer = Scorer::new(&searcher, MatchFilter::Listed, 6 << 20);
    let mut found = 0;
    for block in text.chunks(256 << 10) {
        scorer.score_in_parts(block, |matches, _| found += matches.len());
    }
    assert_eq!(found, 0, "nothing in it is listed");
}

/// Lines with one token each, all of them new and none of them listed. The tokens of the second half differ from
/// those of the first.
fn lines_of_new_tokens(kind: &str, lines: usize) -> String {
    let mut random = Random::new(14);
    let mut text = String::new();
    for line in 0..lines {
        let mut word = || -> String { (0..3).map(|_| *random.pick(&SYLLABLES)).collect() };
        let (one, two) = (word(), word());
        let root = random.pick(&ROOTS);
        text += &match kind {
            "name" => format!("- \"{one}.{two}{line}.{root}\" -\n"),
            // Outside of what is listed.
            "address" => format!("203.{}.{}.{}\n", line >> 16 & 255, line >> 8 & 255, line & 255),
            "URL" => format!("- \"https://www.{one}{two}.{root}/{two}?q={line:x}\" -\n"),
            "page" => format!("\"GET /{one}/{two}-{line}.html HTTP\"\n"),
            _ => format!("\"{one} {two}-{line} nothing to see\"\n"),
        };
    }
    text
}

/// From the bytes of a token to "not listed". The bytes around it count as well: eight or fewer, and its line end.
#[test]
fn instructions_per_new_token_are_bounded() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let data = data();
    let folder = tempfile::TempDir::new().expect("a folder");
    let (path, text) = (folder.path().join("costs.rap"), folder.path().join("text.log"));
    publish(&data, &path);
    let count = |kind: &str, lines: usize| -> u64 {
        fs::write(&text, lines_of_new_tokens(kind, lines)).expect("written");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        valgrind.arg(std::env::current_exe().expect("this program")).args([
            "costs::score_child_process",
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
        let output =
            valgrind.env("RAPSHEET_COSTS", &path).env("RAPSHEET_TEXT", &text).output().expect("it runs");
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}");
        let total = printed.lines().find_map(|line| line.split("Collected :").nth(1)).expect("a count");
        total.trim().parse().expect("a number")
    };
    let mut all = Vec::new();
    for (kind, most) in NEW_TOKENS {
        let each = (count(kind, 60_000) - count(kind, 20_000)) / 40_000;
        println!("{each} instructions for a new token of kind `{kind}`");
        all.push((kind, each, (1..most).contains(&each)));
    }
    assert!(all.iter().all(|(.., is_bounded)| *is_bounded), "{all:?}");
}

/// The instructions that a new token may take, with the optimization of tests, which keeps checks for overflow.
const NEW_TOKENS: [(&str, u64); 5] =
    [("name", 1_200), ("address", 900), ("URL", 1_900), ("page", 1_400), ("text", 400)];

/// Allocations of whole commands, counted by Valgrind, since those of another process cannot be counted from here: a
/// log of three times the lines takes no more, but for a few a block.
#[test]
fn scoring_allocates_nothing_per_token_or_hit() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let data = data();
    let dir = TestDir::new();
    fs::write(dir.path("rapsheet.rap"), &data.file).expect("written");
    let addresses: Vec<String> =
        data.addresses.iter().map(|address| Address::V4(*address).to_string()).collect();
    let now = day(0).to_string();
    let allocations = |output: &str, log: &str| -> u64 {
        let args = ["score", "--progress", "never", "--threads", "1", "--now", &now, "-o", output, log];
        let program = dir.command(&args);
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--leak-check=no"]).arg(program.get_program()).args(program.get_args());
        let output = valgrind.current_dir(dir.folder.path()).output().expect("it runs");
        let printed = String::from_utf8_lossy(&output.stderr);
        let usage =
            printed.lines().find_map(|line| line.split("total heap usage: ").nth(1)).expect("a count");
        let count = usage.split(" allocs").next().expect("a count").replace(',', "");
        count.parse().expect("a number")
    };
    for kind in &DAILY {
        let listed = Listed { addresses: &addresses, names: &data.names, urls: &[] };
        let text = kind.make(60_000, listed);
        let ends = (0..text.len()).filter(|at| text[*at] == b'\n').nth(20_000).expect("lines");
        dir.write("short.log", &text[..=ends]);
        dir.write("long.log", &text);
        for output in ["lines", "csv", "tsv", "jsonl"] {
            let [short, long] = ["short.log", "long.log"].map(|log| allocations(output, log));
            let blocks = (text.len() - ends) as u64 / (256 << 10) + 1;
            println!("{}, {output}: {short} and {long} allocations; {blocks} more blocks", kind.file);
            assert!(short > 0 && long <= short + blocks * 20, "{}, {output}: {short} and {long}", kind.file);
        }
    }
}

#[test]
fn private_memory_of_a_reader_is_bounded() {
    if !Path::new("/proc/self/status").exists() {
        println!("skipped: /proc/self/status is missing");
        return;
    }
    let data = data();
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("costs.rap");
    publish(&data, &path);
    let printed =
        run_child(&mut Command::new(std::env::current_exe().expect("this program")), &path, "name, batch", 3);
    let anonymous = printed.lines().find_map(|line| line.split("RssAnon:").nth(1)).expect("a figure");
    let kilobytes: u64 = anonymous.trim().parse().expect("a number");
    let keys = fs::metadata(path.with_extension("keys")).expect("keys").len() / 1024;
    println!("a reader has {kilobytes} kB of its own, {keys} kB of them questions");
    assert!(kilobytes > 0 && kilobytes < 8 << 10, "{kilobytes} kB");
}

#[test]
fn readers_continue_while_snapshots_are_replaced() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("live.rap");
    let TestData { file: sound, addresses, .. } = data();
    let publish = |bytes: &[u8]| {
        fs::write(folder.path().join("fresh"), bytes).expect("written");
        fs::rename(folder.path().join("fresh"), &path).expect("renamed");
    };
    publish(&sound);
    let follow = ReloadingSnapshot::open(&path).expect("a valid snapshot");
    let (done, listed) = (AtomicBool::new(false), addresses[7]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(follow.current().index().address(Address::V4(listed)).is_some());
                }
            });
        }
        for round in 0..50 {
            let is_bad = round % 5 == 4;
            publish(if is_bad { &sound[..sound.len() - 1] } else { &sound });
            assert_eq!(follow.refresh().is_err(), is_bad);
        }
        done.store(true, Ordering::Relaxed);
    });
    if let Ok(maps) = fs::read_to_string("/proc/self/maps") {
        // The current one is a copy, because it is small.
        let held = maps.lines().filter(|line| line.contains("live.rap")).count();
        assert_eq!(held, 0, "no snapshot stays mapped");
    }
}
