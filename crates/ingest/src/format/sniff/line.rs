//! What one line looks like. Each function is a question that a rule asks of every line of data.

use crate::entry::token_type::{TokenType, type_of};
use crate::format::{csv, hosts_deny, token, v2fly, wazuh_cdb};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange};

/// The first word of a line, without list punctuation.
pub(super) fn first(line: &[u8]) -> &[u8] {
    token::unwrap(token::first(line).0)
}

pub(super) fn is_type(line: &[u8], kind: TokenType) -> bool {
    let text = refang(first(line));
    let is_address = AddressRange::parse(&text).is_ok();
    match kind {
        TokenType::Address => is_address,
        _ => !is_address && type_of(&text) == kind,
    }
}

pub(super) fn is_name(line: &[u8]) -> bool {
    let word = first(line);
    is_type(line, TokenType::Host)
        && word.contains(&b'.')
        && !word.iter().any(|byte| matches!(byte, b',' | b';' | b'"'))
}

pub(super) fn is_wildcard(line: &[u8]) -> bool {
    let marked = [b"*.".as_slice(), b".", b"+.", b"="].iter().any(|mark| line.starts_with(mark));
    marked && line.len() > 3
}

pub(super) fn is_hosts_line(line: &[u8]) -> bool {
    let (address, rest) = token::first(line);
    let is_sink = matches!(
        address,
        b"0.0.0.0"
            | b"127.0.0.1"
            | b"::"
            | b"::1"
            | b"0"
            | b"255.255.255.255"
            | b"ff02::1"
            | b"ff02::2"
            | b"ff00::0"
    ) || address.starts_with(b"fe80::1%");
    is_sink && !rest.trim_ascii().is_empty()
}

pub(super) fn is_labelled_range(line: &[u8]) -> bool {
    let after = memchr::memrchr(b':', line).and_then(|at| line.get(at + 1..)).unwrap_or(&[]);
    after.contains(&b'-') && AddressRange::parse(after).is_ok()
}

pub(super) fn is_levelled_range(line: &[u8]) -> bool {
    let mut columns = line.splitn(3, |byte| *byte == b',').map(<[u8]>::trim_ascii);
    let range = columns.next().unwrap_or(&[]);
    let level = columns.next().unwrap_or(&[]);
    range.contains(&b'-') && level.len() == 3 && level.iter().all(u8::is_ascii_digit)
}

/// What follows the first mark, if an address stands before it.
pub(super) fn after_address(line: &[u8], mark: u8) -> Option<&[u8]> {
    let at = memchr::memchr(mark, line)?;
    AddressRange::parse(line.get(..at)?.trim_ascii()).ok()?;
    line.get(at + 1..)
}

pub(super) fn is_hash_row(line: &[u8]) -> bool {
    after_address(line, b'#').is_some() && line.iter().filter(|byte| **byte == b'#').count() > 5
}

pub(super) fn is_dshield_line(line: &[u8]) -> bool {
    let mut columns = line.split(|byte| *byte == b'\t');
    let padded = |column: Option<&[u8]>| {
        column.is_some_and(|text| {
            text.len() > 6 && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        })
    };
    let counts = |column: Option<&[u8]>| {
        column.is_some_and(|text| {
            !text.is_empty() && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        })
    };
    padded(columns.next()) && counts(columns.next()) && counts(columns.next()) && columns.next().is_some()
}

pub(super) fn is_reputation(line: &[u8]) -> bool {
    let small = |text: &[u8]| (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let rest = after_address(line, b',').unwrap_or(&[]);
    let mut columns = rest.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    matches!((columns.next(), columns.next(), columns.next()), (Some(id), Some(score), None) if small(id) && small(score))
}

pub(super) fn is_range_row(line: &[u8]) -> bool {
    let rest = after_address(line, b',').unwrap_or(&[]);
    after_address(rest, b',').is_some_and(|label| label.iter().any(u8::is_ascii_alphabetic))
}

pub(super) fn is_ranked(line: &[u8]) -> bool {
    let mut columns = line.split(|byte| *byte == b',').map(|column| token::unwrap(column.trim_ascii()));
    let (one, two) = (columns.next().unwrap_or(&[]), columns.next().unwrap_or(&[]));
    columns.next().is_none()
        && (token::is_digits(one) && two.contains(&b'.') && !token::is_digits(two)
            || token::is_digits(two) && one.starts_with(b"http"))
}

pub(super) fn is_wrapped_name(line: &[u8]) -> bool {
    let value = line.split(|byte| *byte == b',').next().unwrap_or(&[]);
    let text = STANDARD.decode(value).unwrap_or_default();
    value.len() > 7 && text.contains(&b'.') && text.iter().all(u8::is_ascii_graphic)
}

/// Two columns or more, in quotes or not.
pub(super) fn is_table_row(line: &[u8]) -> bool {
    let body = line.strip_suffix(b",").unwrap_or(line);
    let texts = [b',', b'\t', b';'].map(|mark| body.iter().filter(|byte| **byte == mark).count());
    let quoted = line.starts_with(b"\"") && line.ends_with(b"\"");
    let words = line.split(|byte| *byte == b' ').count();
    let [commas, tabs, semicolons] = texts;
    quoted || tabs > 1 || (commas > 0 || semicolons > 1) && (words < 4 || commas > 2)
}

/// An indicator, a delimiter, and prose.
pub(super) fn is_keyed_row(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| matches!(byte, b',' | b';' | b'\t'));
    let key = end.and_then(|end| line.get(..end)).unwrap_or(&[]);
    end.is_some_and(|end| end + 1 < line.len()) && csv::is_indicator(key)
}

