//! Merging sorted rows, and grouping those of equal keys.
//!
//! Rows with the same key come together, whichever feed, file or thread they come from, and whether they are in
//! columns or in runs. Cursors are kept in the order of their keys, the least last: a cursor that moves on is
//! inserted again near the end or by binary search, so that a row costs few comparisons among many cursors, and
//! none with one.

use crate::columns::{RangeRow, TextColumn};
use crate::flatten::AddressNumber;
use crate::run::{RangeRunReader, SortedRun, TextRunReader};
use crate::scratch::Scratch;
use std::cmp::Ordering;

/// A position in sorted rows. There is a current row until `advance` returns `false`.
pub(crate) trait Cursor {
    /// A key that is kept while cursors move on.
    type Key: Default;

    /// Goes to the next row.
    fn advance(&mut self) -> bool;
    /// The tag of the current row.
    fn tag(&self) -> u32;
    /// The order of the current keys of two cursors.
    fn order(&self, other: &Self) -> Ordering;
    /// Whether the current key is this one.
    fn is_at(&self, key: &Self::Key) -> bool;
    /// Copies the current key.
    fn copy_key(&self, key: &mut Self::Key);
}

/// Visits the groups of rows with equal keys, in order: the key, and the tags of all of its rows. The cursors are
/// before their first rows.
pub(crate) fn each_group<C: Cursor>(
    cursors: impl IntoIterator<Item = C>,
    mut visit: impl FnMut(&C::Key, &mut Vec<u32>),
) {
    let mut ahead: Vec<Box<C>> = Vec::new();
    for mut cursor in cursors {
        if cursor.advance() {
            insert(&mut ahead, Box::new(cursor));
        }
    }
    let (mut key, mut tags) = (C::Key::default(), Vec::new());
    while let Some(first) = ahead.last() {
        tags.clear();
        first.copy_key(&mut key);
        while let Some(mut cursor) = ahead.pop_if(|cursor| cursor.is_at(&key)) {
            let mut is_left = true;
            while is_left && cursor.is_at(&key) {
                tags.push(cursor.tag());
                is_left = cursor.advance();
            }
            if is_left {
                insert(&mut ahead, cursor);
            }
        }
        visit(&key, &mut tags);
    }
}

/// Inserts a cursor. It mostly belongs near the least, so that the last few are compared one by one.
fn insert<C: Cursor>(ahead: &mut Vec<Box<C>>, cursor: Box<C>) {
    let is_above = |other: &C| other.order(&cursor) == Ordering::Greater;
    let near = ahead.iter().rev().take(NEAR).take_while(|other| !is_above(other)).count();
    let rest = ahead.len() - near;
    let at = match near {
        NEAR => ahead.get(..rest).unwrap_or(&[]).partition_point(|other| is_above(other)),
        _ => rest,
    };
    ahead.insert(at, cursor);
}

/// How many cursors are compared one by one.
const NEAR: usize = 4;

/// A position in names or URLs.
pub(crate) struct TextCursor<'r> {
    /// The first bytes of the current key: most keys are told apart by them.
    head: u128,
    rows: TextRows<'r>,
}

enum TextRows<'r> {
    /// In a sorted column: the next row, the current key and its tag.
    Column(&'r TextColumn, usize, &'r [u8], u32),
    /// In a run.
    SortedRun(TextRunReader<'r>),
}

/// A key and its first bytes.
#[derive(Default)]
pub(crate) struct TextKey {
    head: u128,
    /// The bytes of the key.
    pub(crate) bytes: Vec<u8>,
}

/// The bytes of a key that its head holds.
const HEAD: usize = 16;

/// The first bytes of a key as a number in the same order; zeros after its end.
#[inline]
#[allow(clippy::big_endian_bytes)]
fn head_of(key: &[u8]) -> u128 {
    match key.first_chunk::<HEAD>() {
        Some(chunk) => u128::from_be_bytes(*chunk),
        None => {
            let mut padded = [0; HEAD];
            padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
            u128::from_be_bytes(padded)
        }
    }
}

