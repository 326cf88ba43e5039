//! What a rule is about: an address in any spelling that firewalls have, or a name.

use super::{details, ranges};
use crate::scribe::Scribe;
use crate::token;
use rapsheet_snapshot::{AddressRange, ParseError, Scope};

/// Whether a word is written like an address.
pub(super) fn looks_like_address(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_digit) && word.contains(&b'.') || word.contains(&b':')
}

/// The text of a rule's target, and whether the rule lets it pass.
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

    /// Hands it to the scribe; what is typed as a name is one.
    pub(super) fn take(self, scribe: &mut Scribe<'_>) {
        self.take_name(Scope::Exact, scribe);
    }

    /// The same, for dialects in which a name means all below it too.
    pub(super) fn take_name(self, scope: Scope, scribe: &mut Scribe<'_>) {
        let text = self.bare();
        let details = details(self.inverted);
        match special(text, scope == Scope::Tree) {
            Some(read) => ranges::emit(read, &details, scribe),
            None if is_name(text) => scribe.host(text, scope, &details),
            None => scribe.address(text, &details),
        }
    }

    /// Without its end of statement, quotes, and the port of `192.0.2.7,tcp:80`.
    fn bare(self) -> &'l [u8] {
        let text = self.text.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or(&[]);
        let text = text.strip_prefix(b".").unwrap_or(text);
        token::unquoted(text)
    }
}

fn is_name(text: &[u8]) -> bool {
    let last = text.rsplit(|byte| *byte == b'.').next().unwrap_or(&[]);
    !text.contains(&b':') && last.first().is_some_and(u8::is_ascii_alphabetic)
}

/// A dot at the end, addresses whose last numbers are left out, and brackets before a length: not in every dialect.
fn special(text: &[u8], is_loose: bool) -> Option<Result<AddressRange, ParseError>> {
    if !is_loose {
        return None;
    }
    if let Some((address, length)) = text.strip_prefix(b"[").and_then(|text| {
        let end = memchr::memmem::find(text, b"]/")?;
        Some((text.get(..end)?, text.get(end + 1..)?))
    }) {
        return Some(AddressRange::parse(&[address, length].concat()).map(|read| read.range));
    }
    let dots = text.iter().filter(|byte| **byte == b'.').count();
    let numeric = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let partial = numeric && (dots < 3 || text.ends_with(b"."));
    partial.then(|| ranges::wildcard(text))
}
