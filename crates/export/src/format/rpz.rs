//! `rpz`: a response policy zone, for BIND, Unbound, Knot Resolver and the PowerDNS Recursor.
//!
//! Names are relative, so that a resolver may give the zone any name. A wildcard in DNS covers no name below
//! another name of the zone, so what a tree covers is not written again below it.

use super::{Format, Scopes, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, ListKind, Scope};
use std::io::{self, Write};

/// The longest name that leaves room for a wildcard and the name of a short zone.
const RPZ_NAME_MAX: usize = 240;

pub(super) static FORMAT: Format = Format {
    name: "rpz",
    about: "a DNS response policy zone: NXDOMAIN for what is blocked, passthru for what is allowed",
    parses_as: "rpz",
    longest_name: RPZ_NAME_MAX,
    kinds: Kinds::from_bits(Kinds::NAME.bits() | Kinds::ADDRESS.bits()),
    scopes: Scopes::All,
    exceptions: true,
    syntax: || Box::new(Rpz),
    ..Format::DEFAULT
};

struct Rpz;

fn action(statement: &Statement) -> &'static str {
    match statement.list {
        ListKind::Block => ".",
        ListKind::Allow => "rpz-passthru.",
    }
}

impl Syntax for Rpz {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments(";", out)?;
        // Serial numbers have 32 bits and wrap around.
        let serial = header.now.unix() as u32;
        writeln!(out, "$TTL 300")?;
        writeln!(out, "@ SOA localhost. hostmaster.localhost. {serial} 3600 600 604800 300")?;
        writeln!(out, "@ NS localhost.")
    }

    fn network(
        &mut self,
        _: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "{}.rpz-ip CNAME {}", trigger(network), action(statement))
    }

    fn name(
        &mut self,
        _: &Header,
        (name, scope): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let action = action(statement);
        if scope.covers(false) {
            writeln!(out, "{name} CNAME {action}")?;
        }
        if scope.covers(true) {
            writeln!(out, "*.{name} CNAME {action}")?;
        }
        Ok(())
    }
}

/// The length and the parts of the address, the last first; the longest row of zero words of an IPv6 address
/// is `zz`. BIND takes no other spelling.
fn trigger(network: &Network) -> String {
    let length = network.length;
    if !network.is_ipv6 {
        // An IPv4 address has 32 bits.
        let [a, b, c, d] = (network.first as u32).to_le_bytes();
        return format!("{length}.{a}.{b}.{c}.{d}");
    }
    let words: Vec<u16> = (0..8).map(|at| (network.first >> (16 * at)) as u16).collect();
    let (first, zeros) = longest_zeros(&words);
    let mut text = length.to_string();
    for (at, word) in words.iter().enumerate() {
        match at.checked_sub(first).filter(|past| *past < zeros) {
            Some(0) => text.push_str(".zz"),
            Some(_) => {}
            None => text.push_str(&format!(".{word:x}")),
        }
    }
    text
}

/// Where the first longest row of at least two zeros begins, and its length.
fn longest_zeros(words: &[u16]) -> (usize, usize) {
    let (mut best, mut row) = ((0, 0), 0);
    for (at, word) in words.iter().enumerate() {
        row = if *word == 0 { row + 1 } else { 0 };
        if row > 1 && row > best.1 {
            best = (at + 1 - row, row);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::networks;
    use rapsheet_snapshot::AddressRange;

    #[test]
    fn triggers_are_spelt_as_bind_does() {
        let rows = [
            ("192.0.2.0/24", "24.0.2.0.192"),
            ("2001:db8::1/128", "128.1.zz.db8.2001"),
            ("2001:db8::/32", "32.zz.db8.2001"),
            ("2001:0:0:1:0:0:0:1/128", "128.1.zz.1.0.0.2001"),
            ("1:0:2:3:4:5:6:7/128", "128.7.6.5.4.3.2.0.1"),
        ];
        for (text, expected) in rows {
            let range = AddressRange::parse(text.as_bytes()).expect("a prefix").range;
            assert_eq!(trigger(&networks(range).next().expect("one")), expected);
        }
    }
}
