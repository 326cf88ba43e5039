//! A simple model of feeds, retention and verdicts, compared with the program on random feeds and look-ups.
//!
//! The model keeps the sightings of each feed in a map, applies the rules one sighting at a time, and answers
//! by scanning all of them. It shares no code with the builder or the reader; it writes canonical text
//! itself.

use crate::support::{DAY, Harness, Random, day};
use rapsheet_ingest::build::BuildError;
use rapsheet_query::{Searcher, Verdict};
use rapsheet_snapshot::{Status, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    V4(u32, u32),
    V6(u128, u128),
    /// A name, whether it lists itself, and whether it lists its subdomains.
    Name(String, bool, bool),
    Url(String),
}

#[derive(Clone, Copy, Debug)]
struct Sighting {
    first: Time,
    detect: Time,
    end: Option<Time>,
}

#[derive(Clone, Debug)]
struct Feed {
    id: String,
    provider: String,
    content: Content,
    allow: bool,
    accumulated: bool,
    keep_absent: bool,
    retention: i64,
    max_age: i64,
    update: Option<Time>,
    failed: bool,
    sightings: BTreeMap<Key, Sighting>,
    last_download: BTreeMap<Key, Sighting>,
    listed_kinds: BTreeSet<u8>,
}

/// What a feed lists; decides the format of its downloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Addresses,
    Names,
    Trees,
    Below,
    Urls,
    DatedRows,
}

#[derive(Clone, Debug)]
struct Row {
    key: Key,
    first: Option<Time>,
    last: Option<Time>,
    end: Option<Time>,
}

impl Feed {
    fn live(&self, seen: &Sighting, at: Time) -> bool {
        seen.first <= at && at < self.end(seen)
    }

    fn end(&self, seen: &Sighting) -> Time {
        let by_retention = seen.detect.plus(self.retention);
        seen.end.map_or(by_retention, |end| end.min(by_retention))
    }

    /// One build.
    fn build(&mut self, download: Option<&[Row]>, update: Time, now: Time) {
        let before = std::mem::take(&mut self.sightings);
        let alive: BTreeMap<Key, Sighting> =
            before.into_iter().filter(|(_, seen)| now < self.end(seen)).collect();
        let Some(rows) = download else {
            self.failed = true;
            self.sightings = alive;
            return;
        };
        self.failed = false;
        self.update = Some(update);
        let mut today: BTreeMap<Key, Vec<&Row>> = BTreeMap::new();
        rows.iter().for_each(|row| today.entry(row.key.clone()).or_default().push(row));
        let mut rows_of_download = BTreeMap::new();
        for (key, rows) in &today {
            let seen = self.confirmed(rows, update, alive.get(key), self.last_download.get(key));
            rows_of_download.insert(key.clone(), seen);
            if now < self.end(&seen) {
                self.sightings.insert(key.clone(), seen);
            }
        }
        for (key, seen) in alive {
            if !today.contains_key(&key) && (self.accumulated || self.keep_absent) {
                self.sightings.insert(key, seen);
            }
        }
        self.last_download = rows_of_download;
        if !self.sightings.is_empty() {
            self.listed_kinds = self.sightings.keys().flat_map(kinds_of).copied().collect();
        }
    }

    fn confirmed(
        &self,
        rows: &[&Row],
        update: Time,
        previous: Option<&Sighting>,
        before: Option<&Sighting>,
    ) -> Sighting {
        let detect = if self.accumulated {
            let row_time = rows.iter().filter_map(|row| row.last.or(row.first)).max();
            let by_appearance = before.map_or(update, |seen| seen.detect);
            let detect = row_time.unwrap_or(by_appearance);
            previous.map_or(detect, |seen| detect.max(seen.detect))
        } else {
            update
        };
        let own_first = rows.iter().filter_map(|row| row.first).min();
        // Every build keeps its snapshot, so that it contains all live sightings.
        let known_first = previous.map(|seen| seen.first);
        let all_end = rows.iter().all(|row| row.end.is_some());
        Sighting {
            first: own_first.or(known_first).unwrap_or(detect),
            detect,
            end: if all_end { rows.iter().filter_map(|row| row.end).max() } else { None },
        }
    }

