//! `formats`: lists the formats of feeds, or explains one.

use super::stdout;
use crate::args::Formats;
use crate::exit::{Exit, Failure};
use crate::table::{Head, Table};
use rapsheet_ingest::format::{self, FORMATS, Format};
use rapsheet_snapshot::Kinds;
use serde::Serialize;
use std::io::{self, Write};

/// Runs the command.
pub(super) fn run(args: &Formats) -> Result<Exit, Failure> {
    let mut out = stdout();
    match (&args.id, args.output.is_json()) {
        (None, false) => table().print(&mut out)?,
        (None, true) => print_json(&mut out, &rows())?,
        (Some(id), false) => explain(find(id)?, &mut out)?,
        (Some(id), true) => print_json(&mut out, &row(find(id)?))?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn find(id: &str) -> Result<&'static Format, Failure> {
    format::find(id)
        .ok_or_else(|| Failure::usage(format_args!("no format `{id}`; `rapsheet formats` lists them")))
}

fn table() -> Table {
    let mut table = Table::new(&["format", "kinds", "description"].map(Head::Left));
    for format in FORMATS {
        table.row(vec![format.id.to_owned(), kind_words(format.kinds).join(" "), format.about.to_owned()]);
    }
    table
}

fn explain(format: &Format, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}: {}", format.id, format.about)?;
    writeln!(out, "lists: {}", kind_words(format.kinds).join(", "))?;
    writeln!(out, "example: {}", format.example)?;
    if format.options.is_empty() {
        return writeln!(out, "options: none");
    }
    writeln!(out, "options, in a catalogue under [feed.options], for `parse` as --option KEY=VALUE:")?;
    format.options.iter().try_for_each(|option| writeln!(out, "  {:<16}  {}", option.key, option.about))
}

#[derive(Serialize)]
struct Row {
    id: &'static str,
    about: &'static str,
    kinds: Vec<&'static str>,
    example: &'static str,
    options: Vec<OptionJson>,
}

#[derive(Serialize)]
struct OptionJson {
    key: &'static str,
    about: &'static str,
}

fn rows() -> Vec<Row> {
    FORMATS.iter().map(|format| row(format)).collect()
}

fn row(format: &Format) -> Row {
    let option =
        |row: &rapsheet_ingest::format::options::OptionRow| OptionJson { key: row.key, about: row.about };
    Row {
        id: format.id,
        about: format.about,
        kinds: kind_words(format.kinds),
        example: format.example,
        options: format.options.iter().map(option).collect(),
    }
}

fn print_json(out: &mut dyn Write, value: &impl Serialize) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    Ok(())
}

/// The words of a set of kinds.
fn kind_words(kinds: Kinds) -> Vec<&'static str> {
    let words = [(Kinds::IPV4, "ipv4"), (Kinds::IPV6, "ipv6"), (Kinds::NAME, "domain"), (Kinds::URL, "url")];
    words.into_iter().filter(|(kind, _)| kinds.intersects(*kind)).map(|(_, word)| word).collect()
}
