//! The dashboard and the alerts of `contrib/` load, and ask for what the service has.

use super::super::program::{Server, free_port, program};
use super::super::world::run_with_input;
use super::metrics::visit_all_routes;
use super::{Service, python, script};
use crate::serve::client::Client;
use crate::test_dir::TestDir;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn contrib(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name)
}

fn read_contrib(name: &str) -> String {
    fs::read_to_string(contrib(name)).expect("an existing file")
}

fn dashboard() -> Value {
    serde_json::from_str(&read_contrib("grafana/rapsheet-serve.json")).expect("JSON")
}

/// Each panel's title and expressions, with values for Grafana's variables.
fn expressions() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().expect("panels");
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().expect("a title").to_owned();
        let targets = panel["targets"].as_array().expect("targets").clone();
        let expression = move |target: Value| {
            let text = target["expr"].as_str().expect("an expression");
            let text = text.replace("$__rate_interval", "30s").replace("$__range", "1m");
            (title.clone(), text.replace("$instance", ".*"))
        };
        targets.into_iter().map(expression)
    };
    let all: Vec<_> = panels.iter().flat_map(of_panel).collect();
    assert!(all.iter().all(|(_, text)| !text.contains('$')), "all variables have values");
    all
}

/// The metrics that a text names.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("rapsheet_")).collect()
}

#[test]
fn dashboard_and_alerts_use_metrics_that_the_service_has() {
    let service = Service::start(&[]);
    visit_all_routes(&service);
    let metrics = service.get("/metrics").text();
    let dashboard: Vec<String> = expressions().into_iter().map(|(_, text)| text).collect();
    let alerts = read_contrib("alerts.yml");
    let (_, alerts) = alerts.split_once("name: rapsheet-serve").expect("the group of the service");
    let (dashboard, alerts) = (dashboard.join("\n"), names(alerts));
    assert_eq!((names(&dashboard).len(), alerts.len()), (11, 4));
    for name in names(&dashboard).union(&alerts) {
        let is_sample = |line: &str| line.split(['{', ' ']).next() == Some(name);
        assert!(metrics.lines().any(is_sample), "{name}\n{metrics}");
    }
}

/// That `found` has all that `written` has; what it has besides is defaults.
fn assert_kept(at: &str, written: &Value, found: &Value) {
    match (written, found) {
        (Value::Object(members), Value::Object(_)) => {
            members.iter().for_each(|(key, value)| assert_kept(&format!("{at}/{key}"), value, &found[key]));
        }
        (Value::Array(items), Value::Array(others)) if items.len() == others.len() => {
            for (number, (item, other)) in items.iter().zip(others).enumerate() {
                assert_kept(&format!("{at}/{number}"), item, other);
            }
        }
        _ => assert_eq!(written, found, "{at}"),
    }
}

#[test]
fn grafanas_library_knows_all_of_the_dashboard() {
    let Some(python) = python() else { return };
    let mut command = Command::new(python);
    command.arg(script("dashboard.py")).arg(contrib("grafana/rapsheet-serve.json"));
    let output = run_with_input(&mut command, "");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_kept("", &dashboard(), &serde_json::from_slice(&output.stdout).expect("JSON"));
}

#[test]
fn panels_have_a_place_of_their_own() {
    let dashboard = dashboard();
    let mut taken = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().expect("a number"));
        assert!(x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{panel} lies on another");
        }
    }
}

#[test]
fn promtool_accepts_expressions_and_alerts() {
    let Some(promtool) = program("promtool") else { return };
    let dir = TestDir::new();
    let rule = |(at, text): (usize, &String)| json!({"record": format!("panel:{at}"), "expr": text});
    let expressions: Vec<String> = expressions().into_iter().map(|(_, text)| text).collect();
    let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
    // JSON is YAML.
    dir.write("panels.yml", json!({"groups": [{"name": "panels", "rules": rules}]}).to_string());
    dir.write("alerts.yml", read_contrib("alerts.yml"));
    fs::copy(script("alerts_test.yml"), dir.path("alerts_test.yml")).expect("a copy");
    for args in [
        &["check", "rules", "--lint-fatal", "panels.yml"][..],
        &["check", "rules", "--lint-fatal", "alerts.yml"],
        &["test", "rules", "alerts_test.yml"],
    ] {
        let mut command = Command::new(&promtool);
        let output = run_with_input(command.current_dir(dir.folder.path()).args(args), "");
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
}

/// Prometheus that scrapes the service every second.
fn prometheus(program: &Path, service: &Service, dir: &TestDir) -> (Server, SocketAddr) {
    let jobs = json!([{
        "job_name": "rapsheet-serve",
        "static_configs": [{"targets": [service.address.to_string()]}],
    }]);
    let config = json!({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["alerts.yml"],
        "scrape_configs": jobs,
    });
    dir.write("prometheus.yml", config.to_string());
    dir.write("alerts.yml", read_contrib("alerts.yml"));
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let args = [
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        &format!("--web.listen-address={address}"),
    ];
    let is_ready = |log: &str| log.contains("Server is ready to receive web requests");
    (Server::start(program, &args, dir.folder.path(), is_ready), address)
}

/// What Prometheus answers at a path of its API.
fn api(address: SocketAddr, path: &str) -> Value {
    let answer = Client::connect(address).get(&format!("/api/v1/{path}")).json();
    assert_eq!(answer["status"], "success", "{path}: {answer}");
    answer["data"].clone()
}

/// Prometheus itself finds a value for every expression of the dashboard, and evaluates every alert.
#[test]
fn every_panel_shows_something() {
    let Some(program) = program("prometheus") else { return };
    let (service, dir) = (Service::start(&["--access-log", "log.jsonl"]), TestDir::new());
    let (_server, address) = prometheus(&program, &service, &dir);
    let mut empty = expressions();
    let began = Instant::now();
    while !empty.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "these panels stay empty: {empty:?}");
        visit_all_routes(&service);
        empty.retain(|(_, text)| {
            let data = api(address, &format!("query?query={}", encoded(text)));
            let samples = data["result"].as_array().expect("samples");
            // Without requests, a quantile is no number.
            !samples.iter().any(|sample| sample["value"][1] != "NaN")
        });
        std::thread::sleep(Duration::from_millis(300));
    }
    let groups = api(address, "rules")["groups"].clone();
    let rules = groups.as_array().expect("groups").iter().flat_map(|group| group["rules"].as_array());
    let health: Vec<&Value> = rules.flatten().map(|rule| &rule["health"]).collect();
    assert!(health.len() == 12 && health.iter().all(|health| *health != "err"), "{groups}");
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
