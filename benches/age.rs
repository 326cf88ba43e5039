//! How a snapshot grows with its age: the bytes that first_seen takes from night to night, beside its entropy.
//!
//! Lists are simulated with the shares of new and returning entries that real ones have, and only the nights of
//! the curve are assembled, with the first_seen that nightly builds would have carried to them. On a small scale,
//! nightly builds by the program give the same sections. `cargo bench --bench age -- curve`, or `carried`, or
//! `rolled`, runs one part.

mod common;

use common::Random;
use rapsheet_assemble::{
    Assembly, Claim, ClaimSource, ClaimTable, Columns, RetentionPolicy, Rows, Scratch, SizeLimits, assemble,
    tag,
};
use rapsheet_query::Searcher;
use rapsheet_snapshot::section::origin::FeedTraits;
use rapsheet_snapshot::{
    Address, AddressRange, Assessment, Assessments, Entry, FeedId, FeedRecord, Image, Kinds, ListKind, Mode,
    Origin, Scope, Section, SectionBytes, Snapshot, Status, Time,
};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const DAY: i64 = 86_400;
/// The first night.
const START: i64 = 1_787_443_200;
/// The nights of the curve.
const DAYS: [i64; 10] = [1, 2, 3, 5, 10, 20, 40, 90, 180, 365];
/// How many sightings the lists of the curve have.
const SIGHTINGS: usize = 3_000_000;
/// How many entries are looked up and compared on each night of the curve.
const SAMPLED: usize = 20_000;

fn day(number: i64) -> Time {
    Time::from_unix(START + number * DAY)
}

/// How the entries of a real list come and go.
#[derive(Clone, Copy)]
struct Churn {
    list: &'static str,
    /// The share of its entries that is new each night.
    new: f64,
    /// The share of the new ones that was listed before.
    returning: f64,
    /// How many entries it has.
    entries: usize,
}

/// Observed over 20 to 104 nights.
const REAL: [Churn; 4] = [
    Churn { list: "data-shield", new: 0.0368, returning: 0.143, entries: 70_560 },
    Churn { list: "tor-exit", new: 0.0129, returning: 0.598, entries: 2_228 },
    Churn { list: "x4bnet", new: 0.0073, returning: 0.058, entries: 11_008 },
    Churn { list: "openphish", new: 1.0, returning: 0.006, entries: 300 },
];

/// What a list lists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Addresses,
    Names,
    Urls,
}

/// Distinct keys by number, spread over the space. One in six is in a run of eight neighbours, as in real lists of
/// attackers, of whose addresses 12 to 25 in 100 are in runs of three or more.
fn address_of(list: usize, number: u32) -> u32 {
    // An odd factor gives each number another place, in 32.0.0.0 to 95.255.255.255, of which a build refuses none.
    let spread = |number: u32| {
        let spread = number.wrapping_mul(0x9E37_79B1) ^ (list as u32).wrapping_mul(0x5851_F42D);
        0x2000_0000 + (spread & 0x03FF_FFFF) * 16
    };
    match number % 48 {
        at @ 0..8 => spread(number / 48 * 48) + at,
        _ => spread(number),
    }
}

