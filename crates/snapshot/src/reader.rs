//! Opening a snapshot and finding entries in it.
//!
//! [`Snapshot::open`] reads every byte once and refuses a file of which one bit differs from what was built;
//! [`Snapshot::open_trusted`] looks at header, table and lengths only, at the same cost for any size, for files
//! that were verified when they were installed. Either way every access is checked against its section, so
//! that no file, damaged or forged, makes a reader panic or read out of bounds.

use crate::error::Error;
use crate::layout::{Section, Table};
use crate::map::Map;
use crate::section::addresses::{FoundV4, V4, V6};
use crate::section::names::{KeyBytes, Keys};
use crate::section::origin::{FeedRecord, Origin};
use crate::section::packed::Packed;
use crate::section::rare::Rare;
use crate::section::records::{self, Extent, Sets, When};
use crate::section::times::{self, Column};
use crate::section::v4::Ends;
use crate::section::v6::Ladder;
use crate::verify;
use crate::{Address, AddressRange, Assessments, FeedId, ListKind, Scope, Time, Times};
use std::path::{Path, PathBuf};

/// An open snapshot.
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    map: Map,
    table: Table,
    origin: Origin,
}

impl Snapshot {
    /// Opens a file and verifies every byte of it.
    pub fn open(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        let path = path.as_ref();
        let snapshot = Snapshot::open_trusted(path)?;
        verify::checksums(&snapshot.map, &snapshot.table).map_err(|damage| refused(path, damage))?;
        Ok(snapshot)
    }

    /// Opens a file and checks header, section table and lengths only.
    pub fn open_trusted(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        let path = path.as_ref();
        Snapshot::from_map(path, Map::open(path)?)
    }

    /// Opens a snapshot that is in memory, verifying every byte of it.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Snapshot, Error> {
        let path = Path::new("(memory)");
        let snapshot = Snapshot::from_bytes_trusted(bytes)?;
        verify::checksums(&snapshot.map, &snapshot.table).map_err(|damage| refused(path, damage))?;
        Ok(snapshot)
    }

    /// Opens a snapshot that is in memory, checking header, section table and lengths only.
    pub fn from_bytes_trusted(bytes: Vec<u8>) -> Result<Snapshot, Error> {
        Snapshot::from_map(Path::new("(memory)"), Map::Owned(bytes))
    }

    fn from_map(path: &Path, map: Map) -> Result<Snapshot, Error> {
        let refuse = |damage| refused(path, damage);
        let table = Table::decode(&map).map_err(refuse)?;
        let origin = match table.row(Section::Origin) {
            Some(row) => {
                let bytes = verify::section(&map, row).map_err(refuse)?;
                Origin::decode(bytes, row.offset).map_err(refuse)?
            }
            None => Origin::default(),
        };
        Ok(Snapshot { path: path.to_owned(), map, table, origin })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The instant of the build.
    pub fn built_at(&self) -> Time {
        self.table.built_at
    }

    /// The length of the file, in bytes.
    pub fn byte_len(&self) -> u64 {
        self.table.file_len
    }

    /// The section table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The program that wrote it, and its feeds.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A feed.
    pub fn feed(&self, id: FeedId) -> Option<&FeedRecord> {
        self.origin.feeds.get(usize::from(id.0))
    }

    /// The bytes of a section; none where the file has no such section.
    pub fn bytes(&self, section: Section) -> &[u8] {
        self.table.row(section).and_then(|row| self.map.get(row.range())).unwrap_or(&[])
    }

    /// How many items a section holds.
    pub fn count(&self, section: Section) -> usize {
        self.table.row(section).map_or(0, |row| usize::try_from(row.count).unwrap_or(usize::MAX))
    }

    /// Checks what checksums cannot: that every reference leads somewhere and every order is kept.
    pub fn verify_references(&self) -> Result<(), Error> {
        verify::references(self).map_err(|damage| refused(&self.path, damage))
    }

    /// The parts of the file, ready to be asked. Cheap; made once for many questions.
    pub fn index(&self) -> Index<'_> {
        let bytes = |section| self.bytes(section);
        let column = |section| Column::new(self.bytes(section), self.count(section));
        Index {
            ends: Ends::new(bytes(Section::V4Starts), bytes(Section::V4Ends)),
            ladder: Ladder::new(bytes(Section::V6Ladder), bytes(Section::V6Spans)),
            older: Older::of(self),
            names: Keys::new(KeyBytes {
                filter: bytes(Section::NameLines),
                locator: bytes(Section::NameLocator),
                leaves: bytes(Section::NameLeaves),
                byte_leaves: bytes(Section::NameByteLeaves),
                blocks: bytes(Section::NameBlocks),
                tries: bytes(Section::Names),
            }),
            urls: Keys::new(KeyBytes {
                blocks: bytes(Section::UrlBlocks),
                tries: bytes(Section::Urls),
                ..KeyBytes::default()
            }),
            steps_max: [Section::NameSets, Section::UrlSets].map(|sets| steps_max(self.count(sets))),
            set_ids: Part::ALL.map(|part| SetIds {
                packed: Packed::new(bytes(part.sets())),
                rare: Rare::new(bytes(Section::RareSets), part.sets().id()),
            }),
            columns: Part::ALL.map(|part| column(part.times())),
            sets: Sets::new(bytes(Section::Sets), self.count(Section::Sets)),
            records: bytes(Section::Records),
            runs: bytes(Section::Runs),
            extents: bytes(Section::Extents),
        }
    }
}

