//! The values of a file: one document, or several, one behind the other or one a line.
//!
//! A line that is no JSON costs itself and no other. A document that ends before it should is refused whole: half a
//! list would look like a list of delistings.

use super::node::Raw;
use crate::refused::FileRefusal;
use crate::scribe::{Scribe, Skip};
use rapsheet_snapshot::ParseError;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Lists with commas before closing brackets are mended up to this size.
const MENDED_MAX: usize = 16 << 20;

/// Calls `take` for every top-level value, with the offset of the text that its parts point into.
pub(super) fn each(
    whole: &[u8],
    scribe: &mut Scribe<'_>,
    mut take: impl FnMut(Raw<'_>, &Origin, &mut Scribe<'_>),
) -> Result<(), FileRefusal> {
    let text = std::str::from_utf8(whole).map_err(|_| FileRefusal::BadEncoding)?;
    let text = mended(text);
    let origin = Origin { start: text.as_ptr() as usize };
    let (mut at, mut read) = (0, 0_u64);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.trim_ascii().is_empty()) {
        if let Some(comment) = comment(rest) {
            scribe.record_at(at + (rest.len() - rest.trim_ascii_start().len()));
            scribe.skip(Skip::Comment);
            at += comment;
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) => {
                take(value, &origin, scribe);
                (at, read) = (at + values.byte_offset(), read + 1);
            }
            Some(Err(error)) => {
                let Some(next) = next_line(rest) else { return Err(refusal(&error)) };
                scribe.record_at(at + (rest.len() - rest.trim_ascii_start().len()));
                scribe.reject(ParseError::BadJson);
                at += next;
            }
            None => break,
        }
    }
    Ok(())
}

/// Where the text of the values begins in memory, so that a value knows its place.
pub(super) struct Origin {
    start: usize,
}

impl Origin {
    /// The offset of a value in its file.
    pub(super) fn offset(&self, raw: Raw<'_>) -> usize {
        (raw.get().as_ptr() as usize).saturating_sub(self.start)
    }
}

fn refusal(error: &serde_json::Error) -> FileRefusal {
    let why = error.to_string();
    if error.is_eof() { FileRefusal::Truncated(why) } else { FileRefusal::BadJson(why) }
}

/// The length of a comment line, which has no business in JSON and stands in it all the same.
fn comment(rest: &str) -> Option<usize> {
    let begun = rest.trim_ascii_start();
    if !begun.starts_with(['#', ';']) {
        return None;
    }
    let end = begun.find('\n').map_or(begun.len(), |end| end + 1);
    Some(rest.len() - begun.len() + end)
}

/// Where the next line begins that begins a value: after a line that is none.
fn next_line(rest: &str) -> Option<usize> {
    let begun = rest.len() - rest.trim_ascii_start().len();
    let line = rest.get(begun..)?;
    let objects = memchr::memmem::find(line.as_bytes(), b"\n{");
    objects.map(|at| begun + at + 1)
}

/// The text, with blanks for commas that stand before a closing bracket: some generators leave them.
fn mended(text: &str) -> Cow<'_, str> {
    let sound = || serde_json::from_str::<&RawValue>(text).map_err(|error| !error.is_syntax());
    if text.len() > MENDED_MAX || !matches!(sound(), Err(false)) {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes().to_vec();
    let (mut quoted, mut escaped, mut comma) = (false, false, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => (quoted, comma) = (!quoted, None),
            _ if quoted => {}
            b',' => comma = Some(at),
            b']' | b'}' => {
                if let Some(place) = comma.take().and_then(|at: usize| bytes.get_mut(at)) {
                    *place = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}
