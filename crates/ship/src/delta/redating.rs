//! What becomes of the rows of the earlier snapshot that nothing else is said of.
//!
//! A feed that confirms its list gives all of its rows a new detect_time. Rows of a feed that state the same
//! but for when they were first seen are a class, and a few bytes say what most rows of a class become. The
//! others are told one by one.

use crate::coder::{Bit, Coder, Decoder};
use crate::number::Numbers;
use rapsheet_assemble::{Fields, Row};
use rapsheet_snapshot::ListKind;
use std::collections::{BTreeMap, HashMap};

/// Rows of a feed of the new snapshot that state the same but for first_seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Class {
    feed: u16,
    list: ListKind,
    stated: Stated,
}

/// What the rows of a class state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stated {
    detect_time: u32,
    expiry: Option<u32>,
    assessments: u16,
}

impl From<Fields> for Stated {
    fn from(fields: Fields) -> Stated {
        let Fields { assessments, detect_time, expiry, .. } = fields;
        Stated { detect_time, expiry, assessments }
    }
}

/// What a row becomes: it is removed, or states this.
pub(crate) type Outcome = Option<Stated>;

/// How many classes a delta tells of at most.
const CLASSES_MAX: usize = 1 << 16;
/// How many more rows must become something else than stay the same.
const GAIN_MIN: u64 = 3;

/// What becomes of rows.
#[derive(Debug, Default)]
pub(crate) struct Redating {
    /// The number in the earlier snapshot of each feed of the new one.
    feeds: Vec<Option<u16>>,
    /// The number in the new snapshot of each feed of the earlier one.
    feeds_now: Vec<Option<u16>>,
    /// The classes whose rows do not stay the same, sorted.
    outcomes: Vec<(Class, Outcome)>,
    /// Where those of each feed begin: mostly there are few, which are found faster than by a hash.
    begins: Vec<usize>,
}

impl Redating {
    /// For feeds that have these numbers in the earlier snapshot, and classes that become what most of their
    /// rows do.
    pub(crate) fn new(feeds: Vec<Option<u16>>, counts: &Outcomes) -> Redating {
        Redating::of(feeds, counts.best())
    }

    /// For feeds that have these numbers in the earlier snapshot, before anything is known of classes.
    pub(crate) fn of_feeds(feeds: Vec<Option<u16>>) -> Redating {
        Redating::new(feeds, &Outcomes::default())
    }

    /// Of classes that are sorted.
    fn of(feeds: Vec<Option<u16>>, outcomes: Vec<(Class, Outcome)>) -> Redating {
        let count = feeds.iter().flatten().max().map_or(0, |last| usize::from(*last) + 1);
        let mut feeds_now = vec![None; count];
        for (now, before) in (0..).zip(&feeds).filter_map(|(now, before)| Some((now, (*before)?))) {
            feeds_now.get_mut(usize::from(before)).into_iter().for_each(|place| *place = Some(now));
        }
        let begin = |feed: usize| outcomes.partition_point(|(class, _)| usize::from(class.feed) < feed);
        let begins = (0..=feeds.len()).map(begin).collect();
        Redating { feeds, feeds_now, outcomes, begins }
    }

    /// What is told of the classes of a feed.
    #[inline]
    fn outcomes_of(&self, feed: u16) -> &[(Class, Outcome)] {
        let feed = usize::from(feed);
        let begins = self.begins.get(feed).zip(self.begins.get(feed + 1));
        begins.and_then(|(begin, end)| self.outcomes.get(*begin..*end)).unwrap_or(&[])
    }

    /// How many feeds the new snapshot has.
    pub(crate) fn feed_count(&self) -> usize {
        self.feeds.len()
    }

    /// A row of the earlier snapshot with the number that its feed has now; `None` if the feed is gone, and
    /// the row with it.
    #[inline]
    pub(crate) fn renumbered(&self, row: &Row) -> Option<Row> {
        let feed = (*self.feeds_now.get(usize::from(row.feed))?)?;
        Some(Row { feed, ..*row })
    }

