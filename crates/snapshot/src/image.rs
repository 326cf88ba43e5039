//! A snapshot in memory, as a build makes it, and how it is written to a file.

use crate::Time;
use crate::atomic_file::AtomicFile;
use crate::error::Error;
use crate::layout::{
    ALIGN, HEADER_LEN, MUST_UNDERSTAND, ROW_LEN, Section, SectionRow, SectionTable, aligned,
};
use crate::snapshot::Snapshot;
use std::io::{self, Write};
use std::path::Path;

/// The bytes of one section.
pub struct SectionBytes {
    /// Which one.
    pub section: Section,
    /// How many items it holds.
    pub count: usize,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl SectionBytes {
    /// A section of `count` items.
    pub fn new(section: Section, count: usize, bytes: Vec<u8>) -> SectionBytes {
        SectionBytes { section, count, bytes }
    }
}

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
        let is_used = |section: &SectionBytes| section.count > 0 || !section.bytes.is_empty();
        let mut sections: Vec<SectionBytes> = sections.into_iter().filter(is_used).collect();
        sections.sort_by_key(place);
        Image { built_at, sections }
    }

    fn table(&self) -> SectionTable {
        let mut end = (HEADER_LEN + self.sections.len() * ROW_LEN) as u64;
        let mut rows = Vec::with_capacity(self.sections.len());
        for section in &self.sections {
            let offset = aligned(end);
            let length = section.bytes.len() as u64;
            end = offset + length;
            rows.push(SectionRow {
                id: section.section.id(),
                flags: MUST_UNDERSTAND,
                offset,
                length,
                count: section.count as u64,
                checksum: crc32fast::hash(&section.bytes),
            });
        }
        SectionTable { built_at: self.built_at, file_len: end, rows }
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
            out.write_all(&section.bytes)?;
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
        verify(&Snapshot::open(file.temporary_path())?)?;
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
