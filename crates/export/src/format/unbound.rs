//! `unbound`: local zones of the resolver Unbound: a file to include below `server:`.
//!
//! What is allowed is left out. It would need a zone of its own, and such a zone hides the blocked names in
//! it.

use super::{Format, Scopes, Syntax};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "unbound",
    about: "Unbound: local-zone for names with all below them, local-data for names alone",
    parses_as: "unbound",
    kinds: Kinds::NAME,
    scopes: Scopes::Tree,
    syntax: || Box::new(Unbound),
    ..Format::DEFAULT
};

struct Unbound;

impl Syntax for Unbound {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)?;
        writeln!(out, "server:")
    }

    fn name(
        &mut self,
        _: &Header,
        (name, scope): (&str, Scope),
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match scope {
            Scope::Exact => {
                writeln!(out, "local-data: \"{name}. A 0.0.0.0\"\nlocal-data: \"{name}. AAAA ::\"")
            }
            _ => writeln!(out, "local-zone: \"{name}.\" always_nxdomain"),
        }
    }
}
