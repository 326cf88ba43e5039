//! `score`: indicators in logs and their verdicts, in the order of the input.
//!
//! As many threads as were asked for cut inputs into blocks, look into them and write, each what is to be done next.
//! What this file knows is streams, places and outputs; what an indicator in a line looks like is the scorer's business.

use super::{follow, stdout};
use crate::args::{Instant, Score};
use crate::exit::{Exit, Failure, tell};
use crate::glob;
use crate::inputs::{Inputs, Part};
use crate::meter::Meter;
use crate::ordered::{self, Order, Ways};
use crate::output::score::{Manner, ScoredBlock};
use crate::setting::Setting;
use crate::summary::Counting;
use crate::wanted::Wanted;
use query::{Judge, Known, Report, Scored, Scorer};
use snapshot::Time;
use snapshot::refang::Refanged;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many bytes all workers together take to remember what they met lately.
const MEMORY: usize = 12 << 20;

/// How much text is put right at a time, where people want defanged indicators.
const REFANGED_MAX: usize = 1 << 20;

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
    let lens = Lens::new(&judge, args, snapshot.built_at());
    let exit = scan(&lens, setting, &mut out)?;
    lens.finish(&mut out)?;
    Ok(exit)
}

/// Looks through all inputs.
fn scan(lens: &Lens<'_>, setting: &Setting, out: &mut (dyn Write + Send)) -> Result<Exit, Failure> {
    let stdin = [PathBuf::from("-")];
    let files = if lens.args.files.is_empty() { &stdin } else { lens.args.files.as_slice() };
    let files = glob::expanded(files);
    let mut inputs = Inputs::new(&files, lens.args, setting.threads);
    let meter = Meter::new(setting, &files);
    let worker = || {
        let mut scorer = Scorer::new(lens.judge, lens.report(), MEMORY / setting.threads.max(2));
        let mut scratch = Scratch::default();
        let meter = &meter;
        move |part: &Part, made: &mut Vec<u8>| meter.found(lens.look(part, &mut scorer, &mut scratch, made))
    };
    write_head(lens.args, out)?;
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
    let order = if lens.args.unordered { Order::AsDone } else { Order::OfInput };
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

/// How much of a text is put right at a time: whole lines, or an endless one in parts, cut where no indicator is torn.
fn part_len(text: &[u8]) -> usize {
    let Some(part) = text.get(..REFANGED_MAX) else { return text.len() };
    let end = memchr::memrchr(b'\n', part).or_else(|| memchr::memrchr3(b' ', b'\t', b'"', part));
    end.map_or(REFANGED_MAX, |at| at + 1)
}

/// Copies of a block, in memory that is used again.
#[derive(Default)]
pub(super) struct Scratch {
    masked: Vec<u8>,
    refanged: Refanged,
}

/// What every worker looks through.
pub(super) struct Lens<'a> {
    judge: &'a Judge<'a>,
    args: &'a Score,
    wanted: Wanted,
    /// Whether each record is judged at its own time.
    is_event: bool,
    manner: Manner,
    /// What is counted, where people want numbers and not rows.
    counting: Option<Mutex<Counting>>,
    /// How many indicators stand in records that do not say when they happened.
    timeless: AtomicU64,
}

