//! Reads rows, a page of each column at a time.
//!
//! Nothing that a file states is believed: lengths are compared with what is there, nothing is reserved for
//! counts, what pages unpack to is limited for each, for those in memory, and for all. A list in one row has
//! a limit, because an entry without a value takes no byte.

mod bits;
mod page;
mod schema;
mod thrift;

use page::{Codec, Dictionary, Page, Unpacked};
use schema::Leaf;
use std::borrow::Cow;
use std::fmt;
use thrift::Fields;

/// What a file begins and ends with.
const MAGIC: &[u8] = b"PAR1";

/// The largest footer.
const FOOTER_MAX: usize = 16 << 20;

/// What the pages of all columns may take unpacked, at a time and together.
const LIVE_MAX: usize = 256 << 20;
const TOTAL_MAX: usize = 2 << 30;

/// The longest list in one row.
const LIST_MAX: usize = 10_000;

/// Why a file cannot be read: what is wrong, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError(String);

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ReadError {}

fn broken(why: impl Into<String>) -> ReadError {
    ReadError(why.into())
}

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// True or false.
    Truth(bool),
    /// A whole number.
    Number(i128),
    /// A number.
    Float(f64),
    /// A time, in seconds since 1970.
    Time(i64),
    /// A text; where it is no UTF-8, with marks in place of its bytes.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    fn of_text(bytes: &[u8]) -> Value<'_> {
        Value::Text(String::from_utf8_lossy(bytes))
    }
}

/// The values of one column in one row group.
struct Chunk {
    /// Where the rest of it is in the file.
    at: usize,
    end: usize,
    codec: Codec,
    dictionary: Option<Dictionary>,
    page: Option<Page>,
    /// The repetition of the next entry, if it was read.
    repetition: Option<u32>,
}

struct RowGroup {
    rows: u64,
    chunks: Vec<Chunk>,
}

/// A file, and how far it was read.
pub struct Reader {
    file: Vec<u8>,
    leaves: Vec<Leaf>,
    /// The row groups that are left, the next one last.
    groups: Vec<RowGroup>,
    /// How much was unpacked so far.
    unpacked: usize,
}

impl Reader {
    /// Reads the footer of a file.
    ///
    /// # Errors
    /// It is not Parquet, is damaged, or needs what this reader lacks.
    pub fn new(file: Vec<u8>) -> Result<Reader, ReadError> {
        let footer = footer(&file)?;
        let (metadata, _) = thrift::read(footer).ok_or_else(|| broken("its footer cannot be read"))?;
        let elements = metadata.structs(2).ok_or_else(|| broken("it has no schema"))?;
        let leaves = schema::columns(&elements)?;
        let groups = metadata.structs(4).unwrap_or_default();
        let groups = groups.into_iter().rev().map(|group| row_group(group, &leaves, file.len()));
        let groups = groups.collect::<Result<Vec<RowGroup>, ReadError>>()?;
        Ok(Reader { groups, leaves, unpacked: 0, file })
    }

    /// The names of the columns: those of groups with a dot between them, that of a list alone.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.leaves.iter().map(|leaf| leaf.name.as_str())
    }

    /// Reads the next row: calls `visit` with the number of a column, and each of its values. Returns whether
    /// there was a row.
    ///
    /// # Errors
    /// The file is damaged, or needs what this reader lacks.
    pub fn row(&mut self, visit: &mut dyn FnMut(usize, Value<'_>)) -> Result<bool, ReadError> {
        while self.groups.last().is_some_and(|group| group.rows == 0) {
            self.groups.pop();
        }
        let Some(group) = self.groups.last_mut() else { return Ok(false) };
        group.rows -= 1;
        let mut live: usize = group.chunks.iter().map(Chunk::live).sum();
        for (number, (leaf, chunk)) in self.leaves.iter().zip(&mut group.chunks).enumerate() {
            let before = chunk.live();
            self.unpacked = chunk.row(&self.file, leaf, self.unpacked, &mut |value| visit(number, value))?;
            live = (live + chunk.live()).saturating_sub(before);
            if live > LIVE_MAX || self.unpacked > TOTAL_MAX {
                let limits = format!("{LIVE_MAX} bytes at a time, {TOTAL_MAX} in all");
                return Err(broken(format!("its pages unpack to more than {limits}")));
            }
        }
        Ok(true)
    }
}

