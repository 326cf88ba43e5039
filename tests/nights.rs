//! Real feeds over real nights, against a model that goes from day to day with a map and the words of the contract.
//!
//! Every list is read three times, as `reset`, as `reset` with `keep_absent` and as `accumulated`. Some nights are
//! missed and some are built twice. After each, everything that the snapshot holds is compared, and what it answers at
//! the instants where answers change.

use crate::support::{DAY, House, contents, corpus};
use rapsheet_ingest::report::FeedReport;
use rapsheet_query::Searcher;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{AddressRange, Status, Time, url};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// How one feed's nights go by, by the contract's section 2.
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) accumulated: bool,
    pub(crate) keep_absent: bool,
    pub(crate) retention: i64,
    pub(crate) max_age: i64,
    pub(crate) update: Option<Time>,
    pub(crate) in_trouble: bool,
    /// first_seen and detect_time of each sighting.
    pub(crate) sightings: BTreeMap<String, (Time, Time)>,
    /// When each row of the last accepted download newly appeared.
    rows: BTreeMap<String, Time>,
}

impl Model {
    pub(crate) fn new(id: &str, accumulated: bool, keep_absent: bool) -> Model {
        Model {
            id: id.to_owned(),
            accumulated,
            keep_absent,
            retention: 15 * DAY,
            max_age: 3 * DAY,
            update: None,
            in_trouble: true,
            sightings: BTreeMap::new(),
            rows: BTreeMap::new(),
        }
    }

    /// The three ways in which a feed can be read.
    fn three() -> [Model; 3] {
        [Model::new("reset", false, false), Model::new("keep", false, true), Model::new("acc", true, false)]
    }

    pub(crate) fn catalog(&self, format: &str, file: &str, guard: &str) -> String {
        let mode = if self.accumulated { "accumulated" } else { "reset" };
        format!(
            "[[feed]]\nid = \"{}\"\nprovider = \"{}.example\"\nfile = \"{file}\"\nformat = \"{format}\"\nmode = \"{mode}\"\n\
             keep_absent = {}\nretention = \"{}s\"\nmax_age = \"{}s\"\n{guard}\n",
            self.id, self.id, self.keep_absent, self.retention, self.max_age
        )
    }

    /// One night; `None` where the download is not taken.
    pub(crate) fn night(&mut self, download: Option<&BTreeSet<String>>, update: Time, now: Time) {
        let retention = self.retention;
        self.sightings.retain(|_, (_, detect)| now < detect.plus(retention));
        self.in_trouble = download.is_none();
        let Some(download) = download else { return };
        self.update = Some(update);
        if !self.accumulated && !self.keep_absent {
            self.sightings.retain(|key, _| download.contains(key));
        }
        let mut rows = BTreeMap::new();
        for key in download {
            let appeared = *self.rows.get(key).unwrap_or(&update);
            rows.insert(key.clone(), appeared);
            let before = self.sightings.get(key).copied();
            let detect = match before {
                _ if !self.accumulated => update,
                Some((_, detect)) => detect.max(appeared),
                None => appeared,
            };
            if now < detect.plus(retention) {
                self.sightings.insert(key.clone(), (before.map_or(detect, |(first, _)| first), detect));
            }
        }
        self.rows = rows;
    }

    /// The state file is lost: what the last download held is not known any more.
    pub(crate) fn forget(&mut self) {
        self.rows.clear();
    }

    /// A night whose state was published, and whose snapshot was not.
    pub(crate) fn tear(&mut self, download: Option<&BTreeSet<String>>, update: Time) {
        let appeared = |key: &String| (key.clone(), *self.rows.get(key).unwrap_or(&update));
        self.rows = download.map_or_else(|| self.rows.clone(), |list| list.iter().map(appeared).collect());
    }

    pub(crate) fn is_stale(&self, at: Time) -> bool {
        self.in_trouble || self.update.is_none_or(|update| at > update.plus(self.max_age))
    }
}

/// What the snapshot holds is what the models hold.
pub(crate) fn assert_contents(house: &House, models: &[Model], told: &str) {
    let sightings = |model: &Model| {
        let id = model.id.clone();
        let pairs: Vec<_> =
            model.sightings.iter().map(|(key, seen)| ((id.clone(), key.clone()), *seen)).collect();
        pairs
    };
    let expected: BTreeMap<(String, String), (Time, Time)> = models.iter().flat_map(sightings).collect();
    let real = contents(house.snapshot());
    let differ = |(key, seen): &(&(String, String), &(Time, Time))| expected.get(*key) != Some(*seen);
    let wrong = real.iter().find(differ);
    assert_eq!(wrong, None, "{told}: the model says {:?}", wrong.and_then(|(key, _)| expected.get(key)));
    let lost = expected.keys().find(|key| !real.contains_key(*key));
    assert_eq!(lost, None, "{told}: a sighting is lost");
}

