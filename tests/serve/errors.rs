//! Every error, with its code, its headers and the shape that all have.

use super::{Client, Running};
use crate::test_dir::{TestDir, code, stderr};

#[test]
fn errors_of_requests() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let long = "x".repeat(9 << 10);
    for (path, expected) in [
        ("/v4/ip/evilpanel.com", 400_002),
        ("/v4/ip/010.0.0.1", 400_001),
        ("/v4/domain/45.9.20.5", 400_002),
        ("/v4/domain/localhost", 400_001),
        ("/v4/url/gopher%3A%2F%2Fevilpanel.com%2F", 400_001),
        ("/v1/lookup/45.9.20.5?At=2026-08-23T00:00:00Z", 400_005),
        ("/v1/lookup/http://evil-one.com/x?gate=1", 400_005),
        ("/v1/lookup/%ff%fe", 400_001),
        ("/v4/hash/d41d8cd98f00b204e9800998ecf8427e", 404_001),
        ("/v4/ip", 405_001),
        ("/v4", 404_001),
        (&format!("/v4/ip/{long}"), 414_001),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.code(), expected, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
        assert_eq!(answer.header("allow"), (expected == 405_001).then_some("POST"), "{path}");
    }
}

#[test]
fn errors_of_bodies() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &["--bulk-max", "3"]);
    let four = r#"{"address":["1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1"]}"#;
    for (path, body, expected) in [
        ("/v4/ip", "", 400_145),
        ("/v4/ip", " \n", 400_145),
        ("/v4/ip", "{", 400_003),
        ("/v4/ip", "[]", 400_003),
        ("/v4/ip", "{}", 400_003),
        ("/v4/ip", r#"{"fqdn":[]}"#, 400_003),
        ("/v4/ip", r#"{"address":"45.9.20.5"}"#, 400_003),
        ("/v4/ip", four, 400_004),
        ("/v1/lookup", "", 400_145),
        ("/v1/lookup", r#" { "indicators": ["#, 400_003),
        ("/v1/lookup", r#"{"indicators":{}}"#, 400_003),
        ("/v4/nothing", "{}", 404_001),
        ("/healthz", "{}", 405_001),
    ] {
        assert_eq!(server.post(path, body).code(), expected, "{path} {body}");
    }
    assert_eq!(server.post("/v4/ip", r#"{"address":[]}"#).text(), "{\"data\":[]}\n");
}

/// What hyper cannot parse has the same shape.
#[test]
fn errors_of_what_is_no_request() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let header = format!("x: {}\r\n", "y".repeat(1000));
    let headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", header.repeat(20));
    for (request, expected) in [
        ("\0\0\0\0\r\n\r\n", 400_007),
        ("GET / HTTP/7.1\r\n\r\n", 400_007),
        ("GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n", 400_007),
        ("POST /v4/ip HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n", 400_007),
        (&headers, 431_001),
    ] {
        let before = refused(&server, expected / 1000);
        let mut client = Client::connect(server.address);
        client.send(request);
        let answer = client.answer();
        assert_eq!(answer.code(), expected, "{request:?}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed());
        assert_eq!(refused(&server, expected / 1000), before + 1, "it is counted");
    }
}

/// How many requests that no route took have had this status.
fn refused(server: &Running, status: u64) -> u64 {
    let start = format!("rapsheet_http_requests_total{{route=\"other\",status=\"{status}\"}} ");
    let metrics = server.get("/metrics").text();
    metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok()).unwrap_or(0)
}

#[test]
fn methods() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    client.send("HEAD /v4/ip/45.9.20.5 HTTP/1.1\r\nhost: x\r\n\r\n");
    let head = client.try_answer(false).expect("an answer");
    let whole = client.get("/v4/ip/45.9.20.5");
    assert_eq!(head.header("content-length"), Some(whole.body.len().to_string().as_str()));
    for method in ["DELETE", "OPTIONS", "PUT", "PATCH", "TRACE", "BREW"] {
        client.send(format!("{method} /v1/lookup/x HTTP/1.1\r\nhost: x\r\n\r\n"));
        let answer = client.answer();
        assert_eq!((answer.code(), answer.header("allow")), (405_001, Some("GET, HEAD")), "{method}");
    }
}

#[test]
fn arguments_that_cannot_be() {
    let dir = TestDir::new();
    dir.write("bad-keys", "firewall abc\n");
    let made = std::process::Command::new("mkfifo").arg(dir.path("pipe")).status().expect("mkfifo");
    assert!(made.success());
    for (args, expected) in [
        (&["--listen", "0.0.0.0:0"][..], "--keys"),
        (&["--listen", "[::]:0"], "--new-key"),
        (&["--listen", "nowhere"], "--listen"),
        (&["--keys", "none"], "--keys none"),
        (&["--keys", "bad-keys"], "bad-keys:1: key firewall"),
        (&["--max-stale", "3"], "3d"),
        (&["--bulk-max", "0"], "--bulk-max"),
        (&["--access-log", "no/such/log"], "--access-log no/such/log"),
        (&["--access-log", "rapsheet.rap"], "belongs to --snapshot already"),
        (&["--access-log", "pipe"], "would wait for its reader"),
        (&["--new-key", "a b"], "the name of a key"),
    ] {
        let output = dir.run(&[&["serve"], args].concat());
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
    }
}
