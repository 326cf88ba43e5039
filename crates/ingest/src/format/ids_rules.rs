//! `ids-rules`: rules of Snort and Suricata that are about one host, one URL or a group of addresses.
//!
//! `alert tcp [192.0.2.7,192.0.2.64/26] any -> $HOME_NET any (msg:"…"; sid:1; rev:1;)`. Emerging Threats,
//! abuse.ch and others publish lists as rules. The indicator is a group of addresses in the header, a host in
//! `http.host` or `tls.sni`, or a name in a DNS question, in which the length of each label precedes it. A
//! rule with a path beside its host is about that URL and not about the host. Rules that match other
//! properties of traffic are skipped.
//!
//! What is compared with a host has the reach that its modifiers say: `.evil.example.com` is what lies
//! below the name, with `dotprefix` the name as well; `endswith` without `startswith` covers everything
//! below, too. A text that is no whole name, and a host that further conditions narrow (an expression, a
//! negation, several texts), is a pattern. So is a group of addresses whose traffic must also contain a text
//! or match an expression. A single port beside a group is kept.
//!
//! Rules that are commented out are disabled and skipped like comments. Negated addresses are left out.
//! Rules that let pass are exceptions; rules that never alert (`noalert`) and those of the class
//! `not-suspicious` say that nothing is bad and are skipped.

use super::{Format, Head, LineReader, OpenError, Shape, role};
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{Kinds, ParseError, Scope, Time};
use std::borrow::Cow;

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
        let Some(header) = Header::parse(header) else { return normalizer.skip(Skip::Directive) };
        let options = RuleOptions::parse(body);
        if options.is_quiet {
            return normalizer.skip(Skip::Policy);
        }
        // A rule that lets traffic pass is an exception.
        let details = Details { inverted: header.action == b"pass", ..options.details() };
        match options.subject() {
            Subject::Addresses => {
                for (group, port) in header.sides {
                    let details = Details { port: token::port(port), ..details.clone() };
                    emit_group(group, &details, options.is_narrowed(), normalizer);
                }
            }
            Subject::Host(host, scope) => normalizer.any(&host, scope, &details),
            Subject::Url(url) => normalizer.url(&url, &details),
            Subject::Pattern => normalizer.reject(ParseError::Pattern),
        }
        if normalizer.outcomes() == 0 {
            normalizer.skip(Skip::RuleWithoutAddress);
        }
    }
}

/// The header of a rule: `action protocol source port -> destination port`.
struct Header<'l> {
    action: &'l [u8],
    /// The addresses of source and destination, each with its port.
    sides: [(&'l [u8], &'l [u8]); 2],
}

