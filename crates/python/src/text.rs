//! Indicators as Python hands them over: `str` or `bytes`.

use crate::errors::wrong_type;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use rapsheet_query::ParseError;

/// The longest text that is read, in bytes: as the command line's longest line.
pub(crate) const TEXT_LEN_MAX: usize = (64 << 10) - 1;

/// The bytes of an indicator.
///
/// A `str` may have lone surrogates, which UTF-8 has not. They become bytes that are no UTF-8, and the text is refused
/// as one in another encoding is.
pub(crate) fn bytes_of(indicator: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if let Ok(text) = indicator.cast::<PyString>() {
        if let Ok(text) = text.to_str() {
            return Ok(text.as_bytes().to_vec());
        }
        let encoded = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
        return Ok(encoded.cast::<PyBytes>()?.as_bytes().to_vec());
    }
    if let Ok(bytes) = indicator.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    Err(wrong_type("an indicator as str or bytes", indicator, "pass str(...) of it"))
}

/// Refuses what the command line refuses unread.
pub(crate) fn check_len(text: &[u8]) -> Result<(), ParseError> {
    if text.len() > TEXT_LEN_MAX { Err(ParseError::TooLong) } else { Ok(()) }
}
