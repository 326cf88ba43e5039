//! `update`: fetches, then builds: what cron runs.
//!
//! A fetch that fails, as a whole or in part, keeps no build from running: what is there is built, and what is too
//! old becomes stale.

use super::{build, fetch};
use crate::args::{Build, Fetch, TableOrJson, Update};
use crate::exit::{Exit, Failure, print_stderr};
use crate::settings::Settings;

/// Runs the command.
pub(super) fn run(args: &Update, settings: &Settings) -> Result<Exit, Failure> {
    let downloads = args.dir.join("downloads");
    fetch::create_folder(&downloads)?;
    if let Some(folder) = &args.metrics {
        fetch::create_folder(folder)?;
    }
    let metrics = |name: &str| args.metrics.as_ref().map(|folder| folder.join(name));
    let fetched = fetch::run(
        &Fetch {
            catalog: args.catalog.clone(),
            downloads: downloads.clone(),
            feeds: args.feeds.clone(),
            report: Some(args.dir.join("fetch.json")),
            metrics: metrics("rapsheet-fetch.prom"),
            dry_run: false,
            output: TableOrJson::default(),
            transfers: args.transfers.clone(),
        },
        settings,
    );
    let fetched = go_on(fetched)?;
    let built = build::run(
        &Build {
            catalog: args.catalog.clone(),
            downloads: Some(downloads),
            out: args.dir.join("rapsheet.rap"),
            feeds: args.feeds.clone(),
            report: Some(args.dir.join("report.json")),
            rejects: Some(args.dir.join("rejects.jsonl")),
            metrics: metrics("rapsheet-build.prom"),
            ..Build::default()
        },
        settings,
    )?;
    Ok(if built == Exit::Done { fetched } else { built })
}

/// Ends where the arguments are wrong, or another fetch is at work; otherwise the build goes on with what is there.
fn go_on(fetched: Result<Exit, Failure>) -> Result<Exit, Failure> {
    match fetched {
        Err(Failure::Message(Exit::Unfinished, message)) => {
            print_stderr(&format!("rapsheet: {message}; the downloads that are there are built"));
            Ok(Exit::Trouble)
        }
        other => other,
    }
}
