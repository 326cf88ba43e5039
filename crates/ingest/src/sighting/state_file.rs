//! The state file: the rows of the last accepted download of each accumulated feed, with their times.
//!
//! An accumulated row without a time of its own is dated by the download in which it newly appeared. Reading
//! it again must not refresh it, also after its sighting has expired. The snapshot drops expired sightings,
//! so this file keeps the rows. It is not shipped, and it is only read from start to end: sorted keys, each
//! without the bytes that it shares with the key before, and a checksum over everything.
//!
//! It also keeps the digests of the held downloads that an operator accepted, so that each is accepted once.
//!
//! Layout, little-endian:
//!
//! | field | type |
//! |---|---|
//! | magic | `RAPSTAT1` |
//! | feeds | count u32; each: length u16, id |
//! | accepted downloads | count u32; each: feed u16, SHA-256, instant u32 |
//! | claims | count u32; each: feed u16, list u8, scope u8, first_seen u32, detect_time u32 |
//! | rows of IPv4, IPv6, names, URLs | count u64; each: shared length, rest length, claim (LEB128), rest |
//! | checksum | CRC-32 of everything before it |
//!
//! Addresses have their first and last address as keys, big-endian; names have their bytes reversed.

use crate::download::file::Digest;
use rapsheet_assemble::{
    Claim, ClaimSource, ClaimTable, DraftSighting, RetainedRows, RunSet, RunSetWriter, Scratch, claim_of, tag,
};
use rapsheet_snapshot::{AddressRange, Assessments, FeedId, ListKind, Scope, Time, TooLarge};
use std::collections::HashMap;
use std::fmt;

/// The last byte is the version.
const MAGIC: [u8; 8] = *b"RAPSTAT1";
/// The magic of state files that development versions wrote.
const DEVELOPMENT_MAGIC: [u8; 8] = *b"RAPSTATE";
/// The length of a claim, in bytes.
const CLAIM_LEN: usize = 12;
/// The longest key that a state file can hold: a URL is no longer than a line.
const KEY_MAX: usize = 1 << 20;

/// A state file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateError {
    /// It was written by a development version.
    BeforeFirstRelease,
    /// It is not what a build wrote.
    Corrupt {
        /// The byte offset of the first problem.
        offset: usize,
        /// What was expected there.
        expected: &'static str,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::BeforeFirstRelease => {
                f.write_str("this state file was made before the first release: delete it")?;
            }
            StateError::Corrupt { offset, expected } => {
                write!(
                    f,
                    "not a sound state file: expected {expected} at byte {offset}; restore it from a backup, or \
                     delete it"
                )?;
            }
        }
        f.write_str(
            "; without it, rows of accumulated feeds that state no times of their own count as new once",
        )
    }
}

impl std::error::Error for StateError {}

/// Why the rows of a state file could not be added.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The file cannot be used.
    State(StateError),
    /// There are too many claims.
    TooLarge(TooLarge),
}

impl From<StateError> for ReadError {
    fn from(error: StateError) -> ReadError {
        ReadError::State(error)
    }
}

impl From<TooLarge> for ReadError {
    fn from(error: TooLarge) -> ReadError {
        ReadError::TooLarge(error)
    }
}

/// A held download that an operator accepted. It is not accepted again once another download has replaced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AcceptedDigest {
    /// The feed.
    pub(crate) feed: String,
    /// The download.
    pub(crate) digest: Digest,
    /// The instant of the build that accepted it. If no snapshot as late as this was published, it does not
    /// count.
    pub(crate) at: Time,
}

/// The kinds of keys, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum KeyKind {
    V4,
    V6,
    Name,
    Url,
}

impl KeyKind {
    const ALL: [KeyKind; 4] = [KeyKind::V4, KeyKind::V6, KeyKind::Name, KeyKind::Url];
}

/// Encodes a state file. Keys of each kind arrive in order.
#[derive(Default)]
pub(crate) struct StateWriter {
    /// Each claim as the file has it.
    claims: Vec<[u8; CLAIM_LEN]>,
    numbers: HashMap<[u8; CLAIM_LEN], u64>,
    kinds: [Rows; 4],
}

