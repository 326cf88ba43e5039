//! Random snapshots that follow from one another, for tests.
//!
//! A world is what feeds list. It changes as real ones do: entries come and go, feeds are confirmed, renamed,
//! removed, turned from block to allow. Times, scopes, prefixes and ranges are mixed as no single builder
//! would mix them.

#![allow(dead_code, reason = "each test uses some of it")]

use rapsheet_assemble::{
    Claim, ClaimSource, ClaimTable, Columns, RetentionPolicy, Rows, Scratch, SizeLimits, assemble, tag,
};
use rapsheet_snapshot::{
    AddressRange, Assessments, FeedId, FeedRecord, FeedState, FeedTraits, Image, Kinds, ListKind, Mode,
    Origin, Scope, Section, SectionBytes, Snapshot, Time,
};
use std::collections::BTreeMap;

const START: i64 = 1_787_443_200;
const DAY: i64 = 86_400;

/// Pseudo-random numbers: xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(rapsheet_snapshot::hash::spread(seed) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 11) % end.max(1)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Range(AddressRange),
    Name(String),
    Url(String),
}

#[derive(Clone, Debug)]
struct Feed {
    id: String,
    url: String,
    list: ListKind,
    retention: i64,
    /// Whether each row states times of its own.
    has_times: bool,
    assessments: u16,
    provider: u64,
    /// When its last download was retrieved.
    updated: i64,
    state: FeedState,
}

type Stated = (Assessments, i64, i64, Option<i64>);

/// What feeds list.
pub(crate) struct World {
    random: Random,
    day: i64,
    feeds: Vec<Feed>,
    next_feed: u64,
    rows: BTreeMap<(String, Key, u8), Stated>,
    size: u64,
}

impl World {
    /// Some feeds with so many rows, more or less.
    pub(crate) fn new(seed: u64, size: u64) -> World {
        let mut random = Random::new(seed);
        let feeds = 1 + random.below(5);
        let (rows, next_feed) = (BTreeMap::new(), 0);
        let mut world = World { random, day: 0, feeds: Vec::new(), next_feed, rows, size };
        (0..feeds).for_each(|_| world.add_feed());
        (0..size).for_each(|_| world.list_one());
        world
    }

    fn add_feed(&mut self) {
        self.next_feed += 1;
        let id = format!("feed-{}-{}", self.random.below(20), self.next_feed);
        let list = if self.random.one_in(4) { ListKind::Allow } else { ListKind::Block };
        self.feeds.push(Feed {
            url: format!("https://lists.example/{id}"),
            id,
            list,
            retention: 15 * DAY,
            has_times: self.random.one_in(3),
            assessments: 1 << self.random.below(10),
            provider: self.random.below(3),
            updated: START + self.day * DAY - self.random.below(9000) as i64,
            state: FeedState::Ok,
        });
        self.feeds.sort_by(|a, b| a.id.cmp(&b.id));
    }

    fn key(&mut self) -> Key {
        let random = &mut self.random;
        let letters = |random: &mut Random, count: u64| -> String {
            (0..1 + random.below(count)).map(|_| char::from(b'a' + random.below(4) as u8)).collect()
        };
        match random.below(10) {
            0..4 => {
                let at = 0x2D09_1000 + random.below(4096) as u32;
                match random.below(6) {
                    0 => Key::Range(AddressRange::V4 { first: at, last: at + random.below(40) as u32 }),
                    1 => {
                        let mask = (1 << random.below(10)) - 1;
                        Key::Range(AddressRange::V4 { first: at & !mask, last: at | mask })
                    }
                    _ => Key::Range(AddressRange::V4 { first: at, last: at }),
                }
            }
            4 => {
                let at = 0x2A00_0000_u128 << 96 | u128::from(random.below(300)) << 64;
                match random.below(3) {
                    0 => Key::Range(AddressRange::V6 { first: at, last: at }),
                    1 => Key::Range(AddressRange::V6 { first: at, last: at | u128::from(u64::MAX) }),
                    _ => Key::Range(AddressRange::V6 { first: at + 3, last: at + 1000 }),
                }
            }
            5..8 => {
                let labels = 1 + random.below(3);
                let labels: Vec<String> = (0..labels).map(|_| letters(random, 5)).collect();
                Key::Name(format!("{}.evil-one.com", labels.join(".")))
            }
            _ => {
                let (scheme, path) = (if random.one_in(5) { "" } else { "http:" }, letters(random, 9));
                Key::Url(format!("{scheme}//{}.evil-one.com/{path}", letters(random, 2)))
            }
        }
    }

