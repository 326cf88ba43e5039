//! Puts arrays and streams of arrays into capsules.
//!
//! A stream of `arrow-array` is one of record batches, which have no null rows. Ours is of struct arrays, and so has its
//! own callbacks.

#![allow(unsafe_code)]

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, StructArray};
use arrow_schema::{ArrowError, DataType};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use std::ffi::{c_char, c_int};
use std::ptr;

/// `ENOMEM` of all systems: the schema of a struct array can fail for no other reason.
const OUT_OF_MEMORY: c_int = 12;

/// The capsule of a type.
pub(crate) fn schema_capsule<'py>(py: Python<'py>, data_type: &DataType) -> PyResult<Bound<'py, PyCapsule>> {
    PyCapsule::new_with_value(py, schema(data_type).map_err(|error| failed(&error))?, c"arrow_schema")
}

/// The capsules of an array: of its type, and of its data.
pub(crate) fn array_capsules<'py>(
    py: Python<'py>,
    array: &StructArray,
) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
    let data = PyCapsule::new_with_value(py, FFI_ArrowArray::new(&array.to_data()), c"arrow_array")?;
    Ok((schema_capsule(py, array.data_type())?, data))
}

/// The capsule of a stream of chunks, which are shared and not copied.
pub(crate) fn stream_capsule<'py>(
    py: Python<'py>,
    data_type: &DataType,
    chunks: &[StructArray],
) -> PyResult<Bound<'py, PyCapsule>> {
    let chunks: Vec<StructArray> = chunks.iter().rev().cloned().collect();
    let state = Box::into_raw(Box::new(Chunks { data_type: data_type.clone(), rest: chunks }));
    // SAFETY: the callbacks take `private_data` for the `Chunks` that it is, `release` frees it once and marks the stream
    // as released.
    let stream = unsafe {
        FFI_ArrowArrayStream::new_unchecked(
            Some(get_schema),
            Some(get_next),
            Some(get_last_error),
            Some(release),
            state.cast(),
        )
    };
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

fn schema(data_type: &DataType) -> Result<FFI_ArrowSchema, ArrowError> {
    FFI_ArrowSchema::try_from(data_type)
}

fn failed(error: &ArrowError) -> PyErr {
    PyValueError::new_err(format!("a type that Arrow cannot hand over: {error}"))
}

/// What is left of a stream.
struct Chunks {
    data_type: DataType,
    /// The next chunk is the last one here.
    rest: Vec<StructArray>,
}

/// The state of a stream that is not released.
///
/// # Safety
/// The stream is valid for the call, used by one thread at a time, and made by [`stream_capsule`].
unsafe fn chunks<'s>(stream: *mut FFI_ArrowArrayStream) -> Option<&'s mut Chunks> {
    // SAFETY: as the caller promises; the state is a `Chunks` until the release, from when on it is null.
    unsafe { stream.as_ref().and_then(|stream| stream.private_data().cast::<Chunks>().as_mut()) }
}

unsafe extern "C" fn get_schema(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowSchema) -> c_int {
    // SAFETY: the consumer calls with the stream that it was given.
    let chunks = unsafe { chunks(stream) };
    let Some(Ok(schema)) = chunks.map(|chunks| schema(&chunks.data_type)) else { return OUT_OF_MEMORY };
    // SAFETY: `out` is room for a schema, which need not be one yet.
    unsafe { ptr::write(out, schema) };
    0
}

unsafe extern "C" fn get_next(stream: *mut FFI_ArrowArrayStream, out: *mut FFI_ArrowArray) -> c_int {
    // SAFETY: the consumer calls with the stream that it was given.
    let next = unsafe { chunks(stream) }.and_then(|chunks| chunks.rest.pop());
    let array = next.map_or_else(FFI_ArrowArray::empty, |chunk| FFI_ArrowArray::new(&chunk.to_data()));
    // SAFETY: `out` is room for an array, which need not be one yet. One without `release` is the end of the stream.
    unsafe { ptr::write(out, array) };
    0
}

unsafe extern "C" fn get_last_error(_: *mut FFI_ArrowArrayStream) -> *const c_char {
    ptr::null()
}

unsafe extern "C" fn release(stream: *mut FFI_ArrowArrayStream) {
    // SAFETY: as for `chunks`; nothing is released twice, because the stream is marked.
    unsafe {
        let Some(stream) = stream.as_mut() else { return };
        let state = stream.set_private_data(ptr::null_mut());
        if !state.is_null() {
            drop(Box::from_raw(state.cast::<Chunks>()));
        }
        stream.set_release(None);
    }
}
