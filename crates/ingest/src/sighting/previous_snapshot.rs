//! The sightings of the previous snapshot, as claims.
//!
//! Nothing is decided here: which sightings stay is resolved together with the rows of the current downloads.
//! Addresses come back as they were listed. The records of a range hold the lengths of the listed prefixes,
//! and each listed prefix is taken from the range that holds its first address, hence once.

use rapsheet_assemble::{Claim, ClaimSource, ClaimTable, Columns, SizeLimits, tag};
use rapsheet_snapshot::section::records::{Extent, TimesRef};
use rapsheet_snapshot::{AddressRange, Entry, FeedId, Index, Sighting, Snapshot, Times, TooLarge};
use std::collections::HashMap;

/// Why the sightings could not be added.
pub(crate) enum CarryError {
    /// The snapshot cannot be walked to its end, which no sound file does.
    Corrupt,
    /// There are too many of them.
    TooLarge(TooLarge),
}

impl From<TooLarge> for CarryError {
    fn from(error: TooLarge) -> CarryError {
        CarryError::TooLarge(error)
    }
}

/// Adds the sightings of the previous snapshot to the columns. `feed_now` gives the current number of a feed
/// of the previous snapshot. Feeds without one are no longer in the catalogue, and their sightings end.
pub(crate) fn carry_over(
    previous: &Snapshot,
    feed_now: &(dyn Fn(FeedId) -> Option<FeedId> + Sync),
    columns: &mut Columns,
    claims: &mut ClaimTable,
) -> Result<(), CarryError> {
    let (index, limits) = (previous.index(), claims.limits());
    let [mut v4, mut v6, mut names, mut urls] =
        std::mem::take(columns).split().map(|part| Carrier::new(index, feed_now, part, limits));
    let walk_v4 = || v4.walk_addresses(AddressRange::V4 { first: 0, last: u32::MAX });
    let walk_v6 = || v6.walk_addresses(AddressRange::V6 { first: 0, last: u128::MAX });
    let walk_names = || index.each_name(|name, entry| names.name(name, entry));
    let walk_urls = || index.each_url(|url, entry| urls.url(url, entry));
    let (_, (all_names, all_urls)) =
        rayon::join(|| rayon::join(walk_v4, walk_v6), || rayon::join(walk_names, walk_urls));
    let [v4, v6, names, urls] = [v4, v6, names, urls].map(|carrier| carrier.finish(claims));
    *columns = Columns::join([v4?, v6?, names?, urls?]);
    if all_names && all_urls { Ok(()) } else { Err(CarryError::Corrupt) }
}

/// Adds the sightings of one part of the snapshot: IPv4, IPv6, names or URLs. The parts are walked in
/// parallel.
struct Carrier<'a> {
    index: Index<'a>,
    feed_now: &'a (dyn Fn(FeedId) -> Option<FeedId> + Sync),
    columns: Columns,
    claims: ClaimTable,
    numbers: HashMap<SightingKey, u32>,
    /// The rows of each record set that was met and whose entries all have the same rows.
    sets: Vec<Option<Vec<CarriedRow>>>,
    /// The ranges that begin in the current range of the snapshot: a buffer that is reused.
    listed: Vec<(AddressRange, u32)>,
    too_large: Option<TooLarge>,
}

/// A sighting without its extent and scope, which a row's key and tag hold.
type SightingKey = (FeedId, u8, u16, Times);

/// What was listed, and the tag of its row.
type CarriedRow = (Extent, u32);

impl<'a> Carrier<'a> {
    fn new(
        index: Index<'a>,
        feed_now: &'a (dyn Fn(FeedId) -> Option<FeedId> + Sync),
        columns: Columns,
        limits: SizeLimits,
    ) -> Carrier<'a> {
        Carrier {
            index,
            feed_now,
            columns,
            claims: ClaimTable::new(limits),
            numbers: HashMap::new(),
            sets: vec![None; index.set_count()],
            listed: Vec::new(),
            too_large: None,
        }
    }

    /// The columns, after their claims were added to the others.
    fn finish(mut self, claims: &mut ClaimTable) -> Result<Columns, TooLarge> {
        if let Some(error) = self.too_large {
            return Err(error);
        }
        let base = claims.extend(self.claims.into_claims())?;
        self.columns.shift_claims(base);
        Ok(self.columns)
    }

    /// The row of a sighting; `None` if its feed is gone, or after an error.
    fn row(&mut self, sighting: &Sighting) -> Option<CarriedRow> {
        let feed = (self.feed_now)(sighting.feed)?;
        let key = (feed, sighting.list as u8, sighting.assessments.bits(), sighting.times);
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            None => {
                let number = self.claims.push(claim(feed, sighting));
                let number = number.map_err(|error| self.too_large = Some(error)).ok()?;
                self.numbers.insert(key, number);
                number
            }
        };
        Some((sighting.extent, tag(number, sighting.scope)))
    }

    /// Visits the rows of an entry. Millions of entries share a set, so a set's rows are made once, unless
    /// its entries have times of their own.
    fn each_row(&mut self, entry: Entry, mut visit: impl FnMut(&mut Columns, CarriedRow)) {
        let set = self.index.set_of(entry);
        if let Some(Some(rows)) = self.sets.get(set as usize) {
            rows.iter().for_each(|row| visit(&mut self.columns, *row));
            return;
        }
        let sightings: Vec<Sighting> = self.index.sightings(entry).collect();
        let rows: Vec<CarriedRow> = sightings.iter().filter_map(|sighting| self.row(sighting)).collect();
        rows.iter().for_each(|row| visit(&mut self.columns, *row));
        let is_shared = self.index.records_of(set).all(|record| record.times != TimesRef::Own);
        if let Some(known) = self.sets.get_mut(set as usize).filter(|_| is_shared) {
            *known = Some(rows);
        }
    }

    fn name(&mut self, reversed: &[u8], entry: Entry) {
        self.each_row(entry, |columns, (_, tag)| columns.names.push_sorted(reversed, tag));
    }

    fn url(&mut self, url: &[u8], entry: Entry) {
        self.each_row(entry, |columns, (_, tag)| columns.urls.push_sorted(url, tag));
    }

    fn walk_addresses(&mut self, space: AddressRange) {
        let index = self.index;
        index.each_address(space, |range, entry| self.addresses(range, entry));
    }

    /// Adds what begins in a range of the snapshot, in the order of rows.
    fn addresses(&mut self, range: AddressRange, entry: Entry) {
        let index = self.index;
        let mut listed = std::mem::take(&mut self.listed);
        listed.clear();
        self.each_row(entry, |_, (extent, tag)| {
            let mut begin = |found: AddressRange| {
                if range.covers(&found.first().range()) {
                    listed.push((found, tag));
                }
            };
            match extent {
                Extent::Prefix(length) => range.prefixes(length).for_each(&mut begin),
                extent => index.listed(extent, range.first()).into_iter().for_each(&mut begin),
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

fn claim(feed: FeedId, sighting: &Sighting) -> Claim {
    Claim {
        feed,
        list: sighting.list,
        source: ClaimSource::PreviousSnapshot,
        assessments: sighting.assessments,
        first_seen: Some(sighting.times.first_seen),
        last_seen: Some(sighting.times.detect_time),
        expires: sighting.times.row_expiry,
    }
}
