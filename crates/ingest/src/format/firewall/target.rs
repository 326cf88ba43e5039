//! The target of a rule: an address in one of the spellings of firewalls, or a name.

use super::{details, ranges};
use crate::entry::{Details, Normalizer};
use crate::format::token;
use rapsheet_snapshot::{AddressRange, ParseError, Scope};

/// Whether a word is written like an address.
pub(super) fn looks_like_address(word: &[u8]) -> bool {
    word.first().is_some_and(u8::is_ascii_digit) && word.contains(&b'.') || word.contains(&b':')
}

/// Whether the name of a set, a list or a chain says that what is in it is let pass: `whitelist`,
/// `ssh_allowed`.
pub(super) fn is_of_good(name: &[u8]) -> bool {
    const SIGNS: [&str; 8] =
        ["whitelist", "white_list", "white-list", "allow", "accept", "permit", "trusted", "goodlist"];
    const OPPOSITES: [&str; 4] = ["disallow", "notallow", "not_allow", "untrusted"];
    let name = name.to_ascii_lowercase();
    let has = |sign: &&str| memchr::memmem::find(&name, sign.as_bytes()).is_some();
    SIGNS.iter().any(has) && !OPPOSITES.iter().any(has)
}

/// Reads a word that a table gives an address: whether it lets the address pass; `None` for words that decide
/// nothing.
pub(super) fn passes(word: &[u8]) -> Option<bool> {
    const PASSES: [&[u8]; 10] =
        [b"ok", b"permit", b"accept", b"allow", b"allowed", b"pass", b"relay", b"whitelist", b"return", b"0"];
    const DECIDES_NOTHING: [&[u8]; 7] =
        [b"dunno", b"continue", b"defer_if_permit", b"log", b"warn", b"info", b"hold"];
    let word = token::unquoted(word.strip_suffix(b";").unwrap_or(word));
    let word = word.strip_prefix(b"'").and_then(|word| word.strip_suffix(b"'")).unwrap_or(word);
    let is = |known: &&[u8]| word.eq_ignore_ascii_case(known);
    if DECIDES_NOTHING.iter().any(is) { None } else { Some(PASSES.iter().any(is)) }
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

    /// Emits the target of a dialect in which a bare name has this scope.
    pub(super) fn emit_in_scope(self, scope: Scope, normalizer: &mut Normalizer<'_>) {
        let text = self.trimmed();
        if is_name(text) {
            self.emit_name(scope, normalizer);
        } else {
            normalizer
                .address(text, &Details { port: token::port(self.narrowing()), ..details(self.inverted) });
        }
    }

    /// Emits the target of a dialect whose addresses may be abbreviated, and in which a bare name has this
    /// scope. To both such dialects a name with a leading dot is what lies below it.
    pub(super) fn emit_abbreviated(self, scope: Scope, normalizer: &mut Normalizer<'_>) {
        match abbreviated(self.trimmed()) {
            Some(read) => ranges::emit(read, &details(self.inverted), normalizer),
            None => self.emit_in_scope(scope, normalizer),
        }
    }

    fn emit_name(self, scope: Scope, normalizer: &mut Normalizer<'_>) {
        match self.trimmed() {
            [b'.', name @ ..] => normalizer.host(name, Scope::Subdomains, &details(self.inverted)),
            name => normalizer.host(name, scope, &details(self.inverted)),
        }
    }

    /// What stands behind a comma and narrows the target: `tcp:80` of `192.0.2.7,tcp:80`.
    pub(super) fn narrowing(self) -> &'l [u8] {
        token::split_once(self.text, b',').map_or(&[], |(_, narrowing)| narrowing)
    }

    /// The text without quotes, the `;` at its end, and the port of `192.0.2.7,tcp:80`.
    fn trimmed(self) -> &'l [u8] {
        let text = self.text.split(|byte| matches!(byte, b',' | b';')).next().unwrap_or(&[]);
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
