//! The sightings of the previous snapshot, as claims.
//!
//! Nothing is decided here: which sightings stay is resolved together with the rows of the current downloads.
//! Addresses come back as they were listed. The records of a range hold the lengths of the listed prefixes,
//! and each listed prefix is taken from the range that holds its first address, hence once.

use rapsheet_assemble::{
    Claim, ClaimSource, ClaimTable, Rows, RunSet, RunSetWriter, Scratch, SizeLimits, claim_of, tag,
};
use rapsheet_snapshot::section::records::{Extent, TimesRef};
use rapsheet_snapshot::section::times::StoredTimes;
use rapsheet_snapshot::{
    AddressRange, Entry, FeedId, Index, LISTED_MAX, Sighting, SightingWalk, Snapshot, TooLarge, WalkLimit,
};
use rayon::prelude::*;
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

/// Adds the sightings of the previous snapshot to the rows. `feed_now` gives the current number of a feed
/// of the previous snapshot. Feeds without one are no longer in the catalogue, and their sightings end.
pub(crate) fn carry_over<'s>(
    previous: &Snapshot,
    feed_now: &(dyn Fn(FeedId) -> Option<FeedId> + Sync),
    scratch: &'s Scratch,
    rows: &mut Rows<'s>,
    claims: &mut ClaimTable,
) -> Result<(), CarryError> {
    previous.verify_tables().map_err(|_| CarryError::Corrupt)?;
    let (index, limits) = (previous.index(), claims.limits());
    let new = || Carrier::new(index, feed_now, RunSetWriter::new(scratch), limits);
    let addresses = |space| {
        let mut carrier = new();
        carrier.walk_addresses(space);
        carrier
    };
    let names_in = |part| {
        let mut carrier = new();
        let is_whole = index.each_name_in(part, NAME_PARTS, |name, entry| carrier.name(name, entry));
        carrier.is_corrupt |= !is_whole;
        carrier
    };
    let walk_urls = || {
        let mut carrier = new();
        let is_whole = index.each_url(|url, entry| carrier.url(url, entry));
        carrier.is_corrupt |= !is_whole;
        carrier
    };
    let walk_names = || (0..NAME_PARTS).into_par_iter().map(names_in).collect::<Vec<Carrier<'_>>>();
    let (names, (urls, (v4, v6))) = rayon::join(walk_names, || {
        rayon::join(walk_urls, || {
            rayon::join(
                || addresses(AddressRange::V4 { first: 0, last: u32::MAX }),
                || addresses(AddressRange::V6 { first: 0, last: u128::MAX }),
            )
        })
    });
    for carrier in names.into_iter().chain([urls, v4, v6]) {
        let (runs, base) = carrier.finish(claims)?;
        rows.add_runs(runs, base);
    }
    Ok(())
}

/// How many parts the names are divided into. Decoding them is most of what carrying over costs.
const NAME_PARTS: usize = 8;

/// Adds the sightings of one part of the snapshot: IPv4, IPv6, some of the names, or URLs. The parts are walked in
/// parallel.
struct Carrier<'a> {
    index: Index<'a>,
    feed_now: &'a (dyn Fn(FeedId) -> Option<FeedId> + Sync),
    rows: RunSetWriter<'a>,
    claims: ClaimTable,
    numbers: HashMap<SightingKey, u32>,
    walk: SightingWalk<'a>,
    /// The rows of each record set that was met, of its entries that have nothing of their own.
    sets: Vec<Option<Vec<CarriedRow>>>,
    /// The sightings of the current entry, with the piece of its range: a buffer that is reused.
    found: Vec<(AddressRange, Sighting)>,
    /// The ranges that begin in the current range of the snapshot: a buffer that is reused.
    listed: Vec<(AddressRange, u32)>,
    too_large: Option<TooLarge>,
    /// How many sightings may still be visited.
    limit: WalkLimit,
    /// How many listed prefixes may still be visited.
    prefix_limit: WalkLimit,
    /// Whether the snapshot claims more than a walk can visit, or what cannot be.
    is_corrupt: bool,
}

/// The range of a name or URL, which has none.
const NO_RANGE: AddressRange = AddressRange::V4 { first: 0, last: 0 };

/// A sighting without its extent and scope, which a row's key and tag hold.
type SightingKey = (FeedId, u8, u16, StoredTimes);

/// What was listed, and the tag of its row.
type CarriedRow = (Extent, u32);

