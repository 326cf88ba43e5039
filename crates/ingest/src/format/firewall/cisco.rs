//! Access lists of Cisco: `access-list 101 deny ip 192.0.2.0 0.0.0.255 any`.
//!
//! The firewalls (PIX, ASA) write netmasks, the routers (IOS) write wildcard masks, whose bits are the
//! opposite. The highest bit of a mask shows which it is.

use super::target::looks_like_address;
use super::{details, ranges};
use crate::entry::{Normalizer, Skip};
use rapsheet_snapshot::{Address, AddressRange, ParseError};

/// A rule without its first word: the name of the list, the verdict, the protocol, the source, the
/// destination.
pub(super) fn rule(words: &[&[u8]], normalizer: &mut Normalizer<'_>) {
    let verdict = words.iter().position(|word| matches!(*word, b"deny" | b"permit"));
    let (inverted, rest) = match verdict {
        Some(at) => (words.get(at) == Some(&b"permit".as_slice()), words.get(at + 1..).unwrap_or(&[])),
        None => (false, words),
    };
    if words.first() == Some(&b"remark".as_slice()) || words.get(1) == Some(&b"remark".as_slice()) {
        return normalizer.skip(Skip::Comment);
    }
    if words.last() == Some(&b"inactive".as_slice()) {
        return normalizer.skip(Skip::Inactive);
    }
    endpoints(rest, inverted, normalizer);
}

/// The part of a rule after the verdict: protocol, source and destination. The first of the two that is not
/// `any` is the target.
pub(super) fn endpoints(words: &[&[u8]], inverted: bool, normalizer: &mut Normalizer<'_>) {
    let begins = words
        .iter()
        .position(|word| looks_like_address(word) || matches!(*word, b"host" | b"any" | b"any4" | b"any6"));
    let mut rest = words.get(begins.unwrap_or(words.len())..).unwrap_or(&[]);
    while let [b"any" | b"any4" | b"any6", tail @ ..] = rest {
        rest = tail;
    }
    match rest {
        [b"host", address, ..] => normalizer.address(address, &details(inverted)),
        [address, mask, ..] if looks_like_address(mask) => {
            ranges::emit(masked(address, mask), &details(inverted), normalizer);
        }
        [address, ..] if looks_like_address(address) => normalizer.address(address, &details(inverted)),
        _ => normalizer.skip(Skip::RuleWithoutAddress),
    }
}

/// Reads an address with a netmask, which begins with ones, or a wildcard mask, which begins with zeros.
fn masked(address: &[u8], mask: &[u8]) -> Result<AddressRange, ParseError> {
    match (Address::parse(address)?, Address::parse(mask)?) {
        (Address::V4(address), Address::V4(mask)) => {
            let netmask = if mask >> 31 == 1 { mask } else { !mask };
            AddressRange::from_netmask(address, netmask)
        }
        _ => Err(ParseError::BadMask),
    }
}
