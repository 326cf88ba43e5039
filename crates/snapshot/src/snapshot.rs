//! Opening a snapshot.
//!
//! [`Snapshot::open`] reads every byte once and rejects a file of which one bit differs from what was built.
//! [`Snapshot::open_trusted`] checks header, section table and lengths only, at the same cost for any size,
//! for files that were verified when they were installed. Either way every access is checked against its
//! section, so that no file, damaged or forged, makes a reader panic or read out of bounds.

use crate::checksum;
use crate::error::{Corruption, Error};
use crate::index::{Index, Part, SetIds};
use crate::layout::{Section, SectionTable};
use crate::map::{Map, open_regular};
use crate::section::exceptions::Exceptions;
use crate::section::first_seen::{SeenCodes, SeenColumn};
use crate::section::ipv4::Ipv4Index;
use crate::section::ipv6::Ipv6Index;
use crate::section::name_index::NameIndex;
use crate::section::origin::{FeedRecord, Origin};
use crate::section::packed::Packed;
use crate::section::records::Sets;
use crate::section::times::TimesColumn;
use crate::section::url_blocks::UrlBlocks;
use crate::section::url_filter::UrlFilter;
use crate::{FeedId, Time};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

/// An open snapshot.
///
/// ```
/// # use rapsheet_snapshot::{Address, Snapshot};
/// let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// for feed in &snapshot.origin().feeds {
///     println!("{} of {}, retrieved {:?}", feed.id, feed.provider, feed.traits().update_time);
/// }
/// assert!(snapshot.index().address(Address::parse(b"45.9.20.5")?).is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Snapshot {
    path: PathBuf,
    map: Map,
    table: SectionTable,
    origin: Origin,
}

impl Snapshot {
    /// Opens a file and verifies every checksum.
    pub fn open(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        Snapshot::open_trusted(path)?.checked()
    }

    /// As [`Snapshot::open`], but reads the file into memory: for programs that live long.
    ///
    /// A mapped file that another program truncates raises a signal in its readers, which ends them, and one
    /// that is overwritten changes their answers. What happens to the file after this call changes nothing. A
    /// file of more than 512 MiB is mapped all the same.
    pub fn load(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        let path = path.as_ref();
        Snapshot::from_map(path, Map::copy(path)?)?.checked()
    }

    /// Opens a regular file, which [`Snapshot::of_file`] takes. Its metadata are then those of what is mapped,
    /// whatever is published at the path meanwhile.
    #[doc(hidden)]
    pub fn open_file(path: &Path) -> Result<File, Error> {
        open_regular(path)
    }

    /// As [`Snapshot::open`], of a file that is open already; `path` is for messages.
    #[doc(hidden)]
    pub fn of_file(file: &File, path: &Path) -> Result<Snapshot, Error> {
        Snapshot::of_file_trusted(file, path)?.checked()
    }

    /// As [`Snapshot::open_trusted`], of a file that is open already; `path` is for messages.
    #[doc(hidden)]
    pub fn of_file_trusted(file: &File, path: &Path) -> Result<Snapshot, Error> {
        Snapshot::from_map(path, Map::of(file, path)?)
    }

    /// Opens a file and checks header, section table and lengths only.
    pub fn open_trusted(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        let path = path.as_ref();
        Snapshot::from_map(path, Map::open(path)?)
    }

    /// As [`Snapshot::open`], of a segment of a history: see [`Snapshot::open_segment_trusted`].
    #[doc(hidden)]
    pub fn open_segment(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        Snapshot::open_segment_trusted(path)?.checked()
    }

    /// As [`Snapshot::open_trusted`], of a segment of a history. It has the sections of a snapshot, but what its
    /// records call feeds and times means something else, so that no other function opens one.
    #[doc(hidden)]
    pub fn open_segment_trusted(path: impl AsRef<Path>) -> Result<Snapshot, Error> {
        let path = path.as_ref();
        let segment = Snapshot::of_any_map(path, Map::open(path)?)?;
        if segment.is_segment() {
            return Ok(segment);
        }
        let found = "a snapshot, or another file with its sections";
        let error = Corruption::new(Section::HistoryBuilds.name(), 0, "a segment of a history", found);
        Err(segment.corrupt(error.with_remedy("leave the folder of a history to `rapsheet`")))
    }

    /// As [`Snapshot::open`], of a snapshot or a segment of a history, whichever it is.
    pub(crate) fn open_any(path: &Path) -> Result<Snapshot, Error> {
        Snapshot::of_any_map(path, Map::open(path)?)?.checked()
    }

    /// Verifies every checksum.
    #[doc(hidden)]
    pub fn verify_checksums(&self) -> Result<(), Error> {
        checksum::verify(&self.map, &self.table).map_err(|corruption| self.corrupt(corruption))
    }

    /// The bytes of a section, whose checksum is verified; empty where the file has no such section.
    #[doc(hidden)]
    pub fn checked_bytes(&self, section: Section) -> Result<&[u8], Error> {
        let Some(row) = self.table.row(section) else { return Ok(&[]) };
        checksum::section(&self.map, row).map_err(|corruption| self.corrupt(corruption))
    }

    /// An error about a section of this file.
    #[doc(hidden)]
    pub fn corrupt_section(&self, section: Section, expected: &str, found: impl fmt::Display) -> Error {
        let offset = self.table.row(section).map_or(0, |row| row.offset);
        self.corrupt(Corruption::new(section.name(), offset, expected, found))
    }

