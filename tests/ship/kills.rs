//! Publishing and pulling, killed at system calls that change files, and with such calls failing.
//!
//! Files are as they were between two such calls, so a kill at the entry of each of them shows every state. Here it is
//! those that sync, rename and remove; with `RAPSHEET_KILLS=changing` all that change files, and with
//! `RAPSHEET_KILLS=all` every system call of every kind. strace counts calls by thread.

use super::host::Host;
use super::publisher::{ONE, Publisher, copy_folder};
use crate::consumers::program::program;
use crate::test_dir::stderr;
use rapsheet_ship::Folder;
use rapsheet_snapshot::Snapshot;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

/// The calls that change files.
const CHANGING: &str =
    "openat,write,pwrite64,rename,renameat,renameat2,unlink,unlinkat,fsync,fdatasync,ftruncate,mkdir";

/// A call of a run: its name, and which one of that name it is in its thread.
type Call = (String, usize);

/// Runs a command under strace; returns what it gave and the log.
fn traced(command: &Command, trace: &str, inject: Option<&str>, log: &Path) -> (Output, String) {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "signal=none", "-e", &format!("trace={trace}"), "-o"]).arg(log);
    strace.args(inject.into_iter().flat_map(|inject| ["-e", inject]));
    strace.arg(command.get_program()).args(command.get_args());
    strace.current_dir(command.get_current_dir().expect("a folder"));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    let output = strace.output().expect("strace runs");
    (output, fs::read_to_string(log).expect("a log"))
}

/// The calls of a run that change files; of several writes to a file in a row, the first one.
fn calls(log: &str, is_every: bool) -> BTreeSet<Call> {
    let mut counts = std::collections::BTreeMap::new();
    let (mut found, mut before) = (BTreeSet::new(), String::new());
    for line in log.lines().filter(|line| !line.contains(" resumed>") && !line.contains("+++")) {
        let (thread, call) = line.split_once(' ').expect("a thread and its call");
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        let count = counts.entry((thread.to_owned(), name.to_owned())).or_insert(0);
        *count += 1;
        let target = format!("{name} {}", arguments.split([',', ')']).next().unwrap_or_default());
        let is_write = name.contains("write");
        let changes = match name {
            "openat" => line.contains("O_CREAT"),
            _ if is_write => target != before && !["write 1", "write 2"].contains(&target.as_str()),
            _ => true,
        };
        if is_every && !name.starts_with("exit") && name != "execve" || !is_every && changes {
            found.insert((name.to_owned(), *count));
        }
        before = if is_write { target } else { String::new() };
    }
    found
}

/// Which calls are chosen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Few,
    Changing,
    Every,
}

fn choice() -> Choice {
    match std::env::var("RAPSHEET_KILLS").as_deref() {
        Ok("all") => Choice::Every,
        Ok("changing") => Choice::Changing,
        _ => Choice::Few,
    }
}

/// What a run has before it, and what is to hold after it.
trait Scene {
    /// Everything as it was before the run.
    fn reset(&self);
    /// The run.
    fn command(&self) -> Command;
    /// Checks what a reader finds after the run was cut off. `is_done`: whether it ended well.
    fn check(&self, is_done: bool, context: &str);
    /// Runs it once more, which must end well and leave nothing behind.
    fn heal(&self, context: &str);
}

fn kill_at_each_call(scene: &impl Scene, least: usize) {
    if program("strace").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    let trace = if choice() == Choice::Every { "all" } else { CHANGING };
    scene.reset();
    let (output, text) = traced(&scene.command(), trace, None, &log);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    scene.check(true, "not killed");
    let mut calls = calls(&text, choice() == Choice::Every);
    if choice() == Choice::Few {
        calls.retain(|(name, _)| ["fsync", "rename", "unlink"].contains(&&**name));
    }
    assert!(calls.len() >= least, "{calls:?}");
    let mut killed = 0;
    for (name, number) in calls {
        let context = format!("killed at {name} {number}");
        scene.reset();
        let inject = format!("inject={name}:signal=KILL:when={number}");
        let (output, _) = traced(&scene.command(), trace, Some(&inject), &log);
        killed += usize::from(output.status.signal() == Some(9));
        scene.check(output.status.code() == Some(0), &context);
        scene.heal(&context);
    }
    // How threads share their calls may differ from run to run.
    assert!(killed * 10 >= least * 9, "{killed} of {least}");
}

