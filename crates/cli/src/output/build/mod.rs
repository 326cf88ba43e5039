//! The results of a build: a table for people, JSON for programs, and metrics for Prometheus' node exporter.

mod metrics;
mod table;

pub(crate) use metrics::metrics;
pub(crate) use table::{Publication, summary, troubles};

use crate::output::json;
use rapsheet_ingest::report::{RejectRow, Report};
use std::io::{self, Write};

/// The report as JSON.
pub(crate) fn report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    json::indented(report, out)
}

/// Rejected lines, one JSON object each.
pub(crate) fn rejects(rejects: &[RejectRow], out: &mut dyn Write) -> io::Result<()> {
    rejects.iter().try_for_each(|row| json::line(row, out))
}

#[cfg(test)]
mod tests {
    use rapsheet_ingest::report::{FeedCounts, FeedReport, REPORT_VERSION, Report, Totals};
    use rapsheet_snapshot::section::origin::FeedState;
    use std::collections::BTreeMap;

    /// A build with a feed that is ok and one that is held.
    pub(super) fn example() -> Report {
        let mut good = FeedReport::new("example-drop", "example.org", "plain-ip", "example-drop.txt");
        (good.lines, good.accepted, good.added, good.sightings) = (3, 2, 2, 2);
        good.update_time = Some("2026-11-22T03:00:00Z".to_owned());
        good.age_seconds = Some(75_600);
        good.seconds = Some(0.25);
        let mut lost = FeedReport::new(&"lost-".repeat(12), "example.net", "hosts", "lost.txt");
        (lost.state, lost.reason) = (FeedState::Held, "shrunk".to_owned());
        (lost.lines, lost.accepted, lost.kept, lost.sightings) = (u64::MAX, u64::MAX, 1_234_567, 99_999);
        Report {
            version: REPORT_VERSION,
            now: "2026-11-23T00:00:00Z".to_owned(),
            trouble: true,
            counts: FeedCounts::default(),
            state_missing: true,
            unmatched_accepts: Vec::new(),
            feeds: vec![good, lost],
            ended: Vec::new(),
            totals: Totals::default(),
            spilled_bytes: 0,
            against: None,
            seconds: BTreeMap::from([("read", 1.5)]),
        }
    }
}
