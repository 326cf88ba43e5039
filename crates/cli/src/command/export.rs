//! `export`: what is live, in the syntax of another program, and what that syntax cannot say.

use super::stdout;
use crate::args::Export;
use crate::exit::{Exit, Failure, print_stderr};
use crate::feed_selection;
use crate::files::{self, Files, Prepared};
use crate::output::export::summary;
use crate::settings::Settings;
use crate::table::stderr_width;
use rapsheet_export::{ExportError, Options, Report, export};
use rapsheet_snapshot::Snapshot;
use std::io::{self, Write};
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &Export, settings: &Settings) -> Result<Exit, Failure> {
    check_files(args, settings)?;
    let snapshot = settings.open()?;
    let mut options = Options::new(args.output, settings.now);
    options.feeds = feed_selection::select(&args.feeds, &snapshot)?;
    options.assessments = args.assessments.iter().copied().collect();
    options.min_providers = args.min_providers;
    options.max_entries = args.max_entries;
    options.include_restricted = args.include_restricted;
    let report = match &args.file {
        Some(file) => to_file(&snapshot, &options, file)?,
        None => export(&snapshot, &options, &mut stdout()).map_err(failure)?,
    };
    if !settings.quiet {
        let mut text = Vec::new();
        summary(&report, stderr_width(), &mut text)?;
        settings.note(String::from_utf8_lossy(&text).trim_end());
    }
    let is_reported = args.report.as_ref().is_none_or(|path| write_report(&report, path));
    let is_lossy = !report.losses.is_empty();
    Ok(if !is_reported || args.strict && is_lossy { Exit::Trouble } else { Exit::Done })
}

fn check_files(args: &Export, settings: &Settings) -> Result<(), Failure> {
    let mut all = Files::default();
    all.add_input("--snapshot", &settings.snapshot);
    // What the next build reads.
    let mut state = settings.snapshot.clone().into_os_string();
    state.push(".state");
    all.add_input("the state of --snapshot", state.as_ref());
    for (flag, path) in [("--file", &args.file), ("--report", &args.report)] {
        if let Some(path) = path {
            files::check_target(flag, path)?;
            files::check_report(flag, path)?;
            all.add_output(flag, path)?;
        }
    }
    Ok(())
}

fn failure(error: ExportError) -> Failure {
    match error {
        ExportError::Io(error) => Failure::from(error),
        error => Failure::refused(error),
    }
}

fn to_file(snapshot: &Snapshot, options: &Options, file: &Path) -> Result<Report, Failure> {
    let mut ended: Option<Result<Report, ExportError>> = None;
    let fill = |out: &mut dyn Write| match export(snapshot, options, out) {
        Err(ExportError::Io(error)) => Err(error),
        Err(error) => {
            let message = error.to_string();
            ended = Some(Err(error));
            Err(io::Error::other(message))
        }
        report => {
            ended = Some(report);
            Ok(())
        }
    };
    let placed = Prepared::new(file, Box::new(fill)).and_then(Prepared::publish);
    match (ended, placed) {
        (Some(Err(error)), _) => Err(failure(error)),
        (Some(Ok(report)), Ok(())) => Ok(report),
        (_, Err(error)) => Err(Failure::unfinished(error)),
        (None, Ok(())) => Err(Failure::unfinished("nothing was written")),
    }
}

/// Writes the report. The export is there by then, so that a failure is trouble, and not an end without a result.
fn write_report(report: &Report, path: &Path) -> bool {
    let fill = |out: &mut dyn Write| {
        serde_json::to_writer_pretty(&mut *out, report)?;
        writeln!(out)
    };
    let written = Prepared::new(path, Box::new(fill)).and_then(Prepared::publish);
    if let Err(error) = &written {
        print_stderr(&format!("rapsheet: the export is written, and its report is not: {error}"));
    }
    written.is_ok()
}
