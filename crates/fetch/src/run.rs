//! A run: hosts side by side, the feeds of each one after the other.

use crate::budget::HostLimits;
use crate::client::Client;
use crate::exchange::Exchange;
use crate::hosts::Hosts;
use crate::job::Job;
use crate::observer::Observer;
use crate::outcome::Outcome;
use crate::placing;
use crate::schedule::Schedule;
use crate::state::{STATE_FILE, State};
use crate::transfer::Transfer;
use rapsheet_snapshot::{Time, remove_stale_temp_files};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// What a run needs. The caller holds the lock of the folder.
pub struct Fetch<'r> {
    /// The feeds.
    pub jobs: &'r [Job],
    /// The folder of downloads.
    pub folder: &'r Path,
    /// What hosts allow, by their names.
    pub limits: &'r BTreeMap<String, HostLimits>,
    /// Makes the requests.
    pub client: &'r Client,
    /// The clock.
    pub now: &'r (dyn Fn() -> Time + Sync),
    /// Tells how long ago any one moment was, for the limits on transfers.
    pub stopwatch: &'r (dyn Fn() -> Duration + Sync),
    /// Judges a download before it is placed; what is wrong with it, if anything is.
    pub inspect: &'r (dyn Fn(&Job, &Path) -> Result<(), String> + Sync),
    /// Is told of the transfers.
    pub observer: &'r dyn Observer,
    /// The most transfers at a time.
    pub connections: usize,
    /// How often a transfer is tried again whose fault may pass.
    pub retries: u32,
    /// The pause before it is tried again, which doubles.
    pub retry_delay: Duration,
}

/// What became of the feeds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// A row for each feed, in the order of the jobs.
    pub outcomes: Vec<Outcome>,
    /// What else went wrong.
    pub warnings: Vec<String>,
}

/// Why a run could not begin, or could not end.
#[derive(Clone, Debug)]
pub struct FetchError(String);

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FetchError {}

impl Fetch<'_> {
    /// Fetches what is due.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn run(&self) -> Result<Fetched, FetchError> {
        let now = (self.now)();
        let (state, warning) = State::open(self.folder, self.jobs, now);
        self.remove_leftovers();
        let schedule = Schedule::new(self.jobs, self.folder, &state, now);
        let journal = state.begin(self.folder).map_err(|error| self.unwritten(&error))?;
        self.observer.starts(schedule.queues.iter().map(Vec::len).sum());
        let hosts = Hosts::new(self.limits, self.now, state, Some(journal));
        let outcomes = self.transfer(&schedule, &hosts);
        let mut state = hosts.into_state();
        state.forget(now);
        state.end(self.folder).map_err(|error| self.unwritten(&error))?;
        let mut warnings: Vec<String> = warning.into_iter().collect();
        if placing::sync(self.folder).is_err() {
            warnings.push(format!("{}: the folder could not be synced", self.folder.display()));
        }
        Ok(Fetched { outcomes: self.in_order(outcomes, schedule.skipped), warnings })
    }

    /// Says what a run would do, and does nothing.
    pub fn rehearse(&self) -> Fetched {
        let now = (self.now)();
        let (state, warning) = State::open(self.folder, self.jobs, now);
        let schedule = Schedule::new(self.jobs, self.folder, &state, now);
        let hosts = Hosts::new(self.limits, self.now, state, None);
        let outcomes = schedule.rehearse(&hosts);
        Fetched {
            outcomes: self.in_order(outcomes, schedule.skipped),
            warnings: warning.into_iter().collect(),
        }
    }

    /// Removes what a run left that was killed.
    fn remove_leftovers(&self) {
        for job in self.jobs {
            let file = self.folder.join(&job.file);
            remove_stale_temp_files(&file);
            remove_stale_temp_files(crate::note_path(&file));
        }
        let _ = fs::remove_file(self.folder.join(format!("{STATE_FILE}.new")));
    }

    fn transfer(&self, schedule: &Schedule<'_>, hosts: &Hosts<'_>) -> Vec<Outcome> {
        let queues: Mutex<VecDeque<&Vec<&Job>>> = Mutex::new(schedule.queues.iter().collect());
        let outcomes = Mutex::new(Vec::new());
        let worker = || {
            let transfer = self.new_transfer(hosts);
            loop {
                // The lock ends with this line, and not with the loop.
                let next = locked(&queues).pop_front();
                let Some(queue) = next else { break };
                for job in queue {
                    let outcome = transfer.run(job);
                    locked(&outcomes).push(outcome);
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.connections.clamp(1, schedule.queues.len().max(1)) {
                scope.spawn(worker);
            }
        });
        outcomes.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn new_transfer<'t>(&'t self, hosts: &'t Hosts<'t>) -> Transfer<'t> {
        Transfer {
            exchange: Exchange { client: self.client, hosts },
            folder: self.folder,
            now: self.now,
            stopwatch: self.stopwatch,
            inspect: self.inspect,
            observer: self.observer,
            retries: self.retries,
            retry_delay: self.retry_delay,
        }
    }

    fn unwritten(&self, error: &io::Error) -> FetchError {
        FetchError(format!("{}: {error}", self.folder.join(STATE_FILE).display()))
    }

    fn in_order(&self, outcomes: Vec<Outcome>, skipped: Vec<Outcome>) -> Vec<Outcome> {
        let place: BTreeMap<&str, usize> =
            self.jobs.iter().enumerate().map(|(at, job)| (job.id.as_str(), at)).collect();
        let mut all: Vec<Outcome> = outcomes.into_iter().chain(skipped).collect();
        all.sort_by_key(|outcome| place.get(outcome.id.as_str()).copied());
        all
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
