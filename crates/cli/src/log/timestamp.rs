//! When a record happened: timestamps in fields, and near the beginning of lines.
//!
//! A time without an offset is UTC, and one without a year is in the last year that puts it into the past. A
//! time that is written and not understood is no time, and no later one in the line stands in for it: a zone
//! that is a word (`CEST`), an offset of another form, `03/04/2026`, 30 February.

use rapsheet_snapshot::Time;
use rapsheet_snapshot::timestamp::{Scanner, digits_len, month_of_abbreviation, number};

/// The names of fields that hold times, the likeliest first.
pub(super) const FIELDS: [&str; 16] = [
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
    "Timestamp",
    "Time",
    "Date",
    "DateTime",
    "Receive Time",
    "UtcTime",
];
/// Where a field holds a clock, its date is in one of these.
pub(super) const DATES: [&str; 3] = ["date", "Date", "day"];
/// Where a field holds a date, its clock is in one of these.
pub(super) const CLOCKS: [&str; 2] = ["time", "Time"];
/// The offset of a time is in one of these, in any case.
const ZONES: [&str; 4] = ["tz", "timezone", "time_zone", "tz_offset"];
/// As they are written.
pub(super) const ZONE_SPELLINGS: [&str; 14] = [
    "tz",
    "timezone",
    "time_zone",
    "tz_offset",
    "TZ",
    "TIMEZONE",
    "TIME_ZONE",
    "TZ_OFFSET",
    "Timezone",
    "TimeZone",
    "timeZone",
    "Time_Zone",
    "Tz",
    "TZ_Offset",
];
/// How far into a line its time may begin, in bytes.
const LINE_PREFIX: usize = 200;
/// How far into the future, in seconds, a time without a year may be before it counts as last year's: clocks
/// differ.
const FUTURE_MAX: i64 = 86_400;
/// How many years a log without years may be old. Five reach a leap year, so that 29 February is found.
const YEARS: i64 = 5;
/// Abbreviations of zones that are read by none: most have several meanings, and all of those that differ
/// from UTC shift a time that is taken for UTC.
const LOCAL_ZONES: &str = " CET CEST MET MEST MEZ MESZ WET WEST EET EEST BST IST MSK MSD TRT SAST CAT \
    EAT WAT EST EDT CST CDT MST MDT PST PDT AKST AKDT HST HDT AST ADT NST NDT ART BRT BRST CLT CLST COT PET \
    VET UYT GST PKT NPT ICT WIB WITA WIT PHT SGT MYT HKT CT JST KST AEST AEDT ACST ACDT AWST NZST NZDT ";
/// The first part of a zone of the tz database, `Europe/Berlin`.
const AREAS: [&[u8]; 11] = [
    b"Europe",
    b"America",
    b"Asia",
    b"Africa",
    b"Australia",
    b"Atlantic",
    b"Pacific",
    b"Indian",
    b"Antarctica",
    b"Etc",
    b"US",
];

/// The signs of offsets where a writer escapes them.
const ESCAPED_SIGNS: [&[u8]; 10] =
    [b"%2B", b"%2b", b"%2D", b"%2d", b"\\u002b", b"\\u002B", b"\\u002d", b"\\u002D", b"&#43;", b"&#x2b;"];

/// What a text says about when something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// It states no time.
    Nothing,
    /// It states a time, which cannot be read, or has several meanings.
    Unclear,
    /// This instant.
    At(Time),
}

impl Stated {
    fn of(read: Option<Time>) -> Stated {
        read.map_or(Stated::Unclear, Stated::At)
    }

    /// This, or what `other` states where this is nothing.
    pub(super) fn or_else(self, other: impl FnOnce() -> Stated) -> Stated {
        if self == Stated::Nothing { other() } else { self }
    }
}

/// Which of two numbers between slashes is the month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DateOrder {
    /// A number above 12 tells; else the date has two readings, and is unclear.
    #[default]
    Unknown,
    MonthFirst,
    DayFirst,
}

type Date = (i64, u32, u32);
type Clock = (u32, u32, u32);

