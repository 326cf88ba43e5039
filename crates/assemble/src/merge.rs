//! Merging sorted rows, and grouping those of equal keys.
//!
//! Rows with the same key come together, whichever feed, file or thread they come from, and whether they are in
//! columns or in runs. Cursors are kept in the order of their keys, the least last: a cursor that moves on is
//! inserted again by binary search, so that a row costs few comparisons among many cursors, and none with one.

use crate::columns::{RangeRow, TextColumn};
use crate::flatten::AddressNumber;
use crate::run::{RangeRunReader, Run, TextRunReader};
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

fn insert<C: Cursor>(ahead: &mut Vec<Box<C>>, cursor: Box<C>) {
    let at = ahead.partition_point(|other| other.order(&cursor) == Ordering::Greater);
    ahead.insert(at, cursor);
}

/// A position in names or URLs.
pub(crate) enum TextCursor<'r> {
    /// In a sorted column: the next row, the current key and its tag.
    Column(&'r TextColumn, usize, &'r [u8], u32),
    /// In a run.
    Run(TextRunReader<'r>),
}

impl<'r> TextCursor<'r> {
    /// Before the first row of a column.
    pub(crate) fn column(column: &'r TextColumn) -> TextCursor<'r> {
        TextCursor::Column(column, 0, &[], 0)
    }

    /// Before the first row of a run.
    pub(crate) fn run(run: &'r Run, scratch: &'r Scratch) -> TextCursor<'r> {
        TextCursor::Run(TextRunReader::new(run, scratch))
    }

    #[inline]
    fn key(&self) -> &[u8] {
        match self {
            TextCursor::Column(_, _, key, _) => key,
            TextCursor::Run(rows) => &rows.key,
        }
    }
}

impl Cursor for TextCursor<'_> {
    type Key = Vec<u8>;

    #[inline]
    fn advance(&mut self) -> bool {
        match self {
            TextCursor::Column(column, next, key, tag) => {
                let Some(row) = column.row_at(*next) else { return false };
                *next += 1;
                (*key, *tag) = row;
                true
            }
            TextCursor::Run(rows) => rows.advance(),
        }
    }

    #[inline]
    fn tag(&self) -> u32 {
        match self {
            TextCursor::Column(.., tag) => *tag,
            TextCursor::Run(rows) => rows.tag,
        }
    }

    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }

    #[inline]
    fn is_at(&self, key: &Vec<u8>) -> bool {
        self.key() == key.as_slice()
    }

    #[inline]
    fn copy_key(&self, key: &mut Vec<u8>) {
        key.clear();
        key.extend_from_slice(self.key());
    }
}

/// A position in addresses of one family.
pub(crate) enum RangeCursor<'r, N> {
    /// In a sorted column: the current row and those after it.
    Column(RangeRow<N>, &'r [RangeRow<N>]),
    /// In a run.
    Run(RangeRunReader<'r, N>),
}

impl<'r, N: AddressNumber> RangeCursor<'r, N> {
    /// Before the first of sorted rows.
    pub(crate) fn column(rows: &'r [RangeRow<N>]) -> RangeCursor<'r, N> {
        let none = RangeRow { first: N::from_low_bits(0), last: N::from_low_bits(0), tag: 0 };
        RangeCursor::Column(none, rows)
    }

    /// Before the first row of a run.
    pub(crate) fn run(run: &'r Run, scratch: &'r Scratch) -> RangeCursor<'r, N> {
        RangeCursor::Run(RangeRunReader::new(run, scratch))
    }

    #[inline]
    fn ends(&self) -> (N, N) {
        match self {
            RangeCursor::Column(row, _) => (row.first, row.last),
            RangeCursor::Run(rows) => rows.ends,
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
            RangeCursor::Run(rows) => rows.advance(),
        }
    }

    #[inline]
    fn tag(&self) -> u32 {
        match self {
            RangeCursor::Column(row, _) => row.tag,
            RangeCursor::Run(rows) => rows.tag,
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
            sources in proptest::collection::vec(proptest::collection::vec(("[a-c.]{0,15}", 0u32..9), 0..40), 0..6),
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
                    found.push((key.clone(), tags.clone()));
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
