//! `fetch`: downloads what the chosen feeds name.
//!
//! The library fetches; this file makes its jobs of the catalogue's feeds, finds secrets, holds the lock of the
//! folder, and prints.

use super::{build, stdout};
use crate::args::Fetch as Args;
use crate::choice::Choice;
use crate::exit::{Exit, Failure, print_stderr};
use crate::files::{self, Files, Prepared};
use crate::lock::Lock;
use crate::network::{USER_AGENT, proxies, retry_delay};
use crate::output::fetch::{self as output, Results};
use crate::secrets;
use crate::settings::Settings;
use crate::table::{stderr_width, stdout_width};
use crate::transfer_bars::TransferBars;
use rapsheet_fetch::{Client, ClientOptions, Credential, Fetch, Fetched, HostLimits, Job, note_path};
use rapsheet_ingest::catalog::{Catalog, Feed};
use rapsheet_ingest::inspect::inspect;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// The pause before a transfer is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Runs the command.
pub(super) fn run(args: &Args, settings: &Settings) -> Result<Exit, Failure> {
    let catalog = build::read_catalog(args.catalog.as_deref())?;
    let feeds = chosen(&args.feeds, &catalog)?;
    let folder = args.downloads.as_path();
    if !folder.is_dir() {
        let shown = folder.display();
        return Err(Failure::usage(format_args!(
            "--downloads {shown}: no such folder; create it, or name another"
        )));
    }
    args.check_files(&feeds)?;
    let client = Client::new(args.client_options()).map_err(Failure::usage)?;
    if args.dry_run {
        return rehearse(args, &feeds, &catalog, &client, settings);
    }
    let _lock = Lock::take(&folder.join(".rapsheet-fetch"))?;
    let bars = TransferBars::new(settings);
    let began = Instant::now();
    let (jobs, limits) = (jobs(&feeds), limits(&catalog));
    let by_id: HashMap<&str, &Feed> = feeds.iter().map(|feed| (feed.id.as_str(), *feed)).collect();
    let (now, stopwatch) = (|| settings.instant(), || began.elapsed());
    let judge = |job: &Job, path: &Path| match by_id.get(job.id.as_str()) {
        Some(feed) => inspect(path, feed, settings.now).map_err(|why| format!("{}: {why}", why.word())),
        None => Ok(()),
    };
    let fetched = Fetch {
        stopwatch: &stopwatch,
        inspect: &judge,
        observer: &bars,
        ..args.fetch(&jobs, &limits, &client, &now)
    }
    .run();
    bars.finish();
    let fetched = fetched.map_err(Failure::unfinished)?;
    let results = Results { seconds: rounded(began), ..results_of(args, &client, &fetched, settings) };
    let is_written = write_files(args, &results);
    print_summary(&results, settings)?;
    let failed = fetched.outcomes.iter().any(|outcome| outcome.state == rapsheet_fetch::Verb::Failed);
    Ok(if failed || !is_written { Exit::Trouble } else { Exit::Done })
}

/// The feeds that the command line chooses: all that are enabled, where it names none.
fn chosen<'c>(values: &[String], catalog: &'c Catalog) -> Result<Vec<&'c Feed>, Failure> {
    let choice = Choice::of(values, catalog)?;
    let is_chosen = |feed: &&Feed| choice.ids.as_ref().map_or(feed.enabled, |ids| ids.contains(&feed.id));
    Ok(catalog.feeds.iter().filter(is_chosen).collect())
}

