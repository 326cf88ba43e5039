//! Joins neighbouring ranges of addresses of which a format says the same.

use crate::format::Detail;
use crate::network::ends;
use crate::statement::Statement;
use rapsheet_snapshot::AddressRange;
use std::rc::Rc;

impl Detail {
    /// Whether a format that says so much says the same of both.
    fn says_same(self, a: &Statement, b: &Statement) -> bool {
        std::ptr::eq(a, b)
            || a.list == b.list
                && match self {
                    Detail::Presence => true,
                    Detail::Expiry => a.expires == b.expires,
                    Detail::Reputation => (a.assessments, a.providers) == (b.assessments, b.providers),
                    Detail::Full => a == b,
                }
    }
}

/// Ranges that come in order, each joined with the one before where that is possible.
#[derive(Default)]
pub(crate) struct Aggregator(Option<(AddressRange, Rc<Statement>)>);

impl Aggregator {
    /// Takes a range. Returns the one before it if this one does not continue that.
    pub(crate) fn push(
        &mut self,
        detail: Detail,
        range: AddressRange,
        statement: &Rc<Statement>,
    ) -> Option<(AddressRange, Rc<Statement>)> {
        if let Some((pending, own)) = &mut self.0
            && let Some(joined) = joined(*pending, range).filter(|_| detail.says_same(own, statement))
        {
            *pending = joined;
            return None;
        }
        self.0.replace((range, Rc::clone(statement)))
    }

    /// The last range.
    pub(crate) fn take(&mut self) -> Option<(AddressRange, Rc<Statement>)> {
        self.0.take()
    }
}

/// Both ranges as one, if the second begins where the first ends.
fn joined(before: AddressRange, after: AddressRange) -> Option<AddressRange> {
    let ((_, _, last), (_, first, _)) = (ends(before), ends(after));
    if last.checked_add(1) != Some(first) {
        return None;
    }
    match (before, after) {
        (AddressRange::V4 { first, .. }, AddressRange::V4 { last, .. }) => {
            Some(AddressRange::V4 { first, last })
        }
        (AddressRange::V6 { first, .. }, AddressRange::V6 { last, .. }) => {
            Some(AddressRange::V6 { first, last })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::networks;
    use proptest::prelude::*;
    use rapsheet_snapshot::{Assessments, ListKind, Time};
    use std::collections::BTreeSet;

    fn statement(expires: i64) -> Rc<Statement> {
        let time = Time::from_unix(0);
        Rc::new(Statement {
            list: ListKind::Block,
            assessments: Assessments::EMPTY,
            providers: 1,
            first_seen: time,
            detect_time: time,
            expires: Time::from_unix(expires),
            feeds: Vec::new(),
        })
    }

    fn aggregate(detail: Detail, addresses: &BTreeSet<u8>) -> Vec<(u32, u32)> {
        let mut aggregator = Aggregator::default();
        let range = |address: u8| AddressRange::V4 { first: address.into(), last: address.into() };
        let mut ranges: Vec<AddressRange> = addresses
            .iter()
            .filter_map(|address| aggregator.push(detail, range(*address), &statement((*address % 2).into())))
            .map(|(range, _)| range)
            .collect();
        ranges.extend(aggregator.take().map(|(range, _)| range));
        let network = |network: crate::Network| (network.first as u32, 1u32 << (32 - network.length));
        ranges.into_iter().flat_map(networks).map(network).collect()
    }

    proptest! {
        #[test]
        fn the_same_addresses_in_networks_that_cannot_be_joined(
            addresses in proptest::collection::btree_set(any::<u8>(), 0..200)
        ) {
            let found = aggregate(Detail::Presence, &addresses);
            let covered: Vec<u32> = found.iter().flat_map(|(first, size)| *first..first + size).collect();
            prop_assert_eq!(covered, addresses.iter().map(|address| u32::from(*address)).collect::<Vec<_>>());
            for pair in found.windows(2) {
                let [(first, size), (next, other)] = pair else { unreachable!() };
                prop_assert!(size != other || first + size != *next || first % (size * 2) != 0);
            }
            prop_assert_eq!(aggregate(Detail::Expiry, &addresses).len(), addresses.len());
        }
    }
}
