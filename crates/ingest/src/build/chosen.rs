//! Which feeds a build reads, and what becomes of the others.
//!
//! A build of chosen feeds leaves all others as they are: their sightings, times and states stay as the previous
//! snapshot has them, whatever the catalogue says of them by now.

use super::{BuildInput, previous_record};
use crate::catalog::Feed;
use rapsheet_snapshot::section::origin::FeedRecord;
use std::fs;
use std::io;

/// The feeds whose downloads are read.
pub(super) fn feeds_to_read<'a>(input: &BuildInput<'a>) -> Vec<&'a Feed> {
    input.catalog.feeds.iter().filter(|feed| feed.enabled && input.reads(&feed.id)).collect()
}

/// Whether there is no download of a feed and never was one. Look-ups answer 3 for it, as for any feed whose data
/// could not be had; to an operator it is one of many that are not used. A download that cannot be reached is one
/// all the same.
pub(super) fn was_never_downloaded(input: &BuildInput<'_>, feed: &Feed) -> bool {
    let had_data = |record: &FeedRecord| record.accepted.is_some() || record.sightings > 0;
    let found = fs::symlink_metadata(input.downloads.join(&feed.file));
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        && !previous_record(input, &feed.id).is_some_and(had_data)
}

/// The feeds of the previous snapshot that this build does not read.
pub(super) fn kept_feeds(input: &BuildInput<'_>) -> Vec<Feed> {
    let records = input.previous.into_iter().flat_map(|previous| &previous.origin().feeds);
    records.filter(|record| !input.reads(&record.id)).map(Feed::of_record).collect()
}
