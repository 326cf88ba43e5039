//! The report of a build: what happened to each feed, in counts that add up.

use crate::entry::counters::Counters;
use crate::entry::outcome::{Skip, Warning};
use rapsheet_assemble::Counts;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{ParseError, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the report's JSON.
pub const REPORT_VERSION: u32 = 3;

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
    /// Whether some feed failed, was held, is stale, or has nothing live.
    pub trouble: bool,
    /// How many feeds are in which state.
    pub counts: FeedCounts,
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
    /// How many bytes of rows did not fit the memory, and were in a temporary file.
    pub spilled_bytes: u64,
    /// What the build newly flags in logs; `None` where it was not compared with any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<AgainstLogs>,
    /// How long each stage took, in seconds, if the caller measured it.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// How many feeds are in which state. Each is counted once, as the worst of what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeedCounts {
    /// Their downloads were taken, and are new enough.
    pub ok: u64,
    /// Their downloads were missing or unreadable.
    pub failed: u64,
    /// A guard held their downloads.
    pub held: u64,
    /// Their downloads are too old, or have not changed for too long.
    pub stale: u64,
    /// None of their sightings is live.
    pub nothing_live: u64,
    /// There never was a download of them.
    pub not_downloaded: u64,
    /// They were not chosen, and what the previous snapshot holds of them is kept as it is.
    pub not_chosen: u64,
}

impl FeedCounts {
    /// Counts feeds.
    pub(crate) fn of(feeds: &[FeedReport]) -> FeedCounts {
        let count = |status| feeds.iter().filter(|feed| feed.status() == status).count() as u64;
        FeedCounts {
            ok: count(FeedStatus::Ok),
            failed: count(FeedStatus::Failed),
            held: count(FeedStatus::Held),
            stale: count(FeedStatus::Stale),
            nothing_live: count(FeedStatus::NothingLive),
            not_downloaded: count(FeedStatus::NotDownloaded),
            not_chosen: 0,
        }
    }
}

/// What an operator must know of a feed first; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FeedStatus {
    /// Its download was missing or unreadable.
    Failed,
    /// A guard held its download.
    Held,
    /// Its download is too old, or has not changed for too long.
    Stale,
    /// None of its sightings is live.
    NothingLive,
    /// There never was a download of it.
    NotDownloaded,
    /// None of these.
    Ok,
}

impl FeedStatus {
    /// As tables print it.
    pub const fn word(self) -> &'static str {
        match self {
            FeedStatus::Failed => "failed",
            FeedStatus::Held => "held",
            FeedStatus::Stale => "stale",
            FeedStatus::NothingLive => "nothing live",
            FeedStatus::NotDownloaded => "not downloaded",
            FeedStatus::Ok => "ok",
        }
    }

    /// Whether an operator should look at it.
    pub const fn is_trouble(self) -> bool {
        !matches!(self, FeedStatus::NotDownloaded | FeedStatus::Ok)
    }
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
    pub ipv4_ranges: u64,
    /// Disjoint IPv6 ranges.
    pub ipv6_ranges: u64,
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
            ipv4_ranges: totals.v4_ranges,
            ipv6_ranges: totals.v6_ranges,
            names: totals.names,
            urls: totals.urls,
            sightings: 0,
            record_sets: totals.record_sets,
        }
    }
}

/// What a build newly flags in an operator's logs, all feeds together. An indicator is newly flagged where no
/// feed blocked it before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AgainstLogs {
    /// The indicators of the logs.
    pub indicators: u64,
    /// Texts among them that are no indicators.
    pub unread: u64,
    /// Those that the previous snapshot blocks at the instant of the build.
    pub flagged_before: u64,
    /// Those that are newly flagged, also by downloads that are held for that.
    pub newly_flagged: u64,
    /// How often the logs contain these.
    pub new_hits: u64,
}

/// What one feed newly flags in an operator's logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewHits {
    /// How many indicators.
    pub indicators: u64,
    /// How often the logs contain them.
    pub hits: u64,
    /// Some of them, those with most hits.
    pub examples: Vec<NewHit>,
}

