//! A temporary folder in which a test runs the program.

use crate::sample::{self, NOW};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A temporary folder that contains the sample snapshot, `rapsheet.rap`.
pub(crate) struct TestDir {
    /// The folder.
    pub(crate) folder: TempDir,
}

impl TestDir {
    /// A new folder.
    pub(crate) fn new() -> TestDir {
        let dir = TestDir { folder: TempDir::new().expect("a folder") };
        sample::publish(&dir.path("rapsheet.rap"));
        dir
    }

    /// The path of a file in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and creates its parent folders.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("written");
    }

    /// Reads a text file.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a text file")
    }

    /// The program with arguments; `--now` is [`NOW`] unless they contain another.
    pub(crate) fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.current_dir(self.folder.path()).env_remove("RAPSHEET_SNAPSHOT").args(args);
        if !args.iter().any(|arg| arg.as_ref() == "--now") {
            command.args(["--now", NOW]);
        }
        command
    }

    /// Runs the program with an empty stdin.
    pub(crate) fn run(&self, args: &[impl AsRef<OsStr>]) -> Output {
        self.command(args).stdin(Stdio::null()).output().expect("it runs")
    }

    /// Runs the program with `stdin` as its input.
    pub(crate) fn run_with_input(&self, args: &[&str], stdin: &[u8]) -> Output {
        let mut command = self.command(args);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let mut pipe = child.stdin.take().expect("a pipe");
        let stdin = stdin.to_vec();
        let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
        let output = child.wait_with_output().expect("an exit status");
        writer.join().expect("a finished writer");
        output
    }
}

/// The exit code. A program ended by a signal has none, and fails the test.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("an exit code, not a signal")
}

/// The text on stdout.
pub(crate) fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("text")
}

/// The text on stderr.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The objects on stdout, one a line.
pub(crate) fn json_lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// A log of three lines; the sample snapshot lists an indicator of the first and of the third.
pub(crate) const LOG: &str = "\
2026-11-21 GET http://evilpanel.com/gate 45.9.20.6
nothing to see
2026-11-21 login from 45.9.20.5
";
