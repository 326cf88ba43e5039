//! What an operator is told: builds without fresh downloads, feeds that are chosen, lists of one's own, and
//! catalogues with mistakes.

use crate::sample::NOW;
use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const BUILD: &[&str] = &[
    "build",
    "--catalog",
    "catalog.toml",
    "--downloads",
    "d",
    "--out",
    "out.rap",
    "--report",
    "report.json",
];

/// A feed of a catalogue: its id, and its other keys.
fn feed(id: &str, more: &str) -> String {
    format!("[[feed]]\nid = \"{id}\"\nprovider = \"{id}.example\"\nformat = \"plain-ip\"\n{more}\n")
}

/// Writes a download with its sidecar.
fn download(dir: &TestDir, id: &str, text: &str, sidecar: &str) {
    dir.write(&format!("d/{id}.txt"), text);
    dir.write(&format!("d/{id}.txt.meta.json"), sidecar);
}

const FRESH: &str = r#"{"fetched_at":"2026-11-21T03:00:00Z"}"#;

/// A folder with two feeds, `one` and `two`, that were downloaded the day before.
fn two_feeds() -> TestDir {
    let dir = TestDir::new();
    dir.write("catalog.toml", feed("one", "") + &feed("two", ""));
    download(&dir, "one", "45.9.20.1\n45.9.20.2\n", FRESH);
    download(&dir, "two", "45.9.30.1\n", FRESH);
    dir
}

fn report(dir: &TestDir) -> Value {
    serde_json::from_str(&dir.read("report.json")).expect("JSON")
}

fn feed_of(report: &Value, id: &str) -> Value {
    let feeds = report["feeds"].as_array().expect("feeds");
    feeds.iter().find(|feed| feed["id"] == json!(id)).cloned().unwrap_or_default()
}

/// What the snapshot `out.rap` answers for an indicator.
fn answer(dir: &TestDir, indicator: &str) -> Value {
    let output = dir.run(&["--snapshot", "out.rap", "lookup", "-o", "jsonl", indicator]);
    json_lines(&output).remove(0)
}