    fn stale(&self, at: Time) -> bool {
        self.failed || self.update.is_none_or(|update| at > update.plus(self.max_age))
    }

    /// The kinds of question that the feed answers: of what it lists, else of what its format can list.
    fn kinds(&self) -> BTreeSet<u8> {
        if !self.listed_kinds.is_empty() {
            return self.listed_kinds.clone();
        }
        match self.content {
            Content::Addresses => [4, 6].into(),
            Content::Names | Content::Trees | Content::Below => [1].into(),
            Content::Urls => [2].into(),
            Content::DatedRows => [1, 2, 4, 6].into(),
        }
    }
}

/// A list of addresses answers for both families.
fn kinds_of(key: &Key) -> &'static [u8] {
    match key {
        Key::V4(..) | Key::V6(..) => &[4, 6],
        Key::Name(..) => &[1],
        Key::Url(_) => &[2],
    }
}

#[derive(Clone, Debug)]
enum Query {
    V4(u32),
    V6(u128),
    Name(String),
    Url(String, Box<Query>),
}

impl Query {
    fn text(&self) -> String {
        match self {
            Query::V4(number) => Ipv4Addr::from_bits(*number).to_string(),
            Query::V6(number) => Ipv6Addr::from_bits(*number).to_string(),
            Query::Name(name) => name.clone(),
            Query::Url(url, _) => url.clone(),
        }
    }

    fn kinds(&self) -> Vec<u8> {
        match self {
            Query::V4(_) => vec![4],
            Query::V6(_) => vec![6],
            Query::Name(_) => vec![1],
            Query::Url(_, host) => [vec![2], host.kinds()].concat(),
        }
    }

    /// Whether a listed key matches the question.
    fn matches(&self, key: &Key) -> bool {
        match (self, key) {
            (Query::V4(number), Key::V4(first, last)) => first <= number && number <= last,
            (Query::V6(number), Key::V6(first, last)) => first <= number && number <= last,
            (Query::Name(name), Key::Name(listed, itself, below)) => {
                (*itself && name == listed) || (*below && name.ends_with(&format!(".{listed}")))
            }
            (Query::Url(url, _), Key::Url(listed)) => {
                url == listed || url.split_once(':').is_some_and(|(_, rest)| rest == listed)
            }
            (Query::Url(_, host), key) => host.matches(key),
            _ => false,
        }
    }
}

fn key_text(key: &Key) -> String {
    match key {
        Key::V4(first, last) => range_text(
            Ipv4Addr::from_bits(*first),
            Ipv4Addr::from_bits(*last),
            32,
            u128::from(first ^ last),
            u128::from(*first),
        ),
        Key::V6(first, last) => {
            range_text(Ipv6Addr::from_bits(*first), Ipv6Addr::from_bits(*last), 128, first ^ last, *first)
        }
        Key::Name(name, false, true) => format!("*.{name}"),
        Key::Name(name, ..) => name.clone(),
        Key::Url(url) => url.clone(),
    }
}

/// An address, a prefix where the range is exactly one, or `first-last`.
fn range_text<A: ToString>(first: A, last: A, bits: u32, differ: u128, start: u128) -> String {
    let width = 128 - differ.leading_zeros();
    let full = if width == 0 { 0 } else { u128::MAX >> (128 - width) };
    match width {
        0 => first.to_string(),
        _ if differ == full && start & full == 0 => format!("{}/{}", first.to_string(), bits - width),
        _ => format!("{}-{}", first.to_string(), last.to_string()),
    }
}

type ModelSource = (String, String, u8, String, Time, Time, Time, bool);

#[derive(Debug, PartialEq, Eq)]
struct ModelAnswer {
    status: u8,
    detected_by: usize,
    failed: usize,
    sources: BTreeSet<ModelSource>,
}

