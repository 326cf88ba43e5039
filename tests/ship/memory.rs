//! A delta is applied in little more memory than the new snapshot takes on disk, beside what is mapped.
//!
//! The memory is that of a process of its own, as Linux reports it: this program again, which finds what to do in its
//! environment.

use rapsheet_assemble::{
    Claim, ClaimSource, ClaimTable, Columns, RetentionPolicy, Rows, Scratch, SizeLimits, assemble, tag,
};
use rapsheet_ship::{Limits, delta};
use rapsheet_snapshot::hash::spread;
use rapsheet_snapshot::{
    AddressRange, Assessments, FeedId, FeedRecord, FeedTraits, Image, Kinds, ListKind, Mode, Origin, Scope,
    Section, SectionBytes, Snapshot, Time,
};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const START: i64 = 1_795_392_000;
const DAY: i64 = 86_400;
const FEEDS: u64 = 8;
const NAMES: u64 = 700_000;
const ADDRESSES: u64 = 900_000;
/// How many days back a row may have been listed first.
const AGES: u64 = 20;

/// What the feeds list on a day: each key is in some of them, and 2 % of the rows of a day are not in the next one.
fn snapshot(day: u64) -> Snapshot {
    let (mut claims, mut columns) = (ClaimTable::new(SizeLimits::default()), Columns::default());
    let now = START + day as i64 * DAY;
    for feed in 0..FEEDS {
        for age in 0..AGES {
            claims.push(claim(feed, now - age as i64 * DAY, now)).expect("few");
        }
    }
    let mut tags = |key: u64, push: &mut dyn FnMut(u32)| {
        let feeds = 1 + spread(key) % 3;
        for nth in 0..feeds {
            let row = spread(key ^ nth << 50);
            if (row >> 20) % 100 == day || row >> 40 & 7 == 7 && nth > 0 {
                continue;
            }
            let number = ((row % FEEDS * AGES) + (row >> 8) % AGES) as u32;
            claims.count_use(number);
            push(tag(number, Scope::Exact));
        }
    };
    for key in 0..NAMES {
        let name = format!("{:x}.host-{}.evil-{}.com", spread(key) >> 36, key % 60, key / 60);
        tags(key, &mut |tag| columns.names.push(name.bytes().rev(), tag));
    }
    for key in NAMES..NAMES + ADDRESSES {
        let first = (spread(key) >> 36) as u32 + 0x2D00_0000;
        tags(key, &mut |tag| columns.push_range(AddressRange::V4 { first, last: first }, tag));
    }
    Snapshot::from_bytes(assembled(columns, &claims, now)).expect("a sound snapshot")
}

fn claim(feed: u64, first: i64, last: i64) -> Claim {
    Claim {
        feed: FeedId(feed as u16),
        list: ListKind::Block,
        source: ClaimSource::PreviousSnapshot,
        assessments: Assessments::from_bits(1),
        first_seen: Some(Time::from_unix(first)),
        last_seen: Some(Time::from_unix(last)),
        expires: None,
    }
}

fn assembled(columns: Columns, claims: &ClaimTable, now: i64) -> Vec<u8> {
    let scratch = Scratch::unlimited();
    let mut rows = Rows::new(&scratch);
    rows.add(columns, 0);
    let policy = RetentionPolicy {
        mode: Mode::Accumulated,
        keep_absent: true,
        retention_seconds: i64::MAX,
        accepted: false,
        update_time: Time::EARLIEST,
        confirmed: Time::EARLIEST,
        list: ListKind::Block,
        assessments: Assessments::EMPTY,
        now: Time::EARLIEST,
    };
    let policies = vec![policy; FEEDS as usize];
    let mut sections = assemble(rows, claims, &policies, &mut ()).expect("few rows").sections;
    let traits = FeedTraits {
        list: ListKind::Block,
        mode: Mode::Reset,
        kinds: Kinds::ALL,
        assessments: Assessments::from_bits(1),
        update_time: Some(Time::from_unix(START)),
    };
    let record = |number: u64| FeedRecord::new(&format!("feed-{number}"), "lists.example", traits);
    let origin = Origin { generator: "test".to_owned(), feeds: (0..FEEDS).map(record).collect() };
    let bytes = origin.encode().expect("few feeds");
    sections.push(SectionBytes::new(Section::Origin, FEEDS as usize, bytes));
    Image::new(Time::from_unix(now), sections).to_bytes()
}

/// The anonymous memory of this process, in KiB.
fn anonymous() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    value.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Applies a delta, and prints the peak of the memory meanwhile.
fn apply_in(folder: &Path) {
    let (peak, is_done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                peak.fetch_max(anonymous(), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let from = Snapshot::open(folder.join("from.rap")).expect("a sound snapshot");
        let delta = std::fs::read(folder.join("x.rapd")).expect("a delta");
        let applied = delta::apply_to(&from, &delta, &Limits::default(), &folder.join("to.rap"));
        let (file, _) = applied.expect("a sound delta");
        file.publish().expect("published");
        is_done.store(true, Ordering::Relaxed);
    });
    println!("peak {}", peak.into_inner());
}

const FOLDER: &str = "RAPSHEET_TEST_APPLY_IN";

#[test]
fn applying_a_delta_takes_little_more_than_the_snapshot() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return apply_in(Path::new(&folder));
    }
    if !cfg!(target_os = "linux") {
        return eprintln!("skipped: the memory of a process is read from /proc");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (snapshot(1), snapshot(2));
    std::fs::write(folder.path().join("from.rap"), from.file_bytes()).expect("room");
    let mut delta = Vec::new();
    delta::write(&from, &to, &mut delta).expect("sound snapshots");
    std::fs::write(folder.path().join("x.rapd"), delta).expect("room");
    for threads in ["1", "2"] {
        let this = std::env::current_exe().expect("this program");
        let mut child = Command::new(this);
        child.args([
            "--exact",
            "ship::memory::applying_a_delta_takes_little_more_than_the_snapshot",
            "--nocapture",
        ]);
        let output = child.env(FOLDER, folder.path()).env("RAYON_NUM_THREADS", threads).output();
        let text = String::from_utf8(output.expect("it runs").stdout).expect("text");
        let peak = text.lines().find_map(|line| line.split("peak ").nth(1)?.trim().parse::<u64>().ok());
        let peak = peak.unwrap_or_else(|| panic!("a peak: {text}")) << 10;
        let made = std::fs::read(folder.path().join("to.rap")).expect("the snapshot");
        assert!(made == to.file_bytes(), "another file");
        let bound = to.byte_len() * 6 / 5;
        println!("{threads} threads: {peak} bytes of memory for a snapshot of {}", to.byte_len());
        assert!(peak > 1 << 20 && peak < bound, "{peak} bytes at {threads} threads, at most {bound}");
    }
}
