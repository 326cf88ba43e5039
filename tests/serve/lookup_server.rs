//! `lookup --server`: all outputs, messages and exit codes are those of a local look-up. What a server of
//! `rapsheet serve` does not answer is answered here by one that is written by hand.

use super::{PATIENCE, Running, line_with, wait_until};
use crate::sample::{self, NOW};
use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

const OUTPUTS: [&str; 6] = ["text", "json", "jsonl", "csv", "tsv", "metadefender"];

/// The program without a snapshot.
fn remote(dir: &TestDir, server: &str, args: &[&str], stdin: &[u8]) -> Output {
    let all = [&["lookup", "--server", server, "--snapshot", "none.rap"], args].concat();
    dir.run_with_input(&all, stdin)
}

fn assert_same(dir: &TestDir, server: &Running, args: &[&str], stdin: &[u8]) {
    let local = dir.run_with_input(&[&["lookup"], args].concat(), stdin);
    let asked = remote(dir, &server.url(), args, stdin);
    assert_eq!(stdout(&asked), stdout(&local), "{args:?}: {}", stderr(&asked));
    assert_eq!(code(&asked), code(&local), "{args:?}");
}

#[test]
fn answers_as_a_local_look_up_does() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let listed =
        ["45.9.20.5", "45.9.20.0/29", "h77.evilpanel[.]com", "goodpanel.com", "http://evilpanel.com/x"];
    let others = ["45.9.20.6", "2001:980::1", "010.0.0.1", "localhost", "", "a\u{202e}b"];
    for output in OUTPUTS {
        for flags in [&[][..], &["--all-sources"], &["--at", "2026-12-24T00:00:00Z"], &["--exit-code"]] {
            let args = [&["-o", output], flags, &listed, &others].concat();
            assert_same(&dir, &server, &args, b"");
            assert_same(&dir, &server, &[&["-o", output], flags, &listed].concat(), b"");
        }
        let mut lines = [listed, [others[0], others[1], others[2], others[3], others[5]]].concat().join("\n");
        lines += "\n\n\u{a0}\r\n";
        lines += &"45.9.20.5\n".repeat(2500);
        lines += &"x".repeat(70_000);
        assert_same(&dir, &server, &["-o", output], lines.as_bytes());
    }
    assert_same(&dir, &server, &["-q", "--exit-code", "45.9.20.5"], b"");
}

/// A request, as the server below got it.
#[derive(Clone, Debug)]
struct Request {
    /// Method and path.
    line: String,
    /// All headers, in small letters.
    headers: String,
    body: String,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Request> {
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let mut headers = String::new();
        while !headers.ends_with("\r\n\r\n") && headers != "\r\n" {
            lines.read_line(&mut headers).ok().filter(|count| *count > 0)?;
        }
        let headers = headers.to_ascii_lowercase();
        let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
        lines.read_exact(&mut body).expect("a body");
        let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        Some(Request { line, headers, body: String::from_utf8(body).expect("text") })
    }

    fn is_for_feeds(&self) -> bool {
        self.line == "GET /v1/feeds"
    }

    /// Questions, each as a line of JSON.
    fn questions(&self) -> Vec<String> {
        self.body.lines().map(|line| serde_json::from_str(line).expect("a string")).collect()
    }

    /// What a server that lists nothing answers.
    fn answer(&self) -> String {
        if self.is_for_feeds() {
            return http(200, "", "[]");
        }
        let lines: Vec<String> = self.questions().iter().map(|text| unknown(text).to_string()).collect();
        http(200, "", &lines.join("\n"))
    }
}

fn unknown(input: &str) -> Value {
    json!({"input": input, "indicator": input, "type": "ipv4", "status": 5, "verdict": "unknown", "detected_by": 0,
        "failed": 0, "at": NOW, "sources": []})
}

