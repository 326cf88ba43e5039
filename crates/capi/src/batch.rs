//! Many look-ups in one call, through the batches of `rapsheet_query`: the cache misses of a look-up overlap
//! with those of others, and a row costs no allocation.
//!
//! Rows are answered in blocks, so that the memory of a call is bounded whatever it is given. In a block,
//! rows with equal instants are answered together, since an instant has to be prepared. What providers say is
//! interned: rows that are listed alike get the same number.

use crate::clock;
use crate::failure::Failure;
use crate::handle::{Handle, View};
use crate::layout::{LookupResult, RAPSHEET_NO_LISTING, RAPSHEET_NOW};
use crate::lookup::{check_length, of_no_indicator, of_status};
use crate::names::c_string;
use rapsheet_query::answer::{Answer, AnswerBuffers};
use rapsheet_query::{Assessments, Batch as Questions, Listing, ParseError, Snapshot, Status, Time, Verdict};
use std::collections::HashMap;
use std::ffi::{CString, c_char};
use std::sync::Arc;

/// How many rows are ordered by their instants together.
const BLOCK_ROWS: usize = 1 << 16;
/// How many rows are looked up together, and about how many bytes their texts may have.
const GROUP_ROWS: usize = 1024;
const GROUP_BYTES: usize = 1 << 20;
/// After a call with more distinct listings than this, the next one begins with none. Real snapshots have a
/// few hundred.
const LISTINGS_MAX: usize = 1 << 14;

/// The bytes of a listing's key before its providers: status and assessments.
const KEY_HEAD: usize = 3;

/// The rows of a call: where their texts, their instants and their answers are.
pub(crate) trait Rows {
    fn count(&self) -> usize;
    /// The text of a row.
    fn text(&self, row: usize) -> Result<&[u8], ParseError>;
    /// The instant of a row; `None` where all rows have that of the call.
    fn instant(&self, row: usize) -> Option<i64>;
    /// Takes the answer to a row.
    fn answer(&mut self, row: usize, result: LookupResult);
}

/// The memory of look-ups, which one thread at a time uses. C knows its address alone.
#[derive(Default)]
pub(crate) struct Batch {
    questions: Questions,
    buffers: AnswerBuffers,
    /// The rows of a block with their instants, in the order in which they are answered.
    order: Vec<(Time, u32)>,
    /// Why a row of a group is no question, where it is none.
    refused: Vec<Option<ParseError>>,
    listings: Listings,
}

impl Batch {
    /// Answers all rows from one snapshot.
    pub(crate) fn lookup(&mut self, handle: &Handle, at: i64, rows: &mut impl Rows) -> Result<(), Failure> {
        let snapshot = handle.current()?;
        // Rows with instants of their own need that of the call for the present alone.
        let at = match check_instants(rows)? {
            Instants::OfCall => clock::instant(at)?,
            Instants::OfRows { any_now: true } => clock::instant(RAPSHEET_NOW)?,
            Instants::OfRows { any_now: false } => Time::EARLIEST,
        };
        self.listings.begin(&snapshot);
        let mut start = 0;
        while start < rows.count() {
            let end = rows.count().min(start + BLOCK_ROWS);
            self.order_block(start, end, at, rows)?;
            let order = std::mem::take(&mut self.order);
            for group in order.chunk_by(|one, next| one.0 == next.0) {
                if let Some((at, _)) = group.first() {
                    self.lookup_at(&handle.view_of(&snapshot, *at), start, group, rows);
                }
            }
            (self.order, start) = (order, end);
        }
        Ok(())
    }

    /// Puts the rows of a block into the order of their instants.
    fn order_block(&mut self, start: usize, end: usize, at: Time, rows: &impl Rows) -> Result<(), Failure> {
        self.order.clear();
        for row in start..end {
            let at = match rows.instant(row) {
                // The present is that of the call, so that all rows have the same.
                Some(own) if own != RAPSHEET_NOW => clock::instant(own)?,
                _ => at,
            };
            // Fits: a block has no more rows.
            self.order.push((at, (row - start) as u32));
        }
        if !self.order.is_sorted() {
            self.order.sort_unstable();
        }
        Ok(())
    }

    /// Answers rows of a block as of one instant.
    fn lookup_at(&mut self, view: &View, start: usize, group: &[(Time, u32)], rows: &mut impl Rows) {
        let mut rest = group;
        while !rest.is_empty() {
            let taken = self.take(start, rest, rows);
            let (now, later) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            self.answer(view, start, now, rows);
            rest = later;
        }
    }

    /// Reads the questions of as many rows as are looked up together. Returns how many.
    fn take(&mut self, start: usize, rest: &[(Time, u32)], rows: &impl Rows) -> usize {
        self.questions.clear();
        self.refused.clear();
        let mut bytes = 0;
        for (_, row) in rest.iter().take(GROUP_ROWS) {
            let text = rows.text(start + *row as usize).and_then(check_length);
            bytes += text.map_or(0, <[u8]>::len);
            self.refused.push(text.and_then(|text| self.questions.push(text)).err());
            if bytes >= GROUP_BYTES {
                break;
            }
        }
        self.refused.len()
    }

