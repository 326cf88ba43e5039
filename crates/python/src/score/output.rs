//! The answers as Arrow's memory: a struct array.
//!
//! Most values are in no list, and their rows are written a block at a time. Assessments and providers become text once
//! for all values that are listed alike, and are copied from there. They are lists of strings and no dictionaries: Spark
//! takes none.

use super::values::{Codes, Used};
use crate::open::Opened;
use arrow_array::{ArrayRef, ListArray, StringArray, StructArray, UInt8Array, UInt32Array};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use pyo3::PyErr;
use pyo3::exceptions::PyRuntimeError;
use rapsheet_query::{ColumnAnswers, ListedValue, Listing};
use std::cell::OnceCell;
use std::sync::{Arc, LazyLock};

/// The answers have more text than an array holds.
pub(super) struct TooLarge;

/// The fields of an answer.
pub(super) fn fields() -> Fields {
    static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
        let list = |name: &str| Field::new(name, DataType::List(item()), true);
        Fields::from(vec![
            Field::new("status", DataType::UInt8, true),
            Field::new("detected_by", DataType::UInt32, true),
            list("assessments"),
            list("providers"),
            Field::new("matched", DataType::Utf8, true),
        ])
    });
    FIELDS.clone()
}

/// The type of the answers.
pub(super) fn data_type() -> DataType {
    DataType::Struct(fields())
}

/// Makes what is made once, while the interpreter's lock is held: a child that is forked without it could wait for ever.
pub(super) fn prepare() {
    drop(data_type());
}

/// What a list has.
fn item() -> Arc<Field> {
    static ITEM: LazyLock<Arc<Field>> = LazyLock::new(|| Arc::new(Field::new("item", DataType::Utf8, true)));
    Arc::clone(&ITEM)
}

/// A listing, and its words once they are asked for.
pub(super) struct Texts {
    listing: Listing,
    words: OnceCell<[Words; 2]>,
}

impl From<Listing> for Texts {
    fn from(listing: Listing) -> Texts {
        Texts { listing, words: OnceCell::new() }
    }
}

/// Words, one after another.
#[derive(Default)]
struct Words {
    text: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<i32>,
}

impl<'w> FromIterator<&'w str> for Words {
    fn from_iter<I: IntoIterator<Item = &'w str>>(words: I) -> Words {
        let mut all = Words::default();
        for word in words {
            all.text.extend_from_slice(word.as_bytes());
            // Fits: the words come from the snapshot's table of feeds, which has a few megabytes at most.
            all.ends.push(all.text.len() as i32);
        }
        all
    }
}

impl Texts {
    /// Assessments and providers.
    fn words(&self, opened: &Opened) -> &[Words; 2] {
        self.words.get_or_init(|| {
            let assessments = self.listing.assessments.iter().map(|assessment| assessment.word());
            let providers = self.listing.decided_by().map(|provider| opened.directory.provider(provider));
            [assessments.collect(), providers.collect()]
        })
    }
}

/// A column of texts.
#[derive(Default)]
struct Strings {
    text: Vec<u8>,
    offsets: Vec<i32>,
}

impl Strings {
    fn new(rows: usize) -> Strings {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Strings { text: Vec::new(), offsets }
    }

    /// Adds empty texts, until there are so many.
    fn pad(&mut self, rows: usize) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.resize(rows + 1, end);
    }

    fn push(&mut self, text: &[u8]) -> Result<(), TooLarge> {
        self.text.extend_from_slice(text);
        self.offsets.push(i32::try_from(self.text.len()).map_err(|_| TooLarge)?);
        Ok(())
    }

    fn finish(self, nulls: Option<NullBuffer>) -> Result<StringArray, ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        StringArray::try_new(offsets, Buffer::from_vec(self.text), nulls)
    }
}

/// A column of lists of texts.
struct Lists {
    offsets: Vec<i32>,
    items: Strings,
}

impl Lists {
    fn new(rows: usize) -> Lists {
        Lists { offsets: Strings::new(rows).offsets, items: Strings::new(0) }
    }

    /// Adds empty lists, until there are so many.
    fn pad(&mut self, rows: usize) {
        let end = self.offsets.last().copied().unwrap_or(0);
        self.offsets.resize(rows + 1, end);
    }

    fn push(&mut self, words: &Words) -> Result<(), TooLarge> {
        let start = i32::try_from(self.items.text.len()).map_err(|_| TooLarge)?;
        let end = self.items.text.len() + words.text.len();
        i32::try_from(end).map_err(|_| TooLarge)?;
        self.items.text.extend_from_slice(&words.text);
        self.items.offsets.extend(words.ends.iter().map(|end| start + end));
        self.offsets.push(i32::try_from(self.items.offsets.len() - 1).map_err(|_| TooLarge)?);
        Ok(())
    }

    fn finish(self, nulls: Option<NullBuffer>) -> Result<ListArray, ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        ListArray::try_new(item(), offsets, Arc::new(self.items.finish(None)?), nulls)
    }
}

/// The answers for a chunk.
pub(super) struct Output<'o> {
    opened: &'o Opened,
    status: Vec<u8>,
    detected_by: Vec<u32>,
    assessments: Lists,
    providers: Lists,
    matched: Strings,
    /// Which rows have a value, which of these are indicators, and which of these are listed.
    valued: BooleanBufferBuilder,
    answered: BooleanBufferBuilder,
    listed: BooleanBufferBuilder,
}

