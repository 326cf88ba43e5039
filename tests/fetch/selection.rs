//! Which feeds are fetched, and what is known of them.

use super::folder::{Folder, LIST, minute};
use super::server::{Answer, Server};
use crate::test_dir::{code, stderr, stdout};
use serde_json::Value;

/// Four feeds of two providers; one allows, one is disabled.
fn four() -> (Server, Folder) {
    let server = Server::start();
    server.always("*", Answer::list(LIST));
    let mut folder = Folder::new();
    let url = |id: &str| server.url(&format!("/{id}"));
    folder.feed("abc-ip", &url("abc-ip"), "provider = \"abc.example\"\nassessment = [\"botnet\"]");
    folder.feed("abc-tor", &url("abc-tor"), "provider = \"abc.example\"\nassessment = [\"tor\"]");
    folder.feed("good", &url("good"), "provider = \"good.example\"\nlist = \"allow\"");
    folder.feed("off", &url("off"), "provider = \"off.example\"\nenabled = false");
    (server, folder)
}

/// The ids that are fetched with these flags.
fn fetched(choice: &[&str]) -> Vec<String> {
    let (server, folder) = four();
    let args: Vec<&str> = choice.iter().flat_map(|choice| ["--feed", choice]).collect();
    let run = folder.fetch_with(0, &args);
    assert_eq!(run.code, 0, "{choice:?}: {}", run.stderr);
    let mut ids: Vec<String> = server.paths().iter().map(|path| path[1..].to_owned()).collect();
    ids.sort();
    let rows = run.report["feeds"].as_array().expect("feeds").len();
    assert_eq!(rows, ids.len(), "{choice:?}: {}", run.report);
    ids
}

#[test]
fn all_enabled_feeds_by_default() {
    assert_eq!(fetched(&[]), ["abc-ip", "abc-tor", "good"]);
}

#[test]
fn by_id_glob_provider_assessment_and_list() {
    assert_eq!(fetched(&["good"]), ["good"]);
    assert_eq!(fetched(&["abc-*"]), ["abc-ip", "abc-tor"]);
    assert_eq!(fetched(&["provider:abc.example"]), ["abc-ip", "abc-tor"]);
    assert_eq!(fetched(&["provider:*.example"]), ["abc-ip", "abc-tor", "good"]);
    assert_eq!(fetched(&["assessment:tor"]), ["abc-tor"]);
    assert_eq!(fetched(&["list:allow"]), ["good"]);
    assert_eq!(fetched(&["list:block"]), ["abc-ip", "abc-tor"]);
}

#[test]
fn several_choices_are_a_union() {
    assert_eq!(fetched(&["abc-ip", "list:allow"]), ["abc-ip", "good"]);
    assert_eq!(fetched(&["abc-*", "abc-ip", "assessment:tor"]), ["abc-ip", "abc-tor"]);
}

#[test]
fn a_choice_without_a_feed_is_an_error() {
    let choices =
        ["nothing", "no-*", "provider:none.example", "assessment:funny", "list:grey", "list:", "colour:red"];
    for choice in choices {
        let (server, folder) = four();
        let run = folder.fetch_with(0, &["--feed", choice]);
        assert_eq!((run.code, server.connections()), (2, 0), "{choice}: {}", run.stderr);
        assert!(run.stderr.contains(choice.rsplit(':').next().unwrap_or(choice)), "{choice}: {}", run.stderr);
    }
}

