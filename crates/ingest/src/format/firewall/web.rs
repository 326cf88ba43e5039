//! Access rules of Apache and nginx: `deny from 192.0.2.0/24`, `Require not ip 192.0.2.7`,
//! `deny 192.0.2.0/24;`.
//!
//! The rules inside a named access list of Cisco begin with the same words and are passed on.

use super::cisco;
use super::target::Target;
use crate::entry::{Normalizer, Skip};
use rapsheet_snapshot::Scope;

/// Whether a word begins a rule of these dialects.
pub(super) fn is_directive(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"deny", b"allow", b"permit", b"order", b"require"];
    WORDS.iter().any(|directive| word.eq_ignore_ascii_case(directive))
}

/// `deny from …`, `Require not ip …`, `deny …;`, `deny ip host …`.
pub(super) fn directive(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    let lower: Vec<Vec<u8>> = words.iter().take(3).map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&[u8]> = lower.iter().map(Vec::as_slice).collect();
    match lower.as_slice() {
        [b"deny", b"from", ..] => emit_targets(words.get(2..), false, normalizer),
        [b"allow", b"from", ..] => emit_targets(words.get(2..), true, normalizer),
        [b"require", b"not", b"ip" | b"host"] => emit_targets(words.get(3..), false, normalizer),
        [b"require", b"ip" | b"host", ..] => emit_targets(words.get(2..), true, normalizer),
        [b"deny" | b"allow", target] | [b"deny" | b"allow", target, ..] if target.ends_with(b";") => {
            emit_targets(words.get(1..2), lower.first() == Some(&b"allow".as_slice()), normalizer);
        }
        [b"deny" | b"permit", ..] => {
            let inverted = lower.first() == Some(&b"permit".as_slice());
            cisco::endpoints(words.get(1..).unwrap_or(&[]), inverted, normalizer);
        }
        _ => normalizer.skip(Skip::Directive),
    }
}

fn emit_targets(words: Option<&[&[u8]]>, inverted: bool, normalizer: &mut Normalizer<'_>) {
    let is_keyword = |word: &[u8]| matches!(word, b"all" | b"all;" | b"none" | b"unix:;");
    let targets = words.unwrap_or(&[]).iter().filter(|word| !word.starts_with(b"env=") && !is_keyword(word));
    let before = normalizer.outcomes();
    targets.for_each(|text| Target { text, inverted }.emit_abbreviated(Scope::Tree, normalizer));
    if normalizer.outcomes() == before {
        normalizer.skip(Skip::Directive);
    }
}
