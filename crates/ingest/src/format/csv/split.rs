//! Splits one line into fields.
//!
//! Quotes are read as RFC 4180 defines them, and as publishers write them beyond it: a blank before an
//! opening quote (ThreatFox), `\"` inside quotes, a quote in the middle of a field without quotes, which opens
//! nothing. A field with line ends must close before a delimiter or a line end, within
//! [`RECORD_MAX`]. A quote that does not runs away: its line alone is rejected, and the next line begins
//! a record.
//!
//! Not the `csv` crate: it refuses or misreads these lines, and it copies every field. A property test
//! compares the two on lines that are well formed.

use crate::download::lines::RECORD_MAX;
use crate::format::token;
use rapsheet_snapshot::ParseError;
use std::borrow::Cow;

/// The fields of a line, without quotes and blanks around them. A line has at least one field.
pub(in crate::format) fn fields(line: &[u8], delimiter: u8) -> Result<Vec<Cow<'_, [u8]>>, ParseError> {
    let mut fields = Vec::with_capacity(16);
    let mut rest = line;
    loop {
        let (field, tail) = next(rest, delimiter)?;
        fields.push(field);
        match tail {
            Some(tail) => rest = tail,
            None => return Ok(fields),
        }
    }
}

/// How many fields [`plain_fields`] finds: more than nearly all tables have.
pub(super) const PLAIN_MAX: usize = 24;

/// As [`fields`], for a line with few fields and without an escape in quotes, which nearly every row is: the
/// fields are written to `places`, and nothing is allocated. `None` says nothing about the line.
pub(super) fn plain_fields<'l, 'p>(
    line: &'l [u8],
    delimiter: u8,
    places: &'p mut [&'l [u8]; PLAIN_MAX],
) -> Option<&'p [&'l [u8]]> {
    let (mut rest, mut count) = (Some(line), 0);
    while let Some(text) = rest {
        let place = places.get_mut(count)?;
        (*place, rest) = next_plain(text, delimiter)?;
        count += 1;
    }
    places.get(..count)
}

fn next_plain(text: &[u8], delimiter: u8) -> Option<(&[u8], Option<&[u8]>)> {
    let unblanked = if delimiter == b' ' { text } else { without_blanks(text) };
    let Some(quoted) = unblanked.strip_prefix(b"\"") else { return Some(cut(text, delimiter)) };
    let mark = memchr::memchr2(b'"', b'\\', quoted)?;
    let (field, after) = quoted.split_at_checked(mark)?;
    match after {
        [b'"', b'"', ..] | [b'\\', ..] => None,
        // Text between the closing quote and the delimiter is dropped.
        [_, after @ ..] if after.first() == Some(&delimiter) => Some((field, after.get(1..))),
        _ => Some((field, cut(after.get(1..)?, delimiter).1)),
    }
}

/// The text from its first byte on that is not a blank.
fn without_blanks(text: &[u8]) -> &[u8] {
    if text.first() != Some(&b' ') {
        return text;
    }
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    text.get(blanks..).unwrap_or(&[])
}

/// The text before the first delimiter, trimmed, and the text after it.
fn cut(text: &[u8], delimiter: u8) -> (&[u8], Option<&[u8]>) {
    match token::split_once(text, delimiter) {
        Some((field, rest)) => (field.trim_ascii(), Some(rest)),
        None => (text.trim_ascii(), None),
    }
}

/// A field, and the text after its delimiter; `None` where the field is the last one.
type FieldAndRest<'l> = (Cow<'l, [u8]>, Option<&'l [u8]>);

fn next(text: &[u8], delimiter: u8) -> Result<FieldAndRest<'_>, ParseError> {
    let blanks = text.iter().take_while(|byte| **byte == b' ' && delimiter != b' ').count();
    match text.get(blanks..) {
        Some([b'"', quoted @ ..]) => next_quoted(quoted, delimiter),
        _ => Ok(next_unquoted(text, delimiter)),
    }
}

fn next_unquoted(text: &[u8], delimiter: u8) -> FieldAndRest<'_> {
    let (field, rest) = cut(text, delimiter);
    (Cow::Borrowed(field), rest)
}

/// A quoted field, given the text after its opening quote. `""` and `\"` in it are a quote.
fn next_quoted(text: &[u8], delimiter: u8) -> Result<FieldAndRest<'_>, ParseError> {
    // The field so far, once it has an escape; until then it borrows from the line.
    let mut escaped: Option<Vec<u8>> = None;
    let mut at = 0;
    loop {
        let found =
            memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or(&[])).ok_or(ParseError::BadQuote)?;
        let mark = at + found;
        let pair = text.get(mark..mark + 2);
        let plain = text.get(at..mark).unwrap_or(&[]);
        match pair {
            Some(b"\"\"" | b"\\\"") => {
                let field = escaped.get_or_insert_with(Vec::new);
                field.extend_from_slice(plain);
                field.push(b'"');
                at = mark + 2;
            }
            _ if text.get(mark) == Some(&b'\\') => {
                let field = escaped.get_or_insert_with(Vec::new);
                field.extend_from_slice(plain);
                field.push(b'\\');
                at = mark + 1;
            }
            _ => {
                let field = match escaped {
                    Some(mut field) => {
                        field.extend_from_slice(plain);
                        Cow::Owned(field)
                    }
                    None => Cow::Borrowed(plain),
                };
                // Text between the closing quote and the delimiter is dropped.
                let (_, rest) = next_unquoted(text.get(mark + 1..).unwrap_or(&[]), delimiter);
                return Ok((field, rest));
            }
        }
    }
}