pub(super) fn is_range_line(line: &[u8]) -> bool {
    let text = token::before_comment(line);
    let parts = text.splitn(2, |byte| matches!(byte, b'-' | b'/'));
    let ends: Vec<&[u8]> = parts.map(<[u8]>::trim_ascii).collect();
    let two = matches!(ends.as_slice(), [a, b] if Address::parse(a).is_ok() && Address::parse(b).is_ok());
    two || text.ends_with(b".*") && text.first().is_some_and(u8::is_ascii_digit)
}

pub(super) fn is_annotated(line: &[u8]) -> bool {
    let (key, rest) = token::first(line);
    let key = key.split(|byte| *byte == b';').next().unwrap_or(&[]);
    AddressRange::parse(key).is_ok() && !rest.trim_ascii().is_empty() && !rest.trim_ascii().starts_with(b"-")
}

/// One JSON object.
pub(super) fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{") && line.ends_with(b"}")
}

pub(super) fn is_stix_pattern(line: &[u8]) -> bool {
    let kinds: [&[u8]; 5] = [b"[ipv4-addr:", b"[ipv6-addr:", b"[domain-name:", b"[url:", b"[file:"];
    kinds.iter().any(|kind| line.starts_with(kind))
}

pub(super) fn is_intel_row(line: &[u8]) -> bool {
    memchr::memmem::find(line, b"\tIntel::").is_some()
}

pub(super) fn is_tpl_rule(line: &[u8]) -> bool {
    matches!(line, [b'-' | b'+', b'd', b' ', ..] | [b':', b' ', ..] | [b'-' | b'+', b' ', ..])
        && !line.starts_with(b"- '")
}

/// A rule of a filter list: it has a mark that no other list has.
pub(super) fn is_filter_rule(line: &[u8]) -> bool {
    // What stands before a mark of hiding is a list of names, which has no `#` and no blank.
    let hides = |mark: &[u8]| {
        let at = memchr::memmem::find(line, mark).unwrap_or(line.len());
        let (sites, rule) = line.split_at_checked(at).unwrap_or((line, &[]));
        rule.get(mark.len()).is_some_and(u8::is_ascii_graphic)
            && sites.iter().all(|byte| byte.is_ascii_alphanumeric() || b".,~-_*".contains(byte))
    };
    let cosmetic: [&[u8]; 5] = [b"##", b"#@#", b"#?#", b"#$#", b"#%#"];
    line.starts_with(b"||")
        || line.starts_with(b"@@")
        || line.starts_with(b"|http")
        || line.ends_with(b"^") && !line.contains(&b' ')
        || memchr::memmem::find(line, b"^$").is_some()
        || cosmetic.into_iter().any(hides)
}

/// `192.0.2.0/24 :127.0.0.2:text`.
pub(super) fn has_return_code(line: &[u8]) -> bool {
    token::first(line).1.trim_ascii_start().starts_with(b":127.")
}

/// A name of a set of rbldnsd: `x`, `.x`, `*.x`, perhaps with a value.
pub(super) fn is_set_name(line: &[u8]) -> bool {
    let name = first(line);
    let bare = name.strip_prefix(b"*.").or_else(|| name.strip_prefix(b".")).unwrap_or(name);
    !bare.is_empty() && bare.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// A record of a zone file: an owner, perhaps a lifetime and a class, a type, and data.
pub(super) fn is_zone_record(line: &[u8]) -> bool {
    const TYPES: [&str; 9] = ["CNAME", "SOA", "NS", "A", "AAAA", "TXT", "PTR", "DNAME", "MX"];
    if line.starts_with(b"$TTL") || line.starts_with(b"$ORIGIN") {
        return true;
    }
    let words: Vec<&[u8]> = token::words(line).take(5).collect();
    let is_class = |word: &[u8]| token::is_digits(word) || word.eq_ignore_ascii_case(b"IN");
    let (at, kind) = match words.iter().skip(1).position(|word| !is_class(word)) {
        Some(at) => (at + 1, words.get(at + 1).copied().unwrap_or(&[])),
        None => return false,
    };
    let Some(data) = words.get(at + 1).copied() else { return false };
    let is_short = kind.len() == 1 || kind.eq_ignore_ascii_case(b"AAAA");
    TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known.as_bytes()))
        && (!is_short || Address::parse(data).is_ok())
}

