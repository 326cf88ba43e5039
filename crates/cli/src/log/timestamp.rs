//! When a record happened: timestamps in fields, and near the beginning of lines.
//!
//! A time without an offset is UTC, and one without a year is in the last year that puts it into the past.

use rapsheet_snapshot::Time;
use rapsheet_snapshot::timestamp::{Scanner, digits_len, month_of_abbreviation, number};

/// The names of fields that hold times, the likeliest first.
pub(super) const FIELDS: [&str; 10] = [
    "ts",
    "timestamp",
    "@timestamp",
    "time",
    "eventTime",
    "event_time",
    "datetime",
    "date_time",
    "date",
    "start",
];
/// How far into a line its time may begin, in bytes.
const LINE_PREFIX: usize = 200;
/// The longest RFC 3339 time that is read, in bytes.
const RFC3339_MAX: usize = 40;
/// How far into the future, in seconds, a time without a year may be before it counts as last year's: clocks
/// differ.
const FUTURE_MAX: i64 = 86_400;
/// How many years a log without years may be old. Five reach a leap year, so that 29 February is found.
const YEARS: i64 = 5;

/// The time that a field states: RFC 3339, or seconds, milliseconds, micro- or nanoseconds since 1970.
pub(super) fn of_field(text: &[u8], now: Time) -> Option<Time> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    since_epoch(text)
        .or_else(|| rfc3339(text))
        .or_else(|| clf(text))
        .or_else(|| bind(text))
        .or_else(|| syslog(text, now))
}

/// The first time near the beginning of a line.
pub(super) fn of_line(line: &[u8], now: Time) -> Option<Time> {
    let prefix = line.get(..LINE_PREFIX).unwrap_or(line);
    let word = prefix.split(|byte| b" \t,|;".contains(byte)).next().unwrap_or(&[]);
    let anywhere = || (0..prefix.len()).find_map(|at| at_start(line.get(at..)?, at == 0, now));
    since_epoch(word).or_else(anywhere)
}

/// The time that `text` begins with; forms that begin with a name are read at the first byte of a line only.
fn at_start(text: &[u8], is_line_start: bool, now: Time) -> Option<Time> {
    match text.first()? {
        b'[' => {
            let inner = text.get(1..)?;
            clf(inner).or_else(|| rfc3339(inner)).or_else(|| asctime(inner))
        }
        byte if byte.is_ascii_digit() => rfc3339(text).or_else(|| bind(text)),
        b'A'..=b'W' if is_line_start => syslog(text, now).or_else(|| asctime(text)),
        b'<' if is_line_start => {
            let end = memchr::memchr(b'>', text.get(..6)?)?;
            syslog(text.get(end + 1..)?, now)
        }
        _ => None,
    }
}

/// Seconds since 1970 with nine or ten digits, or a finer unit with more, and a fraction.
fn since_epoch(text: &[u8]) -> Option<Time> {
    let width = digits_len(text);
    let (digits, rest) = text.split_at_checked(width)?;
    let is_fraction = matches!(rest, [] | [b'.', ..]) && rest.iter().skip(1).all(u8::is_ascii_digit);
    let below_seconds = match width {
        9 | 10 => 0,
        13 => 3,
        16 => 6,
        19 => 9,
        _ => return None,
    };
    let seconds = number(digits.get(..width - below_seconds)?)?;
    is_fraction.then(|| Time::from_unix(seconds))
}

/// `2026-11-23T10:05:03Z`, with a blank for the `T`, a fraction, an offset, or without one; or a date alone,
/// if no other part of a time follows it.
fn rfc3339(text: &[u8]) -> Option<Time> {
    let mut scanner = Scanner::new(text.get(..RFC3339_MAX).unwrap_or(text));
    let date = scanner.date()?;
    if is_date_end(scanner.rest()) {
        return Time::from_civil(date, (0, 0, 0));
    }
    scanner.one_of(b"Tt ")?;
    let time = Time::from_civil(date, scanner.clock()?)?;
    scanner.skip_fraction(b".", 0);
    Some(time.plus(-rfc3339_offset(scanner)?))
}

/// Whether a date is followed by blanks and then by no part of a time.
fn is_date_end(text: &[u8]) -> bool {
    let next = text.iter().find(|byte| **byte != b' ');
    next.is_none_or(|byte| !byte.is_ascii_digit() && !b"-:.TtZz+".contains(byte))
}

/// The offset behind a clock, in seconds: 0 for `Z` and where there is none; `None` for one of another form.
fn rfc3339_offset(mut scanner: Scanner<'_>) -> Option<i64> {
    let [b'+' | b'-', zone @ ..] = scanner.rest() else { return Some(0) };
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b':';
    // Digits and colons behind the longest offset, `+02:00`, are not part of it.
    let width = match zone.iter().take(5).take_while(is_part).count() {
        0 | 1 => return Some(0),
        2 | 3 => 2,
        width => width,
    };
    let mut offset = Scanner::new(scanner.take(1 + width)?);
    offset.offset(None).filter(|_| offset.is_empty())
}

