//! The layout of the file: the header, the section table, and the list of sections.
//!
//! The header states the exact length of the file, so that a truncated file is rejected before any of it is
//! used. Every byte is covered by one checksum (header, table, sections) or must be zero (padding).
//! `FORMAT.md` specifies the bytes.

use crate::Time;
use crate::error::Corruption;
use std::ops::Range;

/// The first eight bytes. As in PNG, a transfer in text mode changes them.
pub const MAGIC: [u8; 8] = *b"\x89RSH\r\n\x1a\n";
/// The first eight bytes of files from before the first release, which are rejected.
const DEVELOPMENT_MAGICS: [[u8; 8]; 2] = [*b"\x89RAP\r\n\x1a\n", *b"\x89RPS\r\n\x1a\n"];
/// The format version that this crate writes.
pub(crate) const VERSION: u32 = 1;
/// The length of the header, in bytes.
pub(crate) const HEADER_LEN: usize = 64;
/// The length of a row of the section table, in bytes.
pub(crate) const ROW_LEN: usize = 32;
/// Every section begins at a multiple of this.
pub(crate) const ALIGN: usize = 64;
/// A header that states more sections is corrupt.
const SECTIONS_MAX: u32 = 256;
/// A reader that does not know a section with this flag must reject the file.
pub(crate) const MUST_UNDERSTAND: u16 = 1;

