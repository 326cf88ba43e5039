//! Small formats of servers and extensions, as their users write them, read by `auto` and by name.

use crate::detection::read_as;

/// Both spellings read alike: the format is found, and it is the one that is named.
fn assert_reads(id: &str, text: &str, expected: &[&str]) {
    assert_eq!(read_as("auto", text), expected, "{id}, detected");
    assert_eq!(read_as(id, text), expected, "{id}, named");
}

#[test]
fn wazuh_lists_of_addresses_networks_and_names() {
    let text = "45.9.20.5:scanner\n45.9.20.6:\n\"2a06:e480::5\":botnet\n\"2a06:e480::6\":\n45.9.21.:\n45.9.22.0/24:net\n\
                evil-a.com:phishing\n\"evil-b.com\":\"malware\"\n2a06:e480::7:\nroot:x\n45.9.20.300:x\n";
    let expected = [
        "ip 45.9.20.5",
        "ip 45.9.20.6",
        "ip 2a06:e480::5",
        "ip 2a06:e480::6",
        "cidr 45.9.21.0/24",
        "cidr 45.9.22.0/24",
        "domain evil-a.com",
        "domain evil-b.com",
        "ip 2a06:e480::7",
        "reject single-label",
        "reject bad-ip",
    ];
    assert_reads("wazuh-cdb", text, &expected);
}

#[test]
fn wazuh_values_that_say_harmless_do_not_block() {
    let text = "45.9.20.5:whitelist\n45.9.20.6:benign\n45.9.20.7:botnet\n";
    assert_reads("wazuh-cdb", text, &["skip benign", "skip benign", "ip 45.9.20.7"]);
}

#[test]
fn crowdsec_decisions_as_they_are_listed() {
    let text = "id,source,ip,reason,action,country,as,events_count,expiration,simulated,alert_id\n\
                1,crowdsec,Ip:45.9.20.5,crowdsecurity/ssh-bf,ban,NL,\"64496 X, Y\",6,3h59m58.98s,false,1\n\
                2,cscli,Range:45.9.21.0/24,manual,ban,,,1,3h,false,2\n\
                3,cscli,Ip:2a06:e480::5,manual,captcha,,,1,3h,false,3\n\
                4,cscli,Ip:45.9.20.6,manual,ban,,,1,-1h2m,false,4\n\
                5,cscli,Ip:45.9.20.7,manual,ban,,,1,3h,true,5\n\
                6,cscli,Country:NL,manual,ban,,,1,3h,false,6\n\
                7,cscli,Ip:45.9.20.8,manual,bypass,,,1,3h,false,7\n";
    let expected = [
        "skip header",
        "ip 45.9.20.5",
        "cidr 45.9.21.0/24",
        "ip 2a06:e480::5",
        "skip inactive",
        "skip inactive",
        "skip unsupported-kind",
        "skip policy",
    ];
    assert_reads("crowdsec", text, &expected);
    // Without its header, as `tail -n +2` leaves it.
    let rows = text.split_once('\n').expect("a header").1;
    assert_reads("crowdsec", rows, &expected[1..]);
}

#[test]
fn crowdsec_decisions_as_they_are_imported() {
    let text = "scope,value\nrange,45.9.21.0/24\nip,45.9.20.5\nRange,2a06:e480::/32\ncountry,NL\n";
    let expected =
        ["skip header", "cidr 45.9.21.0/24", "ip 45.9.20.5", "cidr 2a06:e480::/32", "skip unsupported-kind"];
    assert_reads("crowdsec", text, &expected);
    let text = "duration,scope,value,reason,type\n24h,Ip,45.9.20.5,x,ban\n24h,Ip,45.9.20.6,x,allow\n";
    assert_reads("crowdsec", text, &["skip header", "ip 45.9.20.5", "skip policy"]);
}

#[test]
fn firewalld_sets_list_their_entries_alone() {
    let text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<ipset type=\"hash:net\">\n<short>45.9.29.1</short>\n\
                <description>45.9.28.0/24: lab</description>\n<option name=\"timeout\" value=\"300\"/>\n\
                <entry>45.9.20.5</entry>\n<entry>\n45.9.21.0/24\n</entry>\n<entry>45.9.20.6,udp:53</entry>\n\
                <entry>45.9.20.7-45.9.20.8</entry>\n<entry>2a06:e480::/32</entry>\n<entry>192.168.1.0/24</entry>\n\
                <entry>AA:BB:CC:DD:EE:FF</entry>\n<entry></entry>\n</ipset>\n";
    let expected = [
        "ip 45.9.20.5",
        "cidr 45.9.21.0/24",
        "ip 45.9.20.6",
        "range 45.9.20.7-45.9.20.8",
        "cidr 2a06:e480::/32",
        "reject bogon",
        "skip unsupported-kind",
        "reject bad-ip",
    ];
    assert_reads("firewalld-ipset", text, &expected);
}

#[test]
fn postfix_rows_that_let_pass_do_not_block() {
    let text = "# postscreen_access.cidr\n45.9.20.5\tpermit\n45.9.21.0/24\treject\n45.9.22.0/24 dunno\n45.9.23.0/24 OK\n\
                45.9.24.5 REJECT spam source\n45.9.23.9 REJECT never reached\n45.9.25.0/24 PREPEND X-A: b\n0.0.0.0/0 OK\n";
    let expected = [
        "skip comment",
        "allow ip 45.9.20.5",
        "cidr 45.9.21.0/24",
        "skip policy",
        "allow cidr 45.9.23.0/24",
        "ip 45.9.24.5",
        "skip policy",
        "skip policy",
        "skip policy",
    ];
    assert_reads("postfix-access", text, &expected);
}

