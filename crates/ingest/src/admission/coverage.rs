//! How much of the address space a feed covers.
//!
//! A download is measured together with what its feed keeps listing beside it, and against what the feed
//! covered before. Both come from the previous snapshot. Its ranges are disjoint, so their widths are added
//! up, once for all feeds, and only if some feed keeps what its download no longer lists.

use crate::entry::guard;
use crate::sighting::collector::Collector;
use rapsheet_assemble::Scratch;
use rapsheet_snapshot::{AddressRange, Snapshot};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// Both families.
    pub(crate) const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// Its name in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }

    const fn space(self) -> AddressRange {
        match self {
            Family::V4 => AddressRange::V4 { first: 0, last: u32::MAX },
            Family::V6 => AddressRange::V6 { first: 0, last: u128::MAX },
        }
    }
}

/// How much a feed covers of a family: single addresses of IPv4, networks of 64 bits of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// The whole space.
    pub(crate) whole: u128,
    /// What the feed covers.
    pub(crate) total: u128,
    /// What it did not cover before.
    pub(crate) added: u128,
}

/// What the feeds of the previous snapshot cover.
pub(crate) struct PreviousCoverage<'a> {
    previous: Option<&'a Snapshot>,
    /// The number of addresses of both families that each feed covers, by its number there.
    covered: OnceLock<Vec<[u128; 2]>>,
}

