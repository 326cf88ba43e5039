//! Verifying references: whether the sections of a file are consistent, which checksums cannot show.
//!
//! Every reference must have a target, every order must hold, and every entry must be found by the look-ups
//! of its part. A build verifies this once before it publishes a file, and `rapsheet verify` does it on
//! demand. The work is divided into independent checks, which a caller may run in parallel.

use crate::error::{Corruption, Error};
use crate::index::{Entry, Index, LISTED_MAX, Part, WalkLimit};
use crate::layout::Section;
use crate::section::exceptions::Exceptions;
use crate::section::filter::Filter;
use crate::section::first_seen::SeenColumn;
use crate::section::leaves::{LeafSlot, Leaves};
use crate::section::locator::Locator;
use crate::section::packed::Packed;
use crate::section::records::{self, EXTENT_LEN, Extent, RECORD_LEN, Record, Sets, TimesRef};
use crate::section::suffix::SuffixHash;
use crate::section::times::{SHARED_LEN, TimesColumn};
use crate::section::{ipv4, ipv6};
use crate::snapshot::Snapshot;
use crate::{Address, AddressRange, Scope, name, url};
use std::ops::Range;

/// How many leaves of names one check verifies: some 280,000 names.
const LEAVES: usize = 1 << 14;
/// How many suffixes of names are prefetched before they are looked up.
const BATCH: usize = 512;

/// The sections that index each kind of indicator, and the section of its sets.
const PART_SECTIONS: &[(&[Section], Section)] = &[
    (&[Section::Ipv4Ends], Section::Ipv4Sets),
    (&[Section::Ipv6Index, Section::Ipv6Ranges], Section::Ipv6Sets),
    (&[Section::NameFilter, Section::NameLocator, Section::NameLeaves], Section::NameSets),
    (&[Section::UrlBlocks, Section::UrlFilter], Section::UrlSets),
];

const ALL_V4: AddressRange = AddressRange::V4 { first: 0, last: u32::MAX };
const ALL_V6: AddressRange = AddressRange::V6 { first: 0, last: u128::MAX };

/// A part of the verification of a snapshot's references, independent of the other parts.
#[derive(Clone, Debug)]
pub struct ReferenceCheck<'a> {
    snapshot: &'a Snapshot,
    kind: CheckKind,
}

#[derive(Clone, Debug)]
enum CheckKind {
    Tables,
    Sets(Part),
    Addresses(AddressRange, Part),
    TopIndex,
    Names(Range<usize>),
    Urls,
    Listed,
}

impl Snapshot {
    /// Verifies every reference and every order, and that every entry is found.
    pub fn verify_references(&self) -> Result<(), Error> {
        self.reference_checks().iter().try_for_each(ReferenceCheck::run)
    }

    /// [`Snapshot::verify_references`] in independent parts, largest first. All must succeed.
    #[doc(hidden)]
    pub fn reference_checks(&self) -> Vec<ReferenceCheck<'_>> {
        let leaves = self.index().names.leaves().map_or(0, Leaves::leaf_count);
        let names = (0..leaves.max(1)).step_by(LEAVES);
        let names = names.map(|first| CheckKind::Names(first..leaves.min(first + LEAVES)));
        let others = [
            CheckKind::Addresses(ALL_V4, Part::Ipv4),
            CheckKind::Urls,
            CheckKind::Listed,
            CheckKind::Addresses(ALL_V6, Part::Ipv6),
            CheckKind::TopIndex,
            CheckKind::Tables,
        ];
        let checks = names.chain(others).chain(Part::ALL.map(CheckKind::Sets));
        checks.map(|kind| ReferenceCheck { snapshot: self, kind }).collect()
    }
}

impl Snapshot {
    /// The part of [`Snapshot::verify_references`] that costs nothing for each entry: whether all sections
    /// are there, with the lengths that they should have, and whether records and sets refer to what exists.
    /// What walks over a whole snapshot begins with it.
    #[doc(hidden)]
    pub fn verify_tables(&self) -> Result<(), Error> {
        ReferenceCheck { snapshot: self, kind: CheckKind::Tables }.run()
    }
}

