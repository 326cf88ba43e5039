//! `rapsheet export`: 1.5 million names and as many addresses in every format, its speed and its memory;
//! aggregation beside `iprange`; and a MaxMind DB beside the writer of PyPI (`mmdb_writer`).
//!
//! The same addresses go to each side. What iprange writes must be what rapsheet writes, and what grepcidr
//! finds with the aggregated list is what it finds with the lists themselves; the two databases answer alike.

#![allow(dead_code, clippy::indexing_slicing, reason = "an index out of bounds ends the benchmark")]

mod common;

use common::{Lists, Random, Timing, is_installed, machine, spread, time};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ENTRIES: usize = 1_500_000;
const ROUNDS: usize = 5;
const NOW: &str = "2026-11-30T00:00:00Z";
/// Aims: bytes a second, and memory.
const SPEED: f64 = 50e6;
const MEMORY_MIB: u64 = 128;

fn rapsheet(snapshot: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
    command.arg("--snapshot").arg(snapshot).args(["--now", NOW]);
    command
}

fn build(folder: &Path, catalog: &str, downloads: &Path) -> PathBuf {
    let (file, snapshot) = (folder.join("catalog.toml"), folder.join("rapsheet.rap"));
    fs::write(&file, catalog).expect("a catalogue");
    let mut command = rapsheet(&snapshot);
    command
        .args(["build", "-q", "--previous", "none", "--catalog"])
        .arg(file)
        .arg("--downloads")
        .arg(downloads);
    let status = command.arg("--out").arg(&snapshot).stderr(Stdio::null()).status().expect("rapsheet runs");
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");
    snapshot
}

/// Names and addresses, each listed by one to three of three providers.
fn made_up(folder: &Path) -> PathBuf {
    const SYLLABLES: [&str; 12] =
        ["ba", "ko", "mi", "ne", "tu", "ra", "so", "li", "pay", "net", "hub", "zen"];
    let mut random = Random::new(18);
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    while names.len() < ENTRIES {
        let word: String = (0..2 + random.below(4)).map(|_| SYLLABLES[random.below(12) as usize]).collect();
        let (number, tld) = (random.below(100), ["com", "net", "info", "co.uk"][random.below(4) as usize]);
        names.insert(format!("{}{word}{number}.{tld}", ["", "", "www.", "login."][random.below(4) as usize]));
    }
    while addresses.len() < ENTRIES {
        addresses.insert(Ipv4Addr::from_bits(0x2D00_0000 | random.below(1 << 26) as u32));
    }
    let mut catalog = String::new();
    for provider in 0..3u64 {
        let (mut some_names, mut some_addresses) = (String::new(), String::new());
        let mut is_listed = || provider == 0 || random.below(2) == 0;
        names.iter().filter(|_| is_listed()).for_each(|name| writeln!(some_names, "{name}").expect("memory"));
        addresses
            .iter()
            .filter(|_| is_listed())
            .for_each(|at| writeln!(some_addresses, "{at}").expect("memory"));
        for (kind, format, text) in [("n", "plain-domain", &some_names), ("i", "plain-ip", &some_addresses)] {
            fs::write(folder.join(format!("{kind}{provider}")), text).expect("a list");
            writeln!(
                catalog,
                "[[feed]]\nid = \"{kind}{provider}\"\nprovider = \"p{provider}.example\"\nassessment = \"botnet\"\n\
                 file = \"{kind}{provider}\"\nformat = \"{format}\""
            )
            .expect("memory");
        }
    }
    build(folder, &catalog, folder)
}

fn export(snapshot: &Path, format: &str, file: &Path) -> Command {
    let mut command = rapsheet(snapshot);
    command.args(["export", "-q", "-o", format, "--file"]).arg(file);
    command
}