/// What addresses are found by in older files.
#[derive(Clone, Copy, Debug)]
struct Older<'a> {
    v4: V4<'a>,
    v6: V6<'a>,
}

impl<'a> Older<'a> {
    fn of(snapshot: &'a Snapshot) -> Older<'a> {
        let bytes = |section| snapshot.bytes(section);
        Older {
            v4: V4::new(bytes(Section::V4Directory), bytes(Section::V4Points), bytes(Section::V4Spans)),
            v6: V6::new(bytes(Section::V6Directory), bytes(Section::V6Spans)),
        }
    }
}

/// The set of each entry of a part.
#[derive(Clone, Copy, Debug)]
struct SetIds<'a> {
    packed: Packed<'a>,
    rare: Rare<'a>,
}

impl SetIds<'_> {
    #[inline]
    fn get(&self, ordinal: u32) -> u32 {
        let set = self.packed.get(ordinal as usize);
        if set == self.packed.largest() && !self.rare.is_empty() {
            return self.rare.get(ordinal).unwrap_or(set as u32);
        }
        set as u32
    }
}

/// A bound on the transitions of a walk over `count` keys, far above what any real keys need: a forged
/// transducer may have more paths than anyone can walk.
fn steps_max(count: usize) -> u64 {
    (count as u64).saturating_mul(1 << 10).saturating_add(1 << 22)
}

fn refused(path: &Path, damage: crate::error::Damage) -> Error {
    Error::Refused { path: path.to_owned(), damage }
}

/// The arrays of entries that a snapshot holds, each with ordinals of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Runs of IPv4 addresses, with the holes between them.
    V4Ends,
    /// Single IPv4 addresses, in older files.
    V4Points,
    /// Runs of IPv4 addresses, in older files.
    V4Spans,
    /// Runs of IPv6 addresses.
    V6Spans,
    /// Names.
    Names,
    /// URLs.
    Urls,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 6] =
        [Part::V4Ends, Part::V4Points, Part::V4Spans, Part::V6Spans, Part::Names, Part::Urls];
    /// Those of IPv4.
    pub const V4: [Part; 3] = [Part::V4Ends, Part::V4Points, Part::V4Spans];

    /// The section with the set of each ordinal.
    pub const fn sets(self) -> Section {
        match self {
            Part::V4Ends => Section::V4EndSets,
            Part::V4Points => Section::V4PointSets,
            Part::V4Spans => Section::V4SpanSets,
            Part::V6Spans => Section::V6SpanSets,
            Part::Names => Section::NameSets,
            Part::Urls => Section::UrlSets,
        }
    }

    /// The section whose count is the number of the part's entries.
    pub const fn counted(self) -> Section {
        match self {
            Part::V4Ends => Section::V4Starts,
            part => part.sets(),
        }
    }

    /// The section with times that few share.
    pub const fn times(self) -> Section {
        match self {
            Part::V4Ends => Section::V4EndTimes,
            Part::V4Points => Section::V4PointTimes,
            Part::V4Spans => Section::V4SpanTimes,
            Part::V6Spans => Section::V6SpanTimes,
            Part::Names => Section::NameTimes,
            Part::Urls => Section::UrlTimes,
        }
    }
}

