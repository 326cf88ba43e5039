//! Rules of iptables and ip6tables: `-A INPUT -s 192.0.2.7/32 -j DROP`, as saved or as commands of a script.
//!
//! The short form of ipset, `-A NAME ADDRESS`, begins in the same way and is read here, too.

use super::sets;
use super::target::{Target, is_of_good};
use crate::entry::{Normalizer, Skip};
use crate::format::token;

/// Whether a rule with this target lets traffic pass; `None` where the target decides nothing. A chain of the
/// user's own is taken for one that blocks, unless its name says that it lets pass: what it does with an
/// address is written elsewhere.
pub(super) fn verdict(target: &[u8]) -> Option<bool> {
    const PASSES: [&[u8]; 3] = [b"ACCEPT", b"RETURN", b"PASSTHROUGH"];
    const DECIDES_NOTHING: [&[u8]; 23] = [
        b"LOG",
        b"NFLOG",
        b"ULOG",
        b"MARK",
        b"CONNMARK",
        b"NOTRACK",
        b"TCPMSS",
        b"ADD-SRC-TO-ADDRESS-LIST",
        b"DNAT",
        b"SNAT",
        b"MASQUERADE",
        b"REDIRECT",
        b"NETMAP",
        b"TPROXY",
        b"CT",
        b"SET",
        b"TRACE",
        b"TEE",
        b"AUDIT",
        b"CLASSIFY",
        b"DSCP",
        b"QUEUE",
        b"NFQUEUE",
    ];
    let is = |word: &&[u8]| target.eq_ignore_ascii_case(word);
    let passes = PASSES.iter().any(is);
    let decides = !DECIDES_NOTHING.iter().any(is) && (passes || !is_of_good(target));
    decides.then_some(passes)
}

/// Reads the words of one rule.
pub(super) fn rule(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    // Commands that delete or check a rule.
    if words.iter().any(|word| matches!(*word, b"-D" | b"--delete" | b"-C" | b"--check")) {
        return normalizer.skip(Skip::Directive);
    }
    let parts: Vec<&[u8]> = words.iter().flat_map(split_option).collect();
    let words = parts.as_slice();
    // The value of an option, and whether `!` negates it, before or after the key.
    let value_of = |keys: &[&[u8]]| {
        let at = words.iter().position(|word| keys.contains(word))?;
        let negated = at.checked_sub(1).and_then(|before| words.get(before)) == Some(&b"!".as_slice())
            || words.get(at + 1) == Some(&b"!".as_slice());
        Some((words.get(at + 1).copied()?, negated))
    };
    let source = value_of(&[b"-s", b"--source", b"--src", b"--src-range"]);
    let destination = value_of(&[b"-d", b"--destination", b"--dst", b"--dst-range"]);
    let target = value_of(&[b"-j", b"--jump", b"-g", b"--goto"]);
    let is_any = |text: &[u8]| matches!(text, b"0.0.0.0/0" | b"::/0" | b"any");
    let found = source.filter(|(text, _)| !is_any(text)).or(destination.filter(|(text, _)| !is_any(text)));
    match (found, target) {
        (None, None) => ipset_entry(words, normalizer),
        (None, Some(_)) => normalizer.skip(Skip::RuleWithoutAddress),
        (Some((_, true)), _) | (Some(_), None) => normalizer.skip(Skip::Policy),
        (Some((text, false)), Some((word, _))) => match verdict(word) {
            Some(inverted) => emit_each(text, inverted, normalizer),
            None => normalizer.skip(Skip::Policy),
        },
    }
}

/// Splits `--source=192.0.2.7` into key and value.
fn split_option<'l>(word: &&'l [u8]) -> impl Iterator<Item = &'l [u8]> + use<'l> {
    let pair = if word.starts_with(b"--") { token::split_once(word, b'=') } else { None };
    let (key, value) = pair.map_or((*word, None), |(key, value)| (key, Some(value)));
    std::iter::once(key).chain(value)
}

/// A rule may name several addresses, separated by commas.
fn emit_each(text: &[u8], inverted: bool, normalizer: &mut Normalizer<'_>) {
    text.split(|byte| *byte == b',').for_each(|text| Target { text, inverted }.emit(normalizer));
}

/// `-A NAME ADDRESS` of ipset.
fn ipset_entry(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    match words {
        [b"-A", _, text, ..] if !text.starts_with(b"-") => sets::add(words, normalizer),
        _ => normalizer.skip(Skip::RuleWithoutAddress),
    }
}
