//! A snapshot that is replaced while programs answer from it: they take the new one when they ask, and never
//! a damaged one.

use super::{Compiled, library, sample_seconds, source, text_of};
use crate::sample;
use rapsheet_snapshot::{Image, Time};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use tempfile::TempDir;

const FOLLOW: &str = "2";
const FOLLOW_IN_MEMORY: &str = "6";

/// A program that answers line by line.
struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    fn start(answers: &Compiled, path: &Path, flags: &str) -> Session {
        let mut command = answers.command();
        command.arg("follow").arg(path).args([&sample_seconds(), flags]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Session { child, input, output }
    }

    fn answer(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").expect("it reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("it answers");
        answer.trim_end().to_owned()
    }

    fn end(self) {
        let Session { mut child, input, .. } = self;
        drop(input);
        assert!(child.wait().expect("a status").success());
    }
}

/// Puts a file at a path as a build does.
fn replace(path: &Path, write: impl FnOnce(&Path)) {
    let new = path.with_extension("new");
    write(&new);
    fs::rename(new, path).expect("renamed");
}

fn publish_empty(path: &Path) {
    let empty = Image::new(Time::from_unix(1_780_000_000), Vec::new());
    empty.publish(path).expect("a valid snapshot");
}

#[test]
fn a_new_snapshot_answers_from_the_next_refresh_on() {
    let Some(answers) = library().compile_watched(&source("answers.c"), &[]) else { return };
    for flags in [FOLLOW, FOLLOW_IN_MEMORY] {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("s.rap");
        sample::publish(&path);
        let mut session = Session::start(&answers, &path, flags);
        assert_eq!(session.answer("45.9.20.5"), "1 1 1");
        assert_eq!(session.answer("!refresh"), "same");
        replace(&path, publish_empty);
        assert_eq!(session.answer("45.9.20.5"), "1 1 1", "nothing is taken unasked");
        assert_eq!(session.answer("!refresh"), "replaced");
        assert_eq!(session.answer("45.9.20.5"), "5 0 0");
        replace(&path, |new| fs::write(new, b"no snapshot").expect("written"));
        let refused = session.answer("!refresh");
        assert!(refused.starts_with("4: ") && refused.contains("not a valid snapshot"), "{refused}");
        assert_eq!(session.answer("!refresh"), "same", "it is reported once");
        assert_eq!(session.answer("45.9.20.5"), "5 0 0", "the previous one goes on");
        replace(&path, sample::publish);
        assert_eq!(session.answer("!refresh"), "replaced");
        assert_eq!(session.answer("45.9.20.5"), "1 1 1");
        session.end();
    }
}

#[test]
fn nothing_is_answered_from_a_mapped_file_that_was_written_to() {
    let Some(answers) = library().compile_watched(&source("answers.c"), &[]) else { return };
    for (flags, is_mapped) in [(FOLLOW, true), (FOLLOW_IN_MEMORY, false)] {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("s.rap");
        sample::publish(&path);
        let mut session = Session::start(&answers, &path, flags);
        assert_eq!(session.answer("45.9.20.5"), "1 1 1", "it is open");
        let mut bytes = fs::read(&path).expect("the sample");
        *bytes.last_mut().expect("a byte") ^= 1;
        // In place, and as long as before: a map of a file that is shorter is a fault of the system's.
        let mut file = fs::OpenOptions::new().write(true).open(&path).expect("the sample");
        file.write_all(&bytes).expect("written");
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
        assert!(session.answer("!refresh").starts_with("4: "));
        let answer = session.answer("45.9.20.5");
        match is_mapped {
            true => assert!(answer.starts_with("4: ") && answer.contains("renaming"), "{answer}"),
            false => assert_eq!(answer, "1 1 1"),
        }
        replace(&path, sample::publish);
        assert_eq!(session.answer("!refresh"), "replaced");
        assert_eq!(session.answer("45.9.20.5"), "1 1 1");
        session.end();
    }
}

#[test]
fn threads_get_right_answers_while_the_snapshot_is_replaced() {
    let Some(threads) = library().compile_watched(&source("threads.c"), &["-pthread"]) else { return };
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("s.rap");
    sample::publish(&path);
    let listed =
        ["45.9.20.5", "evilpanel.com", "h7.evilpanel.com", "goodpanel.com", "http://evilpanel.com/x"];
    let others = (0..500)
        .flat_map(|n| [format!("203.0.113.{}", n % 256), format!("h{n}.site.example"), format!("x{n}")]);
    let input: String = listed.into_iter().map(str::to_owned).chain(others).map(|line| line + "\n").collect();
    let mut command = threads.command();
    command.arg(&path).args([&sample_seconds(), "1000"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    while child.try_wait().expect("a status").is_none() {
        replace(&path, sample::publish);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let text = text_of(&child.wait_with_output().expect("an exit status"));
    let numbers: Vec<u64> = text.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!(numbers.len(), 3, "{text}");
    assert_eq!(numbers[2], 0, "{text}");
    assert!(numbers[0] > 10_000 && numbers[1] > 5, "{text}");
}
