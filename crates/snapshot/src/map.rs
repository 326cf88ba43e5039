//! The one unsafe room: mapping a file into memory.
//!
//! A map is sound only while nobody shortens or rewrites the file under it. rapsheet publishes by writing
//! beside and renaming, never in place, so a reader keeps the file that it opened, whole, for as long as it
//! holds the map. Whoever truncates a snapshot in place breaks that promise, and the system then kills its
//! readers; `README.md` says so to operators. What is not a regular file is not mapped at all.

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
        // SAFETY: the file is a published snapshot, which no part of rapsheet ever writes to again: it is
        // replaced by renaming another file over its name. The map is read-only, and every read of it is
        // bounds-checked against its length, so that even changed bytes could at worst give a wrong answer.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(fail("mapping"))?;
        Ok(Map::Mapped(map))
    }
}

/// Opens without following into a pipe or device: opening one of those can block for ever.
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
