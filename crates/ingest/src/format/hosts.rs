//! `hosts`: a sink address and the names that resolve to it.
//!
//! The sink never becomes an indicator. An address that is no sink is a mapping: the name is what the list
//! blocks, unless the feed says that both are (option `hosts_address`). The names that every system's own file
//! holds are skipped.

use super::{Format, Head, LineReader, OpenError, Shape, header};
use crate::options::{OptionRow, Options};
use crate::scribe::{Details, Scribe, Skip};
use crate::token;
use rapsheet_snapshot::{Address, Kinds, ParseError, Scope};

/// The row of the table.
pub static FORMAT: Format = Format {
    id: "hosts",
    about: "a hosts file: sink address, then names",
    example: "0.0.0.0 evil.example.com",
    kinds: Kinds::NAME,
    options: &[OptionRow {
        key: "hosts_address",
        about: "`ignore` (default), or `indicator`: an address that is no sink is listed too",
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
    fn line(&self, line: &[u8], scribe: &mut Scribe<'_>) {
        if let Some(name) = behind_usual_sink(line)
            && scribe.plain(name, Scope::Exact, &Details::NONE)
        {
            return;
        }
        if let Some(comment) = token::comment(line) {
            return header::comment(comment, scribe);
        }
        let (first, rest) = token::first(line);
        match sink(first) {
            First::Name => names(line, scribe),
            First::Sink => names(rest, scribe),
            First::Mapping => {
                if self.takes_address {
                    scribe.address(first, &Details::NONE);
                }
                match rest.trim_ascii().is_empty() {
                    true => scribe.reject(ParseError::BadColumns),
                    false => names(rest, scribe),
                }
            }
        }
    }
}

/// What follows the sinks of nearly all lines, if it is not a name that is this system's own or somebody's test.
fn behind_usual_sink(line: &[u8]) -> Option<&[u8]> {
    let sinks: [&[u8]; 4] = [b"0.0.0.0 ", b"127.0.0.1 ", b"127.0.0.1\t", b"0.0.0.0\t"];
    let name = sinks.iter().find_map(|sink| line.strip_prefix(*sink))?;
    // A plain name or address has a dot, and these are the only own names that have one.
    let is_own = matches!(name, b"localhost.localdomain" | b"0.0.0.0") || is_test(name);
    (!is_own).then_some(name)
}

enum First {
    /// It is the name of a line without an address.
    Name,
    /// An address that names are sent to in order to go nowhere.
    Sink,
    /// An address that somebody lives at.
    Mapping,
}

fn sink(token: &[u8]) -> First {
    match Address::parse(token) {
        Ok(Address::V4(number)) if matches!(number >> 24, 0 | 127) || number == u32::MAX => First::Sink,
        Ok(Address::V6(number)) if number <= 1 || number >> 118 == 0x3FA || number >> 120 == 0xFF => {
            First::Sink
        }
        Ok(_) => First::Mapping,
        Err(_) if token == b"0" || token.contains(&b'%') => First::Sink,
        Err(_) => First::Name,
    }
}

fn names(text: &[u8], scribe: &mut Scribe<'_>) {
    let tokens = text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|token| !token.is_empty());
    for name in tokens.take_while(|token| !token.starts_with(b"#")) {
        match own_name(name) {
            Some(skip) => scribe.skip(skip),
            None => scribe.any(name, Scope::Exact, &Details::NONE),
        }
    }
}

/// The names of every system's own hosts file.
const OWN_NAMES: &[&[u8]] = &[
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

fn own_name(name: &[u8]) -> Option<Skip> {
    if is_test(name) {
        return Some(Skip::SelfTest);
    }
    OWN_NAMES.iter().any(|own| own.eq_ignore_ascii_case(name)).then_some(Skip::Localhost)
}

fn is_test(name: &[u8]) -> bool {
    name.starts_with(b"testentry.") || name.starts_with(b"hblock-check.")
}

#[cfg(test)]
mod tests {
    use crate::transcript::tests::render;

    #[test]
    fn names_behind_a_sink() {
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
    fn a_system_s_own_names_are_skipped() {
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
