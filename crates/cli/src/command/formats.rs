//! `formats`: lists the formats of feeds, or explains one.

use super::stdout;
use crate::args::Formats;
use crate::exit::{Exit, Failure};
use crate::names;
use crate::output::json;
use crate::table::{Column, Table};
use rapsheet_ingest::format::options::OptionRow;
use rapsheet_ingest::format::{self, FORMATS, Format};
use rapsheet_snapshot::Kinds;
use serde::Serialize;
use std::io::{self, Write};

/// Runs the command.
pub(super) fn run(args: &Formats) -> Result<Exit, Failure> {
    let mut out = stdout();
    match (&args.id, args.output.is_json()) {
        (None, false) => table().print(&mut out)?,
        (None, true) => {
            json::indented(&FORMATS.iter().map(|format| row(format)).collect::<Vec<_>>(), &mut out)?;
        }
        (Some(id), false) => explain(find(id)?, &mut out)?,
        (Some(id), true) => json::indented(&row(find(id)?), &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// The format of this name.
pub(super) fn find(id: &str) -> Result<&'static Format, Failure> {
    format::find(id).ok_or_else(|| {
        let known = FORMATS.iter().map(|format| format.id);
        Failure::usage(format_args!("--format: {}", names::unknown("format", id, known)))
    })
}

fn table() -> Table {
    let mut table = Table::new(&["format", "kinds", "description"].map(Column::Left));
    for format in FORMATS {
        table.push(vec![format.id.to_owned(), kind_words(format.kinds).join(" "), format.about.to_owned()]);
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

fn row(format: &Format) -> Row {
    let option = |row: &OptionRow| OptionJson { key: row.key, about: row.about };
    Row {
        id: format.id,
        about: format.about,
        kinds: kind_words(format.kinds),
        example: format.example,
        options: format.options.iter().map(option).collect(),
    }
}

/// The words of a set of kinds.
fn kind_words(kinds: Kinds) -> Vec<&'static str> {
    let words = [(Kinds::IPV4, "ipv4"), (Kinds::IPV6, "ipv6"), (Kinds::NAME, "domain"), (Kinds::URL, "url")];
    words.into_iter().filter(|(kind, _)| kinds.intersects(*kind)).map(|(_, word)| word).collect()
}
