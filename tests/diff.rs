//! `diff` against the difference of all sightings of two snapshots.

use crate::support::{Harness, Random, contents, day};
use crate::test_dir::{TestDir, code, json_lines, stdout};
use rapsheet_query::{ChangeKind, diff};
use serde_json::json;
use std::collections::BTreeMap;

const CATALOG: &str = r#"
[[feed]]
id = "addresses"
provider = "one.example"
file = "addresses.txt"
format = "plain-ip"
keep_absent = true
[[feed]]
id = "names"
provider = "two.example"
file = "names.txt"
format = "plain-domain"
mode = "accumulated"
scope = "tree"
[[feed]]
id = "urls"
provider = "two.example"
file = "urls.txt"
format = "url-list"
"#;

fn lists(random: &mut Random) -> [String; 3] {
    let mut lines = |line: &dyn Fn(u64, &mut Random) -> String| -> String {
        (0..60)
            .map(|_| {
                let number = random.below(40);
                line(number, random)
            })
            .collect()
    };
    [
        lines(&|n, random| match random.below(3) {
            0 => format!("45.9.20.{n}\n"),
            1 => format!("45.9.{n}.0/24\n"),
            _ => format!("45.9.20.{n}-45.9.21.{n}\n2a06:e480::{n:x}\n"),
        }),
        lines(&|n, _| format!("h{}.evil-{n}.com\nevil-{n}.com\n", n % 3)),
        lines(&|n, _| format!("http://evil-{n}.com/gate.php\n")),
    ]
}

fn write_downloads(harness: &Harness, lists: &[String; 3], days: i64) {
    for (file, text) in ["addresses.txt", "names.txt", "urls.txt"].iter().zip(lists) {
        harness.download(file, text.as_bytes(), day(days));
    }
}

#[test]
fn diff_reports_every_change_once() {
    let mut counts = [0; 3];
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut harness = Harness::new(CATALOG);
        write_downloads(&harness, &lists(&mut random), 0);
        harness.build(day(0));
        let before = contents(harness.snapshot());
        let old = first_snapshot(&harness);
        write_downloads(&harness, &lists(&mut random), 1);
        harness.build(day(1));
        let after = contents(harness.snapshot());
        let mut expected: BTreeMap<(String, String), ChangeKind> = BTreeMap::new();
        for (key, times) in &before {
            match after.get(key) {
                None => drop(expected.insert(key.clone(), ChangeKind::Delisted)),
                Some(later) if later != times => drop(expected.insert(key.clone(), ChangeKind::Redated)),
                Some(_) => {}
            }
        }
        after.keys().filter(|key| !before.contains_key(*key)).for_each(|key| {
            expected.insert(key.clone(), ChangeKind::Listed);
        });
        let mut found = BTreeMap::new();
        let same = diff(&old, harness.snapshot(), |changed| {
            let is_name = changed.feed == "names";
            let key =
                if is_name { format!("tree:{}", changed.indicator) } else { changed.indicator.to_owned() };
            let earlier = found.insert((changed.feed.to_owned(), key), changed.kind);
            assert_eq!(earlier, None, "seed {seed}: a change is reported once");
            counts[changed.kind as usize] += 1;
        })
        .expect("sound snapshots");
        assert_eq!(found, expected, "seed {seed}");
        let kept = before.len() - expected.values().filter(|change| **change != ChangeKind::Listed).count();
        assert_eq!(same, kept as u64, "seed {seed}");
    }
    assert!(counts.iter().all(|count| *count > 500), "every kind of change occurs: {counts:?}");
}

/// The first snapshot, built again.
fn first_snapshot(harness: &Harness) -> rapsheet_snapshot::Snapshot {
    let built = harness.build_only(day(0));
    rapsheet_snapshot::Snapshot::from_bytes(built.image.to_bytes()).expect("a valid snapshot")
}

#[test]
fn diff_command_prints_counts_and_rows() {
    let dir = TestDir::new();
    dir.write("catalog.toml", CATALOG);
    let build = |out: &str, fetched: &str, addresses: &str, names: &str| {
        for (name, text) in [("addresses", addresses), ("names", names), ("urls", "http://panel.net/a\n")] {
            dir.write(&format!("d/{name}.txt"), text);
            dir.write(&format!("d/{name}.txt.meta.json"), format!("{{\"fetched_at\": \"{fetched}\"}}"));
        }
        let args = ["build", "--catalog", "catalog.toml", "--downloads", "d", "--out", out];
        let output = dir.run(&[args.as_slice(), &["--previous", "none"]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
    };
    build("old.rap", "2026-11-20T03:00:00Z", "45.9.20.5\n45.9.21.0/24\n", "evilpanel.com\n");
    build("new.rap", "2026-11-21T03:00:00Z", "45.9.20.5\n45.9.22.0/24\n", "evilpanel.com\nevilpanel.net\n");
    let table = dir.run(&["diff", "old.rap", "new.rap"]);
    let rows: Vec<Vec<&str>> = stdout(&table).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["feed", "listed", "delisted", "redated"]);
    assert_eq!(rows[1], ["addresses", "1", "1", "1"]);
    assert_eq!(rows.last().expect("a total"), &["total", "2", "1", "3"]);
    let args =
        ["diff", "--format", "jsonl", "--change", "delisted", "--change", "listed", "old.rap", "new.rap"];
    let changes: Vec<String> = json_lines(&dir.run(&args))
        .iter()
        .map(|row| format!("{} {} {}", row["change"], row["indicator"], row["provider"]).replace('"', ""))
        .collect();
    assert_eq!(
        changes,
        [
            "delisted 45.9.21.0/24 one.example",
            "listed 45.9.22.0/24 one.example",
            "listed evilpanel.net two.example"
        ]
    );
    let args = ["diff", "--format", "jsonl", "--feed", "urls", "old.rap", "new.rap"];
    let row = &json_lines(&dir.run(&args))[0];
    assert_eq!((&row["change"], &row["list"]), (&json!("redated"), &json!("block")));
    assert_eq!(row["before"]["detect_time"], json!("2026-11-20T03:00:00Z"));
    assert_eq!(row["after"]["expires"], json!("2026-12-06T03:00:00Z"));
    assert_eq!(code(&dir.run(&["diff", "old.rap", "missing.rap"])), 4);
}
