//! What a build did: the report, and the last accepted download of each feed.

use super::feed::FeedResult;
use super::{BuildInput, chosen, origin, previous_record};
use crate::catalog::Feed;
use crate::report::{
    EndedFeed, FeedCounts, FeedReport, FeedStatus, REPORT_VERSION, Report, Totals, counted, days,
};
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
        feed.sightings = feed.accepted + feed.kept;
        let before = previous_record(input, &feed.id);
        let last_update = before.and_then(|record| record.traits().update_time);
        let update_time = if policy.accepted { Some(policy.update_time) } else { last_update };
        let last = before.and_then(|record| record.accepted.clone());
        let source = result.admitted.map(|admitted| admitted.source).or(last);
        feed.set_freshness(&origin::freshness(now, update_time, source.as_ref()), input.now);
        feed.never_downloaded = feed.state == FeedState::Failed && chosen::was_never_downloaded(input, now);
        set_nothing_live(&mut feed, policy, source.as_ref());
        totals.sightings += feed.sightings;
        sources.push(source);
        feeds.push(feed);
    }
    let unmatched_accepts = input.accept.iter().filter_map(|accept| accept.unmatched(&feeds)).collect();
    let is_accumulated = |feed: &Feed| feed.enabled && feed.mode == Mode::Accumulated;
    let report = Report {
        version: REPORT_VERSION,
        now: input.now.to_string(),
        trouble: false,
        counts: FeedCounts::default(),
        state_missing: input.previous.is_some()
            && input.state.is_none()
            && input.catalog.feeds.iter().any(is_accumulated),
        feeds,
        ended: ended(input),
        unmatched_accepts,
        totals,
        spilled_bytes: 0,
        against: None,
        seconds: BTreeMap::new(),
    };
    (report, sources)
}

/// Takes the feeds out of the report that the build did not read, and counts the others.
pub(super) fn leave_out_kept(input: &BuildInput<'_>, report: &mut Report) {
    let all = report.feeds.len();
    report.feeds.retain(|feed| input.reads(&feed.id));
    report.counts = FeedCounts::of(&report.feeds);
    report.counts.not_chosen = (all - report.feeds.len()) as u64;
    let nothing_at_all = report.feeds.iter().all(|feed| feed.never_downloaded);
    report.trouble = nothing_at_all || report.feeds.iter().any(|feed| feed.status().is_trouble());
}

/// Notes that a feed lists something, or did, and that none of it is live.
fn set_nothing_live(feed: &mut FeedReport, policy: &RetentionPolicy, source: Option<&AcceptedDownload>) {
    let listed = if policy.accepted {
        feed.indicators - feed.rejected
    } else {
        source.map_or(0, |source| source.indicators)
    };
    feed.nothing_live = feed.sightings == 0 && listed > 0;
    if feed.status() != FeedStatus::NothingLive {
        return;
    }
    let (now, retention) = (policy.now, policy.retention_seconds);
    let why = match &feed.generated {
        Some(time) if now >= policy.confirmed.plus(retention) => {
            format!("the list states that it was made at {time}")
        }
        _ => "they were last seen before that".to_owned(),
    };
    let retention = days(retention);
    "expired".clone_into(&mut feed.concern);
    feed.concern_text = format!(
        "it lists {}, all expired: retention is {retention}, and {why}. If it is updated seldom, set a longer \
         `retention` in the catalogue",
        counted(listed, "indicator", "indicators")
    );
}

/// The feeds of the previous snapshot whose sightings end, and why.
fn ended(input: &BuildInput<'_>) -> Vec<EndedFeed> {
    let before = input.previous.into_iter().flat_map(|previous| &previous.origin().feeds);
    let ended = before.filter(|before| input.reads(&before.id)).filter_map(|before| {
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
