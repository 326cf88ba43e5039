//! The night, in one readable function.

use crate::assemble::{self, Assembly};
use crate::carry;
use crate::catalog::{Catalog, Feed};
use crate::claim::{Claim, Plan, Voice};
use crate::feed::{self, FeedNight};
use crate::harvest::{Columns, Harvest, Stated};
use crate::remember::{self, StateDamage};
use crate::report::{FeedReport, REJECTS_MAX, REPORT_VERSION, RejectRow, Report};
use rayon::prelude::*;
use snapshot::section::origin::{FeedRecord, FeedTraits, Origin};
use snapshot::{FeedId, Image, Kinds, Refusal, Section, SectionBytes, Snapshot, Time};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

/// What a night starts from.
pub struct Night<'a> {
    /// Which feeds there are.
    pub catalog: &'a Catalog,
    /// The folder that they were downloaded to.
    pub downloads: &'a Path,
    /// The snapshot of the night before, if there was one.
    pub previous: Option<&'a Snapshot>,
    /// The bytes of the state file of the night before, if there was one.
    pub state: Option<&'a [u8]>,
    /// The instant of the build.
    pub now: Time,
    /// Named in the snapshot as its writer.
    pub generator: &'a str,
}

/// The stages of a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading downloads.
    Read,
    /// Carrying yesterday over.
    Carry,
    /// Sorting, merging and laying out.
    Merge,
}

/// Watches a night; called from many threads.
pub trait Watcher: Sync {
    /// A stage begins; `of` is the number of feeds to read in [`Stage::Read`].
    fn stage(&self, stage: Stage, of: usize);
    /// So many bytes of a feed were read, after decompression.
    fn bytes(&self, count: u64);
    /// A feed was read, or could not be; its counts of accepted indicators are not known yet.
    fn feed(&self, report: &FeedReport);
}

/// Nobody watches.
pub struct Unwatched;

impl Watcher for Unwatched {
    fn stage(&self, _: Stage, _: usize) {}
    fn bytes(&self, _: u64) {}
    fn feed(&self, _: &FeedReport) {}
}

/// What a night came to.
pub struct Built {
    /// The snapshot, to be published.
    pub image: Image,
    /// The bytes of the state file, to be published beside it, and before it.
    pub state: Vec<u8>,
    /// What happened.
    pub report: Report,
    /// Rejected lines, by feed and line, capped by [`REJECTS_MAX`] a feed.
    pub rejects: Vec<RejectRow>,
}

/// Why a night could not be built.
#[derive(Debug)]
pub enum BuildError {
    /// The state file cannot be believed.
    State(StateDamage),
    /// The contents do not fit the format.
    TooMuch(&'static str),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::State(damage) => damage.fmt(f),
            BuildError::TooMuch(what) => write!(f, "the snapshot format cannot hold this: {what}"),
        }
    }
}

impl std::error::Error for BuildError {}

/// Builds one night: reads every feed, carries yesterday over, merges, and lays the snapshot out.
pub fn build(night: &Night<'_>, watcher: &dyn Watcher) -> Result<Built, BuildError> {
    let feeds = feeds_in_order(night.catalog)?;
    let mut nights = read_all(&feeds, night, watcher);
    let plans = plans(&feeds, &nights, night);
    let (mut columns, mut claims, rejects) = gather(&mut nights);
    watcher.stage(Stage::Carry, feeds.len());
    carry_over(night, &feeds, &mut columns, &mut claims)?;
    check_claims(&claims)?;
    watcher.stage(Stage::Merge, feeds.len());
    let assembly = assemble::assemble(columns, &claims, &plans);
    let report = report(night, nights, &plans, &assembly);
    let ids: Vec<&str> = feeds.iter().map(|feed| feed.id.as_str()).collect();
    let state = assembly.remembering.encode(&ids);
    let image = image(night, &feeds, &report, &plans, assembly)?;
    Ok(Built { image, state, report, rejects })
}

