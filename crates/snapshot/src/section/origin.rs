//! The origin of a snapshot: its feeds, their states, and the program that built it.
//!
//! This is the only section in bincode (2.0, little-endian, fixed-width integers), because it is small, read
//! once, and gains fields over time. It is decoded only after its checksum holds, and under a size limit. It
//! begins with a codec number: bincode is no longer maintained, and another codec can follow under another
//! number. `FORMAT.md` specifies the bytes.

use crate::error::{Corruption, TooLarge};
use crate::layout::u32_at;
use crate::{Assessments, Kinds, ListKind, Mode, Time};
use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use serde::{Deserialize, Serialize};

/// bincode 2, little-endian, fixed-width integers: generator, feeds, and the last accepted download of each
/// feed.
const CODEC: u32 = 1;
/// The largest section that is decoded, in bytes.
const LIMIT: usize = 16 << 20;
/// The most feeds: [`FeedId`](crate::FeedId) has sixteen bits.
const FEEDS_MAX: u64 = 1 << 16;

/// The state of a feed in the last build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FeedState {
    /// Its download was taken.
    #[default]
    Ok,
    /// Its download was missing or unreadable; it keeps its last good sightings.
    Failed,
    /// A guard held its download; it keeps its last good sightings.
    Held,
}

impl FeedState {
    /// `ok`, `failed` or `held`.
    pub const fn word(self) -> &'static str {
        match self {
            FeedState::Ok => "ok",
            FeedState::Failed => "failed",
            FeedState::Held => "held",
        }
    }
}

/// A feed, as the snapshot describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedRecord {
    /// Its id in the catalogue.
    pub id: String,
    /// Its provider, written as a host.
    pub provider: String,
    /// Its title.
    pub title: String,
    /// The id of its format.
    pub format: String,
    /// Where it is published.
    pub url: String,
    /// Where its publisher explains it.
    pub homepage: String,
    /// Its licence.
    pub licence: String,
    list: u8,
    mode: u8,
    kinds: u8,
    default_assessments: u16,
    /// The state of its last download.
    pub state: FeedState,
    /// Why it is failed or held; empty where it is neither.
    pub state_reason: String,
    /// How long a sighting is live after its detect_time, in seconds.
    pub retention_seconds: i64,
    /// How many seconds after its update_time it is stale. Fewer than the catalogue says, and perhaps negative, where
    /// its content had been the same for long by then.
    pub max_age_seconds: i64,
    /// Whether entries that are gone from a reset list stay until they expire.
    pub keep_absent: bool,
    update_time: Option<i64>,
    /// How many sightings the snapshot holds of it.
    pub sightings: u64,
    /// The last accepted download; `None` where there never was one.
    #[serde(skip)]
    #[doc(hidden)]
    pub accepted: Option<AcceptedDownload>,
}

/// The last accepted download of a feed. A build compares the next one with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedDownload {
    /// The SHA-256 of the file as it was downloaded.
    pub digest: [u8; 32],
    /// How many indicators it lists, before duplicates are merged. An empty download that is normal for its
    /// feed leaves the number of the one before.
    pub indicators: u64,
    /// A hash of what the download lists, independent of its order.
    pub content: u64,
    /// When the first download with this content was retrieved.
    pub unchanged_since: Time,
    /// Whether it had an end mark.
    pub has_end_mark: bool,
    /// Whether its last line had a line end. One that lacks it the next time may be cut.
    pub has_last_line_end: bool,
    /// Whether an operator accepted it in spite of the guards.
    pub accepted_by_operator: bool,
}

/// The typed part of a feed record whose fields are stored as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedTraits {
    /// Block or allow.
    pub list: ListKind,
    /// Reset or accumulated.
    pub mode: Mode,
    /// The kinds of indicator that it lists.
    pub kinds: Kinds,
    /// The assessments of a sighting whose row states none.
    pub assessments: Assessments,
    /// When the download that the snapshot holds was retrieved; `None` where there never was one.
    pub update_time: Option<Time>,
}

impl FeedRecord {
    /// A record with these traits; all else is empty or a default.
    pub fn new(id: &str, provider: &str, traits: FeedTraits) -> FeedRecord {
        FeedRecord {
            id: id.to_owned(),
            provider: provider.to_owned(),
            title: String::new(),
            format: String::new(),
            url: String::new(),
            homepage: String::new(),
            licence: String::new(),
            list: traits.list as u8,
            mode: traits.mode as u8,
            kinds: traits.kinds.bits(),
            default_assessments: traits.assessments.bits(),
            state: FeedState::Ok,
            state_reason: String::new(),
            retention_seconds: 15 * 86_400,
            max_age_seconds: 3 * 86_400,
            keep_absent: false,
            update_time: traits.update_time.map(Time::unix),
            sightings: 0,
            accepted: None,
        }
    }

    /// Block or allow, reset or accumulated, kinds, default assessments and update_time.
    pub fn traits(&self) -> FeedTraits {
        FeedTraits {
            list: if self.list == ListKind::Block as u8 { ListKind::Block } else { ListKind::Allow },
            mode: if self.mode == Mode::Reset as u8 { Mode::Reset } else { Mode::Accumulated },
            kinds: Kinds::from_bits(self.kinds),
            assessments: Assessments::from_bits(self.default_assessments),
            update_time: self.update_time.map(Time::from_unix),
        }
    }

    /// The same as it was when its download was taken: neither failed nor held.
    #[doc(hidden)]
    #[must_use]
    pub fn as_taken(&self) -> FeedRecord {
        FeedRecord { state: FeedState::Ok, state_reason: String::new(), ..self.clone() }
    }