/// The bytes of the footer.
fn footer(file: &[u8]) -> Result<&[u8], ReadError> {
    let (rest, magic) = file.split_last_chunk::<4>().ok_or_else(|| broken("it is too short for Parquet"))?;
    if magic != MAGIC || !file.starts_with(MAGIC) {
        let expected = "expected PAR1 at its beginning and end";
        return Err(broken(format!("it is no Parquet, is encrypted, or is cut off: {expected}")));
    }
    let (rest, length) = rest.split_last_chunk::<4>().ok_or_else(|| broken("it is too short for Parquet"))?;
    let length = u32::from_le_bytes(*length) as usize;
    let begin = rest.len().checked_sub(length).filter(|_| length <= FOOTER_MAX);
    begin.and_then(|begin| rest.get(begin..)).ok_or_else(|| broken(format!("its footer has {length} bytes")))
}

fn row_group(group: &Fields<'_>, leaves: &[Leaf], file_len: usize) -> Result<RowGroup, ReadError> {
    let rows = group.number(3).and_then(|rows| u64::try_from(rows).ok());
    let chunks = group.structs(1).unwrap_or_default();
    let (Some(rows), true) = (rows, chunks.len() == leaves.len()) else {
        return Err(broken("a row group does not fit the schema"));
    };
    let chunks = chunks.into_iter().map(|chunk| Chunk::new(chunk, file_len));
    Ok(RowGroup { rows, chunks: chunks.collect::<Result<_, _>>()? })
}

impl Chunk {
    fn new(chunk: &Fields<'_>, file_len: usize) -> Result<Chunk, ReadError> {
        if chunk.has(1) {
            return Err(broken("its columns are in other files, which are not read"));
        }
        let about = chunk.fields(3).ok_or_else(|| broken("a column is encrypted, or is not described"))?;
        // A dictionary stands before the data.
        let starts = [about.size(9), about.size(11).filter(|at| *at > 0)];
        let at = starts.into_iter().flatten().min();
        let end = at.and_then(|at| at.checked_add(about.size(7)?)).filter(|end| *end <= file_len);
        let (Some(at), Some(end)) = (at, end) else {
            return Err(broken("a column reaches beyond the file"));
        };
        let codec = Codec::of(about.number(4))?;
        Ok(Chunk { at, end, codec, dictionary: None, page: None, repetition: None })
    }

    /// How much memory its pages take.
    fn live(&self) -> usize {
        self.dictionary.as_ref().map_or(0, Dictionary::size) + self.page.as_ref().map_or(0, Page::size)
    }

    /// Reads the values of the next row. `unpacked` bytes were unpacked before; returns how many are now.
    fn row(
        &mut self,
        file: &[u8],
        leaf: &Leaf,
        mut unpacked: usize,
        visit: &mut dyn FnMut(Value<'_>),
    ) -> Result<usize, ReadError> {
        for entry in 0..LIST_MAX {
            // Whether a list goes on says the entry behind it, perhaps in the next page.
            if self.repetition.is_none() && !self.advance(file, leaf, &mut unpacked)? {
                return if entry > 0 {
                    Ok(unpacked)
                } else {
                    Err(broken("a column ends before its rows do"))
                };
            }
            if entry > 0 && self.repetition == Some(0) {
                return Ok(unpacked);
            }
            self.repetition = None;
            let page = self.page.as_mut().ok_or_else(|| broken("a page is missing"))?;
            let bytes = page.value(leaf, self.dictionary.as_ref());
            let bytes = bytes.ok_or_else(|| broken("the values of a page are cut off"))?;
            if let Some(bytes) = bytes {
                visit(leaf.value(bytes));
            }
            if leaf.repetition_max == 0 {
                return Ok(unpacked);
            }
        }
        Err(broken(format!("a list has more than {LIST_MAX} values in one row")))
    }

    /// Reads the repetition of the next entry. Returns whether there is one.
    fn advance(&mut self, file: &[u8], leaf: &Leaf, unpacked: &mut usize) -> Result<bool, ReadError> {
        while !self.page.as_ref().is_some_and(Page::has_entries) {
            let Some(rest) = file.get(self.at..self.end).filter(|rest| !rest.is_empty()) else {
                return Ok(false);
            };
            let (raw, length) = page::next(rest)?;
            self.at += length;
            *unpacked = unpacked.saturating_add(raw.size());
            if *unpacked > TOTAL_MAX {
                return Err(broken(format!("its pages unpack to more than {TOTAL_MAX} bytes")));
            }
            match raw.unpack(self.codec, leaf)? {
                Unpacked::Dictionary(dictionary) => self.dictionary = Some(dictionary),
                Unpacked::Page(page) => self.page = Some(page),
                Unpacked::Other => {}
            }
        }
        let repetition = self.page.as_mut().and_then(Page::repetition);
        self.repetition = Some(repetition.ok_or_else(|| broken("the levels of a page are cut off"))?);
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
