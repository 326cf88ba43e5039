//! `export`: small outputs by hand, limits and licences, files that other commands of ours read back, and the
//! same answers as `lookup`.

mod agreement;
mod hostile;

use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

const CATALOG: &str = r#"
[[feed]]
id = "one"
provider = "one.example"
file = "one.txt"
format = "plain-ip"
assessment = "botnet"
licence = "free\n; with 'attribution\""
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
[[feed]]
id = "allowed"
provider = "good.example"
file = "allowed.txt"
format = "plain-domain"
list = "allow"
[[feed]]
id = "closed"
provider = "closed.example"
file = "closed.txt"
format = "plain-ip"
licence = "non-commercial, no redistribution"
"#;

const NOW: &str = "2026-08-23T00:00:00Z";

fn dir() -> TestDir {
    let dir = TestDir::new();
    std::fs::create_dir(dir.path("d")).expect("a folder");
    dir.write("c.toml", CATALOG);
    let lists = [
        ("one", "45.9.20.0\n45.9.20.1\n45.9.20.2/31\n45.9.21.7\n2a06:e480::1\n"),
        ("two", "45.9.20.1\n45.9.20.4\n"),
        ("names", "evil-one.com\n+.evil-two.com\nh.evil-two.com\n*.evil-three.com\n"),
        ("urls", "http://evil-four.com/a,'b;c?\"d\n"),
        ("allowed", "good-one.com\nx.evil-two.com\n"),
        ("closed", "45.9.30.1\n"),
    ];
    for (name, text) in lists {
        dir.write(&format!("d/{name}.txt"), text);
        dir.write(&format!("d/{name}.txt.meta.json"), format!("{{\"fetched_at\":\"{NOW}\"}}"));
    }
    let args =
        ["build", "--catalog", "c.toml", "--downloads", "d", "--out", "rapsheet.rap", "--previous", "none"];
    let built = dir.run(&[&args[..], &["--replace-newer", "--now", NOW]].concat());
    assert_eq!(code(&built), 0, "{}", stderr(&built));
    dir
}

