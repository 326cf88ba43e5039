//! What a build would newly flag in an operator's own logs: indicators that no feed blocks before it, and
//! some feed does after it.
//!
//! What is flagged is decided by look-ups in both snapshots at the instant of the build, so that scopes,
//! retention and rows with times of their own count as they do for everyone who asks later.

use crate::report::{AgainstLogs, NewHit, NewHits};
use rapsheet_snapshot::host::Host;
use rapsheet_snapshot::{Address, Entry, FeedId, Index, ListKind, Sighting, Snapshot, Time, name, url};
use std::collections::{BTreeMap, BTreeSet};

/// How many examples are kept of a feed.
const EXAMPLES_MAX: usize = 5;

/// Indicators that occur in an operator's logs, and how often.
///
/// ```
/// use rapsheet_ingest::build::LogIndicators;
///
/// let logs = LogIndicators::new([("45.9.20.5", 3), ("evil.com", 1), ("45.9.20.5", 2), ("nonsense", 9)]);
/// assert_eq!((logs.len(), logs.unread()), (2, 1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct LogIndicators {
    /// By their texts.
    rows: BTreeMap<String, Row>,
    unread: u64,
}

#[derive(Clone, Debug)]
struct Row {
    question: Question,
    hits: u64,
}

/// An indicator, as the index is asked for it.
#[derive(Clone, Debug)]
enum Question {
    Address(Address),
    /// A name, reversed.
    Name(Vec<u8>),
    /// A URL, where its part without a scheme begins, and its host.
    Url(Vec<u8>, usize, Box<Question>),
}

impl LogIndicators {
    /// Reads indicators, each with how often it occurs. Those that occur several times are added up.
    pub fn new<T: AsRef<str>>(rows: impl IntoIterator<Item = (T, u64)>) -> LogIndicators {
        let mut logs = LogIndicators::default();
        for (text, hits) in rows {
            if let Some(row) = logs.rows.get_mut(text.as_ref()) {
                row.hits = row.hits.saturating_add(hits);
            } else if let Some(question) = Question::read(text.as_ref().as_bytes()) {
                logs.rows.insert(text.as_ref().to_owned(), Row { question, hits });
            } else {
                logs.unread += 1;
            }
        }
        logs
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many texts are no indicators.
    pub fn unread(&self) -> u64 {
        self.unread
    }
}

impl Question {
    fn read(text: &[u8]) -> Option<Question> {
        let mut canonical = Vec::new();
        if text.windows(2).any(|two| two == b"//") {
            let url = url::canonical(text, &mut canonical).ok()?;
            let host = match url.host {
                Host::Address(address) => Question::Address(address),
                Host::Name => Question::Name(reversed(canonical.get(url.host_at)?)),
            };
            let slashes = canonical.iter().position(|byte| *byte == b'/')?;
            return Some(Question::Url(canonical, slashes, Box::new(host)));
        }
        if let Ok(address) = Address::parse(text) {
            return Some(Question::Address(address));
        }
        name::canonical(text, &mut canonical).ok()?;
        Some(Question::Name(reversed(&canonical)))
    }

    /// Visits the sightings that match.
    fn each_match(&self, index: &Index<'_>, visit: &mut dyn FnMut(Sighting)) {
        match self {
            Question::Address(address) => {
                let entry = index.address(*address);
                entry.into_iter().flat_map(|entry| index.sightings_of(entry, *address)).for_each(visit);
            }
            Question::Name(reversed) => {
                let mut found: Vec<(bool, Entry)> = Vec::new();
                index
                    .each_covering_name(reversed, |width, entry| found.push((width < reversed.len(), entry)));
                for (is_below, entry) in found {
                    let covers = |sighting: &Sighting| sighting.scope.covers(is_below);
                    index.sightings(entry).filter(covers).for_each(&mut *visit);
                }
            }
            Question::Url(url, slashes, host) => {
                let bare = url.get(*slashes..).filter(|_| *slashes > 0);
                for url in [Some(url.as_slice()), bare].into_iter().flatten() {
                    index.url(url).into_iter().flat_map(|entry| index.sightings(entry)).for_each(&mut *visit);
                }
                host.each_match(index, visit);
            }
        }
    }

    /// The feeds that block it.
    fn blocked_by(&self, snapshot: &Snapshot, now: Time) -> BTreeSet<FeedId> {
        let mut feeds = BTreeSet::new();
        self.each_match(&snapshot.index(), &mut |sighting| {
            let retention = snapshot.feed(sighting.feed).map_or(0, |feed| feed.retention_seconds);
            if sighting.list == ListKind::Block && sighting.times.live(now, retention) {
                feeds.insert(sighting.feed);
            }
        });
        feeds
    }
}

fn reversed(name: &[u8]) -> Vec<u8> {
    name.iter().rev().copied().collect()
}

/// What a snapshot newly flags.
pub(crate) struct Found {
    /// By the ids of the feeds that newly block something.
    pub(crate) by_feed: BTreeMap<String, NewHits>,
    /// All feeds together.
    pub(crate) all: AgainstLogs,
}

/// Looks the indicators of logs up in the previous snapshot and in the new one.
pub(crate) fn find(logs: &LogIndicators, previous: Option<&Snapshot>, new: &Snapshot, now: Time) -> Found {
    let mut all =
        AgainstLogs { indicators: logs.len() as u64, unread: logs.unread, ..AgainstLogs::default() };
    let mut by_feed: BTreeMap<FeedId, NewHits> = BTreeMap::new();
    for (text, Row { question, hits }) in &logs.rows {
        if previous.is_some_and(|previous| !question.blocked_by(previous, now).is_empty()) {
            all.flagged_before += 1;
            continue;
        }
        let feeds = question.blocked_by(new, now);
        if !feeds.is_empty() {
            all.newly_flagged += 1;
            all.new_hits = all.new_hits.saturating_add(*hits);
        }
        for feed in feeds {
            by_feed.entry(feed).or_default().add(text, *hits);
        }
    }
    let id = |feed: FeedId| new.feed(feed).map_or("", |feed| &feed.id).to_owned();
    Found { by_feed: by_feed.into_iter().map(|(feed, hits)| (id(feed), hits)).collect(), all }
}

impl NewHits {
    fn add(&mut self, indicator: &str, hits: u64) {
        self.indicators += 1;
        self.hits = self.hits.saturating_add(hits);
        // Those with most hits, and of those with as many the first.
        let at = self.examples.partition_point(|example| example.hits >= hits);
        if at < EXAMPLES_MAX {
            self.examples.insert(at, NewHit { indicator: indicator.to_owned(), hits });
            self.examples.truncate(EXAMPLES_MAX);
        }
    }
}