/// An indicator that is newly flagged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewHit {
    /// The indicator, as the logs' summary has it.
    pub indicator: String,
    /// How often the logs contain it.
    pub hits: u64,
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
    /// Why it is stale (`old`, `unchanged`) or has nothing live (`expired`) although its download was taken; empty
    /// where it is neither.
    pub concern: String,
    /// The concern in a sentence that ends with a remedy; empty where there is none.
    pub concern_text: String,
    /// What an operator should know although it was accepted: a wrong count, a list that never changes.
    pub notes: Vec<String>,
    /// When the download that the snapshot now holds was retrieved.
    pub update_time: Option<String>,
    /// How long ago that was, in seconds.
    pub age_seconds: Option<i64>,
    /// The age in seconds above which it is stale.
    pub max_age_seconds: i64,
    /// How long its content may stay the same before it is stale, in seconds; `None` for ever.
    pub max_unchanged_seconds: Option<i64>,
    /// Whether it is stale. Look-ups then answer "failed" for what it does not list.
    pub stale: bool,
    /// Whether it lists something, and all of that has expired.
    pub nothing_live: bool,
    /// Whether there is no download of it and never was one, which is no trouble.
    pub never_downloaded: bool,
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
    /// Sightings of the previous snapshot that have expired since.
    pub expired_since: u64,
    /// Live sightings of the previous snapshot that stay, although the current download does not list them.
    pub kept: u64,
    /// All sightings of the feed in the snapshot: accepted + kept.
    pub sightings: u64,
    /// What it newly flags in logs, also if it is held for that; `None` where it was not compared with any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_hits: Option<NewHits>,
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
        (self.removed, self.expired_since, self.kept) = (counts.removed, counts.lapsed, counts.carried);
    }

    /// What an operator must know of it first.
    pub fn status(&self) -> FeedStatus {
        match self.state {
            _ if self.never_downloaded => FeedStatus::NotDownloaded,
            FeedState::Failed => FeedStatus::Failed,
            FeedState::Held => FeedStatus::Held,
            _ if self.stale => FeedStatus::Stale,
            _ if self.nothing_live => FeedStatus::NothingLive,
            _ => FeedStatus::Ok,
        }
    }

    /// Why it is in trouble: a word and a sentence, both empty where it is not.
    pub fn why(&self) -> (&str, &str) {
        match self.state {
            FeedState::Ok => (&self.concern, &self.concern_text),
            _ => (&self.reason, &self.reason_text),
        }
    }

    /// Sets how fresh the download in the snapshot is, and gives the reason where that makes the feed stale.
    pub(crate) fn set_freshness(&mut self, freshness: &Freshness, now: Time) {
        let Freshness { update_time, unchanged_since, max_age_seconds, max_unchanged_seconds } = *freshness;
        (self.max_age_seconds, self.max_unchanged_seconds) = (max_age_seconds, max_unchanged_seconds);
        self.update_time = update_time.map(|time| time.to_string());
        self.unchanged_since = unchanged_since.map(|time| time.to_string());
        self.age_seconds = update_time.map(|time| now.unix().saturating_sub(time.unix()));
        let why = freshness.stale_reason(now);
        self.stale = why.is_some();
        if let Some((word, text)) = why.filter(|_| self.state == FeedState::Ok) {
            (self.concern, self.concern_text) = (word.to_owned(), text);
        }
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

/// How fresh the download is that the snapshot holds, and how fresh it must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    /// When it was retrieved; `None` where there never was one.
    pub(crate) update_time: Option<Time>,
    /// Since when its content is the same.
    pub(crate) unchanged_since: Option<Time>,
    /// The age above which the feed is stale.
    pub(crate) max_age_seconds: i64,
    /// How long the content may stay the same.
    pub(crate) max_unchanged_seconds: Option<i64>,
}

impl Freshness {
    /// The last instant at which the content is not too old.
    fn unchanged_until(&self) -> Option<Time> {
        Some(self.unchanged_since?.plus(self.max_unchanged_seconds?))
    }

    /// How long after its retrieval the download makes the feed stale, whichever limit ends first.
    pub(crate) fn stale_after_seconds(&self) -> i64 {
        match (self.unchanged_until(), self.update_time) {
            (Some(until), Some(update)) => self.max_age_seconds.min(until.unix() - update.unix()),
            _ => self.max_age_seconds,
        }
    }

    /// Why the feed is stale: a word, and a sentence with the remedy.
    fn stale_reason(&self, now: Time) -> Option<(&'static str, String)> {
        let Some(update) = self.update_time else {
            return Some(("old", "it has never had a good download".to_owned()));
        };
        if now > update.plus(self.max_age_seconds) {
            let (age, max_age) = (days(now.unix() - update.unix()), days(self.max_age_seconds));
            let text = format!("its download is {age} old, and max_age is {max_age}: was it fetched?");
            return Some(("old", text));
        }
        let (since, max) = (self.unchanged_since?, self.max_unchanged_seconds?);
        (now > since.plus(max)).then(|| {
            let max = days(max);
            let text = format!(
                "its content is the same since {since}, and max_unchanged is {max}: is it still maintained? If it \
                 rests by nature, set max_unchanged = \"off\" in the catalogue"
            );
            ("unchanged", text)
        })
    }
}

/// A number and what it counts: `1 entry`, `2 entries`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A number of seconds as people say it: in days from two days on, else in hours or minutes.
pub(crate) fn days(seconds: i64) -> String {
    match seconds {
        172_800.. => format!("{}d", seconds / 86_400),
        3600.. => format!("{}h", seconds / 3600),
        60.. => format!("{}m", seconds / 60),
        _ => format!("{}s", seconds.max(0)),
    }
}

/// The counts by the words that reports print.
fn by_word<K: Copy>(counts: &BTreeMap<K, u64>, word: fn(K) -> &'static str) -> BTreeMap<&'static str, u64> {
    counts.iter().map(|(key, count)| (word(*key), *count)).collect()
}
