//! Placing a download and its note: killed at every system call, and on disks that are full.
//!
//! strace kills the thread of a transfer where it enters a system call. It is attached while the server holds its
//! answer back, so that the calls are those of receiving and placing, and no others.

use super::folder::{Folder, LIST, OTHER, minute};
use super::server::{Answer, Request, Server};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The lists before and after; they differ in how many entries they have.
fn longer() -> String {
    format!("{OTHER}45.9.20.9\n")
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited too long for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A server that has one more answer, and holds it back.
fn held_back(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> (Server, Arc<AtomicBool>) {
    let server = Server::start();
    let gate = Arc::new(AtomicBool::new(true));
    let is_open = Arc::clone(&gate);
    server.on("/a", move |request| {
        wait_for("the gate", || is_open.load(Ordering::SeqCst));
        answer(request)
    });
    (server, gate)
}

/// Attaches strace to all threads of a process but its first one.
fn attach(child: &Child, folder: &Folder, kill_at: Option<(&str, usize)>) -> Child {
    let tasks = crate::files::files(format!("/proc/{}/task", child.id()).as_ref());
    let mut strace = Command::new("strace");
    strace.args(["-e", "trace=all", "-e", "signal=none", "-o"]).arg(folder.path("strace"));
    if let Some((call, number)) = kill_at {
        strace.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
    }
    let names = tasks.iter().filter_map(|task| task.file_name()?.to_str());
    names.filter(|name| *name != child.id().to_string()).for_each(|name| {
        strace.args(["-p", name]);
    });
    let mut strace = strace.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("strace");
    let mut lines = BufReader::new(strace.stderr.take().expect("a pipe"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    assert!(line.contains("attached"), "{line}");
    thread::spawn(move || lines.lines().for_each(drop));
    strace
}

/// Runs `fetch`, and kills it at a call of its transfer. Returns the calls that there were.
fn killed(
    server: &Server,
    gate: &AtomicBool,
    folder: &Folder,
    kill_at: Option<(&str, usize)>,
) -> BTreeMap<String, usize> {
    gate.store(false, Ordering::SeqCst);
    let (before, now) = (server.requests().len(), minute(120).to_string());
    let mut command = folder.command(&folder.fetch_args(&now, &["--connections", "1", "--quiet"]));
    let mut child = command.stderr(Stdio::null()).spawn().expect("it runs");
    wait_for("a request", || server.requests().len() > before);
    let mut strace = attach(&child, folder, kill_at);
    gate.store(true, Ordering::SeqCst);
    let status = child.wait().expect("ended");
    strace.wait().expect("ended");
    assert!(kill_at.is_none() || status.code().is_none(), "it was killed at {kill_at:?}: {status}");
    let mut calls = BTreeMap::new();
    let log = fs::read_to_string(folder.path("strace")).expect("a log");
    for line in log.lines().filter(|line| !line.contains(" resumed>")) {
        let call = line.split('(').next().unwrap_or_default();
        let name = call.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        if line.contains('(') && !name.is_empty() && !name.starts_with("exit") {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// What `build` makes of the folder: how many entries, and since when.
fn seen_by_build(folder: &Folder) -> (Value, Value) {
    let feed = folder.built(240, "a");
    assert_eq!(feed["state"], "ok", "{feed}");
    (feed["accepted"].clone(), feed["update_time"].clone())
}

/// A folder with the old pair, made anew.
fn reset(folder: &Folder, pair: &BTreeMap<String, Vec<u8>>) {
    fs::remove_dir_all(folder.path("d")).expect("removed");
    fs::create_dir(folder.path("d")).expect("made");
    for (name, bytes) in pair {
        fs::write(folder.path("d").join(name), bytes).expect("written");
    }
    let fetched_at = folder.noted("a.txt", "fetched_at").unix();
    let file = fs::File::options().write(true).open(folder.path("d/a.txt")).expect("a file");
    let time = std::time::UNIX_EPOCH + Duration::from_secs(fetched_at.cast_unsigned());
    file.set_modified(time).expect("a time");
}

fn files(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let paths = crate::files::files(&folder.path("d"));
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("a file"))
    };
    paths.iter().map(read).filter(|(name, _)| !name.ends_with(".lock")).collect()
}

/// Kills a run that gets this answer at every call, and looks at what is left.
fn dies_everywhere(test: &str, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: {test} needs strace");
        return;
    }
    let (server, gate) = held_back(answer);
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    let (pair, before) = (files(&folder), seen_by_build(&folder));
    let calls = killed(&server, &gate, &folder, None);
    let after = seen_by_build(&folder);
    assert_ne!(before, after, "the run does something");
    assert!(calls.keys().any(|name| name.starts_with("rename")), "{calls:?}");
    assert!(calls.keys().any(|name| name.starts_with("fsync") || name.starts_with("fdatasync")), "{calls:?}");
    let is_of_files = |name: &&String| {
        [
            "open",
            "write",
            "pwrite",
            "fsync",
            "fdatasync",
            "rename",
            "unlink",
            "link",
            "utime",
            "ftruncate",
            "fchmod",
            "close",
        ]
        .iter()
        .any(|start| name.starts_with(start))
    };
    let (mut states, mut kills) = ([0, 0], 0);
    for name in calls.keys().filter(is_of_files) {
        for number in 1..=calls[name] {
            reset(&folder, &pair);
            killed(&server, &gate, &folder, Some((name, number)));
            let seen = seen_by_build(&folder);
            assert!(
                seen == before || seen == after,
                "{name} {number}: {seen:?}, not {before:?} or {after:?}"
            );
            states[usize::from(seen == after)] += 1;
            kills += 1;
            folder.fetch(360);
            assert_eq!(seen_by_build(&folder).0, after.0, "{name} {number}: the next run heals it");
            assert_eq!(folder.names(), ["a.txt", "a.txt.meta.json"], "{name} {number}: nothing is left over");
        }
    }
    eprintln!("{test}: {kills} kills among {calls:?}; the old pair {}, the new one {}", states[0], states[1]);
    assert!(states[0] > 3 && states[1] > 0, "{kills} kills: {states:?}");
}

#[test]
fn killed_at_any_call_a_new_list_or_the_old_one_is_there() {
    let is_first = AtomicBool::new(true);
    dies_everywhere("a new list", move |_| match is_first.swap(false, Ordering::SeqCst) {
        true => Answer::list(LIST).header("ETag", "\"v1\""),
        false => Answer::list(longer()).header("ETag", "\"v2\""),
    });
}

#[test]
fn killed_at_any_call_a_confirmation_is_there_or_not() {
    dies_everywhere("a confirmation", |request| match request.is_conditional() {
        false => Answer::list(LIST).header("ETag", "\"v1\""),
        true => Answer::not_modified().header("ETag", "\"v1\""),
    });
}

/// An old pair, and a large list that comes next.
fn old_pair() -> (Server, Folder) {
    let server = Server::start();
    server.queue("/a", [Answer::list(LIST), Answer::list(OTHER.repeat(20_000))]);
    let folder = Folder::with_feed(&server.url("/a"));
    folder.fetch(0).assert_state("fetched");
    (server, folder)
}

/// Files may have 64 KiB at most.
#[test]
fn a_file_that_may_not_grow_fails_and_the_old_pair_stays() {
    let (_server, folder) = old_pair();
    let before = folder.note("a.txt");
    let now = minute(120).to_string();
    let run = folder.command(&folder.fetch_args(&now, &[]));
    let mut shell = Command::new("bash");
    shell.args(["-c", "ulimit -f 64; exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    let output = shell.current_dir(folder.root()).output().expect("bash");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let report = super::folder::json(&folder.path("r.json"));
    assert_eq!(super::folder::row(&report, "a")["state"], "failed", "{report}");
    assert_eq!(
        (folder.text("a.txt").as_str(), &folder.note("a.txt")["fetched_at"]),
        (LIST, &before["fetched_at"])
    );
    assert_eq!(folder.names(), ["a.txt", "a.txt.meta.json"]);
}

/// A disk of 128 KiB. What it held at the end is copied, since it goes with the shell that mounted it.
#[test]
fn a_full_disk_fails_and_the_old_pair_stays() {
    let (_server, folder) = old_pair();
    let before = folder.note("a.txt");
    let now = minute(120).to_string();
    let run = folder.command(&folder.fetch_args(&now, &[]));
    let script = "cp -a d old && mount -t tmpfs -o size=128k none d && cp -a old/. d/ || exit 99
        \"$0\" \"$@\"; code=$?; rm -rf old; cp -a d old; exit $code";
    let mut shell = Command::new("unshare");
    shell.args(["-m", "bash", "-c", script]).arg(run.get_program()).args(run.get_args());
    match shell.current_dir(folder.root()).output() {
        Ok(output) if matches!(output.status.code(), Some(0 | 3)) => {
            assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        }
        other => return eprintln!("skipped: a_full_disk needs to mount a disk: {other:?}"),
    }
    fs::remove_dir_all(folder.path("d")).expect("removed");
    fs::rename(folder.path("old"), folder.path("d")).expect("renamed");
    let report = super::folder::json(&folder.path("r.json"));
    let reason = super::folder::row(&report, "a")["reason"].as_str().unwrap_or_default().to_lowercase();
    assert!(reason.contains("space"), "{reason}");
    assert_eq!(
        (folder.text("a.txt").as_str(), &folder.note("a.txt")["fetched_at"]),
        (LIST, &before["fetched_at"])
    );
    assert_eq!(folder.names(), ["a.txt", "a.txt.meta.json"]);
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let (server, folder) = old_pair();
    server.always("/a", Answer::list(OTHER.repeat(20_000)).drip(Duration::from_millis(1)));
    let now = minute(120).to_string();
    let mut child =
        folder.command(&folder.fetch_args(&now, &[])).stderr(Stdio::null()).spawn().expect("it runs");
    wait_for("a part", || crate::files::files(&folder.path("d")).len() > 4);
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(folder.text("a.txt"), LIST);
    server.always("/a", Answer::list(OTHER));
    folder.fetch(240).assert_state("fetched");
    assert_eq!(
        (folder.text("a.txt").as_str(), folder.names()),
        (OTHER, vec!["a.txt".into(), "a.txt.meta.json".into()])
    );
}

/// Files that look like ours and are an operator's stay.
#[test]
fn files_of_others_stay() {
    let (_server, folder) = old_pair();
    let others = ["b.txt", "a.txt.orig", ".hidden", "a.txt.tmp", "tmp"];
    for name in others {
        fs::write(folder.path("d").join(name), "mine").expect("written");
    }
    folder.fetch(120).assert_state("fetched");
    for name in others {
        assert_eq!(folder.text(name), "mine", "{name}");
    }
}

#[test]
fn a_folder_in_the_place_of_a_file_fails() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    fs::create_dir(folder.path("d/a.txt")).expect("a folder");
    fs::write(folder.path("d/a.txt/x"), "mine").expect("written");
    let run = folder.fetch(0);
    assert_eq!((run.state("a").as_str(), run.code), ("failed", 3), "{}", run.stderr);
    assert_eq!(fs::read_to_string(folder.path("d/a.txt/x")).expect("still there"), "mine");
}

#[test]
fn a_link_in_the_place_of_a_file_is_replaced_and_not_followed() {
    let server = Server::start();
    server.always("/a", Answer::list(LIST));
    let folder = Folder::with_feed(&server.url("/a"));
    fs::write(folder.path("precious"), "mine").expect("written");
    std::os::unix::fs::symlink(folder.path("precious"), folder.path("d/a.txt")).expect("a link");
    folder.fetch(0);
    assert_eq!(fs::read_to_string(folder.path("precious")).expect("still there"), "mine");
}
