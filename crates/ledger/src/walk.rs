//! Visits what is listed, in the order of the file, each indicator with the feeds that list it and those that
//! cover it.
//!
//! A feed covers an indicator where a look-up of everything that the indicator stands for would match the
//! feed: all addresses of a network, the name itself and the names below it as its scope says, the same URL.
//! It may take several entries for that.

use crate::feeds::{Feeds, Position};
use rapsheet_snapshot::{
    Address, AddressRange, Error, Extent, Index, LISTED_MAX, Part, Scope, Sighting, Snapshot, Time,
};

/// A feed that lists an indicator, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lister {
    pub(crate) feed: Position,
    pub(crate) first_seen: Time,
}

/// What is told of entries.
pub(crate) trait Visitor {
    /// So many indicators have these listers, and all feeds that cover them, sorted, are these. Listers are
    /// among them.
    fn indicators(&mut self, listers: &[Lister], covering: &[Position], count: u64);

    /// So many IPv4 addresses are covered by these feeds, sorted.
    fn addresses(&mut self, covering: &[Position], count: u64);
}

/// Visits all that counts.
///
/// # Errors
/// The snapshot is corrupt: its entries cannot be read, or claim to be more than the file can hold.
pub(crate) fn walk(snapshot: &Snapshot, feeds: &Feeds, visitor: &mut dyn Visitor) -> Result<(), Error> {
    snapshot.verify_tables()?;
    let index = snapshot.index();
    let v4 = (Part::Ipv4, AddressRange::V4 { first: 0, last: u32::MAX });
    let v6 = (Part::Ipv6, AddressRange::V6 { first: 0, last: u128::MAX });
    for (part, space) in [v4, v6] {
        let walked = Addresses::new(index, feeds, visitor).walk(space);
        walked.ok_or_else(|| snapshot.unwalkable(part))?;
    }
    names(index, feeds, visitor).ok_or_else(|| snapshot.unwalkable(Part::Names))?;
    urls(index, feeds, visitor).ok_or_else(|| snapshot.unwalkable(Part::Urls))
}

/// A sighting that counts, of a part of the address space.
struct LiveRange {
    extent: Extent,
    lister: Lister,
}

/// A listed range whose last addresses are in a later piece.
struct OpenRange {
    last: Address,
    listers: Vec<Lister>,
    /// The feeds that cover all of it so far.
    covering: Vec<Position>,
}

/// A sweep over an address space. The file has it in disjoint pieces, each with all sightings that cover it;
/// a listed range is one or several pieces, and several listed ranges may lie in one piece.
struct Addresses<'w> {
    index: Index<'w>,
    feeds: &'w Feeds,
    visitor: &'w mut dyn Visitor,
    open: Vec<OpenRange>,
    live: Vec<LiveRange>,
    covering: Vec<Position>,
}

