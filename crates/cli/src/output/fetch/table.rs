//! A fetch for people: what is wrong first, and in one line what went well.

use super::Results;
use crate::printable;
use crate::table::{Column, Table, age, bytes, counted};
use rapsheet_fetch::{Outcome, Verb};
use rapsheet_snapshot::Time;
use std::io::{self, Write};

/// How many feeds with the same trouble are named.
const NAMES_MAX: usize = 3;

/// Prints what became of the feeds. Without `verbose`, those that are as they should be are only counted.
pub(crate) fn summary(
    results: &Results<'_>,
    verbose: bool,
    width: Option<usize>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let is_shown = |outcome: &&Outcome| verbose || matches!(outcome.state, Verb::Fetched | Verb::Failed);
    let rows = trouble_first(results);
    let rows: Vec<&Outcome> = rows.into_iter().filter(is_shown).collect();
    if !rows.is_empty() {
        table(&rows, results.at).print_within(width, out)?;
    }
    reasons(results, verbose, out)?;
    for warning in results.warnings {
        writeln!(out, "{warning}")?;
    }
    if verbose {
        writeln!(out, "TLS: {}; proxy: {}", results.tls_roots, results.proxy.unwrap_or("none"))?;
    }
    writeln!(out, "{}", totals(results))
}

/// Prints only what is wrong.
pub(crate) fn failures(results: &Results<'_>, out: &mut dyn Write) -> io::Result<()> {
    for outcome in results.outcomes.iter().filter(|outcome| outcome.state == Verb::Failed) {
        reason(outcome, out)?;
    }
    results.warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))
}

/// Prints what a run would do.
pub(crate) fn dry_run(results: &Results<'_>, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(&["feed", "state", "url", "why"].map(Column::Left));
    for outcome in trouble_first(results) {
        table.push(vec![
            outcome.id.clone(),
            outcome.state.word().to_owned(),
            outcome.url.clone().unwrap_or_default(),
            outcome.reason.clone().unwrap_or_default(),
        ]);
    }
    table.print_within(width, out)
}

fn trouble_first<'r>(results: &'r Results<'_>) -> Vec<&'r Outcome> {
    let mut outcomes: Vec<&Outcome> = results.outcomes.iter().collect();
    outcomes.sort_by_key(|outcome| outcome.state);
    outcomes
}

fn table(rows: &[&Outcome], now: Time) -> Table {
    let texts = ["feed", "state"].map(Column::Left);
    let numbers = ["size", "received", "took", "age", "due in"].map(Column::Right);
    let mut table = Table::new(&[texts.as_slice(), &numbers].concat());
    let size = |number: Option<u64>| number.map_or("-".to_owned(), bytes);
    let since = |time: Option<Time>| time.map_or("-".to_owned(), |time| age(now.unix() - time.unix()));
    for outcome in rows {
        table.push(vec![
            outcome.id.clone(),
            state_text(outcome),
            size(outcome.bytes),
            size(outcome.wire_bytes),
            if outcome.requests > 0 { format!("{:.1}s", outcome.seconds) } else { "-".to_owned() },
            since(outcome.fetched_at),
            outcome.next_at.map_or("-".to_owned(), |next| age(next.unix() - now.unix())),
        ]);
    }
    table
}

fn state_text(outcome: &Outcome) -> String {
    match (outcome.state, outcome.changed) {
        (Verb::Fetched, Some(false)) => "fetched, the same".to_owned(),
        (state, _) => state.word().to_owned(),
    }
}

/// Why feeds failed, waited, or were left out. Feeds that are not due are as they should be. What many feeds share is said
/// once.
fn reasons(results: &Results<'_>, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut groups: Vec<(Verb, &str, Vec<&Outcome>)> = Vec::new();
    for outcome in trouble_first(results) {
        let Some(reason) = &outcome.reason else { continue };
        let is_due_later = outcome.state == Verb::Skipped && reason.starts_with("not due");
        if is_due_later && !verbose {
            continue;
        }
        match groups.iter_mut().find(|(state, why, _)| *state == outcome.state && why == reason) {
            Some((_, _, group)) if !verbose => group.push(outcome),
            _ => groups.push((outcome.state, reason, vec![outcome])),
        }
    }
    groups.iter().try_for_each(|(state, why, group)| group_reason(*state, why, group, out))
}

/// Says why for feeds that share it: for a few each by itself, for many with some of their names.
fn group_reason(state: Verb, why: &str, group: &[&Outcome], out: &mut dyn Write) -> io::Result<()> {
    if group.len() <= NAMES_MAX {
        return group.iter().try_for_each(|outcome| reason(outcome, out));
    }
    let names: Vec<&str> = group.iter().take(NAMES_MAX).map(|outcome| outcome.id.as_str()).collect();
    let (count, more) = (group.len(), group.len() - names.len());
    let names = names.join(", ");
    writeln!(out, "{count} feeds {} ({}): {names} and {more} more", state.word(), printable::text(why))
}

fn reason(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let Some(reason) = &outcome.reason else { return Ok(()) };
    writeln!(out, "{}: {} ({})", outcome.id, outcome.state.word(), printable::text(reason))
}

fn totals(results: &Results<'_>) -> String {
    let states = [Verb::Fetched, Verb::NotModified, Verb::Deferred, Verb::Skipped, Verb::Failed];
    let counts: Vec<String> = states
        .into_iter()
        .filter(|state| results.count(*state) > 0)
        .map(|state| format!("{} {}", results.count(state), state.word()))
        .collect();
    let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
    format!(
        "{}: {counts}; {} received in {:.1} s; {}",
        counted(results.outcomes.len() as u64, "feed", "feeds"),
        bytes(results.sum(|outcome| outcome.wire_bytes)),
        results.seconds,
        results.downloads.display()
    )
}
