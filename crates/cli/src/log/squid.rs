//! Squid's native access log: a time with milliseconds, the client, the request, and the peer that answered
//! it.
//!
//! The URL of `CONNECT` is a host and a port.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "squid",
    aliases: &[],
    description: "Squid's native access log",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &[
        "time",
        "elapsed",
        "client",
        "result",
        "bytes",
        "method",
        "url",
        "user",
        "hierarchy",
        "peer",
        "type",
        "rest",
    ],
    read,
    ..LineFormat::DEFAULT
};

fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let mut cursor = Cursor::new(line, 0);
    let time = cursor.word()?;
    let (seconds, millis) = line.get(time.clone())?.split_at_checked(time.len().checked_sub(4)?)?;
    let is_number = |text: &[u8]| text.iter().all(u8::is_ascii_digit);
    let [b'.', millis @ ..] = millis else { return None };
    if line.first() == Some(&b' ') || seconds.len() < 9 || !is_number(seconds) || !is_number(millis) {
        return None;
    }
    let (elapsed, client, result) = (cursor.word()?, cursor.word()?, cursor.word()?);
    let is_result = line.get(result.clone())?.contains(&b'/');
    let (bytes, method, url) = (cursor.word()?, cursor.word()?, cursor.word()?);
    let (user, hierarchy) = (cursor.word()?, cursor.word()?);
    let slash = memchr::memchr(b'/', line.get(hierarchy.clone())?)?;
    if !is_result {
        return None;
    }
    visit("time", time);
    visit("elapsed", elapsed);
    visit("client", client);
    visit("result", result);
    visit("bytes", bytes);
    visit("method", method);
    visit("url", url);
    visit("user", user);
    visit("peer", hierarchy.start + slash + 1..hierarchy.end);
    visit("hierarchy", hierarchy);
    visit("type", cursor.word().unwrap_or_default());
    visit("rest", cursor.remainder().unwrap_or_default());
    Some(())
}