/// `17/May/2015:10:05:03 +0000`, as web servers write it. Another offset is read as UTC.
pub(super) fn clf(text: &[u8]) -> Option<Time> {
    let mut scanner = Scanner::new(text);
    let time = day_first(&mut scanner, [b'/', b'/', b':'])?;
    let offset = match scanner.rest() {
        [b' ', zone @ ..] if zone.get(3) != Some(&b':') => Scanner::new(zone).offset(None),
        _ => None,
    };
    Some(time.plus(-offset.unwrap_or(0)))
}

/// `23-Nov-2026 10:05:03.123`, as BIND writes it.
fn bind(text: &[u8]) -> Option<Time> {
    day_first(&mut Scanner::new(text), [b'-', b'-', b' '])
}

/// Day, abbreviated month, year and clock, with `separators` between them.
fn day_first(scanner: &mut Scanner<'_>, separators: [u8; 3]) -> Option<Time> {
    let day = scanner.digits(2)?;
    scanner.byte(separators[0])?;
    let month = month_of_abbreviation(scanner.take(3)?)?;
    scanner.byte(separators[1])?;
    let year = i64::from(scanner.digits(4)?);
    scanner.byte(separators[2])?;
    Time::from_civil((year, month, day), scanner.clock()?)
}

/// `Sun Dec 04 04:47:44 2005`, as C writes it, and Apache's error log, which may put a fraction before the
/// year.
fn asctime(text: &[u8]) -> Option<Time> {
    let mut scanner = Scanner::new(text);
    scanner.take(3)?;
    scanner.byte(b' ')?;
    let month = month_of_abbreviation(scanner.take(3)?)?;
    scanner.byte(b' ')?;
    let day = if scanner.one_of(b" ").is_some() { scanner.digits(1)? } else { scanner.digits(2)? };
    scanner.byte(b' ')?;
    let clock = scanner.clock()?;
    scanner.skip_fraction(b".", 0);
    scanner.byte(b' ')?;
    Time::from_civil((i64::from(scanner.digits(4)?), month, day), clock)
}

