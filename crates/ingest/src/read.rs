//! Reading one block of lines with one reader: the loop that every line of every feed passes through.

use crate::format::{LineReader, OrderedReader};
use crate::guard::Names;
use crate::lines::{self, LINE_MAX};
use crate::scribe::{Place, Rules, Scribe, Sink, Skip};
use crate::tally::Tally;
use rapsheet_snapshot::ParseError;

/// A block of lines, and where it begins in its file.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    /// The lines.
    pub bytes: &'a [u8],
    /// Where they begin.
    pub base: Place,
}

/// Reads all lines of a block, which mean the same in any order, and returns what was counted.
pub fn block(
    reader: &dyn LineReader,
    page: Page<'_>,
    rules: &Rules,
    names: &mut Names,
    sink: &mut dyn Sink,
) -> Tally {
    let keeps_blanks = reader.keeps_blanks();
    each_line(page, rules, names, sink, keeps_blanks, |line, scribe| reader.line(line, scribe))
}

/// Reads the next block of a file whose lines depend on the lines before them.
pub fn ordered(
    reader: &mut dyn OrderedReader,
    page: Page<'_>,
    rules: &Rules,
    names: &mut Names,
    sink: &mut dyn Sink,
) -> Tally {
    let keeps_blanks = reader.keeps_blanks();
    each_line(page, rules, names, sink, keeps_blanks, |line, scribe| reader.line(line, scribe))
}

fn each_line(
    page: Page<'_>,
    rules: &Rules,
    names: &mut Names,
    sink: &mut dyn Sink,
    keeps_blanks: bool,
    mut read: impl FnMut(&[u8], &mut Scribe<'_>),
) -> Tally {
    let mut scribe = Scribe::new(rules, sink, names, page.bytes, page.base);
    for at in lines::split(page.bytes) {
        let line = page.bytes.get(at.clone()).unwrap_or(&[]);
        scribe.begin_line(at);
        one_line(line, keeps_blanks, &mut scribe, &mut read);
        scribe.end_line();
    }
    scribe.finish()
}

fn one_line(
    line: &[u8],
    keeps_blanks: bool,
    scribe: &mut Scribe<'_>,
    read: &mut impl FnMut(&[u8], &mut Scribe<'_>),
) {
    if line.len() > LINE_MAX {
        return scribe.reject(ParseError::TooLong);
    }
    let trimmed = lines::trim(line);
    if trimmed.is_empty() {
        return scribe.skip(Skip::Blank);
    }
    read(if keeps_blanks { line } else { trimmed }, scribe);
}
