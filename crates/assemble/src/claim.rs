//! Claims about one indicator, and how they are resolved to a sighting.
//!
//! A claim is what one source states about an indicator for one feed. [`resolve`] applies the rules on time,
//! for one feed and one indicator at a time: what confirms a sighting, when it was first seen, when it
//! expires, and what happens when the current download does not list it. The rest of the crate sorts and
//! counts.

use crate::limits::SizeLimits;
use rapsheet_snapshot::section::times::MaybeTime;
use rapsheet_snapshot::{Assessments, FeedId, ListKind, Mode, Time, Times, TooLarge};

/// Where a claim comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimSource {
    /// A row of the current download.
    Download,
    /// A sighting of the previous snapshot.
    PreviousSnapshot,
    /// A row of the last accepted download, kept in the state file.
    StateFile,
}

/// One claim of one feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The feed.
    pub feed: FeedId,
    /// Block or allow.
    pub list: ListKind,
    /// Where it comes from.
    pub source: ClaimSource,
    /// The assessments; empty where the row states none.
    pub assessments: Assessments,
    /// First seen: the row's own, or that of the earlier sighting.
    pub first_seen: Option<Time>,
    /// Last seen: the row's own, or the detect_time of the earlier sighting.
    pub last_seen: Option<Time>,
    /// The row's own expiry.
    pub expires: Option<Time>,
}

/// A claim in twenty bytes: feeds whose rows state their own times have as many claims as rows.
#[derive(Clone, Copy, Debug)]
struct PackedClaim {
    first_seen: MaybeTime,
    last_seen: MaybeTime,
    expires: MaybeTime,
    feed: FeedId,
    assessments: Assessments,
    list: ListKind,
    source: ClaimSource,
    /// How many rows have it, up to [`FREQUENT_MIN`].
    uses: u8,
}

/// A claim of fewer rows than this is rare: see `groups`.
const FREQUENT_MIN: u8 = 16;

impl From<Claim> for PackedClaim {
    fn from(claim: Claim) -> PackedClaim {
        let Claim { feed, list, source, assessments, first_seen, last_seen, expires } = claim;
        let [first_seen, last_seen, expires] = [first_seen, last_seen, expires].map(MaybeTime::from);
        PackedClaim { first_seen, last_seen, expires, feed, assessments, list, source, uses: 0 }
    }
}

impl From<PackedClaim> for Claim {
    fn from(packed: PackedClaim) -> Claim {
        let PackedClaim { feed, list, source, assessments, .. } = packed;
        let [first_seen, last_seen, expires] =
            [packed.first_seen, packed.last_seen, packed.expires].map(MaybeTime::get);
        Claim { feed, list, source, assessments, first_seen, last_seen, expires }
    }
}

/// Claims in the order of their numbers, which the tags of rows refer to.
#[derive(Clone, Debug, Default)]
pub struct ClaimTable {
    claims: Vec<PackedClaim>,
    limits: SizeLimits,
}

impl ClaimTable {
    /// An empty table.
    pub fn new(limits: SizeLimits) -> ClaimTable {
        ClaimTable { claims: Vec::new(), limits }
    }

    /// Adds a claim and returns its number.
    pub fn push(&mut self, claim: Claim) -> Result<u32, TooLarge> {
        self.extend([claim])
    }

    /// Adds claims and returns the number of the first; the others follow it.
    pub fn extend(&mut self, claims: impl IntoIterator<Item = Claim>) -> Result<u32, TooLarge> {
        self.extend_packed(claims.into_iter().map(PackedClaim::from))
    }

    /// As [`ClaimTable::extend`], with the number of rows that have each claim: see [`ClaimTable::count_use`].
    pub fn extend_used(&mut self, claims: impl IntoIterator<Item = (Claim, u8)>) -> Result<u32, TooLarge> {
        self.extend_packed(
            claims.into_iter().map(|(claim, uses)| PackedClaim {
                uses: uses.min(FREQUENT_MIN),
                ..PackedClaim::from(claim)
            }),
        )
    }

    fn extend_packed(&mut self, claims: impl Iterator<Item = PackedClaim>) -> Result<u32, TooLarge> {
        let base = self.claims.len();
        self.claims.extend(claims);
        TooLarge::check("distinct claims", "claims", self.claims.len() as u64, self.limits.claims)?;
        TooLarge::fit_u32("distinct claims", "claims", base)
    }

