//! `rbldnsd-ip4` and `rbldnsd-dnset`: data of the DNS list server rbldnsd.
//!
//! The server completes what is left out: `10.1` is 10.1.0.0/16 here, where other tools read 10.0.0.1, and the last
//! bound of a range ends in 255s. `!` takes an entry out of the list, which makes it an exception. A line that
//! begins with a colon says what the entries after it are listed for, so lines are read in order. Grammar: the
//! manual page of rbldnsd.

use super::{Format, Head, OpenError, OrderedReader, Shape, header, ranges};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::timestamp;
use crate::token;
use crate::words;
use rapsheet_snapshot::{Address, AddressRange, Assessment, Assessments, Kinds, ParseError, Scope};
use std::fmt::Write;

/// The row of the table for addresses.
pub static IP_FORMAT: Format = Format {
    id: "rbldnsd-ip4",
    about: "rbldnsd ip4set, ip4trie, ip4tset and ip6trie data",
    example: "192.0.2.0/24 :127.0.0.2:Listed for spam",
    kinds: Kinds::ADDRESS,
    shape: Shape::Ordered(open_addresses),
    ..Format::DEFAULT
};

/// The row of the table for names.
pub static NAME_FORMAT: Format = Format {
    id: "rbldnsd-dnset",
    about: "rbldnsd dnset data: x exact, *.x below, .x both, !x excluded",
    example: ".evil.example.com :127.0.0.2:Phishing",
    kinds: Kinds::NAME,
    shape: Shape::Ordered(open_names),
    ..Format::DEFAULT
};

struct Rbldnsd {
    take: fn(&[u8], &Details, &mut Scribe<'_>),
    /// What the entries after the last default line are listed for.
    default: Assessments,
}

fn open_addresses(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Rbldnsd { take: address, default: Assessments::EMPTY }))
}

fn open_names(_: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(Rbldnsd { take: name, default: Assessments::EMPTY }))
}

impl OrderedReader for Rbldnsd {
    fn line(&mut self, line: &[u8], scribe: &mut Scribe<'_>) {
        match line {
            [b'$', special @ ..] | [b'#' | b';' | b':', b'$', special @ ..] => directive(special, scribe),
            [b'#' | b';', comment @ ..] => header::comment(comment.trim_ascii(), scribe),
            // An address may begin with two of them.
            [b':', b':', ..] => self.entry(line, scribe),
            [b':', value @ ..] => {
                self.default = meaning(value);
                scribe.skip(Skip::DefaultValue);
            }
            _ => self.entry(line, scribe),
        }
    }
}

impl Rbldnsd {
    fn entry(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        let (key, value) = token::first(token::before_comment(line));
        let (inverted, key) = key.strip_prefix(b"!").map_or((false, key), |key| (true, key));
        let value = value.trim_ascii();
        let own = meaning(value);
        // What is taken out of a list is not bad for what the list is about.
        let assessments = match (inverted, own.is_empty()) {
            (true, _) => Assessments::EMPTY,
            // A value of its own stands in the place of the default's, also where nobody knows its meaning.
            (false, true) if value.starts_with(b":") => Assessments::EMPTY,
            (false, true) => self.default,
            (false, false) => own,
        };
        (self.take)(key, &Details { inverted, assessments, ..Details::NONE }, scribe);
    }
}

fn directive(special: &[u8], scribe: &mut Scribe<'_>) {
    let (word, rest) = token::first(special);
    if word.eq_ignore_ascii_case(b"TIMESTAMP")
        && let Some(time) = timestamp::parse(token::first(rest.trim_ascii()).0)
    {
        scribe.generated(time);
    }
    scribe.skip(Skip::Directive);
}

/// What a value says an entry is listed for: its words, among them the abbreviations of SURBL in brackets.
fn meaning(value: &[u8]) -> Assessments {
    let Ok(text) = std::str::from_utf8(value) else { return Assessments::EMPTY };
    let lower = text.to_ascii_lowercase();
    let phrases = [("open relay", Assessment::Spam), ("open proxy", Assessment::Suspicious)];
    let said = phrases.iter().filter(|(phrase, _)| lower.contains(phrase)).map(|(_, meant)| *meant);
    let said: Assessments = said.collect();
    let tokens = text.split([' ', ',', '[', ']']).filter(|token| !token.contains("//"));
    let by_word = tokens.flat_map(|token| token.split(':')).map(words::assessments);
    let said = if said.is_empty() { by_word.fold(said, Assessments::union) } else { said };
    if said.is_empty() { bits(text) } else { said }
}

/// The bits of SURBL and URIBL in the answer `127.0.0.x`, of which other lists use the lowest only.
fn bits(value: &str) -> Assessments {
    let answer = value.trim_start_matches(':').split([':', ' ']).next().unwrap_or_default();
    let octet: u8 = answer.strip_prefix("127.0.0.").and_then(|octet| octet.parse().ok()).unwrap_or(0);
    let meant = [
        (8, Assessment::Phishing),
        (16, Assessment::Malware),
        (64, Assessment::Spam),
        (128, Assessment::Malware),
    ];
    meant.into_iter().filter(|(bit, _)| octet & bit != 0).map(|(_, meant)| meant).collect()
}

fn name(key: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    match key {
        [b'*', b'.', name @ ..] => scribe.host(name, Scope::Subdomains, details),
        [b'.', name @ ..] => scribe.host(name, Scope::Tree, details),
        name => scribe.host(name, Scope::Exact, details),
    }
}

fn address(key: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    // Every such list answers for this address, so that people can see that it works.
    if key == b"127.0.0.2" {
        return scribe.skip(Skip::SelfTest);
    }
    ranges::emit(parse_range(key), details, scribe);
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

/// From the first address that `first` can mean to the last that `last` can, which may leave out what they share.
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

fn octets(text: &[u8]) -> Result<Vec<u8>, ParseError> {
    let text = std::str::from_utf8(text).map_err(|_| ParseError::BadIp)?;
    if text.split('.').any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        return Err(ParseError::LeadingZero);
    }
    let octets: Vec<u8> =
        text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| ParseError::BadIp)?;
    if (1..=4).contains(&octets.len()) { Ok(octets) } else { Err(ParseError::BadIp) }
}

fn dotted(octets: &[u8], fill: u8) -> String {
    let filled = octets.iter().copied().chain(std::iter::repeat(fill)).take(4);
    let mut text = String::with_capacity(15);
    for (at, octet) in filled.enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{octet}", if at == 0 { "" } else { "." });
    }
    text
}

/// IPv6, whose zeros at the end may be left out before a length; four words alone are a /64.
fn ipv6_range(key: &[u8]) -> Result<AddressRange, ParseError> {
    let (address, length) = match memchr::memchr(b'/', key) {
        Some(slash) => key.split_at_checked(slash).unwrap_or((key, &[])),
        None => (key, &[][..]),
    };
    let words = address.split(|byte| *byte == b':').count();
    let is_short = words < 8 && memchr::memmem::find(address, b"::").is_none();
    let tail: &[u8] = if is_short { b"::" } else { b"" };
    let length: &[u8] = if is_short && length.is_empty() && words == 4 { b"/64" } else { length };
    AddressRange::parse(&[address, tail, length].concat()).map(|read| read.range)
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn the_server_completes_what_is_left_out() {
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
    fn names_carry_their_reach() {
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
