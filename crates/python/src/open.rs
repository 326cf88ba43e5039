//! Opens snapshots, each file once a process, and follows a path to newer files.
//!
//! All objects for the same file share one map of it, and what was prepared for an instant. The table of open files has
//! weak references: a file is closed with its last object.
//!
//! What identifies a file is asked of the file that is open, never of the path: another one may be there by then.
//!
//! The locks here are held for a moment, and only by a thread that holds the interpreter's lock, which a process that
//! forks holds, too: no other thread can hold them then, so that they are free in the child.

use crate::{clock, errors};
use pyo3::prelude::*;
use rapsheet_json::Directory;
use rapsheet_query::{Error, Evaluator, Searcher, Snapshot, Time};
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

/// A snapshot that is open in this process.
pub(crate) struct Opened {
    pub(crate) snapshot: Snapshot,
    /// The names that answers refer to.
    pub(crate) directory: Directory,
    id: FileId,
    /// What was prepared for the last instant that was asked for.
    prepared: Mutex<Option<Arc<Evaluator>>>,
}

/// Which file it is.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FileId {
    device: u64,
    inode: u64,
    len: u64,
    modified: Option<SystemTime>,
}

/// The open files, and whether they were verified.
static OPEN: Mutex<Option<OpenFiles>> = Mutex::new(None);

type OpenFiles = HashMap<(FileId, bool), Weak<Opened>>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FileId {
    fn of(metadata: &Metadata) -> FileId {
        let (device, inode) = place(metadata);
        FileId { device, inode, len: metadata.len(), modified: metadata.modified().ok() }
    }
}

#[cfg(unix)]
fn place(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Elsewhere, length and time tell files apart.
#[cfg(not(unix))]
fn place(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

impl Opened {
    fn of(file: &File, id: FileId, path: &Path, verify: bool) -> Result<Opened, Error> {
        let snapshot =
            if verify { Snapshot::of_file(file, path)? } else { Snapshot::of_file_trusted(file, path)? };
        if verify {
            snapshot.verify_references()?;
        }
        let directory = Directory::of(&snapshot, &Searcher::new(&snapshot, snapshot.built_at()));
        Ok(Opened { snapshot, directory, id, prepared: Mutex::new(None) })
    }

    /// A searcher as of an instant. What was prepared for it is kept for the next one.
    ///
    /// The token shows that the interpreter's lock is held; a searcher may go where it is not.
    pub(crate) fn searcher(&self, _: Python<'_>, at: Time) -> Searcher<'_> {
        let mut prepared = lock(&self.prepared);
        let kept = prepared.as_ref().filter(|evaluator| evaluator.at() == at).cloned();
        let searcher = match kept {
            Some(evaluator) => Searcher::with_evaluator(&self.snapshot, evaluator),
            None => Searcher::new(&self.snapshot, at),
        };
        *prepared = Some(searcher.shared_evaluator());
        searcher
    }

    /// Device and inode.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.id.device, self.id.inode)
    }
}

/// Opens the file at a path, or shares it where it is open already. With `verify`, every checksum and every reference is
/// verified first.
pub(crate) fn open(py: Python<'_>, path: &Path, verify: bool) -> PyResult<Arc<Opened>> {
    let failed = |error| errors::unopened(py, &error);
    let (file, id) = py.detach(|| open_file(path)).map_err(failed)?;
    if let Some(opened) = shared(&id, verify) {
        return Ok(opened);
    }
    let opened = py.detach(|| Opened::of(&file, id, path, verify)).map_err(failed)?;
    let opened = Arc::new(opened);
    // Another thread may have opened it meanwhile.
    if let Some(earlier) = shared(&opened.id, verify) {
        return Ok(earlier);
    }
    let mut open = lock(&OPEN);
    let open = open.get_or_insert_default();
    open.retain(|_, opened| opened.strong_count() > 0);
    open.insert((opened.id.clone(), verify), Arc::downgrade(&opened));
    Ok(opened)
}

/// A file that is open. One that was verified serves those who do not ask for that, too.
fn shared(id: &FileId, verify: bool) -> Option<Arc<Opened>> {
    let open = lock(&OPEN);
    let open = open.as_ref()?;
    [true, verify]
        .into_iter()
        .filter_map(|verified| open.get(&(id.clone(), verified)))
        .find_map(Weak::upgrade)
}

/// Opens a file, and says which one it is.
fn open_file(path: &Path) -> Result<(File, FileId), Error> {
    let file = Snapshot::open_file(path)?;
    let metadata = file.metadata().map_err(|source| Error::Io {
        path: path.to_owned(),
        doing: "reading the metadata",
        source,
    })?;
    Ok((file, FileId::of(&metadata)))
}

/// The newest sound snapshot at a path.
pub(crate) struct Followed {
    current: Arc<Opened>,
    /// The file that was last seen at the path.
    seen: FileId,
    /// When the path was last looked at.
    checked: Time,
}

impl Followed {
    pub(crate) fn open(py: Python<'_>, path: &Path, verify: bool) -> PyResult<Followed> {
        let current = open(py, path, verify)?;
        Ok(Followed { seen: current.id.clone(), current, checked: clock::now() })
    }

    pub(crate) fn current(&self) -> Arc<Opened> {
        Arc::clone(&self.current)
    }

    /// Whether the path is to be looked at: once a second.
    pub(crate) fn is_due(&mut self, now: Time) -> bool {
        let is_due = self.checked != now;
        self.checked = now;
        is_due
    }

    /// Whether another file is at the path than was seen there. It is tried once.
    pub(crate) fn sees_new(&mut self, path: &Path) -> bool {
        let Ok(metadata) = std::fs::metadata(path) else { return false };
        let found = FileId::of(&metadata);
        let is_new = found != self.seen;
        self.seen = found;
        is_new
    }

    pub(crate) fn replace(&mut self, opened: Arc<Opened>) {
        self.current = opened;
    }
}

/// Warns that a new file was not taken.
pub(crate) fn warn(py: Python<'_>, error: &PyErr) -> PyResult<()> {
    let message = format!("{}; going on with the previous snapshot", error.value(py));
    let message = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
    PyErr::warn(py, errors::warning_class(py)?.as_any(), &message, 2)
}