impl ReferenceCheck<'_> {
    /// Runs the check.
    pub fn run(&self) -> Result<(), Error> {
        let check = Check { snapshot: self.snapshot, index: self.snapshot.index() };
        let result = match &self.kind {
            CheckKind::Tables => check.tables(),
            CheckKind::Sets(part) => check.entries(*part),
            CheckKind::Addresses(all, part) => check.addresses(*all, *part),
            CheckKind::TopIndex => check.top_index(),
            CheckKind::Names(leaves) => check.names(leaves.clone()),
            CheckKind::Urls => check.urls(),
            CheckKind::Listed => check.listed(),
        };
        result.map_err(|corruption| self.snapshot.corrupt(corruption))
    }
}

struct Check<'a> {
    snapshot: &'a Snapshot,
    index: Index<'a>,
}

impl Check<'_> {
    fn corruption(&self, section: Section, expected: &str, found: String) -> Corruption {
        let offset = self.snapshot.table().row(section).map_or(0, |row| row.offset);
        Corruption::new(section.name(), offset, expected, found)
    }

    fn require(
        &self,
        holds: bool,
        section: Section,
        expected: &str,
        found: impl FnOnce() -> String,
    ) -> Result<(), Corruption> {
        if holds { Ok(()) } else { Err(self.corruption(section, expected, found())) }
    }

    fn tables(&self) -> Result<(), Corruption> {
        self.presence()?;
        self.lengths()?;
        self.feeds()?;
        self.records()?;
        self.sets()
    }

    /// No section has items without bytes, and the sections of a part are all there, with equal counts, or all missing.
    /// Otherwise a file that lost one of them would answer as if nothing were listed.
    fn presence(&self) -> Result<(), Corruption> {
        let count = |section| self.snapshot.count(section);
        for section in Section::ALL {
            let found = || format!("{} items and no bytes", count(*section));
            let is_whole = count(*section) == 0 || !self.snapshot.bytes(*section).is_empty();
            self.require(is_whole, *section, "bytes for its items", found)?;
        }
        for (indexes, sets) in PART_SECTIONS {
            for index in *indexes {
                let found = || format!("{} and {}", count(*index), count(*sets));
                self.require(count(*index) == count(*sets), *index, "as many items as sets", found)?;
            }
        }
        // The directory counts ranges; the other two sections of IPv4 count the gaps between them as well.
        let found = || "one of them alone".to_owned();
        let is_whole = (count(Section::Ipv4Directory) == 0) == (count(Section::Ipv4Sets) == 0);
        self.require(is_whole, Section::Ipv4Directory, "a directory and sets", found)
    }

    /// The lengths of sections match their counts, and nothing follows what their headers state.
    fn lengths(&self) -> Result<(), Corruption> {
        let rows = [
            (Section::SharedTimes, SHARED_LEN),
            (Section::Records, RECORD_LEN),
            (Section::Extents, EXTENT_LEN),
            (Section::Ipv4Ends, ipv4::ITEM_LEN),
            (Section::Ipv6Ranges, ipv6::RANGE_LEN),
        ];
        for (section, width) in rows {
            self.length(section, self.snapshot.count(section).checked_mul(width))?;
        }
        for part in Part::ALL {
            let column = self.index.columns.get(part as usize);
            let length = column.filter(|column| column.len() > 0).map_or(0, TimesColumn::byte_len);
            self.length(part.times(), Some(length))?;
            let length = self.index.seen.get(part as usize).map_or(0, SeenColumn::byte_len);
            self.length(part.first_seen(), Some(length))?;
            let (rows, count) =
                (self.index.seen_codes.rows(part as usize), self.snapshot.count(part.first_seen()));
            let found = || count.to_string();
            self.require(rows == count, part.first_seen(), &format!("{rows} rows"), found)?;
            self.set_numbers(part)?;
        }
        self.seen_codes()?;
        let exceptions = self.snapshot.bytes(Section::SetExceptions);
        let rows = Exceptions::total(exceptions);
        self.length(Section::SetExceptions, rows.map(|(_, length)| length))?;
        let count = self.snapshot.count(Section::SetExceptions);
        let found = || format!("{count} rows");
        self.require(
            rows.is_some_and(|(rows, _)| rows == count),
            Section::SetExceptions,
            "as many rows as it has",
            found,
        )?;
        if let Some((filter, locator, leaves)) = self.index.names.parts() {
            self.length(Section::NameFilter, Some(filter.byte_len()))?;
            self.length(Section::NameLocator, Some(locator.byte_len()))?;
            let is_whole = leaves.is_whole(self.snapshot.count(Section::NameSets) as u64);
            let found = || "another count, or more bytes".to_owned();
            self.require(is_whole, Section::NameLeaves, "the count and the lengths of its header", found)?;
        }
        if let Some(filter) = &self.index.url_filter {
            self.length(Section::UrlFilter, Some(filter.byte_len()))?;
        }
        let found = || "more or fewer bytes".to_owned();
        self.require(self.index.urls.is_whole(), Section::UrlBlocks, "the lengths of its header", found)?;
        let is_whole = self.index.ipv4.is_contiguous();
        self.require(is_whole, Section::Ipv4Directory, "items for each bucket, one after another", found)
    }

    /// Each record has a default first_seen, which is among those that the section states, and tables follow one
    /// another.
    fn seen_codes(&self) -> Result<(), Corruption> {
        let (codes, records) = (&self.index.seen_codes, self.snapshot.count(Section::Records));
        let is_empty = self.snapshot.bytes(Section::FirstSeen).is_empty();
        let is_whole =
            if is_empty { records == 0 } else { codes.is_whole(records) && codes.has_sound_defaults() };
        let found = || "more, fewer, or others".to_owned();
        self.require(is_whole, Section::FirstSeen, "a default for each record, and tables of codes", found)?;
        let count = self.snapshot.count(Section::FirstSeen);
        let found = || format!("{count} and {records}");
        self.require(count == records, Section::FirstSeen, "as many items as records", found)
    }

    fn length(&self, section: Section, expected: Option<usize>) -> Result<(), Corruption> {
        let (count, length) = (self.snapshot.count(section), self.snapshot.bytes(section).len());
        let found = || format!("{count} rows in {length} bytes");
        self.require(expected == Some(length), section, "its count to match its length", found)
    }

    /// The set numbers of a part have the length that their count states, so that the section bounds the
    /// count.
    fn set_numbers(&self, part: Part) -> Result<(), Corruption> {
        let count = self.snapshot.count(part.sets());
        let numbers = Packed::new(self.snapshot.bytes(part.sets()));
        // Numbers of no bits have no length that could bound their count. Each entry takes a byte of its
        // index.
        let indexes =
            PART_SECTIONS.iter().filter(|(_, sets)| *sets == part.sets()).flat_map(|(indexes, _)| *indexes);
        let bytes: usize = indexes.map(|index| self.snapshot.bytes(*index).len()).sum();
        let is_bounded = !numbers.is_without_bits() || count <= bytes;
        self.require(is_bounded, part.sets(), "as many as its index can hold", || {
            format!("{count} of no bits")
        })?;
        self.length(part.sets(), if count == 0 { Some(0) } else { Some(numbers.byte_len(count)) })
    }

    /// Feeds are sorted, and no id occurs twice.
    fn feeds(&self) -> Result<(), Corruption> {
        let mut ids: Vec<&str> = self.snapshot.origin().feeds.iter().map(|feed| feed.id.as_str()).collect();
        ids.sort_unstable();
        let twice = ids.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        });
        let found = || format!("{:?} twice", twice.unwrap_or_default());
        self.require(twice.is_none(), Section::Origin, "each feed once", found)
    }

    /// Every record names a feed, and rows of other tables that exist.
    fn records(&self) -> Result<(), Corruption> {
        let count = |section| self.snapshot.count(section);
        let (times, extents) = (count(Section::SharedTimes), count(Section::Extents));
        let bytes = self.snapshot.bytes(Section::Records);
        let is_sound = |at: &usize| {
            records::record(bytes, *at as u32).is_some_and(|record| {
                usize::from(record.feed.0) < self.snapshot.feed_count()
                    && !matches!(record.times, TimesRef::Shared(row) if row as usize >= times)
                    && !matches!(record.extent, Extent::Range(row) if row as usize >= extents)
                    && self.has_sound_default(*at as u32, &record)
            })
        };
        let unsound = (0..count(Section::Records)).find(|at| !is_sound(at));
        self.require(unsound.is_none(), Section::Records, "valid records", || {
            format!("an invalid one, number {}", unsound.unwrap_or_default())
        })
    }

    /// Whether the default first_seen of a record is between those that the section of codes states. Where it is
    /// the detect_time, and entries have their own, `entries` checks these.
    fn has_sound_default(&self, number: u32, record: &Record) -> bool {
        let TimesRef::Shared(row) = record.times else { return true };
        let detected = self.index.shared_times(row).map(|confirmation| confirmation.detect_time);
        let default = detected.and_then(|detected| self.index.seen_codes.default(number, detected));
        default.is_some_and(|default| self.index.was_seen_within(default))
    }

    /// Offsets rise to the end, and every set has members, which exist.
    fn sets(&self) -> Result<(), Corruption> {
        let (sets, records) = (self.snapshot.count(Section::Sets), self.snapshot.count(Section::Records));
        let bytes = self.snapshot.bytes(Section::Sets);
        if bytes.is_empty() {
            return self.require(sets == 0, Section::Sets, "a table of sets", || format!("{sets} sets"));
        }
        let table = Sets::new(bytes, sets);
        let members: usize = (0..table.len()).map(|set| table.get(set as u32).len()).sum();
        let is_whole = table.len() == sets && (sets + 1 + members) * 4 == bytes.len();
        let found = || format!("{members} members");
        self.require(is_whole, Section::Sets, "offsets that rise to the end", found)?;
        let unsound = (0..sets).find(|set| {
            let mut members = table.get(*set as u32);
            members.len() == 0 || members.any(|record| record as usize >= records)
        });
        self.require(unsound.is_none(), Section::Sets, "sets of records that exist", || {
            format!("set {}", unsound.unwrap_or_default())
        })
    }

    /// Every entry has a set that exists, and as many own times as its set has records that need them.
    fn entries(&self, part: Part) -> Result<(), Corruption> {
        // The other checks may run at the same time, or later, and the loops below need what these two show.
        self.sets()?;
        self.set_numbers(part)?;
        let count = self.snapshot.count(part.sets());
        self.exceptions(part, count)?;
        let own = |set| self.index.records_of(set).filter(|record| record.times == TimesRef::Own).count();
        // Counted once for each set: many entries share a set.
        let own: Vec<usize> = (0..self.index.set_count()).map(|set| own(set as u32)).collect();
        let Some(column) = self.index.columns.get(part as usize) else { return Ok(()) };
        let (mut row, mut walk) = (0, self.index.sighting_walk());
        for ordinal in 0..count {
            let entry = part.entry(ordinal as u32);
            if !self.index.is_entry(entry) {
                continue;
            }
            let set = self.index.set_of(entry);
            let Some(rows) = own.get(set as usize) else {
                let found = format!("set {set} at {ordinal}");
                return Err(self.corruption(part.sets(), "a set that exists", found));
            };
            let are_own = (row..row + rows).all(|row| column.ordinal(row) == ordinal as u64);
            self.require(
                *rows == 0 || row + rows <= column.len() && are_own,
                part.times(),
                "own times for each entry that needs them",
                || format!("too few for entry {ordinal}"),
            )?;
            row += rows;
            // A first_seen that is the detect_time of the entry is known here alone.
            let is_sound = *rows == 0
                || walk
                    .sightings(entry)
                    .all(|sighting| self.index.was_seen_within(sighting.times.first_seen));
            let found = || format!("another one at entry {ordinal}");
            self.require(is_sound, Section::FirstSeen, "the newest and the oldest first_seen", found)?;
        }
        let found = || format!("{} rows", column.len());
        self.require(row == column.len(), part.times(), &format!("{row} rows"), found)?;
        self.first_seen(part)
    }

    /// Rows of first_seen are of entries, in order, and can be read; and no sighting of the part is older or newer
    /// than the section of codes states, because statuses depend on the newest.
    fn first_seen(&self, part: Part) -> Result<(), Corruption> {
        self.sets()?;
        self.set_numbers(part)?;
        let (Some(column), count) = (self.index.seen.get(part as usize), self.snapshot.count(part.sets()))
        else {
            return Ok(());
        };
        let mut limit = self.index.walk_limit();
        let is_sound = column.each_row(|ordinal, at| {
            let entry = part.entry(ordinal);
            let is_entry = (ordinal as usize) < count && self.index.is_entry(entry);
            if is_entry { self.index.check_row(entry, column, at, &mut limit) } else { None }
        });
        let found = || "others".to_owned();
        let expected = "rows of entries, in order, with times between those that first-seen states";
        self.require(is_sound, part.first_seen(), expected, found)
    }

    /// Every entry that is marked as an exception has a row, and no other entry has.
    fn exceptions(&self, part: Part, count: usize) -> Result<(), Corruption> {
        let Some(ids) = self.index.set_ids.get(part as usize) else { return Ok(()) };
        if ids.exceptions.is_empty() {
            return Ok(());
        }
        let is_marked = |ordinal: &usize| ids.packed.get(*ordinal) == ids.packed.largest();
        let marked = (0..count).filter(is_marked);
        let (all, found) = marked.fold((0, 0), |(all, found), ordinal| {
            (all + 1, found + usize::from(ids.exceptions.get(ordinal as u32).is_some()))
        });
        self.require(
            all == found && all == ids.exceptions.len(),
            Section::SetExceptions,
            "a row for each exception",
            || format!("{found} of {all}"),
        )
    }

    /// Ranges are sorted and disjoint, each is found by its ends, and their number is the stated count.
    fn addresses(&self, all: AddressRange, part: Part) -> Result<(), Corruption> {
        let (mut previous, mut broken, mut seen) = (None, None, 0usize);
        self.index.each_address(all, |range, entry| {
            seen += 1;
            let ends = [range.first(), range.last()];
            let [first, last] = ends.map(number);
            let is_sorted = first <= last && previous.is_none_or(|previous| previous < first);
            let finds = |end: Address| self.index.address(end) == Some(entry);
            let is_found = finds(range.first()) && (first == last || finds(range.last()));
            if broken.is_none() && !(is_sorted && is_found) {
                broken = Some(range);
            }
            previous = Some(last);
        });
        let found = || broken.map_or_else(String::new, |range| range.to_string());
        self.require(broken.is_none(), part.sets(), "sorted, disjoint ranges that are found", found)?;
        let expected = self.snapshot.count(part.count_section());
        self.require(seen == expected, part.sets(), &format!("{expected} ranges"), || seen.to_string())
    }

    /// Each record says of its entry what can be: of an address a prefix or range that covers it, of a name
    /// or URL none. The sightings of each feed are as many as origin states, so that a file which lost a
    /// whole kind of entries is noticed.
    fn listed(&self) -> Result<(), Corruption> {
        self.sets()?;
        let mut listed = ListedCounts::new(self.snapshot, self.index);
        for (part, all) in [(Part::Ipv4, ALL_V4), (Part::Ipv6, ALL_V6)] {
            let mut broken = None;
            self.index.each_address(all, |range, entry| {
                if broken.is_none() && !listed.add_range(range, entry) {
                    broken = Some(range);
                }
            });
            let found = || broken.map_or_else(String::new, |range| format!("others for {range}"));
            let expected = "records of what covers an entry, and no more than its bytes can hold";
            self.require(broken.is_none(), part.sets(), expected, found)?;
        }
        for part in [Part::Names, Part::Urls] {
            self.set_numbers(part)?;
            let is_sound = listed.add_texts(part, self.snapshot.count(part.sets()));
            let found = || "a record of an address".to_owned();
            self.require(is_sound, part.sets(), "records of names or URLs", found)?;
        }
        for (feed, count) in self.snapshot.origin().feeds.iter().zip(&listed.of_feeds) {
            let found = || format!("{count} of {:?}", feed.id);
            let is_stated = u128::from(feed.sightings) == *count;
            self.require(is_stated, Section::Origin, &format!("{} sightings", feed.sightings), found)?;
        }
        Ok(())
    }

    /// The top index of names maps every name to its group of leaves.
    fn top_index(&self) -> Result<(), Corruption> {
        let is_sound = self.index.names.leaves().is_none_or(Leaves::has_sound_top_index);
        self.require(is_sound, Section::NameLeaves, "a separator for each group", || "a wrong one".to_owned())
    }

    /// The names of some leaves are sorted and canonical, are found, and have ordinals without a gap.
    fn names(&self, leaves: Range<usize>) -> Result<(), Corruption> {
        let count = self.snapshot.count(Section::NameSets) as u64;
        let Some((filter, locator, all)) = self.index.names.parts() else {
            let bytes = self.snapshot.bytes(Section::NameLeaves);
            let expected = "leaves, a filter and a locator";
            return self.require(count == 0 && bytes.is_empty(), Section::NameLeaves, expected, || {
                format!("not all of them for {count} names")
            });
        };
        let mut keys = Keys::new(Section::NameLeaves);
        let mut lookups = NameLookups { filter, locator, leaves: all, pending: Vec::with_capacity(BATCH) };
        if let Some(before) = leaves.start.checked_sub(1) {
            all.each_in(before..leaves.start, |key, ordinal, _| keys.continue_after(key, ordinal));
        }
        let is_last = leaves.end == all.leaf_count();
        let is_whole = all.each_in(leaves, |key, ordinal, slot| {
            let shared = keys.check(key, ordinal);
            lookups.push(key, shared, ordinal, slot, &mut keys);
        });
        lookups.finish(&mut keys);
        self.keys(Section::NameLeaves, &keys, is_whole, if is_last { count } else { keys.next.into() })
    }

    /// URLs are sorted and canonical, are found, and have ordinals without a gap.
    fn urls(&self) -> Result<(), Corruption> {
        let mut keys = Keys::new(Section::UrlBlocks);
        let is_whole = self.index.each_url(|key, entry| {
            keys.check(key, entry.ordinal);
            let passes = self.index.url_filter.is_some_and(|filter| filter.passes(key));
            if !passes || self.index.url(key) != Some(entry) {
                keys.reject(key);
            }
        });
        self.keys(Section::UrlBlocks, &keys, is_whole, self.snapshot.count(Section::UrlSets) as u64)
    }

    fn keys(&self, section: Section, keys: &Keys, is_whole: bool, count: u64) -> Result<(), Corruption> {
        let found = || format!("{:?}", keys.broken.as_deref().unwrap_or_default());
        self.require(keys.broken.is_none(), section, "sorted canonical keys that are found", found)?;
        let is_whole = is_whole && u64::from(keys.next) == count;
        self.require(is_whole, section, &format!("{count} keys"), || keys.next.to_string())
    }
}

