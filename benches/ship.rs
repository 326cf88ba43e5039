//! What travels from night to night: record deltas and slim files, beside binary patches and whole files; and what
//! applying a delta takes, beside a build that only carries what it has.
//!
//! The nights are the histories of four real lists beside the large real lists, whose entries come and go;
//! `RAPSHEET_CORPUS` names the folder of both. `cargo bench --bench ship -- 10` makes ten of them, and
//! `-- 10 fast` lets four times as many entries come and go.

mod common;

use common::{Random, spread};
use rapsheet_assemble::Scratch;
use rapsheet_ship::{Limits, delta, slim};
use rapsheet_snapshot::{Address, AddressRange, ReloadingSnapshot, Snapshot, Time};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

const DAY_SECONDS: i64 = 86_400;
/// The first night, 2026-09-01 at four.
const START: i64 = 1_788_235_200;
/// How many there are without an argument.
const DAYS: usize = 30;
/// The share of a list that is not listed at a time: entries leave and return at its ends.
const ABSENT: f64 = 0.3;
/// The histories, with their formats.
const HISTORIES: [(&str, &str); 4] = [
    ("data-shield", "plain-ip"),
    ("openphish", "url-list"),
    ("tor-exit", "plain-ip"),
    ("x4bnet-vpn", "plain-ip"),
];

/// The share of the entries of real lists that come and go: all, or so many that no more than 2 % of all sightings
/// change in a night.
fn share(is_fast: bool) -> f64 {
    if is_fast { 1.0 } else { 0.23 }
}

/// A large list: its lines, and a fixed place of each between 0 and 1.
struct List {
    file: String,
    lines: Vec<(Vec<u8>, f64)>,
    /// The share that leaves each night, and that returns.
    churn: f64,
}

impl List {
    fn read(path: &Path, is_fast: bool) -> List {
        let file = path.file_name().unwrap_or_default().to_string_lossy().trim_end_matches(".gz").to_owned();
        let mut random = Random::new(rapsheet_snapshot::hash::bytes(1, file.as_bytes()));
        let text = common::read_text(path);
        let place = |line: &[u8]| (line.to_vec(), random.below(1 << 32) as f64 / 4_294_967_296.0);
        // A comment may state when the list was made, which is months before these nights.
        let is_comment = |line: &&[u8]| line.starts_with(b"#") || line.starts_with(b"!");
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !is_comment(line)).map(place).collect();
        let churn = match common::file_format(&file) {
            "maltrail" => 0.001,
            "plain-ip" | "plain-ip-annotated" if !file.starts_with("net.x4b") => 0.05 * share(is_fast),
            _ => 0.02 * share(is_fast),
        };
        List { file, lines, churn }
    }

    /// What it lists in a night.
    fn text(&self, day: usize) -> Vec<u8> {
        let is_listed = |place: f64| (place + day as f64 * self.churn).fract() >= ABSENT;
        let lines = self.lines.iter().filter(|(_, place)| is_listed(*place));
        lines.flat_map(|(line, _)| line.iter().copied().chain([b'\n'])).collect()
    }
}

/// The lists, and the catalogue over them.
struct Lists {
    lists: Vec<List>,
    histories: Vec<(String, Vec<PathBuf>)>,
    catalog: String,
}

impl Lists {
    fn find(corpus: &Path, is_fast: bool) -> Lists {
        let scale = corpus.join("feeds/scale");
        let mut catalog = String::new();
        let lists: Vec<List> = common::files(&scale).iter().map(|path| List::read(path, is_fast)).collect();
        for list in &lists {
            let (format, scope) = common::format_and_scope(&list.file);
            catalog.push_str(&feed(&list.file, format, scope));
        }
        let histories = HISTORIES.map(|(name, format)| {
            catalog.push_str(&feed(name, format, "exact"));
            let mut files = common::files(&corpus.join("history").join(name));
            files.retain(|path| path.to_string_lossy().contains(".txt"));
            (name.to_owned(), files)
        });
        Lists { lists, histories: histories.into(), catalog }
    }

    /// Builds a night after the one before: the lists of `listed`, which may be an earlier night.
    fn build(&self, (day, listed): (usize, usize), folder: &Path) -> PathBuf {
        let (downloads, out) = (folder.join("downloads"), folder.join(format!("{day}.rap")));
        std::fs::create_dir_all(&downloads).expect("a folder");
        std::fs::write(folder.join("catalog.toml"), &self.catalog).expect("a catalogue");
        for list in &self.lists {
            place(&downloads.join(&list.file), &list.text(listed), instant(day));
        }
        for (name, files) in &self.histories {
            let file = files.get(listed).or(files.last()).expect("a history");
            place(&downloads.join(name), &common::read_text(file), instant(day));
        }
        let before = day.checked_sub(1).map(|before| folder.join(format!("{before}.rap")));
        let before = before.unwrap_or_else(|| "none".into());
        let status = builder(folder, &downloads, &before, &out, instant(day)).status();
        assert!(matches!(status.expect("rapsheet runs").code(), Some(0 | 3)), "night {day} was not built");
        out
    }
}