    fn answer(&mut self, view: &View, start: usize, group: &[(Time, u32)], rows: &mut impl Rows) {
        let searcher = view.searcher();
        let mut answers = searcher.answers(&mut self.questions, &mut self.buffers);
        for ((_, row), refused) in group.iter().zip(&self.refused) {
            let result = if let Some(why) = refused {
                of_no_indicator(*why)
            } else if let Some((question, answer)) = answers.next() {
                match answer {
                    Some(answer) if answer.sources.is_empty() => of_status(answer.status),
                    Some(answer) => self.listings.result_of_answer(&answer),
                    // What overlaps a range is found by a walk.
                    None => self.listings.result_of_verdict(&searcher.verdict(question)),
                }
            } else {
                of_status(Status::Unknown)
            };
            rows.answer(start + *row as usize, result);
        }
    }

    /// The providers of a listing of the last call.
    pub(crate) fn providers(&self, listing: u32) -> Result<&[*const c_char], Failure> {
        let found = usize::try_from(listing).ok().and_then(|at| self.listings.providers.get(at));
        found.map(AsRef::as_ref).ok_or_else(|| {
            let count = self.listings.providers.len();
            Failure::usage(format_args!(
                "expected the number of one of the batch's {count} listings, found {listing}; is it of an \
                 earlier call?"
            ))
        })
    }
}

/// Whose instants rows have.
enum Instants {
    OfCall,
    OfRows { any_now: bool },
}

/// Refuses instants that cannot be used before any row is answered.
fn check_instants(rows: &impl Rows) -> Result<Instants, Failure> {
    let mut any_now = false;
    for row in 0..rows.count() {
        match rows.instant(row) {
            None => return Ok(Instants::OfCall),
            Some(RAPSHEET_NOW) => any_now = true,
            Some(at) => {
                let why = clock::instant(at).err();
                if let Some(Failure { message, .. }) = why {
                    return Err(Failure::usage(format_args!("row {row}: {message}")));
                }
            }
        }
    }
    Ok(Instants::OfRows { any_now })
}

/// Distinct listings: which providers decide, each with its name as C reads it.
#[derive(Default)]
struct Listings {
    /// The snapshot that the providers are of; it is held, so that no other one can be taken for it.
    snapshot: Option<Arc<Snapshot>>,
    /// The names of the snapshot's providers. They do not move while `providers` points to them.
    names: Vec<CString>,
    numbers: HashMap<Box<[u8]>, u32>,
    /// The names of each listing's providers, by its number.
    providers: Vec<Box<[*const c_char]>>,
    /// The listing in question: status, assessments, providers.
    key: Vec<u8>,
}

impl Listings {
    /// Prepares for answers of a snapshot.
    fn begin(&mut self, snapshot: &Arc<Snapshot>) {
        let is_same = self.snapshot.as_ref().is_some_and(|of| Arc::ptr_eq(of, snapshot));
        if is_same && self.providers.len() <= LISTINGS_MAX {
            return;
        }
        let mut names: Vec<&str> =
            snapshot.origin().feeds.iter().map(|feed| feed.provider.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        self.numbers.clear();
        self.providers.clear();
        self.names = names.into_iter().map(c_string).collect();
        self.snapshot = Some(Arc::clone(snapshot));
    }

    fn result_of_answer(&mut self, answer: &Answer<'_>) -> LookupResult {
        let short = of_status(answer.status);
        let detected_by = answer.detected_by;
        self.result(short, answer.assessments(), detected_by, answer.decided_by())
    }

    fn result_of_verdict(&mut self, verdict: &Verdict) -> LookupResult {
        let (short, listing) = (of_status(verdict.status), Listing::from(verdict));
        if verdict.sources.is_empty() {
            return short;
        }
        self.result(short, listing.assessments, listing.detected_by, listing.decided_by())
    }

    fn result(
        &mut self,
        short: LookupResult,
        assessments: Assessments,
        detected_by: usize,
        decided_by: impl Iterator<Item = usize>,
    ) -> LookupResult {
        self.key.clear();
        self.key.push(short.status);
        self.key.extend(assessments.bits().to_le_bytes());
        // A build numbers feeds in 16 bits, and there are no more providers than feeds.
        decided_by.for_each(|at| self.key.extend((at as u16).to_le_bytes()));
        let listing = match self.numbers.get(self.key.as_slice()) {
            Some(number) => *number,
            None => self.insert(),
        };
        let detected_by = u32::try_from(detected_by).unwrap_or(u32::MAX);
        LookupResult { assessments: assessments.bits(), detected_by, listing, ..short }
    }

    /// Adds the listing of the key.
    #[cold]
    fn insert(&mut self) -> u32 {
        let Ok(number) = u32::try_from(self.providers.len()) else { return RAPSHEET_NO_LISTING };
        let (_, providers) = self.key.split_at_checked(KEY_HEAD).unwrap_or_default();
        let name =
            |at: [u8; 2]| self.names.get(usize::from(u16::from_le_bytes(at))).map(|name| name.as_ptr());
        self.providers.push(providers.as_chunks().0.iter().copied().filter_map(name).collect());
        self.numbers.insert(self.key.as_slice().into(), number);
        number
    }
}