    /// What becomes of a renumbered row, unless it is said otherwise; `None` if it is removed.
    #[inline]
    pub(crate) fn predicted(&self, row: &Row) -> Option<Row> {
        let (outcomes, class) = (self.outcomes_of(row.feed), class_of(row));
        let found = outcomes.binary_search_by_key(&class, |(class, _)| *class);
        let Some((_, outcome)) = found.ok().and_then(|at| outcomes.get(at)) else { return Some(*row) };
        let Stated { detect_time, expiry, assessments } = (*outcome)?;
        let fields = Fields { assessments, detect_time, expiry, ..row.fields };
        Some(Row { fields, ..*row })
    }

    /// Writes it.
    pub(crate) fn encode(&self, coder: &mut impl Coder) {
        let mut model = Model::default();
        model.counts.code(coder, self.feeds.len() as u128);
        self.feeds.iter().for_each(|before| _ = model.feed(coder, *before));
        model.counts.code(coder, self.outcomes.len() as u128);
        self.outcomes.iter().for_each(|class| _ = model.class(coder, *class));
    }

    /// Reads it.
    ///
    /// # Errors
    /// The bytes are no such thing, or something follows.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Redating, &'static str> {
        let (mut coder, mut model) = (Decoder::new(bytes), Model::default());
        let count = |coder: &mut Decoder<'_>, model: &mut Model| {
            let count = usize::try_from(model.counts.code(coder, 0)).unwrap_or(usize::MAX);
            if count > CLASSES_MAX || coder.is_past_end() {
                Err("too many feeds or classes")
            } else {
                Ok(count)
            }
        };
        let feeds = count(&mut coder, &mut model)?;
        let feeds = (0..feeds).map(|_| model.feed(&mut coder, None)).collect();
        let classes = count(&mut coder, &mut model)?;
        let none = (Class { feed: 0, list: ListKind::Block, stated: Stated::default() }, None);
        let outcomes: Vec<_> = (0..classes).map(|_| model.class(&mut coder, none)).collect();
        if !outcomes.is_sorted_by(|(before, _), (class, _)| before < class) {
            return Err("classes that are out of order");
        }
        let redating = Redating::of(feeds, outcomes);
        if coder.is_at_end() { Ok(redating) } else { Err("feeds and classes of another length") }
    }
}

fn class_of(row: &Row) -> Class {
    Class { feed: row.feed, list: row.list, stated: row.fields.into() }
}

/// The models of feeds and classes. Each number is near that of the class before.
#[derive(Default)]
struct Model {
    counts: Numbers,
    feeds: Numbers,
    is_new: Bit,
    next_feed: u16,
    last: Option<Class>,
    last_outcome: Stated,
    class_feeds: Numbers,
    is_allow: Bit,
    is_removed: Bit,
    before: StatedModel,
    after: StatedModel,
}

impl Model {
    fn feed(&mut self, coder: &mut impl Coder, before: Option<u16>) -> Option<u16> {
        if coder.bit(&mut self.is_new, before.is_none()) {
            return None;
        }
        let near = u32::from(self.next_feed);
        let number = self.feeds.code_near(coder, u32::from(before.unwrap_or(0)), near) as u16;
        self.next_feed = number.wrapping_add(1);
        Some(number)
    }

    fn class(&mut self, coder: &mut impl Coder, (class, outcome): (Class, Outcome)) -> (Class, Outcome) {
        let none = Class { feed: 0, list: ListKind::Block, stated: Stated::default() };
        let last = self.last.unwrap_or(none);
        let feed = self.class_feeds.code_near(coder, class.feed.into(), last.feed.into()) as u16;
        let is_allow = coder.bit(&mut self.is_allow, class.list == ListKind::Allow);
        let list = if is_allow { ListKind::Allow } else { ListKind::Block };
        let stated = self.before.code(coder, class.stated, last.stated);
        let class = Class { feed, list, stated };
        self.last = Some(class);
        if coder.bit(&mut self.is_removed, outcome.is_none()) {
            return (class, None);
        }
        let stated = self.after.code(coder, outcome.unwrap_or_default(), self.last_outcome);
        self.last_outcome = stated;
        (class, Some(stated))
    }
}

