//! `ledger` against plain sets: every address, name and URL that a feed stands for, one by one.

use crate::files::{files, read_text};
use crate::forged::{put_together, sections};
use crate::support::{DAY, Harness, Random, contents, corpus, day};
use crate::test_dir::{TestDir, code, stderr, stdout};
use rapsheet_ingest::build::{BuildInput, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ledger::{CoverShare, FEEDS_MAX, Ledger, LogRow, Options, churn, log_hits};
use rapsheet_snapshot::{AddressRange, Image, ListKind, Section, SectionBytes, Snapshot, Time};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::Ipv4Addr;
use std::time::Instant;

/// Feeds of addresses, of names in each scope and in several, and of URLs; `b` has a short retention.
const FEEDS: [(&str, &str, &str); 9] = [
    ("a", "plain-ip", ""),
    ("b", "plain-ip", "retention = '6d'\n"),
    ("c", "plain-ip", "mode = 'accumulated'\n"),
    ("exact", "plain-domain", "scope = 'exact'\n"),
    ("marks", "domain-wildcard", "scope = 'exact'\noptions = { wildcard = 'strict' }\n"),
    ("tree", "plain-domain", "scope = 'tree'\n"),
    ("u", "url-list", ""),
    ("v", "url-list", "keep_absent = true\n"),
    ("vouch", "plain-ip", "list = 'allow'\n"),
];

fn catalog() -> String {
    let feed = |(id, format, more): &(&str, &str, &str)| {
        let guard = "guard = { widest_v4 = 8, shrunk_floor = 100000 }";
        format!(
            "[[feed]]\nid = '{id}'\nprovider = '{id}.net'\nfile = '{id}.txt'\nformat = '{format}'\n{guard}\n{more}"
        )
    };
    FEEDS.iter().map(feed).collect()
}

/// A list of a feed: few addresses, names and URLs, so that most are in several lists.
fn list(format: &str, random: &mut Random) -> String {
    let lines = 1 + random.below(25);
    let mut line = |_| match format {
        "plain-ip" => address(random),
        "url-list" => {
            let (n, scheme) = (random.below(6), *random.pick(&["http:", "https:", ""]));
            format!("{scheme}//h.evil-{n}.com/gate.php\n")
        }
        _ => {
            let name = name(random);
            match format {
                "domain-wildcard" => format!("{}{name}\n", random.pick(&["*.", ".", "="])),
                _ => format!("{name}\n"),
            }
        }
    };
    (0..lines).map(&mut line).collect()
}

fn address(random: &mut Random) -> String {
    let (n, m) = (random.below(64), random.below(64));
    match random.below(6) {
        0 => format!("45.9.20.{}/{}\n", n & !7, 29),
        1 => format!("45.9.20.{}-45.9.20.{}\n", n.min(m), n.max(m)),
        2 => format!("45.9.20.{}/{}\n", n & !31, 27),
        3 => format!("2a06:e480::{:x}/124\n", (n % 4) << 4),
        4 => format!("2a06:e480::{n:x}\n"),
        _ => format!("45.9.20.{n}\n45.9.20.{}\n", n + 1),
    }
}

fn name(random: &mut Random) -> String {
    let depth = random.below(3);
    let labels = (0..depth).map(|_| format!("{}.", random.pick(&["h", "h-x", "i"])));
    format!("{}evil{}.com", labels.collect::<String>(), random.pick(&["", "-x", "x"]))
}

/// What can be looked up, and is decided apart: an address, a name, any name below one, or a URL.
type Question = String;

/// The entry of one feed: what it is called, since when it is listed, and the questions that make it up.
struct Statement {
    indicator: String,
    first_seen: Time,
    questions: BTreeSet<Question>,
}

/// All live entries, by feed.
fn statements(snapshot: &Snapshot, now: Time, list: ListKind) -> BTreeMap<String, Vec<Statement>> {
    let feeds = snapshot.origin().feeds.iter().filter(|feed| feed.traits().list == list);
    let mut all: BTreeMap<String, Vec<Statement>> = feeds.map(|feed| (feed.id.clone(), Vec::new())).collect();
    for ((feed, indicator), (first_seen, detect_time)) in contents(snapshot) {
        let record = snapshot.origin().feeds.iter().find(|record| record.id == feed).expect("a feed");
        let is_live = first_seen <= now && now < detect_time.plus(record.retention_seconds);
        if is_live && record.traits().list == list {
            let questions = questions(&indicator);
            all.get_mut(&feed).expect("a feed").push(Statement { indicator, first_seen, questions });
        }
    }
    all
}

/// All names of the lists, and some below them.
fn universe() -> Vec<String> {
    let mut names: Vec<String> = ["evil.com", "evil-x.com", "evilx.com"].map(str::to_owned).to_vec();
    for _ in 0..2 {
        let below = |name: &String| ["h", "h-x", "i"].map(|label| format!("{label}.{name}"));
        names.extend(names.clone().iter().flat_map(below));
    }
    let others: Vec<String> = names.iter().map(|name| format!("unlisted.{name}")).collect();
    names.into_iter().chain(others).collect()
}

/// Everything that an entry stands for.
fn questions(indicator: &str) -> BTreeSet<Question> {
    if let Some((scope, name)) = indicator
        .split_once(':')
        .filter(|(scope, _)| ["exact", "tree", "subdomains"].contains(scope) && !indicator.contains("//"))
    {
        let below = format!(".{name}");
        let is_covered = |other: &String| match scope {
            "exact" => other == name,
            "tree" => other == name || other.ends_with(&below),
            _ => other.ends_with(&below),
        };
        return universe().into_iter().filter(is_covered).collect();
    }
    if let Some(rest) = indicator.strip_prefix("//") {
        return ["", "http:", "https:"].map(|scheme| format!("{scheme}//{rest}")).into();
    }
    match AddressRange::parse(indicator.as_bytes()).map(|parsed| parsed.range) {
        Ok(AddressRange::V4 { first, last }) => (first..=last).map(|number| format!("4 {number}")).collect(),
        Ok(AddressRange::V6 { first, last }) => (first..=last).map(|number| format!("6 {number}")).collect(),
        Err(_) => [indicator.to_owned()].into(),
    }
}

/// Two builds: some entries came with the second, some of the first are gone or kept.
fn two_builds(random: &mut Random) -> (Snapshot, Harness) {
    let mut harness = Harness::new(&catalog());
    let mut previous = None;
    for days in [0, 3] {
        for (id, format, _) in FEEDS {
            // Now and then a download stays as it was.
            if days == 0 || !random.one_in(4) {
                harness.download(&format!("{id}.txt"), list(format, random).as_bytes(), day(days));
            }
        }
        let built = harness.build(day(days));
        previous.get_or_insert(built);
    }
    let first = previous.expect("two builds").image.to_bytes();
    (Snapshot::from_bytes(first).expect("a valid snapshot"), harness)
}

fn options(now: Time, list: ListKind) -> Options {
    let mut options = Options::new(now);
    options.list = list;
    options
}

#[test]
fn figures_are_those_of_plain_sets() {
    let mut shared = 0;
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let (_, harness) = two_builds(&mut random);
        let snapshot = harness.snapshot();
        // At some of these instants, feeds have expired in part.
        let now = day(3).plus(random.below(8) as i64 * DAY + 1800);
        for list in [ListKind::Block, ListKind::Allow] {
            let ledger = Ledger::of(snapshot, &options(now, list)).expect("a ledger");
            shared += compare(snapshot, &ledger, now, list, seed);
        }
    }
    assert!(shared > 3000, "feeds share entries: {shared}");
}

