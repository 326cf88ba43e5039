//! Forty real lists of 4.7 million lines: every line is counted, and 200,000 look-ups agree with an oracle
//! that uses hash maps and scans in place of the index.

use crate::files::read_text;
use crate::large_lists::catalog;
use crate::support::{Random, assert_counts_add_up, corpus};
use rapsheet_ingest::build::{BuildInput, NoObserver, build};
use rapsheet_ingest::catalog::Catalog;
use rapsheet_ingest::decode::{self, Limits};
use rapsheet_ingest::pipeline::{
    Details, Key, ParseConfig, Position, Rules, Sink, Skip, Warnings, parse_text,
};
use rapsheet_query::Searcher;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{AddressRange, ParseError, Scope, Snapshot, Time};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// The number of line ends, and one for an unterminated last line.
fn count_lines(path: &Path) -> u64 {
    let text = read_text(path);
    let ends = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    ends + u64::from(text.last().is_some_and(|byte| *byte != b'\n'))
}

/// The entries of all lists, in standard collections.
#[derive(Default)]
struct Oracle {
    feed: usize,
    names: HashMap<String, Vec<(usize, Scope)>>,
    urls: HashMap<String, Vec<usize>>,
    v4: HashMap<u32, Vec<(u32, u32, usize)>>,
    v6: Vec<(u128, u128, usize)>,
}

impl Sink for Oracle {
    fn entry(&mut self, _: Position, key: Key<'_>, _: &Details, _: Warnings) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("canonical text");
        let feed = self.feed;
        match key {
            Key::Name(name, scope) => self.names.entry(text(name)).or_default().push((feed, scope)),
            Key::Url(url) => self.urls.entry(text(url)).or_default().push(feed),
            Key::Range(AddressRange::V6 { first, last }) => self.v6.push((first, last, feed)),
            Key::Range(AddressRange::V4 { first, last }) => {
                (first >> 16..=last >> 16)
                    .for_each(|top| self.v4.entry(top).or_default().push((first, last, feed)));
            }
        }
    }

    fn skip(&mut self, _: Position, _: Skip) {}
    fn reject(&mut self, _: Position, _: ParseError, _: &[u8]) {}
}

type Hits = BTreeSet<(usize, String)>;

impl Oracle {
    fn address(&self, address: u32, hits: &mut Hits) {
        for (first, last, feed) in self.v4.get(&(address >> 16)).map_or(&[][..], Vec::as_slice) {
            if *first <= address && address <= *last {
                hits.insert((*feed, AddressRange::V4 { first: *first, last: *last }.to_string()));
            }
        }
    }

    fn name(&self, name: &str, hits: &mut Hits) {
        let mut rest = name;
        loop {
            for (feed, scope) in self.names.get(rest).map_or(&[][..], Vec::as_slice) {
                let below = rest.len() < name.len();
                let covers = match scope {
                    Scope::Exact => !below,
                    Scope::Tree => true,
                    Scope::Subdomains => below,
                };
                if covers {
                    let star = if *scope == Scope::Subdomains { "*." } else { "" };
                    hits.insert((*feed, format!("{star}{rest}")));
                }
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return,
            }
        }
    }

    fn holds(&self, text: &str) -> bool {
        self.names.contains_key(text) || self.urls.contains_key(text)
    }

    fn lookup(&self, question: &str) -> Hits {
        let mut hits = Hits::new();
        if let Some((_, rest)) = question.split_once("//") {
            let bare = format!("//{rest}");
            for url in BTreeSet::from([question, bare.as_str()]) {
                let feeds = self.urls.get(url).map_or(&[][..], Vec::as_slice);
                hits.extend(feeds.iter().map(|feed| (*feed, url.to_owned())));
            }
            let host = rest.split(['/', '?']).next().unwrap_or_default();
            let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
            hits.extend(self.lookup(host.trim_matches(['[', ']'])));
        } else if let Ok(v4) = question.parse::<Ipv4Addr>() {
            self.address(v4.to_bits(), &mut hits);
        } else if let Ok(v6) = question.parse::<Ipv6Addr>() {
            let address = v6.to_bits();
            for (first, last, feed) in
                self.v6.iter().filter(|(first, last, _)| *first <= address && address <= *last)
            {
                hits.insert((*feed, AddressRange::V6 { first: *first, last: *last }.to_string()));
            }
        } else {
            self.name(question, &mut hits);
        }
        hits
    }
}

