//! A reader of others answers as a list of the networks does.

use super::*;
use crate::network::networks;
use maxminddb::Reader;
use proptest::prelude::*;
use rapsheet_snapshot::{Assessments, FeedId, ListKind, Time};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn outside(first: u128, length: u8) -> Vec<String> {
    outside_ipv4(Network { is_ipv6: true, first, length }).iter().map(Network::to_string).collect()
}

#[test]
fn networks_of_ipv6_leave_the_places_of_ipv4_out() {
    assert_eq!(outside(0x2a06 << 112, 16), ["2a06::/16"]);
    assert_eq!(outside(0xffff_0102_0304, 128), Vec::<String>::new());
    assert_eq!(outside(0, 96), Vec::<String>::new());
    assert_eq!(outside(0, 95), ["::1:0:0/96"]);
    let all = outside(0, 0);
    // One half of each length from 1 to 96; that of 81 has the other place, and is 15 smaller ones.
    assert_eq!((all.len(), all.last().map(String::as_str)), (95 + 15, Some("8000::/1")));
}

fn statement(label: u8) -> Statement {
    let time = Time::from_unix(1_780_000_000);
    Statement {
        list: if label == 0 { ListKind::Allow } else { ListKind::Block },
        assessments: Assessments::from_bits(label.into()),
        providers: label.into(),
        first_seen: time,
        detect_time: time,
        expires: time.plus(i64::from(label) * 40),
        feeds: vec![FeedId(label.into())],
    }
}

/// A file of ranges in order, each with a label.
fn file(ranges: &[(AddressRange, u8)], record_bits: Option<u8>) -> Vec<u8> {
    let header = Header::of_feeds(&["a\"\n\0", "b", "c", "d"]);
    let (mut mmdb, mut out) = (Mmdb::default(), Vec::new());
    for (range, label) in ranges {
        for network in networks(*range) {
            mmdb.network(&header, &network, &statement(*label), &mut Vec::new()).expect("in order");
        }
    }
    if let Some(bits) = record_bits {
        mmdb.end(&header, &mut Vec::new()).expect("memory");
        let layout = Layout::new(&mmdb.v6, &mmdb.v4, mmdb.data.len()).expect("small");
        mmdb.write(&layout.with_record_bits(bits), &header, &mut out).expect("memory");
    } else {
        mmdb.end(&header, &mut out).expect("memory");
    }
    out
}

/// How many providers a reader finds for an address.
fn label(reader: &Reader<Vec<u8>>, address: IpAddr) -> Option<u64> {
    let record = reader.lookup(address).expect("a sound tree").decode::<Value>().expect("sound data")?;
    let label = record["providers"].as_u64().expect("a number");
    assert_eq!(record["status"], u64::from(label > 0), "{record}");
    assert_eq!(record["expires"].as_u64().map(|time| time % 3600), Some(0), "{record}");
    assert_eq!(record["feeds"][0], ["a\"\n\0", "b", "c", "d"][label as usize], "{record}");
    Some(label)
}

/// What a list of ranges says of an address.
fn listed(ranges: &[(AddressRange, u8)], is_ipv6: bool, address: u128) -> Option<u64> {
    let is_in = |range: AddressRange| {
        let (of_ipv6, first, last) = ends(range);
        of_ipv6 == is_ipv6 && first <= address && address <= last
    };
    ranges.iter().find(|(range, _)| is_in(*range)).map(|(_, label)| u64::from(*label))
}

/// Compares at the ends of all ranges, and beside them.
fn check(ranges: &[(AddressRange, u8)], record_bits: Option<u8>) {
    let reader = Reader::from_source(file(ranges, record_bits)).expect("a sound file");
    reader.verify().expect("a sound file");
    assert!(record_bits.is_none_or(|bits| reader.metadata().record_size == u16::from(bits)));
    let edges = ranges.iter().flat_map(|(range, _)| {
        let (is_ipv6, first, last) = ends(*range);
        let around = |at: u128| [at.wrapping_sub(1), at, at.wrapping_add(1)];
        [around(first), around(last)].concat().into_iter().map(move |at| (is_ipv6, at))
    });
    for (is_ipv6, at) in edges.chain([(false, 0), (false, u128::MAX), (true, 0), (true, u128::MAX)]) {
        if is_ipv6 && at > LAST_PLACE {
            assert_eq!(label(&reader, Ipv6Addr::from_bits(at).into()), listed(ranges, true, at), "{at:x}");
        } else if !is_ipv6 {
            let v4 = Ipv4Addr::from_bits(at as u32);
            let expected = listed(ranges, false, v4.to_bits().into());
            assert_eq!(label(&reader, v4.into()), expected, "{v4}");
            assert_eq!(label(&reader, v4.to_ipv6_mapped().into()), expected, "{v4} as IPv6");
        }
    }
}

