//! From the rows of all feeds and nights to the sections of a file.
//!
//! Addresses, names and URLs share nothing until their draft sets meet in the interner, so they are sorted,
//! settled and encoded side by side.

use crate::claim::{Claim, Counts, Plan};
use crate::compose::{self, Contents};
use crate::flatten::{self, Drafts, Flattened, Layer, Listed, Number};
use crate::harvest::{Columns, RangeRow, Ranges, TextRow, Texts};
use crate::intern;
use crate::merge::{Runs, Settler, Slot};
use crate::remember::{KeySort, Remembering, range_key};
use crate::report::Totals;
use rapsheet_snapshot::{FeedId, Kinds, SectionBytes, TooLarge};
use std::collections::HashMap;

/// What all rows came to.
pub(crate) struct Assembly {
    /// Every section but origin.
    pub(crate) sections: Vec<SectionBytes>,
    /// The rows of accumulated feeds, for the state file.
    pub(crate) remembering: Remembering,
    /// The numbers of each feed.
    pub(crate) counts: HashMap<FeedId, Counts>,
    /// Sightings of each feed that were refused because too many ranges overlap there.
    pub(crate) too_deep: HashMap<FeedId, u64>,
    /// The kinds that each feed lists; one family of addresses speaks for both.
    pub(crate) kinds: HashMap<FeedId, Kinds>,
    /// What the file holds; sightings are for the caller to add up.
    pub(crate) totals: Totals,
}

/// Assembles a night, or says what of it does not fit.
pub(crate) fn assemble(columns: Columns, claims: &[Claim], plans: &[Plan]) -> Result<Assembly, TooLarge> {
    let settled = settle_all(columns, claims, plans);
    let (v4, v6, names, urls) = &settled;
    let tables = intern::intern(&[&v4.drafts, &v6.drafts, &names.drafts, &urls.drafts]);
    let (name_keys, url_keys) = (names.keys(), urls.keys());
    let indexes = compose::indexes(&name_keys, &url_keys)?;
    let contents = Contents {
        v4: &v4.flat.runs,
        v6: &v6.flat.runs,
        names: &names.entry_drafts,
        urls: &urls.entry_drafts,
    };
    let totals = Totals {
        ipv4_runs: v4.flat.runs.len() as u64,
        ipv6_runs: v6.flat.runs.len() as u64,
        names: name_keys.len() as u64,
        urls: url_keys.len() as u64,
        sightings: 0,
        record_sets: tables.sets.len() as u64,
    };
    let sections = compose::sections(&contents, &tables, indexes)?;
    Ok(finish(&settled, sections, totals))
}

type Settled = (SettledRanges<u32>, SettledRanges<u128>, SettledTexts, SettledTexts);

fn settle_all(columns: Columns, claims: &[Claim], plans: &[Plan]) -> Settled {
    let Columns { names, urls, v4, v6 } = columns;
    let ((v4, v6), (names, urls)) = rayon::join(
        || rayon::join(|| settle_ranges(v4, claims, plans), || settle_ranges(v6, claims, plans)),
        || rayon::join(|| settle_texts(names, claims, plans), || settle_texts(urls, claims, plans)),
    );
    (v4, v6, names, urls)
}

fn finish(settled: &Settled, sections: Vec<SectionBytes>, totals: Totals) -> Assembly {
    let (v4, v6, names, urls) = settled;
    let mut remembering = Remembering::default();
    v4.remember(KeySort::V4, range_key::<4>, &mut remembering);
    v6.remember(KeySort::V6, range_key::<16>, &mut remembering);
    names.remember(KeySort::Name, &mut remembering);
    urls.remember(KeySort::Url, &mut remembering);
    let mut assembly = Assembly {
        sections,
        remembering,
        counts: HashMap::new(),
        too_deep: HashMap::new(),
        kinds: HashMap::new(),
        totals,
    };
    assembly.add_slots(&v4.slots, Kinds::ADDRESS);
    assembly.add_slots(&v6.slots, Kinds::ADDRESS);
    assembly.add_slots(&names.slots, Kinds::NAME);
    assembly.add_slots(&urls.slots, Kinds::URL);
    assembly.add_too_deep(&v4.slots, &v4.flat.refused);
    assembly.add_too_deep(&v6.slots, &v6.flat.refused);
    assembly
}

impl Assembly {
    fn add_slots(&mut self, slots: &[Slot], kind: Kinds) {
        for slot in slots {
            for (feed, counts) in &slot.counts {
                self.counts.entry(*feed).or_default().add(counts, slot.uses);
            }
            for statement in &slot.statements {
                let kinds = self.kinds.entry(statement.feed).or_default();
                *kinds = kinds.union(kind);
            }
        }
    }

    fn add_too_deep(&mut self, slots: &[Slot], refused: &[u32]) {
        let statements =
            refused.iter().filter_map(|slot| slots.get(*slot as usize)).flat_map(|slot| &slot.statements);
        for statement in statements {
            *self.too_deep.entry(statement.feed).or_default() += 1;
        }
    }
}

