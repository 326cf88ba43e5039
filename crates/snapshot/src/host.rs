//! Hosts: addresses or names. The last label decides which.
//!
//! Feeds have addresses in columns of names and names in columns of addresses, and a URL may have either. A
//! text that ends in a number can only be an address and is parsed as one, also if the IDNA mapping turns
//! full-width digits into plain ones.

use crate::{Address, ParseError, name};

/// An address or a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(Address),
    /// A name, whose canonical form was appended to the buffer.
    Name,
}

/// Parses a host without brackets or port. A name is appended to `out`; an address leaves `out` unchanged.
pub fn canonical(text: &[u8], out: &mut Vec<u8>) -> Result<Host, ParseError> {
    if name::scan_plain(text).is_some() {
        out.extend_from_slice(text);
        return Ok(Host::Name);
    }
    if text.contains(&b':') || ends_in_number(text) {
        return Address::parse(text.strip_suffix(b".").unwrap_or(text)).map(Host::Address);
    }
    match name::canonical(text, out) {
        Ok(()) => Ok(Host::Name),
        Err(ParseError::BadHost | ParseError::SingleLabel) if !text.is_ascii() => {
            let mapped = name::to_ascii(text)?;
            if !ends_in_number(mapped.as_bytes()) {
                return Err(ParseError::BadHost);
            }
            Address::parse(mapped.as_bytes()).map(Host::Address)
        }
        Err(error) => Err(error),
    }
}

/// Whether the last label is a decimal or hexadecimal number, which that of a name never is.
pub fn ends_in_number(text: &[u8]) -> bool {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let last = text.rsplit(|byte| *byte == b'.').next().unwrap_or(&[]);
    match last {
        [] => false,
        [b'0', b'x' | b'X', rest @ ..] => rest.iter().all(u8::is_ascii_hexdigit),
        _ => last.iter().all(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_labels_tell_addresses_from_names() {
        let read = |text: &str| canonical(text.as_bytes(), &mut Vec::new());
        assert_eq!(read("45.9.20.5"), Ok(Host::Address(Address::V4(0x2D09_1405))));
        assert_eq!(read("1。2。3。4"), Ok(Host::Address(Address::V4(0x0102_0304))));
        assert_eq!(read("evilpanel.com"), Ok(Host::Name));
        assert_eq!(read("39.34.166.041"), Err(ParseError::LeadingZero));
        assert_eq!(read("0x7f.1"), Err(ParseError::BadIp));
        assert_eq!(read("0000153.0000255.0000011.0000125"), Err(ParseError::BadIp));
    }

    proptest::proptest! {
        #[test]
        fn plain_names_never_end_in_a_number(text in "([a-z0-9_-]{1,8}\\.){1,4}[a-z0-9]{1,4}") {
            let is_plain = name::scan_plain(text.as_bytes()).is_some();
            proptest::prop_assert!(!is_plain || !ends_in_number(text.as_bytes()));
        }
    }
}
