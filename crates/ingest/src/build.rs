//! The night, in one readable function.

pub use crate::accept::Accept;
use crate::assemble::{self, Assembly};
use crate::canary::Canaries;
use crate::carry;
use crate::catalog::{Catalog, Feed};
use crate::claim::{Claim, Plan, Voice};
use crate::coverage::Ground;
use crate::feed::{self, Eve, FeedNight};
use crate::harvest::{Columns, Stated};
use crate::remember::{self, Spent, StateDamage};
use crate::report::{EndedFeed, FeedReport, REPORT_VERSION, RejectRow, Report};
use rapsheet_snapshot::section::origin::{FeedRecord, FeedTraits, Origin, Source};
use rapsheet_snapshot::{
    FeedId, Image, Kinds, Mode, ParseError, Section, SectionBytes, Snapshot, Time, TooLarge,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// What a night starts from.
pub struct Night<'a> {
    /// Which feeds there are.
    pub catalog: &'a Catalog,
    /// The folder that they were downloaded to.
    pub downloads: &'a Path,
    /// The snapshot of the night before, if there was one.
    pub previous: Option<&'a Snapshot>,
    /// What the new snapshot will replace, where that is not the one of the night before.
    pub standing: Option<&'a Snapshot>,
    /// The bytes of the state file of the night before, if there was one.
    pub state: Option<&'a [u8]>,
    /// The instant of the build.
    pub now: Time,
    /// Held downloads that an operator lets in.
    pub accept: &'a [Accept],
    /// Whether a night may follow one that is later than itself, and take downloads older than that one's.
    pub allow_older: bool,
    /// Named in the snapshot as its writer.
    pub generator: &'a str,
}

impl<'a> Night<'a> {
    /// A first night: there is none before it, and nothing that was held is let in.
    pub fn first(catalog: &'a Catalog, downloads: &'a Path, now: Time, generator: &'a str) -> Night<'a> {
        Night {
            catalog,
            downloads,
            previous: None,
            standing: None,
            state: None,
            now,
            accept: &[],
            allow_older: false,
            generator,
        }
    }
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
    /// A feed is about to be read.
    fn begin(&self, id: &str);
    /// So many bytes of a feed were read, after decompression.
    fn bytes(&self, count: u64);
    /// A feed was read, or could not be; its counts of accepted indicators are not known yet.
    fn feed(&self, report: &FeedReport);
}

/// Nobody watches.
pub struct Unwatched;

impl Watcher for Unwatched {
    fn stage(&self, _: Stage, _: usize) {}
    fn begin(&self, _: &str) {}
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
    /// Rejected lines, by feed and line, capped by [`crate::report::REJECTS_MAX`] a feed.
    pub rejects: Vec<RejectRow>,
}

/// Why a night could not be built.
#[derive(Debug)]
pub enum BuildError {
    /// The state file cannot be believed.
    State(StateDamage),
    /// The previous snapshot cannot be walked to its end.
    Previous,
    /// The contents do not fit the format.
    TooLarge(TooLarge),
    /// The night before is later than this one.
    ClockBack {
        /// The instant of this build.
        now: Time,
        /// The instant of the one before.
        before: Time,
    },
    /// No download is newer than what the previous snapshot holds, and one is older.
    OlderInputs {
        /// A feed whose download is older.
        feed: String,
        /// When it was retrieved.
        found: Time,
        /// When the download was that the snapshot holds.
        last: Time,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::State(damage) => damage.fmt(f),
            BuildError::Previous => f.write_str(
                "the previous snapshot cannot be walked to its end: name a sound one with --previous, or start \
                 afresh with `--previous none`",
            ),
            BuildError::TooLarge(too_large) => write!(f, "the snapshot is too large: {too_large}"),
            BuildError::ClockBack { now, before } => write!(
                f,
                "it is {now}, and the snapshot was built at {before}: did the clock jump back? Set it right, or \
                 replace the newer snapshot with --replace-newer"
            ),
            BuildError::OlderInputs { feed, found, last } => write!(
                f,
                "the downloads are older than the snapshot: {feed} was retrieved at {found}, and the snapshot holds \
                 its download of {last}; fetch them again, or replace the newer snapshot with --replace-newer"
            ),
        }
    }
}

