//! The commands, one file each. A command calls the libraries with its arguments and prints the result.

use crate::args::Command;
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use std::io::{self, BufWriter, Stdout};

#[cfg(feature = "ingest")]
mod build;
mod diff;
#[cfg(feature = "export")]
mod export;
mod feeds;
#[cfg(feature = "fetch")]
mod fetch;
mod follow;
#[cfg(feature = "ingest")]
mod formats;
mod generate;
mod info;
#[cfg(feature = "ledger")]
mod ledger;
mod lookup;
#[cfg(feature = "remote")]
mod lookup_server;
mod merge;
#[cfg(feature = "ingest")]
mod parse;
mod score;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "remote")]
mod ship;
#[cfg(feature = "fetch")]
mod update;
mod verify;

/// Runs a command.
pub(crate) fn run(command: Command, settings: &Settings) -> Result<Exit, Failure> {
    match command {
        #[cfg(feature = "ingest")]
        Command::Build(args) => build::run(&args, settings),
        #[cfg(feature = "fetch")]
        Command::Fetch(args) => fetch::run(&args, settings),
        #[cfg(feature = "fetch")]
        Command::Update(args) => update::run(&args, settings),
        #[cfg(feature = "ingest")]
        Command::Parse(args) => parse::run(&args, settings),
        Command::Lookup(args) => lookup::run(&args, settings),
        Command::Score(args) => score::run(&args, settings),
        Command::Merge(args) => merge::run(&args),
        Command::Info(args) => info::run(&args, settings),
        Command::Verify(args) => verify::run(&args, settings),
        #[cfg(feature = "ingest")]
        Command::Formats(args) => formats::run(&args),
        Command::Feeds(args) => feeds::run(&args, settings),
        Command::Diff(args) => diff::run(&args, settings),
        #[cfg(feature = "export")]
        Command::Export(args) => export::run(&args, settings),
        #[cfg(feature = "ledger")]
        Command::Ledger(args) => ledger::run(&args, settings),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args, settings),
        #[cfg(feature = "remote")]
        Command::Ship(args) => ship::run(&args, settings),
        Command::Generate(args) => generate::run(&args),
    }
}

/// A buffer in front of stdout. Each command flushes it, because an error while dropping it would be lost.
fn stdout() -> BufWriter<Stdout> {
    BufWriter::with_capacity(1 << 16, io::stdout())
}
