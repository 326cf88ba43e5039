//! The description of the API, `/openapi.json`: its examples are true, and schemathesis finds no answer that it does
//! not describe.

use super::super::program::installed;
use super::super::world::run_with_input;
use super::{Service, script};
use crate::sample::NOW;
use crate::serve::client::{Answer, Client};
use crate::test_dir::TestDir;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;

fn document() -> Value {
    Service::start(&[]).get("/openapi.json").json()
}

/// The operations of the document: method, path, operation.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods");
            methods.iter().map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
        .collect()
}

/// Asks what an operation has as the example of a request, in one of its media types.
fn request_example(client: &mut Client, row: (&str, &str, &Value), wanted: &str, key: &str) -> Answer {
    let (method, path, operation) = row;
    let path = match operation["parameters"][0]["example"].as_str() {
        Some(example) if path.ends_with("{x}") => path.replace("{x}", &encoded(example)),
        Some(example) if path == "/lookup" => format!("{path}?q={example}"),
        _ => path.to_owned(),
    };
    let header = format!("apikey: {key}\r\n");
    if method == "get" {
        return client.get_with(&path, &header);
    }
    let content = operation["requestBody"]["content"].as_object().expect("content");
    let (media_type, content) = match content.get_key_value(wanted) {
        Some(row) => row,
        None => content.iter().next().expect("a media type"),
    };
    let example = &content["example"];
    if media_type == "application/x-www-form-urlencoded" {
        let list = encoded(example["list"].as_str().expect("a list"));
        let body = format!("list={list}&as={}", if wanted.starts_with("text/csv") { "csv" } else { "page" });
        return client.post_with(&path, body.as_bytes(), &header);
    }
    let body = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    client.post_with(&path, body.as_bytes(), &format!("{header}content-type: {media_type}\r\n"))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What differs from one version to the next is put in the place of what the answer has.
fn with_own(expected: &Value, answer: &Value) -> Value {
    let mut expected = expected.clone();
    for name in ["version", "bytes"] {
        if let Some(value) = expected.get_mut(name) {
            *value = answer[name].clone();
        }
    }
    expected
}

#[test]
fn examples_of_answers_are_what_the_examples_of_requests_get() {
    let (service, keys) = Service::with_keys(&[("firewall", "per-day=1000"), ("other", "")]);
    let document = service.get("/openapi.json").json();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in operations(&document) {
        let (method, path, operation) = row;
        let success = ["200", "303"].into_iter().find(|code| operation["responses"][code].is_object());
        let success = success.expect("a success");
        let content = operation["responses"][success]["content"].as_object().expect("content");
        for (media_type, content) in content {
            // What is left of the day is all of it.
            let key = &keys[usize::from(!path.starts_with("/v4/apikey"))];
            let answer = request_example(&mut service.client(), row, media_type, key);
            assert_eq!(answer.status.to_string(), success, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some(media_type.as_str()), "{method} {path}");
            let is_true = match &content["example"] {
                // Pages and this document have none.
                Value::Null => media_type != "application/json" || path == "/openapi.json",
                Value::String(text) if path == "/metrics" => {
                    text.lines().all(|line| answer.text().lines().any(|found| found == line))
                }
                Value::String(text) => *text == answer.text(),
                example => with_own(example, &answer.json()) == answer.json(),
            };
            if !is_true {
                wrong.push(format!("{method} {path} {media_type}:\n{}", answer.text()));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "these answers differ from their examples:\n{}", wrong.join("\n"));
    assert!(count > operations(&document).len(), "each operation, and both answers of /v1/lookup");
}

/// An answer of each kind of error, which is asked for in earnest.
fn errors() -> Vec<(&'static str, Answer)> {
    let service = Service::start(&[]);
    let (keyed, keys) = Service::with_keys(&[("firewall", "per-day=1000")]);
    let late = Service::at("2026-11-24T04:00:00Z", &[]);
    let snapshot = Path::new("missing.rap");
    let empty = Service::of(TestDir::new(), snapshot, NOW, &[]);
    let header = format!("apikey: {}\r\n", keys[0]);
    let lines = "45.9.20.5\n".repeat(1000);
    assert_eq!(keyed.client().post_with("/v1/lookup", lines.as_bytes(), &header).status, 200);
    let long = "x".repeat(9000);
    vec![
        ("BadRequest", service.get("/v4/ip/010.1.1.1")),
        ("UnusablePage", service.get("/lookup/010.1.1.1")),
        ("NoKey", keyed.get("/v4/ip/45.9.20.5")),
        ("NoPassword", keyed.get("/")),
        ("Method", service.client().post("/healthz", b"")),
        ("BodyTooLong", service.client().post("/v4/ip", &vec![b' '; (1 << 20) + 1])),
        ("PathTooLong", service.get(&format!("/v4/ip/{long}"))),
        ("Quota", keyed.client().get_with("/v4/ip/45.9.20.5", &header)),
        ("HeadersTooLong", service.client().get_with("/", &format!("x: {long}{long}\r\n"))),
        ("Unavailable", empty.get("/v4/ip/45.9.20.5")),
        ("NotReady", late.get("/readyz")),
        ("MethodPage", service.client().post("/feeds", b"")),
        ("BodyTooLongPage", service.client().post("/bulk", &vec![b' '; (1 << 20) + 1])),
        ("PathTooLongPage", service.get(&format!("/lookup/{long}"))),
        ("QuotaPage", keyed.client().get_with("/lookup/45.9.20.5", &header)),
        ("UnavailablePage", empty.get("/lookup/45.9.20.5")),
    ]
}

#[test]
fn examples_of_errors_are_what_the_service_answers() {
    let document = document();
    let described = document["components"]["responses"].as_object().expect("responses");
    let errors = errors();
    assert_eq!(errors.len(), described.len());
    for (name, answer) in errors {
        let response = &described[name];
        let (media_type, content) =
            response["content"].as_object().and_then(|content| content.iter().next()).expect("content");
        assert_eq!(answer.header("content-type"), Some(media_type.as_str()), "{name}");
        if media_type == "application/json" {
            assert_eq!(answer.json(), content["example"], "{name}");
            let status = answer.code() / 1000;
            assert_eq!(status, u64::from(answer.status), "{name}");
        }
        for header in response["headers"].as_object().into_iter().flat_map(Map::keys) {
            assert!(answer.header(&header.to_ascii_lowercase()).is_some(), "{name}: {header}: {answer:?}");
        }
    }
}

/// The document, as the examiner of a server takes it.
///
/// What an indicator is says no regular expression, so the document takes any text. An examiner sends what the document
/// takes, and wants no error; it gets texts that are surely indicators. The items of a list may be anything, since an
/// unusable one is answered in its place; any text but a blank one is lines; and a flag may be a digit, or without a
/// value.
fn for_examination(has_keys: bool) -> Value {
    const NAME: &str = "(?:[a-z0-9_](?:[a-z0-9_-]{0,30}[a-z0-9_])?\\.){1,6}[a-z]{2,10}";
    let mut document = document();
    let schemas = &mut document["components"]["schemas"];
    schemas["Address"] = json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]});
    schemas["Name"] = json!({"type": "string", "pattern": format!("^{NAME}$")});
    let path = "(?::[1-9][0-9]{0,3})?/[A-Za-z0-9/_~%?=&+-]*";
    schemas["Url"] = json!({"type": "string", "pattern": format!("^(?:https?|ftp)://{NAME}{path}$")});
    schemas["Indicator"] = json!({"anyOf": [schemas["Address"], schemas["Name"], schemas["Url"]]});
    document["components"]["parameters"]["AllSources"]["schema"] = json!({"enum": [true, false, 0, 1, ""]});
    let paths = document["paths"].as_object_mut().expect("paths");
    paths["/lookup/{x}"]["get"]["parameters"][0]["schema"] = json!({"type": "string", "minLength": 1});
    for operation in
        paths.values_mut().flat_map(|methods| methods.as_object_mut().expect("methods").values_mut())
    {
        if has_keys {
            let security = operation["security"].as_array_mut().expect("security");
            security.retain(|scheme| *scheme != json!({}));
        }
        let Some(content) = operation.pointer_mut("/requestBody/content") else { continue };
        if let Some(list) = content.pointer_mut("/application~1json/schema/properties") {
            let lists = list.as_object_mut().expect("members").values_mut();
            lists.for_each(|list| list["items"] = json!({}));
        }
        if let Some(lines) = content.pointer_mut("/application~1x-ndjson") {
            lines["schema"] = json!({"not": {"type": "string", "pattern": "^[ \\t\\n\\f\\r]*$"}});
        }
    }
    document
}

