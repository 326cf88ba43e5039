//! One feed of a build: its download is opened, parsed, and admitted, or not.

use crate::admission::accept::Accept;
use crate::admission::coverage::PreviousCoverage;
use crate::admission::hold_reason::HoldReason;
use crate::admission::{Baseline, admit};
use crate::catalog::Feed;
use crate::download::decode::Limits;
use crate::download::file::{Digest, Download, Version, hex};
use crate::download::refusal::FileRefusal;
use crate::entry::Rules;
use crate::entry::never_block::NeverBlock;
use crate::format::OpenError;
use crate::pipeline::{self, ParseConfig, ParsedDownload};
use crate::report::{FeedReport, HeldDownload, REJECTS_MAX, RejectRow, counted};
use crate::sighting::collector::{Collector, Rejected};
use crate::sighting::state_file::AcceptedDigest;
use rapsheet_assemble::{RetentionPolicy, Scratch};
use rapsheet_snapshot::Time;
use rapsheet_snapshot::section::origin::{AcceptedDownload, FeedRecord, FeedState};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is known before a feed is read.
pub(super) struct FeedContext<'a> {
    /// The folder of downloads.
    pub(super) downloads: &'a Path,
    /// The instant of the build.
    pub(super) now: Time,
    /// What must never be blocked.
    pub(super) never_block: &'a Arc<NeverBlock>,
    /// Held downloads that an operator accepts.
    pub(super) accept: &'a [Accept],
    /// Held downloads that earlier builds accepted.
    pub(super) accepted: &'a [AcceptedDigest],
    /// Whether a download may be older than the last accepted one.
    pub(super) allow_older: bool,
    /// What all feeds cover in the previous snapshot.
    pub(super) coverage: &'a PreviousCoverage<'a>,
    /// The instant of the previous build.
    pub(super) built_before: Option<Time>,
    /// The feed's record in the previous snapshot.
    pub(super) record: Option<&'a FeedRecord>,
    /// The memory of the rows of all feeds, and where the others go.
    pub(super) scratch: &'a Scratch,
    /// Why a build that took the downloads of these feeds has to hold them.
    pub(super) found_later: &'a BTreeMap<String, HoldReason>,
}

impl FeedContext<'_> {
    fn last(&self) -> Option<&AcceptedDownload> {
        self.record?.accepted.as_ref()
    }

    fn last_update(&self) -> Option<Time> {
        self.record?.traits().update_time
    }

    /// Whether an operator accepts this download now, for the first time, or the last accepted download is
    /// still there.
    fn accepts(&self, feed: &Feed, digest: &Digest) -> bool {
        let is_named = self.accept.iter().any(|accept| accept.matches(&feed.id, &hex(digest)));
        let is_last = self.last().is_some_and(|last| last.accepted_by_operator && last.digest == *digest);
        is_last || is_named && !self.has_accepted(&feed.id, digest)
    }

    /// Whether an earlier build accepted this download and was published.
    fn has_accepted(&self, feed: &str, digest: &Digest) -> bool {
        let is_published =
            |known: &AcceptedDigest| self.built_before.is_some_and(|before| known.at <= before);
        self.accepted.iter().any(|known| known.feed == feed && known.digest == *digest && is_published(known))
    }
}

/// How often a download is read that changes meanwhile.
const READS_MAX: usize = 2;

/// The result of reading one feed's download.
pub(super) struct FeedResult {
    /// The report, without the counts of merging.
    pub(super) report: FeedReport,
    /// The rejected lines, up to [`REJECTS_MAX`].
    pub(super) rejects: Vec<RejectRow>,
    /// The download, if it was admitted.
    pub(super) admitted: Option<Admitted>,
    /// When the download was retrieved, and its digest, admitted or not.
    found: Option<(Time, Digest)>,
}

/// A download that was admitted.
pub(super) struct Admitted {
    /// Its entries.
    pub(super) parsed: ParsedDownload,
    /// When it was retrieved.
    pub(super) update_time: Time,
    /// What the next download is measured against.
    pub(super) source: AcceptedDownload,
}

/// Why a download was not admitted.
enum NotAdmitted {
    /// It is missing or unreadable.
    Failed(OpenError),
    /// A guard holds it.
    Held(HoldReason),
}

