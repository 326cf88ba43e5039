//! Which format a file is in, where nobody says it.
//!
//! The first block is held against a list of signs, the surest first: marks that only one syntax has, then what
//! most lines look like. A guess says what spoke for it, so that a person can judge it. A catalogue is better off
//! naming its formats: a publisher who changes syntax should be noticed, not followed.

use crate::format::{self, Format, Shape};
use crate::guard::{self, TokenType};
use crate::lines;
use crate::refused::FileRefusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rapsheet_snapshot::refang::refang;
use rapsheet_snapshot::{Address, AddressRange};

/// How many lines of the block are looked at, at least, and half as many more.
const LINES: usize = 400;

/// What a file was taken for, and why.
#[derive(Clone, Debug)]
pub struct Guess {
    /// The format.
    pub format: &'static Format,
    /// What speaks for it, in words for a person.
    pub why: String,
}

/// The guess that a format without a shape of its own needs.
pub(crate) fn needed(format: &'static Format, head: &[u8]) -> Result<Option<Guess>, FileRefusal> {
    match format.shape {
        // A page or an empty file is refused as what it is, by whoever asked.
        Shape::Sniffed if head.trim_ascii().is_empty() => Err(FileRefusal::Empty),
        Shape::Sniffed if Look::new(head).data.is_empty() => Err(FileRefusal::Empty),
        Shape::Sniffed => guess(head).map(Some).ok_or(FileRefusal::NoData),
        _ => Ok(None),
    }
}

/// What a file that begins so is taken for.
pub fn guess(head: &[u8]) -> Option<Guess> {
    let look = Look::new(head);
    let seen = SIGNS.iter().find_map(|(id, sign)| Some((*id, sign(&look)?)))?;
    Some(Guess { format: format::find(seen.0)?, why: seen.1 })
}

/// The beginning of a file.
struct Look<'h> {
    text: &'h [u8],
    /// Lines that are not blank.
    lines: Vec<&'h [u8]>,
    /// Lines that are neither blank nor comments.
    data: Vec<&'h [u8]>,
}

