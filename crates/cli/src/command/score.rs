//! `score`: indicators in logs and their verdicts, in the order of the input.
//!
//! This file connects inputs, worker threads and the output; `block_processor` turns a block into output.

use super::{follow, stdout};
use crate::args::{Instant, Score};
use crate::block_processor::{BlockProcessor, Scratch};
use crate::exit::{Exit, Failure};
use crate::glob;
use crate::inputs::{Inputs, Part};
use crate::meter::Meter;
use crate::parallel::{self, FlushPartial, Order, Stages};
use crate::setting::Setting;
use rapsheet_query::Judge;
use std::io::Write;
use std::path::PathBuf;

/// How many bytes all workers together take to remember what they met lately.
const MEMORY: usize = 12 << 20;

/// Runs the command.
pub(super) fn run(args: &Score, setting: &Setting) -> Result<Exit, Failure> {
    if args.input.is_text() && !args.fields.is_empty() {
        return Err(Failure::usage("--field needs a log with fields, and --input says that this is text"));
    }
    let mut out = stdout();
    if args.follow {
        write_head(args, &mut out)?;
        return follow::run(args, setting, &mut out);
    }
    let snapshot = setting.open()?;
    let at = match args.at {
        Instant::Now | Instant::Event => setting.now,
        Instant::At(time) => time,
    };
    let judge = Judge::new(&snapshot, at);
    let processor = BlockProcessor::new(&judge, args, snapshot.built_at());
    let exit = scan(&processor, args, setting, &mut out)?;
    processor.finish(setting, &mut out)?;
    Ok(exit)
}

/// Looks through all inputs.
fn scan(
    processor: &BlockProcessor<'_>,
    args: &Score,
    setting: &Setting,
    out: &mut (dyn Write + Send),
) -> Result<Exit, Failure> {
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &stdin } else { args.files.as_slice() };
    let files = glob::expanded(files);
    let mut inputs = Inputs::new(&files, args, setting.threads);
    let meter = Meter::new(setting, &files);
    let worker = || {
        let mut scorer = processor.scorer(MEMORY / setting.threads.max(2));
        let mut scratch = Scratch::default();
        let meter = &meter;
        move |part: &Part, out: &mut Vec<u8>, flush_partial: &mut FlushPartial<'_>| {
            meter.found(processor.process(part, &mut scorer, &mut scratch, out, flush_partial));
        }
    };
    write_head(args, out)?;
    let stages = Stages {
        next: |buffer, early| {
            let step = inputs.next(buffer, early)?;
            meter.read(step.block.as_ref().map_or(0, |part: &Part| part.block.bytes.len()));
            Some(step)
        },
        recycle: |part: Part| part.block.bytes,
        // A small block has a large buffer, and of those of a thousand small files only so many may wait.
        size: |part: &Part| part.block.bytes.len().max(part.block.bytes.capacity() / 2),
    };
    let order = if args.unordered { Order::AsDone } else { Order::OfInput };
    let done = parallel::run(stages, (setting.threads, order), worker, out);
    meter.finish();
    done?;
    Ok(inputs.exit())
}

/// What stands above the rows, where there are rows.
fn write_head(args: &Score, out: &mut dyn Write) -> Result<(), Failure> {
    let mut head = Vec::new();
    if args.summary.is_none() {
        args.output.head(args.context, &mut head);
    }
    Ok(out.write_all(&head)?)
}
