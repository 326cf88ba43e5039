//! Addresses, prefixes and ranges: strict parsing, and one written form.
//!
//! `inet_aton` and its descendants read `010.1` or `0x7f000001`. Programs disagree on what these mean, and an
//! attacker can use the disagreement to bypass a list. Exactly one notation is therefore accepted, and a text
//! with two meanings is rejected with its own [`ParseError`]. IPv4-mapped IPv6 is IPv4. Feeds and look-ups
//! use the same parser.

use crate::ParseError;
use crate::host_bits::HostBits;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address.
///
/// ```
/// use rapsheet_snapshot::{Address, ParseError};
///
/// assert_eq!(Address::parse(b"45.9.20.5"), Ok(Address::V4(0x2D09_1405)));
/// assert_eq!(Address::parse(b"::ffff:45.9.20.5"), Ok(Address::V4(0x2D09_1405)));
/// assert_eq!(Address::parse(b"45.9.20.005"), Err(ParseError::LeadingZero));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// IPv4, as a number.
    V4(u32),
    /// IPv6, as a number; never an IPv4-mapped one.
    V6(u128),
}

impl Address {
    /// Parses a dotted quad or IPv6 text, without brackets, port, prefix or blanks.
    pub fn parse(text: &[u8]) -> Result<Address, ParseError> {
        if let Some(number) = plain_v4(text) {
            return Ok(Address::V4(number));
        }
        if text.contains(&b':') { parse_v6(text).map(unmapped) } else { parse_v4(text).map(Address::V4) }
    }

    /// The range of this address alone.
    pub const fn range(self) -> AddressRange {
        match self {
            Address::V4(number) => AddressRange::V4 { first: number, last: number },
            Address::V6(number) => AddressRange::V6 { first: number, last: number },
        }
    }
}

/// An IPv4-mapped IPv6 address becomes IPv4.
///
/// ```
/// # use rapsheet_snapshot::Address;
/// # use std::net::IpAddr;
/// let mapped: IpAddr = "::ffff:192.0.2.1".parse()?;
/// assert_eq!(Address::from(mapped), Address::V4(0xC000_0201));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Address {
        match address.to_canonical() {
            IpAddr::V4(address) => Address::V4(address.to_bits()),
            IpAddr::V6(address) => Address::V6(address.to_bits()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Address::V4(number) => Ipv4Addr::from_bits(number).fmt(f),
            Address::V6(number) => Ipv6Addr::from_bits(number).fmt(f),
        }
    }
}

/// An inclusive range of addresses of one family, `first <= last`. A prefix and a single address are ranges,
/// too.
///
/// ```
/// use rapsheet_snapshot::AddressRange;
///
/// let parsed = AddressRange::parse(b"45.9.20.77/24")?;
/// assert!(parsed.host_bits, "they are masked away");
/// assert_eq!((parsed.range.to_string(), parsed.range.prefix_len()), ("45.9.20.0/24".to_owned(), Some(24)));
/// assert_eq!(AddressRange::parse(b"45.9.20.4 - 45.9.21.9")?.range.to_string(), "45.9.20.4-45.9.21.9");
/// # Ok::<(), rapsheet_snapshot::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressRange {
    /// IPv4.
    V4 {
        /// The lowest address.
        first: u32,
        /// The highest address.
        last: u32,
    },
    /// IPv6.
    V6 {
        /// The lowest address.
        first: u128,
        /// The highest address.
        last: u128,
    },
}

/// A parsed address, prefix or range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedRange {
    /// The addresses.
    pub range: AddressRange,
    /// The port that followed, if any.
    pub port: Option<u16>,
    /// Whether a prefix had bits set below its length; they were masked away.
    pub host_bits: bool,
}