macro_rules! sections {
    ($($variant:ident $id:literal $name:literal $about:literal;)+) => {
        /// A section of the file. An id never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum Section { $(#[doc = $about] $variant = $id,)+ }

        impl Section {
            /// All sections, in file order.
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
    SharedTimes 2 "shared-times" "confirmations and expiries that many sightings share";
    Records 3 "records" "what a feed states about an indicator, without the indicator";
    Sets 4 "sets" "interned lists of records";
    Extents 5 "extents" "listed ranges that are not prefixes";
    SetExceptions 6 "set-exceptions" "sets whose numbers are too large for the width of their part";
    NameFilter 7 "name-filter" "names: which suffixes are entries or have entries below";
    NameLocator 8 "name-locator" "names: the leaf slot of each, by its hash";
    Ipv4Directory 9 "ipv4-directory" "IPv4: which buckets hold entries, and where they start";
    Ipv4Ends 10 "ipv4-ends" "IPv4: where ranges and gaps end";
    Ipv4Sets 11 "ipv4-sets" "IPv4: the set of each item";
    Ipv6Index 12 "ipv6-index" "IPv6: upper halves of the last addresses, as a tree";
    Ipv6Ranges 13 "ipv6-ranges" "IPv6: first and last addresses";
    Ipv6Sets 14 "ipv6-sets" "IPv6: the set of each range";
    NameSets 15 "name-sets" "names: the set of each ordinal";
    UrlSets 16 "url-sets" "URLs: the set of each ordinal";
    Ipv4Times 17 "ipv4-times" "IPv4: entries\' own confirmations and expiries";
    Ipv6Times 18 "ipv6-times" "IPv6: entries\' own confirmations and expiries";
    NameTimes 19 "name-times" "names: entries\' own confirmations and expiries";
    UrlTimes 20 "url-times" "URLs: entries\' own confirmations and expiries";
    NameLeaves 21 "name-leaves" "names: front-coded leaves in a prefix code, below the top index";
    UrlBlocks 22 "url-blocks" "URLs: front-coded blocks, below the top index";
    UrlFilter 23 "url-filter" "URLs: which may be entries";
    FirstSeen 24 "first-seen" "first_seen: defaults of records, and the codes of other values";
    Ipv4FirstSeen 25 "ipv4-first-seen" "IPv4: first_seen that are no defaults";
    Ipv6FirstSeen 26 "ipv6-first-seen" "IPv6: first_seen that are no defaults";
    NameFirstSeen 27 "name-first-seen" "names: first_seen that are no defaults";
    UrlFirstSeen 28 "url-first-seen" "URLs: first_seen that are no defaults";
    HistoryBuilds 29 "history-builds" "a segment of a history, which is no snapshot: its builds";
    HistorySpans 30 "history-spans" "a segment of a history: the builds at which its rows held";
}

/// One row of the section table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionRow {
    /// The section's number.
    pub id: u16,
    /// Bit 0: a reader that does not know the section must reject the file.
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
pub struct SectionTable {
    /// The instant of the build.
    pub built_at: Time,
    /// The exact length of the file.
    pub file_len: u64,
    /// The sections, in file order.
    pub rows: Vec<SectionRow>,
}

/// The offset at which the next section begins.
pub(crate) fn aligned(offset: u64) -> u64 {
    offset.next_multiple_of(ALIGN as u64)
}

impl SectionTable {
    /// The bytes of header and section table.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let rows: Vec<u8> = self.rows.iter().flat_map(SectionRow::encode).collect();
        let mut head = Vec::with_capacity(HEADER_LEN + rows.len());
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&VERSION.to_le_bytes());
        // Each section once, and `decode` rejects more than SECTIONS_MAX.
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

    /// Reads and checks header and section table of a file, at a cost that does not depend on its size.
    pub(crate) fn decode(file: &[u8]) -> Result<SectionTable, Corruption> {
        let header = file.get(..HEADER_LEN).ok_or_else(|| {
            Corruption::new(
                "header",
                0,
                format_args!("{HEADER_LEN} bytes"),
                format_args!("{} bytes", file.len()),
            )
        })?;
        check_magic_and_version(header)?;
        let stated = u32_at(header, HEADER_LEN - 4);
        let actual = crc32fast::hash(header.get(..HEADER_LEN - 4).unwrap_or(&[]));
        if stated != actual {
            return Err(checksum_mismatch("header", 0, stated, actual));
        }
        let file_len = u64_at(header, 16);
        if file_len != file.len() as u64 {
            return Err(Corruption::new(
                "header",
                16,
                format_args!("a file of {file_len} bytes"),
                format_args!("{} bytes", file.len()),
            ));
        }
        let rows = decode_rows(file, u32_at(header, 12), u32_at(header, 32))?;
        let built_at = Time::from_unix(u64_at(header, 24).cast_signed());
        Ok(SectionTable { built_at, file_len, rows })
    }

    /// The row of a section; `None` where the file has none.
    pub fn row(&self, section: Section) -> Option<&SectionRow> {
        self.rows.iter().find(|row| row.id == section.id())
    }
}

/// The error of a part whose checksum does not match.
pub(crate) fn checksum_mismatch(part: &'static str, offset: u64, stated: u32, actual: u32) -> Corruption {
    Corruption::new(part, offset, format_args!("checksum {stated:08x}"), format_args!("{actual:08x}"))
}

/// Whether a file that begins so is a snapshot, sound or not, of this version or another.
pub fn is_snapshot(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) || is_development_file(head)
}

fn is_development_file(head: &[u8]) -> bool {
    DEVELOPMENT_MAGICS.iter().any(|magic| head.starts_with(magic))
}

fn check_magic_and_version(header: &[u8]) -> Result<(), Corruption> {
    if is_development_file(header) {
        return Err(Corruption::new("header", 0, "the mark of a rapsheet snapshot", "a development file")
            .with_remedy(
                "made before the first release: build anew, the first time with `--previous none`",
            ));
    }
    if !header.starts_with(&MAGIC) {
        let found = format!("`{}`", header.get(..MAGIC.len()).unwrap_or(&[]).escape_ascii());
        return Err(Corruption::new("header", 0, "the mark of a rapsheet snapshot", found)
            .with_remedy("this is another kind of file; name the file that `rapsheet build` wrote"));
    }
    let version = u32_at(header, 8);
    let error = Corruption::new("header", 8, format!("version {VERSION}"), format!("version {version}"));
    match version {
        VERSION => Ok(()),
        newer if newer > VERSION => Err(error
            .with_remedy("a newer rapsheet wrote it: update this one, or rebuild the file with this one")),
        _ => Err(error),
    }
}

