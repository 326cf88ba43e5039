//! `-o json`: one object. Pairs of feeds that share nothing are left out.

use super::{LedgerOutput, Row, View, share};
use crate::output::json;
use rapsheet_ledger::{Churn, LogHits};
use serde::Serialize;
use std::io::{self, Write};

/// The row of the table.
pub(super) static OUTPUT: LedgerOutput =
    LedgerOutput { name: "json", about: "For programs, one indented object", print };

/// The version of the object.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Object<'a> {
    version: u32,
    now: String,
    built_at: String,
    list: &'static str,
    /// Distinct indicators.
    indicators: u64,
    /// Of all feeds together.
    entries: u64,
    ipv4_addresses: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_built_at: Option<String>,
    feeds: Vec<Feed<'a>>,
    overlaps: Vec<Overlap<'a>>,
    cover: CoverObject<'a>,
}

#[derive(Serialize)]
struct Feed<'a> {
    feed: &'a str,
    provider: &'a str,
    entries: u64,
    unique: u64,
    unique_share: Option<f64>,
    ipv4_addresses: u64,
    ipv4_addresses_unique: u64,
    median_age_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    churn: Option<ChurnObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<LogsObject>,
}

#[derive(Serialize)]
struct ChurnObject {
    before: u64,
    added: u64,
    removed: u64,
    share: Option<f64>,
}

#[derive(Serialize)]
struct LogsObject {
    indicators: u64,
    hits: u64,
    indicators_alone: u64,
    hits_alone: u64,
}

/// How many entries of a feed another one has.
#[derive(Serialize)]
struct Overlap<'a> {
    feed: &'a str,
    other: &'a str,
    entries: u64,
    share: Option<f64>,
}

#[derive(Serialize)]
struct CoverObject<'a> {
    method: &'static str,
    percent: String,
    covered: u64,
    share: Option<f64>,
    feeds: Vec<StepObject<'a>>,
}

#[derive(Serialize)]
struct StepObject<'a> {
    feed: &'a str,
    added: u64,
    covered: u64,
}

fn print(view: &View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rows = view.rows();
    let object = Object {
        version: VERSION,
        now: view.now.to_string(),
        built_at: view.snapshot.built_at().to_string(),
        list: view.list.word(),
        indicators: view.ledger.indicators(),
        entries: view.entries(),
        ipv4_addresses: view.ledger.addresses(),
        previous_built_at: view.churn.as_ref().map(|(built, _)| built.to_string()),
        feeds: rows.iter().map(feed).collect(),
        overlaps: overlaps(view, &rows),
        cover: cover(view),
    };
    json::indented(&object, out)
}

fn feed<'a>(row: &Row<'a>) -> Feed<'a> {
    let figures = &row.figures;
    Feed {
        feed: row.id,
        provider: row.provider,
        entries: figures.entries,
        unique: figures.unique,
        unique_share: share(figures.unique, figures.entries),
        ipv4_addresses: figures.addresses,
        ipv4_addresses_unique: figures.addresses_unique,
        median_age_seconds: figures.median_age_seconds,
        churn: row.churn.as_ref().map(churn),
        logs: row.hits.as_ref().map(logs),
    }
}

fn churn(churn: &Churn) -> ChurnObject {
    let Churn { before, added, removed, .. } = *churn;
    let share = churn.share().map(|share| (share * 1e6).round() / 1e6);
    ChurnObject { before, added, removed, share }
}

fn logs(hits: &LogHits) -> LogsObject {
    let LogHits { indicators, hits, indicators_alone, hits_alone, .. } = *hits;
    LogsObject { indicators, hits, indicators_alone, hits_alone }
}

fn overlaps<'a>(view: &View<'_>, rows: &[Row<'a>]) -> Vec<Overlap<'a>> {
    let mut overlaps = Vec::new();
    for row in rows {
        for other in rows.iter().filter(|other| other.at != row.at) {
            let entries = view.ledger.overlap(row.at, other.at);
            if entries > 0 {
                let share = share(entries, row.figures.entries);
                overlaps.push(Overlap { feed: row.id, other: other.id, entries, share });
            }
        }
    }
    overlaps
}

fn cover<'a>(view: &'a View<'_>) -> CoverObject<'a> {
    let cover = &view.cover;
    let step = |step: &rapsheet_ledger::Step| StepObject {
        feed: view.id(step.feed),
        added: step.added,
        covered: step.covered,
    };
    CoverObject {
        method: "greedy",
        percent: view.share.to_string(),
        covered: cover.covered,
        share: share(cover.covered, cover.indicators),
        feeds: cover.steps.iter().map(step).collect(),
    }
}
