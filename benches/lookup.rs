//! Look-ups beside what anybody could use instead, on the same data: a tree bitmap, a MaxMind file, one transducer over
//! all names, a hash set asked per suffix, binary search.
//!
//! Keys are distinct and shuffled, and lie in memory in the order in which they are asked. Whatever can be used from a mapped
//! file is, ours and the peers', since large pages of the file cache are worth a tenth. Both sides answer the same keys, their
//! answers are compared before anything is timed, and chunks of one and the other run in turn. Peers have no batches, and are
//! asked one by one. The set of an address is found, too; names are found without theirs, and peers find nothing else.

mod common;
mod sites;

use common::{Lists, Random, busy_seconds, seconds, spread};
use rapsheet_ingest::build::{Night, Unwatched, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_query::lookup::{Hit, HitKind};
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::section::addresses::Run;
use rapsheet_snapshot::section::rare::Rare;
use rapsheet_snapshot::section::tries::{KeyKind, Shard, Tries, encode, encode_shard};
use rapsheet_snapshot::section::v6;
use rapsheet_snapshot::{
    Address, AddressRange, Follow, Image, Index, Section, SectionBytes, Snapshot, Status, Time,
};
use std::collections::HashSet;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use treebitmap::IpLookupTable;

/// How many keys one side is asked before it is the other's turn: fewer where there are few.
const CHUNK: usize = 16_384;
const CHUNKS_MIN: usize = 11;
/// How many bytes are more than any cache has.
const WASHED: usize = 128 << 20;
const KEYS: usize = 400_000;

fn built(lists: &Lists, now: Time) -> Image {
    let catalog = Catalog::parse(&lists.catalog, "bench").expect("a sound catalogue");
    let night = Night::first(&catalog, &lists.folder, now, "bench");
    build(&night, &Unwatched).expect("a night").image
}

/// A peer's bytes in a mapped file, as ours are: one section of an image holds them.
struct Mapped(Snapshot);

impl Mapped {
    fn new(bytes: Vec<u8>) -> Mapped {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("peer");
        let image = Image::new(Time::from_unix(0), vec![SectionBytes::new(Section::Urls, 1, bytes)]);
        image.publish(&path).expect("published");
        Mapped(Snapshot::open_trusted(&path).expect("sound"))
    }

    fn bytes(&self) -> &[u8] {
        self.0.bytes(Section::Urls)
    }
}

/// Times both sides in turn, a chunk each, and tells the ratio of theirs to ours. A side counts the hits of a chunk; before that,
/// both are asked for every key alone.
fn race<K>(
    what: &str,
    peer: &str,
    keys: &[K],
    mut ours: impl FnMut(&[K]) -> usize,
    mut theirs: impl FnMut(&[K]) -> usize,
) {
    if keys.is_empty() {
        return println!("  {what}: no lists to take them from");
    }
    for key in keys.chunks(1) {
        assert_eq!(ours(key), theirs(key), "{what}: the answers are equal");
    }
    let chunk_len = CHUNK.min(keys.len().div_ceil(CHUNKS_MIN));
    let mut hits = 0;
    for chunk in keys.chunks(chunk_len) {
        let (our_hits, their_hits) = (ours(chunk), theirs(chunk));
        assert_eq!(our_hits, their_hits, "{what}: the answers are equal");
        hits += our_hits;
    }
    // A few keys would find the caches as they were left; many find them full of others. The last chunk may be too short to be timed.
    let others = vec![1u8; if keys.len() < CHUNKS_MIN * CHUNK { WASHED } else { 0 }];
    let wash = || black_box(others.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>());
    let pairs: Vec<(f64, f64)> = keys
        .chunks(chunk_len)
        .filter(|chunk| chunk.len() * 2 > chunk_len)
        .map(|chunk| {
            let each = 1e9 / chunk.len() as f64;
            let (mut a, mut b) = (0, 0);
            wash();
            let ours = busy_seconds(|| a = black_box(ours(black_box(chunk)))) * each;
            wash();
            let theirs = busy_seconds(|| b = black_box(theirs(black_box(chunk)))) * each;
            assert_eq!(a, b);
            (ours, theirs)
        })
        .collect();
    let [low, middle, high] = spread(pairs.iter().map(|(ours, theirs)| theirs / ours).collect());
    let [_, ours, _] = spread(pairs.iter().map(|(ours, _)| *ours).collect());
    let rate = hits * 100 / keys.len().max(1);
    println!(
        "  {what:<26} {ours:>6.1} ns, {rate:>3} % hits; {peer}: {middle:.2} times ({low:.2} to {high:.2})"
    );
}

fn count<K>(keys: &[K], mut holds: impl FnMut(&K) -> bool) -> usize {
    keys.iter().filter(|key| holds(key)).count()
}

/// Each of these once, in no order.
fn distinct<K: Ord>(mut keys: Vec<K>, random: &mut Random) -> Vec<K> {
    keys.sort_unstable();
    keys.dedup();
    random.shuffle(&mut keys);
    keys
}

/// The prefixes that make up a run.
fn prefixes(first: u32, last: u32) -> impl Iterator<Item = (Ipv4Addr, u32)> {
    ipnet::Ipv4Subnets::new(Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last), 0)
        .map(|net| (net.network(), u32::from(net.prefix_len())))
}

