//! Clients and tools of others against a running `rapsheet serve`.

mod clients;
mod dashboard;
mod description;
mod metrics;

use super::program::{Server, installed};
use super::world::run_with_input;
use crate::sample::NOW;
use crate::serve::client::{Answer, Client};
use crate::test_dir::{TestDir, stdout};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter with the libraries that `install.sh` installs.
const PYTHON: &str = "venv/bin/python";

/// The service, with the sample or another snapshot.
struct Service {
    address: SocketAddr,
    dir: TestDir,
    _server: Server,
}

impl Service {
    /// Serves the sample.
    fn start(more: &[&str]) -> Service {
        Service::at(NOW, more)
    }

    /// Serves the sample at another instant.
    fn at(now: &str, more: &[&str]) -> Service {
        let dir = TestDir::new();
        let snapshot = dir.path("rapsheet.rap");
        Service::of(dir, &snapshot, now, more)
    }

    /// Serves a snapshot, from a folder that may have a file of keys.
    fn of(dir: TestDir, snapshot: &Path, now: &str, more: &[&str]) -> Service {
        let program = Path::new(env!("CARGO_BIN_EXE_rapsheet"));
        let snapshot = snapshot.to_str().expect("UTF-8");
        let args = ["serve", "--listen", "127.0.0.1:0", "--snapshot", snapshot, "--now", now];
        let listens = |log: &str| log.lines().any(|line| line.contains("listening on http://"));
        let server = Server::start(program, &[&args, more].concat(), dir.folder.path(), listens);
        let log = server.log();
        let address = log.split("listening on http://").nth(1).expect("an address");
        let address = address.lines().next().expect("a line").parse().expect("an address");
        Service { address, dir, _server: server }
    }

    /// Serves the sample to those with a key; each key has a name and limits.
    fn with_keys(names: &[(&str, &str)]) -> (Service, Vec<String>) {
        let dir = TestDir::new();
        let (mut keys, mut lines) = (Vec::new(), String::new());
        for (name, limits) in names {
            let output = dir.run(&["serve", "--new-key", name]);
            let text = stdout(&output);
            keys.push(text.lines().find_map(|line| line.split_once(": rs_")).expect("a key").1.to_owned());
            let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
            lines += &format!("{} {limits}\n", line.split(" per-").next().expect("a line"));
        }
        dir.write("keys", lines);
        let snapshot = dir.path("rapsheet.rap");
        let service = Service::of(dir, &snapshot, NOW, &["--keys", "keys"]);
        (service, keys.into_iter().map(|key| format!("rs_{key}")).collect())
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What clients are given as the URL of the API.
    fn v4(&self) -> String {
        format!("{}/v4", self.url())
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    fn get(&self, path: &str) -> Answer {
        self.client().get(path)
    }
}

/// A file of this folder.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers/service").join(name)
}

/// Gives a script the URL of an API, a key or nothing, and questions, each a call and its argument. Returns
/// its answers, as many.
fn run_client(
    interpreter: &Path,
    name: &str,
    url: &str,
    key: &str,
    questions: &[(&str, Value)],
) -> Vec<Value> {
    let lines: Vec<String> =
        questions.iter().map(|(call, argument)| serde_json::json!([call, argument]).to_string()).collect();
    let mut command = Command::new(interpreter);
    command.arg(script(name)).args([url, key]).env_remove("http_proxy").env_remove("HTTP_PROXY");
    let output = run_with_input(&mut command, &(lines.join("\n") + "\n"));
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let answers: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert_eq!(answers.len(), questions.len(), "{name} answers each question");
    answers
}

/// The interpreter of Python, where its libraries are installed.
fn python() -> Option<PathBuf> {
    installed(PYTHON)
}