impl<'l> Header<'l> {
    fn parse(header: &'l [u8]) -> Option<Header<'l>> {
        const ACTIONS: [&[u8]; 11] = [
            b"alert",
            b"drop",
            b"reject",
            b"rejectsrc",
            b"rejectdst",
            b"rejectboth",
            b"block",
            b"pass",
            b"log",
            b"sdrop",
            b"react",
        ];
        let mut rest = header;
        let action = next_field(&mut rest)?;
        let _protocol = next_field(&mut rest)?;
        let source = next_field(&mut rest)?;
        let source_port = next_field(&mut rest)?;
        let arrow = next_field(&mut rest)?;
        let destination = next_field(&mut rest)?;
        let port = next_field(&mut rest).unwrap_or(&[]);
        let is_rule = ACTIONS.contains(&action) && matches!(arrow, b"->" | b"<>" | b"<-");
        is_rule.then_some(Header { action, sides: [(source, source_port), (destination, port)] })
    }
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

/// Emits the addresses of a group, without negated ones and without everything inside a negated group. A
/// rule that is narrowed is rejected once.
fn emit_group(text: &[u8], details: &Details, is_narrowed: bool, normalizer: &mut Normalizer<'_>) {
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
        match is_address && negated_from.is_none() {
            true if !is_narrowed => normalizer.address(word, details),
            true if normalizer.outcomes() == 0 => normalizer.reject(ParseError::Pattern),
            _ => {}
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

/// The part of the traffic that a `content` is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Buffer {
    Host,
    Path,
    /// The whole packet, in which only questions of DNS are read.
    Packet,
    Other,
}

/// A text that a rule compares with a part of the traffic, and how.
struct Content {
    buffer: Buffer,
    text: Vec<u8>,
    is_negated: bool,
    /// The text stands at the start of the buffer.
    starts: bool,
    /// The text stands at the end of the buffer.
    ends: bool,
    /// The buffer has another length than the text.
    is_sized: bool,
}

/// What a rule is about.
enum Subject<'r> {
    /// The addresses in its header.
    Addresses,
    Host(Cow<'r, [u8]>, Scope),
    Url(Vec<u8>),
    /// Something that cannot be indexed.
    Pattern,
}

/// The options of a rule, as far as they matter here.
#[derive(Default)]
struct RuleOptions {
    contents: Vec<Content>,
    /// Whether a dot precedes the host in its buffer.
    has_dot_prefix: bool,
    /// Whether an expression narrows the host or the path.
    has_expression: bool,
    /// Whether there is an expression about any part of the traffic.
    has_any_expression: bool,
    /// Whether the rule says that nothing is bad: it never alerts, or has the class `not-suspicious`.
    is_quiet: bool,
    message: Vec<u8>,
    class: Vec<u8>,
    created: Option<Time>,
}

/// The buffer that an option names.
fn buffer_of(key: &[u8]) -> Option<Buffer> {
    match key {
        b"http.host"
        | b"http.host.raw"
        | b"tls.sni"
        | b"tls_sni"
        | b"quic.sni"
        | b"dns.query"
        | b"dns_query"
        | b"dns.queries.rrname"
        | b"http_host"
        | b"http_raw_host" => Some(Buffer::Host),
        b"http.uri" | b"http.uri.raw" | b"http_uri" | b"http_raw_uri" => Some(Buffer::Path),
        b"pkt_data" => Some(Buffer::Packet),
        key if key.starts_with(b"http_") || key == b"file_data" || key.contains(&b'.') => Some(Buffer::Other),
        _ => None,
    }
}

impl RuleOptions {
    fn parse(body: &[u8]) -> RuleOptions {
        let mut found = RuleOptions::default();
        let mut buffer = Buffer::Packet;
        for option in split_options(body) {
            let (key, value) = token::split_once(option, b':').unwrap_or((option, &[]));
            let (key, value) = (key.trim_ascii(), value.trim_ascii());
            match (buffer_of(key), found.contents.last_mut()) {
                // Older rules name the buffer after its content: `content:"…"; http_host;`.
                (Some(named), Some(last)) if key.starts_with(b"http_") && last.buffer == Buffer::Packet => {
                    last.buffer = named;
                }
                (Some(named), _) => buffer = named,
                (None, _) => found.read(key, value, buffer),
            }
        }
        found
    }

    /// Reads an option that names no buffer.
    fn read(&mut self, key: &[u8], value: &[u8], buffer: Buffer) {
        match key {
            b"content" => self.contents.push(Content::parse(value, buffer)),
            b"startswith" | b"endswith" | b"isdataat" | b"bsize" | b"depth" => {
                self.contents.last_mut().into_iter().for_each(|last| last.modify(key, value));
            }
            b"dotprefix" => self.has_dot_prefix = true,
            b"pcre" => {
                self.has_any_expression = true;
                self.has_expression |= matches!(buffer, Buffer::Host | Buffer::Path) || is_of_http(value);
            }
            b"noalert" => self.is_quiet = true,
            b"flowbits" => self.is_quiet |= value == b"noalert",
            b"msg" => self.message = token::unquoted(value).to_vec(),
            b"classtype" => {
                self.is_quiet |= value == b"not-suspicious";
                self.class = value.to_vec();
            }
            b"metadata" => self.created = created_at(value),
            _ => {}
        }
    }

    /// Whether the rule is about some traffic of its addresses only.
    fn is_narrowed(&self) -> bool {
        self.has_any_expression || !self.contents.is_empty()
    }

    fn contents_of(&self, buffer: Buffer) -> impl Iterator<Item = &Content> {
        self.contents.iter().filter(move |content| content.buffer == buffer)
    }

    fn subject(&self) -> Subject<'_> {
        let (mut hosts, mut paths) = (self.contents_of(Buffer::Host), self.contents_of(Buffer::Path));
        let Some(host) = hosts.next() else { return self.question() };
        let Some((name, scope)) = host.as_host(self.has_dot_prefix) else { return Subject::Pattern };
        // Of further texts, only the ban of something else leaves the host whole.
        let is_alone = hosts.all(|text| text.is_negated && scope == Scope::Exact);
        match (paths.next(), paths.next()) {
            _ if self.has_expression || !is_alone => Subject::Pattern,
            (None, _) => Subject::Host(Cow::Borrowed(name), scope),
            (Some(path), None) if path.is_path() && scope != Scope::Subdomains => {
                Subject::Url([name, &path.text].concat())
            }
            _ => Subject::Pattern,
        }
    }

    /// The name in a question of DNS, or else the addresses.
    fn question(&self) -> Subject<'_> {
        let decode = |content: &Content| Some((decode_dns_name(&content.text)?, content.is_negated));
        let mut names = self.contents_of(Buffer::Packet).filter_map(decode);
        match (names.next(), names.next()) {
            (None, _) => Subject::Addresses,
            (Some((name, false)), None) => Subject::Host(Cow::Owned(name), Scope::Exact),
            _ => Subject::Pattern,
        }
    }

    fn details(&self) -> Details {
        let by_class = role::assess(&self.class, &[' ', ',']);
        let assessments =
            if by_class.is_empty() { role::assess(&self.message, &[' ', ',']) } else { by_class };
        Details { assessments, first_seen: self.created, ..Details::NONE }
    }
}

/// Whether the flags of an expression say that it is about the host or the path of a request.
fn is_of_http(expression: &[u8]) -> bool {
    let flags = expression.rsplit(|byte| *byte == b'/').next().unwrap_or(&[]);
    flags.iter().any(|flag| matches!(flag, b'U' | b'I' | b'W' | b'Z'))
}

impl Content {
    fn parse(value: &[u8], buffer: Buffer) -> Content {
        let (is_negated, text) = match value.strip_prefix(b"!") {
            Some(rest) => (true, rest.trim_ascii()),
            None => (false, value),
        };
        let text = decode_content(token::unquoted(text));
        Content { buffer, text, is_negated, starts: false, ends: false, is_sized: false }
    }