#[test]
fn postfix_names_are_trees_and_leading_dots_are_below() {
    let text = "evil-a.com REJECT\n.evil-b.com 550 5.7.1 no\nuser@evil-c.com REJECT\nspam@ REJECT\n45.9.25 DISCARD\n\
                2a06:e480 REJECT\n/^evil/ REJECT\n!45.9.0.0/16 REJECT\n/^good/ OK\ngood-a.com OK\nevil-d.com\n";
    let expected = [
        "domain-tree evil-a.com",
        "subdomains evil-b.com",
        "skip unsupported-kind",
        "skip unsupported-kind",
        "cidr 45.9.25.0/24",
        "cidr 2a06:e480::/32",
        "reject pattern",
        "reject pattern",
        "skip policy",
        "allow domain-tree good-a.com",
        "reject bad-columns",
    ];
    assert_reads("postfix-access", text, &expected);
}

#[test]
fn postfix_conditions_and_continued_lines_reach_no_further() {
    let text = "45.9.20.5 REJECT\n  45.9.20.6 OK\nif 45.9.21.0/24\n45.9.21.7 REJECT\n45.0.0.0/9 REJECT\nevil-a.com REJECT\nendif\n\
                if !45.9.22.0/24\n45.9.23.7 REJECT\nendif\n45.9.24.7 REJECT\n";
    let expected = [
        "ip 45.9.20.5",
        "skip metadata",
        "skip directive",
        "ip 45.9.21.7",
        "skip conditional",
        "skip conditional",
        "skip directive",
        "skip directive",
        "skip conditional",
        "skip directive",
        "ip 45.9.24.7",
    ];
    assert_reads("postfix-access", text, &expected);
}

#[test]
fn wrapper_rules_reach_as_far_as_they_say() {
    let text = "# hosts.deny\nALL: evil-a.com, .evil-b.com, 45.9.23., 45.9.21.0/255.255.255.0, [2a06:e480::]/64\n\
                sshd, in.ftpd: 45.9.20.5 45.9.20.6\nALL: .evil-c.com EXCEPT good.evil-c.com\n\
                sshd: 45.9.20.7 : spawn (/bin/echo 45.9.29.9) : deny\nsshd: [2a06:e480::5]: deny\nALL: 45.9.20.8: allow\n\
                ALL: 45.9.20.9, \\\n45.9.20.10\nALL: ALL\nALL: @group, /etc/evil, *.evil-d.com, 45.9.22.*\nALL EXCEPT sshd: 45.9.20.11\n";
    let expected = [
        "skip comment",
        "domain evil-a.com",
        "subdomains evil-b.com",
        "cidr 45.9.23.0/24",
        "cidr 45.9.21.0/24",
        "cidr 2a06:e480::/64",
        "ip 45.9.20.5",
        "ip 45.9.20.6",
        "subdomains evil-c.com",
        "allow domain good.evil-c.com",
        "ip 45.9.20.7",
        "ip 2a06:e480::5",
        "allow ip 45.9.20.8",
        "skip directive",
        "ip 45.9.20.9",
        "ip 45.9.20.10",
        "skip rule-without-address",
        "skip directive",
        "skip directive",
        "reject pattern",
        "cidr 45.9.22.0/24",
        "ip 45.9.20.11",
    ];
    assert_reads("hosts-deny", text, &expected);
}

#[test]
fn wrapper_rules_of_hosts_allow_do_not_block() {
    let text = "# /etc/hosts.allow: who may come in\nsshd: 45.9.20.5\nsshd: 45.9.20.6 : deny\n";
    assert_reads("hosts-deny", text, &["skip comment", "allow ip 45.9.20.5", "ip 45.9.20.6"]);
    let text = "# hosts.deny, see also hosts.allow\nsshd: 45.9.20.5\n";
    assert_reads("hosts-deny", text, &["skip comment", "ip 45.9.20.5"]);
}

#[test]
fn search_blockers_list_hosts_and_what_is_below() {
    let text = "# mine\n*://*.evil-a.com/*\n*://evil-b.com/*\nhttps://*.evil-c.com/*\n@*://good.evil-a.com/*\n\
                *://evil-d.com/page\nhttps://evil-d.com/page?x=1\n*://evil-d.com/blog/*\n*://*.evil-e.com/page\n\
                *://*.evil-*.com/*\n*://*/*\n<all_urls>\n/evil/i\ntitle/evil/\n@2*://*.evil-f.com/*\n*://*.co.uk/*\n";
    let expected = [
        "skip comment",
        "domain-tree evil-a.com",
        "domain evil-b.com",
        "domain-tree evil-c.com",
        "allow domain good.evil-a.com",
        "url //evil-d.com/page",
        "url https://evil-d.com/page?x=1",
        "reject pattern",
        "reject pattern",
        "reject pattern",
        "reject too-wide",
        "reject too-wide",
        "reject pattern",
        "reject pattern",
        "skip cosmetic",
        "reject public-suffix",
    ];
    assert_reads("ublacklist", text, &expected);
}