impl<'o> Output<'o> {
    /// For so many rows.
    pub(super) fn new(opened: &'o Opened, rows: usize) -> Result<Output<'o>, TooLarge> {
        // Offsets have 32 bits.
        i32::try_from(rows).map_err(|_| TooLarge)?;
        Ok(Output {
            opened,
            status: Vec::with_capacity(rows),
            detected_by: Vec::with_capacity(rows),
            assessments: Lists::new(rows),
            providers: Lists::new(rows),
            matched: Strings::new(rows),
            valued: BooleanBufferBuilder::new(rows),
            answered: BooleanBufferBuilder::new(rows),
            listed: BooleanBufferBuilder::new(rows),
        })
    }

    /// Adds `count` rows with these answers. Where `rows` is given, it has the row of each answer, and the others are
    /// null.
    pub(super) fn append(
        &mut self,
        count: usize,
        rows: Option<&[u32]>,
        answers: &ColumnAnswers<'_, Texts>,
    ) -> Result<(), TooLarge> {
        let start = self.status.len();
        let row_of = |at: usize| rows.map_or(at, |rows| rows.get(at).map_or(at, |row| *row as usize));
        self.listed.append_n(count, false);
        self.append_statuses(count, rows, answers);
        for listed in answers.listed() {
            self.push_listed(start + row_of(listed.at), &listed)?;
        }
        self.pad(start + count);
        Ok(())
    }

    fn append_statuses(&mut self, count: usize, rows: Option<&[u32]>, answers: &ColumnAnswers<'_, Texts>) {
        let start = self.status.len();
        let number = |status: &Result<_, _>| {
            status.as_ref().map_or(0, |status: &rapsheet_query::Status| status.number())
        };
        self.detected_by.resize(start + count, 0);
        let Some(rows) = rows else {
            self.status.extend(answers.statuses.iter().map(number));
            self.valued.append_n(count, true);
            self.answered.append_n(count, true);
            for at in (0..).zip(answers.statuses).filter_map(|(at, status)| status.is_err().then_some(at)) {
                self.answered.set_bit(start + at, false);
            }
            return;
        };
        self.status.resize(start + count, 0);
        self.valued.append_n(count, false);
        self.answered.append_n(count, false);
        for (row, status) in rows.iter().zip(answers.statuses) {
            let row = start + *row as usize;
            self.valued.set_bit(row, true);
            self.answered.set_bit(row, status.is_ok());
            self.status.get_mut(row).into_iter().for_each(|place| *place = number(status));
        }
    }

    /// Adds what a listed value has beside its status. Rows come in their order.
    fn push_listed(&mut self, row: usize, listed: &ListedValue<'_, Texts>) -> Result<(), TooLarge> {
        let [assessments, providers] = listed.listing.words(self.opened);
        // Fits: feeds are numbered in 16 bits.
        let detected_by = listed.listing.listing.detected_by as u32;
        self.detected_by.get_mut(row).into_iter().for_each(|place| *place = detected_by);
        self.listed.set_bit(row, true);
        self.pad(row);
        self.assessments.push(assessments)?;
        self.providers.push(providers)?;
        self.matched.push(listed.matched.as_bytes())
    }

    /// Adds nothing to the rows before this one that have nothing yet.
    fn pad(&mut self, rows: usize) {
        self.assessments.pad(rows);
        self.providers.pad(rows);
        self.matched.pad(rows);
    }

    /// Adds the rows of a column with a dictionary, given the answers for those values of it that are used.
    pub(super) fn append_coded(
        &mut self,
        codes: &Codes<'_>,
        used: &Used,
        answers: &ColumnAnswers<'_, Texts>,
    ) -> Result<(), TooLarge> {
        let listed: Vec<ListedValue<'_, Texts>> = answers.listed().collect();
        let mut listed_at = vec![u32::MAX; answers.statuses.len()];
        for (nth, listed) in (0..).zip(&listed) {
            listed_at.get_mut(listed.at).into_iter().for_each(|place| *place = nth);
        }
        self.listed.append_n(codes.len(), false);
        self.detected_by.resize(codes.len(), 0);
        for row in 0..codes.len() {
            let position = codes.code(row).and_then(|code| used.position(code)).map(|at| at as usize);
            let status = position.and_then(|at| answers.statuses.get(at).copied());
            self.valued.append(status.is_some());
            self.answered.append(status.is_some_and(|status| status.is_ok()));
            self.status.push(status.and_then(Result::ok).map_or(0, |status| status.number()));
            let nth = position.and_then(|at| listed_at.get(at));
            if let Some(listed) = nth.and_then(|nth| listed.get(*nth as usize)) {
                self.push_listed(row, listed)?;
            }
        }
        self.pad(codes.len());
        Ok(())
    }

    /// The array.
    pub(super) fn finish(self) -> Result<StructArray, PyErr> {
        self.arrays().map_err(|error| PyRuntimeError::new_err(format!("answers that Arrow refuses: {error}")))
    }

    fn arrays(mut self) -> Result<StructArray, ArrowError> {
        let nulls = |bits: &mut BooleanBufferBuilder| {
            Some(NullBuffer::new(bits.finish())).filter(|nulls| nulls.null_count() > 0)
        };
        let (valued, listed) = (nulls(&mut self.valued), nulls(&mut self.listed));
        let answered = nulls(&mut self.answered);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt8Array::try_new(ScalarBuffer::from(self.status), answered.clone())?),
            Arc::new(UInt32Array::try_new(ScalarBuffer::from(self.detected_by), answered.clone())?),
            Arc::new(self.assessments.finish(answered.clone())?),
            Arc::new(self.providers.finish(answered)?),
            Arc::new(self.matched.finish(listed)?),
        ];
        StructArray::try_new(fields(), columns, valued)
    }
}
