//! `text`: an answer for people. A line for the verdict, and one below it for each sighting.

use super::{Context, LookupOutput, Said, no_head};
use crate::printable;
use rapsheet_query::{Source, Verdict};
use rapsheet_snapshot::{Status, Time};
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "text",
    head: no_head,
    answer,
    refused: |text, why, out| {
        writeln!(out, "{}  no indicator: {} ({})", printable::text(text), why, about(why))
    },
};

fn about(why: rapsheet_snapshot::Refusal) -> &'static str {
    why.about().trim_end_matches('.')
}

fn answer(context: &Context<'_>, answer: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let verdict = context.color.status(answer.status, answer.status.verdict());
    write!(out, "{}  {verdict}", printable::text(&answer.indicator))?;
    match (answer.status, answer.assessments()) {
        (Status::Blocked | Status::Allowed, said) if !said.is_empty() => write!(out, ": {said}")?,
        _ => {}
    }
    let of = context.searcher.providers().len();
    match (answer.detected_by, answer.failed) {
        (0, 0) => writeln!(out)?,
        (0, failed) => writeln!(out, " (data of {failed} of {of} providers is missing or too old)")?,
        (by, 0) => writeln!(out, " (by {by} of {of} providers)")?,
        (by, failed) => writeln!(out, " (by {by} of {of} providers; data of {failed} missing or too old)")?,
    }
    context.providers(answer, context.all_sources).try_for_each(|said| provider(context, &said, out))
}

fn provider(context: &Context<'_>, said: &Said<'_>, out: &mut dyn Write) -> io::Result<()> {
    if said.sources.is_empty() {
        let word = context.color.status(said.status, said.status.verdict());
        let updated = said.provider.update_time.as_ref().map_or("never".to_owned(), Time::to_string);
        return writeln!(out, "  {}  {word}, updated {updated}", printable::text(&said.provider.name));
    }
    said.sources.iter().try_for_each(|source| sighting(context, source, out))
}

fn sighting(context: &Context<'_>, source: &Source, out: &mut dyn Write) -> io::Result<()> {
    let (feed, _) = context.feed(source);
    let (provider, feed) = (printable::text(context.provider(source)), printable::text(feed));
    let says = if source.status == Status::Blocked { "blocks" } else { "allows" };
    let says = context.color.status(source.status, says);
    let overlap = source.overlap.map_or(String::new(), |overlap| format!(" ({})", overlap.word()));
    write!(out, "  {provider} ({feed}) {says} {}{overlap}", printable::text(&source.matched))?;
    if !source.assessments.is_empty() {
        write!(out, ": {}", source.assessments)?;
    }
    write!(out, "; confirmed {}, until {}", source.detect_time, source.expires)?;
    let stale = if source.stale { context.color.warning(" (stale)") } else { String::new() };
    writeln!(out, "{stale}")
}
