//! Real feeds over many days, against a model that keeps a map of sightings from build to build.
//!
//! Every list is read three times: as `reset`, as `reset` with `keep_absent`, and as `accumulated`. Some days
//! are skipped, and some are built twice. After each build, all sightings are compared, and the answers at
//! the instants at which they change.

use crate::files::{files, read_text};
use crate::support::{DAY, Harness, contents, corpus};
use rapsheet_ingest::report::FeedReport;
use rapsheet_query::Searcher;
use rapsheet_snapshot::section::origin::FeedState;
use rapsheet_snapshot::{AddressRange, Status, Time, url};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One feed from build to build: which sightings it has, and their times.
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) accumulated: bool,
    pub(crate) keep_absent: bool,
    pub(crate) retention: i64,
    pub(crate) max_age: i64,
    pub(crate) update: Option<Time>,
    pub(crate) in_trouble: bool,
    /// `first_seen` and `detect_time` of each sighting.
    pub(crate) sightings: BTreeMap<String, (Time, Time)>,
    /// When each row of the last accepted download first appeared.
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

    /// A feed of each mode.
    fn all_modes() -> [Model; 3] {
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

    /// One build; `None` where the download is not accepted.
    pub(crate) fn build(&mut self, download: Option<&BTreeSet<String>>, update: Time, now: Time) {
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

    /// The state file is lost, and with it the rows of the last download.
    pub(crate) fn lose_state(&mut self) {
        self.rows.clear();
    }

    /// A build that published its state file and crashed before it published its snapshot.
    pub(crate) fn lose_snapshot(&mut self, download: Option<&BTreeSet<String>>, update: Time) {
        let appeared = |key: &String| (key.clone(), *self.rows.get(key).unwrap_or(&update));
        self.rows = download.map_or_else(|| self.rows.clone(), |list| list.iter().map(appeared).collect());
    }

    pub(crate) fn is_stale(&self, at: Time) -> bool {
        self.in_trouble || self.update.is_none_or(|update| at > update.plus(self.max_age))
    }
}

/// The snapshot and the models have the same sightings.
pub(crate) fn assert_contents(harness: &Harness, models: &[Model], context: &str) {
    let sightings = |model: &Model| {
        let id = model.id.clone();
        let pairs: Vec<_> =
            model.sightings.iter().map(|(key, seen)| ((id.clone(), key.clone()), *seen)).collect();
        pairs
    };
    let expected: BTreeMap<(String, String), (Time, Time)> = models.iter().flat_map(sightings).collect();
    let real = contents(harness.snapshot());
    let differ = |(key, seen): &(&(String, String), &(Time, Time))| expected.get(*key) != Some(*seen);
    let wrong = real.iter().find(differ);
    assert_eq!(wrong, None, "{context}: the model says {:?}", wrong.and_then(|(key, _)| expected.get(key)));
    let lost = expected.keys().find(|key| !real.contains_key(*key));
    assert_eq!(lost, None, "{context}: a sighting is lost");
}

/// Sightings to look up, and their model.
type Sampled<'m> = (&'m Model, Vec<(&'m String, &'m (Time, Time))>);

/// One sighting for each pair of times: an answer depends on times and retention alone.
fn one_per_pair_of_times(model: &Model) -> Sampled<'_> {
    let of_times: BTreeMap<_, _> = model.sightings.iter().map(|(key, times)| (times, key)).collect();
    (model, of_times.into_iter().map(|(times, key)| (key, times)).collect())
}

fn every_seventeenth(model: &Model) -> Sampled<'_> {
    (model, model.sightings.iter().step_by(17).collect())
}

