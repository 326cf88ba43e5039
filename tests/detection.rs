//! What a file is, is decided by all of its first megabyte: no single line, comment or nested key decides.

use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::format::{self, sniff};
use rapsheet_ingest::pipeline::{EventLog, ParseConfig, Rules, parse_text};
use rapsheet_snapshot::{ListKind, Scope, Time};

/// The detected format of a text.
fn detected(text: &str) -> &'static str {
    sniff::guess(text.as_bytes()).map_or("nothing", |guess| guess.format.id)
}

/// How `auto` reads a text: `allow domain-tree x`, `skip comment`, `reject bad-ip`.
fn read(text: &str) -> Vec<String> {
    read_as("auto", text)
}

/// How a format reads a text.
pub(crate) fn read_as(id: &str, text: &str) -> Vec<String> {
    let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time");
    let rules = Rules::new(now, ListKind::Block, Scope::Exact);
    let format = format::find(id).expect("a format");
    let config = ParseConfig { format, options: &Options::default(), rules: &rules, can_be_empty: true };
    let mut log = EventLog::new(ListKind::Block);
    parse_text(&config, &mut text.as_bytes(), &mut log).expect("a list");
    let line = |event: &rapsheet_ingest::pipeline::Event| {
        let list = if event.list == Some("allow") { "allow " } else { "" };
        let what = event.indicator.as_deref().or(event.reason).unwrap_or_default();
        format!("{list}{} {what}", event.result)
    };
    log.events.iter().map(line).collect()
}

fn names(count: usize) -> String {
    (0..count).map(|number| format!("evil-{number}.com\n")).collect()
}

fn addresses(count: usize) -> String {
    (0..count).map(|number| format!("45.9.{}.{}\n", number / 250, number % 250 + 1)).collect()
}

/// Lines that open files of other formats.
const ODD_LINES: &[&str] = &[
    "||evil.com^",
    "server=/evil.com/",
    "address=/evil.com/0.0.0.0",
    "local-zone: \"evil.com\" always_nxdomain",
    "zone \"evil.com\" { type master; };",
    "evil.com CNAME .",
    "@ IN SOA localhost. root.localhost. 1 2 3 4 5",
    "payload:",
    "DOMAIN-SUFFIX,evil.com",
    "deny from 45.9.20.5",
    "add blocklist 45.9.20.5",
    "ExitNode 0011",
    "full:evil.com",
    "include:other",
    "msFilterList",
    "*://*.evil.com/*",
    "ALL: evil.com",
    "evil.com REJECT",
    "45.9.20.5:scanner",
    "[domain-name:value = 'evil.com']",
    "0.0.0.0 evil.com",
    "function FindProxyForURL(url, host) {",
    "elements = {",
    "1,evil.com",
];

#[test]
fn one_odd_line_among_thousands_decides_nothing() {
    for odd in ODD_LINES {
        for (list, expected) in [(names(10_000), "plain-domain"), (addresses(10_000), "plain-ip")] {
            for text in [format!("{odd}\n{list}"), format!("{list}{odd}\n{list}")] {
                assert_eq!(detected(&text), expected, "{odd}");
            }
        }
    }
}

#[test]
fn the_header_of_a_filter_list_needs_rules_or_names_below_it() {
    let header = "[Adblock Plus 2.0]\n";
    assert_eq!(detected(&format!("{header}{}", addresses(10_000))), "plain-ip");
    assert_eq!(detected(&format!("{header}0.0.0.0 evil.com\n0.0.0.0 evil.net\n")), "hosts");
    assert_eq!(detected(&format!("{0}{header}{0}", names(10_000))), "plain-domain");
    assert_eq!(detected(&format!("{header}{}", names(10_000))), "adblock");
    assert_eq!(detected(&format!("{header}&ad=1\n-banner-\n")), "adblock");
}

#[test]
fn comments_with_words_of_other_formats_decide_nothing() {
    for odd in
        ODD_LINES.iter().chain(&["#fields\tindicator", "{\"cidr\":\"45.9.20.0/24\"}", "see http://x.com/"])
    {
        let text = format!("# {odd}\n{}# {odd}\n", names(3));
        assert_eq!(detected(&text), "plain-domain", "{odd}");
        let text = format!("; {odd}\n{}; {odd}\n", addresses(3));
        assert_eq!(detected(&text), "plain-ip", "{odd}");
    }
    // An address of the publisher in a comment is no entry.
    assert_eq!(detected("# see http://evilpanel.com/\nlorem ipsum dolor\nsit amet\n"), "nothing");
}

