//! Takes arrays and streams of arrays out of capsules.
//!
//! The interface hands over pointers, so nothing but the types and the numbers of buffers can be checked: an object that
//! makes capsules is trusted as a native library is. What it says of its values is not: readers check every offset.

#![allow(unsafe_code)]

use crate::errors::{type_name, wrong_type};
use arrow_array::Array;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_data::ArrayData;
use arrow_schema::{ArrowError, DataType};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use std::ffi::CStr;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// What an object has of a column.
pub(crate) struct Column {
    pub(crate) data_type: DataType,
    pub(crate) chunks: Vec<ArrayData>,
    /// Whether it came as a stream, which may have any number of chunks.
    pub(crate) is_chunked: bool,
}

/// Whether an object has Arrow data.
pub(crate) fn is_arrow(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.hasattr("__arrow_c_array__")? || object.hasattr("__arrow_c_stream__")?)
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
    Err(wrong_type(
        "a column with Arrow data",
        object,
        "pass a pyarrow, Polars or pandas column, or pyarrow.array(values); a list is for lookup_many",
    ))
}

fn import_array(object: &Bound<'_, PyAny>, check: impl Fn(&DataType) -> PyResult<()>) -> PyResult<Column> {
    let pair = object.call_method0("__arrow_c_array__")?;
    let pair = pair.cast::<PyTuple>().map_err(|_| not_by_the_interface(object))?;
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
    let data = unsafe { from_ffi(array, &*schema) }.map_err(|error| unreadable(&error))?;
    Ok(Column { data_type, chunks: vec![data], is_chunked: false })
}

fn import_stream(object: &Bound<'_, PyAny>, check: impl Fn(&DataType) -> PyResult<()>) -> PyResult<Column> {
    let capsule = object.call_method0("__arrow_c_stream__")?;
    let stream = pointer::<FFI_ArrowArrayStream>(object, &capsule, STREAM)?;
    // SAFETY: a capsule of this name points at a stream, which is moved out of it.
    let mut stream = unsafe { FFI_ArrowArrayStream::from_raw(stream) };
    let data_type = stream_type(&mut stream)?;
    check(&data_type)?;
    let reader = ArrayStreamReader::try_new(stream).map_err(|error| unreadable(&error))?;
    let chunks: Result<Vec<ArrayData>, ArrowError> = reader.map(|chunk| Ok(chunk?.to_data())).collect();
    Ok(Column { data_type, chunks: chunks.map_err(|error| unreadable(&error))?, is_chunked: true })
}

/// The type of a stream's arrays, before any of them is made.
fn stream_type(stream: &mut FFI_ArrowArrayStream) -> PyResult<DataType> {
    let mut schema = FFI_ArrowSchema::empty();
    let Some(get_schema) = stream.get_schema() else {
        return Err(PyValueError::new_err("the stream of this capsule was taken before; make another"));
    };
    // SAFETY: the stream is not released, so that its callback may be called with it and with room for a schema.
    match unsafe { get_schema(stream, &mut schema) } {
        0 => data_type(&schema),
        code => {
            Err(PyValueError::new_err(format!("a stream that gives no schema: error {code} of its producer")))
        }
    }
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
    DataType::try_from(schema).map_err(|error| unreadable(&error))
}

fn not_by_the_interface(object: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "{} does not follow Arrow's PyCapsule interface; convert it with pyarrow first",
        type_name(object)
    ))
}

fn unreadable(error: &ArrowError) -> PyErr {
    PyValueError::new_err(format!("Arrow data that cannot be read: {error}"))
}
