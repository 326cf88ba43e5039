//! `rbldnsd-ip4` and `rbldnsd-dnset`: data files of rbldnsd, the server of DNS blocklists.
//!
//! `192.0.2.0/24 :127.0.0.2:Listed for spam`, `.evil.example.com :127.0.0.2:Phishing`: an entry, then perhaps
//! the value that the server answers with. A line that begins with `:` sets the value of the entries after
//! it, so lines are read in order. `!` excludes an entry, which makes it an exception. Published by
//! UCEPROTECT, DNSWL and others.
//!
//! Omitted octets are completed as the server does: `10.1` is 10.1.0.0/16, where other programs read
//! 10.0.0.1, and the last address of a range ends in 255s. Grammar: rbldnsd(8).

use super::{Format, Head, OpenError, OrderedReader, Shape, header, ranges};
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Address, AddressRange, Assessment, Assessments, Kinds, ParseError, Scope};
use std::fmt::Write;

/// The row of the table for addresses.
pub(super) static IP_FORMAT: Format = Format {
    id: "rbldnsd-ip4",
    about: "rbldnsd data of addresses: ip4set, ip4trie, ip4tset, ip6trie",
    example: "192.0.2.0/24 :127.0.0.2:Listed for spam",
    kinds: Kinds::ADDRESS,
    shape: Shape::Ordered(open_addresses),
    ..Format::DEFAULT
};

/// The row of the table for names.
pub(super) static NAME_FORMAT: Format = Format {
    id: "rbldnsd-dnset",
    about: "rbldnsd data of names (dnset): x is exact, *.x what is below, .x both, !x an exception",
    example: ".evil.example.com :127.0.0.2:Phishing",
    kinds: Kinds::NAME,
    shape: Shape::Ordered(open_names),
    ..Format::DEFAULT
};

struct Rbldnsd {
    emit: fn(&[u8], &Details, &mut Normalizer<'_>),
    /// The assessments of the last default value.
    default: Assessments,
}

fn open_addresses(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Rbldnsd { emit: emit_address, default: Assessments::EMPTY }))
}

fn open_names(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Rbldnsd { emit: emit_name, default: Assessments::EMPTY }))
}

impl OrderedReader for Rbldnsd {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        match line {
            [b'$', text @ ..] | [b'#' | b';' | b':', b'$', text @ ..] => read_directive(text, normalizer),
            [b'#' | b';', comment @ ..] => header::comment(comment.trim_ascii(), normalizer),
            // An IPv6 address, not a default value.
            [b':', b':', ..] => self.read_entry(line, normalizer),
            [b':', value @ ..] => {
                self.default = assess_value(value);
                normalizer.skip(Skip::DefaultValue);
            }
            _ => self.read_entry(line, normalizer),
        }
    }
}

impl Rbldnsd {
    fn read_entry(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        let (key, value) = token::first(token::before_comment(line));
        let (inverted, key) = key.strip_prefix(b"!").map_or((false, key), |key| (true, key));
        let value = value.trim_ascii();
        let own = assess_value(value);
        let assessments = match (inverted, own.is_empty()) {
            // The list's reason does not hold for an entry that is excluded from it.
            (true, _) => Assessments::EMPTY,
            // The entry's own value replaces the default, even one that has no known meaning.
            (false, true) if value.starts_with(b":") => Assessments::EMPTY,
            (false, true) => self.default,
            (false, false) => own,
        };
        (self.emit)(key, &Details { inverted, assessments, ..Details::NONE }, normalizer);
    }
}

/// `$TIMESTAMP 2026:08:22:03:00:00` states when the list was generated; all other directives are skipped.
fn read_directive(text: &[u8], normalizer: &mut Normalizer<'_>) {
    let (word, rest) = token::first(text);
    if word.eq_ignore_ascii_case(b"TIMESTAMP")
        && let Some(time) = timestamp::parse(token::first(rest.trim_ascii()).0)
    {
        normalizer.generated(time);
    }
    normalizer.skip(Skip::Directive);
}