impl std::error::Error for BuildError {}

/// Builds one night: reads every feed, carries yesterday over, merges, and lays the snapshot out.
pub fn build(night: &Night<'_>, watcher: &dyn Watcher) -> Result<Built, BuildError> {
    check_clock(night)?;
    let feeds = feeds_in_order(night.catalog)?;
    let spent = night.state.map_or(Ok(Vec::new()), remember::spent).map_err(BuildError::State)?;
    let mut nights = read_all(&feeds, night, &spent, watcher);
    check_inputs(&nights, night)?;
    let resting = resting(night.catalog);
    let plans = plans(&feeds, &nights, &resting, night);
    let (mut columns, mut claims, rejects) = gather(&mut nights);
    watcher.stage(Stage::Carry, feeds.len());
    carry_over(night, &feeds, &resting, &mut columns, &mut claims)?;
    check_claims(&claims)?;
    watcher.stage(Stage::Merge, feeds.len());
    let assembly = assemble::assemble(columns, &claims, &plans).map_err(BuildError::TooLarge)?;
    let spent = spend(spent, &nights, night.now);
    let (report, sources) = report(night, &feeds, nights, &plans, &assembly);
    let ids: Vec<&str> = feeds.iter().chain(&resting).map(|feed| feed.id.as_str()).collect();
    let state = assembly.remembering.encode(&ids, &spent);
    let image = image(night, &feeds, &report, sources, &plans, assembly)?;
    Ok(Built { image, state, report, rejects })
}

impl<'a> Night<'a> {
    /// The snapshots that this night must not be older than.
    fn others(&self) -> impl Iterator<Item = &'a Snapshot> {
        [self.previous, self.standing].into_iter().flatten().filter(|_| !self.allow_older)
    }
}

/// A night that follows a later one would bring back what has been delisted since.
fn check_clock(night: &Night<'_>) -> Result<(), BuildError> {
    match night.others().map(Snapshot::built_at).max() {
        Some(before) if before > night.now => Err(BuildError::ClockBack { now: night.now, before }),
        _ => Ok(()),
    }
}

/// One older download is that feed's trouble, and held. Nothing but older ones is yesterday's folder.
fn check_inputs(nights: &[FeedNight], night: &Night<'_>) -> Result<(), BuildError> {
    night.others().try_for_each(|other| {
        let record = |read: &FeedNight| record_of(other, &read.report.id);
        let older = nights.iter().find_map(|read| Some((&read.report.id, read.older_than(record(read)?)?)));
        match older {
            Some((feed, (found, last))) if !nights.iter().any(|read| read.is_newer_than(record(read))) => {
                Err(BuildError::OlderInputs { feed: feed.clone(), found, last })
            }
            _ => Ok(()),
        }
    })
}

/// The enabled feeds by provider and id: their positions are their numbers in the snapshot, whatever the order
/// of the catalogue.
fn feeds_in_order(catalog: &Catalog) -> Result<Vec<&Feed>, BuildError> {
    let mut feeds: Vec<&Feed> = catalog.feeds.iter().filter(|feed| feed.enabled).collect();
    feeds.sort_by(|a, b| (&a.provider, &a.id).cmp(&(&b.provider, &b.id)));
    TooLarge::check("the catalogue", "feeds", catalog.feeds.len() as u64, u64::from(u16::MAX))
        .map_err(BuildError::TooLarge)?;
    Ok(feeds)
}

/// Accumulated feeds that are disabled. They list nothing, but what their last download held is remembered: a feed that
/// is enabled again must not take its old rows for new ones.
fn resting(catalog: &Catalog) -> Vec<&Feed> {
    let rests = |feed: &&Feed| !feed.enabled && feed.mode == Mode::Accumulated;
    catalog.feeds.iter().filter(rests).collect()
}