/// The models of what rows state.
#[derive(Default)]
struct StatedModel {
    detect_time: Numbers,
    has_expiry: Bit,
    expiry: Numbers,
    assessments: Numbers,
}

impl StatedModel {
    fn code(&mut self, coder: &mut impl Coder, stated: Stated, last: Stated) -> Stated {
        let detect_time = self.detect_time.code_near(coder, stated.detect_time, last.detect_time);
        let has_expiry = coder.bit(&mut self.has_expiry, stated.expiry.is_some());
        let near = last.expiry.unwrap_or(detect_time);
        let expiry =
            has_expiry.then(|| self.expiry.code_near(coder, stated.expiry.unwrap_or_default(), near));
        let near = u32::from(last.assessments);
        let assessments = self.assessments.code_near(coder, stated.assessments.into(), near) as u16;
        Stated { detect_time, expiry, assessments }
    }
}

/// How many rows of each class become what.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(HashMap<Class, BTreeMap<Outcome, u64>>);

impl Outcomes {
    /// Counts a renumbered row of the earlier snapshot, and what it is in the new one.
    pub(crate) fn count(&mut self, before: &Row, after: Option<&Row>) {
        // A row that was first seen at another time is told by itself, whatever its class becomes.
        if after.is_none_or(|after| after.fields.first_seen == before.fields.first_seen) {
            let outcome = after.map(|after| Stated::from(after.fields));
            *self.0.entry(class_of(before)).or_default().entry(outcome).or_default() += 1;
        }
    }

    /// The classes of which most rows become something else, and what, sorted.
    fn best(&self) -> Vec<(Class, Outcome)> {
        let mut gains: Vec<(u64, Class, Outcome)> = Vec::new();
        for (class, counts) in &self.0 {
            let same = counts.get(&Some(class.stated)).copied().unwrap_or(0);
            let best =
                counts.iter().max_by_key(|(outcome, count)| (**count, **outcome == Some(class.stated)));
            let Some((outcome, count)) = best else { continue };
            if *outcome != Some(class.stated) && *count >= same + GAIN_MIN {
                gains.push((count - same, *class, *outcome));
            }
        }
        gains.sort_unstable_by(|a, b| b.cmp(a));
        gains.truncate(CLASSES_MAX);
        let mut best: Vec<_> = gains.into_iter().map(|(_, class, outcome)| (class, outcome)).collect();
        best.sort_unstable();
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coder::Encoder;

    fn class(feed: u16, detect_time: u32) -> (Class, Outcome) {
        let stated = Stated { detect_time, ..Stated::default() };
        let later = Stated { detect_time: detect_time + 9, ..stated };
        (Class { feed, list: ListKind::Block, stated }, Some(later))
    }

    fn written(outcomes: &[(Class, Outcome)]) -> Vec<u8> {
        let mut encoder = Encoder::new();
        Redating::of(vec![Some(0), Some(1), Some(2)], outcomes.to_vec()).encode(&mut encoder);
        encoder.finish()
    }

    #[test]
    fn rows_become_what_their_class_does() {
        let bytes = written(&[class(0, 5), class(2, 1), class(2, 5), class(2, 7)]);
        let redating = Redating::decode(&bytes).expect("sorted classes");
        for (feed, detect_time, expected) in
            [(0, 5, 14), (0, 6, 6), (1, 5, 5), (2, 5, 14), (2, 7, 16), (2, 8, 8)]
        {
            let fields = Fields { detect_time, first_seen: 3, ..Fields::default() };
            let row = Row { feed, list: ListKind::Block, scope: rapsheet_snapshot::Scope::Exact, fields };
            let becomes = redating.predicted(&row).expect("none is removed");
            assert_eq!(
                (becomes.fields.detect_time, becomes.fields.first_seen),
                (expected, 3),
                "{feed} {detect_time}"
            );
        }
    }

    #[test]
    fn classes_come_in_order_and_once() {
        for outcomes in [[class(2, 1), class(0, 5)], [class(1, 5), class(1, 5)], [class(1, 6), class(1, 5)]] {
            assert_eq!(Redating::decode(&written(&outcomes)).err(), Some("classes that are out of order"));
        }
    }
}
