//! Mapping a file into memory.
//!
//! A map is valid only while no process truncates or rewrites the file. rapsheet writes a new file and
//! renames it over the old one, never in place, so that a reader keeps the whole file that it opened for as
//! long as it holds the map. A program that truncates a snapshot in place breaks this rule, and the system
//! then kills its readers; `README.md` warns operators. Only regular files are mapped.

#![allow(unsafe_code)]

use crate::error::Error;
use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Deref;
use std::path::Path;

/// The bytes of a snapshot: mapped from a file, or held in memory.
#[derive(Debug)]
pub(crate) enum Map {
    /// A read-only, private map of a file.
    Mapped(memmap2::Mmap),
    /// Bytes of this process.
    Owned(Vec<u8>),
}

impl Map {
    /// Maps a regular file.
    pub(crate) fn open(path: &Path) -> Result<Map, Error> {
        let fail = |doing| move |source| Error::Io { path: path.to_owned(), doing, source };
        let file = open_regular(path).map_err(fail("opening"))?;
        if file.metadata().map_err(fail("reading the length of the file"))?.len() == 0 {
            return Ok(Map::Owned(Vec::new()));
        }
        // SAFETY: no part of rapsheet writes to a published snapshot again; it is replaced by renaming
        // another file over its name. The map is read-only and every read is bounds-checked against its
        // length, so that changed bytes can at worst give a wrong answer.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(fail("mapping"))?;
        Ok(Map::Mapped(map))
    }
}

/// Opens a regular file. Opening a pipe or a device could block for ever.
fn open_regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    OpenOptions::new().read(true).open(path)
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
