//! What changed from one snapshot to another, sighting by sighting.
//!
//! Two sightings are the same if feed (by its id), indicator, scope and list are. Both files hold their
//! entries in the same order, so they are merged. A compact copy of the older one is held in memory: some
//! thirty bytes an entry, and the texts of names and URLs.

use rapsheet_snapshot::{
    AddressRange, Assessments, Entry, Error, FeedId, Index, ListKind, Part, Scope, Sighting, SightingWalk,
    Snapshot, Times, WalkLimit,
};
use std::cmp::Ordering;
use std::collections::HashMap;

/// How a sighting changed.
///
/// ```
/// # use rapsheet_query::ChangeKind;
/// assert_eq!(ChangeKind::ALL.map(ChangeKind::word), ["listed", "delisted", "redated"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Only the newer snapshot has it.
    Listed,
    /// Only the older snapshot has it.
    Delisted,
    /// Both have it, with other times or assessments.
    Redated,
}

impl ChangeKind {
    /// All of them.
    pub const ALL: [ChangeKind; 3] = [ChangeKind::Listed, ChangeKind::Delisted, ChangeKind::Redated];

    /// `listed`, `delisted` or `redated`.
    pub const fn word(self) -> &'static str {
        match self {
            ChangeKind::Listed => "listed",
            ChangeKind::Delisted => "delisted",
            ChangeKind::Redated => "redated",
        }
    }
}

/// What may change in a sighting. See [`diff()`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SightingData {
    /// The assessments of the feed.
    pub assessments: Assessments,
    /// When it was first seen, last confirmed, and expires.
    pub times: Times,
}

/// One sighting that changed.
///
/// ```
/// # use rapsheet_query::{Change, ChangeKind, Snapshot, diff};
/// # let snapshot = || Snapshot::open("../../tests/golden/v1.rap");
/// # let (old, new) = (snapshot()?, snapshot()?);
/// let mut delisted = 0;
/// diff(&old, &new, |change: &Change<'_>| delisted += usize::from(change.kind == ChangeKind::Delisted))?;
/// assert_eq!(delisted, 0);
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change<'a> {
    /// How it changed.
    pub kind: ChangeKind,
    /// What is listed: an address, prefix or range; a name, with `*.` where only names below it are listed; a
    /// URL.
    pub indicator: &'a str,
    /// The id of the feed.
    pub feed: &'a str,
    /// Block or allow.
    pub list: ListKind,
    /// Whether a name itself is listed, the names below it, or both.
    pub scope: Scope,
    /// What the older snapshot has.
    pub before: Option<SightingData>,
    /// What the newer snapshot has.
    pub after: Option<SightingData>,
}

/// Visits every sighting that differs: IPv4, IPv6, names, then URLs, each in the order of the files. Returns
/// the number of sightings that are the same in both.
///
/// It takes a visitor instead of returning an iterator, because the indexes are walked by visitors and the
/// texts of a change are borrowed from buffers that are reused.
///
/// ```
/// # use rapsheet_query::{Snapshot, diff};
/// # let [old, new] = ["../../tests/golden/v1.rap"; 2].map(Snapshot::open);
/// # let (old, new) = (old?, new?);
/// let mut changes = Vec::new();
/// let same = diff(&old, &new, |change| changes.push(format!("{:?} {}", change.kind, change.indicator)))?;
/// assert!(same > 0 && changes.is_empty());
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
///
/// # Errors
/// One of the files is corrupt: its entries cannot be read, or claim to be more than the file can hold.
/// Changes that were visited before are not all there are.
pub fn diff(old: &Snapshot, new: &Snapshot, mut visit: impl FnMut(&Change<'_>)) -> Result<u64, Error> {
    old.verify_tables()?;
    new.verify_tables()?;
    let mut merger = Merger::new(old, new, &mut visit);
    let v4 = (Part::Ipv4, AddressRange::V4 { first: 0, last: u32::MAX });
    let v6 = (Part::Ipv6, AddressRange::V6 { first: 0, last: u128::MAX });
    for (part, space) in [v4, v6] {
        let before = ranges(old.index(), space, &mut |sighting| merger.number(0, sighting));
        let after = ranges(new.index(), space, &mut |sighting| merger.number(1, sighting));
        let (before, after) =
            (before.ok_or_else(|| old.unwalkable(part))?, after.ok_or_else(|| new.unwalkable(part))?);
        merger.ranges(&before, &after);
    }
    merger
        .names(old.index(), new.index())
        .map_err(|side| if side == 0 { old } else { new }.unwalkable(Part::Names))?;
    merger
        .urls(old.index(), new.index())
        .map_err(|side| if side == 0 { old } else { new }.unwalkable(Part::Urls))?;
    Ok(merger.same)
}

/// The position of a snapshot that could not be walked: 0 for the older one, 1 for the newer one.
type Side = usize;

/// With the indicator, what identifies a sighting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct SightingKey {
    /// Position in [`Merger::feeds`].
    feed: u32,
    list: ListKind,
    scope: Scope,
}

