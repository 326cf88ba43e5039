//! BIND's query log: which client queried which name.
//!
//! Older versions write the address directly behind `client`; newer ones write an object number (`@0x7f`)
//! before it and the name in parentheses behind it, and a view may follow. Before `client` there may be a
//! time, categories, or a syslog prefix.

use super::Kind;
use super::positional::{Cursor, LineFormat, VisitField};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "bind",
    aliases: &["named"],
    description: "BIND's query log",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

static LINE_FORMAT: LineFormat = LineFormat {
    fields: &["time", "client", "query", "class", "type", "flags", "server", "rest"],
    read,
    ..LineFormat::DEFAULT
};

fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let client_at =
        memchr::memmem::find(line, b"client ").filter(|at| *at == 0 || line.get(at - 1) == Some(&b' '))?;
    let mut cursor = Cursor::new(line, client_at + b"client ".len());
    if cursor.rest().starts_with(b"@") {
        cursor.word()?;
        cursor.skip_exact(b" ")?;
    }
    let client = cursor.until(b'#')?;
    if line.get(client.clone())?.contains(&b' ') {
        return None;
    }
    let query_at = memchr::memmem::find(cursor.rest(), b": query: ")?;
    let mut cursor = Cursor::new(line, client.end + query_at + b": query: ".len());
    let (query, class, kind) = (cursor.word()?, cursor.word()?, cursor.word()?);
    visit("time", 0..client_at);
    visit("client", client);
    visit("query", query);
    visit("class", class);
    visit("type", kind);
    visit("flags", cursor.word().unwrap_or_default());
    let rest = cursor.remainder().unwrap_or_default();
    let server = line.get(rest.clone()).filter(|rest| rest.starts_with(b"("));
    let end = server.and_then(|server| memchr::memchr(b')', server));
    visit("server", end.map_or(0..0, |end| rest.start + 1..rest.start + end));
    visit("rest", rest);
    Some(())
}