impl AddressRange {
    /// The prefix of `address` with `length` bits; `None` where the length does not fit the family.
    pub fn from_prefix(address: Address, length: u8) -> Option<AddressRange> {
        match address {
            Address::V4(number) => {
                let host = u32::MAX.checked_shr(u32::from(length)).unwrap_or(0);
                (length <= 32).then_some(AddressRange::V4 { first: number & !host, last: number | host })
            }
            Address::V6(number) => {
                let host = u128::MAX.checked_shr(u32::from(length)).unwrap_or(0);
                (length <= 128).then_some(AddressRange::V6 { first: number & !host, last: number | host })
            }
        }
    }

    /// The range from one address to another.
    pub fn from_ends(first: Address, last: Address) -> Result<AddressRange, ParseError> {
        match (first, last) {
            (Address::V4(first), Address::V4(last)) if first <= last => Ok(AddressRange::V4 { first, last }),
            (Address::V6(first), Address::V6(last)) if first <= last => Ok(AddressRange::V6 { first, last }),
            _ => Err(ParseError::BadRange),
        }
    }

    /// The prefix of a dotted netmask; a mask whose set bits are not contiguous is rejected.
    pub fn from_netmask(address: u32, mask: u32) -> Result<AddressRange, ParseError> {
        let length = mask.leading_ones();
        if length + mask.trailing_zeros() < 32 || length == 0 {
            return Err(if mask == 0 { ParseError::TooWide } else { ParseError::BadMask });
        }
        let host = u32::MAX.checked_shr(length).unwrap_or(0);
        Ok(AddressRange::V4 { first: address & !host, last: address | host })
    }

    /// Parses an address, `address/length`, `first-last` (blanks around the dash are allowed), or an address
    /// with a port (`1.2.3.4:443`, `[2001:980::1]:443`). An IPv6 address without brackets never has a port.
    pub fn parse(text: &[u8]) -> Result<ParsedRange, ParseError> {
        let plain = |range| ParsedRange { range, port: None, host_bits: false };
        if let Some(number) = plain_v4(text) {
            return Ok(plain(Address::V4(number).range()));
        }
        if let Some(parsed) = plain_v4_prefix(text) {
            return Ok(parsed);
        }
        if let Some(at) = text.iter().position(|byte| *byte == b'/') {
            return parse_prefix(text.get(..at).unwrap_or(&[]), text.get(at + 1..).unwrap_or(&[]));
        }
        if let Some(at) = text.iter().position(|byte| *byte == b'-') {
            let first = Address::parse(text.get(..at).unwrap_or(&[]).trim_ascii())?;
            let last = Address::parse(text.get(at + 1..).unwrap_or(&[]).trim_ascii())?;
            return AddressRange::from_ends(first, last).map(plain);
        }
        let (host, port) = split_port(text)?;
        let range = Address::parse(host)?.range();
        Ok(ParsedRange { range, port, host_bits: false })
    }

    /// The prefix length, where the range is exactly one prefix.
    pub fn prefix_len(&self) -> Option<u8> {
        let bits = match *self {
            AddressRange::V4 { first, last } => {
                let host = first ^ last;
                (host & host.wrapping_add(1) == 0 && first & host == 0).then(|| host.leading_zeros())
            }
            AddressRange::V6 { first, last } => {
                let host = first ^ last;
                (host & host.wrapping_add(1) == 0 && first & host == 0).then(|| host.leading_zeros())
            }
        };
        bits.and_then(|bits| u8::try_from(bits).ok())
    }

    /// Whether this is a single address.
    pub fn is_single(&self) -> bool {
        match self {
            AddressRange::V4 { first, last } => first == last,
            AddressRange::V6 { first, last } => first == last,
        }
    }

    /// The lowest address.
    pub const fn first(&self) -> Address {
        match *self {
            AddressRange::V4 { first, .. } => Address::V4(first),
            AddressRange::V6 { first, .. } => Address::V6(first),
        }
    }

    /// The highest address.
    pub const fn last(&self) -> Address {
        match *self {
            AddressRange::V4 { last, .. } => Address::V4(last),
            AddressRange::V6 { last, .. } => Address::V6(last),
        }
    }

