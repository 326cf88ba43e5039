//! `hosts`: a hosts file: each name with the null address.

use super::{Format, Syntax};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "hosts",
    about: "a hosts file: 0.0.0.0 and a name",
    parses_as: "hosts",
    kinds: Kinds::NAME,
    syntax: || Box::new(Hosts),
    ..Format::DEFAULT
};

struct Hosts;

impl Syntax for Hosts {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)
    }

    fn name(
        &mut self,
        _: &Header,
        (name, _): (&str, Scope),
        _: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_all(b"0.0.0.0 ")?;
        out.write_all(name.as_bytes())?;
        out.write_all(b"\n")
    }
}
