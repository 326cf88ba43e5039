//! The downloads of each feed: at which build each was taken, and when its list was made.

use crate::builds::FeedDates;
use rapsheet_snapshot::Time;

/// A download of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    /// The first build that has it.
    pub(crate) build: u32,
    /// When the list was made, as far as it says so; else when it was retrieved.
    pub(crate) own_time: Time,
}

/// The downloads of each feed, by its number in the history, oldest first.
pub(crate) type Downloads = Vec<Vec<Download>>;

/// Finds the downloads of so many feeds, given the feeds of each build in order. Builds that are lost have
/// none.
pub(crate) fn downloads<'b>(feeds: usize, builds: impl Iterator<Item = &'b [FeedDates]>) -> Downloads {
    let mut downloads = vec![Vec::new(); feeds];
    let mut last_update: Vec<Option<u32>> = vec![None; feeds];
    for (build, feeds) in (0..).zip(builds) {
        for FeedDates { feed, own_time, update_time, .. } in feeds {
            let at = usize::from(*feed);
            let (Some(of_feed), Some(last)) = (downloads.get_mut(at), last_update.get_mut(at)) else {
                continue;
            };
            if let (Some(own_time), true) = (own_time, update_time != last) {
                of_feed.push(Download { build, own_time: Time::from_stored(*own_time) });
            }
            *last = *update_time;
        }
    }
    downloads
}

/// The download that was in force at an instant: the last one that had been made by then.
pub(crate) fn in_force(downloads: &[Download], at: Time) -> Option<&Download> {
    downloads.iter().rev().find(|download| download.own_time <= at)
}
