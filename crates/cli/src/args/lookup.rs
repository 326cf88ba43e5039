//! The arguments of `lookup`.

use super::Policy;
use super::values;
use crate::output::lookup::LookupOutput;
use clap::Args;
use rapsheet_snapshot::Time;
use std::ffi::OsString;
use std::path::PathBuf;

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
  rapsheet lookup --server http://127.0.0.1:8087 45.9.20.5")]
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
