//! A catalogue and a folder of downloads in which a test runs `fetch`, `update` and `build`.

use crate::test_dir::{code, stderr, stdout};
use rapsheet_snapshot::Time;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// The clock of the first run of a test.
pub(crate) const START: &str = "2026-11-22T00:00:00Z";
/// A list that `plain-ip` reads.
pub(crate) const LIST: &str = "45.9.20.5\n45.9.20.6\n45.9.20.7\n";
/// Another one.
pub(crate) const OTHER: &str = "45.9.20.5\n45.9.20.6\n45.9.20.8\n";

/// An instant, so many minutes after [`START`].
pub(crate) fn minute(minutes: i64) -> Time {
    Time::parse_rfc3339(START).expect("a time").plus(minutes * 60)
}

/// Variables that would lead a client elsewhere, or make it trust others.
const VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "CREDENTIALS_DIRECTORY",
    "RAPSHEET_SNAPSHOT",
];

/// A folder with `catalog.toml` and, in `d`, the downloads.
pub(crate) struct Folder {
    folder: TempDir,
    catalog: String,
    /// More variables of its runs.
    pub(crate) variables: Vec<(String, String)>,
}

impl Folder {
    /// An empty one.
    pub(crate) fn new() -> Folder {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("d")).expect("a folder");
        let variables = vec![("RAPSHEET_RETRY_DELAY_MS".to_owned(), "10".to_owned())];
        Folder { folder, catalog: String::new(), variables }
    }

    /// One with the feed `a`.
    pub(crate) fn with_feed(url: &str) -> Folder {
        let mut folder = Folder::new();
        folder.feed("a", url, "");
        folder
    }

    /// Adds a feed of addresses that may come from loopback; `keys` are more lines of its table.
    pub(crate) fn feed(&mut self, id: &str, url: &str, keys: &str) {
        self.feed_outside(id, url, &format!("private_network = true\n{keys}"));
    }

    /// Adds a feed that may not come from loopback.
    pub(crate) fn feed_outside(&mut self, id: &str, url: &str, keys: &str) {
        let defaults = [("file", format!("{id}.txt")), ("provider", format!("{id}.example"))];
        let mut table = format!("[[feed]]\nid = \"{id}\"\nurl = \"{url}\"\nformat = \"plain-ip\"\n");
        for (key, value) in defaults {
            if !keys.contains(&format!("{key} =")) {
                writeln!(table, "{key} = \"{value}\"").expect("written to a string");
            }
        }
        self.catalog += &format!("{table}{keys}\n");
    }

    /// Adds the limits of a host.
    pub(crate) fn host(&mut self, host: &str, limits: &str) {
        self.catalog += &format!("[host.\"{host}\"]\n{limits}\n");
    }

    /// Begins the catalogue anew.
    pub(crate) fn clear_catalog(&mut self) {
        self.catalog.clear();
    }

    /// Sets a variable of the runs.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The command `rapsheet`, in this folder, with the catalogue written.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        fs::write(self.path("catalog.toml"), &self.catalog).expect("a written catalogue");
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.current_dir(self.folder.path()).envs(self.variables.iter().cloned()).args(args);
        command.stdin(Stdio::null());
        command
    }

    /// The arguments of a `fetch` at a minute, with a report.
    pub(crate) fn fetch_args<'a>(&self, now: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec!["fetch", "--catalog", "catalog.toml", "--downloads", "d", "--report", "r.json"];
        args.extend(["--now", now]);
        args.extend(extra);
        args
    }

    /// Runs `fetch` at a minute.
    pub(crate) fn fetch_with(&self, minutes: i64, extra: &[&str]) -> Fetched {
        let now = minute(minutes).to_string();
        let _ = fs::remove_file(self.path("r.json"));
        let output = self.command(&self.fetch_args(&now, extra)).output().expect("it runs");
        Fetched::of(output, &self.path("r.json"))
    }

    /// Runs `fetch` at a minute, with short times.
    pub(crate) fn fetch(&self, minutes: i64) -> Fetched {
        self.fetch_with(minutes, &["--connect-timeout", "2s", "--stall-time", "1s"])
    }

    /// Runs `build` over the downloads, to `o.rap`.
    pub(crate) fn build(&self, minutes: i64, extra: &[&str]) -> Output {
        let now = minute(minutes).to_string();
        let mut args = vec!["build", "--catalog", "catalog.toml", "--downloads", "d", "--out", "o.rap"];
        args.extend(["--report", "b.json", "--now", &now]);
        args.extend(extra);
        self.command(&args).output().expect("it runs")
    }

    /// What a build of the downloads, and of nothing else, reads of a feed: its row in the report.
    pub(crate) fn built(&self, minutes: i64, id: &str) -> Value {
        for file in ["o.rap", "o.rap.state"] {
            let _ = fs::remove_file(self.path(file));
        }
        let output = self.build(minutes, &["--previous", "none"]);
        assert!([0, 3].contains(&code(&output)), "{}", stderr(&output));
        row(&json(&self.path("b.json")), id).clone()
    }

    /// A download.
    pub(crate) fn download(&self, file: &str) -> Option<Vec<u8>> {
        fs::read(self.path("d").join(file)).ok()
    }

    /// The text of a download.
    pub(crate) fn text(&self, file: &str) -> String {
        String::from_utf8(self.download(file).expect("a download")).expect("text")
    }

    /// The note of a download.
    pub(crate) fn note(&self, file: &str) -> Value {
        json(&self.path("d").join(format!("{file}.meta.json")))
    }

    /// An instant of the note of a download.
    pub(crate) fn noted(&self, file: &str, key: &str) -> Time {
        time(&self.note(file)[key])
    }

    /// The names in the folder of downloads but for the state and the lock.
    pub(crate) fn names(&self) -> Vec<String> {
        let paths = crate::files::files(&self.path("d"));
        let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
        names.filter(|name| !name.starts_with(".rapsheet-fetch.")).map(str::to_owned).collect()
    }
}