fn decode_rows(file: &[u8], count: u32, stated: u32) -> Result<Vec<SectionRow>, Corruption> {
    let offset = HEADER_LEN as u64;
    if count > SECTIONS_MAX {
        return Err(Corruption::new("header", 12, format_args!("at most {SECTIONS_MAX} sections"), count));
    }
    let end = HEADER_LEN + count as usize * ROW_LEN;
    let bytes = file.get(HEADER_LEN..end).ok_or_else(|| {
        Corruption::new("section table", offset, format_args!("{count} rows"), "the end of the file")
    })?;
    let actual = crc32fast::hash(bytes);
    if stated != actual {
        return Err(checksum_mismatch("section table", offset, stated, actual));
    }
    let rows: Vec<SectionRow> = bytes.chunks_exact(ROW_LEN).map(SectionRow::decode).collect();
    check_rows(&rows, end as u64, file.len() as u64)?;
    Ok(rows)
}

/// Checks that sections are in order, aligned and without overlap, and that the last one ends the file.
fn check_rows(rows: &[SectionRow], table_end: u64, file_len: u64) -> Result<(), Corruption> {
    let mut end = table_end;
    for (at, row) in rows.iter().enumerate() {
        let part = row.section().map_or("unknown section", Section::name);
        if row.section().is_none() && row.flags & MUST_UNDERSTAND != 0 {
            let (known, found) = ("sections that this version knows", format!("section {}", row.id));
            let error = Corruption::new(part, row.offset, known, found);
            return Err(error.with_remedy("only a newer rapsheet can read it"));
        }
        if rows.iter().take(at).any(|other| other.id == row.id) {
            return Err(Corruption::new(part, row.offset, "each section once", "the same section twice"));
        }
        if row.offset != aligned(end) {
            return Err(Corruption::new(
                part,
                row.offset,
                format_args!("offset {}", aligned(end)),
                row.offset,
            ));
        }
        end = row.offset.checked_add(row.length).filter(|end| *end <= file_len).ok_or_else(|| {
            Corruption::new(
                part,
                row.offset,
                "a section inside the file",
                format_args!("length {}", row.length),
            )
        })?;
    }
    if end == file_len {
        Ok(())
    } else {
        Err(Corruption::new(
            "section table",
            HEADER_LEN as u64,
            format_args!("sections up to byte {file_len}"),
            end,
        ))
    }
}

impl SectionRow {
    /// The section with this id, if this version knows it.
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

    fn decode(bytes: &[u8]) -> SectionRow {
        SectionRow {
            id: u16_at(bytes, 0),
            flags: u16_at(bytes, 2),
            checksum: u32_at(bytes, 4),
            offset: u64_at(bytes, 8),
            length: u64_at(bytes, 16),
            count: u64_at(bytes, 24),
        }
    }
}

/// Up to seven bytes as a little-endian number, in loads that do not depend on each other.
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

/// Reads a little-endian number; zero where the bytes are too short, which no checked structure is.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u16::from_le_bytes(*chunk))
}

/// Reads a little-endian number; zero where the bytes are too short.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

/// Reads a little-endian number; zero where the bytes are too short.
#[inline]
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

/// Reads a little-endian number; zero where the bytes are too short.
pub(crate) fn u128_at(bytes: &[u8], at: usize) -> u128 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u128::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_from_one_and_names_are_unique() {
        assert!(Section::ALL.iter().map(|section| section.id()).eq(1..=30));
        for (at, section) in Section::ALL.iter().enumerate() {
            for other in Section::ALL.iter().skip(at + 1) {
                assert_ne!(section.name(), other.name());
            }
        }
    }

    #[test]
    fn the_documentation_lists_the_same_sections() {
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
        let row = SectionRow { id: 1, flags: 1, offset: 128, length: 0, count: 7, checksum: 9 };
        let table = SectionTable { built_at: Time::from_unix(5), file_len: 128, rows: vec![row] };
        let mut file = table.encode();
        file.resize(128, 0);
        assert_eq!(SectionTable::decode(&file), Ok(table));
    }

    #[test]
    fn short_words_are_little_endian() {
        for len in 0..8 {
            let text = &b"abcdefg"[..len];
            let plain = text.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            assert_eq!(short_word(text), plain, "{len}");
        }
    }
}
