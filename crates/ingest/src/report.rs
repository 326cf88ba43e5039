//! The report of a build: what happened to each feed, in counts that add up.

use crate::entry::counters::Counters;
use crate::entry::outcome::{Skip, Warning};
use rapsheet_assemble::Counts;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{ParseError, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the report's JSON.
pub const REPORT_VERSION: u32 = 2;

/// How many rejected lines of a feed a build keeps. The counts include the others.
pub const REJECTS_MAX: usize = 10_000;

/// The report of one build.
///
/// ```
/// use rapsheet_ingest::report::{REPORT_VERSION, Report};
///
/// fn summary(report: &Report) -> String {
///     assert_eq!(report.version, REPORT_VERSION);
///     let accepted: u64 = report.feeds.iter().map(|feed| feed.accepted).sum();
///     format!("{accepted} of {} sightings are new or confirmed", report.totals.sightings)
/// }
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The instant of the build.
    pub now: String,
    /// Whether some feed failed or was held.
    pub trouble: bool,
    /// Whether rows of accumulated feeds counted as new because there was no state file.
    pub state_missing: bool,
    /// The feeds, by provider and id.
    pub feeds: Vec<FeedReport>,
    /// Feeds of the previous snapshot whose sightings ended because the catalogue changed.
    pub ended: Vec<EndedFeed>,
    /// What `--accept` named and no download matched, in sentences.
    pub unmatched_accepts: Vec<String>,
    /// How much the snapshot holds.
    pub totals: Totals,
    /// How long each stage took, in seconds, if the caller measured it.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// A feed of the previous snapshot that is gone, or whose list has changed sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndedFeed {
    /// Its id.
    pub id: String,
    /// How many sightings the previous snapshot held of it.
    pub sightings: u64,
    /// `removed` from the catalogue, `disabled` there, or `other-list`: it blocked and now allows, or the
    /// reverse.
    pub reason: &'static str,
}

/// How much a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Disjoint IPv4 ranges.
    pub ipv4_runs: u64,
    /// Disjoint IPv6 ranges.
    pub ipv6_runs: u64,
    /// Names.
    pub names: u64,
    /// URLs.
    pub urls: u64,
    /// Sightings of all feeds.
    pub sightings: u64,
    /// Distinct record sets.
    pub record_sets: u64,
}

impl From<rapsheet_assemble::Totals> for Totals {
    fn from(totals: rapsheet_assemble::Totals) -> Totals {
        Totals {
            ipv4_runs: totals.v4_ranges,
            ipv6_runs: totals.v6_ranges,
            names: totals.names,
            urls: totals.urls,
            sightings: 0,
            record_sets: totals.record_sets,
        }
    }
}

/// The report of one feed. `lines = data_lines + skipped_lines + rejected_lines`, and
/// `indicators = accepted + duplicate + expired + rejected`, exactly.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FeedReport {
    /// Its id.
    pub id: String,
    /// Its provider.
    pub provider: String,
    /// Its format.
    pub format: String,
    /// The file it was read from.
    pub file: String,
    /// `ok`, `failed` or `held`.
    #[serde(serialize_with = "state_word")]
    pub state: FeedState,
    /// Why it is failed or held: a word, such as `missing` or `html`; empty where it is neither.
    pub reason: String,
    /// The reason in a sentence that ends with a remedy; empty where there is none.
    pub reason_text: String,
    /// What an operator should know although it was accepted: a wrong count, a list that never changes.
    pub notes: Vec<String>,
    /// When the download that the snapshot now holds was retrieved.
    pub update_time: Option<String>,
    /// How long ago that was, in seconds.
    pub age_seconds: Option<i64>,
    /// The age in seconds above which it is stale.
    pub max_age_seconds: i64,
    /// Whether it is stale. Look-ups then answer "failed" for what it does not list.
    pub stale: bool,
    /// When the first download with the present content was retrieved.
    pub unchanged_since: Option<String>,
    /// The SHA-256 of the current download, admitted or held. `--accept` takes it.
    pub digest: Option<String>,
    /// The counts of a download that is held. They count nowhere else.
    pub held: Option<HeldDownload>,
    /// How long reading it took, in seconds, if the caller measured it.
    pub seconds: Option<f64>,
    /// The generation time that the list states.
    pub generated: Option<String>,
    /// The number of entries that the list declares.
    pub declared: Option<u64>,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines, or records of a document.
    pub lines: u64,
    /// Lines that gave at least one indicator.
    pub data_lines: u64,
    /// Lines that are no data.
    pub skipped_lines: u64,
    /// Lines that look like data and gave no indicator.
    pub rejected_lines: u64,
    /// Indicators found in lines.
    pub indicators: u64,
    /// Distinct indicators of the download that are in the snapshot.
    pub accepted: u64,
    /// Indicators that the download lists again.
    pub duplicate: u64,
    /// Indicators whose sighting had already expired.
    pub expired: u64,
    /// Indicators that were rejected.
    pub rejected: u64,
    /// Accepted indicators that the previous snapshot did not hold, or held expired.
    pub added: u64,
    /// Accepted indicators that the previous snapshot held: `accepted = added + reconfirmed`.
    pub reconfirmed: u64,
    /// Sightings of the previous snapshot that were live and have been delisted.
    pub removed: u64,
    /// Sightings of the previous snapshot that have expired.
    pub lapsed: u64,
    /// Live sightings that the current download does not list.
    pub carried: u64,
    /// All sightings of the feed in the snapshot: accepted + carried.
    pub sightings: u64,
    /// Skipped lines or parts of lines, by reason.
    pub skips: BTreeMap<&'static str, u64>,
    /// Rejected indicators, by reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Accepted indicators with a warning, by warning.
    pub warnings: BTreeMap<&'static str, u64>,
}

