//! `rpz`: response policy zones: what to answer for a name, or for an address in an answer.
//!
//! A zone is a master file: owners may be left out, relative, or carry the zone's own name; records of the zone
//! itself run over several lines. The owner says what triggers, the record what happens: `CNAME .` and its kin and
//! any local data block, `rpz-passthru` lets pass. Policies on clients and name servers say nothing about an
//! indicator. Triggers and actions: draft-vixie-dnsop-dns-rpz.

use super::{Format, Head, OpenError, OrderedReader, Shape, header, ranges};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use crate::timestamp;
use crate::token;
use crate::words;
use rapsheet_snapshot::{AddressRange, Assessments, Kinds, ParseError, Scope, Time};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "rpz",
    about: "DNS response policy zones",
    example: "evil.example.com CNAME . ; Malware download (2026-08-20)",
    kinds: Kinds::NAME,
    options: &[OptionRow {
        key: "origin",
        about: "the zone's own name, which owners may end with (default: the first $ORIGIN)",
    }],
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

#[derive(Default)]
struct Zone {
    /// The zone's own name, lower-case, without a trailing dot.
    apex: Vec<u8>,
    /// What relative owners are completed with, above the apex.
    below: Vec<u8>,
    owner: Vec<u8>,
    /// Whether a record of the zone itself goes on.
    in_record: bool,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    let apex = options.text("origin").map(|name| plain(name.as_bytes())).unwrap_or_default();
    Ok(Box::new(Zone { apex, ..Zone::default() }))
}

/// A name in lower case without its trailing dot.
fn plain(name: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let lower = name.to_ascii_lowercase();
    // The one escape that names need: a dot inside a label, which is a dot to everybody else.
    match memchr::memmem::find(&lower, b"\\046") {
        Some(_) => String::from_utf8_lossy(&lower).replace("\\046", ".").into_bytes(),
        None => lower,
    }
}

impl OrderedReader for Zone {
    fn keeps_blanks(&self) -> bool {
        true
    }

    fn line(&mut self, line: &[u8], scribe: &mut Scribe<'_>) {
        let (record, comment) = split_comment(line);
        if record.trim_ascii().is_empty() {
            return header::comment(comment.trim_ascii(), scribe);
        }
        if self.in_record {
            self.in_record = !record.contains(&b')');
            return scribe.skip(Skip::Directive);
        }
        if record.starts_with(b"$") {
            return self.directive(record, scribe);
        }
        let mut words = token::words(record);
        if !record.first().is_some_and(u8::is_ascii_whitespace) {
            words.next().unwrap_or(&[]).clone_into(&mut self.owner);
        }
        let mut words = words.skip_while(|word| is_class_or_ttl(word));
        let kind = words.next().unwrap_or(&[]);
        let upper;
        let kind = if kind.iter().any(u8::is_ascii_lowercase) {
            upper = kind.to_ascii_uppercase();
            &upper
        } else {
            kind
        };
        self.record(kind, words.next().unwrap_or(&[]), &Remark { record, comment }, scribe);
    }
}

/// A record's text and the comment behind it.
struct Remark<'l> {
    record: &'l [u8],
    comment: &'l [u8],
}

