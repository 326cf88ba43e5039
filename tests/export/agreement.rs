//! Random catalogues: what each format says, as `parse` reads it back, is what `lookup` answers, but for what
//! the format cannot hold. The expectation comes from the lists themselves and from `lookup`, not from the
//! export.

use crate::support::Random;
use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use rapsheet_export::{FORMATS, Format, Scopes};
use rapsheet_snapshot::Kinds;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// When the lists were fetched.
const FETCHED: &str = "2026-08-23T00:00:00Z";
/// When they are exported: feeds with a retention of a day have expired.
const NOW: &str = "2026-08-25T00:00:00Z";

/// A name of few labels, so that lists, trees and questions meet.
fn name(random: &mut Random) -> String {
    let mut name = ["evil-one.com", "evil-two.net", "notevil-one.com"][random.below(3) as usize].to_owned();
    for _ in 0..random.below(4) {
        name.insert_str(0, &format!("{}.", ["a", "b", "ab", "a-b"][random.below(4) as usize]));
    }
    name
}

fn ipv4(random: &mut Random) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::new(45, 9, 20, 0).to_bits() + random.below(700) as u32)
}

fn ipv6(random: &mut Random) -> Ipv6Addr {
    Ipv6Addr::from_bits((0x2a06_e480_u128 << 96) + u128::from(random.below(600)))
}

fn url(random: &mut Random) -> String {
    let host = if random.below(3) == 0 { ipv4(random).to_string() } else { name(random) };
    format!("{}://{host}/{}", ["http", "https"][random.below(2) as usize], random.below(4))
}

/// A line of a list of addresses.
fn address_line(random: &mut Random) -> String {
    match random.below(8) {
        0 => format!("{}/{}", ipv4(random), 28 + random.below(4)),
        1 => format!("{}/{}", ipv6(random), 122 + random.below(6)),
        2 => ipv6(random).to_string(),
        3 => {
            let (a, b) = (ipv4(random), ipv4(random));
            format!("{}-{}", a.min(b), a.max(b).min(Ipv4Addr::from_bits(a.min(b).to_bits() + 40)))
        }
        _ => ipv4(random).to_string(),
    }
}

fn name_line(random: &mut Random) -> String {
    let mark = ["", "", "+.", "*."][random.below(4) as usize];
    format!("{mark}{}", name(random))
}

/// The kinds of feeds: the word in its id, its format, and how a line is made.
type Maker = fn(&mut Random) -> String;
const MAKERS: [(&str, &str, Maker); 3] =
    [("ip", "plain-ip", address_line), ("name", "domain-wildcard", name_line), ("url", "url-list", url)];

/// Twelve feeds of four providers: every second name list allows, some feeds have expired, some have a
/// licence that forbids redistribution.
fn random_dir(random: &mut Random) -> TestDir {
    let dir = TestDir::new();
    std::fs::create_dir(dir.path("d")).expect("a folder");
    let mut catalog = String::new();
    for feed in 0..12u64 {
        let (word, format, line) = &MAKERS[(feed % 3) as usize];
        let id = format!("{word}{feed}");
        let list = if random.below(4) == 0 { "allow" } else { "block" };
        let retention = if random.below(5) == 0 { "1d" } else { "15d" };
        let licence = if random.below(6) == 0 { "no redistribution" } else { "" };
        let assessment = ["botnet", "scanner"][random.below(2) as usize];
        let options = if *word == "name" { "[feed.options]\nwildcard = \"strict\"\n" } else { "" };
        write!(
            catalog,
            "[[feed]]\nid = \"{id}\"\nprovider = \"p{}.example\"\nfile = \"{id}.txt\"\nformat = \"{format}\"\nlist = \"{list}\"\n\
             retention = \"{retention}\"\nmax_age = \"30d\"\nlicence = \"{licence}\"\nassessment = \"{assessment}\"\n{options}",
            feed % 4
        )
        .expect("a text");
        let lines: Vec<String> = (0..8 + random.below(40)).map(|_| line(random)).collect();
        dir.write(&format!("d/{id}.txt"), lines.join("\n") + "\n");
        dir.write(&format!("d/{id}.txt.meta.json"), format!("{{\"fetched_at\":\"{FETCHED}\"}}"));
    }
    dir.write("c.toml", catalog);
    build(&dir, "rapsheet.rap", &[]);
    dir
}