pub(super) fn is_unbound_clause(line: &[u8]) -> bool {
    let clauses: [&[u8]; 5] =
        [b"local-zone:", b"local-data:", b"local-data-ptr:", b"server:", b"local-zone-tag:"];
    clauses.iter().any(|clause| memchr::memmem::find(line, clause).is_some_and(|at| at < 16))
}

pub(super) fn is_zone_clause(line: &[u8]) -> bool {
    line.strip_prefix(b"zone ").is_some_and(|rest| {
        let rest = rest.trim_ascii_start();
        rest.starts_with(b"\"") || rest.contains(&b'{')
    })
}

pub(super) fn is_zone_option(line: &[u8]) -> bool {
    line.ends_with(b";") || line.ends_with(b"{") || line == b"}"
}

pub(super) fn is_dnsmasq_option(line: &[u8]) -> bool {
    const NAMES: [&str; 12] = [
        "address",
        "server",
        "local",
        "ipset",
        "nftset",
        "bogus-nxdomain",
        "host-record",
        "cname",
        "conf-file",
        "rev-server",
        "rebind-domain-ok",
        "addn-hosts",
    ];
    let line = line.strip_prefix(b"--").unwrap_or(line);
    let name = token::split_once(line, b'=').map_or(&[][..], |(name, _)| name.trim_ascii());
    NAMES.iter().any(|known| known.as_bytes() == name)
}

/// `DOMAIN-SUFFIX,x`, `- IP-CIDR,x`, `- '+.x'`.
pub(super) fn is_clash_rule(line: &[u8]) -> bool {
    const KINDS: [&str; 22] = [
        "DOMAIN",
        "DOMAIN-SUFFIX",
        "DOMAIN-KEYWORD",
        "DOMAIN-REGEX",
        "DOMAIN-WILDCARD",
        "DOMAIN-SET",
        "HOST",
        "HOST-SUFFIX",
        "HOST-KEYWORD",
        "HOST-WILDCARD",
        "IP-CIDR",
        "IP-CIDR6",
        "IP6-CIDR",
        "IP-ASN",
        "SRC-IP-CIDR",
        "GEOIP",
        "GEOSITE",
        "RULE-SET",
        "USER-AGENT",
        "URL-REGEX",
        "PROCESS-NAME",
        "FINAL",
    ];
    let item = line.strip_prefix(b"- ").map(<[u8]>::trim_ascii_start);
    let kind = token::split_once(item.unwrap_or(line), b',').map_or(&[][..], |(kind, _)| kind.trim_ascii());
    // In lower case, words without a hyphen are kinds of indicators in tables, too.
    let is_kind = |known: &&str| match known.contains('-') {
        true => known.as_bytes().eq_ignore_ascii_case(kind),
        false => known.as_bytes() == kind,
    };
    item.is_some_and(|item| matches!(item, [b'\'' | b'"', ..])) || KINDS.iter().any(is_kind)
}

/// A rule in one of the dialects of firewalls and web servers.
pub(super) fn is_firewall_rule(line: &[u8]) -> bool {
    let words: Vec<&[u8]> = token::words(line).take(4).collect();
    let words = words.strip_prefix(&[b"sudo".as_slice()]).unwrap_or(&words);
    let first = words.first().copied().unwrap_or(&[]);
    let program = first.rsplit(|byte| *byte == b'/').next().unwrap_or(first).to_ascii_lowercase();
    match program.as_slice() {
        b"iptables" | b"ip6tables" | b"ipset" | b"nft" | b"access-list" | b"network-object" => true,
        b"add" | b"create" | b"-a" | b"-i" | b"-exist" | b"deny" | b"order" | b"firewall" => words.len() > 1,
        b"allow" | b"permit" => words.len() > 1,
        b"require" => words.len() > 2,
        b"commit" => words.len() == 1,
        _ if token::is_digits(first) => matches!(words.get(1), Some(&(b"deny" | b"permit" | b"remark"))),
        _ => line.starts_with(b"*filter") || line.starts_with(b"/ip") || is_chain(line),
    }
}

