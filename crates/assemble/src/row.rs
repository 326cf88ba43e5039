//! What a snapshot lists, as rows: a key, and what one feed states about it.
//!
//! Rows of addresses are what feeds listed, and not the disjoint ranges of the file. A walk visits the keys
//! in order, each once, with all of its rows.

use rapsheet_snapshot::{AddressRange, Assessments, FeedId, Index, ListKind, Scope, Sighting, Time, Times};
use std::cmp::Reverse;

/// What a row states beside its identity. Times are seconds since 2000, as the snapshot stores them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fields {
    /// The bits of its assessments.
    pub assessments: u16,
    /// When the feed first listed the key.
    pub first_seen: u32,
    /// When the feed last confirmed it.
    pub detect_time: u32,
    /// The expiry that the row itself states.
    pub expiry: Option<u32>,
}

/// What one feed states about a key. A key has one row of each feed, list and scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// The number of the feed.
    pub feed: u16,
    /// Block or allow.
    pub list: ListKind,
    /// Whether a name, the names below it, or both are listed.
    pub scope: Scope,
    /// What it states beside that.
    pub fields: Fields,
}

impl Row {
    /// The row of a sighting.
    pub fn of(sighting: &Sighting) -> Row {
        let Sighting { feed, list, scope, assessments, times, .. } = sighting;
        let fields = Fields {
            assessments: assessments.bits(),
            first_seen: times.first_seen.stored(),
            detect_time: times.detect_time.stored(),
            expiry: times.row_expiry.map(Time::stored),
        };
        Row { feed: feed.0, list: *list, scope: *scope, fields }
    }

    /// What tells the rows of a key apart.
    pub fn identity(&self) -> (u16, ListKind, Scope) {
        (self.feed, self.list, self.scope)
    }

    /// The feed.
    pub fn feed_id(&self) -> FeedId {
        FeedId(self.feed)
    }

    /// The assessments.
    pub fn assessments(&self) -> Assessments {
        Assessments::from_bits(self.fields.assessments)
    }

    /// The times.
    pub fn times(&self) -> Times {
        let Fields { first_seen, detect_time, expiry, .. } = self.fields;
        Times {
            first_seen: Time::from_stored(first_seen),
            detect_time: Time::from_stored(detect_time),
            row_expiry: expiry.map(Time::from_stored),
        }
    }
}

/// The first and the last address of a range, as numbers.
pub type Range = (u128, u128);

/// Visits the listed ranges of a family: by first address, wider ones first. Returns `false` if the snapshot
/// cannot be walked to its end, which no sound one does.
pub(crate) fn each_range(
    index: &Index<'_>,
    space: AddressRange,
    mut visit: impl FnMut(&Range, &[Row]),
) -> bool {
    let mut current: Option<AddressRange> = None;
    let (mut begun, mut rows): (Vec<(Range, Row)>, Vec<Row>) = (Vec::new(), Vec::new());
    let mut flush = |begun: &mut Vec<(Range, Row)>| {
        begun.sort_unstable_by_key(|((first, last), row)| (*first, Reverse(*last), row.identity()));
        for of_range in begun.chunk_by(|(a, _), (b, _)| a == b) {
            rows.clear();
            rows.extend(of_range.iter().map(|(_, row)| *row));
            of_range.first().into_iter().for_each(|(range, _)| visit(range, &rows));
        }
        begun.clear();
    };
    let is_whole = index.each_listed_in(space, |range, listed, sighting| {
        if current != Some(range) {
            flush(&mut begun);
            current = Some(range);
        }
        // What began before was visited there.
        if range.covers(&listed.first().range()) {
            begun.push((numbers(&listed), Row::of(sighting)));
        }
    });
    flush(&mut begun);
    is_whole
}

fn numbers(range: &AddressRange) -> Range {
    match *range {
        AddressRange::V4 { first, last } => (first.into(), last.into()),
        AddressRange::V6 { first, last } => (first, last),
    }
}

/// Visits the names, with their bytes reversed. Returns `false` as [`each_range`] does.
pub(crate) fn each_name(index: &Index<'_>, mut visit: impl FnMut(&[u8], &[Row])) -> bool {
    let (mut walk, mut limit, mut rows) = (index.sighting_walk(), index.walk_limit(), Vec::new());
    let mut is_within = true;
    let is_whole = index.each_name(|name, entry| {
        is_within = is_within && limit.take(1 + index.sighting_count(entry));
        if is_within {
            rows.clear();
            rows.extend(walk.sightings(entry).map(|sighting| Row::of(&sighting)));
            visit(name, &rows);
        }
    });
    is_whole && is_within
}

/// Visits the URLs. Returns `false` as [`each_range`] does.
pub(crate) fn each_url(index: &Index<'_>, mut visit: impl FnMut(&[u8], &[Row])) -> bool {
    let (mut walk, mut limit, mut rows) = (index.sighting_walk(), index.walk_limit(), Vec::new());
    let mut is_within = true;
    let is_whole = index.each_url(|url, entry| {
        is_within = is_within && limit.take(1 + index.sighting_count(entry));
        if is_within {
            rows.clear();
            rows.extend(walk.sightings(entry).map(|sighting| Row::of(&sighting)));
            visit(url, &rows);
        }
    });
    is_whole && is_within
}
