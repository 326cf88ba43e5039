//! Every kind: detection, masking, annotation.

use super::*;

fn annotation() -> Annotation<'static> {
    Annotation {
        status: Some(1),
        detected_by: 2,
        assessments: vec!["botnet", "high risk"],
        indicators: vec!["45.9.20.5"],
        providers: vec!["a.example", "b.example"],
    }
}

fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().copied().find(|kind| kind.name == name)
}

fn log(kind: &str, head: &str) -> Log {
    Log::of(find(kind).expect("a kind"), head.as_bytes())
}

fn annotated(kind: &str, block: &str) -> String {
    let (log, mut out) = (log(kind, block), Vec::new());
    log.each_record(block.as_bytes(), 0..block.len(), |start, end| {
        let annotation = if block[start..end].contains('5') { annotation() } else { Annotation::default() };
        log.annotate(&block.as_bytes()[start..end], &annotation, &mut out);
    });
    String::from_utf8(out).expect("text")
}

#[test]
fn annotates_every_kind() {
    let words = " rapsheet_status=1 rapsheet_detected_by=2 rapsheet_assessments=botnet,high_risk rapsheet_indicators=45.9.20.5 rapsheet_providers=a.example,b.example";
    let cells = "1 2 botnet,high_risk 45.9.20.5 a.example,b.example";
    let heads = ANNOTATION_NAMES.join(" ");
    let cases: &[(&str, &str, String)] = &[
        ("text", "a 5\r\nb\n", format!("a 5{words}\r\nb\n")),
        ("syslog", "a 5\nb", format!("a 5{words}\nb")),
        (
            "jsonl",
            "{\"a\":5} \n{}\n[1]\n",
            "{\"a\":5,\"rapsheet\":{\"status\":1,\"detected_by\":2,\"assessments\":[\"botnet\",\"high risk\"],\"indicators\":[\"45.9.20.5\"],\"providers\":[\"a.example\",\"b.example\"]}} \n{\"rapsheet\":{\"status\":null,\"detected_by\":0,\"assessments\":[],\"indicators\":[],\"providers\":[]}}\n[1]\n".to_owned(),
        ),
        (
            "csv",
            "ip,note\r\n\"5\",\"two\nlines\"\r\nx\r\n\r\nip,note\r\n",
            "ip,note,rapsheet_status,rapsheet_detected_by,rapsheet_assessments,rapsheet_indicators,rapsheet_providers\r\n\"5\",\"two\nlines\",1,2,botnet high_risk,45.9.20.5,a.example b.example\r\nx,,,0,,,\r\n\r\nip,note,rapsheet_status,rapsheet_detected_by,rapsheet_assessments,rapsheet_indicators,rapsheet_providers\r\n".to_owned(),
        ),
        (
            "zeek",
            "#separator \\x09\n#fields\tip\n#types\taddr\n5\nx\n#close\n",
            "#separator \\x09\n#fields\tip\trapsheet_status\trapsheet_detected_by\trapsheet_assessments\trapsheet_indicators\trapsheet_providers\n#types\taddr\tcount\tcount\tset[string]\tset[string]\tset[string]\n5\t1\t2\tbotnet,high_risk\t45.9.20.5\ta.example,b.example\nx\t-\t0\t-\t-\t-\n#close\n".to_owned(),
        ),
        (
            "vpcflow",
            "srcaddr dstaddr\n5 -\n1 -\nsrcaddr dstaddr\n",
            format!("srcaddr dstaddr {heads}\n5 - {cells}\n1 - - 0 - - -\nsrcaddr dstaddr {heads}\n"),
        ),
        ("alb", "h2 5\nh2 1\n", format!("h2 5 {cells}\nh2 1 - 0 - - -\n")),
    ];
    for (kind, block, expected) in cases {
        assert_eq!(annotated(kind, block), *expected, "{kind}");
    }
}

const COMBINED: &str = "45.9.20.5 - bob [17/May/2015:10:05:03 +0000] \"GET /a\\\"b?u=x HTTP/1.1\" 200 5 \"http://ref.example/\" \"agent \\\"x\\\"\" \"10.0.0.1, 10.0.0.2\"";
const VPC: &str =
    "2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK";
