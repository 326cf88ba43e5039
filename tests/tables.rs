//! Tables, JSON, XML and STIX: how far a record reaches, which records are not bad, which fields are
//! indicators, and where a record ends.

use crate::support::{Harness, day};
use rapsheet_ingest::format;
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::pipeline::{Event, EventLog, ParseConfig, Rules, parse_text};
use rapsheet_snapshot::{ListKind, Scope, Time};

/// The events of a text, read as a list of this kind.
fn events_of(list: ListKind, id: &str, text: &str) -> Vec<Event> {
    let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time");
    let (rules, options) = (Rules::new(now, list, Scope::Exact), Options::default());
    let format = format::find(id).expect("a format");
    let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: true };
    let mut log = EventLog::new(list);
    // A text of nothing but rejects is refused as a whole, too; its events are what is asked for.
    let _ = parse_text(&config, &mut text.as_bytes(), &mut log);
    log.events
}

/// One short text for each event that is no header: `2 cidr 192.0.2.0/24`, `3 reject bad-mask`.
fn short(events: &[Event]) -> Vec<String> {
    let rows = events.iter().filter(|event| event.reason != Some("header"));
    rows.map(|event| {
        let what = event.indicator.as_deref().or(event.reason).unwrap_or_default();
        let allow = if event.list == Some("allow") { "allow " } else { "" };
        format!("{} {allow}{} {what}", event.line, event.result)
    })
    .collect()
}

fn read(id: &str, text: &str) -> Vec<String> {
    short(&events_of(ListKind::Block, id, text))
}

#[test]
fn start_and_end_columns_give_the_range() {
    for header in [
        "start_ip,end_ip",
        "Start IP,End IP",
        "StartIP,EndIP",
        "ip_start,ip_end",
        "range_start,range_end",
        "start_address,end_address",
        "ip_from,ip_to",
        "first,last",
        "from,to",
        "low,high",
    ] {
        for mark in [",", ";", "\t", "|"] {
            let rows = "45.77.20.0,45.77.20.255,NL\n45.77.22.4,45.77.22.9,NL\n45.77.24.9,45.77.24.1,NL\n";
            let text = format!("{header},country\n{rows}").replace(',', mark);
            let expected = ["2 cidr 45.77.20.0/24", "3 range 45.77.22.4-45.77.22.9", "4 reject bad-range"];
            assert_eq!(read("auto", &text), expected, "{text}");
        }
    }
}

#[test]
fn ends_may_be_numbers_and_one_end_is_no_range() {
    let text =
        "\"ip_from\",\"ip_to\",\"cc\"\n\"760026112\",\"760026367\",\"NL\"\n\"760026624\",\"\",\"NL\"\n";
    assert_eq!(read("csv", text), ["2 cidr 45.77.20.0/24", "3 reject bad-range"]);
    let times = "ip,first,last\n45.77.20.5,2026-11-01,2026-11-02\n";
    assert_eq!(read("csv", times), ["2 ip 45.77.20.5"], "`first` is a time in most tables");
}

#[test]
fn an_address_and_its_mask_or_length_give_the_network() {
    for (header, mask) in [
        ("ip,netmask", "255.255.255.0"),
        ("IP Address,Subnet Mask", "255.255.255.0"),
        ("network,prefixlen", "24"),
        ("network,prefix_length", "/24"),
        ("ip,cidr", "24"),
        ("addr,bits", "24"),
        ("address,length", "24"),
        ("network,prefix", "24"),
    ] {
        let text = format!("{header},note\n45.77.20.0,{mask},x\n\"45.77.21.0\",\"{mask}\",\"y\"\n");
        assert_eq!(read("auto", &text), ["2 cidr 45.77.20.0/24", "3 cidr 45.77.21.0/24"], "{header}");
    }
    let misfits = "ip,netmask\n45.77.20.0,255.0.255.0\n45.77.20.0,33\n45.77.20.0/24,255.255.0.0\n\
                   45.77.20.0/24,255.255.255.0\n255.255.255.0,\n";
    let expected = [
        "2 reject bad-mask",
        "3 reject bad-prefix",
        "4 reject bad-mask",
        "5 cidr 45.77.20.0/24",
        "6 reject bad-mask",
    ];
    assert_eq!(read("csv", misfits), expected);
}

