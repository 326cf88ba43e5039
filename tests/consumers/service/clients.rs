//! Clients of the vendor's API, with the base URL changed: its own, PyOTI, Cortex, Node.

use super::super::model::{Range, Verdict};
use super::super::program::program;
use super::super::world::{NOW as WORLD_NOW, world};
use super::{Service, python, run_client};
use crate::sample::NOW;
use crate::test_dir::{TestDir, stdout};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

/// When the data of the sample is too old, so that what is not listed is failed.
const LATER: &str = "2026-11-24T00:00:00Z";

/// The call, and what is asked for: blocklisted, allowlisted, unknown, of all kinds, and written as people do.
const QUESTIONS: [(&str, &str); 15] = [
    ("ip", "45.9.20.5"),
    ("ip", "45.9.20.6"),
    ("ip", "2001:980::1"),
    ("ip", "::ffff:45.9.20.5"),
    ("ip", "45.9.20.0/24"),
    ("ip", "45.9.20[.]5:443"),
    ("domain", "evilpanel.com"),
    ("domain", "www.evilpanel.com"),
    ("domain", "goodpanel.com"),
    ("domain", "Not-Listed[.]org"),
    ("domain", "bücher.example.com"),
    ("url", "http://evilpanel.com/gate.php?id=1&x=%2F#top"),
    ("url", "https://goodpanel.com/a/../b;c?d=e+f"),
    ("url", "hxxp://45.9.20.5:8080/x"),
    ("url", "http://[2001:980::1]/"),
];

fn questions() -> Vec<(&'static str, Value)> {
    QUESTIONS.map(|(call, text)| (call, text.into())).to_vec()
}

/// The answers of the program to the same questions.
fn local_answers(dir: &TestDir, now: &str) -> Vec<Value> {
    let answer = |(_, text): (&str, &str)| {
        let output = dir.run(&["lookup", "--now", now, "-o", "metadefender", text]);
        serde_json::from_str(stdout(&output)).expect("JSON")
    };
    QUESTIONS.map(answer).to_vec()
}

/// What the vendor's client keeps of an answer, without the place, which is empty.
fn kept(answer: &Value) -> Value {
    json!({"address": answer["address"], "lookup_results": answer["lookup_results"]})
}

/// The statuses of an answer's sources.
fn statuses(answer: &Value) -> BTreeSet<u64> {
    let sources = answer["lookup_results"]["sources"].as_array().expect("sources");
    sources.iter().map(|source| source["status"].as_u64().expect("a number")).collect()
}

#[test]
fn the_vendors_client_reads_answers_of_every_kind() {
    let Some(python) = python() else { return };
    let mut all = BTreeSet::new();
    for now in [NOW, LATER] {
        let service = Service::at(now, &[]);
        let local = local_answers(&service.dir, now);
        let found = run_client(&python, "vendor_client.py", &service.v4(), "", &questions());
        for (((call, text), found), local) in QUESTIONS.iter().zip(&found).zip(&local) {
            assert_eq!(kept(found), kept(local), "{text}");
            assert_eq!(found["geo_info"].is_object(), *call == "ip", "{text}: {found}");
            let detected_by = found["lookup_results"]["detected_by"].as_u64().expect("a number");
            assert_eq!(detected_by > 0, statuses(found).contains(&1), "{text}: {found}");
            all.extend(statuses(found));
        }
    }
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [0, 1, 3, 5], "all kinds of answers");
}

#[test]
fn the_vendors_client_reads_bulk_answers_in_the_order_asked() {
    let Some(python) = python() else { return };
    let service = Service::start(&[]);
    let local = local_answers(&service.dir, NOW);
    for (call, bulk) in [("ip", "ips"), ("domain", "domains"), ("url", "urls")] {
        let rows = QUESTIONS.iter().zip(&local).filter(|((of, _), _)| *of == call);
        let (mut asked, mut expected): (Vec<&str>, Vec<Value>) =
            rows.map(|((_, text), answer)| (*text, kept(answer))).unzip();
        // What is no indicator has no sources, and takes no other's place.
        for unusable in ["010.0.0.1", "", "a b"] {
            asked.insert(1, unusable);
            let start_time = &local[0]["lookup_results"]["start_time"];
            let empty = json!({"start_time": start_time, "detected_by": 0, "sources": []});
            expected.insert(1, json!({"address": unusable, "lookup_results": empty}));
        }
        let found = run_client(&python, "vendor_client.py", &service.v4(), "", &[(bulk, json!(asked))]);
        let found: Vec<Value> = found[0]["data"].as_array().expect("data").iter().map(kept).collect();
        assert_eq!(found, expected, "{bulk}");
    }
}

