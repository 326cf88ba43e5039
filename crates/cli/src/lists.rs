//! `--list`: a snapshot of one's own lists, made in memory, without a catalogue.
//!
//! Each file is a feed whose provider is the file's name. Nothing else is read: neither the snapshot that
//! `RAPSHEET_SNAPSHOT` names nor any other, so that a list of a hundred indicators answers at once. `build --list`
//! makes a snapshot of lists and feeds together.

use crate::exit::Failure;
use crate::input;
use crate::settings::Settings;
use crate::table::counted;
use rapsheet_ingest::build::{BuildInput, BuildOutput, NoObserver, build};
use rapsheet_ingest::list_feed;
use rapsheet_ingest::report::FeedReport;
use rapsheet_snapshot::Snapshot;
use rapsheet_snapshot::section::origin::FeedState;
use std::path::{Path, PathBuf};

/// Reads lists. What they hold and no indicator can be made of is said on stderr.
pub(crate) fn snapshot(paths: &[PathBuf], settings: &Settings) -> Result<Snapshot, Failure> {
    if settings.snapshot_is_named {
        settings.note("rapsheet: with --list only the lists answer, and the snapshot is not read; `rapsheet build --list` makes one of both");
    }
    if paths.iter().any(|path| input::is_stdin(path)) {
        return Err(Failure::usage("--list - is no file: a list is read more than once; name a file"));
    }
    let feed = |path: &PathBuf| {
        list_feed::of_file(path, settings.now)
            .map_err(|why| Failure::refused(format_args!("--list {}: {why}", path.display())))
    };
    let catalog = list_feed::catalog(paths.iter().map(feed).collect::<Result<_, _>>()?);
    let input = BuildInput::new(&catalog, Path::new(""), settings.now, "rapsheet --list");
    let built = in_own_pool(&input, settings)?;
    for report in &built.report.feeds {
        check(report, &built, settings)?;
    }
    Snapshot::from_bytes(built.image.to_bytes()).map_err(Failure::unfinished)
}

fn in_own_pool(input: &BuildInput<'_>, settings: &Settings) -> Result<BuildOutput, Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build();
    let pool = pool.map_err(|error| {
        Failure::unfinished(format_args!("starting threads failed: {error}; ask for fewer with --threads"))
    })?;
    pool.install(|| build(input, &NoObserver))
        .map_err(|error| Failure::unfinished(format_args!("--list: {error}")))
}

/// Fails where a list could not be read or holds no indicator; names what it holds beside indicators.
fn check(report: &FeedReport, built: &BuildOutput, settings: &Settings) -> Result<(), Failure> {
    let file = Path::new(&report.file).file_name().unwrap_or_default().to_string_lossy();
    if report.state != FeedState::Ok {
        return Err(Failure::refused(format_args!("--list {file}: {}", report.reason_text)));
    }
    if report.indicators == report.rejected {
        return Err(Failure::usage(format_args!(
            "--list {file}: no indicator in {}; `rapsheet parse --format {} {file}` shows why",
            counted(report.lines, "line", "lines"),
            report.format
        )));
    }
    if report.expired > 0 {
        settings.note(&format!(
            "rapsheet: --list {file}: {} expired, by the dates in the list",
            counted(report.expired, "indicator", "indicators")
        ));
    }
    let Some(first) = built.rejects.iter().find(|row| row.feed == report.id) else { return Ok(()) };
    settings.note(&format!(
        "rapsheet: --list {file}: {} no indicator, the first at line {} ({}): {}",
        counted(report.rejected, "entry is", "entries are"),
        first.line,
        first.reason,
        first.text.trim()
    ));
    Ok(())
}