/// The lines of an export that are no comments.
fn lines(dir: &TestDir, format: &str, more: &[&str]) -> Vec<String> {
    let output = dir.run(&[&["export", "--now", NOW, "-o", format], more].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let is_text = |line: &&str| !line.starts_with(['#', '!', ';']);
    stdout(&output).lines().filter(is_text).map(str::to_owned).collect()
}

/// What each format writes below its header, in the order of the snapshot.
const BY_HAND: &[(&str, &str)] = &[
    (
        "ipset",
        "create -exist rapsheet4 hash:net family inet maxelem 16777216 timeout 0
create -exist rapsheet4-new hash:net family inet maxelem 16777216 timeout 0
flush rapsheet4-new
create -exist rapsheet6 hash:net family inet6 maxelem 16777216 timeout 0
create -exist rapsheet6-new hash:net family inet6 maxelem 16777216 timeout 0
flush rapsheet6-new
add rapsheet4-new 45.9.20.0 timeout 1296000
add rapsheet4-new 45.9.20.1 timeout 2147483
add rapsheet4-new 45.9.20.2/31 timeout 1296000
add rapsheet4-new 45.9.20.4 timeout 2147483
add rapsheet4-new 45.9.21.7 timeout 1296000
add rapsheet6-new 2a06:e480::1 timeout 1296000
swap rapsheet4-new rapsheet4
destroy rapsheet4-new
swap rapsheet6-new rapsheet6
destroy rapsheet6-new
",
    ),
    (
        "nft",
        "add table inet rapsheet
add set inet rapsheet block4 { type ipv4_addr; flags interval, timeout; }
flush set inet rapsheet block4
add set inet rapsheet block6 { type ipv6_addr; flags interval, timeout; }
flush set inet rapsheet block6
add element inet rapsheet block4 {
45.9.20.0 timeout 1296000s,
45.9.20.1 timeout 5184000s,
45.9.20.2/31 timeout 1296000s,
45.9.20.4 timeout 5184000s,
45.9.21.7 timeout 1296000s
}
add element inet rapsheet block6 {
2a06:e480::1 timeout 1296000s
}
",
    ),
    (
        "rpz",
        "$TTL 300
@ SOA localhost. hostmaster.localhost. 1787443200 3600 600 604800 300
@ NS localhost.
30.0.20.9.45.rpz-ip CNAME .
32.4.20.9.45.rpz-ip CNAME .
32.7.21.9.45.rpz-ip CNAME .
128.1.zz.e480.2a06.rpz-ip CNAME .
*.evil-three.com CNAME .
good-one.com CNAME rpz-passthru.
evil-one.com CNAME .
evil-two.com CNAME .
*.evil-two.com CNAME .
",
    ),
    (
        "unbound",
        "server:
local-data: \"evil-one.com. A 0.0.0.0\"
local-data: \"evil-one.com. AAAA ::\"
local-zone: \"evil-two.com.\" always_nxdomain
",
    ),
    ("dnsmasq", "host-record=evil-one.com,0.0.0.0,::\nlocal=/evil-two.com/\n"),
    (
        "hosts",
        "0.0.0.0 evil-one.com
0.0.0.0 evil-two.com
0.0.0.0 h.evil-two.com
0.0.0.0 x.evil-two.com
",
    ),
    ("adblock", "|evil-one.com^\n||evil-two.com^\n"),
    ("plain-ip", "45.9.20.0/30\n45.9.20.4\n45.9.21.7\n2a06:e480::1\n"),
    ("plain-domain", "evil-one.com\nevil-two.com\nh.evil-two.com\nx.evil-two.com\n"),
    (
        "csv",
        r#"indicator,type,scope,status,providers,assessments,feeds,first_seen,detect_time,expires
45.9.20.0,ipv4,,blocklisted,1,botnet,one,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
45.9.20.1,ipv4,,blocklisted,2,botnet; scanner,one; two,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-10-22T00:00:00Z
45.9.20.2/31,ipv4,,blocklisted,1,botnet,one,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
45.9.20.4,ipv4,,blocklisted,1,scanner,two,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-10-22T00:00:00Z
45.9.21.7,ipv4,,blocklisted,1,botnet,one,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
2a06:e480::1,ipv6,,blocklisted,1,botnet,one,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
evil-three.com,domain,subdomains,blocklisted,1,blacklist,names,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
good-one.com,domain,exact,allowlisted,1,trustworthy,allowed,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
evil-one.com,domain,exact,blocklisted,1,blacklist,names,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
evil-two.com,domain,tree,blocklisted,1,blacklist,names,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
h.evil-two.com,domain,exact,blocklisted,1,blacklist,names,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
x.evil-two.com,domain,exact,blocklisted,1,blacklist,names,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
"http://evil-four.com/a,'b;c?""d",url,,blocklisted,1,blacklist,urls,2026-08-23T00:00:00Z,2026-08-23T00:00:00Z,2026-09-07T00:00:00Z
"#,
    ),
    (
        "suricata-iprep",
        "45.9.20.0,1,32
45.9.20.1,1,64
45.9.20.1,6,64
45.9.20.2/31,1,32
45.9.20.4,6,32
45.9.21.7,1,32
2a06:e480::1,1,32
",
    ),
    (
        "zeek-intel",
        "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc
45.9.20.0\tIntel::ADDR\trapsheet\tbotnet; providers: 1
45.9.20.1\tIntel::ADDR\trapsheet\tbotnet, scanner; providers: 2
45.9.20.2/31\tIntel::SUBNET\trapsheet\tbotnet; providers: 1
45.9.20.4\tIntel::ADDR\trapsheet\tscanner; providers: 1
45.9.21.7\tIntel::ADDR\trapsheet\tbotnet; providers: 1
2a06:e480::1\tIntel::ADDR\trapsheet\tbotnet; providers: 1
evil-one.com\tIntel::DOMAIN\trapsheet\tblacklist; providers: 1
evil-two.com\tIntel::DOMAIN\trapsheet\tblacklist; providers: 1
h.evil-two.com\tIntel::DOMAIN\trapsheet\tblacklist; providers: 1
x.evil-two.com\tIntel::DOMAIN\trapsheet\tblacklist; providers: 1
evil-four.com/a,'b;c?\"d\tIntel::URL\trapsheet\tblacklist; providers: 1
",
    ),
];

/// What a header says of when, from what, and under which licences.
fn header(mark: &str, format: &str) -> String {
    let lines = [
        format!("rapsheet export: {format}"),
        format!("built {NOW}, live at {NOW}"),
        "allowed of good.example; licence: not stated".to_owned(),
        "one of one.example; licence: free ; with 'attribution\"".to_owned(),
        "names of two.example; licence: not stated".to_owned(),
        "two of two.example; licence: not stated".to_owned(),
        "urls of two.example; licence: not stated".to_owned(),
    ];
    lines.iter().map(|line| format!("{mark} {line}\n")).collect()
}

#[test]
fn each_format_by_hand() {
    let dir = dir();
    for (format, expected) in BY_HAND {
        let output = dir.run(&["export", "--now", NOW, "-o", format]);
        let head = match *format {
            "csv" => String::new(),
            "adblock" => header("!", format),
            "rpz" => header(";", format),
            _ => header("#", format),
        };
        let found = stdout(&output);
        let found = found.strip_prefix(&head).unwrap_or_else(|| panic!("{format}: the header of {found}"));
        let is_category = |line: &&str| !(*format == "suricata-iprep" && line.starts_with('#'));
        let found: String = found.lines().filter(is_category).map(|line| format!("{line}\n")).collect();
        assert_eq!(found, *expected, "{format}");
    }
}

#[test]
fn limits_licences_and_losses() {
    let dir = dir();
    assert_eq!(lines(&dir, "plain-ip", &["--max-entries", "1"]), ["45.9.20.1"]);
    assert_eq!(lines(&dir, "plain-ip", &["--min-providers", "2"]), ["45.9.20.1"]);
    assert_eq!(lines(&dir, "plain-ip", &["--feed", "provider:two.*"]), ["45.9.20.1", "45.9.20.4"]);
    assert_eq!(lines(&dir, "plain-ip", &["--assessment", "scanner"]), ["45.9.20.1", "45.9.20.4"]);
    assert!(lines(&dir, "plain-ip", &["--include-restricted"]).contains(&"45.9.30.1".to_owned()));
    let args = ["export", "--now", NOW, "-o", "hosts", "--file", "hosts", "--report", "r.json", "--strict"];
    let output = dir.run(&args);
    assert_eq!((code(&output), stdout(&output)), (3, ""));
    let report: Value = serde_json::from_str(&dir.read("r.json")).expect("JSON");
    let kinds: Vec<&str> =
        report["losses"].as_array().expect("kinds").iter().filter_map(|loss| loss["kind"].as_str()).collect();
    assert_eq!(kinds, ["address", "url", "scope", "exception", "time", "restricted"]);
    assert_eq!(report["restricted"][0]["feed"], "closed");
    assert!(stderr(&output).contains("closed is left out"), "{}", stderr(&output));
    let unknown = dir.run(&["export", "--now", NOW, "-o", "hosts", "--feed", "nams"]);
    assert_eq!(code(&unknown), 2);
}

#[test]
fn feeds_that_are_too_old_are_named() {
    let dir = dir();
    let later = ["export", "--now", "2026-08-29T00:00:00Z", "-o", "plain-ip", "--report", "r.json"];
    let output = dir.run(&later);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&dir.read("r.json")).expect("JSON");
    assert_eq!(report["stale"], serde_json::json!(["allowed", "one", "names", "two", "urls"]));
    assert!(stderr(&output).contains("5 feeds failed, held or too old"), "{}", stderr(&output));
    let output = dir.run(&["export", "--now", NOW, "-o", "plain-ip", "--report", "r.json"]);
    let report: Value = serde_json::from_str(&dir.read("r.json")).expect("JSON");
    assert_eq!((report["stale"].as_array().map(Vec::len), code(&output)), (Some(0), 0));
}

