//! Look-ups beside what the standard library offers on the same data: binary search over sorted ranges, and a
//! hash set asked per suffix.
//!
//! Keys are distinct and shuffled; both sides answer the same keys, their answers are compared before anything is
//! timed, and chunks of one and the other run in turn.

mod common;

use common::{Lists, Random, seconds, spread};
use ingest::build::{Night, Unwatched, build};
use ingest::catalog::Catalog;
use query::{Judge, Questions};
use snapshot::{Address, AddressRange, Index, Snapshot, Status, Time};
use std::collections::HashSet;
use std::hint::black_box;

const CHUNK: usize = 10_000;
const KEYS: usize = 400_000;

fn built(lists: &Lists, now: Time) -> Vec<u8> {
    let catalog = Catalog::parse(&lists.catalog, "bench").expect("a sound catalogue");
    let night = Night::first(&catalog, &lists.folder, now, "bench");
    build(&night, &Unwatched).expect("a night").image.to_bytes()
}

/// Times both sides in turn and tells the ratio of theirs to ours.
fn race<K>(what: &str, peer: &str, keys: &[K], ours: impl Fn(&K) -> bool, theirs: impl Fn(&K) -> bool) {
    let hits = keys.iter().filter(|key| ours(key)).count();
    assert!(keys.iter().all(|key| ours(key) == theirs(key)), "{what}: the answers are equal");
    let run = |chunk: &[K], ask: &dyn Fn(&K) -> bool| {
        seconds(|| {
            for key in chunk {
                black_box(ask(black_box(key)));
            }
        }) * 1e9
            / chunk.len() as f64
    };
    let pairs: Vec<(f64, f64)> =
        keys.chunks(CHUNK).map(|chunk| (run(chunk, &ours), run(chunk, &theirs))).collect();
    let [low, middle, high] = spread(pairs.iter().map(|(ours, theirs)| theirs / ours).collect());
    let [_, ours, _] = spread(pairs.iter().map(|(ours, _)| *ours).collect());
    let rate = hits * 100 / keys.len().max(1);
    println!(
        "  {what:<28} {ours:>6.0} ns, {rate:>3} % hits; {peer} takes {middle:.2} times as long ({low:.2} to {high:.2})"
    );
}

fn addresses(index: &Index<'_>, random: &mut Random) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    index.each_address(AddressRange::V4 { first: 0, last: u32::MAX }, |range, _| {
        if let AddressRange::V4 { first, last } = range {
            runs.push((first, last));
        }
    });
    let ours = |key: &u32| index.address(Address::V4(*key)).is_some();
    let theirs = |key: &u32| {
        let at = runs.partition_point(|(first, _)| first <= key);
        at > 0 && runs.get(at - 1).is_some_and(|(_, last)| key <= last)
    };
    let mut strangers: Vec<u32> = (0..KEYS).map(|_| random.below(1 << 32) as u32).collect();
    let mut listed: Vec<u32> =
        runs.iter().map(|(first, last)| first + random.below(u64::from(last - first) + 1) as u32).collect();
    let mut neighbours: Vec<u32> = listed.iter().map(|key| key ^ (1 + random.below(0xFFFF) as u32)).collect();
    for keys in [&mut strangers, &mut listed, &mut neighbours] {
        keys.sort_unstable();
        keys.dedup();
        random.shuffle(keys);
        keys.truncate(KEYS);
    }
    race("IPv4, random", "binary search", &strangers, ours, theirs);
    race("IPv4, listed", "binary search", &listed, ours, theirs);
    race("IPv4, same /16", "binary search", &neighbours, ours, theirs);
}

fn names(index: &Index<'_>, random: &mut Random) {
    let mut listed: Vec<Vec<u8>> = Vec::new();
    assert!(index.each_name(|reversed, _| listed.push(reversed.to_vec())));
    let set: HashSet<Vec<u8>> = listed.iter().cloned().collect();
    let ours = |key: &Vec<u8>| {
        let mut found = false;
        index.each_covering_name(key, |_, _| found = true);
        found
    };
    let theirs = |key: &Vec<u8>| {
        let ends = key.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        ends.chain([key.len()]).filter(|end| set.contains(key.get(..*end).unwrap_or(&[]))).count() > 0
    };
    random.shuffle(&mut listed);
    listed.truncate(KEYS);
    let below: Vec<Vec<u8>> = listed.iter().map(|name| [name.as_slice(), b".www"].concat()).collect();
    let strangers: Vec<Vec<u8>> =
        (0..KEYS).map(|_| format!("moc.{:x}.www", random.below(1 << 44)).into_bytes()).collect();
    race("names, random", "a hash set per suffix", &strangers, ours, theirs);
    race("names, listed", "a hash set per suffix", &listed, ours, theirs);
    race("names, below listed", "a hash set per suffix", &below, ours, theirs);
}

/// Whole questions to statuses, in one batch, as the scorer asks.
fn statuses(judge: &Judge<'_>, random: &mut Random) {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    let mut every = 0u32;
    assert!(judge.index().each_name(|reversed, _| {
        every += 1;
        if every.is_multiple_of(4) {
            texts.push(reversed.iter().rev().copied().collect());
        }
    }));
    random.shuffle(&mut texts);
    texts.truncate(KEYS / 2);
    texts.extend(
        (0..KEYS / 2)
            .map(|_| std::net::Ipv4Addr::from_bits(random.below(1 << 32) as u32).to_string().into_bytes()),
    );
    random.shuffle(&mut texts);
    let (mut questions, mut hits, mut out, mut listed) = (Questions::new(), Vec::new(), Vec::new(), 0);
    let taken = seconds(|| {
        for chunk in texts.chunks(1024) {
            questions.clear();
            chunk.iter().for_each(|text| assert!(questions.push(text).is_ok()));
            judge.statuses(&questions, &mut hits, &mut out);
            listed += out.iter().filter(|status| **status == Status::Blocked).count();
        }
    });
    let rate = texts.len() as f64 / taken;
    println!(
        "  {:.2} million look-ups a second on one thread, from text to status, {} % listed",
        rate / 1e6,
        listed * 100 / texts.len()
    );
}

fn open(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("open.rap");
    let length = bytes.len();
    std::fs::write(&path, bytes).expect("a file");
    let now = Time::from_unix(1_787_443_200);
    let first = |open: &dyn Fn() -> Snapshot| {
        let times = (0..21)
            .map(|_| {
                seconds(|| {
                    black_box(Judge::new(&open(), now).ask("45.9.20.5").is_ok());
                })
            })
            .collect();
        spread(times)[1] * 1e6
    };
    let trusted = first(&|| Snapshot::open_trusted(&path).expect("sound"));
    let verified = first(&|| Snapshot::open(&path).expect("sound"));
    let rate = length as f64 / (verified - trusted).max(1.0) / 1e3;
    println!(
        "  open to first verdict, {length} bytes: trusted {trusted:.0} us, verifying {verified:.0} us ({rate:.1} GB/s)"
    );
}

fn main() {
    let lists = Lists::find();
    let now = Time::from_unix(1_787_443_200);
    let bytes = built(&lists, now);
    let snapshot = Snapshot::from_bytes(bytes.clone()).expect("a sound snapshot");
    let mut random = Random::new(7);
    println!("look-ups: {}, a snapshot of {} bytes", lists.about, snapshot.byte_len());
    addresses(&snapshot.index(), &mut random);
    names(&snapshot.index(), &mut random);
    statuses(&Judge::new(&snapshot, now), &mut random);
    open(&bytes);
}