/// Lets schemathesis examine a service. Its seed is fixed, and its database empty, so that a run is like any other.
fn examine(service: &Service, key: &str, examples: u32) {
    let Some(schemathesis) = installed("schemathesis/bin/schemathesis") else { return };
    service.dir.write("openapi.json", for_examination(!key.is_empty()).to_string());
    let mut command = Command::new(schemathesis);
    command.current_dir(service.dir.folder.path()).env("SCHEMATHESIS_HOOKS", script("schemathesis_hooks.py"));
    command.arg("--config-file").arg(script("schemathesis.toml"));
    command.args(["run", "openapi.json", "--url", &service.url(), "--checks", "all", "--no-color"]);
    command.args(["--phases", "examples,coverage,fuzzing,stateful", "--continue-on-failure"]);
    command.args(["--seed", "1", "--generation-database", "none", "--max-examples", &examples.to_string()]);
    if !key.is_empty() {
        command.args(["--header", &format!("apikey: {key}")]);
    }
    let output = run_with_input(&mut command, "");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let all = operations(&document()).len();
    assert!(text.contains(&format!("Tested: {all}")), "all operations are tested:\n{text}");
}

#[test]
fn schemathesis_finds_nothing() {
    examine(&Service::start(&[]), "", 20);
}

#[test]
fn schemathesis_finds_nothing_where_there_are_keys() {
    let (service, keys) = Service::with_keys(&[("firewall", "")]);
    examine(&service, &keys[0], 10);
}

#[test]
fn the_document_is_openapi_and_its_examples_have_their_shapes() {
    let Some(python) = installed("schemathesis/bin/python") else { return };
    let document = document();
    let mut command = Command::new(python);
    let output = run_with_input(command.arg(script("description.py")), &document.to_string());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let count: usize = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
    assert!(count > 2 * operations(&document).len(), "{count} examples");
}
