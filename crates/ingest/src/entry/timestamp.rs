//! Timestamps as feeds write them.
//!
//! A time without a zone is UTC: publishers that state no zone mean UTC. A time with two readings is refused:
//! `12/9/15` is September or December, and `IST` is India, Israel or Ireland. The entry then keeps the time
//! of its download. A build reads millions of rows, most of them as `2026-08-23 03:00:29`, so no form that a
//! row uses allocates; `chrono` reads only the mail dates that the forms here do not cover.

use rapsheet_snapshot::Time;
use rapsheet_snapshot::timestamp::{Scanner, digits_len, month_of_name, number};

/// Seconds from the start of FILETIME, 1601, to that of Unix time.
const FILETIME_TO_UNIX: i64 = 11_644_473_600;
/// The longest mail date that is passed to `chrono`, in bytes.
const MAIL_DATE_MAX: usize = 128;
/// The most words of a date in words: `Sat, 22 Aug 2026 03:00:29 PM +0200 (CEST)` has eight.
const WORDS_MAX: usize = 9;
const WEEKDAYS: [&[u8]; 7] =
    [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

/// Reads a timestamp; `None` where the text is none, or one with several meanings.
pub(crate) fn parse(text: &[u8]) -> Option<Time> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return None;
    }
    match common(text) {
        Some(read) => read,
        None => parse_any(text),
    }
}

/// The form that most rows have: `2026-08-23 03:00:29`, or the date alone. `None` where the text has another
/// form; what it is not then is for [`parse_any`] to say.
#[inline]
fn common(text: &[u8]) -> Option<Option<Time>> {
    let (date, clock) = text.split_first_chunk::<10>()?;
    let has_other = |bytes: &[u8]| bytes.iter().fold(false, |other, byte| other | !byte.is_ascii_digit());
    let two = |tens: u8, ones: u8| u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
    let [c, d, e, f, b'-', g, h, b'-', i, j] = *date else { return None };
    if has_other(&[c, d, e, f, g, h, i, j]) {
        return None;
    }
    let clock = match *clock {
        [] => (0, 0, 0),
        [b' ' | b'T', g, h, b':', i, j, b':', k, l] if !has_other(&[g, h, i, j, k, l]) => {
            (two(g, h), two(i, j), two(k, l))
        }
        _ => return None,
    };
    Some(instant((two(c, d) * 100 + two(e, f), two(g, h), two(i, j)), clock, 0))
}

/// As [`parse`], for all forms.
fn parse_any(text: &[u8]) -> Option<Time> {
    let text = text.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(text);
    let width = digits_len(text);
    match (width, text.get(width)) {
        (10 | 13 | 18, None) => since_epoch(text),
        (8 | 14, _) => compact(text),
        (4, Some(b'-' | b'/' | b':')) => year_first(text),
        _ => in_words(text).or_else(|| mail_date(text)),
    }
}

/// A date of RFC 2822 with comments or folding, which `chrono` reads well. Its obsolete zones are refused: a
/// zone that is a word has several meanings or none.
fn mail_date(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAIL_DATE_MAX)?;
    let numeric_zone = text.contains(['+', '-']) && !text.ends_with(|last: char| last.is_ascii_alphabetic());
    let read = numeric_zone.then(|| chrono::DateTime::parse_from_rfc2822(text).ok()).flatten()?;
    Some(Time::from_unix(read.timestamp()))
}

/// Seconds or milliseconds since 1970, or tenths of microseconds since 1601 (FILETIME); the width tells
/// which.
fn since_epoch(digits: &[u8]) -> Option<Time> {
    let count = number(digits)?;
    Some(Time::from_unix(match digits.len() {
        10 => count,
        13 => count / 1000,
        _ => count / 10_000_000 - FILETIME_TO_UNIX,
    }))
}

/// `20170226`, `20170226235356`, and either with a zone.
fn compact(text: &[u8]) -> Option<Time> {
    let mut scanner = Scanner::new(text);
    let date = (scanner.digits(4)?, scanner.digits(2)?, scanner.digits(2)?);
    let clock = match scanner.digits(2) {
        Some(hour) => (hour, scanner.digits(2)?, scanner.digits(2)?),
        None => (0, 0, 0),
    };
    instant(date, clock, zone(scanner.rest())?)
}

