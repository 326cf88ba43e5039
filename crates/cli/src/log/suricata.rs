//! The one-line alerts of Suricata and Snort, `fast.log`. Their dates have the month first, and IPv6
//! addresses have a port and no brackets.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField, port, without_port};
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "suricata",
    aliases: &["fast", "snort"],
    description: "fast.log of Suricata and Snort",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &[
        "time",
        "id",
        "signature",
        "classification",
        "priority",
        "protocol",
        "src",
        "src_ip",
        "src_port",
        "dst",
        "dst_ip",
        "dst_port",
    ],
    read,
    with_ports: &["src", "dst"],
    ..LineFormat::DEFAULT
};

/// Between the time, the rule and the rest.
const STARS: &[u8] = b"[**] ";

/// `11/27/2026-10:00:00.123456  [**] [1:2:3] text [**] [Classification: x] [Priority: 1] {TCP} 192.0.2.9:443
/// -> 10.0.0.1:5`.
fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let first = memchr::memmem::find(line, STARS)?;
    if first > 40 || !line.first()?.is_ascii_digit() {
        return None;
    }
    // `[Drop] [**]` follows the stars of an inline engine.
    let id = first + memchr::memchr(b'[', line.get(first + STARS.len()..)?)? + STARS.len();
    let mut cursor = Cursor::new(line, id + 1);
    let id = cursor.until(b']')?;
    let message = id.end + 1;
    let second = message + memchr::memmem::find(line.get(message..)?, b"[**]")?;
    let brace = second + memchr::memmem::find(line.get(second..)?, b"{")?;
    let mut cursor = Cursor::new(line, brace + 1);
    let protocol = cursor.until(b'}')?;
    cursor.skip_exact(b"}")?;
    let source = cursor.word()?;
    let arrow = cursor.word()?;
    let destination = cursor.word().filter(|_| line.get(arrow) == Some(b"->"))?;
    // `[Drop]` may follow the time.
    visit("time", Cursor::new(line, 0).word()?);
    visit("id", id);
    visit("signature", trimmed(line, message..second));
    visit("classification", behind(line, second..brace, b"[Classification: "));
    visit("priority", behind(line, second..brace, b"[Priority: "));
    visit("protocol", protocol);
    for (names, end) in
        [(["src", "src_ip", "src_port"], source), (["dst", "dst_ip", "dst_port"], destination)]
    {
        visit(names[1], without_port(line, &end));
        visit(names[2], port(line, &end));
        visit(names[0], end);
    }
    Some(())
}

fn trimmed(line: &[u8], at: Range<usize>) -> Range<usize> {
    let text = line.get(at.clone()).unwrap_or(&[]);
    let start = at.start + text.len() - text.trim_ascii_start().len();
    start..(start + text.trim_ascii().len())
}

/// The text in brackets behind a name.
fn behind(line: &[u8], at: Range<usize>, name: &[u8]) -> Range<usize> {
    let text = line.get(at.clone()).unwrap_or(&[]);
    let start = memchr::memmem::find(text, name).map(|found| found + name.len());
    let end = start.and_then(|start| memchr::memchr(b']', text.get(start..)?).map(|end| start + end));
    start.zip(end).map_or(0..0, |(start, end)| at.start + start..at.start + end)
}
