//! Answers as of an instant of the past.
//!
//! There are two clocks. What was known at an instant is what the snapshot answers that stood then. What the
//! feeds listed at an instant is told by the downloads that were made by then, whichever build took them.
//! Both are views of builds: for each feed, the build that decides.

use crate::downloads::{Download, in_force};
use crate::history::{History, Slot};
use crate::period::Period;
use crate::segment::Segment;
use crate::set_status::{Context, HitStatus, SetBits};
use crate::slice::Slice;
use crate::version::KeyHistory;
use rapsheet_assemble::Row;
use rapsheet_query::conclusion::{Found, Matched, overlaps};
use rapsheet_query::lookup::{Hit, HitKind};
use rapsheet_query::{Batch, Evaluator, Provider, Question, Verdict};
use rapsheet_snapshot::{
    Address, AddressRange, FeedId, FeedRecord, Index, Origin, ParseError, Sighting, Status, Time,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Answers from a history, as of one instant.
pub struct PastSearcher<'h> {
    history: &'h History,
    origin: Arc<Origin>,
    evaluator: Evaluator,
    slices: Vec<Slice>,
    /// The segments that any slice needs, newest first, with their places.
    segments: Vec<(usize, &'h Segment, Index<'h>)>,
    /// Whether nothing is known of the instant at all.
    is_gap: bool,
    period: Period,
    /// What sets evaluate to, by slice and segment.
    bits: Vec<Vec<SetBits>>,
}

/// A hit, and the place of its segment among those of a view.
type PlacedHit = (usize, Hit);

/// How many entries that match one question are told apart without sightings.
const ENTRIES_MAX: usize = 16;

/// What became of an entry that matches a question, in the segment at a place.
#[derive(Debug)]
pub(crate) struct FoundHistory {
    pub(crate) matched: Matched,
    pub(crate) segment: usize,
    /// The last build of the segment.
    pub(crate) last: u32,
    /// Whether the entry's name is above the one in question.
    pub(crate) is_below: bool,
    pub(crate) history: KeyHistory,
}

impl History {
    /// What the snapshot answers at an instant that stood then. Before the first one, and where what it
    /// listed is lost, every answer is `failed`.
    pub fn known_at(&self, at: impl Into<Time>) -> PastSearcher<'_> {
        let at = at.into();
        let view = self.manifest().build_at(at).and_then(|build| {
            let (origin, of_build) = (self.origin(build)?, self.build(build)?);
            let mut feeds = vec![None; self.manifest().feeds.len()];
            for (feed, id) in of_build.feeds.iter().zip(0..) {
                feeds.get_mut(usize::from(feed.feed)).into_iter().for_each(|place| *place = Some(FeedId(id)));
            }
            let segments = self.segments_of(build)?;
            Some((origin, vec![Slice::new(of_build, build, segments, feeds)]))
        });
        let (origin, slices) = view.unwrap_or_default();
        PastSearcher::new(self, origin, slices, self.built_at(), at)
    }

    /// What the feeds listed at an instant, by the times of their downloads. A feed without a download of
    /// before, or of which the last one was too old by then, does not answer `unknown` but `failed`.
    pub fn at(&self, at: impl Into<Time>) -> PastSearcher<'_> {
        let at = at.into();
        let feeds = self.feeds_at(at);
        let origin = Origin {
            generator: String::new(),
            feeds: feeds.iter().map(|feed| feed.record.clone()).collect(),
        };
        let mut slices: BTreeMap<u32, Slice> = BTreeMap::new();
        for (feed, id) in feeds.iter().zip(0..) {
            let Some(build) = feed.build else { continue };
            let (Some(segments), Some(of_build)) = (self.segments_of(build), self.build(build)) else {
                continue;
            };
            let slice = slices.entry(build).or_insert_with(|| {
                Slice::new(of_build, build, segments, vec![None; self.manifest().feeds.len()])
            });
            slice.feeds.get_mut(feed.number).into_iter().for_each(|place| *place = Some(FeedId(id)));
        }
        let made = self.downloads().iter().flatten().map(|download| download.own_time);
        let (slices, edges) = (slices.into_values().collect(), self.built_at().chain(made));
        PastSearcher::new(self, Arc::new(origin), slices, edges, at)
    }

    /// The feeds that count at an instant, by their ids.
    pub(crate) fn feeds_at(&self, at: Time) -> Vec<FeedAt> {
        // Before the first build there are its feeds.
        let standing = self.manifest().build_at(at).unwrap_or(0);
        let (Some(origin), Some(build)) = (self.origin(standing), self.build(standing)) else {
            return Vec::new();
        };
        let standing_records: BTreeMap<usize, &FeedRecord> =
            build.feeds.iter().map(|feed| usize::from(feed.feed)).zip(&origin.feeds).collect();
        let downloads = self.downloads().iter().enumerate();
        let mut feeds: Vec<FeedAt> = downloads
            .filter_map(|(number, downloads)| {
                let record = standing_records.get(&number).copied();
                self.feed_at(number, in_force(downloads, at), record, standing)
            })
            .collect();
        feeds.sort_by(|a, b| a.record.id.cmp(&b.record.id));
        feeds
    }

    /// A feed at an instant; `None` if it does not count then.
    pub(crate) fn feed_at(
        &self,
        number: usize,
        download: Option<&Download>,
        standing_record: Option<&FeedRecord>,
        standing: u32,
    ) -> Option<FeedAt> {
        let counts = |download: &&Download| download.build > standing || standing_record.is_some();
        let in_force = download.filter(counts).and_then(|download| {
            let record = self.record(number, download.build)?;
            self.segments_of(download.build)?;
            // A build that is lost may have taken another download, which had been made by then.
            (download.build..=standing.saturating_add(1)).all(|build| !self.is_lost(build)).then_some(())?;
            Some((download.build, record))
        });
        match in_force {
            Some((build, record)) => Some(FeedAt { number, build: Some(build), record: record.as_taken() }),
            None => {
                let record = standing_record.map(FeedRecord::without_download)?;
                Some(FeedAt { number, build: None, record })
            }
        }
    }

    /// How a build describes a feed.
    pub(crate) fn record(&self, number: usize, build: u32) -> Option<FeedRecord> {
        let place = self.build(build)?.feeds.iter().position(|feed| usize::from(feed.feed) == number)?;
        self.origin(build)?.feeds.get(place).cloned()
    }
}