const ALB: &str = "https 2018-07-02T22:23:00.186641Z app/lb/50 2001:db8::5:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 \"GET https://www.example.com:443/ HTTP/1.1\" \"curl \\\"7\\\"\" ECDHE TLSv1.2 arn:aws:x \"Root=1-5\" \"www.example.com\" \"arn:aws:y\" 1 2018-07-02T22:22:48.364000Z \"authenticate,forward\" \"-\" \"-\" \"10.0.0.1:80 2001:db8::6:80\" \"200\" \"-\" \"-\" TID_1";
const SQUID: &str = "1521911720.865     87 10.0.0.1 TCP_TUNNEL/200 1234 CONNECT www.example.com:443 - HIER_DIRECT/192.0.2.7 -";
const BIND: &str = "23-Nov-2026 10:05:03.123 queries: info: client @0x7f 192.0.2.9#53211 (www.example.com): view in: query: www.example.com IN A +E(0)K (198.51.100.1)";
const BIND_OLD: &str = "client 192.0.2.9#53211: query: www.example.com IN A +";
const HAPROXY: &str = "Nov 27 10:00:00 lb haproxy[7]: 2001:db8::5:443 [27/Nov/2026:10:00:00.698] https~ app/web1 0/0/1/7/8 200 16 - - ---- 3/1/0/0/0 0/0 {x} \"GET /a HTTP/1.1\"";
const WINDOWS_DNS: &str = "11/27/2026 10:00:00 AM 0E4C PACKET  000000D5 UDP Rcv 192.0.2.9    1a2b   Q [0001   D   NOERROR] A      (3)www(7)example(3)com(0)";
const SYSLOG: &str = "<34>Oct  1 22:14:15 host su[12]: failed for x";
const SYSLOG_5424: &str = "<165>1 2026-10-11T22:14:15.003Z host app 77 ID47 [a@1 b=\"x]\\\"y\"][c] a message";

