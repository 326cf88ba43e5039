//! The top-level JSON values of a file: one document, or several, one after the other or one per line.
//!
//! A line that is not JSON is rejected, and the next line that begins an object is read. A truncated document
//! is refused as a whole: its missing half would look like delisted entries.

use super::node::Raw;
use crate::download::refusal::FileRefusal;
use crate::entry::{Normalizer, Skip};
use rapsheet_snapshot::ParseError;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The largest document, in bytes, whose trailing commas are removed: this takes a copy and a parse of all of
/// it.
const REPAIR_MAX: usize = 16 << 20;

/// Calls `visit` with every top-level value, and with the base from which the offset of any value inside is
/// known.
pub(super) fn for_each_value(
    whole: &[u8],
    normalizer: &mut Normalizer<'_>,
    mut visit: impl FnMut(Raw<'_>, &TextBase, &mut Normalizer<'_>),
) -> Result<(), FileRefusal> {
    let text = std::str::from_utf8(whole).map_err(|_| FileRefusal::BadEncoding)?;
    let text = without_trailing_commas(text);
    let base = TextBase { start: text.as_ptr() as usize };
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.trim_ascii().is_empty()) {
        let blanks = rest.len() - rest.trim_ascii_start().len();
        if let Some(comment) = comment_len(rest) {
            normalizer.record_at(at + blanks);
            normalizer.skip(Skip::Comment);
            at += comment;
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(value)) => {
                visit(value, &base, normalizer);
                at += values.byte_offset();
            }
            Some(Err(error)) => {
                let Some(next) = next_object_line(rest) else { return Err(refusal(&error)) };
                normalizer.record_at(at + blanks);
                normalizer.reject(ParseError::BadJson);
                at += next;
            }
            None => break,
        }
    }
    Ok(())
}

/// The address at which the text of the values begins in memory. Values borrow from this text, so the offset
/// of each is a difference of addresses and need not be kept beside it.
pub(super) struct TextBase {
    start: usize,
}

impl TextBase {
    /// The byte offset of a value in its file.
    pub(super) fn offset(&self, raw: Raw<'_>) -> usize {
        (raw.get().as_ptr() as usize).saturating_sub(self.start)
    }
}

fn refusal(error: &serde_json::Error) -> FileRefusal {
    let why = error.to_string();
    if error.is_eof() { FileRefusal::Truncated(why) } else { FileRefusal::BadJson(why) }
}

/// The length of the blanks and the comment line that `rest` begins with. JSON has no comments, but some
/// publishers put a banner above their documents.
fn comment_len(rest: &str) -> Option<usize> {
    let line = rest.trim_ascii_start();
    if !line.starts_with(['#', ';']) {
        return None;
    }
    let end = line.find('\n').map_or(line.len(), |end| end + 1);
    Some(rest.len() - line.len() + end)
}

/// The offset of the next line that begins an object, after the first line.
fn next_object_line(rest: &str) -> Option<usize> {
    let blanks = rest.len() - rest.trim_ascii_start().len();
    let object = memchr::memmem::find(rest.get(blanks..)?.as_bytes(), b"\n{");
    object.map(|at| blanks + at + 1)
}

/// The text with a blank for every comma before a closing bracket, which some generators leave there. A
/// blank, and not nothing, so that offsets stay as they are.
fn without_trailing_commas(text: &str) -> Cow<'_, str> {
    let has_syntax_error = || serde_json::from_str::<&RawValue>(text).is_err_and(|error| error.is_syntax());
    if text.len() > REPAIR_MAX || !has_syntax_error() {
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
                if let Some(byte) = comma.take().and_then(|at: usize| bytes.get_mut(at)) {
                    *byte = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}
