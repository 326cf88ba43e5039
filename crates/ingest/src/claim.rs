//! What downloads of today and of earlier nights claim of one indicator, and what that comes to.
//!
//! This is where the contract's section on time is decided, for one feed and one indicator at a time: what
//! confirms a sighting, when it was first seen, when it ends, and what becomes of it when today's list does
//! not hold it. Everything else in the build only sorts claims together and counts.

use rapsheet_snapshot::{Assessments, FeedId, ListKind, Mode, Time, Times};

/// Which text makes a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Voice {
    /// A row of today's download.
    Today,
    /// A sighting of the previous snapshot.
    Yesterday,
    /// A row of the last accepted download, which the state file remembers.
    Remembered,
}

/// One claim of one feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// The feed.
    pub(crate) feed: FeedId,
    /// Block or allow.
    pub(crate) list: ListKind,
    /// Who claims it.
    pub(crate) voice: Voice,
    /// How bad; empty where a row states none.
    pub(crate) assessments: Assessments,
    /// First seen: the row's own, or what earlier nights knew.
    pub(crate) first_seen: Option<Time>,
    /// Last seen: the row's own, or the detect_time that earlier nights knew.
    pub(crate) last_seen: Option<Time>,
    /// The row's own end.
    pub(crate) expires: Option<Time>,
}

/// What one feed's claims are settled by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Reset or accumulated.
    pub(crate) mode: Mode,
    /// Whether a reset list's vanished entries stay to their end.
    pub(crate) keep_absent: bool,
    /// How long a sighting counts after its detect_time, in seconds.
    pub(crate) retention_seconds: i64,
    /// Whether today's download was taken.
    pub(crate) taken: bool,
    /// When the download was retrieved.
    pub(crate) update_time: Time,
    /// What presence in a reset list confirms: the list's own time, or the update_time.
    pub(crate) confirmed: Time,
    /// Block or allow.
    pub(crate) list: ListKind,
    /// What a row without an assessment means; an exception from the list means only that.
    pub(crate) assessments: Assessments,
    /// The instant of the build.
    pub(crate) now: Time,
}

impl Plan {
    fn default_assessments(&self, list: ListKind) -> Assessments {
        if list == self.list { self.assessments } else { Assessments::EMPTY.with(list.plain_assessment()) }
    }
}

/// What became of a feed's claims on one indicator, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Distinct indicators of today that stand.
    pub(crate) accepted: u64,
    /// Rows of today beyond the first for the same indicator.
    pub(crate) duplicate: u64,
    /// Indicators of today whose sighting is already over.
    pub(crate) expired: u64,
    /// Accepted, and not in the previous snapshot, or over there.
    pub(crate) added: u64,
    /// In the previous snapshot, still live, and delisted.
    pub(crate) removed: u64,
    /// In the previous snapshot, and over.
    pub(crate) lapsed: u64,
    /// Not in today's list, and standing all the same.
    pub(crate) carried: u64,
}

impl Counts {
    /// Adds `times` times another count.
    pub(crate) fn add(&mut self, other: &Counts, times: u64) {
        self.accepted += other.accepted * times;
        self.duplicate += other.duplicate * times;
        self.expired += other.expired * times;
        self.added += other.added * times;
        self.removed += other.removed * times;
        self.lapsed += other.lapsed * times;
        self.carried += other.carried * times;
    }
}

/// What a feed's claims on one indicator come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settlement {
    /// The sighting, where there is one.
    pub(crate) sighting: Option<(Times, Assessments)>,
    /// What the state file shall remember of the row.
    pub(crate) remember: Option<Times>,
    /// The numbers.
    pub(crate) counts: Counts,
}

