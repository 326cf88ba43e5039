//! Columns of rows of a few numbers, written from the first to the last and then read in any order.
//!
//! What is made of millions of entries is kept in such columns while a file is made: in memory, or, where that is
//! scarce, in files without names, which are mapped once they are written. Either is the same to those who read.
//!
//! A file that cannot be written is an error of the [`ColumnStore`]; its column is empty then, so that loops over rows
//! need no result of their own.

use crate::error::Error;
use crate::map::Map;
use crate::scratch_file::ScratchFile;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// A row in a fixed number of bytes.
pub trait ColumnRow: Copy {
    /// The bytes of a row.
    type Bytes: Copy + std::fmt::Debug + Send + Sync;

    /// The bytes of this row.
    fn to_bytes(self) -> Self::Bytes;
    /// The row of these bytes.
    fn of_bytes(bytes: Self::Bytes) -> Self;
    /// The bytes of all rows.
    fn flat(rows: &[Self::Bytes]) -> &[u8];
    /// The inverse of [`ColumnRow::flat`].
    fn rows(bytes: &[u8]) -> &[Self::Bytes];
}

/// Makes a type a [`ColumnRow`]: how many numbers of 32 bits it has, and the conversions from and to these.
#[macro_export]
#[doc(hidden)]
macro_rules! column_row {
    ($row:ty, $words:literal, |$from:ident| $to_words:expr, |$words_of:pat_param| $of_words:expr) => {
        impl $crate::ColumnRow for $row {
            type Bytes = [[u8; 4]; $words];

            #[inline]
            fn to_bytes(self) -> Self::Bytes {
                let $from = self;
                let words: [u32; $words] = $to_words;
                words.map(u32::to_le_bytes)
            }

            #[inline]
            fn of_bytes(bytes: Self::Bytes) -> Self {
                let $words_of = bytes.map(u32::from_le_bytes);
                $of_words
            }

            fn flat(rows: &[Self::Bytes]) -> &[u8] {
                rows.as_flattened().as_flattened()
            }

            fn rows(bytes: &[u8]) -> &[Self::Bytes] {
                bytes.as_chunks().0.as_chunks().0
            }
        }
    };
}

column_row!(u32, 1, |number| [number], |[number]| number);
column_row!(u64, 2, |number| [number as u32, (number >> 32) as u32], |[low, high]| pair(low, high));
column_row!((u64, u32), 3, |row| [row.0 as u32, (row.0 >> 32) as u32, row.1], |[low, high, number]| (
    pair(low, high),
    number
));
column_row!((u32, u32), 2, |pair| [pair.0, pair.1], |[first, second]| (first, second));