impl Zone {
    fn directive(&mut self, record: &[u8], scribe: &mut Scribe<'_>) {
        let mut words = token::words(record);
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"$ORIGIN")) {
            let origin = plain(words.next().unwrap_or(&[]));
            match self.apex.is_empty() {
                true => self.apex = origin,
                false => self.below = without_apex(&origin, &self.apex).to_vec(),
            }
        }
        scribe.skip(Skip::Directive);
    }

    fn record(&mut self, kind: &[u8], data: &[u8], remark: &Remark<'_>, scribe: &mut Scribe<'_>) {
        match kind {
            b"SOA" => {
                // A transferred zone says its name here, and nowhere else.
                if self.apex.is_empty() && self.owner.ends_with(b".") {
                    self.apex = plain(&self.owner);
                }
                self.in_record = remark.record.contains(&b'(') && !remark.record.contains(&b')');
                scribe.skip(Skip::Directive);
            }
            b"CNAME" | b"A" | b"AAAA" | b"TXT" | b"DNAME" | b"MX" | b"SRV" => {
                self.policy(kind, data, remark.comment, scribe);
            }
            // A record of the zone itself that has lost the blank before it.
            _ if self.owner.eq_ignore_ascii_case(b"NS") => scribe.skip(Skip::Record),
            b"" => scribe.reject(ParseError::BadColumns),
            _ if kind.iter().all(u8::is_ascii_alphanumeric) => scribe.skip(Skip::Record),
            _ => scribe.reject(ParseError::BadColumns),
        }
    }

    fn policy(&self, kind: &[u8], data: &[u8], comment: &[u8], scribe: &mut Scribe<'_>) {
        let owner = self.trigger();
        if owner.starts_with(b"testentry.") {
            return scribe.skip(Skip::SelfTest);
        }
        if owner.is_empty() || owner == b"@" {
            return scribe.skip(Skip::Record);
        }
        let target = if kind == b"CNAME" { plain(data) } else { Vec::new() };
        let inverted = match target.as_slice() {
            b"rpz-tcp-only" => return scribe.skip(Skip::Policy),
            b"rpz-passthru" => true,
            target => target == owner && !target.is_empty(),
        };
        let (first_seen, assessments) = if inverted { Default::default() } else { remarks(comment) };
        let details = Details { inverted, first_seen, assessments, ..Details::NONE };
        trigger(&owner, &details, scribe);
    }

    /// The owner without the zone's name.
    fn trigger(&self) -> Vec<u8> {
        let absolute = self.owner.ends_with(b".");
        let owner = plain(&self.owner);
        let owner = if self.apex.is_empty() { owner } else { without_apex(&owner, &self.apex).to_vec() };
        if absolute || self.below.is_empty() { owner } else { [&owner, &b"."[..], &self.below].concat() }
    }
}

/// A name without the labels of the zone at its end.
fn without_apex<'n>(name: &'n [u8], apex: &[u8]) -> &'n [u8] {
    if name == apex {
        return &[];
    }
    name.strip_suffix(apex).and_then(|head| head.strip_suffix(b".")).unwrap_or(name)
}

/// What triggers: an address in an answer, a client, a name server, or the name that is asked for.
fn trigger(owner: &[u8], details: &Details, scribe: &mut Scribe<'_>) {
    let policies: [&[u8]; 3] = [b".rpz-client-ip", b".rpz-nsip", b".rpz-nsdname"];
    if policies.iter().any(|policy| owner.ends_with(policy)) {
        return scribe.skip(Skip::Policy);
    }
    match (owner.strip_suffix(b".rpz-ip"), owner) {
        (Some(address), _) => ranges::emit(parse_rpz_ip(address), details, scribe),
        (None, [b'*', b'.', name @ ..]) => scribe.host(name, Scope::Subdomains, details),
        (None, name) => scribe.host(name, Scope::Exact, details),
    }
}

/// `24.0.2.0.192`: the length, then the octets or words of the address from the last to the first; `zz` is `::`.
fn parse_rpz_ip(text: &[u8]) -> Result<AddressRange, ParseError> {
    let text = std::str::from_utf8(text).map_err(|_| ParseError::BadIp)?;
    let (length, rest) = text.split_once('.').ok_or(ParseError::BadIp)?;
    let mut parts: Vec<&str> = rest.split('.').collect();
    parts.reverse();
    let is_v4 = parts.len() == 4 && !parts.contains(&"zz");
    let address = if is_v4 { parts.join(".") } else { words_of(&parts) };
    let read = AddressRange::parse(format!("{address}/{length}").as_bytes())?;
    if read.host_bits { Err(ParseError::BadPrefix) } else { Ok(read.range) }
}

fn words_of(parts: &[&str]) -> String {
    let joined = parts.iter().map(|part| if *part == "zz" { "" } else { part }).collect::<Vec<_>>().join(":");
    let first = if parts.first() == Some(&"zz") { ":" } else { "" };
    let last = if parts.last() == Some(&"zz") { ":" } else { "" };
    format!("{first}{joined}{last}")
}

