//! The section of a segment that describes its builds: which snapshots they were, what their feeds were
//! called, and when these confirmed what they list.
//!
//! The origin of each snapshot is kept as it was. Origins of neighbours are nearly equal, so a few are
//! compressed together, and no more than those are decompressed for one.

use crate::bytes::{Reader, put_time};
use crate::manifest::BuildId;
use rapsheet_snapshot::{Origin, Time, TooLarge};
use std::io;
use std::ops::Range;

/// The version of the section.
const VERSION: u32 = 1;
/// How many origins are compressed together.
const TOGETHER: usize = 8;
/// The longest origins that are read, which is what a snapshot may have.
const ORIGIN_MAX: usize = 16 << 20;
/// The level of compression: origins are few, and written once.
const LEVEL: i32 = 12;
/// The flag of a base.
const BASE: u32 = 1;
/// The bytes of a feed at one build.
const FEED_LEN: usize = 18;
/// The least bytes of a build.
const BUILD_LEN: usize = 8 + 32 + 8 + 4;

/// A feed at one build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FeedDates {
    /// The number of the feed in the history.
    pub(crate) feed: u16,
    /// When it confirmed most of its rows.
    pub(crate) date: Option<u32>,
    /// The own time of its last accepted download: when the list was made, as far as that is known.
    pub(crate) own_time: Option<u32>,
    /// When that download was retrieved.
    pub(crate) update_time: Option<u32>,
    /// No row of the feed was first seen later.
    pub(crate) newest_seen: Option<u32>,
}

/// One build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) id: BuildId,
    /// Its feeds, in the order of its snapshot.
    pub(crate) feeds: Vec<FeedDates>,
}

impl Build {
    /// The dates of its feeds, by their numbers in the history.
    pub(crate) fn dates(&self) -> Vec<Option<u32>> {
        self.by_feed(|feed| feed.date)
    }

    /// A time of each feed, by their numbers in the history.
    pub(crate) fn by_feed(&self, time: impl Fn(&FeedDates) -> Option<u32>) -> Vec<Option<u32>> {
        let count = self.feeds.iter().map(|feed| usize::from(feed.feed) + 1).max().unwrap_or(0);
        let mut times = vec![None; count];
        for feed in &self.feeds {
            times.get_mut(usize::from(feed.feed)).into_iter().for_each(|place| *place = time(feed));
        }
        times
    }
}

/// Compressed origins of some builds.
#[derive(Clone, Debug)]
struct Group {
    /// The positions of the builds in the segment.
    builds: Range<usize>,
    raw_len: usize,
    /// Where they are in the section.
    bytes: Range<usize>,
}

/// The builds of a segment.
#[derive(Clone, Debug)]
pub(crate) struct Builds {
    /// Whether the segment holds all that was listed at its first build.
    pub(crate) is_base: bool,
    /// The number of the first build.
    pub(crate) first: u32,
    /// The ids of the feeds that the history had when the segment was written, by their numbers.
    pub(crate) feeds: Vec<String>,
    pub(crate) builds: Vec<Build>,
    origins: Vec<Group>,
}

/// The bytes of the section.
pub(crate) fn encode(
    (is_base, first): (bool, u32),
    feeds: &[String],
    builds: &[(Build, Vec<u8>)],
) -> Result<Vec<u8>, TooLarge> {
    let mut out = VERSION.to_le_bytes().to_vec();
    out.extend(u32::from(is_base).to_le_bytes());
    out.extend(first.to_le_bytes());
    out.extend(TooLarge::fit_u32("history", "feeds", feeds.len())?.to_le_bytes());
    for id in feeds {
        TooLarge::check("history", "bytes of an id", id.len() as u64, u16::MAX.into())?;
        out.extend((id.len() as u16).to_le_bytes());
        out.extend(id.as_bytes());
    }
    out.extend(TooLarge::fit_u32("history", "builds", builds.len())?.to_le_bytes());
    for (build, _) in builds {
        put_build(&mut out, build)?;
    }
    for group in builds.chunks(TOGETHER) {
        put_origins(&mut out, group)?;
    }
    Ok(out)
}

fn put_build(out: &mut Vec<u8>, build: &Build) -> Result<(), TooLarge> {
    out.extend(build.id.built_at.unix().to_le_bytes());
    out.extend(build.id.blake3);
    out.extend(build.id.bytes.to_le_bytes());
    out.extend(TooLarge::fit_u32("history", "feeds", build.feeds.len())?.to_le_bytes());
    for feed in &build.feeds {
        out.extend(feed.feed.to_le_bytes());
        [feed.date, feed.own_time, feed.update_time, feed.newest_seen]
            .into_iter()
            .for_each(|time| put_time(out, time));
    }
    Ok(())
}

fn put_origins(out: &mut Vec<u8>, group: &[(Build, Vec<u8>)]) -> Result<(), TooLarge> {
    let mut raw = Vec::new();
    for (_, origin) in group {
        TooLarge::check("history", "bytes of an origin", origin.len() as u64, ORIGIN_MAX as u64)?;
        raw.extend((origin.len() as u32).to_le_bytes());
        raw.extend(origin);
    }
    // Memory takes what it compresses to, and no other error can occur.
    let compressed = zstd::bulk::compress(&raw, LEVEL).unwrap_or_default();
    out.extend((group.len() as u32).to_le_bytes());
    out.extend(TooLarge::fit_u32("history", "bytes of origins", raw.len())?.to_le_bytes());
    out.extend(TooLarge::fit_u32("history", "bytes of origins", compressed.len())?.to_le_bytes());
    out.extend(compressed);
    Ok(())
}