impl<'a> Carrier<'a> {
    fn new(
        index: Index<'a>,
        feed_now: &'a (dyn Fn(FeedId) -> Option<FeedId> + Sync),
        rows: RunSetWriter<'a>,
        limits: SizeLimits,
    ) -> Carrier<'a> {
        Carrier {
            index,
            feed_now,
            rows,
            claims: ClaimTable::new(limits),
            numbers: HashMap::new(),
            walk: index.sighting_walk(),
            sets: vec![None; index.set_count()],
            found: Vec::new(),
            listed: Vec::new(),
            too_large: None,
            limit: index.walk_limit(),
            prefix_limit: index.walk_limit(),
            is_corrupt: false,
        }
    }

    /// The rows, and from which number on their claims were added to the others.
    fn finish(self, claims: &mut ClaimTable) -> Result<(RunSet, u32), CarryError> {
        if self.is_corrupt {
            return Err(CarryError::Corrupt);
        }
        if let Some(error) = self.too_large {
            return Err(error.into());
        }
        // Keys of a sound snapshot are in order.
        let runs = self.rows.finish().ok_or(CarryError::Corrupt)?;
        Ok((runs, claims.append(&self.claims)?))
    }

    fn push(&mut self, feed: FeedId, sighting: &Sighting) -> Option<u32> {
        let number = self.claims.push(claim(feed, sighting));
        number.map_err(|error| self.too_large = Some(error)).ok()
    }

    /// The row of a sighting; `None` if its feed is gone, or after an error.
    fn row(&mut self, sighting: &Sighting, is_shared: bool) -> Option<CarriedRow> {
        let feed = (self.feed_now)(sighting.feed)?;
        let key = (feed, sighting.list as u8, sighting.assessments.bits(), sighting.times.into());
        let number = match self.numbers.get(&key) {
            Some(number) => *number,
            // Hardly another entry has the same times as one that has its own.
            None if !is_shared => self.push(feed, sighting)?,
            None => {
                let number = self.push(feed, sighting)?;
                self.numbers.insert(key, number);
                number
            }
        };
        Some((sighting.extent, tag(number, sighting.scope)))
    }

    /// Visits the rows of an entry: those of names and URLs, or of each piece of a range of addresses. Millions of
    /// entries share a set, so a set's rows are made once, for those of its entries that have no times of their
    /// own.
    fn each_row(
        &mut self,
        entry: Entry,
        range: AddressRange,
        mut visit: impl FnMut(&mut RunSetWriter<'a>, AddressRange, CarriedRow),
    ) {
        self.is_corrupt |= !self.limit.take(1 + self.index.sighting_count(entry));
        if self.is_corrupt {
            return;
        }
        let set = self.index.set_of(entry);
        let is_known = self.sets.get(set as usize).is_some_and(Option::is_some);
        let has_own = !is_known && self.index.records_of(set).any(|record| record.times == TimesRef::Own);
        if has_own || !self.walk.has_defaults(entry) {
            let mut found = std::mem::take(&mut self.found);
            self.walk.each_piece(range, entry, |piece, sightings| {
                found.extend(sightings.map(|sighting| (piece, sighting)));
            });
            for (piece, sighting) in found.drain(..) {
                let row = self.row(&sighting, !has_own);
                if let Some(row) = row {
                    self.claims.count_use(claim_of(row.1) as u32);
                    visit(&mut self.rows, piece, row);
                }
            }
            self.found = found;
            return;
        }
        if !is_known {
            let sightings = self.walk.sightings(entry);
            let rows = sightings.filter_map(|sighting| self.row(&sighting, true)).collect();
            if let Some(known) = self.sets.get_mut(set as usize) {
                *known = Some(rows);
            }
        }
        let rows = self.sets.get(set as usize).and_then(Option::as_ref);
        for row in rows.into_iter().flatten() {
            self.claims.count_use(claim_of(row.1) as u32);
            visit(&mut self.rows, range, *row);
        }
    }

    fn name(&mut self, reversed: &[u8], entry: Entry) {
        self.each_row(entry, NO_RANGE, |rows, _, (_, tag)| rows.push_name(reversed, tag));
    }

    fn url(&mut self, url: &[u8], entry: Entry) {
        self.each_row(entry, NO_RANGE, |rows, _, (_, tag)| rows.push_url(url, tag));
    }

    fn walk_addresses(&mut self, space: AddressRange) {
        let index = self.index;
        index.each_address(space, |range, entry| self.addresses(range, entry));
    }

    /// Adds what begins in a range of the snapshot, in the order of rows.
    fn addresses(&mut self, range: AddressRange, entry: Entry) {
        let (index, mut limit, mut is_corrupt) = (self.index, self.prefix_limit, false);
        let mut listed = std::mem::take(&mut self.listed);
        listed.clear();
        self.each_row(entry, range, |_, range, (extent, tag)| {
            let mut begin = |found: AddressRange| {
                if range.covers(&found.first().range()) {
                    listed.push((found, tag));
                }
            };
            match extent {
                Extent::Prefix(length) => {
                    let count = range.prefix_count(length).filter(|count| *count <= LISTED_MAX);
                    let fits = count.is_some_and(|count| limit.take(count as u64));
                    is_corrupt |= !fits;
                    range.prefixes(length).take(if fits { usize::MAX } else { 0 }).for_each(&mut begin);
                }
                extent => index.listed(extent, range.first()).into_iter().for_each(&mut begin),
            }
        });
        if listed.len() > 1 {
            listed.sort_unstable_by(|(a, _), (b, _)| a.first().cmp(&b.first()).then(b.cmp(a)));
        }
        self.is_corrupt |= is_corrupt;
        self.prefix_limit = limit;
        for (range, tag) in &listed {
            self.rows.push_range(*range, *tag);
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