fn addresses(index: &Index<'_>, random: &mut Random, bytes: usize) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    index.each_address(AddressRange::V4 { first: 0, last: u32::MAX }, |range, _| {
        if let AddressRange::V4 { first, last } = range {
            runs.push((first, last));
        }
    });
    let mut tree: IpLookupTable<Ipv4Addr, u32> = IpLookupTable::new();
    let mut writer = mmdb_writer::Writer::builder("bench").ip_version(mmdb_writer::IpVersion::V4).build();
    for (set, (first, last)) in (0u32..).zip(&runs) {
        for (network, length) in prefixes(*first, *last) {
            tree.insert(network, length, set);
            let network = ipnet::Ipv4Net::new(network, length as u8).expect("a prefix");
            writer.insert(network, &(set % 4096)).expect("it takes prefixes");
        }
    }
    let mmdb = writer.to_bytes().expect("a file");
    let entries = runs.len();
    println!(
        "  {entries} IPv4 runs: {:.2} bytes each with set and times; the MaxMind file has {:.1} times the bytes, the tree {:.1}",
        bytes as f64 / entries as f64,
        mmdb.len() as f64 / bytes as f64,
        (tree.mem_usage().0 + tree.mem_usage().1) as f64 / bytes as f64
    );
    let mmdb = Mapped::new(mmdb);
    let mmdb = maxminddb::Reader::from_source(mmdb.bytes()).expect("a sound file");
    for (what, keys) in asked(&runs, random) {
        let keys = keys.as_slice();
        let single = |keys: &[u32]| {
            count(keys, |key| {
                let entry = index.address(Address::V4(*key));
                entry.is_some_and(|entry| index.set_of(entry) < u32::MAX)
            })
        };
        let batched = |keys: &[u32]| {
            let mut hits = 0;
            index.each_v4_of(keys, |_, entry| hits += usize::from(index.set_of(entry) < u32::MAX));
            hits
        };
        let by_tree =
            |keys: &[u32]| count(keys, |key| tree.longest_match(Ipv4Addr::from_bits(*key)).is_some());
        let by_mmdb = |keys: &[u32]| {
            count(keys, |key| {
                mmdb.lookup(IpAddr::V4(Ipv4Addr::from_bits(*key))).is_ok_and(|found| found.has_data())
            })
        };
        let by_search = |keys: &[u32]| {
            count(keys, |key| {
                let at = runs.partition_point(|(first, _)| first <= key);
                at > 0 && runs.get(at - 1).is_some_and(|(_, last)| key <= last)
            })
        };
        let what = format!("IPv4, {what}");
        race(&what, "tree bitmap", keys, single, by_tree);
        race(&what, "binary search", keys, single, by_search);
        let what = format!("{what}, batch");
        race(&what, "tree bitmap", keys, batched, by_tree);
        race(&what, "maxminddb", keys, batched, by_mmdb);
    }
}

