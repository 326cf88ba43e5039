//! One build at a time for each output.
//!
//! The lock is the kernel's, on a file next to the output. It ends with the process, however that ends, so no
//! stale lock is left. The holder removes the file at its end. A build that opened the file before it was
//! removed would lock a file without a name, so a lock counts only while its path still leads to it.

use crate::exit::{Exit, Failure};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The longest process id, with its line end.
const PID_MAX: u64 = 11;
/// How often the id of a holder is read that has not written it yet, 5 ms apart.
const READS_MAX: usize = 20;

/// How often a lock file is opened again because its holder has just removed it.
const OPENS_MAX: usize = 100;

/// The lock of an output, held until it is dropped.
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of an output.
    ///
    /// # Errors
    /// [`Exit::Busy`] where another process holds it, naming that process; [`Exit::Unfinished`] where the
    /// lock file cannot be used.
    pub(crate) fn take(out: &Path) -> Result<Lock, Failure> {
        let path = with_suffix(out, ".lock");
        let fail = |error: io::Error| Failure::unfinished(format_args!("{}: {error}", path.display()));
        for _ in 0..OPENS_MAX {
            let mut file = open(&path).map_err(fail)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy(&mut file, out)),
                Err(TryLockError::Error(error)) => return Err(fail(error)),
            }
            if is_at(&file, &path) {
                return Lock::of(file, path.clone()).map_err(fail);
            }
        }
        Err(fail(io::Error::other("another process keeps removing it; let one build run at a time")))
    }

    /// The lock over a file that is locked, with the id of this process in it.
    fn of(mut file: File, path: PathBuf) -> io::Result<Lock> {
        if read_pid(&mut file)?.is_none() {
            return Err(io::Error::other("this is not a lock file of rapsheet; move or remove it"));
        }
        // The id is only for the message of other builds. It is padded and written at once, so that none of
        // them reads half of it.
        let width = PID_MAX as usize - 1;
        let _ = file.rewind().and_then(|()| writeln!(file, "{:<width$}", std::process::id()));
        Ok(Lock { file, path })
    }
}

/// Removes the file while it is still locked, and clears it first, for systems that do not remove open files.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether a path still leads to an open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |about: fs::Metadata| (about.dev(), about.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(path)) => id(file) == id(path),
        _ => false,
    }
}

/// Elsewhere, a file that is open cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Opens or creates the lock file. A symbolic link in its place is not followed, so that nothing is written
/// or created where it points.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match options.clone().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        opened => return opened,
    }
    if fs::symlink_metadata(path)?.is_file() {
        options.open(path)
    } else {
        Err(io::Error::other("it is not a regular file; move or remove it"))
    }
}

/// The process id in a lock file, empty where none is written; `None` where the file holds anything else.
fn read_pid(file: &mut File) -> io::Result<Option<String>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(PID_MAX + 1).read_to_end(&mut text)?;
    let fits = text.len() as u64 <= PID_MAX;
    let pid = String::from_utf8(text).ok().map(|text| text.trim().to_owned());
    Ok(pid.filter(|pid| fits && pid.bytes().all(|byte| byte.is_ascii_digit())))
}

fn busy(file: &mut File, out: &Path) -> Failure {
    let holder = match holder(file) {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    };
    let message = format!("{}: {holder} is at work on it; wait for it to end", out.display());
    Failure::Message(Exit::Busy, message)
}

/// The process id of the holder. It may have taken the lock a moment ago and not written its id yet.
fn holder(file: &mut File) -> Option<String> {
    (0..READS_MAX).find_map(|read| {
        thread::sleep(Duration::from_millis(if read == 0 { 0 } else { 5 }));
        read_pid(file).ok().flatten().filter(|pid| !pid.is_empty())
    })
}

/// The path with a suffix added to its file name.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_lock_names_its_holder() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let out = dir.path().join("x.rap");
        let lock = Lock::take(&out).unwrap_or_else(|_| panic!("it is free"));
        let busy = match Lock::take(&out) {
            Err(Failure::Message(exit, message)) => (exit, message),
            _ => panic!("it is held"),
        };
        assert_eq!(busy.0, Exit::Busy);
        assert!(busy.1.contains(&format!("process {}", std::process::id())), "{}", busy.1);
        drop(lock);
        assert!(Lock::take(&out).is_ok());
    }

    #[test]
    fn a_killed_holder_leaves_its_id_and_no_lock() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let out = dir.path().join("x.rap");
        fs::write(dir.path().join("x.rap.lock"), "4294967295\n").expect("written");
        let lock = Lock::take(&out).unwrap_or_else(|_| panic!("it is free"));
        let text = fs::read_to_string(dir.path().join("x.rap.lock")).expect("text");
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(lock);
        assert!(!dir.path().join("x.rap.lock").exists(), "the holder removes it");
    }

    #[test]
    fn a_removed_lock_file_is_no_lock() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let (out, path) = (dir.path().join("x.rap"), dir.path().join("x.rap.lock"));
        let removed = open(&path).expect("created");
        fs::remove_file(&path).expect("it was there");
        removed.try_lock().expect("it has no other holder");
        assert!(!is_at(&removed, &path));
        assert!(Lock::take(&out).is_ok(), "the path leads to no lock");
    }

    #[test]
    fn leaves_links_and_other_files_alone() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let (out, lock, other) =
            (dir.path().join("x.rap"), dir.path().join("x.rap.lock"), dir.path().join("other"));
        fs::write(&lock, "notes").expect("written");
        assert!(Lock::take(&out).is_err());
        assert_eq!(fs::read_to_string(&lock).expect("text"), "notes");
        #[cfg(unix)]
        for text in ["", "4711\n"] {
            fs::write(&other, text).expect("written");
            fs::remove_file(&lock).expect("it was there");
            std::os::unix::fs::symlink(&other, &lock).expect("a link");
            assert!(Lock::take(&out).is_err());
            assert_eq!(fs::read_to_string(&other).expect("text"), text);
        }
        #[cfg(unix)]
        {
            fs::remove_file(&other).expect("it was there");
            assert!(Lock::take(&out).is_err() && !other.exists(), "nothing is created where a link points");
        }
    }
}
