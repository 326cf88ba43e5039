//! What Prometheus reads at `/metrics`.

use rapsheet_snapshot::{FeedState, Snapshot, Time};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The statuses that are counted; any other counts as the last.
const STATUSES: [u16; 14] = [200, 204, 303, 400, 401, 404, 405, 408, 413, 414, 429, 431, 503, 500];

/// The upper ends of the buckets of latencies, in seconds.
const BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Counters of requests.
pub(crate) struct Metrics {
    /// By route and status; the last row is of requests that no route takes.
    requests: Vec<[AtomicU64; STATUSES.len()]>,
    buckets: [AtomicU64; BUCKETS.len() + 1],
    microseconds: AtomicU64,
    pub(crate) lookups: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
}

/// What is read when the metrics are.
pub(crate) struct Gauges<'a> {
    pub(crate) routes: &'a [String],
    pub(crate) connections: usize,
    pub(crate) snapshot: Option<&'a Snapshot>,
    pub(crate) now: Time,
    pub(crate) generation: u64,
    pub(crate) refused: u64,
    pub(crate) log_lines_lost: u64,
}

fn zeros<const COUNT: usize>() -> [AtomicU64; COUNT] {
    std::array::from_fn(|_| AtomicU64::new(0))
}

impl Metrics {
    pub(crate) fn new(routes: usize) -> Metrics {
        Metrics {
            requests: std::iter::repeat_with(zeros).take(routes + 1).collect(),
            buckets: zeros(),
            microseconds: AtomicU64::new(0),
            lookups: AtomicU64::new(0),
            connections_refused: AtomicU64::new(0),
        }
    }

    /// Counts an answer; `route` is its position in the table, or `None` where no route takes the request.
    pub(crate) fn count(&self, route: Option<usize>, status: u16, took: Duration) {
        let last = STATUSES.len() - 1;
        let column = STATUSES.iter().position(|known| *known == status).unwrap_or(last);
        let row = route.unwrap_or(self.requests.len().saturating_sub(1));
        if let Some(counter) = self.requests.get(row).and_then(|row| row.get(column)) {
            counter.fetch_add(1, Relaxed);
        }
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.iter().position(|end| seconds <= *end).unwrap_or(BUCKETS.len());
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Relaxed);
        }
        self.microseconds.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The text of all of them.
    pub(crate) fn text(&self, gauges: &Gauges<'_>) -> String {
        let mut out = String::with_capacity(8 << 10);
        self.write_requests(gauges.routes, &mut out);
        self.write_latencies(&mut out);
        let counters = [
            ("lookups_total", "Indicators that were looked up", self.lookups.load(Relaxed)),
            (
                "http_connections_refused_total",
                "Connections that found no room",
                self.connections_refused.load(Relaxed),
            ),
            ("snapshots_refused_total", "Files at the path that were no sound snapshot", gauges.refused),
            (
                "access_log_lost_total",
                "Lines of the access log that could not be written",
                gauges.log_lines_lost,
            ),
        ];
        for (name, help, value) in counters {
            sample(name, help, "counter", value, &mut out);
        }
        sample("http_connections", "Open connections", "gauge", gauges.connections as u64, &mut out);
        sample(
            "snapshot_generation",
            "Snapshots that this server has taken since it began",
            "gauge",
            gauges.generation,
            &mut out,
        );
        if let Some(snapshot) = gauges.snapshot {
            write_snapshot(snapshot, gauges.now, &mut out);
        }
        out
    }

    fn write_requests(&self, routes: &[String], out: &mut String) {
        comments("http_requests_total", "Requests by route and status", "counter", out);
        let names = routes.iter().map(String::as_str).chain(["other"]);
        for (name, row) in names.zip(&self.requests) {
            for (status, count) in STATUSES.iter().zip(row) {
                let count = count.load(Relaxed);
                if count > 0 {
                    let _ = writeln!(
                        out,
                        "rapsheet_http_requests_total{{route=\"{name}\",status=\"{status}\"}} {count}"
                    );
                }
            }
        }
    }

    fn write_latencies(&self, out: &mut String) {
        let name = "http_request_duration_seconds";
        comments(name, "How long answers took, without sending them", "histogram", out);
        let mut sum = 0;
        let ends = BUCKETS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        for (end, count) in ends.zip(&self.buckets) {
            sum += count.load(Relaxed);
            let _ = writeln!(out, "rapsheet_{name}_bucket{{le=\"{end}\"}} {sum}");
        }
        let seconds = self.microseconds.load(Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "rapsheet_{name}_sum {seconds}\nrapsheet_{name}_count {sum}");
    }
}

