//! The object of a feed: what it is, and what a snapshot holds of it.

use rapsheet_snapshot::{FeedRecord, Time};
use serde::Serialize;

/// A feed of a snapshot.
#[derive(Serialize)]
pub struct FeedObject<'a> {
    id: &'a str,
    provider: &'a str,
    title: &'a str,
    format: &'a str,
    list: &'static str,
    mode: &'static str,
    state: &'static str,
    reason: &'a str,
    stale: bool,
    update_time: Option<String>,
    age_seconds: Option<i64>,
    sightings: u64,
    retention_seconds: i64,
    max_age_seconds: i64,
    url: &'a str,
    homepage: &'a str,
    licence: &'a str,
}

impl FeedObject<'_> {
    /// The object of a feed as of `now`.
    pub fn of(feed: &FeedRecord, now: Time) -> FeedObject<'_> {
        let traits = feed.traits();
        FeedObject {
            id: &feed.id,
            provider: &feed.provider,
            title: &feed.title,
            format: &feed.format,
            list: traits.list.word(),
            mode: traits.mode.word(),
            state: feed.state.word(),
            reason: &feed.state_reason,
            stale: feed.is_stale(now),
            update_time: traits.update_time.map(|time| time.to_string()),
            age_seconds: traits.update_time.map(|time| now.unix().saturating_sub(time.unix())),
            sightings: feed.sightings,
            retention_seconds: feed.retention_seconds,
            max_age_seconds: feed.max_age_seconds,
            url: &feed.url,
            homepage: &feed.homepage,
            licence: &feed.licence,
        }
    }
}
