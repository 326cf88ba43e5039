//! Scoring logs, compared with `zcat`, `grep -F` and `grepcidr`: whole commands over the same files, in turn.
//!
//! With `RAPSHEET_CORPUS`, real logs are repeated to 800 MB and the snapshot contains the forty real lists;
//! without it, both are made up. The output at one and at two threads is compared first. It goes to
//! `/dev/null` while the clock runs, because a reader would need one of two processors.

mod common;

use common::{Lists, seconds, spread};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SIZE: usize = 800 << 20;
/// `grep -F` with all names takes a third of a minute for this much.
const SIZE_FOR_GREP: usize = 64 << 20;

/// A log, decompressed.
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
    common::read_text(&path)
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

    /// One log: at one and two threads, and compressed.
    fn race(&self, what: &str, text: &[u8]) {
        let path = self.folder.path().join(what);
        repeated(text, SIZE, &path);
        let size = fs::metadata(&path).expect("an existing file").len() as f64;
        let packed = packed(&path);
        let rows = self.rows(&path, &packed);
        let (mut one, mut two, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gz, mut zcat) = (Vec::new(), Vec::new());
        for _ in 0..7 {
            let single = time(self.score(&path, &["--threads", "1"]));
            let double = time(self.score(&path, &["--threads", "2"]));
            let from_gzip = time(self.score(&packed, &["--threads", "2"]));
            let alone = seconds(|| {
                let file = File::open(&packed).expect("an existing file");
                let mut decoder = flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file));
                std::io::copy(&mut decoder, &mut std::io::sink()).expect("gzip");
            });
            let mut unpack = Command::new("zcat");
            unpack.arg(&packed);
            zcat.push(time(unpack) / from_gzip);
            one.push(size / single / 1e6);
            two.push(size / double / 1e6);
            ratios.push(single / double);
            gz.push(alone / from_gzip);
        }
        let print = |of: &str, values: Vec<f64>, places: usize| {
            let [low, middle, high] = spread(values);
            println!("    {of}: {middle:.places$} ({low:.places$} to {high:.places$})");
        };
        println!("  {what}: {:.0} MB, {rows} rows", size / 1e6);
        print("MB/s, one worker", one, 0);
        print("MB/s, two workers", two, 0);
        print("two workers, times as fast as one", ratios, 2);
        print("gzip, two workers, times as fast as unpacking it alone", gz, 2);
        print("gzip, two workers, times as fast as zcat", zcat, 2);
    }

    /// The number of rows of a log. The rows are the same at one and at two threads, and from gzip but for
    /// the file name.
    fn rows(&self, path: &Path, packed: &Path) -> usize {
        let expected = printed(self.score(path, &["--threads", "1"]));
        assert!(
            printed(self.score(path, &["--threads", "2"])) == expected,
            "the same at any number of threads"
        );
        let unpacked = printed(self.score(packed, &["--threads", "2"]));
        let [name, packed_name] = [path, packed].map(|path| format!("{{\"file\":\"{}\"", path.display()));
        let bare = |printed: &[u8], name: &str| -> Vec<Vec<u8>> {
            let rows = printed.split(|byte| *byte == b'\n');
            rows.map(|row| row.strip_prefix(name.as_bytes()).unwrap_or(row).to_vec()).collect()
        };
        assert!(bare(&unpacked, &packed_name) == bare(&expected, &name), "the same from gzip");
        expected.iter().filter(|byte| **byte == b'\n').count()
    }

    /// `grep -F` with the same names, on a smaller log.
    fn grep(&self, names: &[String], text: &[u8]) {
        let (log, list) = (self.folder.path().join("grep.log"), self.folder.path().join("names.txt"));
        repeated(text, SIZE_FOR_GREP, &log);
        fs::write(&list, names.join("\n")).expect("written");
        // With -c, because grep stops at the first match when its output is /dev/null.
        let grep = || {
            let mut command = Command::new("grep");
            command.env("LC_ALL", "C").args(["-F", "-c", "-f"]).arg(&list).arg(&log);
            command
        };
        if !is_installed("grep") {
            return println!("  grep is not installed");
        }
        let ratios = (0..3).map(|_| time(grep()) / time(self.score(&log, &["--threads", "1"]))).collect();
        let [low, ratio, high] = spread(ratios);
        println!(
            "  grep -F -f with the same {} names on {} MB takes {ratio:.0} times as long ({low:.0} to {high:.0}), one worker; rapsheet also looks for addresses and URLs",
            names.len(),
            SIZE_FOR_GREP >> 20
        );
    }

    /// `grepcidr` with all addresses of the snapshot; both find the same lines.
    fn grepcidr(&self, addresses: &str, text: &[u8]) {
        if !is_installed("grepcidr") {
            return println!("  grepcidr is not installed");
        }
        let (log, list) = (self.folder.path().join("apache"), self.folder.path().join("addresses.txt"));
        fs::write(&list, addresses).expect("written");
        let grepcidr = |log: &Path| {
            let mut command = Command::new("grepcidr");
            command.arg("-f").arg(&list).arg(log);
            command
        };
        let once = self.folder.path().join("once.log");
        fs::write(&once, text).expect("written");
        let theirs = printed(grepcidr(&once));
        let ours = lines_with_addresses(&printed(self.score(&once, &["--threads", "1"])), text);
        let (in_theirs, in_ours) = (theirs.split_inclusive(|b| *b == b'\n').count(), ours.len());
        assert!(theirs == ours.concat(), "grepcidr finds {in_theirs} lines, rapsheet {in_ours}");
        let ratios =
            (0..5).map(|_| time(grepcidr(&log)) / time(self.score(&log, &["--threads", "1"]))).collect();
        let [low, ratio, high] = spread(ratios);
        println!(
            "  grepcidr -f with {} address ranges on the apache log takes {ratio:.1} times as long ({low:.1} to {high:.1}), one worker; rapsheet also looks for names and URLs; both find the same {in_ours} lines",
            addresses.lines().count()
        );
    }
}

