//! Every route, and that its answers are those of `rapsheet lookup`.

use super::{Client, Running};
use crate::test_dir::{TestDir, stdout};
use serde_json::Value;

/// Indicators of all kinds: listed, allowed, not listed, of a provider that failed, defanged.
const INDICATORS: [&str; 10] = [
    "45.9.20.5",
    "45.9.20.6",
    "45.9.20.0/29",
    "2001:980::1",
    "::ffff:45.9.20.5",
    "evilpanel.com",
    "h77.evilpanel[.]com",
    "goodpanel.com",
    "hxxps://evilpanel[.]com:443/gate.php?id=1",
    "http://45.9.20.5/x",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Where the v4 API takes an indicator, and the member of its bodies.
fn place(indicator: &str) -> (&'static str, &'static str) {
    match indicator {
        text if text.contains("://") => ("url", "url"),
        text if text.contains("panel") => ("domain", "fqdn"),
        _ => ("ip", "address"),
    }
}

#[test]
fn single_answers_are_those_of_lookup() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    for indicator in INDICATORS {
        let (kind, _) = place(indicator);
        let local = |output: &str| stdout(&dir.run(&["lookup", "-o", output, indicator])).to_owned();
        let answer = server.get(&format!("/v4/{kind}/{}", encoded(indicator)));
        assert_eq!((answer.status, answer.text()), (200, local("metadefender")), "{indicator}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let answer = server.get(&format!("/v1/lookup/{}", encoded(indicator)));
        assert_eq!((answer.status, answer.text()), (200, local("jsonl")), "{indicator}");
        let all = stdout(&dir.run(&["lookup", "-o", "jsonl", "--all-sources", indicator])).to_owned();
        assert_eq!(server.get(&format!("/v1/lookup/{}?all_sources", encoded(indicator))).text(), all);
    }
}

/// Without escapes, too, as people and careless clients write them.
#[test]
fn a_url_may_stand_in_a_path_as_it_is() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let answer = server.get("/v4/url/http://evilpanel.com/gate.php?id=1&x=2");
    assert_eq!(answer.json()["address"], "http://evilpanel.com/gate.php?id=1&x=2");
    assert_eq!(answer.json()["lookup_results"]["detected_by"], 1);
}

#[test]
fn bulk_answers_are_those_of_lookup_in_the_order_asked() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    for (kind, key) in [("ip", "address"), ("domain", "fqdn"), ("url", "url")] {
        let mut asked: Vec<&str> =
            INDICATORS.into_iter().filter(|indicator| place(indicator).0 == kind).collect();
        asked.push(asked[0]);
        let body = serde_json::json!({ key: asked }).to_string();
        let local: Vec<Value> = asked
            .iter()
            .map(|indicator| {
                let output = dir.run(&["lookup", "-o", "metadefender", indicator]);
                serde_json::from_str(stdout(&output)).expect("JSON")
            })
            .collect();
        for path in [format!("/v4/{kind}"), format!("/v4/{kind}/")] {
            let answer = server.post(&path, &body);
            assert_eq!(answer.json()["data"], Value::Array(local.clone()), "{path}");
        }
    }
}

#[test]
fn an_unusable_item_is_an_error_in_its_place() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let answer = server.post("/v4/ip", r#"{"address":["010.0.0.1","45.9.20.5",7,null,"evilpanel.com",""]}"#);
    let data = answer.json()["data"].clone();
    let codes: Vec<_> = (0..6).map(|at| data[at]["error"]["code"].as_u64()).collect();
    let unusable = Some(400_001);
    assert_eq!(codes, [unusable, None, unusable, unusable, Some(400_002), unusable]);
    assert_eq!((&data[0]["address"], &data[0]["success"]), (&"010.0.0.1".into(), &false.into()));
    // Strict clients want all that an answer has, or refuse the others, too.
    for member in ["lookup_results", "geo_info"] {
        assert!(data[0][member].is_object(), "{member}");
    }
    assert_eq!(data[0]["lookup_results"]["sources"], serde_json::json!([]));
    assert_eq!(data[1]["lookup_results"]["detected_by"], 1);
}

#[test]
fn lines_are_answered_with_lines_and_an_object_with_an_object() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut asked = INDICATORS.join("\n");
    asked += "\n010.0.0.1\n\nnot an indicator\n";
    let local = stdout(&dir.run_with_input(&["lookup", "-o", "jsonl"], asked.as_bytes())).to_owned();
    let answer = server.post("/v1/lookup", &asked);
    assert_eq!((answer.text(), answer.header("content-type")), (local.clone(), Some("application/x-ndjson")));
    let quoted: String = INDICATORS.iter().map(|text| format!("{{\"indicator\":\"{text}\"}}\r\n")).collect();
    assert!(local.starts_with(&server.post("/v1/lookup", quoted).text()));
    let body = serde_json::json!({ "indicators": INDICATORS }).to_string();
    let data = server.post("/v1/lookup", body).json()["data"].clone();
    let lines: Vec<Value> = local.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(data.as_array().expect("an array")[..], lines[..INDICATORS.len()]);
    // What is called JSON is not taken for lines.
    let mut client = Client::connect(server.address);
    for (body, media_type, status) in [
        ("[null]", "application/json; charset=utf-8", 400),
        ("{\"x\":1}", "Application/JSON", 400),
        ("{\"x\":1,\"indicators\":[]}", "application/json", 200),
        ("{\"x\":1,\"indicators\":[]}", "application/x-www-form-urlencoded", 200),
        ("[null]", "application/x-ndjson", 200),
    ] {
        let answer =
            client.post_with("/v1/lookup", body.as_bytes(), &format!("content-type: {media_type}\r\n"));
        assert_eq!(answer.status, status, "{body} as {media_type}");
        assert_eq!(answer.text() == "{\"data\":[]}\n", body.contains("indicators"), "{body}");
    }
}

