//! `generate`: shell completions, and in a full build manual pages, from the types that parse the command line.

use super::stdout;
use crate::args::{Cli, Generate, Generated};
use crate::exit::{Exit, Failure};
use clap::CommandFactory;
use std::io::Write;

/// Runs the command.
pub(super) fn run(args: &Generate) -> Result<Exit, Failure> {
    match &args.what {
        Generated::Completions { shell } => completions(*shell),
        #[cfg(feature = "ingest")]
        Generated::Man { dir } => man(dir),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rapsheet", &mut text);
    let mut out = stdout();
    out.write_all(&text)?;
    out.flush()?;
    Ok(Exit::Done)
}

/// Edge builds have no manual pages, to stay small: those of a full build say the same.
#[cfg(feature = "ingest")]
fn man(dir: &std::path::Path) -> Result<Exit, Failure> {
    clap_mangen::generate_to(Cli::command(), dir)
        .map_err(|error| Failure::unfinished(format_args!("{}: {error}", dir.display())))?;
    Ok(Exit::Done)
}
