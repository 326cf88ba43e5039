//! The system's clock, which is read for calls that ask for the present, and for no others.
//!
//! The other libraries take every instant as an argument. A program in C would have to read the clock before
//! each call to do so, and most would get the resolution or the zone wrong; so `RAPSHEET_NOW` does it here,
//! once a call.

use crate::failure::Failure;
use crate::layout::RAPSHEET_NOW;
use rapsheet_query::Time;
use std::time::SystemTime;

/// The first and the last second of the years that RFC 3339 can write, 0001 to 9999.
const INSTANTS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// The instant that a caller means.
pub(crate) fn instant(at: i64) -> Result<Time, Failure> {
    if at == RAPSHEET_NOW {
        return Ok(Time::from(SystemTime::now()));
    }
    if !INSTANTS.contains(&at) {
        return Err(Failure::usage(format_args!(
            "expected an instant in seconds since 1970, of the years 1 to 9999, or RAPSHEET_NOW, found {at}; were \
             milliseconds given?"
        )));
    }
    Ok(Time::from_unix(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_those_that_can_be_written() {
        for (at, text) in [
            (*INSTANTS.start(), "0001-01-01T00:00:00Z"),
            (0, "1970-01-01T00:00:00Z"),
            (*INSTANTS.end(), "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(instant(at).expect("an instant").to_string(), text);
        }
        for at in [INSTANTS.start() - 1, INSTANTS.end() + 1, i64::MAX, i64::MIN + 1] {
            assert!(instant(at).is_err(), "{at}");
        }
        assert!(instant(RAPSHEET_NOW).expect("the present").unix() > 1_780_000_000);
    }
}
