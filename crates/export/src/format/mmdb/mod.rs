//! `mmdb`: a MaxMind DB, as all readers of such files open it. An address gives a record: status,
//! assessments, how many providers agree, feeds, and when the entry ends.
//!
//! Networks are kept as a few bytes each until the last has come, because nodes are numbered by what follows.
//! IPv4 has a tree of its own (`tree.rs`) below `::/96`, where the format puts it, and `::ffff:0:0/96` leads
//! to the same tree. Records are written once (`data.rs`).

mod data;
mod tree;

use super::{Detail, Format, Ranges, Syntax};
use crate::header::Header;
use crate::network::{Network, ends};
use crate::statement::Statement;
use data::{Data, Metadata};
use rapsheet_snapshot::{AddressRange, Kinds};
use std::io::{self, Write};
use tree::{IPV4, Layout, Networks};

pub(super) static FORMAT: Format = Format {
    name: "mmdb",
    about: "a MaxMind DB: an address gives status, assessments, providers, feeds and expiry",
    parses_as: "mmdb",
    kinds: Kinds::ADDRESS,
    ranges: Ranges::OutsideIpv4Places,
    exceptions: true,
    longest_timeout: u64::MAX,
    detail: Detail::Full,
    syntax: || Box::new(Mmdb::default()),
    ..Format::DEFAULT
};

/// Where the tree of IPv6 has IPv4: what the format puts there, and the IPv4 addresses that are written as
/// IPv6.
const IPV4_PLACES: [Network; 2] = [
    Network { is_ipv6: true, first: 0, length: 96 },
    Network { is_ipv6: true, first: 0xffff_0000_0000, length: 96 },
];

/// The last address of those places.
const LAST_PLACE: u128 = 0xffff_ffff_ffff;

/// What is between tree and data.
const SEPARATOR: [u8; 16] = [0; 16];

#[derive(Default)]
struct Mmdb {
    v4: Networks<u32>,
    v6: Networks<u128>,
    data: Data,
}

/// How addresses of IPv6 lie to the places of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// All are outside.
    Outside,
    /// Some are in one, where the format cannot hold them.
    Partly,
    /// All are in one.
    Inside,
}

impl Placement {
    /// How a range lies to them.
    pub(super) fn of(range: AddressRange) -> Placement {
        match ends(range) {
            (true, first, last) => Placement::of_ipv6(first, last),
            (false, ..) => Placement::Outside,
        }
    }

    fn of_ipv6(first: u128, last: u128) -> Placement {
        let meets = |place: &&Network| first <= place.last() && place.first <= last;
        match IPV4_PLACES.iter().find(meets) {
            None => Placement::Outside,
            Some(place) if place.first <= first && last <= place.last() => Placement::Inside,
            Some(_) => Placement::Partly,
        }
    }
}

/// The parts of an IPv6 network that are in no place of IPv4, in order.
fn outside_ipv4(network: Network) -> Vec<Network> {
    let (mut rest, mut found) = (vec![network], Vec::new());
    while let Some(network) = rest.pop() {
        match (Placement::of_ipv6(network.first, network.last()), network.halves()) {
            (Placement::Outside, _) => found.push(network),
            (Placement::Partly, Some([lower, upper])) => rest.extend([upper, lower]),
            _ => {}
        }
    }
    found
}

impl Syntax for Mmdb {
    fn begin(&mut self, _: &Header, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn network(
        &mut self,
        header: &Header,
        network: &Network,
        statement: &Statement,
        _: &mut dyn Write,
    ) -> io::Result<()> {
        let record = self.data.record(header, statement)?;
        match network.is_ipv6 {
            // An IPv4 address has 32 bits.
            false => self.v4.push(network.first as u32, network.length, record),
            true if network.first > LAST_PLACE => self.v6.push(network.first, network.length, record),
            true => outside_ipv4(*network)
                .iter()
                .try_for_each(|part| self.v6.push(part.first, part.length, record)),
        }
    }

    fn end(&mut self, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        if !self.v4.is_empty() {
            IPV4_PLACES.iter().for_each(|place| self.v6.insert(place.first, place.length, IPV4));
        }
        let layout = Layout::new(&self.v6, &self.v4, self.data.len())?;
        self.write(&layout, header, out)
    }
}

impl Mmdb {
    fn write(&self, layout: &Layout, header: &Header, out: &mut dyn Write) -> io::Result<()> {
        layout.write(&self.v6, &self.v4, out)?;
        out.write_all(&SEPARATOR)?;
        self.data.write(out)?;
        Metadata { node_count: layout.node_count(), record_bits: layout.record_bits() }.write(header, out)
    }
}

#[cfg(test)]
mod tests;
