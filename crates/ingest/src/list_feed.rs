//! A feed of one file that no catalogue names: an operator's or analyst's own indicators.
//!
//! The format is detected, and tried: where the detected one finds nothing in the file, or rejects most of it,
//! the file is read as `indicator-list`, which takes what people note down, and prose. Plain lists of one kind
//! are always read so, because one's own list often mixes addresses, names and URLs.
//!
//! ```
//! use rapsheet_ingest::list_feed;
//! use rapsheet_snapshot::Time;
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("case-7.txt");
//! std::fs::write(&path, "evilpanel[.]com\n45.9.20.5 the panel\n")?;
//! let now = Time::from(std::time::SystemTime::now());
//! let feed = list_feed::of_file(&path, now)?;
//! assert_eq!((feed.provider.as_str(), feed.format.id), ("case-7.txt", "indicator-list"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::catalog::lists::feed_of;
use crate::catalog::{Catalog, Feed};
use crate::download::decode::{self, Limits};
use crate::download::refusal::FileRefusal;
use crate::entry::{Counters, Details, Key, Position, Rules, Sink, Skip, Warnings};
use crate::format::options::Options;
use crate::format::{self, Format, Shape, sniff};
use crate::pipeline::{self, ParseConfig};
use rapsheet_snapshot::{ListKind, ParseError, Scope, Time};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

/// How much of a file is read to find its format, in bytes.
const HEAD_LEN: u64 = 1 << 20;
/// The format of a list that has no syntax.
const FALLBACK: &str = "indicator-list";
/// Formats of one indicator a line. The fallback reads them, too, and takes every kind of indicator.
const PLAIN: [&str; 6] =
    ["plain-ip", "plain-domain", "plain-ip-annotated", "domain-wildcard", "url-list", "freetext"];

/// The feed of one file: blocking, read anew as a whole, without an end of its sightings, and with guards that
/// let a person's own choice pass: special-use space and names that no published feed may block, and a list that
/// is shorter or longer than before.
///
/// # Errors
/// The file cannot be read, or has no name that is text.
pub fn of_file(path: &Path, now: Time) -> Result<Feed, FileRefusal> {
    let unreadable = |why: &str| FileRefusal::Unreadable(why.to_owned());
    let absolute = std::path::absolute(path).map_err(|error| decode::refusal(&error))?;
    let file = absolute.to_str().ok_or_else(|| unreadable("its path is not UTF-8"))?;
    let name = absolute.file_name().ok_or_else(|| unreadable("its path ends in no name"))?;
    if !std::fs::metadata(path).map_err(|error| decode::refusal(&error))?.is_file() {
        return Err(unreadable("it is not a regular file; name one"));
    }
    let name = name.to_string_lossy();
    Ok(feed(&name, file, format_of(path, now)?))
}

/// A catalogue of such feeds. Files of one name in several folders are feeds of one provider.
pub fn catalog(feeds: Vec<Feed>) -> Catalog {
    let mut catalog = Catalog::empty();
    catalog.feeds = feeds;
    make_ids_unique(&mut catalog.feeds);
    catalog
}

/// Appends `-2`, `-3`, … to the ids of feeds whose id an earlier one has.
fn make_ids_unique(feeds: &mut [Feed]) {
    let mut taken = BTreeSet::new();
    for feed in feeds {
        let id = feed.id.clone();
        let mut number = 1;
        while !taken.insert(feed.id.clone()) {
            number += 1;
            feed.id = format!("{id}-{number}");
        }
    }
}

/// Gives a feed of one's own list the format that reads its file, and the guards of such a list. Names and
/// addresses of the never-block list stay protected.
///
/// # Errors
/// The file cannot be read.
pub fn suit(feed: &mut Feed, now: Time) -> Result<(), FileRefusal> {
    feed.format = format_of(Path::new(&feed.file), now)?;
    feed.guard.allow_bogons = true;
    feed.guard.hold_nothing();
    Ok(())
}

fn feed(name: &str, file: &str, format: &'static Format) -> Feed {
    let mut feed =
        Feed { provider: provider_of(name), title: name.to_owned(), format, ..feed_of(&id_of(name), file) };
    (feed.guard.can_be_empty, feed.guard.allow_bogons, feed.guard.allow_never_block) = (true, true, true);
    feed.guard.hold_nothing();
    feed
}