/// Reads all feeds in parallel, the largest files first, so that none of them is the last one running.
fn read_all(feeds: &[&Feed], night: &Night<'_>, spent: &[Spent], watcher: &dyn Watcher) -> Vec<FeedNight> {
    watcher.stage(Stage::Read, feeds.len());
    let canaries = Arc::new(Canaries::new(&night.catalog.never_block));
    let ground = Ground::new(night.previous);
    let eve = |feed: &Feed| Eve {
        downloads: night.downloads,
        now: night.now,
        canaries: &canaries,
        accept: night.accept,
        spent,
        allow_older: night.allow_older,
        ground: &ground,
        built_before: night.previous.map(Snapshot::built_at),
        record: previous_record(night, &feed.id),
    };
    let size = |feed: &Feed| std::fs::metadata(night.downloads.join(&feed.file)).map_or(0, |file| file.len());
    let mut order: Vec<(u64, usize)> = feeds.iter().map(|feed| size(feed)).zip(0..).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let mut read: Vec<(usize, FeedNight)> = order
        .into_par_iter()
        .with_max_len(1)
        .filter_map(|(_, at)| {
            let seen = |count| watcher.bytes(count);
            let feed = feeds.get(at)?;
            watcher.begin(&feed.id);
            let read = feed::read(feed, &eve(feed), &seen);
            watcher.feed(&read.report);
            Some((at, read))
        })
        .collect();
    read.sort_unstable_by_key(|(at, _)| *at);
    read.into_iter().map(|(_, night)| night).collect()
}

/// Adds what was let in tonight to what had been.
fn spend(mut spent: Vec<Spent>, nights: &[FeedNight], now: Time) -> Vec<Spent> {
    for read in nights {
        let Some(taken) = read.taken.as_ref().filter(|taken| taken.source.let_in) else { continue };
        let (feed, digest) = (&read.report.id, taken.source.digest);
        if !spent.iter().any(|spent| spent.feed == *feed && spent.digest == digest) {
            spent.push(Spent { feed: feed.clone(), digest, at: now });
        }
    }
    spent
}

/// How claims are settled, by the numbers of feeds; those of resting feeds follow.
fn plans(feeds: &[&Feed], nights: &[FeedNight], resting: &[&Feed], night: &Night<'_>) -> Vec<Plan> {
    let last_update =
        |feed: &Feed| previous_record(night, &feed.id).and_then(|record| record.traits().update_time);
    let plans = feeds.iter().zip(nights).map(|(feed, read)| read.plan(feed, last_update(feed), night.now));
    let resting = resting.iter().map(|feed| feed::plan(feed, None, None, night.now));
    plans.chain(resting).collect()
}

fn previous_record<'a>(night: &Night<'a>, id: &str) -> Option<&'a FeedRecord> {
    record_of(night.previous?, id)
}

fn record_of<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a FeedRecord> {
    snapshot.origin().feeds.iter().find(|feed| feed.id == id)
}