/// A number of 64 bits of its halves.
#[inline]
fn pair(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// Where columns are: in memory, or in files without names.
#[derive(Debug, Default)]
pub struct ColumnStore {
    /// Files are made beside this one.
    target: Option<PathBuf>,
    error: Mutex<Option<Error>>,
}

impl ColumnStore {
    /// In memory.
    pub fn memory() -> ColumnStore {
        ColumnStore::default()
    }

    /// In files beside `target`.
    pub fn files(target: impl Into<PathBuf>) -> ColumnStore {
        ColumnStore { target: Some(target.into()), error: Mutex::default() }
    }

    /// Whether columns are in memory.
    pub fn is_memory(&self) -> bool {
        self.target.is_none()
    }

    /// The first error of writing or reading a file, if there was one.
    pub fn check(&self) -> Result<(), Error> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    fn fail(&self, error: Error) {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// How many bytes of a column that goes to a file are in memory before it is mapped.
const BUFFER: usize = 64 << 10;

/// Writes a column.
///
/// ```
/// use rapsheet_snapshot::{ColumnStore, ColumnWriter};
///
/// # let folder = tempfile::tempdir()?;
/// for store in [ColumnStore::memory(), ColumnStore::files(folder.path().join("x.rap"))] {
///     let mut writer = ColumnWriter::new(&store);
///     (0..100_000u32).for_each(|number| writer.push(number));
///     let column = writer.finish();
///     store.check()?;
///     assert_eq!((column.len(), column.get(7), column.get(100_000)), (100_000, Some(7), None));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ColumnWriter<'s, T: ColumnRow> {
    /// `None` is memory.
    store: Option<&'s ColumnStore>,
    rows: Vec<T::Bytes>,
    /// At how many rows they are written to the file.
    full: usize,
    file: Option<ScratchFile>,
    written: u64,
    len: usize,
}

/// In memory.
impl<T: ColumnRow> Default for ColumnWriter<'_, T> {
    fn default() -> Self {
        ColumnWriter { store: None, rows: Vec::new(), full: usize::MAX, file: None, written: 0, len: 0 }
    }
}

impl<'s, T: ColumnRow> ColumnWriter<'s, T> {
    /// Without rows.
    pub fn new(store: &'s ColumnStore) -> ColumnWriter<'s, T> {
        let full = if store.target.is_some() { BUFFER / size_of::<T::Bytes>() } else { usize::MAX };
        ColumnWriter { store: Some(store), full, ..ColumnWriter::default() }
    }

    /// Makes room for so many rows, if they are in memory: a vector that doubles would take up to twice as much.
    pub fn reserve_exact(&mut self, rows: usize) {
        self.rows.reserve_exact(rows.min(self.full));
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, row: T) {
        if self.rows.len() >= self.full {
            self.write();
        }
        self.rows.push(row.to_bytes());
        self.len += 1;
    }

    /// Writes the rows that are in memory to the file.
    fn write(&mut self) {
        let Some((store, target)) = self.store.and_then(|store| Some((store, store.target.as_ref()?))) else {
            return;
        };
        let bytes = T::flat(&self.rows);
        let written = match &mut self.file {
            Some(file) => file.write_at(self.written, bytes),
            None => {
                let created = ScratchFile::create_near(target);
                created.and_then(|new| self.file.insert(new).write_at(self.written, bytes))
            }
        };
        self.written += bytes.len() as u64;
        self.rows.clear();
        written.err().into_iter().for_each(|error| store.fail(error));
    }

    /// The column.
    pub fn finish(mut self) -> Column<T> {
        if self.file.is_some() {
            self.write();
        }
        self.rows.shrink_to_fit();
        let (Some(file), Some(store)) = (&self.file, self.store) else {
            // Of rows that could not be written, none is read.
            let rows = if self.written > 0 { Vec::new() } else { self.rows };
            return Column { data: Data::Memory(rows) };
        };
        match file.map() {
            Ok(map) => Column { data: Data::File(map) },
            Err(error) => {
                store.fail(error);
                Column::default()
            }
        }
    }
}

/// Rows, in the order in which they were written.
#[derive(Debug)]
pub struct Column<T: ColumnRow> {
    data: Data<T::Bytes>,
}

#[derive(Debug)]
enum Data<B> {
    Memory(Vec<B>),
    File(Map),
}

impl<T: ColumnRow> Default for Column<T> {
    fn default() -> Self {
        Column { data: Data::Memory(Vec::new()) }
    }
}

/// The bytes of all rows.
impl<T: ColumnRow> AsRef<[u8]> for Column<T> {
    fn as_ref(&self) -> &[u8] {
        T::flat(self.rows())
    }
}

/// In memory.
impl<T: ColumnRow> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(rows: I) -> Self {
        Column { data: Data::Memory(rows.into_iter().map(T::to_bytes).collect()) }
    }
}

impl<T: ColumnRow> Column<T> {
    #[inline]
    fn rows(&self) -> &[T::Bytes] {
        match &self.data {
            Data::Memory(rows) => rows,
            Data::File(map) => T::rows(map),
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows().is_empty()
    }

    /// The row at `at`.
    #[inline]
    pub fn get(&self, at: usize) -> Option<T> {
        self.rows().get(at).map(|bytes| T::of_bytes(*bytes))
    }

    /// The rows from `start` up to `end`; none if there are fewer.
    #[inline]
    pub fn range(&self, start: usize, end: usize) -> impl ExactSizeIterator<Item = T> + Clone + '_ {
        self.rows().get(start..end).unwrap_or(&[]).iter().map(|bytes| T::of_bytes(*bytes))
    }

    /// All rows.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone + '_ {
        self.rows().iter().map(|bytes| T::of_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_cannot_be_written_is_an_error_and_empty() {
        let store = ColumnStore::files("/nowhere/at/all/x.rap");
        let mut writer = ColumnWriter::<(u32, u32)>::new(&store);
        (0..50_000).for_each(|number| writer.push((number, 1)));
        assert!(writer.finish().is_empty());
        let error = store.check().expect_err("no such folder").to_string();
        assert!(error.contains("/nowhere/at/all/"), "{error}");
    }

    #[test]
    fn files_have_no_names_and_short_columns_no_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = ColumnStore::files(folder.path().join("x.rap"));
        let columns = [10u32, 16_384, 16_385, 70_000].map(|count| {
            let mut writer = ColumnWriter::<(u32, u32)>::new(&store);
            (0..count).for_each(|number| writer.push((number, number * 7)));
            (writer.file.is_some(), count, writer.finish())
        });
        store.check().expect("room");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        for (is_file, count, column) in &columns {
            assert_eq!(*is_file, *count > 8192, "{count}");
            assert!(column.iter().eq((0..*count).map(|number| (number, number * 7))), "{count}");
            assert_eq!(column.range(3, 5).collect::<Vec<_>>(), [(3, 21), (4, 28)]);
            assert_eq!(column.range(3, *count as usize + 1).len(), 0);
        }
    }
}
