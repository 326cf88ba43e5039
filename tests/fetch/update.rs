//! `update`: fetch and build in one, as a timer runs it.

use super::folder::{Folder, LIST, OTHER, json, minute, row};
use super::server::{Answer, Server, Step};
use crate::test_dir::{code, stderr, stdout};
use std::fs;
use std::process::Output;
use std::time::Duration;

fn update(folder: &Folder, minutes: i64, extra: &[&str]) -> Output {
    let now = minute(minutes).to_string();
    let mut args = vec!["update", "--dir", "u", "--catalog", "catalog.toml", "--now", &now];
    args.extend(["--stall-time", "1s", "--connect-timeout", "2s"]);
    args.extend(extra);
    folder.command(&args).output().expect("it runs")
}

/// The status of an address in the snapshot.
fn status(folder: &Folder, address: &str, minutes: i64) -> i64 {
    let now = minute(minutes).to_string();
    let args = ["lookup", "--snapshot", "u/rapsheet.rap", "--output", "json", "--now", &now, address];
    let output = folder.command(&args).output().expect("it runs");
    let answer: serde_json::Value = serde_json::from_str(stdout(&output)).expect("JSON");
    answer.get("status").or(answer[0].get("status")).and_then(serde_json::Value::as_i64).expect("a status")
}

#[test]
fn on_a_fresh_machine_two_commands_are_enough() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    let output = update(&folder, 0, &["--metrics", "m"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for file in [
        "downloads/a.txt",
        "downloads/a.txt.meta.json",
        "rapsheet.rap",
        "fetch.json",
        "report.json",
        "rejects.jsonl",
    ] {
        assert!(folder.path("u").join(file).exists(), "{file}");
    }
    for file in ["rapsheet-fetch.prom", "rapsheet-build.prom"] {
        assert!(fs::metadata(folder.path("m").join(file)).is_ok_and(|about| about.len() > 100), "{file}");
    }
    assert_eq!((status(&folder, "45.9.20.5", 1), status(&folder, "45.9.20.99", 1)), (1, 5));
}

#[test]
fn what_changes_is_found_in_the_next_run() {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), Answer::list(OTHER)]);
    let folder = Folder::with_feed(&server.url("/a"));
    update(&folder, 0, &[]);
    let output = update(&folder, 24 * 60, &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let at = 24 * 60 + 1;
    assert_eq!((status(&folder, "45.9.20.7", at), status(&folder, "45.9.20.8", at)), (5, 1));
}

#[test]
fn a_run_in_which_nothing_is_due_builds_all_the_same() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    update(&folder, 0, &[]);
    let output = update(&folder, 20, &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(server.requests().len(), 1);
    assert_eq!(row(&json(&folder.path("u/fetch.json")), "a")["state"], "skipped");
}

/// The feed that fails keeps its last list, and the exit code says that there was trouble.
#[test]
fn a_failed_feed_keeps_its_list() {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), Answer::new(404, "gone")]);
    server.queue("/b", [Answer::list("45.9.21.1\n"), Answer::list("45.9.21.2\n")]);
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    update(&folder, 0, &[]);
    let output = update(&folder, 24 * 60, &[]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("HTTP 404"), "{}", stderr(&output));
    let at = 24 * 60 + 1;
    let listed = ["45.9.20.5", "45.9.21.1", "45.9.21.2"].map(|address| status(&folder, address, at));
    assert_eq!(listed, [1, 5, 1]);
}

#[test]
fn a_first_run_in_which_a_feed_fails_publishes_the_others() {
    let server = Server::start();
    server.always("/a", Answer::new(404, "gone"));
    server.always("/b", Answer::list(LIST));
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    let output = update(&folder, 0, &[]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(status(&folder, "45.9.20.5", 1), 1);
}

#[test]
fn a_feed_without_its_secret_is_no_trouble() {
    let server = Server::start();
    server.always("/b", Answer::list(LIST));
    let mut folder = Folder::new();
    folder.feed("a", &server.url("/a"), "auth = { header = \"Auth-Key\", secret = \"none\" }");
    folder.feed("b", &server.url("/b"), "");
    folder.set("HOME", "/nonexistent");
    let output = update(&folder, 0, &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

/// The second run of a timer takes what budgets deferred in the first.
#[test]
fn the_second_run_takes_what_the_first_deferred() {
    let server = Server::start();
    server.always("*", Answer::list(LIST));
    let mut folder = Folder::new();
    for at in 0..3 {
        folder.feed(&format!("f{at}"), &server.url(&format!("/{at}")), "min_interval = \"12h\"");
    }
    folder.host("127.0.0.1", "per_hour = 2");
    assert_eq!(code(&update(&folder, 0, &[])), 0);
    assert_eq!(code(&update(&folder, 70, &[])), 0);
    assert_eq!(server.paths(), ["/0", "/1", "/2"]);
    let feeds = json(&folder.path("u/report.json"));
    for id in ["f0", "f1", "f2"] {
        assert_eq!(row(&feeds, id)["accepted"], 3, "{id}");
    }
}

#[test]
fn chosen_feeds_alone_are_updated() {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), Answer::list(OTHER)]);
    server.queue("/b", [Answer::list("45.9.21.1\n"), Answer::list("45.9.21.2\n")]);
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "");
    update(&folder, 0, &[]);
    let output = update(&folder, 120, &["--feed", "provider:b.example"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(server.requests_for("/a").len(), 1);
    let listed = ["45.9.20.7", "45.9.21.1", "45.9.21.2"].map(|address| status(&folder, address, 121));
    assert_eq!(listed, [1, 5, 1]);
}

#[test]
fn a_mistake_in_the_catalogue_ends_it_before_anything_is_asked() {
    let server = Server::start();
    let mut folder = Folder::with_feed(&server.url("/a"));
    folder.feed("b", &server.url("/b"), "colour = \"red\"");
    let output = update(&folder, 0, &[]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert_eq!(server.connections(), 0);
    assert!(!folder.path("u/rapsheet.rap").exists());
}

#[test]
fn two_updates_of_one_folder_do_not_meet() {
    let server = Server::start();
    server.always("/a", Answer::steps([Step::Wait(Duration::from_millis(700))]).then_list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    let now = minute(0).to_string();
    let args = ["update", "--dir", "u", "--catalog", "catalog.toml", "--now", &now];
    let mut first = folder.command(&args).spawn().expect("it runs");
    while server.requests().is_empty() && first.try_wait().expect("a process").is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let second = folder.command(&args).output().expect("it runs");
    assert_eq!(code(&second), 6, "{}", stderr(&second));
    assert_eq!(first.wait().expect("ended").code(), Some(0));
}

/// A folder that cannot be written, and the old snapshot that stays.
#[test]
fn a_file_in_the_place_of_the_folder_is_an_error() {
    let folder = Folder::with_feed("https://lists.example/a");
    fs::write(folder.path("u"), "mine").expect("written");
    let output = update(&folder, 0, &[]);
    assert!([2, 5].contains(&code(&output)), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(folder.path("u")).expect("still there"), "mine");
}
