//! `nft`: what `nft -f` reads. The file is one transaction: the sets are emptied and filled at once.

use super::{Detail, Format, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::Kinds;
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "nft",
    about: "`nft -f`: sets block4 and block6 of table inet rapsheet, with timeouts",
    parses_as: "firewall-config",
    kinds: Kinds::ADDRESS,
    longest_timeout: u64::MAX,
    detail: Detail::Expiry,
    syntax: || Box::new(Nft::default()),
    ..Format::DEFAULT
};

/// How many elements one command adds.
const ELEMENTS_MAX: usize = 4096;

#[derive(Default)]
struct Nft {
    /// The set of the command that is being written, and its elements so far.
    open: Option<(&'static str, usize)>,
}

impl Nft {
    fn close(&mut self, out: &mut dyn Write) -> io::Result<()> {
        // The brace must stand on a line of its own.
        if self.open.take().is_some() { writeln!(out, "\n}}") } else { Ok(()) }
    }
}

impl Syntax for Nft {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)?;
        writeln!(out, "add table inet rapsheet")?;
        for (set, of) in [("block4", "ipv4_addr"), ("block6", "ipv6_addr")] {
            writeln!(out, "add set inet rapsheet {set} {{ type {of}; flags interval, timeout; }}")?;
            writeln!(out, "flush set inet rapsheet {set}")?;
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
        let set = if network.is_ipv6 { "block6" } else { "block4" };
        match &mut self.open {
            Some((open, elements)) if *open == set && *elements < ELEMENTS_MAX => {
                *elements += 1;
                writeln!(out, ",")?;
            }
            _ => {
                self.close(out)?;
                self.open = Some((set, 1));
                writeln!(out, "add element inet rapsheet {set} {{")?;
            }
        }
        write!(out, "{network} timeout {}s", statement.seconds_left(header.now))
    }

    fn end(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        self.close(out)
    }
}