fn name_of(list: usize, number: u32) -> String {
    const PARTS: [&str; 16] = [
        "shop", "bank", "log", "in", "pay", "mail", "safe", "up", "date", "al", "ex", "ta", "ro", "mi",
        "web", "net",
    ];
    const ROOTS: [&str; 8] = ["com", "com", "com", "net", "org", "top", "xyz", "info"];
    let hash = rapsheet_snapshot::hash::spread(u64::from(number) << 8 | list as u64);
    let pick =
        |from: &[&'static str], at: u64| from.get(at as usize % from.len()).copied().unwrap_or_default();
    let part = |at: u32| pick(&PARTS, hash >> (4 * at));
    format!("{}{}{}{number:x}.{}", part(3), part(7), part(11), pick(&ROOTS, hash >> 60))
}

/// A simulated list: the number of each of its keys, and the night in which it was first seen.
struct List {
    churn: Churn,
    keys: Keys,
    place: usize,
    listed: Vec<(u32, i64)>,
    departed: Vec<u32>,
    /// The next key that was never listed.
    fresh: u32,
}

impl List {
    fn new(churn: Churn, keys: Keys, place: usize, entries: usize) -> List {
        let listed: Vec<(u32, i64)> = (0..entries as u32).map(|number| (number, 1)).collect();
        List { churn, keys, place, fresh: entries as u32, listed, departed: Vec::new() }
    }

    /// One night: as many entries leave as come.
    fn pass(&mut self, day: i64, random: &mut Random) {
        let exact = self.churn.new * self.listed.len() as f64;
        let count =
            exact as usize + usize::from((random.below(1 << 20) as f64) < exact.fract() * 1_048_576.0);
        let returning = self.churn.returning * count as f64;
        let mut left = Vec::new();
        for _ in 0..count {
            let at = random.below(self.listed.len() as u64) as usize;
            left.push(self.listed.swap_remove(at).0);
        }
        for at in 0..count {
            let number = if (at as f64) < returning && !self.departed.is_empty() {
                self.departed.swap_remove(random.below(self.departed.len() as u64) as usize)
            } else {
                self.fresh += 1;
                self.fresh - 1
            };
            self.listed.push((number, day));
        }
        self.departed.extend(left);
    }

    fn text(&self, number: u32) -> String {
        match self.keys {
            Keys::Addresses => Address::V4(address_of(self.place, number)).to_string(),
            Keys::Names => name_of(self.place, number),
            Keys::Urls => format!("http://{}/{number}", name_of(self.place, number % 1000)),
        }
    }

    fn kind(&self) -> Kinds {
        match self.keys {
            Keys::Addresses => Kinds::IPV4,
            Keys::Names => Kinds::NAME,
            Keys::Urls => Kinds::URL,
        }
    }
}

/// The lists of the curve: each real one as addresses and as names, in their own proportions; but openphish lists URLs.
fn lists(sightings: usize) -> Vec<List> {
    let all: usize = REAL.iter().map(|churn| churn.entries).sum();
    let mut lists = Vec::new();
    for churn in REAL {
        let entries = churn.entries * sightings / all;
        let kinds = match churn.list {
            "openphish" => &[Keys::Urls][..],
            _ => &[Keys::Addresses, Keys::Names],
        };
        for keys in kinds {
            lists.push(List::new(churn, *keys, lists.len(), entries / kinds.len()));
        }
    }
    lists
}

fn policy(now: Time) -> RetentionPolicy {
    RetentionPolicy {
        mode: Mode::Reset,
        keep_absent: false,
        retention_seconds: 15 * DAY,
        accepted: true,
        update_time: now,
        confirmed: now,
        list: ListKind::Block,
        assessments: Assessments::EMPTY.with(Assessment::Malware),
        now,
    }
}

fn claim(feed: u16, first_seen: Option<Time>) -> Claim {
    Claim {
        feed: FeedId(feed),
        list: ListKind::Block,
        source: ClaimSource::Download,
        assessments: Assessments::EMPTY,
        first_seen,
        last_seen: None,
        expires: None,
    }
}

/// What a build of this night gives: one that carried first_seen over from each night before, or a first one.
fn assembled(lists: &[List], now: i64, is_first: bool) -> Assembly {
    let (mut claims, mut columns) = (ClaimTable::new(SizeLimits::default()), Columns::default());
    let mut tags: HashMap<(u16, i64), u32> = HashMap::new();
    for (feed, list) in (0u16..).zip(lists) {
        for (number, first_seen) in &list.listed {
            let seen = if is_first { None } else { Some(day(*first_seen)) };
            let tag = *tags
                .entry((feed, if is_first { 0 } else { *first_seen }))
                .or_insert_with(|| tag(claims.push(claim(feed, seen)).expect("few"), Scope::Exact));
            match list.keys {
                Keys::Addresses => {
                    let first = address_of(list.place, *number);
                    columns.push_range(AddressRange::V4 { first, last: first }, tag);
                }
                Keys::Names => columns.names.push(list.text(*number).bytes().rev(), tag),
                Keys::Urls => columns.urls.push(list.text(*number).bytes(), tag),
            }
        }
    }
    let scratch = Scratch::unlimited();
    let mut rows = Rows::new(&scratch);
    rows.add(columns, 0);
    assemble(rows, &claims, &vec![policy(day(now)); lists.len()], &mut ()).expect("it fits")
}

fn snapshot(lists: &[List], now: i64, is_first: bool) -> Snapshot {
    let mut sections = assembled(lists, now, is_first).sections;
    let feeds = (0..).zip(lists).map(|(place, list)| {
        let traits = FeedTraits {
            list: ListKind::Block,
            mode: Mode::Reset,
            kinds: list.kind(),
            assessments: Assessments::EMPTY.with(Assessment::Malware),
            update_time: Some(day(now)),
        };
        let mut feed = FeedRecord::new(&id(place), &format!("{}.example", id(place)), traits);
        feed.sightings = list.listed.len() as u64;
        feed.retention_seconds = 15 * DAY;
        feed
    });
    let origin = Origin { generator: "bench".to_owned(), feeds: feeds.collect() };
    sections.push(SectionBytes::new(Section::Origin, lists.len(), origin.encode().expect("few feeds")));
    Snapshot::from_bytes(Image::new(day(now), sections).to_bytes()).expect("a valid snapshot")
}

fn id(place: usize) -> String {
    format!("list-{place:02}")
}

/// The bits of an ideal code of values with these counts.
fn entropy<'c>(counts: impl Iterator<Item = &'c u64> + Clone) -> f64 {
    let all = counts.clone().sum::<u64>() as f64;
    counts.map(|count| *count as f64 * (all / *count as f64).log2()).sum()
}

