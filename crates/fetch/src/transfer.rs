//! One feed: asked for, received, judged, placed.

use crate::body::{self, BodyLimits, Received};
use crate::client::{Answer, ClientOptions};
use crate::exchange::{Arrived, Exchange};
use crate::job::Job;
use crate::location::{host_name, shown};
use crate::note::{Note, Validator};
use crate::observer::Observer;
use crate::outcome::{Outcome, Verb};
use crate::placing;
use crate::problem::Problem;
use crate::time::http_date;
use rapsheet_snapshot::{AtomicFile, Time};
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use url::Url;

/// How long a host is left alone that wants that and does not say how long, in seconds.
const PAUSE: i64 = 30 * 60;
/// The longest pause that a host may ask for, in seconds.
const PAUSE_MAX: i64 = 24 * 3600;
/// The most bytes of a published checksum.
const CHECKSUM_MAX: u64 = 1 << 20;

/// What a feed is fetched with.
pub(crate) struct Transfer<'r> {
    pub(crate) exchange: Exchange<'r>,
    pub(crate) folder: &'r Path,
    pub(crate) now: &'r (dyn Fn() -> Time + Sync),
    pub(crate) stopwatch: &'r (dyn Fn() -> Duration + Sync),
    pub(crate) inspect: &'r (dyn Fn(&Job, &Path) -> Result<(), String> + Sync),
    pub(crate) observer: &'r dyn Observer,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Duration,
}

/// A feed in the course of its transfer.
struct Course<'j> {
    job: &'j Job,
    file: PathBuf,
    /// The note of the bytes that are there.
    note: Option<Note>,
    attempts: u32,
    requests: u32,
}

/// What was got.
struct Got {
    note: Note,
    state: Verb,
    changed: bool,
}

