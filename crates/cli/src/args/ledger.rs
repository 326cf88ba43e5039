//! The arguments of `ledger`.

use super::values::{self, ListArg};
use crate::output::ledger::LedgerOutput;
use clap::Args;
use rapsheet_ledger::CoverShare;
use std::path::PathBuf;

/// Show which feeds are worth keeping
///
/// For each feed: what is live of it, which part of that no other feed has, which feed has most of it, and
/// how old it is. Then the overlap of all pairs, and a small set of feeds that covers a share of everything.
/// A feed has an entry of another where a look-up of all that the entry stands for would match it, too: a
/// network covers its addresses, a name with its tree the names below.
#[derive(Args)]
#[command(after_help = "Examples:
  rapsheet ledger
  rapsheet ledger --feed 'blocklist-*' --feed provider:spamhaus.org --cover 99
  rapsheet ledger --previous last-week.rap --log access.json --log dns.json
  rapsheet ledger -o csv --svg overlap.svg > feeds.csv
  rapsheet score --summary=json access.log > access.json   # what --log takes")]
pub(crate) struct Ledger {
    /// Only this feed, those that a pattern matches (`urlhaus-*`), or those of `provider:NAME`,
    /// `assessment:WORD`, `list:block` or `list:allow`; may be repeated
    #[arg(long = "feed", value_name = "FEED")]
    pub(crate) feeds: Vec<String>,
    /// Compare blocklists or allowlists [default: block, or allow where only allowlists are chosen]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) list: Option<ListArg>,
    /// Choose feeds that cover so many percent of all indicators
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = values::cover_share)]
    pub(crate) cover: CoverShare,
    /// Also show what came and went since this older snapshot
    #[arg(long, value_name = "OLD")]
    pub(crate) previous: Option<PathBuf>,
    /// Also show what each feed finds in your logs: a file of `score --summary=json`; may be repeated
    #[arg(long = "log", value_name = "SUMMARY")]
    pub(crate) logs: Vec<PathBuf>,
    /// The output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = values::ledger_output())]
    pub(crate) output: &'static LedgerOutput,
    /// Also draw the overlap of all pairs into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// In csv, prefix cells that a spreadsheet would run as a formula with '
    #[arg(long)]
    pub(crate) spreadsheet: bool,
}
