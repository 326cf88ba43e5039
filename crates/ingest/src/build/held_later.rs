//! Builds that are compared with an operator's logs. What a build newly flags is known once it is done; if a
//! feed flags more than it may, the build is done again without its download.

use super::{BuildError, BuildInput, BuildOutput, Observer, build_holding};
use crate::admission::hold_reason::HoldReason;
use crate::admission::new_hits::{self, Found, LogIndicators};
use crate::report::Report;
use rapsheet_snapshot::Snapshot;
use rapsheet_snapshot::section::origin::FeedState;
use std::collections::BTreeMap;

/// Builds a snapshot, and reports what it newly flags.
///
/// One feed's part in that does not depend on the others: it is what the feed blocks, and none blocked
/// before. So holding one makes no other exceed its limit, and two builds are enough.
pub(super) fn build_against(
    logs: &LogIndicators,
    input: &BuildInput<'_>,
    observer: &dyn Observer,
) -> Result<BuildOutput, BuildError> {
    let mut output = build_holding(&BTreeMap::new(), input, observer)?;
    let snapshot = Snapshot::from_bytes_trusted(output.image.to_bytes()).map_err(BuildError::Unreadable)?;
    let found = new_hits::find(logs, input.previous, &snapshot, input.now);
    drop(snapshot);
    let held = over_limit(&found, input, &output.report);
    if !held.is_empty() {
        drop(output);
        output = build_holding(&held, input, observer)?;
    }
    add_to(&mut output.report, found);
    Ok(output)
}

/// The feeds whose downloads were taken, and newly flag more than they may.
fn over_limit(found: &Found, input: &BuildInput<'_>, report: &Report) -> BTreeMap<String, HoldReason> {
    let was_taken = |id: &str| report.feeds.iter().any(|feed| feed.id == id && feed.state == FeedState::Ok);
    let over = found.by_feed.iter().filter(|(id, _)| was_taken(id)).filter_map(|(id, new)| {
        let feed = input.catalog.feeds.iter().find(|feed| feed.id == *id)?;
        let above = feed.guard.max_new_hits.or(input.max_new_hits)?;
        let reason = HoldReason::NewHits { indicators: new.indicators, hits: new.hits, above };
        (new.hits > above).then(|| (id.clone(), reason))
    });
    over.collect()
}

fn add_to(report: &mut Report, mut found: Found) {
    for feed in &mut report.feeds {
        feed.new_hits = Some(found.by_feed.remove(&feed.id).unwrap_or_default());
    }
    report.against = Some(found.all);
}
