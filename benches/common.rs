//! Shared by the benchmarks: their lists, random numbers, clocks and percentiles.
//!
//! Timings on shared machines drift. The benchmarks therefore print ratios of two programs or functions that
//! run in turn, over the same distinct and shuffled keys, after their answers were compared.

#![allow(dead_code, unused_imports, reason = "each benchmark uses some of it")]

#[path = "../tests/files.rs"]
mod files;
#[path = "../tests/fresh_logs.rs"]
pub(crate) mod fresh_logs;
#[path = "../tests/large_lists.rs"]
mod large_lists;
#[path = "../tests/process.rs"]
mod process;
#[path = "../tests/random.rs"]
mod random;

pub(crate) use files::{files, gzip, read_text};
pub(crate) use large_lists::format_and_scope;
pub(crate) use process::memory;
pub(crate) use random::Random;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// A folder of lists and the catalogue over it.
pub(crate) struct Lists {
    pub(crate) folder: PathBuf,
    pub(crate) catalog: String,
    pub(crate) about: String,
    _made: Option<tempfile::TempDir>,
}

impl Lists {
    /// The large real lists of the folder that `RAPSHEET_CORPUS` names, or else made-up ones of a fixed seed.
    pub(crate) fn find() -> Lists {
        let corpus =
            std::env::var_os("RAPSHEET_CORPUS").map(|folder| PathBuf::from(folder).join("feeds/scale"));
        match corpus.filter(|folder| folder.is_dir()) {
            Some(folder) => {
                let catalog = large_lists::catalog(&folder);
                Lists { about: "forty real lists".to_owned(), catalog, folder, _made: None }
            }
            None => Lists::made_up(),
        }
    }

    fn made_up() -> Lists {
        let made = tempfile::tempdir().expect("a temporary folder");
        let mut random = Random::new(1);
        let (mut names, mut addresses) = (String::new(), String::new());
        for _ in 0..300_000 {
            let (a, b) = (random.below(1 << 40), random.below(997));
            writeln!(names, "h{b}.{a:x}.com").expect("written to a string");
            let bits = 0x2D00_0000 | random.below(1 << 24) as u32;
            writeln!(addresses, "{}", std::net::Ipv4Addr::from_bits(bits)).expect("written to a string");
        }
        fs::write(made.path().join("blp.alt-version-made-up.txt"), names).expect("a list");
        fs::write(made.path().join("ip.made-up.txt"), addresses).expect("a list");
        let folder = made.path().to_owned();
        let catalog = large_lists::catalog(&folder);
        let about = "made-up lists (set RAPSHEET_CORPUS for real ones)".to_owned();
        Lists { folder, catalog, about, _made: Some(made) }
    }
}

/// The format of a large list, by the name of its file.
pub(crate) fn file_format(file: &str) -> &'static str {
    large_lists::format_and_scope(file).0
}

/// The machine: processors and memory, as far as `/proc` has them.
pub(crate) fn machine() -> String {
    let value = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.trim_matches([':', ' ', '\t']).to_owned()
    };
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    let (model, memory) = (value("/proc/cpuinfo", "model name"), value("/proc/meminfo", "MemTotal"));
    let (system, family) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("machine: {family}, {system}; {processors} processors {model}; memory {memory}")
}

impl Random {
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

/// The seconds of wall-clock time that `work` takes.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// What a whole command took, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) wall: f64,
    /// Of all of its threads, in user and in system mode.
    pub(crate) processor: f64,
}

/// Runs a command with its output discarded. The shell measures it, since the standard library does not say
/// how much processor time a child had.
pub(crate) fn time(command: Command) -> Timing {
    time_with_input(command, Stdio::null())
}

/// As [`time`], with an input.
pub(crate) fn time_with_input(command: Command, stdin: impl Into<Stdio>) -> Timing {
    let mut shell = Command::new("bash");
    shell.env("LC_ALL", "C").args(["-c", "TIMEFORMAT='%R %U %S'; time \"$@\" 2>/dev/null", "bash"]);
    shell.arg(command.get_program()).args(command.get_args());
    command.get_envs().for_each(|(key, value)| {
        shell.env(key, value.unwrap_or_default());
    });
    let output = shell.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped()).output().expect("bash");
    let text = String::from_utf8_lossy(&output.stderr);
    let seconds: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // Programs like grep end with 1 where they find nothing.
    let is_done = matches!(output.status.code(), Some(0 | 1));
    assert!(is_done && seconds.len() == 3, "{command:?}: {text}");
    let [wall, processor] = [0..1, 1..3].map(|part| seconds.get(part).unwrap_or(&[]).iter().sum::<f64>());
    Timing { wall, processor: processor.max(0.001) }
}

/// Whether a program can be run.
pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok()
}

/// The seconds of processor time of this thread that `work` takes; other programs on the machine do not
/// count.
pub(crate) fn busy_seconds(work: impl FnOnce()) -> f64 {
    let start = cpu_time::ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The 10th percentile, the median and the 90th percentile.
pub(crate) fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [10, 50, 90].map(|percent| values.get((values.len() - 1) * percent / 100).copied().unwrap_or(f64::NAN))
}
