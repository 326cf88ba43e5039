//! What is made of a block of a log: what stands in it is found, judged, and printed or counted.
//!
//! All workers look through the same lens, each with a scorer and scratch of its own. What is known of what was found is
//! large beside the lines, so it is held for some thousand finds at a time and never for a whole block: found, printed and
//! dropped, up to the end of a record where whoever prints needs all that stands in it.

use crate::args::{Instant, Score};
use crate::blocks::last_edge;
use crate::exit::Failure;
use crate::inputs::Part;
use crate::log::Log;
use crate::output::score::{Manner, ScoredBlock};
use crate::setting::Setting;
use crate::summary::Counting;
use crate::wanted::Wanted;
use rapsheet_query::{Judge, Known, Scored, Scorer};
use rapsheet_snapshot::Time;
use rapsheet_snapshot::refang::Refanged;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How much text is put right at a time, where people want defanged indicators and lines are shorter.
const REFANGED: usize = 64 << 10;
/// How much of an endless line.
const REFANGED_MAX: usize = 1 << 20;

/// How many rows are made at a time of which each has a line of the log.
const WITH_CONTEXT: usize = 64;

/// Copies of a block, in memory that is used again.
#[derive(Default)]
pub(crate) struct Scratch {
    masked: Vec<u8>,
    refanged: Refanged,
}

/// What every worker looks through.
pub(crate) struct Lens<'a> {
    judge: &'a Judge<'a>,
    args: &'a Score,
    wanted: Wanted,
    /// Whether each record is judged at its own time.
    is_event: bool,
    /// Whether all that was found in a record is needed at once.
    is_by_record: bool,
    manner: Manner,
    /// What is counted, where people want numbers and not rows.
    counting: Option<Mutex<Counting>>,
    /// How many indicators stand in records that do not say when they happened.
    timeless: AtomicU64,
}

impl<'a> Lens<'a> {
    /// Looks as the arguments say, into a snapshot of that time.
    pub(crate) fn new(judge: &'a Judge<'a>, args: &'a Score, built_at: Time) -> Lens<'a> {
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
            is_by_record: is_event || args.summary.is_none() && args.output.is_by_record,
            manner,
            counting,
            timeless: AtomicU64::new(0),
        }
    }

