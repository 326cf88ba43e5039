//! Admission: whether a download is accepted or held.
//!
//! A held download changes nothing: its feed keeps its last accepted sightings, and an operator may accept
//! this one download by its digest. A file that cannot be read at all has failed before it comes here.
//!
//! A download is accepted or held as a whole. Single entries that no feed may list are rejected where they
//! are read, and the rest of the download is kept.

pub(crate) mod accept;
pub(crate) mod coverage;
pub(crate) mod hold_reason;
pub(crate) mod new_hits;

use crate::catalog::{Feed, Guard, NamedIndicator, Share};
use crate::entry::Counters;
use crate::entry::indicator::Indicator;
use crate::pipeline::ParsedDownload;
use crate::sighting::collector::Collector;
use coverage::{Family, Measurement, PreviousCoverage};
use hold_reason::HoldReason;
use rapsheet_assemble::{Scratch, scope_of};
use rapsheet_snapshot::section::origin::AcceptedDownload;
use rapsheet_snapshot::{AddressRange, ListKind, Mode, ParseError, Scope};

/// What a download is measured against.
pub(crate) struct Baseline<'a> {
    /// The feed, with its guards.
    pub(crate) feed: &'a Feed,
    /// The last accepted download.
    pub(crate) last: Option<&'a AcceptedDownload>,
    /// What all feeds covered before.
    pub(crate) coverage: &'a PreviousCoverage<'a>,
    /// Where the rows are that did not fit the memory.
    pub(crate) scratch: &'a Scratch,
    /// The reason to hold it that a build found which took it.
    pub(crate) found_later: Option<&'a HoldReason>,
}

/// Admits a download, or returns the first reason to hold it.
pub(crate) fn admit(parsed: &ParsedDownload, baseline: &Baseline<'_>) -> Result<(), HoldReason> {
    let Baseline { feed, last, .. } = baseline;
    let guard = &feed.guard;
    check_end_mark(parsed, guard, *last)?;
    check_last_line_end(parsed, *last)?;
    check_declared_count(&parsed.counters, *last)?;
    check_rejects(&parsed.counters, guard)?;
    check_coverage(parsed, baseline)?;
    check_indicators(parsed, baseline)?;
    check_size(&parsed.counters, guard, *last)?;
    baseline.found_later.map_or(Ok(()), |reason| Err(reason.clone()))
}

/// The download ends as the catalogue says, or with an end mark if the last one had one.
fn check_end_mark(
    parsed: &ParsedDownload,
    guard: &Guard,
    last: Option<&AcceptedDownload>,
) -> Result<(), HoldReason> {
    if !guard.end_mark.is_empty() {
        let found = parsed.last_line.starts_with(guard.end_mark.as_bytes());
        let missing = || HoldReason::MissingEndMark(format!("`{}`", guard.end_mark));
        return if found { Ok(()) } else { Err(missing()) };
    }
    match last {
        Some(last) if last.has_end_mark && !parsed.counters.has_end_mark => {
            Err(HoldReason::MissingEndMark("the end mark of the last accepted download".to_owned()))
        }
        _ => Ok(()),
    }
}

/// A list whose last line lost its line end, and which is smaller than before, was cut within a line. Few
/// formats have an end mark, and a list that was cut between two lines cannot be told from one that shrank.
fn check_last_line_end(parsed: &ParsedDownload, last: Option<&AcceptedDownload>) -> Result<(), HoldReason> {
    let found = parsed.counters.entries;
    match last {
        Some(last) if last.has_last_line_end && !parsed.has_last_line_end && found < last.indicators => {
            Err(HoldReason::CutLine { found, last: last.indicators })
        }
        _ => Ok(()),
    }
}

/// Publishers forget to update their counts, so a missing tenth counts only if it is also missing from the
/// last accepted download.
fn check_declared_count(counters: &Counters, last: Option<&AcceptedDownload>) -> Result<(), HoldReason> {
    let found = counters.entries + counters.rejected;
    let short_of = |whole: u64| found.saturating_mul(10) < whole.saturating_mul(9) && whole - found > 5;
    match (counters.declared, last) {
        (Some(declared), Some(last)) if short_of(declared) && short_of(last.indicators) => {
            Err(HoldReason::Incomplete { found, declared, last: last.indicators })
        }
        _ => Ok(()),
    }
}

/// Reasons that reject an entry and do not suggest a wrong format.
const WELL_FORMED: [ParseError; 4] =
    [ParseError::TooWide, ParseError::Bogon, ParseError::PublicSuffix, ParseError::NeverBlock];

fn check_rejects(counters: &Counters, guard: &Guard) -> Result<(), HoldReason> {
    let well_formed: u64 = WELL_FORMED.iter().filter_map(|why| counters.refusals.get(why)).sum();
    let (rejected, above) = (counters.rejected_lines.saturating_sub(well_formed), guard.rejects_above);
    let of = counters.rejected_lines + counters.data_lines;
    if rejected >= guard.rejects_floor && above.is_exceeded_by(rejected.into(), of.into()) {
        return Err(HoldReason::TooManyRejects { rejected, of, above });
    }
    Ok(())
}