/// The time that a field states: a timestamp, or seconds, milli-, micro- or nanoseconds since 1970.
pub(super) fn of_field(cell: &[u8], now: Time) -> Stated {
    let text = unquoted(cell);
    let text = if text.contains(&b'\\') { without_escapes(&text) } else { text };
    if let Some(time) = since_epoch(&text) {
        return Stated::At(time);
    }
    match digits_len(&text) {
        width if width > 8 && width == text.len() => Stated::Unclear,
        _ => at_start(&text, true, now, DateOrder::Unknown),
    }
}

/// As [`of_field`], with a zone in a field of its own, which counts where the time states no offset.
pub(super) fn of_field_in(cell: &[u8], zone: impl FnOnce() -> Option<Vec<u8>>, now: Time) -> Stated {
    let stated = of_field(cell, now);
    let Stated::At(time) = stated else { return stated };
    let behind = |zone: &[u8]| of_field(&[&*unquoted(cell), b" ", zone].concat(), now);
    // An offset that is added changes nothing where there is one already.
    if behind(b"+0001") != Stated::At(time.plus(-60)) {
        return stated;
    }
    match zone().map(|zone| unquoted(&zone)) {
        Some(zone) if is_whole_zone(&zone) => behind(&zone),
        Some(_) => Stated::Unclear,
        None => stated,
    }
}

/// The first of these names that is a zone's.
pub(super) fn zone_of(names: &[Vec<u8>]) -> Option<&[u8]> {
    let named = |zone: &str| names.iter().find(|name| name.eq_ignore_ascii_case(zone.as_bytes()));
    ZONES.into_iter().find_map(named).map(Vec::as_slice)
}

/// The time of a date, a clock and, if there is one, an offset in fields of their own.
pub(super) fn of_parts(date: &[u8], clock: &[u8], zone: Option<&[u8]>, now: Time) -> Stated {
    let mut text = [&*unquoted(date), b" ", &*unquoted(clock)].concat();
    let zone = zone.map(unquoted).filter(|zone| !zone.is_empty() && zone != b"-");
    if let Some(zone) = zone {
        if !is_whole_zone(&zone) {
            return Stated::Unclear;
        }
        text.push(b' ');
        text.extend_from_slice(&zone);
    }
    // A clock that is none, `-`, leaves the date without its time.
    if is_clock(&unquoted(clock)) { at_start(&text, true, now, DateOrder::Unknown) } else { Stated::Unclear }
}

/// Whether a cell is a clock without a date.
pub(super) fn is_clock(cell: &[u8]) -> bool {
    clock(&mut Scanner::new(&unquoted(cell))).is_some()
}

/// Whether a cell is a date without a clock.
pub(super) fn is_date(cell: &[u8]) -> bool {
    let text = unquoted(cell);
    let fits = (8..=11).contains(&text.len()) && !text.contains(&b':') && digits_len(&text) < text.len();
    let completed = || [&*text, b" 00:00:00"].concat();
    fits && at_start(&completed(), true, Time::EARLIEST, DateOrder::Unknown) != Stated::Nothing
}

fn unquoted(cell: &[u8]) -> Vec<u8> {
    let text = cell.trim_ascii();
    text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text).to_vec()
}

/// `2026\/11\/27` and `10:00:00\u002b01:00`, as some writers of JSON escape them.
fn without_escapes(text: &[u8]) -> Vec<u8> {
    let read = serde_json::from_slice(&[b"\"", text, b"\""].concat());
    read.map_or_else(|_| text.to_vec(), String::into_bytes)
}

/// The first time near the beginning of a line.
pub(super) fn of_line(line: &[u8], now: Time) -> Stated {
    of_line_in(line, now, DateOrder::Unknown)
}

/// As [`of_line`], where it is known which number is the month.
pub(super) fn of_line_in(line: &[u8], now: Time, order: DateOrder) -> Stated {
    let prefix = line.get(..LINE_PREFIX).unwrap_or(line);
    let word = prefix.split(|byte| b" \t,|;".contains(byte)).next().unwrap_or(&[]);
    let inner = word.strip_prefix(b"[").and_then(|word| word.strip_suffix(b"]")).unwrap_or(word);
    if let Some(time) = since_epoch(inner) {
        return Stated::At(time);
    }
    let starts = (0..prefix.len()).filter(|at| may_begin(line, *at));
    let mut stated = starts.map(|at| at_start(line.get(at..).unwrap_or(&[]), at == 0, now, order));
    stated.find(|stated| *stated != Stated::Nothing).unwrap_or(Stated::Nothing)
}