/// Random addresses, listed ones, and others in the same /16.
fn asked(runs: &[(u32, u32)], random: &mut Random) -> [(&'static str, Vec<u32>); 3] {
    let strangers = (0..KEYS).map(|_| random.below(1 << 32) as u32).collect();
    let within = |(first, last): &(u32, u32), random: &mut Random| {
        first + random.below(u64::from(last - first) + 1) as u32
    };
    let listed: Vec<u32> = runs.iter().map(|run| within(run, random)).collect();
    let neighbours = listed.iter().map(|key| key ^ (1 + random.below(0xFFFF) as u32)).collect();
    [("random", strangers), ("listed", listed), ("same /16", neighbours)].map(|(what, keys)| {
        let mut keys = distinct(keys, random);
        keys.truncate(KEYS);
        (what, keys)
    })
}

/// As many IPv6 runs as asked for: the listed ones, and networks and single addresses strewn over the prefixes that they
/// lie in.
fn strewn_v6(index: &Index<'_>, random: &mut Random, count: usize) -> Vec<(u128, u128)> {
    let mut runs: Vec<(u128, u128)> = Vec::new();
    index.each_address(AddressRange::V6 { first: 0, last: u128::MAX }, |range, _| {
        // A MaxMind file takes these for IPv4.
        let is_mapped =
            |first: u128| matches!(first >> 96, 0x2002_0000..=0x2002_FFFF | 0x2001_0000 | 0x0064_FF9B);
        if let AddressRange::V6 { first, last } = range
            && !is_mapped(first)
        {
            runs.push((first, last));
        }
    });
    let within: Vec<u128> = runs.iter().map(|(first, _)| first >> 96 << 96).collect();
    for root in within.iter().cycle().take(count.saturating_sub(runs.len())) {
        let bits = [48, 56, 64, 64, 128].get(random.below(5) as usize).copied().unwrap_or(64);
        let free = u128::MAX >> 32;
        let first =
            root | (u128::from(random.below(u64::MAX)) << 64 | u128::from(random.below(u64::MAX))) & free;
        let hosts = u128::MAX.checked_shr(bits).unwrap_or(0);
        runs.push((first & !hosts, first | hosts));
    }
    runs.sort_unstable();
    let mut end = None;
    runs.retain(|(first, last)| {
        let stays = end.is_none_or(|end| end < *first);
        end = if stays { Some(*last) } else { end };
        stays
    });
    runs
}

fn addresses_v6(index: &Index<'_>, random: &mut Random) {
    let runs = strewn_v6(index, random, 100_000);
    let mut writer = mmdb_writer::Writer::builder("bench").build();
    for (first, last) in &runs {
        for net in ipnet::Ipv6Subnets::new(Ipv6Addr::from_bits(*first), Ipv6Addr::from_bits(*last), 0) {
            writer.insert(net, &1u32).expect("it takes prefixes");
        }
    }
    let mmdb = Mapped::new(writer.to_bytes().expect("a file"));
    let mmdb = maxminddb::Reader::from_source(mmdb.bytes()).expect("a sound file");
    let laid: Vec<Run<u128>> =
        runs.iter().map(|(first, last)| Run { first: *first, last: *last, set: 0, own: 0 }).collect();
    let bytes = v6::encode(&laid);
    let (ladder, spans) = (Mapped::new(bytes.ladder), Mapped::new(bytes.spans));
    let ladder = v6::Ladder::new(ladder.bytes(), spans.bytes());
    let near =
        |first: u128, random: &mut Random| first ^ u128::from(random.below(1 << 20)) << (random.below(8) * 8);
    let mut keys: Vec<u128> = (0..4).flat_map(|_| runs.iter().map(|(first, _)| *first)).collect();
    keys.iter_mut().for_each(|key| *key = near(*key, random));
    let keys = distinct(keys, random);
    let single = |keys: &[u128]| count(keys, |key| ladder.find(*key).is_some());
    let batched = |keys: &[u128]| {
        let mut hits = 0;
        ladder.each_of(keys, |_, _| hits += 1);
        hits
    };
    let by_mmdb = |keys: &[u128]| {
        count(keys, |key| {
            mmdb.lookup(IpAddr::V6(Ipv6Addr::from_bits(*key))).is_ok_and(|found| found.has_data())
        })
    };
    let what = format!("IPv6, near {} runs", runs.len());
    race(&what, "maxminddb", &keys, single, by_mmdb);
    race(&format!("{what}, batch"), "maxminddb", &keys, batched, by_mmdb);
}

/// Names in the order in which they are asked.
fn laid_out<'b>(names: &[Vec<u8>], bytes: &'b mut Vec<u8>) -> Vec<&'b [u8]> {
    let mut ends = Vec::with_capacity(names.len());
    for name in names {
        bytes.extend_from_slice(name);
        ends.push(bytes.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| bytes.get(start..*end).unwrap_or(&[])).collect()
}

