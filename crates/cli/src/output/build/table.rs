//! What a build prints: a table of feeds, those in trouble first, and the reasons below it, where a terminal
//! ends.

use crate::printable;
use crate::table::{Column, Table, age, bytes, count, counted, noun, wrap};
use rapsheet_ingest::report::{FeedReport, FeedStatus, NewHits, Report};
use rapsheet_snapshot::ParseError;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How many notes are printed without `--verbose`; the report has all of them.
const NOTES_MAX: usize = 10;
/// How many feeds that were never downloaded are named.
const NAMES_MAX: usize = 3;
/// The width of the foot where there is no terminal.
const FOOT_WIDTH: usize = 100;

/// What the columns count.
const FOOT: &str = "age: of the download; accepted: its indicators that are in the snapshot; expired: those whose \
     retention has ended; rejected: those that were refused, see --rejects; added: accepted, and not in the previous \
     snapshot; removed: delisted since; kept: in the snapshot although not in the download";

/// What is said of a build beside its report.
pub(crate) struct Publication<'a> {
    /// The snapshot.
    pub(crate) out: &'a Path,
    /// Where the previous build left its state file.
    pub(crate) previous_state: PathBuf,
    /// The length of the snapshot in bytes.
    pub(crate) length: u64,
    /// Whether it was only tried, and not written.
    pub(crate) is_check: bool,
    /// The folder of downloads.
    pub(crate) downloads: &'a Path,
    /// How the command `feeds` lists the same catalogue.
    pub(crate) feeds_command: String,
    /// The width of the terminal; `None` where there is none.
    pub(crate) width: Option<usize>,
    /// Whether everything is said.
    pub(crate) verbose: bool,
}

/// Prints the results of a build.
pub(crate) fn summary(report: &Report, about: &Publication<'_>, text: &mut dyn Write) -> io::Result<()> {
    table(report).print_within(about.width, text)?;
    for line in wrap(FOOT, about.width.unwrap_or(FOOT_WIDTH).min(FOOT_WIDTH)) {
        writeln!(text, "{line}")?;
    }
    notes(report, about.verbose, text)?;
    newly_flagged(report, about.verbose, text)?;
    troubles(report, about, text)?;
    not_read(report, about, text)?;
    totals(report, about, text)
}

fn table(report: &Report) -> Table {
    let titles = ["age", "lines", "accepted", "expired", "rejected", "added", "removed", "kept"];
    let heads: Vec<Column> =
        ["feed", "state"].map(Column::Left).into_iter().chain(titles.map(Column::Right)).collect();
    let mut table = Table::new(&heads);
    for feed in trouble_first(report).into_iter().filter(|feed| !feed.never_downloaded) {
        let numbers =
            [feed.lines, feed.accepted, feed.expired, feed.rejected, feed.added, feed.removed, feed.kept];
        let mut cells = vec![feed.id.clone(), feed.status().word().to_owned()];
        cells.push(feed.age_seconds.map_or("-".to_owned(), age));
        cells.extend(numbers.map(count));
        table.push(cells);
    }
    table
}

fn trouble_first(report: &Report) -> Vec<&FeedReport> {
    let mut feeds: Vec<&FeedReport> = report.feeds.iter().collect();
    feeds.sort_by_key(|feed| (feed.status(), feed.notes.is_empty()));
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
        more => {
            let notes = noun(more as u64, "note", "notes");
            writeln!(out, "… and {more} more {notes}: see --report, or use --verbose")
        }
    }
}

fn notes_of(feed: &FeedReport, verbose: bool) -> Vec<String> {
    let id = &feed.id;
    let never_block = feed.refusals.get(ParseError::NeverBlock.word()).map(|number| {
        let entries = counted(*number, "entry", "entries");
        format!("{id}: {entries} would block a name or address of the never-block list; see --rejects")
    });
    let refusals: Vec<String> = feed.refusals.iter().map(|(why, number)| format!("{number} {why}")).collect();
    let refusals =
        (verbose && !refusals.is_empty()).then(|| format!("{id}: rejected {}", refusals.join(", ")));
    let notes = feed.notes.iter().map(|note| format!("{id}: {note}"));
    never_block.into_iter().chain(notes).chain(refusals).collect()
}