/// The enabled feeds by provider and id: their positions are their numbers in the snapshot, whatever the order
/// of the catalogue.
fn feeds_in_order(catalog: &Catalog) -> Result<Vec<&Feed>, BuildError> {
    let mut feeds: Vec<&Feed> = catalog.feeds.iter().filter(|feed| feed.enabled).collect();
    feeds.sort_by(|a, b| (&a.provider, &a.id).cmp(&(&b.provider, &b.id)));
    if feeds.len() > usize::from(u16::MAX) {
        Err(BuildError::TooMuch("more than 65,535 feeds"))
    } else {
        Ok(feeds)
    }
}

/// Reads all feeds in parallel, the largest files first, so that none of them is the last one running.
fn read_all(feeds: &[&Feed], night: &Night<'_>, watcher: &dyn Watcher) -> Vec<FeedNight> {
    watcher.stage(Stage::Read, feeds.len());
    let size = |feed: &Feed| std::fs::metadata(night.downloads.join(&feed.file)).map_or(0, |file| file.len());
    let mut order: Vec<(u64, usize)> = feeds.iter().map(|feed| size(feed)).zip(0..).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let mut read: Vec<(usize, FeedNight)> = order
        .into_par_iter()
        .with_max_len(1)
        .filter_map(|(_, at)| {
            let seen = |count| watcher.bytes(count);
            let night = feed::read(feeds.get(at)?, night.downloads, night.now, &seen);
            watcher.feed(&night.report);
            Some((at, night))
        })
        .collect();
    read.sort_unstable_by_key(|(at, _)| *at);
    read.into_iter().map(|(_, night)| night).collect()
}

fn plans(feeds: &[&Feed], nights: &[FeedNight], night: &Night<'_>) -> Vec<Plan> {
    let last_update =
        |feed: &Feed| previous_record(night, &feed.id).and_then(|record| record.traits().update_time);
    feeds.iter().zip(nights).map(|(feed, read)| read.plan(feed, last_update(feed), night.now)).collect()
}

fn previous_record<'a>(night: &Night<'a>, id: &str) -> Option<&'a FeedRecord> {
    night.previous?.origin().feeds.iter().find(|feed| feed.id == id)
}

/// Moves everything that was read into one set of columns.
fn gather(nights: &mut [FeedNight]) -> (Columns, Vec<Claim>, Vec<RejectRow>) {
    let (mut columns, mut claims, mut rejects) = (Columns::default(), Vec::new(), Vec::new());
    for (feed, night) in (0..).map(FeedId).zip(nights) {
        let harvests = night.gathered.as_mut().map(|gathered| std::mem::take(&mut gathered.harvests));
        let before = rejects.len();
        for harvest in harvests.into_iter().flatten() {
            columns.append(&harvest.columns, claims.len() as u32);
            claims.extend(harvest.stated.iter().map(|stated| claim_of(feed, stated)));
            let room = REJECTS_MAX.saturating_sub(rejects.len() - before);
            rejects.extend(reject_rows(&night.report, harvest, room));
        }
    }
    (columns, claims, rejects)
}

fn claim_of(feed: FeedId, stated: &Stated) -> Claim {
    Claim {
        feed,
        list: stated.list,
        voice: Voice::Today,
        assessments: stated.assessments,
        first_seen: stated.first_seen,
        last_seen: stated.last_seen,
        expires: stated.expires,
    }
}

fn reject_rows(
    report: &FeedReport,
    harvest: Harvest,
    room: usize,
) -> impl Iterator<Item = RejectRow> + use<'_> {
    harvest.rejects.into_iter().take(room).map(|rejected| RejectRow {
        feed: report.id.clone(),
        file: report.file.clone(),
        line: rejected.place.line,
        offset: rejected.place.offset,
        reason: rejected.why.word(),
        text: rejected.text,
    })
}

/// Adds what the previous snapshot and the state file know.
fn carry_over(
    night: &Night<'_>,
    feeds: &[&Feed],
    columns: &mut Columns,
    claims: &mut Vec<Claim>,
) -> Result<(), BuildError> {
    let numbers: HashMap<&str, FeedId> =
        feeds.iter().map(|feed| feed.id.as_str()).zip((0..).map(FeedId)).collect();
    if let Some(previous) = night.previous {
        let feed_now = |id: FeedId| numbers.get(previous.feed(id)?.id.as_str()).copied();
        carry::carry(previous, &feed_now, columns, claims);
    }
    if let Some(state) = night.state {
        remember::recall(state, &|id: &str| numbers.get(id).copied(), columns, claims)
            .map_err(BuildError::State)?;
    }
    Ok(())
}