/// The assessments of a value: by a phrase, else by its words, among them SURBL's abbreviations such as
/// `[mw]`, else by the bits of the address in it. Words in URLs do not count.
fn assess_value(value: &[u8]) -> Assessments {
    let Ok(text) = std::str::from_utf8(value) else { return Assessments::EMPTY };
    let lower = text.to_ascii_lowercase();
    let phrases = [("open relay", Assessment::Spam), ("open proxy", Assessment::Suspicious)];
    let found = phrases.iter().filter(|(phrase, _)| lower.contains(phrase)).map(|(_, meaning)| *meaning);
    let by_phrase: Assessments = found.collect();
    if !by_phrase.is_empty() {
        return by_phrase;
    }
    let tokens = text.split([' ', ',', '[', ']']).filter(|token| !token.contains("//"));
    let by_token = tokens.flat_map(|token| token.split(':')).map(taxonomy::assessments);
    let by_word = by_token.fold(Assessments::EMPTY, Assessments::union);
    if by_word.is_empty() { assess_bits(text) } else { by_word }
}

/// The assessments of the bits that SURBL and URIBL set in the address `127.0.0.x`. Other lists set only
/// lower bits, which therefore have no meaning here.
fn assess_bits(value: &str) -> Assessments {
    let answer = value.trim_start_matches(':').split([':', ' ']).next().unwrap_or_default();
    let octet: u8 = answer.strip_prefix("127.0.0.").and_then(|octet| octet.parse().ok()).unwrap_or(0);
    let meanings = [
        (8, Assessment::Phishing),
        (16, Assessment::Malware),
        (64, Assessment::Spam),
        (128, Assessment::Malware),
    ];
    meanings.into_iter().filter(|(bit, _)| octet & bit != 0).map(|(_, meaning)| meaning).collect()
}

fn emit_name(key: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    match key {
        [b'*', b'.', name @ ..] => normalizer.host(name, Scope::Subdomains, details),
        [b'.', name @ ..] => normalizer.host(name, Scope::Tree, details),
        name => normalizer.host(name, Scope::Exact, details),
    }
}

fn emit_address(key: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    // RFC 5782 has every DNS blocklist list this address, so that users can test it.
    if key == b"127.0.0.2" {
        return normalizer.skip(Skip::SelfTest);
    }
    ranges::emit(parse_range(key), details, normalizer);
}

fn parse_range(key: &[u8]) -> Result<AddressRange, ParseError> {
    if key.contains(&b':') {
        return ipv6_range(key);
    }
    if let Some((first, last)) = token::split_once(key, b'-') {
        return ipv4_range(first, last);
    }
    match token::split_once(key, b'/') {
        Some((address, length)) => {
            let address = dotted(&octets(address)?, 0);
            AddressRange::parse(&[address.as_bytes(), length].join(&b'/')).map(|read| read.range)
        }
        None => ipv4_range(key, b""),
    }
}

/// The range from `first`, completed with zeros, to `last`, completed with 255s. `last` may omit leading
/// octets, which are then those of `first`, or be empty.
fn ipv4_range(first: &[u8], last: &[u8]) -> Result<AddressRange, ParseError> {
    let first = octets(first)?;
    let end = match octets(last) {
        Err(ParseError::LeadingZero) => return Err(ParseError::LeadingZero),
        _ if last.is_empty() => first.clone(),
        Ok(tail) if tail.len() <= first.len() => {
            [first.get(..first.len() - tail.len()).unwrap_or(&[]), &tail].concat()
        }
        Ok(_) | Err(_) => return Err(ParseError::BadRange),
    };
    let parse = |octets: &[u8], fill: u8| Address::parse(dotted(octets, fill).as_bytes());
    AddressRange::from_ends(parse(&first, 0)?, parse(&end, 255)?)
}