/// Listed indicators, their neighbours, parents and children, and unlisted ones.
fn questions(oracle: &Oracle, count: usize, random: &mut Random) -> Vec<String> {
    let mut names: Vec<&String> = oracle.names.keys().collect();
    let mut urls: Vec<&String> = oracle.urls.keys().collect();
    let mut ranges: Vec<(u32, u32)> =
        oracle.v4.values().flatten().map(|(first, last, _)| (*first, *last)).collect();
    names.sort_unstable();
    urls.sort_unstable();
    ranges.sort_unstable();
    let name = |random: &mut Random| (*random.pick(&names)).clone();
    let mut asked = Vec::with_capacity(count);
    while asked.len() < count {
        let (first, last) = *random.pick(&ranges);
        asked.push(match asked.len() % 100 {
            0..25 => Ipv4Addr::from_bits(*random.pick(&[first, last])).to_string(),
            25..40 => {
                Ipv4Addr::from_bits(*random.pick(&[first.wrapping_sub(1), last.wrapping_add(1)])).to_string()
            }
            40..45 => Ipv4Addr::from_bits(random.next() as u32).to_string(),
            45 => {
                let (first, last, _) = *random.pick(&oracle.v6);
                Ipv6Addr::from_bits(*random.pick(&[first, last, first - 1, last + 1])).to_string()
            }
            46..66 => name(random),
            66..76 => format!("sub.{}", name(random)),
            76..84 => format!("x{}", name(random)),
            84..90 => {
                let name = name(random);
                name.split_once('.')
                    .filter(|(_, parent)| parent.contains('.'))
                    .map_or(name.clone(), |(_, parent)| parent.to_owned())
            }
            90..96 => format!(
                "http:{}",
                random.pick(&urls).trim_start_matches("http:").trim_start_matches("https:")
            ),
            _ => format!("{}x", random.pick(&urls)),
        });
    }
    asked
}

#[test]
fn large_lists_agree_with_the_oracle() {
    let Some(corpus) = corpus("large_lists_agree_with_the_oracle") else { return };
    let folder = corpus.join("feeds/scale");
    let catalog = Catalog::parse(&catalog(&folder), "scale").expect("a valid catalogue");
    let now = Time::parse_rfc3339("2026-08-23T00:00:00Z").expect("a time");
    let input = BuildInput::new(&catalog, &folder, now, "test");
    let built = build(&input, &NoObserver).expect("a build");
    assert_counts_add_up(&built);
    for feed in &built.report.feeds {
        assert_eq!(feed.state, FeedState::Ok, "{}: {}", feed.id, feed.reason_text);
        assert_eq!(feed.lines, count_lines(&folder.join(&feed.file)), "{}: every line is counted", feed.id);
    }
    let snapshot = Snapshot::from_bytes(built.image.to_bytes()).expect("a valid snapshot");
    snapshot.verify_references().expect("valid references");
    let oracle = read_oracle(&catalog, &folder, now);
    compare(&snapshot, &oracle, &catalog, now.plus(3600));
}

fn read_oracle(catalog: &Catalog, folder: &Path, now: Time) -> Oracle {
    let mut oracle = Oracle::default();
    for (at, feed) in catalog.feeds.iter().enumerate() {
        oracle.feed = at;
        let file = File::open(folder.join(&feed.file)).expect("a list");
        let mut text = decode::open(file, Limits::default()).expect("gzip");
        let rules = Rules::new(now, feed.list, feed.scope);
        let config =
            ParseConfig { format: feed.format, options: &feed.options, rules: &rules, can_be_empty: false };
        parse_text(&config, &mut text, &mut oracle).expect("a list");
    }
    oracle
}

fn compare(snapshot: &Snapshot, oracle: &Oracle, catalog: &Catalog, at: Time) {
    let searcher = Searcher::new(snapshot, at);
    let (mut random, mut listed) = (Random::new(2026), 0);
    let asked = questions(oracle, 200_000, &mut random);
    for question in &asked {
        let answer = match searcher.lookup(question) {
            Ok(answer) => answer,
            // A neighbour of a real name or URL may be invalid; a listed indicator is always valid.
            Err(refusal) => {
                assert!(
                    !oracle.holds(question),
                    "{question} is listed, but is refused as a question: {refusal}"
                );
                continue;
            }
        };
        let id = |source: &rapsheet_query::Source| &snapshot.feed(source.feed).expect("a known feed").id;
        let feed =
            |source: &rapsheet_query::Source| catalog.feeds.iter().position(|feed| feed.id == *id(source));
        let found: Hits = answer
            .sources
            .iter()
            .map(|source| (feed(source).expect("a feed"), source.matched.clone()))
            .collect();
        assert_eq!(found, oracle.lookup(&answer.indicator), "{question}");
        listed += usize::from(!found.is_empty());
    }
    let share = listed * 100 / asked.len();
    for name in oracle.names.keys().chain(oracle.urls.keys()) {
        let asked = rapsheet_query::Batch::new().push(name.as_bytes());
        assert_eq!(asked, Ok(()), "{name} is listed, so that it is a valid question");
    }
    eprintln!("{} look-ups agree with the oracle, {share} % of them listed", asked.len());
    assert!((40..95).contains(&share), "both hits and misses occur: {share} %");
}
