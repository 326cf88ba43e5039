//! QRadar's Log Event Extended Format: a header between bars, then keys and values between tabs, or between
//! the character that version 2 names in its header.

use super::Kind;
use super::pairs::{self, PairFormat, VisitPair};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "leef",
    aliases: &[],
    description: "Log Event Extended Format (LEEF)",
    detect: |head| FORMAT.detect(head),
    new_log: |_| FORMAT.log(),
    reshape: None,
};

static FORMAT: PairFormat = PairFormat { read, times: &["devTime", "eventTime", "startTime", "endTime"] };
const HEADER: [&str; 4] = ["device_vendor", "device_product", "device_version", "event_id"];

/// `LEEF:2.0|vendor|product|1.0|100|^|src=192.0.2.9^dst=10.0.0.1`.
fn read(line: &[u8], visit: &mut VisitPair<'_>) -> Option<()> {
    let start = pairs::behind_mark(line, b"LEEF:")?;
    let attributes = pairs::header(line, start, &HEADER, visit)?;
    let (delimiter, mut at) = delimiter(line, attributes);
    for pair in line.get(at..)?.split(|byte| *byte == delimiter) {
        if let Some(equals) = memchr::memchr(b'=', pair) {
            visit(pair.get(..equals)?, at + equals + 1..at + pair.len());
        }
        at += pair.len() + 1;
    }
    Some(())
}

/// The delimiter, and where the attributes begin: `^|`, `x5E|`, `0x5E|` or `|` may come first.
fn delimiter(line: &[u8], at: usize) -> (u8, usize) {
    let text = line.get(at..).unwrap_or(&[]);
    let Some(bar) = text.get(..text.len().min(5)).and_then(|head| memchr::memchr(b'|', head)) else {
        return (b'\t', at);
    };
    let named = text.get(..bar).unwrap_or(&[]);
    let hex = named.strip_prefix(b"0").unwrap_or(named).strip_prefix(b"x");
    let byte = match (named, hex.and_then(|hex| std::str::from_utf8(hex).ok())) {
        ([byte], _) => Some(*byte),
        (_, Some(hex)) => u8::from_str_radix(hex, 16).ok(),
        _ => None,
    };
    (byte.unwrap_or(b'\t'), at + bar + 1)
}
