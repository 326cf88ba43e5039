//! Look-ups in a rapsheet snapshot: which feeds list an address, a name or a URL, as what, since when, and
//! whether the listing is still live.
//!
//! This crate is all that a program needs to embed rapsheet. One look-up:
//!
//! ```
//! # use rapsheet_query::{Searcher, Snapshot, Status};
//! # let path = "../../tests/golden/v1.rap";
//! # let now = Snapshot::open(path)?.built_at();
//! let snapshot = Snapshot::open(path)?;
//! let searcher = Searcher::new(&snapshot, now);
//! assert_eq!(searcher.lookup("hxxp://www.evilpanel[.]com/gate.php")?.status, Status::Blocked);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An address alone needs no text, and its status no allocation: [`Searcher::status`] takes an
//! [`IpAddr`](std::net::IpAddr). Many look-ups are several times as fast in a [`Batch`]. A [`Scorer`] finds
//! the indicators in log lines. [`diff()`] compares two snapshots. A [`ReloadingSnapshot`] switches to new
//! snapshots while threads answer from the previous one.
//!
//! [`Snapshot::open`] maps the file: if another program truncates it in place, the system raises `SIGBUS` in
//! its readers. A program that lives long uses [`Snapshot::load`], or a [`ReloadingSnapshot`], which does: it
//! holds a copy in memory, of files up to 512 MiB, that nothing done to the file can reach.
//!
//! The crate reads no clock and starts no thread: the instant is an argument, a [`Time`] or a
//! [`SystemTime`](std::time::SystemTime). All errors are [`std::error::Error`]s, `Send` and `Sync`.

#[doc(hidden)]
pub mod answer;
mod batch;
mod byte_classes;
mod cache_policy;
mod column;
#[doc(hidden)]
pub mod conclusion;
mod diff;
mod escape;
mod evaluator;
#[doc(hidden)]
pub mod extract;
mod ipv6;
mod keys;
mod listing;
#[doc(hidden)]
pub mod lookup;
mod matches;
mod question;
mod scorer;
mod searcher;
mod set_cache;
mod token_cache;
mod token_reader;
mod tokenizer;
mod verdict;

pub use batch::Batch;
pub use column::{ColumnAnswers, ColumnSearcher, ListedValue};
pub use diff::{Change, ChangeKind, SightingData, diff};
#[doc(hidden)]
pub use evaluator::Evaluator;
pub use evaluator::Provider;
pub use listing::Listing;
pub use matches::{Match, MatchSlice, Matches};
pub use question::Question;
pub use scorer::{Detail, MatchFilter, Scorer};
pub use searcher::Searcher;
pub use verdict::{Overlap, Source, Verdict};

pub use rapsheet_snapshot::{
    Address, Assessment, Assessments, Error, FeedId, ListKind, ParseError, ReloadingSnapshot, Scope,
    Snapshot, SnapshotGuard, Status, Time, Times,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn is_error<E: std::error::Error + Send + Sync + 'static>() {}
    fn is_shareable<T: Send + Sync>() {}

    #[test]
    fn errors_and_searchers_may_cross_threads() {
        is_error::<Error>();
        is_error::<ParseError>();
        is_shareable::<Snapshot>();
        is_shareable::<ReloadingSnapshot>();
        is_shareable::<Searcher<'static>>();
        is_shareable::<Batch>();
    }
}