/// When a feed becomes stale, if it does.
pub(crate) fn stale_from(feed: &FeedRecord) -> Option<Time> {
    feed.traits().update_time.map(|time| time.plus(feed.max_age_seconds).plus(1))
}

/// From the last edge that is not after an instant to the next one.
fn period(edges: impl Iterator<Item = Time>, at: Time) -> Period {
    let mut period = Period { start: Time::from_unix(i64::MIN), end: Time::from_unix(i64::MAX) };
    for edge in edges {
        match edge <= at {
            true => period.start = period.start.max(edge),
            false => period.end = period.end.min(edge),
        }
    }
    period
}

/// A feed at an instant.
#[derive(Clone, Debug)]
pub(crate) struct FeedAt {
    /// Its number in the history.
    pub(crate) number: usize,
    /// The build that has its download; `None` where there was none.
    pub(crate) build: Option<u32>,
    pub(crate) record: FeedRecord,
}

impl<'h> PastSearcher<'h> {
    /// A view of slices. Between two edges it is the same.
    fn new(
        history: &'h History,
        origin: Arc<Origin>,
        slices: Vec<Slice>,
        edges: impl Iterator<Item = Time>,
        at: Time,
    ) -> PastSearcher<'h> {
        let first = slices.iter().map(|slice| slice.segments.start).min().unwrap_or(0);
        let end = slices.iter().map(|slice| slice.segments.end).max().unwrap_or(0);
        let segments = history.indexed(first..end);
        let is_gap = slices.is_empty();
        let evaluator = Evaluator::of_origin(&origin, at);
        let period = period(origin.feeds.iter().filter_map(stale_from).chain(edges), at);
        let of_slice = |_: &Slice| segments.iter().map(|(_, _, index)| SetBits::new(index)).collect();
        let bits = slices.iter().map(of_slice).collect();
        PastSearcher { history, origin, evaluator, slices, segments, is_gap, period, bits }
    }

    /// The instant.
    pub fn at(&self) -> Time {
        self.evaluator.at()
    }

    /// The providers, sorted by name.
    pub fn providers(&self) -> &[Provider] {
        self.evaluator.providers()
    }

    /// The feeds that count at the instant, by the numbers in verdicts.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether nothing is known of the instant, so that every answer is `failed`.
    pub fn is_gap(&self) -> bool {
        self.is_gap
    }

    /// The history.
    pub fn history(&self) -> &'h History {
        self.history
    }

    /// The full answer to one indicator, in any spelling that [`Batch::push`] takes.
    ///
    /// # Errors
    /// The text is no indicator.
    pub fn lookup(&self, text: impl AsRef<[u8]>) -> Result<Verdict, ParseError> {
        let mut batch = Batch::new();
        batch.push(text)?;
        let verdict = self.verdicts(&batch).into_iter().next();
        Ok(verdict.unwrap_or_else(|| Verdict::empty(self.at())))
    }

    /// The full answer to each question of a batch, in their order.
    pub fn verdicts(&self, batch: &Batch) -> Vec<Verdict> {
        let found = find(&self.segments, batch);
        let verdict = |(question, found): (Question<'_>, &Vec<FoundHistory>)| {
            let mut verdict = self.evaluator.verdict(question, self.found(found));
            if self.is_gap {
                verdict.status = Status::Failed;
            }
            verdict
        };
        batch.iter().zip(&found).map(verdict).collect()
    }

    /// The overall status of each question of a batch, in their order.
    pub fn statuses(&self, batch: &Batch) -> Vec<Status> {
        self.statuses_at(batch, &vec![self.at(); batch.len()])
    }

    /// The overall status of each question of a batch at an instant of its own, in their order. The instants
    /// must be within [`PastSearcher::period`]: so the records of a log that fall into it are judged
    /// together.
    pub fn statuses_at(&self, batch: &Batch, instants: &[Time]) -> Vec<Status> {
        if self.is_gap {
            return vec![Status::Failed; batch.len()];
        }
        let hits = hits(&self.segments, batch);
        let (mut rest, mut statuses) = (hits.as_slice(), Vec::with_capacity(batch.len()));
        for (number, (question, at)) in batch.iter().zip(instants).enumerate() {
            let count = rest.iter().take_while(|(_, hit)| hit.question as usize == number).count();
            let (own, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            statuses.push(match self.decision(own, *at).filter(|_| question.range().is_none()) {
                Some((block, allow)) => self.evaluator.decided(question, block, allow),
                None => {
                    let found = found_of(&self.segments, question, own);
                    let sightings = self.found(&found).map(|found| found.sighting);
                    self.evaluator.status(question, sightings, *at)
                }
            });
        }
        statuses
    }

    /// Whether hits of one question block it, and whether they allow it; `None` if the entries must be
    /// evaluated.
    fn decision(&self, hits: &[PlacedHit], at: Time) -> Option<(bool, bool)> {
        let (mut block, mut allow) = (false, false);
        for (slice, bits) in self.slices.iter().zip(&self.bits) {
            let (mut decided, mut count) = ([0; ENTRIES_MAX], 0);
            for (place, hit) in hits {
                let (number, segment, index) = self.segments.get(*place)?;
                if !slice.segments.contains(number) {
                    continue;
                }
                let (evaluator, period) = (&self.evaluator, self.period);
                let context = Context { evaluator, slice, segment, period };
                let (entry, blocks, allows) = match bits.get(*place)?.status(&context, index, hit, at) {
                    HitStatus::Sightings => return None,
                    HitStatus::Unchanged => continue,
                    HitStatus::Decided(entry, blocks, allows) => (entry, blocks, allows),
                };
                if decided.get(..count)?.contains(&entry) {
                    continue;
                }
                *decided.get_mut(count)? = entry;
                count += 1;
                block |= blocks;
                allow |= allows;
            }
        }
        Some((block, allow))
    }

    /// The instants, this one among them, at which the same downloads are in force and the same feeds are
    /// stale.
    pub fn period(&self) -> Period {
        self.period
    }

    /// The sightings at the instant, of what was found.
    fn found<'f>(&'f self, found: &'f [FoundHistory]) -> impl Iterator<Item = Found> + 'f {
        self.slices.iter().flat_map(move |slice| {
            decided(found, slice.build, &slice.segments).flat_map(move |found| {
                found.sightings(slice).map(move |sighting| Found { sighting, matched: found.matched })
            })
        })
    }
}