    /// The same before any download.
    #[doc(hidden)]
    #[must_use]
    pub fn without_download(&self) -> FeedRecord {
        FeedRecord { update_time: None, sightings: 0, accepted: None, ..self.clone() }
    }

    /// Whether look-ups at `at` answer "failed" for what it does not list: its last download was not taken,
    /// or is too old.
    pub fn is_stale(&self, at: Time) -> bool {
        self.fresh_until().is_none_or(|end| at > end)
    }

    /// The last instant at which it is not stale; `None` where it is stale at any.
    pub fn fresh_until(&self) -> Option<Time> {
        let update = self.update_time.filter(|_| self.state == FeedState::Ok)?;
        Some(Time::from_unix(update).plus(self.max_age_seconds))
    }
}

/// The program and the feeds that a snapshot comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The program and version that wrote it.
    pub generator: String,
    /// Its feeds, in the order of their ids in records.
    pub feeds: Vec<FeedRecord>,
}

type Codec = Configuration<LittleEndian, Fixint, Limit<LIMIT>>;

fn codec() -> Codec {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<LIMIT>()
}

impl Origin {
    /// The bytes of the section.
    pub fn encode(&self) -> Result<Vec<u8>, TooLarge> {
        self.encode_within(LIMIT)
    }

    /// As [`Origin::encode`], with another limit, in bytes.
    fn encode_within(&self, limit: usize) -> Result<Vec<u8>, TooLarge> {
        TooLarge::check("origin", "feeds", self.feeds.len() as u64, FEEDS_MAX)?;
        let accepted: Vec<Option<&AcceptedDownload>> =
            self.feeds.iter().map(|feed| feed.accepted.as_ref()).collect();
        let unlimited = bincode::config::standard().with_little_endian().with_fixed_int_encoding();
        // It cannot fail: strings, numbers and lists always encode, and the writer is memory.
        let body = bincode::serde::encode_to_vec((&self.generator, &self.feeds, accepted), unlimited)
            .unwrap_or_default();
        let bytes = [CODEC.to_le_bytes().as_slice(), &body].concat();
        TooLarge::check("origin", "bytes", bytes.len() as u64, limit as u64)?;
        Ok(bytes)
    }

    /// Reads the section, whose checksum must hold already.
    pub fn decode(bytes: &[u8], offset: u64) -> Result<Origin, Corruption> {
        let codec_id = u32_at(bytes, 0);
        match bytes.get(4..).filter(|body| codec_id == CODEC && body.len() <= LIMIT) {
            Some(body) => {
                let (generator, feeds, accepted) = decode_all(body, offset)?;
                Ok(Origin { generator, feeds }.with_accepted(accepted))
            }
            None => {
                let found = format!("codec {codec_id}, {} bytes", bytes.len());
                Err(Corruption::new("origin", offset, format!("codec {CODEC} within its limit"), found))
            }
        }
    }

    fn with_accepted(mut self, accepted: Vec<Option<AcceptedDownload>>) -> Origin {
        for (feed, accepted) in self.feeds.iter_mut().zip(accepted) {
            feed.accepted = accepted;
        }
        self
    }
}

/// Decodes a body, all of which must be used.
fn decode_all<T: serde::de::DeserializeOwned>(body: &[u8], offset: u64) -> Result<T, Corruption> {
    match bincode::serde::decode_from_slice(body, codec()) {
        Ok((read, used)) if used == body.len() => Ok(read),
        Ok((_, used)) => Err(Corruption::new("origin", offset, format!("{} bytes", body.len()), used)),
        Err(error) => Err(Corruption::new("origin", offset, "a feed table", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        let traits = FeedTraits {
            list: ListKind::Allow,
            mode: Mode::Accumulated,
            kinds: Kinds::ADDRESS,
            assessments: Assessments::EMPTY,
            update_time: Some(Time::from_unix(1_780_000_000)),
        };
        let mut feed = FeedRecord::new("example-v4", "lists.example", traits);
        assert_eq!(feed.traits(), traits);
        feed.accepted = Some(AcceptedDownload {
            digest: [7; 32],
            indicators: 3,
            content: 4,
            unchanged_since: Time::from_unix(1_780_000_000),
            has_end_mark: true,
            has_last_line_end: true,
            accepted_by_operator: false,
        });
        Origin { generator: "rapsheet 0".to_owned(), feeds: vec![feed] }
    }

    #[test]
    fn reads_back_and_rejects_every_cut() {
        let bytes = origin().encode().expect("small");
        assert_eq!(Origin::decode(&bytes, 0), Ok(origin()));
        for cut in 0..bytes.len() {
            assert!(Origin::decode(&bytes[..cut], 0).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_section_beyond_the_limit_is_an_error() {
        let length = origin().encode().expect("small").len();
        assert!(origin().encode_within(length).is_ok());
        let error = origin().encode_within(length - 1).expect_err("a byte too long");
        assert_eq!((error.size, error.limit), (length as u64, length as u64 - 1));
    }

    #[test]
    fn too_many_feeds_are_an_error() {
        let feeds = vec![origin().feeds.remove(0); FEEDS_MAX as usize + 1];
        let error = Origin { generator: String::new(), feeds }.encode().expect_err("one too many");
        assert_eq!((error.unit, error.size), ("feeds", FEEDS_MAX + 1));
    }

    #[test]
    fn feeds_are_stale_when_failed_or_old() {
        let mut feed = origin().feeds.remove(0);
        let update = Time::from_unix(1_780_000_000);
        assert!(!feed.is_stale(update.plus(feed.max_age_seconds)));
        assert!(feed.is_stale(update.plus(feed.max_age_seconds + 1)));
        feed.state = FeedState::Failed;
        assert!(feed.is_stale(update));
    }
}