impl<'r> TextCursor<'r> {
    /// Before the first row of a column.
    pub(crate) fn column(column: &'r TextColumn) -> TextCursor<'r> {
        TextCursor { head: 0, rows: TextRows::Column(column, 0, &[], 0) }
    }

    /// Before the first row of a run.
    pub(crate) fn run(run: &'r SortedRun, scratch: &'r Scratch) -> TextCursor<'r> {
        TextCursor { head: 0, rows: TextRows::SortedRun(TextRunReader::new(run, scratch)) }
    }

    #[inline]
    fn key(&self) -> &[u8] {
        match &self.rows {
            TextRows::Column(_, _, key, _) => key,
            TextRows::SortedRun(rows) => &rows.key,
        }
    }

    /// What the head does not hold. Keys with equal heads and without tails differ in their lengths, if at all.
    #[inline]
    fn tail(&self) -> &[u8] {
        self.key().get(HEAD..).unwrap_or(&[])
    }
}

impl Cursor for TextCursor<'_> {
    type Key = TextKey;

    #[inline]
    fn advance(&mut self) -> bool {
        let is_left = match &mut self.rows {
            TextRows::Column(column, next, key, tag) => match column.row_at(*next) {
                Some(row) => {
                    *next += 1;
                    (*key, *tag) = row;
                    true
                }
                None => false,
            },
            TextRows::SortedRun(rows) => rows.advance(),
        };
        self.head = head_of(self.key());
        is_left
    }

    #[inline]
    fn tag(&self) -> u32 {
        match &self.rows {
            TextRows::Column(.., tag) => *tag,
            TextRows::SortedRun(rows) => rows.tag,
        }
    }

    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        let rest = || self.tail().cmp(other.tail()).then_with(|| self.key().len().cmp(&other.key().len()));
        self.head.cmp(&other.head).then_with(rest)
    }

    #[inline]
    fn is_at(&self, key: &TextKey) -> bool {
        let bytes = key.bytes.as_slice();
        self.head == key.head
            && self.key().len() == bytes.len()
            && (bytes.len() <= HEAD || self.tail() == bytes.get(HEAD..).unwrap_or(&[]))
    }

    #[inline]
    fn copy_key(&self, key: &mut TextKey) {
        key.head = self.head;
        key.bytes.clear();
        key.bytes.extend_from_slice(self.key());
    }
}

