//! The door that downloads come through: is this still that feed?
//!
//! A download that was read is compared with what its operator expects of it and with the last good one, before
//! anything of it replaces anything. What is stopped here is *held*: its feed keeps its last good sightings, and a
//! person may let this one download in by its digest. What cannot be read at all never gets here.
//!
//! Everything is judged by the download as a whole. Single entries that nobody may list are refused one by one where
//! they are read, and do not cost a feed its place.

use crate::catalog::{Feed, Guard, Mark, Sentinel, Share};
use crate::coverage::{self, Ground};
use crate::harvest::{Columns, Harvest, RangeRow, Texts, scope_of};
use crate::intake::Gathered;
use crate::tally::Tally;
use rapsheet_snapshot::section::origin::Source;
use rapsheet_snapshot::{AddressRange, ListKind, ParseError, Scope, Time};
use std::fmt;

/// What a download is measured against.
pub(crate) struct Threshold<'a> {
    /// The feed, with its guards.
    pub(crate) feed: &'a Feed,
    /// The last good download.
    pub(crate) last: Option<&'a Source>,
    /// What all feeds cover so far.
    pub(crate) ground: &'a Ground<'a>,
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

    /// What happened and what to do, given the feed and the digest by which its download may be let in; there is none
    /// where that has been done before.
    pub(crate) fn sentence(&self, feed: &str, digest: Option<&str>) -> String {
        let once = match digest {
            Some(digest) => {
                format!("to let this one in: --accept {feed}={}", digest.get(..16).unwrap_or(digest))
            }
            None => "it was let in before, which is done once".to_owned(),
        };
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
    coverage::admit(gathered, threshold)?;
    sentinels(gathered, guard, feed.list)?;
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
const UNLISTABLE: [ParseError; 4] =
    [ParseError::TooWide, ParseError::Bogon, ParseError::PublicSuffix, ParseError::NeverBlock];

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

/// An exception from a list says nothing of what the list is for: only rows of the list's own side are asked.
fn sentinels(gathered: &Gathered, guard: &Guard, list: ListKind) -> Result<(), Stop> {
    let own = || gathered.harvests.iter().map(|harvest| Own { harvest, list });
    let text = |sentinel: &Sentinel| sentinel.text.clone();
    for sentinel in &guard.must_contain {
        if !own().any(|own| own.lists(&sentinel.mark)) {
            return Err(Stop::Lacks(text(sentinel)));
        }
    }
    for sentinel in &guard.must_not_contain {
        if own().any(|own| own.lists(&sentinel.mark) || own.touches(&sentinel.mark)) {
            return Err(Stop::Lists(text(sentinel)));
        }
    }
    Ok(())
}

/// The rows of a block that say what their list says, and no exception from it.
struct Own<'h> {
    harvest: &'h Harvest,
    list: ListKind,
}

impl<'h> Own<'h> {
    fn is_own(&self, tag: u32) -> bool {
        self.harvest.stated.get(tag as usize >> 2).is_some_and(|stated| stated.list == self.list)
    }

    fn ranges<N>(&self, rows: &'h [RangeRow<N>]) -> impl Iterator<Item = &'h RangeRow<N>> {
        rows.iter().filter(|row| self.is_own(row.tag))
    }

    fn keys(&self, texts: &'h Texts) -> impl Iterator<Item = (&'h [u8], Scope)> {
        let own = texts.rows.iter().filter(|row| self.is_own(row.tag));
        own.map(|row| (texts.key(row), scope_of(row.tag)))
    }

    /// Whether some entry says that this is listed.
    fn lists(&self, mark: &Mark) -> bool {
        let Columns { v4, v6, names, urls } = &self.harvest.columns;
        match mark {
            Mark::Range(AddressRange::V4 { first, last }) => {
                self.ranges(&v4.rows).any(|row| row.first <= *first && *last <= row.last)
            }
            Mark::Range(AddressRange::V6 { first, last }) => {
                self.ranges(&v6.rows).any(|row| row.first <= *first && *last <= row.last)
            }
            Mark::Name(name, _) => {
                let reversed: Vec<u8> = name.iter().rev().copied().collect();
                self.keys(names).any(|(key, scope)| speaks_of(key, scope, &reversed))
            }
            Mark::Url(url) => self.keys(urls).any(|(key, _)| key == url),
        }
    }

    /// Whether some entry lies within what must not be touched.
    fn touches(&self, mark: &Mark) -> bool {
        let Columns { v4, v6, names, .. } = &self.harvest.columns;
        match mark {
            Mark::Range(AddressRange::V4 { first, last }) => {
                self.ranges(&v4.rows).any(|row| row.first <= *last && *first <= row.last)
            }
            Mark::Range(AddressRange::V6 { first, last }) => {
                self.ranges(&v6.rows).any(|row| row.first <= *last && *first <= row.last)
            }
            Mark::Name(name, Scope::Tree) => {
                let reversed: Vec<u8> = name.iter().rev().copied().collect();
                self.keys(names).any(|(key, _)| speaks_of(&reversed, Scope::Tree, key))
            }
            Mark::Name(..) | Mark::Url(_) => false,
        }
    }
}

/// Whether an entry of this reversed name and reach speaks of a reversed name.
fn speaks_of(entry: &[u8], scope: Scope, name: &[u8]) -> bool {
    match name.strip_prefix(entry) {
        Some([]) => scope != Scope::Subdomains,
        Some([b'.', ..]) => scope != Scope::Exact,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spoken_of_on_label_boundaries() {
        let said = |entry: &str, scope, name: &str| speaks_of(entry.as_bytes(), scope, name.as_bytes());
        assert!(said("moc.live", Scope::Exact, "moc.live") && !said("moc.live", Scope::Exact, "moc.live.a"));
        assert!(said("moc.live", Scope::Tree, "moc.live.a") && !said("moc.live", Scope::Tree, "moc.lives"));
        assert!(!said("moc.live", Scope::Subdomains, "moc.live"));
    }
}
