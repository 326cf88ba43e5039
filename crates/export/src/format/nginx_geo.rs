//! `nginx-geo`: lines to include inside a `geo` block of nginx, which gives the variable 1 for what is
//! listed.

use super::{Format, Syntax};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::Kinds;
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "nginx-geo",
    about: "nginx: `network 1;` to include inside a `geo` block",
    parses_as: "firewall-config",
    kinds: Kinds::ADDRESS,
    syntax: || Box::new(Geo),
    ..Format::DEFAULT
};

struct Geo;

impl Syntax for Geo {
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
        writeln!(out, "{network} 1;")
    }
}
