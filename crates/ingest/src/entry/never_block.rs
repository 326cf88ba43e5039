//! What must never be blocked, and a fast test whether an entry would.
//!
//! Nearly every entry of nearly every list passes, so a miss must cost next to nothing: a table of first
//! octets and a filter over the ends of names reject most misses before anything is searched. An entry that
//! would block one of these is rejected and counted. The rest of its list is kept: one such line is a
//! mistake, and no reason to lose a feed.

use super::indicator::Indicator;
use rapsheet_snapshot::{AddressRange, Scope, hash};
use std::collections::HashMap;

/// The list that comes with rapsheet.
const BUILT_IN: &str = include_str!("never_block.txt");
/// Bits of the filter over names: a power of two, about thirty times the number of names.
const FILTER_BITS: usize = 1 << 13;

/// What must never be blocked.
pub(crate) struct NeverBlock {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    octets: [bool; 256],
    names: HashMap<Vec<u8>, Named>,
    filter: Vec<bool>,
    /// Whether any name is protected with everything below it, so that suffixes must be looked up, too.
    has_trees: bool,
}

/// Why a name is in the table.
#[derive(Clone, Copy, Default)]
struct Named {
    itself: bool,
    below: bool,
    ancestor: bool,
}

impl NeverBlock {
    /// The built-in list, and what an operator adds.
    pub(crate) fn new(own: &[Indicator]) -> NeverBlock {
        let known = lines(BUILT_IN).filter_map(|(_, text)| Indicator::parse(text));
        let mut never_block = NeverBlock {
            v4: Vec::new(),
            v6: Vec::new(),
            octets: [false; 256],
            names: HashMap::new(),
            filter: vec![false; FILTER_BITS],
            has_trees: false,
        };
        known.chain(own.iter().cloned()).for_each(|indicator| never_block.add(indicator));
        never_block.v4 = disjoint(never_block.v4, |last| last.saturating_add(1));
        never_block.v6 = disjoint(never_block.v6, |last| last.saturating_add(1));
        never_block
    }

    fn add(&mut self, indicator: Indicator) {
        match indicator {
            Indicator::Range(AddressRange::V4 { first, last }) => {
                self.v4.push((first, last));
                let octets = (first >> 24) as usize..=(last >> 24) as usize;
                self.octets.get_mut(octets).unwrap_or_default().fill(true);
            }
            Indicator::Range(AddressRange::V6 { first, last }) => self.v6.push((first, last)),
            Indicator::Name(name, scope) => self.add_name(&name, scope),
            // A listed URL blocks nothing but itself. URLs are never protected.
            Indicator::Url(_) => {}
        }
    }

    fn add_name(&mut self, name: &[u8], scope: Scope) {
        self.has_trees |= scope == Scope::Tree;
        for suffix in suffixes(name) {
            let named = self.names.entry(suffix.to_vec()).or_default();
            named.itself |= suffix == name;
            named.below |= suffix == name && scope == Scope::Tree;
            named.ancestor |= suffix != name;
            if let Some(bit) = self.filter.get_mut(bit_of(suffix)) {
                *bit = true;
            }
        }
    }

    /// Whether an entry of these addresses overlaps a protected range.
    pub(crate) fn has_address(&self, range: &AddressRange) -> bool {
        match *range {
            AddressRange::V4 { first, last } => {
                let octets = (first >> 24) as usize..=(last >> 24) as usize;
                let near = self.octets.get(octets).unwrap_or_default();
                near.iter().any(|octet| *octet) && overlaps(&self.v4, first, last)
            }
            AddressRange::V6 { first, last } => overlaps(&self.v6, first, last),
        }
    }

    /// Whether any protected IPv4 address has this first octet.
    pub(crate) fn has_octet(&self, octet: u32) -> bool {
        self.octets.get(octet as usize).copied().unwrap_or(true)
    }

    /// Whether an entry of this canonical name and scope covers a protected name, or lies below a protected
    /// tree.
    pub(crate) fn has_name(&self, name: &[u8], scope: Scope) -> bool {
        if let Some(named) = self.find(name) {
            let downwards = scope != Scope::Exact && (named.ancestor || named.below);
            return downwards || scope != Scope::Subdomains && named.itself || self.is_below(name);
        }
        self.is_below(name)
    }

