//! `serve` and `lookup --server`, asked over loopback by a client that is written by hand, since a client that keeps to
//! the rules cannot break them.

mod answers;
#[cfg(feature = "export")]
mod browser;
pub(crate) mod client;
mod ending;
mod errors;
mod hostile;
mod html;
mod keys;
mod limits;
mod listed;
mod lists;
mod lookup_server;
mod page;
mod ranges;
mod snapshots;

use crate::sample::time;
use crate::test_dir::TestDir;
use client::{Answer, Client};
use rapsheet_serve::{Config, Environment, Limits, Server, Signals};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The program, serving the sample.
struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Running {
    /// `rapsheet serve` in a folder, with more arguments.
    fn start(dir: &TestDir, args: &[&str]) -> Running {
        Running::of(dir.command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat()))
    }

    fn of(mut command: Command) -> Running {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a child process");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let line = line_with("listening on http://", &mut stderr);
        let address = line.trim().rsplit("http://").next().expect("an address");
        let address = address.parse().expect("an address");
        Running { child, stderr, address }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn get(&self, path: &str) -> Answer {
        Client::connect(self.address).get(path)
    }

    fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        Client::connect(self.address).post(path, body.as_ref())
    }

    /// The next line on stderr that has a text.
    fn line_with(&mut self, text: &str) -> String {
        line_with(text, &mut self.stderr)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill");
        assert!(status.success());
    }

    /// The exit code, once it has ended.
    fn wait(&mut self) -> Option<i32> {
        let mut status = None;
        wait_until("the end of the server", || {
            status = self.child.try_wait().expect("a child process");
            status.is_some()
        });
        status.and_then(|status| status.code())
    }
}

fn line_with(text: &str, lines: &mut impl BufRead) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).expect("text") > 0, "no line with `{text}` in:\n{all}");
        if line.contains(text) {
            return line;
        }
        all += &line;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The library in this process, with limits that a test can wait for.
struct InProcess {
    address: SocketAddr,
    signals: Signals,
    told: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
    _dir: TestDir,
}

/// Limits that are short.
fn short() -> Limits {
    let milliseconds = Duration::from_millis;
    Limits {
        header_time: milliseconds(600),
        body_time: milliseconds(900),
        idle_time: milliseconds(1500),
        stall_time: milliseconds(800),
        linger_time: milliseconds(500),
        grace_time: milliseconds(2000),
        ..Limits::default()
    }
}

impl InProcess {
    fn start(limits: Limits) -> InProcess {
        let dir = TestDir::new();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (signals, told) = (Signals::default(), Arc::new(Mutex::new(Vec::new())));
        let began = Instant::now();
        let messages = Arc::clone(&told);
        let environment = Environment {
            clock: Box::new(|| time(crate::sample::NOW)),
            stopwatch: Box::new(move || began.elapsed()),
            tell: Arc::new(move |_, message| messages.lock().expect("no panic").push(message.to_owned())),
        };
        let config = Config {
            snapshot: dir.path("rapsheet.rap"),
            in_memory: false,
            max_stale_seconds: 86_400,
            threads: 2,
            limits,
            keys: None,
            access_log: None,
        };
        let server = Server::new(config, environment).expect("a server");
        let own = signals.clone();
        let thread = thread::spawn(move || server.run(vec![listener], &own).expect("it runs"));
        InProcess { address, signals, told, thread: Some(thread), _dir: dir }
    }

    fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// That the server answers all others as ever.
    fn assert_answers(&self) {
        let began = Instant::now();
        let answer = self.connect().get("/v4/ip/45.9.20.5");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    }

    fn end(&mut self) {
        self.signals.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ended without a panic");
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.signals.end.store(true, Ordering::Relaxed);
    }
}
