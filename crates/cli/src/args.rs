//! The command line: clap's types and their help, and nothing that acts.
//!
//! Every command's help ends with examples, because people read those first. The names of formats and outputs
//! come from their tables, so that help never lags behind.

use crate::color::When;
use crate::log::{KINDS, Kind};
use crate::output::lookup::LookupOutput;
use crate::output::score::ScoreOutput;
use clap::builder::TypedValueParser as _;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
#[cfg(feature = "ingest")]
use rapsheet_ingest::build::Accept;
use rapsheet_snapshot::{Assessment, Time};
use std::ffi::OsString;
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes:
  0  done, whatever the verdicts
  1  done, and with --exit-code something was blocklisted
  2  usage, configuration or an unusable argument
  3  published, but some feed failed or was held
  4  a snapshot or data file was refused: missing, damaged, truncated, too new
  5  could not finish; nothing was published, the old snapshot is untouched
  6  busy: another build holds this output";

/// Public blocklists and allowlists as one file, and answers from it
///
/// `build` turns downloaded feeds into one snapshot file; `lookup` and `score` answer from it who lists an
/// address, a name or a URL, for what, since when, and whether that still holds. rapsheet never uses the
/// network.
#[derive(Parser)]
#[command(name = "rapsheet", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
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
        default_value = "rapsheet.rap"
    )]
    pub(crate) snapshot: PathBuf,
    /// The instant to take for the present, in RFC 3339 [default: the clock]
    #[arg(long, global = true, value_name = "T", value_parser = time)]
    pub(crate) now: Option<Time>,
    /// How many threads work [default: one per processor]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more on stderr
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// When to colour what goes to stdout; NO_COLOR is heeded
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: When,
    /// When to show progress on stderr
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) progress: When,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "ingest")]
    Build(Build),
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
    #[command(hide = true)]
    Generate(Generate),
}

/// Build a snapshot from downloaded feeds
///
/// Reads every enabled feed of the catalogue from the downloads folder, carries over what survives of the
/// previous snapshot, and publishes the new one wholly or not at all. A feed that is missing, unreadable or
/// stopped by a guard keeps its last good sightings and is named; the others are published (exit code 3).
#[cfg(feature = "ingest")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet build --catalog feeds/catalog.toml --downloads downloads --out rapsheet.rap
  rapsheet build --catalog c.toml --downloads d --out r.rap --report r.json --rejects r.jsonl
  rapsheet build --catalog c.toml --downloads d --out r.rap --metrics /var/lib/node_exporter/rapsheet.prom
  rapsheet build --catalog c.toml --downloads d --out r.rap --accept feodo=3f7a0c51b2d4e6f8
  rapsheet build --catalog c.toml --downloads d --out r.rap --previous none   # start afresh")]
pub(crate) struct Build {
    /// The catalogue of feeds
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: PathBuf,
    /// The folder that feeds were downloaded to
    #[arg(long, value_name = "DIR")]
    pub(crate) downloads: PathBuf,
    /// The snapshot to publish
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The snapshot of the night before, or `none` [default: what is at --out]
    #[arg(long, value_name = "FILE")]
    pub(crate) previous: Option<PathBuf>,
    /// Write what happened, feed by feed, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write rejected lines, one JSON object each; at most 10,000 a feed
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// Write metrics for Prometheus' textfile collector
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Let one held download in, named by its SHA-256 or the first 12 or more of its digits; may be repeated
    #[arg(long, value_name = "FEED=DIGEST", value_parser = accept)]
    pub(crate) accept: Vec<Accept>,
    /// Names and addresses that no feed may block, one a line, beside those that rapsheet knows; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) never_block: Vec<PathBuf>,
    /// Replace a snapshot that is later than this build, or made of later downloads
    #[arg(long)]
    pub(crate) replace_newer: bool,
}

/// Show how one file would be read
///
/// Prints one JSON object for each thing that a line gave: an indicator, a reason to skip the line, or a reason
/// to reject it. No snapshot is involved. A file that is no feed at all gives one object whose result is
/// `file-reject`, and exit code 4.
#[cfg(feature = "ingest")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet parse --format plain-ip drop.txt
  zcat hosts.gz | rapsheet parse --format hosts -
  rapsheet parse --format csv --option indicator=2 feed.csv | jq 'select(.result == \"reject\")'")]