/// Counts what each feed lists.
struct ListedCounts<'a> {
    index: Index<'a>,
    limit: WalkLimit,
    /// The sightings of each feed.
    of_feeds: Vec<u128>,
    /// The records of each set.
    records: Vec<Vec<Record>>,
}

impl<'a> ListedCounts<'a> {
    fn new(snapshot: &Snapshot, index: Index<'a>) -> ListedCounts<'a> {
        let of_feeds = vec![0; snapshot.feed_count()];
        let records = (0..index.set_count()).map(|set| index.records_of(set as u32).collect()).collect();
        ListedCounts { index, limit: index.walk_limit(), of_feeds, records }
    }

    /// Adds a range of addresses. Returns `false` if a record does not fit it.
    fn add_range(&mut self, range: AddressRange, entry: Entry) -> bool {
        let ListedCounts { index, limit, of_feeds, records } = self;
        let Some(records) = records.get(index.set_of(entry) as usize) else { return false };
        if !limit.take(records.len() as u64) {
            return false;
        }
        records.iter().all(|record| {
            let begun = begun(index, record, range);
            let place = of_feeds.get_mut(usize::from(record.feed.0));
            let is_sound = begun.is_some() && place.is_some() && record.scope == Scope::Exact;
            place.into_iter().for_each(|count| *count += begun.unwrap_or(0));
            is_sound && limit.take(begun.map_or(0, |begun| begun as u64))
        })
    }

    /// Adds all names, or all URLs. Returns `false` if a record cannot be one of them.
    fn add_texts(&mut self, part: Part, count: usize) -> bool {
        let mut uses = vec![0u128; self.records.len()];
        for ordinal in 0..count {
            let set = self.index.set_of(part.entry(ordinal as u32));
            uses.get_mut(set as usize).into_iter().for_each(|uses| *uses += 1);
        }
        let used = self.records.iter().zip(uses).filter(|(_, uses)| *uses > 0);
        used.flat_map(|(records, uses)| records.iter().map(move |record| (record, uses))).all(
            |(record, uses)| {
                let place = self.of_feeds.get_mut(usize::from(record.feed.0));
                let fits =
                    record.extent == Extent::None && (part == Part::Names || record.scope == Scope::Exact);
                let is_sound = fits && place.is_some();
                place.into_iter().for_each(|count| *count += uses);
                is_sound && self.limit.take(u64::try_from(uses).unwrap_or(u64::MAX))
            },
        )
    }
}

/// How many of the ranges that a record lists begin in the range of an entry, where each other range of the
/// record's set is counted; `None` if the record is not one of this entry. It counts prefixes and does not
/// walk them.
fn begun(index: &Index<'_>, record: &Record, range: AddressRange) -> Option<u128> {
    match record.extent {
        Extent::None => None,
        Extent::Prefix(length) => {
            range.prefix_count(length).filter(|count| *count <= LISTED_MAX)?;
            range.prefixes_begun(length)
        }
        extent => {
            let listed = index.listed(extent, range.first()).filter(|listed| listed.covers(&range))?;
            Some(u128::from(range.covers(&listed.first().range())))
        }
    }
}

/// Keys that are checked in order.
struct Keys {
    section: Section,
    previous: Vec<u8>,
    /// The ordinal that the next key must have.
    next: u32,
    /// The first key that is wrong.
    broken: Option<String>,
    /// Buffers for canonical forms.
    forward: Vec<u8>,
    canonical: Vec<u8>,
}

impl Keys {
    fn new(section: Section) -> Keys {
        let [previous, forward, canonical] = [const { Vec::new() }; 3];
        Keys { section, previous, next: 0, broken: None, forward, canonical }
    }

