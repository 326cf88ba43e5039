//! Metadata in comments: when a list was generated, how many entries it declares, and whether it is complete.
//!
//! `# Last updated: 2026-08-20 10:00:00 UTC`, `# Entries: 3`, `# END 3 entries`. There is no standard, so the
//! keys that publishers use are listed here, and any other comment is only a comment. The first time in a
//! file holds: FireHOL writes the date of the source above the date of its own copy.

use crate::entry::timestamp;
use crate::entry::{Normalizer, Skip};
use crate::format::token;

/// The keys of the time at which a list was generated, lower-case.
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

/// The keys of a declared number of entries, lower-case.
const DECLARED: &[&[u8]] =
    &[b"entries", b"domains", b"records", b"number of entries", b"total number of network ranges"];

/// Reads the text of a comment, without its mark: skipped as a header where it holds metadata, else as a
/// comment.
pub(super) fn comment(text: &[u8], normalizer: &mut Normalizer<'_>) {
    if is_end_mark(text) {
        normalizer.end_mark();
        end_count(text).into_iter().for_each(|count| normalizer.declared(count));
        return normalizer.skip(Skip::Comment);
    }
    let is_header = split_key(text).is_some_and(|(key, value)| read_metadata(key, value, normalizer));
    normalizer.skip(if is_header { Skip::Header } else { Skip::Comment });
}

fn split_key(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (key, value) = token::split_once(text, b':')?;
    Some((key.trim_ascii().to_ascii_lowercase(), value.trim_ascii()))
}

/// Reports what a key and its value state. Returns whether the key is known and its value could be read.
fn read_metadata(key: Vec<u8>, value: &[u8], normalizer: &mut Normalizer<'_>) -> bool {
    if GENERATED.contains(&key.as_slice()) {
        return timestamp::parse(value).map(|time| normalizer.generated(time)).is_some();
    }
    if DECLARED.contains(&key.as_slice()) {
        return leading_count(value).map(|count| normalizer.declared(count)).is_some();
    }
    false
}

/// The number at the beginning of a text, which may have `,` between its thousands.
fn leading_count(value: &[u8]) -> Option<u64> {
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b',');
    let digits: String = digits.filter(|byte| **byte != b',').map(|byte| char::from(*byte)).collect();
    digits.parse().ok()
}

/// Whether a comment is `END`, `EOF` or `END 3 entries`. In lower case they may begin a sentence.
fn is_end_mark(comment: &[u8]) -> bool {
    let text = comment.trim_ascii();
    matches!(text, b"END" | b"EOF") || end_count(text).is_some()
}

fn end_count(comment: &[u8]) -> Option<u64> {
    leading_count(comment.trim_ascii().strip_prefix(b"END ")?)
}
