//! Whether a build would refuse a download as a whole, asked before the download replaces the last one.
//!
//! A page of a captive portal, a message in prose and a cut archive come with status 200. What refuses them here
//! are the rules of the build itself. A list of lines is read up to its first entries, a document to its end.

use crate::catalog::Feed;
use crate::decode::{self, Limits};
use crate::download::refusal::FileRefusal;
use crate::format::{OpenError, Shape};
use crate::pipeline::{
    Details, Key, ParseConfig, Position, Rules, Sink, Skip, Warnings, parse_download, parse_text,
};
use rapsheet_snapshot::{ParseError, Time};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// How much of a list of lines is read first.
const HEAD_LEN: u64 = 64 << 10;
/// How far into a file the marks of containers and character sets reach: those of tar are at 257.
const MARKS_WITHIN: usize = 512;

/// Reads the beginning of a download as its feed.
///
/// # Errors
/// Why a build would refuse it.
pub fn inspect(path: &Path, feed: &Feed, now: Time) -> Result<(), FileRefusal> {
    let rules = Rules::new(now, feed.list, feed.scope);
    let can_be_empty = feed.guard.can_be_empty;
    let config = ParseConfig { format: feed.format, options: &feed.options, rules: &rules, can_be_empty };
    if !matches!(feed.format.shape, Shape::Document(_) | Shape::Converted(..))
        && begins_as_list(path, &config)?
    {
        return Ok(());
    }
    let mut text = decode::open_path(path, Limits::default())?;
    match parse_download(&config, &mut text, &mut Entries::default()).counters {
        Err(OpenError::File(FileRefusal::Empty)) if can_be_empty => Ok(()),
        Err(OpenError::File(refusal)) => Err(refusal),
        // The catalogue has checked the options.
        Err(OpenError::Options(_)) | Ok(_) => Ok(()),
    }
}

/// Whether the first lines of a plain file have entries: then it is a list, whatever follows. A compressed one may be cut
/// off, and is read to its end.
fn begins_as_list(path: &Path, config: &ParseConfig<'_>) -> Result<bool, FileRefusal> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD_LEN).read_to_end(&mut head));
    read.map_err(|error| decode::refusal(&error))?;
    if !is_plain(&head) {
        return Ok(false);
    }
    let whole_lines = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    head.truncate(whole_lines);
    let mut entries = Entries::default();
    let parsed = parse_text(config, &mut head.as_slice(), &mut entries);
    Ok(parsed.is_ok() && entries.0 > 0)
}

/// Whether a text begins here: nothing that has to be unpacked, and no other character set.
fn is_plain(head: &[u8]) -> bool {
    head.iter().take(MARKS_WITHIN).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
}

/// Counts entries.
#[derive(Default)]
struct Entries(u64);

impl Sink for Entries {
    fn entry(&mut self, _: Position, _: Key<'_>, _: &Details, _: Warnings) {
        self.0 += 1;
    }

    fn skip(&mut self, _: Position, _: Skip) {}

    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn found(text: &str, extra: &str) -> Result<(), String> {
        let feed =
            format!("[[feed]]\nid = \"a\"\nprovider = \"lists.example\"\nformat = \"plain-ip\"\n{extra}");
        let catalog = Catalog::parse(&feed, "c.toml").expect("sound");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.txt");
        std::fs::write(&path, text).expect("written");
        inspect(&path, &catalog.feeds[0], Time::from_unix(1_795_000_000)).map_err(|error| error.to_string())
    }

    #[test]
    fn tells_lists_from_what_comes_in_their_place() {
        assert_eq!(found("45.9.20.5\n", ""), Ok(()));
        assert_eq!(found("", "[feed.guard]\ncan_be_empty = true\n"), Ok(()));
        for text in
            ["", "<!DOCTYPE html><title>Log in</title>", "You can only fetch the data every 30 minutes.\n"]
        {
            assert!(found(text, "").is_err(), "{text}");
        }
    }
}