#[test]
fn every_format_is_read_back_and_is_the_same_each_time() {
    let dir = dir();
    for format in rapsheet_export::FORMATS {
        let run = || dir.run(&["export", "--now", NOW, "-o", format.name]);
        let (output, again) = (run(), run());
        assert_eq!(output.stdout, again.stdout, "{}", format.name);
        dir.write("exported", &output.stdout);
        let options = format.parse_options.iter().map(|(key, value)| format!("--option={key}={value}"));
        let args = ["parse", "--format", format.parses_as, "exported"].map(str::to_owned);
        let parsed = dir.run(&args.into_iter().chain(options).collect::<Vec<String>>());
        let rows = json_lines(&parsed);
        let found: BTreeSet<&str> = rows.iter().filter_map(|row| row["indicator"].as_str()).collect();
        assert!(rows.iter().all(|row| row["result"] != "reject"), "{}: {rows:?}", format.name);
        let expected = match format.kinds.intersects(rapsheet_snapshot::Kinds::ADDRESS) {
            true => "2a06:e480::1",
            false => "evil-two.com",
        };
        assert!(found.iter().any(|found| found.starts_with(expected)), "{}: {found:?}", format.name);
    }
}

#[test]
fn addresses_are_aggregated_as_iprange_does() {
    let dir = dir();
    let ours: Vec<String> =
        lines(&dir, "plain-ip", &[]).into_iter().filter(|line| !line.contains(':')).collect();
    let Ok(mut child) = Command::new("iprange").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    else {
        eprintln!("skipped: there is no iprange here");
        return;
    };
    let rows = "45.9.20.0\n45.9.20.1\n45.9.20.2/31\n45.9.21.7\n45.9.20.4\n";
    child.stdin.take().expect("a pipe").write_all(rows.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let theirs = String::from_utf8(output.stdout).expect("text");
    assert_eq!(ours, theirs.lines().collect::<Vec<_>>());
}