/// What the build newly flags in the operator's logs, the feed with most hits first.
fn newly_flagged(report: &Report, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let Some(all) = &report.against else { return Ok(()) };
    let new = report.feeds.iter().filter_map(|feed| Some((feed, feed.new_hits.as_ref()?)));
    let mut feeds: Vec<(&FeedReport, &NewHits)> = new.filter(|(_, new)| new.indicators > 0).collect();
    feeds.sort_by_key(|(_, new)| std::cmp::Reverse(new.hits));
    let shown = if verbose { feeds.len() } else { NOTES_MAX };
    for (feed, new) in feeds.iter().take(shown) {
        let examples =
            new.examples.iter().map(|new| format!("{} ({})", printable::text(&new.indicator), new.hits));
        let examples: Vec<String> = examples.collect();
        let more = if new.indicators > examples.len() as u64 { ", …" } else { "" };
        writeln!(
            out,
            "{}: newly flags {} of your logs, {}: {}{more}",
            feed.id,
            counted(new.indicators, "indicator", "indicators"),
            counted(new.hits, "hit", "hits"),
            examples.join(", ")
        )?;
    }
    if feeds.len() > shown {
        writeln!(out, "… and {} more: see --report, or use --verbose", feeds.len() - shown)?;
    }
    let unread = match all.unread {
        0 => String::new(),
        unread => format!("; {} cannot be read", counted(unread, "indicator", "indicators")),
    };
    writeln!(
        out,
        "of {} of your logs, {} blocked before, {} newly flagged, {}{unread}",
        counted(all.indicators, "indicator", "indicators"),
        counted(all.flagged_before, "is", "are"),
        counted(all.newly_flagged, "is", "are"),
        counted(all.new_hits, "hit", "hits"),
    )
}

/// Why feeds are in trouble, the worst first.
pub(crate) fn troubles(report: &Report, about: &Publication<'_>, out: &mut dyn Write) -> io::Result<()> {
    for feed in trouble_first(report).into_iter().filter(|feed| feed.status().is_trouble()) {
        let (FeedReport { id, file, .. }, (word, text)) = (feed, feed.why());
        writeln!(out, "{id}: {} ({word}): {file}: {text}", feed.status().word())?;
    }
    for ended in &report.ended {
        let why = match ended.reason {
            "removed" => "is no longer in the catalogue",
            "disabled" => "is disabled",
            _ => "has changed from block to allow, or back",
        };
        writeln!(
            out,
            "{}: it {why}: its {} of the previous build ended",
            ended.id,
            counted(ended.sightings, "sighting", "sightings")
        )?;
    }
    for unmatched in &report.unmatched_accepts {
        writeln!(out, "{unmatched}")?;
    }
    if report.state_missing {
        let state = about.previous_state.display();
        writeln!(
            out,
            "{state}, the state file of the previous build, is missing: rows of accumulated feeds that state no \
             times of their own count as new"
        )?;
    }
    Ok(())
}

/// The feeds that the build did not read: they have no download, or were not chosen.
fn not_read(report: &Report, about: &Publication<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (folder, command) = (about.downloads.display(), &about.feeds_command);
    let missing: Vec<&str> = report
        .feeds
        .iter()
        .filter(|feed| feed.status() == FeedStatus::NotDownloaded)
        .map(|feed| feed.id.as_str())
        .collect();
    if missing.len() == report.feeds.len() {
        writeln!(
            out,
            "no feed has a file in {folder}: name the folder of the downloads, or download them first; `{command} -o \
             json` gives the url and the file of each"
        )?;
    } else if !missing.is_empty() {
        let (feeds, have) = if missing.len() == 1 { ("feed", "has") } else { ("feeds", "have") };
        let names =
            if missing.len() <= NAMES_MAX { format!(" ({})", missing.join(", ")) } else { String::new() };
        writeln!(
            out,
            "{} {feeds} of the catalogue{names} {have} no file in {folder}: --feed chooses, `{command}` lists them",
            missing.len()
        )?;
    }
    match report.counts.not_chosen {
        0 => Ok(()),
        1 => writeln!(out, "1 feed was not chosen, and is kept as it was"),
        number => writeln!(out, "{number} feeds were not chosen, and are kept as they were"),
    }
}

/// How many feeds are in which state: `9 of 12 feeds ok, 1 failed, 2 stale`.
fn states(report: &Report) -> String {
    let counts = &report.counts;
    let bad = [
        (counts.failed, "failed"),
        (counts.held, "held"),
        (counts.stale, "stale"),
        (counts.nothing_live, "with nothing live"),
    ];
    let bad: String = bad
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!(", {number} {word}"))
        .collect();
    let feeds = counted(report.feeds.len() as u64 - counts.not_downloaded, "feed", "feeds");
    format!("{} of {feeds} ok{bad}", counts.ok)
}

fn totals(report: &Report, about: &Publication<'_>, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    writeln!(
        out,
        "{}: {}; {} of {} IPv4 and {} IPv6 ranges, {}, {}; {}{}",
        about.out.display(),
        states(report),
        counted(totals.sightings, "sighting", "sightings"),
        totals.ipv4_ranges,
        totals.ipv6_ranges,
        counted(totals.names, "name", "names"),
        counted(totals.urls, "URL", "URLs"),
        bytes(about.length),
        if about.is_check { "; nothing was written (--check)" } else { "" },
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;

    #[test]
    fn puts_trouble_first_and_fits_the_width() {
        let mut text = Vec::new();
        table(&example()).print_within(Some(80), &mut text).expect("memory takes it");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("lost-") && lines[1].contains("held"), "{text}");
        assert!(lines.iter().any(|line| line.starts_with("example-drop") && line.contains("21h")), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
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
