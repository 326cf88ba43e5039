//! `ship pull --watch`, its metrics, and a reader that follows.

use super::host::{Host, SNAPSHOT};
use super::publisher::Publisher;
use crate::consumers::program::program;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn terminate(child: &mut Child) -> Option<i32> {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill");
    assert!(status.success());
    child.wait().expect("a status").code()
}

/// The value of a row.
fn value(metrics: &str, row: &str) -> Option<u64> {
    let found = metrics.lines().find_map(|line| line.strip_prefix("rapsheet_ship_")?.strip_prefix(row));
    found?.trim().parse().ok()
}

/// Whether an address is listed, as a reader answers that has the snapshot open since the beginning.
struct Reader {
    child: Child,
    answers: Box<dyn Iterator<Item = String>>,
}

impl Reader {
    fn start(host: &Host, now: &str) -> Reader {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
        command.args(["lookup", "--snapshot", SNAPSHOT, "--output", "csv", "--now", now]);
        command.current_dir(host.path(".")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        // The first line names the columns.
        let answers = Box::new(lines.map(|line| line.expect("text")).skip(1));
        Reader { child, answers }
    }

    fn answer(&mut self, question: &str) -> String {
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        stdin.write_all(format!("{question}\n").as_bytes()).expect("asked");
        self.answers.next().expect("an answer")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_watching_host_takes_each_publication_and_its_readers_take_it_at_once() {
    let mut publisher = Publisher::with_publications(40, 1);
    let host = Host::of(&publisher.site(), publisher.now());
    let now = publisher.now().plus(2 * crate::support::DAY);
    let from = publisher.site().to_str().expect("UTF-8").to_owned();
    let mut command = host.command(&from, now);
    let mut child =
        command.args(["--watch", "1s", "--metrics", "m.prom", "--quiet"]).spawn().expect("it runs");
    let metrics = || std::fs::read_to_string(host.path("m.prom")).unwrap_or_default();
    wait_until("a first pull", || value(&metrics(), "pulls_total{path=\"none\"}") > Some(0));
    let gone = publisher.addresses().next().expect("an address").to_owned();
    let mut reader = Reader::start(&host, &now.to_string());
    let before = reader.answer("45.9.250.250");
    publisher.replace(&gone, "45.9.250.250");
    publisher.next();
    wait_until("the new snapshot", || host.bytes() == Some(publisher.bytes()));
    assert_ne!(reader.answer("45.9.250.250"), before, "it is listed now");
    wait_until("the metrics of it", || value(&metrics(), "pulls_total{path=\"delta\"}") == Some(1));
    // What is refused is counted, and it goes on.
    let manifest = publisher.read("latest.json");
    publisher.write("latest.json", b"{}");
    wait_until("a refusal", || value(&metrics(), "refusals_total{cause=\"signature\"}") > Some(0));
    assert_eq!(value(&metrics(), "last_pull_succeeded"), Some(0));
    publisher.write("latest.json", &manifest);
    wait_until("a pull that succeeds", || value(&metrics(), "last_pull_succeeded") == Some(1));
    let text = metrics();
    assert_eq!(value(&text, "generation"), Some(host.accepted().generation));
    assert_eq!(value(&text, "snapshot_bytes"), Some(publisher.bytes().len() as u64));
    assert!(value(&text, "received_bytes_total") > Some(0));
    assert_eq!(terminate(&mut child), Some(0), "a signal is how it is to end");
    assert!(
        !host.names().iter().any(|name| name.contains("lock") || name.contains("tmp")),
        "{:?}",
        host.names()
    );
}

#[test]
fn promtool_takes_the_metrics() {
    let publisher = Publisher::with_publications(40, 1);
    let host = Host::new();
    let from = publisher.site().to_str().expect("UTF-8").to_owned();
    let mut command = host.command(&from, publisher.now());
    assert!(command.args(["--metrics", "m.prom"]).status().expect("it runs").success());
    let Some(promtool) = program("promtool") else { return };
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("it runs");
    let text = std::fs::read(host.path("m.prom")).expect("metrics");
    child.stdin.take().expect("a pipe").write_all(&text).expect("written");
    let output = child.wait_with_output().expect("an exit status");
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && printed.is_empty(), "{}", String::from_utf8_lossy(&printed));
}

/// A host that is told to end while it waits for the next pull does so at once, and one that has not begun, too.
#[test]
fn a_signal_ends_a_long_wait() {
    let publisher = Publisher::with_publications(40, 1);
    let host = Host::new();
    let from = publisher.site().to_str().expect("UTF-8").to_owned();
    let mut command = host.command(&from, publisher.now());
    let mut child = command.args(["--watch", "30d", "--quiet"]).spawn().expect("it runs");
    wait_until("the first pull", || host.bytes().is_some());
    let began = Instant::now();
    assert_eq!(terminate(&mut child), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}