/// A position in addresses of one family.
pub(crate) enum RangeCursor<'r, N> {
    /// In a sorted column: the current row and those after it.
    Column(RangeRow<N>, &'r [RangeRow<N>]),
    /// In a run.
    SortedRun(RangeRunReader<'r, N>),
}

impl<'r, N: AddressNumber> RangeCursor<'r, N> {
    /// Before the first of sorted rows.
    pub(crate) fn column(rows: &'r [RangeRow<N>]) -> RangeCursor<'r, N> {
        let none = RangeRow { first: N::from_low_bits(0), last: N::from_low_bits(0), tag: 0 };
        RangeCursor::Column(none, rows)
    }

    /// Before the first row of a run.
    pub(crate) fn run(run: &'r SortedRun, scratch: &'r Scratch) -> RangeCursor<'r, N> {
        RangeCursor::SortedRun(RangeRunReader::new(run, scratch))
    }

    #[inline]
    fn ends(&self) -> (N, N) {
        match self {
            RangeCursor::Column(row, _) => (row.first, row.last),
            RangeCursor::SortedRun(rows) => rows.ends,
        }
    }
}

impl<N: AddressNumber> Cursor for RangeCursor<'_, N> {
    type Key = Option<(N, N)>;

    #[inline]
    fn advance(&mut self) -> bool {
        match self {
            RangeCursor::Column(row, rest) => {
                let Some((next, others)) = rest.split_first() else { return false };
                (*row, *rest) = (*next, others);
                true
            }
            RangeCursor::SortedRun(rows) => rows.advance(),
        }
    }

    #[inline]
    fn tag(&self) -> u32 {
        match self {
            RangeCursor::Column(row, _) => row.tag,
            RangeCursor::SortedRun(rows) => rows.tag,
        }
    }

    /// By first address, wider ranges first.
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        let ((first, last), (other_first, other_last)) = (self.ends(), other.ends());
        first.cmp(&other_first).then(other_last.cmp(&last))
    }

    #[inline]
    fn is_at(&self, key: &Option<(N, N)>) -> bool {
        *key == Some(self.ends())
    }

    #[inline]
    fn copy_key(&self, key: &mut Option<(N, N)>) {
        *key = Some(self.ends());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Columns;
    use crate::run_set::Rows;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The groups by a map, in place of a merge.
    fn plainly(rows: &[Vec<(String, u32)>]) -> Vec<(Vec<u8>, Vec<u32>)> {
        let mut groups: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
        for (key, tag) in rows.iter().flatten() {
            groups.entry(key.clone().into_bytes()).or_default().push(*tag);
        }
        groups.values_mut().for_each(|tags| tags.sort_unstable());
        groups.into_iter().collect()
    }

    fn columns(rows: &[(String, u32)]) -> Columns {
        let mut columns = Columns::default();
        rows.iter().for_each(|(key, tag)| columns.names.push(key.bytes(), *tag));
        columns
    }

    proptest! {
        #[test]
        fn rows_of_equal_keys_are_one_group_wherever_they_lie(
            sources in proptest::collection::vec(proptest::collection::vec(("[a-b.]{0,2}(abcdefghijklmn){0,1}[a-b]{0,2}", 0u32..9), 0..40), 0..6),
        ) {
            for tight in [0, 1, sources.len()] {
                let scratch = Scratch::unlimited();
                let mut rows = Rows::new(&scratch);
                let (in_runs, in_columns) = sources.split_at(tight.min(sources.len()));
                for of_source in in_runs {
                    rows.add_runs(columns(of_source).take_runs(&scratch).expect("short keys"), 0);
                }
                in_columns.iter().for_each(|of_source| rows.add(columns(of_source), 0));
                rows.sort().expect("short keys");
                let runs = rows.runs.iter().map(|runs| TextCursor::run(&runs.names, &scratch));
                let cursors = rows.columns.iter().map(|columns| TextCursor::column(&columns.names)).chain(runs);
                let mut found = Vec::new();
                each_group(cursors, |key, tags| {
                    tags.sort_unstable();
                    found.push((key.bytes.clone(), tags.clone()));
                });
                prop_assert_eq!(found, plainly(&sources));
            }
        }
    }

    #[test]
    fn addresses_are_grouped_wider_ranges_first() {
        let scratch = Scratch::unlimited();
        let of = |rows: &[(u32, u32, u32)]| {
            let mut columns = Columns::default();
            columns.v4.rows = rows
                .iter()
                .map(|(first, last, tag)| RangeRow { first: *first, last: *last, tag: *tag })
                .collect();
            columns
        };
        let runs = of(&[(5, 5, 1), (9, 9, 2), (5, 8, 3)]).take_runs(&scratch).expect("short");
        let mut columns = of(&[(9, 9, 4), (5, 8, 5), (0, 0, 6)]);
        columns.sort();
        let cursors = [RangeCursor::column(&columns.v4.rows), RangeCursor::run(&runs.v4, &scratch)];
        let mut groups = Vec::new();
        each_group(cursors, |key, tags| {
            tags.sort_unstable();
            groups.push((key.expect("a key"), tags.clone()));
        });
        assert_eq!(
            groups,
            [((0, 0), vec![6]), ((5, 8), vec![3, 5]), ((5, 5), vec![1]), ((9, 9), vec![2, 4])]
        );
    }
}
