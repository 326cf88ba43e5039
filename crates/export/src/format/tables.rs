//! `csv` and `jsonl`: everything that is known of an entry, a row each.

use super::{Detail, Format, NAME_MAX, Scopes, Syntax, Urls, status};
use crate::header::Header;
use crate::network::Network;
use crate::statement::Statement;
use rapsheet_snapshot::{Kinds, Scope};
use serde::Serialize;
use std::io::{self, Write};

pub(super) static CSV_FORMAT: Format = Format {
    name: "csv",
    about: "a table with a header, all that is known of an entry in a row",
    parses_as: "csv",
    parse_options: &[],
    longest_name: NAME_MAX,
    urls: Urls::All,
    kinds: Kinds::ALL,
    scopes: Scopes::All,
    exceptions: true,
    longest_timeout: u64::MAX,
    detail: Detail::Full,
    syntax: || Box::new(Csv),
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
    fn new(
        header: &'a Header,
        (indicator, kind): (&'a str, &'static str),
        scope: Option<Scope>,
        statement: &Statement,
    ) -> Row<'a> {
        Row {
            indicator,
            kind,
            scope: scope.map(Scope::word),
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

fn kind_of(network: &Network) -> &'static str {
    if network.is_ipv6 { "ipv6" } else { "ipv4" }
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

    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Csv::row(&Row::new(header, (&network.to_string(), kind_of(network)), None, statement), out)
    }

    fn name(
        &mut self,
        header: &Header,
        (name, scope): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Csv::row(&Row::new(header, (name, "domain"), Some(scope), statement), out)
    }

    fn url(
        &mut self,
        header: &Header,
        url: &str,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Csv::row(&Row::new(header, (url, "url"), None, statement), out)
    }
}

struct Jsonl;

impl Jsonl {
    fn row(row: &Row<'_>, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, row)?;
        writeln!(out)
    }
}

impl Syntax for Jsonl {
    fn begin(&mut self, _: &Header, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Jsonl::row(&Row::new(header, (&network.to_string(), kind_of(network)), None, statement), out)
    }

    fn name(
        &mut self,
        header: &Header,
        (name, scope): (&str, Scope),
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Jsonl::row(&Row::new(header, (name, "domain"), Some(scope), statement), out)
    }

    fn url(
        &mut self,
        header: &Header,
        url: &str,
        statement: &Statement,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        Jsonl::row(&Row::new(header, (url, "url"), None, statement), out)
    }
}