/// The beginning of a log, and its kind.
const BEGINNINGS: &[(&str, &str)] = &[
    ("#separator \\x09\n", "zeek"),
    ("{\"a\":1}\n{\"a\":2}\n", "jsonl"),
    ("{ \"a\": 1}\n", "jsonl"),
    ("{}\n", "jsonl"),
    ("{\n \"a\":1\n}\n", "text"),
    (" {\"Records\" : [ {", "cloudtrail"),
    ("{\"Records\":5}\n", "jsonl"),
    ("time,src_ip,dst\n1,2,3\n", "csv"),
    ("time\tsrc_ip\n1\t2\n", "tsv"),
    (COMBINED, "combined"),
    ("www.example.com:80 ::1 - - [17/May/2015:10:05:03 +0000] \"-\" 408 -", "combined"),
    (VPC, "vpcflow"),
    ("2 unknown eni-1 - - - - - - - 1431280876 1431280934 - NODATA", "vpcflow"),
    ("version vpc-id srcaddr pkt-dstaddr\n", "vpcflow"),
    (ALB, "alb"),
    (SQUID, "squid"),
    (BIND, "bind"),
    (BIND_OLD, "bind"),
    ("Nov 23 10:05:03 ns1 named[7]: client 192.0.2.9#5 (x.org): query: x.org IN A +", "bind"),
    (SYSLOG, "syslog"),
    (SYSLOG_5424, "syslog"),
    ("2026-10-11T22:14:15.003+01:00 host app[5]: x", "syslog"),
    ("#Software: x\n#Fields: date time c-ip\n", "w3c"),
    ("# a comment\nx\n", "text"),
    ("[1795773600] unbound[1:0] info: 192.0.2.9 www.example.com. A IN", "unbound"),
    ("[1795773600] unbound[1:0] info: start of service (unbound 1.19.0).", "text"),
    ("Nov 23 10:05:03 dnsmasq[7]: forwarded www.example.com to 192.0.2.9", "dnsmasq"),
    ("Nov 23 10:05:03 host dnsmasq-dhcp[7]: DHCPACK(br0) 192.0.2.9 aa:bb", "syslog"),
    (
        "11/27/2026-10:00:00.1  [**] [1:2:3] a [**] [Priority: 1] {UDP} 192.0.2.9:5 -> 192.0.2.10:53",
        "suricata",
    ),
    (HAPROXY, "haproxy"),
    ("%ASA-6-302013: Built outbound TCP connection 3 for outside:192.0.2.9/22 (192.0.2.9/22)", "asa"),
    ("Nov 27 10:00:00 r1 77: *Nov 27 09:00:00.1: %SEC_LOGIN-5-X: a", "asa"),
    ("Nov 27 10:00:00 host app: 100%: done", "syslog"),
    (
        "Nov 27 10:00:00 fw 1,2026/11/27 10:00:00,01,TRAFFIC,end,1,2026/11/27 10:00:00,192.0.2.9,192.0.2.10,",
        "paloalto",
    ),
    ("CEF:0|v|p|1|2|n|5|src=192.0.2.9", "cef"),
    ("<34>Nov 27 10:00:00 host LEEF:1.0|v|p|1|2|src=192.0.2.9\tdst=192.0.2.10", "leef"),
    ("date=2026-11-27 time=10:00:00 srcip=192.0.2.9", "keyvalue"),
    ("Nov 27 10:00:00 fw1 date=2026-11-27 time=10:00:00 srcip=192.0.2.9", "keyvalue"),
    ("Nov 27 10:00:00 host kernel: IN=eth0 OUT= SRC=192.0.2.9 DST=192.0.2.10", "syslog"),
    ("a=b c=d and some words", "text"),
    (WINDOWS_DNS, "windows-dns"),
    ("Nov 27 10:00:00 mx postfix/smtpd[7]: connect from unknown[192.0.2.9]", "syslog"),
    ("2026/11/27 10:00:00 [error] 1#1: *5 open() failed, client: 192.0.2.9", "text"),
    ("[Sun Dec 04 04:47:44 2005] [notice] x", "text"),
    ("45.9.20.5 - - [x] \"GET\"\n", "text"),
    ("Nov 23 host a, b, c\n", "text"),
    ("", "text"),
];

#[test]
fn detects_kinds_by_their_beginnings() {
    for (head, expected) in BEGINNINGS {
        let detected = DETECTION_ORDER
            .iter()
            .find(|kind| (kind.detect)(head.as_bytes()))
            .map_or("text", |kind| kind.name);
        assert_eq!(detected, *expected, "{head}");
    }
    for kind in KINDS {
        assert_eq!(find(kind.name).map(|kind| kind.name), Some(kind.name));
        assert!(
            kind.name == "auto"
                || kind.is_text()
                || DETECTION_ORDER.iter().any(|detected| detected.name == kind.name)
        );
    }
}