pub(crate) struct Parse {
    /// The format of the file; `rapsheet formats` lists them, and `auto` looks at the file
    #[arg(long, value_name = "FORMAT", default_value = "auto")]
    pub(crate) format: String,
    /// An option of the format; may be repeated
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) options: Vec<(String, String)>,
    /// What the list is [default: what such a list mostly is]
    #[arg(long, value_enum)]
    pub(crate) list: Option<List>,
    /// The reach of bare names, in formats that do not define it
    #[arg(long, value_enum, default_value_t = Reach::Exact)]
    pub(crate) scope: Reach,
    /// The file or folder; `-` is stdin
    pub(crate) file: PathBuf,
}

/// Ask who lists indicators
///
/// An indicator is an address, a prefix, a range, a domain name or a URL; it may be defanged (`hxxp`, `[.]`),
/// bracketed, or carry a port. Without arguments, indicators are read from stdin, one a line.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet lookup 45.9.20.5 evilpanel.com
  rapsheet lookup --format json 'hxxps://evilpanel[.]com/gate.php'
  rapsheet lookup --exit-code --quiet 45.9.20.5 && echo clean
  rapsheet lookup --at 2026-08-01 --format jsonl < indicators.txt

Outputs:
  text          for people
  json          an indented object per indicator
  jsonl         an object per line
  csv           a row per sighting, under one header
  metadefender  the shape of the MetaDefender v4 reputation API, an object per line")]
pub(crate) struct Lookup {
    /// What to ask; `-` is stdin
    #[arg(value_name = "INDICATOR")]
    pub(crate) indicators: Vec<OsString>,
    /// How to print answers
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = lookup_output())]
    pub(crate) format: &'static LookupOutput,
    /// Name the providers that list nothing, too
    #[arg(long)]
    pub(crate) all_sources: bool,
    /// The instant to ask about, in RFC 3339 [default: the present]
    #[arg(long, value_name = "T", value_parser = time)]
    pub(crate) at: Option<Time>,
    /// End with exit code 1 where something is blocklisted
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// How providers' verdicts make the overall one
    #[arg(long, value_enum, default_value_t = Policy::Any)]
    pub(crate) policy: Policy,
}

/// Find listed indicators in logs
///
/// Reads files (or stdin), finds addresses, names and URLs in their lines, and prints what is listed, in the
/// order of the input at any number of threads. Files may be compressed (gz, zst, xz, bz2, zip). A line of more
/// than 8 MiB is read in pieces.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet score access.log
  rapsheet score --output lines /var/log/nginx/access.log.*.gz
  rapsheet score --input zeek --field id.resp_h conn.log
  rapsheet score --field src_ip --field dns.query --output annotated eve.json
  rapsheet score --assessment botnet,malware --min-providers 2 --output csv proxy.csv
  rapsheet score --at event --output jsonl last-month.log.gz
  rapsheet score --summary=json --shard 1/2 big.log > 1.json; rapsheet merge 1.json 2.json
  rapsheet score --follow --output lines /var/log/nginx/access.log
  rapsheet score logs/          # every file of a folder, and of those in it
  rapsheet score --input alb --field client --field domain_name lb.log.gz
  rapsheet score --defanged --output lines reports.txt

Outputs:
  jsonl      an object per indicator that is found
  csv, tsv   a row per indicator, under a header
  lines      the lines themselves, like grep
  annotated  every record of the log, in its own format, with what is known of it added")]
