//! `score`: finds indicators in logs and prints their verdicts, in input order.
//!
//! Each worker thread does what is next: cut a block off the input, search it, or write results. This file
//! connects inputs, threads and output; [`BlockProcessor`] turns a block into output.

use super::{follow, stdout};
use crate::answers::Answers;
use crate::args::{At, Score};
use crate::block_processor::{BlockProcessor, Scratch};
use crate::exit::{Exit, Failure};
use crate::filter::check_providers;
use crate::glob;
use crate::inputs::{Inputs, LogBlock};
use crate::meter::Meter;
use crate::parallel::{self, FlushPartial, Order, Stages};
use crate::settings::Settings;
use rapsheet_query::Searcher;
use rapsheet_snapshot::Time;
use std::io::Write;
use std::path::PathBuf;

/// The memory of the token caches of all workers together, in bytes.
const CACHE_MEMORY: usize = 12 << 20;

/// Runs the command.
pub(super) fn run(args: &Score, settings: &Settings) -> Result<Exit, Failure> {
    if args.input.is_text() && !args.fields.is_empty() {
        return Err(Failure::usage("--field needs a log with fields, and --input text has none"));
    }
    let mut out = stdout();
    if args.follow {
        return follow::run(args, settings, &header(args), &mut out);
    }
    let answers = Answers::open(&args.lists, settings)?;
    let snapshot = answers.current();
    let searcher = Searcher::new(&snapshot, instant(args, settings));
    check_providers(args, &searcher)?;
    let processor = BlockProcessor::new(&searcher, args, &snapshot);
    let exit = scan(&processor, args, settings, &mut out)?;
    processor.finish(settings, &mut out)?;
    Ok(exit)
}

/// The instant of the verdicts. A list of one's own says nothing of the past.
fn instant(args: &Score, settings: &Settings) -> Time {
    match args.at {
        At::Time(time) if args.lists.is_empty() => time,
        At::Time(_) => {
            settings.note(
                "rapsheet: a list of your own says nothing of the past: with --list, --at counts as now",
            );
            settings.now
        }
        At::Now | At::Event => settings.now,
    }
}

/// Searches all inputs.
fn scan(
    processor: &BlockProcessor<'_>,
    args: &Score,
    settings: &Settings,
    out: &mut (dyn Write + Send),
) -> Result<Exit, Failure> {
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &stdin } else { args.files.as_slice() };
    let files = glob::expand(files);
    let mut inputs = Inputs::new(&files, args, settings.threads);
    let meter = Meter::new(settings, &files);
    let worker = || {
        let mut scorer = processor.scorer(CACHE_MEMORY / settings.threads.max(2));
        let mut scratch = Scratch::default();
        let meter = &meter;
        move |log_block: &LogBlock, out: &mut Vec<u8>, flush_partial: &mut FlushPartial<'_>| {
            meter.found(processor.process(log_block, &mut scorer, &mut scratch, out, flush_partial));
        }
    };
    out.write_all(&header(args))?;
    let stages = Stages {
        next: |buffer, early| {
            let step = inputs.next(buffer, early)?;
            meter.read(step.block.as_ref().map_or(0, |log_block: &LogBlock| log_block.block.bytes.len()));
            Some(step)
        },
        recycle: |log_block: LogBlock| log_block.block.bytes,
        // Counts the buffer, not only the block: the blocks of a thousand small files have large buffers.
        size: |LogBlock { block, .. }: &LogBlock| block.bytes.len().max(block.bytes.capacity() / 2),
    };
    let order = if args.unordered { Order::AsDone } else { Order::OfInput };
    let done = parallel::run(stages, (settings.threads, order), worker, out);
    meter.finish();
    done?;
    Ok(inputs.exit())
}

/// The header of outputs that have one. A summary has none.
fn header(args: &Score) -> Vec<u8> {
    let mut header = Vec::new();
    if args.summary.is_none() {
        (args.output.header)(args.context, &mut header);
    }
    header
}
