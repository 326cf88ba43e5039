//! `ipset`: what `ipset restore` reads. Both sets are filled under other names and then swapped, so that a
//! reload has no moment without them.

use super::{Detail, Format, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::Kinds;
use std::io::{self, Write};

/// The longest timeout that ipset takes, in seconds: some 24 days.
const TIMEOUT_MAX: u64 = 2_147_483;

pub(super) static FORMAT: Format = Format {
    name: "ipset",
    about: "`ipset restore`: sets rapsheet4 and rapsheet6 with timeouts",
    parses_as: "firewall-config",
    kinds: Kinds::ADDRESS,
    longest_timeout: TIMEOUT_MAX,
    detail: Detail::Expiry,
    syntax: || Box::new(Ipset),
    ..Format::DEFAULT
};

const SETS: [(&str, &str); 2] = [("rapsheet4", "inet"), ("rapsheet6", "inet6")];

struct Ipset;

impl Syntax for Ipset {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)?;
        for (set, family) in SETS {
            // A set grows as it is filled, up to this many elements.
            let options = format!("hash:net family {family} maxelem 16777216 timeout 0");
            writeln!(out, "create -exist {set} {options}")?;
            writeln!(out, "create -exist {set}-new {options}")?;
            writeln!(out, "flush {set}-new")?;
        }
        Ok(())
    }

    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // No such set holds a network of length 0.
        if let Some(halves) = network.halves().filter(|_| network.length == 0) {
            return halves.iter().try_for_each(|half| self.network(header, half, statement, out));
        }
        let [(v4, _), (v6, _)] = SETS;
        let set = if network.is_ipv6 { v6 } else { v4 };
        let timeout = statement.seconds_left(header.now).min(TIMEOUT_MAX);
        writeln!(out, "add {set}-new {network} timeout {timeout}")
    }

    fn end(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        SETS.iter().try_for_each(|(set, _)| writeln!(out, "swap {set}-new {set}\ndestroy {set}-new"))
    }
}