/// The entropy of first_seen in bytes: given the list of each sighting, and of all sightings together.
fn entropies(lists: &[List]) -> (f64, f64) {
    let (mut of_lists, mut all) = (0.0, BTreeMap::<i64, u64>::new());
    for list in lists {
        let mut counts = BTreeMap::<i64, u64>::new();
        list.listed.iter().for_each(|(_, day)| *counts.entry(*day).or_default() += 1);
        of_lists += entropy(counts.values());
        counts.iter().for_each(|(day, count)| *all.entry(*day).or_default() += count);
    }
    (of_lists / 8.0, entropy(all.values()) / 8.0)
}

fn entry_of(snapshot: &Snapshot, list: &List, number: u32) -> Option<Entry> {
    let index = snapshot.index();
    let text = list.text(number);
    match list.keys {
        Keys::Addresses => index.address(Address::V4(address_of(list.place, number))),
        Keys::Urls => index.url(text.as_bytes()),
        Keys::Names => {
            let reversed: Vec<u8> = text.bytes().rev().collect();
            let mut found = None;
            index.each_covering_name(&reversed, |width, entry| {
                found = Some(entry).filter(|_| width == reversed.len());
            });
            found
        }
    }
}

/// Sampled entries have the first_seen and the statuses that the simulation has, now and on earlier nights.
fn assert_answers(snapshot: &Snapshot, lists: &[List], now: i64, random: &mut Random) {
    let past = 1 + random.below(now as u64) as i64;
    let searchers = [now, past].map(|at| (at, Searcher::new(snapshot, day(at))));
    for _ in 0..SAMPLED {
        let place = random.below(lists.len() as u64) as usize;
        let list = lists.get(place).expect("a list");
        let at = random.below(list.listed.len() as u64) as usize;
        let (number, first_seen) = *list.listed.get(at).expect("an entry");
        let entry = entry_of(snapshot, list, number).expect("it is listed");
        let address = Address::V4(address_of(list.place, number));
        let times: Vec<Time> = snapshot
            .index()
            .sightings_of(entry, address)
            .filter(|sighting| usize::from(sighting.feed.0) == place)
            .map(|sighting| sighting.times.first_seen)
            .collect();
        assert_eq!(times, [day(first_seen)], "night {now}: {}", list.text(number));
        // Names of other lists are other names; an address may be in several lists.
        for (at, searcher) in &searchers {
            let status = match list.keys {
                Keys::Addresses => continue,
                _ => searcher.lookup(list.text(number)).expect("an indicator").status,
            };
            let expected = if first_seen <= *at { Status::Blocked } else { Status::Unknown };
            assert_eq!(status, expected, "night {now} at {at}: {}", list.text(number));
        }
    }
}

/// A walk over the whole file finds each first_seen as often as the simulation has it.
fn assert_walk(snapshot: &Snapshot, lists: &[List], now: i64) {
    let mut expected: HashMap<(u16, Time), u64> = HashMap::new();
    for (feed, list) in (0u16..).zip(lists) {
        list.listed.iter().for_each(|(_, first)| *expected.entry((feed, day(*first))).or_default() += 1);
    }
    let (index, mut found) = (snapshot.index(), HashMap::new());
    let mut add = |feed: FeedId, first: Time, count: u64| *found.entry((feed.0, first)).or_default() += count;
    index.each_listed_in(AddressRange::V4 { first: 0, last: u32::MAX }, |_, _, sighting| {
        add(sighting.feed, sighting.times.first_seen, 1);
    });
    let mut walk = index.sighting_walk();
    let mut text = |entry| {
        walk.sightings(entry).for_each(|sighting| add(sighting.feed, sighting.times.first_seen, 1));
    };
    assert!(index.each_name(|_, entry| text(entry)) && index.each_url(|_, entry| text(entry)));
    assert_eq!(found, expected, "night {now}");
}