#[test]
fn build_takes_the_same_choices() {
    let (_server, folder) = four();
    folder.fetch(0);
    for (choice, expected) in [
        ("provider:abc.example", vec!["abc-ip", "abc-tor"]),
        ("assessment:tor", vec!["abc-tor"]),
        ("list:allow", vec!["good"]),
    ] {
        let output = folder.build(10, &["--previous", "none", "--feed", choice]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let report = super::folder::json(&folder.path("b.json"));
        let read = report["feeds"].as_array().expect("feeds").iter().filter(|feed| feed["accepted"] != 0);
        let ids: Vec<&str> = read.filter_map(|feed| feed["id"].as_str()).collect();
        assert_eq!(ids, expected, "{choice}");
    }
}

#[test]
fn a_rehearsal_asks_and_writes_nothing() {
    let (server, folder) = four();
    let now = minute(0).to_string();
    let args = ["fetch", "--catalog", "catalog.toml", "--downloads", "d", "--dry-run", "--now", &now];
    let output = folder.command(&args).output().expect("it runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("abc-ip") && stdout(&output).contains("good"), "{}", stdout(&output));
    assert!(!stdout(&output).contains("off"), "{}", stdout(&output));
    assert_eq!((server.connections(), crate::files::files(&folder.path("d"))), (0, Vec::new()));
}

#[test]
fn a_rehearsal_says_what_waits() {
    let (_server, mut folder) = four();
    folder.host("127.0.0.1", "per_hour = 1");
    let now = minute(0).to_string();
    let args = ["fetch", "--catalog", "catalog.toml", "--downloads", "d", "--dry-run", "--now", &now];
    let output = folder.command(&args).output().expect("it runs");
    assert_eq!(stdout(&output).matches("deferred").count(), 2, "{}", stdout(&output));
}

#[test]
fn feeds_shows_when_they_were_fetched() {
    let (server, folder) = four();
    folder.fetch(0);
    server.always("/abc-ip", Answer::new(404, "gone"));
    folder.fetch(120);
    let now = minute(130).to_string();
    let args = ["feeds", "--catalog", "catalog.toml", "--downloads", "d", "-o", "json", "--now", &now];
    let output = folder.command(&args).output().expect("it runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let feeds: Value = serde_json::from_str(stdout(&output)).expect("JSON");
    let feed = |id: &str| {
        let feeds = feeds.as_array().expect("feeds");
        feeds.iter().find(|feed| feed["id"] == id).expect("the feed").clone()
    };
    let at = |id: &str, key: &str| super::folder::time(&feed(id)[key]).unix() / 60 - minute(0).unix() / 60;
    assert_eq!((at("good", "fetched_at"), at("good", "changed_at"), at("good", "next_at")), (120, 0, 180));
    assert_eq!((at("abc-ip", "fetched_at"), at("abc-ip", "changed_at")), (0, 0));
    assert_eq!(at("abc-ip", "next_at"), 180);
    assert!(feed("off")["fetched_at"].is_null());
    let table = folder.command(&args[..5]).args(["--now", &now]).output().expect("it runs");
    for word in ["fetched", "changed", "due"] {
        assert!(stdout(&table).to_lowercase().contains(word), "{word}: {}", stdout(&table));
    }
}

#[test]
fn keys_of_fetching_are_checked() {
    let keys = [
        "min_interval = \"often\"",
        "min_interval = 3600",
        "max_bytes = \"much\"",
        "max_bytes = \"0\"",
        "mirrors = \"x\"",
        "mirrors = [\"ftp://a.example/\"]",
        "auth = { header = \"A B\", secret = \"x\" }",
        "auth = { header = \"Auth-Key\" }",
        "auth = { header = \"Host\", secret = \"../x\" }",
        "sha256_url = \"nowhere\"",
        "private_network = \"yes\"",
        "auth = { header = \"Auth-Key\", secret = \"x\", value = \"y\" }",
    ];
    for key in keys {
        let mut folder = Folder::new();
        folder.feed_outside("a", "https://lists.example/a", key);
        let run = folder.fetch_with(0, &["--dry-run"]);
        let name = key.split(' ').next().unwrap_or_default();
        assert_eq!(run.code, 2, "{key}: {}", run.stderr);
        assert!(run.stderr.contains("catalog.toml") && run.stderr.contains(name), "{key}: {}", run.stderr);
    }
    for (host, limits) in [
        ("a.example", "per_hour = 0"),
        ("a.example", "gap = \"x\""),
        ("a.example", "speed = 1"),
        ("A.example:80", "per_hour = 1"),
    ] {
        let mut folder = Folder::with_feed("https://lists.example/a");
        folder.host(host, limits);
        let run = folder.fetch_with(0, &["--dry-run"]);
        assert_eq!(run.code, 2, "{host} {limits}: {}", run.stderr);
    }
}

#[test]
fn a_feed_without_a_url_is_skipped() {
    let mut folder = Folder::new();
    folder.feed("a", "", "");
    let run = folder.fetch(0);
    run.assert_state("skipped");
    assert!(run.get("a", "reason").contains("url"), "{}", run.report);
}

#[test]
fn a_missing_folder_is_an_error() {
    let folder = Folder::with_feed("https://lists.example/a");
    let args = ["fetch", "--catalog", "catalog.toml", "--downloads", "nowhere"];
    let output = folder.command(&args).output().expect("it runs");
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
}

#[test]
fn numbers_out_of_range_are_errors() {
    for flags in [
        ["--connections", "0"],
        ["--connections", "x"],
        ["--connect-timeout", "0s"],
        ["--stall-time", "-1s"],
        ["--max-time", "soon"],
        ["--retries", "1000"],
    ] {
        let folder = Folder::with_feed("https://lists.example/a");
        let run = folder.fetch_with(0, &[&flags[..], &["--dry-run"]].concat());
        assert_eq!(run.code, 2, "{flags:?}: {}", run.stderr);
    }
}

#[test]
fn the_builtin_catalogue_is_the_default() {
    let folder = Folder::new();
    let output = folder.command(&["fetch", "--downloads", "d", "--dry-run"]).output().expect("it runs");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).lines().count() > 100, "{}", stdout(&output));
    // Its feeds on GitHub stay within the budget that the catalogue states.
    assert!(stdout(&output).contains("deferred"), "{}", stdout(&output));
}

#[test]
fn metrics_are_written_for_every_feed() {
    let (server, folder) = four();
    server.always("/abc-ip", Answer::new(404, "gone"));
    let run = folder.fetch_with(0, &["--metrics", "m.prom"]);
    assert_eq!(run.code, 3);
    let metrics = std::fs::read_to_string(folder.path("m.prom")).expect("metrics");
    for id in ["abc-ip", "abc-tor", "good"] {
        assert!(metrics.contains(&format!("\"{id}\"")), "{id}\n{metrics}");
    }
    let is_sample = |line: &str| line.starts_with('#') || line.starts_with("rapsheet_fetch_");
    assert!(metrics.lines().all(is_sample), "{metrics}");
}

/// Trouble comes first, and names the feed and the reason.
#[test]
fn the_table_begins_with_trouble() {
    let (server, folder) = four();
    server.always("/good", Answer::new(404, "gone"));
    let run = folder.fetch(0);
    let at = |text: &str| run.stderr.find(text).ok_or_else(|| run.stderr.clone()).expect("in the table");
    assert!(at("good") < at("abc-ip"), "{}", run.stderr);
    assert!(run.stderr.contains("HTTP 404"), "{}", run.stderr);
    assert_eq!(run.stdout, "", "what is printed for people goes to stderr");
    let quiet = folder.fetch_with(300, &["-q"]);
    assert!(quiet.stderr.contains("good") && !quiet.stderr.contains("abc-ip"), "{}", quiet.stderr);
}

#[test]
fn feeds_that_share_a_file_fetch_it_once() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    server.always("/b", Answer::list("45.9.20.99\n"));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "file = \"shared.txt\"");
    folder.feed("b", &server.url("/a"), "file = \"shared.txt\"");
    folder.feed("c", &server.url("/b"), "file = \"shared.txt\"");
    let run = folder.fetch(0);
    assert_eq!(["a", "b", "c"].map(|id| run.state(id)), ["fetched", "skipped", "skipped"], "{}", run.report);
    assert_eq!((server.paths(), folder.text("shared.txt").as_str()), (vec!["/a".to_owned()], LIST));
}
