//! Keys: who may ask, how much, and that a key is nowhere but with its owner.

use super::client::Answer;
use super::{Client, Running, wait_until};
use crate::test_dir::{TestDir, code, stdout};

/// A new key, and its line for the file.
fn new_key(dir: &TestDir, name: &str) -> (String, String) {
    let output = dir.run(&["serve", "--new-key", name]);
    assert_eq!(code(&output), 0);
    let text = stdout(&output);
    let key = text.lines().find_map(|line| line.split_once(": rs_")).expect("a key").1;
    let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
    let without_limits = line.split(" per-").next().expect("a line");
    (format!("rs_{key}"), without_limits.to_owned())
}

#[test]
fn only_those_with_a_key_are_answered() {
    let dir = TestDir::new();
    let (key, line) = new_key(&dir, "firewall");
    dir.write("keys", format!("# ours\n{line}\n"));
    let server = Running::start(&dir, &["--keys", "keys"]);
    let mut client = Client::connect(server.address);
    for path in [
        "/v4/ip/45.9.20.5",
        "/v1/lookup/45.9.20.5",
        "/v1/feeds",
        "/v1/info",
        "/metrics",
        "/",
        "/lookup/x.com",
    ] {
        let answer = client.get(path);
        let is_page = path == "/" || path.starts_with("/lookup");
        let code = |answer: &Answer| if is_page { answer.status.into() } else { answer.code() };
        assert_eq!(code(&answer), if is_page { 401 } else { 401_001 }, "{path}");
        let asks = answer.header("www-authenticate").is_some();
        assert_eq!(asks, is_page, "{path}: a browser asks for pages alone");
        assert!(!answer.text().contains("snapshot of"), "{path}: without a key one learns nothing");
        let wrong = client.get_with(path, "apikey: rs_wrong\r\n");
        assert_eq!(code(&wrong), if is_page { 401 } else { 401_006 }, "{path}");
        assert_eq!(client.get_with(path, &format!("ApiKey: {key}\r\n")).status, 200, "{path}");
    }
    for path in ["/healthz", "/readyz", "/openapi.json"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    for scheme in ["apikey", "Bearer"] {
        let header = format!("authorization: {scheme} {key}\r\n");
        assert_eq!(client.get_with("/v1/info", &header).status, 200, "{scheme}");
    }
    let answer = server.post("/v4/ip", "{\"address\":[]}");
    assert_eq!(
        (answer.code(), answer.header("connection")),
        (401_001, Some("close")),
        "its body was not read"
    );
    let about = client.get_with("/v4/apikey", &format!("apikey: {key}\r\n")).json();
    assert_eq!(about["nickname"], "firewall");
}

#[test]
fn a_key_has_its_limits() {
    let dir = TestDir::new();
    let (key, line) = new_key(&dir, "small");
    dir.write("keys", format!("{line} per-day=5\n"));
    let server = Running::start(&dir, &["--keys", "keys"]);
    let (mut client, header) = (Client::connect(server.address), format!("apikey: {key}\r\n"));
    let answer = client.get_with("/v4/ip/45.9.20.5", &header);
    let quota = |answer: &super::Answer| {
        ["limit", "used", "remaining", "reset-in", "interval", "for"]
            .map(|name| answer.header(&format!("x-ratelimit-{name}")).expect("a header").to_owned())
    };
    assert_eq!(quota(&answer), ["5", "1", "4", "86400s", "86400", "reputation_api"]);
    let four = br#"{"address":["1.1.1.1","1.1.1.1","1.1.1.1","1.1.1.1"]}"#;
    assert_eq!(client.post_with("/v4/ip", four, &header).status, 200);
    let answer = client.get_with("/v4/ip/45.9.20.5", &header);
    assert_eq!((answer.code(), answer.header("retry-after")), (429_001, Some("86400")));
    assert_eq!(quota(&answer)[..3], ["5", "5", "0"]);
    assert_eq!(client.get_with("/v4/apikey/limits", &header).json()["reputation_api"], 0);
    assert_eq!(client.get_with("/v4/ip/evilpanel.com", &header).code(), 400_002, "which costs nothing");
}

#[test]
fn a_key_has_its_rate() {
    let dir = TestDir::new();
    let (key, line) = new_key(&dir, "slow");
    dir.write("keys", format!("{line} per-second=2\n"));
    // The clock stands still, so all requests are in one second.
    let server = Running::start(&dir, &["--keys", "keys"]);
    let (mut client, header) = (Client::connect(server.address), format!("apikey: {key}\r\n"));
    assert_eq!(client.get_with("/v1/info", &header).status, 200);
    assert_eq!(client.get_with("/v1/info", &header).status, 200);
    let answer = client.get_with("/v1/info", &header);
    assert_eq!((answer.code(), answer.header("retry-after")), (429_002, Some("1")));
    let limit = ["limit", "remaining", "reset-in", "interval"]
        .map(|name| answer.header(&format!("x-ratelimit-{name}")).expect("a header").to_owned());
    assert_eq!(limit, ["2", "0", "1s", "1"]);
}

#[test]
fn what_can_never_fit_is_no_matter_of_waiting() {
    let dir = TestDir::new();
    let (key, line) = new_key(&dir, "small");
    dir.write("keys", format!("{line} per-day=3\n"));
    let server = Running::start(&dir, &["--keys", "keys"]);
    let header = format!("apikey: {key}\r\n");
    let ask = |count: usize| {
        let body = format!("{{\"address\":[{}]}}", vec!["\"1.1.1.1\""; count].join(","));
        Client::connect(server.address).post_with("/v4/ip", body.as_bytes(), &header)
    };
    let answer = ask(4);
    assert_eq!((answer.code(), answer.header("retry-after")), (400_004, None));
    assert!(answer.text().contains("3 look-ups a day, and this request has 4"), "{}", answer.text());
    assert_eq!(ask(2).status, 200);
    let answer = ask(2);
    assert_eq!(answer.code(), 429_001);
    assert!(answer.text().contains("has 2, and 1 are left"), "{}", answer.text());
}

#[test]
fn what_is_not_answered_costs_nothing() {
    let dir = TestDir::new();
    let (key, line) = new_key(&dir, "small");
    dir.write("keys", format!("{line} per-day=3\n"));
    std::fs::remove_file(dir.path("rapsheet.rap")).expect("removed");
    let server = Running::start(&dir, &["--keys", "keys"]);
    let (mut client, header) = (Client::connect(server.address), format!("apikey: {key}\r\n"));
    for _ in 0..5 {
        assert_eq!(client.get_with("/v4/ip/45.9.20.5", &header).code(), 503_001);
        assert_eq!(client.post_with("/v4/ip", b"{\"address\":[\"1.1.1.1\"]}", &header).code(), 503_001);
    }
    assert_eq!(client.get_with("/v4/apikey/limits", &header).json()["reputation_api"], 3);
}

/// As clients with an empty setting send it.
#[test]
fn an_empty_key_hides_no_other() {
    let dir = TestDir::new();
    let (key, line) = new_key(&dir, "firewall");
    dir.write("keys", line);
    let server = Running::start(&dir, &["--keys", "keys"]);
    let header = format!("apikey:\r\nauthorization: apikey {key}\r\n");
    assert_eq!(Client::connect(server.address).get_with("/v1/info", &header).status, 200);
}

#[test]
fn keys_are_read_again_and_never_shown() {
    let dir = TestDir::new();
    let (first, first_line) = new_key(&dir, "first");
    let (second, second_line) = new_key(&dir, "second");
    dir.write("keys", &first_line);
    let mut server = Running::start(&dir, &["--keys", "keys", "--access-log", "log.jsonl"]);
    let status = |server: &Running, key: &str| {
        let path = format!("/v4/ip/45.9.20.5?apikey={key}");
        Client::connect(server.address).get_with(&path, &format!("apikey: {key}\r\n")).status
    };
    assert_eq!((status(&server, &first), status(&server, &second)), (200, 401));
    dir.write("keys", "broken");
    server.signal("HUP");
    assert!(server.line_with("keys:1").contains("going on with the keys of before"));
    assert_eq!(status(&server, &first), 200);
    dir.write("keys", &second_line);
    // A line is written after its answer was sent.
    wait_until("three lines", || dir.read("log.jsonl").lines().count() == 3);
    std::fs::rename(dir.path("log.jsonl"), dir.path("old.jsonl")).expect("renamed");
    server.signal("HUP");
    server.line_with("1 key was read");
    assert_eq!((status(&server, &first), status(&server, &second)), (401, 200));
    let metrics =
        Client::connect(server.address).get_with("/metrics", &format!("apikey: {second}\r\n")).text();
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let logs = dir.read("old.jsonl") + &dir.read("log.jsonl");
    assert_eq!((dir.read("old.jsonl").lines().count(), dir.read("log.jsonl").lines().count()), (3, 3));
    assert!(logs.contains("\"client\":\"second\""), "{logs}");
    for key in [&first, &second] {
        assert!(!logs.contains(key.as_str()) && !metrics.contains(key.as_str()));
    }
}

#[test]
fn other_machines_need_a_key() {
    let dir = TestDir::new();
    let (_, line) = new_key(&dir, "firewall");
    dir.write("keys", line);
    let output = dir.run(&["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(code(&output), 2);
    let server = Running::start(&dir, &["--listen", "127.0.0.2:0", "--keys", "keys"]);
    assert_eq!(server.get("/healthz").status, 200);
}
