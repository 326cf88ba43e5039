//! Scoring logs: fresh ones, in which most tokens are new, and beside each a short one repeated to the same size.
//!
//! A repeated log is answered from the cache of tokens, so that its figure alone would say nothing of a day's
//! log: each log is printed with the share of its tokens that the cache answered. Whole commands run in turn
//! with `grepcidr`, `grep -F`, `zcat` and `iprange`, after their answers were compared.
//!
//! With `RAPSHEET_CORPUS`, the snapshot contains the forty real lists; without it, they are made up.
//! `RAPSHEET_BENCH_LINES` is the number of lines of each log. Output goes to `/dev/null` while the clock runs,
//! because a reader would need one of two processors. Processor time is that of the command and not of others
//! on the machine; two workers are compared with one by wall-clock time.

#[path = "score/answers.rs"]
mod answers;
#[path = "score/bulk.rs"]
mod bulk;
mod common;

use common::fresh_logs::{DAILY, Kind, Listed};
use common::{Lists, Timing, is_installed, read_text, spread, time};
use rapsheet_query::{MatchFilter, Scorer, Searcher, Snapshot, Time};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const LINES: usize = 1_000_000;
/// How much of a log is repeated: about as much as the real Apache log has.
const REPEATED: usize = 2 << 20;
/// `grep -F` with all names takes seconds for this much.
const SIZE_FOR_GREP: usize = 16 << 20;
const ROUNDS: usize = 7;
/// The instant of all answers.
pub(crate) const NOW: &str = "2026-11-23T00:00:00Z";

/// What the program gives one worker: bytes of a block and of the cache.
const BLOCK_LEN: usize = 512 << 10;
const CACHE_MEMORY: usize = 6 << 20;

/// Files of the benchmark, and the snapshot.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) snapshot: PathBuf,
    /// The IPv4 ranges of the snapshot, one a line.
    pub(crate) ranges: PathBuf,
}

/// A log in a file.
struct LogFile {
    path: PathBuf,
    megabytes: f64,
}

