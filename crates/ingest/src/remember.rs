//! The state file: the rows of the last accepted download of each accumulated feed, with their times.
//!
//! An accumulated row without a time of its own is dated by the download in which it newly appeared, and
//! reading it again must not refresh it, also when its sighting has expired meanwhile. The snapshot forgets
//! what expired, so this file remembers. It is not shipped and only read from start to end: sorted keys,
//! each as what it does not share with the key before, and a checksum over everything.
//!
//! It remembers as well which held downloads were let in by their digests, so that each is let in once.
//!
//! Layout, little-endian: magic, version u32, feed count u32, feed ids (u16 length, text), since version 2 the number
//! of downloads that were let in u32 and each of them (feed u16, SHA-256, instant u32), claim count u32, claims (feed u16, list u8, scope u8, first_seen u32, detect_time u32), then for IPv4, IPv6, names and URLs a
//! row count u64 and the rows (shared length, rest length, claim as LEB128 numbers, rest), then a CRC-32.

use crate::claim::{Claim, Voice};
use crate::download::Digest;
use crate::harvest::{Columns, tag};
use crate::merge::{Slot, Statement};
use rapsheet_snapshot::{AddressRange, Assessments, FeedId, ListKind, Scope, Time};
use std::collections::HashMap;
use std::fmt;

const MAGIC: [u8; 8] = *b"RAPSTATE";
const VERSION: u32 = 2;
/// What was written before downloads that were let in were remembered.
const VERSION_WITHOUT_SPENT: u32 = 1;
/// The longest key that a state file can hold: a URL is no longer than a line.
const KEY_MAX: usize = 1 << 20;

/// A state file that cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDamage {
    /// The byte offset at which it was noticed.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

impl fmt::Display for StateDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StateDamage { offset, expected } = self;
        write!(
            f,
            "not a sound state file: expected {expected} at byte {offset}; restore it, or delete it, and rows of \
             accumulated feeds without times of their own will count as new once"
        )
    }
}

impl std::error::Error for StateDamage {}

/// A held download that was let in, and when first. It is not let in again once another one has taken its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// The feed.
    pub(crate) feed: String,
    /// The download.
    pub(crate) digest: Digest,
    /// The instant of the build that let it in. Where no snapshot as late as this was published, it did not happen.
    pub(crate) at: Time,
}

/// The four sorts of keys that a state file holds, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeySort {
    /// First and last address, big-endian.
    V4,
    /// First and last address, big-endian.
    V6,
    /// A name with its bytes reversed.
    Name,
    /// A URL.
    Url,
}

impl KeySort {
    /// All of them.
    pub(crate) const ALL: [KeySort; 4] = [KeySort::V4, KeySort::V6, KeySort::Name, KeySort::Url];
}

/// Collects rows to remember, in the order of their keys.
#[derive(Default)]
pub(crate) struct Remembering {
    claims: Vec<Statement>,
    numbers: HashMap<Statement, u64>,
    sorts: [Rows; 4],
}

#[derive(Default)]
struct Rows {
    count: u64,
    bytes: Vec<u8>,
    last: Vec<u8>,
}

impl Remembering {
    /// The numbers of what each slot wants remembered.
    pub(crate) fn numbers(&mut self, slots: &[Slot]) -> Vec<Vec<u64>> {
        let numbers = |slot: &Slot| slot.remember.iter().map(|row| self.number(row)).collect();
        slots.iter().map(numbers).collect()
    }

    fn number(&mut self, row: &Statement) -> u64 {
        *self.numbers.entry(*row).or_insert_with(|| {
            self.claims.push(*row);
            self.claims.len() as u64 - 1
        })
    }

    /// Remembers that a key had the row of this number. Keys of one sort come in order.
    pub(crate) fn push(&mut self, sort: KeySort, key: &[u8], number: u64) {
        if let Some(rows) = self.sorts.get_mut(sort as usize) {
            rows.push(key, number);
        }
    }

