//! The build: every feed is read, the previous snapshot is carried over, and both are merged into a new one.
//!
//! [`build()`] is the table of contents. The functions below it are in its order.

mod chosen;
mod clock;
mod error;
mod feed;
mod held_later;
mod input;
mod origin;
mod summary;

pub use crate::admission::accept::Accept;
pub use crate::admission::new_hits::LogIndicators;
pub use crate::sighting::state_file::{StateError, is_state_file};
pub use error::BuildError;
pub use input::{BuildInput, NoObserver, Observer, Stage};
pub use rapsheet_assemble::SizeLimits;
pub use rapsheet_snapshot::TooLarge;

use crate::admission::coverage::PreviousCoverage;
use crate::admission::hold_reason::HoldReason;
use crate::catalog::{Catalog, Feed};
use crate::entry::never_block::NeverBlock;
use crate::report::{RejectRow, Report};
use crate::sighting::previous_snapshot;
use crate::sighting::state_file::{self, AcceptedDigest, StateWriter};
use feed::{FeedContext, FeedResult};
use rapsheet_assemble::{ClaimTable, RetentionPolicy, Rows, Scratch, assemble};
use rapsheet_snapshot::section::origin::FeedRecord;
use rapsheet_snapshot::{FeedId, Image, Mode, Snapshot, Time};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The result of a build.
#[non_exhaustive]
pub struct BuildOutput {
    /// The snapshot, to be published.
    pub image: Image,
    /// The bytes of the state file, to be published beside the snapshot, and before it.
    pub state: Vec<u8>,
    /// What happened.
    pub report: Report,
    /// Rejected lines, by feed and line, at most [`REJECTS_MAX`](crate::report::REJECTS_MAX) a feed.
    pub rejects: Vec<RejectRow>,
}

/// Builds a snapshot.
///
/// ```
/// use rapsheet_ingest::build::{BuildInput, NoObserver, build};
/// use rapsheet_ingest::catalog::Catalog;
/// use rapsheet_snapshot::Time;
///
/// let feed = "[[feed]]\nid = \"a\"\nprovider = \"lists.example\"\nformat = \"plain-ip\"\n";
/// let catalog = Catalog::parse(feed, "catalog.toml")?;
/// let downloads = tempfile::tempdir()?;
/// std::fs::write(downloads.path().join("a.txt"), "45.9.20.5\n45.9.20.0/24\n")?;
/// let now = Time::from(std::time::SystemTime::now());
/// let output = build(&BuildInput::new(&catalog, downloads.path(), now, "example"), &NoObserver)?;
/// assert_eq!(output.report.feeds[0].accepted, 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// See [`BuildError`]. A feed that fails or is held is no error: its state is in the report.
pub fn build(input: &BuildInput<'_>, observer: &dyn Observer) -> Result<BuildOutput, BuildError> {
    match input.against {
        Some(logs) => held_later::build_against(logs, input, observer),
        None => build_holding(&BTreeMap::new(), input, observer),
    }
}

/// Builds a snapshot, and holds the downloads of these feeds, too.
fn build_holding(
    found_later: &BTreeMap<String, HoldReason>,
    input: &BuildInput<'_>,
    observer: &dyn Observer,
) -> Result<BuildOutput, BuildError> {
    clock::check_order(input)?;
    let kept = chosen::kept_feeds(input);
    let feeds = feeds_in_order(input, &kept)?;
    let disabled = other_accumulated(input.catalog, &feeds);
    let accepted = accepted_before(input)?;
    let scratch = input.scratch();

    // The downloads: each is parsed, and admitted or held.
    observer.stage_begins(Stage::Read, feeds.len() - kept.len());
    let mut results = read_all(&feeds, input, &scratch, &accepted, found_later, observer);
    scratch.check().map_err(BuildError::Spill)?;
    check_inputs(&results, input)?;
    let policies = policies(&feeds, &results, &disabled, input);
    let (mut rows, mut claims, rejects) = gather(&mut results, &scratch, input.limits)?;

    // What the previous snapshot and the state file hold.
    observer.stage_begins(Stage::Carry, feeds.len());
    carry_over(input, &feeds, &disabled, &scratch, &mut rows, &mut claims)?;

    // One sorted list of entries, with their sightings, as the sections of a snapshot.
    observer.stage_begins(Stage::Merge, feeds.len());
    let mut state = StateWriter::default();
    let mut assembly = assemble(rows, &claims, &policies, &mut state)?;
    clock::check_expiry(input, &results, &assembly)?;

    // The report, the state file, and what the snapshot states about its feeds.
    let accepted = with_accepted(accepted, &results, input.now);
    let (mut report, sources) = summary::summarize(input, &feeds, results, &policies, &assembly);
    report.spilled_bytes = scratch.written();
    let ids: Vec<&str> = feeds.iter().chain(&disabled).map(|feed| feed.id.as_str()).collect();
    let state = state.encode(&ids, &accepted)?;
    assembly.sections.push(origin::section(input, &feeds, &report, sources, &policies, &assembly.kinds)?);
    summary::leave_out_kept(input, &mut report);
    let image = Image::new(input.now, assembly.sections);
    Ok(BuildOutput { image, state, report, rejects })
}