/// What names are found by, ours and the peers'.
struct Rivals<'a> {
    index: &'a Index<'a>,
    fst: fst::raw::Fst<&'a [u8]>,
    tries: &'a Tries<'a>,
    set: HashSet<Vec<u8>>,
}

fn names(index: &Index<'_>, random: &mut Random, bytes: usize) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    assert!(index.each_name(|reversed, _| all.push(reversed.to_vec())));
    let keys: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let transducer = encode_shard(keys.iter().copied());
    let bound = KeyKind::Name.stem(keys.first().copied().unwrap_or(&[])).to_vec();
    let plain = encode(&[Shard { bound, first: 0, bytes: transducer.clone() }]);
    let set: HashSet<Vec<u8>> = all.iter().cloned().collect();
    let in_set: usize = set.iter().map(|name| name.len() + 24 + 16).sum();
    println!(
        "  {} names: {:.2} bytes each with filter, set and times; a transducer alone {:.2}; a hash set has {:.1} times the bytes",
        all.len(),
        bytes as f64 / all.len() as f64,
        plain.len() as f64 / all.len() as f64,
        in_set as f64 / bytes as f64
    );
    let transducer = Mapped::new(transducer);
    let fst = fst::raw::Fst::new(transducer.bytes()).expect("a transducer");
    let plain = Mapped::new(plain);
    let rivals = Rivals { index, fst, tries: &Tries::new(plain.bytes()), set };
    random.shuffle(&mut all);
    all.truncate(KEYS);
    let below: Vec<Vec<u8>> = all.iter().map(|name| [name.as_slice(), b".www"].concat()).collect();
    let mut stranger =
        |root: &str, bits: u32| format!("{root}.{:x}.www", random.below(1 << bits)).into_bytes();
    let strangers: Vec<Vec<u8>> = (0..KEYS).map(|_| stranger("moc", 44)).collect();
    // Like what people visit: one in fourteen has a listed parent.
    let roots = ["moc", "gro", "ten", "ed"].iter().cycle();
    let mixed = below.iter().zip(roots).zip(0..).map(|((listed, root), at)| match at % 14 {
        0 => listed.clone(),
        _ => stranger(root, 24),
    });
    let mixed = mixed.collect();
    let (strangers, mixed) = (distinct(strangers, random), distinct(mixed, random));
    race_names("random", &strangers, &rivals);
    race_names("1 in 14 listed", &mixed, &rivals);
    race_names("top sites", &distinct(sites::top(), random), &rivals);
    race_names("listed", &all, &rivals);
    race_names("below listed", &below, &rivals);
}

fn race_names(what: &str, names: &[Vec<u8>], rivals: &Rivals<'_>) {
    let mut bytes = Vec::new();
    let keys = laid_out(names, &mut bytes);
    let Rivals { index, fst, tries, set } = rivals;
    let single = |keys: &[&[u8]]| {
        count(keys, |key| {
            let mut found = false;
            index.each_covering_name(key, |_, _| found = true);
            found
        })
    };
    let batched = |keys: &[&[u8]]| {
        let (mut hits, mut seen) = (0, [0u64; CHUNK / 64]);
        index.each_covering_name_of(keys, |at, _, _| {
            if let Some(word) = seen.get_mut(at as usize / 64) {
                hits += usize::from(*word >> (at % 64) & 1 == 0);
                *word |= 1 << (at % 64);
            }
        });
        hits
    };
    let by_fst = |keys: &[&[u8]]| count(keys, |key| walk(fst, key));
    let by_tries = |keys: &[&[u8]]| {
        count(keys, |key| {
            let mut found = false;
            tries.each_covering(key, |_, _| found = true);
            found
        })
    };
    let by_set = |keys: &[&[u8]]| {
        count(keys, |key| {
            let ends = key.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
            ends.chain([key.len()]).filter(|end| set.contains(key.get(..*end).unwrap_or(&[]))).count() > 0
        })
    };
    let what = format!("names, {what}");
    race(&what, "one walk of the fst crate", &keys, single, by_fst);
    race(&what, "our walk of the same", &keys, single, by_tries);
    race(&what, "std's hash set per suffix", &keys, single, by_set);
    let what = format!("{what}, batch");
    race(&what, "one walk of the fst crate", &keys, batched, by_fst);
    race(&what, "std's hash set per suffix", &keys, batched, by_set);
}

