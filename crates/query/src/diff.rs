//! What changed from one snapshot to another, sighting by sighting.
//!
//! A sighting is the same one if feed (by its id), indicator, scope and list are the same. Both files hold their
//! entries in order, so they are walked side by side; of the older one a compact copy is held in memory: some thirty
//! bytes an entry, and the names themselves.

use rapsheet_snapshot::{
    AddressRange, Assessments, Entry, FeedId, Index, ListKind, Scope, Sighting, Snapshot, Times,
};
use std::cmp::Ordering;
use std::collections::HashMap;

/// What became of a sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Only the newer snapshot has it.
    Listed,
    /// Only the older snapshot has it.
    Delisted,
    /// Both have it, with other times or assessments.
    Redated,
}

impl Change {
    /// All of them.
    pub const ALL: [Change; 3] = [Change::Listed, Change::Delisted, Change::Redated];

    /// `listed`, `delisted` or `redated`.
    pub const fn word(self) -> &'static str {
        match self {
            Change::Listed => "listed",
            Change::Delisted => "delisted",
            Change::Redated => "redated",
        }
    }
}

/// What one snapshot says in a sighting that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Said {
    /// How bad.
    pub assessments: Assessments,
    /// Since when and until when.
    pub times: Times,
}

/// One sighting that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed<'a> {
    /// What became of it.
    pub change: Change,
    /// What is listed: an address, prefix or range, a name (with `*.` where only what is below is meant), a URL.
    pub indicator: &'a str,
    /// The id of the feed.
    pub feed: &'a str,
    /// Block or allow.
    pub list: ListKind,
    /// The reach of a name.
    pub scope: Scope,
    /// What the older snapshot says.
    pub before: Option<Said>,
    /// What the newer snapshot says.
    pub after: Option<Said>,
}

/// Visits every sighting that differs: addresses of both families, names, then URLs, each in the order of the files.
/// Returns how many sightings are the same in both.
pub fn diff(old: &Snapshot, new: &Snapshot, visit: &mut dyn FnMut(&Changed<'_>)) -> u64 {
    let mut walk = Walk::new(old, new, visit);
    let (old, new) = (old.index(), new.index());
    let v4 = AddressRange::V4 { first: 0, last: u32::MAX };
    let v6 = AddressRange::V6 { first: 0, last: u128::MAX };
    for space in [v4, v6] {
        let before = ranges(old, space, &mut |said| walk.number(0, said));
        let after = ranges(new, space, &mut |said| walk.number(1, said));
        walk.ranges(&before, &after);
    }
    walk.names(old, new);
    walk.urls(old, new);
    walk.same
}

/// Who says it of an indicator: what stays the same when a sighting is dated anew.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Voice {
    /// Position in [`Walk::feeds`].
    feed: u16,
    list: ListKind,
    scope: Scope,
}

/// A voice and what it says, as a number that is the same for both snapshots.
type Number = u32;

struct Walk<'v> {
    /// The ids of all feeds of both snapshots.
    feeds: Vec<String>,
    /// The position there of each feed of either snapshot.
    positions: [Vec<u16>; 2],
    numbers: HashMap<(Voice, Said), Number>,
    told: Vec<(Voice, Said)>,
    visit: &'v mut dyn FnMut(&Changed<'_>),
    same: u64,
}

