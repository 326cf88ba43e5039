//! The instants that feeds write, in the shapes in which they write them.
//!
//! A time without a zone is UTC, for that is what publishers mean who say nothing. What has two readings has
//! none here: `12/9/15` may be September or December, and `IST` is India, Israel or Ireland. Such a time is
//! absent, and the indicator keeps the time of its download. Nothing here allocates: a night reads millions
//! of rows, most of them as `2026-08-23 03:00:29`.

use rapsheet_snapshot::Time;

/// Seconds from the start of FILETIME, 1601, to that of Unix time.
const FILETIME_TO_UNIX: i64 = 11_644_473_600;
/// The longest date of a mail header that is worth reading, in bytes.
const MAIL_DATE_MAX: usize = 128;
const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];
const WEEKDAYS: [&[u8]; 7] =
    [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

/// Reads a time; `None` where it is none, or none that has one meaning.
pub fn parse(text: &[u8]) -> Option<Time> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, text.get(digits)) {
        (10 | 13 | 18, None) => counted(text),
        (8 | 14, _) => compact(text),
        (4, Some(b'-' | b'/' | b':')) => year_first(text),
        _ => in_words(text).or_else(|| mail_date(text)),
    }
}

/// What RFC 2822 allows beyond words in order, comments among it, is chrono's to read; but not its obsolete zones,
/// because a zone that is a word has several meanings or none.
fn mail_date(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAIL_DATE_MAX)?;
    let numeric_zone = text.contains(['+', '-']) && !text.ends_with(|last: char| last.is_ascii_alphabetic());
    let read = numeric_zone.then(|| chrono::DateTime::parse_from_rfc2822(text).ok()).flatten()?;
    Some(Time::from_unix(read.timestamp()))
}

/// Reads a span as the catalogue writes it, `15d`, `12h`, `30m`, `90s` or `2w`, in seconds.
pub fn span_seconds(text: &str) -> Option<i64> {
    let (unit, digits) = text.as_bytes().split_last()?;
    let unit = match unit {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 604_800,
        _ => return None,
    };
    number(digits)?.checked_mul(unit)
}

/// Seconds or milliseconds since 1970, or tenths of microseconds since 1601; the width tells which.
fn counted(digits: &[u8]) -> Option<Time> {
    let count = number(digits)?;
    Some(Time::from_unix(match digits.len() {
        10 => count,
        13 => count / 1000,
        _ => count / 10_000_000 - FILETIME_TO_UNIX,
    }))
}

/// `20170226`, `20170226235356`, and either with a zone.
fn compact(text: &[u8]) -> Option<Time> {
    let mut rest = Rest(text);
    let date = (rest.digits(4)?, rest.two()?, rest.two()?);
    let clock = match rest.two() {
        Some(hour) => (hour, rest.two()?, rest.two()?),
        None => (0, 0, 0),
    };
    instant(date, clock, zone(rest.0)?)
}

/// `2026-08-23 03:00:29` and its kin: any of `-/:` in the date, `T` or blanks before the clock, seconds, a
/// fraction and a zone or none of them.
fn year_first(text: &[u8]) -> Option<Time> {
    let mut rest = Rest(text);
    let year = rest.digits(4)?;
    let mark = rest.one_of(b"-/:")?;
    let month = rest.one_or_two()?;
    rest.one_of(&[mark])?;
    let date = (year, month, rest.one_or_two()?);
    if rest.one_of(&[b'T', b't', b' ', mark]).is_none() {
        return instant(date, (0, 0, 0), zone(rest.0)?);
    }
    rest.skip_blanks();
    if !rest.0.first().is_some_and(u8::is_ascii_digit) {
        return instant(date, (0, 0, 0), zone(rest.0)?);
    }
    let clock = rest.clock(b":-")?;
    instant(date, clock, zone(rest.0)?)
}

