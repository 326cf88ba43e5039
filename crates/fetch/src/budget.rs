//! How often a host may be asked.

use rapsheet_snapshot::Time;
use serde::{Deserialize, Serialize};

/// The span of a budget, in seconds.
const HOUR: i64 = 3600;

/// What a host, or an agreement with it, allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostLimits {
    /// The most requests in any hour.
    pub per_hour: Option<u32>,
    /// The least time between two requests, in seconds.
    pub gap_seconds: Option<i64>,
}

/// What was asked of a host, and what it answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HostState {
    /// The requests of the last hour, and the last one.
    #[serde(with = "crate::time::list")]
    requests: Vec<Time>,
    /// Until when it wanted not to be asked.
    #[serde(with = "crate::time")]
    pub(crate) paused_until: Option<Time>,
}

/// Why a host must wait, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// For people, without the name of the host.
    pub(crate) why: String,
    pub(crate) until: Time,
}

impl HostState {
    /// Counts a request.
    pub(crate) fn count(&mut self, now: Time) {
        self.forget(now);
        self.requests.push(now);
    }

    /// Drops what no limit looks at any more: requests of more than an hour ago, but for the last one, and those of a
    /// clock that was ahead.
    fn forget(&mut self, now: Time) {
        self.requests.retain(|at| *at <= now);
        self.requests.sort_unstable();
        let last = self.requests.len().saturating_sub(1);
        let recent = |at: &Time| at.plus(HOUR) > now;
        let old = self.requests.iter().take(last).filter(|at| !recent(at)).count();
        self.requests.drain(..old);
    }

    /// What keeps the host from being asked now.
    pub(crate) fn wait(&self, limits: HostLimits, now: Time) -> Option<Wait> {
        let paused = self.paused_until.filter(|until| *until > now);
        let paused = paused.map(|until| Wait { why: "it asked for a pause".to_owned(), until });
        paused.or_else(|| self.over_budget(limits, now)).or_else(|| self.within_gap(limits, now))
    }

    fn over_budget(&self, limits: HostLimits, now: Time) -> Option<Wait> {
        let budget = limits.per_hour?;
        let mut recent: Vec<Time> =
            self.requests.iter().copied().filter(|at| *at <= now && at.plus(HOUR) > now).collect();
        recent.sort_unstable();
        let over = (recent.len() + 1).checked_sub(budget as usize).filter(|over| *over > 0)?;
        // The budget has room again when so many of the oldest requests are an hour old.
        let until = recent.get(over - 1).map_or(now.plus(HOUR), |at| at.plus(HOUR));
        Some(Wait { why: format!("its {budget} requests an hour are spent"), until })
    }

    fn within_gap(&self, limits: HostLimits, now: Time) -> Option<Wait> {
        let gap = limits.gap_seconds?;
        let last = self.requests.iter().copied().filter(|at| *at <= now).max()?;
        let until = last.plus(gap);
        (until > now).then(|| Wait { why: format!("it is asked once in {}", span(gap)), until })
    }
}

/// A span in words.
fn span(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{} minutes", seconds / 60) } else { format!("{seconds} seconds") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_unix(1_000_000_000 + seconds)
    }

    #[test]
    fn no_hour_has_more_than_the_budget() {
        let limits = HostLimits { per_hour: Some(3), gap_seconds: None };
        let mut host = HostState::default();
        let mut sent = Vec::new();
        for now in (0..40_000).step_by(97) {
            if host.wait(limits, at(now)).is_none() {
                host.count(at(now));
                sent.push(now);
            }
        }
        for first in &sent {
            let within = sent.iter().filter(|at| (*first..first + HOUR).contains(*at)).count();
            assert!(within <= 3, "{within} from {first}");
        }
        assert!(sent.len() >= 30, "{}: the budget is used", sent.len());
        assert!(host.requests.len() <= 4);
    }

    #[test]
    fn says_when_there_is_room_again() {
        let limits = HostLimits { per_hour: Some(2), gap_seconds: Some(1800) };
        let mut host = HostState::default();
        host.count(at(0));
        assert_eq!(host.wait(limits, at(60)).map(|wait| wait.until), Some(at(1800)));
        host.count(at(1800));
        assert_eq!(host.wait(limits, at(1900)).map(|wait| wait.until), Some(at(HOUR)));
        assert_eq!(host.wait(limits, at(HOUR)), None);
        host.paused_until = Some(at(9999));
        assert_eq!(host.wait(limits, at(HOUR)).map(|wait| wait.until), Some(at(9999)));
    }

    #[test]
    fn a_clock_that_was_ahead_blocks_nothing() {
        let limits = HostLimits { per_hour: Some(1), gap_seconds: Some(60) };
        let mut host = HostState::default();
        host.count(at(1_000_000));
        assert_eq!(host.wait(limits, at(0)), None);
        assert_eq!(
            host.wait(HostLimits { per_hour: Some(0), gap_seconds: None }, at(0)).map(|wait| wait.until),
            Some(at(HOUR))
        );
    }
}
