//! `build --against`: what a build newly flags in logs, against look-ups in the snapshots before and after
//! it.

use crate::support::{Harness, Random, day};
use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use rapsheet_ingest::build::{Accept, BuildInput, BuildOutput, LogIndicators, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ingest::report::NewHits;
use rapsheet_query::Searcher;
use rapsheet_snapshot::{FeedState, Snapshot, Status, Time};
use serde_json::Value;
use std::collections::BTreeMap;

const CATALOG: &str = "
[[feed]]
id = 'addresses'
provider = 'one.net'
file = 'addresses.txt'
format = 'plain-ip'
[[feed]]
id = 'names'
provider = 'two.net'
file = 'names.txt'
format = 'domain-wildcard'
options = { wildcard = 'strict' }
mode = 'accumulated'
retention = '4d'
[[feed]]
id = 'urls'
provider = 'two.net'
file = 'urls.txt'
format = 'url-list'
[[feed]]
id = 'vouch'
provider = 'three.net'
file = 'vouch.txt'
format = 'plain-ip'
list = 'allow'
";

/// Builds as the harness does, and compares the build with logs.
fn build_against(harness: &Harness, now: Time, logs: &LogIndicators, limit: Option<u64>) -> BuildOutput {
    let catalog = Catalog::parse(&harness.catalog, "catalog.toml").expect("a valid catalogue");
    let mut input = BuildInput::new(&catalog, harness.folder.path(), now, "rapsheet test");
    input.previous = harness.previous.as_ref();
    input.state = harness.state.as_deref();
    input.accept = &harness.accept;
    (input.against, input.max_new_hits) = (Some(logs), limit);
    build(&input, &NoObserver).expect("a build")
}

fn lists(random: &mut Random) -> [(&'static str, String); 4] {
    let mut lines = |line: &dyn Fn(u64, &mut Random) -> String| -> String {
        (0..1 + random.below(12))
            .map(|_| {
                let number = random.below(24);
                line(number, random)
            })
            .collect()
    };
    [
        (
            "addresses",
            lines(&|n, random| match random.below(3) {
                0 => format!("45.9.20.{n}\n"),
                1 => format!("45.9.20.{}/30\n", n & !3),
                _ => format!("2a06:e480::{n:x}\n"),
            }),
        ),
        (
            "names",
            lines(&|n, random| format!("{}evil-{}.com\n", random.pick(&["*.", ".", "=", "=h."]), n % 8)),
        ),
        ("urls", lines(&|n, random| format!("{}//evil-{n}.com/gate.php\n", random.pick(&["http:", ""])))),
        ("vouch", lines(&|n, _| format!("45.9.20.{n}\n"))),
    ]
}

/// Everything that the lists may hold, and more.
fn seen() -> Vec<(String, u64)> {
    let of_number = |n: u64| {
        [
            format!("45.9.20.{n}"),
            format!("2a06:e480::{n:x}"),
            format!("evil-{n}.com"),
            format!("h.evil-{n}.com"),
            format!("http://evil-{n}.com/gate.php"),
            format!("https://evil-{n}.com/gate.php"),
            format!("http://45.9.20.{n}/"),
        ]
    };
    (0..26).flat_map(of_number).zip(1..).collect()
}

/// What look-ups say: for each feed the indicators that it newly blocks.
fn expected(before: Option<&Snapshot>, after: &Snapshot, now: Time) -> BTreeMap<String, Vec<(u64, String)>> {
    let mut all: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for (indicator, hits) in seen() {
        let verdict = |snapshot| Searcher::new(snapshot, now).lookup(&indicator).expect("an indicator");
        if before.is_some_and(|before| verdict(before).status == Status::Blocked) {
            continue;
        }
        let mut feeds: Vec<String> = verdict(after)
            .sources
            .iter()
            .filter(|source| source.status == Status::Blocked)
            .map(|source| after.feed(source.feed).expect("a feed").id.clone())
            .collect();
        feeds.dedup();
        feeds.into_iter().for_each(|feed| all.entry(feed).or_default().push((hits, indicator.clone())));
    }
    all
}

#[test]
fn what_is_newly_flagged_is_what_look_ups_say() {
    let (mut found, logs) = (0, LogIndicators::new(seen()));
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut harness = Harness::new(CATALOG);
        for days in [0, 2, 5, 7] {
            for (id, list) in lists(&mut random) {
                harness.download(&format!("{id}.txt"), list.as_bytes(), day(days));
            }
            let built = build_against(&harness, day(days), &logs, None);
            let bytes = built.image.to_bytes();
            assert!(bytes == harness.build_only(day(days)).image.to_bytes(), "the snapshot is the same");
            let after = Snapshot::from_bytes(bytes).expect("a valid snapshot");
            let expected = expected(harness.previous.as_ref(), &after, day(days));
            for feed in &built.report.feeds {
                let mut rows = expected.get(&feed.id).cloned().unwrap_or_default();
                rows.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
                let new = feed.new_hits.as_ref().expect("every feed was compared");
                let hits = rows.iter().map(|(hits, _)| hits).sum::<u64>();
                assert_eq!((new.indicators, new.hits), (rows.len() as u64, hits), "seed {seed}, {}", feed.id);
                let examples: Vec<(u64, String)> =
                    new.examples.iter().map(|example| (example.hits, example.indicator.clone())).collect();
                assert_eq!(examples, rows[..rows.len().min(5)], "seed {seed}, {}", feed.id);
                found += new.indicators;
            }
            let all = built.report.against.expect("it was compared");
            let mut rows: Vec<_> = expected.into_values().flatten().collect();
            rows.sort();
            rows.dedup();
            assert_eq!((all.newly_flagged, all.indicators), (rows.len() as u64, seen().len() as u64));
            assert_eq!(all.new_hits, rows.iter().map(|(hits, _)| hits).sum::<u64>());
            harness.keep(&built);
        }
    }
    assert!(found > 1000, "builds flag something: {found}");
}

#[test]
fn old_rows_of_an_accumulated_list_are_not_new() {
    let mut harness = Harness::new(CATALOG);
    let logs = LogIndicators::new([("evil-1.com", 5), ("evil-2.com", 7)]);
    let new = |built: &BuildOutput| -> NewHits {
        built
            .report
            .feeds
            .iter()
            .find(|feed| feed.id == "names")
            .and_then(|feed| feed.new_hits.clone())
            .unwrap()
    };
    harness.download("names.txt", b"evil-1.com\n", day(0));
    let built = build_against(&harness, day(0), &logs, None);
    assert_eq!(new(&built).hits, 5);
    harness.keep(&built);
    harness.download("names.txt", b"evil-1.com\nevil-2.com\n", day(6));
    let built = build_against(&harness, day(6), &logs, None);
    assert_eq!((new(&built).indicators, new(&built).hits), (1, 7), "the first has expired, and stays so");
}

#[test]
fn a_feed_that_flags_more_than_its_limit_is_held() {
    let guards = |limit: &str| CATALOG.replace("id = 'addresses'\n", &format!("id = 'addresses'\n{limit}"));
    let logs =
        LogIndicators::new([("45.9.20.1", 10), ("45.9.20.2", 3), ("45.9.20.3", 1), ("evil-1.com", 100)]);
    let mut harness = Harness::new(CATALOG);
    harness.download("addresses.txt", b"45.9.20.1\n", day(0));
    harness.download("names.txt", b"evil-0.com\n", day(0));
    harness.build(day(0));
    harness.download("addresses.txt", b"45.9.20.1\n45.9.20.2\n45.9.20.3\n", day(1));
    harness.download("names.txt", b"evil-1.com\n", day(1));
    let rows = [
        ("guard = { max_new_hits = 4 }\n", None, [FeedState::Ok, FeedState::Ok]),
        ("guard = { max_new_hits = 3 }\n", None, [FeedState::Held, FeedState::Ok]),
        ("guard = { max_new_hits = 3 }\n", Some(100), [FeedState::Held, FeedState::Ok]),
        ("guard = { max_new_hits = 4 }\n", Some(0), [FeedState::Ok, FeedState::Held]),
        ("", Some(3), [FeedState::Held, FeedState::Held]),
        ("", None, [FeedState::Ok, FeedState::Ok]),
    ];
    for (guard, limit, states) in rows {
        harness.catalog = guards(guard);
        let built = build_against(&harness, day(1), &logs, limit);
        let feed = |id: &str| built.report.feeds.iter().find(|feed| feed.id == id).expect("a feed");
        assert_eq!([feed("addresses").state, feed("names").state], states, "{guard}{limit:?}");
        let new = feed("addresses").new_hits.as_ref().expect("it was compared");
        assert_eq!((new.indicators, new.hits), (2, 4), "also of a held download");
        let after = Snapshot::from_bytes(built.image.to_bytes()).expect("a valid snapshot");
        let status = |text: &str| Searcher::new(&after, day(1)).lookup(text).expect("an indicator").status;
        assert_eq!(status("45.9.20.1"), Status::Blocked, "the last good entries stay");
        let is_held = states[0] == FeedState::Held;
        assert_eq!(status("45.9.20.2") == Status::Blocked, !is_held);
        if is_held {
            let (reason, text) = (&feed("addresses").reason, &feed("addresses").reason_text);
            assert_eq!(reason, "new-hits");
            assert!(
                text.starts_with("it newly flags 2 indicators of your logs with 4 hits, more than 3; to "),
                "{text}"
            );
            assert!(text.ends_with("set `max_new_hits = 4` under its [feed.guard]"), "{text}");
        }
    }
    let held = build_against(&harness, day(1), &logs, Some(3));
    let digest = held.report.feeds[0].digest.clone().expect("a digest");
    harness.accept = vec![Accept::parse(&format!("addresses={digest}")).expect("a digest")];
    let accepted = build_against(&harness, day(1), &logs, Some(3));
    assert_eq!(accepted.report.feeds[0].state, FeedState::Ok, "an operator may accept it");
}

fn command_dir() -> TestDir {
    let dir = TestDir::new();
    dir.write("c.toml", CATALOG);
    dir.write("d/addresses.txt", "45.9.20.1\n");
    let build = ["build", "--catalog", "c.toml", "--downloads", "d", "--out", "ours.rap"];
    assert_eq!(code(&dir.run(&build)), 0);
    dir.write("a.log", "45.9.20.1 45.9.20.2\n45.9.20.2 http://evil-1.com/gate.php 45.9.20.77\n");
    let summary = |more: &[&str]| {
        dir.run(&[&["score", "--snapshot", "ours.rap", "--summary=json", "a.log"], more].concat())
    };
    dir.write("all.json", summary(&["--all"]).stdout);
    dir.write("listed.json", summary(&[]).stdout);
    dir.write("d/addresses.txt", "45.9.20.1\n45.9.20.2\n");
    dir.write("d/urls.txt", "http://evil-1.com/gate.php\n");
    dir
}

const BUILD: [&str; 9] =
    ["build", "--catalog", "c.toml", "--downloads", "d", "--out", "ours.rap", "--report", "report.json"];

#[test]
fn the_command_says_what_would_be_flagged() {
    let dir = command_dir();
    let before = std::fs::read(dir.path("ours.rap")).expect("a snapshot");
    let checked = dir.run(&[&BUILD, ["--check", "--against", "all.json", "all.json"].as_slice()].concat());
    let text = stderr(&checked);
    assert_eq!(code(&checked), 0, "{text}");
    for line in [
        "addresses: newly flags 1 indicator of your logs, 4 hits: 45.9.20.2 (4)",
        "urls: newly flags 1 indicator of your logs, 2 hits: http://evil-1.com/gate.php (2)",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains(" of your logs, 1 is blocked before, 2 are newly flagged, 6 hits"), "{text}");
    let report: Value = serde_json::from_str(&dir.read("report.json")).expect("JSON");
    assert_eq!(report["against"]["newly_flagged"], 2);
    let of = |id: &str| report["feeds"].as_array().unwrap().iter().find(|feed| feed["id"] == id).unwrap();
    assert_eq!(of("addresses")["new_hits"]["examples"][0]["indicator"], "45.9.20.2");
    assert!(std::fs::read(dir.path("ours.rap")).expect("a snapshot") == before, "nothing was published");

    let held = dir.run(&[&BUILD, ["--against", "all.json", "--max-new-hits", "1"].as_slice()].concat());
    assert_eq!(code(&held), 3, "{held:?}");
    assert!(stderr(&held).contains("addresses: held (new-hits): addresses.txt: it newly flags"), "{held:?}");
    let lookup =
        dir.run(&["lookup", "--snapshot", "ours.rap", "-o", "jsonl", "45.9.20.2", "evil-1.com/gate.php"]);
    let statuses: Vec<Value> = json_lines(&lookup).iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses[0], 3, "a held feed cannot say: {}", stdout(&lookup));

    let plain = dir.run(&BUILD);
    assert_eq!(code(&plain), 0, "{plain:?}");
    let report = dir.read("report.json");
    assert!(!report.contains("new_hits") && !report.contains("against"), "without logs nothing is different");
}