/// One to four decimal octets between dots.
fn octets(text: &[u8]) -> Result<Vec<u8>, ParseError> {
    let text = std::str::from_utf8(text).map_err(|_| ParseError::BadIp)?;
    if text.split('.').any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        return Err(ParseError::LeadingZero);
    }
    let octets: Vec<u8> =
        text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| ParseError::BadIp)?;
    if (1..=4).contains(&octets.len()) { Ok(octets) } else { Err(ParseError::BadIp) }
}

/// An address in dotted decimal, with `fill` for omitted octets.
fn dotted(octets: &[u8], fill: u8) -> String {
    let filled = octets.iter().copied().chain(std::iter::repeat(fill)).take(4);
    let mut text = String::with_capacity(15);
    for (at, octet) in filled.enumerate() {
        // Writing to a `String` never fails.
        let _ = write!(text, "{}{octet}", if at == 0 { "" } else { "." });
    }
    text
}

/// An IPv6 range. Trailing zero groups may be omitted; four groups without a length are a /64.
fn ipv6_range(key: &[u8]) -> Result<AddressRange, ParseError> {
    let (address, length) = match memchr::memchr(b'/', key) {
        Some(slash) => key.split_at_checked(slash).unwrap_or((key, &[])),
        None => (key, &[][..]),
    };
    let groups = address.split(|byte| *byte == b':').count();
    let is_short = groups < 8 && memchr::memmem::find(address, b"::").is_none();
    let tail: &[u8] = if is_short { b"::" } else { b"" };
    let length: &[u8] = if is_short && length.is_empty() && groups == 4 { b"/64" } else { length };
    AddressRange::parse(&[address, tail, length].concat()).map(|read| read.range)
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn completes_omitted_octets() {
        let text = "$SOA 3600 ns.example hostmaster.example 0 600 300 86400 300\n$TIMESTAMP 2026:08:22:03:00:00 +2d\n# a comment\n\
                    :127.0.0.2:Open relay, see $\n45.9.20\n45.9/16\n45.16-31\n45.9.20.1-9\n45.9.20.0-45.9.21.255\n!45.9.20.5\n\
                    45.9.22.7 :127.0.0.3:botnet ; note\n127.0.0.2\n2a06:e480:c000/36\n2a06:e480:c001:1\n2a06:e480::5\n45.9.20.300\n45.9.9-1.1.1.1\n";
        let expected = [
            "SKIP directive",
            "SKIP directive",
            "SKIP comment",
            "SKIP default-value",
            "cidr 45.9.20.0/24",
            "cidr 45.9.0.0/16",
            "cidr 45.16.0.0/12",
            "range 45.9.20.1-45.9.20.9",
            "cidr 45.9.20.0/23",
            "allow ip 45.9.20.5",
            "ip 45.9.22.7",
            "SKIP self-test",
            "cidr 2a06:e480:c000::/36",
            "cidr 2a06:e480:c001:1::/64",
            "ip 2a06:e480::5",
            "REJECT bad-ip",
            "REJECT bad-range",
        ];
        assert_eq!(render("rbldnsd-ip4", &[], text), expected);
        let events = read_events("rbldnsd-ip4", &[], text);
        assert_eq!(events[1].generated.as_deref(), Some("2026-08-22T03:00:00Z"));
        assert_eq!(
            (&events[4].assessments[..], &events[10].assessments[..]),
            (&["spam"][..], &["botnet"][..])
        );
    }

    #[test]
    fn reads_names_with_their_scope() {
        let text = ":127.0.0.128:Blocked, $ on lists [mw], See: http://lists.example/\n.evilpanel.com\nevilpanel.net\n*.evilpanel.org\n!good.evilpanel.com\n";
        let expected = [
            "SKIP default-value",
            "domain-tree evilpanel.com",
            "domain evilpanel.net",
            "subdomains evilpanel.org",
            "allow domain good.evilpanel.com",
        ];
        assert_eq!(render("rbldnsd-dnset", &[], text), expected);
        assert_eq!(read_events("rbldnsd-dnset", &[], text)[1].assessments, ["malware"]);
    }
}
