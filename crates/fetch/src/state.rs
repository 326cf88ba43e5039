//! What a run has to remember that belongs to no download: when hosts were asked, and which feeds failed or waited.
//!
//! Each request is written to a journal before it is sent, so that a run that is killed has still counted it; the file
//! itself is written at the beginning and at the end of a run. Without the file, or with a damaged one, the
//! notes of the downloads say when each of them was asked.

use crate::budget::HostState;
use crate::job::Job;
use crate::location::host_name;
use crate::note::Note;
use rapsheet_snapshot::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The name of the file in the folder of downloads.
pub const STATE_FILE: &str = ".rapsheet-fetch.json";
/// The name of the journal beside it. A line has what changed, in the form of the file.
const JOURNAL: &str = ".rapsheet-fetch.journal";
/// The longest pause after failures, in seconds, unless the interval of the feed is longer.
const BACKOFF_MAX: i64 = 12 * 3600;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// By the name of the host.
    pub(crate) hosts: BTreeMap<String, HostState>,
    /// By the id of the feed.
    pub(crate) feeds: BTreeMap<String, FeedState>,
}

/// What is remembered of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FeedState {
    /// When it was last asked for.
    #[serde(with = "crate::time")]
    pub(crate) asked_at: Option<Time>,
    /// How often in a row that failed.
    pub(crate) failures: u32,
    /// Since when it has been waiting for its turn.
    #[serde(with = "crate::time")]
    pub(crate) deferred_since: Option<Time>,
}

impl FeedState {
    /// When it may be asked for again.
    pub(crate) fn next_at(&self, min_interval_seconds: i64) -> Option<Time> {
        let interval = min_interval_seconds.max(1);
        let doubled = interval.saturating_mul(1 << self.failures.saturating_sub(1).min(20));
        Some(self.asked_at?.plus(doubled.min(BACKOFF_MAX.max(interval))))
    }
}

impl State {
    /// Reads the state of a folder, and says what is wrong with it. What it lacks comes from the notes.
    pub fn open(folder: &Path, jobs: &[Job], now: Time) -> (State, Option<String>) {
        let path = folder.join(STATE_FILE);
        let (mut state, warning) = match fs::read(&path).map(|text| serde_json::from_slice::<State>(&text)) {
            Ok(Ok(state)) => (state, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (State::recovered(folder, jobs, now), None)
            }
            Ok(Err(error)) => (State::recovered(folder, jobs, now), Some(damaged(&path, &error))),
            Err(error) => (State::recovered(folder, jobs, now), Some(damaged(&path, &error))),
        };
        state.add_journal(folder);
        // Times ahead of the clock would keep a feed or a host from being asked for ever.
        for feed in state.feeds.values_mut() {
            feed.asked_at = feed.asked_at.filter(|at| *at <= now);
        }
        (state, warning)
    }

    /// Reads the state of a folder, to look at it. A missing or damaged one is empty.
    pub fn read(folder: &Path) -> State {
        let text = fs::read(folder.join(STATE_FILE)).unwrap_or_default();
        let mut state: State = serde_json::from_slice(&text).unwrap_or_default();
        state.add_journal(folder);
        state
    }

    /// When a feed may be asked for again; `None` where it was never asked for.
    pub fn next_at(&self, id: &str, min_interval_seconds: i64) -> Option<Time> {
        self.feeds.get(id)?.next_at(min_interval_seconds)
    }

    /// How often in a row a feed could not be fetched.
    pub fn failures(&self, id: &str) -> u32 {
        self.feeds.get(id).map_or(0, |feed| feed.failures)
    }

    /// What the notes of the downloads tell.
    fn recovered(folder: &Path, jobs: &[Job], now: Time) -> State {
        let mut state = State::default();
        for job in jobs {
            let Some(note) = Note::read(&folder.join(&job.file)) else { continue };
            let asked_at = note.checked_at.or(note.fetched_at).filter(|at| *at <= now);
            let feed = FeedState { asked_at, failures: note.failures, deferred_since: None };
            state.feeds.insert(job.id.clone(), feed);
            let url = note.url.as_deref().and_then(|url| url::Url::parse(url).ok());
            if let (Some(host), Some(at)) = (url.as_ref().map(host_name), asked_at) {
                state.hosts.entry(host.to_owned()).or_default().count(at);
            }
        }
        state
    }

    /// Adds what a run noted that did not reach its end. The last line of a killed run may be torn.
    fn add_journal(&mut self, folder: &Path) {
        let text = fs::read(folder.join(JOURNAL)).unwrap_or_default();
        for line in text.split(|byte| *byte == b'\n') {
            if let Ok(State { hosts, feeds }) = serde_json::from_slice(line) {
                self.hosts.extend(hosts);
                self.feeds.extend(feeds);
            }
        }
    }

    /// What is remembered of one host and one feed, as a line of the journal.
    pub(crate) fn journal_line(&self, host: Option<&str>, feed: Option<&str>) -> io::Result<Vec<u8>> {
        let hosts = host.and_then(|host| self.hosts.get_key_value(host));
        let feeds = feed.and_then(|feed| self.feeds.get_key_value(feed));
        let part = State {
            hosts: hosts.into_iter().map(|(name, of)| (name.clone(), of.clone())).collect(),
            feeds: feeds.into_iter().map(|(id, of)| (id.clone(), of.clone())).collect(),
        };
        let mut line = serde_json::to_vec(&part)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Writes it, and begins a journal.
    pub(crate) fn begin(&self, folder: &Path) -> io::Result<File> {
        self.save(folder)?;
        File::create(folder.join(JOURNAL))
    }

    /// Writes it, and ends the journal.
    pub(crate) fn end(&self, folder: &Path) -> io::Result<()> {
        self.save(folder)?;
        fs::remove_file(folder.join(JOURNAL))
    }

    /// Writes it.
    fn save(&self, folder: &Path) -> io::Result<()> {
        let temporary = folder.join(format!("{STATE_FILE}.new"));
        let text = serde_json::to_vec(self)?;
        fs::write(&temporary, text)?;
        fs::rename(temporary, folder.join(STATE_FILE))
    }

    /// Forgets feeds that were not asked for in a year.
    pub(crate) fn forget(&mut self, now: Time) {
        let since = now.plus(-365 * 86_400);
        self.feeds.retain(|_, feed| feed.asked_at.or(feed.deferred_since).is_some_and(|at| at > since));
    }
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}; the notes of the downloads are used in its place", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_never_shrinks_after_failures() {
        let at = |failures| {
            let feed = FeedState { asked_at: Some(Time::from_unix(0)), failures, deferred_since: None };
            [60, 3600, 86_400].map(|interval| feed.next_at(interval).map(Time::unix))
        };
        assert_eq!(at(0), [Some(60), Some(3600), Some(86_400)]);
        assert_eq!(at(1), at(0));
        assert_eq!(at(3), [Some(240), Some(4 * 3600), Some(86_400)]);
        assert_eq!(at(400), [Some(BACKOFF_MAX), Some(BACKOFF_MAX), Some(86_400)]);
    }
}
