//! Reading one block of lines with one reader: the loop that every line of every feed passes through.

use crate::format::LineReader;
use crate::guard::Names;
use crate::lines::{self, LINE_MAX};
use crate::scribe::{Place, Rules, Scribe, Sink, Skip};
use crate::tally::Tally;
use snapshot::Refusal;

/// Reads all lines of `block`, which begins at `base` in its file, and returns what was counted.
pub fn block(
    reader: &dyn LineReader,
    block: &[u8],
    base: Place,
    rules: &Rules,
    names: &mut Names,
    sink: &mut dyn Sink,
) -> Tally {
    let keeps_blanks = reader.keeps_blanks();
    let mut scribe = Scribe::new(rules, sink, names, block, base);
    for at in lines::split(block) {
        let line = block.get(at.clone()).unwrap_or(&[]);
        scribe.begin_line(at);
        one_line(reader, line, keeps_blanks, &mut scribe);
        scribe.end_line();
    }
    scribe.finish()
}

fn one_line(reader: &dyn LineReader, line: &[u8], keeps_blanks: bool, scribe: &mut Scribe<'_>) {
    if line.len() > LINE_MAX {
        return scribe.reject(Refusal::TooLong);
    }
    let trimmed = lines::trim(line);
    if trimmed.is_empty() {
        return scribe.skip(Skip::Blank);
    }
    reader.line(if keeps_blanks { line } else { trimmed }, scribe);
}
