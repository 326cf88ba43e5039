//! Networks: an address and a prefix length, and the fewest of them that make up a range.

use rapsheet_snapshot::AddressRange;
use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: all addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Network {
    /// Whether its addresses are of IPv6.
    pub is_ipv6: bool,
    /// Its first address, as a number.
    pub first: u128,
    /// How many bits its addresses share.
    pub length: u8,
}

impl Network {
    /// The bits of an address of its family.
    pub fn width(&self) -> u8 {
        if self.is_ipv6 { 128 } else { 32 }
    }

    /// Whether it is one address.
    pub fn is_single(&self) -> bool {
        self.length == self.width()
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        match self.is_ipv6 {
            true => Ipv6Addr::from_bits(self.first).into(),
            // An IPv4 address has 32 bits.
            false => Ipv4Addr::from_bits(self.first as u32).into(),
        }
    }

    /// Its last address, as a number.
    pub(crate) fn last(&self) -> u128 {
        let host_bits = u32::from(self.width().saturating_sub(self.length));
        self.first | 1u128.checked_shl(host_bits).map_or(u128::MAX, |size| size - 1)
    }

    /// Its halves; `None` for a single address.
    pub(crate) fn halves(&self) -> Option<[Network; 2]> {
        let length = self.length.checked_add(1).filter(|length| *length <= self.width())?;
        let second = self.first | 1u128.checked_shl(u32::from(self.width() - length))?;
        Some([Network { length, ..*self }, Network { length, first: second, ..*self }])
    }
}

/// `192.0.2.0/24`; a single address without its length.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Text::default();
        match self.address() {
            IpAddr::V4(address) => text.quad(address),
            IpAddr::V6(address) => write!(text, "{address}")?,
        }
        if !self.is_single() {
            text.push(b'/');
            text.number(self.length);
        }
        f.write_str(text.as_str())
    }
}

/// The text of a network on its way, so that it is written at once: most lines of most exports are little
/// more.
struct Text {
    bytes: [u8; 48],
    len: usize,
}

impl Default for Text {
    fn default() -> Text {
        Text { bytes: [0; 48], len: 0 }
    }
}

impl Text {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn number(&mut self, number: u8) {
        if number > 99 {
            self.push(b'0' + number / 100);
        }
        if number > 9 {
            self.push(b'0' + number / 10 % 10);
        }
        self.push(b'0' + number % 10);
    }

    fn quad(&mut self, address: Ipv4Addr) {
        for (at, part) in address.octets().into_iter().enumerate() {
            if at > 0 {
                self.push(b'.');
            }
            self.number(part);
        }
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

/// The family and the ends of a range.
pub(crate) fn ends(range: AddressRange) -> (bool, u128, u128) {
    match range {
        AddressRange::V4 { first, last } => (false, first.into(), last.into()),
        AddressRange::V6 { first, last } => (true, first, last),
    }
}

/// The fewest networks that cover a range and nothing else, in order.
pub fn networks(range: AddressRange) -> impl Iterator<Item = Network> {
    let (is_ipv6, first, last) = ends(range);
    let width: u32 = if is_ipv6 { 128 } else { 32 };
    let mut next = (first <= last).then_some(first);
    std::iter::from_fn(move || {
        let first = next?;
        // The largest network that begins here and does not reach beyond the end.
        let fits = (last - first).checked_add(1).map_or(128, u128::ilog2);
        let bits = first.trailing_zeros().min(fits).min(width);
        let end = first | 1u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1);
        next = end.checked_add(1).filter(|next| *next <= last);
        // At most 128.
        Some(Network { is_ipv6, first, length: (width - bits) as u8 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_spaces_are_one_network() {
        let all: Vec<_> = networks(AddressRange::V6 { first: 0, last: u128::MAX }).collect();
        assert_eq!(all, [Network { is_ipv6: true, first: 0, length: 0 }]);
        let all: Vec<_> = networks(AddressRange::V4 { first: 0, last: u32::MAX }).collect();
        assert_eq!(all[0].to_string(), "0.0.0.0/0");
        assert_eq!(all[0].halves().expect("two").map(|half| half.to_string()), ["0.0.0.0/1", "128.0.0.0/1"]);
    }

    /// The fewest networks, by trying each network of the space from the root down.
    fn slow(first: u32, last: u32, network: Network, found: &mut Vec<Network>) {
        let end = (network.first + (1u128 << (32 - network.length)) - 1) as u32;
        match (network.first as u32 > last || end < first, network.first as u32 >= first && end <= last) {
            (true, _) => {}
            (_, true) => found.push(network),
            _ => network.halves().into_iter().flatten().for_each(|half| slow(first, last, half, found)),
        }
    }

    proptest! {
        #[test]
        fn texts_are_those_of_the_standard_library(bits: u128, is_ipv6: bool, length in 0u8..129) {
            let length = if is_ipv6 { length } else { length.min(32) };
            let network = Network { is_ipv6, first: if is_ipv6 { bits } else { bits >> 96 }, length };
            let slow = format!("{}/{length}", network.address());
            let slow = if network.is_single() { network.address().to_string() } else { slow };
            prop_assert_eq!(network.to_string(), slow);
        }

        #[test]
        fn networks_are_the_fewest(a: u32, span in 0u32..5000) {
            let (first, last) = (a, a.saturating_add(span));
            let mut expected = Vec::new();
            slow(first, last, Network { is_ipv6: false, first: 0, length: 0 }, &mut expected);
            let found: Vec<_> = networks(AddressRange::V4 { first, last }).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