    /// Continues after a key that another check verifies.
    fn continue_after(&mut self, key: &[u8], ordinal: u32) {
        self.previous.clear();
        self.previous.extend_from_slice(key);
        self.next = ordinal.wrapping_add(1);
    }

    /// Checks the next key. Returns how many bytes it shares with the one before.
    fn check(&mut self, key: &[u8], ordinal: u32) -> usize {
        let is_first = ordinal == 0 && self.previous.is_empty();
        let shared = shared_len(&self.previous, key);
        let is_next = ordinal == self.next && (is_first || self.previous.get(shared) < key.get(shared));
        if !is_next || !self.is_canonical(key) {
            self.reject(key);
        }
        self.previous.truncate(shared);
        self.previous.extend_from_slice(key.get(shared..).unwrap_or_default());
        self.next = ordinal.wrapping_add(1);
        shared
    }

    fn reject(&mut self, key: &[u8]) {
        self.broken.get_or_insert_with(|| String::from_utf8_lossy(key).into_owned());
    }

    fn is_canonical(&mut self, key: &[u8]) -> bool {
        let Keys { forward, canonical, .. } = self;
        canonical.clear();
        if self.section == Section::UrlBlocks {
            return url::canonical(key, canonical).is_ok() && canonical == key;
        }
        forward.clear();
        name::reversed(key, forward);
        name::scan_plain(forward).is_some()
            || name::canonical(forward, canonical).is_ok() && canonical == forward
    }
}

/// Checks that look-ups find names: the filter passes each suffix on the way to a name, and the locator holds its slot.
///
/// It compares slots where a look-up compares texts, because the walk has just read the name from that slot. This
/// halves the cost of the check. The buckets of a batch are prefetched while its names are read.
struct NameLookups<'a> {
    filter: &'a Filter<'a>,
    locator: &'a Locator<'a>,
    leaves: &'a Leaves<'a>,
    pending: Vec<PendingSuffix>,
}

