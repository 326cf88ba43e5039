//! The program `rapsheet`: reads arguments and the clock, runs one command, and ends with its exit code.
//!
//! The libraries use no terminal, environment or clock; this crate does. The clock is read once, in [`run`],
//! so that all results of one run are as of one instant; what runs for long asks it again.

#[cfg(feature = "serve")]
mod activation;
mod answers;
mod args;
mod block_processor;
mod blocks;
mod budget;
#[cfg(feature = "ingest")]
mod choice;
mod color;
mod command;
#[cfg(any(feature = "remote", feature = "serve"))]
mod ending;
mod exit;
#[cfg(unix)]
mod fault;
#[cfg(any(feature = "export", feature = "ledger"))]
mod feed_selection;
mod fields;
#[cfg(any(feature = "ingest", feature = "export", feature = "ledger", feature = "remote"))]
mod files;
mod filter;
mod glob;
mod input;
mod inputs;
#[cfg(feature = "ingest")]
mod lists;
#[cfg(any(feature = "ingest", feature = "remote"))]
mod lock;
mod log;
#[cfg(any(feature = "ingest", feature = "ledger"))]
mod log_indicators;
#[cfg(feature = "ingest")]
mod memory;
mod meter;
mod names;
#[cfg(feature = "remote")]
mod network;
mod output;
mod parallel;
mod printable;
#[cfg(feature = "ingest")]
mod progress;
mod question_lines;
mod quoted;
mod reach;
mod read_ahead;
mod reorder_buffer;
#[cfg(feature = "remote")]
mod secrets;
mod settings;
#[cfg(feature = "remote")]
mod steps;
mod summary;
mod table;
mod tail;
#[cfg(feature = "fetch")]
mod transfer_bars;

use args::Cli;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};
use exit::{Exit, Failure};
use rapsheet_snapshot::Time;
use settings::Settings;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> ExitCode {
    exit::survive_size_limits();
    #[cfg(unix)]
    fault::survive();
    exit::code_of(run())
}

fn run() -> Result<Exit, Failure> {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return exit::print_clap_report(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return exit::print_clap_report(&error),
    };
    let is_named = matches.value_source("snapshot") == Some(ValueSource::CommandLine);
    let settings = Settings::new(cli.global, is_named, clock);
    if cli.command.prints_data(settings.quiet) {
        exit::require_stdout()?;
    }
    command::run(cli.command, &settings)
}

fn clock() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Time::from_unix(i64::try_from(since).unwrap_or(i64::MAX))
}
