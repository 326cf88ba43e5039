//! Lines of keys and values. A kind provides a function that visits the pairs of a line; masking, field
//! access and annotation follow from it.

use super::positional::Cursor;
use super::timestamp::{self, Stated};
use super::{Annotation, Fields, Log, RecordFormat, blank, first_line, is_selected, line_len, text};
use rapsheet_snapshot::Time;
use std::ops::Range;

/// How the lines of a kind are read.
pub(super) struct PairFormat {
    /// Visits the pairs of a line; `None` where the line is not of this kind.
    pub(super) read: fn(&[u8], &mut VisitPair<'_>) -> Option<()>,
    /// The keys that may have the record's time, the likeliest first.
    pub(super) times: &'static [&'static str],
}

/// Takes the key and the range of a value.
pub(super) type VisitPair<'v> = dyn FnMut(&[u8], Range<usize>) + 'v;

impl PairFormat {
    /// A log of these lines.
    pub(super) fn log(&'static self) -> Log {
        Log::new(self)
    }

    /// Whether the first line of a log is of this kind.
    pub(super) fn detect(&self, head: &[u8]) -> bool {
        (self.read)(first_line(head), &mut |_, _| {}).is_some()
    }
}

impl RecordFormat for &'static PairFormat {
    fn fields(&self) -> Fields<'_> {
        Fields::Any
    }

    fn each_key(&self, record: &[u8], visit: &mut dyn FnMut(&[u8])) {
        let _ = (self.read)(record, &mut |key, _| visit(key));
    }

    fn mask(&self, block: &[u8], fields: &[String], out: &mut Vec<u8>) -> bool {
        if fields.is_empty() {
            return false;
        }
        out.extend(block.iter().map(|byte| blank(*byte)));
        let mut start = 0;
        while start < block.len() {
            let rest = block.get(start..).unwrap_or(&[]);
            let line = first_line(rest);
            let mut copy = |name: &[u8], at: Range<usize>| {
                let place = start + at.start..start + at.end;
                if let (true, Some(from), Some(to)) =
                    (is_selected(name, fields), line.get(at), out.get_mut(place))
                {
                    to.copy_from_slice(from);
                }
            };
            let _ = (self.read)(line, &mut copy);
            start += line_len(rest);
        }
        true
    }

    fn field(&self, record: &[u8], name: &str) -> Option<Vec<u8>> {
        let mut found = None;
        (self.read)(record, &mut |key, at| {
            if key == name.as_bytes() && found.is_none() {
                found = record.get(at).map(<[u8]>::to_vec);
            }
        })?;
        found
    }

    fn time_fields(&self) -> &'static [&'static str] {
        self.times
    }

    fn time_of_line(&self, record: &[u8], now: Time) -> Stated {
        timestamp::of_line(record, now)
    }

    fn annotate(&self, record: &[u8], annotation: &Annotation<'_>, out: &mut Vec<u8>) {
        text::annotate(record, annotation, out);
    }
}

/// Visits pairs between blanks, or between commas if a comma is behind the first of them, from `start`; a
/// value may be quoted. Returns how many pairs and how many other words there are.
pub(super) fn between_blanks(line: &[u8], start: usize, visit: &mut VisitPair<'_>) -> (usize, usize) {
    let (mut pairs, mut others, mut at) = (0, 0, start);
    let mut separator = None;
    while at < line.len() {
        let text = line.get(at..).unwrap_or(&[]);
        if text.first().is_some_and(|byte| *byte == b' ' || Some(*byte) == separator) {
            at += 1;
            continue;
        }
        let name = key_len(text).unwrap_or(0);
        let value_at = at + name + 1;
        if name == 0 {
            others += 1;
            at += value_len(text, separator.unwrap_or(b' '));
            continue;
        }
        pairs += 1;
        let value = line.get(value_at..).unwrap_or(&[]);
        let quoted = if value.first() == Some(&b'"') { Cursor::new(line, value_at).quoted() } else { None };
        let is_comma = *separator.get_or_insert_with(|| separator_behind(value, quoted.as_ref())) == b',';
        // A quotation mark without its end is part of the value.
        let plain = || value_at..value_at + value_len(value, if is_comma { b',' } else { b' ' });
        at = quoted.as_ref().map_or_else(|| plain().end, |quoted| quoted.end + 1);
        visit(text.get(..name).unwrap_or(&[]), quoted.unwrap_or_else(plain));
    }
    (pairs, others)
}