/// `Nov 23 10:05:03`, as syslog writes it, in the year that puts it into the past of `now`.
fn syslog(text: &[u8], now: Time) -> Option<Time> {
    let month = month_of_abbreviation(text.get(..3)?)?;
    let mut scanner = Scanner::new(text.get(3..15)?);
    scanner.skip_blanks();
    let day = scanner.one_or_two_digits()?;
    scanner.byte(b' ')?;
    let hour = scanner.one_or_two_digits()?;
    scanner.byte(b':')?;
    let minute = scanner.one_or_two_digits()?;
    scanner.byte(b':')?;
    let clock = (hour, minute, scanner.one_or_two_digits()?);
    scanner.skip_blanks();
    let in_year = |year| Time::from_civil((year, month, day), clock);
    let mut years = (0..YEARS).filter_map(|back| in_year(now.year() - back));
    scanner.is_empty().then(|| years.find(|time| *time <= now.plus(FUTURE_MAX))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time")
    }

    #[test]
    fn reads_the_time_of_a_line() {
        for (line, expected) in [
            ("45.9.20.5 - - [17/May/2015:10:05:03 +0200] \"GET /\"", Some("2015-05-17T08:05:03Z")),
            ("2026-11-22T10:05:03.123Z host", Some("2026-11-22T10:05:03Z")),
            ("2026-11-22 10:05:03,123 INFO", Some("2026-11-22T10:05:03Z")),
            ("[2026-11-22 10:05:03+01:00] x", Some("2026-11-22T09:05:03Z")),
            ("id=7 at 2026-11-22T10:05:03+0100", Some("2026-11-22T09:05:03Z")),
            ("1521911720.865 87 10.0.0.1 TCP_MISS", Some("2018-03-24T17:15:20Z")),
            ("Nov 22 10:05:03 host sshd: x", Some("2026-11-22T10:05:03Z")),
            ("Dec  2 10:05:03 host sshd: x", Some("2025-12-02T10:05:03Z")),
            ("<34>Nov 22 10:05:03 host x", Some("2026-11-22T10:05:03Z")),
            ("<165>1 2026-11-22T10:05:03.003Z host app - - -", Some("2026-11-22T10:05:03Z")),
            ("[Sun Nov 22 10:05:03 2026] [error]", Some("2026-11-22T10:05:03Z")),
            ("[Sun Nov 22 10:05:03.123456 2026] [core:error]", Some("2026-11-22T10:05:03Z")),
            ("Sun Nov  2 10:05:03 2026 x", Some("2026-11-02T10:05:03Z")),
            ("22-Nov-2026 10:05:03.123 queries: info: client", Some("2026-11-22T10:05:03Z")),
            ("nothing 45.9.20.5 10:05:03", None),
            ("1.2.3.4 12345", None),
            ("", None),
        ] {
            let expected = expected.and_then(Time::parse_rfc3339);
            assert_eq!(of_line(line.as_bytes(), now()), expected, "{line}");
        }
    }

    #[test]
    fn reads_the_time_of_a_field() {
        for (field, expected) in [
            ("1521911720.865716", Some(1_521_911_720)),
            ("1521911720865", Some(1_521_911_720)),
            ("\"2018-03-24T17:15:20.865716Z\"", Some(1_521_911_720)),
            ("2018-03-24 17:15:20", Some(1_521_911_720)),
            ("17/May/2015:10:05:03 +0200", Some(1_431_849_903)),
            ("Nov 22 10:05:03", Some(1_795_341_903)),
            ("-", None),
            ("12", None),
        ] {
            assert_eq!(of_field(field.as_bytes(), now()), expected.map(Time::from_unix), "{field}");
        }
    }

    /// Forms that this reader refuses or reads as something else than they seem: feeds and arguments differ
    /// here.
    #[test]
    fn keeps_the_forms_of_logs() {
        for (field, expected) in [
            ("2026-11-22", Some("2026-11-22T00:00:00Z")),
            ("2026-11-22 INFO", Some("2026-11-22T00:00:00Z")),
            ("2026-11-22T10:05", None),
            ("2026-11-22-x", None),
            ("2026-11-22T10:05:03+01", None),
            ("2026-11-22T10:05:03-x", Some("2026-11-22T10:05:03Z")),
            ("2026-11-22T10:05:03.", Some("2026-11-22T10:05:03Z")),
            ("2026-11-22T10:05:03,5+01:00", Some("2026-11-22T10:05:03Z")),
            ("2026-11-22T10:05:03+01:000", Some("2026-11-22T09:05:03Z")),
            ("2026-13-22T10:05:03Z", None),
            ("17/May/2015:10:05:03", Some("2015-05-17T10:05:03Z")),
            ("17/May/2015:10:05:03 +02:00", Some("2015-05-17T10:05:03Z")),
            ("17/may/2015:10:05:03", None),
            ("7/May/2015:10:05:03", None),
            ("Nov 2 10:05:03 host", Some("2026-11-02T10:05:03Z")),
            ("Nov 2 10:05:03", None),
            ("Feb 29 10:05:03", Some("2024-02-29T10:05:03Z")),
            ("Nov 23 23:59:59", Some("2026-11-23T23:59:59Z")),
            ("Nov 25 00:00:00", Some("2025-11-25T00:00:00Z")),
            ("152191172", Some("1974-10-28T11:19:32Z")),
            ("1521911720.", Some("2018-03-24T17:15:20Z")),
            ("1521911720865716", Some("2018-03-24T17:15:20Z")),
            ("1521911720865716123", Some("2018-03-24T17:15:20Z")),
            ("1521911720.x", None),
            ("15219117208", None),
        ] {
            let expected = expected.and_then(Time::parse_rfc3339);
            assert_eq!(of_field(field.as_bytes(), now()), expected, "{field}");
        }
    }

    proptest::proptest! {
        /// One instant in every form that logs write, in the offset that they write it in.
        #[test]
        fn reads_one_instant_in_every_form(seconds in 1_700_000_000i64..1_790_000_000, hours in -11i64..12) {
            const MONTHS: [&str; 12] =
                ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let time = Time::from_unix(seconds);
            let (utc, local) = (time.to_string(), time.plus(hours * 3600).to_string());
            let part = |text: &str, from: usize, to: usize| text[from..to].to_owned();
            let month = |text: &str| MONTHS[part(text, 5, 7).parse::<usize>().expect("a month") - 1];
            let (sign, offset) = (if hours < 0 { '-' } else { '+' }, hours.abs());
            let (date, clock) = (part(&local, 0, 10), part(&local, 11, 19));
            let forms = [
                utc.clone(),
                format!("{date} {clock}.123{sign}{offset:02}:00"),
                format!("{date}T{clock}{sign}{offset:02}00"),
                format!("{}/{}/{}:{clock} {sign}{offset:02}00", &local[8..10], month(&local), &local[..4]),
                format!("{}-{}-{} {}.5", &utc[8..10], month(&utc), &utc[..4], &utc[11..19]),
                format!("{seconds}.865"),
                format!("{seconds}865"),
                format!("{seconds}865716"),
            ];
            for form in forms {
                proptest::prop_assert_eq!(of_field(form.as_bytes(), now()), Some(time), "{}", form);
            }
            let asctime = format!("[Sun {} {} {} {}] x", month(&utc), &utc[8..10], &utc[11..19], &utc[..4]);
            proptest::prop_assert_eq!(of_line(asctime.as_bytes(), now()), Some(time), "{}", asctime);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(
            proptest::sample::select(b"0123456789-:/T Z+.[]<>MayNov\xff".to_vec()), 0..80,
        )) {
            let _ = (of_line(&text, now()), of_field(&text, now()));
        }
    }
}
