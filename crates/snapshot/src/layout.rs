//! Where everything stands in the file: the header, the section table, and the list of sections by heat.
//!
//! The header states the exact length of the file, because a truncated file must be noticed before any of it
//! is believed; every byte is covered by one checksum (header, table, sections) or must be zero (padding).
//! What a miss touches comes first and together; what only a hit touches follows; see `FORMAT.md`.

use crate::Time;
use crate::error::Damage;
use std::ops::Range;

/// The first eight bytes. Like PNG's, they break when a file went through a text-mode transfer.
pub const MAGIC: [u8; 8] = *b"\x89RAP\r\n\x1a\n";
/// The format version that this crate writes.
pub const VERSION: u32 = 1;
/// The length of the header, in bytes.
pub const HEADER_LEN: usize = 64;
/// The length of a row of the section table, in bytes.
pub const ROW_LEN: usize = 32;
/// Every section begins at a multiple of this.
pub const ALIGN: usize = 64;
/// No file of this version has more sections; a header that claims more is damaged.
const SECTIONS_MAX: u32 = 256;
/// A reader that does not know a section with this flag must refuse the file.
pub const MUST_UNDERSTAND: u16 = 1;

macro_rules! sections {
    ($($variant:ident $id:literal $name:literal $about:literal;)+) => {
        /// A section of the file. An id never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum Section { $(#[doc = $about] $variant = $id,)+ }

        impl Section {
            /// All sections, in the order in which the file holds them: hot, warm, cold.
            pub const ALL: &'static [Section] = &[$(Section::$variant,)+];

            /// The number in the section table.
            pub const fn id(self) -> u16 {
                self as u16
            }

            /// The name that reports and `FORMAT.md` use.
            pub const fn name(self) -> &'static str {
                match self { $(Section::$variant => $name,)+ }
            }

            /// What it holds, in one line.
            pub const fn about(self) -> &'static str {
                match self { $(Section::$variant => $about,)+ }
            }
        }
    };
}

sections! {
    Origin 1 "origin" "feeds and build information (bincode)";
    Runs 2 "runs" "times that many sightings share";
    Records 3 "records" "what a feed says, without the indicator";
    Sets 4 "sets" "interned lists of records";
    Extents 5 "extents" "listed ranges that are no prefix";
    RareSets 6 "rare-sets" "sets whose numbers are too large for the width of their part";
    NameLines 44 "name-lines" "names: which suffixes are entries, or have entries below";
    NameLocator 45 "name-locator" "names: where each stands, by its hash";
    V4Starts 48 "v4-starts" "IPv4: which buckets hold entries, and where they start";
    V4Ends 49 "v4-ends" "IPv4: where runs and holes end";
    V4EndSets 50 "v4-end-sets" "IPv4: the set of each run";
    V6Ladder 30 "v6-ladder" "IPv6: upper halves of the last addresses, as a tree";
    V6Spans 25 "v6-spans" "IPv6: runs";
    V6SpanSets 26 "v6-span-sets" "IPv6: the set of each run";
    NameSets 33 "name-sets" "names: the set of each ordinal";
    UrlSets 41 "url-sets" "URLs: the set of each ordinal";
    V4EndTimes 51 "v4-end-times" "IPv4: times of runs that few share";
    V6SpanTimes 27 "v6-span-times" "IPv6: times of runs that few share";
    NameTimes 34 "name-times" "names: times that few share";
    UrlTimes 42 "url-times" "URLs: times that few share";
    NameLeaves 46 "name-leaves" "names: leaves of reversed names, front-coded and in a prefix code, below a transducer";
    UrlBlocks 43 "url-blocks" "URLs: front-coded blocks of URLs below a transducer";
    V4Directory 16 "v4-directory" "IPv4: which /16 hold entries, and where (older files)";
    V4Points 17 "v4-points" "IPv4: low halves of single addresses (older files)";
    V4PointSets 18 "v4-point-sets" "IPv4: the set of each single address (older files)";
    V4Spans 19 "v4-spans" "IPv4: low halves of runs (older files)";
    V4SpanSets 20 "v4-span-sets" "IPv4: the set of each run (older files)";
    V4PointTimes 21 "v4-point-times" "IPv4: times of single addresses that few share (older files)";
    V4SpanTimes 22 "v4-span-times" "IPv4: times of runs that few share (older files)";
    V6Directory 24 "v6-directory" "IPv6: which /16 hold entries, and where (older files)";
    NameByteLeaves 39 "name-byte-leaves" "names: leaves whose numbers count bytes (older files)";
    NameSuffixes 31 "name-suffixes" "names: which suffixes are entries, or have entries below (older files)";
    NameSpots 35 "name-spots" "names: where each stands, by its hash (older files)";
    NameFilter 36 "name-filter" "names: which suffixes are entries, or have entries below (older files)";
    NamePrints 38 "name-prints" "names: a byte of the hash of each (older files)";
    NameBlocks 37 "name-blocks" "names: front-coded blocks of reversed names below a transducer (older files)";
    Names 32 "names" "names: transducers from reversed name to ordinal (older files)";
    Urls 40 "urls" "URLs: transducers from URL to ordinal (older files)";
}