    /// Adds all claims of another table and returns the number of the first; the others follow it.
    pub fn append(&mut self, other: &ClaimTable) -> Result<u32, TooLarge> {
        self.extend_packed(other.claims.iter().copied())
    }

    /// Counts a row that has this claim. What a build resolves to does not depend on it: groups of claims that few
    /// rows have are resolved anew whenever they are needed, and the others once.
    #[inline]
    pub fn count_use(&mut self, number: u32) {
        if let Some(claim) = self.claims.get_mut(number as usize) {
            claim.uses = (claim.uses + 1).min(FREQUENT_MIN);
        }
    }

    /// Whether few rows have a claim.
    #[inline]
    pub(crate) fn is_rare(&self, number: usize) -> bool {
        self.claims.get(number).is_some_and(|claim| claim.uses < FREQUENT_MIN)
    }

    /// The claim of a number.
    #[inline]
    pub fn get(&self, number: usize) -> Option<Claim> {
        self.claims.get(number).copied().map(Claim::from)
    }

    /// The claims, in order.
    pub fn iter(&self) -> impl Iterator<Item = Claim> {
        self.claims.iter().copied().map(Claim::from)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.claims.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }

    /// The limits of the table.
    pub fn limits(&self) -> SizeLimits {
        self.limits
    }
}

/// How one feed's claims are resolved.
#[derive(Clone, Copy, Debug)]
pub struct RetentionPolicy {
    /// Reset or accumulated.
    pub mode: Mode,
    /// Whether entries that a reset list no longer has stay until they expire.
    pub keep_absent: bool,
    /// How long a sighting is live after its detect_time, in seconds.
    pub retention_seconds: i64,
    /// Whether the current download was accepted.
    pub accepted: bool,
    /// When the download was retrieved.
    pub update_time: Time,
    /// What presence in a reset list confirms: the list's own time, or the update_time.
    pub confirmed: Time,
    /// Block or allow.
    pub list: ListKind,
    /// The assessments of a row that states none. An exception from the list gets the plain assessment of its
    /// own kind.
    pub assessments: Assessments,
    /// The instant of the build.
    pub now: Time,
}

impl RetentionPolicy {
    fn default_assessments(&self, list: ListKind) -> Assessments {
        if list == self.list { self.assessments } else { Assessments::EMPTY.with(list.plain_assessment()) }
    }
}

/// How a feed's claims were resolved, in numbers of indicators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct indicators of the current download that have a live sighting.
    pub accepted: u64,
    /// Rows of the current download beyond the first for the same indicator.
    pub duplicate: u64,
    /// Indicators of the current download whose sighting has already expired.
    pub expired: u64,
    /// Accepted, and either not in the previous snapshot or expired there.
    pub added: u64,
    /// Live in the previous snapshot, and delisted.
    pub removed: u64,
    /// In the previous snapshot, and expired.
    pub lapsed: u64,
    /// Not in the current download, and still live.
    pub carried: u64,
}

impl Counts {
    /// Adds `times` times another count.
    pub fn add(&mut self, other: &Counts, times: u64) {
        self.accepted += other.accepted * times;
        self.duplicate += other.duplicate * times;
        self.expired += other.expired * times;
        self.added += other.added * times;
        self.removed += other.removed * times;
        self.lapsed += other.lapsed * times;
        self.carried += other.carried * times;
    }
}

/// What a feed's claims about one indicator resolve to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// The sighting, if there is a live one.
    pub(crate) sighting: Option<(Times, Assessments)>,
    /// The times of the row for the next state file.
    pub(crate) retained: Option<Times>,
    /// The counts.
    pub(crate) counts: Counts,
}

