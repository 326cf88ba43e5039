//! `firewall-config`: addresses in the rules of firewalls and servers: ipset, nftables, iptables, pf,
//! hosts.deny, csf, Apache, nginx, Cisco, MikroTik, simplewall.
//!
//! The first words of a line show its dialect, so a feed need not name it, and a file may mix dialects. An
//! address is read only where the dialect has one, and never searched for in the whole line: scripts and
//! comments hold addresses as examples. A rule that lets traffic pass is an exception. A rule that only logs,
//! marks or translates addresses is skipped. Nothing is run, and no file that a line names is opened.

mod cisco;
mod iptables;
mod sets;
mod target;
mod web;

use super::{Format, Head, OpenError, OrderedReader, Shape, header, hosts_deny, ranges};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError};
use target::{Target, passes};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "firewall-config",
    about: "firewall rules: ipset, nft, iptables, pf, hosts.deny, csf, Apache, nginx, Cisco, MikroTik",
    example: "add blocklist 192.0.2.0/24",
    kinds: Kinds::ADDRESS,
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

/// The construct of several lines that a line is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// None.
    Nothing,
    /// The elements of an nftables set, between braces.
    Elements,
    /// An XML comment.
    Comment,
}

struct Firewall {
    inside: Inside,
    /// Whether what is in the set that was opened last is let pass.
    in_good_set: bool,
    /// Whether the lines of clients are of hosts.allow.
    is_hosts_allow: bool,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    let is_hosts_allow = hosts_deny::is_hosts_allow(head.bytes);
    Ok(Box::new(Firewall { inside: Inside::Nothing, in_good_set: false, is_hosts_allow }))
}

impl OrderedReader for Firewall {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        match line {
            [b'#' | b';', comment @ ..] | [b'/', b'/', comment @ ..] => {
                header::comment(comment.trim_ascii(), normalizer);
            }
            _ if self.inside == Inside::Elements => self.elements(line, normalizer),
            [b'<', ..] => self.tag(line, normalizer),
            _ if self.inside == Inside::Comment => self.tag(line, normalizer),
            _ => self.rule(token::before_comment(line), normalizer),
        }
    }
}

impl Firewall {
    fn rule(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(elements) = sets::opening(line) {
            if !line.starts_with(b"elements") {
                self.in_good_set = sets::named_for_good(line);
            }
            return self.elements(elements, normalizer);
        }
        if line.starts_with(b"set ") || line.starts_with(b"map ") {
            self.in_good_set = sets::named_for_good(line);
        }
        let words: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        let words = without_prefix(&words);
        let Some((first, rest)) = words.split_first() else { return normalizer.skip(Skip::Directive) };
        let program = first.rsplit(|byte| *byte == b'/').next().unwrap_or(first);
        match (program, *first) {
            (b"add" | b"ipset" | b"-exist" | b"-!", _) | (_, b"/ip" | b"/ipv6") => {
                sets::add(words, normalizer);
            }
            (b"iptables" | b"ip6tables" | b"-A" | b"-I", _) => iptables::rule(words, normalizer),
            (b"access-list" | b"network-object", _) => cisco::rule(rest, normalizer),
            // The rules inside a named access list are numbered.
            _ if matches!(rest, [b"deny" | b"permit" | b"remark", ..])
                && first.iter().all(u8::is_ascii_digit) =>
            {
                cisco::rule(rest, normalizer);
            }
            _ if web::is_directive(first) => web::directive(words, normalizer),
            _ if rest.is_empty() && first.contains(&b'|') => csf(first, normalizer),
            _ => match wrapper_clients(line) {
                Some(clients) => hosts_deny::emit_clients(clients, self.is_hosts_allow, normalizer),
                None => bare(words, normalizer),
            },
        }
    }

    /// Elements of an nftables set, up to the closing brace.
    fn elements(&mut self, text: &[u8], normalizer: &mut Normalizer<'_>) {
        let end = memchr::memchr(b'}', text);
        self.inside = if end.is_some() { Inside::Nothing } else { Inside::Elements };
        let elements = text.get(..end.unwrap_or(text.len())).unwrap_or(&[]);
        sets::elements(elements, self.in_good_set, normalizer);
    }

    /// A tag of simplewall's XML. Its files have comments before the XML declaration, which an XML parser
    /// refuses.
    fn tag(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let opens = line.starts_with(b"<!--");
        if opens || self.inside == Inside::Comment {
            let closes = memchr::memmem::find(line, b"-->").is_some();
            self.inside = if closes { Inside::Nothing } else { Inside::Comment };
            return normalizer.skip(Skip::Comment);
        }
        match attribute(line, b"rule=\"") {
            Some(rule) if matches!(attribute(line, b"is_block=\""), Some(b"true" | b"1")) => {
                let targets = rule.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                targets.for_each(|text| Target::block(text).emit(normalizer));
            }
            _ => normalizer.skip(Skip::Directive),
        }
    }
}

