//! A snapshot in memory, as a build makes it, and how it is written to a file.

use crate::Time;
use crate::atomic_file::AtomicFile;
use crate::error::Error;
use crate::layout::{
    ALIGN, HEADER_LEN, MUST_UNDERSTAND, ROW_LEN, Section, SectionRow, SectionTable, aligned,
};
use crate::scratch_file::ScratchFile;
use crate::snapshot::Snapshot;
use std::io::{self, Write};
use std::path::Path;

/// The bytes of one section.
pub struct SectionBytes {
    /// Which one.
    pub section: Section,
    /// How many items it holds.
    pub count: usize,
    /// Its bytes, or the first of them.
    pub bytes: Vec<u8>,
    /// What follows them, which need not be in memory, and what follows that.
    rest: Option<(StoredBytes, Vec<u8>)>,
}

/// Bytes that need not be in memory.
type StoredBytes = Box<dyn AsRef<[u8]> + Send + Sync>;

impl SectionBytes {
    /// A section of `count` items.
    pub fn new(section: Section, count: usize, bytes: Vec<u8>) -> SectionBytes {
        SectionBytes { section, count, bytes, rest: None }
    }

    /// As [`SectionBytes::new`], with what follows the bytes.
    pub fn with_rest(self, middle: impl AsRef<[u8]> + Send + Sync + 'static, end: Vec<u8>) -> SectionBytes {
        SectionBytes { rest: Some((Box::new(middle), end)), ..self }
    }

    /// All of its bytes, in pieces.
    fn pieces(&self) -> [&[u8]; 3] {
        let (middle, end) =
            self.rest.as_ref().map_or((&[][..], &[][..]), |(middle, end)| ((**middle).as_ref(), end));
        [&self.bytes, middle, end]
    }
}

/// What the table of sections has of one, and where its bytes are in a scratch file.
#[derive(Clone, Copy, Debug)]
struct StoredSection {
    section: Section,
    count: usize,
    length: u64,
    checksum: u32,
    at: u64,
}

impl StoredSection {
    fn of(section: &SectionBytes) -> StoredSection {
        let (mut checksum, mut length) = (crc32fast::Hasher::new(), 0);
        for piece in section.pieces() {
            checksum.update(piece);
            length += piece.len() as u64;
        }
        let (count, checksum) = (section.count, checksum.finalize());
        StoredSection { section: section.section, count, length, checksum, at: 0 }
    }

    fn is_used(&self) -> bool {
        self.count > 0 || self.length > 0
    }

    /// Its place in the order of the file.
    fn place(&self) -> Option<usize> {
        Section::ALL.iter().position(|known| *known == self.section)
    }
}

/// The table of sections that are in file order.
fn table_of(built_at: Time, sections: impl ExactSizeIterator<Item = StoredSection>) -> SectionTable {
    let mut end = (HEADER_LEN + sections.len() * ROW_LEN) as u64;
    let mut rows = Vec::with_capacity(sections.len());
    for StoredSection { section, count, length, checksum, .. } in sections {
        let offset = aligned(end);
        end = offset + length;
        rows.push(SectionRow {
            id: section.id(),
            flags: MUST_UNDERSTAND,
            offset,
            length,
            count: count as u64,
            checksum,
        });
    }
    SectionTable { built_at, file_len: end, rows }
}

/// A snapshot whose sections are in a file without a name, in any order, until it is written.
///
/// ```
/// use rapsheet_snapshot::{Image, Section, SectionBytes, StoredImage, Time};
///
/// # let folder = tempfile::tempdir()?;
/// let sections = || [(Section::Sets, vec![0; 4]), (Section::Records, vec![7; 16])];
/// let sections = || sections().map(|(section, bytes)| SectionBytes::new(section, 1, bytes));
/// let mut stored = StoredImage::new(Time::EARLIEST, &folder.path().join("x.rap"))?;
/// sections().into_iter().for_each(|section| stored.push(section));
/// let mut bytes = Vec::new();
/// stored.write(&mut bytes)?;
/// assert!(bytes == Image::new(Time::EARLIEST, sections().into()).to_bytes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StoredImage {
    built_at: Time,
    sections: Vec<StoredSection>,
    file: ScratchFile,
    end: u64,
    /// The first error of writing, after which nothing is written.
    error: Option<Error>,
}

impl StoredImage {
    /// Without sections. The file is made beside `target`.
    pub fn new(built_at: Time, target: &Path) -> Result<StoredImage, Error> {
        let file = ScratchFile::create_near(target)?;
        Ok(StoredImage { built_at, sections: Vec::new(), file, end: 0, error: None })
    }

    /// Adds a section. An error is returned when the image is written.
    pub fn push(&mut self, section: SectionBytes) {
        let stored = StoredSection { at: self.end, ..StoredSection::of(&section) };
        if !stored.is_used() || self.error.is_some() {
            return;
        }
        for piece in section.pieces() {
            let written = if self.error.is_none() { self.file.write_at(self.end, piece) } else { Ok(()) };
            self.error = self.error.take().or(written.err());
            self.end += piece.len() as u64;
        }
        self.sections.push(stored);
    }

