//! Answers for the values of a column: addresses, names and URLs, each of which is a whole value.
//!
//! Tables hold millions of values, and most are in no list. So a value that is plain becomes a key, without a question
//! or a copy of its text, keys are looked up together, and a value that leads nowhere costs a status. A value that is not
//! plain is read as any question is. What providers say is held once for all values that are listed alike.
//!
//! All values are judged as of the searcher's instant, or each as of its own. Tests compare both with
//! [`Searcher::lookup`] on each value.

use crate::answer::write_range;
use crate::batch::Batch;
use crate::conclusion::overlaps;
use crate::evaluator::Unlisted;
use crate::keys::Keys;
use crate::listing::{Listing, Listings, LiveSighting};
use crate::lookup::{Hit, HitKind, find_many};
use crate::question::name_of;
use crate::question::{Item, Question};
use crate::searcher::Searcher;
use crate::set_cache::{SetCache, SetMatch};
use crate::token_reader::read_values;
use crate::verdict::specificity;
use rapsheet_snapshot::{AddressRange, Kinds, ListKind, ParseError, Scope, Status, Time};
use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};
use std::rc::Rc;

/// How many values are looked up together. Their keys fit into the first cache.
const VALUES_MAX: usize = 512;

/// How much text is looked up together, in bytes, if it is of more than one value: of long values, fewer are.
const PART_LEN_MAX: usize = 128 << 10;

/// The longest value that is read, in bytes: as the command line's longest line.
const VALUE_LEN_MAX: usize = (64 << 10) - 1;

/// Answers the values of columns, for one thread.
///
/// ```
/// # use rapsheet_query::{ColumnSearcher, Searcher, Snapshot, Status};
/// # let snapshot = Snapshot::open("../../tests/golden/v1.rap")?;
/// # let now = snapshot.built_at();
/// let searcher = Searcher::new(&snapshot, now);
/// let mut column = ColumnSearcher::new(&searcher);
/// // As Arrow has it: the values one after another, and where each of them is.
/// let answers = column.answer(b"h77.evil.comexample.org45.9.20.5", &[0..12, 12..23, 23..32]);
/// assert_eq!(answers.statuses, [Ok(Status::Blocked), Ok(Status::Unknown), Ok(Status::Blocked)]);
/// let matched: Vec<(usize, &str)> = answers.listed().map(|value| (value.at, value.matched)).collect();
/// assert_eq!(matched, [(0, "h77.evil.com"), (2, "45.9.20.5")]);
/// # Ok::<(), rapsheet_query::Error>(())
/// ```
pub struct ColumnSearcher<'s, L = Listing> {
    resolver: Resolver<'s, L>,
    keys: Keys,
    /// Values that are not plain, and URLs that may be listed.
    questions: Batch,
    /// The value of each question.
    question_values: Vec<u32>,
    /// What each value is.
    kinds: Vec<Kinds>,
    /// The answers.
    statuses: Vec<Result<Status, ParseError>>,
}

/// The answers for the values of a column.
#[derive(Debug)]
#[non_exhaustive]
pub struct ColumnAnswers<'c, L = Listing> {
    /// The overall status of each value, or why it is no indicator.
    pub statuses: &'c [Result<Status, ParseError>],
    listed: &'c [ListedAt<L>],
    matched: &'c [u8],
}

/// A value that is listed: its status is [`Status::Blocked`] or [`Status::Allowed`].
#[derive(Debug)]
#[non_exhaustive]
pub struct ListedValue<'c, L = Listing> {
    /// Its position in the column.
    pub at: usize,
    /// What providers say of it.
    pub listing: &'c L,
    /// The most specific entry that it matches, of those that have the overall status; of several, the first one in the
    /// order of their texts.
    pub matched: &'c str,
}