impl Transfer<'_> {
    /// Fetches a feed.
    pub(crate) fn run(&self, job: &Job) -> Outcome {
        let began = (self.stopwatch)();
        self.observer.begins(job);
        let file = self.folder.join(&job.file);
        let note = Note::of_bytes(&file);
        let mut course = Course { job, file, note, attempts: 0, requests: 0 };
        let mut outcome = match self.try_all(&mut course) {
            Ok(got) => self.succeeded(&course, got),
            Err(problem) => self.did_not(&course, problem),
        };
        outcome.attempts = course.attempts;
        outcome.requests = course.requests;
        outcome.seconds = rounded((self.stopwatch)().saturating_sub(began));
        self.observer.ends(&outcome);
        outcome
    }

    /// Tries the URL, and then the mirrors.
    fn try_all(&self, course: &mut Course<'_>) -> Result<Got, Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for url in &course.job.urls {
            match self.try_url(course, url) {
                Ok(got) => return Ok(got),
                Err(problem) => problems.push(problem),
            }
        }
        Err(joined(problems))
    }

    /// Tries one URL, several times if what is wrong may pass.
    fn try_url(&self, course: &mut Course<'_>, url: &str) -> Result<Got, Problem> {
        for retry in 0.. {
            course.attempts += 1;
            match self.attempt(course, url) {
                Err(problem) if problem.may_pass() && retry < self.retries => {
                    thread::sleep(jittered(self.retry_delay.saturating_mul(1 << retry.min(10))));
                }
                other => return other,
            }
        }
        Err(Problem::lasting("not tried"))
    }

    fn attempt(&self, course: &mut Course<'_>, url: &str) -> Result<Got, Problem> {
        if let Some(path) = local_path(url) {
            return self.copy(course, url, &path);
        }
        let validator = course.note.as_ref().and_then(|note| note.validator(url, (self.now)()));
        let condition = validator.as_ref().map(Validator::header);
        let arrived = self.exchange.get(course.job, url, condition, &mut course.requests)?;
        let status = arrived.answer.status();
        if status != 304 {
            return self.take(course, url, arrived);
        }
        if validator.is_some_and(|validator| validator.agrees(arrived.answer.header("etag"))) {
            return self.confirm(course, url, &arrived);
        }
        // The server speaks of other bytes than these, or of a condition that was not there: once more, in full.
        drop(arrived);
        let arrived = self.exchange.get(course.job, url, None, &mut course.requests)?;
        match arrived.answer.status() {
            304 => Err(Problem::status(304, "to a request without a condition")),
            _ => self.take(course, url, arrived),
        }
    }

    /// The server says that the bytes that are here are still right.
    fn confirm(&self, course: &Course<'_>, url: &str, arrived: &Arrived<'_>) -> Result<Got, Problem> {
        let Some(old) = &course.note else { return Err(Problem::lasting("nothing to confirm")) };
        let mut note = self.stamped(course, url, &arrived.answer, &arrived.url);
        // What the answer does not repeat is as it was.
        note.etag = note.etag.or_else(|| old.etag.clone());
        note.last_modified = note.last_modified.or_else(|| old.last_modified.clone());
        let note = Note {
            bytes: old.bytes,
            sha256: old.sha256.clone(),
            wire_bytes: old.wire_bytes,
            encoding: old.encoding.clone(),
            framing: old.framing.clone(),
            changed_at: old.changed_at.or(old.fetched_at),
            validated_unconditionally_at: old.validated_unconditionally_at,
            ..note
        };
        note.write(&course.file)?;
        Ok(Got { note, state: Verb::NotModified, changed: false })
    }

    /// Takes what an answer brings, unless it says that there is nothing.
    fn take(&self, course: &mut Course<'_>, url: &str, arrived: Arrived<'_>) -> Result<Got, Problem> {
        match arrived.answer.status() {
            200 => self.receive(course, url, arrived),
            status => Err(self.refusal(status, &arrived)),
        }
    }

    fn receive(&self, course: &mut Course<'_>, url: &str, arrived: Arrived<'_>) -> Result<Got, Problem> {
        let Arrived { answer, url: from, turn } = arrived;
        let note = self.stamped(course, url, &answer, &from);
        let fail = |error: rapsheet_snapshot::Error| Problem::local(&error);
        let mut written = AtomicFile::create(&course.file).map_err(fail)?;
        let limits =
            BodyLimits { max_bytes: course.job.max_bytes, client: self.options(), stopwatch: self.stopwatch };
        let progress = |bytes, total| self.observer.receives(course.job, bytes, total);
        let received = body::receive(answer, written.file_mut(), &limits, &progress)?;
        drop(turn);
        self.check_sum(course, &received)?;
        self.keep(course, note, received, written)
    }

    /// Places what was received, or notes that it is what was there.
    fn keep(
        &self,
        course: &Course<'_>,
        note: Note,
        received: Received,
        written: AtomicFile,
    ) -> Result<Got, Problem> {
        let old = course.note.as_ref();
        let is_same = old.is_some_and(|old| old.sha256.as_ref() == Some(&received.sha256));
        let changed_at =
            old.filter(|_| is_same).map_or(note.fetched_at, |old| old.changed_at.or(old.fetched_at));
        let note = Note {
            bytes: Some(received.bytes),
            sha256: Some(received.sha256),
            wire_bytes: Some(received.wire_bytes),
            encoding: received.encoding,
            framing: Some(received.framing.to_owned()).filter(|framing| !framing.is_empty()),
            changed_at,
            validated_unconditionally_at: note.fetched_at,
            ..note
        };
        if is_same {
            note.write(&course.file)?;
        } else {
            (self.inspect)(course.job, written.temporary_path()).map_err(Problem::lasting)?;
            written.sync().map_err(|error| Problem::local(&error))?;
            placing::place(written, &note, &course.file)?;
        }
        Ok(Got { note, state: Verb::Fetched, changed: !is_same })
    }

    /// Compares what came with the checksum that its publisher states.
    fn check_sum(&self, course: &mut Course<'_>, received: &Received) -> Result<(), Problem> {
        let Some(url) = &course.job.sha256_url else { return Ok(()) };
        let arrived = self.exchange.get(course.job, url, None, &mut course.requests)?;
        if arrived.answer.status() != 200 {
            let status = arrived.answer.status();
            return Err(Problem::status(status, &format!("for its checksum at {url}")));
        }
        let mut text = String::new();
        let mut body = arrived.answer.into_body().into_reader().take(CHECKSUM_MAX);
        body.read_to_string(&mut text)
            .map_err(|error| Problem::passing(format_args!("its checksum at {url}: {error}")))?;
        let name = course.job.urls.first().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        match stated_digest(&text, name) {
            None => {
                Err(Problem::lasting(format_args!("{url}: expected a SHA-256 in hexadecimal, found none")))
            }
            Some(stated) if stated.eq_ignore_ascii_case(&received.sha256) => Ok(()),
            Some(stated) => Err(Problem::passing(format_args!(
                "its SHA-256 is {}, and {url} states {stated}",
                received.sha256
            ))),
        }
    }

    /// Copies a file of this machine, which the catalogue names.
    fn copy(&self, course: &Course<'_>, url: &str, path: &Path) -> Result<Got, Problem> {
        let unread = |error| Problem::lasting(format_args!("{}: {error}", path.display()));
        if !path.metadata().map_err(unread)?.is_file() {
            return Err(Problem::lasting(format_args!("{}: not a regular file", path.display())));
        }
        let mut from = File::open(path).map_err(unread)?;
        let mut written = AtomicFile::create(&course.file).map_err(|error| Problem::local(&error))?;
        let (bytes, sha256) =
            body::copy(&mut from, written.file_mut(), course.job.max_bytes, self.options())?;
        let now = Some((self.now)());
        let note = Note {
            fetched_at: now,
            checked_at: now,
            url: Some(url.to_owned()),
            next_at: now.map(|now| now.plus(course.job.min_interval_seconds)),
            ..Note::default()
        };
        let received = Received { sha256, bytes, wire_bytes: 0, encoding: None, framing: "" };
        self.keep(course, note, received, written)
    }

    /// A note with what an answer says, and with this instant.
    fn stamped(&self, course: &Course<'_>, url: &str, answer: &Answer, from: &Url) -> Note {
        let now = (self.now)();
        let is_redirected = Url::parse(url).is_ok_and(|asked| asked != *from);
        let credential = &course.job.credential;
        let header = |name| answer.owned(name).filter(|text| credential.is_absent_from(text));
        Note {
            fetched_at: Some(now),
            checked_at: Some(now),
            status: Some(answer.status()),
            url: Some(url.to_owned()),
            final_url: is_redirected.then(|| credential.redacted(&shown(from))),
            etag: header("etag"),
            last_modified: header("last-modified"),
            date: header("date"),
            next_at: Some(now.plus(course.job.min_interval_seconds)),
            ..Note::default()
        }
    }

    /// What an answer means that brings nothing. A host that wants to be left alone is.
    fn refusal(&self, status: u16, arrived: &Arrived<'_>) -> Problem {
        let now = (self.now)();
        let asked = arrived.answer.header("retry-after").and_then(|text| retry_after(text, now));
        let pause = match (status, asked) {
            (403 | 429 | 503, Some(seconds)) => seconds.clamp(1, PAUSE_MAX),
            (429, None) => PAUSE,
            _ => return Problem::status(status, meaning(status)),
        };
        let host = host_name(&arrived.url);
        let until = now.plus(pause);
        self.exchange.hosts.pause(host, until);
        Problem::Deferred {
            text: format!("{host}: HTTP {status}, it asks for a pause; next at {until}"),
            until,
        }
    }

    fn options(&self) -> &ClientOptions {
        self.exchange.client.options()
    }

    fn succeeded(&self, course: &Course<'_>, got: Got) -> Outcome {
        let Course { job, .. } = course;
        let now = (self.now)();
        let feed = self.exchange.hosts.update_feed(&job.id, |feed| {
            feed.asked_at = Some(now);
            feed.failures = 0;
            feed.deferred_since = None;
        });
        let note = got.note;
        Outcome {
            url: note.url,
            final_url: note.final_url,
            http_status: note.status,
            bytes: note.bytes,
            wire_bytes: note.wire_bytes.filter(|_| got.state == Verb::Fetched),
            changed: Some(got.changed),
            fetched_at: note.fetched_at,
            changed_at: note.changed_at,
            next_at: feed.next_at(job.min_interval_seconds),
            framing: note.framing,
            encoding: note.encoding,
            ..Outcome::new(&job.id, &job.file, got.state, None)
        }
    }

    /// Remembers that a feed did not come, also in its note. The file is not touched.
    fn did_not(&self, course: &Course<'_>, problem: Problem) -> Outcome {
        let Course { job, note, .. } = course;
        let now = (self.now)();
        let was_asked = !matches!(problem, Problem::Unreachable(_));
        let (state, text, status, until) = match problem {
            Problem::Failed { text, status, .. } => (Verb::Failed, text, status, None),
            Problem::Unreachable(text) => (Verb::Failed, text, None, None),
            Problem::Deferred { text, until } => (Verb::Deferred, text, None, Some(until)),
        };
        let text = job.credential.redacted(&text);
        let feed = self.exchange.hosts.update_feed(&job.id, |feed| match until {
            Some(_) => _ = feed.deferred_since.get_or_insert(now),
            // Its publisher was not asked, so nothing keeps the next run from asking.
            None if !was_asked => {
                feed.asked_at = None;
                feed.deferred_since.get_or_insert(now);
            }
            None => {
                feed.asked_at = Some(now);
                feed.failures = feed.failures.saturating_add(1);
                feed.deferred_since = None;
            }
        });
        // Where the host answered with a pause, it was asked all the same.
        let next_at = until.max(feed.next_at(job.min_interval_seconds));
        if let Some(note) = note
            && course.requests > 0
        {
            let note = Note {
                checked_at: Some(now),
                failures: feed.failures,
                next_at,
                retry_after: until,
                ..note.clone()
            };
            // The state file has this, too.
            let _ = note.write(&course.file);
        }
        Outcome {
            url: job.urls.first().cloned(),
            http_status: status,
            fetched_at: note.as_ref().and_then(|note| note.fetched_at),
            changed_at: note.as_ref().and_then(|note| note.changed_at),
            next_at,
            ..Outcome::new(&job.id, &job.file, state, Some(text))
        }
    }
}

