//! The rules: one row per syntax that is recognized, the most special first.

use super::keys::Keys;
use super::line::{self, is_name, is_type};
use super::sample::Sample;
use crate::entry::token_type::TokenType;
use crate::format::{crowdsec, csv, postfix_access, ublacklist, v2fly};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Returns the evidence for a format, if there is any.
pub(super) type Rule = fn(&Sample<'_>) -> Option<String>;

/// Rules and their formats, the surest first.
pub(super) const RULES: &[(&str, Rule)] = &[
    ("rss", |sample| root(sample, &["rss", "feed", "rdf:RDF", "channel", "item"])),
    ("firewalld-ipset", |sample| root(sample, &["ipset"])),
    ("firewall-config", |sample| if sample.is_xml() { sample.holds(&["rule=\""]) } else { None }),
    ("url-list", |sample| sample.text.starts_with(b"<pre>").then(|| "it begins with `<pre>`".to_owned())),
    ("dshield", |sample| {
        (sample.is_xml() && sample.contains(b"DShield")).then(|| "it is a page of DShield".to_owned())
    }),
    ("xml", |sample| (sample.is_xml() && sample.contains(b"</")).then(|| "it is XML".to_owned())),
    ("spamhaus-drop-json", drop_json),
    ("onionoo", |sample| sample.keys()?.any(&["or_addresses", "relays_published"])),
    ("misp-feed", misp_feed),
    ("misp-warninglist", warninglist),
    ("otx-pulse", |sample| sample.keys().filter(|keys| keys.has("indicators"))?.any(&["indicator"])),
    ("stix", stix),
    ("lsrules", |sample| {
        sample.keys()?.any(&[
            "denied-remote-domains",
            "denied-remote-hosts",
            "denied-remote-addresses",
            "denied-remote-notes",
            "remote-domains",
            "remote-hosts",
            "remote-addresses",
        ])
    }),
    ("cloud-json", cloud),
    ("cloud-json", oracle),
    ("ndjson", ndjson),
    ("json", |sample| sample.is_json().then(|| "it begins as JSON does".to_owned())),
    ("stix", |sample| sample.most(50, "patterns of STIX", line::is_stix_pattern)),
    ("adblock-base64-autoproxy", wrapped),
    ("zeek-intel", zeek_intel),
    ("zeek-intel", |sample| sample.most(50, "rows with `Intel::`", line::is_intel_row)),
    ("ie-tpl", |sample| header_of(sample, &["msFilterList"], 50, line::is_tpl_rule)),
    ("ie-tpl", |sample| sample.most(50, "rules with -d or +d", line::is_tpl_rule)),
    ("ublacklist", |sample| {
        sample.most(30, "match patterns", |line| {
            ublacklist::is_pattern(line) && !is_type(line, TokenType::Address)
        })
    }),
    ("hash-delimited", |sample| sample.most(60, "rows with # between the columns", line::is_hash_row)),
    ("adblock", adblock_header),
    ("adblock", |sample| sample.most(30, "filter rules", line::is_filter_rule)),
    ("rbldnsd-ip4", |sample| rbldnsd(sample, TokenType::Address)),
    ("rbldnsd-dnset", |sample| rbldnsd(sample, TokenType::Host)),
    ("rpz", |sample| sample.most(30, "records of a zone", line::is_zone_record)),
    ("unbound", |sample| sample.most(30, "clauses of Unbound", line::is_unbound_clause)),
    ("bind-zones", bind_zones),
    ("dnsmasq", |sample| sample.most(30, "options of dnsmasq", line::is_dnsmasq_option)),
    ("clash", |sample| header_of(sample, &["payload:"], 50, |line| line.starts_with(b"- "))),
    ("clash", |sample| sample.most(30, "rules with a kind", line::is_clash_rule)),
    ("pac", pac),
    ("firewall-config", |sample| sample.most(50, "rules of a firewall", line::is_firewall_rule)),
    ("firewall-config", elements),
    ("firewall-config", csf),
    ("p2p-plaintext", |sample| sample.most(60, "label:start-end", line::is_labelled_range)),
    ("hosts-deny", |sample| sample.most(50, "daemons and their clients", line::is_wrapper_rule)),
    ("postfix-access", |sample| sample.most(50, "keys with an action", postfix_access::is_row)),
    ("ids-rules", |sample| sample.most(50, "rules", line::is_ids_rule)),
    ("tor-exit-addresses", |sample| sample.most(50, "lines about relays", line::is_relay_line)),
    ("squidguard", |sample| {
        sample.most(80, "expressions", |line| {
            line.starts_with(b"^") || line.starts_with(b"(") && !line.starts_with(b"(^|")
        })
    }),
    ("regex-list", |sample| sample.most(30, "expressions", line::is_expression)),
    ("v2fly", marked_names),
    ("hosts", |sample| sample.most(50, "a sink and a name", line::is_hosts_line)),
    ("hosts", one_sink),
    ("emule-dat", |sample| sample.most(60, "ranges with a level", line::is_levelled_range)),
    ("wazuh-cdb", database),
    ("spamhaus-drop-text", |sample| sample.most(50, "prefixes with a number of Spamhaus", line::is_drop_row)),
    ("netset", netset),
    ("dshield", |sample| sample.most(50, "rows with TABs between the columns", line::is_dshield_line)),
    ("csv", |sample| named_columns(sample, b"|")),
    ("pipe-delimited", |sample| {
        sample.most(60, "rows with | between the columns", |line| {
            line.iter().filter(|byte| **byte == b'|').count() > 3
        })
    }),
    ("suricata-iprep", |sample| sample.most(60, "address, category and score", line::is_reputation)),
    ("ip-range-csv", |sample| sample.most(80, "start,end,label", line::is_range_row)),
    ("toplist-csv", majestic),
    ("toplist-csv", |sample| sample.most(60, "a rank and a name", line::is_ranked)),
    ("crowdsec", decisions),
    ("csv", |sample| named_columns(sample, b",\t;")),
    ("suricata-dataset", |sample| sample.most(80, "base64 of a name", line::is_wrapped_name)),
    ("csv", tabbed),
    ("plain-ip-annotated", |sample| sample.most(50, "addresses with a remark", line::is_annotated)),
    ("maltrail", trails),
    ("csv", |sample| sample.most(80, "columns", line::is_table_row)),
    ("csv", |sample| sample.most(80, "an indicator and other columns", line::is_keyed_row)),
    ("ip-range", |sample| sample.most(30, "ranges or masks", line::is_range_line)),
    ("url-list", |sample| sample.most(50, "URLs", |line| is_type(line, TokenType::Url))),
    ("domain-wildcard", |sample| sample.most(30, "names with a mark of reach", line::is_wildcard)),
    ("plain-domain", names_and_addresses),
    ("plain-ip", |sample| sample.most(50, "addresses", |line| is_type(line, TokenType::Address))),
    ("plain-domain", |sample| sample.most(50, "names", is_name)),
    ("plain-domain", mixed),
    ("freetext", |sample| sample.holds(&["[.]", "hxxp", "http://", "https://"])),
];

/// The evidence, if the root element of an XML text is one of these.
fn root(sample: &Sample<'_>, names: &[&str]) -> Option<String> {
    let mut rest = sample.text.strip_prefix(b"<")?;
    // The declaration, comments and processing instructions stand before it.
    while let [b'?' | b'!', ..] = rest {
        let end: &[u8] = if rest.starts_with(b"!--") { b"-->" } else { b">" };
        let after = rest.get(memchr::memmem::find(rest, end)? + end.len()..)?;
        rest = after.trim_ascii_start().strip_prefix(b"<")?;
    }
    let end = rest.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))?;
    let element = rest.get(..end)?;
    let found = names.iter().find(|name| name.as_bytes() == element)?;
    Some(format!("its root element is `{found}`"))
}

