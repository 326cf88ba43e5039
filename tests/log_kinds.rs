//! Every kind of log: how `score` detects it, its fields, its times, and that annotated output remains
//! readable.

use crate::test_dir::{TestDir, code, json_lines, stderr, stdout};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};

/// A kind of log, with a record of 2026-11-21T10:05:03Z that has 45.9.20.5 in one field and evilpanel.com in
/// another.
struct Case {
    kind: &'static str,
    head: &'static str,
    record: &'static str,
    /// The time as the record writes it, and an earlier one, at which nothing is listed.
    times: (&'static str, &'static str),
    fields: (&'static str, &'static str),
}

const CASES: &[Case] = &[
    Case {
        kind: "combined",
        head: "",
        record: r#"45.9.20.5 - - [21/Nov/2026:11:05:03 +0100] "GET /a\"b?x=1 HTTP/1.1" 200 5 "http://evilpanel.com/" "\x22agent\x22 \"1.0\"" "10.0.0.1, 10.0.0.2""#,
        times: ("21/Nov/2026:11", "21/Oct/2026:11"),
        fields: ("client", "referer"),
    },
    Case {
        kind: "combined",
        head: "",
        record: r#"evilpanel.com:443 ::1 - bob [21/Nov/2026:10:05:03 +0000] "-" 408 - "-" "-" "45.9.20.5""#,
        times: ("21/Nov", "21/Oct"),
        fields: ("forwarded_for", "vhost"),
    },
    Case {
        kind: "vpcflow",
        head: "",
        record: "2 123456789010 eni-1 10.0.0.1 45.9.20.5 20641 22 6 20 4249 1795255503 1795255563 ACCEPT OK",
        times: ("1795255503", "1792577103"),
        fields: ("dstaddr", ""),
    },
    Case {
        kind: "vpcflow",
        head: "version vpc-id srcaddr pkt-dstaddr start log-status",
        record: "5 vpc-1 45.9.20.5 10.0.0.1 1795255503 OK",
        times: ("1795255503", "1792577103"),
        fields: ("srcaddr", ""),
    },
    Case {
        kind: "alb",
        head: "",
        record: r#"https 2026-11-21T10:05:03.186641Z app/lb/50 45.9.20.5:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "GET https://evilpanel.com:443/ HTTP/1.1" "a \"b\" c" - - arn:aws:x "Root=1" "x.example" "-" 1 2026-11-21T10:05:03.364000Z "forward" "-" "-" "10.0.0.1:80" "200" "-" "-""#,
        times: ("11-21T", "10-21T"),
        fields: ("client", "url"),
    },
    Case {
        kind: "squid",
        head: "",
        record: "1795255503.123     87 10.0.0.1 TCP_TUNNEL/200 1234 CONNECT evilpanel.com:443 - HIER_DIRECT/45.9.20.5 -",
        times: ("1795255503", "1792577103"),
        fields: ("peer", "url"),
    },
    Case {
        kind: "bind",
        head: "",
        record: "21-Nov-2026 10:05:03.123 queries: info: client @0x7f 45.9.20.5#53211 (evilpanel.com): query: evilpanel.com IN A +E(0)K (10.0.0.53)",
        times: ("21-Nov", "21-Oct"),
        fields: ("client", "query"),
    },
    Case {
        kind: "bind",
        head: "",
        record: "Nov 21 10:05:03 ns1 named[7]: client 45.9.20.5#53211: view in: query: evilpanel.com IN A +",
        times: ("Nov 21", "Oct 21"),
        fields: ("client", "query"),
    },
    Case {
        kind: "syslog",
        head: "",
        record: "<38>Nov 21 10:05:03 evilpanel.com sshd[24200]: Failed password from 45.9.20.5 port 22",
        times: ("Nov 21", "Oct 21"),
        fields: ("message", "host"),
    },
    Case {
        kind: "syslog",
        head: "",
        record: r#"<165>1 2026-11-21T10:05:03.003Z evilpanel.com app - ID47 [a@1 b="45.9.20.5 \"]\""] 10.0.0.1"#,
        times: ("11-21T", "10-21T"),
        fields: ("structured_data", "host"),
    },
    Case {
        kind: "zeek",
        head: "#separator \\x09\n#set_separator\t,\n#fields\tts\tid.orig_h\tanswers\n#types\ttime\taddr\tset[string]",
        record: "1795255503.865716\t45.9.20.5\tevilpanel.com,\\x2c,10.0.0.1",
        times: ("1795255503", "1792577103"),
        fields: ("id.orig_h", "answers"),
    },
    Case {
        kind: "jsonl",
        head: "",
        record: r#"{"timestamp":"2026-11-21T10:05:03.123456+0000","src_ip":"45.9.20.5","dns":{"rrname":"evilpanel.com","x":[{}]}}"#,
        times: ("11-21T", "10-21T"),
        fields: ("src_ip", "dns.rrname"),
    },
    Case {
        kind: "jsonl",
        head: "",
        record: r#"{"ts":1795255503.865716,"id.orig_h":"45.9.20.5","query":"evilpanel.com","id.resp_p":53}"#,
        times: ("1795255503", "1792577103"),
        fields: ("id.orig_h", "query"),
    },
    Case {
        kind: "csv",
        head: "time,ip,\"host\"",
        record: "2026-11-21T10:05:03Z,45.9.20.5,\"a \"\"b\"\", evilpanel.com\"",
        times: ("11-21T", "10-21T"),
        fields: ("ip", "host"),
    },
    Case {
        kind: "tsv",
        head: "time\tip\thost",
        record: "2026-11-21 10:05:03\t45.9.20.5\t\"evilpanel.com",
        times: ("11-21", "10-21"),
        fields: ("ip", "host"),
    },
];