/// Reads JSON.
pub(crate) fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    serde_json::from_str(&text.expect("a readable file")).expect("JSON")
}

/// An instant in JSON.
pub(crate) fn time(value: &Value) -> Time {
    value.as_str().and_then(Time::parse_rfc3339).ok_or_else(|| value.to_string()).expect("an instant")
}

/// The row of a feed in a report.
pub(crate) fn row<'r>(report: &'r Value, id: &str) -> &'r Value {
    let feeds = report["feeds"].as_array().expect("feeds");
    feeds.iter().find(|feed| feed["id"] == id).ok_or_else(|| report.to_string()).expect("the feed")
}

/// A run of `fetch` that has ended.
pub(crate) struct Fetched {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed for people.
    pub(crate) stderr: String,
    /// What it printed.
    pub(crate) stdout: String,
    /// Its report; null if it wrote none.
    pub(crate) report: Value,
}

impl Fetched {
    fn of(output: Output, report: &Path) -> Fetched {
        let report = if report.exists() { json(report) } else { Value::Null };
        Fetched { code: code(&output), stderr: stderr(&output), stdout: stdout(&output).to_owned(), report }
    }

    /// What the report has of a feed.
    pub(crate) fn row(&self, id: &str) -> &Value {
        assert!(!self.report.is_null(), "no report; exit {}: {}", self.code, self.stderr);
        row(&self.report, id)
    }

    /// What is in the report under a key of a feed, as text; empty where it is null.
    pub(crate) fn get(&self, id: &str, key: &str) -> String {
        match &self.row(id)[key] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    /// The state of a feed.
    pub(crate) fn state(&self, id: &str) -> String {
        self.get(id, "state")
    }

    /// How many feeds have a state.
    pub(crate) fn count(&self, state: &str) -> usize {
        let feeds = self.report["feeds"].as_array().map_or(&[][..], Vec::as_slice);
        feeds.iter().filter(|feed| feed["state"] == state).count()
    }

    /// Expects that the feed `a` failed, for a reason with one of these words, and exit code 3.
    pub(crate) fn assert_failed(&self, words: &[&str]) {
        let reason = self.get("a", "reason");
        assert_eq!((self.state("a").as_str(), self.code), ("failed", 3), "{reason}\n{}", self.stderr);
        let lower = reason.to_lowercase();
        assert!(
            words.iter().any(|word| lower.contains(&word.to_lowercase())),
            "{reason:?} has none of {words:?}"
        );
        assert!(self.stderr.contains('a'), "a table is printed");
    }

    /// Expects a state of the feed `a` and exit code 0.
    pub(crate) fn assert_state(&self, state: &str) {
        assert_eq!((self.state("a").as_str(), self.code), (state, 0), "{}\n{}", self.row("a"), self.stderr);
    }
}
