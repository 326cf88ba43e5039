//! What is sent by those who do not keep to the rules, and by those who keep to old ones.

use super::client::Client;
use super::{Running, wait_until};
use crate::process::memory;
use crate::random::Random;
use crate::test_dir::TestDir;
use std::io::Read;
use std::net::SocketAddr;
use std::ops::Range;
use std::thread;

#[test]
fn requests_may_follow_each_other_without_waiting() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    let mut all = String::new();
    for at in 0..100 {
        all += &format!("GET /v1/lookup/45.9.20.{at} HTTP/1.1\r\nhost: x\r\n\r\n");
        all += "POST /v4/ip HTTP/1.1\r\nhost: x\r\ncontent-length: 14\r\n\r\n{\"address\":[]}";
    }
    client.send(&all);
    for at in 0..100 {
        assert_eq!(client.answer().json()["indicator"], format!("45.9.20.{at}"));
        assert_eq!(client.answer().text(), "{\"data\":[]}\n");
    }
}

#[test]
fn http_1_0_is_spoken() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    client.send("GET /v4/ip/45.9.20.5 HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert_eq!(answer.json()["lookup_results"]["detected_by"], 1);
    assert!(client.is_closed());
    // A long answer has no length and no chunks, and ends with the connection.
    let mut client = Client::connect(server.address);
    let body = "45.9.20.5\n".repeat(2000);
    client.send(format!("POST /v1/lookup HTTP/1.0\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    let answer = client.answer();
    assert_eq!((answer.header("transfer-encoding"), answer.header("content-length")), (None, None));
    assert_eq!(answer.text().lines().count(), 2000);
    assert!(client.is_closed());
}

#[test]
fn a_client_may_ask_whether_its_body_is_wanted() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    client.send("POST /v4/ip HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 14\r\n\r\n");
    client.send("{\"address\":[]}");
    assert_eq!(client.answer().status, 200);
    let mut client = Client::connect(server.address);
    client.send("POST /v4/ip HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9999999\r\n\r\n");
    assert_eq!(client.answer().code(), 413_001);
}

#[test]
fn a_body_that_ends_early_is_told() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    client.send("POST /v4/ip HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{\"address\":[");
    client.finish_sending();
    assert!(client.is_closed());
    assert_eq!(server.get("/healthz").status, 200);
}

/// Parts of requests, put together by chance and with bytes changed.
fn random_request(random: &mut Random) -> Vec<u8> {
    const PARTS: [&[u8]; 24] = [
        b"GET ",
        b"POST ",
        b"HEAD ",
        b"/v4/ip/45.9.20.5",
        b"/v4/url/",
        b"/v1/lookup",
        b"/lookup/%3Cscript%3E",
        b"%00%ff%2F",
        b"\xff\xfe",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"host: x\r\n",
        b"content-length: 5\r\n",
        b"content-length: -1\r\n",
        b"content-length: 99999999999999999999\r\n",
        b"transfer-encoding: chunked\r\n",
        b"connection: close\r\n",
        b"expect: 100-continue\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"5\r\n{\"a\":\r\n0\r\n\r\n",
        b"{\"address\":[\"45.9.20.5\",[[[[[[",
        b"{\"indicators\":[\"\\ud800\"]}",
        b"\0\r\n",
    ];
    let mut bytes = Vec::new();
    for _ in 0..random.below(12) {
        bytes.extend_from_slice(PARTS[random.below(PARTS.len() as u64) as usize]);
    }
    for _ in 0..random.below(4) {
        let at = random.below(bytes.len() as u64 + 1) as usize;
        bytes.insert(at, random.next() as u8);
    }
    bytes
}

/// A request of random bytes; a server owes the end of the connection, and whatever it says before.
fn request(server: SocketAddr, seed: u64) {
    let bytes = random_request(&mut Random::new(seed));
    let mut client = Client::connect(server);
    client.send_until_refused(&bytes, bytes.len());
    client.finish_sending();
    assert!(client.is_closed(), "seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
}

/// `RAPSHEET_REQUESTS=1000000` makes it a million.
#[test]
fn random_bytes_end_no_server() {
    const CLIENTS: u64 = 4;
    let requests = std::env::var("RAPSHEET_REQUESTS").map_or(40_000, |text| text.parse().expect("a number"));
    let dir = TestDir::new();
    let mut server = Running::start(&dir, &[]);
    let (address, pid) = (server.address, server.child.id().to_string());
    let request_all = |seeds: Range<u64>| {
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let seeds = seeds.clone().filter(move |seed| seed % CLIENTS == client);
                scope.spawn(move || seeds.for_each(|seed| request(address, seed)));
            }
        });
    };
    let files = || std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
    // What is kept for later requests is there after some.
    request_all(0..requests / 4);
    let before = memory(&pid, "RssAnon");
    request_all(requests / 4..requests);
    wait_until("all connections are closed", || {
        server.get("/metrics").text().contains("\nrapsheet_http_connections 1\n")
    });
    if let (Some(before), Some(after)) = (before, memory(&pid, "RssAnon")) {
        assert!(after < before + (4 << 10), "{before} KiB, then {after} KiB");
        assert!(files() < 32, "{} open files", files());
    }
    assert_eq!(server.get("/v4/ip/45.9.20.5").status, 200);
    assert!(!server.get("/metrics").text().contains("status=\"500\""));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let mut told = String::new();
    server.stderr.read_to_string(&mut told).expect("text");
    assert!(!told.contains("panicked") && !told.contains("cut off"), "{told}");
}
