//! `build`: from a catalogue and a folder of downloads to a published snapshot.
//!
//! The library builds; this file holds the lock, opens the previous build, and publishes the results. Report,
//! rejects and metrics are written to temporary files before anything is published, so that a full disk is
//! noticed while the old snapshot is still in place.

use crate::args::Build;
use crate::exit::{Exit, Failure, print_stderr};
use crate::files::{Files, write_temp};
use crate::lock::{Lock, with_suffix};
use crate::memory;
use crate::output::build as output;
use crate::progress::Progress;
use crate::settings::Settings;
use rapsheet_ingest::build::{Accept, BuildError, BuildInput, BuildOutput};
use rapsheet_ingest::catalog::{self, Catalog, Indicator};
use rapsheet_snapshot::{AtomicFile, Snapshot, remove_stale_temp_files};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The writer that snapshots name.
const GENERATOR: &str = concat!("rapsheet ", env!("CARGO_PKG_VERSION"));

/// Runs the command.
pub(super) fn run(args: &Build, settings: &Settings) -> Result<Exit, Failure> {
    let catalog = load_catalog(args)?;
    if !args.downloads.is_dir() {
        let folder = args.downloads.display();
        return Err(Failure::usage(format_args!("--downloads {folder}: there is no such folder")));
    }
    args.check_files()?;
    let _lock = Lock::take(&args.out)?;
    args.files().for_each(|file| remove_stale_temp_files(&file));
    let previous = PreviousBuild::open(args)?;
    let mut input = BuildInput::new(&catalog, &args.downloads, settings.now, GENERATOR);
    input.previous = previous.snapshot.as_ref();
    input.replaced = previous.at_out.as_ref();
    input.state = previous.state.as_deref();
    input.accept = &args.accept;
    input.allow_older = args.replace_newer;
    input.max_memory = args.max_memory.unwrap_or_else(memory::default_bound);
    memory::return_large_blocks();
    let pool = pool(settings)?;
    let built = build(&input, &previous, &pool, settings)?;
    let length = built.image.byte_len();
    let files = write_files(&built, length, args)?;
    pool.install(|| publish(&built, &args.out))?;
    for file in files {
        // Exit codes are about the snapshot, which is published by now: this error is only printed.
        file.publish().unwrap_or_else(|error| print_stderr(&format!("rapsheet: {error}")));
    }
    let mut summary = Vec::new();
    output::summary(&built.report, length, &args.out, settings.verbose, &mut summary)?;
    settings.note(String::from_utf8_lossy(&summary).trim_end());
    Ok(if built.report.trouble { Exit::Trouble } else { Exit::Done })
}

impl Build {
    /// The files that the build writes to temporary files first.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let reports = [&self.report, &self.rejects, &self.metrics].into_iter().flatten();
        [self.out.clone(), with_suffix(&self.out, ".state")].into_iter().chain(reports.cloned())
    }

    /// Checks that no file is written twice, and none both read and written, except that the snapshot at
    /// `--out` may be the previous one.
    fn check_files(&self) -> Result<(), Failure> {
        let mut files = Files::default();
        files.add_input("--catalog", &self.catalog);
        self.never_block.iter().for_each(|path| files.add_input("--never-block", path));
        files.add_output("--out", &self.out)?;
        files.add_output("--out", &with_suffix(&self.out, ".state"))?;
        files.add_output("--out", &with_suffix(&self.out, ".lock"))?;
        self.previous.iter().for_each(|path| files.add_input("--previous", path));
        let reports =
            [("--report", &self.report), ("--rejects", &self.rejects), ("--metrics", &self.metrics)];
        reports
            .into_iter()
            .try_for_each(|(flag, path)| path.iter().try_for_each(|path| files.add_output(flag, path)))
    }
}

/// Reads a catalogue.
pub(super) fn read_catalog(path: &Path) -> Result<Catalog, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format_args!("--catalog {}: {error}", path.display())))?;
    Catalog::parse(&text, &path.to_string_lossy()).map_err(Failure::usage)
}

