//! The access logs of Apache and nginx: the common format, and the combined one with a referer and an agent.
//!
//! Quotes in a request are written as `\"` or `\x22`, so that a quotation mark ends it. Many sites put the virtual host
//! first, and addresses that proxies report (`X-Forwarded-For`) last.

use super::placed::{Cursor, Lines, Visit, request};
use super::{Kind, timestamp};

/// The row of the table.
pub(super) static KIND: Kind = Kind {
    name: "combined",
    also: &["apache", "nginx", "clf"],
    about: "Access logs of Apache and nginx, combined or common",
    tell: |head| LINES.tell(head),
    begin: |_| LINES.log(),
    reshape: None,
};

static LINES: Lines = Lines {
    fields: &[
        "vhost",
        "client",
        "ident",
        "user",
        "time",
        "request",
        "method",
        "url",
        "protocol",
        "status",
        "bytes",
        "referer",
        "user_agent",
        "forwarded_for",
        "rest",
    ],
    read,
};

fn read(line: &[u8], visit: &mut Visit<'_>) -> Option<()> {
    let bracket = memchr::memmem::find(line, b" [")?;
    let mut cursor = Cursor::new(line, bracket + 2);
    let time = cursor.until(b']')?;
    timestamp::clf(line.get(time.clone())?)?;
    cursor.mark(b"]")?;
    let asked = cursor.quoted()?;
    let (status, bytes) = (cursor.word()?, cursor.word()?);
    before_time(line.get(..bracket)?, visit)?;
    visit("time", time);
    request(line, &asked, visit);
    visit("request", asked);
    visit("status", status);
    visit("bytes", bytes);
    for name in ["referer", "user_agent"] {
        visit(name, cursor.quoted().unwrap_or_default());
    }
    visit("rest", cursor.remainder().unwrap_or_default());
    visit("forwarded_for", cursor.cell().unwrap_or_default());
    Some(())
}

/// Who asked: the virtual host, if there is one, the client, and two names that hardly anybody has.
fn before_time(head: &[u8], visit: &mut Visit<'_>) -> Option<()> {
    let mut cursor = Cursor::new(head, 0);
    let words: Vec<_> = std::iter::from_fn(|| cursor.word()).take(5).collect();
    let names: &[&'static str] = match words.len() {
        3 => &["client", "ident", "user"],
        4 => &["vhost", "client", "ident", "user"],
        _ => return None,
    };
    names.iter().zip(words).for_each(|(name, word)| visit(name, word));
    Some(())
}
