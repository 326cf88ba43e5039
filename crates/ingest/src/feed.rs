//! One feed of one night: its download is opened, read, and let in at the door, or not.

use crate::admission::accept::Accept;
use crate::entry::never_block::NeverBlock;
use crate::catalog::Feed;
use rapsheet_assemble::Plan;
use crate::admission::coverage::Ground;
use crate::decode::Limits;
use crate::admission::{self, Stop, Threshold};
use crate::download::{Digest, Download, hex};
use crate::format::OpenError;
use crate::sighting::collector::Harvest;
use crate::pipeline::{self, Gathered, ParseConfig};
use crate::download::refusal::FileRefusal;
use crate::sighting::state_file::Spent;
use crate::report::{FeedReport, HeldDownload, REJECTS_MAX, RejectRow};
use crate::entry::Rules;
use rapsheet_snapshot::Time;
use rapsheet_snapshot::section::origin::{FeedRecord, FeedState, Source};
use std::path::Path;
use std::sync::Arc;

/// What is known before a feed is read.
pub(crate) struct Eve<'a> {
    /// The folder of downloads.
    pub(crate) downloads: &'a Path,
    /// The instant of the build.
    pub(crate) now: Time,
    /// What must never be blocked.
    pub(crate) canaries: &'a Arc<NeverBlock>,
    /// Held downloads that an operator lets in.
    pub(crate) accept: &'a [Accept],
    /// Held downloads that were let in before.
    pub(crate) spent: &'a [Spent],
    /// Whether a download may be older than the last good one.
    pub(crate) allow_older: bool,
    /// What all feeds covered the night before.
    pub(crate) ground: &'a Ground<'a>,
    /// The instant of the night before.
    pub(crate) built_before: Option<Time>,
    /// What the snapshot of the night before says of the feed.
    pub(crate) record: Option<&'a FeedRecord>,
}

impl Eve<'_> {
    fn last(&self) -> Option<&Source> {
        self.record?.source.as_ref()
    }

    fn last_update(&self) -> Option<Time> {
        self.record?.traits().update_time
    }

    /// Whether an operator lets this very download in now, for the first time, or it is still the one that was let in.
    fn lets_in(&self, feed: &Feed, digest: &Digest) -> bool {
        let named = self.accept.iter().any(|accept| accept.names(&feed.id, &hex(digest)));
        let stays = self.last().is_some_and(|last| last.let_in && last.digest == *digest);
        stays || named && !self.has_let_in(&feed.id, digest)
    }

    /// Whether this download was let in before, by a night that was published.
    fn has_let_in(&self, feed: &str, digest: &Digest) -> bool {
        let published = |spent: &Spent| self.built_before.is_some_and(|before| spent.at <= before);
        self.spent.iter().any(|spent| spent.feed == feed && spent.digest == *digest && published(spent))
    }
}

/// What one feed's download gave.
pub(crate) struct FeedNight {
    /// The report, without what only merging can count.
    pub(crate) report: FeedReport,
    /// Its rejected lines, up to a cap.
    pub(crate) rejects: Vec<RejectRow>,
    /// The download, if it was taken.
    pub(crate) taken: Option<Taken>,
    /// When it was retrieved, and its digest, taken or not.
    found: Option<(Time, Digest)>,
}

/// A download that was let in.
pub(crate) struct Taken {
    /// Its entries.
    pub(crate) gathered: Gathered,
    /// When it was retrieved.
    pub(crate) update_time: Time,
    /// What the next one is measured against.
    pub(crate) source: Source,
}

/// Why a download was not taken.
enum NotTaken {
    /// It could not be had or read.
    Failed(OpenError),
    /// The door did not let it in.
    Held(Stop),
}

impl From<FileRefusal> for NotTaken {
    fn from(refusal: FileRefusal) -> NotTaken {
        NotTaken::from(OpenError::File(refusal))
    }
}

/// An empty list is a list: somebody may have to let it in.
impl From<OpenError> for NotTaken {
    fn from(error: OpenError) -> NotTaken {
        match error {
            OpenError::File(FileRefusal::Empty) => NotTaken::Held(Stop::Empty),
            error => NotTaken::Failed(error),
        }
    }
}

impl From<Stop> for NotTaken {
    fn from(stop: Stop) -> NotTaken {
        NotTaken::Held(stop)
    }
}

