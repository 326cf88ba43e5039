//! `rapsheet serve` beside nginx, which answers the same bytes from its configuration: requests a second of one address
//! each, and verdicts a second in bulk; and latency at half load while snapshots are replaced.
//!
//! `wrk` asks both, on the processors that they share. The addresses are distinct, shuffled, and half of them listed; what
//! the server says of them is compared with `rapsheet lookup` first.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "the client of the tests; an index out of bounds ends the benchmark"
)]

#[path = "../tests/serve/client.rs"]
mod client;
mod common;

use client::Client;
use common::{Lists, Random, is_installed, machine, memory, spread};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
const NOW: &str = "2026-11-30T00:00:00Z";
const ADDRESSES: usize = 100_000;
const ROUNDS: usize = 5;
const SECONDS: u64 = 4;
const CONNECTIONS: usize = 64;
const BULK: usize = 50;
const SWAPS: usize = 100;
/// The clients that measure latencies.
const CLIENTS: u32 = 8;
/// Longer than the server waits until it looks at the path again.
const SWAP_PAUSE: Duration = Duration::from_millis(300);

/// A program that ends with this.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Not a kill: nginx has to end its workers.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn rapsheet(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
    command.args(["--now", NOW]).args(args);
    command
}

/// Builds a snapshot of the lists that the catalogue describes.
fn build(folder: &Path, catalog: &str, downloads: &Path) -> PathBuf {
    let (file, snapshot) = (folder.join("catalog.toml"), folder.join("rapsheet.rap"));
    fs::write(&file, catalog).expect("a catalogue");
    let mut command = rapsheet(&["build", "-q", "--previous", "none", "--catalog"]);
    command.arg(file).arg("--downloads").arg(downloads).arg("--out").arg(&snapshot);
    let status = command.stderr(Stdio::null()).status().expect("rapsheet runs");
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");
    snapshot
}

/// Starts the server, which says where it listens.
fn serve(snapshot: &Path) -> (Running, SocketAddr) {
    let mut command = rapsheet(&["serve", "--listen", "127.0.0.1:0", "--max-stale", "3650d", "--snapshot"]);
    let mut child = command.arg(snapshot).stderr(Stdio::piped()).spawn().expect("rapsheet runs");
    let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut lines = stderr.lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once("http://").map(|(_, address)| address.to_owned()));
    // What else it says must not block it.
    thread::spawn(move || lines.for_each(drop));
    (Running(child), address.expect("a line").parse().expect("an address"))
}

/// Starts nginx, which answers with one text, whatever the path.
fn nginx(folder: &Path, text: &str) -> (Running, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
    let configuration = format!(
        "daemon off; worker_processes 2; pid {0}/nginx.pid; error_log {0}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {0}/body;\n\
         server {{ listen {address}; location / {{ default_type application/json; return 200 '{quoted}'; }} }} }}\n",
        folder.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).expect("a configuration");
    let child =
        Command::new(nginx_path()).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log")).spawn();
    let running = Running(child.expect("nginx runs"));
    let began = Instant::now();
    while std::net::TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < PATIENCE, "nginx does not listen");
        thread::sleep(Duration::from_millis(20));
    }
    (running, address)
}

fn nginx_path() -> &'static str {
    if Path::new("/usr/sbin/nginx").exists() { "/usr/sbin/nginx" } else { "nginx" }
}

/// Distinct addresses in random order, half of them listed.
fn addresses(snapshot: &Path) -> Vec<Ipv4Addr> {
    let mut export = rapsheet(&["export", "-q", "-o", "plain-ip", "--snapshot"]);
    let listed = export.arg(snapshot).stderr(Stdio::null()).output().expect("rapsheet runs").stdout;
    let mut listed: Vec<Ipv4Addr> =
        String::from_utf8_lossy(&listed).lines().filter_map(|line| line.parse().ok()).collect();
    let mut random = Random::new(19);
    random.shuffle(&mut listed);
    listed.truncate(ADDRESSES / 2);
    let mut all: std::collections::BTreeSet<Ipv4Addr> = listed.into_iter().collect();
    while all.len() < ADDRESSES {
        all.insert(Ipv4Addr::from_bits(0x0100_0000 + random.below(0xDE00_0000) as u32));
    }
    let mut all: Vec<Ipv4Addr> = all.into_iter().collect();
    random.shuffle(&mut all);
    all
}