#[test]
fn extents_are_found_without_a_header() {
    for text in [
        "45.77.20.0;45.77.20.255;NL\n45.77.21.0;45.77.21.255;NL\n",
        "45.77.20.0;255.255.255.0;NL\n45.77.21.0;255.255.255.0;NL\n",
        "45.77.20.0,24,NL\n45.77.21.0,24,NL\n",
        "45.77.20.0\t24\tNL\n45.77.21.0\t24\tNL\n",
        "45.77.20.0 255.255.255.0\n45.77.21.0 255.255.255.0\n",
        "45.77.20.0 45.77.20.255\n45.77.21.0 45.77.21.255\n",
        "45.77.20.0,255.255.255.0,NL\n45.77.21.0,255.255.255.0,NL\n",
        "45.77.20.0-45.77.20.255\n45.77.21.0 - 45.77.21.255\n",
    ] {
        assert_eq!(read("auto", text), ["1 cidr 45.77.20.0/24", "2 cidr 45.77.21.0/24"], "{text}");
    }
    let ports = "45.77.20.5,22,x\n45.77.20.6,24,x\n";
    assert_eq!(read("csv", ports), ["1 ip 45.77.20.5", "2 ip 45.77.20.6"]);
    let two = "45.77.20.5,45.77.30.6\n45.77.20.7,45.77.10.8\n";
    assert_eq!(read("csv", two).len(), 4, "two addresses need not be a range");
}

#[test]
fn json_and_xml_records_reach_as_far_as_their_fields_say() {
    let text = r#"[{"first":"45.77.20.0","last":"45.77.20.255"},
{"ip":"45.77.21.0","mask":"255.255.255.0"},
{"address":"45.77.22.0","prefix_length":24},
{"ip":"45.77.23.0","cidr":24},
{"startIp":760026112,"endIp":760026367},
{"start_ip":"45.77.24.9","end_ip":"45.77.24.1"},
{"network":"45.77.25.0","netmask":"255.0.255.0"},
{"ip":"45.77.26.5","first":"2026-11-01","last":"2026-11-02"},
{"ip":"45.77.27.5","start_ip":"45.77.27.0","end_ip":"45.77.27.255"}]"#;
    let expected = [
        "1 cidr 45.77.20.0/24",
        "2 cidr 45.77.21.0/24",
        "3 cidr 45.77.22.0/24",
        "4 cidr 45.77.23.0/24",
        "5 cidr 45.77.20.0/24",
        "6 reject bad-range",
        "7 reject bad-mask",
        "8 ip 45.77.26.5",
        "9 ip 45.77.27.5",
    ];
    assert_eq!(read("json", text), expected);
    let xml = "<list><record><StartIP>45.77.20.0</StartIP><EndIP>45.77.20.255</EndIP></record>\n\
               <record><ip>45.77.21.0</ip><cidr>24</cidr></record></list>";
    assert_eq!(read("xml", xml), ["1 cidr 45.77.20.0/24", "2 cidr 45.77.21.0/24"]);
}

#[test]
fn prefixes_count_under_any_key_and_times_of_a_document_are_no_range() {
    let text = r#"{"range_start":1700000000,"range_end":1700086400,"zones":{"eu":{"deep":{"er":
["45.77.20.0/24","a text"]}}},"rows":[{"netz":"45.77.21.0/24","note":"x"}]}"#;
    assert_eq!(read("json", text), ["2 cidr 45.77.20.0/24", "2 cidr 45.77.21.0/24"]);
}

#[test]
fn a_netmask_in_prose_belongs_to_the_address_before_it() {
    let text = "They come from 45.77.20.0 netmask 255.255.255.0, and 45.77.21.5.\n";
    assert_eq!(read("freetext", text), ["1 cidr 45.77.20.0/24", "1 ip 45.77.21.5"]);
}