#[test]
fn the_command_says_what_it_cannot_compare() {
    let dir = command_dir();
    let run = |more: &[&str]| {
        let output = dir.run(&[&BUILD, ["--check"].as_slice(), more].concat());
        (code(&output), stderr(&output))
    };
    let (exit, text) = run(&["--against", "listed.json"]);
    assert!(exit == 0 && text.contains("write them with `rapsheet score --all --summary=json`"), "{text}");
    let (exit, text) = run(&["--max-new-hits", "3"]);
    assert!(exit == 2 && text.contains("--against"), "{text}");
    let (exit, text) = run(&["--against", "c.toml"]);
    assert!(exit == 4 && text.contains("not a summary"), "{text}");
    let (exit, text) = run(&["--against", "report.json"]);
    assert!(exit == 2 && text.contains("belongs to --against already"), "{text}");
    dir.write("c.toml", format!("{CATALOG}\n[guard]\nmax_new_hits = -1\n"));
    let (exit, text) = run(&["--against", "all.json"]);
    assert!(exit == 2 && text.contains("max_new_hits: expected a number that is not negative"), "{text}");
    dir.write(
        "c.toml",
        "[include]\nfiles = ['base.toml']\n[[override]]\nid = 'urls'\nguard = { max_new_hits = 0 }\n",
    );
    dir.write("base.toml", CATALOG);
    let (exit, text) = run(&["--against", "all.json"]);
    assert!(exit == 3 && text.contains("urls: held (new-hits)"), "{text}");
}
