//! The arguments of `score` and `merge`.

use super::values;
use super::{At, Shard, StatusArg, TableOutput};
use crate::log::Kind;
use crate::output::score::ScoreOutput;
use clap::Args;
use rapsheet_snapshot::Assessment;
use std::path::PathBuf;

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
