//! The command line: clap's types and their help. Nothing here acts.
//!
//! The help of every command ends with examples, which is what people read first. The names of outputs and of
//! kinds of log come from the tables that implement them, so that help is never out of date.

#[cfg(feature = "ledger")]
mod ledger;
#[cfg(feature = "serve")]
mod serve;
mod values;

#[cfg(feature = "ledger")]
pub(crate) use ledger::Ledger;
#[cfg(feature = "serve")]
pub(crate) use serve::Serve;
#[cfg(any(feature = "ingest", feature = "ledger"))]
pub(crate) use values::ListArg;
pub(crate) use values::{At, DiffOutput, Policy, Shard, StatusArg, TableOrJson, TableOutput, TextOrJson};
#[cfg(feature = "ingest")]
pub(crate) use values::{ParseOutput, ScopeArg};

use crate::color::When;
use crate::log::Kind;
use crate::output::lookup::LookupOutput;
use crate::output::score::ScoreOutput;
use clap::{Args, Parser, Subcommand};
#[cfg(feature = "ingest")]
use rapsheet_ingest::build::Accept;
use rapsheet_query::ChangeKind;
use rapsheet_snapshot::{Assessment, Time};
use std::ffi::OsString;
use std::path::PathBuf;
#[cfg(feature = "fetch")]
use std::time::Duration;

macro_rules! exit_codes {
    () => {
        "Exit codes:
  0  done, whatever the verdicts
  1  done, and with --exit-code something is blocklisted
  2  usage, configuration or an unusable argument
  3  published, but some feed failed, was held, is stale or has nothing
     live left, or a report could not be written
  4  a snapshot or data file was refused: missing, damaged, truncated, too new
  5  could not finish; nothing was published, the old snapshot is untouched
  6  busy: another build or fetch is at work on it"
    };
}

#[cfg(all(not(feature = "ingest"), feature = "remote"))]
macro_rules! lacks_remote {
    () => {
        "Of the network, it only asks servers of rapsheet."
    };
}

#[cfg(all(not(feature = "ingest"), not(feature = "remote")))]
macro_rules! lacks_remote {
    () => {
        "It uses no network, and has no `lookup --server`."
    };
}

#[cfg(feature = "ingest")]
const AFTER_HELP: &str = exit_codes!();
#[cfg(not(feature = "ingest"))]
const AFTER_HELP: &str = concat!(
    exit_codes!(),
    "\n\nThis is an edge build: it answers from snapshots that a full build of rapsheet has made. ",
    "It has no `build`, `parse` and `formats`, no `feeds --catalog`, no `--list`, and shows no progress. ",
    "It reads logs that are plain, gz or zst, and refuses xz, bz2, zip and UTF-16. ",
    lacks_remote!()
);

/// The snapshot where none is named.
pub(crate) const SNAPSHOT_DEFAULT: &str = "rapsheet.rap";

/// Public blocklists and allowlists as one file, and answers from it
///
/// `build` turns downloaded feeds into one snapshot file. `lookup` and `score` answer from it who lists an
/// address, a name or a URL, for what, since when, and whether that still holds. `update` downloads and builds.
#[derive(Parser)]
#[command(name = "rapsheet", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Command {
    /// Whether the command prints data on stdout. A build prints on stderr, and a quiet look-up with an exit code
    /// says all with that.
    pub(crate) fn prints_data(&self, is_quiet: bool) -> bool {
        match self {
            #[cfg(feature = "ingest")]
            Command::Build(_) => false,
            #[cfg(feature = "fetch")]
            Command::Fetch(fetch) => fetch.dry_run,
            #[cfg(feature = "fetch")]
            Command::Update(_) => false,
            #[cfg(feature = "export")]
            Command::Export(export) => export.file.is_none(),
            Command::Generate(Generate { what: Generated::Man { .. } }) => false,
            Command::Lookup(lookup) => !lookup.is_silent(is_quiet),
            #[cfg(feature = "serve")]
            Command::Serve(serve) => {
                serve.new_key.is_some() || serve.access_log.as_deref().is_some_and(crate::input::is_stdin)
            }
            _ => true,
        }
    }
}

/// Flags that every command takes.
#[derive(Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The snapshot to answer from
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "RAPSHEET_SNAPSHOT",
        default_value = SNAPSHOT_DEFAULT
    )]
    pub(crate) snapshot: PathBuf,
    /// The present instant, in RFC 3339 [default: the clock]
    #[arg(long, global = true, value_name = "T", value_parser = values::time)]
    pub(crate) now: Option<Time>,
    /// The number of worker threads [default: one per processor]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Print only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to colour stdout; `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: When,
    /// When to show progress on stderr; `auto`: on a terminal
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) progress: When,
}

