//! Detects the format of a file.
//!
//! The first block is matched against a list of rules, the surest first: text that only one syntax has, then
//! what most lines look like. A guess comes with its evidence, so that a person can check it. A catalogue
//! should name its formats: if a publisher changes the syntax, the feed should fail rather than follow.

use crate::download::lines;
use crate::download::refusal::FileRefusal;
use crate::entry::token_type::{TokenType, type_of};
use crate::format::token;
use crate::format::{self, Format, Shape};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange};

/// About how many lines of the block are examined: between this and half as many more.
const LINES: usize = 400;

/// A detected format and the evidence for it.
#[derive(Clone, Debug)]
pub struct Guess {
    /// The format.
    pub format: &'static Format,
    /// The evidence, as a sentence for a person.
    pub why: String,
}

/// The detected format, if the given one is `auto`.
pub(crate) fn detect(format: &'static Format, head: &[u8]) -> Result<Option<Guess>, FileRefusal> {
    match format.shape {
        // The caller has refused HTML; an empty file is refused as what it is.
        Shape::Sniffed if head.trim_ascii().is_empty() => Err(FileRefusal::Empty),
        Shape::Sniffed if Sample::new(head).data.is_empty() => Err(FileRefusal::Empty),
        Shape::Sniffed => guess(head).map(Some).ok_or(FileRefusal::NoData),
        _ => Ok(None),
    }
}

/// Guesses the format of a file from its beginning.
///
/// ```
/// let guess = rapsheet_ingest::format::sniff::guess(b"0.0.0.0 a.example\n0.0.0.0 b.example\n");
/// assert_eq!(guess.expect("a list").format.id, "hosts");
/// ```
pub fn guess(head: &[u8]) -> Option<Guess> {
    let sample = Sample::new(head);
    let (id, why) = RULES.iter().find_map(|(id, rule)| Some((*id, rule(&sample)?)))?;
    Some(Guess { format: format::find(id)?, why })
}

/// The beginning of a file.
struct Sample<'h> {
    text: &'h [u8],
    /// Lines that are not blank.
    lines: Vec<&'h [u8]>,
    /// Lines that are neither blank nor comments.
    data: Vec<&'h [u8]>,
}