fn build(dir: &TestDir, out: &str, more: &[&str]) {
    let args = [
        "build",
        "--catalog",
        "c.toml",
        "--downloads",
        "d",
        "--out",
        out,
        "--previous",
        "none",
        "--replace-newer",
    ];
    let built = dir.run(&[&args[..], &["--now", FETCHED, "-q"], more].concat());
    assert!([0, 3].contains(&code(&built)), "{}", stderr(&built));
}

/// What is asked: as many listed as not, of every kind.
fn questions(random: &mut Random) -> BTreeSet<String> {
    let mut asked = BTreeSet::new();
    for _ in 0..500 {
        asked.insert(name(random));
        asked.insert(ipv4(random).to_string());
        asked.insert(ipv6(random).to_string());
        asked.insert(url(random));
    }
    asked
}

/// The look-ups of all questions: the verdict and how many providers block it.
fn answers(dir: &TestDir, snapshot: &str, asked: &BTreeSet<String>) -> Vec<(String, Value)> {
    let lines = asked.iter().map(|question| format!("{question}\n")).collect::<String>();
    let args = ["--snapshot", snapshot, "lookup", "--now", NOW, "-o", "jsonl"];
    let output = dir.run_with_input(&args, lines.as_bytes());
    let rows = json_lines(&output);
    assert_eq!(rows.len(), asked.len());
    asked.iter().cloned().zip(rows).collect()
}

/// An indicator that was read back.
struct Read {
    result: String,
    indicator: String,
    is_allowed: bool,
}

/// Exports, and reads the file back with `parse`.
fn exported(dir: &TestDir, format: &Format, more: &[&str]) -> (Vec<Read>, Value) {
    let args =
        ["export", "--now", NOW, "-o", format.name, "--file", "exported", "--report", "report.json", "-q"];
    let output = dir.run(&[&args[..], more].concat());
    assert_eq!(code(&output), 0, "{}: {}", format.name, stderr(&output));
    let mut parse =
        vec!["parse".to_owned(), "--format".to_owned(), format.parses_as.to_owned(), "exported".to_owned()];
    for (key, value) in format.parse_options {
        parse.extend(["--option".to_owned(), format!("{key}={value}")]);
    }
    let parsed = dir.run(&parse);
    let rows = json_lines(&parsed);
    let report: Value = serde_json::from_str(&dir.read("report.json")).expect("JSON");
    // A file without entries, or with exceptions alone, is refused as one without data: then nothing may be
    // blocked.
    let is_refused = |row: &&Value| row["result"].as_str().is_none_or(|result| result.contains("reject"));
    let refused: Vec<&Value> = rows.iter().filter(is_refused).collect();
    assert!(
        refused.iter().all(|row| row["reason"] == "no-data" || row["reason"] == "empty"),
        "{}: {refused:?}",
        format.name
    );
    let read = |row: &Value| {
        Some(Read {
            result: row["result"].as_str()?.to_owned(),
            indicator: row["indicator"].as_str()?.to_owned(),
            // Most warninglists are of harmless things, so that a reader takes them for that; an export is
            // not.
            is_allowed: row["list"] == "allow" && !format.name.starts_with("misp-warninglist"),
        })
    };
    (rows.iter().filter_map(read).collect(), report)
}

/// Whether what was read back blocks a question, by comparing it with every row.
fn blocks(rows: &[Read], question: &str, kind: &str) -> bool {
    rows.iter().filter(|row| !row.is_allowed).any(|row| match row.result.as_str() {
        "ip" | "cidr" | "range" => kind.starts_with("ip") && covers(&row.indicator, question),
        "domain" => row.indicator == question,
        "domain-tree" => row.indicator == question || is_below(question, &row.indicator),
        "subdomains" => is_below(question, row.indicator.trim_start_matches("*.")),
        "url" => {
            row.indicator == question
                || schemeless(&row.indicator) == schemeless(question) && row.indicator.starts_with("//")
        }
        _ => false,
    })
}

fn schemeless(url: &str) -> &str {
    url.split_once("//").map_or(url, |(_, rest)| rest)
}