/// What the vendor's client raises: class, status and code.
fn raised(answer: &Value) -> (&str, u64, u64) {
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    (answer["exception"].as_str().unwrap_or("none"), number("status"), number("code"))
}

#[test]
fn the_vendors_client_raises_its_own_exceptions() {
    let Some(python) = python() else { return };
    let (service, keys) =
        Service::with_keys(&[("free", ""), ("daily", "per-day=51"), ("slow", "per-second=1")]);
    let run = |key: &str, questions: &[(&str, Value)]| {
        run_client(&python, "vendor_client.py", &service.v4(), key, questions)
    };
    let ip = ("ip", json!("45.9.20.5"));
    for (key, code) in [("", 401_001), ("rs_wrong", 401_006)] {
        let found = run(key, &[ip.clone(), ("urls", json!(["http://x.com"]))]);
        for found in &found {
            assert_eq!(raised(found), ("UnauthorizedException", 401, code), "{found}");
        }
    }
    let many = vec!["45.9.20.5"; 51];
    let unusable = [
        ("ip", json!("010.0.0.1"), 400_001),
        ("ip", json!("evilpanel.com"), 400_002),
        ("domain", json!("45.9.20.5"), 400_002),
        ("url", json!("http://a b/"), 400_001),
        ("ips", json!(many), 400_004),
    ];
    for (call, argument, code) in unusable {
        let found = &run(&keys[0], &[(call, argument)])[0];
        assert_eq!(raised(found), ("BadRequestException", 400, code), "{found}");
    }
    // What was refused costs nothing; the clock stands still.
    let fifty = ("ips", json!(many[1..]));
    let found = run(&keys[1], &[ip.clone(), fifty, ip.clone(), ("ips", json!(["45.9.20.5"]))]);
    assert_eq!((&found[0]["address"], &found[1]["data"][49]["address"]), (&ip.1, &ip.1));
    for found in &found[2..] {
        assert_eq!(raised(found), ("ApiException", 429, 429_001), "{found}");
        assert_eq!(found["retry_after"], "86400");
    }
    let found = run(&keys[2], &[ip.clone(), ip]);
    assert_eq!(raised(&found[1]), ("ApiException", 429, 429_002), "{found:?}");
}

/// The statuses and assessments that the model gives to the providers that list something.
fn check_with_model(text: &str, answer: &Value, verdict: &Verdict) {
    let results = &answer["lookup_results"];
    assert_eq!(results["detected_by"], verdict.providers.len(), "{text}: {answer}");
    let (mut providers, mut assessments) = (BTreeSet::new(), BTreeSet::new());
    for source in results["sources"].as_array().expect("sources") {
        let provider = source["provider"].as_str().expect("a provider");
        let is_allowed = provider == "good.example" && verdict.is_allowed;
        let expected = if is_allowed { 0 } else { 5 };
        if source["status"] == 1 {
            providers.insert(provider);
            assessments.extend(source["assessment"].as_str().expect("text").split(", "));
        } else {
            assert_eq!(source["status"], expected, "{text}: {answer}");
        }
    }
    assert_eq!((&providers, &assessments), (&verdict.providers, &verdict.assessments), "{text}: {answer}");
}

/// Answers to 10,000 questions about random feeds, in bulk of 50. Each is what the model says, and what
/// `lookup` says.
#[test]
fn the_vendors_client_reads_ten_thousand_random_answers() {
    let Some(python) = python() else { return };
    let world = world();
    let mut rows: Vec<(&str, String, Option<Verdict>)> = Vec::new();
    for (is_ipv6, bits) in world.model.addresses(5000) {
        let verdict = world.model.address(is_ipv6, bits);
        rows.push(("ips", Range::address(is_ipv6, bits).to_string(), Some(verdict)));
    }
    for name in world.model.names(4000) {
        let verdict = world.model.name(&name);
        rows.push(("domains", name, Some(verdict)));
    }
    for at in 0..1000 {
        // A third is listed.
        let url = world.model.urls[at % world.model.urls.len()].clone();
        let query = if at % 3 == 0 { String::new() } else { format!("?{at}") };
        rows.push(("urls", url + &query, None));
    }
    assert_eq!(rows.len(), 10_000);
    let mut input = String::new();
    rows.iter().for_each(|(_, text, _)| writeln!(input, "{text}").expect("memory"));
    let output =
        world.rapsheet(&["lookup", "--snapshot", "s.rap", "-o", "metadefender", "--now", WORLD_NOW], &input);
    let local = String::from_utf8(output.stdout).expect("text");
    let service = Service::of(TestDir::new(), &world.folder.join("s.rap"), WORLD_NOW, &[]);
    let bulks = rows.chunks(50).map(|rows| {
        let texts: Vec<&str> = rows.iter().map(|(_, text, _)| text.as_str()).collect();
        (rows[0].0, json!(texts))
    });
    let found = run_client(&python, "vendor_client.py", &service.v4(), "", &bulks.collect::<Vec<_>>());
    let found: Vec<&Value> = found.iter().flat_map(|bulk| bulk["data"].as_array().expect("data")).collect();
    assert_eq!((found.len(), local.lines().count()), (rows.len(), rows.len()));
    for ((found, local), (_, text, verdict)) in found.into_iter().zip(local.lines()).zip(&rows) {
        assert_eq!(kept(found), kept(&serde_json::from_str(local).expect("JSON")), "{text}");
        if let Some(verdict) = verdict {
            check_with_model(text, found, verdict);
        }
    }
}

