//! The target of a rule: an address in one of the spellings of firewalls, or a name.

use super::{details, ranges};
use crate::entry::Normalizer;
use crate::format::token;
use rapsheet_snapshot::{AddressRange, ParseError, Scope};

/// Whether a word is written like an address.
pub(super) fn looks_like_address(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_digit) && word.contains(&b'.') || word.contains(&b':')
}

/// The target of a rule, and whether the rule lets it pass.
#[derive(Clone, Copy)]
pub(super) struct Target<'l> {
    pub(super) text: &'l [u8],
    pub(super) inverted: bool,
}

impl<'l> Target<'l> {
    /// A target that is blocked.
    pub(super) fn block(text: &'l [u8]) -> Target<'l> {
        Target { text, inverted: false }
    }

    /// Emits the target; a name is exact.
    pub(super) fn emit(self, normalizer: &mut Normalizer<'_>) {
        self.emit_in_scope(Scope::Exact, normalizer);
    }

    /// Emits the target. With [`Scope::Tree`], a name covers everything below it, and addresses may be
    /// abbreviated: the dialects with the one have the other.
    pub(super) fn emit_in_scope(self, scope: Scope, normalizer: &mut Normalizer<'_>) {
        let text = self.trimmed();
        let details = details(self.inverted);
        let range = if scope == Scope::Tree { abbreviated(text) } else { None };
        match range {
            Some(read) => ranges::emit(read, &details, normalizer),
            None if is_name(text) => normalizer.host(text, scope, &details),
            None => normalizer.address(text, &details),
        }
    }

    /// The text without quotes, the `;` at its end, a leading dot, and the port of `192.0.2.7,tcp:80`.
    fn trimmed(self) -> &'l [u8] {
        let text = self.text.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or(&[]);
        let text = text.strip_prefix(b".").unwrap_or(text);
        token::unquoted(text)
    }
}

fn is_name(text: &[u8]) -> bool {
    let last = text.rsplit(|byte| *byte == b'.').next().unwrap_or(&[]);
    !text.contains(&b':') && last.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Reads the spellings of hosts.deny and Apache: `192.0.2.`, `192.0`, `[2001:db8::]/32`; `None` for all
/// others.
fn abbreviated(text: &[u8]) -> Option<Result<AddressRange, ParseError>> {
    if let Some((address, length)) = text.strip_prefix(b"[").and_then(|text| {
        let end = memchr::memmem::find(text, b"]/")?;
        Some((text.get(..end)?, text.get(end + 1..)?))
    }) {
        return Some(AddressRange::parse(&[address, length].concat()).map(|read| read.range));
    }
    let dots = text.iter().filter(|byte| **byte == b'.').count();
    let is_numeric = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let is_partial = is_numeric && (dots < 3 || text.ends_with(b"."));
    is_partial.then(|| ranges::wildcard(text))
}
