//! `diff` against the plain difference of everything that two snapshots hold.

use crate::place::{Place, code, lines_of_json, stdout};
use crate::support::{House, Random, contents, day};
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

fn put(house: &House, lists: &[String; 3], night: i64) {
    for (file, text) in ["addresses.txt", "names.txt", "urls.txt"].iter().zip(lists) {
        house.download(file, text.as_bytes(), day(night));
    }
}

#[test]
fn every_change_is_told_and_nothing_else() {
    let mut counts = [0; 3];
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut house = House::new(CATALOG);
        put(&house, &lists(&mut random), 0);
        house.night(day(0));
        let before = contents(house.snapshot());
        let old = copy_of(&house);
        put(&house, &lists(&mut random), 1);
        house.night(day(1));
        let after = contents(house.snapshot());
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
        let same = diff(&old, house.snapshot(), |changed| {
            let is_name = changed.feed == "names";
            let key =
                if is_name { format!("tree:{}", changed.indicator) } else { changed.indicator.to_owned() };
            let twice = found.insert((changed.feed.to_owned(), key), changed.kind);
            assert_eq!(twice, None, "seed {seed}: a change is told once");
            counts[changed.kind as usize] += 1;
        });
        assert_eq!(found, expected, "seed {seed}");
        let kept = before.len() - expected.values().filter(|change| **change != ChangeKind::Listed).count();
        assert_eq!(same, kept as u64, "seed {seed}");
    }
    assert!(counts.iter().all(|count| *count > 500), "every kind of change is met: {counts:?}");
}

/// The first night once more.
fn copy_of(house: &House) -> rapsheet_snapshot::Snapshot {
    let built = house.try_night(day(0));
    rapsheet_snapshot::Snapshot::from_bytes(built.image.to_bytes()).expect("a sound snapshot")
}

#[test]
fn the_command_counts_and_lists() {
    let place = Place::new();
    place.write("catalog.toml", CATALOG);
    let build = |out: &str, fetched: &str, addresses: &str, names: &str| {
        for (name, text) in [("addresses", addresses), ("names", names), ("urls", "http://panel.net/a\n")] {
            place.write(&format!("d/{name}.txt"), text);
            place.write(&format!("d/{name}.txt.meta.json"), format!("{{\"fetched_at\": \"{fetched}\"}}"));
        }
        let args = ["build", "--catalog", "catalog.toml", "--downloads", "d", "--out", out];
        let output = place.run(&[args.as_slice(), &["--previous", "none"]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
    };
    build("old.rap", "2026-11-20T03:00:00Z", "45.9.20.5\n45.9.21.0/24\n", "evilpanel.com\n");
    build("new.rap", "2026-11-21T03:00:00Z", "45.9.20.5\n45.9.22.0/24\n", "evilpanel.com\nevilpanel.net\n");
    let table = place.run(&["diff", "old.rap", "new.rap"]);
    let rows: Vec<Vec<&str>> = stdout(&table).lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["feed", "listed", "delisted", "redated"]);
    assert_eq!(rows[1], ["addresses", "1", "1", "1"]);
    assert_eq!(rows.last().expect("a total"), &["total", "2", "1", "3"]);
    let args =
        ["diff", "--format", "jsonl", "--change", "delisted", "--change", "listed", "old.rap", "new.rap"];
    let changes: Vec<String> = lines_of_json(&place.run(&args))
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
    let row = &lines_of_json(&place.run(&args))[0];
    assert_eq!((&row["change"], &row["list"]), (&json!("redated"), &json!("block")));
    assert_eq!(row["before"]["detect_time"], json!("2026-11-20T03:00:00Z"));
    assert_eq!(row["after"]["expires"], json!("2026-12-06T03:00:00Z"));
    assert_eq!(code(&place.run(&["diff", "old.rap", "missing.rap"])), 4);
}