/// A key of the arena and its slot.
struct TextGroup {
    at: u64,
    len: u32,
    slot: u32,
}

struct SettledTexts {
    arena: Vec<u8>,
    slots: Vec<Slot>,
    groups: Vec<TextGroup>,
    drafts: Drafts,
    /// The draft set of each key that stays, in order.
    entry_drafts: Vec<u32>,
}

/// Settles names or URLs, and lets go of their rows.
fn settle_texts(texts: Texts, claims: &[Claim], plans: &[Plan]) -> SettledTexts {
    let Texts { arena, rows, runs, again, .. } = texts;
    let mut settler = Settler::new(claims, plans);
    let mut groups: Vec<TextGroup> = Vec::new();
    let order = |a: &TextRow, b: &TextRow| Texts::order(&arena, a, b);
    let tag = |row: &TextRow| row.tag;
    Runs::new(&rows, &runs, &again).each_group(order, tag, |row, tags| {
        groups.push(TextGroup { at: row.at, len: row.len, slot: settler.slot(tags) });
    });
    drop((rows, again));
    let slots = settler.slots;
    let mut drafts = Drafts::default();
    let draft_of: Vec<Option<u32>> = slots.iter().map(|slot| draft_of_slot(slot, &mut drafts)).collect();
    let of_slot = |slot: u32| draft_of.get(slot as usize).copied().flatten();
    let entry_drafts = groups.iter().filter_map(|group| of_slot(group.slot)).collect();
    SettledTexts { arena, slots, groups, drafts, entry_drafts }
}

/// The draft set of a slot's statements, counted for every key of the slot; none where it states nothing.
fn draft_of_slot(slot: &Slot, drafts: &mut Drafts) -> Option<u32> {
    if slot.statements.is_empty() {
        return None;
    }
    let draft = drafts.number(slot.statements.iter().map(|said| (*said, Listed::Nothing)).collect());
    drafts.count(draft, slot.uses);
    Some(draft)
}

impl SettledTexts {
    /// The keys that stay, in order.
    fn keys(&self) -> Vec<&[u8]> {
        let stays = |slot: u32| self.slots.get(slot as usize).is_some_and(|slot| !slot.statements.is_empty());
        let groups = self.groups.iter().filter(|group| stays(group.slot));
        groups.map(|group| self.key(group)).collect()
    }

    fn key(&self, group: &TextGroup) -> &[u8] {
        let at = group.at as usize;
        self.arena.get(at..at + group.len as usize).unwrap_or(&[])
    }

    fn remember(&self, sort: KeySort, remembering: &mut Remembering) {
        let numbers = remembering.numbers(&self.slots);
        for group in &self.groups {
            let rows = numbers.get(group.slot as usize).map_or(&[][..], Vec::as_slice);
            rows.iter().for_each(|row| remembering.push(sort, self.key(group), *row));
        }
    }
}

/// A range and its slot.
type RangeGroup<N> = Layer<N>;

struct SettledRanges<N> {
    slots: Vec<Slot>,
    groups: Vec<RangeGroup<N>>,
    drafts: Drafts,
    flat: Flattened<N>,
}

/// Settles addresses of one family, and lets go of their rows.
fn settle_ranges<N: Number + Send>(ranges: Ranges<N>, claims: &[Claim], plans: &[Plan]) -> SettledRanges<N> {
    let Ranges { rows, runs } = ranges;
    let mut settler = Settler::new(claims, plans);
    let mut groups: Vec<RangeGroup<N>> = Vec::new();
    let tag = |row: &RangeRow<N>| row.tag;
    Runs::new(&rows, &runs, &[]).each_group(Ranges::order, tag, |row, tags| {
        groups.push(Layer { first: row.first, last: row.last, slot: settler.slot(tags) });
    });
    drop(rows);
    let slots = settler.slots;
    let stays = |slot: u32| slots.get(slot as usize).is_some_and(|slot| !slot.statements.is_empty());
    let layers: Vec<Layer<N>> = groups.iter().filter(|group| stays(group.slot)).copied().collect();
    let mut drafts = Drafts::default();
    let flat: Flattened<N> = flatten::flatten(&layers, &slots, &mut drafts);
    SettledRanges { slots, groups, drafts, flat }
}

impl<N: Number> SettledRanges<N> {
    fn remember(&self, sort: KeySort, key: impl Fn(u128, u128) -> Vec<u8>, remembering: &mut Remembering) {
        let numbers = remembering.numbers(&self.slots);
        for group in &self.groups {
            let rows = numbers.get(group.slot as usize).map_or(&[][..], Vec::as_slice);
            if !rows.is_empty() {
                let key = key(group.first.into(), group.last.into());
                rows.iter().for_each(|row| remembering.push(sort, &key, *row));
            }
        }
    }
}
