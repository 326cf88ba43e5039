//! What a build did: the report, and the last accepted download of each feed.

use super::feed::FeedResult;
use super::{BuildInput, previous_record};
use crate::catalog::Feed;
use crate::report::{EndedFeed, REPORT_VERSION, Report, Totals};
use rapsheet_assemble::{Assembly, RetentionPolicy};
use rapsheet_snapshot::section::origin::{AcceptedDownload, FeedState};
use rapsheet_snapshot::{FeedId, Mode, ParseError};
use std::collections::BTreeMap;

/// The report, and for each feed what its next download is measured against.
pub(super) fn summarize(
    input: &BuildInput<'_>,
    feeds_now: &[&Feed],
    results: Vec<FeedResult>,
    policies: &[RetentionPolicy],
    assembly: &Assembly,
) -> (Report, Vec<Option<AcceptedDownload>>) {
    let mut totals = Totals::from(assembly.totals);
    let mut feeds = Vec::with_capacity(results.len());
    let mut sources = Vec::with_capacity(results.len());
    for (((id, result), policy), now) in (0..).map(FeedId).zip(results).zip(policies).zip(feeds_now) {
        let mut feed = result.report;
        feed.set_counts(&assembly.counts.get(&id).copied().unwrap_or_default());
        feed.reject_overlaps(assembly.overlap_refused.get(&id).copied().unwrap_or(0), ParseError::BadRange);
        feed.sightings = feed.accepted + feed.carried;
        let before = previous_record(input, &feed.id);
        let last_update = before.and_then(|record| record.traits().update_time);
        let update_time = if policy.accepted { Some(policy.update_time) } else { last_update };
        feed.set_update_time(update_time, now.max_age_seconds, input.now);
        totals.sightings += feed.sightings;
        let last = before.and_then(|record| record.accepted.clone());
        sources.push(result.admitted.map(|admitted| admitted.source).or(last));
        feeds.push(feed);
    }
    let unmatched_accepts = input.accept.iter().filter_map(|accept| accept.unmatched(&feeds)).collect();
    let is_accumulated = |feed: &Feed| feed.enabled && feed.mode == Mode::Accumulated;
    let report = Report {
        version: REPORT_VERSION,
        now: input.now.to_string(),
        trouble: feeds.iter().any(|feed| feed.state != FeedState::Ok),
        state_missing: input.previous.is_some()
            && input.state.is_none()
            && input.catalog.feeds.iter().any(is_accumulated),
        feeds,
        ended: ended(input),
        unmatched_accepts,
        totals,
        seconds: BTreeMap::new(),
    };
    (report, sources)
}

/// The feeds of the previous snapshot whose sightings end, and why.
fn ended(input: &BuildInput<'_>) -> Vec<EndedFeed> {
    let before = input.previous.into_iter().flat_map(|previous| &previous.origin().feeds);
    let ended = before.filter_map(|before| {
        let now = input.catalog.feeds.iter().find(|feed| feed.id == before.id);
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