    /// The first address of `outer` after this range, if there is one.
    fn next_in(&self, outer: &AddressRange) -> Option<Address> {
        match (*self, *outer) {
            (AddressRange::V4 { last, .. }, AddressRange::V4 { last: end, .. }) => {
                last.checked_add(1).filter(|next| *next <= end).map(Address::V4)
            }
            (AddressRange::V6 { last, .. }, AddressRange::V6 { last: end, .. }) => {
                last.checked_add(1).filter(|next| *next <= end).map(Address::V6)
            }
            _ => None,
        }
    }

    /// How many prefixes of this length overlap the range; `None` for a length that its family does not have,
    /// and for a forged range that ends before it begins. All of IPv6 saturates.
    pub fn prefix_count(&self, length: u8) -> Option<u128> {
        let (first, last, bits) = self.numbers();
        let host = bits.checked_sub(length)?;
        let of = |number: u128| number.checked_shr(host.into()).unwrap_or(0);
        Some(of(last).checked_sub(of(first))?.saturating_add(1))
    }

    /// How many prefixes of this length begin in the range.
    pub fn prefixes_begun(&self, length: u8) -> Option<u128> {
        let (first, _, bits) = self.numbers();
        let host = u128::MAX.checked_shr(128 - u32::from(bits.checked_sub(length)?)).unwrap_or(0);
        Some(self.prefix_count(length)? - u128::from(first & host != 0))
    }

    /// The first and the last address as numbers, and how many bits an address has.
    fn numbers(&self) -> (u128, u128, u8) {
        match *self {
            AddressRange::V4 { first, last } => (first.into(), last.into(), 32),
            AddressRange::V6 { first, last } => (first, last, 128),
        }
    }

    /// The prefixes of this length that overlap the range, in order. There may be very many: see
    /// [`AddressRange::prefix_count`].
    pub fn prefixes(&self, length: u8) -> impl Iterator<Item = AddressRange> + use<> {
        let outer = *self;
        let of = move |address| AddressRange::from_prefix(address, length);
        std::iter::successors(of(outer.first()), move |prefix| prefix.next_in(&outer).and_then(of))
    }

    /// Whether every address of `other` lies in this range.
    pub fn covers(&self, other: &AddressRange) -> bool {
        match (self, other) {
            (AddressRange::V4 { first, last }, AddressRange::V4 { first: a, last: b }) => {
                first <= a && b <= last
            }
            (AddressRange::V6 { first, last }, AddressRange::V6 { first: a, last: b }) => {
                first <= a && b <= last
            }
            _ => false,
        }
    }
}

impl fmt::Display for AddressRange {
    /// An address, `address/length`, or `first-last`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first(), self.last());
        match self.prefix_len() {
            _ if first == last => first.fmt(f),
            Some(length) => write!(f, "{first}/{length}"),
            None => write!(f, "{first}-{last}"),
        }
    }
}

/// Splits off a port: `1.2.3.4:443`, `[v6]:443`, `[v6]`. Text with more than one colon and no bracket has
/// none.
pub fn split_port(text: &[u8]) -> Result<(&[u8], Option<u16>), ParseError> {
    if let Some(inner) = text.strip_prefix(b"[") {
        let end = inner.iter().position(|byte| *byte == b']').ok_or(ParseError::BadIp)?;
        let host = inner.get(..end).unwrap_or(&[]);
        return match inner.get(end + 1..).unwrap_or(&[]) {
            [] => Ok((host, None)),
            [b':', port @ ..] => Ok((host, Some(parse_port(port)?))),
            _ => Err(ParseError::BadIp),
        };
    }
    let mut colons = text.iter().enumerate().filter(|(_, byte)| **byte == b':').map(|(at, _)| at);
    match (colons.next(), colons.next()) {
        (Some(at), None) => {
            Ok((text.get(..at).unwrap_or(&[]), Some(parse_port(text.get(at + 1..).unwrap_or(&[]))?)))
        }
        (Some(at), Some(_)) if text.get(..at).is_some_and(|head| head.contains(&b'.')) => {
            Err(ParseError::BadPort)
        }
        _ => Ok((text, None)),
    }
}