/// The highest resident memory of a command in MiB, as `/usr/bin/time` says; `None` where that is not
/// installed.
fn memory(command: &Command) -> Option<u64> {
    let mut time = Command::new("/usr/bin/time");
    time.args(["-f", "%M"]).arg(command.get_program()).args(command.get_args());
    let output = time.stdout(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    Some(text.lines().last()?.trim().parse::<u64>().ok()? / 1024)
}

fn formats(folder: &Path, snapshot: &Path) {
    println!(
        "1.5 million names and as many addresses; MB/s of the file (aim {:.0}) and memory (aim {MEMORY_MIB} MiB)",
        SPEED / 1e6
    );
    let file = folder.join("exported");
    for format in rapsheet_export::FORMATS {
        let run = || time(export(snapshot, format.name, &file));
        let runs: Vec<Timing> = (0..ROUNDS).map(|_| run()).collect();
        let bytes = fs::metadata(&file).expect("it was written").len() as f64;
        let speed = |of: fn(&Timing) -> f64| bytes / spread(runs.iter().map(of).collect())[1] / 1e6;
        let (wall, processor) = (speed(|run| run.wall), speed(|run| run.processor));
        let peak =
            memory(&export(snapshot, format.name, &file)).map_or("?".to_owned(), |peak| peak.to_string());
        let is_slow = if wall * 1e6 < SPEED { "  below the aim" } else { "" };
        println!(
            "{:24} {:6.1} MB  {wall:6.1} MB/s, {processor:6.1} of processor time  {peak:>4} MiB{is_slow}",
            format.name,
            bytes / 1e6
        );
    }
}

/// Real or made-up address lists beside iprange.
fn aggregation(folder: &Path) {
    let lists = Lists::find();
    if !is_installed("iprange") {
        return println!("aggregation: iprange is not installed");
    }
    let mut catalog = String::new();
    let mut files = Vec::new();
    for entry in fs::read_dir(&lists.folder).expect("a folder").flatten() {
        let name = entry.file_name().into_string().expect("text");
        if !name.starts_with("ip.") {
            continue;
        }
        let plain = folder.join(name.trim_end_matches(".gz"));
        let text =
            Command::new(if name.ends_with(".gz") { "zcat" } else { "cat" }).arg(entry.path()).output();
        fs::write(&plain, text.expect("zcat").stdout).expect("a list");
        let id =
            plain.file_name().and_then(|name| name.to_str()).expect("text").to_lowercase().replace(' ', "-");
        writeln!(catalog, "[[feed]]\nid = \"{id}\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\nfile = {:?}\n[feed.guard]\nallow_never_block = true\nnew_coverage_above = \"12%\"", plain.file_name().expect("a name")).expect("memory");
        files.push(plain);
    }
    let snapshot = build(folder, &catalog, folder);
    let (ours, theirs) = (folder.join("ours"), folder.join("theirs"));
    let run_ours = || time(export(&snapshot, "plain-ip", &ours));
    let run_theirs = || {
        let mut command = Command::new("bash");
        command.args(["-c", "out=$1; shift; iprange \"$@\" > \"$out\"", "bash"]).arg(&theirs).args(&files);
        time(command)
    };
    let pairs: Vec<(Timing, Timing)> = (0..ROUNDS).map(|_| (run_ours(), run_theirs())).collect();
    let (ours, theirs) = (v4_lines(&ours), v4_lines(&theirs));
    assert!(ours == theirs, "the same networks: {} and {}", ours.len(), theirs.len());
    let ratio = spread(pairs.iter().map(|(ours, theirs)| theirs.wall / ours.wall).collect());
    println!(
        "aggregation of {} lists, {}: {} networks on both sides; {:.2} times as fast as iprange ({:.2} to {:.2})",
        files.len(),
        lists.about,
        ours.len(),
        ratio[1],
        ratio[0],
        ratio[2]
    );
    found_alike(folder, &files, &ours);
}

fn v4_lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("it was written");
    text.lines().filter(|line| !line.starts_with('#') && !line.contains(':')).map(str::to_owned).collect()
}

