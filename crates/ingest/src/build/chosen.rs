//! Which feeds a build reads, and what becomes of the others.
//!
//! A build of chosen feeds leaves all others as they are: their sightings, times and states stay as the previous
//! snapshot has them, whatever the catalogue says of them by now. A feed that has no download and never had one
//! is not in the snapshot: it has nothing to say, so it has not failed.

use super::{BuildError, BuildInput, previous_record};
use crate::catalog::Feed;
use rapsheet_snapshot::section::origin::FeedRecord;
use std::fs;
use std::io;

/// The feeds whose downloads are read.
pub(super) fn feeds_to_read<'a>(input: &BuildInput<'a>) -> Result<Vec<&'a Feed>, BuildError> {
    let (feeds, missing): (Vec<&Feed>, Vec<&Feed>) = chosen(input).partition(|feed| is_known(input, feed));
    match missing.first() {
        Some(feed) if feeds.is_empty() => {
            Err(BuildError::NoDownloads { feeds: missing.len(), file: feed.file.clone() })
        }
        _ => Ok(feeds),
    }
}

/// The ids of the chosen feeds of which there is no download and never was one.
pub(super) fn not_downloaded(input: &BuildInput<'_>) -> Vec<String> {
    chosen(input).filter(|feed| !is_known(input, feed)).map(|feed| feed.id.clone()).collect()
}

fn chosen<'a>(input: &BuildInput<'a>) -> impl Iterator<Item = &'a Feed> {
    input.catalog.feeds.iter().filter(|feed| feed.enabled && input.reads(&feed.id))
}

/// Whether there is a download of a feed, or there was one. A download that cannot be reached is one all the
/// same: the feed has failed then.
fn is_known(input: &BuildInput<'_>, feed: &Feed) -> bool {
    let had_data = |record: &FeedRecord| record.accepted.is_some() || record.sightings > 0;
    let found = fs::symlink_metadata(input.downloads.join(&feed.file));
    !found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        || previous_record(input, &feed.id).is_some_and(had_data)
}

/// The feeds of the previous snapshot that this build does not read.
pub(super) fn kept_feeds(input: &BuildInput<'_>) -> Vec<Feed> {
    let records = input.previous.into_iter().flat_map(|previous| &previous.origin().feeds);
    records.filter(|record| !input.reads(&record.id)).map(Feed::of_record).collect()
}
