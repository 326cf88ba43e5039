//! The memory of a run of the catalogue's size: 162 feeds of 1 MB on 52 hosts.

use super::folder::{Folder, minute};
use super::server::{Answer, Server, most_at_once};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

const FEEDS: usize = 162;
const HOSTS: usize = 52;
const LIMIT_KIB: u64 = 64 << 10;

/// About a megabyte of addresses.
pub(crate) fn megabyte() -> String {
    (0..75_000).map(|n: u32| format!("45.{}.{}.{}\n", 9 + n / 62_500, n / 250 % 250, 1 + n % 250)).collect()
}

/// The highest memory of a process in KiB until it ends.
fn peak(mut child: std::process::Child) -> (u64, Option<i32>) {
    let (id, mut peak) = (child.id().to_string(), 0);
    loop {
        peak = peak.max(crate::process::memory(&id, "VmHWM").unwrap_or(0));
        if let Some(status) = child.try_wait().expect("a child process") {
            return (peak, status.code());
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn memory_stays_below_64_mib() {
    let list = megabyte();
    let servers: Vec<Server> = (1..=HOSTS).map(|at| Server::at(&format!("127.0.1.{at}"))).collect();
    let mut folder = Folder::new();
    // Half of them are compressed on the way.
    for (at, server) in servers.iter().enumerate() {
        let answer = Answer::list(&list);
        server.always("*", if at % 2 == 0 { answer } else { answer.gzip() });
    }
    for at in 0..FEEDS {
        folder.feed(&format!("f{at:03}"), &servers[at % HOSTS].url(&format!("/{at}")), "");
    }
    let now = minute(0).to_string();
    let mut command = folder.command(&folder.fetch_args(&now, &["--connections", "52"]));
    let child = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("it runs");
    let (peak, code) = peak(child);
    assert_eq!(code, Some(0));
    let report = super::folder::json(&folder.path("r.json"));
    assert_eq!(report["totals"]["fetched"], FEEDS, "{}", report["totals"]);
    assert!(servers.iter().all(|server| most_at_once(&server.requests()) == 1));
    assert_eq!(folder.text("f161.txt"), list);
    eprintln!("peak memory {} MiB", peak >> 10);
    assert!(peak > 0 && peak < LIMIT_KIB, "{peak} KiB");
}