/// The separator behind the first value.
fn separator_behind(value: &[u8], quoted: Option<&Range<usize>>) -> u8 {
    let end = quoted.map_or_else(
        || value.iter().take_while(|byte| !b" ,".contains(byte)).count(),
        |quoted| quoted.len() + 2,
    );
    match value.get(end..) {
        Some([b',', next @ ..]) if key_len(next).is_some() => b',',
        _ => b' ',
    }
}

/// The length of the key that a text begins with.
fn key_len(text: &[u8]) -> Option<usize> {
    let name = text.iter().take_while(|byte| is_of_key(**byte)).count();
    (name > 0 && text.get(name) == Some(&b'=')).then_some(name)
}

fn value_len(text: &[u8], separator: u8) -> usize {
    memchr::memchr(separator, text).unwrap_or(text.len())
}

/// Visits pairs whose values contain blanks: a value ends at the blank before the next key. An escaped `\=`
/// begins no value.
pub(super) fn with_blanks(line: &[u8], start: usize, visit: &mut VisitPair<'_>) {
    let text = line.get(start..).unwrap_or(&[]);
    let mut open: Option<(Range<usize>, usize)> = None;
    for equals in memchr::memchr_iter(b'=', text) {
        let before = text.get(..equals).unwrap_or(&[]);
        let name = before.iter().rev().take_while(|byte| is_of_key(**byte)).count();
        let key = equals - name..equals;
        let is_key =
            name > 0 && matches!(key.start.checked_sub(1).map(|at| text.get(at)), None | Some(Some(b' ')));
        if !is_key {
            continue;
        }
        if let Some((name, value)) = open.replace((key.clone(), equals + 1)) {
            visit(
                text.get(name).unwrap_or(&[]),
                start + value..start + key.start.saturating_sub(1).max(value),
            );
        }
    }
    if let Some((name, value)) = open {
        visit(text.get(name).unwrap_or(&[]), start + value..line.len());
    }
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-@[]".contains(&byte)
}

/// Visits the cells of a header between bars, named in order; `\|` is no bar. The offset behind the last bar;
/// `None` where there are fewer.
pub(super) fn header(line: &[u8], start: usize, names: &[&str], visit: &mut VisitPair<'_>) -> Option<usize> {
    let mut at = start;
    for name in names {
        let mut end = at;
        loop {
            end += memchr::memchr2(b'|', b'\\', line.get(end..)?)?;
            if line.get(end) == Some(&b'|') {
                break;
            }
            end += 2;
        }
        visit(name.as_bytes(), at..end);
        at = end + 1;
    }
    Some(at)
}

/// The offset behind `mark` and a version's digits, where a line, or its message, begins with them.
pub(super) fn behind_mark(line: &[u8], mark: &[u8]) -> Option<usize> {
    let start = memchr::memmem::find(line.get(..line.len().min(PREFIX_MAX))?, mark)?;
    let is_word =
        start.checked_sub(1).is_none_or(|before| b" >:".contains(line.get(before).unwrap_or(&b'x')));
    let version = line.get(start + mark.len()..)?;
    let is_version = version.first()?.is_ascii_digit();
    let bar = memchr::memchr(b'|', version.get(..version.len().min(8))?)?;
    (is_word && is_version).then_some(start + mark.len() + bar + 1)
}

/// How long the prefix of syslog may be before a message, in bytes.
const PREFIX_MAX: usize = 300;