    /// Whether the name lies below a protected tree.
    fn is_below(&self, name: &[u8]) -> bool {
        self.has_trees && suffixes(name).any(|suffix| self.find(suffix).is_some_and(|named| named.below))
    }

    fn find(&self, name: &[u8]) -> Option<Named> {
        let near = self.filter.get(bit_of(name)).copied().unwrap_or(false);
        if near { self.names.get(name).copied() } else { None }
    }
}

/// The lines of a never-block list with their numbers, without comments and blank lines.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let data_len = |line: &'_ str| line.split('#').next().map_or(0, str::len);
    let numbered = text.lines().zip(1..);
    let stripped =
        numbered.map(move |(line, number)| (number, line.get(..data_len(line)).unwrap_or("").trim()));
    stripped.filter(|(_, text)| !text.is_empty())
}

/// A name and its ancestors.
fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let after_dots = memchr::memchr_iter(b'.', name).map(|dot| dot + 1);
    std::iter::once(0).chain(after_dots).filter_map(|at| name.get(at..))
}

/// The bit of a name in the filter: a multiplicative hash of its last eight bytes and its length.
fn bit_of(name: &[u8]) -> usize {
    let end = match name.last_chunk() {
        Some(end) => u64::from_le_bytes(*end),
        None => name.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    let spread = hash::spread(end ^ (name.len() as u64) << 59);
    (spread >> (64 - FILTER_BITS.trailing_zeros())) as usize
}

fn overlaps<N: Ord + Copy>(ranges: &[(N, N)], first: N, last: N) -> bool {
    let at = ranges.partition_point(|range| range.1 < first);
    ranges.get(at).is_some_and(|range| range.0 <= last)
}

/// Sorts ranges and joins those that overlap or are adjacent.
fn disjoint<N: Ord + Copy>(mut ranges: Vec<(N, N)>, next: impl Fn(N) -> N) -> Vec<(N, N)> {
    ranges.sort_unstable();
    let mut joined: Vec<(N, N)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match joined.last_mut() {
            Some(open) if first <= next(open.1) => open.1 = open.1.max(last),
            _ => joined.push((first, last)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never_block(own: &[&str]) -> NeverBlock {
        let own: Vec<Indicator> = own.iter().filter_map(|text| Indicator::parse(text)).collect();
        NeverBlock::new(&own)
    }

    #[test]
    fn parses_every_line_of_the_built_in_list() {
        for (number, text) in lines(BUILT_IN) {
            let indicator = Indicator::parse(text);
            assert!(
                matches!(indicator, Some(Indicator::Range(_) | Indicator::Name(..))),
                "line {number}: {text}"
            );
        }
        assert!(lines(BUILT_IN).count() > 150);
    }

    #[test]
    fn protects_addresses_against_every_overlap() {
        let never_block = never_block(&["45.9.20.0/24", "2a06:e480::/32"]);
        let overlaps = |text: &str| {
            let range = AddressRange::parse(text.as_bytes()).expect("an address").range;
            never_block.has_address(&range)
        };
        for guarded in ["8.8.8.8", "8.8.8.0/24", "8.0.0.0/8", "45.9.20.77", "45.9.16.0/20", "2a06:e480::7"] {
            assert!(overlaps(guarded), "{guarded}");
        }
        for free in ["8.8.8.9", "8.8.9.0/24", "45.9.21.0", "45.9.19.255", "2a06:e481::", "11.0.0.0/8"] {
            assert!(!overlaps(free), "{free}");
        }
    }

    #[test]
    fn protects_names_by_the_scope_of_the_entry() {
        let never_block = never_block(&["panel.example", "*.own.example"]);
        for (name, scope, expected) in [
            ("google.com", Scope::Exact, true),
            ("gmail.com", Scope::Subdomains, false),
            ("google.com", Scope::Subdomains, true),
            ("microsoft.com", Scope::Subdomains, true),
            ("login.google.com", Scope::Exact, false),
            ("oogle.com", Scope::Tree, false),
            ("example", Scope::Tree, true),
            ("example", Scope::Exact, false),
            ("panel.example", Scope::Tree, true),
            ("a.panel.example", Scope::Tree, false),
            ("own.example", Scope::Subdomains, true),
            ("a.b.own.example", Scope::Exact, true),
            ("notown.example", Scope::Exact, false),
        ] {
            assert_eq!(never_block.has_name(name.as_bytes(), scope), expected, "{name} {scope:?}");
        }
    }
}
