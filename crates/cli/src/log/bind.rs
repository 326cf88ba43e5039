//! BIND's query log: who asked for which name.
//!
//! Older versions put the client's address right behind `client`, newer ones a number of their own before it and the
//! name in brackets behind it; a view may stand between. What comes before is a time, categories, or syslog's words.

use super::Kind;
use super::placed::{Cursor, Lines, Visit};

/// The row of the table.
pub(super) static KIND: Kind = Kind {
    name: "bind",
    also: &["named"],
    about: "BIND's query log",
    tell: |head| LINES.tell(head),
    begin: |_| LINES.log(),
    reshape: None,
};

static LINES: Lines =
    Lines { fields: &["time", "client", "query", "class", "type", "flags", "server", "rest"], read };

fn read(line: &[u8], visit: &mut Visit<'_>) -> Option<()> {
    let client_at =
        memchr::memmem::find(line, b"client ").filter(|at| *at == 0 || line.get(at - 1) == Some(&b' '))?;
    let mut cursor = Cursor::new(line, client_at + b"client ".len());
    if cursor.rest().starts_with(b"@") {
        cursor.word()?;
        cursor.mark(b" ")?;
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