#[test]
fn a_stale_feed_is_named_first_and_makes_exit_3() {
    let dir = two_feeds();
    download(&dir, "two", "45.9.30.1\n", r#"{"fetched_at":"2026-11-15T03:00:00Z"}"#);
    let output = dir.run(&[BUILD, &["--metrics", "m.prom"]].concat());
    let log = stderr(&output);
    assert_eq!(code(&output), 3, "{log}");
    assert!(log.lines().nth(1).is_some_and(|line| line.starts_with("two   stale")), "{log}");
    let reason = "two: stale (old): two.txt: its download is 6d old, and max_age is 3d: was it fetched?";
    assert!(log.lines().any(|line| line == reason), "{log}");
    assert!(log.contains("out.rap: 1 of 2 feeds ok, 1 stale;"), "{log}");
    let report = report(&dir);
    assert_eq!((&report["trouble"], &report["counts"]["stale"]), (&json!(true), &json!(1)));
    let two = feed_of(&report, "two");
    assert_eq!((&two["state"], &two["stale"], &two["concern"]), (&json!("ok"), &json!(true), &json!("old")));
    let metrics = dir.read("m.prom");
    assert!(metrics.contains("\nrapsheet_feeds_stale 1\n"), "{metrics}");
    assert!(metrics.contains("feed_stale{feed=\"two\",provider=\"two.example\"} 1"), "{metrics}");
    assert!(metrics.contains("state=\"stale\",reason=\"old\"} 1"), "{metrics}");
}

#[test]
fn a_feed_with_nothing_live_is_named_first_and_makes_exit_3() {
    let dir = two_feeds();
    let rows: String = (0..200).map(|at| format!("45.9.30.{at}\n")).collect();
    download(&dir, "two", &format!("# Last updated: 2026-08-01T00:00:00Z\n{rows}"), FRESH);
    let output = dir.run(&[BUILD, &["--metrics", "m.prom"]].concat());
    let log = stderr(&output);
    assert_eq!(code(&output), 3, "{log}");
    assert!(log.lines().nth(1).is_some_and(|line| line.starts_with("two   nothing live")), "{log}");
    assert!(log.contains("two: nothing live (expired): two.txt: it lists 200 indicators"), "{log}");
    assert!(log.contains("made at 2026-08-01T00:00:00Z") && log.contains("1 with nothing live"), "{log}");
    let report = report(&dir);
    assert_eq!(report["counts"]["nothing_live"], json!(1));
    let two = feed_of(&report, "two");
    assert_eq!(
        (&two["nothing_live"], &two["accepted"], &two["expired"]),
        (&json!(true), &json!(0), &json!(200))
    );
    assert!(dir.read("m.prom").contains("\nrapsheet_feeds_nothing_live 1\n"));
}

#[test]
fn unchanged_content_is_stale_by_the_sidecar_and_by_earlier_builds() {
    let dir = two_feeds();
    let since =
        |changed: &str| format!(r#"{{"fetched_at":"2026-11-21T03:00:00Z","changed_at":"{changed}"}}"#);
    download(&dir, "two", "45.9.30.1\n", &since("2026-10-20T00:00:00Z"));
    assert_eq!(code(&dir.run(BUILD)), 0, "{}", stderr(&dir.run(BUILD)));
    download(&dir, "two", "45.9.30.1\n", &since("2026-09-20T00:00:00Z"));
    let output = dir.run(BUILD);
    let log = stderr(&output);
    assert_eq!(code(&output), 3, "{log}");
    assert!(
        log.contains("two: stale (unchanged): two.txt: its content is the same since 2026-09-20"),
        "{log}"
    );
    let unlisted = answer(&dir, "9.9.9.1");
    assert_eq!((&unlisted["status"], &unlisted["failed"]), (&json!(5), &json!(1)), "look-ups know, too");
    assert_eq!(answer(&dir, "45.9.30.1")["sources"][0]["stale"], json!(true));
    let rests = feed("one", "") + &feed("two", "max_unchanged = \"off\"");
    dir.write("catalog.toml", rests);
    assert_eq!(code(&dir.run(BUILD)), 0, "a list that rests by nature");
    let limit = feed("one", "") + &feed("two", "max_unchanged = \"200d\"");
    dir.write("catalog.toml", limit);
    assert_eq!(code(&dir.run(BUILD)), 0);
}

#[test]
fn words_of_table_report_and_foot_are_the_same() {
    let dir = two_feeds();
    let log = stderr(&dir.run(BUILD));
    let head: Vec<&str> = log.lines().next().expect("a head").split_whitespace().collect();
    let titles =
        ["feed", "state", "age", "lines", "accepted", "expired", "rejected", "added", "removed", "kept"];
    assert_eq!(head, titles);
    let report = report(&dir);
    for title in &titles[3..] {
        assert!(feed_of(&report, "one")[title].is_number(), "{title}");
        let explained = *title == "lines" || log.contains(&format!("{title}: "));
        assert!(explained, "{title} is in the foot\n{log}");
    }
    assert!(report["totals"]["ipv4_ranges"].is_number());
    for gone in ["lapsed", "carried", "_runs"] {
        assert!(!dir.read("report.json").contains(gone), "{gone}");
    }
}

#[test]
fn a_piped_table_is_whole() {
    let dir = TestDir::new();
    let id = "a-list-with-a-very-long-name-".repeat(5) + "x";
    let one = feed(&id, "").replace(&format!("{id}.example"), "one.example");
    dir.write("catalog.toml", one + &feed("two", ""));
    download(&dir, "two", "45.9.30.1\n", FRESH);
    download(&dir, &id, "<html><body>no list</body></html>", FRESH);
    let output = dir.run(BUILD);
    let log = stderr(&output);
    assert_eq!(code(&output), 3, "{log}");
    assert!(log.lines().nth(1).is_some_and(|line| line.starts_with(&id)) && !log.contains('…'), "{log}");
}

/// `script` runs a command on a terminal, whose width `stty` sets.
#[cfg(target_os = "linux")]
#[test]
fn the_table_fits_the_terminal() {
    let dir = two_feeds();
    let long = "a-feed-whose-name-is-quite-long-indeed";
    dir.write("catalog.toml", feed(long, "") + &feed("two", ""));
    download(&dir, long, "45.9.30.1\n", FRESH);
    for width in [40, 60, 80, 120] {
        let program = env!("CARGO_BIN_EXE_rapsheet");
        let build = format!(
            "stty cols {width} && {program} {} --progress never --now {NOW} --previous none",
            BUILD.join(" ")
        );
        let mut command = std::process::Command::new("script");
        let command = command.args(["-qec", &build, "/dev/null"]).current_dir(dir.folder.path());
        let Ok(output) = command.stdin(std::process::Stdio::null()).output() else {
            return eprintln!("skipped: the_table_fits_the_terminal needs `script`");
        };
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("feed")).collect();
        let foot = table.iter().position(|line| line.starts_with("age: ")).expect("a foot");
        assert!(table.iter().take(foot + 2).all(|line| line.chars().count() <= width), "{width}\n{text}");
        assert_eq!(text.contains("no room for"), width < 80, "{width}\n{text}");
        let names: String = table.iter().take(foot).filter_map(|line| line.split(' ').next()).collect();
        assert!(names.contains(long), "{width}: wrapped, not cut\n{text}");
    }
}

#[test]
fn feeds_that_were_never_downloaded_are_one_line_and_no_trouble() {
    let dir = two_feeds();
    let many: String = (0..40).map(|at| feed(&format!("other-{at}"), "")).collect();
    dir.write("catalog.toml", feed("one", "") + &feed("two", "") + &many);
    let output = dir.run(BUILD);
    let log = stderr(&output);
    assert_eq!(code(&output), 0, "{log}");
    let line = "40 feeds of the catalogue have no file in d: --feed chooses, `rapsheet feeds --catalog catalog.toml` \
                lists them";
    assert!(log.lines().any(|found| found == line), "{log}");
    assert_eq!(log.matches("other-").count(), 0, "{log}");
    let report = report(&dir);
    assert_eq!(feed_of(&report, "other-7")["never_downloaded"], json!(true));
    assert_eq!((&report["counts"]["not_downloaded"], &report["counts"]["ok"]), (&json!(40), &json!(2)));
    assert_eq!(answer(&dir, "9.9.9.1")["status"], json!(5), "those that are there have answered");
    fs::remove_file(dir.path("d/two.txt")).expect("an existing file");
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 3, "one that had data has failed: {}", stderr(&output));
    assert_eq!(feed_of(&self::report(&dir), "two")["reason"], json!("missing"));
}