/// The length of a file from night to night, beside that of a first build of the same content.
fn curve(what: &str, mut lists: Vec<List>) {
    let sightings: usize = lists.iter().map(|list| list.listed.len()).sum();
    println!("{what}: {sightings} sightings");
    println!(
        "| night | file | first build of the same | more | entropy by list | of all | more / entropy by list | sets |"
    );
    let (mut random, mut lengths) = (Random::new(16), BTreeMap::new());
    for now in 1..=DAYS.last().copied().unwrap_or(0) {
        if now > 1 {
            lists.iter_mut().for_each(|list| list.pass(now, &mut random));
        }
        if !DAYS.contains(&now) {
            continue;
        }
        let (aged, first) = (snapshot(&lists, now, false), snapshot(&lists, now, true));
        aged.verify_references().expect("a sound snapshot");
        assert_answers(&aged, &lists, now, &mut Random::new(now as u64));
        assert_walk(&aged, &lists, now);
        let more = aged.byte_len() as f64 - first.byte_len() as f64;
        let (by_list, of_all) = entropies(&lists);
        let (megabytes, kilobytes) = (1e6, 1e3);
        println!(
            "| {now} | {:.3} MB | {:.3} MB | {:.1} kB | {:.1} kB | {:.1} kB | {:.2} | {} | {} |",
            aged.byte_len() as f64 / megabytes,
            first.byte_len() as f64 / megabytes,
            more / kilobytes,
            by_list / kilobytes,
            of_all / kilobytes,
            more / by_list,
            aged.index().set_count(),
            before(&lists, now).map_or_else(String::new, |len| format!("{:.3} MB", len as f64 / megabytes)),
        );
        // Two kilobytes for headers and tables of codes.
        assert!(more <= 1.5 * by_list + 2048.0, "night {now}: {more} bytes for an entropy of {by_list}");
        lengths.insert(now, aged.byte_len() as f64);
    }
    if let (Some(young), Some(old)) = (lengths.get(&90), lengths.get(&365)) {
        println!("from night 90 to night 365: {:+.2} %", (old / young - 1.0) * 100.0);
        assert!(old / young <= 1.02, "a file levels off");
    }
}

fn catalog(lists: &[List]) -> String {
    let feed = |(place, list): (usize, &List)| {
        let format = match list.keys {
            Keys::Addresses => "plain-ip",
            Keys::Names => "plain-domain",
            Keys::Urls => "url-list",
        };
        let id = id(place);
        format!(
            "[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nfile = \"{id}.txt\"\nformat = \"{format}\"\n\
             scope = \"exact\"\nmode = \"reset\"\nassessment = [\"malware\"]\nretention = \"15d\"\n{GUARD}"
        )
    };
    lists.iter().enumerate().map(feed).collect()
}

const GUARD: &str =
    "[feed.guard]\nallow_never_block = true\ncoverage_above = \"100%\"\nnew_coverage_above = \"100%\"\n";

/// The length of what an earlier version, which `RAPSHEET_BEFORE` names, makes of the same sightings.
fn before(lists: &[List], now: i64) -> Option<u64> {
    let program = std::env::var_os("RAPSHEET_BEFORE")?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let mut feeds = catalog(lists);
    for format in ["plain-ip", "plain-domain", "url-list"] {
        feeds = feeds.replace(&format!("format = \"{format}\""), "format = \"csv\"");
    }
    let options = "[feed.options]\nvalue = \"value\"\nfirst_seen = \"first_seen\"\n[feed.guard]";
    std::fs::write(path("catalog.toml"), feeds.replace("[feed.guard]", options)).expect("a catalogue");
    for (place, list) in lists.iter().enumerate() {
        let mut text = "value,first_seen\n".to_owned();
        for (number, first) in &list.listed {
            writeln!(text, "{},{}", list.text(*number), day(*first)).expect("a string");
        }
        write_list(&path(&format!("{}.txt", id(place))), &text, now);
    }
    let status = Command::new(program)
        .args(["build", "--quiet", "--now", &day(now).to_string(), "--previous", "none"])
        .args(["--catalog", "catalog.toml", "--downloads", ".", "--out", "before.rap"])
        .current_dir(folder.path())
        .status();
    assert!(status.expect("it runs").success(), "night {now}");
    Some(std::fs::metadata(path("before.rap")).expect("a snapshot").len())
}

