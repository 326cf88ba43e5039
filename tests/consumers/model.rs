//! A model of feeds: what they list, drawn from a seed, and what that means, found by looking at all of it.
//! It shares no code with what it tests.

use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The feeds: id, format, list, assessment, retention in days, and further keys. Each provider is named once
/// or twice, so that some of what several feeds list is listed by one provider alone.
const FEEDS: [FeedRow; 9] = [
    FeedRow::new("one-ip", "one.example", "ip-range", "block", "botnet", 15),
    FeedRow::new("two-ip", "two.example", "ip-range", "block", "scanner", 60),
    FeedRow::new("good-ip", "good.example", "ip-range", "allow", "trustworthy", 15),
    FeedRow::new("past-ip", "one.example", "ip-range", "block", "spam", 1),
    FeedRow::new("one-names", "one.example", "domain-wildcard", "block", "phishing", 15),
    FeedRow::new("two-names", "two.example", "domain-wildcard", "block", "malware", 60),
    FeedRow::new("good-names", "good.example", "domain-wildcard", "allow", "trustworthy", 15),
    FeedRow::new("past-names", "two.example", "domain-wildcard", "block", "spam", 1),
    FeedRow::new("urls", "two.example", "url-list", "block", "malware", 15),
];

/// A row of the catalogue.
pub(super) struct FeedRow {
    pub(super) id: &'static str,
    pub(super) provider: &'static str,
    format: &'static str,
    list: &'static str,
    pub(super) assessment: &'static str,
    retention_days: u32,
}

impl FeedRow {
    const fn new(
        id: &'static str,
        provider: &'static str,
        format: &'static str,
        list: &'static str,
        assessment: &'static str,
        retention_days: u32,
    ) -> FeedRow {
        FeedRow { id, provider, format, list, assessment, retention_days }
    }

    /// Whether what it lists has ended by the time of the questions.
    fn is_past(&self) -> bool {
        self.retention_days == 1
    }

    fn is_block(&self) -> bool {
        self.list == "block"
    }

    fn toml(&self) -> String {
        let FeedRow { id, provider, format, list, assessment, retention_days } = self;
        let options =
            if *format == "domain-wildcard" { "[feed.options]\nwildcard = \"strict\"\n" } else { "" };
        format!(
            "[[feed]]\nid = \"{id}\"\nprovider = \"{provider}\"\nfile = \"{id}.txt\"\nformat = \"{format}\"\n\
             list = \"{list}\"\nassessment = \"{assessment}\"\nretention = \"{retention_days}d\"\n\
             scope = \"exact\"\n{options}"
        )
    }
}

/// Which names a listed name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Exact,
    Tree,
    Below,
}

impl Scope {
    fn covers_name(self) -> bool {
        self != Scope::Below
    }

    fn covers_below(self) -> bool {
        self != Scope::Exact
    }
}

/// Which scopes a format can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Exact,
    ExactAndTree,
    All,
}

/// What feeds say of an indicator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The providers that block it.
    pub(super) providers: BTreeSet<&'static str>,
    /// Their assessments.
    pub(super) assessments: BTreeSet<&'static str>,
    pub(super) is_allowed: bool,
    /// For how many days after the download it is blocked.
    pub(super) days: u32,
}

impl Verdict {
    pub(super) fn is_blocked(&self) -> bool {
        !self.providers.is_empty()
    }

    fn add(&mut self, feed: &FeedRow) {
        if feed.is_block() {
            self.providers.insert(feed.provider);
            self.assessments.insert(feed.assessment);
            self.days = self.days.max(feed.retention_days);
        } else {
            self.is_allowed = true;
        }
    }
}

/// A range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) is_ipv6: bool,
    pub(super) first: u128,
    pub(super) last: u128,
}

impl Range {
    pub(super) fn address(is_ipv6: bool, bits: u128) -> IpAddr {
        match is_ipv6 {
            true => Ipv6Addr::from_bits(bits).into(),
            false => Ipv4Addr::from_bits(u32::try_from(bits).expect("an IPv4 address")).into(),
        }
    }

    fn text(&self) -> String {
        let (first, last) =
            (Range::address(self.is_ipv6, self.first), Range::address(self.is_ipv6, self.last));
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    }
}

/// What all feeds list.
pub(super) struct Model {
    pub(super) ranges: Vec<(usize, Range)>,
    names: BTreeMap<String, Vec<(usize, Scope)>>,
    pub(super) urls: Vec<String>,
}

