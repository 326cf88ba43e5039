//! `text`: an answer for people. A line for the verdict, and one below it for each sighting.

use super::{Answered, Context, LookupOutput, ProviderAnswer, no_header};
use crate::printable;
use rapsheet_query::Source;
use rapsheet_snapshot::{Status, Time};
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LookupOutput = LookupOutput {
    name: "text",
    about: "For people",
    header: no_header,
    answer,
    refused: |_, refused, out| {
        let (text, why) = (printable::text(refused.indicator()), refused.why);
        writeln!(out, "{text}  not an indicator: {why} ({})", about(why))
    },
};

fn about(why: rapsheet_snapshot::ParseError) -> &'static str {
    why.about().trim_end_matches('.')
}

fn answer(context: &Context<'_>, answered: &Answered<'_>, out: &mut dyn Write) -> io::Result<()> {
    let answer = answered.answer;
    let verdict = context.style.color.status(answer.status, answer.status.verdict());
    write!(out, "{}  {verdict}", printable::text(&answer.indicator))?;
    match (answer.status, answer.assessments()) {
        (Status::Blocked | Status::Allowed, words) if !words.is_empty() => write!(out, ": {words}")?,
        _ => {}
    }
    let of = context.searcher.providers().len();
    match (answer.detected_by, answer.failed) {
        (0, 0) => writeln!(out)?,
        (0, failed) => writeln!(out, " (data of {failed} of {of} providers is missing or too old)")?,
        (by, 0) => writeln!(out, " (by {by} of {of} providers)")?,
        (by, failed) => writeln!(out, " (by {by} of {of} providers; data of {failed} missing or too old)")?,
    }
    context
        .providers(answer, context.style.all_sources)
        .try_for_each(|answer| provider(context, &answer, out))
}

fn provider(context: &Context<'_>, answer: &ProviderAnswer<'_>, out: &mut dyn Write) -> io::Result<()> {
    if answer.sources.is_empty() {
        let word = context.style.color.status(answer.status, answer.status.verdict());
        let updated = answer.provider.update_time.as_ref().map_or("never".to_owned(), Time::to_string);
        return writeln!(out, "  {}  {word}, updated {updated}", printable::text(&answer.provider.name));
    }
    answer.sources.iter().try_for_each(|source| sighting(context, source, out))
}

fn sighting(context: &Context<'_>, source: &Source, out: &mut dyn Write) -> io::Result<()> {
    let (feed, _) = context.feed(source);
    let (provider, feed) = (printable::text(context.provider(source)), printable::text(feed));
    let verb = if source.status == Status::Blocked { "blocks" } else { "allows" };
    let verb = context.style.color.status(source.status, verb);
    let overlap = source.overlap.map_or(String::new(), |overlap| format!(" ({})", overlap.word()));
    write!(out, "  {provider} ({feed}) {verb} {}{overlap}", printable::text(&source.matched))?;
    if !source.assessments.is_empty() {
        write!(out, ": {}", source.assessments)?;
    }
    write!(out, "; confirmed {}, until {}", source.detect_time, source.expires)?;
    let stale = if source.stale { context.style.color.warning(" (stale)") } else { String::new() };
    writeln!(out, "{stale}")
}