/// When a night is built.
fn instant(day: usize) -> i64 {
    START + day as i64 * DAY_SECONDS
}

fn builder(folder: &Path, downloads: &Path, before: &Path, out: &Path, now: i64) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
    command.args(["build", "--quiet", "--now", &Time::from_unix(now).to_string(), "--catalog"]);
    command.arg(folder.join("catalog.toml")).arg("--downloads").arg(downloads);
    command.arg("--out").arg(out).arg("--previous").arg(before);
    command
}

fn place(path: &Path, text: &[u8], now: i64) {
    std::fs::write(path, text).expect("a download");
    let retrieved = SystemTime::UNIX_EPOCH + Duration::from_secs(now as u64 - 3600);
    let file = std::fs::File::options().append(true).open(path).expect("the download");
    file.set_modified(retrieved).expect("a time");
}

fn feed(file: &str, format: &str, scope: &str) -> String {
    let id = file.replace('_', "-").to_lowercase();
    let provider = id.split('.').next().unwrap_or_default();
    format!(
        "[[feed]]\nid = \"{id}\"\nprovider = \"{provider}.example\"\nfile = \"{file}\"\nformat = \"{format}\"\n\
         scope = \"{scope}\"\nretention = \"15d\"\nassessment = [\"blacklist\"]\n\
         [feed.guard]\nallow_never_block = true\nnew_coverage_above = \"12%\"\n"
    )
}

/// The length of what a program writes to its output; `None` where it is not installed.
fn output_length(program: &str, arguments: &[&Path], options: &[&str]) -> Option<u64> {
    let out = tempfile::NamedTempFile::new().expect("a file");
    let mut command = Command::new(program);
    command.args(options).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    let status = command.stdout(out.reopen().expect("the file")).status().ok()?;
    status.success().then(|| out.path().metadata().map_or(0, |file| file.len()))
}

/// A delta, which is applied and compared.
fn delta_length(from: &Snapshot, to: &Snapshot) -> delta::DeltaSizes {
    let mut bytes = Vec::new();
    let sizes = delta::write(from, to, &mut bytes).expect("sound snapshots");
    let image = delta::apply(from, &bytes, &Limits::default(), &Scratch::unlimited()).expect("a sound delta");
    assert!(image.to_bytes() == to.file_bytes(), "the delta gives another file");
    sizes
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or("-".to_owned(), |bytes| format!("{:.3}", bytes as f64 / 1e6))
}

/// The length of the slim file.
fn slim_length(snapshot: &Snapshot) -> u64 {
    let mut slim = Vec::new();
    slim::write(snapshot, &mut slim).expect("writing to memory")
}

/// The sum of some numbers of a part, per `count`.
fn per(bytes: u64, count: u64) -> String {
    if count == 0 { "-".to_owned() } else { format!("{:.2}", bytes as f64 / count as f64) }
}

/// How many sightings a snapshot has, by its feeds' counts of entries.
fn sightings(snapshot: &Snapshot) -> u64 {
    snapshot.origin().feeds.iter().map(|feed| feed.sightings).sum()
}

/// Prints a row of the table of nights.
fn print_day(what: &str, to: &Snapshot, sizes: &delta::DeltaSizes, slim: u64) {
    let changed = sizes.added.iter().chain(&sizes.removed).sum::<u64>();
    let share = |part: u64, whole: u64| 100.0 * part as f64 / whole as f64;
    let [v4, v6, names, urls] = [0, 1, 2, 3].map(|part| {
        let (of, kept) = (sizes.parts.get(part), sizes.kept.get(part));
        let new = of.zip(kept).map_or(0, |(of, kept)| of.saturating_sub(*kept));
        per(new, sizes.added.get(part).copied().unwrap_or(0))
    });
    println!(
        "| {what} | {} | {:.2} % | {:.3} | {:.2} % | {} | {v4} | {v6} | {names} | {urls} |",
        megabytes(Some(to.byte_len())),
        share(changed, sightings(to)),
        sizes.all as f64 / 1e6,
        share(sizes.all, slim),
        per(sizes.kept.iter().sum(), sizes.removed.iter().sum()),
    );
}