/// Compares every figure, and returns how many entries are shared.
fn compare(snapshot: &Snapshot, ledger: &Ledger, now: Time, list: ListKind, seed: u64) -> u64 {
    let all = statements(snapshot, now, list);
    let of_feed = |entries: &Vec<Statement>| -> BTreeSet<Question> {
        entries.iter().flat_map(|entry| entry.questions.clone()).collect()
    };
    let covered: BTreeMap<&String, BTreeSet<Question>> =
        all.iter().map(|(id, entries)| (id, of_feed(entries))).collect();
    let ids: Vec<&String> =
        ledger.feeds().iter().map(|feed| &snapshot.feed(feed.feed).expect("a feed").id).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>(), all.keys().collect::<Vec<_>>().iter().collect());
    let mut shared = 0;
    for (at, figures) in ledger.feeds().iter().enumerate() {
        let (id, entries) = (ids[at], &all[ids[at]]);
        let context = format!("seed {seed}, feed {id}");
        assert_eq!(figures.entries, entries.len() as u64, "{context}");
        let has = |other: &String, entry: &Statement| entry.questions.is_subset(&covered[other]);
        for (other_at, other) in ids.iter().enumerate() {
            let expected = entries.iter().filter(|entry| has(other, entry)).count() as u64;
            assert_eq!(ledger.overlap(at, other_at), expected, "{context}, other {other}");
            shared += if at == other_at { 0 } else { expected };
        }
        let others = || ids.iter().filter(|other| **other != id);
        let is_unique = |entry: &&Statement| !others().any(|other| has(other, entry));
        assert_eq!(figures.unique, entries.iter().filter(is_unique).count() as u64, "{context}");
        let v4 = covered[id].iter().filter(|question| question.starts_with("4 "));
        let alone = v4.clone().filter(|question| !others().any(|other| covered[other].contains(*question)));
        let expected = (v4.count() as u64, alone.count() as u64);
        assert_eq!((figures.addresses, figures.addresses_unique), expected, "{context}");
        let mut ages: Vec<i64> =
            entries.iter().map(|entry| (now.unix() - entry.first_seen.unix()) / 3600 * 3600).collect();
        ages.sort_unstable();
        let median = ages.len().checked_sub(1).map(|last| ages[last / 2]);
        assert_eq!(figures.median_age_seconds, median, "{context}");
    }
    let distinct: BTreeMap<&String, &BTreeSet<Question>> =
        all.values().flatten().map(|entry| (&entry.indicator, &entry.questions)).collect();
    assert_eq!(ledger.indicators(), distinct.len() as u64, "seed {seed}");
    for share in [0, 50, 95, 100] {
        compare_cover(ledger, &ids, &covered, &distinct, share);
    }
    shared
}