/// Sightings to be asked, and the model that knows them.
type Asked<'m> = (&'m Model, Vec<(&'m String, &'m (Time, Time))>);

/// One sighting for each pair of times that there is: times and retention alone decide.
fn one_of_each(model: &Model) -> Asked<'_> {
    let of_times: BTreeMap<_, _> = model.sightings.iter().map(|(key, times)| (times, key)).collect();
    (model, of_times.into_iter().map(|(times, key)| (key, times)).collect())
}

fn every_seventeenth(model: &Model) -> Asked<'_> {
    (model, model.sightings.iter().step_by(17).collect())
}

/// What is answered at an instant is what the models say.
fn assert_answers(house: &House, asked: &[Asked<'_>], at: Time, told: &str) {
    let searcher = Searcher::new(house.snapshot(), at);
    for (model, sightings) in asked {
        for (key, (first, detect)) in sightings {
            let answer = searcher.lookup(key).expect("a sighting's indicator is a question");
            let is_it = |source: &&rapsheet_query::Source| {
                let feed = house.snapshot().feed(source.feed).map(|feed| feed.id.as_str());
                feed == Some(model.id.as_str()) && source.matched == **key
            };
            let found = answer.sources.iter().find(is_it);
            let expires = detect.plus(model.retention);
            let live = *first <= at && at < expires;
            let said =
                found.map(|source| (source.first_seen, source.detect_time, source.expires, source.stale));
            let expected = live.then(|| (*first, *detect, expires, model.is_stale(at)));
            assert_eq!(said, expected, "{told}: {} says of {key} at {at}", model.id);
        }
    }
    let all_stale = asked.iter().all(|(model, _)| model.is_stale(at));
    let stranger = searcher.lookup("9.9.9.9").expect("an address").status;
    let of_names = asked
        .iter()
        .flat_map(|(_, sightings)| sightings)
        .any(|(key, _)| key.contains('/') && key.contains(':'));
    let expected = if all_stale && !of_names { Status::Failed } else { Status::Unknown };
    assert_eq!(stranger, expected, "{told}: of a stranger at {at}");
}

/// The instants at which anything changes, those beside them, and a few in between.
fn edges(models: &[Model], now: Time) -> BTreeSet<Time> {
    let ends = models
        .iter()
        .flat_map(|model| model.sightings.values().map(|(_, detect)| detect.plus(model.retention)));
    let stale = models.iter().filter_map(|model| Some(model.update?.plus(model.max_age)));
    let edges: BTreeSet<Time> = ends.chain(stale).collect();
    let around = edges.into_iter().flat_map(|edge| [edge.plus(-1), edge, edge.plus(1)]);
    let between = [0, DAY + 1, 5 * DAY + 7, 11 * DAY + 3601].map(|later| now.plus(later));
    around.chain(between).filter(|at| *at >= now).collect()
}

/// The indicators of a list, as answers spell them.
fn keys(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(key).collect()
}

/// `None` for a URL that nobody could visit, such as one that was cut off with dots.
fn key(line: &str) -> Option<String> {
    if line.contains("://") {
        let mut out = Vec::new();
        url::canonical(line.as_bytes(), &mut out).ok()?;
        return Some(String::from_utf8(out).expect("URLs are ASCII"));
    }
    Some(AddressRange::parse(line.as_bytes()).expect("an address").range.to_string())
}

fn unpacked(path: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path).expect("a night");
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut text).expect("a gzip file");
    text
}

/// The nights of a history, in order: when the list was retrieved, and its file.
fn nights_of(folder: &Path) -> Vec<(Time, std::path::PathBuf)> {
    let times: BTreeMap<String, Time> = std::fs::read_to_string(folder.join("TIMES.tsv"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            Some((columns.next()?.to_owned(), Time::parse_rfc3339(columns.next()?)?))
        })
        .collect();
    let mut nights: Vec<(Time, std::path::PathBuf)> = std::fs::read_dir(folder)
        .expect("a history")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| {
            let day = path.file_name()?.to_str()?.strip_suffix(".txt.gz")?.to_owned();
            let time = times.get(&day).copied();
            Some((time.or_else(|| Time::parse_rfc3339(&format!("{day}T03:00:00Z")))?, path))
        })
        .collect();
    nights.sort();
    nights
}

