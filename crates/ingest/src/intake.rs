//! Reading one download from start to end.

use crate::decode;
use crate::format::{Format, OpenError};
use crate::options::Options;
use crate::refused::FileRefusal;
use crate::scribe::{Rules, Sink};
use crate::tally::Tally;
use std::io::Read;

/// Reads a whole decoded text with one format, in order, on this thread: what `parse` does.
pub fn transcribe(
    _format: &Format,
    _options: &Options,
    _rules: &Rules,
    _can_be_empty: bool,
    _text: &mut dyn Read,
    _sink: &mut dyn Sink,
) -> Result<Tally, OpenError> {
    let _ = decode::kind_of(b"");
    Err(OpenError::File(FileRefusal::Empty))
}
