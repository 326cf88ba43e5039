//! The parts of a written timestamp: digits, dates, clocks, fractions, offsets and month names.
//!
//! Three readers accept three sets of forms, because what is ambiguous differs: [`Time::parse_rfc3339`] reads
//! arguments and the file's own output, `rapsheet_ingest` reads columns and headers of feeds, and
//! the command line reads log lines. All three are built from this scanner, so a digit, an offset or a month
//! name means the same everywhere. There is no calendar library here: a snapshot is read on small hosts, and
//! a build reads millions of rows, so nothing allocates and every step is a few instructions.
//!
//! [`Time::parse_rfc3339`]: crate::Time::parse_rfc3339

/// The English month names, January first.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The month of a name in English, whole or its first three letters, in any case: 1 for `january` and `JAN`.
pub fn month_of_name(word: &[u8]) -> Option<u32> {
    month_where(|name| word.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(abbreviation(name)))
}

/// The month of the three letters that logs write: 1 for `Jan`, none for `jan`.
pub fn month_of_abbreviation(word: &[u8]) -> Option<u32> {
    month_where(|name| word == abbreviation(name))
}

fn month_where(is_month: impl Fn(&[u8]) -> bool) -> Option<u32> {
    (1..).zip(MONTHS).find(|(_, name)| is_month(name.as_bytes())).map(|(month, _)| month)
}

fn abbreviation(name: &[u8]) -> &[u8] {
    name.get(..3).unwrap_or(name)
}

/// The value of a text that is digits and nothing else, at most 18 of them: so many fit an `i64`.
#[inline]
pub fn number(digits: &[u8]) -> Option<i64> {
    let fits = (1..=18).contains(&digits.len());
    let add = |sum: i64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'));
    fits.then(|| digits.iter().try_fold(0, add)).flatten()
}

/// How many digits a text begins with.
#[inline]
pub fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Reads parts of a timestamp from left to right. A method that returns `None` may have read half of its
/// part, so a reader that tries another form begins with a new scanner.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'t>(&'t [u8]);

impl<'t> Scanner<'t> {
    /// Begins at the first byte of a text.
    #[inline]
    pub const fn new(text: &'t [u8]) -> Scanner<'t> {
        Scanner(text)
    }

    /// The unread text.
    #[inline]
    pub const fn rest(&self) -> &'t [u8] {
        self.0
    }

    /// Whether everything is read.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Exactly `width` digits, at most nine.
    #[inline]
    pub fn digits(&mut self, width: usize) -> Option<u32> {
        let (head, tail) = self.0.split_at_checked(width)?;
        let add = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
        let value = head.iter().try_fold(0, add)?;
        self.0 = tail;
        Some(value)
    }

    /// Two digits, or one.
    #[inline]
    pub fn one_or_two_digits(&mut self) -> Option<u32> {
        self.digits(2).or_else(|| self.digits(1))
    }

