//! When each feed of a snapshot confirmed what it lists.

use crate::builds::{Build, FeedDates};
use crate::manifest::BuildId;
use rapsheet_assemble::{Ipv4Keys, Ipv6Keys, NameKeys, PartKeys, Row, UrlKeys};
use rapsheet_snapshot::{Error, FeedRecord, Index, Mode, Snapshot, Time};
use std::collections::HashMap;

/// Feeds with more distinct dates confirm no list as a whole, and what they confirm is not counted any further.
const DATES_MAX: usize = 1 << 12;

/// How often a feed has a date.
#[derive(Clone, Debug, Default)]
struct Counts {
    dates: HashMap<u32, u64>,
    newest: Option<u32>,
    /// The last date that was counted. Neighbours mostly have the same.
    last: Option<(u32, u64)>,
}

impl Counts {
    fn add(&mut self, date: u32) {
        self.newest = self.newest.max(Some(date));
        match &mut self.last {
            Some((last, count)) if *last == date => *count += 1,
            _ => {
                self.flush();
                self.last = Some((date, 1));
            }
        }
    }

    fn flush(&mut self) {
        let Some((date, count)) = self.last.take() else { return };
        if let Some(counted) = self.dates.get_mut(&date) {
            *counted += count;
        } else if self.dates.len() < DATES_MAX {
            self.dates.insert(date, count);
        }
    }

    /// The date of most rows. That of the build before stays while no other has twice as many: rows whose date is
    /// no longer the usual one are stated anew.
    fn usual(&mut self, before: Option<u32>) -> Option<u32> {
        self.flush();
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
    pub(crate) fn new(
        snapshot: &Snapshot,
        ids: &mut Vec<String>,
    ) -> Result<FeedNumbers, rapsheet_snapshot::TooLarge> {
        let mut known: HashMap<String, u16> = ids.iter().cloned().zip(0..).collect();
        let mut numbers = Vec::new();
        for feed in &snapshot.origin().feeds {
            let number = match known.get(&feed.id) {
                Some(number) => *number,
                None => {
                    rapsheet_snapshot::TooLarge::check(
                        "history",
                        "feeds",
                        ids.len() as u64,
                        u64::from(u16::MAX) - 2,
                    )?;
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
    let index = snapshot.index();
    let is_whole = count::<Ipv4Keys>(&index, &mut counts)
        & count::<Ipv6Keys>(&index, &mut counts)
        & count::<NameKeys>(&index, &mut counts)
        & count::<UrlKeys>(&index, &mut counts);
    if !is_whole {
        return Err(snapshot.unwalkable(Ipv4Keys::PART));
    }
    let of_feed = |((feed, counts), number): ((&FeedRecord, &mut Counts), &u16)| {
        let before = before.and_then(|build| build.feeds.iter().find(|before| before.feed == *number));
        let date = counts.usual(before.and_then(|before| before.date));
        let update_time = feed.traits().update_time.map(Time::stored);
        let own_time = own_time(feed, counts.newest, update_time, before);
        FeedDates { feed: *number, date, own_time, update_time }
    };
    let feeds = feeds.iter().zip(&mut counts).zip(&numbers.numbers).map(of_feed).collect();
    Ok(Build { id, feeds })
}

fn count<K: PartKeys>(index: &Index<'_>, counts: &mut [Counts]) -> bool {
    K::walk(index, |_, rows: &[Row]| {
        for row in rows {
            let counts = counts.get_mut(usize::from(row.feed));
            counts.into_iter().for_each(|counts| counts.add(row.fields.detect_time));
        }
    })
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
            (0..*count).for_each(|_| counts.add(*date));
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
