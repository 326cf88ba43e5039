//! The build as Prometheus metrics, in the text format that node exporter's textfile collector reads.
//!
//! Every metric is a row of a table: name, help, and where its number comes from. Samples carry no
//! timestamps, which the collector refuses; a time is a gauge of seconds since 1970, which an alert compares
//! with the clock.

use rapsheet_ingest::report::{FeedReport, Report};
use rapsheet_snapshot::Time;
use rapsheet_snapshot::section::origin::FeedState;
use std::io::{self, Write};

/// A metric of each feed.
struct FeedMetric {
    name: &'static str,
    help: &'static str,
    value: fn(&FeedReport) -> Option<f64>,
}

/// A metric of the whole build.
struct BuildMetric {
    name: &'static str,
    help: &'static str,
    value: fn(&Report, u64) -> Option<f64>,
}

const FEED_METRICS: &[FeedMetric] = &[
    FeedMetric {
        name: "feed_ok",
        help: "Whether the feed's last download was accepted",
        value: |feed| Some(f64::from(u8::from(feed.state == FeedState::Ok))),
    },
    FeedMetric {
        name: "feed_update_timestamp_seconds",
        help: "When the download that the snapshot holds was retrieved",
        value: |feed| seconds_of(feed.update_time.as_deref()?),
    },
    FeedMetric {
        name: "feed_max_age_seconds",
        help: "After how long without a new download the feed is stale",
        value: |feed| Some(feed.max_age_seconds as f64),
    },
    FeedMetric {
        name: "feed_unchanged_since_timestamp_seconds",
        help: "When the first download that lists what the present one lists was retrieved",
        value: |feed| seconds_of(feed.unchanged_since.as_deref()?),
    },
    FeedMetric {
        name: "feed_sightings",
        help: "Sightings in the snapshot",
        value: |feed| Some(feed.sightings as f64),
    },
    FeedMetric { name: "feed_lines", help: "Lines of the download", value: |feed| Some(feed.lines as f64) },
    FeedMetric {
        name: "feed_accepted",
        help: "Indicators of the download that are in the snapshot",
        value: |feed| Some(feed.accepted as f64),
    },
    FeedMetric {
        name: "feed_duplicate",
        help: "Indicators that the download had already given",
        value: |feed| Some(feed.duplicate as f64),
    },
    FeedMetric {
        name: "feed_expired",
        help: "Indicators of the download whose retention has ended",
        value: |feed| Some(feed.expired as f64),
    },
    FeedMetric {
        name: "feed_rejected",
        help: "Indicators of the download that were rejected",
        value: |feed| Some(feed.rejected as f64),
    },
    FeedMetric { name: "feed_added", help: "Sightings that are new", value: |feed| Some(feed.added as f64) },
    FeedMetric {
        name: "feed_removed",
        help: "Sightings that were delisted",
        value: |feed| Some(feed.removed as f64),
    },
    FeedMetric {
        name: "feed_lapsed",
        help: "Sightings whose retention has ended since the previous build",
        value: |feed| Some(feed.lapsed as f64),
    },
    FeedMetric {
        name: "feed_carried",
        help: "Live sightings that are not in the download",
        value: |feed| Some(feed.carried as f64),
    },
    FeedMetric { name: "feed_read_seconds", help: "How long reading took", value: |feed| feed.seconds },
];

const BUILD_METRICS: &[BuildMetric] = &[
    BuildMetric {
        name: "last_success_timestamp_seconds",
        help: "The instant of the last snapshot that was published",
        value: |report, _| seconds_of(&report.now),
    },
    BuildMetric {
        name: "snapshot_bytes",
        help: "The length of the snapshot",
        value: |_, length| Some(length as f64),
    },
    BuildMetric { name: "feeds", help: "Enabled feeds", value: |report, _| Some(report.feeds.len() as f64) },
    BuildMetric {
        name: "sightings",
        help: "Sightings in the snapshot",
        value: |report, _| Some(report.totals.sightings as f64),
    },
    BuildMetric {
        name: "names",
        help: "Names in the snapshot",
        value: |report, _| Some(report.totals.names as f64),
    },
    BuildMetric {
        name: "urls",
        help: "URLs in the snapshot",
        value: |report, _| Some(report.totals.urls as f64),
    },
    BuildMetric {
        name: "ipv4_runs",
        help: "Disjoint ranges of IPv4 addresses in the snapshot",
        value: |report, _| Some(report.totals.ipv4_runs as f64),
    },
    BuildMetric {
        name: "ipv6_runs",
        help: "Disjoint ranges of IPv6 addresses in the snapshot",
        value: |report, _| Some(report.totals.ipv6_runs as f64),
    },
    BuildMetric {
        name: "build_seconds",
        help: "How long the build took",
        value: |report, _| report.seconds.get("total").copied(),
    },
];

/// Writes the metrics of a build whose snapshot has `length` bytes.
pub(crate) fn metrics(report: &Report, length: u64, out: &mut dyn Write) -> io::Result<()> {
    for BuildMetric { name, help, value } in BUILD_METRICS {
        if let Some(value) = value(report, length) {
            head(name, help, out)?;
            writeln!(out, "rapsheet_{name} {value}")?;
        }
    }
    for metric in FEED_METRICS {
        feed_samples(report, metric, out)?;
    }
    states(report, out)
}

fn head(name: &str, help: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# HELP rapsheet_{name} {help}.\n# TYPE rapsheet_{name} gauge")
}

fn feed_samples(report: &Report, metric: &FeedMetric, out: &mut dyn Write) -> io::Result<()> {
    let FeedMetric { name, help, value } = metric;
    let samples: Vec<(&FeedReport, f64)> =
        report.feeds.iter().filter_map(|feed| Some((feed, value(feed)?))).collect();
    if !samples.is_empty() {
        head(name, help, out)?;
    }
    samples.iter().try_for_each(|(feed, value)| writeln!(out, "rapsheet_{name}{{{}}} {value}", labels(feed)))
}

/// One sample of 1 for each feed in trouble, with the reason as a label: what an alert shows.
fn states(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut troubled = report.feeds.iter().filter(|feed| feed.state != FeedState::Ok).peekable();
    if troubled.peek().is_some() {
        head("feed_trouble", "Why the feed's last download was not accepted", out)?;
    }
    troubled.try_for_each(|feed| {
        let (state, reason) = (feed.state.word(), escaped(&feed.reason));
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
    fn every_sample_follows_its_head() {
        let mut heads = HashSet::new();
        let mut current = String::new();
        for line in text().lines() {
            if let Some(head) = line.strip_prefix("# TYPE ") {
                current = head.split(' ').next().unwrap_or("").to_owned();
                assert!(heads.insert(current.clone()), "{current} has two heads");
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap_or("");
                assert_eq!(name, current);
                let value = line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok());
                assert!(value.is_some_and(f64::is_finite), "{line}");
            }
        }
        assert!(heads.len() > 15);
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