    /// Writes the whole file to `out`. Returns its length in bytes.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<u64> {
        self.error.take().map_or(Ok(()), Err).map_err(io::Error::other)?;
        self.sections.sort_by_key(StoredSection::place);
        let table = table_of(self.built_at, self.sections.iter().copied());
        let head = table.encode();
        out.write_all(&head)?;
        let (mut end, mut buffer) = (head.len() as u64, vec![0; COPIED]);
        for (stored, row) in self.sections.iter().zip(&table.rows) {
            // Less than ALIGN.
            let padding = (row.offset - end) as usize;
            out.write_all([0; ALIGN].get(..padding).unwrap_or(&[]))?;
            let mut at = stored.at;
            while at < stored.at + stored.length {
                let length = (stored.at + stored.length - at).min(COPIED as u64);
                let Some(bytes) = buffer.get_mut(..length as usize) else { break };
                self.file.read_at(at, bytes).map_err(io::Error::other)?;
                out.write_all(bytes)?;
                at += length;
            }
            end = row.offset + row.length;
        }
        Ok(end)
    }
}

/// How many bytes of a stored section are copied together.
const COPIED: usize = 64 << 10;

/// The sections of a snapshot, in file order.
///
/// ```
/// use rapsheet_snapshot::{Image, Snapshot, Time};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("rapsheet.rap");
/// let built_at = Time::parse_rfc3339("2026-11-22T04:00:00Z").ok_or("a time")?;
/// let empty = Image::new(built_at, Vec::new());
/// let length = empty.publish(&path)?;
/// assert_eq!(Snapshot::open(&path)?.byte_len(), length);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Image {
    built_at: Time,
    sections: Vec<SectionBytes>,
}

impl Image {
    /// Arranges sections; those without items and bytes are left out.
    pub fn new(built_at: Time, sections: Vec<SectionBytes>) -> Image {
        let place = |section: &SectionBytes| Section::ALL.iter().position(|known| *known == section.section);
        let is_used = |section: &SectionBytes| {
            section.count > 0 || section.pieces().iter().any(|piece| !piece.is_empty())
        };
        let mut sections: Vec<SectionBytes> = sections.into_iter().filter(is_used).collect();
        sections.sort_by_key(place);
        Image { built_at, sections }
    }

    fn table(&self) -> SectionTable {
        table_of(self.built_at, self.sections.iter().map(StoredSection::of))
    }

    /// The length of the whole file, in bytes.
    pub fn byte_len(&self) -> u64 {
        self.table().file_len
    }

    /// Writes the whole file to `out`. Returns its length in bytes.
    pub fn write(&self, out: &mut impl Write) -> io::Result<u64> {
        let table = self.table();
        let head = table.encode();
        out.write_all(&head)?;
        let mut end = head.len() as u64;
        for (section, row) in self.sections.iter().zip(&table.rows) {
            // Less than ALIGN.
            let padding = (row.offset - end) as usize;
            out.write_all([0; ALIGN].get(..padding).unwrap_or(&[]))?;
            section.pieces().into_iter().try_for_each(|piece| out.write_all(piece))?;
            end = row.offset + row.length;
        }
        Ok(end)
    }

    /// The whole file in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = self.write(&mut bytes);
        debug_assert!(written.is_ok(), "writing to memory does not fail");
        bytes
    }

    /// Writes, verifies and publishes the file at `target`: all of it, or nothing. Returns its length in
    /// bytes.
    pub fn publish(&self, target: impl AsRef<Path>) -> Result<u64, Error> {
        self.stage(target, Snapshot::verify_references)?.publish()?;
        Ok(self.byte_len())
    }

    /// Writes the file under a temporary name, syncs it, reads it back and verifies every checksum; `verify`
    /// then verifies the references: [`Snapshot::verify_references`], or its parts in parallel. All that can
    /// fail for lack of space is done then, and nothing is replaced yet.
    pub fn stage(
        &self,
        target: impl AsRef<Path>,
        verify: impl FnOnce(&Snapshot) -> Result<(), Error>,
    ) -> Result<AtomicFile, Error> {
        let mut file = AtomicFile::create(target)?;
        file.fill(|out| self.write(out))?;
        verify(&Snapshot::open_any(file.temporary_path())?)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::first_seen;

    #[test]
    fn files_with_dangling_references_are_not_published() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("x.rap");
        // A record of a feed that origin does not have.
        let mut sections = vec![SectionBytes::new(Section::Records, 1, vec![0; 16])];
        let record = crate::section::records::record(&[0; 16], 0).expect("a record");
        let seen = first_seen::encode(&[record], &[]).expect("few");
        sections.push(SectionBytes::new(Section::FirstSeen, 1, seen.codes));
        let error = Image::new(Time::from_unix(0), sections).publish(&path).expect_err("no such feed");
        assert!(error.to_string().contains("records at byte"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is left");
    }
}
