//! What lists of rules say is kept: a rule that says *not bad* does not block, and nothing that is stored
//! reaches further than what was written.

use crate::support::{Harness, day};
use crate::test_dir::TestDir;
use rapsheet_ingest::format;
use rapsheet_ingest::format::options::Options;
use rapsheet_ingest::pipeline::{EventLog, ParseConfig, Rules, parse_text};
use rapsheet_query::Searcher;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{ListKind, Scope, Status};

/// What a text gives in a format: a short line for each event.
fn parse_as(list: ListKind, id: &str, text: &str) -> Vec<String> {
    let rules = Rules::new(day(0), list, Scope::Exact);
    let config = ParseConfig {
        format: format::find(id).expect("a format"),
        options: &Options::default(),
        rules: &rules,
        can_be_empty: true,
    };
    let mut log = EventLog::new(list);
    let read = parse_text(&config, &mut text.as_bytes(), &mut log);
    // A text without a single entry is refused as a file; what its lines gave is there all the same.
    assert!(read.is_ok() || !log.events.is_empty(), "{read:?}");
    let line = |event: rapsheet_ingest::pipeline::Event| {
        let what = event.indicator.as_deref().or(event.reason).unwrap_or_default();
        let inverted = event.list.is_some_and(|word| word != list.word());
        let mark = if inverted { "not " } else { "" };
        format!("{mark}{} {what}", event.result)
    };
    log.events.into_iter().map(line).collect()
}

/// What a block list gives.
fn parse(id: &str, text: &str) -> Vec<String> {
    parse_as(ListKind::Block, id, text)
}

/// Compares rules with what they give, one by one, so that a failure names its rule.
fn assert_each(id: &str, rows: &[(&str, &str)]) {
    for (rule, expected) in rows {
        assert_eq!(parse(id, &format!("{rule}\n")).join(", "), *expected, "{id}: {rule}");
    }
}

const PATTERN: &str = "reject pattern";

/// The statuses of questions in a build from one feed.
fn statuses(format: &str, list: &str, text: &str, questions: &[&str]) -> Vec<Status> {
    let feed = "[[feed]]\nid = \"feed\"\nprovider = \"feed.example\"\nfile = \"list.txt\"\n";
    let mut harness = Harness::new(&format!("{feed}format = \"{format}\"\nlist = \"{list}\"\n"));
    harness.download("list.txt", text.as_bytes(), day(0));
    let built = harness.build(day(0));
    let report = &built.report.feeds[0];
    assert_eq!(report.state, FeedState::Ok, "{}", report.reason_text);
    let searcher = Searcher::new(harness.snapshot(), day(0));
    questions.iter().map(|text| searcher.lookup(text).expect("a question").status).collect()
}

#[test]
fn a_filter_rule_that_ends_in_a_dot_is_a_pattern() {
    for rule in [
        "||airline-fares.com.",
        "||airline-fares.com.^",
        "||airline-fares.com.$doc",
        "||*.airline-fares.com.",
        "://airline-fares.com.$popup",
        "//airline-fares.com.",
        "|airline.fares.",
        "|https://airline-fares.com.",
        "|https://airline-fares.com.|",
        "http://airline-fares.com.",
        ".airline-fares.com.",
        "airline-fares.com.",
        "||airline-fares.com./login",
        "@@||airline-fares.com.",
        "||45.9.20.",
        "45.9.20.$network",
    ] {
        assert_eq!(parse("adblock", &format!("{rule}\n")), [PATTERN], "{rule}");
    }
    let list = "||airline-fares.com.\n|https://bank-one.com.\n||evilpanel.com^\n";
    let found = statuses(
        "adblock",
        "block",
        list,
        &["airline-fares.com", "https://bank-one.com/", "a.evilpanel.com"],
    );
    assert_eq!(found, [Status::Unknown, Status::Unknown, Status::Blocked]);
}

