//! `misp-warninglist` and `misp-warninglist-names`: a warninglist of MISP, which holds either networks
//! (`cidr`) or names alone (`string`).

use super::{Format, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "misp-warninglist",
    about: "a MISP warninglist of networks",
    parses_as: "misp-warninglist",
    kinds: Kinds::ADDRESS,
    syntax: || Box::new(Warninglist { of: "cidr", holds: "networks", has_items: false }),
    ..Format::DEFAULT
};

pub(super) static NAMES_FORMAT: Format = Format {
    name: "misp-warninglist-names",
    about: "a MISP warninglist of names",
    kinds: Kinds::NAME,
    syntax: || Box::new(Warninglist { of: "string", holds: "names", has_items: false }),
    ..FORMAT
};

struct Warninglist {
    /// The type of the list.
    of: &'static str,
    /// What its name says that it holds: MISP keeps one list of each name.
    holds: &'static str,
    has_items: bool,
}

impl Warninglist {
    /// Begins an item, in which JSON escapes nothing.
    fn begin_item(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let comma: &[u8] = if self.has_items { b",\n\"" } else { b"\n\"" };
        self.has_items = true;
        out.write_all(comma)
    }
}

impl Syntax for Warninglist {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        let version = header.now.unix();
        writeln!(out, "{{\"name\":\"rapsheet {}\",\"version\":{version},", self.holds)?;
        writeln!(out, "\"description\":\"{}\",", header.times())?;
        write!(out, "\"type\":\"{}\",\n\"list\":[", self.of)
    }

    fn network(
        &mut self,
        _: &Header,
        network: &Network,
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.begin_item(out)?;
        write!(out, "{network}")?;
        // MISP takes networks alone.
        if network.is_single() { write!(out, "/{}\"", network.length) } else { out.write_all(b"\"") }
    }

    fn name(
        &mut self,
        _: &Header,
        (name, _): (&str, Scope),
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.begin_item(out)?;
        out.write_all(name.as_bytes())?;
        out.write_all(b"\"")
    }

    fn end(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n]}}")
    }
}