/// One object a line, with `cidr` at the top of most, and metadata. A `cidr` inside another layout is that
/// layout's. The list of autonomous systems has the same form.
fn drop_json(sample: &Sample<'_>) -> Option<String> {
    let has = |line: &[u8], names: &[&str]| {
        let keys = Keys::of(line);
        names.iter().any(|name| keys.has_at_top(name))
    };
    let is_row = |line: &[u8]| {
        line::is_object(line)
            && (has(line, &["cidr"]) || has(line, &["asn"]) && has(line, &["rir", "asname"]))
    };
    let is_other =
        |line: &[u8]| line::is_object(line) && !is_row(line) && !has(line, &["type", "timestamp", "records"]);
    let why = sample.most(50, "objects with a key `cidr`", is_row)?;
    (!sample.share(1, is_other)).then_some(why)
}

/// A list, and what it is a list of, which other documents with a list do not say. Keys are in alphabetical
/// order, so that of a large list only what stands before it is seen.
fn warninglist(sample: &Sample<'_>) -> Option<String> {
    let keys = sample.keys()?;
    let is_cut = !sample.text.trim_ascii_end().ends_with(b"}");
    let is_known = match keys.has_at_top("type") {
        true => has_warninglist_type(sample.text),
        false => is_cut && keys.has_at_top("description"),
    };
    let is_list = keys.has_at_top("list") && (is_known || keys.has_at_top("matching_attributes"));
    is_list.then(|| "it has keys `list` and `type`".to_owned())
}

