//! `adblock`: a filter list for DNS, as AdGuard Home and Pi-hole read it.
//!
//! What is allowed is left out: in such a list an exception also lets the blocked names below it pass.

use super::{Format, Scopes, Syntax};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "adblock",
    about: "a filter list for DNS: ||name^ with all names below, |name^ for the name alone",
    parses_as: "adblock",
    kinds: Kinds::NAME,
    scopes: Scopes::Tree,
    syntax: || Box::new(Adblock),
    ..Format::DEFAULT
};

struct Adblock;

impl Syntax for Adblock {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("!", out)
    }

    fn name(
        &mut self,
        _: &Header,
        (name, scope): (&str, Scope),
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let anchor = if scope == Scope::Exact { "|" } else { "||" };
        writeln!(out, "{anchor}{name}^")
    }
}
