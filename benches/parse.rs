//! Parsing lists from memory on one thread, format by format, compared with a count of their line ends.
//!
//! The text is decompressed and repeated before the clock starts, and the sink only counts, so that the time
//! is that of splitting, parsing and checking lines. Counting line ends is a lower bound for any reader of
//! lines; the ratio to it is comparable between machines.

mod common;

use common::{busy_seconds, file_format, files, read_text, spread};
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::format::{self, Format, Shape};
use rapsheet_ingest::pipeline::{
    Counters, Details, Key, ParseConfig, Position, Rules, Sink, Skip, Warnings, parse_text,
};
use rapsheet_snapshot::{ListKind, ParseError, Scope, Time};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};

/// Small files are repeated until a format has this many bytes.
const TEXT_MIN: usize = 16 << 20;
const ROUNDS: usize = 5;

/// Counts entries, skips and rejects.
#[derive(Default, PartialEq, Eq, Debug)]
struct Counts {
    entries: u64,
    skips: u64,
    rejects: u64,
}

impl Sink for Counts {
    fn entry(&mut self, position: Position, key: Key<'_>, details: &Details, warnings: Warnings) {
        black_box((position, key, details, warnings));
        self.entries += 1;
    }

    fn skip(&mut self, position: Position, why: Skip) {
        black_box((position, why));
        self.skips += 1;
    }

    fn reject(&mut self, position: Position, why: ParseError, text: &[u8]) {
        black_box((position, why, text));
        self.rejects += 1;
    }
}

/// The text of a file, with its options.
struct Text {
    bytes: Vec<u8>,
    options: Options,
}

/// Options that a table needs, by the beginning of its file name.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("carbonblack.", "delimiter", "tab"),
    ("carbonblack.", "value", "c2_ip"),
    ("jayp232.IPC2s", "profile", "c2intel"),
    ("unit42.rarog", "value", "2"),
    ("csv-feodo", "profile", "feodo"),
    ("csv-threatfox", "profile", "threatfox"),
    ("csv-tor-nodes", "profile", "tor-nodes"),
    ("csv-urlhaus", "profile", "urlhaus"),
];

fn options_of(name: &str) -> Options {
    let mut options = Options::default();
    let own = OPTIONS.iter().filter(|(begin, ..)| name.starts_with(begin));
    own.for_each(|(_, key, value)| options.push(key, value));
    options
}