#[test]
fn a_folder_without_any_download_is_trouble() {
    let dir = two_feeds();
    dir.write("empty/x", "");
    let output = dir.run(&["build", "--downloads", "empty", "--out", "new.rap"]);
    let log = stderr(&output);
    assert_eq!(code(&output), 3, "{log}");
    assert!(
        log.contains("no feed has a file in empty: name the folder of the downloads, or download them first"),
        "{log}"
    );
}

#[test]
fn a_build_of_chosen_feeds_leaves_the_others_as_they_were() {
    let dir = two_feeds();
    assert_eq!(code(&dir.run(BUILD)), 0);
    let before = answer(&dir, "45.9.30.1");
    download(&dir, "one", "45.9.20.7\n", FRESH);
    // The other feed would fail, is disabled, and would have another provider.
    download(&dir, "two", "<html>", FRESH);
    for more in ["", "enabled = false\n"] {
        dir.write("catalog.toml", feed("one", "") + &feed("two", more).replace("two.example", "new.example"));
        let output = dir.run(&[BUILD, &["--feed", "one"]].concat());
        let log = stderr(&output);
        assert_eq!(code(&output), 0, "{log}");
        assert!(log.contains("1 feed was not chosen, and is kept as it was"), "{log}");
        assert_eq!(answer(&dir, "45.9.30.1"), before);
        assert_eq!(
            (&answer(&dir, "45.9.20.7")["status"], &answer(&dir, "45.9.20.1")["status"]),
            (&json!(1), &json!(5))
        );
        let report = report(&dir);
        assert_eq!(report["feeds"].as_array().map(Vec::len), Some(1));
        assert_eq!((&report["counts"]["not_chosen"], &report["ended"]), (&json!(1), &json!([])));
    }
}

