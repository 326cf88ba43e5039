//! How much of the address space a feed covers.
//!
//! A download is measured with what its feed keeps listing beside it, and against what the feed covered before. Both
//! come from the snapshot of the night before, whose runs are disjoint: their widths need only be added up. That is
//! done once for all feeds, and only where some feed keeps what it no longer lists.

use crate::catalog::Share;
use crate::door::{Stop, Threshold};
use crate::harvest::RangeRow;
use crate::intake::Gathered;
use rapsheet_snapshot::{AddressRange, Mode, Snapshot};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Every address of a family.
const SPACES: [AddressRange; 2] =
    [AddressRange::V4 { first: 0, last: u32::MAX }, AddressRange::V6 { first: 0, last: u128::MAX }];

/// What the feeds of the night before cover.
pub(crate) struct Ground<'a> {
    previous: Option<&'a Snapshot>,
    /// How many addresses of both families each feed covers, by its number there.
    covered: OnceLock<Vec<[u128; 2]>>,
}

impl<'a> Ground<'a> {
    /// The ground of a night after `previous`.
    pub(crate) fn new(previous: Option<&'a Snapshot>) -> Ground<'a> {
        Ground { previous, covered: OnceLock::new() }
    }

    /// How many IPv4 and IPv6 addresses a feed covers; `None` where it is new.
    fn covered_by(&self, feed: &str) -> Option<[u128; 2]> {
        let previous = self.previous?;
        let covered = self.covered.get_or_init(|| covered_by_feed(previous));
        covered.get(number_of(previous, feed)?).copied()
    }

    /// Visits what a feed covers in a space.
    fn each_of(&self, feed: &str, space: AddressRange, visit: &mut dyn FnMut(AddressRange)) {
        let Some(previous) = self.previous else { return };
        let Some(number) = number_of(previous, feed) else { return };
        let index = previous.index();
        index.each_address(space, |run, entry| {
            if index.sightings(entry).any(|said| usize::from(said.feed.0) == number) {
                visit(run);
            }
        });
    }
}

fn number_of(snapshot: &Snapshot, feed: &str) -> Option<usize> {
    snapshot.origin().feeds.iter().position(|known| known.id == feed)
}

/// Runs are added up by their sets, of which there are few, and sets by their feeds.
fn covered_by_feed(snapshot: &Snapshot) -> Vec<[u128; 2]> {
    let index = snapshot.index();
    let mut of_set = vec![[0u128; 2]; index.set_count()];
    for (family, space) in SPACES.into_iter().enumerate() {
        index.each_address(space, |run, entry| {
            let set = of_set.get_mut(index.set_of(entry) as usize).and_then(|set| set.get_mut(family));
            set.into_iter().for_each(|sum| *sum = sum.saturating_add(width(run)));
        });
    }
    let mut of_feed = vec![[0u128; 2]; snapshot.origin().feeds.len()];
    for (set, sums) in (0..).zip(of_set).filter(|(_, sums)| *sums != [0; 2]) {
        let feeds: BTreeSet<u16> = index.records_of(set).map(|record| record.feed.0).collect();
        for feed in feeds {
            let Some(covered) = of_feed.get_mut(usize::from(feed)) else { continue };
            covered.iter_mut().zip(sums).for_each(|(covered, sum)| *covered = covered.saturating_add(sum));
        }
    }
    of_feed
}

fn width(run: AddressRange) -> u128 {
    match run {
        AddressRange::V4 { first, last } => last.distance(first),
        AddressRange::V6 { first, last } => last.distance(first),
    }
}

/// No feed may cover much of the address space, however it is split: neither at once nor bit by bit.
pub(crate) fn admit(gathered: &Gathered, threshold: &Threshold<'_>) -> Result<(), Stop> {
    let columns = || gathered.harvests.iter().map(|harvest| &harvest.columns);
    family::<u32>("IPv4", &|| Box::new(columns().flat_map(|columns| &columns.v4.rows)), threshold)?;
    family::<u128>("IPv6", &|| Box::new(columns().flat_map(|columns| &columns.v6.rows)), threshold)
}

type Rows<'r, N> = Box<dyn Iterator<Item = &'r RangeRow<N>> + 'r>;

/// The sum of all widths is a bound on what they cover, and in nearly every feed a low one. Only where it is not are
/// rows joined and compared with what the feed covered before. What a feed keeps of that counts as its own.
fn family<'r, N: Space + 'r>(
    name: &'static str,
    rows: &dyn Fn() -> Rows<'r, N>,
    threshold: &Threshold<'_>,
) -> Result<(), Stop> {
    let Threshold { feed, ground, .. } = threshold;
    let (new_above, above) = (feed.guard.new_coverage_above, feed.guard.coverage_above);
    let sum = rows().fold(0u128, |sum, row| sum.saturating_add(row.last.distance(row.first)));
    let keeps = feed.mode == Mode::Accumulated || feed.keep_absent;
    let kept = if keeps && sum > 0 { N::covered_by(ground, &feed.id) } else { 0 };
    let most = N::units(sum.saturating_add(kept));
    if !new_above.is_exceeded_by(N::units(sum), N::WHOLE) && !above.is_exceeded_by(most, N::WHOLE) {
        return Ok(());
    }
    let stop = |covered: u128, above: Share, anew: bool| {
        let share = Share::of(covered, N::WHOLE);
        Stop::Covers { family: name, share, above, anew }
    };
    let now: Vec<(N, N)> = rows().map(|row| (row.first, row.last)).collect();
    let before = N::before(ground, &feed.id);
    let all = covered([now.as_slice(), &before].concat());
    let (now, before) = (covered(now), covered(before));
    let in_all = N::units(if keeps { all } else { now });
    if above.is_exceeded_by(in_all, N::WHOLE) {
        return Err(stop(in_all, above, false));
    }
    let anew = N::units(all.saturating_sub(before));
    if new_above.is_exceeded_by(anew, N::WHOLE) { Err(stop(anew, new_above, true)) } else { Ok(()) }
}

/// How many addresses ranges cover together.
fn covered<N: Space>(mut ranges: Vec<(N, N)>) -> u128 {
    ranges.sort_unstable();
    let mut sum = 0u128;
    let mut end: Option<N> = None;
    for (first, last) in ranges {
        let width = match end {
            Some(end) if last <= end => 0,
            Some(end) if first <= end => last.distance(end) - 1,
            _ => last.distance(first),
        };
        sum = sum.saturating_add(width);
        end = end.max(Some(last));
    }
    sum
}

/// A family of addresses as a space to be covered.
trait Space: Copy + Ord {
    /// How much there is to cover, in units.
    const WHOLE: u128;
    /// So many addresses in units.
    fn units(addresses: u128) -> u128;
    /// How many addresses there are from one to the other, both counted.
    fn distance(self, first: Self) -> u128;
    /// How many addresses a feed covered before.
    fn covered_by(ground: &Ground<'_>, feed: &str) -> u128;
    /// What a feed covered before.
    fn before(ground: &Ground<'_>, feed: &str) -> Vec<(Self, Self)>;
}

impl Space for u32 {
    const WHOLE: u128 = 1 << 32;

    fn units(addresses: u128) -> u128 {
        addresses
    }

    fn distance(self, first: u32) -> u128 {
        u128::from(self - first) + 1
    }

    fn covered_by(ground: &Ground<'_>, feed: &str) -> u128 {
        ground.covered_by(feed).map_or(0, |[v4, _]| v4)
    }

    fn before(ground: &Ground<'_>, feed: &str) -> Vec<(u32, u32)> {
        let mut ranges = Vec::new();
        ground.each_of(feed, AddressRange::V4 { first: 0, last: u32::MAX }, &mut |range| {
            if let AddressRange::V4 { first, last } = range {
                ranges.push((first, last));
            }
        });
        ranges
    }
}

/// Measured in networks of 64 bits, against the eighth of the space that is in use.
impl Space for u128 {
    const WHOLE: u128 = 1 << 61;

    fn units(addresses: u128) -> u128 {
        addresses >> 64
    }

    fn distance(self, first: u128) -> u128 {
        (self - first).saturating_add(1)
    }

    fn covered_by(ground: &Ground<'_>, feed: &str) -> u128 {
        ground.covered_by(feed).map_or(0, |[_, v6]| v6)
    }

    fn before(ground: &Ground<'_>, feed: &str) -> Vec<(u128, u128)> {
        let mut ranges = Vec::new();
        ground.each_of(feed, AddressRange::V6 { first: 0, last: u128::MAX }, &mut |range| {
            if let AddressRange::V6 { first, last } = range {
                ranges.push((first, last));
            }
        });
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_measured_together() {
        assert_eq!(covered(vec![(5u32, 9), (0, 3), (8, 12), (1, 2), (12, 12)]), 12);
        assert_eq!(covered(vec![(0u32, u32::MAX), (7, 7)]), 1 << 32);
        assert_eq!(covered(Vec::<(u128, u128)>::new()), 0);
        assert_eq!(covered(vec![(0u128, u128::MAX)]), u128::MAX);
    }
}