/// Parses a decimal port between 1 and 65535.
pub fn parse_port(text: &[u8]) -> Result<u16, ParseError> {
    let number = text.iter().try_fold(0u32, |sum, byte| {
        (byte.is_ascii_digit() && sum < 100_000).then(|| sum * 10 + u32::from(byte - b'0'))
    });
    match number.map(u16::try_from) {
        Some(Ok(port)) if port != 0 && !text.is_empty() => Ok(port),
        _ => Err(ParseError::BadPort),
    }
}

fn parse_prefix(address: &[u8], length: &[u8]) -> Result<ParsedRange, ParseError> {
    if length.contains(&b'.') && !address.contains(&b':') {
        return parse_netmask(parse_v4(address)?, length);
    }
    let is_v6 = address.contains(&b':');
    let number = if is_v6 { parse_v6(address)? } else { u128::from(parse_v4(address)?) };
    let length = parse_length(length)?;
    let (address, length) = match (is_v6, unmapped(number)) {
        (true, Address::V4(v4)) if length >= 96 => (Address::V4(v4), length - 96),
        (true, _) => (Address::V6(number), length),
        (false, _) => (Address::V4(u32::try_from(number).map_err(|_| ParseError::BadIp)?), length),
    };
    if length == 0 {
        return Err(ParseError::TooWide);
    }
    let range = AddressRange::from_prefix(address, length).ok_or(ParseError::BadPrefix)?;
    Ok(ParsedRange { range, port: None, host_bits: range.first() != address })
}

/// `address/255.255.255.0`.
fn parse_netmask(address: u32, mask: &[u8]) -> Result<ParsedRange, ParseError> {
    let mask = parse_v4(mask).map_err(|_| ParseError::BadMask)?;
    let range = AddressRange::from_netmask(address, mask)?;
    Ok(ParsedRange { range, port: None, host_bits: address & !mask != 0 })
}

fn parse_length(text: &[u8]) -> Result<u8, ParseError> {
    match text {
        [digit @ b'0'..=b'9'] => Ok(digit - b'0'),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => Ok((tens - b'0') * 10 + ones - b'0'),
        [b'1', tens @ b'0'..=b'2', ones @ b'0'..=b'9'] => Ok(100 + (tens - b'0') * 10 + ones - b'0'),
        _ => Err(ParseError::BadPrefix),
    }
}

/// Parses a dotted quad in one pass; `None` for everything else. A caller that needs the reason uses
/// [`Address::parse`].
#[inline]
pub fn plain_v4(text: &[u8]) -> Option<u32> {
    if (7..=15).contains(&text.len()) { v4_of_bits(text, &HostBits::of(text)?) } else { None }
}

/// As [`plain_v4`], given the bits of the text.
///
/// No branch depends on how many digits a number has: in a list of addresses that is as good as random, and
/// a loop over the bytes mispredicts about twice an address.
#[inline(always)]
pub fn v4_of_bits(text: &[u8], bits: &HostBits) -> Option<u32> {
    let HostBits { all, digits, dots, zeros, .. } = *bits;
    // What is left of the dots without the first one, without the second one, and without the third one.
    let after_first = dots & dots.wrapping_sub(1);
    let after_second = after_first & after_first.wrapping_sub(1);
    let starts = dots << 1 | 1;
    let is_empty_number = dots & (starts | all ^ all >> 1) != 0;
    let has_four_digits = digits & digits >> 1 & digits >> 2 & digits >> 3 != 0;
    let has_leading_zero = zeros & starts & digits >> 1 != 0;
    let is_quad = after_second != 0 && after_second & after_second.wrapping_sub(1) == 0;
    if !is_quad || digits | dots != all || is_empty_number || has_four_digits || has_leading_zero {
        return None;
    }
    let [first, second, third] = [dots, after_first, after_second].map(|dots| dots.trailing_zeros() as usize);
    let word = |at: usize| text.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
    // Three bytes that end with a number, its last digit in the third byte. Before the second dot there are
    // three at least; the first number is shifted there, and the last one is in the last four bytes.
    let a = word(0)? << (8 * (3 - first));
    let b = word(second - 3)?;
    let c = word(third - 3)?;
    let d = text.last_chunk().map(|chunk| u32::from_le_bytes(*chunk))? >> 8;
    let a = number_of_digits(a, first);
    let b = number_of_digits(b, second - first - 1);
    let c = number_of_digits(c, third - second - 1);
    let d = number_of_digits(d, text.len() - third - 1);
    (a | b | c | d < 256).then_some(a << 24 | b << 16 | c << 8 | d)
}