/// Whether a `type` is one of those that MISP's warninglists have. Other lists have a type, too.
fn has_warninglist_type(text: &[u8]) -> bool {
    let types: [&[u8]; 5] = [b"string\"", b"substring\"", b"hostname\"", b"cidr\"", b"regex\""];
    memchr::memmem::find_iter(text, b"\"type\"").any(|at| {
        let after = text.get(at + 6..).unwrap_or(&[]).trim_ascii_start();
        let value = after.strip_prefix(b":").unwrap_or(&[]).trim_ascii_start();
        value.strip_prefix(b"\"").is_some_and(|value| types.iter().any(|known| value.starts_with(known)))
    })
}

/// Events of MISP with their attributes, or attributes alone. A record of another layout may have a key
/// `Event` or `to_ids`.
fn misp_feed(sample: &Sample<'_>) -> Option<String> {
    let keys = sample.keys()?;
    let is_event = keys.has_at_top("Event")
        || keys.has_at_top("response") && (keys.has_at(2, "Event") || keys.has_at(3, "Event"))
        || sample.text.starts_with(b"[") && keys.has_at(2, "Event");
    let has_attributes = keys.has("Attribute");
    let is_feed = has_attributes && (is_event || keys.has("to_ids")) || is_event && keys.has("Object");
    is_feed.then(|| "it has a key `Attribute` in the places of MISP's".to_owned())
}

/// The layouts of AWS and Google, Azure, Fastly and Office 365: each key where the operator has it.
fn cloud(sample: &Sample<'_>) -> Option<String> {
    let keys = sample.keys()?;
    let found = [
        ("ip_prefix", keys.has_at_top("prefixes") && keys.has_at(3, "ip_prefix")),
        ("ipv4Prefix", keys.has_at_top("prefixes") && keys.has_at(3, "ipv4Prefix")),
        ("addressPrefixes", keys.has_at_top("values") && keys.has_at(4, "addressPrefixes")),
        ("ipv6_addresses", keys.has_at_top("ipv6_addresses")),
        ("tcpPorts", sample.text.starts_with(b"[") && keys.has_at(2, "tcpPorts")),
    ];
    let (key, _) = found.into_iter().find(|(_, is_there)| *is_there)?;
    Some(format!("it has a key `{key}`"))
}

