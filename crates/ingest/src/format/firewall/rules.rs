//! Rules of iptables and ip6tables, and ipset's short form, which begins alike.

use super::target::Target;
use crate::entry::{Normalizer, Skip};

/// Whether a rule with this verdict lets pass; `None` where it decides nothing.
pub(super) fn verdict(target: &[u8]) -> Option<bool> {
    const PASSES: [&[u8]; 3] = [b"ACCEPT", b"RETURN", b"PASSTHROUGH"];
    const DECIDES_NOTHING: [&[u8]; 14] = [
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
    ];
    let is = |word: &&[u8]| target.eq_ignore_ascii_case(word);
    if DECIDES_NOTHING.iter().any(is) {
        return None;
    }
    Some(PASSES.iter().any(is))
}

/// The same for a router's filter, where every other action is for something else than filtering.
pub(super) fn filter_verdict(action: &[u8]) -> Option<bool> {
    match action {
        b"drop" | b"reject" | b"tarpit" => Some(false),
        b"accept" | b"return" | b"passthrough" => Some(true),
        _ => None,
    }
}

/// One rule, from its words.
pub(super) fn rule(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    // What takes a rule away lists nothing.
    if words.iter().any(|word| matches!(*word, b"-D" | b"--delete" | b"-C" | b"--check")) {
        return normalizer.skip(Skip::Directive);
    }
    let parts: Vec<&[u8]> = words.iter().flat_map(option).collect();
    let words = parts.as_slice();
    let behind = |keys: &[&[u8]]| {
        let at = words.iter().position(|word| keys.contains(word))?;
        let negated = at.checked_sub(1).and_then(|before| words.get(before)) == Some(&b"!".as_slice())
            || words.get(at + 1) == Some(&b"!".as_slice());
        Some((words.get(at + 1).copied()?, negated))
    };
    let source = behind(&[b"-s", b"--source", b"--src", b"--src-range"]);
    let destination = behind(&[b"-d", b"--destination", b"--dst", b"--dst-range"]);
    let target = behind(&[b"-j", b"--jump", b"-g", b"--goto"]);
    let is_any = |text: &[u8]| matches!(text, b"0.0.0.0/0" | b"::/0" | b"any");
    let found = source.filter(|(text, _)| !is_any(text)).or(destination.filter(|(text, _)| !is_any(text)));
    match (found, target) {
        (None, None) => entry(words, normalizer),
        (None, Some(_)) => normalizer.skip(Skip::RuleWithoutAddress),
        (Some((_, true)), _) | (Some(_), None) => normalizer.skip(Skip::Policy),
        (Some((text, false)), Some((word, _))) => match verdict(word) {
            Some(inverted) => each(text, inverted, normalizer),
            None => normalizer.skip(Skip::Policy),
        },
    }
}

/// `--source=192.0.2.7` is two words.
fn option<'l>(word: &&'l [u8]) -> impl Iterator<Item = &'l [u8]> + use<'l> {
    let cut = if word.starts_with(b"--") { memchr::memchr(b'=', word) } else { None };
    let (key, value) = word.split_at_checked(cut.unwrap_or(word.len())).unwrap_or((word, &[]));
    std::iter::once(key).chain(value.get(1..))
}

fn each(text: &[u8], inverted: bool, normalizer: &mut Normalizer<'_>) {
    text.split(|byte| *byte == b',').for_each(|text| Target { text, inverted }.take(normalizer));
}

/// `-A NAME ADDRESS`, which is ipset's.
fn entry(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    match words {
        [b"-A", _, text, ..] if !text.starts_with(b"-") => {
            Target { text, inverted: words.contains(&b"nomatch".as_slice()) }.take(normalizer);
        }
        _ => normalizer.skip(Skip::RuleWithoutAddress),
    }
}
