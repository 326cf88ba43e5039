//! Why a host did not take what it was offered.

use std::fmt;
use std::path::Path;

/// What is refused, by cause, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullError {
    /// For counters and exit codes.
    pub cause: Cause,
    /// For people: what was expected, what was found, and where.
    pub text: String,
}

/// The causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// The origin cannot be reached, or does not have what it should have.
    Unreachable,
    /// No key of ours has signed the manifest.
    Signature,
    /// What is signed is no manifest.
    Manifest,
    /// It is of other software, or of a version that this program does not read.
    Product,
    /// It is of another channel.
    Channel,
    /// It is older than one that was taken before.
    Rollback,
    /// Its time is over.
    Expired,
    /// A file is not what it should be: not the one that was signed, or no file of its kind.
    Damaged,
    /// What came out is not the snapshot that was signed.
    Unsound,
    /// This host could not do its part: no room, no right to write.
    Local,
    /// The program was told to end.
    Ended,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 11] = [
        Cause::Unreachable,
        Cause::Signature,
        Cause::Manifest,
        Cause::Product,
        Cause::Channel,
        Cause::Rollback,
        Cause::Expired,
        Cause::Damaged,
        Cause::Unsound,
        Cause::Local,
        Cause::Ended,
    ];

    /// The word in reports and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Cause::Unreachable => "unreachable",
            Cause::Signature => "signature",
            Cause::Manifest => "manifest",
            Cause::Product => "product",
            Cause::Channel => "channel",
            Cause::Rollback => "rollback",
            Cause::Expired => "expired",
            Cause::Damaged => "damaged",
            Cause::Unsound => "unsound",
            Cause::Local => "local",
            Cause::Ended => "ended",
        }
    }
}

impl PullError {
    /// Of a cause, in words.
    pub fn new(cause: Cause, text: impl Into<String>) -> PullError {
        PullError { cause, text: text.into() }
    }

    /// Of a file.
    pub(crate) fn damaged(path: &Path, why: &dyn fmt::Display) -> PullError {
        PullError::new(Cause::Damaged, format!("{}: {why}", path.display()))
    }

    /// Of this host.
    pub(crate) fn local(error: &impl fmt::Display) -> PullError {
        PullError::new(Cause::Local, error.to_string())
    }
}

/// The start of a text of a publisher, on one line.
pub(crate) fn shown(text: &str) -> String {
    const CHARS: usize = 80;
    let dots = if text.chars().nth(CHARS).is_some() { "..." } else { "" };
    format!("{}{dots}", text.chars().take(CHARS).collect::<String>().escape_debug())
}

impl fmt::Display for PullError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for PullError {}
