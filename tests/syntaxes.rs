//! A list that is published in many syntaxes yields the same indicators in each.

use crate::support::{corpus, day};
use rapsheet_ingest::decode::{self, Limits};
use rapsheet_ingest::format;
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::pipeline::{
    Details, Key, ParseConfig, Position, Rules, Sink, Skip, Warnings, parse_download,
};
use rapsheet_snapshot::{ListKind, ParseError, Scope};
use std::collections::BTreeSet;
use std::path::Path;

/// The entries of a file, without the scope of names.
#[derive(Default)]
struct Listed {
    names: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

impl Sink for Listed {
    fn entry(&mut self, _: Position, key: Key<'_>, _: &Details, _: Warnings) {
        match key {
            Key::Name(name, _) => self.names.insert(String::from_utf8_lossy(name).into_owned()),
            Key::Range(range) => self.addresses.insert(range.to_string()),
            Key::Url(_) => false,
        };
    }

    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

fn read(path: &Path, id: &str) -> Listed {
    let (rules, options) = (Rules::new(day(0), ListKind::Block, Scope::Exact), Options::default());
    let format = format::find(id).expect("a format");
    let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: false };
    let mut listed = Listed::default();
    let mut text = decode::open_path(path, Limits::default()).expect("a file");
    parse_download(&config, &mut text, &mut listed).counters.expect("a list");
    listed
}

/// One list of hosts that serve malware, in every syntax of its publisher.
const SYNTAXES: &[(&str, &str)] = &[
    ("hosts/urlhaus-filter.urlhaus-filter-hosts-online.txt", "hosts"),
    ("compressed/urlhaus-filter.urlhaus-filter-hosts-online.txt.gz", "hosts"),
    ("compressed/urlhaus-filter.urlhaus-filter-hosts-online.txt.zst", "hosts"),
    ("dnsmasq/urlhaus-filter.urlhaus-filter-dnsmasq-online.conf", "dnsmasq"),
    ("unbound/urlhaus-filter.urlhaus-filter-unbound-online.conf", "unbound"),
    ("rpz/urlhaus-filter.urlhaus-filter-rpz-online.conf", "rpz"),
    ("compressed/urlhaus-filter.urlhaus-filter-rpz-online.conf.gz", "rpz"),
    ("compressed/urlhaus-filter.urlhaus-filter-rpz-online.conf.zst", "rpz"),
    ("bind-zones/urlhaus-filter.urlhaus-filter-bind-online.conf", "bind-zones"),
    ("adblock/urlhaus-filter.urlhaus-filter-agh-online.txt", "adblock"),
    ("domain-wildcard/urlhaus-filter.urlhaus-filter-wildcard-online.txt", "domain-wildcard"),
    ("plain-domain/urlhaus-filter.urlhaus-filter-domains-online.txt", "plain-domain"),
    ("compressed/urlhaus-filter.urlhaus-filter-domains-online.txt.gz", "plain-domain"),
    ("compressed/urlhaus-filter.urlhaus-filter-domains-online.txt.zst", "plain-domain"),
    ("plain-domain/urlhaus-filter.urlhaus-filter-dnscrypt-blocked-names-online.txt", "plain-domain"),
];

#[test]
fn reads_one_list_alike_in_many_syntaxes() {
    let Some(corpus) = corpus("reads_one_list_alike_in_many_syntaxes") else { return };
    let feeds = corpus.join("feeds");
    let plain =
        read(&feeds.join("plain-domain/urlhaus-filter.urlhaus-filter-domains-online.txt"), "plain-domain");
    assert!(plain.names.len() > 600 && plain.addresses.len() > 2000);
    for (file, id) in SYNTAXES {
        let other = read(&feeds.join(file), id);
        let difference = plain.names.symmetric_difference(&other.names).next();
        assert!(difference.is_none(), "{file}: {difference:?}");
        let addresses = other.addresses.is_empty() || other.addresses == plain.addresses;
        assert!(addresses, "{file}: {} addresses of {}", other.addresses.len(), plain.addresses.len());
    }
    let addresses = read(
        &feeds.join("plain-ip/urlhaus-filter.urlhaus-filter-dnscrypt-blocked-ips-online.txt"),
        "plain-ip",
    );
    assert_eq!(addresses.addresses, plain.addresses);
    let rules = read(&feeds.join("url-list/urlhaus-filter.urlhaus-filter-online.tpl"), "ie-tpl");
    assert!(plain.names.is_subset(&rules.names), "the protection list contains every name");
    for (exact, tree) in [
        ("plain-domain/blp.crypto-nl.txt", "dnsmasq/blp.crypto-dnsmasq.txt"),
        ("plain-domain/blp.crypto-nl.txt", "adblock/blp.crypto-ags.txt"),
        ("plain-domain/blp.ransomware-nl.txt", "dnsmasq/blp.ransomware-dnsmasq.txt"),
    ] {
        let of = |file: &str| read(&feeds.join(file), file.split('/').next().unwrap_or_default()).names;
        let (exact, other) = (of(exact), of(tree));
        let difference = exact.symmetric_difference(&other).take(3).collect::<Vec<_>>();
        assert!(difference.is_empty(), "{tree}: {difference:?}");
    }
}

/// The same two names in every syntax; needs no corpus.
#[test]
fn reads_two_names_alike_in_every_syntax() {
    let lists = [
        ("plain-domain", "evilpanel.com\nevilpanel.net\n"),
        ("hosts", "0.0.0.0 evilpanel.com\n127.0.0.1\tevilpanel.net # x\n"),
        ("dnsmasq", "address=/evilpanel.com/#\nserver=/evilpanel.net/\n"),
        ("unbound", "local-zone: \"evilpanel.com\" always_nxdomain\nlocal-zone: 'evilpanel.net.' static\n"),
        ("rpz", "$TTL 30\n@ SOA a. b. (1 2 3 4 5)\nevilpanel.com CNAME .\nevilpanel.net 300 IN A 10.0.0.1\n"),
        (
            "bind-zones",
            "zone \"evilpanel.com\" { type master; };\nzone \"evilpanel.net\" {\n type primary;\n};\n",
        ),
        ("adblock", "[Adblock Plus]\n||evilpanel.com^\n||evilpanel.net^$important\n"),
        ("adblock-base64-autoproxy", "W0F1dG9Qcm94eV0KfHxldmlscGFuZWwuY29tCnx8ZXZpbHBhbmVsLm5ldAo=\n"),
        ("domain-wildcard", "*.evilpanel.com\n.evilpanel.net\n"),
        ("rbldnsd-dnset", ".evilpanel.com :127.0.0.2:x\nevilpanel.net\n"),
        ("squidguard", "evilpanel.com\n.evilpanel.net\n"),
        ("regex-list", "(^|\\.)evilpanel\\.com$\n(^|\\.)evilpanel\\.net$\n"),
        ("ie-tpl", "msFilterList\n-d evilpanel.com\n-d evilpanel.net\n"),
        ("clash", "payload:\n  - '+.evilpanel.com'\n  - DOMAIN-SUFFIX,evilpanel.net\n"),
        ("v2fly", "evilpanel.com\nfull:evilpanel.net\n"),
        ("ublacklist", "*://*.evilpanel.com/*\n*://evilpanel.net/*\n"),
        ("hosts-deny", "ALL: evilpanel.com\nsshd: .evilpanel.net\n"),
        ("postfix-access", "evilpanel.com REJECT\n.evilpanel.net 550 no\n"),
        ("wazuh-cdb", "evilpanel.com:phishing\nevilpanel.net:\n"),
        ("pac", "var a = [\n\"evilpanel.com\", \"evilpanel.net\"\n];\n"),
        ("csv", "domain,seen\nevilpanel.com,2026-01-01\nevilpanel.net,2026-01-01\n"),
        ("json", "[{\"domain\":\"evilpanel.com\"},{\"domain\":\"evilpanel.net\"}]\n"),
        ("ndjson", "{\"domain\":\"evilpanel.com\"}\n{\"domain\":\"evilpanel.net\"}\n"),
        ("stix", "[domain-name:value = 'evilpanel.com']\n[domain-name:value = 'evilpanel.net']\n"),
        (
            "zeek-intel",
            "#fields\tindicator\tindicator_type\nevilpanel.com\tIntel::DOMAIN\nevilpanel.net\tIntel::DOMAIN\n",
        ),
        ("suricata-dataset", "ZXZpbHBhbmVsLmNvbQ==\nZXZpbHBhbmVsLm5ldA==\n"),
        ("lsrules", "{\"denied-remote-domains\":[\"evilpanel.com\",\"evilpanel.net\"]}\n"),
        ("freetext", "evilpanel[.]com and evilpanel[.]net were seen\n"),
        ("auto", "evilpanel.com\nevilpanel.net\n"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    for (id, text) in lists {
        let path = folder.path().join(id);
        std::fs::write(&path, text).expect("written");
        let names: Vec<String> = read(&path, id).names.into_iter().collect();
        assert_eq!(names, ["evilpanel.com", "evilpanel.net"], "{id}");
    }
}
