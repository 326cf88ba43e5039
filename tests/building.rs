//! `parse`, `build` and `feeds` from outside: what is published, and what is left alone.

use crate::place::{Place, code, lines_of_json, stderr, stdout};
use crate::sample::NOW;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

#[test]
fn parse_prints_an_object_per_event() {
    let place = Place::new();
    place.write("list.txt", "# a list\n45.9.20.5\n010.0.0.1\n");
    let output = place.run(&["parse", "--format", "plain-ip", "list.txt"]);
    let results: Vec<Value> = lines_of_json(&output).iter().map(|row| row["result"].clone()).collect();
    assert_eq!((code(&output), results), (0, vec![json!("skip"), json!("ip"), json!("reject")]));
    let piped = place.feed(&["parse", "--format", "plain-ip", "-"], b"45.9.20.0/24\n");
    assert_eq!(lines_of_json(&piped)[0]["indicator"], json!("45.9.20.0/24"));
}

#[test]
fn parse_refuses_a_file_that_is_no_feed() {
    let place = Place::new();
    place.write("empty.txt", "");
    for (name, reason) in [("missing.txt", "missing"), ("empty.txt", "empty")] {
        let output = place.run(&["parse", "--format", "plain-ip", name]);
        assert_eq!(code(&output), 4, "{name}");
        let row = &lines_of_json(&output)[0];
        assert_eq!((&row["result"], &row["reason"]), (&json!("file-reject"), &json!(reason)));
    }
}

const CATALOG: &str = r#"
[[feed]]
id = "bad-ip"
provider = "bad.example"
title = "Bad addresses"
url = "https://bad.example/bad-ip.txt"
format = "plain-ip"
list = "block"
mode = "reset"
assessment = ["botnet"]

[[feed]]
id = "other-ip"
provider = "other.example"
title = "Other addresses"
url = "https://other.example/other-ip.txt"
format = "plain-ip"
list = "block"
mode = "reset"
assessment = ["scanner"]
"#;

