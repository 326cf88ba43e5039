//! Yesterday's snapshot as claims of its own, so that merging sees both nights at once.
//!
//! Nothing is decided here: which of yesterday's sightings stay is settled with today's rows beside them.
//! Addresses come back as they were listed: a run knows its prefix lengths, and a listed prefix is taken from
//! the run that holds its first address, hence once.

use crate::claim::{Claim, Voice};
use crate::harvest::{Columns, tag};
use snapshot::{AddressRange, Entry, FeedId, Index, Sighting, Snapshot};
use std::collections::HashMap;

/// Adds the sightings of the previous snapshot to the columns, as claims. `feed_now` gives the new number of a
/// feed of the previous snapshot; feeds that are no longer in the catalogue have none, and their sightings end.
pub(crate) fn carry(
    previous: &Snapshot,
    feed_now: &dyn Fn(FeedId) -> Option<FeedId>,
    columns: &mut Columns,
    claims: &mut Vec<Claim>,
) {
    let index = previous.index();
    let mut carrier = Carrier { index, feed_now, columns, claims, known: HashMap::new() };
    let v4 = AddressRange::V4 { first: 0, last: u32::MAX };
    let v6 = AddressRange::V6 { first: 0, last: u128::MAX };
    for space in [v4, v6] {
        index.each_address(space, |run, entry| carrier.addresses(run, entry));
    }
    index.each_name(|name, entry| carrier.name(name, entry));
    index.each_url(|url, entry| carrier.url(url, entry));
}

struct Carrier<'a> {
    index: Index<'a>,
    feed_now: &'a dyn Fn(FeedId) -> Option<FeedId>,
    columns: &'a mut Columns,
    claims: &'a mut Vec<Claim>,
    known: HashMap<SightingKey, u32>,
}

/// A sighting without its extent and scope, which a row's key and tag hold.
type SightingKey = (FeedId, u8, u16, snapshot::Times);

impl Carrier<'_> {
    fn claim(&mut self, sighting: &Sighting) -> Option<u32> {
        let feed = (self.feed_now)(sighting.feed)?;
        let key = (feed, sighting.list as u8, sighting.assessments.bits(), sighting.times);
        Some(*self.known.entry(key).or_insert_with(|| {
            self.claims.push(Claim {
                feed,
                list: sighting.list,
                voice: Voice::Yesterday,
                assessments: sighting.assessments,
                first_seen: Some(sighting.times.first_seen),
                last_seen: Some(sighting.times.detect_time),
                expires: sighting.times.row_expiry,
            });
            self.claims.len() as u32 - 1
        }))
    }

    fn tags(&mut self, entry: Entry) -> Vec<u32> {
        let sightings: Vec<Sighting> = self.index.sightings(entry).collect();
        sightings.iter().filter_map(|said| self.claim(said).map(|claim| tag(claim, said.scope))).collect()
    }

    fn name(&mut self, reversed: &[u8], entry: Entry) {
        for tag in self.tags(entry) {
            self.columns.names.push(reversed.iter().copied(), tag);
        }
    }

    fn url(&mut self, url: &[u8], entry: Entry) {
        for tag in self.tags(entry) {
            self.columns.urls.push(url.iter().copied(), tag);
        }
    }

    fn addresses(&mut self, run: AddressRange, entry: Entry) {
        let index = self.index;
        index.each_listed(run, entry, |listed, said| {
            let begins_here = run.covers(&listed.first().range());
            if let Some(claim) = self.claim(said).filter(|_| begins_here) {
                self.columns.push_range(listed, tag(claim, said.scope));
            }
        });
    }
}