#[derive(Default)]
struct Rows {
    count: u64,
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl RetainedRows for StateWriter {
    fn number(&mut self, row: &DraftSighting, is_rare: bool) -> u64 {
        let claim = encode_claim(row);
        let mut push = || {
            self.claims.push(claim);
            self.claims.len() as u64 - 1
        };
        if is_rare { push() } else { *self.numbers.entry(claim).or_insert_with(push) }
    }

    fn range(&mut self, range: AddressRange, number: u64) {
        match range {
            AddressRange::V4 { first, last } => {
                self.push(KeyKind::V4, &range_key::<4>(first.into(), last.into()), number);
            }
            AddressRange::V6 { first, last } => self.push(KeyKind::V6, &range_key::<16>(first, last), number),
        }
    }

    fn name(&mut self, reversed: &[u8], number: u64) {
        self.push(KeyKind::Name, reversed, number);
    }

    fn url(&mut self, url: &[u8], number: u64) {
        self.push(KeyKind::Url, url, number);
    }
}

/// The bytes of a claim.
fn encode_claim(row: &DraftSighting) -> [u8; CLAIM_LEN] {
    let ([feed, feed_high], [a, b, c, d]) =
        (row.feed.0.to_le_bytes(), row.times.first_seen.stored().to_le_bytes());
    let [e, f, g, h] = row.times.detect_time.stored().to_le_bytes();
    [feed, feed_high, row.list as u8, row.scope as u8, a, b, c, d, e, f, g, h]
}

impl StateWriter {
    fn push(&mut self, kind: KeyKind, key: &[u8], number: u64) {
        if let Some(rows) = self.kinds.get_mut(kind as usize) {
            rows.push(key, number);
        }
    }

    /// The file. `feeds` are the ids by number. Accepted downloads of other feeds are dropped.
    pub(crate) fn encode(self, feeds: &[&str], accepted: &[AcceptedDigest]) -> Result<Vec<u8>, TooLarge> {
        let mut out = MAGIC.to_vec();
        TooLarge::check("state file", "feeds", feeds.len() as u64, u16::MAX.into())?;
        out.extend((feeds.len() as u32).to_le_bytes());
        for id in feeds {
            TooLarge::check("id of a feed", "bytes", id.len() as u64, u16::MAX.into())?;
            out.extend((id.len() as u16).to_le_bytes());
            out.extend(id.as_bytes());
        }
        encode_accepted(feeds, accepted, &mut out)?;
        drop(self.numbers);
        let mut numbering = Numbering::of(self.claims)?;
        let rows = self.kinds.map(|rows| (rows.count, numbering.renumbered(&rows.bytes)));
        out.extend((numbering.used.len() as u32).to_le_bytes());
        out.extend(numbering.used.as_flattened());
        drop(numbering);
        for (count, bytes) in rows {
            out.extend(count.to_le_bytes());
            out.extend(bytes);
        }
        let checksum = crc32fast::hash(&out);
        out.extend(checksum.to_le_bytes());
        Ok(out)
    }
}

/// Numbers equal claims once, in the order of the rows that have them. Claims arrive in another order, and some
/// of them several times: a build and its repetition come by them in different ways, and must write the same.
struct Numbering {
    claims: Vec<[u8; CLAIM_LEN]>,
    /// For each claim, the first one in the sorted order that is equal to it.
    first: Vec<u32>,
    /// The number of each first claim that a row has.
    numbers: Vec<u32>,
    /// The claims by their numbers.
    used: Vec<[u8; CLAIM_LEN]>,
}

const UNUSED: u32 = u32::MAX;

impl Numbering {
    fn of(claims: Vec<[u8; CLAIM_LEN]>) -> Result<Numbering, TooLarge> {
        let count = TooLarge::fit_u32("state file", "claims", claims.len())?;
        let claim = |at: u32| claims.get(at as usize);
        let mut order: Vec<u32> = (0..count).collect();
        order.sort_unstable_by_key(|at| (claim(*at), *at));
        let mut first = vec![0; claims.len()];
        for equal in order.chunk_by(|a, b| claim(*a) == claim(*b)) {
            for at in equal {
                if let (Some(first), Some(least)) = (first.get_mut(*at as usize), equal.first()) {
                    *first = *least;
                }
            }
        }
        Ok(Numbering { numbers: vec![UNUSED; claims.len()], used: Vec::new(), claims, first })
    }

    fn number(&mut self, claim: u64) -> Option<u64> {
        let first = *self.first.get(usize::try_from(claim).ok()?)? as usize;
        let number = self.numbers.get_mut(first)?;
        if *number == UNUSED {
            *number = self.used.len() as u32;
            self.used.push(*self.claims.get(first)?);
        }
        Some(u64::from(*number))
    }

