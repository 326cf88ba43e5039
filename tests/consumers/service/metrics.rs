//! Prometheus reads the metrics: those of the service, and those of a build.

use super::super::program::program;
use super::super::world::run_with_input;
use super::Service;
use crate::sample::NOW;
use crate::test_dir::{TestDir, code};
use serde_json::Value;
use std::process::Command;

/// Asks every route of the description once, and some that there are not.
pub(super) fn visit_all_routes(service: &Service) {
    let document = service.get("/openapi.json").json();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{x}", "45.9.20.5");
        for method in methods.as_object().expect("methods").keys() {
            let mut client = service.client();
            let answer = match method.as_str() {
                "get" => client.get(&path),
                _ => client
                    .post(&path, br#"{"address":["45.9.20.5"],"fqdn":[],"url":[],"indicators":["x.com"]}"#),
            };
            assert!([200, 303, 400].contains(&answer.status), "{method} {path}: {answer:?}");
        }
    }
    assert_eq!(service.get("/nothing/%22%5C%0A").status, 404);
    assert_eq!(service.get("/v4/ip/x").status, 400);
}

/// `promtool` finds neither errors nor what is not good practice.
fn check(promtool: &std::path::Path, what: &str, text: &str) {
    let mut command = Command::new(promtool);
    let output = run_with_input(command.args(["check", "metrics"]), text);
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && printed.is_empty(), "{what}: {}", String::from_utf8_lossy(&printed));
}

#[test]
fn promtool_accepts_the_metrics_of_the_service() {
    let Some(promtool) = program("promtool") else { return };
    let service = Service::start(&["--access-log", "log.jsonl"]);
    visit_all_routes(&service);
    let text = service.get("/metrics").text();
    let routes = text.lines().filter(|line| line.starts_with("rapsheet_http_requests_total{route=")).count();
    let document: Value = service.get("/openapi.json").json();
    assert!(routes > document["paths"].as_object().expect("paths").len(), "all routes were asked");
    check(&promtool, "all routes", &text);
    let without = Service::of(TestDir::new(), std::path::Path::new("missing.rap"), NOW, &[]);
    check(&promtool, "without a snapshot", &without.get("/metrics").text());
}

#[test]
fn promtool_accepts_the_metrics_of_a_build() {
    let Some(promtool) = program("promtool") else { return };
    let dir = TestDir::new();
    dir.write("catalog.toml", "[[feed]]\nid = \"a\"\nprovider = \"a.example\"\nformat = \"plain-ip\"\n");
    dir.write("d/a.txt", "45.9.20.5\n");
    let build = ["build", "--catalog", "catalog.toml", "--downloads", "d", "--out", "o.rap"];
    let build = [&build[..], &["--metrics", "rapsheet.prom"]].concat();
    assert_eq!(code(&dir.run(&build)), 0);
    check(&promtool, "a build", &dir.read("rapsheet.prom"));
    std::fs::remove_file(dir.path("d/a.txt")).expect("an existing file");
    assert_eq!(code(&dir.run(&build)), 3, "a feed is missing");
    let text = dir.read("rapsheet.prom");
    assert!(text.contains("rapsheet_feed_trouble{"), "{text}");
    check(&promtool, "a build with trouble", &text);
}
