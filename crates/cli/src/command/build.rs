//! `build`: one night, from a catalogue and a folder of downloads to a published snapshot.
//!
//! The library makes the night; this file holds the lock, opens yesterday, and puts the results where they
//! belong: report, rejects and metrics are written beside their targets before anything is published, so that a full
//! disk is noticed while the old snapshot still serves.

use crate::args::Build;
use crate::exit::{Exit, Failure, tell};
use crate::files::{Files, write_beside};
use crate::lock::{Lock, with_suffix};
use crate::output::night;
use crate::progress::Progress;
use crate::setting::Setting;
use rapsheet_ingest::build::{Accept, BuildError, Built, Night};
use rapsheet_ingest::canary;
use rapsheet_ingest::catalog::{Catalog, Mark};
use rapsheet_snapshot::{AtomicFile, Snapshot, remove_stale_temp_files};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Named in snapshots as their writer.
const GENERATOR: &str = concat!("rapsheet ", env!("CARGO_PKG_VERSION"));

/// Runs the command.
pub(super) fn run(args: &Build, setting: &Setting) -> Result<Exit, Failure> {
    let catalog = catalog_of(args)?;
    if !args.downloads.is_dir() {
        let folder = args.downloads.display();
        return Err(Failure::usage(format_args!("--downloads {folder}: there is no such folder")));
    }
    args.check_files()?;
    let _lock = Lock::take(&args.out)?;
    args.files().for_each(|file| remove_stale_temp_files(file));
    let yesterday = Yesterday::open(args)?;
    let night = Night {
        catalog: &catalog,
        downloads: &args.downloads,
        previous: yesterday.previous.as_ref(),
        standing: yesterday.standing.as_ref(),
        state: yesterday.state.as_deref(),
        now: setting.now,
        accept: &args.accept,
        allow_older: args.replace_newer,
        generator: GENERATOR,
    };
    let built = night_of(&night, &yesterday, setting)?;
    let length = built.image.byte_len();
    let told = tell_files(&built, length, args)?;
    publish(&built, &args.out)?;
    for file in told {
        // The snapshot is published by now, which is what exit codes are about; this is only told.
        file.publish().unwrap_or_else(|error| tell(&format!("rapsheet: {error}")));
    }
    night::show(&built.report, length, &args.out, setting);
    Ok(if built.report.trouble { Exit::Trouble } else { Exit::Done })
}

impl Build {
    /// Every file that the build writes beside its place first.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let told = [&self.report, &self.rejects, &self.metrics].into_iter().flatten();
        [self.out.clone(), with_suffix(&self.out, ".state")].into_iter().chain(told.cloned())
    }

    /// No file is written twice, and none is both read and written, but for a snapshot that succeeds itself.
    fn check_files(&self) -> Result<(), Failure> {
        let mut files = Files::default();
        files.reads("--catalog", &self.catalog);
        self.never_block.iter().for_each(|path| files.reads("--never-block", path));
        files.writes("--out", &self.out)?;
        files.writes("--out", &with_suffix(&self.out, ".state"))?;
        files.writes("--out", &with_suffix(&self.out, ".lock"))?;
        self.previous.iter().for_each(|path| files.reads("--previous", path));
        let told = [("--report", &self.report), ("--rejects", &self.rejects), ("--metrics", &self.metrics)];
        told.into_iter()
            .try_for_each(|(flag, path)| path.iter().try_for_each(|path| files.writes(flag, path)))
    }
}

/// Reads a catalogue.
pub(super) fn read_catalog(path: &Path) -> Result<Catalog, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("--catalog {}: {error}", path.display())))?;
    Catalog::parse(&text, &path.to_string_lossy()).map_err(Failure::usage)
}

/// The catalogue, with what the operator never wants blocked; whoever is let in must be a feed of it.
fn catalog_of(args: &Build) -> Result<Catalog, Failure> {
    let mut catalog = read_catalog(&args.catalog)?;
    for path in &args.never_block {
        catalog.never_block.extend(read_never_block(path)?);
    }
    if !catalog.feeds.iter().any(|feed| feed.enabled) {
        let path = args.catalog.display();
        return Err(Failure::usage(format_args!("--catalog {path}: it has no feed that is enabled")));
    }
    let is_unknown = |accept: &&Accept| !catalog.feeds.iter().any(|feed| feed.id == accept.feed());
    match args.accept.iter().find(is_unknown) {
        Some(unknown) => {
            let catalog = args.catalog.display();
            Err(Failure::usage(format_args!("--accept: {catalog} has no feed `{}`", unknown.feed())))
        }
        None => Ok(catalog),
    }
}