impl Builds {
    /// Reads the section, whose checksum holds; `None` if it is not sound.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Builds> {
        let mut reader = Reader::new(bytes);
        if reader.u32()? != VERSION {
            return None;
        }
        let (flags, first) = (reader.u32()?, reader.u32()?);
        let feeds = (0..reader.count(2)?).map(|_| read_text(&mut reader)).collect::<Option<Vec<_>>>()?;
        let count = reader.count(BUILD_LEN)?;
        let builds = (0..count).map(|_| read_build(&mut reader, feeds.len())).collect::<Option<Vec<_>>>()?;
        let (mut origins, mut next) = (Vec::new(), 0);
        while !reader.is_empty() {
            let (builds, raw_len, length) = (reader.u32()?, reader.u32()?, reader.u32()?);
            let end = next + usize::try_from(builds).ok().filter(|builds| (1..=TOGETHER).contains(builds))?;
            let length = usize::try_from(length).ok()?;
            let raw_len =
                usize::try_from(raw_len).ok().filter(|raw_len| *raw_len <= ORIGIN_MAX * TOGETHER)?;
            let at = bytes.len() - reader.remaining();
            reader.take(length)?;
            origins.push(Group { builds: next..end, raw_len, bytes: at..at + length });
            next = end;
        }
        let is_whole = next == count && count > 0 && flags & !BASE == 0;
        is_whole.then_some(Builds { is_base: flags & BASE != 0, first, feeds, builds, origins })
    }

    /// The number of the last build.
    pub(crate) fn last(&self) -> u32 {
        // There is at least one, and the manifest numbers them in 32 bits.
        self.first.saturating_add(self.builds.len() as u32 - 1)
    }

    /// The build of a number.
    pub(crate) fn get(&self, number: u32) -> Option<&Build> {
        self.builds.get(number.checked_sub(self.first)? as usize)
    }

    /// The bytes of the origin of a build's snapshot, given those of the section.
    pub(crate) fn origin_bytes(&self, section: &[u8], number: u32) -> io::Result<Vec<u8>> {
        let at = number.checked_sub(self.first).map_or(usize::MAX, |at| at as usize);
        let group = self.origins.iter().find(|group| group.builds.contains(&at));
        let unsound = || io::Error::new(io::ErrorKind::InvalidData, "an origin that is not there");
        let group = group.ok_or_else(unsound)?;
        let compressed = section.get(group.bytes.clone()).ok_or_else(unsound)?;
        let raw = zstd::bulk::decompress(compressed, group.raw_len)?;
        let mut reader = Reader::new(&raw);
        let mut found = None;
        for _ in group.builds.start..=at {
            found = reader.u32().and_then(|length| reader.take(usize::try_from(length).ok()?));
        }
        found.map(<[u8]>::to_vec).ok_or_else(unsound)
    }

    /// The origin of a build's snapshot.
    pub(crate) fn origin(&self, section: &[u8], number: u32) -> io::Result<Origin> {
        let bytes = self.origin_bytes(section, number)?;
        Origin::decode(&bytes, 0).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

fn read_text(reader: &mut Reader<'_>) -> Option<String> {
    let length = reader.u16()?;
    String::from_utf8(reader.take(usize::from(length))?.to_vec()).ok()
}

fn read_build(reader: &mut Reader<'_>, feed_count: usize) -> Option<Build> {
    let built_at = Time::from_unix(reader.u64()?.cast_signed());
    let id = BuildId { built_at, blake3: reader.array()?, bytes: reader.u64()? };
    let feeds = (0..reader.count(FEED_LEN)?).map(|_| {
        let feed = reader.u16().filter(|feed| usize::from(*feed) < feed_count)?;
        Some(FeedDates {
            feed,
            date: reader.time()?,
            own_time: reader.time()?,
            update_time: reader.time()?,
            newest_seen: reader.time()?,
        })
    });
    Some(Build { id, feeds: feeds.collect::<Option<Vec<_>>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builds(count: u8) -> Vec<(Build, Vec<u8>)> {
        let build = |number: u8| {
            let id = BuildId { built_at: Time::from_unix(number.into()), blake3: [number; 32], bytes: 5 };
            let feed = FeedDates {
                feed: 1,
                date: Some(7),
                own_time: None,
                update_time: Some(number.into()),
                newest_seen: None,
            };
            (Build { id, feeds: vec![feed; usize::from(number % 3)] }, vec![number; 40])
        };
        (0..count).map(build).collect()
    }

    fn encoded() -> Vec<u8> {
        let feeds = ["a".to_owned(), "b-c".to_owned()];
        encode((true, 4), &feeds, &builds(19)).expect("few")
    }

    #[test]
    fn reads_back() {
        let (bytes, expected) = (encoded(), builds(19));
        let read = Builds::decode(&bytes).expect("sound");
        assert_eq!((read.is_base, read.first, read.last()), (true, 4, 22));
        assert!(read.builds.iter().eq(expected.iter().map(|(build, _)| build)));
        for (number, (_, origin)) in (4..).zip(&expected) {
            assert_eq!(&read.origin_bytes(&bytes, number).expect("it is there"), origin);
        }
        assert!(read.origin_bytes(&bytes, 3).is_err() && read.origin_bytes(&bytes, 23).is_err());
        assert_eq!(read.get(5).map(Build::dates), Some(vec![None, Some(7)]));
    }

    #[test]
    fn cuts_and_changed_bytes_give_no_panic() {
        let bytes = encoded();
        for at in 0..bytes.len() {
            assert!(Builds::decode(&bytes[..at]).is_none(), "{at}");
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            if let Some(read) = Builds::decode(&changed) {
                (0..30).for_each(|number| drop(read.origin_bytes(&changed, number)));
            }
        }
    }
}