/// The command.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "ingest")]
    Build(Build),
    #[cfg(feature = "fetch")]
    Fetch(Fetch),
    #[cfg(feature = "fetch")]
    Update(Update),
    #[cfg(feature = "ingest")]
    Parse(Parse),
    Lookup(Lookup),
    Score(Score),
    Merge(Merge),
    Info(Info),
    Verify(Verify),
    #[cfg(feature = "ingest")]
    Formats(Formats),
    Feeds(Feeds),
    Diff(Diff),
    #[cfg(feature = "export")]
    Export(Export),
    #[cfg(feature = "ledger")]
    Ledger(Ledger),
    #[cfg(feature = "serve")]
    Serve(Serve),
    #[command(hide = true)]
    Generate(Generate),
}

/// Build a snapshot from downloaded feeds
///
/// Reads every enabled feed of the catalogue from the downloads folder, keeps the live sightings of the
/// previous snapshot, and publishes the new one atomically. A feed whose download is missing, unreadable or
/// held by an admission check keeps its last good sightings, and is named; the other feeds are published, and
/// the exit code is 3. It is 3, too, where a feed is stale (its download is older than max_age, or its content is
/// the same for longer than max_unchanged) or everything that it lists has expired. A feed that was never
/// downloaded is no trouble.
#[cfg(feature = "ingest")]
#[derive(Args, Default)]
#[command(after_help = "Examples:
  rapsheet build --downloads downloads --out rapsheet.rap
  rapsheet build --catalog feeds/catalog.toml --downloads downloads \\
      --out rapsheet.rap --report report.json --rejects rejects.jsonl
  rapsheet build --downloads d --out r.rap --feed 'urlhaus-*' --feed feodo-csv
  rapsheet build --downloads d --out r.rap --feed provider:spamhaus.org --feed assessment:tor
  rapsheet build --downloads d --out r.rap --check
  rapsheet build --list our-blocklist.txt --out ours.rap
  rapsheet build --downloads d --out r.rap --check --against seen-in-our-logs.json
  rapsheet build --catalog c.toml --downloads d --out r.rap --metrics r.prom
  rapsheet build --catalog c.toml --downloads d --out r.rap \\
      --accept feodo=3f7a0c51b2d4e6f8
  rapsheet build --catalog c.toml --downloads d --out r.rap --previous none")]
pub(crate) struct Build {
    /// The catalogue of feeds; `builtin` is the one inside the program [default: builtin]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// The folder with the downloads of the feeds
    #[arg(long, value_name = "DIR", required_unless_present = "lists")]
    pub(crate) downloads: Option<PathBuf>,
    /// The snapshot to publish
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Read only this feed, or those that a pattern matches (`urlhaus-*`), those of a provider
    /// (`provider:abuse.ch`, also a pattern), with a default assessment (`assessment:tor`) or of a kind (`list:block`,
    /// `list:allow`); may be repeated. All other feeds of the previous snapshot stay as they are
    #[arg(long = "feed", value_name = "FEED")]
    pub(crate) feeds: Vec<String>,
    /// Read this file, too, as a feed of its own: its format is found out, and its provider is its name; may be
    /// repeated. Without --downloads, other feeds of the previous snapshot stay as they are
    #[arg(long = "list", value_name = "FILE")]
    pub(crate) lists: Vec<PathBuf>,
    /// Do all but publish: nothing is written but the files of --report and --rejects
    #[arg(long, conflicts_with = "metrics")]
    pub(crate) check: bool,
    /// The previous snapshot, or `none` to start afresh [default: the file at --out]
    #[arg(long, value_name = "FILE")]
    pub(crate) previous: Option<PathBuf>,
    /// Say what the build newly flags among the indicators of your own logs, and hold feeds that flag more
    /// than `max_new_hits` of the catalogue or --max-new-hits: files of `score --all --summary=json`
    #[arg(long, value_name = "SUMMARY", num_args = 1..)]
    pub(crate) against: Vec<PathBuf>,
    /// Hold a feed that newly flags more hits in these logs, where its [feed.guard] has no `max_new_hits`
    #[arg(long, value_name = "N", requires = "against")]
    pub(crate) max_new_hits: Option<u64>,
    /// Write a report with the counts and state of every feed, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write rejected lines, one JSON object each, at most 10,000 a feed
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write metrics for Prometheus' textfile collector
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Accept one held download, by at least 12 first digits of its SHA-256; may be repeated
    #[arg(long, value_name = "FEED=DIGEST", value_parser = values::accept)]
    pub(crate) accept: Vec<Accept>,
    /// A file of names and addresses that no feed may block, one a line, added to the built-in ones; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) never_block: Vec<PathBuf>,
    /// Build although everything in the previous snapshot has expired by now: the clock is right, and that build
    /// was long ago
    #[arg(long)]
    pub(crate) accept_clock: bool,
    /// How much memory the build may take, such as 800M or 4G [default: three quarters of what the system
    /// grants]
    ///
    /// Rows that do not fit are written to a file without a name beside --out, and read again when they are merged; the
    /// snapshot is the same. What encoding needs is not bounded: some 50 bytes for each entry, and the snapshot itself.
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_memory: Option<u64>,
    /// Replace a snapshot that is newer than this build, or was built from newer downloads
    #[arg(long)]
    pub(crate) replace_newer: bool,
}

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
#[cfg(feature = "fetch")]
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
#[cfg(feature = "fetch")]
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
#[cfg(feature = "fetch")]
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