/// Plays a history; returns how many nights were built and how many downloads were held.
fn replay(corpus: &Path, name: &str, format: &str) -> (usize, usize) {
    let mut models = Model::three();
    let catalog: String = models.iter().map(|model| model.catalog(format, "list.txt", "")).collect();
    let mut house = House::new(&catalog);
    let (mut built, mut held) = (0, 0);
    for (at, (update, path)) in nights_of(&corpus.join("history").join(name)).iter().enumerate() {
        if at % 11 == 7 {
            continue;
        }
        let (text, now) = (unpacked(path), update.plus(600));
        let told = format!("{name}, {now}");
        house.download("list.txt", &text, *update);
        let night = house.night(now);
        built += 1;
        let list = keys(&String::from_utf8(text).expect("text"));
        let is_held = list.is_empty();
        held += usize::from(is_held);
        assert_states(&night.report.feeds, is_held, &told);
        models.iter_mut().for_each(|model| model.night((!is_held).then_some(&list), *update, now));
        assert_contents(&house, &models, &told);
        let few: Vec<Asked<'_>> = models.iter().map(one_of_each).collect();
        edges(&models, now).into_iter().for_each(|at| assert_answers(&house, &few, at, &told));
        let many: Vec<Asked<'_>> = models.iter().map(every_seventeenth).collect();
        [now, update.plus(15 * DAY - 1)].into_iter().for_each(|at| assert_answers(&house, &many, at, &told));
        if at % 5 == 2 {
            let again = house.night(now);
            assert!(again.image.to_bytes() == night.image.to_bytes(), "{told}: the second run differs");
            assert!(again.state == night.state, "{told}: the second run remembers something else");
        }
    }
    (built, held)
}

fn assert_states(feeds: &[FeedReport], is_held: bool, told: &str) {
    for feed in feeds {
        let state = if is_held { FeedState::Held } else { FeedState::Ok };
        assert_eq!(feed.state, state, "{told}: {}: {}", feed.id, feed.reason_text);
    }
}

#[test]
fn thirty_nights_of_addresses() {
    let Some(corpus) = corpus("thirty_nights_of_addresses") else { return };
    assert_eq!(replay(&corpus, "data-shield", "plain-ip"), (27, 0));
}

#[test]
fn thirty_nights_of_urls() {
    let Some(corpus) = corpus("thirty_nights_of_urls") else { return };
    assert_eq!(replay(&corpus, "openphish", "url-list"), (27, 0));
}

#[test]
fn twenty_nights_of_networks() {
    let Some(corpus) = corpus("twenty_nights_of_networks") else { return };
    assert_eq!(replay(&corpus, "x4bnet-vpn", "plain-ip"), (18, 0));
}

#[test]
fn a_hundred_nights_of_flapping_addresses() {
    let Some(corpus) = corpus("a_hundred_nights_of_flapping_addresses") else { return };
    let (built, held) = replay(&corpus, "tor-exit", "plain-ip");
    assert_eq!(held, 1, "one of its versions is empty");
    assert!(built > 90, "{built}");
}

/// Every version of four days: two are empty, two are an excuse in prose.
#[test]
fn an_outage_delists_nothing() {
    let Some(corpus) = corpus("an_outage_delists_nothing") else { return };
    let mut house = House::new(&Model::new("exits", false, false).catalog("plain-ip", "list.txt", ""));
    let mut good: Option<BTreeSet<String>> = None;
    let mut troubles = Vec::new();
    let folder = corpus.join("history/tor-exit-outage");
    let mut versions: Vec<_> =
        std::fs::read_dir(&folder).expect("a history").map(|entry| entry.expect("an entry").path()).collect();
    versions.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    versions.sort();
    for path in versions {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let (day, clock) = (&name[..10], &name[11..17]);
        let update = format!("{day}T{}:{}:{}Z", &clock[..2], &clock[2..4], &clock[4..]);
        let update = Time::parse_rfc3339(&update).expect("the name is a time");
        let text = unpacked(&path);
        house.download("list.txt", &text, update);
        let night = house.night(update);
        let feed = &night.report.feeds[0];
        let taken = feed.state == FeedState::Ok;
        if taken {
            good = Some(keys(&String::from_utf8(text).expect("text")));
        } else {
            troubles.push((feed.state.word(), feed.reason.clone()));
        }
        let listed: BTreeSet<String> = contents(house.snapshot()).into_keys().map(|(_, key)| key).collect();
        assert_eq!(Some(&listed), good.as_ref().or(Some(&BTreeSet::new())), "{name}: nothing is delisted");
        let searcher = Searcher::new(house.snapshot(), update);
        let status = |text: &str| searcher.lookup(text).expect("an address").status;
        assert_eq!(status("9.9.9.9"), if taken { Status::Unknown } else { Status::Failed }, "{name}");
        if let Some(one) = listed.first() {
            let answer = searcher.lookup(one).expect("an address");
            assert_eq!((answer.status, answer.sources[0].stale), (Status::Blocked, !taken), "{name}");
        }
    }
    let (held, failed) = (("held", "empty".to_owned()), ("failed", "no-data".to_owned()));
    assert_eq!(troubles, [failed.clone(), held.clone(), held, failed]);
}
