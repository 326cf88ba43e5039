//! Access rules of Apache and nginx; a router's rules inside a named access list begin with the same words.

use super::cisco;
use super::target::Target;
use crate::scribe::{Scribe, Skip};
use rapsheet_snapshot::Scope;

/// Whether a word begins such a rule.
pub(super) fn is_directive(word: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"deny", b"allow", b"permit", b"order", b"require"];
    WORDS.iter().any(|own| word.eq_ignore_ascii_case(own))
}

/// `deny from …`, `Require not ip …`, `deny …;`, `deny ip host …`.
pub(super) fn directive(words: &[&[u8]], scribe: &mut Scribe<'_>) {
    let lower: Vec<Vec<u8>> = words.iter().take(3).map(|word| word.to_ascii_lowercase()).collect();
    let lower: Vec<&[u8]> = lower.iter().map(Vec::as_slice).collect();
    match lower.as_slice() {
        [b"deny", b"from", ..] => targets(words.get(2..), false, scribe),
        [b"allow", b"from", ..] => targets(words.get(2..), true, scribe),
        [b"require", b"not", b"ip" | b"host"] => targets(words.get(3..), false, scribe),
        [b"require", b"ip" | b"host", ..] => targets(words.get(2..), true, scribe),
        [b"deny" | b"allow", target] | [b"deny" | b"allow", target, ..] if target.ends_with(b";") => {
            targets(words.get(1..2), lower.first() == Some(&b"allow".as_slice()), scribe);
        }
        [b"deny" | b"permit", ..] => {
            let inverted = lower.first() == Some(&b"permit".as_slice());
            cisco::ends(words.get(1..).unwrap_or(&[]), inverted, scribe);
        }
        _ => scribe.skip(Skip::Directive),
    }
}

fn targets(words: Option<&[&[u8]]>, inverted: bool, scribe: &mut Scribe<'_>) {
    let named = words.unwrap_or(&[]).iter().filter(|word| !word.starts_with(b"env="));
    let is_everybody = |word: &[u8]| matches!(word, b"all" | b"all;" | b"none" | b"unix:;");
    let before = scribe.told();
    named
        .filter(|word| !is_everybody(word))
        .for_each(|text| Target { text, inverted }.take_name(Scope::Tree, scribe));
    if scribe.told() == before {
        scribe.skip(Skip::Directive);
    }
}
