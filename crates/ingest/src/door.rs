//! The door that downloads come through: is this still that feed?
//!
//! A download that was read is compared with what its operator expects of it and with the last good one, before
//! anything of it replaces anything. What is stopped here is *held*: its feed keeps its last good sightings, and a
//! person may let this one download in by its digest. What cannot be read at all never gets here.
//!
//! Everything is judged by the download as a whole. Single entries that nobody may list are refused one by one where
//! they are read, and do not cost a feed its place.

use crate::catalog::{Feed, Guard, Mark, Sentinel, Share};
use crate::harvest::{Columns, RangeRow, Texts, scope_of};
use crate::intake::Gathered;
use crate::tally::Tally;
use snapshot::section::origin::Source;
use snapshot::{AddressRange, Refusal, Scope, Snapshot, Time};
use std::fmt;

/// What a download is measured against.
pub(crate) struct Threshold<'a> {
    /// The feed, with its guards.
    pub(crate) feed: &'a Feed,
    /// The last good download.
    pub(crate) last: Option<&'a Source>,
    /// The snapshot that holds what the feed lists so far.
    pub(crate) previous: Option<&'a Snapshot>,
}

/// Why a download is held.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// It lists nothing.
    Empty,
    /// It was retrieved before the last good one.
    Older {
        /// When it was retrieved.
        found: Time,
        /// When the last good one was.
        last: Time,
    },
    /// It does not end as it should.
    Unended(String),
    /// It lists fewer entries than it says, and fewer than the last good one.
    Short { found: u64, declared: u64, last: u64 },
    /// Too large a part of its lines cannot be read.
    Rejects { rejected: u64, of: u64, above: Share },
    /// It lists far less than the last good one.
    Shrunk { found: u64, last: u64, below: Share },
    /// It lists far more than the last good one.
    Grown { found: u64, last: u64, above: Share },
    /// It lacks something that it always has.
    Lacks(String),
    /// It lists something that it never should.
    Lists(String),
    /// It covers too much of the address space.
    Covers { family: &'static str, share: Share, above: Share, anew: bool },
}

impl Stop {
    /// The word that reports print.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Stop::Empty => "empty",
            Stop::Older { .. } => "older",
            Stop::Unended(_) => "unended",
            Stop::Short { .. } => "short",
            Stop::Rejects { .. } => "rejects",
            Stop::Shrunk { .. } => "shrunk",
            Stop::Grown { .. } => "grown",
            Stop::Lacks(_) => "lacks",
            Stop::Lists(_) => "lists",
            Stop::Covers { .. } => "covers",
        }
    }

    /// The guard that an operator would set differently, if this is normal for the feed.
    const fn guard(&self) -> &'static str {
        match self {
            Stop::Empty => "can_be_empty",
            Stop::Older { .. } | Stop::Short { .. } => "",
            Stop::Unended(_) => "end_mark",
            Stop::Rejects { .. } => "rejects_above",
            Stop::Shrunk { .. } => "shrunk_below",
            Stop::Grown { .. } => "grown_above",
            Stop::Lacks(_) => "must_contain",
            Stop::Lists(_) => "must_not_contain",
            Stop::Covers { anew: true, .. } => "new_coverage_above",
            Stop::Covers { anew: false, .. } => "coverage_above",
        }
    }

    /// What happened and what to do, given the feed and how its download may be let in.
    pub(crate) fn sentence(&self, feed: &str, digest: &str) -> String {
        let short = digest.get(..16).unwrap_or(digest);
        let once = format!("to let this one in: --accept {feed}={short}");
        match self.guard() {
            "" => format!("{self}; {once}"),
            guard => format!("{self}; {once}; if it is normal: guard.{guard}"),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Empty => f.write_str("it lists nothing"),
            Stop::Older { found, last } => {
                write!(f, "it was retrieved at {found}, before the last good one of {last}")
            }
            Stop::Unended(expected) => write!(f, "it does not end with {expected}: cut off?"),
            Stop::Short { found, declared, last } => write!(
                f,
                "it has {found} of the {declared} entries that it says it has, and the last good one had {last}"
            ),
            Stop::Rejects { rejected, of, above } => {
                write!(f, "{rejected} of {of} lines cannot be read, more than {above}: another format?")
            }
            Stop::Shrunk { found, last, below } => {
                write!(f, "it has {found} entries, less than {below} of the {last} in the last good one")
            }
            Stop::Grown { found, last, above } => {
                write!(f, "it has {found} entries, more than {above} of the {last} in the last good one")
            }
            Stop::Lacks(what) => write!(f, "it does not list {what}, which it always should"),
            Stop::Lists(what) => write!(f, "it lists {what}, which it never should"),
            Stop::Covers { family, share, above, anew } => {
                let anew = if *anew { " anew" } else { "" };
                write!(f, "it covers {share} of {family}{anew}, more than {above}")
            }
        }
    }
}

