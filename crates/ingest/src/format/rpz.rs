//! `rpz`: response policy zones: what a resolver answers for a name, or for an address in an answer.
//!
//! `evil.example.com CNAME . ; Malware download (2026-08-20)`. A zone is a DNS master file (RFC 1035, section
//! 5): an owner may be omitted, relative, or end in the zone's own name (option `origin`), and a record may
//! run over several lines. Published by abuse.ch and many DNS blocklists.
//!
//! The owner is the trigger and the record is the action (draft-vixie-dnsop-dns-rpz). `CNAME .`, `CNAME *.`,
//! `CNAME rpz-drop.` and all local data block; `rpz-passthru` and a CNAME to the owner itself are exceptions.
//! Triggers on clients and on name servers (`rpz-client-ip`, `rpz-nsip`, `rpz-nsdname`) are not about the
//! indicator and are skipped. In comments, URLhaus states the reason and the date.

use super::{Format, Head, OpenError, OrderedReader, Shape, header, ranges};
use crate::entry::taxonomy;
use crate::entry::timestamp;
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{AddressRange, Assessments, Kinds, ParseError, Scope, Time, name};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "rpz",
    about: "DNS response policy zones",
    example: "evil.example.com CNAME . ; Malware download (2026-08-20)",
    kinds: Kinds::NAME,
    options: &[OptionRow {
        key: "origin",
        about: "the zone's own name, which owners may end with (default: of the first $ORIGIN, or of the SOA)",
    }],
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

#[derive(Default)]
struct Zone {
    /// The zone's own name, lower-case, without a trailing dot.
    apex: Vec<u8>,
    /// The origin of relative owners, without the apex at its end.
    relative_origin: Vec<u8>,
    /// The owner of the last record that named one.
    owner: Vec<u8>,
    /// Whether the line continues the SOA record.
    in_record: bool,
    /// The last comment that stated a reason, up to the end of its date, and what it stated.
    last_reason: (Vec<u8>, (Option<Time>, Assessments)),
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    let apex = options.text("origin").map(|name| normalized(name.as_bytes())).unwrap_or_default();
    Ok(Box::new(Zone { apex, ..Zone::default() }))
}

/// A name in lower case, without its trailing dot.
fn normalized(name: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let lower = name.to_ascii_lowercase();
    // Some generators escape every dot; no other escape occurs in names.
    match memchr::memmem::find(&lower, b"\\046") {
        Some(_) => String::from_utf8_lossy(&lower).replace("\\046", ".").into_bytes(),
        None => lower,
    }
}

impl OrderedReader for Zone {
    fn keeps_blanks(&self) -> bool {
        true
    }

    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if self.plain_record(line, normalizer) {
            return;
        }
        let (record, comment) = split_comment(line);
        if record.trim_ascii().is_empty() {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        if self.in_record {
            self.in_record = !record.contains(&b')');
            return normalizer.skip(Skip::Directive);
        }
        if record.starts_with(b"$") {
            return self.read_directive(record, normalizer);
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
        let text = RecordText { record, comment };
        self.read_record(kind, words.next().unwrap_or(&[]), &text, normalizer);
    }
}

/// The text of a record, and the comment after it.
struct RecordText<'l> {
    record: &'l [u8],
    comment: &'l [u8],
}

impl Zone {
    /// Reads `owner CNAME .` with a name as its owner and perhaps a comment, which is what most zones are made
    /// of, and returns whether the line is that.
    fn plain_record(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) -> bool {
        let Some((owner, rest)) = token::split_once(line, b' ') else { return false };
        let Some(rest) = rest.strip_prefix(b"CNAME .") else { return false };
        let comment = match rest.trim_ascii_start() {
            [] => &[][..],
            [b';', comment @ ..] => comment,
            _ => return false,
        };
        let is_absolute = owner.ends_with(b".");
        if self.in_record || !is_absolute && !self.relative_origin.is_empty() {
            return false;
        }
        let name = owner.strip_suffix(b".").unwrap_or(owner);
        let name = if self.apex.is_empty() { name } else { without_apex(name, &self.apex) };
        let (name, scope) = match name.strip_prefix(b"*.") {
            Some(name) => (name, Scope::Subdomains),
            None => (name, Scope::Exact),
        };
        // Nothing else that an owner can be has such a name; the address of a trigger ends in `.rpz-ip`.
        if name.starts_with(b"testentry.") || name::scan_plain(name).is_none() {
            return false;
        }
        let (first_seen, assessments) = self.reason(comment);
        let details = Details { first_seen, assessments, ..Details::NONE };
        owner.clone_into(&mut self.owner);
        normalizer.fast_host(name, scope, &details)
    }