pub(crate) struct Score {
    /// The logs, folders of them, or patterns of their names; `-` or none is stdin
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What the input is
    #[arg(long, value_name = "KIND", default_value = "auto", value_parser = log_kind())]
    pub(crate) input: &'static Kind,
    /// Look only into this column or key (`src_ip`, `dns.query`); may be repeated
    #[arg(long = "field", value_name = "NAME")]
    pub(crate) fields: Vec<String>,
    /// Find defanged indicators, too: `hxxp://evil[.]com`, `45[.]9[.]20[.]5`, `evil(dot)com`
    #[arg(long)]
    pub(crate) defanged: bool,
    /// How to print what is found
    #[arg(long, value_name = "FORMAT", default_value = "jsonl", value_parser = score_output())]
    pub(crate) output: &'static ScoreOutput,
    /// Print listed indicators only; the default, but for `annotated`, which then leaves out other records
    #[arg(long, conflicts_with = "all")]
    pub(crate) only_listed: bool,
    /// Print every indicator that is found
    #[arg(long)]
    pub(crate) all: bool,
    /// Print only indicators with this status; commas separate several
    #[arg(long, value_enum, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<Verdict>,
    /// Print only what is listed as this; commas separate several
    #[arg(long, value_name = "WORD", value_delimiter = ',', value_parser = assessment())]
    pub(crate) assessment: Vec<Assessment>,
    /// Print only what this provider lists; commas separate several
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Print only what so many providers list
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) min_providers: usize,
    /// The instant to ask about: `now`, `event` (each record's own time), or a time in RFC 3339
    #[arg(long, value_name = "T", default_value = "now", value_parser = instant)]
    pub(crate) at: Instant,
    /// The column or key with a record's time [default: one that is called like a time]
    #[arg(long, value_name = "NAME")]
    pub(crate) time_field: Option<String>,
    /// Print a summary instead of what is found: a table, or JSON that `rapsheet merge` adds up
    #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "table")]
    pub(crate) summary: Option<SummaryKind>,
    /// Look only into part I of N of the input, where each part is one process's: `1/4`, `2/4`, …
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<Shard>,
    /// Begin at this byte of each file; lines are counted from its beginning all the same
    #[arg(long, value_name = "OFFSET")]
    pub(crate) from: Option<u64>,
    /// Go on with what is added to the files, through rotation, with the newest snapshot; from their end, or --from
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print what is found as soon as it is, in no order
    #[arg(long)]
    pub(crate) unordered: bool,
    /// In jsonl, csv and tsv, add the line that an indicator stands in, or the first 4 KiB of it
    #[arg(long)]
    pub(crate) context: bool,
    /// In csv and tsv, disarm cells that a spreadsheet would take for formulas
    #[arg(long)]
    pub(crate) spreadsheet: bool,
}

/// Add up summaries of `score --summary=json`
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet merge shard-1.json shard-2.json
  rapsheet merge --format json *.json > day.json")]
pub(crate) struct Merge {
    /// The summaries; `-` is stdin
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// How to print the sum
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = SummaryKind::Table)]
    pub(crate) format: SummaryKind,
}

/// Show what is in the snapshot
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet info
  rapsheet info --json | jq .sections")]
pub(crate) struct Info {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Verify every checksum and every reference of the snapshot
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet verify
  rapsheet --snapshot copied.rap verify && mv copied.rap rapsheet.rap")]
pub(crate) struct Verify {}

/// List the formats that feeds may have, or explain one
#[cfg(feature = "ingest")]
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet formats
  rapsheet formats plain-ip")]
pub(crate) struct Formats {
    /// The format to explain
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// List feeds, with what the snapshot holds of each
///
/// With a catalogue, its feeds are listed whether or not there is a snapshot; without one, the feeds of the
/// snapshot.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet feeds
  rapsheet feeds --catalog feeds/catalog.toml
  rapsheet feeds --json | jq '.[] | select(.stale)'")]
pub(crate) struct Feeds {
    /// The catalogue of feeds
    #[cfg(feature = "ingest")]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalog: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show what changed from one snapshot to another
///
/// Compares sighting by sighting: what a feed lists in NEW and not in OLD, what it no longer lists, and what stands
/// in both with other times or assessments. The table counts them for each feed; `jsonl` prints every one.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet diff yesterday.rap rapsheet.rap
  rapsheet diff --format jsonl --change listed --feed feodo-csv yesterday.rap rapsheet.rap
  rapsheet diff --format jsonl old.rap new.rap | jq -r 'select(.change == \"delisted\").indicator'")]
pub(crate) struct Diff {
    /// The older snapshot
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The newer snapshot
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// How to print: `table`, or `jsonl`, an object for each sighting that changed
    #[arg(long, value_enum, default_value_t = DiffOutput::Table)]
    pub(crate) format: DiffOutput,
    /// Only this kind of change; may be repeated
    #[arg(long = "change", value_name = "KIND", value_parser = change())]
    pub(crate) changes: Vec<rapsheet_query::ChangeKind>,
    /// Only this feed; may be repeated
    #[arg(long = "feed", value_name = "ID")]
    pub(crate) feeds: Vec<String>,
}

/// How `diff` prints.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffOutput {
    /// Numbers for each feed
    Table,
    /// An object a line
    Jsonl,
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

/// The kinds of list.
#[cfg(feature = "ingest")]
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum List {
    /// A blocklist
    Block,
    /// An allowlist
    Allow,
}

/// The reach of bare names.
#[cfg(feature = "ingest")]
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Reach {
    /// The name alone
    Exact,
    /// The name and all below it
    Tree,
    /// What is below the name
    Subdomains,
}

/// How providers' verdicts make the overall one.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    /// Blocklisted if any provider says so
    Any,
}

/// A status, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verdict {
    /// 0
    Allowlisted,
    /// 1
    Blocklisted,
    /// 3
    Failed,
    /// 5
    Unknown,
}

/// How a summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryKind {
    /// For people
    Table,
    /// For `rapsheet merge`, and for programs
    Json,
}

