//! Writing a snapshot: wholly, or not at all.
//!
//! The file is written beside its target under a name that no reader looks for, synced, read back and
//! verified, renamed over the target, and the folder is synced. Every other order of these steps was seen to
//! lose the file or to leave an empty one after a power cut; a failed sync is never tried again, because the
//! system may have dropped the pages and then reports success.

use crate::Time;
use crate::error::Error;
use crate::layout::{HEADER_LEN, MUST_UNDERSTAND, ROW_LEN, Row, Section, Table, aligned};
use crate::pages::Pages;
use crate::reader::Snapshot;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
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

    /// The length of the whole file, in bytes.
    pub fn byte_len(&self) -> u64 {
        self.table().file_len
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
        self.beside(target)?.publish()?;
        Ok(self.byte_len())
    }

    /// Writes the file beside `target`, syncs it, and verifies what can be read back. All that can fail for want of
    /// space has been done then, and nothing was replaced.
    pub fn beside(&self, target: &Path) -> Result<Beside, Error> {
        let mut beside = Beside::create(target)?;
        beside.fill(|out| self.write(out))?;
        Snapshot::open(&beside.path)?;
        Ok(beside)
    }
}

/// A file that is written beside its target, under a name that no reader looks for, and removed again unless it is
/// published.
pub struct Beside {
    target: PathBuf,
    path: PathBuf,
    folder: PathBuf,
    file: File,
    done: bool,
}

impl Beside {
    /// Begins a file beside `target`, where nothing or a regular file may stand.
    pub fn create(target: &Path) -> Result<Beside, Error> {
        refuse_strangers(target)?;
        let folder = folder_of(target);
        let path = folder.join(format!("{}{}", leftover_prefix(target), std::process::id()));
        let io = |source| Error::Io { path: path.clone(), doing: "creating", source };
        let exclusive = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match exclusive() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // A process that had our number died here. Removing the name never follows a link.
                fs::remove_file(&path).map_err(io)?;
                exclusive()
            }
            other => other,
        };
        Ok(Beside { target: target.to_owned(), file: file.map_err(io)?, path, folder, done: false })
    }

    /// Writes and syncs it. Returns its length in bytes, as `write` gives it.
    pub fn fill<N>(&mut self, write: impl FnOnce(&mut Pages<'_>) -> io::Result<N>) -> Result<N, Error> {
        let path = &self.path;
        let io = |doing| move |source| Error::Io { path: path.clone(), doing, source };
        let mut out = Pages::of(&self.file);
        let length = write(&mut out).map_err(io("writing"))?;
        out.flush().map_err(io("writing"))?;
        self.file.sync_all().map_err(io("syncing"))?;
        Ok(length)
    }

    /// Puts it in its place, and syncs the folder.
    pub fn publish(self) -> Result<(), Error> {
        self.place()?.sync()
    }

    /// Puts it in its place. Readers have it from now on; a power cut may still take it away again.
    pub fn place(mut self) -> Result<Placed, Error> {
        let io = |source| Error::Io { path: self.target.clone(), doing: "renaming", source };
        fs::rename(&self.path, &self.target).map_err(io)?;
        self.done = true;
        Ok(Placed { folder: std::mem::take(&mut self.folder) })
    }
}

/// A file that is in its place, in a folder that is not yet synced.
#[must_use = "without a sync, a power cut may take the file away again"]
pub struct Placed {
    folder: PathBuf,
}

impl Placed {
    /// Syncs the folder.
    pub fn sync(self) -> Result<(), Error> {
        let io = |doing| {
            let path = self.folder.clone();
            move |source| Error::Io { path, doing, source }
        };
        let folder = File::open(&self.folder).map_err(io("opening the folder"))?;
        folder.sync_all().map_err(io("syncing the folder"))
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

/// Removes what processes that were killed left beside `target`. The caller knows that nobody else is writing there.
pub fn sweep(target: &Path) {
    let prefix = leftover_prefix(target);
    let Ok(entries) = fs::read_dir(folder_of(target)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A rename over a device or a pipe would take it away from everybody else.
fn refuse_strangers(target: &Path) -> Result<(), Error> {
    match fs::metadata(target) {
        Ok(about) if !about.is_file() => {
            let source =
                io::Error::new(io::ErrorKind::AlreadyExists, "something that is no regular file is there");
            Err(Error::Io { path: target.to_owned(), doing: "publishing", source })
        }
        _ => Ok(()),
    }
}

fn folder_of(target: &Path) -> PathBuf {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn leftover_prefix(target: &Path) -> String {
    format!(".{}.tmp-", target.file_name().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_beside_goes_away_unless_it_is_published() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let target = dir.path().join("report.json");
        let count = || fs::read_dir(dir.path()).expect("a folder").count();
        let written = || {
            let mut beside = Beside::create(&target).expect("a file");
            beside.fill(|out| out.write_all(b"x")).expect("written");
            beside
        };
        drop(written());
        assert_eq!(count(), 0);
        written().publish().expect("published");
        assert_eq!((fs::read(&target).expect("it is there"), count()), (b"x".to_vec(), 1));
    }

    #[test]
    fn leftovers_of_the_dead_are_swept_and_nothing_else() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let names = [".x.rap.tmp-17", ".x.rap.tmp-notes", ".y.rap.tmp-17", "x.rap"];
        names.iter().for_each(|name| fs::write(dir.path().join(name), b"x").expect("written"));
        sweep(&dir.path().join("x.rap"));
        let left: Vec<bool> = names.iter().map(|name| dir.path().join(name).exists()).collect();
        assert_eq!(left, [false, true, true, true]);
    }

    #[test]
    fn what_is_no_file_is_never_replaced() {
        let dir = tempfile::TempDir::new().expect("a folder");
        assert!(Beside::create(dir.path()).is_err());
        #[cfg(unix)]
        assert!(Beside::create(Path::new("/dev/null")).is_err());
    }
}