#[test]
fn hashes_and_mail_addresses_before_names_decide_nothing() {
    let hashes: String = (0..6_000).map(|number| format!("d41d8cd98f00b204e980{number:012x}\n")).collect();
    let mails: String = (0..6_000).map(|number| format!("user-{number}@evilpanel.com\n")).collect();
    for unknown in [&hashes, &mails] {
        assert_eq!(detected(&format!("{unknown}{}", names(300))), "plain-domain");
        assert_eq!(detected(&format!("{unknown}{}", addresses(300))), "plain-ip");
        assert_eq!(detected(&format!("{unknown}{}{}", addresses(300), names(300))), "plain-domain");
    }
    let read = read(&format!("{hashes}evilpanel.com\n"));
    assert_eq!(read.last().map(String::as_str), Some("domain evilpanel.com"));
}

#[test]
fn a_long_banner_hides_nothing() {
    let banner = "# a licence, and the words of it\n".repeat(20_000);
    for (list, expected) in [(names(20), "plain-domain"), (addresses(20), "plain-ip")] {
        assert_eq!(detected(&format!("{banner}{list}")), expected);
    }
    assert_eq!(detected(&format!("{banner}||evil.com^\n||evil.net^\n")), "adblock");
}

#[test]
fn line_ends_and_byte_order_marks_change_nothing() {
    for (text, expected) in [
        ("0.0.0.0 evil.com\n0.0.0.0 evil.net\n", "hosts"),
        ("||evil.com^\n||evil.net^\n", "adblock"),
        ("[{\"ip\":\"45.9.20.5\"},\n{\"ip\":\"45.9.20.6\"}]\n", "json"),
        ("ALL: evil.com\nALL: 45.9.20.5\n", "hosts-deny"),
        ("evil.com @ads\nevil.net\n", "v2fly"),
    ] {
        for text in [text.to_owned(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
            assert_eq!(detected(&text), expected, "{text:?}");
            assert_eq!(detected(&format!("\u{feff}{text}")), expected, "{text:?}");
        }
    }
}

#[test]
fn json_goes_by_its_shape() {
    for (text, expected) in [
        (
            "{\"cidr\":\"45.9.20.0/24\",\"sblid\":\"SBL1\"}\n{\"cidr\":\"45.9.21.0/24\",\"sblid\":\"SBL2\"}\n{\"type\":\"metadata\",\"records\":2}\n",
            "spamhaus-drop-json",
        ),
        ("{\"type\":\"metadata\",\"records\":1}\n{\"cidr\":\"45.9.20.0/24\"}\n", "spamhaus-drop-json"),
        (
            "{\"asn\":64496,\"rir\":\"x\",\"domain\":\"x.com\",\"asname\":\"X\"}\n{\"asn\":64497,\"asname\":\"Y\"}\n",
            "spamhaus-drop-json",
        ),
        ("[{\"cidr\":\"45.9.20.0/24\"}]\n", "json"),
        ("{\"bad\":[{\"cidr\":\"45.9.20.0/24\"}]}\n", "json"),
        (
            "{\"ip\":\"45.9.20.5\",\"net\":{\"cidr\":\"45.9.20.0/24\"}}\n{\"ip\":\"45.9.20.6\",\"net\":{}}\n",
            "ndjson",
        ),
        (
            "{\"last_updated_timestamp\":\"x\",\"regions\":[{\"region\":\"r\",\"cidrs\":[{\"cidr\":\"45.9.20.0/24\"}]}]}",
            "cloud-json",
        ),
        // What a text says is no key, and what a nested object has is not at the top.
        ("[{\"ip\":\"45.9.20.5\",\"note\":\"\\\"Event\\\": \\\"to_ids\\\": \\\"ip_prefix\\\":\"}]", "json"),
        ("{\"name\":\"bad\",\"list\":[\"45.9.20.5\"]}", "json"),
        ("{\"data\":{\"list\":[\"45.9.20.5\"],\"type\":\"x\"}}", "json"),
        ("{\"name\":\"x\",\"type\":\"cidr\",\"list\":[\"45.9.20.0/24\"]}", "misp-warninglist"),
        ("{\"indicators\":[{\"ip\":\"45.9.20.5\"}]}", "json"),
        ("{\"name\":\"x\",\"type\":\"block\",\"list\":[\"45.9.20.5\"]}", "json"),
        ("[{\"ip\":\"45.9.20.5\",\"to_ids\":true}]", "json"),
        ("[{\"ip\":\"45.9.20.5\",\"Event\":\"x\"}]", "json"),
        ("[{\"ip\":\"45.9.20.5\",\"whois\":{\"ipv4Prefix\":\"45.9.20.0/24\"}}]", "json"),
        ("{\"Event\":{\"Attribute\":[{\"to_ids\":true}]}}", "misp-feed"),
        ("{\"prefixes\":[{\"ipv4Prefix\":\"45.9.20.0/24\"}]}", "cloud-json"),
    ] {
        assert_eq!(detected(text), expected, "{text}");
    }
    let text = "{\"bad\":[{\"cidr\":\"45.9.20.0/24\",\"tags\":[\"x\"]}]}\n";
    assert_eq!(read(text), ["cidr 45.9.20.0/24"]);
}

#[test]
fn xml_goes_by_its_root_element() {
    for (text, expected) in [
        (
            "<?xml version=\"1.0\"?>\n<!-- <rss> -->\n<ipset type=\"hash:ip\"><entry>45.9.20.5</entry></ipset>",
            "firewalld-ipset",
        ),
        ("<rss version=\"2.0\"><channel><item><title>45.9.20.5</title></item></channel></rss>", "rss"),
        ("<list><entry><ip>45.9.20.5</ip><note>see &lt;rss</note></entry></list>", "xml"),
    ] {
        assert_eq!(detected(text), expected, "{text}");
    }
}

#[test]
fn small_formats_are_told_apart() {
    for (text, expected) in [
        ("ALL: evil.com\nALL: 45.9.20.5\nsshd: 45.9.21.0/255.255.255.0\n", "hosts-deny"),
        ("# denied\nsshd: 45.9.20.5\nsshd: 45.9.20.6\n", "hosts-deny"),
        ("ALL : 45.9.20.\nALL : [2a06:e480::]/64\n", "hosts-deny"),
        ("evil.com @ads\nb.com\nevil.net @cn\n", "v2fly"),
        ("domain:evil.com\nfull:evil.net\nregexp:^x\n", "v2fly"),
        ("evil.com &other\nevil.net\ninclude:more\n", "v2fly"),
        ("*://*.evil.com/*\n*://*.evil.net/*\n", "ublacklist"),
        ("# list\n*://evil.com/*\n@*://good.evil.com/*\n/evil/\n", "ublacklist"),
        ("45.9.20.5:scanner\n\"2a06:e480::5\":x\n45.9.21.:\nevil.com:phish\n", "wazuh-cdb"),
        ("45.9.20.5:\n45.9.20.6:\n", "wazuh-cdb"),
        ("45.9.20.0/24 :127.0.0.2:x\n45.9.21.5 :127.0.0.2:y\n", "rbldnsd-ip4"),
        (".evil.com :127.0.0.2:x\nevil.net :127.0.0.2:y\n", "rbldnsd-dnset"),
        ("45.9.20.5:8080\n45.9.20.6:3128\n", "plain-ip"),
        ("45.9.20.5 reject\n45.9.21.0/24 permit\n", "postfix-access"),
        ("evil.com REJECT spam\nevil.net 550 no\n.evil.org OK\n", "postfix-access"),
        ("id,source,ip,reason,action,country\n1,cscli,Ip:45.9.20.5,x,ban,NL\n", "crowdsec"),
        ("scope,value\nrange,45.9.21.0/24\nip,45.9.20.5\n", "crowdsec"),
        ("duration,reason,scope,value\n4h,x,Ip,45.9.20.5\n", "crowdsec"),
        ("45.9.20.5\t10\n45.9.20.6\t4\n", "plain-ip-annotated"),
        ("evil.com:8443/gate\nevil.net:8080/gate\n", "url-list"),
        ("45.9.20.5:443 # seen\n45.9.20.6:8443 # seen\n", "plain-ip-annotated"),
        ("IP: 45.9.20[.]5\nDomain: evil[.]com\nURL: hxxp://evil[.]com/a\n", "freetext"),
        ("10.1.1.1 evil.com\n10.1.1.1 evil.net\n10.1.1.1 evil.org\n", "hosts"),
        ("http://evil.com/a\nevil.net\n45.9.20.5\nd41d8cd98f00b204e9800998ecf8427e\n", "plain-domain"),
    ] {
        assert_eq!(detected(text), expected, "{text}");
    }
}

#[test]
fn v2fly_names_are_trees_without_being_named() {
    let text = "# birds\nevil-bird.com @ads\nb.com\nevil-img.com @!cn # why\nfull:a.evil-img.net:@ads\n";
    let expected = [
        "skip comment",
        "domain-tree evil-bird.com",
        "domain-tree b.com",
        "domain-tree evil-img.com",
        "domain a.evil-img.net",
    ];
    assert_eq!(read(text), expected);
}

/// The evidence says how many lines were looked at and where they are.
#[test]
fn the_evidence_is_a_share_of_lines() {
    let guess = sniff::guess(format!("full:evil.com\n{}", names(9_999)).as_bytes()).expect("a list");
    assert!(
        guess.why.contains("lines of data, from all over the first megabyte, are names"),
        "{}",
        guess.why
    );
}
