//! Counts that must add up: every line once, every indicator once.
//!
//! `lines = data + skipped + rejected` holds by construction: a line is counted once, where it ends, by the
//! best that came of it. Counts by reason are of events, of which a line may have several.

use super::outcome::{Skip, Warning, Warnings};
use rapsheet_snapshot::{ParseError, Time};
use std::collections::BTreeMap;

/// What was counted in one block, file or feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Lines, or records of a document.
    pub lines: u64,
    /// Lines that gave at least one entry.
    pub data_lines: u64,
    /// Lines that are no data.
    pub skipped_lines: u64,
    /// Lines that look like data and gave no entry.
    pub rejected_lines: u64,
    /// Entries that were accepted, before duplicates are merged.
    pub entries: u64,
    /// Entries that were rejected.
    pub rejected: u64,
    /// Skipped lines or elements, by reason.
    pub skips: BTreeMap<Skip, u64>,
    /// Rejected entries, by reason.
    pub refusals: BTreeMap<ParseError, u64>,
    /// Accepted entries with a warning, by warning.
    pub warnings: BTreeMap<Warning, u64>,
    /// The generation time that the list states, after the number of the line that states it.
    pub generated: Option<(u64, Time)>,
    /// The number of entries that the list declares.
    pub declared: Option<u64>,
    /// Whether the list has an end mark.
    pub has_end_mark: bool,
}

impl Counters {
    pub(crate) fn count_line(&mut self, accepted: bool, rejected: bool) {
        self.lines += 1;
        match (accepted, rejected) {
            (true, _) => self.data_lines += 1,
            (false, true) => self.rejected_lines += 1,
            (false, false) => self.skipped_lines += 1,
        }
    }

    pub(crate) fn accept(&mut self, warnings: Warnings) {
        self.entries += 1;
        if warnings.is_empty() {
            return;
        }
        for warning in warnings.iter() {
            *self.warnings.entry(warning).or_default() += 1;
        }
    }

    pub(crate) fn skip(&mut self, why: Skip) {
        *self.skips.entry(why).or_default() += 1;
    }

    pub(crate) fn reject(&mut self, why: ParseError) {
        self.rejected += 1;
        *self.refusals.entry(why).or_default() += 1;
    }

    /// Adds the counters of another part of the same file. The first stated time counts, in whatever order
    /// the parts are added.
    pub fn add(&mut self, other: &Counters) {
        self.lines += other.lines;
        self.data_lines += other.data_lines;
        self.skipped_lines += other.skipped_lines;
        self.rejected_lines += other.rejected_lines;
        self.entries += other.entries;
        self.rejected += other.rejected;
        merge(&mut self.skips, &other.skips);
        merge(&mut self.refusals, &other.refusals);
        merge(&mut self.warnings, &other.warnings);
        self.generated = [self.generated, other.generated].into_iter().flatten().min();
        self.declared = self.declared.or(other.declared);
        self.has_end_mark |= other.has_end_mark;
    }
}

fn merge<K: Ord + Copy>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(*key).or_default() += count;
    }
}
