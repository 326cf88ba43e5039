//! Opens snapshots, each file once a process, and follows a path to newer files.
//!
//! All objects for the same file share one map of it, and what was prepared for an instant. The table of open files has
//! weak references: a file is closed with its last object.
//!
//! The locks here are held for a moment, and only by a thread that holds the interpreter's lock, which a process that
//! forks holds, too: no other thread can hold them then, so that they are free in the child.

use crate::{clock, errors};
use pyo3::prelude::*;
use rapsheet_json::Directory;
use rapsheet_query::{Searcher, Snapshot, Time};
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::Metadata;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

/// A snapshot that is open in this process.
pub(crate) struct Opened {
    pub(crate) snapshot: Snapshot,
    /// The names that answers refer to.
    pub(crate) directory: Directory,
    /// What was prepared for the last instant that was asked for.
    prepared: Mutex<Option<Arc<rapsheet_query::Evaluator>>>,
}

/// Which file is at a path, and whether it was verified.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FileId {
    device: u64,
    inode: u64,
    len: u64,
    modified: Option<SystemTime>,
    is_verified: bool,
}

static OPEN: Mutex<Option<HashMap<FileId, Weak<Opened>>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FileId {
    /// `None` where there is no such file; opening it then says why.
    fn at(path: &Path, is_verified: bool) -> Option<FileId> {
        let metadata = std::fs::metadata(path).ok()?;
        let (device, inode) = place(&metadata);
        Some(FileId { device, inode, len: metadata.len(), modified: metadata.modified().ok(), is_verified })
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
    /// A searcher as of an instant.
    pub(crate) fn searcher(&self, at: Time) -> Searcher<'_> {
        let prepared = lock(&self.prepared).clone();
        if let Some(evaluator) = prepared {
            let searcher = Searcher::with_evaluator(&self.snapshot, evaluator);
            if searcher.at() == at {
                return searcher;
            }
        }
        Searcher::new(&self.snapshot, at)
    }

    /// As [`Opened::searcher`], and keeps what was prepared for it. Only with the interpreter's lock.
    pub(crate) fn prepare(&self, at: Time) -> Searcher<'_> {
        let searcher = self.searcher(at);
        *lock(&self.prepared) = Some(searcher.shared_evaluator());
        searcher
    }
}

/// Opens the file at a path, or shares it where it is open already. With `verify`, every checksum and every reference is
/// verified first.
pub(crate) fn open(py: Python<'_>, path: &Path, verify: bool) -> PyResult<Arc<Opened>> {
    let id = FileId::at(path, verify);
    if let Some(opened) = id.as_ref().and_then(shared) {
        return Ok(opened);
    }
    let opened = py.detach(|| open_file(path, verify)).map_err(|error| errors::unopened(py, &error))?;
    let opened = Arc::new(opened);
    let Some(id) = id else { return Ok(opened) };
    // Another thread may have opened it meanwhile.
    if let Some(earlier) = shared(&id) {
        return Ok(earlier);
    }
    let mut open = lock(&OPEN);
    let open = open.get_or_insert_default();
    open.retain(|_, opened| opened.strong_count() > 0);
    open.insert(id, Arc::downgrade(&opened));
    Ok(opened)
}

/// A file that is open. One that was verified serves those who do not ask for that, too.
fn shared(id: &FileId) -> Option<Arc<Opened>> {
    let open = lock(&OPEN);
    let open = open.as_ref()?;
    let verified = FileId { is_verified: true, ..id.clone() };
    [open.get(&verified), open.get(id)].into_iter().flatten().find_map(Weak::upgrade)
}

fn open_file(path: &Path, verify: bool) -> Result<Opened, rapsheet_query::Error> {
    let snapshot = if verify { Snapshot::open(path)? } else { Snapshot::open_trusted(path)? };
    if verify {
        snapshot.verify_references()?;
    }
    let directory = Directory::of(&snapshot, &Searcher::new(&snapshot, snapshot.built_at()));
    Ok(Opened { snapshot, directory, prepared: Mutex::new(None) })
}

/// The newest sound snapshot at a path.
pub(crate) struct Followed {
    current: Arc<Opened>,
    /// The file that was last seen at the path.
    seen: Option<FileId>,
    /// When the path was last looked at.
    checked: Time,
}

impl Followed {
    pub(crate) fn open(py: Python<'_>, path: &Path, verify: bool) -> PyResult<Followed> {
        // Before opening: a file that is published in between is then seen as new, and not missed.
        let seen = FileId::at(path, verify);
        Ok(Followed { current: open(py, path, verify)?, seen, checked: clock::now() })
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
    pub(crate) fn sees_new(&mut self, path: &Path, verify: bool) -> bool {
        let found = FileId::at(path, verify);
        let is_new = found.is_some() && found != self.seen;
        if is_new {
            self.seen = found;
        }
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