/// The value of an attribute, whose name is given with `="`.
fn attribute<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let start = memchr::memmem::find(line, name)? + name.len();
    let rest = line.get(start..)?;
    rest.get(..memchr::memchr(b'"', rest)?)
}

/// An advanced rule of csf: `tcp|in|d=22|s=192.0.2.7`.
fn csf(rule: &[u8], normalizer: &mut Normalizer<'_>) {
    let mut parts = rule.split(|byte| *byte == b'|');
    let is_address = |part: &&[u8]| part.iter().any(|byte| matches!(byte, b'.' | b':'));
    let found = parts.find_map(|part| {
        let value = part.strip_prefix(b"s=").or_else(|| part.strip_prefix(b"d="))?;
        Some(value).filter(is_address)
    });
    match found {
        Some(address) => Target::block(address).emit(normalizer),
        None => normalizer.skip(Skip::RuleWithoutAddress),
    }
}

/// The words of a rule without `sudo` or packet counters before it.
fn without_prefix<'w, 'l>(words: &'w [&'l [u8]]) -> &'w [&'l [u8]] {
    match words {
        [b"sudo", rest @ ..] => rest,
        [counters, rest @ ..] if counters.starts_with(b"[") && rest.first() == Some(&b"-A".as_slice()) => {
            rest
        }
        _ => words,
    }
}

/// The clients of a line of hosts.deny; `None` where the line is no such line. `ipset list` prints headers with
/// the same syntax.
fn wrapper_clients(line: &[u8]) -> Option<&[u8]> {
    const HEADS: [&[u8]; 7] =
        [b"Name", b"Type", b"Revision", b"Header", b"Size in memory", b"References", b"Members"];
    let head = token::before(line, b':').trim_ascii();
    // Words without a comma between them are a directive of another dialect.
    let are_daemons = head.split(|byte| *byte == b',').all(|daemon| !daemon.trim_ascii().contains(&b' '));
    hosts_deny::clients(line).filter(|_| are_daemons && !HEADS.contains(&head))
}

/// A line that begins with an address: a pf table, csf.deny, nginx' `geo`, or a table of Postfix. A word
/// after the address may say that it is let pass: `0;`, `OK`, `permit`.
fn bare(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    let first = words.first().copied().unwrap_or(&[]);
    let (negated, text) = first.strip_prefix(b"!").map_or((false, first), |rest| (true, rest));
    let is_address = text.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'[')
        || text.iter().filter(|byte| **byte == b':').count() > 1;
    let passes = words.get(1).map_or(Some(false), |word| passes(word));
    match (is_address, words.len()) {
        (true, _) => match passes {
            Some(passes) => Target { text, inverted: negated || passes }.emit(normalizer),
            None => normalizer.skip(Skip::Policy),
        },
        // A single word is an entry of a list in another format; several are a directive of some dialect.
        (false, 1) if !is_punctuation(text) => normalizer.reject(ParseError::BadIp),
        (false, _) => normalizer.skip(Skip::Directive),
    }
}

fn is_punctuation(text: &[u8]) -> bool {
    !text.contains(&b'.') || text.iter().any(|byte| matches!(byte, b'{' | b'}' | b'(' | b')' | b'='))
}

