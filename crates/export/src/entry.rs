//! What the live sightings of an entry say. Most entries of a set of records say the same, so that it is
//! worked out once for all of them.

use crate::statement::{Judge, Statement};
use rapsheet_snapshot::{Entry, FeedId, Index, Part, Sighting, TimesRef};
use std::rc::Rc;

/// What an entry says of itself.
pub(crate) struct Stated {
    /// Its live sightings of chosen feeds.
    pub(crate) live: Vec<Sighting>,
    /// The feeds whose licence keeps out what would be written of them.
    pub(crate) restricted: Vec<FeedId>,
    /// What they say of the entry: of a name itself, without those below it.
    pub(crate) here: Option<Rc<Statement>>,
    /// What they say of the names below a name.
    pub(crate) below: Option<Rc<Statement>>,
}

impl Stated {
    fn new(judge: &Judge, part: Part, sightings: &mut dyn Iterator<Item = Sighting>) -> Stated {
        let live: Vec<Sighting> = sightings.filter(|sighting| judge.live(sighting)).collect();
        let restricted =
            live.iter().filter(|sighting| judge.is_restricted(sighting) && judge.is_wanted(sighting));
        let restricted = restricted.map(|sighting| sighting.feed).collect();
        let is_name = part == Part::Names;
        let here = match is_name {
            true => judge.statement(&covering(&live, false)),
            false => judge.statement(&live),
        };
        let below = if is_name { judge.statement(&covering(&live, true)) } else { None };
        Stated { live, restricted, here: here.map(Rc::new), below: below.map(Rc::new) }
    }
}

/// The sightings that hold for a name, or for those below it.
pub(crate) fn covering(sightings: &[Sighting], is_below: bool) -> Vec<Sighting> {
    sightings.iter().copied().filter(|sighting| sighting.scope.covers(is_below)).collect()
}

/// What the entries of a set say, as far as that is known.
#[derive(Clone, Default)]
enum SetStated {
    #[default]
    Unasked,
    /// Its entries have times of their own.
    Differs,
    Same(Rc<Stated>),
}

/// What entries say, worked out once for all of a set that say the same.
pub(crate) struct Memo<'s> {
    index: Index<'s>,
    /// By the number of the set.
    sets: Vec<SetStated>,
}

impl<'s> Memo<'s> {
    pub(crate) fn new(index: Index<'s>) -> Memo<'s> {
        Memo { index, sets: vec![SetStated::Unasked; index.set_count()] }
    }

    /// What an entry says, if that was worked out for its set. `has_defaults` says whether its sightings are
    /// those of its set, but for times of its own.
    pub(crate) fn known(&self, entry: Entry, has_defaults: bool) -> Option<Rc<Stated>> {
        match self.sets.get(self.index.set_of(entry) as usize) {
            Some(SetStated::Same(same)) if has_defaults => Some(Rc::clone(same)),
            _ => None,
        }
    }

    /// What an entry says that has these sightings, and is not yet [known](Memo::known).
    pub(crate) fn stated(
        &mut self,
        judge: &Judge,
        entry: Entry,
        has_defaults: bool,
        sightings: &mut dyn Iterator<Item = Sighting>,
    ) -> Rc<Stated> {
        let stated = Rc::new(Stated::new(judge, entry.part, sightings));
        let set = self.index.set_of(entry);
        let has_own = || self.index.records_of(set).any(|record| record.times == TimesRef::Own);
        if let Some(unasked @ SetStated::Unasked) = self.sets.get_mut(set as usize).filter(|_| has_defaults) {
            *unasked = if has_own() { SetStated::Differs } else { SetStated::Same(Rc::clone(&stated)) };
        }
        stated
    }
}