#[test]
fn json_records_without_a_known_key_are_counted() {
    let text = r#"[{"range":"45.77.20.0-45.77.20.9"},{"range":"45.77.21.0/24"},{"remote_addr":"45.77.22.5"},
{"what":"45.77.23.5"},{"ips":["45.77.24.5"],"hosts":["45.77.25.5"]}]"#;
    let expected = [
        "1 range 45.77.20.0-45.77.20.9",
        "1 cidr 45.77.21.0/24",
        "1 ip 45.77.22.5",
        "2 skip no-indicator",
        "2 ip 45.77.24.5",
        "2 ip 45.77.25.5",
    ];
    assert_eq!(read("json", text), expected);
    assert_eq!(read("ndjson", "{\"what\":\"x\"}\n{\"ip\":\"45.77.20.5\"}\n").len(), 2);
}

#[test]
fn decisions_of_crowdsec_as_json_are_judged() {
    let decision = |value: &str, scope: &str, duration: &str, simulated: bool| {
        format!(
            "{{\"source\":{{\"ip\":\"{value}\"}},\"decisions\":[{{\"duration\":\"{duration}\",\"scope\":\"{scope}\",\
             \"simulated\":{simulated},\"type\":\"ban\",\"value\":\"{value}\"}}]}}"
        )
    };
    let rows = [
        decision("45.77.20.5", "Ip", "3h9m1s", false),
        decision("45.77.20.6", "Ip", "-3h9m1s", false),
        decision("45.77.20.7", "Ip", "3h9m1s", true),
        decision("NL", "Country", "3h9m1s", false),
    ];
    let expected = ["1 ip 45.77.20.5", "1 skip inactive", "1 skip inactive", "1 skip unsupported-kind"];
    assert_eq!(read("auto", &format!("[{}]", rows.join(","))), expected);
}

#[test]
fn stars_are_prefixes_trees_or_patterns() {
    let text = "ip,note\n45.77.20.*,x\n45.*.20.1,x\nevil.test-panel.com/*,x\n*.test-panel.com,x\n\
                *://*.test-panel.com/*,x\nhttp://test-panel.com/a*b,x\n";
    let expected = [
        "2 cidr 45.77.20.0/24",
        "3 reject pattern",
        "4 reject pattern",
        "5 domain-tree test-panel.com",
        "6 reject pattern",
        "7 url http://test-panel.com/a*b",
    ];
    assert_eq!(read("csv", text), expected);
}

#[test]
fn rows_that_are_not_bad_do_not_block() {
    for (column, bad, good) in [
        ("classification", "malicious", "benign"),
        ("verdict", "malicious", "clean"),
        ("Verdict", "suspicious", "Not malicious"),
        ("status", "online", "False Positive"),
        ("isWhitelisted", "false", "true"),
        ("is_whitelisted", "0", "1"),
        ("false_positive", "no", "yes"),
        ("malicious", "true", "false"),
        ("action", "deny", "allow"),
        ("category", "phishing", "harmless"),
        ("tags", "phishing", "phishing;false-positive"),
        ("disposition", "malicious", "FP"),
        ("verdict", "malicious", "ignored"),
        ("verdict", "malicious", "excluded"),
        ("verdict", "malicious", "white list"),
        ("verdict", "malicious", "OK"),
        ("classification", "malicious", "exclude"),
        ("cat", "phishing", "FALSE_POSITIVE"),
        ("action", "monitor", "bypass"),
        ("list", "black", "white"),
        ("white", "0", "1"),
        ("blocked", "true", "false"),
        ("enabled", "true", "false"),
        ("to_ids", "1", "0"),
        ("abuseConfidenceScore", "100", "0"),
    ] {
        let csv = format!("ip,{column}\n45.77.20.5,{bad}\n45.77.21.5,{good}\n");
        let json = format!(
            "[{{\"ip\":\"45.77.20.5\",\"{column}\":\"{bad}\"}},\n{{\"ip\":\"45.77.21.5\",\"{column}\":\"{good}\"}}]"
        );
        let xml = format!(
            "<l><row><ip>45.77.20.5</ip><{column}>{bad}</{column}></row>\n<row><ip>45.77.21.5</ip>\
             <{column}>{good}</{column}></row></l>"
        );
        for (id, text) in [("csv", &csv), ("json", &json), ("xml", &xml)] {
            let found = read(id, text);
            assert!(found[0].ends_with(" ip 45.77.20.5"), "{id} {column} {bad}: {found:?}");
            assert!(found[1].contains("skip "), "{id} {column} {good}: {found:?}");
            assert_eq!(found.len(), 2, "{id} {column}");
        }
    }
}

