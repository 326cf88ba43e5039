//! Look-ups in an open snapshot: entries by address, name or URL, and the sightings of an entry.

use crate::section::exceptions::Exceptions;
use crate::section::first_seen::{SeenCodes, SeenColumn, SeenCursor, SeenPlace, VALUES_PER_GROUP_MAX};
use crate::section::ipv4::Ipv4Index;
use crate::section::ipv6::Ipv6Index;
use crate::section::name_index::NameIndex;
use crate::section::packed::Packed;
use crate::section::records::{self, Extent, Record, Sets, TimesRef};
use crate::section::times::{self, TimesColumn};
use crate::section::url_blocks::UrlBlocks;
use crate::section::url_filter::UrlFilter;
use crate::{
    Address, AddressRange, Assessments, Confirmation, FeedId, ListKind, Scope, Section, Time, Times,
};
use std::ops::ControlFlow;

/// The set of each entry of a part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetIds<'a> {
    pub(crate) packed: Packed<'a>,
    pub(crate) exceptions: Exceptions<'a>,
}

impl SetIds<'_> {
    #[inline]
    fn get(&self, ordinal: u32) -> u32 {
        let set = self.packed.get(ordinal as usize);
        if set == self.packed.largest() && !self.exceptions.is_empty() {
            return self.exceptions.get(ordinal).unwrap_or(set as u32);
        }
        set as u32
    }
}

/// The four arrays of entries of a snapshot. Each has its own ordinals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Ranges of IPv4 addresses, and the gaps between them.
    Ipv4,
    /// Ranges of IPv6 addresses.
    Ipv6,
    /// Names.
    Names,
    /// URLs.
    Urls,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 4] = [Part::Ipv4, Part::Ipv6, Part::Names, Part::Urls];

    /// The section with the set of each ordinal.
    #[doc(hidden)]
    pub const fn sets(self) -> Section {
        match self {
            Part::Ipv4 => Section::Ipv4Sets,
            Part::Ipv6 => Section::Ipv6Sets,
            Part::Names => Section::NameSets,
            Part::Urls => Section::UrlSets,
        }
    }

    /// The section whose count is the number of the part's entries.
    #[doc(hidden)]
    pub const fn count_section(self) -> Section {
        match self {
            Part::Ipv4 => Section::Ipv4Directory,
            part => part.sets(),
        }
    }

    /// The section with the entries' own times.
    #[doc(hidden)]
    pub const fn times(self) -> Section {
        match self {
            Part::Ipv4 => Section::Ipv4Times,
            Part::Ipv6 => Section::Ipv6Times,
            Part::Names => Section::NameTimes,
            Part::Urls => Section::UrlTimes,
        }
    }

    /// The section with the first_seen that are no defaults.
    #[doc(hidden)]
    pub const fn first_seen(self) -> Section {
        match self {
            Part::Ipv4 => Section::Ipv4FirstSeen,
            Part::Ipv6 => Section::Ipv6FirstSeen,
            Part::Names => Section::NameFirstSeen,
            Part::Urls => Section::UrlFirstSeen,
        }
    }

    #[inline]
    pub(crate) const fn entry(self, ordinal: u32) -> Entry {
        Entry { part: self, ordinal }
    }
}

/// An entry: a part of the snapshot, and the position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The part.
    pub part: Part,
    /// The position in the part.
    pub ordinal: u32,
}

/// One feed's statement on one indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The feed.
    pub feed: FeedId,
    /// Whether it blocks or allows.
    pub list: ListKind,
    /// Whether a name, the names below it, or both are listed.
    pub scope: Scope,
    /// The listed part of the address space.
    pub extent: Extent,
    /// The assessments.
    pub assessments: Assessments,
    /// When it was first seen and last confirmed, and its own expiry.
    pub times: Times,
}