/// Whether a download may come in; if not, the first thing that stops it.
pub(crate) fn admit(gathered: &Gathered, threshold: &Threshold<'_>) -> Result<(), Stop> {
    let Threshold { feed, last, .. } = threshold;
    let guard = &feed.guard;
    ended(gathered, guard, *last)?;
    complete(&gathered.tally, *last)?;
    legible(&gathered.tally, guard)?;
    coverage(gathered, threshold)?;
    sentinels(gathered, guard)?;
    steady(&gathered.tally, guard, *last)
}

/// Ends as its operator says it does, or with an end mark if the last one had one.
fn ended(gathered: &Gathered, guard: &Guard, last: Option<&Source>) -> Result<(), Stop> {
    if !guard.end_mark.is_empty() {
        let found = gathered.last_line.starts_with(guard.end_mark.as_bytes());
        return if found { Ok(()) } else { Err(Stop::Unended(format!("`{}`", guard.end_mark))) };
    }
    match last {
        Some(last) if last.ended && !gathered.tally.ended => {
            Err(Stop::Unended("the end mark of the last good one".to_owned()))
        }
        _ => Ok(()),
    }
}

/// Publishers forget to update their counts, so a missing tenth counts only if it is missing from yesterday, too.
fn complete(tally: &Tally, last: Option<&Source>) -> Result<(), Stop> {
    let found = tally.entries + tally.rejected;
    let short_of = |whole: u64| found.saturating_mul(10) < whole.saturating_mul(9) && whole - found > 5;
    match (tally.declared, last) {
        (Some(declared), Some(last)) if short_of(declared) && short_of(last.indicators) => {
            Err(Stop::Short { found, declared, last: last.indicators })
        }
        _ => Ok(()),
    }
}

/// Entries that were read, and that nobody may list: they say nothing against the format.
const UNLISTABLE: [Refusal; 4] =
    [Refusal::TooWide, Refusal::Bogon, Refusal::PublicSuffix, Refusal::NeverBlock];

fn legible(tally: &Tally, guard: &Guard) -> Result<(), Stop> {
    let unlistable: u64 = UNLISTABLE.iter().filter_map(|why| tally.refusals.get(why)).sum();
    let (rejected, above) = (tally.rejected_lines.saturating_sub(unlistable), guard.rejects_above);
    let of = tally.rejected_lines + tally.data_lines;
    if rejected >= guard.rejects_floor && above.is_exceeded_by(rejected.into(), of.into()) {
        return Err(Stop::Rejects { rejected, of, above });
    }
    Ok(())
}

fn steady(tally: &Tally, guard: &Guard, last: Option<&Source>) -> Result<(), Stop> {
    let Some(Source { indicators: last, .. }) = last else { return Ok(()) };
    let (found, last) = (tally.entries, *last);
    let (below, above) = (guard.shrunk_below, guard.grown_above);
    // Nothing at all was judged by `can_be_empty`, and says nothing about the next one.
    if found > 0 && last >= guard.shrunk_floor && below.is_missed_by(found, last) {
        return Err(Stop::Shrunk { found, last, below });
    }
    if last > 0 && found > guard.grown_floor && above.is_exceeded_by(found.into(), last.into()) {
        return Err(Stop::Grown { found, last, above });
    }
    Ok(())
}

fn sentinels(gathered: &Gathered, guard: &Guard) -> Result<(), Stop> {
    let columns = || gathered.harvests.iter().map(|harvest| &harvest.columns);
    let text = |sentinel: &Sentinel| sentinel.text.clone();
    for sentinel in &guard.must_contain {
        if !columns().any(|columns| lists(columns, &sentinel.mark)) {
            return Err(Stop::Lacks(text(sentinel)));
        }
    }
    for sentinel in &guard.must_not_contain {
        if columns().any(|columns| lists(columns, &sentinel.mark) || touches(columns, &sentinel.mark)) {
            return Err(Stop::Lists(text(sentinel)));
        }
    }
    Ok(())
}

/// Whether some entry says that this is listed.
fn lists(columns: &Columns, mark: &Mark) -> bool {
    match mark {
        Mark::Range(AddressRange::V4 { first, last }) => {
            columns.v4.rows.iter().any(|row| row.first <= *first && *last <= row.last)
        }
        Mark::Range(AddressRange::V6 { first, last }) => {
            columns.v6.rows.iter().any(|row| row.first <= *first && *last <= row.last)
        }
        Mark::Name(name, _) => {
            let reversed: Vec<u8> = name.iter().rev().copied().collect();
            each_key(&columns.names).any(|(key, scope)| speaks_of(key, scope, &reversed))
        }
        Mark::Url(url) => each_key(&columns.urls).any(|(key, _)| key == url),
    }
}

