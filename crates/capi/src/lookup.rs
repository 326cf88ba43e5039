//! One look-up: the short answer, the full one, and its text.

use crate::failure::Failure;
use crate::handle::View;
use crate::layout::{
    LookupResult, RAPSHEET_JSON_ALL_SOURCES, RAPSHEET_JSON_LINE, RAPSHEET_NO_INDICATOR, RAPSHEET_NO_LISTING,
    RAPSHEET_TEXT_MAX,
};
use crate::names::number_of;
use rapsheet_json::{error, indented, line, object};
use rapsheet_query::{Address, Batch, ParseError, Status, Verdict};
use rapsheet_snapshot::address::plain_v4;
use serde::Serialize;

/// How much of a text that is too long is repeated in an answer, in bytes, as `rapsheet lookup` does.
pub(crate) const TOO_LONG_SHOWN: usize = 80;

/// An answer that is no more than a status.
pub(crate) const fn of_status(status: Status) -> LookupResult {
    LookupResult {
        status: status.number(),
        reason: 0,
        assessments: 0,
        detected_by: 0,
        listing: RAPSHEET_NO_LISTING,
        reserved: 0,
    }
}

/// What a result holds after an error.
pub(crate) const NO_ANSWER: LookupResult =
    LookupResult { status: RAPSHEET_NO_INDICATOR, ..of_status(Status::Unknown) };

/// The answer to a text that is no indicator.
pub(crate) fn of_no_indicator(why: ParseError) -> LookupResult {
    LookupResult { status: RAPSHEET_NO_INDICATOR, reason: number_of(why), ..of_status(Status::Unknown) }
}

fn of_verdict(verdict: &Verdict) -> LookupResult {
    LookupResult {
        assessments: verdict.assessments().bits(),
        detected_by: u32::try_from(verdict.detected_by).unwrap_or(u32::MAX),
        ..of_status(verdict.status)
    }
}

/// Refuses a text that is longer than any indicator, before anything looks at it.
pub(crate) fn check_length(text: &[u8]) -> Result<&[u8], ParseError> {
    if text.len() > RAPSHEET_TEXT_MAX { Err(ParseError::TooLong) } else { Ok(text) }
}

/// The short answer to an indicator.
pub(crate) fn short(view: &View, text: &[u8]) -> Result<LookupResult, ParseError> {
    let text = check_length(text)?;
    // Most texts are IPv4 addresses, and most of these are not listed; they need no allocation.
    match plain_v4(text.trim_ascii()) {
        Some(address) => Ok(short_of_address(view, Address::V4(address))),
        None => Ok(of_verdict(&view.searcher().lookup(text)?)),
    }
}

/// The short answer to an address.
pub(crate) fn short_of_address(view: &View, address: Address) -> LookupResult {
    let searcher = view.searcher();
    match searcher.status(address) {
        status @ (Status::Unknown | Status::Failed) => of_status(status),
        Status::Blocked | Status::Allowed => {
            let mut batch = Batch::new();
            batch.push_address(address);
            searcher
                .verdicts(&batch)
                .next()
                .map_or(of_status(Status::Unknown), |verdict| of_verdict(&verdict))
        }
    }
}

/// The full answer to an indicator.
pub(crate) fn full(view: &View, text: &[u8]) -> Result<Verdict, ParseError> {
    view.searcher().lookup(check_length(text)?)
}

/// The text that `rapsheet lookup --output json` prints, or `jsonl`, and why the text is no indicator.
pub(crate) fn json(view: &View, text: &[u8], flags: u32) -> Result<(Vec<u8>, Option<ParseError>), Failure> {
    let input = String::from_utf8_lossy(text);
    match full(view, text) {
        Ok(verdict) => {
            let all = flags & RAPSHEET_JSON_ALL_SOURCES != 0;
            write(&object(view.directory(), &input, &verdict, all), flags).map(|out| (out, None))
        }
        Err(why) => write(&error(&input, why), flags).map(|out| (out, Some(why))),
    }
}

/// The same for a text that is too long, of which the beginning is shown.
pub(crate) fn json_of_too_long(head: &[u8], flags: u32) -> Result<(Vec<u8>, Option<ParseError>), Failure> {
    let why = ParseError::TooLong;
    write(&error(&String::from_utf8_lossy(head), why), flags).map(|out| (out, Some(why)))
}

fn write(object: &impl Serialize, flags: u32) -> Result<Vec<u8>, Failure> {
    let unknown = flags & !(RAPSHEET_JSON_ALL_SOURCES | RAPSHEET_JSON_LINE);
    if unknown != 0 {
        return Err(Failure::usage(format_args!(
            "expected flags of RAPSHEET_JSON_…, found also {unknown:#x}; is the library older than the header?"
        )));
    }
    let mut out = Vec::new();
    let written = match flags & RAPSHEET_JSON_LINE != 0 {
        true => line(object, &mut out),
        false => indented(object, &mut out),
    };
    // Memory takes it.
    written.map_err(|error| Failure::usage(format_args!("the answer cannot be written: {error}")))?;
    Ok(out)
}
