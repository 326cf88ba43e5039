//! Since when a snapshot can say what was listed.
//!
//! A snapshot holds what is live when it is built. Of what was listed before its longest retention nothing is
//! left, and of a time before its first sighting nothing was ever known. A record of such a time is looked up all
//! the same, but that it matches nothing means nothing, and `score` counts it.

use rapsheet_snapshot::section::records::TimesRef;
use rapsheet_snapshot::{Snapshot, Time};

/// The instant before which the snapshot knows of no listing; `None` where it holds no sighting.
pub(crate) fn begins(snapshot: &Snapshot) -> Option<Time> {
    let feeds = &snapshot.origin().feeds;
    let longest = feeds.iter().filter(|feed| feed.sightings > 0).map(|feed| feed.retention_seconds).max()?;
    let retained = snapshot.built_at().plus(-longest);
    Some(first_sighting(snapshot).map_or(retained, |first| first.max(retained)))
}

/// What a note says of an instant before the snapshot's memory.
pub(crate) fn unknown_before(begins: Time) -> String {
    format!("before {begins}, where the snapshot's memory begins: what was listed then is not known")
}

/// The earliest `first_seen`; `None` where some sightings have times of their own, which are as old as their
/// publishers say.
fn first_sighting(snapshot: &Snapshot) -> Option<Time> {
    let index = snapshot.index();
    let sets = u32::try_from(index.set_count()).unwrap_or(u32::MAX);
    let mut records = (0..sets).flat_map(|set| index.records_of(set)).peekable();
    records.peek()?;
    records.all(|record| record.times != TimesRef::Own).then(|| index.oldest_first_seen())
}