#[test]
fn a_filter_rule_is_stored_with_no_more_than_its_reach() {
    assert_each(
        "adblock",
        &[
            ("||evilpanel.com^", "domain-tree evilpanel.com"),
            ("||evilpanel.com/gate.php", "url //evilpanel.com/gate.php"),
            ("||*.evilpanel.com/gate.php", PATTERN),
            (".evilpanel.com/gate.php", PATTERN),
            ("||*.evilpanel.com:8080^", PATTERN),
            ("||evilpanel.com:8080^", "url //evilpanel.com:8080/"),
            ("evilpanel.com:8080^", "url //evilpanel.com:8080/"),
            ("|evilpanel.com:8080^", "url //evilpanel.com:8080/"),
            ("||evilpanel.com?", PATTERN),
            ("|http://evilpanel.com/", "url http://evilpanel.com/"),
            ("http://evilpanel.com/gate.php", "url http://evilpanel.com/gate.php"),
            ("://evilpanel.com/gate.php", "url //evilpanel.com/gate.php"),
            ("|http://evilpanel.com^", "url http://evilpanel.com/"),
            ("||evilpanel.com/*", PATTERN),
            ("||evil*.com^", PATTERN),
            ("0.0.0.0 evilpanel.com # see goodsite.com", "domain evilpanel.com"),
            ("||evilpanel.com^$domain=other.com", "skip scoped"),
            ("||evilpanel.com^$app=com.other", "skip scoped"),
            ("||evilpanel.com^$script", "skip scoped"),
            ("||evilpanel.com^$dnstype=AAAA", "skip conditional"),
            ("@@||goodsite.com^", "not domain-tree goodsite.com"),
            ("@@||goodsite.com^$popup", "skip scoped"),
            ("@@||goodsite.com^$dnsrewrite=0.0.0.0", "skip rewrite"),
            ("evilpanel.com##.ad", "skip cosmetic"),
        ],
    );
    let taken = |rule: &str| {
        let rules = Rules::new(day(0), ListKind::Block, Scope::Exact);
        let mut options = Options::default();
        options.push("scoped", "take");
        let format = format::find("adblock").expect("a format");
        let config = ParseConfig { format, options: &options, rules: &rules, can_be_empty: true };
        let mut log = EventLog::new(ListKind::Block);
        parse_text(&config, &mut rule.as_bytes(), &mut log).expect("a list").entries
    };
    assert_eq!(taken("||evilpanel.com^$third-party\n"), 1);
    assert_eq!(taken("||goodshop.com^$removeparam=utm_source\n"), 0, "it changes a request and blocks none");
}

#[test]
fn badfilter_cancels_a_rule_whatever_the_order_of_its_modifiers() {
    let list =
        "||goodsite.com^$doc,important\n||goodsite.com^$badfilter,important,doc\n||evilpanel.com^$doc\n";
    assert_eq!(parse("adblock", list), ["skip badfilter", "skip badfilter", "domain-tree evilpanel.com"]);
}

#[test]
fn denyallow_limits_a_rule_and_vouches_for_nothing() {
    assert_each(
        "adblock",
        &[
            ("||evilpanel.com^$denyallow=goodsite.com", "domain-tree evilpanel.com"),
            ("||evilpanel.com^$denyallow=goodsite.com|other.com", "domain-tree evilpanel.com"),
            // The names below it that are left out keep the whole tree from being stored.
            ("||evilpanel.com^$denyallow=shop.evilpanel.com", "domain evilpanel.com"),
            ("||*.evilpanel.com^$denyallow=shop.evilpanel.com", PATTERN),
            ("://evilpanel.com^$denyallow=shop.evilpanel.com", PATTERN),
            ("evilpanel.com$denyallow=shop.evilpanel.com", "domain evilpanel.com"),
            ("||evilpanel.com^$denyallow=evilpanel.com", "skip conditional"),
            ("||www.evilpanel.com^$denyallow=evilpanel.com", "skip conditional"),
            ("||notevilpanel.com^$denyallow=evilpanel.com", "domain-tree notevilpanel.com"),
            ("||com^$denyallow=goodsite.com", "reject single-label"),
            ("*$denyallow=goodsite.com", PATTERN),
        ],
    );
    let list = "||evilpanel.com^$denyallow=goodsite.com|shop.evilpanel.com\n||evilfill.com^\n";
    let found = statuses("adblock", "block", list, &["evilpanel.com", "shop.evilpanel.com", "goodsite.com"]);
    assert_eq!(found, [Status::Blocked, Status::Unknown, Status::Unknown]);
}

