//! `plain-ip` and `plain-domain`: an entry a line.

use super::{Format, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static IP_FORMAT: Format = Format {
    name: "plain-ip",
    about: "a network a line",
    parses_as: "plain-ip",
    kinds: Kinds::ADDRESS,
    syntax: || Box::new(Plain),
    ..Format::DEFAULT
};

pub(super) static DOMAIN_FORMAT: Format = Format {
    name: "plain-domain",
    about: "a name a line",
    parses_as: "plain-domain",
    kinds: Kinds::NAME,
    ..IP_FORMAT
};

struct Plain;

impl Syntax for Plain {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)
    }

    fn network(
        &mut self,
        _: &Header,
        network: &Network,
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "{network}")
    }

    fn name(
        &mut self,
        _: &Header,
        (name, _): (&str, Scope),
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_all(name.as_bytes())?;
        out.write_all(b"\n")
    }
}
