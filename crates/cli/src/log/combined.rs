//! Access logs of Apache and nginx: the common format, and the combined format with referer and user agent.
//!
//! A quotation mark inside a request is written as `\"` or `\x22`, so a bare one ends it. Two usual
//! extensions are read, too: the virtual host in front, and the addresses that proxies report
//! (`X-Forwarded-For`) at the end.

use super::positional::{Cursor, LineFormat, VisitField, request};
use super::{Kind, timestamp};

/// The row of this kind.
pub(super) static KIND: Kind = Kind {
    name: "combined",
    aliases: &["apache", "nginx", "clf"],
    description: "Access logs of Apache and nginx, combined or common",
    detect: |head| LINE_FORMAT.detect(head),
    new_log: |_| LINE_FORMAT.log(),
    reshape: None,
};

static LINE_FORMAT: LineFormat = LineFormat {
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
    ..LineFormat::DEFAULT
};

fn read(line: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
    let bracket = memchr::memmem::find(line, b" [")?;
    let mut cursor = Cursor::new(line, bracket + 2);
    let time = cursor.until(b']')?;
    if !timestamp::is_clf(line.get(time.clone())?) {
        return None;
    }
    cursor.skip_exact(b"]")?;
    let request_range = cursor.quoted()?;
    let (status, bytes) = (cursor.word()?, cursor.word()?);
    before_time(line.get(..bracket)?, visit)?;
    visit("time", time);
    request(line, &request_range, visit);
    visit("request", request_range);
    visit("status", status);
    visit("bytes", bytes);
    for name in ["referer", "user_agent"] {
        visit(name, cursor.quoted().unwrap_or_default());
    }
    visit("rest", cursor.remainder().unwrap_or_default());
    visit("forwarded_for", cursor.word_or_quoted().unwrap_or_default());
    Some(())
}

/// The words before the time: the virtual host, if there is one, the client, and the two names (identd and
/// user).
fn before_time(head: &[u8], visit: &mut VisitField<'_>) -> Option<()> {
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