/// Resolves the claims of one feed about one indicator, all with the same list kind.
pub(crate) fn resolve(policy: &RetentionPolicy, claims: &[Claim]) -> Resolution {
    let of = |source: ClaimSource| claims.iter().filter(move |claim| claim.source == source);
    let rows = of(ClaimSource::Download).count() as u64;
    let previous =
        of(ClaimSource::PreviousSnapshot).find_map(known_times).filter(|known| is_live(policy, known));
    let recorded = of(ClaimSource::StateFile).find_map(known_times);
    let before = match (of(ClaimSource::PreviousSnapshot).next(), &previous) {
        (None, _) => PreviousState::Unlisted,
        (Some(_), None) => PreviousState::Expired,
        (Some(_), Some(_)) => PreviousState::Live,
    };
    let mut resolved = if rows > 0 {
        resolve_listed(policy, of(ClaimSource::Download), previous.as_ref(), recorded.as_ref())
    } else {
        let is_kept = !policy.accepted || policy.mode == Mode::Accumulated || policy.keep_absent;
        let assessments = of(ClaimSource::PreviousSnapshot)
            .fold(Assessments::EMPTY, |sum, claim| sum.union(claim.assessments));
        let sighting = previous.filter(|_| is_kept).map(|times| (times, assessments));
        let retained = recorded.filter(|_| !policy.accepted);
        Resolution { sighting, retained, counts: Counts::default() }
    };
    resolved.counts = count(rows, before, resolved.sighting.is_some());
    resolved
}

fn known_times(claim: &Claim) -> Option<Times> {
    let (first_seen, detect_time) = (claim.first_seen?, claim.last_seen?);
    Some(Times { first_seen, detect_time, row_expiry: claim.expires })
}

fn is_live(policy: &RetentionPolicy, times: &Times) -> bool {
    policy.now < times.expires(policy.retention_seconds)
}

/// The current download lists the indicator.
fn resolve_listed<'c>(
    policy: &RetentionPolicy,
    rows: impl Iterator<Item = &'c Claim> + Clone,
    previous: Option<&Times>,
    recorded: Option<&Times>,
) -> Resolution {
    let detect_time = match policy.mode {
        Mode::Reset => policy.confirmed,
        Mode::Accumulated => {
            let stated = rows.clone().filter_map(|row| row.last_seen.or(row.first_seen)).max();
            let unstated = || recorded.map_or(policy.update_time, |known| known.detect_time);
            stated.unwrap_or_else(unstated).max(previous.map_or(Time::EARLIEST, |known| known.detect_time))
        }
    };
    let own_first = rows.clone().filter_map(|row| row.first_seen).min();
    // An expired sighting starts over: the state file's first_seen counts only while its row is live.
    let is_current = |known: &&Times| policy.mode == Mode::Accumulated && is_live(policy, known);
    let known_first = previous.or(recorded.filter(is_current));
    let first_seen = own_first.or(known_first.map(|known| known.first_seen)).unwrap_or(detect_time);
    let stated = rows.clone().fold(Assessments::EMPTY, |sum, row| sum.union(row.assessments));
    let list = rows.clone().next().map_or(policy.list, |row| row.list);
    let assessments = if stated.is_empty() { policy.default_assessments(list) } else { stated };
    let times = Times { first_seen, detect_time, row_expiry: latest_expiry(rows) };
    Resolution {
        sighting: is_live(policy, &times).then_some((times, assessments)),
        retained: (policy.mode == Mode::Accumulated).then_some(times),
        counts: Counts::default(),
    }
}

/// The latest stated expiry, if every row states one.
fn latest_expiry<'c>(rows: impl Iterator<Item = &'c Claim> + Clone) -> Option<Time> {
    rows.clone().all(|row| row.expires.is_some()).then(|| rows.filter_map(|row| row.expires).max()).flatten()
}

/// Whether the previous snapshot lists the indicator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PreviousState {
    Unlisted,
    Expired,
    Live,
}