/// `2026-08-23 03:00:29` and its variants: the date with `-`, `/` or `:`, then `T` or blanks, then a clock, a
/// fraction and a zone, each of them optional.
fn year_first(text: &[u8]) -> Option<Time> {
    let mut scanner = Scanner::new(text);
    let year = scanner.digits(4)?;
    let mark = scanner.one_of(b"-/:")?;
    let month = scanner.one_or_two_digits()?;
    scanner.byte(mark)?;
    let date = (year, month, scanner.one_or_two_digits()?);
    let separator = scanner.one_of(&[b'T', b't', b' ', mark]);
    let has_clock = separator.is_some() && {
        scanner.skip_blanks();
        scanner.rest().first().is_some_and(u8::is_ascii_digit)
    };
    let before = scanner.rest();
    let clock = if has_clock { clock(&mut scanner, b":-")? } else { (0, 0, 0) };
    let written = before.get(..before.len() - scanner.rest().len())?;
    // `2026-08-23-05:00` is a day west of Greenwich, and `T03-05` an hour there: a hyphen before or within a
    // clock without seconds has two readings.
    let has_hyphen = has_clock && separator == Some(b'-') || written.contains(&b'-');
    if has_hyphen && written.len() <= b"hh:mm".len() {
        return None;
    }
    instant(date, clock, zone(scanner.rest())?)
}

/// A date with a month name, or with the day first: RFC 2822, asctime, access logs and prose. Hand-written,
/// because rows have these forms and `chrono` tries one format at a time.
fn in_words(text: &[u8]) -> Option<Time> {
    let mut fields = Fields::default();
    let words = text.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index >= WORDS_MAX {
            return None;
        }
        fields.read(word)?;
    }
    fields.instant()
}

/// The fields that the words of a date have stated so far. A word that states a field twice, or none, ends
/// the reading.
#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    clock: Option<(u32, u32, u32)>,
    is_afternoon: Option<bool>,
    zone: Option<i64>,
}

impl Fields {
    fn read(&mut self, word: &[u8]) -> Option<()> {
        match word.first()? {
            b'0'..=b'9' => self.read_digits(word),
            b'(' if self.zone.is_some() => Some(()),
            b'+' | b'-' | b'(' => set(&mut self.zone, zone(word)?),
            _ => self.read_name(word),
        }
    }

    fn read_name(&mut self, word: &[u8]) -> Option<()> {
        if is_weekday(word) {
            return Some(());
        }
        if let Some(month) = month_of_name(word) {
            return set(&mut self.month, month);
        }
        if word.eq_ignore_ascii_case(b"am") || word.eq_ignore_ascii_case(b"pm") {
            return set(&mut self.is_afternoon, word.eq_ignore_ascii_case(b"pm"));
        }
        set(&mut self.zone, zone(word)?)
    }

    fn read_digits(&mut self, word: &[u8]) -> Option<()> {
        let mut scanner = Scanner::new(word);
        let width = digits_len(word);
        let first = number(word.get(..width)?)?;
        match (width, word.get(width)) {
            (4, None) => set(&mut self.year, first),
            (1 | 2, None) if self.day.is_none() => set(&mut self.day, u32::try_from(first).ok()?),
            // RFC 2822, section 4.3: 00 to 49 are years of this century, 50 to 99 of the last.
            (2, None) => set(&mut self.year, if first < 50 { 2000 + first } else { 1900 + first }),
            (1 | 2, Some(b':')) => {
                set(&mut self.clock, clock(&mut scanner, b":")?)?;
                scanner.is_empty().then_some(())
            }
            (1 | 2, Some(&mark @ (b'-' | b'/'))) => self.read_day_first(scanner, mark),
            _ => None,
        }
    }

    /// `15-02-2019`, `15-Feb-2019`, or `01/Aug/2018:09:49:41`. Between slashes a month must be a name,
    /// because digits there may be month first: none is set, and [`Fields::instant`] refuses the date.
    fn read_day_first(&mut self, mut scanner: Scanner<'_>, mark: u8) -> Option<()> {
        set(&mut self.day, scanner.one_or_two_digits()?)?;
        scanner.byte(mark)?;
        let width = scanner.rest().iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if width > 0 {
            self.read_name(scanner.take(width)?)?;
        } else if mark == b'-' {
            set(&mut self.month, scanner.digits(2)?)?;
        }
        scanner.byte(mark)?;
        set(&mut self.year, i64::from(scanner.digits(4)?))?;
        if scanner.one_of(b":").is_some() {
            set(&mut self.clock, clock(&mut scanner, b":")?)?;
        }
        scanner.is_empty().then_some(())
    }

    fn instant(self) -> Option<Time> {
        let (hour, minute, second) = self.clock.unwrap_or_default();
        let hour = match (self.is_afternoon, hour) {
            (None, _) => hour,
            (Some(is_afternoon), 1..=12) => hour % 12 + if is_afternoon { 12 } else { 0 },
            (Some(_), _) => return None,
        };
        let date = (u32::try_from(self.year?).ok()?, self.month?, self.day?);
        instant(date, (hour, minute, second), self.zone.unwrap_or(0))
    }
}

/// Sets a field that has no value yet.
fn set<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

/// Whether a word is a weekday in English, whole or its first three letters.
fn is_weekday(word: &[u8]) -> bool {
    WEEKDAYS.iter().any(|name| {
        let short = name.get(..3).unwrap_or(name);
        word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(short)
    })
}