/// One row of the section table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The section's number.
    pub id: u16,
    /// [`MUST_UNDERSTAND`] or nothing.
    pub flags: u16,
    /// Where it begins, as a byte offset of the file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// How many items it holds.
    pub count: u64,
    /// The CRC-32 (IEEE) of its bytes.
    pub checksum: u32,
}

/// Header and section table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The instant of the build.
    pub built_at: Time,
    /// The exact length of the file.
    pub file_len: u64,
    /// The sections, in file order.
    pub rows: Vec<Row>,
}

/// The offset at which the next section begins.
pub fn aligned(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGN as u64)
}

impl Table {
    /// The bytes of header and section table.
    pub fn encode(&self) -> Vec<u8> {
        let rows: Vec<u8> = self.rows.iter().flat_map(Row::encode).collect();
        let mut head = Vec::with_capacity(HEADER_LEN + rows.len());
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&(self.rows.len() as u32).to_le_bytes());
        head.extend_from_slice(&self.file_len.to_le_bytes());
        head.extend_from_slice(&self.built_at.unix().to_le_bytes());
        head.extend_from_slice(&crc32fast::hash(&rows).to_le_bytes());
        head.resize(HEADER_LEN - 4, 0);
        let checksum = crc32fast::hash(&head);
        head.extend_from_slice(&checksum.to_le_bytes());
        head.extend_from_slice(&rows);
        head
    }

    /// Reads and checks header and section table of a file. Costs the same whatever the file's size.
    pub fn decode(file: &[u8]) -> Result<Table, Damage> {
        let header = file.get(..HEADER_LEN).ok_or_else(|| {
            Damage::new("header", 0, format_args!("{HEADER_LEN} bytes"), format_args!("{} bytes", file.len()))
        })?;
        check_magic_and_version(header)?;
        let stated = u32_at(header, HEADER_LEN - 4);
        let actual = crc32fast::hash(header.get(..HEADER_LEN - 4).unwrap_or(&[]));
        if stated != actual {
            return Err(checksum_damage("header", 0, stated, actual));
        }
        let file_len = u64_at(header, 16);
        if file_len != file.len() as u64 {
            return Err(Damage::new(
                "header",
                16,
                format_args!("a file of {file_len} bytes"),
                format_args!("{} bytes", file.len()),
            ));
        }
        let rows = decode_rows(file, u32_at(header, 12), u32_at(header, 32))?;
        let built_at = Time::from_unix(u64_at(header, 24).cast_signed());
        Ok(Table { built_at, file_len, rows })
    }

    /// The row of a section; `None` where the file has none.
    pub fn row(&self, section: Section) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == section.id())
    }
}

/// The damage of a part whose checksum does not hold.
pub fn checksum_damage(part: &'static str, offset: u64, stated: u32, actual: u32) -> Damage {
    Damage::new(part, offset, format_args!("checksum {stated:08x}"), format_args!("{actual:08x}"))
}

fn check_magic_and_version(header: &[u8]) -> Result<(), Damage> {
    if !header.starts_with(&MAGIC) {
        let found = format!("{:02x?}", header.get(..MAGIC.len()).unwrap_or(&[]));
        let remedy = "this is another kind of file; name the file that `rapsheet build` wrote";
        return Err(Damage { remedy, ..Damage::new("header", 0, "the magic of a rapsheet snapshot", found) });
    }
    match u32_at(header, 8) {
        VERSION => Ok(()),
        newer if newer > VERSION => Err(Damage {
            remedy: "it was written by a newer rapsheet: update this one, or rebuild the file with this one",
            ..Damage::new("header", 8, format_args!("version {VERSION}"), format_args!("version {newer}"))
        }),
        other => {
            Err(Damage::new("header", 8, format_args!("version {VERSION}"), format_args!("version {other}")))
        }
    }
}

fn decode_rows(file: &[u8], count: u32, stated: u32) -> Result<Vec<Row>, Damage> {
    let offset = HEADER_LEN as u64;
    if count > SECTIONS_MAX {
        return Err(Damage::new("header", 12, format_args!("at most {SECTIONS_MAX} sections"), count));
    }
    let end = HEADER_LEN + count as usize * ROW_LEN;
    let bytes = file.get(HEADER_LEN..end).ok_or_else(|| {
        Damage::new("section table", offset, format_args!("{count} rows"), "the end of the file")
    })?;
    let actual = crc32fast::hash(bytes);
    if stated != actual {
        return Err(checksum_damage("section table", offset, stated, actual));
    }
    let rows: Vec<Row> = bytes.chunks_exact(ROW_LEN).map(Row::decode).collect();
    check_rows(&rows, end as u64, file.len() as u64)?;
    Ok(rows)
}