impl Bench {
    /// The program with arguments after the snapshot.
    pub(crate) fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.arg("--snapshot").arg(&self.snapshot).args(["--now", NOW]).args(args);
        command
    }

    fn score(&self, file: &Path, args: &[&str]) -> Command {
        let mut command = self.program(&["score", "--progress", "never"]);
        command.args(args).arg(file);
        command
    }

    fn grepcidr(&self, log: &Path) -> Command {
        let mut command = Command::new("grepcidr");
        command.arg("-f").arg(&self.ranges).arg(log);
        command
    }

    fn write(&self, name: &str, size: usize, text: &[u8]) -> LogFile {
        let path = self.folder.path().join(name);
        let mut file = File::create(&path).expect("a file");
        (0..size.div_ceil(text.len())).for_each(|_| file.write_all(text).expect("written"));
        let megabytes = file.metadata().expect("a file").len() as f64 / 1e6;
        LogFile { path, megabytes }
    }

    /// One kind of log: fresh, a part of it repeated, and a real one repeated where there is one.
    fn kind(&self, kind: &Kind, text: &[u8], real: Option<Vec<u8>>, searcher: &Searcher<'_>) {
        println!("  {}: {} lines", kind.file, line_count(text));
        answers::check(self, searcher, text);
        let line_end = text.iter().skip(REPEATED).position(|byte| *byte == b'\n');
        let head = text.get(..line_end.map_or(text.len(), |at| REPEATED + at + 1)).unwrap_or(text);
        let mut logs = vec![
            ("fresh", self.write(kind.file, text.len(), text)),
            ("repeated", self.write(&format!("repeated-{}", kind.file), text.len(), head)),
        ];
        if let Some(real) = real {
            logs.push((
                "a real one, repeated",
                self.write(&format!("real-{}", kind.file), text.len(), &real),
            ));
        }
        for (what, log) in &logs {
            self.print_tokens(what, log, searcher);
        }
        let mut figures: Vec<Figures> = logs.iter().map(|_| Figures::default()).collect();
        for _ in 0..ROUNDS {
            for ((_, log), figures) in logs.iter().zip(&mut figures) {
                self.measure(log, figures);
            }
        }
        for ((what, _), figures) in logs.iter().zip(figures) {
            figures.print(what);
        }
        logs.iter().for_each(|(_, log)| fs::remove_file(&log.path).expect("removed"));
    }

    /// How many tokens were new, and how many the cache answered, with the cache of one worker.
    fn print_tokens(&self, what: &str, log: &LogFile, searcher: &Searcher<'_>) {
        let text = fs::read(&log.path).expect("a log");
        let mut scorer = Scorer::new(searcher, MatchFilter::Listed, CACHE_MEMORY);
        let mut rest = text.as_slice();
        while !rest.is_empty() {
            let most = rest.get(..BLOCK_LEN).unwrap_or(rest);
            let end = most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1);
            let (block, others) = rest.split_at(end);
            scorer.score_in_parts(block, |_, _| {});
            rest = others;
        }
        let counts = scorer.token_counts();
        let found = counts.all - counts.searched;
        println!(
            "    {what}: {:.0} MB, {} tokens new and {found} found in the cache ({:.1} % new)",
            log.megabytes,
            counts.searched,
            100.0 * counts.searched as f64 / counts.all.max(1) as f64
        );
    }

    fn measure(&self, log: &LogFile, figures: &mut Figures) {
        let lines = |threads| time(self.score(&log.path, &["-o", "lines", "--threads", threads]));
        let (one, two) = (lines("1"), lines("2"));
        let rows = time(self.score(&log.path, &["--threads", "1"]));
        figures.one.push(log.megabytes / one.processor);
        figures.rows.push(log.megabytes / rows.processor);
        figures.two.push(log.megabytes / two.wall);
        figures.ratio.push(one.wall / two.wall);
        if is_installed("grepcidr") {
            let Timing { processor, .. } = time(self.grepcidr(&log.path));
            figures.grepcidr.push(processor / one.processor);
        }
    }

    /// A compressed fresh log, beside decompressing it alone.
    fn gzip(&self, text: &[u8]) {
        let path = self.folder.path().join("fresh.gz");
        fs::write(&path, common::gzip(text)).expect("written");
        let (mut alone, mut zcat) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let scored = time(self.score(&path, &["-o", "lines", "--threads", "2"])).wall;
            let unpacked = common::seconds(|| {
                let file = File::open(&path).expect("an existing file");
                let mut decoder = flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file));
                std::io::copy(&mut decoder, &mut std::io::sink()).expect("gzip");
            });
            let mut command = Command::new("zcat");
            command.arg(&path);
            alone.push(unpacked / scored);
            zcat.push(time(command).wall / scored);
        }
        println!("  access.log, fresh, from gzip, two workers");
        print("times as fast as unpacking it alone", alone, 2);
        print("times as fast as zcat", zcat, 2);
    }

    /// `grep -F` with the same names, on a smaller log.
    fn grep(&self, names: &[String], text: &[u8]) {
        if !is_installed("grep") {
            return println!("  grep is not installed");
        }
        let log =
            self.write("grep.log", SIZE_FOR_GREP.min(text.len()), text.get(..SIZE_FOR_GREP).unwrap_or(text));
        let list = self.folder.path().join("names.txt");
        fs::write(&list, names.join("\n")).expect("written");
        // With -c, because grep stops at the first match when its output is /dev/null.
        let grep = || {
            let mut command = Command::new("grep");
            command.env("LC_ALL", "C").args(["-F", "-c", "-f"]).arg(&list).arg(&log.path);
            time(command).processor
        };
        let ours = || time(self.score(&log.path, &["-o", "lines", "--threads", "1"])).processor;
        let ratios = (0..3).map(|_| grep() / ours()).collect();
        println!(
            "  grep -F -f with the same {} names, {:.0} MB of the fresh access.log",
            names.len(),
            log.megabytes
        );
        print("processor time, times that of rapsheet, which also looks for addresses and URLs", ratios, 0);
    }
}

/// What was measured of one log, a value a round.
#[derive(Default)]
struct Figures {
    one: Vec<f64>,
    rows: Vec<f64>,
    two: Vec<f64>,
    ratio: Vec<f64>,
    grepcidr: Vec<f64>,
}

