//! What pulls did, for Prometheus: a file that its node exporter reads.

use rapsheet_ship::{Accepted, Cause, PullError, Pulled};
use rapsheet_snapshot::Time;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// What is counted over the pulls of one process.
#[derive(Default)]
pub(super) struct Counts {
    /// The bytes that came.
    pub(super) received: u64,
    refusals: BTreeMap<Cause, u64>,
    paths: BTreeMap<&'static str, u64>,
    /// Whether the last pull succeeded.
    is_current: bool,
}

impl Counts {
    /// Counts a pull that succeeded.
    pub(super) fn pulled(&mut self, pulled: &Pulled) {
        *self.paths.entry(pulled.path).or_default() += 1;
        self.is_current = true;
        if let Some(refusal) = &pulled.fallback {
            *self.refusals.entry(refusal.cause).or_default() += 1;
        }
    }

    /// Counts one that did not.
    pub(super) fn refused(&mut self, refusal: &PullError) {
        *self.refusals.entry(refusal.cause).or_default() += 1;
        self.is_current = false;
    }
}

/// Writes the metrics.
pub(super) fn write(
    counts: &Counts,
    snapshot: &Path,
    accepted: Option<&Accepted>,
    now: Time,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut gauge = |name: &str, help: &str, value: u64| {
        writeln!(out, "# HELP rapsheet_ship_{name} {help}.\n# TYPE rapsheet_ship_{name} gauge")?;
        writeln!(out, "rapsheet_ship_{name} {value}")
    };
    let seconds = |time: Time| u64::try_from(time.unix()).unwrap_or(0);
    gauge("last_pull_timestamp_seconds", "When this host last looked for a publication", seconds(now))?;
    gauge("last_pull_succeeded", "Whether that pull succeeded", u64::from(counts.is_current))?;
    if let Ok(about) = fs::metadata(snapshot) {
        gauge("snapshot_bytes", "The length of the snapshot in place", about.len())?;
    }
    if let Some(accepted) = accepted {
        gauge("generation", "The highest generation that was accepted", accepted.generation)?;
        let times = [
            ("published_timestamp_seconds", "When that generation was published", &accepted.published_at),
            ("expires_timestamp_seconds", "Until when it may be taken for the newest", &accepted.expires),
        ];
        for (name, help, text) in times {
            if let Some(time) = Time::parse_rfc3339(text) {
                gauge(name, help, seconds(time))?;
            }
        }
    }
    write_counters(counts, out)
}

fn write_counters(counts: &Counts, out: &mut dyn Write) -> io::Result<()> {
    let head = |out: &mut dyn Write, name: &str, help: &str| {
        writeln!(out, "# HELP rapsheet_ship_{name} {help}.\n# TYPE rapsheet_ship_{name} counter")
    };
    head(out, "received_bytes_total", "Bytes that this process has received")?;
    writeln!(out, "rapsheet_ship_received_bytes_total {}", counts.received)?;
    head(out, "pulls_total", "Pulls that succeeded, by the way that was taken")?;
    for path in ["none", "delta", "full"] {
        let count = counts.paths.get(path).copied().unwrap_or(0);
        writeln!(out, "rapsheet_ship_pulls_total{{path=\"{path}\"}} {count}")?;
    }
    head(out, "refusals_total", "What was refused, by cause")?;
    for cause in Cause::ALL {
        let count = counts.refusals.get(&cause).copied().unwrap_or(0);
        writeln!(out, "rapsheet_ship_refusals_total{{cause=\"{}\"}} {count}", cause.word())?;
    }
    Ok(())
}
