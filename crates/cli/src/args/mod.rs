//! The command line: clap's types and their help. Nothing here acts.
//!
//! The help of every command ends with examples, which is what people read first. The names of outputs and of
//! kinds of log come from the tables that implement them, so that help is never out of date.

#[cfg(feature = "ingest")]
mod build;
#[cfg(feature = "export")]
mod export;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "ledger")]
mod ledger;
mod lookup;
mod score;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "remote")]
mod ship;
mod values;

#[cfg(feature = "ingest")]
pub(crate) use build::{Build, Parse};
#[cfg(feature = "export")]
pub(crate) use export::Export;
#[cfg(feature = "fetch")]
pub(crate) use fetch::{Fetch, Update};
#[cfg(feature = "ledger")]
pub(crate) use ledger::Ledger;
pub(crate) use lookup::Lookup;
pub(crate) use score::{Merge, Score};
#[cfg(feature = "serve")]
pub(crate) use serve::Serve;
#[cfg(feature = "publish")]
pub(crate) use ship::ShipPublish;
#[cfg(feature = "remote")]
pub(crate) use ship::{Ship, ShipPull, Shipping};
#[cfg(any(feature = "ingest", feature = "ledger"))]
pub(crate) use values::ListArg;
pub(crate) use values::{At, DiffOutput, Policy, Shard, StatusArg, TableOrJson, TableOutput, TextOrJson};
#[cfg(feature = "ingest")]
pub(crate) use values::{ParseOutput, ScopeArg};

use crate::color::When;
use clap::{Args, Parser, Subcommand};
use rapsheet_query::ChangeKind;
use rapsheet_snapshot::Time;
use std::path::PathBuf;

macro_rules! exit_codes {
    () => {
        "Exit codes:
  0  done, whatever the verdicts
  1  done, and with --exit-code something is blocklisted
  2  usage, configuration or an unusable argument
  3  published, but some feed failed, was held, is stale or has nothing
     live left, or a report could not be written
  4  a snapshot or data file was refused: missing, damaged, truncated, too new,
     or badly signed
  5  could not finish; nothing was published, the old snapshot is untouched
  6  busy: another build, fetch or pull is at work on it"
    };
}

#[cfg(all(not(feature = "ingest"), feature = "remote"))]
macro_rules! lacks_remote {
    () => {
        "Of the network, it only asks servers of rapsheet, and pulls what `ship publish` of a full build published."
    };
}

#[cfg(all(not(feature = "ingest"), not(feature = "remote")))]
macro_rules! lacks_remote {
    () => {
        "It uses no network, and has no `lookup --server` and no `ship`."
    };
}

#[cfg(feature = "ingest")]
const AFTER_HELP: &str = exit_codes!();
#[cfg(not(feature = "ingest"))]
const AFTER_HELP: &str = concat!(
    exit_codes!(),
    "\n\nThis is an edge build: it answers from snapshots that a full build of rapsheet has made. ",
    "It has no `build`, `parse` and `formats`, no `feeds --catalog`, no `--list`, no manual pages, and shows no progress. ",
    "It reads logs that are plain, gz or zst, and refuses xz, bz2, zip and UTF-16. ",
    lacks_remote!()
);

/// The snapshot where none is named.
pub(crate) const SNAPSHOT_DEFAULT: &str = "rapsheet.rap";

/// Public blocklists and allowlists as one file, and answers from it
///
/// `build` turns downloaded feeds into one snapshot file. `lookup` and `score` answer from it who lists an
/// address, a name or a URL, for what, since when, and whether that still holds. `update` downloads and
/// builds.
#[derive(Parser)]
#[command(name = "rapsheet", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Command {
    /// Whether the command prints data on stdout. A build prints on stderr, and a quiet look-up with an exit
    /// code says all with that.
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
            #[cfg(feature = "ingest")]
            Command::Generate(Generate { what: Generated::Man { .. } }) => false,
            Command::Lookup(lookup) => !lookup.is_silent(is_quiet),
            #[cfg(feature = "serve")]
            Command::Serve(serve) => {
                serve.new_key.is_some() || serve.access_log.as_deref().is_some_and(crate::input::is_stdin)
            }
            #[cfg(feature = "remote")]
            Command::Ship(_) => false,
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
    #[cfg(feature = "remote")]
    Ship(Ship),
    #[command(hide = true)]
    Generate(Generate),
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
/// With a catalogue, its feeds are listed, even without a snapshot; without one, the feeds of the snapshot.
/// Where neither is named and there is no `rapsheet.rap`, the catalogue inside the program is listed.
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

/// Print shell completions, or write manual pages
#[derive(Args)]
#[cfg_attr(
    feature = "ingest",
    command(after_help = "Examples:
  rapsheet generate completions bash > rapsheet.bash
  rapsheet generate man /usr/local/share/man/man1")
)]
#[cfg_attr(
    not(feature = "ingest"),
    command(
        about = "Print shell completions",
        after_help = "Examples:
  rapsheet generate completions bash > rapsheet.bash"
    )
)]
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
    #[cfg(feature = "ingest")]
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
        const PRINT_NO_DATA: [&str; 6] = ["build", "generate", "help", "serve", "ship", "update"];
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