/// Lets each call that changes files fail: the program's own fault, exit code 5, unless it finds another way.
fn fail_at_each_call(scene: &impl Scene, least: usize, others: &[i32]) {
    if program("strace").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("log");
    scene.reset();
    let (_, text) = traced(&scene.command(), CHANGING, None, &log);
    let mut unfinished = 0;
    let step = if choice() == Choice::Few { 2 } else { 1 };
    for (name, number) in calls(&text, false).into_iter().step_by(step) {
        let error =
            if ["openat", "write", "ftruncate", "mkdir"].contains(&&*name) { "ENOSPC" } else { "EIO" };
        scene.reset();
        let inject = format!("inject={name}:error={error}:when={number}");
        let (output, _) = traced(&scene.command(), CHANGING, Some(&inject), &log);
        let context = format!("{error} at {name} {number}: {}", stderr(&output));
        match output.status.code() {
            Some(5) => {
                unfinished += 1;
                assert!(context.contains("os error"), "it names the cause: {context}");
            }
            code => assert!(code.is_some_and(|code| others.contains(&code)), "{code:?}: {context}"),
        }
        scene.check(output.status.code() == Some(0), &context);
        scene.heal(&context);
    }
    assert!(unfinished >= least, "{unfinished} of {least}");
}

/// A host that has the first publication, and pulls the second one.
struct Pulling {
    publisher: Publisher,
    host: Host,
    saved: tempfile::TempDir,
    before: Vec<u8>,
}

impl Pulling {
    fn new(path: &str) -> Pulling {
        let mut publisher = Publisher::with_publications(60, 1);
        let (before, host) = (publisher.bytes(), Host::of(&publisher.site(), publisher.now()));
        publisher.next();
        if path == "full" {
            publisher.forge(|manifest| manifest.deltas.clear());
        }
        if path == "deltas" {
            publisher.next();
            // Two steps, so that there is a file in between.
            assert_eq!(publisher.manifest().deltas.len(), 2);
        }
        let saved = tempfile::tempdir().expect("a folder");
        copy_folder(&host.path("."), saved.path());
        Pulling { publisher, host, saved, before }
    }
}

fn empty(folder: &Path) {
    for path in crate::files::files(folder) {
        match path.is_dir() {
            true => fs::remove_dir_all(path).expect("removed"),
            false => fs::remove_file(path).expect("removed"),
        }
    }
}

impl Scene for Pulling {
    fn reset(&self) {
        empty(&self.host.path("."));
        copy_folder(self.saved.path(), &self.host.path("."));
    }

    fn command(&self) -> Command {
        let site = self.publisher.site();
        let mut command = self.host.command(site.to_str().expect("UTF-8"), self.publisher.now());
        command.args(["--threads", "1", "--metrics", "m.prom"]);
        command
    }

    fn check(&self, is_done: bool, context: &str) {
        let found = self.host.bytes().expect("a snapshot");
        assert!(found == self.publisher.bytes() || !is_done && found == self.before, "{context}");
        let snapshot = Snapshot::open(self.host.snapshot()).expect("a whole snapshot");
        snapshot.verify_references().expect("a sound snapshot");
        // What is in place was accepted before.
        let is_new = found == self.publisher.bytes();
        let expected = self.publisher.manifest().generation;
        assert!(!is_new || self.host.accepted().generation == expected, "{context}");
    }

    fn heal(&self, context: &str) {
        let output = self.command().output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{context}: {}", stderr(&output));
        self.check(true, context);
        assert_eq!(self.host.names(), ["edge.rap", "edge.rap.pulled", "m.prom"], "{context}");
    }
}

/// A publisher of a second snapshot, and hosts that read while it works.
struct Publishing {
    publisher: Publisher,
    saved: tempfile::TempDir,
    before: Vec<u8>,
    host: Host,
    kept: tempfile::TempDir,
}

