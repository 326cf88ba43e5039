//! How much memory rows may take, and the file for those that do not fit.
//!
//! Rows are counted while they are collected. Beyond the limit, sorted runs go to one file, in chunks, and are
//! read again while they are merged. Where a row lies changes no result.
//!
//! A read or write that fails is kept here and makes everything after it end early, so that loops over rows
//! need no result of their own; [`Scratch::check`] returns the error, and [`assemble`](crate::assemble) asks
//! for it before it returns anything.

use rapsheet_snapshot::{ColumnStore, Error, ScratchFile};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where rows may take less memory than this, everything else takes as little as it can.
const SCARCE: u64 = 32 << 20;
/// What sorting its hash takes for a name, in bytes.
const HASH_COST: u64 = 16;

/// The memory for rows, and the file for the others.
///
/// ```
/// use rapsheet_assemble::Scratch;
///
/// let unlimited = Scratch::unlimited();
/// unlimited.add(1 << 40);
/// assert!(!unlimited.is_full() && unlimited.check().is_ok());
/// ```
#[derive(Debug)]
pub struct Scratch {
    limit: u64,
    used: AtomicU64,
    written: AtomicU64,
    target: PathBuf,
    state: Mutex<State>,
    memory: ColumnStore,
    files: ColumnStore,
}

#[derive(Debug, Default)]
struct State {
    file: Option<ScratchFile>,
    end: u64,
    error: Option<Error>,
}

impl Scratch {
    /// So many bytes of memory, and a file without a name beside `target`, made once it is needed.
    pub fn new(limit: u64, target: impl Into<PathBuf>) -> Scratch {
        let (used, written, target) = (AtomicU64::new(0), AtomicU64::new(0), target.into());
        let (memory, files) = (ColumnStore::memory(), ColumnStore::files(&target));
        Scratch { limit, used, written, target, state: Mutex::default(), memory, files }
    }

    /// As much memory as there is, and no file.
    pub fn unlimited() -> Scratch {
        Scratch::new(u64::MAX, PathBuf::new())
    }

    /// The bytes of memory for rows.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Where columns of all entries are: in memory, unless rows may take less than 32 MiB.
    pub(crate) fn columns(&self) -> &ColumnStore {
        if self.limit < SCARCE { &self.files } else { &self.memory }
    }

    /// Where the hashes of so many names are sorted: in memory where they take no more than half of that for rows, which
    /// are gone by then.
    pub(crate) fn hashes(&self, names: usize) -> &ColumnStore {
        let needed = (names as u64).saturating_mul(HASH_COST);
        if needed > self.limit / 2 && needed > SCARCE { &self.files } else { self.columns() }
    }

    /// Counts bytes that rows take.
    pub fn add(&self, bytes: u64) {
        // Bytes of memory, of which there are fewer than 2^64.
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives back what was counted.
    pub fn release(&self, bytes: u64) {
        let rest = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest);
    }

    /// Whether rows take more than the limit.
    pub fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit
    }

    /// Whether rows take more than half of the limit: who is done with reading then makes room for the others.
    pub fn is_half_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit / 2
    }

    /// How many bytes were written to the file.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// The first error of reading or writing, if there was one.
    pub fn check(&self) -> Result<(), Error> {
        self.state().error.take().map_or(Ok(()), Err)?;
        self.files.check()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes of memory, if so many are left.
    pub(crate) fn take(&self, bytes: u64) -> bool {
        let taken = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Appends bytes to the file. Returns where they begin.
    pub(crate) fn write(&self, bytes: &[u8]) -> u64 {
        let mut state = self.state();
        let State { file, end, error } = &mut *state;
        if error.is_some() {
            return 0;
        }
        let at = *end;
        let written = match file {
            Some(file) => file.write_at(at, bytes),
            None => {
                ScratchFile::create_near(&self.target).and_then(|new| file.insert(new).write_at(at, bytes))
            }
        };
        match written {
            Ok(()) => *end += bytes.len() as u64,
            Err(failed) => *error = Some(failed),
        }
        self.written.store(*end, Ordering::Relaxed);
        at
    }

    /// Reads bytes from the file. Returns whether they could be read.
    pub(crate) fn read(&self, at: u64, bytes: &mut [u8]) -> bool {
        let mut state = self.state();
        let State { file, error, .. } = &mut *state;
        let Some(file) = file.as_mut().filter(|_| error.is_none()) else { return false };
        match file.read_at(at, bytes) {
            Ok(()) => true,
            Err(failed) => {
                *error = Some(failed);
                false
            }
        }
    }
}