impl From<FileRefusal> for NotAdmitted {
    fn from(refusal: FileRefusal) -> NotAdmitted {
        NotAdmitted::from(OpenError::File(refusal))
    }
}

/// An empty list is held, not failed: an operator may have to accept it.
impl From<OpenError> for NotAdmitted {
    fn from(error: OpenError) -> NotAdmitted {
        match error {
            OpenError::File(FileRefusal::Empty) => NotAdmitted::Held(HoldReason::Empty),
            error => NotAdmitted::Failed(error),
        }
    }
}

impl From<HoldReason> for NotAdmitted {
    fn from(reason: HoldReason) -> NotAdmitted {
        NotAdmitted::Held(reason)
    }
}

/// Reads a feed's download from the folder of downloads. `on_bytes` is called with the size of every block.
pub(super) fn read(feed: &Feed, context: &FeedContext<'_>, on_bytes: &(dyn Fn(u64) + Sync)) -> FeedResult {
    let report = FeedReport::new(&feed.id, &feed.provider, feed.format.id, &feed.file);
    let mut result = FeedResult { report, rejects: Vec::new(), admitted: None, found: None };
    match result.admit(feed, context, on_bytes) {
        Ok(admitted) => result.set_admitted(feed, admitted, context),
        Err(NotAdmitted::Held(reason)) => result.set_held(&reason, context),
        Err(NotAdmitted::Failed(error)) => result.set_failed(error),
    }
    result
}

impl FeedResult {
    /// Reads the download, and once more where it has changed meanwhile: what was read is then neither the
    /// old list nor the new one, and an error may come of that alone.
    fn admit(
        &mut self,
        feed: &Feed,
        context: &FeedContext<'_>,
        on_bytes: &(dyn Fn(u64) + Sync),
    ) -> Result<Admitted, NotAdmitted> {
        let path = context.downloads.join(&feed.file);
        for _ in 0..READS_MAX {
            let version = Version::of(&path);
            let admitted = self.admit_as_read(&path, feed, context, on_bytes);
            if !version.is_overwritten(&Version::of(&path)) {
                return admitted;
            }
            admitted.into_iter().for_each(|mut admitted| admitted.parsed.release(context.scratch));
        }
        Err(NotAdmitted::Held(HoldReason::Changing))
    }

    fn admit_as_read(
        &mut self,
        path: &Path,
        feed: &Feed,
        context: &FeedContext<'_>,
        on_bytes: &(dyn Fn(u64) + Sync),
    ) -> Result<Admitted, NotAdmitted> {
        let download = Download::open(path, context.now, Limits::default())?;
        let digest = download.digest;
        self.report.digest = Some(hex(&digest));
        self.found = Some((download.update_time, digest));
        self.report.notes = notes_on_file(&download, &feed.file);
        let is_accepted = context.accepts(feed, &digest);
        let update_time = update_time(&download, context, is_accepted)?;
        let changed_at = download.changed_at;
        let mut parsed = parse(feed, context, download, is_accepted, on_bytes)?;
        self.rejects = reject_rows(feed, &parsed.collectors);
        self.report.held = Some(HeldDownload::of(&parsed.counters, update_time));
        if !is_accepted {
            let (coverage, scratch) = (context.coverage, context.scratch);
            let found_later = context.found_later.get(&feed.id);
            let baseline = Baseline { feed, last: context.last(), coverage, scratch, found_later };
            if let Err(reason) = admit(&parsed, &baseline) {
                parsed.release(context.scratch);
                return Err(reason.into());
            }
        }
        let mut source = source(&parsed, digest, update_time, is_accepted, context.last());
        source.unchanged_since = unchanged_since(&source, changed_at, context);
        Ok(Admitted { parsed, update_time, source })
    }

    fn set_admitted(&mut self, feed: &Feed, admitted: Admitted, context: &FeedContext<'_>) {
        let report = &mut self.report;
        report.held = None;
        report.set_counters(&admitted.parsed.counters);
        report.bytes = admitted.parsed.bytes;
        if let Some(guess) = &admitted.parsed.guess {
            report.format = format!("{} ({})", feed.format.id, guess.format.id);
        }
        report.notes.extend(admitted.parsed.trailing.clone());
        report.notes.extend(notes_on_list(feed, &admitted, context.now));
        self.admitted = Some(admitted);
    }

