//! `build`: one night, from a catalogue and a folder of downloads to a published snapshot.
//!
//! The library makes the night; this file holds the lock, opens yesterday, and puts the results where they
//! belong: report and rejects are written beside their targets before anything is published, so that a full
//! disk is noticed while the old snapshot still serves.

use crate::args::Build;
use crate::exit::{Exit, Failure, tell};
use crate::progress::Progress;
use crate::setting::Setting;
use crate::table::{Head, Table, age, bytes, count};
use ingest::build::{BuildError, Built, Night};
use ingest::catalog::Catalog;
use ingest::report::{FeedReport, RejectRow, Report};
use snapshot::section::origin::FeedState;
use snapshot::{Snapshot, Time, publish_bytes};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Named in snapshots as their writer.
const GENERATOR: &str = concat!("rapsheet ", env!("CARGO_PKG_VERSION"));

/// Runs the command.
pub(super) fn run(args: &Build, setting: &Setting) -> Result<Exit, Failure> {
    let catalog = read_catalog(&args.catalog)?;
    if !args.downloads.is_dir() {
        let folder = args.downloads.display();
        return Err(Failure::usage(format_args!("--downloads {folder}: there is no such folder")));
    }
    let _lock = Lock::take(&args.out)?;
    let yesterday = Yesterday::open(args)?;
    let night = Night {
        catalog: &catalog,
        downloads: &args.downloads,
        previous: yesterday.previous.as_ref(),
        state: yesterday.state.as_deref(),
        now: setting.now,
        generator: GENERATOR,
    };
    let built = night_of(&night, setting)?;
    let report = Beside::write(args.report.as_deref(), |out| write_report(&built.report, out))?;
    let rejects = Beside::write(args.rejects.as_deref(), |out| write_rejects(&built.rejects, out))?;
    let length = publish(&built, &args.out)?;
    for file in [report, rejects].into_iter().flatten() {
        // The snapshot is published by now, which is what exit codes are about; this is only told.
        file.rename().unwrap_or_else(|error| tell(&format!("rapsheet: {error}")));
    }
    show(&built.report, length, args, setting);
    Ok(if built.report.trouble { Exit::Trouble } else { Exit::Done })
}

/// Reads a catalogue.
pub(super) fn read_catalog(path: &Path) -> Result<Catalog, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("--catalog {}: {error}", path.display())))?;
    Catalog::parse(&text, &path.to_string_lossy()).map_err(Failure::usage)
}

/// Builds on threads of our own: the number was asked for, and the global pool belongs to nobody.
fn night_of(night: &Night<'_>, setting: &Setting) -> Result<Built, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(setting.threads)
        .build()
        .map_err(|error| Failure::unfinished(format_args!("starting threads failed: {error}")))?;
    let progress = Progress::new(setting);
    let built = pool.install(|| ingest::build::build(night, &progress));
    progress.finish();
    built.map_err(|error| match error {
        BuildError::State(_) => Failure::refused(error),
        BuildError::TooMuch(_) => Failure::unfinished(format_args!("{error}; nothing was published")),
    })
}

/// Publishes the state first: a snapshot whose state is missing would take old rows for new ones. A state that
/// is ahead of its snapshot does no harm, because it knows the times of its rows.
fn publish(built: &Built, out: &Path) -> Result<u64, Failure> {
    let unfinished = |error| Failure::unfinished(format_args!("{error}; the old snapshot is untouched"));
    publish_bytes(&built.state, &with_suffix(out, ".state")).map_err(unfinished)?;
    built.image.publish(out).map_err(unfinished)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// The snapshot and the state of the night before.
struct Yesterday {
    previous: Option<Snapshot>,
    state: Option<Vec<u8>>,
}

impl Yesterday {
    fn open(args: &Build) -> Result<Yesterday, Failure> {
        let path = match &args.previous {
            Some(path) if path.as_os_str() == "none" => return Ok(Yesterday { previous: None, state: None }),
            Some(path) => path,
            None => &args.out,
        };
        let remedy = "name a sound one with --previous, or start afresh with `--previous none`";
        let wanted = args.previous.is_some() || path.exists();
        let open =
            || Snapshot::open(path).map_err(|error| Failure::refused(format_args!("{error}; {remedy}")));
        let previous = wanted.then(open).transpose()?;
        let states = [path, &args.out].map(|snapshot| with_suffix(snapshot, ".state"));
        let state = states.iter().find(|path| path.exists()).map(|path| read_state(path)).transpose()?;
        Ok(Yesterday { previous, state })
    }
}

fn read_state(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::refused(format_args!("{}: {error}", path.display())))
}

