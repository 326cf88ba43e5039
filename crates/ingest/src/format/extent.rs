//! How far a record reaches whose addresses stand in several fields: a first and a last address, or an
//! address and its netmask or prefix length.
//!
//! The address alone would be another statement than the publisher's, so fields that do not fit together are
//! a reject. Some names mean other things as well (`first` is a time in many feeds, `cidr` a whole prefix in
//! others); such a field counts only where its content is what the name would mean here.

use super::ranges;
use super::role::Role;
use crate::entry::{Details, Normalizer};
use crate::format::token;
use rapsheet_snapshot::{Address, AddressRange, ParseError};

/// Names that mean a mask only where the field has the shape of one.
const BY_SHAPE: &[&str] = &["cidr", "prefix", "subnet", "bits", "length", "len"];

/// The names of the address that a `length` belongs to. Beside other names it is the length of something
/// else: of a URL, of a packet.
const NETWORKS: &[&str] =
    &["network", "networkaddress", "net", "subnet", "prefix", "cidr", "address", "addr", "netblock"];

/// Whether a field with one of the names in [`MASKS`] holds a mask or a length. `value` is the name of the
/// field with the address.
pub(super) fn is_mask_field(name: &str, text: &[u8], value: Option<&str>) -> bool {
    let fits = !matches!(name, "length" | "len") || value.is_some_and(|value| NETWORKS.contains(&value));
    fits && (!BY_SHAPE.contains(&name) || is_mask(text))
}

/// Whether a text has the shape of a prefix length or of a netmask.
pub(super) fn is_mask(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"/").unwrap_or(text);
    let is_length = token::is_digits(digits) && token::number::<u8>(digits).is_some_and(|bits| bits <= 128);
    is_length || is_netmask(text)
}

/// Whether a text is a netmask of eight bits or more.
pub(super) fn is_netmask(text: &[u8]) -> bool {
    let mask = || match Address::parse(text) {
        Ok(Address::V4(mask)) => mask.leading_ones() + mask.trailing_zeros() >= 32,
        _ => false,
    };
    text.starts_with(b"255.") && mask()
}

/// Whether two fields are a range's ends: two addresses, or numbers of addresses under names that mean
/// nothing else. An address without its other end is a record, too, and rejected.
pub(super) fn are_ends(first: &[u8], last: &[u8], are_clear: bool) -> bool {
    let (one, two) = (is_address(first), is_address(last));
    let numbers = || token::is_digits(first) && token::is_digits(last);
    one && two || are_clear && (one || two || numbers())
}

fn is_address(text: &[u8]) -> bool {
    Address::parse(text).is_ok()
}

/// Emits what the fields of a record say together, and returns whether they do. `value` is the record's
/// indicator, empty where it has none.
///
/// A single address as a value is more than the range that it is in: there the range is context. Otherwise
/// the ends are exact, and preferred.
pub(super) fn emit<'f>(
    field: impl Fn(Role) -> &'f [u8],
    value: &[u8],
    details: &Details,
    normalizer: &mut Normalizer<'_>,
) -> bool {
    let (first, last, mask) = (field(Role::Start), field(Role::End), field(Role::Mask));
    let is_subject = |value: &[u8]| is_address(value) && value != first;
    let has_ends = match value {
        [] => !first.is_empty() || !last.is_empty(),
        value => is_address(first) && is_address(last) && !is_subject(value),
    };
    if has_ends {
        ranges::emit(ends(first, last), details, normalizer);
        return true;
    }
    let has_mask = !mask.is_empty() && AddressRange::parse(value).is_ok_and(|read| read.port.is_none());
    if has_mask {
        emit_masked(value, mask, details, normalizer);
    }
    has_mask
}

/// The range of two neighbouring columns: its ends, or an address and its netmask or length.
pub(super) fn pair(first: &[u8], second: &[u8]) -> Result<AddressRange, ParseError> {
    match second {
        _ if looks_like_netmask(second) => ranges::netmask(first, second),
        _ if is_mask(second) && is_address(first) => {
            let length = second.strip_prefix(b"/").unwrap_or(second);
            AddressRange::parse(&[first, b"/", length].concat()).map(|read| read.range)
        }
        _ => ends(first, second),
    }
}