/// The greedy choice, with each set written out.
fn compare_cover(
    ledger: &Ledger,
    ids: &[&String],
    covered: &BTreeMap<&String, BTreeSet<Question>>,
    distinct: &BTreeMap<&String, &BTreeSet<Question>>,
    share: usize,
) {
    let cover = ledger.cover(CoverShare::parse(&share.to_string()).expect("a share"));
    let (mut left, mut steps) = (distinct.clone(), Vec::new());
    while (distinct.len() - left.len()) * 100 < distinct.len() * share {
        let gain = |id: &String| left.values().filter(|entry| entry.is_subset(&covered[id])).count();
        let best = (0..ids.len())
            .max_by_key(|at| (gain(ids[*at]), ledger.feeds()[*at].entries, std::cmp::Reverse(*at)));
        let best = best.expect("a feed");
        let added = gain(ids[best]) as u64;
        assert!(added > 0, "all feeds together cover everything");
        left.retain(|_, entry| !entry.is_subset(&covered[ids[best]]));
        steps.push((best, added, (distinct.len() - left.len()) as u64));
    }
    let found: Vec<(usize, u64, u64)> =
        cover.steps.iter().map(|step| (step.feed, step.added, step.covered)).collect();
    assert_eq!(found, steps);
}

#[test]
fn churn_is_what_two_sets_do_not_share() {
    let mut changed = 0;
    for seed in 0..60 {
        let mut random = Random::new(1000 + seed);
        let (old, harness) = two_builds(&mut random);
        let new = harness.snapshot();
        let now = day(3).plus(random.below(6) as i64 * DAY);
        for list in [ListKind::Block, ListKind::Allow] {
            let churns = churn(&old, new, &options(now, list)).expect("sound snapshots");
            let set = |snapshot: &Snapshot, at: Time| -> BTreeMap<String, BTreeSet<String>> {
                let ids =
                    |entries: Vec<Statement>| entries.into_iter().map(|entry| entry.indicator).collect();
                statements(snapshot, at, list).into_iter().map(|(id, entries)| (id, ids(entries))).collect()
            };
            let (before, after) = (set(&old, old.built_at()), set(new, now));
            let feeds = new.origin().feeds.iter().filter(|feed| feed.traits().list == list);
            for (feed, churn) in feeds.zip(&churns) {
                let (before, after) = (&before[&feed.id], &after[&feed.id]);
                let expected = [
                    before.len(),
                    after.len(),
                    after.difference(before).count(),
                    before.difference(after).count(),
                ];
                let found = [churn.before, churn.after, churn.added, churn.removed].map(|n| n as usize);
                assert_eq!(found, expected, "seed {seed}, feed {}", feed.id);
                changed += churn.added + churn.removed;
            }
        }
        let same = churn(new, new, &options(new.built_at(), ListKind::Block)).expect("sound snapshots");
        assert!(same.iter().all(|churn| churn.added + churn.removed == 0), "seed {seed}");
    }
    assert!(changed > 2000, "entries come and go: {changed}");
}

