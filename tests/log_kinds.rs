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
    Case {
        kind: "w3c",
        head: "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-10-01 00:00:00\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) sc-status",
        record: "2026-11-21 10:05:03 10.1.1.1 GET /a - 80 45.9.20.5 Mozilla/5.0+(x;+http://evilpanel.com/) 200",
        times: ("2026-11-21", "2026-10-21"),
        fields: ("c-ip", "cs(User-Agent)"),
    },
    Case {
        kind: "w3c",
        head: "#Version: 1.0\n#Fields: date time x-edge-location c-ip cs(Host)",
        record: "2026-11-21\t10:05:03\tFRA2\t45.9.20.5\tevilpanel.com",
        times: ("2026-11-21", "2026-10-21"),
        fields: ("c-ip", "cs(Host)"),
    },
    Case {
        kind: "unbound",
        head: "",
        record: "[1795255503] unbound[1:0] info: 45.9.20.5 evilpanel.com. A IN NOERROR 0.012 0 48",
        times: ("1795255503", "1792577103"),
        fields: ("client", "query"),
    },
    Case {
        kind: "unbound",
        head: "",
        record: "Nov 21 10:05:03 ns1 unbound: [77:1] query: 45.9.20.5 www.evilpanel.com. AAAA IN",
        times: ("Nov 21", "Oct 21"),
        fields: ("client", ""),
    },
    Case {
        kind: "dnsmasq",
        head: "",
        record: "Nov 21 10:05:03 dnsmasq[77]: query[A] evilpanel.com from 45.9.20.5",
        times: ("Nov 21", "Oct 21"),
        fields: ("client", "query"),
    },
    Case {
        kind: "dnsmasq",
        head: "",
        record: "Nov 21 10:05:03 router dnsmasq[77]: 17 192.168.1.9/53211 reply evilpanel.com is 45.9.20.5",
        times: ("Nov 21", "Oct 21"),
        fields: ("answer", "query"),
    },
    Case {
        kind: "suricata",
        head: "",
        record: "11/21/2026-10:05:03.123456  [**] [1:2019401:3] ET MALWARE evilpanel.com lookup [**] [Classification: A Trojan] [Priority: 1] {TCP} 45.9.20.5:443 -> 10.0.0.1:51234",
        times: ("11/21", "10/21"),
        fields: ("src_ip", "signature"),
    },
    Case {
        kind: "haproxy",
        head: "",
        record: "Nov 21 10:05:03 lb haproxy[7]: 45.9.20.5:53211 [21/Nov/2026:10:05:03.698] https~ app/web1 0/0/1/7/8 200 16 - - ---- 3/1/0/0/0 0/0 {evilpanel.com} \"GET http://evilpanel.com/ HTTP/1.1\"",
        times: ("21/Nov", "21/Oct"),
        fields: ("client", ""),
    },
    Case {
        kind: "asa",
        head: "",
        record: "Nov 21 2026 10:05:03 fw1 : %ASA-4-106023: Deny tcp src outside:45.9.20.5/443 dst inside:10.0.0.1/80 by evilpanel.com",
        times: ("Nov 21", "Oct 21"),
        fields: ("src", ""),
    },
    Case {
        kind: "asa",
        head: "",
        record: "<166>Nov 21 11:05:03 10.9.9.9 Nov 21 2026 10:05:03: %ASA-6-106015: Deny TCP from 10.0.0.1/2 to 45.9.20.5/1",
        times: ("Nov 21 2026", "Oct 21 2026"),
        fields: ("dst", ""),
    },
    Case {
        kind: "paloalto",
        head: "",
        record: "Nov 21 10:05:09 fw1 1,2026/11/21 10:05:08,0011,THREAT,url,2049,2026/11/21 10:05:03,45.9.20.5,10.0.0.1,0.0.0.0,0.0.0.0,\"a, b\",,,web,vsys1,in,out,e1,e2,log,2026/11/21 10:05:08,77,1,51234,443,0,0,0x0,tcp,alert,\"evilpanel.com/a,b\",(9999)",
        times: ("2026/11/21", "2026/10/21"),
        fields: ("src", "misc"),
    },
    Case {
        kind: "cef",
        head: "",
        record: "Nov 21 10:05:09 host CEF:0|Vendor|Firewall|1.0|100|a \\| name|5|rt=1795255503000 src=45.9.20.5 msg=a \\= b of evilpanel.com and more dst=10.0.0.1",
        times: ("1795255503000", "1792577103000"),
        fields: ("src", "msg"),
    },
    Case {
        kind: "leef",
        head: "",
        record: "LEEF:2.0|Vendor|Firewall|1.0|100|^|devTime=Nov 21 2026 11:05:03 +0100^src=45.9.20.5^url=evilpanel.com",
        times: ("Nov 21", "Oct 21"),
        fields: ("src", "url"),
    },
    Case {
        kind: "keyvalue",
        head: "",
        record: "<189>date=2026-11-21 time=11:05:03 devname=\"FG 1\" tz=\"+0100\" type=\"traffic\" srcip=45.9.20.5 hostname=\"evilpanel.com\"",
        times: ("2026-11-21", "2026-10-21"),
        fields: ("srcip", "hostname"),
    },
    Case {
        kind: "keyvalue",
        head: "",
        record: "Nov 21 10:05:09 10.9.9.9 eventtime=1795255503123456789 date=2026-11-21 time=02:05:03 srcip=10.0.0.1 dstip=45.9.20.5 msg=\"see evilpanel.com\"",
        times: ("1795255503", "1792577103"),
        fields: ("dstip", "msg"),
    },
    Case {
        kind: "keyvalue",
        head: "",
        record: "time=\"2026-11-21T11:05:03+01:00\" level=info msg=\"a \\\"b\\\" of evilpanel.com\" remote=45.9.20.5:443",
        times: ("11-21T", "10-21T"),
        fields: ("remote", "msg"),
    },
    // Postfix writes through syslog, and an alert of Suricata's EVE is an object.
    Case {
        kind: "syslog",
        head: "",
        record: "Nov 21 10:05:03 evilpanel.com postfix/smtpd[77]: connect from unknown[45.9.20.5]",
        times: ("Nov 21", "Oct 21"),
        fields: ("message", "host"),
    },
    Case {
        kind: "jsonl",
        head: "",
        record: r#"{"timestamp":"2026-11-21T11:05:03.123456+0100","event_type":"alert","src_ip":"45.9.20.5","alert":{"signature":"x evilpanel.com"}}"#,
        times: ("11-21T", "10-21T"),
        fields: ("src_ip", "alert.signature"),
    },
    Case {
        kind: "csv",
        head: "Date,Time,ip,host",
        record: "2026-11-21,10:05:03,45.9.20.5,evilpanel.com",
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
        "w3c" => record.split(['\t', ' ']).map(str::to_owned).collect(),
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
            let names_columns =
                |line: &str| ["#fields", "#types", "#Fields"].iter().any(|name| line.starts_with(name));
            let is_bare = before.starts_with('#') && !names_columns(before);
            let words = WITH_WORDS.contains(&case.kind);
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

/// The kinds whose annotation is words behind the line.
const WITH_WORDS: [&str; 15] = [
    "combined",
    "squid",
    "bind",
    "syslog",
    "unbound",
    "dnsmasq",
    "suricata",
    "haproxy",
    "asa",
    "paloalto",
    "cef",
    "leef",
    "keyvalue",
    "windows-dns",
    "text",
];

/// A name of Windows' DNS server is lengths and labels. It is found, where it is, under the detected kind,
/// and its offset is that of the first label.
#[test]
fn windows_dns_names_are_decoded() {
    let dir = TestDir::new();
    let head = "DNS Server log file creation at 11/21/2026 10:00:00 AM\r\n\r\nMessage logging key (for packets):\r\n\tField #  Information\r\n\r\n";
    let line = |date: &str, client: &str, name: &str| {
        format!(
            "{date} 0E4C PACKET  000000D5 UDP Rcv {client}    1a2b R Q [8081   DR  NOERROR] A      {name}\r\n"
        )
    };
    let log = [
        head.to_owned(),
        line("11/21/2026 10:05:03 AM", "10.0.0.9", "(3)www(9)evilpanel(3)com(0)"),
        line("11/07/2026 10:05:03 PM", "45.9.20.5", "(9)evilpanel(7)example(0)"),
        line("11/21/2026 12:05:03 AM", "10.0.0.9", "(9)evilpane(3)com(0)"),
    ]
    .concat();
    dir.write("dns.log", &log);
    let rows = json_lines(&dir.run(&["score", "dns.log"]));
    let found: Vec<_> = rows.iter().map(|row| (row["line"].clone(), row["offset"].as_u64())).collect();
    let at = |text: &str| log.find(text).map(|at| at as u64);
    assert_eq!(found, [(json!(6), at("www(9)")), (json!(7), at("45.9.20.5"))]);
    assert_eq!(rows[0]["indicator"], json!("www.evilpanel.com"));
    assert_eq!(rows, json_lines(&dir.run(&["score", "--input", "windows-dns", "dns.log"])));
    let of = |field: &str| json_lines(&dir.run(&["score", "--field", field, "dns.log"]));
    assert_eq!((of("query").len(), of("client").len(), of("rcode").len()), (1, 1, 0));
    let times: Vec<_> =
        json_lines(&dir.run(&["score", "--at", "event", "--all", "--field", "client", "dns.log"]))
            .iter()
            .map(|row| row["event_time"].as_str().map(str::to_owned))
            .collect();
    let expected = ["2026-11-21T10:05:03Z", "2026-11-07T22:05:03Z", "2026-11-21T00:05:03Z"];
    assert_eq!(times, expected.map(|time| Some(time.to_owned())), "the month is first, as line 6 tells");
    let annotated = dir.run(&["score", "--output", "annotated", "dns.log"]);
    let text = stdout(&annotated).lines().nth(5).expect("a line").to_owned();
    assert!(text.contains("(3)www(9)evilpanel(3)com(0) rapsheet_status=1 "), "{text}");
}

/// An IPv6 address with a port and without brackets is the address.
#[test]
fn ports_behind_ipv6_addresses_are_no_part_of_them() {
    let dir = TestDir::new();
    for line in [
        "11/21/2026-10:05:03.1  [**] [1:1:1] x [**] [Priority: 1] {TCP} 2a0e:b107::5:443 -> 10.0.0.1:5\n",
        "Nov 21 10:05:03 lb haproxy[7]: 2a0e:b107::5:443 [21/Nov/2026:10:05:03.698] f b/s 0/0/8 16 -- 1/1/0/0/0 0/0\n",
    ] {
        let rows = json_lines(&dir.run_with_input(&["score", "--all", "-"], line.as_bytes()));
        assert!(rows.iter().any(|row| row["indicator"] == json!("2a0e:b107::5")), "{rows:?}");
    }
}

/// A record before the first of its kind, and one that is of no kind, change nothing.
#[test]
fn servers_write_other_lines_first() {
    let dir = TestDir::new();
    for (kind, field, log) in [
        (
            "unbound",
            "query",
            "[1795255500] unbound[1:0] notice: init module 0: iterator\n[1795255503] unbound[1:0] info: 10.0.0.1 evilpanel.com. A IN\n",
        ),
        (
            "dnsmasq",
            "query",
            "Nov 21 10:05:00 dnsmasq[7]: started, version 2.90\nNov 21 10:05:03 dnsmasq[7]: query[A] evilpanel.com from 10.0.0.1\n",
        ),
        (
            "haproxy",
            "client",
            "Nov 21 10:05:00 lb haproxy[7]: Proxy f started.\nNov 21 10:05:03 lb haproxy[7]: 45.9.20.5:5 [21/Nov/2026:10:05:03.698] f b/s 0/0/8 16 -- 1/1/0/0/0 0/0\n",
        ),
    ] {
        let rows = json_lines(&dir.run_with_input(&["score", "--field", field, "-"], log.as_bytes()));
        assert_eq!(rows.len(), 1, "{kind}");
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
    let part = "host.name,note\nx,45.9.20.5\n";
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
