//! What a build prints: a table of feeds, those in trouble first, and the reasons below it, where a terminal
//! ends.

use crate::table::{Column, Table, age, bytes, count, duration};
use rapsheet_ingest::report::{FeedReport, Report};
use rapsheet_snapshot::ParseError;
use rapsheet_snapshot::section::origin::FeedState;
use std::io::{self, Write};
use std::path::Path;

/// How many notes are printed without `--verbose`; the report has all of them.
const NOTES_MAX: usize = 10;

/// What the columns count whose titles do not say it.
const FOOT: &str =
    "expired: sightings whose retention has ended; kept: live sightings that are not in the download";

/// Prints the results of a build whose snapshot, of so many bytes, is at `out`.
pub(crate) fn summary(
    report: &Report,
    length: u64,
    out: &Path,
    verbose: bool,
    text: &mut dyn Write,
) -> io::Result<()> {
    table(report).print(text)?;
    writeln!(text, "{FOOT}")?;
    notes(report, verbose, text)?;
    troubles(report, text)?;
    totals(report, length, out, text)
}

fn table(report: &Report) -> Table {
    let titles = ["age", "lines", "accepted", "rejected", "added", "removed", "expired", "kept"];
    let heads: Vec<Column> =
        ["feed", "state"].map(Column::Left).into_iter().chain(titles.map(Column::Right)).collect();
    let mut table = Table::new(&heads);
    for feed in trouble_first(report) {
        let numbers =
            [feed.lines, feed.accepted, feed.rejected, feed.added, feed.removed, feed.lapsed, feed.carried];
        let mut cells = vec![feed.id.clone(), state_word(feed).to_owned()];
        cells.push(feed.age_seconds.map_or("-".to_owned(), age));
        cells.extend(numbers.map(count));
        table.push(cells);
    }
    table
}

/// The state of a feed; `stale` where it is ok but for the age of its download.
fn state_word(feed: &FeedReport) -> &'static str {
    if feed.state == FeedState::Ok && feed.stale { "stale" } else { feed.state.word() }
}

fn trouble_first(report: &Report) -> Vec<&FeedReport> {
    let mut feeds: Vec<&FeedReport> = report.feeds.iter().collect();
    feeds.sort_by_key(|feed| (feed.state == FeedState::Ok, !feed.stale, feed.notes.is_empty()));
    feeds
}

/// The notes on feeds that are ok and, where `verbose`, why lines were rejected.
fn notes(report: &Report, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let notes: Vec<String> = report.feeds.iter().flat_map(|feed| notes_of(feed, verbose)).collect();
    let shown = if verbose { notes.len() } else { NOTES_MAX };
    for note in notes.iter().take(shown) {
        writeln!(out, "{note}")?;
    }
    match notes.len().saturating_sub(shown) {
        0 => Ok(()),
        more => writeln!(out, "… and {more} more notes: see --report, or use --verbose"),
    }
}

fn notes_of(feed: &FeedReport, verbose: bool) -> Vec<String> {
    let id = &feed.id;
    let never_block = feed.refusals.get(ParseError::NeverBlock.word()).map(|number| {
        let entries = if *number == 1 { "1 entry".to_owned() } else { format!("{number} entries") };
        format!("{id}: {entries} would block a name or address of the never-block list; see --rejects")
    });
    let refusals: Vec<String> = feed.refusals.iter().map(|(why, number)| format!("{number} {why}")).collect();
    let refusals =
        (verbose && !refusals.is_empty()).then(|| format!("{id}: rejected {}", refusals.join(", ")));
    let stale = (state_word(feed) == "stale").then(|| {
        let (age, max_age) = (age(feed.age_seconds.unwrap_or(0)), duration(feed.max_age_seconds));
        format!("{id}: stale: its download is {age} old, more than {max_age}; was it fetched?")
    });
    let notes = feed.notes.iter().map(|note| format!("{id}: {note}"));
    stale.into_iter().chain(never_block).chain(notes).chain(refusals).collect()
}

/// Why feeds are in trouble.
fn troubles(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for feed in report.feeds.iter().filter(|feed| feed.state != FeedState::Ok) {
        let FeedReport { id, reason, reason_text, file, .. } = feed;
        writeln!(out, "{id}: {} ({reason}): {file}: {reason_text}", feed.state.word())?;
    }
    for ended in &report.ended {
        let why = match ended.reason {
            "removed" => "is no longer in the catalogue",
            "disabled" => "is disabled",
            _ => "has changed from block to allow, or back",
        };
        writeln!(
            out,
            "{}: it {why}: its {} sightings of the previous build ended",
            ended.id, ended.sightings
        )?;
    }
    for unmatched in &report.unmatched_accepts {
        writeln!(out, "{unmatched}")?;
    }
    if report.state_missing {
        writeln!(out, "the previous build left no state file: rows of accumulated feeds count as new")?;
    }
    Ok(())
}

fn totals(report: &Report, length: u64, target: &Path, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    let trouble = report.feeds.iter().filter(|feed| feed.state != FeedState::Ok).count();
    writeln!(
        out,
        "{}: {} of {} feeds ok; {} sightings of {} IPv4 and {} IPv6 ranges, {} names, {} URLs; {}",
        target.display(),
        report.feeds.len() - trouble,
        report.feeds.len(),
        totals.sightings,
        totals.ipv4_runs,
        totals.ipv6_runs,
        totals.names,
        totals.urls,
        bytes(length),
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn puts_trouble_first_and_fits_the_width() {
        let mut text = Vec::new();
        table(&example()).print(&mut text).expect("memory takes it");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("lost-") && lines[1].contains("held"), "{text}");
        assert!(lines[2].starts_with("example-drop") && lines[2].contains("21h"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn prints_few_notes_unless_verbose() {
        let mut report = example();
        report.feeds =
            (0..15).map(|at| FeedReport::new(&format!("feed-{at}"), "x.example", "f", "f")).collect();
        report.feeds.iter_mut().for_each(|feed| feed.notes = vec!["is unusual".to_owned()]);
        let printed = |verbose| {
            let mut text = Vec::new();
            notes(&report, verbose, &mut text).expect("memory takes it");
            String::from_utf8(text).expect("text")
        };
        assert_eq!((printed(false).lines().count(), printed(true).lines().count()), (NOTES_MAX + 1, 15));
        assert!(printed(false).ends_with("… and 5 more notes: see --report, or use --verbose\n"));
    }
}