/// Reads the catalogue and the never-block files, and checks that `--accept` names feeds of the catalogue.
fn load_catalog(args: &Build) -> Result<Catalog, Failure> {
    let mut catalog = read_catalog(&args.catalog)?;
    for path in &args.never_block {
        catalog.never_block.extend(read_never_block(path)?);
    }
    if !catalog.feeds.iter().any(|feed| feed.enabled) {
        let path = args.catalog.display();
        return Err(Failure::usage(format_args!("--catalog {path}: no feed in it is enabled")));
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

fn read_never_block(path: &Path) -> Result<Vec<Indicator>, Failure> {
    let bad = |what: String| Failure::usage(format_args!("--never-block {}{what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| bad(format!(": {error}")))?;
    let parse = |(line, text): (usize, &str)| {
        let found = text.escape_debug();
        let expected = "expected an address, a prefix, a range or a name";
        Indicator::parse(text).ok_or_else(|| bad(format!(":{line}: {expected}, found `{found}`")))
    };
    catalog::never_block_lines(&text).map(parse).collect()
}

/// The threads of this build. The global pool, which has a thread for each processor, is never started: `--threads`
/// cannot resize it, and it panics where the system grants no thread.
fn pool(settings: &Settings) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .build()
        .map_err(|error| Failure::unfinished(format_args!("starting threads failed: {error}")))
}

fn build(
    input: &BuildInput<'_>,
    previous: &PreviousBuild,
    pool: &rayon::ThreadPool,
    settings: &Settings,
) -> Result<BuildOutput, Failure> {
    let progress = Progress::new(settings);
    let built = pool.install(|| rapsheet_ingest::build::build(input, &progress));
    progress.finish();
    let mut built = built.map_err(|error| match error {
        BuildError::State(damage) => {
            Failure::refused(format_args!("{}: {damage}", previous.state_path.display()))
        }
        BuildError::CorruptPrevious => Failure::refused(error),
        _ => Failure::unfinished(format_args!("{error}; nothing was published")),
    })?;
    progress.add_times_to(&mut built.report);
    Ok(built)
}

/// Writes report, rejects and metrics to temporary files.
fn write_files(built: &BuildOutput, length: u64, args: &Build) -> Result<Vec<AtomicFile>, Failure> {
    let report = temp_file(args.report.as_deref(), |out| output::report(&built.report, out))?;
    let rejects = temp_file(args.rejects.as_deref(), |out| output::rejects(&built.rejects, out))?;
    let metrics = temp_file(args.metrics.as_deref(), |out| output::metrics(&built.report, length, out))?;
    Ok([report, rejects, metrics].into_iter().flatten().collect())
}

fn temp_file(
    target: Option<&Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Option<AtomicFile>, Failure> {
    let unfinished = |error| Failure::unfinished(format_args!("{error}; nothing was published"));
    Ok(target.map(|target| write_temp(target, fill)).transpose().map_err(unfinished)?.flatten())
}

/// Publishes the state file and the snapshot. Both are written before either is renamed, so that a full disk
/// leaves both as they were. The state file goes first: with a snapshot but no state file, the next build
/// would take old rows for new ones, while a state file that is newer than its snapshot does no harm, because
/// it has the times of its rows.
fn publish(built: &BuildOutput, out: &Path) -> Result<(), Failure> {
    let unfinished = |error| Failure::unfinished(format_args!("{error}; the old snapshot is untouched"));
    let mut state = AtomicFile::create(with_suffix(out, ".state")).map_err(unfinished)?;
    state.fill(|out| out.write_all(&built.state)).map_err(unfinished)?;
    let snapshot = built.image.stage(out, verify_in_parallel).map_err(unfinished)?;
    state.publish().map_err(unfinished)?;
    let unsynced = |error| {
        Failure::unfinished(format_args!(
            "{error}; the new snapshot is in place, but may be lost in a power failure"
        ))
    };
    snapshot.rename().map_err(unfinished)?.sync().map_err(unsynced)
}

/// Verifies the written file before it is published, on the threads of the pool that runs this.
fn verify_in_parallel(snapshot: &Snapshot) -> Result<(), rapsheet_snapshot::Error> {
    snapshot.reference_checks().into_par_iter().try_for_each(|check| check.run())
}

/// The results of the previous build.
struct PreviousBuild {
    snapshot: Option<Snapshot>,
    /// The snapshot at `--out`, where `--previous` names another. A file there that is no snapshot may be
    /// replaced.
    at_out: Option<Snapshot>,
    state: Option<Vec<u8>>,
    /// The path of the state file, empty if there is none.
    state_path: PathBuf,
}

impl PreviousBuild {
    fn open(args: &Build) -> Result<PreviousBuild, Failure> {
        let at_out = || Snapshot::open_trusted(&args.out).ok();
        let path = match &args.previous {
            Some(path) if path.as_os_str() == "none" => {
                let at_out = at_out();
                return Ok(PreviousBuild { snapshot: None, at_out, state: None, state_path: PathBuf::new() });
            }
            Some(path) => path,
            None => &args.out,
        };
        let remedy = "name another with --previous, or start afresh with `--previous none`";
        let is_required = args.previous.is_some() || path.exists();
        let open = || {
            Snapshot::open(path).map_err(|error| Failure::unopened(&error, format_args!("{error}; {remedy}")))
        };
        let snapshot = is_required.then(open).transpose()?;
        let at_out = args.previous.as_ref().and_then(|_| at_out());
        let mut states = [path, &args.out].map(|snapshot| with_suffix(snapshot, ".state")).into_iter();
        let state_path = states.find(|path| path.exists()).unwrap_or_default();
        let state = state_path.exists().then(|| read_state(&state_path)).transpose()?;
        Ok(PreviousBuild { snapshot, at_out, state, state_path })
    }
}

/// Reads the state file. A pipe in its place is refused: reading it could block for ever.
fn read_state(path: &Path) -> Result<Vec<u8>, Failure> {
    let refused = |error: io::Error| Failure::refused(format_args!("{}: {error}", path.display()));
    if fs::metadata(path).map_err(refused)?.is_file() {
        fs::read(path).map_err(refused)
    } else {
        Err(refused(io::Error::other("it is not a regular file")))
    }
}
