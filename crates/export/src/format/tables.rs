//! `csv` and `jsonl`: everything that is known of an entry, a row each.

use super::{Detail, Format, Item, Scopes, Syntax, status};
use crate::header::Header;
use crate::statement::Statement;
use rapsheet_snapshot::Scope;
use serde::Serialize;
use std::io::{self, Write};

pub(super) static CSV_FORMAT: Format = Format {
    name: "csv",
    about: "a table with a header, all that is known of an entry in a row",
    parses_as: "csv",
    scopes: Scopes::All,
    exceptions: true,
    longest_timeout: u64::MAX,
    detail: Detail::Full,
    syntax: || Box::new(Csv),
    ..Format::DEFAULT
};

pub(super) static JSONL_FORMAT: Format = Format {
    name: "jsonl",
    about: "a JSON object a line, with all that is known of an entry",
    parses_as: "ndjson",
    syntax: || Box::new(Jsonl),
    ..CSV_FORMAT
};

/// An entry, as both formats write it.
#[derive(Serialize)]
struct Row<'a> {
    indicator: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    scope: Option<&'static str>,
    status: &'static str,
    providers: u16,
    assessments: Vec<&'static str>,
    feeds: Vec<&'a str>,
    first_seen: String,
    detect_time: String,
    expires: String,
}

impl<'a> Row<'a> {
    fn new(header: &'a Header, item: &Item<'a>, statement: &Statement) -> Row<'a> {
        Row {
            indicator: item.text,
            kind: item.kind,
            scope: item.scope.map(Scope::word),
            status: status(statement),
            providers: statement.providers,
            assessments: statement.assessments.iter().map(|assessment| assessment.word()).collect(),
            feeds: header.feeds_of(statement),
            first_seen: statement.first_seen.to_string(),
            detect_time: statement.detect_time.to_string(),
            expires: statement.expires.to_string(),
        }
    }
}

struct Csv;

impl Csv {
    fn row(row: &Row<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (assessments, feeds) = (row.assessments.join("; "), row.feeds.join("; "));
        let providers = row.providers.to_string();
        let cells = [
            row.indicator,
            row.kind,
            row.scope.unwrap_or(""),
            row.status,
            &providers,
            &assessments,
            &feeds,
            &row.first_seen,
            &row.detect_time,
            &row.expires,
        ];
        for (at, cell) in cells.into_iter().enumerate() {
            out.write_all(if at == 0 { b"" } else { b"," })?;
            match cell.contains([',', '"', '\n', '\r']) {
                true => write!(out, "\"{}\"", cell.replace('"', "\"\""))?,
                false => out.write_all(cell.as_bytes())?,
            }
        }
        writeln!(out)
    }
}

impl Syntax for Csv {
    fn begin(&mut self, _: &Header, out: &mut dyn Write) -> io::Result<()> {
        const COLUMNS: &str =
            "indicator,type,scope,status,providers,assessments,feeds,first_seen,detect_time,expires";
        writeln!(out, "{COLUMNS}")
    }

    fn item(
        &mut self,
        header: &Header,
        item: &Item<'_>,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Csv::row(&Row::new(header, item, statement), out)
    }
}

struct Jsonl;

impl Syntax for Jsonl {
    fn begin(&mut self, _: &Header, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn item(
        &mut self,
        header: &Header,
        item: &Item<'_>,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        serde_json::to_writer(&mut *out, &Row::new(header, item, statement))?;
        writeln!(out)
    }
}