/// Whether a URL of `https` is asked for, or listed alone.
fn is_ambiguous(everything: &[Read], question: &str) -> bool {
    let http = format!("http://{}", schemeless(question));
    question.starts_with("https:") || !blocks(everything, &http, "url")
}

fn is_below(name: &str, ancestor: &str) -> bool {
    name.strip_suffix(ancestor).is_some_and(|rest| rest.ends_with('.'))
}

fn covers(listed: &str, question: &str) -> bool {
    let range = |text: &str| rapsheet_snapshot::AddressRange::parse(text.as_bytes()).expect("a range").range;
    range(listed).covers(&range(question))
}

/// Whether a format can say that a question is blocked, given what blocks it: the most that a row of the
/// lists says.
fn can_say(format: &Format, everything: &[Read], question: &str, kind: &str) -> bool {
    let holds = |kinds: Kinds| format.kinds.intersects(kinds);
    let says = |results: &[&str]| {
        let rows = everything.iter().filter(|row| !row.is_allowed && results.contains(&row.result.as_str()));
        let copies = rows.map(|row| Read {
            result: row.result.clone(),
            indicator: row.indicator.clone(),
            is_allowed: false,
        });
        blocks(&copies.collect::<Vec<_>>(), question, kind)
    };
    match kind {
        "domain" if !holds(Kinds::NAME) => false,
        "domain" => match format.scopes {
            Scopes::All => says(&["domain", "domain-tree", "subdomains"]),
            Scopes::Tree => says(&["domain", "domain-tree"]),
            // The name alone of a tree is written.
            Scopes::Exact => everything.iter().any(|row| {
                !row.is_allowed
                    && row.indicator == question
                    && ["domain", "domain-tree"].contains(&row.result.as_str())
            }),
        },
        "url" => holds(Kinds::URL) && says(&["url"]),
        _ => holds(Kinds::ADDRESS) && says(&["ip", "cidr", "range"]),
    }
}

/// A table has two rows where a name and those below it differ in what is said of them; other formats have
/// one tree.
fn join_trees(rows: &mut Vec<Read>) {
    let blocked = |result: &str| -> BTreeSet<String> {
        let of_result = rows.iter().filter(|row| !row.is_allowed && row.result == result);
        of_result.map(|row| row.indicator.trim_start_matches("*.").to_owned()).collect()
    };
    let trees: Vec<String> = blocked("domain").intersection(&blocked("subdomains")).cloned().collect();
    let tree = |indicator| Read { result: "domain-tree".to_owned(), indicator, is_allowed: false };
    rows.extend(trees.into_iter().map(tree));
}

/// The kinds of losses in a report.
fn losses(report: &Value) -> BTreeSet<&str> {
    report["losses"].as_array().expect("an array").iter().filter_map(|loss| loss["kind"].as_str()).collect()
}

/// Compares every format with the look-ups of `snapshot`; `is_bad` says which answers count as blocked.
fn compare(
    dir: &TestDir,
    snapshot: &str,
    asked: &BTreeSet<String>,
    more: &[&str],
    is_bad: &dyn Fn(&Value) -> bool,
) -> usize {
    let answers = answers(dir, snapshot, asked);
    let csv = FORMATS.iter().find(|format| format.name == "csv").expect("a format");
    let (mut everything, _) = exported(dir, csv, more);
    join_trees(&mut everything);
    let mut blocked = 0;
    for format in FORMATS {
        let (rows, report) = exported(dir, format, more);
        let mut is_narrow = false;
        for (question, answer) in &answers {
            let kind = answer["type"].as_str().expect("a type");
            let is_expected = is_bad(answer);
            // A URL is blocked by its host as well, which is another entry.
            if kind == "url" && is_expected && !blocks(&everything, question, kind) {
                continue;
            }
            // Zeek's URLs are of http, and read back as of any scheme.
            if kind == "url" && format.name == "zeek-intel" && is_ambiguous(&everything, question) {
                continue;
            }
            let can = can_say(format, &everything, question, kind);
            assert_eq!(
                blocks(&rows, question, kind),
                is_expected && can,
                "{} {more:?}: {answer}",
                format.name
            );
            is_narrow |= is_expected && !can && kind == "domain";
            blocked += usize::from(is_expected && can);
        }
        let narrows = format.kinds.intersects(Kinds::NAME) && is_narrow;
        assert!(!narrows || losses(&report).contains("scope"), "{}: {report}", format.name);
    }
    blocked
}