/// A file's name as a provider. Outputs that join providers separate them by blanks and commas.
fn provider_of(name: &str) -> String {
    let is_kept = |mark: char| !(mark.is_whitespace() || mark.is_control() || mark == ',');
    name.chars().map(|mark| if is_kept(mark) { mark } else { '-' }).collect()
}

/// A file's name as an id.
fn id_of(name: &str) -> String {
    let allowed = |mark: char| mark.is_ascii_alphanumeric() || matches!(mark, '.' | '-');
    let id: String =
        name.chars().map(|mark| if allowed(mark) { mark.to_ascii_lowercase() } else { '-' }).collect();
    let id = id.trim_matches(['.', '-']);
    if id.is_empty() { "list".to_owned() } else { id.to_owned() }
}

/// The format that reads most of a file.
fn format_of(path: &Path, now: Time) -> Result<&'static Format, FileRefusal> {
    let mut head = Vec::new();
    let mut text = decode::open_path(path, Limits::default())?.take(HEAD_LEN);
    text.read_to_end(&mut head).map_err(|error| decode::refusal(&error))?;
    let is_whole = (head.len() as u64) < HEAD_LEN;
    let fallback = format::find(FALLBACK).unwrap_or(&Format::DEFAULT);
    let Some(guess) = sniff::guess(&head).filter(|guess| !PLAIN.contains(&guess.format.id)) else {
        return Ok(fallback);
    };
    // A document that is cut off cannot be tried.
    let can_be_tried = is_whole || matches!(guess.format.shape, Shape::Lines(_) | Shape::Ordered(_));
    let suits = |counters: Counters| {
        let noticed = counters.data_lines + counters.rejected_lines;
        counters.entries > 0 && counters.rejected_lines * 2 <= noticed
    };
    let reads = !can_be_tried || try_format(guess.format, &head, now).is_some_and(suits);
    Ok(if reads { guess.format } else { fallback })
}

/// What a format finds in a text; `None` where it refuses it.
fn try_format(format: &'static Format, text: &[u8], now: Time) -> Option<Counters> {
    let mut rules = Rules::new(now, ListKind::Block, Scope::Exact);
    rules.allow_bogons = true;
    let config = ParseConfig { format, options: &Options::default(), rules: &rules, can_be_empty: true };
    pipeline::parse_text(&config, &mut &*text, &mut Ignore).ok()
}

/// A sink that keeps nothing: the counters say enough.
struct Ignore;

impl Sink for Ignore {
    fn entry(&mut self, _: Position, _: Key<'_>, _: &Details, _: Warnings) {}
    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(name: &str, text: &str) -> Feed {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        of_file(&path, Time::from_unix(1_790_000_000)).expect("a list")
    }

    #[test]
    fn a_syntax_is_kept_where_it_reads_the_file_and_given_up_where_it_does_not() {
        for (name, text, format) in [
            ("mixed.txt", "evilpanel.com\n45.9.20.5\nhxxp://evilpanel[.]net/x\n", FALLBACK),
            ("ips.txt", "192.0.2.7\n192.0.2.8\n", FALLBACK),
            (
                "table.csv",
                "first_seen,ip,note\n2026-01-01,45.9.20.5,panel\n2026-01-02,45.9.20.6,panel\n",
                "csv",
            ),
            ("hosts", "0.0.0.0 evilpanel.com\n0.0.0.0 evilpanel.net\n", "hosts"),
            (
                "report.txt",
                "We saw evilpanel[.]com, and later, at night,\nhxxp://45.9.20[.]5/x as well.\n",
                FALLBACK,
            ),
            ("prose.txt", "Nothing here is an indicator, not even this,\nand nothing there.\n", FALLBACK),
            ("empty.txt", "", FALLBACK),
        ] {
            assert_eq!(of_text(name, text).format.id, format, "{name}");
        }
    }

    #[test]
    fn a_name_is_made_of_the_files() {
        let feed = of_text("My case, 7.TXT", "evilpanel.com\n");
        assert_eq!((feed.id.as_str(), feed.provider.as_str()), ("my-case--7.txt", "My-case--7.TXT"));
        let twice = catalog(vec![feed.clone(), feed.clone(), feed]);
        let ids: Vec<&str> = twice.feeds.iter().map(|feed| feed.id.as_str()).collect();
        assert_eq!(ids, ["my-case--7.txt", "my-case--7.txt-2", "my-case--7.txt-3"]);
        assert!(of_file(Path::new("/no/such/list"), Time::from_unix(0)).is_err());
    }
}