    /// Applies a modifier that stands after the content.
    fn modify(&mut self, key: &[u8], value: &[u8]) {
        let size = token::number::<usize>(value);
        match key {
            b"startswith" => self.starts = true,
            b"endswith" => self.ends = true,
            // No byte follows the text.
            b"isdataat" => self.ends |= value.starts_with(b"!1") && value.ends_with(b"relative"),
            b"depth" => self.starts |= size == Some(self.text.len()),
            _ if size == Some(self.text.len()) => (self.starts, self.ends) = (true, true),
            _ => self.is_sized = true,
        }
    }

    /// The name that the text stands for in the buffer of a host, and its scope; `None` where it is no whole
    /// name or means other hosts, too, that no scope expresses.
    fn as_host(&self, has_dot_prefix: bool) -> Option<(&[u8], Scope)> {
        let (dotted, name) = self.text.strip_prefix(b".").map_or((false, &*self.text), |name| (true, name));
        let begins = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'[');
        let is_whole = name.first().is_some_and(begins)
            && name.iter().any(|byte| matches!(byte, b'.' | b':'))
            && !name.ends_with(b".");
        let scope = match (has_dot_prefix, dotted) {
            _ if self.starts && self.ends => Scope::Exact,
            (true, _) => Scope::Tree,
            (false, true) => Scope::Subdomains,
            (false, false) if self.ends => Scope::Tree,
            (false, false) => Scope::Exact,
        };
        let narrowed = self.is_sized && scope != Scope::Exact;
        (is_whole && !self.is_negated && !narrowed).then_some((name, scope))
    }

    fn is_path(&self) -> bool {
        self.text.starts_with(b"/") && !self.is_negated
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