impl Publishing {
    fn new() -> Publishing {
        let mut publisher = Publisher::with_publications(60, 1);
        let (before, host) = (publisher.bytes(), Host::of(&publisher.site(), publisher.now()));
        fs::write(publisher.path("k.key"), ONE.secret).expect("written");
        fs::set_permissions(publisher.path("k.key"), fs::Permissions::from_mode(0o600)).expect("a mode");
        let (saved, kept) = (publisher.copy(), tempfile::tempdir().expect("a folder"));
        copy_folder(&host.path("."), kept.path());
        publisher.build();
        Publishing { publisher, saved, before, host, kept }
    }

    /// What a host has after a pull, which succeeds at its first attempt and by the way that it chose.
    fn pulled(&self, host: &Host, context: &str) -> Vec<u8> {
        let site = Folder(self.publisher.site());
        let pulled = host.pull_with(&site, self.publisher.now(), |pull| {
            pull.pause = &|_| unreachable!("a reader has to wait");
        });
        let pulled = pulled.map_err(|(_, text)| format!("{context}: {text}")).expect("a whole generation");
        assert_eq!(pulled.fallback, None, "{context}");
        host.bytes().expect("a snapshot")
    }
}

impl Scene for Publishing {
    fn reset(&self) {
        empty(&self.publisher.site());
        copy_folder(self.saved.path(), &self.publisher.site());
        empty(&self.host.path("."));
        copy_folder(self.kept.path(), &self.host.path("."));
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.current_dir(self.publisher.path("."));
        command.args([
            "ship",
            "publish",
            "--snapshot",
            "newest.rap",
            "--to",
            "site",
            "--secret-key",
            "k.key",
        ]);
        command.args(["--threads", "1", "--now", &self.publisher.now().to_string()]);
        command
    }

    /// A new host and one that has the first publication find the same whole generation.
    fn check(&self, is_done: bool, context: &str) {
        let found = self.pulled(&Host::new(), context);
        assert!(found == self.publisher.bytes() || !is_done && found == self.before, "{context}");
        assert!(self.pulled(&self.host, context) == found, "{context}");
    }

    fn heal(&self, context: &str) {
        let output = self.command().output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{context}: {}", stderr(&output));
        self.check(true, context);
        let listed = String::from_utf8(self.publisher.read("publications.json")).expect("text");
        let mut left = Vec::new();
        for folder in ["full", "delta", "signature"] {
            let files = crate::files::files(&self.publisher.site().join(folder));
            let name =
                |path: &std::path::PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
            left.extend(files.iter().map(|path| format!("{folder}/{}", name(path))));
        }
        assert!(left.iter().all(|path| listed.contains(path.as_str())), "{context}: {left:?}");
        let root = crate::files::files(&self.publisher.site());
        let root: Vec<_> = root.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        let expected =
            ["delta", "full", "latest.json", "latest.json.minisig", "publications.json", "signature"];
        assert_eq!(root, expected, "{context}");
    }
}

#[test]
fn a_pull_of_a_delta_is_killed() {
    kill_at_each_call(&Pulling::new("delta"), 10);
}

#[test]
fn a_pull_of_two_deltas_is_killed() {
    kill_at_each_call(&Pulling::new("deltas"), 12);
}

#[test]
fn a_pull_of_the_whole_is_killed() {
    kill_at_each_call(&Pulling::new("full"), 9);
}

#[test]
fn a_publication_is_killed() {
    kill_at_each_call(&Publishing::new(), 25);
}

#[test]
fn the_calls_of_a_pull_fail() {
    fail_at_each_call(&Pulling::new("full"), 6, &[0]);
}

/// Where a delta cannot be applied, the whole is taken.
#[test]
fn the_calls_of_a_pull_of_a_delta_fail() {
    fail_at_each_call(&Pulling::new("delta"), 2, &[0]);
}

/// A delta that cannot be made is left out, which is exit code 3.
#[test]
fn the_calls_of_a_publication_fail() {
    fail_at_each_call(&Publishing::new(), 10, &[0, 3]);
}
