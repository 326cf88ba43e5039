//! `ids-rules`: rules of Snort and Suricata, as far as they are about one host, one URL or a group of addresses.
//!
//! Most rules look for something in traffic; those say nothing here. Lists are published as rules too: groups of
//! addresses in the header, a host in `http.host` or `tls.sni`, a name in a DNS question, spelt with the lengths of
//! its labels. A rule with a path beside its host is about that URL and not about the host.

use super::{Format, Head, LineReader, OpenError, Shape, role};
use crate::options::Options;
use crate::scribe::{Details, Scribe, Skip};
use crate::timestamp;
use crate::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope, Time};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "ids-rules",
    about: "Snort and Suricata rules about hosts, URLs and address groups",
    example: r#"alert tcp [192.0.2.7,192.0.2.64/26] any -> $HOME_NET any (msg:"Example"; sid:1; rev:1;)"#,
    kinds: Kinds::ALL,
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Rules;

fn open(_: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    Ok(Box::new(Rules))
}

impl LineReader for Rules {
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if line.starts_with(b"#") {
            return scribe.skip(Skip::Comment);
        }
        let Some((header, body)) = token::split_once(line, b'(') else {
            // Variables and inclusions are several words; one word is a line of some other format.
            let several = line.iter().any(u8::is_ascii_whitespace);
            return if several {
                scribe.skip(Skip::Directive)
            } else {
                scribe.reject(ParseError::BadColumns)
            };
        };

        let Some((source, destination)) = sides(header) else { return scribe.skip(Skip::Directive) };
        let found = Content::read(body);
        // What may pass is an exception.
        let details = Details { inverted: header.starts_with(b"pass "), ..found.details() };
        match found.host.as_slice() {
            [] => {
                group(source, &details, scribe);
                group(destination, &details, scribe);
            }
            host if found.path.is_empty() => scribe.any(host, found.scope, &details),
            host => scribe.url(&[host, &found.path].concat(), &details),
        }
        if scribe.told() == 0 {
            scribe.skip(Skip::RuleWithoutAddress);
        }
    }
}

/// Source and destination of a rule's header: `action protocol source port -> destination port`.
fn sides(header: &[u8]) -> Option<(&[u8], &[u8])> {
    const ACTIONS: [&[u8]; 7] = [b"alert", b"drop", b"reject", b"block", b"pass", b"log", b"sdrop"];
    let mut rest = header;
    let action = field(&mut rest)?;
    let _protocol = field(&mut rest)?;
    let source = field(&mut rest)?;
    let _port = field(&mut rest)?;
    let arrow = field(&mut rest)?;
    let destination = field(&mut rest)?;
    let is_rule = ACTIONS.contains(&action) && matches!(arrow, b"->" | b"<>" | b"<-");
    is_rule.then_some((source, destination))
}

/// The next field of a header. A group in brackets is one field, whatever blanks it holds.
fn field<'l>(rest: &mut &'l [u8]) -> Option<&'l [u8]> {
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

/// The addresses of a group. What is negated, and everything inside a negated group, is left out.
fn group(text: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    let mut depth = 0_u32;
    let mut negated_from = None;
    for token in text.split_inclusive(|byte| matches!(byte, b'[' | b']' | b',')) {
        let (word, mark) = match token.split_last() {
            Some((mark @ (b'[' | b']' | b','), word)) => (word.trim_ascii(), *mark),
            _ => (token.trim_ascii(), 0),
        };
        let is_address = word.first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':')
            && word.iter().any(|byte| matches!(byte, b'.' | b':'));
        if is_address && negated_from.is_none() {
            scribe.address(word, details);
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

/// What a rule's options say.
struct Content {
    host: Vec<u8>,
    path: Vec<u8>,
    scope: Scope,
    message: Vec<u8>,
    class: Vec<u8>,
    created: Option<Time>,
}

/// What the next content is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Buffer {
    Host,
    Path,
    Packet,
    Other,
}

impl Content {
    fn read(body: &[u8]) -> Content {
        let mut found = Content {
            host: Vec::new(),
            path: Vec::new(),
            scope: Scope::Exact,
            message: Vec::new(),
            class: Vec::new(),
            created: None,
        };
        let mut buffer = Buffer::Packet;
        // Older rules name the buffer behind the content.
        let mut last: Vec<u8> = Vec::new();
        for option in options(body) {
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
                    last = decoded(token::unquoted(value.trim_ascii()));
                    found.content(buffer, &last);
                }
                b"msg" => found.message = token::unquoted(value.trim_ascii()).to_vec(),
                b"classtype" => found.class = value.trim_ascii().to_vec(),
                b"metadata" => found.created = created(value),
                key if key.contains(&b'.') => buffer = Buffer::Other,
                _ => {}
            }
        }
        found
    }

    fn content(&mut self, buffer: Buffer, text: &[u8]) {
        match buffer {
            Buffer::Host => text.strip_prefix(b".").unwrap_or(text).clone_into(&mut self.host),
            Buffer::Path => text.clone_into(&mut self.path),
            Buffer::Packet => self.host.extend(question(text).unwrap_or_default()),
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

/// The options of a rule, separated by semicolons that are neither in quotes nor escaped.
fn options(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    body.split(move |byte| {
        let ends = *byte == b';' && !quoted && !escaped;
        quoted ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
    .map(<[u8]>::trim_ascii)
}

/// A content with its `|2e|` blocks as bytes.
fn decoded(text: &[u8]) -> Vec<u8> {
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

/// A name as a DNS question spells it: each label behind its length.
fn question(wire: &[u8]) -> Option<Vec<u8>> {
    let mut labels: Vec<&[u8]> = Vec::new();
    let mut rest = wire;
    while let Some((length, tail)) = rest.split_first().filter(|(length, _)| **length != 0) {
        let (label, behind) = tail.split_at_checked(usize::from(*length))?;
        if !label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        labels.push(label);
        rest = behind;
    }
    (labels.len() > 1).then(|| labels.join(&b'.'))
}

/// `created_at 2026_08_01, …`
fn created(metadata: &[u8]) -> Option<Time> {
    let at = memchr::memmem::find(metadata, b"created_at ")?;
    let date = metadata.get(at + 11..at + 21)?;
    timestamp::parse(&date.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn rules_about_hosts_and_addresses() {
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
