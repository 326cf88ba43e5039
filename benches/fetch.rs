//! Fetching as many feeds as the catalogue has, compared with `curl --parallel`: 162 lists of 1 MB from 52 hosts.
//!
//! The hosts are addresses of loopback, and the server is this program. curl reads the URLs from a config file, in an order
//! in which those of a host are 52 apart, so that it, too, has about one connection to a host at a time; the most that the
//! server saw is printed. Both write into folders of one disk; rapsheet also syncs what it writes, checks that it is a list,
//! and notes what it was.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "the server of the tests; an index out of bounds ends the benchmark"
)]

#[path = "../tests/fetch/certificates.rs"]
mod certificates;
mod common;
#[path = "../tests/fetch/server.rs"]
mod server;

use common::{Timing, gzip, spread, time};
use server::{Answer, Server, most_at_once};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const FEEDS: usize = 162;
const HOSTS: usize = 52;
const PAIRS: usize = 9;
/// The default of `rapsheet fetch`.
const CONNECTIONS: &str = "16";

/// A megabyte of addresses, others for each feed.
fn list(feed: usize) -> String {
    let mut list = String::new();
    let mut at = 0;
    while list.len() < 1_000_000 {
        writeln!(list, "45.{}.{}.{}", feed, at / 250 % 250, 1 + at % 250).expect("written to a string");
        at += 1;
    }
    list
}

/// Catalogue and config file over the servers.
fn write_lists(folder: &Path, servers: &[Server]) {
    let (mut catalog, mut config) = (String::new(), String::new());
    for feed in 0..FEEDS {
        let url = servers[feed % HOSTS].url(&format!("/{feed}"));
        writeln!(
            catalog,
            "[[feed]]\nid = \"f{feed}\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\nfile = \"{feed}\"\n\
             url = \"{url}\"\nprivate_network = true"
        )
        .expect("written to a string");
        writeln!(config, "url = \"{url}\"\noutput = \"{feed}\"").expect("written to a string");
    }
    fs::write(folder.join("catalog.toml"), catalog).expect("a catalogue");
    fs::write(folder.join("curl.conf"), config).expect("a config file");
}

/// A folder without files.
fn empty(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir(folder).expect("a folder");
}

fn rapsheet(folder: &Path) -> Timing {
    let downloads = folder.join("rapsheet");
    empty(&downloads);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rapsheet"));
    command
        .args(["fetch", "--quiet", "--connections", CONNECTIONS, "--catalog"])
        .arg(folder.join("catalog.toml"));
    command.arg("--downloads").arg(downloads);
    time(command)
}

fn curl(folder: &Path) -> Timing {
    let downloads = folder.join("curl");
    empty(&downloads);
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--fail", "--parallel", "--parallel-max", CONNECTIONS, "--output-dir"])
        .arg(downloads);
    command.arg("--config").arg(folder.join("curl.conf"));
    time(command)
}

fn assert_equal(folder: &Path) {
    for feed in 0..FEEDS {
        let [ours, theirs] = ["rapsheet", "curl"].map(|by| fs::read(folder.join(by).join(feed.to_string())));
        let (ours, theirs) = (ours.expect("our download"), theirs.expect("curl's download"));
        assert!(ours == theirs && ours == list(feed).as_bytes(), "feed {feed}");
    }
}

/// The most connections of a host at a time, since so many requests.
fn most(servers: &[Server], since: &[usize]) -> usize {
    let of = |(server, since): (&Server, &usize)| {
        most_at_once(server.requests().get(*since..).unwrap_or_default())
    };
    servers.iter().zip(since).map(of).max().unwrap_or(0)
}

fn main() {
    println!("{}", common::machine());
    if !common::is_installed("curl") {
        println!("skipped: fetch needs curl");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let servers: Vec<Server> = (1..=HOSTS).map(|at| Server::at(&format!("127.0.1.{at}"))).collect();
    (0..FEEDS).for_each(|feed| servers[feed % HOSTS].always(&format!("/{feed}"), Answer::list(list(feed))));
    write_lists(folder.path(), &servers);
    let none = vec![0; HOSTS];
    rapsheet(folder.path());
    let ours_at_once = most(&servers, &none);
    let since: Vec<usize> = servers.iter().map(|server| server.requests().len()).collect();
    curl(folder.path());
    let theirs_at_once = most(&servers, &since);
    assert_equal(folder.path());
    let pairs: Vec<(Timing, Timing)> =
        (0..PAIRS).map(|_| (rapsheet(folder.path()), curl(folder.path()))).collect();
    let median = |values: Vec<f64>| spread(values)[1];
    let [low, _, high] = spread(pairs.iter().map(|(ours, theirs)| ours.wall / theirs.wall).collect());
    let ours = median(pairs.iter().map(|(ours, _)| ours.wall).collect());
    let theirs = median(pairs.iter().map(|(_, theirs)| theirs.wall).collect());
    println!(
        "fetch: {FEEDS} lists of 1 MB from {HOSTS} hosts, {CONNECTIONS} connections: rapsheet {ours:.2} s, curl {theirs:.2} s; \
         ratio of the medians {:.2} ({low:.2} to {high:.2}, {PAIRS} pairs)",
        ours / theirs
    );
    let ours = median(pairs.iter().map(|(ours, _)| ours.processor).collect());
    let theirs = median(pairs.iter().map(|(_, theirs)| theirs.processor).collect());
    println!("  processor time {ours:.2} s and {theirs:.2} s, of which the server's is no part");
    println!("  the most requests of a host at a time: {ours_at_once} and {theirs_at_once}");
}
