//! `build`: from a catalogue and a folder of downloads to a published snapshot.
//!
//! The library builds; this file holds the lock, opens the previous build, and publishes the results. Report,
//! rejects and metrics are written to temporary files before anything is published, so that a full disk is
//! noticed while the old snapshot is still in place.

use crate::args::Build;
use crate::choice::Choice;
use crate::exit::{Exit, Failure, print_stderr};
use crate::files::{self, Files, Fill, Prepared};
use crate::lock::{Lock, with_suffix};
use crate::log_indicators;
use crate::memory;
use crate::output::build::{self as output, Publication};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::table::stderr_width;
use rapsheet_ingest::build::{Accept, BuildError, BuildInput, BuildOutput, LogIndicators, is_state_file};
use rapsheet_ingest::catalog::{self, Catalog, Indicator};
use rapsheet_ingest::list_feed;
use rapsheet_ingest::report::{FeedReport, Report};
use rapsheet_snapshot::{AtomicFile, Snapshot, Time, layout, remove_stale_temp_files};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The writer that snapshots name.
const GENERATOR: &str = concat!("rapsheet ", env!("CARGO_PKG_VERSION"));

/// Runs the command.
pub(super) fn run(args: &Build, settings: &Settings) -> Result<Exit, Failure> {
    let catalog = load_catalog(args, settings.now)?;
    let choice = choose(args, &catalog)?;
    let downloads = downloads(args)?;
    args.check_files(&catalog)?;
    args.check_out()?;
    let _lock = (!args.check).then(|| Lock::take(&args.out)).transpose()?;
    if !args.check {
        args.files().for_each(|file| remove_stale_temp_files(&file));
    }
    let previous = PreviousBuild::open(args)?;
    let mut input = BuildInput::new(&catalog, downloads, settings.now, GENERATOR);
    input.previous = previous.snapshot.as_ref();
    input.replaced = previous.at_out.as_ref();
    input.state = previous.state.as_deref();
    input.accept = &args.accept;
    input.only = choice.ids.as_deref();
    input.allow_gap = args.accept_clock;
    input.allow_older = args.replace_newer;
    let logs = read_logs(args, settings)?;
    input.against = logs.as_ref();
    input.max_new_hits = args.max_new_hits;
    input.max_memory = args.max_memory.unwrap_or_else(memory::default_bound);
    input.spill_near = Some(&args.out);
    memory::return_large_blocks();
    let pool = pool(settings)?;
    let built = build(&input, &previous, &pool, settings)?;
    let length = built.image.byte_len();
    let files = prepare_files(&built, length, args)?;
    if !args.check {
        pool.install(|| publish(&built, &args.out))?;
    }
    let all_written = write_rest(files);
    print_summary(&built.report, length, args, settings)?;
    if !settings.quiet {
        print_memory(&built.report, input.max_memory);
    }
    let absent = print_absent(&choice.named, &built.report, downloads);
    Ok(if built.report.trouble || absent || !all_written { Exit::Trouble } else { Exit::Done })
}

/// Prints the table and the notes; with `--quiet`, only what is wrong.
fn print_summary(report: &Report, length: u64, args: &Build, settings: &Settings) -> Result<(), Failure> {
    let about = Publication {
        out: &args.out,
        previous_state: with_suffix(args.previous.as_deref().unwrap_or(&args.out), ".state"),
        length,
        is_check: args.check,
        downloads: args.downloads.as_deref().unwrap_or(Path::new(".")),
        feeds_command: format!("rapsheet feeds --catalog {}", catalog_name(args.catalog.as_deref())),
        width: stderr_width(),
        verbose: settings.verbose,
    };
    let mut text = Vec::new();
    match settings.quiet {
        true => output::troubles(report, &about, &mut text)?,
        false => output::summary(report, &about, &mut text)?,
    }
    if !text.is_empty() {
        print_stderr(String::from_utf8_lossy(&text).trim_end());
    }
    Ok(())
}

/// Says how much went to a temporary file, and whether the build took more memory than it may: the bound is
/// on rows, and encoding has a floor.
fn print_memory(report: &Report, bound: u64) {
    let megabytes = |bytes: u64| bytes.div_ceil(1_000_000);
    if report.spilled_bytes > 0 {
        let (spilled, bound) = (megabytes(report.spilled_bytes), megabytes(bound));
        print_stderr(&format!(
            "the rows did not fit the memory of {bound} MB: {spilled} MB were in a temporary file, which is gone"
        ));
    }
    if let Some(peak) = memory::peak().filter(|peak| *peak > bound) {
        let (peak, bound) = (megabytes(peak), megabytes(bound));
        print_stderr(&format!(
            "the build took {peak} MB, more than the {bound} MB of --max-memory: encoding the entries takes that much"
        ));
    }
}

