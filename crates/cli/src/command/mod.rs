//! The commands, one file each: from arguments to libraries to output.

use crate::args::Command;
use crate::exit::{Exit, Failure};
use crate::setting::Setting;
use std::io::{self, BufWriter, Stdout};

#[cfg(feature = "ingest")]
mod build;
mod diff;
mod feeds;
mod follow;
#[cfg(feature = "ingest")]
mod formats;
mod generate;
mod info;
mod lookup;
mod merge;
#[cfg(feature = "ingest")]
mod parse;
mod score;
mod verify;

/// Runs a command.
pub(crate) fn run(command: Command, setting: &Setting) -> Result<Exit, Failure> {
    match command {
        #[cfg(feature = "ingest")]
        Command::Build(args) => build::run(&args, setting),
        #[cfg(feature = "ingest")]
        Command::Parse(args) => parse::run(&args, setting),
        Command::Lookup(args) => lookup::run(&args, setting),
        Command::Score(args) => score::run(&args, setting),
        Command::Merge(args) => merge::run(&args),
        Command::Info(args) => info::run(&args, setting),
        Command::Verify(_) => verify::run(setting),
        #[cfg(feature = "ingest")]
        Command::Formats(args) => formats::run(&args),
        Command::Feeds(args) => feeds::run(&args, setting),
        Command::Diff(args) => diff::run(&args, setting),
        Command::Generate(args) => generate::run(&args),
    }
}

/// Where data goes. Whoever writes to it must flush it, because a late error would be lost otherwise.
fn stdout() -> BufWriter<Stdout> {
    BufWriter::with_capacity(1 << 16, io::stdout())
}