    /// As [`parse_reason`]. Neighbouring records mostly state the same, but for a link after it.
    fn reason(&mut self, comment: &[u8]) -> (Option<Time>, Assessments) {
        let date_end = || {
            let open = memchr::memchr(b'(', comment)?;
            let close = memchr::memchr(b')', comment.get(open..)?)?;
            Some(open + close + 1)
        };
        // What follows the date is only looked at for its encoding.
        if !comment.is_ascii() {
            return parse_reason(comment);
        }
        let stated = date_end().and_then(|end| comment.get(..end)).unwrap_or(comment);
        if self.last_reason.0 != stated {
            stated.clone_into(&mut self.last_reason.0);
            self.last_reason.1 = parse_reason(comment);
        }
        self.last_reason.1
    }

    fn read_directive(&mut self, record: &[u8], normalizer: &mut Normalizer<'_>) {
        let mut words = token::words(record);
        if words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"$ORIGIN")) {
            let origin = normalized(words.next().unwrap_or(&[]));
            if self.apex.is_empty() {
                self.apex = origin;
            } else {
                self.relative_origin = without_apex(&origin, &self.apex).to_vec();
            }
        }
        normalizer.skip(Skip::Directive);
    }

    fn read_record(
        &mut self,
        kind: &[u8],
        data: &[u8],
        text: &RecordText<'_>,
        normalizer: &mut Normalizer<'_>,
    ) {
        match kind {
            b"SOA" => {
                // A zone that was transferred has no $ORIGIN; the owner of its SOA is its name.
                if self.apex.is_empty() && self.owner.ends_with(b".") {
                    self.apex = normalized(&self.owner);
                }
                self.in_record = text.record.contains(&b'(') && !text.record.contains(&b')');
                normalizer.skip(Skip::Directive);
            }
            b"CNAME" | b"A" | b"AAAA" | b"TXT" | b"DNAME" | b"MX" | b"SRV" => {
                self.read_policy(kind, data, text.comment, normalizer);
            }
            // ` NS localhost.` whose leading blank was trimmed.
            _ if self.owner.eq_ignore_ascii_case(b"NS") => normalizer.skip(Skip::Record),
            b"" => normalizer.reject(ParseError::BadColumns),
            _ if kind.iter().all(u8::is_ascii_alphanumeric) => normalizer.skip(Skip::Record),
            _ => normalizer.reject(ParseError::BadColumns),
        }
    }

    fn read_policy(&mut self, kind: &[u8], data: &[u8], comment: &[u8], normalizer: &mut Normalizer<'_>) {
        let owner = self.full_owner();
        if owner.starts_with(b"testentry.") {
            return normalizer.skip(Skip::SelfTest);
        }
        if owner.is_empty() || owner == b"@" {
            return normalizer.skip(Skip::Record);
        }
        let target = if kind == b"CNAME" { normalized(data) } else { Vec::new() };
        let inverted = match target.as_slice() {
            b"rpz-tcp-only" => return normalizer.skip(Skip::Policy),
            b"rpz-passthru" => true,
            // An action of some server that is not known here.
            target if target.starts_with(b"rpz-") && target != b"rpz-drop" => {
                return normalizer.skip(Skip::Policy);
            }
            target => target == owner && !target.is_empty(),
        };
        let (first_seen, assessments) = if inverted { Default::default() } else { self.reason(comment) };
        let details = Details { inverted, first_seen, assessments, ..Details::NONE };
        emit_trigger(&owner, &details, normalizer);
    }

    /// The owner, completed with the origin where it is relative, without the zone's name at its end.
    fn full_owner(&self) -> Vec<u8> {
        let is_absolute = self.owner.ends_with(b".");
        let owner = normalized(&self.owner);
        let owner = if self.apex.is_empty() { owner } else { without_apex(&owner, &self.apex).to_vec() };
        if is_absolute || self.relative_origin.is_empty() {
            return owner;
        }
        [owner.as_slice(), &self.relative_origin].join(&b'.')
    }
}

/// A name without the labels of the zone at its end; empty for the zone's own name.
fn without_apex<'n>(name: &'n [u8], apex: &[u8]) -> &'n [u8] {
    if name == apex {
        return &[];
    }
    name.strip_suffix(apex).and_then(|head| head.strip_suffix(b".")).unwrap_or(name)
}

/// Emits the indicator of a trigger: an address in an answer, or the name that is asked for.
fn emit_trigger(owner: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let policies: [&[u8]; 3] = [b".rpz-client-ip", b".rpz-nsip", b".rpz-nsdname"];
    if policies.iter().any(|policy| owner.ends_with(policy)) {
        return normalizer.skip(Skip::Policy);
    }
    match (owner.strip_suffix(b".rpz-ip"), owner) {
        (Some(address), _) => ranges::emit(parse_rpz_ip(address), details, normalizer),
        (None, [b'*', b'.', name @ ..]) => normalizer.host(name, Scope::Subdomains, details),
        (None, name) => normalizer.host(name, Scope::Exact, details),
    }
}