#[test]
fn hits_alone_are_those_of_no_other_feed() {
    let mut harness = Harness::new(&catalog());
    for (id, _, _) in FEEDS {
        harness.download(&format!("{id}.txt"), b"", day(0));
    }
    harness.download("a.txt", b"45.9.20.0/24\n", day(0));
    harness.download("b.txt", b"45.9.20.5\n", day(0));
    harness.download("tree.txt", b"evil.com\n", day(0));
    harness.download("u.txt", b"http://h.evil.com/x\nhttp://good.net/y\n", day(0));
    harness.download("vouch.txt", b"45.9.20.6\n", day(0));
    harness.build(day(0));
    let rows = [
        ("45.9.20.5", 3),
        ("45.9.20.6", 5),
        ("h.evil.com", 7),
        ("http://h.evil.com/x", 11),
        ("http://good.net/y", 13),
        ("unlisted.net", 17),
        ("no indicator", 19),
    ];
    let rows = || rows.map(|(indicator, hits)| LogRow { indicator, hits });
    let snapshot = harness.snapshot();
    let (found, unread) =
        log_hits(snapshot, &options(day(1), ListKind::Block), rows()).expect("a sound snapshot");
    let ids = snapshot.origin().feeds.iter().filter(|feed| feed.traits().list == ListKind::Block);
    let found: BTreeMap<&str, [u64; 4]> = ids
        .zip(found)
        .map(|(feed, hits)| {
            (feed.id.as_str(), [hits.indicators, hits.hits, hits.indicators_alone, hits.hits_alone])
        })
        .filter(|(_, numbers)| numbers[0] > 0)
        .collect();
    let expected = [("a", [2, 8, 1, 5]), ("b", [1, 3, 0, 0]), ("tree", [2, 18, 1, 7]), ("u", [2, 24, 1, 13])];
    assert_eq!((found, unread), (expected.into(), 1));
    let (allowed, _) =
        log_hits(snapshot, &options(day(1), ListKind::Allow), rows()).expect("a sound snapshot");
    assert_eq!((allowed.len(), allowed[0].hits_alone), (1, 5));
}

/// The address lists of the corpus, without the rules that leave addresses out of a build.
fn address_lists(folder: &std::path::Path) -> String {
    let lists = files(folder)
        .into_iter()
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let guard = "guard = { allow_bogons = true, allow_never_block = true, rejects_above = '100%' }";
    let feed = |file: String| {
        let id = file.trim_end_matches(".txt.gz").replace('_', "-");
        format!(
            "[[feed]]\nid = '{id}'\nprovider = '{id}.net'\nfile = '{file}'\nformat = 'plain-ip'\n{guard}\n"
        )
    };
    lists.filter(|file| file.starts_with("ip.")).map(feed).collect()
}

