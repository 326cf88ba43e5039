//! The loop over the lines of a block. Every line of every feed passes through it.

use crate::download::blocks::Block;
use crate::download::lines::{self, LINE_MAX, RECORD_MAX};
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
    if reader.spans_lines() {
        return each_record(reader, block, rules, names, sink);
    }
    each_line(block, rules, names, sink, keeps_blanks, |line, normalizer| reader.line(line, normalizer))
}

/// As [`each_line`], for a reader whose records may span lines. Such a record counts as one line.
fn each_record(
    reader: &dyn LineReader,
    block: &Block,
    rules: &Rules,
    names: &mut NameGuard,
    sink: &mut dyn Sink,
) -> Counters {
    let keeps_blanks = reader.keeps_blanks();
    let mut normalizer = Normalizer::new(rules, sink, names, &block.bytes, block.base);
    let mut end = 0;
    for at in lines::split(&block.bytes) {
        if at.start < end {
            normalizer.pass_line();
            continue;
        }
        let text = block.bytes.get(at.start..).unwrap_or(&[]);
        end = at.start + reader.record_len(text, at.len()).unwrap_or(at.len());
        let record = block.bytes.get(at.start..end).unwrap_or(&[]);
        normalizer.begin_line(at.start..end);
        one_line(record, end > at.end, keeps_blanks, &mut normalizer, &mut |line, normalizer| {
            reader.line(line, normalizer);
        });
        normalizer.end_line();
    }
    normalizer.finish()
}

/// The bytes of a block up to the end of its last whole record. More may follow the block.
pub(super) fn whole_records(reader: &dyn LineReader, bytes: &[u8]) -> usize {
    // Marks in pairs: no record is open at the end. That is so for nearly every block.
    if memchr::memchr_iter(b'"', bytes).count().is_multiple_of(2) {
        return bytes.len();
    }
    let mut end = 0;
    for at in lines::split(bytes).filter(|at| at.len() <= LINE_MAX) {
        if at.start < end {
            continue;
        }
        match reader.record_len(bytes.get(at.start..).unwrap_or(&[]), at.len()) {
            Some(len) => end = at.start + len,
            // Not decided before more is read.
            None if bytes.len() - at.start < RECORD_MAX && at.start > 0 => return at.start,
            None => end = at.end,
        }
    }
    bytes.len()
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
        one_line(line, false, keeps_blanks, &mut normalizer, &mut read);
        normalizer.end_line();
    }
    normalizer.finish()
}

fn one_line(
    line: &[u8],
    spans_lines: bool,
    keeps_blanks: bool,
    normalizer: &mut Normalizer<'_>,
    read: &mut impl FnMut(&[u8], &mut Normalizer<'_>),
) {
    if line.len() > LINE_MAX && !spans_lines {
        return normalizer.reject(ParseError::TooLong);
    }
    let trimmed = lines::trim(line);
    if trimmed.is_empty() {
        return normalizer.skip(Skip::Blank);
    }
    read(if keeps_blanks { line } else { trimmed }, normalizer);
}