/// No feed may cover much of the address space, whether in one prefix or in many.
fn check_coverage(parsed: &ParsedDownload, baseline: &Baseline<'_>) -> Result<(), HoldReason> {
    let Baseline { feed, coverage: previous, scratch, .. } = baseline;
    let (new_above, above) = (feed.guard.new_coverage_above, feed.guard.coverage_above);
    let keeps_absent = feed.mode == Mode::Accumulated || feed.keep_absent;
    let collectors = &parsed.collectors;
    let measurement = Measurement { collectors, scratch, feed: &feed.id, keeps_absent, previous };
    for family in Family::ALL {
        let most = measurement.upper_bound(family);
        let may_exceed =
            new_above.is_exceeded_by(most.added, most.whole) || above.is_exceeded_by(most.total, most.whole);
        if !may_exceed {
            continue;
        }
        let found = measurement.exact(family);
        for (part, above, is_added) in [(found.total, above, false), (found.added, new_above, true)] {
            if above.is_exceeded_by(part, found.whole) {
                let (family, share) = (family.name(), Share::of(part, found.whole));
                return Err(HoldReason::TooMuchCoverage { family, share, above, is_added });
            }
        }
    }
    Ok(())
}

fn check_size(counters: &Counters, guard: &Guard, last: Option<&AcceptedDownload>) -> Result<(), HoldReason> {
    let Some(AcceptedDownload { indicators: last, .. }) = last else { return Ok(()) };
    let (found, last) = (counters.entries, *last);
    let (below, above) = (guard.shrunk_below, guard.grown_above);
    // `can_be_empty` decides on an empty download.
    if found > 0 && last >= guard.shrunk_floor && below.is_missed_by(found, last) {
        return Err(HoldReason::Shrunk { found, last, below });
    }
    if last > 0 && found > guard.grown_floor && above.is_exceeded_by(found.into(), last.into()) {
        return Err(HoldReason::Grown { found, last, above });
    }
    Ok(())
}

/// Exceptions from the list do not count: only rows of the list's own side are searched.
fn check_indicators(parsed: &ParsedDownload, baseline: &Baseline<'_>) -> Result<(), HoldReason> {
    let Baseline { feed, scratch, .. } = baseline;
    let all = || parsed.collectors.iter().map(|collector| OwnRows { collector, list: feed.list, scratch });
    let text = |named: &NamedIndicator| named.text.clone();
    for named in &feed.guard.must_contain {
        if !all().any(|rows| rows.list_indicator(&named.indicator)) {
            return Err(HoldReason::MissingIndicator(text(named)));
        }
    }
    for named in &feed.guard.must_not_contain {
        if all().any(|rows| rows.list_indicator(&named.indicator) || rows.overlap(&named.indicator)) {
            return Err(HoldReason::ForbiddenIndicator(text(named)));
        }
    }
    Ok(())
}

/// The rows of a download that are on the list's own side.
struct OwnRows<'c> {
    collector: &'c Collector,
    list: ListKind,
    scratch: &'c Scratch,
}

impl OwnRows<'_> {
    fn is_own(&self, tag: u32) -> bool {
        self.collector.attributes(tag).is_some_and(|attributes| attributes.list == self.list)
    }

    fn any_v4(&self, is_it: impl Fn(u32, u32) -> bool) -> bool {
        let mut found = false;
        self.collector.each_v4(self.scratch, |first, last, tag| {
            found |= is_it(first, last) && self.is_own(tag);
        });
        found
    }

    fn any_v6(&self, is_it: impl Fn(u128, u128) -> bool) -> bool {
        let mut found = false;
        self.collector.each_v6(self.scratch, |first, last, tag| {
            found |= is_it(first, last) && self.is_own(tag);
        });
        found
    }

    fn any_name(&self, is_it: impl Fn(&[u8], Scope) -> bool) -> bool {
        let mut found = false;
        self.collector.each_name(self.scratch, |name, tag| {
            found |= is_it(name, scope_of(tag)) && self.is_own(tag);
        });
        found
    }

    /// Whether some row lists the whole indicator.
    fn list_indicator(&self, indicator: &Indicator) -> bool {
        match indicator {
            Indicator::Range(AddressRange::V4 { first, last }) => {
                self.any_v4(|from, to| from <= *first && *last <= to)
            }
            Indicator::Range(AddressRange::V6 { first, last }) => {
                self.any_v6(|from, to| from <= *first && *last <= to)
            }
            Indicator::Name(name, _) => {
                let reversed: Vec<u8> = name.iter().rev().copied().collect();
                self.any_name(|key, scope| covers_name(key, scope, &reversed))
            }
            Indicator::Url(url) => {
                let mut found = false;
                self.collector.each_url(self.scratch, |key, tag| found |= key == url && self.is_own(tag));
                found
            }
        }
    }

    /// Whether some row lists a part of the indicator.
    fn overlap(&self, indicator: &Indicator) -> bool {
        match indicator {
            Indicator::Range(AddressRange::V4 { first, last }) => {
                self.any_v4(|from, to| from <= *last && *first <= to)
            }
            Indicator::Range(AddressRange::V6 { first, last }) => {
                self.any_v6(|from, to| from <= *last && *first <= to)
            }
            Indicator::Name(name, Scope::Tree) => {
                let reversed: Vec<u8> = name.iter().rev().copied().collect();
                self.any_name(|key, _| covers_name(&reversed, Scope::Tree, key))
            }
            Indicator::Name(..) | Indicator::Url(_) => false,
        }
    }
}

/// Whether an entry of this reversed name and scope covers a reversed name.
fn covers_name(entry: &[u8], scope: Scope, name: &[u8]) -> bool {
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
    fn covers_names_on_label_boundaries() {
        let covers = |entry: &str, scope, name: &str| covers_name(entry.as_bytes(), scope, name.as_bytes());
        assert!(covers("moc.live", Scope::Exact, "moc.live"));
        assert!(!covers("moc.live", Scope::Exact, "moc.live.a"));
        assert!(covers("moc.live", Scope::Tree, "moc.live.a"));
        assert!(!covers("moc.live", Scope::Tree, "moc.lives"));
        assert!(!covers("moc.live", Scope::Subdomains, "moc.live"));
    }
}
