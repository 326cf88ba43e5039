//! `merge`: adds up the summaries of several runs of `score`.

use super::stdout;
use crate::args::Merge;
use crate::exit::{Exit, Failure};
use crate::input;
use crate::summary::{Summary, SummaryBuilder, VERSION};
use std::io::Read;
use std::path::Path;

/// Runs the command.
pub(super) fn run(args: &Merge) -> Result<Exit, Failure> {
    let mut summary = SummaryBuilder::default();
    for path in &args.files {
        summary.merge(read(path)?);
    }
    let mut out = stdout();
    summary.finish().print(args.output, &mut out)?;
    std::io::Write::flush(&mut out)?;
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Summary, Failure> {
    let refused = |why: String| Failure::refused(format_args!("{}: {why}", path.display()));
    let mut text = Vec::new();
    let input = input::open(path).map_err(|why| Failure::Message(why.exit, why.to_string()))?;
    input.reader.take(1 << 30).read_to_end(&mut text).map_err(|error| refused(error.to_string()))?;
    let summary: Summary = serde_json::from_slice(&text).map_err(|error| {
        refused(format!("not a summary: {error}; expected what `rapsheet score --summary=json` prints"))
    })?;
    if summary.version != VERSION {
        return Err(refused(format!(
            "expected version {VERSION} of a summary, found {}; merge it with the rapsheet that wrote it",
            summary.version
        )));
    }
    Ok(summary)
}
