//! What a night came to, feed by feed, in numbers that add up.

use crate::claim::Counts;
use crate::scribe::{Skip, Warning};
use crate::tally::Tally;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{ParseError, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the report's JSON.
pub const REPORT_VERSION: u32 = 2;

/// How many rejected lines of a feed a build keeps; the counts go on.
pub const REJECTS_MAX: usize = 10_000;

/// The report of one build.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The instant of the build.
    pub now: String,
    /// Whether some feed failed or was held.
    pub trouble: bool,
    /// Whether rows of accumulated feeds counted as new because there was no state of the night before.
    pub state_missing: bool,
    /// The feeds, by provider and id.
    pub feeds: Vec<FeedReport>,
    /// Feeds of the night before whose sightings ended because the catalogue says so.
    pub ended: Vec<EndedFeed>,
    /// What the snapshot holds.
    pub totals: Totals,
    /// How long each stage took, in seconds, if whoever built has looked at a clock.
    pub seconds: BTreeMap<&'static str, f64>,
}

/// A feed of the night before that is none any more, or another one under the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EndedFeed {
    /// Its id.
    pub id: String,
    /// How many sightings the snapshot of the night before held of it.
    pub sightings: u64,
    /// `removed` from the catalogue, `disabled` there, or now of the `other-list`: block where it was allow, or allow.
    pub reason: &'static str,
}

/// What a snapshot holds, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Disjoint runs of IPv4 addresses.
    pub ipv4_runs: u64,
    /// Disjoint runs of IPv6 addresses.
    pub ipv6_runs: u64,
    /// Names.
    pub names: u64,
    /// URLs.
    pub urls: u64,
    /// Sightings of all feeds.
    pub sightings: u64,
    /// Interned record sets.
    pub record_sets: u64,
}

/// The report of one feed. `lines = data_lines + skipped_lines + rejected_lines`, and
/// `indicators = accepted + duplicate + expired + rejected`, exactly.
#[derive(Clone, Debug, Serialize)]
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
    /// What a person should know of it all the same: a count that it does not keep, a list that never changes.
    pub notes: Vec<String>,
    /// When the download that the snapshot now holds was retrieved.
    pub update_time: Option<String>,
    /// How long ago that was, in seconds.
    pub age_seconds: Option<i64>,
    /// After how many seconds it is stale.
    pub max_age_seconds: i64,
    /// Whether it is older than that: what it does not list is then answered with "failed".
    pub stale: bool,
    /// When the first download was retrieved that listed just what the present one lists.
    pub unchanged_since: Option<String>,
    /// The SHA-256 of tonight's download, taken or held: `--accept` takes it.
    pub digest: Option<String>,
    /// What was read of a download that is held. Nothing of it counts anywhere else.
    pub held: Option<HeldDownload>,
    /// How long reading it took, in seconds, if whoever built has looked at a clock.
    pub seconds: Option<f64>,
    /// The time at which the list says it was made.
    pub generated: Option<String>,
    /// The number of entries that the list says it has.
    pub declared: Option<u64>,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines, or records of a document.
    pub lines: u64,
    /// Lines that gave at least one indicator.
    pub data_lines: u64,
    /// Lines that are no data.
    pub skipped_lines: u64,
    /// Lines that look like data and gave nothing usable.
    pub rejected_lines: u64,
    /// Indicators found in lines.
    pub indicators: u64,
    /// Distinct indicators taken into the snapshot.
    pub accepted: u64,
    /// Indicators that the same download had already given.
    pub duplicate: u64,
    /// Indicators whose sighting had already expired.
    pub expired: u64,
    /// Indicators refused.
    pub rejected: u64,
    /// Accepted indicators that the previous snapshot did not hold.
    pub added: u64,
    /// Accepted indicators that the previous snapshot held already: `accepted = added + reconfirmed`.
    pub reconfirmed: u64,
    /// Sightings of the previous snapshot that would still be live, and were delisted.
    pub removed: u64,
    /// Sightings of the previous snapshot whose time ran out.
    pub lapsed: u64,
    /// Sightings that stand although today's download does not list them.
    pub carried: u64,
    /// All sightings of the feed in the snapshot: accepted + carried.
    pub sightings: u64,
    /// Why lines or their parts were skipped.
    pub skips: BTreeMap<&'static str, u64>,
    /// Why indicators were refused.
    pub refusals: BTreeMap<&'static str, u64>,
    /// What was odd about indicators that were taken.
    pub warnings: BTreeMap<&'static str, u64>,
}

