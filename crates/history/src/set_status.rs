//! Statuses without sightings.
//!
//! Millions of entries share a few thousand sets of records, and throughout the period of a view a set
//! evaluates to the same bits. So a set is evaluated the first time a look-up finds it, as in a snapshot. A
//! set that does not is evaluated entry by entry: one with times of its own, or with what expires within the
//! period. Ranges of several lengths, and what may be first seen within the period, need their sightings.

use crate::period::Period;
use crate::segment::Segment;
use crate::slice::Slice;
use rapsheet_query::Evaluator;
use rapsheet_query::lookup::{Hit, HitKind};
use rapsheet_snapshot::{Confirmation, Extent, Index, ListKind, Record, Time, TimesRef};
use std::sync::atomic::{AtomicU16, Ordering};

/// The bits of a set. 0 means "not evaluated yet". Those from [`LENGTH_SHIFT`] on are the length of its
/// prefix.
mod bit {
    pub(super) const EVALUATED: u16 = 1;
    pub(super) const SELF_BLOCK: u16 = 2;
    pub(super) const SELF_ALLOW: u16 = 4;
    pub(super) const BELOW_BLOCK: u16 = 8;
    pub(super) const BELOW_ALLOW: u16 = 16;
    /// The entry must be evaluated.
    pub(super) const OWN: u16 = 32;
    /// At the build nothing had changed yet: an older segment decides.
    pub(super) const UNCHANGED: u16 = 64;
}

const LENGTH_SHIFT: u16 = 8;

/// The bits of the sets of a segment, for one slice. Threads may evaluate the same set at once; they store
/// the same bits, so relaxed order is enough.
pub(crate) struct SetBits(Vec<AtomicU16>);

/// What bits are evaluated for.
pub(crate) struct Context<'a> {
    pub(crate) evaluator: &'a Evaluator,
    pub(crate) slice: &'a Slice,
    pub(crate) segment: &'a Segment,
    pub(crate) period: Period,
}

/// What a hit says of a question.
pub(crate) enum HitStatus {
    /// The sightings of the entry are needed.
    Sightings,
    /// An older segment decides.
    Unchanged,
    /// The entry, as a number among those that match the question, and whether it blocks and allows.
    Decided(u16, bool, bool),
}

impl SetBits {
    pub(crate) fn new(index: &Index<'_>) -> SetBits {
        SetBits(std::iter::repeat_with(|| AtomicU16::new(0)).take(index.set_count()).collect())
    }

    /// What a hit says at an instant of the period.
    #[inline]
    pub(crate) fn status(&self, context: &Context<'_>, index: &Index<'_>, hit: &Hit, at: Time) -> HitStatus {
        let set = index.set_of(hit.entry);
        let Some(cell) = self.0.get(set as usize) else { return HitStatus::Sightings };
        let mut bits = cell.load(Ordering::Relaxed);
        if bits == 0 {
            bits = context.set_bits(index, set).unwrap_or(bit::EVALUATED | bit::OWN);
            cell.store(bits, Ordering::Relaxed);
        }
        if bits & bit::OWN != 0 {
            let times = index.confirmations(hit.entry);
            let of_entry = context.bits(times.map(Some), Period { start: at, end: at.plus(1) });
            let Some(of_entry) = of_entry else { return HitStatus::Sightings };
            bits = of_entry;
        }
        if bits & bit::UNCHANGED != 0 {
            return HitStatus::Unchanged;
        }
        let (block, allow) = match hit.kind.is_below() {
            false => (bit::SELF_BLOCK, bit::SELF_ALLOW),
            true => (bit::BELOW_BLOCK, bit::BELOW_ALLOW),
        };
        HitStatus::Decided(entry_number(hit.kind, bits >> LENGTH_SHIFT), bits & block != 0, bits & allow != 0)
    }
}

/// Tells entries that match one question apart. Names have at most 253 bytes.
fn entry_number(kind: HitKind, length: u16) -> u16 {
    match kind {
        HitKind::Address(_) => length,
        HitKind::Name { width, .. } => width.saturating_add(1 << 10),
        HitKind::Url { schemeless } => (1 << 9) + u16::from(schemeless),
    }
}

impl Context<'_> {
    /// The bits of a set; `None` if its entries must be evaluated.
    fn set_bits(&self, index: &Index<'_>, set: u32) -> Option<u16> {
        let shared = |record: Record| match record.times {
            TimesRef::Shared(row) => Some((record, index.shared_times(row)?)),
            TimesRef::Own => None,
        };
        self.bits(index.records_of(set).map(shared), self.period)
    }

    /// The bits of records with their times throughout a period; `None` if there is one without, or if
    /// sightings are needed.
    fn bits(
        &self,
        records: impl Iterator<Item = Option<(Record, Confirmation)>>,
        period: Period,
    ) -> Option<u16> {
        let (mut bits, mut length, mut changed) = (bit::EVALUATED, None, u32::MAX);
        for record in records {
            let (record, times) = record?;
            let own_length = match record.extent {
                Extent::None => 0,
                Extent::Prefix(length) => u16::from(length),
                Extent::Range(_) => return None,
            };
            if *length.get_or_insert(own_length) != own_length {
                return None;
            }
            let (first, of_record) = self.of_record(&record, times, period)?;
            changed = changed.min(first);
            bits |= of_record;
        }
        if changed > self.slice.build {
            bits = bit::EVALUATED | bit::UNCHANGED;
        }
        Some(bits | length.unwrap_or(0) << LENGTH_SHIFT)
    }

    /// The first build at which a record held, and its bits; `None` if they differ within the period.
    fn of_record(&self, record: &Record, times: Confirmation, period: Period) -> Option<(u32, u16)> {
        let (builds, span) = (&self.segment.builds, self.segment.span(times.row_expiry?.stored())?);
        let first = builds.first + u32::from(span.first);
        let held = first..=builds.first + u32::from(span.last);
        let is_held = held.contains(&self.slice.build.min(builds.last()));
        let Some(feed) = self.segment.feed_of(record.feed.0).filter(|_| is_held) else {
            return Some((first, 0));
        };
        let of_feed = |times: &[Option<u32>]| times.get(usize::from(feed)).copied().flatten();
        let Some(id) = self.slice.feeds.get(usize::from(feed)).copied().flatten() else {
            return Some((first, 0));
        };
        let is_seen = |seen: u32| Time::from_stored(seen) <= period.start;
        of_feed(&self.slice.newest_seen).filter(|seen| is_seen(*seen))?;
        let detect_time =
            if span.is_usual { Time::from_stored(of_feed(&self.slice.dates)?) } else { times.detect_time };
        let confirmation = Confirmation { detect_time, row_expiry: span.expiry.map(Time::from_stored) };
        let expires = confirmation.expires(self.evaluator.retention_seconds(id));
        match (expires >= period.end, expires <= period.start) {
            (true, _) => Some((first, bits_of(record))),
            (false, true) => Some((first, 0)),
            (false, false) => None,
        }
    }
}

/// The bits of a live record.
fn bits_of(record: &Record) -> u16 {
    let (at_self, below) = match record.list {
        ListKind::Block => (bit::SELF_BLOCK, bit::BELOW_BLOCK),
        ListKind::Allow => (bit::SELF_ALLOW, bit::BELOW_ALLOW),
    };
    (u16::from(record.scope.covers(false)) * at_self) | (u16::from(record.scope.covers(true)) * below)
}