    /// The file. `feeds` are the ids by number; what was let in of other feeds is forgotten.
    pub(crate) fn encode(&self, feeds: &[&str], spent: &[Spent]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend((feeds.len() as u32).to_le_bytes());
        for id in feeds {
            out.extend((id.len() as u16).to_le_bytes());
            out.extend(id.as_bytes());
        }
        encode_spent(feeds, spent, &mut out);
        out.extend((self.claims.len() as u32).to_le_bytes());
        for claim in &self.claims {
            out.extend(claim.feed.0.to_le_bytes());
            out.extend([claim.list as u8, claim.scope as u8]);
            out.extend(claim.times.first_seen.stored().to_le_bytes());
            out.extend(claim.times.detect_time.stored().to_le_bytes());
        }
        for rows in &self.sorts {
            out.extend(rows.count.to_le_bytes());
            out.extend_from_slice(&rows.bytes);
        }
        let checksum = crc32fast::hash(&out);
        out.extend(checksum.to_le_bytes());
        out
    }
}

fn encode_spent(feeds: &[&str], spent: &[Spent], out: &mut Vec<u8>) {
    let number = |spent: &Spent| feeds.iter().position(|id| *id == spent.feed);
    let known: Vec<(u16, &Spent)> =
        spent.iter().filter_map(|spent| Some((number(spent)? as u16, spent))).collect();
    out.extend((known.len() as u32).to_le_bytes());
    for (feed, Spent { digest, at, .. }) in known {
        out.extend(feed.to_le_bytes());
        out.extend(digest);
        out.extend(at.stored().to_le_bytes());
    }
}