/// The state of an accumulated feed survives a build that does not read it.
#[test]
fn rows_of_a_feed_that_was_not_chosen_stay_known() {
    let dir = two_feeds();
    dir.write("catalog.toml", feed("one", "") + &feed("two", "mode = \"accumulated\""));
    assert_eq!(code(&dir.run(BUILD)), 0);
    let first = answer(&dir, "45.9.30.1")["sources"][0]["detect_time"].clone();
    assert_eq!(code(&dir.run(&[BUILD, &["--feed", "one"]].concat())), 0);
    download(&dir, "two", "45.9.30.1\n45.9.30.2\n", r#"{"fetched_at":"2026-11-21T09:00:00Z"}"#);
    assert_eq!(code(&dir.run(BUILD)), 0);
    assert_eq!(answer(&dir, "45.9.30.1")["sources"][0]["detect_time"], first, "an old row is not new again");
    assert_ne!(answer(&dir, "45.9.30.2")["sources"][0]["detect_time"], first);
}

#[test]
fn feeds_are_chosen_by_id_and_by_pattern() {
    let dir = two_feeds();
    dir.write(
        "catalog.toml",
        ["one", "two", "two-more"].map(|id| feed(id, "")).concat() + &feed("off", "enabled = false"),
    );
    let run = |patterns: &[&str]| {
        let flags: Vec<&str> = patterns.iter().flat_map(|pattern| ["--feed", *pattern]).collect();
        dir.run(&[BUILD, &["--previous", "none"], &flags].concat())
    };
    let ids = || {
        let report = report(&dir);
        let feeds = report["feeds"].as_array().expect("feeds").iter();
        let ids =
            feeds.filter(|feed| feed["never_downloaded"] == json!(false)).map(|feed| feed["id"].clone());
        ids.collect::<Vec<Value>>()
    };
    assert_eq!((code(&run(&["two*"])), ids()), (0, vec![json!("two")]), "a pattern may match absent feeds");
    assert_eq!((code(&run(&["?ne", "two"])), ids()), (0, vec![json!("one"), json!("two")]));
    let named = run(&["one", "two-more"]);
    assert_eq!(code(&named), 3, "{}", stderr(&named));
    assert!(
        stderr(&named).contains("two-more: --feed names it, and its file two-more.txt is not in d"),
        "{}",
        stderr(&named)
    );
    for (pattern, message) in [
        ("twoo", "no feed of the catalogue is called so; near it: two"),
        ("x*", "no feed of the catalogue is called so"),
        ("off", "disabled in the catalogue: off; set enabled = true"),
        ("tw[", "expected an id or a pattern"),
        ("", "expected an id or a pattern"),
        ("provider:one.exampel", "no feed of the catalogue has this provider; near it: one.example"),
        ("assessment:awful", "expected one of botnet, malware, phishing, "),
        ("list:grey", "expected block or allow, found `grey`"),
        ("colour:red", "there is no `colour:`"),
    ] {
        let output = run(&[pattern]);
        assert_eq!(code(&output), 2, "{pattern}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{pattern}: {}", stderr(&output));
    }
}

#[test]
fn feeds_are_chosen_by_provider_assessment_and_list() {
    let dir = two_feeds();
    let three = feed("three", "assessment = [\"tor\"]\nlist = \"block\"");
    let allow = feed("four", "list = \"allow\"").replace("four.example", "two.example");
    dir.write(
        "catalog.toml",
        feed("one", "assessment = [\"spam\", \"tor\"]") + &feed("two", "") + &three + &allow,
    );
    let rows: [(&[&str], &[&str]); 6] = [
        (&["provider:two.example"], &["two", "four"]),
        (&["provider:t*"], &["two", "three", "four"]),
        (&["assessment:tor"], &["one", "three"]),
        (&["list:allow"], &["four"]),
        (&["list:allow", "assessment:spam", "one"], &["one", "four"]),
        (&["list:block"], &["one", "two", "three"]),
    ];
    for (values, ids) in rows {
        let flags: Vec<&str> = values.iter().flat_map(|value| ["--feed", *value]).collect();
        let output = dir.run(&[BUILD, &["--previous", "none", "--check"], &flags].concat());
        let expected = if values == ["list:allow"] { 3 } else { 0 };
        assert_eq!(code(&output), expected, "{values:?}: {}", stderr(&output));
        let report = report(&dir);
        let feeds = report["feeds"].as_array().expect("feeds");
        let found: BTreeSet<&str> = feeds.iter().filter_map(|feed| feed["id"].as_str()).collect();
        assert_eq!(found, ids.iter().copied().collect(), "{values:?}");
    }
}

/// Every file of a folder and of those below it, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.to_string_lossy().into_owned(), fs::read(&path).expect("a file")));
        }
    }
    all.sort();
    all
}

