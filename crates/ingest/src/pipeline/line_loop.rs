//! The loop over the lines of a block. Every line of every feed passes through it.

use crate::download::blocks::Block;
use crate::download::lines::{self, LINE_MAX};
use crate::entry::Counters;
use crate::entry::guard::NameGuard;
use crate::entry::{Normalizer, Rules, Sink, Skip};
use crate::format::{LineReader, OrderedReader};
use rapsheet_snapshot::ParseError;

/// Reads all lines of a block, in any order, and returns what was counted.
pub(super) fn read_block(
    reader: &dyn LineReader,
    block: &Block,
    rules: &Rules,
    names: &mut NameGuard,
    sink: &mut dyn Sink,
) -> Counters {
    let keeps_blanks = reader.keeps_blanks();
    each_line(block, rules, names, sink, keeps_blanks, |line, normalizer| reader.line(line, normalizer))
}

/// Reads the next block of a file whose lines depend on the lines before them.
pub(super) fn read_ordered(
    reader: &mut dyn OrderedReader,
    block: &Block,
    rules: &Rules,
    names: &mut NameGuard,
    sink: &mut dyn Sink,
) -> Counters {
    let keeps_blanks = reader.keeps_blanks();
    each_line(block, rules, names, sink, keeps_blanks, |line, normalizer| reader.line(line, normalizer))
}

fn each_line(
    block: &Block,
    rules: &Rules,
    names: &mut NameGuard,
    sink: &mut dyn Sink,
    keeps_blanks: bool,
    mut read: impl FnMut(&[u8], &mut Normalizer<'_>),
) -> Counters {
    let mut normalizer = Normalizer::new(rules, sink, names, &block.bytes, block.base);
    for at in lines::split(&block.bytes) {
        let line = block.bytes.get(at.clone()).unwrap_or(&[]);
        normalizer.begin_line(at);
        one_line(line, keeps_blanks, &mut normalizer, &mut read);
        normalizer.end_line();
    }
    normalizer.finish()
}

fn one_line(
    line: &[u8],
    keeps_blanks: bool,
    normalizer: &mut Normalizer<'_>,
    read: &mut impl FnMut(&[u8], &mut Normalizer<'_>),
) {
    if line.len() > LINE_MAX {
        return normalizer.reject(ParseError::TooLong);
    }
    let trimmed = lines::trim(line);
    if trimmed.is_empty() {
        return normalizer.skip(Skip::Blank);
    }
    read(if keeps_blanks { line } else { trimmed }, normalizer);
}