/// What is wrong where no URL gave anything: the first fault of one that was asked, or else of one that was not
/// reached, or else the shortest wait.
fn joined(problems: Vec<Problem>) -> Problem {
    let others = match problems.len() {
        0 | 1 => String::new(),
        count => format!("; {} other URLs gave nothing", count - 1),
    };
    let rank = |problem: &Problem| match problem {
        Problem::Failed { .. } => (0, None),
        Problem::Unreachable(_) => (1, None),
        Problem::Deferred { until, .. } => (2, Some(*until)),
    };
    match problems.into_iter().min_by_key(rank) {
        Some(Problem::Failed { text, status, passing }) => {
            Problem::Failed { text: text + &others, status, passing }
        }
        Some(Problem::Unreachable(text)) => Problem::Unreachable(text + &others),
        Some(deferred) => deferred,
        None => Problem::lasting("it has no URL"),
    }
}

/// The path of a `file:` URL.
fn local_path(url: &str) -> Option<PathBuf> {
    Url::parse(url).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
}

/// How long a host wants to be left alone, in seconds.
fn retry_after(text: &str, now: Time) -> Option<i64> {
    let until = || http_date(text).map(|until| until.unix().saturating_sub(now.unix()));
    text.parse::<u32>().ok().map(i64::from).or_else(until)
}