fn stix(sample: &Sample<'_>) -> Option<String> {
    let keys = sample.keys()?;
    let is_bundle = keys.has("pattern") && (keys.has_at_top("objects") || keys.has("valid_from"));
    if is_bundle {
        Some("it has keys `pattern` and `objects`".to_owned())
    } else {
        keys.any(&["spec_version", "valid_from"])
    }
}

/// The layout of Oracle's cloud.
fn oracle(sample: &Sample<'_>) -> Option<String> {
    let keys = sample.keys()?;
    let is_oracle =
        ["last_updated_timestamp", "regions"].iter().all(|key| keys.has_at_top(key)) && keys.has("cidrs");
    is_oracle.then(|| "it has keys `last_updated_timestamp`, `regions` and `cidrs`".to_owned())
}

/// Several lines, each of which is an object.
fn ndjson(sample: &Sample<'_>) -> Option<String> {
    let objects = sample.count(line::is_object);
    let every = objects > 1 && objects + 1 >= sample.data.len();
    (sample.is_json() && every).then(|| format!("{objects} lines are an object each"))
}

/// How many characters of base64 are decoded to see what they hold.
const WRAPPED_LEN: usize = 4096;

/// Long lines of base64, which hold a filter list.
fn wrapped(sample: &Sample<'_>) -> Option<String> {
    // The beginning tells, and one line may be the whole file.
    let first: Vec<u8> =
        sample.opening.iter().take(4).flat_map(|line| line.iter().copied()).take(WRAPPED_LEN).collect();
    let whole = first.get(..first.len() / 4 * 4)?;
    let inside = STANDARD.decode(whole).ok()?;
    let is_list = inside.starts_with(b"[Auto")
        || inside.starts_with(b"[Adblock")
        || inside.starts_with(b"! ")
        || inside.starts_with(b"||");
    is_list.then(|| "it is base64 of a filter list".to_owned())
}

/// The evidence of a header, if this percentage of the lines of data agrees with it.
fn header_of(
    sample: &Sample<'_>,
    texts: &[&str],
    percent: usize,
    agrees: impl Fn(&[u8]) -> bool,
) -> Option<String> {
    let why = sample.header(texts)?;
    let is_header = |line: &[u8]| texts.iter().any(|text| line.starts_with(text.as_bytes()));
    sample.share(percent, |line| agrees(line) || is_header(line)).then_some(why)
}

/// The header of an intelligence file, which may have no row yet.
fn zeek_intel(sample: &Sample<'_>) -> Option<String> {
    let why = sample.header(&["#fields\tindicator", "#fields indicator"])?;
    let has_columns = |line: &[u8]| line.contains(&b'\t') || line::is_intel_row(line);
    (sample.data.is_empty() || sample.share(50, has_columns)).then_some(why)
}

/// The header of a filter list. Its rules may be names alone where it is the first line; but they are not lines
/// of a hosts file or addresses.
fn adblock_header(sample: &Sample<'_>) -> Option<String> {
    let marks = ["[Adblock", "[AutoProxy", "[uBlock", "[Nano", "[AdGuard"];
    let why = sample.header(&marks)?;
    let is_first = marks.iter().any(|mark| sample.text.starts_with(mark.as_bytes()));
    let is_plain = |line: &[u8]| {
        let is_row = line::is_hosts_line(line) || is_type(line, TokenType::Address);
        is_row || !is_first && line::is_bare_name(line)
    };
    // The header is a line of data, too.
    let others = sample.data.len().saturating_sub(1);
    (sample.count(is_plain) * 100 < others * 80 || others == 0).then_some(why)
}