/// One part of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Which one, from 0.
    pub(crate) part: u64,
    /// Of how many.
    pub(crate) of: u64,
}

fn shard(text: &str) -> Result<Shard, &'static str> {
    let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part: part - 1, of }),
        _ => Err("expected I/N, with I from 1 to N: 1/4"),
    }
}

fn assessment() -> impl clap::builder::TypedValueParser<Value = Assessment> {
    let words = Assessment::ALL.iter().map(|assessment| assessment.word());
    PossibleValuesParser::new(words).try_map(|word| Assessment::parse(&word).ok_or("no such assessment"))
}

/// The instant of `--at`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Instant {
    /// The present.
    Now,
    /// The time that each record states.
    Event,
    /// This one.
    At(Time),
}

fn lookup_output() -> impl clap::builder::TypedValueParser<Value = &'static LookupOutput> {
    let names = crate::output::lookup::OUTPUTS.iter().map(|output| output.name);
    PossibleValuesParser::new(names)
        .try_map(|name| crate::output::lookup::find(&name).ok_or("no such output format"))
}

fn log_kind() -> impl clap::builder::TypedValueParser<Value = &'static Kind> {
    let row = |kind: &&'static Kind| PossibleValue::new(kind.name).help(kind.about).aliases(kind.also);
    PossibleValuesParser::new(KINDS.iter().map(row))
        .try_map(|name| crate::log::find(&name).ok_or("no such kind of log"))
}

fn score_output() -> impl clap::builder::TypedValueParser<Value = &'static ScoreOutput> {
    let names = crate::output::score::OUTPUTS.iter().map(|output| output.name);
    PossibleValuesParser::new(names)
        .try_map(|name| crate::output::score::find(&name).ok_or("no such output format"))
}

fn change() -> impl clap::builder::TypedValueParser<Value = rapsheet_query::ChangeKind> {
    let words = rapsheet_query::ChangeKind::ALL.map(rapsheet_query::ChangeKind::word);
    let find =
        |word: String| rapsheet_query::ChangeKind::ALL.into_iter().find(|change| change.word() == word);
    PossibleValuesParser::new(words).try_map(move |word| find(word).ok_or("no such change"))
}

fn time(text: &str) -> Result<Time, &'static str> {
    Time::parse_rfc3339(text).ok_or("expected RFC 3339, such as 2026-08-23T00:00:00Z or 2026-08-23")
}

fn instant(text: &str) -> Result<Instant, &'static str> {
    match text {
        "now" => Ok(Instant::Now),
        "event" => Ok(Instant::Event),
        text => time(text).map(Instant::At),
    }
}

#[cfg(feature = "ingest")]
fn accept(text: &str) -> Result<Accept, &'static str> {
    Accept::parse(text).ok_or("expected FEED=DIGEST, with at least 12 hexadecimal digits")
}

#[cfg(feature = "ingest")]
fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected key=value")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command().get_subcommands().filter(|command| command.get_name() != "help") {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(text.contains("Examples:"), "{}", command.get_name());
        }
    }
}