impl Model {
    pub(super) fn new(seed: u64) -> Model {
        let mut random = Random::new(seed);
        let mut model = Model { ranges: Vec::new(), names: BTreeMap::new(), urls: Vec::new() };
        model.draw_ranges(&mut random);
        model.draw_names(&mut random);
        for at in 0..300 {
            // Some hosts are listed as names, too; most are not.
            let host = if at % 5 == 0 { model.some_name(&mut random) } else { base_name(&mut random) };
            model.urls.push(format!("http://{host}/{}", label(&mut random)));
        }
        model
    }

    fn draw_ranges(&mut self, random: &mut Random) {
        for feed in 0..4 {
            for at in 0..1000 {
                let is_ipv6 = at % 3 == 0;
                let earlier = match random.below(3) {
                    0 => self.ranges.get(random.below(self.ranges.len() as u64) as usize).map(|row| row.1),
                    _ => None,
                };
                let range = match earlier {
                    Some(range) => near(random, range),
                    None => fresh(random, is_ipv6),
                };
                self.ranges.push((feed, range));
            }
        }
    }

    fn draw_names(&mut self, random: &mut Random) {
        for feed in 4..8 {
            for _ in 0..1000 {
                let name = match random.below(5) {
                    0 | 1 if !self.names.is_empty() => {
                        let parent = self.some_name(random);
                        format!("{}.{parent}", label(random))
                    }
                    2 if !self.names.is_empty() => self.some_name(random),
                    _ => base_name(random),
                };
                let scope = match random.below(4) {
                    0 | 1 => Scope::Exact,
                    2 => Scope::Tree,
                    _ => Scope::Below,
                };
                self.names.entry(name).or_default().push((feed, scope));
            }
        }
    }

    /// A name that is listed.
    fn some_name(&self, random: &mut Random) -> String {
        let at = random.below(self.names.len() as u64) as usize;
        self.names.keys().nth(at).expect("a name").clone()
    }

    /// The catalogue, and the file of each feed.
    pub(super) fn files(&self) -> (String, Vec<(String, String)>) {
        let catalog: String = FEEDS.iter().map(FeedRow::toml).collect();
        let mut texts = vec![String::new(); FEEDS.len()];
        for (feed, range) in &self.ranges {
            texts[*feed] += &format!("{}\n", range.text());
        }
        for (name, rows) in &self.names {
            for (feed, scope) in rows {
                let mark = [(Scope::Exact, "="), (Scope::Tree, "+."), (Scope::Below, "*.")];
                let (_, mark) = mark.iter().find(|(of, _)| of == scope).expect("a mark");
                texts[*feed] += &format!("{mark}{name}\n");
            }
        }
        texts[8] = self.urls.iter().map(|url| format!("{url}\n")).collect();
        let names = FEEDS.iter().map(|feed| format!("{}.txt", feed.id));
        (catalog, names.zip(texts).collect())
    }

    /// What is said of an address.
    pub(super) fn address(&self, is_ipv6: bool, bits: u128) -> Verdict {
        let mut verdict = Verdict::default();
        for (feed, range) in &self.ranges {
            let feed = &FEEDS[*feed];
            if range.is_ipv6 == is_ipv6 && (range.first..=range.last).contains(&bits) && !feed.is_past() {
                verdict.add(feed);
            }
        }
        verdict
    }

    /// What is said of a name, or, with `below`, of all names below it.
    fn name_or_below(&self, name: &str, below: bool) -> Verdict {
        let mut verdict = Verdict::default();
        for (at, ancestor) in ancestors(name).enumerate() {
            for (feed, scope) in self.listings(ancestor) {
                let covers = if at > 0 || below { scope.covers_below() } else { scope.covers_name() };
                if covers {
                    verdict.add(feed);
                }
            }
        }
        verdict
    }

    /// What is said of a name.
    pub(super) fn name(&self, name: &str) -> Verdict {
        self.name_or_below(name, false)
    }

    /// What feeds say of this name, and have not ceased to say.
    fn listings(&self, name: &str) -> impl Iterator<Item = (&FeedRow, Scope)> {
        let rows = self.names.get(name).map_or(&[][..], Vec::as_slice);
        rows.iter().map(|(feed, scope)| (&FEEDS[*feed], *scope)).filter(|(feed, _)| !feed.is_past())
    }

    /// Whether a name is listed itself, and not only one above it.
    pub(super) fn is_listed(&self, name: &str) -> bool {
        self.listings(name).any(|(_, scope)| scope.covers_name())
    }