/// Binary patches of a night, and their times.
fn print_patches(before: &Path, now: &Path) {
    let patch_from = format!("--patch-from={}", before.display());
    let zstd = output_length("zstd", &[now], &["-19", "--long=27", "-c", "-q", &patch_from]);
    let xdelta = output_length("xdelta3", &[before, now], &["-9", "-e", "-c", "-s"]);
    let whole = output_length("zstd", &[now], &["-19", "--long=27", "-c", "-q"]);
    println!(
        "zstd -19 of the file {} MB, with --patch-from the night before {} MB, xdelta3 -9 {} MB",
        megabytes(whole),
        megabytes(zstd),
        megabytes(xdelta)
    );
}

/// The variable that makes this program apply a delta: from, delta and target.
const APPLY: &str = "RAPSHEET_BENCH_APPLY";

/// Applies a delta in this process, and prints the peak of its anonymous memory in KiB.
fn apply_here(arguments: &str) {
    let [from, delta, target] = [0, 1, 2].map(|at| Path::new(arguments.split(':').nth(at).unwrap_or("")));
    let (peak, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                peak.fetch_max(common::memory("self", "RssAnon").unwrap_or(0), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let bytes = std::fs::read(delta).expect("a delta");
        let applied = delta::apply_to(&open(from), &bytes, &Limits::default(), target);
        let (file, _) = applied.expect("a sound delta");
        let made = open(file.temporary_path());
        made.reference_checks().into_par_iter().try_for_each(|check| check.run()).expect("a sound snapshot");
        file.publish().expect("published");
        is_done.store(true, Ordering::Relaxed);
    });
    println!("{}", peak.into_inner());
}

/// How many times applying a delta and a build that only carries are run in turn.
const PAIRS: usize = 5;

/// The time and the memory of applying the delta of a night, beside a build that only carries.
fn print_cost(folder: &Path, before: &Path, now: &Path) {
    let (delta, target, empty) = (folder.join("x.rapd"), folder.join("applied.rap"), folder.join("empty"));
    std::fs::create_dir_all(&empty).expect("a folder");
    let mut bytes = Vec::new();
    delta::write(&open(before), &open(now), &mut bytes).expect("sound snapshots");
    std::fs::write(&delta, bytes).expect("room");
    let value = [before, &delta, &target].map(|path| path.display().to_string()).join(":");
    for threads in ["1", "2"] {
        let this = std::env::current_exe().expect("this program");
        let mut apply = Command::new(this);
        apply.env(APPLY, &value).env("RAYON_NUM_THREADS", threads);
        let output = apply.output().expect("it runs");
        let peak = String::from_utf8_lossy(&output.stdout).trim().parse::<f64>().expect("a number") * 1024.0;
        let (made, expected) = (std::fs::read(&target), std::fs::read(now));
        assert!(made.expect("the snapshot") == expected.expect("the snapshot"), "another file");
        let pairs: Vec<(common::Timing, common::Timing)> = (0..PAIRS)
            .map(|_| {
                let (out, at) = (folder.join("carried.rap"), open(now).built_at().unix());
                let mut carry = builder(folder, &empty, before, &out, at);
                carry.args(["--threads", threads]);
                let _ = std::fs::remove_file(&out);
                let mut shell = Command::new("bash");
                // It tells with 3 that no download is there.
                shell.args(["-c", "\"$@\" || true", "bash"]);
                shell.arg(carry.get_program()).args(carry.get_args());
                let carried = common::time(shell);
                assert!(out.exists(), "nothing was carried");
                let mut again = Command::new(apply.get_program());
                again.env(APPLY, &value).env("RAYON_NUM_THREADS", threads);
                (common::time(again), carried)
            })
            .collect();
        let ratio = |of: fn(&common::Timing) -> f64| {
            let [low, middle, high] =
                spread(pairs.iter().map(|(ours, build)| of(ours) / of(build)).collect());
            format!("{middle:.2} ({low:.2} to {high:.2})")
        };
        let [_, wall, _] = spread(pairs.iter().map(|(ours, _)| ours.wall).collect());
        let [_, carried, _] = spread(pairs.iter().map(|(_, build)| build.wall).collect());
        println!(
            "{threads} threads: applied and verified in {wall:.2} s, a build that only carries {carried:.2} s; {} times, {} \
             times its processor time; {:.1} MB of memory, {:.2} times the file",
            ratio(|timing| timing.wall),
            ratio(|timing| timing.processor),
            peak / 1e6,
            peak / open(now).byte_len() as f64,
        );
    }
}

/// How many snapshots are made of deltas under look-ups.
const PULLS: usize = 10;