/// Settles the claims of one feed, on one list side, of one indicator.
pub(crate) fn settle(plan: &Plan, claims: &[Claim]) -> Settlement {
    let of = |voice: Voice| claims.iter().filter(move |claim| claim.voice == voice);
    let rows = of(Voice::Today).count() as u64;
    let yesterday = of(Voice::Yesterday).find_map(known_times).filter(|known| alive(plan, known));
    let remembered = of(Voice::Remembered).find_map(known_times);
    let before = match (of(Voice::Yesterday).next(), &yesterday) {
        (None, _) => Before::Unlisted,
        (Some(_), None) => Before::Over,
        (Some(_), Some(_)) => Before::Live,
    };
    let mut settled = if rows > 0 {
        present(plan, of(Voice::Today), yesterday.as_ref(), remembered.as_ref())
    } else {
        let stays = !plan.taken || plan.mode == Mode::Accumulated || plan.keep_absent;
        let assessments =
            of(Voice::Yesterday).fold(Assessments::EMPTY, |sum, claim| sum.union(claim.assessments));
        let sighting = yesterday.filter(|_| stays).map(|times| (times, assessments));
        let remember = remembered.filter(|_| !plan.taken);
        Settlement { sighting, remember, counts: Counts::default() }
    };
    settled.counts = count(rows, before, settled.sighting.is_some());
    settled
}

fn known_times(claim: &Claim) -> Option<Times> {
    let (first_seen, detect_time) = (claim.first_seen?, claim.last_seen?);
    Some(Times { first_seen, detect_time, row_expiry: claim.expires })
}

fn alive(plan: &Plan, times: &Times) -> bool {
    plan.now < times.expires(plan.retention_seconds)
}

/// The indicator stands in today's list.
fn present<'c>(
    plan: &Plan,
    rows: impl Iterator<Item = &'c Claim> + Clone,
    yesterday: Option<&Times>,
    remembered: Option<&Times>,
) -> Settlement {
    let detect_time = match plan.mode {
        Mode::Reset => plan.confirmed,
        Mode::Accumulated => {
            let stated = rows.clone().filter_map(|row| row.last_seen.or(row.first_seen)).max();
            let unstated = || remembered.map_or(plan.update_time, |known| known.detect_time);
            stated.unwrap_or_else(unstated).max(yesterday.map_or(Time::EARLIEST, |known| known.detect_time))
        }
    };
    let own_first = rows.clone().filter_map(|row| row.first_seen).min();
    // A sighting that was over begins anew, whatever the state file still knows of its row.
    let row_lives = |known: &&Times| plan.mode == Mode::Accumulated && alive(plan, known);
    let known_first = yesterday.or(remembered.filter(row_lives));
    let first_seen = own_first.or(known_first.map(|known| known.first_seen)).unwrap_or(detect_time);
    let stated = rows.clone().fold(Assessments::EMPTY, |sum, row| sum.union(row.assessments));
    let list = rows.clone().next().map_or(plan.list, |row| row.list);
    let assessments = if stated.is_empty() { plan.default_assessments(list) } else { stated };
    let times = Times { first_seen, detect_time, row_expiry: latest_end(rows) };
    Settlement {
        sighting: alive(plan, &times).then_some((times, assessments)),
        remember: (plan.mode == Mode::Accumulated).then_some(times),
        counts: Counts::default(),
    }
}

/// The latest stated end; a row without one has no end of its own.
fn latest_end<'c>(rows: impl Iterator<Item = &'c Claim> + Clone) -> Option<Time> {
    rows.clone().all(|row| row.expires.is_some()).then(|| rows.filter_map(|row| row.expires).max()).flatten()
}

/// What the previous snapshot had.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Unlisted,
    Over,
    Live,
}

