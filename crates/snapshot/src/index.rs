//! Look-ups in an open snapshot: entries by address, name or URL, and the sightings of an entry.

use crate::section::exceptions::Exceptions;
use crate::section::ipv4::Ipv4Index;
use crate::section::ipv6::Ipv6Index;
use crate::section::name_index::NameIndex;
use crate::section::packed::Packed;
use crate::section::records::{self, Extent, Record, Sets, TimesRef};
use crate::section::times::{self, TimesColumn};
use crate::section::url_blocks::UrlBlocks;
use crate::section::url_filter::UrlFilter;
use crate::{Address, AddressRange, Assessments, FeedId, ListKind, Scope, Section, Times};

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
        self.url_filter.is_none_or(|filter| filter.may_list(hash))
    }

    /// Prefetches what [`Index::may_list_url`] reads.
    #[doc(hidden)]
    #[inline]
    pub fn prefetch_url(&self, hash: u64) {
        self.url_filter.iter().for_each(|filter| filter.prefetch(hash));
    }

    /// Visits every range of addresses that overlaps `range`, in order.
    pub fn each_address(&self, range: AddressRange, mut visit: impl FnMut(AddressRange, Entry)) {
        match range {
            AddressRange::V4 { first, last } => self.ipv4.each(first, last, |first, last, ordinal| {
                visit(AddressRange::V4 { first, last }, Part::Ipv4.entry(ordinal));
            }),
            AddressRange::V6 { first, last } => self.ipv6.each(first, last, |first, last, ordinal| {
                visit(AddressRange::V6 { first, last }, Part::Ipv6.entry(ordinal));
            }),
        }
    }

    /// Visits every name, reversed, in order. Returns `false` if the section is corrupt.
    pub fn each_name(&self, mut visit: impl FnMut(&[u8], Entry)) -> bool {
        self.names.each(|key, ordinal| visit(key, Part::Names.entry(ordinal)))
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
    pub fn shared_times(&self, at: u32) -> Option<Times> {
        times::shared(self.shared_times, at)
    }

    /// The sightings of an entry, sorted by feed, then list, scope and extent.
    pub fn sightings(&self, entry: Entry) -> impl Iterator<Item = Sighting> + use<'a> {
        let index = *self;
        let mut own = 0;
        self.records_of(self.set_of(entry)).filter_map(move |record| {
            let times = match record.times {
                TimesRef::Shared(row) => index.shared_times(row),
                TimesRef::Own => {
                    own += 1;
                    index.columns.get(entry.part as usize)?.get(entry.ordinal, own - 1)
                }
            };
            Some(Sighting {
                feed: record.feed,
                list: record.list,
                scope: record.scope,
                extent: record.extent,
                assessments: record.assessments,
                times: times?,
            })
        })
    }

    /// How many sightings an entry has.
    #[doc(hidden)]
    #[inline]
    pub fn sighting_count(&self, entry: Entry) -> u64 {
        self.sets.get(self.set_of(entry)).len() as u64
    }

    /// Visits every listed range of an address space that overlaps `space`: with the range of its entry, what
    /// the feed listed, and the sighting. A listed range that overlaps several entries is visited with each.
    /// Returns `false` if it gave up, as it does on forged files that claim more than their length can hold.
    pub fn each_listed_in(
        &self,
        space: AddressRange,
        mut visit: impl FnMut(AddressRange, AddressRange, &Sighting),
    ) -> bool {
        let (mut limit, mut is_whole) = (self.walk_limit(), true);
        self.each_address(space, |range, entry| {
            is_whole = is_whole && limit.take(self.sighting_count(entry));
            if is_whole {
                self.each_listed(range, entry, |listed, sighting| {
                    is_whole = is_whole && limit.take(1);
                    if is_whole {
                        visit(range, listed, sighting);
                    }
                });
            }
        });
        is_whole
    }

    /// Visits each sighting of an entry with the range that its feed listed, given the entry's own range.
    /// Single addresses in a row, which a feed listed one by one, are one entry and many listed ranges.
    pub fn each_listed(
        &self,
        range: AddressRange,
        entry: Entry,
        mut visit: impl FnMut(AddressRange, &Sighting),
    ) {
        for sighting in self.sightings(entry) {
            match sighting.extent {
                Extent::Prefix(length)
                    if range.prefix_count(length).is_some_and(|count| count <= LISTED_MAX) =>
                {
                    range.prefixes(length).for_each(|listed| visit(listed, &sighting));
                }
                Extent::Prefix(_) => {}
                extent => {
                    let listed = self.listed(extent, range.first());
                    listed.iter().for_each(|listed| visit(*listed, &sighting));
                }
            }
        }
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