/// What has a month's name, or stands day first: RFC 2822, asctime, access logs, and prose.
fn in_words(text: &[u8]) -> Option<Time> {
    let mut found = Words::default();
    let words = text.split(|byte| matches!(byte, b' ' | b'\t' | b',')).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        // No shape has more words than this one: Sat, 22 Aug 2026 03:00:29 PM +0200 (CEST).
        if index > 8 {
            return None;
        }
        found.take(word)?;
    }
    found.instant()
}

/// What the words of a time have said so far. A word that says a thing twice, or nothing, ends the reading.
#[derive(Default)]
struct Words {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    clock: Option<(u32, u32, u32)>,
    afternoon: Option<bool>,
    zone: Option<i64>,
}

impl Words {
    fn take(&mut self, word: &[u8]) -> Option<()> {
        match word.first()? {
            b'0'..=b'9' => self.figures(word),
            b'(' if self.zone.is_some() => Some(()),
            b'+' | b'-' | b'(' => set(&mut self.zone, zone(word)?),
            _ => self.name(word),
        }
    }

    fn name(&mut self, word: &[u8]) -> Option<()> {
        if named(&WEEKDAYS, word).is_some() {
            return Some(());
        }
        if let Some(index) = named(&MONTHS, word) {
            return set(&mut self.month, u32::try_from(index + 1).ok()?);
        }
        if word.eq_ignore_ascii_case(b"am") || word.eq_ignore_ascii_case(b"pm") {
            return set(&mut self.afternoon, word.eq_ignore_ascii_case(b"pm"));
        }
        set(&mut self.zone, zone(word)?)
    }

    fn figures(&mut self, word: &[u8]) -> Option<()> {
        let mut rest = Rest(word);
        let width = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let first = number(word.get(..width)?)?;
        match (width, word.get(width)) {
            (4, None) => set(&mut self.year, first),
            (1 | 2, None) if self.day.is_none() => set(&mut self.day, u32::try_from(first).ok()?),
            // RFC 2822 says so: up to 49 is this century.
            (2, None) => set(&mut self.year, if first < 50 { 2000 + first } else { 1900 + first }),
            (1 | 2, Some(b':')) => {
                set(&mut self.clock, rest.clock(b":")?)?;
                rest.0.is_empty().then_some(())
            }
            (1 | 2, Some(&mark @ (b'-' | b'/'))) => self.day_first(rest, mark),
            _ => None,
        }
    }

    /// `15-02-2019`, `15-Feb-2019`, or `01/Aug/2018:09:49:41`. Figures between slashes may be month first,
    /// so they say nothing.
    fn day_first(&mut self, mut rest: Rest<'_>, mark: u8) -> Option<()> {
        set(&mut self.day, rest.one_or_two()?)?;
        rest.one_of(&[mark])?;
        let width = rest.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if width > 0 {
            self.name(rest.0.get(..width)?)?;
            rest.0 = rest.0.get(width..)?;
        } else if mark == b'-' {
            set(&mut self.month, rest.two()?)?;
        }
        rest.one_of(&[mark])?;
        set(&mut self.year, i64::from(rest.digits(4)?))?;
        if rest.one_of(b":").is_some() {
            set(&mut self.clock, rest.clock(b":")?)?;
        }
        rest.0.is_empty().then_some(())
    }

    fn instant(self) -> Option<Time> {
        let (hour, minute, second) = self.clock.unwrap_or_default();
        let hour = match (self.afternoon, hour) {
            (None, _) => hour,
            (Some(afternoon), 1..=12) => hour % 12 + if afternoon { 12 } else { 0 },
            (Some(_), _) => return None,
        };
        let date = (u32::try_from(self.year?).ok()?, self.month?, self.day?);
        instant(date, (hour, minute, second), self.zone.unwrap_or(0))
    }
}

/// Sets what was not said before.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Which of these names it is, whole or as its first three letters.
fn named(names: &[&[u8]], word: &[u8]) -> Option<usize> {
    names.iter().position(|name| {
        let short = name.get(..3).unwrap_or(name);
        word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(short)
    })
}