#[test]
fn check_writes_nothing_and_exits_as_the_build_would() {
    let dir = two_feeds();
    let check = ["build", "--catalog", "catalog.toml", "--downloads", "d", "--out", "out.rap", "--check"];
    let before = files(dir.folder.path());
    let output = dir.run(&check);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("out.rap: 2 of 2 feeds ok")
            && stderr(&output).contains("nothing was written")
    );
    assert!(files(dir.folder.path()) == before, "no snapshot, state or lock");
    assert_eq!(code(&dir.run(BUILD)), 0);
    fs::remove_file(dir.path("d/two.txt")).expect("an existing file");
    let before = files(dir.folder.path());
    let output = dir.run(&check);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("two: failed (missing)"), "{}", stderr(&output));
    assert!(files(dir.folder.path()) == before);
    assert_eq!(code(&dir.run(&[check.as_slice(), &["--report", "check.json"]].concat())), 3);
    assert!(dir.read("check.json").contains("\"failed\": 1"), "the report that was asked for");
    assert_eq!(code(&dir.run(&[check.as_slice(), &["--metrics", "m"]].concat())), 2);
}

#[test]
fn a_list_of_ones_own_needs_no_catalogue() {
    let dir = TestDir::new();
    dir.write("My List.txt", "# ours\n45.9.20.1\nevilpanel.com\n");
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    let file = fs::File::options().write(true).open(dir.path("My List.txt")).expect("a file");
    file.set_modified(old).expect("a time");
    let output = dir.run(&["build", "--list", "My List.txt", "--out", "out.rap"]);
    assert_eq!(code(&output), 0, "however old it is: {}", stderr(&output));
    let found = answer(&dir, "45.9.20.1");
    assert_eq!((&found["status"], &found["sources"][0]["provider"]), (&json!(1), &json!("my-list")));
    assert_eq!(answer(&dir, "evilpanel.com")["status"], json!(1));
    for (list, message) in [("missing.txt", "No such file"), ("out.rap", "belongs to")] {
        let output = dir.run(&["build", "--list", list, "--out", "out.rap"]);
        assert_eq!(code(&output), 2, "{list}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{list}: {}", stderr(&output));
    }
    assert_eq!(code(&dir.run(&["build", "--out", "out.rap"])), 2, "neither downloads nor a list");
}