fn read_never_block(path: &Path) -> Result<Vec<Mark>, Failure> {
    let wrong = |what: String| Failure::usage(format_args!("--never-block {}{what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(format!(": {error}")))?;
    let mark = |(line, text): (usize, &str)| {
        let found = text.escape_debug();
        let expected = "expected an address, a prefix, a range or a name";
        Mark::parse(text).ok_or_else(|| wrong(format!(":{line}: {expected}, found `{found}`")))
    };
    canary::lines(&text).map(mark).collect()
}

/// Builds on threads of our own: the number was asked for, and the global pool belongs to nobody.
fn night_of(night: &Night<'_>, yesterday: &Yesterday, setting: &Setting) -> Result<Built, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(setting.threads)
        .build()
        .map_err(|error| Failure::unfinished(format_args!("starting threads failed: {error}")))?;
    let progress = Progress::new(setting);
    let built = pool.install(|| rapsheet_ingest::build::build(night, &progress));
    progress.finish();
    let mut built = built.map_err(|error| match error {
        BuildError::State(damage) => {
            Failure::refused(format_args!("{}: {damage}", yesterday.state_path.display()))
        }
        BuildError::Previous => Failure::refused(error),
        _ => Failure::unfinished(format_args!("{error}; nothing was published")),
    })?;
    progress.time(&mut built.report);
    Ok(built)
}

/// Writes what is told of the night beside where it belongs.
fn tell_files(built: &Built, length: u64, args: &Build) -> Result<Vec<AtomicFile>, Failure> {
    let report = beside(args.report.as_deref(), |out| night::report(&built.report, out))?;
    let rejects = beside(args.rejects.as_deref(), |out| night::rejects(&built.rejects, out))?;
    let metrics = beside(args.metrics.as_deref(), |out| night::metrics(&built.report, length, out))?;
    Ok([report, rejects, metrics].into_iter().flatten().collect())
}

fn beside(
    target: Option<&Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Option<AtomicFile>, Failure> {
    let unfinished = |error| Failure::unfinished(format_args!("{error}; nothing was published"));
    Ok(target.map(|target| write_beside(target, fill)).transpose().map_err(unfinished)?.flatten())
}

/// Publishes the state and the snapshot. Both are written before either is put in its place, so that a full disk leaves
/// both as they were. The state goes first: a snapshot whose state is missing would take old rows for new ones, and a
/// state that is ahead of its snapshot does no harm, because it knows the times of its rows.
fn publish(built: &Built, out: &Path) -> Result<(), Failure> {
    let unfinished = |error| Failure::unfinished(format_args!("{error}; the old snapshot is untouched"));
    let mut state = AtomicFile::create(&with_suffix(out, ".state")).map_err(unfinished)?;
    state.fill(|out| out.write_all(&built.state)).map_err(unfinished)?;
    let snapshot = built.image.stage(out, verify_in_parallel).map_err(unfinished)?;
    state.publish().map_err(unfinished)?;
    let unsure = |error| {
        Failure::unfinished(format_args!(
            "{error}; the new snapshot is there, but may not outlast a power cut"
        ))
    };
    snapshot.rename().map_err(unfinished)?.sync().map_err(unsure)
}

/// Verifies what was written before it is published, on all threads.
fn verify_in_parallel(snapshot: &Snapshot) -> Result<(), rapsheet_snapshot::Error> {
    snapshot.reference_checks().into_par_iter().try_for_each(|check| check.run())
}

/// The snapshot and the state of the night before.
struct Yesterday {
    previous: Option<Snapshot>,
    /// What stands at `--out`, where another snapshot is the previous one. What cannot be read there is nothing to be
    /// kept.
    standing: Option<Snapshot>,
    state: Option<Vec<u8>>,
    /// Where the state lies, if there is one.
    state_path: PathBuf,
}

impl Yesterday {
    fn open(args: &Build) -> Result<Yesterday, Failure> {
        let standing = || Snapshot::open_trusted(&args.out).ok();
        let path = match &args.previous {
            Some(path) if path.as_os_str() == "none" => {
                let standing = standing();
                return Ok(Yesterday { previous: None, standing, state: None, state_path: PathBuf::new() });
            }
            Some(path) => path,
            None => &args.out,
        };
        let remedy = "name a sound one with --previous, or start afresh with `--previous none`";
        let wanted = args.previous.is_some() || path.exists();
        let open =
            || Snapshot::open(path).map_err(|error| Failure::refused(format_args!("{error}; {remedy}")));
        let previous = wanted.then(open).transpose()?;
        let standing = args.previous.as_ref().and_then(|_| standing());
        let mut states = [path, &args.out].map(|snapshot| with_suffix(snapshot, ".state")).into_iter();
        let state_path = states.find(|path| path.exists()).unwrap_or_default();
        let state = state_path.exists().then(|| read_state(&state_path)).transpose()?;
        Ok(Yesterday { previous, standing, state, state_path })
    }
}

/// A pipe in the place of the state would keep a build waiting for ever.
fn read_state(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |error: io::Error| Failure::refused(format_args!("{}: {error}", path.display()));
    if fs::metadata(path).map_err(refused)?.is_file() {
        fs::read(path).map_err(refused)
    } else {
        Err(refused(io::Error::other("it is not a regular file")))
    }
}
