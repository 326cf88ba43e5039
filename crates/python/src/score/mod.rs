//! `Snapshot.score`: a column of texts in, a column of answers out.
//!
//! Values are answered in blocks, each straight from Arrow's memory, without the interpreter's lock. Beside input and
//! output, a call holds one block, and for a dictionary the answers for its values.

mod output;
mod values;

use crate::arrow::{self, Column};
use crate::instant::Instants;
use crate::open::Opened;
use arrow_array::{Array, StructArray};
use arrow_data::ArrayData;
use arrow_schema::DataType;
use output::{Output, Texts, TooLarge};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use rapsheet_query::{ColumnSearcher, Searcher, Time};
use std::sync::Arc;
use values::{Block, Codes, Values};

/// How many values are answered at a time.
const BLOCK_LEN: usize = 4096;
/// How many blocks are answered between two looks for signals.
const BLOCKS_MAX: usize = 64;

/// The answers for an array.
///
/// An object with Arrow data: ``pyarrow.array(scores)``, ``polars.Series(scores)``.
#[pyclass(frozen, module = "rapsheet")]
pub(crate) struct Scores {
    array: StructArray,
}

#[pymethods]
impl Scores {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        let _ = requested_schema;
        arrow::array_capsules(py, &self.array)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema_capsule(py, self.array.data_type())
    }

    fn __len__(&self) -> usize {
        self.array.len()
    }

    fn __repr__(&self) -> String {
        format!("<rapsheet.Scores: {} values>", self.array.len())
    }
}

/// The answers for a column that came in chunks; they have the same chunks.
///
/// An object with Arrow data: ``pyarrow.chunked_array(scores)``, ``polars.Series(scores)``.
#[pyclass(frozen, module = "rapsheet")]
pub(crate) struct ChunkedScores {
    chunks: Vec<StructArray>,
}

#[pymethods]
impl ChunkedScores {
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        arrow::stream_capsule(py, &output::data_type(), &self.chunks)
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        arrow::schema_capsule(py, &output::data_type())
    }

    fn __len__(&self) -> usize {
        self.chunks.iter().map(Array::len).sum()
    }

    fn __repr__(&self) -> String {
        format!("<rapsheet.ChunkedScores: {} values in {} chunks>", self.__len__(), self.chunks.len())
    }
}

/// Refuses a column of another type.
pub(crate) fn check_type(data_type: &DataType) -> PyResult<()> {
    let (mut inner, mut is_dictionary) = (data_type, false);
    if let DataType::Dictionary(_, values) = data_type {
        (inner, is_dictionary) = (values, true);
    }
    match inner {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(()),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null => Ok(()),
        DataType::Struct(_) if !is_dictionary => Err(PyTypeError::new_err(
            "expected a column of texts, found several columns; pass one of them, such as table[\"name\"]",
        )),
        _ => Err(PyTypeError::new_err(format!(
            "expected a column of texts, found {data_type}; cast it to string"
        ))),
    }
}

/// Answers a column.
pub(crate) fn score<'py>(
    py: Python<'py>,
    opened: &Arc<Opened>,
    column: Column,
    instants: &Instants,
) -> PyResult<Bound<'py, PyAny>> {
    instants.check_len(column.chunks.iter().map(ArrayData::len).sum())?;
    let searcher = opened.searcher(py, instants.base());
    output::prepare();
    let mut chunks = py.detach(|| answer(opened, &searcher, &column.chunks, instants))?;
    if column.is_chunked {
        return Ok(Bound::new(py, ChunkedScores { chunks })?.into_any());
    }
    let array = chunks.pop().unwrap_or_else(|| StructArray::new_null(output::fields(), 0));
    Ok(Bound::new(py, Scores { array })?.into_any())
}

fn answer(
    opened: &Opened,
    searcher: &Searcher<'_>,
    chunks: &[ArrayData],
    instants: &Instants,
) -> PyResult<Vec<StructArray>> {
    let mut column = ColumnSearcher::with_listings(searcher);
    let mut each = instants.iter();
    let mut answered = Vec::with_capacity(chunks.len());
    for chunk in chunks {
        let mut scoring =
            Scoring { column: &mut column, output: Output::new(opened, chunk.len())?, blocks: 0 };
        match (&mut each, Values::of(chunk)) {
            (None, Values::Codes(codes)) => scoring.dictionary(&codes)?,
            (None, values) => scoring.plain(chunk.len(), &values, None)?,
            (Some(each), values) => scoring.plain(chunk.len(), &values, Some(each))?,
        }
        answered.push(scoring.output.finish()?);
    }
    Ok(answered)
}

/// The answering of one chunk.
struct Scoring<'c, 's> {
    column: &'c mut ColumnSearcher<'s, Texts>,
    output: Output<'c>,
    blocks: usize,
}

impl Scoring<'_, '_> {
    /// Answers value by value.
    fn plain(
        &mut self,
        len: usize,
        values: &Values<'_>,
        mut each: Option<&mut dyn Iterator<Item = Time>>,
    ) -> PyResult<()> {
        let (mut block, mut instants) = (Block::default(), Vec::new());
        let mut start = 0;
        while start < len {
            let count = values.read(start..len.min(start + BLOCK_LEN), &mut block);
            start += count;
            let text = values.text(&block);
            let answers = match &mut each {
                None => self.column.answer(text, &block.ranges),
                Some(each) => {
                    instants.clear();
                    instants.extend(each.by_ref().take(count));
                    block.keep_answered(&mut instants);
                    self.column.answer_at(text, &block.ranges, &instants)
                }
            };
            self.output.append(count, block.rows(), &answers)?;
            self.look_for_signals()?;
        }
        Ok(())
    }

    /// Answers each value of a dictionary that the column has, once.
    fn dictionary(&mut self, codes: &Codes<'_>) -> PyResult<()> {
        let values = codes.used();
        let mut block = Block::default();
        let mut rest = values.codes.as_slice();
        let mut answers = self.column.answer(&[], &[]);
        while !rest.is_empty() {
            let count = codes.read(rest, &mut block);
            rest = rest.get(count..).unwrap_or(&[]);
            answers = self.column.answer_more(codes.text(&block), &block.ranges);
        }
        self.output.append_coded(codes, &values, &answers)?;
        Ok(())
    }

    /// Lets Ctrl-C end a long call.
    fn look_for_signals(&mut self) -> PyResult<()> {
        self.blocks += 1;
        if self.blocks.is_multiple_of(BLOCKS_MAX) {
            return Python::attach(|py| py.check_signals());
        }
        Ok(())
    }
}

impl From<TooLarge> for PyErr {
    fn from(_: TooLarge) -> PyErr {
        PyOverflowError::new_err(
            "the answers have more than 2 GiB of text, which no Arrow array of this type holds; pass the column in chunks",
        )
    }
}
