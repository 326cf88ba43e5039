//! Checksums: whether the bytes of a file are the ones that were built.
//!
//! Checksums cover header, table and sections, and the bytes between sections must be zero, so that no
//! flipped bit goes unnoticed.

use crate::error::Corruption;
use crate::layout::{Section, SectionRow, SectionTable, checksum_mismatch};

/// The bytes of a section, if its checksum matches.
pub(crate) fn section<'f>(file: &'f [u8], row: &SectionRow) -> Result<&'f [u8], Corruption> {
    let part = row.section().map_or("unknown section", Section::name);
    let bytes = file.get(row.range()).unwrap_or(&[]);
    let actual = crc32fast::hash(bytes);
    if actual == row.checksum {
        Ok(bytes)
    } else {
        Err(checksum_mismatch(part, row.offset, row.checksum, actual))
    }
}

/// Verifies every checksum, and that the bytes between sections are zero.
pub(crate) fn verify(file: &[u8], table: &SectionTable) -> Result<(), Corruption> {
    let head = table.encode();
    let mut end = head.len();
    for row in &table.rows {
        let range = row.range();
        let padding = file.get(end..range.start).unwrap_or(&[]);
        if let Some(at) = padding.iter().position(|byte| *byte != 0) {
            return Err(Corruption::new("padding", (end + at) as u64, "zeros", "another byte"));
        }
        section(file, row)?;
        end = range.end;
    }
    if file.starts_with(&head) {
        Ok(())
    } else {
        Err(Corruption::new("section table", 0, "reserved bytes to be zero", "another byte"))
    }
}
