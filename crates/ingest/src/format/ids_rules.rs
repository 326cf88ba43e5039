//! `ids-rules`: rules of Snort and Suricata that are about one host, one URL or a group of addresses.
//!
//! `alert tcp [192.0.2.7,192.0.2.64/26] any -> $HOME_NET any (msg:"…"; sid:1; rev:1;)`. Emerging Threats,
//! abuse.ch and others publish lists as rules. The indicator is a group of addresses in the header, a host in
//! `http.host` or `tls.sni`, or a name in a DNS question, in which the length of each label precedes it. A
//! rule with a path beside its host is about that URL and not about the host. Rules that match other
//! properties of traffic are skipped.
//!
//! Rules that are commented out are disabled and skipped like comments. Negated addresses are left out.

use super::{Format, Head, LineReader, OpenError, Shape, role};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope, Time};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "ids-rules",
    about: "Snort and Suricata rules about hosts, URLs and groups of addresses",
    example: r#"alert tcp [192.0.2.7,192.0.2.64/26] any -> $HOME_NET any (msg:"Example"; sid:1; rev:1;)"#,
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct IdsRules;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(IdsRules))
}

impl LineReader for IdsRules {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if line.starts_with(b"#") {
            return normalizer.skip(Skip::Comment);
        }
        let Some((header, body)) = token::split_once(line, b'(') else {
            // Variables and includes have several words; a single word is an entry of a list in another
            // format.
            let several = line.iter().any(u8::is_ascii_whitespace);
            return if several {
                normalizer.skip(Skip::Directive);
            } else {
                normalizer.reject(ParseError::BadColumns);
            };
        };
        let Some((source, destination)) = header_addresses(header) else {
            return normalizer.skip(Skip::Directive);
        };
        let options = RuleOptions::parse(body);
        // A rule that lets traffic pass is an exception.
        let details = Details { inverted: header.starts_with(b"pass "), ..options.details() };
        match options.host.as_slice() {
            [] => {
                emit_group(source, &details, normalizer);
                emit_group(destination, &details, normalizer);
            }
            host if options.path.is_empty() => normalizer.any(host, options.scope, &details),
            host => normalizer.url(&[host, &options.path].concat(), &details),
        }
        if normalizer.outcomes() == 0 {
            normalizer.skip(Skip::RuleWithoutAddress);
        }
    }
}

/// Source and destination of a rule's header: `action protocol source port -> destination port`.
fn header_addresses(header: &[u8]) -> Option<(&[u8], &[u8])> {
    const ACTIONS: [&[u8]; 7] = [b"alert", b"drop", b"reject", b"block", b"pass", b"log", b"sdrop"];
    let mut rest = header;
    let action = next_field(&mut rest)?;
    let _protocol = next_field(&mut rest)?;
    let source = next_field(&mut rest)?;
    let _port = next_field(&mut rest)?;
    let arrow = next_field(&mut rest)?;
    let destination = next_field(&mut rest)?;
    let is_rule = ACTIONS.contains(&action) && matches!(arrow, b"->" | b"<>" | b"<-");
    is_rule.then_some((source, destination))
}

/// The next field of a header. A group in brackets is one field, even with blanks in it.
fn next_field<'l>(rest: &mut &'l [u8]) -> Option<&'l [u8]> {
    *rest = rest.trim_ascii_start();
    let mut depth = 0_u32;
    let end = rest.iter().position(|byte| {
        depth = match byte {
            b'[' => depth + 1,
            b']' => depth.saturating_sub(1),
            _ => depth,
        };
        depth == 0 && byte.is_ascii_whitespace()
    });
    let (field, tail) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    *rest = tail;
    (!field.is_empty()).then_some(field)
}