/// An answer; each of the headers has its line end.
fn http(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

/// A server that answers as a test says.
struct Handmade {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Handmade {
    /// `answer` is told how many requests came before.
    fn start(answer: impl Fn(&Request, usize) -> String + Send + 'static) -> Handmade {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let got = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let Some(request) = Request::read(&stream) else { continue };
                let before = {
                    let mut got = got.lock().expect("no panic");
                    got.push(request.clone());
                    got.len() - 1
                };
                // The client may have had enough of a long answer.
                let _ = stream.write_all(answer(&request, before).as_bytes());
            }
        });
        Handmade { url, requests }
    }

    /// A server whose answers to questions have this body.
    fn with_body(body: impl Into<String>) -> Handmade {
        let body = body.into();
        Handmade::start(
            move |request, _| {
                if request.is_for_feeds() { http(200, "", "[]") } else { http(200, "", &body) }
            },
        )
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// That a look-up of 45.9.20.5 prints nothing, and ends with this code and a message that has these texts.
fn assert_fails(dir: &TestDir, url: &str, expected_code: i32, texts: &[&str]) {
    let output = remote(dir, url, &["45.9.20.5"], b"");
    let message = stderr(&output);
    assert_eq!((code(&output), stdout(&output)), (expected_code, ""), "{url}: {message}");
    for text in texts {
        assert!(message.contains(text), "{url}: `{text}` in: {message}");
    }
}

#[test]
fn no_verdict_comes_from_a_broken_answer() {
    let dir = TestDir::new();
    let sound = unknown("45.9.20.5").to_string();
    let with = |name: &str, value: Value| {
        let mut line = unknown("45.9.20.5");
        line[name] = value;
        line.to_string()
    };
    for (body, found) in [
        ("{}".to_owned(), "missing field `input`"),
        (String::new(), "expected 1 lines, one for each question, found 0"),
        (format!("{sound}\n{sound}"), "expected 1 lines, one for each question, found 2"),
        ("<html>\u{1b}[31m</html>".to_owned(), "<html>\\x1b[31m</html>"),
        (unknown("45.9.20.6").to_string(), "found that to `45.9.20.6`"),
        (with("status", json!(7)), "expected a status of 0, 1, 3 or 5, found 7"),
        (with("status", json!(0)), "expected a status as its sources say, found 0"),
        (with("type", json!("mail")), "found `mail`"),
        (with("at", json!("now")), "found `now`"),
        (with("at", json!("2026-11-23T00:00:00Z")), "expected an answer as of 2026-11-22T00:00:00Z"),
        (with("sources", json!([{}])), "missing field `provider`"),
        (with("error", json!(7)), "invalid type"),
    ] {
        let server = Handmade::with_body(body);
        assert_fails(&dir, &server.url, 5, &[found, "is this the URL of `rapsheet serve`", &server.url]);
    }
    let server = Handmade::with_body(sound);
    assert_eq!(code(&remote(&dir, &server.url, &["45.9.20.5"], b"")), 0, "nothing else is wrong with it");
    // One broken line of two.
    let server = Handmade::with_body(format!("{}\n{{}}", unknown("45.9.20.5")));
    let output = remote(&dir, &server.url, &["45.9.20.5", "45.9.20.6"], b"");
    assert_eq!((code(&output), stdout(&output)), (5, ""), "{}", stderr(&output));
}

#[test]
fn feeds_that_are_none_are_no_server() {
    let dir = TestDir::new();
    for body in ["{}", "<html>", "[{}]", r#"[{"id": "x", "provider": "y.example", "update_time": "never"}]"#]
    {
        let server = Handmade::start(move |_, _| http(200, "", body));
        assert_fails(&dir, &server.url, 5, &["expected an answer of `rapsheet serve`", &body[..2]]);
    }
}

#[test]
fn names_are_asked_for_once_and_answers_come_uncompressed() {
    let dir = TestDir::new();
    let server = Handmade::start(|request, _| request.answer());
    let lines = "45.9.20.5\n".repeat(2500);
    let output = remote(&dir, &server.url, &["-o", "jsonl"], lines.as_bytes());
    assert_eq!((code(&output), json_lines(&output).len()), (0, 2500), "{}", stderr(&output));
    let requests = server.requests();
    assert!(requests[0].is_for_feeds(), "{requests:?}");
    assert!(requests.len() >= 4, "a pipe may give its lines in more parts");
    for request in &requests[1..] {
        assert_eq!(request.line, "POST /v1/lookup?all_sources=false&at=2026-11-22T00:00:00Z");
        assert!(request.questions().len() <= 1000);
    }
    for request in &requests {
        assert!(request.headers.contains("accept-encoding: identity\r\n"), "{}", request.headers);
        assert!(!request.headers.contains("gzip"), "{}", request.headers);
    }
}

/// An answer may name what another snapshot has added.
#[test]
fn names_and_times_come_from_answers_too() {
    let dir = TestDir::new();
    let mut line = unknown("45.9.20.5");
    line["status"] = json!(1);
    line["verdict"] = json!("blocklisted");
    line["detected_by"] = json!(1);
    line["sources"] = json!([
        {"provider": "new.example", "feed": "new-ip", "status": 1, "assessments": ["botnet"], "matched": "45.9.20.5",
         "first_seen": "2026-11-01T03:00:00Z", "detect_time": "2026-11-20T03:00:00Z",
         "update_time": "2026-11-21T03:00:00Z", "expires": "2026-12-05T03:00:00Z", "stale": false}]);
    let server = Handmade::with_body(line.to_string());
    let output = remote(&dir, &server.url, &["-o", "jsonl", "45.9.20.5"], b"");
    assert_eq!(json_lines(&output), [line], "{}", stderr(&output));
}

#[test]
fn a_server_that_asks_to_wait_is_waited_for() {
    let dir = TestDir::new();
    for status in [429, 503] {
        let server = Handmade::start(move |request, before| match before {
            0 | 1 | 3 => http(status, "retry-after: 1\r\n", ""),
            _ => request.answer(),
        });
        let began = Instant::now();
        let output = remote(&dir, &server.url, &["45.9.20.5"], b"");
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(began.elapsed().as_secs() >= 3, "{:?}", began.elapsed());
        let told = stderr(&output);
        assert!(told.contains(&format!("HTTP {status}; waiting 1 s")), "{told}");
        assert_eq!((told.lines().count(), server.requests().len()), (1, 5), "told once: {told}");
    }
    let server = Handmade::start(|request, before| match before {
        0 => http(429, "retry-after: 1\r\n", ""),
        _ => request.answer(),
    });
    let output = remote(&dir, &server.url, &["-q", "45.9.20.5"], b"");
    assert_eq!((code(&output), stderr(&output)), (0, String::new()));
}

#[test]
fn a_long_wait_ends_the_run() {
    let dir = TestDir::new();
    let body = r#"{"success": false, "error": {"code": 429001, "messages": ["no look-ups are left"]}}"#;
    for (status, headers, remedy) in [
        (429, "retry-after: 61\r\n", "; ask again in 61 s"),
        (503, "retry-after: 3600\r\n", "; ask again in 3600 s"),
        (503, "", ""),
        (500, "retry-after: 1\r\n", "; ask again in 1 s"),
    ] {
        let server = Handmade::start(move |_, _| http(status, headers, body));
        let message = format!("HTTP {status}: no look-ups are left{remedy}\n");
        assert_fails(&dir, &server.url, 5, &[&message]);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_server_without_a_snapshot_is_waited_for() {
    let dir = TestDir::new();
    let sample = dir.path("rapsheet.rap");
    std::fs::remove_file(&sample).expect("removed");
    let server = Running::start(&dir, &[]);
    let mut command = dir.command(&["lookup", "--server", &server.url(), "45.9.20.5"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    line_with("HTTP 503: there is no sound snapshot at the moment; waiting 5 s", &mut lines);
    sample::publish(&sample);
    wait_until("the snapshot is taken", || server.get("/readyz").status == 200);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((code(&output), stdout(&output)), (0, stdout(&dir.run(&["lookup", "45.9.20.5"]))));
}

#[test]
fn two_requests_a_second_are_enough_for_a_look_up() {
    let dir = TestDir::new();
    let made = dir.run(&["serve", "--new-key", "host"]);
    let key = stdout(&made).lines().find_map(|line| line.split_once(": rs_")).expect("a key").1;
    let line = stdout(&made).lines().last().expect("a line");
    let line = line.split(" per-").next().expect("a name and a digest");
    dir.write("keys", format!("{line} per-second=2"));
    let server = Running::start(&dir, &["--keys", "keys"]);
    let mut command = dir.command(&["lookup", "--server", &server.url(), "45.9.20.5", "goodpanel.com"]);
    let output = command.env("RAPSHEET_SECRET_SERVER", format!("rs_{key}")).output().expect("it runs");
    let local = dir.run(&["lookup", "45.9.20.5", "goodpanel.com"]);
    assert_eq!((code(&output), stdout(&output)), (0, stdout(&local)), "{}", stderr(&output));
    assert_eq!(stderr(&output), "", "it did not have to wait");
}

#[test]
fn now_is_the_instant_that_is_asked_for() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    for now in ["2026-10-01T00:00:00Z", "2026-11-21T00:00:00Z", "2027-06-01T00:00:00Z"] {
        assert_same(&dir, &server, &["--now", now, "-o", "jsonl", "45.9.20.5", "goodpanel.com"], b"");
        let at = ["--now", now, "--at", "2026-11-25T00:00:00Z", "-o", "jsonl", "45.9.20.5"];
        let output = remote(&dir, &server.url(), &at, b"");
        assert_eq!(json_lines(&output)[0]["at"], "2026-11-25T00:00:00Z", "--at comes before --now");
    }
}

#[test]
fn reasons_of_a_server_are_shown() {
    let dir = TestDir::new();
    let row = |error: &str, message: Option<&str>| {
        let mut line = json!({"input": "45.0.0.0/8", "indicator": "45.0.0.0/8", "error": error});
        if let Some(message) = message {
            line["message"] = json!(message);
        }
        line
    };
    let much = "45.0.0.0/8 holds 70,000 entries\u{1b}[31m";
    for (line, text) in [
        (row("too-wide", Some(much)), "not answered: too-wide (45.0.0.0/8 holds 70,000 entries\\x1b[31m)"),
        (row("too-wide", None), "not answered: too-wide"),
        (row("no-text", None), "not answered: no-text"),
        (row("leading-zero", Some("010 is 8 or 10")), "not an indicator: leading-zero (010 is 8 or 10)"),
        (
            row("leading-zero", None),
            "not an indicator: leading-zero (An octet with a leading zero: some tools read it as octal, people as decimal)",
        ),
    ] {
        let server = Handmade::with_body(line.to_string());
        let output = remote(&dir, &server.url, &["45.0.0.0/8"], b"");
        let expected = format!("45.0.0.0/8  {text}\n");
        assert_eq!((code(&output), stdout(&output)), (2, expected.as_str()), "{}", stderr(&output));
        for format in ["csv", "tsv"] {
            let output = remote(&dir, &server.url, &["-o", format, "45.0.0.0/8"], b"");
            assert!(stdout(&output).contains(line["error"].as_str().expect("a word")), "{format}");
        }
        let output = remote(&dir, &server.url, &["-o", "jsonl", "45.0.0.0/8"], b"");
        let printed = &json_lines(&output)[0];
        assert_eq!((&printed["error"], &printed["message"]), (&line["error"], &line["message"]));
    }
}

#[test]
fn a_url_that_cannot_be_right_is_refused() {
    let dir = TestDir::new();
    for (url, expected) in [
        ("ftp://user:hunter2@127.0.0.1", "127.0.0.1: expected a URL such as http://127.0.0.1:8087"),
        ("127.0.0.1:8087", "expected a URL"),
        (
            "http://user:hunter2@127.0.0.1:8087",
            "found a user or password; a key goes into a file for --key-file",
        ),
        ("http://127.0.0.1:8087/?apikey=hunter2", "found a query"),
        ("http://127.0.0.1:8087/#hunter2", "found a fragment"),
    ] {
        assert_fails(&dir, url, 2, &[expected]);
        assert!(!stderr(&remote(&dir, url, &["45.9.20.5"], b"")).contains("hunter2"));
    }
    assert_fails(
        &dir,
        "http://127.0.0.1:1",
        5,
        &["http://127.0.0.1:1", "is `rapsheet serve` running there?"],
    );
}

#[test]
fn an_answer_of_another_server_says_what_to_do() {
    let dir = TestDir::new();
    let other = Handmade::start(|_, _| http(404, "", "<html>not here</html>"));
    assert_fails(&dir, &other.url, 2, &["HTTP 404", "--server wants the base URL of `rapsheet serve`"]);
    for (location, target) in [
        ("https://rapsheet.example/v1/feeds?token=hunter2", "https://rapsheet.example/v1/feeds"),
        ("/x", "/x"),
    ] {
        let headers = format!("location: {location}\r\n");
        let server = Handmade::start(move |_, _| http(308, &headers, ""));
        let leads = format!("{target}, which is not followed");
        assert_fails(&dir, &server.url, 5, &["HTTP 308; it leads to ", &leads]);
        assert!(!stderr(&remote(&dir, &server.url, &["45.9.20.5"], b"")).contains("hunter2"));
        assert_eq!(server.requests().len(), 2, "one a run");
    }
}

#[test]
fn answers_are_bounded() {
    let dir = TestDir::new();
    let server = Handmade::start(|_, _| http(200, "", &" ".repeat((16 << 20) + 1)));
    assert_fails(&dir, &server.url, 5, &["expected an answer of at most 16777216 bytes"]);
    let server = Handmade::with_body(" ".repeat((64 << 20) + 1));
    assert_fails(&dir, &server.url, 5, &["expected an answer of at most 67108864 bytes"]);
}

#[test]
fn a_key_that_is_repeated_is_not_shown() {
    let dir = TestDir::new();
    let body = r#"{"success": false, "error": {"code": 401006, "messages": ["HUNTER2hunter2 is wrong"]}}"#;
    for (status, expected) in [(401, "HTTP 401: *** is wrong"), (200, "***")] {
        let server = Handmade::start(move |_, _| http(status, "", body));
        let mut command = dir.command(&["lookup", "--server", &server.url, "45.9.20.5"]);
        let output = command.env("RAPSHEET_SECRET_SERVER", "hunter2hunter2").output().expect("it runs");
        let message = stderr(&output);
        assert!(code(&output) != 0 && message.contains(expected), "{message}");
        assert!(!message.to_ascii_lowercase().contains("hunter2"), "{message}");
        assert!(server.requests()[0].headers.contains("apikey: hunter2hunter2\r\n"));
    }
}

#[test]
fn a_key_comes_from_the_environment_or_a_file() {
    let dir = TestDir::new();
    let made = dir.run(&["serve", "--new-key", "host"]);
    let key = stdout(&made).lines().find_map(|line| line.split_once(": rs_")).expect("a key").1;
    let key = format!("rs_{key}");
    dir.write("keys", stdout(&made).lines().last().expect("a line"));
    let server = Running::start(&dir, &["--keys", "keys"]);
    let url = server.url();
    let args = ["lookup", "--server", url.as_str(), "45.9.20.5", "--now", NOW];
    let without = dir.run(&args);
    assert_eq!(code(&without), 2);
    assert!(stderr(&without).contains("HTTP 401"), "{}", stderr(&without));
    let with = dir.command(&args).env("RAPSHEET_SECRET_SERVER", &key).output().expect("it runs");
    assert_eq!((code(&with), stdout(&with)), (0, stdout(&dir.run(&["lookup", "45.9.20.5"]))));
    dir.write("key", &key);
    let file = [&args[..], &["--key-file", "key"]].concat();
    set_mode(&dir, 0o644);
    let shared = dir.run(&file);
    assert!(code(&shared) == 2 && stderr(&shared).contains("chmod 600"), "{}", stderr(&shared));
    set_mode(&dir, 0o600);
    assert_eq!(code(&dir.run(&file)), 0);
    for output in [without, with, shared] {
        assert!(!stderr(&output).contains(&key));
    }
    let open = ["lookup", "--server", "http://rapsheet.evil-one.com", "--key-file", "key", "45.9.20.5"];
    let output = dir.run(&open);
    assert!(code(&output) == 2 && stderr(&output).contains("not sent over http"), "{}", stderr(&output));
}

fn set_mode(dir: &TestDir, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir.path("key"), std::fs::Permissions::from_mode(mode)).expect("a mode");
}
