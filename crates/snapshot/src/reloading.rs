//! Answering look-ups while new snapshots are published.
//!
//! A build publishes by renaming, so that the file at a path changes at once and as a whole. A server calls
//! [`ReloadingSnapshot::refresh`] every few seconds. It compares the metadata of the path, which costs a
//! microsecond, and opens and verifies a new file before any reader uses it. A file that is rejected is
//! reported once, and the previous snapshot stays current. Readers never wait: each holds the snapshot that
//! was current when it began, and its memory is released with its last reader. The file is read into memory
//! ([`Snapshot::load`]), so that a program that truncates or overwrites it in place harms no reader; or it is
//! mapped ([`ReloadingSnapshot::map`]), which costs no memory, and [`ReloadingSnapshot::is_overwritten`] says
//! that it was harmed. It polls instead of using file notifications, because these do not report that a symbolic
//! link in the path was replaced.

use crate::error::Error;
use crate::map::open_regular;
use crate::snapshot::Snapshot;
use arc_swap::{ArcSwap, Guard};
use std::fs::{self, File, Metadata};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A path, and the last valid snapshot that was seen there. Threads share it by reference.
///
/// ```
/// # use rapsheet_snapshot::ReloadingSnapshot;
/// # let folder = tempfile::tempdir()?;
/// # let (path, new) = (folder.path().join("rapsheet.rap"), folder.path().join("new.rap"));
/// # let build = || std::fs::copy("../../tests/golden/v1.rap", &new);
/// # std::fs::copy("../../tests/golden/v1.rap", &path)?;
/// let snapshots = ReloadingSnapshot::open(&path)?;
/// assert!(!snapshots.refresh()?, "nothing is new");
/// build()?;
/// std::fs::rename(&new, &path)?;
/// assert!(snapshots.refresh()?, "there is a new one");
/// println!("answering from the snapshot of {}", snapshots.current().built_at());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReloadingSnapshot {
    path: PathBuf,
    current: ArcSwap<Snapshot>,
    opening: Opening,
    /// The identity of the file that was last seen at the path.
    seen: Mutex<FileId>,
}

/// How a file becomes a snapshot.
#[derive(Debug)]
enum Opening {
    Load,
    /// Each file stays open with its map, so that it can be asked whether it changed.
    Map(Mutex<Mapped>),
}

/// The file of the current map, and what it was when it was mapped.
#[derive(Debug)]
struct Mapped {
    file: File,
    id: FileId,
}

/// A snapshot that stays open while this guard exists. Take one for each batch of look-ups, and drop it.
#[derive(Debug)]
pub struct SnapshotGuard(Guard<Arc<Snapshot>>);

impl Deref for SnapshotGuard {
    type Target = Snapshot;

    #[inline]
    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl ReloadingSnapshot {
    /// Opens and verifies the file at the path; reads it, and each later one, into memory.
    ///
    /// # Errors
    /// As for [`Snapshot::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<ReloadingSnapshot, Error> {
        let path = path.as_ref();
        // Before opening: a file that is published in between is then seen as new, and not missed.
        let seen = FileId::at(path)?;
        let current = ArcSwap::from_pointee(Snapshot::load(path)?);
        Ok(ReloadingSnapshot {
            path: path.to_owned(),
            current,
            opening: Opening::Load,
            seen: Mutex::new(seen),
        })
    }

    /// Opens and verifies the file at the path; maps it, and each later one.
    ///
    /// Files must then be replaced by renaming, as a build does: see [`ReloadingSnapshot::is_overwritten`].
    ///
    /// # Errors
    /// As for [`Snapshot::open`].
    pub fn map(path: impl AsRef<Path>) -> Result<ReloadingSnapshot, Error> {
        let path = path.as_ref();
        let seen = FileId::at(path)?;
        let (snapshot, mapped) = Mapped::open(path)?;
        Ok(ReloadingSnapshot {
            path: path.to_owned(),
            current: ArcSwap::from_pointee(snapshot),
            opening: Opening::Map(Mutex::new(mapped)),
            seen: Mutex::new(seen),
        })
    }

    /// The current snapshot. The call never waits, and takes some ten nanoseconds.
    #[inline]
    pub fn current(&self) -> SnapshotGuard {
        SnapshotGuard(self.current.load())
    }