/// The contents of a snapshot, ready for look-ups.
///
/// ```
/// # use rapsheet_snapshot::{Address, Snapshot};
/// let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// let index = snapshot.index();
/// let entry = index.address(Address::parse(b"45.9.20.5")?).ok_or("listed")?;
/// for sighting in index.sightings(entry) {
///     println!("{}, last seen {}", sighting.assessments, sighting.times.detect_time);
/// }
/// let mut ancestors = 0;
/// index.each_covering_name(b"moc.live.77h", |_, _| ancestors += 1);
/// assert!(ancestors > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    pub(crate) ipv4: Ipv4Index<'a>,
    pub(crate) ipv6: Ipv6Index<'a>,
    pub(crate) names: NameIndex<'a>,
    pub(crate) urls: UrlBlocks<'a>,
    pub(crate) url_filter: Option<UrlFilter<'a>>,
    pub(crate) set_ids: [SetIds<'a>; 4],
    pub(crate) columns: [TimesColumn<'a>; 4],
    pub(crate) seen_codes: SeenCodes<'a>,
    pub(crate) seen: [SeenColumn<'a>; 4],
    pub(crate) sets: Sets<'a>,
    pub(crate) records: &'a [u8],
    pub(crate) shared_times: &'a [u8],
    pub(crate) extents: &'a [u8],
    /// The length of the file.
    pub(crate) byte_len: u64,
}

/// How many prefixes of one length an entry holds at most: an entry is single addresses in a row, listed one
/// by one, and a build begins another entry after so many. A forged entry may claim 2^96 of them.
#[doc(hidden)]
pub const LISTED_MAX: u128 = 64;

/// How many sightings a walk visits at most for each byte of the file. The sightings of an entry are those of
/// its set, and many entries share a set, so that their number is not bounded by the bytes they take. What a
/// build writes stays far below this; a forged file may claim the square of its length.
const SIGHTINGS_PER_BYTE: u64 = 1 << 8;

/// How many sightings a walk over a snapshot may still visit.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct WalkLimit(u64);

impl WalkLimit {
    /// Counts sightings that are about to be visited. Returns whether they may be.
    #[inline]
    pub fn take(&mut self, sightings: u64) -> bool {
        let rest = self.0.checked_sub(sightings);
        self.0 = rest.unwrap_or(0);
        rest.is_some()
    }
}

impl<'a> Index<'a> {
    /// The limit of one walk over this snapshot.
    #[doc(hidden)]
    pub fn walk_limit(&self) -> WalkLimit {
        WalkLimit(self.byte_len.saturating_mul(SIGHTINGS_PER_BYTE))
    }

    /// The entry that covers an address. Entries are disjoint: there is at most one, and its set holds the
    /// sightings of all feeds that list the address.
    #[inline]
    pub fn address(&self, address: Address) -> Option<Entry> {
        match address {
            Address::V4(number) => self.ipv4.get(number).map(|ordinal| Part::Ipv4.entry(ordinal)),
            Address::V6(number) => self.ipv6.get(number).map(|ordinal| Part::Ipv6.entry(ordinal)),
        }
    }

    /// As [`Index::address`], for many IPv4 addresses at once: visits the covered ones in order, each with
    /// its position. It is faster, because the cache misses of the look-ups overlap.
    #[inline]
    pub fn lookup_ipv4_batch(&self, addresses: &[u32], mut visit: impl FnMut(usize, Entry)) {
        self.ipv4.lookup_batch(
            addresses,
            |ordinal| self.prefetch_set(Part::Ipv4.entry(ordinal)),
            |at, ordinal| visit(at, Part::Ipv4.entry(ordinal)),
        );
    }

    /// As [`Index::address`], for many IPv6 addresses at once.
    #[inline]
    pub fn lookup_ipv6_batch(&self, addresses: &[u128], mut visit: impl FnMut(usize, Entry)) {
        self.ipv6.lookup_batch(addresses, |at, ordinal| visit(at, Part::Ipv6.entry(ordinal)));
    }

    /// Whether this position of a part is an entry. Between ranges of IPv4 addresses there are gaps.
    #[doc(hidden)]
    pub fn is_entry(&self, entry: Entry) -> bool {
        entry.part != Part::Ipv4 || !self.ipv4.is_gap(entry.ordinal)
    }

    /// Visits the entries that are a name, given with its bytes reversed, or an ancestor of it, shortest
    /// first, with the length of each.
    #[inline]
    pub fn each_covering_name(&self, reversed: &[u8], mut visit: impl FnMut(usize, Entry)) {
        self.names.each_covering(reversed, |width, ordinal| visit(width, Part::Names.entry(ordinal)));
    }

    /// As [`Index::each_covering_name`], for many names at once, in no particular order, with the position of
    /// each name. It is much faster, because the cache misses of the look-ups overlap.
    #[inline]
    pub fn lookup_names_batch(&self, reversed: &[&[u8]], mut visit: impl FnMut(u32, usize, Entry)) {
        self.names.lookup_batch(
            reversed,
            |ordinal| self.prefetch_set(Part::Names.entry(ordinal)),
            |at, width, ordinal| visit(at, width, Part::Names.entry(ordinal)),
        );
    }

    /// The entry of exactly this canonical URL.
    #[inline]
    pub fn url(&self, url: &[u8]) -> Option<Entry> {
        self.urls.get(url).map(|ordinal| Part::Urls.entry(ordinal))
    }

    /// Whether any URL with this [hash](crate::section::url_filter::hash_of_url) may be listed, with a scheme
    /// or without.
    #[doc(hidden)]
    #[inline]
    pub fn may_list_url(&self, hash: u64) -> bool {
        self.url_filter.map_or(!self.urls.is_empty(), |filter| filter.may_list(hash))
    }

    /// Prefetches what [`Index::may_list_url`] reads.
    #[doc(hidden)]
    #[inline]
    pub fn prefetch_url(&self, hash: u64) {
        self.url_filter.iter().for_each(|filter| filter.prefetch(hash));
    }

    /// Visits every range of addresses that overlaps `range`, in order.
    pub fn each_address(&self, range: AddressRange, mut visit: impl FnMut(AddressRange, Entry)) {
        let _ = self.each_address_until(range, |range, entry| {
            visit(range, entry);
            ControlFlow::Continue(())
        });
    }

    /// As [`Index::each_address`], until a visit breaks off.
    fn each_address_until(
        &self,
        range: AddressRange,
        mut visit: impl FnMut(AddressRange, Entry) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match range {
            AddressRange::V4 { first, last } => self.ipv4.each(first, last, |first, last, ordinal| {
                visit(AddressRange::V4 { first, last }, Part::Ipv4.entry(ordinal))
            }),
            AddressRange::V6 { first, last } => self.ipv6.each(first, last, |first, last, ordinal| {
                visit(AddressRange::V6 { first, last }, Part::Ipv6.entry(ordinal))
            }),
        }
    }

    /// Visits every name, reversed, in order. Returns `false` if the section is corrupt.
    pub fn each_name(&self, mut visit: impl FnMut(&[u8], Entry)) -> bool {
        self.names.each(|key, ordinal| visit(key, Part::Names.entry(ordinal)))
    }

    /// As [`Index::each_name`], for one of several parts of the names: the first is part 0.
    #[doc(hidden)]
    pub fn each_name_in(&self, part: usize, parts: usize, mut visit: impl FnMut(&[u8], Entry)) -> bool {
        self.names.each_in(part, parts, |key, ordinal| visit(key, Part::Names.entry(ordinal)))
    }

    /// Visits every URL in order. Returns `false` if the section is corrupt.
    pub fn each_url(&self, mut visit: impl FnMut(&[u8], Entry)) -> bool {
        self.urls.each(|key, ordinal| visit(key, Part::Urls.entry(ordinal)))
    }

    /// The number of the entry's record set.
    #[doc(hidden)]
    #[inline]
    pub fn set_of(&self, entry: Entry) -> u32 {
        self.set_ids.get(entry.part as usize).map_or(0, |ids| ids.get(entry.ordinal))
    }

    /// Prefetches what [`Index::set_of`] reads.
    #[inline]
    fn prefetch_set(&self, entry: Entry) {
        if let Some(ids) = self.set_ids.get(entry.part as usize) {
            ids.packed.prefetch(entry.ordinal as usize);
        }
    }

    /// How many record sets there are.
    #[doc(hidden)]
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    /// The records of a set.
    #[doc(hidden)]
    pub fn records_of(&self, set: u32) -> impl Iterator<Item = Record> + use<'a> {
        let records = self.records;
        self.sets.get(set).filter_map(move |number| records::record(records, number))
    }

    /// A row of the table of shared times.
    #[doc(hidden)]
    pub fn shared_times(&self, at: u32) -> Option<Confirmation> {
        times::shared(self.shared_times, at)
    }

    /// The newest `first_seen` of the file. At this instant, and at any later one, no answer but a `first_seen`
    /// itself depends on when sightings were first seen.
    #[inline]
    pub fn newest_first_seen(&self) -> Time {
        self.seen_codes.newest()
    }

    /// The oldest `first_seen` of the file.
    pub fn oldest_first_seen(&self) -> Time {
        self.seen_codes.oldest()
    }

    /// The records of an entry, each with its confirmation. This reads less than [`Index::sightings`].
    #[doc(hidden)]
    pub fn confirmations(&self, entry: Entry) -> impl Iterator<Item = (Record, Confirmation)> + use<'a> {
        let (records, shared_times) = (self.records, self.shared_times);
        let column = self.columns.get(entry.part as usize).copied();
        let mut own = 0;
        self.sets.get(self.set_of(entry)).filter_map(move |number| {
            let record = records::record(records, number)?;
            Some((record, confirmation(&record, shared_times, column.as_ref(), entry.ordinal, &mut own)?))
        })
    }

    /// The sightings of an entry, sorted by feed, then list, scope and extent. Of a range of addresses they are
    /// those of its first address; the others may have been first seen at other times.
    pub fn sightings(&self, entry: Entry) -> impl Iterator<Item = Sighting> + use<'a> {
        self.sightings_from(entry, None)
    }

    /// The sightings of an address, which the entry covers.
    pub fn sightings_of(&self, entry: Entry, address: Address) -> impl Iterator<Item = Sighting> + use<'a> {
        self.sightings_from(entry, Some(address))
    }

    /// The sightings of the piece of an entry that covers an address, or of its first one.
    fn sightings_from(
        &self,
        entry: Entry,
        address: Option<Address>,
    ) -> impl Iterator<Item = Sighting> + use<'a> {
        let (mut cursor, mut limit) = (SeenCursor::default(), WalkLimit(VALUES_PER_GROUP_MAX));
        let place = self.seen_place(entry, &mut cursor, &mut limit).and_then(|place| match place {
            SeenPlace::Row(at) if self.is_wide(entry) => {
                let (mut values, offset) = (None, self.offset_of(address));
                self.each_piece_at(entry, at, &mut limit, |from, at| {
                    if from <= offset {
                        values = Some(SeenPlace::Row(at));
                    }
                })?;
                values
            }
            place => Some(place),
        });
        self.sightings_at(entry, place)
    }

    /// How far an address is behind the first one of the entry that covers it.
    fn offset_of(&self, address: Option<Address>) -> u32 {
        let Some(Address::V4(number)) = address else { return 0 };
        let mut begin = number;
        let _ = self.ipv4.each(number, number, |first, _, _| {
            begin = first;
            ControlFlow::Continue(())
        });
        number - begin.min(number)
    }

    /// Whether an entry is a range of several IPv4 addresses, whose row may have several pieces.
    #[inline]
    fn is_wide(&self, entry: Entry) -> bool {
        entry.part == Part::Ipv4 && self.ipv4.is_range(entry.ordinal)
    }

    /// Visits the pieces in the row of an entry, which begins at a bit of the stream: how far behind its first
    /// address each begins, and where its values are. Returns where the row ends.
    fn each_piece_at(
        &self,
        entry: Entry,
        at: u64,
        limit: &mut WalkLimit,
        mut visit: impl FnMut(u32, u64),
    ) -> Option<u64> {
        let (column, set) = (self.seen.get(entry.part as usize)?, self.set_of(entry));
        let (count, mut at) = if self.is_wide(entry) { column.pieces(at)? } else { (1, at) };
        let (members, mut from) = (self.sets.get(set).len() as u64, 0u32);
        for piece in 0..count {
            if !limit.take(1 + members) {
                return None;
            }
            if piece > 0 {
                let (distance, end) = column.distance(at)?;
                (from, at) = (from.checked_add(distance)?, end);
            }
            visit(from, at);
            at = self.read_values(set, column, at, |_| {})?;
        }
        Some(at)
    }

    /// A walk over the sightings of many entries, which is faster where their ordinals rise.
    #[doc(hidden)]
    pub fn sighting_walk(&self) -> SightingWalk<'a> {
        SightingWalk { index: *self, cursors: [SeenCursor::default(); 4], limit: self.walk_limit() }
    }

    /// Where the first_seen of an entry are; `None` in a forged file, or past the limit.
    #[inline]
    fn seen_place(&self, entry: Entry, cursor: &mut SeenCursor, limit: &mut WalkLimit) -> Option<SeenPlace> {
        let column = self.seen.get(entry.part as usize)?;
        column.find(cursor, entry.ordinal, |ordinal, at| {
            self.each_piece_at(entry.part.entry(ordinal), at, limit, |_, _| {})
        })
    }

    /// Visits the first_seen of a piece of an entry with this set, which begin at a bit of the stream. Returns
    /// where they end.
    #[inline]
    pub(crate) fn read_values(
        &self,
        set: u32,
        column: &SeenColumn<'a>,
        at: u64,
        mut visit: impl FnMut(Time),
    ) -> Option<u64> {
        self.sets.get(set).try_fold(at, |at, number| {
            let feed = records::feed(self.records, number)?;
            let (first_seen, end) = self.seen_codes.read(feed, column.stream(), at)?;
            visit(first_seen);
            Some(end)
        })
    }

    /// Whether the row of an entry, which begins at a bit of the stream, can be read, with times between the
    /// oldest and the newest of the file, and pieces in order. Returns where it ends.
    pub(crate) fn check_row(
        &self,
        entry: Entry,
        column: &SeenColumn<'a>,
        at: u64,
        limit: &mut WalkLimit,
    ) -> Option<u64> {
        let (mut is_sound, mut next) = (true, 0);
        let set = self.set_of(entry);
        let end = self.each_piece_at(entry, at, limit, |from, at| {
            is_sound &= from >= next;
            next = from.saturating_add(1);
            self.read_values(set, column, at, |first_seen| is_sound &= self.was_seen_within(first_seen));
        });
        end.filter(|_| is_sound && next > 0)
    }

    /// Whether a time is between the oldest and the newest first_seen of the file.
    pub(crate) fn was_seen_within(&self, first_seen: Time) -> bool {
        (self.seen_codes.oldest()..=self.seen_codes.newest()).contains(&first_seen)
    }

    /// The sightings of an entry whose first_seen are in this place.
    fn sightings_at(
        &self,
        entry: Entry,
        place: Option<SeenPlace>,
    ) -> impl Iterator<Item = Sighting> + use<'a> {
        let (records, shared_times, codes) = (self.records, self.shared_times, self.seen_codes);
        let column = self.columns.get(entry.part as usize).copied();
        let stream = self.seen.get(entry.part as usize).map_or(&[][..], SeenColumn::stream);
        let (mut own, mut place) = (0, place);
        self.sets.get(self.set_of(entry)).filter_map(move |number| {
            let record = records::record(records, number)?;
            let confirmation = confirmation(&record, shared_times, column.as_ref(), entry.ordinal, &mut own)?;
            let Confirmation { detect_time, row_expiry } = confirmation;
            let first_seen = match place? {
                SeenPlace::Defaults => codes.default(number, detect_time)?,
                SeenPlace::Row(at) => {
                    let read = codes.read(record.feed.0, stream, at);
                    place = read.map(|(_, end)| SeenPlace::Row(end));
                    read?.0
                }
            };
            let times = Times { first_seen, detect_time, row_expiry };
            let Record { feed, list, scope, extent, assessments, .. } = record;
            Some(Sighting { feed, list, scope, extent, assessments, times })
        })
    }

    /// How many sightings an entry has.
    #[doc(hidden)]
    #[inline]
    pub fn sighting_count(&self, entry: Entry) -> u64 {
        self.sets.get(self.set_of(entry)).len() as u64
    }

    /// Visits every listed range of an address space that overlaps `space`: with the range of its entry, what the
    /// feed listed, and the sighting. A listed range that overlaps several entries is visited with each.
    /// Returns `false` if it gave up, as it does on forged files that claim more than their length can hold.
    pub fn each_listed_in(
        &self,
        space: AddressRange,
        mut visit: impl FnMut(AddressRange, AddressRange, &Sighting),
    ) -> bool {
        self.each_listed_until(space, |range, listed, sighting| {
            visit(range, listed, sighting);
            ControlFlow::Continue(())
        })
    }

    /// As [`Index::each_listed_in`], until a visit breaks off. Returns `false` then, too.
    pub fn each_listed_until(
        &self,
        space: AddressRange,
        mut visit: impl FnMut(AddressRange, AddressRange, &Sighting) -> ControlFlow<()>,
    ) -> bool {
        let (mut limit, mut walk) = (self.walk_limit(), self.sighting_walk());
        let flow = self.each_address_until(space, |range, entry| {
            if !limit.take(self.sighting_count(entry)) {
                return ControlFlow::Break(());
            }
            self.each_listed_of(&mut walk, range, entry, |listed, sighting| match limit.take(1) {
                true => visit(range, listed, sighting),
                false => ControlFlow::Break(()),
            })
        });
        flow.is_continue()
    }

    /// Visits each sighting of an entry with the range that its feed listed, given the entry's own range.
    /// Single addresses in a row, which a feed listed one by one, are one entry and many listed ranges.
    pub fn each_listed(
        &self,
        range: AddressRange,
        entry: Entry,
        mut visit: impl FnMut(AddressRange, &Sighting),
    ) {
        let _ = self.each_listed_of(&mut self.sighting_walk(), range, entry, |listed, sighting| {
            visit(listed, sighting);
            ControlFlow::Continue(())
        });
    }

    fn each_listed_of(
        &self,
        walk: &mut SightingWalk<'a>,
        range: AddressRange,
        entry: Entry,
        mut visit: impl FnMut(AddressRange, &Sighting) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        walk.each_piece(range, entry, |piece, sightings| {
            if flow.is_break() {
                return;
            }
            // What covers several pieces is visited with the first one.
            let is_here = |listed: &AddressRange| {
                piece.first() == range.first() || piece.covers(&listed.first().range())
            };
            for sighting in sightings {
                let mut visit = |listed: AddressRange| match is_here(&listed) {
                    true => visit(listed, &sighting),
                    false => ControlFlow::Continue(()),
                };
                flow = match sighting.extent {
                    Extent::Prefix(length)
                        if piece.prefix_count(length).is_some_and(|count| count <= LISTED_MAX) =>
                    {
                        piece.prefixes(length).try_for_each(&mut visit)
                    }
                    Extent::Prefix(_) => ControlFlow::Continue(()),
                    extent => self.listed(extent, piece.first()).into_iter().try_for_each(&mut visit),
                };
                if flow.is_break() {
                    return;
                }
            }
        });
        flow
    }

    /// The range that a feed listed, given its extent and an address that the entry covers.
    pub fn listed(&self, extent: Extent, address: Address) -> Option<AddressRange> {
        match extent {
            Extent::None => None,
            Extent::Prefix(length) => AddressRange::from_prefix(address, length),
            Extent::Range(row) => {
                let (first, last) =
                    records::extent(self.extents, row).filter(|(first, last)| first <= last)?;
                match address {
                    Address::V4(_) => Some(AddressRange::V4 {
                        first: u32::try_from(first).ok()?,
                        last: u32::try_from(last).ok()?,
                    }),
                    Address::V6(_) => Some(AddressRange::V6 { first, last }),
                }
            }
        }
    }
}

