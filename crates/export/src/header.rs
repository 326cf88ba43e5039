//! What a file says of itself: when, from what, under which licences.

use crate::Options;
use crate::statement::{Judge, Statement};
use rapsheet_snapshot::{FeedRecord, Snapshot, Time};
use std::io::{self, Write};

/// The head of a file, and what its writer must know of the snapshot.
pub(crate) struct Header {
    /// The name of the format.
    pub(crate) format: &'static str,
    /// The instant at which entries are live.
    pub(crate) now: Time,
    built_at: Time,
    /// The ids of all feeds of the snapshot.
    feeds: Vec<String>,
    /// A line for each feed that is exported.
    sources: Vec<String>,
}

impl Header {
    pub(crate) fn new(snapshot: &Snapshot, options: &Options, judge: &Judge) -> Header {
        let instants = (snapshot.built_at(), options.now);
        Header::of(options.format.name, instants, &snapshot.origin().feeds, |feed| judge.is_exported(feed))
    }

    /// The head of a file of these feeds, given when the snapshot was built and when entries are live.
    pub(crate) fn of(
        format: &'static str,
        (built_at, now): (Time, Time),
        feeds: &[FeedRecord],
        is_exported: impl Fn(usize) -> bool,
    ) -> Header {
        let exported = feeds.iter().enumerate().filter(|(at, _)| is_exported(*at));
        let source = |feed: &FeedRecord| {
            let licence = if feed.licence.is_empty() { "not stated" } else { &feed.licence };
            let url = if feed.url.is_empty() { String::new() } else { format!(": {}", feed.url) };
            one_line(&format!("{} of {}{url}; licence: {licence}", feed.id, feed.provider))
        };
        Header {
            format,
            now,
            built_at,
            feeds: feeds.iter().map(|feed| one_line(&feed.id)).collect(),
            sources: exported.map(|(_, feed)| source(feed)).collect(),
        }
    }

    /// A header of feeds with these ids.
    #[cfg(test)]
    pub(crate) fn of_feeds(feeds: &[&str]) -> Header {
        let now = Time::from_unix(1_780_000_000);
        let feeds: Vec<String> = feeds.iter().map(|feed| (*feed).to_owned()).collect();
        Header { format: "test", now, built_at: now, sources: feeds.clone(), feeds }
    }

    /// Writes the header, each line after a mark that begins a comment.
    pub(crate) fn comments(&self, mark: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{mark} rapsheet export: {}", self.format)?;
        writeln!(out, "{mark} {}", self.times())?;
        self.sources.iter().try_for_each(|source| writeln!(out, "{mark} {source}"))
    }

    /// When the snapshot was built, and when entries are live.
    pub(crate) fn times(&self) -> String {
        format!("built {}, live at {}", self.built_at, self.now)
    }

    /// A line for each feed that is exported: its id, provider, address and licence.
    pub(crate) fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The ids of the feeds of a statement.
    pub(crate) fn feeds_of(&self, statement: &Statement) -> Vec<&str> {
        let id = |feed: &rapsheet_snapshot::FeedId| self.feeds.get(usize::from(feed.0)).map(String::as_str);
        statement.feeds.iter().filter_map(id).collect()
    }
}

/// A text without what ends a line for any reader: control characters and Unicode's separators.
pub(crate) fn one_line(text: &str) -> String {
    let ends = |mark: char| mark.is_control() || matches!(mark, '\u{2028}' | '\u{2029}');
    text.chars().map(|mark| if ends(mark) { ' ' } else { mark }).collect()
}
