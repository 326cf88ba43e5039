//! A segment: what changed during some builds, in a file with the sections of a snapshot.
//!
//! The key indexes are a snapshot's own, so that a look-up costs what it costs there. What a record calls a
//! feed is a feed and the number of a version, so that one key may have many versions of what one feed
//! stated; what it calls an expiry is a span. `FORMAT.md` says how.

use crate::builds::Builds;
use crate::spans::{self, Span, SpanTable};
use crate::version::{Identity, KeyHistory, Statement, Version};
use rapsheet_assemble::{Fields, PartKeys, Row};
use rapsheet_snapshot::{Error, Index, ListKind, Scope, Section, Snapshot, TooLarge};
use std::path::Path;

/// The feed of the row that says when something else was stated for the first time, where nothing was.
const MARK: u16 = 0;

/// The last number of a feed that a row may have.
const ROW_FEED_MAX: u64 = u16::MAX as u64 - 1;

/// An open segment.
#[derive(Debug)]
pub(crate) struct Segment {
    snapshot: Snapshot,
    pub(crate) builds: Builds,
}

impl Segment {
    /// Opens a segment. Its header, its table of sections and its builds are verified.
    pub(crate) fn open(path: &Path) -> Result<Segment, Error> {
        let snapshot = Snapshot::open_segment_trusted(path)?;
        let builds = Builds::decode(snapshot.checked_bytes(Section::HistoryBuilds)?);
        let unsound =
            || snapshot.corrupt_section(Section::HistoryBuilds, "the builds of a segment", "others");
        let builds = builds.ok_or_else(unsound)?;
        Ok(Segment { builds, snapshot })
    }

    /// Verifies every checksum.
    pub(crate) fn verify(&self) -> Result<(), Error> {
        self.snapshot.verify_checksums()
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(crate) fn index(&self) -> Index<'_> {
        self.snapshot.index()
    }

    /// The section of its builds.
    pub(crate) fn builds_section(&self) -> &[u8] {
        self.snapshot.bytes(Section::HistoryBuilds)
    }

    /// What became of a key, whose rows are given.
    pub(crate) fn history_of(&self, rows: &[Row]) -> Option<KeyHistory> {
        let section = self.snapshot.bytes(Section::HistorySpans);
        let mut history = KeyHistory { changed: u32::MAX, versions: Vec::with_capacity(rows.len()) };
        for row in rows {
            let span = spans::span(section, row.fields.expiry?)?;
            let (first, last) =
                (self.builds.first + u32::from(span.first), self.builds.first + u32::from(span.last));
            history.changed = history.changed.min(first);
            if row.feed != MARK {
                let statement = self.statement(row, &span)?;
                history.versions.push(Version { statement, first, last });
            }
        }
        history.versions.sort_unstable();
        (!rows.is_empty()).then_some(history)
    }

    fn statement(&self, row: &Row, span: &Span) -> Option<Statement> {
        Some(Statement {
            feed: self.feed_of(row.feed)?,
            list: row.list,
            scope: row.scope,
            assessments: row.fields.assessments,
            first_seen: row.fields.first_seen,
            detect_time: (!span.is_usual).then_some(row.fields.detect_time),
            expiry: span.expiry,
        })
    }

    /// A span.
    pub(crate) fn span(&self, number: u32) -> Option<Span> {
        spans::span(self.snapshot.bytes(Section::HistorySpans), number)
    }

    /// The feed of the history that a record names; `None` for a mark.
    pub(crate) fn feed_of(&self, record_feed: u16) -> Option<u16> {
        let number = usize::from(record_feed.checked_sub(1)?).checked_rem(self.builds.feeds.len())?;
        // Less than the number of feeds of a row.
        Some(number as u16)
    }

    /// Whether the segment has a key.
    pub(crate) fn has<K: PartKeys>(&self, index: &Index<'_>, key: &K::Key, rows: &mut Vec<Row>) -> bool {
        K::rows_of(index, key, rows);
        !rows.is_empty()
    }
}

/// Makes rows of a segment.
#[derive(Debug)]
pub(crate) struct RowWriter {
    /// The first and the last build of the segment.
    pub(crate) builds: (u32, u32),
    /// How many feeds the history has.
    pub(crate) feeds: usize,
    pub(crate) spans: SpanTable,
    /// When its first snapshot was built, as it stores times: for rows that have no time.
    pub(crate) time: u32,
    /// How many numbers of feeds the rows have.
    pub(crate) row_feeds: usize,
    /// When the newest row of each feed was first seen.
    pub(crate) newest_seen: Vec<Option<u32>>,
}

impl RowWriter {
    /// Visits the rows of a key.
    ///
    /// # Errors
    /// The key has more versions than can be numbered, or there are too many spans.
    pub(crate) fn rows<E: From<TooLarge>>(
        &mut self,
        history: &mut KeyHistory,
        mut visit: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        history.versions.sort_unstable_by_key(|version| (version.statement.identity(), version.first));
        if history.versions.iter().all(|version| version.first > history.changed) {
            visit(self.mark(history.changed)?)?;
        }
        let mut before: Option<(Identity, usize)> = None;
        for version in &history.versions {
            let identity = version.statement.identity();
            let number = before.filter(|before| before.0 == identity).map_or(0, |before| before.1 + 1);
            before = Some((identity, number));
            let seen = self.newest_seen.get_mut(usize::from(version.statement.feed));
            seen.into_iter().for_each(|seen| *seen = (*seen).max(Some(version.statement.first_seen)));
            visit(self.row(version, number)?)?;
        }
        Ok(())
    }

    fn span(
        &mut self,
        (first, last): (u32, u32),
        is_usual: bool,
        expiry: Option<u32>,
    ) -> Result<u32, TooLarge> {
        // A segment has fewer builds than 2^16.
        let [first, last] = [first, last].map(|build| build.saturating_sub(self.builds.0) as u16);
        self.spans.number(Span { first, last, is_usual, expiry })
    }

    fn mark(&mut self, build: u32) -> Result<Row, TooLarge> {
        let span = self.span((build, build), true, None)?;
        let fields = Fields { assessments: 0, first_seen: self.time, detect_time: 0, expiry: Some(span) };
        Ok(Row { feed: MARK, list: ListKind::Block, scope: Scope::Exact, fields })
    }

    fn row(&mut self, version: &Version, number: usize) -> Result<Row, TooLarge> {
        let Statement { feed, list, scope, assessments, first_seen, detect_time, expiry } = version.statement;
        let numbered = 1 + (number * self.feeds + usize::from(feed)) as u64;
        TooLarge::check("history", "versions of a row", numbered, ROW_FEED_MAX)?;
        self.row_feeds = self.row_feeds.max(numbered as usize + 1);
        let span = self.span((version.first, version.last), detect_time.is_none(), expiry)?;
        let fields =
            Fields { assessments, first_seen, detect_time: detect_time.unwrap_or(0), expiry: Some(span) };
        Ok(Row { feed: numbered as u16, list, scope, fields })
    }
}
