//! Rows of a snapshot, made into a file again.
//!
//! The bytes of a file are a function of its rows, its origin and the instant of its build: equal rows give
//! equal sections, whatever they were made from.

use crate::assembly::{AssembleError, Assembly, assemble_each};
use crate::claim::{Claim, ClaimSource, ClaimTable, RetentionPolicy};
use crate::columns::{claim_of, scope_of, tag};
use crate::limits::SizeLimits;
use crate::part_keys::{Ipv4Keys, Ipv6Keys, NameKeys, PartKeys, UrlKeys};
use crate::row::{Fields, Row};
use crate::run_set::{Rows, RunSet, RunSetWriter};
use crate::scratch::Scratch;
use rapsheet_snapshot::hash::fold;
use rapsheet_snapshot::{
    Assessments, Image, Index, ListKind, Mode, Section, SectionBytes, Snapshot, Time, TooLarge,
};
use std::collections::HashMap;

/// How many claims are remembered, so that rows that state the same have the same claim. Where each row
/// states times of its own there is nothing to remember.
const REMEMBERED_MAX: usize = 1 << 16;

/// Collects rows in the order of their keys.
pub struct Collector<'s> {
    rows: RunSetWriter<'s>,
    claims: ClaimTable,
    numbers: HashMap<Stated, u32>,
    /// Recent claims and their numbers, each in the place that a weak hash gives it: most rows state what one shortly
    /// before them did, and a hash that no one can attack takes longer than the rest of a row.
    recent: Vec<Option<(Stated, u32)>>,
}

/// What a row states, and whose row it is.
type Stated = (u16, ListKind, Fields);

/// How many recent claims have a place.
const RECENT: usize = 1 << 11;

/// The place of a recent claim.
#[inline]
fn place_of((feed, list, fields): &Stated) -> usize {
    let Fields { assessments, first_seen, detect_time, expiry } = fields;
    let high = u64::from(*feed) << 32 | u64::from(*assessments) << 48 | u64::from(*list == ListKind::Allow);
    let low = u64::from(*first_seen) << 32 | u64::from(*detect_time);
    let hash = fold(low ^ PLACES[0], high ^ u64::from(expiry.unwrap_or(0)) << 1 ^ PLACES[1]);
    hash as usize % RECENT
}

/// Odd numbers without a pattern, so that no factor is nearly zero.
const PLACES: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xC4CE_B9FE_1A85_EC53];

/// Rows in the order of their keys, with what their tags mean.
pub struct Collected {
    /// The rows.
    pub runs: RunSet,
    /// Their claims.
    pub claims: ClaimTable,
}