/// Single look-ups, timed one by one, while nothing happens, and while deltas are applied beside them and what they give
/// is renamed into place.
fn print_reader(folder: &Path, before: &Path, now: &Path) {
    let snapshots = [before, now];
    let target = folder.join("live.rap");
    let deltas = [("there", before, now), ("back", now, before)].map(|(name, from, to)| {
        let path = folder.join(format!("{name}.rapd"));
        let mut bytes = Vec::new();
        delta::write(&open(from), &open(to), &mut bytes).expect("sound snapshots");
        std::fs::write(&path, bytes).expect("room");
        path
    });
    std::fs::copy(before, &target).expect("room");
    let live = ReloadingSnapshot::open(&target).expect("a sound snapshot");
    let addresses = addresses(&open(before));
    let times = |pulls: usize| {
        let (is_done, mut times, mut listed) = (AtomicBool::new(false), Vec::new(), 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for (from, delta) in snapshots.iter().zip(&deltas).cycle().take(pulls) {
                    let value = [*from, delta, &target].map(|path| path.display().to_string()).join(":");
                    let mut apply = Command::new(std::env::current_exe().expect("this program"));
                    let applied = apply.env(APPLY, value).env("RAYON_NUM_THREADS", "1").output();
                    assert!(applied.expect("it runs").status.success());
                    assert!(live.refresh().expect("a sound snapshot"));
                }
                std::thread::sleep(Duration::from_secs(if pulls == 0 { 5 } else { 0 }));
                is_done.store(true, Ordering::Relaxed);
            });
            for address in addresses.iter().cycle() {
                let start = Instant::now();
                listed += usize::from(live.current().index().address(Address::V4(*address)).is_some());
                times.push(start.elapsed().as_nanos() as u32);
                if times.len() % 1024 == 0 && is_done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        times.sort_unstable();
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0);
        let (count, share) = (times.len(), listed * 100 / times.len());
        format!("{count} look-ups, {share} % listed: p50 {} ns, p99.9 {} ns", at(0.5), at(0.999))
    };
    println!("no pull: {}", times(0));
    println!("{PULLS} pulls on one thread: {}", times(PULLS));
}

/// Addresses of a snapshot and as many random ones, shuffled.
fn addresses(snapshot: &Snapshot) -> Vec<u32> {
    let mut random = Random::new(7);
    let mut addresses = Vec::new();
    let all = AddressRange::V4 { first: 0, last: u32::MAX };
    snapshot.index().each_address(all, |range, _| {
        if let AddressRange::V4 { first, .. } = range {
            addresses.extend([first, random.below(1 << 32) as u32]);
        }
    });
    random.shuffle(&mut addresses);
    addresses.truncate(1 << 20);
    addresses
}

fn main() {
    if let Ok(arguments) = std::env::var(APPLY) {
        return apply_here(&arguments);
    }
    let Some(corpus) = std::env::var_os("RAPSHEET_CORPUS").map(PathBuf::from) else {
        return println!("skipped: RAPSHEET_CORPUS names no folder of real lists");
    };
    let days = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(DAYS);
    let lists = Lists::find(&corpus, std::env::args().any(|argument| argument == "fast"));
    println!("{}", common::machine());
    let folder = tempfile::tempdir().expect("a folder");
    println!(
        "| nights | full, MB | changed | delta, MB | of the slim file | a removal, bytes | a new IPv4 | IPv6 | name | URL |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut paths = vec![lists.build((0, 0), folder.path())];
    let mut slim = 0;
    for day in 1..days {
        paths.push(lists.build((day, day), folder.path()));
        let [old, new] = [day - 1, day].map(|day| paths.get(day).map(|path| open(path)).expect("a night"));
        // It takes half a minute and hardly changes.
        if day % 10 == 1 || day + 1 == days {
            slim = slim_length(&new);
        }
        print_day(&format!("{day}"), &new, &delta_length(&old, &new), slim);
    }
    let last = paths.last().expect("a night").clone();
    let new = open(&last);
    for back in [7, 9, 14, 29] {
        let from = paths.len().checked_sub(1 + back).and_then(|at| paths.get(at));
        if let Some(from) = from {
            print_day(&format!("{back} in one"), &new, &delta_length(&open(from), &new), slim);
        }
    }
    let same = open(&lists.build((days, days - 1), folder.path()));
    print_day("all confirmed, none changed", &same, &delta_length(&new, &same), slim);
    println!("slim file {} MB of {}", megabytes(Some(slim)), megabytes(Some(new.byte_len())));
    let before = paths.iter().rev().nth(1).expect("a night").clone();
    print_cost(folder.path(), &before, &last);
    print_reader(folder.path(), &before, &last);
    print_patches(&before, &last);
}

fn open(path: &Path) -> Snapshot {
    Snapshot::open(path).expect("a sound snapshot")
}