/// The feeds of the snapshot by provider and id: those that are read, and those that are kept as they are. Their
/// positions are their numbers in the snapshot, so the order of the catalogue does not matter.
fn feeds_in_order<'a>(input: &BuildInput<'a>, kept: &'a [Feed]) -> Result<Vec<&'a Feed>, BuildError> {
    TooLarge::check("catalogue", "feeds", (input.catalog.feeds.len() + kept.len()) as u64, u16::MAX.into())?;
    let mut feeds = chosen::feeds_to_read(input);
    feeds.extend(kept);
    feeds.sort_by(|a, b| (&a.provider, &a.id).cmp(&(&b.provider, &b.id)));
    Ok(feeds)
}

/// The accumulated feeds of the catalogue that are not in the snapshot: they are disabled, or have no download.
/// They list nothing, but the state file keeps their rows: otherwise old rows would count as new once there is a
/// download again.
fn other_accumulated<'a>(catalog: &'a Catalog, feeds: &[&Feed]) -> Vec<&'a Feed> {
    let is_in = |id: &str| feeds.iter().any(|feed| feed.id == id);
    catalog.feeds.iter().filter(|feed| feed.mode == Mode::Accumulated && !is_in(&feed.id)).collect()
}

/// The held downloads that earlier builds accepted.
fn accepted_before(input: &BuildInput<'_>) -> Result<Vec<AcceptedDigest>, BuildError> {
    input.state.map_or(Ok(Vec::new()), state_file::read_accepted).map_err(BuildError::State)
}

/// Reads all feeds in parallel, the largest files first, so that none of them is the last one running.
fn read_all(
    feeds: &[&Feed],
    input: &BuildInput<'_>,
    scratch: &Scratch,
    accepted: &[AcceptedDigest],
    found_later: &BTreeMap<String, HoldReason>,
    observer: &dyn Observer,
) -> Vec<FeedResult> {
    let never_block = Arc::new(NeverBlock::new(&input.catalog.never_block));
    let coverage = PreviousCoverage::new(input.previous);
    let context = |feed: &Feed| FeedContext {
        downloads: input.downloads,
        now: input.now,
        never_block: &never_block,
        accept: input.accept,
        accepted,
        allow_older: input.allow_older,
        coverage: &coverage,
        built_before: input.previous.map(Snapshot::built_at),
        record: previous_record(input, &feed.id),
        scratch,
        found_later,
    };
    let size = |feed: &Feed| std::fs::metadata(input.downloads.join(&feed.file)).map_or(0, |file| file.len());
    let mut order: Vec<(u64, usize)> = feeds.iter().map(|feed| size(feed)).zip(0..).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let mut results: Vec<(usize, FeedResult)> = order
        .into_par_iter()
        .with_max_len(1)
        .filter_map(|(_, at)| {
            let on_bytes = |count| observer.bytes_read(count);
            let feed = feeds.get(at)?;
            let context = context(feed);
            if let Some(record) = context.record.filter(|_| !input.reads(&feed.id)) {
                return Some((at, FeedResult::kept(feed, record)));
            }
            observer.feed_begins(&feed.id);
            let result = feed::read(feed, &context, &on_bytes);
            observer.feed_ends(&result.report);
            Some((at, result))
        })
        .collect();
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// One older download is held. If no download is newer and some are older, the whole folder is an old one.
fn check_inputs(results: &[FeedResult], input: &BuildInput<'_>) -> Result<(), BuildError> {
    input.predecessors().try_for_each(|other| {
        let record = |result: &FeedResult| record_of(other, &result.report.id);
        let older = results.iter().find_map(|result| {
            let times = result.older_than(record(result)?)?;
            Some((&result.report.id, times))
        });
        match older {
            Some((feed, (found, last)))
                if !results.iter().any(|result| result.is_newer_than(record(result))) =>
            {
                Err(BuildError::OlderInputs { feed: feed.clone(), found, last })
            }
            _ => Ok(()),
        }
    })
}

/// How claims are resolved, by the numbers of the feeds. The disabled feeds follow the enabled ones.
fn policies(
    feeds: &[&Feed],
    results: &[FeedResult],
    disabled: &[&Feed],
    input: &BuildInput<'_>,
) -> Vec<RetentionPolicy> {
    let last_update =
        |feed: &Feed| previous_record(input, &feed.id).and_then(|record| record.traits().update_time);
    let enabled = feeds.iter().zip(results).map(|(feed, result)| {
        let admitted = result.admitted.as_ref();
        feed::policy(feed, admitted, last_update(feed), input.now)
    });
    let disabled = disabled.iter().map(|feed| feed::policy(feed, None, None, input.now));
    enabled.chain(disabled).collect()
}

/// The rows of all feeds.
fn gather<'s>(
    results: &mut [FeedResult],
    scratch: &'s Scratch,
    limits: SizeLimits,
) -> Result<(Rows<'s>, ClaimTable, Vec<RejectRow>), TooLarge> {
    let (mut rows, mut claims, mut rejects) = (Rows::new(scratch), ClaimTable::new(limits), Vec::new());
    for (feed, result) in (0..).map(FeedId).zip(results) {
        rejects.append(&mut result.rejects);
        let Some(admitted) = &mut result.admitted else { continue };
        admitted.parsed.too_large.map_or(Ok(()), Err)?;
        for collector in std::mem::take(&mut admitted.parsed.collectors) {
            let base = claims.extend_used(collector.claims(feed))?;
            rows.add(collector.columns, base);
            collector.spilled.into_iter().for_each(|runs| rows.add_runs(runs, base));
        }
    }
    Ok((rows, claims, rejects))
}

