//! Look-ups, compared with other indexes over the same data: a tree bitmap, a MaxMind file, an `fst`
//! transducer over all names, a hash set queried per suffix, and binary search.
//!
//! Keys are distinct and shuffled, and stored in the order of the queries. Both the snapshot and the peers
//! that can be mapped are mapped files, since large pages of the file cache make a difference of a tenth. The
//! answers of both sides are compared before the clock starts, and chunks of both run in turn. The peers have
//! no batches, and look up one key at a time. An address look-up includes its record set; a name look-up does
//! not.

mod common;
mod sites;

use common::{Lists, Random, busy_seconds, seconds, spread};
use rapsheet_ingest::build::{BuildInput, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_query::lookup::{Hit, HitKind};
use rapsheet_query::{Batch, Searcher};
use rapsheet_snapshot::section::RangeEntry;
use rapsheet_snapshot::section::exceptions::Exceptions;
use rapsheet_snapshot::section::ipv6;
use rapsheet_snapshot::{
    Address, AddressRange, AtomicFile, Image, Index, ReloadingSnapshot, Section, SectionBytes, Snapshot,
    Status, Time,
};
use std::collections::HashSet;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use treebitmap::IpLookupTable;

/// Keys of a chunk; fewer where there are few keys.
const CHUNK: usize = 16_384;
const CHUNKS_MIN: usize = 11;
/// More bytes than the caches hold.
const FLUSH_BYTES: usize = 128 << 20;
const KEYS: usize = 400_000;

fn built(lists: &Lists, now: Time) -> Image {
    let catalog = Catalog::parse(&lists.catalog, "bench").expect("a valid catalogue");
    let input = BuildInput::new(&catalog, &lists.folder, now, "bench");
    build(&input, &NoObserver).expect("a build").image
}

/// A peer's bytes in a mapped file, as the only section of a snapshot.
struct Mapped(Snapshot);

impl Mapped {
    fn new(bytes: Vec<u8>) -> Mapped {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("peer");
        let image = Image::new(Time::from_unix(0), vec![SectionBytes::new(Section::UrlBlocks, 1, bytes)]);
        // Not published: that would verify the bytes as URLs.
        let mut file = AtomicFile::create(&path).expect("a file");
        file.fill(|out| image.write(out)).expect("written");
        file.publish().expect("published");
        Mapped(Snapshot::open_trusted(&path).expect("a valid snapshot"))
    }

    fn bytes(&self) -> &[u8] {
        self.0.bytes(Section::UrlBlocks)
    }
}

/// Times both sides in turn, chunk by chunk, and prints the ratio of theirs to ours. A side returns the
/// number of hits of a chunk. Before that, both look up every key on its own.
fn compare<K>(
    what: &str,
    peer: &str,
    keys: &[K],
    mut ours: impl FnMut(&[K]) -> usize,
    mut theirs: impl FnMut(&[K]) -> usize,
) {
    if keys.is_empty() {
        return println!("  {what}: no keys without RAPSHEET_CORPUS");
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
    // A few keys would find their lines in the cache from the chunk before, so the caches are flushed; with
    // many keys, other chunks do that. A short last chunk is left out.
    let filler = vec![1u8; if keys.len() < CHUNKS_MIN * CHUNK { FLUSH_BYTES } else { 0 }];
    let flush = || black_box(filler.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>());
    let pairs: Vec<(f64, f64)> = keys
        .chunks(chunk_len)
        .filter(|chunk| chunk.len() * 2 > chunk_len)
        .map(|chunk| {
            let each = 1e9 / chunk.len() as f64;
            let (mut a, mut b) = (0, 0);
            flush();
            let ours = busy_seconds(|| a = black_box(ours(black_box(chunk)))) * each;
            flush();
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

/// The distinct keys, shuffled.
fn distinct<K: Ord>(mut keys: Vec<K>, random: &mut Random) -> Vec<K> {
    keys.sort_unstable();
    keys.dedup();
    random.shuffle(&mut keys);
    keys
}

/// The prefixes of a range.
fn prefixes(first: u32, last: u32) -> impl Iterator<Item = (Ipv4Addr, u32)> {
    ipnet::Ipv4Subnets::new(Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(last), 0)
        .map(|net| (net.network(), u32::from(net.prefix_len())))
}

fn addresses(index: &Index<'_>, random: &mut Random, bytes: usize) {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    index.each_address(AddressRange::V4 { first: 0, last: u32::MAX }, |range, _| {
        if let AddressRange::V4 { first, last } = range {
            ranges.push((first, last));
        }
    });
    let mut tree: IpLookupTable<Ipv4Addr, u32> = IpLookupTable::new();
    let mut writer = mmdb_writer::Writer::builder("bench").ip_version(mmdb_writer::IpVersion::V4).build();
    for (set, (first, last)) in (0u32..).zip(&ranges) {
        for (network, length) in prefixes(*first, *last) {
            tree.insert(network, length, set);
            let network = ipnet::Ipv4Net::new(network, length as u8).expect("a prefix");
            writer.insert(network, &(set % 4096)).expect("it takes prefixes");
        }
    }
    let mmdb = writer.to_bytes().expect("a file");
    let entries = ranges.len();
    println!(
        "  {entries} IPv4 ranges: {:.2} bytes each with set and times; the MaxMind file has {:.1} times the bytes, the tree {:.1}",
        bytes as f64 / entries as f64,
        mmdb.len() as f64 / bytes as f64,
        (tree.mem_usage().0 + tree.mem_usage().1) as f64 / bytes as f64
    );
    let mmdb = Mapped::new(mmdb);
    let mmdb = maxminddb::Reader::from_source(mmdb.bytes()).expect("a valid file");
    for (what, keys) in v4_keys(&ranges, random) {
        let keys = keys.as_slice();
        let single = |keys: &[u32]| {
            count(keys, |key| {
                let entry = index.address(Address::V4(*key));
                entry.is_some_and(|entry| index.set_of(entry) < u32::MAX)
            })
        };
        let batched = |keys: &[u32]| {
            let mut hits = 0;
            index.lookup_ipv4_batch(keys, |_, entry| hits += usize::from(index.set_of(entry) < u32::MAX));
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
                let at = ranges.partition_point(|(first, _)| first <= key);
                at > 0 && ranges.get(at - 1).is_some_and(|(_, last)| key <= last)
            })
        };
        let what = format!("IPv4, {what}");
        compare(&what, "tree bitmap", keys, single, by_tree);
        compare(&what, "binary search", keys, single, by_search);
        let what = format!("{what}, batch");
        compare(&what, "tree bitmap", keys, batched, by_tree);
        compare(&what, "maxminddb", keys, batched, by_mmdb);
    }
}

/// Random addresses, listed ones, and ones in the same /16 as a listed one.
fn v4_keys(ranges: &[(u32, u32)], random: &mut Random) -> [(&'static str, Vec<u32>); 3] {
    let unlisted = (0..KEYS).map(|_| random.below(1 << 32) as u32).collect();
    let within = |(first, last): &(u32, u32), random: &mut Random| {
        first + random.below(u64::from(last - first) + 1) as u32
    };
    let listed: Vec<u32> = ranges.iter().map(|range| within(range, random)).collect();
    let neighbours = listed.iter().map(|key| key ^ (1 + random.below(0xFFFF) as u32)).collect();
    [("random", unlisted), ("listed", listed), ("same /16", neighbours)].map(|(what, keys)| {
        let mut keys = distinct(keys, random);
        keys.truncate(KEYS);
        (what, keys)
    })
}

/// `count` IPv6 ranges: the listed ones, and made-up prefixes and addresses within the same /32 prefixes.
fn v6_ranges(index: &Index<'_>, random: &mut Random, count: usize) -> Vec<(u128, u128)> {
    let mut ranges: Vec<(u128, u128)> = Vec::new();
    index.each_address(AddressRange::V6 { first: 0, last: u128::MAX }, |range, _| {
        // A MaxMind file maps these prefixes to IPv4.
        let is_mapped =
            |first: u128| matches!(first >> 96, 0x2002_0000..=0x2002_FFFF | 0x2001_0000 | 0x0064_FF9B);
        if let AddressRange::V6 { first, last } = range
            && !is_mapped(first)
        {
            ranges.push((first, last));
        }
    });
    let within: Vec<u128> = ranges.iter().map(|(first, _)| first >> 96 << 96).collect();
    for root in within.iter().cycle().take(count.saturating_sub(ranges.len())) {
        let bits = [48, 56, 64, 64, 128].get(random.below(5) as usize).copied().unwrap_or(64);
        let free = u128::MAX >> 32;
        let first =
            root | (u128::from(random.below(u64::MAX)) << 64 | u128::from(random.below(u64::MAX))) & free;
        let hosts = u128::MAX.checked_shr(bits).unwrap_or(0);
        ranges.push((first & !hosts, first | hosts));
    }
    ranges.sort_unstable();
    let mut end = None;
    ranges.retain(|(first, last)| {
        let stays = end.is_none_or(|end| end < *first);
        end = if stays { Some(*last) } else { end };
        stays
    });
    ranges
}

fn addresses_v6(index: &Index<'_>, random: &mut Random) {
    let ranges = v6_ranges(index, random, 100_000);
    let mut writer = mmdb_writer::Writer::builder("bench").build();
    for (first, last) in &ranges {
        for net in ipnet::Ipv6Subnets::new(Ipv6Addr::from_bits(*first), Ipv6Addr::from_bits(*last), 0) {
            writer.insert(net, &1u32).expect("it takes prefixes");
        }
    }
    let mmdb = Mapped::new(writer.to_bytes().expect("a file"));
    let mmdb = maxminddb::Reader::from_source(mmdb.bytes()).expect("a valid file");
    let items: Vec<RangeEntry<u128>> = ranges
        .iter()
        .map(|(first, last)| RangeEntry { first: *first, last: *last, set: 0, own: 0 })
        .collect();
    let bytes = ipv6::encode(&items).expect("few");
    let (levels, encoded) = (Mapped::new(bytes.index), Mapped::new(bytes.ranges));
    let v6_index = ipv6::Ipv6Index::new(levels.bytes(), encoded.bytes());
    let near =
        |first: u128, random: &mut Random| first ^ u128::from(random.below(1 << 20)) << (random.below(8) * 8);
    let mut keys: Vec<u128> = (0..4).flat_map(|_| ranges.iter().map(|(first, _)| *first)).collect();
    keys.iter_mut().for_each(|key| *key = near(*key, random));
    let keys = distinct(keys, random);
    let single = |keys: &[u128]| count(keys, |key| v6_index.get(*key).is_some());
    let batched = |keys: &[u128]| {
        let mut hits = 0;
        v6_index.lookup_batch(keys, |_, _| hits += 1);
        hits
    };
    let by_mmdb = |keys: &[u128]| {
        count(keys, |key| {
            mmdb.lookup(IpAddr::V6(Ipv6Addr::from_bits(*key))).is_ok_and(|found| found.has_data())
        })
    };
    let what = format!("IPv6, near {} ranges", ranges.len());
    compare(&what, "maxminddb", &keys, single, by_mmdb);
    compare(&format!("{what}, batch"), "maxminddb", &keys, batched, by_mmdb);
}

/// Copies names into one buffer, in the order of the queries.
fn in_query_order<'b>(names: &[Vec<u8>], bytes: &'b mut Vec<u8>) -> Vec<&'b [u8]> {
    let mut ends = Vec::with_capacity(names.len());
    for name in names {
        bytes.extend_from_slice(name);
        ends.push(bytes.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(&ends).map(|(start, end)| bytes.get(start..*end).unwrap_or(&[])).collect()
}

/// The indexes of names to compare.
struct NameIndexes<'a> {
    index: &'a Index<'a>,
    fst: fst::raw::Fst<&'a [u8]>,
    set: HashSet<Vec<u8>>,
}

fn names(index: &Index<'_>, random: &mut Random, bytes: usize) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    assert!(index.each_name(|reversed, _| all.push(reversed.to_vec())));
    let keys: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let ordinals = keys.iter().copied().zip(0..);
    let transducer = fst::raw::Fst::from_iter_map(ordinals).expect("sorted").into_inner();
    let set: HashSet<Vec<u8>> = all.iter().cloned().collect();
    let in_set: usize = set.iter().map(|name| name.len() + 24 + 16).sum();
    println!(
        "  {} names: {:.2} bytes each with filter, set and times; a transducer alone {:.2}; a hash set has {:.1} times the bytes",
        all.len(),
        bytes as f64 / all.len() as f64,
        transducer.len() as f64 / all.len() as f64,
        in_set as f64 / bytes as f64
    );
    let transducer = Mapped::new(transducer);
    let fst = fst::raw::Fst::new(transducer.bytes()).expect("a transducer");
    let indexes = NameIndexes { index, fst, set };
    random.shuffle(&mut all);
    all.truncate(KEYS);
    let below: Vec<Vec<u8>> = all.iter().map(|name| [name.as_slice(), b".www"].concat()).collect();
    let mut unlisted =
        |root: &str, bits: u32| format!("{root}.{:x}.www", random.below(1 << bits)).into_bytes();
    let random_names: Vec<Vec<u8>> = (0..KEYS).map(|_| unlisted("moc", 44)).collect();
    // Similar to real traffic: one in fourteen has a listed parent.
    let roots = ["moc", "gro", "ten", "ed"].iter().cycle();
    let mixed = below.iter().zip(roots).zip(0..).map(|((listed, root), at)| match at % 14 {
        0 => listed.clone(),
        _ => unlisted(root, 24),
    });
    let mixed = mixed.collect();
    let (random_names, mixed) = (distinct(random_names, random), distinct(mixed, random));
    compare_names("random", &random_names, &indexes);
    compare_names("1 in 14 listed", &mixed, &indexes);
    compare_names("top sites", &distinct(sites::top(), random), &indexes);
    compare_names("listed", &all, &indexes);
    compare_names("below listed", &below, &indexes);
}

fn compare_names(what: &str, names: &[Vec<u8>], indexes: &NameIndexes<'_>) {
    let mut bytes = Vec::new();
    let keys = in_query_order(names, &mut bytes);
    let NameIndexes { index, fst, set } = indexes;
    let single = |keys: &[&[u8]]| {
        count(keys, |key| {
            let mut found = false;
            index.each_covering_name(key, |_, _| found = true);
            found
        })
    };
    let batched = |keys: &[&[u8]]| {
        let (mut hits, mut seen) = (0, [0u64; CHUNK / 64]);
        index.lookup_names_batch(keys, |at, _, _| {
            if let Some(word) = seen.get_mut(at as usize / 64) {
                hits += usize::from(*word >> (at % 64) & 1 == 0);
                *word |= 1 << (at % 64);
            }
        });
        hits
    };
    let by_fst = |keys: &[&[u8]]| count(keys, |key| walk(fst, key));
    let by_set = |keys: &[&[u8]]| {
        count(keys, |key| {
            let ends = key.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
            ends.chain([key.len()]).filter(|end| set.contains(key.get(..*end).unwrap_or(&[]))).count() > 0
        })
    };
    let what = format!("names, {what}");
    compare(&what, "one walk of the fst crate", &keys, single, by_fst);
    compare(&what, "std's hash set per suffix", &keys, single, by_set);
    let what = format!("{what}, batch");
    compare(&what, "one walk of the fst crate", &keys, batched, by_fst);
    compare(&what, "std's hash set per suffix", &keys, batched, by_set);
}

/// One traversal of the transducer, which finds every covering entry.
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

/// The cost of expiry: a look-up with its verdict, compared with one that ignores times.
fn expiry(searcher: &Searcher<'_>, random: &mut Random) {
    let mut keys: Vec<Address> = Vec::new();
    searcher
        .index()
        .each_address(AddressRange::V4 { first: 0, last: u32::MAX }, |range, _| keys.push(range.first()));
    random.shuffle(&mut keys);
    keys.truncate(KEYS);
    let count_hits = |keys: &[Address], visit: &mut dyn FnMut(Hit) -> bool| {
        let hit = |key: &Address| {
            Some(Hit { question: 0, entry: searcher.index().address(*key)?, kind: HitKind::Address(*key) })
        };
        count(keys, |key| hit(key).is_some_and(&mut *visit))
    };
    let timeless =
        |keys: &[Address]| count_hits(keys, &mut |hit| searcher.index().set_of(hit.entry) < u32::MAX);
    let with_verdict = |keys: &[Address]| {
        count_hits(keys, &mut |hit| {
            let (blocks, allows) = searcher.evaluator().evaluate_hit(searcher.index(), &hit);
            blocks | allows
        })
    };
    compare("IPv4, listed, with verdict", "one that ignores time", &keys, with_verdict, timeless);
}

/// From text to status in batches, as the scorer does.
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
    let texts = in_query_order(&texts, &mut bytes);
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

/// A snapshot of about `bytes` bytes of IPv6 ranges.
fn padded(bytes: u64) -> Vec<u8> {
    let range = |at: u128| RangeEntry { first: at << 64, last: at << 64 | 0xFFFF, set: 0, own: 0 };
    let ranges: Vec<RangeEntry<u128>> =
        (1 << 61..).take(usize::try_from(bytes / 41).unwrap_or(0)).map(range).collect();
    let encoded = ipv6::encode(&ranges).expect("few");
    let image = Image::new(
        Time::from_unix(1_787_443_200),
        vec![
            SectionBytes::new(Section::Ipv6Index, ranges.len(), encoded.index),
            SectionBytes::new(Section::Ipv6Ranges, ranges.len(), encoded.ranges),
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
    let trusted = first(&|| Snapshot::open_trusted(&path).expect("a valid snapshot"));
    let verified = first(&|| Snapshot::open(&path).expect("a valid snapshot"));
    let rate = length as f64 / (verified - trusted).max(1.0) / 1e3;
    println!(
        "  open to first verdict, {length:>10} bytes: trusted {trusted:.0} us, verifying {verified:.0} us ({rate:.1} GB/s)"
    );
}

/// Single look-ups, timed one by one, while another thread replaces the snapshot a thousand times.
fn reload(bytes: &[u8], keys: &[u128]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("live.rap");
    let publish = || {
        let fresh = folder.path().join("fresh");
        std::fs::write(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, &path)).expect("published");
    };
    publish();
    let follow = ReloadingSnapshot::open(&path).expect("a valid snapshot");
    let done = AtomicBool::new(false);
    let (mut times, mut listed) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..1000 {
                publish();
                assert!(follow.refresh().expect("a valid snapshot"));
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            for key in keys {
                let start = Instant::now();
                listed += usize::from(follow.current().index().address(Address::V6(*key)).is_some());
                times.push(start.elapsed().as_nanos() as u32);
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

/// One part of the benchmark.
type Part<'p> = &'p mut dyn FnMut(&mut Random);

/// Runs every part, or those that are named: `cargo bench --bench lookup -- names open`.
fn main() {
    println!("{}", common::machine());
    let named: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let lists = Lists::find();
    let now = Time::from_unix(1_787_443_200);
    let image = built(&lists, now);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("lists.rap");
    image.publish(&path).expect("published");
    let bytes = image.to_bytes();
    let snapshot = Snapshot::open(&path).expect("a valid snapshot");
    let mut random = Random::new(7);
    println!(
        "look-ups: {}, a snapshot of {} bytes; ratios are the time of the peer to ours:",
        lists.about,
        bytes.len()
    );
    let length = |sections: &[Section]| -> usize {
        sections.iter().map(|section| snapshot.bytes(*section).len()).sum()
    };
    let of_names = length(&[
        Section::NameFilter,
        Section::NameLocator,
        Section::NameLeaves,
        Section::NameSets,
        Section::NameTimes,
        Section::NameFirstSeen,
    ]) + exception_bytes(&snapshot, Section::NameSets);
    let of_v4 = length(&[
        Section::Ipv4Directory,
        Section::Ipv4Ends,
        Section::Ipv4Sets,
        Section::Ipv4Times,
        Section::Ipv4FirstSeen,
    ]) + exception_bytes(&snapshot, Section::Ipv4Sets);
    let (index, searcher) = (snapshot.index(), Searcher::new(&snapshot, now));
    let is_named = |part: &str| named.is_empty() || named.iter().any(|word| word == part);
    let parts: [(&str, Part<'_>); 6] = [
        ("v4", &mut |random| addresses(&index, random, of_v4)),
        ("v6", &mut |random| addresses_v6(&index, random)),
        ("names", &mut |random| names(&index, random, of_names)),
        ("expiry", &mut |random| expiry(&searcher, random)),
        ("statuses", &mut |random| statuses(&searcher, random)),
        ("open", &mut |random| opening(&bytes, random)),
    ];
    for (_, run) in parts.into_iter().filter(|(part, _)| is_named(part)) {
        run(&mut random);
    }
}

/// The bytes of the sets of a part that are stored as exceptions.
fn exception_bytes(snapshot: &Snapshot, part: Section) -> usize {
    Exceptions::new(snapshot.bytes(Section::SetExceptions), part.id()).len() * 8
}

/// Opening files of three sizes, and replacing a snapshot under a reader.
fn opening(bytes: &[u8], random: &mut Random) {
    let small = padded(1 << 20);
    open(&small);
    open(bytes);
    open(&padded(1 << 30));
    let ranges = 2 * small.len() as u64 / 41;
    let keys: Vec<u128> = (0..1024).map(|_| u128::from((1 << 61) + random.below(ranges)) << 64).collect();
    reload(&small, &keys);
}
