//! The debug log of Windows' DNS server, a packet a line.
//!
//! Names are written as lengths and labels, `(9)evilpanel(3)com(0)`. They are searched as `evilpanel.com`,
//! which begins at the byte of the first label. The server writes times as its region does, so the first date
//! of the log that tells decides whether the month or the day comes first.

use super::positional::{Cursor, LineFormat, VisitField};
use super::timestamp::{self, DateOrder};
use super::{Kind, Log};
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "windows-dns",
    aliases: &["msdns"],
    description: "The debug log of Windows' DNS server",
    detect: |head| LINE_FORMAT.detect_below(head, HEADER_LINES),
    new_log,
    reshape: None,
};

/// How many lines of explanation may come before the first packet.
const HEADER_LINES: usize = 64;

/// What the three orders of dates share.
const PARTS: LineFormat = LineFormat {
    fields: &[
        "time",
        "thread",
        "context",
        "packet",
        "protocol",
        "direction",
        "client",
        "id",
        "opcode",
        "flags",
        "rcode",
        "type",
        "query",
    ],
    read,
    edit: Some(edit),
    ..LineFormat::DEFAULT
};
static LINE_FORMAT: LineFormat = PARTS;
static MONTH_FIRST: LineFormat =
    LineFormat { time: |line, now| timestamp::of_line_in(line, now, DateOrder::MonthFirst), ..PARTS };
static DAY_FIRST: LineFormat =
    LineFormat { time: |line, now| timestamp::of_line_in(line, now, DateOrder::DayFirst), ..PARTS };

fn new_log(head: &[u8]) -> Log {
    match timestamp::date_order(head) {
        DateOrder::Unknown => LINE_FORMAT.log(),
        DateOrder::MonthFirst => MONTH_FIRST.log(),
        DateOrder::DayFirst => DAY_FIRST.log(),
    }
}

/// `11/27/2026 10:00:00 AM 0E4C PACKET  000000 UDP Rcv 10.0.0.9 1a2b R Q [8081 DR NOERROR] A (3)www(0)`.
fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let context = memchr::memmem::find(line, b" PACKET ")?;
    let thread = memchr::memrchr(b' ', line.get(..context)?).filter(|blank| *blank > 0)?;
    let mut cursor = Cursor::new(line, context + " PACKET".len());
    let (packet, protocol, direction) = (cursor.word()?, cursor.word()?, cursor.word()?);
    let is_of_kind = [b"UDP".as_slice(), b"TCP"].contains(&line.get(protocol.clone())?)
        && [b"Rcv".as_slice(), b"Snd"].contains(&line.get(direction.clone())?);
    let (client, id) = (cursor.word()?, cursor.word()?);
    let opcode = cursor.until(b'[').filter(|_| is_of_kind)?;
    cursor.skip_exact(b"[")?;
    let flags = cursor.until(b']')?;
    cursor.skip_exact(b"]")?;
    let rcode = line.get(flags.clone())?.trim_ascii_end().split(|byte| *byte == b' ').next_back()?.len();
    let rcode_end = flags.start + line.get(flags.clone())?.trim_ascii_end().len();
    visit("time", 0..thread);
    visit("thread", thread + 1..context);
    visit("context", context + 1..context + " PACKET".len());
    visit("packet", packet);
    visit("protocol", protocol);
    visit("direction", direction);
    visit("client", client);
    visit("id", id);
    visit("opcode", opcode);
    visit("flags", flags);
    visit("rcode", rcode_end - rcode..rcode_end);
    visit("type", cursor.word()?);
    visit("query", cursor.word().unwrap_or_default());
    Some(())
}

/// Writes each name of lengths and labels as a name.
fn edit(line: &[u8], start: usize, edits: &mut Vec<(usize, u8)>) {
    let mut at = 0;
    while let Some(paren) = line.get(at..).and_then(|rest| memchr::memchr(b'(', rest)) {
        let labels = labels(line, at + paren);
        at = labels.last().map_or(at + paren + 1, |label| label.end);
        let Some(first) = labels.first() else { continue };
        let name = labels.iter().filter_map(|label| line.get(label.clone())).collect::<Vec<_>>().join(&b'.');
        let name = name.into_iter().chain(std::iter::repeat(b' '));
        // The length before the first label does not move: what is before the name stays apart from it.
        edits.extend((first.start..at).zip(name).map(|(at, byte)| (start + at, byte)));
        edits.extend((start + paren_of(line, first)..start + first.start).map(|at| (at, b' ')));
        edits.extend(root(line, at).map(|at| (start + at, b' ')));
    }
}

/// The offset of the parenthesis before a label.
fn paren_of(line: &[u8], label: &Range<usize>) -> usize {
    line.get(..label.start).and_then(|before| memchr::memrchr(b'(', before)).unwrap_or(label.start)
}

/// The `(0)` that ends a name.
fn root(line: &[u8], at: usize) -> Range<usize> {
    if line.get(at..).is_some_and(|rest| rest.starts_with(b"(0)")) { at..at + 3 } else { at..at }
}

/// The labels that begin with the length at a parenthesis.
fn labels(line: &[u8], mut paren: usize) -> Vec<Range<usize>> {
    let mut labels = Vec::new();
    while let Some(label) = label(line, paren) {
        paren = label.end;
        labels.push(label);
    }
    labels
}

/// `(9)evilpanel`: the range of the label.
fn label(line: &[u8], paren: usize) -> Option<Range<usize>> {
    let rest = line.get(paren..)?.strip_prefix(b"(")?;
    let digits = memchr::memchr(b')', rest.get(..3)?)?;
    let length: usize = std::str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
    let start = paren + digits + 2;
    let label = line.get(start..start + length)?;
    let is_label = (1..=63).contains(&length) && !label.contains(&b'(') && !label.contains(&b' ');
    is_label.then_some(start..start + length)
}