fn model_answer(feeds: &[Feed], query: &Query, at: Time) -> ModelAnswer {
    let mut sources = BTreeSet::new();
    let mut providers: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    let mut applicable = BTreeSet::new();
    for feed in feeds {
        let statuses = providers.entry(&feed.provider).or_default();
        if query.kinds().iter().any(|kind| feed.kinds().contains(kind)) {
            applicable.insert(feed.provider.as_str());
            if feed.stale(at) {
                statuses.insert(3);
            }
        }
        for (key, seen) in &feed.sightings {
            if query.matches(key) && feed.live(seen, at) {
                let status = u8::from(!feed.allow);
                statuses.insert(status);
                let (provider, id) = (feed.provider.clone(), feed.id.clone());
                sources.insert((
                    provider,
                    id,
                    status,
                    key_text(key),
                    seen.first,
                    seen.detect,
                    feed.end(seen),
                    feed.stale(at),
                ));
            }
        }
    }
    let verdict =
        |statuses: &BTreeSet<u8>| [1, 0, 3].into_iter().find(|status| statuses.contains(status)).unwrap_or(5);
    let verdicts: BTreeMap<&str, u8> =
        providers.iter().map(|(name, statuses)| (*name, verdict(statuses))).collect();
    let count = |wanted: u8| verdicts.values().filter(|status| **status == wanted).count();
    let all_failed = !applicable.is_empty() && applicable.iter().all(|name| verdicts.get(name) == Some(&3));
    let status = match (count(1), count(0)) {
        (1.., _) => 1,
        (0, 1..) => 0,
        _ if all_failed => 3,
        _ => 5,
    };
    ModelAnswer { status, detected_by: count(1), failed: count(3), sources }
}

fn real_answer(
    searcher: &Searcher<'_>,
    feeds: &[rapsheet_snapshot::section::origin::FeedRecord],
    answer: &Verdict,
) -> ModelAnswer {
    let sources = answer.sources.iter().map(|source| {
        let feed = &feeds[usize::from(source.feed.0)];
        assert_eq!(searcher.providers()[source.provider].name, feed.provider);
        (
            feed.provider.clone(),
            feed.id.clone(),
            source.status.number(),
            source.matched.clone(),
            source.first_seen,
            source.detect_time,
            source.expires,
            source.stale,
        )
    });
    let (status, detected_by, failed) = (answer.status.number(), answer.detected_by, answer.failed);
    let set: BTreeSet<ModelSource> = sources.collect();
    assert_eq!(set.len(), answer.sources.len(), "each source occurs once");
    ModelAnswer { status, detected_by, failed, sources: set }
}

const LABELS: [&str; 5] = ["a", "evil", "evil-b", "panel", "x1"];
const ROOTS: [&str; 4] = ["evil.com", "evil-b.com", "panel.net", "a.evil.co.uk"];

fn random_name(random: &mut Random) -> String {
    let mut name = (*random.pick(&ROOTS)).to_owned();
    for _ in 0..random.below(3) {
        name = format!("{}.{name}", random.pick(&LABELS));
    }
    name
}

fn random_address(random: &mut Random) -> Key {
    if random.one_in(4) {
        let base = 0x2A06_E480_u128 << 96;
        let bits = [128, 128, 64, 48, 33][random.below(5) as usize];
        let first = base | u128::from(random.below(4)) << 64 | u128::from(random.below(6));
        let host = if bits == 128 { 0 } else { u128::MAX >> bits };
        return Key::V6(first & !host, first | host);
    }
    let first = 0x2D09_FF00 + random.below(0x200) as u32;
    match random.below(4) {
        0 => Key::V4(first, first + random.below(40) as u32),
        1 => {
            let host = u32::MAX >> (20 + random.below(12));
            Key::V4(first & !host, first | host)
        }
        _ => Key::V4(first, first),
    }
}

fn random_url(random: &mut Random) -> String {
    let host = if random.one_in(3) { "45.9.255.7".to_owned() } else { random_name(random) };
    let scheme = *random.pick(&["http:", "https:", ""]);
    format!("{scheme}//{host}/{}", random.pick(&["", "a", "a?b=1", "A"]))
}

fn random_key(content: Content, random: &mut Random) -> Key {
    match content {
        Content::Addresses => random_address(random),
        Content::Names => Key::Name(random_name(random), true, false),
        Content::Trees => Key::Name(random_name(random), true, true),
        Content::Below => Key::Name(random_name(random), false, true),
        Content::Urls => Key::Url(random_url(random)),
        Content::DatedRows => match random.below(3) {
            0 => random_address(random),
            1 => Key::Name(random_name(random), true, false),
            _ => Key::Url(random_url(random)),
        },
    }
}

