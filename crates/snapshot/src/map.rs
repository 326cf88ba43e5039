//! Mapping a file into memory.
//!
//! A map is valid only while no process truncates or rewrites the file. rapsheet writes a new file and
//! renames it over the old one, never in place, so that a reader keeps the whole file that it opened for as
//! long as it holds the map. A program that truncates a snapshot in place breaks this rule, and the system
//! then raises `SIGBUS` in its readers. So readers that live long copy the file instead, up to
//! [`COPIED_MAX`]: no fault can come from a copy, and no write to the file changes its answers. Only regular
//! files are mapped.

#![allow(unsafe_code)]

use crate::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

/// The longest file that is copied to memory, in bytes. A longer one is mapped all the same: a program that
/// cannot spare this much should not be ended by it.
pub(crate) const COPIED_MAX: u64 = 512 << 20;

/// The bytes of a snapshot: mapped from a file, or held in memory.
#[derive(Debug)]
pub(crate) enum Map {
    /// A read-only, private map of a file, or of pages that hold a copy of it.
    Mapped(memmap2::Mmap),
    /// Bytes of this process.
    Owned(Vec<u8>),
}

impl Map {
    /// Maps a regular file.
    pub(crate) fn open(path: &Path) -> Result<Map, Error> {
        Map::of(&open_regular(path)?, path)
    }

    /// Maps an open file; `path` is for messages.
    pub(crate) fn of(file: &File, path: &Path) -> Result<Map, Error> {
        let fail = |doing| move |source| Error::Io { path: path.to_owned(), doing, source };
        if file.metadata().map_err(fail("reading the length of the file"))?.len() == 0 {
            return Ok(Map::Owned(Vec::new()));
        }
        // SAFETY: no part of rapsheet writes to a published snapshot again; it is replaced by renaming
        // another file over its name. The map is read-only and every read is bounds-checked against its
        // length, so that changed bytes can at worst give a wrong answer.
        let map = unsafe { memmap2::Mmap::map(file) }.map_err(fail("mapping"))?;
        Ok(Map::Mapped(map))
    }

    /// Copies a regular file to memory; maps one that is longer than [`COPIED_MAX`].
    ///
    /// The copy begins at a page, as a map does: what a look-up reads together then lies in one line of the
    /// cache.
    pub(crate) fn copy(path: &Path) -> Result<Map, Error> {
        let fail = |doing| move |source| Error::Io { path: path.to_owned(), doing, source };
        let mut file = open_regular(path)?;
        let length = file.metadata().map_err(fail("reading the length of the file"))?.len();
        if length == 0 || length > COPIED_MAX {
            return Map::open(path);
        }
        let mut pages = memmap2::MmapMut::map_anon(length as usize).map_err(fail("reserving memory"))?;
        // A file that is cut short meanwhile ends early, which is an error and no fault.
        file.read_exact(&mut pages).map_err(fail("reading"))?;
        Ok(Map::Mapped(pages.make_read_only().map_err(fail("reading"))?))
    }
}

/// Opens a regular file. Opening a pipe or a device could block for ever.
pub(crate) fn open_regular(path: &Path) -> Result<File, Error> {
    let fail = |source| Error::Io { path: path.to_owned(), doing: "opening", source };
    if !std::fs::metadata(path).map_err(fail)?.is_file() {
        return Err(fail(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    OpenOptions::new().read(true).open(path).map_err(fail)
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Map::Mapped(map) => map,
            Map::Owned(bytes) => bytes,
        }
    }
}
