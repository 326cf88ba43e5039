//! Unbound's log of queries and replies: which client asked which name.
//!
//! Before the client there is `unbound[1:0] info: ` with the process and its thread, or `query: ` and `reply:
//! ` where the server tags them; before that a time, `[1795773600]` or a written one, or a syslog prefix.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "unbound",
    aliases: &[],
    description: "Unbound's log of queries and replies",
    detect: |head| LINE_FORMAT.detect_below(head, HEADER_LINES),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

/// How many messages of the server may come before the first query.
const HEADER_LINES: usize = 32;

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &["time", "client", "query", "type", "class", "rcode", "rest"],
    read,
    ..LineFormat::DEFAULT
};

/// `[1795773600] unbound[1:0] info: 192.0.2.9 www.example.com. A IN NOERROR 0.1 0 48`.
fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let server = memchr::memmem::find(line, b"unbound")?;
    let mark = [b" info: ".as_slice(), b" query: ", b" reply: "].into_iter().find_map(|mark| {
        let at = memchr::memmem::find(line.get(server..)?, mark)?;
        Some(server + at + mark.len())
    })?;
    let mut cursor = Cursor::new(line, mark);
    let (client, query, kind, class) = (cursor.word()?, cursor.word()?, cursor.word()?, cursor.word()?);
    let is_client =
        line.get(client.clone())?.iter().all(|byte| byte.is_ascii_hexdigit() || b".:%@".contains(byte));
    let is_class = [b"IN".as_slice(), b"CH", b"HS", b"ANY"].contains(&line.get(class.clone())?);
    if !is_client || !is_class || !line.get(query.clone())?.ends_with(b".") {
        return None;
    }
    let time = line.get(..server)?.trim_ascii_end().len();
    visit("time", 0..time);
    visit("client", client);
    visit("query", query);
    visit("type", kind);
    visit("class", class);
    visit("rcode", cursor.word().unwrap_or_default());
    visit("rest", cursor.remainder().unwrap_or_default());
    Some(())
}