fn meaning(status: u16) -> &'static str {
    match status {
        401 => "it wants a key, or another one",
        403 => "it refuses; does it want a key?",
        404 => "not found; has the list moved?",
        410 => "gone for good",
        408 => "the server waited too long",
        451 => "withheld for legal reasons",
        500..=599 => "the server is in trouble",
        _ => "",
    }
}

/// The SHA-256 in a text: alone, or on the line that names the file, as `sha256sum` prints it.
fn stated_digest<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let is_digest = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digest = |line: &'t str| line.split_ascii_whitespace().find(is_digest);
    let names = |line: &&str| line.split_ascii_whitespace().any(|word| word.trim_start_matches('*') == name);
    text.lines().filter(names).find_map(digest).or_else(|| text.lines().find_map(digest))
}

/// Seconds to the millisecond.
fn rounded(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// A pause between half and one and a half of what is meant, so that hosts are not asked by many at once.
fn jittered(delay: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let share = (random % 1024) as f64 / 1024.0;
    delay.mul_f64(0.5 + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_how_long_to_wait() {
        let now = Time::from_unix(784_111_777);
        assert_eq!(retry_after("120", now), Some(120));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:59:37 GMT", now), Some(600));
        assert_eq!(retry_after("soon", now), None);
    }

    #[test]
    fn finds_the_checksum_of_a_file() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let text = format!("{a}  other.txt\n{b} *list.txt\n");
        assert_eq!(stated_digest(&text, "list.txt"), Some(b.as_str()));
        assert_eq!(stated_digest(&a, "list.txt"), Some(a.as_str()));
        assert_eq!(stated_digest("none", "list.txt"), None);
    }

    #[test]
    fn a_fault_counts_more_than_a_pause() {
        let until = Time::from_unix(5);
        let pause = || Problem::Deferred { text: "p".to_owned(), until };
        assert_eq!(joined(vec![pause(), pause()]), pause());
        assert!(matches!(joined(vec![pause(), Problem::lasting("x")]), Problem::Failed { .. }));
    }
}