/// Whether a time may begin at a byte of a line: not inside of a number, and not inside of an address or a
/// version, unless with a year.
fn may_begin(line: &[u8], at: usize) -> bool {
    let rest = line.get(at..).unwrap_or(&[]);
    match at.checked_sub(1).and_then(|before| line.get(before)) {
        Some(b'0'..=b'9') => !rest.first().is_some_and(u8::is_ascii_digit),
        Some(b'.' | b'/' | b'-' | b':') => !matches!(digits_len(rest), 1..=3),
        _ => true,
    }
}

/// The time that `text` begins with; forms that begin with a name are read at the first byte of a line only.
fn at_start(text: &[u8], is_line_start: bool, now: Time, order: DateOrder) -> Stated {
    let Some(first) = text.first() else { return Stated::Nothing };
    match first {
        b'[' => {
            let inner = text.get(1..).unwrap_or(&[]);
            let is_name = inner.first().is_some_and(u8::is_ascii_alphabetic);
            if is_name { month_first(inner, now) } else { day_or_year_first(inner, now, order) }
        }
        b'0'..=b'9' => day_or_year_first(text, now, order),
        b'A'..=b'W' | b'*' if is_line_start => month_first(text, now),
        b'<' if is_line_start => behind_priority(text, now),
        b'(' => of_audit(text),
        _ => Stated::Nothing,
    }
}

/// The time that a text begins with whose first word is a month or a weekday.
pub(super) fn of_name(text: &[u8], now: Time) -> Stated {
    if text.first().is_some_and(u8::is_ascii_alphabetic) { month_first(text, now) } else { Stated::Nothing }
}

/// What follows `<34>`: a month's name. Any other time is found where it begins.
fn behind_priority(text: &[u8], now: Time) -> Stated {
    let end = text.get(..6).and_then(|head| memchr::memchr(b'>', head));
    let Some(rest) = end.and_then(|end| text.get(end + 1..)) else { return Stated::Nothing };
    month_first(rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start(), now)
}