fn count(rows: u64, before: Before, stands: bool) -> Counts {
    let one = |holds: bool| u64::from(holds);
    let listed = rows > 0;
    Counts {
        accepted: one(listed && stands),
        duplicate: rows.saturating_sub(1),
        expired: one(listed && !stands),
        added: one(listed && stands && before != Before::Live),
        removed: one(!stands && before == Before::Live),
        lapsed: one(before == Before::Over),
        carried: one(!listed && stands),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn day(number: i64) -> Time {
        Time::from_unix(1_780_000_000 + number * DAY)
    }

    fn plan(mode: Mode, today: i64) -> Plan {
        Plan {
            mode,
            keep_absent: false,
            retention_seconds: 15 * DAY,
            taken: true,
            update_time: day(today),
            confirmed: day(today),
            list: ListKind::Block,
            assessments: Assessments::EMPTY,
            now: day(today),
        }
    }

    fn claim(voice: Voice, first: Option<i64>, last: Option<i64>) -> Claim {
        Claim {
            feed: FeedId(0),
            list: ListKind::Block,
            voice,
            assessments: Assessments::EMPTY,
            first_seen: first.map(day),
            last_seen: last.map(day),
            expires: None,
        }
    }

    fn times(settled: &Settlement) -> Option<(Time, Time)> {
        settled.sighting.map(|(times, _)| (times.first_seen, times.detect_time))
    }

    #[test]
    fn a_reset_list_confirms_by_presence_and_drops_by_absence() {
        let plan = plan(Mode::Reset, 20);
        let (row, known) = (claim(Voice::Today, None, Some(3)), claim(Voice::Yesterday, Some(10), Some(19)));
        let settled = settle(&plan, &[row, row, known]);
        assert_eq!(times(&settled), Some((day(10), day(20))));
        assert_eq!(settled.counts, Counts { accepted: 1, duplicate: 1, ..Counts::default() });
        let gone = settle(&plan, &[known]);
        assert_eq!((times(&gone), gone.counts.removed), (None, 1));
        let kept = settle(&Plan { keep_absent: true, ..plan }, &[known]);
        assert_eq!((times(&kept), kept.counts.carried), (Some((day(10), day(19))), 1));
        let failed = settle(&Plan { taken: false, ..plan }, &[known]);
        assert_eq!(times(&failed), Some((day(10), day(19))));
    }

    #[test]
    fn an_accumulated_row_is_dated_once_and_never_refreshed() {
        let plan = plan(Mode::Accumulated, 20);
        let row = claim(Voice::Today, None, None);
        assert_eq!(times(&settle(&plan, &[row])), Some((day(20), day(20))));
        let remembered = claim(Voice::Remembered, Some(8), Some(8));
        assert_eq!(times(&settle(&plan, &[row, remembered])), Some((day(8), day(8))));
        let old = claim(Voice::Remembered, Some(4), Some(4));
        let settled = settle(&plan, &[row, old]);
        assert_eq!((times(&settled), settled.counts.expired), (None, 1));
        assert_eq!(
            settled.remember.map(|times| times.detect_time),
            Some(day(4)),
            "it is remembered as expired"
        );
    }

    #[test]
    fn row_times_count_where_an_accumulated_row_has_them() {
        let plan = plan(Mode::Accumulated, 20);
        let rows = [claim(Voice::Today, Some(6), Some(12)), claim(Voice::Today, Some(7), None)];
        assert_eq!(times(&settle(&plan, &rows)), Some((day(6), day(12))));
        assert_eq!(times(&settle(&plan, &rows[1..])), Some((day(7), day(7))));
    }

    #[test]
    fn an_exception_is_trustworthy_whatever_its_list_is_of() {
        let botnet = Assessments::EMPTY.with(rapsheet_snapshot::Assessment::Botnet);
        let plan = Plan { assessments: botnet, ..plan(Mode::Reset, 20) };
        let row = claim(Voice::Today, None, None);
        let exception = Claim { list: ListKind::Allow, ..row };
        let said =
            |row: Claim| settle(&plan, &[row]).sighting.map(|(_, assessments)| assessments.to_string());
        assert_eq!(said(row).as_deref(), Some("botnet"));
        assert_eq!(said(exception).as_deref(), Some("trustworthy"));
    }

    #[test]
    fn what_is_over_does_not_come_back_by_carrying() {
        let plan = Plan { taken: false, ..plan(Mode::Reset, 20) };
        let over = claim(Voice::Yesterday, Some(1), Some(5));
        let settled = settle(&plan, &[over]);
        assert_eq!((times(&settled), settled.counts.removed, settled.counts.lapsed), (None, 0, 1));
    }
}