/// A special line at the beginning, and entries after it, or entries with values. The special line may be the
/// only sign of the syntax, and it decides what the others mean.
fn rbldnsd(sample: &Sample<'_>, kind: TokenType) -> Option<String> {
    let header = sample.header(&["$SOA ", "$TIMESTAMP ", "$DATASET ", "$MAXRANGE4", ":127.0.0.", "$NS "]);
    let why = header.or_else(|| sample.most(50, "entries with a value", line::has_return_code))?;
    let is_special = |line: &[u8]| line.starts_with(b":") || line.starts_with(b"$");
    let is_numeric = |line: &[u8]| line::first(line).iter().all(|byte| b"0123456789./-:!".contains(byte));
    let entries = sample.count(|line| !is_special(line));
    let numeric = sample.count(|line| !is_special(line) && is_numeric(line));
    let names = sample.count(|line| !is_special(line) && !is_numeric(line) && line::is_set_name(line));
    let found = if numeric >= names { TokenType::Address } else { TokenType::Host };
    (found == kind && (numeric + names) * 10 >= entries * 8).then_some(why)
}

/// Zones, each on a line of its own or over several.
fn bind_zones(sample: &Sample<'_>) -> Option<String> {
    let why = sample.most(10, "zones of BIND", line::is_zone_clause)?;
    sample.share(60, |line| line::is_zone_clause(line) || line::is_zone_option(line)).then_some(why)
}

/// A program, not a list that mentions one.
fn pac(sample: &Sample<'_>) -> Option<String> {
    let why = sample.holds(&["FindProxyForURL", "dnsDomainIs("])?;
    let is_entry = |line: &[u8]| {
        !line.starts_with(b"\"")
            && !line.starts_with(b"'")
            && (is_name(line) || is_type(line, TokenType::Address))
    };
    (!sample.share(50, is_entry)).then_some(why)
}

/// The elements of an nftables set, most of which stand on lines of their own.
fn elements(sample: &Sample<'_>) -> Option<String> {
    let why = sample.holds(&["elements = {", "elements={"])?;
    let is_element = |line: &[u8]| line.ends_with(b",");
    let is_syntax = |line: &[u8]| line.contains(&b'{') || line.contains(&b'}') || line.ends_with(b";");
    sample
        .share(50, |line| is_element(line) || is_syntax(line) || line::is_set_attribute(line))
        .then_some(why)
}

/// Advanced rules of csf among addresses.
fn csf(sample: &Sample<'_>) -> Option<String> {
    let why = sample.holds(&["tcp|in|", "tcp|out|", "udp|in|", "udp|out|"])?;
    let is_rule = |line: &[u8]| line.contains(&b'|') || is_type(line, TokenType::Address);
    sample.share(80, is_rule).then_some(why)
}

/// Names, with the words or attributes of v2fly's lists at one in a hundred of them or more.
fn marked_names(sample: &Sample<'_>) -> Option<String> {
    let why = sample.most(1, "rules or names with attributes", v2fly::is_marked)?;
    let fits = |line: &[u8]| v2fly::is_marked(line) || is_name(line) && !line::is_wildcard(line);
    sample.share(80, fits).then_some(why)
}

/// One address before every name: the sink of a hosts file, whatever it is.
fn one_sink(sample: &Sample<'_>) -> Option<String> {
    let middle = line::first(sample.data.get(sample.data.len() / 2)?);
    let is_row = |line: &[u8]| line::first(line) == middle && line::is_mapping(line);
    if sample.data.len() < 3 { None } else { sample.most(80, "one address and names", is_row) }
}

/// Keys with values. A port is no value: a list of proxies has these.
fn database(sample: &Sample<'_>) -> Option<String> {
    let why = sample.most(80, "a key, a colon and a value", line::is_pair)?;
    (!sample.share(30, line::has_port)).then_some(why)
}

