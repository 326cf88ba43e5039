//! Which feeds of a snapshot are worth keeping.
//!
//! [`Ledger::of`] counts, for each feed, what it lists, what it alone lists, how much of it each other feed
//! lists, and how old its entries are. [`Ledger::cover`] chooses feeds that cover a share of everything.
//! [`churn()`] compares with an older snapshot, and [`log_hits()`] says what each feed found in logs.
//! `README.md` defines every figure.
//!
//! Memory: 8 bytes for each pair of feeds, of which there are at most [`FEEDS_MAX`], and at most 64 MiB for
//! the combinations in which feeds occur together. What grows with the snapshot is never held: entries are
//! visited in the order of the file.

mod ages;
mod churn;
mod cover;
mod feeds;
mod ledger;
mod logs;
mod walk;

pub use churn::{Churn, churn};
pub use cover::{Cover, CoverShare, Step};
pub use ledger::{FeedFigures, Ledger};
pub use logs::{LogHits, LogRow, log_hits};

use rapsheet_snapshot::{Error, ListKind, Time};
use std::fmt;

/// How many feeds are compared at most.
pub const FEEDS_MAX: usize = 1024;

/// What is compared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Whether each feed of the snapshot is compared, by its position; `None` for all.
    pub feeds: Option<Vec<bool>>,
    /// The statements that count: those that block, or those that allow.
    pub list: ListKind,
    /// The instant at which a statement must be live.
    pub now: Time,
}

impl Options {
    /// All feeds, and what they block.
    pub fn new(now: Time) -> Options {
        Options { feeds: None, list: ListKind::Block, now }
    }
}

/// Why there is no ledger.
#[derive(Debug)]
#[non_exhaustive]
pub enum LedgerError {
    /// The snapshot is corrupt.
    Snapshot(Error),
    /// More than [`FEEDS_MAX`] feeds are chosen.
    TooManyFeeds(usize),
    /// The feeds occur together in more combinations than the memory for them holds.
    TooManyCombinations(usize),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerError::Snapshot(error) => error.fmt(f),
            LedgerError::TooManyFeeds(found) => write!(
                f,
                "{found} feeds are chosen, expected at most {FEEDS_MAX}, because all pairs are counted; choose fewer \
                 with --feed"
            ),
            LedgerError::TooManyCombinations(found) => write!(
                f,
                "the feeds occur together in more than {found} combinations, which is all that the memory for them \
                 holds; choose fewer with --feed"
            ),
        }
    }
}

impl std::error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LedgerError::Snapshot(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for LedgerError {
    fn from(error: Error) -> LedgerError {
        LedgerError::Snapshot(error)
    }
}