/// Sections stand in order, aligned, without overlap, and the last one ends the file.
fn check_rows(rows: &[Row], table_end: u64, file_len: u64) -> Result<(), Damage> {
    let mut end = table_end;
    for (at, row) in rows.iter().enumerate() {
        let part = row.section().map_or("unknown section", Section::name);
        if row.section().is_none() && row.flags & MUST_UNDERSTAND != 0 {
            let remedy = "it needs a newer rapsheet to be read";
            let known = "sections that this version knows";
            return Err(Damage {
                remedy,
                ..Damage::new(part, row.offset, known, format_args!("section {}", row.id))
            });
        }
        if rows.iter().take(at).any(|other| other.id == row.id) {
            return Err(Damage::new(part, row.offset, "each section once", "the same section twice"));
        }
        if row.offset != aligned(end) {
            return Err(Damage::new(part, row.offset, format_args!("offset {}", aligned(end)), row.offset));
        }
        end = row.offset.checked_add(row.length).filter(|end| *end <= file_len).ok_or_else(|| {
            Damage::new(part, row.offset, "a section inside the file", format_args!("length {}", row.length))
        })?;
    }
    if end == file_len {
        Ok(())
    } else {
        Err(Damage::new(
            "section table",
            HEADER_LEN as u64,
            format_args!("sections up to byte {file_len}"),
            end,
        ))
    }
}

impl Row {
    /// The section that the number means, if this version knows it.
    pub fn section(&self) -> Option<Section> {
        Section::ALL.iter().copied().find(|section| section.id() == self.id)
    }

    /// The bytes of the file that it takes.
    pub fn range(&self) -> Range<usize> {
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX);
        offset..offset.saturating_add(usize::try_from(self.length).unwrap_or(usize::MAX))
    }

    fn encode(&self) -> [u8; ROW_LEN] {
        let mut bytes = [0; ROW_LEN];
        let fields: [&[u8]; 6] = [
            &self.id.to_le_bytes(),
            &self.flags.to_le_bytes(),
            &self.checksum.to_le_bytes(),
            &self.offset.to_le_bytes(),
            &self.length.to_le_bytes(),
            &self.count.to_le_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(fields.concat()) {
            *to = from;
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Row {
        Row {
            id: u16_at(bytes, 0),
            flags: u16_at(bytes, 2),
            checksum: u32_at(bytes, 4),
            offset: u64_at(bytes, 8),
            length: u64_at(bytes, 16),
            count: u64_at(bytes, 24),
        }
    }
}

/// Up to seven bytes as a number, in loads that do not depend on one another.
#[inline]
pub(crate) fn short_word(rest: &[u8]) -> u64 {
    let len = rest.len();
    let byte = |at: usize| rest.get(at).copied().map_or(0, u64::from);
    match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            u64::from(first) | u64::from(last) << (8 * (len - 4))
        }
        _ if len == 0 => 0,
        _ => byte(0) | byte(len / 2) << (8 * (len / 2)) | byte(len - 1) << (8 * (len - 1)),
    }
}

/// Reads a little-endian number; zero where the bytes end before it, which no checked structure does.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u16::from_le_bytes(*chunk))
}

/// Reads a little-endian number; zero where the bytes end before it.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// Reads a little-endian number; zero where the bytes end before it.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// Reads a little-endian number; zero where the bytes end before it.
pub(crate) fn u128_at(bytes: &[u8], at: usize) -> u128 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u128::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_unique() {
        for (at, section) in Section::ALL.iter().enumerate() {
            for other in Section::ALL.iter().skip(at + 1) {
                assert_ne!(section.id(), other.id());
                assert_ne!(section.name(), other.name());
            }
        }
    }

    #[test]
    fn the_documentation_lists_the_same_sections_in_the_same_order() {
        let rows = include_str!("../FORMAT.md").lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
            let id: u16 = cells.next()?.parse().ok()?;
            let (name, about) = (cells.next()?, cells.next()?);
            Some((id, name, about))
        });
        let is_section =
            |(_, name, _): &(u16, &str, &str)| Section::ALL.iter().any(|known| known.name() == *name);
        let documented: Vec<(u16, &str, &str)> = rows.filter(is_section).collect();
        let coded: Vec<(u16, &str, &str)> =
            Section::ALL.iter().map(|section| (section.id(), section.name(), section.about())).collect();
        assert_eq!(documented, coded);
    }

    #[test]
    fn a_table_reads_back() {
        let row = Row { id: 1, flags: 1, offset: 128, length: 0, count: 7, checksum: 9 };
        let table = Table { built_at: Time::from_unix(5), file_len: 128, rows: vec![row] };
        let mut file = table.encode();
        file.resize(128, 0);
        assert_eq!(Table::decode(&file), Ok(table));
    }

    #[test]
    fn short_words_are_their_bytes() {
        for len in 0..8 {
            let text = &b"abcdefg"[..len];
            let plain = text.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            assert_eq!(short_word(text), plain, "{len}");
        }
    }
}
