//! `hosts-deny`: access rules of TCP wrappers, `daemons : clients : options`.
//!
//! `ALL: evil.example.com, .evil.example.net, 192.0.2., 198.51.100.0/255.255.255.0, [2001:db8::]/64`. A name
//! is that host alone, and one that begins with a dot is what lies below it. `192.0.2.` is the network of
//! these octets. What follows `EXCEPT` is an exception, and a rule with the option `allow` lets its clients
//! in. A `\` at the end of a line continues the rule on the next one.
//!
//! hosts.allow has the same syntax. A file whose comments name it, and not hosts.deny, lets its clients in.
//!
//! `ALL`, `LOCAL`, `@netgroup` and `user@host` are no indicators, a `/path` names a file that is never opened,
//! and options such as `spawn` are commands, which are not looked into.

use super::{Format, Head, OpenError, OrderedReader, Shape, header, ranges};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::Options;
use crate::format::token;
use rapsheet_snapshot::{AddressRange, Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "hosts-deny",
    about: "hosts.deny of TCP wrappers: ALL: x, .x, 192.0.2., 192.0.2.0/255.255.255.0, [2001:db8::]/64",
    example: "ALL: evil.example.com, 192.0.2.",
    kinds: Kinds::ADDRESS.union(Kinds::NAME),
    shape: Shape::Ordered(open),
    ..Format::DEFAULT
};

/// A rule that is longer than this is cut. No real one comes near.
const RULE_MAX: usize = 64 << 10;

struct HostsDeny {
    /// Whether rules without an option let their clients in.
    is_hosts_allow: bool,
    /// The lines of a rule that ended in `\` so far.
    begun: Vec<u8>,
}

fn open(_: &Options, head: Head<'_>) -> Result<Box<dyn OrderedReader>, OpenError> {
    Ok(Box::new(HostsDeny { is_hosts_allow: is_hosts_allow(head.bytes), begun: Vec::new() }))
}

/// Whether a file is hosts.allow: the comment that systems put at its start names it.
pub(super) fn is_hosts_allow(head: &[u8]) -> bool {
    let names = |file: &[u8]| memchr::memmem::find(head, file).is_some();
    names(b"hosts.allow") && !names(b"hosts.deny")
}

impl OrderedReader for HostsDeny {
    fn line(&mut self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let (true, [b'#', comment @ ..]) = (self.begun.is_empty(), line) {
            return header::comment(comment.trim_ascii(), normalizer);
        }
        let continued = line.strip_suffix(b"\\").filter(|_| self.begun.len() < RULE_MAX);
        if continued.is_some() || !self.begun.is_empty() {
            self.begun.extend_from_slice(continued.unwrap_or(line));
        }
        if continued.is_some() {
            return normalizer.skip(Skip::Directive);
        }
        let rule = std::mem::take(&mut self.begun);
        let rule = if rule.is_empty() { line } else { rule.as_slice() };
        match clients(rule) {
            Some(clients) => emit_clients(clients, self.is_hosts_allow, normalizer),
            None => normalizer.reject(ParseError::BadColumns),
        }
    }
}

/// What follows the daemons of a rule, `sshd, ftpd@192.0.2.1 : clients`; `None` where a line is no such rule.
pub(super) fn clients(rule: &[u8]) -> Option<&[u8]> {
    let is_name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(byte);
    let (daemons, clients) = token::split_once(rule, b':')?;
    let begins_well = daemons.first().is_some_and(u8::is_ascii_alphabetic);
    let are_daemons = begins_well && words(daemons).all(|daemon| daemon.iter().all(is_name_byte));
    let is_address = AddressRange::parse(token::first(rule).0).is_ok();
    (are_daemons && !is_address).then_some(clients)
}

/// The words of a list, separated by blanks, commas or both.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|word| !word.is_empty())
}

/// Emits the clients of a rule, given what follows its daemons.
pub(super) fn emit_clients(text: &[u8], is_hosts_allow: bool, normalizer: &mut Normalizer<'_>) {
    let (list, options) = split_options(text);
    let says = |verdict: &[u8]| {
        options.split(|byte| *byte == b':').any(|option| option.trim_ascii().eq_ignore_ascii_case(verdict))
    };
    let allows = says(b"allow") || is_hosts_allow && !says(b"deny");
    let before = normalizer.outcomes();
    let mut inverted = allows;
    for client in words(list) {
        if client.eq_ignore_ascii_case(b"EXCEPT") {
            // `a EXCEPT b EXCEPT c` is a without (b without c).
            inverted = !inverted;
        } else {
            emit_client(client, &Details { inverted, ..Details::NONE }, normalizer);
        }
    }
    if normalizer.outcomes() == before {
        normalizer.skip(Skip::RuleWithoutAddress);
    }
}

/// The clients, and the options after the next `:`, which is not one of an address.
fn split_options(text: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0;
    while let Some(colon) = memchr::memchr(b':', text.get(from..).unwrap_or(&[])).map(|at| from + at) {
        let head = text.get(..colon).unwrap_or(&[]);
        let word = head.rsplit(|byte| matches!(byte, b' ' | b'\t' | b',')).next().unwrap_or(&[]);
        let open = memchr::memrchr(b'[', word) > memchr::memrchr(b']', word);
        let whole = words(text.get(colon - word.len()..).unwrap_or(&[])).next().unwrap_or(&[]);
        let bare =
            AddressRange::parse(whole).is_ok() && whole.iter().filter(|byte| **byte == b':').count() > 1;
        if !open && !bare {
            return (head, text.get(colon + 1..).unwrap_or(&[]));
        }
        from = colon + 1;
    }
    (text, &[])
}

fn emit_client(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    const KEYWORDS: [&[u8]; 5] = [b"ALL", b"LOCAL", b"KNOWN", b"UNKNOWN", b"PARANOID"];
    let is_numeric = text.iter().all(|byte| byte.is_ascii_digit() || b".*".contains(byte));
    match text {
        _ if KEYWORDS.contains(&text) => {}
        [b'@' | b'/', ..] => normalizer.skip(Skip::Directive),
        _ if text.contains(&b'@') => normalizer.skip(Skip::Conditional),
        [b'[', ..] => emit_bracketed(text, details, normalizer),
        _ if is_numeric && (text.ends_with(b".") || text.contains(&b'*')) => {
            ranges::emit(ranges::wildcard(text), details, normalizer);
        }
        _ if text.contains(&b'*') || text.contains(&b'?') => normalizer.reject(ParseError::Pattern),
        [b'.', name @ ..] => normalizer.host(name, Scope::Subdomains, details),
        _ if text.contains(&b'/') => emit_network(text, details, normalizer),
        _ if text.iter().filter(|byte| **byte == b':').count() > 1 => normalizer.address(text, details),
        _ => normalizer.host(text, Scope::Exact, details),
    }
}

/// `192.0.2.0/255.255.255.0`, `192.0.2.0/24`.
fn emit_network(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    match token::split_once(text, b'/') {
        Some((address, mask)) if mask.contains(&b'.') => {
            ranges::emit(ranges::netmask(address, mask), details, normalizer);
        }
        _ => normalizer.address(text, details),
    }
}

/// `[2001:db8::5]`, `[2001:db8::]/64`, and `[2001:db8::/64]`, which administrators write.
fn emit_bracketed(text: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let bare: Vec<u8> = text.iter().copied().filter(|byte| !b"[]".contains(byte)).collect();
    normalizer.address(&bare, details);
}