/// The details of a rule's target; `inverted` where the rule lets it pass.
fn details(inverted: bool) -> Details {
    Details { inverted, ..Details::NONE }
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_sets_of_ipset_nftables_and_mikrotik() {
        let text = "create blocklist hash:net family inet hashsize 512 maxelem 536\nadd blocklist 45.9.20.0/24 timeout 3600\nadd blocklist 45.9.20.9 nomatch\n\
                    ipset -exist add blocklist 45.9.21.1,tcp:80\n-A blocklist 45.9.21.2\nadd element inet filter bl { 45.9.22.1, 45.9.22.4-45.9.22.9 }\n\
                    elements = { 45.9.23.0/24,\n2a06:e480::/32 timeout 1d expires 3h comment \"a, b\",\n45.9.24.1 }\n\
                    /ip firewall address-list\nadd list=blacklist address=45.9.25.0/24 timeout=1d comment=\"x\"\nadd list=blacklist address=evilpanel.com\n\
                    add action=drop chain=input src-address=45.9.26.1 disabled=yes\n";
        let expected = [
            "SKIP directive",
            "cidr 45.9.20.0/24",
            "allow ip 45.9.20.9",
            "ip 45.9.21.1",
            "ip 45.9.21.2",
            "ip 45.9.22.1",
            "range 45.9.22.4-45.9.22.9",
            "cidr 45.9.23.0/24",
            "cidr 2a06:e480::/32",
            "ip 45.9.24.1",
            "SKIP directive",
            "cidr 45.9.25.0/24",
            "domain evilpanel.com",
            "SKIP inactive",
        ];
        assert_eq!(render("firewall-config", &[], text), expected);
    }

    #[test]
    fn reads_rules_of_packet_filters() {
        let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 45.9.20.5/32 -j DROP\niptables -I FORWARD -j DROP -d 45.9.20.6\n-A INPUT -s 45.9.20.7 -j ACCEPT\n\
                    -A INPUT ! -s 45.9.20.8 -j DROP\n-A INPUT -p tcp --dport 22 -j DROP\n-A INPUT -s 45.9.20.8 -j LOG\nCOMMIT\n45.9.20.9\n!45.9.20.10\n\
                    45.9.20.11 # lfd: x\ntcp|in|d=22|s=45.9.20.12\nsshd: 45.9.20.13\nALL: 45.9.21.\nALL: ALL\n\
                    access-list 101 deny ip 45.9.22.0 255.255.255.0 any\naccess-list 102 deny ip 45.9.23.0 0.0.0.255 any\naccess-list 103 permit ip host 45.9.24.1 any\n\
                    access-list 104 deny ip any host 45.9.24.2\nevilpanel.com\n";
        let expected = [
            "SKIP directive",
            "SKIP directive",
            "ip 45.9.20.5",
            "ip 45.9.20.6",
            "allow ip 45.9.20.7",
            "SKIP policy",
            "SKIP rule-without-address",
            "SKIP policy",
            "SKIP directive",
            "ip 45.9.20.9",
            "allow ip 45.9.20.10",
            "ip 45.9.20.11",
            "ip 45.9.20.12",
            "ip 45.9.20.13",
            "cidr 45.9.21.0/24",
            "SKIP rule-without-address",
            "cidr 45.9.22.0/24",
            "cidr 45.9.23.0/24",
            "allow ip 45.9.24.1",
            "ip 45.9.24.2",
            "REJECT bad-ip",
        ];
        assert_eq!(render("firewall-config", &[], text), expected);
    }

    #[test]
    fn reads_rules_of_web_servers_and_simplewall() {
        let text = "order allow,deny\ndeny from 45.9.0.0/17\nDeny from 45.9.200.1 45.9.200.2 45.10\ndeny from evilpanel.com\nallow from all\nRequire not ip 45.9.201.0/24\n\
                    Require all granted\ndeny 45.9.202.0/24;\nallow 45.9.203.1;\ndeny all;\ngeo $bad {\n45.9.204.1 1;\n45.9.204.2 0;\n}\n\
                    <!-- a comment\n45.9.205.1 -->\n<?xml version=\"1.0\"?>\n<item name=\"x\" rule=\"45.9.206.1; 45.9.206.2\" is_block=\"true\" />\n</root>\n";
        let expected = [
            "SKIP directive",
            "cidr 45.9.0.0/17",
            "ip 45.9.200.1",
            "ip 45.9.200.2",
            "cidr 45.10.0.0/16",
            "domain-tree evilpanel.com",
            "SKIP directive",
            "cidr 45.9.201.0/24",
            "SKIP directive",
            "cidr 45.9.202.0/24",
            "allow ip 45.9.203.1",
            "SKIP directive",
            "SKIP directive",
            "ip 45.9.204.1",
            "allow ip 45.9.204.2",
            "SKIP directive",
            "SKIP comment",
            "SKIP comment",
            "SKIP directive",
            "ip 45.9.206.1",
            "ip 45.9.206.2",
            "SKIP directive",
        ];
        assert_eq!(render("firewall-config", &[], text), expected);
    }

    #[test]
    fn reads_addresses_only_from_their_positions() {
        let text = "add bl 80\nadd rule inet filter input ip saddr 45.9.20.20 drop\niptables -D INPUT -s 45.9.20.5 -j DROP\n-A PREROUTING -d 45.9.20.5 -j DNAT --to-destination 10.0.0.1\n\
                    sudo /sbin/iptables -A INPUT --source=45.9.20.6 -j DROP\n[0:0] -A INPUT -s 45.9.20.7 -j DROP\nsshd: 45.9.20.8: spawn echo 8.8.8.8\nsshd, ftpd : 45.9.20.9, 45.9.20.10\n\
                    ALL:45.9.20.11\nALL: [2a06:e480::]/32\nALL: 45.9.20.12 : allow\nALL: .evilpanel.com\nType: hash:net\n-exist add bl 45.9.20.13\n";
        let expected = [
            "REJECT bad-ip",
            "SKIP directive",
            "SKIP directive",
            "SKIP policy",
            "ip 45.9.20.6",
            "ip 45.9.20.7",
            "ip 45.9.20.8",
            "ip 45.9.20.9",
            "ip 45.9.20.10",
            "ip 45.9.20.11",
            "cidr 2a06:e480::/32",
            "allow ip 45.9.20.12",
            "subdomains evilpanel.com",
            "SKIP directive",
            "ip 45.9.20.13",
        ];
        assert_eq!(render("firewall-config", &[], text), expected);
    }
}
