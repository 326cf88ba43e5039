//! What the system would kill the program for: a snapshot that is cut short while it is read, and memory that
//! it refuses.

use crate::process::memory;
use crate::test_dir::TestDir;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn truncate(dir: &TestDir) {
    let file = OpenOptions::new().write(true).open(dir.path("rapsheet.rap")).expect("the snapshot");
    file.set_len(0).expect("cut short");
}

fn wait(mut child: Child) -> Option<i32> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a child process") {
            return status.code();
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.kill().expect("killed");
    unreachable!("it does not end");
}

#[test]
fn a_lookup_that_waits_answers_from_a_snapshot_that_is_gone() {
    let dir = TestDir::new();
    let mut command = dir.command(&["lookup", "--output", "csv"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child process");
    let mut questions = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut answer = || answers.next().expect("a line").expect("text");
    questions.write_all(b"evilpanel.com\n").expect("written");
    let (_header, before) = (answer(), answer());
    truncate(&dir);
    questions.write_all(b"evilpanel.com\n").expect("written");
    assert_eq!(answer(), before);
    drop(questions);
    assert_eq!(wait(child), Some(0));
}

#[test]
fn following_a_log_goes_on_with_a_snapshot_that_is_gone() {
    let dir = TestDir::new();
    dir.write("x.log", "");
    let mut command = dir.command(&["score", "--follow", "--from", "0", "--output", "lines", "x.log"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child process");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut log = OpenOptions::new().append(true).open(dir.path("x.log")).expect("a log");
    let mut follow = |text: &str| {
        log.write_all(format!("{text} evilpanel.com\n").as_bytes()).expect("written");
        assert_eq!(lines.next().expect("a line").expect("text"), format!("{text} evilpanel.com"));
    };
    follow("first");
    truncate(&dir);
    follow("second");
    // Longer than until the next check for a newer snapshot, which finds that this one is none.
    thread::sleep(Duration::from_millis(2500));
    follow("third");
    assert_eq!(child.try_wait().expect("a child process"), None, "it still runs");
    child.kill().expect("killed");
    let errors = child.wait_with_output().expect("its output").stderr;
    let errors = String::from_utf8_lossy(&errors);
    assert!(errors.contains("going on with the previous snapshot"), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_snapshot_that_is_cut_short_under_a_short_command_ends_it_with_4() {
    let dir = TestDir::new();
    dir.write("x.log", "");
    // A pipe as the log: the command has mapped the snapshot, and waits.
    let mut command = dir.command(&["score", "--output", "lines", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a child process");
    let mut log = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    // Blocks of a pipe are scored as they arrive, so that an answer shows that the snapshot is open.
    log.write_all(b"first evilpanel.com\n").expect("written");
    let began = Instant::now();
    while memory(&child.id().to_string(), "RssFile").unwrap_or(0) == 0
        || began.elapsed() < Duration::from_secs(1)
    {
        thread::sleep(Duration::from_millis(5));
    }
    truncate(&dir);
    let _ = log.write_all(b"second evilpanel.com 45.9.20.5 goodpanel.com\n");
    drop(log);
    let _ = lines.by_ref().count();
    let output = child.wait_with_output().expect("an exit status");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("was cut short") && message.contains("by renaming"), "{message}");
}

/// Runs a command in so much address space, in KiB.
fn limited(dir: &TestDir, kib: u64, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("ulimit -v {kib}; exec \"$0\" \"$@\"")).arg(env!("CARGO_BIN_EXE_rapsheet"));
    let output = command.args(args).args(["--now", crate::sample::NOW]);
    output.current_dir(dir.path(".")).stdin(Stdio::null()).output().expect("it runs")
}

/// The least address space in which the system can map the program, in KiB. With less it is killed before it begins.
#[cfg(target_os = "linux")]
fn least_address_space(dir: &TestDir) -> u64 {
    let begins = |kib: &u64| limited(dir, *kib, &["--version"]).status.code().is_some();
    (12_000..100_000).step_by(500).find(begins).expect("the program begins")
}

#[cfg(target_os = "linux")]
#[test]
fn memory_that_the_system_refuses_ends_every_command_with_5_and_a_message() {
    let dir = TestDir::new();
    let rows: Vec<String> = (0..40_000).map(|at| format!("h{at:x}.evil{}.com\n", at % 977)).collect();
    dir.write("downloads/a.txt", rows.concat());
    dir.write("x.log", "GET evilpanel.com 45.9.20.5 http://panel.net/a\n".repeat(20_000));
    dir.write(
        "catalog.toml",
        "[[feed]]\nid = \"a\"\nprovider = \"one.example\"\nformat = \"plain-domain\"\n",
    );
    let build = ["build", "--catalog", "catalog.toml", "--downloads", "downloads", "--out", "new.rap"];
    let commands: [&[&str]; 9] = [
        &build,
        &["parse", "--format", "plain-domain", "downloads/a.txt"],
        &["lookup", "evilpanel.com"],
        &["score", "x.log"],
        &["score", "--summary", "x.log"],
        &["diff", "rapsheet.rap", "rapsheet.rap"],
        &["verify"],
        &["info"],
        &["feeds"],
    ];
    let (mut refused, least) = (0, least_address_space(&dir));
    for args in commands {
        for kib in (0..12).map(|step| least + step * step * 1_400) {
            let output = limited(&dir, kib, args);
            let (code, message) = (output.status.code(), String::from_utf8_lossy(&output.stderr));
            // 127: the loader itself had no memory, and the program did not begin.
            assert!(
                matches!(code, Some(0..=6 | 127)),
                "{args:?} in {kib} KiB: {:?} {message}",
                output.status
            );
            // What `parse` refuses, it prints as JSON.
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(
                code == Some(0) || !message.is_empty() || printed.contains("out of memory"),
                "{args:?} in {kib} KiB: {code:?} without a message"
            );
            refused += usize::from(code == Some(5));
        }
    }
    assert!(refused > 0, "some of these limits are between none and enough");
}
