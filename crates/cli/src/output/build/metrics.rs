//! The build as Prometheus metrics, in the text format that node exporter's textfile collector reads.
//!
//! Every metric is a row of a table: name, help, and where its number comes from. Samples carry no
//! timestamps, which the collector refuses; a time is a gauge of seconds since 1970, which an alert compares
//! with the clock.

use rapsheet_ingest::report::{FeedReport, Report};
use rapsheet_snapshot::Time;
use rapsheet_snapshot::section::origin::FeedState;
use std::io::{self, Write};

/// A metric of each feed: its name, its help, and its value.
struct FeedMetric(&'static str, &'static str, fn(&FeedReport) -> Option<f64>);

/// A metric of the whole build: its name, its help, and its value, of the report and the length of the
/// snapshot.
struct BuildMetric(&'static str, &'static str, fn(&Report, u64) -> Option<f64>);

const FEED_METRICS: &[FeedMetric] = &[
    FeedMetric("feed_ok", "Whether the feed's last download was accepted", |feed| {
        Some(f64::from(u8::from(feed.state == FeedState::Ok)))
    }),
    FeedMetric(
        "feed_update_timestamp_seconds",
        "When the download that the snapshot holds was retrieved",
        |feed| seconds_of(feed.update_time.as_deref()?),
    ),
    FeedMetric("feed_stale", "Whether the download is too old, or unchanged for too long", |feed| {
        Some(f64::from(u8::from(feed.stale)))
    }),
    FeedMetric("feed_nothing_live", "Whether the feed lists something, and all of it has expired", |feed| {
        Some(f64::from(u8::from(feed.nothing_live)))
    }),
    FeedMetric("feed_max_age_seconds", "After how long without a new download the feed is stale", |feed| {
        Some(feed.max_age_seconds as f64)
    }),
    FeedMetric(
        "feed_unchanged_since_timestamp_seconds",
        "When the content of the download last changed",
        |feed| seconds_of(feed.unchanged_since.as_deref()?),
    ),
    FeedMetric("feed_sightings", "Sightings in the snapshot", |feed| Some(feed.sightings as f64)),
    FeedMetric("feed_lines", "Lines of the download", |feed| Some(feed.lines as f64)),
    FeedMetric("feed_accepted", "Indicators of the download that are in the snapshot", |feed| {
        Some(feed.accepted as f64)
    }),
    FeedMetric("feed_duplicate", "Indicators that the download had already given", |feed| {
        Some(feed.duplicate as f64)
    }),
    FeedMetric("feed_expired", "Indicators of the download whose retention has ended", |feed| {
        Some(feed.expired as f64)
    }),
    FeedMetric("feed_rejected", "Indicators of the download that were rejected", |feed| {
        Some(feed.rejected as f64)
    }),
    FeedMetric("feed_added", "Sightings that are new", |feed| Some(feed.added as f64)),
    FeedMetric("feed_removed", "Sightings that were delisted", |feed| Some(feed.removed as f64)),
    FeedMetric(
        "feed_expired_since",
        "Sightings whose retention has ended since the previous build",
        |feed| Some(feed.expired_since as f64),
    ),
    FeedMetric("feed_kept", "Live sightings that are not in the download", |feed| Some(feed.kept as f64)),
    FeedMetric("feed_read_seconds", "How long reading took", |feed| feed.seconds),
];

const BUILD_METRICS: &[BuildMetric] = &[
    BuildMetric(
        "last_success_timestamp_seconds",
        "The instant of the last snapshot that was published",
        |report, _| seconds_of(&report.now),
    ),
    BuildMetric("snapshot_bytes", "The length of the snapshot", |_, length| Some(length as f64)),
    BuildMetric("feeds", "Feeds that were read", |report, _| Some(report.feeds.len() as f64)),
    BuildMetric("feeds_ok", "Feeds without trouble", |report, _| Some(report.counts.ok as f64)),
    BuildMetric("feeds_failed", "Feeds whose download is missing or unreadable", |report, _| {
        Some(report.counts.failed as f64)
    }),
    BuildMetric("feeds_held", "Feeds whose download is held", |report, _| Some(report.counts.held as f64)),
    BuildMetric("feeds_stale", "Feeds whose download is too old, or unchanged for too long", |report, _| {
        Some(report.counts.stale as f64)
    }),
    BuildMetric("feeds_nothing_live", "Feeds of which everything has expired", |report, _| {
        Some(report.counts.nothing_live as f64)
    }),
    BuildMetric("feeds_not_downloaded", "Feeds that were never downloaded", |report, _| {
        Some(report.counts.not_downloaded as f64)
    }),
    BuildMetric("sightings", "Sightings in the snapshot", |report, _| Some(report.totals.sightings as f64)),
    BuildMetric("names", "Names in the snapshot", |report, _| Some(report.totals.names as f64)),
    BuildMetric("urls", "URLs in the snapshot", |report, _| Some(report.totals.urls as f64)),
    BuildMetric("ipv4_ranges", "Disjoint ranges of IPv4 addresses in the snapshot", |report, _| {
        Some(report.totals.ipv4_ranges as f64)
    }),
    BuildMetric("ipv6_ranges", "Disjoint ranges of IPv6 addresses in the snapshot", |report, _| {
        Some(report.totals.ipv6_ranges as f64)
    }),
    BuildMetric("build_seconds", "How long the build took", |report, _| report.seconds.get("total").copied()),
];

