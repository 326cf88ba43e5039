//! The command line: `lookup`, `info`, `verify`, `feeds`, `formats` and `generate`, exit codes, stdout and
//! stderr.

use crate::test_dir::{LOG, TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn help_and_version_print_to_stdout() {
    let dir = TestDir::new();
    for args in [&["--help"][..], &["-h"], &["--version"], &["lookup", "--help"]] {
        let output = dir.run(args);
        assert_eq!(code(&output), 0, "{args:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{args:?}");
    }
    assert!(stdout(&dir.run(&["--help"])).contains("Exit codes:"));
}

#[test]
fn usage_errors_exit_with_2() {
    let dir = TestDir::new();
    for args in [
        &[][..],
        &["nonsense"],
        &["lookup", "--format", "xml", "45.9.20.5"],
        &["lookup", "--at", "yesterday", "45.9.20.5"],
        &["--threads", "0", "info"],
        &["score", "--input", "xml"],
        &["score", "--output", "yaml"],
        &["score", "--input", "text", "--field", "host"],
        &["parse", "--format", "nonsense", "x"],
        &["parse", "--format", "plain-ip", "--option", "nonsense=1", "x"],
        &["formats", "nonsense"],
    ] {
        let output = dir.run(args);
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn lookup_json_is_the_documented_object() {
    let dir = TestDir::new();
    let output = dir.run(&["lookup", "-o", "jsonl", "45[.]9[.]20[.]5"]);
    let expected = concat!(
        r#"{"input":"45[.]9[.]20[.]5","indicator":"45.9.20.5","type":"ipv4","status":1,"#,
        r#""verdict":"blocklisted","detected_by":1,"#,
        r#""failed":1,"at":"2026-11-22T00:00:00Z","sources":[{"provider":"bad.example","feed":"bad-ip","#,
        r#""status":1,"assessments":["botnet"],"matched":"45.9.20.5","first_seen":"2026-11-01T03:00:00Z","#,
        r#""detect_time":"2026-11-20T03:00:00Z","update_time":"2026-11-20T03:00:00Z","#,
        r#""expires":"2026-12-05T03:00:00Z","stale":false}]}"#,
        "\n"
    );
    assert_eq!((code(&output), stdout(&output)), (0, expected));
    let pretty = dir.run(&["lookup", "--output", "json", "45[.]9[.]20[.]5"]);
    let pretty: Value = serde_json::from_str(stdout(&pretty)).expect("JSON");
    assert_eq!(pretty, serde_json::from_str::<Value>(expected).expect("JSON"));
}

#[test]
fn all_sources_includes_providers_without_a_match() {
    let dir = TestDir::new();
    let output = dir.run(&["lookup", "--format", "jsonl", "--all-sources", "45.9.20.6", "a.evilpanel.com"]);
    let answers = json_lines(&output);
    let update = "2026-11-20T03:00:00Z";
    let row =
        |provider: &str, status: u8| json!({"provider": provider, "status": status, "update_time": update});
    assert_eq!(
        answers[0]["sources"],
        json!([row("bad.example", 5), row("good.example", 5), row("lost.example", 3)])
    );
    assert_eq!((&answers[0]["status"], &answers[0]["verdict"]), (&json!(5), &json!("unknown")));
    assert_eq!(answers[1]["sources"][0]["matched"], json!("evilpanel.com"));
    assert_eq!(answers[1]["sources"].as_array().map(Vec::len), Some(3));
}

#[test]
fn invalid_argument_gets_an_error_object_and_others_are_answered() {
    let dir = TestDir::new();
    let output = dir.run(&["lookup", "--format", "jsonl", "010.0.0.1", "goodpanel.com"]);
    assert_eq!(code(&output), 2);
    let mut lines = stdout(&output).lines();
    assert_eq!(lines.next(), Some(r#"{"input":"010.0.0.1","indicator":"010.0.0.1","error":"leading-zero"}"#));
    assert!(lines.next().is_some_and(|line| line.contains(r#""verdict":"allowlisted""#)));
}

#[test]
fn lookup_reads_questions_from_stdin() {
    let dir = TestDir::new();
    let output =
        dir.run_with_input(&["lookup", "--format", "jsonl"], b"45.9.20.5\r\n\n  evilpanel.com\nnone.example");
    let verdicts: Vec<Value> = json_lines(&output).iter().map(|answer| answer["verdict"].clone()).collect();
    assert_eq!(verdicts, ["blocklisted", "blocklisted", "unknown"]);
    let inputs: Vec<Value> = json_lines(&output).iter().map(|answer| answer["input"].clone()).collect();
    assert_eq!(inputs, ["45.9.20.5", "  evilpanel.com", "none.example"], "as they were typed");
    let long = [b"x".repeat(200_000).as_slice(), b"\n45.9.20.5\n"].concat();
    let output = dir.run_with_input(&["lookup", "--format", "jsonl", "-"], &long);
    let answers = json_lines(&output);
    assert_eq!((code(&output), answers.len()), (2, 2));
    assert_eq!((&answers[0]["error"], &answers[1]["status"]), (&json!("too-long"), &json!(1)));
}

#[test]
fn exit_code_1_requires_the_exit_code_flag() {
    let dir = TestDir::new();
    assert_eq!(code(&dir.run(&["lookup", "45.9.20.5"])), 0);
    assert_eq!(code(&dir.run(&["lookup", "--exit-code", "45.9.20.5"])), 1);
    assert_eq!(code(&dir.run(&["lookup", "--exit-code", "goodpanel.com"])), 0);
    assert_eq!(code(&dir.run(&["lookup", "--exit-code", "--at", "2026-12-06", "45.9.20.5"])), 0);
}

#[test]
fn metadefender_lists_every_provider_once() {
    let dir = TestDir::new();
    let output = dir.run(&["lookup", "--format", "metadefender", "45.9.20.5", "http://evilpanel.com/x"]);
    let expected = concat!(
        r#"{"success":true,"address":"45.9.20.5","lookup_results":{"start_time":"2026-11-22T00:00:00.000Z","detected_by":1,"#,
        r#""sources":[{"provider":"bad.example","assessment":"botnet","detect_time":"2026-11-20T03:00:00.000000Z","#,
        r#""update_time":"2026-11-20T03:00:00.000000Z","status":1},{"provider":"good.example","assessment":"","#,
        r#""detect_time":"","update_time":"2026-11-20T03:00:00.000000Z","status":5},{"provider":"lost.example","#,
        r#""assessment":"","detect_time":"","update_time":"2026-11-20T03:00:00.000000Z","status":3}]},"#,
        r#""geo_info":{"country":{"code":"","name":""},"city":{"name":""},"#,
        r#""location":{"latitude":0,"longitude":0},"subdivisions":[]}}"#
    );
    assert_eq!(stdout(&output).lines().next(), Some(expected));
    let url: Value = serde_json::from_str(stdout(&output).lines().nth(1).expect("two")).expect("JSON");
    assert_eq!((&url["geo_info"], &url["lookup_results"]["detected_by"]), (&Value::Null, &json!(1)));
}

#[test]
fn text_and_csv_output_escapes_control_characters() {
    let dir = TestDir::new();
    for format in ["text", "csv"] {
        let output = dir.run(&["lookup", "--format", format, "a\x1b[31mb", "45.9.20.5", "goodpanel.com"]);
        assert_eq!(code(&output), 2);
        assert!(!output.stdout.contains(&0x1b) && stdout(&output).contains("\\x1b[31m"), "{output:?}");
        assert!(stdout(&output).contains("blocklisted") && stdout(&output).contains("allowlisted"));
    }
    let colored = dir.run(&["lookup", "--color", "always", "45.9.20.5"]);
    assert!(stdout(&colored).contains("\x1b[31mblocklisted\x1b[0m"));
    let error = dir.run(&["a\x1b[31mb"]);
    assert!(!error.stderr.contains(&0x1b) && code(&error) == 2, "{error:?}");
}

#[test]
fn damaged_or_missing_snapshot_exits_with_4() {
    let dir = TestDir::new();
    assert_eq!(code(&dir.run(&["verify"])), 0);
    assert!(stdout(&dir.run(&["verify"])).contains(": ok, "));
    let verified: Value = serde_json::from_str(stdout(&dir.run(&["verify", "-o", "json"]))).expect("JSON");
    assert_eq!((&verified["ok"], &verified["path"]), (&json!(true), &json!("rapsheet.rap")));
    let mut bytes = fs::read(dir.path("rapsheet.rap")).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    dir.write("damaged.rap", &bytes);
    dir.write("short.rap", &bytes[..middle]);
    dir.write("empty.rap", "");
    for name in ["damaged.rap", "short.rap", "empty.rap", "missing.rap", "."] {
        for args in [&["verify"][..], &["info"], &["lookup", "45.9.20.5"], &["score"], &["feeds"]] {
            let output = dir.run(&[&["--snapshot", name], args].concat());
            assert_eq!(code(&output), 4, "{name} {args:?}: {}", stderr(&output));
            assert!(output.stdout.is_empty() && !output.stderr.is_empty());
        }
    }
    let named = dir.command(&["info"]).env("RAPSHEET_SNAPSHOT", "missing.rap").output().expect("it runs");
    assert_eq!(code(&named), 4);
}

#[test]
fn info_and_feeds_report_counts_and_states() {
    let dir = TestDir::new();
    let info: Value = serde_json::from_str(stdout(&dir.run(&["info", "--json"]))).expect("JSON");
    assert_eq!(info["entries"], json!({"ipv4": 1, "ipv6": 0, "names": 2, "urls": 0}));
    assert_eq!((&info["sightings"], &info["record_sets"]), (&json!(3), &json!(3)));
    let feeds: Value = serde_json::from_str(stdout(&dir.run(&["feeds", "--json"]))).expect("JSON");
    let of =
        |id: &str| feeds.as_array().and_then(|rows| rows.iter().find(|row| row["id"] == id)).expect("a row");
    assert_eq!((&of("lost-ip")["state"], &of("lost-ip")["stale"]), (&json!("failed"), &json!(true)));
    assert_eq!((&of("bad-ip")["stale"], &of("bad-ip")["age_seconds"]), (&json!(false), &json!(162_000)));
    for args in [["info"], ["feeds"]] {
        let output = dir.run(&args);
        assert!(stdout(&output).lines().all(|line| line.chars().count() <= 100), "{}", stdout(&output));
        let (lost, bad) = (stdout(&output).find("lost-ip"), stdout(&output).find("bad-ip"));
        assert!(lost < bad, "failed feeds come first");
    }
}

#[test]
fn formats_are_listed_and_explained() {
    let dir = TestDir::new();
    assert!(stdout(&dir.run(&["formats"])).contains("plain-ip"));
    assert!(stdout(&dir.run(&["formats", "plain-ip"])).contains("example: "));
    let rows: Value = serde_json::from_str(stdout(&dir.run(&["formats", "--json"]))).expect("JSON");
    assert!(rows.as_array().is_some_and(|rows| rows.iter().any(|row| row["id"] == "plain-ip")));
}

#[test]
fn parse_suggests_a_next_command_unless_quiet() {
    let dir = TestDir::new();
    dir.write("half.txt", "45.9.20.0/24\n010.1.1.1\n");
    let message = |args: &[&str]| stderr(&dir.run(&[&["parse", "half.txt"], args].concat())).to_owned();
    assert!(message(&[]).contains("name another with --format"), "{}", message(&[]));
    assert!(message(&["--format", "plain-ip"]).contains("without --format"));
    assert_eq!(message(&["--quiet"]), "");
}

#[test]
fn generate_writes_completions_and_manual_pages() {
    let dir = TestDir::new();
    assert!(stdout(&dir.run(&["generate", "completions", "bash"])).contains("rapsheet"));
    fs::create_dir(dir.path("man")).expect("a folder");
    assert_eq!(code(&dir.run(&["generate", "man", "man"])), 0);
    assert!(dir.read("man/rapsheet-lookup.1").contains("Look indicators up"));
    assert_eq!(code(&dir.run(&["generate", "man", "no/such/folder"])), 5);
}

#[test]
#[cfg(target_os = "linux")]
fn full_disk_exits_with_5_and_closed_pipe_with_0() {
    let dir = TestDir::new();
    dir.write("x.log", LOG);
    for args in [
        &["--help"][..],
        &["lookup", "45.9.20.5"],
        &["lookup", "--format", "csv", "45.9.20.5"],
        &["score", "x.log"],
        &["info"],
        &["verify"],
        &["feeds", "--json"],
        &["formats"],
        &["generate", "completions", "zsh"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = dir.command(args).stdout(full).output().expect("it runs");
        assert_eq!(code(&output), 5, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("writing the output failed"), "{args:?}");

        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = dir.command(args).stdout(writer).output().expect("it runs");
        assert_eq!((code(&output), stderr(&output).as_str()), (0, ""), "{args:?}");
    }
}

#[test]
#[cfg(unix)]
fn accepts_arguments_that_are_not_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let dir = TestDir::new();
    let name = OsStr::from_bytes(b"log-\xff\x1b");
    fs::write(dir.folder.path().join(name), LOG).expect("written");
    let output = dir.run(&[OsStr::new("score"), name]);
    assert_eq!((code(&output), json_lines(&output).len() > 1), (0, true));
    let output = dir.run(&[OsStr::new("lookup"), OsStr::new("--format"), OsStr::new("jsonl"), name]);
    assert_eq!((code(&output), json_lines(&output).len()), (2, 1));
    for args in [
        [OsStr::new("--snapshot"), name, OsStr::new("info")],
        [OsStr::new("lookup"), OsStr::new("--at"), name],
    ] {
        let output = dir.run(&args);
        assert!([2, 4].contains(&code(&output)) && !output.stderr.contains(&0x1b), "{output:?}");
    }
}

/// `cargo test` builds the examples; `cargo test --test rapsheet` does not.
#[test]
fn examples_answer() {
    let dir = TestDir::new();
    let folder = Path::new(env!("CARGO_BIN_EXE_rapsheet")).with_file_name("examples");
    if !folder.join("embed").exists() || !folder.join("follow").exists() {
        println!("skipped: the examples were not built");
        return;
    }
    let embed = Command::new(folder.join("embed"))
        .current_dir(dir.folder.path())
        .args(["rapsheet.rap", "45.9.20.5", "a.evilpanel.com"])
        .output()
        .expect("it runs");
    let text = stdout(&embed);
    assert!(text.contains("bad.example lists evilpanel.com since 2026-11-01"), "{text}{}", stderr(&embed));
    assert!(text.contains("\n[Blocked, Blocked]\n"), "{text}");
    let mut follow = Command::new(folder.join("follow"))
        .current_dir(dir.folder.path())
        .arg("rapsheet.rap")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    follow.stdin.take().expect("a pipe").write_all(b"45.9.20.5\n!\n").expect("written");
    let output = follow.wait_with_output().expect("an exit status");
    assert_eq!(stdout(&output).lines().count(), 2, "{}", stdout(&output));
}
