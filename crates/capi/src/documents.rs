//! What a snapshot holds, as JSON: the feeds, and the object of `rapsheet info`.

use crate::failure::Failure;
use crate::handle::Handle;
use rapsheet_json::{FeedObject, InfoObject, indented};
use rapsheet_query::Time;
use serde::Serialize;

/// The feeds, as the server of `rapsheet serve` lists them.
pub(crate) fn feeds(handle: &Handle, now: Time) -> Result<Vec<u8>, Failure> {
    let snapshot = handle.current()?;
    let feeds: Vec<FeedObject<'_>> =
        snapshot.origin().feeds.iter().map(|feed| FeedObject::of(feed, now)).collect();
    text(&feeds)
}

/// What `rapsheet info --output json` prints.
pub(crate) fn info(handle: &Handle, now: Time) -> Result<Vec<u8>, Failure> {
    let snapshot = handle.current()?;
    text(&InfoObject::of(&snapshot, snapshot.path(), now))
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    // Memory takes it.
    indented(value, &mut out)
        .map_err(|error| Failure::usage(format_args!("it cannot be written: {error}")))?;
    Ok(out)
}
