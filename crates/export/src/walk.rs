//! Visits the live entries of a snapshot: addresses, names, then URLs, each in the order of the file.

use crate::entry::{Memo, Stated, covering};
use crate::format::{Detail, Format, NAME_MAX};
use crate::loss::{LossKind, Losses};
use crate::rank::Cut;
use crate::statement::{Judge, Statement};
use crate::{ExportError, Indicator, Visit, host};
use rapsheet_snapshot::{
    AddressRange, Entry, Kinds, ListKind, Part, Scope, Sighting, SightingWalk, Snapshot,
};
use std::collections::HashSet;
use std::io;
use std::rc::Rc;

/// Visits what the chosen feeds list and `judge` finds live.
pub(crate) fn walk(
    snapshot: &Snapshot,
    format: &Format,
    (judge, cut): (&Judge, Cut),
    losses: &mut Losses,
    visit: &mut Visit<'_>,
) -> Result<(), ExportError> {
    let memo = Memo::new(snapshot.index());
    let barred = HashSet::new();
    let mut walk = Walk { snapshot, format, judge, cut, losses, memo, barred, visit, result: Ok(()) };
    walk.find_barred()?;
    walk.addresses(AddressRange::V4 { first: 0, last: u32::MAX }, Part::Ipv4)?;
    walk.addresses(AddressRange::V6 { first: 0, last: u128::MAX }, Part::Ipv6)?;
    walk.names()?;
    walk.urls()?;
    Ok(walk.result?)
}

struct Walk<'w, 'v> {
    snapshot: &'w Snapshot,
    format: &'w Format,
    judge: &'w Judge,
    /// What the limit will let through.
    cut: Cut,
    losses: &'w mut Losses,
    memo: Memo<'w>,
    /// Allowlisted trees below which a block is left out. As exceptions they would let it pass.
    barred: HashSet<Vec<u8>>,
    visit: &'w mut Visit<'v>,
    /// The first error of the output. After it nothing is visited.
    result: io::Result<()>,
}

impl Walk<'_, '_> {
    fn visit(&mut self, indicator: Indicator<'_>, statement: &Rc<Statement>) {
        if self.result.is_ok() {
            self.result = (self.visit)(self.losses, indicator, statement);
        }
    }

    /// Counts what is not written of an entry because of licences: the entry, or what a feed says of it in a format
    /// that says who says it.
    fn restricted(&mut self, indicator: Indicator<'_>, stated: &Stated, is_written: bool) {
        if stated.restricted.is_empty() {
            return;
        }
        let is_lost = match is_written {
            true => self.format.detail == Detail::Full,
            false => self.judge.says_anything(&stated.live),
        };
        if is_lost {
            self.losses.add(LossKind::Restricted, &stated.restricted, &indicator);
        }
    }

    /// Refuses a part that claims more than its length can hold.
    fn checked(&self, is_sound: bool, part: Part) -> Result<(), ExportError> {
        if is_sound { Ok(()) } else { Err(ExportError::Snapshot(self.snapshot.unwalkable(part))) }
    }

    fn addresses(&mut self, space: AddressRange, part: Part) -> Result<(), ExportError> {
        let index = self.snapshot.index();
        let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
        index.each_address(space, |range, entry| {
            let has_defaults = walk.has_defaults(entry);
            if let Some(stated) = self.memo.known(entry, has_defaults) {
                is_whole = is_whole && limit.take(1);
                if is_whole {
                    self.range(range, &stated);
                }
                return;
            }
            walk.each_piece(range, entry, |piece, sightings| {
                is_whole = is_whole && limit.take(1 + index.sighting_count(entry));
                if is_whole {
                    let stated = self.memo.stated(self.judge, entry, has_defaults, sightings);
                    self.range(piece, &stated);
                }
            });
        });
        self.checked(is_whole, part)
    }

    fn range(&mut self, range: AddressRange, stated: &Stated) {
        self.restricted(Indicator::Range(range), stated, stated.here.is_some());
        if let Some(statement) = &stated.here {
            self.visit(Indicator::Range(range), statement);
        }
    }

    /// What an entry of names or URLs says.
    fn stated(&mut self, walk: &mut SightingWalk<'_>, entry: Entry) -> Rc<Stated> {
        let has_defaults = walk.has_defaults(entry);
        let known = self.memo.known(entry, has_defaults);
        known.unwrap_or_else(|| self.memo.stated(self.judge, entry, has_defaults, &mut walk.sightings(entry)))
    }