impl Case {
    fn clean(&self) -> String {
        self.record.replace("45.9.20.5", "192.0.2.9").replace("evilpanel.com", "www.example.com")
    }

    fn records(&self) -> [String; 3] {
        let (new, old) = self.times;
        [self.record.to_owned(), self.clean(), self.record.replace(new, old)]
    }

    /// The header, if it has one, and the records.
    fn log(&self) -> String {
        let head = if self.head.is_empty() { String::new() } else { format!("{}\n", self.head) };
        format!("{head}{}\n", self.records().join("\n"))
    }
}

#[test]
fn every_kind_has_fields_and_times() {
    let dir = TestDir::new();
    for case in CASES {
        dir.write("x.log", case.log());
        let found = |args: &[&str]| {
            let output = dir.run(&[&["score", "x.log"], args].concat());
            assert_eq!(code(&output), 0, "{}: {}", case.kind, stderr(&output));
            json_lines(&output)
        };
        assert_eq!(found(&[]), found(&["--input", case.kind]), "{}", case.kind);
        for (field, indicator) in [(case.fields.0, "45.9.20.5"), (case.fields.1, "evilpanel.com")] {
            if field.is_empty() {
                continue;
            }
            let rows = found(&["--field", field]);
            let is_it = |row: &Value| {
                let text = row["indicator"].as_str().expect("a text");
                text.contains(indicator)
            };
            assert!(rows.len() == 2 && rows.iter().all(is_it), "{} {field}: {rows:?}", case.kind);
            let log = case.log();
            let at = rows[0]["offset"].as_u64().expect("an offset") as usize;
            assert!(
                log[at..].trim_start_matches("http://").trim_start_matches("https://").starts_with(indicator)
            );
        }
        let event = found(&["--at", "event", "--all", "--field", case.fields.0]);
        let event: Vec<_> =
            event.iter().map(|row| (row["status"].as_u64(), row["event_time"].as_str())).collect();
        assert_eq!(event[0], (Some(1), Some("2026-11-21T10:05:03Z")), "{}", case.kind);
        assert_eq!(event.last().expect("a row"), &(Some(5), Some("2026-10-21T10:05:03Z")), "{}", case.kind);
    }
}

/// The cells of a record, as a reader of that kind splits it.
fn cells(kind: &str, record: &str) -> Vec<String> {
    match kind {
        "csv" => {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(record.as_bytes());
            let record = reader.records().next().expect("a record").expect("a valid record");
            record.iter().map(str::to_owned).collect()
        }
        "tsv" | "zeek" => record.split('\t').map(str::to_owned).collect(),
        "vpcflow" => record.split(' ').map(str::to_owned).collect(),
        "squid" => record.split_whitespace().map(str::to_owned).collect(),
        _ => quoted_words(record),
    }
}