#[test]
fn network_rules_and_bracketed_addresses_are_addresses() {
    assert_each(
        "adblock",
        &[
            ("45.9.20.5$network", "ip 45.9.20.5"),
            ("45.9.20.5^$network", "ip 45.9.20.5"),
            ("||45.9.20.5^$network", "ip 45.9.20.5"),
            ("45.9.20.5:3478^$network", "ip 45.9.20.5"),
            ("[2a06:e480::5]:443^$network", "ip 2a06:e480::5"),
            ("45.9.20.0/24$network", "cidr 45.9.20.0/24"),
            ("@@45.9.20.6$network", "not ip 45.9.20.6"),
            ("evilpanel.com$network", "reject bad-ip"),
            ("[45.9.20.5]", "ip 45.9.20.5"),
            ("[2a06:e480::5]", "ip 2a06:e480::5"),
            ("[Adblock Plus 2.0]", "skip header"),
            ("||45.9.20.5^", "ip 45.9.20.5"),
            ("||[2a06:e480::5]^", "ip 2a06:e480::5"),
        ],
    );
}

#[test]
fn routing_rules_with_a_policy_block_only_where_it_blocks() {
    let list = "[Rule]\nDOMAIN-SUFFIX,evilpanel.com,REJECT\nDOMAIN-SUFFIX,mail-like.com,DIRECT\nDOMAIN-SUFFIX,video-like.com,Proxy\n\
                IP-CIDR,45.9.20.0/24,DIRECT,no-resolve\nIP-CIDR,45.9.21.0/24,REJECT-DROP,no-resolve\nIP-CIDR,45.9.22.0/24,no-resolve,reject\n\
                host-suffix, evilhost.com, reject-200\nhost, office-like.com, direct\nDOMAIN,ads-like.com,🛑 AdBlock // why\nDOMAIN,music-like.com,Unblock Music\n\
                DOMAIN,files-like.com,Dropbox\nDOMAIN-KEYWORD,evil,REJECT\nDOMAIN-KEYWORD,good,DIRECT\nDOMAIN,no-policy.com\nAND,((DOMAIN,x.com),(NETWORK,UDP)),REJECT\nFINAL,DIRECT\n";
    let expected = [
        "skip header",
        "domain-tree evilpanel.com",
        "skip policy",
        "skip policy",
        "skip policy",
        "cidr 45.9.21.0/24",
        "cidr 45.9.22.0/24",
        "domain-tree evilhost.com",
        "skip policy",
        "domain ads-like.com",
        "skip policy",
        "skip policy",
        PATTERN,
        "skip policy",
        "skip policy",
        PATTERN,
        "skip policy",
    ];
    assert_eq!(parse("clash", list), expected);
    let bare = "payload:\n  - DOMAIN-SUFFIX,evilpanel.com\n  - DOMAIN-SUFFIX,.evilbelow.com\n  - SRC-IP-CIDR,45.9.20.0/24\n  - DOMAIN,evilhost.com,REJECT\n";
    let expected = [
        "skip header",
        "domain-tree evilpanel.com",
        "subdomains evilbelow.com",
        "skip conditional",
        "domain evilhost.com",
    ];
    assert_eq!(parse("clash", bare), expected);
    let direct = "DOMAIN-SUFFIX,goodsite.com,DIRECT\nDOMAIN-SUFFIX,evilpanel.com,REJECT\nDOMAIN,video-like.com,Proxy\n";
    let expected = ["domain-tree goodsite.com", "skip policy", "skip policy"];
    assert_eq!(parse_as(ListKind::Allow, "clash", direct), expected);
}

