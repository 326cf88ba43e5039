//! What a record set says at an instant, kept for all entries that have the set.
//!
//! Millions of entries share a few thousand sets. Where no time belongs to an entry, all that an answer says follows from
//! the set, but for the text that matched: of an address, that depends on how long the prefix is; of a name, on its
//! width.

use crate::listing::{Listing, Listings, LiveSighting};
use crate::lookup::{Hit, HitKind};
use crate::searcher::Searcher;
use rapsheet_snapshot::{Address, Extent, Scope, Status};
use std::rc::Rc;

/// How many sets are kept, from the first on; they are numbered by use.
const SETS_MAX: usize = 1 << 16;
/// How many kinds of hits differ: IPv4 addresses, names, and names below what is listed.
const KINDS: usize = 3;

/// What the entries of a set match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetMatch {
    /// The prefix of this length around the address.
    Prefix(u8),
    /// The name of the entry; with a star where only names below it are listed.
    Name { star: bool },
}

/// What a set says: nothing, where none of its sightings is live.
pub(crate) type SetListing<L> = Option<(Status, Rc<L>, SetMatch)>;

/// What the sets say at the instant of a searcher.
#[derive(Debug)]
pub(crate) struct SetCache<L> {
    /// Of each set and kind of hit: 0 before it was asked for, 1 where each entry must be evaluated, else two more than the
    /// position of its listing.
    places: Vec<u32>,
    listings: Vec<SetListing<L>>,
}

impl<L: From<Listing>> SetCache<L> {
    pub(crate) fn new() -> SetCache<L> {
        SetCache { places: Vec::new(), listings: Vec::new() }
    }

    /// What the set of a hit says at the searcher's instant; `None` where the entry must be evaluated.
    #[inline]
    pub(crate) fn get(
        &mut self,
        searcher: &Searcher<'_>,
        listings: &mut Listings<L>,
        hit: &Hit,
    ) -> Option<&SetListing<L>> {
        let at = place_of(searcher, hit)?;
        let place = match self.places.get(at) {
            Some(0) | None => self.insert(searcher, listings, hit, at),
            Some(place) => *place,
        };
        self.listings.get(place.checked_sub(2)? as usize)
    }

    #[cold]
    fn insert(&mut self, searcher: &Searcher<'_>, listings: &mut Listings<L>, hit: &Hit, at: usize) -> u32 {
        if self.places.len() <= at {
            self.places.resize(at + 1, 0);
        }
        let made = make(searcher, listings, hit);
        let place = made.as_ref().map_or(1, |_| self.listings.len() as u32 + 2);
        self.listings.extend(made);
        self.places.get_mut(at).into_iter().for_each(|slot| *slot = place);
        place
    }
}

fn place_of(searcher: &Searcher<'_>, hit: &Hit) -> Option<usize> {
    let kind = match hit.kind {
        HitKind::Address(Address::V4(_)) => 0,
        HitKind::Name { below, .. } => 1 + usize::from(below),
        HitKind::Address(Address::V6(_)) | HitKind::Url { .. } => return None,
    };
    let set = searcher.index().set_of(hit.entry) as usize;
    (set < SETS_MAX).then_some(set * KINDS + kind)
}

/// What a set says; `None` where that depends on the entry.
fn make<L: From<Listing>>(
    searcher: &Searcher<'_>,
    listings: &mut Listings<L>,
    hit: &Hit,
) -> Option<SetListing<L>> {
    let evaluator = searcher.evaluator();
    if !evaluator.has_shared_times(searcher.index(), searcher.index().set_of(hit.entry)) {
        return None;
    }
    let Some((status, listing)) = listings.listed_at(searcher, &[*hit], searcher.at(), true) else {
        return Some(None);
    };
    let deciding = listings.live().iter().filter(|live| live.status == status);
    let matched = match hit.kind {
        HitKind::Address(_) => SetMatch::Prefix(longest(deciding)?),
        // A text with a star comes before one without.
        _ => SetMatch::Name { star: deciding.into_iter().any(|live| live.scope == Scope::Subdomains) },
    };
    Some(Some((status, listing, matched)))
}

/// The longest prefix of the sightings; `None` where one of them is of a range that is no prefix.
fn longest<'l>(live: impl Iterator<Item = &'l LiveSighting>) -> Option<u8> {
    live.map(|live| match live.extent {
        Extent::Prefix(length) => Some(length),
        Extent::None | Extent::Range(_) => None,
    })
    .try_fold(0, |longest, length| Some(length?.max(longest)))
}