/// The confirmation of an entry's next record; `own` counts those of its own.
#[inline]
fn confirmation(
    record: &Record,
    shared_times: &[u8],
    column: Option<&TimesColumn<'_>>,
    ordinal: u32,
    own: &mut usize,
) -> Option<Confirmation> {
    match record.times {
        TimesRef::Shared(row) => times::shared(shared_times, row),
        TimesRef::Own => {
            *own += 1;
            column?.get(ordinal, *own - 1)
        }
    }
}

/// A walk over the sightings of many entries. It continues where it was, which is faster than
/// [`Index::sightings`] where ordinals rise, and gives the same.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct SightingWalk<'a> {
    index: Index<'a>,
    cursors: [SeenCursor; 4],
    /// How many values may still be passed over. Ordinals that rise pass over each value once.
    limit: WalkLimit,
}

impl<'a> SightingWalk<'a> {
    /// The sightings of an entry, as [`Index::sightings`] gives them.
    pub fn sightings(&mut self, entry: Entry) -> impl Iterator<Item = Sighting> + use<'a> {
        let place = match self.place(entry) {
            Some(SeenPlace::Row(at)) if self.index.is_wide(entry) => {
                let column = self.index.seen.get(entry.part as usize);
                column.and_then(|column| column.pieces(at)).map(|(_, at)| SeenPlace::Row(at))
            }
            place => place,
        };
        self.index.sightings_at(entry, place)
    }

    /// Whether all first_seen of an entry are the defaults of its records, so that all such entries of its set
    /// have the same sightings, unless these have times of their own.
    pub fn has_defaults(&mut self, entry: Entry) -> bool {
        self.place(entry) == Some(SeenPlace::Defaults)
    }

    /// Visits the pieces of an entry of addresses, whose range is given, with the sightings of each.
    pub fn each_piece(
        &mut self,
        range: AddressRange,
        entry: Entry,
        mut visit: impl FnMut(AddressRange, &mut dyn Iterator<Item = Sighting>),
    ) {
        let index = self.index;
        match (self.place(entry), range) {
            (Some(SeenPlace::Row(at)), AddressRange::V4 { first, last }) if index.is_wide(entry) => {
                let mut before: Option<(u32, u64)> = None;
                let mut visit = |(from, at): (u32, u64), last: u32| {
                    let first = first.saturating_add(from);
                    // The pieces of a forged entry may be outside of it.
                    if first <= last {
                        let mut sightings = index.sightings_at(entry, Some(SeenPlace::Row(at)));
                        visit(AddressRange::V4 { first, last }, &mut sightings);
                    }
                };
                index.each_piece_at(entry, at, &mut self.limit, |from, at| {
                    let end = first.saturating_add(from.saturating_sub(1)).min(last);
                    before.into_iter().for_each(|before| visit(before, end));
                    before = Some((from, at));
                });
                before.into_iter().for_each(|before| visit(before, last));
            }
            (place, range) => visit(range, &mut index.sightings_at(entry, place)),
        }
    }

    fn place(&mut self, entry: Entry) -> Option<SeenPlace> {
        let cursor = self.cursors.get_mut(entry.part as usize)?;
        self.index.seen_place(entry, cursor, &mut self.limit)
    }
}