#[test]
fn large_lists_overlap_as_plain_sets_do() {
    let Some(corpus) = corpus("large_lists_overlap_as_plain_sets_do") else { return };
    let folder = corpus.join("feeds/scale");
    let catalog = Catalog::parse(&address_lists(&folder), "ip").expect("a valid catalogue");
    assert_eq!(catalog.feeds.len(), 16);
    let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time");
    let built = build(&BuildInput::new(&catalog, &folder, now, "test"), &NoObserver).expect("a build");
    let snapshot = Snapshot::from_bytes(built.image.to_bytes()).expect("a valid snapshot");
    let begin = Instant::now();
    let ledger = Ledger::of(&snapshot, &Options::new(now)).expect("a ledger");
    eprintln!("the ledger takes {:?}", begin.elapsed());
    let sets: Vec<HashSet<u32>> = ledger
        .feeds()
        .iter()
        .map(|figures| {
            let id = &snapshot.feed(figures.feed).expect("a feed").id;
            let feed = catalog.feeds.iter().find(|feed| feed.id == *id).expect("a feed");
            let text = String::from_utf8(read_text(&folder.join(&feed.file))).expect("text");
            text.lines().filter_map(|line| line.trim().parse::<Ipv4Addr>().ok()).map(u32::from).collect()
        })
        .collect();
    let rows: usize = sets.iter().map(HashSet::len).sum();
    let all: HashSet<u32> = sets.iter().flatten().copied().collect();
    assert_eq!((rows, all.len()), (1_246_433, 657_805));
    assert_eq!((ledger.indicators(), ledger.addresses()), (657_805, 657_805));
    for (at, (figures, set)) in ledger.feeds().iter().zip(&sets).enumerate() {
        assert_eq!((figures.entries, figures.addresses), (set.len() as u64, set.len() as u64));
        let others: HashSet<u32> = sets
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .flat_map(|(_, set)| set)
            .copied()
            .collect();
        let unique = set.difference(&others).count() as u64;
        assert_eq!((figures.unique, figures.addresses_unique), (unique, unique));
        for (other, other_set) in sets.iter().enumerate() {
            assert_eq!(ledger.overlap(at, other), set.intersection(other_set).count() as u64);
        }
    }
    let cover = ledger.cover(CoverShare::parse("95").expect("a share"));
    let chosen: HashSet<u32> = cover.steps.iter().flat_map(|step| &sets[step.feed]).copied().collect();
    assert_eq!(cover.covered, chosen.len() as u64);
    let without_last: HashSet<u32> =
        cover.steps.split_last().expect("some").1.iter().flat_map(|step| &sets[step.feed]).copied().collect();
    assert!(chosen.len() * 100 >= all.len() * 95 && without_last.len() * 100 < all.len() * 95);
}

/// A folder with a snapshot of two blocklists and an allowlist, and an older one.
fn command_dir() -> TestDir {
    let dir = TestDir::new();
    let feed = |id: &str, more: &str| {
        format!(
            "[[feed]]\nid = '{id}'\nprovider = '{id}.net'\nfile = '{id}.txt'\nformat = 'plain-ip'\n{more}\n"
        )
    };
    dir.write("c.toml", feed("one", "") + &feed("two", "") + &feed("vouch", "list = 'allow'"));
    for (out, fetched, one) in [
        ("old.rap", "2026-11-20T03:00:00Z", "45.9.20.5\n45.9.20.9\n"),
        ("ours.rap", "2026-11-21T04:00:00Z", "45.9.20.5\n45.9.20.6\n45.9.20.7\n"),
    ] {
        for (name, text) in [("one", one), ("two", "45.9.20.4/30\n"), ("vouch", "45.9.30.1\n")] {
            dir.write(&format!("d/{name}.txt"), text);
            dir.write(&format!("d/{name}.txt.meta.json"), format!("{{\"fetched_at\": \"{fetched}\"}}"));
        }
        let args =
            ["build", "--catalog", "c.toml", "--downloads", "d", "--previous", "none", "--now", fetched];
        let output = dir.run(&[args.as_slice(), &["--out", out]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
    }
    dir
}

const OURS: [&str; 3] = ["ledger", "--snapshot", "ours.rap"];

#[test]
fn the_command_prints_text_json_and_csv() {
    let dir = command_dir();
    dir.write("a.log", "45.9.20.5\n45.9.20.4 45.9.20.5\n");
    let summary = dir.run(&["score", "--snapshot", "ours.rap", "--summary=json", "a.log"]);
    dir.write("a.json", &summary.stdout);
    let more = ["--previous", "old.rap", "--log", "a.json", "--log", "a.json"];
    let run = |output: &str| dir.run(&[&OURS, more.as_slice(), &["-o", output]].concat());
    let text = run("text");
    assert_eq!(code(&text), 0, "{text:?}");
    assert!(stdout(&text).lines().all(|line| line.chars().count() <= 80), "{}", stdout(&text));
    let row = |id: &str| -> Vec<&str> {
        stdout(&text).lines().find(|line| line.starts_with(id)).expect(id).split_whitespace().collect()
    };
    assert_eq!(
        row("one"),
        ["one", "3", "0", "0%", "20h", "60%", "4", "0", "100%", "two"],
        "{}",
        stdout(&text)
    );
    assert_eq!(row("two"), ["two", "1", "1", "100%", "20h", "0%", "6", "2", "-"]);
    assert!(stderr(&text).contains("1 feed of list allow left out; --list allow compares those"), "{text:?}");
    let json: Value = serde_json::from_slice(&run("json").stdout).expect("JSON");
    assert_eq!(json["feeds"][1]["churn"]["added"], 2);
    assert_eq!(json["feeds"][1]["churn"]["removed"], 1);
    assert_eq!(json["feeds"][0]["logs"]["hits_alone"], 2);
    assert_eq!(json["feeds"][0]["ipv4_addresses_unique"], 1);
    assert_eq!(json["overlaps"].as_array().expect("pairs").len(), 1);
    assert_eq!(json["overlaps"][0]["share"], 1.0);
    assert_eq!(
        (&json["cover"]["method"], &json["cover"]["feeds"][0]["feed"]),
        (&"greedy".into(), &"two".into())
    );
    let csv = run("csv");
    let rows: Vec<Vec<&str>> = stdout(&csv).lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][16..], ["cover_step", "in two", "in one"]);
    assert_eq!(rows[2][..5], ["one", "one.net", "3", "0", "0"]);
    assert_eq!(rows[2][16..], ["", "3", "3"]);
}

