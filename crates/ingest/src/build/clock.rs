//! Whether the clock can be right: a build is not earlier than the previous one, nor so much later that all of
//! that one has expired.

use super::feed::FeedResult;
use super::{BuildError, BuildInput};
use rapsheet_assemble::Assembly;
use rapsheet_snapshot::Snapshot;

/// A gap between two builds that is no longer than this, in seconds, needs no explanation, whatever expires.
const GAP_MIN: i64 = 15 * 86_400;
/// How near to the clock a list must say that it was generated, in seconds, to confirm the clock.
const CONFIRMS_WITHIN: i64 = 7 * 86_400;

/// A build that is earlier than the previous one would bring back what has been delisted since.
pub(super) fn check_order(input: &BuildInput<'_>) -> Result<(), BuildError> {
    match input.predecessors().map(Snapshot::built_at).max() {
        Some(before) if before > input.now => Err(BuildError::ClockBack { now: input.now, before }),
        _ => Ok(()),
    }
}

/// A clock that jumped ahead would end every sighting at once. The downloader's times are of the same clock, so
/// they prove nothing; a time that a publisher states does.
pub(super) fn check_expiry(
    input: &BuildInput<'_>,
    results: &[FeedResult],
    assembly: &Assembly,
) -> Result<(), BuildError> {
    let Some(previous) = input.previous.filter(|_| !input.allow_gap) else { return Ok(()) };
    let (now, before) = (input.now, previous.built_at());
    let sum =
        |number: fn(&rapsheet_assemble::Counts) -> u64| assembly.counts.values().map(number).sum::<u64>();
    let sightings = sum(|counts| counts.lapsed);
    let survive = sum(|counts| counts.accepted - counts.added + counts.carried + counts.removed);
    let is_confirmed =
        results.iter().any(|result| result.generated().is_some_and(|at| at.plus(CONFIRMS_WITHIN) >= now));
    let jumped = sightings > 0 && survive == 0 && now > before.plus(GAP_MIN) && !is_confirmed;
    if jumped { Err(BuildError::ClockAhead { now, before, sightings }) } else { Ok(()) }
}