impl<'s> Collector<'s> {
    /// Without rows.
    pub fn new(scratch: &'s Scratch) -> Collector<'s> {
        let claims = ClaimTable::new(SizeLimits::default());
        let (numbers, recent) = (HashMap::new(), vec![None; RECENT]);
        Collector { rows: RunSetWriter::new(scratch), claims, numbers, recent }
    }

    /// Adds a row.
    pub fn push<K: PartKeys>(&mut self, key: &K::Key, row: Row) -> Result<(), TooLarge> {
        let number = self.number(&row)?;
        self.claims.count_use(number);
        K::push(&mut self.rows, key, tag(number, row.scope));
        Ok(())
    }

    /// The number of a row's claim.
    fn number(&mut self, row: &Row) -> Result<u32, TooLarge> {
        let claim = (row.feed, row.list, row.fields);
        let place = place_of(&claim);
        let recent = self.recent.get(place).copied().flatten();
        if let Some((_, number)) = recent.filter(|(recent, _)| *recent == claim) {
            return Ok(number);
        }
        let number = match self.numbers.get(&claim) {
            Some(number) => *number,
            None => self.claims.push(claim_of_row(row))?,
        };
        if self.numbers.len() < REMEMBERED_MAX {
            self.numbers.insert(claim, number);
        }
        self.recent.get_mut(place).into_iter().for_each(|recent| *recent = Some((claim, number)));
        Ok(number)
    }

    /// Adds all rows of one part of a snapshot.
    fn add_part<K: PartKeys>(&mut self, snapshot: &Snapshot, index: &Index<'_>) -> Result<(), AssembleError> {
        let mut result = Ok(());
        let is_whole = K::walk(index, |key, rows| {
            if result.is_ok() {
                result = rows.iter().try_for_each(|row| self.push::<K>(key, *row));
            }
        });
        result?;
        if is_whole { Ok(()) } else { Err(snapshot.unwalkable(K::PART).into()) }
    }

    /// Adds all rows of a snapshot.
    pub fn add(&mut self, snapshot: &Snapshot) -> Result<(), AssembleError> {
        snapshot.verify_tables()?;
        let index = snapshot.index();
        self.add_part::<Ipv4Keys>(snapshot, &index)?;
        self.add_part::<Ipv6Keys>(snapshot, &index)?;
        self.add_part::<NameKeys>(snapshot, &index)?;
        self.add_part::<UrlKeys>(snapshot, &index)
    }

    /// The rows; `None` if they were out of order.
    pub fn finish(self) -> Option<Collected> {
        Some(Collected { runs: self.rows.finish()?, claims: self.claims })
    }
}

/// Makes all sections but the origin of the rows of several parts, for so many feeds, within limits, and gives
/// them away as they are made.
pub fn compose(
    parts: impl IntoIterator<Item = Collected>,
    scratch: &Scratch,
    feeds: usize,
    limits: SizeLimits,
    finished: &mut dyn FnMut(SectionBytes),
) -> Result<Assembly, AssembleError> {
    let (mut rows, mut claims) = (Rows::new(scratch), ClaimTable::new(limits));
    for part in parts {
        rows.add_runs(part.runs, claims.append(&part.claims)?);
    }
    assemble_each(rows, &claims, &vec![KEEP_ALL; feeds], &mut (), finished)
}

/// A snapshot, taken apart into rows and made anew: the same bytes, whatever built it. Tests prove it.
#[doc(hidden)]
pub fn recomposed(snapshot: &Snapshot, scratch: &Scratch) -> Result<Image, AssembleError> {
    let mut rows = Collector::new(scratch);
    rows.add(snapshot)?;
    let rows = rows.finish().ok_or_else(|| snapshot.unwalkable(Ipv4Keys::PART))?;
    let mut sections = Vec::new();
    let (feeds, limits) = (snapshot.origin().feeds.len(), SizeLimits::default());
    compose([rows], scratch, feeds, limits, &mut |section| sections.push(section))?;
    let origin = snapshot.bytes(Section::Origin).to_vec();
    sections.push(SectionBytes::new(Section::Origin, snapshot.count(Section::Origin), origin));
    Ok(Image::new(snapshot.built_at(), sections))
}

/// Every row stays as it is: the snapshot that has it has decided.
const KEEP_ALL: RetentionPolicy = RetentionPolicy {
    mode: Mode::Accumulated,
    keep_absent: true,
    retention_seconds: i64::MAX,
    accepted: false,
    update_time: Time::EARLIEST,
    confirmed: Time::EARLIEST,
    list: ListKind::Block,
    assessments: Assessments::EMPTY,
    // Before any expiry.
    now: Time::from_unix(i64::MIN),
};

fn claim_of_row(row: &Row) -> Claim {
    let times = row.times();
    Claim {
        feed: row.feed_id(),
        list: row.list,
        source: ClaimSource::PreviousSnapshot,
        assessments: row.assessments(),
        first_seen: Some(times.first_seen),
        last_seen: Some(times.detect_time),
        expires: times.row_expiry,
    }
}

/// The row that a tag stands for.
pub fn row_of(claims: &ClaimTable, tag: u32) -> Option<Row> {
    let claim = claims.get(claim_of(tag))?;
    let fields = Fields {
        assessments: claim.assessments.bits(),
        first_seen: claim.first_seen?.stored(),
        detect_time: claim.last_seen?.stored(),
        expiry: claim.expires.map(Time::stored),
    };
    Some(Row { feed: claim.feed.0, list: claim.list, scope: scope_of(tag), fields })
}