impl<'v> Walk<'v> {
    fn new(old: &Snapshot, new: &Snapshot, visit: &'v mut dyn FnMut(&Changed<'_>)) -> Walk<'v> {
        let mut feeds: Vec<String> = Vec::new();
        let mut position = |id: &str| {
            let at = feeds.iter().position(|known| known == id).unwrap_or_else(|| {
                feeds.push(id.to_owned());
                feeds.len() - 1
            });
            u16::try_from(at).unwrap_or(u16::MAX)
        };
        let positions = [old, new]
            .map(|snapshot| snapshot.origin().feeds.iter().map(|feed| position(&feed.id)).collect());
        Walk { feeds, positions, numbers: HashMap::new(), told: Vec::new(), visit, same: 0 }
    }

    fn number(&mut self, side: usize, said: &Sighting) -> Number {
        let FeedId(feed) = said.feed;
        let position = self.positions.get(side).and_then(|feeds| feeds.get(usize::from(feed)));
        let voice = Voice { feed: position.copied().unwrap_or(u16::MAX), list: said.list, scope: said.scope };
        let said = Said { assessments: said.assessments, times: said.times };
        *self.numbers.entry((voice, said)).or_insert_with(|| {
            self.told.push((voice, said));
            self.told.len() as Number - 1
        })
    }

    fn ranges(&mut self, before: &[Listed], after: &[Listed]) {
        let key = |listed: &Listed| listed.0;
        merge(
            before,
            after,
            |a, b| key(a).cmp(&key(b)),
            |range, before, after| {
                let numbers = |side: &[Listed]| side.iter().map(|listed| listed.1).collect::<Vec<Number>>();
                self.compare(&range.0.to_string(), &numbers(before), &numbers(after));
            },
        );
    }

    fn names(&mut self, old: Index<'_>, new: Index<'_>) {
        let mut before = Held::default();
        old.each_name(|key, entry| before.push(key, entry));
        let mut cursor = 0;
        let mut text = String::new();
        let readable = |key: &[u8], text: &mut String| {
            text.clear();
            text.extend(key.iter().rev().map(|byte| char::from(*byte)));
        };
        new.each_name(|key, entry| {
            while let Some((held, gone)) = before.at(cursor).filter(|(held, _)| *held < key) {
                readable(held, &mut text);
                self.entries(&text, (old, Some(gone)), (new, None));
                cursor += 1;
            }
            let both = before.at(cursor).filter(|(held, _)| *held == key).map(|(_, entry)| entry);
            cursor += usize::from(both.is_some());
            readable(key, &mut text);
            self.entries(&text, (old, both), (new, Some(entry)));
        });
        while let Some((held, gone)) = before.at(cursor) {
            readable(held, &mut text);
            self.entries(&text, (old, Some(gone)), (new, None));
            cursor += 1;
        }
    }

    fn urls(&mut self, old: Index<'_>, new: Index<'_>) {
        let mut before = Held::default();
        old.each_url(|key, entry| before.push(key, entry));
        let mut cursor = 0;
        new.each_url(|key, entry| {
            while let Some((held, gone)) = before.at(cursor).filter(|(held, _)| *held < key) {
                self.entries(&String::from_utf8_lossy(held), (old, Some(gone)), (new, None));
                cursor += 1;
            }
            let both = before.at(cursor).filter(|(held, _)| *held == key).map(|(_, entry)| entry);
            cursor += usize::from(both.is_some());
            self.entries(&String::from_utf8_lossy(key), (old, both), (new, Some(entry)));
        });
        while let Some((held, gone)) = before.at(cursor) {
            self.entries(&String::from_utf8_lossy(held), (old, Some(gone)), (new, None));
            cursor += 1;
        }
    }

    fn entries(
        &mut self,
        indicator: &str,
        (old, before): (Index<'_>, Option<Entry>),
        (new, after): (Index<'_>, Option<Entry>),
    ) {
        let mut numbers = |side: usize, index: Index<'_>, entry: Option<Entry>| -> Vec<Number> {
            entry
                .into_iter()
                .flat_map(|entry| index.sightings(entry))
                .map(|said| self.number(side, &said))
                .collect()
        };
        let (before, after) = (numbers(0, old, before), numbers(1, new, after));
        self.compare(indicator, &before, &after);
    }

    /// Pairs what both sides say of one indicator.
    fn compare(&mut self, indicator: &str, before: &[Number], after: &[Number]) {
        if before == after {
            self.same += after.len() as u64;
            return;
        }
        let sorted = |numbers: &[Number]| {
            let mut told: Vec<(Voice, Said)> =
                numbers.iter().filter_map(|number| self.told.get(*number as usize).copied()).collect();
            told.sort_unstable_by_key(|(voice, _)| *voice);
            told
        };
        let (before, after) = (sorted(before), sorted(after));
        merge(
            &before,
            &after,
            |a, b| a.0.cmp(&b.0),
            |(voice, _), before, after| {
                let said = |side: &[(Voice, Said)]| side.first().map(|(_, said)| *said);
                self.tell(indicator, *voice, said(before), said(after));
            },
        );
    }

    fn tell(&mut self, indicator: &str, voice: Voice, before: Option<Said>, after: Option<Said>) {
        let change = match (before, after) {
            (Some(before), Some(after)) if before == after => {
                self.same += 1;
                return;
            }
            (None, _) => Change::Listed,
            (_, None) => Change::Delisted,
            _ => Change::Redated,
        };
        let below = if voice.scope == Scope::Subdomains { "*." } else { "" };
        let indicator = &format!("{below}{indicator}");
        let feed = self.feeds.get(usize::from(voice.feed)).map_or("", String::as_str);
        let Voice { list, scope, .. } = voice;
        (self.visit)(&Changed { change, indicator, feed, list, scope, before, after });
    }
}

/// What was listed of the address space, and what was said of it.
type Listed = (AddressRange, Number);

/// Everything that is listed of a space, in order.
fn ranges(index: Index<'_>, space: AddressRange, number: &mut dyn FnMut(&Sighting) -> Number) -> Vec<Listed> {
    let mut all = Vec::new();
    index.each_address(space, |run, entry| {
        index.each_listed(run, entry, |listed, said| {
            // What is listed counts in the run that holds its first address, hence once.
            if run.covers(&listed.first().range()) {
                all.push((listed, number(said)));
            }
        });
    });
    all.sort_unstable();
    all
}

/// The keys and entries of one snapshot.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    /// Where each key ends.
    entries: Vec<(usize, Entry)>,
}

impl Held {
    fn push(&mut self, key: &[u8], entry: Entry) {
        self.bytes.extend_from_slice(key);
        self.entries.push((self.bytes.len(), entry));
    }

    fn at(&self, at: usize) -> Option<(&[u8], Entry)> {
        let (end, entry) = *self.entries.get(at)?;
        let start = at.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |(end, _)| *end);
        Some((self.bytes.get(start..end)?, entry))
    }
}

/// Walks two sorted lists side by side, and shows the items of equal order of both together.
fn merge<T>(
    mut before: &[T],
    mut after: &[T],
    order: impl Fn(&T, &T) -> Ordering,
    mut show: impl FnMut(&T, &[T], &[T]),
) {
    while let Some(first) = lower(before.first(), after.first(), &order) {
        let equal = |side: &[T]| side.iter().take_while(|item| order(item, first) == Ordering::Equal).count();
        let ((left, rest_left), (right, rest_right)) =
            (before.split_at(equal(before)), after.split_at(equal(after)));
        show(first, left, right);
        (before, after) = (rest_left, rest_right);
    }
}

fn lower<'t, T>(a: Option<&'t T>, b: Option<&'t T>, order: impl Fn(&T, &T) -> Ordering) -> Option<&'t T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if order(a, b) == Ordering::Greater { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_merged_group_by_group() {
        let mut seen = Vec::new();
        let (before, after) = ([1, 1, 3, 5], [1, 2, 5, 5, 6]);
        merge(&before, &after, Ord::cmp, |item, left, right| seen.push((*item, left.len(), right.len())));
        assert_eq!(seen, [(1, 2, 1), (2, 0, 1), (3, 1, 0), (5, 1, 2), (6, 0, 1)]);
    }
}
