//! What providers say of an indicator, apart from its text and its times.
//!
//! A log names many indicators, and the providers that list them are few and often the same. So equal
//! listings are held once, and finding another indicator allocates nothing.

use crate::evaluator::Evaluator;
use crate::lookup::{Hit, HitKind, sightings};
use crate::searcher::Searcher;
use crate::verdict::Verdict;
use rapsheet_snapshot::{Assessments, Extent, FeedId, Kinds, ListKind, Scope, Sighting, Status, Time, Times};
use std::collections::HashMap;
use std::rc::Rc;

/// What providers say of one or more indicators.
///
/// ```
/// # use rapsheet_query::{Listing, Searcher, Snapshot};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// let listing = Listing::from(&searcher.lookup("45.9.20.5")?);
/// let names = listing.decided_by().map(|at| searcher.providers()[at].name.as_str());
/// assert_eq!(names.count(), listing.detected_by);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The overall status.
    pub status: Status,
    /// How many providers have it on a blocklist.
    pub detected_by: usize,
    /// The assessments of the sightings that have the overall status.
    pub assessments: Assessments,
    /// The providers that list it, by position among [`Searcher::providers`], ascending.
    providers: Box<[(u32, Status)]>,
}

impl Listing {
    /// The providers that list it, by position among [`Searcher::providers`].
    pub fn listed_by(&self) -> impl Iterator<Item = usize> {
        self.providers.iter().map(|(at, _)| *at as usize)
    }

    /// The providers that list it and whose status is the overall one, by position.
    pub fn decided_by(&self) -> impl Iterator<Item = usize> {
        self.providers.iter().filter(|(_, status)| *status == self.status).map(|(at, _)| *at as usize)
    }
}

impl From<&Verdict> for Listing {
    fn from(verdict: &Verdict) -> Listing {
        let is_listing = |(_, status): &(u32, &Status)| matches!(status, Status::Blocked | Status::Allowed);
        let providers = (0..).zip(&verdict.providers).filter(is_listing);
        Listing {
            status: verdict.status,
            detected_by: verdict.detected_by,
            assessments: verdict.assessments(),
            providers: providers.map(|(at, status)| (at, *status)).collect(),
        }
    }
}

impl AsRef<Listing> for Listing {
    fn as_ref(&self) -> &Listing {
        self
    }
}

/// The listing of an indicator, and the times of the sightings that decide.
#[derive(Debug)]
pub(crate) struct Listed<L> {
    pub(crate) listing: Rc<L>,
    /// The earliest `first_seen` of the sightings that have the overall status.
    pub(crate) first_seen: Option<Time>,
    /// The latest `detect_time` of those sightings.
    pub(crate) detect_time: Option<Time>,
}

/// A derived implementation would need `L: Clone`.
impl<L> Clone for Listed<L> {
    fn clone(&self) -> Listed<L> {
        Listed { listing: self.listing.clone(), ..*self }
    }
}

/// How many live sightings are held before those of a provider are joined: a wide range has any number of them.
const LIVE_MAX: usize = 1 << 16;
/// How many distinct listings are held. Real snapshots have a few hundred.
const LISTINGS_MAX: usize = 1 << 14;

/// Distinct listings, each held once, and the scratch memory to make them.
#[derive(Debug)]
pub(crate) struct Listings<L> {
    known: HashMap<Box<[u8]>, Rc<L>>,
    /// The live sightings of the indicator in question: provider, status, assessments and times.
    live: Vec<LiveSighting>,
    key: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LiveSighting {
    provider: u32,
    /// Blocked or allowed.
    pub(crate) status: Status,
    assessments: Assessments,
    /// Which hit it is of, and what of its record says what was listed.
    pub(crate) hit: u32,
    pub(crate) scope: Scope,
    pub(crate) extent: Extent,
    first_seen: Time,
    detect_time: Time,
}

impl<L: From<Listing>> Listings<L> {
    pub(crate) fn new() -> Listings<L> {
        Listings { known: HashMap::new(), live: Vec::new(), key: Vec::new() }
    }