/// What `lookup -o metadefender` says of each address, but for the time of the question, which is fixed.
fn looked_up(snapshot: &Path, addresses: &[Ipv4Addr]) -> Vec<serde_json::Value> {
    let mut command = rapsheet(&["lookup", "-o", "metadefender", "--snapshot"]);
    command.arg(snapshot).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("rapsheet runs");
    let text: String = addresses.iter().map(|address| format!("{address}\n")).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    writer.join().expect("no panic").expect("written");
    let lines = String::from_utf8(output.stdout).expect("text");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn bulk_body(addresses: &[Ipv4Addr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!("{{\"address\":[{}]}}", quoted.join(","))
}

/// Compares answers of both routes with `lookup`, and returns how many of the addresses are listed.
fn assert_equal(server: SocketAddr, snapshot: &Path, addresses: &[Ipv4Addr]) -> usize {
    let expected = looked_up(snapshot, addresses);
    let mut client = Client::connect(server);
    for (addresses, expected) in addresses.chunks(BULK).zip(expected.chunks(BULK)) {
        let answer = client.post("/v4/ip", bulk_body(addresses).as_bytes()).json();
        assert_eq!(answer["data"].as_array().expect("a list"), expected);
    }
    for (address, expected) in addresses.iter().zip(&expected).take(1000) {
        assert_eq!(client.get(&format!("/v4/ip/{address}")).json(), *expected);
    }
    expected.iter().filter(|answer| answer["lookup_results"]["detected_by"] != 0).count()
}

/// Requests a second, as `wrk` counts them. The script asks for one line of the file after another.
fn wrk(server: SocketAddr, script: &Path, lines: &Path) -> f64 {
    let mut command = Command::new("wrk");
    command.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s"), "-s"]).arg(script);
    let output = command.arg(format!("http://{server}")).arg("--").arg(lines).output().expect("wrk runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let rate = text.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    rate.and_then(|rate| rate.trim().parse().ok()).expect("a rate in what wrk prints")
}

/// A script that makes each request before it is timed.
fn script(folder: &Path, name: &str, request: &str) -> PathBuf {
    let path = folder.join(name);
    let text = format!(
        "local requests, at = {{}}, 0\n\
         function init(args)\n\
         \x20  for line in io.lines(args[1]) do requests[#requests + 1] = {request} end\n\
         end\n\
         function request()\n\
         \x20  at = at % #requests + 1\n\
         \x20  return requests[at]\n\
         end\n"
    );
    fs::write(&path, text).expect("a script");
    path
}

/// Two servers in turn: the ratio, and the requests a second of each.
fn compare(what: &str, verdicts: usize, ours: impl Fn() -> f64, theirs: impl Fn() -> f64) {
    let pairs: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (ours(), theirs())).collect();
    let of = |value: fn(&(f64, f64)) -> f64| spread(pairs.iter().map(value).collect());
    let [low, ratio, high] = of(|(ours, theirs)| ours / theirs);
    let ([_, ours, _], [_, theirs, _]) = (of(|pair| pair.0), of(|pair| pair.1));
    println!(
        "{what}: {ours:.0} requests a second, {:.0} verdicts; nginx {theirs:.0}; ratio {ratio:.2} ({low:.2} to \
         {high:.2}, {ROUNDS} pairs)",
        ours * verdicts as f64
    );
}

/// Latencies of requests that are sent when they are due, whether or not the last one was answered in time.
fn latencies(server: SocketAddr, addresses: &[Ipv4Addr], every: Duration, ends: &AtomicBool) -> Vec<f64> {
    let (mut client, mut taken) = (Client::connect(server), Vec::new());
    let began = Instant::now();
    for (at, address) in (0u32..).zip(addresses.iter().cycle()) {
        if ends.load(Relaxed) {
            break;
        }
        let due = began + every * at;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        assert_eq!(client.get(&format!("/v4/ip/{address}")).status, 200);
        taken.push(due.elapsed().as_secs_f64() * 1000.0);
    }
    taken
}

/// How many requests a second the clients of [`latencies`] make that do not wait. They take part of the processors.
fn most(server: SocketAddr, addresses: &[Ipv4Addr]) -> f64 {
    const TIME: Duration = Duration::from_secs(3);
    let ends = AtomicBool::new(false);
    let count: usize = thread::scope(|scope| {
        let client = |_| scope.spawn(|| latencies(server, addresses, Duration::ZERO, &ends).len());
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        thread::sleep(TIME);
        ends.store(true, Relaxed);
        clients.into_iter().map(|client| client.join().expect("no panic")).sum()
    });
    count as f64 / TIME.as_secs_f64()
}

/// The snapshot is replaced by an equal one, a hundred times, while clients ask at half of the rate that they can.
fn swaps(server: SocketAddr, snapshot: &Path, addresses: &[Ipv4Addr]) {
    let rate = most(server, addresses) / 2.0;
    let every = Duration::from_secs_f64(f64::from(CLIENTS) / rate);
    let other = snapshot.with_extension("other");
    fs::copy(snapshot, &other).expect("a copy");
    let files = [other, snapshot.with_extension("this")];
    fs::hard_link(snapshot, &files[1]).expect("a link");
    let measured = |swaps: usize| {
        let ends = AtomicBool::new(false);
        let mut all: Vec<f64> = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..CLIENTS).map(|_| scope.spawn(|| latencies(server, addresses, every, &ends))).collect();
            for at in 0..SWAPS {
                if at < swaps {
                    let next = snapshot.with_extension("next");
                    fs::hard_link(&files[at % 2], &next).expect("a link");
                    fs::rename(next, snapshot).expect("published");
                }
                thread::sleep(SWAP_PAUSE);
            }
            ends.store(true, Relaxed);
            clients.into_iter().flat_map(|client| client.join().expect("no panic")).collect()
        });
        all.sort_by(f64::total_cmp);
        let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
        format!("{} requests, p50 {:.3} ms, p99 {:.3}, p99.9 {:.3}", all.len(), at(0.5), at(0.99), at(0.999))
    };
    println!("{rate:.0} requests a second, no swap: {}", measured(0));
    println!("{rate:.0} requests a second, {SWAPS} swaps: {}", measured(SWAPS));
    let info = Client::connect(server).get("/v1/info").json();
    println!("snapshots taken: {}", info["generation"]);
}