/// The position of a key and its data in [`Merger::sightings`]. Equal sightings of both snapshots have the
/// same number, so most entries are compared by numbers alone.
type SightingNumber = u32;

struct Merger<'v> {
    /// The ids of all feeds of both snapshots.
    feeds: Vec<String>,
    /// The position in `feeds` of each feed of the older and of the newer snapshot.
    positions: [Vec<u32>; 2],
    numbers: HashMap<(SightingKey, SightingData), SightingNumber>,
    sightings: Vec<(SightingKey, SightingData)>,
    visit: &'v mut dyn FnMut(&Change<'_>),
    /// The number of sightings that are the same in both.
    same: u64,
    /// How many sightings of names and URLs of either snapshot may still be visited.
    limits: [WalkLimit; 2],
}

impl<'v> Merger<'v> {
    fn new(old: &Snapshot, new: &Snapshot, visit: &'v mut dyn FnMut(&Change<'_>)) -> Merger<'v> {
        let (mut feeds, mut known): (Vec<String>, HashMap<String, u32>) = (Vec::new(), HashMap::new());
        let mut position = |id: &str| {
            *known.entry(id.to_owned()).or_insert_with(|| {
                feeds.push(id.to_owned());
                // Feeds are numbered in 16 bits, so those of two snapshots fit.
                feeds.len() as u32 - 1
            })
        };
        let limits = [old, new].map(|snapshot| snapshot.index().walk_limit());
        let positions = [old, new]
            .map(|snapshot| snapshot.origin().feeds.iter().map(|feed| position(&feed.id)).collect());
        Merger { feeds, positions, numbers: HashMap::new(), sightings: Vec::new(), visit, same: 0, limits }
    }

    /// The number of a sighting of the older snapshot (`side` 0) or the newer one (1).
    fn number(&mut self, side: usize, sighting: &Sighting) -> SightingNumber {
        let FeedId(feed) = sighting.feed;
        let position = self.positions.get(side).and_then(|feeds| feeds.get(usize::from(feed)));
        let feed = position.copied().unwrap_or(u32::MAX);
        let key = SightingKey { feed, list: sighting.list, scope: sighting.scope };
        let data = SightingData { assessments: sighting.assessments, times: sighting.times };
        *self.numbers.entry((key, data)).or_insert_with(|| {
            self.sightings.push((key, data));
            self.sightings.len() as SightingNumber - 1
        })
    }

    fn ranges(&mut self, before: &[Listed], after: &[Listed]) {
        let key = |listed: &Listed| listed.0;
        merge(
            before,
            after,
            |a, b| key(a).cmp(&key(b)),
            |range, before, after| {
                let numbers =
                    |side: &[Listed]| side.iter().map(|listed| listed.1).collect::<Vec<SightingNumber>>();
                self.compare(&range.0.to_string(), &numbers(before), &numbers(after));
            },
        );
    }

    fn names(&mut self, old: Index<'_>, new: Index<'_>) -> Result<(), Side> {
        let each = |index: &Index<'_>, visit: &mut dyn FnMut(&[u8], Entry)| index.each_name(visit);
        // The index holds names reversed.
        self.keys(old, new, each, |key, text| text.extend(key.iter().rev().map(|byte| char::from(*byte))))
    }

    fn urls(&mut self, old: Index<'_>, new: Index<'_>) -> Result<(), Side> {
        let each = |index: &Index<'_>, visit: &mut dyn FnMut(&[u8], Entry)| index.each_url(visit);
        self.keys(old, new, each, |key, text| text.push_str(&String::from_utf8_lossy(key)))
    }

    /// Merges the keys that `each` visits, which both snapshots hold in the same order. `write` appends the
    /// indicator of a key to a text.
    fn keys(
        &mut self,
        old: Index<'_>,
        new: Index<'_>,
        each: impl Fn(&Index<'_>, &mut dyn FnMut(&[u8], Entry)) -> bool,
        write: impl Fn(&[u8], &mut String),
    ) -> Result<(), Side> {
        let mut keys_before = KeyList::default();
        if !each(&old, &mut |key, entry| keys_before.push(key, entry)) {
            return Err(0);
        }
        let (mut cursor, mut text) = (0, String::new());
        let mut walks = [old.sighting_walk(), new.sighting_walk()];
        let mut compare = |key: &[u8], before: Option<Entry>, after: Option<Entry>| {
            text.clear();
            write(key, &mut text);
            self.entries(&text, &mut walks, (old, before), (new, after))
        };
        let mut walked = Ok(());
        let is_whole = each(&new, &mut |key, entry| {
            if walked.is_err() {
                return;
            }
            while let Some((gone, before)) = keys_before.at(cursor).filter(|(gone, _)| *gone < key) {
                walked = walked.and_then(|()| compare(gone, Some(before), None));
                cursor += 1;
            }
            let before = keys_before.at(cursor).filter(|(same, _)| *same == key).map(|(_, entry)| entry);
            cursor += usize::from(before.is_some());
            walked = walked.and_then(|()| compare(key, before, Some(entry)));
        });
        walked?;
        if !is_whole {
            return Err(1);
        }
        while let Some((gone, before)) = keys_before.at(cursor) {
            compare(gone, Some(before), None)?;
            cursor += 1;
        }
        Ok(())
    }

    /// Compares the entries of one indicator.
    ///
    /// # Errors
    /// One side claims more sightings than its file can hold.
    fn entries(
        &mut self,
        indicator: &str,
        walks: &mut [SightingWalk<'_>; 2],
        (old, before): (Index<'_>, Option<Entry>),
        (new, after): (Index<'_>, Option<Entry>),
    ) -> Result<(), Side> {
        for ((side, limit), (index, entry)) in (0..).zip(&mut self.limits).zip([(old, before), (new, after)])
        {
            if !entry.is_none_or(|entry| limit.take(1 + index.sighting_count(entry))) {
                return Err(side);
            }
        }
        let mut numbers = |side: usize, walk: &mut SightingWalk<'_>, entry: Option<Entry>| {
            let sightings = entry.into_iter().flat_map(|entry| walk.sightings(entry));
            sightings.map(|sighting| self.number(side, &sighting)).collect::<Vec<SightingNumber>>()
        };
        let [of_old, of_new] = walks;
        let (before, after) = (numbers(0, of_old, before), numbers(1, of_new, after));
        self.compare(indicator, &before, &after);
        Ok(())
    }

    /// Pairs the sightings of one indicator by key, and visits those that differ.
    fn compare(&mut self, indicator: &str, before: &[SightingNumber], after: &[SightingNumber]) {
        if before == after {
            self.same += after.len() as u64;
            return;
        }
        let sorted = |numbers: &[SightingNumber]| {
            let of_number = |number: &SightingNumber| self.sightings.get(*number as usize).copied();
            let mut sightings: Vec<(SightingKey, SightingData)> =
                numbers.iter().filter_map(of_number).collect();
            sightings.sort_unstable_by_key(|(key, _)| *key);
            sightings
        };
        let (before, after) = (sorted(before), sorted(after));
        merge(
            &before,
            &after,
            |a, b| a.0.cmp(&b.0),
            |(key, _), before, after| {
                let data = |side: &[(SightingKey, SightingData)]| side.first().map(|(_, data)| *data);
                self.visit(indicator, *key, data(before), data(after));
            },
        );
    }

    fn visit(
        &mut self,
        indicator: &str,
        key: SightingKey,
        before: Option<SightingData>,
        after: Option<SightingData>,
    ) {
        let kind = match (before, after) {
            (Some(before), Some(after)) if before == after => {
                self.same += 1;
                return;
            }
            (None, _) => ChangeKind::Listed,
            (_, None) => ChangeKind::Delisted,
            _ => ChangeKind::Redated,
        };
        let below = if key.scope == Scope::Subdomains { "*." } else { "" };
        let indicator = &format!("{below}{indicator}");
        let feed = self.feeds.get(key.feed as usize).map_or("", String::as_str);
        let SightingKey { list, scope, .. } = key;
        (self.visit)(&Change { kind, indicator, feed, list, scope, before, after });
    }
}

/// A listed range, and its sighting.
type Listed = (AddressRange, SightingNumber);

/// All listed ranges of an address space, sorted; `None` if they are more than the file can hold.
fn ranges(
    index: Index<'_>,
    space: AddressRange,
    number: &mut dyn FnMut(&Sighting) -> SightingNumber,
) -> Option<Vec<Listed>> {
    let mut all = Vec::new();
    let is_whole = index.each_listed_in(space, |range, listed, sighting| {
        // The index cuts a listed range into disjoint ranges. It is counted in the one that holds its first
        // address.
        if range.covers(&listed.first().range()) {
            all.push((listed, number(sighting)));
        }
    });
    all.sort_unstable();
    is_whole.then_some(all)
}

/// Keys of one snapshot in a single allocation, each with its entry.
#[derive(Default)]
struct KeyList {
    bytes: Vec<u8>,
    /// The end of each key in `bytes`, and its entry.
    entries: Vec<(usize, Entry)>,
}

impl KeyList {
    fn push(&mut self, key: &[u8], entry: Entry) {
        self.bytes.extend_from_slice(key);
        self.entries.push((self.bytes.len(), entry));
    }

    fn at(&self, at: usize) -> Option<(&[u8], Entry)> {
        let (end, entry) = *self.entries.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |(end, _)| *end);
        Some((self.bytes.get(start..end)?, entry))
    }
}

/// Merges two sorted lists: visits each group of equal items, with those of either list.
fn merge<T>(
    mut before: &[T],
    mut after: &[T],
    order: impl Fn(&T, &T) -> Ordering,
    mut visit: impl FnMut(&T, &[T], &[T]),
) {
    while let Some(first) = lower(before.first(), after.first(), &order) {
        let equal = |side: &[T]| side.iter().take_while(|item| order(item, first) == Ordering::Equal).count();
        let ((left, rest_left), (right, rest_right)) =
            (before.split_at(equal(before)), after.split_at(equal(after)));
        visit(first, left, right);
        (before, after) = (rest_left, rest_right);
    }
}

fn lower<'t, T>(a: Option<&'t T>, b: Option<&'t T>, order: impl Fn(&T, &T) -> Ordering) -> Option<&'t T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if order(a, b) == Ordering::Greater { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_lists_group_by_group() {
        let mut seen = Vec::new();
        let (before, after) = ([1, 1, 3, 5], [1, 2, 5, 5, 6]);
        merge(&before, &after, Ord::cmp, |item, left, right| seen.push((*item, left.len(), right.len())));
        assert_eq!(seen, [(1, 2, 1), (2, 0, 1), (3, 1, 0), (5, 1, 2), (6, 0, 1)]);
    }
}
