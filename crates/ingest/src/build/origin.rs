//! The origin section: what the snapshot says about itself and its feeds.

use super::{BuildInput, previous_record};
use crate::catalog::Feed;
use crate::report::{FeedReport, Freshness, Report};
use rapsheet_assemble::RetentionPolicy;
use rapsheet_snapshot::TooLarge;
use rapsheet_snapshot::section::origin::{AcceptedDownload, FeedRecord, FeedTraits, Origin};
use rapsheet_snapshot::{FeedId, Kinds, Section, SectionBytes, Time};
use std::collections::HashMap;

/// The origin section of a build. `kinds` are those that each feed lists in the new snapshot.
pub(super) fn section(
    input: &BuildInput<'_>,
    feeds: &[&Feed],
    report: &Report,
    sources: Vec<Option<AcceptedDownload>>,
    policies: &[RetentionPolicy],
    kinds: &HashMap<FeedId, Kinds>,
) -> Result<SectionBytes, TooLarge> {
    let records = (0..)
        .map(FeedId)
        .zip(feeds)
        .zip(policies.iter().zip(&report.feeds))
        .zip(sources)
        .map(|(((id, feed), (policy, report)), source)| {
            let observed = kinds.get(&id).copied().unwrap_or(Kinds::NONE);
            if let Some(kept) = previous_record(input, &feed.id).filter(|_| !input.reads(&feed.id)) {
                let mut record = kept.clone();
                record.sightings = report.sightings;
                return record;
            }
            let mut record = feed_record(input, feed, report, policy, observed);
            record.max_age_seconds =
                freshness(feed, record.traits().update_time, source.as_ref()).stale_after_seconds();
            record.accepted = source;
            record
        })
        .collect();
    let origin = Origin { generator: input.generator.to_owned(), feeds: records };
    let bytes = origin.encode()?;
    Ok(SectionBytes::new(Section::Origin, feeds.len(), bytes))
}

/// How fresh a feed's last accepted download is.
pub(super) fn freshness(
    feed: &Feed,
    update_time: Option<Time>,
    source: Option<&AcceptedDownload>,
) -> Freshness {
    Freshness {
        update_time,
        unchanged_since: source.map(|source| source.unchanged_since),
        max_age_seconds: feed.max_age_seconds,
        max_unchanged_seconds: feed.max_unchanged_seconds,
    }
}

fn feed_record(
    input: &BuildInput<'_>,
    feed: &Feed,
    report: &FeedReport,
    policy: &RetentionPolicy,
    observed: Kinds,
) -> FeedRecord {
    let before = previous_record(input, &feed.id).map(FeedRecord::traits);
    let known_before = before.map_or(Kinds::NONE, |before| before.kinds);
    let known = if policy.accepted { [observed, known_before] } else { [known_before, observed] };
    let last_update = before.and_then(|before| before.update_time);
    let traits = FeedTraits {
        list: feed.list,
        mode: feed.mode,
        kinds: known.into_iter().find(|kinds| !kinds.is_empty()).unwrap_or(feed.format.kinds),
        assessments: feed.assessment,
        update_time: if policy.accepted { Some(policy.update_time) } else { last_update },
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
    record.keep_absent = feed.keep_absent;
    record.sightings = report.sightings;
    record
}