impl<'h> Sample<'h> {
    fn new(head: &'h [u8]) -> Sample<'h> {
        let text = head.trim_ascii_start();
        let lines: Vec<&[u8]> = lines::split(text)
            .map(|at| lines::trim(text.get(at).unwrap_or(&[])))
            .filter(|line| !line.is_empty())
            .collect();
        // Sorted lists begin with their addresses, so lines from the whole block are examined.
        let step = lines.len().div_ceil(LINES).max(1);
        let (first, rest) = lines.split_at(lines.len().min(LINES / 2));
        let lines: Vec<&[u8]> = first.iter().chain(rest.iter().step_by(step)).copied().collect();
        let is_comment = |line: &[u8]| {
            matches!(line, [b'#', next, ..] if *next != b'#' || line.starts_with(b"###"))
                || matches!(line, [b'#'] | [b';' | b'!', ..] | [b'/', b'/', ..])
        };
        let data = lines.iter().copied().filter(|line| !is_comment(line)).collect();
        Sample { text, lines, data }
    }

    fn contains(&self, mark: &[u8]) -> bool {
        memchr::memmem::find(self.text, mark).is_some()
    }

    /// The first of these texts that the block contains.
    fn holds(&self, texts: &[&str]) -> Option<String> {
        let found = texts.iter().find(|mark| self.contains(mark.as_bytes()));
        found.map(|mark| format!("it holds `{mark}`"))
    }

    /// The first of these texts that a line begins with.
    fn opening(&self, texts: &[&str]) -> Option<String> {
        let begins = |mark: &&&str| self.lines.iter().any(|line| line.starts_with(mark.as_bytes()));
        texts.iter().find(begins).map(|mark| format!("a line begins with `{mark}`"))
    }

    /// The evidence, if this percentage of the data lines matches.
    fn most(&self, percent: usize, what: &str, is_match: impl Fn(&[u8]) -> bool) -> Option<String> {
        let count = self.data.iter().filter(|line| is_match(line)).count();
        let enough = count > 0 && count * 100 >= self.data.len() * percent;
        enough.then(|| format!("{count} of the first {} lines of data are {what}", self.data.len()))
    }

    fn is_json(&self) -> bool {
        match self.text {
            [b'{', ..] => true,
            [b'[', rest @ ..] => {
                matches!(rest.trim_ascii_start().first(), None | Some(b'"' | b'{' | b'[' | b']'))
            }
            _ => false,
        }
    }

    fn is_xml(&self) -> bool {
        self.text.starts_with(b"<")
    }
}

/// Returns the evidence for a format, if there is any.
type Rule = fn(&Sample<'_>) -> Option<String>;

/// Rules and their formats, the surest first.
const RULES: &[(&str, Rule)] = &[
    (
        "rss",
        |sample| if sample.is_xml() { sample.holds(&["<rss", "<feed", "<item>", "<channel"]) } else { None },
    ),
    ("firewall-config", |sample| if sample.is_xml() { sample.holds(&["rule=\""]) } else { None }),
    ("url-list", |sample| sample.text.starts_with(b"<pre>").then(|| "it begins with `<pre>`".to_owned())),
    ("dshield", |sample| if sample.is_xml() { sample.holds(&["DShield", "Source IP"]) } else { None }),
    ("xml", |sample| (sample.is_xml() && sample.contains(b"</")).then(|| "it is XML".to_owned())),
    ("spamhaus-drop-json", |sample| json(sample, &["\"cidr\":", "\"sblid\""])),
    ("onionoo", |sample| json(sample, &["\"or_addresses\"", "\"relays_published\""])),
    ("misp-feed", |sample| json(sample, &["\"Event\"", "\"to_ids\""])),
    ("misp-warninglist", |sample| json(sample, &["\"matching_attributes\"", "\"list\":[", "\"list\": ["])),
    ("otx-pulse", |sample| json(sample, &["\"indicators\""])),
    ("stix", |sample| json(sample, &["\"pattern\"", "\"spec_version\"", "\"valid_from\""])),
    ("lsrules", |sample| json(sample, &["\"denied-remote-", "\"remote-domains\"", "\"remote-hosts\""])),
    ("cloud-json", |sample| {
        json(sample, &["\"ip_prefix\"", "\"ipv4Prefix\"", "\"addressPrefixes\"", "\"ipv6_addresses\""])
    }),
    ("cloud-json", |sample| json(sample, &["\"tcpPorts\""])),
    ("ndjson", ndjson),
    ("json", |sample| sample.is_json().then(|| "it begins as JSON does".to_owned())),
    ("stix", |sample| sample.opening(&["[ipv4-addr:", "[ipv6-addr:", "[domain-name:", "[url:", "[file:"])),
    ("adblock-base64-autoproxy", wrapped),
    ("zeek-intel", |sample| sample.opening(&["#fields\tindicator", "#fields indicator"])),
    ("zeek-intel", |sample| sample.holds(&["\tIntel::"])),
    ("ie-tpl", |sample| sample.opening(&["msFilterList", "-d "])),
    ("adblock", |sample| sample.opening(&["[Adblock", "[AutoProxy", "[uBlock", "[Nano"])),
    ("adblock", |sample| {
        sample.most(30, "filter rules", |line| line.starts_with(b"||") || line.starts_with(b"@@||"))
    }),
    ("rbldnsd-ip4", |sample| rbldnsd(sample, TokenType::Address)),
    ("rbldnsd-dnset", |sample| rbldnsd(sample, TokenType::Host)),
    ("rpz", |sample| sample.holds(&[" CNAME .", "\tCNAME\t.", " CNAME rpz-", " IN SOA ", "@ SOA "])),
    ("unbound", |sample| sample.holds(&["local-zone:", "local-data:"])),
    ("bind-zones", |sample| sample.opening(&["zone \""])),
    ("dnsmasq", |sample| sample.opening(&["address=/", "server=/", "local=/", "--address=/"])),
    ("clash", |sample| sample.opening(&["payload:", "- '+.", "- '", "- DOMAIN"])),
    ("clash", |sample| sample.holds(&["DOMAIN-SUFFIX,", "IP-CIDR,"])),
    ("pac", |sample| sample.holds(&["FindProxyForURL", "dnsDomainIs("])),
    ("firewall-config", |sample| {
        sample.opening(&[
            "create ",
            "add ",
            "ipset ",
            "iptables ",
            "ip6tables ",
            "*filter",
            "access-list ",
            "deny from ",
            "deny ",
            "/ip firewall",
            "Require not ip",
        ])
    }),
    ("firewall-config", |sample| sample.holds(&["elements = {", "tcp|in|d="])),
    ("ids-rules", |sample| {
        sample.most(50, "rules", |line| line.ends_with(b")") && memchr::memmem::find(line, b" -> ").is_some())
    }),
    ("tor-exit-addresses", |sample| sample.opening(&["ExitNode ", "ExitAddress "])),
    ("squidguard", |sample| {
        sample.most(80, "expressions", |line| {
            line.starts_with(b"^") || line.starts_with(b"(") && !line.starts_with(b"(^|")
        })
    }),
    ("regex-list", |sample| {
        sample.most(30, "expressions", |line| {
            line.starts_with(b"(^|") || line.starts_with(b"(\\.|") || line.starts_with(b"^")
        })
    }),
    ("v2fly", |sample| sample.opening(&["full:", "include:", "regexp:", "keyword:"])),
    ("hosts", |sample| sample.most(80, "a sink and a name", is_hosts_line)),
    ("p2p-plaintext", |sample| sample.most(80, "label:start-end", is_labelled_range)),
    ("emule-dat", |sample| sample.most(80, "ranges with a level", is_levelled_range)),
    ("spamhaus-drop-text", |sample| sample.holds(&["; SBL"])),
    ("netset", |sample| sample.holds(&["# This File Date", "# Source File Date", "# Maintainer URL"])),
    ("dshield", |sample| sample.most(50, "rows with TABs between the columns", is_dshield_line)),
    ("hash-delimited", |sample| sample.most(80, "rows with # between the columns", is_hash_row)),
    ("csv", |sample| named_columns(sample, b"|")),
    ("pipe-delimited", |sample| {
        sample.most(60, "rows with | between the columns", |line| {
            line.iter().filter(|byte| **byte == b'|').count() > 3
        })
    }),
    ("suricata-iprep", |sample| sample.most(80, "address, category and score", is_reputation)),
    ("ip-range-csv", |sample| sample.most(80, "start,end,label", is_range_row)),
    ("toplist-csv", |sample| sample.most(80, "a rank and a name", is_ranked)),
    ("csv", |sample| named_columns(sample, b",\t;")),
    ("suricata-dataset", |sample| sample.most(80, "base64 of a name", is_wrapped_name)),
    ("maltrail", |sample| sample.opening(&["# Reference:", "# Aliases:"])),
    ("plain-ip-annotated", |sample| sample.most(50, "addresses with a remark", is_annotated)),
    ("csv", |sample| sample.most(80, "columns", is_table_row)),
    ("csv", |sample| sample.most(80, "an indicator and other columns", is_keyed_row)),
    ("ip-range", |sample| sample.most(30, "ranges or masks", is_range_line)),
    ("url-list", |sample| sample.most(50, "URLs", |line| is_type(line, TokenType::Url))),
    ("domain-wildcard", |sample| sample.most(30, "names with a mark of reach", is_wildcard)),
    ("plain-domain", names_and_addresses),
    ("plain-ip", |sample| sample.most(50, "addresses", |line| is_type(line, TokenType::Address))),
    ("plain-domain", |sample| sample.most(50, "names", is_name)),
    ("freetext", |sample| sample.holds(&["[.]", "hxxp", "http://", "https://"])),
];

fn json(sample: &Sample<'_>, texts: &[&str]) -> Option<String> {
    if sample.is_json() { sample.holds(texts) } else { None }
}

/// Several lines, each of which is an object.
fn ndjson(sample: &Sample<'_>) -> Option<String> {
    let objects = sample.data.iter().filter(|line| line.starts_with(b"{") && line.ends_with(b"}")).count();
    let every = objects > 1 && objects + 1 >= sample.data.len();
    (sample.is_json() && every).then(|| format!("{objects} lines are an object each"))
}

/// Long lines of base64, which hold a filter list.
fn wrapped(sample: &Sample<'_>) -> Option<String> {
    let first: Vec<u8> = sample.lines.iter().take(4).flat_map(|line| line.iter().copied()).collect();
    let whole = first.get(..first.len() / 4 * 4)?;
    let inside = STANDARD.decode(whole).ok()?;
    let is_list = inside.starts_with(b"[Auto")
        || inside.starts_with(b"[Adblock")
        || inside.starts_with(b"! ")
        || inside.starts_with(b"||");
    is_list.then(|| "it is base64 of a filter list".to_owned())
}

/// A first line that names columns, or declares the delimiter between them.
fn named_columns(sample: &Sample<'_>, delimiters: &[u8]) -> Option<String> {
    let is_named = format::csv::has_header(sample.text, delimiters);
    is_named.then(|| "its first line names columns".to_owned())
}

/// Names among addresses: such a list is read as one of names, which takes both.
fn names_and_addresses(sample: &Sample<'_>) -> Option<String> {
    let names = sample.most(3, "names", is_name)?;
    let both = |line: &[u8]| is_name(line) || is_type(line, TokenType::Address);
    sample.most(80, "names or addresses", both).map(|_| names)
}

fn rbldnsd(sample: &Sample<'_>, kind: TokenType) -> Option<String> {
    let why = sample.opening(&["$SOA ", "$TIMESTAMP ", "$DATASET ", "$MAXRANGE4", ":127.0.0.", "$NS "])?;
    let is_entry = |line: &&&[u8]| !line.starts_with(b":") && !line.starts_with(b"$");
    let entry = sample.data.iter().find(is_entry).map_or(&[][..], |line| first(line));
    let numeric = entry.iter().all(|byte| b"0123456789./-:!".contains(byte));
    let found = if numeric { TokenType::Address } else { TokenType::Host };
    (found == kind).then_some(why)
}

/// The first word of a line, without list punctuation.
fn first(line: &[u8]) -> &[u8] {
    token::unwrap(token::first(line).0)
}

fn is_type(line: &[u8], kind: TokenType) -> bool {
    let text = refang(first(line));
    let is_address = AddressRange::parse(&text).is_ok();
    match kind {
        TokenType::Address => is_address,
        _ => !is_address && type_of(&text) == kind,
    }
}

fn is_name(line: &[u8]) -> bool {
    let word = first(line);
    is_type(line, TokenType::Host)
        && word.contains(&b'.')
        && !word.iter().any(|byte| matches!(byte, b',' | b';' | b'"'))
}

fn is_wildcard(line: &[u8]) -> bool {
    let marked = [b"*.".as_slice(), b".", b"+.", b"="].iter().any(|mark| line.starts_with(mark));
    marked && line.len() > 3
}

fn is_hosts_line(line: &[u8]) -> bool {
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

fn is_labelled_range(line: &[u8]) -> bool {
    let after = memchr::memrchr(b':', line).and_then(|at| line.get(at + 1..)).unwrap_or(&[]);
    after.contains(&b'-') && AddressRange::parse(after).is_ok()
}

fn is_levelled_range(line: &[u8]) -> bool {
    let mut columns = line.splitn(3, |byte| *byte == b',').map(<[u8]>::trim_ascii);
    let range = columns.next().unwrap_or(&[]);
    let level = columns.next().unwrap_or(&[]);
    range.contains(&b'-') && level.len() == 3 && level.iter().all(u8::is_ascii_digit)
}

/// What follows the first mark, if an address stands before it.
fn after_address(line: &[u8], mark: u8) -> Option<&[u8]> {
    let at = memchr::memchr(mark, line)?;
    AddressRange::parse(line.get(..at)?.trim_ascii()).ok()?;
    line.get(at + 1..)
}

fn is_hash_row(line: &[u8]) -> bool {
    after_address(line, b'#').is_some() && line.iter().filter(|byte| **byte == b'#').count() > 5
}

fn is_dshield_line(line: &[u8]) -> bool {
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

fn is_reputation(line: &[u8]) -> bool {
    let small = |text: &[u8]| (1..=3).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    let rest = after_address(line, b',').unwrap_or(&[]);
    let mut columns = rest.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    matches!((columns.next(), columns.next(), columns.next()), (Some(id), Some(score), None) if small(id) && small(score))
}

fn is_range_row(line: &[u8]) -> bool {
    let rest = after_address(line, b',').unwrap_or(&[]);
    after_address(rest, b',').is_some_and(|label| label.iter().any(u8::is_ascii_alphabetic))
}

fn is_ranked(line: &[u8]) -> bool {
    let mut columns = line.split(|byte| *byte == b',').map(|column| token::unwrap(column.trim_ascii()));
    let (one, two) = (columns.next().unwrap_or(&[]), columns.next().unwrap_or(&[]));
    columns.next().is_none()
        && (token::is_digits(one) && two.contains(&b'.') && !token::is_digits(two)
            || token::is_digits(two) && one.starts_with(b"http"))
}

fn is_wrapped_name(line: &[u8]) -> bool {
    let value = line.split(|byte| *byte == b',').next().unwrap_or(&[]);
    let text = STANDARD.decode(value).unwrap_or_default();
    value.len() > 7 && text.contains(&b'.') && text.iter().all(u8::is_ascii_graphic)
}

/// Two columns or more, in quotes or not.
fn is_table_row(line: &[u8]) -> bool {
    let body = line.strip_suffix(b",").unwrap_or(line);
    let texts = [b',', b'\t', b';'].map(|mark| body.iter().filter(|byte| **byte == mark).count());
    let quoted = line.starts_with(b"\"") && line.ends_with(b"\"");
    let words = line.split(|byte| *byte == b' ').count();
    let [commas, tabs, semicolons] = texts;
    quoted || tabs > 1 || (commas > 0 || semicolons > 1) && (words < 4 || commas > 2)
}

/// An indicator, a delimiter, and prose.
fn is_keyed_row(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| matches!(byte, b',' | b';' | b'\t'));
    let key = end.and_then(|end| line.get(..end)).unwrap_or(&[]);
    end.is_some_and(|end| end + 1 < line.len()) && format::csv::is_indicator(key)
}

fn is_range_line(line: &[u8]) -> bool {
    let text = token::before_comment(line);
    let parts = text.splitn(2, |byte| matches!(byte, b'-' | b'/'));
    let ends: Vec<&[u8]> = parts.map(<[u8]>::trim_ascii).collect();
    let two = matches!(ends.as_slice(), [a, b] if Address::parse(a).is_ok() && Address::parse(b).is_ok());
    two || text.ends_with(b".*") && text.first().is_some_and(u8::is_ascii_digit)
}

fn is_annotated(line: &[u8]) -> bool {
    let (key, rest) = token::first(line);
    let key = key.split(|byte| *byte == b';').next().unwrap_or(&[]);
    AddressRange::parse(key).is_ok() && !rest.trim_ascii().is_empty() && !rest.trim_ascii().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FORMATS;

    fn detected(text: &str) -> &'static str {
        guess(text.as_bytes()).map_or("nothing", |guess| guess.format.id)
    }

    #[test]
    fn names_a_format_in_every_rule() {
        for (id, _) in RULES {
            assert!(format::find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn detects_plain_lists() {
        for (text, id) in [
            ("# list\n45.9.20.5\n45.9.20.0/24\n", "plain-ip"),
            ("45.9.20.5 # scanner\n45.9.20.6 # scanner\n", "plain-ip-annotated"),
            ("45.9.20.5-45.9.20.9\n45.9.21.0/255.255.255.0\n", "ip-range"),
            ("evilpanel.com\nevilpanel[.]net\n", "plain-domain"),
            ("*.evilpanel.com\n*.evilpanel.net\n", "domain-wildcard"),
            ("http://evilpanel.com/a\nevilpanel.net/b\n", "url-list"),
            ("1,goodpanel.com\n2,good.example.com\n", "toplist-csv"),
            ("\"2026-08-01\",\"45.9.20.5\",\"x\"\n", "csv"),
            ("We saw hxxp://evilpanel[.]com there, and no more.\n", "freetext"),
            ("# nothing\n", "nothing"),
            ("lorem ipsum dolor\nsit amet\n", "nothing"),
        ] {
            assert_eq!(detected(text), id, "{text}");
        }
    }

    #[test]
    fn detects_each_format_by_its_own_example() {
        // One line does not distinguish these formats from a plainer one with the same lines.
        const SHARED: &[(&str, &str)] = &[
            ("netset", "plain-ip"),
            ("maltrail", "plain-ip"),
            ("squidguard", "plain-domain"),
            ("rbldnsd-ip4", "plain-ip-annotated"),
            ("rbldnsd-dnset", "domain-wildcard"),
            ("ndjson", "json"),
        ];
        let mut wrong = Vec::new();
        // A format without a rule is never detected, so its example may look like any other.
        let has_rule = |format: &&&Format| RULES.iter().any(|(id, _)| *id == format.id);
        for format in FORMATS.iter().filter(has_rule) {
            let shared = SHARED.iter().find(|(id, _)| *id == format.id);
            let expected = shared.map_or(format.id, |(_, plainer)| plainer);
            let found = detected(format.example);
            if found != expected {
                wrong.push(format!("{}: detected as {found}: {}", format.id, format.example));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