/// A suffix that look-ups must pass.
struct PendingSuffix {
    hash: SuffixHash,
    /// The ordinal of the name, which the message states.
    ordinal: u32,
    /// The slot of the name; `None` for a suffix that must be a parent.
    slot: Option<LeafSlot>,
}

impl NameLookups<'_> {
    /// Adds a name that begins with the same `shared` bytes as the name before. Parents that both names have were added
    /// with that one.
    fn push(&mut self, name: &[u8], shared: usize, ordinal: u32, slot: LeafSlot, keys: &mut Keys) {
        let mut next = self.filter.first_suffix(name);
        while let Some(suffix) = next.filter(|suffix| suffix.end < name.len()) {
            if suffix.end >= shared {
                self.pend(PendingSuffix { hash: suffix.hash(name), ordinal, slot: None });
            }
            next = suffix.next(name);
        }
        match next {
            Some(whole) => self.pend(PendingSuffix { hash: whole.hash(name), ordinal, slot: Some(slot) }),
            None => keys.reject(name),
        }
        if self.pending.len() >= BATCH {
            self.finish(keys);
        }
    }

    fn pend(&mut self, suffix: PendingSuffix) {
        self.filter.prefetch(suffix.hash);
        if suffix.slot.is_some() {
            self.locator.prefetch(suffix.hash);
        }
        self.pending.push(suffix);
    }

    /// Checks all names that were added.
    fn finish(&mut self, keys: &mut Keys) {
        for suffix in &self.pending {
            if !self.is_passed(suffix) {
                keys.reject(format!("name {}", suffix.ordinal).as_bytes());
            }
        }
        self.pending.clear();
    }

    fn is_passed(&self, suffix: &PendingSuffix) -> bool {
        let membership = self.filter.lookup(suffix.hash);
        let Some(slot) = suffix.slot else { return membership.may_be_parent() };
        let found = self.locator.lookup(suffix.hash);
        let is_located =
            found == slot || found == LeafSlot::HASH_COLLISION && self.is_in_top_index(slot, suffix.ordinal);
        membership.may_be_entry() && is_located
    }

    /// Whether the top index leads to the name in a slot. Few names need it.
    #[cold]
    fn is_in_top_index(&self, slot: LeafSlot, ordinal: u32) -> bool {
        let mut is_found = false;
        self.leaves.each_in(slot.leaf()..slot.leaf() + 1, |name, other, _| {
            is_found |= other == ordinal && self.leaves.get(name) == Some(ordinal);
        });
        is_found
    }
}

/// How many bytes two keys have in common at their beginnings.
fn shared_len(a: &[u8], b: &[u8]) -> usize {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    let whole = words.take_while(|(a, b)| a == b).count() * 8;
    let rest = a.iter().zip(b).skip(whole);
    whole + rest.take_while(|(a, b)| a == b).count()
}

fn number(address: Address) -> u128 {
    match address {
        Address::V4(number) => number.into(),
        Address::V6(number) => number,
    }
}
