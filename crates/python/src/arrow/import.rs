//! Takes arrays and streams of arrays out of capsules.
//!
//! The interface hands over pointers, so an object that makes capsules is trusted as a native library is: that its buffers
//! are as long as its numbers say. The numbers themselves are checked in `raw`, and readers check every offset.

#![allow(unsafe_code)]

use super::raw::{self, array_data};
use crate::errors::{type_name, wrong_type};
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_data::ArrayData;
use arrow_schema::DataType;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::CStr;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// What an object has of a column.
pub(crate) struct Column {
    pub(crate) chunks: Vec<ArrayData>,
    /// Whether it came as a stream, which may have any number of chunks.
    pub(crate) is_chunked: bool,
}

/// Whether an object has Arrow data, or is a column of pandas, which is converted.
pub(crate) fn is_column(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(is_arrow(object)? || is_of_pandas(object)?)
}

fn is_arrow(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.hasattr("__arrow_c_array__")? || object.hasattr("__arrow_c_stream__")?)
}

/// Whether it is a series, an index or an array of pandas; its single values have no `dtype`.
fn is_of_pandas(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    let module = object.get_type().module()?;
    let is_pandas = module.to_str().is_ok_and(|module| module.split('.').next() == Some("pandas"));
    Ok(is_pandas && object.hasattr("dtype")? && object.hasattr("__len__")?)
}

/// Takes the column of an object, if `check` accepts its type.
pub(crate) fn import(
    object: &Bound<'_, PyAny>,
    check: impl Fn(&DataType) -> PyResult<()>,
) -> PyResult<Column> {
    if object.hasattr("__arrow_c_array__")? {
        return import_array(object, check);
    }
    if object.hasattr("__arrow_c_stream__")? {
        return import_stream(object, check);
    }
    if is_of_pandas(object)? {
        let converted = converted(object)?;
        if is_arrow(&converted)? {
            return import(&converted, check);
        }
    }
    Err(wrong_type(
        "a column with Arrow data",
        object,
        "pass a pyarrow, Polars or pandas column, or pyarrow.array(values); a list is for lookup_many",
    ))
}

/// A column of pandas as one of pyarrow. pandas before 3 hands over no Arrow data by itself.
fn converted<'py>(column: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let pyarrow = column.py().import("pyarrow").map_err(|_| {
        wrong_type("a column with Arrow data", column, "install pyarrow, which converts columns of pandas")
    })?;
    pyarrow.call_method1("array", (column,))
}

fn import_array(object: &Bound<'_, PyAny>, check: impl Fn(&DataType) -> PyResult<()>) -> PyResult<Column> {
    let pair = object.call_method0("__arrow_c_array__")?;
    let pair = pair.cast::<PyTuple>().map_err(|_| not_by_the_interface(object))?;
    if pair.len() != 2 {
        return Err(not_by_the_interface(object));
    }
    let (schema, array) = (pair.get_item(0)?, pair.get_item(1)?);
    let schema = pointer::<FFI_ArrowSchema>(object, &schema, SCHEMA)?;
    // SAFETY: a capsule of this name points at a schema, which lives as long as the capsule; `pair` holds it.
    let data_type = data_type(unsafe { &*schema })?;
    check(&data_type)?;
    let array = pointer::<FFI_ArrowArray>(object, &array, ARRAY)?;
    // SAFETY: a capsule of this name points at an array, which is moved out of it, as the interface wants: the capsule
    // releases no array that was moved.
    let array = unsafe { FFI_ArrowArray::from_raw(array) };
    if array.is_released() {
        return Err(PyValueError::new_err("the array of this capsule was taken before; make another"));
    }
    // SAFETY: the object says that array and schema belong together, and that both are as Arrow defines them.
    let data = unsafe { array_data(array, &data_type) }.map_err(|error| unreadable(&error))?;
    Ok(Column { chunks: vec![data], is_chunked: false })
}