/// The counts of a download that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldDownload {
    /// When it was retrieved.
    pub update_time: String,
    /// Its lines, or records of a document.
    pub lines: u64,
    /// Lines that gave at least one indicator.
    pub data_lines: u64,
    /// Lines that look like data and gave no indicator.
    pub rejected_lines: u64,
    /// Indicators that could be accepted.
    pub indicators: u64,
    /// The number of entries that the list declares.
    pub declared: Option<u64>,
}

impl HeldDownload {
    pub(crate) fn of(counters: &Counters, update_time: Time) -> HeldDownload {
        HeldDownload {
            update_time: update_time.to_string(),
            lines: counters.lines,
            data_lines: counters.data_lines,
            rejected_lines: counters.rejected_lines,
            indicators: counters.entries,
            declared: counters.declared,
        }
    }
}

/// One rejected line, for the rejects file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectRow {
    /// The feed.
    pub feed: String,
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// The byte offset of the line, after decompression.
    pub offset: u64,
    /// The reason, a word of a closed list.
    pub reason: &'static str,
    /// The line's text, cut off.
    pub text: String,
}

/// A line as reports quote it: at most [`QUOTE_MAX`] bytes, as text. The lines of a record become one.
pub(crate) fn quote(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..text.len().min(QUOTE_MAX)).unwrap_or(&[]));
    if text.contains('\n') {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        text.into_owned()
    }
}

/// How many bytes of a rejected line or record a report quotes.
const QUOTE_MAX: usize = 120;

fn state_word<S: serde::Serializer>(state: &FeedState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.word())
}

impl FeedReport {
    /// The report of a feed before anything has been read.
    pub fn new(id: &str, provider: &str, format: &str, file: &str) -> FeedReport {
        FeedReport {
            id: id.to_owned(),
            provider: provider.to_owned(),
            format: format.to_owned(),
            file: file.to_owned(),
            ..FeedReport::default()
        }
    }

    /// Sets the counts of merging.
    pub(crate) fn set_counts(&mut self, counts: &Counts) {
        (self.accepted, self.duplicate, self.expired) = (counts.accepted, counts.duplicate, counts.expired);
        (self.added, self.reconfirmed) = (counts.added, counts.accepted - counts.added);
        (self.removed, self.lapsed, self.carried) = (counts.removed, counts.lapsed, counts.carried);
    }

    /// Sets when the download in the snapshot was retrieved, and whether that makes the feed stale.
    pub(crate) fn set_update_time(&mut self, update_time: Option<Time>, max_age_seconds: i64, now: Time) {
        self.max_age_seconds = max_age_seconds;
        self.stale = update_time.is_none_or(|time| now > time.plus(max_age_seconds));
        self.update_time = update_time.map(|time| time.to_string());
        self.age_seconds = update_time.map(|time| now.unix().saturating_sub(time.unix()));
    }

    /// Moves indicators from accepted to rejected because too many ranges overlap there.
    pub(crate) fn reject_overlaps(&mut self, count: u64, why: ParseError) {
        if count > 0 {
            let of_added = count.min(self.added);
            self.added -= of_added;
            self.reconfirmed = self.reconfirmed.saturating_sub(count - of_added);
            self.accepted = self.accepted.saturating_sub(count);
            self.rejected += count;
            *self.refusals.entry(why.word()).or_default() += count;
        }
    }

    /// Sets the counts of reading.
    pub(crate) fn set_counters(&mut self, counters: &Counters) {
        self.lines = counters.lines;
        self.data_lines = counters.data_lines;
        self.skipped_lines = counters.skipped_lines;
        self.rejected_lines = counters.rejected_lines;
        self.indicators = counters.entries + counters.rejected;
        self.rejected = counters.rejected;
        self.declared = counters.declared;
        self.generated = counters.generated.map(|(_, time)| time.to_string());
        self.skips = by_word(&counters.skips, Skip::word);
        self.refusals = by_word(&counters.refusals, ParseError::word);
        self.warnings = by_word(&counters.warnings, Warning::word);
    }
}

/// The counts by the words that reports print.
fn by_word<K: Copy>(counts: &BTreeMap<K, u64>, word: fn(K) -> &'static str) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(key, count)| (word(*key), *count)).collect()
}
