//! One build at a time for each output.
//!
//! The kernel holds the lock for as long as the process lives and lets go of it however the process ends, so there is
//! no stale lock to clean up. The file stays: removing it would let two builds hold two files of one name.

use crate::exit::{Exit, Failure};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The longest that a holder's number can be, with its line end.
const NUMBER_MAX: u64 = 11;
/// How often a holder that has not yet written its number is asked again, a few milliseconds apart.
const ASKED_MAX: usize = 20;

/// Held for as long as a build works on an output.
pub(crate) struct Lock(File);

impl Lock {
    /// Takes the lock of an output, or says who holds it.
    pub(crate) fn take(out: &Path) -> Result<Lock, Failure> {
        let path = with_suffix(out, ".lock");
        let fail = |error: io::Error| Failure::unfinished(format_args!("{}: {error}", path.display()));
        let mut file = open(&path).map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy(&mut file, out)),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        if number_in(&mut file).map_err(fail)?.is_none() {
            return Err(fail(io::Error::other("this is no lock of a build: move it away, or remove it")));
        }
        // The number is for people; the lock holds without it. One write, so that nobody reads half of it.
        let width = NUMBER_MAX as usize - 1;
        let _ = file.rewind().and_then(|()| writeln!(file, "{:<width$}", std::process::id()));
        Ok(Lock(file))
    }
}

/// Nobody holds it any more, and nobody is named. Who is killed leaves a number behind, which the next one overwrites.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.0.set_len(0);
    }
}

/// Opens the lock file, and never what somebody has put in its place: no link is followed, and nothing made there.
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
        Err(io::Error::other("something that is no regular file is there"))
    }
}

/// The number that a lock file holds, which is empty where nobody has written one; `None` where it holds anything else.
fn number_in(file: &mut File) -> io::Result<Option<String>> {
    let mut text = Vec::new();
    file.rewind()?;
    file.take(NUMBER_MAX + 1).read_to_end(&mut text)?;
    let fits = text.len() as u64 <= NUMBER_MAX;
    let number = String::from_utf8(text).ok().map(|text| text.trim().to_owned());
    Ok(number.filter(|number| fits && number.bytes().all(|byte| byte.is_ascii_digit())))
}

fn busy(file: &mut File, out: &Path) -> Failure {
    let holder = match holder(file) {
        Some(number) => format!("process {number}"),
        None => "another process".to_owned(),
    };
    let message = format!("{}: {holder} is building it; wait for it to end", out.display());
    Failure::Told(Exit::Busy, message)
}

/// The number of the holder, who may only just have taken the lock.
fn holder(file: &mut File) -> Option<String> {
    (0..ASKED_MAX).find_map(|asked| {
        thread::sleep(Duration::from_millis(if asked == 0 { 0 } else { 5 }));
        number_in(file).ok().flatten().filter(|number| !number.is_empty())
    })
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

    #[test]
    fn a_holder_that_was_killed_leaves_its_number_and_nothing_else() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let out = dir.path().join("x.rap");
        fs::write(dir.path().join("x.rap.lock"), "4294967295\n").expect("written");
        let lock = Lock::take(&out).unwrap_or_else(|_| panic!("nobody holds it"));
        let text = fs::read_to_string(dir.path().join("x.rap.lock")).expect("text");
        assert_eq!(text.trim(), std::process::id().to_string());
        drop(lock);
        assert_eq!(fs::metadata(dir.path().join("x.rap.lock")).expect("it stays").len(), 0);
    }

    #[test]
    fn what_is_no_lock_is_neither_followed_nor_written_to() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let (out, lock, other) =
            (dir.path().join("x.rap"), dir.path().join("x.rap.lock"), dir.path().join("other"));
        fs::write(&lock, "somebody's notes").expect("written");
        assert!(Lock::take(&out).is_err());
        assert_eq!(fs::read_to_string(&lock).expect("text"), "somebody's notes");
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
            assert!(Lock::take(&out).is_err() && !other.exists(), "nothing is made where a link points");
        }
    }
}
