//! The argument `at`: no instant, one, or a column of them.

use crate::arrow::{self, Column};
use crate::clock;
use crate::errors::wrong_type;
use arrow_data::ArrayData;
use arrow_schema::{DataType, TimeUnit};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyString};
use rapsheet_query::Time;

const REMEDY: &str =
    "pass None, a datetime, an RFC 3339 text such as \"2026-08-23T00:00:00Z\", or seconds since 1970";

/// The instants of a column.
pub(crate) enum Instants {
    /// The same for each value.
    One(Time),
    /// One for each value; for nulls, the present.
    Each { column: Vec<ArrayData>, now: Time },
}

/// The instant of a look-up; the present where it is `None`.
pub(crate) fn one(at: Option<&Bound<'_, PyAny>>) -> PyResult<Time> {
    let Some(at) = at else { return Ok(clock::now()) };
    if let Ok(text) = at.cast::<PyString>() {
        let text = text.to_string_lossy();
        return Time::parse_rfc3339(&text)
            .ok_or_else(|| PyValueError::new_err(format!("at: {text:?} is no time; {REMEDY}")));
    }
    if at.is_instance_of::<PyInt>() && !at.is_instance_of::<PyBool>() {
        return at
            .extract()
            .map(Time::from_unix)
            .map_err(|_| PyValueError::new_err(format!("at: seconds since 1970 have 64 bits; {REMEDY}")));
    }
    of_datetime(at)
}

/// A `datetime`; one without a zone is UTC, as all times of a snapshot are.
fn of_datetime(at: &Bound<'_, PyAny>) -> PyResult<Time> {
    let datetime = at.py().import("datetime")?;
    if !at.is_instance(&datetime.getattr("datetime")?)? {
        return Err(wrong_type("an instant", at, REMEDY));
    }
    let aware = if at.getattr("tzinfo")?.is_none() {
        let replace = pyo3::types::PyDict::new(at.py());
        replace.set_item("tzinfo", datetime.getattr("timezone")?.getattr("utc")?)?;
        at.call_method("replace", (), Some(&replace))?
    } else {
        at.clone()
    };
    let seconds: f64 = aware.call_method0("timestamp")?.extract()?;
    Ok(Time::from_unix(seconds.floor() as i64))
}

/// The instants of a column: as [`one`], or a column of timestamps.
pub(crate) fn each(at: Option<&Bound<'_, PyAny>>) -> PyResult<Instants> {
    match at {
        Some(at) if arrow::is_arrow(at)? => {
            let Column { chunks, data_type, .. } = arrow::import(at, check_type)?;
            debug_assert!(check_type(&data_type).is_ok());
            Ok(Instants::Each { column: chunks, now: clock::now() })
        }
        at => one(at).map(Instants::One),
    }
}

fn check_type(data_type: &DataType) -> PyResult<()> {
    match data_type {
        DataType::Timestamp(..) | DataType::Null => Ok(()),
        other => Err(PyTypeError::new_err(format!(
            "at: expected a column of timestamps, found {other}; cast it to timestamp(\"s\")"
        ))),
    }
}

impl Instants {
    /// The instant for which a searcher is made.
    pub(crate) fn base(&self) -> Time {
        match self {
            Instants::One(at) | Instants::Each { now: at, .. } => *at,
        }
    }

    /// Refuses a column of another length.
    pub(crate) fn check_len(&self, values: usize) -> PyResult<()> {
        let Instants::Each { column, .. } = self else { return Ok(()) };
        let instants: usize = column.iter().map(ArrayData::len).sum();
        if instants == values {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "at: {instants} instants for {values} values; pass one for each value, or one for all"
        )))
    }

    /// Iterates over a column, in the order of its chunks; `None` where there is one instant for all.
    pub(crate) fn iter(&self) -> Option<impl Iterator<Item = Time> + '_> {
        let Instants::Each { column, now } = self else { return None };
        Some(column.iter().flat_map(move |chunk| {
            let seconds = Seconds::of(chunk);
            (0..chunk.len()).map(move |row| seconds.at(row).map_or(*now, Time::from_unix))
        }))
    }
}

/// A chunk of timestamps.
struct Seconds<'a> {
    chunk: &'a ArrayData,
    numbers: &'a [i64],
    /// How many of them are a second.
    unit: i64,
}

impl<'a> Seconds<'a> {
    fn of(chunk: &'a ArrayData) -> Seconds<'a> {
        let unit = match chunk.data_type() {
            DataType::Timestamp(TimeUnit::Second, _) => 1,
            DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000,
            DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000_000,
            _ => 1_000_000_000,
        };
        let numbers = chunk.buffers().first().map_or(&[][..], |buffer| buffer.typed_data());
        Seconds { chunk, numbers, unit }
    }

    /// Fractions of a second are cut off, also before 1970.
    fn at(&self, row: usize) -> Option<i64> {
        let is_null = self.chunk.nulls().is_some_and(|nulls| nulls.is_null(row));
        let number = self.numbers.get(self.chunk.offset() + row).filter(|_| !is_null)?;
        Some(number.div_euclid(self.unit))
    }
}
