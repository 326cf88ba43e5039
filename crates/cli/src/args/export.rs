//! The arguments of `export`.

use super::values;
use clap::Args;
use rapsheet_snapshot::Assessment;
use std::path::PathBuf;

/// Write what is listed in the syntax of another program
///
/// Writes what is live at --now. An address or a name is blocked where any feed blocks it. What the format cannot say,
/// such as scopes, exceptions, times or URLs, is counted on stderr and in --report, by kind and feed. Nothing is ever
/// widened: a format without scopes gets the name alone. Feeds whose licence forbids redistribution are left out.
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