impl<'c, L> ColumnAnswers<'c, L> {
    /// The values that are listed, in their order.
    pub fn listed(&self) -> impl ExactSizeIterator<Item = ListedValue<'c, L>> + use<'c, L> {
        let matched = self.matched;
        self.listed.iter().map(move |listed| ListedValue {
            at: listed.at,
            listing: listed.listing.as_ref(),
            // All of it is UTF-8, and its parts were appended as such.
            matched: matched
                .get(listed.matched.clone())
                .and_then(|text| str::from_utf8(text).ok())
                .unwrap_or(""),
        })
    }
}

#[derive(Debug)]
struct ListedAt<L> {
    at: usize,
    status: Status,
    listing: Rc<L>,
    /// Where the entry is in the buffer of their texts.
    matched: Range<usize>,
}

impl<'s> ColumnSearcher<'s> {
    /// Answers as `searcher` does.
    pub fn new(searcher: &'s Searcher<'s>) -> ColumnSearcher<'s> {
        ColumnSearcher::with_listings(searcher)
    }
}

impl<'s, L: From<Listing>> ColumnSearcher<'s, L> {
    /// As [`ColumnSearcher::new`], but each listing is kept as the caller's own type, which wraps a [`Listing`] and
    /// may hold what the caller derives from it.
    pub fn with_listings(searcher: &'s Searcher<'s>) -> ColumnSearcher<'s, L> {
        ColumnSearcher {
            resolver: Resolver {
                searcher,
                listings: Listings::new(),
                sets: SetCache::new(),
                newest_first_seen: searcher.index().newest_first_seen(),
                unlisted: UnlistedByAge::default(),
                listed: Vec::new(),
                matched: Vec::new(),
            },
            keys: Keys::default(),
            questions: Batch::new(),
            question_values: Vec::new(),
            kinds: Vec::new(),
            statuses: Vec::new(),
        }
    }

    /// The answers for the values at these ranges of `text`, as of the searcher's instant. A range that is not in the
    /// text is an empty value. Beside the answers, this needs less than a megabyte.
    pub fn answer(&mut self, text: &[u8], values: &[Range<usize>]) -> ColumnAnswers<'_, L> {
        self.forget();
        self.answer_more(text, values)
    }

    /// As [`ColumnSearcher::answer`], and keeps the answers of the call before: the values are those that follow in the
    /// same column, for one whose text is in several places.
    pub fn answer_more(&mut self, text: &[u8], values: &[Range<usize>]) -> ColumnAnswers<'_, L> {
        self.answer_parts(text, values, |_| None);
        self.answers()
    }

    /// As [`ColumnSearcher::answer`], but each value as of its own instant, as a searcher of that instant answers. Where
    /// there are fewer instants than values, the searcher's holds for those that are left.
    pub fn answer_at(
        &mut self,
        text: &[u8],
        values: &[Range<usize>],
        instants: &[Time],
    ) -> ColumnAnswers<'_, L> {
        self.forget();
        self.resolver.unlisted.prepare(self.resolver.searcher);
        self.answer_parts(text, values, |at| instants.get(at).copied());
        self.answers()
    }

    fn answers(&self) -> ColumnAnswers<'_, L> {
        let Resolver { listed, matched, .. } = &self.resolver;
        ColumnAnswers { statuses: &self.statuses, listed, matched }
    }

    /// Drops the answers of the call before.
    fn forget(&mut self) {
        self.statuses.clear();
        self.resolver.listed.clear();
        self.resolver.matched.clear();
    }

    fn answer_parts(
        &mut self,
        text: &[u8],
        values: &[Range<usize>],
        instant: impl Fn(usize) -> Option<Time>,
    ) {
        let mut rest = values;
        while !rest.is_empty() {
            let (values, others) = rest.split_at(part_len(rest));
            rest = others;
            let start = self.statuses.len();
            let instant = |at: u32| instant(start + at as usize);
            let first_listed = self.resolver.listed.len();
            self.find_plain(text, values, &instant);
            let refused = self.read_questions(text, values);
            self.find_questions(&instant);
            self.conclude(first_listed, &refused, &instant);
        }
    }

    /// Looks plain values up. What is to be asked as a question is in `question_values` then.
    fn find_plain(&mut self, text: &[u8], values: &[Range<usize>], instant: &impl Fn(u32) -> Option<Time>) {
        let ColumnSearcher { resolver, keys, question_values, kinds, statuses, .. } = self;
        let (index, start) = (resolver.searcher.index(), statuses.len());
        keys.clear();
        kinds.clear();
        question_values.clear();
        read_values(text, values, keys, kinds);
        let others = (0..).zip(kinds.iter()).filter(|(_, kinds)| **kinds == Kinds::NONE);
        question_values.extend(others.map(|(at, _)| at));
        let count = question_values.len();
        keys.find_urls(index, |place| {
            // Its host is asked with it.
            kinds.get_mut(place.token as usize).into_iter().for_each(|kinds| *kinds = Kinds::NONE);
            question_values.push(place.token);
        });
        keys.find(index, |place, hits| {
            if kinds.get(place.token as usize) != Some(&Kinds::NONE) {
                let text = text.get(place.range()).unwrap_or(&[]);
                let value = Value::Text(if place.is_host { host_of(text) } else { text });
                resolver.add(start, place.token, instant(place.token), hits, &value);
            }
        });
        if question_values.len() > count {
            question_values.sort_unstable();
            question_values.dedup();
        }
    }

    /// Makes questions of the values that need one. Returns those that are no indicators; they are questions no more.
    fn read_questions(&mut self, text: &[u8], values: &[Range<usize>]) -> Vec<(u32, ParseError)> {
        let mut refused = Vec::new();
        let ColumnSearcher { questions, question_values, kinds, .. } = self;
        questions.clear();
        question_values.retain(|at| {
            let value = values.get(*at as usize).and_then(|value| text.get(value.clone()));
            let read = if value.is_some_and(|value| value.len() > VALUE_LEN_MAX) {
                Err(ParseError::TooLong)
            } else {
                questions.questions.push(value.unwrap_or(&[]))
            };
            if let Err(why) = read {
                refused.push((*at, why));
            } else if let Some(kinds) = kinds.get_mut(*at as usize) {
                *kinds = questions.questions.items().last().map_or(Kinds::NONE, Item::kinds);
            }
            read.is_ok()
        });
        refused
    }

    /// Looks the questions up.
    fn find_questions(&mut self, instant: &impl Fn(u32) -> Option<Time>) {
        let ColumnSearcher { resolver, questions, question_values, statuses, .. } = self;
        let Batch { questions, hits, .. } = questions;
        if question_values.is_empty() {
            return;
        }
        hits.clear();
        find_many(resolver.searcher.index(), questions, hits);
        let mut rest = hits.as_slice();
        for ((nth, question), at) in (0..).zip(questions.iter()).zip(question_values.iter()) {
            let count = rest.iter().take_while(|hit| hit.question == nth).count();
            let (hits, others) = rest.split_at_checked(count).unwrap_or_default();
            rest = others;
            resolver.add(statuses.len(), *at, instant(*at), hits, &Value::Question(question));
        }
    }

    /// Adds the statuses of a part, whose first listed value is `first_listed`.
    fn conclude(
        &mut self,
        first_listed: usize,
        refused: &[(u32, ParseError)],
        instant: &impl Fn(u32) -> Option<Time>,
    ) {
        let ColumnSearcher { resolver, kinds, statuses, .. } = self;
        let start = statuses.len();
        for (at, kinds) in (0..).zip(kinds.iter()) {
            statuses.push(Ok(resolver.unlisted(*kinds, instant(at))));
        }
        for (at, why) in refused {
            statuses.get_mut(start + *at as usize).into_iter().for_each(|status| *status = Err(*why));
        }
        let listed = resolver.listed.get_mut(first_listed..).unwrap_or_default();
        listed.sort_unstable_by_key(|listed| listed.at);
        for listed in listed {
            statuses.get_mut(listed.at).into_iter().for_each(|status| *status = Ok(listed.status));
        }
    }
}