/// Reads `24.0.2.0.192`: the prefix length, then the octets or groups of the address in reverse order; `zz`
/// is `::`.
fn parse_rpz_ip(text: &[u8]) -> Result<AddressRange, ParseError> {
    let text = std::str::from_utf8(text).map_err(|_| ParseError::BadIp)?;
    let (length, rest) = text.split_once('.').ok_or(ParseError::BadIp)?;
    let mut parts: Vec<&str> = rest.split('.').collect();
    parts.reverse();
    let is_v4 = parts.len() == 4 && !parts.contains(&"zz");
    let address = if is_v4 { parts.join(".") } else { join_ipv6(&parts) };
    let read = AddressRange::parse(format!("{address}/{length}").as_bytes())?;
    if read.host_bits { Err(ParseError::BadPrefix) } else { Ok(read.range) }
}

/// Groups of an IPv6 address with colons between them. `zz` becomes an empty group, which needs a second
/// colon where it is the first or the last.
fn join_ipv6(parts: &[&str]) -> String {
    let joined = parts.iter().map(|part| if *part == "zz" { "" } else { part }).collect::<Vec<_>>().join(":");
    let first = if parts.first() == Some(&"zz") { ":" } else { "" };
    let last = if parts.last() == Some(&"zz") { ":" } else { "" };
    format!("{first}{joined}{last}")
}

/// Splits a line at the first semicolon that is not in quotes.
fn split_comment(line: &[u8]) -> (&[u8], &[u8]) {
    let mut quoted = false;
    let at = memchr::memchr2_iter(b';', b'"', line).find(|at| {
        let is_quote = line.get(*at) == Some(&b'"');
        quoted ^= is_quote;
        !is_quote && !quoted
    });
    let (record, comment) = line.split_at_checked(at.unwrap_or(line.len())).unwrap_or((line, &[]));
    (record, comment.get(1..).unwrap_or(&[]))
}

/// Whether a word is a time to live (`300`, `1h`) or the class `IN`.
fn is_class_or_ttl(word: &[u8]) -> bool {
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_ttl = word.first().is_some_and(u8::is_ascii_digit) && word.len() - digits <= 1;
    is_ttl || word.eq_ignore_ascii_case(b"IN")
}

/// The time and the assessments of `Malware download (2026-08-20), see …`.
fn parse_reason(comment: &[u8]) -> (Option<Time>, Assessments) {
    let Ok(text) = std::str::from_utf8(comment) else { return (None, Assessments::EMPTY) };
    let (reason, rest) = text.split_once('(').unwrap_or((text, ""));
    let time = rest.split_once(')').and_then(|(date, _)| timestamp::parse(date.as_bytes()));
    let reason = reason.split("see ").next().unwrap_or_default();
    (time, taxonomy::of_phrases(reason.trim(), &[' ', ',']))
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::{read_events, render};

    #[test]
    fn reads_triggers_and_actions() {
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
    fn reads_reasons_that_repeat_and_change() {
        let text = "a.evilpanel.com CNAME . ; Malware download (2026-08-20), see https://x.example/1\nb.evilpanel.com CNAME . ; Malware download (2026-08-20), see https://x.example/2\n\
                    c.evilpanel.com CNAME . ; Malware download (2026-08-21), see https://x.example/3\nd.evilpanel.com CNAME .\ne.evilpanel.com CNAME . ; phishing\n\
                    f.evilpanel.com 300 CNAME . ; phishing\ng.evilpanel.com CNAME rpz-passthru. ; phishing\n";
        let events = read_events("rpz", &[], text);
        let found: Vec<_> =
            events.iter().map(|event| (event.first_seen.as_deref(), event.assessments.join(" "))).collect();
        let (first, second) = (Some("2026-08-20T00:00:00Z"), Some("2026-08-21T00:00:00Z"));
        let expected = [
            (first, "malware"),
            (first, "malware"),
            (second, "malware"),
            (None, ""),
            (None, "phishing"),
            (None, "phishing"),
            (None, ""),
        ];
        assert_eq!(found, expected.map(|(time, word)| (time, word.to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn plain_records_are_read_as_any(
            owner in "(\\*\\.|testentry\\.|@|)([a-zA-Z0-9_-]{1,6}\\.){1,3}(com|co.uk|rpz.example|org.rpz.example|rpz-ip|rpz-nsip|4)\\.?",
            comment in "( ?; ?(Malware download|phishing|ü)? ?(\\(2026-08-2[0-9]\\)?|see https://x.example/)?| )?",
            origins in "(\\$ORIGIN rpz.example.\n)?(\\$ORIGIN org.rpz.example.\n)?",
        ) {
            let read = |class: &str| {
                let events = read_events("rpz", &[], &format!("{origins}{owner}{class} CNAME .{comment}\n CNAME .\n"));
                events.into_iter().map(|event| crate::pipeline::Event { offset: None, text: None, ..event }).collect::<Vec<_>>()
            };
            // With its class, a record is split into words.
            proptest::prop_assert_eq!(read(""), read(" IN"));
        }
    }

    #[test]
    fn strips_the_zone_name_from_owners() {
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