#[test]
fn a_list_is_read_with_a_catalogue_and_alone_leaves_its_feeds() {
    let dir = two_feeds();
    dir.write("own.txt", "45.9.40.1\n");
    let output = dir.run(&[BUILD, &["--list", "own.txt"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let all = ["45.9.20.1", "45.9.30.1", "45.9.40.1"];
    assert!(all.iter().all(|text| answer(&dir, text)["status"] == json!(1)));
    dir.write("own.txt", "45.9.40.1\n45.9.40.2\n");
    let output = dir.run(&["build", "--list", "own.txt", "--out", "out.rap"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(all.iter().chain(&["45.9.40.2"]).all(|text| answer(&dir, text)["status"] == json!(1)));
    dir.write("one.txt", "45.9.40.1\n");
    let output = dir.run(&[BUILD, &["--list", "one.txt"]].concat());
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("there is a feed called `one` already: rename the file"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_catalogue_includes_others_and_overrides_their_values() {
    let dir = two_feeds();
    dir.write(
        "base/base.toml",
        feed("one", "[feed.guard]\nshrunk_floor = 7") + &feed("two", "") + &feed("off", "enabled = false"),
    );
    dir.write(
        "catalog.toml",
        "[include]\nfiles = [\"base/base.toml\"]\n\
         [[override]]\nid = \"t*\"\nenabled = false\n\
         [[override]]\nid = \"one\"\nretention = \"2d\"\nprovider = \"mine.example\"\n[override.guard]\ncan_be_empty = true\n",
    );
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = answer(&dir, "45.9.20.1");
    assert_eq!(found["sources"][0]["provider"], json!("mine.example"));
    assert_eq!(found["sources"][0]["expires"], json!("2026-11-23T03:00:00Z"));
    assert_eq!(answer(&dir, "45.9.30.1")["status"], json!(5), "disabled by a pattern");
    let feeds = dir.run(&["--snapshot", "none.rap", "feeds", "--catalog", "catalog.toml", "-o", "json"]);
    let feeds: Value = serde_json::from_str(stdout(&feeds)).expect("JSON");
    assert_eq!(feeds.as_array().map(Vec::len), Some(3));
}

#[test]
fn mistakes_in_includes_and_overrides_name_file_and_key() {
    let dir = two_feeds();
    dir.write("base.toml", feed("one", "") + &feed("two", ""));
    dir.write("loop.toml", "[include]\nfiles = [\"catalog.toml\"]\n");
    let base = "[include]\nfiles = [\"base.toml\"]\n";
    for (text, expected) in [
        (
            format!("{base}[[override]]\nid = \"oen\"\n"),
            "catalog.toml:3: override: id: no feed is called `oen`; near it: one",
        ),
        (
            format!("{base}[[override]]\nretention = \"2d\"\n"),
            "catalog.toml:3: override: id: this key is required",
        ),
        (
            format!("{base}\n[[override]]\nid = \"one\"\nretention = \"soon\"\n"),
            "catalog.toml:4: one: retention: expected a span",
        ),
        (
            format!("{base}[[override]]\nid = \"one\"\nretentoin = \"2d\"\n"),
            "catalog.toml:3: one: retentoin: unknown key; near it: retention",
        ),
        (
            format!("{base}{}", feed("one", "")),
            "base.toml:1 has this one. To change that one, write [[override]]",
        ),
        (
            "[include]\nfiles = [\"none.toml\"]\n".to_owned(),
            "catalog.toml:1: catalogue: include.files: none.toml: No such file",
        ),
        (
            "[include]\nfiles = [\"loop.toml\"]\n".to_owned(),
            "loop.toml:1: catalogue: include.files: `catalog.toml` includes this file in turn",
        ),
        ("[include]\nfiles = [\"catalog.toml\"]\n".to_owned(), "includes this file in turn"),
        ("[include]\nbuiltin = 1\n".to_owned(), "include.builtin: expected true or false, found 1"),
        (
            "[include]\nfile = [\"base.toml\"]\n".to_owned(),
            "include.file: unknown key; there are builtin and files",
        ),
        ("include = [\"base.toml\"]\n".to_owned(), "include: expected a table"),
    ] {
        dir.write("catalog.toml", &text);
        let output = dir.run(BUILD);
        assert_eq!(code(&output), 2, "{text}{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{expected}\n{}", stderr(&output));
        assert!(!dir.path("out.rap").exists());
    }
}

#[test]
fn the_catalogue_inside_the_program_is_the_default() {
    let dir = TestDir::new();
    dir.write("d/feodo-recommended.txt", "# an empty list\n");
    dir.write("d/feodo-recommended.txt.meta.json", FRESH);
    let output = dir.run(&["build", "--downloads", "d", "--out", "out.rap"]);
    let log = stderr(&output);
    assert_eq!(code(&output), 0, "{log}");
    assert!(
        log.contains("feodo-recommended: it lists nothing, which is normal for it (can_be_empty)"),
        "{log}"
    );
    assert!(log.contains("`rapsheet feeds --catalog builtin` lists them"), "{log}");
    dir.write("catalog.toml", "[include]\nbuiltin = true\n[[override]]\nid = \"feodo-*\"\nenabled = false\n");
    assert_eq!(
        code(&dir.run(BUILD)),
        3,
        "the only download is of a disabled feed: {}",
        stderr(&dir.run(BUILD))
    );
    fs::remove_file(dir.path("rapsheet.rap")).expect("the sample");
    for args in [&["feeds", "-o", "json"][..], &["feeds", "--catalog", "builtin", "-o", "json"]] {
        let feeds: Value = serde_json::from_str(stdout(&dir.run(args))).expect("JSON");
        let rows = feeds.as_array().expect("rows");
        let of = |id: &str| rows.iter().find(|row| row["id"] == json!(id)).cloned().expect("a row");
        let row = of("feodo-csv");
        assert_eq!(row["file"], json!("feodo-csv.csv"));
        assert!(row["url"].as_str().is_some_and(|url| url.starts_with("https://")));
        assert_eq!((&row["min_interval_seconds"], &row["mirrors"]), (&json!(3600), &json!([])));
        assert_eq!((&row["secret"], &row["sha256_url"]), (&Value::Null, &Value::Null));
        let row = of("abuseipdb-api");
        assert_eq!((&row["secret"], &row["min_interval_seconds"]), (&json!("abuseipdb"), &json!(43_200)));
    }
}

#[test]
fn feeds_as_json_say_how_each_is_downloaded() {
    let dir = two_feeds();
    let own = "url = \"https://one.example/x\"\nmirrors = [\"https://m.example/x\"]\nmin_interval = \"2h\"\n\
               sha256_url = \"https://one.example/x.sha256\"\nauth = { header = \"X-Key\", secret = \"own\" }";
    dir.write("catalog.toml", feed("one", own));
    assert_eq!(code(&dir.run(BUILD)), 0);
    let rows = |args: &[&str]| -> Value {
        let feeds = [&["--snapshot", "out.rap", "feeds", "-o", "json"], args].concat();
        serde_json::from_str::<Value>(stdout(&dir.run(&feeds))).expect("JSON")[0].clone()
    };
    let row = rows(&["--catalog", "catalog.toml"]);
    assert_eq!((&row["mirrors"], &row["secret"]), (&json!(["https://m.example/x"]), &json!("own")));
    assert_eq!(row["sha256_url"], json!("https://one.example/x.sha256"));
    assert_eq!(row["min_interval_seconds"], json!(7200));
    let row = rows(&[]);
    for key in ["mirrors", "secret", "sha256_url", "min_interval_seconds"] {
        assert!(row.get(key).is_some_and(Value::is_null), "{key}: a snapshot does not say");
    }
}

#[test]
fn a_bad_limit_of_a_host_builds_nothing() {
    let dir = two_feeds();
    dir.write("catalog.toml", feed("one", "") + "[host.\"one.example\"]\nper_hour = 0\n");
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 2);
    let expected = "catalog.toml:6: host one.example: per_hour: expected a number of requests, 1 or more";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn bad_values_in_a_catalogue_build_nothing() {
    let dir = two_feeds();
    let csv = |options: &str| feed("two", &format!("[feed.options]\n{options}")).replace("plain-ip", "csv");
    for (text, expected) in [
        (csv("profile = \"feodoo\""), "two: options.profile: expected one of "),
        (csv("profile = \"feodoo\""), "found `feodoo`"),
        (csv("value = 0"), "two: options.value: expected the name of a column in the header, or its number"),
        (csv("value = [\"1\", \"ip\"]"), "two: options.value: expected names or numbers, found both: 1, ip"),
        (csv("value = []"), "two: options.value: expected a value, found an empty list"),
        (csv("delimiter = \";;\""), "two: options.delimiter: expected one character"),
        (csv("header = \"yes\""), "two: options.header: expected one of auto, none, found `yes`"),
        (csv("assessment = \"evil-ish\""), "two: options.assessment: expected one of "),
        (
            csv("assessment = \"trustworthy\""),
            "two: options.assessment: `trustworthy` alone is no reason to block",
        ),
        (csv("colum = 1"), "two: options.colum: unknown here; this format takes: "),
        (
            feed("two", "assessment = [\"trustworthy\"]"),
            "two: assessment: `trustworthy` alone is no reason to block",
        ),
        (feed("two", "max_unchanged = \"never\""), "two: max_unchanged: expected a span"),
        (
            feed("two", "[feed.options]\npath = \"data\"").replace("plain-ip", "json"),
            "two: options.path: expected a path",
        ),
        (feed("two", "").replace("plain-ip", "plain-ipp"), "found `plain-ipp`; near it: plain-ip"),
        (feed("two", "min_interval = \"30s\""), "two: min_interval: expected a span of 1m or longer"),
        (feed("two", "url = \"https://u:p@two.example/\""), "two: url: expected a URL without a user"),
    ] {
        dir.write("catalog.toml", feed("one", "") + &text);
        let output = dir.run(BUILD);
        assert_eq!(code(&output), 2, "{text}{}", stderr(&output));
        let named =
            stderr(&output).lines().any(|line| line.contains("catalog.toml:6: ") && line.contains(expected));
        assert!(named, "{expected}\n{}", stderr(&output));
        assert!(!dir.path("out.rap").exists(), "{text}");
    }
}

#[test]
fn a_disabled_feed_with_a_bad_value_is_refused_as_well() {
    let dir = two_feeds();
    let bad = feed("two", "enabled = false\n[feed.options]\nprofile = \"feodoo\"").replace("plain-ip", "csv");
    dir.write("catalog.toml", feed("one", "") + &bad);
    assert_eq!(code(&dir.run(BUILD)), 2);
}

#[test]
fn lists_that_are_often_empty_are_remarked_on() {
    let dir = two_feeds();
    for format in ["plain-ip", "auto", "hosts", "csv", "url-list"] {
        for text in ["", "# nothing today\n"] {
            let guard = "[feed.guard]\ncan_be_empty = true";
            dir.write(
                "catalog.toml",
                feed("one", "") + &feed("two", guard).replace("\"plain-ip\"\n[", &format!("\"{format}\"\n[")),
            );
            download(&dir, "two", text, FRESH);
            let output = dir.run(&[BUILD, &["--previous", "none"]].concat());
            let log = stderr(&output);
            assert_eq!(code(&output), 0, "{format} {text:?}: {log}");
            assert!(
                log.contains("two: it lists nothing, which is normal for it (can_be_empty)"),
                "{format}: {log}"
            );
        }
    }
    dir.write("catalog.toml", feed("one", "") + &feed("two", ""));
    let output = dir.run(&[BUILD, &["--previous", "none"]].concat());
    assert_eq!(code(&output), 3, "any other list is held: {}", stderr(&output));
}

#[test]
fn a_clock_that_jumped_ahead_is_held() {
    let dir = two_feeds();
    assert_eq!(code(&dir.run(BUILD)), 0);
    let before = fs::read(dir.path("out.rap")).expect("a file");
    let later = |extra: &[&str]| dir.run(&[BUILD, &["--now", "2031-11-22T00:00:00Z"], extra].concat());
    let output = later(&[]);
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    let log = stderr(&output);
    assert!(log.contains("Did the clock jump ahead?") && log.contains("--accept-clock"), "{log}");
    assert!(fs::read(dir.path("out.rap")).expect("a file") == before);
    // The downloader's clock is the same one.
    for id in ["one", "two"] {
        download(&dir, id, "45.9.20.9\n", r#"{"fetched_at":"2031-11-21T03:00:00Z"}"#);
    }
    assert_eq!(code(&later(&[])), 5, "{}", stderr(&later(&[])));
    assert_eq!(code(&later(&["--check"])), 5);
    download(
        &dir,
        "two",
        "# Last updated: 2031-11-20T00:00:00Z\n45.9.20.9\n",
        r#"{"fetched_at":"2031-11-21T03:00:00Z"}"#,
    );
    assert_eq!(
        code(&later(&["--check"])),
        0,
        "a publisher confirms the clock: {}",
        stderr(&later(&["--check"]))
    );
    download(&dir, "two", "45.9.20.9\n", r#"{"fetched_at":"2031-11-21T03:00:00Z"}"#);
    assert_eq!(code(&later(&["--accept-clock"])), 0);
    assert_eq!(answer(&dir, "45.9.20.1")["status"], json!(5));
}

#[test]
fn quiet_names_what_is_wrong_and_nothing_else() {
    let dir = two_feeds();
    let quiet = [&["-q"], BUILD].concat();
    let output = dir.run(&quiet);
    assert_eq!((code(&output), stderr(&output).as_str()), (0, ""));
    fs::remove_file(dir.path("d/two.txt")).expect("an existing file");
    let output = dir.run(&quiet);
    let log = stderr(&output);
    assert_eq!((code(&output), log.lines().count()), (3, 1), "{log}");
    assert!(log.starts_with("two: failed (missing)"), "{log}");
}
