//! The feeds that are compared, and which of their sightings count.

use crate::{FEEDS_MAX, LedgerError, Options};
use rapsheet_snapshot::{FeedId, ListKind, Sighting, Snapshot, Time};

/// The position of a feed among those that are compared.
pub(crate) type Position = u16;

/// The feeds that are compared: those that are chosen, and whose list is of the kind that counts.
pub(crate) struct Feeds {
    /// The position of each feed of the snapshot; `None` where it is not compared.
    positions: Vec<Option<Position>>,
    /// The feed at each position.
    ids: Vec<FeedId>,
    /// The retention of each feed of the snapshot, in seconds.
    retentions: Vec<i64>,
    list: ListKind,
    now: Time,
}

impl Feeds {
    pub(crate) fn new(snapshot: &Snapshot, options: &Options) -> Result<Feeds, LedgerError> {
        let feeds = &snapshot.origin().feeds;
        let is_chosen =
            |at: usize| options.feeds.as_ref().is_none_or(|chosen| chosen.get(at).copied().unwrap_or(false));
        let compared =
            |at: usize| is_chosen(at) && feeds.get(at).is_some_and(|f| f.traits().list == options.list);
        let ids: Vec<FeedId> =
            (0..feeds.len()).zip(0..).filter(|(at, _)| compared(*at)).map(|(_, id)| FeedId(id)).collect();
        if ids.len() > FEEDS_MAX {
            return Err(LedgerError::TooManyFeeds(ids.len()));
        }
        let mut positions = vec![None; feeds.len()];
        for (position, FeedId(id)) in (0..).zip(&ids) {
            positions.get_mut(usize::from(*id)).into_iter().for_each(|own| *own = Some(position));
        }
        let retentions = feeds.iter().map(|feed| feed.retention_seconds).collect();
        Ok(Feeds { positions, ids, retentions, list: options.list, now: options.now })
    }

    /// The feed at each position.
    pub(crate) fn ids(&self) -> &[FeedId] {
        &self.ids
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(crate) fn list(&self) -> ListKind {
        self.list
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// The position of a feed.
    pub(crate) fn position(&self, FeedId(id): FeedId) -> Option<Position> {
        self.positions.get(usize::from(id)).copied().flatten()
    }

    /// The position of a sighting's feed, if the sighting counts: its feed is compared, it is of the kind
    /// that counts, and it is live.
    pub(crate) fn counting(&self, sighting: &Sighting) -> Option<Position> {
        let position = self.position(sighting.feed).filter(|_| sighting.list == self.list)?;
        let retention = self.retentions.get(usize::from(sighting.feed.0)).copied()?;
        sighting.times.live(self.now, retention).then_some(position)
    }
}