fn load(path: &Path) -> Text {
    let mut bytes = read_text(path);
    if bytes.last() != Some(&b'\n') {
        bytes.push(b'\n');
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Text { bytes, options: options_of(&name) }
}

fn named(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The real files of every format that has lines, or the samples of the project.
fn texts(corpus: Option<&Path>) -> BTreeMap<&'static str, Vec<Text>> {
    let mut found: BTreeMap<&'static str, Vec<Text>> = BTreeMap::new();
    let mut add = |id: &str, path: &Path| {
        if let Some(format) = format::find(id).filter(|format| !matches!(format.shape, Shape::Document(_))) {
            found.entry(format.id).or_default().push(load(path));
        }
    };
    let Some(feeds) = corpus else {
        let samples = files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/feeds/samples")));
        for path in samples.iter().filter(|path| named(path) != "catalog.toml") {
            let name = named(path);
            let stem = name.split('.').next().unwrap_or_default();
            add(if stem.starts_with("csv-") { "csv" } else { stem }, path);
        }
        return found;
    };
    for format in format::FORMATS {
        let folder = feeds.join(if format.id == "ip-range" { "ip-range-csv" } else { format.id });
        let paths = if folder.is_dir() { files(&folder) } else { Vec::new() };
        paths.iter().for_each(|path| add(format.id, path));
    }
    files(&feeds.join("scale")).iter().for_each(|path| add(file_format(&named(path)), path));
    found
}

/// Reads one text; `None` where the format refuses the file.
fn read(format: &'static Format, text: &Text) -> Option<(Counters, Counts)> {
    let rules = Rules::new(Time::from_unix(1_787_443_200), ListKind::Block, Scope::Exact);
    let config = ParseConfig { format, options: &text.options, rules: &rules, can_be_empty: false };
    let mut counts = Counts::default();
    let counters = parse_text(&config, &mut text.bytes.as_slice(), &mut counts).ok()?;
    Some((counters, counts))
}

/// Reads one text twice, and compares the counters with those of the sink.
fn read_checked(format: &'static Format, text: &Text) -> Option<Counters> {
    let (counters, counts) = read(format, text)?;
    assert_eq!(
        counters.lines,
        counters.data_lines + counters.skipped_lines + counters.rejected_lines,
        "{}",
        format.id
    );
    let skips = counters.skips.values().sum();
    let counted = Counts { entries: counters.entries, skips, rejects: counters.rejected };
    assert_eq!(counts, counted, "{}: counters and sink agree", format.id);
    assert_eq!(read(format, text), Some((counters.clone(), counts)), "{}: both readings agree", format.id);
    Some(counters)
}

/// Reads every text of a format once and prints how many lines there are: what `callgrind` divides the
/// instructions of `parse_text` by.
fn once(id: &str, texts: &[Text]) {
    let format = format::find(id).expect("a known format");
    let lines = texts.iter().filter_map(|text| read(format, text)).map(|(counters, _)| counters.lines);
    println!("  {id:<20} {:>9} lines, read once", lines.sum::<u64>());
}

fn row(id: &str, mut texts: Vec<Text>) {
    let format = format::find(id).expect("a known format");
    texts.retain(|text| read(format, text).is_some());
    let once: usize = texts.iter().map(|text| text.bytes.len()).sum();
    if once == 0 {
        return println!("  {id:<20} no file of this format");
    }
    let times = TEXT_MIN.div_ceil(once);
    texts.iter_mut().for_each(|text| text.bytes = text.bytes.repeat(times));
    let mut counters = Counters::default();
    texts.iter().filter_map(|text| read_checked(format, text)).for_each(|one| counters.add(&one));
    let ours = || texts.iter().for_each(|text| drop(black_box(read(format, text))));
    let count = |text: &Text| memchr::memchr_iter(b'\n', &text.bytes).count();
    let theirs = || assert!(black_box(texts.iter().map(count).sum::<usize>()) > 0);
    let pairs: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (busy_seconds(ours), busy_seconds(theirs))).collect();
    let [low, ratio, high] = spread(pairs.iter().map(|(ours, theirs)| ours / theirs).collect());
    let [_, taken, _] = spread(pairs.iter().map(|(ours, _)| *ours).collect());
    let bytes = (once * times) as f64;
    println!(
        "  {id:<20} {:>10} bytes {:>9} lines {:>8} entries {:>6.0} MB/s {:>6.2} M lines/s  {ratio:>5.0} times a \
         count of line ends ({low:.0} to {high:.0})",
        once * times,
        counters.lines,
        counters.entries,
        bytes / taken / 1e6,
        counters.lines as f64 / taken / 1e6,
    );
}

fn main() {
    println!("{}", common::machine());
    let corpus = std::env::var_os("RAPSHEET_CORPUS").map(|folder| PathBuf::from(folder).join("feeds"));
    let corpus = corpus.filter(|folder| folder.is_dir());
    let about = if corpus.is_some() { "real lists" } else { "samples (set RAPSHEET_CORPUS for real lists)" };
    println!("parse: {about}, one thread, from memory, {ROUNDS} rounds");
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_once = std::env::args().any(|word| word == "--once");
    for (id, texts) in texts(corpus.as_deref()) {
        if !arguments.is_empty() && !arguments.iter().any(|only| only == id) {
            continue;
        }
        if is_once { once(id, &texts) } else { row(id, texts) }
    }
}
