//! One writer at a time.
//!
//! The lock is the kernel's, on a file of the folder that stays there, so that it ends with the process.

use crate::error::HistoryError;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

/// The file that is locked.
pub(crate) const LOCK: &str = "lock";

/// The lock of a folder, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the lock ends when the file is closed")] File);

impl Lock {
    /// Makes the folder where it is missing, and takes its lock.
    pub(crate) fn take(folder: &Path) -> Result<Lock, HistoryError> {
        fs::create_dir_all(folder).map_err(|source| HistoryError::io(folder, "making", source))?;
        let path = folder.join(LOCK);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|source| HistoryError::io(&path, "opening", source))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::WouldBlock) => Err(HistoryError::Busy(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(HistoryError::io(&path, "locking", source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_is_busy_until_it_is_dropped() {
        let dir = tempfile::tempdir().expect("a folder");
        let lock = Lock::take(dir.path()).expect("it is free");
        assert!(matches!(Lock::take(dir.path()), Err(HistoryError::Busy(_))));
        drop(lock);
        assert!(Lock::take(dir.path()).is_ok());
    }
}
