//! Writing a snapshot: wholly, or not at all.
//!
//! The file is written beside its target under a name that no reader looks for, synced, read back and
//! verified, renamed over the target, and the folder is synced. Every other order of these steps was seen to
//! lose the file or to leave an empty one after a power cut; a failed sync is never tried again, because the
//! system may have dropped the pages and then reports success.

use crate::Time;
use crate::error::Error;
use crate::layout::{HEADER_LEN, MUST_UNDERSTAND, ROW_LEN, Row, Section, Table, aligned};
use crate::reader::Snapshot;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

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

/// Sections that make a snapshot, in file order.
pub struct Image {
    built_at: Time,
    sections: Vec<SectionBytes>,
}

impl Image {
    /// Arranges sections; empty ones are left out.
    pub fn new(built_at: Time, sections: Vec<SectionBytes>) -> Image {
        let place = |section: &SectionBytes| Section::ALL.iter().position(|known| *known == section.section);
        let mut sections: Vec<SectionBytes> =
            sections.into_iter().filter(|section| !section.bytes.is_empty()).collect();
        sections.sort_by_key(place);
        Image { built_at, sections }
    }

    fn table(&self) -> Table {
        let mut end = (HEADER_LEN + self.sections.len() * ROW_LEN) as u64;
        let mut rows = Vec::with_capacity(self.sections.len());
        for section in &self.sections {
            let offset = aligned(end);
            let length = section.bytes.len() as u64;
            end = offset + length;
            rows.push(Row {
                id: section.section.id(),
                flags: MUST_UNDERSTAND,
                offset,
                length,
                count: section.count as u64,
                checksum: crc32fast::hash(&section.bytes),
            });
        }
        Table { built_at: self.built_at, file_len: end, rows }
    }

    /// Writes the whole file to `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<u64> {
        let table = self.table();
        let head = table.encode();
        out.write_all(&head)?;
        let mut end = head.len() as u64;
        for (section, row) in self.sections.iter().zip(&table.rows) {
            let padding = usize::try_from(row.offset - end).unwrap_or(0);
            out.write_all([0; crate::layout::ALIGN].get(..padding).unwrap_or(&[]))?;
            out.write_all(&section.bytes)?;
            end = row.offset + row.length;
        }
        Ok(end)
    }

    /// The whole file in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = self.write(&mut bytes);
        debug_assert!(written.is_ok(), "memory does not refuse a write");
        bytes
    }

    /// Publishes the file at `target`: all of it, or nothing. Returns its length in bytes.
    pub fn publish(&self, target: &Path) -> Result<u64, Error> {
        let beside = Beside::create(target)?;
        let length = beside.fill(|out| self.write(out))?;
        Snapshot::open(&beside.path)?;
        beside.rename_to(target)?;
        Ok(length)
    }
}

/// Publishes any bytes in the same way: all of them at `target`, synced, or nothing.
pub fn publish_bytes(bytes: &[u8], target: &Path) -> Result<(), Error> {
    let beside = Beside::create(target)?;
    beside.fill(|out| out.write_all(bytes).map(|()| bytes.len() as u64))?;
    beside.rename_to(target)
}

/// A file beside its target, removed unless it is renamed.
struct Beside {
    path: PathBuf,
    folder: PathBuf,
    file: File,
    done: bool,
}

impl Beside {
    fn create(target: &Path) -> Result<Beside, Error> {
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = folder.join(format!(".{name}.tmp-{}", std::process::id()));
        let io = |source| Error::Io { path: path.clone(), doing: "creating", source };
        if target.is_dir() {
            let source = io::Error::new(io::ErrorKind::IsADirectory, "a folder is in the way");
            return Err(Error::Io { path: target.to_owned(), doing: "publishing", source });
        }
        let exclusive = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match exclusive() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A process that had our number died here. Removing the name never follows a link.
                fs::remove_file(&path).map_err(io)?;
                exclusive()
            }
            other => other,
        };
        Ok(Beside { file: file.map_err(io)?, path, folder, done: false })
    }

    fn fill(&self, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<u64>) -> Result<u64, Error> {
        let io = |doing| move |source| Error::Io { path: self.path.clone(), doing, source };
        let mut out = BufWriter::with_capacity(1 << 20, &self.file);
        let length = write(&mut out).map_err(io("writing"))?;
        out.flush().map_err(io("writing"))?;
        self.file.sync_all().map_err(io("syncing"))?;
        Ok(length)
    }

    fn rename_to(mut self, target: &Path) -> Result<(), Error> {
        let io = |path: &Path, doing| {
            let path = path.to_owned();
            move |source| Error::Io { path, doing, source }
        };
        fs::rename(&self.path, target).map_err(io(target, "renaming"))?;
        self.done = true;
        let folder = File::open(&self.folder).map_err(io(&self.folder, "opening the folder"))?;
        folder.sync_all().map_err(io(&self.folder, "syncing the folder"))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.done {
            // Nothing is left to report to: the error that brought us here is already on its way.
            let _ = fs::remove_file(&self.path);
        }
    }
}