/// grepcidr with our networks finds the lines that it finds with all lists.
fn found_alike(folder: &Path, files: &[PathBuf], networks: &[String]) {
    if !is_installed("grepcidr") {
        return println!("aggregation: grepcidr is not installed");
    }
    let (joint, ours, log) = (folder.join("joint"), folder.join("networks"), folder.join("log"));
    let all: Vec<u8> = files.iter().flat_map(|file| fs::read(file).expect("a list")).collect();
    fs::write(&joint, all).expect("a list");
    fs::write(&ours, networks.join("\n") + "\n").expect("a list");
    let mut random = Random::new(5);
    let some = |random: &mut Random| match random.below(2) {
        0 => {
            networks[random.below(networks.len() as u64) as usize].split('/').next().unwrap_or("").to_owned()
        }
        _ => Ipv4Addr::from_bits(random.next() as u32).to_string(),
    };
    let lines: String = (0..200_000).map(|_| some(&mut random) + " GET /\n").collect();
    fs::write(&log, lines).expect("a log");
    let grep = |list: &Path| {
        Command::new("grepcidr").arg("-f").arg(list).arg(&log).output().expect("grepcidr").stdout
    };
    let (by_all, by_ours) = (grep(&joint), grep(&ours));
    assert!(by_all == by_ours && !by_ours.is_empty(), "grepcidr finds the same lines");
    println!(
        "grepcidr finds the same {} of 200,000 lines with either",
        by_ours.split(|byte| *byte == b'\n').count() - 1
    );
}

const PYTHON_WRITER: &str = "
import ipaddress, sys, time
from netaddr import IPNetwork, IPSet
from mmdb_writer import MMDBWriter
start = time.time()
writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type='peer')
with open(sys.argv[1]) as file:
    for line in file:
        if line[0] != '#' and ':' not in line:
            writer.insert_network(IPSet([IPNetwork(line.strip())]), {'status': 1})
writer.to_db_file(sys.argv[2])
print(time.time() - start)
";

const PYTHON_READERS: &str = "
import maxminddb, random, sys, ipaddress
ours, theirs = (maxminddb.open_database(path) for path in sys.argv[1:3])
draw, hits = random.Random(3), 0
listed = [line.split('/')[0].strip() for line in open(sys.argv[3]) if line[0] != '#' and ':' not in line]
for at in range(200000):
    address = draw.choice(listed) if at % 2 else str(ipaddress.ip_address(draw.getrandbits(32)))
    a, b = ours.get(address), theirs.get(address)
    assert (a and a['status']) == (b and b['status']), address
    hits += a is not None
print(hits)
";

/// A tenth of the addresses, because the other writer takes its time.
fn maxmind(folder: &Path, snapshot: &Path, python: &Path) {
    let (ours, theirs, list) = (folder.join("ours.mmdb"), folder.join("theirs.mmdb"), folder.join("tenth"));
    let limit = |format: &str, file: &Path| {
        let mut command = export(snapshot, format, file);
        command.args(["--max-entries", "150000", "--feed", "i*"]);
        time(command)
    };
    limit("plain-ip", &list);
    let run = limit("mmdb", &ours);
    let python = |script: &str, args: &[&Path]| {
        let output = Command::new(python).arg("-c").arg(script).args(args).output().expect("python");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let seconds: f64 = python(PYTHON_WRITER, &[&list, &theirs]).parse().expect("seconds");
    let hits = python(PYTHON_READERS, &[&ours, &theirs, &list]);
    let size = |file: &Path| fs::metadata(file).expect("it was written").len() as f64 / 1e6;
    println!(
        "mmdb of 150,000 addresses: {:.2} s and {:.1} MB; mmdb_writer {seconds:.2} s and {:.1} MB; {hits} of 200,000 found by both",
        run.wall,
        size(&ours),
        size(&theirs)
    );
}

fn main() {
    println!("{}", machine());
    let wants =
        |part: &str| std::env::args().nth(1).is_none_or(|only| only.starts_with("--") || only == part);
    let folder = tempfile::tempdir().expect("a temporary folder");
    if wants("formats") {
        let snapshot = made_up(folder.path());
        formats(folder.path(), &snapshot);
        with_python_writer(folder.path(), &snapshot);
    }
    if wants("aggregation") {
        aggregation(folder.path());
    }
}

/// The MaxMind DB beside the writer of Python, where that is installed.
fn with_python_writer(folder: &Path, snapshot: &Path) {
    let python = std::env::var_os("RAPSHEET_PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let check = Command::new(&python).args(["-c", "import mmdb_writer, maxminddb"]).output();
    match check.is_ok_and(|output| output.status.success()) {
        true => maxmind(folder, snapshot, &python),
        false => println!("mmdb: `pip install mmdb_writer maxminddb`, and RAPSHEET_PYTHON names that python"),
    }
}
