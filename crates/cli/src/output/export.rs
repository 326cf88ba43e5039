//! What an export wrote and lost, for people. The report in JSON names every feed.

use crate::table::{Column, Table, count, counted};
use rapsheet_export::{FeedLoss, KindLoss, Report};
use std::cmp::Reverse;
use std::io::{self, Write};

/// How many feeds of a kind are shown, those that lost most.
const FEEDS_SHOWN_MAX: usize = 4;

/// Prints how many entries were written, which feeds were left out, and what was lost.
pub(crate) fn summary(report: &Report, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    if !report.losses.is_empty() {
        losses(&report.losses).print_within(width, out)?;
    }
    for feed in &report.restricted {
        let (feed, licence) = (&feed.feed, &feed.licence);
        writeln!(out, "{feed} is left out: its licence is `{licence}`; --include-restricted writes it")?;
    }
    if !report.stale.is_empty() {
        let (count, ids) = (report.stale.len() as u64, report.stale.join(", "));
        let feeds = counted(count, "feed", "feeds");
        writeln!(out, "{feeds} failed, held or too old, and written as last listed: {ids}")?;
    }
    let entries = counted(report.entries, "entry", "entries");
    writeln!(out, "{}: {entries}, live at {}", report.format, report.at)
}

fn losses(kinds: &[KindLoss]) -> Table {
    let columns = [
        Column::Left("lost"),
        Column::Right("entries"),
        Column::Left("feed"),
        Column::Right("of it"),
        Column::Left("such as"),
    ];
    let mut table = Table::new(&columns);
    for kind in kinds {
        let mut feeds: Vec<&FeedLoss> = kind.feeds.iter().collect();
        feeds.sort_by_key(|feed| Reverse(feed.count));
        let (mut word, mut total) = (kind.kind.word().to_owned(), count(kind.count));
        for feed in feeds.iter().take(FEEDS_SHOWN_MAX) {
            let (feed, of_it, examples) = (feed.feed.clone(), count(feed.count), feed.examples.join(", "));
            table.push(vec![std::mem::take(&mut word), std::mem::take(&mut total), feed, of_it, examples]);
        }
        if let Some(more) = feeds.len().checked_sub(FEEDS_SHOWN_MAX + 1) {
            let more = counted(more as u64 + 1, "more feed", "more feeds");
            table.push(vec![String::new(), String::new(), more, String::new(), String::new()]);
        }
    }
    table
}