    /// Whether it is a segment of a history, and no snapshot.
    pub(crate) fn is_segment(&self) -> bool {
        self.table.row(Section::HistoryBuilds).is_some()
    }

    /// How many feeds records may name.
    pub(crate) fn feed_count(&self) -> usize {
        // Those of a segment are versions of rows, which it does not describe.
        if self.is_segment() { 1 << 16 } else { self.origin.feeds.len() }
    }

    /// Opens a snapshot that is in memory and verifies every checksum.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Snapshot, Error> {
        Snapshot::from_bytes_trusted(bytes)?.checked()
    }

    /// Opens a snapshot that is in memory and checks header, section table and lengths only.
    pub fn from_bytes_trusted(bytes: Vec<u8>) -> Result<Snapshot, Error> {
        Snapshot::from_map(Path::new("(memory)"), Map::Owned(bytes))
    }

    fn checked(self) -> Result<Snapshot, Error> {
        self.verify_checksums()?;
        Ok(self)
    }

    fn from_map(path: &Path, map: Map) -> Result<Snapshot, Error> {
        let snapshot = Snapshot::of_any_map(path, map)?;
        if !snapshot.is_segment() {
            return Ok(snapshot);
        }
        let error = Corruption::new(Section::HistoryBuilds.name(), 0, "a snapshot", "a segment of a history");
        Err(snapshot.corrupt(error.with_remedy("ask the whole history: name its folder with `--history`")))
    }

    /// A snapshot or a segment of a history.
    fn of_any_map(path: &Path, map: Map) -> Result<Snapshot, Error> {
        let corrupt = |corruption| Error::Corrupt { path: path.to_owned(), corruption };
        let table = SectionTable::decode(&map).map_err(corrupt)?;
        let origin = match table.row(Section::Origin) {
            Some(row) => {
                let bytes = checksum::section(&map, row).map_err(corrupt)?;
                Origin::decode(bytes, row.offset).map_err(corrupt)?
            }
            None => Origin::default(),
        };
        Ok(Snapshot { path: path.to_owned(), map, table, origin })
    }

    /// An error that names this file.
    pub(crate) fn corrupt(&self, corruption: Corruption) -> Error {
        Error::Corrupt { path: self.path.clone(), corruption }
    }

    /// The error of a walk over a part that did not come to its end.
    #[doc(hidden)]
    pub fn unwalkable(&self, part: Part) -> Error {
        let offset = self.table.row(part.sets()).map_or(0, |row| row.offset);
        let (expected, found) = ("entries that can be read, and as many as the file can hold", "others");
        self.corrupt(Corruption::new(part.sets().name(), offset, expected, found))
    }

    /// The path of the file.
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
    #[doc(hidden)]
    pub fn table(&self) -> &SectionTable {
        &self.table
    }

    /// The program that wrote the file, and the feeds.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A feed.
    pub fn feed(&self, id: FeedId) -> Option<&FeedRecord> {
        self.origin.feeds.get(usize::from(id.0))
    }

    /// The bytes of the whole file.
    #[doc(hidden)]
    pub fn file_bytes(&self) -> &[u8] {
        &self.map
    }

    /// The bytes of a section; empty where the file has no such section.
    #[doc(hidden)]
    pub fn bytes(&self, section: Section) -> &[u8] {
        self.table.row(section).and_then(|row| self.map.get(row.range())).unwrap_or(&[])
    }

    /// How many items a section holds.
    #[doc(hidden)]
    pub fn count(&self, section: Section) -> usize {
        self.table.row(section).map_or(0, |row| usize::try_from(row.count).unwrap_or(usize::MAX))
    }

    /// The contents, ready for look-ups. Making an index is cheap; make one for many look-ups.
    pub fn index(&self) -> Index<'_> {
        let bytes = |section| self.bytes(section);
        let column = |section| TimesColumn::new(self.bytes(section), self.count(section));
        let seen = |section| SeenColumn::new(self.bytes(section), self.count(section));
        Index {
            ipv4: Ipv4Index::new(bytes(Section::Ipv4Directory), bytes(Section::Ipv4Ends)),
            ipv6: Ipv6Index::new(bytes(Section::Ipv6Index), bytes(Section::Ipv6Ranges)),
            names: NameIndex::new(
                bytes(Section::NameFilter),
                bytes(Section::NameLocator),
                bytes(Section::NameLeaves),
            ),
            urls: UrlBlocks::new(bytes(Section::UrlBlocks)),
            url_filter: UrlFilter::new(bytes(Section::UrlFilter)),
            set_ids: Part::ALL.map(|part| SetIds {
                packed: Packed::new(bytes(part.sets())),
                exceptions: Exceptions::new(bytes(Section::SetExceptions), part.sets().id()),
            }),
            columns: Part::ALL.map(|part| column(part.times())),
            seen_codes: SeenCodes::new(bytes(Section::FirstSeen)),
            seen: Part::ALL.map(|part| seen(part.first_seen())),
            sets: Sets::new(bytes(Section::Sets), self.count(Section::Sets)),
            records: bytes(Section::Records),
            shared_times: bytes(Section::SharedTimes),
            extents: bytes(Section::Extents),
            byte_len: self.byte_len(),
        }
    }
}