/// Parses a dotted quad and a prefix length in one pass; `None` for everything else, also for lengths that
/// are out of range. A caller that needs the reason uses [`AddressRange::parse`].
#[inline]
pub fn plain_v4_prefix(text: &[u8]) -> Option<ParsedRange> {
    if (9..=18).contains(&text.len()) { v4_prefix_of_bits(text, &HostBits::of(text)?) } else { None }
}

/// As [`plain_v4_prefix`], given the bits of the text.
#[inline(always)]
pub fn v4_prefix_of_bits(text: &[u8], bits: &HostBits) -> Option<ParsedRange> {
    let at = bits.host_end();
    let [b'/', length @ ..] = text.get(at..)? else { return None };
    let length = match length {
        [ones @ b'1'..=b'9'] => u32::from(ones - b'0'),
        [tens @ b'1'..=b'3', ones @ b'0'..=b'9'] => u32::from(tens - b'0') * 10 + u32::from(ones - b'0'),
        _ => return None,
    };
    let number = v4_of_bits(text.get(..at)?, &bits.first(at))?;
    let host = u32::MAX.checked_shr(length).unwrap_or(0);
    let range = AddressRange::V4 { first: number & !host, last: number | host };
    (length <= 32).then_some(ParsedRange { range, port: None, host_bits: number & host != 0 })
}

/// The number whose last digit is in the third byte of `word`, with its other digits in the bytes before.
#[inline(always)]
fn number_of_digits(word: u32, count: usize) -> u32 {
    let digits = word & 0x000F_0F0F & u32::MAX << (8 * (3 - count));
    // Ten times each byte is added to the one after it, so that the third has tens and ones.
    (digits.wrapping_mul(0x0A01) >> 16 & 0xFF) + (digits & 0xFF) * 100
}

/// As [`plain_v4`], byte by byte: what tests compare it with.
#[cfg(test)]
fn v4_bytewise(text: &[u8]) -> Option<u32> {
    let (mut number, mut octet, mut digits, mut dots) = (0u32, 0u32, 0, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 && digits < 3 && !(digits == 1 && octet == 0) {
            octet = octet * 10 + u32::from(digit);
            digits += 1;
        } else if *byte == b'.' && digits > 0 && octet < 256 && dots < 3 {
            (number, octet, digits, dots) = (number << 8 | octet, 0, 0, dots + 1);
        } else {
            return None;
        }
    }
    (dots == 3 && digits > 0 && octet < 256).then_some(number << 8 | octet)
}