fn import_stream(object: &Bound<'_, PyAny>, check: impl Fn(&DataType) -> PyResult<()>) -> PyResult<Column> {
    let capsule = object.call_method0("__arrow_c_stream__")?;
    let stream = pointer::<FFI_ArrowArrayStream>(object, &capsule, STREAM)?;
    // SAFETY: a capsule of this name points at a stream, which is moved out of it.
    let mut stream = unsafe { FFI_ArrowArrayStream::from_raw(stream) };
    let data_type = stream_type(&mut stream)?;
    check(&data_type)?;
    let mut chunks = Vec::new();
    while let Some(array) = next_chunk(&mut stream)? {
        // SAFETY: the arrays of a stream are of its schema, and as Arrow defines them.
        chunks.push(unsafe { array_data(array, &data_type) }.map_err(|error| unreadable(&error))?);
    }
    Ok(Column { chunks, is_chunked: true })
}

/// The type of a stream's arrays, before any of them is made.
fn stream_type(stream: &mut FFI_ArrowArrayStream) -> PyResult<DataType> {
    let mut schema = FFI_ArrowSchema::empty();
    let (Some(get_schema), Some(_)) = (stream.get_schema(), stream.release()) else {
        return Err(PyValueError::new_err("the stream of this capsule was taken before; make another"));
    };
    // SAFETY: the stream is not released, so that its callback may be called with it and with room for a schema.
    match unsafe { get_schema(stream, &mut schema) } {
        0 => data_type(&schema),
        code => Err(failed(stream, "schema", code)),
    }
}

/// The next array of a stream that is not released; `None` at its end.
fn next_chunk(stream: &mut FFI_ArrowArrayStream) -> PyResult<Option<FFI_ArrowArray>> {
    let Some(get_next) = stream.get_next() else { return Ok(None) };
    let mut array = FFI_ArrowArray::empty();
    // SAFETY: as for the schema: the stream is not released, and there is room for an array.
    match unsafe { get_next(stream, &mut array) } {
        0 => Ok(Some(array).filter(|array| !array.is_released())),
        code => Err(failed(stream, "next array", code)),
    }
}

/// Why a stream gives no more.
fn failed(stream: &mut FFI_ArrowArrayStream, what: &str, code: i32) -> PyErr {
    // SAFETY: as for the other callbacks.
    let text = stream.get_last_error().map(|get_last_error| unsafe { get_last_error(stream) });
    let text = text.filter(|text| !text.is_null()).map_or_else(String::new, |text| {
        // SAFETY: the text is valid until the next call of a callback.
        format!(": {}", unsafe { CStr::from_ptr(text) }.to_string_lossy())
    });
    PyValueError::new_err(format!("a stream that gives no {what}: error {code} of its producer{text}"))
}

/// The pointer of a capsule, if it has this name.
fn pointer<T>(object: &Bound<'_, PyAny>, capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<*mut T> {
    let capsule = capsule.cast::<PyCapsule>().map_err(|_| not_by_the_interface(object))?;
    let pointer = capsule.pointer_checked(Some(name)).map_err(|_| not_by_the_interface(object))?;
    Ok(pointer.cast().as_ptr())
}

fn data_type(schema: &FFI_ArrowSchema) -> PyResult<DataType> {
    if schema.release().is_none() {
        return Err(PyValueError::new_err("the schema of this capsule was taken before; make another"));
    }
    // SAFETY: the schema is not released, and as Arrow defines it.
    match unsafe { raw::format(schema) }.map_err(|error| unreadable(&error))? {
        // What is in it does not matter: it is refused.
        "+s" => Ok(DataType::Struct(arrow_schema::Fields::empty())),
        nested if nested.starts_with('+') => Err(PyTypeError::new_err(format!(
            "expected a column of texts, or of timestamps, found a nested one, {nested:?} in Arrow's words; cast it to \
             string"
        ))),
        _ => DataType::try_from(schema).map_err(|error| unreadable(&error.to_string())),
    }
}

fn not_by_the_interface(object: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "{} does not follow Arrow's PyCapsule interface; convert it with pyarrow first",
        type_name(object)
    ))
}

fn unreadable(error: &str) -> PyErr {
    PyValueError::new_err(format!("Arrow data that cannot be read: {error}"))
}