fn count(rows: u64, before: PreviousState, is_live: bool) -> Counts {
    let one = |holds: bool| u64::from(holds);
    let listed = rows > 0;
    Counts {
        accepted: one(listed && is_live),
        duplicate: rows.saturating_sub(1),
        expired: one(listed && !is_live),
        added: one(listed && is_live && before != PreviousState::Live),
        removed: one(!is_live && before == PreviousState::Live),
        lapsed: one(before == PreviousState::Expired),
        carried: one(!listed && is_live),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn day(number: i64) -> Time {
        Time::from_unix(1_780_000_000 + number * DAY)
    }

    fn policy(mode: Mode, now: i64) -> RetentionPolicy {
        RetentionPolicy {
            mode,
            keep_absent: false,
            retention_seconds: 15 * DAY,
            accepted: true,
            update_time: day(now),
            confirmed: day(now),
            list: ListKind::Block,
            assessments: Assessments::EMPTY,
            now: day(now),
        }
    }

    fn claim(source: ClaimSource, first: Option<i64>, last: Option<i64>) -> Claim {
        Claim {
            feed: FeedId(0),
            list: ListKind::Block,
            source,
            assessments: Assessments::EMPTY,
            first_seen: first.map(day),
            last_seen: last.map(day),
            expires: None,
        }
    }

    fn times(resolved: &Resolution) -> Option<(Time, Time)> {
        resolved.sighting.map(|(times, _)| (times.first_seen, times.detect_time))
    }

    #[test]
    fn resolves_a_reset_list_by_presence() {
        let policy = policy(Mode::Reset, 20);
        let (row, known) = (
            claim(ClaimSource::Download, None, Some(3)),
            claim(ClaimSource::PreviousSnapshot, Some(10), Some(19)),
        );
        let resolved = resolve(&policy, &[row, row, known]);
        assert_eq!(times(&resolved), Some((day(10), day(20))));
        assert_eq!(resolved.counts, Counts { accepted: 1, duplicate: 1, ..Counts::default() });
        let gone = resolve(&policy, &[known]);
        assert_eq!((times(&gone), gone.counts.removed), (None, 1));
        let kept = resolve(&RetentionPolicy { keep_absent: true, ..policy }, &[known]);
        assert_eq!((times(&kept), kept.counts.carried), (Some((day(10), day(19))), 1));
        let failed = resolve(&RetentionPolicy { accepted: false, ..policy }, &[known]);
        assert_eq!(times(&failed), Some((day(10), day(19))));
    }

    #[test]
    fn never_refreshes_an_accumulated_row_without_times() {
        let policy = policy(Mode::Accumulated, 20);
        let row = claim(ClaimSource::Download, None, None);
        assert_eq!(times(&resolve(&policy, &[row])), Some((day(20), day(20))));
        let recorded = claim(ClaimSource::StateFile, Some(8), Some(8));
        assert_eq!(times(&resolve(&policy, &[row, recorded])), Some((day(8), day(8))));
        let old = claim(ClaimSource::StateFile, Some(4), Some(4));
        let resolved = resolve(&policy, &[row, old]);
        assert_eq!((times(&resolved), resolved.counts.expired), (None, 1));
        assert_eq!(
            resolved.retained.map(|times| times.detect_time),
            Some(day(4)),
            "the state file keeps the expired row"
        );
    }

    #[test]
    fn dates_an_accumulated_row_by_its_own_times() {
        let policy = policy(Mode::Accumulated, 20);
        let rows =
            [claim(ClaimSource::Download, Some(6), Some(12)), claim(ClaimSource::Download, Some(7), None)];
        assert_eq!(times(&resolve(&policy, &rows)), Some((day(6), day(12))));
        assert_eq!(times(&resolve(&policy, &rows[1..])), Some((day(7), day(7))));
    }

    #[test]
    fn assesses_an_exception_from_a_block_list_as_trustworthy() {
        let botnet = Assessments::EMPTY.with(rapsheet_snapshot::Assessment::Botnet);
        let policy = RetentionPolicy { assessments: botnet, ..policy(Mode::Reset, 20) };
        let row = claim(ClaimSource::Download, None, None);
        let exception = Claim { list: ListKind::Allow, ..row };
        let assessed =
            |row: Claim| resolve(&policy, &[row]).sighting.map(|(_, assessments)| assessments.to_string());
        assert_eq!(assessed(row).as_deref(), Some("botnet"));
        assert_eq!(assessed(exception).as_deref(), Some("trustworthy"));
    }

    #[test]
    fn drops_an_expired_sighting_of_a_failed_feed() {
        let policy = RetentionPolicy { accepted: false, ..policy(Mode::Reset, 20) };
        let expired = claim(ClaimSource::PreviousSnapshot, Some(1), Some(5));
        let resolved = resolve(&policy, &[expired]);
        assert_eq!((times(&resolved), resolved.counts.removed, resolved.counts.lapsed), (None, 0, 1));
    }
}
