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
use std::fmt::Display;
use std::ops::RangeInclusive;

const REMEDY: &str =
    "pass None, a datetime, an RFC 3339 text such as \"2026-08-23T00:00:00Z\", or seconds since 1970";

/// The first and the last second of the years that RFC 3339 can write, 0001 to 9999.
const INSTANTS: RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

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
        return of_seconds(at);
    }
    of_datetime(at)
}

fn of_seconds(at: &Bound<'_, PyAny>) -> PyResult<Time> {
    match at.extract() {
        Ok(seconds) if INSTANTS.contains(&seconds) => Ok(Time::from_unix(seconds)),
        _ => Err(out_of_range(at)),
    }
}

fn out_of_range(found: impl Display) -> PyErr {
    PyValueError::new_err(format!(
        "at: expected an instant in seconds since 1970, of the years 1 to 9999, found {found}; were milliseconds given? \
         {REMEDY}"
    ))
}

/// A `datetime`; one without a zone is UTC, as all times of a snapshot are.
fn of_datetime(at: &Bound<'_, PyAny>) -> PyResult<Time> {
    let datetime = at.py().import("datetime")?;
    if !at.is_instance(&datetime.getattr("datetime")?)? {
        return Err(wrong_type("an instant", at, REMEDY));
    }
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let zone = Some(at.getattr("tzinfo")?).filter(|zone| !zone.is_none());
    let epoch = datetime.getattr("datetime")?.call1((1970, 1, 1, 0, 0, 0, 0, zone.as_ref().map(|_| utc)))?;
    // In whole numbers: in binary fractions, the last nanoseconds of a second are the next one.
    let second = datetime.getattr("timedelta")?.call1((0, 1))?;
    let seconds = at.sub(epoch)?.floor_div(second)?;
    if !seconds.is_instance_of::<PyInt>() {
        // pandas has a `datetime` that is no time.
        return Err(PyValueError::new_err(format!("at: {at} is no time; {REMEDY}")));
    }
    of_seconds(&seconds)
}

/// The instants of a column: as [`one`], or a column of timestamps.
pub(crate) fn each(at: Option<&Bound<'_, PyAny>>) -> PyResult<Instants> {
    match at {
        Some(at) if arrow::is_column(at)? => {
            let Column { chunks, .. } = arrow::import(at, check_type)?;
            chunks.iter().try_for_each(|chunk| Seconds::of(chunk).check())?;
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

    /// Refuses instants that [`one`] refuses.
    fn check(&self) -> PyResult<()> {
        let first = INSTANTS.start().saturating_mul(self.unit);
        let end = (INSTANTS.end() + 1).saturating_mul(self.unit);
        let own = self.numbers.get(self.chunk.offset()..).unwrap_or(&[]);
        let outside = own.iter().take(self.chunk.len()).enumerate();
        let mut outside = outside.filter(|(_, number)| **number < first || **number >= end);
        match outside.find_map(|(row, _)| self.at(row)) {
            Some(seconds) if !INSTANTS.contains(&seconds) => Err(out_of_range(seconds)),
            _ => Ok(()),
        }
    }

    /// Fractions of a second are cut off, also before 1970.
    fn at(&self, row: usize) -> Option<i64> {
        let is_null = self.chunk.nulls().is_some_and(|nulls| nulls.is_null(row));
        let number = self.numbers.get(self.chunk.offset() + row).filter(|_| !is_null)?;
        Some(number.div_euclid(self.unit))
    }
}
