//! Publishing a file atomically: wholly, or not at all.
//!
//! The file is written under a temporary name in the folder of its target and synced, then renamed over the
//! target, and then the folder is synced. Every other order of these steps can lose the file, or leave an
//! empty one, after a power cut. A failed sync is never tried again, because the system may have dropped the
//! pages and would then report success.

use crate::aligned_writer::AlignedWriter;
use crate::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

/// A file under a temporary name in the folder of its target. It is removed again unless it is published.
///
/// ```
/// use rapsheet_snapshot::AtomicFile;
/// use std::io::Write;
///
/// # let folder = tempfile::tempdir()?;
/// let target = folder.path().join("report.json");
/// let mut file = AtomicFile::create(&target)?;
/// file.fill(|out| out.write_all(b"{}"))?;
/// assert!(!target.exists());
/// file.publish()?;
/// assert_eq!(std::fs::read(&target)?, b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AtomicFile {
    target: PathBuf,
    path: PathBuf,
    folder: PathBuf,
    file: File,
    done: bool,
}

impl AtomicFile {
    /// Creates the temporary file. `target` must be a regular file or not exist.
    pub fn create(target: impl AsRef<Path>) -> Result<AtomicFile, Error> {
        let target = target.as_ref();
        require_regular_file(target)?;
        let folder = folder_of(target);
        let path = folder.join(format!("{}{}", temp_prefix(target), std::process::id()));
        let io = |source| Error::Io { path: path.clone(), doing: "creating", source };
        let exclusive = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match exclusive() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // Left by a killed process that had the same id. Removing a name never follows a link.
                fs::remove_file(&path).map_err(io)?;
                exclusive()
            }
            other => other,
        };
        Ok(AtomicFile { target: target.to_owned(), file: file.map_err(io)?, path, folder, done: false })
    }

    /// Writes and syncs it. Returns what `write` returns.
    pub fn fill<N>(
        &mut self,
        write: impl FnOnce(&mut AlignedWriter<'_>) -> io::Result<N>,
    ) -> Result<N, Error> {
        let path = &self.path;
        let io = |doing| move |source| Error::Io { path: path.clone(), doing, source };
        let mut out = AlignedWriter::new(&self.file);
        let length = write(&mut out).map_err(io("writing"))?;
        out.flush().map_err(io("writing"))?;
        self.file.sync_all().map_err(io("syncing"))?;
        Ok(length)
    }

    /// Its temporary path.
    pub fn temporary_path(&self) -> &Path {
        &self.path
    }

    /// The file, to be written by the caller, who calls [`AtomicFile::sync`] at the end.
    pub fn file_mut(&mut self) -> &mut File {
        &mut self.file
    }

    /// Syncs what was written.
    pub fn sync(&self) -> Result<(), Error> {
        let io = |source| Error::Io { path: self.path.clone(), doing: "syncing", source };
        self.file.sync_all().map_err(io)
    }

    /// Sets when it was last modified.
    pub fn set_modified(&self, time: SystemTime) -> Result<(), Error> {
        let io = |source| Error::Io { path: self.path.clone(), doing: "setting the time of", source };
        self.file.set_modified(time).map_err(io)
    }

    /// Renames it over its target, and syncs the folder.
    pub fn publish(self) -> Result<(), Error> {
        self.rename()?.sync()
    }

    /// Renames it over its target. Readers see it from now on, but a power cut may undo the renaming.
    pub fn rename(mut self) -> Result<UnsyncedFile, Error> {
        let io = |source| Error::Io { path: self.target.clone(), doing: "renaming", source };
        fs::rename(&self.path, &self.target).map_err(io)?;
        self.done = true;
        Ok(UnsyncedFile { folder: std::mem::take(&mut self.folder) })
    }
}

/// A file that was renamed over its target, in a folder that is not yet synced.
#[must_use = "without a sync, a power cut may undo the renaming"]
pub struct UnsyncedFile {
    folder: PathBuf,
}

impl UnsyncedFile {
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

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.done {
            // A failure is not reported: there is an earlier error already.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the temporary files of `target` that killed processes left. No other process may be writing there.
pub fn remove_stale_temp_files(target: impl AsRef<Path>) {
    let target = target.as_ref();
    let prefix = temp_prefix(target);
    let Ok(entries) = fs::read_dir(folder_of(target)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        if number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
            // A file that cannot be removed does no harm.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Rejects other kinds of files: renaming over a device or a pipe would remove it for all processes.
fn require_regular_file(target: &Path) -> Result<(), Error> {
    match fs::metadata(target) {
        Ok(about) if !about.is_file() => {
            let source = io::Error::new(io::ErrorKind::AlreadyExists, "the target is not a regular file");
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

/// Where a file without a name has one for a moment: beside the target, and its folder. [`remove_stale_temp_files`]
/// finds the name, and no other file of this process has it.
pub(crate) fn scratch_path(target: &Path) -> (PathBuf, PathBuf) {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let (folder, number) = (folder_of(target), MADE.fetch_add(1, Ordering::Relaxed));
    // No process has an id that begins with 0, and none has one of more than ten digits.
    (folder.join(format!("{}0{number:010}{:010}", temp_prefix(target), std::process::id())), folder)
}

fn temp_prefix(target: &Path) -> String {
    format!(".{}.tmp-", target.file_name().unwrap_or_default().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_removed_unless_published() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let target = dir.path().join("report.json");
        let count = || fs::read_dir(dir.path()).expect("a folder").count();
        let written = || {
            let mut file = AtomicFile::create(&target).expect("a file");
            file.fill(|out| out.write_all(b"x")).expect("written");
            file
        };
        drop(written());
        assert_eq!(count(), 0);
        written().publish().expect("published");
        assert_eq!((fs::read(&target).expect("it is there"), count()), (b"x".to_vec(), 1));
    }

    #[test]
    fn only_stale_temporary_files_are_removed() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let names = [".x.rap.tmp-17", ".x.rap.tmp-notes", ".y.rap.tmp-17", "x.rap"];
        names.iter().for_each(|name| fs::write(dir.path().join(name), b"x").expect("written"));
        remove_stale_temp_files(dir.path().join("x.rap"));
        let left: Vec<bool> = names.iter().map(|name| dir.path().join(name).exists()).collect();
        assert_eq!(left, [false, true, true, true]);
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let dir = tempfile::TempDir::new().expect("a folder");
        assert!(AtomicFile::create(dir.path()).is_err());
        #[cfg(unix)]
        assert!(AtomicFile::create(Path::new("/dev/null")).is_err());
    }
}
