//! The verdict: the full answer to one question, with every live sighting, each provider's status and the
//! overall one.

use rapsheet_snapshot::{AddressRange, Assessments, FeedId, Scope, Status, Time};

/// The answer to one question at one instant.
///
/// ```
/// # use rapsheet_query::{Searcher, Snapshot, Status};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// let verdict = searcher.lookup("hxxp://www.evilpanel[.]com/gate.php")?;
/// assert_eq!(verdict.status, Status::Blocked);
/// for source in &verdict.sources {
///     let provider = searcher.provider_of(source);
///     println!("{provider} lists {} since {}", source.matched, source.first_seen);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// The question in canonical form.
    pub indicator: String,
    /// The type of the indicator: `ipv4`, `ipv6`, `domain` or `url`.
    pub type_word: &'static str,
    /// The overall status.
    pub status: Status,
    /// How many providers have it on a blocklist.
    pub detected_by: usize,
    /// How many providers do not list it and have a failed, held or stale feed that could.
    pub failed: usize,
    /// The instant of the verdict.
    pub at: Time,
    /// The live sightings, sorted by provider, feed, then most specific match first.
    pub sources: Vec<Source>,
    /// The status of each provider, in the order of [`Searcher::providers`](crate::Searcher::providers).
    pub providers: Vec<Status>,
}

impl Verdict {
    /// The answer `failed`, without anything in it, for what reads answers of another program.
    #[doc(hidden)]
    pub fn empty(at: Time) -> Verdict {
        Verdict {
            indicator: String::new(),
            type_word: "",
            status: Status::Failed,
            detected_by: 0,
            failed: 0,
            at,
            sources: Vec::new(),
            providers: Vec::new(),
        }
    }

    /// The assessments of all sightings on blocklists; where there are none, of those on allowlists.
    pub fn assessments(&self) -> Assessments {
        self.deciding().fold(Assessments::EMPTY, |sum, source| sum.union(source.assessments))
    }

    /// The sightings whose status is the overall one.
    pub(crate) fn deciding(&self) -> impl Iterator<Item = &Source> {
        self.sources.iter().filter(|source| source.status == self.status)
    }
}

/// One live sighting: a row of a [`Verdict`].
///
/// ```
/// # use rapsheet_query::{Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let verdict = Searcher::new(&snapshot, now).lookup("45.9.20.5")?;
/// let matched: Vec<&str> = verdict.sources.iter().map(|source| source.matched.as_str()).collect();
/// assert_eq!(matched, ["45.9.20.5", "45.9.20.0/24"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// The feed; its name and more are in [`Snapshot::feed`](crate::Snapshot::feed).
    pub feed: FeedId,
    /// The position of its provider among [`Searcher::providers`](crate::Searcher::providers).
    pub provider: usize,
    /// [`Status::Blocked`] or [`Status::Allowed`].
    pub status: Status,
    /// What the feed lists it as: `botnet`, `phishing` and so on.
    pub assessments: Assessments,
    /// The entry that matched: addresses and URLs as listed, names with `*.` where only names below are
    /// listed.
    pub matched: String,
    /// Whether the entry lists the name, the names below it, or both.
    pub scope: Scope,
    /// When the feed first listed it.
    pub first_seen: Time,
    /// When the feed last confirmed it.
    pub detect_time: Time,
    /// The instant from which on it no longer counts.
    pub expires: Time,
    /// Whether the feed is failed, held or stale.
    pub stale: bool,
    /// For questions of ranges: how the entry overlaps the question.
    pub overlap: Option<Overlap>,
    /// Orders the sightings of one feed: the larger, the more specific.
    pub(crate) specificity: u128,
}

impl Source {
    /// A sighting without anything in it, for what reads answers of another program.
    #[doc(hidden)]
    pub fn empty(feed: FeedId, provider: usize, at: Time) -> Source {
        Source {
            feed,
            provider,
            status: Status::Blocked,
            assessments: Assessments::EMPTY,
            matched: String::new(),
            scope: Scope::Exact,
            first_seen: at,
            detect_time: at,
            expires: at,
            stale: false,
            overlap: None,
            specificity: 0,
        }
    }
}

/// How a listed range overlaps the range in question.
///
/// ```
/// # use rapsheet_query::{Overlap, Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let verdict = Searcher::new(&snapshot, now).lookup("45.9.20.4/31")?;
/// let listed = |matched: &str| verdict.sources.iter().find(|source| source.matched == matched);
/// assert_eq!(listed("45.9.20.0/24").and_then(|source| source.overlap), Some(Overlap::Covers));
/// assert_eq!(listed("45.9.20.5").and_then(|source| source.overlap), Some(Overlap::Within));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overlap {
    /// The listed range covers all of the question.
    Covers,
    /// The listed range lies inside the question, or overlaps one end of it.
    Within,
}

impl Overlap {
    /// `covers` or `within`.
    pub const fn word(self) -> &'static str {
        match self {
            Overlap::Covers => "covers",
            Overlap::Within => "within",
        }
    }
}

/// How specific a match of this range is: the smaller the range, the larger. A single address is below
/// `u128::MAX`, which is for URLs.
pub(crate) fn specificity(range: &AddressRange) -> u128 {
    match *range {
        AddressRange::V4 { first, last } => u128::from(u32::MAX - (last - first)),
        AddressRange::V6 { first, last } => u128::MAX - 1 - (last - first).min(u128::MAX - 1),
    }
}
