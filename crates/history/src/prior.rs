//! What was listed at the build before, wherever that is known from: its snapshot, or the history itself.

use crate::builds::Build;
use crate::dates::FeedNumbers;
use crate::error::HistoryError;
use crate::segment::Segment;
use crate::version::Statement;
use rapsheet_assemble::{PartKeys, Row};
use rapsheet_snapshot::{Error, Index, Snapshot};

/// What was listed at one build.
pub(crate) trait Listed: Sync {
    /// The statements on a key, sorted, in place of what `statements` holds.
    fn statements<K: PartKeys>(&self, key: &K::Key, statements: &mut Vec<Statement>);

    /// Visits the keys in groups that are in order. A group begins with `None`.
    fn each_key<K: PartKeys>(
        &self,
        visit: &mut dyn FnMut(Option<&K::Key>) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError>;
}

/// A snapshot, whose feeds have numbers in the history.
pub(crate) struct OfSnapshot<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) index: Index<'a>,
    pub(crate) numbers: &'a FeedNumbers,
    pub(crate) dates: Vec<Option<u32>>,
}

impl<'a> OfSnapshot<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, numbers: &'a FeedNumbers, build: &Build) -> OfSnapshot<'a> {
        OfSnapshot { snapshot, index: snapshot.index(), numbers, dates: build.dates() }
    }

    /// The statements of rows, sorted, in place of what `statements` holds.
    pub(crate) fn of_rows(&self, rows: &[Row], statements: &mut Vec<Statement>) {
        statements.clear();
        let number = |row: &Row| self.numbers.get(row.feed);
        statements.extend(rows.iter().filter_map(|row| Some(Statement::of(row, number(row)?, &self.dates))));
        statements.sort_unstable();
    }

    /// Visits the keys, in order, each with its statements.
    pub(crate) fn each<K: PartKeys>(
        &self,
        mut visit: impl FnMut(&K::Key, &[Statement]) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let (mut result, mut statements) = (Ok(()), Vec::new());
        let is_whole = K::walk(&self.index, |key, rows| {
            if result.is_ok() {
                self.of_rows(rows, &mut statements);
                result = visit(key, &statements);
            }
        });
        result?;
        if is_whole { Ok(()) } else { Err(unwalkable::<K>(self.snapshot).into()) }
    }
}

/// The error of a file that cannot be walked to its end.
pub(crate) fn unwalkable<K: PartKeys>(snapshot: &Snapshot) -> Error {
    snapshot.unwalkable(K::PART)
}

impl Listed for OfSnapshot<'_> {
    fn statements<K: PartKeys>(&self, key: &K::Key, statements: &mut Vec<Statement>) {
        let mut rows = Vec::new();
        K::rows_of(&self.index, key, &mut rows);
        self.of_rows(&rows, statements);
    }

    fn each_key<K: PartKeys>(
        &self,
        visit: &mut dyn FnMut(Option<&K::Key>) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        visit(None)?;
        self.each::<K>(|key, _| visit(Some(key)))
    }
}

/// Nothing: before the first build.
pub(crate) struct Nothing;

impl Listed for Nothing {
    fn statements<K: PartKeys>(&self, _: &K::Key, statements: &mut Vec<Statement>) {
        statements.clear();
    }

    fn each_key<K: PartKeys>(
        &self,
        _: &mut dyn FnMut(Option<&K::Key>) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        Ok(())
    }
}

/// The last build of a history, from the newest base on.
pub(crate) struct OfSegments<'a> {
    /// The segments, oldest first, each with its index.
    segments: Vec<(&'a Segment, Index<'a>)>,
}

impl<'a> OfSegments<'a> {
    /// Of sound segments, oldest first, of which the first one is a base.
    pub(crate) fn new(segments: impl IntoIterator<Item = &'a Segment>) -> OfSegments<'a> {
        OfSegments { segments: segments.into_iter().map(|segment| (segment, segment.index())).collect() }
    }
}

impl Listed for OfSegments<'_> {
    fn statements<K: PartKeys>(&self, key: &K::Key, statements: &mut Vec<Statement>) {
        statements.clear();
        let mut rows = Vec::new();
        for (segment, index) in self.segments.iter().rev() {
            K::rows_of(index, key, &mut rows);
            if let Some(history) = segment.history_of(&rows) {
                let last = segment.builds.last();
                statements.extend(history.statements(last, last));
                statements.sort_unstable();
                return;
            }
        }
    }

    fn each_key<K: PartKeys>(
        &self,
        visit: &mut dyn FnMut(Option<&K::Key>) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        let (mut found, mut held) = (Vec::new(), Vec::new());
        for (at, (segment, index)) in self.segments.iter().enumerate() {
            visit(None)?;
            let mut result = Ok(());
            let is_whole = K::walk(index, |key, _| {
                let mut older = self.segments.iter().take(at);
                if result.is_ok() && !older.any(|(segment, index)| segment.has::<K>(index, key, &mut found)) {
                    self.statements::<K>(key, &mut held);
                    if !held.is_empty() {
                        result = visit(Some(key));
                    }
                }
            });
            result?;
            if !is_whole {
                return Err(unwalkable::<K>(segment.snapshot()).into());
            }
        }
        Ok(())
    }
}
