//! The commands `parse`, `build` and `feeds`: what they publish, what they refuse, and their exit codes.

use crate::sample::NOW;
use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

#[test]
fn parse_prints_an_object_per_event() {
    let dir = TestDir::new();
    dir.write("list.txt", "# a list\n45.9.20.5\n010.0.0.1\n");
    let output = dir.run(&["parse", "--format", "plain-ip", "list.txt"]);
    let results: Vec<Value> = json_lines(&output).iter().map(|row| row["result"].clone()).collect();
    assert_eq!((code(&output), results), (0, vec![json!("skip"), json!("ip"), json!("reject")]));
    let piped = dir.run_with_input(&["parse", "--format", "plain-ip", "-"], b"45.9.20.0/24\n");
    assert_eq!(json_lines(&piped)[0]["indicator"], json!("45.9.20.0/24"));
}

#[test]
fn parse_refuses_missing_and_empty_files() {
    let dir = TestDir::new();
    dir.write("empty.txt", "");
    for (name, reason) in [("missing.txt", "missing"), ("empty.txt", "empty")] {
        let output = dir.run(&["parse", "--format", "plain-ip", name]);
        assert_eq!(code(&output), 4, "{name}");
        let row = &json_lines(&output)[0];
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

fn build_dir() -> TestDir {
    let dir = TestDir::new();
    dir.write("catalog.toml", CATALOG);
    let meta = r#"{"fetched_at":"2026-11-21T03:00:00Z"}"#;
    for (name, text) in [("bad-ip", "45.9.20.5\n"), ("other-ip", "45.9.20.0/24\n010.0.0.1\n")] {
        dir.write(&format!("downloads/{name}.txt"), text);
        dir.write(&format!("downloads/{name}.txt.meta.json"), meta);
    }
    dir
}

/// A snapshot without one kind of indicator lacks the sections of that kind, and is as valid as any.
#[test]
fn snapshots_of_one_kind_of_indicator_are_published_and_answer() {
    for (format, text, query, status) in [
        ("plain-ip", "45.9.20.5\n", "45.9.20.5", 1),
        ("plain-ip", "2a06:e480::/32\n", "2a06:e480::7", 1),
        ("plain-domain", "evilpanel.com\n", "evilpanel.com", 1),
        ("url-list", "http://evilpanel.com/a\n", "http://evilpanel.com/a", 1),
        ("plain-ip", "# an empty list\n", "45.9.20.5", 5),
    ] {
        let dir = TestDir::new();
        let feed = "[[feed]]\nid = \"only\"\nprovider = \"only.example\"\nfile = \"only.txt\"\n";
        dir.write(
            "catalog.toml",
            format!("{feed}format = \"{format}\"\n[feed.guard]\ncan_be_empty = true\n"),
        );
        dir.write("downloads/only.txt", text);
        dir.write("downloads/only.txt.meta.json", r#"{"fetched_at":"2026-11-21T03:00:00Z"}"#);
        let output = dir.run(BUILD);
        assert_eq!(code(&output), 0, "{text}{}", stderr(&output));
        assert_eq!(code(&dir.run(&["--snapshot", "out.rap", "verify"])), 0, "{text}");
        let answer = dir.run(&["--snapshot", "out.rap", "lookup", "-o", "jsonl", query]);
        assert_eq!(json_lines(&answer)[0]["status"], json!(status), "{text}");
    }
}

#[test]
fn build_publishes_a_snapshot_and_writes_reports() {
    let dir = build_dir();
    let files = ["--report", "report.json", "--rejects", "rejects.jsonl"];
    let output = dir.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(output.stdout.is_empty() && stderr(&output).lines().all(|line| line.chars().count() <= 100));
    let report: Value = serde_json::from_str(&dir.read("report.json")).expect("JSON");
    assert_eq!(report["feeds"][0]["accepted"], json!(1));
    assert!(dir.read("rejects.jsonl").contains("leading-zero"));
    let answers =
        json_lines(&dir.run(&["--snapshot", "out.rap", "lookup", "--format", "jsonl", "45.9.20.5"]));
    assert_eq!(answers[0]["detected_by"], json!(2));
    assert_eq!(code(&dir.run(&["--snapshot", "out.rap", "verify"])), 0);
    assert!(dir.run(&[BUILD, &["--quiet"]].concat()).stderr.is_empty());
    let feeds = dir.run(&["--snapshot", "out.rap", "feeds", "--catalog", "catalog.toml", "--json"]);
    let feeds: Value = serde_json::from_str(stdout(&feeds)).expect("JSON");
    assert_eq!((&feeds[0]["state"], &feeds[0]["sightings"]), (&json!("ok"), &json!(1)));
}

#[test]
fn build_output_does_not_depend_on_the_thread_count() {
    let dir = build_dir();
    let mut images = Vec::new();
    for threads in ["1", "4"] {
        let output = dir.run(&[BUILD, &["--threads", threads, "--previous", "none"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        images.push(fs::read(dir.path("out.rap")).expect("an existing file"));
    }
    assert!(images[0] == images[1]);
}

#[test]
fn build_exits_with_3_when_a_feed_fails() {
    let dir = build_dir();
    assert_eq!(code(&dir.run(BUILD)), 0);
    fs::remove_file(dir.path("downloads/other-ip.txt")).expect("an existing file");
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let first = stderr(&output).lines().nth(1).map(str::to_owned);
    assert!(
        first.is_some_and(|row| row.starts_with("other-ip") && row.contains("failed")),
        "failed feeds come first"
    );
    assert!(dir.path("out.rap").exists());
}

#[test]
fn feeds_works_without_a_snapshot() {
    let dir = build_dir();
    let output = dir.run(&["--snapshot", "missing.rap", "feeds", "--catalog", "catalog.toml"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).contains("absent") && stderr(&output).contains("there is no snapshot"));
}

#[test]
fn invalid_catalogue_exits_with_2() {
    let dir = build_dir();
    let wrong = [
        &CATALOG.replace("mode =", "mood ="),
        &CATALOG.replace("mode =", "retention = \"5219w\"\nmode ="),
        &CATALOG.replace("bad-ip\"", "bad\\u001b[2J\""),
        &format!("{CATALOG}{CATALOG}"),
        "[[feed",
    ];
    for text in wrong {
        dir.write("catalog.toml", text);
        let output = dir.run(BUILD);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("catalog.toml") && !dir.path("out.rap").exists());
        assert!(!stderr(&output).contains('\u{1b}'), "{}", stderr(&output));
    }
    fs::remove_file(dir.path("catalog.toml")).expect("an existing file");
    assert_eq!(code(&dir.run(BUILD)), 2);
}

#[test]
fn damaged_previous_snapshot_exits_with_4_and_names_the_remedy() {
    let dir = build_dir();
    let sample = fs::read(dir.path("rapsheet.rap")).expect("a snapshot");
    let damaged = &sample[..sample.len() - 1];
    dir.write("out.rap", damaged);
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("--previous none"), "{}", stderr(&output));
    assert!(fs::read(dir.path("out.rap")).expect("it stays") == damaged);
    assert_eq!(code(&dir.run(&[BUILD, &["--previous", "none"]].concat())), 0);
    assert_eq!(code(&dir.run(&[BUILD, &["--previous", "missing.rap"]].concat())), 4);
    let state = fs::read(dir.path("out.rap.state")).expect("a state file");
    dir.write("out.rap.state", &state[..state.len() - 1]);
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 4);
    assert!(stderr(&output).contains("out.rap.state: not a sound state file"), "{}", stderr(&output));
}

#[test]
fn concurrent_build_exits_with_6_and_names_the_lock_holder() {
    let dir = build_dir();
    let lock = File::create(dir.path("out.rap.lock")).expect("a file");
    lock.try_lock().expect("a free lock");
    (&lock).write_all(b"4711\n").expect("written");
    let output = dir.run(BUILD);
    assert_eq!(code(&output), 6);
    assert!(stderr(&output).contains("process 4711"), "{}", stderr(&output));
    drop(lock);
    assert_eq!(code(&dir.run(BUILD)), 0);
}

#[test]
fn failed_write_leaves_the_old_snapshot() {
    let dir = build_dir();
    assert_eq!(code(&dir.run(BUILD)), 0);
    let before = fs::read(dir.path("out.rap")).expect("an existing file");
    dir.write("downloads/bad-ip.txt", "45.9.20.9\n");
    let output = dir.run(&[BUILD, &["--report", "no/such/folder/report.json"]].concat());
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(fs::read(dir.path("out.rap")).expect("an existing file") == before);
    let output =
        dir.run(&["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "no/x.rap"]);
    assert_eq!(code(&output), 2);
}

#[test]
#[cfg(target_os = "linux")]
fn file_size_limit_exits_with_5() {
    let dir = build_dir();
    dir.write("catalog.toml", CATALOG.replace("reset", "accumulated"));
    assert_eq!(code(&dir.run(BUILD)), 0);
    let files =
        || ["out.rap", "out.rap.state"].map(|name| fs::read(dir.path(name)).expect("an existing file"));
    let before = files();
    let script = format!("ulimit -f 1; exec \"$0\" \"$@\" --now {NOW}");
    let mut args = vec!["-c", &script, env!("CARGO_BIN_EXE_rapsheet")];
    args.extend(BUILD);
    // One more row: the state file stays within the limit, and the snapshot does not.
    dir.write("downloads/bad-ip.txt", "45.9.20.5\n45.9.20.7\n");
    let output = Command::new("bash").args(&args).current_dir(dir.folder.path()).output().expect("it runs");
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(files() == before, "neither file is replaced");
}

#[test]
#[cfg(target_os = "linux")]
fn too_many_open_files_exit_with_5() {
    let dir = build_dir();
    assert_eq!(code(&dir.run(BUILD)), 0);
    let before = fs::read(dir.path("out.rap")).expect("an existing file");
    // The lock takes the only descriptor that is left.
    let script = format!("ulimit -n 4; exec \"$0\" \"$@\" --now {NOW}");
    let mut args = vec!["-c", &script, env!("CARGO_BIN_EXE_rapsheet")];
    args.extend(BUILD);
    let output = Command::new("bash").args(&args).current_dir(dir.folder.path()).output().expect("it runs");
    assert_eq!(code(&output), 5, "{}", stderr(&output));
    assert!(fs::read(dir.path("out.rap")).expect("an existing file") == before, "it is not replaced");
}

#[test]
fn held_download_is_reported_and_accepted_by_digest() {
    let dir = build_dir();
    let list =
        |count: usize| (0..count).map(|n| format!("45.9.{}.{}\n", n / 250, n % 250)).collect::<String>();
    let put = |count, day| {
        dir.write("downloads/bad-ip.txt", list(count));
        let note = format!("{{\"fetched_at\":\"2026-11-{day}T03:00:00Z\"}}");
        dir.write("downloads/bad-ip.txt.meta.json", note);
    };
    put(400, 20);
    assert_eq!(code(&dir.run(BUILD)), 0);
    put(100, 21);
    let files = ["--report", "report.json", "--metrics", "rapsheet.prom"];
    let output = dir.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&dir.read("report.json")).expect("JSON");
    let feed = &report["feeds"][0];
    assert_eq!((&feed["state"], &feed["reason"]), (&json!("held"), &json!("shrunk")));
    assert_eq!((&feed["kept"], &feed["held"]["indicators"]), (&json!(400), &json!(100)));
    assert!(feed["seconds"].is_number() && report["seconds"]["total"].is_number());
    assert!(dir.read("rapsheet.prom").contains("state=\"held\",reason=\"shrunk\"} 1"));
    let digest = feed["digest"].as_str().expect("a digest").to_owned();
    let log = stderr(&output);
    let line = log.lines().find(|line| line.starts_with("bad-ip: held (shrunk)"));
    let accept = format!("--accept bad-ip={}", &digest[..16]);
    assert!(line.is_some_and(|line| line.contains(&accept)), "{log}");
    let feeds = dir.run(&["--snapshot", "out.rap", "feeds"]);
    assert!(stdout(&feeds).lines().nth(1).is_some_and(|line| line.contains("held (shrunk)")));
    assert_eq!(code(&dir.run(&[BUILD, &["--accept", &format!("bad-ip={digest}")]].concat())), 0);
    assert_eq!(code(&dir.run(BUILD)), 0, "the accepted download stays accepted");
    for wrong in ["unknown=0123456789abcdef", "bad-ip=short"] {
        assert_eq!(code(&dir.run(&[BUILD, &["--accept", wrong]].concat())), 2, "{wrong}");
    }
}

#[test]
fn refuses_to_replace_a_newer_snapshot() {
    let dir = build_dir();
    assert_eq!(code(&dir.run(BUILD)), 0);
    let before = fs::read(dir.path("out.rap")).expect("an existing file");
    let earlier = |extra: &[&str]| {
        let mut args = vec!["--now", "2026-11-21T12:00:00Z"];
        args.extend(BUILD.iter().chain(extra));
        dir.run(&args)
    };
    for extra in [&[][..], &["--previous", "none"]] {
        let output = earlier(extra);
        assert_eq!(code(&output), 5, "{}", stderr(&output));
        assert!(stderr(&output).contains("did the clock jump back?"), "{}", stderr(&output));
        assert!(fs::read(dir.path("out.rap")).expect("an existing file") == before);
    }
    assert_eq!(code(&earlier(&["--replace-newer"])), 0);
    let meta = r#"{"fetched_at":"2026-11-19T03:00:00Z"}"#;
    dir.write("downloads/bad-ip.txt", "45.9.20.6\n");
    dir.write("downloads/bad-ip.txt.meta.json", meta);
    for extra in [&[][..], &["--previous", "none"], &["--previous", "rapsheet.rap"]] {
        let output = dir.run(&[BUILD, extra].concat());
        assert_eq!(code(&output), 5, "{extra:?}: {}", stderr(&output));
        let message = "the downloads are older than the snapshot";
        assert!(stderr(&output).contains(message), "{extra:?}: {}", stderr(&output));
    }
    assert_eq!(code(&dir.run(&[BUILD, &["--replace-newer"]].concat())), 0, "the older download is taken");
    let found = dir.run(&["--snapshot", "out.rap", "lookup", "--format", "jsonl", "45.9.20.6"]);
    assert!(stdout(&found).contains("\"detect_time\":\"2026-11-19T03:00:00Z\""), "{}", stdout(&found));
}

#[test]
fn never_block_file_rejects_listed_entries() {
    let dir = build_dir();
    dir.write("own.txt", "# ours\n45.9.20.0/28   # the office\n\nourshop.com\n");
    for name in ["bad-ip", "other-ip"] {
        dir.write(&format!("downloads/{name}.txt"), "45.9.20.5\n45.9.30.5\n");
    }
    let files = ["--never-block", "own.txt", "--rejects", "rejects.jsonl"];
    let output = dir.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("bad-ip: 1 entry would block a name or address of the never-block list")
    );
    assert!(dir.read("rejects.jsonl").contains("\"reason\":\"never-block\",\"text\":\"45.9.20.5\""));
    dir.write("own.txt", "45.9.20.0/28\nno name\n");
    let output = dir.run(&[BUILD, &files].concat());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("own.txt:2"), "{}", stderr(&output));
}

#[test]
fn removes_stale_temp_files() {
    let dir = build_dir();
    dir.write(".out.rap.tmp-4711", "half a snapshot");
    dir.write(".out.rap.state.tmp-4711", "half a state");
    dir.write(".report.json.tmp-4711", "half a report");
    assert_eq!(code(&dir.run(&[BUILD, &["--report", "report.json"]].concat())), 0);
    let names =
        fs::read_dir(dir.folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains(".tmp-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn refuses_one_path_in_two_roles() {
    let dir = build_dir();
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
        let output = dir.run(&[BUILD, case].concat());
        assert_eq!(code(&output), 2, "{case:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("belongs to"), "{}", stderr(&output));
        assert!(!dir.path("out.rap").exists(), "{case:?}: nothing is built");
    }
}

#[cfg(unix)]
#[test]
fn writes_reports_into_pipes_and_devices() {
    let dir = build_dir();
    let output = dir.run(&[BUILD, &["--report", "/dev/stdout", "--metrics", "/dev/null"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(stdout(&output)).expect("the report and nothing else");
    assert_eq!(report["feeds"].as_array().map(Vec::len), Some(2));
    if cfg!(target_os = "linux") {
        // A device is written to after the snapshot is published.
        dir.write("downloads/bad-ip.txt", "45.9.20.7\n");
        let output = dir.run(&[BUILD, &["--report", "/dev/full"]].concat());
        assert_eq!(code(&output), 3, "{}", stderr(&output));
        assert!(stderr(&output).contains("/dev/full: writing failed"), "{}", stderr(&output));
        let answer = json_lines(&dir.run(&["--snapshot", "out.rap", "lookup", "-o", "jsonl", "45.9.20.7"]));
        assert_eq!(answer[0]["status"], json!(1), "the snapshot is published");
    }
}

/// As root, a rename over `/dev/stdout` would take it from every program.
#[cfg(target_os = "linux")]
#[test]
fn a_report_into_a_redirected_stream_replaces_no_link() {
    let dir = build_dir();
    for (name, number) in [("/proc/self/fd/1", 1), ("/proc/self/fd/2", 2), ("/proc/self/fd/7", 7)] {
        let command = format!("exec \"$0\" \"$@\" {number}>redirected.json");
        let mut shell = std::process::Command::new("bash");
        shell.arg("-c").arg(command).arg(env!("CARGO_BIN_EXE_rapsheet"));
        shell
            .args(BUILD)
            .args(["--quiet", "--now", crate::sample::NOW, "--report", name])
            .current_dir(dir.path("."));
        let output = shell.output().expect("bash");
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        let report: Value =
            serde_json::from_str(&dir.read("redirected.json")).expect("the report and nothing else");
        assert_eq!(report["feeds"].as_array().map(Vec::len), Some(2), "{name}");
    }
}

#[test]
fn catalogue_without_enabled_feeds_exits_with_2() {
    let dir = build_dir();
    for text in ["", &CATALOG.replace("mode =", "enabled = false\nmode =")] {
        dir.write("catalog.toml", text);
        let output = dir.run(BUILD);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("no feed in it is enabled"), "{}", stderr(&output));
    }
}

/// Runs a build that might block; `None` where it still runs after twenty seconds.
#[cfg(target_os = "linux")]
fn build_in_time(dir: &TestDir) -> Option<i32> {
    let mut child = dir.command(BUILD).stderr(std::process::Stdio::null()).spawn().expect("it runs");
    for _ in 0..2000 {
        if let Some(status) = child.try_wait().expect("a status") {
            return status.code();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().expect("a running process");
    None
}

#[cfg(target_os = "linux")]
#[test]
fn build_does_not_block_on_pipes_and_devices() {
    for (name, expected) in [
        ("downloads/bad-ip.txt.meta.json", 0),
        ("downloads/bad-ip.txt", 3),
        ("out.rap.state", 4),
        ("out.rap", 4),
        ("out.rap.lock", 5),
    ] {
        for device in [None, Some("/dev/zero")] {
            let dir = build_dir();
            let path = dir.path(name);
            let _ = fs::remove_file(&path);
            match device {
                None => assert!(Command::new("mkfifo").arg(&path).status().expect("it runs").success()),
                Some(device) => std::os::unix::fs::symlink(device, &path).expect("a link"),
            }
            assert_eq!(build_in_time(&dir), Some(expected), "{name}: {device:?}");
        }
    }
}

#[test]
fn reports_an_invalid_sidecar() {
    let dir = build_dir();
    for note in ["", "[]", "fetched yesterday", r#"{"fetched_at":"yesterday"}"#, r#"{"bytes":"many"}"#] {
        dir.write("downloads/bad-ip.txt.meta.json", note);
        let output = dir.run(&[BUILD, &["--replace-newer"]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let message = "bad-ip: bad-ip.txt.meta.json is not a valid sidecar";
        assert!(stderr(&output).contains(message), "{note}: {}", stderr(&output));
        assert!(!stderr(&output).contains("struct"), "{note}: {}", stderr(&output));
    }
}

#[test]
fn a_dash_is_no_file_to_write() {
    let dir = build_dir();
    let output = dir.run(&[BUILD, &["--metrics", "-"]].concat());
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--metrics - is no file: name /dev/stdout"), "{}", stderr(&output));
    assert!(!dir.path("-").exists());
}

#[test]
fn reports_stale_and_removed_feeds() {
    let dir = build_dir();
    assert_eq!(code(&dir.run(BUILD)), 0);
    dir.write("catalog.toml", CATALOG.replacen("mode =", "max_age = \"1h\"\nmode =", 2));
    let output = dir.run(BUILD);
    let log = stderr(&output);
    assert_eq!(code(&output), 3, "published, and an operator must look: {log}");
    assert!(log.lines().nth(1).is_some_and(|line| line.contains("stale")), "{log}");
    let reason =
        "bad-ip: stale (old): bad-ip.txt: its download is 21h old, and max_age is 1h: was it fetched?";
    assert!(log.contains(reason), "{log}");
    dir.write("catalog.toml", CATALOG.split("[[feed]]").take(2).collect::<Vec<_>>().join("[[feed]]"));
    let log = stderr(&dir.run(BUILD));
    let ended = "other-ip: it is no longer in the catalogue: its 1 sighting of the previous build ended";
    assert!(log.lines().any(|line| line == ended), "{log}");
}