    fn names(&mut self) -> Result<(), ExportError> {
        let index = self.snapshot.index();
        let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
        let (mut ancestors, mut name) = (Ancestors::default(), String::new());
        let is_sound = index.each_name(|reversed, entry| {
            is_whole = is_whole && limit.take(1 + index.sighting_count(entry));
            if is_whole {
                let stated = self.stated(&mut walk, entry);
                name.clear();
                name.extend(reversed.iter().rev().map(|byte| char::from(*byte)));
                self.name(&name, reversed, ancestors.enter(reversed), &stated);
                ancestors.add(reversed, &stated);
            }
        });
        self.checked(is_sound && is_whole, Part::Names)
    }

    /// Visits a name, given what it inherits from the names above it.
    fn name(&mut self, name: &str, reversed: &[u8], inherited: Option<&[Sighting]>, stated: &Stated) {
        let (here, mut below) = self.here_and_below(inherited, stated);
        self.restricted(
            Indicator::Name { name, scope: Scope::Exact },
            stated,
            here.is_some() || below.is_some(),
        );
        if let Some(exception) = below.take_if(|below| self.is_barred(reversed, below)) {
            let indicator = Indicator::Name { name, scope: Scope::Subdomains };
            self.losses.add(LossKind::Exception, &exception.feeds, &indicator);
        }
        match (here, below) {
            (Some(here), Some(below)) if self.is_one(&here, &below) => {
                self.visit(Indicator::Name { name, scope: Scope::Tree }, &here);
            }
            (here, below) => {
                for (scope, statement) in [(Scope::Exact, here), (Scope::Subdomains, below)] {
                    if let Some(statement) = statement {
                        self.visit(Indicator::Name { name, scope }, &statement);
                    }
                }
            }
        }
    }

    /// What holds for a name, and what for the names below it.
    fn here_and_below(
        &self,
        inherited: Option<&[Sighting]>,
        stated: &Stated,
    ) -> (Option<Rc<Statement>>, Option<Rc<Statement>>) {
        match inherited {
            None => (stated.here.clone(), stated.below.clone()),
            Some(inherited) => (self.joint(stated, inherited, false), self.joint(stated, inherited, true)),
        }
    }

    fn is_barred(&self, reversed: &[u8], below: &Statement) -> bool {
        below.list == ListKind::Allow && self.barred.contains(reversed)
    }

    /// Finds the allowlisted trees that may not become exceptions. It takes a walk of its own, because a tree comes
    /// before what is below it.
    fn find_barred(&mut self) -> Result<(), ExportError> {
        let leaves_out =
            self.judge.leaves_out() || self.cut != Cut::Nothing || self.format.longest_name < NAME_MAX;
        if !(leaves_out && self.format.exceptions && self.format.kinds.intersects(Kinds::NAME)) {
            return Ok(());
        }
        let index = self.snapshot.index();
        let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
        let mut ancestors = Ancestors::default();
        let is_sound = index.each_name(|reversed, entry| {
            is_whole = is_whole && limit.take(1 + index.sighting_count(entry));
            if is_whole {
                let stated = self.stated(&mut walk, entry);
                let both = self.here_and_below(ancestors.enter(reversed), &stated);
                if self.leaves_out_block(reversed, &stated, &both) {
                    self.barred.extend(ancestors.allowed_above(reversed).map(<[u8]>::to_vec));
                }
                ancestors.add(reversed, &stated);
            }
        });
        self.checked(is_sound && is_whole, Part::Names)
    }

    /// Whether a block of a name, or of those below it, is not written.
    fn leaves_out_block(
        &self,
        reversed: &[u8],
        stated: &Stated,
        (here, below): &(Option<Rc<Statement>>, Option<Rc<Statement>>),
    ) -> bool {
        let is_long = reversed.len() > self.format.longest_name;
        let is_written = |statement: &Option<Rc<Statement>>| {
            !is_long && statement.as_ref().is_some_and(|statement| self.cut.surely_takes(statement))
        };
        [(false, here), (true, below)].into_iter().any(|(is_below, statement)| {
            let blocks =
                |sighting: &Sighting| sighting.list == ListKind::Block && sighting.scope.covers(is_below);
            stated.live.iter().any(blocks) && !is_written(statement)
        })
    }