/// What was read of a download that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldDownload {
    /// When it was retrieved.
    pub update_time: String,
    /// Its lines, or records of a document.
    pub lines: u64,
    /// Lines that gave at least one indicator.
    pub data_lines: u64,
    /// Lines that look like data and gave nothing usable.
    pub rejected_lines: u64,
    /// Indicators that could be taken.
    pub indicators: u64,
    /// The number of entries that the list says it has.
    pub declared: Option<u64>,
}

impl HeldDownload {
    pub(crate) fn of(tally: &Tally, update_time: Time) -> HeldDownload {
        HeldDownload {
            update_time: update_time.to_string(),
            lines: tally.lines,
            data_lines: tally.data_lines,
            rejected_lines: tally.rejected_lines,
            indicators: tally.entries,
            declared: tally.declared,
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
    /// Why, in a word of the closed list.
    pub reason: &'static str,
    /// The line's text, cut off.
    pub text: String,
}

fn state_word<S: serde::Serializer>(state: &FeedState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.word())
}

impl FeedReport {
    /// A report of a feed of which nothing has been read.
    pub fn new(id: &str, provider: &str, format: &str, file: &str) -> FeedReport {
        FeedReport {
            id: id.to_owned(),
            provider: provider.to_owned(),
            format: format.to_owned(),
            file: file.to_owned(),
            state: FeedState::Ok,
            reason: String::new(),
            reason_text: String::new(),
            notes: Vec::new(),
            update_time: None,
            age_seconds: None,
            max_age_seconds: 0,
            stale: false,
            unchanged_since: None,
            digest: None,
            held: None,
            seconds: None,
            generated: None,
            declared: None,
            bytes: 0,
            lines: 0,
            data_lines: 0,
            skipped_lines: 0,
            rejected_lines: 0,
            indicators: 0,
            accepted: 0,
            duplicate: 0,
            expired: 0,
            rejected: 0,
            added: 0,
            reconfirmed: 0,
            removed: 0,
            lapsed: 0,
            carried: 0,
            sightings: 0,
            skips: BTreeMap::new(),
            refusals: BTreeMap::new(),
            warnings: BTreeMap::new(),
        }
    }

    /// Takes over what merging counted.
    pub(crate) fn settle(&mut self, counts: &Counts) {
        (self.accepted, self.duplicate, self.expired) = (counts.accepted, counts.duplicate, counts.expired);
        (self.added, self.reconfirmed) = (counts.added, counts.accepted - counts.added);
        (self.removed, self.lapsed, self.carried) = (counts.removed, counts.lapsed, counts.carried);
    }

    /// When the download was retrieved that the snapshot holds.
    pub(crate) fn date(&mut self, update_time: Option<Time>, max_age_seconds: i64, now: Time) {
        self.max_age_seconds = max_age_seconds;
        self.stale = update_time.is_none_or(|time| now > time.plus(max_age_seconds));
        self.update_time = update_time.map(|time| time.to_string());
        self.age_seconds = update_time.map(|time| now.unix().saturating_sub(time.unix()));
    }

    /// Moves indicators from accepted to rejected: too many ranges overlap where they lie.
    pub fn refuse_too_deep(&mut self, count: u64, why: ParseError) {
        if count > 0 {
            let of_added = count.min(self.added);
            self.added -= of_added;
            self.reconfirmed = self.reconfirmed.saturating_sub(count - of_added);
            self.accepted = self.accepted.saturating_sub(count);
            self.rejected += count;
            *self.refusals.entry(why.word()).or_default() += count;
        }
    }

    /// Takes over what was counted while the feed was read.
    pub fn count(&mut self, tally: &Tally) {
        self.lines = tally.lines;
        self.data_lines = tally.data_lines;
        self.skipped_lines = tally.skipped_lines;
        self.rejected_lines = tally.rejected_lines;
        self.indicators = tally.entries + tally.rejected;
        self.rejected = tally.rejected;
        self.declared = tally.declared;
        self.generated = tally.generated.map(|(_, time): (u64, Time)| time.to_string());
        self.skips = tally.skips.iter().map(|(skip, count): (&Skip, &u64)| (skip.word(), *count)).collect();
        self.refusals =
            tally.refusals.iter().map(|(why, count): (&ParseError, &u64)| (why.word(), *count)).collect();
        self.warnings =
            tally.warnings.iter().map(|(odd, count): (&Warning, &u64)| (odd.word(), *count)).collect();
    }
}