const BUILD: &[&str] =
    &["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "out.rap"];

fn place_to_build() -> Place {
    let place = Place::new();
    place.write("catalog.toml", CATALOG);
    let meta = r#"{"fetched_at":"2026-11-21T03:00:00Z"}"#;
    for (name, text) in [("bad-ip", "45.9.20.5\n"), ("other-ip", "45.9.20.0/24\n010.0.0.1\n")] {
        place.write(&format!("downloads/{name}.txt"), text);
        place.write(&format!("downloads/{name}.txt.meta.json"), meta);
    }
    place
}

#[test]
fn build_publishes_reports_and_answers() {
    let place = place_to_build();
    let files = ["--report", "report.json", "--rejects", "rejects.jsonl"];
    let output = place.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(output.stdout.is_empty() && stderr(&output).lines().all(|line| line.chars().count() <= 100));
    let report: Value = serde_json::from_str(&place.read("report.json")).expect("JSON");
    assert_eq!(report["feeds"][0]["accepted"], json!(1));
    assert!(place.read("rejects.jsonl").contains("leading-zero"));
    let answers =
        lines_of_json(&place.run(&["--snapshot", "out.rap", "lookup", "--format", "jsonl", "45.9.20.5"]));
    assert_eq!(answers[0]["detected_by"], json!(2));
    assert_eq!(code(&place.run(&["--snapshot", "out.rap", "verify"])), 0);
    assert!(place.run(&[BUILD, &["--quiet"]].concat()).stderr.is_empty());
    let feeds = place.run(&["--snapshot", "out.rap", "feeds", "--catalog", "catalog.toml", "--json"]);
    let feeds: Value = serde_json::from_str(stdout(&feeds)).expect("JSON");
    assert_eq!((&feeds[0]["state"], &feeds[0]["sightings"]), (&json!("ok"), &json!(1)));
}

#[test]
fn build_is_the_same_at_any_number_of_threads() {
    let place = place_to_build();
    let mut images = Vec::new();
    for threads in ["1", "4"] {
        let output = place.run(&[BUILD, &["--threads", threads, "--previous", "none"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        images.push(fs::read(place.path("out.rap")).expect("it is there"));
    }
    assert!(images[0] == images[1]);
}

#[test]
fn build_ends_with_3_where_a_feed_failed() {
    let place = place_to_build();
    fs::remove_file(place.path("downloads/other-ip.txt")).expect("it was there");
    let output = place.run(BUILD);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let first = stderr(&output).lines().nth(1).map(str::to_owned);
    assert!(first.is_some_and(|row| row.starts_with("other-ip") && row.contains("failed")), "trouble first");
    assert!(place.path("out.rap").exists());
}

#[test]
fn feeds_works_without_a_snapshot() {
    let place = place_to_build();
    let output = place.run(&["--snapshot", "missing.rap", "feeds", "--catalog", "catalog.toml"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("absent") && stderr(&output).contains("there is no snapshot"));
}

#[test]
fn a_catalogue_with_mistakes_ends_with_2() {
    let place = place_to_build();
    let wrong = [
        &CATALOG.replace("mode =", "mood ="),
        &CATALOG.replace("mode =", "retention = \"5219w\"\nmode ="),
        &CATALOG.replace("bad-ip\"", "bad\\u001b[2J\""),
        &format!("{CATALOG}{CATALOG}"),
        "[[feed",
    ];
    for text in wrong {
        place.write("catalog.toml", text);
        let output = place.run(BUILD);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("catalog.toml") && !place.path("out.rap").exists());
        assert!(!stderr(&output).contains('\u{1b}'), "{}", stderr(&output));
    }
    fs::remove_file(place.path("catalog.toml")).expect("it was there");
    assert_eq!(code(&place.run(BUILD)), 2);
}

#[test]
fn a_damaged_previous_names_the_remedy() {
    let place = place_to_build();
    place.write("out.rap", "not a snapshot");
    let output = place.run(BUILD);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("--previous none"), "{}", stderr(&output));
    assert_eq!(place.read("out.rap"), "not a snapshot");
    assert_eq!(code(&place.run(&[BUILD, &["--previous", "none"]].concat())), 0);
    assert_eq!(code(&place.run(&[BUILD, &["--previous", "missing.rap"]].concat())), 4);
    place.write("out.rap.state", "not a state");
    let output = place.run(BUILD);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("out.rap.state: not a sound state file"), "{}", stderr(&output));
}

#[test]
fn a_second_build_of_one_output_is_told_who_holds_it() {
    let place = place_to_build();
    let lock = File::create(place.path("out.rap.lock")).expect("a file");
    lock.try_lock().expect("nobody holds it");
    (&lock).write_all(b"4711\n").expect("written");
    let output = place.run(BUILD);
    assert_eq!(code(&output), 6);
    assert!(stderr(&output).contains("process 4711"), "{}", stderr(&output));
    drop(lock);
    assert_eq!(code(&place.run(BUILD)), 0);
}

#[test]
fn what_cannot_be_written_leaves_the_old_snapshot() {
    let place = place_to_build();
    assert_eq!(code(&place.run(BUILD)), 0);
    let before = fs::read(place.path("out.rap")).expect("it is there");
    place.write("downloads/bad-ip.txt", "45.9.20.9\n");
    let output = place.run(&[BUILD, &["--report", "no/such/folder/report.json"]].concat());
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(fs::read(place.path("out.rap")).expect("it is there") == before);
    let output =
        place.run(&["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "no/x.rap"]);
    assert_eq!(code(&output), 5);
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_size_limit_is_an_error_and_no_kill() {
    let place = place_to_build();
    place.write("catalog.toml", CATALOG.replace("reset", "accumulated"));
    assert_eq!(code(&place.run(BUILD)), 0);
    let files = || ["out.rap", "out.rap.state"].map(|name| fs::read(place.path(name)).expect("it is there"));
    let before = files();
    let script = format!("ulimit -f 1; exec \"$0\" \"$@\" --now {NOW}");
    let mut args = vec!["-c", &script, env!("CARGO_BIN_EXE_rapsheet")];
    args.extend(BUILD);
    // One more row: the state has room for it, and the snapshot has none.
    place.write("downloads/bad-ip.txt", "45.9.20.5\n45.9.20.7\n");
    let output = Command::new("bash").args(&args).current_dir(place.dir.path()).output().expect("it runs");
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(files() == before, "neither the snapshot nor the state was replaced");
}

#[test]
fn a_held_download_is_named_and_let_in_once() {
    let place = place_to_build();
    let list =
        |count: usize| (0..count).map(|n| format!("45.9.{}.{}\n", n / 250, n % 250)).collect::<String>();
    let put = |count, day| {
        place.write("downloads/bad-ip.txt", list(count));
        let note = format!("{{\"fetched_at\":\"2026-11-{day}T03:00:00Z\"}}");
        place.write("downloads/bad-ip.txt.meta.json", note);
    };
    put(400, 20);
    assert_eq!(code(&place.run(BUILD)), 0);
    put(100, 21);
    let files = ["--report", "report.json", "--metrics", "rapsheet.prom"];
    let output = place.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&place.read("report.json")).expect("JSON");
    let feed = &report["feeds"][0];
    assert_eq!((&feed["state"], &feed["reason"]), (&json!("held"), &json!("shrunk")));
    assert_eq!((&feed["carried"], &feed["held"]["indicators"]), (&json!(400), &json!(100)));
    assert!(feed["seconds"].is_number() && report["seconds"]["total"].is_number());
    assert!(place.read("rapsheet.prom").contains("state=\"held\",reason=\"shrunk\"} 1"));
    let digest = feed["digest"].as_str().expect("a digest").to_owned();
    let said = stderr(&output);
    let told = said.lines().find(|line| line.starts_with("bad-ip: held (shrunk)"));
    let accept = format!("--accept bad-ip={}", &digest[..16]);
    assert!(told.is_some_and(|line| line.contains(&accept)), "{said}");
    let feeds = place.run(&["--snapshot", "out.rap", "feeds"]);
    assert!(stdout(&feeds).lines().nth(1).is_some_and(|line| line.contains("held (shrunk)")));
    assert_eq!(code(&place.run(&[BUILD, &["--accept", &format!("bad-ip={digest}")]].concat())), 0);
    assert_eq!(code(&place.run(BUILD)), 0, "it is in");
    for wrong in ["nobody=0123456789abcdef", "bad-ip=short"] {
        assert_eq!(code(&place.run(&[BUILD, &["--accept", wrong]].concat())), 2, "{wrong}");
    }
}

#[test]
fn a_newer_snapshot_is_not_replaced() {
    let place = place_to_build();
    assert_eq!(code(&place.run(BUILD)), 0);
    let before = fs::read(place.path("out.rap")).expect("it is there");
    let earlier = |extra: &[&str]| {
        let mut args = vec!["--now", "2026-11-21T12:00:00Z"];
        args.extend(BUILD.iter().chain(extra));
        place.run(&args)
    };
    for extra in [&[][..], &["--previous", "none"]] {
        let output = earlier(extra);
        assert_eq!(code(&output), 5, "{}", stderr(&output));
        assert!(stderr(&output).contains("did the clock jump back?"), "{}", stderr(&output));
        assert!(fs::read(place.path("out.rap")).expect("it is there") == before);
    }
    assert_eq!(code(&earlier(&["--replace-newer"])), 0);
    let meta = r#"{"fetched_at":"2026-11-19T03:00:00Z"}"#;
    place.write("downloads/bad-ip.txt", "45.9.20.6\n");
    place.write("downloads/bad-ip.txt.meta.json", meta);
    for extra in [&[][..], &["--previous", "none"], &["--previous", "rapsheet.rap"]] {
        let output = place.run(&[BUILD, extra].concat());
        assert_eq!(code(&output), 5, "{extra:?}: {}", stderr(&output));
        let told = "the downloads are older than the snapshot";
        assert!(stderr(&output).contains(told), "{extra:?}: {}", stderr(&output));
    }
    assert_eq!(code(&place.run(&[BUILD, &["--replace-newer"]].concat())), 0, "it takes the older download");
    let found = place.run(&["--snapshot", "out.rap", "lookup", "--format", "jsonl", "45.9.20.6"]);
    assert!(stdout(&found).contains("\"detect_time\":\"2026-11-19T03:00:00Z\""), "{}", stdout(&found));
}

#[test]
fn what_the_operator_never_blocks_is_not_blocked() {
    let place = place_to_build();
    place.write("own.txt", "# ours\n45.9.20.0/28   # the office\n\nourshop.com\n");
    for name in ["bad-ip", "other-ip"] {
        place.write(&format!("downloads/{name}.txt"), "45.9.20.5\n45.9.30.5\n");
    }
    let files = ["--never-block", "own.txt", "--rejects", "rejects.jsonl"];
    let output = place.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("bad-ip: 1 entry would block a name or address of the never-block list")
    );
    assert!(place.read("rejects.jsonl").contains("\"reason\":\"never-block\",\"text\":\"45.9.20.5\""));
    place.write("own.txt", "45.9.20.0/28\nno name\n");
    let output = place.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("own.txt:2"), "{}", stderr(&output));
}

#[test]
fn what_killed_builds_left_behind_is_swept() {
    let place = place_to_build();
    place.write(".out.rap.tmp-4711", "half a snapshot");
    place.write(".out.rap.state.tmp-4711", "half a state");
    place.write(".report.json.tmp-4711", "half a report");
    assert_eq!(code(&place.run(&[BUILD, &["--report", "report.json"]].concat())), 0);
    let names =
        fs::read_dir(place.dir.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains(".tmp-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn one_file_has_one_part_to_play() {
    let place = place_to_build();
    let cases: &[&[&str]] = &[
        &["--report", "a.json", "--metrics", "a.json"],
        &["--report", "a.json", "--rejects", "./a.json"],
        &["--report", "out.rap"],
        &["--metrics", "downloads/../out.rap.state"],
        &["--rejects", "out.rap.lock"],
        &["--report", "catalog.toml"],
        &["--previous", "rapsheet.rap", "--report", "rapsheet.rap"],
    ];
    for case in cases {
        let output = place.run(&[BUILD, case].concat());
        assert_eq!(code(&output), 2, "{case:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("belongs to"), "{}", stderr(&output));
        assert!(!place.path("out.rap").exists(), "{case:?}: nothing was built");
    }
}

#[cfg(unix)]
#[test]
fn reports_go_into_pipes_and_devices_as_they_stand() {
    let place = place_to_build();
    let output = place.run(&[BUILD, &["--report", "/dev/stdout", "--metrics", "/dev/null"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(stdout(&output)).expect("the report alone");
    assert_eq!(report["feeds"].as_array().map(Vec::len), Some(2));
    if cfg!(target_os = "linux") {
        let before = fs::read(place.path("out.rap")).expect("it is there");
        place.write("downloads/bad-ip.txt", "45.9.20.7\n");
        let output = place.run(&[BUILD, &["--report", "/dev/full"]].concat());
        assert_eq!(code(&output), 5, "{}", stderr(&output));
        assert!(fs::read(place.path("out.rap")).expect("it is there") == before, "nothing was published");
    }
}

#[test]
fn a_catalogue_without_feeds_builds_nothing() {
    let place = place_to_build();
    for text in ["", &CATALOG.replace("mode =", "enabled = false\nmode =")] {
        place.write("catalog.toml", text);
        let output = place.run(BUILD);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("no feed in it is enabled"), "{}", stderr(&output));
    }
}

/// Runs a build that might wait for ever; `None` where it still runs after twenty seconds.
#[cfg(target_os = "linux")]
fn build_in_time(place: &Place) -> Option<i32> {
    let mut child = place.command(BUILD).stderr(std::process::Stdio::null()).spawn().expect("it runs");
    for _ in 0..2000 {
        if let Some(status) = child.try_wait().expect("it can be asked") {
            return status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().expect("it still runs");
    None
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_and_devices_in_the_way_keep_no_build_waiting() {
    for (name, expected) in [
        ("downloads/bad-ip.txt.meta.json", 0),
        ("downloads/bad-ip.txt", 3),
        ("out.rap.state", 4),
        ("out.rap", 4),
        ("out.rap.lock", 5),
    ] {
        for device in [None, Some("/dev/zero")] {
            let place = place_to_build();
            let path = place.path(name);
            let _ = fs::remove_file(&path);
            match device {
                None => assert!(Command::new("mkfifo").arg(&path).status().expect("it runs").success()),
                Some(device) => std::os::unix::fs::symlink(device, &path).expect("a link"),
            }
            assert_eq!(build_in_time(&place), Some(expected), "{name}: {device:?}");
        }
    }
}

#[test]
fn a_note_that_is_none_is_told() {
    let place = place_to_build();
    for note in ["", "fetched yesterday", r#"{"fetched_at":"yesterday"}"#, r#"{"bytes":"many"}"#] {
        place.write("downloads/bad-ip.txt.meta.json", note);
        let output = place.run(&[BUILD, &["--replace-newer"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let told = "bad-ip: bad-ip.txt.meta.json is no note of a download";
        assert!(stderr(&output).contains(told), "{note}: {}", stderr(&output));
    }
}

#[test]
fn what_is_stale_and_what_ended_is_told_with_the_trouble() {
    let place = place_to_build();
    assert_eq!(code(&place.run(BUILD)), 0);
    place.write("catalog.toml", CATALOG.replacen("mode =", "max_age = \"1h\"\nmode =", 2));
    let output = place.run(BUILD);
    let told = stderr(&output);
    assert_eq!(code(&output), 0, "it was published, and nothing failed: {told}");
    assert!(told.lines().nth(1).is_some_and(|line| line.contains("stale")), "{told}");
    assert!(told.contains("bad-ip: stale: its download is 21h old, more than 1h; was it fetched?"), "{told}");
    place.write("catalog.toml", CATALOG.split("[[feed]]").take(2).collect::<Vec<_>>().join("[[feed]]"));
    let told = stderr(&place.run(BUILD));
    let ended = "other-ip: it is no longer in the catalogue: its 1 sightings of the previous build ended";
    assert!(told.lines().any(|line| line == ended), "{told}");
}
