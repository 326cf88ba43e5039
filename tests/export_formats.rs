//! `export` to formats with readers of their own: each reader gives the same answers as `lookup`.
//!
//! Readers that are not installed are skipped: `mmdblookup` of Debian, and of PyPI maxminddb, stix2,
//! stix2-patterns, pyarrow and duckdb.

use crate::test_dir::{TestDir, code, json_lines, stderr};
use maxminddb::Reader;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::process::Command;

const NOW: &str = "2026-08-23T00:00:00Z";

const CATALOG: &str = r#"
[[feed]]
id = "one"
provider = "one.example"
file = "one.txt"
format = "plain-ip"
assessment = "botnet"
licence = "free\n; with 'attribution\"\\ \u0000"
[[feed]]
id = "two"
provider = "two.example"
file = "two.txt"
format = "plain-ip"
assessment = "scanner"
retention = "60d"
[[feed]]
id = "names"
provider = "two.example"
file = "names.txt"
format = "domain-wildcard"
[feed.options]
wildcard = "strict"
[[feed]]
id = "urls"
provider = "two.example"
file = "urls.txt"
format = "url-list"
assessment = "phishing"
[[feed]]
id = "allowed"
provider = "good.example"
file = "allowed.txt"
format = "plain-ip"
list = "allow"
"#;

/// Addresses and networks that overlap here and there, made from a number.
fn networks(seed: u32, count: u32) -> String {
    let mut state = seed;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut lines = String::new();
    for _ in 0..count {
        let (second, third, fourth) = (next(4) + 9, next(64), next(256));
        match next(5) {
            0 => lines += &format!("45.{second}.{third}.0/{}\n", 22 + next(3)),
            1 => lines += &format!("45.{second}.{third}.{}/{}\n", fourth & 0xf0, 28 + next(3)),
            2 => lines += &format!("2a06:e480:{third:x}::{fourth:x}\n"),
            3 => lines += &format!("2a06:e480:{third:x}::/48\n"),
            _ => lines += &format!("45.{second}.{third}.{fourth}\n"),
        }
    }
    lines
}

/// A folder with a snapshot of many networks and a few names and URLs.
fn dir() -> TestDir {
    let dir = TestDir::new();
    // It is newer than this one.
    std::fs::remove_file(dir.path("rapsheet.rap")).expect("the sample snapshot");
    dir.write("c.toml", CATALOG);
    let lists = [
        ("one", networks(1, 400)),
        ("two", networks(2, 400)),
        ("names", "evil-one.com\n+.evil-two.com\nh.evil-two.com\n*.evil-three.com\n".to_owned()),
        ("urls", "http://evil-four.com/a,'b;c?\"d\nhttp://evil-four.com/%27'\n".to_owned()),
        ("allowed", networks(3, 60)),
    ];
    for (name, text) in lists {
        dir.write(&format!("d/{name}.txt"), text);
        dir.write(&format!("d/{name}.txt.meta.json"), format!("{{\"fetched_at\":\"{NOW}\"}}"));
    }
    let args = ["build", "--catalog", "c.toml", "--downloads", "d", "--out", "rapsheet.rap", "--now", NOW];
    let built = dir.run(&args);
    assert_eq!(code(&built), 0, "{}", stderr(&built));
    dir
}