/// How many of these values are looked up together; at least one.
fn part_len(values: &[Range<usize>]) -> usize {
    let part = values.get(..VALUES_MAX).unwrap_or(values);
    let lengths = part.iter().map(|value| value.len());
    if lengths.clone().fold(0, usize::saturating_add) <= PART_LEN_MAX {
        return part.len();
    }
    let fitting = lengths.scan(0_usize, |total, len| {
        *total = total.saturating_add(len);
        (*total <= PART_LEN_MAX).then_some(())
    });
    fitting.count().max(1)
}

/// The host of a plain URL.
fn host_of(url: &[u8]) -> &[u8] {
    let host = memchr::memmem::find(url, b"://").and_then(|at| url.get(at + 3..)).unwrap_or(&[]);
    let end = memchr::memchr(b'/', host).unwrap_or(host.len());
    host.get(..end).unwrap_or(&[])
}

/// A value that has hits, or is a range.
enum Value<'v> {
    /// A plain address or name, or the host of a plain URL.
    Text(&'v [u8]),
    Question(Question<'v>),
}

/// Turns hits into listed values.
struct Resolver<'s, L> {
    searcher: &'s Searcher<'s>,
    listings: Listings<L>,
    sets: SetCache<L>,
    /// Every sighting of the snapshot had been seen by then.
    newest_first_seen: Time,
    unlisted: UnlistedByAge,
    listed: Vec<ListedAt<L>>,
    /// The entries that they match.
    matched: Vec<u8>,
}