/// Whether a text is dotted like a netmask, sound or not. No address of a list begins so.
pub(super) fn looks_like_netmask(text: &[u8]) -> bool {
    text.starts_with(b"255.") && is_address(text)
}

/// Whether pairs of columns are addresses and the lengths of their prefixes. Counts and ports would hardly
/// ever be lengths that leave no bits of an address over.
pub(super) fn are_lengths<'f>(pairs: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> bool {
    let (mut count, mut short) = (0, 0);
    for (address, length) in pairs {
        let read = AddressRange::parse(&[address, b"/", length].concat());
        if !is_address(address) || read.is_err() || read.is_ok_and(|read| read.host_bits) {
            return false;
        }
        count += 1;
        short += u32::from(token::number::<u8>(length).is_some_and(|bits| bits < 32));
    }
    count > 0 && short * 2 > count
}

/// The range between two addresses, each dotted or a number.
pub(super) fn ends(first: &[u8], last: &[u8]) -> Result<AddressRange, ParseError> {
    match (first, last) {
        ([], _) | (_, []) => Err(ParseError::BadRange),
        _ => AddressRange::from_ends(address(first)?, address(last)?),
    }
}

/// An address, or the number of one: of IPv4 up to 32 bits, else of IPv6.
fn address(text: &[u8]) -> Result<Address, ParseError> {
    if !token::is_digits(text) {
        return Address::parse(text);
    }
    let v4 = token::number(text).map(Address::V4);
    v4.or_else(|| token::number(text).map(Address::V6)).ok_or(ParseError::BadIp)
}

/// An address, perhaps with a length already, and its netmask or length.
fn emit_masked(value: &[u8], mask: &[u8], details: &Details, normalizer: &mut Normalizer<'_>) {
    let (address, own_length) = match token::split_once(value, b'/') {
        Some((address, length)) => (address, Some(length)),
        None => (value, None),
    };
    let mask = mask.strip_prefix(b"/").unwrap_or(mask);
    let joined = [address, b"/", mask].concat();
    let masked = match mask.contains(&b'.') {
        true => ranges::netmask(address, mask),
        false => AddressRange::parse(&joined).map(|read| read.range),
    };
    match (masked, own_length) {
        (Err(error), _) => normalizer.reject(error),
        (Ok(range), Some(_)) if !AddressRange::parse(value).is_ok_and(|own| own.range == range) => {
            normalizer.reject(ParseError::BadMask);
        }
        (Ok(range), _) if mask.contains(&b'.') => normalizer.range(range, details),
        // Once more as a text, for the warning of bits beside the network.
        (Ok(_), _) => normalizer.address(&joined, details),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_masks_from_addresses_and_counts() {
        for (text, expected) in [
            ("255.255.255.0", true),
            ("255.0.0.0", true),
            ("24", true),
            ("/24", true),
            ("128", true),
            ("129", false),
            ("255.0.255.0", false),
            ("45.9.20.0", false),
            ("45.9.20.0/24", false),
            ("", false),
        ] {
            assert_eq!(is_mask(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn reads_ends_as_addresses_or_numbers() {
        let text = |first: &str, last: &str| ends(first.as_bytes(), last.as_bytes()).map(|r| r.to_string());
        assert_eq!(text("45.9.20.0", "45.9.20.255"), Ok("45.9.20.0/24".to_owned()));
        assert_eq!(text("755569664", "755569919"), Ok("45.9.20.0/24".to_owned()));
        assert_eq!(text("45.9.20.9", "45.9.20.1"), Err(ParseError::BadRange));
        assert_eq!(text("45.9.20.9", ""), Err(ParseError::BadRange));
        assert_eq!(text("45.9.20.9", "x"), Err(ParseError::BadIp));
    }
}
