//! The models of rows: whether a row is what was to be expected, and what a new one states.

use crate::coder::{Bit, Coder};
use crate::delta::fields_model::FieldsModel;
use crate::number::Symbols;
use rapsheet_assemble::Row;
use rapsheet_snapshot::{ListKind, Scope};

/// What was found of the rows of a key so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// There was none.
    #[default]
    Unmet,
    /// All were as expected.
    Expected,
    /// Some was not.
    Changed,
}

/// How many ages of rows are told apart.
const AGES: usize = 4;
/// Below how many seconds a row is of the first ages. The younger a row, the sooner it goes.
const AGE_LIMITS: [u32; AGES - 1] = [129_600, 4 * 86_400, 16 * 86_400];
/// How many predictions there are of the rows of a feed: by the row before, by the key, by age.
const EXPECTATIONS: usize = 2 * 3 * AGES;
/// How many there are of keys that get more rows, of each feed that their first row is of: by what else
/// changed.
const GAINS: usize = 3;

/// What an unexpected row becomes.
const REMOVED: u32 = 0;
const SAME: u32 = 1;
const STATED: u32 = 2;

/// The models of all rows of a part.
#[derive(Debug)]
pub(crate) struct RowModel {
    feeds: Vec<FeedModel>,
    /// When the earlier snapshot was built, as it stores times.
    built_at: u32,
    /// Whether keys come before a key, by whether one did just now.
    is_new: [Bit; 2],
    was_new: bool,
    /// Whether a new key has another row; whether another one follows those that a key got.
    has_more: [Bit; 2],
    gains_alone: [Bit; GAINS],
    feed_of_new: [Symbols; 2],
}

/// The models of a feed's rows.
#[derive(Clone, Debug)]
struct FeedModel {
    expectations: [Bit; EXPECTATIONS],
    /// Whether its last row was as expected.
    was_expected: bool,
    outcomes: Symbols,
    gains: [Bit; GAINS],
    is_allow: Bit,
    scopes: Symbols,
    fields: FieldsModel,
}

impl RowModel {
    /// For so many feeds, and snapshots that were built at these instants.
    pub(crate) fn new(feeds: usize, built_at: u32, built_at_now: u32) -> RowModel {
        let fields = FieldsModel::new(built_at_now);
        let feed = FeedModel {
            expectations: [Bit::default(); EXPECTATIONS],
            was_expected: true,
            outcomes: Symbols::new(2),
            gains: [Bit::default(); GAINS],
            is_allow: Bit::default(),
            scopes: Symbols::new(2),
            fields,
        };
        RowModel {
            feeds: vec![feed; feeds],
            built_at,
            is_new: [Bit::default(); 2],
            was_new: false,
            has_more: [Bit::default(); 2],
            gains_alone: [Bit::default(); GAINS],
            feed_of_new: [0; 2].map(|_| Symbols::below(feeds)),
        }
    }

    /// Codes whether another key comes before the next one of the earlier snapshot.
    pub(crate) fn is_new_key(&mut self, coder: &mut impl Coder, is_new: bool) -> bool {
        let [after_old, after_new] = &mut self.is_new;
        self.was_new = coder.bit(if self.was_new { after_new } else { after_old }, is_new);
        self.was_new
    }

    /// Codes whether a new key has another row.
    pub(crate) fn has_more(&mut self, coder: &mut impl Coder, has_more: bool) -> bool {
        let [of_new, _] = &mut self.has_more;
        coder.bit(of_new, has_more)
    }

    /// Codes whether a key of the earlier snapshot gets another row: the first one, or one more. `feed` is
    /// that of its first row.
    pub(crate) fn gains(
        &mut self,
        coder: &mut impl Coder,
        (feed, state): (Option<u16>, KeyState),
        is_first: bool,
        gains: bool,
    ) -> bool {
        if !is_first {
            let [_, of_gains] = &mut self.has_more;
            return coder.bit(of_gains, gains);
        }
        let of_feed = feed.and_then(|feed| self.feeds.get_mut(usize::from(feed)));
        let models = of_feed.map_or(&mut self.gains_alone, |feed| &mut feed.gains);
        models.get_mut(state as usize).is_some_and(|model| coder.bit(model, gains))
    }

    /// Codes what a row of the earlier snapshot, with the number that its feed has now, is in the new one.
    /// `expected` is what its class becomes. An encoder is given what it is.
    pub(crate) fn kept(
        &mut self,
        coder: &mut impl Coder,
        (row, expected): (&Row, Option<Row>),
        state: &mut KeyState,
        actual: Option<Row>,
    ) -> Option<Row> {
        let age = self.built_at.saturating_sub(row.fields.first_seen);
        let age = AGE_LIMITS.iter().filter(|limit| age >= **limit).count();
        let feed = self.feeds.get_mut(usize::from(row.feed))?;
        let context = (usize::from(feed.was_expected) * 3 + *state as usize) * AGES + age;
        let is_other = feed.expectations.get_mut(context).is_some_and(|model| {
            coder.bit(model, actual.map(|row| row.fields) != expected.map(|row| row.fields))
        });
        feed.was_expected = !is_other;
        if !is_other {
            *state = (*state).max_state(KeyState::Expected);
            return expected;
        }
        *state = KeyState::Changed;
        let outcome = match actual {
            None => REMOVED,
            Some(actual) if actual.fields == row.fields => SAME,
            Some(_) => STATED,
        };
        match feed.outcomes.code(coder, outcome) {
            REMOVED => None,
            SAME => Some(*row),
            _ => {
                let fields = feed.fields.code(coder, actual.map_or(row.fields, |row| row.fields));
                Some(Row { fields, ..*row })
            }
        }
    }

    /// Codes a row that the key did not have before. `is_gain` is whether the earlier snapshot has the key.
    ///
    /// # Errors
    /// There is no such feed.
    pub(crate) fn new_row(
        &mut self,
        coder: &mut impl Coder,
        is_gain: bool,
        row: Row,
    ) -> Result<Row, &'static str> {
        let [of_new, of_gains] = &mut self.feed_of_new;
        let number = (if is_gain { of_gains } else { of_new }).code(coder, row.feed.into()) as u16;
        let feed = self.feeds.get_mut(usize::from(number)).ok_or("a feed that does not exist")?;
        let is_allow = coder.bit(&mut feed.is_allow, row.list == ListKind::Allow);
        let list = if is_allow { ListKind::Allow } else { ListKind::Block };
        let scope = match feed.scopes.code(coder, row.scope as u32) {
            0 => Scope::Exact,
            1 => Scope::Tree,
            _ => Scope::Subdomains,
        };
        let fields = feed.fields.code(coder, row.fields);
        Ok(Row { feed: number, list, scope, fields })
    }
}

impl KeyState {
    /// The one of two states that says more.
    fn max_state(self, other: KeyState) -> KeyState {
        if self as u8 >= other as u8 { self } else { other }
    }
}
