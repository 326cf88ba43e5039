//! Keys and values between blanks, `date=2026-11-27 time=10:00:00 srcip=192.0.2.9 msg="some text"`: FortiGate
//! and other firewalls, and logfmt. A time and a host of syslog may come first.

use super::pairs::{PairFormat, VisitPair, between_blanks};
use super::timestamp::{self, Stated};
use super::{Kind, first_line};
use rapsheet_snapshot::Time;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "keyvalue",
    aliases: &["kv", "fortigate", "logfmt"],
    description: "Keys and values: FortiGate, logfmt",
    detect,
    new_log: |_| FORMAT.log(),
    reshape: None,
};

static FORMAT: PairFormat = PairFormat {
    read,
    times: &["eventtime", "ts", "timestamp", "@timestamp", "time", "date", "datetime", "start_time", "t"],
};
/// The fewest pairs of a line by which a log is detected.
const PAIRS_MIN: usize = 3;
/// How long the prefix of syslog may be, in bytes.
const PREFIX_MAX: usize = 128;

fn read(line: &[u8], visit: &mut VisitPair<'_>) -> Option<()> {
    let start =
        if line.first() == Some(&b'<') { memchr::memchr(b'>', line).map_or(0, |end| end + 1) } else { 0 };
    let (pairs, _) = between_blanks(line, start, visit);
    (pairs > 0).then_some(())
}

/// Whether the first line is pairs and nothing else, but for a time and a host before them.
fn detect(head: &[u8]) -> bool {
    let line = first_line(head);
    let Some(start) = first_pair(line) else { return false };
    let (pairs, others) = between_blanks(line, start, &mut |_, _| {});
    pairs >= PAIRS_MIN && others == 0 && is_prefix(line.get(..start).unwrap_or(&[]))
}

/// The offset of the first word with a key.
fn first_pair(line: &[u8]) -> Option<usize> {
    let equals = memchr::memchr(b'=', line.get(..line.len().min(PREFIX_MAX))?)?;
    let key =
        line.get(..equals)?.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
    let start = equals - key.count();
    (start < equals).then_some(start)
}

/// Whether a text is empty, a priority, or a time and a host: no tag of a program.
fn is_prefix(text: &[u8]) -> bool {
    let is_tag = |word: &[u8]| word.ends_with(b":");
    let is_priority = text.starts_with(b"<") && text.ends_with(b">");
    let has_time = || matches!(timestamp::of_line(text, Time::EARLIEST), Stated::At(_));
    text.is_empty()
        || is_priority
        || text.ends_with(b" ") && has_time() && !text.split(|byte| *byte == b' ').any(is_tag)
}
