//! Syslog in files and on the wire: RFC 3164, RFC 5424, and RFC 3164 with a time of RFC 3339, which most
//! distributions write today.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField};
use super::timestamp::{self, Stated};
use rapsheet_snapshot::Time;
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "syslog",
    aliases: &[],
    description: "Syslog, of RFC 3164 and RFC 5424",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &["time", "host", "app", "pid", "msgid", "structured_data", "message"],
    read,
    time,
    ..LineFormat::DEFAULT
};

fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let start = priority(line);
    let cursor = Cursor::new(line, start);
    match cursor.rest() {
        [version, b' ', ..] if start > 0 && version.is_ascii_digit() => structured(line, cursor, visit),
        _ => traditional(line, cursor, start, visit),
    }
}

/// The first time of a line; none where RFC 5424's `-` says so: one in the message is another.
fn time(line: &[u8], now: Time) -> Stated {
    let mut is_nil = false;
    let _ = read(line, &mut |name, at| is_nil |= name == "time" && line.get(at) == Some(b"-"));
    if is_nil { Stated::Nothing } else { timestamp::of_line(line, now) }
}

/// The length of the priority, `<165>`; 0 without one.
fn priority(line: &[u8]) -> usize {
    let digits = line.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let is_there =
        line.first() == Some(&b'<') && (1..=3).contains(&digits) && line.get(digits + 1) == Some(&b'>');
    if is_there { digits + 2 } else { 0 }
}

/// RFC 5424: six words, structured data, and a message.
fn structured(line: &[u8], mut cursor: Cursor<'_>, visit: &mut VisitField<'_>) -> Option<()> {
    cursor.word()?;
    let time = cursor.word()?;
    if line.get(time.clone())? != b"-" && !is_iso(line.get(time.clone())?) {
        return None;
    }
    let (host, app, pid, msgid) = (cursor.word()?, cursor.word()?, cursor.word()?, cursor.word()?);
    let rest = cursor.remainder()?;
    let data = rest.start..rest.start + data_len(line.get(rest.clone())?);
    visit("time", time);
    visit("host", host);
    visit("app", app);
    visit("pid", pid);
    visit("msgid", msgid);
    visit("message", data.end..rest.end);
    visit("structured_data", data);
    Some(())
}

/// The length of structured data: `-`, or elements in brackets. A bracket between quotes ends none.
fn data_len(text: &[u8]) -> usize {
    let mut at = 0;
    while text.get(at) == Some(&b'[') {
        let (mut is_quoted, mut is_escaped) = (false, false);
        let end = text.iter().skip(at).position(|byte| {
            let is_end = *byte == b']' && !is_quoted;
            is_quoted ^= *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            is_end
        });
        let Some(end) = end else { return text.len() };
        at += end + 1;
    }
    if at == 0 { text.iter().take_while(|byte| **byte != b' ').count() } else { at }
}

/// RFC 3164: a time, a host, a tag with or without a process number, and a message.
fn traditional(line: &[u8], mut cursor: Cursor<'_>, start: usize, visit: &mut VisitField<'_>) -> Option<()> {
    let time = if is_date(cursor.rest()) { start..start + 15 } else { cursor.word()? };
    let is_time = is_date(cursor.rest()) || line.get(time.clone()).is_some_and(is_iso);
    if !is_time {
        return None;
    }
    let mut cursor = Cursor::new(line, time.end);
    let host = cursor.word()?;
    let message = cursor.remainder()?;
    let (app, pid, body) = tag(line, &message);
    visit("time", time);
    visit("host", host);
    visit("app", app);
    visit("pid", pid);
    visit("message", body..message.end);
    Some(())
}

/// The tag before a message, `sshd[24200]: `: the ranges of name and number, and the start of the message.
fn tag(line: &[u8], message: &Range<usize>) -> (Range<usize>, Range<usize>, usize) {
    let text = line.get(message.clone()).unwrap_or(&[]);
    let none = (0..0, 0..0, message.start);
    let is_end = |byte: &u8| matches!(byte, b':' | b'[' | b' ');
    let Some(name) = text.iter().position(is_end).filter(|name| *name > 0) else { return none };
    let app = message.start..message.start + name;
    match text.get(name) {
        Some(b':') => (app.clone(), 0..0, app.end + 1),
        Some(b'[') => {
            let Some(end) = memchr::memmem::find(text, b"]:") else { return none };
            (app.clone(), app.end + 1..message.start + end, message.start + end + 2)
        }
        _ => none,
    }
}

/// Whether a text begins like `Nov 23 10:05:03 `. Shape alone: this runs on every line, and a time is read
/// when it is needed.
fn is_date(text: &[u8]) -> bool {
    let is_mark = |at: usize, mark: u8| text.get(at) == Some(&mark);
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
    text.first().is_some_and(u8::is_ascii_uppercase)
        && is_mark(3, b' ')
        && is_mark(6, b' ')
        && is_mark(9, b':')
        && is_mark(12, b':')
        && is_mark(15, b' ')
        && [5, 7, 8, 10, 11, 13, 14].into_iter().all(is_digit)
}

/// Whether a word begins like `2026-11-23T10:05:03`.
fn is_iso(word: &[u8]) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    word.len() >= shape.len()
        && word.iter().zip(shape).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            mark => byte == mark,
        })
}