#[test]
fn answers_are_as_of_any_instant() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    for at in ["2026-11-23T00:00:00Z", "2026-12-24T00:00:00Z"] {
        let local = stdout(&dir.run(&["lookup", "-o", "jsonl", "--at", at, "45.9.20.5"])).to_owned();
        assert_eq!(server.get(&format!("/v1/lookup/45.9.20.5?at={at}")).text(), local);
        assert_eq!(server.post(&format!("/v1/lookup?at={}", encoded(at)), "45.9.20.5").text(), local);
    }
    for query in ["at=soon", "all_sources=soon"] {
        assert_eq!(server.get(&format!("/v1/lookup/45.9.20.5?{query}")).code(), 400_005, "{query}");
    }
}

#[test]
fn says_what_it_serves() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let feeds = server.get("/v1/feeds").json();
    let ids: Vec<_> = feeds.as_array().expect("an array").iter().map(|feed| feed["id"].clone()).collect();
    let local = stdout(&dir.run(&["info", "-o", "json"])).to_owned();
    let local: Value = serde_json::from_str(&local).expect("JSON");
    let expected: Vec<_> =
        local["feeds"].as_array().expect("an array").iter().map(|feed| feed["id"].clone()).collect();
    assert_eq!(ids, expected);
    let info = server.get("/v1/info").json();
    for key in ["built_at", "age_seconds", "bytes", "entries", "sightings"] {
        assert_eq!(info[key], local[key], "{key}");
    }
    assert_eq!((info["generation"].clone(), info["feeds"]["all"].clone()), (1.into(), expected.len().into()));
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(server.get("/openapi.json").json()["openapi"], "3.1.0");
}

#[test]
fn metrics_count_requests() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    let mut client = Client::connect(server.address);
    for path in ["/v4/ip/45.9.20.5", "/v4/ip/x", "/nothing", "/v4/ip/45.9.20.6"] {
        client.get(path);
    }
    let answer = client.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "rapsheet_http_requests_total{route=\"GET /v4/ip/{x}\",status=\"200\"} 2",
        "rapsheet_http_requests_total{route=\"GET /v4/ip/{x}\",status=\"400\"} 1",
        "rapsheet_http_requests_total{route=\"other\",status=\"404\"} 1",
        "rapsheet_lookups_total 2",
        "rapsheet_http_request_duration_seconds_count 4",
        "rapsheet_snapshot_generation 1",
        "rapsheet_http_connections 1",
        "rapsheet_feeds{state=\"failed\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.contains("rapsheet_snapshot_age_seconds "));
}

/// The page itself has tests of its own; here, that all of its paths lead somewhere and say what a browser may do.
#[test]
fn the_page_has_its_paths() {
    let dir = TestDir::new();
    let server = Running::start(&dir, &[]);
    for (path, status) in [("/", 200), ("/lookup/45.9.20.5", 200), ("/lookup/%3Cscript%3E", 400)] {
        let answer = server.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(
            answer.header("content-security-policy").is_some_and(|it| it.starts_with("default-src 'none'"))
        );
        assert!(!answer.text().contains("<script"));
    }
    let answer = server.get("/lookup?q=+hxxp%3A%2F%2Fx%5B.%5Dcom%2Fa+b");
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/lookup/hxxp%3A%2F%2Fx%5B.%5Dcom%2Fa%20b"))
    );
    assert_eq!(server.get("/lookup?q=").header("location"), Some("/"));
}

#[test]
fn the_access_log_has_a_line_for_each_answer() {
    let dir = TestDir::new();
    let mut server = Running::start(&dir, &["--access-log", "log.jsonl"]);
    server.get("/v4/ip/45.9.20.5?secret=1");
    server.get("/no%1b/\u{9b}");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    let text = dir.read("log.jsonl");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["path"], "/v4/ip/45.9.20.5");
    assert_eq!((lines[0]["status"].clone(), lines[1]["status"].clone()), (200.into(), 404.into()));
    assert!(lines[0]["bytes"].as_u64().is_some_and(|bytes| bytes > 100) && lines[0]["seconds"].is_f64());
    assert!(text.is_ascii() && !text.contains("secret"), "{text}");
}