/// `:INPUT ACCEPT [0:0]`, or a rule with counters before it.
fn is_chain(line: &[u8]) -> bool {
    line.starts_with(b":") && line.ends_with(b"]")
        || line.starts_with(b"[") && memchr::memmem::find(line, b"] -A ").is_some()
}

/// `type ipv4_addr`, `flags interval`: what stands beside the elements of an nftables set.
pub(super) fn is_set_attribute(line: &[u8]) -> bool {
    let first = token::first(line).0;
    matches!(first, b"type" | b"flags" | b"auto-merge" | b"timeout" | b"table" | b"set" | b"define" | b"size")
}

/// Words that reports write before indicators, `Domain: evil.example.com`. No daemon has such a name.
const LABELS: [&str; 24] = [
    "ip",
    "ips",
    "ipv4",
    "ipv6",
    "range",
    "cidr",
    "network",
    "address",
    "domain",
    "domains",
    "host",
    "hosts",
    "hostname",
    "fqdn",
    "url",
    "urls",
    "c2",
    "server",
    "indicator",
    "ioc",
    "source",
    "name",
    "md5",
    "reference",
];

/// `ALL: 192.0.2.`, `sshd, ftpd: .evil.example.com`: daemons and their clients.
pub(super) fn is_wrapper_rule(line: &[u8]) -> bool {
    let Some(clients) = hosts_deny::clients(line) else { return false };
    let daemons = token::before(line, b':');
    let client = token::words(clients).next().unwrap_or(&[]);
    let client = client.strip_suffix(b",").unwrap_or(client);
    let is_client = client.contains(&b'.')
        || client.starts_with(b"[")
        || matches!(client, b"ALL" | b"LOCAL" | b"UNKNOWN" | b"KNOWN" | b"PARANOID")
        || AddressRange::parse(client).is_ok();
    let is_label = LABELS.iter().any(|label| label.as_bytes().eq_ignore_ascii_case(daemons.trim_ascii()));
    let is_prose = clients.starts_with(b"//") || memchr::memmem::find(clients, b"[.]").is_some();
    is_client && !is_label && !is_prose && !csv::is_indicator(daemons) && !v2fly::is_marked(line)
}

pub(super) fn is_ids_rule(line: &[u8]) -> bool {
    line.ends_with(b")") && memchr::memmem::find(line, b" -> ").is_some()
}

pub(super) fn is_relay_line(line: &[u8]) -> bool {
    matches!(token::first(line).0, b"ExitNode" | b"ExitAddress" | b"Published" | b"LastStatus")
}

pub(super) fn is_expression(line: &[u8]) -> bool {
    line.starts_with(b"(^|") || line.starts_with(b"(\\.|") || line.starts_with(b"^")
}

/// An address and a name after it.
pub(super) fn is_mapping(line: &[u8]) -> bool {
    let (address, rest) = token::first(line);
    Address::parse(address).is_ok() && is_name(rest.trim_ascii())
}

/// `key:value` or `key:`, where the key is an indicator, a hash or the first octets of addresses.
pub(super) fn is_pair(line: &[u8]) -> bool {
    let (key, value) = wazuh_cdb::split(line);
    let is_network = key.ends_with(b".") && key.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let is_key = is_network || csv::is_indicator(key) || type_of(key) == TokenType::Unsupported;
    let is_glued = line.get(key.len()) == Some(&b':') || line.starts_with(b"\"");
    value.is_some() && is_glued && !key.contains(&b' ') && is_key
}

/// `192.0.2.7:8080`, perhaps with a path or a remark after the port.
pub(super) fn has_port(line: &[u8]) -> bool {
    let value = wazuh_cdb::split(line).1.unwrap_or(&[]).trim_ascii_start();
    let end = value.iter().position(|byte| b"/,; \t".contains(byte)).unwrap_or(value.len());
    token::is_digits(value.get(..end).unwrap_or(&[]))
}

/// `192.0.2.0/24 ; SBL000001`, `AS64496 ; XX`.
pub(super) fn is_drop_row(line: &[u8]) -> bool {
    let is_system = || line.strip_prefix(b"AS").is_some_and(|rest| token::is_digits(token::first(rest).0));
    memchr::memmem::find(line, b"; SBL").is_some() || is_system() && line.contains(&b';')
}

/// A path, an address with a port, or a host with a path.
pub(super) fn is_trail(line: &[u8]) -> bool {
    let text = first(line);
    text.starts_with(b"/") || is_type(line, TokenType::Url)
}

/// Whether a word is an indicator.
pub(super) fn is_indicator(word: &[u8]) -> bool {
    csv::is_indicator(word)
}

/// A name and nothing more.
pub(super) fn is_bare_name(line: &[u8]) -> bool {
    is_name(line) && csv::is_indicator(line)
}
