//! One build at a time for each output.
//!
//! The kernel holds the lock for as long as the process lives and lets go of it however the process ends, so there is
//! no stale lock to clean up. The file stays: removing it would let two builds hold two files of one name.

use crate::exit::{Exit, Failure};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held for as long as a build works on an output.
pub(crate) struct Lock(#[allow(dead_code)] File);

impl Lock {
    /// Takes the lock of an output, or says who holds it.
    pub(crate) fn take(out: &Path) -> Result<Lock, Failure> {
        let path = with_suffix(out, ".lock");
        let fail = |error: io::Error| Failure::unfinished(format_args!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(&mut file, out)),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // The number is for people; the lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Lock(file))
    }
}

fn busy(file: &mut File, out: &Path) -> Failure {
    let mut holder = String::new();
    let _ = file.take(20).read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    };
    let message = format!("{}: {holder} is building it; wait for it to end", out.display());
    Failure::Told(Exit::Busy, message)
}

/// The path of a file that belongs to another one.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_build_holds_an_output_at_a_time() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let out = dir.path().join("x.rap");
        let lock = Lock::take(&out).unwrap_or_else(|_| panic!("nobody holds it"));
        let told = match Lock::take(&out) {
            Err(Failure::Told(exit, message)) => (exit, message),
            _ => panic!("it is held"),
        };
        assert_eq!(told.0, Exit::Busy);
        assert!(told.1.contains(&format!("process {}", std::process::id())), "{}", told.1);
        drop(lock);
        assert!(Lock::take(&out).is_ok());
    }
}
