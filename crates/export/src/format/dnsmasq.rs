//! `dnsmasq`: configuration of the resolver dnsmasq. `local=/name/` covers the name and all names below it;
//! `host-record=name,0.0.0.0,::` answers for the name alone.

use super::{Format, Scopes, Syntax};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "dnsmasq",
    about: "dnsmasq: local=/name/ for names with all below them, host-record for names alone",
    parses_as: "dnsmasq",
    kinds: Kinds::NAME,
    scopes: Scopes::Tree,
    syntax: || Box::new(Dnsmasq),
    ..Format::DEFAULT
};

struct Dnsmasq;

impl Syntax for Dnsmasq {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)
    }

    fn name(
        &mut self,
        _: &Header,
        (name, scope): (&str, Scope),
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match scope {
            Scope::Exact => writeln!(out, "host-record={name},0.0.0.0,::"),
            _ => writeln!(out, "local=/{name}/"),
        }
    }
}
