//! When each feed of a snapshot confirmed what it lists.

use crate::builds::{Build, FeedDates};
use crate::manifest::BuildId;
use rapsheet_snapshot::{Entry, Error, FeedId, FeedRecord, Mode, Part, Snapshot, Time, TimesRef, TooLarge};
use std::collections::HashMap;

/// Feeds with more distinct dates confirm no list as a whole, and what they confirm is not counted any
/// further.
const DATES_MAX: usize = 1 << 12;

/// How often a feed has a date.
#[derive(Clone, Debug, Default)]
struct Counts {
    dates: HashMap<u32, u64>,
    newest: Option<u32>,
}

impl Counts {
    fn add(&mut self, date: u32, times: u64) {
        self.newest = self.newest.max(Some(date));
        if let Some(counted) = self.dates.get_mut(&date) {
            *counted += times;
        } else if self.dates.len() < DATES_MAX {
            self.dates.insert(date, times);
        }
    }

    /// The date of most rows. That of the build before stays while no other has twice as many: rows whose
    /// date is no longer the usual one are stated anew.
    fn usual(&mut self, before: Option<u32>) -> Option<u32> {
        let most = self.dates.iter().max_by_key(|(date, count)| (**count, **date));
        let kept = before.and_then(|date| self.dates.get_key_value(&date));
        let usual = match (most, kept) {
            (Some(most), Some(kept)) if *most.1 <= 2 * *kept.1 => Some(kept),
            (most, _) => most,
        };
        usual.map(|(date, _)| *date)
    }
}

/// The feeds of a snapshot: their numbers in the history, and what they were at the build before.
pub(crate) struct FeedNumbers {
    numbers: Vec<u16>,
}

impl FeedNumbers {
    /// Finds the feeds of a snapshot, by their ids, among those of the history. New ones are added there.
    ///
    /// # Errors
    /// There are more than 65,535 feeds.
    pub(crate) fn new(snapshot: &Snapshot, ids: &mut Vec<String>) -> Result<FeedNumbers, TooLarge> {
        let mut known: HashMap<String, u16> = ids.iter().cloned().zip(0..).collect();
        let mut numbers = Vec::new();
        for feed in &snapshot.origin().feeds {
            let number = match known.get(&feed.id) {
                Some(number) => *number,
                None => {
                    TooLarge::check("history", "feeds", ids.len() as u64, u64::from(u16::MAX) - 2)?;
                    ids.push(feed.id.clone());
                    known.insert(feed.id.clone(), (ids.len() - 1) as u16);
                    (ids.len() - 1) as u16
                }
            };
            numbers.push(number);
        }
        Ok(FeedNumbers { numbers })
    }

    /// The number in the history of a feed of the snapshot.
    pub(crate) fn get(&self, feed: u16) -> Option<u16> {
        self.numbers.get(usize::from(feed)).copied()
    }
}

/// A snapshot as a build of a history, given the build before.
pub(crate) fn describe(
    snapshot: &Snapshot,
    id: BuildId,
    numbers: &FeedNumbers,
    before: Option<&Build>,
) -> Result<Build, Error> {
    let feeds = &snapshot.origin().feeds;
    let mut counts = vec![Counts::default(); feeds.len()];
    Part::ALL.into_iter().try_for_each(|part| count(snapshot, part, &mut counts))?;
    let of_feed = |((feed, counts), number): ((&FeedRecord, &mut Counts), &u16)| {
        let before = before.and_then(|build| build.feeds.iter().find(|before| before.feed == *number));
        let date = counts.usual(before.and_then(|before| before.date));
        let update_time = feed.traits().update_time.map(Time::stored);
        let own_time = own_time(feed, counts.newest, update_time, before);
        FeedDates {
            feed: *number,
            date,
            own_time,
            update_time,
            newest_seen: before.and_then(|before| before.newest_seen),
        }
    };
    let feeds = feeds.iter().zip(&mut counts).zip(&numbers.numbers).map(of_feed).collect();
    Ok(Build { id, feeds })
}

/// Counts the dates of the entries of a part: those that share a set of records together.
fn count(snapshot: &Snapshot, part: Part, counts: &mut [Counts]) -> Result<(), Error> {
    let (index, mut uses) = (snapshot.index(), Vec::new());
    uses.resize(index.set_count(), 0u64);
    let mut limit = index.walk_limit();
    let mut add = |feed: FeedId, date: Time, times: u64| {
        let counts = counts.get_mut(usize::from(feed.0));
        counts.into_iter().for_each(|counts| counts.add(date.stored(), times));
    };
    let is_own = |set: u32| index.records_of(set).any(|record| record.times == TimesRef::Own);
    let own: Vec<bool> = (0..uses.len() as u32).map(is_own).collect();
    // Ordinals have 32 bits.
    for ordinal in 0..snapshot.count(part.sets()) as u32 {
        let entry = Entry { part, ordinal };
        if !index.is_entry(entry) {
            continue;
        }
        let set = index.set_of(entry) as usize;
        uses.get_mut(set).into_iter().for_each(|uses| *uses += 1);
        if own.get(set) == Some(&true) {
            if !limit.take(index.sighting_count(entry)) {
                return Err(snapshot.unwalkable(part));
            }
            let times = index.confirmations(entry);
            times.for_each(|(record, times)| add(record.feed, times.detect_time, 1));
        }
    }
    let shared = (0u32..).zip(uses).zip(own).filter(|((_, uses), is_own)| *uses > 0 && !is_own);
    for ((set, uses), _) in shared {
        for record in index.records_of(set) {
            if let TimesRef::Shared(row) = record.times
                && let Some(times) = index.shared_times(row)
            {
                add(record.feed, times.detect_time, uses);
            }
        }
    }
    Ok(())
}

/// The own time of the download that a snapshot holds of a feed. A list without rows may be one from which
/// everything is gone, and its rows of earlier downloads do not date it.
fn own_time(
    feed: &FeedRecord,
    newest: Option<u32>,
    update_time: Option<u32>,
    before: Option<&FeedDates>,
) -> Option<u32> {
    let update_time = update_time?;
    if let Some(before) = before.filter(|before| before.update_time == Some(update_time)) {
        return before.own_time;
    }
    let is_new = |time: &u32| !feed.keep_absent || before.is_none_or(|before| before.own_time < Some(*time));
    let stated = newest.filter(|_| feed.traits().mode == Mode::Reset).filter(is_new);
    Some(stated.unwrap_or(update_time).min(update_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(dates: &[(u32, u64)], before: Option<u32>) -> Option<u32> {
        let mut counts = Counts::default();
        for (date, count) in dates {
            counts.add(*date, *count);
        }
        counts.usual(before)
    }

    #[test]
    fn the_date_of_most_rows_is_usual_and_stays_for_a_while() {
        assert_eq!(usual(&[], Some(1)), None);
        assert_eq!(usual(&[(1, 2), (2, 3), (1, 2)], None), Some(1));
        assert_eq!(usual(&[(1, 3), (2, 6)], Some(1)), Some(1));
        assert_eq!(usual(&[(1, 3), (2, 7)], Some(1)), Some(2));
        assert_eq!(usual(&[(1, 3), (2, 7)], Some(9)), Some(2));
    }
}