/// Words separated by blanks; quoted and bracketed words may contain blanks.
fn quoted_words(record: &str) -> Vec<String> {
    let (mut words, mut word, mut end, mut is_escaped) = (Vec::new(), String::new(), ' ', false);
    for character in record.chars() {
        let opens = word.is_empty() && end == ' ';
        match character {
            '"' if opens => end = '"',
            '[' if opens => end = ']',
            _ if character == end && !is_escaped => {
                words.push(std::mem::take(&mut word));
                end = ' ';
            }
            _ => word.push(character),
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn annotated_records_remain_readable() {
    let dir = TestDir::new();
    for case in CASES.iter().filter(|case| case.kind != "jsonl") {
        let log = case.log();
        let output = dir.run_with_input(&["score", "--output", "annotated", "-"], log.as_bytes());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert_eq!(stdout(&output).lines().count(), log.lines().count(), "{}", case.kind);
        for (before, after) in log.lines().zip(stdout(&output).lines()) {
            assert!(after.starts_with(before), "{}: {after}", case.kind);
            let (read, again) = (cells(case.kind, before), cells(case.kind, after));
            assert_eq!(again[..read.len()], read, "{}", case.kind);
            let is_bare =
                before.starts_with('#') && !before.starts_with("#fields") && !before.starts_with("#types");
            let words = ["combined", "squid", "bind", "syslog"].contains(&case.kind);
            let added = if is_bare || words && !before.contains("45.9.20.5") { 0 } else { 5 };
            assert_eq!(again.len() - read.len(), added, "{}: {after}", case.kind);
            if added > 0 && before.contains("45.9.20.5") {
                let text = again[read.len()..].join(" ");
                assert!(text.contains("45.9.20.5") && text.contains("bad.example"), "{}: {text}", case.kind);
            }
        }
        let listed =
            dir.run_with_input(&["score", "--output", "annotated", "--only-listed", "-"], log.as_bytes());
        assert_eq!(stdout(&listed).lines().count(), log.lines().count() - 1, "{}", case.kind);
    }
}

#[test]
fn annotated_objects_gain_one_member() {
    let dir = TestDir::new();
    for case in CASES.iter().filter(|case| case.kind == "jsonl") {
        let output = dir.run_with_input(&["score", "--output", "annotated", "-"], case.log().as_bytes());
        for (before, after) in case.log().lines().zip(stdout(&output).lines()) {
            let before: Value = serde_json::from_str(before).expect("an object");
            let mut after: Value = serde_json::from_str(after).expect("an object");
            assert!(after.as_object_mut().expect("an object").remove("rapsheet").is_some());
            assert_eq!(before, after);
        }
    }
}

/// A document of `records` records, one in ten with a listed address, and strings that contain JSON syntax.
fn document(records: usize, space: &str) -> String {
    let record = |at: usize| {
        let ip = if at.is_multiple_of(10) { "45.9.20.5" } else { "192.0.2.9" };
        format!(
            "{{\"eventTime\":\"2026-11-21T10:05:03Z\",{space}\"sourceIPAddress\":\"{ip}\",\"userAgent\":\"a\\\"}},{{]}}\",\"n\":{at},\"requestParameters\":{{\"host\":[\"s3.example\"]}}}}"
        )
    };
    let all: Vec<String> = (0..records).map(record).collect();
    format!("{{{space}\"Records\":{space}[{space}{}{space}]{space}}}", all.join(&format!("{space},{space}")))
}

#[test]
fn documents_are_read_record_by_record() {
    let dir = TestDir::new();
    for space in ["", "\n  "] {
        let text = document(20_000, space);
        assert!(text.len() > 2 << 20, "more than a block");
        dir.write("trail.json", &text);
        let rows = json_lines(&dir.run(&["score", "--threads", "3", "trail.json"]));
        assert_eq!(rows.len(), 2000);
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(row["line"], json!(at * 10 + 1));
            assert!(text[row["offset"].as_u64().expect("an offset") as usize..].starts_with("45.9.20.5"));
        }
        let output = dir.run(&["score", "--output", "annotated", "trail.json"]);
        let before: Value = serde_json::from_str(&text).expect("a document");
        let mut after: Value = serde_json::from_slice(&output.stdout).expect("a document");
        for (at, record) in after["Records"].as_array_mut().expect("records").iter_mut().enumerate() {
            let annotation =
                record.as_object_mut().expect("an object").remove("rapsheet").expect("an annotation");
            assert_eq!(annotation["detected_by"], json!(usize::from(at % 10 == 0)));
        }
        assert!(before == after);
        let field =
            |name: &str| json_lines(&dir.run(&["score", "--all", "--field", name, "trail.json"])).len();
        assert_eq!(
            (field("sourceIPAddress"), field("requestParameters.host"), field("n")),
            (20_000, 20_000, 0)
        );
    }
}

#[test]
fn reads_concatenated_and_malformed_documents() {
    let dir = TestDir::new();
    let (one, two) = (document(3, ""), document(11, "\r\n"));
    let texts = [
        format!("{one}{two}\n{one}\n"),
        "{\"Records\":[]}".to_owned(),
        format!("{one}{{\"other\":\"45.9.20.5\n\"}}\n"),
        format!("{}\n45.9.20.5\n", &one[..one.len() - 20]),
        "{\"Records\":[5,{}]}\n".to_owned(),
        "{\"Records\":\n5}\n".to_owned(),
    ];
    let found: Vec<usize> = texts
        .iter()
        .map(|text| {
            let plain = dir.run_with_input(&["score", "--input", "text", "-"], text.as_bytes());
            let offset = |row: &Value| row["offset"].as_u64();
            let rows = json_lines(&dir.run_with_input(&["score", "-"], text.as_bytes()));
            let all: Vec<_> = rows.iter().map(offset).collect();
            assert!(json_lines(&plain).iter().all(|row| all.contains(&offset(row))), "{text}");
            let annotated = dir.run_with_input(&["score", "--output", "annotated", "-"], text.as_bytes());
            let mut rest = stdout(&annotated).to_owned();
            while let Some(at) = rest.find(",\"rapsheet\":{").or_else(|| rest.find("\"rapsheet\":{")) {
                let end = at + rest[at..].find("}").expect("its end") + 1;
                rest.replace_range(at..end, "");
            }
            assert_eq!(&rest, text, "only the annotation was added");
            rows.len()
        })
        .collect();
    assert_eq!(found, [4, 0, 2, 2, 0, 0]);
    assert_eq!(code(&dir.run(&["score", "--follow", "--input", "cloudtrail", "x.json"])), 2);
    dir.write("x.json", format!("{one}\n"));
    let mut follow = dir.command(&["score", "--follow", "--from", "0", "--output", "annotated", "x.json"]);
    let mut child = follow.stdout(std::process::Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a row");
    child.kill().and_then(|()| child.wait()).expect("an exit status");
    assert!(serde_json::from_str::<Value>(&line).expect("an object")["rapsheet"]["status"] == json!(1));
    let listed =
        dir.run_with_input(&["score", "--output", "annotated", "--only-listed", "-"], two.as_bytes());
    assert_eq!(json_lines(&listed).len(), 2, "an object a line");
    let lines = dir.run_with_input(&["score", "--output", "lines", "-"], two.as_bytes());
    assert_eq!(json_lines(&lines).len(), 2, "an object a line");
}

#[test]
fn recognises_repeated_csv_headers() {
    let dir = TestDir::new();
    let part = "evilpanel.com,note\nx,45.9.20.5\n";
    let log = format!("{part}{part}");
    let output =
        dir.run_with_input(&["score", "--input", "csv", "--output", "annotated", "-"], log.as_bytes());
    let heads = stdout(&output).lines().filter(|line| line.ends_with(",rapsheet_providers")).count();
    assert_eq!(heads, 2);
    let rows = json_lines(&dir.run_with_input(&["score", "--input", "csv", "-"], log.as_bytes()));
    assert_eq!(rows.iter().map(|row| row["line"].clone()).collect::<Vec<_>>(), [json!(2), json!(4)]);
}

#[test]
fn defanged_flag_finds_defanged_indicators() {
    let dir = TestDir::new();
    let log = "see hxxps[://]evilpanel[.]com/a, 45[.]9(dot)20[.]5 and user[@]www.evilpanel{.}com\nplain evilpanel.com\n";
    let offsets = |args: &[&str]| {
        let rows = json_lines(&dir.run_with_input(&[&["score", "-"], args].concat(), log.as_bytes()));
        rows.iter().map(|row| row["offset"].as_u64().expect("an offset") as usize).collect::<Vec<_>>()
    };
    let at = |text: &str| log.find(text).expect("an existing file");
    let plain = at("evilpanel.com");
    assert!(offsets(&[]).contains(&plain) && offsets(&[]).len() < 3);
    assert_eq!(offsets(&["--defanged"]), [at("hxxps"), at("45["), at("www."), plain]);
    let annotated =
        dir.run_with_input(&["score", "--defanged", "--output", "annotated", "-"], log.as_bytes());
    assert!(stdout(&annotated).starts_with(log.lines().next().expect("a line")));
}