/// An entry: one of the arrays, and the place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The array.
    pub part: Part,
    /// The place in it.
    pub ordinal: u32,
}

/// One feed's statement on one indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The feed.
    pub feed: FeedId,
    /// Whether it blocks or allows.
    pub list: ListKind,
    /// The reach of a name.
    pub scope: Scope,
    /// What was listed of the address space.
    pub extent: Extent,
    /// How bad.
    pub assessments: Assessments,
    /// Since when and until when.
    pub times: Times,
}

/// A snapshot that is ready to be asked.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    ends: Ends<'a>,
    ladder: Ladder<'a>,
    older: Older<'a>,
    names: Keys<'a>,
    urls: Keys<'a>,
    /// How many transitions a walk over all names, and over all URLs, may take.
    steps_max: [u64; 2],
    set_ids: [SetIds<'a>; 6],
    columns: [Column<'a>; 6],
    sets: Sets<'a>,
    records: &'a [u8],
    runs: &'a [u8],
    extents: &'a [u8],
}

impl<'a> Index<'a> {
    /// The entry that covers an address. Entries are disjoint: there is at most one, and its set holds
    /// everything that any feed says of the address.
    #[inline]
    pub fn address(&self, address: Address) -> Option<Entry> {
        match address {
            Address::V4(number) if self.ends.is_present() => self.ends.find(number).map(of_ends),
            Address::V4(number) => self.older.v4.find(number).map(Entry::from),
            Address::V6(number) if self.ladder.is_present() => self.ladder.find(number).map(of_spans),
            Address::V6(number) => self.older.v6.find(number).map(of_spans),
        }
    }

    /// The same for many IPv4 addresses at once, in their order, with the position of each that is covered.
    #[inline]
    pub fn each_v4_of(&self, addresses: &[u32], mut visit: impl FnMut(usize, Entry)) {
        if self.ends.is_present() {
            return self.ends.each_of(
                addresses,
                |ordinal| self.set_soon(of_ends(ordinal)),
                |at, ordinal| visit(at, of_ends(ordinal)),
            );
        }
        for (at, address) in addresses.iter().enumerate() {
            self.older.v4.find(*address).into_iter().for_each(|found| visit(at, Entry::from(found)));
        }
    }

    /// The same for many IPv6 addresses at once, in their order, with the position of each that is covered.
    #[inline]
    pub fn each_v6_of(&self, addresses: &[u128], mut visit: impl FnMut(usize, Entry)) {
        if self.ladder.is_present() {
            return self.ladder.each_of(addresses, |at, ordinal| visit(at, of_spans(ordinal)));
        }
        for (at, address) in addresses.iter().enumerate() {
            self.older.v6.find(*address).into_iter().for_each(|ordinal| visit(at, of_spans(ordinal)));
        }
    }

    /// Whether this place in a part's arrays is an entry; between runs of IPv4 addresses there are holes.
    pub fn is_entry(&self, entry: Entry) -> bool {
        entry.part != Part::V4Ends || !self.ends.is_hole(entry.ordinal)
    }

    /// Visits the entries that are a name, given with its bytes reversed, or an ancestor of it, shortest first,
    /// with the length of each.
    #[inline]
    pub fn each_covering_name(&self, reversed: &[u8], mut visit: impl FnMut(usize, Entry)) {
        self.names
            .each_covering(reversed, |width, ordinal| visit(width, Entry { part: Part::Names, ordinal }));
    }

    /// The same for many names at once, with the position of each, in no order: much faster, because what one look-up
    /// waits for overlaps with the others.
    #[inline]
    pub fn each_covering_name_of(&self, reversed: &[&[u8]], mut visit: impl FnMut(u32, usize, Entry)) {
        let entry = |ordinal| Entry { part: Part::Names, ordinal };
        self.names.each_covering_of(
            reversed,
            |ordinal| self.set_soon(entry(ordinal)),
            |at, width, ordinal| visit(at, width, entry(ordinal)),
        );
    }

    /// The entry of exactly this canonical URL.
    #[inline]
    pub fn url(&self, url: &[u8]) -> Option<Entry> {
        self.urls.get(url).map(|ordinal| Entry { part: Part::Urls, ordinal })
    }

    /// Visits every run of addresses with entries that touches `range`, in order.
    pub fn each_address(&self, range: AddressRange, mut visit: impl FnMut(AddressRange, Entry)) {
        match range {
            AddressRange::V4 { first, last } => {
                let mut visit = |first, last, entry| visit(AddressRange::V4 { first, last }, entry);
                if self.ends.is_present() {
                    self.ends.each(first, last, |low, high, ordinal| visit(low, high, of_ends(ordinal)));
                } else {
                    self.older.v4.each(first, last, |low, high, found| visit(low, high, Entry::from(found)));
                }
            }
            AddressRange::V6 { first, last } => {
                let mut visit =
                    |first, last, ordinal| visit(AddressRange::V6 { first, last }, of_spans(ordinal));
                if self.ladder.is_present() {
                    self.ladder.each(first, last, &mut visit);
                } else {
                    self.older.v6.each(first, last, &mut visit);
                }
            }
        }
    }

    /// Visits every name, reversed, in order. `false` if the walk was cut off, which no sound file does.
    pub fn each_name(&self, mut visit: impl FnMut(&[u8], Entry)) -> bool {
        let [steps_max, _] = self.steps_max;
        self.names.each(steps_max, |key, ordinal| visit(key, Entry { part: Part::Names, ordinal }))
    }

    /// Whether a reversed name is found at its entry, by whatever ways the file has: what answers misses lets it through, too.
    pub fn leads_to(&self, reversed: &[u8], entry: Entry) -> bool {
        self.names.leads_to(reversed, entry.ordinal)
    }

    /// Visits every URL in order. `false` if the walk was cut off, which no sound file does.
    pub fn each_url(&self, mut visit: impl FnMut(&[u8], Entry)) -> bool {
        let [_, steps_max] = self.steps_max;
        self.urls.each(steps_max, |key, ordinal| visit(key, Entry { part: Part::Urls, ordinal }))
    }

    /// The number of the entry's record set.
    #[inline]
    pub fn set_of(&self, entry: Entry) -> u32 {
        self.set_ids.get(entry.part as usize).map_or(0, |ids| ids.get(entry.ordinal))
    }

    /// Says that the set of an entry will be asked for.
    #[inline]
    fn set_soon(&self, entry: Entry) {
        if let Some(ids) = self.set_ids.get(entry.part as usize) {
            ids.packed.get_soon(entry.ordinal as usize);
        }
    }

    /// How many record sets there are.
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    /// The records of a set.
    pub fn records_of(&self, set: u32) -> impl Iterator<Item = records::Record> + use<'a> {
        let records = self.records;
        self.sets.get(set).filter_map(move |number| records::record(records, number))
    }

    /// The run in a row of the run table.
    pub fn run(&self, at: u32) -> Option<Times> {
        times::run(self.runs, at)
    }

    /// Everything that feeds say of an entry, in the order of its set: by feed, then list, scope and extent.
    pub fn sightings(&self, entry: Entry) -> impl Iterator<Item = Sighting> + use<'a> {
        let index = *self;
        let mut owned = 0;
        self.records_of(self.set_of(entry)).filter_map(move |record| {
            let times = match record.when {
                When::Run(run) => index.run(run),
                When::Own => {
                    owned += 1;
                    index.columns.get(entry.part as usize)?.get(entry.ordinal, owned - 1)
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

    /// Visits what each sighting of an entry listed, given the entry's run: a run of single addresses that a feed
    /// listed one by one is one entry, and as many listed addresses.
    pub fn each_listed(
        &self,
        run: AddressRange,
        entry: Entry,
        mut visit: impl FnMut(AddressRange, &Sighting),
    ) {
        for said in self.sightings(entry) {
            match said.extent {
                Extent::Prefix(length) => run.prefixes(length).for_each(|listed| visit(listed, &said)),
                extent => self.listed(extent, run.first()).iter().for_each(|listed| visit(*listed, &said)),
            }
        }
    }

    /// What a feed listed, given an address that the entry covers.
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

#[inline]
fn of_ends(ordinal: u32) -> Entry {
    Entry { part: Part::V4Ends, ordinal }
}

#[inline]
fn of_spans(ordinal: u32) -> Entry {
    Entry { part: Part::V6Spans, ordinal }
}

impl From<FoundV4> for Entry {
    #[inline]
    fn from(found: FoundV4) -> Entry {
        match found {
            FoundV4::Point(ordinal) => Entry { part: Part::V4Points, ordinal },
            FoundV4::Span(ordinal) => Entry { part: Part::V4Spans, ordinal },
        }
    }
}