impl Figures {
    fn print(self, what: &str) {
        print(&format!("{what}: one worker, -o lines, MB/s of processor time"), self.one, 0);
        print(&format!("{what}: one worker, -o jsonl, MB/s of processor time"), self.rows, 0);
        print(&format!("{what}: two workers, -o lines, MB/s"), self.two, 0);
        print(&format!("{what}: two workers, times as fast as one"), self.ratio, 2);
        if !self.grepcidr.is_empty() {
            print(&format!("{what}: processor time of grepcidr, times that of one worker"), self.grepcidr, 1);
        }
    }
}

pub(crate) fn print(of: &str, values: Vec<f64>, places: usize) {
    let [low, middle, high] = spread(values);
    println!("    {of}: {middle:.places$} ({low:.places$} to {high:.places$})");
}

fn line_count(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// The IPv4 ranges of a snapshot, one a line.
fn ranges(index: &rapsheet_snapshot::Index<'_>) -> String {
    let all = rapsheet_snapshot::AddressRange::V4 { first: 0, last: u32::MAX };
    let mut text = String::new();
    index.each_address(all, |range, _| {
        if let rapsheet_snapshot::AddressRange::V4 { first, last } = range {
            let [first, last] = [first, last].map(std::net::Ipv4Addr::from_bits);
            writeln!(text, "{first}-{last}").expect("written to a string");
        }
    });
    text
}

/// Builds the snapshot of the lists.
fn build(lists: &Lists, folder: &Path) -> PathBuf {
    let (snapshot, catalog) = (folder.join("bench.rap"), folder.join("catalog.toml"));
    fs::write(&catalog, &lists.catalog).expect("written");
    let built = Command::new(env!("CARGO_BIN_EXE_rapsheet"))
        .args(["build", "--quiet", "--now", NOW, "--catalog"])
        .arg(&catalog)
        .arg("--downloads")
        .arg(&lists.folder)
        .arg("--out")
        .arg(&snapshot)
        .status()
        .expect("it runs");
    assert!(built.code().is_some_and(|code| code == 0 || code == 3));
    snapshot
}

fn main() {
    println!("{}", common::machine());
    let lists = Lists::find();
    let corpus = std::env::var_os("RAPSHEET_CORPUS").map(PathBuf::from);
    let lines =
        std::env::var("RAPSHEET_BENCH_LINES").ok().and_then(|lines| lines.parse().ok()).unwrap_or(LINES);
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = build(&lists, folder.path());
    println!("scoring: {}; {lines} lines of each log", lists.about);
    let opened = Snapshot::open(&snapshot).expect("a valid snapshot");
    let index = opened.index();
    let (ranges_text, ranges) = (ranges(&index), folder.path().join("ranges.txt"));
    fs::write(&ranges, &ranges_text).expect("written");
    let mut names = Vec::new();
    index.each_name(|reversed, _| {
        let name: Vec<u8> = reversed.iter().rev().copied().collect();
        names.push(String::from_utf8_lossy(&name).into_owned());
    });
    common::Random::new(3).shuffle(&mut names);
    let mut addresses: Vec<String> =
        ranges_text.lines().filter_map(|line| Some(line.split_once('-')?.0.to_owned())).collect();
    common::Random::new(4).shuffle(&mut addresses);
    let now = Time::parse_rfc3339(NOW).expect("a time");
    let searcher = Searcher::new(&opened, now);
    let bench = Bench { folder, snapshot, ranges };
    let real = |name: &str| corpus.as_deref().map(|corpus| read_text(&corpus.join("logs").join(name)));
    for kind in &DAILY {
        let text = kind.make(lines, Listed { addresses: &addresses, ..Listed::default() });
        let real = match kind.file {
            "access.log" => real("apache/apache_logs"),
            "dns.log" => real("zeek/dns.log.gz"),
            _ => None,
        };
        bench.kind(kind, &text, real, &searcher);
        match kind.file {
            "access.log" => {
                bench.gzip(&text);
                bench.grep(&names, &text);
            }
            "addresses.txt" => bulk::lookups(&bench, &text),
            _ => {}
        }
    }
}
