//! The keys of each part of a snapshot, alike for all parts: how to visit them with their rows, to find the
//! rows of one, and to collect them again.

use crate::row::{self, Range, Row};
use crate::run_set::{RunSet, RunSetWriter, each_name_group, each_url_group, each_v4_group, each_v6_group};
use crate::scratch::Scratch;
use rapsheet_snapshot::{Address, AddressRange, Entry, Index, Part};
use std::cmp::Ordering;

/// The keys of one part of a snapshot.
pub trait PartKeys {
    /// A key.
    type Key: Clone + Default + PartialEq + Send + Sync;
    /// The part.
    const PART: Part;

    /// The order of keys.
    fn order(a: &Self::Key, b: &Self::Key) -> Ordering;

    /// Visits all keys of a snapshot in order, each with its rows. Returns `false` if it cannot be walked to
    /// its end.
    fn walk(index: &Index<'_>, visit: impl FnMut(&Self::Key, &[Row])) -> bool;

    /// The rows of exactly this key, in place of what `rows` holds.
    fn rows_of(index: &Index<'_>, key: &Self::Key, rows: &mut Vec<Row>);

    /// Adds a key to rows for a build.
    fn push(rows: &mut RunSetWriter<'_>, key: &Self::Key, tag: u32);

    /// Visits the keys of several runs, in order, each with the tags of all of its rows.
    fn each_group(runs: &[&RunSet], scratch: &Scratch, visit: impl FnMut(&Self::Key, &mut Vec<u32>));
}

/// The rows of a listed range.
fn rows_of_range(index: &Index<'_>, address: Address, range: &AddressRange, rows: &mut Vec<Row>) {
    rows.clear();
    let Some(entry) = index.address(address) else { return };
    let sightings = index.sightings_of(entry, address);
    let of_range = sightings.filter(|sighting| index.listed(sighting.extent, address) == Some(*range));
    rows.extend(of_range.map(|sighting| Row::of(&sighting)));
}

/// The rows of an entry that is a text.
fn rows_of_text(index: &Index<'_>, entry: Option<Entry>, rows: &mut Vec<Row>) {
    rows.clear();
    let sightings = entry.into_iter().flat_map(|entry| index.sightings(entry));
    rows.extend(sightings.map(|sighting| Row::of(&sighting)));
}

/// The entry of exactly this name.
fn name_entry(index: &Index<'_>, reversed: &[u8]) -> Option<Entry> {
    let mut found = None;
    index.each_covering_name(reversed, |width, entry| {
        if width == reversed.len() {
            found = Some(entry);
        }
    });
    found
}

macro_rules! range_keys {
    ($name:ident, $about:literal, $part:expr, $all:expr, $each_group:path, $address:expr, $range:expr) => {
        #[doc = $about]
        #[derive(Debug)]
        pub struct $name;

        impl PartKeys for $name {
            type Key = Range;
            const PART: Part = $part;

            fn order(a: &Range, b: &Range) -> Ordering {
                a.0.cmp(&b.0).then(b.1.cmp(&a.1))
            }

            fn walk(index: &Index<'_>, visit: impl FnMut(&Range, &[Row])) -> bool {
                row::each_range(index, $all, visit)
            }

            fn rows_of(index: &Index<'_>, key: &Range, rows: &mut Vec<Row>) {
                rows_of_range(index, $address(key.0), &$range(*key), rows);
            }

            fn push(rows: &mut RunSetWriter<'_>, key: &Range, tag: u32) {
                rows.push_range($range(*key), tag);
            }

            fn each_group(runs: &[&RunSet], scratch: &Scratch, mut visit: impl FnMut(&Range, &mut Vec<u32>)) {
                $each_group(runs, scratch, |first, last, tags| visit(&(first.into(), last.into()), tags));
            }
        }
    };
}

// Callers make sure that keys of IPv4 fit.
range_keys!(
    Ipv4Keys,
    "Addresses of IPv4.",
    Part::Ipv4,
    AddressRange::V4 { first: 0, last: u32::MAX },
    each_v4_group,
    |first| Address::V4(first as u32),
    |(first, last)| AddressRange::V4 { first: first as u32, last: last as u32 }
);
range_keys!(
    Ipv6Keys,
    "Addresses of IPv6.",
    Part::Ipv6,
    AddressRange::V6 { first: 0, last: u128::MAX },
    each_v6_group,
    Address::V6,
    |(first, last)| AddressRange::V6 { first, last }
);

macro_rules! text_keys {
    ($name:ident, $about:literal, $part:expr, $each:path, $entry:expr, $each_group:path, $push:ident) => {
        #[doc = $about]
        #[derive(Debug)]
        pub struct $name;

        impl PartKeys for $name {
            type Key = Vec<u8>;
            const PART: Part = $part;

            fn order(a: &Vec<u8>, b: &Vec<u8>) -> Ordering {
                a.cmp(b)
            }

            fn walk(index: &Index<'_>, mut visit: impl FnMut(&Vec<u8>, &[Row])) -> bool {
                let mut key = Vec::new();
                $each(index, |text, rows| {
                    key.clear();
                    key.extend_from_slice(text);
                    visit(&key, rows);
                })
            }

            fn rows_of(index: &Index<'_>, key: &Vec<u8>, rows: &mut Vec<Row>) {
                rows_of_text(index, $entry(index, key), rows);
            }

            fn push(rows: &mut RunSetWriter<'_>, key: &Vec<u8>, tag: u32) {
                rows.$push(key, tag);
            }

            fn each_group(runs: &[&RunSet], scratch: &Scratch, visit: impl FnMut(&Vec<u8>, &mut Vec<u32>)) {
                $each_group(runs, scratch, visit);
            }
        }
    };
}

text_keys!(
    NameKeys,
    "Names, with their bytes reversed.",
    Part::Names,
    row::each_name,
    name_entry,
    each_name_group,
    push_name
);
text_keys!(UrlKeys, "URLs.", Part::Urls, row::each_url, Index::url, each_url_group, push_url);