impl<L: From<Listing>> Resolver<'_, L> {
    /// Adds the value `at` of the part that begins at `start`, if it is listed.
    fn add(&mut self, start: usize, at: u32, instant: Option<Time>, hits: &[Hit], value: &Value<'_>) {
        let instant = instant.unwrap_or_else(|| self.searcher.at());
        let from = self.matched.len();
        let listed = match value {
            Value::Question(Question { item: Item::Range(range), .. }) => self.add_range(*range, instant),
            _ if hits.is_empty() => None,
            _ => self.add_hits(instant, hits, value),
        };
        if let Some((status, listing)) = listed {
            let matched = from..self.matched.len();
            self.listed.push(ListedAt { at: start + at as usize, status, listing, matched });
        }
    }

    fn add_hits(&mut self, instant: Time, hits: &[Hit], value: &Value<'_>) -> Option<(Status, Rc<L>)> {
        if let [hit] = hits
            && instant == self.searcher.at()
            && let Some(listing) = self.sets.get(self.searcher, &mut self.listings, hit)
        {
            let (status, listing, matched) = listing.as_ref()?;
            let matched = match (*matched, hit.kind) {
                (SetMatch::Prefix(length), HitKind::Address(address)) => {
                    AddressRange::from_prefix(address, length).map(Matched::Range)
                }
                (SetMatch::Name { star }, HitKind::Name { width, .. }) => Some(Matched::Name { width, star }),
                _ => None,
            };
            matched.iter().for_each(|matched| matched.write(value, &mut self.matched));
            return Some((*status, Rc::clone(listing)));
        }
        let is_confirmed = instant >= self.newest_first_seen;
        let (status, listing) = self.listings.listed_at(self.searcher, hits, instant, is_confirmed)?;
        let deciding = self.listings.live().iter().filter(|live| live.status == status);
        let best = match deciding.clone().count() {
            1 => deciding.filter_map(|live| self.matched(hits, live)).next(),
            _ => deciding.filter_map(|live| self.matched(hits, live)).min_by(listed_order),
        };
        if let Some(best) = best {
            best.write(value, &mut self.matched);
        }
        Some((status, listing))
    }

    /// What a live sighting of one of the hits matched.
    fn matched(&self, hits: &[Hit], live: &LiveSighting) -> Option<Matched> {
        Some(match hits.get(live.hit as usize)?.kind {
            HitKind::Address(address) => Matched::Range(self.searcher.index().listed(live.extent, address)?),
            HitKind::Name { width, .. } => Matched::Name { width, star: live.scope == Scope::Subdomains },
            HitKind::Url { schemeless } => Matched::Url { schemeless },
        })
    }

    /// Walks over what overlaps a range, which may be all of the snapshot, in a bounded amount of memory.
    fn add_range(&mut self, range: AddressRange, instant: Time) -> Option<(Status, Rc<L>)> {
        let (searcher, mut best) = (self.searcher, [None; 2]);
        let listed = self.listings.listed_among(searcher, |visit| {
            searcher.index().each_listed_until(range, |_, listed, sighting| {
                let retention = searcher.evaluator().retention_seconds(sighting.feed);
                if overlaps(&listed, &range) && sighting.times.live(instant, retention) {
                    let [blocked, allowed] = &mut best;
                    let best = if sighting.list == ListKind::Block { blocked } else { allowed };
                    let is_better = |best: &Matched| listed_order(best, &Matched::Range(listed)).is_gt();
                    if best.as_ref().is_none_or(is_better) {
                        *best = Some(Matched::Range(listed));
                    }
                    visit(sighting);
                }
                ControlFlow::Continue(())
            });
        });
        let (status, _) = listed.as_ref()?;
        let [blocked, allowed] = best;
        if let Some(Matched::Range(range)) = if *status == Status::Blocked { blocked } else { allowed } {
            write_range(&range, &mut self.matched);
        }
        listed
    }

    /// The status of a value of these kinds that is not listed.
    #[inline]
    fn unlisted(&mut self, kinds: Kinds, instant: Option<Time>) -> Status {
        match instant {
            None => self.searcher.evaluator().overall(kinds, false, false),
            Some(instant) => self.unlisted.at(self.searcher, kinds, instant),
        }
    }
}