impl FoundHistory {
    /// The sightings at the build of a slice that match the question.
    pub(crate) fn sightings<'f>(&'f self, slice: &'f Slice) -> impl Iterator<Item = Sighting> + 'f {
        let held = self.history.statements(slice.build, self.last);
        held.filter(|statement| statement.scope.covers(self.is_below)).filter_map(|statement| {
            let feed = slice.feeds.get(usize::from(statement.feed)).copied().flatten()?;
            statement.sighting(feed, &slice.dates)
        })
    }
}

/// What decides at a build: of each entry, the newest segment in which it had changed by then. What was found
/// is sorted by entries, newest segments first.
pub(crate) fn decided<'f>(
    found: &'f [FoundHistory],
    build: u32,
    segments: &'f Range<usize>,
) -> impl Iterator<Item = &'f FoundHistory> {
    found.chunk_by(|a, b| a.matched == b.matched).filter_map(move |of_entry| {
        of_entry.iter().find(|found| segments.contains(&found.segment) && found.history.changed <= build)
    })
}

impl History {
    /// Segments with their indexes, newest first.
    pub(crate) fn indexed(&self, places: Range<usize>) -> Vec<(usize, &Segment, Index<'_>)> {
        let slots = self.slots().iter().enumerate().take(places.end).skip(places.start).rev();
        let sound = slots.filter_map(|(at, slot)| Some((at, Slot::segment(slot)?)));
        sound.map(|(at, segment)| (at, segment, segment.index())).collect()
    }
}