impl<'a> Lens<'a> {
    /// Looks as the arguments say, into a snapshot of that time.
    pub(super) fn new(judge: &'a Judge<'a>, args: &'a Score, built_at: Time) -> Lens<'a> {
        let is_event = matches!(args.at, Instant::Event);
        let at = (!is_event).then(|| judge.verdicts().at());
        let manner = Manner {
            to_terminal: io::stdout().is_terminal(),
            only_listed: args.only_listed,
            spreadsheet: args.spreadsheet,
            context: args.context,
        };
        let counting = args.summary.map(|_| Mutex::new(Counting::new(built_at, at)));
        Lens {
            judge,
            args,
            wanted: Wanted::of(args),
            is_event,
            manner,
            counting,
            timeless: AtomicU64::new(0),
        }
    }

    /// What a scorer must report.
    pub(super) fn report(&self) -> Report {
        self.wanted.report(self.is_event)
    }

    /// Puts what is printed of a part into `made`. Returns how much was found.
    pub(super) fn look(
        &self,
        part: &Part,
        scorer: &mut Scorer<'_>,
        scratch: &mut Scratch,
        made: &mut Vec<u8>,
    ) -> usize {
        let bytes = &part.block.bytes;
        let mut found = self.find(part, scorer, scratch);
        let mut times = None;
        if self.is_event {
            (found, times) = self.at_their_own_times(part, &found);
        } else {
            found.retain(|scored| self.wanted.admits(self.judge, &scored.known.answer));
        }
        let scored = ScoredBlock {
            file: &part.file,
            bytes,
            offset: part.block.offset,
            line: part.block.line,
            is_piece: part.block.is_piece,
            log: &part.log,
            found: &found,
            times: times.as_deref(),
            judge: self.judge,
            manner: self.manner,
        };
        match &self.counting {
            Some(counting) => counting.lock().unwrap_or_else(PoisonError::into_inner).add(&scored),
            None => self.args.output.block(&scored, made),
        }
        found.len()
    }

    /// What stands in a part, where it stands.
    fn find(&self, part: &Part, scorer: &mut Scorer<'_>, scratch: &mut Scratch) -> Vec<Scored> {
        let Scratch { masked, refanged } = scratch;
        // Where headers may come, it was looked for them already when the block was read.
        let is_whole = part.log.headers_recur() && !part.changes && self.args.fields.is_empty();
        let is_masked = !is_whole && part.log.mask(&part.block.bytes, &self.args.fields, masked);
        let text = if is_masked { masked } else { &part.block.bytes };
        if !self.args.defanged {
            return scorer.score(text);
        }
        let (mut found, mut start) = (Vec::new(), 0);
        while start < text.len() {
            let end = start + part_len(text.get(start..).unwrap_or(&[]));
            refanged.read(text.get(start..end).unwrap_or(&[]));
            let place = |scored: Scored| Scored { at: start + refanged.place(scored.at), ..scored };
            found.extend(scorer.score(refanged.text()).into_iter().map(place));
            start = end;
        }
        found
    }

    /// Judges what was found again, each at the time of its record, or at the present where the record has none.
    fn at_their_own_times(&self, part: &Part, found: &[Scored]) -> (Vec<Scored>, Option<Vec<Option<Time>>>) {
        let (mut rest, bytes) = (found, &part.block.bytes);
        let (mut kept, mut times, mut log) = (Vec::new(), Vec::new(), part.log.clone());
        part.log.each_record(bytes, |start, end| {
            let record = bytes.get(start..end).unwrap_or(&[]);
            if let Some(after) =
                Some(record).filter(|record| log.is_header(record)).and_then(|record| log.after(record))
            {
                log = after;
            }
            let (mine, others) = rest.split_at(rest.partition_point(|scored| scored.at < end));
            rest = others;
            if mine.is_empty() {
                return;
            }
            let now = self.judge.verdicts().at();
            let time = log.time(record.trim_ascii_end(), self.args.time_field.as_deref(), now);
            let timeless = if time.is_none() { mine.len() as u64 } else { 0 };
            self.timeless.fetch_add(timeless, Ordering::Relaxed);
            for scored in mine {
                let asked = self.judge.ask_at(&scored.known.answer.indicator, time.unwrap_or(now));
                let Some(answer) = asked.ok().filter(|answer| self.wanted.admits(self.judge, answer)) else {
                    continue;
                };
                kept.push(Scored { known: Rc::new(Known::new(answer)), ..*scored });
                times.push(time);
            }
        });
        (kept, Some(times))
    }

    /// Prints what was counted, and says what could not be done as asked.
    fn finish(self, out: &mut dyn Write) -> Result<(), Failure> {
        let counted =
            self.counting.map(|counting| counting.into_inner().unwrap_or_else(PoisonError::into_inner));
        if let (Some(counting), Some(kind)) = (counted, self.args.summary) {
            counting.finish().print(kind, out)?;
        }
        out.flush()?;
        match self.timeless.into_inner() {
            0 => {}
            many => tell(&format!(
                "rapsheet: {many} indicators stand in records without a time and were judged at the present; see --time-field"
            )),
        }
        Ok(())
    }
}