/// The length of the record that a text begins with, without its line end. `None` where a quote runs away.
pub(super) fn record_len(text: &[u8], delimiter: u8) -> Option<usize> {
    let text = text.get(..RECORD_MAX).unwrap_or(text);
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or(&[]);
        let blanks = rest.iter().take_while(|byte| **byte == b' ' && delimiter != b' ').count();
        if rest.get(blanks) == Some(&b'"') {
            at = closing(text, at + blanks + 1, delimiter)?;
        }
        let found = memchr::memchr3(delimiter, b'\n', b'\r', text.get(at..).unwrap_or(&[]));
        let Some(found) = found else { return Some(text.len()) };
        if text.get(at + found) != Some(&delimiter) {
            return Some(at + found);
        }
        at += found + 1;
    }
}

/// The offset behind the quote that closes a field, given the offset behind the one that opens it.
fn closing(text: &[u8], start: usize, delimiter: u8) -> Option<usize> {
    let mut at = start;
    loop {
        let mark = at + memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or(&[]))?;
        let next = text.get(mark + 1).copied();
        match (text.get(mark), next) {
            (Some(b'\\'), Some(b'"')) | (Some(b'"'), Some(b'"')) => at = mark + 2,
            (Some(b'\\'), _) => at = mark + 1,
            (_, None | Some(b'\n' | b'\r' | b' ')) => return Some(mark + 1),
            (_, Some(next)) if next == delimiter => return Some(mark + 1),
            // Text behind a quote that closes is dropped, where the field has no line end.
            _ if memchr::memchr2(b'\n', b'\r', text.get(start..mark).unwrap_or(&[])).is_none() => {
                return Some(mark + 1);
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, ParseError> {
        let texts = |fields: Vec<Cow<'_, [u8]>>| {
            fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect()
        };
        fields(line.as_bytes(), b',').map(texts)
    }

    #[test]
    fn reads_quotes_as_feeds_write_them() {
        for (line, expected) in [
            (r#""a", "b, c", x"#, vec!["a", "b, c", "x"]),
            (r#""say ""hi""",2"#, vec![r#"say "hi""#, "2"]),
            (r#""a\"b",2"#, vec![r#"a"b"#, "2"]),
            (r#"a"b,2,"#, vec![r#"a"b"#, "2", ""]),
            ("", vec![""]),
        ] {
            assert_eq!(split(line), Ok(expected.iter().map(ToString::to_string).collect()), "{line}");
        }
        assert_eq!(split(r#"1,"open,2"#), Err(ParseError::BadQuote));
    }

    #[test]
    fn finds_the_end_of_a_record_with_line_ends() {
        for (text, expected) in [
            ("a,\"one\ntwo\",3\nb", Some(13)),
            ("a,\"one\r\n\"\"two\"\"\"\r\nb", Some(16)),
            ("a,\"never closed\nb,\"c\"\n", None),
            ("a,\"never closed\nb,c\n", None),
            ("a,5\" disk\nb", Some(9)),
            ("\"a\"b,c\nd", Some(6)),
        ] {
            assert_eq!(record_len(text.as_bytes(), b','), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn plain_fields_are_all_fields(line in "[ab,;\" \\\\\t]{0,20}|(\"?[a-c ]{0,3}\"?[,;]){0,30}", delimiter in "[,; \t]") {
            let (line, delimiter) = (line.as_bytes(), delimiter.as_bytes()[0]);
            let all = fields(line, delimiter);
            if let Some(plain) = plain_fields(line, delimiter, &mut [&[]; PLAIN_MAX]) {
                let all = all.expect("what is plain has no error");
                proptest::prop_assert_eq!(plain, all.iter().map(|field| &**field).collect::<Vec<_>>());
            }
        }

        #[test]
        fn agrees_with_the_csv_crate_on_well_formed_lines(
            row in proptest::collection::vec("[a-z0-9,\"./ ]{0,12}", 1..8),
        ) {
            let row: Vec<String> = row.iter().map(|field| field.trim().to_owned()).collect();
            proptest::prop_assume!(row.len() > 1 || !row[0].is_empty());
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(&row).expect("memory takes it");
            let line = String::from_utf8(writer.into_inner().expect("memory")).expect("text");
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let expected: Vec<String> =
                reader.records().next().expect("a record").expect("sound").iter().map(str::to_owned).collect();
            proptest::prop_assert_eq!(split(line.trim_end()), Ok(expected));
        }
    }
}
