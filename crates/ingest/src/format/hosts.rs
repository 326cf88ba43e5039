//! `hosts`: a hosts file: a sink address, then the names that resolve to it.
//!
//! `0.0.0.0 evil.example.com`, with one name or several, and perhaps a comment. Published by StevenBlack,
//! abuse.ch and many others. A name is exact: a hosts file does not cover the names below it.
//!
//! The sink is never an indicator. Any other address is the server of its name: the name is listed, and the
//! address only where the feed says so (option `hosts_address`). The names of a system's own hosts file
//! (`localhost`, `ip6-allnodes`) and of publishers' self-tests are skipped.
//!
//! A sink and a name, or two rows, that lost what stood between them are rejected as glued: where to cut them
//! would be a guess.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::entry::{Details, Normalizer, Skip};
use crate::format::options::{OptionRow, Options};
use crate::format::token;
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};

/// The row of the table.
pub(super) static FORMAT: Format = Format {
    id: "hosts",
    about: "a hosts file: a sink address, then the names that resolve to it",
    example: "0.0.0.0 evil.example.com",
    kinds: Kinds::NAME,
    options: &[OptionRow {
        key: "hosts_address",
        about: "an address that is not a sink: `ignore` (default), or `indicator` to list it, too",
    }],
    shape: Shape::Lines(open),
    ..Format::DEFAULT
};

struct Hosts {
    takes_address: bool,
}

fn open(options: &Options, _: Head<'_>) -> Result<Box<dyn LineReader>, OpenError> {
    let takes_address = options.word("hosts_address", &[("ignore", false), ("indicator", true)], false)?;
    Ok(Box::new(Hosts { takes_address }))
}

impl LineReader for Hosts {
    fn line(&self, line: &[u8], normalizer: &mut Normalizer<'_>) {
        if let Some(name) = simple_name(line)
            && normalizer.fast_host(name, Scope::Exact, &Details::NONE)
        {
            return;
        }
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, normalizer);
        }
        let (first, rest) = token::first(line);
        match kind_of_first(first) {
            First::Name if begins_with_address(first) => normalizer.reject(ParseError::Glued),
            First::Name => emit_names(line, normalizer),
            First::Sink => emit_names(rest, normalizer),
            First::Server => {
                if self.takes_address {
                    normalizer.address(first, &Details::NONE);
                }
                match rest.trim_ascii().is_empty() {
                    true => normalizer.reject(ParseError::BadColumns),
                    false => emit_names(rest, normalizer),
                }
            }
        }
    }
}

/// The text after a usual sink, unless it is a name that must be skipped. Nearly all lines have one of these
/// sinks and one name, and need no further parsing.
fn simple_name(line: &[u8]) -> Option<&[u8]> {
    let sinks: [&[u8]; 4] = [b"0.0.0.0 ", b"127.0.0.1 ", b"127.0.0.1\t", b"0.0.0.0\t"];
    let name = sinks.iter().find_map(|sink| line.strip_prefix(*sink))?;
    // The caller takes only names with a dot, and these are the only system names that have one.
    let is_skipped = matches!(name, b"localhost.localdomain" | b"0.0.0.0") || is_self_test(name);
    (!is_skipped).then_some(name)
}

/// The first token of a line.
enum First {
    /// A name: the line has no address.
    Name,
    /// An address that leads nowhere.
    Sink,
    /// The address of a server.
    Server,
}

/// Unspecified, loopback, broadcast, link-local and multicast addresses are sinks, and so is `0`.
fn kind_of_first(token: &[u8]) -> First {
    match Address::parse(token) {
        Ok(Address::V4(number)) if matches!(number >> 24, 0 | 127) || number == u32::MAX => First::Sink,
        Ok(Address::V6(number)) if number <= 1 || number >> 118 == 0x3FA || number >> 120 == 0xFF => {
            First::Sink
        }
        Ok(_) => First::Server,
        // `fe80::1%lo0` has a zone, which the canonical parser refuses.
        Err(_) if token == b"0" || token.contains(&b'%') => First::Sink,
        Err(_) => First::Name,
    }
}

fn emit_names(text: &[u8], normalizer: &mut Normalizer<'_>) {
    let tokens = text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|token| !token.is_empty());
    for name in tokens.take_while(|token| !token.starts_with(b"#")) {
        match reason_to_skip(name) {
            Some(skip) => normalizer.skip(skip),
            None if is_glued(name) => normalizer.reject(ParseError::Glued),
            None => normalizer.any(name, Scope::Exact, &Details::NONE),
        }
    }
}

