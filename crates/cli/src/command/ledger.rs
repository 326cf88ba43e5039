//! `ledger`: which feeds are worth keeping.

use super::stdout;
use crate::args::{self, ListArg};
use crate::exit::{Exit, Failure};
use crate::feed_selection;
use crate::files::{self, Files, Prepared};
use crate::log_indicators::LogIndicators;
use crate::output::ledger::{View, svg};
use crate::settings::Settings;
use crate::table::counted;
use rapsheet_ledger::{Churn, Ledger, LedgerError, LogHits, LogRow, Options, churn, log_hits};
use rapsheet_snapshot::{ListKind, Snapshot, Time};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &args::Ledger, settings: &Settings) -> Result<Exit, Failure> {
    check_files(args, settings)?;
    let snapshot = settings.open()?;
    let options = options(args, &snapshot, settings)?;
    let ledger = Ledger::of(&snapshot, &options).map_err(failure)?;
    let view = View {
        snapshot: &snapshot,
        now: settings.now,
        list: options.list,
        cover: ledger.cover(args.cover),
        share: args.cover,
        churn: args.previous.as_deref().map(|old| compare(old, &snapshot, &options, settings)).transpose()?,
        hits: find_in_logs(&args.logs, &snapshot, &options, settings)?,
        spreadsheet: args.spreadsheet,
        ledger,
    };
    if let Some(path) = &args.svg {
        let fill = |out: &mut dyn Write| svg(&view, out);
        Prepared::new(path, Box::new(fill)).and_then(Prepared::publish).map_err(Failure::unfinished)?;
    }
    let mut out = stdout();
    (args.output.print)(&view, &mut out)?;
    out.flush()?;
    Ok(Exit::Done)
}

fn check_files(args: &args::Ledger, settings: &Settings) -> Result<(), Failure> {
    let mut all = Files::default();
    all.add_input("--snapshot", &settings.snapshot);
    args.previous.iter().for_each(|path| all.add_input("--previous", path));
    args.logs.iter().for_each(|path| all.add_input("--log", path));
    if let Some(path) = &args.svg {
        files::check_target("--svg", path)?;
        files::check_report("--svg", path)?;
        all.add_output("--svg", path)?;
    }
    Ok(())
}

fn failure(error: LedgerError) -> Failure {
    match error {
        LedgerError::Snapshot(error) => Failure::refused(error),
        error => Failure::usage(error),
    }
}

fn options(args: &args::Ledger, snapshot: &Snapshot, settings: &Settings) -> Result<Options, Failure> {
    let mut options = Options::new(settings.now);
    options.feeds = feed_selection::select(&args.feeds, snapshot)?;
    let chosen = options.feeds.as_deref();
    let is_chosen = |at: usize| chosen.is_none_or(|chosen| chosen.get(at).copied().unwrap_or(false));
    let feeds = || snapshot.origin().feeds.iter().enumerate().filter(|(at, _)| is_chosen(*at));
    let has = |list: ListKind| feeds().any(|(_, feed)| feed.traits().list == list);
    options.list = match args.list {
        Some(ListArg::Block) => ListKind::Block,
        Some(ListArg::Allow) => ListKind::Allow,
        None if has(ListKind::Block) || !has(ListKind::Allow) => ListKind::Block,
        None => ListKind::Allow,
    };
    let others = feeds().filter(|(_, feed)| feed.traits().list != options.list).count() as u64;
    if others > 0 {
        let (feeds, other) = (counted(others, "feed", "feeds"), options.list.inverted().word());
        settings.note(&format!("{feeds} of list {other} left out; --list {other} compares those"));
    }
    Ok(options)
}

/// What changed since an older snapshot, and when that was built.
fn compare(
    old: &Path,
    snapshot: &Snapshot,
    options: &Options,
    settings: &Settings,
) -> Result<(Time, Vec<Churn>), Failure> {
    let old = settings.open_at(old)?;
    if old.built_at() > snapshot.built_at() {
        let (old, built, new) = (old.path().display(), old.built_at(), snapshot.built_at());
        return Err(Failure::usage(format_args!(
            "--previous {old}: expected a snapshot built before {new}, found one built at {built}; swap them"
        )));
    }
    let churns = churn(&old, snapshot, options).map_err(failure)?;
    Ok((old.built_at(), churns))
}

/// What each feed finds in the logs of these summaries; `None` without one.
fn find_in_logs(
    paths: &[impl AsRef<Path>],
    snapshot: &Snapshot,
    options: &Options,
    settings: &Settings,
) -> Result<Option<Vec<LogHits>>, Failure> {
    if paths.is_empty() {
        return Ok(None);
    }
    let logs = LogIndicators::read("--log", paths, settings)?;
    // Those of several summaries are added up.
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (indicator, hits) in logs.rows() {
        let sum = all.entry(indicator).or_default();
        *sum = sum.saturating_add(hits);
    }
    let rows = all.into_iter().map(|(indicator, hits)| LogRow { indicator, hits });
    let (hits, unread) = log_hits(snapshot, options, rows).map_err(failure)?;
    if unread > 0 {
        settings.note(&format!("--log: {} cannot be read", counted(unread, "indicator", "indicators")));
    }
    Ok(Some(hits))
}