/// One snapshot: single requests and bulk beside nginx, and latencies.
fn measure(about: &str, folder: &Path, snapshot: &Path) {
    let addresses = addresses(snapshot);
    let (running, server) = serve(snapshot);
    let listed = assert_equal(server, snapshot, &addresses);
    let answer = Client::connect(server).get(&format!("/v4/ip/{}", addresses[0])).text();
    println!(
        "\n{about}: {:.1} MB; {} addresses, {:.1} % listed; an answer has {} bytes",
        fs::metadata(snapshot).expect("a file").len() as f64 / 1e6,
        addresses.len(),
        100.0 * listed as f64 / addresses.len() as f64,
        answer.len()
    );
    let (paths, bodies) = (folder.join("paths"), folder.join("bodies"));
    let lines: String = addresses.iter().map(|address| format!("/v4/ip/{address}\n")).collect();
    fs::write(&paths, lines).expect("a file");
    let lines: String = addresses.chunks(BULK).map(|some| bulk_body(some) + "\n").collect();
    fs::write(&bodies, lines).expect("a file");
    let single = script(folder, "single.lua", "wrk.format('GET', line)");
    let bulk = script(
        folder,
        "bulk.lua",
        "wrk.format('POST', '/v4/ip', {['content-type'] = 'application/json'}, line)",
    );
    let (_nginx, peer) = nginx(folder, &answer);
    let asked = |server, script: &Path, lines: &Path| wrk(server, script, lines);
    let ours = || asked(server, &single, &paths);
    compare("one address a request", 1, ours, || asked(peer, &single, &paths));
    compare(
        "50 addresses a request",
        BULK,
        || asked(server, &bulk, &bodies),
        || asked(peer, &single, &paths),
    );
    swaps(server, snapshot, &addresses);
    let resident = memory(&running.0.id().to_string(), "RssAnon");
    println!("memory beside the map: {resident:?} KiB");
}

fn main() {
    println!("{}", machine());
    if !is_installed("wrk") || !is_installed(nginx_path()) {
        println!("skipped: serve needs wrk and nginx");
        return;
    }
    let lists = Lists::find();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let snapshot = build(folder.path(), &lists.catalog, &lists.folder);
    measure(&lists.about, folder.path(), &snapshot);
}