/// Prints what a run would do.
fn rehearse(
    args: &Args,
    feeds: &[&Feed],
    catalog: &Catalog,
    client: &Client,
    settings: &Settings,
) -> Result<Exit, Failure> {
    let (jobs, limits) = (jobs(feeds), limits(catalog));
    let now = || settings.instant();
    let fetched = args.fetch(&jobs, &limits, client, &now).rehearse();
    let mut out = stdout();
    let results = results_of(args, client, &fetched, settings);
    match args.output.is_json() {
        true => output::report(&results, &mut out)?,
        false => output::dry_run(&results, stdout_width(), &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn results_of<'a>(
    args: &'a Args,
    client: &'a Client,
    fetched: &'a Fetched,
    settings: &Settings,
) -> Results<'a> {
    Results {
        downloads: &args.downloads,
        at: settings.now,
        seconds: 0.0,
        tls_roots: client.roots(),
        proxy: client.proxy(),
        outcomes: &fetched.outcomes,
        warnings: &fetched.warnings,
    }
}

fn rounded(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}

/// The jobs of feeds.
fn jobs(feeds: &[&Feed]) -> Vec<Job> {
    feeds.iter().map(|feed| job(feed)).collect()
}

fn job(feed: &Feed) -> Job {
    let first = Some(feed.url.clone()).filter(|url| !url.is_empty());
    Job {
        id: feed.id.clone(),
        file: feed.file.clone(),
        urls: first.into_iter().chain(feed.mirrors.iter().cloned()).collect(),
        min_interval_seconds: feed.min_interval_seconds,
        max_bytes: feed.max_bytes,
        credential: credential(feed),
        sha256_url: feed.sha256_url.clone(),
        private_network: feed.private_network,
    }
}

fn credential(feed: &Feed) -> Credential {
    match &feed.auth {
        None => Credential::None,
        Some(auth) => match secrets::find(&auth.secret) {
            Ok(value) => Credential::Header { name: auth.header.clone(), value },
            Err(missing) => Credential::Missing(missing),
        },
    }
}

fn limits(catalog: &Catalog) -> BTreeMap<String, HostLimits> {
    let limits = |limits: &rapsheet_ingest::catalog::HostLimits| HostLimits {
        per_hour: limits.per_hour,
        gap_seconds: limits.gap_seconds,
    };
    catalog.hosts.iter().map(|(host, of)| (host.clone(), limits(of))).collect()
}

impl Args {
    fn client_options(&self) -> ClientOptions {
        ClientOptions {
            user_agent: USER_AGENT.to_owned(),
            connect_timeout: self.transfers.connect_timeout,
            stall_time: self.transfers.stall_time,
            max_time: self.transfers.max_time,
            proxies: proxies(),
        }
    }

    /// A fetch whose downloads no one judges or watches.
    fn fetch<'a>(
        &'a self,
        jobs: &'a [Job],
        limits: &'a BTreeMap<String, HostLimits>,
        client: &'a Client,
        now: &'a (dyn Fn() -> rapsheet_snapshot::Time + Sync),
    ) -> Fetch<'a> {
        Fetch {
            jobs,
            folder: &self.downloads,
            limits,
            client,
            now,
            stopwatch: &|| Duration::ZERO,
            inspect: &|_, _| Ok(()),
            observer: &(),
            connections: usize::from(self.transfers.connections),
            retries: self.transfers.retries,
            retry_delay: retry_delay().unwrap_or(RETRY_DELAY),
        }
    }

    /// Checks that no report replaces a download, or another report.
    fn check_files(&self, feeds: &[&Feed]) -> Result<(), Failure> {
        let mut files = Files::default();
        self.catalog.iter().for_each(|path| files.add_input("--catalog", path));
        for feed in feeds {
            let download = self.downloads.join(&feed.file);
            files.add_input("--downloads", &note_path(&download));
            files.add_input("--downloads", &download);
        }
        let reports = [("--report", &self.report), ("--metrics", &self.metrics)];
        for (flag, path) in reports.into_iter().filter_map(|(flag, path)| Some((flag, path.as_ref()?))) {
            files.add_output(flag, path)?;
            files::check_target(flag, path)?;
            files::check_report(flag, path)?;
        }
        Ok(())
    }
}

/// Writes report and metrics, each whatever became of the other. Returns whether both were written.
fn write_files(args: &Args, results: &Results<'_>) -> bool {
    let files: [(_, files::Fill<'_>); 2] = [
        (&args.report, Box::new(|out| output::report(results, out))),
        (&args.metrics, Box::new(|out| output::metrics(results, out))),
    ];
    let mut all = true;
    for (target, fill) in files {
        let Some(target) = target else { continue };
        let written = Prepared::new(target, fill).map_err(|error| error.to_string());
        if let Err(error) = written.and_then(|file| file.publish().map_err(|error| error.to_string())) {
            print_stderr(&format!("rapsheet: {error}"));
            all = false;
        }
    }
    all
}

/// Prints the table; with `--quiet`, only what failed.
fn print_summary(results: &Results<'_>, settings: &Settings) -> Result<(), Failure> {
    let mut text = Vec::new();
    match settings.quiet {
        true => output::failures(results, &mut text)?,
        false => output::summary(results, settings.verbose, stderr_width(), &mut text)?,
    }
    if !text.is_empty() {
        print_stderr(String::from_utf8_lossy(&text).trim_end());
    }
    Ok(())
}

/// Makes the folder of downloads, for commands that promise to.
pub(super) fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder)
        .map_err(|error| Failure::unfinished(format_args!("{}: {error}", folder.display())))
}
