//! What the comments at the head of a list state about the list: when it was made, how many entries it has.
//!
//! Publishers agree on nothing here, so a few keys are known by name and everything else is only a comment.
//! The first stated time of a file wins: FireHOL writes the source's date above its own.

use crate::scribe::{Scribe, Skip};
use crate::timestamp;
use crate::token;

/// The keys of the time a list was made, lower-case.
const GENERATED: &[&[u8]] = &[
    b"source file date",
    b"this file date",
    b"last updated",
    b"last update",
    b"last modified",
    b"last-modified",
    b"updated",
    b"generated",
    b"generated at",
    b"date",
];

/// The keys of a stated number of entries, lower-case.
const DECLARED: &[&[u8]] =
    &[b"entries", b"domains", b"records", b"number of entries", b"total number of network ranges"];

/// Reads the text of a comment: a header where it is one, else a comment like any other.
pub fn comment(text: &[u8], scribe: &mut Scribe<'_>) {
    if is_end_mark(text) {
        scribe.ended();
        end_count(text).into_iter().for_each(|count| scribe.declared(count));
        return scribe.skip(Skip::Comment);
    }
    let stated = split_key(text).is_some_and(|(key, value)| state(key, value, scribe));
    scribe.skip(if stated { Skip::Header } else { Skip::Comment });
}

fn split_key(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (key, value) = token::split_once(text, b':')?;
    Some((key.trim_ascii().to_ascii_lowercase(), value.trim_ascii()))
}

fn state(key: Vec<u8>, value: &[u8], scribe: &mut Scribe<'_>) -> bool {
    if GENERATED.contains(&key.as_slice()) {
        return timestamp::parse(value).map(|time| scribe.generated(time)).is_some();
    }
    if DECLARED.contains(&key.as_slice()) {
        return leading_count(value).map(|count| scribe.declared(count)).is_some();
    }
    false
}

/// The number at the start of a text, with `,` between its thousands.
fn leading_count(value: &[u8]) -> Option<u64> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b',');
    let digits: String = digits.filter(|byte| **byte != b',').map(|byte| char::from(*byte)).collect();
    digits.parse().ok()
}

/// `END`, `EOF` or `END 3 entries`, in capitals and alone on their line.
fn is_end_mark(comment: &[u8]) -> bool {
    let said = comment.trim_ascii();
    matches!(said, b"END" | b"EOF") || end_count(said).is_some()
}

fn end_count(comment: &[u8]) -> Option<u64> {
    leading_count(comment.trim_ascii().strip_prefix(b"END ")?)
}
