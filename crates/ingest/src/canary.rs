//! What must never be blocked, and finding out fast that an entry would.
//!
//! Nearly every entry of nearly every list is innocent, so a miss must cost next to nothing: addresses are asked
//! by their first octet, names by a hash of their end, before anything is searched. An entry that names one of these
//! is refused and told; the rest of its list stands, because one such line is a mistake and not a lost feed.

use crate::catalog::Mark;
use rapsheet_snapshot::{AddressRange, Scope, hash};
use std::collections::HashMap;

/// The list that comes with rapsheet.
const BUILT_IN: &str = include_str!("never_block.txt");
/// Bits of the filter over names: a power of two, some thirty times the names.
const FILTER_BITS: usize = 1 << 13;

/// What must never be blocked.
pub struct Canaries {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
    octets: [bool; 256],
    names: HashMap<Vec<u8>, Named>,
    filter: Vec<bool>,
    /// Whether any name is guarded with everything below it, so that suffixes must be asked too.
    has_trees: bool,
}

/// Why a name stands in the table.
#[derive(Clone, Copy, Default)]
struct Named {
    itself: bool,
    below: bool,
    ancestor: bool,
}

impl Canaries {
    /// What rapsheet knows, and what an operator adds.
    pub fn new(own: &[Mark]) -> Canaries {
        let known = lines(BUILT_IN).filter_map(|(_, text)| Mark::parse(text));
        let mut canaries = Canaries {
            v4: Vec::new(),
            v6: Vec::new(),
            octets: [false; 256],
            names: HashMap::new(),
            filter: vec![false; FILTER_BITS],
            has_trees: false,
        };
        known.chain(own.iter().cloned()).for_each(|mark| canaries.add(mark));
        canaries.v4 = disjoint(canaries.v4, |last| last.saturating_add(1));
        canaries.v6 = disjoint(canaries.v6, |last| last.saturating_add(1));
        canaries
    }

    fn add(&mut self, mark: Mark) {
        match mark {
            Mark::Range(AddressRange::V4 { first, last }) => {
                self.v4.push((first, last));
                let octets = (first >> 24) as usize..=(last >> 24) as usize;
                self.octets.get_mut(octets).unwrap_or_default().fill(true);
            }
            Mark::Range(AddressRange::V6 { first, last }) => self.v6.push((first, last)),
            Mark::Name(name, scope) => self.add_name(&name, scope),
            // A URL lists nothing but itself, and nobody cannot do without one.
            Mark::Url(_) => {}
        }
    }

    fn add_name(&mut self, name: &[u8], scope: Scope) {
        self.has_trees |= scope == Scope::Tree;
        for suffix in suffixes(name) {
            let named = self.names.entry(suffix.to_vec()).or_default();
            named.itself |= suffix == name;
            named.below |= suffix == name && scope == Scope::Tree;
            named.ancestor |= suffix != name;
            if let Some(bit) = self.filter.get_mut(place(suffix)) {
                *bit = true;
            }
        }
    }

    /// Whether an entry of these addresses touches something that must not be blocked.
    pub fn has_address(&self, range: &AddressRange) -> bool {
        match *range {
            AddressRange::V4 { first, last } => {
                let octets = (first >> 24) as usize..=(last >> 24) as usize;
                let near = self.octets.get(octets).unwrap_or_default();
                near.iter().any(|octet| *octet) && touches(&self.v4, first, last)
            }
            AddressRange::V6 { first, last } => touches(&self.v6, first, last),
        }
    }

    /// Whether an entry of this canonical name and reach speaks of something that must not be blocked.
    pub fn has_name(&self, name: &[u8], scope: Scope) -> bool {
        if let Some(named) = self.find(name) {
            let downwards = scope != Scope::Exact && (named.ancestor || named.below);
            return downwards || scope != Scope::Subdomains && named.itself || self.is_below(name);
        }
        self.is_below(name)
    }

    /// Whether a guarded tree stands above the name.
    fn is_below(&self, name: &[u8]) -> bool {
        self.has_trees && suffixes(name).any(|suffix| self.find(suffix).is_some_and(|named| named.below))
    }

    fn find(&self, name: &[u8]) -> Option<Named> {
        let near = self.filter.get(place(name)).copied().unwrap_or(false);
        if near { self.names.get(name).copied() } else { None }
    }
}

/// The lines of a list of what must never be blocked, with their numbers; comments and blank lines left out.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let said = |line: &'_ str| line.split('#').next().map_or(0, str::len);
    let numbered = text.lines().zip(1..);
    let stripped = numbered.map(move |(line, number)| (number, line.get(..said(line)).unwrap_or("").trim()));
    stripped.filter(|(_, text)| !text.is_empty())
}

/// A name and what is left of it when labels are taken away from the front.
fn suffixes(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let after_dots = memchr::memchr_iter(b'.', name).map(|dot| dot + 1);
    std::iter::once(0).chain(after_dots).filter_map(|at| name.get(at..))
}

/// The place of a name in the filter: its last eight bytes and its length, spread by multiplication.
fn place(name: &[u8]) -> usize {
    let end = name.iter().rev().take(8).fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let spread = hash::spread(end ^ (name.len() as u64) << 59);
    (spread >> (64 - FILTER_BITS.trailing_zeros())) as usize
}

fn touches<N: Ord + Copy>(ranges: &[(N, N)], first: N, last: N) -> bool {
    let at = ranges.partition_point(|range| range.1 < first);
    ranges.get(at).is_some_and(|range| range.0 <= last)
}

/// Sorted, with what overlaps joined.
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

    fn canaries(own: &[&str]) -> Canaries {
        let own: Vec<Mark> = own.iter().filter_map(|text| Mark::parse(text)).collect();
        Canaries::new(&own)
    }

    #[test]
    fn every_line_of_the_built_in_list_means_something() {
        for (number, text) in lines(BUILT_IN) {
            let mark = Mark::parse(text);
            assert!(matches!(mark, Some(Mark::Range(_) | Mark::Name(..))), "line {number}: {text}");
        }
        assert!(lines(BUILT_IN).count() > 150);
    }

    #[test]
    fn addresses_are_guarded_against_whatever_touches_them() {
        let canaries = canaries(&["45.9.20.0/24", "2a06:e480::/32"]);
        let asked = |text: &str| {
            let range = AddressRange::parse(text.as_bytes()).expect("an address").range;
            canaries.has_address(&range)
        };
        for guarded in ["8.8.8.8", "8.8.8.0/24", "8.0.0.0/8", "45.9.20.77", "45.9.16.0/20", "2a06:e480::7"] {
            assert!(asked(guarded), "{guarded}");
        }
        for free in ["8.8.8.9", "8.8.9.0/24", "45.9.21.0", "45.9.19.255", "2a06:e481::", "11.0.0.0/8"] {
            assert!(!asked(free), "{free}");
        }
    }

    #[test]
    fn names_are_guarded_by_what_an_entry_reaches() {
        let canaries = canaries(&["panel.example", "*.own.example"]);
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
            assert_eq!(canaries.has_name(name.as_bytes(), scope), expected, "{name} {scope:?}");
        }
    }
}