/// A rule about a TLS host with these options.
fn tls(options: &str) -> String {
    format!("drop tls $HOME_NET any -> $EXTERNAL_NET any (msg:\"x\"; tls.sni; {options} sid:1; rev:1;)\n")
}

#[test]
fn the_modifiers_of_a_content_say_which_hosts_it_reaches() {
    for (options, expected) in [
        (r#"content:".evilpanel.com"; nocase; endswith;"#, "subdomains evilpanel.com"),
        (r#"content:".evilpanel.com"; isdataat:!1,relative;"#, "subdomains evilpanel.com"),
        (r#"dotprefix; content:".evilpanel.com"; endswith;"#, "domain-tree evilpanel.com"),
        (r#"content:"evilpanel.com"; startswith; endswith;"#, "domain evilpanel.com"),
        (r#"content:"evilpanel.com"; bsize:13;"#, "domain evilpanel.com"),
        (r#"content:"evilpanel.com"; endswith;"#, "domain-tree evilpanel.com"),
        (r#"content:"evilpanel.com";"#, "domain evilpanel.com"),
        (r#"content:"evilpanel|2e|com";"#, "domain evilpanel.com"),
        (r#"content:".evilpanel.com"; endswith; bsize:20;"#, PATTERN),
        (r#"content:"evilpanel.";"#, PATTERN),
        (r#"content:"evilpanel"; startswith;"#, PATTERN),
        (r#"content:"-evilpanel.com"; endswith;"#, PATTERN),
        (r#"content:"evil"; content:".com"; endswith;"#, PATTERN),
        (r#"content:!"evilpanel.com";"#, PATTERN),
        (r#"content:".evilpanel.com"; endswith; content:!"good.evilpanel.com";"#, PATTERN),
        (r#"content:".evilpanel.com"; endswith; pcre:"/^[a-z]{8}\./";"#, PATTERN),
        (r#"content:"evilpanel.com"; http.uri; content:"/gate.php";"#, "url //evilpanel.com/gate.php"),
        (r#"content:".evilpanel.com"; endswith; http.uri; content:"/gate.php";"#, PATTERN),
        (r#"content:"evilpanel.com"; http.uri; content:"/gate"; content:".php";"#, PATTERN),
        (r#"content:"evilpanel.com"; http.uri; content:"gate.php";"#, PATTERN),
        (r#"content:"evilpanel.com"; http.uri; pcre:"/^\/[a-z]{8}$/";"#, PATTERN),
    ] {
        assert_eq!(parse("ids-rules", &tls(options)).join(", "), expected, "{options}");
    }
    let old = "alert tcp any any -> any any (content:\".evilpanel.com\"; http_host; isdataat:!1,relative; sid:2;)\n";
    assert_eq!(parse("ids-rules", old), ["subdomains evilpanel.com"]);
    let list = tls(r#"content:".evilpanel.com"; endswith;"#);
    let found = statuses("ids-rules", "block", &list, &["www.evilpanel.com", "evilpanel.com"]);
    assert_eq!(found, [Status::Blocked, Status::Unknown]);
}

#[test]
fn ids_rules_about_some_traffic_of_an_address_do_not_block_it() {
    assert_each(
        "ids-rules",
        &[
            (r#"alert ip 45.9.20.5 any -> any any (msg:"x"; content:"foo"; sid:1;)"#, PATTERN),
            (r#"alert ip 45.9.20.5 any -> any any (msg:"x"; content:!"foo"; sid:1;)"#, PATTERN),
            (r#"alert tcp [45.9.20.5,45.9.20.6] any -> 45.9.20.7 80 (pcre:"/x/"; sid:1;)"#, PATTERN),
            (r#"alert tcp $HOME_NET any -> any 80 (content:"foo"; sid:1;)"#, "skip rule-without-address"),
            (r#"alert tcp any any -> 45.9.23.0/24 443 (msg:"x"; sid:1;)"#, "cidr 45.9.23.0/24"),
        ],
    );
}

#[test]
fn rules_and_sets_about_one_port_keep_it() {
    let ports = |id: &str, text: &str| {
        let rules = Rules::new(day(0), ListKind::Block, Scope::Exact);
        let format = format::find(id).expect("a format");
        let config = ParseConfig { format, options: &Options::default(), rules: &rules, can_be_empty: true };
        let mut log = EventLog::new(ListKind::Block);
        // A text of skipped entries alone is refused as a file.
        let _ = parse_text(&config, &mut text.as_bytes(), &mut log);
        let of = |event: &rapsheet_ingest::pipeline::Event| {
            event.port.map_or_else(|| event.result.to_string(), |port| port.to_string())
        };
        log.events.iter().map(of).collect::<Vec<_>>().join(" ")
    };
    let rules = "alert tcp any any -> 45.9.23.0/24 443 (sid:1;)\n\
                 alert tcp 45.9.20.5 8080 -> any 80 (sid:2;)\n\
                 alert tcp any any -> 45.9.20.6 [80,443] (sid:3;)\n";
    assert_eq!(ports("ids-rules", rules), "443 8080 ip");
    let set = |kind: &str, entry: &str| {
        format!("<ipset type=\"hash:ip,{kind}\">\n<entry>{entry}</entry>\n</ipset>\n")
    };
    for (kind, entry, expected) in [
        ("port", "45.9.21.5,80", "80"),
        ("port", "45.9.21.5,tcp:81", "81"),
        ("port,ip", "45.9.21.5,tcp:81,45.9.20.6", "skip"),
        ("mark", "45.9.21.5,99", "skip"),
        ("iface", "45.9.21.0/24,eth0", "skip"),
    ] {
        assert_eq!(ports("firewalld-ipset", &set(kind, entry)), expected, "{kind}: {entry}");
    }
    let sets = "add bad 45.9.21.5,tcp:80\nadd bad 45.9.21.0/24,eth0\nadd bad 45.9.21.6\n";
    assert_eq!(ports("firewall-config", sets), "80 skip ip");
}

#[test]
fn ids_rules_that_say_nothing_is_bad_do_not_block() {
    let rules = "pass\ttls any any -> any any (tls.sni; content:\"goodsite.com\"; startswith; endswith; sid:1;)\n\
                 pass ip 45.9.20.5 any -> any any (sid:2;)\n\
                 alert tls any any -> any any (tls.sni; content:\"files-like.com\"; flowbits:set,x; flowbits:noalert; sid:3;)\n\
                 alert tls any any -> any any (tls.sni; content:\"files-like.com\"; noalert; sid:4;)\n\
                 alert tls any any -> any any (tls.sni; content:\"files-like.com\"; classtype:not-suspicious; sid:5;)\n\
                 rejectboth ip 45.9.20.6 any -> any any (sid:6;)\n";
    let expected = [
        "not domain goodsite.com",
        "not ip 45.9.20.5",
        "skip policy",
        "skip policy",
        "skip policy",
        "ip 45.9.20.6",
    ];
    assert_eq!(parse("ids-rules", rules), expected);
}

#[test]
fn firewall_rows_that_let_pass_do_not_block() {
    assert_each(
        "firewall-config",
        &[
            ("access-list 1 permit ip host 45.9.20.5 any", "not ip 45.9.20.5"),
            ("access-list 1 extended deny ip any4 host 45.9.20.5", "ip 45.9.20.5"),
            ("access-list 1 deny ip host 45.9.20.5 any inactive", "skip inactive"),
            ("-A INPUT -s 45.9.20.5 -j ACCEPT", "not ip 45.9.20.5"),
            ("-A INPUT -s 45.9.20.5 -j ssh_whitelist", "skip policy"),
            ("-A INPUT -s 45.9.20.5 -j NFQUEUE", "skip policy"),
            ("-A INPUT -s 45.9.20.5 -j LOGDROP", "ip 45.9.20.5"),
            ("add whitelist 45.9.20.5", "not ip 45.9.20.5"),
            ("add whitelist 45.9.20.5 nomatch", "skip policy"),
            ("-A trusted_hosts 45.9.20.5", "not ip 45.9.20.5"),
            ("add untrusted 45.9.20.5", "ip 45.9.20.5"),
            ("add element inet filter allowed { 45.9.20.5 }", "not ip 45.9.20.5"),
            (
                "elements = { 45.9.20.5 : accept, 45.9.20.6 : drop, 45.9.20.7 : jump x }",
                "not ip 45.9.20.5, ip 45.9.20.6, skip policy",
            ),
            ("add list=whitelist address=45.9.20.5", "not ip 45.9.20.5"),
            ("add chain=input action=accept src-address=45.9.20.5", "not ip 45.9.20.5"),
            ("pass in quick from 45.9.20.5 to any", "skip directive"),
            ("45.9.20.5 OK", "not ip 45.9.20.5"),
            ("45.9.20.5 permit", "not ip 45.9.20.5"),
            ("45.9.20.5 dunno", "skip policy"),
            ("45.9.20.5 REJECT", "ip 45.9.20.5"),
            ("45.9.20.5 1;", "ip 45.9.20.5"),
            ("sshd: 45.9.20.5 : allow", "not ip 45.9.20.5"),
        ],
    );
    let set =
        "set whitelist {\nelements = { 45.9.20.5,\n45.9.20.6 }\n}\nset bad {\nelements = { 45.9.20.7 }\n}\n";
    let found = parse("firewall-config", set);
    let entries: Vec<&str> =
        found.iter().map(String::as_str).filter(|line| !line.starts_with("skip")).collect();
    assert_eq!(entries, ["not ip 45.9.20.5", "not ip 45.9.20.6", "ip 45.9.20.7"]);
    let allow = "# /etc/hosts.allow: list of hosts that are allowed to access the system.\nsshd: 45.9.20.5\nsshd: 45.9.20.6 : deny\n";
    assert_eq!(parse("firewall-config", allow), ["skip comment", "not ip 45.9.20.5", "ip 45.9.20.6"]);
}

#[test]
fn clients_of_a_host_file_have_the_reach_of_their_dot() {
    assert_each(
        "firewall-config",
        &[
            ("ALL: .evilpanel.com", "subdomains evilpanel.com"),
            ("ALL: evilpanel.com", "domain evilpanel.com"),
            ("deny from evilpanel.com", "domain-tree evilpanel.com"),
            ("deny from .evilpanel.com", "subdomains evilpanel.com"),
        ],
    );
}

#[test]
fn answers_of_resolvers_that_let_pass_do_not_block() {
    assert_each(
        "rpz",
        &[
            ("goodsite.com CNAME rpz-passthru.", "not domain goodsite.com"),
            ("*.goodsite.com CNAME *.goodsite.com.", "not subdomains goodsite.com"),
            ("evilpanel.com CNAME rpz-drop.", "domain evilpanel.com"),
            ("evilpanel.com CNAME rpz-log-only.", "skip policy"),
        ],
    );
    assert_each(
        "unbound",
        &[
            ("local-zone: \"goodsite.com\" transparent", "not domain-tree goodsite.com"),
            ("local-zone: \"goodsite.com\" always_transparent", "not domain-tree goodsite.com"),
            ("local-zone: \"goodsite.com\" TypeTransparent", "not domain-tree goodsite.com"),
            ("local-zone: \"seensite.com\" inform", "skip directive"),
            ("local-data: \"seensite.com TXT 'v A x'\"", "skip record"),
        ],
    );
    assert_each(
        "dnsmasq",
        &[
            ("server=/evilpanel.com/", "domain-tree evilpanel.com"),
            ("server=/goodsite.com/#", "not domain-tree goodsite.com"),
            ("server=/goodsite.com/9.9.9.9", "skip routing"),
        ],
    );
}

#[test]
fn a_line_of_unbound_may_hold_several_statements() {
    let list = "server: local-zone: \"evil-a.com\" always_nxdomain local-zone: \"evil-b.com\" static\n\
                local-zone: \"evil-c.com\" redirect local-data: \"evil-c.com A 0.0.0.0\"\n";
    let expected =
        ["domain-tree evil-a.com", "domain-tree evil-b.com", "domain-tree evil-c.com", "domain evil-c.com"];
    assert_eq!(parse("unbound", list), expected);
}

#[test]
fn what_a_pac_file_answers_with_direct_does_not_block() {
    let list = "var normal = \"DIRECT\";\nvar hole = \"PROXY 127.0.0.1:9\";\nvar whitelist = [\n\"goodsite.com\",\n];\nvar blocked = [\n\"evilpanel.com\",\n];\n\
                if (dnsDomainIs(host, \".mail-like.com\")) return \"DIRECT\";\nif (dnsDomainIs(host, \".office-like.com\") ||\n    shExpMatch(host, \"*.video-like.com\"))\n  return normal;\n\
                if (dnsDomainIs(host, \".evilhost.com\")) return hole;\nreturn dnsDomainIs(host, \".files-like.com\") ? \"DIRECT\" : hole;\n\
                if (!(dnsDomainIs(host, \".a-like.com\"))) return hole;\nif (dnsDomainIs(host, \".b-like.com\") && x) return hole;\n\"c-like.com\": \"DIRECT\",\n";
    let found = parse("pac", list);
    let entries: Vec<&str> =
        found.iter().map(String::as_str).filter(|line| *line != "skip directive").collect();
    let expected = [
        "skip policy",
        "domain-tree evilpanel.com",
        "skip policy",
        "skip policy",
        "skip policy",
        "subdomains evilhost.com",
        "skip policy",
        PATTERN,
        PATTERN,
        "skip policy",
    ];
    assert_eq!(entries, expected);
}

#[test]
fn a_star_for_all_urls_of_a_host_is_a_pattern() {
    assert_each(
        "url-list",
        &[
            ("evilpanel.com/*", PATTERN),
            ("http://evilpanel.com/*", PATTERN),
            ("http://evilpanel.com/a/*", PATTERN),
            ("evilpanel.com/*/gate.php", PATTERN),
            ("evilpanel.com/^/gate.php", PATTERN),
            ("*://evilpanel.com/*", PATTERN),
            ("*.evilpanel.com/", PATTERN),
            ("evilpanel.com/", "url //evilpanel.com/"),
            ("http://evilpanel.com/a*b", "url http://evilpanel.com/a*b"),
            ("http://evilpanel.com/a?q=*", "url http://evilpanel.com/a?q=*"),
        ],
    );
    // The same text in lists of other kinds.
    assert_each("plain-domain", &[("evilpanel.com/*", PATTERN)]);
    assert_each("squidguard", &[("evilpanel.com/*", PATTERN)]);
}

#[test]
fn rows_of_hosts_files_that_are_glued_are_rejected() {
    for id in ["hosts", "plain-domain", "adblock", "domain-wildcard"] {
        assert_each(
            id,
            &[
                ("0.0.0.0evilpanel.com", "reject glued"),
                ("127.0.0.1evilpanel.com", "reject glued"),
                ("127.0.0.1.evilpanel.com", "domain 127.0.0.1.evilpanel.com"),
            ],
        );
    }
    let list = "0.0.0.0 evil-a.com0.0.0.0 evil-b.com\n::evil-c.com\n";
    assert_eq!(parse("hosts", list), ["reject glued", "domain evil-b.com", "reject glued"]);
}

#[test]
fn special_use_space_fails_no_allowlist() {
    let list = r#"{"type":"cidr","list":["FE80::/10","224.0.0.0/4","240.0.0.0/4","ff00::/8","fc00::/7","2002::/16","10.0.0.0/8"]}"#;
    let found = parse_as(ListKind::Allow, "misp-warninglist", list);
    assert!(found.iter().all(|line| line.starts_with("cidr ")), "{found:?}");
    let found = statuses("misp-warninglist", "allow", list, &["fe80::1", "45.9.20.5"]);
    assert_eq!(found, [Status::Allowed, Status::Unknown]);
    let single = r#"{"type":"cidr","list":["FE80::/10"]}"#;
    assert_eq!(statuses("misp-warninglist", "allow", single, &["fe80::1"]), [Status::Allowed]);
    // Wide public space stays too wide, and special-use space in a list that blocks is refused as before.
    assert_eq!(parse_as(ListKind::Allow, "plain-ip", "44.0.0.0/6\n2a00::/12\n"), ["reject too-wide"; 2]);
    assert_eq!(parse("plain-ip", "fe80::/10\n"), ["reject bogon"]);
}

#[test]
fn a_warninglist_of_strings_has_names_below_a_dot() {
    let list = r#"{"name":"x","type":"string","list":[".searchco.de","www.searchco.com","*.mailco.com",".com"],"matching_attributes":["domain"]}"#;
    let expected =
        ["subdomains searchco.de", "domain www.searchco.com", "subdomains mailco.com", "reject single-label"];
    assert_eq!(parse_as(ListKind::Allow, "misp-warninglist", list), expected);
    // The shape of the lists of Google's and Microsoft's names: a third of the rows, and two thirds, have
    // dots.
    for dotted in [30, 67] {
        let names: Vec<String> = (0..100)
            .map(|n| if n < dotted { format!("\".co{n}-like.com\"") } else { format!("\"co{n}-like.com\"") })
            .collect();
        let list = format!(
            r#"{{"name":"x","type":"string","matching_attributes":["hostname","domain"],"list":[{}]}}"#,
            names.join(",")
        );
        let found = statuses(
            "misp-warninglist",
            "allow",
            &list,
            &["www.co1-like.com", "co1-like.com", "co99-like.com"],
        );
        assert_eq!(found, [Status::Allowed, Status::Unknown, Status::Allowed], "{dotted} of 100");
    }
}

#[test]
fn names_below_all_other_roots_are_names() {
    for root in
        ["bit", "bazar", "libre", "dyn", "geek", "pirate", "i2p", "onion", "emc", "bbs", "eth", "crypto"]
    {
        assert_each("plain-domain", &[(&format!("evil-abc.{root}"), &format!("domain evil-abc.{root}"))]);
    }
    assert_each("plain-domain", &[("evil-abc.nosuchroot", "reject bad-host")]);
}

#[test]
fn reputation_rows_and_leading_blank_lines_are_read() {
    let list = "2a06:e480:0000:0000:0000:0000:0000:0001,5,100\n2a06:e480::2,5,100\n";
    assert_eq!(parse("suricata-iprep", list), ["ip 2a06:e480::1", "ip 2a06:e480::2"]);
    assert_eq!(parse("auto", "\n\n45.9.20.5\n").last().map(String::as_str), Some("ip 45.9.20.5"));
}

#[test]
fn names_below_a_root_with_a_digit_are_found_in_logs() {
    let log = TestDir::new();
    log.write("list.txt", "evil-abc.i2p\n");
    log.write(
        "catalog.toml",
        "[[feed]]\nid = \"feed\"\nprovider = \"feed.example\"\nfile = \"list.txt\"\nformat = \"plain-domain\"\n",
    );
    let build = ["build", "--catalog", "catalog.toml", "--downloads", ".", "--out", "own.rap"];
    assert_eq!(log.run(&build).status.code(), Some(0));
    let score = ["score", "--snapshot", "own.rap", "-"];
    let found = log.run_with_input(&score, b"GET http proxy to evil-abc.i2p, song.mp3\n");
    let text = String::from_utf8(found.stdout).expect("text");
    assert_eq!(text.matches("\"indicator\":\"evil-abc.i2p\"").count(), 1, "{text}");
}
