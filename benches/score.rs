//! Scoring logs beside what anybody could use instead, as whole commands over the same files in turn.
//!
//! With `RAPSHEET_CORPUS`, real logs are repeated to 200 MB and the snapshot holds the forty real lists; without, both are
//! made up. Every run's output is compared with the one-thread run's before it counts.

mod common;

use common::{Lists, seconds, spread};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SIZE: usize = 200 << 20;
/// `grep -F` takes minutes for what takes us a second.
const SIZE_FOR_GREP: usize = 4 << 20;
const NAMES_FOR_GREP: usize = 100_000;

/// A log, unpacked.
fn log(corpus: Option<&Path>, name: &str) -> Vec<u8> {
    let made_up = || {
        let line = |at: u32| {
            format!(
                "45.{}.{}.{} - - [17/May/2015:10:05:03 +0000] \"GET /page-{}/image-{}.png HTTP/1.1\" 200 {} \"http://site-{}.example.com/\" \"Mozilla/5.0\"\n",
                20 + at % 7,
                at % 251,
                at % 241,
                at % 97,
                at % 1009,
                at,
                at % 613
            )
        };
        (0..100_000).map(line).collect::<String>().into_bytes()
    };
    let Some(path) = corpus.map(|corpus| corpus.join("logs").join(name)) else { return made_up() };
    let bytes = fs::read(&path).expect("a log");
    if path.extension().is_none_or(|extension| extension != "gz") {
        return bytes;
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut text).expect("gzip");
    text
}

fn repeated(text: &[u8], size: usize, path: &Path) {
    let mut file = File::create(path).expect("a file");
    (0..size.div_ceil(text.len())).for_each(|_| file.write_all(text).expect("written"));
}

struct Bench {
    folder: tempfile::TempDir,
    snapshot: PathBuf,
}

impl Bench {
    fn score(&self, file: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command
            .arg("--snapshot")
            .arg(&self.snapshot)
            .args(["score", "--progress", "never"])
            .args(args)
            .arg(file);
        command.args(["--now", "2026-11-23T00:00:00Z"]);
        command
    }

    /// The seconds of a whole command, and how much it printed.
    fn time(&self, mut command: Command) -> (f64, Vec<u8>) {
        let mut printed = Vec::new();
        let taken = seconds(|| {
            let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
            child.stdout.take().expect("a pipe").read_to_end(&mut printed).expect("it prints");
            assert!(child.wait().expect("it ends").success());
        });
        (taken, printed)
    }

    /// One log: one worker and two, and compressed.
    fn race(&self, what: &str, text: &[u8]) {
        let path = self.folder.path().join(what);
        repeated(text, SIZE, &path);
        let size = fs::metadata(&path).expect("it is there").len() as f64;
        let packed = path.with_extension("gz");
        let mut gzip = flate2::write::GzEncoder::new(
            File::create(&packed).expect("a file"),
            flate2::Compression::default(),
        );
        gzip.write_all(&fs::read(&path).expect("bytes")).expect("written");
        gzip.finish().expect("written");
        let (_, expected) = self.time(self.score(&path, &["--threads", "1"]));
        let (mut one, mut two, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gz, mut zcat) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let (single, printed) = self.time(self.score(&path, &["--threads", "1"]));
            let (double, again) = self.time(self.score(&path, &["--threads", "2"]));
            assert!(printed == expected && again == expected, "{what}: the same at any number of threads");
            let (from_gzip, unpacked) = self.time(self.score(&packed, &["--threads", "2"]));
            assert_eq!(
                unpacked.iter().filter(|byte| **byte == b'\n').count(),
                expected.iter().filter(|byte| **byte == b'\n').count()
            );
            let alone = seconds(|| {
                let file = File::open(&packed).expect("it is there");
                let mut decoder = flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file));
                std::io::copy(&mut decoder, &mut std::io::sink()).expect("gzip");
            });
            let by_zcat = seconds(|| drop(Command::new("zcat").arg(&packed).stdout(Stdio::null()).status()));
            zcat.push(by_zcat / from_gzip);
            one.push(size / single / 1e6);
            two.push(size / double / 1e6);
            ratios.push(single / double);
            gz.push(alone / from_gzip);
        }
        let [_, one, _] = spread(one);
        let [_, two, _] = spread(two);
        let [low, ratio, high] = spread(ratios);
        let [gz_low, gz, gz_high] = spread(gz);
        let [_, zcat, _] = spread(zcat);
        let rows = expected.iter().filter(|byte| **byte == b'\n').count();
        println!(
            "  {what}: {:.0} MB, {rows} rows; one worker {one:.0} MB/s, two {two:.0} MB/s: {ratio:.2} times ({low:.2} to {high:.2})",
            size / 1e6
        );
        println!(
            "    gzip, two workers: {gz:.2} times as fast as unpacking it alone ({gz_low:.2} to {gz_high:.2}); zcat alone {zcat:.2}"
        );
    }

    /// `grep -F` with as many names as it bears, on a smaller log.
    fn grep(&self, names: &[String], text: &[u8]) {
        let (log, list) = (self.folder.path().join("grep.log"), self.folder.path().join("names.txt"));
        repeated(text, SIZE_FOR_GREP, &log);
        fs::write(
            &list,
            names.iter().take(NAMES_FOR_GREP).map(|name| format!("{name}\n")).collect::<String>(),
        )
        .expect("written");
        let grep = || {
            let mut command = Command::new("grep");
            command.env("LC_ALL", "C").args(["-F", "-c", "-f"]).arg(&list).arg(&log);
            command
        };
        if grep().output().is_err() {
            return println!("  grep is not installed");
        }
        let ratios = (0..3)
            .map(|_| {
                let theirs = seconds(|| drop(grep().output()));
                theirs / self.time(self.score(&log, &["--threads", "1"])).0
            })
            .collect();
        let [low, ratio, high] = spread(ratios);
        println!(
            "  grep -F -f with {NAMES_FOR_GREP} names on {} MB takes {ratio:.0} times as long ({low:.0} to {high:.0}), all of the snapshot against these names",
            SIZE_FOR_GREP >> 20
        );
    }
}

fn main() {
    let lists = Lists::find();
    let corpus = std::env::var_os("RAPSHEET_CORPUS").map(PathBuf::from);
    let folder = tempfile::tempdir().expect("a folder");
    let snapshot = folder.path().join("bench.rap");
    let catalog = folder.path().join("catalog.toml");
    fs::write(&catalog, &lists.catalog).expect("written");
    let built = Command::new(env!("CARGO_BIN_EXE_rapsheet"))
        .args(["build", "--quiet", "--now", "2026-11-23T00:00:00Z", "--catalog"])
        .arg(&catalog)
        .arg("--downloads")
        .arg(&lists.folder)
        .arg("--out")
        .arg(&snapshot)
        .status()
        .expect("it runs");
    assert!(built.code().is_some_and(|code| code == 0 || code == 3));
    println!("scoring: {}", lists.about);
    let mut names = Vec::new();
    snapshot::Snapshot::open(&snapshot).expect("sound").index().each_name(|reversed, _| {
        let name: Vec<u8> = reversed.iter().rev().copied().collect();
        names.push(String::from_utf8_lossy(&name).into_owned());
    });
    common::Random::new(3).shuffle(&mut names);
    let bench = Bench { folder, snapshot };
    let apache = log(corpus.as_deref(), "apache/apache_logs");
    bench.race("apache", &apache);
    bench.race("zeek-dns", &log(corpus.as_deref(), "zeek/dns.log.gz"));
    bench.grep(&names, &apache);
}