    /// Whether a format that says so much blocks a name. It has an entry for each name that is listed itself,
    /// and for all names below it if the format has a word for that; what remains is lost as `scope`.
    pub(super) fn is_written(&self, name: &str, says: Says) -> bool {
        let is_tree = |name: &str| {
            self.is_listed(name)
                && self.listings(name).any(|(_, scope)| scope.covers_below())
                && self.name(name).is_blocked()
                && self.name_or_below(name, true).is_blocked()
        };
        self.name(name).is_blocked()
            && match says {
                Says::All => true,
                Says::Exact => self.is_listed(name),
                Says::ExactAndTree => self.is_listed(name) || ancestors(name).skip(1).any(is_tree),
            }
    }

    /// Addresses to ask for, in no order: the ends of ranges, what is next to them, what is within, and
    /// others.
    pub(super) fn addresses(&self, count: usize) -> Vec<(bool, u128)> {
        let mut random = Random::new(7);
        let mut all: BTreeSet<(bool, u128)> = BTreeSet::new();
        for (_, Range { is_ipv6, first, last }) in &self.ranges {
            let middle = first + (last - first) / 2;
            let fresh = fresh(&mut random, *is_ipv6).first;
            all.extend([first - 1, *first, middle, *last, last + 1, fresh].map(|bits| (*is_ipv6, bits)));
        }
        shuffled(all.into_iter().collect(), &mut random, count)
    }

    /// Names to ask for, in no order: what is listed, what is above and below, and what looks alike.
    pub(super) fn names(&self, count: usize) -> Vec<String> {
        let mut random = Random::new(8);
        let mut all: BTreeSet<String> = BTreeSet::new();
        for name in self.names.keys() {
            let below = format!("{}.{name}", label(&mut random));
            all.extend([format!("not{name}"), format!("a.b.{below}"), below, base_name(&mut random)]);
            all.extend(name.split_once('.').map(|(_, parent)| parent.to_owned()));
            all.insert(name.clone());
        }
        all.extend(self.urls.iter().filter_map(|url| url.split('/').nth(2)).map(str::to_owned));
        all.retain(|name| name.contains('.') && name.len() < 200);
        shuffled(all.into_iter().collect(), &mut random, count)
    }
}

/// A name and those above it, but for the last label.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

fn shuffled<T>(mut all: Vec<T>, random: &mut Random, count: usize) -> Vec<T> {
    for at in (1..all.len()).rev() {
        all.swap(at, random.below(at as u64 + 1) as usize);
    }
    all.truncate(count);
    all
}

/// A range that no other is meant to touch.
fn fresh(random: &mut Random, is_ipv6: bool) -> Range {
    const OCTETS: [u128; 6] = [45, 89, 103, 146, 178, 212];
    let bits = u128::from(random.next()) << 64 | u128::from(random.next());
    // Half are single addresses.
    let host_bits = if random.below(2) == 0 { 0 } else { random.below(if is_ipv6 { 72 } else { 11 }) };
    let start = match is_ipv6 {
        true => 0x2a06_e480 << 96 | (bits & u128::MAX >> 32),
        false => OCTETS[random.below(6) as usize] << 24 | (bits & 0x00ff_ffff).clamp(0x1000, 0x00ff_0000),
    };
    let first = start >> host_bits << host_bits;
    Range { is_ipv6, first, last: first + (1 << host_bits) - 1 }
}

/// A range that continues another, lies in it, or overlaps it.
fn near(random: &mut Random, Range { is_ipv6, first, last }: Range) -> Range {
    let size = last - first + 1;
    let part = (size / 3).max(1);
    match random.below(4) {
        0 => Range { is_ipv6, first: last + 1, last: last + part },
        1 => Range { is_ipv6, first: first + size / 4, last: first + size / 2 },
        2 => Range { is_ipv6, first: first + size / 2, last: last + part },
        _ => Range { is_ipv6, first, last },
    }
}

fn label(random: &mut Random) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut text: String = (0..4 + random.below(8)).map(|_| char::from(*random.pick(LETTERS))).collect();
    match random.below(8) {
        0 => text.insert(2, '-'),
        1 => text.insert(0, '_'),
        _ => {}
    }
    text
}

/// A name right below a public suffix.
fn base_name(random: &mut Random) -> String {
    let suffix = random.pick(&["com", "net", "org", "co.uk", "info"]).to_string();
    format!("{}.{suffix}", label(random).trim_start_matches('_'))
}