    /// The listing of an indicator of these kinds that has these hits, as of the searcher's instant. It
    /// equals that of [`Searcher::verdict`], but has times only on request.
    pub(crate) fn of_hits(
        &mut self,
        searcher: &Searcher<'_>,
        kinds: Kinds,
        hits: &[Hit],
        with_times: bool,
    ) -> Listed<L> {
        if self.known.len() > LISTINGS_MAX {
            self.known.clear();
        }
        // When a feed first listed an indicator is read last: most answers do not depend on it.
        let is_confirmed = !with_times && searcher.evaluator().has_seen_all();
        self.collect(searcher, hits, searcher.at(), is_confirmed);
        let (block, allow) = (self.any(Status::Blocked), self.any(Status::Allowed));
        let status = searcher.evaluator().overall(kinds, block, allow);
        let listed = self.conclude(status);
        if with_times { listed } else { Listed { first_seen: None, detect_time: None, ..listed } }
    }

    /// The listing of an indicator that has these hits, as of any instant; `None` where no sighting is live then. With
    /// `is_confirmed`, every sighting of the snapshot had been seen by then. The sightings are in [`Listings::live`].
    pub(crate) fn listed_at(
        &mut self,
        searcher: &Searcher<'_>,
        hits: &[Hit],
        at: Time,
        is_confirmed: bool,
    ) -> Option<(Status, Rc<L>)> {
        self.collect(searcher, hits, at, is_confirmed);
        self.conclude_live()
    }

    /// As [`Listings::listed_at`], of sightings that the caller finds: `visit` gets a function that takes each.
    pub(crate) fn listed_among(
        &mut self,
        searcher: &Searcher<'_>,
        visit: impl FnOnce(&mut dyn FnMut(&Sighting)),
    ) -> Option<(Status, Rc<L>)> {
        self.live.clear();
        visit(&mut |sighting| {
            self.push(searcher, 0, sighting);
            if self.live.len() >= LIVE_MAX {
                self.unite();
            }
        });
        self.conclude_live()
    }

    /// The live sightings of the last listing.
    pub(crate) fn live(&self) -> &[LiveSighting] {
        &self.live
    }

    fn conclude_live(&mut self) -> Option<(Status, Rc<L>)> {
        if self.known.len() > LISTINGS_MAX {
            self.known.clear();
        }
        let status = match (self.any(Status::Blocked), self.any(Status::Allowed)) {
            (true, _) => Status::Blocked,
            (false, true) => Status::Allowed,
            (false, false) => return None,
        };
        Some((status, self.conclude(status).listing))
    }

    /// Whether a live sighting has this status.
    fn any(&self, of: Status) -> bool {
        self.live.iter().any(|sighting| sighting.status == of)
    }

    /// Puts the live sightings of all hits in place of those before.
    fn collect(&mut self, searcher: &Searcher<'_>, hits: &[Hit], at: Time, is_confirmed: bool) {
        self.live.clear();
        for (nth, hit) in (0..).zip(hits) {
            if is_confirmed {
                self.add_confirmed(searcher, hit, nth, at);
            } else {
                self.add(searcher, hit, nth, at);
            }
        }
    }

    /// Joins the live sightings that differ in nothing that a listing says, but for their times.
    fn unite(&mut self) {
        self.live.sort_unstable_by_key(|one| (one.provider, one.status));
        self.live.dedup_by(|next, one| {
            let is_same = (one.provider, one.status) == (next.provider, next.status);
            if is_same {
                one.assessments = one.assessments.union(next.assessments);
            }
            is_same
        });
    }

    /// A listing that says no more than a status.
    pub(crate) fn of_status(&mut self, status: Status) -> Listed<L> {
        self.live.clear();
        self.conclude(status)
    }

    /// Adds the live sightings of a hit.
    fn add(&mut self, searcher: &Searcher<'_>, hit: &Hit, nth: u32, at: Time) {
        let evaluator = searcher.evaluator();
        for sighting in sightings(searcher.index(), hit) {
            let is_live = sighting.times.live(at, evaluator.retention_seconds(sighting.feed));
            if is_live && is_covered(searcher, hit, sighting.scope, sighting.extent) {
                self.push(searcher, nth, &sighting);
            }
        }
    }