impl<'w> Addresses<'w> {
    fn new(index: Index<'w>, feeds: &'w Feeds, visitor: &'w mut dyn Visitor) -> Addresses<'w> {
        Addresses { index, feeds, visitor, open: Vec::new(), live: Vec::new(), covering: Vec::new() }
    }

    /// `None` if the entries are more than the file can hold.
    fn walk(mut self, space: AddressRange) -> Option<()> {
        let index = self.index;
        let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
        index.each_address(space, |range, entry| {
            walk.each_piece(range, entry, |piece, sightings| {
                let visits = 1 + index.sighting_count(entry) + self.open.len() as u64;
                is_whole = is_whole && limit.take(visits);
                if is_whole {
                    self.piece(piece, sightings);
                }
            });
        });
        self.close(|_| true);
        is_whole.then_some(())
    }

    fn piece(&mut self, piece: AddressRange, sightings: &mut dyn Iterator<Item = Sighting>) {
        self.close(|range| range.last < piece.first());
        self.read(sightings);
        if let AddressRange::V4 { first, last } = piece
            && !self.covering.is_empty()
        {
            self.visitor.addresses(&self.covering, u64::from(last.saturating_sub(first)) + 1);
        }
        for range in &mut self.open {
            range.covering.retain(|feed| self.covering.binary_search(feed).is_ok());
        }
        let live = std::mem::take(&mut self.live);
        live.chunk_by(|a, b| a.extent == b.extent).for_each(|alike| self.begin(piece, alike));
        self.live = live;
    }

    /// Reads the sightings that count, sorted by extent, and the feeds that they are of.
    fn read(&mut self, sightings: &mut dyn Iterator<Item = Sighting>) {
        self.live.clear();
        self.covering.clear();
        for sighting in sightings {
            let Some(feed) = self.feeds.counting(&sighting) else { continue };
            let lister = Lister { feed, first_seen: sighting.times.first_seen };
            self.live.push(LiveRange { extent: sighting.extent, lister });
            self.covering.push(feed);
        }
        sort(&mut self.covering);
        self.live.sort_by_key(|live| (live.extent, live.lister.feed));
    }

    /// Takes up the listed ranges of one extent that begin in the piece.
    fn begin(&mut self, piece: AddressRange, alike: &[LiveRange]) {
        let Some(LiveRange { extent, .. }) = alike.first() else { return };
        let mut listers: Vec<Lister> = alike.iter().map(|live| live.lister).collect();
        listers.dedup_by_key(|lister| lister.feed);
        let (begun, last) = begun(&self.index, piece, *extent);
        // What the last one covers may reach beyond the piece.
        let open = last.filter(|last| last.last() > piece.last() && piece.covers(&last.first().range()));
        let whole = begun - u64::from(open.is_some()).min(begun);
        if whole > 0 {
            self.visitor.indicators(&listers, &self.covering, whole);
        }
        if let Some(range) = open {
            self.open.push(OpenRange { last: range.last(), listers, covering: self.covering.clone() });
        }
    }

    /// Visits the open ranges that end, and forgets them.
    fn close(&mut self, ends: impl Fn(&OpenRange) -> bool) {
        let visitor = &mut self.visitor;
        self.open.retain(|range| {
            let is_open = !ends(range);
            if !is_open {
                visitor.indicators(&range.listers, &range.covering, 1);
            }
            is_open
        });
    }
}

/// How many listed ranges of an extent begin in a piece, and the last one that overlaps it.
fn begun(index: &Index<'_>, piece: AddressRange, extent: Extent) -> (u64, Option<AddressRange>) {
    match extent {
        Extent::Prefix(length) if piece.prefix_count(length).is_some_and(|count| count <= LISTED_MAX) => {
            let begun = piece.prefixes_begun(length).and_then(|count| u64::try_from(count).ok());
            (begun.unwrap_or(0), AddressRange::from_prefix(piece.last(), length))
        }
        Extent::Prefix(_) => (0, None),
        extent => {
            let listed = index.listed(extent, piece.first());
            let begins = listed.is_some_and(|listed| piece.covers(&listed.first().range()));
            (u64::from(begins), listed)
        }
    }
}

/// `None` if the section is corrupt, or its entries are more than the file can hold.
fn names(index: Index<'_>, feeds: &Feeds, visitor: &mut dyn Visitor) -> Option<()> {
    let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
    let mut ancestors = Ancestors::default();
    let mut own: Vec<(Scope, Lister)> = Vec::new();
    let is_sound = index.each_name(|reversed, entry| {
        is_whole = is_whole && limit.take(1 + index.sighting_count(entry));
        if is_whole {
            own.clear();
            own.extend(walk.sightings(entry).filter_map(|sighting| {
                let feed = feeds.counting(&sighting)?;
                Some((sighting.scope, Lister { feed, first_seen: sighting.times.first_seen }))
            }));
            own.sort_by_key(|(scope, lister)| (*scope, lister.feed));
            name(reversed, &own, &mut ancestors, visitor);
        }
    });
    (is_sound && is_whole).then_some(())
}

/// Visits what is listed under one name, in each scope.
fn name(reversed: &[u8], own: &[(Scope, Lister)], ancestors: &mut Ancestors, visitor: &mut dyn Visitor) {
    if own.is_empty() {
        return;
    }
    let inherited = ancestors.above(reversed);
    let covering = |is_below: bool| {
        let own = own.iter().filter(|(scope, _)| scope.covers(is_below)).map(|(_, lister)| lister.feed);
        let mut all: Vec<Position> = own.chain(inherited.iter().copied()).collect();
        sort(&mut all);
        all
    };
    let (at_name, below) = (covering(false), covering(true));
    for alike in own.chunk_by(|a, b| a.0 == b.0) {
        let listers: Vec<Lister> = alike.iter().map(|(_, lister)| *lister).collect();
        match alike.first().map_or(Scope::Exact, |(scope, _)| *scope) {
            Scope::Exact => visitor.indicators(&listers, &at_name, 1),
            Scope::Subdomains => visitor.indicators(&listers, &below, 1),
            Scope::Tree => {
                let is_in_both = |feed: &Position| below.binary_search(feed).is_ok();
                let both: Vec<Position> = at_name.iter().copied().filter(is_in_both).collect();
                visitor.indicators(&listers, &both, 1);
            }
        }
    }
    if own.iter().any(|(scope, _)| scope.covers(true)) {
        ancestors.0.push((reversed.to_vec(), below));
    }
}

/// The listed names that the name at hand begins with, in reversed bytes, each with the feeds that list all
/// names below it.
#[derive(Default)]
struct Ancestors(Vec<(Vec<u8>, Vec<Position>)>);

impl Ancestors {
    /// The feeds that list all names below an ancestor of this name. Names come in the order of their
    /// reversed bytes, so that those that begin alike come in a row, though not all of them are ancestors:
    /// `moc.a`, `moc.a-b`, `moc.a.b`.
    fn above(&mut self, reversed: &[u8]) -> Vec<Position> {
        while self.0.last().is_some_and(|(before, _)| !reversed.starts_with(before)) {
            self.0.pop();
        }
        let is_ancestor = |name: &[u8]| reversed.get(name.len()) == Some(&b'.');
        let nearest = self.0.iter().rev().find(|(name, _)| is_ancestor(name));
        nearest.map(|(_, feeds)| feeds.clone()).unwrap_or_default()
    }
}

/// `None` if the section is corrupt, or its entries are more than the file can hold.
fn urls(index: Index<'_>, feeds: &Feeds, visitor: &mut dyn Visitor) -> Option<()> {
    let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
    let is_sound = index.each_url(|url, entry| {
        is_whole = is_whole && limit.take(1 + index.sighting_count(entry));
        if !is_whole {
            return;
        }
        let counting = walk.sightings(entry).filter_map(|sighting| {
            let feed = feeds.counting(&sighting)?;
            Some(Lister { feed, first_seen: sighting.times.first_seen })
        });
        let listers: Vec<Lister> = counting.collect();
        if listers.is_empty() {
            return;
        }
        let mut covering: Vec<Position> = listers.iter().map(|lister| lister.feed).collect();
        // A URL that is listed without a scheme covers it with any.
        if let Some(entry) = without_scheme(url).and_then(|bare| index.url(bare)) {
            covering.extend(index.sightings(entry).filter_map(|sighting| feeds.counting(&sighting)));
        }
        sort(&mut covering);
        visitor.indicators(&listers, &covering, 1);
    });
    (is_sound && is_whole).then_some(())
}

/// A URL from its two slashes on; `None` if it has no scheme.
fn without_scheme(url: &[u8]) -> Option<&[u8]> {
    let slashes = url.iter().position(|byte| *byte == b'/').filter(|at| *at > 0)?;
    url.get(slashes..)
}

fn sort(feeds: &mut Vec<Position>) {
    feeds.sort_unstable();
    feeds.dedup();
}