/// Reads a feed's download from the folder of downloads.
pub(crate) fn read(feed: &Feed, eve: &Eve<'_>, seen: &(dyn Fn(u64) + Sync)) -> FeedNight {
    let report = FeedReport::new(&feed.id, &feed.provider, feed.format.id, &feed.file);
    let mut night = FeedNight { report, rejects: Vec::new(), taken: None, found: None };
    match night.take(feed, eve, seen) {
        Ok(taken) => night.let_in(feed, taken, eve),
        Err(NotTaken::Held(stop)) => night.hold(&stop, eve),
        Err(NotTaken::Failed(error)) => night.fail(error),
    }
    night
}

impl FeedNight {
    fn take(&mut self, feed: &Feed, eve: &Eve<'_>, seen: &(dyn Fn(u64) + Sync)) -> Result<Taken, NotTaken> {
        let download = Download::open(&eve.downloads.join(&feed.file), eve.now, Limits::default())?;
        let digest = download.digest;
        self.report.digest = Some(hex(&digest));
        self.found = Some((download.update_time, digest));
        self.report.notes = notes_on(&download, &feed.file);
        let let_in = eve.lets_in(feed, &digest);
        let update_time = update_time(&download, eve, let_in)?;
        let gathered = gather(feed, eve, download, let_in, seen)?;
        self.rejects = reject_rows(feed, &gathered.harvests);
        self.report.held = Some(HeldDownload::of(&gathered.counters, update_time));
        if !let_in {
            let threshold = Threshold { feed, last: eve.last(), ground: eve.ground };
            door::admit(&gathered, &threshold)?;
        }
        let source = source(&gathered, digest, update_time, let_in, eve.last());
        Ok(Taken { gathered, update_time, source })
    }

    fn let_in(&mut self, feed: &Feed, taken: Taken, eve: &Eve<'_>) {
        let report = &mut self.report;
        report.held = None;
        report.count(&taken.gathered.counters);
        report.bytes = taken.gathered.bytes;
        if let Some(guess) = &taken.gathered.guess {
            report.format = format!("{} ({})", feed.format.id, guess.format.id);
        }
        report.unchanged_since = Some(taken.source.unchanged_since.to_string());
        report.notes.extend(notes(feed, &taken, eve.now));
        self.taken = Some(taken);
    }

    fn hold(&mut self, stop: &Stop, eve: &Eve<'_>) {
        let spent = self.found.is_some_and(|(_, digest)| eve.has_let_in(&self.report.id, &digest));
        let digest = self.report.digest.as_deref().filter(|_| !spent);
        self.report.reason_text = stop.sentence(&self.report.id, digest);
        stop.word().clone_into(&mut self.report.reason);
        self.report.state = FeedState::Held;
    }

    fn fail(&mut self, error: OpenError) {
        (self.report.reason, self.report.reason_text) = match error {
            OpenError::File(refusal) => (refusal.word().to_owned(), refusal.to_string()),
            OpenError::Options(error) => ("options".to_owned(), error.to_string()),
        };
        self.report.state = FeedState::Failed;
    }

    /// When this download was retrieved and when that of a snapshot was, where this one is older, is another one, can be
    /// read, and was not let in by an operator.
    pub(crate) fn older_than(&self, record: &FeedRecord) -> Option<(Time, Time)> {
        let ((found, digest), last) = (self.found?, record.traits().update_time?);
        let is_same = record.source.as_ref().is_some_and(|source| source.digest == digest);
        let let_in = self.taken.as_ref().is_some_and(|taken| taken.source.let_in);
        let counts = !is_same && !let_in && self.report.state != FeedState::Failed;
        (found < last && counts).then_some((found, last))
    }

    /// Whether this download was taken, and is newer than that of a snapshot.
    pub(crate) fn is_newer_than(&self, record: Option<&FeedRecord>) -> bool {
        let last = record.and_then(|record| record.traits().update_time);
        self.taken.as_ref().is_some_and(|taken| last.is_none_or(|last| taken.update_time > last))
    }

    /// How this feed's claims are settled. `last_update` is the update_time of the previous snapshot.
    pub(crate) fn plan(&self, feed: &Feed, last_update: Option<Time>, now: Time) -> Plan {
        plan(feed, self.taken.as_ref(), last_update, now)
    }
}

