//! Spellings of address ranges that several formats share: netmasks, wildcards, and numbers padded with
//! zeros.
//!
//! The strict canonical parser refuses them all, because outside the formats that define them they are
//! ambiguous: `010.1.2.3` is octal to some programs and decimal to others. A format that calls a function
//! here states which reading its syntax means.

use crate::entry::{Details, Normalizer};
use rapsheet_snapshot::{Address, AddressRange, ParseError};

/// Emits a range that was read, or rejects the line with the error.
pub(super) fn emit(
    read: Result<AddressRange, ParseError>,
    details: &Details,
    normalizer: &mut Normalizer<'_>,
) {
    match read {
        Ok(range) => normalizer.range(range, details),
        Err(error) => normalizer.reject(error),
    }
}

/// An IPv4 address and a netmask whose ones come first: `192.0.2.0` and `255.255.255.0`.
pub(super) fn netmask(address: &[u8], mask: &[u8]) -> Result<AddressRange, ParseError> {
    match (Address::parse(address)?, Address::parse(mask)) {
        (Address::V4(address), Ok(Address::V4(mask))) => AddressRange::from_netmask(address, mask),
        _ => Err(ParseError::BadMask),
    }
}

/// `192.0.2.*`, `192.0.*.*`, `192.0.2.`: leading octets, then only stars or nothing.
pub(super) fn wildcard(text: &[u8]) -> Result<AddressRange, ParseError> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let octets: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let fixed = octets.iter().take_while(|octet| **octet != b"*").count();
    if octets.len() > 4 || fixed == 0 {
        return Err(if fixed == 0 { ParseError::TooWide } else { ParseError::BadIp });
    }
    if octets.iter().skip(fixed).any(|octet| *octet != b"*") {
        return Err(ParseError::Pattern);
    }
    let leading = octets.get(..fixed).unwrap_or(&[]).join(&b'.');
    let first = [leading, b".0".repeat(4 - fixed)].concat();
    let length = u8::try_from(8 * fixed).map_err(|_| ParseError::BadIp)?;
    AddressRange::from_prefix(Address::parse(&first)?, length).ok_or(ParseError::BadIp)
}

/// An address whose octets may be padded with zeros, read as decimal.
pub(super) fn zero_padded(text: &[u8]) -> Result<Address, ParseError> {
    // Groups of IPv6 are hexadecimal and may begin with zeros anyway.
    if text.contains(&b':') { Address::parse(text) } else { Address::parse(&without_zero_padding(text)) }
}

/// The range between two addresses whose octets may be padded with zeros.
pub(super) fn zero_padded_range(first: &[u8], last: &[u8]) -> Result<AddressRange, ParseError> {
    AddressRange::from_ends(zero_padded(first.trim_ascii())?, zero_padded(last.trim_ascii())?)
}

/// The text without the zeros that pad its numbers; a number that is zero keeps one.
pub(super) fn without_zero_padding(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        let begins_number = out.last().is_none_or(|last: &u8| !last.is_ascii_digit());
        let more_follows = text.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !(*byte == b'0' && begins_number && more_follows) {
            out.push(*byte);
        }
    }
    out
}
