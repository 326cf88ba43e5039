//! `parquet`: the columns of `csv`, with times as timestamps and lists as lists.

use super::{Detail, Format, Item, Scopes, Syntax, status};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_parquet::{Cell, Column, Kind, Writer};
use std::io::{self, Write};

pub(super) static FORMAT: Format = Format {
    name: "parquet",
    about: "a Parquet file with the columns of csv",
    parses_as: "parquet",
    scopes: Scopes::All,
    exceptions: true,
    longest_timeout: u64::MAX,
    detail: Detail::Full,
    syntax: || Box::new(Parquet(None)),
    ..Format::DEFAULT
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

impl Syntax for Parquet {
    fn begin(&mut self, header: &Header, _: &mut dyn Write) -> io::Result<()> {
        let columns = COLUMNS.map(|(name, kind)| Column::new(name, kind));
        let (times, sources) = (header.times(), header.sources().join("\n"));
        self.0 = Some(Writer::new(&columns, &[("rapsheet.times", &times), ("rapsheet.sources", &sources)])?);
        Ok(())
    }

    fn item(
        &mut self,
        header: &Header,
        item: &Item<'_>,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let assessments: Vec<&str> =
            statement.assessments.iter().map(|assessment| assessment.word()).collect();
        let cells: [Cell<'_>; COLUMNS.len()] = [
            Cell::Text(item.text),
            Cell::Text(item.kind),
            item.scope.map_or(Cell::None, |scope| Cell::Text(scope.word())),
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

    fn end(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        self.0.take().map_or(Ok(()), |writer| writer.finish(out))
    }
}
