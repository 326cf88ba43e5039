//! `score`: indicators in logs and their verdicts, in the order of the input.
//!
//! As many threads as were asked for cut inputs into blocks, look into them and write, each what is to be done next.
//! What this file knows is inputs, threads and the output; what is made of a block is the lens's business.

use super::{follow, stdout};
use crate::args::{Instant, Score};
use crate::exit::{Exit, Failure};
use crate::glob;
use crate::inputs::{Inputs, Part};
use crate::lens::{Lens, Scratch};
use crate::meter::Meter;
use crate::ordered::{self, Ease, Order, Ways};
use crate::setting::Setting;
use rapsheet_query::Searcher;
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
    let searcher = Searcher::new(&snapshot, at);
    let lens = Lens::new(&searcher, args, snapshot.built_at());
    let exit = scan(&lens, args, setting, &mut out)?;
    lens.finish(setting, &mut out)?;
    Ok(exit)
}

/// Looks through all inputs.
fn scan(
    lens: &Lens<'_>,
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
        let mut scorer = lens.scorer(MEMORY / setting.threads.max(2));
        let mut scratch = Scratch::default();
        let meter = &meter;
        move |part: &Part, made: &mut Vec<u8>, ease: &mut Ease<'_>| {
            meter.found(lens.look(part, &mut scorer, &mut scratch, made, ease));
        }
    };
    write_head(args, out)?;
    let ways = Ways {
        next: |buffer, early| {
            let step = inputs.next(buffer, early)?;
            meter.read(step.block.as_ref().map_or(0, |part: &Part| part.block.bytes.len()));
            Some(step)
        },
        spent: |part: Part| part.block.bytes,
        // A small block has a large buffer, and of those of a thousand small files only so many may wait.
        room: |part: &Part| part.block.bytes.len().max(part.block.bytes.capacity() / 2),
    };
    let order = if args.unordered { Order::AsDone } else { Order::OfInput };
    let done = ordered::run(ways, (setting.threads, order), worker, out);
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