#[test]
fn pyoti_reads_answers() {
    let Some(python) = python() else { return };
    let (service, keys) = Service::with_keys(&[("analyst", "per-day=1000")]);
    let local = local_answers(&service.dir, NOW);
    // It puts a text into the path as it is, so none with a slash can be asked alone, and asks for no URL.
    let rows = QUESTIONS.iter().zip(&local);
    let single = rows.clone().filter(|((call, text), _)| *call != "url" && !text.contains('/'));
    let (mut asked, mut expected): (Vec<_>, Vec<Value>) =
        single.map(|((call, text), answer)| ((*call, json!(text)), answer.clone())).unzip();
    for (call, bulk) in [("ip", "ips"), ("domain", "domains"), ("url", "urls")] {
        let rows = rows.clone().filter(|((of, _), _)| *of == call);
        let (texts, answers): (Vec<&str>, Vec<&Value>) =
            rows.map(|((_, text), answer)| (*text, answer)).unzip();
        asked.push((bulk, json!(texts)));
        expected.push(json!({ "data": answers }));
    }
    let count = expected.len();
    asked.extend([("key", Value::Null), ("url", json!("http://evilpanel.com/")), ("ip", json!("010.0.0.1"))]);
    let found = run_client(&python, "pyoti_client.py", &service.v4(), &keys[0], &asked);
    assert_eq!(found[..count], expected);
    assert_eq!(
        (&found[count]["nickname"], &found[count]["limit_reputation"]),
        (&json!("analyst"), &json!(1000))
    );
    assert_eq!(found[count + 1]["address"], service.v4());
    assert_eq!(found[count + 2]["error"]["code"], 400_001);
    let found = run_client(&python, "pyoti_client.py", &service.v4(), "wrong", &asked[..1]);
    assert_eq!(found[0]["error"]["code"], 401_006);
}

#[test]
fn the_analyzer_of_cortex_makes_its_reports() {
    let Some(python) = python() else { return };
    for now in [NOW, LATER] {
        let service = Service::at(now, &[]);
        // Its URL may end in a slash.
        let url = service.v4() + "/";
        let found = run_client(&python, "cortex_analyzer.py", &url, "any", &questions());
        for (found, local) in found.iter().zip(local_answers(&service.dir, now)) {
            assert_eq!(found["full"], local);
            let results = &local["lookup_results"];
            let short = &found["taxonomies"][0];
            let sources = results["sources"].as_array().expect("sources").len();
            assert_eq!((sources, &short["value"]), (3, &json!(format!("{}/3", results["detected_by"]))));
            let level = if results["detected_by"] == 0 { "safe" } else { "suspicious" };
            assert_eq!(short["level"], level, "{local}");
        }
    }
    let (service, keys) = Service::with_keys(&[("cortex", "per-day=1")]);
    for (key, text, is_empty) in [
        (keys[0].as_str(), "010.0.0.1", true),
        (&keys[0], "45.9.20.5", false),
        (&keys[0], "45.9.20.5", true),
        ("wrong", "45.9.20.5", true),
    ] {
        let found = run_client(&python, "cortex_analyzer.py", &service.v4(), key, &[("ip", json!(text))]);
        assert_eq!(found[0]["full"] == json!({}), is_empty, "{text}: {found:?}");
    }
}

#[test]
fn a_client_of_node_sends_its_key_in_authorization() {
    let Some(node) = program("node") else { return };
    let (service, keys) = Service::with_keys(&[("node", "")]);
    let found = run_client(&node, "node_client.js", &service.v4(), &keys[0], &questions());
    for (found, local) in found.iter().zip(local_answers(&service.dir, NOW)) {
        assert_eq!((&found["status"], &found["answer"]), (&json!(200), &local));
    }
    let found = run_client(&node, "node_client.js", &service.v4(), "rs_wrong", &questions()[..1]);
    assert_eq!((&found[0]["status"], &found[0]["answer"]["error"]["code"]), (&json!(401), &json!(401_006)));
}