    /// The result of a feed that was not chosen: what the previous snapshot says of it.
    pub(super) fn kept(feed: &Feed, record: &FeedRecord) -> FeedResult {
        let mut report = FeedReport::new(&feed.id, &feed.provider, &record.format, "");
        (report.state, report.reason) = (record.state, record.state_reason.clone());
        FeedResult { report, rejects: Vec::new(), admitted: None, found: None }
    }

    /// When the list says that it was generated, if it was admitted.
    pub(super) fn generated(&self) -> Option<Time> {
        self.admitted.as_ref()?.parsed.counters.generated.map(|(_, time)| time)
    }

    fn set_held(&mut self, reason: &HoldReason, context: &FeedContext<'_>) {
        let was_accepted =
            self.found.is_some_and(|(_, digest)| context.has_accepted(&self.report.id, &digest));
        let digest = self.report.digest.as_deref().filter(|_| !was_accepted);
        self.report.reason_text = reason.sentence(&self.report.id, digest);
        reason.word().clone_into(&mut self.report.reason);
        self.report.state = FeedState::Held;
    }

    fn set_failed(&mut self, error: OpenError) {
        (self.report.reason, self.report.reason_text) = match error {
            OpenError::File(refusal) => (refusal.word().to_owned(), refusal.to_string()),
            OpenError::Options(error) => ("options".to_owned(), error.to_string()),
        };
        self.report.state = FeedState::Failed;
    }

    /// When this download was retrieved and when that of a snapshot was, if this one is older, differs, can
    /// be read, and was not accepted by an operator.
    pub(super) fn older_than(&self, record: &FeedRecord) -> Option<(Time, Time)> {
        let ((found, digest), last) = (self.found?, record.traits().update_time?);
        let is_same = record.accepted.as_ref().is_some_and(|source| source.digest == digest);
        let is_accepted = self.admitted.as_ref().is_some_and(|admitted| admitted.source.accepted_by_operator);
        let counts = !is_same && !is_accepted && self.report.state != FeedState::Failed;
        (found < last && counts).then_some((found, last))
    }

    /// Whether this download was admitted and is newer than that of a snapshot.
    pub(super) fn is_newer_than(&self, record: Option<&FeedRecord>) -> bool {
        let last = record.and_then(|record| record.traits().update_time);
        self.admitted.as_ref().is_some_and(|admitted| last.is_none_or(|last| admitted.update_time > last))
    }
}

/// How a feed's claims are resolved. `last_update` is the feed's update_time in the previous snapshot.
pub(super) fn policy(
    feed: &Feed,
    admitted: Option<&Admitted>,
    last_update: Option<Time>,
    now: Time,
) -> RetentionPolicy {
    let update_time = admitted.map(|admitted| admitted.update_time).or(last_update).unwrap_or(now);
    let generated = admitted.and_then(|admitted| admitted.parsed.counters.generated);
    let stated = generated.map(|(_, time)| time).filter(|time| *time >= Time::EARLIEST);
    RetentionPolicy {
        mode: feed.mode,
        keep_absent: feed.keep_absent,
        retention_seconds: feed.retention_seconds,
        accepted: admitted.is_some(),
        update_time,
        confirmed: stated.map_or(update_time, |time| time.min(update_time)),
        list: feed.list,
        assessments: feed.assessment,
        now,
    }
}

/// When a download was retrieved.
///
/// The last accepted download found again under an earlier date keeps its own. Under a date in the future it
/// keeps it, too: otherwise it would be fresh until another one is fetched.
fn update_time(
    download: &Download,
    context: &FeedContext<'_>,
    is_accepted: bool,
) -> Result<Time, HoldReason> {
    let found = download.update_time;
    let is_same = context.last().is_some_and(|source| source.digest == download.digest);
    match context.last_update() {
        Some(last) if is_same && (found < last || download.in_future.is_some()) => Ok(last),
        Some(last) if found < last && !is_accepted && !context.allow_older => {
            Err(HoldReason::Older { found, last })
        }
        _ => Ok(found),
    }
}