    /// What finds what is to be reported, and remembers what it met lately in about so many bytes.
    pub(crate) fn scorer(&self, memory: usize) -> Scorer<'a> {
        Scorer::new(self.judge, self.wanted.report(self.is_event), memory)
    }

    /// Puts what is printed of a part into `made`, and calls `ease` whenever there is more. Returns how much was found.
    pub(crate) fn look(
        &self,
        part: &Part,
        scorer: &mut Scorer<'_>,
        scratch: &mut Scratch,
        made: &mut Vec<u8>,
        mut ease: impl FnMut(&mut Vec<u8>),
    ) -> usize {
        let (mut rest, mut found, mut count) = (Rest::of(part), Vec::new(), 0);
        self.find(part, scorer, scratch, |mut more, end| {
            found.append(&mut more);
            let end = if self.is_by_record { rest.records_to(end) } else { Some(end) };
            if let Some(end) = end {
                count += self.put_to(end, &mut rest, &mut found, made, &mut ease);
            }
        });
        count
    }

    /// Prints or counts what was found up to `end`, and leaves the others. Returns how much of it is wanted.
    fn put_to(
        &self,
        end: usize,
        rest: &mut Rest<'_>,
        found: &mut Vec<Scored>,
        made: &mut Vec<u8>,
        ease: &mut impl FnMut(&mut Vec<u8>),
    ) -> usize {
        let mut count = 0;
        // With the lines they stand in, a few make long rows.
        while self.args.context && !self.is_by_record && found.len() > WITH_CONTEXT {
            let others = found.split_off(WITH_CONTEXT);
            let until = others.first().map_or(end, |scored| scored.at);
            count += self.put(rest, std::mem::replace(found, others), until, made);
            ease(made);
        }
        let others = found.split_off(found.partition_point(|scored| scored.at < end));
        count += self.put(rest, std::mem::replace(found, others), end, made);
        ease(made);
        count
    }

    /// Prints or counts what was found in the rest of a part up to `end`. Returns how much of it is wanted.
    fn put(&self, rest: &mut Rest<'_>, found: Vec<Scored>, end: usize, made: &mut Vec<u8>) -> usize {
        let range = rest.start..end;
        let (found, times) = if self.is_event {
            self.at_their_own_times(rest, found, end)
        } else {
            (self.wanted_of(found), None)
        };
        let block = &rest.part.block;
        let scored = ScoredBlock {
            file: &rest.part.file,
            bytes: &block.bytes,
            range,
            offset: block.offset,
            line: block.line,
            is_piece: block.is_piece,
            log: &rest.log,
            found: &found,
            line_told: rest.line_told,
            times: times.as_deref(),
            judge: self.judge,
            manner: self.manner,
        };
        match &self.counting {
            Some(counting) => counting.lock().unwrap_or_else(PoisonError::into_inner).add(&scored),
            None => self.args.output.block(&scored, made),
        }
        rest.pass(end, found.last().map(|scored| scored.line));
        found.len()
    }

    fn wanted_of(&self, mut found: Vec<Scored>) -> Vec<Scored> {
        found.retain(|scored| self.wanted.admits(self.judge, &scored.known));
        found
    }

    /// Calls `each` with what stands in a part, some of it at a time, and with the offset up to which that is all.
    fn find(
        &self,
        part: &Part,
        scorer: &mut Scorer<'_>,
        scratch: &mut Scratch,
        mut each: impl FnMut(Vec<Scored>, usize),
    ) {
        let Scratch { masked, refanged } = scratch;
        // Where headers may come, it was looked for them already when the block was read.
        let is_whole = part.log.headers_recur() && !part.changes && self.args.fields.is_empty();
        let is_masked = !is_whole && part.log.mask(&part.block.bytes, &self.args.fields, masked);
        let text = if is_masked { masked } else { &part.block.bytes };
        if !self.args.defanged {
            return scorer.score_in_parts(text, each);
        }
        let (mut start, mut lines) = (0, 0);
        while start < text.len() {
            let part = text.get(start..).unwrap_or(&[]);
            let part = part.get(..part_len(part)).unwrap_or(part);
            refanged.read(part);
            scorer.score_in_parts(refanged.text(), |mut found, end| {
                found.iter_mut().for_each(|scored| {
                    scored.at = start + refanged.original_offset(scored.at);
                    scored.line += lines;
                });
                let is_all = end == refanged.text().len();
                each(found, start + if is_all { part.len() } else { refanged.original_offset(end) });
            });
            (start, lines) = (start + part.len(), lines + memchr::memchr_iter(b'\n', part).count());
        }
    }

    /// Judges what was found again, each at the time of its record, or at the present where the record has none.
    fn at_their_own_times(
        &self,
        rest: &Rest<'_>,
        found: Vec<Scored>,
        end: usize,
    ) -> (Vec<Scored>, Option<Vec<Option<Time>>>) {
        let (mut found, bytes) = (found.into_iter().peekable(), rest.part.block.bytes.as_slice());
        let (mut kept, mut times, mut log) = (Vec::new(), Vec::new(), rest.log.clone());
        rest.log.each_record(bytes, rest.start..end, |start, end| {
            let record = bytes.get(start..end).unwrap_or(&[]);
            if let Some(after) =
                Some(record).filter(|record| log.is_header(record)).and_then(|record| log.after(record))
            {
                log = after;
            }
            if found.peek().is_none_or(|scored| scored.at >= end) {
                return;
            }
            let time = log.time(record.trim_ascii_end(), self.args.time_field.as_deref(), self.now());
            while let Some(scored) = found.next_if(|scored| scored.at < end) {
                self.timeless.fetch_add(u64::from(time.is_none()), Ordering::Relaxed);
                if let Some(known) = self.known_at(&scored, time) {
                    kept.push(Scored { known: Rc::new(known), ..scored });
                    times.push(time);
                }
            }
        });
        (kept, Some(times))
    }

    fn now(&self) -> Time {
        self.judge.verdicts().at()
    }

    /// What was known then of what was found, if it is wanted.
    fn known_at(&self, scored: &Scored, time: Option<Time>) -> Option<Known> {
        let answer = self.judge.ask_at(&scored.known.indicator, time.unwrap_or(self.now())).ok()?;
        Some(Known::new(answer)).filter(|known| self.wanted.admits(self.judge, known))
    }

    /// Prints what was counted, and says what could not be done as asked.
    pub(crate) fn finish(self, setting: &Setting, out: &mut dyn Write) -> Result<(), Failure> {
        let counted =
            self.counting.map(|counting| counting.into_inner().unwrap_or_else(PoisonError::into_inner));
        if let (Some(counting), Some(kind)) = (counted, self.args.summary) {
            counting.finish().print(kind, out)?;
        }
        out.flush()?;
        match self.timeless.into_inner() {
            0 => {}
            many => setting.note(&format!(
                "rapsheet: {many} indicators stand in records without a time and were judged at the present; see --time-field"
            )),
        }
        Ok(())
    }
}

/// How much of a text is put right at a time: whole lines, or an endless one in parts, cut where no indicator is torn.
fn part_len(text: &[u8]) -> usize {
    if text.len() <= REFANGED {
        return text.len();
    }
    let most = text.get(..REFANGED_MAX).unwrap_or(text);
    let last_line = memchr::memrchr(b'\n', text.get(..REFANGED).unwrap_or(&[]));
    let end = last_line.or_else(|| memchr::memchr(b'\n', most)).map(|at| at + 1);
    end.unwrap_or_else(|| if most.len() < text.len() { last_edge(most) } else { most.len() })
}

/// What was not put yet of a part.
struct Rest<'p> {
    part: &'p Part,
    /// Where it begins, and what the log is there.
    start: usize,
    log: Log,
    /// The last line of which something was put.
    line_told: Option<usize>,
}

impl<'p> Rest<'p> {
    fn of(part: &'p Part) -> Rest<'p> {
        Rest { part, start: 0, log: part.log.clone(), line_told: None }
    }

    /// The offset of the last record's end that is not behind `end`; `None` where the first record goes on there.
    fn records_to(&self, end: usize) -> Option<usize> {
        let bytes = &self.part.block.bytes;
        if end == bytes.len() {
            return Some(end);
        }
        let is_line_end = bytes.get(..end).is_some_and(|before| before.ends_with(b"\n"));
        if !is_line_end || !self.log.is_quoted() {
            return is_line_end.then_some(end);
        }
        let mut last = None;
        self.log.each_record(bytes, self.start..bytes.len(), |_, record_end| {
            last = Some(record_end).filter(|record_end| *record_end <= end).or(last);
        });
        last
    }

    /// Passes over what was put.
    fn pass(&mut self, end: usize, line_told: Option<usize>) {
        let bytes = &self.part.block.bytes;
        if self.part.changes && end < bytes.len() {
            let after = self.log.after(bytes.get(self.start..end).unwrap_or(&[]));
            self.log = after.unwrap_or_else(|| self.log.clone());
        }
        self.start = end;
        self.line_told = line_told.or(self.line_told);
    }
}