/// Show how one feed file is read
///
/// Prints one JSON object for each result of a line: an indicator, a reason to skip the line, or a reason to
/// reject it. No snapshot is involved. A file that is refused as a whole gives one object with the result
/// `file-reject`, and exit code 4.
#[cfg(feature = "ingest")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet parse --format plain-ip drop.txt
  zcat hosts.gz | rapsheet parse --format hosts -
  rapsheet parse --format csv --option value=2 feed.csv
  rapsheet parse feed.txt | jq 'select(.result == \"reject\")'")]
pub(crate) struct Parse {
    /// The format of the file; `rapsheet formats` lists them, `auto` detects it
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub(crate) format: String,
    /// An option of the format; may be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = values::key_value)]
    pub(crate) options: Vec<(String, String)>,
    /// What the list is for [default: what is usual for the format]
    #[arg(long, value_enum)]
    pub(crate) list: Option<ListArg>,
    /// What a bare name stands for, in formats that do not define it
    #[arg(long, value_enum, default_value_t = ScopeArg::Exact)]
    pub(crate) scope: ScopeArg,
    /// The output format
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = ParseOutput::Jsonl)]
    pub(crate) output: ParseOutput,
    /// The file or folder; `-` is stdin
    pub(crate) file: PathBuf,
}

/// Look indicators up
///
/// An indicator is an address, a prefix, a range, a domain name or a URL; it may be defanged (`hxxp`, `[.]`),
/// in brackets, or carry a port. Without arguments, indicators are read from stdin, one a line; each is judged at
/// the instant it is read, by the newest snapshot at the path.
#[cfg_attr(not(feature = "ingest"), doc = "")]
#[cfg_attr(not(feature = "ingest"), doc = "This edge build has no `--list`.")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet lookup 45.9.20.5 evilpanel.com
  rapsheet lookup -o json 'hxxps://evilpanel[.]com/gate.php'
  rapsheet lookup -q --exit-code 45.9.20.5 && echo 'not blocklisted'
  rapsheet lookup --at 2026-08-01 -o jsonl < indicators.txt
  rapsheet lookup -o tsv < indicators.txt | cut -f 1,2
  rapsheet lookup --list case-7.csv 45.9.20.5   # in a full build
  rapsheet lookup --server http://127.0.0.1:8087 45.9.20.5   # in a full build")]