/// The offset from UTC, in seconds, of what stands behind a clock.
fn zone(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"(").and_then(|inner| inner.strip_suffix(b")")).unwrap_or(text);
    const UTC: [&[u8]; 5] = [b"", b"z", b"utc", b"gmt", b"ut"];
    if UTC.iter().any(|name| text.eq_ignore_ascii_case(name)) {
        return Some(0);
    }
    let mut rest = Rest(text);
    let sign = if rest.one_of(b"+-")? == b'-' { -1 } else { 1 };
    let hours = rest.two()?;
    rest.one_of(b":");
    let minutes = if rest.0.is_empty() { 0 } else { rest.two()? };
    let fits = rest.0.is_empty() && hours < 24 && minutes < 60;
    fits.then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

fn instant(date: (u32, u32, u32), clock: (u32, u32, u32), offset: i64) -> Option<Time> {
    let (year, month, day) = date;
    Some(Time::from_civil((i64::from(year), month, day), clock)?.plus(-offset))
}

/// A number of digits alone; at most 18, so that it fits.
fn number(digits: &[u8]) -> Option<i64> {
    let fits = (1..=18).contains(&digits.len());
    let add = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
    fits.then(|| digits.iter().try_fold(0, add)).flatten()
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (head, tail) = self.0.split_at_checked(count)?;
        let value = u32::try_from(number(head)?).ok()?;
        self.0 = tail;
        Some(value)
    }

    fn two(&mut self) -> Option<u32> {
        self.digits(2)
    }

    fn one_or_two(&mut self) -> Option<u32> {
        self.digits(2).or_else(|| self.digits(1))
    }

    fn one_of(&mut self, marks: &[u8]) -> Option<u8> {
        let (&first, tail) = self.0.split_first()?;
        marks.contains(&first).then(|| self.0 = tail).map(|()| first)
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Hour and minute, and a second with a fraction, which is cut off, where they stand.
    fn clock(&mut self, marks: &[u8]) -> Option<(u32, u32, u32)> {
        let hour = self.one_or_two()?;
        let mark = self.one_of(marks)?;
        let minute = self.two()?;
        if self.0.first() != Some(&mark) || !self.0.get(1).is_some_and(u8::is_ascii_digit) {
            return Some((hour, minute, 0));
        }
        self.one_of(&[mark])?;
        let second = self.two()?;
        if let [b'.' | b',', tail @ ..] = self.0 {
            let width = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
            self.0 = if width > 0 { tail.get(width..)? } else { self.0 };
        }
        Some((hour, minute, second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(|time| time.to_string())
    }

    #[test]
    fn mail_dates_may_hold_comments_and_calendars_agree() {
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

    #[test]
    fn every_shape_has_its_instant() {
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
    fn what_has_no_single_meaning_is_absent() {
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
            "Mon Mon Mon Mon Mon Mon Mon Mon Mon",
        ];
        for text in none {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(parse(b"\xff\xfe"), None);
    }

    #[test]
    fn spans_are_a_number_and_a_unit() {
        let rows = [("15d", 1_296_000), ("12h", 43_200), ("30m", 1800), ("90s", 90), ("2w", 1_209_600)];
        for (text, seconds) in rows {
            assert_eq!(span_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "d", "15", "15 d", "-1d", "1.5h", "15D", "1y", "é", "999999999999999999w"] {
            assert_eq!(span_seconds(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in proptest::collection::vec(any::<u8>(), 0..60), near in "[0-9TZ:/ .+-]{0,40}") {
            let _ = (parse(&text), parse(near.as_bytes()), span_seconds(&near));
        }

        #[test]
        fn what_a_time_prints_is_what_it_reads(seconds in 0i64..4_000_000_000) {
            let time = Time::from_unix(seconds);
            prop_assert_eq!(parse(time.to_string().as_bytes()), Some(time));
        }
    }
}