impl Rows {
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

fn push_leb128(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Adds the rows of a state file to the columns, as claims. `feed_now` gives the number of a feed by its id.
pub(crate) fn recall(
    bytes: &[u8],
    feed_now: &dyn Fn(&str) -> Option<FeedId>,
    columns: &mut Columns,
    claims: &mut Vec<Claim>,
) -> Result<(), StateDamage> {
    let (mut read, ids, _) = Reader::open(bytes)?;
    let feeds: Vec<Option<FeedId>> = ids.iter().map(|id| feed_now(id)).collect();
    let known: Vec<Option<u32>> = (0..read.u32()?)
        .map(|_| {
            let claim = read.claim(&feeds)?;
            Ok(claim.map(|(claim, scope)| {
                claims.push(claim);
                tag(claims.len() as u32 - 1, scope)
            }))
        })
        .collect::<Result<_, StateDamage>>()?;
    for sort in KeySort::ALL {
        read.rows(|key, claim| {
            if let Some(Some(tag)) = known.get(claim) {
                push_key(columns, sort, key, *tag);
            }
        })?;
    }
    Ok(())
}

/// The downloads that were let in, as a state file remembers them.
pub(crate) fn spent(bytes: &[u8]) -> Result<Vec<Spent>, StateDamage> {
    Reader::open(bytes).map(|(_, _, spent)| spent)
}

/// The file without its checksum, which must hold.
fn checked(bytes: &[u8]) -> Result<&[u8], StateDamage> {
    let damage = |offset, expected| StateDamage { offset, expected };
    if !bytes.starts_with(&MAGIC) {
        return Err(damage(0, "the magic of a rapsheet state file"));
    }
    let (body, checksum) = bytes.split_last_chunk::<4>().ok_or_else(|| damage(bytes.len(), "a checksum"))?;
    if crc32fast::hash(body) == u32::from_le_bytes(*checksum) {
        Ok(body)
    } else {
        Err(damage(body.len(), "the checksum of what precedes it"))
    }
}

fn push_key(columns: &mut Columns, sort: KeySort, key: &[u8], tag: u32) {
    match sort {
        KeySort::Name => columns.names.push_again(key, tag),
        KeySort::Url => columns.urls.push_again(key, tag),
        KeySort::V4 => {
            let ends = key.as_chunks::<4>().0;
            if let [first, last] = ends {
                let range = AddressRange::V4 { first: be(*first) as u32, last: be(*last) as u32 };
                columns.push_range(range, tag);
            }
        }
        KeySort::V6 => {
            let ends = key.as_chunks::<16>().0;
            if let [first, last] = ends {
                columns.push_range(AddressRange::V6 { first: be(*first), last: be(*last) }, tag);
            }
        }
    }
}

/// Big-endian, because keys are sorted as bytes.
fn be<const N: usize>(bytes: [u8; N]) -> u128 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

/// The key of a range, which sorts as the range does.
pub(crate) fn range_key<const N: usize>(first: u128, last: u128) -> Vec<u8> {
    let end = |number: u128| (0..N).rev().map(move |at| (number >> (8 * at)) as u8);
    end(first).chain(end(last)).collect()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader of the claims, with the ids of feeds and what was let in, which stand before them.
    fn open(bytes: &'a [u8]) -> Result<(Reader<'a>, Vec<String>, Vec<Spent>), StateDamage> {
        let mut read = Reader { bytes: checked(bytes)?, at: MAGIC.len() };
        let version = read.u32()?;
        if ![VERSION, VERSION_WITHOUT_SPENT].contains(&version) {
            return Err(read.damage("version 1 or 2"));
        }
        let ids = (0..read.u32()?).map(|_| read.id()).collect::<Result<Vec<String>, StateDamage>>()?;
        let count = if version == VERSION { read.u32()? } else { 0 };
        let spent = (0..count).map(|_| read.spent(&ids)).collect::<Result<_, StateDamage>>()?;
        Ok((read, ids, spent))
    }

    fn id(&mut self) -> Result<String, StateDamage> {
        let length = usize::from(self.u16()?);
        let text = std::str::from_utf8(self.take(length)?).map(str::to_owned);
        text.map_err(|_| self.damage("the id of a feed"))
    }

    fn spent(&mut self, ids: &[String]) -> Result<Spent, StateDamage> {
        let feed = ids.get(usize::from(self.u16()?)).cloned();
        let digest = self.take(size_of::<Digest>())?.try_into();
        let at = Time::from_stored(self.u32()?);
        match (feed, digest) {
            (Some(feed), Ok(digest)) => Ok(Spent { feed, digest, at }),
            _ => Err(self.damage("a download of a known feed")),
        }
    }

    fn damage(&self, expected: &'static str) -> StateDamage {
        StateDamage { offset: self.at, expected }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], StateDamage> {
        let end = self.at.checked_add(length);
        let bytes =
            end.and_then(|end| self.bytes.get(self.at..end)).ok_or_else(|| self.damage("more bytes"))?;
        self.at += length;
        Ok(bytes)
    }

    fn number(&mut self, width: usize) -> Result<u64, StateDamage> {
        Ok(self.take(width)?.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn u16(&mut self) -> Result<u16, StateDamage> {
        Ok(self.number(2)? as u16)
    }

    fn u32(&mut self) -> Result<u32, StateDamage> {
        Ok(self.number(4)? as u32)
    }

    fn leb128(&mut self) -> Result<u64, StateDamage> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first().unwrap_or(&0);
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damage("a number"))
    }

    /// A claim; `None` where its feed is no longer in the catalogue.
    fn claim(&mut self, feeds: &[Option<FeedId>]) -> Result<Option<(Claim, Scope)>, StateDamage> {
        let feed = usize::from(self.u16()?);
        let (list, scope) = (self.number(1)? as usize, self.number(1)? as usize);
        let (first_seen, detect_time) = (Time::from_stored(self.u32()?), Time::from_stored(self.u32()?));
        let list = [ListKind::Block, ListKind::Allow].get(list).copied();
        let scope = [Scope::Exact, Scope::Tree, Scope::Subdomains].get(scope).copied();
        let (Some(list), Some(scope), Some(feed)) = (list, scope, feeds.get(feed)) else {
            return Err(self.damage("a claim of a known feed"));
        };
        Ok(feed.map(|feed| {
            let claim = Claim {
                feed,
                list,
                voice: Voice::Remembered,
                assessments: Assessments::EMPTY,
                first_seen: Some(first_seen),
                last_seen: Some(detect_time),
                expires: None,
            };
            (claim, scope)
        }))
    }

    fn rows(&mut self, mut visit: impl FnMut(&[u8], usize)) -> Result<(), StateDamage> {
        let mut key = Vec::new();
        for _ in 0..self.number(8)? {
            let (shared, rest, claim) = (self.leb128()? as usize, self.leb128()? as usize, self.leb128()?);
            if shared > key.len() || rest > KEY_MAX {
                return Err(self.damage("a key"));
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
    use rapsheet_snapshot::Times;

    fn statement(feed: u16, scope: Scope) -> Statement {
        let at = Time::from_unix(1_780_000_000 + i64::from(feed));
        let times = Times { first_seen: at, detect_time: at.plus(60), row_expiry: None };
        Statement { feed: FeedId(feed), list: ListKind::Block, scope, assessments: Assessments::EMPTY, times }
    }

    fn file() -> Vec<u8> {
        let mut remembering = Remembering::default();
        let mut push = |sort, key: &[u8], statement| {
            let number = remembering.number(&statement);
            remembering.push(sort, key, number);
        };
        push(KeySort::V4, &range_key::<4>(5, 9), statement(0, Scope::Exact));
        push(KeySort::V6, &range_key::<16>(7, 1 << 100), statement(0, Scope::Exact));
        push(KeySort::Name, b"moc.elpmaxe", statement(1, Scope::Tree));
        push(KeySort::Name, b"moc.elpmaxe.www", statement(1, Scope::Exact));
        push(KeySort::Url, b"http://example.com/", statement(0, Scope::Exact));
        let let_in =
            |feed: &str| Spent { feed: feed.to_owned(), digest: [7; 32], at: Time::from_unix(1_780_000_000) };
        remembering.encode(&["a", "b"], &[let_in("a"), let_in("gone")])
    }

    fn read(bytes: &[u8]) -> Result<(Columns, Vec<Claim>), StateDamage> {
        let (mut columns, mut claims) = (Columns::default(), Vec::new());
        let feed_now = |id: &str| match id {
            "a" => Some(FeedId(4)),
            "b" => Some(FeedId(2)),
            _ => None,
        };
        recall(bytes, &feed_now, &mut columns, &mut claims)?;
        Ok((columns, claims))
    }

    #[test]
    fn what_is_remembered_is_recalled_under_new_numbers() {
        let (columns, claims) = read(&file()).expect("sound");
        let names: Vec<(&[u8], u16, u32)> = columns
            .names
            .rows
            .iter()
            .map(|row| (columns.names.key(row), claims[row.tag as usize >> 2].feed.0, row.tag & 3))
            .collect();
        assert_eq!(names, [(b"moc.elpmaxe".as_slice(), 2, 1), (b"moc.elpmaxe.www", 2, 0)]);
        assert_eq!((columns.v4.rows[0].first, columns.v4.rows[0].last), (5, 9));
        assert_eq!((columns.v6.rows[0].first, columns.v6.rows[0].last), (7, 1 << 100));
        assert_eq!(columns.urls.rows.len(), 1);
        assert_eq!(claims[0].last_seen, Some(Time::from_unix(1_780_000_060)));
        let let_in = Spent { feed: "a".to_owned(), digest: [7; 32], at: Time::from_unix(1_780_000_000) };
        assert_eq!(spent(&file()), Ok(vec![let_in]));
    }

    #[test]
    fn a_file_of_the_first_version_remembers_no_download() {
        let mut file = Remembering::default().encode(&["a"], &[]);
        let spent_at = file.len() - 4 - 4 * 8 - 4 - 4;
        file.drain(spent_at..spent_at + 4);
        file[8] = 1;
        let body = file.len() - 4;
        let checksum = crc32fast::hash(&file[..body]);
        file[body..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(spent(&file), Ok(Vec::new()));
        assert!(read(&file).is_ok());
    }

    #[test]
    fn every_flip_and_every_cut_is_noticed() {
        let file = file();
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert!(read(&flipped).is_err(), "flip at {at}");
            assert!(read(&file[..at]).is_err(), "cut at {at}");
        }
    }
}