pub(crate) struct Lookup {
    /// The indicators; `-` is stdin
    #[arg(value_name = "INDICATOR")]
    pub(crate) indicators: Vec<OsString>,
    /// The output format
    #[arg(short, long, alias = "format", value_name = "FORMAT", default_value = "text",
          value_parser = values::lookup_output())]
    pub(crate) output: &'static LookupOutput,
    /// Also print providers that do not list the indicator
    #[arg(long)]
    pub(crate) all_sources: bool,
    /// The instant to answer for, in RFC 3339 [default: the present]
    #[arg(long, value_name = "T", value_parser = values::time)]
    pub(crate) at: Option<Time>,
    /// End with exit code 1 if an indicator is blocklisted; with -q print nothing
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Answer from this list of your own instead of a snapshot: any feed format, prose, CSV, one a line; may be
    /// repeated
    #[cfg_attr(feature = "ingest", arg(long = "list", value_name = "FILE"))]
    #[cfg_attr(not(feature = "ingest"), arg(long = "list", hide = true, value_parser = values::no_list))]
    pub(crate) lists: Vec<PathBuf>,
    /// Ask this server instead of a snapshot: the base URL of `rapsheet serve`, such as http://127.0.0.1:8087. A server
    /// that asks to wait, for at most 60 s, is waited for
    #[cfg(feature = "remote")]
    #[arg(long, value_name = "URL", conflicts_with = "lists")]
    pub(crate) server: Option<String>,
    /// The file with the key for the server, which only its owner may read [default: RAPSHEET_SECRET_SERVER, or the
    /// secret `server`]
    #[cfg(feature = "remote")]
    #[arg(long, value_name = "FILE", requires = "server")]
    pub(crate) key_file: Option<PathBuf>,
    /// In csv and tsv, prefix cells that a spreadsheet would run as a formula with '
    #[arg(long)]
    pub(crate) spreadsheet: bool,
    /// How the verdicts of the providers are combined
    #[arg(long, value_enum, default_value_t = Policy::Any)]
    pub(crate) policy: Policy,
}

impl Lookup {
    /// Whether only the exit code answers.
    pub(crate) fn is_silent(&self, is_quiet: bool) -> bool {
        is_quiet && self.exit_code
    }
}

/// Find listed indicators in logs
///
/// Reads files (or stdin), finds addresses, names and URLs in their lines, and prints those that are listed,
/// in input order at any number of threads.
#[cfg_attr(feature = "ingest", doc = "Files may be compressed (gz, zst, xz, bz2, zip).")]
#[cfg_attr(not(feature = "ingest"), doc = "Files may be compressed (gz, zst).")]
/// A line of more than 8 MiB is read in pieces.
#[cfg_attr(not(feature = "ingest"), doc = "")]
#[cfg_attr(
    not(feature = "ingest"),
    doc = "This edge build has no `--list`, shows no progress, and refuses xz, bz2, zip and UTF-16."
)]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet score access.log
  rapsheet score -o lines /var/log/nginx/access.log.*.gz
  rapsheet score --input zeek --field id.resp_h conn.log
  rapsheet score --field src_ip --field dns.query -o annotated eve.json
  rapsheet score --assessment botnet,malware --min-providers 2 -o csv proxy.csv
  rapsheet score --at event -o jsonl last-month.log.gz
  rapsheet score --summary=json --shard 1/2 big.log > 1.json
  rapsheet score --all --summary=json access.log > seen-in-our-logs.json
  rapsheet score --follow -o lines /var/log/nginx/access.log
  rapsheet score logs/          # every file in a folder and its subfolders
  rapsheet score --input alb --field client --field domain_name lb.log.gz
  rapsheet score --defanged -o lines reports.txt
  rapsheet score --list case-7.csv -o lines access.log   # in a full build")]