/// The offset from UTC, in seconds, of the text behind a clock: none, a name of UTC, or a number.
fn zone(text: &[u8]) -> Option<i64> {
    const UTC: [&[u8]; 5] = [b"", b"z", b"utc", b"gmt", b"ut"];
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")")).unwrap_or(text);
    if UTC.iter().any(|name| text.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let mut scanner = Scanner::new(text);
    scanner.offset(Some(0)).filter(|_| scanner.is_empty())
}

fn instant(date: (u32, u32, u32), clock: (u32, u32, u32), offset: i64) -> Option<Time> {
    let (year, month, day) = date;
    Some(Time::from_civil((i64::from(year), month, day), clock)?.plus(-offset))
}

/// Hour and minute between one of `marks`, and a second behind the same mark, if there is one. Its fraction
/// is skipped.
fn clock(scanner: &mut Scanner<'_>, marks: &[u8]) -> Option<(u32, u32, u32)> {
    let hour = scanner.one_or_two_digits()?;
    let mark = scanner.one_of(marks)?;
    let minute = scanner.digits(2)?;
    let has_second = matches!(scanner.rest(), [first, b'0'..=b'9', ..] if *first == mark);
    if !has_second {
        return Some((hour, minute, 0));
    }
    scanner.byte(mark)?;
    let second = scanner.digits(2)?;
    scanner.skip_fraction(b".,", 1);
    Some((hour, minute, second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(|time| time.to_string())
    }

    #[test]
    fn agrees_with_chrono_on_calendars_and_mail_dates() {
        assert_eq!(
            parse(b"Sat, 22 Aug 2026 03:00:29 +0200 (a comment, in words)").map(Time::unix),
            Some(1_787_360_429)
        );
        assert_eq!(parse(b"Sat, 22 Aug 2026 03:00:29 IST (a comment, in words)"), None);
        for seconds in (946_684_800..4_000_000_000).step_by(86_400 * 97 + 12_345) {
            let written = chrono::DateTime::from_timestamp(seconds, 0).expect("in range");
            let text = written.format("%Y-%m-%d %H:%M:%S").to_string();
            assert_eq!(parse(text.as_bytes()).map(Time::unix), Some(seconds), "{text}");
            assert_eq!(parse(written.to_rfc2822().as_bytes()).map(Time::unix), Some(seconds));
        }
    }

    proptest! {
        #[test]
        fn common_forms_are_read_as_any(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}Z?)?|[12][0-9]{3}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9]|[0-9: -]{8,20}") {
            if let Some(read) = common(text.as_bytes()) {
                prop_assert_eq!(read, parse_any(text.as_bytes()));
            }
        }
    }

    #[test]
    fn reads_every_form() {
        let rows = [
            ("2024-07-16 06:45:19", "2024-07-16T06:45:19Z"),
            ("2026-03-12", "2026-03-12T00:00:00Z"),
            ("2026-03-12 UTC", "2026-03-12T00:00:00Z"),
            ("2015-10-20T06:14:00+0000", "2015-10-20T06:14:00Z"),
            ("2015-10-20T06:14:00+02", "2015-10-20T04:14:00Z"),
            ("2022-11-16T14:08:44+00:00", "2022-11-16T14:08:44Z"),
            ("2022-11-16T14:08:44-05:30", "2022-11-16T19:38:44Z"),
            ("2015-09-02T09:21:53.093000", "2015-09-02T09:21:53Z"),
            ("2018-12-31 23:00:00 UTC", "2018-12-31T23:00:00Z"),
            ("2026-08-23 03:00:29,123 +0100", "2026-08-23T02:00:29Z"),
            ("2026-08-23 03:00-05:00", "2026-08-23T08:00:00Z"),
            ("2026-08-23+02:00", "2026-08-22T22:00:00Z"),
            ("2019-04-01 03:13:20Z", "2019-04-01T03:13:20Z"),
            ("2018-02-08T09:38:56.6512034Z", "2018-02-08T09:38:56Z"),
            ("2026-07-14T20:45:40", "2026-07-14T20:45:40Z"),
            ("2016-11-12 15:16", "2016-11-12T15:16:00Z"),
            ("2020/12/15 13:17:41", "2020-12-15T13:17:41Z"),
            ("2026:08:22:03:00:00", "2026-08-22T03:00:00Z"),
            ("2026-08-11-19-35-10", "2026-08-11T19:35:10Z"),
            ("20170226235356 UTC", "2017-02-26T23:53:56Z"),
            ("20160304", "2016-03-04T00:00:00Z"),
            ("Sat, 22 Aug 2026 03:00:29 +0200", "2026-08-22T01:00:29Z"),
            ("Sat, 22 Aug 2026 03:00:29 +0200 (CEST)", "2026-08-22T01:00:29Z"),
            ("Mon, 14 Sep 2015 04:39:22 GMT", "2015-09-14T04:39:22Z"),
            ("Wed, 22 Jan 20 12:15:23 +0000", "2020-01-22T12:15:23Z"),
            ("Wed, 22 Jan 97 12:15:23 +0000", "1997-01-22T12:15:23Z"),
            ("Tue Dec 15 15:33:38 2015 UTC", "2015-12-15T15:33:38Z"),
            ("Tue Dec 15 15:33:38 2015", "2015-12-15T15:33:38Z"),
            ("Sat Nov 12 00:15:01 UTC 2016", "2016-11-12T00:15:01Z"),
            ("Fri Aug  7 09:28:54 UTC 2026", "2026-08-07T09:28:54Z"),
            ("27 July 2026 12:00:00 (UTC)", "2026-07-27T12:00:00Z"),
            ("08 February 2026 03:26 PM UTC", "2026-02-08T15:26:00Z"),
            ("08 February 2026 12:26 AM UTC", "2026-02-08T00:26:00Z"),
            ("15-02-2019", "2019-02-15T00:00:00Z"),
            ("15-Feb-2019 10:00", "2019-02-15T10:00:00Z"),
            ("01/Aug/2018:09:49:41 +0200", "2018-08-01T07:49:41Z"),
            ("[01/Aug/2018:09:49:41 +0200]", "2018-08-01T07:49:41Z"),
            ("1441008970", "2015-08-31T08:16:10Z"),
            ("1441008970123", "2015-08-31T08:16:10Z"),
            ("131349599830000000", "2017-03-25T23:59:43Z"),
            ("  2024-07-16 06:45:19\r", "2024-07-16T06:45:19Z"),
        ];
        for (text, instant) in rows {
            assert_eq!(read(text).as_deref(), Some(instant), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_no_single_meaning() {
        let none = [
            "",
            " ",
            "0",
            "-",
            "None",
            "null",
            "[]",
            "0000-00-00 00:00:00",
            "Tue Feb 27 09:27:52 IST 2024",
            "Tue Mar 15 00:47:49 PDT 2016",
            "So 24. Jul 12:25:34 UTC 2022",
            "2021-09-26T20:42:00Z02:12",
            "12/9/15 23:02",
            "15/02/2019",
            "2026.0724.122534",
            "2026-02-30",
            "2026-13-01",
            "2026-08-22 25:00:00",
            "08 February 2026 13:26 PM",
            "08 February 2026 00:26 AM",
            "22 Aug",
            "Aug 2026",
            "12:00:00",
            "31-04-2019",
            "2026-08-22 03:00:00 tomorrow",
            "2026-08-22T03",
            "45.9.20.5",
            "1234567",
            "+0200",
            "1 Aug 2026 2 Sep 2026",
            "20261345",
            "2024-07-16 06:45:19.",
            "2026-08-23-05:00",
            "2026-08-23T03-05",
            "2026-08-23 03:00:29 +05630",
            "2026-08-23 03:00:29 +25:00",
            "2026-08-23 03:00:29 CEST",
            "Mon Mon Mon Mon Mon Mon Mon Mon Mon",
        ];
        for text in none {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse(b"\xff\xfe"), None);
    }

    proptest! {
        /// One instant in every form, in the offset that it is written in.
        #[test]
        fn reads_one_instant_in_every_form(seconds in 0i64..4_000_000_000, hours in -11i32..12) {
            let offset = chrono::FixedOffset::east_opt(hours * 3600).expect("an offset");
            let utc = chrono::DateTime::from_timestamp(seconds, 0).expect("in range");
            let local = utc.with_timezone(&offset);
            let forms = [
                "%Y-%m-%d %H:%M:%S%:z",
                "%Y/%m/%dT%H:%M:%S.25%z",
                "%Y:%m:%d %H:%M:%S%:z",
                "%Y%m%d%H%M%S%z",
                "%a, %d %b %Y %H:%M:%S %z",
                "%A %d %B %Y %I:%M:%S %p %z",
                "%a %b %e %H:%M:%S %z %Y",
                "%d/%b/%Y:%H:%M:%S %z",
                "%d-%m-%Y %H:%M:%S %:z",
            ];
            for form in forms {
                let text = local.format(form).to_string();
                prop_assert_eq!(parse(text.as_bytes()).map(Time::unix), Some(seconds), "{}", text);
            }
        }

        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..60), near in "[0-9TZ:/ .+-]{0,40}") {
            let _ = (parse(&text), parse(near.as_bytes()));
        }

        #[test]
        fn reads_what_a_time_prints(seconds in 0i64..4_000_000_000) {
            let time = Time::from_unix(seconds);
            prop_assert_eq!(parse(time.to_string().as_bytes()), Some(time));
        }
    }
}