/// The record, and what follows a semicolon that is not in quotes.
fn split_comment(line: &[u8]) -> (&[u8], &[u8]) {
    let mut quoted = false;
    let at = line.iter().position(|byte| {
        quoted ^= *byte == b'"';
        *byte == b';' && !quoted
    });
    let (record, comment) = line.split_at_checked(at.unwrap_or(line.len())).unwrap_or((line, &[]));
    (record, comment.get(1..).unwrap_or(&[]))
}

/// A time to live, or a class.
fn is_class_or_ttl(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_ttl = word.first().is_some_and(u8::is_ascii_digit) && word.len() - digits <= 1;
    is_ttl || word.eq_ignore_ascii_case(b"IN")
}

/// What a comment says: `Malware download (2026-08-20), see …`.
fn remarks(comment: &[u8]) -> (Option<Time>, Assessments) {
    let Ok(text) = std::str::from_utf8(comment) else { return (None, Assessments::EMPTY) };
    let (reason, rest) = text.split_once('(').unwrap_or((text, ""));
    let time = rest.split_once(')').and_then(|(date, _)| timestamp::parse(date.as_bytes()));
    let reason = reason.split("see ").next().unwrap_or_default();
    (time, words::all(reason.trim(), &[' ', ',']))
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::{read_events, render};

    #[test]
    fn triggers_and_actions() {
        let text = "$TTL 30\n@ SOA rpz.example. hostmaster.example. (\n 2202170343 300\n 600 )\n NS localhost.\n; Last Updated: 2026-08-20 10:00:00 UTC\n\
                    evilpanel.com CNAME . ; Malware download (2026-08-20), see https://x.example/\n*.evilpanel.com CNAME .\nevilpanel.net 300 IN A 10.1.1.1\n\
                    evilpanel.org CNAME rpz-drop.\ngood.evilpanel.com CNAME rpz-passthru.\nok.evilpanel.com CNAME ok.evilpanel.com.\ntruncate.evilpanel.com CNAME rpz-tcp-only.\n\
                    24.0.20.9.45.rpz-ip CNAME .\n48.zz.101.6e4.2a06.rpz-ip CNAME .\n128.1.zz.6e4.2a06.rpz-ip CNAME .\n24.5.20.9.45.rpz-ip CNAME .\n24.0.0.0.127.rpz-client-ip CNAME .\n\
                    ns.evilpanel.com.rpz-nsdname CNAME .\n$INCLUDE \"/etc/passwd\"\ntestentry.rpz.example CNAME .\n";
        let expected = [
            "SKIP directive",
            "SKIP directive",
            "SKIP directive",
            "SKIP directive",
            "SKIP record",
            "SKIP header",
            "domain evilpanel.com",
            "subdomains evilpanel.com",
            "domain evilpanel.net",
            "domain evilpanel.org",
            "allow domain good.evilpanel.com",
            "allow domain ok.evilpanel.com",
            "SKIP policy",
            "cidr 45.9.20.0/24",
            "cidr 2a06:6e4:101::/48",
            "ip 2a06:6e4::1",
            "REJECT bad-prefix",
            "SKIP policy",
            "SKIP policy",
            "SKIP directive",
            "SKIP self-test",
        ];
        assert_eq!(render("rpz", &[], text), expected);
        let event = &read_events("rpz", &[], text)[6];
        assert_eq!(event.first_seen.as_deref(), Some("2026-08-20T00:00:00Z"));
        assert_eq!(event.assessments, ["malware"]);
    }

    #[test]
    fn owners_may_carry_the_zone_s_name() {
        let text = "$ORIGIN rpz.example.\nevilpanel.com CNAME .\nevilpanel.net.rpz.example. CNAME .\n$ORIGIN org.rpz.example.\nevilpanel CNAME .\n CNAME .\n";
        let expected = [
            "SKIP directive",
            "domain evilpanel.com",
            "domain evilpanel.net",
            "SKIP directive",
            "domain evilpanel.org",
            "domain evilpanel.org",
        ];
        assert_eq!(render("rpz", &[], text), expected);
        let named = render("rpz", &[("origin", "rpz.example")], "evilpanel.com.rpz.example. CNAME .\n");
        assert_eq!(named, ["domain evilpanel.com"]);
    }
}
