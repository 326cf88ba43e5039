//! HAProxy's logs of HTTP and TCP, with their syslog prefix or without. Clients are an address and a port,
//! IPv6 addresses without brackets.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField, port, request, without_port};
use super::timestamp::{self, Stated};
use rapsheet_snapshot::Time;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "haproxy",
    aliases: &[],
    description: "HAProxy's logs of HTTP and TCP",
    detect: |head| LINE_FORMAT.detect_below(head, HEADER_LINES),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

/// How many messages of the server may come before the first connection.
const HEADER_LINES: usize = 16;

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &[
        "client:port",
        "client",
        "client_port",
        "time",
        "frontend",
        "backend",
        "server",
        "timers",
        "status",
        "bytes",
        "request",
        "method",
        "url",
        "protocol",
        "rest",
    ],
    read,
    with_ports: &["client:port"],
    edit: None,
    time,
};

/// `lb haproxy[7]: 192.0.2.9:5 [27/Nov/2026:10:00:00.123] front back/srv 0/0/1/7/8 200 16 - - ---- 1/1/0/0/0
/// 0/0 "GET / HTTP/1.1"`.
fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let bracket = memchr::memmem::find(line, b" [")
        .filter(|at| is_clock(line, *at))
        .or_else(|| memchr::memmem::find_iter(line, b" [").find(|at| is_clock(line, *at)))?;
    let before = line.get(..bracket)?;
    let start = memchr::memrchr(b' ', before).map_or(0, |blank| blank + 1);
    let client = start..bracket;
    memchr::memchr(b':', line.get(client.clone())?)?;
    let mut cursor = Cursor::new(line, bracket + 2);
    let time = cursor.until(b']')?;
    cursor.skip_exact(b"] ")?;
    let (frontend, server, timers) = (cursor.word()?, cursor.word()?, cursor.word()?);
    let slash = memchr::memchr(b'/', line.get(server.clone())?)?;
    memchr::memchr(b'/', line.get(timers.clone())?)?;
    let (one, two) = (cursor.word()?, cursor.word().unwrap_or_default());
    let rest = cursor.remainder().unwrap_or_default();
    visit("client", without_port(line, &client));
    visit("client_port", port(line, &client));
    visit("client:port", client);
    visit("time", time);
    visit("frontend", frontend);
    visit("backend", server.start..server.start + slash);
    visit("server", server.start + slash + 1..server.end);
    visit("timers", timers);
    // A connection of TCP has no status.
    let is_http = line.get(two.clone()).is_some_and(|word| word.first().is_some_and(u8::is_ascii_digit));
    visit("bytes", if is_http { two } else { one.clone() });
    visit("status", if is_http { one } else { 0..0 });
    if let Some(quote) = line.get(rest.clone()).and_then(|rest| memchr::memchr(b'"', rest)) {
        let asked = Cursor::new(line, rest.start + quote).quoted().unwrap_or_default();
        request(line, &asked, visit);
        visit("request", asked);
    }
    visit("rest", rest);
    Some(())
}

/// Whether the bracket behind a blank has the time of a connection, `[27/Nov/2026:10:00:00.123]`.
fn is_clock(line: &[u8], blank: usize) -> bool {
    let text = line.get(blank + 2..).unwrap_or(&[]);
    timestamp::is_clf(text) && text.get(20) == Some(&b'.')
}

/// The time in brackets: it has a year, and that of syslog has none.
fn time(line: &[u8], now: Time) -> Stated {
    let mut time = 0..0;
    let read = read(line, &mut |name, at| {
        if name == "time" {
            time = at;
        }
    });
    match line.get(time).filter(|_| read.is_some()) {
        Some(text) => timestamp::of_field(text, now),
        None => timestamp::of_line(line, now),
    }
}