/// Addresses below a header of FireHOL.
fn netset(sample: &Sample<'_>) -> Option<String> {
    let keys: [&[u8]; 3] = [b"# This File Date", b"# Source File Date", b"# Maintainer URL"];
    let is_header = |line: &&&[u8]| keys.iter().any(|key| line.starts_with(key));
    let header = sample.comments.iter().find(is_header)?;
    let why = format!("its header has `{}`", String::from_utf8_lossy(header.get(..16)?).trim_end());
    sample.share(50, |line| is_type(line, TokenType::Address)).then_some(why)
}

/// Entries below comments that name their source, as in maltrail's lists.
fn trails(sample: &Sample<'_>) -> Option<String> {
    let is_source = |line: &&&[u8]| line.starts_with(b"# Reference:") || line.starts_with(b"# Aliases:");
    let is_named = |line: &&[u8]| memchr::memmem::find(line, b"Maltrail developers").is_some();
    let sources = sample.comments.iter().filter(is_source).count();
    let is_trail = |line: &[u8]| is_name(line) || is_type(line, TokenType::Address) || line::is_trail(line);
    let known = sources > 1 || sources == 1 && sample.total < 100 || sample.comments.iter().any(is_named);
    (known && sample.share(80, is_trail)).then(|| "its comments name sources as maltrail's do".to_owned())
}

/// The header of CrowdSec's decisions, or their rows.
fn decisions(sample: &Sample<'_>) -> Option<String> {
    let first = sample.data.first().filter(|line| crowdsec::is_header(line));
    let has_rows = first.filter(|_| sample.data.len() < 2 || sample.share(30, crowdsec::has_scope));
    let by_header = has_rows.map(|_| "its header names the columns of decisions".to_owned());
    by_header.or_else(|| sample.most(50, "decisions of CrowdSec", crowdsec::is_row))
}

/// Names among addresses: such a list is read as one of names, which takes both.
fn names_and_addresses(sample: &Sample<'_>) -> Option<String> {
    let names = sample.most(3, "names", is_name)?;
    let both = |line: &[u8]| is_name(line) || is_type(line, TokenType::Address);
    sample.most(80, "names or addresses", both).map(|_| names)
}

/// Indicators of several kinds, none of which has the majority.
fn mixed(sample: &Sample<'_>) -> Option<String> {
    let is_one = |line: &[u8]| {
        let kinds = [TokenType::Address, TokenType::Url, TokenType::Unsupported];
        is_name(line) || kinds.iter().any(|kind| is_type(line, *kind))
    };
    let is_alone =
        |line: &[u8]| crate::format::token::words(crate::format::token::before_comment(line)).count() == 1;
    sample.most(60, "indicators of several kinds", |line| is_alone(line) && is_one(line))
}

/// The table of Majestic, whose first two columns are ranks.
fn majestic(sample: &Sample<'_>) -> Option<String> {
    let header = sample.data.first()?;
    header.starts_with(b"GlobalRank,TldRank,Domain").then(|| "its header is Majestic's".to_owned())
}

/// A header and rows of as many columns, separated by TABs.
fn tabbed(sample: &Sample<'_>) -> Option<String> {
    let tabs = |line: &[u8]| line.iter().filter(|byte| **byte == b'\t').count();
    let header = sample.data.first()?;
    let is_word =
        |name: &[u8]| name.first().is_some_and(u8::is_ascii_alphabetic) && !line::is_indicator(name);
    let is_header = tabs(header) > 1 && header.split(|byte| *byte == b'\t').all(is_word);
    let columns = tabs(header);
    if is_header {
        sample.most(80, "rows with as many TABs as the header", |line| tabs(line) == columns)
    } else {
        None
    }
}

/// A first line that names columns, or declares the delimiter between them, and rows with that delimiter.
fn named_columns(sample: &Sample<'_>, delimiters: &[u8]) -> Option<String> {
    let has_delimiter = |line: &[u8]| line.iter().any(|byte| delimiters.contains(byte));
    let is_named = csv::has_header(sample.text, delimiters) && sample.share(50, has_delimiter);
    is_named.then(|| "its first line names columns".to_owned())
}