fn parse(
    feed: &Feed,
    context: &FeedContext<'_>,
    download: Download,
    is_accepted: bool,
    on_bytes: &(dyn Fn(u64) + Sync),
) -> Result<ParsedDownload, OpenError> {
    let guard = &feed.guard;
    let mut rules = Rules::new(context.now, feed.list, feed.scope);
    rules.allow_bogons = guard.allow_bogons;
    rules.widest_v4 = guard.widest_v4;
    rules.widest_v6 = guard.widest_v6;
    rules.allow_private_suffixes = guard.allow_private_suffixes;
    rules.never_block = (!guard.allow_never_block).then(|| Arc::clone(context.never_block));
    let can_be_empty = guard.can_be_empty || is_accepted;
    let config = ParseConfig { format: feed.format, options: &feed.options, rules: &rules, can_be_empty };
    let mut text = download.text(Limits::default())?;
    match pipeline::collect(&config, &mut text, context.scratch, on_bytes) {
        // Where there is nothing, `auto` has no format to find out.
        Err(OpenError::File(FileRefusal::Empty)) if can_be_empty => Ok(ParsedDownload::default()),
        parsed => parsed,
    }
}

/// Since when the content is the same. The downloader's own note may reach further back than the builds do, but not
/// behind a build that saw other content.
fn unchanged_since(source: &AcceptedDownload, changed_at: Option<Time>, context: &FeedContext<'_>) -> Time {
    let saw_other = context.last().is_some_and(|last| last.content != source.content);
    let changed = changed_at.filter(|at| !saw_other || context.last_update().is_none_or(|last| *at > last));
    changed.map_or(source.unchanged_since, |at| at.min(source.unchanged_since))
}

/// What the next download is measured against. An empty download, where that is normal, is no measure.
fn source(
    parsed: &ParsedDownload,
    digest: Digest,
    update_time: Time,
    is_accepted: bool,
    last: Option<&AcceptedDownload>,
) -> AcceptedDownload {
    let same = last.filter(|last| last.content == parsed.content_hash);
    let indicators = match parsed.counters.entries {
        0 => last.map_or(0, |last| last.indicators),
        found => found,
    };
    AcceptedDownload {
        digest,
        indicators,
        content: parsed.content_hash,
        unchanged_since: same.map_or(update_time, |last| last.unchanged_since),
        has_end_mark: parsed.counters.has_end_mark,
        has_last_line_end: parsed.has_last_line_end,
        accepted_by_operator: is_accepted,
    }
}

/// What an operator should know about the file and its sidecar.
fn notes_on_file(download: &Download, file: &str) -> Vec<String> {
    let bad_sidecar =
        |why: &String| format!("{file}.meta.json is not a valid sidecar: {why}; the file's own time counts");
    let in_future = |time| {
        format!("retrieved at {time}, which is in the future: it counts as retrieved now; check the clocks")
    };
    let bad_sidecar = download.sidecar_error.as_ref().map(bad_sidecar);
    bad_sidecar.into_iter().chain(download.in_future.map(in_future)).collect()
}

/// What an operator should know about a list that was admitted.
fn notes_on_list(feed: &Feed, admitted: &Admitted, now: Time) -> Vec<String> {
    let counters = &admitted.parsed.counters;
    let found = counters.entries + counters.rejected;
    let declared = counters.declared.filter(|declared| found.saturating_mul(10) < declared.saturating_mul(9));
    let short = declared.map(|declared| {
        format!("has {} and declares {declared}: is it whole?", counted(found, "entry", "entries"))
    });
    let empty = (found == 0).then(|| "it lists nothing, which is normal for it (can_be_empty)".to_owned());
    let since = admitted.source.unchanged_since;
    let is_stale = feed.max_unchanged_seconds.is_some_and(|max| now > since.plus(max));
    let limit = since.plus(feed.guard.frozen_after_seconds);
    let claims_fresh = counters.generated.is_some_and(|(_, time)| time > limit);
    let claim = if claims_fresh { ", although it states a newer time" } else { "" };
    let frozen = (now > limit && !is_stale).then(|| format!("lists the same since {since}{claim}"));
    short.into_iter().chain(empty).chain(frozen).collect()
}

fn reject_rows(feed: &Feed, collectors: &[Collector]) -> Vec<RejectRow> {
    let rejected = collectors.iter().flat_map(|collector| &collector.rejects).take(REJECTS_MAX);
    let row = |rejected: &Rejected| RejectRow {
        feed: feed.id.clone(),
        file: feed.file.clone(),
        line: rejected.position.line,
        offset: rejected.position.offset,
        reason: rejected.why.word(),
        text: rejected.text.clone(),
    };
    rejected.map(row).collect()
}
