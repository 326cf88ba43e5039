//! Why a download is held: the word for programs, and the sentence for an operator.

use crate::catalog::Share;
use crate::report::counted;
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
    /// Its last line lost its line end, and it lists fewer entries than the last accepted one.
    CutLine { found: u64, last: u64 },
    /// It changed while it was read, and again while it was read once more.
    Changing,
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
    /// It newly flags too much in an operator's logs.
    NewHits { indicators: u64, hits: u64, above: u64 },
}

impl HoldReason {
    /// The word that reports print.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            HoldReason::Empty => "empty",
            HoldReason::Older { .. } => "older",
            HoldReason::MissingEndMark(_) => "unended",
            HoldReason::CutLine { .. } => "cut",
            HoldReason::Changing => "changing",
            HoldReason::Incomplete { .. } => "short",
            HoldReason::TooManyRejects { .. } => "rejects",
            HoldReason::Shrunk { .. } => "shrunk",
            HoldReason::Grown { .. } => "grown",
            HoldReason::MissingIndicator(_) => "lacks",
            HoldReason::ForbiddenIndicator(_) => "lists",
            HoldReason::TooMuchCoverage { .. } => "covers",
            HoldReason::NewHits { .. } => "new-hits",
        }
    }

    /// The line of the catalogue that admits such downloads of the feed; `None` where there is none.
    fn setting(&self) -> Option<String> {
        Some(match self {
            HoldReason::Empty => "set `can_be_empty = true`".to_owned(),
            HoldReason::Older { .. }
            | HoldReason::CutLine { .. }
            | HoldReason::Changing
            | HoldReason::Incomplete { .. } => return None,
            HoldReason::MissingEndMark(_) => "set `end_mark` to the beginning of its last line".to_owned(),
            HoldReason::TooManyRejects { rejected, of, .. } => {
                format!("set `rejects_above = \"{}%\"`", Share::of((*rejected).into(), (*of).into()).next(10))
            }
            HoldReason::Shrunk { found, last, .. } => {
                let below = Share::of((*found).into(), (*last).into()).next(10).saturating_sub(10);
                format!("set `shrunk_below = \"{below}%\"`")
            }
            HoldReason::Grown { found, last, .. } => {
                format!("set `grown_above = \"{}%\"`", Share::of((*found).into(), (*last).into()).next(100))
            }
            HoldReason::MissingIndicator(what) => format!("take `{what}` out of `must_contain`"),
            HoldReason::ForbiddenIndicator(what) => format!("take `{what}` out of `must_not_contain`"),
            HoldReason::NewHits { hits, .. } => {
                format!("give --max-new-hits {hits}, or set `max_new_hits = {hits}`")
            }
            HoldReason::TooMuchCoverage { share, is_added, .. } => {
                let key = if *is_added { "new_coverage_above" } else { "coverage_above" };
                format!("set `{key} = \"{}%\"`", share.next(1))
            }
        })
    }

    /// What happened and what to do. `digest` is that of the download; `None` if an operator has accepted it
    /// before.
    pub(crate) fn sentence(&self, feed: &str, digest: Option<&str>) -> String {
        let accept = match digest {
            Some(digest) => {
                format!("to accept this download: --accept {feed}={}", digest.get(..16).unwrap_or(digest))
            }
            None => "it was accepted before, and a download is accepted once".to_owned(),
        };
        match self.setting() {
            None => format!("{self}; {accept}"),
            Some(setting) => {
                format!("{self}; {accept}; if this is normal for the feed: {setting} under its [feed.guard]")
            }
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = |number: &u64| counted(*number, "entry", "entries");
        match self {
            HoldReason::Empty => f.write_str("it lists nothing"),
            HoldReason::Older { found, last } => {
                write!(f, "it was retrieved at {found}, before the last accepted download of {last}")
            }
            HoldReason::MissingEndMark(expected) => {
                write!(f, "it does not end with {expected}: was it truncated?")
            }
            HoldReason::CutLine { found, last } => {
                let found = entries(found);
                write!(
                    f,
                    "it ends within a line, and has {found} where the last accepted download had {last}: was it \
                     cut? Download it again"
                )
            }
            HoldReason::Changing => f.write_str(
                "it changed twice while it was read: let its downloader write another file and rename it",
            ),
            HoldReason::Incomplete { found, declared, last } => {
                let found = entries(found);
                write!(f, "it has {found} and declares {declared}; the last accepted download had {last}")
            }
            HoldReason::TooManyRejects { rejected, of, above } => {
                let were = counted(*of, "line was", "lines were");
                write!(f, "{rejected} of {were} rejected, more than {above}: has the format changed?")
            }
            HoldReason::Shrunk { found, last, below } => {
                let found = entries(found);
                write!(f, "it has {found}, less than {below} of the {last} in the last accepted download")
            }
            HoldReason::Grown { found, last, above } => {
                let found = entries(found);
                write!(f, "it has {found}, more than {above} of the {last} in the last accepted download")
            }
            HoldReason::MissingIndicator(what) => write!(f, "it does not list {what}, which it must"),
            HoldReason::ForbiddenIndicator(what) => write!(f, "it lists {what}, which it must not"),
            HoldReason::NewHits { indicators, hits, above } => {
                let (indicators, hits) =
                    (counted(*indicators, "indicator", "indicators"), counted(*hits, "hit", "hits"));
                write!(f, "it newly flags {indicators} of your logs with {hits}, more than {above}")
            }
            HoldReason::TooMuchCoverage { family, share, above, is_added } => {
                let newly = if *is_added { "newly " } else { "" };
                write!(f, "it {newly}covers {share} of {family}, more than {above}")
            }
        }
    }
}
