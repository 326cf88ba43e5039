//! Which feeds are asked for, and in which order.

use crate::hosts::Hosts;
use crate::job::{Credential, Job};
use crate::location::host_name;
use crate::note::Note;
use crate::outcome::{Outcome, Verb};
use crate::problem::Problem;
use crate::state::State;
use rapsheet_snapshot::Time;
use std::collections::BTreeMap;
use std::path::Path;
use url::Url;

/// What a run does.
pub(crate) struct Schedule<'j> {
    /// The feeds of each host, in order. The host with the most feeds comes first, since it takes longest.
    pub(crate) queues: Vec<Vec<&'j Job>>,
    /// What became of those that are not asked for.
    pub(crate) skipped: Vec<Outcome>,
}

/// Who comes first: those that waited longest, then those that were never fetched, then the oldest.
type Rank = (bool, Option<Time>, Option<Time>);

impl<'j> Schedule<'j> {
    /// Decides.
    pub(crate) fn new(jobs: &'j [Job], folder: &Path, state: &State, now: Time) -> Schedule<'j> {
        let mut hosts: BTreeMap<String, Vec<(Rank, &Job)>> = BTreeMap::new();
        let mut skipped = Vec::new();
        let mut owners: BTreeMap<&str, &Job> = BTreeMap::new();
        for job in jobs {
            let note = Note::read(&folder.join(&job.file));
            let owner = *owners.entry(&job.file).or_insert(job);
            let reason = if owner.id == job.id {
                reason_to_skip(job, note.as_ref(), state, now)
            } else {
                Some(reason_of_sharing(job, owner))
            };
            match reason {
                Some(reason) => skipped.push(skip(job, note, state, reason)),
                None => hosts.entry(host(job)).or_default().push((rank(job, note.as_ref(), state), job)),
            }
        }
        let mut queues: Vec<Vec<&Job>> = hosts.into_values().map(ordered).collect();
        queues.sort_by_key(|queue| std::cmp::Reverse(queue.len()));
        Schedule { queues, skipped }
    }

    /// What a run would do now, request by request, without a request.
    pub(crate) fn rehearse(&self, hosts: &Hosts<'_>) -> Vec<Outcome> {
        let outcome = |job: &&Job| {
            let url = job.urls.first().cloned();
            let (state, reason, next_at) = match hosts.rehearse(&host(job)) {
                Err(Problem::Deferred { text, until }) => (Verb::Deferred, Some(text), Some(until)),
                Err(Problem::Failed { text, .. } | Problem::Unreachable(text)) => {
                    (Verb::Failed, Some(text), None)
                }
                Ok(()) => (Verb::Due, None, None),
            };
            Outcome { url, next_at, ..Outcome::new(&job.id, &job.file, state, reason) }
        };
        self.queues.iter().flatten().map(outcome).collect()
    }
}

/// The host that is asked first for a job.
fn host(job: &Job) -> String {
    let url = job.urls.first().and_then(|url| Url::parse(url).ok());
    url.as_ref().map(host_name).unwrap_or_default().to_owned()
}

fn ordered(mut ranked: Vec<(Rank, &Job)>) -> Vec<&Job> {
    ranked.sort_by(|(left, one), (right, other)| left.cmp(right).then_with(|| one.id.cmp(&other.id)));
    ranked.into_iter().map(|(_, job)| job).collect()
}

fn rank(job: &Job, note: Option<&Note>, state: &State) -> Rank {
    let waiting = state.feeds.get(&job.id).and_then(|feed| feed.deferred_since);
    (waiting.is_none(), waiting, note.and_then(|note| note.fetched_at))
}

fn reason_to_skip(job: &Job, note: Option<&Note>, state: &State, now: Time) -> Option<String> {
    if job.urls.is_empty() {
        return Some("it has no url".to_owned());
    }
    if let Credential::Missing(what) = &job.credential {
        return Some(what.clone());
    }
    let is_elsewhere = note.and_then(|note| note.url.as_ref()).is_some_and(|url| !job.urls.contains(url));
    let next_at = state.feeds.get(&job.id)?.next_at(job.min_interval_seconds)?;
    (next_at > now && !is_elsewhere).then(|| format!("not due before {next_at}"))
}

/// Two feeds may be made of one download, and one feed must not overwrite another's.
fn reason_of_sharing(job: &Job, owner: &Job) -> String {
    if job.urls == owner.urls {
        format!("{} fetches the file that both are made of", owner.id)
    } else {
        format!("its file is that of {}, which has another url; give it a name of its own", owner.id)
    }
}

fn skip(job: &Job, note: Option<Note>, state: &State, reason: String) -> Outcome {
    let note = note.unwrap_or_default();
    Outcome {
        url: job.urls.first().cloned(),
        bytes: note.bytes,
        fetched_at: note.fetched_at,
        changed_at: note.changed_at,
        next_at: state.feeds.get(&job.id).and_then(|feed| feed.next_at(job.min_interval_seconds)),
        ..Outcome::new(&job.id, &job.file, Verb::Skipped, Some(reason))
    }
}