    /// The current snapshot, for one who keeps it for longer than a batch of look-ups.
    pub fn shared(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// If another file is at the path, opens it, verifies it and makes it current. Returns whether it did.
    ///
    /// # Errors
    /// The file at the path cannot be read or is not a valid snapshot. The previous one stays current, and
    /// the file is not tried again until another one replaces it.
    pub fn refresh(&self) -> Result<bool, Error> {
        // Of several threads that refresh at once, one opens the file, and the others then see that it is
        // known.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = FileId::at(&self.path)?;
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        let new = match &self.opening {
            Opening::Load => Snapshot::load(&self.path)?,
            Opening::Map(current) => {
                let (snapshot, mapped) = Mapped::open(&self.path)?;
                *current.lock().unwrap_or_else(PoisonError::into_inner) = mapped;
                snapshot
            }
        };
        self.current.store(Arc::new(new));
        Ok(true)
    }

    /// Whether a program has written to the file of the current snapshot after it was mapped. Its answers are
    /// then not to be trusted any more. One that is in memory cannot be written to.
    pub fn is_overwritten(&self) -> bool {
        match &self.opening {
            Opening::Load => false,
            Opening::Map(mapped) => mapped.lock().unwrap_or_else(PoisonError::into_inner).is_overwritten(),
        }
    }
}

impl Mapped {
    fn open(path: &Path) -> Result<(Snapshot, Mapped), Error> {
        let file = open_regular(path)?;
        let io =
            |source: io::Error| Error::Io { path: path.to_owned(), doing: "reading the metadata", source };
        let id = FileId::of(&file.metadata().map_err(io)?);
        Ok((Snapshot::of_file(&file, path)?, Mapped { file, id }))
    }

    fn is_overwritten(&self) -> bool {
        self.file.metadata().map_or(true, |about| FileId::of(&about) != self.id)
    }
}

/// The identity of a file at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileId {
    length: u64,
    /// When it was last modified, in nanoseconds, where the system knows.
    modified: Option<u128>,
    /// Device and inode, where the system has them.
    inode: (u64, u64),
}

impl FileId {
    fn at(path: &Path) -> Result<FileId, Error> {
        let io =
            |source: io::Error| Error::Io { path: path.to_owned(), doing: "reading the metadata", source };
        Ok(FileId::of(&fs::metadata(path).map_err(io)?))
    }

    fn of(about: &Metadata) -> FileId {
        let modified = about.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map(|since| since.as_nanos());
        FileId { length: about.len(), modified, inode: inode_of(about) }
    }
}

#[cfg(unix)]
fn inode_of(about: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (about.dev(), about.ino())
}

#[cfg(not(unix))]
fn inode_of(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, Time};

    fn publish(path: &Path, day: i64) {
        Image::new(Time::from_unix(1_780_000_000 + day * 86_400), Vec::new())
            .publish(path)
            .expect("published");
    }

    #[test]
    fn valid_files_become_current_and_others_do_not() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("x.rap");
        assert!(ReloadingSnapshot::open(&path).is_err(), "nothing is there");
        publish(&path, 0);
        let snapshots = ReloadingSnapshot::open(&path).expect("it is sound");
        assert!(!snapshots.refresh().expect("sound"), "nothing is new");
        let guard = snapshots.current();
        publish(&path, 1);
        assert!(snapshots.refresh().expect("sound"));
        assert!(guard.built_at() < snapshots.current().built_at(), "a guard keeps its snapshot");
        let now = snapshots.current().built_at();
        fs::write(dir.path().join("bad"), b"no snapshot").expect("written");
        fs::rename(dir.path().join("bad"), &path).expect("renamed");
        assert!(snapshots.refresh().is_err());
        assert!(!snapshots.refresh().expect("known to be invalid"), "it is not tried again");
        fs::remove_file(&path).expect("removed");
        assert!(snapshots.refresh().is_err());
        assert_eq!(snapshots.current().built_at(), now, "the last valid one stays current");
        publish(&path, 2);
        assert!(snapshots.refresh().expect("sound") && now < snapshots.current().built_at());
    }

    #[test]
    fn a_mapped_file_that_is_written_to_is_noticed() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("x.rap");
        publish(&path, 0);
        let mapped = ReloadingSnapshot::map(&path).expect("it is sound");
        let loaded = ReloadingSnapshot::open(&path).expect("it is sound");
        publish(&path, 1);
        assert!(!mapped.is_overwritten(), "another file is at the path");
        assert!(mapped.refresh().expect("sound"));
        let mut bytes = fs::read(&path).expect("a file");
        *bytes.last_mut().expect("a byte") ^= 1;
        fs::write(&path, &bytes).expect("written");
        assert!(mapped.is_overwritten() && mapped.refresh().is_err(), "in place");
        assert!(!loaded.is_overwritten() && loaded.refresh().is_err());
        publish(&path, 2);
        assert!(mapped.refresh().expect("sound") && !mapped.is_overwritten());
    }
}