/// The folder of downloads. A build of lists alone has none: the paths of lists are absolute.
fn downloads(args: &Build) -> Result<&Path, Failure> {
    match &args.downloads {
        Some(folder) if folder.is_dir() => Ok(folder),
        Some(folder) => {
            let folder = folder.display();
            Err(Failure::usage(format_args!(
                "--downloads {folder}: no such folder; create it, or name another"
            )))
        }
        None => Ok(Path::new("")),
    }
}

/// Which feeds the command line chooses: those of --feed, and those of --list, which are chosen by naming
/// their files.
fn choose(args: &Build, catalog: &Catalog) -> Result<Choice, Failure> {
    let mut choice = Choice::of(&args.feeds, catalog)?;
    let lists_alone = args.downloads.is_none();
    if lists_alone || choice.ids.is_some() {
        // They are the last ones of the catalogue.
        let lists = catalog.feeds.iter().rev().take(args.lists.len());
        choice.ids.get_or_insert_default().extend(lists.map(|feed| feed.id.clone()));
    }
    Ok(choice)
}

/// Names the chosen feeds that have no download. A feed of a pattern may be absent; one that was named should
/// be there.
fn print_absent(named: &[String], report: &Report, downloads: &Path) -> bool {
    let is_absent = |id: &&String| report.feeds.iter().any(|feed| feed.id == **id && feed.never_downloaded);
    let absent = || named.iter().filter(is_absent);
    for id in absent() {
        let of_id = |feed: &&FeedReport| feed.id == *id;
        let file = report.feeds.iter().find(of_id).map_or("", |feed| feed.file.as_str());
        let folder = downloads.display();
        print_stderr(&format!("{id}: --feed names it, and its file {file} is not in {folder}"));
    }
    absent().next().is_some()
}

/// Publishes report, rejects and metrics after the snapshot, each whatever became of the others. Returns
/// whether all were written.
fn write_rest(files: Vec<Prepared<'_>>) -> bool {
    let errors = files.into_iter().filter_map(|file| file.publish().err());
    let count = errors.inspect(|error| print_stderr(&format!("rapsheet: {error}"))).count();
    count == 0
}

impl Build {
    /// The files that the build writes to temporary files first.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let reports = [&self.report, &self.rejects, &self.metrics].into_iter().flatten();
        [self.out.clone(), with_suffix(&self.out, ".state")].into_iter().chain(reports.cloned())
    }

    /// Checks that no file is written twice, and none both read and written, except that the snapshot at
    /// `--out` may be the previous one.
    fn check_files(&self, catalog: &Catalog) -> Result<(), Failure> {
        files::check_target("--out", &self.out)?;
        let mut files = Files::default();
        catalog.files.iter().for_each(|path| files.add_input("--catalog", path));
        self.lists.iter().for_each(|path| files.add_input("--list", path));
        let folder = self.downloads.iter();
        for download in folder.flat_map(|folder| catalog.feeds.iter().map(|feed| folder.join(&feed.file))) {
            files.add_input("--downloads", &with_suffix(&download, ".meta.json"));
            files.add_input("--downloads", &download);
        }
        self.never_block.iter().for_each(|path| files.add_input("--never-block", path));
        self.against.iter().for_each(|path| files.add_input("--against", path));
        files.add_output("--out", &self.out)?;
        files.add_output("--out", &with_suffix(&self.out, ".state"))?;
        files.add_output("--out", &with_suffix(&self.out, ".lock"))?;
        self.previous.iter().for_each(|path| files.add_input("--previous", path));
        let reports =
            [("--report", &self.report), ("--rejects", &self.rejects), ("--metrics", &self.metrics)];
        for (flag, path) in reports.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?))) {
            files.add_output(flag, path)?;
            files::check_target(flag, path)?;
            files::check_report(flag, path)?;
        }
        Ok(())
    }

    /// Checks that the snapshot and the state file replace only their like, whatever else is given: a
    /// mistyped `--out` must not cost a file.
    fn check_out(&self) -> Result<(), Failure> {
        files::check_replaces_only("--out", &self.out, "snapshot", layout::is_snapshot)?;
        files::check_replaces_only("--out", &with_suffix(&self.out, ".state"), "state file", is_state_file)
    }
}