/// One traversal of the whole transducer, which finds every covering entry.
fn walk(fst: &fst::raw::Fst<&[u8]>, name: &[u8]) -> bool {
    let (mut node, mut found) = (fst.root(), false);
    for byte in name {
        found |= *byte == b'.' && node.is_final();
        match node.find_input(*byte) {
            Some(at) => node = fst.node(node.transition_addr(at)),
            None => return found,
        }
    }
    found | node.is_final()
}

/// What it costs to know whether a listed address still is: a look-up with its verdict beside one without.
fn expiry(searcher: &Searcher<'_>, random: &mut Random) {
    let mut keys: Vec<Address> = Vec::new();
    searcher
        .index()
        .each_address(AddressRange::V4 { first: 0, last: u32::MAX }, |range, _| keys.push(range.first()));
    random.shuffle(&mut keys);
    keys.truncate(KEYS);
    let find = |keys: &[Address], visit: &mut dyn FnMut(Hit) -> bool| {
        let hit = |key: &Address| {
            Some(Hit { question: 0, entry: searcher.index().address(*key)?, kind: HitKind::Address(*key) })
        };
        count(keys, |key| hit(key).is_some_and(&mut *visit))
    };
    let timeless = |keys: &[Address]| find(keys, &mut |hit| searcher.index().set_of(hit.entry) < u32::MAX);
    let judged = |keys: &[Address]| {
        find(keys, &mut |hit| {
            let (blocks, allows) = searcher.evaluator().evaluate_hit(searcher.index(), &hit);
            blocks | allows
        })
    };
    race("IPv4, listed, with verdict", "one that ignores time", &keys, judged, timeless);
}

/// Whole questions to statuses, in one batch, as the scorer asks.
fn statuses(searcher: &Searcher<'_>, random: &mut Random) {
    let mut texts: Vec<Vec<u8>> = Vec::new();
    let mut every = 0u32;
    assert!(searcher.index().each_name(|reversed, _| {
        every += 1;
        if every.is_multiple_of(4) {
            texts.push(reversed.iter().rev().copied().collect());
        }
    }));
    random.shuffle(&mut texts);
    texts.truncate(KEYS / 2);
    texts.extend(
        (0..KEYS / 2).map(|_| Ipv4Addr::from_bits(random.below(1 << 32) as u32).to_string().into_bytes()),
    );
    random.shuffle(&mut texts);
    let mut bytes = Vec::new();
    let texts = laid_out(&texts, &mut bytes);
    let (mut batch, mut listed) = (Batch::new(), 0);
    let taken = seconds(|| {
        for chunk in texts.chunks(1024) {
            batch.clear();
            chunk.iter().for_each(|text| assert!(batch.push(text).is_ok()));
            listed +=
                searcher.statuses(&mut batch).iter().filter(|status| **status == Status::Blocked).count();
        }
    });
    let rate = texts.len() as f64 / taken;
    println!(
        "  {:.2} million look-ups a second on one thread, from text to status, {} % listed",
        rate / 1e6,
        listed * 100 / texts.len()
    );
}

