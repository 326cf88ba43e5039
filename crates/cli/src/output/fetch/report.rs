//! A fetch as JSON.

use super::Results;
use rapsheet_fetch::{Outcome, Verb};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(Serialize)]
struct Report<'a> {
    generated_at: String,
    downloads: String,
    tls_roots: &'a str,
    proxy: Option<&'a str>,
    totals: Totals,
    warnings: &'a [String],
    feeds: &'a [Outcome],
}

#[derive(Serialize)]
struct Totals {
    #[serde(flatten)]
    feeds: BTreeMap<&'static str, usize>,
    bytes: u64,
    wire_bytes: u64,
    seconds: f64,
}

/// Writes the report.
pub(crate) fn report(results: &Results<'_>, out: &mut dyn Write) -> io::Result<()> {
    let states = [Verb::Fetched, Verb::NotModified, Verb::Deferred, Verb::Skipped, Verb::Failed];
    // Only a dry run leaves feeds due.
    let due = Some(Verb::Due).filter(|due| results.count(*due) > 0);
    let totals = Totals {
        feeds: states.into_iter().chain(due).map(|state| (state.word(), results.count(state))).collect(),
        bytes: results.sum(|outcome| outcome.bytes),
        wire_bytes: results.sum(|outcome| outcome.wire_bytes),
        seconds: results.seconds,
    };
    let report = Report {
        generated_at: results.at.to_string(),
        downloads: results.downloads.display().to_string(),
        tls_roots: results.tls_roots,
        proxy: results.proxy,
        totals,
        warnings: results.warnings,
        feeds: results.outcomes,
    };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}