/// A row's tag holds its claim in 30 bits.
fn check_claims(claims: &[Claim]) -> Result<(), BuildError> {
    if claims.len() < 1 << 30 {
        Ok(())
    } else {
        Err(BuildError::TooMuch("more than a thousand million distinct claims"))
    }
}

fn report(night: &Night<'_>, nights: Vec<FeedNight>, plans: &[Plan], assembly: &Assembly) -> Report {
    let mut totals = assembly.totals;
    let mut feeds = Vec::with_capacity(nights.len());
    for ((id, read), plan) in (0..).map(FeedId).zip(nights).zip(plans) {
        let mut feed = read.report;
        let counts = assembly.counts.get(&id).copied().unwrap_or_default();
        let too_deep = assembly.too_deep.get(&id).copied().unwrap_or(0);
        (feed.accepted, feed.duplicate, feed.expired) = (counts.accepted, counts.duplicate, counts.expired);
        (feed.added, feed.removed, feed.carried) = (counts.added, counts.removed, counts.carried);
        feed.refuse_too_deep(too_deep, Refusal::BadRange);
        feed.sightings = feed.accepted + feed.carried;
        if !plan.taken {
            let last = previous_record(night, &feed.id).and_then(|record| record.traits().update_time);
            feed.update_time = last.map(|time| time.to_string());
        }
        totals.sightings += feed.sightings;
        feeds.push(feed);
    }
    let trouble = feeds.iter().any(|feed| feed.state != snapshot::section::origin::FeedState::Ok);
    let accumulates = |plan: &Plan| plan.mode == snapshot::Mode::Accumulated;
    let state_missing = night.previous.is_some() && night.state.is_none() && plans.iter().any(accumulates);
    Report { version: REPORT_VERSION, now: night.now.to_string(), trouble, state_missing, feeds, totals }
}

fn image(
    night: &Night<'_>,
    feeds: &[&Feed],
    report: &Report,
    plans: &[Plan],
    mut assembly: Assembly,
) -> Result<Image, BuildError> {
    let records = (0..)
        .map(FeedId)
        .zip(feeds)
        .zip(plans.iter().zip(&report.feeds))
        .map(|((id, feed), (plan, report))| {
            let observed = assembly.kinds.get(&id).copied().unwrap_or(Kinds::NONE);
            feed_record(night, feed, report, plan, observed)
        })
        .collect();
    let origin = Origin { generator: night.generator.to_owned(), feeds: records };
    let bytes = origin.encode().ok_or(BuildError::TooMuch("a feed table of more than 16 MiB"))?;
    assembly.sections.push(SectionBytes::new(Section::Origin, feeds.len(), bytes));
    Ok(Image::new(night.now, assembly.sections))
}

fn feed_record(
    night: &Night<'_>,
    feed: &Feed,
    report: &FeedReport,
    plan: &Plan,
    observed: Kinds,
) -> FeedRecord {
    let before = previous_record(night, &feed.id).map(FeedRecord::traits);
    let known_before = before.map_or(Kinds::NONE, |before| before.kinds);
    let known = if plan.taken { [observed, known_before] } else { [known_before, observed] };
    let traits = FeedTraits {
        list: feed.list,
        mode: feed.mode,
        kinds: known.into_iter().find(|kinds| !kinds.is_empty()).unwrap_or(feed.format.kinds),
        assessments: feed.assessment,
        update_time: if plan.taken {
            Some(plan.update_time)
        } else {
            before.and_then(|before| before.update_time)
        },
    };
    let mut record = FeedRecord::new(&feed.id, &feed.provider, traits);
    record.title.clone_from(&feed.title);
    record.format = feed.format.id.to_owned();
    record.url.clone_from(&feed.url);
    record.homepage.clone_from(&feed.homepage);
    record.licence.clone_from(&feed.licence);
    record.state = report.state;
    record.state_reason.clone_from(&report.reason);
    record.retention_seconds = feed.retention_seconds;
    record.max_age_seconds = feed.max_age_seconds;
    record.keep_absent = feed.keep_absent;
    record.sightings = report.sightings;
    record
}