/// The hits of a batch in all segments, in the order of the questions, newest segments first.
fn hits(segments: &[(usize, &Segment, Index<'_>)], batch: &Batch) -> Vec<PlacedHit> {
    let (mut all, mut hits) = (Vec::new(), Vec::new());
    for (place, (_, _, index)) in segments.iter().enumerate() {
        batch.find(index, &mut hits);
        all.extend(hits.drain(..).map(|hit| (place, hit)));
    }
    all.sort_by_key(|(_, hit)| hit.question);
    all
}

/// What became of the entries that match each question of a batch, sorted by entries, newest segments first.
pub(crate) fn find(segments: &[(usize, &Segment, Index<'_>)], batch: &Batch) -> Vec<Vec<FoundHistory>> {
    let hits = hits(segments, batch);
    let mut rest = hits.as_slice();
    let of_question = |(number, question): (usize, Question<'_>)| {
        let count = rest.iter().take_while(|(_, hit)| hit.question as usize == number).count();
        let (own, others) = rest.split_at_checked(count).unwrap_or_default();
        rest = others;
        found_of(segments, question, own)
    };
    batch.iter().enumerate().map(of_question).collect()
}

/// What became of the entries that match a question, whose hits are given.
fn found_of(
    segments: &[(usize, &Segment, Index<'_>)],
    question: Question<'_>,
    hits: &[PlacedHit],
) -> Vec<FoundHistory> {
    let mut found = Vec::new();
    for (place, hit) in hits {
        let Some((at, segment, index)) = segments.get(*place) else { continue };
        add_hit(*at, segment, index, hit, &mut found);
    }
    if let Some(range) = question.range() {
        segments.iter().for_each(|(at, segment, index)| {
            add_overlapping(*at, segment, index, &range, &mut found);
        });
    }
    // Newest segments were looked at first, and a stable sort leaves them there.
    found.sort_by_key(|found| found.matched);
    found
}

/// Adds what became of the entries of a hit.
fn add_hit(place: usize, segment: &Segment, index: &Index<'_>, hit: &Hit, found: &mut Vec<FoundHistory>) {
    let address = if let HitKind::Address(address) = hit.kind { address } else { Address::V6(0) };
    let mut rows: BTreeMap<Matched, Vec<Row>> = BTreeMap::new();
    for sighting in index.sightings_of(hit.entry, address) {
        if let Some(matched) = Matched::of(index, hit.kind, &sighting) {
            rows.entry(matched).or_default().push(Row::of(&sighting));
        }
    }
    let last = segment.builds.last();
    for (matched, rows) in rows {
        if let Some(history) = segment.history_of(&rows) {
            let is_below = hit.kind.is_below();
            found.push(FoundHistory { matched, segment: place, last, is_below, history });
        }
    }
}

/// Adds what became of the listed ranges that overlap one.
fn add_overlapping(
    place: usize,
    segment: &Segment,
    index: &Index<'_>,
    range: &AddressRange,
    found: &mut Vec<FoundHistory>,
) {
    let mut rows: BTreeMap<AddressRange, Vec<Row>> = BTreeMap::new();
    // A forged file gives what was found so far, as it does in a snapshot.
    index.each_listed_in(*range, |_, listed, sighting| {
        if overlaps(&listed, range) {
            let (rows, row) = (rows.entry(listed).or_default(), Row::of(sighting));
            // A range that is cut into pieces is visited with each.
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    });
    let last = segment.builds.last();
    for (listed, rows) in rows {
        if let Some(history) = segment.history_of(&rows) {
            let matched = Matched::Range(listed);
            found.push(FoundHistory { matched, segment: place, last, is_below: false, history });
        }
    }
}