fn write_snapshot(snapshot: &Snapshot, now: Time, out: &mut String) {
    let built_at = snapshot.built_at().unix();
    comments("snapshot_built_timestamp_seconds", "When the snapshot was built", "gauge", out);
    let _ = writeln!(out, "rapsheet_snapshot_built_timestamp_seconds {built_at}");
    comments("snapshot_age_seconds", "How long ago that was", "gauge", out);
    let _ = writeln!(out, "rapsheet_snapshot_age_seconds {}", now.unix().saturating_sub(built_at));
    sample("snapshot_bytes", "The length of the snapshot", "gauge", snapshot.byte_len(), out);
    comments("feeds", "Feeds of the snapshot by state", "gauge", out);
    for (state, count) in feeds_by_state(snapshot, now) {
        let _ = writeln!(out, "rapsheet_feeds{{state=\"{state}\"}} {count}");
    }
}

/// How many feeds are ok, failed, held, and stale though their last download was accepted.
pub(crate) fn feeds_by_state(snapshot: &Snapshot, now: Time) -> [(&'static str, usize); 4] {
    let feeds = &snapshot.origin().feeds;
    let count = |state: FeedState| feeds.iter().filter(|feed| feed.state == state).count();
    let stale = feeds.iter().filter(|feed| feed.state == FeedState::Ok && feed.is_stale(now)).count();
    [
        ("ok", count(FeedState::Ok) - stale),
        ("failed", count(FeedState::Failed)),
        ("held", count(FeedState::Held)),
        ("stale", stale),
    ]
}

fn sample(name: &str, help: &str, kind: &str, value: u64, out: &mut String) {
    comments(name, help, kind, out);
    let _ = writeln!(out, "rapsheet_{name} {value}");
}

fn comments(name: &str, help: &str, kind: &str, out: &mut String) {
    let _ = writeln!(out, "# HELP rapsheet_{name} {help}.\n# TYPE rapsheet_{name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_route_and_status() {
        let metrics = Metrics::new(1);
        metrics.count(Some(0), 200, Duration::from_micros(80));
        metrics.count(Some(0), 418, Duration::from_secs(9));
        metrics.count(None, 404, Duration::ZERO);
        let routes = ["/v4/ip/{x}".to_owned()];
        let text = metrics.text(&Gauges {
            routes: &routes,
            connections: 3,
            snapshot: None,
            now: Time::from_unix(0),
            generation: 2,
            refused: 1,
            log_lines_lost: 0,
        });
        for line in [
            "rapsheet_http_requests_total{route=\"/v4/ip/{x}\",status=\"200\"} 1",
            "rapsheet_http_requests_total{route=\"/v4/ip/{x}\",status=\"500\"} 1",
            "rapsheet_http_requests_total{route=\"other\",status=\"404\"} 1",
            "rapsheet_http_request_duration_seconds_bucket{le=\"0.0001\"} 2",
            "rapsheet_http_request_duration_seconds_bucket{le=\"5\"} 2",
            "rapsheet_http_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "rapsheet_http_request_duration_seconds_count 3",
            "rapsheet_snapshots_refused_total 1",
            "rapsheet_http_connections 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
