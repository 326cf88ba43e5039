//! A file without a name, for what does not fit the memory of one process.
//!
//! It is made beside the file that the process will publish, where there must be room for that anyway, and its name
//! is removed at once: however the process ends, nothing is left. The system frees its blocks when it is closed.

use crate::atomic_file;
use crate::error::Error;
use crate::map::Map;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file without a name.
///
/// ```
/// use rapsheet_snapshot::ScratchFile;
///
/// # let folder = tempfile::tempdir()?;
/// let mut file = ScratchFile::create_near(&folder.path().join("rapsheet.rap"))?;
/// file.write_at(0, b"rows")?;
/// let mut read = [0; 2];
/// file.read_at(2, &mut read)?;
/// assert_eq!(read, *b"ws");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ScratchFile {
    file: File,
    folder: PathBuf,
}

impl ScratchFile {
    /// Creates a file in the folder of `target`.
    pub fn create_near(target: &Path) -> Result<ScratchFile, Error> {
        let (path, folder) = atomic_file::scratch_path(target);
        let io = |source| Error::Io { path: path.clone(), doing: "creating", source };
        let exclusive = || OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        let file = match exclusive() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Left by a process that was killed between the next two steps.
                fs::remove_file(&path).map_err(io)?;
                exclusive()
            }
            other => other,
        };
        let file = file.map_err(io)?;
        fs::remove_file(&path).map_err(io)?;
        Ok(ScratchFile { file, folder })
    }

    /// Writes all bytes from `at` on.
    pub fn write_at(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.write_all(bytes));
        written.map_err(|source| self.error("writing a temporary file", source))
    }

    /// Reads as many bytes as there is room for, from `at` on.
    pub fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), Error> {
        let read = self.file.seek(SeekFrom::Start(at)).and_then(|_| self.file.read_exact(bytes));
        read.map_err(|source| self.error("reading a temporary file", source))
    }

    /// Maps what was written. Nothing may be written from now on.
    pub(crate) fn map(&self) -> Result<Map, Error> {
        Map::of(&self.file, &self.folder)
    }

    fn error(&self, doing: &'static str, source: io::Error) -> Error {
        Error::Io { path: self.folder.clone(), doing, source }
    }
}
