//! Ranges: what one question may cost, whatever it lists.

use super::{Client, Running};
use crate::process::memory;
use crate::test_dir::{TestDir, code, stderr, stdout};
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

/// A server with 20,000 addresses of 45.9.0.0/16 listed, no two of them side by side.
fn dense() -> (TestDir, Running) {
    let dir = TestDir::new();
    let mut list = String::new();
    for number in 0..20_000u32 {
        writeln!(list, "45.9.{}.{}", number * 2 / 256, number * 2 % 256).expect("memory");
    }
    dir.write("d/dense.txt", list);
    let feed = "[[feed]]\nid = \"dense\"\nprovider = \"dense.example\"\nformat = \"plain-ip\"\nlist = \"block\"\n\
                mode = \"reset\"\nassessment = [\"scanner\"]\nfile = \"dense.txt\"\n";
    dir.write("catalog.toml", feed);
    let args = [
        "build",
        "-q",
        "--catalog",
        "catalog.toml",
        "--downloads",
        "d",
        "--previous",
        "none",
        "--out",
        "rapsheet.rap",
    ];
    let output = dir.run(&args);
    assert!(matches!(code(&output), 0 | 3), "{}", stderr(&output));
    let server = Running::start(&dir, &[]);
    (dir, server)
}

#[test]
fn a_range_is_answered_unless_it_holds_too_much() {
    let (dir, server) = dense();
    let wide = server.get("/v4/ip/45.9.0.0%2F16");
    assert_eq!(wide.code(), 400_006);
    assert!(wide.text().contains("more than 1000 sightings are in this range"), "{}", wide.text());
    for range in ["45.9.20.0/24", "45.9.0.0/22", "46.0.0.0/7", "0.0.0.0/9", "2000::/3"] {
        let local = dir.run(&["lookup", "-o", "jsonl", range]);
        let path = format!("/v1/lookup/{}", range.replace('/', "%2F"));
        assert_eq!(server.get(&path).text(), stdout(&local), "{range}");
    }
    let rows = server.post("/v1/lookup", "45.9.0.0/16\n45.9.0.0/24\n32.0.0.0/3\n").text();
    let errors: Vec<_> =
        rows.lines().map(|row| row.contains("\"error\":\"too-wide\",\"message\":")).collect();
    assert_eq!(errors, [true, false, true]);
}

#[test]
fn many_wide_ranges_cost_others_nothing() {
    let (_dir, server) = dense();
    let ranges = ["45.9.0.0/16\n", "45.9.0.0/21\n", "45.9.8.0/22\n"].concat().repeat(3000);
    let slow = |_| {
        let mut client = Client::connect(server.address);
        let length = ranges.len();
        client
            .send(format!("POST /v1/lookup HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{ranges}"));
        client
    };
    let _clients: Vec<Client> = (0..8).map(slow).collect();
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(server.get("/healthz").status, 200);
        longest = longest.max(began.elapsed());
        thread::sleep(Duration::from_millis(30));
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    if let Some(resident) = memory(&server.child.id().to_string(), "VmHWM") {
        assert!(resident < 96 << 10, "{resident} KiB, the program among them");
    }
}