/// `audit(1795773600.123:45)`, as Linux's audit daemon writes it.
fn of_audit(text: &[u8]) -> Stated {
    let end = text.get(..24).and_then(|head| memchr::memchr(b':', head));
    let seconds = end.and_then(|end| text.get(1..end)).filter(|text| text.contains(&b'.'));
    seconds.and_then(since_epoch).map_or(Stated::Nothing, Stated::At)
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

fn day_or_year_first(text: &[u8], now: Time, order: DateOrder) -> Stated {
    match (digits_len(text), text.get(4)) {
        (4, Some(b'-' | b'/')) => year_first(text).unwrap_or(Stated::Nothing),
        (1 | 2, _) => {
            named_month(text).or_else(|| numeric_month(text, now, order)).unwrap_or(Stated::Nothing)
        }
        _ => Stated::Nothing,
    }
}

/// `2026-11-23T10:05:03Z` or `2026/11/23 10:05:03`, with a fraction, an offset, or without them; or a date
/// alone, if no other part of a time follows it. `None` for no date.
fn year_first(text: &[u8]) -> Option<Stated> {
    let mut scanner = Scanner::new(text);
    let year = i64::from(scanner.digits(4)?);
    let mark = scanner.one_of(b"-/")?;
    let month = scanner.digits(2)?;
    scanner.byte(mark)?;
    let date = (year, month, scanner.digits(2)?);
    let rest = scanner.rest();
    if skip_separator(&mut scanner) {
        return Some(clocked(date, scanner));
    }
    let is_alone = mark == b'-' && is_date_end(rest);
    is_alone.then(|| Stated::of(Time::from_civil(date, (0, 0, 0))))
}

/// Skips what is between a date and its clock: a `T`, blanks, or the delimiter of two columns. `false` where
/// no clock follows.
fn skip_separator(scanner: &mut Scanner<'_>) -> bool {
    let mut behind = *scanner;
    let is_quoted = matches!(behind.rest(), [b'"', b',' | b';' | b'|' | b'\t', b'"', ..]);
    let is_column = is_quoted || matches!(behind.rest(), [b',' | b';' | b'|', ..]);
    if is_quoted {
        behind.take(3);
    } else if behind.one_of(b"Tt_,;|").is_none() || is_column {
        behind.skip_blanks();
    }
    let moved = behind.rest().len() < scanner.rest().len();
    let width = digits_len(behind.rest());
    let is_clock = moved && (1..=2).contains(&width) && behind.rest().get(width) == Some(&b':');
    if is_clock {
        *scanner = behind;
    }
    is_clock
}

/// Whether a date is followed by blanks and then by no part of a time.
fn is_date_end(text: &[u8]) -> bool {
    let next = text.iter().find(|byte| **byte != b' ');
    next.is_none_or(|byte| !byte.is_ascii_digit() && !b"-:.TtZz+".contains(byte))
}

/// `17/May/2015:10:05:03 +0000`, `23-Nov-2026 10:05:03.123` and `27 Nov 2026 10:00:00`: day, abbreviated
/// month and year. `None` for no such date.
fn named_month(text: &[u8]) -> Option<Stated> {
    let mut scanner = Scanner::new(text);
    let day = scanner.one_or_two_digits()?;
    let mark = scanner.one_of(b"/- ")?;
    let month = month_of_abbreviation(scanner.take(3)?)?;
    scanner.byte(mark)?;
    let date = (i64::from(scanner.digits(4)?), month, day);
    if scanner.one_of(b":").is_none() && !skip_separator(&mut scanner) {
        return None;
    }
    Some(clocked(date, scanner))
}

/// Whether a text begins like `17/May/2015:10:05:03`. Shape alone: a kind does not depend on the zone behind.
pub(super) fn is_clf(text: &[u8]) -> bool {
    let read = || {
        let mut scanner = Scanner::new(text);
        scanner.digits(2)?;
        scanner.byte(b'/')?;
        month_of_abbreviation(scanner.take(3)?)?;
        scanner.byte(b'/')?;
        scanner.digits(4)?;
        scanner.byte(b':')?;
        scanner.clock()
    };
    read().is_some()
}

/// `11/27/2026 10:00:00 AM`, `27.11.2026 10:00:00`, and Suricata's and Snort's `11/27/2026-10:00:00.123456`
/// and `11/27-10:00:00.123456`. `None` for no such date.
fn numeric_month(text: &[u8], now: Time, order: DateOrder) -> Option<Stated> {
    let mut scanner = Scanner::new(text);
    let first = scanner.one_or_two_digits()?;
    let mark = scanner.one_of(b"/-.")?;
    let second = scanner.one_or_two_digits()?;
    if mark == b'/' && is_clock_behind_dash(scanner.rest()) {
        scanner.one_of(b"-");
        return Some(without_year((first, second), clock(&mut scanner)?, scanner, now));
    }
    scanner.byte(mark)?;
    let width = digits_len(scanner.rest());
    if width != 2 && width != 4 {
        return None;
    }
    let year = i64::from(scanner.digits(width)?);
    let is_of_suricata = mark == b'/' && is_clock_behind_dash(scanner.rest());
    if is_of_suricata {
        scanner.one_of(b"-");
    } else if !skip_separator(&mut scanner) {
        return None;
    }
    let order = match mark {
        b'.' => DateOrder::DayFirst,
        _ if is_of_suricata => DateOrder::MonthFirst,
        _ => order,
    };
    let date = ordered(year, first, second, order).filter(|_| width == 4);
    Some(date.map_or(Stated::Unclear, |date| clocked(date, scanner)))
}

fn is_clock_behind_dash(text: &[u8]) -> bool {
    let shape = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    text.first() == Some(&b'-') && shape(1) && shape(2) && text.get(3) == Some(&b':') && shape(4)
}

fn ordered(year: i64, first: u32, second: u32, order: DateOrder) -> Option<Date> {
    match order {
        DateOrder::MonthFirst => Some((year, first, second)),
        DateOrder::DayFirst => Some((year, second, first)),
        DateOrder::Unknown if first > 12 || first == second => Some((year, second, first)),
        DateOrder::Unknown => (second > 12).then_some((year, first, second)),
    }
}

/// Whether lines of a log write the month or the day first, by the first date that tells.
pub(super) fn date_order(head: &[u8]) -> DateOrder {
    let order = |line: &[u8]| {
        let mut scanner = Scanner::new(line);
        let first = scanner.one_or_two_digits()?;
        scanner.byte(b'/')?;
        let second = scanner.one_or_two_digits()?;
        scanner.byte(b'/')?;
        scanner.digits(4)?;
        match (first > 12, second > 12) {
            (true, false) => Some(DateOrder::DayFirst),
            (false, true) => Some(DateOrder::MonthFirst),
            _ => None,
        }
    };
    head.split(|byte| *byte == b'\n').find_map(order).unwrap_or_default()
}

/// Forms that begin with a month or a weekday: `Nov 23 10:05:03`, as syslog writes it, `Nov 27 2026
/// 10:00:00`, as Cisco's ASA does, and `Sun Dec 04 04:47:44 2005`, as C and Apache's error log do.
fn month_first(text: &[u8], now: Time) -> Stated {
    let text = text.strip_prefix(b"*").unwrap_or(text);
    let behind_weekday = text.get(3..).filter(|_| is_weekday(text.get(..3).unwrap_or(&[])));
    let text = behind_weekday.map_or(text, |rest| rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start());
    if text.first().is_some_and(u8::is_ascii_digit) {
        return named_month(text).unwrap_or(Stated::Nothing);
    }
    named_date(text, now).unwrap_or(Stated::Nothing)
}

fn is_weekday(word: &[u8]) -> bool {
    [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"].iter().any(|day| word == *day)
}

/// A month's name, a day, and a clock before or behind a year, or without one. `None` for no such date.
fn named_date(text: &[u8], now: Time) -> Option<Stated> {
    let mut scanner = Scanner::new(text);
    let month = month_of_abbreviation(scanner.take(3)?)?;
    scanner.byte(b' ')?;
    scanner.skip_blanks();
    let day = scanner.one_or_two_digits()?;
    scanner.one_of(b",");
    scanner.byte(b' ')?;
    if digits_len(scanner.rest()) == 4 {
        let date = (i64::from(scanner.digits(4)?), month, day);
        return skip_separator(&mut scanner).then(|| clocked(date, scanner));
    }
    let clock = clock(&mut scanner)?;
    match year_behind(scanner) {
        Some((year, zone)) => Some(instant((year, month, day), clock, Scanner::new(zone))),
        None => Some(without_year((month, day), clock, scanner, now)),
    }
}

/// The year behind a clock, and the zone before it, or else what follows it.
fn year_behind(mut scanner: Scanner<'_>) -> Option<(i64, &[u8])> {
    scanner.skip_fraction(b".,", 1);
    let text = scanner.rest().strip_prefix(b" ")?;
    let is_year = |word: &[u8]| word.len() == 4 && digits_len(word) == 4;
    let word_of = |text: &'_ [u8]| text.iter().take_while(|byte| !b" ]:,".contains(byte)).count();
    let (word, rest) = text.split_at_checked(word_of(text))?;
    if is_year(word) {
        return Some((number(word)?, rest));
    }
    let behind = rest.strip_prefix(b" ").filter(|_| is_whole_zone(word) || is_local_zone(word))?;
    let year = behind.get(..word_of(behind)).filter(|word| is_year(word))?;
    Some((number(year)?, text.get(..word.len())?))
}

/// The instant of a month and a day in the last year that puts it into the past of `now`.
fn without_year((month, day): (u32, u32), clock: Clock, scanner: Scanner<'_>, now: Time) -> Stated {
    let in_year = |year| match instant((year, month, day), clock, scanner) {
        Stated::At(time) if time <= now.plus(FUTURE_MAX) => Some(time),
        _ => None,
    };
    Stated::of((0..YEARS).find_map(|back| in_year(now.year() - back)))
}

/// `10:05:03`, or without seconds.
fn clock(scanner: &mut Scanner<'_>) -> Option<Clock> {
    let hour = scanner.one_or_two_digits()?;
    scanner.byte(b':')?;
    let minute = scanner.digits(2)?;
    let mut behind = *scanner;
    if behind.one_of(b":").is_none() {
        return (!scanner.rest().starts_with(b".")).then_some((hour, minute, 0));
    }
    let second = behind.digits(2)?;
    *scanner = behind;
    Some((hour, minute, second))
}

/// The instant of a date and of the clock that follows.
fn clocked(date: Date, mut scanner: Scanner<'_>) -> Stated {
    match clock(&mut scanner) {
        Some(clock) => instant(date, clock, scanner),
        None => Stated::Unclear,
    }
}

/// The instant of a date and a clock, given what follows the clock: a fraction, half of the day, and a zone.
fn instant(date: Date, clock: Clock, mut scanner: Scanner<'_>) -> Stated {
    scanner.skip_fraction(b".,:", 1);
    let read = || {
        let (hour, behind) = hour_of_day(clock.0, scanner.rest())?;
        let offset = offset(behind)?;
        Some(Time::from_civil(date, (hour, clock.1, clock.2))?.plus(-offset))
    };
    Stated::of(read())
}

/// The hour of the day, given what follows a clock, and the text behind `AM` or `PM`.
fn hour_of_day(hour: u32, text: &[u8]) -> Option<(u32, &[u8])> {
    let word = text.strip_prefix(b" ").unwrap_or(text);
    let is_afternoon = match word {
        [b'A', b'M', ..] | [b'a', b'm', ..] => false,
        [b'P', b'M', ..] | [b'p', b'm', ..] => true,
        _ => return Some((hour, text)),
    };
    let behind = word.get(2..)?;
    match behind.first() {
        Some(byte) if byte.is_ascii_alphanumeric() => Some((hour, text)),
        _ if !(1..=12).contains(&hour) => None,
        _ => Some((hour % 12 + if is_afternoon { 12 } else { 0 }, behind)),
    }
}

/// The offset behind a clock, in seconds: 0 where there is none; `None` for one that is not understood.
fn offset(text: &[u8]) -> Option<i64> {
    let zone = text.trim_ascii_start();
    let is_apart = zone.len() < text.len();
    // Behind more than a blank, a number is more likely another column than a malformed offset.
    let is_column = is_apart && text.get(..text.len() - zone.len()) != Some(b" ");
    match zone {
        [b'+' | b'-', b'0'..=b'9', ..] => {
            let offset = numeric_offset(zone, false).map(|(offset, _)| offset);
            if is_column { offset.or(Some(0)) } else { offset }
        }
        [b'0'..=b'9', ..] if !is_apart => None,
        // A point without digits, and signs in other codes.
        [b'.', b'+' | b'-', ..] | [0xe2, 0x88, 0x92, ..] => None,
        _ if ESCAPED_SIGNS.iter().any(|sign| zone.starts_with(sign)) => None,
        [b'(', inner @ ..] => named_offset(inner, true),
        [letter, ..] if letter.is_ascii_alphabetic() => named_offset(zone, is_apart),
        _ => Some(0),
    }
}

/// `+0100`, `+01:00` or `+01`, and its length; with `may_be_short` also `+1`.
fn numeric_offset(text: &[u8], may_be_short: bool) -> Option<(i64, usize)> {
    let mut scanner = Scanner::new(text);
    let sign = if scanner.one_of(b"+-")? == b'-' { -1 } else { 1 };
    let width = digits_len(scanner.rest());
    let hours = match width {
        2 | 4 => scanner.digits(2)?,
        1 if may_be_short => scanner.digits(1)?,
        _ => return None,
    };
    let has_minutes = width == 4 || matches!(scanner.rest(), [b':', b'0'..=b'9', ..]);
    if width < 4 && has_minutes {
        scanner.byte(b':')?;
    }
    let minutes = if has_minutes { scanner.digits(2)? } else { 0 };
    let is_end = match scanner.rest() {
        [byte, ..] if byte.is_ascii_alphanumeric() => false,
        [b':' | b'-' | b'+' | b'.' | b'/', b'0'..=b'9', ..] => false,
        _ => true,
    };
    let fits = is_end && hours < 24 && minutes < 60;
    let length = text.len() - scanner.rest().len();
    fits.then(|| (sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60), length))
}

/// The offset of a zone that is a word: 0 for the names of UTC, and for a word that is no zone.
fn named_offset(text: &[u8], is_apart: bool) -> Option<i64> {
    let word = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at_checked(word)?;
    let is_word = rest.first().is_none_or(|byte| b" ()[]{}:,;|\"'<>\t+-".contains(byte));
    if is_word && is_utc(word) {
        return match rest {
            [b'+' | b'-', b'0'..=b'9', ..] => numeric_offset(rest, true).map(|(offset, _)| offset),
            _ => Some(0),
        };
    }
    let is_area = AREAS.contains(&word) && matches!(rest, [b'/', b'A'..=b'Z', ..]);
    let is_zone = is_area || is_word && is_local_zone(word);
    (!is_zone && is_apart).then_some(0)
}

fn is_utc(word: &[u8]) -> bool {
    [b"Z".as_slice(), b"UTC", b"GMT", b"UT"].iter().any(|name| word.eq_ignore_ascii_case(name))
}

fn is_local_zone(word: &[u8]) -> bool {
    (2..=5).contains(&word.len())
        && word.iter().all(u8::is_ascii_uppercase)
        && memchr::memmem::find(LOCAL_ZONES.as_bytes(), &[b" ", word, b" "].concat()).is_some()
}

/// Whether a text is an offset or a name of UTC, and no more.
fn is_whole_zone(text: &[u8]) -> bool {
    is_utc(text) || numeric_offset(text, false).is_some_and(|(_, length)| length == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stated: Stated) -> Option<Time> {
        if let Stated::At(time) = stated { Some(time) } else { None }
    }

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
            assert_eq!(read(of_line(line.as_bytes(), now())), expected, "{line}");
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
            assert_eq!(read(of_field(field.as_bytes(), now())), expected.map(Time::from_unix), "{field}");
        }
    }

    /// Forms that this reader refuses or reads as something else than they seem: feeds and arguments differ
    /// here.
    #[test]
    fn keeps_the_forms_of_logs() {
        for (field, expected) in [
            ("2026-11-22", Some("2026-11-22T00:00:00Z")),
            ("2026-11-22 INFO", Some("2026-11-22T00:00:00Z")),
            ("2026-11-22T10:05", Some("2026-11-22T10:05:00Z")),
            ("2026-11-22-x", None),
            ("2026-11-22T10:05:03+01", Some("2026-11-22T09:05:03Z")),
            ("2026-11-22T10:05:03-x", Some("2026-11-22T10:05:03Z")),
            ("2026-11-22T10:05:03.", Some("2026-11-22T10:05:03Z")),
            ("2026-11-22T10:05:03,5+01:00", Some("2026-11-22T09:05:03Z")),
            ("2026-11-22T10:05:03+01:000", None),
            ("2026-13-22T10:05:03Z", None),
            ("17/May/2015:10:05:03", Some("2015-05-17T10:05:03Z")),
            ("17/May/2015:10:05:03 +02:00", Some("2015-05-17T08:05:03Z")),
            ("17/may/2015:10:05:03", None),
            ("7/May/2015:10:05:03", Some("2015-05-07T10:05:03Z")),
            ("Nov 2 10:05:03 host", Some("2026-11-02T10:05:03Z")),
            ("Nov 2 10:05:03", Some("2026-11-02T10:05:03Z")),
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
            assert_eq!(read(of_field(field.as_bytes(), now())), expected, "{field}");
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
                proptest::prop_assert_eq!(of_field(form.as_bytes(), now()), Stated::At(time), "{}", form);
            }
            let asctime = format!("[Sun {} {} {} {}] x", month(&utc), &utc[8..10], &utc[11..19], &utc[..4]);
            proptest::prop_assert_eq!(of_line(asctime.as_bytes(), now()), Stated::At(time), "{}", asctime);
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