fn parse_v4(text: &[u8]) -> Result<u32, ParseError> {
    let mut number = 0u32;
    let mut octets = 0;
    let mut wrong = None;
    for octet in text.split(|byte| *byte == b'.') {
        octets += 1;
        match parse_octet(octet) {
            Ok(value) => number = number << 8 | value,
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    let digits_and_dots = || text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    match (octets, wrong) {
        (4, None) => Ok(number),
        (4, Some(error)) => Err(error),
        (5.., _) if digits_and_dots() => Err(ParseError::Glued),
        _ => Err(ParseError::BadIp),
    }
}

fn parse_octet(octet: &[u8]) -> Result<u32, ParseError> {
    let digit = |byte: &u8| u32::from(byte.wrapping_sub(b'0'));
    let value = match octet {
        [a] => digit(a),
        [a, b] if digit(a) < 10 && digit(b) < 10 => digit(a) * 10 + digit(b),
        [a, b, c] if digit(a) < 10 && digit(b) < 10 && digit(c) < 10 => {
            digit(a) * 100 + digit(b) * 10 + digit(c)
        }
        _ => return Err(ParseError::BadIp),
    };
    match octet {
        [b'0', _, ..] => Err(ParseError::LeadingZero),
        [a] if digit(a) > 9 => Err(ParseError::BadIp),
        _ if value > 255 => Err(ParseError::BadIp),
        _ => Ok(value),
    }
}

fn parse_v6(text: &[u8]) -> Result<u128, ParseError> {
    if text.contains(&b'%') {
        return Err(ParseError::ZoneId);
    }
    let text = std::str::from_utf8(text).map_err(|_| ParseError::BadIp)?;
    text.parse::<Ipv6Addr>().map(Ipv6Addr::to_bits).map_err(|_| ParseError::BadIp)
}

/// IPv4-mapped IPv6 (`::ffff:0:0/96`) is IPv4.
pub(crate) fn unmapped(number: u128) -> Address {
    match u32::try_from(number ^ 0xFFFF_0000_0000) {
        Ok(v4) => Address::V4(v4),
        Err(_) => Address::V6(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fast_and_slow_parser_agree(
            text in "[0-9.]{0,16}|[0-9.:/a-]{7,17}|([0-9]{1,3}\\.){3}[0-9]{1,3}|((0|1[0-9]|25[0-9])\\.){3}[0-9]{1,4}.?",
        ) {
            prop_assert_eq!(plain_v4(text.as_bytes()), parse_v4(text.as_bytes()).ok());
            prop_assert_eq!(plain_v4(text.as_bytes()), v4_bytewise(text.as_bytes()));
        }

        #[test]
        fn prefixes_agree_with_the_slow_parser(text in "([0-9]{1,3}\\.){3}[0-9]{1,3}[/:.-]([0-9]{0,3}|[12][0-9]|3[0-3]|/1)") {
            let slow = text.split_once('/').and_then(|(address, length)| {
                parse_prefix(address.as_bytes(), length.as_bytes()).ok()
            });
            prop_assert_eq!(plain_v4_prefix(text.as_bytes()), slow);
        }

        #[test]
        fn every_address_is_read_back(number in any::<u32>(), short in any::<[u8; 4]>()) {
            for number in [number, u32::from_le_bytes(short.map(|byte| byte % 12))] {
                prop_assert_eq!(plain_v4(Ipv4Addr::from_bits(number).to_string().as_bytes()), Some(number));
            }
        }
    }

    #[test]
    fn one_wrong_byte_is_no_address() {
        for text in ["192.0.2.255", "1.2.3.40", "255.255.255.255", "1.22.333.4", "10.0.0.1"] {
            for at in 0..text.len() {
                for byte in 0..=u8::MAX {
                    let mut changed = text.as_bytes().to_vec();
                    changed[at] = byte;
                    assert_eq!(plain_v4(&changed), parse_v4(&changed).ok(), "{changed:?}");
                }
            }
        }
    }

    fn read(text: &str) -> Result<String, ParseError> {
        AddressRange::parse(text.as_bytes()).map(|read| read.range.to_string())
    }

    #[test]
    fn accepts_one_notation() {
        for (text, canonical) in [
            ("45.9.20.5", "45.9.20.5"),
            ("45.9.20.0/24", "45.9.20.0/24"),
            ("31.13.0.77/16", "31.13.0.0/16"),
            ("45.9.20.5/32", "45.9.20.5"),
            ("2620:0007:6003:0000:0000:0000:0000:0141", "2620:7:6003::141"),
            ("::ffff:9270:3d68", "146.112.61.104"),
            ("::ffff:146.112.61.104/128", "146.112.61.104"),
            ("::ffff:146.112.61.0/120", "146.112.61.0/24"),
            ("[2001:980::1]:5061", "2001:980::1"),
            ("2001:980::1:5061", "2001:980::1:5061"),
            ("40.90.23.0-40.90.23.255", "40.90.23.0/24"),
            ("45.9.20.4 - 45.9.20.9", "45.9.20.4-45.9.20.9"),
            ("45.9.20.5:443", "45.9.20.5"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn rejects_ambiguous_notations() {
        for (text, error) in [
            ("010.0.0.1", ParseError::LeadingZero),
            ("1.2.3", ParseError::BadIp),
            ("0x7f.1", ParseError::BadIp),
            ("2130706433", ParseError::BadIp),
            ("45.9.20.256", ParseError::BadIp),
            ("1.2.3.4/33", ParseError::BadPrefix),
            ("1.2.3.4/08", ParseError::BadPrefix),
            ("1.2.3.4/+8", ParseError::BadPrefix),
            ("1.2.3.4/", ParseError::BadPrefix),
            ("1.2.3.4/0", ParseError::TooWide),
            ("::/0", ParseError::TooWide),
            ("fe80::1%eth0", ParseError::ZoneId),
            ("45.9.20.9-45.9.20.4", ParseError::BadRange),
            ("45.9.20.1-2a06:e480::1", ParseError::BadRange),
            ("45.9.20.5:0", ParseError::BadPort),
            ("161.35.41.9:53:53", ParseError::BadPort),
            ("176.221.42.3254.174.140.223", ParseError::Glued),
            ("1.2.3.4.5", ParseError::Glued),
            ("", ParseError::BadIp),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }

    #[test]
    fn netmasks_are_contiguous() {
        let mask = |mask: u32| AddressRange::from_netmask(0x2D09_1400, mask);
        assert_eq!(mask(0xFFFF_FF00).map(|range| range.to_string()).as_deref(), Ok("45.9.20.0/24"));
        assert_eq!(mask(0xFF00_FF00), Err(ParseError::BadMask));
    }

    #[test]
    fn prefixes_are_counted_without_a_walk() {
        let v4 = |first, last| AddressRange::V4 { first, last };
        for (range, length) in
            [(v4(5, 7), 32), (v4(5, 9), 30), (v4(4, 8), 30), (v4(0, 300), 24), (v4(3, 3), 0)]
        {
            let all: Vec<AddressRange> = range.prefixes(length).collect();
            let begun = all.iter().filter(|prefix| range.covers(&prefix.first().range())).count() as u128;
            assert_eq!(range.prefix_count(length), Some(all.len() as u128), "{range} in /{length}");
            assert_eq!(range.prefixes_begun(length), Some(begun), "{range} in /{length}");
        }
        let all = AddressRange::V6 { first: 0, last: u128::MAX };
        assert_eq!((all.prefix_count(128), all.prefix_count(1)), (Some(u128::MAX), Some(2)));
        assert_eq!((v4(0, u32::MAX).prefix_count(32), v4(0, 0).prefix_count(33)), (Some(1 << 32), None));
    }

    #[test]
    fn prefixes_tile_a_range() {
        let tiles = |first, last, length| -> Vec<String> {
            AddressRange::V4 { first, last }.prefixes(length).map(|prefix| prefix.to_string()).collect()
        };
        assert_eq!(tiles(5, 7, 32), ["0.0.0.5", "0.0.0.6", "0.0.0.7"]);
        assert_eq!(tiles(5, 9, 30), ["0.0.0.4/30", "0.0.0.8/30"]);
        assert_eq!(tiles(u32::MAX - 1, u32::MAX, 32).len(), 2);
        assert_eq!(tiles(0, 0, 33).len(), 0);
    }

    #[test]
    fn prefix_len_is_exact() {
        let v4 = |first, last| AddressRange::V4 { first, last }.prefix_len();
        assert_eq!(v4(0, u32::MAX), Some(0));
        assert_eq!(v4(4, 7), Some(30));
        assert_eq!(v4(4, 8), None);
        assert_eq!(v4(2, 5), None);
        assert_eq!(AddressRange::V6 { first: 0, last: u128::MAX }.prefix_len(), Some(0));
    }
}