/// Exports to a file of the name of the format.
fn export(dir: &TestDir, format: &str) {
    let output = dir.run(&["export", "--now", NOW, "-o", format, "--file", format]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

/// The rows of the export that has everything.
fn rows(dir: &TestDir) -> Vec<Value> {
    json_lines(&dir.run(&["export", "--now", NOW, "-o", "jsonl"]))
}

/// What a program of Python prints; `None` where a module is not installed.
fn python(dir: &TestDir, modules: &[&str], program: &str) -> Option<String> {
    let imports = format!("import {}", modules.join(", "));
    let run =
        |program: &str| Command::new("python3").current_dir(dir.folder.path()).args(["-c", program]).output();
    if !run(&imports).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: {imports} fails here");
        return None;
    }
    let output = run(&format!("{imports}\n{program}")).expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// The addresses to ask for: the ends of all networks and their neighbours.
fn questions(dir: &TestDir) -> Vec<IpAddr> {
    let mut found = BTreeSet::new();
    for row in rows(dir) {
        let text = row["indicator"].as_str().expect("a text");
        let (address, length) = text.split_once('/').unwrap_or((text, ""));
        match address.parse() {
            Ok(IpAddr::V4(first)) => {
                let size = 1u32 << (32 - length.parse().unwrap_or(32));
                let first = first.to_bits();
                found.extend(
                    [first - 1, first, first + size / 2, first + size - 1, first + size]
                        .map(|at| IpAddr::V4(at.into())),
                );
            }
            Ok(IpAddr::V6(first)) => {
                let size = 1u128 << (128 - length.parse().unwrap_or(128));
                let first = first.to_bits();
                found.extend(
                    [first - 1, first, first + size - 1, first + size].map(|at| IpAddr::V6(at.into())),
                );
            }
            Err(_) => {}
        }
    }
    found.into_iter().collect()
}

/// What `lookup` says of each address: its status, and the words.
fn verdicts(dir: &TestDir, addresses: &[IpAddr]) -> BTreeMap<IpAddr, (u64, Vec<String>)> {
    let stdin: String = addresses.iter().map(|address| format!("{address}\n")).collect();
    let output = dir.run_with_input(&["lookup", "--now", NOW, "-o", "jsonl"], stdin.as_bytes());
    let verdict = |(address, verdict): (&IpAddr, Value)| {
        let status = verdict["status"].as_u64().expect("a status");
        let sources = verdict["sources"].as_array().expect("sources").iter();
        let agreeing = sources.filter(|source| source["status"].as_u64() == Some(status));
        let feeds: BTreeSet<String> =
            agreeing.filter_map(|source| source["feed"].as_str()).map(str::to_owned).collect();
        (*address, (status, feeds.into_iter().collect()))
    };
    addresses.iter().zip(json_lines(&output)).map(verdict).collect()
}

#[test]
fn mmdb_answers_as_lookup_does() {
    let dir = dir();
    export(&dir, "mmdb");
    let reader = Reader::open_readfile(dir.path("mmdb")).expect("a database");
    reader.verify().expect("a sound database");
    assert!(
        reader.metadata().description["en"].contains("free ; with 'attribution\"\\"),
        "{:?}",
        reader.metadata()
    );
    let addresses = questions(&dir);
    let verdicts = verdicts(&dir, &addresses);
    assert!(
        verdicts.values().any(|(status, _)| *status == 0) && addresses.len() > 2000,
        "{}",
        addresses.len()
    );
    for (address, (status, feeds)) in &verdicts {
        let found = reader.lookup(*address).expect("a sound tree").decode::<Value>().expect("sound data");
        match found {
            Some(record) => {
                assert_eq!(record["status"].as_u64(), Some(*status), "{address}");
                assert_eq!(record["feeds"], serde_json::json!(feeds), "{address}");
            }
            None => assert_eq!(*status, 5, "{address}"),
        }
    }
    dir.write("addresses", addresses.iter().map(|address| format!("{address}\n")).collect::<String>());
    let program = "r = maxminddb.open_database('mmdb')\nfor a in open('addresses'):\n    a = a.strip(); x = r.get(a); print(a, 5 if x is None else x['status'])";
    if let Some(answers) = python(&dir, &["maxminddb"], program) {
        let expected = verdicts.iter().map(|(address, (status, _))| format!("{address} {status}"));
        assert_eq!(
            answers.lines().collect::<BTreeSet<_>>(),
            expected.collect::<Vec<_>>().iter().map(String::as_str).collect()
        );
    }
    for (address, (status, _)) in verdicts.iter().step_by(97) {
        let output = Command::new("mmdblookup")
            .arg("--file")
            .arg(dir.path("mmdb"))
            .args(["--ip", &address.to_string(), "status"])
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: there is no mmdblookup here");
            break;
        };
        let found = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let expected = if *status == 5 { String::new() } else { format!("{status} <uint16>") };
        assert_eq!(found, expected, "{address}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn an_empty_mmdb_is_one() {
    let dir = dir();
    let output = dir.run(&["export", "--now", NOW, "-o", "mmdb", "--feed", "names", "--file", "mmdb"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let reader = Reader::open_readfile(dir.path("mmdb")).expect("a database");
    assert!(!reader.lookup("45.9.20.1".parse().expect("an address")).expect("a tree").has_data());
    let program = "print(maxminddb.open_database('mmdb').get('45.9.20.1'))";
    assert!(python(&dir, &["maxminddb"], program).is_none_or(|found| found == "None\n"));
    assert_eq!(code(&dir.run(&["parse", "--format", "mmdb", "mmdb"])), 4, "a list without entries");
}

/// The indicators that blocking rows have, by what may be lost.
fn blocked(rows: &[Value], keeps: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let rows = rows.iter().filter(|row| row["status"] == "blocklisted" && keeps(row));
    rows.map(|row| row["indicator"].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn what_was_exported_is_read_back() {
    let dir = dir();
    let rows = rows(&dir);
    let is_address = |row: &Value| row["type"] == "ipv4" || row["type"] == "ipv6";
    let expected = [
        ("mmdb", blocked(&rows, is_address)),
        ("stix", blocked(&rows, |row| row["scope"] != "subdomains")),
        ("parquet", blocked(&rows, |_| true)),
    ];
    for (format, expected) in expected {
        export(&dir, format);
        let events = json_lines(&dir.run(&["parse", "--format", format, format]));
        let found = events.iter().filter(|event| event["list"] == "block");
        let found: BTreeSet<String> =
            found.map(|event| event["indicator"].as_str().expect("a text").to_owned()).collect();
        // Halves that say the same are one network in a tree, and two in a table of all that is known.
        let (found, expected) = match format {
            "mmdb" => (covered(&found), covered(&expected)),
            _ => (found, expected),
        };
        assert!(
            found == expected,
            "{format}: {:?}",
            found.symmetric_difference(&expected).collect::<Vec<_>>()
        );
        let rejected: Vec<&Value> = events.iter().filter(|event| event["result"] == "reject").collect();
        assert!(rejected.is_empty(), "{format}: {rejected:?}");
    }
}

/// The fewest networks that have the same addresses.
fn covered(networks: &BTreeSet<String>) -> BTreeSet<String> {
    let parse = |text: &String| -> Option<ipnet::IpNet> {
        text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(ipnet::IpNet::from))
    };
    let networks: Vec<ipnet::IpNet> = networks.iter().filter_map(parse).collect();
    ipnet::IpNet::aggregate(&networks).iter().map(ToString::to_string).collect()
}

#[test]
fn stix_is_read_by_its_own_library() {
    let dir = dir();
    export(&dir, "stix");
    let bundle: Value = serde_json::from_str(&dir.read("stix")).expect("JSON");
    let objects = bundle["objects"].as_array().expect("objects");
    let ids: BTreeSet<&str> = objects.iter().filter_map(|object| object["id"].as_str()).collect();
    assert_eq!(ids.len(), objects.len(), "an id each");
    let patterns: BTreeSet<&str> = objects.iter().filter_map(|object| object["pattern"].as_str()).collect();
    assert!(patterns.contains("[domain-name:value = 'evil-two.com']"));
    assert!(patterns.contains(r#"[url:value = 'http://evil-four.com/a,\'b;c?"d']"#), "{patterns:?}");
    let program = "b = stix2.parse(open('stix').read())\nfrom stix2patterns.validator import run_validator\n\
                   for o in b.objects:\n    if o.type == 'indicator': assert not run_validator(o.pattern), o.pattern\n\
                   print(len(b.objects))";
    if let Some(found) = python(&dir, &["stix2", "stix2patterns"], program) {
        assert_eq!(found.trim(), objects.len().to_string());
    }
}

#[test]
fn parquet_has_the_rows_of_the_other_tables() {
    let dir = dir();
    export(&dir, "parquet");
    let first = std::fs::read(dir.path("parquet")).expect("a file");
    export(&dir, "parquet");
    assert!(first == std::fs::read(dir.path("parquet")).expect("a file"), "the same bytes each time");
    let rows = rows(&dir);
    let program = "import json\nfor r in pyarrow.parquet.read_table('parquet').to_pylist():\n    print(json.dumps(r, default=lambda t: t.strftime('%Y-%m-%dT%H:%M:%SZ')))";
    if let Some(found) = python(&dir, &["pyarrow", "pyarrow.parquet"], program) {
        let found: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert!(found == rows, "{:?}", found.iter().zip(&rows).find(|(found, row)| found != row));
    }
    let program = "print(duckdb.sql(\"select count(*), sum(providers), sum(len(feeds)), max(expires) at time zone 'UTC' from read_parquet('parquet')\").fetchall())";
    if let Some(found) = python(&dir, &["duckdb"], program) {
        let sum = |name: &str| rows.iter().filter_map(|row| row[name].as_u64()).sum::<u64>();
        let feeds: usize = rows.iter().filter_map(|row| row["feeds"].as_array()).map(Vec::len).sum();
        let expected = format!(
            "[({}, {}, {feeds}, datetime.datetime(2026, 10, 22, 0, 0))]\n",
            rows.len(),
            sum("providers")
        );
        assert_eq!(found, expected);
    }
    // What others write is read, too.
    let program = "t = pyarrow.parquet.read_table('parquet')\n\
                   for n, c in enumerate(['snappy', 'zstd', 'gzip', 'none']):\n    \
                   pyarrow.parquet.write_table(t, f'py{n}', compression=c, data_page_version=['1.0', '2.0'][n % 2], use_dictionary=n < 2)\n\
                   duckdb.sql(\"copy (from read_parquet('parquet')) to 'py4' (format parquet)\")";
    if python(&dir, &["pyarrow.parquet", "duckdb"], program).is_some() {
        let parse = |file: &str| json_lines(&dir.run(&["parse", "--format", "parquet", file]));
        let expected = parse("parquet");
        for file in ["py0", "py1", "py2", "py3", "py4"] {
            assert!(parse(file) == expected, "{file}: {:?}", parse(file).first());
        }
    }
}