/// Held for as long as a build works on an output. The kernel lets go of it when the process ends, however it
/// ends; the file stays, because removing it would let two builds hold two files of one name.
struct Lock(#[allow(dead_code)] File);

impl Lock {
    fn take(out: &Path) -> Result<Lock, Failure> {
        let path = with_suffix(out, ".lock");
        let fail = |error: io::Error| Failure::unfinished(format_args!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fail)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Lock::busy(&mut file, out)),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        // The number is for people; the lock holds without it.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Lock(file))
    }

    fn busy(file: &mut File, out: &Path) -> Failure {
        let mut holder = String::new();
        let _ = file.take(20).read_to_string(&mut holder);
        let holder = match holder.trim() {
            "" => "another process".to_owned(),
            pid => format!("process {pid}"),
        };
        let message = format!("{}: {holder} is building it; wait for it to end", out.display());
        Failure::Told(Exit::Busy, message)
    }
}

/// A file that was written beside its target, removed unless it is renamed.
struct Beside {
    path: PathBuf,
    target: PathBuf,
}

impl Beside {
    fn write(
        target: Option<&Path>,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Option<Beside>, Failure> {
        let Some(target) = target else { return Ok(None) };
        let path = with_suffix(target, &format!(".tmp-{}", std::process::id()));
        let beside = Beside { path, target: target.to_owned() };
        let written = File::create(&beside.path).and_then(|file| {
            let mut out = BufWriter::new(&file);
            fill(&mut out)?;
            out.flush()?;
            drop(out);
            file.sync_all()
        });
        let message = |error| format!("{}: {error}; nothing was published", target.display());
        written.map_err(|error| Failure::unfinished(message(error)))?;
        Ok(Some(beside))
    }

    fn rename(self) -> Result<(), String> {
        fs::rename(&self.path, &self.target).map_err(|error| format!("{}: {error}", self.target.display()))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After the renaming there is nothing of this name.
        let _ = fs::remove_file(&self.path);
    }
}

fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    writeln!(out)
}

fn write_rejects(rejects: &[RejectRow], out: &mut dyn Write) -> io::Result<()> {
    rejects.iter().try_for_each(|row| {
        serde_json::to_writer(&mut *out, row)?;
        writeln!(out)
    })
}

/// Tells people what happened, on stderr.
fn show(report: &Report, length: u64, args: &Build, setting: &Setting) {
    let mut text = Vec::new();
    let shown = table(report, setting.now)
        .print(&mut text)
        .and_then(|()| troubles(report, setting.verbose, &mut text))
        .and_then(|()| summary(report, length, &args.out, &mut text));
    if shown.is_ok() {
        setting.note(String::from_utf8_lossy(&text).trim_end());
    }
}

fn table(report: &Report, now: Time) -> Table {
    let titles = ["lines", "accepted", "dup", "expired", "rejected", "added", "removed", "carried", "age"];
    let heads: Vec<Head> =
        ["feed", "state"].map(Head::Left).into_iter().chain(titles.map(Head::Right)).collect();
    let mut table = Table::new(&heads);
    for feed in trouble_first(report) {
        let numbers = [
            feed.lines,
            feed.accepted,
            feed.duplicate,
            feed.expired,
            feed.rejected,
            feed.added,
            feed.removed,
            feed.carried,
        ];
        let update = feed.update_time.as_deref().and_then(Time::parse_rfc3339);
        let mut cells = vec![feed.id.clone(), feed.state.word().to_owned()];
        cells.extend(numbers.map(count));
        cells.push(update.map_or("-".to_owned(), |update| age(now.unix().saturating_sub(update.unix()))));
        table.row(cells);
    }
    table
}