/// Emits the addresses of a group, without negated ones and without everything inside a negated group.
fn emit_group(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let mut depth = 0_u32;
    // The depth of the outermost negated group around the token.
    let mut negated_from = None;
    for token in text.split_inclusive(|byte| matches!(byte, b'[' | b']' | b',')) {
        let (word, mark) = match token.split_last() {
            Some((mark @ (b'[' | b']' | b','), word)) => (word.trim_ascii(), *mark),
            _ => (token.trim_ascii(), 0),
        };
        let is_address = word.first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':')
            && word.iter().any(|byte| matches!(byte, b'.' | b':'));
        if is_address && negated_from.is_none() {
            normalizer.address(word, details);
        }
        match mark {
            b'[' => {
                depth += 1;
                negated_from = negated_from.or((word == b"!").then_some(depth));
            }
            b']' => {
                negated_from = negated_from.filter(|from| *from != depth);
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
}

/// The options of a rule, as far as they matter here.
struct RuleOptions {
    host: Vec<u8>,
    path: Vec<u8>,
    scope: Scope,
    message: Vec<u8>,
    class: Vec<u8>,
    created: Option<Time>,
}

/// The part of the traffic that the next `content` is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Buffer {
    Host,
    Path,
    Packet,
    Other,
}

impl RuleOptions {
    fn parse(body: &[u8]) -> RuleOptions {
        let mut found = RuleOptions {
            host: Vec::new(),
            path: Vec::new(),
            scope: Scope::Exact,
            message: Vec::new(),
            class: Vec::new(),
            created: None,
        };
        let mut buffer = Buffer::Packet;
        // Older rules name the buffer after its content: `content:"…"; http_host;`.
        let mut last: Vec<u8> = Vec::new();
        for option in split_options(body) {
            let (key, value) = token::split_once(option, b':').unwrap_or((option, &[]));
            match key.trim_ascii() {
                b"http.host" | b"http.host.raw" | b"tls.sni" | b"tls_sni" | b"dns.query" | b"dns_query" => {
                    buffer = Buffer::Host;
                }
                b"http.uri" | b"http.uri.raw" => buffer = Buffer::Path,
                b"http_host" | b"http_raw_host" => found.host = std::mem::take(&mut last),
                b"http_uri" | b"http_raw_uri" => found.path = std::mem::take(&mut last),
                b"dotprefix" => found.scope = Scope::Tree,
                b"content" => {
                    last = decode_content(token::unquoted(value.trim_ascii()));
                    found.set_content(buffer, &last);
                }
                b"msg" => found.message = token::unquoted(value.trim_ascii()).to_vec(),
                b"classtype" => found.class = value.trim_ascii().to_vec(),
                b"metadata" => found.created = created_at(value),
                key if key.contains(&b'.') => buffer = Buffer::Other,
                _ => {}
            }
        }
        found
    }

    fn set_content(&mut self, buffer: Buffer, text: &[u8]) {
        match buffer {
            Buffer::Host => text.strip_prefix(b".").unwrap_or(text).clone_into(&mut self.host),
            Buffer::Path => text.clone_into(&mut self.path),
            Buffer::Packet => self.host.extend(decode_dns_name(text).unwrap_or_default()),
            Buffer::Other => {}
        }
    }

    fn details(&self) -> Details {
        let by_class = role::assess(&self.class, &[' ', ',']);
        let assessments =
            if by_class.is_empty() { role::assess(&self.message, &[' ', ',']) } else { by_class };
        Details { assessments, first_seen: self.created, ..Details::NONE }
    }
}

/// Splits options at semicolons that are neither in quotes nor escaped.
fn split_options(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    body.split(move |byte| {
        let ends = *byte == b';' && !quoted && !escaped;
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
    .map(<[u8]>::trim_ascii)
}

/// A content with its hexadecimal blocks, such as `|2e|`, as bytes.
fn decode_content(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, part) in text.split(|byte| *byte == b'|').enumerate() {
        if at % 2 == 0 {
            out.extend_from_slice(part);
        } else {
            let digits =
                part.split(u8::is_ascii_whitespace).filter_map(|pair| std::str::from_utf8(pair).ok());
            out.extend(digits.filter_map(|pair| u8::from_str_radix(pair, 16).ok()));
        }
    }
    out
}

/// Decodes a name as in a DNS question: each label after its length. `None` where the bytes are no name of
/// two labels or more.
fn decode_dns_name(wire: &[u8]) -> Option<Vec<u8>> {
    let mut labels: Vec<&[u8]> = Vec::new();
    let mut rest = wire;
    while let Some((length, tail)) = rest.split_first().filter(|(length, _)| **length != 0) {
        let (label, tail) = tail.split_at_checked(usize::from(*length))?;
        if !label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        labels.push(label);
        rest = tail;
    }
    (labels.len() > 1).then(|| labels.join(&b'.'))
}

/// The time of `created_at 2026_08_01` in a rule's metadata.
fn created_at(metadata: &[u8]) -> Option<Time> {
    let at = memchr::memmem::find(metadata, b"created_at ")?;
    let date = metadata.get(at + 11..at + 21)?;
    timestamp::parse(&date.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_rules_about_hosts_and_addresses() {
        let text = "alert tcp [45.9.20.5,45.9.21.0/24] any -> $HOME_NET any (msg:\"ET COMPROMISED\"; sid:2500000; rev:1;)\n\
                    alert tcp [!45.9.20.5, 45.9.22.0/24,![45.9.22.1,45.9.22.2]] any -> any any (msg:\"x\"; sid:1;)\n\
                    alert http $HOME_NET any -> $EXTERNAL_NET any (msg:\"x\"; http.method; content:\"GET\"; http.host; content:\"45.9.20.6\"; classtype:trojan-activity; metadata: created_at 2026_08_01, x y; sid:3 rev:1;)\n\
                    alert http any any -> any any (msg:\"x; y\"; http.uri; content:\"/gate.php\"; http.host; content:\"evilpanel|2e|com\"; sid:4;)\n\
                    alert http any any -> any any (content:\"/old\"; http_uri; content:\"evilpanel.net\"; http_host; sid:5;)\n\
                    alert udp any any -> any 53 (msg:\"x\"; content:\"|01 00 00 01 00 00 00 00 00 00|\"; depth: 10; content:\"|01|a|09|evilpanel|03|com\"; nocase; sid:6;)\n\
                    alert dns any any -> any any (dns.query; dotprefix; content:\".evilpanel.org\"; endswith; sid:7;)\n\
                    #alert tcp [45.9.20.5] any -> $HOME_NET any (msg:\"off\"; sid:2; rev:1;)\nalert tcp $HOME_NET any -> any 80 (content:\"evil\"; sid:8;)\nvar HOME_NET any\n";
        let expected = [
            "ip 45.9.20.5",
            "cidr 45.9.21.0/24",
            "cidr 45.9.22.0/24",
            "ip 45.9.20.6",
            "url //evilpanel.com/gate.php",
            "url //evilpanel.net/old",
            "domain a.evilpanel.com",
            "domain-tree evilpanel.org",
            "SKIP comment",
            "SKIP rule-without-address",
            "SKIP directive",
        ];
        assert_eq!(render("ids-rules", &[], text), expected);
        let event = &read_events("ids-rules", &[], text)[3];
        assert_eq!(event.assessments, ["malware"]);
        assert_eq!(event.first_seen.as_deref(), Some("2026-08-01T00:00:00Z"));
    }
}