    /// Lists a key, or states something else of it.
    fn list_one(&mut self) {
        if self.feeds.is_empty() {
            return;
        }
        let key = self.key();
        let feed = self.feeds[self.random.below(self.feeds.len() as u64) as usize].clone();
        let scope = if matches!(key, Key::Name(_)) { self.random.below(3) as u8 } else { 0 };
        let now = START + self.day * DAY;
        let stated = match feed.has_times {
            true => {
                let first = now - self.random.below(40) as i64 * 3600 - self.random.below(9) as i64;
                let last = first + self.random.below(1000) as i64;
                let expiry = self.random.one_in(3).then(|| last + 9000 + self.random.below(99) as i64);
                (Assessments::from_bits(1 << self.random.below(11)), first, last, expiry)
            }
            false => (Assessments::from_bits(feed.assessments), now, now, None),
        };
        self.rows.insert((feed.id, key, scope), stated);
    }

    /// What can be asked of this build: all keys, and what is near them.
    pub(crate) fn questions(&self) -> Vec<String> {
        let mut questions = Vec::new();
        for (_, key, _) in self.rows.keys() {
            match key {
                Key::Range(range) => questions.extend([range.first().to_string(), range.to_string()]),
                Key::Name(name) => questions.extend([name.clone(), format!("w.{name}")]),
                Key::Url(url) if url.starts_with("//") => questions.push(format!("https:{url}")),
                Key::Url(url) => questions.push(url.clone()),
            }
        }
        questions.extend(["45.9.16.0/22", "evil-one.com", "a.evil-one.com"].map(str::to_owned));
        questions
    }

    /// The feeds have new downloads, or the old ones.
    fn download(&mut self) {
        let now = START + self.day * DAY;
        for feed in &mut self.feeds {
            feed.state = match self.random.below(8) {
                0 => FeedState::Failed,
                1 => FeedState::Held,
                _ => FeedState::Ok,
            };
            if feed.state == FeedState::Ok && !self.random.one_in(6) {
                feed.updated = now - self.random.below(9000) as i64;
            }
        }
    }

    /// A night passes.
    pub(crate) fn pass(&mut self) {
        self.day += 1;
        self.change_feeds();
        self.download();
        let share = [0, 1, 2, 10, 60][self.random.below(5) as usize];
        let keys: Vec<_> = self.rows.keys().cloned().collect();
        for key in keys {
            if self.random.below(100) < share {
                self.rows.remove(&key);
            }
        }
        (0..self.size * share / 100).for_each(|_| self.list_one());
        let now = START + self.day * DAY;
        for feed in self.feeds.clone() {
            let (kind, assessments) =
                (self.random.below(4), Assessments::from_bits(1 << self.random.below(10)));
            for ((id, ..), stated) in self.rows.iter_mut().filter(|((id, ..), _)| *id == feed.id) {
                debug_assert_eq!(*id, feed.id);
                match kind {
                    // Confirmed.
                    0 if !feed.has_times => stated.2 = now,
                    1 if !feed.has_times => stated.2 = feed.updated - 3600 * (feed.assessments % 3) as i64,
                    // The catalogue says something else of it.
                    2 if self.random.below(9) == 0 => stated.0 = assessments,
                    _ => {}
                }
            }
        }
        if self.random.one_in(12) {
            self.rows.clear();
        }
    }