/// Reads a catalogue, or the one inside the program.
pub(super) fn read_catalog(path: Option<&Path>) -> Result<Catalog, Failure> {
    let read = match path.filter(|path| path.as_os_str() != BUILTIN) {
        Some(path) => {
            fs::metadata(path)
                .map_err(|error| Failure::usage(format_args!("--catalog {}: {error}", path.display())))?;
            Catalog::open(path)
        }
        None => Catalog::builtin(),
    };
    read.map_err(Failure::usage)
}

/// What `--catalog` calls the catalogue inside the program. A file of that name is `./builtin`.
const BUILTIN: &str = "builtin";

fn catalog_name(path: Option<&Path>) -> String {
    path.map_or_else(|| BUILTIN.to_owned(), |path| path.display().to_string())
}

/// Reads the catalogue, the lists and the never-block files, and checks that `--accept` names feeds of the
/// catalogue.
fn load_catalog(args: &Build, now: Time) -> Result<Catalog, Failure> {
    let lists_alone = args.downloads.is_none();
    if let Some(path) = args.catalog.as_ref().filter(|_| lists_alone) {
        let path = path.display();
        return Err(Failure::usage(format_args!(
            "--catalog {path}: add --downloads DIR, the folder of its downloads"
        )));
    }
    let mut catalog = if lists_alone { Catalog::empty() } else { read_catalog(args.catalog.as_deref())? };
    for path in &args.lists {
        let bad = |error: String| Failure::usage(format_args!("--list {}: {error}", path.display()));
        fs::metadata(path).map_err(|error| bad(error.to_string()))?;
        catalog.add_list(path).map_err(bad)?;
        // The build says what is wrong with a file that cannot be read, as with any download.
        catalog.feeds.last_mut().map(|feed| list_feed::suit(feed, now));
    }
    for path in &args.never_block {
        catalog.never_block.extend(read_never_block(path)?);
    }
    let name = catalog_name(args.catalog.as_deref());
    if !catalog.feeds.iter().any(|feed| feed.enabled) {
        return Err(Failure::usage(format_args!(
            "--catalog {name}: no feed in it is enabled; set enabled = true for one"
        )));
    }
    let is_unknown = |accept: &&Accept| !catalog.feeds.iter().any(|feed| feed.id == accept.feed());
    match args.accept.iter().find(is_unknown) {
        Some(unknown) => Err(Failure::usage(format_args!(
            "--accept: {name} has no feed `{}`; `rapsheet feeds --catalog {name}` lists them",
            unknown.feed()
        ))),
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

/// The indicators of the operator's logs, if there are any to compare with.
fn read_logs(args: &Build, settings: &Settings) -> Result<Option<LogIndicators>, Failure> {
    if args.against.is_empty() {
        return Ok(None);
    }
    let summaries = log_indicators::LogIndicators::read("--against", &args.against, settings)?;
    if !summaries.has_unlisted() {
        settings.note(
            "--against: the summaries have nothing that was in no list, so nothing can be newly flagged but what has \
             expired; write them with `rapsheet score --all --summary=json`",
        );
    }
    Ok(Some(LogIndicators::new(summaries.rows())))
}

/// The threads of this build. The global pool, which has a thread for each processor, is never started:
/// `--threads` cannot resize it, and it panics where the system grants no thread.
fn pool(settings: &Settings) -> Result<rayon::ThreadPool, Failure> {
    rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build().map_err(|error| {
        Failure::unfinished(format_args!("starting threads failed: {error}; ask for fewer with --threads"))
    })
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

/// Writes report, rejects and metrics to temporary files. Devices and pipes get theirs at the end.
fn prepare_files<'a>(
    built: &'a BuildOutput,
    length: u64,
    args: &'a Build,
) -> Result<Vec<Prepared<'a>>, Failure> {
    let files: [(_, Fill<'a>); 3] = [
        (&args.report, Box::new(|out| output::report(&built.report, out))),
        (&args.rejects, Box::new(|out| output::rejects(&built.rejects, out))),
        (&args.metrics, Box::new(move |out| output::metrics(&built.report, length, out))),
    ];
    let prepare = |(target, fill): (&'a Option<PathBuf>, Fill<'a>)| {
        let target = target.as_deref()?;
        let unfinished = |error| Failure::unfinished(format_args!("{error}; nothing was published"));
        Some(Prepared::new(target, fill).map_err(unfinished))
    };
    files.into_iter().filter_map(prepare).collect()
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
    /// The snapshot at `--out`, where `--previous` names another. A damaged one may be replaced.
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
    let refused = |error: io::Error| Failure::unread(&error, format_args!("{}: {error}", path.display()));
    if fs::metadata(path).map_err(refused)?.is_file() {
        fs::read(path).map_err(refused)
    } else {
        Err(refused(io::Error::other("it is not a regular file; move or remove it")))
    }
}
