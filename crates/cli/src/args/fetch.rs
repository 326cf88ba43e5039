//! The arguments of `fetch` and `update`.

use super::TableOrJson;
use super::values;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Download the feeds
///
/// Asks each host for one feed at a time, within its budget, and only for what is due and has changed. A feed that
/// cannot be fetched keeps the download that is there, and the exit code is 3. What a host's budget leaves no
/// room for is `deferred`, and is first in the next run. Times and budgets are kept across runs, in the folder.
///
/// Secrets that the catalogue names come from RAPSHEET_SECRET_NAME, from $CREDENTIALS_DIRECTORY/name, or from
/// ~/.config/rapsheet/secrets/name or /etc/rapsheet/secrets/name, which only the owner may read. Proxies come from
/// HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY. Servers are verified with the root certificates of the system, or
/// those in the program where it has none.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet fetch --downloads downloads
  rapsheet fetch --downloads downloads --feed 'urlhaus-*' --feed provider:spamhaus.org
  rapsheet fetch --downloads downloads --dry-run
  RAPSHEET_SECRET_ABUSECH=… rapsheet fetch --downloads downloads --report fetch.json")]
pub(crate) struct Fetch {
    /// The catalogue of feeds; `builtin` is the one inside the program [default: builtin]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// The folder to download into
    #[arg(long, value_name = "DIR")]
    pub(crate) downloads: PathBuf,
    /// Fetch only this feed, those that a pattern matches (`urlhaus-*`), or those of `provider:NAME`,
    /// `assessment:WORD` or `list:allow`; may be repeated
    #[arg(long = "feed", value_name = "ID-OR-GLOB")]
    pub(crate) feeds: Vec<String>,
    /// Write a report with the state of every feed, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write metrics for Prometheus' textfile collector
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Print what would be asked for, and ask for nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The output format of --dry-run
    #[command(flatten)]
    pub(crate) output: TableOrJson,
    #[command(flatten)]
    pub(crate) transfers: Transfers,
}

/// Download the feeds and build the snapshot
///
/// `fetch` into DIR/downloads, and then `build` to DIR/rapsheet.rap, with the reports DIR/fetch.json and DIR/report.json, and
/// rejected lines in DIR/rejects.jsonl. This is what a timer runs. The exit code is that of the build, or 3 where a
/// feed could not be fetched.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet update --dir /var/lib/rapsheet
  rapsheet update --dir . --feed 'feodo-*' --feed list:allow
  rapsheet lookup --snapshot /var/lib/rapsheet/rapsheet.rap 45.9.20.5")]
pub(crate) struct Update {
    /// The folder for downloads, snapshot and reports; it is made where there is none
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The catalogue of feeds; `builtin` is the one inside the program [default: builtin]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Only this feed, those that a pattern matches (`urlhaus-*`), or those of `provider:NAME`, `assessment:WORD`
    /// or `list:allow`; may be repeated. All other feeds of the snapshot stay as they are
    #[arg(long = "feed", value_name = "ID-OR-GLOB")]
    pub(crate) feeds: Vec<String>,
    /// Write rapsheet-fetch.prom and rapsheet-build.prom into this folder, for Prometheus' textfile collector
    #[arg(long, value_name = "DIR")]
    pub(crate) metrics: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) transfers: Transfers,
}

/// How transfers are made.
#[derive(Args, Clone)]
#[command(next_help_heading = "Transfers")]
pub(crate) struct Transfers {
    /// The most transfers at a time, one to each host
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) connections: u16,
    /// How long a connection may take
    #[arg(long, value_name = "SPAN", default_value = "15s", value_parser = values::span)]
    pub(crate) connect_timeout: Duration,
    /// How long a server may send less than 1 KiB
    #[arg(long, value_name = "SPAN", default_value = "30s", value_parser = values::span)]
    pub(crate) stall_time: Duration,
    /// How long one transfer may take
    #[arg(long, value_name = "SPAN", default_value = "15m", value_parser = values::span)]
    pub(crate) max_time: Duration,
    /// How often a transfer is tried again whose fault may pass
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub(crate) retries: u32,
}