/// Whether the first token of a line is an address and a name that are glued together.
fn begins_with_address(token: &[u8]) -> bool {
    let width = token.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let (address, name) = token.split_at_checked(width).unwrap_or((token, &[]));
    let is_name = name.first().is_some_and(u8::is_ascii_alphabetic) && name.contains(&b'.');
    is_name && Address::parse(address).is_ok()
}

/// Whether a sink is glued to a name: `0.0.0.0evil.example.com`, or `evil.example.com0.0.0.0` where a line
/// end was lost. A sink that is a label of its own is part of a name.
fn is_glued(name: &[u8]) -> bool {
    const SINKS: [&[u8]; 5] = [b"0.0.0.0", b"127.0.0.1", b"255.255.255.255", b"::1", b"::"];
    let after = SINKS.iter().find_map(|sink| name.strip_prefix(*sink));
    let before = SINKS.iter().find_map(|sink| name.strip_suffix(*sink));
    let is_name =
        |text: &[u8], edge: Option<&u8>| text.contains(&b'.') && edge.is_some_and(u8::is_ascii_alphabetic);
    after.is_some_and(|text| is_name(text, text.first()))
        || before.is_some_and(|text| is_name(text, text.last()))
}

/// The names that the hosts file of an operating system holds.
const SYSTEM_NAMES: &[&[u8]] = &[
    b"localhost",
    b"localhost.localdomain",
    b"localhost4",
    b"localhost6",
    b"local",
    b"broadcasthost",
    b"ip6-localhost",
    b"ip6-loopback",
    b"ip6-localnet",
    b"ip6-mcastprefix",
    b"ip6-allnodes",
    b"ip6-allrouters",
    b"ip6-allhosts",
    b"0.0.0.0",
];

fn reason_to_skip(name: &[u8]) -> Option<Skip> {
    if is_self_test(name) {
        return Some(Skip::SelfTest);
    }
    SYSTEM_NAMES.iter().any(|system| system.eq_ignore_ascii_case(name)).then_some(Skip::Localhost)
}

/// Whether a name is listed only so that users can test whether the list works.
fn is_self_test(name: &[u8]) -> bool {
    name.starts_with(b"testentry.") || name.starts_with(b"hblock-check.")
}

#[cfg(test)]
mod tests {
    use crate::pipeline::testing::render;

    #[test]
    fn reads_names_after_a_sink() {
        let text = "127.0.0.1\tevilpanel.com\n0.0.0.0 a.evilpanel.com b.evilpanel.com # two\n:: c.evilpanel.com\n\
                    0 d.evilpanel.com\n0.0.0.0 45.9.20.5\n45.9.20.5 c2.evilpanel.com\n0.0.0.0 e.evilpanel.com  ## x\n\
                    bare.evilpanel.com\n";
        let expected = [
            "domain evilpanel.com",
            "domain a.evilpanel.com",
            "domain b.evilpanel.com",
            "domain c.evilpanel.com",
            "domain d.evilpanel.com",
            "ip 45.9.20.5",
            "domain c2.evilpanel.com",
            "domain e.evilpanel.com",
            "domain bare.evilpanel.com",
        ];
        assert_eq!(render("hosts", &[], text), expected);
        let both = render("hosts", &[("hosts_address", "indicator")], "45.9.20.5 c2.evilpanel.com\n");
        assert_eq!(both, ["ip 45.9.20.5", "domain c2.evilpanel.com"]);
    }

    #[test]
    fn rejects_rows_that_are_glued() {
        let text = "0.0.0.0evilpanel.com\n127.0.0.1evilpanel.net\n::evilpanel.org\n0.0.0.0 a.evilpanel.com0.0.0.0 b.evilpanel.com\n\
                    0.0.0.0 127.0.0.1.evilpanel.com\n0.0.0.0 a.evilpanel.com127.0.0.1\n45.9.20.5c2.evilpanel.com\n";
        let expected = [
            "REJECT glued",
            "REJECT glued",
            "REJECT glued",
            "REJECT glued",
            "domain b.evilpanel.com",
            "domain 127.0.0.1.evilpanel.com",
            "REJECT glued",
            "REJECT glued",
        ];
        assert_eq!(render("hosts", &[], text), expected);
    }

    #[test]
    fn skips_system_names_and_self_tests() {
        let text = "127.0.0.1 localhost\n0.0.0.0 0.0.0.0\n255.255.255.255 broadcasthost\nfe80::1%lo0 localhost\n\
                    ff02::1 ip6-allnodes\n0.0.0.0 testentry.example.com\n127.0.0.1\n";
        let expected = [
            "SKIP localhost",
            "SKIP localhost",
            "SKIP localhost",
            "SKIP localhost",
            "SKIP localhost",
            "SKIP self-test",
            "SKIP no-indicator",
        ];
        assert_eq!(render("hosts", &[], text), expected);
    }
}