/// The answers at an instant agree with the models.
fn assert_answers(harness: &Harness, sampled: &[Sampled<'_>], at: Time, context: &str) {
    let searcher = Searcher::new(harness.snapshot(), at);
    for (model, sightings) in sampled {
        for (key, (first, detect)) in sightings {
            let answer = searcher.lookup(key).expect("an indicator");
            let is_it = |source: &&rapsheet_query::Source| {
                let feed = harness.snapshot().feed(source.feed).map(|feed| feed.id.as_str());
                feed == Some(model.id.as_str()) && source.matched == **key
            };
            let found = answer.sources.iter().find(is_it);
            let expires = detect.plus(model.retention);
            let live = *first <= at && at < expires;
            let actual =
                found.map(|source| (source.first_seen, source.detect_time, source.expires, source.stale));
            let expected = live.then(|| (*first, *detect, expires, model.is_stale(at)));
            assert_eq!(actual, expected, "{context}: {} on {key} at {at}", model.id);
        }
    }
    let all_stale = sampled.iter().all(|(model, _)| model.is_stale(at));
    let unlisted = searcher.lookup("9.9.9.9").expect("an address").status;
    let of_names = sampled
        .iter()
        .flat_map(|(_, sightings)| sightings)
        .any(|(key, _)| key.contains('/') && key.contains(':'));
    let expected = if all_stale && !of_names { Status::Failed } else { Status::Unknown };
    assert_eq!(unlisted, expected, "{context}: an unlisted address at {at}");
}

/// The instants at which an answer changes, one second before and after, and a few in between.
fn instants(models: &[Model], now: Time) -> BTreeSet<Time> {
    let ends = models
        .iter()
        .flat_map(|model| model.sightings.values().map(|(_, detect)| detect.plus(model.retention)));
    let stale = models.iter().filter_map(|model| Some(model.update?.plus(model.max_age)));
    let instants: BTreeSet<Time> = ends.chain(stale).collect();
    let around = instants.into_iter().flat_map(|edge| [edge.plus(-1), edge, edge.plus(1)]);
    let between = [0, DAY + 1, 5 * DAY + 7, 11 * DAY + 3601].map(|later| now.plus(later));
    around.chain(between).filter(|at| *at >= now).collect()
}

/// The canonical indicators of a list.
fn keys(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(key).collect()
}

/// `None` for an invalid URL, such as one truncated with an ellipsis.
fn key(line: &str) -> Option<String> {
    if line.contains("://") {
        let mut out = Vec::new();
        url::canonical(line.as_bytes(), &mut out).ok()?;
        return Some(String::from_utf8(out).expect("URLs are ASCII"));
    }
    Some(AddressRange::parse(line.as_bytes()).expect("an address").range.to_string())
}

/// The versions of a list in order: when it was retrieved, and its file.
fn versions_of(folder: &Path) -> Vec<(Time, std::path::PathBuf)> {
    let times: BTreeMap<String, Time> = std::fs::read_to_string(folder.join("TIMES.tsv"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let mut columns = line.split('\t');
            Some((columns.next()?.to_owned(), Time::parse_rfc3339(columns.next()?)?))
        })
        .collect();
    let mut versions: Vec<(Time, std::path::PathBuf)> = files(folder)
        .into_iter()
        .filter_map(|path| {
            let day = path.file_name()?.to_str()?.strip_suffix(".txt.gz")?.to_owned();
            let time = times.get(&day).copied();
            Some((time.or_else(|| Time::parse_rfc3339(&format!("{day}T03:00:00Z")))?, path))
        })
        .collect();
    versions.sort();
    versions
}

/// Builds from each version of a list; returns the numbers of builds and of held downloads.
fn replay(corpus: &Path, name: &str, format: &str) -> (usize, usize) {
    let mut models = Model::all_modes();
    let catalog: String = models.iter().map(|model| model.catalog(format, "list.txt", "")).collect();
    let mut harness = Harness::new(&catalog);
    let (mut built, mut held) = (0, 0);
    for (at, (update, path)) in versions_of(&corpus.join("history").join(name)).iter().enumerate() {
        if at % 11 == 7 {
            continue;
        }
        let (text, now) = (read_text(path), update.plus(600));
        let context = format!("{name}, {now}");
        harness.download("list.txt", &text, *update);
        let build = harness.build(now);
        built += 1;
        let list = keys(&String::from_utf8(text).expect("text"));
        let is_held = list.is_empty();
        held += usize::from(is_held);
        assert_states(&build.report.feeds, is_held, &context);
        models.iter_mut().for_each(|model| model.build((!is_held).then_some(&list), *update, now));
        assert_contents(&harness, &models, &context);
        let few: Vec<Sampled<'_>> = models.iter().map(one_per_pair_of_times).collect();
        instants(&models, now).into_iter().for_each(|at| assert_answers(&harness, &few, at, &context));
        let many: Vec<Sampled<'_>> = models.iter().map(every_seventeenth).collect();
        [now, update.plus(15 * DAY - 1)]
            .into_iter()
            .for_each(|at| assert_answers(&harness, &many, at, &context));
        if at % 5 == 2 {
            let again = harness.build(now);
            assert!(again.image.to_bytes() == build.image.to_bytes(), "{context}: a repeated build differs");
            assert!(again.state == build.state, "{context}: the state of a repeated build differs");
        }
    }
    (built, held)
}

fn assert_states(feeds: &[FeedReport], is_held: bool, context: &str) {
    for feed in feeds {
        let state = if is_held { FeedState::Held } else { FeedState::Ok };
        assert_eq!(feed.state, state, "{context}: {}: {}", feed.id, feed.reason_text);
    }
}

#[test]
fn replays_thirty_days_of_addresses() {
    let Some(corpus) = corpus("replays_thirty_days_of_addresses") else { return };
    assert_eq!(replay(&corpus, "data-shield", "plain-ip"), (27, 0));
}

#[test]
fn replays_thirty_days_of_urls() {
    let Some(corpus) = corpus("replays_thirty_days_of_urls") else { return };
    assert_eq!(replay(&corpus, "openphish", "url-list"), (27, 0));
}

#[test]
fn replays_twenty_days_of_networks() {
    let Some(corpus) = corpus("replays_twenty_days_of_networks") else { return };
    assert_eq!(replay(&corpus, "x4bnet-vpn", "plain-ip"), (18, 0));
}

#[test]
fn replays_a_hundred_versions_of_flapping_addresses() {
    let Some(corpus) = corpus("replays_a_hundred_versions_of_flapping_addresses") else { return };
    let (built, held) = replay(&corpus, "tor-exit", "plain-ip");
    assert_eq!(held, 1, "one version is empty");
    assert!(built > 90, "{built}");
}

/// Every version of four days: two are empty, and two are an error message in prose.
#[test]
fn outage_delists_nothing() {
    let Some(corpus) = corpus("outage_delists_nothing") else { return };
    let mut harness = Harness::new(&Model::new("exits", false, false).catalog("plain-ip", "list.txt", ""));
    let mut good: Option<BTreeSet<String>> = None;
    let mut troubles = Vec::new();
    let folder = corpus.join("history/tor-exit-outage");
    let mut versions = files(&folder);
    versions.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    for path in versions {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let (day, clock) = (&name[..10], &name[11..17]);
        let update = format!("{day}T{}:{}:{}Z", &clock[..2], &clock[2..4], &clock[4..]);
        let update = Time::parse_rfc3339(&update).expect("the name is a time");
        let text = read_text(&path);
        harness.download("list.txt", &text, update);
        let build = harness.build(update);
        let feed = &build.report.feeds[0];
        let accepted = feed.state == FeedState::Ok;
        if accepted {
            good = Some(keys(&String::from_utf8(text).expect("text")));
        } else {
            troubles.push((feed.state.word(), feed.reason.clone()));
        }
        let listed: BTreeSet<String> = contents(harness.snapshot()).into_keys().map(|(_, key)| key).collect();
        assert_eq!(Some(&listed), good.as_ref().or(Some(&BTreeSet::new())), "{name}: nothing is delisted");
        let searcher = Searcher::new(harness.snapshot(), update);
        let status = |text: &str| searcher.lookup(text).expect("an address").status;
        assert_eq!(status("9.9.9.9"), if accepted { Status::Unknown } else { Status::Failed }, "{name}");
        if let Some(one) = listed.first() {
            let answer = searcher.lookup(one).expect("an address");
            assert_eq!((answer.status, answer.sources[0].stale), (Status::Blocked, !accepted), "{name}");
        }
    }
    let (held, failed) = (("held", "empty".to_owned()), ("failed", "no-data".to_owned()));
    assert_eq!(troubles, [failed.clone(), held.clone(), held, failed]);
}