fn write_list(path: &Path, text: &str, now: i64) {
    std::fs::write(path, text).expect("a list");
    let fetched = format!("{{\"fetched_at\": \"{}\"}}", day(now));
    std::fs::write(path.with_extension("txt.meta.json"), fetched).expect("a sidecar");
}

/// One nightly build by the program.
fn build(folder: &Path, lists: &[List], now: i64, previous: &str, out: &str) -> Snapshot {
    let downloads = folder.join("downloads");
    std::fs::create_dir_all(&downloads).expect("a folder");
    std::fs::write(folder.join("catalog.toml"), catalog(lists)).expect("a catalogue");
    for (place, list) in lists.iter().enumerate() {
        let mut text = String::new();
        list.listed
            .iter()
            .for_each(|(number, _)| writeln!(text, "{}", list.text(*number)).expect("a string"));
        write_list(&downloads.join(format!("{}.txt", id(place))), &text, now);
    }
    let status = Command::new(env!("CARGO_BIN_EXE_rapsheet"))
        .args(["build", "--quiet", "--now", &day(now).to_string(), "--previous", previous])
        .args(["--catalog", "catalog.toml", "--downloads", "downloads", "--out", out])
        .current_dir(folder)
        .status();
    assert!(status.expect("rapsheet runs").success(), "night {now}");
    Snapshot::open(folder.join(out)).expect("a valid snapshot")
}

/// What is assembled for the curve is what nightly builds give.
fn carried() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (mut lists, mut random) = (lists(6_000), Random::new(5));
    let days = 12;
    for now in 1..=days {
        if now > 1 {
            lists.iter_mut().for_each(|list| list.pass(now, &mut random));
        }
        let previous = if now == 1 { "none" } else { "age.rap" };
        let built = build(folder.path(), &lists, now, previous, "age.rap");
        let simulated = snapshot(&lists, now, false);
        for section in Section::ALL.iter().filter(|section| **section != Section::Origin) {
            assert!(built.bytes(*section) == simulated.bytes(*section), "night {now}: {}", section.name());
        }
    }
    println!("{days} nightly builds of 6,000 sightings have the same sections as the simulated nights");
}

/// Seven lists that roll through forty nights: addresses by a thirtieth, names by a hundred-and-fiftieth a night.
fn rolled() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (entries, days) = (40_000u32, 40);
    let mut lists: Vec<List> = (0..7)
        .map(|place| {
            let keys = if place < 4 { Keys::Addresses } else { Keys::Names };
            let new = if place < 4 { 1.0 / 30.0 } else { 1.0 / 150.0 };
            let churn = Churn { list: "rolled", new, returning: 0.0, entries: entries as usize };
            List::new(churn, keys, place, entries as usize)
        })
        .collect();
    for now in 1..=days {
        if now > 1 {
            for list in &mut lists {
                let count = (list.churn.new * f64::from(entries)) as u32;
                list.listed.drain(..count as usize);
                let fresh = (list.fresh..list.fresh + count).map(|number| (number, now));
                list.listed.extend(fresh);
                list.fresh += count;
            }
        }
        build(folder.path(), &lists, now, if now == 1 { "none" } else { "age.rap" }, "age.rap");
    }
    let aged = Snapshot::open(folder.path().join("age.rap")).expect("a valid snapshot");
    assert_answers(&aged, &lists, days, &mut Random::new(1));
    let first = build(folder.path(), &lists, days, "none", "first.rap");
    let ratio = aged.byte_len() as f64 / first.byte_len() as f64;
    println!(
        "seven lists rolled through {days} nights: {} bytes, {ratio:.3} times the {} of a first build; sets {} and {}",
        aged.byte_len(),
        first.byte_len(),
        aged.index().set_count(),
        first.index().set_count()
    );
    let more = aged.byte_len() as f64 - first.byte_len() as f64;
    println!("  more by {:.2} times the entropy by list", more / entropies(&lists).0);
    if let Some(before) = before(&lists, days) {
        println!("  before: {before} bytes, {:.3} times", before as f64 / first.byte_len() as f64);
    }
    assert!(ratio <= 1.12, "the aim");
}

fn main() {
    println!("{}", common::machine());
    let named: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_named = |part: &str| named.is_empty() || named.iter().any(|word| word == part);
    if is_named("carried") {
        carried();
    }
    if is_named("rolled") {
        rolled();
    }
    if is_named("curve") {
        curve("names, addresses and URLs", lists(SIGHTINGS));
    }
    if is_named("small") {
        curve("a small file", lists(SIGHTINGS / 20));
    }
}
