//! dnsmasq's log of queries: `query[A] www.example.com from 192.0.2.9`, and what was answered. With
//! `log-queries=extra` a number and the client come first.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField};
use std::ops::Range;

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "dnsmasq",
    aliases: &["pihole"],
    description: "dnsmasq's log of queries, also Pi-hole's",
    detect: |head| LINE_FORMAT.detect_below(head, HEADER_LINES),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

/// How many messages of the server may come before the first query.
const HEADER_LINES: usize = 32;

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &["time", "action", "type", "query", "client", "server", "answer"],
    read,
    ..LineFormat::DEFAULT
};

fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let server = memchr::memmem::find(line, b"dnsmasq")?;
    let mark = server + memchr::memmem::find(line.get(server..)?, b": ")? + 2;
    let mut cursor = Cursor::new(line, mark);
    let mut action = cursor.word()?;
    let mut asked_by = 0..0;
    if line.get(action.clone())?.iter().all(u8::is_ascii_digit) {
        let client = cursor.word()?;
        let slash = memchr::memchr(b'/', line.get(client.clone())?)?;
        asked_by = client.start..client.start + slash;
        action = cursor.word()?;
    }
    let (action, kind) = action_and_type(line, action)?;
    let rest = cursor.rest();
    let link = [b" from ".as_slice(), b" to ", b" is "]
        .into_iter()
        .find(|link| memchr::memmem::find(rest, link).is_some())?;
    let query_start = cursor.remainder()?.start;
    let query_end = query_start + memchr::memmem::find(line.get(query_start..)?, link)?;
    let other = query_end + link.len()..line.len();
    visit("time", 0..server.saturating_sub(1));
    visit("action", action);
    visit("type", kind);
    visit("query", query_start..query_end);
    match link {
        b" from " => visit("client", other),
        b" to " => visit("server", other),
        _ => visit("answer", other),
    }
    if !asked_by.is_empty() {
        visit("client", asked_by);
    }
    Some(())
}

/// The ranges of `query` and `A` of `query[A]`; the type of any other action is empty. `None` for a word that
/// is no action of a query.
fn action_and_type(line: &[u8], word: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    const ACTIONS: [&[u8]; 9] = [
        b"forwarded",
        b"reply",
        b"cached",
        b"cached-stale",
        b"config",
        b"gravity",
        b"regex",
        b"exactly",
        b"special",
    ];
    let text = line.get(word.clone())?;
    if let Some(inner) = text.strip_prefix(b"query[").and_then(|text| text.strip_suffix(b"]")) {
        let start = word.start + b"query[".len();
        return Some((word.start..start - 1, start..start + inner.len()));
    }
    // A file of hosts, `/etc/hosts`, or a list of Pi-hole's.
    let is_action = ACTIONS.contains(&text) || text.starts_with(b"/");
    is_action.then_some((word, 0..0))
}