/// A kind, one of its lines, and the values of some fields.
type FieldCase = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const FIELD_CASES: &[FieldCase] = &[
    (
        "combined",
        COMBINED,
        &[
            ("client", "45.9.20.5"),
            ("user", "bob"),
            ("time", "17/May/2015:10:05:03 +0000"),
            ("request", "GET /a\\\"b?u=x HTTP/1.1"),
            ("url", "/a\\\"b?u=x"),
            ("bytes", "5"),
            ("referer", "http://ref.example/"),
            ("user_agent", "agent \\\"x\\\""),
            ("forwarded_for", "10.0.0.1, 10.0.0.2"),
        ],
    ),
    (
        "alb",
        ALB,
        &[
            ("client:port", "2001:db8::5:2817"),
            ("client", "2001:db8::5"),
            ("target", "10.0.0.1"),
            ("url", "https://www.example.com:443/"),
            ("user_agent", "curl \\\"7\\\""),
            ("domain_name", "www.example.com"),
            ("actions_executed", "authenticate,forward"),
            ("conn_trace_id", "TID_1"),
        ],
    ),
    ("vpcflow", VPC, &[("srcaddr", "172.31.16.139"), ("start", "1418530010"), ("log-status", "OK")]),
    (
        "squid",
        SQUID,
        &[
            ("client", "10.0.0.1"),
            ("url", "www.example.com:443"),
            ("peer", "192.0.2.7"),
            ("hierarchy", "HIER_DIRECT/192.0.2.7"),
            ("type", "-"),
        ],
    ),
    (
        "bind",
        BIND,
        &[("client", "192.0.2.9"), ("query", "www.example.com"), ("type", "A"), ("server", "198.51.100.1")],
    ),
    ("bind", BIND_OLD, &[("client", "192.0.2.9"), ("query", "www.example.com"), ("flags", "+")]),
    (
        "haproxy",
        HAPROXY,
        &[
            ("client", "2001:db8::5"),
            ("client_port", "443"),
            ("time", "27/Nov/2026:10:00:00.698"),
            ("frontend", "https~"),
            ("backend", "app"),
            ("server", "web1"),
            ("status", "200"),
            ("bytes", "16"),
            ("url", "/a"),
        ],
    ),
    (
        "asa",
        "Nov 27 10:00:00 fw : %ASA-4-106023: Deny udp src v1:outside:192.0.2.9/5 dst v2:inside:2001:db8::5/53 by x",
        &[
            ("facility", "ASA"),
            ("severity", "4"),
            ("id", "106023"),
            ("src", "192.0.2.9"),
            ("dst", "2001:db8::5"),
        ],
    ),
    (
        "suricata",
        "11/27/2026-10:00:00.1  [**] [1:2:3] a b [**] [Classification: c d] [Priority: 2] {UDP} 192.0.2.9:5 -> 192.0.2.10:53",
        &[
            ("id", "1:2:3"),
            ("signature", "a b"),
            ("classification", "c d"),
            ("priority", "2"),
            ("protocol", "UDP"),
            ("src_ip", "192.0.2.9"),
            ("dst", "192.0.2.10:53"),
            ("dst_port", "53"),
        ],
    ),
    (
        "windows-dns",
        WINDOWS_DNS,
        &[
            ("thread", "0E4C"),
            ("client", "192.0.2.9"),
            ("flags", "0001   D   NOERROR"),
            ("rcode", "NOERROR"),
            ("type", "A"),
            ("query", "(3)www(7)example(3)com(0)"),
        ],
    ),
    (
        "dnsmasq",
        "Nov 27 10:00:00 dnsmasq[7]: 17 192.0.2.9/5 query[AAAA] www.example.com from 192.0.2.9",
        &[("action", "query"), ("type", "AAAA"), ("query", "www.example.com"), ("client", "192.0.2.9")],
    ),
    (
        "unbound",
        "Nov 27 10:00:00 ns1 unbound: [7:0] reply: 192.0.2.9 www.example.com. A IN NXDOMAIN 0.1 1 99",
        &[("client", "192.0.2.9"), ("query", "www.example.com."), ("class", "IN"), ("rcode", "NXDOMAIN")],
    ),
    (
        "syslog",
        SYSLOG,
        &[
            ("time", "Oct  1 22:14:15"),
            ("host", "host"),
            ("app", "su"),
            ("pid", "12"),
            ("message", " failed for x"),
        ],
    ),
    (
        "syslog",
        SYSLOG_5424,
        &[
            ("time", "2026-10-11T22:14:15.003Z"),
            ("app", "app"),
            ("msgid", "ID47"),
            ("structured_data", "[a@1 b=\"x]\\\"y\"][c]"),
            ("message", " a message"),
        ],
    ),
];

#[test]
fn finds_fields() {
    for (kind, line, fields) in FIELD_CASES {
        let log = log(kind, line);
        for (name, expected) in *fields {
            let field = log.0.field(line.as_bytes(), name);
            assert_eq!(
                field.map(|cell| String::from_utf8_lossy(&cell).into_owned()).as_deref(),
                Some(*expected),
                "{kind} {name}"
            );
            let has = |names: Vec<String>| names.iter().any(|other| other == name);
            assert!(log.field_names().is_none_or(has), "{kind} {name}");
            let (mut out, at) = (Vec::new(), line.find(expected).expect("it is there"));
            assert!(log.mask(line.as_bytes(), &[(*name).to_owned()], &mut out));
            assert_eq!((out.len(), out.trim_ascii().is_empty()), (line.len(), false), "{kind} {name} {at}");
        }
        assert!(log.field_names().is_some_and(|names| !names.is_empty()), "{kind}");
    }
}

