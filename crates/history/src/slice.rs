//! The part of a view for which one build decides.

use crate::builds::Build;
use rapsheet_snapshot::FeedId;
use std::ops::Range;

/// One build, as far as it decides.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) build: u32,
    /// The segments that tell what was listed then.
    pub(crate) segments: Range<usize>,
    /// The numbers in the view of the feeds for which it decides, by their numbers in the history.
    pub(crate) feeds: Vec<Option<FeedId>>,
    /// The dates of the feeds at the build.
    pub(crate) dates: Vec<Option<u32>>,
    /// When the newest row of each feed was first seen, or later.
    pub(crate) newest_seen: Vec<Option<u32>>,
}

impl Slice {
    pub(crate) fn new(
        of_build: &Build,
        build: u32,
        segments: Range<usize>,
        feeds: Vec<Option<FeedId>>,
    ) -> Slice {
        let (dates, newest_seen) = (of_build.dates(), of_build.by_feed(|feed| feed.newest_seen));
        Slice { build, segments, feeds, dates, newest_seen }
    }
}
