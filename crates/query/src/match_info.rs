//! The part of a verdict that a scorer keeps: enough for every row that is printed, in a quarter of the
//! memory.
//!
//! A log of any length is scored in a bounded amount of memory, so the size of each cached indicator counts.

use crate::verdict::Verdict;
use rapsheet_snapshot::{Assessments, Status, Time};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The verdict on an indicator that a [`Scorer`](crate::Scorer) found, in short.
///
/// ```
/// # use rapsheet_query::{MatchInfo, Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// let info = MatchInfo::from(searcher.lookup("45.9.20.5")?);
/// let names = info.decided_by().map(|at| searcher.providers()[at].name.as_str());
/// assert_eq!(names.count(), info.detected_by);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct MatchInfo {
    /// The indicator in canonical form.
    pub indicator: Box<str>,
    /// The type of the indicator: `ipv4`, `ipv6`, `domain` or `url`.
    pub type_word: &'static str,
    /// The overall status.
    pub status: Status,
    /// How many providers have it on a blocklist.
    pub detected_by: usize,
    /// The assessments of the sightings that have the overall status.
    pub assessments: Assessments,
    /// The earliest `first_seen` of those sightings.
    pub first_seen: Option<Time>,
    /// The latest `detect_time` of those sightings.
    pub detect_time: Option<Time>,
    /// The providers that list it, by position among [`Searcher::providers`](crate::Searcher::providers),
    /// ascending.
    providers: Box<[(u32, Status)]>,
    /// The hash of `indicator`. Nearly all unequal indicators differ in it, which saves comparing their
    /// texts.
    hash: u64,
}

impl From<Verdict> for MatchInfo {
    fn from(verdict: Verdict) -> MatchInfo {
        let is_listing = |(_, status): &(u32, &Status)| matches!(status, Status::Blocked | Status::Allowed);
        let providers = (0..).zip(&verdict.providers).filter(is_listing);
        MatchInfo {
            type_word: verdict.type_word,
            status: verdict.status,
            detected_by: verdict.detected_by,
            assessments: verdict.assessments(),
            first_seen: verdict.deciding().map(|source| source.first_seen).min(),
            detect_time: verdict.deciding().map(|source| source.detect_time).max(),
            providers: providers.map(|(at, status)| (at, *status)).collect(),
            hash: hash_of(&verdict.indicator),
            indicator: verdict.indicator.into_boxed_str(),
        }
    }
}

impl AsRef<MatchInfo> for MatchInfo {
    fn as_ref(&self) -> &MatchInfo {
        self
    }
}

impl MatchInfo {
    /// The providers that list it, by position among [`Searcher::providers`](crate::Searcher::providers).
    pub fn listed_by(&self) -> impl Iterator<Item = usize> {
        self.providers.iter().map(|(at, _)| *at as usize)
    }

    /// The providers that list it and whose status is the overall one, by position.
    pub fn decided_by(&self) -> impl Iterator<Item = usize> {
        self.providers.iter().filter(|(_, status)| *status == self.status).map(|(at, _)| *at as usize)
    }

    /// Whether both are of the same indicator.
    pub(crate) fn is_same_indicator(&self, other: &MatchInfo) -> bool {
        self.hash == other.hash && self.indicator == other.indicator
    }

    /// A hash of 128 bits, which stands for the indicator where texts would take too much memory. 64 bits
    /// would not do, because an attacker could find two names that collide and hide one behind the other.
    pub(crate) fn hashes(&self) -> (u64, u64) {
        (self.hash, hash_of(&(self.hash, &self.indicator)))
    }
}

fn hash_of(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
