//! Instants: whole UTC seconds, parsed and written as RFC 3339.
//!
//! The snapshot stores seconds in four bytes; no rule depends on fractions of a second. The calendar
//! arithmetic is the proleptic Gregorian one (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"). It
//! is here, in some forty lines, so that a reader needs no calendar library.

use crate::timestamp::Scanner;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A UTC instant in whole seconds since 1970-01-01T00:00:00Z.
///
/// ```
/// use rapsheet_snapshot::Time;
///
/// let time = Time::parse_rfc3339("2026-08-23T14:00:00+02:00").ok_or("a time")?;
/// assert_eq!(time.plus(60).to_string(), "2026-08-23T12:01:00Z");
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(i64);

impl Time {
    /// The earliest instant that a snapshot can hold, 2000-01-01T00:00:00Z. No feed is older.
    pub const EARLIEST: Time = Time(946_684_800);
    /// The latest instant that a snapshot can hold: `EARLIEST` plus 2^32 - 2 seconds, in 2136.
    pub const LATEST: Time = Time(946_684_800 + 0xFFFF_FFFE);

    /// The instant `seconds` after the Unix epoch.
    pub const fn from_unix(seconds: i64) -> Time {
        Time(seconds)
    }

    /// Seconds since the Unix epoch.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This instant moved by a number of seconds; saturates at the limits of `i64`.
    pub const fn plus(self, seconds: i64) -> Time {
        Time(self.0.saturating_add(seconds))
    }

    /// The instant as the file stores it: seconds since [`Time::EARLIEST`], clamped to what it can hold.
    ///
    /// Clamping changes no answer at an instant between the two limits: a row's time before 2000 is dropped
    /// when the row is read, and an expiry after 2136 ends no sighting before then.
    pub fn stored(self) -> u32 {
        let since = self.0.clamp(Self::EARLIEST.0, Self::LATEST.0) - Self::EARLIEST.0;
        u32::try_from(since).unwrap_or(u32::MAX - 1)
    }

    /// The inverse of [`Time::stored`].
    pub const fn from_stored(stored: u32) -> Time {
        Time(Self::EARLIEST.0 + stored as i64)
    }

    /// The instant of a UTC date and time of day; `None` where a field is out of its range. A leap second
    /// (60) is the second before it.
    pub fn from_civil(date: (i64, u32, u32), clock: (u32, u32, u32)) -> Option<Time> {
        let ((year, month, day), (hour, minute, second)) = (date, clock);
        let fits = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day)
            && hour < 24
            && minute < 60
            && second <= 60;
        let of_day = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second.min(59));
        fits.then(|| Time(days_from_civil(year, month, day) * 86_400 + of_day))
    }

    /// Parses RFC 3339: `2026-08-23T00:00:00Z`, also with an offset, a fraction, which is dropped, or a blank
    /// for the `T`. A date alone is its midnight.
    pub fn parse_rfc3339(text: &str) -> Option<Time> {
        let mut scanner = Scanner::new(text.as_bytes());
        let date = scanner.date()?;
        if scanner.is_empty() {
            return Time::from_civil(date, (0, 0, 0));
        }
        scanner.one_of(b"Tt ")?;
        let clock = scanner.clock()?;
        scanner.skip_fraction(b".,", 0);
        let offset = match scanner.rest() {
            b"Z" | b"z" => 0,
            _ => scanner.offset(None).filter(|_| scanner.is_empty())?,
        };
        Some(Time::from_civil(date, clock)?.plus(-offset))
    }

    /// The year of this instant in UTC.
    pub const fn year(self) -> i64 {
        civil_from_days(self.0.div_euclid(86_400)).0
    }
}

/// Fractions of a second are cut off, and times before 1970 become 1970.
///
/// ```
/// # use rapsheet_snapshot::Time;
/// # use std::time::{Duration, SystemTime};
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_787_443_200_999);
/// assert_eq!(Time::from(time).to_string(), "2026-08-23T00:00:00Z");
/// ```
impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Time {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400));
        let of_day = self.0.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        if !(0..=9999).contains(&year) {
            return write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        }
        // Rows of some outputs have two times; seven numbers with `std::fmt` would be most of a row's cost.
        let mut text = *b"0000-00-00T00:00:00Z";
        let places = [0, 2, 5, 8, 11, 14, 17];
        let numbers = [year / 100, year % 100, month, day, hour, minute, second];
        for (at, number) in places.into_iter().zip(numbers) {
            let digits = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
            text.get_mut(at..at + 2).into_iter().for_each(|place| place.copy_from_slice(&digits));
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

fn days_in_month(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = i64::from((month + 9) % 12);
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_times_parse_back() {
        for seconds in [0, 951_782_399, 951_782_400, 1_787_443_423, 4_102_444_799, 5_240_000_000] {
            let time = Time::from_unix(seconds);
            assert_eq!(Time::parse_rfc3339(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn parses_offsets_fractions_and_plain_dates() {
        let noon = Time::parse_rfc3339("2026-08-23T12:00:00Z");
        assert_eq!(noon.map(Time::unix), Some(1_787_486_400));
        for same in ["2026-08-23T14:00:00+02:00", "2026-08-23 12:00:00.9912Z", "2026-08-23T07:00:00-0500"] {
            assert_eq!(Time::parse_rfc3339(same), noon, "{same}");
        }
        assert_eq!(Time::parse_rfc3339("2026-08-23"), Time::parse_rfc3339("2026-08-23T00:00:00Z"));
    }

    #[test]
    fn rejects_invalid_instants() {
        for text in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-08-23T24:00:00Z",
            "2026-08-23T12:00",
            "20260823",
            "2026-08-23T12:00:00Z ",
        ] {
            assert_eq!(Time::parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn stored_times_are_lossless_in_range() {
        for time in [Time::EARLIEST, Time::from_unix(1_787_443_423), Time::LATEST] {
            assert_eq!(Time::from_stored(time.stored()), time);
        }
        assert_eq!(Time::from_stored(Time::from_unix(0).stored()), Time::EARLIEST);
    }
}