    /// What a name and those above it say together; `None` also where only those above say anything.
    fn joint(&self, stated: &Stated, inherited: &[Sighting], is_below: bool) -> Option<Rc<Statement>> {
        let mut all = covering(&stated.live, is_below);
        if all.is_empty() {
            return None;
        }
        all.extend_from_slice(inherited);
        self.judge.statement(&all).map(Rc::new)
    }

    /// Whether one entry says both.
    fn is_one(&self, here: &Statement, below: &Statement) -> bool {
        match self.format.detail {
            Detail::Full => here == below,
            _ => here.list == below.list,
        }
    }

    fn urls(&mut self) -> Result<(), ExportError> {
        let index = self.snapshot.index();
        let (mut walk, mut limit, mut is_whole) = (index.sighting_walk(), index.walk_limit(), true);
        let is_sound = index.each_url(|url, entry| {
            is_whole = is_whole && limit.take(1 + index.sighting_count(entry));
            if is_whole {
                let stated = self.stated(&mut walk, entry);
                self.url(&String::from_utf8_lossy(url), &stated);
            }
        });
        self.checked(is_sound && is_whole, Part::Urls)
    }

    /// Visits a URL, with what its host inherits to it.
    fn url(&mut self, url: &str, stated: &Stated) {
        let mut inherited = host::sightings(&self.snapshot.index(), url);
        inherited.retain(|sighting| self.judge.live(sighting));
        let statement = match inherited.is_empty() {
            true => stated.here.clone(),
            false => self.joint(stated, &inherited, false),
        };
        self.restricted(Indicator::Url(url), stated, statement.is_some());
        if let Some(statement) = statement {
            self.visit(Indicator::Url(url), &statement);
        }
    }
}

/// The listed ancestors of a name, each with what holds for all names below it.
#[derive(Default)]
struct Ancestors(Vec<(Vec<u8>, Vec<Sighting>)>);

impl Ancestors {
    /// What a name inherits; `None` for nothing. Names come in the order of their reversed bytes, so that
    /// names that begin alike come in a row: `moc.a`, `moc.a-b`, `moc.a.b`.
    fn enter(&mut self, reversed: &[u8]) -> Option<&[Sighting]> {
        while self.0.last().is_some_and(|(before, _)| !reversed.starts_with(before)) {
            self.0.pop();
        }
        let is_below = |ancestor: &[u8]| reversed.get(ancestor.len()) == Some(&b'.');
        self.0
            .iter()
            .rev()
            .find(|(ancestor, _)| is_below(ancestor))
            .map(|(_, sightings)| sightings.as_slice())
    }

    /// The names above the one that was entered last below which everything is allowed.
    fn allowed_above(&self, reversed: &[u8]) -> impl Iterator<Item = &[u8]> {
        let is_above = |ancestor: &[u8]| reversed.get(ancestor.len()) == Some(&b'.');
        let allows =
            |sightings: &[Sighting]| sightings.iter().all(|sighting| sighting.list == ListKind::Allow);
        self.0
            .iter()
            .filter(move |(ancestor, sightings)| is_above(ancestor) && allows(sightings))
            .map(|(ancestor, _)| ancestor.as_slice())
    }

    /// Adds the name that was entered last.
    fn add(&mut self, reversed: &[u8], stated: &Stated) {
        let mut below = covering(&stated.live, true);
        if !below.is_empty() {
            below.extend_from_slice(self.enter(reversed).unwrap_or_default());
            self.0.push((reversed.to_vec(), below));
        }
    }
}

/// The trees that were written, so that what they cover is not written again.
#[derive(Default)]
pub(crate) struct Trees(Vec<String>);

impl Trees {
    /// Whether a tree that was written covers this name. Names come in the order of their reversed bytes.
    pub(crate) fn cover(&mut self, name: &str) -> bool {
        while self.0.last().is_some_and(|tree| !name.ends_with(tree.as_str())) {
            self.0.pop();
        }
        let is_below =
            |tree: &String| name.strip_suffix(tree.as_str()).is_some_and(|rest| rest.ends_with('.'));
        self.0.iter().any(is_below)
    }

    /// Notes what was written.
    pub(crate) fn add(&mut self, name: &str, scope: Scope, list: ListKind) {
        if scope != Scope::Exact && list == ListKind::Block {
            self.0.push(name.to_owned());
        }
    }
}
