//! What the benchmarks share: the lists they run on, random numbers, and how a ratio is told.
//!
//! Timings on shared machines drift, so nothing is told but ratios of two things that ran in turn, in one
//! process, over the same distinct and shuffled keys, after their answers were seen to be equal.

#![allow(dead_code, unreachable_pub, reason = "each benchmark uses its part")]

#[path = "../tests/lists.rs"]
mod lists;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// A folder of lists and the catalogue over it.
pub struct Lists {
    pub folder: PathBuf,
    pub catalog: String,
    pub about: String,
    _made: Option<tempfile::TempDir>,
}

impl Lists {
    /// The large real lists, if the environment names a folder of them; else made-up ones of a fixed seed.
    pub fn find() -> Lists {
        let corpus =
            std::env::var_os("RAPSHEET_CORPUS").map(|folder| PathBuf::from(folder).join("feeds/scale"));
        match corpus.filter(|folder| folder.is_dir()) {
            Some(folder) => {
                let catalog = lists::catalog(&folder);
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
            writeln!(names, "h{b}.{a:x}.com").expect("text grows");
            let bits = 0x2D00_0000 | random.below(1 << 24) as u32;
            writeln!(addresses, "{}", std::net::Ipv4Addr::from_bits(bits)).expect("text grows");
        }
        fs::write(made.path().join("blp.alt-version-made-up.txt"), names).expect("a list");
        fs::write(made.path().join("ip.made-up.txt"), addresses).expect("a list");
        let folder = made.path().to_owned();
        let catalog = lists::catalog(&folder);
        let about = "made-up lists (set RAPSHEET_CORPUS for real ones)".to_owned();
        Lists { folder, catalog, about, _made: Some(made) }
    }
}

/// The format that reads a large list, by the name of its file.
pub fn file_format(file: &str) -> &'static str {
    lists::reading(file).0
}

/// What this runs on, as far as the system tells.
pub fn machine() -> String {
    let told = |path: &str, key: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.trim_matches([':', ' ', '\t']).to_owned()
    };
    let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
    let (model, memory) = (told("/proc/cpuinfo", "model name"), told("/proc/meminfo", "MemTotal"));
    let (system, family) = (std::env::consts::OS, std::env::consts::ARCH);
    format!("machine: {family}, {system}; {processors} processors {model}; memory {memory}")
}

/// A pseudo-random sequence (xorshift64*), the same on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(rapsheet_snapshot::hash::spread(seed) | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % end.max(1)
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}

/// The seconds that something took.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The seconds that this thread was at work for something: what others do beside it on a busy machine does not count.
pub fn busy_seconds(work: impl FnOnce()) -> f64 {
    let start = cpu_time::ThreadTime::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The 10th percentile, the median and the 90th percentile.
pub fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [10, 50, 90].map(|percent| values.get((values.len() - 1) * percent / 100).copied().unwrap_or(f64::NAN))
}