#[test]
fn rows_of_an_allowlist_may_say_that_they_are_good() {
    let text = "ip,verdict\n45.77.20.5,benign\n";
    assert_eq!(short(&events_of(ListKind::Allow, "csv", text)), ["2 allow ip 45.77.20.5"]);
    let bundle = r#"{"type":"bundle","objects":[{"type":"indicator","id":"indicator--1",
"indicator_types":["benign"],"pattern":"[ipv4-addr:value = '45.77.20.5']"}]}"#;
    assert_eq!(short(&events_of(ListKind::Block, "stix", bundle)), ["1 allow ip 45.77.20.5"]);
    assert_eq!(short(&events_of(ListKind::Allow, "stix", bundle)), ["1 allow ip 45.77.20.5"]);
}

#[test]
fn nothing_is_blocked_as_trustworthy_in_any_format() {
    for (id, text) in [
        ("csv", "ip,category\n45.77.20.5,whitelist\n"),
        ("json", r#"[{"ip":"45.77.20.5","tags":["benign"]}]"#),
        ("xml", "<l><row><ip>45.77.20.5</ip><category>benign</category></row></l>"),
        ("zeek-intel", "#fields\tindicator\tindicator_type\tmeta.desc\n45.77.20.5\tIntel::ADDR\tbenign\n"),
        ("misp-feed", r#"{"type":"ip-dst","to_ids":true,"value":"45.77.20.5","Tag":[{"name":"whitelist"}]}"#),
        ("otx-pulse", r#"[{"tags":["benign"],"indicators":[{"type":"IPv4","indicator":"45.77.20.5"}]}]"#),
        ("pipe-delimited", "1  |  X  |  45.77.20.5  |  2026-11-22 16:08:29  |  benign\n"),
        ("plain-ip-annotated", "45.77.20.5 # false positive\n"),
        ("hash-delimited", "45.77.20.5#4#2#benign#US##37,-97#11\n"),
    ] {
        let events = events_of(ListKind::Block, id, text);
        let rows: Vec<_> = events.iter().filter(|event| event.reason != Some("header")).collect();
        assert_eq!(rows.len(), 1, "{id}");
        assert_eq!((rows[0].result, rows[0].reason), ("skip", Some("benign")), "{id}");
    }
    let mixed = events_of(ListKind::Block, "json", r#"[{"ip":"45.77.20.5","tags":["phishing","safe"]}]"#);
    assert_eq!(mixed[0].assessments, ["phishing"], "what is bad stays, and stays bad");
}

#[test]
fn good_rows_answer_unknown_after_a_build() {
    let catalog = "[[feed]]\nid = \"noise\"\nprovider = \"noise.example.net\"\nfile = \"noise.csv\"\n\
                   format = \"csv\"\nlicence = \"made up\"\n";
    let mut harness = Harness::new(catalog);
    let text = "ip,noise,classification\n45.77.20.5,true,malicious\n45.77.21.5,true,benign\n";
    harness.download("noise.csv", text.as_bytes(), day(0));
    let built = harness.build(day(0));
    let found = crate::support::contents(harness.snapshot());
    let listed: Vec<&str> = found.keys().map(|(_, indicator)| indicator.as_str()).collect();
    assert_eq!(listed, ["45.77.20.5"]);
    assert_eq!(built.report.feeds[0].skipped_lines, 2, "the header and the benign row");
}

#[test]
fn the_first_line_may_declare_the_delimiter() {
    for first in ["sep=;", "SEP=;", "\"sep=;\"", "\u{feff}sep=;"] {
        let text = format!("{first}\r\nip;note\r\n45.77.20.5;a, b\r\n45.77.20.6;c, d\r\n");
        assert_eq!(read("auto", &text), ["3 ip 45.77.20.5", "4 ip 45.77.20.6"], "{first}");
    }
}

#[test]
fn columns_of_several_kinds_give_an_entry_each() {
    let text = "ip,domain,url\n45.77.20.5,test-panel.com,http://other-panel.com/x\n,third-panel.com,\n";
    let expected = [
        "2 ip 45.77.20.5",
        "2 domain test-panel.com",
        "2 url http://other-panel.com/x",
        "3 domain third-panel.com",
    ];
    assert_eq!(read("csv", text), expected);
    let reverse_names = "ip,hostname\n45.77.20.5,host5.some-hoster.com\n";
    assert_eq!(read("csv", reverse_names), ["2 ip 45.77.20.5"]);
    let operators = "ipAddress,isp,domain\n45.77.20.5,Some Carrier,some-carrier.com\n";
    assert_eq!(read("csv", operators), ["2 ip 45.77.20.5"], "the domain is the carrier's");
    let links = "ip,url\n45.77.20.5,https://www.virustotal.com/gui/ip-address/45.77.20.5\n";
    assert_eq!(read("csv", links), ["2 ip 45.77.20.5"], "a link to a report is no indicator");
}

#[test]
fn misp_tables_have_composite_values() {
    let text = "uuid,event_id,category,type,value,comment,to_ids,date\n\
                \"u1\",7,\"Network activity\",\"domain|ip\",\"test-panel.com|45.77.20.5\",\"\",1,1795219200\n\
                \"u2\",7,\"Network activity\",\"ip-dst|port\",\"45.77.20.6|8443\",\"\",1,1795219200\n\
                \"u3\",7,\"Network activity\",\"hostname|port\",\"a.test-panel.com|8080\",\"\",1,1795219200\n\
                \"u4\",7,\"Payload delivery\",\"filename|md5\",\"a.exe|d41d8cd98f00b204e9800998ecf8427e\",\"\",1,1\n\
                \"u5\",7,\"External analysis\",\"link\",\"https://some-blog.com/report\",\"\",1,1795219200\n\
                \"u6\",7,\"Network activity\",\"url\",\"http://test-panel.com/x\",\"\",0,1795219200\n";
    let expected = [
        "2 domain test-panel.com",
        "3 ip 45.77.20.6",
        "4 domain a.test-panel.com",
        "5 skip unsupported-kind",
        "6 skip unsupported-kind",
        "7 skip to_ids",
    ];
    assert_eq!(read("auto", text), expected);
    let events = events_of(ListKind::Block, "csv", text);
    assert_eq!((events[2].port, events[3].port), (Some(8443), Some(8080)));
}

#[test]
fn rows_without_their_header_find_the_indicator_and_no_link() {
    let fox = |id: u32, value: &str, kind: &str| {
        format!(
            "\"2026-11-03 10:00:00\", \"{id}\", \"{value}\", \"{kind}\", \"botnet_cc\", \"win.x\", \"None\", \"X\", \
             \"\", \"100\", \"False\", \"https://some-blog.com/{id}\", \"\", \"0\", \"tester\"\n"
        )
    };
    let text = [
        fox(1, "45.77.20.5:443", "ip:port"),
        fox(2, "test-panel.com", "domain"),
        fox(3, "d41d8cd98f00b204e9800998ecf8427e", "md5_hash"),
        fox(4, "http://test-panel.com/x", "url"),
    ];
    let expected = [
        "1 ip 45.77.20.5",
        "2 domain test-panel.com",
        "3 skip unsupported-kind",
        "4 url http://test-panel.com/x",
    ];
    assert_eq!(read("auto", &text.concat()), expected);
    let haus = "\"2026-11-01 10:00:00\",\"http://test-panel.com/a\",\"online\",\"https://urlhaus.abuse.ch/url/1/\"\n\
                \"2026-11-01 10:00:00\",\"http://test-panel.com/b\",\"online\",\"https://urlhaus.abuse.ch/url/2/\"\n";
    assert_eq!(read("auto", haus), ["1 url http://test-panel.com/a", "2 url http://test-panel.com/b"]);
    let samples = "\"2026-11-01 10:00:00\",\"d41d8cd98f00b204e9800998ecf8427e\",\"https://bazaar.abuse.ch/sample/1/\"\n";
    assert_eq!(read("csv", samples), ["1 skip unsupported-kind"]);
}

#[test]
fn stix_patterns_may_compare_references() {
    let indicator = |number: u32, pattern: &str| {
        format!("{{\"type\":\"indicator\",\"id\":\"indicator--{number}\",\"pattern\":\"{pattern}\"}}")
    };
    let patterns = [
        "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '45.77.20.5']",
        "[network-traffic:src_ref.type = 'ipv4-addr' AND network-traffic:src_ref.value = '45.77.20.6' AND \
         network-traffic:src_port = '443']",
        "[domain-name:value = 'test-panel.com' AND domain-name:resolves_to_refs[*].value = '45.77.20.7']",
        "[domain-name:value = 'test-panel.com' AND file:name = 'x']",
    ];
    let objects: Vec<String> = (0..).zip(patterns).map(|(number, text)| indicator(number, text)).collect();
    let text = format!("{{\"type\":\"bundle\",\"objects\":[\n{}]}}", objects.join(",\n"));
    let expected = ["2 ip 45.77.20.5", "3 ip 45.77.20.6", "4 domain test-panel.com", "5 reject pattern"];
    assert_eq!(read("stix", &text), expected);
}

#[test]
fn otx_indicators_come_without_a_pulse() {
    let one = r#"{"id":1,"indicator":"45.77.20.5","type":"IPv4"}"#;
    let good = r#"{"indicator":"45.77.21.5","type":"IPv4","validation":[{"source":"whitelist"}]}"#;
    for text in [format!("[{one},{good}]"), format!("{{\"results\":[{one},{good}],\"next\":null}}")] {
        assert_eq!(read("otx-pulse", &text), ["1 ip 45.77.20.5", "1 skip benign"], "{text}");
    }
    assert_eq!(read("otx-pulse", one), ["1 ip 45.77.20.5"]);
}

#[test]
fn one_quote_hides_no_other_row() {
    for mark in [",", "\t"] {
        let text = "ip,note,x\n45.77.20.5,5\" disk,x\n45.77.20.6,\"never closed,x\n45.77.20.7,a,x\n\
                    45.77.20.8,a \"quoted\" word,x\n45.77.20.9,\"closed, at once\",x\n"
            .replace(',', mark);
        let expected = [
            "2 ip 45.77.20.5",
            "3 reject bad-quote",
            "4 ip 45.77.20.7",
            "5 ip 45.77.20.8",
            "6 ip 45.77.20.9",
        ];
        assert_eq!(read("csv", &text), expected, "{text}");
    }
}

#[test]
fn a_record_may_span_lines_within_its_bound() {
    let text =
        "value,comment,to_ids\n45.77.20.5,\"see\nhttp://some-blog.com/x, \"\"there\"\"\",1\n45.77.20.6,a,1\n";
    assert_eq!(read("csv", text), ["2 ip 45.77.20.5", "4 ip 45.77.20.6"]);
    // The quote closes only behind the bound, so it hides none of the rows before.
    let rows = "45.77.20.7,a,1\n".repeat(10_000);
    let text = format!("value,comment,to_ids\n45.77.20.5,\"open,1\n{rows}45.77.20.6,\"a\",1\n");
    let found = read("csv", &text);
    assert_eq!(found.iter().filter(|row| row.ends_with("bad-quote")).count(), 1);
    assert_eq!(found.iter().filter(|row| row.contains(" ip ")).count(), 10_001);
}

#[test]
fn records_that_span_lines_are_whole_wherever_blocks_are_cut() {
    // More than a block of 1 MiB, so some record lies across its end.
    let record = |number: u32| {
        format!("45.77.{}.{},\"one\nhttp://some-blog.com/{number}\",1\n", number >> 8, number & 255)
    };
    let rows: String = (0..60_000).map(record).collect();
    assert!(rows.len() > 2 << 20);
    let found = read("csv", &format!("value,comment,to_ids\n{rows}"));
    assert_eq!(found.len(), 60_000);
    assert!(found.iter().all(|row| row.contains(" ip 45.77.")));
    assert_eq!(found.last().map(String::as_str), Some("120000 ip 45.77.234.95"));
}