/// An entry that a value matches.
#[derive(Clone, Copy)]
enum Matched {
    Range(AddressRange),
    /// The last bytes of the name; with a star where only names below are listed.
    Name {
        width: u16,
        star: bool,
    },
    Url {
        schemeless: bool,
    },
}

/// The most specific match comes first; of equal ones, the first one in the order of their texts.
fn listed_order(a: &Matched, b: &Matched) -> Ordering {
    b.specificity().cmp(&a.specificity()).then_with(|| match (a, b) {
        (Matched::Range(a), Matched::Range(b)) if a != b => a.to_string().cmp(&b.to_string()),
        // `*` and `/` come before the first character of a name and of a scheme.
        (Matched::Name { star: a, .. }, Matched::Name { star: b, .. }) => b.cmp(a),
        (Matched::Url { schemeless: a }, Matched::Url { schemeless: b }) => b.cmp(a),
        _ => Ordering::Equal,
    })
}

impl Matched {
    fn specificity(&self) -> u128 {
        match self {
            Matched::Range(range) => specificity(range),
            Matched::Name { width, .. } => u128::from(*width),
            Matched::Url { .. } => u128::MAX,
        }
    }

    /// Appends the text of the entry.
    fn write(&self, value: &Value<'_>, out: &mut Vec<u8>) {
        match (self, value) {
            (Matched::Range(range), _) => write_range(range, out),
            (Matched::Name { width, star }, _) => {
                let name = value.name();
                out.extend_from_slice(if *star { b"*." } else { b"" });
                let text = name.get(name.len().saturating_sub(usize::from(*width))..).unwrap_or(&[]);
                out.extend(text.iter().map(u8::to_ascii_lowercase));
            }
            (Matched::Url { schemeless }, Value::Question(question)) => {
                let Item::Url { text, schemeless: bare, .. } = question.item else { return };
                let text = question.questions.bytes(if *schemeless { bare } else { text });
                out.extend_from_slice(String::from_utf8_lossy(text).as_bytes());
            }
            (Matched::Url { .. }, Value::Text(_)) => {}
        }
    }
}