    fn change_feeds(&mut self) {
        let at = self.random.below(self.feeds.len() as u64) as usize;
        match self.random.below(10) {
            0 => self.add_feed(),
            1 if !self.feeds.is_empty() => {
                let gone = self.feeds.remove(at).id;
                self.rows.retain(|(id, ..), _| *id != gone);
            }
            2 if !self.feeds.is_empty() => {
                let before = self.feeds[at].id.clone();
                self.feeds[at].id = format!("{}-{before}", self.random.below(9));
                let now = self.feeds[at].id.clone();
                let renamed = std::mem::take(&mut self.rows).into_iter().map(|((id, key, scope), stated)| {
                    ((if id == before { now.clone() } else { id }, key, scope), stated)
                });
                self.rows = renamed.collect();
                self.feeds.sort_by(|a, b| a.id.cmp(&b.id));
            }
            3 if !self.feeds.is_empty() => self.feeds[at].list = self.feeds[at].list.inverted(),
            4 if !self.feeds.is_empty() => self.feeds[at].retention += DAY,
            _ => {}
        }
    }

    /// The snapshot of this night.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::from_bytes(self.image()).expect("a sound snapshot")
    }

    fn image(&self) -> Vec<u8> {
        let (mut claims, mut columns) = (ClaimTable::new(SizeLimits::default()), Columns::default());
        for ((id, key, scope), (assessments, first, last, expires)) in &self.rows {
            let feed = self.feeds.iter().position(|feed| feed.id == *id).expect("a feed");
            let at = Time::from_unix;
            let claim = Claim {
                feed: FeedId(feed as u16),
                list: self.feeds[feed].list,
                source: ClaimSource::PreviousSnapshot,
                assessments: *assessments,
                first_seen: Some(at(*first)),
                last_seen: Some(at(*last)),
                expires: expires.map(at),
            };
            let scope = [Scope::Exact, Scope::Tree, Scope::Subdomains][usize::from(*scope)];
            let number = claims.push(claim).expect("few");
            claims.count_use(number);
            let tag = tag(number, scope);
            match key {
                Key::Range(range) => columns.push_range(*range, tag),
                Key::Name(name) => columns.names.push(name.bytes().rev(), tag),
                Key::Url(url) => columns.urls.push(url.bytes(), tag),
            }
        }
        let scratch = Scratch::unlimited();
        let mut rows = Rows::new(&scratch);
        rows.add(columns, 0);
        let now = Time::from_unix(START + self.day * DAY);
        let policies: Vec<RetentionPolicy> = self.feeds.iter().map(policy).collect();
        let mut sections = assemble(rows, &claims, &policies, &mut ()).expect("few rows").sections;
        let origin = Origin { generator: "test".to_owned(), feeds: self.feeds.iter().map(record).collect() };
        let bytes = origin.encode().expect("few feeds");
        sections.push(SectionBytes::new(Section::Origin, self.feeds.len(), bytes));
        Image::new(now, sections).to_bytes()
    }
}

fn policy(feed: &Feed) -> RetentionPolicy {
    RetentionPolicy {
        mode: Mode::Accumulated,
        keep_absent: true,
        retention_seconds: i64::MAX,
        accepted: false,
        update_time: Time::EARLIEST,
        confirmed: Time::EARLIEST,
        list: feed.list,
        assessments: Assessments::EMPTY,
        now: Time::EARLIEST,
    }
}

fn record(feed: &Feed) -> FeedRecord {
    let traits = FeedTraits {
        list: feed.list,
        mode: if feed.has_times { Mode::Accumulated } else { Mode::Reset },
        kinds: [Kinds::ALL, Kinds::ADDRESS, Kinds::NAME][feed.provider as usize],
        assessments: Assessments::from_bits(feed.assessments),
        update_time: Some(Time::from_unix(feed.updated)),
    };
    let mut record = FeedRecord::new(&feed.id, &format!("lists-{}.example", feed.provider), traits);
    record.state = feed.state;
    record.url.clone_from(&feed.url);
    record.retention_seconds = feed.retention;
    record
}
