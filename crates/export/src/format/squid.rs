//! `squid`: a file for an `acl` of Squid with `dstdomain`: `.name` for a name with all names below it, `name`
//! alone.
//!
//! Squid does not start with a name that a tree in the same file covers. Such names are not written.

use super::{Format, Scopes, Syntax};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "squid",
    about: "Squid's dstdomain: .name with all names below, name alone",
    parses_as: "squidguard",
    parse_options: &[("dialect", "squid")],
    kinds: Kinds::NAME,
    scopes: Scopes::Tree,
    syntax: || Box::new(Squid),
    ..Format::DEFAULT
};

struct Squid;

impl Syntax for Squid {
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
        let mark = if scope == Scope::Exact { "" } else { "." };
        writeln!(out, "{mark}{name}")
    }
}
