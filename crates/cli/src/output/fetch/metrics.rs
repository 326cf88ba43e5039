//! A fetch as Prometheus metrics, for node exporter's textfile collector.

use super::Results;
use rapsheet_fetch::{Outcome, Verb};
use rapsheet_snapshot::Time;
use std::io::{self, Write};

/// A metric of each feed: its name, its help, and its value.
struct FeedMetric(&'static str, &'static str, fn(&Outcome) -> Option<f64>);

const FEED_METRICS: &[FeedMetric] = &[
    FeedMetric("fetch_failed", "Whether the feed could not be fetched", |outcome| {
        Some(f64::from(u8::from(outcome.state == Verb::Failed)))
    }),
    FeedMetric("fetch_deferred", "Whether the feed had to wait for its turn", |outcome| {
        Some(f64::from(u8::from(outcome.state == Verb::Deferred)))
    }),
    FeedMetric(
        "fetch_timestamp_seconds",
        "When the server last said that the download is right",
        |outcome| outcome.fetched_at.map(seconds),
    ),
    FeedMetric("fetch_changed_timestamp_seconds", "When the download last changed", |outcome| {
        outcome.changed_at.map(seconds)
    }),
    FeedMetric("fetch_bytes", "The bytes of the download", |outcome| outcome.bytes.map(|bytes| bytes as f64)),
    FeedMetric("fetch_duration_seconds", "How long the transfer took", |outcome| {
        (outcome.requests > 0).then_some(outcome.seconds)
    }),
];

fn seconds(time: Time) -> f64 {
    time.unix() as f64
}

/// Writes the metrics.
pub(crate) fn metrics(results: &Results<'_>, out: &mut dyn Write) -> io::Result<()> {
    for FeedMetric(name, help, value) in FEED_METRICS {
        writeln!(out, "# HELP rapsheet_{name} {help}.\n# TYPE rapsheet_{name} gauge")?;
        for outcome in results.outcomes {
            if let Some(value) = value(outcome) {
                writeln!(out, "rapsheet_{name}{{feed=\"{}\"}} {value}", outcome.id)?;
            }
        }
    }
    let whole = [
        ("fetch_last_run_timestamp_seconds", "The instant of the last run", results.at.unix() as f64),
        ("fetch_run_seconds", "How long the last run took", results.seconds),
        (
            "fetch_wire_bytes",
            "The bytes that the last run received",
            results.sum(|outcome| outcome.wire_bytes) as f64,
        ),
    ];
    for (name, help, value) in whole {
        writeln!(
            out,
            "# HELP rapsheet_{name} {help}.\n# TYPE rapsheet_{name} gauge\nrapsheet_{name} {value}"
        )?;
    }
    Ok(())
}