const ALL_V4: AddressRange = AddressRange::V4 { first: 0, last: u32::MAX };
const ALL_V6: AddressRange = AddressRange::V6 { first: 0, last: u128::MAX };

fn single(address: u128) -> AddressRange {
    AddressRange::V6 { first: address, last: address }
}

#[test]
fn whole_spaces_neighbours_and_nothing() {
    let neighbours = [(single(0x2a06 << 112), 1), (single((0x2a06 << 112) + 1), 2), (single(u128::MAX), 3)];
    for bits in [None, Some(24), Some(28), Some(32)] {
        check(&[], bits);
        check(&[(ALL_V4, 1)], bits);
        check(&[(ALL_V6, 2)], bits);
        check(&[(ALL_V4, 1), (ALL_V6, 2)], bits);
        check(&[(ALL_V4, 1), (ALL_V6, 1)], bits);
        check(&neighbours, bits);
    }
}

#[test]
fn halves_that_say_the_same_are_one_network() {
    let half = |first: u32| (AddressRange::V4 { first, last: first + 0x7f }, 1);
    let halves = file(&[half(0x0101_0100), half(0x0101_0180)], None);
    assert_eq!(halves, file(&[(AddressRange::V4 { first: 0x0101_0100, last: 0x0101_01ff }, 1)], None));
    let reader = Reader::from_source(halves).expect("a sound file");
    let found = reader.lookup(Ipv4Addr::new(1, 1, 1, 200).into()).expect("a sound tree");
    assert_eq!(found.network().expect("a network").to_string(), "1.1.1.0/24");
}

#[test]
fn networks_out_of_order_are_refused() {
    let (header, mut mmdb) = (Header::of_feeds(&["a", "b"]), Mmdb::default());
    let network = Network { is_ipv6: false, first: 0x0101_0100, length: 24 };
    let mut push = || mmdb.network(&header, &network, &statement(1), &mut Vec::new());
    assert!(push().is_ok() && push().is_err());
}

#[test]
fn a_long_description_is_cut() {
    let licence = "ü".repeat(100_000);
    let (header, mut out) = (Header::of_feeds(&[&licence]), Vec::new());
    Mmdb::default().end(&header, &mut out).expect("memory");
    let reader = Reader::from_source(out).expect("a sound file");
    let description = &reader.metadata().description["en"];
    assert!(description.ends_with("ü\n...") && description.len() <= data::DESCRIPTION_MAX + 4);
}

/// Ranges in order from gaps and sizes.
fn ranges(is_ipv6: bool, parts: Vec<(u64, u64, u8)>) -> Vec<(AddressRange, u8)> {
    let (mut next, mut found) = (if is_ipv6 { 0x2a06 << 112 } else { 0x0100_0000 }, Vec::new());
    for (gap, size, label) in parts {
        let first = next + u128::from(gap);
        let last = first + u128::from(size);
        next = last + 1;
        found.push(match is_ipv6 {
            true => (AddressRange::V6 { first, last }, label),
            false => (AddressRange::V4 { first: first as u32, last: last as u32 }, label),
        });
    }
    found
}

proptest! {
    #[test]
    fn answers_are_those_of_a_list(
        v4 in proptest::collection::vec((0u64..70_000, 0u64..70_000, 0u8..4), 0..40),
        v6 in proptest::collection::vec((0u64..70_000, 0u64..u64::MAX >> 1, 0u8..4), 0..20),
        close in proptest::collection::vec((0u64..3, 0u64..9, 0u8..4), 0..40),
        bits in prop_oneof![Just(None), Just(Some(28)), Just(Some(32))],
    ) {
        check(&[ranges(false, v4), ranges(true, v6)].concat(), bits);
        check(&[ranges(false, close.clone()), ranges(true, close)].concat(), bits);
    }
}
