//! The hosts of a run: one request at a time to each, within its budget, and every request is counted before it is
//! sent.

use crate::budget::HostLimits;
use crate::location::host_name;
use crate::problem::Problem;
use crate::state::{FeedState, State};
use rapsheet_snapshot::Time;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use url::Url;

/// After how many attempts in a row without a connection a host is left alone.
const UNREACHABLE_MAX: u32 = 3;

/// The hosts of a run, shared by its threads.
pub(crate) struct Hosts<'r> {
    limits: &'r BTreeMap<String, HostLimits>,
    now: &'r (dyn Fn() -> Time + Sync),
    state: Mutex<State>,
    /// `None` in a rehearsal.
    journal: Option<File>,
    /// How often in a row there was no connection to a server.
    unreachable: Mutex<HashMap<String, u32>>,
    /// The hosts that are being asked.
    busy: Mutex<HashSet<String>>,
    freed: Condvar,
}

/// The right to ask a host. It ends when this is dropped.
pub(crate) struct Turn<'h> {
    hosts: &'h Hosts<'h>,
    host: String,
}

impl<'r> Hosts<'r> {
    pub(crate) fn new(
        limits: &'r BTreeMap<String, HostLimits>,
        now: &'r (dyn Fn() -> Time + Sync),
        state: State,
        journal: Option<File>,
    ) -> Hosts<'r> {
        Hosts {
            limits,
            now,
            state: Mutex::new(state),
            journal,
            unreachable: Mutex::default(),
            busy: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Waits until no other thread asks the host, and counts a request for a feed.
    ///
    /// # Errors
    /// The host wants no request now, or the count could not be written: a request that is not counted is not sent.
    pub(crate) fn turn(&self, url: &Url, id: &str) -> Result<Turn<'_>, Problem> {
        let host = host_name(url);
        let mut busy = lock(&self.busy);
        while busy.contains(host) {
            busy = self.freed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        busy.insert(host.to_owned());
        drop(busy);
        let turn = Turn { hosts: self, host: host.to_owned() };
        if lock(&self.unreachable).get(&server(url)).is_some_and(|count| *count >= UNREACHABLE_MAX) {
            let text = format!("{host}: there was no connection to it before, in this run");
            return Err(Problem::Deferred { text, until: (self.now)() });
        }
        self.count(host)?;
        let mut state = lock(&self.state);
        state.feeds.entry(id.to_owned()).or_default().asked_at = Some((self.now)());
        let noted = self.note(&state, Some(host), Some(id));
        noted.map_err(|error| Problem::local(&format_args!("the request cannot be noted: {error}")))?;
        Ok(turn)
    }

    /// Counts a request, and sends none.
    pub(crate) fn rehearse(&self, host: &str) -> Result<(), Problem> {
        self.count(host)
    }

    fn count(&self, host: &str) -> Result<(), Problem> {
        let now = (self.now)();
        let mut state = lock(&self.state);
        let about = state.hosts.entry(host.to_owned()).or_default();
        if let Some(wait) = about.wait(self.limits.get(host).copied().unwrap_or_default(), now) {
            let text = format!("{host}: {}; next at {}", wait.why, wait.until);
            return Err(Problem::Deferred { text, until: wait.until });
        }
        about.count(now);
        Ok(())
    }

    /// Writes what changed to the journal.
    fn note(&self, state: &State, host: Option<&str>, feed: Option<&str>) -> io::Result<()> {
        let Some(mut journal) = self.journal.as_ref() else { return Ok(()) };
        journal.write_all(&state.journal_line(host, feed)?)
    }

    /// Notes whether there was a connection to a server. One that has none is left alone for the rest of the run: each of
    /// its feeds would wait as long for nothing.
    pub(crate) fn reached(&self, url: &Url, is_reached: bool) {
        let mut unreachable = lock(&self.unreachable);
        let count = unreachable.entry(server(url)).or_default();
        *count = if is_reached { 0 } else { *count + 1 };
    }

    /// Leaves a host alone until an instant.
    pub(crate) fn pause(&self, host: &str, until: Time) {
        let mut state = lock(&self.state);
        let about = state.hosts.entry(host.to_owned()).or_default();
        about.paused_until = about.paused_until.max(Some(until));
        // The end of the run writes it again, and reports an error.
        let _ = self.note(&state, Some(host), None);
    }

    /// Changes what is remembered of a feed, and writes it. Returns what is remembered then.
    pub(crate) fn update_feed(&self, id: &str, change: impl FnOnce(&mut FeedState)) -> FeedState {
        let mut state = lock(&self.state);
        let feed = state.feeds.entry(id.to_owned()).or_default();
        change(feed);
        let feed = feed.clone();
        // The end of the run writes it again, and reports an error.
        let _ = self.note(&state, None, Some(id));
        feed
    }

    /// The state at the end.
    pub(crate) fn into_state(self) -> State {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The host and the port of a URL.
fn server(url: &Url) -> String {
    format!("{}:{}", host_name(url), url.port_or_known_default().unwrap_or_default())
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.hosts.busy).remove(&self.host);
        self.hosts.freed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
