//! Following a path: the snapshot that was last published there, without stopping anybody who asks.
//!
//! A build publishes by renaming, so what a path leads to changes at once and wholly. Whoever serves look-ups calls
//! [`Follow::refresh`] every few seconds; it looks at the path, which costs a microsecond, and opens and verifies what
//! is new there before anybody is asked to use it. What is refused is refused once and named, and the snapshot before
//! goes on answering. Readers never wait: they hold the snapshot that was current when they began, and its map goes
//! when the last of them lets go. Asking the path beats being told by the system, because a renamed link is told as
//! anything but a change of what it leads to.

use crate::error::Error;
use crate::reader::Snapshot;
use arc_swap::{ArcSwap, Guard};
use std::fs::{self, Metadata};
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A path, and the last sound snapshot that was seen there. Shared by reference among any number of threads.
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    current: ArcSwap<Snapshot>,
    /// What the path led to when it was last looked at.
    seen: Mutex<Stamp>,
}

/// A snapshot that stays as it is while this is held. Take one for each batch of questions, and let go of it.
#[derive(Debug)]
pub struct Held(Guard<Arc<Snapshot>>);

impl Deref for Held {
    type Target = Snapshot;

    #[inline]
    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl Follow {
    /// Opens and verifies what is at the path now.
    pub fn open(path: impl AsRef<Path>) -> Result<Follow, Error> {
        let path = path.as_ref();
        // Looked at before it is opened: what is published in between is then seen as new, and not missed.
        let seen = Stamp::of(path)?;
        let current = ArcSwap::from_pointee(Snapshot::open(path)?);
        Ok(Follow { path: path.to_owned(), current, seen: Mutex::new(seen) })
    }

    /// The current snapshot. It never waits for anything, and takes some ten nanoseconds.
    #[inline]
    pub fn current(&self) -> Held {
        Held(self.current.load())
    }

    /// Looks whether something else is at the path, and if so, opens, verifies and swaps to it. Returns whether it did.
    ///
    /// # Errors
    /// What is at the path cannot be read, or is no sound snapshot; the one before goes on being current. A file that was
    /// refused is not tried again until something else is there.
    pub fn refresh(&self) -> Result<bool, Error> {
        // Of several threads that refresh at once, one does it and the others then see that it is done.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamp::of(&self.path)?;
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        self.current.store(Arc::new(Snapshot::open(&self.path)?));
        Ok(true)
    }
}

/// By what one file at a path is told from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    /// When it was last written to, in nanoseconds, where the system tells.
    modified: Option<u128>,
    /// Device and number of the file, where the system has such.
    number: (u64, u64),
}

impl Stamp {
    fn of(path: &Path) -> Result<Stamp, Error> {
        let looked = |source: io::Error| Error::Io { path: path.to_owned(), doing: "looking at", source };
        let about = fs::metadata(path).map_err(looked)?;
        let modified = about.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map(|since| since.as_nanos());
        Ok(Stamp { length: about.len(), modified, number: number_of(&about) })
    }
}

#[cfg(unix)]
fn number_of(about: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (about.dev(), about.ino())
}

#[cfg(not(unix))]
fn number_of(_: &Metadata) -> (u64, u64) {
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
    fn what_is_published_becomes_current_and_what_is_bad_does_not() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let path = dir.path().join("x.rap");
        assert!(Follow::open(&path).is_err(), "nothing is there");
        publish(&path, 0);
        let follow = Follow::open(&path).expect("it is sound");
        assert!(!follow.refresh().expect("sound"), "nothing is new");
        let held = follow.current();
        publish(&path, 1);
        assert!(follow.refresh().expect("sound"));
        assert!(
            held.built_at() < follow.current().built_at(),
            "what is held stays, what is asked for is new"
        );
        let now = follow.current().built_at();
        fs::write(dir.path().join("bad"), b"no snapshot").expect("written");
        fs::rename(dir.path().join("bad"), &path).expect("renamed");
        assert!(follow.refresh().is_err());
        assert!(!follow.refresh().expect("known to be bad"), "it is not tried twice");
        fs::remove_file(&path).expect("removed");
        assert!(follow.refresh().is_err());
        assert_eq!(follow.current().built_at(), now, "the last sound one answers");
        publish(&path, 2);
        assert!(follow.refresh().expect("sound") && now < follow.current().built_at());
    }
}
