//! Where the files of a publication are: a folder here, or whatever the program around this library can read.
//!
//! This crate uses no network. The command line gives it an origin over HTTP.

use crate::pull_error::{Cause, PullError};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Files by their paths.
pub trait Origin {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be had; whether to try again is for the caller to decide by [`Unavailable::may_pass`].
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable>;

    /// What people call it.
    fn name(&self) -> String;
}

/// What of a file is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish<'w> {
    /// From which byte on. An origin may begin at 0 all the same.
    pub from: u64,
    /// Nothing, if the file still has this validator.
    pub unless: Option<&'w str>,
}

/// An open file.
pub enum Opened<'o> {
    /// It has the validator.
    Unchanged,
    /// Its bytes.
    Bytes {
        /// What they are read from.
        reader: Box<dyn Read + 'o>,
        /// Where they begin.
        from: u64,
        /// What to ask with next time.
        validator: Option<String>,
    },
}

/// Why a file cannot be had.
#[derive(Clone, Debug)]
pub struct Unavailable {
    /// For people.
    pub text: String,
    /// Whether another try may help.
    pub may_pass: bool,
    /// What it counts as.
    pub cause: Cause,
}

impl Unavailable {
    /// A file that cannot be had, and whether another try may help.
    pub fn new(text: impl Into<String>, may_pass: bool) -> Unavailable {
        Unavailable { text: text.into(), may_pass, cause: Cause::Unreachable }
    }

    /// An origin that said `unchanged` without having been asked whether.
    pub(crate) fn unasked(origin: &dyn Origin, path: &str) -> Unavailable {
        let name = origin.name();
        Unavailable::new(
            format!("{name}/{path}: expected bytes, found `unchanged`, without a condition"),
            false,
        )
    }

    /// This host's own fault.
    pub(crate) fn local(text: impl Into<String>) -> Unavailable {
        Unavailable { cause: Cause::Local, ..Unavailable::new(text, false) }
    }

    /// The program was told to end.
    pub(crate) fn ended() -> Unavailable {
        let text = "ended by a signal; the old snapshot stays";
        Unavailable { cause: Cause::Ended, ..Unavailable::new(text, false) }
    }
}

impl From<Unavailable> for PullError {
    fn from(unavailable: Unavailable) -> PullError {
        PullError::new(unavailable.cause, unavailable.text)
    }
}

/// A folder that holds a publication, as on a disk that all hosts mount.
pub struct Folder(pub PathBuf);

impl Origin for Folder {
    fn open(&self, path: &str, wish: &Wish<'_>) -> Result<Opened<'_>, Unavailable> {
        let path = self.0.join(path);
        let fail = |error: io::Error| Unavailable::new(format!("{}: {error}", path.display()), false);
        let about = std::fs::metadata(&path).map_err(fail)?;
        if !about.is_file() {
            return Err(fail(io::Error::other("no regular file")));
        }
        let mut file = File::open(&path).map_err(fail)?;
        file.seek(SeekFrom::Start(wish.from)).map_err(fail)?;
        Ok(Opened::Bytes { reader: Box::new(file), from: wish.from, validator: None })
    }

    fn name(&self) -> String {
        self.0.display().to_string()
    }
}
