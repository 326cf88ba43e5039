//! `parquet`: the columns of `csv`, with times as timestamps and lists as lists.

use super::{Detail, Format, NAME_MAX, Scopes, Syntax, Urls, status};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_parquet::{Cell, Column, Kind, Writer};
use rapsheet_snapshot::{Kinds, Scope};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    about: "a Parquet file with the columns of csv",
    parses_as: "parquet",
    parse_options: &[],
    longest_name: NAME_MAX,
    urls: Urls::All,
    kinds: Kinds::ALL,
    scopes: Scopes::All,
    exceptions: true,
    longest_timeout: u64::MAX,
    detail: Detail::Full,
    syntax: || Box::new(Parquet(None)),
};

const COLUMNS: [(&str, Kind); 10] = [
    ("indicator", Kind::Text),
    ("type", Kind::Text),
    ("scope", Kind::Text),
    ("status", Kind::Text),
    ("providers", Kind::Number),
    ("assessments", Kind::Texts),
    ("feeds", Kind::Texts),
    ("first_seen", Kind::Time),
    ("detect_time", Kind::Time),
    ("expires", Kind::Time),
];

/// The file, once it has begun.
struct Parquet(Option<Writer>);

impl Parquet {
    fn row(
        &mut self,
        header: &Header,
        (indicator, kind, scope): (&str, &str, Option<Scope>),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let assessments: Vec<&str> =
            statement.assessments.iter().map(|assessment| assessment.word()).collect();
        let cells: [Cell<'_>; COLUMNS.len()] = [
            Cell::Text(indicator),
            Cell::Text(kind),
            scope.map_or(Cell::None, |scope| Cell::Text(scope.word())),
            Cell::Text(status(statement)),
            Cell::Number(statement.providers.into()),
            Cell::Texts(&assessments),
            Cell::Texts(&header.feeds_of(statement)),
            Cell::Time(statement.first_seen.unix()),
            Cell::Time(statement.detect_time.unix()),
            Cell::Time(statement.expires.unix()),
        ];
        self.0.as_mut().map_or(Ok(()), |writer| writer.row(&cells, out))
    }
}

impl Syntax for Parquet {
    fn begin(&mut self, header: &Header, _: &mut dyn Write) -> io::Result<()> {
        let columns = COLUMNS.map(|(name, kind)| Column::new(name, kind));
        let (times, sources) = (header.times(), header.sources().join("\n"));
        self.0 = Some(Writer::new(&columns, &[("rapsheet.times", &times), ("rapsheet.sources", &sources)])?);
        Ok(())
    }

    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let kind = if network.is_ipv6 { "ipv6" } else { "ipv4" };
        self.row(header, (&network.to_string(), kind, None), statement, out)
    }

    fn name(
        &mut self,
        header: &Header,
        (name, scope): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.row(header, (name, "domain", Some(scope)), statement, out)
    }

    fn url(
        &mut self,
        header: &Header,
        url: &str,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.row(header, (url, "url", None), statement, out)
    }

    fn end(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        self.0.take().map_or(Ok(()), |writer| writer.finish(out))
    }
}
