//! When a record says it happened.
//!
//! Tables and objects have a field for it; a line of text has the time somewhere near its beginning, in one of a few
//! forms. A time without an offset is UTC, and one without a year is in the last year that puts it into the past.

use rapsheet_snapshot::Time;

/// The names that fields with times have, the likeliest first.
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
const NEAR: usize = 200;
const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The time that a field states: RFC 3339, or seconds, milliseconds, micro- or nanoseconds since 1970.
pub(super) fn of_field(text: &[u8], now: Time) -> Option<Time> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    seconds(text)
        .or_else(|| iso(text))
        .or_else(|| clf(text))
        .or_else(|| dashed(text))
        .or_else(|| syslog(text, now))
}

/// The first time that stands near the beginning of a line.
pub(super) fn of_line(line: &[u8], now: Time) -> Option<Time> {
    let near = line.get(..NEAR).unwrap_or(line);
    let word = near.split(|byte| b" \t,|;".contains(byte)).next().unwrap_or(&[]);
    let anywhere = || (0..near.len()).find_map(|at| at_byte(line.get(at..)?, at == 0, now));
    seconds(word).or_else(anywhere)
}

/// A time that begins with the first byte of `text`; the form without a year only where a line begins.
fn at_byte(text: &[u8], is_first: bool, now: Time) -> Option<Time> {
    match text.first()? {
        b'[' => {
            let inner = text.get(1..)?;
            clf(inner).or_else(|| iso(inner)).or_else(|| asctime(inner))
        }
        byte if byte.is_ascii_digit() => iso(text).or_else(|| dashed(text)),
        b'A'..=b'W' if is_first => syslog(text, now).or_else(|| asctime(text)),
        b'<' if is_first => {
            let end = memchr::memchr(b'>', text.get(..6)?)?;
            let rest = text.get(end + 1..)?;
            syslog(rest, now)
        }
        _ => None,
    }
}

/// Seconds since 1970 with ten digits, or finer units with more.
fn seconds(text: &[u8]) -> Option<Time> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, rest) = text.split_at_checked(digits)?;
    let is_fraction = matches!(rest, [] | [b'.', ..]) && rest.iter().skip(1).all(u8::is_ascii_digit);
    let number: i64 = std::str::from_utf8(whole).ok()?.parse().ok()?;
    let unit = match digits {
        9 | 10 => 1,
        13 => 1000,
        16 => 1_000_000,
        19 => 1_000_000_000,
        _ => return None,
    };
    is_fraction.then(|| Time::from_unix(number / unit))
}

/// `2026-11-23T10:05:03Z`, with a blank for the `T`, a fraction, an offset, or none, or the date alone where that is all.
fn iso(text: &[u8]) -> Option<Time> {
    let text = text.get(..text.len().min(40))?;
    let is_part = |byte: &&u8| byte.is_ascii_digit() || b"-:.T tZz+".contains(byte);
    let end = text.iter().take_while(is_part).count();
    let text = std::str::from_utf8(text.get(..end)?).ok()?.trim_end();
    let clock_end = text.get(19..).map(|rest| {
        let fraction = rest
            .strip_prefix(['.', ','])
            .map_or(0, |rest| 1 + rest.bytes().take_while(u8::is_ascii_digit).count());
        19 + fraction
    });
    let offset_len = |at: usize| match text.as_bytes().get(at) {
        Some(b'Z' | b'z') => Some(1),
        Some(b'+' | b'-') => [6, 5, 3].into_iter().find(|length| {
            text.get(at + 1..at + length)
                .is_some_and(|zone| zone.bytes().all(|byte| byte.is_ascii_digit() || byte == b':'))
        }),
        _ => None,
    };
    let Some(clock_end) = clock_end else {
        return if text.len() == 10 { Time::parse_rfc3339(text) } else { None };
    };
    match offset_len(clock_end) {
        Some(length) => Time::parse_rfc3339(text.get(..clock_end + length)?),
        None => Time::parse_rfc3339(&format!("{}Z", text.get(..clock_end)?)),
    }
}