fn trouble_first(report: &Report) -> Vec<&FeedReport> {
    let mut feeds: Vec<&FeedReport> = report.feeds.iter().collect();
    feeds.sort_by_key(|feed| feed.state == FeedState::Ok);
    feeds
}

/// Why feeds are in trouble and, where people want to know, why lines were rejected.
fn troubles(report: &Report, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    for feed in trouble_first(report) {
        let FeedReport { id, reason, reason_text, file, .. } = feed;
        if feed.state != FeedState::Ok {
            writeln!(out, "{id}: {} ({reason}): {file}: {reason_text}", feed.state.word())?;
        }
        if verbose && !feed.refusals.is_empty() {
            let words: Vec<String> =
                feed.refusals.iter().map(|(why, number)| format!("{number} {why}")).collect();
            writeln!(out, "{id}: rejected {}", words.join(", "))?;
        }
    }
    if report.state_missing {
        writeln!(out, "there was no state of the night before: rows of accumulated feeds counted as new")?;
    }
    Ok(())
}

fn summary(report: &Report, length: u64, target: &Path, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    let trouble = report.feeds.iter().filter(|feed| feed.state != FeedState::Ok).count();
    writeln!(
        out,
        "{}: {} of {} feeds ok; {} sightings of {} IPv4 and {} IPv6 runs, {} names, {} URLs; {}",
        target.display(),
        report.feeds.len() - trouble,
        report.feeds.len(),
        totals.sightings,
        totals.ipv4_runs,
        totals.ipv6_runs,
        totals.names,
        totals.urls,
        bytes(length),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::report::{REPORT_VERSION, Totals};

    fn report() -> Report {
        let mut good = FeedReport::new("example-drop", "example.org", "plain-ip", "example-drop.txt");
        (good.lines, good.accepted, good.added) = (3, 2, 2);
        good.update_time = Some("2026-11-22T03:00:00Z".to_owned());
        let mut lost = FeedReport::new(&"lost-".repeat(12), "example.net", "hosts", "lost.txt");
        (lost.state, lost.reason) = (FeedState::Failed, "missing".to_owned());
        (lost.lines, lost.accepted, lost.carried, lost.sightings) = (u64::MAX, u64::MAX, 1_234_567, 99_999);
        Report {
            version: REPORT_VERSION,
            now: "2026-11-23T00:00:00Z".to_owned(),
            trouble: true,
            state_missing: true,
            feeds: vec![good, lost],
            totals: Totals::default(),
        }
    }

    #[test]
    fn the_table_names_trouble_first_and_fits() {
        let now = Time::parse_rfc3339("2026-11-23T00:00:00Z").expect("a time");
        let mut text = Vec::new();
        table(&report(), now).print(&mut text).expect("memory takes it");
        let text = String::from_utf8(text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("lost-") && lines[1].contains("failed"), "{text}");
        assert!(lines[2].starts_with("example-drop") && lines[2].ends_with("21h"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn what_was_written_beside_goes_away_unless_it_is_renamed() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let target = dir.path().join("report.json");
        let write = || Beside::write(Some(&target), |out| out.write_all(b"x")).expect("written");
        drop(write());
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 0);
        write().expect("a file").rename().expect("renamed");
        assert_eq!(fs::read(&target).expect("it is there"), b"x");
        assert_eq!(fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn one_build_holds_an_output_at_a_time() {
        let dir = tempfile::TempDir::new().expect("a folder");
        let out = dir.path().join("x.rap");
        let lock = Lock::take(&out).unwrap_or_else(|_| panic!("nobody holds it"));
        let told = match Lock::take(&out) {
            Err(Failure::Told(exit, message)) => (exit, message),
            _ => panic!("it is held"),
        };
        assert_eq!(told.0, Exit::Busy);
        assert!(told.1.contains(&format!("process {}", std::process::id())), "{}", told.1);
        drop(lock);
        assert!(Lock::take(&out).is_ok());
    }
}
