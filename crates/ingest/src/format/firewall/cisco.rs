//! Access lists of Cisco's routers and firewalls, which disagree on masks: 255.255.255.0 there is 0.0.0.255 here.

use super::target::looks_like_address;
use super::{details, ranges};
use crate::scribe::{Scribe, Skip};
use rapsheet_snapshot::{Address, AddressRange, ParseError};

/// A rule without its first word: a list's name, a verdict, a protocol, a source, a destination.
pub(super) fn rule(words: &[&[u8]], scribe: &mut Scribe<'_>) {
    let verdict = words.iter().position(|word| matches!(*word, b"deny" | b"permit"));
    let (inverted, rest) = match verdict {
        Some(at) => (words.get(at) == Some(&b"permit".as_slice()), words.get(at + 1..).unwrap_or(&[])),
        None => (false, words),
    };
    if words.first() == Some(&b"remark".as_slice()) || words.get(1) == Some(&b"remark".as_slice()) {
        return scribe.skip(Skip::Comment);
    }
    ends(rest, inverted, scribe);
}

/// Protocol, source and destination.
pub(super) fn ends(words: &[&[u8]], inverted: bool, scribe: &mut Scribe<'_>) {
    let begins = words.iter().position(|word| looks_like_address(word) || matches!(*word, b"host" | b"any"));
    let mut rest = words.get(begins.unwrap_or(words.len())..).unwrap_or(&[]);
    while let [b"any", behind @ ..] = rest {
        rest = behind;
    }
    match rest {
        [b"host", address, ..] => scribe.address(address, &details(inverted)),
        [address, mask, ..] if looks_like_address(mask) => {
            ranges::emit(masked(address, mask), &details(inverted), scribe);
        }
        [address, ..] if looks_like_address(address) => scribe.address(address, &details(inverted)),
        _ => scribe.skip(Skip::RuleWithoutAddress),
    }
}

/// A netmask begins with ones, a wildcard mask with zeros.
fn masked(address: &[u8], mask: &[u8]) -> Result<AddressRange, ParseError> {
    match (Address::parse(address)?, Address::parse(mask)?) {
        (Address::V4(address), Address::V4(mask)) => {
            let netmask = if mask >> 31 == 1 { mask } else { !mask };
            AddressRange::from_netmask(address, netmask)
        }
        _ => Err(ParseError::BadMask),
    }
}
