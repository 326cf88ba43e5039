//! What stands in the field of a table, of JSON or XML that holds an indicator.

use super::{extent, ranges};
use crate::entry::{Details, Normalizer};
use crate::format::token;
use rapsheet_snapshot::address::parse_port;
use rapsheet_snapshot::{ParseError, Scope};

/// The indicator in a value of two parts, as MISP writes them, and the port where the second part is one. Of
/// a name and the address that it resolved to, the name is the indicator.
pub(crate) fn composite<'f>(kind: &[u8], value: &'f [u8]) -> (&'f [u8], Option<u16>) {
    if !kind.contains(&b'|') {
        return (value, None);
    }
    match token::split_once(value, b'|') {
        Some((first, second)) if kind.ends_with(b"|port") => {
            (first.trim_ascii(), parse_port(second.trim_ascii()).ok())
        }
        Some((first, _)) => (first.trim_ascii(), None),
        None => (value, None),
    }
}

/// Emits the indicator in a field, without the `'` that protects spreadsheets from formulas. `*.x` is a tree
/// and `192.0.2.*` a prefix; what else holds a star is a pattern, and a netmask is never an indicator.
pub(crate) fn emit(text: &[u8], scope: Scope, details: &Details, normalizer: &mut Normalizer<'_>) {
    let text = text.strip_prefix(b"'").unwrap_or(text);
    // Such a text has no star, and is no netmask.
    if !text.starts_with(b"255.") && normalizer.fast_any(text, scope, details) {
        return;
    }
    match text {
        [b'*', b'.', name @ ..] if !name.contains(&b'*') && !name.contains(&b'/') => {
            normalizer.any(name, Scope::Tree, details);
        }
        _ if extent::is_netmask(text) => normalizer.reject(ParseError::BadMask),
        _ if memchr::memchr(b'*', text).is_none() => normalizer.any(text, scope, details),
        _ if text.iter().all(|byte| b"0123456789.*".contains(byte)) => {
            ranges::emit(ranges::wildcard(text), details, normalizer);
        }
        _ if is_pattern(text) => normalizer.reject(ParseError::Pattern),
        _ => normalizer.any(text, scope, details),
    }
}

/// Whether a text with a star stands for many: a star in the host, or at the end of the path after a slash. A
/// star elsewhere in a path or in a query is a character like any other.
fn is_pattern(text: &[u8]) -> bool {
    let scheme = memchr::memmem::find(text, b"://").map_or(0, |at| at + 3);
    let rest = text.get(scheme..).unwrap_or(&[]);
    token::before(rest, b'/').contains(&b'*') || rest.ends_with(b"/*")
}
