//! Yesterday's snapshot as claims of its own, so that merging sees both nights at once.
//!
//! Nothing is decided here: which of yesterday's sightings stay is settled with today's rows beside them.
//! Addresses come back as they were listed: a run knows its prefix lengths, and a listed prefix is taken from
//! the run that holds its first address, hence once.

use crate::claim::{Claim, Voice};
use crate::harvest::{Columns, tag};
use rapsheet_snapshot::section::records::{Extent, When};
use rapsheet_snapshot::{AddressRange, Entry, FeedId, Index, Sighting, Snapshot, Times};
use std::collections::HashMap;

/// Adds the sightings of the previous snapshot to the columns, as claims. `feed_now` gives the new number of a
/// feed of the previous snapshot; feeds that are no longer in the catalogue have none, and their sightings end.
/// `false` if not everything could be walked, which no sound file does.
pub(crate) fn carry(
    previous: &Snapshot,
    feed_now: &(dyn Fn(FeedId) -> Option<FeedId> + Sync),
    columns: &mut Columns,
    claims: &mut Vec<Claim>,
) -> bool {
    let index = previous.index();
    let [mut v4, mut v6, mut names, mut urls] =
        std::mem::take(columns).split().map(|part| Carrier::new(index, feed_now, part));
    let walk_v4 = || v4.walk_addresses(AddressRange::V4 { first: 0, last: u32::MAX });
    let walk_v6 = || v6.walk_addresses(AddressRange::V6 { first: 0, last: u128::MAX });
    let walk_names = || index.each_name(|name, entry| names.name(name, entry));
    let walk_urls = || index.each_url(|url, entry| urls.url(url, entry));
    let (_, (all_names, all_urls)) =
        rayon::join(|| rayon::join(walk_v4, walk_v6), || rayon::join(walk_names, walk_urls));
    *columns = Columns::joined([v4, v6, names, urls].map(|carrier| carrier.finish(claims)));
    all_names && all_urls
}

struct Carrier<'a> {
    index: Index<'a>,
    feed_now: &'a (dyn Fn(FeedId) -> Option<FeedId> + Sync),
    columns: Columns,
    claims: Vec<Claim>,
    known: HashMap<SightingKey, u32>,
    /// What each record set says, of the sets that were met and whose entries all say the same.
    sets: Vec<Option<Vec<Said>>>,
    listed: Vec<(AddressRange, u32)>,
}

/// A sighting without its extent and scope, which a row's key and tag hold.
type SightingKey = (FeedId, u8, u16, Times);

/// What was listed, and the tag of a row that says it.
type Said = (Extent, u32);

impl<'a> Carrier<'a> {
    fn new(
        index: Index<'a>,
        feed_now: &'a (dyn Fn(FeedId) -> Option<FeedId> + Sync),
        columns: Columns,
    ) -> Carrier<'a> {
        Carrier {
            index,
            feed_now,
            columns,
            claims: Vec::new(),
            known: HashMap::new(),
            sets: vec![None; index.set_count()],
            listed: Vec::new(),
        }
    }

    /// The columns, whose claims are added to those of all.
    fn finish(mut self, claims: &mut Vec<Claim>) -> Columns {
        self.columns.rebase(claims.len() as u32);
        claims.append(&mut self.claims);
        self.columns
    }

    fn said(&mut self, sighting: &Sighting) -> Option<Said> {
        let feed = (self.feed_now)(sighting.feed)?;
        let key = (feed, sighting.list as u8, sighting.assessments.bits(), sighting.times);
        let claim = *self.known.entry(key).or_insert_with(|| {
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
        });
        Some((sighting.extent, tag(claim, sighting.scope)))
    }

    /// Visits what is said of an entry. Millions of entries share a set, so what a set says is looked up once, unless
    /// its entries have times of their own.
    fn each_said(&mut self, entry: Entry, mut visit: impl FnMut(&mut Columns, Said)) {
        let set = self.index.set_of(entry);
        if let Some(Some(said)) = self.sets.get(set as usize) {
            said.iter().for_each(|said| visit(&mut self.columns, *said));
            return;
        }
        let sightings: Vec<Sighting> = self.index.sightings(entry).collect();
        let said: Vec<Said> = sightings.iter().filter_map(|sighting| self.said(sighting)).collect();
        said.iter().for_each(|said| visit(&mut self.columns, *said));
        let is_shared = self.index.records_of(set).all(|record| record.when != When::Own);
        if let Some(known) = self.sets.get_mut(set as usize).filter(|_| is_shared) {
            *known = Some(said);
        }
    }

    fn name(&mut self, reversed: &[u8], entry: Entry) {
        self.each_said(entry, |columns, (_, tag)| columns.names.push_again(reversed, tag));
    }

    fn url(&mut self, url: &[u8], entry: Entry) {
        self.each_said(entry, |columns, (_, tag)| columns.urls.push_again(url, tag));
    }

    fn walk_addresses(&mut self, space: AddressRange) {
        let index = self.index;
        index.each_address(space, |run, entry| self.addresses(run, entry));
    }

    /// What begins in a run, in the order of rows; a listed prefix counts in the run that holds its first address.
    fn addresses(&mut self, run: AddressRange, entry: Entry) {
        let index = self.index;
        let mut listed = std::mem::take(&mut self.listed);
        listed.clear();
        self.each_said(entry, |_, (extent, tag)| {
            let mut begin = |found: AddressRange| {
                if run.covers(&found.first().range()) {
                    listed.push((found, tag));
                }
            };
            match extent {
                Extent::Prefix(length) => run.prefixes(length).for_each(&mut begin),
                extent => index.listed(extent, run.first()).into_iter().for_each(&mut begin),
            }
        });
        if listed.len() > 1 {
            listed.sort_unstable_by(|(a, _), (b, _)| a.first().cmp(&b.first()).then(b.cmp(a)));
        }
        for (range, tag) in &listed {
            self.columns.push_range(*range, *tag);
        }
        self.listed = listed;
    }
}