/// The lines in which rapsheet found a listed address.
fn lines_with_addresses<'t>(rows: &[u8], text: &'t [u8]) -> Vec<&'t [u8]> {
    let is_address = |row: &serde_json::Value| row.get("type").is_some_and(|kind| kind == "ipv4");
    let rows = rows.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
    let rows = rows.map(|row| serde_json::from_slice::<serde_json::Value>(row).expect("an object"));
    let found: BTreeSet<u64> = rows
        .filter(is_address)
        .filter_map(|row| row.get("line").and_then(serde_json::Value::as_u64))
        .collect();
    let lines = (1..).zip(text.split_inclusive(|byte| *byte == b'\n'));
    lines.filter(|(number, _)| found.contains(number)).map(|(_, line)| line).collect()
}

/// A gzip copy of a file.
fn packed(path: &Path) -> PathBuf {
    let packed = path.with_extension("gz");
    let file = File::create(&packed).expect("a file");
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    gzip.write_all(&fs::read(path).expect("bytes")).expect("written");
    gzip.finish().expect("written");
    packed
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// The seconds of a whole command, with its output discarded.
fn time(mut command: Command) -> f64 {
    seconds(|| assert!(command.stdout(Stdio::null()).status().expect("it runs").code().is_some()))
}

/// The output of a command.
fn printed(mut command: Command) -> Vec<u8> {
    command.stderr(Stdio::inherit()).output().expect("it runs").stdout
}

/// The IPv4 ranges of a snapshot, one a line.
fn addresses(index: &rapsheet_snapshot::Index<'_>) -> String {
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

fn main() {
    println!("{}", common::machine());
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
    let opened = rapsheet_snapshot::Snapshot::open(&snapshot).expect("a valid snapshot");
    let addresses = addresses(&opened.index());
    opened.index().each_name(|reversed, _| {
        let name: Vec<u8> = reversed.iter().rev().copied().collect();
        names.push(String::from_utf8_lossy(&name).into_owned());
    });
    common::Random::new(3).shuffle(&mut names);
    let bench = Bench { folder, snapshot };
    let apache = log(corpus.as_deref(), "apache/apache_logs");
    bench.race("apache", &apache);
    bench.race("zeek-dns", &log(corpus.as_deref(), "zeek/dns.log.gz"));
    bench.grepcidr(&addresses, &apache);
    bench.grep(&names, &apache);
}