#[test]
fn every_format_says_what_lookup_answers() {
    let mut blocked = 0;
    for seed in 0..6 {
        eprintln!("seed {seed}");
        let random = &mut Random::new(seed);
        let (dir, asked) = (random_dir(random), questions(random));
        let is_bad = |answer: &Value| answer["status"] == 1;
        blocked += compare(&dir, "rapsheet.rap", &asked, &["--include-restricted"], &is_bad);
        let is_agreed = |answer: &Value| answer["detected_by"].as_u64() >= Some(2);
        let two = ["--include-restricted", "--min-providers", "2"];
        compare(&dir, "rapsheet.rap", &asked, &two, &is_agreed);
        let args = ["--feed", "provider:p1.example", "--feed", "provider:p2.example"];
        build(&dir, "some.rap", &args);
        compare(&dir, "some.rap", &asked, &[&args[..], &["--include-restricted"]].concat(), &is_bad);
    }
    assert!(blocked > 20_000, "{blocked} questions were blocked");
}

#[test]
fn rows_of_tables_have_the_status_that_lookup_answers() {
    for seed in 10..14 {
        let dir = random_dir(&mut Random::new(seed));
        let output = dir.run(&["export", "--now", NOW, "-o", "jsonl", "-q", "--include-restricted"]);
        let rows = json_lines(&output);
        let question = |row: &Value| {
            let indicator = row["indicator"].as_str().expect("a text");
            if row["scope"] == "subdomains" { format!("zz.{indicator}") } else { indicator.to_owned() }
        };
        let lines: String = rows.iter().map(|row| question(row) + "\n").collect();
        let answers = dir.run_with_input(&["lookup", "--now", NOW, "-o", "jsonl"], lines.as_bytes());
        let mut allowed = 0;
        for (row, answer) in rows.iter().zip(json_lines(&answers)) {
            assert_eq!(row["status"], answer["verdict"], "{row} {answer}");
            if row["status"] == "blocklisted" && row["scope"] != "subdomains" {
                assert_eq!(row["providers"], answer["detected_by"], "{row} {answer}");
            }
            allowed += usize::from(row["status"] == "allowlisted");
        }
        assert!(rows.len() > 200 && stdout(&output).ends_with('\n'));
        eprintln!("seed {seed}: {} rows, {allowed} of them allowed", rows.len());
    }
}

/// Blocks that are left out never turn into exceptions.
#[test]
fn what_is_left_out_is_no_exception() {
    for seed in 20..26 {
        let random = &mut Random::new(seed);
        let (dir, asked) = (random_dir(random), questions(random));
        let answers = answers(&dir, "rapsheet.rap", &asked);
        let limit = ["--max-entries", "40", "--include-restricted"];
        for more in [&[][..], &["--assessment", "botnet"], &["--min-providers", "2"], &limit] {
            let output = dir.run(&[&["export", "--now", NOW, "-o", "jsonl", "-q"], more].concat());
            let rows = json_lines(&output);
            for (question, answer) in answers.iter().filter(|(_, answer)| answer["status"] == 1) {
                let is_exception = |row: &Value| {
                    row["indicator"] == question.as_str()
                        && row["scope"] != "subdomains"
                        && row["status"] == "allowlisted"
                };
                assert!(!rows.iter().any(is_exception), "{more:?}: {answer}");
                let covers = |row: &&Value| {
                    let listed = row["indicator"].as_str().expect("a text");
                    let scope = row["scope"].as_str().unwrap_or("");
                    scope != "subdomains" && listed == question
                        || scope != "exact" && is_below(question, listed)
                };
                let of_status = |status: &str| rows.iter().filter(covers).any(|row| row["status"] == status);
                let is_passed =
                    answer["type"] == "domain" && of_status("allowlisted") && !of_status("blocklisted");
                assert!(!is_passed, "{more:?}: {answer}");
            }
        }
    }
}
