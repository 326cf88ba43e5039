//! What changed from an older snapshot: the entries of each feed that came, and those that went.

use crate::feeds::{Feeds, Position};
use crate::walk::{Lister, Visitor, walk};
use crate::{LedgerError, Options};
use rapsheet_query::{Change, SightingData, diff};
use rapsheet_snapshot::Snapshot;
use std::collections::HashMap;

/// How the entries of a feed changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Churn {
    /// How many entries were live when the older snapshot was built.
    pub before: u64,
    /// How many are live now.
    pub after: u64,
    /// How many of those of now were not among those of before.
    pub added: u64,
    /// How many of those of before are not among those of now.
    pub removed: u64,
}

impl Churn {
    /// Of all entries of before and of now, which share is in one of them alone: 0 if nothing changed, 1 if
    /// nothing stayed.
    pub fn share(&self) -> Option<f64> {
        let all = self.before.saturating_add(self.after);
        (all > 0).then(|| self.added.saturating_add(self.removed) as f64 / all as f64)
    }
}

/// Compares each feed with itself in an older snapshot, in the order of
/// [`Ledger::feeds`](crate::Ledger::feeds). A feed that the older one does not have had no entries.
///
/// It takes some thirty bytes for each entry of the older snapshot, and the texts of its names and URLs.
///
/// # Errors
/// One of the snapshots is corrupt, or the chosen feeds are too many.
pub fn churn(old: &Snapshot, new: &Snapshot, options: &Options) -> Result<Vec<Churn>, LedgerError> {
    let feeds = Feeds::new(new, options)?;
    let mut churns: Vec<Churn> =
        entries(new, &feeds)?.into_iter().map(|after| Churn { after, ..Churn::default() }).collect();
    let records = feeds.ids().iter().map(|id| new.feed(*id).map_or("", |feed| feed.id.as_str()));
    let positions: HashMap<&str, usize> = records.zip(0..).collect();
    count_before(old, options, &positions, &mut churns)?;
    let retentions = [old, new].map(retentions);
    let [old_retentions, new_retentions] = &retentions;
    let is_live = |data: Option<SightingData>, retention: Option<&i64>, at| {
        data.zip(retention).is_some_and(|(data, retention)| data.times.live(at, *retention))
    };
    diff(old, new, |change: &Change<'_>| {
        let Some(churn) = positions.get(change.feed).and_then(|at| churns.get_mut(*at)) else { return };
        let was_live = is_live(change.before, old_retentions.get(change.feed), old.built_at());
        let is_added = is_live(change.after, new_retentions.get(change.feed), options.now) && !was_live;
        churn.added += u64::from(is_added && change.list == options.list);
    })?;
    for churn in &mut churns {
        churn.removed = churn.before.saturating_sub(churn.after.saturating_sub(churn.added));
    }
    Ok(churns)
}

/// Sets how many entries the feeds had when the older snapshot was built.
fn count_before(
    old: &Snapshot,
    options: &Options,
    positions: &HashMap<&str, usize>,
    churns: &mut [Churn],
) -> Result<(), LedgerError> {
    let compared = old.origin().feeds.iter().map(|feed| positions.contains_key(feed.id.as_str()));
    let mut before = Options::new(old.built_at());
    (before.feeds, before.list) = (Some(compared.collect()), options.list);
    let feeds = Feeds::new(old, &before)?;
    for (id, entries) in feeds.ids().iter().zip(entries(old, &feeds)?) {
        let position = old.feed(*id).and_then(|feed| positions.get(feed.id.as_str()));
        let churn = position.and_then(|at| churns.get_mut(*at));
        churn.into_iter().for_each(|churn| churn.before = entries);
    }
    Ok(())
}

fn retentions(snapshot: &Snapshot) -> HashMap<&str, i64> {
    snapshot.origin().feeds.iter().map(|feed| (feed.id.as_str(), feed.retention_seconds)).collect()
}

/// The number of entries of each feed.
fn entries(snapshot: &Snapshot, feeds: &Feeds) -> Result<Vec<u64>, LedgerError> {
    let mut counts = EntryCounts(vec![0; feeds.len()]);
    walk(snapshot, feeds, &mut counts)?;
    Ok(counts.0)
}

struct EntryCounts(Vec<u64>);

impl Visitor for EntryCounts {
    fn indicators(&mut self, listers: &[Lister], _: &[Position], count: u64) {
        for lister in listers {
            let sum = self.0.get_mut(usize::from(lister.feed));
            sum.into_iter().for_each(|sum| *sum = sum.saturating_add(count));
        }
    }

    fn addresses(&mut self, _: &[Position], _: u64) {}
}