pub(crate) struct Score {
    /// The logs: files, folders, or glob patterns; `-` or none is stdin
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The kind of log
    #[arg(long, value_name = "KIND", default_value = "auto", value_parser = values::log_kind())]
    pub(crate) input: &'static Kind,
    /// Search only this column or key (`src_ip`, `dns.query`); may be repeated
    #[arg(long = "field", value_name = "NAME")]
    pub(crate) fields: Vec<String>,
    /// Also find defanged indicators: `hxxp://evil[.]com`, `45[.]9[.]20[.]5`, `evil(dot)com`
    #[arg(long)]
    pub(crate) defanged: bool,
    /// The output format
    #[arg(short, long, alias = "format", value_name = "FORMAT", default_value = "jsonl",
          value_parser = values::score_output())]
    pub(crate) output: &'static ScoreOutput,
    /// Print listed indicators only. This is the default; `annotated` then leaves out records without one
    #[arg(long, conflicts_with = "all")]
    pub(crate) only_listed: bool,
    /// Print every indicator found, listed or not
    #[arg(long)]
    pub(crate) all: bool,
    /// Print only indicators with this status; commas separate several
    #[arg(long, value_enum, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<StatusArg>,
    /// Print only indicators with this assessment; commas separate several
    #[arg(long, value_name = "WORD", value_delimiter = ',', value_parser = values::assessment())]
    pub(crate) assessment: Vec<Assessment>,
    /// Print only indicators that this provider lists; commas separate several
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Print only indicators that at least N providers block
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) min_providers: usize,
    /// The instant to answer for: `now`, `event` (the time of each record), or a time in RFC 3339
    #[arg(long, value_name = "T", default_value = "now", value_parser = values::at)]
    pub(crate) at: At,
    /// The column or key with the time of a record [default: one with a usual name]
    #[arg(long, value_name = "NAME")]
    pub(crate) time_field: Option<String>,
    /// Print a summary instead of matches, of up to 100,000 indicators by name; `rapsheet merge` adds up
    /// those in JSON, and with --all, `build --against` says what a build would newly flag
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true,
          default_missing_value = "table")]
    pub(crate) summary: Option<TableOutput>,
    /// Read only part I of N of each input, so that N processes share it: `1/4`, `2/4`, …
    #[arg(long, value_name = "I/N", value_parser = values::shard)]
    pub(crate) shard: Option<Shard>,
    /// Start at this byte offset of each file; line numbers still count from its start
    #[arg(long, value_name = "OFFSET")]
    pub(crate) from: Option<u64>,
    /// Keep reading what is appended to the files, through rotation, with the newest snapshot; starts at
    /// their end, or at --from
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print matches as soon as they are found, in no order
    #[arg(long)]
    pub(crate) unordered: bool,
    /// In jsonl, csv and tsv, add the line of each match, or its first 4 KiB
    #[arg(long)]
    pub(crate) context: bool,
    /// In csv and tsv, prefix cells that a spreadsheet would run as a formula with '
    #[arg(long)]
    pub(crate) spreadsheet: bool,
    /// Score by this list of your own instead of a snapshot: any feed format, prose, CSV, one a line; may be
    /// repeated
    #[cfg_attr(feature = "ingest", arg(long = "list", value_name = "LIST"))]
    #[cfg_attr(not(feature = "ingest"), arg(long = "list", hide = true, value_parser = values::no_list))]
    pub(crate) lists: Vec<PathBuf>,
}

/// Add up the summaries that `score --summary=json` prints
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet merge shard-1.json shard-2.json
  rapsheet merge -o json *.json > day.json")]
pub(crate) struct Merge {
    /// The summaries; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The output format
    #[arg(short, long, alias = "format", value_enum, value_name = "FORMAT",
          default_value_t = TableOutput::Table)]
    pub(crate) output: TableOutput,
}

/// Show what a snapshot holds
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet info
  rapsheet info -o json | jq .sections")]
pub(crate) struct Info {
    #[command(flatten)]
    pub(crate) output: TextOrJson,
}

/// Verify every checksum and every reference of a snapshot
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet verify
  rapsheet --snapshot copied.rap verify && mv copied.rap rapsheet.rap")]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) output: TextOrJson,
}

/// List the formats of feeds, or explain one
#[cfg(feature = "ingest")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet formats
  rapsheet formats plain-ip")]
pub(crate) struct Formats {
    /// The format to explain
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) output: TableOrJson,
}

/// List feeds, with what the snapshot holds of each
///
/// With a catalogue, its feeds are listed, even without a snapshot; without one, the feeds of the snapshot. Where
/// neither is named and there is no `rapsheet.rap`, the catalogue inside the program is listed.
#[cfg_attr(not(feature = "ingest"), doc = "This edge build has no `--catalog`.")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet feeds
  rapsheet feeds --catalog feeds/catalog.toml
  rapsheet feeds --dir /var/lib/rapsheet   # fetched, changed, due; in a full build
  rapsheet feeds --catalog builtin -o json | jq -r '.[] | [.id, .url, .file] | @tsv'
  rapsheet feeds -o json | jq '.[] | select(.stale)'")]
pub(crate) struct Feeds {
    /// The catalogue of feeds; `builtin` is the one inside the program
    #[cfg(feature = "ingest")]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Also show when each download in this folder was fetched, when it changed, and when it is due
    #[cfg(feature = "fetch")]
    #[arg(long, value_name = "DIR")]
    pub(crate) downloads: Option<PathBuf>,
    /// The folder of `rapsheet update`: its downloads, and its snapshot
    #[cfg(feature = "fetch")]
    #[arg(long, value_name = "DIR", conflicts_with = "downloads")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: TableOrJson,
}

