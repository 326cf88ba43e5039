//! Lines of many formats with their expected results, collected from real feeds.
//!
//! The collection is stored beside the corpus of real files and is not part of the project; without it the
//! test is skipped. Every line is read by `rapsheet parse` with no option but the format.

use crate::support::corpus;
use crate::test_dir::TestDir;
use serde_json::Value;
use std::fs;

/// Cases with a wrong expectation, and the reason. There are none.
const KNOWN_WRONG: &[(&str, &str)] = &[];

/// Attributes that `parse` does not print, since a sighting has no field for them.
const UNPRINTED: &[&str] = &["ref", "count", "rank", "score", "category", "list_type"];

/// Rows of tables without a header, and the profile that they need.
const CASE_PROFILES: &[(&str, &str)] = &[
    ("2017-07-14 18:08:15,45.9.20.5,443", "sslbl"),
    ("0008D9640FE4947F73E355F67E20C2D290BBC72C,", "tor-nodes"),
    ("45.9.20.5,08 February 2026", "threatview-c2"),
    ("1.122.234.70,443,", "foxit"),
];

struct Row<'t> {
    format: &'t str,
    input: &'t str,
    expected: &'t str,
}

fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    text.lines().filter(|line| !line.starts_with("## ") && !line.is_empty()).map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        Row { format: next(), input: next(), expected: next() }
    })
}

/// The bytes of an input, with its escapes decoded.
fn bytes(input: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = input.chars();
    while let Some(character) = rest.next() {
        let escape = if character == '\\' { rest.clone().next() } else { None };
        let mut digits = |count: usize| {
            rest.next();
            let text: String = rest.by_ref().take(count).collect();
            u32::from_str_radix(&text, 16).expect("digits")
        };
        match escape {
            Some('u') => {
                let character = char::from_u32(digits(4)).expect("a character");
                out.extend(character.to_string().bytes());
            }
            Some('x') => out.push(u8::try_from(digits(2)).expect("a byte")),
            Some(escape @ ('t' | 'r' | 'n' | '\\')) => {
                rest.next();
                out.push(match escape {
                    't' => b'\t',
                    'r' => b'\r',
                    'n' => b'\n',
                    _ => b'\\',
                });
            }
            _ => out.extend(character.to_string().bytes()),
        }
    }
    out.push(b'\n');
    out
}

fn summary(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or_default();
    match text("result") {
        "skip" => format!("SKIP {}", text("reason")),
        "reject" => format!("REJECT {}", text("reason")),
        "file-reject" => format!("FILE-REJECT {}", text("reason")),
        kind => {
            let allow = if text("list") == "allow" { "allow " } else { "" };
            format!("{allow}{kind} {}", text("indicator"))
        }
    }
}

/// `{a=1; b=2}` as pairs.
fn attributes(expected: &str) -> Vec<(&str, &str)> {
    let inner =
        expected.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |(inner, _)| inner);
    inner.split("; ").filter_map(|pair| pair.split_once('=')).collect()
}

fn holds(event: &Value, key: &str, wanted: &str) -> bool {
    let key = match key {
        "last_seen" => "detect_time",
        "assessment" => "assessments",
        "warn" => "warnings",
        key => key,
    };
    match &event[key] {
        Value::Array(values) => wanted.split(',').all(|word| values.iter().any(|value| value == word)),
        Value::String(text) => text == wanted,
        value => *value == serde_json::from_str::<Value>(wanted).unwrap_or_default(),
    }
}

#[test]
fn format_cases_parse_as_documented() {
    let Some(corpus) = corpus("format_cases_parse_as_documented") else { return };
    let Ok(text) = fs::read_to_string(corpus.join("../reference/format-traps.tsv")) else {
        return eprintln!(
            "skipped: format_cases_parse_as_documented needs reference/format-traps.tsv beside the corpus"
        );
    };
    let dir = TestDir::new();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in rows(&text).filter(|row| !KNOWN_WRONG.iter().any(|(input, _)| *input == row.input)) {
        count += 1;
        fs::write(dir.path("row"), bytes(row.input)).expect("written");
        let profile =
            CASE_PROFILES.iter().find(|(begin, _)| row.format == "csv" && row.input.starts_with(begin));
        let option = profile.map(|(_, profile)| format!("profile={profile}"));
        let mut args = vec!["parse", "--format", row.format];
        args.extend(option.iter().flat_map(|option| ["--option", option.as_str()]));
        args.push("row");
        let output = dir.run(&args);
        let events: Vec<Value> = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        let is_file = row.expected.starts_with("FILE-REJECT");
        let found: Vec<String> = events
            .iter()
            .map(summary)
            .filter(|summary| summary.starts_with("FILE-REJECT") == is_file)
            .collect();
        let expected: Vec<&str> =
            row.expected.split(" + ").map(|one| one.split(" {").next().unwrap_or_default()).collect();
        let missing = attributes(row.expected)
            .into_iter()
            .filter(|(key, _)| !UNPRINTED.contains(key))
            .find(|(key, wanted)| !events.first().is_some_and(|event| holds(event, key, wanted)));
        if found != expected || missing.is_some() {
            wrong.push(format!(
                "{} {:?}: wanted {}, found {found:?}, {missing:?}",
                row.format, row.input, row.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 298, "only {count} rows");
}
