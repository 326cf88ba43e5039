//! Exceptions. Their classes are Python's, in `rapsheet/_errors.py`, since some have two bases; here they are made.
//!
//! Their messages are those of the command line, but for the names of its options.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use rapsheet_query::{Error, ParseError};
use std::io;

/// A class of `rapsheet._errors`.
fn class<'py>(py: Python<'py>, cell: &PyOnceLock<Py<PyType>>, name: &str) -> PyResult<Bound<'py, PyType>> {
    cell.import(py, "rapsheet._errors", name).cloned()
}

fn snapshot_error(py: Python<'_>, message: String) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match class(py, &CLASS, "SnapshotError") {
        Ok(class) => PyErr::from_type(class, message),
        Err(error) => error,
    }
}

/// The exception of a snapshot that cannot be opened.
pub(crate) fn unopened(py: Python<'_>, error: &Error) -> PyErr {
    snapshot_error(py, message(error))
}

/// The message of a snapshot that cannot be opened, with what to do where there is none.
pub(crate) fn message(error: &Error) -> String {
    match error {
        Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
            format!(
                "{}: no such file; build a snapshot with `rapsheet build`, or name another",
                path.display()
            )
        }
        Error::Io { .. } => format!("{error}; name another"),
        _ => error.to_string(),
    }
}

/// The exception of a text that is no indicator.
pub(crate) fn no_indicator(py: Python<'_>, input: &str, why: ParseError) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match class(py, &CLASS, "IndicatorError") {
        Ok(class) => PyErr::from_type(class, (input.to_owned(), why.word(), why.about())),
        Err(error) => error,
    }
}

/// The class of the warning that a new snapshot was not taken.
pub(crate) fn warning_class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    class(py, &CLASS, "SnapshotWarning")
}

/// The name of an object's type, for messages.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string())
}

/// The exception of an argument of another type.
pub(crate) fn wrong_type(expected: &str, found: &Bound<'_, PyAny>, remedy: &str) -> PyErr {
    PyTypeError::new_err(format!("expected {expected}, found {}; {remedy}", type_name(found)))
}