/// Show what changed from one snapshot to another
///
/// Compares the sightings of each feed: those that only NEW has (`listed`), those that only OLD has
/// (`delisted`), and those of both whose times or assessments differ (`redated`).
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet diff yesterday.rap rapsheet.rap
  rapsheet diff -o jsonl --change listed --feed feodo-csv old.rap new.rap
  rapsheet diff -o jsonl --change delisted old.rap new.rap | jq -r .indicator")]
pub(crate) struct Diff {
    /// The older snapshot
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The newer snapshot
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// The output format
    #[arg(short, long, alias = "format", value_enum, value_name = "FORMAT",
          default_value_t = DiffOutput::Table)]
    pub(crate) output: DiffOutput,
    /// Only this kind of change; may be repeated
    #[arg(long = "change", value_name = "KIND", value_parser = values::change())]
    pub(crate) changes: Vec<ChangeKind>,
    /// Only this feed; may be repeated
    #[arg(long = "feed", value_name = "ID")]
    pub(crate) feeds: Vec<String>,
}

/// Write what is listed in the syntax of another program
///
/// Writes what is live at --now. An address or a name is blocked where any feed blocks it. What the format cannot say,
/// such as scopes, exceptions, times or URLs, is counted on stderr and in --report, by kind and feed. Nothing is ever
/// widened: a format without scopes gets the name alone. Feeds whose licence forbids redistribution are left out.
#[cfg(feature = "export")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet export -o ipset | ipset restore
  rapsheet export -o nft --min-providers 2 --file /etc/nftables.d/rapsheet.nft
  rapsheet export -o rpz --feed 'urlhaus-*' --feed list:allow --file rpz.zone
  rapsheet export -o plain-ip --assessment botnet --max-entries 50000
  rapsheet export -o hosts --report losses.json > hosts")]
pub(crate) struct Export {
    /// The output format
    #[arg(short, long, value_name = "FORMAT", value_parser = values::export_format())]
    pub(crate) output: &'static rapsheet_export::Format,
    /// Only this feed, those that a pattern matches (`urlhaus-*`), or those of `provider:NAME`, `assessment:WORD`,
    /// `list:block` or `list:allow`; may be repeated
    #[arg(long = "feed", value_name = "FEED")]
    pub(crate) feeds: Vec<String>,
    /// Block only what a feed lists with this assessment; may be repeated
    #[arg(long = "assessment", value_name = "WORD", value_parser = values::assessment())]
    pub(crate) assessments: Vec<Assessment>,
    /// Block only what so many providers agree on
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) min_providers: u16,
    /// Write at most so many entries: first what most providers agree on, then what was confirmed last
    #[arg(long, value_name = "N")]
    pub(crate) max_entries: Option<u64>,
    /// Write to this file, which is replaced as a whole [default: stdout]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Write what was lost, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Exit with 3 where anything was lost
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also write feeds whose licence forbids redistribution
    #[arg(long)]
    pub(crate) include_restricted: bool,
}

/// Print shell completions, or write manual pages
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet generate completions bash > rapsheet.bash
  rapsheet generate man /usr/local/share/man/man1")]
pub(crate) struct Generate {
    #[command(subcommand)]
    pub(crate) what: Generated,
}

/// What to generate.
#[derive(Subcommand)]
pub(crate) enum Generated {
    /// Completions for a shell, to stdout
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Manual pages, into a folder
    Man {
        /// The folder
        dir: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn clap_accepts_the_definitions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(text.contains("Examples:"), "{}", command.get_name());
        }
    }

    #[test]
    fn every_command_that_prints_data_takes_an_output() {
        const PRINT_NO_DATA: [&str; 5] = ["build", "generate", "help", "serve", "update"];
        for command in Cli::command().get_subcommands() {
            let has_output = command.get_arguments().any(|arg| arg.get_short() == Some('o'));
            assert_ne!(has_output, PRINT_NO_DATA.contains(&command.get_name()), "{}", command.get_name());
        }
    }

    #[test]
    fn former_spellings_of_output_are_still_taken() {
        for line in [
            ["lookup", "--format", "json", "45.9.20.5"].as_slice(),
            &["diff", "--format", "jsonl", "a", "b"],
            &["merge", "--format", "json", "a"],
            &["lookup", "--format", "jsonl", "45.9.20.5"],
            &["score", "--format", "jsonl", "a.log"],
            &["info", "--json"],
            &["feeds", "--json"],
            #[cfg(feature = "ingest")]
            &["formats", "--json"],
        ] {
            assert!(Cli::try_parse_from([&["rapsheet"], line].concat()).is_ok(), "{line:?}");
        }
    }
}