impl<'v> Value<'v> {
    /// The name that is asked.
    fn name(&self) -> &'v [u8] {
        match self {
            Value::Text(text) => text,
            Value::Question(Question { questions, item }) => {
                name_of(item).map_or(&[][..], |name| questions.bytes(&name.text))
            }
        }
    }
}

/// Statuses of what is not listed, as of any instant. They depend on which feeds are stale, and so change at a few
/// instants only.
#[derive(Default)]
struct UnlistedByAge {
    /// The instants after which another feed is stale, ascending.
    ends: Vec<Time>,
    /// The statuses before each end, and after the last one, once they are made.
    statuses: Vec<Option<Unlisted>>,
}

impl UnlistedByAge {
    fn prepare(&mut self, searcher: &Searcher<'_>) {
        if self.statuses.is_empty() {
            self.ends = searcher.evaluator().ends_of_freshness();
            self.statuses = vec![None; self.ends.len() + 1];
        }
    }

    fn at(&mut self, searcher: &Searcher<'_>, kinds: Kinds, instant: Time) -> Status {
        let nth = self.ends.partition_point(|end| *end < instant);
        let made = self.statuses.get_mut(nth);
        let statuses =
            made.map(|made| *made.get_or_insert_with(|| searcher.evaluator().unlisted_at(instant)));
        let status = statuses.and_then(|statuses| statuses.get(usize::from(kinds.bits())).copied());
        status.unwrap_or(Status::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapsheet_snapshot::Snapshot;

    fn snapshot() -> Snapshot {
        Snapshot::open("../../tests/golden/v1.rap").expect("the golden file")
    }

    /// Values of every kind, and texts that are nearly one.
    const OTHERS: &[&str] = &[
        "",
        " ",
        ".",
        "-",
        "_",
        "a",
        "a.",
        ".a.b",
        "a..b",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.4\n",
        " evil.com ",
        "evil.com\0",
        "e\u{301}vil.com",
        "\u{e9}vil.com",
        "xn--vil-9la.com",
        "a--b.com",
        "http://",
        "http:///x",
        "http://a",
        "http://a.b",
        "http://-.com/",
        "HTTP://EVIL.COM/A",
        "http://evil.com/ x",
        "http://u:p@evil.com/",
        "http://evil.com:80/",
        "https://evil.com/a&amp;b",
        "http://evil.com/://x",
        "ftp://evil.com/x",
        "evil.com/x",
        "2001:db8::1",
        "2001:980::1",
        "::/0",
        "0.0.0.0/0",
        "::",
        "1.2.3.4/33",
        "-.com",
        "_.com",
        "a-.com",
        "0x7f.1",
        "evil.c0m",
        "evil.i2p",
        "evil.zip",
        "http://evil.zip/",
        "http://index.php/",
        "http://evil.com/=3D",
        "http://evil.com/a,b;c'd\"e",
        "http://evil.com/%41?#",
        "\u{1f600}",
        "h77.evil.com",
        "*.evil.com",
        "||evil.com^",
        "evil.com;evil.org",
        "45.9.20.5,45.9.20.6",
    ];

    /// One in so many entries is looked up, which is a few hundred values of each kind.
    const STEP: usize = 31;

    /// Values that are listed, that are not, and that are nothing, in many spellings.
    fn values(snapshot: &Snapshot) -> Vec<String> {
        let mut values: Vec<String> = OTHERS.iter().map(|text| (*text).to_owned()).collect();
        add_names(snapshot, &mut values);
        add_urls(snapshot, &mut values);
        add_addresses(snapshot, &mut values);
        values.push("a".repeat(64) + ".com");
        values.push("a.".repeat(40) + "com");
        values.push("a.".repeat(140) + "com");
        values.push("x".repeat(VALUE_LEN_MAX + 1));
        values.push("http://evil.com/".to_owned() + &"x".repeat(VALUE_LEN_MAX - 16));
        values.push("http://evil.com/".to_owned() + &"x".repeat(VALUE_LEN_MAX - 15));
        values.push("x".repeat(3 * PART_LEN_MAX));
        values.push("http://evil.com/".to_owned() + &"x".repeat(2000));
        values
    }

    fn add_names(snapshot: &Snapshot, values: &mut Vec<String>) {
        let mut visited = 0;
        snapshot.index().each_name(|reversed, _| {
            visited += 1;
            if visited % STEP != 0 {
                return;
            }
            let mut name = reversed.to_vec();
            name.reverse();
            let name = String::from_utf8_lossy(&name).into_owned();
            let defanged = name.replace('.', "[.]");
            values.extend([
                format!("http://{name}/gate.php?a=b&c=d"),
                format!("https://www.{name}/index.html#part"),
                format!("{name}:8443"),
                format!("{name}."),
                format!("a-{name}"),
                format!("_dmarc.b--c.{}", name.to_uppercase()),
                defanged,
                name,
            ]);
        });
    }

    fn add_urls(snapshot: &Snapshot, values: &mut Vec<String>) {
        snapshot.index().each_url(|url, _| {
            let url = String::from_utf8_lossy(url).into_owned();
            values.extend([
                format!("http:{url}"),
                format!("https:{url}"),
                format!("{url}."),
                format!("{url}/x)"),
                url,
            ]);
        });
    }

    fn add_addresses(snapshot: &Snapshot, values: &mut Vec<String>) {
        let mut visited = 0;
        let all = AddressRange::V4 { first: 0, last: u32::MAX };
        snapshot.index().each_listed_until(all, |_, listed, _| {
            visited += 1;
            if visited % STEP != 0 {
                return ControlFlow::Continue(());
            }
            let (first, last) = (listed.first(), listed.last());
            values.extend([
                format!("{first}"),
                format!("{last}"),
                format!("{first}-{last}"),
                format!("{listed}"),
                format!("{first}/16"),
                format!("{first}:443"),
                format!("0{first}"),
                format!("[::ffff:{first}]"),
                format!("http://{last}/"),
                format!("http://{last}/a.b.c.d.example/.[x]"),
            ]);
            ControlFlow::Continue(())
        });
    }

    /// The answer that a searcher gives, as texts.
    fn expected(searcher: &Searcher<'_>, value: &[u8]) -> Result<(Listing, Option<String>), ParseError> {
        if value.len() > VALUE_LEN_MAX {
            return Err(ParseError::TooLong);
        }
        let verdict = searcher.lookup(value)?;
        let deciding = verdict.sources.iter().filter(|source| source.status == verdict.status);
        let best =
            deciding.min_by(|a, b| b.specificity.cmp(&a.specificity).then_with(|| a.matched.cmp(&b.matched)));
        Ok((Listing::from(&verdict), best.map(|source| source.matched.clone())))
    }

    fn check(
        text: &[u8],
        ranges: &[Range<usize>],
        answers: &ColumnAnswers<'_>,
        of: impl Fn(usize) -> Time,
    ) -> usize {
        let snapshot = snapshot();
        let mut listed = answers.listed().peekable();
        assert_eq!(answers.statuses.len(), ranges.len());
        for (at, range) in ranges.iter().enumerate() {
            let value = &text[range.clone()];
            let shown = String::from_utf8_lossy(&value[..value.len().min(99)]);
            let own = listed.next_if(|listed| listed.at == at);
            let answer =
                answers.statuses[at].map(|status| (status, own.as_ref().map(|own| own.matched.to_owned())));
            let expected = expected(&Searcher::new(&snapshot, of(at)), value);
            let in_short = expected.as_ref().map(|(listing, matched)| (listing.status, matched.clone()));
            assert_eq!(answer, in_short.map_err(|why| *why), "{shown:?} at {}", of(at));
            if let (Some(own), Ok((listing, _))) = (own, expected) {
                assert_eq!(*own.listing, listing, "{shown:?}");
            }
        }
        assert!(listed.next().is_none());
        answers.listed().count()
    }

    /// The values one after another, with a text between them or none.
    fn joined(values: &[String], between: &str) -> (Vec<u8>, Vec<Range<usize>>) {
        let (mut text, mut ranges) = (Vec::new(), Vec::new());
        for value in values {
            let start = text.len();
            text.extend_from_slice(value.as_bytes());
            ranges.push(start..text.len());
            text.extend_from_slice(between.as_bytes());
        }
        (text, ranges)
    }

    #[test]
    fn answers_as_a_searcher_does() {
        let snapshot = snapshot();
        let values = values(&snapshot);
        let built = snapshot.built_at();
        for (between, at) in
            [("", built), ("\u{e9}", built), (".", built.plus(86_400 * 9)), ("[", Time::LATEST)]
        {
            let searcher = Searcher::new(&snapshot, at);
            let mut column = ColumnSearcher::new(&searcher);
            let (text, ranges) = joined(&values, between);
            let listed = check(&text, &ranges, &column.answer(&text, &ranges), |_| at);
            assert!(listed > 20 || at == Time::LATEST, "{listed} of {}", ranges.len());
            let again = column.answer(&text, &ranges[..9]);
            assert_eq!(again.statuses.len(), 9);
        }
    }

    #[test]
    fn each_value_has_an_instant_of_its_own() {
        let snapshot = snapshot();
        let (text, ranges) = joined(&values(&snapshot), "");
        let built = snapshot.built_at();
        let searcher = Searcher::new(&snapshot, built);
        // From before the first sighting to after the last one, with those at which feeds become stale.
        let mut instants: Vec<Time> =
            (-30..40).map(|days| built.plus(days * 86_400 / 2 + 7 * days)).collect();
        let ends = searcher.evaluator().ends_of_freshness();
        instants.extend(ends.iter().flat_map(|end| [*end, end.plus(1)]));
        instants.extend([Time::from_unix(i64::MIN), Time::from_unix(i64::MAX), Time::EARLIEST]);
        let mut column = ColumnSearcher::new(&searcher);
        for shift in [0, 13, 29] {
            let of = |at: usize| instants[(at * 7 + shift) % instants.len()];
            let own: Vec<Time> = (0..ranges.len()).map(of).collect();
            let listed = check(&text, &ranges, &column.answer_at(&text, &ranges, &own), of);
            assert!(listed > 9, "{listed}");
        }
        let few = column.answer_at(&text, &ranges, &[]).statuses.to_vec();
        assert_eq!(
            few,
            column.answer(&text, &ranges).statuses,
            "the searcher's instant holds for the others"
        );
    }

    #[test]
    fn ranges_outside_of_the_text_are_empty_values() {
        let snapshot = snapshot();
        let searcher = Searcher::new(&snapshot, snapshot.built_at());
        let mut column = ColumnSearcher::new(&searcher);
        let backwards = Range { start: 3, end: 1 };
        let answers =
            column.answer(b"h77.evil.com", &[0..13, 9..9, usize::MAX..usize::MAX, backwards, 0..12]);
        let empty = Err(ParseError::BadLabel);
        assert_eq!(answers.statuses[..4], [empty; 4]);
        assert_eq!(answers.statuses[4], Ok(Status::Blocked));
        assert!(column.answer(b"", &[]).statuses.is_empty());
    }
}
