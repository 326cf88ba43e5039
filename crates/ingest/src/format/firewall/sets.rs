//! Sets of addresses: the save format of ipset, the elements of nftables, the address lists of MikroTik.

use super::target::{Target, is_of_good};
use crate::entry::{Normalizer, Skip};
use crate::format::token;
use rapsheet_snapshot::Scope;

/// The text after the opening brace of a set's elements; `None` where the line opens no set.
pub(super) fn opening(line: &[u8]) -> Option<&[u8]> {
    let begins = line.starts_with(b"elements")
        || line.starts_with(b"add element")
        || line.starts_with(b"nft add element");
    let brace = memchr::memchr(b'{', line).filter(|_| begins)?;
    line.get(brace + 1..)
}

/// Whether a line names a set whose elements are let pass: `set whitelist {`, `add element inet f allowed {`.
pub(super) fn named_for_good(line: &[u8]) -> bool {
    let name = line.split(|byte| *byte == b'{').next().unwrap_or(line).trim_ascii_end();
    is_of_good(name.rsplit(u8::is_ascii_whitespace).next().unwrap_or(&[]))
}

/// Elements of an nftables set, separated by commas that are not in quotes. The first word of an element is
/// the address; timeouts and comments follow, and in a map the verdict: `192.0.2.7 : accept`.
pub(super) fn elements(text: &[u8], in_good_set: bool, normalizer: &mut Normalizer<'_>) {
    let mut quoted = false;
    let elements = text.split(|byte| {
        quoted ^= *byte == b'"';
        *byte == b',' && !quoted
    });
    let before = normalizer.outcomes();
    for element in elements {
        let mut words = token::words(element);
        let Some(text) = words.next() else { continue };
        let verdict = words.skip_while(|word| *word != b":").nth(1);
        let passes = match verdict {
            None => Some(in_good_set),
            Some(b"drop" | b"reject") => Some(false),
            Some(b"accept" | b"return") => Some(true),
            Some(_) => None,
        };
        match passes {
            Some(inverted) => Target { text, inverted }.emit(normalizer),
            None => normalizer.skip(Skip::Policy),
        }
    }
    if normalizer.outcomes() == before {
        normalizer.skip(Skip::Directive);
    }
}

/// `add NAME ADDRESS …`, `ipset add NAME ADDRESS …`, `add list=NAME address=ADDRESS …`.
pub(super) fn add(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    if words.iter().any(|word| word.contains(&b'=')) {
        return mikrotik(words, normalizer);
    }
    let Some(at) = words.iter().position(|word| matches!(*word, b"add" | b"-A")) else {
        return normalizer.skip(Skip::Directive);
    };
    // `add rule inet filter …` of nftables adds no address. In `add table 192.0.2.7`, `table` is a set's
    // name.
    let objects: [&[u8]; 6] = [b"table", b"set", b"chain", b"rule", b"map", b"counter"];
    if words.get(at + 1).is_some_and(|word| objects.contains(word)) && words.len() > at + 3 {
        return normalizer.skip(Skip::Directive);
    }
    let mut operands = words.iter().skip(at + 1).filter(|word| !word.starts_with(b"-"));
    match (operands.next(), operands.next()) {
        (Some(name), Some(text)) => {
            // What a set of good addresses leaves out is not thereby bad.
            let (is_good, left_out) = (is_of_good(name), words.contains(&b"nomatch".as_slice()));
            let target = Target { text, inverted: is_good || left_out };
            let narrowing = target.narrowing();
            if is_good && left_out {
                normalizer.skip(Skip::Policy);
            } else if !narrowing.is_empty() && token::port(narrowing).is_none() {
                // An interface, a mark or a second address.
                normalizer.skip(Skip::Conditional);
            } else {
                target.emit(normalizer);
            }
        }
        _ => normalizer.skip(Skip::Directive),
    }
}

/// `key=value` pairs of MikroTik: the address of an address list, or the source of a filter rule.
fn mikrotik(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    let value = |key: &[u8]| words.iter().find_map(|word| word.strip_prefix(key));
    if value(b"disabled=") == Some(b"yes") {
        return normalizer.skip(Skip::Inactive);
    }
    // Other objects have these keys, too: only `list` makes it an entry of a list, only `action` a filter
    // rule.
    let (found, verdict) = match (value(b"list="), value(b"action=")) {
        (Some(list), _) => (value(b"address="), Some(is_of_good(list))),
        (None, Some(action)) => {
            (value(b"src-address=").or_else(|| value(b"dst-address=")), filter_verdict(action))
        }
        (None, None) => (None, None),
    };
    match (found, verdict) {
        (Some(text), Some(inverted)) => Target { text, inverted }.emit_in_scope(Scope::Exact, normalizer),
        (Some(_), None) => normalizer.skip(Skip::Policy),
        (None, _) => normalizer.skip(Skip::RuleWithoutAddress),
    }
}

/// Whether a filter rule of MikroTik with this action lets traffic pass; `None` for actions that do not
/// filter.
fn filter_verdict(action: &[u8]) -> Option<bool> {
    match action {
        b"drop" | b"reject" | b"tarpit" => Some(false),
        b"accept" | b"return" | b"passthrough" => Some(true),
        _ => None,
    }
}
