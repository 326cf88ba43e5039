//! `nginx-geo`: lines to include inside a `geo` block of nginx, which gives the variable 1 for what is
//! listed.

use super::{Detail, Format, NAME_MAX, Scopes, Syntax, Urls};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::Kinds;
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "nginx-geo",
    about: "nginx: `network 1;` to include inside a `geo` block",
    parses_as: "firewall-config",
    parse_options: &[],
    longest_name: NAME_MAX,
    urls: Urls::All,
    kinds: Kinds::ADDRESS,
    scopes: Scopes::Exact,
    exceptions: false,
    longest_timeout: 0,
    detail: Detail::Presence,
    syntax: || Box::new(Geo),
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
