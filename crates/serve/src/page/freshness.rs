//! How far a feed's data can be relied on.

use super::html::Html;
use super::shapes;
use super::time::{Instant, duration};
use rapsheet_snapshot::{FeedRecord, FeedState};

/// The state of a feed in a word; `stale` where its download was taken and is too old by now.
pub(crate) fn word(feed: &FeedRecord, instant: Instant) -> &'static str {
    match feed.state {
        FeedState::Ok if feed.is_stale(instant.at) => "stale",
        state => state.word(),
    }
}

/// The state, with its shape.
pub(crate) fn badge(feed: &FeedRecord, instant: Instant, out: &mut Html) {
    shapes::state(!feed.is_stale(instant.at), word(feed, instant), out);
}

/// Why a feed cannot be relied on, as the rest of a sentence.
pub(crate) fn reason(feed: &FeedRecord, instant: Instant) -> String {
    let age = feed.traits().update_time.map(|time| instant.at.unix().saturating_sub(time.unix()));
    match (feed.state, age) {
        (FeedState::Ok, Some(age)) if feed.max_age_seconds > 0 => {
            let (age, limit) = (duration(age), duration(feed.max_age_seconds));
            format!("fetched {age} ago, and its data counts as new for {limit}")
        }
        (FeedState::Ok, Some(_)) => "its content has not changed for too long".to_owned(),
        (FeedState::Ok, None) => "never fetched".to_owned(),
        (_, None) if feed.state_reason.is_empty() => "its data could not be had".to_owned(),
        (_, None) => format!("{}; no download of it was ever taken", feed.state_reason),
        (_, Some(age)) => {
            let reason = if feed.state_reason.is_empty() { "not taken" } else { &feed.state_reason };
            format!("{reason}; the last that was taken is of {} ago", duration(age))
        }
    }
}