    /// The bytes of rows with the new numbers.
    fn renumbered(&mut self, mut rows: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(rows.len());
        while !rows.is_empty() {
            let [shared, length, claim] = [(); 3].map(|()| take_leb128(&mut rows));
            for number in [shared, length, self.number(claim).unwrap_or(0)] {
                push_leb128(&mut out, number);
            }
            let (rest, others) = rows.split_at(rows.len().min(usize::try_from(length).unwrap_or(usize::MAX)));
            out.extend_from_slice(rest);
            rows = others;
        }
        out
    }
}

/// The inverse of [`push_leb128`], for what it wrote.
fn take_leb128(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

fn encode_accepted(feeds: &[&str], accepted: &[AcceptedDigest], out: &mut Vec<u8>) -> Result<(), TooLarge> {
    // There are at most `u16::MAX` feeds.
    let number = |accepted: &AcceptedDigest| feeds.iter().position(|id| *id == accepted.feed);
    let known: Vec<(u16, &AcceptedDigest)> =
        accepted.iter().filter_map(|accepted| Some((number(accepted)? as u16, accepted))).collect();
    out.extend(TooLarge::fit_u32("state file", "accepted downloads", known.len())?.to_le_bytes());
    for (feed, AcceptedDigest { digest, at, .. }) in known {
        out.extend(feed.to_le_bytes());
        out.extend(digest);
        out.extend(at.stored().to_le_bytes());
    }
    Ok(())
}

impl Rows {
    /// Adds a row: how many bytes its key shares with the one before, how many follow, its claim, the rest.
    fn push(&mut self, key: &[u8], claim: u64) {
        let shared = self.last.iter().zip(key).take_while(|(a, b)| a == b).count();
        let rest = key.get(shared..).unwrap_or(&[]);
        for number in [shared as u64, rest.len() as u64, claim] {
            push_leb128(&mut self.bytes, number);
        }
        self.bytes.extend_from_slice(rest);
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
        self.count += 1;
    }
}

/// LEB128: seven bits a byte, the lowest first; the highest bit is set in all bytes but the last.
fn push_leb128(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The rows of a state file. `feed_now` gives the current number of a feed by its id.
pub(crate) fn read_rows(
    bytes: &[u8],
    feed_now: &dyn Fn(&str) -> Option<FeedId>,
    scratch: &Scratch,
    claims: &mut ClaimTable,
) -> Result<RunSet, ReadError> {
    let (mut read, ids, _) = Reader::open(bytes)?;
    let feeds: Vec<Option<FeedId>> = ids.iter().map(|id| feed_now(id)).collect();
    let tags: Vec<Option<u32>> = (0..read.u32()?)
        .map(|_| match read.claim(&feeds)? {
            Some((claim, scope)) => Ok(Some(tag(claims.push(claim)?, scope))),
            None => Ok(None),
        })
        .collect::<Result<_, ReadError>>()?;
    let mut rows = RunSetWriter::new(scratch);
    for kind in KeyKind::ALL {
        read.rows(|key, claim| {
            if let Some(Some(tag)) = tags.get(claim) {
                claims.count_use(claim_of(*tag) as u32);
                push_key(&mut rows, kind, key, *tag);
            }
        })?;
    }
    Ok(rows.finish().ok_or_else(|| read.corrupt("keys in order before it"))?)
}

/// Whether a file that begins so is a state file, sound or not, of this version or another.
pub fn is_state_file(head: &[u8]) -> bool {
    [MAGIC, DEVELOPMENT_MAGIC].iter().any(|magic| head.starts_with(magic))
}

/// The accepted downloads in a state file.
pub(crate) fn read_accepted(bytes: &[u8]) -> Result<Vec<AcceptedDigest>, StateError> {
    Reader::open(bytes).map(|(_, _, accepted)| accepted)
}

/// The file without its checksum, which must hold.
fn checked(bytes: &[u8]) -> Result<&[u8], StateError> {
    let corrupt = |offset, expected| StateError::Corrupt { offset, expected };
    if bytes.starts_with(&DEVELOPMENT_MAGIC) {
        return Err(StateError::BeforeFirstRelease);
    }
    if !bytes.starts_with(&MAGIC) {
        return Err(corrupt(0, "the mark of a rapsheet state file"));
    }
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or_else(|| corrupt(bytes.len(), "a checksum"))?;
    if crc32fast::hash(body) == u32::from_le_bytes(*checksum) {
        Ok(body)
    } else {
        Err(corrupt(body.len(), "the checksum of what precedes it"))
    }
}

fn push_key(rows: &mut RunSetWriter<'_>, kind: KeyKind, key: &[u8], tag: u32) {
    match kind {
        KeyKind::Name => rows.push_name(key, tag),
        KeyKind::Url => rows.push_url(key, tag),
        KeyKind::V4 => {
            if let [first, last] = key.as_chunks::<4>().0 {
                let range =
                    AddressRange::V4 { first: big_endian(*first) as u32, last: big_endian(*last) as u32 };
                rows.push_range(range, tag);
            }
        }
        KeyKind::V6 => {
            if let [first, last] = key.as_chunks::<16>().0 {
                let range = AddressRange::V6 { first: big_endian(*first), last: big_endian(*last) };
                rows.push_range(range, tag);
            }
        }
    }
}

/// Keys are sorted as bytes, hence big-endian.
fn big_endian<const N: usize>(bytes: [u8; N]) -> u128 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// The key of a range, which sorts as the range does.
fn range_key<const N: usize>(first: u128, last: u128) -> Vec<u8> {
    let end = |number: u128| (0..N).rev().map(move |at| (number >> (8 * at)) as u8);
    end(first).chain(end(last)).collect()
}

/// Reads a state file from start to end. Every access is checked against its length.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of the claims, with the feed ids and the accepted downloads, which precede them.
    fn open(bytes: &'a [u8]) -> Result<(Reader<'a>, Vec<String>, Vec<AcceptedDigest>), StateError> {
        let mut read = Reader { bytes: checked(bytes)?, at: MAGIC.len() };
        let ids = (0..read.u32()?).map(|_| read.id()).collect::<Result<Vec<String>, StateError>>()?;
        let accepted = (0..read.u32()?).map(|_| read.accepted(&ids)).collect::<Result<_, StateError>>()?;
        Ok((read, ids, accepted))
    }

    fn id(&mut self) -> Result<String, StateError> {
        let length = usize::from(self.u16()?);
        let text = std::str::from_utf8(self.take(length)?).map(str::to_owned);
        text.map_err(|_| self.corrupt("the id of a feed"))
    }

    fn accepted(&mut self, ids: &[String]) -> Result<AcceptedDigest, StateError> {
        let feed = ids.get(usize::from(self.u16()?)).cloned();
        let digest = self.take(size_of::<Digest>())?.try_into();
        let at = Time::from_stored(self.u32()?);
        match (feed, digest) {
            (Some(feed), Ok(digest)) => Ok(AcceptedDigest { feed, digest, at }),
            _ => Err(self.corrupt("a download of a known feed")),
        }
    }

    fn corrupt(&self, expected: &'static str) -> StateError {
        StateError::Corrupt { offset: self.at, expected }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], StateError> {
        let end = self.at.checked_add(length);
        let bytes =
            end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| self.corrupt("more bytes"))?;
        self.at += length;
        Ok(bytes)
    }

    fn number(&mut self, width: usize) -> Result<u64, StateError> {
        Ok(self.take(width)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn u16(&mut self) -> Result<u16, StateError> {
        Ok(self.number(2)? as u16)
    }

    fn u32(&mut self) -> Result<u32, StateError> {
        Ok(self.number(4)? as u32)
    }

    fn leb128(&mut self) -> Result<u64, StateError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().unwrap_or(&0);
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.corrupt("a number"))
    }

    /// A claim and its scope; `None` if its feed is no longer in the catalogue.
    fn claim(&mut self, feeds: &[Option<FeedId>]) -> Result<Option<(Claim, Scope)>, StateError> {
        let feed = usize::from(self.u16()?);
        let (list, scope) = (self.number(1)? as usize, self.number(1)? as usize);
        let (first_seen, detect_time) = (Time::from_stored(self.u32()?), Time::from_stored(self.u32()?));
        let list = [ListKind::Block, ListKind::Allow].get(list).copied();
        let scope = [Scope::Exact, Scope::Tree, Scope::Subdomains].get(scope).copied();
        let (Some(list), Some(scope), Some(feed)) = (list, scope, feeds.get(feed)) else {
            return Err(self.corrupt("a claim of a known feed"));
        };
        Ok(feed.map(|feed| {
            let claim = Claim {
                feed,
                list,
                source: ClaimSource::StateFile,
                assessments: Assessments::EMPTY,
                first_seen: Some(first_seen),
                last_seen: Some(detect_time),
                expires: None,
            };
            (claim, scope)
        }))
    }

    fn rows(&mut self, mut visit: impl FnMut(&[u8], usize)) -> Result<(), StateError> {
        let mut key = Vec::new();
        for _ in 0..self.number(8)? {
            let (shared, rest, claim) = (self.leb128()? as usize, self.leb128()? as usize, self.leb128()?);
            if shared > key.len() || rest > KEY_MAX {
                return Err(self.corrupt("a key"));
            }
            key.truncate(shared);
            key.extend_from_slice(self.take(rest)?);
            visit(&key, claim as usize);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapsheet_assemble::{SizeLimits, scope_of};
    use rapsheet_snapshot::Times;

    fn sighting(feed: u16, scope: Scope) -> DraftSighting {
        let at = Time::from_unix(1_780_000_000 + i64::from(feed));
        let times = Times { first_seen: at, detect_time: at.plus(60), row_expiry: None };
        DraftSighting {
            feed: FeedId(feed),
            list: ListKind::Block,
            scope,
            assessments: Assessments::EMPTY,
            times,
        }
    }

    fn accepted(feed: &str) -> AcceptedDigest {
        AcceptedDigest { feed: feed.to_owned(), digest: [7; 32], at: Time::from_unix(1_780_000_000) }
    }

    fn file() -> Vec<u8> {
        let mut writer = StateWriter::default();
        let exact = writer.number(&sighting(0, Scope::Exact), false);
        writer.range(AddressRange::V4 { first: 5, last: 9 }, exact);
        writer.range(AddressRange::V6 { first: 7, last: 1 << 100 }, exact);
        let tree = writer.number(&sighting(1, Scope::Tree), false);
        writer.name(b"moc.elpmaxe", tree);
        let other = writer.number(&sighting(1, Scope::Exact), false);
        writer.name(b"moc.elpmaxe.www", other);
        writer.url(b"http://example.com/", exact);
        writer.encode(&["a", "b"], &[accepted("a"), accepted("gone")]).expect("a small file")
    }

    fn read(bytes: &[u8]) -> Result<(RunSet, Vec<Claim>), ReadError> {
        let mut claims = ClaimTable::new(SizeLimits::default());
        let feed_now = |id: &str| match id {
            "a" => Some(FeedId(4)),
            "b" => Some(FeedId(2)),
            _ => None,
        };
        let rows = read_rows(bytes, &feed_now, &Scratch::unlimited(), &mut claims)?;
        Ok((rows, claims.iter().collect()))
    }

    #[test]
    fn reads_rows_under_the_current_feed_numbers() {
        let (rows, claims) = read(&file()).expect("sound");
        let scratch = Scratch::unlimited();
        let mut names = Vec::new();
        rows.each_name(&scratch, |name, tag| {
            names.push((name.to_vec(), claims[claim_of(tag)].feed.0, scope_of(tag)));
        });
        let expected =
            [(b"moc.elpmaxe".to_vec(), 2, Scope::Tree), (b"moc.elpmaxe.www".to_vec(), 2, Scope::Exact)];
        assert_eq!(names, expected);
        let (mut v4, mut v6, mut urls) = (Vec::new(), Vec::new(), 0);
        rows.each_v4(&scratch, |first, last, _| v4.push((first, last)));
        rows.each_v6(&scratch, |first, last, _| v6.push((first, last)));
        rows.each_url(&scratch, |_, _| urls += 1);
        assert_eq!((v4, v6, urls), (vec![(5, 9)], vec![(7, 1 << 100)], 1));
        assert_eq!(claims[0].last_seen, Some(Time::from_unix(1_780_000_060)));
        assert_eq!(read_accepted(&file()), Ok(vec![accepted("a")]));
    }

    #[test]
    fn refuses_a_development_file_by_name() {
        let mut file = file();
        file[..8].copy_from_slice(&DEVELOPMENT_MAGIC);
        assert_eq!(read_accepted(&file), Err(StateError::BeforeFirstRelease));
        assert!(StateError::BeforeFirstRelease.to_string().contains("made before the first release"));
    }

    #[test]
    fn refuses_every_flipped_bit_and_every_truncation() {
        let file = file();
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert!(read(&flipped).is_err(), "flip at {at}");
            assert!(read(&file[..at]).is_err(), "cut at {at}");
        }
    }
}