#[test]
fn the_command_chooses_feeds_and_lists() {
    let dir = command_dir();
    let feeds = |args: &[&str]| -> Vec<String> {
        let output = dir.run(&[&OURS, args, &["-o", "json"]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        json["feeds"]
            .as_array()
            .expect("feeds")
            .iter()
            .map(|feed| feed["feed"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(feeds(&["--feed", "o*"]), ["one"]);
    assert_eq!(feeds(&["--list", "allow"]), ["vouch"]);
    assert_eq!(feeds(&["--feed", "list:allow"]), ["vouch"]);
    assert_eq!(feeds(&["--feed", "vouch", "--list", "block"]), Vec::<String>::new());
    assert_eq!(
        feeds(&["--now", "2030-01-01T00:00:00Z"]),
        ["one", "two"],
        "feeds without live entries are shown"
    );
    let refused = |args: &[&str]| {
        let output = dir.run(&[&OURS, args].concat());
        (code(&output), stderr(&output))
    };
    let (exit, message) = refused(&["--feed", "onee"]);
    assert!(exit == 2 && message.contains("no such feed: `onee`; known: one"), "{message}");
    let (exit, message) = refused(&["--cover", "101"]);
    assert!(exit == 2 && message.contains("from 0 to 100"), "{message}");
    let (exit, message) = refused(&["--svg", "ours.rap"]);
    assert!(exit == 2 && message.contains("it is a snapshot"), "{message}");
    let (exit, message) = refused(&["--log", "c.toml"]);
    assert!(exit == 4 && message.contains("not a summary"), "{message}");
    let output = dir.run(&["ledger", "--snapshot", "old.rap", "--previous", "ours.rap"]);
    assert!(code(&output) == 2 && stderr(&output).contains("swap them"), "{output:?}");
    let (exit, text) = (0, dir.run(&[&OURS, ["--feed", "vouch", "--list", "block"].as_slice()].concat()));
    assert_eq!((exit, stdout(&text)), (code(&text), "no feed of list block to compare\n"));
}

/// A snapshot of feeds that list the same address, with ids that no catalogue takes.
fn hostile_snapshot(ids: &[&str]) -> Vec<u8> {
    let mut harness = Harness::new(&catalog());
    for (id, ..) in FEEDS {
        harness.download(&format!("{id}.txt"), b"", day(0));
    }
    for id in ["a", "b", "c"] {
        harness.download(&format!("{id}.txt"), b"45.9.20.5\n", day(0));
    }
    harness.build(day(0));
    let snapshot = harness.snapshot();
    let mut origin = snapshot.origin().clone();
    origin.feeds.iter_mut().zip(ids).for_each(|(feed, id)| feed.id = (*id).to_owned());
    let bytes = origin.encode().expect("a short section");
    let mut all = sections(snapshot);
    all.retain(|section| section.section != Section::Origin);
    all.push(SectionBytes::new(Section::Origin, origin.feeds.len(), bytes));
    put_together(snapshot, all)
}

#[test]
fn ids_break_out_of_no_output() {
    let dir = TestDir::new();
    let ids = [
        "=cmd|'/C calc'!A1,\"x\"\n\"",
        "a</title></text><script>alert(1)</script>&amp;]]>\0\u{1b}[31m\u{202e}",
        "in two",
    ];
    dir.write("hostile.rap", hostile_snapshot(&ids));
    let now = day(0).to_string();
    let run = |more: &[&str]| {
        let args = [&["ledger", "--snapshot", "hostile.rap", "--now", &now], more].concat();
        let output = dir.run(&args);
        assert_eq!(code(&output), 0, "{output:?}");
        output.stdout
    };
    let csv = run(&["-o", "csv", "--spreadsheet", "--svg", "x.svg"]);
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let width = reader.headers().expect("a header").len();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a sound row")).collect();
    assert_eq!((rows.len(), width), (8, 9 + 8));
    assert!(rows.iter().any(|row| row[0].starts_with("'=cmd|")), "{rows:?}");
    assert!(rows.iter().flatten().all(|cell| !cell.starts_with('=') && !cell.contains(char::is_control)));
    let svg = dir.read("x.svg");
    assert_eq!(svg.matches('<').count(), svg.matches('>').count(), "{svg}");
    assert!(svg.contains("&#60;script&#62;") && !svg.contains("<script") && !svg.contains("]]>"), "{svg}");
    assert!(svg.chars().all(|letter| letter == '\n' || !letter.is_control()) && !svg.contains('\u{202e}'));
    let text = String::from_utf8(run(&["--cover", "100"])).expect("text");
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text}");
    let json: Value = serde_json::from_slice(&run(&["-o", "json"])).expect("JSON");
    let mut found: Vec<&str> =
        json["feeds"].as_array().expect("feeds").iter().filter_map(|feed| feed["feed"].as_str()).collect();
    found.retain(|id| ids.contains(id));
    assert_eq!(found.len(), 3, "JSON has each id as it is: {json}");
}

#[test]
fn an_empty_snapshot_and_a_single_feed_have_a_ledger() {
    let dir = TestDir::new();
    let empty = Image::new(day(0), Vec::new()).to_bytes();
    dir.write("empty.rap", empty);
    for output in ["text", "json", "csv"] {
        let run = dir.run(&["ledger", "--snapshot", "empty.rap", "-o", output, "--svg", "x.svg"]);
        assert_eq!(code(&run), 0, "{run:?}");
        assert!(dir.read("x.svg").ends_with("</svg>\n"));
    }
    let mut harness = Harness::new("[[feed]]\nid = 'a'\nprovider = 'a.net'\nformat = 'plain-ip'\n");
    harness.download("a.txt", b"45.9.20.0/24\n45.9.20.5\n45.9.20.6\n", day(0));
    harness.build(day(0));
    let ledger = Ledger::of(harness.snapshot(), &Options::new(day(0))).expect("a ledger");
    let figures = ledger.feeds()[0];
    assert_eq!(
        (figures.entries, figures.unique, figures.addresses, figures.addresses_unique),
        (3, 3, 256, 256)
    );
    assert_eq!((ledger.overlap(0, 0), ledger.overlap(0, 1), ledger.overlap(1, 0)), (3, 0, 0));
    let cover = ledger.cover(CoverShare::parse("100").expect("a share"));
    assert_eq!((cover.steps.len(), cover.covered), (1, 3));
}

#[test]
fn too_many_feeds_are_refused() {
    let mut harness = Harness::new("[[feed]]\nid = 'a'\nprovider = 'a.net'\nformat = 'plain-ip'\n");
    harness.download("a.txt", b"45.9.20.5\n", day(0));
    harness.build(day(0));
    let snapshot = harness.snapshot();
    let mut origin = snapshot.origin().clone();
    let feed = origin.feeds[0].clone();
    origin.feeds.resize(FEEDS_MAX + 1, feed);
    origin.feeds.iter_mut().enumerate().for_each(|(at, feed)| feed.id = format!("f{at}"));
    let mut all = sections(snapshot);
    all.retain(|section| section.section != Section::Origin);
    all.push(SectionBytes::new(
        Section::Origin,
        origin.feeds.len(),
        origin.encode().expect("a short section"),
    ));
    let many = Snapshot::from_bytes(put_together(snapshot, all)).expect("a valid snapshot");
    let refused = Ledger::of(&many, &Options::new(day(0))).err().expect("too many");
    assert!(refused.to_string().starts_with("1025 feeds are chosen, expected at most 1024"), "{refused}");
    let mut options = Options::new(day(0));
    options.feeds = Some((0..=FEEDS_MAX).map(|at| at < FEEDS_MAX).collect());
    assert_eq!(Ledger::of(&many, &options).expect("a ledger").feeds().len(), FEEDS_MAX);
}