fn random_row(content: Content, now: Time, random: &mut Random) -> Row {
    let key = random_key(content, random);
    let mut time = |odds: u64| {
        (content == Content::DatedRows && !random.one_in(odds))
            .then(|| now.plus(-(random.below(20 * 24) as i64) * 3600))
    };
    let (first, last) = (time(3), time(3));
    let end = time(2).map(|time| time.plus(12 * DAY));
    Row { key, first, last, end }
}

fn download_text(content: Content, rows: &[Row]) -> String {
    let mut text = String::new();
    if content == Content::DatedRows {
        text.push_str("value,first_seen,last_seen,expires\n");
    }
    for row in rows {
        let time = |time: Option<Time>| time.map_or(String::new(), |time| time.to_string());
        let indicator = key_text(&row.key);
        let written = match content {
            Content::DatedRows => {
                writeln!(text, "{indicator},{},{},{}", time(row.first), time(row.last), time(row.end))
            }
            _ => writeln!(text, "{indicator}"),
        };
        written.expect("written to a string");
    }
    text
}

fn random_feeds(random: &mut Random) -> Vec<Feed> {
    let contents = [
        Content::Addresses,
        Content::Addresses,
        Content::Names,
        Content::Trees,
        Content::Below,
        Content::Urls,
        Content::DatedRows,
    ];
    contents
        .iter()
        .enumerate()
        .map(|(at, content)| Feed {
            id: format!("feed-{at}"),
            provider: format!("p{}.example", random.below(4)),
            content: *content,
            allow: random.one_in(4),
            accumulated: *content == Content::DatedRows || random.one_in(2),
            keep_absent: random.one_in(3),
            retention: (1 + random.below(6) as i64) * DAY,
            max_age: (1 + random.below(4) as i64) * DAY,
            update: None,
            failed: true,
            sightings: BTreeMap::new(),
            last_download: BTreeMap::new(),
            listed_kinds: BTreeSet::new(),
        })
        .collect()
}

fn catalog(feeds: &[Feed]) -> String {
    let mut text = String::new();
    for feed in feeds {
        let (format, scope, options) = match feed.content {
            Content::Addresses => ("plain-ip", "exact", ""),
            Content::Names => ("plain-domain", "exact", ""),
            Content::Trees => ("plain-domain", "tree", ""),
            Content::Below => ("domain-wildcard", "exact", "[feed.options]\nwildcard = \"strict\"\n"),
            Content::Urls => ("url-list", "exact", ""),
            Content::DatedRows => (
                "csv",
                "exact",
                "[feed.options]\nvalue = \"value\"\nfirst_seen = \"first_seen\"\nlast_seen = \"last_seen\"\nexpires = \"expires\"\n",
            ),
        };
        let list = if feed.allow { "allow" } else { "block" };
        let mode = if feed.accumulated { "accumulated" } else { "reset" };
        let (retention, max_age) = (feed.retention, feed.max_age);
        writeln!(
            text,
            "[[feed]]\nid = \"{}\"\nprovider = \"{}\"\nfile = \"{}.txt\"\nformat = \"{format}\"\nlist = \"{list}\"\n\
             mode = \"{mode}\"\nassessment = [\"blacklist\"]\nscope = \"{scope}\"\nretention = \"{retention}s\"\n\
             max_age = \"{max_age}s\"\nkeep_absent = {}\n{options}",
            feed.id, feed.provider, feed.id, feed.keep_absent
        )
        .expect("written to a string");
    }
    text
}

