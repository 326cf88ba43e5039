//! Why a download is held: the word for programs, and the sentence for an operator.

use crate::catalog::Share;
use rapsheet_snapshot::Time;
use std::fmt;

/// Why a download is held.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum HoldReason {
    /// It lists nothing.
    Empty,
    /// It was retrieved before the last accepted one.
    Older {
        /// When it was retrieved.
        found: Time,
        /// When the last accepted one was.
        last: Time,
    },
    /// It does not end as it should.
    MissingEndMark(String),
    /// It lists fewer entries than it says, and fewer than the last accepted one.
    Incomplete { found: u64, declared: u64, last: u64 },
    /// Too many of its lines were rejected.
    TooManyRejects { rejected: u64, of: u64, above: Share },
    /// It lists far less than the last accepted one.
    Shrunk { found: u64, last: u64, below: Share },
    /// It lists far more than the last accepted one.
    Grown { found: u64, last: u64, above: Share },
    /// It lacks an indicator that it must list.
    MissingIndicator(String),
    /// It lists an indicator that it must not list.
    ForbiddenIndicator(String),
    /// It covers too much of the address space.
    TooMuchCoverage { family: &'static str, share: Share, above: Share, is_added: bool },
    /// Its rows, with those of the other feeds, do not fit the memory of the build.
    Memory { needs: u64, of: u64 },
}

impl HoldReason {
    /// The word that reports print.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            HoldReason::Empty => "empty",
            HoldReason::Older { .. } => "older",
            HoldReason::MissingEndMark(_) => "unended",
            HoldReason::Incomplete { .. } => "short",
            HoldReason::TooManyRejects { .. } => "rejects",
            HoldReason::Shrunk { .. } => "shrunk",
            HoldReason::Grown { .. } => "grown",
            HoldReason::MissingIndicator(_) => "lacks",
            HoldReason::ForbiddenIndicator(_) => "lists",
            HoldReason::TooMuchCoverage { .. } => "covers",
            HoldReason::Memory { .. } => "memory",
        }
    }

    /// The guard to set if this is normal for the feed; empty where there is none.
    const fn guard(&self) -> &'static str {
        match self {
            HoldReason::Empty => "can_be_empty",
            HoldReason::Older { .. } | HoldReason::Incomplete { .. } | HoldReason::Memory { .. } => "",
            HoldReason::MissingEndMark(_) => "end_mark",
            HoldReason::TooManyRejects { .. } => "rejects_above",
            HoldReason::Shrunk { .. } => "shrunk_below",
            HoldReason::Grown { .. } => "grown_above",
            HoldReason::MissingIndicator(_) => "must_contain",
            HoldReason::ForbiddenIndicator(_) => "must_not_contain",
            HoldReason::TooMuchCoverage { is_added: true, .. } => "new_coverage_above",
            HoldReason::TooMuchCoverage { is_added: false, .. } => "coverage_above",
        }
    }

    /// What happened and what to do. `digest` is that of the download; `None` if an operator has accepted it
    /// before.
    pub(crate) fn sentence(&self, feed: &str, digest: Option<&str>) -> String {
        let accept = match digest {
            _ if matches!(self, HoldReason::Memory { .. }) => {
                "build with a larger --max-memory, or disable the feed".to_owned()
            }
            Some(digest) => {
                format!("to accept this download: --accept {feed}={}", digest.get(..16).unwrap_or(digest))
            }
            None => "it was accepted before, and a download is accepted once".to_owned(),
        };
        match self.guard() {
            "" => format!("{self}; {accept}"),
            guard => format!("{self}; {accept}; if this is normal for the feed, set guard.{guard}"),
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoldReason::Empty => f.write_str("it lists nothing"),
            HoldReason::Older { found, last } => {
                write!(f, "it was retrieved at {found}, before the last accepted download of {last}")
            }
            HoldReason::MissingEndMark(expected) => {
                write!(f, "it does not end with {expected}: was it truncated?")
            }
            HoldReason::Incomplete { found, declared, last } => {
                write!(
                    f,
                    "it has {found} entries and declares {declared}; the last accepted download had {last}"
                )
            }
            HoldReason::TooManyRejects { rejected, of, above } => {
                write!(
                    f,
                    "{rejected} of {of} lines were rejected, more than {above}: has the format changed?"
                )
            }
            HoldReason::Shrunk { found, last, below } => {
                write!(
                    f,
                    "it has {found} entries, less than {below} of the {last} in the last accepted download"
                )
            }
            HoldReason::Grown { found, last, above } => {
                write!(
                    f,
                    "it has {found} entries, more than {above} of the {last} in the last accepted download"
                )
            }
            HoldReason::Memory { needs, of } => {
                let mib = |bytes: &u64| bytes.div_ceil(1 << 20);
                write!(
                    f,
                    "its rows would take some {} MiB of memory, and all feeds together may take {} MiB",
                    mib(needs),
                    mib(of)
                )
            }
            HoldReason::MissingIndicator(what) => write!(f, "it does not list {what}, which it must"),
            HoldReason::ForbiddenIndicator(what) => write!(f, "it lists {what}, which it must not"),
            HoldReason::TooMuchCoverage { family, share, above, is_added } => {
                let newly = if *is_added { "newly " } else { "" };
                write!(f, "it {newly}covers {share} of {family}, more than {above}")
            }
        }
    }
}