impl<'a> PreviousCoverage<'a> {
    /// The coverage of a snapshot, which is measured when it is first needed.
    pub(crate) fn new(previous: Option<&'a Snapshot>) -> PreviousCoverage<'a> {
        PreviousCoverage { previous, covered: OnceLock::new() }
    }

    /// How many addresses of a family a feed covers; 0 for a new feed.
    fn addresses(&self, feed: &str, family: Family) -> u128 {
        let of_feed = || {
            let previous = self.previous?;
            let covered = self.covered.get_or_init(|| covered_by_feed(previous));
            covered.get(number_of(previous, feed)?)?.get(family as usize).copied()
        };
        of_feed().unwrap_or(0)
    }

    /// Visits the ranges of a family that a feed covers.
    fn each_range(&self, feed: &str, family: Family, mut visit: impl FnMut(AddressRange)) {
        let Some(previous) = self.previous else { return };
        let Some(number) = number_of(previous, feed) else { return };
        let index = previous.index();
        index.each_address(family.space(), |range, entry| {
            if index.confirmations(entry).any(|(record, _)| usize::from(record.feed.0) == number) {
                visit(range);
            }
        });
    }
}

fn number_of(snapshot: &Snapshot, feed: &str) -> Option<usize> {
    snapshot.origin().feeds.iter().position(|known| known.id == feed)
}

/// Adds up ranges by their sets, of which there are few, and sets by their feeds.
fn covered_by_feed(snapshot: &Snapshot) -> Vec<[u128; 2]> {
    let index = snapshot.index();
    let mut of_set = vec![[0u128; 2]; index.set_count()];
    for family in Family::ALL {
        index.each_address(family.space(), |range, entry| {
            let set = of_set.get_mut(index.set_of(entry) as usize);
            let sum = set.and_then(|set| set.get_mut(family as usize));
            sum.into_iter().for_each(|sum| *sum = sum.saturating_add(width(range)));
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

fn width(range: AddressRange) -> u128 {
    match range {
        AddressRange::V4 { first, last } => last.distance(first),
        AddressRange::V6 { first, last } => last.distance(first),
    }
}

/// The addresses of a download, beside what its feed covered before.
pub(crate) struct Measurement<'a> {
    /// The rows of the download.
    pub(crate) collectors: &'a [Collector],
    /// Where the rows are that did not fit the memory.
    pub(crate) scratch: &'a Scratch,
    /// The id of the feed.
    pub(crate) feed: &'a str,
    /// Whether the feed keeps what its download no longer lists.
    pub(crate) keeps_absent: bool,
    /// What all feeds covered before.
    pub(crate) previous: &'a PreviousCoverage<'a>,
}

impl Measurement<'_> {
    /// An upper bound, from the sum of all widths. For nearly every feed it is low enough to need nothing
    /// else.
    pub(crate) fn upper_bound(&self, family: Family) -> Coverage {
        match family {
            Family::V4 => self.bound::<u32>(),
            Family::V6 => self.bound::<u128>(),
        }
    }

    /// The exact coverage: overlapping rows are joined, and compared with what the feed covered before. Space
    /// that is set aside is left out: to list it touches no host of the internet.
    pub(crate) fn exact(&self, family: Family) -> Coverage {
        match family {
            Family::V4 => self.join::<u32>(),
            Family::V6 => self.join::<u128>(),
        }
    }

    fn each_row<N: Space>(&self, mut visit: impl FnMut(N, N)) {
        let each = |collector| N::each_row(collector, self.scratch, &mut visit);
        self.collectors.iter().for_each(each);
    }

    fn bound<N: Space>(&self) -> Coverage {
        let mut sum = 0u128;
        self.each_row::<N>(|first, last| sum = sum.saturating_add(last.distance(first)));
        let has_kept = self.keeps_absent && sum > 0;
        let kept = if has_kept { self.previous.addresses(self.feed, N::FAMILY) } else { 0 };
        Coverage { whole: N::WHOLE, total: N::units(sum.saturating_add(kept)), added: N::units(sum) }
    }

    fn join<N: Space>(&self) -> Coverage {
        let covers_hosts = |ends: &(N, N)| !guard::is_set_aside(&N::range(ends.0, ends.1));
        let mut now: Vec<(N, N)> = Vec::new();
        self.each_row(|first, last| now.extend(Some((first, last)).filter(covers_hosts)));
        let mut before = Vec::new();
        self.previous.each_range(self.feed, N::FAMILY, |range| {
            before.extend(N::ends(range).filter(covers_hosts));
        });
        let all = joined_width([now.as_slice(), &before].concat());
        let (now, before) = (joined_width(now), joined_width(before));
        Coverage {
            whole: N::WHOLE,
            total: N::units(if self.keeps_absent { all } else { now }),
            added: N::units(all.saturating_sub(before)),
        }
    }
}

/// How many addresses ranges cover together.
fn joined_width<N: Space>(mut ranges: Vec<(N, N)>) -> u128 {
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
trait Space: Copy + Ord + 'static {
    /// The family.
    const FAMILY: Family;
    /// The whole space, in units.
    const WHOLE: u128;
    /// A number of addresses in units.
    fn units(addresses: u128) -> u128;
    /// The number of addresses from `first` to this one, both included. A forged snapshot may have them in the wrong
    /// order; a build that reads it refuses it later.
    fn distance(self, first: Self) -> u128;
    /// Visits the rows of the family.
    fn each_row(collector: &Collector, scratch: &Scratch, visit: impl FnMut(Self, Self));
    /// The ends of a range, if it is of the family.
    fn ends(range: AddressRange) -> Option<(Self, Self)>;
    /// The range between two addresses.
    fn range(first: Self, last: Self) -> AddressRange;
}

impl Space for u32 {
    const FAMILY: Family = Family::V4;
    const WHOLE: u128 = 1 << 32;

    fn units(addresses: u128) -> u128 {
        addresses
    }

    fn distance(self, first: u32) -> u128 {
        u128::from(self.saturating_sub(first)) + 1
    }

    fn each_row(collector: &Collector, scratch: &Scratch, mut visit: impl FnMut(u32, u32)) {
        collector.each_v4(scratch, |first, last, _| visit(first, last));
    }

    fn ends(range: AddressRange) -> Option<(u32, u32)> {
        match range {
            AddressRange::V4 { first, last } => Some((first, last)),
            AddressRange::V6 { .. } => None,
        }
    }

    fn range(first: u32, last: u32) -> AddressRange {
        AddressRange::V4 { first, last }
    }
}

/// Measured in networks of 64 bits, against the eighth of the space that is in use.
impl Space for u128 {
    const FAMILY: Family = Family::V6;
    const WHOLE: u128 = 1 << 61;

    fn units(addresses: u128) -> u128 {
        addresses >> 64
    }

    fn distance(self, first: u128) -> u128 {
        self.saturating_sub(first).saturating_add(1)
    }

    fn each_row(collector: &Collector, scratch: &Scratch, mut visit: impl FnMut(u128, u128)) {
        collector.each_v6(scratch, |first, last, _| visit(first, last));
    }

    fn ends(range: AddressRange) -> Option<(u128, u128)> {
        match range {
            AddressRange::V6 { first, last } => Some((first, last)),
            AddressRange::V4 { .. } => None,
        }
    }

    fn range(first: u128, last: u128) -> AddressRange {
        AddressRange::V6 { first, last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_overlapping_ranges() {
        assert_eq!(joined_width(vec![(5u32, 9), (0, 3), (8, 12), (1, 2), (12, 12)]), 12);
        assert_eq!(joined_width(vec![(0u32, u32::MAX), (7, 7)]), 1 << 32);
        assert_eq!(joined_width(Vec::<(u128, u128)>::new()), 0);
        assert_eq!(joined_width(vec![(0u128, u128::MAX)]), u128::MAX);
    }
}