/// Writes the metrics of a build whose snapshot has `length` bytes.
pub(crate) fn metrics(report: &Report, length: u64, out: &mut dyn Write) -> io::Result<()> {
    for BuildMetric(name, help, value) in BUILD_METRICS {
        if let Some(value) = value(report, length) {
            comments(name, help, out)?;
            writeln!(out, "rapsheet_{name} {value}")?;
        }
    }
    for metric in FEED_METRICS {
        feed_samples(report, metric, out)?;
    }
    states(report, out)
}

/// The comment lines above the samples of a metric.
fn comments(name: &str, help: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# HELP rapsheet_{name} {help}.\n# TYPE rapsheet_{name} gauge")
}

fn feed_samples(report: &Report, metric: &FeedMetric, out: &mut dyn Write) -> io::Result<()> {
    let FeedMetric(name, help, value) = metric;
    let samples: Vec<(&FeedReport, f64)> =
        report.feeds.iter().filter_map(|feed| Some((feed, value(feed)?))).collect();
    if !samples.is_empty() {
        comments(name, help, out)?;
    }
    samples.iter().try_for_each(|(feed, value)| writeln!(out, "rapsheet_{name}{{{}}} {value}", labels(feed)))
}

/// One sample of 1 for each feed in trouble, with the reason as a label: what an alert shows.
fn states(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut troubled = report.feeds.iter().filter(|feed| feed.status().is_trouble()).peekable();
    if troubled.peek().is_some() {
        comments("feed_trouble", "Why the feed failed, was held, is stale, or has nothing live", out)?;
    }
    troubled.try_for_each(|feed| {
        let (state, reason) = (feed.status().word(), escaped(feed.why().0));
        writeln!(out, "rapsheet_feed_trouble{{{},state=\"{state}\",reason=\"{reason}\"}} 1", labels(feed))
    })
}

fn labels(feed: &FeedReport) -> String {
    format!("feed=\"{}\",provider=\"{}\"", escaped(&feed.id), escaped(&feed.provider))
}

/// The three characters that the format escapes.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

fn seconds_of(time: &str) -> Option<f64> {
    Time::parse_rfc3339(time).map(|time| time.unix() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::tests::example;
    use super::*;
    use std::collections::HashSet;

    fn text() -> String {
        let mut out = Vec::new();
        metrics(&example(), 4096, &mut out).expect("memory takes it");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn every_sample_follows_its_comments() {
        let mut names = HashSet::new();
        let mut current = String::new();
        for line in text().lines() {
            if let Some(text) = line.strip_prefix("# TYPE ") {
                current = text.split(' ').next().unwrap_or("").to_owned();
                assert!(names.insert(current.clone()), "{current} is described twice");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap_or("");
                assert_eq!(name, current);
                let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
                assert!(value.is_some_and(f64::is_finite), "{line}");
            }
        }
        assert!(names.len() > 15);
    }

    #[test]
    fn samples_have_the_numbers_of_the_report() {
        let text = text();
        for line in [
            "rapsheet_last_success_timestamp_seconds 1795392000",
            "rapsheet_snapshot_bytes 4096",
            "rapsheet_feed_ok{feed=\"example-drop\",provider=\"example.org\"} 1",
            "rapsheet_feed_added{feed=\"example-drop\",provider=\"example.org\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("state=\"held\",reason=\"shrunk\"} 1"));
    }

    #[test]
    fn escapes_labels() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