    fn push(&mut self, searcher: &Searcher<'_>, hit: u32, sighting: &Sighting) {
        let Sighting { feed, list, assessments, scope, extent, .. } = *sighting;
        let Times { first_seen, detect_time, .. } = sighting.times;
        let live = live_sighting(searcher.evaluator(), feed, list, assessments);
        self.live.push(LiveSighting { first_seen, detect_time, hit, scope, extent, ..live });
    }

    /// The same, without the times, as of an instant at which every sighting of the snapshot had been seen.
    fn add_confirmed(&mut self, searcher: &Searcher<'_>, hit: &Hit, nth: u32, at: Time) {
        let evaluator = searcher.evaluator();
        for (record, confirmation) in searcher.index().confirmations(hit.entry) {
            let is_live = at < confirmation.expires(evaluator.retention_seconds(record.feed));
            if is_live && is_covered(searcher, hit, record.scope, record.extent) {
                let live = live_sighting(evaluator, record.feed, record.list, record.assessments);
                self.live.push(LiveSighting { hit: nth, scope: record.scope, extent: record.extent, ..live });
            }
        }
    }

    fn conclude(&mut self, status: Status) -> Listed<L> {
        // Where a provider both blocks and allows, it blocks.
        self.live.sort_unstable_by_key(|one| (one.provider, one.status != Status::Blocked));
        let deciding = || self.live.iter().filter(|one| one.status == status);
        let assessments = deciding().fold(Assessments::EMPTY, |all, one| all.union(one.assessments));
        let first_seen = deciding().map(|one| one.first_seen).min();
        let detect_time = deciding().map(|one| one.detect_time).max();
        self.key.clear();
        self.key.push(status.number());
        self.key.extend(assessments.bits().to_le_bytes());
        let providers = self.live.chunk_by(|one, next| one.provider == next.provider);
        for one in providers.filter_map(<[LiveSighting]>::first) {
            self.key.extend(one.provider.to_le_bytes());
            self.key.push(one.status.number());
        }
        let known = self.known.get(self.key.as_slice()).cloned();
        let listing = known.unwrap_or_else(|| self.insert(status, assessments));
        Listed { listing, first_seen, detect_time }
    }

    /// Makes the listing of the live sightings, which are sorted.
    #[cold]
    fn insert(&mut self, status: Status, assessments: Assessments) -> Rc<L> {
        let of_provider = self.live.chunk_by(|one, next| one.provider == next.provider);
        let providers: Box<[(u32, Status)]> =
            of_provider.filter_map(<[LiveSighting]>::first).map(|one| (one.provider, one.status)).collect();
        let detected_by = providers.iter().filter(|(_, status)| *status == Status::Blocked).count();
        let listing = Rc::new(L::from(Listing { status, detected_by, assessments, providers }));
        self.known.insert(self.key.as_slice().into(), listing.clone());
        listing
    }
}

/// Whether a sighting is of the indicator that was looked up. Forged ones of addresses may have no range; a
/// verdict leaves them out, too.
fn is_covered(searcher: &Searcher<'_>, hit: &Hit, scope: Scope, extent: Extent) -> bool {
    let is_extent = match hit.kind {
        HitKind::Address(address) => searcher.index().listed(extent, address).is_some(),
        HitKind::Name { .. } | HitKind::Url { .. } => true,
    };
    is_extent && scope.covers(hit.kind.is_below())
}

/// A sighting without its times.
fn live_sighting(
    evaluator: &Evaluator,
    feed: FeedId,
    list: ListKind,
    assessments: Assessments,
) -> LiveSighting {
    LiveSighting {
        // There are no more providers than feeds.
        provider: evaluator.provider_of(feed) as u32,
        status: match list {
            ListKind::Block => Status::Blocked,
            ListKind::Allow => Status::Allowed,
        },
        assessments,
        hit: 0,
        scope: Scope::Exact,
        extent: Extent::None,
        first_seen: Time::EARLIEST,
        detect_time: Time::EARLIEST,
    }
}
