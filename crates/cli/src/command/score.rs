//! `score`: finds indicators in logs and prints their verdicts, in input order.
//!
//! Each worker thread does what is next: cut a block off the input, search it, or write results. This file
//! connects inputs, threads and output; `lens` turns a block into output.

use super::{follow, stdout};
use crate::args::{At, Score};
use crate::exit::{Exit, Failure};
use crate::glob;
use crate::inputs::{Inputs, LogBlock};
use crate::lens::{Lens, Scratch};
use crate::meter::Meter;
use crate::ordered::{self, Ease, Order, Ways};
use crate::settings::Settings;
use rapsheet_query::Judge;
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
        write_head(args, &mut out)?;
        return follow::run(args, settings, &mut out);
    }
    let snapshot = settings.open()?;
    let at = match args.at {
        At::Now | At::Event => settings.now,
        At::Time(time) => time,
    };
    let judge = Judge::new(&snapshot, at);
    let lens = Lens::new(&judge, args, snapshot.built_at());
    let exit = scan(&lens, args, settings, &mut out)?;
    lens.finish(settings, &mut out)?;
    Ok(exit)
}

/// Searches all inputs.
fn scan(
    lens: &Lens<'_>,
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
        let mut scorer = lens.scorer(CACHE_MEMORY / settings.threads.max(2));
        let mut scratch = Scratch::default();
        let meter = &meter;
        move |part: &LogBlock, made: &mut Vec<u8>, ease: &mut Ease<'_>| {
            meter.found(lens.look(part, &mut scorer, &mut scratch, made, ease));
        }
    };
    write_head(args, out)?;
    let ways = Ways {
        next: |buffer, early| {
            let step = inputs.next(buffer, early)?;
            meter.read(step.block.as_ref().map_or(0, |part: &LogBlock| part.block.bytes.len()));
            Some(step)
        },
        spent: |part: LogBlock| part.block.bytes,
        // Counts the buffer, not only the block: the blocks of a thousand small files have large buffers.
        room: |part: &LogBlock| part.block.bytes.len().max(part.block.bytes.capacity() / 2),
    };
    let order = if args.unordered { Order::AsDone } else { Order::OfInput };
    let done = ordered::run(ways, (settings.threads, order), worker, out);
    meter.finish();
    done?;
    Ok(inputs.exit())
}

/// Writes the header of outputs that have one. A summary has none.
fn write_head(args: &Score, out: &mut dyn Write) -> Result<(), Failure> {
    let mut head = Vec::new();
    if args.summary.is_none() {
        args.output.head(args.context, &mut head);
    }
    Ok(out.write_all(&head)?)
}