impl<'h> Look<'h> {
    fn new(head: &'h [u8]) -> Look<'h> {
        let text = head.trim_ascii_start();
        let lines: Vec<&[u8]> = lines::split(text)
            .map(|at| lines::trim(text.get(at).unwrap_or(&[])))
            .filter(|line| !line.is_empty())
            .collect();
        // Sorted lists begin with their addresses, so lines from the whole block are looked at.
        let step = lines.len().div_ceil(LINES).max(1);
        let (first, rest) = lines.split_at(lines.len().min(LINES / 2));
        let lines: Vec<&[u8]> = first.iter().chain(rest.iter().step_by(step)).copied().collect();
        let is_comment = |line: &[u8]| {
            matches!(line, [b'#', next, ..] if *next != b'#' || line.starts_with(b"###"))
                || matches!(line, [b'#'] | [b';' | b'!', ..] | [b'/', b'/', ..])
        };
        let data = lines.iter().copied().filter(|line| !is_comment(line)).collect();
        Look { text, lines, data }
    }

    fn contains(&self, mark: &[u8]) -> bool {
        memchr::memmem::find(self.text, mark).is_some()
    }

    /// The first of these marks that stands somewhere.
    fn mark(&self, marks: &[&str]) -> Option<String> {
        let found = marks.iter().find(|mark| self.contains(mark.as_bytes()));
        found.map(|mark| format!("it holds `{mark}`"))
    }

    /// The first of these texts that a line begins with.
    fn opening(&self, marks: &[&str]) -> Option<String> {
        let begins = |mark: &&&str| self.lines.iter().any(|line| line.starts_with(mark.as_bytes()));
        marks.iter().find(begins).map(|mark| format!("a line begins with `{mark}`"))
    }

    /// Words for it, if so many of a hundred data lines are `such`.
    fn most(&self, percent: usize, what: &str, such: impl Fn(&[u8]) -> bool) -> Option<String> {
        let count = self.data.iter().filter(|line| such(line)).count();
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

/// What speaks for a format.
type Sign = fn(&Look<'_>) -> Option<String>;

/// Signs, the surest first, each with the format that it speaks for.
const SIGNS: &[(&str, Sign)] = &[
    ("rss", |look| if look.is_xml() { look.mark(&["<rss", "<feed", "<item>", "<channel"]) } else { None }),
    ("firewall-config", |look| if look.is_xml() { look.mark(&["rule=\""]) } else { None }),
    ("url-list", |look| look.text.starts_with(b"<pre>").then(|| "it begins with `<pre>`".to_owned())),
    ("dshield", |look| if look.is_xml() { look.mark(&["DShield", "Source IP"]) } else { None }),
    ("xml", |look| (look.is_xml() && look.contains(b"</")).then(|| "it is XML".to_owned())),
    ("spamhaus-drop-json", |look| json(look, &["\"cidr\":", "\"sblid\""])),
    ("onionoo", |look| json(look, &["\"or_addresses\"", "\"relays_published\""])),
    ("misp-feed", |look| json(look, &["\"Event\"", "\"to_ids\""])),
    ("misp-warninglist", |look| json(look, &["\"matching_attributes\"", "\"list\":[", "\"list\": ["])),
    ("otx-pulse", |look| json(look, &["\"indicators\""])),
    ("stix", |look| json(look, &["\"pattern\"", "\"spec_version\"", "\"valid_from\""])),
    ("lsrules", |look| json(look, &["\"denied-remote-", "\"remote-domains\"", "\"remote-hosts\""])),
    ("cloud-json", |look| {
        json(look, &["\"ip_prefix\"", "\"ipv4Prefix\"", "\"addressPrefixes\"", "\"ipv6_addresses\""])
    }),
    ("cloud-json", |look| json(look, &["\"tcpPorts\""])),
    ("ndjson", ndjson),
    ("json", |look| look.is_json().then(|| "it begins as JSON does".to_owned())),
    ("stix", |look| look.opening(&["[ipv4-addr:", "[ipv6-addr:", "[domain-name:", "[url:", "[file:"])),
    ("adblock-base64-autoproxy", wrapped),
    ("zeek-intel", |look| look.opening(&["#fields\tindicator", "#fields indicator"])),
    ("zeek-intel", |look| look.mark(&["\tIntel::"])),
    ("ie-tpl", |look| look.opening(&["msFilterList", "-d "])),
    ("adblock", |look| look.opening(&["[Adblock", "[AutoProxy", "[uBlock", "[Nano"])),
    ("adblock", |look| {
        look.most(30, "filter rules", |line| line.starts_with(b"||") || line.starts_with(b"@@||"))
    }),
    ("rbldnsd-ip4", |look| rbldnsd(look, TokenType::Address)),
    ("rbldnsd-dnset", |look| rbldnsd(look, TokenType::Host)),
    ("rpz", |look| look.mark(&[" CNAME .", "\tCNAME\t.", " CNAME rpz-", " IN SOA ", "@ SOA "])),
    ("unbound", |look| look.mark(&["local-zone:", "local-data:"])),
    ("bind-zones", |look| look.opening(&["zone \""])),
    ("dnsmasq", |look| look.opening(&["address=/", "server=/", "local=/", "--address=/"])),
    ("clash", |look| look.opening(&["payload:", "- '+.", "- '", "- DOMAIN"])),
    ("clash", |look| look.mark(&["DOMAIN-SUFFIX,", "IP-CIDR,"])),
    ("pac", |look| look.mark(&["FindProxyForURL", "dnsDomainIs("])),
    ("firewall-config", |look| {
        look.opening(&[
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
    ("firewall-config", |look| look.mark(&["elements = {", "tcp|in|d="])),
    ("ids-rules", |look| {
        look.most(50, "rules", |line| line.ends_with(b")") && memchr::memmem::find(line, b" -> ").is_some())
    }),
    ("tor-exit-addresses", |look| look.opening(&["ExitNode ", "ExitAddress "])),
    ("squidguard", |look| {
        look.most(80, "expressions", |line| {
            line.starts_with(b"^") || line.starts_with(b"(") && !line.starts_with(b"(^|")
        })
    }),
    ("regex-list", |look| {
        look.most(30, "expressions", |line| {
            line.starts_with(b"(^|") || line.starts_with(b"(\\.|") || line.starts_with(b"^")
        })
    }),
    ("v2fly", |look| look.opening(&["full:", "include:", "regexp:", "keyword:"])),
    ("hosts", |look| look.most(80, "a sink and a name", is_hosts_line)),
    ("p2p-plaintext", |look| look.most(80, "label:start-end", is_labelled_range)),
    ("emule-dat", |look| look.most(80, "ranges with a level", is_levelled_range)),
    ("spamhaus-drop-text", |look| look.mark(&["; SBL"])),
    ("netset", |look| look.mark(&["# This File Date", "# Source File Date", "# Maintainer URL"])),
    ("dshield", |look| look.most(50, "networks or addresses behind TABs", is_dshield_line)),
    ("hash-delimited", |look| look.most(80, "columns behind #", is_hash_row)),
    ("pipe-delimited", |look| {
        look.most(60, "columns behind |", |line| line.iter().filter(|byte| **byte == b'|').count() > 3)
    }),
    ("suricata-iprep", |look| look.most(80, "address, category and score", is_reputation)),
    ("ip-range-csv", |look| look.most(80, "start,end,label", is_range_row)),
    ("toplist-csv", |look| look.most(80, "a rank and a name", is_ranked)),
    ("suricata-dataset", |look| look.most(80, "base64 of a name", is_wrapped_name)),
    ("maltrail", |look| look.opening(&["# Reference:", "# Aliases:"])),
    ("plain-ip-annotated", |look| look.most(50, "addresses with a remark", is_annotated)),
    ("csv", |look| look.most(80, "columns", is_table_row)),
    ("csv", |look| look.most(80, "an indicator and columns behind it", is_keyed_row)),
    ("ip-range", |look| look.most(30, "ranges or masks", is_run)),
    ("url-list", |look| look.most(50, "URLs", |line| is_type(line, TokenType::Url))),
    ("domain-wildcard", |look| look.most(30, "names with a mark of reach", is_wildcard)),
    ("plain-domain", mixed),
    ("plain-ip", |look| look.most(50, "addresses", |line| is_type(line, TokenType::Address))),
    ("plain-domain", |look| look.most(50, "names", is_name)),
    ("freetext", |look| look.mark(&["[.]", "hxxp", "http://", "https://"])),
];

fn json(look: &Look<'_>, marks: &[&str]) -> Option<String> {
    if look.is_json() { look.mark(marks) } else { None }
}

/// Several lines, each of which is an object.
fn ndjson(look: &Look<'_>) -> Option<String> {
    let objects = look.data.iter().filter(|line| line.starts_with(b"{") && line.ends_with(b"}")).count();
    let every = objects > 1 && objects + 1 >= look.data.len();
    (look.is_json() && every).then(|| format!("{objects} lines are an object each"))
}

/// Long lines of base64, which hold a filter list.
fn wrapped(look: &Look<'_>) -> Option<String> {
    let first: Vec<u8> = look.lines.iter().take(4).flat_map(|line| line.iter().copied()).collect();
    let whole = first.get(..first.len() / 4 * 4)?;
    let inside = STANDARD.decode(whole).ok()?;
    let is_list = inside.starts_with(b"[Auto")
        || inside.starts_with(b"[Adblock")
        || inside.starts_with(b"! ")
        || inside.starts_with(b"||");
    is_list.then(|| "it is base64 of a filter list".to_owned())
}

/// Names among addresses: such a list is read as one of names, which takes both.
fn mixed(look: &Look<'_>) -> Option<String> {
    let names = look.most(3, "names", is_name)?;
    let both = |line: &[u8]| is_name(line) || is_type(line, TokenType::Address);
    look.most(80, "names or addresses", both).map(|_| names)
}

fn rbldnsd(look: &Look<'_>, kind: TokenType) -> Option<String> {
    let why = look.opening(&["$SOA ", "$TIMESTAMP ", "$DATASET ", "$MAXRANGE4", ":127.0.0.", "$NS "])?;
    let is_entry = |line: &&&[u8]| !line.starts_with(b":") && !line.starts_with(b"$");
    let entry = look.data.iter().find(is_entry).map_or(&[][..], |line| first(line));
    let numeric = entry.iter().all(|byte| b"0123456789./-:!".contains(byte));
    let found = if numeric { TokenType::Address } else { TokenType::Host };
    (found == kind).then_some(why)
}

/// The first word of a line, without list punctuation.
fn first(line: &[u8]) -> &[u8] {
    crate::token::unwrap(crate::token::first(line).0)
}

fn is_type(line: &[u8], kind: TokenType) -> bool {
    let text = refang(first(line));
    let is_address = AddressRange::parse(&text).is_ok();
    match kind {
        TokenType::Address => is_address,
        _ => !is_address && guard::type_of(&text) == kind,
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
    let (address, rest) = crate::token::first(line);
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
    let behind = memchr::memrchr(b':', line).and_then(|at| line.get(at + 1..)).unwrap_or(&[]);
    behind.contains(&b'-') && AddressRange::parse(behind).is_ok()
}

fn is_levelled_range(line: &[u8]) -> bool {
    let mut columns = line.splitn(3, |byte| *byte == b',').map(<[u8]>::trim_ascii);
    let run = columns.next().unwrap_or(&[]);
    let level = columns.next().unwrap_or(&[]);
    run.contains(&b'-') && level.len() == 3 && level.iter().all(u8::is_ascii_digit)
}

/// What follows the first mark, if an address stands before it.
fn behind_address(line: &[u8], mark: u8) -> Option<&[u8]> {
    let at = memchr::memchr(mark, line)?;
    AddressRange::parse(line.get(..at)?.trim_ascii()).ok()?;
    line.get(at + 1..)
}

fn is_hash_row(line: &[u8]) -> bool {
    behind_address(line, b'#').is_some() && line.iter().filter(|byte| **byte == b'#').count() > 5
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
    let rest = behind_address(line, b',').unwrap_or(&[]);
    let mut columns = rest.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    matches!((columns.next(), columns.next(), columns.next()), (Some(id), Some(score), None) if small(id) && small(score))
}

fn is_range_row(line: &[u8]) -> bool {
    let rest = behind_address(line, b',').unwrap_or(&[]);
    behind_address(rest, b',').is_some_and(|label| label.iter().any(u8::is_ascii_alphabetic))
}

fn is_ranked(line: &[u8]) -> bool {
    let mut columns =
        line.split(|byte| *byte == b',').map(|column| crate::token::unwrap(column.trim_ascii()));
    let (one, two) = (columns.next().unwrap_or(&[]), columns.next().unwrap_or(&[]));
    let is_rank = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    columns.next().is_none()
        && (is_rank(one) && two.contains(&b'.') && !is_rank(two) || is_rank(two) && one.starts_with(b"http"))
}

fn is_wrapped_name(line: &[u8]) -> bool {
    let value = line.split(|byte| *byte == b',').next().unwrap_or(&[]);
    let text = STANDARD.decode(value).unwrap_or_default();
    value.len() > 7 && text.contains(&b'.') && text.iter().all(u8::is_ascii_graphic)
}

/// Two columns or more, in quotes or not.
fn is_table_row(line: &[u8]) -> bool {
    let body = line.strip_suffix(b",").unwrap_or(line);
    let marks = [b',', b'\t', b';'].map(|mark| body.iter().filter(|byte| **byte == mark).count());
    let quoted = line.starts_with(b"\"") && line.ends_with(b"\"");
    let words = line.split(|byte| *byte == b' ').count();
    let [commas, tabs, semicolons] = marks;
    quoted || tabs > 1 || (commas > 0 || semicolons > 1) && (words < 4 || commas > 2)
}

/// An indicator, a delimiter, and prose.
fn is_keyed_row(line: &[u8]) -> bool {
    let end = line.iter().position(|byte| matches!(byte, b',' | b';' | b'\t'));
    let key = end.and_then(|end| line.get(..end)).unwrap_or(&[]);
    end.is_some_and(|end| end + 1 < line.len()) && format::csv::is_indicator(key)
}

fn is_run(line: &[u8]) -> bool {
    let text = crate::token::before_comment(line);
    let parts = text.splitn(2, |byte| matches!(byte, b'-' | b'/'));
    let ends: Vec<&[u8]> = parts.map(<[u8]>::trim_ascii).collect();
    let two = matches!(ends.as_slice(), [a, b] if Address::parse(a).is_ok() && Address::parse(b).is_ok());
    two || text.ends_with(b".*") && text.first().is_some_and(u8::is_ascii_digit)
}

fn is_annotated(line: &[u8]) -> bool {
    let (key, rest) = crate::token::first(line);
    let key = key.split(|byte| *byte == b';').next().unwrap_or(&[]);
    AddressRange::parse(key).is_ok() && !rest.trim_ascii().is_empty() && !rest.trim_ascii().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::FORMATS;

    fn taken_for(text: &str) -> &'static str {
        guess(text.as_bytes()).map_or("nothing", |guess| guess.format.id)
    }

    #[test]
    fn every_sign_names_a_format() {
        for (id, _) in SIGNS {
            assert!(format::find(id).is_some(), "{id}");
        }
    }

    #[test]
    fn plain_lists_are_told_apart() {
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
            assert_eq!(taken_for(text), id, "{text}");
        }
    }

    #[test]
    fn a_format_s_own_example_is_not_taken_for_another_syntax() {
        // One line of these formats is a line of a plainer format, too.
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
        let has_rule = |format: &&&Format| SIGNS.iter().any(|(id, _)| *id == format.id);
        for format in FORMATS.iter().filter(has_rule) {
            let shared = SHARED.iter().find(|(id, _)| *id == format.id);
            let expected = shared.map_or(format.id, |(_, plainer)| plainer);
            let found = taken_for(format.example);
            if found != expected {
                wrong.push(format!("{}: taken for {found}: {}", format.id, format.example));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
