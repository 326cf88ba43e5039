//! `zeek-intel`: a file of Zeek's Intelligence Framework. Its URLs have no scheme, and its names match alone.

use super::{Detail, Format, Syntax, Urls};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::Scope;
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "zeek-intel",
    about: "Zeek's Intelligence Framework: addresses, networks, names and URLs",
    parses_as: "zeek-intel",
    urls: Urls::PlainHttp,
    detail: Detail::Reputation,
    syntax: || Box::new(Intel),
    ..Format::DEFAULT
};

struct Intel;

impl Intel {
    fn row(value: &str, kind: &str, statement: &Statement, out: &mut dyn Write) -> io::Result<()> {
        let (assessments, providers) = (statement.assessments, statement.providers);
        writeln!(out, "{value}\tIntel::{kind}\trapsheet\t{assessments}; providers: {providers}")
    }
}

impl Syntax for Intel {
    fn begin(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        header.comments("#", out)?;
        writeln!(out, "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc")
    }

    fn network(
        &mut self,
        _: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let kind = if network.is_single() { "ADDR" } else { "SUBNET" };
        Intel::row(&network.to_string(), kind, statement, out)
    }

    fn name(
        &mut self,
        _: &Header,
        (name, _): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Intel::row(name, "DOMAIN", statement, out)
    }

    fn url(&mut self, _: &Header, url: &str, statement: &Statement, out: &mut dyn Write) -> io::Result<()> {
        let bare = url.split_once("//").map_or(url, |(_, bare)| bare);
        Intel::row(bare, "URL", statement, out)
    }
}