/// Whether some entry lies within what must not be touched.
fn touches(columns: &Columns, mark: &Mark) -> bool {
    match mark {
        Mark::Range(AddressRange::V4 { first, last }) => {
            columns.v4.rows.iter().any(|row| row.first <= *last && *first <= row.last)
        }
        Mark::Range(AddressRange::V6 { first, last }) => {
            columns.v6.rows.iter().any(|row| row.first <= *last && *first <= row.last)
        }
        Mark::Name(name, Scope::Tree) => {
            let reversed: Vec<u8> = name.iter().rev().copied().collect();
            each_key(&columns.names).any(|(key, _)| speaks_of(&reversed, Scope::Tree, key))
        }
        Mark::Name(..) | Mark::Url(_) => false,
    }
}

fn each_key(texts: &Texts) -> impl Iterator<Item = (&[u8], Scope)> {
    texts.rows.iter().map(|row| (texts.key(row), scope_of(row.tag)))
}

/// Whether an entry of this reversed name and reach speaks of a reversed name.
fn speaks_of(entry: &[u8], scope: Scope, name: &[u8]) -> bool {
    match name.strip_prefix(entry) {
        Some([]) => scope != Scope::Subdomains,
        Some([b'.', ..]) => scope != Scope::Exact,
        _ => false,
    }
}

/// No download may cover much of the address space, however it is split: neither at once nor bit by bit.
fn coverage(gathered: &Gathered, threshold: &Threshold<'_>) -> Result<(), Stop> {
    let columns = || gathered.harvests.iter().map(|harvest| &harvest.columns);
    family::<u32>("IPv4", &|| Box::new(columns().flat_map(|columns| &columns.v4.rows)), threshold)?;
    family::<u128>("IPv6", &|| Box::new(columns().flat_map(|columns| &columns.v6.rows)), threshold)
}

type Rows<'r, N> = Box<dyn Iterator<Item = &'r RangeRow<N>> + 'r>;

/// The sum of all widths is a bound on what they cover, and in nearly every feed a low one. Only where it is not are
/// rows joined and compared with what the feed covered before.
fn family<'r, N: Space + 'r>(
    name: &'static str,
    rows: &dyn Fn() -> Rows<'r, N>,
    threshold: &Threshold<'_>,
) -> Result<(), Stop> {
    let guard = &threshold.feed.guard;
    let (new_above, above) = (guard.new_coverage_above, guard.coverage_above);
    let sum = rows().fold(0u128, |sum, row| sum.saturating_add(row.last.distance(row.first)));
    if !new_above.min(above).is_exceeded_by(N::units(sum), N::WHOLE) {
        return Ok(());
    }
    let stop = |covered: u128, above: Share, anew: bool| {
        let share = Share::of(covered, N::WHOLE);
        Stop::Covers { family: name, share, above, anew }
    };
    let now: Vec<(N, N)> = rows().map(|row| (row.first, row.last)).collect();
    let before = N::before(threshold);
    let all = covered([now.as_slice(), &before].concat());
    let (now, before) = (covered(now), covered(before));
    if above.is_exceeded_by(N::units(now), N::WHOLE) {
        return Err(stop(N::units(now), above, false));
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
    /// What the feed covered before.
    fn before(threshold: &Threshold<'_>) -> Vec<(Self, Self)>;
}

impl Space for u32 {
    const WHOLE: u128 = 1 << 32;

    fn units(addresses: u128) -> u128 {
        addresses
    }

    fn distance(self, first: u32) -> u128 {
        u128::from(self - first) + 1
    }

    fn before(threshold: &Threshold<'_>) -> Vec<(u32, u32)> {
        let mut ranges = Vec::new();
        each_before(threshold, AddressRange::V4 { first: 0, last: u32::MAX }, &mut |range| {
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

    fn before(threshold: &Threshold<'_>) -> Vec<(u128, u128)> {
        let mut ranges = Vec::new();
        each_before(threshold, AddressRange::V6 { first: 0, last: u128::MAX }, &mut |range| {
            if let AddressRange::V6 { first, last } = range {
                ranges.push((first, last));
            }
        });
        ranges
    }
}

fn each_before(threshold: &Threshold<'_>, space: AddressRange, visit: &mut dyn FnMut(AddressRange)) {
    let Some(previous) = threshold.previous else { return };
    let feeds = &previous.origin().feeds;
    let Some(number) = feeds.iter().position(|feed| feed.id == threshold.feed.id) else { return };
    let index = previous.index();
    index.each_address(space, |run, entry| {
        if index.sightings(entry).any(|said| usize::from(said.feed.0) == number) {
            visit(run);
        }
    });
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

    #[test]
    fn names_are_spoken_of_on_label_boundaries() {
        let said = |entry: &str, scope, name: &str| speaks_of(entry.as_bytes(), scope, name.as_bytes());
        assert!(said("moc.live", Scope::Exact, "moc.live") && !said("moc.live", Scope::Exact, "moc.live.a"));
        assert!(said("moc.live", Scope::Tree, "moc.live.a") && !said("moc.live", Scope::Tree, "moc.lives"));
        assert!(!said("moc.live", Scope::Subdomains, "moc.live"));
    }
}
