//! `merge`: adds up the summaries of several runs of `score`.

use super::stdout;
use crate::args::Merge;
use crate::exit::{Exit, Failure};
use crate::summary::{Summary, SummaryBuilder};

/// Runs the command.
pub(super) fn run(args: &Merge) -> Result<Exit, Failure> {
    let mut summary = SummaryBuilder::default();
    for path in &args.files {
        summary.merge(Summary::read(path)?);
    }
    let mut out = stdout();
    summary.finish().print(args.output, &mut out)?;
    std::io::Write::flush(&mut out)?;
    Ok(Exit::Done)
}