/// Adds the sightings of the previous snapshot and the rows of the state file.
fn carry_over<'s>(
    input: &BuildInput<'_>,
    feeds: &[&Feed],
    disabled: &[&Feed],
    scratch: &'s Scratch,
    rows: &mut Rows<'s>,
    claims: &mut ClaimTable,
) -> Result<(), BuildError> {
    let of_all = feeds.iter().chain(disabled).zip((0..).map(FeedId));
    let numbers: HashMap<&str, FeedId> = of_all.map(|(feed, number)| (feed.id.as_str(), number)).collect();
    if let Some(previous) = input.previous {
        let feed_now = |id: FeedId| current_number(previous.feed(id)?, feeds, &numbers);
        previous_snapshot::carry_over(previous, &feed_now, scratch, rows, claims)?;
    }
    if let Some(state) = input.state {
        let feed_now = |id: &str| numbers.get(id).copied();
        rows.add_runs(state_file::read_rows(state, &feed_now, scratch, claims)?, 0);
    }
    Ok(())
}

/// The number of a feed of the previous snapshot whose sightings stay. A feed that changed from blocking to
/// allowing, or the reverse, loses its sightings.
fn current_number(before: &FeedRecord, feeds: &[&Feed], numbers: &HashMap<&str, FeedId>) -> Option<FeedId> {
    let number = *numbers.get(before.id.as_str())?;
    let now = feeds.get(usize::from(number.0))?;
    (now.list == before.traits().list).then_some(number)
}

/// Adds the downloads that this build accepted to those that earlier builds accepted.
fn with_accepted(
    mut accepted: Vec<AcceptedDigest>,
    results: &[FeedResult],
    now: Time,
) -> Vec<AcceptedDigest> {
    for result in results {
        let Some(admitted) = result.admitted.as_ref().filter(|admitted| admitted.source.accepted_by_operator)
        else {
            continue;
        };
        let (feed, digest) = (&result.report.id, admitted.source.digest);
        if !accepted.iter().any(|known| known.feed == *feed && known.digest == digest) {
            accepted.push(AcceptedDigest { feed: feed.clone(), digest, at: now });
        }
    }
    accepted
}

/// The record of a feed in the previous snapshot.
fn previous_record<'a>(input: &BuildInput<'a>, id: &str) -> Option<&'a FeedRecord> {
    record_of(input.previous?, id)
}

fn record_of<'a>(snapshot: &'a Snapshot, id: &str) -> Option<&'a FeedRecord> {
    snapshot.origin().feeds.iter().find(|feed| feed.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = "[[feed]]\nid = \"a\"\nprovider = \"lists.example\"\nformat = \"plain-ip\"\n";

    fn build_with(limits: impl Fn(&mut SizeLimits)) -> Result<BuildOutput, BuildError> {
        let catalog = Catalog::parse(CATALOG, "catalog.toml").expect("a sound catalogue");
        let downloads = tempfile::tempdir().expect("a folder");
        std::fs::write(downloads.path().join("a.txt"), "45.9.20.5\n45.9.20.6\n").expect("a download");
        let now = Time::from(std::time::SystemTime::now());
        let mut input = BuildInput::new(&catalog, downloads.path(), now, "test");
        limits(&mut input.limits);
        build(&input, &NoObserver)
    }

    #[test]
    fn fails_if_a_limit_is_exceeded_and_names_it() {
        assert!(build_with(|limits| (limits.rows, limits.claims) = (2, 1)).is_ok());
        let rows = build_with(|limits| limits.rows = 1).err().expect("too many rows").to_string();
        assert!(rows.contains("IPv4 addresses: 2 rows, the format holds 1"), "{rows}");
        let claims = build_with(|limits| limits.claims = 0).err().expect("too many claims").to_string();
        assert!(claims.contains("distinct claims: 1 claims, the format holds 0"), "{claims}");
    }
}