/// Keys differ from record to record, so no key is an error.
#[test]
fn finds_keys() {
    for (kind, line, fields) in [
        (
            "cef",
            "CEF:0|a \\| b|p|1|2|n|5|src=192.0.2.9 msg=a \\= b and c cs1Label=x cs1=",
            &[
                ("device_vendor", "a \\| b"),
                ("severity", "5"),
                ("src", "192.0.2.9"),
                ("msg", "a \\= b and c"),
                ("cs1", ""),
            ][..],
        ),
        (
            "leef",
            "LEEF:1.0|v|p|1|7|src=192.0.2.9\tmsg=a b",
            &[("event_id", "7"), ("src", "192.0.2.9"), ("msg", "a b")],
        ),
        ("leef", "LEEF:2.0|v|p|1|7|x5E|src=192.0.2.9^msg=a b", &[("src", "192.0.2.9"), ("msg", "a b")]),
        ("leef", "LEEF:2.0|v|p|1|7||src=192.0.2.9\tmsg=a b", &[("src", "192.0.2.9"), ("msg", "a b")]),
        (
            "keyvalue",
            "<34>a=1 b=\"two \\\" words\" c= d=\"open e=5",
            &[("a", "1"), ("b", "two \\\" words"), ("c", ""), ("d", "\"open"), ("e", "5")],
        ),
        (
            "keyvalue",
            "a=1,b=\"two, words\",c=,d=x y",
            &[("a", "1"), ("b", "two, words"), ("c", ""), ("d", "x y")],
        ),
        ("keyvalue", "a=1,5 b=2", &[("a", "1,5"), ("b", "2")]),
    ] {
        for (name, expected) in fields {
            let cell = log(kind, line).0.field(line.as_bytes(), name);
            let cell = cell.map(|cell| String::from_utf8_lossy(&cell).into_owned());
            assert_eq!(cell.as_deref(), Some(*expected), "{kind} {name}");
        }
    }
}

#[test]
fn masks_all_but_the_selected_fields_in_place() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("csv", "b", "a,b\n1,\"2,\n3\"\n4,5,6\n", "   \n  \"2,\n3\"\n  5  \n"),
        ("tsv", "a", "a\tb\n1\t\"2\n", " \t \n1   \n"),
        (
            "jsonl",
            "x.ip",
            "{\"x\":{\"ip\":\"1\"},\"ip\":2}\n{\"x.ip\":[3,4]}\n",
            "           \"1\"         \n        [3,4] \n",
        ),
        (
            "jsonl",
            "a",
            "{\"a\":\"1\\\"2\",\"b\":{\"a\":3}}\nno json\n",
            "     \"1\\\"2\"             \n       \n",
        ),
        (
            "cloudtrail",
            "a",
            "{\"Records\":[{\"a\":1}\n {\"a\":2}\n{\"b\":3}]\n",
            "                 1 \n      2 \n        \n",
        ),
        ("vpcflow", "dstaddr", "srcaddr dstaddr\n1 2\n1\n", "               \n  2\n \n"),
        ("squid", "client", "no such line\n", "            \n"),
    ];
    for (kind, field, block, expected) in cases {
        let mut out = Vec::new();
        assert!(log(kind, block).mask(block.as_bytes(), &[(*field).to_owned()], &mut out));
        let expected = expected.replace('\t', " ");
        assert_eq!(String::from_utf8_lossy(&out).replace('\t', " "), expected, "{kind} {block}");
    }
}