    /// One of these bytes.
    #[inline]
    pub fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (&first, tail) = self.0.split_first()?;
        bytes.contains(&first).then(|| self.0 = tail).map(|()| first)
    }

    /// This byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) -> Option<()> {
        self.one_of(&[byte]).map(|_| ())
    }

    /// The next `width` bytes, whatever they are.
    #[inline]
    pub fn take(&mut self, width: usize) -> Option<&'t [u8]> {
        let (head, tail) = self.0.split_at_checked(width)?;
        self.0 = tail;
        Some(head)
    }

    /// Skips ASCII white space.
    #[inline]
    pub const fn skip_blanks(&mut self) {
        self.0 = self.0.trim_ascii_start();
    }

    /// Skips one of these marks and the digits after it: a snapshot stores whole seconds. The mark is left
    /// unread if fewer than `least` digits follow.
    #[inline]
    pub fn skip_fraction(&mut self, marks: &[u8], least: usize) {
        let mut fraction = *self;
        if fraction.one_of(marks).is_some() {
            let width = digits_len(fraction.0);
            if width >= least {
                self.0 = fraction.0.get(width..).unwrap_or(&[]);
            }
        }
    }

    /// `2026-08-23`: year, month and day.
    #[inline]
    pub fn date(&mut self) -> Option<(i64, u32, u32)> {
        let year = i64::from(self.digits(4)?);
        self.byte(b'-')?;
        let month = self.digits(2)?;
        self.byte(b'-')?;
        Some((year, month, self.digits(2)?))
    }

    /// `10:05:03`: hour, minute and second.
    #[inline]
    pub fn clock(&mut self) -> Option<(u32, u32, u32)> {
        let hour = self.digits(2)?;
        self.byte(b':')?;
        let minute = self.digits(2)?;
        self.byte(b':')?;
        Some((hour, minute, self.digits(2)?))
    }

    /// `+02:00` or `-0530`: seconds east of UTC. Where the text ends after the hours, the minutes are
    /// `minutes_at_end`; without it, the offset is rejected.
    #[inline]
    pub fn offset(&mut self, minutes_at_end: Option<u32>) -> Option<i64> {
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        self.one_of(b":");
        let minutes = if self.is_empty() { minutes_at_end? } else { self.digits(2)? };
        let fits = hours < 24 && minutes < 60;
        fits.then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parts_from_left_to_right() {
        let mut scanner = Scanner::new(b"2026-08-23T10:05:03.25+02:00 x");
        assert_eq!(scanner.date(), Some((2026, 8, 23)));
        assert_eq!(scanner.one_of(b"Tt "), Some(b'T'));
        assert_eq!(scanner.clock(), Some((10, 5, 3)));
        scanner.skip_fraction(b".,", 1);
        assert_eq!(scanner.offset(None), Some(7200));
        assert_eq!(scanner.rest(), b" x");
    }

    #[test]
    fn reads_offsets_in_their_forms() {
        let read = |text: &[u8], minutes| {
            let mut scanner = Scanner::new(text);
            scanner.offset(minutes).filter(|_| scanner.is_empty())
        };
        for (text, expected) in [
            (b"+02:00".as_slice(), Some(7200)),
            (b"-0530", Some(-19_800)),
            (b"+23:59", Some(86_340)),
            (b"+24:00", None),
            (b"+00:60", None),
            (b"+2:00", None),
            (b"02:00", None),
            (b"+02:000", None),
            (b"+02", None),
            (b"", None),
        ] {
            assert_eq!(read(text, None), expected, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!([read(b"+02", Some(0)), read(b"-02:", Some(0))], [Some(7200), Some(-7200)]);
    }

    #[test]
    fn keeps_a_fraction_mark_without_enough_digits() {
        let rest = |text: &'static [u8], least| {
            let mut scanner = Scanner::new(text);
            scanner.skip_fraction(b".,", least);
            scanner.rest()
        };
        assert_eq!(
            [rest(b".123Z", 1), rest(b",1", 0), rest(b".Z", 0), rest(b".Z", 1)],
            [b"Z".as_slice(), b"", b"Z", b".Z"]
        );
    }

    #[test]
    fn reads_month_names() {
        for (number, name) in (1..).zip(MONTHS) {
            assert_eq!(month_of_name(name.to_uppercase().as_bytes()), Some(number));
            assert_eq!(month_of_name(name[..3].to_lowercase().as_bytes()), Some(number));
            assert_eq!(month_of_abbreviation(&name.as_bytes()[..3]), Some(number));
        }
        assert_eq!(month_of_abbreviation(b"jan").or(month_of_name(b"Janu")).or(month_of_name(b"")), None);
    }

    #[test]
    fn reads_numbers_that_fit() {
        assert_eq!(number(b"999999999999999999"), Some(999_999_999_999_999_999));
        for text in [b"".as_slice(), b"+1", b"1a", b"1000000000000000000"] {
            assert_eq!(number(text), None);
        }
    }
}
