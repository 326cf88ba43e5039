//! The arguments of `build` and `parse`.

use super::values;
use super::{ListArg, ParseOutput, ScopeArg};
use clap::Args;
use rapsheet_ingest::build::Accept;
use std::path::PathBuf;

/// Build a snapshot from downloaded feeds
///
/// Reads every enabled feed of the catalogue from the downloads folder, keeps the live sightings of the
/// previous snapshot, and publishes the new one atomically. A feed whose download is missing, unreadable or
/// held by an admission check keeps its last good sightings, and is named; the other feeds are published, and
/// the exit code is 3. It is 3, too, where a feed is stale (its download is older than max_age, or its content is
/// the same for longer than max_unchanged) or everything that it lists has expired. A feed that was never
/// downloaded is no trouble.
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

/// Show how one feed file is read
///
/// Prints one JSON object for each result of a line: an indicator, a reason to skip the line, or a reason to
/// reject it. No snapshot is involved. A file that is refused as a whole gives one object with the result
/// `file-reject`, and exit code 4.
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