#[test]
fn blanks_the_colon_between_an_address_and_its_port() {
    let (log, mut out) = (log("alb", ALB), Vec::new());
    assert!(log.mask(ALB.as_bytes(), &[], &mut out));
    let text =
        ALB.replace("2001:db8::5:2817", "2001:db8::5 2817").replace("2001:db8::6:80", "2001:db8::6 80");
    assert_eq!(String::from_utf8_lossy(&out), text);
    let v4 = ALB.replace("2001:db8::5", "192.0.2.5").replace("2001:db8::6", "192.0.2.6");
    assert!(!log.mask(v4.as_bytes(), &[], &mut out), "nothing is copied where nothing is blanked");
    let log = super::tests::log("windows-dns", WINDOWS_DNS);
    assert!(log.mask(WINDOWS_DNS.as_bytes(), &[], &mut out));
    let text = WINDOWS_DNS.replace("(3)www(7)example(3)com(0)", "   www.example.com       ");
    assert_eq!(String::from_utf8_lossy(&out), text);
    assert!(log.mask(WINDOWS_DNS.as_bytes(), &["client".to_owned()], &mut out));
    assert_eq!(String::from_utf8_lossy(&out).trim(), "192.0.2.9");
}

/// The reshaped bytes of a source that returns `step` bytes at a time.
fn reshaped(kind: &str, text: &[u8], step: usize) -> Vec<u8> {
    struct Dribble(std::io::Cursor<Vec<u8>>, usize);
    impl Read for Dribble {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let most = out.len().min(self.1);
            self.0.read(&mut out[..most])
        }
    }
    let source = Dribble(std::io::Cursor::new(text.to_vec()), step);
    let mut out = Vec::new();
    find(kind).expect("a kind").reshaped(Box::new(source)).read_to_end(&mut out).expect("memory is read");
    out
}

proptest::proptest! {
    #[test]
    fn masking_and_annotation_keep_all_bytes_of_any_text(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "\"", "\\", "{", "}", "[", "]", ",", ":", "\n", "\r\n", " ", "\t", "-", "#", "a", "5", "\u{e9}", "client ", ": query: ", "#fields",
            "<34>", "Nov 23 10:05:03 ", "[17/May/2015:10:05:03 +0000] ", "\"GET / x\" ", "200 ", "{\"a\":1}", "{\"Records\":[", "http ", "2 ",
            "1521911720.865 ", "x/1 ",
        ]), 0..60),
        begins in proptest::sample::select(vec!["", "{\"Records\":[", "#fields\ta\tb\n", "a,b\n", "a srcaddr\n"]),
        step in 1usize..20,
    ) {
        let text = [begins, &words.concat()].concat();
        for kind in KINDS {
            let block = reshaped(kind.name, text.as_bytes(), step);
            proptest::prop_assert_eq!(block.len(), text.len());
            let log = Log::of(kind, &block);
            for fields in [vec![], vec!["a".to_owned(), "client".to_owned(), "message".to_owned()]] {
                let mut out = Vec::new();
                if log.mask(&block, &fields, &mut out) {
                    proptest::prop_assert_eq!(out.len(), block.len(), "{}", kind.name);
                    let moved = out.iter().zip(&block).find(|(out, byte)| *out != *byte && **out != b' ');
                    proptest::prop_assert_eq!(moved, None, "{}", kind.name);
                }
            }
            let (mut lengths, mut out) = (0, Vec::new());
            log.each_record(&block, 0..block.len(), |start, end| {
                let before = out.len();
                log.annotate(&block[start..end], &Annotation::default(), &mut out);
                lengths += usize::from(out.len() - before >= end - start);
            });
            let mut records = 0;
            log.each_record(&block, 0..block.len(), |_, _| records += 1);
            proptest::prop_assert_eq!(lengths, records);
            let left = String::from_utf8(out).expect("text").replace(EMPTY_ANNOTATION, "").replace(&EMPTY_ANNOTATION[1..], "");
            if ["text", "syslog", "bind", "squid", "combined", "jsonl", "cloudtrail"].contains(&kind.name) {
                proptest::prop_assert_eq!(&left, &text, "{}", kind.name);
            }
        }
    }
}

/// The annotation of an object without indicators.
const EMPTY_ANNOTATION: &str =
    ",\"rapsheet\":{\"status\":null,\"detected_by\":0,\"assessments\":[],\"indicators\":[],\"providers\":[]}";