/// `17/May/2015:10:05:03 +0000`, as web servers write it.
pub(super) fn clf(text: &[u8]) -> Option<Time> {
    let time = by_month(text, [b'/', b'/', b':'])?;
    let number = |from: usize, to: usize| number(text, from, to);
    let offset = match (text.get(20..22), number(22, 24), number(24, 26)) {
        (Some(b" +"), Some(hours), Some(minutes)) => i64::from(hours * 3600 + minutes * 60),
        (Some(b" -"), Some(hours), Some(minutes)) => -i64::from(hours * 3600 + minutes * 60),
        _ => 0,
    };
    Some(time.plus(-offset))
}

/// `23-Nov-2026 10:05:03.123`, as BIND writes it.
fn dashed(text: &[u8]) -> Option<Time> {
    by_month(text, [b'-', b'-', b' '])
}

/// Day, month by name, year and time of day, with these marks between the first four.
fn by_month(text: &[u8], [first, second, third]: [u8; 3]) -> Option<Time> {
    let marks = [(2, first), (6, second), (11, third), (14, b':'), (17, b':')];
    if !marks.iter().all(|(at, mark)| text.get(*at) == Some(mark)) {
        return None;
    }
    let number = |from: usize, to: usize| number(text, from, to);
    let date = (i64::from(number(7, 11)?), month(text.get(3..6)?)?, number(0, 2)?);
    Time::from_civil(date, (number(12, 14)?, number(15, 17)?, number(18, 20)?))
}

/// `Sun Dec 04 04:47:44 2005`, as C writes it, and Apache's error log, which may put a fraction before the year.
fn asctime(text: &[u8]) -> Option<Time> {
    let number = |from: usize, to: usize| number(text, from, to);
    let fraction = text.get(19..).filter(|rest| rest.first() == Some(&b'.'));
    let digits =
        fraction.map_or(0, |rest| 1 + rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count());
    let marks = [(3, b' '), (7, b' '), (10, b' '), (13, b':'), (16, b':'), (19 + digits, b' ')];
    if !marks.iter().all(|(at, mark)| text.get(*at) == Some(mark)) {
        return None;
    }
    let day = std::str::from_utf8(text.get(8..10)?).ok()?.trim_start().parse().ok()?;
    let date = (i64::from(number(20 + digits, 24 + digits)?), month(text.get(4..7)?)?, day);
    Time::from_civil(date, (number(11, 13)?, number(14, 16)?, number(17, 19)?))
}

fn number(text: &[u8], from: usize, to: usize) -> Option<u32> {
    std::str::from_utf8(text.get(from..to)?).ok()?.parse().ok()
}

/// `Nov 23 10:05:03`, as syslog writes it, in the year that puts it into the past of `now`.
fn syslog(text: &[u8], now: Time) -> Option<Time> {
    let month = month(text.get(..3)?)?;
    let rest = std::str::from_utf8(text.get(3..15)?).ok()?;
    let (day, clock) = rest.trim_start().split_once(' ')?;
    let mut parts = clock.split(':').map(|part| part.trim_end().parse::<u32>().ok());
    let clock = (parts.next()??, parts.next()??, parts.next()??);
    let year: i64 = now.to_string().get(..4)?.parse().ok()?;
    let day = day.parse().ok()?;
    let is_past = |time: &Time| *time <= now.plus(86_400);
    [year, year - 1, year - 2, year - 3, year - 4]
        .iter()
        .filter_map(|year| Time::from_civil((*year, month, day), clock))
        .find(is_past)
}

fn month(text: &[u8]) -> Option<u32> {
    (1..).zip(MONTHS).find(|(_, name)| *name == text).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Time {
        Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time")
    }

    #[test]
    fn lines_say_when_in_many_ways() {
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
    fn fields_are_numbers_or_texts() {
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

    proptest::proptest! {
        #[test]
        fn no_bytes_are_too_strange(text in proptest::collection::vec(proptest::sample::select(b"0123456789-:/T Z+.[]<>MayNov\xff".to_vec()), 0..80)) {
            let _ = (of_line(&text, now()), of_field(&text, now()));
        }
    }
}
