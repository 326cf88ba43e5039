//! Many inputs of `score`: compressed files are decompressed ahead, yet rows and errors follow the input
//! order at any number of threads, named pipes are opened in order, and file descriptors and memory are
//! bounded.

use crate::files::gzip;
#[cfg(target_os = "linux")]
use crate::process::memory;
use crate::test_dir::{LOG, TestDir, code, stderr, stdout};
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A log of `lines` lines, one in `every` of them with listed indicators.
fn log(name: &str, lines: usize, every: usize) -> String {
    let mut text = String::new();
    for at in 0..lines {
        let _ = match at % every {
            0 => writeln!(text, "{name} {at} host evilpanel.com asked 45.9.20.5"),
            _ => writeln!(text, "{name} {at} nothing is the matter {}", at * 7919 % 10_007),
        };
    }
    text
}

/// Writes plain and compressed files, a truncated one and folders; returns the inputs, with a missing file
/// among them.
fn write_mixed_inputs(dir: &TestDir) -> Vec<&'static str> {
    dir.write("0.log", log("0", 5_000, 50));
    dir.write("1.gz", gzip(log("1", 150_000, 900).as_bytes()));
    dir.write("2/a.gz", gzip(log("2a", 60_000, 1).as_bytes()));
    dir.write("2/b.gz", gzip(log("2b", 90_000, 31).as_bytes()));
    dir.write("2/c/d.gz", gzip(b""));
    dir.write("2/c/e.log", log("2e", 30_000, 100));
    let cut = gzip(log("3", 60_000, 40).as_bytes());
    dir.write("3.gz", &cut[..cut.len() / 2]);
    dir.write("4.gz", b"\x1f\x8b this was never packed");
    dir.write("5.gz", gzip(log("5", 120_000, 11).as_bytes()));
    vec!["0.log", "missing.gz", "1.gz", "2", "3.gz", "4.gz", "absent.log", "5.gz", "0.log"]
}

#[test]
fn rows_and_errors_follow_the_input_order() {
    let dir = TestDir::new();
    let files = write_mixed_inputs(&dir);
    for more in [["--output", "jsonl"], ["--output", "annotated"], ["--shard", "1/3"]] {
        let (mut rows, mut errors) = (String::new(), String::new());
        for file in &files {
            let alone = dir.run(&["score", "--threads", "1", more[0], more[1], file]);
            rows.push_str(stdout(&alone));
            errors.push_str(&stderr(&alone));
        }
        assert!(rows.len() > 1 << 20 && errors.lines().count() == 4, "{errors}");
        for threads in ["1", "2", "8"] {
            let args = ["score", "--threads", threads, more[0], more[1]];
            let all = dir.run(&[&args, files.as_slice()].concat());
            assert!(stdout(&all) == rows, "rows differ at {threads} threads with {more:?}");
            assert_eq!((stderr(&all), code(&all)), (errors.clone(), 4), "at {threads} threads");
        }
    }
}

#[test]
fn unordered_rows_and_summary_are_complete() {
    let dir = TestDir::new();
    let files = write_mixed_inputs(&dir);
    let run = |more: &[&str]| dir.run(&[&["score"], more, files.as_slice()].concat());
    let sorted = |more: &[&str]| {
        let mut rows: Vec<String> = stdout(&run(more)).lines().map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    };
    assert!(sorted(&["--threads", "8", "--unordered"]) == sorted(&["--threads", "1"]));
    let counted = |threads: &str| stdout(&run(&["--threads", threads, "--summary", "json"])).to_owned();
    assert_eq!(counted("8"), counted("1"));
}

fn fifo(at: &Path) {
    assert!(Command::new("mkfifo").arg(at).status().expect("mkfifo").success());
}

#[cfg(target_os = "linux")]
#[test]
fn opens_a_named_pipe_in_input_order() {
    use std::os::unix::fs::OpenOptionsExt;
    const O_NONBLOCK: i32 = 0o4000;
    const ENXIO: Option<i32> = Some(6);
    let dir = TestDir::new();
    for name in ["a.gz", "d.gz"] {
        dir.write(name, gzip(log(name, 30_000, 500).as_bytes()));
    }
    fifo(&dir.path("c.pipe"));
    for threads in ["1", "2", "8"] {
        let mut command = dir.command(&["score", "--threads", threads, "a.gz", "-", "c.pipe", "d.gz"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a child process");
        let mut stdin = child.stdin.take().expect("a pipe");
        let mut rows = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
        stdin.write_all(LOG.as_bytes()).expect("written");
        let of = |row: &String| {
            row.split("\"file\":\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
        };
        let first: Vec<_> = rows.by_ref().take(122).map(|row| of(&row)).collect();
        assert!(first[..120].iter().all(|file| file.as_deref() == Some("a.gz")), "{first:?}");
        assert_eq!(first[121].as_deref(), Some("-"), "a pipe is answered while it is open");
        let early = OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(dir.path("c.pipe"));
        assert_eq!(early.expect_err("the pipe is not open yet").raw_os_error(), ENXIO);
        drop(stdin);
        let mut pipe = OpenOptions::new().write(true).open(dir.path("c.pipe")).expect("an open pipe");
        pipe.write_all(LOG.as_bytes()).expect("written");
        drop(pipe);
        let rest: Vec<_> = rows.map(|row| of(&row).unwrap_or_default()).collect();
        assert!(rest.is_sorted() && rest.len() > 120 && rest.contains(&"c.pipe".to_owned()), "{rest:?}");
        assert_eq!(child.wait().expect("an exit status").code(), Some(0));
    }
}

#[cfg(unix)]
#[test]
fn a_thousand_files_need_few_file_descriptors() {
    let dir = TestDir::new();
    for at in 0..1000 {
        let text = format!("{at} evilpanel.com\n");
        let packed = at % 3 > 0;
        dir.write(&format!("logs/{at:04}"), if packed { gzip(text.as_bytes()) } else { text.into_bytes() });
    }
    let run = dir.command(&["score", "--threads", "8", "--output", "lines", "logs"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    let envs = run.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell.envs(envs).current_dir(run.get_current_dir().unwrap_or(Path::new(".")));
    let output = shell.output().expect("it runs");
    let expected: String = (0..1000).map(|at| format!("{at} evilpanel.com\n")).collect();
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
    assert!(stdout(&output) == expected);
}

#[cfg(target_os = "linux")]
#[test]
fn read_ahead_is_bounded_while_the_output_blocks() {
    let dir = TestDir::new();
    let packed = gzip(log("x", 120_000, 2).as_bytes());
    for at in 0..12 {
        dir.write(&format!("{at:02}.gz"), &packed);
    }
    for output in ["annotated", "jsonl"] {
        let mut command = dir.command(&["score", "--threads", "8", "--output", output, "."]);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a child process");
        std::thread::sleep(Duration::from_secs(1));
        let kibibytes = memory(&child.id().to_string(), "RssAnon").expect("a running process");
        child.kill().and_then(|()| child.wait()).expect("an exit status");
        assert!((1 << 10..64 << 10).contains(&kibibytes), "{output}: {kibibytes} KiB");
    }
}