/// Both ends of every listed range and their neighbours, every name with its parent and a child, every URL,
/// and unlisted ones.
fn queries(feeds: &[Feed], random: &mut Random) -> Vec<Query> {
    let mut queries = vec![Query::V4(0), Query::V4(u32::MAX), Query::V6(0), Query::V6(u128::MAX)];
    let keys: BTreeSet<&Key> =
        feeds.iter().flat_map(|feed| feed.sightings.keys().chain(feed.last_download.keys())).collect();
    for key in keys {
        match key {
            Key::V4(first, last) => {
                queries.extend([first.wrapping_sub(1), *first, *last, last.wrapping_add(1)].map(Query::V4));
            }
            Key::V6(first, last) => {
                queries.extend([first.wrapping_sub(1), *first, *last, last.wrapping_add(1)].map(Query::V6));
            }
            Key::Name(name, ..) => {
                queries
                    .extend([name.clone(), format!("below.{name}"), format!("evil-{name}")].map(Query::Name));
                if let Some((_, parent)) = name.split_once('.').filter(|(_, parent)| parent.contains('.')) {
                    queries.push(Query::Name(parent.to_owned()));
                }
            }
            Key::Url(url) => {
                queries.extend([url.clone(), format!("{url}x")].iter().map(|url| query_url(url)));
            }
        }
    }
    queries.extend((0..20).map(|_| Query::Name(random_name(random))));
    queries.extend((0..20).map(|_| query_url(&random_url(random))));
    queries
}

fn query_url(url: &str) -> Query {
    let host = url.split("//").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
    let host =
        host.parse::<Ipv4Addr>().map_or_else(|_| Query::Name(host.to_owned()), |v4| Query::V4(v4.to_bits()));
    Query::Url(url.to_owned(), Box::new(host))
}

/// The instants at which an answer may change, and their neighbours.
fn instants(feeds: &[Feed], now: Time, random: &mut Random) -> Vec<Time> {
    let mut all: Vec<Time> = feeds
        .iter()
        .flat_map(|feed| {
            let stale = feed.update.map(|update| update.plus(feed.max_age + 1));
            feed.sightings.values().map(|seen| feed.end(seen)).chain(stale).collect::<Vec<Time>>()
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    let mut chosen = vec![now];
    for _ in 0..4.min(all.len()) {
        let edge = *random.pick(&all);
        chosen.extend([edge.plus(-1), edge]);
    }
    chosen
}

fn run_sequence(seed: u64) {
    let mut random = Random::new(seed);
    let mut feeds = random_feeds(&mut random);
    let mut harness = Harness::new(&catalog(&feeds));
    let mut days = 0;
    for _ in 0..4 {
        days += 1 + random.below(3) as i64;
        let now = day(days);
        let before = feeds.clone();
        for feed in &mut feeds {
            let rows: Vec<Row> =
                (0..1 + random.below(12)).map(|_| random_row(feed.content, now, &mut random)).collect();
            let failed = random.one_in(6);
            let update = now.plus(-(random.below(36) as i64) * 3600);
            let file = format!("{}.txt", feed.id);
            if failed {
                let _ = std::fs::remove_file(harness.path(&file));
            } else {
                harness.download(&file, download_text(feed.content, &rows).as_bytes(), update);
            }
            // A download older than the last accepted one is held.
            let older = feed.update.is_some_and(|last| update < last);
            feed.build((!failed && !older).then_some(rows.as_slice()), update, now);
        }
        let built = harness.try_build(now);
        if matches!(built, Err(BuildError::OlderInputs { .. })) {
            feeds = before;
            continue;
        }
        harness.keep(&built.expect("a build"));
        compare(&harness, &feeds, now, seed, &mut random);
    }
}

fn compare(harness: &Harness, feeds: &[Feed], now: Time, seed: u64, random: &mut Random) {
    let queries = queries(feeds, random);
    for at in instants(feeds, now, random) {
        let searcher = Searcher::new(harness.snapshot(), at);
        let records = &harness.snapshot().origin().feeds;
        let mut batch = rapsheet_query::Batch::new();
        let mut expected_statuses = Vec::new();
        for query in &queries {
            let expected = model_answer(feeds, query, at);
            let answer = searcher.lookup(query.text()).expect("an indicator");
            let real = real_answer(&searcher, records, &answer);
            assert_eq!(real, expected, "seed {seed}, {} at {at}, built at {now}", query.text());
            batch.push(query.text().as_bytes()).expect("an indicator");
            expected_statuses.push(expected.status);
        }
        let statuses = searcher.statuses(&mut batch);
        let statuses: Vec<u8> = statuses.iter().copied().map(Status::number).collect();
        assert_eq!(statuses, expected_statuses, "seed {seed}: statuses of the batch");
    }
}

#[test]
fn random_builds_agree_with_the_model() {
    for seed in 0..150 {
        run_sequence(seed);
    }
}
