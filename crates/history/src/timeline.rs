//! When each feed listed an indicator, and when that is not known.

use crate::downloads::in_force;
use crate::history::History;
use crate::past::{FeedAt, FoundHistory, decided, find, stale_from};
use crate::period::Period;
use crate::slice::Slice;
use rapsheet_query::{Batch, ParseError};
use rapsheet_snapshot::{FeedId, FeedRecord, Sighting, Time};
use std::collections::{BTreeSet, HashMap};

/// When one feed listed an indicator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedTimeline {
    /// The id of the feed.
    pub feed: String,
    /// Its provider.
    pub provider: String,
    /// When it listed the indicator, in order.
    pub spans: Vec<Period>,
    /// When it did not, as far as is known, but there was no download to know it from, or one that was too
    /// old.
    pub gaps: Vec<Period>,
}

/// What the feed stated at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Listed,
    Unlisted,
    Gap,
}

/// What became of an indicator.
struct Timelines<'h> {
    history: &'h History,
    found: Vec<FoundHistory>,
    /// The views of builds that were needed, in which each feed has its number of the history.
    slices: HashMap<u32, Option<Slice>>,
}

impl History {
    /// When each feed listed an indicator, by the times of its downloads, from an instant to another. Feeds
    /// that neither listed it nor have a gap are left out; the others are sorted by provider and id.
    ///
    /// # Errors
    /// The text is no indicator.
    pub fn timeline(
        &self,
        text: impl AsRef<[u8]>,
        from: Time,
        to: Time,
    ) -> Result<Vec<FeedTimeline>, ParseError> {
        let mut batch = Batch::new();
        batch.push(text)?;
        let segments = self.indexed(0..self.slots().len());
        let found = find(&segments, &batch).into_iter().next().unwrap_or_default();
        let mut timelines = Timelines { history: self, found, slices: HashMap::new() };
        let count = self.manifest().feeds.len();
        let mut feeds: Vec<FeedTimeline> =
            (0..count).filter_map(|number| timelines.of_feed(number, from, to)).collect();
        feeds.sort_by(|a, b| (&a.provider, &a.feed).cmp(&(&b.provider, &b.feed)));
        Ok(feeds)
    }
}

impl Timelines<'_> {
    fn of_feed(&mut self, number: usize, from: Time, to: Time) -> Option<FeedTimeline> {
        let edges: Vec<Time> = self.edges(number).range(from..to).copied().collect();
        let starts = std::iter::once(from).chain(edges.iter().copied().filter(|edge| *edge > from));
        let ends = edges.iter().copied().filter(|edge| *edge > from).chain([to]);
        let (mut spans, mut gaps, mut provider) = (Vec::new(), Vec::new(), None);
        for (start, end) in starts.zip(ends).filter(|(start, end)| start < end) {
            let Some(feed) = self.history.feed_by_number(number, start) else { continue };
            match self.state(&feed, start) {
                State::Listed => add(&mut spans, Period { start, end }),
                State::Gap => add(&mut gaps, Period { start, end }),
                State::Unlisted => {}
            }
            provider = Some(feed.record.provider);
        }
        let feed = self.history.manifest().feeds.get(number)?.clone();
        let is_empty = spans.is_empty() && gaps.is_empty();
        provider.filter(|_| !is_empty).map(|provider| FeedTimeline { feed, provider, spans, gaps })
    }

    /// The instants at which the state of a feed may change.
    fn edges(&mut self, number: usize) -> BTreeSet<Time> {
        let history = self.history;
        let mut edges: BTreeSet<Time> = history.built_at().collect();
        for download in history.downloads().get(number).map_or(&[][..], Vec::as_slice) {
            edges.insert(download.own_time);
            let Some(record) = history.record(number, download.build) else { continue };
            edges.extend(stale_from(&record));
            for sighting in self.sightings(number, download.build) {
                edges.extend([sighting.times.first_seen, sighting.times.expires(record.retention_seconds)]);
            }
        }
        edges
    }

    /// What a feed stated of the indicator in the download that a build has.
    fn sightings(&mut self, number: usize, build: u32) -> Vec<Sighting> {
        let Timelines { history, found, slices } = self;
        let slice = slices.entry(build).or_insert_with(|| history.slice_of_all(build));
        let Some(slice) = slice else { return Vec::new() };
        let of_build = decided(found, build, &slice.segments).flat_map(|found| found.sightings(slice));
        of_build.filter(|sighting| usize::from(sighting.feed.0) == number).collect()
    }

    fn state(&mut self, feed: &FeedAt, at: Time) -> State {
        let Some(build) = feed.build else { return State::Gap };
        let FeedRecord { retention_seconds, .. } = feed.record;
        let sightings = self.sightings(feed.number, build);
        if sightings.iter().any(|sighting| sighting.times.live(at, retention_seconds)) {
            return State::Listed;
        }
        if feed.record.is_stale(at) { State::Gap } else { State::Unlisted }
    }
}

/// Adds a period, which continues the last one if it begins at its end.
fn add(periods: &mut Vec<Period>, period: Period) {
    match periods.last_mut() {
        Some(last) if last.end == period.start => last.end = period.end,
        _ => periods.push(period),
    }
}

impl History {
    /// The view of a build in which each feed has its number of the history.
    fn slice_of_all(&self, build: u32) -> Option<Slice> {
        let (segments, of_build) = (self.segments_of(build)?, self.build(build)?);
        // The ids of feeds are fewer than 2^16.
        let feeds = (0..self.manifest().feeds.len()).map(|number| Some(FeedId(number as u16))).collect();
        Some(Slice::new(of_build, build, segments, feeds))
    }

    /// A feed at an instant, by its number in the history.
    fn feed_by_number(&self, number: usize, at: Time) -> Option<FeedAt> {
        let standing = self.manifest().build_at(at).unwrap_or(0);
        let downloads = self.downloads().get(number).map_or(&[][..], Vec::as_slice);
        let record = self.record(number, standing);
        if self.is_lost(standing) {
            let last = self.record(number, downloads.last()?.build)?;
            return Some(FeedAt { number, build: None, record: last });
        }
        self.feed_at(number, in_force(downloads, at), record.as_ref(), standing)
    }
}