/// How a feed's claims are settled, whether or not a download of it was taken.
pub(crate) fn plan(feed: &Feed, taken: Option<&Taken>, last_update: Option<Time>, now: Time) -> Plan {
    let update_time = taken.map(|taken| taken.update_time).or(last_update).unwrap_or(now);
    let generated = taken.and_then(|taken| taken.gathered.counters.generated);
    let stated = generated.map(|(_, time)| time).filter(|time| *time >= Time::EARLIEST);
    Plan {
        mode: feed.mode,
        keep_absent: feed.keep_absent,
        retention_seconds: feed.retention_seconds,
        taken: taken.is_some(),
        update_time,
        confirmed: stated.map_or(update_time, |time| time.min(update_time)),
        list: feed.list,
        assessments: feed.assessment,
        now,
    }
}

/// When a download was retrieved. The last good one, seen again under an older date, is no older for it; and under a date
/// that is yet to come it is no newer, or it would be fresh for as long as nobody fetches another.
fn update_time(download: &Download, eve: &Eve<'_>, let_in: bool) -> Result<Time, Stop> {
    let found = download.update_time;
    let is_same = eve.last().is_some_and(|source| source.digest == download.digest);
    match eve.last_update() {
        Some(last) if is_same && (found < last || download.to_come.is_some()) => Ok(last),
        Some(last) if found < last && !let_in && !eve.allow_older => Err(Stop::Older { found, last }),
        _ => Ok(found),
    }
}

fn gather(
    feed: &Feed,
    eve: &Eve<'_>,
    download: Download,
    let_in: bool,
    seen: &(dyn Fn(u64) + Sync),
) -> Result<Gathered, OpenError> {
    let guard = &feed.guard;
    let mut rules = Rules::new(eve.now, feed.list, feed.scope);
    rules.allow_bogons = guard.allow_bogons;
    rules.widest_v4 = guard.widest_v4;
    rules.widest_v6 = guard.widest_v6;
    rules.allow_private_suffixes = guard.allow_private_suffixes;
    rules.canaries = (!guard.allow_canaries).then(|| Arc::clone(eve.canaries));
    let can_be_empty = guard.can_be_empty || let_in;
    let config = ParseConfig { format: feed.format, options: &feed.options, rules: &rules, can_be_empty };
    let mut text = download.text(Limits::default())?;
    intake::gather(&config, &mut text, seen)
}

/// What the next download is measured against. An empty one, where that is normal, is no measure.
fn source(
    gathered: &Gathered,
    digest: Digest,
    update_time: Time,
    let_in: bool,
    last: Option<&Source>,
) -> Source {
    let same = last.filter(|last| last.content == gathered.content);
    let indicators = match gathered.counters.entries {
        0 => last.map_or(0, |last| last.indicators),
        found => found,
    };
    Source {
        digest,
        indicators,
        content: gathered.content,
        unchanged_since: same.map_or(update_time, |last| last.unchanged_since),
        ended: gathered.counters.ended,
        let_in,
    }
}

/// What a person should know of how a download lies in its folder.
fn notes_on(download: &Download, file: &str) -> Vec<String> {
    let odd = || format!("{file}.meta.json is no note of a download: the file's own time counts");
    let to_come = |time| format!("retrieved at {time}, which is yet to come: is a clock wrong?");
    let odd = download.has_odd_note.then(odd);
    odd.into_iter().chain(download.to_come.map(to_come)).collect()
}

/// What a person should know of a feed that is well.
fn notes(feed: &Feed, taken: &Taken, now: Time) -> Vec<String> {
    let counters = &taken.gathered.counters;
    let found = counters.entries + counters.rejected;
    let declared = counters.declared.filter(|declared| found.saturating_mul(10) < declared.saturating_mul(9));
    let short = declared.map(|declared| format!("has {found} of the {declared} entries that it says it has"));
    let since = taken.source.unchanged_since;
    let is_frozen = now > since.plus(feed.guard.frozen_after_seconds);
    let fresh = counters.generated.is_some_and(|(_, time)| time > since.plus(feed.guard.frozen_after_seconds));
    let claim = if fresh { ", though it says that it is fresh" } else { "" };
    let frozen = is_frozen.then(|| format!("lists the same since {since}{claim}"));
    short.into_iter().chain(frozen).collect()
}

fn reject_rows(feed: &Feed, harvests: &[Harvest]) -> Vec<RejectRow> {
    let rejected = harvests.iter().flat_map(|harvest| &harvest.rejects).take(REJECTS_MAX);
    let row = |rejected: &crate::sighting::collector::Rejected| RejectRow {
        feed: feed.id.clone(),
        file: feed.file.clone(),
        line: rejected.place.line,
        offset: rejected.place.offset,
        reason: rejected.why.word(),
        text: rejected.text.clone(),
    };
    rejected.map(row).collect()
}