/// Moves everything that was read into one set of columns.
fn gather(nights: &mut [FeedNight]) -> (Columns, Vec<Claim>, Vec<RejectRow>) {
    let (mut columns, mut claims, mut rejects) = (Columns::default(), Vec::new(), Vec::new());
    for (feed, night) in (0..).map(FeedId).zip(nights) {
        rejects.append(&mut night.rejects);
        let harvests = night.taken.as_mut().map(|taken| std::mem::take(&mut taken.gathered.harvests));
        for harvest in harvests.into_iter().flatten() {
            columns.append(&harvest.columns, claims.len() as u32);
            claims.extend(harvest.stated.iter().map(|stated| claim_of(feed, stated)));
        }
    }
    columns.seal();
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

/// Adds what the previous snapshot and the state file know.
fn carry_over(
    night: &Night<'_>,
    feeds: &[&Feed],
    resting: &[&Feed],
    columns: &mut Columns,
    claims: &mut Vec<Claim>,
) -> Result<(), BuildError> {
    let of_all = feeds.iter().chain(resting).zip((0..).map(FeedId));
    let numbers: HashMap<&str, FeedId> = of_all.map(|(feed, number)| (feed.id.as_str(), number)).collect();
    if let Some(previous) = night.previous {
        let feed_now = |id: FeedId| goes_on(previous.feed(id)?, feeds, &numbers);
        if !carry::carry(previous, &feed_now, columns, claims) {
            return Err(BuildError::Previous);
        }
        columns.seal();
    }
    if let Some(state) = night.state {
        remember::recall(state, &|id: &str| numbers.get(id).copied(), columns, claims)
            .map_err(BuildError::State)?;
        columns.seal();
    }
    Ok(())
}

/// The number of a feed whose sightings go on. Those of a feed that blocked and now allows, or the reverse, do not: what
/// they say is no longer meant.
fn goes_on(before: &FeedRecord, feeds: &[&Feed], numbers: &HashMap<&str, FeedId>) -> Option<FeedId> {
    let number = *numbers.get(before.id.as_str())?;
    let now = feeds.get(usize::from(number.0))?;
    (now.list == before.traits().list).then_some(number)
}

/// A row's tag holds its claim in 30 bits.
fn check_claims(claims: &[Claim]) -> Result<(), BuildError> {
    TooLarge::check("claims", "distinct claims", claims.len() as u64, (1 << 30) - 1)
        .map_err(BuildError::TooLarge)
}

/// The report, and what the next download of each feed is measured against.
fn report(
    night: &Night<'_>,
    feeds_now: &[&Feed],
    nights: Vec<FeedNight>,
    plans: &[Plan],
    assembly: &Assembly,
) -> (Report, Vec<Option<Source>>) {
    let mut totals = assembly.totals;
    let mut feeds = Vec::with_capacity(nights.len());
    let mut sources = Vec::with_capacity(nights.len());
    for (((id, read), plan), now) in (0..).map(FeedId).zip(nights).zip(plans).zip(feeds_now) {
        let mut feed = read.report;
        feed.settle(&assembly.counts.get(&id).copied().unwrap_or_default());
        feed.refuse_too_deep(assembly.too_deep.get(&id).copied().unwrap_or(0), ParseError::BadRange);
        feed.sightings = feed.accepted + feed.carried;
        let before = previous_record(night, &feed.id);
        let last_update = before.and_then(|record| record.traits().update_time);
        let update_time = if plan.taken { Some(plan.update_time) } else { last_update };
        feed.date(update_time, now.max_age_seconds, night.now);
        totals.sightings += feed.sightings;
        let last = before.and_then(|record| record.source.clone());
        sources.push(read.taken.map(|taken| taken.source).or(last));
        feeds.push(feed);
    }
    let trouble = feeds.iter().any(|feed| feed.state != rapsheet_snapshot::section::origin::FeedState::Ok);
    let accumulates = |feed: &Feed| feed.enabled && feed.mode == Mode::Accumulated;
    let state_missing =
        night.previous.is_some() && night.state.is_none() && night.catalog.feeds.iter().any(accumulates);
    let now = night.now.to_string();
    let report = Report {
        version: REPORT_VERSION,
        now,
        trouble,
        state_missing,
        feeds,
        ended: ended(night),
        totals,
        seconds: BTreeMap::new(),
    };
    (report, sources)
}

/// The feeds of the night before whose sightings do not go on, and why.
fn ended(night: &Night<'_>) -> Vec<EndedFeed> {
    let before = night.previous.into_iter().flat_map(|previous| &previous.origin().feeds);
    let ended = before.filter_map(|before| {
        let now = night.catalog.feeds.iter().find(|feed| feed.id == before.id);
        let reason = match now {
            None => "removed",
            Some(now) if !now.enabled => "disabled",
            Some(now) if now.list != before.traits().list => "other-list",
            Some(_) => return None,
        };
        Some(EndedFeed { id: before.id.clone(), sightings: before.sightings, reason })
    });
    ended.collect()
}

fn image(
    night: &Night<'_>,
    feeds: &[&Feed],
    report: &Report,
    sources: Vec<Option<Source>>,
    plans: &[Plan],
    mut assembly: Assembly,
) -> Result<Image, BuildError> {
    let records = (0..)
        .map(FeedId)
        .zip(feeds)
        .zip(plans.iter().zip(&report.feeds))
        .zip(sources)
        .map(|(((id, feed), (plan, report)), source)| {
            let observed = assembly.kinds.get(&id).copied().unwrap_or(Kinds::NONE);
            let mut record = feed_record(night, feed, report, plan, observed);
            record.source = source;
            record
        })
        .collect();
    let origin = Origin { generator: night.generator.to_owned(), feeds: records };
    let bytes = origin.encode().map_err(BuildError::TooLarge)?;
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