/// A file of so many bytes, all but a little of them runs of IPv6 addresses.
fn padded(bytes: u64) -> Vec<u8> {
    let run = |at: u128| Run { first: at << 64, last: at << 64 | 0xFFFF, set: 0, own: 0 };
    let runs: Vec<Run<u128>> = (1 << 61..).take(usize::try_from(bytes / 41).unwrap_or(0)).map(run).collect();
    let made = v6::encode(&runs);
    let image = Image::new(
        Time::from_unix(1_787_443_200),
        vec![
            SectionBytes::new(Section::V6Ladder, runs.len(), made.ladder),
            SectionBytes::new(Section::V6Spans, runs.len(), made.spans),
        ],
    );
    image.to_bytes()
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
                    black_box(Searcher::new(&open(), now).lookup("45.9.20.5").is_ok());
                })
            })
            .collect();
        spread(times)[1] * 1e6
    };
    let trusted = first(&|| Snapshot::open_trusted(&path).expect("sound"));
    let verified = first(&|| Snapshot::open(&path).expect("sound"));
    let rate = length as f64 / (verified - trusted).max(1.0) / 1e3;
    println!(
        "  open to first verdict, {length:>10} bytes: trusted {trusted:.0} us, verifying {verified:.0} us ({rate:.1} GB/s)"
    );
}

/// Single look-ups, timed one by one, while another thread publishes and swaps a thousand times.
fn reload(bytes: &[u8], keys: &[u128]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("live.rap");
    let publish = || {
        let fresh = folder.path().join("fresh");
        std::fs::write(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, &path)).expect("published");
    };
    publish();
    let follow = Follow::open(&path).expect("sound");
    let done = AtomicBool::new(false);
    let (mut times, mut listed) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..1000 {
                publish();
                assert!(follow.refresh().expect("sound"));
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            for key in keys {
                let asked = Instant::now();
                listed += usize::from(follow.current().index().address(Address::V6(*key)).is_some());
                times.push(asked.elapsed().as_nanos() as u32);
            }
        }
    });
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0);
    println!(
        "  1,000 swaps under {} single look-ups, {} % listed: p50 {} ns, p99.9 {} ns",
        times.len(),
        listed * 100 / times.len().max(1),
        at(0.5),
        at(0.999)
    );
}

/// A part of the benchmark.
type Part<'p> = &'p mut dyn FnMut(&mut Random);

/// Runs every part, or those that are named: `cargo bench --bench lookup -- names open`.
fn main() {
    println!("{}", common::machine());
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let lists = Lists::find();
    let now = Time::from_unix(1_787_443_200);
    let image = built(&lists, now);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lists.rap");
    image.publish(&path).expect("published");
    let bytes = image.to_bytes();
    let snapshot = Snapshot::open(&path).expect("a sound snapshot");
    let mut random = Random::new(7);
    println!(
        "look-ups: {}, a snapshot of {} bytes; how many times as long a peer takes:",
        lists.about,
        bytes.len()
    );
    let length = |sections: &[Section]| -> usize {
        sections.iter().map(|section| snapshot.bytes(*section).len()).sum()
    };
    let of_names = length(&[
        Section::NameLines,
        Section::NameLocator,
        Section::NameLeaves,
        Section::NameSets,
        Section::NameTimes,
    ]) + rare_bytes(&snapshot, Section::NameSets);
    let of_v4 = length(&[Section::V4Starts, Section::V4Ends, Section::V4EndSets, Section::V4EndTimes])
        + rare_bytes(&snapshot, Section::V4EndSets);
    let (index, searcher) = (snapshot.index(), Searcher::new(&snapshot, now));
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    let parts: [(&str, Part<'_>); 6] = [
        ("v4", &mut |random| addresses(&index, random, of_v4)),
        ("v6", &mut |random| addresses_v6(&index, random)),
        ("names", &mut |random| names(&index, random, of_names)),
        ("expiry", &mut |random| expiry(&searcher, random)),
        ("statuses", &mut |random| statuses(&searcher, random)),
        ("open", &mut |random| opening(&bytes, random)),
    ];
    for (_, run) in parts.into_iter().filter(|(part, _)| is_wanted(part)) {
        run(&mut random);
    }
}

/// The bytes of the sets of a part that stand apart.
fn rare_bytes(snapshot: &Snapshot, part: Section) -> usize {
    Rare::new(snapshot.bytes(Section::RareSets), part.id()).len() * 8
}

/// Opening files of three sizes, and swapping them under a reader.
fn opening(bytes: &[u8], random: &mut Random) {
    let small = padded(1 << 20);
    open(&small);
    open(bytes);
    open(&padded(1 << 30));
    let runs = 2 * small.len() as u64 / 41;
    let keys: Vec<u128> = (0..1024).map(|_| u128::from((1 << 61) + random.below(runs)) << 64).collect();
    reload(&small, &keys);
}
