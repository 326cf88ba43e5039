//! What was listed at the build before, wherever that is known from: its snapshot, or the history itself.

use crate::builds::Build;
use crate::dates::FeedNumbers;
use crate::error::HistoryError;
use crate::segment::Segment;
use crate::version::Statement;
use rapsheet_assemble::{PartKeys, Row};
use rapsheet_snapshot::{Error, Index, Snapshot};
use std::cmp::Ordering;
use std::sync::mpsc::{self, Receiver, SyncSender};

/// Takes a key, or `None` before the first key of a group.
type VisitKey<'v, Key> = dyn FnMut(Option<&Key>) -> Result<(), HistoryError> + 'v;

/// What was listed at one build.
pub(crate) trait Listed: Sync {
    /// The snapshot, if it is one: two snapshots are compared faster.
    fn as_snapshot(&self) -> Option<&OfSnapshot<'_>> {
        None
    }

    /// The statements on a key, sorted, in place of what `statements` holds.
    fn statements<K: PartKeys>(&self, key: &K::Key, statements: &mut Vec<Statement>);

    /// Visits the keys in groups that are in order. A group begins with `None`.
    fn each_key<K: PartKeys>(&self, visit: &mut VisitKey<'_, K::Key>) -> Result<(), HistoryError>;
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
    fn as_snapshot(&self) -> Option<&OfSnapshot<'_>> {
        Some(self)
    }

    fn statements<K: PartKeys>(&self, key: &K::Key, statements: &mut Vec<Statement>) {
        let mut rows = Vec::new();
        K::rows_of(&self.index, key, &mut rows);
        self.of_rows(&rows, statements);
    }

    fn each_key<K: PartKeys>(&self, visit: &mut VisitKey<'_, K::Key>) -> Result<(), HistoryError> {
        visit(None)?;
        self.each::<K>(|key, _| visit(Some(key)))
    }
}

/// How many keys one thread hands to another at a time, and how often it may be ahead.
const KEYS_TOGETHER: usize = 1 << 10;
const AHEAD: usize = 8;

/// Keys of a snapshot, and what is stated on each.
struct Keys<K: PartKeys> {
    keys: Vec<K::Key>,
    /// Where the statements on each key end.
    ends: Vec<usize>,
    statements: Vec<Statement>,
}

impl<K: PartKeys> Default for Keys<K> {
    fn default() -> Keys<K> {
        Keys { keys: Vec::new(), ends: Vec::new(), statements: Vec::new() }
    }
}

impl<K: PartKeys> Keys<K> {
    fn push(&mut self, key: &K::Key, statements: &[Statement]) {
        self.keys.push(key.clone());
        self.statements.extend_from_slice(statements);
        self.ends.push(self.statements.len());
    }

    fn get(&self, at: usize) -> Option<(&K::Key, &[Statement])> {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        Some((self.keys.get(at)?, self.statements.get(start..*self.ends.get(at)?)?))
    }
}

/// Keys that another thread visits, in order.
struct Received<K: PartKeys> {
    receiver: Receiver<Keys<K>>,
    keys: Keys<K>,
    at: usize,
}

impl<K: PartKeys> Received<K> {
    /// The next key; `None` at the end.
    fn peek(&mut self) -> Option<(&K::Key, &[Statement])> {
        if self.at == self.keys.keys.len() {
            self.keys = self.receiver.recv().ok()?;
            self.at = 0;
        }
        self.keys.get(self.at)
    }
}

/// Visits the keys of two snapshots in order, each with what is stated on it before and now. Two threads
/// walk.
pub(crate) fn side_by_side<K: PartKeys>(
    before: &OfSnapshot<'_>,
    now: &OfSnapshot<'_>,
    mut visit: impl FnMut(&K::Key, &[Statement], &[Statement]) -> Result<(), HistoryError>,
) -> Result<(), HistoryError> {
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        let walk = scope.spawn(move || send::<K>(before, &sender));
        let mut received: Received<K> = Received { receiver, keys: Keys::default(), at: 0 };
        let mut result = now.each::<K>(|key, statements| {
            while let Some((earlier, stated)) = received.peek() {
                match K::order(earlier, key) {
                    Ordering::Less => visit(earlier, stated, &[])?,
                    Ordering::Equal => {
                        visit(key, stated, statements)?;
                        received.at += 1;
                        return Ok(());
                    }
                    Ordering::Greater => break,
                }
                received.at += 1;
            }
            visit(key, &[], statements)
        });
        while let (Ok(()), Some((earlier, stated))) = (&result, received.peek()) {
            result = visit(earlier, stated, &[]);
            received.at += 1;
        }
        // The other thread ends when nothing is received any more.
        drop(received);
        let walked = walk.join().unwrap_or_else(|_| Err(unwalkable::<K>(before.snapshot).into()));
        result.and(walked)
    })
}

/// Walks a snapshot and sends its keys, as long as they are received.
fn send<K: PartKeys>(snapshot: &OfSnapshot<'_>, to: &SyncSender<Keys<K>>) -> Result<(), HistoryError> {
    let (mut keys, mut is_received) = (Keys::<K>::default(), true);
    snapshot.each::<K>(|key, statements| {
        if is_received {
            keys.push(key, statements);
        }
        if keys.keys.len() == KEYS_TOGETHER {
            is_received = to.send(std::mem::take(&mut keys)).is_ok();
        }
        Ok(())
    })?;
    let _ = to.send(keys);
    Ok(())
}

/// Nothing: before the first build.
pub(crate) struct Nothing;

impl Listed for Nothing {
    fn statements<K: PartKeys>(&self, _: &K::Key, statements: &mut Vec<Statement>) {
        statements.clear();
    }

    fn each_key<K: PartKeys>(&self, _: &mut VisitKey<'_, K::Key>) -> Result<(), HistoryError> {
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

    fn each_key<K: PartKeys>(&self, visit: &mut VisitKey<'_, K::Key>) -> Result<(), HistoryError> {
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
